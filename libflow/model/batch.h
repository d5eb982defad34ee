/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a batch: decoders fill it, the classifier writes into its records. */
#ifndef FLOW_MODEL_BATCH_H
#define FLOW_MODEL_BATCH_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/limits.h"
#include "libflow/record.h"

struct flow_dict;

/*
 * Bytes that records point into. A reader fills them, and every batch that it fills from them
 * holds on to them, so that they stay as they are while another batch is filled.
 */
struct flow_buffer {
    uint8_t *bytes; /* room of them, aligned to a page, and padding behind them */
    size_t room;
    atomic_uint users; /* a batch and its reader may be with different threads */
};

/* A buffer with one user; NULL when out of memory. */
struct flow_buffer *flow_buffer_new(size_t room, size_t padding);
/* One user less; the last one frees it. NULL is fine. */
void flow_buffer_release(struct flow_buffer *buffer);

struct flow_batch {
    struct flow_record *records; /* FLOW_BATCH_RECORDS_MAX of them */
    size_t count, limit;
    struct flow_error *problems;  /* FLOW_BATCH_PROBLEMS_MAX of them */
    size_t problem_count;         /* also those not kept */
    struct flow_buffer *buffer;   /* what texts of the records point into, or NULL */
    struct flow_arena arena;      /* unescaped texts and L7 parts of the records */
    const struct flow_dict *dict; /* what the records point into; borrowed */
};

/* Holds on to the bytes that its records point into, until the next reset. */
void flow_batch_keep(struct flow_batch *batch, struct flow_buffer *buffer);

/* Empties it for the next fill. */
void flow_batch_reset(struct flow_batch *batch, const struct flow_dict *dict);

/*
 * A cleared record to fill in; it counts once flow_batch_commit is called, so that a record that
 * turns out damaged leaves nothing behind. NULL when the batch is full.
 */
struct flow_record *flow_batch_begin(struct flow_batch *batch);
void flow_batch_commit(struct flow_batch *batch);

static inline bool
flow_batch_full(const struct flow_batch *batch)
{
    return batch->count >= batch->limit;
}

void flow_batch_add_problem(struct flow_batch *batch, const struct flow_error *problem);

#endif
