/* SPDX-License-Identifier: Apache-2.0 */
/* What every section asks of a question, and notes of the answer. */
#include "intent/judging.h"

enum { DNS_PORT = 53, DNS_TLS_PORT = 853 };

void
flow_judging_violate(struct judging *judging, uint8_t kind,
                     const struct flow_intent_statement *statement)
{
    struct flow_intent_decision *decision = judging->decision;

    /* of each kind the first statement that it is against */
    for (size_t i = 0; i < decision->violation_count; i++) {
        if (decision->violations[i].kind == kind) {
            return;
        }
    }
    if (decision->violation_count < FLOW_VIOLATIONS_MAX) {
        decision->violations[decision->violation_count].kind = kind;
        decision->violations[decision->violation_count].statement = statement;
        decision->violation_count++;
    }
}

void
flow_judging_approve(struct judging *judging, const struct flow_intent_statement *statement)
{
    if (judging->decision->statement == NULL) {
        judging->decision->statement = statement;
    }
}

bool
flow_judging_in_phase(const struct judging *judging, uint32_t phases)
{
    return phases == 0 || (phases & judging->active) != 0;
}

bool
flow_judging_in_force(const struct judging *judging, const struct flow_intent_section *section)
{
    return section->given && flow_judging_in_phase(judging, section->phases);
}

bool
flow_judging_is_inside(const struct flow_intent_end *end)
{
    return end->place == FLOW_PLACE_POD || end->place == FLOW_PLACE_NODE;
}

bool
flow_judging_is_outside(const struct flow_intent_end *end)
{
    return end->place == FLOW_PLACE_OUTSIDE || end->place == FLOW_PLACE_ZONE;
}

struct flow_tri
flow_judging_rule_match(const struct judging *judging, const struct flow_intent_rule *rule)
{
    struct flow_tri match;

    if (!flow_judging_in_phase(judging, rule->phases)) {
        return flow_tri_of(false);
    }
    match = flow_intent_ports_match(&rule->ports, judging->question);
    match = match.truth == FLOW_FALSE
                ? match
                : flow_tri_and(match, flow_who_match(&rule->from, &judging->client));
    return match.truth == FLOW_FALSE
               ? match
               : flow_tri_and(match, flow_who_match(&rule->to, &judging->server));
}

struct flow_tri
flow_judging_any_rule(const struct judging *judging, const struct flow_intent_section *section,
                      const struct flow_intent_rule **by)
{
    struct flow_tri match = flow_tri_of(false);

    *by = NULL;
    for (size_t i = 0; i < section->count; i++) {
        const struct flow_tri one = flow_judging_rule_match(judging, &section->rules[i]);

        if (one.truth == FLOW_TRUE) {
            *by = &section->rules[i];
            return one;
        }
        match = flow_tri_or(match, one);
    }
    return match;
}

bool
flow_judging_asks_resolver(const struct judging *judging)
{
    const struct flow_intent_question *question = judging->question;

    return question->has_port && (question->port == DNS_PORT || question->port == DNS_TLS_PORT) &&
           (question->protocol == FLOW_PROTOCOL_UDP || question->protocol == FLOW_PROTOCOL_TCP);
}
