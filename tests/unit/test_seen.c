/* SPDX-License-Identifier: Apache-2.0 */
/* Which flows are known when they come again, however many there are and whatever their clocks say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "model/seen.h"

#define SECOND INT64_C(1000000000)
#define START (INT64_C(1800000000) * SECOND)

static struct flow_seen *
new_seen(void)
{
    struct flow_error err;
    struct flow_seen *seen;

    assert_int_equal(flow_seen_new(&seen, &err), FLOW_OK);
    return seen;
}

/* A flow by its number; it arrives a second behind its time. */
static bool
add(struct flow_seen *seen, uint32_t number, int64_t time)
{
    struct flow_record record;
    char uuid[16];

    memset(&record, 0, sizeof(record));
    record.kind = FLOW_KIND_FLOW;
    record.time = time;
    record.uuid.ptr = uuid;
    record.uuid.len = (size_t)snprintf(uuid, sizeof(uuid), "%u", (unsigned)number);
    return flow_seen_add(seen, &record, time + SECOND);
}

static struct flow_seen_stats
stats_of(const struct flow_seen *seen)
{
    struct flow_seen_stats stats;

    flow_seen_stats(seen, &stats);
    return stats;
}

/* How many of the first ones are known when all come again. */
static uint32_t
known_again(struct flow_seen *seen, uint32_t count, int64_t step)
{
    uint32_t known = 0;

    for (uint32_t i = 0; i < count; i++) {
        assert_false(add(seen, i, START + i * step));
    }
    flow_seen_connected(seen, START + count * step + SECOND);
    for (uint32_t i = 0; i < count; i++) {
        known += add(seen, i, START + i * step) ? 1 : 0;
    }
    return known;
}

static void
a_burst_is_known_up_to_the_limit(void **state)
{
    static const uint32_t counts[] = {
        1, 131071, 131072, 131073, 262145, 1000000, FLOW_SEEN_MAX - 1, FLOW_SEEN_MAX
    };

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct flow_seen *seen = new_seen();

        assert_int_equal(known_again(seen, counts[i], 1000), counts[i]);
        assert_int_equal(stats_of(seen).gaps, 0);
        flow_seen_free(seen);
    }
}

static void
beyond_the_limit_the_newest_are_known(void **state)
{
    struct flow_seen *seen = new_seen();
    const uint32_t count = FLOW_SEEN_MAX + 1000;

    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        add(seen, i, START + i);
    }
    flow_seen_connected(seen, START + SECOND * 2);
    for (uint32_t i = count - 1000; i < count; i++) {
        assert_true(add(seen, i, START + i));
    }
    assert_false(add(seen, 0, START));
    flow_seen_free(seen);
}

/* Ten a millisecond are no burst: the seconds that are asked for again are known all the same. */
static void
a_steady_stream_is_known_for_the_time_that_is_asked_again(void **state)
{
    struct flow_seen *seen = new_seen();
    const uint32_t count = 500000;
    const int64_t step = SECOND / 10000;
    int64_t since;

    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        assert_false(add(seen, i, START + i * step));
    }
    since = flow_seen_since(seen);
    assert_true(since < START + (count - 1) * step && since > START);
    flow_seen_connected(seen, START + count * step + SECOND);
    for (uint32_t i = (uint32_t)((since - START + step - 1) / step); i < count; i++) {
        assert_true(add(seen, i, START + i * step));
    }
    flow_seen_free(seen);
}

static void
clocks_far_from_ours_are_no_overflow(void **state)
{
    static const int64_t times[] = { INT64_MIN + 1, INT64_MAX, 0, FLOW_TIME_NONE };

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct flow_seen *seen = new_seen();
        struct flow_record record;

        memset(&record, 0, sizeof(record));
        record.kind = FLOW_KIND_FLOW;
        record.uuid = (struct flow_str){ "far", 3 };
        record.time = times[i];
        assert_false(flow_seen_add(seen, &record, START));
        (void)flow_seen_since(seen);
        assert_int_equal(known_again(seen, 140000, 1000), 140000);
        assert_true(flow_seen_add(seen, &record, START));
        (void)flow_seen_since(seen);
        flow_seen_free(seen);
    }
}

static void
a_report_of_lost_events_is_known_by_its_time(void **state)
{
    struct flow_seen *seen = new_seen();
    struct flow_lost lost = { .source = 1, .count = 7, .cpu = 3 };
    struct flow_record record;

    (void)state;
    memset(&record, 0, sizeof(record));
    record.kind = FLOW_KIND_LOST_EVENTS;
    record.lost = &lost;
    record.time = START;
    lost.first = lost.last = FLOW_TIME_NONE;
    assert_false(flow_seen_add(seen, &record, START));
    flow_seen_connected(seen, START + SECOND);
    assert_true(flow_seen_add(seen, &record, START + SECOND));
    lost.cpu = 4;
    assert_false(flow_seen_add(seen, &record, START + SECOND));
    /* without a time one cannot be told from the next */
    record.time = FLOW_TIME_NONE;
    assert_false(flow_seen_add(seen, &record, START + SECOND));
    flow_seen_connected(seen, START + 2 * SECOND);
    assert_false(flow_seen_add(seen, &record, START + 2 * SECOND));
    assert_int_equal(stats_of(seen).duplicates, 0);
    flow_seen_free(seen);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_known_up_to_the_limit),
        cmocka_unit_test(beyond_the_limit_the_newest_are_known),
        cmocka_unit_test(a_steady_stream_is_known_for_the_time_that_is_asked_again),
        cmocka_unit_test(clocks_far_from_ours_are_no_overflow),
        cmocka_unit_test(a_report_of_lost_events_is_known_by_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
