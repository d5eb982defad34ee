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

/* What was seen and what was declared, by kind. */
static const char *const violations[FLOW_VIOLATION_COUNT] = {
    [FLOW_VIOLATION_GATEWAY] =
        "came in from outside, and no declared gateway is at this place and port",
    [FLOW_VIOLATION_PROJECT] = "passed between two projects that are declared isolated",
    [FLOW_VIOLATION_EGRESS] = "left the cluster, and no approval names this client, destination "
                              "and port; outbound is declared denied by default",
    [FLOW_VIOLATION_EXPIRED] = "left the cluster under an approval that had expired by then",
    [FLOW_VIOLATION_DIRECT_IP] =
        "left for an address of which the DNS answers in the evidence give no name, where only a "
        "name could approve it: it went to the bare address, or was asked for before the log",
    [FLOW_VIOLATION_RESOLVER] = "asked for names at a server that is no declared resolver",
    [FLOW_VIOLATION_CONTROL] =
        "reached the control plane from a client that is neither a node nor declared",
    [FLOW_VIOLATION_FOREIGN] = "came from an address in the cluster's own prefixes that no pod "
                               "or node is known to have; they are declared for in-cluster use",
    [FLOW_VIOLATION_EAST_WEST] = "passed inside the cluster, and is not among what is declared",
    [FLOW_VIOLATION_LAYER] = "passed, and an outer control that must allow it too does not",
    [FLOW_VIOLATION_ZONE] = "passed between two zones that are not a declared pair, with this "
                            "client, server and port",
    [FLOW_VIOLATION_NOT_YET] = "left the cluster under an approval before it began",
    [FLOW_VIOLATION_INTERNAL] = "reached from outside what is declared for the inside alone",
    [FLOW_VIOLATION_UNDECIDABLE] = "what the document says of it cannot be decided",
};

void
flow_violation_sentence(const struct flow_finding *finding, uint8_t kind, struct flow_buf *out)
{
    const struct flow_decision *decision = finding->decision;

    flow_buf_add_text(out, violations[kind % FLOW_VIOLATION_COUNT]);
    if (finding->statement != NULL && finding->statement->name != NULL) {
        flow_buf_add_format(out, ": %s (%s:%u)", finding->statement->name, finding->statement->file,
                            finding->statement->line);
    }
    if (decision != NULL && decision->expected != FLOW_EXPECTED_UNDECIDABLE &&
        decision->expected != FLOW_EXPECTED_NOT_APPLICABLE) {
        flow_buf_add_text(out, "; by the policies: ");
        flow_decision_sentence(decision, FLOW_RESULT_PERMITTED, 0, out);
    }
    if (finding->undecided != 0) {
        flow_buf_add_text(out, "; not known: ");
        add_codes(finding->undecided, out);
    }
}
