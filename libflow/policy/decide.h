/* SPDX-License-Identifier: Apache-2.0 */
/* From a question to a decision, with what each policy said on the way. */
#ifndef FLOW_POLICY_DECIDE_H
#define FLOW_POLICY_DECIDE_H

#include "libflow/classifier.h"
#include "policy/views.h"

struct flow_decider {
    const struct flow_policies *policies; /* borrowed */
    struct flow_views views;
    bool explains;                   /* steps tell of each rule */
    struct flow_explain_step *steps; /* of the last question */
    size_t step_count, step_room;
    struct flow_explain_rule *rules; /* of all steps, in their order */
    size_t rule_count, rule_room;
};

void flow_decider_init(struct flow_decider *decider, const struct flow_policies *policies);
void flow_decider_free(struct flow_decider *decider);

/* FLOW_OK, or FLOW_E_MEMORY. decider->steps holds what each policy said, until the next question.
 */
int flow_decide(struct flow_decider *decider, const struct flow_question *question,
                struct flow_decision *decision);

/* Whether an end may be the node that the other end runs on. */
bool flow_peer_may_be_host(const struct flow_party *peer);

#endif
