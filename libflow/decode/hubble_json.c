/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON object to one record: exporter lines, GetFlowsResponse lines and bare flows. The shape
 * is told by the members met, so their order does not matter.
 */
#include "decode/hubble_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "decode/hubble_json_members.h"
#include "model/names.h"

static const struct flow_field response_fields[] = {
    { "flow", F_FLOW },
    { "node_name", F_NODE_NAME },
    { "time", F_TIME },
    { "lost_events", F_LOST_EVENTS },
    { "node_status", F_NODE_STATUS },
    { "agent_event", F_AGENT_EVENT },
    { "debug_event", F_DEBUG_EVENT },
    { "nodeName", F_NODE_NAME },
    { "lostEvents", F_LOST_EVENTS },
    { "nodeStatus", F_NODE_STATUS },
    { "agentEvent", F_AGENT_EVENT },
    { "debugEvent", F_DEBUG_EVENT },
};

static const struct flow_field flow_fields[] = {
    { "time", F_TIME },
    { "uuid", F_UUID },
    { "emitter", F_EMITTER },
    { "verdict", F_VERDICT },
    { "drop_reason", F_DROP_REASON },
    { "auth_type", F_AUTH_TYPE },
    { "ethernet", F_OTHER },
    { "IP", F_IP },
    { "l4", F_L4 },
    { "tunnel", F_TUNNEL },
    { "source", F_SOURCE },
    { "destination", F_DESTINATION },
    { "Type", F_TYPE },
    { "node_name", F_NODE_NAME },
    { "node_labels", F_NODE_LABELS },
    { "source_names", F_SOURCE_NAMES },
    { "destination_names", F_DESTINATION_NAMES },
    { "l7", F_L7 },
    { "reply", F_REPLY },
    { "event_type", F_EVENT_TYPE },
    { "source_service", F_SOURCE_SERVICE },
    { "destination_service", F_DESTINATION_SERVICE },
    { "traffic_direction", F_DIRECTION },
    { "policy_match_type", F_MATCH_TYPE },
    { "trace_observation_point", F_TRACE_POINT },
    { "trace_reason", F_TRACE_REASON },
    { "file", F_OTHER },
    { "drop_reason_desc", F_DROP_REASON_DESC },
    { "is_reply", F_IS_REPLY },
    { "debug_capture_point", F_OTHER },
    { "interface", F_OTHER },
    { "proxy_port", F_PROXY_PORT },
    { "trace_context", F_OTHER },
    { "sock_xlate_point", F_SOCK_POINT },
    { "socket_cookie", F_OTHER },
    { "cgroup_id", F_OTHER },
    { "Summary", F_OTHER },
    { "extensions", F_OTHER },
    { "egress_allowed_by", F_EGRESS_ALLOWED_BY },
    { "ingress_allowed_by", F_INGRESS_ALLOWED_BY },
    { "egress_denied_by", F_EGRESS_DENIED_BY },
    { "ingress_denied_by", F_INGRESS_DENIED_BY },
    { "policy_log", F_OTHER },
    { "ip_trace_id", F_OTHER },
    { "aggregate", F_AGGREGATE },
    { "dropReason", F_DROP_REASON },
    { "authType", F_AUTH_TYPE },
    { "nodeName", F_NODE_NAME },
    { "sourceNames", F_SOURCE_NAMES },
    { "destinationNames", F_DESTINATION_NAMES },
    { "eventType", F_EVENT_TYPE },
    { "sourceService", F_SOURCE_SERVICE },
    { "destinationService", F_DESTINATION_SERVICE },
    { "trafficDirection", F_DIRECTION },
    { "policyMatchType", F_MATCH_TYPE },
    { "traceObservationPoint", F_TRACE_POINT },
    { "traceReason", F_TRACE_REASON },
    { "dropReasonDesc", F_DROP_REASON_DESC },
    { "isReply", F_IS_REPLY },
    { "proxyPort", F_PROXY_PORT },
    { "sockXlatePoint", F_SOCK_POINT },
    { "egressAllowedBy", F_EGRESS_ALLOWED_BY },
    { "ingressAllowedBy", F_INGRESS_ALLOWED_BY },
    { "egressDeniedBy", F_EGRESS_DENIED_BY },
    { "ingressDeniedBy", F_INGRESS_DENIED_BY },
};

enum lost_field { S_SOURCE = 1, S_COUNT, S_CPU, S_FIRST, S_LAST };

static const struct flow_field lost_fields[] = {
    { "source", S_SOURCE }, { "num_events_lost", S_COUNT }, { "cpu", S_CPU }, { "first", S_FIRST },
    { "last", S_LAST },     { "numEventsLost", S_COUNT },
};

enum agent_field { A_TYPE = 1 };

static const struct flow_field agent_fields[] = { { "type", A_TYPE } };

enum status_field { T_STATE = 1, T_NAMES, T_MESSAGE };

static const struct flow_field status_fields[] = {
    { "state_change", T_STATE }, { "node_names", T_NAMES }, { "message", T_MESSAGE },
    { "stateChange", T_STATE },  { "nodeNames", T_NAMES },
};

#define INIT(which, table)                                                                         \
    flow_fields_init(&decoder->tables[which], (table), sizeof(table) / sizeof((table)[0]))

void
flow_hubble_json_init(struct flow_hubble_json *decoder, struct flow_dict *dict)
{
    memset(decoder, 0, sizeof(*decoder));
    decoder->dict = dict;
    INIT(FLOW_JSON_RESPONSE, response_fields);
    INIT(FLOW_JSON_FLOW, flow_fields);
    INIT(FLOW_JSON_LOST, lost_fields);
    INIT(FLOW_JSON_AGENT, agent_fields);
    INIT(FLOW_JSON_STATUS, status_fields);
    flow_hubble_json_packet_tables(decoder);
    flow_hubble_json_endpoint_tables(decoder);
    flow_hubble_json_l7_tables(decoder);
}

void
flow_hubble_json_free(struct flow_hubble_json *decoder)
{
    free(decoder->texts);
    decoder->texts = NULL;
    free(decoder->known);
    decoder->known = NULL;
    free(decoder->shorts);
    decoder->shorts = NULL;
    flow_shapes_free(&decoder->shapes);
}

bool
flow_hubble_json_find_node(struct flow_hubble_json *decoder, struct flow_str name,
                           struct flow_record *record)
{
    if (!flow_str_equal(name, decoder->node_name)) {
        const uint32_t node = flow_dict_node(decoder->dict, name);

        if (node == FLOW_INTERN_NONE) {
            return false;
        }
        decoder->node = node;
        decoder->node_name = flow_dict_node_name(decoder->dict, node);
    }
    record->node = decoder->node;
    record->node_name = decoder->node_name;
    return true;
}

static bool
parse_node_name(struct flow_hubble_json *decoder, struct flow_json *json,
                struct flow_record *record)
{
    struct flow_str name;

    return flow_json_string(json, &name) &&
           (flow_hubble_json_find_node(decoder, name, record) || flow_json_no_memory(json));
}

/* is_reply counts before the older reply, which never says "no". */
static bool
parse_reply(struct flow_json *json, bool three_valued, struct flow_record *record)
{
    bool reply;

    if (!flow_json_bool(json, &reply)) {
        return false;
    }
    if (three_valued) {
        record->is_reply = reply ? FLOW_YES : FLOW_NO;
    } else if (reply && record->is_reply == FLOW_UNKNOWN) {
        record->is_reply = FLOW_YES;
    }
    return true;
}

/*
 * Both members carry the same number; the one with a name also exists where the other does not.
 * A number that no agent has is still a reason.
 */
static bool
parse_drop_reason(struct flow_json *json, struct flow_record *record)
{
    uint32_t reason;

    if (!flow_hubble_json_enum(json, flow_drop_reason_number, &reason)) {
        return false;
    }
    reason = reason < UINT16_MAX ? reason : UINT16_MAX;
    record->drop_reason = reason != 0 ? (uint16_t)reason : record->drop_reason;
    return true;
}

/* Passes over an object or a list, without a look inside when it is the one before once more. */
static bool
skip_repeated(struct flow_json *json, struct flow_json_repeated *repeated)
{
    const uint8_t *start = json->at;
    const size_t len = repeated->len;

    if (len > 0 && (size_t)(json->end - start) >= len && memcmp(start, repeated->bytes, len) == 0) {
        json->at += len;
        return true;
    }
    if (!flow_json_skip(json)) {
        return false;
    }
    repeated->len = 0;
    /* only what ends with its bracket ends where the bytes do */
    if ((*start == '{' || *start == '[') && (size_t)(json->at - start) <= sizeof(repeated->bytes)) {
        repeated->len = (uint16_t)(json->at - start);
        memcpy(repeated->bytes, start, repeated->len);
    }
    return true;
}

/* The members that many flows lack. */
static bool
rare_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number,
            struct flow_record *record)
{
    switch (number) {
    case F_DROP_REASON:
    case F_DROP_REASON_DESC:
        return parse_drop_reason(json, record);
    case F_AUTH_TYPE:
        return flow_hubble_json_u8_enum(json, flow_auth_type_number, &record->auth_type);
    case F_SOURCE_NAMES:
        return flow_hubble_json_list(decoder, json, &record->source_names);
    case F_DESTINATION_NAMES:
        return flow_hubble_json_list(decoder, json, &record->destination_names);
    case F_L7:
        return flow_hubble_json_l7(decoder, json, record);
    case F_SOURCE_SERVICE:
        return flow_hubble_json_service(decoder, json, &record->source_service);
    case F_DESTINATION_SERVICE:
        return flow_hubble_json_service(decoder, json, &record->destination_service);
    case F_SOCK_POINT:
        return flow_hubble_json_u8_enum(json, flow_sock_point_number, &record->sock_point);
    case F_PROXY_PORT:
        return flow_hubble_json_u16(json, &record->proxy_port);
    case F_TUNNEL:
        record->tunnelled = true;
        return flow_json_skip(json);
    case F_INGRESS_ALLOWED_BY:
        return flow_hubble_json_policies(decoder, json, &record->allowed_by[0]);
    case F_EGRESS_ALLOWED_BY:
        return flow_hubble_json_policies(decoder, json, &record->allowed_by[1]);
    case F_INGRESS_DENIED_BY:
        return flow_hubble_json_policies(decoder, json, &record->denied_by[0]);
    case F_EGRESS_DENIED_BY:
        return flow_hubble_json_policies(decoder, json, &record->denied_by[1]);
    case F_AGGREGATE:
        return flow_hubble_json_aggregate(decoder, json, record);
    default:
        return flow_json_skip(json);
    }
}

static bool
flow_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number, void *target)
{
    struct flow_record *record = target;
    switch (number) {
    case F_TIME:
        return flow_hubble_json_time(decoder, json, &record->time);
    case F_UUID:
        return flow_json_string(json, &record->uuid);
    case F_VERDICT:
        return flow_hubble_json_u16_enum(json, flow_verdict_number, &record->verdict);
    case F_IP:
        return flow_hubble_json_ip(decoder, json, record);
    case F_L4:
        return flow_hubble_json_l4(decoder, json, record);
    case F_SOURCE:
        return flow_hubble_json_endpoint(decoder, json, &record->source);
    case F_DESTINATION:
        return flow_hubble_json_endpoint(decoder, json, &record->destination);
    case F_TYPE:
        return flow_hubble_json_u8_enum(json, flow_type_number, &record->type);
    case F_NODE_NAME:
        return parse_node_name(decoder, json, record);
    case F_REPLY:
    case F_IS_REPLY:
        return parse_reply(json, number == F_IS_REPLY, record);
    case F_EVENT_TYPE:
        return flow_hubble_json_event(decoder, json, record);
    case F_DIRECTION:
        return flow_hubble_json_u8_enum(json, flow_direction_number, &record->direction);
    case F_MATCH_TYPE:
        return flow_hubble_json_u8(json, &record->policy_match_type);
    case F_TRACE_POINT:
        return flow_hubble_json_u16_enum(json, flow_trace_point_number, &record->trace_point);
    case F_TRACE_REASON:
        return flow_hubble_json_u8_enum(json, flow_trace_reason_number, &record->trace_reason);
    case F_EMITTER:
        return skip_repeated(json, &decoder->emitter);
    case F_NODE_LABELS:
        return skip_repeated(json, &decoder->node_labels);
    default:
        return rare_member(decoder, json, number, record);
    }
}

bool
flow_hubble_json_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number,
                        struct flow_record *record)
{
    return flow_member(decoder, json, number, record);
}

static bool
lost_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number, void *target)
{
    struct flow_lost *lost = target;
    int64_t cpu;

    switch (number) {
    case S_SOURCE:
        return flow_hubble_json_enum(json, flow_lost_source_number, &lost->source);
    case S_COUNT:
        return flow_json_u64(json, &lost->count);
    case S_CPU:
        if (!flow_json_i64(json, &cpu)) {
            return false;
        }
        lost->cpu = cpu >= 0 && cpu <= INT32_MAX ? (int32_t)cpu : -1;
        return true;
    case S_FIRST:
        return flow_hubble_json_time(decoder, json, &lost->first);
    case S_LAST:
        return flow_hubble_json_time(decoder, json, &lost->last);
    default:
        return flow_json_skip(json);
    }
}

static bool
parse_lost(struct flow_hubble_json *decoder, struct flow_json *json, struct flow_record *record)
{
    struct flow_lost *lost = flow_arena_alloc(json->arena, sizeof(*lost));

    if (lost == NULL) {
        return flow_json_no_memory(json);
    }
    lost->first = lost->last = FLOW_TIME_NONE;
    lost->cpu = -1;
    record->lost = lost;
    return flow_hubble_json_object(decoder, json, FLOW_JSON_LOST, lost_member, lost);
}

static bool
status_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number,
              void *target)
{
    struct flow_node_status *status = target;

    switch (number) {
    case T_STATE:
        return flow_hubble_json_enum(json, flow_node_state_number, &status->state);
    case T_NAMES:
        return flow_hubble_json_keep_texts(decoder, json, &status->names);
    case T_MESSAGE:
        return flow_json_string(json, &status->message);
    default:
        return flow_json_skip(json);
    }
}

static bool
parse_status(struct flow_hubble_json *decoder, struct flow_json *json, struct flow_record *record)
{
    struct flow_node_status *status = flow_arena_alloc(json->arena, sizeof(*status));

    if (status == NULL) {
        return flow_json_no_memory(json);
    }
    record->status = status;
    return flow_hubble_json_object(decoder, json, FLOW_JSON_STATUS, status_member, status);
}

static bool
agent_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number, void *target)
{
    (void)decoder;
    return number == A_TYPE ? flow_hubble_json_enum(json, flow_agent_event_number, target)
                            : flow_json_skip(json);
}

/* Of an agent's event its type counts; whatever else it is, it is one. */
static bool
parse_agent(struct flow_hubble_json *decoder, struct flow_json *json, struct flow_record *record)
{
    const struct flow_json before = *json;
    uint32_t type = 0;

    if (!flow_hubble_json_object(decoder, json, FLOW_JSON_AGENT, agent_member, &type)) {
        type = 0;
        *json = before;
        if (!flow_json_skip(json)) {
            return false;
        }
    }
    record->event_subtype = type <= INT32_MAX ? (int32_t)type : 0;
    return true;
}

/* What the members of the outer object have shown it to be. */
struct shape {
    bool known;
    int64_t outer_time;
};

static bool
wrapped_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number,
               struct flow_record *record)
{
    switch (number) {
    case F_FLOW:
        record->kind = FLOW_KIND_FLOW;
        return flow_hubble_json_object(decoder, json, FLOW_JSON_FLOW, flow_member, record);
    case F_LOST_EVENTS:
        record->kind = FLOW_KIND_LOST_EVENTS;
        return parse_lost(decoder, json, record);
    case F_NODE_STATUS:
        record->kind = FLOW_KIND_NODE_STATUS;
        return parse_status(decoder, json, record);
    case F_AGENT_EVENT:
        record->kind = FLOW_KIND_AGENT_EVENT;
        return parse_agent(decoder, json, record);
    default:
        record->kind = FLOW_KIND_DEBUG_EVENT;
        return flow_json_skip(json);
    }
}

/*
 * A member of the outer object. Names that only a flow has make it a bare flow; time and node_name
 * stand in both, and the flow's own time counts.
 */
static bool
outer_member(struct flow_hubble_json *decoder, struct flow_json *json, struct flow_str key,
             uint8_t *place, uint8_t *bare_place, struct flow_record *record, struct shape *shape)
{
    const uint8_t number = flow_fields_number(&decoder->tables[FLOW_JSON_RESPONSE], key, place);

    if (number == F_TIME) {
        return flow_hubble_json_time(decoder, json, &shape->outer_time);
    }
    if (number == F_NODE_NAME) {
        return record->node_name.len > 0 ? flow_json_skip(json)
                                         : parse_node_name(decoder, json, record);
    }
    if (number != FLOW_FIELD_UNKNOWN) {
        shape->known = true;
        return wrapped_member(decoder, json, number, record);
    }
    const uint8_t bare = flow_fields_number(&decoder->tables[FLOW_JSON_FLOW], key, bare_place);

    shape->known |= bare != FLOW_FIELD_UNKNOWN && bare < F_EMITTER;
    return flow_member(decoder, json, bare, record);
}

bool
flow_hubble_json_decode(struct flow_hubble_json *decoder, struct flow_json *json,
                        struct flow_record *record)
{
    uint8_t place = flow_fields_start(&decoder->tables[FLOW_JSON_RESPONSE]);
    uint8_t bare_place = flow_fields_start(&decoder->tables[FLOW_JSON_FLOW]);
    struct shape shape = { false, FLOW_TIME_NONE };
    const uint8_t *start = json->at;
    bool first = true;
    struct flow_str key;
    int rc;

    if (!flow_json_object(json)) {
        return false;
    }
    while ((rc = flow_json_key(json, &first, &key)) == FLOW_OK) {
        if (!flow_json_null(json) &&
            !outer_member(decoder, json, key, &place, &bare_place, record, &shape)) {
            return false;
        }
    }
    if (rc != FLOW_END) {
        return false;
    }
    if (!shape.known) {
        json->at = start;
        return flow_json_fail(json, "a Hubble record (flow, lost_events, node_status, ...)");
    }
    if (record->time == FLOW_TIME_NONE) {
        record->time = shape.outer_time;
    }
    return true;
}
