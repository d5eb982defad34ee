/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records by their shape against the plain decoder: both must find the same in any bytes. Texts are
 * written with ' for ".
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
#include "decode/hubble_json.h"
#include "decode/reader.h"
#include "fuzz.h"
#include "fuzz_check.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Lines with the parts of a flow that most have, and with those that few have. */
#define ENDS                                                                                       \
    "'source':{'ID':7,'identity':11,'namespace':'a','labels':['k8s:app=x'],'pod_name':'x-1'},"     \
    "'destination':{'identity':2,'labels':['reserved:world']},"

static const char *const lines[] = {
    "{'flow':{'time':'2026-09-01T10:00:00.123456789Z','uuid':'u-1','emitter':{'name':'Hubble'},"
    "'verdict':'FORWARDED','ethernet':{'source':'aa:bb'},'IP':{'source':'10.0.0.1',"
    "'destination':'192.0.2.7','ipVersion':'IPv4'},'l4':{'TCP':{'source_port':40000,"
    "'destination_port':443,'flags':{'SYN':true}}}," ENDS "'Type':'L3_L4','node_name':'n1',"
    "'event_type':{'type':4,'sub_type':3},'traffic_direction':'EGRESS','is_reply':false,"
    "'Summary':'TCP Flags: SYN'},'node_name':'n1','time':'2026-09-01T10:00:00.123456789Z'}",
    "{'flow':{'time':'2026-09-01T10:00:01Z','uuid':'u-2','emitter':{'name':'Hubble'},"
    "'verdict':'DROPPED','drop_reason':133,'ethernet':{'source':'cc:dd'},"
    "'IP':{'source':'2001:db8::1','source_xlated':'10.9.9.9','destination':'192.0.2.7',"
    "'ipVersion':'IPv6'},'l4':{'UDP':{'source_port':53,'destination_port':5353}}," ENDS
    "'source_names':['a.example'],'destination_service':{'name':'s','namespace':'a'},"
    "'Type':'L3_L4','node_name':'n2','node_labels':['os=linux'],'event_type':{'type':1},"
    "'traffic_direction':'INGRESS','egress_allowed_by':[{'name':'p','namespace':'a'}],"
    "'drop_reason_desc':'POLICY_DENIED','Summary':'a \\'quoted\\' one'},'node_name':'n2',"
    "'time':'2026-09-01T10:00:01Z'}",
    "{'flow':{'time':'2026-09-01T10:00:02.5Z','l4':{'ICMPv4':{'type':8}}," ENDS
    "'l7':{'type':'RESPONSE','dns':{'query':'a.example.','ips':['192.0.2.9'],'ttl':30,'rcode':0}},"
    "'reply':true,'is_reply':null,'proxy_port':1500,'tunnel':{'vni':7},'unknown':[1,{'a':'b'},-2]},"
    "'node_name':'n1','time':'2026-09-01T10:00:02.5Z'}",
    "{'time':'2026-09-01T10:00:03Z','uuid':'bare','verdict':'AUDIT'," ENDS "'node_name':'n3'}",
    "{'lost_events':{'source':'HUBBLE_RING_BUFFER','num_events_lost':'5'},'node_name':'n1',"
    "'time':'2026-09-01T10:00:04Z'}",
};

/* What one reading gave. */
struct reading {
    uint64_t records, problems;
    size_t record_count, problem_count;
    struct flow_input_stats stats;
};

static struct flow_batch *batch;

static void
read_all(const char *text, size_t len, bool plain, struct reading *reading)
{
    struct flow_reader *reader;
    struct flow_error err;
    int rc;

    *reading = (struct reading){ .records = FUZZ_HASH, .problems = FUZZ_HASH };
    assert_int_equal(flow_reader_open_memory(&reader, text, len, NULL, &err), FLOW_OK);
    reader->plain = plain;
    while ((rc = flow_reader_next(reader, batch, &err)) == FLOW_OK) {
        for (size_t i = 0; i < flow_batch_count(batch); i++) {
            reading->records = fuzz_hash_record(reading->records, flow_batch_at(batch, i));
        }
        for (size_t i = 0; i < flow_batch_problem_count(batch) && i < 64; i++) {
            const struct flow_error *problem = flow_batch_problem_at(batch, i);

            reading->problems = fuzz_hash_number(reading->problems, problem->line);
            reading->problems = fuzz_hash_number(reading->problems, problem->column);
            reading->problems =
                fuzz_hash(reading->problems, problem->message, strlen(problem->message));
        }
        reading->record_count += flow_batch_count(batch);
        reading->problem_count += flow_batch_problem_count(batch);
    }
    assert_int_equal(rc, FLOW_END);
    assert_int_equal(flow_reader_input(reader, 0, &reading->stats), FLOW_OK);
    flow_batch_reset(batch, NULL);
    flow_reader_close(reader);
}

/* Reads the text with both, and gives how many records there are. */
static size_t
assert_same(const char *text, size_t len, const char *what)
{
    struct reading quick, plain;

    read_all(text, len, false, &quick);
    read_all(text, len, true, &plain);
    if (quick.records != plain.records || quick.problems != plain.problems ||
        quick.record_count != plain.record_count || quick.problem_count != plain.problem_count ||
        quick.stats.cut_short != plain.stats.cut_short || quick.stats.flows != plain.stats.flows) {
        fail_msg("%s: %zu records and %zu problems, not %zu and %zu: %.*s", what,
                 quick.record_count, quick.problem_count, plain.record_count, plain.problem_count,
                 (int)len, text);
    }
    return quick.record_count;
}

static struct flow_str
line_of(const char *line, struct flow_buf *out)
{
    flow_buf_reset(out);
    for (; *line != '\0'; line++) {
        flow_buf_add_char(out, *line == '\'' ? '"' : *line);
    }
    assert_false(out->failed);
    return flow_buf_str(out);
}

static void
what_was_met_before_is_taken_by_its_shape(void **state)
{
    struct flow_hubble_json decoder;
    struct flow_arena arena = { 0 };
    struct flow_buf line = { 0 };
    struct flow_dict *dict;

    (void)state;
    assert_int_equal(flow_dict_new(&dict, NULL), FLOW_OK);
    flow_hubble_json_init(&decoder, dict);
    for (size_t i = 0; i + 1 < COUNT(lines); i++) {
        struct flow_record record, again;
        struct flow_json json;
        struct flow_str text;
        size_t len;

        text = line_of(lines[i], &line);
        for (size_t p = 0; p < FLOW_SCAN_PADDING; p++) {
            flow_buf_add_char(&line, '\0');
        }
        memset(&record, 0, sizeof(record));
        record.time = FLOW_TIME_NONE;
        again = record;
        flow_json_init(&json, (const uint8_t *)line.ptr, text.len, &arena);
        assert_true(flow_hubble_json_decode(&decoder, &json, &record));
        flow_shapes_learn(&decoder, (const uint8_t *)line.ptr, json.at, &record);
        len = flow_shapes_take(&decoder, (const uint8_t *)line.ptr,
                               (const uint8_t *)line.ptr + text.len, &arena, &again);
        assert_int_equal(len, text.len);
        assert_int_equal(record.time, again.time);
        assert_ptr_equal(record.source, again.source);
        assert_int_equal(record.verdict, again.verdict);
        /* one byte less is not the whole */
        assert_int_equal(flow_shapes_take(&decoder, (const uint8_t *)line.ptr,
                                          (const uint8_t *)line.ptr + text.len - 1, &arena, &again),
                         0);
    }
    flow_hubble_json_free(&decoder);
    flow_dict_free(dict);
    flow_arena_free(&arena);
    flow_buf_free(&line);
}

/* A line three times, with the second one changed. */
static void
add_changed(struct flow_buf *out, struct flow_str line, size_t at, const char *put, size_t put_len,
            size_t drop)
{
    flow_buf_reset(out);
    flow_buf_add_str(out, line);
    flow_buf_add_char(out, '\n');
    flow_buf_add_str(out, line);
    flow_buf_add_char(out, '\n');
    flow_buf_add(out, line.ptr, at);
    flow_buf_add(out, put, put_len);
    flow_buf_add(out, line.ptr + at + drop, line.len - at - drop);
    flow_buf_add_char(out, '\n');
    flow_buf_add_str(out, line);
    assert_false(out->failed);
}

static void
a_change_of_any_byte_gives_what_the_plain_decoder_gives(void **state)
{
    /* the first few are also put in between */
    static const char *const puts[] = { "\"", "\\", "\n", "\x80", "0", ",",    "}",
                                        "",   " ",  "]",  "{",    "9", "null", "\x01" };
    struct flow_buf line = { 0 };
    struct flow_buf text = { 0 };
    size_t records = 0;

    (void)state;
    for (size_t l = 0; l < COUNT(lines); l++) {
        const struct flow_str whole = line_of(lines[l], &line);

        for (size_t at = 0; at < whole.len; at++) {
            for (size_t p = 0; p < COUNT(puts); p++) {
                add_changed(&text, whole, at, puts[p], strlen(puts[p]), 1);
                records += assert_same(text.ptr, text.len, "a byte for another");
                if (p < 6) {
                    add_changed(&text, whole, at, puts[p], strlen(puts[p]), 0);
                    records += assert_same(text.ptr, text.len, "a byte more");
                }
            }
        }
    }
    assert_true(records > 100000);
    flow_buf_free(&line);
    flow_buf_free(&text);
}

static void
a_cut_at_any_byte_gives_what_the_plain_decoder_gives(void **state)
{
    struct flow_buf line = { 0 };
    struct flow_buf text = { 0 };

    (void)state;
    for (size_t l = 0; l < COUNT(lines); l++) {
        const struct flow_str whole = line_of(lines[l], &line);

        for (size_t at = 0; at < whole.len; at++) {
            add_changed(&text, whole, at, "", 0, whole.len - at);
            (void)assert_same(text.ptr, text.len, "a line that is cut");
            (void)assert_same(text.ptr, 2 * (whole.len + 1) + at, "a file that is cut");
        }
    }
    flow_buf_free(&line);
    flow_buf_free(&text);
}

static void
every_kind_of_record_may_stand_behind_every_other(void **state)
{
    struct flow_buf line = { 0 };
    struct flow_buf text = { 0 };
    uint32_t random = 1;

    (void)state;
    for (size_t i = 0; i < 4000; i++) {
        random = random * 1664525 + 1013904223;
        flow_buf_add_str(&text, line_of(lines[(random >> 16) % COUNT(lines)], &line));
        flow_buf_add_text(&text, (random >> 8) % 7 == 0   ? "\r\n"
                                 : (random >> 8) % 7 == 1 ? " "
                                                          : "\n");
    }
    assert_int_equal(assert_same(text.ptr, text.len, "records in any order"), 4000);
    flow_buf_free(&line);
    flow_buf_free(&text);
}

/* Each record has another member, so that no shape is ever met again. */
static void
records_that_are_all_different_are_read_and_forgotten(void **state)
{
    struct flow_hubble_json decoder;
    struct flow_arena arena = { 0 };
    struct flow_buf text = { 0 };
    struct flow_dict *dict;
    size_t largest = 0;

    (void)state;
    assert_int_equal(flow_dict_new(&dict, NULL), FLOW_OK);
    flow_hubble_json_init(&decoder, dict);
    for (size_t i = 0; i < 600000 && !decoder.shapes.off; i++) {
        struct flow_record record;
        struct flow_json json;

        memset(&record, 0, sizeof(record));
        flow_buf_reset(&text);
        flow_buf_add_format(&text,
                            "{\"flow\":{\"uuid\":\"u\",\"a%zu\":{\"b%zu\":\"c\"},\"d\":1}}%64s",
                            i % 61, i, "");
        flow_json_init(&json, (const uint8_t *)text.ptr, text.len - 64, &arena);
        assert_true(flow_hubble_json_decode(&decoder, &json, &record));
        flow_shapes_learn(&decoder, (const uint8_t *)text.ptr, json.at, &record);
        largest = decoder.shapes.steps > largest ? decoder.shapes.steps : largest;
    }
    assert_true(decoder.shapes.off);
    assert_true(largest <= FLOW_SHAPE_STEPS_MAX + FLOW_SHAPE_RECORD_STEPS);
    flow_hubble_json_free(&decoder);
    flow_dict_free(dict);
    flow_arena_free(&arena);
    flow_buf_free(&text);
}

static int
make_batch(void **state)
{
    (void)state;
    return flow_batch_new(&batch, NULL) == FLOW_OK ? 0 : -1;
}

static int
free_batch(void **state)
{
    (void)state;
    flow_batch_free(batch);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_met_before_is_taken_by_its_shape),
        cmocka_unit_test(a_change_of_any_byte_gives_what_the_plain_decoder_gives),
        cmocka_unit_test(a_cut_at_any_byte_gives_what_the_plain_decoder_gives),
        cmocka_unit_test(every_kind_of_record_may_stand_behind_every_other),
        cmocka_unit_test(records_that_are_all_different_are_read_and_forgotten),
    };

    return cmocka_run_group_tests(tests, make_batch, free_batch);
}
