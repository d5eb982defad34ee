/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a batch: decoders fill it, the classifier writes into its records. */
#ifndef FLOW_MODEL_BATCH_H
#define FLOW_MODEL_BATCH_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/limits.h"
#include "libflow/record.h"

struct flow_dict;

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
