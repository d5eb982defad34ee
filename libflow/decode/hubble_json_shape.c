/* SPDX-License-Identifier: Apache-2.0 */
/* Records by the shapes that were met before; see the header. */
#include "decode/hubble_json_shape.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "decode/hubble_json.h"
#include "decode/hubble_json_members.h"

/* A record that is compared with shapes. */
struct taking {
    struct flow_hubble_json *decoder;
    const uint8_t *end;
    struct flow_arena *arena;
    struct flow_record *record;
    int64_t outer_time;
};

void
flow_shapes_free(struct flow_shapes *shapes)
{
    flow_arena_free(&shapes->arena);
    shapes->root.child = NULL;
}

/* The closing quote of a string of plain ASCII, or NULL. */
static const uint8_t *
plain_string(const struct taking *taking, const uint8_t *at)
{
    const uint8_t *stop = flow_scan_ascii_string(at, taking->end);

    return stop < taking->end && *stop == '"' ? stop : NULL;
}

/* The same, of one that nobody wants, so that it may have escapes. */
static const uint8_t *
any_string(const struct taking *taking, const uint8_t *at)
{
    const uint8_t *stop = flow_scan_ascii_string(at, taking->end);
    struct flow_json json;
    struct flow_str text;

    if (stop < taking->end && *stop == '\\') {
        json = (struct flow_json){ .at = at - 1, .end = taking->end, .arena = taking->arena };
        stop = flow_json_string(&json, &text) && flow_scan_is_ascii(at, (size_t)(json.at - at))
                   ? json.at - 1
                   : taking->end;
    }
    return stop < taking->end && *stop == '"' ? stop : NULL;
}

/* Behind a port, or NULL. Eight bytes are looked at, without a branch for each. */
static const uint8_t *
plain_port(const struct taking *taking, const uint8_t *at, uint16_t *port)
{
    const uint64_t digits = flow_scan_word(at) ^ UINT64_C(0x3030303030303030);
    /* the high bit of each byte that is no digit */
    const uint64_t others =
        (digits | (digits + UINT64_C(0x7676767676767676))) & UINT64_C(0x8080808080808080);
    const unsigned len = others != 0 ? (unsigned)__builtin_ctzll(others) / 8 : 8;
    const uint8_t *stop = at + len;
    uint64_t value;

    if (len == 0 || len > 5 || stop >= taking->end || (*at == '0' && len > 1) ||
        (*stop != ',' && *stop != '}')) {
        return NULL;
    }
    value = flow_scan_number(digits << (64 - 8 * len));
    *port = (uint16_t)value;
    return value <= UINT16_MAX ? stop : NULL;
}

/* Behind a whole number without a sign that nobody wants, or NULL. */
static const uint8_t *
any_number(const struct taking *taking, const uint8_t *at)
{
    const uint8_t *start = at;

    while (at < taking->end && *at >= '0' && *at <= '9') {
        at++;
    }
    if (at == start || at >= taking->end || (*start == '0' && at - start > 1)) {
        return NULL;
    }
    return *at == ',' || *at == '}' || *at == ']' ? at : NULL;
}

static struct flow_json
cursor_at(const struct taking *taking, const uint8_t *at)
{
    return (struct flow_json){ .at = at, .end = taking->end, .arena = taking->arena };
}

/* The time whose opening quote stands before at. */
static const uint8_t *
take_time(const struct taking *taking, const uint8_t *at, int64_t *time)
{
    struct flow_hubble_json *decoder = taking->decoder;
    const size_t len = decoder->time_len;
    const uint8_t *stop;

    if (len > 0 && (size_t)(taking->end - at) > len && at[len] == '"' &&
        memcmp(at, decoder->time_text, len) == 0) {
        *time = decoder->time;
        return at + len;
    }
    stop = plain_string(taking, at);
    return stop != NULL &&
                   flow_hubble_json_time_text(
                       decoder, (struct flow_str){ (const char *)at, (size_t)(stop - at) }, time)
               ? stop
               : NULL;
}

/* Where the text at a place is remembered, when so many bytes of it are there; or NULL. */
static struct flow_json_short *
place_of(const struct taking *taking, const uint8_t *at, size_t first, uint64_t bytes[2])
{
    struct flow_hubble_json *decoder = taking->decoder;
    uint64_t sum;

    if ((size_t)(taking->end - at) < sizeof(uint64_t[2])) {
        return NULL;
    }
    if (decoder->shorts == NULL) {
        decoder->shorts = calloc(2 * FLOW_JSON_SHORTS, sizeof(*decoder->shorts));
        if (decoder->shorts == NULL) {
            return NULL;
        }
    }
    bytes[0] = flow_scan_word(at);
    bytes[1] = flow_scan_word(at + 8);
    sum = bytes[0] * UINT64_C(0x9e3779b97f4a7c15) ^ bytes[1] * UINT64_C(0xc2b2ae3d27d4eb4f);
    sum ^= sum >> 32;
    sum *= UINT64_C(0x165667b19e3779f9);
    return &decoder->shorts[first + (sum >> (64 - FLOW_JSON_SHORT_BITS))];
}

static bool
is_short(const struct flow_json_short *place, const uint64_t bytes[2])
{
    return place != NULL && place->len > 0 && place->bytes[0] == bytes[0] &&
           place->bytes[1] == bytes[1];
}

/* Makes a place that of a text; one whose quote is not among the bytes has none. */
static void
keep_short(struct flow_json_short *place, const uint64_t bytes[2], size_t len)
{
    place->bytes[0] = bytes[0];
    place->bytes[1] = bytes[1];
    place->len = len < sizeof(uint64_t[2]) ? (uint8_t)len : 0;
}

static const uint8_t *
take_node(const struct taking *taking, const uint8_t *at)
{
    uint64_t bytes[2];
    struct flow_json_short *place = place_of(taking, at, FLOW_JSON_SHORTS, bytes);
    struct flow_record *record = taking->record;
    const uint8_t *stop;

    if (is_short(place, bytes)) {
        record->node = place->node;
        record->node_name = flow_dict_node_name(taking->decoder->dict, place->node);
        return at + place->len;
    }
    stop = plain_string(taking, at);
    if (stop == NULL ||
        !flow_hubble_json_find_node(
            taking->decoder, (struct flow_str){ (const char *)at, (size_t)(stop - at) }, record)) {
        return NULL;
    }
    if (place != NULL) {
        keep_short(place, bytes, (size_t)(stop - at));
        place->node = record->node;
    }
    return stop;
}

static const uint8_t *
take_address(const struct taking *taking, const uint8_t *at, struct flow_address *address)
{
    uint64_t bytes[2];
    struct flow_json_short *place = place_of(taking, at, 0, bytes);
    const uint8_t *stop;

    if (is_short(place, bytes)) {
        *address = place->address;
        return at + place->len;
    }
    stop = plain_string(taking, at);
    if (stop == NULL || stop == at) {
        return stop;
    }
    if (flow_address_parse(address, (struct flow_str){ (const char *)at, (size_t)(stop - at) },
                           NULL) != FLOW_OK) {
        return NULL;
    }
    if (place != NULL) {
        keep_short(place, bytes, (size_t)(stop - at));
        place->address = *address;
    }
    return stop;
}

/* A value of bytes that were met before, and nothing else in its place. */
static const uint8_t *
take_known(const struct taking *taking, const uint8_t *at, enum flow_json_known_kind kind,
           const void **value)
{
    struct flow_json json = cursor_at(taking, at);

    *value = NULL;
    if (at >= taking->end || (*at != '{' && *at != '[')) {
        return NULL;
    }
    *value = flow_hubble_json_known(taking->decoder, &json, kind, true);
    return *value != NULL ? json.at : NULL;
}

/* A member by the plain decoder's function: what it takes must not leave the line. */
static const uint8_t *
take_member(const struct taking *taking, const uint8_t *at, uint8_t number)
{
    struct flow_json json = cursor_at(taking, at);

    return *at != 'n' && flow_hubble_json_member(taking->decoder, &json, number, taking->record) &&
                   flow_scan_is_ascii(at, (size_t)(json.at - at))
               ? json.at
               : NULL;
}

/* A pointer of the record. */
static void
set_pointer(struct flow_record *record, uint16_t offset, const void *value)
{
    memcpy((char *)record + offset, &value, sizeof(value));
}

static const uint8_t *
take_pointer(const struct taking *taking, const struct flow_shape_step *step, const uint8_t *at)
{
    const void *value;

    at = take_known(taking, at, (enum flow_json_known_kind)step->number, &value);
    if (at != NULL) {
        set_pointer(taking->record, step->offset, value);
    }
    return at;
}

static void
set_values(const struct flow_shape_values *values, struct flow_record *record)
{
    record->event_type = values->event_type;
    record->event_subtype = values->event_subtype;
    record->verdict = values->verdict;
    record->drop_reason = values->drop_reason;
    record->trace_point = values->trace_point;
    record->tcp_flags = values->tcp_flags;
    record->type = values->type;
    record->direction = values->direction;
    record->is_reply = values->is_reply;
    record->trace_reason = values->trace_reason;
    record->auth_type = values->auth_type;
    record->sock_point = values->sock_point;
    record->policy_match_type = values->policy_match_type;
    record->ip_version = values->ip_version;
    record->protocol = values->protocol;
    record->icmp_type = values->icmp_type;
    record->icmp_code = values->icmp_code;
    record->encrypted = values->encrypted;
    record->has_ports = values->has_ports;
}

/* Takes the value that a step wants; behind it, or NULL when none stands there that is plain. */
static const uint8_t *
take_value(struct taking *taking, const struct flow_shape_step *step, const uint8_t *at)
{
    struct flow_record *record = taking->record;
    const uint8_t *stop;
    uint16_t port;

    switch (step->kind) {
    case FLOW_SHAPE_TIME:
        return take_time(taking, at, &record->time);
    case FLOW_SHAPE_OUTER_TIME:
        return take_time(taking, at, &taking->outer_time);
    case FLOW_SHAPE_UUID:
        stop = plain_string(taking, at);
        if (stop != NULL) {
            record->uuid = (struct flow_str){ (const char *)at, (size_t)(stop - at) };
        }
        return stop;
    case FLOW_SHAPE_ADDRESS:
        return take_address(taking, at,
                            (struct flow_address *)(void *)((char *)record + step->offset));
    case FLOW_SHAPE_PORT:
        stop = plain_port(taking, at, &port);
        if (stop != NULL) {
            memcpy((char *)record + step->offset, &port, sizeof(port));
        }
        return stop;
    case FLOW_SHAPE_KNOWN:
        return take_pointer(taking, step, at);
    case FLOW_SHAPE_OUTER_NODE:
        return record->node_name.len > 0 ? any_string(taking, at) : take_node(taking, at);
    case FLOW_SHAPE_NODE:
        return take_node(taking, at);
    case FLOW_SHAPE_STRING:
        return any_string(taking, at);
    case FLOW_SHAPE_NUMBER:
        return any_number(taking, at);
    case FLOW_SHAPE_MEMBER:
        return take_member(taking, at, step->number);
    default:
        return at;
    }
}

/*
 * The step that stands at *at behind another, with *at moved behind its value. NULL: none does;
 * *text tells whether the text of one did.
 */
static struct flow_shape_step *
next_step(struct taking *taking, struct flow_shape_step *behind, const uint8_t **at, bool *text)
{
    struct flow_shape_step *before = NULL;

    *text = false;
    for (struct flow_shape_step *step = behind->child; step != NULL;
         before = step, step = step->sibling) {
        const uint8_t *next;

        if ((size_t)(taking->end - *at) < step->len ||
            !flow_scan_begins(*at, step->text, step->len)) {
            continue;
        }
        *text = true;
        __builtin_prefetch(step->child);
        __builtin_prefetch((const char *)step->child + 64);
        next = take_value(taking, step, *at + step->len);
        if (next == NULL) {
            continue;
        }
        if (before != NULL) {
            before->sibling = step->sibling;
            step->sibling = behind->child;
            behind->child = step;
        }
        *at = next;
        return step;
    }
    return NULL;
}

size_t
flow_shapes_take(struct flow_hubble_json *decoder, const uint8_t *at, const uint8_t *end,
                 struct flow_arena *arena, struct flow_record *record)
{
    struct flow_shapes *shapes = &decoder->shapes;
    struct flow_shape_step *step = &shapes->root;
    struct taking taking = { decoder, end, arena, record, FLOW_TIME_NONE };
    const uint8_t *start = at;
    bool text = false;

    if (step->child == NULL) {
        shapes->unknown = !shapes->off;
        return 0;
    }
    do {
        step = next_step(&taking, step, &at, &text);
    } while (step != NULL && step->kind != FLOW_SHAPE_END);
    shapes->unknown = step == NULL && !text;
    if (step == NULL || (size_t)(at - start) > FLOW_RECORD_BYTES_MAX) {
        return 0;
    }
    set_values(step->values, record);
    if (record->time == FLOW_TIME_NONE) {
        record->time = taking.outer_time;
    }
    return (size_t)(at - start);
}

/* Forgets all shapes, and gives up when that happens too often. */
static void
restart(struct flow_shapes *shapes)
{
    flow_arena_reset(&shapes->arena);
    shapes->root.child = NULL;
    shapes->steps = 0;
    shapes->text = 0;
    shapes->restarts++;
    shapes->off = shapes->restarts > FLOW_SHAPE_RESTARTS_MAX;
}

/* Whether the same is done with the value behind the text. */
static bool
is_alike(const struct flow_shape_step *a, const struct flow_shape_step *b)
{
    return a->kind == b->kind && a->number == b->number && a->offset == b->offset;
}

static uint32_t
shared_length(const struct flow_shape_step *a, const struct flow_shape_step *b)
{
    uint32_t len = 0;

    while (len < a->len && len < b->len && a->text[len] == b->text[len]) {
        len++;
    }
    return len;
}

/* A step of its own, in front of those that stand behind another. */
static struct flow_shape_step *
make(struct flow_shapes *shapes, struct flow_shape_step *behind, const struct flow_shape_step *step)
{
    struct flow_shape_step *made =
        flow_arena_alloc(&shapes->arena, sizeof(*made) + step->len + FLOW_SHAPE_PADDING);
    uint8_t *text = (uint8_t *)(made + 1);

    if (made == NULL) {
        return NULL;
    }
    memcpy(text, step->text, step->len);
    *made = *step;
    made->text = text;
    made->child = NULL;
    made->sibling = behind->child;
    behind->child = made;
    shapes->steps++;
    shapes->text += step->len;
    return made;
}

/* Makes of a step one for the beginning of its text, and one behind it for the rest. */
static bool
split(struct flow_shapes *shapes, struct flow_shape_step *step, uint32_t len)
{
    struct flow_shape_step *rest = flow_arena_alloc(&shapes->arena, sizeof(*rest));

    if (rest == NULL) {
        return false;
    }
    *rest = *step;
    rest->text += len;
    rest->len -= len;
    rest->sibling = NULL;
    *step = (struct flow_shape_step){
        .text = step->text, .len = len, .child = rest, .sibling = step->sibling
    };
    shapes->steps++;
    return true;
}

struct flow_shape_step *
flow_shapes_add(struct flow_shapes *shapes, struct flow_shape_step *behind,
                const struct flow_shape_step *step)
{
    struct flow_shape_step left = *step;
    struct flow_shape_step *next;
    size_t children = 0;

    if (shapes->steps >= FLOW_SHAPE_STEPS_MAX || shapes->text >= FLOW_SHAPE_TEXT_MAX) {
        restart(shapes);
        return NULL;
    }
    for (next = behind->child; next != NULL;) {
        const uint32_t len = shared_length(next, &left);

        if (len == next->len && len == left.len && is_alike(next, &left)) {
            return next;
        }
        if (len == 0) {
            next = next->sibling;
            children++;
            continue;
        }
        if ((len < next->len || next->kind != FLOW_SHAPE_NONE) && !split(shapes, next, len)) {
            return NULL;
        }
        left.text += len;
        left.len -= len;
        behind = next;
        next = next->child;
        children = 0;
    }
    return children < FLOW_SHAPE_CHILDREN_MAX ? make(shapes, behind, &left) : NULL;
}
