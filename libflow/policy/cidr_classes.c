/* SPDX-License-Identifier: Apache-2.0 */
/* Borders of prefixes as a sorted list; a class is the gap between two neighbours. */
#include "policy/cidr_classes.h"

#include <stdlib.h>
#include <string.h>

static int
compare(const void *left, const void *right)
{
    const struct flow_address *a = left;
    const struct flow_address *b = right;

    if (a->family != b->family) {
        return a->family < b->family ? -1 : 1;
    }
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static bool
add_start(struct flow_cidr_classes *classes, const struct flow_address *start)
{
    if (classes->count == classes->room) {
        const size_t room = classes->room == 0 ? 16 : classes->room * 2;
        struct flow_address *grown = realloc(classes->starts, room * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        classes->starts = grown;
        classes->room = room;
    }
    classes->starts[classes->count++] = *start;
    return true;
}

/* The first address behind a prefix; false when it holds the last address of the family. */
static bool
behind(const struct flow_cidr *cidr, struct flow_address *next)
{
    *next = cidr->address;
    for (unsigned bit = cidr->length; bit > 0; bit--) {
        const uint8_t mask = (uint8_t)(0x80u >> ((bit - 1) % 8));

        next->bytes[(bit - 1) / 8] ^= mask;
        if ((next->bytes[(bit - 1) / 8] & mask) != 0) {
            return true;
        }
    }
    return false;
}

bool
flow_cidr_classes_add(struct flow_cidr_classes *classes, const struct flow_cidr *cidr)
{
    struct flow_address next;

    return add_start(classes, &cidr->address) &&
           (!behind(cidr, &next) || add_start(classes, &next));
}

void
flow_cidr_classes_seal(struct flow_cidr_classes *classes)
{
    size_t kept = 0;

    if (classes->count > 1) {
        qsort(classes->starts, classes->count, sizeof(*classes->starts), compare);
    }
    for (size_t i = 0; i < classes->count; i++) {
        if (kept == 0 || compare(&classes->starts[kept - 1], &classes->starts[i]) != 0) {
            classes->starts[kept++] = classes->starts[i];
        }
    }
    classes->count = kept;
}

uint32_t
flow_cidr_classes_find(const struct flow_cidr_classes *classes, const struct flow_address *address)
{
    size_t low = 0;
    size_t high = classes->count;

    if (classes->count == 0) {
        return 0;
    }
    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (compare(&classes->starts[middle], address) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    /* the family tells apart addresses in front of the first border of theirs */
    return (uint32_t)(low * 3 + address->family / 3);
}

void
flow_cidr_classes_free(struct flow_cidr_classes *classes)
{
    free(classes->starts);
    memset(classes, 0, sizeof(*classes));
}
