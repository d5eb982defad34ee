/* SPDX-License-Identifier: Apache-2.0 */
/* Names of enum values, both ways: Hubble's as its JSON has them, ours as the contracts do. */
#include "model/names.h"

#include "base/str.h"

struct name {
    uint32_t number;
    struct flow_str text;
};

#define NAME(number, literal)                                                                      \
    {                                                                                              \
        (number),                                                                                  \
        {                                                                                          \
            (literal), sizeof(literal) - 1                                                         \
        }                                                                                          \
    }
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct name verdicts[] = {
    NAME(FLOW_VERDICT_UNKNOWN, "VERDICT_UNKNOWN"),
    NAME(FLOW_VERDICT_FORWARDED, "FORWARDED"),
    NAME(FLOW_VERDICT_DROPPED, "DROPPED"),
    NAME(FLOW_VERDICT_ERROR, "ERROR"),
    NAME(FLOW_VERDICT_AUDIT, "AUDIT"),
    NAME(FLOW_VERDICT_REDIRECTED, "REDIRECTED"),
    NAME(FLOW_VERDICT_TRACED, "TRACED"),
    NAME(FLOW_VERDICT_TRANSLATED, "TRANSLATED"),
};

static const struct name types[] = {
    NAME(FLOW_TYPE_UNKNOWN, "UNKNOWN_TYPE"),
    NAME(FLOW_TYPE_L3_L4, "L3_L4"),
    NAME(FLOW_TYPE_L7, "L7"),
    NAME(FLOW_TYPE_SOCK, "SOCK"),
};

static const struct name directions[] = {
    NAME(FLOW_DIRECTION_UNKNOWN, "TRAFFIC_DIRECTION_UNKNOWN"),
    NAME(FLOW_DIRECTION_INGRESS, "INGRESS"),
    NAME(FLOW_DIRECTION_EGRESS, "EGRESS"),
};

static const struct name trace_points[] = {
    NAME(FLOW_TRACE_UNKNOWN, "UNKNOWN_POINT"),     NAME(FLOW_TRACE_TO_PROXY, "TO_PROXY"),
    NAME(FLOW_TRACE_TO_HOST, "TO_HOST"),           NAME(FLOW_TRACE_TO_STACK, "TO_STACK"),
    NAME(FLOW_TRACE_TO_OVERLAY, "TO_OVERLAY"),     NAME(FLOW_TRACE_FROM_ENDPOINT, "FROM_ENDPOINT"),
    NAME(FLOW_TRACE_FROM_PROXY, "FROM_PROXY"),     NAME(FLOW_TRACE_FROM_HOST, "FROM_HOST"),
    NAME(FLOW_TRACE_FROM_STACK, "FROM_STACK"),     NAME(FLOW_TRACE_FROM_OVERLAY, "FROM_OVERLAY"),
    NAME(FLOW_TRACE_FROM_NETWORK, "FROM_NETWORK"), NAME(FLOW_TRACE_TO_NETWORK, "TO_NETWORK"),
    NAME(FLOW_TRACE_FROM_CRYPTO, "FROM_CRYPTO"),   NAME(FLOW_TRACE_TO_CRYPTO, "TO_CRYPTO"),
    NAME(FLOW_TRACE_TO_ENDPOINT, "TO_ENDPOINT"),
};

static const struct name trace_reasons[] = {
    NAME(0, "TRACE_REASON_UNKNOWN"),
    NAME(1, "NEW"),
    NAME(2, "ESTABLISHED"),
    NAME(3, "REPLY"),
    NAME(4, "RELATED"),
    NAME(5, "REOPENED"),
    NAME(6, "SRV6_ENCAP"),
    NAME(7, "SRV6_DECAP"),
    NAME(8, "ENCRYPT_OVERLAY"),
};

static const struct name auth_types[] = {
    NAME(0, "DISABLED"),
    NAME(1, "SPIRE"),
    NAME(2, "TEST_ALWAYS_FAIL"),
};

static const struct name sock_points[] = {
    NAME(0, "SOCK_XLATE_POINT_UNKNOWN"),
    NAME(1, "SOCK_XLATE_POINT_PRE_DIRECTION_FWD"),
    NAME(2, "SOCK_XLATE_POINT_POST_DIRECTION_FWD"),
    NAME(3, "SOCK_XLATE_POINT_PRE_DIRECTION_REV"),
    NAME(4, "SOCK_XLATE_POINT_POST_DIRECTION_REV"),
};

static const struct name l7_types[] = {
    NAME(FLOW_L7_UNKNOWN, "UNKNOWN_L7_TYPE"),
    NAME(FLOW_L7_REQUEST, "REQUEST"),
    NAME(FLOW_L7_RESPONSE, "RESPONSE"),
    NAME(FLOW_L7_SAMPLE, "SAMPLE"),
};

/* Hubble numbers the versions 1 and 2; the record says 4 and 6. */
static const struct name ip_versions[] = {
    NAME(0, "IP_NOT_USED"),
    NAME(1, "IPv4"),
    NAME(2, "IPv6"),
};

static const struct name node_states[] = {
    NAME(0, "UNKNOWN_NODE_STATE"), NAME(1, "NODE_CONNECTED"), NAME(2, "NODE_UNAVAILABLE"),
    NAME(3, "NODE_GONE"),          NAME(4, "NODE_ERROR"),
};

static const struct name agent_events[] = {
    NAME(0, "AGENT_EVENT_UNKNOWN"),
    NAME(2, "AGENT_STARTED"),
    NAME(3, "POLICY_UPDATED"),
    NAME(4, "POLICY_DELETED"),
    NAME(5, "ENDPOINT_REGENERATE_SUCCESS"),
    NAME(6, "ENDPOINT_REGENERATE_FAILURE"),
    NAME(7, "ENDPOINT_CREATED"),
    NAME(8, "ENDPOINT_DELETED"),
    NAME(9, "IPCACHE_UPSERTED"),
    NAME(10, "IPCACHE_DELETED"),
    NAME(11, "SERVICE_UPSERTED"),
    NAME(12, "SERVICE_DELETED"),
};

static const struct name lost_sources[] = {
    NAME(0, "UNKNOWN_LOST_EVENT_SOURCE"),
    NAME(1, "PERF_EVENT_RING_BUFFER"),
    NAME(2, "OBSERVER_EVENTS_QUEUE"),
    NAME(3, "HUBBLE_RING_BUFFER"),
};

/* By number, as of Cilium 1.20. 159 and 206 have no name in the API. */
static const char *const drop_reasons[256] = {
    [0] = "DROP_REASON_UNKNOWN",
    [130] = "INVALID_SOURCE_MAC",
    [131] = "INVALID_DESTINATION_MAC",
    [132] = "INVALID_SOURCE_IP",
    [133] = "POLICY_DENIED",
    [134] = "INVALID_PACKET_DROPPED",
    [135] = "CT_TRUNCATED_OR_INVALID_HEADER",
    [136] = "CT_MISSING_TCP_ACK_FLAG",
    [137] = "CT_UNKNOWN_L4_PROTOCOL",
    [138] = "CT_CANNOT_CREATE_ENTRY_FROM_PACKET",
    [139] = "UNSUPPORTED_L3_PROTOCOL",
    [140] = "MISSED_TAIL_CALL",
    [141] = "ERROR_WRITING_TO_PACKET",
    [142] = "UNKNOWN_L4_PROTOCOL",
    [143] = "UNKNOWN_ICMPV4_CODE",
    [144] = "UNKNOWN_ICMPV4_TYPE",
    [145] = "UNKNOWN_ICMPV6_CODE",
    [146] = "UNKNOWN_ICMPV6_TYPE",
    [147] = "ERROR_RETRIEVING_TUNNEL_KEY",
    [148] = "ERROR_RETRIEVING_TUNNEL_OPTIONS",
    [149] = "INVALID_GENEVE_OPTION",
    [150] = "UNKNOWN_L3_TARGET_ADDRESS",
    [151] = "STALE_OR_UNROUTABLE_IP",
    [152] = "NO_MATCHING_LOCAL_CONTAINER_FOUND",
    [153] = "ERROR_WHILE_CORRECTING_L3_CHECKSUM",
    [154] = "ERROR_WHILE_CORRECTING_L4_CHECKSUM",
    [155] = "CT_MAP_INSERTION_FAILED",
    [156] = "INVALID_IPV6_EXTENSION_HEADER",
    [157] = "IP_FRAGMENTATION_NOT_SUPPORTED",
    [158] = "SERVICE_BACKEND_NOT_FOUND",
    [160] = "NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT",
    [161] = "FAILED_TO_INSERT_INTO_PROXYMAP",
    [162] = "REACHED_EDT_RATE_LIMITING_DROP_HORIZON",
    [163] = "UNKNOWN_CONNECTION_TRACKING_STATE",
    [164] = "LOCAL_HOST_IS_UNREACHABLE",
    [165] = "NO_CONFIGURATION_AVAILABLE_TO_PERFORM_POLICY_DECISION",
    [166] = "UNSUPPORTED_L2_PROTOCOL",
    [167] = "NO_MAPPING_FOR_NAT_MASQUERADE",
    [168] = "UNSUPPORTED_PROTOCOL_FOR_NAT_MASQUERADE",
    [169] = "FIB_LOOKUP_FAILED",
    [170] = "ENCAPSULATION_TRAFFIC_IS_PROHIBITED",
    [171] = "INVALID_IDENTITY",
    [172] = "UNKNOWN_SENDER",
    [173] = "NAT_NOT_NEEDED",
    [174] = "IS_A_CLUSTERIP",
    [175] = "FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND",
    [176] = "FORBIDDEN_ICMPV6_MESSAGE",
    [177] = "DENIED_BY_LB_SRC_RANGE_CHECK",
    [178] = "SOCKET_LOOKUP_FAILED",
    [179] = "SOCKET_ASSIGN_FAILED",
    [180] = "PROXY_REDIRECTION_NOT_SUPPORTED_FOR_PROTOCOL",
    [181] = "POLICY_DENY",
    [182] = "VLAN_FILTERED",
    [183] = "INVALID_VNI",
    [184] = "INVALID_TC_BUFFER",
    [185] = "NO_SID",
    [186] = "MISSING_SRV6_STATE",
    [187] = "NAT46",
    [188] = "NAT64",
    [189] = "AUTH_REQUIRED",
    [190] = "CT_NO_MAP_FOUND",
    [191] = "SNAT_NO_MAP_FOUND",
    [192] = "INVALID_CLUSTER_ID",
    [193] = "UNSUPPORTED_PROTOCOL_FOR_DSR_ENCAP",
    [194] = "NO_EGRESS_GATEWAY",
    [195] = "UNENCRYPTED_TRAFFIC",
    [196] = "TTL_EXCEEDED",
    [197] = "NO_NODE_ID",
    [198] = "DROP_RATE_LIMITED",
    [199] = "IGMP_HANDLED",
    [200] = "IGMP_SUBSCRIBED",
    [201] = "MULTICAST_HANDLED",
    [202] = "DROP_HOST_NOT_READY",
    [203] = "DROP_EP_NOT_READY",
    [204] = "DROP_NO_EGRESS_IP",
    [205] = "DROP_PUNT_PROXY",
    [207] = "DROP_FRAG_NOT_FOUND_WORLD",
};

static bool
number_of(const struct name *table, size_t count, struct flow_str text, uint32_t *number)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].text.len == text.len &&
            flow_bytes_equal(table[i].text.ptr, text.ptr, text.len)) {
            *number = table[i].number;
            return true;
        }
    }
    return false;
}

bool
flow_verdict_number(struct flow_str name, uint32_t *number)
{
    return number_of(verdicts, COUNT(verdicts), name, number);
}

bool
flow_type_number(struct flow_str name, uint32_t *number)
{
    return number_of(types, COUNT(types), name, number);
}

bool
flow_direction_number(struct flow_str name, uint32_t *number)
{
    return number_of(directions, COUNT(directions), name, number);
}

bool
flow_trace_point_number(struct flow_str name, uint32_t *number)
{
    return number_of(trace_points, COUNT(trace_points), name, number);
}

bool
flow_trace_reason_number(struct flow_str name, uint32_t *number)
{
    return number_of(trace_reasons, COUNT(trace_reasons), name, number);
}

bool
flow_auth_type_number(struct flow_str name, uint32_t *number)
{
    return number_of(auth_types, COUNT(auth_types), name, number);
}

bool
flow_sock_point_number(struct flow_str name, uint32_t *number)
{
    return number_of(sock_points, COUNT(sock_points), name, number);
}

bool
flow_l7_type_number(struct flow_str name, uint32_t *number)
{
    return number_of(l7_types, COUNT(l7_types), name, number);
}

bool
flow_ip_version_number(struct flow_str name, uint32_t *number)
{
    return number_of(ip_versions, COUNT(ip_versions), name, number);
}

bool
flow_node_state_number(struct flow_str name, uint32_t *number)
{
    return number_of(node_states, COUNT(node_states), name, number);
}

bool
flow_agent_event_number(struct flow_str name, uint32_t *number)
{
    return number_of(agent_events, COUNT(agent_events), name, number);
}

bool
flow_lost_source_number(struct flow_str name, uint32_t *number)
{
    return number_of(lost_sources, COUNT(lost_sources), name, number);
}

bool
flow_drop_reason_number(struct flow_str name, uint32_t *number)
{
    for (uint32_t i = 0; i < COUNT(drop_reasons); i++) {
        if (drop_reasons[i] != NULL && flow_str_is(name, drop_reasons[i])) {
            *number = i;
            return true;
        }
    }
    return false;
}

const char *
flow_drop_reason_name(uint16_t reason)
{
    return reason < COUNT(drop_reasons) ? drop_reasons[reason] : NULL;
}

static const char *
name_of(const char *const *names, size_t count, size_t number)
{
    return number < count ? names[number] : "unknown";
}

const char *
flow_verdict_name(uint16_t verdict)
{
    return verdict < COUNT(verdicts) ? verdicts[verdict].text.ptr : "unknown";
}

const char *
flow_observed_name(uint8_t observed)
{
    static const char *const names[FLOW_OBSERVED_COUNT] = {
        "unknown", "forwarded", "dropped_policy", "dropped_other", "audited", "redirected", "error",
    };

    return name_of(names, COUNT(names), observed);
}

const char *
flow_expected_name(uint8_t expected)
{
    static const char *const names[FLOW_EXPECTED_COUNT] = {
        "undecidable", "allow", "allow_default", "deny_explicit", "deny_default", "not_applicable",
    };

    return name_of(names, COUNT(names), expected);
}

const char *
flow_result_name(uint8_t result)
{
    static const char *const names[FLOW_RESULT_COUNT] = {
        "undecided", "permitted",   "unprotected",  "escaped", "misdropped",
        "rejected",  "stale_audit", "would_reject", "failed",  "not_applicable",
    };

    return name_of(names, COUNT(names), result);
}

const char *
flow_intent_name(uint8_t intent)
{
    static const char *const names[] = {
        "no_statement", "approved",      "unapproved",  "forbidden",
        "expired",      "not_yet_valid", "undecidable",
    };

    return name_of(names, COUNT(names), intent);
}

const char *
flow_scope_name(uint8_t scope)
{
    static const char *const names[FLOW_SCOPE_COUNT] = {
        "unknown", "east-west", "ingress", "egress", "host", "control-plane",
    };

    return name_of(names, COUNT(names), scope);
}

const char *
flow_undecided_name(unsigned code)
{
    static const char *const names[FLOW_UNDECIDED_COUNT] = {
        "no-labels",   "no-dns-evidence", "named-port", "inventory",  "reply",
        "placeholder", "undefined",       "unmodelled", "policy-set", "priority-tie",
        "direction",   "no-port",         "no-verdict", "no-request", "no-time",
    };

    return name_of(names, COUNT(names), code);
}

const char *
flow_direction_name(uint8_t direction)
{
    static const char *const names[] = { "unknown", "ingress", "egress" };

    return name_of(names, COUNT(names), direction);
}

const char *
flow_protocol_name(uint8_t protocol)
{
    static const char *const names[] = {
        "unknown", "TCP", "UDP", "SCTP", "ICMPv4", "ICMPv6", "VRRP", "IGMP",
    };

    return name_of(names, COUNT(names), protocol);
}
