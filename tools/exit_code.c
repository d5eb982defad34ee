/* SPDX-License-Identifier: Apache-2.0 */
/* What a judged input comes to as an exit code. */
#include "flowcheck.h"

int
judged_exit_code(const struct flow_tally *tally, const struct limits *limits, bool unreadable)
{
    const struct flow_policies *policies = flow_tally_policies(tally);
    struct flow_tally_totals totals;
    uint64_t undecided;

    flow_tally_totals(tally, &totals);
    if (flow_policies_error_count(policies) > 0) {
        return EXIT_USAGE;
    }
    if (unreadable || totals.damaged > 0 || totals.cut_short) {
        return EXIT_INPUT;
    }
    for (size_t i = 0; i < flow_tally_finding_count(tally); i++) {
        if (flow_tally_finding_at(tally, i)->rule->severity >= limits->fail_on) {
            return EXIT_FINDINGS;
        }
    }
    if (limits->min_coverage >= 0 && flow_tally_coverage(tally) < limits->min_coverage) {
        return EXIT_INCONCLUSIVE;
    }
    /* without policies it is the intent document alone that decides */
    undecided = flow_policies_count(policies) == 0 && flow_tally_intent(tally) != NULL
                    ? flow_tally_intent_flows(tally, FLOW_INTENT_UNDECIDABLE)
                    : totals.unsure;
    /* when no flow at all could be decided, nothing was checked */
    return (double)undecided > limits->max_undecided * (double)totals.flows ||
                   (totals.flows > 0 && undecided == totals.flows)
               ? EXIT_INCONCLUSIVE
               : EXIT_CLEAN;
}
