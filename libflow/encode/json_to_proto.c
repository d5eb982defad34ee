/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON to protobuf. Member names are the definitions' own, as Hubble writes them, or the same in
 * camelCase; what has no number is left out and told.
 */
#include <ctype.h>
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

struct maker {
    struct flow_json *json;
    struct flow_buf *out;
    struct flow_left_out *left;
};

static bool add_message(struct maker *maker, const ProtobufCMessageDescriptor *message);

static const ProtobufCFieldDescriptor *
find_exact(const ProtobufCMessageDescriptor *message, struct flow_str name)
{
    unsigned low = 0, high = message->n_fields;

    while (low < high) {
        const unsigned middle = (low + high) / 2;
        const ProtobufCFieldDescriptor *field =
            &message->fields[message->fields_sorted_by_name[middle]];
        const int order = flow_str_compare(name, flow_str_of(field->name));

        if (order == 0) {
            return field;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

/* "nodeName" for "node_name", and "id" for "ID": letters alone, in any case. */
static bool
same_letters(const char *name, struct flow_str text)
{
    size_t i = 0;

    for (; *name != '\0'; name++) {
        if (*name == '_') {
            continue;
        }
        if (i == text.len || tolower((unsigned char)*name) != tolower((unsigned char)text.ptr[i])) {
            return false;
        }
        i++;
    }
    return i == text.len;
}

static const ProtobufCFieldDescriptor *
find_field(const ProtobufCMessageDescriptor *message, struct flow_str name)
{
    const ProtobufCFieldDescriptor *field = find_exact(message, name);

    for (unsigned i = 0; field == NULL && i < message->n_fields; i++) {
        if (same_letters(message->fields[i].name, name)) {
            field = &message->fields[i];
        }
    }
    return field;
}

/* A number of an enum by name or as it is; false for a name that nobody knows. */
static bool
take_enum(struct flow_json *json, const ProtobufCEnumDescriptor *descriptor, uint64_t *number)
{
    struct flow_str name;
    char text[80];
    const ProtobufCEnumValue *value;
    int32_t plain;

    if (flow_json_peek(json) != '"') {
        if (!flow_json_i32(json, &plain)) {
            return false;
        }
        *number = (uint64_t)(int64_t)plain;
        return true;
    }
    if (!flow_json_string(json, &name) || name.len >= sizeof(text)) {
        return flow_json_fail(json, "a name that is known");
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    value = protobuf_c_enum_descriptor_get_value_by_name(descriptor, text);
    if (value == NULL) {
        return flow_json_fail(json, "a name that is known");
    }
    *number = (uint64_t)(int64_t)value->value;
    return true;
}

static bool
take_number(struct flow_json *json, const ProtobufCFieldDescriptor *field, uint64_t *number)
{
    int64_t wide;
    int32_t narrow;
    bool yes;

    switch (field->type) {
    case PROTOBUF_C_TYPE_BOOL:
        if (!flow_json_bool(json, &yes)) {
            return false;
        }
        *number = yes ? 1 : 0;
        return true;
    case PROTOBUF_C_TYPE_ENUM:
        return take_enum(json, field->descriptor, number);
    case PROTOBUF_C_TYPE_UINT32:
        return flow_json_uint(json, UINT32_MAX, number);
    case PROTOBUF_C_TYPE_UINT64:
        return flow_json_u64(json, number);
    case PROTOBUF_C_TYPE_INT32:
        if (!flow_json_i32(json, &narrow)) {
            return false;
        }
        *number = (uint64_t)(int64_t)narrow;
        return true;
    case PROTOBUF_C_TYPE_INT64:
        if (!flow_json_i64(json, &wide)) {
            return false;
        }
        *number = (uint64_t)wide;
        return true;
    default:
        return flow_json_fail(json, "a field of a type that Hubble uses");
    }
}

/* A time as text, or as an object of its two members. */
static bool
add_time(struct maker *maker)
{
    const int64_t second = 1000000000;
    struct flow_str text;
    int64_t time, seconds;

    if (flow_json_peek(maker->json) == '{') {
        return add_message(maker, &google__protobuf__timestamp__descriptor);
    }
    if (!flow_json_string(maker->json, &text)) {
        return false;
    }
    if (flow_time_parse(&time, text, NULL) != FLOW_OK) {
        return flow_json_fail(maker->json, "an RFC 3339 time");
    }
    seconds = time / second - (time % second < 0 ? 1 : 0);
    flow_proto_add_number(maker->out, 1, (uint64_t)seconds);
    flow_proto_add_number(maker->out, 2, (uint64_t)(time - seconds * second));
    return true;
}

/* A message, or what stands for it: a time, a bare value of a wrapper, an Any. */
static bool
add_content(struct maker *maker, const ProtobufCMessageDescriptor *message)
{
    const bool wrapper = message == &google__protobuf__bool_value__descriptor ||
                         message == &google__protobuf__int32_value__descriptor ||
                         message == &google__protobuf__uint32_value__descriptor;
    uint64_t number;

    if (message == &google__protobuf__timestamp__descriptor) {
        return add_time(maker);
    }
    if (message == &google__protobuf__any__descriptor) {
        return flow_any_from_json(maker->json, maker->out);
    }
    if (!wrapper || flow_json_peek(maker->json) == '{') {
        return add_message(maker, message);
    }
    if (!take_number(maker->json, &message->fields[0], &number)) {
        return false;
    }
    flow_proto_add_number(maker->out, 1, number);
    return true;
}

/* A value that stands under its own tag. */
static bool
add_single(struct maker *maker, const ProtobufCFieldDescriptor *field, bool keep_default)
{
    struct flow_str text;
    uint64_t number;
    size_t place;

    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        place = flow_proto_open(maker->out, field->id);
        if (!add_content(maker, field->descriptor)) {
            return false;
        }
        flow_proto_close(maker->out, place);
        return true;
    case PROTOBUF_C_TYPE_STRING:
        if (!flow_json_string(maker->json, &text)) {
            return false;
        }
        if (text.len > 0 || keep_default) {
            flow_proto_add_bytes(maker->out, field->id, text);
        }
        return true;
    default:
        if (!take_number(maker->json, field, &number)) {
            return false;
        }
        flow_proto_add_number(maker->out, field->id, number);
        return true;
    }
}

/* Numbers of a list are packed. */
static bool
add_list(struct maker *maker, const ProtobufCFieldDescriptor *field)
{
    const bool packed =
        field->type != PROTOBUF_C_TYPE_MESSAGE && field->type != PROTOBUF_C_TYPE_STRING;
    const size_t place = packed ? flow_proto_open(maker->out, field->id) : 0;
    bool first = true;
    uint64_t number;
    int rc;

    if (!flow_json_list(maker->json)) {
        return false;
    }
    while ((rc = flow_json_item(maker->json, &first)) == FLOW_OK) {
        if (!packed) {
            if (!add_single(maker, field, true)) {
                return false;
            }
            continue;
        }
        if (!take_number(maker->json, field, &number)) {
            return false;
        }
        flow_proto_add_varint(maker->out, number);
    }
    if (packed) {
        flow_proto_close(maker->out, place);
    }
    return rc == FLOW_END;
}

/* A member that the definitions do not have, or with a value that does not fit, is left out. */
static bool
add_member(struct maker *maker, const ProtobufCMessageDescriptor *message, struct flow_str name)
{
    const ProtobufCFieldDescriptor *field = find_field(message, name);
    const struct flow_json start = *maker->json;
    const size_t len = maker->out->len;

    if (flow_json_null(maker->json)) {
        return true;
    }
    if (field != NULL &&
        (field->label == PROTOBUF_C_LABEL_REPEATED ? add_list(maker, field)
                                                   : add_single(maker, field, false))) {
        return true;
    }
    if (maker->json->status == FLOW_E_MEMORY) {
        return false;
    }
    *maker->json = start;
    maker->out->len = len;
    if (!flow_json_skip(maker->json)) {
        return false;
    }
    flow_left_out_note(maker->left, name);
    return true;
}

static bool
add_message(struct maker *maker, const ProtobufCMessageDescriptor *message)
{
    struct flow_str name;
    bool first = true;
    int rc;

    if (!flow_json_object(maker->json)) {
        return false;
    }
    while ((rc = flow_json_key(maker->json, &first, &name)) == FLOW_OK) {
        if (!add_member(maker, message, name)) {
            return false;
        }
    }
    return rc == FLOW_END;
}

bool
flow_json_is_bare_flow(struct flow_json json)
{
    struct flow_str name;
    bool first = true;

    if (!flow_json_object(&json)) {
        return false;
    }
    while (flow_json_key(&json, &first, &name) == FLOW_OK) {
        const bool outer = find_field(&observer__export_event__descriptor, name) != NULL;
        const bool inner = find_field(&flow__flow__descriptor, name) != NULL;

        if (outer != inner) {
            return inner;
        }
        if (!flow_json_skip(&json)) {
            break;
        }
    }
    return false;
}

bool
flow_json_to_proto(struct flow_json *json, struct flow_buf *out, struct flow_left_out *left)
{
    struct maker maker = { json, out, left };
    size_t place;

    if (!flow_json_is_bare_flow(*json)) {
        return add_message(&maker, &observer__export_event__descriptor);
    }
    place = flow_proto_open(out, 1);
    if (!add_message(&maker, &flow__flow__descriptor)) {
        return false;
    }
    flow_proto_close(out, place);
    return true;
}
