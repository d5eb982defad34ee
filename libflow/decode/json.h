/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor over one JSON text, for decoders that know which members they want: nothing is built,
 * what is not wanted is checked and passed over. Every function returns false once the text is not
 * what was expected; the cursor then holds what was expected and where.
 */
#ifndef FLOW_DECODE_JSON_H
#define FLOW_DECODE_JSON_H

#include "base/arena.h"
#include "base/error.h"
#include "decode/scan.h"

struct flow_json {
    const uint8_t *at, *end;  /* FLOW_SCAN_PADDING readable bytes stand behind end */
    unsigned depth;           /* brackets that are open */
    struct flow_arena *arena; /* for texts with escapes */
    /* after a failure: */
    const char *expected; /* "a number"; NULL: nothing failed */
    const uint8_t *failed_at;
    bool cut;   /* the text ended where more was expected */
    int status; /* FLOW_E_PARSE, FLOW_E_TRUNCATED, FLOW_E_LIMIT or FLOW_E_MEMORY */
};

void flow_json_init(struct flow_json *json, const uint8_t *text, size_t len,
                    struct flow_arena *arena);

/* Records a failure here and returns false. */
bool flow_json_fail(struct flow_json *json, const char *expected);

/* Records that memory has run out and returns false. */
bool flow_json_no_memory(struct flow_json *json);

/* Fills err from the failure: "expected X, found Y" and the offset from start; returns the status.
 */
int flow_json_error(const struct flow_json *json, const uint8_t *start, struct flow_error *err);

void flow_json_space_slow(struct flow_json *json);

/* Passes over white space. */
static inline void
flow_json_space(struct flow_json *json)
{
    if (json->at < json->end && *json->at <= ' ') {
        flow_json_space_slow(json);
    }
}

/* The next byte that is not white space, without taking it; 0 at the end. */
static inline uint8_t
flow_json_peek(struct flow_json *json)
{
    flow_json_space(json);
    return json->at < json->end ? *json->at : 0;
}

/* Takes "{" (and "[" for the list). */
bool flow_json_object(struct flow_json *json);
bool flow_json_list(struct flow_json *json);

/*
 * The next key of an object whose "{" was taken, with its colon taken; FLOW_END behind the last.
 * *first is true before the first member and changed here.
 */
int flow_json_key(struct flow_json *json, bool *first, struct flow_str *key);

/* FLOW_OK when the list has one more item, which stands at the cursor. */
int flow_json_item(struct flow_json *json, bool *first);

/* A string without copying when it has no escapes, else unescaped into the arena. */
bool flow_json_string(struct flow_json *json, struct flow_str *text);

/* Takes null where it stands. Writers other than Go emit it; it means absent. */
bool flow_json_null_slow(struct flow_json *json);
static inline bool
flow_json_null(struct flow_json *json)
{
    return json->at < json->end && *json->at == 'n' && flow_json_null_slow(json);
}

bool flow_json_bool(struct flow_json *json, bool *value);

/* A whole number, also as a quoted decimal, as protojson writes 64-bit ones. */
bool flow_json_u64(struct flow_json *json, uint64_t *value);
bool flow_json_i64(struct flow_json *json, int64_t *value);
bool flow_json_i32(struct flow_json *json, int32_t *value);
/* As flow_json_u64, refused above max. */
bool flow_json_uint(struct flow_json *json, uint64_t max, uint64_t *value);

/* Any value, checked against the grammar. */
bool flow_json_skip(struct flow_json *json);

/*
 * An object or list as its raw bytes, found by brackets and quotes alone. The caller checks the
 * grammar when it meets the bytes for the first time.
 */
bool flow_json_raw(struct flow_json *json, struct flow_str *raw);

#endif
