/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Member names to numbers. Writers emit members in one order, so the table remembers which member
 * followed which and tries that one first: most lookups are one comparison, and any order works.
 */
#ifndef FLOW_DECODE_FIELDS_H
#define FLOW_DECODE_FIELDS_H

#include "base/str.h"
#include "decode/json.h"

struct flow_field {
    const char *name;
    uint8_t number; /* several names may share one: snake_case and camelCase */
};

enum { FLOW_FIELDS_MAX = 96, FLOW_FIELD_UNKNOWN = 0 };

/* Names with their quotes and colon that are no longer than this are compared at once. */
enum { FLOW_HEAD_BYTES = 32 };

struct flow_fields {
    struct flow_str names[FLOW_FIELDS_MAX];
    uint8_t heads[FLOW_FIELDS_MAX][FLOW_HEAD_BYTES]; /* "name": as it stands in the text */
    uint8_t head_lens[FLOW_FIELDS_MAX];              /* 0: too long */
    uint8_t numbers[FLOW_FIELDS_MAX];
    uint8_t after[FLOW_FIELDS_MAX + 1]; /* the member seen last behind member i; [count] at first */
    uint8_t
        other[FLOW_FIELDS_MAX + 1]; /* the one before that, for records that come in two kinds */
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

/* Whether a name of the table, with its quotes and colon, stands there. */
static inline bool
flow_fields_stand(const struct flow_fields *fields, const struct flow_json *json, const uint8_t *at,
                  uint8_t which)
{
    const size_t len = fields->head_lens[which];

    return len > 0 && (size_t)(json->end - at) >= len &&
           flow_scan_equal(at, fields->heads[which], len);
}

/*
 * Takes a key that followed one of the last times, with its colon, when it stands at the cursor and
 * no space is around it. false: nothing was taken.
 */
static inline bool
flow_fields_take(const struct flow_fields *fields, struct flow_json *json, bool *first,
                 uint8_t *place)
{
    uint8_t guess = fields->after[*place];
    const uint8_t *at = json->at;

    if (!*first) {
        if (at >= json->end || *at != ',') {
            return false;
        }
        at++;
    }
    if (!flow_fields_stand(fields, json, at, guess)) {
        guess = fields->other[*place];
        if (!flow_fields_stand(fields, json, at, guess)) {
            return false;
        }
    }
    json->at = at + fields->head_lens[guess];
    flow_json_space(json);
    *first = false;
    *place = guess;
    return true;
}

/*
 * The next member's number, with the cursor on its value: FLOW_OK, FLOW_END behind the last, or
 * below 0. What *first and *place are is flow_json_key's and flow_fields_number's.
 */
static inline int
flow_fields_next(struct flow_fields *fields, struct flow_json *json, bool *first, uint8_t *place,
                 uint8_t *number)
{
    struct flow_str key;
    int rc;

    if (flow_fields_take(fields, json, first, place)) {
        *number = fields->numbers[*place];
        return FLOW_OK;
    }
    rc = flow_json_key(json, first, &key);
    if (rc == FLOW_OK) {
        *number = flow_fields_number(fields, key, place);
    }
    return rc;
}

#endif
