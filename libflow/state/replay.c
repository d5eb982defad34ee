/* SPDX-License-Identifier: Apache-2.0 */
/* A state's flows, judged again with what all parts know together. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "encode/transcode.h"
#include "policy/policies.h"
#include "state/state.h"

struct flow_documents *
flow_state_documents(const struct flow_state *state)
{
    return state->documents;
}

int
flow_state_agree(const struct flow_state *state, const struct flow_state *other,
                 struct flow_error *err)
{
    const char *different = NULL;

    return flow_documents_equal(state->documents, other->documents, &different)
               ? FLOW_OK
               : flow_fail(err, FLOW_E_INVALID,
                           "expected parts that were made with the same policies, snapshot, "
                           "intent and options, found that %.100s differs",
                           different);
}

int
flow_state_add_names(const struct flow_state *state, struct flow_names *names,
                     struct flow_error *err)
{
    for (size_t i = 0; i < state->name_count; i++) {
        if (!flow_names_add(names, &state->names[i])) {
            return flow_fail_memory(err);
        }
    }
    return FLOW_OK;
}

/* All cells as delimited messages, in the order of their numbers. */
static bool
add_messages(const struct flow_state *state, struct flow_buf *out)
{
    for (uint32_t i = 0; i < state->keys.count; i++) {
        const struct flow_str message = flow_intern_text(&state->messages, state->cells[i].message);

        flow_proto_add_varint(out, message.len);
        flow_buf_add_str(out, message);
    }
    return !out->failed;
}

/* What the message of a cell does not tell. */
static void
restore(const struct flow_cell *cell, struct flow_record *record, struct flow_traffic *traffic)
{
    record->time = cell->time != FLOW_TIME_NONE     ? cell->time
                   : record->time != FLOW_TIME_NONE ? cell->weight.first
                                                    : FLOW_TIME_NONE;
    record->traffic = NULL;
    if (cell->capture.captured) {
        *traffic = (struct flow_traffic){
            .first = record->time,
            .last = cell->weight.last,
            .opener = cell->capture.opener,
            .answer = cell->capture.answer,
            .tunnel = cell->capture.tunnel,
            .began_before = cell->capture.began_before,
            .goes_on = cell->capture.goes_on,
        };
        record->traffic = traffic;
    }
}

static int
count_batch(const struct flow_state *state, struct flow_classifier *classifier,
            struct flow_tally *tally, struct flow_dict *dict, struct flow_batch *batch,
            uint32_t *number, struct flow_state *into, struct flow_error *err)
{
    struct flow_traffic *traffic = calloc(batch->count + 1, sizeof(*traffic));
    const uint32_t first = *number;
    int rc;

    if (traffic == NULL) {
        return flow_fail_memory(err);
    }
    for (size_t i = 0; i < batch->count && *number < state->keys.count; i++) {
        restore(&state->cells[(*number)++], &batch->records[i], &traffic[i]);
    }
    rc = flow_policies_name_ends(classifier->policies, dict, batch, err);
    rc = rc == FLOW_OK ? flow_classifier_run(classifier, batch, err) : rc;
    for (size_t i = 0; rc == FLOW_OK && i < *number - first; i++) {
        const struct flow_weight *weight = &state->cells[first + i].weight;

        if (!flow_tally_add_flow(tally, &batch->records[i], weight) ||
            (into != NULL &&
             !flow_state_add_record(into, classifier, &batch->records[i], weight))) {
            rc = flow_fail_memory(err);
        }
    }
    for (size_t i = 0; i < batch->count; i++) {
        batch->records[i].traffic = NULL;
    }
    free(traffic);
    return rc;
}

static int
replay_flows(const struct flow_state *state, struct flow_classifier *classifier,
             struct flow_tally *tally, struct flow_dict *dict, struct flow_state *into,
             struct flow_error *err)
{
    struct flow_reader_options options;
    struct flow_reader *reader;
    struct flow_batch *batch;
    struct flow_buf messages = { 0 };
    uint32_t number = 0;
    int rc = flow_batch_new(&batch, err);

    if (rc != FLOW_OK) {
        return rc;
    }
    flow_reader_options_init(&options, sizeof(options));
    options.dict = dict;
    rc = add_messages(state, &messages)
             ? flow_reader_open_memory(&reader, messages.ptr, messages.len, &options, err)
             : flow_fail_memory(err);
    if (rc == FLOW_OK) {
        while ((rc = flow_reader_next(reader, batch, err)) == FLOW_OK) {
            if (flow_batch_problem_count(batch) > 0) {
                *err = *flow_batch_problem_at(batch, 0);
                rc = FLOW_E_CORRUPT;
                break;
            }
            rc = count_batch(state, classifier, tally, dict, batch, &number, into, err);
            if (rc != FLOW_OK) {
                break;
            }
        }
        flow_reader_close(reader);
    }
    if (rc == FLOW_END) {
        rc = number == state->keys.count
                 ? FLOW_OK
                 : flow_fail(err, FLOW_E_CORRUPT, "expected %u flows in a state, found %u",
                             state->keys.count, number);
    }
    flow_buf_free(&messages);
    flow_batch_free(batch);
    return rc;
}

int
flow_state_replay(const struct flow_state *state, struct flow_classifier *classifier,
                  struct flow_tally *tally, struct flow_dict *dict, struct flow_state *into,
                  struct flow_error *err)
{
    for (size_t i = 0; i < state->input_count; i++) {
        if (!flow_tally_add_input(tally, &state->inputs[i])) {
            return flow_fail_memory(err);
        }
    }
    for (size_t i = 0; i < state->node_count; i++) {
        if (!flow_tally_add_node(tally, &state->nodes[i].seen, &state->nodes[i].times)) {
            return flow_fail_memory(err);
        }
    }
    tally->totals.aggregated += state->aggregated;
    if (into != NULL) {
        into->unreadable |= state->unreadable;
    }
    return state->keys.count > 0 ? replay_flows(state, classifier, tally, dict, into, err)
                                 : FLOW_OK;
}
