/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of a reader, over every kind of input and every shape of file: the same records for
 * any cut of the bytes into pieces, all that can be read before and behind damage, and a problem
 * with its place for what cannot.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "libflow/reader.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define RECORDS_MAX 30000
#define PROBLEMS_MAX 2000

/* All that reading one input to its end gave. */
struct outcome {
    struct flow_buf text;  /* what the records say, one behind the other */
    size_t *ends;          /* of each record's part of the text */
    uint64_t *lines;       /* of each record */
    size_t count;
    struct flow_error problems[FLOW_BATCH_PROBLEMS_MAX]; /* the first ones */
    size_t problem_count;
    struct flow_input_stats stats; /* of the first input; its texts are gone */
};

static void
add_text(struct flow_buf *out, struct flow_str text)
{
    flow_buf_add_str(out, text);
    flow_buf_add_char(out, '|');
}

static void
add_endpoint(struct flow_buf *out, const struct flow_endpoint *endpoint)
{
    add_text(out, endpoint->namespace_name);
    add_text(out, endpoint->pod_name);
    for (uint32_t i = 0; i < endpoint->labels->count; i++) {
        add_text(out, endpoint->labels->labels[i].key);
        add_text(out, endpoint->labels->labels[i].value);
    }
}

/* What a record says, with one text of every kind of memory that texts come from. */
static void
add_record(struct flow_buf *out, const struct flow_record *record)
{
    char address[FLOW_ADDRESS_TEXT_MAX];

    flow_buf_add_format(out, "%u|%lld|%u|%u|%u|", record->kind, (long long)record->time,
                        record->verdict, record->source_port, record->destination_port);
    add_text(out, flow_str_of(flow_address_format(&record->source_address, address)));
    add_text(out, record->uuid);
    add_text(out, record->node_name);
    add_endpoint(out, record->source);
    add_endpoint(out, record->destination);
    for (uint32_t i = 0; i < record->destination_names->count; i++) {
        add_text(out, record->destination_names->texts[i]);
    }
    add_text(out, record->l7 != NULL ? record->l7->http_url : FLOW_STR(""));
}

static void
add_batch(struct outcome *outcome, const struct flow_batch *batch)
{
    assert_true(flow_batch_count(batch) > 0 || flow_batch_problem_count(batch) > 0);
    for (size_t i = 0; i < flow_batch_count(batch); i++) {
        const struct flow_record *record = flow_batch_at(batch, i);

        assert_true(outcome->count < RECORDS_MAX);
        add_record(&outcome->text, record);
        outcome->ends[outcome->count] = outcome->text.len;
        outcome->lines[outcome->count] = record->line;
        outcome->count++;
    }
    for (size_t i = 0; i < flow_batch_problem_count(batch); i++) {
        const struct flow_error *problem = flow_batch_problem_at(batch, i);

        assert_int_equal(problem == NULL, i >= FLOW_BATCH_PROBLEMS_MAX);
        if (problem != NULL && outcome->problem_count < COUNT(outcome->problems)) {
            assert_true(problem->status < 0);
            assert_true(problem->message[0] != '\0' && problem->input[0] != '\0');
            outcome->problems[outcome->problem_count] = *problem;
        }
        outcome->problem_count++;
    }
}

/* Reads to the end, twice over the end, and closes. */
static void
collect(struct flow_reader *reader, struct outcome *outcome)
{
    struct flow_batch *batch;
    struct flow_error err;
    int rc;

    memset(outcome, 0, sizeof(*outcome));
    outcome->ends = calloc(RECORDS_MAX, sizeof(*outcome->ends));
    outcome->lines = calloc(RECORDS_MAX, sizeof(*outcome->lines));
    assert_true(outcome->ends != NULL && outcome->lines != NULL);
    assert_int_equal(flow_batch_new(&batch, NULL), FLOW_OK);
    while ((rc = flow_reader_next(reader, batch, &err)) == FLOW_OK) {
        add_batch(outcome, batch);
        assert_true(outcome->problem_count < PROBLEMS_MAX);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(rc, FLOW_END);
        assert_int_equal(flow_batch_count(batch), 0);
        assert_int_equal(flow_batch_problem_count(batch), 0);
        rc = flow_reader_next(reader, batch, i == 0 ? NULL : &err);
    }
    if (flow_reader_input_count(reader) > 0) {
        assert_int_equal(flow_reader_input(reader, 0, &outcome->stats), FLOW_OK);
    }
    assert_int_equal(flow_reader_input(reader, flow_reader_input_count(reader), &outcome->stats),
                     FLOW_E_ARGUMENT);
    flow_batch_free(batch);
    flow_reader_close(reader);
}

static void
outcome_free(struct outcome *outcome)
{
    flow_buf_free(&outcome->text);
    free(outcome->ends);
    free(outcome->lines);
}

static void
collect_bytes(struct flow_str bytes, size_t chunk, struct outcome *outcome)
{
    struct flow_reader_options options;
    struct flow_reader *reader;

    assert_int_equal(flow_reader_options_init(&options, sizeof(options)), FLOW_OK);
    options.chunk = chunk;
    assert_int_equal(flow_reader_open_memory(&reader, bytes.ptr, bytes.len, &options, NULL),
                     FLOW_OK);
    collect(reader, outcome);
}

static struct flow_str
part_of(const struct outcome *outcome, size_t i)
{
    const size_t start = i > 0 ? outcome->ends[i - 1] : 0;

    return (struct flow_str){ outcome->text.ptr + start, outcome->ends[i] - start };
}

static void
assert_same_records(const struct outcome *found, const struct outcome *wanted)
{
    assert_int_equal(found->count, wanted->count);
    for (size_t i = 0; i < found->count; i++) {
        assert_true(flow_str_equal(part_of(found, i), part_of(wanted, i)));
        assert_int_equal(found->lines[i], wanted->lines[i]);
    }
}

/* The first records of a whole reading, and nothing else. */
static void
assert_prefix(const struct outcome *found, const struct outcome *whole)
{
    assert_true(found->count <= whole->count);
    for (size_t i = 0; i < found->count; i++) {
        assert_true(flow_str_equal(part_of(found, i), part_of(whole, i)));
    }
}

/* One flow, with texts that are copied, unescaped, looked up and pointed to. */
static void
add_flow(struct flow_buf *out, unsigned i, const char *newline)
{
    flow_buf_add_format(
        out,
        "{\"flow\":{\"time\":\"2026-09-01T10:%02u:%02u.5Z\",%s\"uuid\":\"u-%06u\","
        "\"verdict\":\"FORWARDED\",%s\"IP\":{\"source\":\"10.42.0.%u\",\"ipVersion\":\"IPv4\"},%s"
        "\"l4\":{\"TCP\":{\"source_port\":%u,\"destination_port\":443}},%s"
        "\"source\":{\"namespace\":\"ns-%u\",\"labels\":[\"k8s:app=a\\\\b\\\"{%u\"],"
        "\"pod_name\":\"pod-%u\"},\"destination\":{},\"destination_names\":[\"x%u.example\"],%s"
        "\"l7\":{\"http\":{\"url\":\"/%u?a\\u0026b=caf\xc3\xa9]\"}}},%s\"node_name\":\"n%u\"}",
        i / 60 % 60, i % 60, newline, i, newline, i % 250, newline, 1024 + i % 1000, newline, i % 3,
        i % 3, i % 7, i % 5, newline, i, newline, i % 2);
}

static void
add_lines(struct flow_buf *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        add_flow(out, i, "");
        flow_buf_add_char(out, '\n');
    }
}

static void
add_lines_without_the_last_newline(struct flow_buf *out, unsigned count)
{
    add_lines(out, count);
    out->len--;
}

static void
add_crlf_lines_with_a_bom(struct flow_buf *out, unsigned count)
{
    flow_buf_add_text(out, "\xef\xbb\xbf");
    for (unsigned i = 0; i < count; i++) {
        add_flow(out, i, "");
        flow_buf_add_text(out, i % 2 == 0 ? "\r\n" : "\r\n\r\n");
    }
}

static void
add_compact_array(struct flow_buf *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        flow_buf_add_char(out, i == 0 ? '[' : ',');
        add_flow(out, i, "");
    }
    flow_buf_add_text(out, "]\n");
}

static void
add_pretty_array(struct flow_buf *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        flow_buf_add_text(out, i == 0 ? "[\n  " : ",\n  ");
        add_flow(out, i, "\n    ");
    }
    flow_buf_add_text(out, "\n]\n");
}

static void
add_pretty(struct flow_buf *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        add_flow(out, i, "\n  ");
        flow_buf_add_char(out, '\n');
    }
}

static void
add_concatenated(struct flow_buf *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        add_flow(out, i, "");
    }
}

static const struct shape {
    void (*add)(struct flow_buf *out, unsigned count);
} shapes[] = {
    { add_lines },         { add_lines_without_the_last_newline }, { add_crlf_lines_with_a_bom },
    { add_compact_array }, { add_pretty_array },                   { add_pretty },
    { add_concatenated },
};

static void
add_gzip(struct flow_buf *buf, struct flow_str text)
{
    z_stream stream = { .next_in = (Bytef *)text.ptr, .avail_in = (uInt)text.len };
    Bytef out[4096];
    int rc;

    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
    do {
        stream.next_out = out;
        stream.avail_out = sizeof(out);
        rc = deflate(&stream, Z_FINISH);
        flow_buf_add(buf, (const char *)out, sizeof(out) - stream.avail_out);
    } while (rc == Z_OK);
    assert_int_equal(rc, Z_STREAM_END);
    deflateEnd(&stream);
}

static void
add_zstd(struct flow_buf *buf, struct flow_str text)
{
    const size_t room = ZSTD_compressBound(text.len);
    char *out = malloc(room);
    size_t len;

    assert_non_null(out);
    len = ZSTD_compress(out, room, text.ptr, text.len, 3);
    assert_false(ZSTD_isError(len));
    flow_buf_add(buf, out, len);
    free(out);
}

/* In parts that do not end where records end. */
static void
add_parts(struct flow_buf *buf, struct flow_str text, unsigned parts,
          void (*add)(struct flow_buf *buf, struct flow_str text))
{
    for (unsigned i = 0; i < parts; i++) {
        const size_t start = text.len * i / parts, end = text.len * (i + 1) / parts;

        add(buf, (struct flow_str){ text.ptr + start, end - start });
    }
}

static const struct kind {
    void (*add)(struct flow_buf *buf, struct flow_str text);
    unsigned parts;
    const char *compression;
} kinds[] = {
    { flow_buf_add_str, 1, "none" }, { add_gzip, 1, "gzip" }, { add_gzip, 3, "gzip" },
    { add_zstd, 1, "zstd" },         { add_zstd, 3, "zstd" },
};

static void
make(struct flow_buf *bytes, const struct kind *kind, const struct shape *shape, unsigned count)
{
    struct flow_buf plain = { 0 };

    memset(bytes, 0, sizeof(*bytes));
    shape->add(&plain, count);
    add_parts(bytes, flow_buf_str(&plain), kind->parts, kind->add);
    assert_false(bytes->failed || plain.failed);
    flow_buf_free(&plain);
}

static void
any_cut_into_pieces_gives_the_same_records(void **state)
{
    static const size_t chunks[] = { 1, 2, 3, 7, 64, 4096 };

    (void)state;
    for (size_t s = 0; s < COUNT(shapes); s++) {
        struct flow_buf plain;
        struct outcome whole;

        make(&plain, &kinds[0], &shapes[s], 5);
        collect_bytes(flow_buf_str(&plain), 0, &whole);
        assert_int_equal(whole.count, 5);
        assert_int_equal(whole.problem_count, 0);
        for (size_t k = 0; k < COUNT(kinds); k++) {
            struct flow_buf bytes;

            make(&bytes, &kinds[k], &shapes[s], 5);
            for (size_t c = 0; c < COUNT(chunks); c++) {
                struct outcome outcome;

                collect_bytes(flow_buf_str(&bytes), chunks[c], &outcome);
                assert_same_records(&outcome, &whole);
                assert_int_equal(outcome.problem_count, 0);
                outcome_free(&outcome);
            }
            flow_buf_free(&bytes);
        }
        outcome_free(&whole);
        flow_buf_free(&plain);
    }
}

/* More records than a batch holds, and more bytes than a reader takes at once. */
static void
large_inputs_of_every_kind_and_shape_give_the_same_records(void **state)
{
    const unsigned count = 3000;

    (void)state;
    for (size_t s = 0; s < COUNT(shapes); s++) {
        struct outcome whole;

        for (size_t k = 0; k < COUNT(kinds); k++) {
            struct flow_buf bytes;
            struct outcome outcome;

            make(&bytes, &kinds[k], &shapes[s], count);
            collect_bytes(flow_buf_str(&bytes), k == 0 ? 0 : 65521, &outcome);
            assert_int_equal(outcome.count, count);
            assert_int_equal(outcome.problem_count, 0);
            if (k == 0) {
                whole = outcome;
            } else {
                assert_same_records(&outcome, &whole);
                outcome_free(&outcome);
            }
            flow_buf_free(&bytes);
        }
        outcome_free(&whole);
    }
}

static void
the_statistics_say_what_was_read(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct flow_reader_options options;
        struct flow_input_stats stats;
        struct flow_buf bytes, plain;
        struct flow_reader *reader;
        struct flow_batch *batch;
        uint8_t digest[32];

        make(&plain, &kinds[0], &shapes[0], 40);
        make(&bytes, &kinds[k], &shapes[0], 40);
        flow_reader_options_init(&options, sizeof(options));
        options.digest = true;
        assert_int_equal(flow_reader_open_memory(&reader, bytes.ptr, bytes.len, &options, NULL),
                         FLOW_OK);
        assert_int_equal(flow_batch_new(&batch, NULL), FLOW_OK);
        while (flow_reader_next(reader, batch, NULL) == FLOW_OK) {
        }
        assert_int_equal(flow_reader_input_count(reader), 1);
        assert_int_equal(flow_reader_input(reader, 0, &stats), FLOW_OK);
        assert_string_equal(stats.name, "<memory>");
        assert_string_equal(stats.format, "hubble-json");
        assert_string_equal(stats.compression, kinds[k].compression);
        assert_int_equal(stats.bytes_read, bytes.len);
        assert_int_equal(stats.bytes_total, bytes.len);
        assert_int_equal(stats.bytes_plain, plain.len);
        assert_int_equal(stats.records, 40);
        assert_int_equal(stats.flows, 40);
        assert_int_equal(stats.damaged, 0);
        assert_false(stats.cut_short);
        assert_true(stats.has_digest);
        assert_int_equal(EVP_Digest(bytes.ptr, bytes.len, digest, NULL, EVP_sha256(), NULL), 1);
        assert_memory_equal(stats.digest, digest, sizeof(digest));
        flow_batch_free(batch);
        flow_reader_close(reader);
        flow_buf_free(&plain);
        flow_buf_free(&bytes);
    }
}

static void
an_input_without_records_ends_at_once(void **state)
{
    static const char *const texts[] = { "", "\n", " \t\r\n\r\n  ", "\xef\xbb\xbf", "[]", "[ ]\n" };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (size_t k = 0; k < COUNT(kinds); k++) {
            struct flow_buf bytes = { 0 };
            struct outcome outcome;

            add_parts(&bytes, flow_str_of(texts[i]), kinds[k].parts, kinds[k].add);
            collect_bytes(flow_buf_str(&bytes), 1, &outcome);
            assert_int_equal(outcome.count, 0);
            assert_int_equal(outcome.problem_count, 0);
            assert_int_equal(outcome.stats.records, 0);
            assert_false(outcome.stats.cut_short);
            outcome_free(&outcome);
            flow_buf_free(&bytes);
        }
    }
}

static void
cut_short_anywhere_gives_the_first_records_and_then_problems(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(shapes); s++) {
        for (size_t k = 0; k < COUNT(kinds); k++) {
            struct flow_buf bytes;
            struct outcome whole;

            make(&bytes, &kinds[k], &shapes[s], 4);
            collect_bytes(flow_buf_str(&bytes), 0, &whole);
            assert_int_equal(whole.count, 4);
            for (size_t len = 0; len < bytes.len; len++) {
                struct outcome outcome;

                collect_bytes((struct flow_str){ bytes.ptr, len }, len % 2 == 0 ? 0 : 13, &outcome);
                assert_prefix(&outcome, &whole);
                assert_true(outcome.problem_count <= 2);
                for (size_t p = 0; p < outcome.problem_count; p++) {
                    assert_true(outcome.problems[p].line > 0 || outcome.problems[p].offset > 0 ||
                                len < 4);
                    assert_string_equal(outcome.problems[p].input, "<memory>");
                }
                /* all compressed bytes must be there for all records, but for the trailer */
                assert_true(outcome.count == 4 || outcome.problem_count > 0 ||
                            outcome.stats.bytes_plain < whole.stats.bytes_plain);
                outcome_free(&outcome);
            }
            outcome_free(&whole);
            flow_buf_free(&bytes);
        }
    }
}

static void
lines_cut_short_give_every_whole_record_and_one_problem_for_the_rest(void **state)
{
    struct flow_buf bytes;

    (void)state;
    make(&bytes, &kinds[0], &shapes[0], 3);
    for (size_t len = 0; len <= bytes.len; len++) {
        const char *line = len > 0 ? memrchr(bytes.ptr, '\n', len) : NULL;
        const size_t start = line != NULL ? (size_t)(line + 1 - bytes.ptr) : 0;
        const bool rest = len > start && bytes.ptr[len] != '\n';
        struct outcome outcome;
        size_t records = 0;

        for (size_t i = 0; i <= len && i < bytes.len; i++) {
            records += bytes.ptr[i] == '\n';
        }
        collect_bytes((struct flow_str){ bytes.ptr, len }, 0, &outcome);
        assert_int_equal(outcome.count, records);
        assert_int_equal(outcome.problem_count, rest);
        assert_int_equal(outcome.stats.cut_short, rest);
        assert_int_equal(outcome.stats.damaged, rest);
        if (rest) {
            assert_int_equal(outcome.problems[0].status, FLOW_E_TRUNCATED);
            assert_int_equal(outcome.problems[0].line, records + 1);
            assert_int_equal(outcome.problems[0].offset, len);
            assert_int_equal(outcome.problems[0].column, len - start + 1);
        }
        outcome_free(&outcome);
    }
    flow_buf_free(&bytes);
}

