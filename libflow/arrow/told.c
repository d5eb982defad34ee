/* SPDX-License-Identifier: Apache-2.0 */
/* Policies, missing facts and rules in columns. */
#include "arrow/told.h"

#include "base/str.h"

void
flow_put_policy(struct flow_table *table, size_t first, const struct flow_decision *decision)
{
    const struct flow_policy_info *policy = decision != NULL ? decision->policy : NULL;

    if (policy == NULL) {
        return;
    }
    flow_put_name(table, first, policy->kind, flow_policy_kind_name(policy->kind));
    flow_put_word(table, first + 1, flow_str_of(policy->namespace_name));
    flow_put_word(table, first + 2, flow_str_of(policy->name));
    flow_put_word(table, first + 3, decision->rule);
    flow_put_word(table, first + 4, flow_str_of(policy->file));
    flow_put_u32(table, first + 5, decision->line);
}

void
flow_put_undecided(struct flow_table *table, size_t column, uint32_t undecided)
{
    struct flow_str names[FLOW_UNDECIDED_COUNT];
    size_t count = 0;

    for (unsigned code = 0; code < FLOW_UNDECIDED_COUNT; code++) {
        if ((undecided >> code & 1) != 0) {
            names[count++] = flow_str_of(flow_undecided_name(code));
        }
    }
    flow_put_texts(table, column, names, count);
}

void
flow_put_rules(struct flow_table *table, size_t column, const struct flow_record *record)
{
    const struct flow_report_rule *rules[FLOW_RECORD_RULES_MAX];
    struct flow_str ids[FLOW_RECORD_RULES_MAX];
    const size_t count = flow_record_rules(record, rules);

    for (size_t i = 0; i < count; i++) {
        ids[i] = flow_str_of(rules[i]->id);
    }
    flow_put_texts(table, column, ids, count);
}
