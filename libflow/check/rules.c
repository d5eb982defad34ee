/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of the report, by number: FC1xx compare what happened with what policies say. */
#include <string.h>

#include "libflow/report.h"

enum {
    ESCAPED_EGRESS,
    ESCAPED_EAST_WEST,
    ESCAPED_INGRESS,
    MISDROPPED,
    UNPROTECTED,
    STALE_AUDIT,
    WOULD_REJECT,
    COVERAGE_GAP,
    RECORDS_CANNOT_DECIDE
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
    [COVERAGE_GAP] = { "FC501", "coverage-gap", FLOW_SEVERITY_LOW,
                       "events were lost before they reached the log" },
    [RECORDS_CANNOT_DECIDE] = { "FC503", "records-cannot-decide", FLOW_SEVERITY_INFO,
                                "a fact is missing that the decision hangs on" },
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
