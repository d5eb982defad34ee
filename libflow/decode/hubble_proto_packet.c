/* SPDX-License-Identifier: Apache-2.0 */
/* What a flow says of the packet: addresses, ports, flags, the monitor event, aggregate counts. */
#include "decode/hubble_proto.h"
#include "libflow/address.h"

#define VARINT(field) FLOW_WIRE_TAG(field, FLOW_WIRE_VARINT)
#define BYTES(field) FLOW_WIRE_TAG(field, FLOW_WIRE_BYTES)

/* Agents write "" for an address they do not know. */
static bool
take_address(struct flow_wire *wire, struct flow_address *address)
{
    struct flow_str text;

    if (!flow_wire_bytes(wire, &text)) {
        return false;
    }
    return text.len == 0 || flow_address_parse(address, text, NULL) == FLOW_OK ||
           flow_wire_fail(wire, (const uint8_t *)text.ptr, "an IP address");
}

static bool
take_bool(struct flow_wire *wire, bool *out)
{
    uint64_t value;

    if (!flow_wire_varint(wire, &value)) {
        return false;
    }
    *out = value != 0;
    return true;
}

static bool
ip_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_record *record = target;
    uint64_t version;

    switch (tag) {
    case BYTES(1):
        return take_address(wire, &record->source_address);
    case BYTES(2):
        return take_address(wire, &record->destination_address);
    case BYTES(5):
        return take_address(wire, &record->source_translated);
    case VARINT(3):
        if (!flow_wire_varint(wire, &version)) {
            return false;
        }
        record->ip_version = version == 1 ? 4 : version == 2 ? 6 : 0;
        return true;
    case VARINT(4):
        return take_bool(wire, &record->encrypted);
    default:
        return flow_wire_skip(wire, tag);
    }
}

/* Bits are numbered as the fields are, from 1. */
static bool
flag_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_record *record = target;
    bool set;

    if ((tag & 7) != FLOW_WIRE_VARINT || tag >> 3 > 9) {
        return flow_wire_skip(wire, tag);
    }
    if (!take_bool(wire, &set)) {
        return false;
    }
    record->tcp_flags |= set ? (uint16_t)(1u << ((tag >> 3) - 1)) : 0;
    return true;
}

static bool
port_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_record *record = target;

    switch (tag) {
    case VARINT(1):
        return flow_hubble_proto_u16(wire, &record->source_port);
    case VARINT(2):
        return flow_hubble_proto_u16(wire, &record->destination_port);
    case BYTES(3):
        if (record->protocol != FLOW_PROTOCOL_TCP) {
            return flow_wire_skip(wire, tag);
        }
        record->tcp_flags |= FLOW_TCP_KNOWN;
        return flow_wire_message(wire, flag_field, record);
    default:
        return flow_wire_skip(wire, tag);
    }
}

/* ICMP has its type and code under the numbers that others have their ports under. */
static bool
type_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_record *record = target;
    const bool icmp =
        record->protocol == FLOW_PROTOCOL_ICMPV4 || record->protocol == FLOW_PROTOCOL_ICMPV6;

    if (tag == VARINT(1)) {
        return flow_hubble_proto_u8(wire, &record->icmp_type);
    }
    return tag == VARINT(2) && icmp ? flow_hubble_proto_u8(wire, &record->icmp_code)
                                    : flow_wire_skip(wire, tag);
}

static bool
protocol_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    /* by number of the member of flow.Layer4 */
    static const uint8_t protocols[] = {
        FLOW_PROTOCOL_UNKNOWN, FLOW_PROTOCOL_TCP,  FLOW_PROTOCOL_UDP,  FLOW_PROTOCOL_ICMPV4,
        FLOW_PROTOCOL_ICMPV6,  FLOW_PROTOCOL_SCTP, FLOW_PROTOCOL_VRRP, FLOW_PROTOCOL_IGMP,
    };
    struct flow_record *record = target;
    const uint32_t field = tag >> 3;

    if ((tag & 7) != FLOW_WIRE_BYTES || field >= sizeof(protocols) / sizeof(protocols[0])) {
        return flow_wire_skip(wire, tag);
    }
    record->protocol = protocols[field];
    record->has_ports = record->protocol == FLOW_PROTOCOL_TCP ||
                        record->protocol == FLOW_PROTOCOL_UDP ||
                        record->protocol == FLOW_PROTOCOL_SCTP;
    return record->has_ports ? flow_wire_message(wire, port_field, record)
                             : flow_wire_message(wire, type_field, record);
}

static bool
event_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_record *record = target;
    uint32_t value;

    if (tag != VARINT(1) && tag != VARINT(2)) {
        return flow_wire_skip(wire, tag);
    }
    if (!flow_hubble_proto_u32(wire, &value)) {
        return false;
    }
    *(tag == VARINT(1) ? &record->event_type : &record->event_subtype) = (int32_t)value;
    return true;
}

static bool
aggregate_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_record *record = target;

    return tag == VARINT(1) || tag == VARINT(2) || tag == VARINT(3)
               ? flow_hubble_proto_u32(wire, &record->aggregate[(tag >> 3) - 1])
               : flow_wire_skip(wire, tag);
}

bool
flow_hubble_proto_ip(struct flow_wire *wire, struct flow_record *record)
{
    return flow_wire_message(wire, ip_field, record);
}

bool
flow_hubble_proto_l4(struct flow_wire *wire, struct flow_record *record)
{
    return flow_wire_message(wire, protocol_field, record);
}

bool
flow_hubble_proto_event(struct flow_wire *wire, struct flow_record *record)
{
    return flow_wire_message(wire, event_field, record);
}

bool
flow_hubble_proto_aggregate(struct flow_wire *wire, struct flow_record *record)
{
    return flow_wire_message(wire, aggregate_field, record);
}
