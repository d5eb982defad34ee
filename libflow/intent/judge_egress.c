/* SPDX-License-Identifier: Apache-2.0 */
/* Approvals of destinations outside, by address or name and by date; and who answers for names. */
#include "intent/judging.h"
#include "policy/match.h"

static bool
has_name(const struct flow_who *to, const struct flow_text_list *names)
{
    for (uint32_t n = 0; n < names->count; n++) {
        for (size_t i = 0; i < to->fqdns.count; i++) {
            if (flow_fqdn_match(to->fqdns.texts[i], true, names->texts[n])) {
                return true;
            }
        }
    }
    return false;
}

/* Whether a destination is one that an approval names. */
static struct flow_tri
match_destination(const struct flow_intent_question *question, const struct flow_who *to)
{
    if (flow_intent_holds(&to->cidrs, &question->server_address) || has_name(to, question->told) ||
        has_name(to, question->learned)) {
        return flow_tri_of(true);
    }
    return to->fqdns.count > 0 && question->told->count == 0 && question->learned->count == 0
               ? flow_tri_maybe(FLOW_UNDECIDED_NO_DNS_EVIDENCE)
               : flow_tri_of(false);
}

enum when { WHEN_IN_FORCE, WHEN_EXPIRED, WHEN_NOT_YET, WHEN_NOT_KNOWN };

static enum when
when_of(const struct judging *judging, size_t approval)
{
    const struct flow_approval *dates = &judging->intent->approvals[approval];
    const int64_t time = judging->question->time;

    if (time == FLOW_TIME_NONE) {
        return dates->from_time == FLOW_TIME_NONE && dates->until_time == FLOW_TIME_NONE
                   ? WHEN_IN_FORCE
                   : WHEN_NOT_KNOWN;
    }
    return dates->until_time != FLOW_TIME_NONE && time > dates->until_time ? WHEN_EXPIRED
           : time < dates->from_time                                       ? WHEN_NOT_YET
                                                                           : WHEN_IN_FORCE;
}

static struct flow_tri
match_approval(const struct judging *judging, const struct flow_intent_rule *rule)
{
    struct flow_tri match;

    if (!flow_judging_in_phase(judging, rule->phases)) {
        return flow_tri_of(false);
    }
    match = flow_intent_ports_match(&rule->ports, judging->question);
    match = match.truth == FLOW_FALSE
                ? match
                : flow_tri_and(match, match_destination(judging->question, &rule->to));
    return match.truth == FLOW_FALSE
               ? match
               : flow_tri_and(match, flow_who_match(&rule->from, &judging->client));
}

static void
refuse_egress(struct judging *judging, const struct flow_approval *expired,
              const struct flow_approval *not_yet)
{
    const struct flow_intent_section *egress = &judging->intent->egress;

    if (!egress->deny || !flow_judging_in_force(judging, egress)) {
        return;
    }
    if (expired != NULL) {
        judging->expired = true;
        judging->decision->approval = expired;
        flow_judging_violate(judging, FLOW_VIOLATION_EXPIRED, &expired->statement);
    } else if (not_yet != NULL) {
        judging->not_yet = true;
        judging->decision->approval = not_yet;
        flow_judging_violate(judging, FLOW_VIOLATION_NOT_YET, &not_yet->statement);
    } else {
        judging->unapproved = true;
        flow_judging_violate(judging, FLOW_VIOLATION_EGRESS, &egress->statement);
    }
}

bool
flow_judge_egress(struct judging *judging)
{
    const struct flow_intent_document *intent = judging->intent;
    const struct flow_approval *expired = NULL, *not_yet = NULL;
    struct flow_tri match = flow_tri_of(false);

    if (!intent->egress.given || !flow_judging_is_inside(&judging->client)) {
        return false;
    }
    if (judging->server.place == FLOW_PLACE_UNKNOWN && intent->egress.deny &&
        flow_judging_in_force(judging, &intent->egress)) {
        judging->why |= FLOW_UNDECIDED_NO_LABELS;
    }
    if (!flow_judging_is_outside(&judging->server)) {
        return false;
    }
    for (size_t i = 0; i < intent->egress.count; i++) {
        const struct flow_tri one = match_approval(judging, &intent->egress.rules[i]);
        const enum when when = when_of(judging, i);
        const struct flow_approval *approval = &intent->approvals[i];

        if (one.truth == FLOW_TRUE && when == WHEN_IN_FORCE) {
            judging->decision->approval = approval;
            flow_judging_approve(judging, &approval->statement);
            return true;
        }
        if (one.truth != FLOW_FALSE && when == WHEN_NOT_KNOWN) {
            match = flow_tri_or(match, flow_tri_maybe(FLOW_UNDECIDED_NO_TIME | one.why));
        } else if (one.truth == FLOW_MAYBE && when == WHEN_IN_FORCE) {
            match = flow_tri_or(match, one);
        } else if (one.truth == FLOW_TRUE && when == WHEN_EXPIRED && expired == NULL) {
            expired = approval;
        } else if (one.truth == FLOW_TRUE && when == WHEN_NOT_YET && not_yet == NULL) {
            not_yet = approval;
        }
    }
    if (match.truth != FLOW_MAYBE) {
        refuse_egress(judging, expired, not_yet);
    } else if (intent->egress.deny && flow_judging_in_force(judging, &intent->egress)) {
        judging->why |= match.why;
        if (match.why == FLOW_UNDECIDED_NO_DNS_EVIDENCE && judging->question->names_seen) {
            flow_judging_violate(judging, FLOW_VIOLATION_DIRECT_IP, &intent->egress.statement);
        }
    }
    return false;
}

void
flow_judge_resolver(struct judging *judging, bool approved)
{
    const struct flow_intent_section *resolvers = &judging->intent->resolvers;
    const struct flow_intent_rule *by = NULL;
    struct flow_tri match = flow_tri_of(false);

    if (!flow_judging_in_force(judging, resolvers) || !flow_judging_asks_resolver(judging) ||
        approved) {
        return;
    }
    /* a resolver's own questions go where egress lets them */
    for (size_t i = 0; i < resolvers->count; i++) {
        match = flow_tri_or(match, flow_who_match(&resolvers->rules[i].to, &judging->client));
    }
    match = match.truth == FLOW_TRUE
                ? match
                : flow_tri_or(match, flow_judging_any_rule(judging, resolvers, &by));
    if (match.truth == FLOW_FALSE && flow_judging_is_inside(&judging->client)) {
        judging->forbidden = true;
        flow_judging_violate(judging, FLOW_VIOLATION_RESOLVER, &resolvers->statement);
    } else if (match.truth == FLOW_TRUE && by != NULL) {
        flow_judging_approve(judging, &by->statement);
    } else if (match.truth == FLOW_MAYBE) {
        judging->why |= match.why;
    }
}
