/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the records in a stream of JSON text: one a line as exporters write them, and also arrays,
 * objects one behind the other, and pretty-printed ones. A damaged record costs itself alone: in a
 * file of lines the next line goes on, in an indented file the next object at the same indentation.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "decode/decoder.h"
#include "decode/hubble_json.h"

#define ANY_LINE UINT64_MAX

struct input {
    const struct flow_decoder_ops *ops;
    struct flow_hubble_json json;
    bool in_array;
    bool skipping;        /* behind a record over the limit, up to a line that may begin another */
    uint64_t skip_indent; /* of such a line, or ANY_LINE */
    /* What is known of the line that the window's start is in, by offset in the plain bytes. */
    uint64_t line_end; /* of its newline, when line_ended */
    uint64_t scanned;  /* no newline before this offset */
    bool line_ended;
    bool line_odd; /* a byte of it is not ASCII, or an unusual control byte */
};

static int
input_open(struct flow_decoder **out, struct flow_dict *dict, struct flow_error *err)
{
    struct input *input = calloc(1, sizeof(*input));

    if (input == NULL) {
        return flow_fail_memory(err);
    }
    input->ops = &flow_decoder_hubble_json;
    flow_hubble_json_init(&input->json, dict);
    *out = (struct flow_decoder *)input;
    return FLOW_OK;
}

static int
input_open_plain(struct flow_decoder **out, struct flow_dict *dict, struct flow_error *err)
{
    const int rc = input_open(out, dict, err);

    if (rc == FLOW_OK) {
        struct input *input = (struct input *)*out;

        input->ops = &flow_decoder_hubble_json_plain;
        input->json.shapes.off = true;
    }
    return rc;
}

static void
input_reset(struct flow_decoder *decoder)
{
    struct input *input = (struct input *)decoder;

    input->in_array = false;
    input->skipping = false;
    input->line_end = input->scanned = 0;
    input->line_ended = false;
    input->line_odd = false;
}

static void
input_close(struct flow_decoder *decoder)
{
    flow_hubble_json_free(&((struct input *)decoder)->json);
    free(decoder);
}

/* Text: what starts as JSON, or has no NUL near its start. Lines that are no JSON are told one by
 * one. */
static bool
input_detect(const uint8_t *head, size_t len)
{
    size_t start = len >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    while (start < len && (head[start] == ' ' || (head[start] >= '\t' && head[start] <= '\r'))) {
        start++;
    }
    return start == len || head[start] == '{' || head[start] == '[' ||
           memchr(head, '\0', len) == NULL;
}

/* Moves the window on, keeping count of lines. */
static void
advance(struct flow_window *window, const uint8_t *to)
{
    const uint8_t *newline = window->at;

    while ((newline = memchr(newline, '\n', (size_t)(to - newline))) != NULL) {
        newline++;
        window->line++;
        window->line_start = window->offset + (uint64_t)(newline - window->at);
    }
    window->offset += (uint64_t)(to - window->at);
    window->at = to;
}

/* Gives an error at a byte of the window its offset, line and column. */
static void
place(const struct flow_window *window, const uint8_t *at, struct flow_error *err)
{
    struct flow_window copy = *window;

    advance(&copy, at);
    flow_error_set_place(err, copy.offset,
                         copy.line > UINT32_MAX ? UINT32_MAX : (uint32_t)copy.line,
                         (uint32_t)(copy.offset - copy.line_start + 1));
}

/* Passes over what stands between records; an array's brackets and commas are part of that. */
static void
skip_between(struct input *input, struct flow_window *window)
{
    const uint8_t *at = window->at;

    if (window->offset == 0 && window->end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) {
        at += 3;
    }
    for (; at < window->end; at++) {
        if (*at == '[' && !input->in_array) {
            input->in_array = true;
        } else if (*at == ']' && input->in_array) {
            input->in_array = false;
        } else if (*at != '\n' && *at != ' ' && *at != '\t' && *at != '\r' && *at != ',') {
            break;
        }
    }
    if (at != window->at) {
        advance(window, at);
    }
}

/* The end of the line that the window's start is in, or the window's end when it is not there. */
static const uint8_t *
find_line_end(struct input *input, const struct flow_window *window)
{
    const uint64_t window_end = window->offset + (uint64_t)(window->end - window->at);
    const uint8_t *from = window->at;
    const uint8_t *found;
    bool odd = false;

    if (input->line_ended && input->line_end >= window->offset) {
        return window->at + (input->line_end - window->offset);
    }
    if (!input->line_ended && input->scanned > window->offset) {
        from += input->scanned - window->offset;
    } else {
        input->line_odd = false;
    }
    found = flow_scan_line(from, window->end, &odd);
    input->line_odd |= odd;
    input->line_ended = found < window->end;
    input->scanned = window_end;
    if (input->line_ended) {
        input->line_end = window->offset + (uint64_t)(found - window->at);
    }
    return found;
}

/* Whether a line begins with so much indentation and then an object. */
static bool
starts_object(const struct flow_window *window, const uint8_t *line, uint64_t indent)
{
    const size_t left = (size_t)(window->end - line);
    size_t spaces = 0;

    while (spaces < indent && spaces < left && (line[spaces] == ' ' || line[spaces] == '\t')) {
        spaces++;
    }
    return spaces == indent && spaces < left && line[spaces] == '{';
}

/*
 * Where a record that spans lines must end at the latest: the next line that begins with the same
 * indentation and a bracket starts another record, so this one was cut. NULL when there is none.
 */
static const uint8_t *
find_next_start(const struct flow_window *window)
{
    const uint64_t indent = window->offset - window->line_start;
    const uint8_t *at = window->at;

    while ((at = memchr(at, '\n', (size_t)(window->end - at))) != NULL) {
        at++;
        if (starts_object(window, at, indent)) {
            return at;
        }
    }
    return NULL;
}

/* Passes over what is left of a record over the limit; still skipping when its end is not here. */
static void
skip_rest(struct input *input, struct flow_window *window)
{
    const uint8_t *newline = window->at;

    while ((newline = memchr(newline, '\n', (size_t)(window->end - newline))) != NULL) {
        const uint8_t *line = newline + 1;
        const bool any = input->skip_indent == ANY_LINE;

        if (any || starts_object(window, line, input->skip_indent)) {
            input->skipping = false;
            break;
        }
        if ((uint64_t)(window->end - line) <= input->skip_indent && !window->last) {
            break; /* the line is not there far enough to tell */
        }
        newline = line;
    }
    advance(window, newline != NULL ? newline : window->end);
}

/* Damage between two places of the window: the error gets its place, the window goes behind it. */
static int
damaged(struct flow_window *window, const uint8_t *at, const uint8_t *behind,
        struct flow_error *err)
{
    place(window, at, err);
    advance(window, behind);
    return err->status;
}

/* One error for a failed decode: its text from the cursor, its place from the window. */
static int
decode_failed(const struct flow_json *cursor, struct flow_window *window, const uint8_t *behind,
              struct flow_error *err)
{
    flow_json_error(cursor, window->at, err);
    return damaged(window, cursor->failed_at, behind, err);
}

static int
fail_limit(struct flow_error *err)
{
    return flow_fail(err, FLOW_E_LIMIT,
                     "expected a record of at most %zu bytes, found a longer one",
                     FLOW_RECORD_BYTES_MAX);
}

/* A decoded record is good when it is not too long and UTF-8; then the window goes behind it. */
static int
accept(struct flow_window *window, const uint8_t *behind, bool odd, struct flow_error *err)
{
    const size_t len = (size_t)(behind - window->at);
    const size_t valid = odd ? flow_utf8_valid_prefix(window->at, len) : len;

    if (len > FLOW_RECORD_BYTES_MAX) {
        fail_limit(err);
        return damaged(window, window->at, behind, err);
    }
    if (valid < len) {
        flow_fail(err, FLOW_E_PARSE, "expected UTF-8, found byte 0x%02x", window->at[valid]);
        return damaged(window, window->at + valid, behind, err);
    }
    if (odd || memchr(window->at, '\n', len) != NULL) {
        advance(window, behind);
    } else {
        window->offset += len;
        window->at = behind;
    }
    return FLOW_OK;
}

/* A record whose shape was met before; false: the plain decoder has it, from the start. */
static bool
take_shape(struct input *input, struct flow_window *window, struct flow_batch *batch,
           struct flow_record *record)
{
    const size_t len =
        flow_shapes_take(&input->json, window->at, window->end, &batch->arena, record);

    if (len == 0) {
        (void)flow_batch_begin(batch);
    }
    window->offset += len;
    window->at += len;
    return len > 0;
}

static bool
decode(struct input *input, struct flow_json *cursor, const uint8_t *from, const uint8_t *to,
       struct flow_batch *batch, struct flow_record *record)
{
    flow_json_init(cursor, from, (size_t)(to - from), &batch->arena);
    return flow_hubble_json_decode(&input->json, cursor, record);
}

static int
over_limit(struct input *input, struct flow_window *window, uint64_t indent, struct flow_error *err)
{
    input->skipping = true;
    input->skip_indent = indent;
    fail_limit(err);
    place(window, window->at, err);
    skip_rest(input, window);
    return err->status;
}

/* A record that goes on behind the end of its line. */
static int
take_spanning(struct input *input, struct flow_window *window, struct flow_batch *batch,
              struct flow_error *err)
{
    struct flow_record *record = flow_batch_begin(batch);
    const uint8_t *next_start = find_next_start(window);
    const uint8_t *limit = next_start != NULL ? next_start : window->end;
    const uint8_t *behind = limit;
    struct flow_json cursor;
    struct flow_str raw;

    flow_json_init(&cursor, window->at, (size_t)(limit - window->at), &batch->arena);
    if (flow_json_raw(&cursor, &raw)) {
        behind = (const uint8_t *)raw.ptr + raw.len;
    } else if (next_start == NULL && !window->last) {
        return (size_t)(window->end - window->at) > FLOW_RECORD_BYTES_MAX
                   ? over_limit(input, window, window->offset - window->line_start, err)
                   : FLOW_AGAIN;
    }
    while (behind > window->at && (behind[-1] == '\n' || behind[-1] == ' ')) {
        behind--;
    }
    if (!decode(input, &cursor, window->at, behind, batch, record)) {
        return decode_failed(&cursor, window, behind, err);
    }
    return accept(window, behind, true, err);
}

/* Whether a record cut at the end of its line may go on in the next one. */
static bool
may_span(const struct flow_window *window, const uint8_t *line_end)
{
    return line_end + 1 < window->end && line_end[1] != '{';
}

/*
 * What a failed record takes with it: in an array its own bracket, else its line. NULL when the
 * window must grow to tell. A line that is longer than any record is passed over as it comes.
 */
static const uint8_t *
damage_end(struct input *input, const struct flow_window *window, const uint8_t *line_end)
{
    const bool ended = line_end < window->end || window->last;
    struct flow_json cursor;
    struct flow_str raw;

    flow_json_init(&cursor, window->at, (size_t)(line_end - window->at), NULL);
    if (input->in_array && flow_json_raw(&cursor, &raw)) {
        return (const uint8_t *)raw.ptr + raw.len;
    }
    if (!ended && (size_t)(window->end - window->at) <= FLOW_RECORD_BYTES_MAX) {
        return NULL;
    }
    input->skipping = !ended;
    input->skip_indent = ANY_LINE;
    return line_end;
}

/*
 * Whether a failure stands although the line is not all there. Near the window's end it may be a
 * word that is cut; and a line's damage is told best when its end is known, which an array that is
 * one long line may never show.
 */
static bool
certain(const struct input *input, const struct flow_window *window, const struct flow_json *cursor)
{
    return input->in_array && !cursor->cut && window->end - cursor->failed_at > 32;
}

static int
take_record(struct input *input, struct flow_window *window, struct flow_batch *batch,
            struct flow_record *record, struct flow_error *err)
{
    const uint8_t *start = window->at;
    const uint8_t *line_end, *behind;
    struct flow_json cursor;
    bool ended;
    int rc;

    if (take_shape(input, window, batch, record)) {
        return FLOW_OK;
    }
    line_end = find_line_end(input, window);
    ended = line_end < window->end;
    if ((size_t)(line_end - window->at) > FLOW_RECORD_BYTES_MAX && !input->in_array) {
        return over_limit(input, window, ANY_LINE, err);
    }
    if (decode(input, &cursor, window->at, line_end, batch, record)) {
        rc = accept(window, cursor.at, input->line_odd, err);
        if (rc == FLOW_OK && !input->line_odd && input->json.shapes.unknown) {
            flow_shapes_learn(&input->json, start, window->at, record);
        }
        return rc;
    }
    if (!ended && !window->last && !certain(input, window, &cursor)) {
        return (size_t)(window->end - window->at) > FLOW_RECORD_BYTES_MAX
                   ? over_limit(input, window, ANY_LINE, err)
                   : FLOW_AGAIN;
    }
    if (ended && cursor.status == FLOW_E_TRUNCATED) {
        if (line_end + 1 >= window->end && !window->last) {
            return FLOW_AGAIN;
        }
        if (may_span(window, line_end)) {
            return take_spanning(input, window, batch, err);
        }
    }
    behind = damage_end(input, window, line_end);
    return behind != NULL ? decode_failed(&cursor, window, behind, err) : FLOW_AGAIN;
}

/* A line that is no object: told, and passed over. */
static int
take_garbage(struct input *input, struct flow_window *window, struct flow_error *err)
{
    const uint8_t *line_end = find_line_end(input, window);
    struct flow_json cursor;

    if (line_end == window->end && !window->last) {
        if ((size_t)(window->end - window->at) > FLOW_RECORD_BYTES_MAX) {
            return over_limit(input, window, ANY_LINE, err);
        }
        return FLOW_AGAIN;
    }
    flow_json_init(&cursor, window->at, (size_t)(line_end - window->at), NULL);
    flow_json_fail(&cursor, "a JSON object");
    return decode_failed(&cursor, window, line_end, err);
}

static int
input_take(struct flow_decoder *decoder, struct flow_window *window, struct flow_batch *batch,
           struct flow_record *record, struct flow_error *err)
{
    struct input *input = (struct input *)decoder;
    const uint8_t *start;
    uint64_t line;
    int rc;

    if (input->skipping) {
        skip_rest(input, window);
        if (input->skipping) {
            return window->last ? FLOW_END : FLOW_AGAIN;
        }
    }
    skip_between(input, window);
    if (window->at == window->end) {
        return window->last ? FLOW_END : FLOW_AGAIN;
    }
    line = window->line;
    start = window->at;
    rc = *window->at == '{' ? take_record(input, window, batch, record, err)
                            : take_garbage(input, window, err);
    record->line = line;
    record->raw = (struct flow_str){ (const char *)start, (size_t)(window->at - start) };
    record->encoding = FLOW_ENCODING_HUBBLE_JSON;
    return rc;
}

const struct flow_decoder_ops flow_decoder_hubble_json = {
    .name = "hubble-json",
    .detect = input_detect,
    .open = input_open,
    .reset = input_reset,
    .take = input_take,
    .close = input_close,
};

const struct flow_decoder_ops flow_decoder_hubble_json_plain = {
    .name = "hubble-json",
    .detect = input_detect,
    .open = input_open_plain,
    .reset = input_reset,
    .take = input_take,
    .close = input_close,
};
