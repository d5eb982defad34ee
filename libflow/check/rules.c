/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the report, by number: FC1xx compare what happened with what policies say. */
#include <string.h>

#include "check/tally.h"

enum {
    ESCAPED_EGRESS,
    ESCAPED_EAST_WEST,
    ESCAPED_INGRESS,
    MISDROPPED,
    UNPROTECTED,
    STALE_AUDIT,
    WOULD_REJECT,
    BYPASSES_GATEWAY,
    CROSS_PROJECT,
    UNAPPROVED_EGRESS,
    APPROVAL_EXPIRED,
    APPROVAL_UNUSED,
    APPROVAL_OVERBROAD,
    DIRECT_IP_EGRESS,
    UNAPPROVED_RESOLVER,
    CONTROL_PLANE_ACCESS,
    FOREIGN_ADDRESS,
    UNAPPROVED_EAST_WEST,
    LAYER_DENIES,
    ZONE_CROSSING,
    APPROVAL_INCOMPLETE,
    APPROVAL_OVER_BUDGET,
    APPROVAL_EXPIRING,
    APPROVAL_NOT_YET,
    INTERNAL_EXPOSED,
    COVERAGE_GAP,
    SILENT_NODE,
    RECORDS_CANNOT_DECIDE,
    AGENT_RESTART,
    CLOCK_SKEW
};

static const struct flow_report_rule rules[] = {
    [ESCAPED_EGRESS] = { "FC101", "escaped-egress", FLOW_SEVERITY_HIGH,
                         "traffic left the cluster that the policies deny" },
    [ESCAPED_EAST_WEST] = { "FC102", "escaped-east-west", FLOW_SEVERITY_HIGH,
                            "traffic passed inside the cluster that the policies deny" },
    [ESCAPED_INGRESS] = { "FC103", "escaped-ingress", FLOW_SEVERITY_HIGH,
                          "traffic entered the cluster that the policies deny" },
    [MISDROPPED] = { "FC104", "misdropped", FLOW_SEVERITY_MEDIUM,
                     "traffic was dropped by policy that the declared policies allow" },
    [UNPROTECTED] = { "FC105", "unprotected", FLOW_SEVERITY_LOW,
                      "traffic passed because no policy isolates this side" },
    [STALE_AUDIT] = { "FC106", "stale-audit", FLOW_SEVERITY_LOW,
                      "audit mode reports traffic that the policies allow" },
    [WOULD_REJECT] = { "FC107", "would-reject", FLOW_SEVERITY_MEDIUM,
                       "audit mode let traffic pass that the policies deny" },
    [BYPASSES_GATEWAY] = { "FC201", "ingress-bypasses-gateway", FLOW_SEVERITY_HIGH,
                           "traffic from outside reached what is not a declared gateway" },
    [CROSS_PROJECT] = { "FC202", "cross-project", FLOW_SEVERITY_HIGH,
                        "traffic passed between two isolated projects" },
    [UNAPPROVED_EGRESS] = { "FC203", "unapproved-egress", FLOW_SEVERITY_HIGH,
                            "traffic left for a destination that nobody approved" },
    [APPROVAL_EXPIRED] = { "FC204", "approval-expired-in-use", FLOW_SEVERITY_HIGH,
                           "traffic left under an approval that has expired" },
    [APPROVAL_UNUSED] = { "FC205", "approval-unused", FLOW_SEVERITY_INFO,
                          "an approval was never used in the evidence" },
    [APPROVAL_OVERBROAD] = { "FC206", "approval-overbroad", FLOW_SEVERITY_INFO,
                             "an approval is broader than what it was used for" },
    [DIRECT_IP_EGRESS] = { "FC207", "direct-ip-egress", FLOW_SEVERITY_MEDIUM,
                           "traffic left for an address that no name was seen of" },
    [UNAPPROVED_RESOLVER] = { "FC208", "unapproved-resolver", FLOW_SEVERITY_MEDIUM,
                              "DNS went to what is not a declared resolver" },
    [CONTROL_PLANE_ACCESS] = { "FC209", "control-plane-access", FLOW_SEVERITY_HIGH,
                               "the control plane was reached by who is not declared" },
    [FOREIGN_ADDRESS] = { "FC210", "foreign-address-in-cluster-cidr", FLOW_SEVERITY_MEDIUM,
                          "an address of the cluster's own prefixes is used by a stranger" },
    [UNAPPROVED_EAST_WEST] = { "FC211", "unapproved-east-west", FLOW_SEVERITY_MEDIUM,
                               "traffic passed inside the cluster that nobody approved" },
    [LAYER_DENIES] = { "FC212", "layer-denies", FLOW_SEVERITY_HIGH,
                       "traffic passed that an outer control should have stopped" },
    [ZONE_CROSSING] = { "FC213", "zone-crossing", FLOW_SEVERITY_HIGH,
                        "traffic passed between zones that are not a declared pair" },
    [APPROVAL_INCOMPLETE] = { "FC214", "approval-incomplete", FLOW_SEVERITY_LOW,
                              "an approval is not recorded whole" },
    [APPROVAL_OVER_BUDGET] = { "FC215", "approval-over-budget", FLOW_SEVERITY_MEDIUM,
                               "more bytes went under an approval than it allows" },
    [APPROVAL_EXPIRING] = { "FC216", "approval-expiring", FLOW_SEVERITY_INFO,
                            "an approval ends within 30 days" },
    [APPROVAL_NOT_YET] = { "FC217", "approval-not-yet-valid", FLOW_SEVERITY_HIGH,
                           "traffic left under an approval before its time" },
    [INTERNAL_EXPOSED] = { "FC218", "internal-service-exposed", FLOW_SEVERITY_HIGH,
                           "a service for the inside alone was reached from outside" },
    [COVERAGE_GAP] = { "FC501", "coverage-gap", FLOW_SEVERITY_LOW,
                       "events were lost before they reached the log" },
    [SILENT_NODE] = { "FC502", "silent-node", FLOW_SEVERITY_LOW,
                      "a node was not heard of for a time" },
    [RECORDS_CANNOT_DECIDE] = { "FC503", "records-cannot-decide", FLOW_SEVERITY_INFO,
                                "a fact is missing that the decision hangs on" },
    [AGENT_RESTART] = { "FC504", "agent-restart", FLOW_SEVERITY_INFO,
                        "an agent started anew, and what passed before may not be in the log" },
    [CLOCK_SKEW] = { "FC505", "clock-skew", FLOW_SEVERITY_LOW,
                     "the times of a node are apart from those of all others" },
};

enum { RULE_COUNT = sizeof(rules) / sizeof(rules[0]) };

const struct flow_report_rule *
flow_report_rule_at(size_t i)
{
    return i < RULE_COUNT ? &rules[i] : NULL;
}

const struct flow_report_rule *
flow_report_rule_of(const struct flow_record *record)
{
    switch (record->result) {
    case FLOW_RESULT_ESCAPED:
        return &rules[record->scope == FLOW_SCOPE_EGRESS    ? ESCAPED_EGRESS
                      : record->scope == FLOW_SCOPE_INGRESS ? ESCAPED_INGRESS
                                                            : ESCAPED_EAST_WEST];
    case FLOW_RESULT_MISDROPPED:
        return &rules[MISDROPPED];
    case FLOW_RESULT_UNPROTECTED:
        return &rules[UNPROTECTED];
    case FLOW_RESULT_STALE_AUDIT:
        return &rules[STALE_AUDIT];
    case FLOW_RESULT_WOULD_REJECT:
        return &rules[WOULD_REJECT];
    case FLOW_RESULT_UNDECIDED:
        return &rules[RECORDS_CANNOT_DECIDE];
    default:
        return NULL;
    }
}

const struct flow_report_rule *
flow_report_rule_of_violation(uint8_t kind)
{
    static const uint8_t of_kind[FLOW_VIOLATION_COUNT] = {
        [FLOW_VIOLATION_GATEWAY] = BYPASSES_GATEWAY,
        [FLOW_VIOLATION_PROJECT] = CROSS_PROJECT,
        [FLOW_VIOLATION_EGRESS] = UNAPPROVED_EGRESS,
        [FLOW_VIOLATION_EXPIRED] = APPROVAL_EXPIRED,
        [FLOW_VIOLATION_DIRECT_IP] = DIRECT_IP_EGRESS,
        [FLOW_VIOLATION_RESOLVER] = UNAPPROVED_RESOLVER,
        [FLOW_VIOLATION_CONTROL] = CONTROL_PLANE_ACCESS,
        [FLOW_VIOLATION_FOREIGN] = FOREIGN_ADDRESS,
        [FLOW_VIOLATION_EAST_WEST] = UNAPPROVED_EAST_WEST,
        [FLOW_VIOLATION_LAYER] = LAYER_DENIES,
        [FLOW_VIOLATION_ZONE] = ZONE_CROSSING,
        [FLOW_VIOLATION_NOT_YET] = APPROVAL_NOT_YET,
        [FLOW_VIOLATION_INTERNAL] = INTERNAL_EXPOSED,
        [FLOW_VIOLATION_UNDECIDABLE] = RECORDS_CANNOT_DECIDE,
    };

    return kind < FLOW_VIOLATION_COUNT ? &rules[of_kind[kind]] : NULL;
}

const struct flow_report_rule *
flow_report_rule_named(const char *id)
{
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (strcmp(rules[i].id, id) == 0) {
            return &rules[i];
        }
    }
    return NULL;
}

bool
flow_has_passed(const struct flow_record *record)
{
    return record->observed == FLOW_OBSERVED_FORWARDED ||
           record->observed == FLOW_OBSERVED_REDIRECTED ||
           record->observed == FLOW_OBSERVED_AUDITED;
}

static const char *const severities[] = { "info", "low", "medium", "high", "critical" };

const char *
flow_severity_name(uint8_t severity)
{
    return severity < 5 ? severities[severity] : "unknown";
}

int
flow_severity_parse(uint8_t *severity, const char *name)
{
    for (uint8_t i = 0; i < 5; i++) {
        if (strcmp(severities[i], name) == 0) {
            *severity = i;
            return FLOW_OK;
        }
    }
    return FLOW_E_PARSE;
}

size_t
flow_record_rules(const struct flow_record *record,
                  const struct flow_report_rule *found[FLOW_RECORD_RULES_MAX])
{
    const struct flow_intent_decision *intent = record->intent_decision;
    size_t count = 0;

    found[0] = flow_report_rule_of(record);
    count = found[0] != NULL ? 1 : 0;
    for (size_t i = 0; intent != NULL && flow_has_passed(record) && i < intent->violation_count;
         i++) {
        const struct flow_report_rule *rule =
            flow_report_rule_of_violation(intent->violations[i].kind);

        if (count == 0 || rule != found[0]) {
            found[count++] = rule;
        }
    }
    return count;
}
