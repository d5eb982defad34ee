/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether bytes look like one of Hubble's messages, by the descriptors made from libflow/proto. It
 * tells archives from text and finds the next message behind damage, so it is strict where the
 * decoder is not: a field that is known must be of its kind, and the first one must be known.
 */
#include "decode/hubble_proto.h"
#include "hubble_observer.pb-c.h"

/* Field numbers that newer versions may have come to use are below it. */
enum { UNKNOWN_MAX = 255, DEPTH_MAX = 8 };

static uint32_t
wire_type_of(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return FLOW_WIRE_BYTES;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return FLOW_WIRE_FIXED64;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return FLOW_WIRE_FIXED32;
    default:
        return FLOW_WIRE_VARINT;
    }
}

/* Whether a tag may stand in the message. Lists of numbers may be packed. */
static bool
fits(const ProtobufCFieldDescriptor *field, uint32_t tag)
{
    const uint32_t type = tag & 7;

    if (field == NULL) {
        return tag >> 3 <= UNKNOWN_MAX && (type <= FLOW_WIRE_BYTES || type == FLOW_WIRE_FIXED32);
    }
    return type == wire_type_of(field) ||
           (field->label == PROTOBUF_C_LABEL_REPEATED && type == FLOW_WIRE_BYTES);
}

/* Bytes of a message of which only those up to there are in memory. */
struct glance {
    const uint8_t *at, *there, *end;
};

/* A varint; false when it is none. *cut when it is not all there. */
static bool
glance_varint(struct glance *glance, uint64_t *value, bool *cut)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (glance->at == glance->there) {
            *cut = true;
            return glance->there < glance->end;
        }
        *value |= (uint64_t)(*glance->at & 0x7f) << shift;
        if (*glance->at++ < 0x80) {
            return true;
        }
    }
    return false;
}

static bool looks_like(const ProtobufCMessageDescriptor *message, struct glance glance,
                       unsigned depth);

/* The value behind a tag. */
static bool
glance_value(struct glance *glance, const ProtobufCFieldDescriptor *field, uint32_t type,
             unsigned depth, bool *cut)
{
    uint64_t len;

    if (type == FLOW_WIRE_VARINT) {
        return glance_varint(glance, &len, cut);
    }
    if (type == FLOW_WIRE_BYTES) {
        if (!glance_varint(glance, &len, cut) || *cut) {
            return *cut;
        }
    } else {
        len = type == FLOW_WIRE_FIXED64 ? 8 : 4;
    }
    if (len > (uint64_t)(glance->end - glance->at)) {
        return false;
    }
    if (type == FLOW_WIRE_BYTES && field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE) {
        struct glance inner = { glance->at, glance->there, glance->at + len };

        inner.there = inner.there < inner.end ? inner.there : inner.end;
        if (!looks_like(field->descriptor, inner, depth + 1)) {
            return false;
        }
    }
    *cut = len > (uint64_t)(glance->there - glance->at);
    glance->at += *cut ? 0 : len;
    return true;
}

static bool
looks_like(const ProtobufCMessageDescriptor *message, struct glance glance, unsigned depth)
{
    bool first = true;
    bool cut = false;

    while (glance.at < glance.end && depth < DEPTH_MAX) {
        const ProtobufCFieldDescriptor *field;
        uint64_t tag;

        if (!glance_varint(&glance, &tag, &cut) || cut) {
            return cut;
        }
        if (tag > UINT32_MAX || tag >> 3 == 0) {
            return false;
        }
        field = protobuf_c_message_descriptor_get_field(message, (unsigned)(tag >> 3));
        if (!fits(field, (uint32_t)tag) || (field == NULL && first)) {
            return false;
        }
        if (!glance_value(&glance, field, (uint32_t)tag & 7, depth, &cut) || cut) {
            return cut;
        }
        first = false;
    }
    return true;
}

bool
flow_hubble_proto_plausible(const uint8_t *bytes, size_t there, size_t len)
{
    const struct glance glance = { bytes, bytes + (there < len ? there : len), bytes + len };

    return len > 0 && looks_like(&observer__export_event__descriptor, glance, 0);
}
