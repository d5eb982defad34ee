/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to cells. What answers do not hang on is put away first: the time, where no name and no
 * date can matter, the port that the client happened to have, what the cluster says of itself.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "check/orient.h"
#include "encode/record.h"
#include "state/state.h"

/* A port that cannot make a packet look like a reply. */
enum { SOME_PORT = 65535 };

/* By numbers and addresses of this process; compared as bytes. */
struct fast_key {
    uint64_t source, destination, source_names, destination_names;
    int64_t time;
    struct flow_address source_address, destination_address, translated;
    uint32_t node, span;
    int32_t event_type, event_subtype;
    uint16_t source_port, destination_port, tcp_flags, drop_reason, verdict, trace_point;
    uint8_t trace_reason, type, direction, is_reply, protocol, has_ports, icmp_type, icmp_code;
    uint8_t sock_point, ip_version, opener, answer, tunnel, captured, auth_type, tunnelled;
};

/* What makes a cell the one it is; compared as bytes. */
struct cell_key {
    uint32_t message, span;
    int64_t time;
    uint8_t captured, began_before, goes_on, opener, answer, tunnel, padding[2];
};

int
flow_state_new(struct flow_state **out, struct flow_error *err)
{
    struct flow_state *state = calloc(1, sizeof(*state));

    if (state == NULL || !flow_intern_init(&state->messages) || !flow_intern_init(&state->keys) ||
        !flow_intern_init(&state->fast)) {
        flow_state_free(state);
        return flow_fail_memory(err);
    }
    *out = state;
    return FLOW_OK;
}

void
flow_state_free(struct flow_state *state)
{
    if (state != NULL) {
        for (size_t i = 0; i < state->node_count; i++) {
            free(state->nodes[i].times.seen.spans);
            free(state->nodes[i].times.lost.spans);
        }
        flow_intern_free(&state->messages);
        flow_intern_free(&state->keys);
        flow_intern_free(&state->fast);
        free(state->of_fast);
        free(state->cells);
        free(state->inputs);
        free(state->nodes);
        free(state->names);
        flow_documents_free(state->documents);
        flow_buf_free(&state->text);
        flow_buf_free(&state->encoded);
        flow_arena_free(&state->arena);
        free(state);
    }
}

void
flow_state_set_unreadable(struct flow_state *state)
{
    state->unreadable = true;
}

bool
flow_state_unreadable(const struct flow_state *state)
{
    return state->unreadable;
}

static void
add_weight(struct flow_weight *weight, const struct flow_weight *more)
{
    weight->flows += more->flows;
    weight->bytes += more->bytes;
    if (more->first != FLOW_TIME_NONE &&
        (weight->first == FLOW_TIME_NONE || more->first < weight->first)) {
        weight->first = more->first;
    }
    if (more->last > weight->last) {
        weight->last = more->last;
    }
}

bool
flow_state_count(struct flow_state *state, struct flow_str message, uint32_t span, int64_t time,
                 const struct flow_cell_capture *capture, const struct flow_weight *weight,
                 uint32_t *number)
{
    struct cell_key key;
    bool is_new;

    memset(&key, 0, sizeof(key));
    key.message = flow_intern_add(&state->messages, message, NULL);
    key.span = span;
    key.time = time;
    key.captured = capture->captured;
    key.began_before = capture->began_before;
    key.goes_on = capture->goes_on;
    key.opener = capture->opener;
    key.answer = capture->answer;
    key.tunnel = capture->tunnel;
    *number = key.message == FLOW_INTERN_NONE
                  ? FLOW_INTERN_NONE
                  : flow_intern_add(&state->keys,
                                    (struct flow_str){ (const char *)&key, sizeof(key) }, &is_new);
    if (*number == FLOW_INTERN_NONE) {
        return false;
    }
    if (*number >= state->room) {
        const size_t room = (size_t)*number * 2 + 64;
        struct flow_cell *grown = realloc(state->cells, room * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        state->cells = grown;
        state->room = room;
    }
    if (is_new) {
        state->cells[*number] = (struct flow_cell){
            .message = key.message,
            .span = span,
            .time = time,
            .capture = *capture,
            .weight = { .first = FLOW_TIME_NONE, .last = FLOW_TIME_NONE },
        };
    }
    add_weight(&state->cells[*number].weight, weight);
    return true;
}

/* The record with nothing in it that no answer hangs on. */
static void
put_away(const struct flow_record *record, struct flow_record *bare)
{
    struct flow_reading readings[2];

    *bare = *record;
    bare->uuid = (struct flow_str){ NULL, 0 };
    bare->raw = (struct flow_str){ NULL, 0 };
    bare->time = record->time == FLOW_TIME_NONE ? FLOW_TIME_NONE : 0;
    bare->allowed_by[0] = bare->allowed_by[1] = NULL;
    bare->denied_by[0] = bare->denied_by[1] = NULL;
    bare->source_service = bare->destination_service = NULL;
    bare->traffic = NULL;
    bare->policy_match_type = 0;
    bare->proxy_port = 0;
    memset(bare->aggregate, 0, sizeof(bare->aggregate));
    if (record->traffic == NULL && record->has_ports && record->source_port != 0 &&
        record->destination_port != 0 && flow_orient(record, readings) == 1) {
        if (readings[0].swapped) {
            bare->destination_port = SOME_PORT;
        } else {
            bare->source_port = SOME_PORT;
        }
    }
}

/* Whether what an address was called at that very time can matter. */
static bool
needs_time(const struct flow_classifier *classifier, const struct flow_record *record)
{
    /* a captured connection may be a part of one */
    return record->traffic != NULL ||
           (classifier->names != NULL &&
            (record->source->pod_name.len == 0 || record->destination->pod_name.len == 0));
}

static void
make_key(const struct flow_record *bare, int64_t time, uint32_t span,
         const struct flow_cell_capture *capture, struct fast_key *key)
{
    memset(key, 0, sizeof(*key));
    key->source = (uint64_t)(uintptr_t)bare->source;
    key->destination = (uint64_t)(uintptr_t)bare->destination;
    key->source_names = (uint64_t)(uintptr_t)bare->source_names;
    key->destination_names = (uint64_t)(uintptr_t)bare->destination_names;
    /* a record without a time is another than one whose time does not matter */
    key->time = bare->time == FLOW_TIME_NONE ? FLOW_TIME_NONE + 1 : time;
    key->source_address = bare->source_address;
    key->destination_address = bare->destination_address;
    key->translated = bare->source_translated;
    key->node = bare->node;
    key->span = span;
    key->event_type = bare->event_type;
    key->event_subtype = bare->event_subtype;
    key->source_port = bare->source_port;
    key->destination_port = bare->destination_port;
    key->tcp_flags = bare->tcp_flags;
    key->drop_reason = bare->drop_reason;
    key->verdict = bare->verdict;
    key->trace_point = bare->trace_point;
    key->trace_reason = bare->trace_reason;
    key->type = bare->type;
    key->direction = bare->direction;
    key->is_reply = bare->is_reply;
    key->protocol = bare->protocol;
    key->has_ports = bare->has_ports;
    key->icmp_type = bare->icmp_type;
    key->icmp_code = bare->icmp_code;
    key->sock_point = bare->sock_point;
    key->ip_version = bare->ip_version;
    key->captured = capture->captured;
    key->opener = capture->opener;
    key->answer = capture->answer;
    key->tunnel = capture->tunnel;
    key->auth_type = bare->auth_type;
    key->tunnelled = bare->tunnelled;
}

static bool
count_new(struct flow_state *state, const struct flow_record *bare, uint32_t span, int64_t time,
          const struct flow_cell_capture *capture, const struct flow_weight *weight,
          uint32_t *number)
{
    flow_buf_reset(&state->text);
    flow_record_to_proto(bare, &state->text);
    return !state->text.failed &&
           flow_state_count(state, flow_buf_str(&state->text), span, time, capture, weight, number);
}

bool
flow_state_add_record(struct flow_state *state, const struct flow_classifier *classifier,
                      const struct flow_record *record, const struct flow_weight *weight)
{
    const int64_t time = needs_time(classifier, record) ? record->time : FLOW_TIME_NONE;
    const uint32_t span =
        classifier->intent != NULL ? flow_intent_span(classifier->intent, record->time) : 0;
    struct flow_cell_capture capture = { .captured = record->traffic != NULL };
    struct flow_record bare;
    struct fast_key key;
    uint32_t fast, number;
    bool is_new;

    if (record->traffic != NULL) {
        capture.began_before = record->traffic->began_before;
        capture.goes_on = record->traffic->goes_on;
        capture.opener = record->traffic->opener;
        capture.answer = record->traffic->answer;
        capture.tunnel = record->traffic->tunnel;
    }
    put_away(record, &bare);
    if (record->l7 != NULL || record->traffic != NULL) {
        return count_new(state, &bare, span, time, &capture, weight, &number);
    }
    make_key(&bare, time, span, &capture, &key);
    fast = flow_intern_add(&state->fast, (struct flow_str){ (const char *)&key, sizeof(key) },
                           &is_new);
    if (fast == FLOW_INTERN_NONE) {
        return false;
    }
    if (!is_new) {
        add_weight(&state->cells[state->of_fast[fast]].weight, weight);
        return true;
    }
    if (fast >= state->fast_room) {
        const size_t room = (size_t)fast * 2 + 64;
        uint32_t *grown = realloc(state->of_fast, room * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        state->of_fast = grown;
        state->fast_room = room;
    }
    if (!count_new(state, &bare, span, time, &capture, weight, &number)) {
        return false;
    }
    state->of_fast[fast] = number;
    return true;
}

int
flow_state_add(struct flow_state *state, const struct flow_classifier *classifier,
               const struct flow_batch *batch, struct flow_error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct flow_record *record = &batch->records[i];
        struct flow_weight weight;

        if (record->kind != FLOW_KIND_FLOW) {
            continue;
        }
        flow_weigh(record, &weight);
        if (!flow_state_add_record(state, classifier, record, &weight)) {
            return flow_fail_memory(err);
        }
    }
    return FLOW_OK;
}
