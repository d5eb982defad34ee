/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One captured packet taken apart: from the link header through tunnels to the transport. Nothing
 * is allocated and nothing behind the captured bytes is read. Formats are those of the RFCs named
 * where they are used, and of tcpdump.org's list of link types.
 */
#ifndef FLOW_DECODE_PACKET_H
#define FLOW_DECODE_PACKET_H

#include "libflow/record.h"

/* Link types (LINKTYPE_ numbers and libpcap's DLT_ of raw IP). */
enum flow_link_type {
    FLOW_LINK_NULL = 0,
    FLOW_LINK_ETHERNET = 1,
    FLOW_LINK_RAW_DLT = 12,
    FLOW_LINK_RAW_BSD = 14,
    FLOW_LINK_RAW = 101,
    FLOW_LINK_LOOP = 108,
    FLOW_LINK_SLL = 113,
    FLOW_LINK_IPV4 = 228,
    FLOW_LINK_IPV6 = 229,
    FLOW_LINK_NFLOG = 239,
    FLOW_LINK_SLL2 = 276
};

enum flow_tunnel { FLOW_TUNNEL_NONE = 0, FLOW_TUNNEL_VXLAN, FLOW_TUNNEL_GENEVE };

/* What became of taking a packet apart. */
enum flow_packet_kind {
    FLOW_PACKET_OTHER = 0, /* no IP, or a link type that is not known */
    FLOW_PACKET_CUT,       /* the captured bytes end before the transport's ports */
    FLOW_PACKET_BAD,       /* headers that contradict each other */
    FLOW_PACKET_FRAGMENT,  /* a fragment that is not the first: no ports */
    FLOW_PACKET_WHOLE
};

/* The innermost packet. */
struct flow_packet {
    uint8_t kind;     /* enum flow_packet_kind */
    uint8_t protocol; /* enum flow_protocol */
    uint8_t number;   /* the IP protocol's */
    bool more;        /* a first fragment: others follow */
    bool has_ports;
    uint32_t fragment; /* identification, of a fragment */
    struct flow_address source, destination;
    uint16_t source_port, destination_port; /* of ICMP echoes the identifier, both */
    uint16_t tcp_flags;
    uint8_t icmp_type, icmp_code;
    uint8_t sctp_chunk;     /* type of the first chunk; 255 when it is not there */
    uint32_t sequence;      /* of TCP */
    const uint8_t *payload; /* of the transport; in an ICMP error, the packet it quotes */
    size_t payload_len;
    size_t payload_told; /* as the headers say: more than was captured, maybe */
    uint8_t tunnel;      /* enum flow_tunnel */
    uint16_t tunnel_port;
    uint32_t vni;
};

void flow_packet_parse(struct flow_packet *packet, uint32_t link_type, const uint8_t *bytes,
                       size_t len);

/* packet_ip.c: from the IP header on. */
void flow_packet_parse_ip(struct flow_packet *packet, const uint8_t *bytes, size_t len,
                          unsigned depth);
/* packet.c: from an Ethernet type on, such as 0x0800. */
void flow_packet_parse_type(struct flow_packet *packet, uint16_t type, const uint8_t *bytes,
                            size_t len, unsigned depth);
/* From an Ethernet header on. */
void flow_packet_parse_ethernet(struct flow_packet *packet, const uint8_t *bytes, size_t len,
                                unsigned depth);

/* Tunnels inside tunnels that are followed. */
enum { FLOW_PACKET_DEPTH_MAX = 4 };

static inline uint16_t
flow_be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t
flow_be32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

#endif
