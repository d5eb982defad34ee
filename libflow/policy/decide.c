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
}

void
flow_decider_free(struct flow_decider *decider)
{
    for (uint32_t i = 0; i < decider->view_room; i++) {
        free(decider->views[i]);
    }
    free(decider->views);
    free(decider->steps);
    memset(decider, 0, sizeof(*decider));
}

static struct flow_tri
selects(const struct flow_policy *policy, const struct flow_party *subject)
{
    struct flow_tri answer;

    if (policy->selects_nodes || (policy->subject_pods && subject->class != FLOW_PARTY_POD &&
                                  subject->class != FLOW_PARTY_UNKNOWN)) {
        return flow_tri_of(false);
    }
    answer = flow_selector_match(&policy->subject, subject, subject->cluster);
    if (answer.truth == FLOW_TRUE && subject->class == FLOW_PARTY_UNKNOWN) {
        return flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS);
    }
    if (answer.truth != FLOW_FALSE && subject->host_network) {
        /* like any pod, or only its node, of which no policy of pods speaks */
        return flow_tri_maybe(answer.why | FLOW_UNDECIDED_UNDEFINED);
    }
    return answer.truth != FLOW_FALSE && policy->why != 0 ? flow_tri_maybe(answer.why | policy->why)
                                                          : answer;
}

static struct flow_view *
make_view(const struct flow_policies *policies, const struct flow_party *subject)
{
    const struct flow_policy_list *list = &policies->list;
    struct flow_view *view = malloc(sizeof(*view) + list->count * sizeof(view->selected[0]));
    struct flow_view *fitted;

    if (view == NULL) {
        return NULL;
    }
    view->count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct flow_tri answer = selects(&list->policies[i], subject);

        if (answer.truth != FLOW_FALSE) {
            view->selected[view->count++] = (struct flow_selected){ &list->policies[i], answer };
        }
    }
    fitted = realloc(view, sizeof(*view) + view->count * sizeof(view->selected[0]));
    return fitted != NULL ? fitted : view;
}

static const struct flow_view *
view_of(struct flow_decider *decider, const struct flow_party *subject)
{
    uint32_t room = decider->view_room == 0 ? 256 : decider->view_room;

    while (room <= subject->id) {
        room *= 2;
    }
    if (room > decider->view_room) {
        struct flow_view **grown = realloc(decider->views, room * sizeof(*grown));

        if (grown == NULL) {
            return NULL;
        }
        memset(grown + decider->view_room, 0, (room - decider->view_room) * sizeof(*grown));
        decider->views = grown;
        decider->view_room = room;
    }
    if (decider->views[subject->id] == NULL) {
        decider->views[subject->id] = make_view(decider->policies, subject);
    }
    return decider->views[subject->id];
}

/* What the rules of one policy say: the best match of each action, and its rule. */
struct said {
    struct flow_tri allows, denies;
    const struct flow_rule *allow_rule, *deny_rule;
    bool l7;
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
            said.l7 |= answer.truth == FLOW_TRUE && rule->l7;
        }
    }
    return said;
}

struct flow_explain_step *
flow_decider_step(struct flow_decider *decider)
{
    if (decider->step_count == decider->step_room) {
        const size_t room = decider->step_room == 0 ? 32 : decider->step_room * 2;
        struct flow_explain_step *grown = realloc(decider->steps, room * sizeof(*grown));

        if (grown == NULL) {
            return NULL;
        }
        decider->steps = grown;
        decider->step_room = room;
    }
    memset(&decider->steps[decider->step_count], 0, sizeof(decider->steps[0]));
    return &decider->steps[decider->step_count++];
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
        ballot->allow_step = ballot->allow_step == 0 ? step + 1 : ballot->allow_step;
        ballot->l7 |= said->l7;
    }
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
        step = flow_decider_step(decider);
        if (step == NULL) {
            return false;
        }
        rule = said.denies.truth != FLOW_FALSE ? said.deny_rule : said.allow_rule;
        step->policy = &policy->info;
        step->selects = flow_answer_of(view->selected[i].selects);
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

/* A node is a subject of host policies, which are not modelled. */
static bool
host_policies_speak(const struct flow_policies *policies, const struct flow_party *subject,
                    uint8_t direction)
{
    if ((subject->class != FLOW_PARTY_HOST && !subject->any_node) || !policies->engine->cilium) {
        return false;
    }
    for (size_t i = 0; i < policies->list.count; i++) {
        if (policies->list.policies[i].selects_nodes &&
            policies->list.policies[i].speaks[direction]) {
            return true;
        }
    }
    return false;
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
    if (answers->admin.may_deny) {
        name_decider(decider, decision, answers->admin.deny_step, true);
    } else if (answers->ballot.denied) {
        name_decider(decider, decision, answers->ballot.deny_step, true);
    } else if (answers->normal.may_deny) {
        decision->expected = FLOW_EXPECTED_DENY_DEFAULT;
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
    if (answers->admin.may_allow) {
        name_decider(decider, decision, answers->admin.allow_step, true);
    } else if (answers->ballot.allowed) {
        decision->l7 = answers->ballot.l7;
        name_decider(decider, decision, answers->ballot.allow_step, true);
    } else if (answers->ballot.may_isolate) {
        decision->by_host_rule = answers->host_may;
    } else if (answers->baseline.may_allow) {
        name_decider(decider, decision, answers->baseline.allow_step, true);
    } else if (decider->policies->partial) {
        undecidable(decision, FLOW_UNDECIDED_POLICY_SET);
    } else {
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
    } else if (may_deny) {
        name_denial(decider, answers, decision);
    } else {
        name_allowance(decider, answers, decision);
    }
}

int
flow_decide(struct flow_decider *decider, const struct flow_question *question,
            struct flow_decision *decision)
{
    const struct flow_policies *policies = decider->policies;
    const struct flow_view *view;
    struct answers answers;

    memset(decision, 0, sizeof(*decision));
    decision->direction = question->direction;
    decision->rule = FLOW_STR("");
    decider->step_count = 0;
    if (!applies(policies, question->subject)) {
        decision->expected = FLOW_EXPECTED_NOT_APPLICABLE;
        if (host_policies_speak(policies, question->subject, question->direction)) {
            undecidable(decision, FLOW_UNDECIDED_UNMODELLED);
        }
        return FLOW_OK;
    }
    view = view_of(decider, question->subject);
    memset(&answers, 0, sizeof(answers));
    if (view == NULL || !flow_ask_tier(decider, view, question, FLOW_TIER_ADMIN, &answers.admin) ||
        (answers.admin.may_fall && !ask_all(decider, view, question, &answers.ballot))) {
        return FLOW_E_MEMORY;
    }
    /* a node reaches the pods that run on it, whatever isolates them; a deny rule comes before */
    answers.host_may =
        question->direction == FLOW_DIRECTION_INGRESS && question->peer->class == FLOW_PARTY_HOST;
    if (question->direction == FLOW_DIRECTION_INGRESS && question->peer->any_node) {
        answers.ballot.may_allow = true;
        answers.ballot.why |= FLOW_UNDECIDED_NO_LABELS;
    }
    /* an endpoint without labels yet is always isolated */
    if (policies->engine->cilium && question->subject->class == FLOW_PARTY_INIT) {
        answers.ballot.isolated = answers.ballot.may_isolate = true;
    }
    answers.normal = count_ballot(&answers.ballot, answers.host_may);
    if (answers.admin.may_fall && answers.normal.may_fall &&
        !flow_ask_tier(decider, view, question, FLOW_TIER_BASELINE, &answers.baseline)) {
        return FLOW_E_MEMORY;
    }
    conclude(decider, &answers, decision);
    return FLOW_OK;
}
