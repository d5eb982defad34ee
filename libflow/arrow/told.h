/* SPDX-License-Identifier: Apache-2.0 */
/* What several tables tell in the same way. */
#ifndef FLOW_ARROW_TOLD_H
#define FLOW_ARROW_TOLD_H

#include "arrow/table.h"
#include "libflow/report.h"

/* The policy of a decision, in FLOW_POLICY_COLUMNS columns from first on; nulls for none. */
void flow_put_policy(struct flow_table *table, size_t first, const struct flow_decision *decision);
/* The names of the bits. */
void flow_put_undecided(struct flow_table *table, size_t column, uint32_t undecided);
/* The rules that a judged flow falls under: by the policies, then by the intent. */
void flow_put_rules(struct flow_table *table, size_t column, const struct flow_record *record);

#endif
