/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing; a slot keeps the hash, so most misses touch one line. */
#include "base/intern.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct flow_intern_slot {
    uint32_t hash; /* upper half, never compared alone */
    uint32_t id;   /* FLOW_INTERN_NONE is free */
};

enum { FIRST_SLOTS = 64 };

static inline uint64_t
load_8(const uint8_t *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

/* Both halves of the 128-bit product, folded: every input bit reaches every output bit. */
static inline uint64_t
fold(uint64_t a, uint64_t b)
{
    const unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static const uint64_t ODD_A = 0x9e3779b97f4a7c15u;
static const uint64_t ODD_B = 0xd6e8feb86659fd93u;
static const uint64_t ODD_C = 0xa0761d6478bd642fu;

uint64_t
flow_hash(const void *bytes, size_t len, uint64_t seed)
{
    const uint8_t *at = bytes;
    size_t left = len;
    uint64_t a = seed ^ ODD_A;
    uint64_t b = seed ^ ODD_B;
    uint8_t tail[16] = { 0 };

    while (left > 32) {
        a = fold(load_8(at) ^ a, load_8(at + 8) ^ ODD_B);
        b = fold(load_8(at + 16) ^ b, load_8(at + 24) ^ ODD_C);
        at += 32;
        left -= 32;
    }
    if (left > 16) {
        a = fold(load_8(at) ^ a, load_8(at + 8) ^ ODD_B);
        at += 16;
        left -= 16;
    }
    if (len >= 16) {
        /* the last sixteen bytes, some of them for the second time */
        at += left;
        b = fold(load_8(at - 16) ^ b, load_8(at - 8) ^ ODD_C);
    } else {
        if (left > 0) {
            memcpy(tail, at, left);
        }
        b = fold(load_8(tail) ^ b, load_8(tail + 8) ^ ODD_C);
    }
    return fold(a ^ (uint64_t)len, b ^ ODD_A);
}

uint64_t
flow_hash_seed(void)
{
    uint64_t seed = ODD_C;

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed)) {
        seed ^= (uint64_t)(uintptr_t)&seed;
    }
    return seed;
}

static struct flow_intern_slot *
new_slots(uint32_t count)
{
    struct flow_intern_slot *slots = malloc(count * sizeof(*slots));

    for (uint32_t i = 0; slots != NULL && i < count; i++) {
        slots[i] = (struct flow_intern_slot){ 0, FLOW_INTERN_NONE };
    }
    return slots;
}

bool
flow_intern_init(struct flow_intern *table)
{
    memset(table, 0, sizeof(*table));
    table->slots = new_slots(FIRST_SLOTS);
    table->mask = FIRST_SLOTS - 1;
    table->seed = flow_hash_seed();
    return table->slots != NULL;
}

void
flow_intern_free(struct flow_intern *table)
{
    free(table->slots);
    free(table->texts);
    flow_arena_free(&table->arena);
    memset(table, 0, sizeof(*table));
}

static bool
grow_slots(struct flow_intern *table)
{
    const uint32_t count = (table->mask + 1) * 2;
    struct flow_intern_slot *slots = new_slots(count);

    if (slots == NULL || count == 0) {
        free(slots);
        return false;
    }
    for (uint32_t i = 0; i <= table->mask; i++) {
        const struct flow_intern_slot slot = table->slots[i];
        uint32_t at;

        if (slot.id == FLOW_INTERN_NONE) {
            continue;
        }
        at =
            (uint32_t)flow_hash(table->texts[slot.id].ptr, table->texts[slot.id].len, table->seed) &
            (count - 1);
        while (slots[at].id != FLOW_INTERN_NONE) {
            at = (at + 1) & (count - 1);
        }
        slots[at] = slot;
    }
    free(table->slots);
    table->slots = slots;
    table->mask = count - 1;
    return true;
}

static bool
grow_texts(struct flow_intern *table)
{
    const uint32_t room = table->room == 0 ? 64 : table->room * 2;
    struct flow_str *texts = realloc(table->texts, (size_t)room * sizeof(*texts));

    if (texts == NULL) {
        return false;
    }
    table->texts = texts;
    table->room = room;
    return true;
}

/* The slot that holds the bytes, or the free one where they belong. */
static uint32_t
probe(const struct flow_intern *table, struct flow_str bytes, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & table->mask;

    while (table->slots[at].id != FLOW_INTERN_NONE) {
        if (table->slots[at].hash == (uint32_t)(hash >> 32)) {
            const struct flow_str text = table->texts[table->slots[at].id];

            if (text.len == bytes.len &&
                (bytes.len == 0 || memcmp(text.ptr, bytes.ptr, bytes.len) == 0)) {
                break;
            }
        }
        at = (at + 1) & table->mask;
    }
    return at;
}

uint32_t
flow_intern_find(const struct flow_intern *table, struct flow_str bytes)
{
    const uint64_t hash = flow_hash(bytes.ptr, bytes.len, table->seed);

    return table->slots[probe(table, bytes, hash)].id;
}

uint32_t
flow_intern_add(struct flow_intern *table, struct flow_str bytes, bool *is_new)
{
    const uint64_t hash = flow_hash(bytes.ptr, bytes.len, table->seed);
    uint32_t at = probe(table, bytes, hash);
    struct flow_str copy;

    if (is_new != NULL) {
        *is_new = false;
    }
    if (table->slots[at].id != FLOW_INTERN_NONE) {
        return table->slots[at].id;
    }
    if ((table->count + 1) * 2 > table->mask) {
        if (!grow_slots(table)) {
            return FLOW_INTERN_NONE;
        }
        at = probe(table, bytes, hash);
    }
    if (table->count == table->room && !grow_texts(table)) {
        return FLOW_INTERN_NONE;
    }
    copy = flow_arena_str(&table->arena, bytes);
    if (copy.ptr == NULL) {
        return FLOW_INTERN_NONE;
    }
    table->texts[table->count] = copy;
    table->slots[at] = (struct flow_intern_slot){ (uint32_t)(hash >> 32), table->count };
    if (is_new != NULL) {
        *is_new = true;
    }
    return table->count++;
}
