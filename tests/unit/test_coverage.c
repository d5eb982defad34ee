/* SPDX-License-Identifier: Apache-2.0 */
/* Stretches of time: what joins, whatever the order, and what becomes of too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "check/tally.h"

static void
add(struct flow_spans *spans, int64_t from, int64_t until, int64_t join)
{
    assert_true(flow_spans_add(spans, from, until, join));
}

static void
stretches_join_where_they_are_close(void **state)
{
    struct flow_spans spans = { NULL, 0, 0, 0 };

    (void)state;
    add(&spans, 100, 100, 10);
    add(&spans, 110, 110, 10); /* as far as may be */
    assert_int_equal(spans.count, 1);
    add(&spans, 121, 125, 10); /* one more */
    assert_int_equal(spans.count, 2);
    add(&spans, 50, 60, 10);
    assert_int_equal(spans.count, 3);
    add(&spans, 70, 90, 10); /* closes the gap to both sides */
    assert_int_equal(spans.count, 2);
    assert_int_equal(spans.spans[0].from, 50);
    assert_int_equal(spans.spans[0].until, 110);
    add(&spans, INT64_MIN, INT64_MAX, 10);
    assert_int_equal(spans.count, 1);
    free(spans.spans);
}

static void
the_order_does_not_matter(void **state)
{
    enum { COUNT = 200 };
    int64_t times[COUNT];
    struct flow_spans sorted = { NULL, 0, 0, 0 };

    (void)state;
    srand(7);
    for (size_t i = 0; i < COUNT; i++) {
        times[i] = rand() % 4000;
        add(&sorted, times[i], times[i] + times[i] % 3, 9);
    }
    for (size_t round = 0; round < 50; round++) {
        struct flow_spans other = { NULL, 0, 0, 0 };

        for (size_t i = COUNT - 1; i > 0; i--) {
            const size_t with = (size_t)rand() % (i + 1);
            const int64_t time = times[i];

            times[i] = times[with];
            times[with] = time;
        }
        for (size_t i = 0; i < COUNT; i++) {
            add(&other, times[i], times[i] + times[i] % 3, 9);
        }
        assert_int_equal(other.count, sorted.count);
        assert_memory_equal(other.spans, sorted.spans, other.count * sizeof(*other.spans));
        free(other.spans);
    }
    free(sorted.spans);
}

static void
too_many_are_thinned_out(void **state)
{
    const int64_t hour = (int64_t)3600 * 1000000000;
    struct flow_spans spans = { NULL, 0, 0, 0 };

    (void)state;
    for (int64_t i = FLOW_SPANS_MAX; i > 0; i--) {
        add(&spans, i * hour, i * hour, hour / 12);
    }
    assert_int_equal(spans.count, FLOW_SPANS_MAX);
    add(&spans, 0, 0, hour / 12);
    assert_in_range(spans.count, 1, FLOW_SPANS_MAX / 2);
    assert_int_equal(spans.spans[0].from, 0);
    assert_int_equal(spans.spans[spans.count - 1].until, (int64_t)FLOW_SPANS_MAX * hour);
    for (size_t i = 1; i < spans.count; i++) {
        assert_true(spans.spans[i - 1].until < spans.spans[i].from);
    }
    free(spans.spans);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stretches_join_where_they_are_close),
        cmocka_unit_test(the_order_does_not_matter),
        cmocka_unit_test(too_many_are_thinned_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
