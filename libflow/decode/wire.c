/* SPDX-License-Identifier: Apache-2.0 */
/* The rare and the long halves of the protobuf cursor. */
#include "decode/wire.h"

#include "base/utf8.h"

bool
flow_wire_fail(struct flow_wire *wire, const uint8_t *at, const char *expected)
{
    wire->expected = expected;
    wire->failed_at = at;
    wire->status = FLOW_E_PARSE;
    return false;
}

bool
flow_wire_no_memory(struct flow_wire *wire)
{
    wire->expected = "memory";
    wire->failed_at = wire->at;
    wire->status = FLOW_E_MEMORY;
    return false;
}

bool
flow_wire_leave(struct flow_wire *wire, const struct flow_wire *inner)
{
    wire->expected = inner->expected;
    wire->failed_at = inner->failed_at;
    wire->status = inner->status;
    return false;
}

int
flow_wire_error(const struct flow_wire *wire, const uint8_t *start, struct flow_error *err)
{
    if (wire->status == FLOW_E_MEMORY) {
        return flow_fail_memory(err);
    }
    if (wire->failed_at < wire->end) {
        flow_fail(err, FLOW_E_PARSE, "expected %s, found byte 0x%02x", wire->expected,
                  *wire->failed_at);
    } else {
        flow_fail(err, FLOW_E_PARSE, "expected %s, found the end of the message", wire->expected);
    }
    flow_error_set_place(err, (uint64_t)(wire->failed_at - start), 0, 0);
    return FLOW_E_PARSE;
}

bool
flow_wire_varint_slow(struct flow_wire *wire, uint64_t *value)
{
    const uint8_t *at = wire->at;
    uint64_t sum = 0;

    for (unsigned shift = 0; shift < 64 && at < wire->end; shift += 7) {
        const uint8_t byte = *at++;

        sum |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            wire->at = at;
            *value = sum;
            return true;
        }
    }
    return flow_wire_fail(wire, at < wire->end ? wire->at : at, "a number of at most ten bytes");
}

bool
flow_wire_text(struct flow_wire *wire, struct flow_str *text)
{
    size_t valid;

    if (!flow_wire_bytes(wire, text)) {
        return false;
    }
    valid = flow_utf8_valid_prefix((const uint8_t *)text->ptr, text->len);
    return valid == text->len || flow_wire_fail(wire, (const uint8_t *)text->ptr + valid, "UTF-8");
}

bool
flow_wire_skip(struct flow_wire *wire, uint32_t tag)
{
    const uint8_t *start = wire->at;
    struct flow_str bytes;
    uint64_t value;
    size_t width;

    switch (tag & 7) {
    case FLOW_WIRE_VARINT:
        return flow_wire_varint(wire, &value);
    case FLOW_WIRE_BYTES:
        return flow_wire_bytes(wire, &bytes);
    case FLOW_WIRE_FIXED64:
    case FLOW_WIRE_FIXED32:
        width = (tag & 7) == FLOW_WIRE_FIXED64 ? 8 : 4;
        if ((size_t)(wire->end - wire->at) < width) {
            return flow_wire_fail(wire, wire->end, "a number of fixed width");
        }
        wire->at += width;
        return true;
    default:
        return flow_wire_fail(wire, start, "a field of a known wire type");
    }
}
