/* SPDX-License-Identifier: Apache-2.0 */
/* What every part stands on: errors and quoting, UTF-8, arenas, interning and growing text. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/intern.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/utf8.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
#define KEYS 100000u

static bool
is_utf8(const char *text)
{
    return flow_utf8_valid_prefix((const uint8_t *)text, strlen(text)) == strlen(text);
}

static void
every_status_has_a_name_of_its_own(void **state)
{
    static const int statuses[] = {
        FLOW_OK,          FLOW_END,       FLOW_AGAIN,         FLOW_E_MEMORY,
        FLOW_E_ARGUMENT,  FLOW_E_SYSTEM,  FLOW_E_PARSE,       FLOW_E_TRUNCATED,
        FLOW_E_LIMIT,     FLOW_E_INVALID, FLOW_E_UNSUPPORTED, FLOW_E_CORRUPT,
        FLOW_E_NOT_FOUND,
    };

    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        assert_string_not_equal(flow_status_name(statuses[i]), "unknown");
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(flow_status_name(statuses[i]), flow_status_name(statuses[k]));
        }
    }
    assert_string_equal(flow_status_name(FLOW_E_TRUNCATED), "truncated");
    assert_string_equal(flow_status_name(-11), "unknown");
    assert_string_equal(flow_status_name(3), "unknown");
    assert_string_equal(flow_status_name(INT32_MIN), "unknown");
}

static void
failing_returns_its_status_and_clears_what_was_there(void **state)
{
    struct flow_error err;

    (void)state;
    memset(&err, 'x', sizeof(err));
    assert_int_equal(flow_fail(&err, FLOW_E_LIMIT, "expected %d %s", 3, "things"), FLOW_E_LIMIT);
    assert_int_equal(err.status, FLOW_E_LIMIT);
    assert_int_equal(err.os_errno, 0);
    assert_int_equal(err.offset, 0);
    assert_int_equal(err.line, 0);
    assert_int_equal(err.column, 0);
    assert_string_equal(err.input, "");
    assert_string_equal(err.message, "expected 3 things");

    memset(&err, 'x', sizeof(err));
    assert_int_equal(flow_fail_at(&err, FLOW_E_PARSE, 41, "expected a verdict"), FLOW_E_PARSE);
    assert_int_equal(err.offset, 41);
    assert_int_equal(err.line, 1);
    assert_int_equal(err.column, 42);
    assert_string_equal(err.message, "expected a verdict");

    memset(&err, 'x', sizeof(err));
    assert_int_equal(flow_fail_memory(&err), FLOW_E_MEMORY);
    assert_int_equal(err.status, FLOW_E_MEMORY);
    assert_true(err.message[0] != '\0');
    assert_string_equal(err.input, "");
}

static void
failing_without_an_error_to_fill_returns_its_status(void **state)
{
    (void)state;
    assert_int_equal(flow_fail(NULL, FLOW_E_LIMIT, "expected %s", "less"), FLOW_E_LIMIT);
    assert_int_equal(flow_fail_at(NULL, FLOW_E_PARSE, 1, "expected more"), FLOW_E_PARSE);
    assert_int_equal(flow_fail_system(NULL, ENOENT, "cannot open"), FLOW_E_SYSTEM);
    assert_int_equal(flow_fail_memory(NULL), FLOW_E_MEMORY);
    flow_error_set_input(NULL, "input");
    flow_error_set_place(NULL, 1, 2, 3);
}

static void
a_system_error_says_what_the_system_said(void **state)
{
    struct flow_error err;

    (void)state;
    assert_int_equal(flow_fail_system(&err, ENOENT, "cannot open %s", "x"), FLOW_E_SYSTEM);
    assert_int_equal(err.os_errno, ENOENT);
    assert_non_null(strstr(err.message, "cannot open x"));
    assert_non_null(strstr(err.message, strerror(ENOENT)));
}

static void
a_message_too_long_is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t pad = 240; pad < 260; pad++) {
        struct flow_error err;
        char text[300];

        memset(text, 'a', pad);
        strcpy(text + pad, "\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9");
        flow_fail(&err, FLOW_E_PARSE, "%s", text);
        assert_true(is_utf8(err.message));
        assert_true(strlen(err.message) > sizeof(err.message) - 1 - 4 ||
                    strlen(err.message) == strlen(text));
        assert_memory_equal(err.message, text, pad < strlen(err.message) ? pad : 240);
    }
}

static void
a_long_input_name_keeps_its_end(void **state)
{
    (void)state;
    for (size_t pad = 0; pad < 300; pad++) {
        struct flow_error err;
        char name[400] = "";

        for (size_t i = 0; i < pad; i += 2) {
            strcat(name, "\xc3\xa9");
        }
        strcat(name, pad % 3 == 0 ? "/x/flows.json" : "x/flows.json");
        flow_fail(&err, FLOW_E_PARSE, "expected more");
        flow_error_set_input(&err, name);
        assert_true(is_utf8(err.input));
        if (strlen(name) < sizeof(err.input)) {
            assert_string_equal(err.input, name);
            continue;
        }
        assert_true(strlen(err.input) > sizeof(err.input) - 8);
        assert_string_equal(err.input + strlen(err.input) - 13, name + strlen(name) - 13);
        assert_string_equal(err.message, "expected more");
    }
}

static void
an_error_is_one_line_that_leaves_out_what_is_unknown(void **state)
{
    static const struct {
        const char *input;
        uint64_t offset;
        uint32_t line, column;
        const char *text;
    } cases[] = {
        { "flows.json", 999, 17, 42, "flows.json:17:42: expected more" },
        { "flows.json", 999, 17, 0, "flows.json:17: expected more" },
        { "flows.gz", 999, 0, 0, "flows.gz: byte 999: expected more" },
        { "flows.json", 0, 0, 0, "flows.json: expected more" },
        { "", 0, 0, 0, "expected more" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct flow_error err;
        char text[512];

        flow_fail(&err, FLOW_E_PARSE, "expected more");
        flow_error_set_input(&err, cases[i].input);
        flow_error_set_place(&err, cases[i].offset, cases[i].line, cases[i].column);
        flow_error_format(&err, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
}

static void
an_error_is_cut_short_to_the_room_there_is(void **state)
{
    struct flow_error err;
    char whole[512];

    (void)state;
    memset(&err, 0, sizeof(err));
    memset(err.input, 'i', sizeof(err.input) - 1);
    memset(err.message, 'm', sizeof(err.message) - 1);
    err.line = err.column = UINT32_MAX;
    flow_error_format(&err, whole, sizeof(whole));
    assert_string_equal(whole + strlen(whole) - 3, "mmm");
    assert_int_equal(strlen(whole), 127 + 1 + 10 + 1 + 10 + 2 + 255);
    for (size_t size = 0; size < sizeof(whole); size++) {
        char *text = malloc(size > 0 ? size : 1);

        assert_non_null(text);
        flow_error_format(&err, text, size);
        if (size > 0) {
            assert_true(strlen(text) < size);
            assert_memory_equal(text, whole, strlen(text));
        }
        free(text);
    }
}

static void
quoted_text_is_readable_and_on_one_line(void **state)
{
    static const struct flow_str plain[] = { TEXT("FORWADED"), TEXT(""), TEXT("caf\xc3\xa9") };
    static const struct flow_str odd[] = {
        TEXT("a\nb"),         TEXT("a\x01"),
        TEXT("a\0b"),         TEXT("\x7f"),
        TEXT("\xff"),         TEXT("\xc3"),
        TEXT("\xed\xa0\x80"), TEXT("\x1b[31m"),
        TEXT("\r\t"),         TEXT("\xf4\x90\x80\x80"),
    };
    char text[100], wanted[100];

    (void)state;
    for (size_t i = 0; i < COUNT(plain); i++) {
        snprintf(wanted, sizeof(wanted), "\"%s\"", plain[i].ptr);
        assert_ptr_equal(flow_quote(plain[i], text, sizeof(text)), text);
        assert_string_equal(text, wanted);
    }
    for (size_t i = 0; i < COUNT(odd); i++) {
        flow_quote(odd[i], text, sizeof(text));
        assert_true(is_utf8(text));
        for (const char *at = text; *at != '\0'; at++) {
            assert_false((unsigned char)*at < ' ' || *at == 0x7f);
        }
        assert_true(text[0] == '"' && text[strlen(text) - 1] == '"');
    }
    assert_string_equal(flow_quote((struct flow_str){ NULL, 0 }, text, sizeof(text)), "\"\"");
}

static void
long_text_is_quoted_up_to_its_limit_in_any_room(void **state)
{
    char user[400], text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(user); i += 2) {
        memcpy(user + i, "\xc3\xa9", 2);
    }
    flow_quote((struct flow_str){ user, FLOW_QUOTE_BYTES_MAX }, text, sizeof(text));
    assert_int_equal(strlen(text), FLOW_QUOTE_BYTES_MAX + 2);
    flow_quote((struct flow_str){ user, FLOW_QUOTE_BYTES_MAX + 2 }, text, sizeof(text));
    assert_non_null(strstr(text, "..."));
    assert_in_range(strlen(text), 10, FLOW_QUOTE_BYTES_MAX + 5);
    user[1] = '\n';
    for (size_t size = sizeof("\"...\""); size < 120; size++) {
        char *room = malloc(size);

        assert_non_null(room);
        flow_quote((struct flow_str){ user, sizeof(user) }, room, size);
        assert_true(strlen(room) < size);
        assert_true(is_utf8(room));
        free(room);
    }
}

static void
a_utf8_character_has_the_length_of_rfc_3629(void **state)
{
    static const struct {
        struct flow_str bytes;
        size_t length;
    } cases[] = {
        { TEXT("\0"), 1 },
        { TEXT("a"), 1 },
        { TEXT("\x7f"), 1 },
        { TEXT("\x80"), 0 },
        { TEXT("\xbf"), 0 },
        { TEXT("\xc0\x80"), 0 },
        { TEXT("\xc1\xbf"), 0 },
        { TEXT("\xc2\x80"), 2 },
        { TEXT("\xdf\xbf"), 2 },
        { TEXT("\xc2"), 0 },
        { TEXT("\xc2\x7f"), 0 },
        { TEXT("\xc2\xc0"), 0 },
        { TEXT("\xe0\x9f\xbf"), 0 },
        { TEXT("\xe0\xa0\x80"), 3 },
        { TEXT("\xed\x9f\xbf"), 3 },
        { TEXT("\xed\xa0\x80"), 0 },
        { TEXT("\xed\xbf\xbf"), 0 },
        { TEXT("\xee\x80\x80"), 3 },
        { TEXT("\xef\xbf\xbf"), 3 },
        { TEXT("\xe2\x82"), 0 },
        { TEXT("\xe2\x82z"), 0 },
        { TEXT("\xf0\x8f\xbf\xbf"), 0 },
        { TEXT("\xf0\x90\x80\x80"), 4 },
        { TEXT("\xf4\x8f\xbf\xbf"), 4 },
        { TEXT("\xf4\x90\x80\x80"), 0 },
        { TEXT("\xf5\x80\x80\x80"), 0 },
        { TEXT("\xf0\x9f\x98"), 0 },
        { TEXT("\xf0\x9f\x98z"), 0 },
        { TEXT("\xff"), 0 },
        { TEXT("\xfe"), 0 },
        { TEXT(""), 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t *exact = malloc(cases[i].bytes.len + 1);

        assert_non_null(exact);
        memcpy(exact + 1, cases[i].bytes.ptr, cases[i].bytes.len);
        assert_int_equal(flow_utf8_length(exact + 1, cases[i].bytes.len), cases[i].length);
        free(exact);
    }
}

static void
every_code_point_is_written_and_read_back(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        const bool surrogate = code >= 0xd800 && code <= 0xdfff;
        uint8_t bytes[4];
        const size_t len = flow_utf8_encode(code, bytes);

        assert_int_equal(len, code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);
        assert_int_equal(flow_utf8_length(bytes, len), len);
        if (surrogate) {
            assert_memory_equal(bytes, "\xef\xbf\xbd", 3);
        }
    }
}

static void
the_valid_prefix_ends_before_the_first_bad_byte(void **state)
{
    static const struct flow_str bad[] = {
        TEXT("\x80"),     TEXT("\xff"),         TEXT("\xc3"),
        TEXT("\xe2\x82"), TEXT("\xed\xa0\x80"), TEXT("\xc0\xaf"),
    };
    uint8_t bytes[200];

    (void)state;
    for (size_t pad = 0; pad < 80; pad++) {
        for (size_t i = 0; i < COUNT(bad); i++) {
            memset(bytes, 'a', sizeof(bytes));
            memcpy(bytes, "\xc3\xa9\xe2\x82\xac", 5);
            assert_int_equal(flow_utf8_valid_prefix(bytes, pad + 5), pad + 5);
            memcpy(bytes + 5 + pad, bad[i].ptr, bad[i].len);
            assert_int_equal(flow_utf8_valid_prefix(bytes, 5 + pad + bad[i].len), 5 + pad);
            assert_int_equal(flow_utf8_valid_prefix(bytes, 5 + pad + bad[i].len + 70), 5 + pad);
        }
    }
}

static void
a_character_cut_off_at_the_end_is_dropped(void **state)
{
    static const struct {
        const char *text, *trimmed;
    } cases[] = {
        { "", "" },
        { "abc", "abc" },
        { "caf\xc3\xa9", "caf\xc3\xa9" },
        { "caf\xc3", "caf" },
        { "\xe2\x82\xac", "\xe2\x82\xac" },
        { "x\xe2\x82", "x" },
        { "x\xe2", "x" },
        { "x\xf0\x9f\x98\x80", "x\xf0\x9f\x98\x80" },
        { "x\xf0\x9f\x98", "x" },
        { "x\xf0\x9f", "x" },
        { "x\xf0", "x" },
        { "\xf0", "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[16];

        strcpy(text, cases[i].text);
        flow_utf8_trim_end(text);
        assert_string_equal(text, cases[i].trimmed);
    }
}

static void
arena_pieces_are_zero_aligned_and_apart(void **state)
{
    struct flow_arena arena = { 0 };
    uint8_t *pieces[400];

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT(pieces); i++) {
            const size_t size = i * (i % 7 == 0 ? 300 : 3);

            pieces[i] = flow_arena_alloc(&arena, size);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
            for (size_t b = 0; b < size; b++) {
                assert_int_equal(pieces[i][b], 0);
            }
            memset(pieces[i], (int)i, size);
        }
        for (size_t i = 0; i < COUNT(pieces); i++) {
            const size_t size = i * (i % 7 == 0 ? 300 : 3);

            assert_true(size == 0 ||
                        (pieces[i][0] == (uint8_t)i && pieces[i][size - 1] == (uint8_t)i));
        }
        flow_arena_reset(&arena);
    }
    flow_arena_free(&arena);
    assert_non_null(flow_arena_alloc(&arena, 1));
    flow_arena_free(&arena);
    flow_arena_free(&arena);
}

static void
too_large_an_arena_piece_is_null_and_harms_nothing(void **state)
{
    struct flow_arena arena = { 0 };
    char *before = flow_arena_alloc(&arena, 10);

    (void)state;
    strcpy(before, "before");
    assert_null(flow_arena_alloc(&arena, SIZE_MAX));
    assert_null(flow_arena_alloc(&arena, SIZE_MAX - 8));
    assert_null(flow_arena_alloc(&arena, SIZE_MAX / 2));
    assert_null(flow_arena_array(&arena, SIZE_MAX / 4, 8));
    assert_null(flow_arena_array(&arena, (size_t)1 << 33, (size_t)1 << 33));
    assert_non_null(flow_arena_array(&arena, 0, 8));
    assert_non_null(flow_arena_array(&arena, 100, 8));
    assert_string_equal(before, "before");
    flow_arena_free(&arena);
}

static void
a_text_in_an_arena_is_a_copy_with_a_nul_behind(void **state)
{
    struct flow_arena arena = { 0 };
    char text[] = "a\0b";
    const struct flow_str copy = flow_arena_str(&arena, (struct flow_str){ text, 3 });
    const struct flow_str empty = flow_arena_str(&arena, (struct flow_str){ "", 0 });

    (void)state;
    text[0] = 'x';
    assert_int_equal(copy.len, 3);
    assert_memory_equal(copy.ptr, "a\0b", 4);
    assert_int_equal(empty.len, 0);
    assert_non_null(empty.ptr);
    assert_string_equal(empty.ptr, "");
    flow_arena_free(&arena);
}

static struct flow_str
numbered_key(uint32_t number, char text[32])
{
    return (struct flow_str){ text, (size_t)snprintf(text, 32, "key-%u", number) };
}

static void
ids_count_up_and_stay_for_100000_keys(void **state)
{
    struct flow_intern table;
    char text[32];
    bool is_new;

    (void)state;
    assert_true(flow_intern_init(&table));
    for (uint32_t i = 0; i < KEYS; i++) {
        const struct flow_str key = numbered_key(i, text);

        assert_int_equal(flow_intern_find(&table, key), FLOW_INTERN_NONE);
        assert_int_equal(flow_intern_add(&table, key, &is_new), i);
        assert_true(is_new);
        assert_int_equal(table.count, i + 1);
    }
    for (uint32_t i = KEYS; i-- > 0;) {
        const struct flow_str key = numbered_key(i, text);

        assert_int_equal(flow_intern_add(&table, key, &is_new), i);
        assert_false(is_new);
        assert_int_equal(flow_intern_find(&table, key), i);
        assert_true(flow_str_equal(flow_intern_text(&table, i), key));
        assert_ptr_not_equal(flow_intern_text(&table, i).ptr, text);
    }
    assert_int_equal(table.count, KEYS);
    flow_intern_free(&table);
}

static void
keys_that_look_alike_are_different_keys(void **state)
{
    static const struct flow_str keys[] = {
        TEXT(""),
        TEXT("\0"),
        TEXT("\0\0"),
        TEXT("a"),
        TEXT("a\0"),
        TEXT("a\0b"),
        TEXT("a\0c"),
        TEXT("aaaaaaaa"),
        TEXT("aaaaaaaaa"),
        TEXT("aaaaaaaa\0"),
        TEXT("baaaaaaaa"),
        TEXT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        TEXT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"),
    };
    struct flow_intern table;
    bool is_new;

    (void)state;
    assert_true(flow_intern_init(&table));
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < COUNT(keys); i++) {
            assert_int_equal(flow_intern_add(&table, keys[i], &is_new), i);
            assert_int_equal(is_new, round == 0);
        }
    }
    assert_int_equal(flow_intern_find(&table, (struct flow_str){ NULL, 0 }), 0);
    flow_intern_free(&table);
}

static void
a_hash_is_of_the_bytes_their_number_and_the_seed(void **state)
{
    uint64_t seen[129];

    (void)state;
    for (size_t len = 0; len <= 128; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1), *other = malloc(len + 3);

        assert_true(exact != NULL && other != NULL);
        memset(exact, 0, len > 0 ? len : 1);
        memset(other, 0xff, len + 3);
        memset(other + 1, 0, len);
        seen[len] = flow_hash(exact, len, 1);
        assert_int_equal(flow_hash(other + 1, len, 1), seen[len]);
        assert_int_not_equal(flow_hash(exact, len, 2), seen[len]);
        for (size_t k = 0; k < len; k++) {
            assert_int_not_equal(seen[k], seen[len]);
            exact[k] = 1;
            assert_int_not_equal(flow_hash(exact, len, 1), seen[len]);
            exact[k] = 0;
        }
        free(exact);
        free(other);
    }
    assert_int_not_equal(flow_hash_seed(), flow_hash_seed());
}

static void
a_buffer_grows_by_every_kind_of_piece(void **state)
{
    struct flow_buf buf = { 0 };
    char wide[3000];

    (void)state;
    assert_int_equal(flow_buf_str(&buf).len, 0);
    flow_buf_add(&buf, "a\0b", 3);
    flow_buf_add_str(&buf, (struct flow_str){ NULL, 0 });
    flow_buf_add_text(&buf, "cd");
    flow_buf_add_char(&buf, 'e');
    flow_buf_add_format(&buf, "%d-%s", 42, "f");
    assert_int_equal(buf.len, 10);
    assert_memory_equal(buf.ptr, "a\0bcde42-f", 10);
    memset(wide, 'w', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    for (unsigned i = 0; i < 100; i++) {
        flow_buf_add_format(&buf, "%s|%u|", wide, i);
    }
    assert_int_equal(buf.len, 10 + 100 * (sizeof(wide) - 1 + 2) + 10 + 180);
    assert_memory_equal(flow_buf_str(&buf).ptr + buf.len - 6, "ww|99|", 6);
    flow_buf_reset(&buf);
    assert_int_equal(buf.len, 0);
    assert_true(buf.room > 0);
    flow_buf_free(&buf);
    flow_buf_add_char(&buf, 'x');
    assert_int_equal(buf.len, 1);
    assert_false(buf.failed);
    flow_buf_free(&buf);
}

static void
a_buffer_that_failed_takes_nothing_more(void **state)
{
    struct flow_buf buf = { 0 };

    (void)state;
    flow_buf_add_text(&buf, "before");
    flow_buf_add(&buf, "x", SIZE_MAX - 3);
    assert_true(buf.failed);
    flow_buf_add_text(&buf, "behind");
    flow_buf_add_format(&buf, "%s", "behind");
    flow_buf_add_char(&buf, 'b');
    assert_true(buf.failed);
    assert_int_equal(buf.len, 6);
    assert_memory_equal(buf.ptr, "before", 6);
    flow_buf_free(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name_of_its_own),
        cmocka_unit_test(failing_returns_its_status_and_clears_what_was_there),
        cmocka_unit_test(failing_without_an_error_to_fill_returns_its_status),
        cmocka_unit_test(a_system_error_says_what_the_system_said),
        cmocka_unit_test(a_message_too_long_is_cut_between_characters),
        cmocka_unit_test(a_long_input_name_keeps_its_end),
        cmocka_unit_test(an_error_is_one_line_that_leaves_out_what_is_unknown),
        cmocka_unit_test(an_error_is_cut_short_to_the_room_there_is),
        cmocka_unit_test(quoted_text_is_readable_and_on_one_line),
        cmocka_unit_test(long_text_is_quoted_up_to_its_limit_in_any_room),
        cmocka_unit_test(a_utf8_character_has_the_length_of_rfc_3629),
        cmocka_unit_test(every_code_point_is_written_and_read_back),
        cmocka_unit_test(the_valid_prefix_ends_before_the_first_bad_byte),
        cmocka_unit_test(a_character_cut_off_at_the_end_is_dropped),
        cmocka_unit_test(arena_pieces_are_zero_aligned_and_apart),
        cmocka_unit_test(too_large_an_arena_piece_is_null_and_harms_nothing),
        cmocka_unit_test(a_text_in_an_arena_is_a_copy_with_a_nul_behind),
        cmocka_unit_test(ids_count_up_and_stay_for_100000_keys),
        cmocka_unit_test(keys_that_look_alike_are_different_keys),
        cmocka_unit_test(a_hash_is_of_the_bytes_their_number_and_the_seed),
        cmocka_unit_test(a_buffer_grows_by_every_kind_of_piece),
        cmocka_unit_test(a_buffer_that_failed_takes_nothing_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
