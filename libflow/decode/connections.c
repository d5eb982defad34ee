/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of connections. Entries stand in an array in order of their first packets; buckets
 * chain them, and a list through them all is in order of their last packets, so that the idlest is
 * at hand.
 */
#include "decode/connections.h"

#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "base/limits.h"

#define NONE UINT32_MAX

enum { BUCKETS = 1 << 18, SCTP_INIT = 1, SCTP_INIT_ACK = 2 };

/* Which connection the fragments of a packet belong to. */
struct fragment {
    struct flow_address source, destination;
    uint32_t id;
    uint8_t number;
    bool used;
    uint16_t source_port, destination_port;
};

struct flow_connections {
    struct flow_tracked *entries;
    uint32_t count, room; /* count of entries that were ever used since the last reset */
    uint32_t free;        /* chain of entries to use again, through next */
    uint32_t *buckets;
    uint32_t newest, oldest;
    uint32_t drain;
    uint64_t seed;
    struct fragment *fragments; /* by hash */
};

int
flow_connections_new(struct flow_connections **out, struct flow_error *err)
{
    struct flow_connections *table = calloc(1, sizeof(*table));

    if (table == NULL) {
        return flow_fail_memory(err);
    }
    table->buckets = malloc(BUCKETS * sizeof(*table->buckets));
    table->fragments = calloc(FLOW_FRAGMENTS_MAX, sizeof(*table->fragments));
    if (table->buckets == NULL || table->fragments == NULL) {
        flow_connections_free(table);
        return flow_fail_memory(err);
    }
    table->seed = flow_hash_seed();
    flow_connections_reset(table);
    *out = table;
    return FLOW_OK;
}

void
flow_connections_reset(struct flow_connections *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        flow_tracked_clear_names(&table->entries[i]);
    }
    table->count = table->drain = 0;
    table->free = table->newest = table->oldest = NONE;
    memset(table->buckets, 0xff, BUCKETS * sizeof(*table->buckets));
    memset(table->fragments, 0, FLOW_FRAGMENTS_MAX * sizeof(*table->fragments));
}

void
flow_connections_free(struct flow_connections *table)
{
    if (table != NULL) {
        for (uint32_t i = 0; i < table->count; i++) {
            flow_tracked_clear_names(&table->entries[i]);
        }
        free(table->entries);
        free(table->buckets);
        free(table->fragments);
        free(table);
    }
}

/* The two ends in an order that does not hang on who sent the packet. */
static uint32_t
bucket_of(const struct flow_connections *table, const struct flow_packet *packet)
{
    struct {
        struct flow_address a, b;
        uint16_t a_port, b_port;
        uint16_t protocol, number;
    } key;
    const int order = memcmp(&packet->source, &packet->destination, sizeof(packet->source));
    const bool swap = order > 0 || (order == 0 && packet->source_port > packet->destination_port);

    memset(&key, 0, sizeof(key));
    key.a = swap ? packet->destination : packet->source;
    key.b = swap ? packet->source : packet->destination;
    key.a_port = swap ? packet->destination_port : packet->source_port;
    key.b_port = swap ? packet->source_port : packet->destination_port;
    key.protocol = packet->protocol;
    key.number = packet->number;
    return (uint32_t)(flow_hash(&key, sizeof(key), table->seed) >> 40) & (BUCKETS - 1);
}

/* Which side of a connection sent a packet: 0, 1, or 2 when it is of another. */
static unsigned
side_of(const struct flow_tracked *tracked, const struct flow_packet *packet)
{
    for (unsigned side = 0; side < 2; side++) {
        if (tracked->ports[side] == packet->source_port &&
            tracked->ports[!side] == packet->destination_port &&
            tracked->protocol == packet->protocol &&
            flow_address_equal(&tracked->addresses[side], &packet->source) &&
            flow_address_equal(&tracked->addresses[!side], &packet->destination)) {
            return side;
        }
    }
    return 2;
}

static void
unlink_age(struct flow_connections *table, uint32_t i)
{
    struct flow_tracked *entry = &table->entries[i];

    if (entry->newer != NONE) {
        table->entries[entry->newer].older = entry->older;
    } else {
        table->newest = entry->older;
    }
    if (entry->older != NONE) {
        table->entries[entry->older].newer = entry->newer;
    } else {
        table->oldest = entry->newer;
    }
}

static void
link_newest(struct flow_connections *table, uint32_t i)
{
    struct flow_tracked *entry = &table->entries[i];

    entry->newer = NONE;
    entry->older = table->newest;
    if (table->newest != NONE) {
        table->entries[table->newest].newer = i;
    } else {
        table->oldest = i;
    }
    table->newest = i;
}

/* Takes an entry out of the table; it can still be looked at. */
static void
detach(struct flow_connections *table, uint32_t i)
{
    struct flow_tracked *entry = &table->entries[i];
    uint32_t *link = &table->buckets[entry->bucket];

    while (*link != i) {
        link = &table->entries[*link].next;
    }
    *link = entry->next;
    unlink_age(table, i);
}

void
flow_connections_drop(struct flow_connections *table, struct flow_tracked *tracked)
{
    flow_tracked_clear_names(tracked);
    tracked->used = false;
    tracked->next = table->free;
    table->free = (uint32_t)(tracked - table->entries);
}

/* A place for a new entry; the array may move. NONE when out of memory. */
static uint32_t
take_place(struct flow_connections *table)
{
    uint32_t i = table->free;

    if (i != NONE) {
        table->free = table->entries[i].next;
        return i;
    }
    if (table->count == table->room) {
        const uint32_t room = table->room == 0 ? 1024 : table->room * 2;
        struct flow_tracked *grown = realloc(table->entries, room * sizeof(*grown));

        if (grown == NULL) {
            return NONE;
        }
        table->entries = grown;
        table->room = room;
    }
    return table->count++;
}

static struct flow_tracked *
begin(struct flow_connections *table, const struct flow_packet *packet,
      const struct flow_captured *captured, uint32_t bucket)
{
    const uint32_t i = take_place(table);
    struct flow_tracked *entry;

    if (i == NONE) {
        return NULL;
    }
    entry = &table->entries[i];
    memset(entry, 0, sizeof(*entry));
    entry->used = true;
    entry->addresses[0] = packet->source;
    entry->addresses[1] = packet->destination;
    entry->ports[0] = packet->source_port;
    entry->ports[1] = packet->destination_port;
    entry->protocol = packet->protocol;
    entry->icmp_type = packet->icmp_type;
    entry->icmp_code = packet->icmp_code;
    entry->tunnel = packet->tunnel;
    entry->first = entry->last = captured->time;
    entry->bucket = bucket;
    entry->next = table->buckets[bucket];
    table->buckets[bucket] = i;
    link_newest(table, i);
    return entry;
}

/* A SYN that begins another connection between the same ports. */
static bool
begins_anew(const struct flow_tracked *entry, const struct flow_packet *packet)
{
    const uint16_t both = FLOW_TCP_SYN | FLOW_TCP_ACK;

    return packet->protocol == FLOW_PROTOCOL_TCP && (packet->tcp_flags & both) == FLOW_TCP_SYN &&
           (entry->closed || (entry->accepted && packet->sequence != entry->first_sequence));
}

/* A packet whose time is not told belongs to the connection that is there. */
static bool
was_idle(const struct flow_tracked *entry, const struct flow_captured *captured)
{
    return entry->last != FLOW_TIME_NONE && captured->time != FLOW_TIME_NONE &&
           captured->time > entry->last && captured->time - entry->last > FLOW_CONNECTION_IDLE;
}

static void
note_tcp(struct flow_tracked *entry, const struct flow_packet *packet, unsigned side)
{
    const uint16_t both = FLOW_TCP_SYN | FLOW_TCP_ACK;

    if ((packet->tcp_flags & both) == FLOW_TCP_SYN) {
        if (entry->opener != FLOW_OPENER_SEEN) {
            entry->first_sequence = packet->sequence;
        }
        entry->opener = FLOW_OPENER_SEEN;
        entry->opener_side = (uint8_t)side;
    } else if ((packet->tcp_flags & both) == both) {
        entry->opener = FLOW_OPENER_SEEN;
        entry->opener_side = (uint8_t)!side;
        entry->accepted = true;
    }
    if ((packet->tcp_flags & FLOW_TCP_RST) != 0) {
        entry->reset_early |=
            !entry->accepted && entry->opener == FLOW_OPENER_SEEN && side != entry->opener_side;
        entry->closed = true;
    }
    if ((packet->tcp_flags & FLOW_TCP_FIN) != 0) {
        entry->closing[side] = true;
        entry->closed |= entry->closing[!side];
    }
    entry->tcp_flags[side] |= packet->tcp_flags;
}

static void
note_sctp(struct flow_tracked *entry, const struct flow_packet *packet, unsigned side)
{
    if (packet->sctp_chunk == SCTP_INIT || packet->sctp_chunk == SCTP_INIT_ACK) {
        entry->opener = FLOW_OPENER_SEEN;
        entry->opener_side = (uint8_t)(packet->sctp_chunk == SCTP_INIT ? side : !side);
        entry->accepted |= packet->sctp_chunk == SCTP_INIT_ACK;
    }
}

static void
note_icmp(struct flow_tracked *entry, const struct flow_packet *packet, unsigned side)
{
    const bool six = packet->protocol == FLOW_PROTOCOL_ICMPV6;
    const bool request = packet->icmp_type == (six ? 128 : 8);
    const bool answer = packet->icmp_type == (six ? 129 : 0);

    if (request || (answer && packet->source_port != 0)) {
        entry->opener = FLOW_OPENER_SEEN;
        entry->opener_side = (uint8_t)(request ? side : !side);
        entry->icmp_type = six ? 128 : 8;
        entry->accepted |= answer;
    }
}

static void
count(struct flow_tracked *entry, const struct flow_packet *packet,
      const struct flow_captured *captured, unsigned side)
{
    entry->packets[side]++;
    entry->bytes[side] += captured->wire_len;
    entry->last = captured->time > entry->last ? captured->time : entry->last;
    entry->first = entry->first == FLOW_TIME_NONE ? captured->time : entry->first;
    if (packet->tunnel != FLOW_TUNNEL_NONE && !entry->has_vni[side]) {
        entry->has_vni[side] = true;
        entry->vnis[side] = packet->vni;
        entry->identity_vni = packet->tunnel_port != 4789;
    }
    switch (packet->protocol) {
    case FLOW_PROTOCOL_TCP:
        note_tcp(entry, packet, side);
        break;
    case FLOW_PROTOCOL_SCTP:
        note_sctp(entry, packet, side);
        break;
    case FLOW_PROTOCOL_ICMPV4:
    case FLOW_PROTOCOL_ICMPV6:
        note_icmp(entry, packet, side);
        break;
    default:
        break;
    }
}

static struct fragment *
fragment_of(struct flow_connections *table, const struct flow_packet *packet)
{
    struct {
        struct flow_address source, destination;
        uint32_t id, number;
    } key;

    memset(&key, 0, sizeof(key));
    key.source = packet->source;
    key.destination = packet->destination;
    key.id = packet->fragment;
    key.number = packet->number;
    return &table->fragments[flow_hash(&key, sizeof(key), table->seed) % FLOW_FRAGMENTS_MAX];
}

/* A later fragment gets the ports that the first one told; false when that was not seen. */
static bool
complete_fragment(struct flow_connections *table, struct flow_packet *packet)
{
    const struct fragment *known = fragment_of(table, packet);

    if (!known->used || known->id != packet->fragment || known->number != packet->number ||
        !flow_address_equal(&known->source, &packet->source) ||
        !flow_address_equal(&known->destination, &packet->destination)) {
        return false;
    }
    packet->source_port = known->source_port;
    packet->destination_port = known->destination_port;
    return true;
}

static void
remember_fragment(struct flow_connections *table, const struct flow_packet *packet)
{
    *fragment_of(table, packet) = (struct fragment){
        .source = packet->source,
        .destination = packet->destination,
        .id = packet->fragment,
        .number = packet->number,
        .used = true,
        .source_port = packet->source_port,
        .destination_port = packet->destination_port,
    };
}

static uint8_t
protocol_of(uint8_t number)
{
    switch (number) {
    case 6:
        return FLOW_PROTOCOL_TCP;
    case 17:
        return FLOW_PROTOCOL_UDP;
    case 132:
        return FLOW_PROTOCOL_SCTP;
    case 1:
        return FLOW_PROTOCOL_ICMPV4;
    case 58:
        return FLOW_PROTOCOL_ICMPV6;
    default:
        return FLOW_PROTOCOL_UNKNOWN;
    }
}

/* The connection that an ICMP error quotes was refused; the quote may be of either direction. */
static void
note_refusal(struct flow_connections *table, const struct flow_packet *packet)
{
    const bool six = packet->protocol == FLOW_PROTOCOL_ICMPV6;
    struct flow_packet quoted;
    uint32_t i;

    /* destination unreachable; the ports are in the first eight bytes */
    if (packet->icmp_type != (six ? 1 : 3) || packet->payload_len < 28) {
        return;
    }
    memset(&quoted, 0, sizeof(quoted));
    flow_packet_parse_ip(&quoted, packet->payload, packet->payload_len, FLOW_PACKET_DEPTH_MAX);
    if (quoted.kind == FLOW_PACKET_CUT && quoted.source_port == 0 && quoted.number == 6) {
        const size_t header = six ? 40 : (size_t)(packet->payload[0] & 0xf) * 4;

        if (packet->payload_len >= header + 4) {
            quoted.source_port = flow_be16(packet->payload + header);
            quoted.destination_port = flow_be16(packet->payload + header + 2);
        }
    }
    quoted.protocol = protocol_of(quoted.number);
    for (i = table->buckets[bucket_of(table, &quoted)]; i != NONE; i = table->entries[i].next) {
        if (side_of(&table->entries[i], &quoted) < 2) {
            table->entries[i].refused = true;
            return;
        }
    }
}

int
flow_connections_add(struct flow_connections *table, const struct flow_packet *given,
                     const struct flow_captured *captured, struct flow_tracked **current,
                     struct flow_tracked **ended)
{
    struct flow_packet packet = *given;
    uint32_t bucket, i;
    unsigned side = 0;

    *current = *ended = NULL;
    packet.protocol = packet.protocol != 0 ? packet.protocol : protocol_of(packet.number);
    if (packet.kind == FLOW_PACKET_FRAGMENT) {
        (void)complete_fragment(table, &packet);
    } else if (packet.more) {
        remember_fragment(table, &packet);
    }
    if (packet.protocol == FLOW_PROTOCOL_ICMPV4 || packet.protocol == FLOW_PROTOCOL_ICMPV6) {
        note_refusal(table, &packet);
    }
    bucket = bucket_of(table, &packet);
    for (i = table->buckets[bucket]; i != NONE; i = table->entries[i].next) {
        side = side_of(&table->entries[i], &packet);
        if (side < 2) {
            break;
        }
    }
    if (i != NONE &&
        (begins_anew(&table->entries[i], &packet) || was_idle(&table->entries[i], captured))) {
        detach(table, i);
        *ended = &table->entries[i];
        i = NONE;
    } else if (i == NONE && table->free == NONE && table->count >= FLOW_CONNECTIONS_MAX - 1) {
        const uint32_t oldest = table->oldest;

        detach(table, oldest);
        *ended = &table->entries[oldest];
    }
    if (i == NONE) {
        const size_t place = *ended != NULL ? (size_t)(*ended - table->entries) : 0;

        *current = begin(table, &packet, captured, bucket);
        *ended = *ended != NULL ? &table->entries[place] : NULL; /* the array may have moved */
        side = 0;
    } else {
        *current = &table->entries[i];
        unlink_age(table, i);
        link_newest(table, i);
    }
    if (*current == NULL) {
        return FLOW_E_MEMORY;
    }
    count(*current, &packet, captured, side);
    return flow_tracked_look(*current, &packet, side) ? FLOW_OK : FLOW_E_MEMORY;
}

struct flow_tracked *
flow_connections_next(struct flow_connections *table)
{
    while (table->drain < table->count && !table->entries[table->drain].used) {
        table->drain++;
    }
    return table->drain < table->count ? &table->entries[table->drain++] : NULL;
}

uint8_t
flow_tracked_answer(const struct flow_tracked *tracked)
{
    const bool both = tracked->packets[0] > 0 && tracked->packets[1] > 0;

    if (tracked->accepted) {
        return FLOW_ANSWER_ANSWERED;
    }
    if (tracked->reset_early || tracked->refused) {
        return FLOW_ANSWER_REFUSED;
    }
    if (tracked->protocol == FLOW_PROTOCOL_TCP || tracked->protocol == FLOW_PROTOCOL_SCTP) {
        /* a capture that begins in the middle shows that both had spoken before */
        return both && tracked->opener != FLOW_OPENER_SEEN ? FLOW_ANSWER_ANSWERED
               : tracked->opener == FLOW_OPENER_SEEN       ? FLOW_ANSWER_UNANSWERED
                                                           : FLOW_ANSWER_UNKNOWN;
    }
    return both ? FLOW_ANSWER_ANSWERED : FLOW_ANSWER_UNANSWERED;
}
