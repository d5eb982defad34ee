/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protobuf to JSON, as Hubble's exporter writes it: the definitions' own names, values that are the
 * default left away, numbers of 64 bits as text, enums by name. Fields stand in the order of
 * their numbers. Bytes are walked as they are, so texts may hold anything but invalid UTF-8, of
 * which the replacement character is written.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "decode/wire.h"
#include "encode/transcode.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "hubble_observer.pb-c.h"
#include "libflow/time.h"

/* A value as it stands in a message, in the chain of its field's. */
struct place {
    const ProtobufCFieldDescriptor *field;
    uint32_t type;         /* wire type */
    uint64_t number;       /* of a varint */
    struct flow_str bytes; /* of others */
    struct place *next;    /* of the same field */
    struct place *last;    /* of the first: the last of the chain */
};

struct printer {
    struct flow_arena *arena;
    struct flow_json_writer writer;
    struct flow_left_out *left;
    struct flow_wire wire; /* for what failed */
};

static bool add_message(struct printer *printer, const char *key, struct flow_str bytes,
                        const ProtobufCMessageDescriptor *message);

/* Numbers of 64 bits are text in JSON. */
static void
add_wide(struct printer *printer, const char *key, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    flow_json_add_text(&printer->writer, key, text);
}

static void
add_wide_signed(struct printer *printer, const char *key, int64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)value);
    flow_json_add_text(&printer->writer, key, text);
}

static void
add_signed(struct printer *printer, const char *key, int64_t value)
{
    if (value >= 0) {
        flow_json_add_u64(&printer->writer, key, (uint64_t)value);
    } else {
        flow_json_add_i64(&printer->writer, key, value);
    }
}

static void
add_enum(struct printer *printer, const char *key, const ProtobufCEnumDescriptor *descriptor,
         int32_t number)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(descriptor, number);

    if (value != NULL) {
        flow_json_add_text(&printer->writer, key, value->name);
    } else {
        add_signed(printer, key, number);
    }
}

static void
add_number(struct printer *printer, const char *key, const ProtobufCFieldDescriptor *field,
           uint64_t number)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        flow_json_add_bool(&printer->writer, key, number != 0);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        add_enum(printer, key, field->descriptor, (int32_t)number);
        break;
    case PROTOBUF_C_TYPE_UINT64:
        add_wide(printer, key, number);
        break;
    case PROTOBUF_C_TYPE_INT64:
        add_wide_signed(printer, key, (int64_t)number);
        break;
    case PROTOBUF_C_TYPE_INT32:
        add_signed(printer, key, (int32_t)number);
        break;
    default:
        flow_json_add_u64(&printer->writer, key, (uint32_t)number);
        break;
    }
}

/* A number that is written although it may be the default; 64-bit values are compared whole. */
static uint64_t
significant(const ProtobufCFieldDescriptor *field, uint64_t number)
{
    return field->type == PROTOBUF_C_TYPE_UINT64 || field->type == PROTOBUF_C_TYPE_INT64 ||
                   field->type == PROTOBUF_C_TYPE_BOOL
               ? number
               : (uint32_t)number;
}

/* The numbers of a message that stands for one value: a time's, or a wrapper's. */
static bool
take_numbers(struct printer *printer, struct flow_str bytes, uint64_t numbers[3])
{
    uint32_t tag;
    int rc;

    memset(numbers, 0, 3 * sizeof(*numbers));
    flow_wire_init(&printer->wire, (const uint8_t *)bytes.ptr, bytes.len, NULL);
    while ((rc = flow_wire_tag(&printer->wire, &tag)) == FLOW_OK) {
        if ((tag & 7) == FLOW_WIRE_VARINT && tag >> 3 < 3) {
            if (!flow_wire_varint(&printer->wire, &numbers[tag >> 3])) {
                return false;
            }
        } else if (!flow_wire_skip(&printer->wire, tag)) {
            return false;
        }
    }
    return rc == FLOW_END;
}

/* RFC 3339 where it can be; else the two members, so that nothing is lost. */
static bool
add_time(struct printer *printer, const char *key, struct flow_str bytes)
{
    char text[FLOW_TIME_TEXT_MAX];
    uint64_t numbers[3];
    int64_t seconds;

    if (!take_numbers(printer, bytes, numbers)) {
        return false;
    }
    seconds = (int64_t)numbers[1];
    if (seconds > -9000000000 && seconds < 9000000000 && (int32_t)numbers[2] >= 0 &&
        (int32_t)numbers[2] <= 999999999) {
        flow_json_add_text(&printer->writer, key,
                           flow_time_format(seconds * 1000000000 + (int32_t)numbers[2], text));
        return true;
    }
    flow_json_open(&printer->writer, key, '{');
    add_wide_signed(printer, "seconds", seconds);
    add_signed(printer, "nanos", (int32_t)numbers[2]);
    flow_json_close(&printer->writer, '}');
    return true;
}

/* A message's value, or what stands for it in JSON. */
static bool
add_content(struct printer *printer, const char *key, struct flow_str bytes,
            const ProtobufCMessageDescriptor *message)
{
    uint64_t numbers[3];

    if (message == &google__protobuf__timestamp__descriptor) {
        return add_time(printer, key, bytes);
    }
    if (message == &google__protobuf__any__descriptor) {
        return flow_any_to_json(bytes, &printer->writer, key) ||
               flow_wire_fail(&printer->wire, (const uint8_t *)bytes.ptr, "an Any");
    }
    if (message == &google__protobuf__bool_value__descriptor ||
        message == &google__protobuf__int32_value__descriptor ||
        message == &google__protobuf__uint32_value__descriptor) {
        if (!take_numbers(printer, bytes, numbers)) {
            return false;
        }
        add_number(printer, key, &message->fields[0], numbers[1]);
        return true;
    }
    return add_message(printer, key, bytes, message);
}

/* Items of one place of a list: one, or several packed numbers. */
static bool
add_items(struct printer *printer, const struct place *place)
{
    const ProtobufCFieldDescriptor *field = place->field;
    uint64_t number;

    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return add_content(printer, NULL, place->bytes, field->descriptor);
    }
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        flow_json_add_str(&printer->writer, NULL, place->bytes);
        return true;
    }
    if (place->type == FLOW_WIRE_VARINT) {
        add_number(printer, NULL, field, place->number);
        return true;
    }
    flow_wire_init(&printer->wire, (const uint8_t *)place->bytes.ptr, place->bytes.len, NULL);
    while (printer->wire.at < printer->wire.end) {
        if (!flow_wire_varint(&printer->wire, &number)) {
            return false;
        }
        add_number(printer, NULL, field, number);
    }
    return true;
}

/* A message that stands there several times is one, of all their bytes. */
static bool
join(struct printer *printer, const struct place *first, struct flow_str *bytes)
{
    size_t len = 0;
    char *room;

    *bytes = first->bytes;
    if (first->next == NULL) {
        return true;
    }
    for (const struct place *place = first; place != NULL; place = place->next) {
        len += place->bytes.len;
    }
    room = flow_arena_alloc(printer->arena, len);
    if (room == NULL) {
        return flow_wire_no_memory(&printer->wire);
    }
    *bytes = (struct flow_str){ room, len };
    for (const struct place *place = first; place != NULL; place = place->next) {
        if (place->bytes.len > 0) {
            memcpy(room, place->bytes.ptr, place->bytes.len);
        }
        room += place->bytes.len;
    }
    return true;
}

/* A field with all its places. */
static bool
add_field(struct printer *printer, const struct place *first)
{
    const ProtobufCFieldDescriptor *field = first->field;
    const struct place *last = first->last;
    struct flow_str bytes;

    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        flow_json_open(&printer->writer, field->name, '[');
        for (const struct place *place = first; place != NULL; place = place->next) {
            if (!add_items(printer, place)) {
                return false;
            }
        }
        flow_json_close(&printer->writer, ']');
        return true;
    }
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return join(printer, first, &bytes) &&
               add_content(printer, field->name, bytes, field->descriptor);
    case PROTOBUF_C_TYPE_STRING:
        if (last->bytes.len > 0) {
            flow_json_add_str(&printer->writer, field->name, last->bytes);
        }
        return true;
    default:
        if (significant(field, last->number) != 0) {
            add_number(printer, field->name, field, last->number);
        }
        return true;
    }
}

/* Whether a value of this wire type can be the field's. */
static bool
fits(const ProtobufCFieldDescriptor *field, uint32_t type)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING) {
        return type == FLOW_WIRE_BYTES;
    }
    return type == FLOW_WIRE_VARINT ||
           (type == FLOW_WIRE_BYTES && field->label == PROTOBUF_C_LABEL_REPEATED);
}

/* Takes the value behind a tag. *place stays NULL for one that has no name. */
static bool
take_place(struct printer *printer, struct flow_wire *wire, uint32_t tag,
           const ProtobufCMessageDescriptor *message, struct place **place)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(message, tag >> 3);
    char name[32];

    *place = NULL;
    if (field == NULL || !fits(field, tag & 7)) {
        snprintf(name, sizeof(name), "field %u", tag >> 3);
        flow_left_out_note(printer->left, flow_str_of(name));
        return flow_wire_skip(wire, tag);
    }
    *place = flow_arena_alloc(printer->arena, sizeof(**place));
    if (*place == NULL) {
        return flow_wire_no_memory(wire);
    }
    (*place)->field = field;
    (*place)->type = tag & 7;
    (*place)->last = *place;
    return (tag & 7) == FLOW_WIRE_VARINT ? flow_wire_varint(wire, &(*place)->number)
                                         : flow_wire_bytes(wire, &(*place)->bytes);
}

/* A member of a oneof takes the place of the one before. */
static void
drop_others(struct place **firsts, const ProtobufCMessageDescriptor *message,
            const ProtobufCFieldDescriptor *field)
{
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0) {
        return;
    }
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &message->fields[i];

        if (other != field && (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
            other->quantifier_offset == field->quantifier_offset && firsts[i] != NULL) {
            firsts[i] = NULL;
        }
    }
}

static bool
add_message(struct printer *printer, const char *key, struct flow_str bytes,
            const ProtobufCMessageDescriptor *message)
{
    struct place **firsts = flow_arena_array(printer->arena, message->n_fields, sizeof(*firsts));
    struct flow_wire wire;
    uint32_t tag;
    int rc;

    flow_wire_init(&wire, (const uint8_t *)bytes.ptr, bytes.len, NULL);
    if (firsts == NULL) {
        return flow_wire_no_memory(&printer->wire);
    }
    flow_json_open(&printer->writer, key, '{');
    while ((rc = flow_wire_tag(&wire, &tag)) == FLOW_OK) {
        struct place *place;
        size_t i;

        if (!take_place(printer, &wire, tag, message, &place)) {
            break;
        }
        if (place == NULL) {
            continue;
        }
        i = (size_t)(place->field - message->fields);
        drop_others(firsts, message, place->field);
        if (firsts[i] == NULL) {
            firsts[i] = place;
        } else {
            firsts[i]->last->next = place;
            firsts[i]->last = place;
        }
    }
    if (rc != FLOW_END) {
        printer->wire = wire;
        return false;
    }
    for (unsigned i = 0; i < message->n_fields; i++) {
        if (firsts[i] != NULL && !add_field(printer, firsts[i])) {
            return false;
        }
    }
    flow_json_close(&printer->writer, '}');
    return true;
}

bool
flow_proto_to_json(struct flow_str bytes, struct flow_arena *arena, struct flow_buf *out,
                   struct flow_left_out *left, struct flow_error *err)
{
    struct printer printer = { .arena = arena, .writer = { .out = out }, .left = left };

    if (!add_message(&printer, NULL, bytes, &observer__export_event__descriptor)) {
        flow_wire_error(&printer.wire, (const uint8_t *)bytes.ptr, err);
        return false;
    }
    if (out->failed) {
        flow_fail_memory(err);
        return false;
    }
    return true;
}
