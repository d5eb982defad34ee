/* SPDX-License-Identifier: Apache-2.0 */
/* The container of records between a reader and a sink; its memory is kept from fill to fill. */
#include "model/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/dict.h"

int
flow_batch_new(struct flow_batch **out, struct flow_error *err)
{
    struct flow_batch *batch = calloc(1, sizeof(*batch));

    if (batch == NULL) {
        return flow_fail_memory(err);
    }
    batch->records = calloc(FLOW_BATCH_RECORDS_MAX, sizeof(*batch->records));
    batch->problems = calloc(FLOW_BATCH_PROBLEMS_MAX, sizeof(*batch->problems));
    if (batch->records == NULL || batch->problems == NULL) {
        flow_batch_free(batch);
        return flow_fail_memory(err);
    }
    batch->limit = FLOW_BATCH_RECORDS_MAX;
    *out = batch;
    return FLOW_OK;
}

void
flow_batch_set_limit(struct flow_batch *batch, size_t limit)
{
    batch->limit = limit > 0 && limit < FLOW_BATCH_RECORDS_MAX ? limit : FLOW_BATCH_RECORDS_MAX;
}

void
flow_batch_free(struct flow_batch *batch)
{
    if (batch != NULL) {
        free(batch->records);
        free(batch->problems);
        flow_buffer_release(batch->buffer);
        flow_arena_free(&batch->arena);
        free(batch);
    }
}

void
flow_batch_keep(struct flow_batch *batch, struct flow_buffer *buffer)
{
    if (batch->buffer == NULL) {
        batch->buffer = buffer;
        atomic_fetch_add(&buffer->users, 1);
    }
}

void
flow_batch_reset(struct flow_batch *batch, const struct flow_dict *dict)
{
    batch->count = 0;
    batch->problem_count = 0;
    batch->dict = dict;
    flow_buffer_release(batch->buffer);
    batch->buffer = NULL;
    flow_arena_reset(&batch->arena);
}

struct flow_record *
flow_batch_begin(struct flow_batch *batch)
{
    struct flow_record *record;

    if (flow_batch_full(batch)) {
        return NULL;
    }
    record = &batch->records[batch->count];
    memset(record, 0, sizeof(*record));
    record->time = FLOW_TIME_NONE;
    record->source = record->destination = flow_dict_empty_endpoint(batch->dict);
    record->source_names = record->destination_names = flow_dict_empty_list(batch->dict);
    return record;
}

void
flow_batch_commit(struct flow_batch *batch)
{
    batch->count++;
}

void
flow_batch_add_problem(struct flow_batch *batch, const struct flow_error *problem)
{
    if (batch->problem_count < FLOW_BATCH_PROBLEMS_MAX) {
        batch->problems[batch->problem_count] = *problem;
    }
    batch->problem_count++;
}

size_t
flow_batch_count(const struct flow_batch *batch)
{
    return batch->count;
}

const struct flow_record *
flow_batch_at(const struct flow_batch *batch, size_t i)
{
    return i < batch->count ? &batch->records[i] : NULL;
}

size_t
flow_batch_problem_count(const struct flow_batch *batch)
{
    return batch->problem_count;
}

const struct flow_error *
flow_batch_problem_at(const struct flow_batch *batch, size_t i)
{
    return i < batch->problem_count && i < FLOW_BATCH_PROBLEMS_MAX ? &batch->problems[i] : NULL;
}
