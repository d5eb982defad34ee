/* SPDX-License-Identifier: Apache-2.0 */
/* An explanation in few words: what each policy does, and the chain to the answer. */
#ifndef FLOW_REPORT_CHAIN_H
#define FLOW_REPORT_CHAIN_H

#include "base/buf.h"
#include "libflow/classifier.h"

/* "passes", "does_not_admit"; static text. */
const char *flow_step_verb(const struct flow_explain_step *step);
/* Whether a step stands in the chain to the answer (of the connection). */
bool flow_step_matters(const struct flow_explain_step *step, const struct flow_decision *decision);
/* Of a policy that does not admit, the rule that comes nearest to it; NULL for none. */
const struct flow_explain_rule *flow_step_nearest(const struct flow_explain_step *step);
/* "admin", "normal", "baseline"; static text. */
const char *flow_tier_name(uint8_t tier);

void flow_explanation_chain(const struct flow_explanation *side, struct flow_buf *out);

#endif
