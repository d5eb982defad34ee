/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to small numbers: the same bytes always get the same id, ids count up from 0. The table
 * keeps its own copy of the bytes. Hashing is seeded from the system, so that nobody who writes the
 * input can choose keys that collide; no output may depend on the order of slots.
 */
#ifndef FLOW_BASE_INTERN_H
#define FLOW_BASE_INTERN_H

#include "base/arena.h"

#define FLOW_INTERN_NONE UINT32_MAX

struct flow_intern {
    struct flow_intern_slot *slots; /* power of two of them */
    uint32_t mask;
    uint32_t count;
    uint32_t room; /* of texts */
    uint64_t seed;
    struct flow_str *texts; /* by id */
    struct flow_arena arena;
};

/* The hash of some bytes under a seed; any number of them, in native byte order. */
uint64_t flow_hash(const void *bytes, size_t len, uint64_t seed);

/* A seed from the system's random source. */
uint64_t flow_hash_seed(void);

bool flow_intern_init(struct flow_intern *table);
void flow_intern_free(struct flow_intern *table);

/* The id of these bytes, new when *is_new is set; FLOW_INTERN_NONE when out of memory. */
uint32_t flow_intern_add(struct flow_intern *table, struct flow_str bytes, bool *is_new);

/* The id of these bytes, or FLOW_INTERN_NONE. */
uint32_t flow_intern_find(const struct flow_intern *table, struct flow_str bytes);

static inline struct flow_str
flow_intern_text(const struct flow_intern *table, uint32_t id)
{
    return table->texts[id];
}

#endif
