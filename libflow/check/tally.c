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

_Static_assert(sizeof(struct flow_group_key) == 80, "the key must not hold unset bytes");

int
flow_tally_new(struct flow_tally **out, const struct flow_policies *policies,
               struct flow_error *err)
{
    struct flow_tally *tally = calloc(1, sizeof(*tally));

    if (tally == NULL) {
        return flow_fail_memory(err);
    }
    tally->policies = policies;
    tally->totals.first = tally->totals.last = FLOW_TIME_NONE;
    if (!flow_intern_init(&tally->keys) || !flow_intern_init(&tally->node_names)) {
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
        flow_intern_free(&tally->keys);
        flow_intern_free(&tally->node_names);
        free(tally->groups);
        free(tally->nodes);
        free(tally->sorted);
        free(tally->node_map);
        free(tally->inputs);
        free(tally->findings);
        flow_arena_free(&tally->arena);
        flow_arena_free(&tally->finding_arena);
        free(tally);
    }
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

/* A node by its name; NULL when out of memory. The others may have moved. */
static struct flow_node_seen *
node_named(struct flow_tally *tally, struct flow_str name)
{
    bool is_new;
    uint32_t place;

    if (tally->node_names.count >= tally->node_room) {
        const size_t room = (size_t)tally->node_names.count * 2 + 16;
        struct flow_node_seen *grown = realloc(tally->nodes, room * sizeof(*grown));

        if (grown == NULL) {
            return NULL;
        }
        tally->nodes = grown;
        tally->node_room = room;
    }
    place = flow_intern_add(&tally->node_names, name, &is_new);
    if (place == FLOW_INTERN_NONE) {
        return NULL;
    }
    if (is_new) {
        tally->nodes[place] = (struct flow_node_seen){
            .name = flow_intern_text(&tally->node_names, place),
            .first = FLOW_TIME_NONE,
            .last = FLOW_TIME_NONE,
            .lost_first = FLOW_TIME_NONE,
            .lost_last = FLOW_TIME_NONE,
            .state_since = FLOW_TIME_NONE,
        };
    }
    return &tally->nodes[place];
}

/* The place of a node in the tally; dictionaries number nodes each in their own way. */
static struct flow_node_seen *
find_node(struct flow_tally *tally, const struct flow_dict *dict, uint32_t number)
{
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
    node = node_named(tally, flow_dict_node_name(dict, number));
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
        key.names = (uint64_t)(uintptr_t)connection.destination_names;
        key.server = connection.destination_address;
    }
    if (connection.source->pod_name.len == 0) {
        key.client = connection.source_address;
    }
    return key;
}

/* The group of a key, or NULL when there are too many or no memory (*failed). */
static struct flow_group *
find_group(struct flow_tally *tally, const struct flow_group_key *key, bool *failed)
{
    const struct flow_str bytes = { (const char *)key, sizeof(*key) };
    uint32_t number = flow_intern_find(&tally->keys, bytes);

    if (number != FLOW_INTERN_NONE) {
        return &tally->groups[number];
    }
    if (tally->group_count >= FLOW_TALLY_MAX) {
        return NULL;
    }
    if (tally->group_count == tally->group_room) {
        const size_t room = tally->group_room == 0 ? 256 : tally->group_room * 2;
        struct flow_group *grown = realloc(tally->groups, room * sizeof(*grown));

        if (grown == NULL) {
            *failed = true;
            return NULL;
        }
        tally->groups = grown;
        tally->group_room = room;
    }
    number = flow_intern_add(&tally->keys, bytes, NULL);
    if (number == FLOW_INTERN_NONE) {
        *failed = true;
        return NULL;
    }
    tally->groups[number] =
        (struct flow_group){ .key = *key, .first = FLOW_TIME_NONE, .last = FLOW_TIME_NONE };
    tally->group_count++;
    return &tally->groups[number];
}

static void
count_codes(struct flow_tally *tally, const struct flow_record *record)
{
    for (unsigned code = 0; code < FLOW_UNDECIDED_COUNT; code++) {
        tally->codes[code] += record->undecided >> code & 1;
    }
}

static bool
add_flow(struct flow_tally *tally, const struct flow_record *record)
{
    struct flow_group_key key;
    struct flow_group *group;
    bool failed = false;

    if (record->result == FLOW_RESULT_UNDECIDED) {
        tally->totals.undecided++;
        count_codes(tally, record);
    }
    if (!is_grouped(record->result)) {
        tally->results[record->result]++;
        return true;
    }
    key = key_of(record);
    group = find_group(tally, &key, &failed);
    if (group == NULL) {
        tally->results[record->result]++;
        tally->totals.ungrouped++;
        return !failed;
    }
    if (record->event_type == FLOW_EVENT_POLICY_VERDICT) {
        group->verdicts++;
    } else if (record->event_type == FLOW_EVENT_DROP) {
        group->drops++;
    } else {
        group->others++;
    }
    widen(record->time, &group->first, &group->last);
    return true;
}

/* What Relay says of nodes: one that it does not reach sends no flows. */
static bool
add_status(struct flow_tally *tally, const struct flow_record *record)
{
    const struct flow_node_status *status = record->status;

    for (uint32_t i = 0; status != NULL && i < status->names.count; i++) {
        struct flow_node_seen *node = node_named(tally, status->names.texts[i]);

        if (node == NULL) {
            return false;
        }
        node->outages += status->state > 1 ? 1 : 0;
        node->state = status->state;
        node->state_since = record->time;
    }
    return true;
}

int
flow_tally_add(struct flow_tally *tally, const struct flow_batch *batch, struct flow_error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct flow_record *record = &batch->records[i];
        struct flow_node_seen *node = find_node(tally, batch->dict, record->node);

        if (node == NULL) {
            return flow_fail_memory(err);
        }
        if (record->kind == FLOW_KIND_LOST_EVENTS) {
            node->lost += record->lost->count;
            widen(record->time, &node->lost_first, &node->lost_last);
        }
        if (record->kind == FLOW_KIND_NODE_STATUS && !add_status(tally, record)) {
            return flow_fail_memory(err);
        }
        if (record->kind != FLOW_KIND_FLOW) {
            continue;
        }
        node->flows++;
        widen(record->time, &node->first, &node->last);
        widen(record->time, &tally->totals.first, &tally->totals.last);
        tally->totals.flows++;
        if (!add_flow(tally, record)) {
            return flow_fail_memory(err);
        }
    }
    return FLOW_OK;
}

/* Forgets what a reader said of its inputs. */
static void
restore_totals(struct flow_tally *tally)
{
    tally->input_count = tally->reader_inputs;
    tally->totals.records = tally->before.records;
    tally->totals.damaged = tally->before.damaged;
    tally->totals.lost = tally->before.lost;
    tally->totals.lost_reports = tally->before.lost_reports;
    tally->totals.node_status = tally->before.node_status;
    tally->totals.cut_short = tally->before.cut_short;
    tally->totals.connections = tally->before.connections;
    tally->totals.came_again = tally->before.came_again;
    tally->totals.gaps = tally->before.gaps;
    tally->totals.refused = tally->before.refused;
}

int
flow_tally_add_inputs(struct flow_tally *tally, const struct flow_reader *reader,
                      struct flow_error *err)
{
    const uint32_t count = flow_reader_input_count(reader);

    if (tally->reader == flow_reader_id(reader)) {
        restore_totals(tally); /* the same inputs, read further */
    } else {
        tally->reader = flow_reader_id(reader);
        tally->reader_inputs = tally->input_count;
        tally->before = tally->totals;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct flow_input_stats stats;

        if (tally->input_count == tally->input_room) {
            const size_t room = tally->input_room == 0 ? 8 : tally->input_room * 2;
            struct flow_input_stats *grown = realloc(tally->inputs, room * sizeof(*grown));

            if (grown == NULL) {
                return flow_fail_memory(err);
            }
            tally->inputs = grown;
            tally->input_room = room;
        }
        flow_reader_input(reader, i, &stats);
        stats.name = flow_arena_str(&tally->arena, flow_str_of(stats.name)).ptr;
        if (stats.name == NULL) {
            return flow_fail_memory(err);
        }
        tally->inputs[tally->input_count++] = stats;
        tally->totals.records += stats.records;
        tally->totals.damaged += stats.damaged;
        tally->totals.lost += stats.lost;
        tally->totals.lost_reports += stats.lost_reports;
        tally->totals.node_status += stats.node_status;
        tally->totals.cut_short |= stats.cut_short;
        tally->totals.connections += stats.connections;
        tally->totals.came_again += stats.came_again;
        tally->totals.gaps += stats.gaps;
        tally->totals.refused += stats.refused;
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
    const size_t count = tally->node_names.count;
    struct flow_node_seen *sorted = realloc(tally->sorted, (count + 1) * sizeof(*tally->sorted));

    if (sorted == NULL) {
        return flow_fail_memory(err);
    }
    tally->sorted = sorted;
    tally->sorted_count = count;
    if (count > 0) {
        memcpy(sorted, tally->nodes, count * sizeof(*sorted));
        qsort(sorted, count, sizeof(*sorted), compare_nodes);
    }
    memcpy(tally->final, tally->results, sizeof(tally->final));
    tally->totals.duplicates = 0;
    free(tally->findings);
    tally->findings = NULL;
    tally->finding_count = 0;
    flow_arena_reset(&tally->finding_arena);
    return flow_tally_make_findings(tally, err);
}

void
flow_tally_set_policies(struct flow_tally *tally, const struct flow_policies *policies)
{
    tally->policies = policies;
}

size_t
flow_tally_finding_count(const struct flow_tally *tally)
{
    return tally->finding_count;
}

const struct flow_finding *
flow_tally_finding_at(const struct flow_tally *tally, size_t i)
{
    return i < tally->finding_count ? &tally->findings[i] : NULL;
}

uint64_t
flow_tally_result(const struct flow_tally *tally, uint8_t result)
{
    return result < FLOW_RESULT_COUNT ? tally->final[result] : 0;
}

void
flow_tally_totals(const struct flow_tally *tally, struct flow_tally_totals *totals)
{
    *totals = tally->totals;
}

uint64_t
flow_tally_undecided(const struct flow_tally *tally, unsigned code)
{
    return code < FLOW_UNDECIDED_COUNT ? tally->codes[code] : 0;
}

size_t
flow_tally_node_count(const struct flow_tally *tally)
{
    return tally->sorted_count;
}

const struct flow_node_seen *
flow_tally_node_at(const struct flow_tally *tally, size_t i)
{
    return i < tally->sorted_count ? &tally->sorted[i] : NULL;
}

size_t
flow_tally_input_count(const struct flow_tally *tally)
{
    return tally->input_count;
}

const struct flow_input_stats *
flow_tally_input_at(const struct flow_tally *tally, size_t i)
{
    return i < tally->input_count ? &tally->inputs[i] : NULL;
}

const struct flow_policies *
flow_tally_policies(const struct flow_tally *tally)
{
    return tally->policies;
}
