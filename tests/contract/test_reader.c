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
#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
#define PROBLEMS_MAX 2000

/* All that reading one input to its end gave. */
struct outcome {
    struct flow_buf text; /* what the records say, one behind the other */
    size_t *ends;         /* of each record's part of the text */
    uint64_t *lines;      /* of each record */
    size_t count, room;
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
make_room(struct outcome *outcome, size_t more)
{
    if (outcome->count + more > outcome->room) {
        outcome->room = (outcome->count + more) * 2;
        outcome->ends = realloc(outcome->ends, outcome->room * sizeof(*outcome->ends));
        outcome->lines = realloc(outcome->lines, outcome->room * sizeof(*outcome->lines));
        assert_true(outcome->ends != NULL && outcome->lines != NULL);
    }
}

static void
add_batch(struct outcome *outcome, const struct flow_batch *batch)
{
    assert_true(flow_batch_count(batch) > 0 || flow_batch_problem_count(batch) > 0);
    make_room(outcome, flow_batch_count(batch));
    for (size_t i = 0; i < flow_batch_count(batch); i++) {
        const struct flow_record *record = flow_batch_at(batch, i);

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
    { add_lines },
    { add_lines_without_the_last_newline },
    { add_crlf_lines_with_a_bom },
    { add_compact_array },
    { add_pretty_array },
    { add_pretty },
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

/* Whether a record says what record i of the whole reading says. */
static bool
has_record(const struct outcome *outcome, const struct outcome *whole, size_t i)
{
    for (size_t k = 0; k < outcome->count; k++) {
        if (flow_str_equal(part_of(outcome, k), part_of(whole, i))) {
            return true;
        }
    }
    return false;
}

/* Damages the byte at a place in one way; false when that changes nothing. */
static bool
damage(char *byte, unsigned way)
{
    static const char values[] = { '"', '\\', '{', '}', '[', ']', ',', '\n', ' ', '\0', '\xff' };
    const char before = *byte;

    *byte = way < sizeof(values) ? values[way] : (char)(*byte ^ 1 << (way - sizeof(values)));
    return *byte != before;
}

#define WAYS (11 + 8)

static void
a_damaged_byte_costs_its_line_alone(void **state)
{
    struct flow_buf bytes;
    struct outcome whole;

    (void)state;
    make(&bytes, &kinds[0], &shapes[0], 3);
    collect_bytes(flow_buf_str(&bytes), 0, &whole);
    for (size_t at = 0; at < bytes.len; at++) {
        size_t line = 0;

        for (size_t i = 0; i < at; i++) {
            line += bytes.ptr[i] == '\n';
        }
        for (unsigned way = 0; way < WAYS; way++) {
            const char before = bytes.ptr[at];
            struct outcome outcome;

            /* a file that starts with a NUL is not taken for text */
            if (damage(&bytes.ptr[at], way) && bytes.ptr[0] != '\0') {
                collect_bytes(flow_buf_str(&bytes), way % 3 == 0 ? 11 : 0, &outcome);
                for (size_t i = 0; i < 3; i++) {
                    /* a newline that is lost joins its line and the next */
                    if (i != line && !(before == '\n' && i == line + 1) &&
                        !has_record(&outcome, &whole, i)) {
                        fail_msg("byte %u as 0x%02x costs line %u", (unsigned)at,
                                 (uint8_t)bytes.ptr[at], (unsigned)i + 1);
                    }
                }
                for (size_t p = 0; p < outcome.problem_count; p++) {
                    assert_in_range(outcome.problems[p].line, line + 1, line + 2);
                    assert_true(outcome.problems[p].column > 0);
                }
                outcome_free(&outcome);
            }
            bytes.ptr[at] = before;
        }
    }
    outcome_free(&whole);
    flow_buf_free(&bytes);
}

static void
a_damaged_byte_costs_no_record_before_it_in_any_shape(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(shapes); s++) {
        struct flow_buf bytes;
        struct outcome whole;

        make(&bytes, &kinds[0], &shapes[s], 3);
        collect_bytes(flow_buf_str(&bytes), 0, &whole);
        for (size_t at = 3; at < bytes.len; at++) {
            struct outcome cut;

            collect_bytes((struct flow_str){ bytes.ptr, at }, 0, &cut);
            /* one in five ways at each byte, and all of them within five bytes */
            for (unsigned way = at % 5; way < WAYS; way += 5) {
                const char before = bytes.ptr[at];
                struct outcome outcome;

                if (damage(&bytes.ptr[at], way)) {
                    collect_bytes(flow_buf_str(&bytes), way % 3 == 0 ? 11 : 0, &outcome);
                    for (size_t i = 0; i < cut.count; i++) {
                        if (!has_record(&outcome, &whole, i)) {
                            fail_msg("shape %u: byte %u as 0x%02x costs record %u", (unsigned)s,
                                     (unsigned)at, (uint8_t)bytes.ptr[at], (unsigned)i);
                        }
                    }
                    outcome_free(&outcome);
                }
                bytes.ptr[at] = before;
            }
            outcome_free(&cut);
        }
        outcome_free(&whole);
        flow_buf_free(&bytes);
    }
}

/* Brackets and quotes that are lost, in the first of three indented records. */
static void
damage_in_an_indented_record_costs_it_alone(void **state)
{
    static const struct shape *const indented[] = { &shapes[4], &shapes[5] };

    (void)state;
    for (size_t s = 0; s < COUNT(indented); s++) {
        struct flow_buf bytes;
        struct outcome whole;

        make(&bytes, &kinds[0], indented[s], 3);
        collect_bytes(flow_buf_str(&bytes), 0, &whole);
        for (size_t at = whole.ends[0] / 2; bytes.ptr[at] != '\n'; at++) {
            const char before = bytes.ptr[at];
            struct outcome outcome;

            if (strchr("{}[]\":,", before) == NULL) {
                continue;
            }
            bytes.ptr[at] = '~';
            collect_bytes(flow_buf_str(&bytes), 0, &outcome);
            if (!has_record(&outcome, &whole, 1) || !has_record(&outcome, &whole, 2)) {
                fail_msg("byte %u, %c, costs another record", (unsigned)at, before);
            }
            outcome_free(&outcome);
            bytes.ptr[at] = before;
        }
        outcome_free(&whole);
        flow_buf_free(&bytes);
    }
}

static void
a_damaged_line_is_a_problem_with_its_place_and_the_rest_is_read(void **state)
{
    static const struct {
        struct flow_str line;
        int status;
        uint32_t column;
    } bad[] = {
        { TEXT("{\"flow\":{\"uuid\":\"a\0b\"}}"), FLOW_E_PARSE, 19 },
        { TEXT("\0"), FLOW_E_PARSE, 1 },
        { TEXT("{\"flow\":{\"uuid\":\"a\x01z\"}}"), FLOW_E_PARSE, 19 },
        { TEXT("{\"flow\":{\"uuid\":\"a\tz\"}}"), FLOW_E_PARSE, 19 },
        { TEXT("{\"flow\":{\"uuid\":\"a\xff"
               "b\"}}"),
          FLOW_E_PARSE, 19 },
        { TEXT("{\"flow\":{\"uuid\":\"a\xc0\xaf\"}}"), FLOW_E_PARSE, 19 },
        { TEXT("{\"flow\":{\"uuid\":\"a\xed\xa0\x80\"}}"), FLOW_E_PARSE, 19 },
        { TEXT("{\"flow\":{\"uuid\":\"a\xc3\"}}"), FLOW_E_PARSE, 19 },
        { TEXT("{\"flow\":{\"strange\":\"\xf5\"}}"), FLOW_E_PARSE, 21 },
        { TEXT("{\"flow\":{\"\xff\":1}}"), FLOW_E_PARSE, 11 },
        { TEXT("{\"flow\":{}}\x7f"), FLOW_E_PARSE, 12 },
        { TEXT("{\"flow\":{}} x"), FLOW_E_PARSE, 13 },
        { TEXT("{\"flow\":{}\x01}"), FLOW_E_PARSE, 11 },
        { TEXT("hello"), FLOW_E_PARSE, 1 },
        { TEXT("\"text\""), FLOW_E_PARSE, 1 },
        { TEXT("  7"), FLOW_E_PARSE, 3 },
        { TEXT("{}"), FLOW_E_PARSE, 1 },
        { TEXT("{\"a\":1}"), FLOW_E_PARSE, 1 },
        { TEXT("{\"flow\":[]}"), FLOW_E_PARSE, 9 },
        { TEXT("{\"flow\":{\"verdict\":FORWARDED}}"), FLOW_E_PARSE, 20 },
        { TEXT("{\"flow\":{\"uuid\":\"x\"}"), FLOW_E_TRUNCATED, 21 },
        { TEXT("{\"flow\":{\"uuid\":\"x"), FLOW_E_TRUNCATED, 19 },
        { TEXT("{"), FLOW_E_TRUNCATED, 2 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        for (size_t chunk = 0; chunk < 3; chunk++) {
            struct flow_buf text = { 0 };
            struct outcome outcome, whole;
            const struct flow_error *problem = &outcome.problems[0];

            add_lines(&text, 2);
            collect_bytes(flow_buf_str(&text), 0, &whole);
            flow_buf_reset(&text);
            add_lines(&text, 1);
            flow_buf_add_str(&text, bad[i].line);
            flow_buf_add_char(&text, '\n');
            add_flow(&text, 1, "");
            collect_bytes(flow_buf_str(&text), chunk, &outcome);
            if (outcome.problem_count != 1 || !has_record(&outcome, &whole, 0) ||
                !has_record(&outcome, &whole, 1)) {
                fail_msg("%.*s: %u problems, %u records", (int)bad[i].line.len, bad[i].line.ptr,
                         (unsigned)outcome.problem_count, (unsigned)outcome.count);
            }
            if (problem->status != bad[i].status || problem->line != 2 ||
                problem->column != bad[i].column) {
                fail_msg("%.*s: status %d, line %u, column %u: %s", (int)bad[i].line.len,
                         bad[i].line.ptr, problem->status, problem->line, problem->column,
                         problem->message);
            }
            assert_int_equal(problem->offset, strcspn(text.ptr, "\n") + 1 + bad[i].column - 1);
            assert_int_equal(outcome.stats.damaged, 1);
            outcome_free(&outcome);
            outcome_free(&whole);
            flow_buf_free(&text);
        }
    }
}

/* A flow line of so many bytes, without its newline. */
static void
add_long_line(struct flow_buf *out, size_t len)
{
    static const char head[] = "{\"flow\":{\"uuid\":\"long\",\"Summary\":\"", tail[] = "\"}}";

    flow_buf_add_text(out, head);
    for (size_t left = len - sizeof(head) - sizeof(tail) + 2; left > 0;) {
        static const char filling[] = "0123456789abcdefghijklmnopqrstuvwxyz";
        const size_t step = left < sizeof(filling) - 1 ? left : sizeof(filling) - 1;

        flow_buf_add(out, filling, step);
        left -= step;
    }
    flow_buf_add_text(out, tail);
}

static void
a_line_is_read_up_to_its_limit_and_is_one_problem_above(void **state)
{
    static const struct {
        size_t len;
        size_t records;
    } cases[] = {
        { FLOW_RECORD_BYTES_MAX - 1, 3 }, { FLOW_RECORD_BYTES_MAX, 3 },
        { FLOW_RECORD_BYTES_MAX + 1, 2 }, { FLOW_RECORD_BYTES_MAX + 300000, 2 },
        { FLOW_RECORD_BYTES_MAX * 3, 2 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t k = 0; k < COUNT(kinds); k += 3) { /* plain and zstd */
            struct flow_buf text = { 0 }, bytes = { 0 };
            struct outcome outcome;

            add_flow(&text, 0, "");
            flow_buf_add_char(&text, '\n');
            add_long_line(&text, cases[i].len);
            flow_buf_add_char(&text, '\n');
            add_lines_without_the_last_newline(&text, 1);
            add_parts(&bytes, flow_buf_str(&text), kinds[k].parts, kinds[k].add);
            collect_bytes(flow_buf_str(&bytes), 0, &outcome);
            assert_int_equal(outcome.count, cases[i].records);
            assert_int_equal(outcome.lines[outcome.count - 1], 3);
            assert_int_equal(outcome.problem_count, 3 - cases[i].records);
            assert_int_equal(outcome.stats.damaged, 3 - cases[i].records);
            if (outcome.problem_count > 0) {
                assert_int_equal(outcome.problems[0].status, FLOW_E_LIMIT);
                assert_int_equal(outcome.problems[0].line, 2);
            }
            assert_false(outcome.stats.cut_short);
            outcome_free(&outcome);
            flow_buf_free(&bytes);
            flow_buf_free(&text);
        }
    }
}

static void
a_last_line_above_the_limit_is_one_problem(void **state)
{
    static const char *const ends[] = { "", "\n", "\n\n \n" };

    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct flow_buf text = { 0 };
        struct outcome outcome;

        add_lines(&text, 2);
        add_long_line(&text, FLOW_RECORD_BYTES_MAX + 1000000);
        flow_buf_add_text(&text, ends[i]);
        collect_bytes(flow_buf_str(&text), 0, &outcome);
        assert_int_equal(outcome.count, 2);
        assert_int_equal(outcome.problem_count, 1);
        assert_int_equal(outcome.problems[0].status, FLOW_E_LIMIT);
        assert_int_equal(outcome.problems[0].line, 3);
        outcome_free(&outcome);
        flow_buf_free(&text);
    }
}

static void
a_record_of_many_lines_has_the_same_limit(void **state)
{
    static const struct {
        size_t len;
        size_t records;
    } cases[] = {
        { 3000000, 3 },
        { FLOW_RECORD_BYTES_MAX - 1000, 3 },
        { FLOW_RECORD_BYTES_MAX + 1000, 2 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct flow_buf text = { 0 };
        struct outcome outcome;

        add_pretty(&text, 1);
        flow_buf_add_text(&text, "{\n  \"flow\": {\n    \"source_names\": [\n");
        for (unsigned k = 0; text.len < cases[i].len; k++) {
            flow_buf_add_format(&text, "      \"name-%07u.example.com\",\n", k);
        }
        flow_buf_add_text(&text, "      \"last\"\n    ]\n  }\n}\n");
        add_pretty(&text, 1);
        collect_bytes(flow_buf_str(&text), 0, &outcome);
        assert_int_equal(outcome.count, cases[i].records);
        assert_int_equal(outcome.problem_count, 3 - cases[i].records);
        if (outcome.problem_count > 0) {
            assert_int_equal(outcome.problems[0].status, FLOW_E_LIMIT);
            assert_int_equal(outcome.problems[0].line, outcome.lines[0] + 7);
        }
        outcome_free(&outcome);
        flow_buf_free(&text);
    }
}

static void
a_record_limit_is_no_limit_of_an_array_on_one_line(void **state)
{
    const unsigned count = 25000;
    struct outcome outcome;
    struct flow_buf text;

    (void)state;
    make(&text, &kinds[0], &shapes[3], count);
    for (unsigned i = 0; text.len <= FLOW_RECORD_BYTES_MAX * 5 / 4; i++) {
        text.len -= strlen("]\n");
        flow_buf_add_char(&text, ',');
        add_long_line(&text, 1000000);
        flow_buf_add_text(&text, "]\n");
    }
    collect_bytes(flow_buf_str(&text), 0, &outcome);
    assert_int_equal(outcome.problem_count, 0);
    assert_true(outcome.count > count);
    outcome_free(&outcome);
    flow_buf_free(&text);
}

static void
brackets_are_read_up_to_their_limit_and_are_one_problem_above(void **state)
{
    static const struct {
        size_t depth;
        bool read;
    } cases[] = {
        { 10, true },
        { FLOW_JSON_DEPTH_MAX, true },
        { FLOW_JSON_DEPTH_MAX + 1, false },
        { 100000, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (unsigned bare = 0; bare < 2; bare++) {
            const size_t own = bare ? 1 : 2; /* open brackets around the member */
            struct flow_buf text = { 0 };
            struct outcome outcome;

            add_lines(&text, 1);
            flow_buf_add_text(&text,
                              bare ? "{\"verdict\":1,\"strange\":" : "{\"flow\":{\"strange\":");
            for (size_t d = own; d < cases[i].depth; d++) {
                flow_buf_add_char(&text, '[');
            }
            for (size_t d = own; d < cases[i].depth; d++) {
                flow_buf_add_char(&text, ']');
            }
            flow_buf_add_text(&text, bare ? "}\n" : "}}\n");
            add_lines(&text, 1);
            collect_bytes(flow_buf_str(&text), 0, &outcome);
            assert_int_equal(outcome.count, cases[i].read ? 3 : 2);
            assert_int_equal(outcome.problem_count, cases[i].read ? 0 : 1);
            if (!cases[i].read) {
                assert_int_equal(outcome.problems[0].status, FLOW_E_LIMIT);
                assert_int_equal(outcome.problems[0].line, 2);
                assert_in_range(outcome.problems[0].column, FLOW_JSON_DEPTH_MAX,
                                FLOW_JSON_DEPTH_MAX + 40);
            }
            outcome_free(&outcome);
            flow_buf_free(&text);
        }
    }
}

static void
problems_are_all_counted_and_64_a_batch_are_kept(void **state)
{
    struct flow_buf text = { 0 };
    struct outcome outcome;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        flow_buf_add_text(&text, "{\"flow\":x}\n");
    }
    add_lines(&text, 1);
    collect_bytes(flow_buf_str(&text), 0, &outcome);
    assert_int_equal(outcome.problem_count, 1000);
    assert_int_equal(outcome.stats.damaged, 1000);
    assert_int_equal(outcome.count, 1);
    assert_int_equal(outcome.lines[0], 1001);
    assert_int_equal(outcome.problems[63].line, 64);
    outcome_free(&outcome);
    flow_buf_free(&text);
}

static void
a_batch_keeps_its_records_while_others_are_filled_and_the_reader_is_closed(void **state)
{
    enum { BATCHES = 6 };
    struct flow_batch *batches[BATCHES];
    struct flow_reader_options options;
    struct flow_buf text, before = { 0 }, behind = { 0 };
    struct flow_reader *reader;
    struct flow_dict *dict;

    (void)state;
    make(&text, &kinds[0], &shapes[0], 6000);
    assert_int_equal(flow_dict_new(&dict, NULL), FLOW_OK);
    flow_reader_options_init(&options, sizeof(options));
    options.dict = dict;
    assert_int_equal(flow_reader_open_memory(&reader, text.ptr, text.len, &options, NULL), FLOW_OK);
    for (unsigned b = 0; b < BATCHES; b++) {
        assert_int_equal(flow_batch_new(&batches[b], NULL), FLOW_OK);
        assert_int_equal(flow_reader_next(reader, batches[b], NULL), FLOW_OK);
        for (size_t i = 0; i < flow_batch_count(batches[b]); i++) {
            add_record(&before, flow_batch_at(batches[b], i));
        }
    }
    flow_reader_close(reader);
    for (unsigned b = 0; b < BATCHES; b++) {
        for (size_t i = 0; i < flow_batch_count(batches[b]); i++) {
            add_record(&behind, flow_batch_at(batches[b], i));
        }
        flow_batch_free(batches[b]);
    }
    assert_true(flow_str_equal(flow_buf_str(&before), flow_buf_str(&behind)));
    flow_dict_free(dict);
    flow_buf_free(&before);
    flow_buf_free(&behind);
    flow_buf_free(&text);
}

/* A directory of its own, with these files in it. */
struct tree {
    char path[64];
    char files[16][160];
    size_t count;
};

static void
tree_open(struct tree *tree)
{
    memset(tree, 0, sizeof(*tree));
    strcpy(tree->path, "/tmp/flow-reader-XXXXXX");
    assert_non_null(mkdtemp(tree->path));
}

static const char *
tree_path(struct tree *tree, const char *name)
{
    char *path = tree->files[tree->count++];

    strcpy(path, tree->path);
    strcat(path, "/");
    return strcat(path, name);
}

static void
tree_add(struct tree *tree, const char *name, struct flow_str bytes)
{
    FILE *file = fopen(tree_path(tree, name), "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

static void
tree_add_directory(struct tree *tree, const char *name)
{
    assert_int_equal(mkdir(tree_path(tree, name), 0700), 0);
}

static void
tree_close(struct tree *tree)
{
    while (tree->count > 0) {
        assert_int_equal(remove(tree->files[--tree->count]), 0);
    }
    assert_int_equal(rmdir(tree->path), 0);
}

static void
a_directory_is_its_files_one_after_the_other(void **state)
{
    static const struct {
        const char *name;
        size_t kind, shape;
    } good[] = {
        { "a.json", 0, 1 }, { "b", 1, 3 },      { "d/c.log.gz", 2, 5 },
        { "e.zst", 4, 0 },  { "z.json", 0, 4 },
    };
    struct flow_str broken = FLOW_STR("{\"flow\":{\"uuid\":\"x\"}}\nno json\n");
    struct tree tree;
    struct flow_reader *reader;
    struct flow_batch *batch;
    unsigned seen[8] = { 0 }, problems = 0;
    uint32_t last = 0;

    (void)state;
    tree_open(&tree);
    tree_add_directory(&tree, "d");
    for (size_t i = 0; i < COUNT(good); i++) {
        struct flow_buf bytes;

        make(&bytes, &kinds[good[i].kind], &shapes[good[i].shape], 4);
        tree_add(&tree, good[i].name, flow_buf_str(&bytes));
        flow_buf_free(&bytes);
    }
    tree_add(&tree, ".hidden", broken);
    tree_add(&tree, "c-broken.json", broken);
    tree_add(&tree, "c-empty.json", FLOW_STR(""));
    tree_add(&tree, "d/cut.gz", (struct flow_str){ "\x1f\x8b\x08\0\0\0\0\0", 8 });
    assert_int_equal(flow_reader_open(&reader, tree.path, NULL, NULL), FLOW_OK);
    assert_int_equal(flow_batch_new(&batch, NULL), FLOW_OK);
    while (flow_reader_next(reader, batch, NULL) == FLOW_OK) {
        for (size_t i = 0; i < flow_batch_count(batch); i++) {
            const struct flow_record *record = flow_batch_at(batch, i);
            char uuid[16];

            assert_in_range(record->input, last, COUNT(seen) - 1);
            last = record->input;
            snprintf(uuid, sizeof(uuid), "u-%06u", seen[record->input]++);
            assert_true(flow_str_is(record->uuid, record->input == 2 ? "x" : uuid));
            assert_int_equal(record->number, seen[record->input]);
        }
        problems += (unsigned)flow_batch_problem_count(batch);
    }
    assert_int_equal(problems, 2);
    assert_int_equal(flow_reader_input_count(reader), 8);
    for (uint32_t i = 0; i < 8; i++) {
        static const char *const names[] = {
            "a.json",     "b",        "c-broken.json", "c-empty.json",
            "d/c.log.gz", "d/cut.gz", "e.zst",         "z.json",
        };
        struct flow_input_stats stats;

        assert_int_equal(flow_reader_input(reader, i, &stats), FLOW_OK);
        assert_string_equal(stats.name + strlen(tree.path) + 1, names[i]);
        assert_int_equal(stats.damaged, i == 2 || i == 5);
        assert_int_equal(stats.cut_short, i == 5);
        assert_int_equal(stats.records, i == 2 ? 1 : i == 3 || i == 5 ? 0 : 4);
        assert_int_equal(stats.records, seen[i]);
    }
    flow_batch_free(batch);
    flow_reader_close(reader);
    tree_close(&tree);
}

static void
a_file_of_a_directory_that_cannot_be_read_is_a_problem_and_the_others_are_read(void **state)
{
    struct outcome outcome;
    struct flow_reader *reader;
    struct flow_buf bytes;
    struct tree tree;
    const char *loop;

    (void)state;
    tree_open(&tree);
    make(&bytes, &kinds[0], &shapes[0], 3);
    tree_add(&tree, "a", flow_buf_str(&bytes));
    loop = tree_path(&tree, "loop");
    assert_int_equal(symlink("loop", loop), 0); /* not even root can open it */
    tree_add(&tree, "z", flow_buf_str(&bytes));
    assert_int_equal(flow_reader_open(&reader, tree.path, NULL, NULL), FLOW_OK);
    collect(reader, &outcome);
    assert_int_equal(outcome.count, 6);
    assert_int_equal(outcome.problem_count, 1);
    assert_int_equal(outcome.problems[0].status, FLOW_E_SYSTEM);
    assert_int_equal(outcome.problems[0].os_errno, ELOOP);
    assert_string_equal(outcome.problems[0].input, loop);
    outcome_free(&outcome);
    flow_buf_free(&bytes);
    tree_close(&tree);
}

static void
an_empty_directory_has_no_records(void **state)
{
    struct outcome outcome;
    struct flow_reader *reader;
    struct tree tree;

    (void)state;
    tree_open(&tree);
    tree_add_directory(&tree, "inside");
    assert_int_equal(flow_reader_open(&reader, tree.path, NULL, NULL), FLOW_OK);
    assert_int_equal(flow_reader_input_count(reader), 0);
    collect(reader, &outcome);
    assert_int_equal(outcome.count, 0);
    assert_int_equal(outcome.problem_count, 0);
    outcome_free(&outcome);
    tree_close(&tree);
}

static void
a_file_of_every_kind_is_told_by_its_content(void **state)
{
    static const char *const names[] = { "x.gz", "x.zst", "x.json", "x", "x.pcap" };

    (void)state;
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct flow_reader *reader;
        struct outcome outcome;
        struct flow_buf bytes;
        struct tree tree;

        tree_open(&tree);
        make(&bytes, &kinds[k], &shapes[k], 5);
        tree_add(&tree, names[k], flow_buf_str(&bytes));
        assert_int_equal(flow_reader_open(&reader, tree.files[0], NULL, NULL), FLOW_OK);
        collect(reader, &outcome);
        assert_int_equal(outcome.count, 5);
        assert_int_equal(outcome.problem_count, 0);
        assert_int_equal(outcome.stats.bytes_total, bytes.len);
        outcome_free(&outcome);
        flow_buf_free(&bytes);
        tree_close(&tree);
    }
}

static void
standard_input_is_read_through_a_pipe(void **state)
{
    const int before = dup(STDIN_FILENO);
    struct flow_reader *reader;
    struct flow_input_stats stats;
    struct outcome outcome;
    struct flow_buf bytes;
    int ends[2];

    (void)state;
    make(&bytes, &kinds[2], &shapes[0], 20);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes.ptr, bytes.len), bytes.len);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    assert_int_equal(flow_reader_open(&reader, "-", NULL, NULL), FLOW_OK);
    collect(reader, &outcome);
    dup2(before, STDIN_FILENO);
    close(before);
    stats = outcome.stats;
    assert_int_equal(outcome.count, 20);
    assert_int_equal(outcome.problem_count, 0);
    assert_int_equal(stats.bytes_read, bytes.len);
    assert_int_equal(stats.bytes_total, 0);
    outcome_free(&outcome);
    flow_buf_free(&bytes);
}

static void
what_cannot_be_opened_says_why_and_leaves_out_alone(void **state)
{
    struct flow_reader_options options;
    struct flow_reader *reader = (struct flow_reader *)(void *)&options;
    struct flow_error err;

    (void)state;
    assert_int_equal(flow_reader_open(&reader, "/tmp/no/such/file.json", NULL, &err),
                     FLOW_E_SYSTEM);
    assert_int_equal(err.status, FLOW_E_SYSTEM);
    assert_int_equal(err.os_errno, ENOENT);
    assert_string_equal(err.input, "/tmp/no/such/file.json");
    assert_int_equal(flow_reader_open(&reader, "/tmp/no/such/file.json", NULL, NULL),
                     FLOW_E_SYSTEM);
    assert_int_equal(flow_reader_options_init(&options, sizeof(options) - 1), FLOW_E_ARGUMENT);
    assert_int_equal(flow_reader_options_init(NULL, sizeof(options)), FLOW_E_ARGUMENT);
    assert_int_equal(flow_reader_options_init(&options, sizeof(options)), FLOW_OK);
    assert_int_equal(options.size, sizeof(options));
    options.size++;
    assert_int_equal(flow_reader_open(&reader, "-", &options, &err), FLOW_E_ARGUMENT);
    assert_int_equal(err.status, FLOW_E_ARGUMENT);
    assert_int_equal(flow_reader_open_memory(&reader, "", 0, &options, &err), FLOW_E_ARGUMENT);
    assert_ptr_equal(reader, &options);
    flow_reader_close(NULL);
    flow_batch_free(NULL);
    flow_dict_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_into_pieces_gives_the_same_records),
        cmocka_unit_test(large_inputs_of_every_kind_and_shape_give_the_same_records),
        cmocka_unit_test(the_statistics_say_what_was_read),
        cmocka_unit_test(an_input_without_records_ends_at_once),
        cmocka_unit_test(cut_short_anywhere_gives_the_first_records_and_then_problems),
        cmocka_unit_test(lines_cut_short_give_every_whole_record_and_one_problem_for_the_rest),
        cmocka_unit_test(a_damaged_byte_costs_its_line_alone),
        cmocka_unit_test(a_damaged_byte_costs_no_record_before_it_in_any_shape),
        cmocka_unit_test(damage_in_an_indented_record_costs_it_alone),
        cmocka_unit_test(a_damaged_line_is_a_problem_with_its_place_and_the_rest_is_read),
        cmocka_unit_test(a_line_is_read_up_to_its_limit_and_is_one_problem_above),
        cmocka_unit_test(a_last_line_above_the_limit_is_one_problem),
        cmocka_unit_test(a_record_of_many_lines_has_the_same_limit),
        cmocka_unit_test(a_record_limit_is_no_limit_of_an_array_on_one_line),
        cmocka_unit_test(brackets_are_read_up_to_their_limit_and_are_one_problem_above),
        cmocka_unit_test(problems_are_all_counted_and_64_a_batch_are_kept),
        cmocka_unit_test(
            a_batch_keeps_its_records_while_others_are_filled_and_the_reader_is_closed),
        cmocka_unit_test(a_directory_is_its_files_one_after_the_other),
        cmocka_unit_test(
            a_file_of_a_directory_that_cannot_be_read_is_a_problem_and_the_others_are_read),
        cmocka_unit_test(an_empty_directory_has_no_records),
        cmocka_unit_test(a_file_of_every_kind_is_told_by_its_content),
        cmocka_unit_test(standard_input_is_read_through_a_pipe),
        cmocka_unit_test(what_cannot_be_opened_says_why_and_leaves_out_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
