/* SPDX-License-Identifier: Apache-2.0 */
/* A question to the document on its way through the sections. */
#ifndef FLOW_INTENT_JUDGING_H
#define FLOW_INTENT_JUDGING_H

#include "intent/intent.h"

struct judging {
    const struct flow_intent_document *intent;
    const struct flow_intent_question *question;
    struct flow_intent_decision *decision;
    struct flow_intent_end client, server;
    uint32_t active; /* phases in force, bits */
    uint32_t why;    /* facts that an answer hangs on */
    bool forbidden, unapproved, expired, not_yet;
    bool control; /* the server is a part of the control plane */
};

void flow_judging_violate(struct judging *judging, uint8_t kind,
                          const struct flow_intent_statement *statement);
/* The first statement that approves it is the one that is told. */
void flow_judging_approve(struct judging *judging, const struct flow_intent_statement *statement);

/* Whether a statement, a section is in force. */
bool flow_judging_in_phase(const struct judging *judging, uint32_t phases);
bool flow_judging_in_force(const struct judging *judging,
                           const struct flow_intent_section *section);

bool flow_judging_is_inside(const struct flow_intent_end *end);
/* Also in a zone: where a pair of zones speaks of it, nothing else is asked. */
bool flow_judging_is_outside(const struct flow_intent_end *end);

struct flow_tri flow_judging_rule_match(const struct judging *judging,
                                        const struct flow_intent_rule *rule);
/* Whether a rule of the section admits it; the first that does is *by. */
struct flow_tri flow_judging_any_rule(const struct judging *judging,
                                      const struct flow_intent_section *section,
                                      const struct flow_intent_rule **by);
/* Whether it is DNS by its port. */
bool flow_judging_asks_resolver(const struct judging *judging);

/* judge_egress.c: true when an approval in force admits it. */
bool flow_judge_egress(struct judging *judging);
void flow_judge_resolver(struct judging *judging, bool approved);

#endif
