/* SPDX-License-Identifier: Apache-2.0 */
/* Link headers: where the IP packet begins. */
#include "decode/packet.h"

#include <string.h>

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_IPV6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    TYPE_QINQ = 0x88a8,
    TYPE_QINQ_OLD = 0x9100,
    TYPE_MPLS = 0x8847,
    TYPE_MPLS_MULTICAST = 0x8848,
    TYPE_PPPOE = 0x8864,
    ETHERNET_BYTES = 14,
    SLL_BYTES = 16,
    SLL2_BYTES = 20,
    VLAN_TAGS_MAX = 8,
    NFLOG_PAYLOAD = 9
};

static void
parse_version(struct flow_packet *packet, const uint8_t *bytes, size_t len, unsigned depth)
{
    if (len == 0) {
        packet->kind = FLOW_PACKET_CUT;
    } else if (bytes[0] >> 4 == 4 || bytes[0] >> 4 == 6) {
        flow_packet_parse_ip(packet, bytes, len, depth);
    }
}

/* MPLS labels (RFC 3032) to the bottom of the stack; what follows is told by its first bits. */
static void
parse_mpls(struct flow_packet *packet, const uint8_t *bytes, size_t len, unsigned depth)
{
    while (len >= 4) {
        const bool bottom = (bytes[2] & 1) != 0;

        bytes += 4;
        len -= 4;
        if (bottom) {
            parse_version(packet, bytes, len, depth);
            return;
        }
    }
    packet->kind = FLOW_PACKET_CUT;
}

void
flow_packet_parse_type(struct flow_packet *packet, uint16_t type, const uint8_t *bytes, size_t len,
                       unsigned depth)
{
    for (unsigned tags = 0; type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD;
         tags++) {
        if (len < 4 || tags == VLAN_TAGS_MAX) {
            packet->kind = FLOW_PACKET_CUT;
            return;
        }
        type = flow_be16(bytes + 2);
        bytes += 4;
        len -= 4;
    }
    switch (type) {
    case TYPE_IPV4:
    case TYPE_IPV6:
        flow_packet_parse_ip(packet, bytes, len, depth);
        break;
    case TYPE_MPLS:
    case TYPE_MPLS_MULTICAST:
        parse_mpls(packet, bytes, len, depth);
        break;
    case TYPE_PPPOE:
        /* six bytes of PPPoE (RFC 2516), then PPP's protocol: 0x21 and 0x57 are IP */
        if (len >= 8 && (flow_be16(bytes + 6) == 0x21 || flow_be16(bytes + 6) == 0x57)) {
            flow_packet_parse_ip(packet, bytes + 8, len - 8, depth);
        }
        break;
    default:
        break;
    }
}

void
flow_packet_parse_ethernet(struct flow_packet *packet, const uint8_t *bytes, size_t len,
                           unsigned depth)
{
    if (len < ETHERNET_BYTES) {
        packet->kind = FLOW_PACKET_CUT;
        return;
    }
    flow_packet_parse_type(packet, flow_be16(bytes + 12), bytes + ETHERNET_BYTES,
                           len - ETHERNET_BYTES, depth);
}

/* Four bytes of address family in the order of whoever wrote them; IP tells its version itself. */
static void
parse_null(struct flow_packet *packet, const uint8_t *bytes, size_t len)
{
    if (len < 4) {
        packet->kind = FLOW_PACKET_CUT;
        return;
    }
    parse_version(packet, bytes + 4, len - 4, 0);
}

/*
 * NFLOG: family, version, resource id, then attributes of a length, a type and a value, in the
 * order of the host that wrote it, which is little-endian wherever the length says so. The
 * payload's is 9.
 */
static void
parse_nflog(struct flow_packet *packet, const uint8_t *bytes, size_t len)
{
    size_t at = 4;

    while (len >= 4 && at + 4 <= len) {
        size_t size = (size_t)(bytes[at] | bytes[at + 1] << 8);
        unsigned type = (unsigned)(bytes[at + 2] | bytes[at + 3] << 8);

        if (size < 4 || size > len - at) {
            size = flow_be16(bytes + at);
            type = flow_be16(bytes + at + 2);
        }
        if (size < 4) {
            packet->kind = FLOW_PACKET_BAD;
            return;
        }
        size = size < len - at ? size : len - at;
        if ((type & 0x3fff) == NFLOG_PAYLOAD) {
            parse_version(packet, bytes + at + 4, size - 4, 0);
            return;
        }
        at += (size + 3) & ~(size_t)3;
    }
    packet->kind = FLOW_PACKET_CUT;
}

void
flow_packet_parse(struct flow_packet *packet, uint32_t link_type, const uint8_t *bytes, size_t len)
{
    memset(packet, 0, sizeof(*packet));
    switch (link_type) {
    case FLOW_LINK_ETHERNET:
        flow_packet_parse_ethernet(packet, bytes, len, 0);
        break;
    case FLOW_LINK_NULL:
    case FLOW_LINK_LOOP:
        parse_null(packet, bytes, len);
        break;
    case FLOW_LINK_RAW_DLT:
    case FLOW_LINK_RAW_BSD:
    case FLOW_LINK_RAW:
    case FLOW_LINK_IPV4:
    case FLOW_LINK_IPV6:
        parse_version(packet, bytes, len, 0);
        break;
    case FLOW_LINK_SLL:
        if (len < SLL_BYTES) {
            packet->kind = FLOW_PACKET_CUT;
            break;
        }
        flow_packet_parse_type(packet, flow_be16(bytes + 14), bytes + SLL_BYTES, len - SLL_BYTES,
                               0);
        break;
    case FLOW_LINK_SLL2:
        if (len < SLL2_BYTES) {
            packet->kind = FLOW_PACKET_CUT;
            break;
        }
        flow_packet_parse_type(packet, flow_be16(bytes), bytes + SLL2_BYTES, len - SLL2_BYTES, 0);
        break;
    case FLOW_LINK_NFLOG:
        parse_nflog(packet, bytes, len);
        break;
    default:
        break;
    }
}
