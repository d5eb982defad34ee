/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Member names to numbers. Writers emit members in one order, so the table remembers which member
 * followed which and tries that one first: most lookups are one comparison, and any order works.
 */
#ifndef FLOW_DECODE_FIELDS_H
#define FLOW_DECODE_FIELDS_H

#include "base/str.h"

struct flow_field {
    const char *name;
    uint8_t number; /* several names may share one: snake_case and camelCase */
};

enum { FLOW_FIELDS_MAX = 96, FLOW_FIELD_UNKNOWN = 0 };

struct flow_fields {
    struct flow_str names[FLOW_FIELDS_MAX];
    uint8_t numbers[FLOW_FIELDS_MAX];
    uint8_t after[FLOW_FIELDS_MAX + 1]; /* the member seen last behind member i; [count] at first */
    uint8_t count;
};

void flow_fields_init(struct flow_fields *fields, const struct flow_field *table, size_t count);

/* Looks at every name; the slow half of flow_fields_number. */
uint8_t flow_fields_search(struct flow_fields *fields, struct flow_str name, uint8_t *place);

/* Where to begin an object. */
static inline uint8_t
flow_fields_start(const struct flow_fields *fields)
{
    return fields->count;
}

/* The number of a member, FLOW_FIELD_UNKNOWN for another. *place is the member before, then this.
 */
static inline uint8_t
flow_fields_number(struct flow_fields *fields, struct flow_str name, uint8_t *place)
{
    const uint8_t guess = fields->after[*place];

    if (fields->names[guess].len == name.len &&
        flow_bytes_equal(fields->names[guess].ptr, name.ptr, name.len)) {
        *place = guess;
        return fields->numbers[guess];
    }
    return flow_fields_search(fields, name, place);
}

#endif
