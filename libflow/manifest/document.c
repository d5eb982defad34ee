/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the documents of a file begin and end, which of them are JSON, and where to go on after a
 * bad one. A line of "---" or "..." at column 1 ends a document whatever it stands in (YAML allows
 * it in no scalar, JSON nowhere), so the file is cut there before anything is parsed: nothing in
 * one stretch can hide the next.
 */
#include <stdlib.h>

#include "base/str.h"
#include "base/utf8.h"
#include "manifest/internal.h"

struct flow_document_reader {
    const char *name;
    struct flow_str text;
    struct flow_document_options options;
    struct flow_cursor at;   /* where the next document is looked for */
    struct flow_cursor next; /* where the next stretch begins */
    size_t end;              /* of the stretch that at is in */
    size_t bad;              /* its first byte from at on that is no text; end if there is none */
    struct flow_build build;
};

static const struct flow_str BYTE_ORDER_MARK = { "\xef\xbb\xbf", 3 };

static void
skip_byte_order_mark(struct flow_cursor *cursor, struct flow_str text)
{
    if (flow_str_starts(flow_str_from(text, cursor->offset), BYTE_ORDER_MARK)) {
        cursor->offset += BYTE_ORDER_MARK.len;
        cursor->line_start = cursor->offset; /* nobody sees it, so it is not in column 1 */
    }
}

static void
skip_line(struct flow_cursor *cursor, struct flow_str text)
{
    const uint32_t line = cursor->line;

    while (cursor->offset < text.len && cursor->line == line) {
        flow_cursor_pass(cursor, text);
    }
}

/* Whether the byte there is one of these; false at the end. */
static bool
is_one_of(struct flow_str text, size_t at, const char *bytes)
{
    return at < text.len && text.ptr[at] != '\0' && strchr(bytes, text.ptr[at]) != NULL;
}

/* Whether these three bytes stand alone at the beginning of this line. */
static bool
is_marker(struct flow_str text, size_t line, const char *marker)
{
    const struct flow_str rest = flow_str_from(text, line);

    return flow_str_starts(rest, flow_str_of(marker)) &&
           (rest.len == 3 || is_one_of(rest, 3, " \t\r\n"));
}

/* Whether only blanks and a comment follow up to the end of the line. */
static bool
is_idle(struct flow_str text, size_t at)
{
    while (is_one_of(text, at, " \t")) {
        at++;
    }
    return at >= text.len || is_one_of(text, at, "#\r\n");
}

/*
 * Whether a stretch that begins with this line still waits for its "---" after it. Directives must
 * stay together with the "---" that ends them, comments may.
 */
static bool
is_prologue(struct flow_str text, size_t line)
{
    return text.ptr[line] == '%' || is_idle(text, line);
}

/* The first byte from here to the end that is not UTF-8, or is NUL; end when there is none. */
static size_t
find_bad_byte(struct flow_str text, size_t from, size_t end)
{
    const char *start = text.ptr + from;
    const size_t good = flow_utf8_valid_prefix((const uint8_t *)start, end - from);
    const char *nul = memchr(start, '\0', good);

    return nul != NULL ? (size_t)(nul - text.ptr) : from + good;
}

/* Finds where the stretch that begins at reader->next ends. */
static void
take_stretch(struct flow_document_reader *reader)
{
    const struct flow_str text = reader->text;
    struct flow_cursor cursor = reader->next;
    bool has_begun = false;

    skip_byte_order_mark(&cursor, text);
    reader->at = cursor;
    for (;;) {
        struct flow_cursor line = cursor;

        reader->end = cursor.offset;
        reader->next = cursor;
        if (cursor.offset >= text.len) {
            break;
        }
        skip_byte_order_mark(&line, text);
        if (is_marker(text, line.offset, "---")) {
            if (has_begun) {
                break;
            }
            has_begun = true;
        } else if (is_marker(text, cursor.offset, "...") && is_idle(text, cursor.offset + 3)) {
            skip_line(&reader->next, text);
            break;
        }
        has_begun = has_begun || !is_prologue(text, cursor.offset);
        skip_line(&cursor, text);
    }
    reader->bad = find_bad_byte(text, reader->at.offset, reader->end);
}

int
flow_document_reader_open(struct flow_document_reader **out, const char *name, struct flow_str text,
                          const struct flow_document_options *options, struct flow_error *err)
{
    struct flow_document_reader *reader;

    if (text.len > FLOW_MANIFEST_BYTES_MAX) {
        flow_fail(err, FLOW_E_LIMIT, "expected a manifest of at most %zu bytes, found %zu",
                  FLOW_MANIFEST_BYTES_MAX, text.len);
        flow_error_set_input(err, name);
        return FLOW_E_LIMIT;
    }
    reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return flow_fail_memory(err);
    }
    reader->name = name;
    reader->text = text.len > 0 ? text : FLOW_STR("");
    reader->at.line = 1;
    reader->next.line = 1;
    if (options != NULL) {
        reader->options = *options;
    }
    *out = reader;
    return FLOW_OK;
}

void
flow_document_reader_close(struct flow_document_reader *reader)
{
    if (reader != NULL) {
        flow_build_free(&reader->build);
        free(reader);
    }
}

static struct flow_str
stretch(const struct flow_document_reader *reader)
{
    return (struct flow_str){ reader->text.ptr, reader->end };
}

/* Where JSON would begin: behind white space and a "---". False when no bracket stands there. */
static bool
find_bracket(const struct flow_document_reader *reader, struct flow_cursor *bracket)
{
    const struct flow_str text = stretch(reader);

    *bracket = reader->at;
    flow_cursor_skip_white(bracket, text);
    if (bracket->offset == bracket->line_start && is_marker(text, bracket->offset, "---")) {
        bracket->offset += 3;
        flow_cursor_skip_white(bracket, text);
    }
    return is_one_of(text, bracket->offset, "{[");
}

/* Whether what begins with this bracket was surely meant as JSON. */
static bool
looks_like_json(struct flow_str text, struct flow_cursor bracket)
{
    const bool is_map = text.ptr[bracket.offset] == '{';

    bracket.offset++;
    flow_cursor_skip_white(&bracket, text);
    return is_one_of(text, bracket.offset, is_map ? "\"}" : "\"{[");
}

/* Reads one JSON value, behind which there must be nothing, or another. */
static int
read_json(struct flow_document_reader *reader, struct flow_cursor cursor, struct flow_error *err)
{
    const struct flow_str text = stretch(reader);
    const int rc = flow_manifest_read_json(&reader->build, text, &cursor, err);
    char found[FLOW_QUOTE_BYTES_MAX + 8];

    if (rc < 0) {
        return rc;
    }
    flow_cursor_skip_white(&cursor, text);
    if (cursor.offset < text.len && !is_one_of(text, cursor.offset, "{[")) {
        flow_fail(err, FLOW_E_PARSE, "expected the end of the document, found %s",
                  flow_manifest_found(text, cursor.offset, found, sizeof(found)));
        return flow_cursor_fail(&cursor, FLOW_E_PARSE, err);
    }
    reader->at = cursor;
    return FLOW_OK;
}

/* Reads all that is left of the stretch as YAML. */
static int
read_yaml(struct flow_document_reader *reader, struct flow_error *err)
{
    struct flow_cursor cursor = reader->at;
    int rc;

    if (reader->bad < cursor.offset) { /* it was in a broken JSON document before */
        reader->bad = find_bad_byte(reader->text, cursor.offset, reader->end);
    }
    if (reader->bad < reader->end) {
        const uint8_t byte = (uint8_t)reader->text.ptr[reader->bad];

        flow_cursor_move(&cursor, reader->text, reader->bad);
        if (byte == 0) {
            flow_fail(err, FLOW_E_PARSE, "expected text, found a NUL byte");
        } else {
            flow_fail(err, FLOW_E_PARSE, "expected UTF-8, found byte 0x%02x", byte);
        }
        return flow_cursor_fail(&cursor, FLOW_E_PARSE, err);
    }
    rc = flow_manifest_read_yaml(&reader->build, stretch(reader), &cursor, err);
    if (rc == FLOW_OK) {
        reader->at.offset = reader->end;
    }
    return rc;
}

/* Goes on after bad JSON: at the next line of the stretch that begins with '{'. */
static void
recover(struct flow_document_reader *reader, const struct flow_cursor *bracket,
        const struct flow_error *problem)
{
    const struct flow_str text = stretch(reader);
    struct flow_cursor cursor = { .offset = (size_t)problem->offset,
                                  .line_start = (size_t)problem->offset - (problem->column - 1),
                                  .line = problem->line };

    while (cursor.offset < text.len &&
           (cursor.offset <= bracket->offset || cursor.offset != cursor.line_start ||
            text.ptr[cursor.offset] != '{')) {
        flow_cursor_pass(&cursor, text);
    }
    reader->at = cursor;
}

/* Tries JSON where it may be, then YAML; of two errors, tells that of the format that was meant. */
static int
read_document(struct flow_document_reader *reader, struct flow_arena *arena, struct flow_error *err)
{
    struct flow_cursor bracket;
    struct flow_error json_err;
    bool is_json = false;
    int rc = FLOW_OK;

    if (find_bracket(reader, &bracket)) {
        flow_build_start(&reader->build, arena);
        rc = read_json(reader, bracket, err);
        if (rc == FLOW_OK) {
            return FLOW_OK;
        }
        is_json = rc == FLOW_E_LIMIT || looks_like_json(stretch(reader), bracket);
        json_err = *err;
    }
    if (rc != FLOW_E_MEMORY && rc != FLOW_E_LIMIT) { /* else YAML would end the same way */
        flow_build_start(&reader->build, arena);
        rc = read_yaml(reader, err);
    }
    if (rc == FLOW_OK) {
        return FLOW_OK;
    }
    reader->at.offset = reader->end;
    if (is_json && rc != FLOW_E_MEMORY) {
        *err = json_err;
        recover(reader, &bracket, err);
    }
    return err->status;
}

int
flow_document_reader_next(struct flow_document_reader *reader, struct flow_arena *arena,
                          const struct flow_node **root, struct flow_error *err)
{
    struct flow_node *found = NULL;
    struct flow_error problem;
    int rc = FLOW_OK;

    *root = NULL;
    while (rc == FLOW_OK && found == NULL) {
        if (reader->at.offset >= reader->end) {
            if (reader->next.offset >= reader->text.len) {
                return FLOW_END;
            }
            take_stretch(reader);
        }
        rc = read_document(reader, arena, &problem);
        found = flow_build_root(&reader->build);
    }
    if (rc < 0) {
        flow_error_set_input(&problem, reader->name);
        if (err != NULL) {
            *err = problem;
        }
        return rc;
    }
    flow_build_tell(&reader->build, reader->name, &reader->options);
    if (found->type != FLOW_NODE_NULL || found->text.len > 0) {
        *root = found;
    }
    return FLOW_OK;
}
