/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches that were read and wait to be judged, and those that were judged and wait to be handed
 * on, in the order in which they were read. One thread reads and hands on; judging is done by
 * whichever thread has time, one batch at a time and in order.
 */
#ifndef FLOW_RUN_RING_H
#define FLOW_RUN_RING_H

#include "libflow/record.h"

struct flow_run_ring;

typedef int flow_run_judge(void *context, struct flow_batch *batch, struct flow_error *err);

/* NULL when out of memory. */
struct flow_run_ring *flow_run_ring_new(flow_run_judge *judge, void *context);
void flow_run_ring_free(struct flow_run_ring *ring);

/* Judges the next batch, unless none waits or another thread judges one: then false. */
bool flow_run_ring_help(void *ring);

/* For the thread that reads: a batch to read into, NULL when there is no room. */
struct flow_batch *flow_run_ring_begin(struct flow_run_ring *ring);
/* The batch that was begun is read, and may be judged. */
void flow_run_ring_push(struct flow_run_ring *ring);

/* Whether no batch is left in it. */
bool flow_run_ring_is_empty(struct flow_run_ring *ring);

/*
 * The first batch, given for another when it is judged: FLOW_OK, or what judging it said, *taken
 * then tells. wait: helps and waits until it is judged; the ring is not empty then.
 */
int flow_run_ring_take(struct flow_run_ring *ring, struct flow_batch **batch, bool wait,
                       bool *taken, struct flow_error *err);

/* Forgets what it holds, once nothing of it is judged any more. */
void flow_run_ring_drop(struct flow_run_ring *ring);

#endif
