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

#define TABLE_SIZE ((uint32_t)FLOW_SEEN_MAX * 2)
/* Nodes whose clocks are kept; further ones share the last place. */
#define NODES_MAX 4096u

/* Asked again beyond the last flow: flows come in order of time only nearly. */
static const int64_t overlap = 2 * (int64_t)1000000000;

struct clock {
    bool known;
    int64_t offset; /* the last flow's time less its arrival */
};

struct flow_seen {
    uint64_t *ring; /* FLOW_SEEN_MAX hashes */
    uint32_t next, count;
    uint64_t *earlier; /* TABLE_SIZE; hashes of earlier connections, 0: free */
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
    seen->ring = calloc(FLOW_SEEN_MAX, sizeof(*seen->ring));
    seen->earlier = calloc(TABLE_SIZE, sizeof(*seen->earlier));
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
    uint32_t place = (uint32_t)(hash >> 32) & (TABLE_SIZE - 1);

    while (seen->earlier[place] != 0 && seen->earlier[place] != hash) {
        place = (place + 1) & (TABLE_SIZE - 1);
    }
    return &seen->earlier[place];
}

static void
remember(struct flow_seen *seen, uint64_t hash)
{
    seen->ring[seen->next] = hash;
    seen->next = (seen->next + 1) % FLOW_SEEN_MAX;
    seen->count += seen->count < FLOW_SEEN_MAX ? 1 : 0;
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
        *clock = (struct clock){ true, record->time - arrival };
        seen->clock_room = seen->clock_room > node + 1 ? seen->clock_room : node + 1;
        seen->stats.lag = arrival - record->time;
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

bool
flow_seen_add(struct flow_seen *seen, const struct flow_record *record, int64_t arrival)
{
    uint64_t hash;
    bool earlier;

    if (record->kind != FLOW_KIND_FLOW) {
        return false;
    }
    hash = hash_of(seen, record) | 1;
    earlier = seen->has_earlier && *place_of(seen, hash) == hash;
    note_clock(seen, record, arrival);
    if (seen->may_have_gap && !earlier) {
        count_gap(seen);
    }
    seen->may_have_gap = false;
    if (earlier) {
        seen->stats.duplicates++;
    } else {
        remember(seen, hash);
    }
    return earlier;
}

void
flow_seen_connected(struct flow_seen *seen, int64_t now)
{
    memset(seen->earlier, 0, TABLE_SIZE * sizeof(*seen->earlier));
    for (uint32_t i = 0; i < seen->count; i++) {
        *place_of(seen, seen->ring[i]) = seen->ring[i];
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
