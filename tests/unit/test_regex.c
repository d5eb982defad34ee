/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions as RE2 has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/regex.h"
#include "base/str.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
all_of_the_text_has_to_match(void **state)
{
    static const struct {
        const char *pattern, *text;
        enum flow_regex_answer answer;
    } cases[] = {
        { "a", "a", FLOW_REGEX_YES },
        { "a", "ab", FLOW_REGEX_NO },
        { "a|ab", "ab", FLOW_REGEX_YES },
        { "", "", FLOW_REGEX_YES },
        { "", "x", FLOW_REGEX_NO },
        { "a$", "a\n", FLOW_REGEX_NO },
        { "a.b", "a\nb", FLOW_REGEX_NO },
        { "(?s)a.b", "a\nb", FLOW_REGEX_YES },
        { "(?i)get", "GET", FLOW_REGEX_YES },
        { "[[:alpha:]]+", "abc", FLOW_REGEX_YES },
        { "[]a]+", "]a", FLOW_REGEX_YES },
        { "\\d{2,3}", "123", FLOW_REGEX_YES },
        { "(?P<x>a)b", "ab", FLOW_REGEX_YES },
        { "}+", "}}", FLOW_REGEX_YES },
        { "[++]", "+", FLOW_REGEX_YES },
        { "\\++", "++", FLOW_REGEX_YES },
        { "(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", FLOW_REGEX_NO },
        { "(x+x+)+y", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxy", FLOW_REGEX_YES },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct flow_regex *regex;

        assert_int_equal(flow_regex_new(&regex, flow_str_of(cases[i].pattern), NULL), FLOW_OK);
        if (flow_regex_match(regex, flow_str_of(cases[i].text)) != cases[i].answer) {
            fail_msg("%s against %s", cases[i].pattern, cases[i].text);
        }
        flow_regex_free(regex);
    }
}

static void
what_re2_does_not_have_is_refused_with_its_column(void **state)
{
    static const struct {
        const char *pattern;
        uint32_t column; /* 0: whatever PCRE2 says */
    } bad[] = {
        { "a{1001}", 2 }, { "b{1,2000}", 2 }, { "(?=a)", 1 },  { "a(?!b)", 2 }, { "(?<=a)b", 1 },
        { "(?<!a)b", 1 }, { "(a)\\1", 4 },    { "a++", 3 },    { "a{2}+", 5 },  { "(?>a)", 1 },
        { "(*FAIL)", 1 }, { "\\Ka", 1 },      { "(?P=x)", 1 }, { "(?R)", 1 },   { "x\\Z", 2 },
        { "(", 0 },       { "a{3,2}", 0 },    { "[z-a]", 0 },  { "*a", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct flow_regex *regex = NULL;
        struct flow_error err;

        if (flow_regex_new(&regex, flow_str_of(bad[i].pattern), &err) != FLOW_E_PARSE) {
            fail_msg("%s is taken", bad[i].pattern);
        }
        assert_null(regex);
        if (err.column == 0 || (bad[i].column != 0 && err.column != bad[i].column)) {
            fail_msg("%s: expected column %u, found %u: %s", bad[i].pattern, bad[i].column,
                     err.column, err.message);
        }
    }
}

static void
an_expression_has_a_limit(void **state)
{
    char *text = malloc(FLOW_REGEX_BYTES_MAX + 1);
    struct flow_regex *regex = NULL;

    (void)state;
    assert_non_null(text);
    memset(text, 'a', FLOW_REGEX_BYTES_MAX + 1);
    assert_int_equal(
        flow_regex_new(&regex, (struct flow_str){ text, FLOW_REGEX_BYTES_MAX + 1 }, NULL),
        FLOW_E_PARSE);
    assert_int_equal(flow_regex_new(&regex, (struct flow_str){ text, FLOW_REGEX_BYTES_MAX }, NULL),
                     FLOW_OK);
    assert_int_equal(flow_regex_match(regex, (struct flow_str){ text, FLOW_REGEX_BYTES_MAX }),
                     FLOW_REGEX_YES);
    flow_regex_free(regex);
    flow_regex_free(NULL);
    free(text);
}

static void
the_start_of_a_text_is_measured(void **state)
{
    struct flow_regex *regex;

    (void)state;
    assert_int_equal(flow_regex_new(&regex, FLOW_STR("ab*"), NULL), FLOW_OK);
    assert_int_equal(flow_regex_match_start(regex, FLOW_STR("abbc")), 3);
    assert_int_equal(flow_regex_match_start(regex, FLOW_STR("a")), 1);
    assert_int_equal(flow_regex_match_start(regex, FLOW_STR("ba")), -1);
    flow_regex_free(regex);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_the_text_has_to_match),
        cmocka_unit_test(what_re2_does_not_have_is_refused_with_its_column),
        cmocka_unit_test(an_expression_has_a_limit),
        cmocka_unit_test(the_start_of_a_text_is_measured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
