/* SPDX-License-Identifier: Apache-2.0 */
/* What a flow says of the packet: addresses, ports, flags, the monitor event, aggregate counts. */
#include "decode/hubble_json.h"
#include "decode/hubble_json_members.h"
#include "libflow/address.h"
#include "model/names.h"

static const struct flow_field ip_fields[] = {
    { "source", I_SOURCE },     { "source_xlated", I_TRANSLATED }, { "destination", I_DESTINATION },
    { "ipVersion", I_VERSION }, { "encrypted", I_ENCRYPTED },      { "sourceXlated", I_TRANSLATED },
};

static const struct flow_field l4_fields[] = {
    { "TCP", FLOW_PROTOCOL_TCP },       { "UDP", FLOW_PROTOCOL_UDP },
    { "ICMPv4", FLOW_PROTOCOL_ICMPV4 }, { "ICMPv6", FLOW_PROTOCOL_ICMPV6 },
    { "SCTP", FLOW_PROTOCOL_SCTP },     { "VRRP", FLOW_PROTOCOL_VRRP },
    { "IGMP", FLOW_PROTOCOL_IGMP },
};

static const struct flow_field port_fields[] = {
    { "source_port", T_SOURCE },
    { "destination_port", T_DESTINATION },
    { "flags", T_FLAGS },
    { "type", T_TYPE },
    { "code", T_CODE },
    { "sourcePort", T_SOURCE },
    { "destinationPort", T_DESTINATION },
};

/* Numbers are bit positions plus 1. */
static const struct flow_field tcp_flag_fields[] = {
    { "FIN", 1 }, { "SYN", 2 }, { "RST", 3 }, { "PSH", 4 }, { "ACK", 5 },
    { "URG", 6 }, { "ECE", 7 }, { "CWR", 8 }, { "NS", 9 },
};

static const struct flow_field event_fields[] = {
    { "type", V_TYPE },
    { "sub_type", V_SUBTYPE },
    { "subType", V_SUBTYPE },
};

/* Numbers are places in flow_record.aggregate plus 1. */
static const struct flow_field aggregate_fields[] = {
    { "ingress_flow_count", 1 }, { "egress_flow_count", 2 }, { "unknown_direction_flow_count", 3 },
    { "ingressFlowCount", 1 },   { "egressFlowCount", 2 },   { "unknownDirectionFlowCount", 3 },
};

#define INIT(which, table)                                                                         \
    flow_fields_init(&decoder->tables[which], (table), sizeof(table) / sizeof((table)[0]))

void
flow_hubble_json_packet_tables(struct flow_hubble_json *decoder)
{
    INIT(FLOW_JSON_IP, ip_fields);
    INIT(FLOW_JSON_L4, l4_fields);
    INIT(FLOW_JSON_PORTS, port_fields);
    INIT(FLOW_JSON_TCP_FLAGS, tcp_flag_fields);
    INIT(FLOW_JSON_EVENT_TYPE, event_fields);
    INIT(FLOW_JSON_AGGREGATE, aggregate_fields);
}

/* Agents write "" for an address they do not know. */
static bool
parse_address(struct flow_json *json, struct flow_address *address)
{
    const uint8_t *start = json->at;
    struct flow_str text;

    if (!flow_json_string(json, &text)) {
        return false;
    }
    if (text.len > 0 && flow_address_parse(address, text, NULL) != FLOW_OK) {
        json->at = start;
        flow_json_space(json);
        return flow_json_fail(json, "an IP address");
    }
    return true;
}

static bool
ip_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number, void *target)
{
    struct flow_record *record = target;
    uint32_t version;

    (void)decoder;
    switch (number) {
    case I_SOURCE:
        return parse_address(json, &record->source_address);
    case I_DESTINATION:
        return parse_address(json, &record->destination_address);
    case I_TRANSLATED:
        return parse_address(json, &record->source_translated);
    case I_VERSION:
        if (!flow_hubble_json_enum(json, flow_ip_version_number, &version)) {
            return false;
        }
        record->ip_version = version == 1 ? 4 : version == 2 ? 6 : 0;
        return true;
    case I_ENCRYPTED:
        return flow_json_bool(json, &record->encrypted);
    default:
        return flow_json_skip(json);
    }
}

static bool
tcp_flag_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number,
                void *target)
{
    struct flow_record *record = target;
    bool set;

    (void)decoder;
    if (number == FLOW_FIELD_UNKNOWN) {
        return flow_json_skip(json);
    }
    if (!flow_json_bool(json, &set)) {
        return false;
    }
    record->tcp_flags |= set ? (uint16_t)(1u << (number - 1)) : 0;
    return true;
}

static bool
port_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number, void *target)
{
    struct flow_record *record = target;
    switch (number) {
    case T_SOURCE:
        return flow_hubble_json_u16(json, &record->source_port);
    case T_DESTINATION:
        return flow_hubble_json_u16(json, &record->destination_port);
    case T_FLAGS:
        record->tcp_flags |= FLOW_TCP_KNOWN;
        return flow_hubble_json_object(decoder, json, FLOW_JSON_TCP_FLAGS, tcp_flag_member, record);
    case T_TYPE:
        return flow_hubble_json_u8(json, &record->icmp_type);
    case T_CODE:
        return flow_hubble_json_u8(json, &record->icmp_code);
    default:
        return flow_json_skip(json);
    }
}

static bool
l4_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number, void *target)
{
    struct flow_record *record = target;
    if (number == FLOW_FIELD_UNKNOWN) {
        return flow_json_skip(json);
    }
    record->protocol = number;
    record->has_ports =
        number == FLOW_PROTOCOL_TCP || number == FLOW_PROTOCOL_UDP || number == FLOW_PROTOCOL_SCTP;
    return flow_hubble_json_object(decoder, json, FLOW_JSON_PORTS, port_member, record);
}

static bool
event_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number, void *target)
{
    struct flow_record *record = target;
    (void)decoder;
    if (number == FLOW_FIELD_UNKNOWN) {
        return flow_json_skip(json);
    }
    return flow_json_i32(json, number == V_TYPE ? &record->event_type : &record->event_subtype);
}

static bool
aggregate_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number,
                 void *target)
{
    struct flow_record *record = target;
    uint64_t value;

    (void)decoder;
    if (number == FLOW_FIELD_UNKNOWN) {
        return flow_json_skip(json);
    }
    if (!flow_json_uint(json, UINT32_MAX, &value)) {
        return false;
    }
    record->aggregate[number - 1] = (uint32_t)value;
    return true;
}

bool
flow_hubble_json_ip(struct flow_hubble_json *decoder, struct flow_json *json,
                    struct flow_record *record)
{
    return flow_hubble_json_object(decoder, json, FLOW_JSON_IP, ip_member, record);
}

bool
flow_hubble_json_l4(struct flow_hubble_json *decoder, struct flow_json *json,
                    struct flow_record *record)
{
    return flow_hubble_json_object(decoder, json, FLOW_JSON_L4, l4_member, record);
}

bool
flow_hubble_json_event(struct flow_hubble_json *decoder, struct flow_json *json,
                       struct flow_record *record)
{
    return flow_hubble_json_object(decoder, json, FLOW_JSON_EVENT_TYPE, event_member, record);
}

bool
flow_hubble_json_aggregate(struct flow_hubble_json *decoder, struct flow_json *json,
                           struct flow_record *record)
{
    return flow_hubble_json_object(decoder, json, FLOW_JSON_AGGREGATE, aggregate_member, record);
}
