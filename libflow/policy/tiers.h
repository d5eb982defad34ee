/* SPDX-License-Identifier: Apache-2.0 */
/* The admin and baseline tiers: ordered rules, of which the first that matches answers. */
#ifndef FLOW_POLICY_TIERS_H
#define FLOW_POLICY_TIERS_H

#include "policy/decide.h"

/* What a tier can come to, over all completions of what is missing. */
struct flow_tier_answer {
    bool may_allow, may_deny, may_fall; /* fall: no rule answers, or one passes it on */
    uint32_t why;
    size_t allow_step,
        deny_step; /* + 1; of a policy that surely says so, else of the first that may */
};

/* Asks one of the two tiers; adds a step for each policy. false when out of memory. */
bool flow_ask_tier(struct flow_decider *decider, const struct flow_view *view,
                   const struct flow_question *question, uint8_t tier,
                   struct flow_tier_answer *answer);

/* A step of the decider for a policy, else cleared; NULL when out of memory. */
struct flow_explain_step *flow_decider_step(struct flow_decider *decider,
                                            const struct flow_selected *selected,
                                            const struct flow_question *question);

/* enum flow_answer */
uint8_t flow_answer_of(struct flow_tri tri);

#endif
