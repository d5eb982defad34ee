/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows as hashes in a ring. Only another connection sends a flow again, so the table that finds
 * them is made when one begins, of all that came before it. A node's clock is told by how far its
 * last flow's time was from its arrival.
 */
#include "model/seen.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/intern.h"
#include "base/limits.h"

#define RING_FIRST 131072u
/* Nodes whose clocks are kept; further ones share the last place. */
#define NODES_MAX 4096u

/* Asked again beyond the last flow: flows come in order of time only nearly. */
static const int64_t overlap = 2 * (int64_t)1000000000;

struct clock {
    bool known;
    int64_t offset; /* the last flow's time less its arrival */
};

struct flow_seen {
    uint64_t *ring; /* hashes; it grows while a round of it is shorter than the overlap */
    uint32_t ring_size, next, count;
    int64_t round_began; /* arrival of the flow at its first place, */
    int64_t round_time;  /* and its own time */
    uint64_t *earlier;   /* a table of earlier connections' hashes, 0: free */
    uint32_t earlier_size;
    bool has_earlier;
    uint32_t since_then; /* flows that came over this one */
    uint64_t seed;
    struct clock *clocks; /* by number of the node's name */
    uint32_t clock_room;
    int64_t last_arrival;
    bool may_have_gap; /* nothing has come over this connection yet */
    int64_t gap_from, gap_to;
    struct flow_seen_stats stats;
};

int
flow_seen_new(struct flow_seen **out, struct flow_error *err)
{
    struct flow_seen *seen = calloc(1, sizeof(*seen));

    if (seen == NULL) {
        return flow_fail_memory(err);
    }
    seen->ring_size = RING_FIRST;
    seen->earlier_size = RING_FIRST * 2;
    seen->ring = calloc(seen->ring_size, sizeof(*seen->ring));
    seen->earlier = calloc(seen->earlier_size, sizeof(*seen->earlier));
    seen->clocks = calloc(NODES_MAX, sizeof(*seen->clocks));
    if (seen->ring == NULL || seen->earlier == NULL || seen->clocks == NULL) {
        flow_seen_free(seen);
        return flow_fail_memory(err);
    }
    seen->seed = flow_hash_seed();
    seen->last_arrival = FLOW_TIME_NONE;
    seen->stats.gap_first = seen->stats.gap_last = FLOW_TIME_NONE;
    *out = seen;
    return FLOW_OK;
}

void
flow_seen_free(struct flow_seen *seen)
{
    if (seen != NULL) {
        free(seen->ring);
        free(seen->earlier);
        free(seen->clocks);
        free(seen);
    }
}

/* By the uuid, or by what tells one event from another where there is none (before Cilium 1.14). */
static uint64_t
hash_of(const struct flow_seen *seen, const struct flow_record *record)
{
    struct {
        int64_t time;
        uint32_t node;
        int32_t event_type, event_subtype;
        uint16_t source_port, destination_port;
        uint16_t verdict, tcp_flags;
        uint8_t protocol, icmp_type, icmp_code, direction;
        struct flow_address source, destination;
    } content;

    if (record->uuid.len > 0) {
        return flow_hash(record->uuid.ptr, record->uuid.len, seen->seed);
    }
    memset(&content, 0, sizeof(content));
    content.time = record->time;
    content.node = record->node;
    content.event_type = record->event_type;
    content.event_subtype = record->event_subtype;
    content.source_port = record->source_port;
    content.destination_port = record->destination_port;
    content.verdict = record->verdict;
    content.tcp_flags = record->tcp_flags;
    content.protocol = record->protocol;
    content.icmp_type = record->icmp_type;
    content.icmp_code = record->icmp_code;
    content.direction = record->direction;
    content.source = record->source_address;
    content.destination = record->destination_address;
    return flow_hash(&content, sizeof(content), seen->seed);
}

/* Where a hash is in the table, or where it would be. */
static uint64_t *
place_of(const struct flow_seen *seen, uint64_t hash)
{
    uint32_t place = (uint32_t)(hash >> 32) & (seen->earlier_size - 1);

    while (seen->earlier[place] != 0 && seen->earlier[place] != hash) {
        place = (place + 1) & (seen->earlier_size - 1);
    }
    return &seen->earlier[place];
}

/* Times that differences can be made of; those of a damaged clock go to the nearest. */
static int64_t
within_reach(int64_t time)
{
    const int64_t most = INT64_MAX / 2;

    return time < -most ? -most : time > most ? most : time;
}

static void
begin_round(struct flow_seen *seen, int64_t time, int64_t arrival)
{
    seen->round_began = arrival;
    seen->round_time = within_reach(time);
}

/*
 * A round of the ring is over. When it was a short one, by arrival or by the flows' own times (a
 * server may be slow to send what came at once), it takes more; without memory, it does not.
 */
static void
end_round(struct flow_seen *seen, int64_t time, int64_t arrival)
{
    const bool short_one = arrival - seen->round_began < 2 * overlap ||
                           within_reach(time) - seen->round_time < 2 * overlap;
    uint64_t *larger;

    seen->next = 0;
    begin_round(seen, time, arrival);
    if (!short_one || seen->ring_size >= FLOW_SEEN_MAX) {
        return;
    }
    larger = realloc(seen->ring, 2 * (size_t)seen->ring_size * sizeof(*larger));
    if (larger != NULL) {
        seen->ring = larger;
        seen->next = seen->ring_size;
        seen->ring_size *= 2;
    }
}

static void
remember(struct flow_seen *seen, uint64_t hash, int64_t time, int64_t arrival)
{
    if (seen->next == seen->ring_size) {
        end_round(seen, time, arrival);
    } else if (seen->count == 0) {
        begin_round(seen, time, arrival);
    }
    seen->ring[seen->next++] = hash;
    seen->count = seen->count > seen->next ? seen->count : seen->next;
    /* what came before is that far behind that it will not come again */
    if (++seen->since_then >= FLOW_SEEN_MAX) {
        seen->has_earlier = false;
    }
}

static void
note_clock(struct flow_seen *seen, const struct flow_record *record, int64_t arrival)
{
    const uint32_t node = record->node < NODES_MAX ? record->node : NODES_MAX - 1;
    struct clock *clock = &seen->clocks[node];

    seen->last_arrival = arrival;
    if (record->time != FLOW_TIME_NONE) {
        const int64_t time = within_reach(record->time);

        *clock = (struct clock){ true, time - arrival };
        seen->clock_room = seen->clock_room > node + 1 ? seen->clock_room : node + 1;
        seen->stats.lag = arrival - time;
    }
}

/* Something new, and nothing that came before: what came in between may be missing. */
static void
count_gap(struct flow_seen *seen)
{
    struct flow_seen_stats *stats = &seen->stats;

    stats->gaps++;
    if (stats->gap_first == FLOW_TIME_NONE) {
        stats->gap_first = seen->gap_from;
    }
    stats->gap_last = seen->gap_to;
}

/* A report of lost events is kept by the server as a flow is, and told again with the same time. */
static uint64_t
hash_of_lost(const struct flow_seen *seen, const struct flow_record *record)
{
    struct {
        int64_t time, first, last;
        uint64_t count;
        uint32_t node, source;
        int32_t cpu;
    } content;

    memset(&content, 0, sizeof(content));
    content.time = record->time;
    content.first = record->lost->first;
    content.last = record->lost->last;
    content.count = record->lost->count;
    content.node = record->node;
    content.source = record->lost->source;
    content.cpu = record->lost->cpu;
    return flow_hash(&content, sizeof(content), seen->seed);
}

static bool
add_hash(struct flow_seen *seen, uint64_t hash, int64_t time, int64_t arrival)
{
    const bool earlier = seen->has_earlier && *place_of(seen, hash) == hash;

    if (!earlier) {
        remember(seen, hash, time, arrival);
    }
    return earlier;
}

bool
flow_seen_add(struct flow_seen *seen, const struct flow_record *record, int64_t arrival)
{
    bool earlier;

    if (record->kind == FLOW_KIND_LOST_EVENTS && record->time != FLOW_TIME_NONE) {
        return add_hash(seen, hash_of_lost(seen, record) | 1, record->time, arrival);
    }
    if (record->kind != FLOW_KIND_FLOW) {
        return false;
    }
    earlier = add_hash(seen, hash_of(seen, record) | 1, record->time, arrival);
    note_clock(seen, record, arrival);
    if (seen->may_have_gap && !earlier) {
        count_gap(seen);
    }
    seen->may_have_gap = false;
    seen->stats.duplicates += earlier ? 1 : 0;
    return earlier;
}

/* Room in the table for twice what the ring holds; without memory, as many as there is room for. */
static void
make_room(struct flow_seen *seen)
{
    const uint32_t size = seen->ring_size * 2;
    uint64_t *larger;

    if (size > seen->earlier_size) {
        larger = realloc(seen->earlier, (size_t)size * sizeof(*larger));
        if (larger != NULL) {
            seen->earlier = larger;
            seen->earlier_size = size;
        }
    }
    memset(seen->earlier, 0, (size_t)seen->earlier_size * sizeof(*seen->earlier));
}

void
flow_seen_connected(struct flow_seen *seen, int64_t now)
{
    uint32_t count;

    make_room(seen);
    count = seen->count < seen->earlier_size / 2 ? seen->count : seen->earlier_size / 2;
    /* from the newest on */
    for (uint32_t i = 0, at = seen->next; i < count; i++) {
        at = at > 0 ? at - 1 : seen->count - 1;
        *place_of(seen, seen->ring[at]) = seen->ring[at];
    }
    seen->has_earlier = seen->count > 0;
    seen->since_then = 0;
    if (seen->last_arrival != FLOW_TIME_NONE) {
        seen->may_have_gap = true;
        seen->gap_from = seen->last_arrival;
        seen->gap_to = now;
    }
}

int64_t
flow_seen_since(const struct flow_seen *seen)
{
    int64_t since = FLOW_TIME_NONE;

    for (uint32_t i = 0; i < seen->clock_room; i++) {
        const struct clock *clock = &seen->clocks[i];

        if (clock->known) {
            const int64_t then = seen->last_arrival + clock->offset - overlap;

            since = since == FLOW_TIME_NONE || then < since ? then : since;
        }
    }
    return since;
}

void
flow_seen_stats(const struct flow_seen *seen, struct flow_seen_stats *stats)
{
    *stats = seen->stats;
}
