/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of a record that the plain decoder has read: which of its bytes are values, and what
 * the plain decoder makes of each.
 */
#include <string.h>

#include "decode/hubble_json.h"
#include "decode/hubble_json_members.h"

/* Brackets inside brackets of what nobody wants. */
enum { DEPTH_MAX = 12 };

/* A record on its way to a shape. */
struct walk {
    struct flow_hubble_json *decoder;
    struct flow_json json;
    const uint8_t *from; /* behind the text of the last step */
    struct flow_shape_step *at;
    unsigned steps;
};

/* A step for the text up to a place, which the next one begins behind next. */
static bool
add(struct walk *walk, const uint8_t *until, const uint8_t *next, struct flow_shape_step step)
{
    step.text = walk->from;
    step.len = (uint32_t)(until - walk->from);
    walk->from = next;
    walk->steps++;
    walk->at = walk->steps > FLOW_SHAPE_RECORD_STEPS
                   ? NULL
                   : flow_shapes_add(&walk->decoder->shapes, walk->at, &step);
    return walk->at != NULL;
}

/* A string: the text goes up to its first byte, and from its last quote on. */
static bool
add_string(struct walk *walk, struct flow_shape_step step)
{
    const uint8_t *start = walk->json.at + 1;
    struct flow_str text;

    return flow_json_peek(&walk->json) == '"' && flow_json_string(&walk->json, &text) &&
           add(walk, start, walk->json.at - 1, step);
}

/* A value from its first byte to its last. */
static bool
add_value(struct walk *walk, struct flow_shape_step step)
{
    const uint8_t *start = walk->json.at;

    return flow_json_skip(&walk->json) && add(walk, start, walk->json.at, step);
}

/* What nobody wants: its texts and numbers may be any, what holds them is as it is. */
static bool
walk_unwanted(struct walk *walk, unsigned depth)
{
    struct flow_json *json = &walk->json;
    const uint8_t first_byte = flow_json_peek(json);
    struct flow_str key;
    bool first = true;
    int rc;

    if (first_byte == '"') {
        return add_string(walk, (struct flow_shape_step){ .kind = FLOW_SHAPE_STRING });
    }
    if (first_byte >= '0' && first_byte <= '9') {
        return add_value(walk, (struct flow_shape_step){ .kind = FLOW_SHAPE_NUMBER });
    }
    if (first_byte != '{' && first_byte != '[') {
        return flow_json_skip(json);
    }
    if (depth == 0 || !(first_byte == '{' ? flow_json_object(json) : flow_json_list(json))) {
        return false;
    }
    while ((rc = first_byte == '{' ? flow_json_key(json, &first, &key)
                                   : flow_json_item(json, &first)) == FLOW_OK) {
        if (!walk_unwanted(walk, depth - 1)) {
            return false;
        }
    }
    return rc == FLOW_END;
}

typedef bool walk_member(struct walk *walk, uint8_t number);

/* The members of an object by its table, each handed on unless it is null. */
static bool
walk_object(struct walk *walk, enum flow_json_table table, walk_member *member)
{
    struct flow_fields *fields = &walk->decoder->tables[table];
    uint8_t place = flow_fields_start(fields);
    struct flow_str key;
    bool first = true;
    int rc;

    if (!flow_json_object(&walk->json)) {
        return false;
    }
    while ((rc = flow_json_key(&walk->json, &first, &key)) == FLOW_OK) {
        const uint8_t number = flow_fields_number(fields, key, &place);

        if (!flow_json_null(&walk->json) && !member(walk, number)) {
            return false;
        }
    }
    return rc == FLOW_END;
}

#define OFFSET(member) ((uint16_t)offsetof(struct flow_record, member))
#define STEP(what, ...) ((struct flow_shape_step){ .kind = FLOW_SHAPE_##what, __VA_ARGS__ })

static bool
walk_ip(struct walk *walk, uint8_t number)
{
    switch (number) {
    case I_SOURCE:
        return add_string(walk, STEP(ADDRESS, .offset = OFFSET(source_address)));
    case I_DESTINATION:
        return add_string(walk, STEP(ADDRESS, .offset = OFFSET(destination_address)));
    case I_TRANSLATED:
        return add_string(walk, STEP(ADDRESS, .offset = OFFSET(source_translated)));
    case I_VERSION:
    case I_ENCRYPTED:
        return flow_json_skip(&walk->json);
    default:
        return walk_unwanted(walk, DEPTH_MAX);
    }
}

static bool
walk_ports(struct walk *walk, uint8_t number)
{
    switch (number) {
    case T_SOURCE:
        return add_value(walk, STEP(PORT, .offset = OFFSET(source_port)));
    case T_DESTINATION:
        return add_value(walk, STEP(PORT, .offset = OFFSET(destination_port)));
    case T_FLAGS:
    case T_TYPE:
    case T_CODE:
        return flow_json_skip(&walk->json);
    default:
        return walk_unwanted(walk, DEPTH_MAX);
    }
}

static bool
walk_protocol(struct walk *walk, uint8_t number)
{
    return number == FLOW_FIELD_UNKNOWN ? walk_unwanted(walk, DEPTH_MAX)
                                        : walk_object(walk, FLOW_JSON_PORTS, walk_ports);
}

#define KNOWN(what, which)                                                                         \
    add_value(walk, STEP(KNOWN, .number = FLOW_JSON_KNOWN_##what, .offset = OFFSET(which)))

/* A list or an object that repeats. */
static bool
walk_known(struct walk *walk, uint8_t number)
{
    switch (number) {
    case F_SOURCE:
        return KNOWN(ENDPOINT, source);
    case F_DESTINATION:
        return KNOWN(ENDPOINT, destination);
    case F_SOURCE_NAMES:
        return KNOWN(LIST, source_names);
    case F_DESTINATION_NAMES:
        return KNOWN(LIST, destination_names);
    case F_SOURCE_SERVICE:
        return KNOWN(SERVICE, source_service);
    case F_DESTINATION_SERVICE:
        return KNOWN(SERVICE, destination_service);
    case F_INGRESS_ALLOWED_BY:
        return KNOWN(POLICIES, allowed_by[0]);
    case F_EGRESS_ALLOWED_BY:
        return KNOWN(POLICIES, allowed_by[1]);
    case F_INGRESS_DENIED_BY:
        return KNOWN(POLICIES, denied_by[0]);
    default:
        return KNOWN(POLICIES, denied_by[1]);
    }
}

static bool
walk_flow(struct walk *walk, uint8_t number)
{
    switch (number) {
    case F_TIME:
        return add_string(walk, STEP(TIME, .number = 0));
    case F_UUID:
        return add_string(walk, STEP(UUID, .number = 0));
    case F_NODE_NAME:
        return add_string(walk, STEP(NODE, .number = 0));
    case F_IP:
        return walk_object(walk, FLOW_JSON_IP, walk_ip);
    case F_L4:
        return walk_object(walk, FLOW_JSON_L4, walk_protocol);
    case F_EVENT_TYPE:
    case F_VERDICT:
    case F_DROP_REASON:
    case F_DROP_REASON_DESC:
    case F_TYPE:
    case F_REPLY:
    case F_IS_REPLY:
    case F_DIRECTION:
    case F_MATCH_TYPE:
    case F_TRACE_POINT:
    case F_TRACE_REASON:
    case F_SOCK_POINT:
    case F_AUTH_TYPE:
    case F_EMITTER:
        /* of few values, and so a part of the text */
        return flow_json_skip(&walk->json);
    case F_SOURCE:
    case F_DESTINATION:
    case F_SOURCE_NAMES:
    case F_DESTINATION_NAMES:
    case F_SOURCE_SERVICE:
    case F_DESTINATION_SERVICE:
    case F_INGRESS_ALLOWED_BY:
    case F_EGRESS_ALLOWED_BY:
    case F_INGRESS_DENIED_BY:
    case F_EGRESS_DENIED_BY:
        return walk_known(walk, number);
    case FLOW_FIELD_UNKNOWN:
    case F_NODE_LABELS:
    case F_OTHER:
        return walk_unwanted(walk, DEPTH_MAX);
    default:
        return add_value(walk, STEP(MEMBER, .number = number));
    }
}

/* A member of the outer object, as the plain decoder tells them apart; only flows have shapes. */
static bool
walk_outer(struct walk *walk, struct flow_str key, uint8_t *place, uint8_t *bare_place)
{
    struct flow_hubble_json *decoder = walk->decoder;

    switch (flow_fields_number(&decoder->tables[FLOW_JSON_RESPONSE], key, place)) {
    case F_FLOW:
        return walk_object(walk, FLOW_JSON_FLOW, walk_flow);
    case F_TIME:
        return add_string(walk, STEP(OUTER_TIME, .number = 0));
    case F_NODE_NAME:
        return add_string(walk, STEP(OUTER_NODE, .number = 0));
    case FLOW_FIELD_UNKNOWN:
        return walk_flow(walk,
                         flow_fields_number(&decoder->tables[FLOW_JSON_FLOW], key, bare_place));
    default:
        return false;
    }
}

/* What of a record is in the text of its shape. */
static const struct flow_shape_values *
values_of(struct flow_shapes *shapes, const struct flow_record *record)
{
    struct flow_shape_values *values = flow_arena_alloc(&shapes->arena, sizeof(*values));

    if (values != NULL) {
        *values = (struct flow_shape_values){
            .event_type = record->event_type,
            .event_subtype = record->event_subtype,
            .verdict = record->verdict,
            .drop_reason = record->drop_reason,
            .trace_point = record->trace_point,
            .tcp_flags = record->tcp_flags,
            .type = record->type,
            .direction = record->direction,
            .is_reply = record->is_reply,
            .trace_reason = record->trace_reason,
            .auth_type = record->auth_type,
            .sock_point = record->sock_point,
            .policy_match_type = record->policy_match_type,
            .ip_version = record->ip_version,
            .protocol = record->protocol,
            .icmp_type = record->icmp_type,
            .icmp_code = record->icmp_code,
            .encrypted = record->encrypted,
            .has_ports = record->has_ports,
        };
    }
    return values;
}

/* Behind the last member: all of the record is text of steps or a value. */
static void
end_walk(struct walk *walk, const struct flow_record *record)
{
    if (add(walk, walk->json.at, walk->json.at, STEP(END, .number = 0)) &&
        walk->at->values == NULL) {
        walk->at->values = values_of(&walk->decoder->shapes, record);
    }
    if (walk->at != NULL && walk->at->values == NULL) {
        /* there is no memory: it does not end so */
        walk->at->kind = FLOW_SHAPE_NONE;
    }
}

void
flow_shapes_learn(struct flow_hubble_json *decoder, const uint8_t *at, const uint8_t *end,
                  const struct flow_record *record)
{
    uint8_t place = flow_fields_start(&decoder->tables[FLOW_JSON_RESPONSE]);
    uint8_t bare_place = flow_fields_start(&decoder->tables[FLOW_JSON_FLOW]);
    struct flow_arena arena = { 0 };
    struct walk walk = { .decoder = decoder, .from = at, .at = &decoder->shapes.root };
    struct flow_str key;
    bool first = true;
    int rc = FLOW_OK;

    if (decoder->shapes.off) {
        return;
    }
    flow_json_init(&walk.json, at, (size_t)(end - at), &arena);
    if (flow_json_object(&walk.json)) {
        while ((rc = flow_json_key(&walk.json, &first, &key)) == FLOW_OK &&
               (flow_json_null(&walk.json) || walk_outer(&walk, key, &place, &bare_place))) {
        }
    }
    if (rc == FLOW_END) {
        end_walk(&walk, record);
    }
    flow_arena_free(&arena);
}
