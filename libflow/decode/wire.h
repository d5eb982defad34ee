/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor over one protobuf message, for decoders that know which fields they want: nothing is
 * built, what is not wanted is passed over by its length. Every function returns false once the
 * bytes are not what the encoding asks for; the cursor then holds what was expected and where.
 */
#ifndef FLOW_DECODE_WIRE_H
#define FLOW_DECODE_WIRE_H

#include "base/arena.h"
#include "base/error.h"

/* How a field's value is encoded. Groups, 3 and 4, are of proto2 and never sent. */
enum flow_wire_type {
    FLOW_WIRE_VARINT = 0,
    FLOW_WIRE_FIXED64 = 1,
    FLOW_WIRE_BYTES = 2,
    FLOW_WIRE_FIXED32 = 5
};

/* A field number and its wire type as they stand before a value. */
#define FLOW_WIRE_TAG(field, type) ((uint32_t)(field) << 3 | (type))

struct flow_wire {
    const uint8_t *at, *end;
    struct flow_arena *arena; /* of the batch, for what is larger than a record */
    /* after a failure: */
    const char *expected; /* "a varint"; NULL: nothing failed */
    const uint8_t *failed_at;
    int status; /* FLOW_E_PARSE or FLOW_E_MEMORY */
};

static inline void
flow_wire_init(struct flow_wire *wire, const uint8_t *bytes, size_t len, struct flow_arena *arena)
{
    *wire = (struct flow_wire){ .at = bytes, .end = bytes + len, .arena = arena };
}

/* Records a failure at a byte and returns false. */
bool flow_wire_fail(struct flow_wire *wire, const uint8_t *at, const char *expected);

/* Records that memory has run out and returns false. */
bool flow_wire_no_memory(struct flow_wire *wire);

/* Fills err from the failure, with the offset from start; returns the status. */
int flow_wire_error(const struct flow_wire *wire, const uint8_t *start, struct flow_error *err);

/* A varint of more than one byte. */
bool flow_wire_varint_slow(struct flow_wire *wire, uint64_t *value);

static inline bool
flow_wire_varint(struct flow_wire *wire, uint64_t *value)
{
    if (wire->at < wire->end && *wire->at < 0x80) {
        *value = *wire->at++;
        return true;
    }
    return flow_wire_varint_slow(wire, value);
}

/* The next field's tag; FLOW_END behind the last field, below 0 when it is none. */
static inline int
flow_wire_tag(struct flow_wire *wire, uint32_t *tag)
{
    const uint8_t *start = wire->at;
    uint64_t value;

    if (wire->at == wire->end) {
        return FLOW_END;
    }
    if (!flow_wire_varint(wire, &value)) {
        return FLOW_E_PARSE;
    }
    if (value > UINT32_MAX || value >> 3 == 0) {
        flow_wire_fail(wire, start, "a field number");
        return FLOW_E_PARSE;
    }
    *tag = (uint32_t)value;
    return FLOW_OK;
}

/* The bytes of a text, of bytes or of a message. */
static inline bool
flow_wire_bytes(struct flow_wire *wire, struct flow_str *bytes)
{
    const uint8_t *start = wire->at;
    uint64_t len;

    if (!flow_wire_varint(wire, &len)) {
        return false;
    }
    if (len > (uint64_t)(wire->end - wire->at)) {
        return flow_wire_fail(wire, start, "a length that ends within its message");
    }
    *bytes = (struct flow_str){ (const char *)wire->at, (size_t)len };
    wire->at += len;
    return true;
}

/* As flow_wire_bytes, refused unless it is UTF-8. */
bool flow_wire_text(struct flow_wire *wire, struct flow_str *text);

/* Passes over the value behind a tag. */
bool flow_wire_skip(struct flow_wire *wire, uint32_t tag);

/*
 * A cursor over the message at this one, which is moved behind it. What fails inside is told with
 * flow_wire_leave.
 */
static inline bool
flow_wire_enter(struct flow_wire *wire, struct flow_wire *inner)
{
    struct flow_str bytes = { NULL, 0 };

    if (!flow_wire_bytes(wire, &bytes)) {
        return false;
    }
    flow_wire_init(inner, (const uint8_t *)bytes.ptr, bytes.len, wire->arena);
    return true;
}

/* Takes over what failed inside; returns false. */
bool flow_wire_leave(struct flow_wire *wire, const struct flow_wire *inner);

/* Takes the value behind a tag into the target, or passes over it. */
typedef bool flow_wire_field(struct flow_wire *wire, uint32_t tag, void *target);

/*
 * The fields of the message at the cursor, each given to the function with what it fills in.
 * Inline, so that each message's loop calls its own function directly.
 */
static inline bool
flow_wire_message(struct flow_wire *wire, flow_wire_field *field, void *target)
{
    struct flow_wire inner;
    uint32_t tag;
    int rc;

    if (!flow_wire_enter(wire, &inner)) {
        return false;
    }
    while ((rc = flow_wire_tag(&inner, &tag)) == FLOW_OK) {
        if (!field(&inner, tag, target)) {
            return flow_wire_leave(wire, &inner);
        }
    }
    return rc == FLOW_END || flow_wire_leave(wire, &inner);
}

#endif
