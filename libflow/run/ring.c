/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of batches between reading, judging and handing on. */
#include "run/ring.h"

#include <pthread.h>
#include <stdlib.h>

/* Enough that neither side waits for the other's longer moments. */
enum { SLOTS = 8 };

struct slot {
    struct flow_batch *batch;
    int rc; /* of judging it */
    struct flow_error error;
};

struct flow_run_ring {
    flow_run_judge *judge;
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t judged_one;
    struct slot slots[SLOTS];
    /* how many were read, judged and taken; those between are in slot number % SLOTS */
    uint64_t read, judged, taken;
    bool judging; /* a thread does */
    bool failed;  /* judging did: nothing more is judged */
};

struct flow_run_ring *
flow_run_ring_new(flow_run_judge *judge, void *context)
{
    struct flow_run_ring *ring = calloc(1, sizeof(*ring));

    if (ring == NULL) {
        return NULL;
    }
    ring->judge = judge;
    ring->context = context;
    pthread_mutex_init(&ring->lock, NULL);
    pthread_cond_init(&ring->judged_one, NULL);
    for (size_t i = 0; i < SLOTS; i++) {
        if (flow_batch_new(&ring->slots[i].batch, NULL) != FLOW_OK) {
            flow_run_ring_free(ring);
            return NULL;
        }
    }
    return ring;
}

void
flow_run_ring_free(struct flow_run_ring *ring)
{
    if (ring != NULL) {
        for (size_t i = 0; i < SLOTS; i++) {
            flow_batch_free(ring->slots[i].batch);
        }
        pthread_cond_destroy(&ring->judged_one);
        pthread_mutex_destroy(&ring->lock);
        free(ring);
    }
}

/* The batch that is next to be judged, with the right to judge it; NULL: there is none. */
static struct slot *
begin_judging(struct flow_run_ring *ring)
{
    struct slot *slot = NULL;

    pthread_mutex_lock(&ring->lock);
    if (!ring->judging && !ring->failed && ring->judged < ring->read) {
        ring->judging = true;
        slot = &ring->slots[ring->judged % SLOTS];
    }
    pthread_mutex_unlock(&ring->lock);
    return slot;
}

bool
flow_run_ring_help(void *context)
{
    struct flow_run_ring *ring = context;
    struct slot *slot = begin_judging(ring);

    if (slot == NULL) {
        return false;
    }
    slot->rc = ring->judge(ring->context, slot->batch, &slot->error);
    pthread_mutex_lock(&ring->lock);
    ring->judging = false;
    ring->judged++;
    ring->failed = slot->rc != FLOW_OK;
    pthread_cond_signal(&ring->judged_one);
    pthread_mutex_unlock(&ring->lock);
    return true;
}

struct flow_batch *
flow_run_ring_begin(struct flow_run_ring *ring)
{
    /* both are changed by this thread alone */
    return ring->read - ring->taken < SLOTS ? ring->slots[ring->read % SLOTS].batch : NULL;
}

void
flow_run_ring_push(struct flow_run_ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    ring->read++;
    pthread_mutex_unlock(&ring->lock);
}

bool
flow_run_ring_is_empty(struct flow_run_ring *ring)
{
    return ring->read == ring->taken;
}

/* Waits while another thread judges; false: none does, and the first batch is not judged. */
static bool
wait_for_first(struct flow_run_ring *ring)
{
    bool judged;

    pthread_mutex_lock(&ring->lock);
    while (ring->judged == ring->taken && ring->judging) {
        pthread_cond_wait(&ring->judged_one, &ring->lock);
    }
    judged = ring->judged > ring->taken;
    pthread_mutex_unlock(&ring->lock);
    return judged;
}

static bool
first_is_judged(struct flow_run_ring *ring)
{
    bool judged;

    pthread_mutex_lock(&ring->lock);
    judged = ring->judged > ring->taken;
    pthread_mutex_unlock(&ring->lock);
    return judged;
}

int
flow_run_ring_take(struct flow_run_ring *ring, struct flow_batch **batch, bool wait, bool *taken,
                   struct flow_error *err)
{
    struct slot *slot = &ring->slots[ring->taken % SLOTS];
    struct flow_batch *filled;

    *taken = first_is_judged(ring);
    while (!*taken && wait) {
        *taken = flow_run_ring_help(ring) ? first_is_judged(ring) : wait_for_first(ring);
    }
    if (!*taken) {
        return FLOW_OK;
    }
    if (slot->rc < 0 && err != NULL) {
        *err = slot->error;
    }
    filled = slot->batch;
    slot->batch = *batch;
    *batch = filled;
    pthread_mutex_lock(&ring->lock);
    ring->taken++;
    pthread_mutex_unlock(&ring->lock);
    return slot->rc;
}

void
flow_run_ring_drop(struct flow_run_ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    /* nothing more is begun */
    ring->failed = true;
    while (ring->judging) {
        pthread_cond_wait(&ring->judged_one, &ring->lock);
    }
    ring->read = ring->judged = ring->taken = 0;
    ring->failed = false;
    pthread_mutex_unlock(&ring->lock);
}
