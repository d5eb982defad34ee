/* SPDX-License-Identifier: Apache-2.0 */
/* News of the stream itself: events that were lost, and what Relay says of its nodes. */
#include "decode/hubble_proto.h"

#define VARINT(field) FLOW_WIRE_TAG(field, FLOW_WIRE_VARINT)
#define BYTES(field) FLOW_WIRE_TAG(field, FLOW_WIRE_BYTES)

static bool
lost_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_lost *lost = target;
    uint64_t cpu = 0;

    switch (tag) {
    case VARINT(1):
        return flow_hubble_proto_enum(wire, INT32_MAX, &lost->source);
    case VARINT(2):
        return flow_wire_varint(wire, &lost->count);
    case BYTES(3):
        if (!flow_wire_message(wire, flow_hubble_proto_wrapped, &cpu)) {
            return false;
        }
        lost->cpu = (int32_t)cpu >= 0 ? (int32_t)cpu : -1;
        return true;
    case BYTES(4):
        return flow_hubble_proto_time(wire, &lost->first);
    case BYTES(5):
        return flow_hubble_proto_time(wire, &lost->last);
    default:
        return flow_wire_skip(wire, tag);
    }
}

bool
flow_hubble_proto_lost(struct flow_wire *wire, struct flow_record *record)
{
    struct flow_lost *lost = flow_arena_alloc(wire->arena, sizeof(*lost));

    if (lost == NULL) {
        return flow_wire_no_memory(wire);
    }
    lost->first = lost->last = FLOW_TIME_NONE;
    lost->cpu = -1;
    record->lost = lost;
    return flow_wire_message(wire, lost_field, lost);
}

static bool
agent_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    return tag == VARINT(1) ? flow_hubble_proto_enum(wire, INT32_MAX, target)
                            : flow_wire_skip(wire, tag);
}

bool
flow_hubble_proto_agent(struct flow_wire *wire, uint32_t tag, struct flow_record *record)
{
    const struct flow_wire before = *wire;
    uint32_t type = 0;

    if (!flow_wire_message(wire, agent_field, &type)) {
        *wire = before;
        type = 0;
        if (!flow_wire_skip(wire, tag)) {
            return false;
        }
    }
    record->event_subtype = (int32_t)type;
    return true;
}

static bool
status_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_node_status *status = target;

    switch (tag) {
    case VARINT(1):
        return flow_hubble_proto_enum(wire, INT32_MAX, &status->state);
    case BYTES(2):
        return flow_hubble_proto_keep_text(wire, &status->names);
    case BYTES(3):
        return flow_wire_text(wire, &status->message);
    default:
        return flow_wire_skip(wire, tag);
    }
}

bool
flow_hubble_proto_status(struct flow_wire *wire, struct flow_record *record)
{
    struct flow_node_status *status = (struct flow_node_status *)record->status;

    if (status == NULL) {
        status = flow_arena_alloc(wire->arena, sizeof(*status));
        if (status == NULL) {
            return flow_wire_no_memory(wire);
        }
        record->status = status;
    }
    return flow_wire_message(wire, status_field, status);
}
