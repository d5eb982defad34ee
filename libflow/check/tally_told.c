/* SPDX-License-Identifier: Apache-2.0 */
/* What a tally is told of its inputs, and what it tells when it is asked. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "check/tally.h"
#include "decode/reader.h"
#include "intent/intent.h"

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

bool
flow_tally_add_input(struct flow_tally *tally, const struct flow_input_stats *input)
{
    struct flow_input_stats *stats;

    if (tally->input_count == tally->input_room) {
        const size_t room = tally->input_room == 0 ? 8 : tally->input_room * 2;
        struct flow_input_stats *grown = realloc(tally->inputs, room * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        tally->inputs = grown;
        tally->input_room = room;
    }
    stats = &tally->inputs[tally->input_count];
    *stats = *input;
    stats->name = flow_arena_str(&tally->arena, flow_str_of(input->name)).ptr;
    stats->format = flow_arena_str(&tally->arena, flow_str_of(input->format)).ptr;
    stats->compression = flow_arena_str(&tally->arena, flow_str_of(input->compression)).ptr;
    if (stats->name == NULL || stats->format == NULL || stats->compression == NULL) {
        return false;
    }
    tally->input_count++;
    tally->totals.records += stats->records;
    tally->totals.damaged += stats->damaged;
    tally->totals.lost += stats->lost;
    tally->totals.lost_reports += stats->lost_reports;
    tally->totals.node_status += stats->node_status;
    tally->totals.cut_short |= stats->cut_short;
    tally->totals.connections += stats->connections;
    tally->totals.came_again += stats->came_again;
    tally->totals.gaps += stats->gaps;
    tally->totals.refused += stats->refused;
    return true;
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

        flow_reader_input(reader, i, &stats);
        if (!flow_tally_add_input(tally, &stats)) {
            return flow_fail_memory(err);
        }
    }
    return FLOW_OK;
}

/* By name, then by what is in it: the order does not hang on how they were given. */
static int
compare_inputs(const void *left, const void *right)
{
    const struct flow_input_stats *a = left;
    const struct flow_input_stats *b = right;
    int order = strcmp(a->name, b->name);

    if (order == 0) {
        order = memcmp(a->digest, b->digest, sizeof(a->digest));
    }
    if (order == 0 && a->bytes_read != b->bytes_read) {
        order = a->bytes_read < b->bytes_read ? -1 : 1;
    }
    return order;
}

bool
flow_tally_sort_inputs(struct flow_tally *tally)
{
    struct flow_input_stats *sorted =
        realloc(tally->sorted_inputs, (tally->input_count + 1) * sizeof(*sorted));

    if (sorted == NULL) {
        return false;
    }
    tally->sorted_inputs = sorted;
    tally->sorted_input_count = tally->input_count;
    if (tally->input_count > 0) {
        memcpy(sorted, tally->inputs, tally->input_count * sizeof(*sorted));
        qsort(sorted, tally->input_count, sizeof(*sorted), compare_inputs);
    }
    return true;
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
    return tally->sorted_input_count;
}

const struct flow_input_stats *
flow_tally_input_at(const struct flow_tally *tally, size_t i)
{
    return i < tally->sorted_input_count ? &tally->sorted_inputs[i] : NULL;
}

void
flow_tally_set_intent(struct flow_tally *tally, const struct flow_intent_document *intent)
{
    tally->intent = intent;
    if (intent != NULL) {
        tally->silence = intent->silence;
    }
}

const char *
flow_missing_field_name(uint8_t field)
{
    static const char *const names[FLOW_MISSING_COUNT] = {
        [FLOW_MISSING_TIME] = "time",       [FLOW_MISSING_NODE_NAME] = "node_name",
        [FLOW_MISSING_VERDICT] = "verdict", [FLOW_MISSING_EVENT_TYPE] = "event_type",
        [FLOW_MISSING_ADDRESSES] = "IP",    [FLOW_MISSING_PROTOCOL] = "l4",
        [FLOW_MISSING_LABELS] = "labels",
    };

    return field < FLOW_MISSING_COUNT ? names[field] : "unknown";
}

void
flow_tally_set_now(struct flow_tally *tally, int64_t now)
{
    tally->now = now;
}

const struct flow_intent_document *
flow_tally_intent(const struct flow_tally *tally)
{
    return tally->intent;
}

size_t
flow_tally_use_count(const struct flow_tally *tally)
{
    return tally->use_count;
}

const struct flow_approval_use *
flow_tally_use_at(const struct flow_tally *tally, size_t i)
{
    return i < tally->use_count ? &tally->uses[i] : NULL;
}

uint64_t
flow_tally_intent_flows(const struct flow_tally *tally, uint8_t intent)
{
    return intent < FLOW_INTENT_COUNT ? tally->intents[intent] : 0;
}

const struct flow_policies *
flow_tally_policies(const struct flow_tally *tally)
{
    return tally->policies;
}
