/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: deny before allow, allow before default deny, over every policy that selects the
 * subject. Where a fact is missing, the answer is what all completions of it agree on, else
 * undecidable with the facts that matter.
 */
#include "policy/tiers.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

void
flow_decider_init(struct flow_decider *decider, const struct flow_policies *policies)
{
    memset(decider, 0, sizeof(*decider));
    decider->policies = policies;
    flow_views_init(&decider->views, policies);
}

void
flow_decider_free(struct flow_decider *decider)
{
    flow_views_free(&decider->views);
    free(decider->steps);
    free(decider->rules);
    memset(decider, 0, sizeof(*decider));
}

/* What the rules of one policy say: the best match of each action, and its rule. */
struct said {
    struct flow_tri allows, denies;
    const struct flow_rule *allow_rule, *deny_rule;
    bool l7; /* a rule that admits it, or may, filters requests */
};

static void
take_rule(struct flow_tri answer, const struct flow_rule *rule, struct flow_tri *best,
          const struct flow_rule **best_rule)
{
    if (answer.truth > best->truth) {
        *best_rule = rule;
    }
    *best = flow_tri_or(*best, answer);
}

static struct said
ask_policy(const struct flow_policy *policy, const struct flow_question *question)
{
    struct said said = { .allow_rule = NULL };

    if ((policy->why & FLOW_UNDECIDED_UNMODELLED) != 0) {
        said.allows = said.denies = flow_tri_maybe(FLOW_UNDECIDED_UNMODELLED);
        return said;
    }
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct flow_rule *rule = &policy->rules[i];
        struct flow_tri answer;

        if (rule->direction != question->direction) {
            continue;
        }
        answer = flow_match_rule(rule, policy, question);
        if (rule->deny) {
            take_rule(answer, rule, &said.denies, &said.deny_rule);
        } else {
            take_rule(answer, rule, &said.allows, &said.allow_rule);
            said.l7 |= answer.truth != FLOW_FALSE && rule->l7;
        }
    }
    return said;
}

/* One more of things that grow by doubling; NULL when out of memory. */
static void *
grow(void **things, size_t *count, size_t *room, size_t size)
{
    uint8_t *thing;

    if (*count == *room) {
        const size_t more = *room == 0 ? 32 : *room * 2;
        void *grown = realloc(*things, more * size);

        if (grown == NULL) {
            return NULL;
        }
        *things = grown;
        *room = more;
    }
    thing = (uint8_t *)*things + (*count)++ * size;
    memset(thing, 0, size);
    return thing;
}

/* Tells of each rule of a policy in the question's direction. */
static bool
explain_rules(struct flow_decider *decider, const struct flow_policy *policy,
              const struct flow_question *question, struct flow_explain_step *step)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct flow_rule *rule = &policy->rules[i];
        struct flow_tri peer, port, both;
        struct flow_explain_rule *told;

        if (rule->direction != question->direction) {
            continue;
        }
        told = grow((void **)&decider->rules, &decider->rule_count, &decider->rule_room,
                    sizeof(*told));
        if (told == NULL) {
            return false;
        }
        peer = flow_match_peers(rule, question);
        port = flow_match_ports(rule, policy, question);
        both = flow_match_rule(rule, policy, question);
        *told = (struct flow_explain_rule){
            .name = rule->name,
            .line = rule->line,
            .action = rule->deny   ? FLOW_ACTION_DENY
                      : rule->pass ? FLOW_ACTION_PASS
                                   : FLOW_ACTION_ALLOW,
            .peer = flow_answer_of(peer),
            .port = flow_answer_of(port),
            .matches = flow_answer_of(both),
            .undecided = both.why,
        };
        step->rule_count++;
    }
    return true;
}

struct flow_explain_step *
flow_decider_step(struct flow_decider *decider, const struct flow_selected *selected,
                  const struct flow_question *question)
{
    struct flow_explain_step *step =
        grow((void **)&decider->steps, &decider->step_count, &decider->step_room, sizeof(*step));

    if (step == NULL) {
        return NULL;
    }
    step->policy = &selected->policy->info;
    step->tier = selected->policy->tier;
    step->selects = flow_answer_of(selected->selects);
    return !decider->explains || explain_rules(decider, selected->policy, question, step) ? step
                                                                                          : NULL;
}

/* The rules' place is known once they no longer move. */
static void
place_rules(struct flow_decider *decider)
{
    size_t at = 0;

    for (size_t i = 0; i < decider->step_count; i++) {
        decider->steps[i].rules = decider->rule_count > 0 ? decider->rules + at : NULL;
        at += decider->steps[i].rule_count;
    }
}

uint8_t
flow_answer_of(struct flow_tri tri)
{
    return tri.truth == FLOW_TRUE ? FLOW_YES : tri.truth == FLOW_FALSE ? FLOW_NO : FLOW_UNKNOWN;
}

/* What is certain and what is possible so far, over the policies asked. */
struct ballot {
    bool denied, allowed, isolated;        /* certain */
    bool may_deny, may_allow, may_isolate; /* for some value of the missing facts */
    bool isolated_unless_allowed; /* a policy that may select isolates, not surely admits */
    bool l7;
    bool by_setting; /* isolated by the agent's setting, whatever the policies say */
    uint8_t auth;    /* of the rule that admits */
    uint32_t why;
    size_t deny_step, allow_step, isolate_step; /* + 1; 0 for none */
};

static void
count_step(struct ballot *ballot, const struct flow_policy *policy, struct flow_tri chosen,
           const struct said *said, const struct flow_question *question, size_t step)
{
    const bool certain = chosen.truth == FLOW_TRUE;
    const bool isolates =
        policy->isolates[question->direction] || (policy->why & FLOW_UNDECIDED_UNMODELLED) != 0;
    /* the API promises isolation from protocols with ports alone */
    const bool undefined = policy->icmp_undefined && question->protocol > FLOW_PROTOCOL_SCTP;

    if (certain && said->denies.truth == FLOW_TRUE) {
        ballot->denied = true;
        ballot->deny_step = ballot->deny_step == 0 ? step + 1 : ballot->deny_step;
    }
    if (certain && said->allows.truth == FLOW_TRUE) {
        ballot->allowed = true;
        if (ballot->allow_step == 0) {
            ballot->allow_step = step + 1;
            ballot->auth = said->allow_rule->auth;
        }
    }
    ballot->l7 |= said->l7;
    if (certain && isolates && !undefined) {
        ballot->isolated = true;
        ballot->isolate_step = ballot->isolate_step == 0 ? step + 1 : ballot->isolate_step;
    }
    ballot->may_deny |= said->denies.truth != FLOW_FALSE;
    ballot->may_allow |= said->allows.truth != FLOW_FALSE;
    ballot->may_isolate |= isolates;
    ballot->isolated_unless_allowed |= isolates && said->allows.truth != FLOW_TRUE;
    ballot->why |= isolates && undefined ? FLOW_UNDECIDED_UNDEFINED : 0;
    if (!certain &&
        (isolates || said->allows.truth != FLOW_FALSE || said->denies.truth != FLOW_FALSE)) {
        ballot->why |= chosen.why;
    }
    ballot->why |= said->allows.truth == FLOW_MAYBE ? said->allows.why : 0;
    ballot->why |= said->denies.truth == FLOW_MAYBE ? said->denies.why : 0;
}

static bool
ask_all(struct flow_decider *decider, const struct flow_view *view,
        const struct flow_question *question, struct ballot *ballot)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct flow_policy *policy = view->selected[i].policy;
        const struct flow_rule *rule;
        struct flow_explain_step *step;
        struct said said;

        if (policy->tier != FLOW_TIER_NORMAL ||
            (!policy->speaks[question->direction] && !policy->isolates[question->direction] &&
             policy->why == 0)) {
            continue;
        }
        said = ask_policy(policy, question);
        step = flow_decider_step(decider, &view->selected[i], question);
        if (step == NULL) {
            return false;
        }
        rule = said.denies.truth != FLOW_FALSE ? said.deny_rule : said.allow_rule;
        step->isolates = policy->isolates[question->direction];
        step->admits = flow_answer_of(said.allows);
        step->denies = flow_answer_of(said.denies);
        step->passes = FLOW_NO;
        step->rule = rule != NULL ? rule->name : FLOW_STR("");
        step->line = rule != NULL ? rule->line : policy->info.line;
        step->undecided = view->selected[i].selects.why | said.allows.why | said.denies.why;
        count_step(ballot, policy, view->selected[i].selects, &said, question,
                   decider->step_count - 1);
    }
    return true;
}

/* Whether an engine acts on the subject's side at all. */
static bool
applies(const struct flow_policies *policies, const struct flow_party *subject)
{
    switch (subject->class) {
    case FLOW_PARTY_POD:
    case FLOW_PARTY_UNKNOWN:
        return true;
    case FLOW_PARTY_INGRESS:
    case FLOW_PARTY_HEALTH:
    case FLOW_PARTY_INIT:
        return policies->engine->cilium;
    default:
        return false;
    }
}

static void
name_decider(struct flow_decider *decider, struct flow_decision *decision, size_t step_plus_1,
             bool by_rule)
{
    if (step_plus_1 > 0) {
        struct flow_explain_step *step = &decider->steps[step_plus_1 - 1];

        step->decides = true;
        decision->policy = step->policy;
        decision->rule = by_rule ? step->rule : FLOW_STR("");
        decision->line = by_rule ? step->line : step->policy->line;
    }
}

static void
undecidable(struct flow_decision *decision, uint32_t why)
{
    decision->expected = FLOW_EXPECTED_UNDECIDABLE;
    decision->undecided = why;
}

/* What the normal tier can come to. */
struct normal_answer {
    bool may_allow, may_deny, may_fall; /* fall: nothing isolates, and no rule says anything */
};

static struct normal_answer
count_ballot(const struct ballot *ballot, bool host_may)
{
    const bool allowed = ballot->allowed || (host_may && ballot->may_isolate);

    return (struct normal_answer){
        .may_allow = !ballot->denied && (allowed || ballot->may_allow),
        .may_deny = ballot->denied || ballot->may_deny ||
                    (!allowed && (ballot->isolated || ballot->isolated_unless_allowed)),
        .may_fall = !ballot->denied && !allowed && !ballot->isolated,
    };
}

/* The tiers' answers for one question. */
struct answers {
    struct flow_tier_answer admin, baseline;
    struct normal_answer normal;
    struct ballot ballot;
    bool host_may;
};

static void
name_denial(struct flow_decider *decider, const struct answers *answers,
            struct flow_decision *decision)
{
    decision->expected = FLOW_EXPECTED_DENY_EXPLICIT;
    if (!answers->admin.may_fall) {
        name_decider(decider, decision, answers->admin.deny_step, true);
    } else if (answers->ballot.denied) {
        name_decider(decider, decision, answers->ballot.deny_step, true);
    } else if (answers->normal.may_deny) {
        decision->expected = FLOW_EXPECTED_DENY_DEFAULT;
        decision->by_setting = answers->ballot.by_setting && answers->ballot.isolate_step == 0;
        name_decider(decider, decision, answers->ballot.isolate_step, false);
    } else {
        name_decider(decider, decision, answers->baseline.deny_step, true);
    }
}

static void
name_allowance(struct flow_decider *decider, const struct answers *answers,
               struct flow_decision *decision)
{
    decision->expected = FLOW_EXPECTED_ALLOW;
    if (!answers->admin.may_fall) {
        name_decider(decider, decision, answers->admin.allow_step, true);
    } else if (answers->ballot.allowed) {
        decision->l7 = answers->ballot.l7;
        decision->auth = answers->ballot.auth;
        name_decider(decider, decision, answers->ballot.allow_step, true);
    } else if (answers->ballot.may_isolate) {
        decision->l7 = answers->ballot.l7;
        decision->by_host_rule = answers->host_may;
    } else if (!answers->baseline.may_fall) {
        name_decider(decider, decision, answers->baseline.allow_step, true);
    } else if (decider->policies->partial) {
        undecidable(decision, FLOW_UNDECIDED_POLICY_SET);
    } else {
        decision->l7 = answers->ballot.l7;
        decision->expected = FLOW_EXPECTED_ALLOW_DEFAULT;
    }
}

/* The answer that the tiers leave: a tier counts as far as the one before lets the question fall.
 */
static void
conclude(struct flow_decider *decider, const struct answers *answers,
         struct flow_decision *decision)
{
    const bool to_normal = answers->admin.may_fall;
    const bool to_baseline = to_normal && answers->normal.may_fall;
    const bool may_allow =
        answers->admin.may_allow || (to_normal && answers->normal.may_allow) ||
        (to_baseline && (answers->baseline.may_allow || answers->baseline.may_fall));
    const bool may_deny = answers->admin.may_deny || (to_normal && answers->normal.may_deny) ||
                          (to_baseline && answers->baseline.may_deny);
    const uint32_t why = answers->admin.why | (to_normal ? answers->ballot.why : 0) |
                         (to_baseline ? answers->baseline.why : 0);

    if (may_allow && may_deny) {
        undecidable(decision, why != 0 ? why : FLOW_UNDECIDED_NO_LABELS);
        /* a request may be refused all the same, if only such rules can admit the connection */
        decision->l7 = answers->ballot.l7 && !answers->admin.may_allow && !answers->normal.may_fall;
    } else if (may_deny) {
        name_denial(decider, answers, decision);
    } else {
        name_allowance(decider, answers, decision);
    }
}

bool
flow_peer_may_be_host(const struct flow_party *peer)
{
    return peer->any_node || (peer->host_network && !peer->other_node) ||
           peer->class == FLOW_PARTY_UNKNOWN;
}

/* What is so whatever the policies say: of the agent's settings, nodes, and new endpoints. */
static void
add_allowances(const struct flow_policies *set, const struct flow_question *question,
               struct answers *answers)
{
    const bool ingress = question->direction == FLOW_DIRECTION_INGRESS;

    /* a node reaches the pods that run on it, whatever isolates them; a deny rule comes before */
    answers->host_may = ingress && question->peer->class == FLOW_PARTY_HOST;
    if (ingress && flow_peer_may_be_host(question->peer)) {
        answers->ballot.may_allow = true;
        answers->ballot.why |= FLOW_UNDECIDED_NO_LABELS;
    }
    if (set->settings.enforcement == FLOW_ENFORCE_ALWAYS) {
        /* every endpoint; who is not known may be the node, which is none */
        const bool certain = question->subject->class != FLOW_PARTY_UNKNOWN;

        answers->ballot.isolated |= certain;
        answers->ballot.isolated_unless_allowed = answers->ballot.may_isolate = true;
        answers->ballot.by_setting = true;
        answers->ballot.why |= certain ? 0 : (uint32_t)FLOW_UNDECIDED_NO_LABELS;
    }
    /* an endpoint without labels yet is always isolated */
    if (set->engine->cilium && question->subject->class == FLOW_PARTY_INIT) {
        answers->ballot.isolated = answers->ballot.may_isolate = true;
    }
}

static int
decide_pod(struct flow_decider *decider, const struct flow_question *question,
           struct flow_decision *decision)
{
    const struct flow_view *view = flow_view_of(&decider->views, question->subject);
    struct answers answers;

    memset(&answers, 0, sizeof(answers));
    if (view == NULL || !flow_ask_tier(decider, view, question, FLOW_TIER_ADMIN, &answers.admin) ||
        (answers.admin.may_fall && !ask_all(decider, view, question, &answers.ballot))) {
        return FLOW_E_MEMORY;
    }
    add_allowances(decider->policies, question, &answers);
    answers.normal = count_ballot(&answers.ballot, answers.host_may);
    if (answers.admin.may_fall && answers.normal.may_fall &&
        !flow_ask_tier(decider, view, question, FLOW_TIER_BASELINE, &answers.baseline)) {
        return FLOW_E_MEMORY;
    }
    conclude(decider, &answers, decision);
    if (question->subject->host_network && decision->expected == FLOW_EXPECTED_ALLOW_DEFAULT) {
        decision->expected = FLOW_EXPECTED_NOT_APPLICABLE; /* most likely it is its node */
    }
    return FLOW_OK;
}

/* A decision that says nothing yet, and no step that decides. */
static void
start(struct flow_decider *decider, const struct flow_question *question,
      struct flow_decision *decision)
{
    memset(decision, 0, sizeof(*decision));
    decision->direction = question->direction;
    decision->rule = FLOW_STR("");
    for (size_t i = 0; i < decider->step_count; i++) {
        decider->steps[i].decides = false;
    }
}

static bool
is_allowed(const struct flow_decision *decision)
{
    return decision->expected == FLOW_EXPECTED_ALLOW ||
           decision->expected == FLOW_EXPECTED_ALLOW_DEFAULT;
}

/* Whether something may act on nodes: a policy, or the setting that isolates every endpoint. */
static bool
has_host_firewall(const struct flow_policies *set)
{
    return set->engine->cilium && set->settings.host_firewall != FLOW_NO &&
           (set->has_host_policies || set->settings.host_firewall == FLOW_YES ||
            set->settings.enforcement == FLOW_ENFORCE_ALWAYS);
}

/*
 * A node is the subject of host policies where the host firewall is on. Where nobody told, they
 * matter only when they would not let it pass.
 */
static int
decide_host(struct flow_decider *decider, const struct flow_question *question,
            struct flow_decision *decision)
{
    const struct flow_policies *set = decider->policies;
    struct answers answers = { .admin = { .may_fall = true }, .baseline = { .may_fall = true } };
    const struct flow_view *view;

    /* of its own pods' number, with nothing told of it */
    const bool own = question->peer_local && question->peer->class == FLOW_PARTY_UNKNOWN;

    decision->expected = FLOW_EXPECTED_NOT_APPLICABLE;
    if (!has_host_firewall(set) ||
        (question->peer_local && question->peer->class == FLOW_PARTY_POD)) {
        return FLOW_OK; /* between a node and its own pods no host policy stands */
    }
    if (set->settings.enforcement == FLOW_ENFORCE_NEVER) {
        if (set->settings.host_firewall == FLOW_YES && !question->subject->any_node) {
            decision->expected = FLOW_EXPECTED_ALLOW_DEFAULT;
        }
        return FLOW_OK;
    }
    view = flow_view_of_host(&decider->views, question);
    if (view == NULL || !ask_all(decider, view, question, &answers.ballot)) {
        return FLOW_E_MEMORY;
    }
    if (set->settings.enforcement == FLOW_ENFORCE_ALWAYS) {
        answers.ballot.isolated = answers.ballot.may_isolate = answers.ballot.by_setting = true;
    }
    answers.normal = count_ballot(&answers.ballot, false);
    conclude(decider, &answers, decision);
    /* of a node it is not told which, of a peer not whose; it passes for certain only if all do */
    if (set->settings.host_firewall == FLOW_UNKNOWN || question->subject->any_node || own) {
        const bool passes = is_allowed(decision);
        const bool l7 = passes && decision->l7;

        start(decider, question, decision);
        decision->l7 = l7;
        decision->expected = FLOW_EXPECTED_NOT_APPLICABLE;
        if (!passes) {
            undecidable(decision, question->subject->any_node || own ? FLOW_UNDECIDED_NO_LABELS
                                                                     : FLOW_UNDECIDED_INVENTORY);
        }
    }
    return FLOW_OK;
}

/* An end that nothing is known of may be the node itself: it passes for certain only as both. */
static int
decide_unknown(struct flow_decider *decider, const struct flow_question *question,
               struct flow_decision *decision)
{
    struct flow_decision as_host;
    size_t decider_step = 0; /* of the answer as a pod */
    int rc = decide_pod(decider, question, decision);

    if (rc != FLOW_OK || !is_allowed(decision) || !has_host_firewall(decider->policies)) {
        return rc;
    }
    while (decider_step < decider->step_count && !decider->steps[decider_step].decides) {
        decider_step++;
    }
    start(decider, question, &as_host);
    rc = decide_host(decider, question, &as_host);
    if (rc == FLOW_OK && as_host.expected != FLOW_EXPECTED_NOT_APPLICABLE &&
        !is_allowed(&as_host)) {
        start(decider, question, decision);
        undecidable(decision, FLOW_UNDECIDED_NO_LABELS | as_host.undecided);
        return FLOW_OK;
    }
    for (size_t i = 0; rc == FLOW_OK && i < decider->step_count; i++) {
        decider->steps[i].decides = i == decider_step && decision->policy != NULL;
    }
    return rc;
}

int
flow_decide(struct flow_decider *decider, const struct flow_question *question,
            struct flow_decision *decision)
{
    const struct flow_policies *set = decider->policies;
    int rc = FLOW_OK;

    decider->step_count = decider->rule_count = 0;
    start(decider, question, decision);
    if (applies(set, question->subject)) {
        if (set->settings.enforcement == FLOW_ENFORCE_NEVER) {
            decision->expected = FLOW_EXPECTED_ALLOW_DEFAULT;
            return FLOW_OK;
        }
        rc = question->subject->class == FLOW_PARTY_UNKNOWN
                 ? decide_unknown(decider, question, decision)
                 : decide_pod(decider, question, decision);
    } else if (question->subject->class == FLOW_PARTY_HOST || question->subject->any_node) {
        rc = decide_host(decider, question, decision);
    } else {
        decision->expected = FLOW_EXPECTED_NOT_APPLICABLE;
    }
    place_rules(decider);
    return rc;
}
