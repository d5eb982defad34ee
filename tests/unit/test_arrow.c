/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: what is in the columns, who owns what, and the messages of the streaming format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arrow/flatbuffer.h"
#include "arrow/ipc.h"
#include "base/str.h"
#include "libflow/libflow.h"

static const char lines[] =
    "{\"flow\":{\"time\":\"2026-09-01T10:00:00.000000007Z\",\"uuid\":\"u-1\",\"verdict\":"
    "\"FORWARDED\",\"IP\":{\"source\":\"10.42.0.7\",\"destination\":\"2001:db8::7\"},\"l4\":{"
    "\"TCP\":{\"source_port\":40000,\"destination_port\":8080,\"flags\":{\"SYN\":true,\"ACK\":true"
    "}}},\"source\":{\"identity\":1001,\"namespace\":\"web\",\"labels\":[\"k8s:app=ui\"],"
    "\"pod_name\":\"ui-0\"},\"destination\":{\"identity\":2,\"labels\":[\"reserved:world\"]},"
    "\"destination_names\":[\"a.example.com\",\"b.example.com\"],\"Type\":\"L3_L4\",\"node_name\":"
    "\"n1\",\"event_type\":{\"type\":5},\"traffic_direction\":\"EGRESS\",\"is_reply\":false}}\n"
    "{\"lost_events\":{\"source\":\"HUBBLE_RING_BUFFER\",\"num_events_lost\":\"3\"}}\n"
    "{\"flow\":{\"verdict\":\"DROPPED\",\"drop_reason\":65000,\"source\":{\"namespace\":\"web\","
    "\"pod_name\":\"ui-0\",\"labels\":[\"k8s:app=ui\"],\"identity\":1001},\"destination\":{}}}\n";

/* The flows of the lines as one array. */
static void
take_lines(struct ArrowArray *array)
{
    struct flow_check_options options;
    struct ArrowArrayStream stream;
    struct flow_check *check;

    flow_check_options_init(&options, sizeof(options));
    options.bytes = lines;
    options.byte_count = sizeof(lines) - 1;
    assert_int_equal(flow_check_open(&check, &options, NULL), FLOW_OK);
    assert_int_equal(flow_arrow_stream_flows(&stream, FLOW_ARROW_FLOWS, 0, check, NULL), FLOW_OK);
    assert_int_equal(stream.get_next(&stream, array), 0);
    assert_non_null(array->release);
    stream.release(&stream);
}

static bool
is_valid(const struct ArrowArray *column, size_t row)
{
    const uint8_t *valid = column->buffers[0];

    return valid == NULL || (valid[row / 8] >> row % 8 & 1) != 0;
}

static struct flow_str
text_at(const struct ArrowArray *column, size_t row)
{
    const int32_t *offsets = column->buffers[1];

    if (column->dictionary != NULL) {
        return text_at(column->dictionary, (size_t)((const int32_t *)column->buffers[1])[row]);
    }
    return (struct flow_str){ (const char *)column->buffers[2] + offsets[row],
                              (size_t)(offsets[row + 1] - offsets[row]) };
}

static void
expect_text(const struct ArrowArray *array, int column, size_t row, const char *expected)
{
    const struct ArrowArray *found = array->children[column];

    assert_int_equal(is_valid(found, row), expected != NULL);
    if (expected != NULL) {
        const struct flow_str text = text_at(found, row);

        assert_int_equal(text.len, strlen(expected));
        assert_memory_equal(text.ptr, expected, text.len);
    }
}

static void
columns_hold_what_the_records_tell(void **state)
{
    static const uint8_t mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 42, 0, 7 };
    struct ArrowArray array;
    const struct ArrowArray *names;

    (void)state;
    take_lines(&array);
    assert_int_equal(array.length, 2);
    assert_int_equal(array.n_children, FLOW_COLUMN_REPLY);
    expect_text(&array, FLOW_COLUMN_UUID, 0, "u-1");
    expect_text(&array, FLOW_COLUMN_UUID, 1, NULL);
    expect_text(&array, FLOW_COLUMN_VERDICT, 1, "DROPPED");
    expect_text(&array, FLOW_COLUMN_DROP_REASON, 0, NULL);
    expect_text(&array, FLOW_COLUMN_DROP_REASON, 1, "65000");
    expect_text(&array, FLOW_COLUMN_TCP_FLAGS, 0, "SYN,ACK");
    expect_text(&array, FLOW_COLUMN_TCP_FLAGS, 1, NULL);
    expect_text(&array, FLOW_COLUMN_SOURCE_IP, 0, "10.42.0.7");
    expect_text(&array, FLOW_COLUMN_DESTINATION_IP, 0, "2001:db8::7");
    expect_text(&array, FLOW_COLUMN_SOURCE_LABELS, 1, "k8s:app=ui");
    expect_text(&array, FLOW_COLUMN_DESTINATION_LABELS, 0, "reserved:world");
    expect_text(&array, FLOW_COLUMN_DESTINATION_POD, 0, NULL);
    expect_text(&array, FLOW_COLUMN_INPUT, 0, "<memory>");
    assert_memory_equal(array.children[FLOW_COLUMN_SOURCE_ADDRESS]->buffers[1], mapped, 16);
    assert_int_equal(((const int64_t *)array.children[FLOW_COLUMN_OF_TIME]->buffers[1])[0] % 1000,
                     7);
    assert_false(is_valid(array.children[FLOW_COLUMN_OF_TIME], 1));
    assert_int_equal(((const uint64_t *)array.children[FLOW_COLUMN_NUMBER]->buffers[1])[1], 3);
    assert_false(is_valid(array.children[FLOW_COLUMN_IS_REPLY], 1));
    assert_int_equal(array.children[FLOW_COLUMN_IS_REPLY]->null_count, 1);
    /* a list of two, then null */
    names = array.children[FLOW_COLUMN_DESTINATION_NAMES];
    assert_int_equal(names->null_count, 1);
    assert_int_equal(((const int32_t *)names->buffers[1])[1], 2);
    assert_int_equal(((const int32_t *)names->buffers[1])[2], 2);
    expect_text(&(struct ArrowArray){ .children = names->children }, 0, 1, "b.example.com");
    array.release(&array);
    assert_null(array.release);
}

static void
parts_that_are_moved_out_live_on(void **state)
{
    struct ArrowArray array, uuid, labels, names, items;

    (void)state;
    take_lines(&array);
    uuid = *array.children[FLOW_COLUMN_UUID];
    array.children[FLOW_COLUMN_UUID]->release = NULL;
    labels = *array.children[FLOW_COLUMN_SOURCE_LABELS];
    array.children[FLOW_COLUMN_SOURCE_LABELS]->release = NULL;
    names = *array.children[FLOW_COLUMN_DESTINATION_NAMES];
    array.children[FLOW_COLUMN_DESTINATION_NAMES]->release = NULL;
    array.release(&array);
    items = *names.children[0];
    names.children[0]->release = NULL;
    names.release(&names);
    assert_memory_equal(text_at(&uuid, 0).ptr, "u-1", 3);
    assert_memory_equal(text_at(&labels, 1).ptr, "k8s:app=ui", 10);
    assert_memory_equal(text_at(&items, 1).ptr, "b.example.com", 13);
    uuid.release(&uuid);
    labels.release(&labels);
    items.release(&items);
}

static void
schemas_are_of_their_tables(void **state)
{
    (void)state;
    for (uint8_t table = 0; table < FLOW_ARROW_TABLE_COUNT; table++) {
        struct ArrowSchema schema, kept;
        size_t count = 0;

        assert_int_equal(flow_arrow_schema(&schema, table, NULL), FLOW_OK);
        while (flow_arrow_column_at(table, count) != NULL) {
            const struct flow_arrow_column *column = flow_arrow_column_at(table, count);
            const struct ArrowSchema *field = schema.children[count++];

            assert_string_equal(field->name, column->name);
            assert_int_equal(field->dictionary != NULL, strncmp(column->type, "dict", 4) == 0);
            assert_true(column->summary[0] != 0);
        }
        assert_int_equal(schema.n_children, count);
        kept = *schema.children[0];
        schema.children[0]->release = NULL;
        schema.release(&schema);
        assert_null(schema.release);
        assert_string_equal(kept.name, flow_arrow_column_at(table, 0)->name);
        kept.release(&kept);
    }
    assert_int_equal(flow_arrow_schema(&(struct ArrowSchema){ 0 }, 200, NULL), FLOW_E_ARGUMENT);
    assert_string_equal(flow_arrow_table_name(FLOW_ARROW_DECISIONS), "decisions");
}

/* The dictionary that a column of words has once so many of them were put, one a row. */
static int64_t
words_after(struct flow_table *table, size_t first, size_t count)
{
    struct ArrowArray array;
    int64_t words;

    for (size_t i = first; i < first + count; i++) {
        char text[32];

        assert_true(flow_table_reserve(table, 1));
        snprintf(text, sizeof(text), "pod-%zu", i);
        flow_put_word(table, FLOW_COLUMN_SOURCE_POD, flow_str_of(text));
        flow_table_end_row(table);
    }
    assert_int_equal(flow_table_take(table, &array, NULL), FLOW_OK);
    words = array.children[FLOW_COLUMN_SOURCE_POD]->dictionary->length;
    expect_text(&array, FLOW_COLUMN_SOURCE_POD, count - 1, "pod-70099");
    array.release(&array);
    return words;
}

static void
a_large_dictionary_begins_anew(void **state)
{
    struct flow_table table;
    struct ArrowArray first;

    (void)state;
    assert_true(flow_table_init(&table, FLOW_ARROW_FLOWS));
    assert_int_equal(words_after(&table, 100, 70000), 70000);
    assert_int_equal(words_after(&table, 70098, 2), 2);
    assert_int_equal(words_after(&table, 70097, 3), 3); /* one more, and two that were there */
    /* an array of no rows is one, too */
    assert_int_equal(flow_table_take(&table, &first, NULL), FLOW_OK);
    assert_int_equal(first.length, 0);
    first.release(&first);
    flow_table_free(&table);
}

static uint32_t
u32_at(const struct flow_buf *out, size_t at)
{
    uint32_t value;

    memcpy(&value, out->ptr + at, sizeof(value));
    return value;
}

/* Counts the messages of a stream and checks how they are laid out. */
static size_t
count_messages(const struct flow_buf *out)
{
    size_t at = 0, count = 0;

    for (;;) {
        assert_true(at + 8 <= out->len);
        assert_int_equal(u32_at(out, at), UINT32_MAX);
        if (u32_at(out, at + 4) == 0) {
            assert_int_equal(at + 8, out->len);
            return count;
        }
        assert_int_equal(u32_at(out, at + 4) % 8, 0);
        at += 8 + u32_at(out, at + 4);
        count++;
        while (at + 4 <= out->len && u32_at(out, at) != UINT32_MAX) {
            at += 8; /* the body, whose length is told in the message */
        }
    }
}

static void
dictionaries_are_sent_once_unless_they_grew(void **state)
{
    struct flow_table table;
    struct ArrowArray array;
    struct flow_buf out = { 0 };
    struct flow_ipc ipc;
    size_t words = 0;

    (void)state;
    assert_true(flow_table_init(&table, FLOW_ARROW_FLOWS));
    assert_true(flow_ipc_init(&ipc, FLOW_ARROW_FLOWS));
    for (size_t i = 0; i < table.column_count; i++) {
        words += table.columns[i].words != NULL ? 1 : 0;
    }
    for (size_t round = 0; round < 3; round++) {
        assert_true(flow_table_reserve(&table, 1));
        flow_put_word(&table, FLOW_COLUMN_NODE, flow_str_of(round < 2 ? "n1" : "n2"));
        flow_table_end_row(&table);
        assert_int_equal(flow_table_take(&table, &array, NULL), FLOW_OK);
        assert_true(flow_ipc_add(&ipc, &array, &out));
        array.release(&array);
    }
    assert_true(flow_ipc_end(&ipc, &out));
    /* the schema, each dictionary once and that of nodes twice, three arrays */
    assert_int_equal(count_messages(&out), 1 + words + 1 + 3);
    flow_ipc_free(&ipc);
    flow_buf_free(&out);
    flow_table_free(&table);
}

static void
an_empty_stream_has_its_schema(void **state)
{
    struct flow_buf out = { 0 };
    struct flow_ipc ipc;

    (void)state;
    assert_true(flow_ipc_init(&ipc, FLOW_ARROW_RESULTS));
    assert_true(flow_ipc_end(&ipc, &out));
    assert_int_equal(count_messages(&out), 1);
    flow_ipc_free(&ipc);
    flow_buf_free(&out);
}

static void
a_flatbuffer_points_forward_and_is_aligned(void **state)
{
    struct flow_flatbuffer flat = { 0 };
    const uint64_t numbers[] = { 7, 8 };
    uint32_t root, table, vtable, text, vector;
    struct flow_flat_field fields[3];
    const uint8_t *bytes;

    (void)state;
    fields[0] = (struct flow_flat_field){ 0, 2, 0x1234 };
    fields[1] = (struct flow_flat_field){ 2, 0, flow_flat_text(&flat, "abc") };
    fields[2] = (struct flow_flat_field){ 3, 0, flow_flat_structs(&flat, numbers, 8, 2) };
    flow_flat_finish(&flat, flow_flat_table(&flat, fields, 3));
    assert_false(flat.failed);
    assert_int_equal(flat.len % 8, 0);
    bytes = flow_flat_bytes(&flat);
#define U16(at) ((uint32_t)bytes[at] | (uint32_t)bytes[(at) + 1] << 8)
#define U32(at) (U16(at) | U16((at) + 2) << 16)
    root = U32(0);
    table = root;
    vtable = table - U32(table);
    assert_int_equal(U16(vtable), 4 + 2 * 4);
    assert_int_equal(U16(table + U16(vtable + 4)), 0x1234);
    assert_int_equal(U16(vtable + 6), 0); /* field 1 is left out */
    text = table + U16(vtable + 8);
    text += U32(text);
    assert_int_equal(U32(text), 3);
    assert_memory_equal(bytes + text + 4, "abc", 4);
    vector = table + U16(vtable + 10);
    vector += U32(vector);
    assert_int_equal(U32(vector), 2);
    assert_int_equal((vector + 4) % 8, 0);
    assert_int_equal(U32(vector + 4), 7);
    flow_flat_free(&flat);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_hold_what_the_records_tell),
        cmocka_unit_test(parts_that_are_moved_out_live_on),
        cmocka_unit_test(schemas_are_of_their_tables),
        cmocka_unit_test(a_large_dictionary_begins_anew),
        cmocka_unit_test(dictionaries_are_sent_once_unless_they_grew),
        cmocka_unit_test(an_empty_stream_has_its_schema),
        cmocka_unit_test(a_flatbuffer_points_forward_and_is_aligned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
