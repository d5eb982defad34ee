/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON cursor: what it takes, what it refuses and where, and that it never reads more behind
 * the end than the padding it is promised. Texts are laid out as the reader lays them out, in
 * memory of their own with nothing behind the padding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/utf8.h"
#include "decode/json.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

/* A cursor over a copy of the text, and what the copy needs to be freed. */
struct cursor {
    struct flow_json json;
    struct flow_arena arena;
    uint8_t *text;
};

/* The padding is filled with what would do most harm when it is taken for text. */
static void
cursor_open(struct cursor *cursor, struct flow_str text, char padding)
{
    memset(cursor, 0, sizeof(*cursor));
    cursor->text = malloc(text.len + FLOW_SCAN_PADDING);
    assert_non_null(cursor->text);
    if (text.len > 0) {
        memcpy(cursor->text, text.ptr, text.len);
    }
    memset(cursor->text + text.len, padding, FLOW_SCAN_PADDING);
    flow_json_init(&cursor->json, cursor->text, text.len, &cursor->arena);
}

static void
cursor_close(struct cursor *cursor)
{
    flow_arena_free(&cursor->arena);
    free(cursor->text);
}

static size_t
taken(const struct cursor *cursor)
{
    return (size_t)(cursor->json.at - cursor->text);
}

static void
assert_failed(const struct cursor *cursor, int status, size_t offset)
{
    struct flow_error err;

    assert_int_equal(flow_json_error(&cursor->json, cursor->text, &err), status);
    assert_int_equal(err.status, status);
    if (err.offset != offset) {
        fail_msg("offset %u, not %u: %s", (unsigned)err.offset, (unsigned)offset, err.message);
    }
    assert_true(err.message[0] != '\0');
}

static void
a_string_without_escapes_is_not_copied(void **state)
{
    static const char pad[] = "abcdefghijklmnopqrstuvwxyz0123{}[]:,'ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    (void)state;
    for (size_t len = 0; len < sizeof(pad); len++) {
        struct flow_str text;
        struct cursor cursor;
        char quoted[100];

        snprintf(quoted, sizeof(quoted), "  \"%.*s\",", (int)len, pad);
        cursor_open(&cursor, flow_str_of(quoted), '"');
        assert_true(flow_json_string(&cursor.json, &text));
        assert_ptr_equal(text.ptr, cursor.text + 3);
        assert_int_equal(text.len, len);
        assert_int_equal(taken(&cursor), len + 4);
        assert_null(cursor.json.expected);
        cursor_close(&cursor);
    }
}

static void
escapes_become_what_they_stand_for(void **state)
{
    static const struct {
        struct flow_str json, text;
    } good[] = {
        { TEXT("\"\\\"\""), TEXT("\"") },
        { TEXT("\"\\\\\""), TEXT("\\") },
        { TEXT("\"\\/\""), TEXT("/") },
        { TEXT("\"\\b\\f\\n\\r\\t\""), TEXT("\b\f\n\r\t") },
        { TEXT("\"\\u0000\""), TEXT("\0") },
        { TEXT("\"a\\u0026b\\u003c\\u003E\""), TEXT("a&b<>") },
        { TEXT("\"\\u00e9\\u00E9\""), TEXT("\xc3\xa9\xc3\xa9") },
        { TEXT("\"\\u2028\\u20ac\""), TEXT("\xe2\x80\xa8\xe2\x82\xac") },
        { TEXT("\"\\uffff\\ud7ff\\ue000\""), TEXT("\xef\xbf\xbf\xed\x9f\xbf\xee\x80\x80") },
        { TEXT("\"\\ud83d\\ude00\""), TEXT("\xf0\x9f\x98\x80") },
        { TEXT("\"\\uD800\\uDC00\\uDBFF\\uDFFF\""), TEXT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf") },
        { TEXT("\"\\\\\\\\\\\"\""), TEXT("\\\\\"") },
        { TEXT("\"\\\\u0041\""), TEXT("\\u0041") },
        { TEXT("\"http://x/?a=1\\u0026b=2\""), TEXT("http://x/?a=1&b=2") },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct cursor cursor;
        struct flow_str text;

        cursor_open(&cursor, good[i].json, '"');
        assert_true(flow_json_string(&cursor.json, &text));
        assert_int_equal(text.len, good[i].text.len);
        assert_memory_equal(text.ptr, good[i].text.ptr, text.len);
        assert_int_equal(taken(&cursor), good[i].json.len);
        cursor_close(&cursor);
    }
}

/* Go writes U+FFFD for half a surrogate pair and other writers pass it on: it costs no record. */
static void
half_a_surrogate_pair_is_refused_or_becomes_the_replacement_character(void **state)
{
    static const struct {
        struct flow_str json, text;
    } odd[] = {
        { TEXT("\"\\ud83d\""), TEXT("\xef\xbf\xbd") },
        { TEXT("\"\\ude00\""), TEXT("\xef\xbf\xbd") },
        { TEXT("\"\\ud83dx\""), TEXT("\xef\xbf\xbdx") },
        { TEXT("\"\\ud83d\\u0041\""), TEXT("\xef\xbf\xbd"
                                           "A") },
        { TEXT("\"\\ud83d\\n\""), TEXT("\xef\xbf\xbd\n") },
        { TEXT("\"\\ud83d\\ud83d\\ude00\""), TEXT("\xef\xbf\xbd\xf0\x9f\x98\x80") },
        { TEXT("\"\\ude00\\ud83d\""), TEXT("\xef\xbf\xbd\xef\xbf\xbd") },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(odd); i++) {
        struct cursor cursor;
        struct flow_str text;

        cursor_open(&cursor, odd[i].json, '"');
        if (flow_json_string(&cursor.json, &text)) {
            assert_int_equal(flow_utf8_valid_prefix((const uint8_t *)text.ptr, text.len), text.len);
            assert_int_equal(text.len, odd[i].text.len);
            assert_memory_equal(text.ptr, odd[i].text.ptr, text.len);
        } else {
            assert_int_equal(cursor.json.status, FLOW_E_PARSE);
        }
        cursor_close(&cursor);
    }
}

static void
a_bad_string_names_its_bad_byte(void **state)
{
    static const struct {
        struct flow_str json;
        size_t offset;
    } bad[] = {
        { TEXT("x"), 0 },
        { TEXT("  7"), 2 },
        { TEXT("null"), 0 },
        { TEXT("{}"), 0 },
        { TEXT("'a'"), 0 },
        { TEXT("\"a\nb\""), 2 },
        { TEXT("\"a\0b\""), 2 },
        { TEXT("\"abc\x1f\""), 4 },
        { TEXT("\"0123456789abcdefghij\x01\""), 21 },
    };
    static const struct flow_str bad_escapes[] = {
        TEXT("\"ab\\x41\""), TEXT("\"ab\\u00g0\""), TEXT("\"ab\\u 000\""), TEXT("\"ab\\U0041\""),
        TEXT("\"ab\\u12\""), TEXT("\"ab\\u+123\""), TEXT("\"ab\\'\""),     TEXT("\"ab\\\n\""),
        TEXT("\"ab\\0\""),   TEXT("\"ab\\u-123\""), TEXT("\"ab\\u0x41\""),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct cursor cursor;
        struct flow_str text;

        cursor_open(&cursor, bad[i].json, '"');
        assert_false(flow_json_string(&cursor.json, &text));
        assert_failed(&cursor, FLOW_E_PARSE, bad[i].offset);
        cursor_close(&cursor);
    }
    for (size_t i = 0; i < COUNT(bad_escapes); i++) {
        struct cursor cursor;
        struct flow_error err;
        struct flow_str text;

        cursor_open(&cursor, bad_escapes[i], '"');
        assert_false(flow_json_string(&cursor.json, &text));
        assert_int_equal(flow_json_error(&cursor.json, cursor.text, &err), FLOW_E_PARSE);
        assert_in_range(err.offset, 3, bad_escapes[i].len - 1);
        cursor_close(&cursor);
    }
}

static void
a_value_cut_short_anywhere_says_so(void **state)
{
    static const struct flow_str whole[] = {
        TEXT("\"abc\\u0041\\ud83d\\ude00\\n0123456789abcdef\""),
        TEXT("{\"a\":[1,{\"b\":\"}\\\"\"},true,null],\"c\":-1.5e3}"),
        TEXT("[[[\"]]]\"]]]"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(whole); i++) {
        for (size_t len = 0; len < whole[i].len; len++) {
            struct cursor cursor;

            cursor_open(&cursor, (struct flow_str){ whole[i].ptr, len }, '"');
            assert_false(flow_json_skip(&cursor.json));
            assert_true(cursor.json.cut);
            assert_int_equal(cursor.json.status, FLOW_E_TRUNCATED);
            cursor_close(&cursor);
        }
    }
}

static void
a_cut_string_never_ends_in_the_padding(void **state)
{
    (void)state;
    for (size_t len = 1; len < 100; len++) {
        char text[100];
        struct cursor cursor;
        struct flow_str out;

        memset(text, 'a', sizeof(text));
        text[0] = '"';
        for (unsigned escaped = 0; escaped < 2 && len > escaped; escaped++) {
            text[len - 1] = escaped ? '\\' : text[len - 1];
            cursor_open(&cursor, (struct flow_str){ text, len }, '"');
            assert_false(flow_json_string(&cursor.json, &out));
            assert_true(cursor.json.cut);
            assert_int_equal(cursor.json.status, FLOW_E_TRUNCATED);
            cursor_close(&cursor);
        }
    }
}

/* Opens a list of one item and stands before it. */
static void
cursor_open_item(struct cursor *cursor, const char *item)
{
    struct flow_buf list = { 0 };
    bool first = true;

    flow_buf_add_format(&list, "[ %s]", item);
    cursor_open(cursor, flow_buf_str(&list), '9');
    flow_buf_free(&list);
    assert_true(flow_json_list(&cursor->json));
    assert_int_equal(flow_json_item(&cursor->json, &first), FLOW_OK);
}

static bool
at_end_of_list(struct cursor *cursor)
{
    bool first = false;

    return flow_json_item(&cursor->json, &first) == FLOW_END;
}

static void
a_whole_number_is_bare_or_quoted(void **state)
{
    static const struct {
        const char *json;
        uint64_t value;
    } good[] = {
        { "0", 0 },
        { "7", 7 },
        { "42 ", 42 },
        { "18446744073709551615", UINT64_MAX },
        { "\"0\"", 0 },
        { "\"3\"", 3 },
        { "\"18446744073709551615\"", UINT64_MAX },
        { "100", 100 },
        { "\"10\"", 10 },
    };
    static const char *const bad[] = {
        "18446744073709551616",
        "\"18446744073709551616\"",
        "99999999999999999999",
        "-1",
        "\"-1\"",
        "01",
        "00",
        "\"07\"",
        "+1",
        "1.5",
        "0x10",
        "\"\"",
        "\" 5\"",
        "\"5 \"",
        "\"5",
        "true",
        "{}",
        "[1]",
        "x",
        "\"five\"",
        "NaN",
        ".5",
        "-",
        "\"1.5\"",
        "1 2",
        "5x",
        "1e400",
    };
    struct cursor cursor;
    uint64_t value = 1;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        cursor_open_item(&cursor, good[i].json);
        assert_true(flow_json_u64(&cursor.json, &value));
        assert_int_equal(value, good[i].value);
        assert_true(at_end_of_list(&cursor));
        cursor_close(&cursor);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        cursor_open_item(&cursor, bad[i]);
        if (!flow_json_u64(&cursor.json, &value)) {
            assert_failed(&cursor, FLOW_E_PARSE, 2);
        } else if (at_end_of_list(&cursor)) {
            fail_msg("%s: taken", bad[i]);
        }
        cursor_close(&cursor);
    }
}

static void
a_signed_number_has_its_limits(void **state)
{
    static const struct {
        const char *json;
        int64_t value;
    } good[] = {
        { "0", 0 },
        { "-1", -1 },
        { "9223372036854775807", INT64_MAX },
        { "-9223372036854775808", INT64_MIN },
        { "\"-9223372036854775808\"", INT64_MIN },
        { "\"9223372036854775807\"", INT64_MAX },
        { "\"-7\"", -7 },
    };
    static const char *const bad[] = {
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "--1",
        "- 1",
        "-",
        "\"-\"",
        "\"+1\"",
        "-x",
        "-01",
    };
    struct cursor cursor;
    int64_t value = 1;

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        cursor_open_item(&cursor, good[i].json);
        assert_true(flow_json_i64(&cursor.json, &value));
        assert_int_equal(value, good[i].value);
        assert_true(at_end_of_list(&cursor));
        cursor_close(&cursor);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        cursor_open_item(&cursor, bad[i]);
        assert_false(flow_json_i64(&cursor.json, &value));
        assert_failed(&cursor, FLOW_E_PARSE, 2);
        cursor_close(&cursor);
    }
}

static void
a_number_above_its_maximum_is_refused(void **state)
{
    static const struct {
        const char *json;
        uint64_t max;
        bool taken;
    } cases[] = {
        { "255", 255, true },
        { "256", 255, false },
        { "\"255\"", 255, true },
        { "\"256\"", 255, false },
        { "65535", 65535, true },
        { "65536", 65535, false },
        { "0", 0, true },
        { "1", 0, false },
        { "18446744073709551615", UINT64_MAX, true },
        { "18446744073709551616", UINT64_MAX, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cursor cursor;
        uint64_t value;

        cursor_open(&cursor, flow_str_of(cases[i].json), '9');
        assert_int_equal(flow_json_uint(&cursor.json, cases[i].max, &value), cases[i].taken);
        cursor_close(&cursor);
    }
}

static void
words_are_taken_whole(void **state)
{
    static const struct {
        const char *json;
        int truth;
        bool null;
    } cases[] = {
        { "true", 1, false },  { "false", 0, false }, { " true ", 1, false },
        { "null", -1, true },  { "null,", -1, true }, { "tru", -1, false },
        { "True", -1, false }, { "nul", -1, false },  { "\"true\"", -1, false },
        { "1", -1, false },    { "n", -1, false },    { "", -1, false },
        { "NULL", -1, false }, { "t", -1, false },    { "falsy", -1, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cursor cursor;
        bool value = false;

        cursor_open(&cursor, flow_str_of(cases[i].json), 'l');
        assert_int_equal(flow_json_null(&cursor.json), cases[i].null);
        cursor_close(&cursor);
        cursor_open(&cursor, flow_str_of(cases[i].json), 'e');
        assert_int_equal(flow_json_bool(&cursor.json, &value), cases[i].truth >= 0);
        assert_int_equal(value, cases[i].truth == 1);
        cursor_close(&cursor);
    }
}

static void
keys_and_items_come_in_order_and_then_the_end(void **state)
{
    static const char text[] = " { \"a\" : 1 , \"\\u0062\":[ ],\"c\":[1,\n2 ,3] } ,";
    struct cursor cursor;
    struct flow_str key;
    bool first = true, first_item = true;
    uint64_t value, sum = 0;

    (void)state;
    cursor_open(&cursor, flow_str_of(text), ']');
    assert_int_equal(flow_json_peek(&cursor.json), '{');
    assert_true(flow_json_object(&cursor.json));
    assert_int_equal(flow_json_key(&cursor.json, &first, &key), FLOW_OK);
    assert_true(flow_str_is(key, "a"));
    assert_true(flow_json_u64(&cursor.json, &value));
    assert_int_equal(flow_json_key(&cursor.json, &first, &key), FLOW_OK);
    assert_true(flow_str_is(key, "b"));
    assert_true(flow_json_list(&cursor.json));
    assert_int_equal(flow_json_item(&cursor.json, &first_item), FLOW_END);
    assert_int_equal(flow_json_key(&cursor.json, &first, &key), FLOW_OK);
    assert_true(flow_json_list(&cursor.json));
    for (first_item = true; flow_json_item(&cursor.json, &first_item) == FLOW_OK;) {
        assert_true(flow_json_u64(&cursor.json, &value));
        sum += value;
    }
    assert_int_equal(sum, 6);
    assert_int_equal(flow_json_key(&cursor.json, &first, &key), FLOW_END);
    assert_null(cursor.json.expected);
    assert_int_equal(flow_json_peek(&cursor.json), ',');
    cursor_close(&cursor);
}

static void
a_broken_object_or_list_is_below_zero_at_its_bad_byte(void **state)
{
    static const struct {
        const char *json;
        size_t offset;
        int status;
    } bad[] = {
        { "{1:2}", 1, FLOW_E_PARSE },
        { "{\"a\" 1}", 5, FLOW_E_PARSE },
        { "{\"a\":1 \"b\":2}", 7, FLOW_E_PARSE },
        { "{\"a\":1,}", 7, FLOW_E_PARSE },
        { "{,\"a\":1}", 1, FLOW_E_PARSE },
        { "{\"a\":1]", 6, FLOW_E_PARSE },
        { "{a:1}", 1, FLOW_E_PARSE },
        { "{", 1, FLOW_E_TRUNCATED },
        { "{\"a\"", 4, FLOW_E_TRUNCATED },
        { "{\"a\":1", 6, FLOW_E_TRUNCATED },
        { "{\"a\":1,", 7, FLOW_E_TRUNCATED },
        { "[1 2]", 3, FLOW_E_PARSE },
        { "[1,]", 3, FLOW_E_PARSE },
        { "[,1]", 1, FLOW_E_PARSE },
        { "[1}", 2, FLOW_E_PARSE },
        { "[", 1, FLOW_E_TRUNCATED },
        { "[1", 2, FLOW_E_TRUNCATED },
        { "[1,", 3, FLOW_E_TRUNCATED },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct cursor cursor;
        struct flow_str key;
        bool first = true;
        uint64_t value;
        int rc = FLOW_OK;

        cursor_open(&cursor, flow_str_of(bad[i].json), bad[i].json[0] == '{' ? '}' : ']');
        if (flow_json_peek(&cursor.json) == '{') {
            assert_true(flow_json_object(&cursor.json));
            while ((rc = flow_json_key(&cursor.json, &first, &key)) == FLOW_OK) {
                assert_true(flow_json_u64(&cursor.json, &value));
            }
        } else {
            assert_true(flow_json_list(&cursor.json));
            while ((rc = flow_json_item(&cursor.json, &first)) == FLOW_OK) {
                if (!flow_json_u64(&cursor.json, &value)) {
                    rc = FLOW_E_PARSE;
                    break;
                }
            }
        }
        assert_true(rc < 0);
        assert_failed(&cursor, bad[i].status, bad[i].offset);
        cursor_close(&cursor);
    }
}

static void
every_value_of_the_grammar_is_passed_over(void **state)
{
    static const char *const good[] = {
        "0",
        "-0",
        "1",
        "-1",
        "10",
        "1.5",
        "-1.5",
        "1e3",
        "1E3",
        "1e+3",
        "1e-3",
        "1.5e10",
        "0.0",
        "0e0",
        "123456789012345678901234567890",
        "true",
        "false",
        "null",
        "\"\"",
        "\"a\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u12aF\"",
        "[]",
        "[ ]",
        "[1]",
        "[1,2]",
        "[[],[[]]]",
        "{}",
        "{ }",
        "{\"a\":1}",
        "{\"a\":{\"b\":[]},\"a\":null}",
        " \t\r\n[ \t\r\n1 \t\r\n, 2 ] ",
        "{\"\":\"\"}",
        "\"\x7f\"",
        "\"caf\xc3\xa9\"",
        "[\"{\",\"]\",\"\\\"}\"]",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct flow_buf wrapped = { 0 };
        struct cursor cursor;
        struct flow_str key;
        bool first = false;

        flow_buf_add_format(&wrapped, "%s,\"next\":1", good[i]);
        cursor_open(&cursor, flow_buf_str(&wrapped), '9');
        if (!flow_json_skip(&cursor.json)) {
            fail_msg("%s: refused", good[i]);
        }
        assert_int_equal(flow_json_key(&cursor.json, &first, &key), FLOW_OK);
        assert_true(flow_str_is(key, "next"));
        cursor_close(&cursor);
        flow_buf_free(&wrapped);
    }
}

static const struct flow_str bad_values[] = {
    TEXT("01"),
    TEXT("-"),
    TEXT("+1"),
    TEXT("1."),
    TEXT(".5"),
    TEXT("1e"),
    TEXT("1e+"),
    TEXT("1.e3"),
    TEXT("-01"),
    TEXT("0x1"),
    TEXT("1a"),
    TEXT("--1"),
    TEXT("1-1"),
    TEXT("NaN"),
    TEXT("Infinity"),
    TEXT("-Infinity"),
    TEXT("nul"),
    TEXT("nulls"),
    TEXT("True"),
    TEXT("tru"),
    TEXT("falsee"),
    TEXT("'a'"),
    TEXT("a"),
    TEXT("\"\\x\""),
    TEXT("\"\\u12g4\""),
    TEXT("\"\t\""),
    TEXT("\"\n\""),
    TEXT("\"\0\""),
    TEXT("[1,]"),
    TEXT("[,]"),
    TEXT("[,1]"),
    TEXT("[1 2]"),
    TEXT("[1:2]"),
    TEXT("[1}"),
    TEXT("]"),
    TEXT("}"),
    TEXT(","),
    TEXT(":"),
    TEXT("{,}"),
    TEXT("{\"a\"}"),
    TEXT("{\"a\":}"),
    TEXT("{\"a\":1,}"),
    TEXT("{\"a\",1}"),
    TEXT("{\"a\":1 \"b\":2}"),
    TEXT("{1:1}"),
    TEXT("{null:1}"),
    TEXT("{a:1}"),
    TEXT("{'a':1}"),
    TEXT("{\"a\"::1}"),
    TEXT("{\"a\":1]"),
    TEXT("{[]:1}"),
    TEXT("[/**/1]"),
    TEXT("[1]//"),
    TEXT("\xef\xbb\xbf[]"),
    TEXT("[\v1]"),
    TEXT("[\f1]"),
    TEXT("[\0]"),
    TEXT("[\xc2\xa0]"),
    TEXT("[\"a\" \"b\"]"),
    TEXT("{\"a\":1\"b\":2}"),
    TEXT("\\u0020[]"),
    TEXT("[\\n]"),
    TEXT("[1,,2]"),
    TEXT("{\"a\":1,,\"b\":2}"),
};

static void
what_is_not_of_the_grammar_is_not_passed_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_values); i++) {
        struct cursor cursor;
        struct flow_buf wrapped = { 0 };
        bool first = true;

        /* inside a list, so that also what stands behind the value is looked at */
        flow_buf_add_char(&wrapped, '[');
        flow_buf_add_str(&wrapped, bad_values[i]);
        flow_buf_add_char(&wrapped, ']');
        cursor_open(&cursor, flow_buf_str(&wrapped), ' ');
        if (flow_json_skip(&cursor.json) && flow_json_peek(&cursor.json) == 0) {
            fail_msg("%.*s: passed over", (int)wrapped.len, wrapped.ptr);
        }
        cursor_close(&cursor);
        cursor_open(&cursor, flow_buf_str(&wrapped), ' ');
        assert_true(flow_json_list(&cursor.json));
        if (flow_json_item(&cursor.json, &first) == FLOW_OK && flow_json_skip(&cursor.json) &&
            flow_json_item(&cursor.json, &first) == FLOW_END && flow_json_peek(&cursor.json) == 0) {
            fail_msg("%.*s: taken as an item", (int)bad_values[i].len, bad_values[i].ptr);
        }
        cursor_close(&cursor);
        flow_buf_free(&wrapped);
    }
}

/* depth brackets, every second one an object where objects is set. */
static void
add_nest(struct flow_buf *buf, size_t depth, bool objects)
{
    for (size_t i = 0; i < depth; i++) {
        flow_buf_add_text(buf, objects && i % 2 == 1 ? "{\"a\":" : "[");
    }
    flow_buf_add_text(buf, "7");
    for (size_t i = depth; i-- > 0;) {
        flow_buf_add_char(buf, objects && i % 2 == 1 ? '}' : ']');
    }
}

static void
the_depth_limit_is_the_last_depth_passed_over(void **state)
{
    static const struct {
        size_t depth;
        int status;
    } cases[] = {
        { 1, FLOW_OK },
        { FLOW_JSON_DEPTH_MAX - 1, FLOW_OK },
        { FLOW_JSON_DEPTH_MAX, FLOW_OK },
        { FLOW_JSON_DEPTH_MAX + 1, FLOW_E_LIMIT },
        { 100000, FLOW_E_LIMIT },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (unsigned objects = 0; objects < 2; objects++) {
            struct flow_buf nest = { 0 };
            struct cursor cursor;

            add_nest(&nest, cases[i].depth, objects == 1);
            cursor_open(&cursor, flow_buf_str(&nest), ']');
            assert_int_equal(flow_json_skip(&cursor.json), cases[i].status == FLOW_OK);
            if (cases[i].status != FLOW_OK) {
                struct flow_error err;

                assert_int_equal(flow_json_error(&cursor.json, cursor.text, &err), FLOW_E_LIMIT);
                assert_in_range(err.offset, FLOW_JSON_DEPTH_MAX, 6 * FLOW_JSON_DEPTH_MAX);
            } else {
                assert_int_equal(taken(&cursor), nest.len);
            }
            cursor_close(&cursor);
            flow_buf_free(&nest);
        }
    }
}

static void
raw_bytes_of_any_depth_never_crash(void **state)
{
    (void)state;
    for (size_t depth = 1; depth < 200000; depth = depth * 3 + 1) {
        struct flow_buf nest = { 0 };
        struct cursor cursor;
        struct flow_str raw;

        add_nest(&nest, depth, true);
        cursor_open(&cursor, flow_buf_str(&nest), ']');
        if (flow_json_raw(&cursor.json, &raw)) {
            assert_int_equal(raw.len, nest.len);
        } else {
            assert_true(depth > FLOW_JSON_DEPTH_MAX);
            assert_int_equal(cursor.json.status, FLOW_E_LIMIT);
        }
        cursor_close(&cursor);
        flow_buf_free(&nest);
    }
}

/* Takes the text, which is one value, as raw bytes; in front of it and behind it stands more. */
static void
assert_raw(struct flow_str text, size_t before)
{
    struct flow_buf whole = { 0 };
    struct cursor cursor;
    struct flow_str raw;

    for (size_t i = 0; i < before; i++) {
        flow_buf_add_char(&whole, ' ');
    }
    flow_buf_add_str(&whole, text);
    flow_buf_add_text(&whole, ",\"}]}]\\");
    cursor_open(&cursor, flow_buf_str(&whole), '}');
    if (!flow_json_raw(&cursor.json, &raw) || raw.len != text.len) {
        fail_msg("behind %u: %.*s", (unsigned)before, (int)text.len, text.ptr);
    }
    assert_ptr_equal(raw.ptr, cursor.text + before);
    assert_int_equal(taken(&cursor), before + text.len);
    cursor_close(&cursor);
    flow_buf_free(&whole);
}

static void
raw_bytes_end_at_their_bracket_for_quotes_and_backslashes_at_every_offset(void **state)
{
    static const struct flow_str odd[] = {
        TEXT("\\\""),
        TEXT("\\\\"),
        TEXT("\\\\\\\""),
        TEXT("\\\\\\\\"),
        TEXT("\\\"}]"),
        TEXT("}"),
        TEXT("]}"),
        TEXT("{["),
        TEXT("\\\\\",\"\\\""),
        TEXT("\\n}"),
        TEXT("\",\"}\",\""),
        TEXT("\\u005c}"),
        TEXT("\\u0022}"),
        TEXT("\",[{\"x\":\"]\"}],\""),
    };

    (void)state;
    for (size_t i = 0; i < COUNT(odd); i++) {
        for (size_t pad = 0; pad <= 130; pad++) {
            struct flow_buf text = { 0 };

            flow_buf_add_text(&text, "[\"");
            for (size_t k = 0; k < pad; k++) {
                flow_buf_add_char(&text, 'a');
            }
            flow_buf_add_str(&text, odd[i]);
            flow_buf_add_text(&text, "\"]");
            assert_raw(flow_buf_str(&text), 0);
            assert_raw(flow_buf_str(&text), 5);
            flow_buf_free(&text);
        }
    }
}

static void
raw_bytes_end_at_their_bracket_for_runs_of_backslashes_of_any_length(void **state)
{
    (void)state;
    for (size_t pad = 0; pad < 66; pad++) {
        for (size_t run = 0; run < 140; run++) {
            struct flow_buf text = { 0 };

            flow_buf_add_text(&text, "{\"");
            for (size_t k = 0; k < pad; k++) {
                flow_buf_add_char(&text, 'a');
            }
            flow_buf_add_text(&text, "\":\"");
            for (size_t k = 0; k < run; k++) {
                flow_buf_add_char(&text, '\\');
            }
            /* an odd run escapes the quote: the string goes on over a bracket */
            flow_buf_add_text(&text, run % 2 == 1 ? "\"}\"}" : "\"}");
            assert_raw(flow_buf_str(&text), 0);
            flow_buf_free(&text);
        }
    }
}

static uint32_t
random_below(uint64_t *state, uint32_t limit)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % limit);
}

static void
add_random_string(struct flow_buf *buf, uint64_t *seed)
{
    static const char *const pieces[] = {
        "\\\"", "\\\\", "{", "}", "[", "]", ",", ":", "a", "\\n", "\\u0022", "bcdefgh", "\xc3\xa9",
    };

    flow_buf_add_char(buf, '"');
    for (uint32_t n = random_below(seed, 30); n > 0; n--) {
        flow_buf_add_text(buf, pieces[random_below(seed, COUNT(pieces))]);
    }
    flow_buf_add_char(buf, '"');
}

static void
add_random_value(struct flow_buf *buf, uint64_t *seed, unsigned depth)
{
    const uint32_t kind = depth == 0 ? 0 : random_below(seed, depth > 5 ? 3 : 5);
    const bool object = depth == 0 || random_below(seed, 2) == 0;

    if (kind == 1) {
        flow_buf_add_text(buf, random_below(seed, 2) == 0 ? "-12.5e3" : "null");
        return;
    }
    if (kind > 1 || depth > 5) {
        add_random_string(buf, seed);
        return;
    }
    flow_buf_add_char(buf, object ? '{' : '[');
    for (uint32_t n = random_below(seed, 5), i = 0; i < n; i++) {
        flow_buf_add_text(buf, i > 0 ? ", " : "");
        if (object) {
            add_random_string(buf, seed);
            flow_buf_add_text(buf, random_below(seed, 2) == 0 ? ":" : " : ");
        }
        add_random_value(buf, seed, depth + 1);
    }
    flow_buf_add_char(buf, object ? '}' : ']');
}

static void
random_values_are_the_same_raw_as_passed_over(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        struct flow_buf text = { 0 };
        struct cursor cursor;

        add_random_value(&text, &seed, 0);
        assert_raw(flow_buf_str(&text), random_below(&seed, 70));
        cursor_open(&cursor, flow_buf_str(&text), '}');
        assert_true(flow_json_skip(&cursor.json));
        assert_int_equal(taken(&cursor), text.len);
        cursor_close(&cursor);
        flow_buf_free(&text);
    }
}

static void
raw_bytes_cut_short_anywhere_say_so(void **state)
{
    uint64_t seed = 2;

    (void)state;
    for (unsigned i = 0; i < 30; i++) {
        struct flow_buf text = { 0 };

        do {
            flow_buf_reset(&text);
            add_random_value(&text, &seed, 0);
        } while (text.len < 100 || text.len > 700);
        for (size_t len = 0; len < text.len; len++) {
            struct cursor cursor;
            struct flow_str raw;

            cursor_open(&cursor, (struct flow_str){ text.ptr, len }, '}');
            assert_false(flow_json_raw(&cursor.json, &raw));
            assert_true(cursor.json.cut);
            assert_int_equal(cursor.json.status, FLOW_E_TRUNCATED);
            cursor_close(&cursor);
        }
        flow_buf_free(&text);
    }
}

static void
an_error_says_what_was_expected_and_what_was_found(void **state)
{
    struct cursor cursor;
    struct flow_error err;
    uint64_t value;

    (void)state;
    cursor_open(&cursor, flow_str_of("  FORWADED"), ' ');
    assert_false(flow_json_u64(&cursor.json, &value));
    assert_int_equal(flow_json_error(&cursor.json, cursor.text, &err), FLOW_E_PARSE);
    assert_int_equal(err.offset, 2);
    assert_non_null(strstr(err.message, "expected "));
    assert_non_null(strstr(err.message, "found "));
    assert_non_null(strstr(err.message, "F"));
    assert_false(flow_json_fail(&cursor.json, "something else"));
    cursor_close(&cursor);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_without_escapes_is_not_copied),
        cmocka_unit_test(escapes_become_what_they_stand_for),
        cmocka_unit_test(half_a_surrogate_pair_is_refused_or_becomes_the_replacement_character),
        cmocka_unit_test(a_bad_string_names_its_bad_byte),
        cmocka_unit_test(a_value_cut_short_anywhere_says_so),
        cmocka_unit_test(a_cut_string_never_ends_in_the_padding),
        cmocka_unit_test(a_whole_number_is_bare_or_quoted),
        cmocka_unit_test(a_signed_number_has_its_limits),
        cmocka_unit_test(a_number_above_its_maximum_is_refused),
        cmocka_unit_test(words_are_taken_whole),
        cmocka_unit_test(keys_and_items_come_in_order_and_then_the_end),
        cmocka_unit_test(a_broken_object_or_list_is_below_zero_at_its_bad_byte),
        cmocka_unit_test(every_value_of_the_grammar_is_passed_over),
        cmocka_unit_test(what_is_not_of_the_grammar_is_not_passed_over),
        cmocka_unit_test(the_depth_limit_is_the_last_depth_passed_over),
        cmocka_unit_test(raw_bytes_of_any_depth_never_crash),
        cmocka_unit_test(raw_bytes_end_at_their_bracket_for_quotes_and_backslashes_at_every_offset),
        cmocka_unit_test(raw_bytes_end_at_their_bracket_for_runs_of_backslashes_of_any_length),
        cmocka_unit_test(random_values_are_the_same_raw_as_passed_over),
        cmocka_unit_test(raw_bytes_cut_short_anywhere_say_so),
        cmocka_unit_test(an_error_says_what_was_expected_and_what_was_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
