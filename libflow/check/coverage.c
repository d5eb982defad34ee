/* SPDX-License-Identifier: Apache-2.0 */
/* How much was seen: for each node the stretches of time in which there is a sign of it. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "check/tally.h"
#include "intent/intent.h"

/* The first stretch that ends at a time or later; the count when none does. */
static size_t
first_until(const struct flow_spans *spans, int64_t time)
{
    size_t low = 0;
    size_t high = spans->count;

    /* records come mostly in order, so look at the end first */
    if (high > 0 && spans->spans[high - 1].until < time) {
        return high;
    }
    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (spans->spans[middle].until < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int64_t
less(int64_t time, int64_t by)
{
    return time < INT64_MIN + by ? INT64_MIN : time - by;
}

static int64_t
more(int64_t time, int64_t by)
{
    return time > INT64_MAX - by ? INT64_MAX : time + by;
}

/* Too many to be told apart: those that are closest become one, until half of them are left. */
static void
thin_out(struct flow_spans *spans)
{
    while (spans->count > FLOW_SPANS_MAX / 2) {
        size_t kept = 0;

        spans->join = spans->join < 1000000000 ? 1000000000 : more(spans->join, spans->join);
        for (size_t i = 1; i < spans->count; i++) {
            if (spans->spans[i].from <= more(spans->spans[kept].until, spans->join)) {
                spans->spans[kept].until = spans->spans[i].until;
            } else {
                spans->spans[++kept] = spans->spans[i];
            }
        }
        spans->count = kept + 1;
    }
}

bool
flow_spans_add(struct flow_spans *spans, int64_t from, int64_t until, int64_t join)
{
    size_t first, last; /* the stretches that become one with it, and what is behind them */

    join = join > spans->join ? join : spans->join;
    first = last = first_until(spans, less(from, join));

    for (; last < spans->count && spans->spans[last].from <= more(until, join); last++) {
        from = spans->spans[last].from < from ? spans->spans[last].from : from;
        until = spans->spans[last].until > until ? spans->spans[last].until : until;
    }
    if (last == first && spans->count == spans->room) {
        const size_t room = spans->room == 0 ? 2 : spans->room * 2;
        struct flow_span *grown = realloc(spans->spans, room * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        spans->spans = grown;
        spans->room = room;
    }
    memmove(spans->spans + first + 1, spans->spans + last,
            (spans->count - last) * sizeof(*spans->spans));
    spans->count = spans->count - (last - first) + 1;
    spans->spans[first] = (struct flow_span){ from, until };
    if (spans->count > FLOW_SPANS_MAX) {
        thin_out(spans);
    }
    return true;
}

bool
flow_times_add_lost(struct flow_node_times *times, const struct flow_record *record)
{
    const int64_t second = 1000000000;
    int64_t from = record->lost->first;
    int64_t until = record->lost->last;

    if (from == FLOW_TIME_NONE || until == FLOW_TIME_NONE || until < from) {
        from = until = record->time;
    }
    if (from == FLOW_TIME_NONE) {
        return true;
    }
    from = from < INT64_MIN + second + 1 ? from : from - second / 2;
    until = until > INT64_MAX - second ? until : until + second / 2;
    return flow_spans_add(&times->lost, from, until, 0);
}

bool
flow_times_add_seen(const struct flow_tally *tally, struct flow_node_times *times,
                    const struct flow_weight *weight)
{
    return weight->first == FLOW_TIME_NONE ||
           flow_spans_add(&times->seen, weight->first, weight->last, tally->silence);
}

void
flow_weigh(const struct flow_record *record, struct flow_weight *weight)
{
    const struct flow_traffic *traffic = record->traffic;

    *weight = (struct flow_weight){ .flows = 1, .first = record->time, .last = record->time };
    if (traffic != NULL) {
        weight->bytes = traffic->bytes[0] + traffic->bytes[1];
        weight->last = traffic->last > weight->last ? traffic->last : weight->last;
    }
}

/* The name without the cluster in front. */
static struct flow_str
plain_name(struct flow_str name)
{
    const char *slash = name.len > 0 ? memchr(name.ptr, '/', name.len) : NULL;

    return slash != NULL ? flow_str_from(name, (size_t)(slash + 1 - name.ptr)) : name;
}

static bool
is_named(const struct flow_node_seen *node, struct flow_str name)
{
    return flow_str_equal(node->name, name) || flow_str_equal(plain_name(node->name), name);
}

/* Marks the nodes that count; those that are expected and were never heard of are made. */
static bool
expect_nodes(struct flow_tally *tally)
{
    const struct flow_intent_texts *expected =
        tally->intent != NULL ? &tally->intent->expected_nodes : NULL;
    bool named = false;

    for (uint32_t i = 0; i < tally->node_names.count; i++) {
        named |= tally->nodes[i].flows > 0 && tally->nodes[i].name.len > 0;
        tally->nodes[i].expected = false;
    }
    for (uint32_t i = 0; i < tally->node_names.count; i++) {
        tally->nodes[i].expected = (expected == NULL || expected->count == 0) &&
                                   tally->nodes[i].flows > 0 &&
                                   (!named || tally->nodes[i].name.len > 0);
    }
    for (size_t e = 0; expected != NULL && e < expected->count; e++) {
        struct flow_node_seen *node;
        bool found = false;

        for (uint32_t i = 0; i < tally->node_names.count; i++) {
            if (!tally->times[i].made && is_named(&tally->nodes[i], expected->texts[e])) {
                tally->nodes[i].expected = true;
                found = true;
            }
        }
        if (!found) {
            node = flow_tally_node_named(tally, expected->texts[e]);
            if (node == NULL) {
                return false;
            }
            node->expected = true;
            tally->times[node - tally->nodes].made = true;
        }
    }
    return true;
}

/* From a time to a later one; centuries that do not fit are as long as can be. */
static int64_t
length_of(int64_t from, int64_t until)
{
    return from < 0 && until > INT64_MAX + from ? INT64_MAX : until - from;
}

static int64_t
sum_of(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* A stretch in which nothing was heard of a node, if it is too long. */
static void
add_gap(const struct flow_tally *tally, struct flow_node_seen *node, int64_t from, int64_t until)
{
    if (until <= from || length_of(from, until) <= tally->silence) {
        return;
    }
    node->gaps++;
    node->unseen = sum_of(node->unseen, length_of(from, until));
    if (node->gap_first == FLOW_TIME_NONE ||
        length_of(from, until) > length_of(node->gap_first, node->gap_last)) {
        node->gap_first = from;
        node->gap_last = until;
    }
}

/* What lost events take from what was seen: the time that is in both. */
static int64_t
lost_of_seen(const struct flow_node_times *times, const struct flow_span *whole)
{
    int64_t sum = 0;

    for (size_t s = 0, l = 0; s < times->seen.count && l < times->lost.count;) {
        const struct flow_span *seen = &times->seen.spans[s];
        const struct flow_span *lost = &times->lost.spans[l];
        int64_t from = seen->from > lost->from ? seen->from : lost->from;
        int64_t until = seen->until < lost->until ? seen->until : lost->until;

        from = from > whole->from ? from : whole->from;
        until = until < whole->until ? until : whole->until;
        sum = until > from ? sum_of(sum, length_of(from, until)) : sum;
        if (seen->until < lost->until) {
            s++;
        } else {
            l++;
        }
    }
    return sum;
}

static void
cover_node(const struct flow_tally *tally, struct flow_node_seen *node,
           const struct flow_node_times *times, const struct flow_span *whole)
{
    int64_t at = whole->from;

    node->unseen = 0;
    node->gaps = 0;
    node->gap_first = node->gap_last = FLOW_TIME_NONE;
    for (size_t i = 0; i < times->seen.count; i++) {
        add_gap(tally, node, at, times->seen.spans[i].from);
        at = times->seen.spans[i].until > at ? times->seen.spans[i].until : at;
    }
    if (times->seen.count == 0) {
        /* never heard of, however short the time */
        node->gaps = 1;
        node->unseen = length_of(whole->from, whole->until);
        node->gap_first = whole->from;
        node->gap_last = whole->until;
        return;
    }
    add_gap(tally, node, at, whole->until);
    node->unseen = sum_of(node->unseen, lost_of_seen(times, whole));
}

bool
flow_tally_cover(struct flow_tally *tally)
{
    const struct flow_span whole = { tally->totals.first, tally->totals.last };

    if (!expect_nodes(tally)) {
        return false;
    }
    for (uint32_t i = 0; i < tally->node_names.count && whole.from != FLOW_TIME_NONE; i++) {
        cover_node(tally, &tally->nodes[i], &tally->times[i], &whole);
    }
    return true;
}

void
flow_tally_share(struct flow_tally *tally)
{
    double length, seen = 0;
    size_t count = 0;

    tally->coverage = 0;
    if (tally->totals.first == FLOW_TIME_NONE) {
        return;
    }
    length = (double)tally->totals.last - (double)tally->totals.first;
    for (size_t i = 0; i < tally->sorted_count; i++) {
        const struct flow_node_seen *node = &tally->sorted[i];

        if (!node->expected) {
            continue;
        }
        count++;
        if (node->first == FLOW_TIME_NONE) {
            continue;
        }
        /* one instant is seen or not; long times may be rounded apart at their ends */
        seen += length <= 0                      ? 1
                : (double)node->unseen >= length ? 0
                                                 : (length - (double)node->unseen) / length;
    }
    tally->coverage = count > 0 ? seen / (double)count : 0;
}

double
flow_tally_coverage(const struct flow_tally *tally)
{
    return tally->coverage;
}
