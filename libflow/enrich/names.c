/* SPDX-License-Identifier: Apache-2.0 */
/* The history of names: for each address of each node, names with the spans in which they held. */
#include "enrich/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "model/batch.h"
#include "model/dict.h"

enum { NODE_BYTES_MAX = 512, KEY_BYTES_MAX = NODE_BYTES_MAX + sizeof(struct flow_address) };

static const int64_t second = 1000000000;
/* no answer is believed for longer than ten years */
static const uint32_t ttl_max = 315360000;

/* From a time to another, both included. */
struct span {
    int64_t from, until;
};

/* When a name held: spans that do not touch, in order. */
struct tenure {
    uint32_t name;
    uint32_t count, room;
    struct span *spans;
};

/* The names of an address. */
struct history {
    struct tenure *tenures;
    uint32_t count, room;
    struct span asked; /* the times that it was asked for while that is noted; at first none */
};

/* Notes what is asked, also through names that nobody may change. */
struct watch {
    struct flow_names *names;
    bool misled; /* something was learned of a time that was asked for before */
    bool failed; /* out of memory: what was asked is not known */
};

struct flow_names {
    struct flow_intern texts;
    struct flow_cache histories; /* node and address -> struct history */
    struct flow_arena arena;
    struct watch *watch; /* or NULL */
    uint64_t count;
};

int
flow_names_new(struct flow_names **out, struct flow_error *err)
{
    struct flow_names *names = calloc(1, sizeof(*names));

    if (names == NULL || !flow_intern_init(&names->texts) ||
        !flow_intern_init(&names->histories.keys)) {
        flow_names_free(names);
        return flow_fail_memory(err);
    }
    *out = names;
    return FLOW_OK;
}

void
flow_names_free(struct flow_names *names)
{
    if (names == NULL) {
        return;
    }
    for (uint32_t i = 0; i < names->histories.keys.count && i < names->histories.room; i++) {
        struct history *history = (struct history *)(uintptr_t)names->histories.values[i];

        for (uint32_t t = 0; history != NULL && t < history->count; t++) {
            free(history->tenures[t].spans);
        }
        if (history != NULL) {
            free(history->tenures);
        }
    }
    flow_cache_free(&names->histories);
    flow_intern_free(&names->texts);
    flow_arena_free(&names->arena);
    free(names->watch);
    free(names);
}

static struct flow_str
key_of(char key[KEY_BYTES_MAX], struct flow_str node, const struct flow_address *address)
{
    const size_t len = node.len < NODE_BYTES_MAX ? node.len : NODE_BYTES_MAX;

    memset(key, 0, KEY_BYTES_MAX);
    memcpy(key, address->bytes, sizeof(address->bytes));
    key[sizeof(address->bytes)] = (char)address->family;
    if (len > 0) {
        memcpy(key + sizeof(*address), node.ptr, len);
    }
    return (struct flow_str){ key, sizeof(*address) + len };
}

static struct history *
history_of(struct flow_names *names, struct flow_str node, const struct flow_address *address)
{
    char bytes[KEY_BYTES_MAX];
    const struct flow_str key = key_of(bytes, node, address);
    struct history *history = (struct history *)(uintptr_t)flow_cache_find(&names->histories, key);

    if (history == NULL) {
        history = flow_arena_alloc(&names->arena, sizeof(*history));
        if (history == NULL || !flow_cache_put(&names->histories, key, history)) {
            return NULL;
        }
        history->asked = (struct span){ INT64_MAX, INT64_MIN };
    }
    return history;
}

/* The first span that ends at the time or later; the count when none does. */
static uint32_t
first_until(const struct tenure *tenure, int64_t time)
{
    uint32_t low = 0;
    uint32_t high = tenure->count;

    /* answers come mostly in order, so look at the end first */
    if (high > 0 && tenure->spans[high - 1].until < time) {
        return high;
    }
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (tenure->spans[middle].until < time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Whether a span says something new of a time that was asked for. */
static bool
misleads(const struct history *history, const struct tenure *tenure, const struct span *span)
{
    const int64_t from = span->from > history->asked.from ? span->from : history->asked.from;
    const int64_t until = span->until < history->asked.until ? span->until : history->asked.until;
    const uint32_t held = from <= until ? first_until(tenure, until) : 0;

    return from <= until && (held == tenure->count || tenure->spans[held].from > from);
}

/* Adds a span; those that it overlaps become one with it. */
static bool
add_span(struct tenure *tenure, struct span span)
{
    const uint32_t first = first_until(tenure, span.from);
    uint32_t last = first; /* behind the spans that overlap */

    for (; last < tenure->count && tenure->spans[last].from <= span.until; last++) {
        const struct span *other = &tenure->spans[last];

        span.from = other->from < span.from ? other->from : span.from;
        span.until = other->until > span.until ? other->until : span.until;
    }
    if (last == first && tenure->count == tenure->room) {
        const uint32_t room = tenure->room == 0 ? 2 : tenure->room * 2;
        struct span *grown = realloc(tenure->spans, room * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        tenure->spans = grown;
        tenure->room = room;
    }
    /* one span stands where there were last - first */
    memmove(tenure->spans + first + 1, tenure->spans + last,
            (tenure->count - last) * sizeof(*tenure->spans));
    tenure->count = tenure->count - (last - first) + 1;
    tenure->spans[first] = span;
    return true;
}

/* The tenure of a name; NULL when out of memory, or (*full) when the address has too many. */
static struct tenure *
tenure_of(struct history *history, uint32_t name, bool *full)
{
    *full = false;
    for (uint32_t i = 0; i < history->count; i++) {
        if (history->tenures[i].name == name) {
            return &history->tenures[i];
        }
    }
    if (history->count == FLOW_NAMES_OF_ADDRESS_MAX) {
        *full = true;
        return NULL;
    }
    if (history->count == history->room) {
        const uint32_t room = history->room == 0 ? 2 : history->room * 2;
        struct tenure *grown = realloc(history->tenures, room * sizeof(*grown));

        if (grown == NULL) {
            return NULL;
        }
        history->tenures = grown;
        history->room = room;
    }
    history->tenures[history->count] = (struct tenure){ .name = name };
    return &history->tenures[history->count++];
}

static bool
learn_address(struct flow_names *names, struct flow_str node, const struct flow_address *address,
              uint32_t name, struct span span)
{
    struct history *history = history_of(names, node, address);
    struct tenure *tenure;
    bool full;

    if (history == NULL) {
        return false;
    }
    tenure = tenure_of(history, name, &full);
    if (tenure == NULL) {
        return full;
    }
    names->count++;
    if (names->watch != NULL && misleads(history, tenure, &span)) {
        names->watch->misled = true;
    }
    return add_span(tenure, span);
}

static bool
learn_answer(struct flow_names *names, const struct flow_record *record)
{
    const struct flow_l7 *l7 = record->l7;
    const uint32_t ttl = l7->dns_ttl < ttl_max ? l7->dns_ttl : ttl_max;
    struct flow_str query = l7->dns_query;
    struct span span = { .from = record->time };
    uint32_t name;

    if (query.len > 0 && query.ptr[query.len - 1] == '.') {
        query.len--;
    }
    name = flow_intern_add(&names->texts, query, NULL);
    span.until = record->time > INT64_MAX - (int64_t)ttl * second
                     ? INT64_MAX
                     : record->time + (int64_t)ttl * second;
    for (uint32_t i = 0; name != FLOW_INTERN_NONE && i < l7->dns_ips.count; i++) {
        struct flow_address address;

        memset(&address, 0, sizeof(address));
        if (flow_address_parse(&address, l7->dns_ips.texts[i], NULL) != FLOW_OK) {
            continue;
        }
        if (!learn_address(names, record->node_name, &address, name, span)) {
            return false;
        }
    }
    return name != FLOW_INTERN_NONE;
}

int
flow_names_learn(struct flow_names *names, const struct flow_batch *batch, struct flow_error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct flow_record *record = &batch->records[i];
        const struct flow_l7 *l7 = record->l7;

        if ((record->kind == FLOW_KIND_FLOW || record->kind == FLOW_KIND_NAMES) && l7 != NULL &&
            l7->protocol == FLOW_L7_DNS && l7->type == FLOW_L7_RESPONSE && l7->dns_rcode == 0 &&
            l7->dns_query.len > 0 && record->time != FLOW_TIME_NONE &&
            !learn_answer(names, record)) {
            return flow_fail_memory(err);
        }
    }
    return FLOW_OK;
}

uint64_t
flow_names_count(const struct flow_names *names)
{
    return names->count;
}

bool
flow_names_watch(struct flow_names *names)
{
    names->watch = calloc(1, sizeof(*names->watch));
    if (names->watch != NULL) {
        names->watch->names = names;
    }
    return names->watch != NULL;
}

bool
flow_names_misled(const struct flow_names *names)
{
    return names->watch != NULL && (names->watch->misled || names->watch->failed);
}

/* The history of what is asked for, made if need be, with the time noted. */
static const struct history *
note_asked(struct watch *watch, struct flow_str node, const struct flow_address *address,
           int64_t time)
{
    struct history *history = history_of(watch->names, node, address);

    if (history == NULL) {
        watch->failed = true;
        return NULL;
    }
    history->asked.from = time < history->asked.from ? time : history->asked.from;
    history->asked.until = time > history->asked.until ? time : history->asked.until;
    return history;
}

size_t
flow_names_at(const struct flow_names *names, struct flow_str node,
              const struct flow_address *address, int64_t time, uint32_t found[FLOW_NAMES_AT_MAX])
{
    char bytes[KEY_BYTES_MAX];
    const struct history *history =
        names->watch != NULL ? note_asked(names->watch, node, address, time)
                             : flow_cache_find(&names->histories, key_of(bytes, node, address));
    size_t count = 0;

    for (uint32_t i = 0; history != NULL && i < history->count && count < FLOW_NAMES_AT_MAX; i++) {
        const struct tenure *tenure = &history->tenures[i];
        const uint32_t first = first_until(tenure, time);
        size_t at = count;

        if (first == tenure->count || tenure->spans[first].from > time) {
            continue;
        }
        for (; at > 0 && found[at - 1] > tenure->name; at--) {
            found[at] = found[at - 1];
        }
        found[at] = tenure->name;
        count++;
    }
    return count;
}

struct flow_str
flow_names_text(const struct flow_names *names, uint32_t name)
{
    return flow_intern_text(&names->texts, name);
}

void
flow_names_each(const struct flow_names *names,
                bool (*each)(void *context, const struct flow_name_span *span), void *context)
{
    for (uint32_t i = 0; i < names->histories.keys.count; i++) {
        const struct flow_str key = flow_intern_text(&names->histories.keys, i);
        const struct history *history = names->histories.values[i];
        struct flow_name_span told = { .node = flow_str_from(key, sizeof(told.address)) };

        memcpy(&told.address, key.ptr, sizeof(told.address));
        for (uint32_t t = 0; t < history->count; t++) {
            const struct tenure *tenure = &history->tenures[t];

            told.name = flow_intern_text(&names->texts, tenure->name);
            for (uint32_t s = 0; s < tenure->count; s++) {
                told.from = tenure->spans[s].from;
                told.until = tenure->spans[s].until;
                if (!each(context, &told)) {
                    return;
                }
            }
        }
    }
}

bool
flow_names_add(struct flow_names *names, const struct flow_name_span *span)
{
    const struct span held = { span->from, span->until };
    const uint32_t name = flow_intern_add(&names->texts, span->name, NULL);

    return name != FLOW_INTERN_NONE && learn_address(names, span->node, &span->address, name, held);
}
