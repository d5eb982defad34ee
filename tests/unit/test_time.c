/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339 both ways. The C library's timegm is the second opinion on the calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/str.h"
#include "libflow/time.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define SECOND INT64_C(1000000000)

/* Through a copy with nothing readable behind it, so that reading too far is found out. */
static int
parse(const char *text, int64_t *out, struct flow_error *err)
{
    const size_t len = strlen(text);
    char *copy = malloc(len > 0 ? len : 1);
    int rc;

    assert_non_null(copy);
    memcpy(copy, text, len);
    rc = flow_time_parse(out, (struct flow_str){ copy, len }, err);
    free(copy);
    return rc;
}

static int64_t
time_of(const char *text)
{
    struct flow_error err;
    int64_t time;

    if (parse(text, &time, &err) != FLOW_OK) {
        fail_msg("%s: column %u: %s", text, err.column, err.message);
    }
    return time;
}

static void
a_time_counts_nanoseconds_from_1970(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds, nanoseconds;
    } good[] = {
        { "1970-01-01T00:00:00Z", 0, 0 },
        { "1970-01-01T00:00:00.000000001Z", 0, 1 },
        { "1969-12-31T23:59:59.999999999Z", -1, 999999999 },
        { "1969-12-31T23:59:59Z", -1, 0 },
        { "2001-09-09T01:46:40Z", 1000000000, 0 },
        { "2026-09-01T10:00:00.123Z", 1788256800, 123000000 },
        { "2000-02-29T12:00:00Z", 951825600, 0 },
        { "2038-01-19T03:14:08Z", 2147483648, 0 },
        { "1900-03-01T00:00:00Z", -2203891200, 0 },
        { "2100-03-01T00:00:00Z", 4107542400, 0 },
        { "1678-01-01T00:00:00Z", -9214560000, 0 },
        { "2261-12-31T23:59:59.999999999Z", 9214646399, 999999999 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_int_equal(time_of(good[i].text), good[i].seconds * SECOND + good[i].nanoseconds);
    }
}

static void
one_to_nine_digits_of_a_fraction_count_and_more_are_dropped(void **state)
{
    static const struct {
        const char *fraction;
        int64_t nanoseconds;
    } good[] = {
        { "", 0 },
        { ".0", 0 },
        { ".1", 100000000 },
        { ".12", 120000000 },
        { ".123", 123000000 },
        { ".1234", 123400000 },
        { ".12345", 123450000 },
        { ".123456", 123456000 },
        { ".1234567", 123456700 },
        { ".12345678", 123456780 },
        { ".123456789", 123456789 },
        { ".1234567899", 123456789 },
        { ".99999999999999999999999999", 999999999 },
        { ".000000001", 1 },
        { ".0000000009", 0 },
        { ".000000000", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        char text[80];

        snprintf(text, sizeof(text), "2026-09-01T10:00:00%sZ", good[i].fraction);
        assert_int_equal(time_of(text), 1788256800 * SECOND + good[i].nanoseconds);
        snprintf(text, sizeof(text), "1950-01-01T00:00:00%s+00:00", good[i].fraction);
        assert_int_equal(time_of(text), -631152000 * SECOND + good[i].nanoseconds);
    }
}

static void
an_offset_is_taken_off(void **state)
{
    static const struct {
        const char *text, *utc;
    } good[] = {
        { "2026-09-01T10:00:00+00:00", "2026-09-01T10:00:00Z" },
        { "2026-09-01T10:00:00-00:00", "2026-09-01T10:00:00Z" },
        { "2026-09-01T10:00:00+02:00", "2026-09-01T08:00:00Z" },
        { "2026-09-01T10:00:00-02:00", "2026-09-01T12:00:00Z" },
        { "2026-09-01T10:00:00.5+05:45", "2026-09-01T04:15:00.500Z" },
        { "2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00Z" },
        { "2024-02-28T23:30:00-01:00", "2024-02-29T00:30:00Z" },
        { "2026-09-01T10:00:00+23:59", "2026-08-31T10:01:00Z" },
        { "2026-09-01T10:00:00-23:59", "2026-09-02T09:59:00Z" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        char text[FLOW_TIME_TEXT_MAX];

        assert_string_equal(flow_time_format(time_of(good[i].text), text), good[i].utc);
    }
}

static void
second_60_is_the_next_second(void **state)
{
    (void)state;
    assert_int_equal(time_of("2016-12-31T23:59:60Z"), time_of("2017-01-01T00:00:00Z"));
    assert_int_equal(time_of("2016-12-31T23:59:60.25Z"), time_of("2017-01-01T00:00:00.25Z"));
    assert_int_equal(time_of("1990-12-31T15:59:60-08:00"), time_of("1991-01-01T00:00:00Z"));
}

static void
february_has_29_days_in_leap_years_alone(void **state)
{
    static const struct {
        unsigned year;
        bool leap;
    } years[] = {
        { 1680, true },  { 1700, false }, { 1800, false }, { 1900, false }, { 1904, true },
        { 1999, false }, { 2000, true },  { 2023, false }, { 2024, true },  { 2026, false },
        { 2100, false }, { 2200, false }, { 2260, true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(years); i++) {
        struct flow_error err;
        char text[40];
        int64_t time;

        snprintf(text, sizeof(text), "%04u-02-29T00:00:00Z", years[i].year);
        assert_int_equal(parse(text, &time, &err), years[i].leap ? FLOW_OK : FLOW_E_PARSE);
        if (!years[i].leap) {
            assert_int_equal(err.column, 9);
        }
        snprintf(text, sizeof(text), "%04u-02-30T00:00:00Z", years[i].year);
        assert_int_equal(parse(text, &time, &err), FLOW_E_PARSE);
        assert_int_equal(err.column, 9);
    }
}

static void
a_month_has_its_days_and_no_more(void **state)
{
    static const unsigned days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    (void)state;
    for (unsigned month = 1; month <= 12; month++) {
        char text[40];
        int64_t time;

        snprintf(text, sizeof(text), "2026-%02u-%02uT00:00:00Z", month, days[month - 1]);
        assert_int_equal(parse(text, &time, NULL), FLOW_OK);
        snprintf(text, sizeof(text), "2026-%02u-%02uT00:00:00Z", month, days[month - 1] + 1);
        assert_int_equal(parse(text, &time, NULL), FLOW_E_PARSE);
        snprintf(text, sizeof(text), "2026-%02u-00T00:00:00Z", month);
        assert_int_equal(parse(text, &time, NULL), FLOW_E_PARSE);
    }
}

static void
every_day_of_the_range_is_the_day_of_the_calendar(void **state)
{
    const int64_t first = -9214560000, last = 9214646399;

    (void)state;
    for (int64_t second = first; second <= last; second += 86400 + 7919) {
        const time_t there = (time_t)second;
        char text[FLOW_TIME_TEXT_MAX], wanted[64];
        struct tm tm;

        assert_non_null(gmtime_r(&there, &tm));
        strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%SZ", &tm);
        assert_string_equal(flow_time_format(second * SECOND, text), wanted);
        assert_int_equal(time_of(text), second * SECOND);
    }
}

static void
a_bad_time_names_its_column_and_leaves_out_alone(void **state)
{
    static const struct {
        const char *text;
        uint32_t column;
    } bad[] = {
        { "", 1 },
        { "yesterday", 1 },
        { " 2026-09-01T10:00:00Z", 1 },
        { "+2026-09-01T10:00:00Z", 1 },
        { "-026-09-01T10:00:00Z", 1 },
        { "226-09-01T10:00:00Z", 4 },
        { "20260-09-01T10:00:00Z", 5 },
        { "2026", 5 },
        { "2026/09/01T10:00:00Z", 5 },
        { "2026-9-01T10:00:00Z", 7 },
        { "2026-00-01T10:00:00Z", 6 },
        { "2026-13-01T10:00:00Z", 6 },
        { "2026-09-00T10:00:00Z", 9 },
        { "2026-09-31T10:00:00Z", 9 },
        { "2026-09-1T10:00:00Z", 10 },
        { "2026-09-01", 11 },
        { "2026-09-01_10:00:00Z", 11 },
        { "2026-09-01T24:00:00Z", 12 },
        { "2026-09-01T1:00:00Z", 13 },
        { "2026-09-01T10-00-00Z", 14 },
        { "2026-09-01T10:60:00Z", 15 },
        { "2026-09-01T10:00Z", 17 },
        { "2026-09-01T10:00", 17 },
        { "2026-09-01T10:00:61Z", 18 },
        { "2026-09-01T10:00:0xZ", 19 },
        { "2026-09-01T10:00:00", 20 },
        { "2026-09-01T10:00:00.Z", 21 },
        { "2026-09-01T10:00:00,5Z", 20 },
        { "2026-09-01T10:00:00.5", 22 },
        { "2026-09-01T10:00:00.-5Z", 21 },
        { "2026-09-01T10:00:00X", 20 },
        { "2026-09-01T10:00:00ZZ", 21 },
        { "2026-09-01T10:00:00Z ", 21 },
        { "2026-09-01T10:00:00+", 21 },
        { "2026-09-01T10:00:00+01", 23 },
        { "2026-09-01T10:00:00+0100", 23 },
        { "2026-09-01T10:00:00+1:00", 22 },
        { "2026-09-01T10:00:00+24:00", 21 },
        { "2026-09-01T10:00:00+01:60", 24 },
        { "2026-09-01T10:00:00+01:0", 25 },
        { "2026-09-01T10:00:00+01:000", 26 },
        { "2026-09-01T10:00:00+01:00Z", 26 },
        { "1677-12-31T23:59:59Z", 1 },
        { "2262-01-01T00:00:00Z", 1 },
        { "0000-01-01T00:00:00Z", 1 },
        { "9999-12-31T23:59:59Z", 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct flow_error err;
        int64_t time = 7;

        if (parse(bad[i].text, &time, &err) != FLOW_E_PARSE) {
            fail_msg("%s: not refused", bad[i].text);
        }
        assert_int_equal(err.status, FLOW_E_PARSE);
        if (err.column != bad[i].column) {
            fail_msg("%s: column %u, not %u", bad[i].text, err.column, bad[i].column);
        }
        assert_true(err.message[0] != '\0');
        assert_int_equal(time, 7);
    }
}

static void
every_byte_cut_off_or_changed_is_refused_or_still_a_time(void **state)
{
    static const char text[] = "2026-09-01T10:00:00.123456789+01:30";
    char changed[sizeof(text)];
    int64_t time;

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        memcpy(changed, text, len);
        changed[len] = '\0';
        assert_int_equal(parse(changed, &time, NULL), FLOW_E_PARSE);
    }
    for (size_t at = 0; at < sizeof(text) - 1; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            const bool digit = byte >= '0' && byte <= '9';

            memcpy(changed, text, sizeof(text));
            changed[at] = (char)byte;
            if (!digit && byte != (unsigned char)text[at] &&
                flow_time_parse(&time, (struct flow_str){ changed, sizeof(text) - 1 }, NULL) ==
                    FLOW_OK) {
                /* the letters and signs for which another one means something */
                assert_non_null(strchr("TtZz+-_ ", (int)byte));
            }
        }
    }
}

static void
an_offset_at_a_border_of_the_range_never_overflows(void **state)
{
    static const char *const edges[] = {
        "1678-01-01T00:00:00+23:59",           "1678-01-01T00:00:00-23:59",
        "2261-12-31T23:59:59+23:59",           "2261-12-31T23:59:59.999999999-23:59",
        "2261-12-31T23:59:60.999999999-23:59",
    };
    static const int64_t seconds[] = {
        -9214560000 - 86340, -9214560000 + 86340, 9214646399 - 86340,
        9214646399 + 86340,  9214646400 + 86340,
    };

    (void)state;
    for (size_t i = 0; i < COUNT(edges); i++) {
        int64_t time;

        if (parse(edges[i], &time, NULL) == FLOW_OK) {
            assert_int_equal(time / SECOND - (time < 0 && time % SECOND != 0), seconds[i]);
        }
    }
}

static void
a_time_is_written_with_0_3_6_or_9_digits(void **state)
{
    static const struct {
        int64_t time;
        const char *text;
    } good[] = {
        { FLOW_TIME_NONE, "" },
        { 0, "1970-01-01T00:00:00Z" },
        { 1, "1970-01-01T00:00:00.000000001Z" },
        { 1000, "1970-01-01T00:00:00.000001Z" },
        { 1000000, "1970-01-01T00:00:00.001Z" },
        { 100000000, "1970-01-01T00:00:00.100Z" },
        { 123456000, "1970-01-01T00:00:00.123456Z" },
        { 123456780, "1970-01-01T00:00:00.123456780Z" },
        { -1, "1969-12-31T23:59:59.999999999Z" },
        { -1000000, "1969-12-31T23:59:59.999Z" },
        { -1000000000, "1969-12-31T23:59:59Z" },
        { 1788256800123000000, "2026-09-01T10:00:00.123Z" },
        { INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
        { INT64_MIN + 1, "1677-09-21T00:12:43.145224193Z" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        char text[FLOW_TIME_TEXT_MAX];

        memset(text, 'x', sizeof(text));
        assert_ptr_equal(flow_time_format(good[i].time, text), text);
        assert_string_equal(text, good[i].text);
    }
}

static void
any_time_is_read_back_from_its_text(void **state)
{
    const int64_t first = -9214560000 * SECOND, last = 9214646399 * SECOND;
    uint64_t seed = 1;

    (void)state;
    for (size_t i = 0; i < 100000; i++) {
        char text[FLOW_TIME_TEXT_MAX];
        int64_t time;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        time = (int64_t)(seed ^ seed >> 29);
        if (i % 3 == 0) {
            time -= time % 1000000;
        }
        if (time >= first && time <= last) {
            assert_int_equal(time_of(flow_time_format(time, text)), time);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_counts_nanoseconds_from_1970),
        cmocka_unit_test(one_to_nine_digits_of_a_fraction_count_and_more_are_dropped),
        cmocka_unit_test(an_offset_is_taken_off),
        cmocka_unit_test(second_60_is_the_next_second),
        cmocka_unit_test(february_has_29_days_in_leap_years_alone),
        cmocka_unit_test(a_month_has_its_days_and_no_more),
        cmocka_unit_test(every_day_of_the_range_is_the_day_of_the_calendar),
        cmocka_unit_test(a_bad_time_names_its_column_and_leaves_out_alone),
        cmocka_unit_test(every_byte_cut_off_or_changed_is_refused_or_still_a_time),
        cmocka_unit_test(an_offset_at_a_border_of_the_range_never_overflows),
        cmocka_unit_test(a_time_is_written_with_0_3_6_or_9_digits),
        cmocka_unit_test(any_time_is_read_back_from_its_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
