/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON cursor: RFC 8259 and nothing beyond it, in one pass and without a tree. */
#include "decode/json.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "base/utf8.h"

void
flow_json_init(struct flow_json *json, const uint8_t *text, size_t len, struct flow_arena *arena)
{
    *json = (struct flow_json){ .at = text, .end = text + len, .arena = arena };
}

static bool
fail_with(struct flow_json *json, int status, const uint8_t *at, const char *expected)
{
    if (json->expected == NULL) {
        json->expected = expected;
        json->failed_at = at;
        json->cut = at >= json->end;
        json->status = status == FLOW_E_PARSE && json->cut ? FLOW_E_TRUNCATED : status;
    }
    return false;
}

bool
flow_json_fail(struct flow_json *json, const char *expected)
{
    return fail_with(json, FLOW_E_PARSE, json->at, expected);
}

bool
flow_json_no_memory(struct flow_json *json)
{
    return fail_with(json, FLOW_E_MEMORY, json->at, "memory");
}

/* What stands at a place, as a person would call it. */
static const char *
describe(const struct flow_json *json, char *text, size_t size)
{
    const uint8_t *at = json->failed_at;
    const size_t left = (size_t)(json->end - at);
    size_t len = 0;

    if (at >= json->end || *at == '\n') {
        return "the end of the record";
    }
    if (*at == '{') {
        return "an object";
    }
    if (*at == '[') {
        return "a list";
    }
    if (*at < 0x20 || *at == 0x7f) {
        snprintf(text, size, "byte 0x%02x", *at);
        return text;
    }
    if (flow_utf8_length(at, left) == 0) {
        snprintf(text, size, "byte 0x%02x, which is not UTF-8", *at);
        return text;
    }
    while (len < left && len < 24 && at[len] >= 0x20 && at[len] != ',' && at[len] != '}' &&
           at[len] != ']' && !(at[len] == '"' && len > 0)) {
        len++;
    }
    len += len == 0 ? 1 : 0;
    len -= *at == '"' && len > 1 ? 1 : 0;
    return flow_quote((struct flow_str){ (const char *)at + (*at == '"' && len > 1), len }, text,
                      size);
}

int
flow_json_error(const struct flow_json *json, const uint8_t *start, struct flow_error *err)
{
    char found[160];

    if (json->status == FLOW_E_MEMORY) {
        return flow_fail_memory(err);
    }
    flow_fail(err, json->status, "expected %s, found %s", json->expected,
              describe(json, found, sizeof(found)));
    flow_error_set_place(err, (uint64_t)(json->failed_at - start), 0, 0);
    return json->status;
}

void
flow_json_space_slow(struct flow_json *json)
{
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\n' || *json->at == '\t' || *json->at == '\r')) {
        json->at++;
    }
}

bool
flow_json_object(struct flow_json *json)
{
    if (flow_json_peek(json) != '{') {
        return flow_json_fail(json, "an object");
    }
    json->at++;
    json->depth++;
    return true;
}

bool
flow_json_list(struct flow_json *json)
{
    if (flow_json_peek(json) != '[') {
        return flow_json_fail(json, "a list");
    }
    json->at++;
    json->depth++;
    return true;
}

/* Takes what stands between members: FLOW_OK before one more, FLOW_END with the bracket taken. */
static int
take_separator(struct flow_json *json, bool *first, uint8_t close, const char *expected)
{
    const uint8_t next = flow_json_peek(json);

    if (next == close) {
        json->at++;
        json->depth--;
        return FLOW_END;
    }
    if (*first) {
        *first = false;
        return FLOW_OK;
    }
    if (next != ',') {
        flow_json_fail(json, expected);
        return json->status;
    }
    json->at++;
    flow_json_space(json);
    return FLOW_OK;
}

int
flow_json_key(struct flow_json *json, bool *first, struct flow_str *key)
{
    const int rc = take_separator(json, first, '}', "\",\" or \"}\"");

    if (rc != FLOW_OK) {
        return rc;
    }
    if (flow_json_peek(json) != '"') {
        flow_json_fail(json, "a member's name");
        return json->status;
    }
    if (!flow_json_string(json, key)) {
        return json->status;
    }
    if (flow_json_peek(json) != ':') {
        flow_json_fail(json, "\":\"");
        return json->status;
    }
    json->at++;
    flow_json_space(json);
    return FLOW_OK;
}

int
flow_json_item(struct flow_json *json, bool *first)
{
    return take_separator(json, first, ']', "\",\" or \"]\"");
}

static bool
take_hex(const uint8_t *at, const uint8_t *end, uint32_t *value)
{
    *value = 0;
    if (end - at < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        const uint8_t c = at[i] | 0x20;

        if (at[i] >= '0' && at[i] <= '9') {
            *value = *value << 4 | (uint32_t)(at[i] - '0');
        } else if (c >= 'a' && c <= 'f') {
            *value = *value << 4 | (uint32_t)(c - 'a' + 10);
        } else {
            return false;
        }
    }
    return true;
}

/* The escape at *at (on the backslash) as UTF-8; 0 bytes unless it is one. Moves *at behind it. */
static size_t
take_escape(const uint8_t **at, const uint8_t *end, uint8_t out[4])
{
    static const char plain[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    uint32_t code, low;

    if (end - *at < 2) {
        return 0;
    }
    for (size_t i = 0; i + 1 < sizeof(plain) - 1; i += 2) {
        if ((*at)[1] == (uint8_t)plain[i]) {
            out[0] = (uint8_t)plain[i + 1];
            *at += 2;
            return 1;
        }
    }
    if ((*at)[1] != 'u' || !take_hex(*at + 2, end, &code)) {
        return 0;
    }
    *at += 6;
    if (code >= 0xd800 && code < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' &&
        take_hex(*at + 2, end, &low) && low >= 0xdc00 && low < 0xe000) {
        *at += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return flow_utf8_encode(code, out);
}

/* A string with escapes, from its first byte on. Unescaping never makes it longer. */
static bool
unescape(struct flow_json *json, const uint8_t *start, struct flow_str *text)
{
    const uint8_t *close = start;
    const uint8_t *at = start;
    uint8_t *out;
    size_t len = 0;

    for (close = flow_scan_string(close, json->end); close < json->end && *close != '"';
         close = flow_scan_string(close, json->end)) {
        if (*close != '\\') {
            return fail_with(json, FLOW_E_PARSE, close, "no control byte in a string");
        }
        close = json->end - close < 2 ? json->end : close + 2;
    }
    if (close >= json->end) {
        return fail_with(json, FLOW_E_PARSE, json->end, "the end of a string");
    }
    out = flow_arena_alloc(json->arena, (size_t)(close - start) + 4);
    if (out == NULL) {
        return flow_json_no_memory(json);
    }
    while (at < close) {
        if (*at != '\\') {
            out[len++] = *at++;
            continue;
        }
        const size_t step = take_escape(&at, close, out + len);

        if (step == 0) {
            return fail_with(json, FLOW_E_PARSE, at, "an escape that JSON has");
        }
        len += step;
    }
    *text = (struct flow_str){ (const char *)out, len };
    json->at = close + 1;
    return true;
}

bool
flow_json_string(struct flow_json *json, struct flow_str *text)
{
    const uint8_t *start, *stop;

    if (flow_json_peek(json) != '"') {
        return flow_json_fail(json, "a string");
    }
    start = json->at + 1;
    stop = flow_scan_string(start, json->end);
    if (stop >= json->end) {
        return fail_with(json, FLOW_E_PARSE, json->end, "the end of a string");
    }
    if (*stop == '"') {
        *text = (struct flow_str){ (const char *)start, (size_t)(stop - start) };
        json->at = stop + 1;
        return true;
    }
    if (*stop != '\\') {
        return fail_with(json, FLOW_E_PARSE, stop, "no control byte in a string");
    }
    return unescape(json, start, text);
}

static bool
take_word(struct flow_json *json, const char *word, size_t len)
{
    if ((size_t)(json->end - json->at) < len || memcmp(json->at, word, len) != 0) {
        return false;
    }
    json->at += len;
    return true;
}

/* No word stands here; when the text ends inside one, that is where it fails. */
static bool
fail_word(struct flow_json *json, const char *expected)
{
    const size_t left = (size_t)(json->end - json->at);

    if (left < 5 && (memcmp(json->at, "false", left) == 0 ||
                     (left < 4 && (memcmp(json->at, "true", left) == 0 ||
                                   memcmp(json->at, "null", left) == 0)))) {
        return fail_with(json, FLOW_E_PARSE, json->end, expected);
    }
    return flow_json_fail(json, expected);
}

bool
flow_json_null_slow(struct flow_json *json)
{
    return take_word(json, "null", 4);
}

bool
flow_json_bool(struct flow_json *json, bool *value)
{
    flow_json_space(json);
    if (take_word(json, "true", 4)) {
        *value = true;
        return true;
    }
    if (take_word(json, "false", 5)) {
        *value = false;
        return true;
    }
    return fail_word(json, "true or false");
}

/* Digits with an optional minus; the cursor stands behind them. */
static bool
take_whole(struct flow_json *json, bool *negative, uint64_t *value)
{
    const uint8_t *at = json->at;
    const uint8_t *start;
    uint64_t sum = 0;

    *negative = at < json->end && *at == '-';
    at += *negative ? 1 : 0;
    for (start = at; at < json->end && *at >= '0' && *at <= '9'; at++) {
        const uint64_t digit = (uint64_t)(*at - '0');

        if (sum > (UINT64_MAX - digit) / 10 || (sum == 0 && at > start)) {
            return false; /* too large, or a leading zero */
        }
        sum = sum * 10 + digit;
    }
    if (at == start) {
        return false;
    }
    /* "5.0" is what some writers make of 5; a fraction or an exponent is no whole number */
    if (at + 1 < json->end && *at == '.' && at[1] == '0') {
        for (at++; at < json->end && *at == '0'; at++) {
        }
    }
    if (at < json->end && ((*at >= '0' && *at <= '9') || *at == '.' || (*at | 0x20) == 'e')) {
        return false;
    }
    json->at = at;
    *value = sum;
    return true;
}

/* A whole number, quoted or not; on failure the cursor stays where it was. */
static bool
take_number(struct flow_json *json, bool *negative, uint64_t *value)
{
    const uint8_t *start;
    const bool quoted = flow_json_peek(json) == '"';

    start = json->at;
    json->at += quoted ? 1 : 0;
    if (!take_whole(json, negative, value) ||
        (quoted && (json->at >= json->end || *json->at != '"'))) {
        json->at = start;
        return false;
    }
    json->at += quoted ? 1 : 0;
    return true;
}

bool
flow_json_uint(struct flow_json *json, uint64_t max, uint64_t *value)
{
    const uint8_t *start = json->at;
    bool negative;

    if (!take_number(json, &negative, value) || (negative && *value != 0) || *value > max) {
        json->at = start;
        flow_json_space(json);
        return flow_json_fail(json, "a whole number that fits");
    }
    return true;
}

bool
flow_json_u64(struct flow_json *json, uint64_t *value)
{
    return flow_json_uint(json, UINT64_MAX, value);
}

/* A number from -max - 1 to max. */
static bool
take_signed(struct flow_json *json, int64_t max, int64_t *value)
{
    const uint8_t *start = json->at;
    uint64_t magnitude;
    bool negative;

    if (!take_number(json, &negative, &magnitude) ||
        magnitude > (uint64_t)max + (negative ? 1 : 0)) {
        json->at = start;
        flow_json_space(json);
        return flow_json_fail(json, "a whole number that fits");
    }
    *value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool
flow_json_i64(struct flow_json *json, int64_t *value)
{
    return take_signed(json, INT64_MAX, value);
}

bool
flow_json_i32(struct flow_json *json, int32_t *value)
{
    int64_t wide;

    if (!take_signed(json, INT32_MAX, &wide)) {
        return false;
    }
    *value = (int32_t)wide;
    return true;
}

static size_t
skip_digits(struct flow_json *json)
{
    const uint8_t *start = json->at;

    while (json->at < json->end && *json->at >= '0' && *json->at <= '9') {
        json->at++;
    }
    return (size_t)(json->at - start);
}

static bool
skip_number(struct flow_json *json)
{
    bool leading_zero;

    json->at += *json->at == '-' ? 1 : 0;
    leading_zero = json->at < json->end && *json->at == '0';
    if (leading_zero ? (json->at++, false) : skip_digits(json) == 0) {
        return flow_json_fail(json, "a digit");
    }
    if (json->at < json->end && *json->at == '.') {
        json->at++;
        if (skip_digits(json) == 0) {
            return flow_json_fail(json, "a digit");
        }
    }
    if (json->at < json->end && (*json->at | 0x20) == 'e') {
        json->at++;
        json->at += json->at < json->end && (*json->at == '+' || *json->at == '-') ? 1 : 0;
        if (skip_digits(json) == 0) {
            return flow_json_fail(json, "a digit");
        }
    }
    return true;
}

static bool
skip_scalar(struct flow_json *json)
{
    struct flow_str text;
    bool value;

    switch (flow_json_peek(json)) {
    case '"':
        return flow_json_string(json, &text);
    case 't':
    case 'f':
        return flow_json_bool(json, &value);
    case 'n':
        return flow_json_null(json) || fail_word(json, "a value");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return skip_number(json);
    default:
        return flow_json_fail(json, "a value");
    }
}

/* Which kind of bracket is open at each depth of a value that is passed over. */
struct open_brackets {
    uint64_t is_object[FLOW_JSON_DEPTH_MAX / 64];
    unsigned depth;
};

static bool
push(struct flow_json *json, struct open_brackets *open, bool is_object)
{
    const unsigned word = open->depth / 64;
    const uint64_t bit = (uint64_t)1 << (open->depth % 64);

    if (json->depth >= FLOW_JSON_DEPTH_MAX) {
        return fail_with(json, FLOW_E_LIMIT, json->at, "at most 512 open brackets");
    }
    open->is_object[word] = is_object ? open->is_object[word] | bit : open->is_object[word] & ~bit;
    open->depth++;
    json->depth++;
    json->at++;
    return true;
}

bool
flow_json_skip(struct flow_json *json)
{
    struct open_brackets open = { .depth = 0 };
    struct flow_str key;
    bool first = false;
    int rc;

    for (;;) {
        const uint8_t next = flow_json_peek(json);

        if (next == '{' || next == '[') {
            if (!push(json, &open, next == '{')) {
                return false;
            }
            first = true;
        } else if (!skip_scalar(json)) {
            return false;
        }
        /* what follows a value: the end of brackets, or one more member */
        for (rc = FLOW_END; rc == FLOW_END && open.depth > 0;) {
            const unsigned inner = open.depth - 1;

            rc = open.is_object[inner / 64] >> (inner % 64) & 1 ? flow_json_key(json, &first, &key)
                                                                : flow_json_item(json, &first);
            if (rc < 0) {
                return false;
            }
            open.depth -= rc == FLOW_END ? 1 : 0;
            first = false;
        }
        if (open.depth == 0 && rc == FLOW_END) {
            return true;
        }
    }
}
