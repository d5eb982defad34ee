/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as RFC 8259 has it, and no more. A value that is cut off is told apart from one that is
 * wrong, so that a half-written dump is not blamed on its author.
 */
#include "base/error.h"
#include "base/str.h"
#include "base/utf8.h"
#include "manifest/internal.h"

struct json {
    struct flow_build *build;
    struct flow_str text;
    struct flow_cursor at;
};

/* "expected X, found Y" for the byte at offset, which is on the line of the cursor. */
static int
fail(const struct json *json, size_t offset, const char *expected, struct flow_error *err)
{
    const int status = offset >= json->text.len ? FLOW_E_TRUNCATED : FLOW_E_PARSE;
    struct flow_cursor place = json->at;
    char found[FLOW_QUOTE_BYTES_MAX + 8];

    place.offset = offset;
    flow_fail(err, status, "expected %s, found %s", expected,
              flow_manifest_found(json->text, offset, found, sizeof(found)));
    return flow_cursor_fail(&place, status, err);
}

/* The byte at offset, or NUL at the end. */
static char
byte_at(const struct json *json, size_t offset)
{
    return offset < json->text.len ? json->text.ptr[offset] : '\0';
}

static char
peek(const struct json *json)
{
    return byte_at(json, json->at.offset);
}

/* Reads the four digits behind "\u" and leaves *pos behind them. */
static int
take_hex(const struct json *json, size_t *pos, uint32_t *value, struct flow_error *err)
{
    *value = 0;
    for (int i = 0; i < 4; i++, (*pos)++) {
        const char c = byte_at(json, *pos);

        if (c >= '0' && c <= '9') {
            *value = *value << 4 | (uint32_t)(c - '0');
        } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            *value = *value << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        } else {
            return fail(json, *pos, "four hexadecimal digits behind \"\\u\"", err);
        }
    }
    return FLOW_OK;
}

/* Reads what stands behind "\u": one code point, from two escapes if it is beyond U+FFFF. */
static int
take_code_point(const struct json *json, size_t *pos, uint32_t *code_point, struct flow_error *err)
{
    const size_t start = *pos - 2;
    uint32_t low = 0;
    int rc = take_hex(json, pos, code_point, err);

    if (rc < 0 || *code_point < 0xd800 || *code_point > 0xdfff) {
        return rc;
    }
    if (*code_point > 0xdbff) {
        return fail(json, start, "the first half of a surrogate pair before the second", err);
    }
    if (byte_at(json, *pos) != '\\' || byte_at(json, *pos + 1) != 'u') {
        const size_t missing = *pos + (byte_at(json, *pos) == '\\' ? 1 : 0);

        return fail(json, missing, "the second half of a surrogate pair", err);
    }
    *pos += 2;
    rc = take_hex(json, pos, &low, err);
    if (rc == FLOW_OK && (low < 0xdc00 || low > 0xdfff)) {
        return fail(json, *pos - 6, "the second half of a surrogate pair", err);
    }
    *code_point = 0x10000 + ((*code_point - 0xd800) << 10) + (low - 0xdc00);
    return rc;
}

/* Reads the escape whose backslash is at *pos into the scratch text. */
static int
take_escape(const struct json *json, size_t *pos, struct flow_error *err)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    struct flow_buf *scratch = &json->build->scratch;
    const char name = byte_at(json, *pos + 1);
    const char *known = name != '\0' ? strchr(names, name) : NULL;
    uint32_t code_point;
    uint8_t utf8[4];
    int rc;

    if (known != NULL) {
        flow_buf_add_char(scratch, meanings[known - names]);
        *pos += 2;
        return FLOW_OK;
    }
    if (name != 'u') {
        return fail(json, *pos + 1, "a known escape behind the backslash", err);
    }
    *pos += 2;
    rc = take_code_point(json, pos, &code_point, err);
    if (rc == FLOW_OK) {
        flow_buf_add(scratch, (const char *)utf8, flow_utf8_encode(code_point, utf8));
    }
    return rc;
}

/* Says what is wrong with a byte that cannot stand in a string. */
static int
fail_byte(const struct json *json, size_t offset, struct flow_error *err)
{
    const uint8_t byte = (uint8_t)byte_at(json, offset);
    struct flow_cursor place = json->at;

    if (offset >= json->text.len || byte == '\n' || byte == '\r') {
        return fail(json, offset, "the closing quote", err);
    }
    if (byte < 0x20) {
        return fail(json, offset, "an escape like \"\\t\"", err);
    }
    place.offset = offset;
    flow_fail(err, FLOW_E_PARSE, "expected UTF-8, found byte 0x%02x", byte);
    return flow_cursor_fail(&place, FLOW_E_PARSE, err);
}

/* Goes over bytes that stand for themselves; *pos ends on the closing quote or a backslash. */
static int
skip_plain(const struct json *json, size_t *pos, struct flow_error *err)
{
    for (;;) {
        const uint8_t *bytes = (const uint8_t *)json->text.ptr + *pos;
        const size_t step = flow_utf8_length(bytes, json->text.len - *pos);

        if (step == 0 || *bytes < 0x20) {
            return fail_byte(json, *pos, err);
        }
        if (*bytes == '"' || *bytes == '\\') {
            return FLOW_OK;
        }
        *pos += step;
    }
}

/* Adds the string whose opening quote is at the cursor. */
static int
take_string(struct json *json, struct flow_error *err)
{
    struct flow_buf *scratch = &json->build->scratch;
    size_t run = json->at.offset + 1; /* first byte that is not in scratch yet */
    size_t pos = run;
    bool escaped = false;
    struct flow_str plain;
    int rc;

    flow_buf_reset(scratch);
    while ((rc = skip_plain(json, &pos, err)) == FLOW_OK && json->text.ptr[pos] == '\\') {
        flow_buf_add(scratch, json->text.ptr + run, pos - run);
        rc = take_escape(json, &pos, err);
        if (rc < 0) {
            return rc;
        }
        escaped = true;
        run = pos;
    }
    if (rc < 0) {
        return rc;
    }
    plain = (struct flow_str){ json->text.ptr + run, pos - run };
    if (escaped) {
        flow_buf_add_str(scratch, plain);
        plain = flow_buf_str(scratch);
    }
    if (scratch->failed) {
        return flow_fail_memory(err);
    }
    rc = flow_build_scalar(json->build, plain, true, &json->at, err);
    json->at.offset = pos + 1;
    return rc;
}

static void
skip_digits(const struct json *json, size_t *pos)
{
    while (byte_at(json, *pos) >= '0' && byte_at(json, *pos) <= '9') {
        (*pos)++;
    }
}

/* As skip_digits, with at least one. */
static int
take_digits(const struct json *json, size_t *pos, struct flow_error *err)
{
    const size_t start = *pos;

    skip_digits(json, pos);
    return *pos > start ? FLOW_OK : fail(json, *pos, "a digit", err);
}

/* Leaves *pos behind the number at the cursor, which stays text. */
static int
take_number(const struct json *json, size_t *pos, struct flow_error *err)
{
    int rc = FLOW_OK;

    if (byte_at(json, *pos) == '-') {
        (*pos)++;
    }
    if (byte_at(json, *pos) == '0') {
        (*pos)++;
    } else {
        rc = take_digits(json, pos, err);
    }
    if (rc == FLOW_OK && byte_at(json, *pos) == '.') {
        (*pos)++;
        rc = take_digits(json, pos, err);
    }
    if (rc == FLOW_OK && (byte_at(json, *pos) | 0x20) == 'e') {
        (*pos)++;
        if (byte_at(json, *pos) == '+' || byte_at(json, *pos) == '-') {
            (*pos)++;
        }
        rc = take_digits(json, pos, err);
    }
    return rc;
}

/* Adds the number or word at the cursor. */
static int
take_plain(struct json *json, struct flow_error *err)
{
    static const struct flow_str words[] = {
        { "true", 4 },
        { "false", 5 },
        { "null", 4 },
    };
    const struct flow_str rest = flow_str_from(json->text, json->at.offset);
    size_t end = json->at.offset;
    int rc = FLOW_OK;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (flow_str_starts(rest, words[i])) {
            end += words[i].len;
        } else if (rest.len > 0 && flow_str_starts(words[i], rest)) {
            return fail(json, json->text.len, "a value", err); /* cut off: "tru" */
        }
    }
    if (end == json->at.offset) {
        if (peek(json) != '-' && (peek(json) < '0' || peek(json) > '9')) {
            return fail(json, end, "a value", err);
        }
        rc = take_number(json, &end, err);
    }
    if (rc == FLOW_OK) {
        rc = flow_build_scalar(json->build, (struct flow_str){ rest.ptr, end - json->at.offset },
                               false, &json->at, err);
    }
    json->at.offset = end;
    return rc;
}

static int
take_key(struct json *json, struct flow_error *err)
{
    int rc;

    if (peek(json) != '"') {
        return fail(json, json->at.offset, "a key in double quotes", err);
    }
    rc = take_string(json, err);
    if (rc < 0) {
        return rc;
    }
    flow_cursor_skip_white(&json->at, json->text);
    if (peek(json) != ':') {
        return fail(json, json->at.offset, "':' behind the key", err);
    }
    json->at.offset++;
    flow_cursor_skip_white(&json->at, json->text);
    return FLOW_OK;
}

/* Begins the list or map at the cursor; *is_empty when it ended at once. */
static int
take_open(struct json *json, bool *is_empty, struct flow_error *err)
{
    const bool is_map = peek(json) == '{';
    int rc = flow_build_open(json->build, is_map ? FLOW_NODE_MAP : FLOW_NODE_LIST, &json->at, err);

    if (rc < 0) {
        return rc;
    }
    json->at.offset++;
    flow_cursor_skip_white(&json->at, json->text);
    *is_empty = peek(json) == (is_map ? '}' : ']');
    if (*is_empty) {
        json->at.offset++;
        rc = flow_build_close(json->build, err);
    }
    return rc;
}

/* Behind a value: ends what ends here, up to the comma before the next item or key. */
static int
take_ends(struct json *json, struct flow_error *err)
{
    while (json->build->depth > 0) {
        const bool is_map = json->build->open[json->build->depth - 1].node->type == FLOW_NODE_MAP;
        int rc;

        flow_cursor_skip_white(&json->at, json->text);
        if (peek(json) == ',') {
            json->at.offset++;
            return FLOW_OK;
        }
        if (peek(json) != (is_map ? '}' : ']')) {
            return fail(json, json->at.offset, is_map ? "',' or '}'" : "',' or ']'", err);
        }
        json->at.offset++;
        rc = flow_build_close(json->build, err);
        if (rc < 0) {
            return rc;
        }
    }
    return FLOW_OK;
}

/* One key if it is time for one, and a value, or only the beginning of a list or map. */
static int
take_value(struct json *json, struct flow_error *err)
{
    bool is_whole = true;
    int rc = FLOW_OK;

    flow_cursor_skip_white(&json->at, json->text);
    if (flow_build_wants_key(json->build)) {
        rc = take_key(json, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (peek(json) == '{' || peek(json) == '[') {
        rc = take_open(json, &is_whole, err);
    } else if (peek(json) == '"') {
        rc = take_string(json, err);
    } else {
        rc = take_plain(json, err);
    }
    return rc == FLOW_OK && is_whole ? take_ends(json, err) : rc;
}

int
flow_manifest_read_json(struct flow_build *build, struct flow_str text, struct flow_cursor *cursor,
                        struct flow_error *err)
{
    struct json json = { build, text, *cursor };
    int rc;

    do {
        rc = take_value(&json, err);
    } while (rc == FLOW_OK && build->depth > 0);
    if (rc == FLOW_OK) {
        *cursor = json.at;
    }
    return rc;
}
