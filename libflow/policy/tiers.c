/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks ordered rules with facts missing: a rule that may match adds its action to what the tier
 * can come to, and the walk goes on. Policies of equal priority have no order, so each of their
 * actions may come first.
 */
#include "policy/tiers.h"

#include "base/str.h"

/* What a policy can come to, as a set. */
enum { ALLOWS = 1, DENIES = 2, PASSES = 4, SILENT = 8 };

struct walk {
    unsigned outcomes;
    uint32_t why;
    const struct flow_rule *rule; /* one that surely matches, else the first that may */
};

static unsigned
action_of(const struct flow_rule *rule)
{
    return rule->deny ? DENIES : rule->pass ? PASSES : ALLOWS;
}

static struct walk
walk_rules(const struct flow_policy *policy, const struct flow_question *question)
{
    struct walk walk = { 0, 0, NULL };

    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct flow_rule *rule = &policy->rules[i];
        struct flow_tri answer;

        if (rule->direction != question->direction) {
            continue;
        }
        answer = flow_match_rule(rule, policy, question);
        if (answer.truth == FLOW_FALSE) {
            continue;
        }
        walk.outcomes |= action_of(rule);
        walk.why |= answer.why;
        walk.rule = walk.rule != NULL ? walk.rule : rule;
        if (answer.truth == FLOW_TRUE) {
            /* whichever of its rules it is, this one has the action too */
            walk.rule = walk.outcomes == action_of(rule) ? rule : walk.rule;
            return walk;
        }
    }
    walk.outcomes |= SILENT;
    return walk;
}

static uint8_t
answer_in(unsigned outcomes, unsigned action)
{
    return (outcomes & action) == 0 ? FLOW_NO : outcomes == action ? FLOW_YES : FLOW_UNKNOWN;
}

/* One policy asked and told of; its outcomes, with the doubt of whether it selects the subject. */
static bool
ask_policy(struct flow_decider *decider, const struct flow_selected *selected,
           const struct flow_question *question, struct walk *walk)
{
    struct flow_explain_step *step = flow_decider_step(decider, selected, question);

    if (step == NULL) {
        return false;
    }
    *walk = walk_rules(selected->policy, question);
    step->admits = answer_in(walk->outcomes, ALLOWS);
    step->denies = answer_in(walk->outcomes, DENIES);
    step->passes = answer_in(walk->outcomes, PASSES);
    step->rule = walk->rule != NULL ? walk->rule->name : FLOW_STR("");
    step->line = walk->rule != NULL ? walk->rule->line : selected->policy->info.line;
    step->undecided = walk->why | selected->selects.why;
    if (selected->selects.truth == FLOW_MAYBE && walk->outcomes != SILENT) {
        walk->outcomes |= SILENT;
        walk->why |= selected->selects.why;
    }
    return true;
}

/* Policies of one priority, put together. */
struct group {
    uint16_t priority;
    unsigned outcomes; /* of any of them */
    bool may_be_silent;
    bool disagree;
    uint32_t why;
};

static void
add_to_group(struct group *group, const struct walk *walk)
{
    const unsigned actions = walk->outcomes & ~(unsigned)SILENT;

    group->disagree |= group->outcomes != 0 && actions != 0 && group->outcomes != actions;
    group->outcomes |= actions;
    group->may_be_silent &= (walk->outcomes & SILENT) != 0;
    group->why |= walk->why;
}

static void
conclude_group(const struct group *group, struct flow_tier_answer *answer)
{
    answer->may_allow |= (group->outcomes & ALLOWS) != 0;
    answer->may_deny |= (group->outcomes & DENIES) != 0;
    answer->may_fall |= (group->outcomes & PASSES) != 0;
    answer->why |= group->why | (group->disagree ? FLOW_UNDECIDED_PRIORITY_TIE : 0);
}

/* Names the policy that was just asked, unless another is sure; whether this one is. */
static bool
name_step(const struct walk *walk, unsigned action, bool another,
          const struct flow_decider *decider, size_t *step)
{
    const bool surely = walk->outcomes == action;

    if ((walk->outcomes & action) != 0 && (*step == 0 || (surely && !another))) {
        *step = decider->step_count;
    }
    return surely;
}

bool
flow_ask_tier(struct flow_decider *decider, const struct flow_view *view,
              const struct flow_question *question, uint8_t tier, struct flow_tier_answer *answer)
{
    struct group group = { .may_be_silent = true };
    bool open = true; /* no group so far has surely answered */
    bool allows_surely = false;
    bool denies_surely = false;

    *answer = (struct flow_tier_answer){ .may_allow = false };
    for (size_t i = 0; i < view->count; i++) {
        const struct flow_policy *policy = view->selected[i].policy;
        struct walk walk;

        if (policy->tier != tier || !policy->speaks[question->direction]) {
            continue;
        }
        if (policy->priority != group.priority) {
            conclude_group(&group, answer);
            open = group.may_be_silent;
            group = (struct group){ .priority = policy->priority, .may_be_silent = true };
        }
        if (!open) {
            break;
        }
        if (!ask_policy(decider, &view->selected[i], question, &walk)) {
            return false;
        }
        add_to_group(&group, &walk);
        allows_surely |= name_step(&walk, ALLOWS, allows_surely, decider, &answer->allow_step);
        denies_surely |= name_step(&walk, DENIES, denies_surely, decider, &answer->deny_step);
    }
    conclude_group(&group, answer);
    answer->may_fall |= open && group.may_be_silent;
    return true;
}
