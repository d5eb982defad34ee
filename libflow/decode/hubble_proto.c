/* SPDX-License-Identifier: Apache-2.0 */
/* One protobuf message to one record: the outer message, the flow, and news of the stream. */
#include "decode/hubble_proto.h"

#include <stdlib.h>

#include "base/str.h"

#define VARINT(field) FLOW_WIRE_TAG(field, FLOW_WIRE_VARINT)
#define BYTES(field) FLOW_WIRE_TAG(field, FLOW_WIRE_BYTES)

/* Numbers of observer.GetFlowsResponse and ExportEvent. */
enum {
    R_FLOW = 1,
    R_NODE_STATUS,
    R_LOST_EVENTS,
    R_AGENT_EVENT,
    R_DEBUG_EVENT,
    R_NODE_NAME = 1000,
    R_TIME
};

/* Numbers of flow.Flow that records have a place for. */
enum {
    F_TIME = 1,
    F_VERDICT = 2,
    F_DROP_REASON = 3,
    F_IP = 5,
    F_L4 = 6,
    F_SOURCE = 8,
    F_DESTINATION = 9,
    F_TYPE = 10,
    F_NODE_NAME = 11,
    F_SOURCE_NAMES = 13,
    F_DESTINATION_NAMES = 14,
    F_L7 = 15,
    F_REPLY = 16,
    F_EVENT_TYPE = 19,
    F_SOURCE_SERVICE = 20,
    F_DESTINATION_SERVICE = 21,
    F_DIRECTION = 22,
    F_MATCH_TYPE = 23,
    F_TRACE_POINT = 24,
    F_DROP_REASON_DESC = 25,
    F_IS_REPLY = 26,
    F_PROXY_PORT = 29,
    F_SOCK_POINT = 31,
    F_UUID = 34,
    F_AUTH_TYPE = 35,
    F_TRACE_REASON = 36,
    F_TUNNEL = 39,
    F_EGRESS_ALLOWED_BY = 21001,
    F_INGRESS_ALLOWED_BY = 21002,
    F_EGRESS_DENIED_BY = 21004,
    F_INGRESS_DENIED_BY = 21005,
    F_AGGREGATE = 21007
};

/* What is looked up when the whole flow has been seen, as its parts may stand apart. */
struct draft {
    struct flow_str source, destination, source_service, destination_service;
    struct flow_hubble_span source_names, destination_names;
    struct flow_hubble_span allowed_by[2], denied_by[2]; /* ingress, egress */
};

void
flow_hubble_proto_init(struct flow_hubble_proto *decoder, struct flow_dict *dict)
{
    memset(decoder, 0, sizeof(*decoder));
    decoder->dict = dict;
}

void
flow_hubble_proto_free(struct flow_hubble_proto *decoder)
{
    free(decoder->texts);
    decoder->texts = NULL;
}

bool
flow_hubble_proto_add_text(struct flow_hubble_proto *decoder, struct flow_wire *wire)
{
    if (decoder->text_count == decoder->text_room) {
        const size_t room = decoder->text_room == 0 ? 64 : decoder->text_room * 2;
        struct flow_str *grown = realloc(decoder->texts, room * sizeof(*grown));

        if (grown == NULL) {
            return flow_wire_no_memory(wire);
        }
        decoder->texts = grown;
        decoder->text_room = room;
    }
    return flow_wire_text(wire, &decoder->texts[decoder->text_count]) && ++decoder->text_count > 0;
}

void
flow_hubble_proto_span(struct flow_hubble_span *span, const uint8_t *start, const uint8_t *end)
{
    if (span->start == NULL) {
        span->start = start;
    } else if (span->end != start) {
        span->apart = true;
    }
    span->end = end;
}

struct timestamp {
    uint64_t seconds, nanoseconds;
};

static bool
timestamp_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct timestamp *timestamp = target;

    return tag == VARINT(1)   ? flow_wire_varint(wire, &timestamp->seconds)
           : tag == VARINT(2) ? flow_wire_varint(wire, &timestamp->nanoseconds)
                              : flow_wire_skip(wire, tag);
}

bool
flow_hubble_proto_time(struct flow_wire *wire, int64_t *time)
{
    const int64_t second = 1000000000;
    struct timestamp timestamp = { 0, 0 };
    const uint8_t *start = wire->at;
    int64_t seconds, nanoseconds;

    if (*time != FLOW_TIME_NONE) { /* of a message that stands there twice the parts add up */
        seconds = *time / second - (*time % second < 0 ? 1 : 0);
        timestamp = (struct timestamp){ (uint64_t)seconds, (uint64_t)(*time - seconds * second) };
    }
    if (!flow_wire_message(wire, timestamp_field, &timestamp)) {
        return false;
    }
    seconds = (int64_t)timestamp.seconds;
    nanoseconds = (int32_t)timestamp.nanoseconds;
    if (seconds < -9000000000 || seconds > 9000000000 || nanoseconds < 0 ||
        nanoseconds > 999999999) {
        return flow_wire_fail(wire, start, "a time from 1684 to 2255");
    }
    *time = seconds * second + nanoseconds;
    return true;
}

static bool
take_uint(struct flow_wire *wire, uint64_t max, const char *expected, uint64_t *out)
{
    const uint8_t *start = wire->at;

    if (!flow_wire_varint(wire, out)) {
        return false;
    }
    *out = (uint32_t)*out; /* as every reader of 32-bit fields takes them */
    return *out <= max || flow_wire_fail(wire, start, expected);
}

bool
flow_hubble_proto_u8(struct flow_wire *wire, uint8_t *out)
{
    uint64_t value;

    if (!take_uint(wire, UINT8_MAX, "a number up to 255", &value)) {
        return false;
    }
    *out = (uint8_t)value;
    return true;
}

bool
flow_hubble_proto_u16(struct flow_wire *wire, uint16_t *out)
{
    uint64_t value;

    if (!take_uint(wire, UINT16_MAX, "a number up to 65535", &value)) {
        return false;
    }
    *out = (uint16_t)value;
    return true;
}

bool
flow_hubble_proto_u32(struct flow_wire *wire, uint32_t *out)
{
    uint64_t value;

    if (!flow_wire_varint(wire, &value)) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

bool
flow_hubble_proto_enum(struct flow_wire *wire, uint32_t max, uint32_t *out)
{
    if (!flow_hubble_proto_u32(wire, out)) {
        return false;
    }
    *out = *out <= max ? *out : 0;
    return true;
}

static bool
take_enum8(struct flow_wire *wire, uint8_t *out)
{
    uint32_t value;

    if (!flow_hubble_proto_enum(wire, UINT8_MAX, &value)) {
        return false;
    }
    *out = (uint8_t)value;
    return true;
}

static bool
take_enum16(struct flow_wire *wire, uint16_t *out)
{
    uint32_t value;

    if (!flow_hubble_proto_enum(wire, UINT16_MAX, &value)) {
        return false;
    }
    *out = (uint16_t)value;
    return true;
}

static bool
take_node_name(struct flow_hubble_proto *decoder, struct flow_wire *wire,
               struct flow_record *record)
{
    struct flow_str name;

    if (!flow_wire_text(wire, &name)) {
        return false;
    }
    if (!flow_str_equal(name, decoder->node_name)) {
        decoder->node = flow_dict_node(decoder->dict, name);
        if (decoder->node == FLOW_INTERN_NONE) {
            return flow_wire_no_memory(wire);
        }
        decoder->node_name = flow_dict_node_name(decoder->dict, decoder->node);
    }
    record->node = decoder->node;
    record->node_name = decoder->node_name;
    return true;
}

bool
flow_hubble_proto_wrapped(struct flow_wire *wire, uint32_t tag, void *target)
{
    return tag == VARINT(1) ? flow_wire_varint(wire, target) : flow_wire_skip(wire, tag);
}

/* is_reply is a BoolValue: an empty message says "no". */
static bool
take_is_reply(struct flow_wire *wire, struct flow_record *record)
{
    uint64_t value = 0;

    if (!flow_wire_message(wire, flow_hubble_proto_wrapped, &value)) {
        return false;
    }
    record->is_reply = value != 0 ? FLOW_YES : FLOW_NO;
    return true;
}

/* The older reply, which never says "no" and counts only where is_reply is not there. */
static bool
take_reply(struct flow_wire *wire, struct flow_record *record)
{
    uint64_t value;

    if (!flow_wire_varint(wire, &value)) {
        return false;
    }
    if (value != 0 && record->is_reply == FLOW_UNKNOWN) {
        record->is_reply = FLOW_YES;
    }
    return true;
}

/* Both fields carry the same number; one that no agent has is still a reason. */
static bool
take_drop_reason(struct flow_wire *wire, struct flow_record *record)
{
    uint32_t reason;

    if (!flow_hubble_proto_enum(wire, UINT32_MAX, &reason)) {
        return false;
    }
    reason = reason < UINT16_MAX ? reason : UINT16_MAX;
    record->drop_reason = reason != 0 ? (uint16_t)reason : record->drop_reason;
    return true;
}

/* A list's item, whose tag starts there: only its place is kept. */
static bool
take_span(struct flow_wire *wire, const uint8_t *start, struct flow_hubble_span *span)
{
    struct flow_str item;

    if (!flow_wire_bytes(wire, &item)) {
        return false;
    }
    flow_hubble_proto_span(span, start, wire->at);
    return true;
}

/* The fields that many flows lack. */
static bool
rare_field(struct flow_hubble_proto *decoder, struct flow_wire *wire, uint32_t tag,
           const uint8_t *start, struct flow_record *record, struct draft *draft)
{
    switch (tag) {
    case BYTES(F_SOURCE_NAMES):
        return take_span(wire, start, &draft->source_names);
    case BYTES(F_DESTINATION_NAMES):
        return take_span(wire, start, &draft->destination_names);
    case BYTES(F_INGRESS_ALLOWED_BY):
        return take_span(wire, start, &draft->allowed_by[0]);
    case BYTES(F_EGRESS_ALLOWED_BY):
        return take_span(wire, start, &draft->allowed_by[1]);
    case BYTES(F_INGRESS_DENIED_BY):
        return take_span(wire, start, &draft->denied_by[0]);
    case BYTES(F_EGRESS_DENIED_BY):
        return take_span(wire, start, &draft->denied_by[1]);
    case BYTES(F_L7):
        return flow_hubble_proto_l7(decoder, wire, record);
    case BYTES(F_SOURCE_SERVICE):
        return flow_hubble_proto_service(decoder, wire, &draft->source_service,
                                         &record->source_service);
    case BYTES(F_DESTINATION_SERVICE):
        return flow_hubble_proto_service(decoder, wire, &draft->destination_service,
                                         &record->destination_service);
    case BYTES(F_AGGREGATE):
        return flow_hubble_proto_aggregate(wire, record);
    case BYTES(F_TUNNEL):
        record->tunnelled = true;
        return flow_wire_skip(wire, tag);
    case VARINT(F_AUTH_TYPE):
        return take_enum8(wire, &record->auth_type);
    case VARINT(F_SOCK_POINT):
        return take_enum8(wire, &record->sock_point);
    case VARINT(F_PROXY_PORT):
        return flow_hubble_proto_u16(wire, &record->proxy_port);
    case VARINT(F_REPLY):
        return take_reply(wire, record);
    default:
        return flow_wire_skip(wire, tag);
    }
}

static bool
flow_field(struct flow_hubble_proto *decoder, struct flow_wire *wire, uint32_t tag,
           const uint8_t *start, struct flow_record *record, struct draft *draft)
{
    switch (tag) {
    case BYTES(F_TIME):
        return flow_hubble_proto_time(wire, &record->time);
    case BYTES(F_UUID):
        return flow_wire_text(wire, &record->uuid);
    case VARINT(F_VERDICT):
        return take_enum16(wire, &record->verdict);
    case VARINT(F_DROP_REASON):
    case VARINT(F_DROP_REASON_DESC):
        return take_drop_reason(wire, record);
    case BYTES(F_IP):
        return flow_hubble_proto_ip(wire, record);
    case BYTES(F_L4):
        return flow_hubble_proto_l4(wire, record);
    case BYTES(F_SOURCE):
        return flow_hubble_proto_endpoint(decoder, wire, &draft->source, &record->source);
    case BYTES(F_DESTINATION):
        return flow_hubble_proto_endpoint(decoder, wire, &draft->destination, &record->destination);
    case VARINT(F_TYPE):
        return take_enum8(wire, &record->type);
    case BYTES(F_NODE_NAME):
        return take_node_name(decoder, wire, record);
    case BYTES(F_IS_REPLY):
        return take_is_reply(wire, record);
    case BYTES(F_EVENT_TYPE):
        return flow_hubble_proto_event(wire, record);
    case VARINT(F_DIRECTION):
        return take_enum8(wire, &record->direction);
    case VARINT(F_MATCH_TYPE):
        return flow_hubble_proto_u8(wire, &record->policy_match_type);
    case VARINT(F_TRACE_POINT):
        return take_enum16(wire, &record->trace_point);
    case VARINT(F_TRACE_REASON):
        return take_enum8(wire, &record->trace_reason);
    default:
        return rare_field(decoder, wire, tag, start, record, draft);
    }
}

/* Looks up the lists of a flow whose bytes are all seen. */
static bool
take_lists(struct flow_hubble_proto *decoder, struct flow_wire *whole, struct flow_record *record,
           const struct draft *draft)
{
    static const uint32_t allowed[] = { F_INGRESS_ALLOWED_BY, F_EGRESS_ALLOWED_BY };
    static const uint32_t denied[] = { F_INGRESS_DENIED_BY, F_EGRESS_DENIED_BY };

    if ((draft->source_names.start != NULL &&
         !flow_hubble_proto_list(decoder, whole, &draft->source_names, BYTES(F_SOURCE_NAMES),
                                 &record->source_names)) ||
        (draft->destination_names.start != NULL &&
         !flow_hubble_proto_list(decoder, whole, &draft->destination_names,
                                 BYTES(F_DESTINATION_NAMES), &record->destination_names))) {
        return false;
    }
    for (size_t i = 0; i < 2; i++) {
        if ((draft->allowed_by[i].start != NULL &&
             !flow_hubble_proto_policies(decoder, whole, &draft->allowed_by[i], BYTES(allowed[i]),
                                         &record->allowed_by[i])) ||
            (draft->denied_by[i].start != NULL &&
             !flow_hubble_proto_policies(decoder, whole, &draft->denied_by[i], BYTES(denied[i]),
                                         &record->denied_by[i]))) {
            return false;
        }
    }
    return true;
}

static bool
take_flow(struct flow_hubble_proto *decoder, struct flow_wire *wire, struct flow_record *record)
{
    struct draft draft = { .source = { NULL, 0 } };
    struct flow_wire inner, whole;
    uint32_t tag;
    int rc;

    if (!flow_wire_enter(wire, &inner)) {
        return false;
    }
    whole = inner;
    for (;;) {
        const uint8_t *start = inner.at;

        rc = flow_wire_tag(&inner, &tag);
        if (rc != FLOW_OK || !flow_field(decoder, &inner, tag, start, record, &draft)) {
            break;
        }
    }
    if (rc != FLOW_END) {
        return flow_wire_leave(wire, &inner);
    }
    return take_lists(decoder, &whole, record, &draft) || flow_wire_leave(wire, &whole);
}

/*
 * One of the members of which a message has one: what another said before is forgotten, but for the
 * node, which stands beside them.
 */
static void
begin_member(struct flow_hubble_proto *decoder, struct flow_record *record, uint8_t kind,
             bool *known)
{
    if (*known && record->kind != kind) {
        const struct flow_record before = *record;

        memset(record, 0, sizeof(*record));
        record->time = FLOW_TIME_NONE;
        record->node = before.node;
        record->node_name = before.node_name;
        record->source = record->destination = flow_dict_empty_endpoint(decoder->dict);
        record->source_names = record->destination_names = flow_dict_empty_list(decoder->dict);
    }
    *known = true;
    record->kind = kind;
}

static bool
outer_field(struct flow_hubble_proto *decoder, struct flow_wire *wire, uint32_t tag,
            struct flow_record *record, bool *known, int64_t *outer_time)
{
    switch (tag) {
    case BYTES(R_NODE_NAME):
        return record->node_name.len > 0 ? flow_wire_skip(wire, tag)
                                         : take_node_name(decoder, wire, record);
    case BYTES(R_TIME):
        return flow_hubble_proto_time(wire, outer_time);
    case BYTES(R_FLOW):
        begin_member(decoder, record, FLOW_KIND_FLOW, known);
        return take_flow(decoder, wire, record);
    case BYTES(R_LOST_EVENTS):
        begin_member(decoder, record, FLOW_KIND_LOST_EVENTS, known);
        return flow_hubble_proto_lost(wire, record);
    case BYTES(R_NODE_STATUS):
        begin_member(decoder, record, FLOW_KIND_NODE_STATUS, known);
        return flow_hubble_proto_status(wire, record);
    case BYTES(R_AGENT_EVENT):
        begin_member(decoder, record, FLOW_KIND_AGENT_EVENT, known);
        return flow_hubble_proto_agent(wire, tag, record);
    case BYTES(R_DEBUG_EVENT):
        begin_member(decoder, record, FLOW_KIND_DEBUG_EVENT, known);
        return flow_wire_skip(wire, tag);
    default:
        return flow_wire_skip(wire, tag);
    }
}

/* What failed in a copy, of parts that stood apart, is told at the start of the message. */
static bool
fail_within(struct flow_wire *wire, const uint8_t *start)
{
    const uintptr_t at = (uintptr_t)wire->failed_at;

    if (at < (uintptr_t)start || at > (uintptr_t)wire->end) {
        wire->failed_at = start;
    }
    return false;
}

bool
flow_hubble_proto_decode(struct flow_hubble_proto *decoder, struct flow_wire *wire,
                         struct flow_record *record)
{
    const uint8_t *start = wire->at;
    int64_t outer_time = FLOW_TIME_NONE;
    bool known = false;
    uint32_t tag;
    int rc;

    while ((rc = flow_wire_tag(wire, &tag)) == FLOW_OK) {
        if (!outer_field(decoder, wire, tag, record, &known, &outer_time)) {
            return fail_within(wire, start);
        }
    }
    if (rc < 0) {
        return false;
    }
    if (!known) {
        return flow_wire_fail(wire, start,
                              "a Hubble message (flow, lost_events, node_status, ...)");
    }
    if (record->time == FLOW_TIME_NONE) {
        record->time = outer_time;
    }
    return true;
}
