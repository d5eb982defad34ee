/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing, seeded, at most two thirds full. */
#include "check/memo.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/intern.h"
#include "base/limits.h"

enum { FIRST_SLOTS = 1024, LARGE_PAGE = 2 << 20 };

struct flow_memo_slot {
    struct flow_memo_key key;
    const struct flow_decision *decision; /* NULL: free */
};

_Static_assert(sizeof(struct flow_memo_key) == 32,
               "a key has no padding, and is compared as bytes");

/* Zeroed slots; many of them in large pages, since they are looked up at random. */
static struct flow_memo_slot *
new_slots(size_t count)
{
    const size_t size = count * sizeof(struct flow_memo_slot);
    void *slots;

    if (size < LARGE_PAGE) {
        return calloc(count, sizeof(struct flow_memo_slot));
    }
    if (posix_memalign(&slots, LARGE_PAGE, size) != 0) {
        return NULL;
    }
    (void)madvise(slots, size, MADV_HUGEPAGE);
    memset(slots, 0, size);
    return slots;
}

bool
flow_memo_init(struct flow_memo *memo)
{
    memo->slots = new_slots(FIRST_SLOTS);
    memo->mask = FIRST_SLOTS - 1;
    memo->count = 0;
    memo->seed = flow_hash_seed();
    return memo->slots != NULL;
}

void
flow_memo_free(struct flow_memo *memo)
{
    free(memo->slots);
    memset(memo, 0, sizeof(*memo));
}

void
flow_memo_prefetch(const struct flow_memo *memo, const struct flow_memo_key *key)
{
    const uint32_t at = (uint32_t)flow_hash(key, sizeof(*key), memo->seed) & memo->mask;

    __builtin_prefetch(&memo->slots[at]);
    __builtin_prefetch((const char *)&memo->slots[at] + sizeof(*memo->slots) - 1);
}

static inline bool
same_key(const struct flow_memo_key *a, const struct flow_memo_key *b)
{
    uint64_t left[4], right[4];

    memcpy(left, a, sizeof(left));
    memcpy(right, b, sizeof(right));
    return ((left[0] ^ right[0]) | (left[1] ^ right[1]) | (left[2] ^ right[2]) |
            (left[3] ^ right[3])) == 0;
}

/* The slot of a key, or the free one where it belongs. */
static struct flow_memo_slot *
find_slot(const struct flow_memo *memo, const struct flow_memo_key *key)
{
    uint32_t at = (uint32_t)flow_hash(key, sizeof(*key), memo->seed) & memo->mask;

    while (memo->slots[at].decision != NULL && !same_key(&memo->slots[at].key, key)) {
        at = (at + 1) & memo->mask;
    }
    return &memo->slots[at];
}

const struct flow_decision *
flow_memo_find(const struct flow_memo *memo, const struct flow_memo_key *key)
{
    return find_slot(memo, key)->decision;
}

static bool
grow(struct flow_memo *memo)
{
    struct flow_memo larger = { .mask = memo->mask * 2 + 1, .seed = memo->seed };

    larger.slots = new_slots((size_t)larger.mask + 1);
    if (larger.slots == NULL) {
        return false;
    }
    for (uint32_t i = 0; i <= memo->mask; i++) {
        if (memo->slots[i].decision != NULL) {
            *find_slot(&larger, &memo->slots[i].key) = memo->slots[i];
        }
    }
    free(memo->slots);
    memo->slots = larger.slots;
    memo->mask = larger.mask;
    return true;
}

bool
flow_memo_put(struct flow_memo *memo, const struct flow_memo_key *key,
              const struct flow_decision *decision)
{
    if (memo->count >= FLOW_MEMO_MAX) {
        memset(memo->slots, 0, ((size_t)memo->mask + 1) * sizeof(*memo->slots));
        memo->count = 0;
    }
    if ((uint64_t)(memo->count + 1) * 3 > (uint64_t)memo->mask * 2 && !grow(memo)) {
        return false;
    }
    *find_slot(memo, key) = (struct flow_memo_slot){ *key, decision };
    memo->count++;
    return true;
}
