/* SPDX-License-Identifier: Apache-2.0 */
/* From a question to a decision, with what each policy said on the way. */
#ifndef FLOW_POLICY_DECIDE_H
#define FLOW_POLICY_DECIDE_H

#include "libflow/classifier.h"
#include "policy/match.h"

/* Which policies select a party, or may; found once a party. */
struct flow_view;

struct flow_decider {
    const struct flow_policies *policies; /* borrowed */
    struct flow_view **views;             /* by id of the party */
    uint32_t view_room;
    struct flow_explain_step *steps; /* of the last question */
    size_t step_count, step_room;
};

void flow_decider_init(struct flow_decider *decider, const struct flow_policies *policies);
void flow_decider_free(struct flow_decider *decider);

/* FLOW_OK, or FLOW_E_MEMORY. decider->steps holds what each policy said, until the next question.
 */
int flow_decide(struct flow_decider *decider, const struct flow_question *question,
                struct flow_decision *decision);

#endif
