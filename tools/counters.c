/* SPDX-License-Identifier: Apache-2.0 */
/* Counting what a batch holds. */
#include "metrics.h"

static size_t
number_of(const struct flow_report_rule *rule)
{
    size_t i = 0;

    while (flow_report_rule_at(i) != NULL && flow_report_rule_at(i) != rule) {
        i++;
    }
    return i;
}

void
count_batch(struct counters *counters, const struct flow_batch *batch)
{
    for (size_t i = 0; i < flow_batch_count(batch); i++) {
        const struct flow_record *record = flow_batch_at(batch, i);
        const struct flow_report_rule *rule;
        size_t number;

        switch (record->kind) {
        case FLOW_KIND_FLOW:
            counters->results[record->result < FLOW_RESULT_COUNT ? record->result : 0]++;
            rule = flow_report_rule_of(record);
            number = rule != NULL ? number_of(rule) : METRIC_RULES;
            if (number < METRIC_RULES) {
                counters->rules[number]++;
            }
            break;
        case FLOW_KIND_LOST_EVENTS:
            counters->lost_reports++;
            counters->lost += record->lost->count;
            break;
        case FLOW_KIND_NODE_STATUS:
            counters->node_status++;
            break;
        default:
            break;
        }
    }
    counters->damaged += flow_batch_problem_count(batch);
}
