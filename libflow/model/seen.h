/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was seen of a live stream: enough of it to know a flow that comes again behind a new
 * connection, and each node's clock, to know from when on to ask again. Memory grows with what a
 * few seconds bring, and is bounded: beyond FLOW_SEEN_MAX flows the oldest are forgotten.
 */
#ifndef FLOW_MODEL_SEEN_H
#define FLOW_MODEL_SEEN_H

#include "libflow/record.h"

struct flow_seen;

int flow_seen_new(struct flow_seen **out, struct flow_error *err);
void flow_seen_free(struct flow_seen *seen);

/*
 * Takes note of a record that arrived at that time (by the system's clock). true: it is a flow, or
 * a report of lost events, that came already over an earlier connection.
 */
bool flow_seen_add(struct flow_seen *seen, const struct flow_record *record, int64_t arrival);

/* A connection is made, and at that time. What comes now may have come before. */
void flow_seen_connected(struct flow_seen *seen, int64_t now);

/*
 * From when on to ask, so that every node's flows since it was last heard of are in it, with some
 * overlap; nodes' clocks may differ from each other and from ours. FLOW_TIME_NONE when nothing was
 * seen.
 */
int64_t flow_seen_since(const struct flow_seen *seen);

struct flow_seen_stats {
    uint64_t duplicates;
    uint64_t gaps; /* connections behind which nothing came again */
    int64_t gap_first, gap_last;
    int64_t lag; /* of the last flow */
};

void flow_seen_stats(const struct flow_seen *seen, struct flow_seen_stats *stats);

#endif
