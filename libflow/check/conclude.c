/* SPDX-License-Identifier: Apache-2.0 */
/* What a report comes to, in one word. */
#include "check/tally.h"

static double
least_coverage(const struct flow_tally *tally, const struct flow_limits *limits)
{
    return limits->min_coverage < 0 && tally->intent != NULL
               ? flow_intent_minimum_coverage(tally->intent)
               : limits->min_coverage;
}

/* Whether too little of it could be decided, or was seen at all. */
static bool
is_inconclusive(const struct flow_tally *tally, const struct flow_limits *limits)
{
    const double least = least_coverage(tally, limits);
    struct flow_tally_totals totals;
    uint64_t undecided;

    if (least >= 0 && flow_tally_coverage(tally) < least) {
        return true;
    }
    flow_tally_totals(tally, &totals);
    /* without policies it is the intent document alone that decides */
    undecided = (tally->policies == NULL || flow_policies_count(tally->policies) == 0) &&
                        tally->intent != NULL
                    ? flow_tally_intent_flows(tally, FLOW_INTENT_UNDECIDABLE)
                    : totals.unsure;
    /* when no flow at all could be decided, nothing was checked */
    return (double)undecided > limits->max_undecided * (double)totals.flows ||
           (totals.flows > 0 && undecided == totals.flows);
}

int
flow_tally_conclude(const struct flow_tally *tally, const struct flow_limits *limits,
                    bool unreadable)
{
    struct flow_tally_totals totals;

    flow_tally_totals(tally, &totals);
    if (tally->policies != NULL && flow_policies_error_count(tally->policies) > 0) {
        return FLOW_CONCLUSION_CONFIGURATION;
    }
    if (unreadable || totals.damaged > 0 || totals.cut_short) {
        return FLOW_CONCLUSION_INPUT;
    }
    for (size_t i = 0; i < flow_tally_finding_count(tally); i++) {
        if (flow_tally_finding_at(tally, i)->rule->severity >= limits->fail_on) {
            return FLOW_CONCLUSION_FINDINGS;
        }
    }
    return is_inconclusive(tally, limits) ? FLOW_CONCLUSION_INCONCLUSIVE : FLOW_CONCLUSION_CLEAN;
}
