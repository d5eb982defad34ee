/* SPDX-License-Identifier: Apache-2.0 */
/* What a judged input comes to as an exit code. */
#include "flowcheck.h"

int
judged_exit_code(const struct flow_tally *tally, const struct flow_policies *policies,
                 uint8_t fail_on, double max_undecided, bool unreadable)
{
    struct flow_tally_totals totals;

    flow_tally_totals(tally, &totals);
    if (flow_policies_error_count(policies) > 0) {
        return EXIT_USAGE;
    }
    if (unreadable || totals.damaged > 0 || totals.cut_short) {
        return EXIT_INPUT;
    }
    for (size_t i = 0; i < flow_tally_finding_count(tally); i++) {
        if (flow_tally_finding_at(tally, i)->rule->severity >= fail_on) {
            return EXIT_FINDINGS;
        }
    }
    /* when no flow at all could be decided, nothing was checked */
    return (double)totals.undecided > max_undecided * (double)totals.flows ||
                   (totals.flows > 0 && totals.undecided == totals.flows)
               ? EXIT_INCONCLUSIVE
               : EXIT_CLEAN;
}
