/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf written piece by piece. A length is filled in when what it is of is there. */
#include <string.h>

#include "base/str.h"
#include "decode/wire.h"
#include "encode/transcode.h"

void
flow_left_out_note(struct flow_left_out *left, struct flow_str name)
{
    const size_t len =
        name.len < FLOW_LEFT_OUT_NAME_BYTES ? name.len : FLOW_LEFT_OUT_NAME_BYTES - 1;

    left->count++;
    for (size_t i = 0; i < FLOW_LEFT_OUT_NAMES; i++) {
        char *place = left->names[i];

        if (place[0] == '\0' && len > 0) {
            memcpy(place, name.ptr, len);
            place[len] = '\0';
        }
        if (strlen(place) == len && memcmp(place, name.ptr, len) == 0) {
            return;
        }
    }
}

void
flow_proto_add_varint(struct flow_buf *out, uint64_t value)
{
    char bytes[10];
    size_t len = 0;

    for (; value > 0x7f; value >>= 7) {
        bytes[len++] = (char)(value | 0x80);
    }
    bytes[len++] = (char)value;
    flow_buf_add(out, bytes, len);
}

void
flow_proto_add_tag(struct flow_buf *out, uint32_t field, uint32_t type)
{
    flow_proto_add_varint(out, FLOW_WIRE_TAG(field, type));
}

void
flow_proto_add_bytes(struct flow_buf *out, uint32_t field, struct flow_str bytes)
{
    flow_proto_add_tag(out, field, FLOW_WIRE_BYTES);
    flow_proto_add_varint(out, bytes.len);
    flow_buf_add_str(out, bytes);
}

void
flow_proto_add_number(struct flow_buf *out, uint32_t field, uint64_t value)
{
    if (value != 0) {
        flow_proto_add_tag(out, field, FLOW_WIRE_VARINT);
        flow_proto_add_varint(out, value);
    }
}

size_t
flow_proto_open(struct flow_buf *out, uint32_t field)
{
    flow_proto_add_tag(out, field, FLOW_WIRE_BYTES);
    flow_buf_add_char(out, '\0'); /* most lengths are one byte */
    return out->len;
}

void
flow_proto_close(struct flow_buf *out, size_t place)
{
    const size_t len = out->len - place;
    char bytes[10];
    size_t count = 0;

    for (size_t rest = len; rest > 0x7f; rest >>= 7) {
        bytes[count++] = (char)(rest | 0x80);
    }
    bytes[count] = (char)(len >> (7 * count));
    flow_buf_add(out, "\0\0\0\0\0\0\0\0\0", count);
    if (out->failed) {
        return;
    }
    memmove(out->ptr + place + count, out->ptr + place, len);
    memcpy(out->ptr + place - 1, bytes, count + 1);
}
