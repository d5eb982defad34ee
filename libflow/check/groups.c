/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups by their keys. A place has a part of the key's hash beside the number of the group, whose
 * key stands in the group itself, so that most looks are at two places in memory.
 */
#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "base/limits.h"
#include "check/tally.h"

enum { PLACES_MIN = 512 };

struct flow_group_slot {
    uint32_t hash;
    uint32_t number; /* of the group + 1; 0: free */
};

static uint64_t
hash_of(const struct flow_group_key *key)
{
    return flow_hash(key, sizeof(*key), 0);
}

/* The place of a key, or the free one where it belongs. */
static struct flow_group_slot *
find_place(const struct flow_tally *tally, const struct flow_group_key *key, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & tally->group_mask;

    for (;; at = (at + 1) & tally->group_mask) {
        struct flow_group_slot *slot = &tally->group_slots[at];

        if (slot->number == 0 ||
            (slot->hash == (uint32_t)(hash >> 32) &&
             memcmp(&tally->groups[slot->number - 1].key, key, sizeof(*key)) == 0)) {
            return slot;
        }
    }
}

/* Makes twice as many places, or the first ones. */
static bool
grow_places(struct flow_tally *tally)
{
    const uint32_t count = tally->group_slots != NULL ? (tally->group_mask + 1) * 2 : PLACES_MIN;
    struct flow_group_slot *slots = calloc(count, sizeof(*slots));

    if (slots == NULL) {
        return false;
    }
    free(tally->group_slots);
    tally->group_slots = slots;
    tally->group_mask = count - 1;
    for (uint32_t i = 0; i < tally->group_count; i++) {
        const uint64_t hash = hash_of(&tally->groups[i].key);

        *find_place(tally, &tally->groups[i].key, hash) =
            (struct flow_group_slot){ (uint32_t)(hash >> 32), i + 1 };
    }
    return true;
}

static bool
grow_groups(struct flow_tally *tally)
{
    const size_t room = tally->group_room == 0 ? 256 : tally->group_room * 2;
    struct flow_group *grown = realloc(tally->groups, room * sizeof(*grown));

    if (grown == NULL) {
        return false;
    }
    tally->groups = grown;
    tally->group_room = room;
    return true;
}

struct flow_group *
flow_tally_group(struct flow_tally *tally, const struct flow_group_key *key, bool *failed)
{
    const uint64_t hash = hash_of(key);
    struct flow_group_slot *slot = NULL;

    if (tally->group_slots != NULL) {
        slot = find_place(tally, key, hash);
        if (slot->number != 0) {
            return &tally->groups[slot->number - 1];
        }
    }
    if (tally->group_count >= FLOW_TALLY_MAX) {
        return NULL;
    }
    if ((slot == NULL || (tally->group_count + 1) * 2 > tally->group_mask) && !grow_places(tally)) {
        *failed = true;
        return NULL;
    }
    if (tally->group_count == tally->group_room && !grow_groups(tally)) {
        *failed = true;
        return NULL;
    }
    slot = find_place(tally, key, hash);
    *slot = (struct flow_group_slot){ (uint32_t)(hash >> 32), (uint32_t)tally->group_count + 1 };
    tally->groups[tally->group_count] =
        (struct flow_group){ .key = *key, .first = FLOW_TIME_NONE, .last = FLOW_TIME_NONE };
    return &tally->groups[tally->group_count++];
}
