/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the text of a manifest becomes: trees, places, errors and notes. A reading is written down
 * as one line, so that a table can hold what goes in and what comes out: documents stand between
 * bars, quoted scalars in quotes, null is ~, an empty document is -, an error is !line:column.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "manifest/internal.h"
#include "manifest/node.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

/* All that reading one text gave. */
struct reading {
    struct flow_arena arena; /* not reset between documents */
    struct flow_buf line;
    const struct flow_node *root; /* of the last good document */
    struct flow_error err;        /* of the last bad one */
    struct flow_buf notes;        /* "line:column: message" and a newline for each */
    size_t count;
};

static void
write_node(struct flow_buf *out, const struct flow_node *node)
{
    switch (node->type) {
    case FLOW_NODE_NULL:
        flow_buf_add_char(out, '~');
        break;
    case FLOW_NODE_SCALAR:
        flow_buf_add_text(out, node->quoted ? "\"" : "");
        flow_buf_add_str(out, node->text);
        flow_buf_add_text(out, node->quoted ? "\"" : "");
        assert_int_equal(node->text.ptr[node->text.len], '\0');
        break;
    case FLOW_NODE_LIST:
        for (size_t i = 0; i < node->count; i++) {
            flow_buf_add_text(out, i == 0 ? "[" : ", ");
            write_node(out, node->items[i]);
        }
        flow_buf_add_text(out, node->count == 0 ? "[]" : "]");
        break;
    default:
        for (size_t i = 0; i < node->count; i++) {
            flow_buf_add_text(out, i == 0 ? "{" : ", ");
            assert_int_equal(node->pairs[i].key->type, FLOW_NODE_SCALAR);
            write_node(out, node->pairs[i].key);
            flow_buf_add_text(out, ": ");
            write_node(out, node->pairs[i].value);
        }
        flow_buf_add_text(out, node->count == 0 ? "{}" : "}");
        break;
    }
}

static void
keep_note(void *context, const struct flow_error *note)
{
    struct reading *reading = context;

    assert_string_equal(note->input, "test.yaml");
    assert_int_equal(note->status, FLOW_E_INVALID);
    flow_buf_add_format(&reading->notes, "%u:%u: %s\n", note->line, note->column, note->message);
}

/* Reads a copy of the text that ends where its memory ends. write: fill reading->line. */
static void
read_text(struct reading *reading, struct flow_str text, bool write)
{
    const struct flow_document_options options = { keep_note, reading };
    struct flow_document_reader *reader;
    const struct flow_node *root;
    char *copy = malloc(text.len > 0 ? text.len : 1);
    struct flow_error err;
    int rc;

    memset(reading, 0, sizeof(*reading));
    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    assert_int_equal(flow_document_reader_open(&reader, "test.yaml",
                                               (struct flow_str){ copy, text.len }, &options, &err),
                     FLOW_OK);
    while ((rc = flow_document_reader_next(reader, &reading->arena, &root, &err)) != FLOW_END) {
        flow_buf_add_text(&reading->line, reading->count++ == 0 ? "" : " | ");
        if (rc < 0) {
            assert_int_equal(err.status, rc);
            assert_null(root);
            assert_string_equal(err.input, "test.yaml");
            flow_buf_add_format(&reading->line, "!%u:%u", err.line, err.column);
            reading->err = err;
        } else if (root == NULL) {
            flow_buf_add_char(&reading->line, '-');
        } else {
            reading->root = root;
            if (write) {
                write_node(&reading->line, root);
            }
        }
    }
    assert_int_equal(flow_document_reader_next(reader, &reading->arena, &root, &err), FLOW_END);
    assert_null(root);
    flow_document_reader_close(reader);
    free(copy);
    flow_buf_add(&reading->line, "", 1); /* the NUL, also when nothing was written */
    flow_buf_add(&reading->notes, "", 1);
}

static void
forget(struct reading *reading)
{
    flow_arena_free(&reading->arena);
    flow_buf_free(&reading->line);
    flow_buf_free(&reading->notes);
}

struct sample {
    struct flow_str text;
    const char *line;
};

static void
check_samples(const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct reading reading;

        read_text(&reading, samples[i].text, true);
        assert_string_equal(reading.line.ptr, samples[i].line);
        assert_string_equal(reading.notes.ptr, "");
        forget(&reading);
    }
}

static void
yaml_becomes_trees_of_raw_text(void **state)
{
    static const struct sample samples[] = {
        { TEXT("a: 1\nb:\n  - x\n  - 'y'\n"), "{a: 1, b: [x, \"y\"]}" },
        { TEXT("a: on\nb: 0o10\nc: 1_000\nd: true"), "{a: on, b: 0o10, c: 1_000, d: true}" },
        { TEXT("a:\nb: ~\nc: null\nd: Null\ne: NULL\n"), "{a: ~, b: ~, c: ~, d: ~, e: ~}" },
        { TEXT("a: ''\nb: \"~\"\nc: 'null'\nd: nUll\n"),
          "{a: \"\", b: \"~\", c: \"null\", d: nUll}" },
        { TEXT("a: |\n  x\n  y\nb: >-\n  x\n  y\n"), "{a: \"x\ny\n\", b: \"x y\"}" },
        { TEXT("a: !!str 5\nb: !!int 5\nc: !thing 5\nd: !!str\n"),
          "{a: \"5\", b: 5, c: 5, d: \"\"}" },
        { TEXT("{a: b, c: [1, 2,],}"), "{a: b, c: [1, 2]}" },
        { TEXT("a: [{b: c}, d: e]"), "{a: [{b: c}, {d: e}]}" },
        { TEXT("~: 1\n? \n: 2\n"), "{~: 1, : 2}" },
        { TEXT("a: {}\nb: []\n"), "{a: {}, b: []}" },
        { TEXT("\"\\u00e9\\x41\\n\": \"\\/\""), "{\"\u00e9A\n\": \"/\"}" },
        { TEXT("- a\n- - b\n  - c\n"), "[a, [b, c]]" },
        { TEXT("only text"), "only text" },
        { TEXT("a: 1\r\nb: |\r\n  x\r\n"), "{a: 1, b: \"x\n\"}" },
        { TEXT("a: 1\rb: 2\r"), "{a: 1, b: 2}" },
    };

    (void)state;
    check_samples(samples, COUNT(samples));
}

static void
json_becomes_trees_of_raw_text(void **state)
{
    static const struct sample samples[] = {
        { TEXT("{\"a\": 1, \"b\": [true, false, null, \"null\"]}"),
          "{\"a\": 1, \"b\": [true, false, ~, \"null\"]}" },
        { TEXT("\t{\t\"a\"\t:\n\t[\t]\r\n}\t"), "{\"a\": []}" },
        { TEXT("{}"), "{}" },
        { TEXT("[0, -0, -1.50, 1e5, 2E+07, 3.0e-1, 12345678901234567890]"),
          "[0, -0, -1.50, 1e5, 2E+07, 3.0e-1, 12345678901234567890]" },
        { TEXT("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\"]"),
          "[\"\"\\/\b\f\n\r\tA\u00e9\u20ac\"]" },
        { TEXT("[\"x\\ud83d\\uDE00y\"]"), "[\"x\U0001f600y\"]" },
        { TEXT("[\"\u00e9\U0001f600\"]"), "[\"\u00e9\U0001f600\"]" },
        { TEXT("{\"<<\": {\"a\": 1}}"), "{\"<<\": {\"a\": 1}}" },
        { TEXT("\xef\xbb\xbf{\"a\": 1}"), "{\"a\": 1}" },
        { TEXT("--- {\"a\":\n\t1}\n---\n\t[]"), "{\"a\": 1} | []" },
    };

    (void)state;
    check_samples(samples, COUNT(samples));
}

static void
documents_end_where_the_next_begins(void **state)
{
    static const struct sample samples[] = {
        { TEXT(""), "" },
        { TEXT("\xef\xbb\xbf"), "" },
        { TEXT("\n \n# only a comment"), "" },
        { TEXT("---"), "-" },
        { TEXT("---\n---\n"), "- | -" },
        { TEXT("--- # empty\n# so\n...\n"), "-" },
        { TEXT("---\nnull\n--- ~\n--- ''\n"), "~ | ~ | \"\"" },
        { TEXT("# first\n---\na: 1\n---\n\n# none\n---\nb: 2"), "{a: 1} | - | {b: 2}" },
        { TEXT("\n\n---\na: 1\n...\n...\nb: 2\n... # end\n---\nc: 3\n"),
          "{a: 1} | {b: 2} | {c: 3}" },
        { TEXT("a: 1\r\n---\r\nb: 2\r\n...\r\n"), "{a: 1} | {b: 2}" },
        { TEXT("a: 1\r---\rb: 2\r"), "{a: 1} | {b: 2}" },
        { TEXT("---a\n"), "---a" },
        { TEXT("a: |\n  ---\n  b\n---\nc"), "{a: \"---\nb\n\"} | c" },
        { TEXT("a: b\n ---\n"), "{a: b ---}" },
        { TEXT("\xef\xbb\xbf---\na: 1\n\xef\xbb\xbf---\nb: 2\n"), "{a: 1} | {b: 2}" },
        { TEXT("%YAML 1.1\n# so\n\n---\na: 1\n...\n%TAG !x! tag:x:\n---\n!x!y b\n"), "{a: 1} | b" },
        { TEXT("{\"a\":1}{\"b\":2}\n\n[3] {c: 4}\n---\n{\"d\":5}\n{\"e\":6}"),
          "{\"a\": 1} | {\"b\": 2} | [3] | {c: 4} | {\"d\": 5} | {\"e\": 6}" },
        { TEXT("{\"a\":1}\n...\n{\"b\":2}\n..."), "{\"a\": 1} | {\"b\": 2}" },
    };

    (void)state;
    check_samples(samples, COUNT(samples));
}

static void
what_only_begins_like_json_is_yaml(void **state)
{
    static const struct sample samples[] = {
        { TEXT("{a: b}"), "{a: b}" },
        { TEXT("{\"a\": 1, \"b\": [1, 2,],} # json5"), "{\"a\": 1, \"b\": [1, 2]}" },
        { TEXT("{\"a\": 1}\n# the end\n"), "{\"a\": 1}" },
        { TEXT("[a, 'b', 01, .5]"), "[a, \"b\", 01, .5]" },
        { TEXT("{\"a\": yes}"), "{\"a\": yes}" },
        { TEXT("[]: x"), "!1:1" },
    };

    (void)state;
    check_samples(samples, COUNT(samples));
}

static void
one_bad_document_does_not_hide_the_others(void **state)
{
    static const struct sample samples[] = {
        { TEXT("a: 1\n---\nb: [\n---\nc: 3\n"), "{a: 1} | !4:1 | {c: 3}" },
        { TEXT("a: b: c\n---\nd: 4\n"), "!1:5 | {d: 4}" },
        { TEXT("a: \"open\n---\nb: 2\n...\nc: 'x\n"), "!1:4 | {b: 2} | !5:4" },
        { TEXT("a: \xff\n---\nb: 2\n"), "!1:4 | {b: 2}" },
        { TEXT("a: 1\n---\nb: \x01\n---\nc: 3\n"), "{a: 1} | !3:4 | {c: 3}" },
        { TEXT("a: x\0y\n---\nb: 2\n"), "!1:5 | {b: 2}" },
        { TEXT("a: 1\n...\0\n---\nb: 2\n"), "!2:4 | {b: 2}" },
        { TEXT("a: |\n  x\n- y\n---\nb: 2\n"), "!3:1 | {b: 2}" },
        { TEXT("{\"a\": 1 \"b\": 2}\n{\"c\": 3}\n"), "!1:9 | {\"c\": 3}" },
        { TEXT("{\"a\": 1,\n{\"b\": 2}\n{\"c\": 3}\n"), "!2:1 | {\"b\": 2} | {\"c\": 3}" },
        { TEXT("{\"a\": \"x\n{\"b\": 2}\n---\nc: 3\n"), "!1:9 | {\"b\": 2} | {c: 3}" },
        { TEXT("{\"a\":1} x\n  {\"b\": 2}\n---\nc: 3\n"), "!1:9 | {c: 3}" },
        { TEXT("{\"a\":\xff}\n{\"b\": 2}\n{\"c\": \"\xff\"}\n{d: 4}"),
          "!1:6 | {\"b\": 2} | !3:8 | {d: 4}" },
        { TEXT("{{ x }}\n{\"a\": 1}\n---\nb: 2\n"), "!1:2 | {b: 2}" },
        { TEXT("{\"a\": [1,\n  2"), "!2:4" },
        { TEXT("- {\n---\n- }\n---\n- c"), "!2:1 | !3:3 | [c]" },
        { TEXT("a: 1\n%YAML 1.1\n---\nb: 2\n"), "!3:1 | {b: 2}" },
        { TEXT("a: 1\n\xe2\x80\xa8---\nb: 2\n---\nc: 3\n"), "!2:4 | {c: 3}" },
    };

    (void)state;
    check_samples(samples, COUNT(samples));
}

struct bad {
    const char *text;
    int status;
    uint32_t line, column;
    uint64_t offset;
    const char *message;
};

static void
check_bad(const struct bad *bad, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct reading reading;

        read_text(&reading, flow_str_of(bad[i].text), true);
        assert_int_equal(reading.count, 1);
        assert_string_equal(reading.err.message, bad[i].message);
        assert_int_equal(reading.err.status, bad[i].status);
        assert_int_equal(reading.err.line, bad[i].line);
        assert_int_equal(reading.err.column, bad[i].column);
        assert_int_equal(reading.err.offset, bad[i].offset);
        forget(&reading);
    }
}

static void
bad_yaml_is_explained_at_its_place(void **state)
{
    static const struct bad bad[] = {
        { "a:\n\tb: 1\n", FLOW_E_PARSE, 2, 1, 3, "expected spaces for indentation, found a tab" },
        { "a: 1\n\tb: 2\n", FLOW_E_PARSE, 2, 1, 5, "expected spaces for indentation, found a tab" },
        { "a: |\n  x\n\ty\n", FLOW_E_PARSE, 3, 1, 9,
          "expected spaces for indentation, found a tab" },
        { "a:\n  b: 1\n c: 2\n", FLOW_E_PARSE, 3, 2, 11,
          "expected a key in column 1 as on line 1, found \"c\"" },
        { "- a\n- b\nc: d\n", FLOW_E_PARSE, 3, 1, 8,
          "expected '-' in column 1 as on line 1, found \"c\"" },
        { "a: 1\nword\nb: 2\n", FLOW_E_PARSE, 2, 1, 5,
          "expected ':' behind the key, found none on its line" },
        { "a: b: c\n", FLOW_E_PARSE, 1, 5, 4,
          "expected a value, found ':' where no key can stand" },
        { "a: - b\n", FLOW_E_PARSE, 1, 4, 3,
          "expected a value, found '-' where no list can begin" },
        { "a: @x\n", FLOW_E_PARSE, 1, 4, 3,
          "expected a value, in quotes if it begins so, found '@'" },
        { "a: \"x\nb: y\n", FLOW_E_PARSE, 1, 4, 3,
          "expected a closing quote, found none in the document" },
        { "a: \"\\q\"\n", FLOW_E_PARSE, 1, 5, 4,
          "expected a known escape in double quotes, found \"\\q\"" },
        { "a: [b\nc: d\n", FLOW_E_PARSE, 2, 2, 7, "expected ',' or ']', found ':'" },
        { "a: [b", FLOW_E_PARSE, 1, 6, 5, "expected ',' or ']', found the end of the document" },
        { "a: ]\n", FLOW_E_PARSE, 1, 4, 3, "expected a value, found ']'" },
        { "a: !x!y z\n", FLOW_E_PARSE, 1, 4, 3,
          "expected YAML, found undefined tag handle while parsing a node" },
        { "\u00e9: \x01\n", FLOW_E_PARSE, 1, 5, 4,
          "expected text, found the control character U+0001" },
        { "\u00e9: \u00fc\n\u00f6: \xc3", FLOW_E_PARSE, 2, 5, 11,
          "expected UTF-8, found byte 0xc3" },
        { "\u00e9: *x\n", FLOW_E_PARSE, 1, 5, 4,
          "expected an anchor \"x\" before its alias, found none" },
        { "\u00e9: &x [*x]\n", FLOW_E_PARSE, 1, 9, 8,
          "expected anchor \"x\" to end before its alias, found the alias inside of it" },
        { "a: &x\n  b: {c: *x}\n", FLOW_E_PARSE, 2, 10, 15,
          "expected anchor \"x\" to end before its alias, found the alias inside of it" },
        { "[a] b\n", FLOW_E_PARSE, 1, 5, 4, "expected \"---\" before anything else, found \"b\"" },
        { "%YAML 1.1\n", FLOW_E_PARSE, 2, 1, 10,
          "expected \"---\" before anything else, found the end of the document" },
        { "? [a]\n: b\n", FLOW_E_PARSE, 1, 3, 2, "expected text as key, found a list" },
        { "a: &x {}\n*x : b\n", FLOW_E_PARSE, 2, 1, 9, "expected text as key, found a map" },
        { "a: 1\n<<: b\n", FLOW_E_PARSE, 2, 5, 9,
          "expected a map or a list of maps behind \"<<\", found text" },
        { "<<:\n- {a: 1}\n- ~\n", FLOW_E_PARSE, 3, 3, 15,
          "expected a list of maps behind \"<<\", found null" },
        { "a: 1\n{{ .x }}: b\n", FLOW_E_PARSE, 2, 1, 5,
          "expected YAML, found a template (\"{{\") not rendered yet" },
        { "{{- if .x }}\na: 1\n{{- end }}\n", FLOW_E_PARSE, 1, 2, 1,
          "expected YAML, found a template (\"{{\") not rendered yet" },
    };

    (void)state;
    check_bad(bad, COUNT(bad));
}

static void
bad_json_is_explained_at_its_place(void **state)
{
    static const struct bad bad[] = {
        { "{\"a\": 1", FLOW_E_TRUNCATED, 1, 8, 7,
          "expected ',' or '}', found the end of the document" },
        { "{\"a\": \"x", FLOW_E_TRUNCATED, 1, 9, 8,
          "expected the closing quote, found the end of the document" },
        { "{\"a\"", FLOW_E_TRUNCATED, 1, 5, 4,
          "expected ':' behind the key, found the end of the document" },
        { "{\"a\": tr", FLOW_E_TRUNCATED, 1, 9, 8,
          "expected a value, found the end of the document" },
        { "{\"a\": -", FLOW_E_TRUNCATED, 1, 8, 7,
          "expected a digit, found the end of the document" },
        { "{\"a\":\n  1 \"b\": 2}", FLOW_E_PARSE, 2, 5, 10, "expected ',' or '}', found '\"'" },
        { "[\"a\"\r\n \"b\"]", FLOW_E_PARSE, 2, 2, 7, "expected ',' or ']', found '\"'" },
        { "{\"a\": 1, {}}", FLOW_E_PARSE, 1, 10, 9, "expected a key in double quotes, found '{'" },
        { "{\"a\" = 1} x", FLOW_E_PARSE, 1, 6, 5, "expected ':' behind the key, found '='" },
        { "[\"a\", ?x] y", FLOW_E_PARSE, 1, 7, 6, "expected a value, found '?'" },
        { "[\"a\", word] y", FLOW_E_PARSE, 1, 7, 6, "expected a value, found \"word\"" },
        { "[\"\\q\"]", FLOW_E_PARSE, 1, 4, 3,
          "expected a known escape behind the backslash, found \"q\"" },
        { "[\"\\u12g4\"]", FLOW_E_PARSE, 1, 7, 6,
          "expected four hexadecimal digits behind \"\\u\", found \"g4\"" },
        { "[\"\\ud83d\"]", FLOW_E_PARSE, 1, 9, 8,
          "expected the second half of a surrogate pair, found '\"'" },
        { "[\"\\ud83d\\ud83d\"]", FLOW_E_PARSE, 1, 9, 8,
          "expected the second half of a surrogate pair, found \"\\ud83d\"" },
        { "[\"\\ude00\"]", FLOW_E_PARSE, 1, 3, 2,
          "expected the first half of a surrogate pair before the second, found \"\\ude00\"" },
        { "[\"\u00e9\xff\"]", FLOW_E_PARSE, 1, 5, 4, "expected UTF-8, found byte 0xff" },
        { "[\"a\x01\"]", FLOW_E_PARSE, 1, 4, 3,
          "expected an escape like \"\\t\", found \"\\x01\"" },
        { "[[1], 2.x] y", FLOW_E_PARSE, 1, 9, 8, "expected a digit, found \"x\"" },
        { "{\"a\": 1} \"b\"", FLOW_E_PARSE, 1, 10, 9,
          "expected the end of the document, found '\"'" },
    };

    (void)state;
    check_bad(bad, COUNT(bad));
}

static void
every_node_knows_its_line_and_byte_column(void **state)
{
    static const struct {
        struct flow_str text;
        uint32_t map[2], key[2], list[2], last[2];
    } samples[] = {
        { TEXT("# x\n\u00e9: [\u00fc,  y]\n"), { 2, 1 }, { 2, 1 }, { 2, 5 }, { 2, 11 } },
        { TEXT("\xef\xbb\xbfk: [x,\r\n  y]"), { 1, 1 }, { 1, 1 }, { 1, 4 }, { 2, 3 } },
        { TEXT("\nk:\n  - \"\u2028\"\n  - 'y'\n"), { 2, 1 }, { 2, 1 }, { 3, 3 }, { 4, 5 } },
        { TEXT("{\n\t\"k\": [1,\r\n\"\u00fc\"] }"), { 1, 1 }, { 2, 2 }, { 2, 7 }, { 3, 1 } },
        { TEXT("[]{\"k\":[2]}"), { 1, 3 }, { 1, 4 }, { 1, 8 }, { 1, 9 } },
        { TEXT("[]{k: [2]}"), { 1, 3 }, { 1, 4 }, { 1, 7 }, { 1, 8 } },
        { TEXT("k: 1\n---\n\n&a k: &b\n- *a\n- &c c"), { 4, 1 }, { 4, 1 }, { 4, 7 }, { 6, 3 } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        struct reading reading;
        const struct flow_node *map, *list;

        read_text(&reading, samples[i].text, true);
        map = reading.root;
        assert_int_equal(map->line, samples[i].map[0]);
        assert_int_equal(map->column, samples[i].map[1]);
        assert_int_equal(map->pairs[0].key->line, samples[i].key[0]);
        assert_int_equal(map->pairs[0].key->column, samples[i].key[1]);
        list = map->pairs[0].value;
        assert_int_equal(list->line, samples[i].list[0]);
        assert_int_equal(list->column, samples[i].list[1]);
        assert_int_equal(list->items[list->count - 1]->line, samples[i].last[0]);
        assert_int_equal(list->items[list->count - 1]->column, samples[i].last[1]);
        forget(&reading);
    }
}

static void
an_alias_is_the_node_of_its_anchor(void **state)
{
    struct reading reading;
    const struct flow_node *root;

    (void)state;
    read_text(&reading, flow_str_of("a: &x {k: &y v}\nb: *x\nc: [*y, *x]\n"), true);
    assert_string_equal(reading.line.ptr, "{a: {k: v}, b: {k: v}, c: [v, {k: v}]}");
    root = reading.root;
    assert_ptr_equal(flow_node_get(root, "a"), flow_node_get(root, "b"));
    assert_ptr_equal(flow_node_get(root, "c")->items[1], flow_node_get(root, "a"));
    assert_ptr_equal(flow_node_get(root, "c")->items[0],
                     flow_node_get(flow_node_get(root, "a"), "k"));
    forget(&reading);
}

static void
anchors_may_be_named_again_and_end_with_their_document(void **state)
{
    static const struct sample samples[] = {
        { TEXT("- &x 1\n- *x\n- &x 2\n- *x\n"), "[1, 1, 2, 2]" },
        { TEXT("- &x [&x 1, *x]\n- *x\n"), "[[1, 1], 1]" },
        { TEXT("a: &k b\n*k : c\n"), "{a: b, b: c}" },
        { TEXT("a: &k\n*k : c\n"), "{a: ~, : c}" },
        { TEXT("&x a: 1\n---\nb: *x\n"), "{a: 1} | !3:4" },
    };

    (void)state;
    check_samples(samples, COUNT(samples));
}

static void
merge_keys_give_way_to_keys_of_the_map_itself(void **state)
{
    static const struct sample samples[] = {
        { TEXT("- &x {a: 1, b: 2}\n- <<: *x\n  b: 3\n  c: 4\n"),
          "[{a: 1, b: 2}, {b: 3, c: 4, a: 1}]" },
        { TEXT("- &x {a: 1}\n- &y {a: 2, b: 2}\n- {c: 3, <<: [*x, *y]}\n"),
          "[{a: 1}, {a: 2, b: 2}, {c: 3, a: 1, b: 2}]" },
        { TEXT("- &x {a: 1}\n- &y {a: 2}\n- {<<: *x, <<: *y}\n"), "[{a: 1}, {a: 2}, {a: 2}]" },
        { TEXT("- &x {a: 1}\n- &y {<<: *x, b: 2}\n- {<<: *y}\n"),
          "[{a: 1}, {b: 2, a: 1}, {b: 2, a: 1}]" },
        { TEXT("{<<: {a: 1}, \"<<\": 2}"), "{\"<<\": 2, a: 1}" },
        { TEXT("{<<: []}"), "{}" },
        { TEXT("{<<: {}, a: 1}"), "{a: 1}" },
    };

    (void)state;
    check_samples(samples, COUNT(samples));
}

static void
the_last_of_equal_keys_counts_and_the_caller_is_told(void **state)
{
    static const struct {
        const char *text, *line, *notes;
    } samples[] = {
        { "ingress: 1\na: 2\ningress: 3\n", "{a: 2, ingress: 3}",
          "3:1: duplicate key \"ingress\", the last one counts (first at line 1)\n" },
        { "{\"a\": 1,\n\"a\": 2, \"b\": 0,\n\"a\": 3}", "{\"b\": 0, \"a\": 3}",
          "2:1: duplicate key \"a\", the last one counts (first at line 1)\n"
          "3:1: duplicate key \"a\", the last one counts (first at line 1)\n" },
        { "a: {x: 1, x: 2}\n'a': 3\n", "{\"a\": 3}",
          "1:11: duplicate key \"x\", the last one counts (first at line 1)\n"
          "2:1: duplicate key \"a\", the last one counts (first at line 1)\n" },
        { "{\"a\": 1, \"a\": 2,}", "{\"a\": 2}", /* told once, though read as JSON before */
          "1:10: duplicate key \"a\", the last one counts (first at line 1)\n" },
        { "{a: 1, a: 2}: [", "!1:1", "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        struct reading reading;

        read_text(&reading, flow_str_of(samples[i].text), true);
        assert_string_equal(reading.line.ptr, samples[i].line);
        assert_string_equal(reading.notes.ptr, samples[i].notes);
        forget(&reading);
    }
}

static void
equal_keys_are_found_in_maps_of_any_size(void **state)
{
    static const size_t sizes[] = { 2, 31, 32, 33, 34, 1000, 100000 };

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        const clock_t start = clock();
        struct flow_buf text = { 0 };
        struct reading reading;
        char notes[128];

        for (size_t k = 1; k < sizes[i]; k++) {
            flow_buf_add_format(&text, "k%zu: %zu\n", k, k);
        }
        flow_buf_add_text(&text, "k1: last\n");
        read_text(&reading, flow_buf_str(&text), false);
        assert_int_equal(reading.root->count, sizes[i] - 1);
        assert_true(flow_str_is(flow_node_get(reading.root, "k1")->text, "last"));
        snprintf(notes, sizeof(notes),
                 "%zu:1: duplicate key \"k1\", the last one counts (first at line 1)\n", sizes[i]);
        assert_string_equal(reading.notes.ptr, notes);
        assert_true((clock() - start) / CLOCKS_PER_SEC < 10);
        forget(&reading);
        flow_buf_free(&text);
    }
}

static void
repeat(struct flow_buf *text, const char *part, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        flow_buf_add_text(text, part);
    }
}

static void
lists_and_maps_go_as_deep_as_the_limit(void **state)
{
    static const struct {
        const char *open, *middle, *close;
        uint32_t step; /* bytes on the line for each level */
    } kinds[] = {
        { "[", "\"x\"", "]", 1 }, { "{\"a\":", "\"x\"", "}", 5 }, { "[", "x y", "]", 1 },
        { "{a: ", "x", "}", 4 },  { "- ", "x", "", 2 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(kinds) * 2; i++) {
        const size_t depth = FLOW_MANIFEST_DEPTH_MAX + i % 2;
        struct flow_buf text = { 0 };
        struct reading reading;

        repeat(&text, kinds[i / 2].open, depth);
        flow_buf_add_text(&text, kinds[i / 2].middle);
        repeat(&text, kinds[i / 2].close, depth);
        read_text(&reading, flow_buf_str(&text), true);
        assert_int_equal(reading.count, 1);
        assert_int_equal(reading.err.status, i % 2 == 0 ? FLOW_OK : FLOW_E_LIMIT);
        if (i % 2 == 1) {
            assert_string_equal(reading.err.message, "expected at most 128 lists and maps inside "
                                                     "each other, found more");
            assert_int_equal(reading.err.column, FLOW_MANIFEST_DEPTH_MAX * kinds[i / 2].step + 1);
        }
        forget(&reading);
        flow_buf_free(&text);
    }
}

static void
aliases_cannot_go_deeper_than_the_limit(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct flow_buf text = { 0 };
        struct reading reading;

        flow_buf_add_text(&text, "- &a ");
        repeat(&text, "[", 60);
        repeat(&text, "]", 60);
        flow_buf_add_text(&text, "\n- ");
        repeat(&text, "[", FLOW_MANIFEST_DEPTH_MAX - 61 + over);
        flow_buf_add_text(&text, "*a");
        repeat(&text, "]", FLOW_MANIFEST_DEPTH_MAX - 61 + over);
        read_text(&reading, flow_buf_str(&text), true);
        assert_int_equal(reading.err.status, over ? FLOW_E_LIMIT : FLOW_OK);
        assert_int_equal(reading.err.line, over ? 2 : 0);
        forget(&reading);
        flow_buf_free(&text);
    }
}

static void
a_bomb_of_aliases_is_refused_in_little_memory(void **state)
{
    struct flow_buf text = { 0 };
    struct reading reading;

    (void)state;
    flow_buf_add_text(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 100; i++) {
        flow_buf_add_format(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++) {
            flow_buf_add_format(&text, "%s*a%d", k > 0 ? ", " : "", i - 1);
        }
        flow_buf_add_text(&text, "]\n");
    }
    read_text(&reading, flow_buf_str(&text), true);
    assert_int_equal(reading.err.status, FLOW_E_LIMIT);
    assert_string_equal(reading.err.message,
                        "expected at most 1000000 nodes from aliases, found more");
    assert_int_equal(reading.err.line, 6);
    assert_true(reading.arena.total < 1 << 20);
    forget(&reading);
    flow_buf_free(&text);
}

static void
nodes_of_aliases_are_counted_up_to_the_limit(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct flow_buf text = { 0 };
        struct reading reading;

        /* 1000 * 100 nodes inside of b, 100001 * 8 and 99 * 1000 and 992: a million */
        flow_buf_add_text(&text, "- &a [x");
        repeat(&text, ",x", 998);
        flow_buf_add_text(&text, "]\n- &b [*a");
        repeat(&text, ", *a", 99);
        flow_buf_add_text(&text, "]\n- &c [x]\n");
        repeat(&text, "- *b\n", 8);
        repeat(&text, "- *a\n", 99);
        repeat(&text, "- *c\n", 496 + over);
        flow_buf_add_text(&text, "- x\n");
        read_text(&reading, flow_buf_str(&text), false);
        assert_int_equal(reading.err.status, over ? FLOW_E_LIMIT : FLOW_OK);
        assert_int_equal(reading.err.line, over ? 3 + 8 + 99 + 497 : 0);
        forget(&reading);
        flow_buf_free(&text);
    }
}

static void
nodes_are_counted_up_to_the_limit(void **state)
{
    struct flow_build *build = calloc(1, sizeof(*build));
    const struct flow_cursor at = { .line = 7 };
    struct flow_arena arena = { 0 };
    struct flow_error err = { 0 };

    (void)state;
    assert_non_null(build);
    flow_build_start(build, &arena);
    build->nodes = FLOW_MANIFEST_NODES_MAX - 1;
    assert_int_equal(flow_build_scalar(build, FLOW_STR("x"), false, &at, &err), FLOW_OK);
    assert_int_equal(flow_build_scalar(build, FLOW_STR("x"), false, &at, &err), FLOW_E_LIMIT);
    assert_string_equal(err.message, "expected at most 20000000 nodes, found more");
    assert_int_equal(err.line, 7);
    flow_build_free(build);
    flow_arena_free(&arena);
    free(build);
}

static void
a_text_above_the_limit_is_not_opened(void **state)
{
    const char byte = 'x'; /* open must not look at the text */
    struct flow_document_reader *reader;
    struct flow_error err;

    (void)state;
    assert_int_equal(flow_document_reader_open(
                         &reader, "big.yaml",
                         (struct flow_str){ &byte, FLOW_MANIFEST_BYTES_MAX + 1 }, NULL, &err),
                     FLOW_E_LIMIT);
    assert_string_equal(err.input, "big.yaml");
    assert_int_equal(flow_document_reader_open(&reader, "big.yaml",
                                               (struct flow_str){ &byte, FLOW_MANIFEST_BYTES_MAX },
                                               NULL, &err),
                     FLOW_OK);
    flow_document_reader_close(reader);
    flow_document_reader_close(NULL);
}

static void
escaped_nul_stays_inside_the_text(void **state)
{
    static const char *const texts[] = { "[\"a\\u0000b\"]", "- \"a\\0b\"\n" };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct reading reading;

        read_text(&reading, flow_str_of(texts[i]), false);
        assert_int_equal(reading.root->items[0]->text.len, 3);
        assert_memory_equal(reading.root->items[0]->text.ptr, "a\0b", 4);
        forget(&reading);
    }
}

static void
text_cut_at_any_byte_gives_documents_or_errors_with_a_place(void **state)
{
    static const char *const texts[] = {
        "%YAML 1.1\n---\n# c\na: &x {b: \"\\u00e9\", c: 'd'}\nm:\n  <<: [*x]\n  t: |-\n    y\n"
        "---\r\n- !!str 1\r\n- [~, \u00e9]\r\n...\n? k\n: v\n",
        "{\"a\": [1.5e+3, true, null, \"\\ud83d\\ude00 \\n \u00e9\"],\n \"b\": {}}\n{\"c\": -0}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (size_t len = 0; len <= strlen(texts[i]); len++) {
            struct reading reading;

            read_text(&reading, (struct flow_str){ texts[i], len }, true);
            assert_true(
                reading.err.status == 0 ||
                (reading.err.line > 0 && reading.err.column > 0 && reading.err.offset <= len));
            assert_true(len < strlen(texts[i]) || reading.err.status == 0);
            forget(&reading);
        }
    }
}

static void
many_broken_lines_take_time_in_proportion(void **state)
{
    static const char *const lines[] = {
        "{\"a\": 1 \"b\"}\n", "{\"a\": [\n",   "{\"a\": \"\n",  "{'\n",  "{\"a\": 1} #\n",
        "{\"a\": \xff}\n",    "---\n{\"a\"\n", "{\"a\": 1},\n", "[\"\n", "{\n",
        "--- \"\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        const clock_t start = clock();
        struct flow_buf text = { 0 };
        struct reading reading;

        repeat(&text, lines[i], 20000);
        read_text(&reading, flow_buf_str(&text), false);
        assert_true(reading.count > 0);
        assert_true((clock() - start) / CLOCKS_PER_SEC < 20);
        forget(&reading);
        flow_buf_free(&text);
    }
}

static void
errors_and_notes_need_no_listener(void **state)
{
    const struct flow_str text = FLOW_STR("a: 1\na: 2\n---\n[\"\n---\nb: \"\n");
    struct flow_document_reader *reader;
    struct flow_arena arena = { 0 };
    const struct flow_node *root;

    (void)state;
    assert_int_equal(flow_document_reader_open(&reader, "x", text, NULL, NULL), FLOW_OK);
    assert_int_equal(flow_document_reader_next(reader, &arena, &root, NULL), FLOW_OK);
    assert_int_equal(flow_document_reader_next(reader, &arena, &root, NULL), FLOW_E_PARSE);
    assert_int_equal(flow_document_reader_next(reader, &arena, &root, NULL), FLOW_E_PARSE);
    assert_int_equal(flow_document_reader_next(reader, &arena, &root, NULL), FLOW_END);
    flow_document_reader_close(reader);
    flow_arena_free(&arena);
}

static void
asking_a_node_for_what_it_has_not_gives_null(void **state)
{
    struct reading reading;

    (void)state;
    read_text(&reading, flow_str_of("a: [1]\nb: ~\n\"c\\0\": d\n"), false);
    assert_null(flow_node_get(NULL, "a"));
    assert_null(flow_node_get(reading.root, "A"));
    assert_null(flow_node_get(reading.root, "c"));
    assert_null(flow_node_get(flow_node_get(reading.root, "a"), "a"));
    assert_string_equal(flow_node_type_name(reading.root), "a map");
    assert_string_equal(flow_node_type_name(flow_node_get(reading.root, "a")), "a list");
    assert_string_equal(flow_node_type_name(flow_node_get(reading.root, "b")), "null");
    assert_string_equal(flow_node_type_name(reading.root->pairs[0].key), "text");
    assert_string_equal(flow_node_type_name(NULL), "nothing");
    forget(&reading);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml_becomes_trees_of_raw_text),
        cmocka_unit_test(json_becomes_trees_of_raw_text),
        cmocka_unit_test(documents_end_where_the_next_begins),
        cmocka_unit_test(what_only_begins_like_json_is_yaml),
        cmocka_unit_test(one_bad_document_does_not_hide_the_others),
        cmocka_unit_test(bad_yaml_is_explained_at_its_place),
        cmocka_unit_test(bad_json_is_explained_at_its_place),
        cmocka_unit_test(every_node_knows_its_line_and_byte_column),
        cmocka_unit_test(an_alias_is_the_node_of_its_anchor),
        cmocka_unit_test(anchors_may_be_named_again_and_end_with_their_document),
        cmocka_unit_test(merge_keys_give_way_to_keys_of_the_map_itself),
        cmocka_unit_test(the_last_of_equal_keys_counts_and_the_caller_is_told),
        cmocka_unit_test(equal_keys_are_found_in_maps_of_any_size),
        cmocka_unit_test(lists_and_maps_go_as_deep_as_the_limit),
        cmocka_unit_test(aliases_cannot_go_deeper_than_the_limit),
        cmocka_unit_test(a_bomb_of_aliases_is_refused_in_little_memory),
        cmocka_unit_test(nodes_of_aliases_are_counted_up_to_the_limit),
        cmocka_unit_test(nodes_are_counted_up_to_the_limit),
        cmocka_unit_test(a_text_above_the_limit_is_not_opened),
        cmocka_unit_test(escaped_nul_stays_inside_the_text),
        cmocka_unit_test(text_cut_at_any_byte_gives_documents_or_errors_with_a_place),
        cmocka_unit_test(many_broken_lines_take_time_in_proportion),
        cmocka_unit_test(errors_and_notes_need_no_listener),
        cmocka_unit_test(asking_a_node_for_what_it_has_not_gives_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
