/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An explanation as a chain, from the first tier asked to the answer:
 * "[KCNP/Admin] passes (tenants ingress[1]) -> [CNP] does_not_admit (demo/web ingress[0]) ->
 * deny_default". Policies that change nothing are left out of it.
 */
#include "report/chain.h"

#include <string.h>

#include "base/str.h"

/* What a policy does, by what is certain of it and what is possible. */
enum verb {
    VERB_NOTHING = 0, /* says nothing of this connection */
    VERB_DENIES,
    VERB_MAY_DENY,
    VERB_ADMITS,
    VERB_MAY_ADMIT,
    VERB_PASSES,
    VERB_MAY_PASS,
    VERB_DOES_NOT_ADMIT,
    VERB_MAY_ISOLATE
};

static enum verb
verb_of(const struct flow_explain_step *step)
{
    const bool certain = step->selects == FLOW_YES;

    if (step->denies != FLOW_NO) {
        return certain && step->denies == FLOW_YES ? VERB_DENIES : VERB_MAY_DENY;
    }
    if (step->admits != FLOW_NO) {
        return certain && step->admits == FLOW_YES ? VERB_ADMITS : VERB_MAY_ADMIT;
    }
    if (step->passes != FLOW_NO) {
        return certain && step->passes == FLOW_YES ? VERB_PASSES : VERB_MAY_PASS;
    }
    return !step->isolates ? VERB_NOTHING : certain ? VERB_DOES_NOT_ADMIT : VERB_MAY_ISOLATE;
}

const char *
flow_step_verb(const struct flow_explain_step *step)
{
    static const char *const names[] = {
        [VERB_NOTHING] = "does_not_match",  [VERB_DENIES] = "denies",
        [VERB_MAY_DENY] = "may_deny",       [VERB_ADMITS] = "admits",
        [VERB_MAY_ADMIT] = "may_admit",     [VERB_PASSES] = "passes",
        [VERB_MAY_PASS] = "may_pass",       [VERB_DOES_NOT_ADMIT] = "does_not_admit",
        [VERB_MAY_ISOLATE] = "may_isolate",
    };

    return names[verb_of(step)];
}

bool
flow_step_matters(const struct flow_explain_step *step, const struct flow_decision *decision)
{
    switch (verb_of(step)) {
    case VERB_NOTHING:
        return false;
    case VERB_DOES_NOT_ADMIT:
        /* it isolates; that counts unless another policy admits or denies */
        return step->decides || decision->expected == FLOW_EXPECTED_DENY_DEFAULT ||
               decision->expected == FLOW_EXPECTED_UNDECIDABLE || decision->by_host_rule;
    case VERB_ADMITS:
        return step->decides || decision->expected == FLOW_EXPECTED_UNDECIDABLE ||
               decision->expected == FLOW_EXPECTED_ALLOW_DEFAULT;
    case VERB_DENIES:
        return step->decides || decision->expected == FLOW_EXPECTED_UNDECIDABLE;
    case VERB_PASSES:
        return true;
    default:
        return decision->expected == FLOW_EXPECTED_UNDECIDABLE || step->decides;
    }
}

const struct flow_explain_rule *
flow_step_nearest(const struct flow_explain_step *step)
{
    const struct flow_explain_rule *near = NULL;

    for (size_t i = 0; i < step->rule_count; i++) {
        const struct flow_explain_rule *rule = &step->rules[i];

        if (rule->action != FLOW_ACTION_ALLOW) {
            continue;
        }
        if (rule->peer == FLOW_YES) {
            return rule; /* its ports alone do not fit */
        }
        if (rule->port == FLOW_YES && near == NULL) {
            near = rule;
        }
    }
    return near;
}

const char *
flow_tier_name(uint8_t tier)
{
    static const char *const names[] = { "admin", "normal", "baseline" };

    return tier <= FLOW_TIER_BASELINE ? names[tier] : "unknown";
}

static void
add_name(struct flow_buf *out, const struct flow_policy_info *policy, struct flow_str rule)
{
    flow_buf_add_format(out, "(%s%s%s", policy->namespace_name,
                        policy->namespace_name[0] != '\0' ? "/" : "", policy->name);
    if (rule.len > 0) {
        flow_buf_add_char(out, ' ');
        flow_buf_add_str(out, rule);
    }
    flow_buf_add_text(out, ") -> ");
}

static void
add_step(struct flow_buf *out, const struct flow_explain_step *step)
{
    static const char *const tiers[] = { "/Admin", "", "/Baseline" };
    const struct flow_explain_rule *nearest = flow_step_nearest(step);
    struct flow_str rule = step->rule;

    if (rule.len == 0 && nearest != NULL) {
        rule = nearest->name;
    }
    flow_buf_add_format(out, "[%s%s] %s ", flow_policy_kind_name(step->policy->kind),
                        step->tier <= FLOW_TIER_BASELINE ? tiers[step->tier] : "",
                        flow_step_verb(step));
    add_name(out, step->policy, rule);
}

/* What decides beside the policies. */
static void
add_beside(struct flow_buf *out, const struct flow_explanation *side)
{
    const struct flow_decision *decision = &side->decision;

    if (side->l4_decision.by_host_rule) {
        flow_buf_add_text(out, "[node] admits (its own pods) -> ");
    } else if (side->l4_decision.by_setting) {
        flow_buf_add_text(out, "[setting] isolates (enable-policy=always) -> ");
    }
    if (decision->request) {
        const bool refused = decision->expected == FLOW_EXPECTED_DENY_DEFAULT;

        flow_buf_add_format(out, "[L7] %s ",
                            refused                                           ? "refuses"
                            : decision->expected == FLOW_EXPECTED_UNDECIDABLE ? "may_refuse"
                                                                              : "admits");
        if (decision->policy != NULL) {
            add_name(out, decision->policy, decision->rule);
        } else {
            flow_buf_add_text(out, "-> ");
        }
    }
}

void
flow_explanation_chain(const struct flow_explanation *side, struct flow_buf *out)
{
    const char *separator = " (";

    for (size_t i = 0; i < side->step_count; i++) {
        if (flow_step_matters(&side->steps[i], &side->l4_decision)) {
            add_step(out, &side->steps[i]);
        }
    }
    add_beside(out, side);
    flow_buf_add_text(out, flow_expected_name(side->decision.expected));
    for (unsigned code = 0; code < FLOW_UNDECIDED_COUNT; code++) {
        if (side->decision.expected == FLOW_EXPECTED_UNDECIDABLE &&
            (side->decision.undecided >> code & 1) != 0) {
            flow_buf_add_format(out, "%s%s", separator, flow_undecided_name(code));
            separator = ", ";
        }
    }
    if (separator[0] == ',') {
        flow_buf_add_char(out, ')');
    }
}
