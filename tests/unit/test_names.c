/* SPDX-License-Identifier: Apache-2.0 */
/* The history of names, learned from DNS answers as records have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "enrich/names.h"
#include "libflow/libflow.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const int64_t start = 1767225600000000000; /* 2026-01-01T00:00:00Z */
static const int64_t second = 1000000000;

/* One answer: seconds behind the start, node, name, addresses as JSON, time to live. */
struct answer {
    unsigned at;
    const char *node, *query, *ips;
    unsigned ttl;
    const char *more; /* further members of the DNS record */
    const char *type; /* RESPONSE */
};

static void
learn(struct flow_names *names, const struct answer *answers, size_t count)
{
    struct flow_buf text = { 0 };
    struct flow_reader *reader;
    struct flow_batch *batch;
    struct flow_error err;

    for (size_t i = 0; i < count; i++) {
        flow_buf_add_format(
            &text,
            "{\"flow\":{\"time\":\"2026-01-01T00:%02u:%02uZ\",\"verdict\":\"FORWARDED\",\"Type\":"
            "\"L7\",\"node_name\":\"%s\",\"event_type\":{\"type\":129},\"l7\":{\"type\":\"%s\","
            "\"dns\":{\"query\":\"%s\",\"ips\":%s,\"ttl\":%u%s}}}}\n",
            answers[i].at / 60, answers[i].at % 60, answers[i].node,
            answers[i].type != NULL ? answers[i].type : "RESPONSE", answers[i].query,
            answers[i].ips, answers[i].ttl, answers[i].more != NULL ? answers[i].more : "");
    }
    assert_false(text.failed);
    assert_int_equal(flow_batch_new(&batch, &err), FLOW_OK);
    assert_int_equal(flow_reader_open_memory(&reader, text.ptr, text.len, NULL, &err), FLOW_OK);
    while (flow_reader_next(reader, batch, &err) == FLOW_OK) {
        assert_int_equal(flow_names_learn(names, batch, &err), FLOW_OK);
    }
    flow_reader_close(reader);
    flow_batch_free(batch);
    flow_buf_free(&text);
}

/* The names at a time, with commas between them. */
static const char *
names_at(const struct flow_names *names, const char *node, const char *ip, unsigned at)
{
    static char text[2048];
    struct flow_address address;
    uint32_t found[FLOW_NAMES_AT_MAX];
    size_t count, len = 0;

    memset(&address, 0, sizeof(address));
    assert_int_equal(flow_address_parse(&address, flow_str_of(ip), NULL), FLOW_OK);
    count = flow_names_at(names, flow_str_of(node), &address, start + (int64_t)at * second, found);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const struct flow_str name = flow_names_text(names, found[i]);

        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s", i > 0 ? "," : "",
                                (int)name.len, name.ptr);
    }
    return text;
}

static void
a_name_holds_from_its_answer_on_for_its_time_to_live(void **state)
{
    static const struct answer answers[] = {
        { 10, "c/n1", "a.x.io.", "[\"192.0.2.1\",\"2001:db8::1\"]", 30, NULL, NULL },
    };
    struct flow_names *names;

    (void)state;
    assert_int_equal(flow_names_new(&names, NULL), FLOW_OK);
    learn(names, answers, COUNT(answers));
    assert_int_equal(flow_names_count(names), 2);
    assert_string_equal(names_at(names, "c/n1", "192.0.2.1", 9), "");
    assert_string_equal(names_at(names, "c/n1", "192.0.2.1", 10), "a.x.io");
    assert_string_equal(names_at(names, "c/n1", "192.0.2.1", 40), "a.x.io");
    assert_string_equal(names_at(names, "c/n1", "192.0.2.1", 41), "");
    assert_string_equal(names_at(names, "c/n1", "2001:db8::1", 11), "a.x.io");
    assert_string_equal(names_at(names, "c/n1", "192.0.2.2", 11), "");
    /* what another node saw is that node's */
    assert_string_equal(names_at(names, "c/n2", "192.0.2.1", 11), "");
    assert_string_equal(names_at(names, "", "192.0.2.1", 11), "");
    flow_names_free(names);
}

static void
answers_come_in_any_order_and_add_up(void **state)
{
    static const struct answer answers[] = {
        { 100, "n", "a.x.io.", "[\"192.0.2.1\"]", 10, NULL, NULL },
        { 10, "n", "a.x.io.", "[\"192.0.2.1\"]", 10, NULL, NULL },
        { 50, "n", "a.x.io.", "[\"192.0.2.1\"]", 10, NULL, NULL },
        { 15, "n", "a.x.io.", "[\"192.0.2.1\"]", 20, NULL, NULL },
        { 52, "n", "b.x.io.", "[\"192.0.2.1\"]", 100, NULL, NULL },
        { 30, "n", "a.x.io.", "[\"192.0.2.1\"]", 25, NULL, NULL },
    };
    static const struct {
        unsigned at;
        const char *names;
    } expected[] = {
        { 9, "" },
        { 10, "a.x.io" },
        { 35, "a.x.io" },
        { 51, "a.x.io" },
        { 55, "a.x.io,b.x.io" },
        { 60, "a.x.io,b.x.io" },
        { 61, "b.x.io" },
        { 99, "b.x.io" },
        { 105, "a.x.io,b.x.io" },
        { 152, "b.x.io" },
        { 153, "" },
    };
    struct flow_names *names;

    (void)state;
    assert_int_equal(flow_names_new(&names, NULL), FLOW_OK);
    learn(names, answers, COUNT(answers));
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_string_equal(names_at(names, "n", "192.0.2.1", expected[i].at), expected[i].names);
    }
    flow_names_free(names);
}

static void
what_is_no_answer_teaches_nothing(void **state)
{
    static const struct answer answers[] = {
        { 0, "n", "a.x.io.", "[\"192.0.2.1\"]", 10, NULL, "REQUEST" },
        { 0, "n", "a.x.io.", "[\"192.0.2.1\"]", 10, ",\"rcode\":3", NULL },
        { 0, "n", "", "[\"192.0.2.1\"]", 10, NULL, NULL },
        { 0, "n", "a.x.io.", "[\"not an address\"]", 10, NULL, NULL },
        { 0, "n", "a.x.io.", "[]", 10, NULL, NULL },
    };
    struct flow_names *names;

    (void)state;
    assert_int_equal(flow_names_new(&names, NULL), FLOW_OK);
    learn(names, answers, COUNT(answers));
    assert_int_equal(flow_names_count(names), 0);
    flow_names_free(names);
    flow_names_free(NULL);
}

static void
a_time_to_live_beyond_reason_is_cut(void **state)
{
    static const struct answer answers[] = {
        { 0, "n", "a.x.io.", "[\"192.0.2.1\"]", 4294967295, NULL, NULL },
        { 0, "n", "b.x.io.", "[\"192.0.2.2\"]", 0, NULL, NULL },
    };
    struct flow_names *names;

    (void)state;
    assert_int_equal(flow_names_new(&names, NULL), FLOW_OK);
    learn(names, answers, COUNT(answers));
    assert_string_equal(names_at(names, "n", "192.0.2.1", 315360000), "a.x.io");
    assert_string_equal(names_at(names, "n", "192.0.2.1", 315360001), "");
    assert_string_equal(names_at(names, "n", "192.0.2.2", 0), "b.x.io");
    assert_string_equal(names_at(names, "n", "192.0.2.2", 1), "");
    flow_names_free(names);
}

/* More names than are looked at, and more than are remembered. */
static void
names_of_one_address_have_limits(void **state)
{
    struct answer *answers = calloc(FLOW_NAMES_OF_ADDRESS_MAX + 1, sizeof(*answers));
    char(*queries)[16] = calloc(FLOW_NAMES_OF_ADDRESS_MAX + 1, sizeof(*queries));
    uint32_t found[FLOW_NAMES_AT_MAX];
    struct flow_address address;
    struct flow_names *names;

    (void)state;
    assert_non_null(answers);
    assert_non_null(queries);
    for (size_t i = 0; i <= FLOW_NAMES_OF_ADDRESS_MAX; i++) {
        snprintf(queries[i], sizeof(queries[i]), "n%zu.x.io.", i);
        answers[i] = (struct answer){ 0, "n", queries[i], "[\"192.0.2.1\"]", 10, NULL, NULL };
    }
    memset(&address, 0, sizeof(address));
    assert_int_equal(flow_address_parse(&address, FLOW_STR("192.0.2.1"), NULL), FLOW_OK);
    assert_int_equal(flow_names_new(&names, NULL), FLOW_OK);
    learn(names, answers, FLOW_NAMES_AT_MAX);
    assert_int_equal(flow_names_at(names, FLOW_STR("n"), &address, start, found),
                     FLOW_NAMES_AT_MAX);
    learn(names, answers, FLOW_NAMES_OF_ADDRESS_MAX);
    assert_int_equal(flow_names_at(names, FLOW_STR("n"), &address, start, found),
                     FLOW_NAMES_AT_MAX);
    assert_int_equal(flow_names_count(names), FLOW_NAMES_AT_MAX + FLOW_NAMES_OF_ADDRESS_MAX);
    learn(names, answers + FLOW_NAMES_OF_ADDRESS_MAX, 1);
    assert_int_equal(flow_names_count(names), FLOW_NAMES_AT_MAX + FLOW_NAMES_OF_ADDRESS_MAX);
    flow_names_free(names);
    free(queries);
    free(answers);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_holds_from_its_answer_on_for_its_time_to_live),
        cmocka_unit_test(answers_come_in_any_order_and_add_up),
        cmocka_unit_test(what_is_no_answer_teaches_nothing),
        cmocka_unit_test(a_time_to_live_beyond_reason_is_cut),
        cmocka_unit_test(names_of_one_address_have_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
