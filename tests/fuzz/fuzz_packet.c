/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as packets: the first two are the link type, then each packet has its length in two
 * bytes. Every packet goes into the table of connections, and its payload is looked at as DNS.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "decode/connections.h"
#include "decode/dns.h"

static void
check_packet(const struct flow_packet *packet, const uint8_t *bytes, size_t len)
{
    HOLDS(packet->kind <= FLOW_PACKET_WHOLE);
    HOLDS(packet->payload == NULL ||
          (packet->payload >= bytes && packet->payload + packet->payload_len <= bytes + len));
    HOLDS(packet->payload_len <= packet->payload_told || packet->payload_len == 0);
    HOLDS(packet->source.family == packet->destination.family);
    HOLDS(packet->vni < 1u << 24);
}

static void
look_at_dns(const struct flow_packet *packet)
{
    struct flow_arena arena = { .blocks = NULL };
    struct flow_l7 l7;
    uint64_t hash = FUZZ_HASH;

    if (packet->payload != NULL &&
        flow_dns_parse(packet->payload, packet->payload_len, &arena, &l7) == FLOW_OK) {
        hash = fuzz_hash_str(hash, l7.dns_query);
        for (uint32_t i = 0; i < l7.dns_ips.count; i++) {
            hash = fuzz_hash_str(hash, l7.dns_ips.texts[i]);
        }
        for (uint32_t i = 0; i < l7.dns_cnames.count; i++) {
            hash = fuzz_hash_str(hash, l7.dns_cnames.texts[i]);
        }
        HOLDS(hash != 0 || l7.dns_ips.count == 0);
    }
    flow_arena_free(&arena);
}

static uint64_t
drain(struct flow_connections *table)
{
    struct flow_tracked *tracked;
    uint64_t packets = 0;

    while ((tracked = flow_connections_next(table)) != NULL) {
        HOLDS(flow_tracked_answer(tracked) <= FLOW_ANSWER_UNANSWERED);
        HOLDS(tracked->opener_side <= 1 && tracked->first <= tracked->last);
        packets += tracked->packets[0] + tracked->packets[1];
        flow_connections_drop(table, tracked);
    }
    return packets;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flow_connections *table;
    struct flow_error err;
    uint64_t added = 0, counted = 0;
    uint32_t link;

    if (size < 4) {
        return 0;
    }
    link = flow_be16(data);
    HOLDS(flow_connections_new(&table, &err) == FLOW_OK);
    for (size_t at = 2; at + 2 <= size;) {
        const size_t told = flow_be16(data + at);
        const size_t len = told < size - at - 2 ? told : size - at - 2;
        const struct flow_captured captured = { (int64_t)at * 1000, data + at + 2, (uint32_t)len,
                                                (uint32_t)len, link };
        struct flow_tracked *current, *ended;
        struct flow_packet packet;

        flow_packet_parse(&packet, link, captured.bytes, captured.len);
        check_packet(&packet, captured.bytes, captured.len);
        if (packet.source.family != 0) {
            HOLDS(flow_connections_add(table, &packet, &captured, &current, &ended) == FLOW_OK);
            added++;
            if (ended != NULL) {
                counted += ended->packets[0] + ended->packets[1];
                flow_connections_drop(table, ended);
            }
            look_at_dns(&packet);
        }
        at += 2 + len;
    }
    counted += drain(table);
    HOLDS(added == counted);
    flow_connections_free(table);
    return 0;
}
