/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a state. */
#ifndef FLOW_STATE_STATE_H
#define FLOW_STATE_STATE_H

#include "base/buf.h"
#include "check/classifier.h"
#include "check/tally.h"
#include "enrich/names.h"
#include "libflow/state.h"
#include "manifest/documents.h"

#define FLOW_STATE_SCHEMA "libflow.dev/state/v1"
#define FLOW_DOCUMENTS_SCHEMA "libflow.dev/documents/v1"

/* What of a captured connection its answers hang on. */
struct flow_cell_capture {
    bool captured, began_before, goes_on;
    uint8_t opener, answer, tunnel;
};

/* Flows that differ in nothing that anything hangs on: one of them, and how many there were. */
struct flow_cell {
    uint32_t message; /* number of an ExportEvent whose time says nothing */
    uint32_t span;    /* of the intent's borders */
    int64_t time;     /* where names can matter, the time itself; else FLOW_TIME_NONE */
    struct flow_cell_capture capture;
    struct flow_weight weight;
};

/* What a state that was read says beside its flows. */
struct flow_state_node {
    struct flow_node_seen seen;
    struct flow_node_times times;
};

struct flow_state {
    struct flow_arena arena;
    struct flow_intern messages;
    struct flow_intern keys; /* what makes a cell the one it is -> its number */
    struct flow_intern fast; /* the same by numbers and addresses of this process */
    uint32_t *of_fast;       /* number in fast -> number of the cell */
    size_t fast_room;
    struct flow_cell *cells;
    size_t room;
    bool unreadable;
    uint64_t aggregated;
    struct flow_buf text;
    struct flow_buf encoded; /* what flow_state_encode made last */
    /* of a state that was read */
    struct flow_documents *documents;
    struct flow_input_stats *inputs;
    size_t input_count, input_room;
    struct flow_state_node *nodes;
    size_t node_count, node_room;
    struct flow_name_span *names;
    size_t name_count, name_room;
};

/* Counts a weight in the cell of a message and what belongs to it; false when out of memory. */
bool flow_state_count(struct flow_state *state, struct flow_str message, uint32_t span,
                      int64_t time, const struct flow_cell_capture *capture,
                      const struct flow_weight *weight, uint32_t *number);

/* A record of which only what answers hang on is left, as the state keeps it. */
bool flow_state_add_record(struct flow_state *state, const struct flow_classifier *classifier,
                           const struct flow_record *record, const struct flow_weight *weight);

#endif
