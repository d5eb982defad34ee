/* SPDX-License-Identifier: Apache-2.0 */
/*
 * google.protobuf.Any. What an Any holds can be of a type that is not known here. In JSON its
 * members are then kept as a google.protobuf.Struct, with "@type" as one of them; bytes of an
 * unknown type are "@bytes", in base64. Either way back gives what was there.
 */
#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "decode/wire.h"
#include "encode/transcode.h"

#define VARINT(field) FLOW_WIRE_TAG(field, FLOW_WIRE_VARINT)
#define BYTES(field) FLOW_WIRE_TAG(field, FLOW_WIRE_BYTES)
#define FIXED64(field) FLOW_WIRE_TAG(field, FLOW_WIRE_FIXED64)

static const char struct_type[] = "type.googleapis.com/google.protobuf.Struct";

/* Fields of google.protobuf.Value. */
enum { V_NULL = 1, V_NUMBER, V_STRING, V_BOOL, V_STRUCT, V_LIST };

/* Messages inside each other that are believed. */
enum { DEPTH_MAX = 100 };

static bool add_value(struct flow_json *json, struct flow_buf *out);

/* The members of an object as entries of a Struct. */
static bool
add_struct(struct flow_json *json, struct flow_buf *out)
{
    struct flow_str name;
    bool first = true;
    int rc;

    if (!flow_json_object(json)) {
        return false;
    }
    while ((rc = flow_json_key(json, &first, &name)) == FLOW_OK) {
        const size_t entry = flow_proto_open(out, 1);
        size_t value;

        flow_proto_add_bytes(out, 1, name);
        value = flow_proto_open(out, 2);
        if (!add_value(json, out)) {
            return false;
        }
        flow_proto_close(out, value);
        flow_proto_close(out, entry);
    }
    return rc == FLOW_END;
}

static bool
add_list(struct flow_json *json, struct flow_buf *out)
{
    bool first = true;
    int rc;

    if (!flow_json_list(json)) {
        return false;
    }
    while ((rc = flow_json_item(json, &first)) == FLOW_OK) {
        const size_t value = flow_proto_open(out, 1);

        if (!add_value(json, out)) {
            return false;
        }
        flow_proto_close(out, value);
    }
    return rc == FLOW_END;
}

static bool
add_number(struct flow_json *json, struct flow_buf *out)
{
    const uint8_t *start = json->at;
    char text[64];
    double number;
    size_t len;

    if (!flow_json_skip(json)) {
        return false;
    }
    len = (size_t)(json->at - start);
    if (len >= sizeof(text)) {
        return flow_json_fail(json, "a number of a usual length");
    }
    memcpy(text, start, len);
    text[len] = '\0';
    number = strtod(text, NULL);
    flow_proto_add_tag(out, V_NUMBER, FLOW_WIRE_FIXED64);
    flow_buf_add(out, (const char *)&number, sizeof(number));
    return true;
}

static bool
add_value(struct flow_json *json, struct flow_buf *out)
{
    struct flow_str text;
    size_t place;
    bool yes;

    switch (flow_json_peek(json)) {
    case '{':
    case '[':
        if (json->depth > DEPTH_MAX) {
            return flow_json_fail(json, "fewer objects inside each other");
        }
        place = flow_proto_open(out, *json->at == '{' ? V_STRUCT : V_LIST);
        if (*json->at == '{' ? !add_struct(json, out) : !add_list(json, out)) {
            return false;
        }
        flow_proto_close(out, place);
        return true;
    case '"':
        if (!flow_json_string(json, &text)) {
            return false;
        }
        flow_proto_add_bytes(out, V_STRING, text);
        return true;
    case 't':
    case 'f':
        if (!flow_json_bool(json, &yes)) {
            return false;
        }
        flow_proto_add_tag(out, V_BOOL, FLOW_WIRE_VARINT);
        flow_proto_add_varint(out, yes ? 1 : 0);
        return true;
    case 'n':
        flow_proto_add_tag(out, V_NULL, FLOW_WIRE_VARINT);
        flow_proto_add_varint(out, 0);
        return flow_json_null(json);
    default:
        return add_number(json, out);
    }
}

/* What the members of an Any in JSON show it to be. */
struct shape {
    struct flow_str type, bytes;
    struct flow_json value; /* at the member "value" */
    bool has_value;
    unsigned others;
};

static bool
look_at(struct flow_json json, struct shape *shape)
{
    struct flow_str name;
    bool first = true;
    int rc;

    memset(shape, 0, sizeof(*shape));
    if (!flow_json_object(&json)) {
        return false;
    }
    while ((rc = flow_json_key(&json, &first, &name)) == FLOW_OK) {
        const bool text = flow_json_peek(&json) == '"';

        if (text && flow_str_is(name, "@type")) {
            rc = flow_json_string(&json, &shape->type) ? FLOW_OK : FLOW_E_PARSE;
        } else if (text && flow_str_is(name, "@bytes")) {
            rc = flow_json_string(&json, &shape->bytes) ? FLOW_OK : FLOW_E_PARSE;
        } else {
            shape->has_value = flow_str_is(name, "value") && flow_json_peek(&json) == '{';
            shape->value = json;
            shape->others++;
            rc = flow_json_skip(&json) ? FLOW_OK : FLOW_E_PARSE;
        }
        if (rc != FLOW_OK) {
            return false;
        }
    }
    return rc == FLOW_END;
}

/* Base64 back to bytes; false when it is none. */
static bool
add_decoded(struct flow_json *json, struct flow_str text, struct flow_buf *out)
{
    uint8_t *room = flow_arena_alloc(json->arena, text.len + 1);
    size_t padding = 0;
    int len;

    if (room == NULL) {
        return flow_json_no_memory(json);
    }
    while (padding < text.len && padding < 2 && text.ptr[text.len - 1 - padding] == '=') {
        padding++;
    }
    len = text.len % 4 == 0 && text.len < FLOW_RECORD_BYTES_MAX
              ? EVP_DecodeBlock(room, (const unsigned char *)text.ptr, (int)text.len)
              : -1;
    if (len < (int)padding) {
        return flow_json_fail(json, "base64");
    }
    flow_proto_add_bytes(out, 2, (struct flow_str){ (char *)room, (size_t)len - padding });
    return true;
}

bool
flow_any_from_json(struct flow_json *json, struct flow_buf *out)
{
    struct shape shape;
    size_t place;
    bool known;

    if (!look_at(*json, &shape)) {
        return flow_json_skip(json) && false;
    }
    if (shape.type.len > 0 && shape.bytes.ptr != NULL && shape.others == 0) {
        flow_proto_add_bytes(out, 1, shape.type);
        return add_decoded(json, shape.bytes, out) && flow_json_skip(json);
    }
    known = flow_str_is(shape.type, struct_type) && shape.has_value && shape.others == 1;
    flow_proto_add_bytes(out, 1, FLOW_STR(struct_type));
    place = flow_proto_open(out, 2);
    if (known) {
        if (!add_struct(&shape.value, out) || !flow_json_skip(json)) {
            return false;
        }
    } else if (!add_struct(json, out)) {
        return false;
    }
    flow_proto_close(out, place);
    return true;
}

/* Back to JSON. */

static bool print_value(struct flow_str bytes, struct flow_json_writer *writer, const char *key,
                        unsigned depth);

/* A message's two fields of bytes. */
static bool
take_two(struct flow_wire *wire, struct flow_str fields[2])
{
    uint32_t tag;
    int rc;

    fields[0] = fields[1] = (struct flow_str){ "", 0 };
    while ((rc = flow_wire_tag(wire, &tag)) == FLOW_OK) {
        if (tag == BYTES(1) || tag == BYTES(2)) {
            if (!flow_wire_bytes(wire, &fields[(tag >> 3) - 1])) {
                return false;
            }
        } else if (!flow_wire_skip(wire, tag)) {
            return false;
        }
    }
    return rc == FLOW_END;
}

/* A key of the writer is a C text: one with a NUL inside cannot be kept. */
static bool
print_entry(struct flow_str bytes, struct flow_json_writer *writer, unsigned depth)
{
    struct flow_str fields[2];
    struct flow_wire wire;
    char *name;
    bool ok;

    flow_wire_init(&wire, (const uint8_t *)bytes.ptr, bytes.len, NULL);
    if (!take_two(&wire, fields) || memchr(fields[0].ptr, '\0', fields[0].len) != NULL) {
        return false;
    }
    name = strndup(fields[0].ptr, fields[0].len);
    ok = name != NULL && print_value(fields[1], writer, name, depth);
    free(name);
    return ok;
}

/* The entries of a Struct, or the items of a ListValue. */
static bool
print_members(struct flow_str bytes, struct flow_json_writer *writer, bool list, unsigned depth)
{
    struct flow_wire wire;
    struct flow_str member;
    uint32_t tag;
    int rc;

    flow_wire_init(&wire, (const uint8_t *)bytes.ptr, bytes.len, NULL);
    while ((rc = flow_wire_tag(&wire, &tag)) == FLOW_OK) {
        if (tag != BYTES(1)) {
            if (!flow_wire_skip(&wire, tag)) {
                return false;
            }
        } else if (!flow_wire_bytes(&wire, &member) ||
                   (list ? !print_value(member, writer, NULL, depth)
                         : !print_entry(member, writer, depth))) {
            return false;
        }
    }
    return rc == FLOW_END;
}

/* JSON has no names for what is not finite; protobuf's JSON uses these. */
static void
print_number(struct flow_json_writer *writer, const char *key, const uint8_t *bytes)
{
    double number;

    memcpy(&number, bytes, sizeof(number));
    if (isnan(number)) {
        flow_json_add_text(writer, key, "NaN");
    } else if (isinf(number)) {
        flow_json_add_text(writer, key, number > 0 ? "Infinity" : "-Infinity");
    } else {
        flow_json_add_double(writer, key, number);
    }
}

static bool
print_nested(struct flow_str bytes, struct flow_json_writer *writer, const char *key, bool list,
             unsigned depth)
{
    bool ok;

    if (depth >= DEPTH_MAX) {
        return false;
    }
    flow_json_open(writer, key, list ? '[' : '{');
    ok = print_members(bytes, writer, list, depth + 1);
    flow_json_close(writer, list ? ']' : '}');
    return ok;
}

/* A Value; the last of its fields counts, and none is null. */
static bool
print_value(struct flow_str bytes, struct flow_json_writer *writer, const char *key, unsigned depth)
{
    struct flow_wire wire;
    struct flow_str text = { "", 0 };
    const uint8_t *number = NULL;
    uint64_t varint = 0;
    uint32_t tag, found = VARINT(V_NULL);
    int rc;

    flow_wire_init(&wire, (const uint8_t *)bytes.ptr, bytes.len, NULL);
    while ((rc = flow_wire_tag(&wire, &tag)) == FLOW_OK) {
        const uint8_t *at = wire.at;

        if (tag == VARINT(V_BOOL)          ? !flow_wire_varint(&wire, &varint)
            : (tag & 7) == FLOW_WIRE_BYTES ? !flow_wire_bytes(&wire, &text)
                                           : !flow_wire_skip(&wire, tag)) {
            return false;
        }
        number = tag == FIXED64(V_NUMBER) ? at : number;
        found = tag;
    }
    if (rc != FLOW_END) {
        return false;
    }
    switch (found) {
    case FIXED64(V_NUMBER):
        print_number(writer, key, number);
        return true;
    case BYTES(V_STRING):
        flow_json_add_str(writer, key, text);
        return true;
    case VARINT(V_BOOL):
        flow_json_add_bool(writer, key, varint != 0);
        return true;
    case BYTES(V_STRUCT):
    case BYTES(V_LIST):
        return print_nested(text, writer, key, found == BYTES(V_LIST), depth);
    default:
        flow_json_add_null(writer, key);
        return true;
    }
}

static bool
print_bytes(struct flow_str bytes, struct flow_json_writer *writer)
{
    char *text;

    if (bytes.len > FLOW_RECORD_BYTES_MAX) {
        return false;
    }
    text = malloc((bytes.len + 2) / 3 * 4 + 1);
    if (text == NULL) {
        return false;
    }
    EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)bytes.ptr, (int)bytes.len);
    flow_json_add_text(writer, "@bytes", text);
    free(text);
    return true;
}

/* Whether a Struct has "@type" as a member: then it stands for an Any of that type. */
static bool
names_type(struct flow_str bytes)
{
    struct flow_wire wire;
    struct flow_str entry = { NULL, 0 }, fields[2];
    struct flow_wire inner;
    uint32_t tag;

    flow_wire_init(&wire, (const uint8_t *)bytes.ptr, bytes.len, NULL);
    while (flow_wire_tag(&wire, &tag) == FLOW_OK) {
        if (tag != BYTES(1)) {
            if (!flow_wire_skip(&wire, tag)) {
                return false;
            }
            continue;
        }
        if (!flow_wire_bytes(&wire, &entry)) {
            return false;
        }
        flow_wire_init(&inner, (const uint8_t *)entry.ptr, entry.len, NULL);
        if (take_two(&inner, fields) && flow_str_is(fields[0], "@type")) {
            return true;
        }
    }
    return false;
}

bool
flow_any_to_json(struct flow_str any, struct flow_json_writer *writer, const char *key)
{
    struct flow_str fields[2];
    struct flow_wire wire;
    bool ok;

    flow_wire_init(&wire, (const uint8_t *)any.ptr, any.len, NULL);
    if (!take_two(&wire, fields)) {
        return false;
    }
    flow_json_open(writer, key, '{');
    if (flow_str_is(fields[0], struct_type)) {
        if (names_type(fields[1])) {
            ok = print_members(fields[1], writer, false, 1);
        } else {
            flow_json_add_text(writer, "@type", struct_type);
            ok = print_nested(fields[1], writer, "value", false, 1);
        }
    } else {
        flow_json_add_str(writer, "@type", fields[0]);
        ok = print_bytes(fields[1], writer);
    }
    flow_json_close(writer, '}');
    return ok;
}
