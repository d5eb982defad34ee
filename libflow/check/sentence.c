/* SPDX-License-Identifier: Apache-2.0 */
/* A decision in words, for findings and explanations. */
#include "base/buf.h"
#include "base/str.h"
#include "check/tally.h"

static void
add_policy(const struct flow_decision *decision, struct flow_buf *out)
{
    const struct flow_policy_info *policy = decision->policy;

    flow_buf_add_format(out, "%s %s%s%s", flow_policy_kind_name(policy->kind),
                        policy->namespace_name, policy->namespace_name[0] != '\0' ? "/" : "",
                        policy->name);
    if (decision->rule.len > 0) {
        flow_buf_add_char(out, ' ');
        flow_buf_add_str(out, decision->rule);
    }
    flow_buf_add_format(out, " (%s:%u)", policy->file, decision->line);
}

static void
add_codes(uint32_t undecided, struct flow_buf *out)
{
    const char *separator = "";

    for (unsigned code = 0; code < FLOW_UNDECIDED_COUNT; code++) {
        if ((undecided >> code & 1) != 0) {
            flow_buf_add_format(out, "%s%s", separator, flow_undecided_name(code));
            separator = ", ";
        }
    }
}

void
flow_decision_sentence(const struct flow_decision *decision, uint8_t result, uint32_t undecided,
                       struct flow_buf *out)
{
    const char *direction =
        decision != NULL ? flow_direction_name(decision->direction) : "this side";

    if (decision == NULL || result == FLOW_RESULT_UNDECIDED ||
        decision->expected == FLOW_EXPECTED_UNDECIDABLE) {
        flow_buf_add_text(out, "undecidable, missing: ");
        add_codes(undecided, out);
        return;
    }
    if (decision->request && decision->expected == FLOW_EXPECTED_DENY_DEFAULT) {
        flow_buf_add_text(out, "the request is denied: ");
        add_policy(decision, out);
        flow_buf_add_text(out, " filters requests and no rule of it admits this one");
        return;
    }
    switch (decision->expected) {
    case FLOW_EXPECTED_ALLOW:
        if (decision->policy != NULL) {
            flow_buf_add_text(out, "allowed by ");
            add_policy(decision, out);
        } else if (decision->by_host_rule) {
            flow_buf_add_text(out, "allowed: a node may reach the pods that run on it");
        } else {
            flow_buf_add_format(out, "allowed: no completion of the missing facts denies it");
        }
        break;
    case FLOW_EXPECTED_ALLOW_DEFAULT:
        flow_buf_add_format(out, "no policy isolates %s of this endpoint", direction);
        break;
    case FLOW_EXPECTED_DENY_EXPLICIT:
        flow_buf_add_text(out, "denied by ");
        add_policy(decision, out);
        break;
    case FLOW_EXPECTED_DENY_DEFAULT:
        if (decision->policy != NULL) {
            flow_buf_add_text(out, "denied by default: ");
            add_policy(decision, out);
            flow_buf_add_format(out, " isolates %s and no rule admits it", direction);
        } else if (decision->by_setting) {
            flow_buf_add_format(out,
                                "denied by default: enable-policy=always isolates %s of every "
                                "endpoint and no rule admits it",
                                direction);
        } else {
            flow_buf_add_text(out, "denied by default: an endpoint without labels is isolated");
        }
        break;
    default:
        flow_buf_add_text(out, "no policy applies to this end");
        break;
    }
}
