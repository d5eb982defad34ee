/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP and what it carries: IPv4 (RFC 791), IPv6 and its extension headers (RFC 8200), TCP, UDP,
 * SCTP, ICMP, and the tunnels that Kubernetes networks use, VXLAN (RFC 7348) and Geneve (RFC 8926).
 */
#include <string.h>

#include "decode/packet.h"

enum {
    IP_ICMP = 1,
    IP_IGMP = 2,
    IP_IPV4 = 4,
    IP_TCP = 6,
    IP_UDP = 17,
    IP_IPV6 = 41,
    IP_ROUTING = 43,
    IP_FRAGMENT = 44,
    IP_GRE = 47,
    IP_AH = 51,
    IP_ICMPV6 = 58,
    IP_NO_NEXT = 59,
    IP_DESTINATION = 60,
    IP_HOP_BY_HOP = 0,
    IP_MOBILITY = 135,
    IP_HIP = 139,
    IP_SHIM6 = 140,
    IP_VRRP = 112,
    IP_SCTP = 132
};

enum { PORT_VXLAN = 4789, PORT_VXLAN_LINUX = 8472, PORT_GENEVE = 6081 };

/* Bytes of the transport that are there, and how many the IP header says. */
struct rest {
    const uint8_t *at;
    size_t len, told;
    unsigned depth;
};

static void
parse_vxlan(struct flow_packet *packet, const struct rest *rest)
{
    if (rest->len < 8 || (rest->at[0] & 0x08) == 0 || rest->depth >= FLOW_PACKET_DEPTH_MAX) {
        return; /* no VXLAN, whatever the port: it stays a UDP packet */
    }
    const uint16_t port = packet->destination_port;
    struct flow_packet inner;

    memset(&inner, 0, sizeof(inner));
    flow_packet_parse_ethernet(&inner, rest->at + 8, rest->len - 8, rest->depth + 1);
    if (inner.kind != FLOW_PACKET_OTHER && inner.kind != FLOW_PACKET_BAD) {
        *packet = inner;
        packet->tunnel = FLOW_TUNNEL_VXLAN;
        packet->tunnel_port = port;
        packet->vni = flow_be32(rest->at + 4) >> 8;
    }
}

/* Eight bytes, options of four times the low six bits, then what the type says. */
static void
parse_geneve(struct flow_packet *packet, const struct rest *rest)
{
    const size_t options = rest->len >= 8 ? (size_t)(rest->at[0] & 0x3f) * 4 : 0;
    const uint16_t port = packet->destination_port;
    struct flow_packet inner;
    uint16_t type;

    if (rest->len < 8 + options || rest->at[0] >> 6 != 0 || rest->depth >= FLOW_PACKET_DEPTH_MAX) {
        return;
    }
    type = flow_be16(rest->at + 2);
    memset(&inner, 0, sizeof(inner));
    if (type == 0x6558) {
        flow_packet_parse_ethernet(&inner, rest->at + 8 + options, rest->len - 8 - options,
                                   rest->depth + 1);
    } else {
        flow_packet_parse_type(&inner, type, rest->at + 8 + options, rest->len - 8 - options,
                               rest->depth + 1);
    }
    if (inner.kind != FLOW_PACKET_OTHER && inner.kind != FLOW_PACKET_BAD) {
        *packet = inner;
        packet->tunnel = FLOW_TUNNEL_GENEVE;
        packet->tunnel_port = port;
        packet->vni = flow_be32(rest->at + 4) >> 8;
    }
}

/* What is behind a header of so many bytes. */
static void
set_payload(struct flow_packet *packet, const struct rest *rest, size_t header)
{
    packet->payload = rest->at + (header < rest->len ? header : rest->len);
    packet->payload_len = header < rest->len ? rest->len - header : 0;
    packet->payload_told = header < rest->told ? rest->told - header : 0;
    if (packet->payload_len > packet->payload_told) {
        packet->payload_len = packet->payload_told; /* padding of the link */
    }
}

static void
take_ports(struct flow_packet *packet, const struct rest *rest)
{
    packet->has_ports = true;
    packet->source_port = flow_be16(rest->at);
    packet->destination_port = flow_be16(rest->at + 2);
    packet->kind = FLOW_PACKET_WHOLE;
}

static void
parse_tcp(struct flow_packet *packet, const struct rest *rest)
{
    size_t header;

    packet->protocol = FLOW_PROTOCOL_TCP;
    if (rest->len < 14) {
        packet->kind = FLOW_PACKET_CUT;
        return;
    }
    take_ports(packet, rest);
    packet->sequence = flow_be32(rest->at + 4);
    /* the wire's bits are in the order of ours, but for NS in the byte before */
    packet->tcp_flags = FLOW_TCP_KNOWN | rest->at[13] | ((rest->at[12] & 1) ? FLOW_TCP_NS : 0);
    header = (size_t)(rest->at[12] >> 4) * 4;
    if (header < 20) {
        packet->kind = FLOW_PACKET_BAD;
        return;
    }
    set_payload(packet, rest, header);
}

static void
parse_udp(struct flow_packet *packet, const struct rest *rest)
{
    struct rest inside = *rest;

    packet->protocol = FLOW_PROTOCOL_UDP;
    if (rest->len < 8) {
        packet->kind = FLOW_PACKET_CUT;
        return;
    }
    take_ports(packet, rest);
    set_payload(packet, rest, 8);
    if (packet->more) {
        return;
    }
    inside.at = packet->payload;
    inside.len = packet->payload_len;
    if (packet->destination_port == PORT_VXLAN || packet->destination_port == PORT_VXLAN_LINUX) {
        parse_vxlan(packet, &inside);
    } else if (packet->destination_port == PORT_GENEVE) {
        parse_geneve(packet, &inside);
    }
}

static void
parse_sctp(struct flow_packet *packet, const struct rest *rest)
{
    packet->protocol = FLOW_PROTOCOL_SCTP;
    if (rest->len < 4) {
        packet->kind = FLOW_PACKET_CUT;
        return;
    }
    take_ports(packet, rest);
    packet->sctp_chunk = rest->len > 12 ? rest->at[12] : 255;
    set_payload(packet, rest, 12);
}

/* Echoes have an identifier, which pairs them; other messages quote the packet they are about. */
static void
parse_icmp(struct flow_packet *packet, const struct rest *rest, bool six)
{
    packet->protocol = six ? FLOW_PROTOCOL_ICMPV6 : FLOW_PROTOCOL_ICMPV4;
    if (rest->len < 2) {
        packet->kind = FLOW_PACKET_CUT;
        return;
    }
    packet->kind = FLOW_PACKET_WHOLE;
    packet->icmp_type = rest->at[0];
    packet->icmp_code = rest->at[1];
    if (rest->len >= 6 && (six ? packet->icmp_type == 128 || packet->icmp_type == 129
                               : packet->icmp_type == 8 || packet->icmp_type == 0)) {
        packet->source_port = packet->destination_port = flow_be16(rest->at + 4);
    }
    set_payload(packet, rest, 8);
}

/* GRE (RFC 2784, 2890): flags, a type, and up to three words that the flags announce. */
static void
parse_gre(struct flow_packet *packet, const struct rest *rest)
{
    size_t header = 4;
    struct flow_packet inner;
    uint16_t type;

    if (rest->len < 4 || rest->depth >= FLOW_PACKET_DEPTH_MAX || (rest->at[1] & 7) != 0) {
        return;
    }
    header += (rest->at[0] & 0x80) ? 4 : 0;
    header += (rest->at[0] & 0x20) ? 4 : 0;
    header += (rest->at[0] & 0x10) ? 4 : 0;
    type = flow_be16(rest->at + 2);
    if (header > rest->len) {
        return;
    }
    memset(&inner, 0, sizeof(inner));
    if (type == 0x6558) {
        flow_packet_parse_ethernet(&inner, rest->at + header, rest->len - header, rest->depth + 1);
    } else {
        flow_packet_parse_type(&inner, type, rest->at + header, rest->len - header,
                               rest->depth + 1);
    }
    if (inner.kind != FLOW_PACKET_OTHER) {
        *packet = inner;
    }
}

static void
parse_transport(struct flow_packet *packet, uint8_t number, const struct rest *rest)
{
    packet->number = number;
    packet->kind = FLOW_PACKET_WHOLE;
    switch (number) {
    case IP_TCP:
        parse_tcp(packet, rest);
        break;
    case IP_UDP:
        parse_udp(packet, rest);
        break;
    case IP_SCTP:
        parse_sctp(packet, rest);
        break;
    case IP_ICMP:
        parse_icmp(packet, rest, false);
        break;
    case IP_ICMPV6:
        parse_icmp(packet, rest, true);
        break;
    case IP_IPV4:
    case IP_IPV6:
        if (rest->depth < FLOW_PACKET_DEPTH_MAX) {
            flow_packet_parse_ip(packet, rest->at, rest->len, rest->depth + 1);
        }
        break;
    case IP_GRE:
        parse_gre(packet, rest);
        break;
    case IP_VRRP:
        packet->protocol = FLOW_PROTOCOL_VRRP;
        packet->icmp_type = rest->len > 0 ? rest->at[0] & 0xf : 0;
        break;
    case IP_IGMP:
        packet->protocol = FLOW_PROTOCOL_IGMP;
        packet->icmp_type = rest->len > 0 ? rest->at[0] : 0;
        break;
    default:
        break;
    }
}

static void
parse_ipv4(struct flow_packet *packet, const uint8_t *bytes, size_t len, unsigned depth)
{
    struct rest rest;
    uint16_t place;
    size_t header, total;

    if (len < 20) {
        packet->kind = FLOW_PACKET_CUT;
        return;
    }
    header = (size_t)(bytes[0] & 0xf) * 4;
    total = flow_be16(bytes + 2);
    if (total == 0) {
        total = len; /* left to the network card to fill in */
    }
    if (header < 20 || total < header) {
        packet->kind = FLOW_PACKET_BAD;
        return;
    }
    packet->source.family = packet->destination.family = 4;
    memcpy(packet->source.bytes, bytes + 12, 4);
    memcpy(packet->destination.bytes, bytes + 16, 4);
    place = flow_be16(bytes + 6);
    packet->fragment = flow_be16(bytes + 4);
    packet->number = bytes[9];
    packet->more = (place & 0x2000) != 0;
    if (header > len) {
        packet->kind = FLOW_PACKET_CUT;
        return;
    }
    if ((place & 0x1fff) != 0) {
        packet->kind = FLOW_PACKET_FRAGMENT;
        return;
    }
    rest = (struct rest){ bytes + header, len - header, total - header, depth };
    rest.len = rest.len < rest.told ? rest.len : rest.told;
    parse_transport(packet, bytes[9], &rest);
}

static bool
is_extension(uint8_t next)
{
    return next == IP_HOP_BY_HOP || next == IP_ROUTING || next == IP_DESTINATION || next == IP_AH ||
           next == IP_MOBILITY || next == IP_HIP || next == IP_SHIM6 || next == IP_FRAGMENT;
}

/* Moves over one extension header; false when the packet's kind is settled by it. */
static bool
pass_extension(struct flow_packet *packet, uint8_t *next, struct rest *rest)
{
    const uint8_t *at = rest->at;
    size_t size;

    if (rest->len < 8) {
        packet->kind = FLOW_PACKET_CUT;
        return false;
    }
    size = *next == IP_FRAGMENT ? 8
           : *next == IP_AH     ? ((size_t)at[1] + 2) * 4
                                : ((size_t)at[1] + 1) * 8;
    if (*next == IP_FRAGMENT) {
        packet->fragment = flow_be32(at + 4);
        packet->more = (at[3] & 1) != 0;
        packet->number = at[0];
        if ((flow_be16(at + 2) & 0xfff8) != 0) {
            packet->kind = FLOW_PACKET_FRAGMENT;
            return false;
        }
    }
    if (size > rest->len) {
        packet->kind = size > rest->told ? FLOW_PACKET_BAD : FLOW_PACKET_CUT;
        return false;
    }
    *next = at[0];
    rest->at += size;
    rest->len -= size;
    rest->told -= size;
    return true;
}

static void
parse_ipv6(struct flow_packet *packet, const uint8_t *bytes, size_t len, unsigned depth)
{
    struct rest rest;
    uint8_t next;

    if (len < 40) {
        packet->kind = FLOW_PACKET_CUT;
        return;
    }
    packet->source.family = packet->destination.family = 6;
    memcpy(packet->source.bytes, bytes + 8, 16);
    memcpy(packet->destination.bytes, bytes + 24, 16);
    rest = (struct rest){ bytes + 40, len - 40, flow_be16(bytes + 4), depth };
    if (rest.told == 0) {
        rest.told = rest.len; /* a jumbogram, or left to the network card */
    }
    rest.len = rest.len < rest.told ? rest.len : rest.told;
    next = bytes[6];
    while (is_extension(next)) {
        if (!pass_extension(packet, &next, &rest)) {
            return;
        }
    }
    parse_transport(packet, next, &rest);
}

void
flow_packet_parse_ip(struct flow_packet *packet, const uint8_t *bytes, size_t len, unsigned depth)
{
    if (len == 0) {
        packet->kind = FLOW_PACKET_CUT;
    } else if (bytes[0] >> 4 == 4) {
        parse_ipv4(packet, bytes, len, depth);
    } else if (bytes[0] >> 4 == 6) {
        parse_ipv6(packet, bytes, len, depth);
    } else {
        packet->kind = FLOW_PACKET_BAD;
    }
}
