/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting. Flows that are as they should be are a number; the others are grouped by what a finding
 * would say of them, by numbers and addresses only, so that counting never builds text.
 */
#include "check/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/str.h"
#include "check/orient.h"
#include "decode/reader.h"
#include "intent/intent.h"

/* Of flow.AgentEventType. */
enum { AGENT_STARTED = 2 };

_Static_assert(sizeof(struct flow_group_key) == 88, "the key must not hold unset bytes");

static void
release(struct flow_tally *tally)
{
    for (uint32_t i = 0; i < tally->node_names.count; i++) {
        free(tally->times[i].seen.spans);
        free(tally->times[i].lost.spans);
    }
    free(tally->group_slots);
    flow_intern_free(&tally->node_names);
    free(tally->groups);
    free(tally->times);
    free(tally->nodes);
    free(tally->sorted);
    free(tally->node_map);
    free(tally->inputs);
    free(tally->sorted_inputs);
    free(tally->open);
    free(tally->open_groups);
    free(tally->findings);
    flow_arena_free(&tally->arena);
    flow_arena_free(&tally->finding_arena);
    flow_buf_free(&tally->rendered);
}

/* Makes it as it is before anything is counted; false: out of memory. */
static bool
start(struct flow_tally *tally)
{
    tally->totals.first = tally->totals.last = FLOW_TIME_NONE;
    return flow_intern_init(&tally->node_names);
}

int
flow_tally_new(struct flow_tally **out, const struct flow_policies *policies,
               struct flow_error *err)
{
    struct flow_tally *tally = calloc(1, sizeof(*tally));

    if (tally == NULL) {
        return flow_fail_memory(err);
    }
    tally->policies = policies;
    tally->silence = (int64_t)300 * 1000000000;
    tally->now = FLOW_TIME_NONE;
    if (!start(tally)) {
        flow_tally_free(tally);
        return flow_fail_memory(err);
    }
    *out = tally;
    return FLOW_OK;
}

void
flow_tally_free(struct flow_tally *tally)
{
    if (tally != NULL) {
        release(tally);
        free(tally);
    }
}

bool
flow_tally_restart(struct flow_tally *tally)
{
    const struct flow_tally before = *tally;

    release(tally);
    *tally = (struct flow_tally){
        .policies = before.policies,
        .intent = before.intent,
        .silence = before.silence,
        .now = before.now,
        .baseline = before.baseline,
    };
    return start(tally);
}

static void
widen(int64_t time, int64_t *first, int64_t *last)
{
    if (time == FLOW_TIME_NONE) {
        return;
    }
    if (*first == FLOW_TIME_NONE || time < *first) {
        *first = time;
    }
    if (*last == FLOW_TIME_NONE || time > *last) {
        *last = time;
    }
}

struct flow_node_seen *
flow_tally_node_named(struct flow_tally *tally, struct flow_str name)
{
    struct flow_node_times *times;
    bool is_new;
    uint32_t place;

    if (tally->node_names.count >= tally->node_room) {
        const size_t room = (size_t)tally->node_names.count * 2 + 16;
        struct flow_node_seen *grown = realloc(tally->nodes, room * sizeof(*grown));

        if (grown == NULL) {
            return NULL;
        }
        tally->nodes = grown;
        times = realloc(tally->times, room * sizeof(*times));
        if (times == NULL) {
            return NULL;
        }
        tally->times = times;
        tally->node_room = room;
    }
    place = flow_intern_add(&tally->node_names, name, &is_new);
    if (place == FLOW_INTERN_NONE) {
        return NULL;
    }
    if (is_new) {
        memset(&tally->times[place], 0, sizeof(tally->times[place]));
        tally->nodes[place] = (struct flow_node_seen){
            .name = flow_intern_text(&tally->node_names, place),
            .first = FLOW_TIME_NONE,
            .last = FLOW_TIME_NONE,
            .lost_first = FLOW_TIME_NONE,
            .lost_last = FLOW_TIME_NONE,
            .state_since = FLOW_TIME_NONE,
            .gap_first = FLOW_TIME_NONE,
            .restart_first = FLOW_TIME_NONE,
            .restart_last = FLOW_TIME_NONE,
            .gap_last = FLOW_TIME_NONE,
        };
    }
    tally->times[place].made = false;
    return &tally->nodes[place];
}

/* The place of a node in the tally; dictionaries number nodes each in their own way. */
static struct flow_node_seen *
find_node(struct flow_tally *tally, const struct flow_dict *dict, const struct flow_record *record)
{
    const uint32_t number = record->node;
    struct flow_node_seen *node;

    if (tally->node_dict != dict && tally->node_map != NULL) {
        memset(tally->node_map, 0, tally->node_map_room * sizeof(*tally->node_map));
    }
    tally->node_dict = dict;
    if (number < tally->node_map_room && tally->node_map[number] != 0) {
        return &tally->nodes[tally->node_map[number] - 1];
    }
    if (number >= tally->node_map_room) {
        const size_t room = (size_t)number * 2 + 64;
        uint32_t *grown = realloc(tally->node_map, room * sizeof(*grown));

        if (grown == NULL) {
            return NULL;
        }
        memset(grown + tally->node_map_room, 0, (room - tally->node_map_room) * sizeof(*grown));
        tally->node_map = grown;
        tally->node_map_room = room;
    }
    /* the dictionary may be another thread's by now */
    node = flow_tally_node_named(tally, record->node_name);
    if (node != NULL) {
        tally->node_map[number] = (uint32_t)(node - tally->nodes) + 1;
    }
    return node;
}

/* Results that become findings, and denials, whose two records count once. */
static bool
is_grouped(uint8_t result)
{
    switch (result) {
    case FLOW_RESULT_PERMITTED:
    case FLOW_RESULT_FAILED:
    case FLOW_RESULT_NOT_APPLICABLE:
        return false;
    default:
        return true;
    }
}

static struct flow_group_key
key_of(const struct flow_record *record)
{
    struct flow_group_key key;
    struct flow_connection connection;

    memset(&key, 0, sizeof(key));
    memset(&connection, 0, sizeof(connection));
    flow_connection_of(record, &connection);
    key.decision = (uint64_t)(uintptr_t)record->decision;
    key.source = (uint64_t)(uintptr_t)connection.source;
    key.destination = (uint64_t)(uintptr_t)connection.destination;
    key.protocol = record->protocol;
    key.scope = record->scope;
    key.result = record->result;
    key.undecided = record->undecided;
    key.direction = record->judged_direction;
    key.has_port = connection.has_port;
    key.port = connection.destination_port;
    if (connection.destination->pod_name.len == 0) {
        key.names =
            (uint64_t)(uintptr_t)(record->server_names != NULL ? record->server_names
                                                               : connection.destination_names);
        key.server = connection.destination_address;
    }
    if (connection.source->pod_name.len == 0) {
        key.client = connection.source_address;
    }
    return key;
}

static void
count_codes(struct flow_tally *tally, uint32_t undecided, uint64_t flows)
{
    for (unsigned code = 0; code < FLOW_UNDECIDED_COUNT; code++) {
        tally->codes[code] += (undecided >> code & 1) * flows;
    }
}

/* Counts a record in the group of a key; *group is NULL when there are too many. */
static bool
count_in(struct flow_tally *tally, const struct flow_group_key *key,
         const struct flow_record *record, const struct flow_weight *weight,
         struct flow_group **group)
{
    bool failed = false;

    *group = flow_tally_group(tally, key, &failed);
    if (*group == NULL) {
        tally->totals.ungrouped += weight->flows;
        return !failed;
    }
    if (record->event_type == FLOW_EVENT_POLICY_VERDICT) {
        (*group)->verdicts += weight->flows;
    } else if (record->event_type == FLOW_EVENT_DROP) {
        (*group)->drops += weight->flows;
    } else {
        (*group)->others += weight->flows;
    }
    if (tally->touched_count < FLOW_TOUCHED_MAX) {
        tally->touched[tally->touched_count++] = (uint32_t)(*group - tally->groups);
    }
    (*group)->bytes += weight->bytes;
    widen(weight->first, &(*group)->first, &(*group)->last);
    widen(weight->last, &(*group)->first, &(*group)->last);
    return true;
}

/* What passed against the document, and what an approval was used for. */
static bool
add_intent(struct flow_tally *tally, const struct flow_record *record,
           const struct flow_weight *weight)
{
    const struct flow_intent_decision *intent = record->intent_decision;
    struct flow_group_key key;
    struct flow_group *group;

    tally->intents[record->intent] += weight->flows;
    tally->totals.before_phases += intent->before_phases ? weight->flows : 0;
    for (size_t i = 0; i < FLOW_SECTION_COUNT; i++) {
        tally->in_force[i] += (intent->in_force >> i & 1) * weight->flows;
    }
    if (flow_has_passed(record)) {
        tally->passed[record->scope][record->intent] += weight->flows;
    }
    if (!flow_has_passed(record) || (intent->violation_count == 0 && intent->approval == NULL)) {
        return true;
    }
    key = key_of(record);
    key.undecided = intent->undecided;
    for (size_t i = 0; i < intent->violation_count; i++) {
        key.kind = FLOW_GROUP_VIOLATION;
        key.violation = intent->violations[i].kind;
        key.statement = (uint64_t)(uintptr_t)intent->violations[i].statement;
        if (!count_in(tally, &key, record, weight, &group)) {
            return false;
        }
    }
    if (intent->approval != NULL) {
        key.kind = FLOW_GROUP_USAGE;
        key.violation = 0;
        key.decision = 0;
        key.statement = (uint64_t)(uintptr_t)intent->approval;
        return count_in(tally, &key, record, weight, &group);
    }
    return true;
}

/* What a mask took away, by fields that are always there without one; captures have none of them.
 */
static void
count_missing(struct flow_tally *tally, const struct flow_record *record, uint64_t flows)
{
    const bool hubble = record->traffic == NULL;
    const bool missing[FLOW_MISSING_COUNT] = {
        [FLOW_MISSING_TIME] = record->time == FLOW_TIME_NONE,
        [FLOW_MISSING_NODE_NAME] = hubble && record->node_name.len == 0,
        [FLOW_MISSING_VERDICT] =
            hubble && record->verdict == FLOW_VERDICT_UNKNOWN && !flow_says_nothing(record),
        [FLOW_MISSING_EVENT_TYPE] = hubble && record->event_type == FLOW_EVENT_UNKNOWN,
        [FLOW_MISSING_ADDRESSES] = record->source_address.family == 0,
        [FLOW_MISSING_PROTOCOL] = record->protocol == FLOW_PROTOCOL_UNKNOWN,
        [FLOW_MISSING_LABELS] = !record->source->has_labels || !record->destination->has_labels,
    };

    for (size_t i = 0; i < FLOW_MISSING_COUNT; i++) {
        tally->totals.missing[i] += missing[i] ? flows : 0;
    }
}

bool
flow_tally_add_flow(struct flow_tally *tally, const struct flow_record *record,
                    const struct flow_weight *weight)
{
    struct flow_group_key key;
    struct flow_group *group = NULL;

    tally->touched_count = 0;
    widen(weight->first, &tally->totals.first, &tally->totals.last);
    widen(weight->last, &tally->totals.first, &tally->totals.last);
    tally->totals.flows += weight->flows;
    count_missing(tally, record, weight->flows);
    if (record->result == FLOW_RESULT_NOT_APPLICABLE && record->decision == NULL) {
        tally->totals.no_verdict += weight->flows;
    } else if (record->swapped && record->event_type != FLOW_EVENT_DROP &&
               record->event_type != FLOW_EVENT_POLICY_VERDICT) {
        tally->totals.replies_of_results += weight->flows;
    }
    if (record->result == FLOW_RESULT_UNDECIDED) {
        tally->totals.undecided += weight->flows;
        count_codes(tally, record->undecided, weight->flows);
    }
    if (record->result == FLOW_RESULT_UNDECIDED || record->intent == FLOW_INTENT_UNDECIDABLE) {
        tally->totals.unsure += weight->flows;
    }
    if (record->intent_decision != NULL && !add_intent(tally, record, weight)) {
        return false;
    }
    if (is_grouped(record->result)) {
        key = key_of(record);
        if (!count_in(tally, &key, record, weight, &group)) {
            return false;
        }
    }
    if (group == NULL) {
        tally->results[record->result] += weight->flows;
    }
    return record->traffic == NULL || flow_tally_keep_open(tally, record, weight, group != NULL);
}

/* The last one by its time counts, however the log is put together. */
static void
take_state(struct flow_node_seen *node, uint32_t state, int64_t time)
{
    if (time > node->state_since || (time == node->state_since && state > node->state)) {
        node->state = state;
        node->state_since = time;
    }
}

bool
flow_tally_add_node(struct flow_tally *tally, const struct flow_node_seen *seen,
                    const struct flow_node_times *times)
{
    struct flow_node_seen *node = flow_tally_node_named(tally, seen->name);
    struct flow_node_times *own;

    if (node == NULL) {
        return false;
    }
    own = &tally->times[node - tally->nodes];
    node->flows += seen->flows;
    node->lost += seen->lost;
    node->outages += seen->outages;
    take_state(node, seen->state, seen->state_since);
    widen(seen->first, &node->first, &node->last);
    widen(seen->last, &node->first, &node->last);
    widen(seen->lost_first, &node->lost_first, &node->lost_last);
    widen(seen->lost_last, &node->lost_first, &node->lost_last);
    node->restarts += seen->restarts;
    widen(seen->restart_first, &node->restart_first, &node->restart_last);
    widen(seen->restart_last, &node->restart_first, &node->restart_last);
    for (size_t i = 0; i < times->seen.count; i++) {
        if (!flow_spans_add(&own->seen, times->seen.spans[i].from, times->seen.spans[i].until,
                            tally->silence)) {
            return false;
        }
    }
    for (size_t i = 0; i < times->lost.count; i++) {
        if (!flow_spans_add(&own->lost, times->lost.spans[i].from, times->lost.spans[i].until, 0)) {
            return false;
        }
    }
    return true;
}

/* What Relay says of nodes: one that it does not reach sends no flows. */
static bool
add_status(struct flow_tally *tally, const struct flow_record *record)
{
    const struct flow_node_status *status = record->status;

    for (uint32_t i = 0; status != NULL && i < status->names.count; i++) {
        struct flow_node_seen *node = flow_tally_node_named(tally, status->names.texts[i]);

        if (node == NULL) {
            return false;
        }
        node->outages += status->state > 1 ? 1 : 0;
        take_state(node, status->state, record->time);
    }
    return true;
}

int
flow_tally_add(struct flow_tally *tally, const struct flow_batch *batch, struct flow_error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct flow_record *record = &batch->records[i];
        struct flow_weight weight;
        struct flow_node_seen *node = find_node(tally, batch->dict, record);

        if (node == NULL) {
            return flow_fail_memory(err);
        }
        if (record->kind == FLOW_KIND_LOST_EVENTS) {
            node->lost += record->lost->count;
            widen(record->time, &node->lost_first, &node->lost_last);
            if (!flow_times_add_lost(&tally->times[node - tally->nodes], record)) {
                return flow_fail_memory(err);
            }
        }
        if (record->kind == FLOW_KIND_AGENT_EVENT && record->event_subtype == AGENT_STARTED) {
            node->restarts++;
            widen(record->time, &node->restart_first, &node->restart_last);
        }
        if (record->kind == FLOW_KIND_NODE_STATUS && !add_status(tally, record)) {
            return flow_fail_memory(err);
        }
        if (record->kind != FLOW_KIND_FLOW) {
            continue;
        }
        node->flows++;
        flow_weigh(record, &weight);
        tally->totals.aggregated +=
            record->aggregate[0] + (uint64_t)record->aggregate[1] + record->aggregate[2] > 1;
        widen(weight.first, &node->first, &node->last);
        widen(weight.last, &node->first, &node->last);
        if (!flow_times_add_seen(tally, &tally->times[node - tally->nodes], &weight) ||
            !flow_tally_add_flow(tally, record, &weight)) {
            return flow_fail_memory(err);
        }
    }
    return FLOW_OK;
}

static int
compare_nodes(const void *left, const void *right)
{
    const struct flow_node_seen *a = left;
    const struct flow_node_seen *b = right;

    return flow_str_compare(a->name, b->name);
}

int
flow_tally_finish(struct flow_tally *tally, struct flow_error *err)
{
    struct flow_node_seen *sorted;
    size_t count;
    int rc;

    if (!flow_tally_cover(tally)) {
        return flow_fail_memory(err);
    }
    count = tally->node_names.count;
    sorted = realloc(tally->sorted, (count + 1) * sizeof(*tally->sorted));
    if (sorted == NULL) {
        return flow_fail_memory(err);
    }
    tally->sorted = sorted;
    tally->sorted_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!tally->times[i].made || tally->nodes[i].expected) {
            sorted[tally->sorted_count++] = tally->nodes[i];
        }
    }
    if (tally->sorted_count > 0) {
        qsort(sorted, tally->sorted_count, sizeof(*sorted), compare_nodes);
    }
    flow_tally_share(tally);
    if (!flow_tally_sort_inputs(tally)) {
        return flow_fail_memory(err);
    }
    flow_tally_join_open(tally);
    for (size_t i = 0; i < FLOW_RESULT_COUNT; i++) {
        tally->final[i] = tally->results[i] - tally->continued[i];
    }
    tally->totals.duplicates = tally->continued_count;
    free(tally->findings);
    tally->findings = NULL;
    tally->finding_count = 0;
    flow_arena_reset(&tally->finding_arena);
    rc = flow_tally_make_findings(tally, err);
    return rc == FLOW_OK && (!flow_tally_compare(tally) || !flow_tally_answer(tally))
               ? flow_fail_memory(err)
               : rc;
}
