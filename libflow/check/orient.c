/* SPDX-License-Identifier: Apache-2.0 */
/* Readings of events, by the wire facts (6.1, 6.2) and the policy facts (6.1). */
#include "check/orient.h"

enum {
    PRIVILEGED_PORTS = 1024,
    EPHEMERAL_PORTS = 32768, /* where Linux begins to choose a client's port */
    TRACE_REASON_NEW = 1,
    TRACE_REASON_REPLY = 3,
    TRACE_REASON_RELATED = 4,
    ICMPV4_ECHO_REPLY = 0,
    ICMPV4_ECHO = 8,
    ICMPV6_ECHO = 128,
    ICMPV6_ECHO_REPLY = 129
};

bool
flow_is_l7(const struct flow_record *record)
{
    return record->event_type == FLOW_EVENT_L7 || record->type == FLOW_TYPE_L7;
}

bool
flow_says_nothing(const struct flow_record *record)
{
    return record->event_type == FLOW_EVENT_TRACE_SOCK || record->type == FLOW_TYPE_SOCK ||
           record->event_type == FLOW_EVENT_DEBUG || record->event_type == FLOW_EVENT_CAPTURE ||
           record->event_type == FLOW_EVENT_AGENT || record->trace_reason == TRACE_REASON_RELATED;
}

/* Points that a packet passes before policy is applied to it. */
static bool
precedes_policy(const struct flow_record *record)
{
    if (record->event_type != FLOW_EVENT_TRACE) {
        return false;
    }
    switch (record->trace_point) {
    case FLOW_TRACE_FROM_ENDPOINT:
    case FLOW_TRACE_FROM_HOST:
    case FLOW_TRACE_FROM_STACK:
    case FLOW_TRACE_FROM_OVERLAY:
    case FLOW_TRACE_FROM_NETWORK:
        return true;
    default:
        return false;
    }
}

static uint8_t
observe_drop(const struct flow_record *record)
{
    if (record->drop_reason == FLOW_DROP_POLICY_DENIED ||
        record->drop_reason == FLOW_DROP_POLICY_DENY) {
        return FLOW_OBSERVED_DROPPED_POLICY;
    }
    /* a refusal by a proxy, and a verdict whose reason was masked out, have no reason */
    return record->drop_reason == 0 &&
                   (flow_is_l7(record) || record->event_type == FLOW_EVENT_POLICY_VERDICT)
               ? FLOW_OBSERVED_DROPPED_POLICY
               : FLOW_OBSERVED_DROPPED_OTHER;
}

uint8_t
flow_observe(const struct flow_record *record)
{
    if (record->traffic != NULL) {
        return record->traffic->answer == FLOW_ANSWER_ANSWERED ? FLOW_OBSERVED_FORWARDED
                                                               : FLOW_OBSERVED_UNKNOWN;
    }
    switch (record->verdict) {
    case FLOW_VERDICT_FORWARDED:
        return precedes_policy(record) ? FLOW_OBSERVED_UNKNOWN : FLOW_OBSERVED_FORWARDED;
    case FLOW_VERDICT_DROPPED:
        return observe_drop(record);
    case FLOW_VERDICT_ERROR:
        return FLOW_OBSERVED_ERROR;
    case FLOW_VERDICT_AUDIT:
        return FLOW_OBSERVED_AUDITED;
    case FLOW_VERDICT_REDIRECTED:
        return FLOW_OBSERVED_REDIRECTED;
    default:
        return FLOW_OBSERVED_UNKNOWN;
    }
}

bool
flow_service_port(const struct flow_record *record, bool swapped, uint16_t *port)
{
    *port = 0;
    if (record->protocol == FLOW_PROTOCOL_ICMPV4) {
        *port = swapped && record->icmp_type == ICMPV4_ECHO_REPLY ? ICMPV4_ECHO : record->icmp_type;
        return true;
    }
    if (record->protocol == FLOW_PROTOCOL_ICMPV6) {
        *port = swapped && record->icmp_type == ICMPV6_ECHO_REPLY ? ICMPV6_ECHO : record->icmp_type;
        return true;
    }
    *port = swapped ? record->source_port : record->destination_port;
    return record->has_ports && *port != 0;
}

static bool
ports_look_reversed(const struct flow_record *record)
{
    return record->has_ports && record->source_port != 0 &&
           record->source_port < record->destination_port &&
           (record->source_port < PRIVILEGED_PORTS ||
            (record->source_port < EPHEMERAL_PORTS && record->destination_port >= EPHEMERAL_PORTS));
}

/* Whether the packet is a reply, from everything but the ports. */
static uint8_t
reply_of(const struct flow_record *record)
{
    const uint16_t both = FLOW_TCP_SYN | FLOW_TCP_ACK;

    if (record->is_reply != FLOW_UNKNOWN) {
        return record->is_reply;
    }
    if (record->trace_reason == TRACE_REASON_NEW) {
        return FLOW_NO;
    }
    if (record->trace_reason == TRACE_REASON_REPLY ||
        (record->protocol == FLOW_PROTOCOL_ICMPV6 && record->icmp_type == ICMPV6_ECHO_REPLY) ||
        (record->protocol == FLOW_PROTOCOL_ICMPV4 && record->icmp_type == ICMPV4_ECHO_REPLY)) {
        return FLOW_YES;
    }
    if ((record->tcp_flags & FLOW_TCP_SYN) != 0) {
        return (record->tcp_flags & both) == both ? FLOW_YES : FLOW_NO;
    }
    return record->event_type == FLOW_EVENT_POLICY_VERDICT ? FLOW_NO : FLOW_UNKNOWN;
}

/* The side by which endpoint lives on the reporting node. */
static uint8_t
direction_by_locality(const struct flow_record *record, bool swapped)
{
    const bool source = record->source->local_id != 0;
    const bool destination = record->destination->local_id != 0;

    if (source == destination) {
        return FLOW_DIRECTION_UNKNOWN;
    }
    return source != swapped ? FLOW_DIRECTION_EGRESS : FLOW_DIRECTION_INGRESS;
}

static uint8_t
other_direction(uint8_t direction)
{
    return direction == FLOW_DIRECTION_EGRESS    ? FLOW_DIRECTION_INGRESS
           : direction == FLOW_DIRECTION_INGRESS ? FLOW_DIRECTION_EGRESS
                                                 : FLOW_DIRECTION_UNKNOWN;
}

/*
 * Whether the direction is that of the packet: a drop only knows which end it happened at. A record
 * that knows replies has the direction of the connection.
 */
static bool
is_of_packet(const struct flow_record *record)
{
    return record->is_reply == FLOW_UNKNOWN && record->trace_reason == 0 &&
           (record->event_type == FLOW_EVENT_DROP ||
            record->event_type == FLOW_EVENT_POLICY_VERDICT);
}

static uint8_t
direction_of(const struct flow_record *record, bool swapped)
{
    if (record->event_type == FLOW_EVENT_TRACE &&
        (record->trace_point == FLOW_TRACE_TO_ENDPOINT ||
         (record->trace_point == FLOW_TRACE_UNKNOWN && record->event_subtype == 0))) {
        /* delivery: since 1.16 the direction it carries may be the other one */
        return swapped ? FLOW_DIRECTION_EGRESS : FLOW_DIRECTION_INGRESS;
    }
    if (record->direction == FLOW_DIRECTION_UNKNOWN) {
        return direction_by_locality(record, swapped);
    }
    return swapped && is_of_packet(record) ? other_direction(record->direction) : record->direction;
}

size_t
flow_orient(const struct flow_record *record, struct flow_reading readings[2])
{
    const uint8_t reply = reply_of(record);

    readings[0].swapped = reply == FLOW_YES;
    readings[0].direction = direction_of(record, readings[0].swapped);
    if (reply != FLOW_UNKNOWN || !ports_look_reversed(record)) {
        return 1;
    }
    /* the endpoint that was observed stays the same, so the other reading has the other side */
    readings[1].swapped = true;
    readings[1].direction = other_direction(readings[0].direction);
    return 2;
}
