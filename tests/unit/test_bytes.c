/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of flow_bytes: the same plain bytes for any cut of the source into pieces, all that
 * can be decoded before damage, an error with its place once, and then what lies behind it.
 */
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "frame/bytes.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ERRORS_MAX 64
#define PLAIN_MAX ((size_t)64 << 20) /* no input here has so much in it */
#define PARTS_MAX 4

/* What reading some source bytes to the end gave. */
struct outcome {
    struct flow_buf plain;
    struct flow_error errors[ERRORS_MAX];
    size_t error_count;
    struct flow_bytes_stats stats;
};

/* A compressed stream and the text of its members or frames. */
struct sample {
    struct flow_buf bytes;
    struct flow_buf plain;
    size_t ends[PARTS_MAX];       /* in bytes */
    size_t plain_ends[PARTS_MAX]; /* in plain */
    size_t parts;
    size_t magic_len; /* a shorter file is plain */
};

static void
collect(struct flow_source *source, size_t room, struct outcome *outcome)
{
    const struct flow_bytes_options options = { .digest = true };
    char *at = malloc(room);
    struct flow_bytes *bytes;
    struct flow_error err;
    size_t got;
    int rc;

    memset(outcome, 0, sizeof(*outcome));
    assert_non_null(at);
    assert_int_equal(flow_bytes_open(&bytes, source, &options, &err), FLOW_OK);
    while ((rc = flow_bytes_read(bytes, at, room, &got, &err)) != FLOW_END) {
        assert_true(outcome->plain.len < PLAIN_MAX);
        if (rc == FLOW_OK) {
            assert_in_range(got, 1, room);
            flow_buf_add(&outcome->plain, at, got);
            continue;
        }
        assert_int_equal(got, 0);
        assert_int_equal(err.status, rc);
        assert_true(outcome->error_count < ERRORS_MAX);
        outcome->errors[outcome->error_count++] = err;
    }
    assert_int_equal(got, 0);
    assert_int_equal(flow_bytes_read(bytes, at, room, &got, &err), FLOW_END);
    flow_bytes_stats(bytes, &outcome->stats);
    assert_false(outcome->plain.failed);
    assert_int_equal(outcome->stats.plain, outcome->plain.len);
    flow_bytes_close(bytes);
    free(at);
}

static void
collect_memory(struct flow_str bytes, size_t chunk, size_t room, struct outcome *outcome)
{
    struct flow_source *source;

    assert_int_equal(flow_source_open_memory(&source, bytes, chunk, NULL), FLOW_OK);
    collect(source, room, outcome);
}

static void
assert_plain(const struct outcome *outcome, struct flow_str plain)
{
    assert_int_equal(outcome->plain.len, plain.len);
    if (plain.len > 0) {
        assert_memory_equal(outcome->plain.ptr, plain.ptr, plain.len);
    }
}

static void
assert_starts(const struct outcome *outcome, const char *plain, size_t len)
{
    assert_true(outcome->plain.len >= len);
    if (len > 0) {
        assert_memory_equal(outcome->plain.ptr, plain, len);
    }
}

/* Bytes that do not compress, the same on every run. */
static void
add_noise(struct flow_buf *buf, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525u + 1013904223u;
        flow_buf_add_char(buf, (char)(seed >> 24));
    }
}

static void
add_lines(struct flow_buf *buf, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        flow_buf_add_format(buf, "{\"flow\":{\"uuid\":\"%08x\",\"verdict\":\"FORWARDED\"}}\n",
                            i * 2654435761u);
    }
}

static void
add_gzip(struct flow_buf *buf, struct flow_str text, gz_header *header)
{
    z_stream stream = { .next_in = (Bytef *)text.ptr, .avail_in = (uInt)text.len };
    Bytef out[4096];
    int rc;

    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
    if (header != NULL) {
        assert_int_equal(deflateSetHeader(&stream, header), Z_OK);
    }
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
    ZSTD_CCtx *encoder = ZSTD_createCCtx();
    const size_t room = ZSTD_compressBound(text.len);
    char *out = malloc(room);
    size_t len;

    assert_true(encoder != NULL && out != NULL);
    ZSTD_CCtx_setParameter(encoder, ZSTD_c_checksumFlag, 1);
    len = ZSTD_compress2(encoder, out, room, text.ptr, text.len);
    assert_false(ZSTD_isError(len));
    flow_buf_add(buf, out, len);
    free(out);
    ZSTD_freeCCtx(encoder);
}

static void
add_skippable(struct flow_buf *buf, unsigned kind, size_t len)
{
    const char header[8] = { (char)(0x50 + kind), 0x2a, 0x4d, 0x18, (char)len, 0, 0, 0 };

    flow_buf_add(buf, header, sizeof(header));
    for (size_t i = 0; i < len; i++) {
        flow_buf_add_char(buf, '*');
    }
}

static void
end_part(struct sample *sample)
{
    assert_true(sample->parts < PARTS_MAX);
    sample->ends[sample->parts] = sample->bytes.len;
    sample->plain_ends[sample->parts] = sample->plain.len;
    sample->parts++;
}

/* The last piece of plain text, from start on, as one more member. */
static void
gzip_part(struct sample *sample, size_t start)
{
    add_gzip(&sample->bytes, flow_str_from(flow_buf_str(&sample->plain), start), NULL);
    end_part(sample);
}

static void
zstd_part(struct sample *sample, size_t start)
{
    add_zstd(&sample->bytes, flow_str_from(flow_buf_str(&sample->plain), start));
    end_part(sample);
}

static void
plain_sample(struct sample *sample)
{
    add_lines(&sample->plain, 0, 6);
    flow_buf_add_str(&sample->bytes, flow_buf_str(&sample->plain));
}

static void
gzip_sample(struct sample *sample)
{
    sample->magic_len = 3;
    add_lines(&sample->plain, 0, 6);
    gzip_part(sample, 0);
}

/* Members with an empty one between them. */
static void
gzip_sample_of_many(struct sample *sample)
{
    gzip_sample(sample);
    gzip_part(sample, sample->plain.len);
    for (unsigned i = 1; i < 3; i++) {
        const size_t start = sample->plain.len;

        add_lines(&sample->plain, i * 10, 4);
        gzip_part(sample, start);
    }
}

static void
zstd_sample(struct sample *sample)
{
    sample->magic_len = 4;
    add_lines(&sample->plain, 0, 6);
    zstd_part(sample, 0);
}

/* Frames with an empty one and skippable ones between them, at the start and at the end. */
static void
zstd_sample_of_many(struct sample *sample)
{
    add_skippable(&sample->bytes, 0, 9);
    zstd_sample(sample);
    zstd_part(sample, sample->plain.len);
    add_skippable(&sample->bytes, 15, 0);
    for (unsigned i = 1; i < 3; i++) {
        const size_t start = sample->plain.len;

        add_lines(&sample->plain, i * 10, 4);
        zstd_part(sample, start);
        add_skippable(&sample->bytes, i, 5 * i);
    }
    sample->ends[3] = sample->bytes.len;
}

static void
sample_free(struct sample *sample)
{
    flow_buf_free(&sample->bytes);
    flow_buf_free(&sample->plain);
}

static const struct {
    void (*make)(struct sample *sample);
    const char *compression;
} samples[] = {
    { plain_sample, "none" }, { gzip_sample, "gzip" },         { gzip_sample_of_many, "gzip" },
    { zstd_sample, "zstd" },  { zstd_sample_of_many, "zstd" },
};

static void
an_empty_file_is_plain_and_ends_at_once(void **state)
{
    struct outcome outcome;

    (void)state;
    collect_memory(FLOW_STR(""), 0, 100, &outcome);
    assert_int_equal(outcome.plain.len, 0);
    assert_int_equal(outcome.error_count, 0);
    assert_int_equal(outcome.stats.source_read, 0);
    assert_string_equal(outcome.stats.compression, "none");
    assert_true(outcome.stats.digest_done);
}

static void
a_file_shorter_than_a_magic_is_plain(void **state)
{
    static const struct flow_str texts[] = {
        { "{", 1 },
        { "\x1f", 1 },
        { "\x1f\x8b", 2 },
        { "\x28\xb5\x2f", 3 },
        { "\x5f\x2a\x4d", 3 },
        { "\x1f\x8c\x08more", 7 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        for (size_t room = 1; room < 6; room++) {
            struct outcome outcome;

            collect_memory(texts[i], 1, room, &outcome);
            assert_plain(&outcome, texts[i]);
            assert_int_equal(outcome.error_count, 0);
            flow_buf_free(&outcome.plain);
        }
    }
}

static void
no_room_is_refused(void **state)
{
    struct flow_source *source;
    struct flow_bytes *bytes;
    struct flow_error err;
    size_t got = 7;
    char one;

    (void)state;
    assert_int_equal(flow_source_open_memory(&source, FLOW_STR("x"), 0, &err), FLOW_OK);
    assert_int_equal(flow_bytes_open(&bytes, source, NULL, &err), FLOW_OK);
    assert_int_equal(flow_bytes_read(bytes, &one, 0, &got, &err), FLOW_E_ARGUMENT);
    assert_int_equal(got, 0);
    assert_int_equal(flow_bytes_read(bytes, &one, 1, &got, NULL), FLOW_OK);
    assert_int_equal(flow_bytes_read(bytes, &one, 1, &got, NULL), FLOW_END);
    flow_bytes_close(bytes);
    flow_bytes_close(NULL);
}

static void
any_cut_into_pieces_gives_the_same_bytes(void **state)
{
    static const size_t chunks[] = { 1, 2, 3, 7, 64, 0 };
    static const size_t rooms[] = { 1, 2, 3, 4, 5, 61, 4096 };

    (void)state;
    for (size_t i = 0; i < COUNT(samples) * COUNT(chunks) * COUNT(rooms); i++) {
        const size_t kind = i % COUNT(samples);
        const size_t chunk = chunks[i / COUNT(samples) % COUNT(chunks)];
        const size_t room = rooms[i / COUNT(samples) / COUNT(chunks)];
        struct sample sample = { .parts = 0 };
        struct outcome outcome;

        samples[kind].make(&sample);
        collect_memory(flow_buf_str(&sample.bytes), chunk, room, &outcome);
        assert_plain(&outcome, flow_buf_str(&sample.plain));
        assert_int_equal(outcome.error_count, 0);
        assert_int_equal(outcome.stats.source_read, sample.bytes.len);
        assert_int_equal(outcome.stats.source_size, sample.bytes.len);
        assert_string_equal(outcome.stats.compression, samples[kind].compression);
        flow_buf_free(&outcome.plain);
        sample_free(&sample);
    }
}

/* Plain bytes of the parts that a cut leaves whole; *whole when it falls between two of them. */
static size_t
plain_before_cut(const struct sample *sample, size_t cut, bool *whole)
{
    size_t plain = 0;

    *whole = cut == 0;
    for (size_t i = 0; i < sample->parts && sample->ends[i] <= cut; i++) {
        plain = sample->plain_ends[i];
        *whole = sample->ends[i] == cut;
    }
    return plain;
}

static void
check_cut(const struct sample *sample, size_t cut, size_t chunk)
{
    struct outcome outcome;
    size_t plain;
    bool whole;

    collect_memory((struct flow_str){ sample->bytes.ptr, cut }, chunk, 50, &outcome);
    if (cut < sample->magic_len || sample->parts == 0) {
        assert_plain(&outcome, (struct flow_str){ sample->bytes.ptr, cut });
        assert_int_equal(outcome.error_count, 0);
    } else {
        plain = plain_before_cut(sample, cut, &whole);
        assert_starts(&outcome, sample->plain.ptr, plain);
        assert_true(outcome.plain.len <= sample->plain.len);
        assert_starts(&outcome, sample->plain.ptr, outcome.plain.len);
        if (whole) {
            assert_int_equal(outcome.error_count, 0);
        }
        for (size_t i = 0; i < outcome.error_count; i++) {
            assert_int_equal(outcome.errors[i].status, FLOW_E_TRUNCATED);
            assert_int_equal(outcome.errors[i].offset, cut);
        }
    }
    flow_buf_free(&outcome.plain);
}

static void
cut_short_anywhere_gives_a_prefix_and_says_so(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < COUNT(samples); kind++) {
        struct sample sample = { .parts = 0 };

        samples[kind].make(&sample);
        for (size_t cut = 0; cut <= sample.bytes.len; cut++) {
            check_cut(&sample, cut, 0);
            check_cut(&sample, cut, 1);
        }
        sample_free(&sample);
    }
}

static void
a_stream_cut_inside_a_part_is_truncated(void **state)
{
    (void)state;
    for (size_t kind = 1; kind < COUNT(samples); kind++) {
        struct sample sample = { .parts = 0 };

        samples[kind].make(&sample);
        for (size_t part = 0; part < sample.parts; part++) {
            const size_t start = part > 0 ? sample.ends[part - 1] : sample.magic_len;
            const size_t cuts[] = { start + 1, start + 5, sample.ends[part] - 1 };

            for (size_t i = 0; i < COUNT(cuts); i++) {
                struct outcome outcome;

                collect_memory((struct flow_str){ sample.bytes.ptr, cuts[i] }, 3, 1000, &outcome);
                assert_int_equal(outcome.error_count, 1);
                assert_int_equal(outcome.errors[0].status, FLOW_E_TRUNCATED);
                assert_int_equal(outcome.errors[0].offset, cuts[i]);
                assert_non_null(strstr(outcome.errors[0].message, samples[kind].compression));
                flow_buf_free(&outcome.plain);
            }
        }
        sample_free(&sample);
    }
}

/* The part that holds this byte; a skippable frame counts to the frame behind it. */
static size_t
part_of(const struct sample *sample, size_t pos)
{
    size_t part = 0;

    while (part + 1 < sample->parts && sample->ends[part] <= pos) {
        part++;
    }
    return part;
}

/* With one byte damaged: the parts before are right, and those behind are found again. */
static void
check_flip(const struct sample *sample, size_t pos, unsigned flip)
{
    const size_t part = part_of(sample, pos);
    const size_t before = part > 0 ? sample->plain_ends[part - 1] : 0;
    const size_t behind = sample->plain.len - sample->plain_ends[part];
    struct outcome outcome;

    sample->bytes.ptr[pos] = (char)((unsigned char)sample->bytes.ptr[pos] ^ flip);
    collect_memory(flow_buf_str(&sample->bytes), 0, 4096, &outcome);
    sample->bytes.ptr[pos] = (char)((unsigned char)sample->bytes.ptr[pos] ^ flip);
    if (pos < sample->magic_len + 1 && strcmp(outcome.stats.compression, "none") == 0) {
        assert_int_equal(outcome.plain.len, sample->bytes.len);
    } else {
        assert_starts(&outcome, sample->plain.ptr, before);
        assert_true(outcome.plain.len >= before + behind);
        if (behind > 0) {
            assert_memory_equal(outcome.plain.ptr + outcome.plain.len - behind,
                                sample->plain.ptr + sample->plain_ends[part], behind);
        }
        assert_true(outcome.error_count <= 2);
    }
    assert_true(outcome.stats.digest_done);
    assert_int_equal(outcome.stats.source_read, sample->bytes.len);
    flow_buf_free(&outcome.plain);
}

static void
a_damaged_byte_never_harms_the_parts_before_and_behind(void **state)
{
    (void)state;
    for (size_t kind = 1; kind < COUNT(samples); kind++) {
        struct sample sample = { .parts = 0 };

        samples[kind].make(&sample);
        for (size_t pos = 0; pos < sample.bytes.len; pos++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                check_flip(&sample, pos, 1u << bit);
            }
            check_flip(&sample, pos, 0xff);
        }
        sample_free(&sample);
    }
}

static void
gzip_header_fields_are_passed_over(void **state)
{
    gz_header header = {
        .name = (Bytef *)"events.log",
        .comment = (Bytef *)"of a node",
        .extra = (Bytef *)"extra",
        .extra_len = 5,
        .hcrc = 1,
    };
    struct flow_buf bytes = { NULL, 0, 0, false };
    struct outcome outcome;

    (void)state;
    add_gzip(&bytes, FLOW_STR("first\n"), &header);
    add_gzip(&bytes, FLOW_STR("second\n"), &header);
    for (size_t chunk = 0; chunk < 8; chunk++) {
        collect_memory(flow_buf_str(&bytes), chunk, 100, &outcome);
        assert_plain(&outcome, FLOW_STR("first\nsecond\n"));
        assert_int_equal(outcome.error_count, 0);
        flow_buf_free(&outcome.plain);
    }
    flow_buf_free(&bytes);
}

static void
a_wrong_gzip_trailer_is_told_after_all_data(void **state)
{
    static const struct {
        size_t from_end;
        const char *message;
    } wrong[] = {
        { 5, "incorrect data check" },
        { 1, "length check" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct sample sample = { .parts = 0 };
        struct outcome outcome;

        gzip_sample(&sample);
        sample.bytes.ptr[sample.bytes.len - wrong[i].from_end] ^= 1;
        collect_memory(flow_buf_str(&sample.bytes), 0, 100000, &outcome);
        assert_plain(&outcome, flow_buf_str(&sample.plain));
        assert_int_equal(outcome.error_count, 1);
        assert_int_equal(outcome.errors[0].status, FLOW_E_CORRUPT);
        assert_in_range(outcome.errors[0].offset, sample.bytes.len - 8, sample.bytes.len);
        assert_non_null(strstr(outcome.errors[0].message, wrong[i].message));
        flow_buf_free(&outcome.plain);
        sample_free(&sample);
    }
}

static void
a_wrong_zstd_checksum_is_told_after_all_data(void **state)
{
    struct sample sample = { .parts = 0 };
    struct outcome outcome;

    (void)state;
    zstd_sample(&sample);
    sample.bytes.ptr[sample.bytes.len - 1] ^= 1;
    collect_memory(flow_buf_str(&sample.bytes), 0, 100000, &outcome);
    assert_plain(&outcome, flow_buf_str(&sample.plain));
    assert_int_equal(outcome.error_count, 1);
    assert_int_equal(outcome.errors[0].status, FLOW_E_CORRUPT);
    assert_int_equal(outcome.errors[0].offset, sample.bytes.len - 4);
    assert_string_equal(outcome.errors[0].message,
                        "zstd frame is damaged (restored data doesn't "
                        "match checksum), its data from here on is lost");
    flow_buf_free(&outcome.plain);
    sample_free(&sample);
}

static void
garbage_behind_the_last_part_is_told_after_all_data(void **state)
{
    static const struct flow_str garbage[] = {
        { "x", 1 },
        { "\n\n\n\n\n", 5 },
        { "\x1f\x8b\x07\x00\x00", 5 },
        { "{\"flow\":{}}\n", 12 },
    };

    (void)state;
    for (size_t i = 0; i < 2 * COUNT(garbage); i++) {
        struct sample sample = { .parts = 0 };
        struct outcome outcome;

        (i % 2 == 0 ? gzip_sample_of_many : zstd_sample_of_many)(&sample);
        flow_buf_add_str(&sample.bytes, garbage[i / 2]);
        collect_memory(flow_buf_str(&sample.bytes), i, 1000, &outcome);
        assert_plain(&outcome, flow_buf_str(&sample.plain));
        assert_int_equal(outcome.error_count, 1);
        assert_int_equal(outcome.errors[0].status, FLOW_E_CORRUPT);
        assert_int_equal(outcome.errors[0].offset, sample.ends[3]);
        flow_buf_free(&outcome.plain);
        sample_free(&sample);
    }
}

static void
zero_padding_is_fine_behind_gzip_and_garbage_behind_zstd(void **state)
{
    static const char zeros[600000];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const size_t padding = i < 2 ? 1 : sizeof(zeros);
        struct sample sample = { .parts = 0 };
        struct outcome outcome;

        (i % 2 == 0 ? gzip_sample : zstd_sample)(&sample);
        flow_buf_add(&sample.bytes, zeros, padding);
        collect_memory(flow_buf_str(&sample.bytes), 0, 1000, &outcome);
        assert_plain(&outcome, flow_buf_str(&sample.plain));
        assert_int_equal(outcome.error_count, i % 2);
        if (i % 2 == 1) {
            assert_int_equal(outcome.errors[0].status, FLOW_E_CORRUPT);
            assert_int_equal(outcome.errors[0].offset, sample.ends[0]);
        }
        flow_buf_free(&outcome.plain);
        sample_free(&sample);
    }
}

static void
a_zstd_window_up_to_128_mib_is_read_and_a_larger_one_is_a_limit(void **state)
{
    /* Magic, descriptor, window, then one last raw block of 3 bytes. */
    static const struct {
        unsigned char window;
        int status;
        const char *message;
    } windows[] = {
        { 17 << 3, FLOW_OK, "" },
        { 17 << 3 | 1, FLOW_E_LIMIT, "expected a zstd window of at most 128 MiB, found 144 MiB" },
        { 21 << 3, FLOW_E_LIMIT, "expected a zstd window of at most 128 MiB, found 2048 MiB" },
        { 0xff, FLOW_E_LIMIT, "expected a zstd window of at most 128 MiB, found 3932160 MiB" },
    };
    char frame[] = "\x28\xb5\x2f\xfd\x00w\x19\x00\x00"
                   "abc"
                   "\x28\xb5\x2f\xfd\x20\x02\x11\x00\x00"
                   "de";

    (void)state;
    for (size_t i = 0; i < COUNT(windows); i++) {
        struct outcome outcome;

        frame[5] = (char)windows[i].window;
        collect_memory((struct flow_str){ frame, sizeof(frame) - 1 }, 0, 100, &outcome);
        assert_plain(&outcome, windows[i].status == FLOW_OK ? FLOW_STR("abcde") : FLOW_STR("de"));
        if (windows[i].status == FLOW_OK) {
            assert_int_equal(outcome.error_count, 0);
        } else {
            assert_int_equal(outcome.error_count, 1);
            assert_int_equal(outcome.errors[0].status, windows[i].status);
            assert_int_equal(outcome.errors[0].offset, 0);
            assert_string_equal(outcome.errors[0].message, windows[i].message);
        }
        flow_buf_free(&outcome.plain);
    }
}

static void
a_frame_that_needs_a_dictionary_is_unsupported_and_passed_over(void **state)
{
    static const char bytes[] = "\x28\xb5\x2f\xfd\x20\x01\x09\x00\x00"
                                "a"
                                "\x28\xb5\x2f\xfd\x21\x07\x01\x09\x00\x00"
                                "b"
                                "\x28\xb5\x2f\xfd\x20\x01\x09\x00\x00"
                                "c";
    struct outcome outcome;

    (void)state;
    collect_memory((struct flow_str){ bytes, sizeof(bytes) - 1 }, 0, 100, &outcome);
    assert_plain(&outcome, FLOW_STR("ac"));
    assert_int_equal(outcome.error_count, 1);
    assert_int_equal(outcome.errors[0].status, FLOW_E_UNSUPPORTED);
    assert_int_equal(outcome.errors[0].offset, 10);
    flow_buf_free(&outcome.plain);
}

/* Offset of the header of a block, counted from 0, in a frame of raw blocks. */
static size_t
raw_block(size_t header, size_t block)
{
    return header + block * (3 + ((size_t)128 << 10));
}

static void
blocks_before_a_damaged_block_are_handed_out(void **state)
{
    static const struct {
        size_t chunk, room;
    } reads[] = {
        { 0, (size_t)1 << 20 },
        { 0, 1000 },
        { 1000, (size_t)1 << 20 },
        { 70000, 128 << 10 },
    };
    struct flow_buf noise = { NULL, 0, 0, false };
    struct flow_buf bytes = { NULL, 0, 0, false };
    size_t damaged;

    (void)state;
    add_noise(&noise, 600000, 1);
    add_zstd(&bytes, flow_buf_str(&noise));
    damaged = raw_block(9, 3);
    assert_int_equal(bytes.ptr[damaged] & 6, 0);
    bytes.ptr[damaged] |= 6; /* the reserved type */
    add_zstd(&bytes, FLOW_STR("behind\n"));
    for (size_t i = 0; i < COUNT(reads); i++) {
        struct outcome outcome;

        collect_memory(flow_buf_str(&bytes), reads[i].chunk, reads[i].room, &outcome);
        assert_int_equal(outcome.plain.len, ((size_t)3 << 17) + 7);
        assert_starts(&outcome, noise.ptr, (size_t)3 << 17);
        assert_memory_equal(outcome.plain.ptr + outcome.plain.len - 7, "behind\n", 7);
        assert_int_equal(outcome.error_count, 1);
        assert_int_equal(outcome.errors[0].status, FLOW_E_CORRUPT);
        assert_int_equal(outcome.errors[0].offset, damaged);
        flow_buf_free(&outcome.plain);
    }
    flow_buf_free(&noise);
    flow_buf_free(&bytes);
}

static void
part_of_a_truncated_raw_block_is_handed_out(void **state)
{
    struct flow_buf noise = { NULL, 0, 0, false };
    struct flow_buf bytes = { NULL, 0, 0, false };
    struct outcome outcome;

    (void)state;
    add_noise(&noise, 200000, 2);
    add_zstd(&bytes, flow_buf_str(&noise));
    bytes.len = raw_block(9, 1) + 3 + 1000;
    collect_memory(flow_buf_str(&bytes), 0, 4096, &outcome);
    assert_plain(&outcome, (struct flow_str){ noise.ptr, ((size_t)1 << 17) + 1000 });
    assert_int_equal(outcome.error_count, 1);
    assert_int_equal(outcome.errors[0].status, FLOW_E_TRUNCATED);
    flow_buf_free(&outcome.plain);
    flow_buf_free(&noise);
    flow_buf_free(&bytes);
}

static void
the_next_part_is_found_far_behind_the_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        void (*const add)(struct flow_buf *, struct flow_str) = i == 0 ? add_zstd : NULL;
        struct flow_buf noise = { NULL, 0, 0, false };
        struct flow_buf bytes = { NULL, 0, 0, false };
        struct outcome outcome;

        add_noise(&noise, 3000000, 3);
        for (size_t part = 0; part < 2; part++) {
            const size_t start = bytes.len;

            if (add != NULL) {
                add(&bytes, flow_buf_str(&noise));
            } else {
                add_gzip(&bytes, flow_buf_str(&noise), NULL);
            }
            if (part == 0) {
                memset(bytes.ptr + start + 100000, 0xee, 200000);
            }
        }
        collect_memory(flow_buf_str(&bytes), 0, (size_t)1 << 20, &outcome);
        assert_true(outcome.plain.len > noise.len);
        assert_memory_equal(outcome.plain.ptr + outcome.plain.len - noise.len, noise.ptr,
                            noise.len);
        assert_true(outcome.error_count >= 1);
        assert_int_equal(outcome.errors[0].status, FLOW_E_CORRUPT);
        assert_in_range(outcome.errors[0].offset, 50000, 300000);
        flow_buf_free(&outcome.plain);
        flow_buf_free(&noise);
        flow_buf_free(&bytes);
    }
}

static void
a_thousand_false_starts_end_the_search(void **state)
{
    static const struct {
        size_t starts;
        struct flow_str plain;
    } searches[] = { { 999, { "beforebehind", 12 } }, { 1000, { "before", 6 } } };

    (void)state;
    for (size_t i = 0; i < 2 * COUNT(searches); i++) {
        const bool zstd = i % 2 == 0;
        struct flow_buf bytes = { NULL, 0, 0, false };
        struct outcome outcome;

        if (zstd) {
            add_zstd(&bytes, FLOW_STR("before"));
        } else {
            add_gzip(&bytes, FLOW_STR("before"), NULL);
        }
        flow_buf_add_char(&bytes, '!');
        for (size_t start = 0; start < searches[i / 2].starts; start++) {
            flow_buf_add(&bytes, zstd ? "\x28\xb5\x2f\xfd" : "\x1f\x8b\x08\xff", 4);
        }
        if (zstd) {
            add_zstd(&bytes, FLOW_STR("behind"));
        } else {
            add_gzip(&bytes, FLOW_STR("behind"), NULL);
        }
        collect_memory(flow_buf_str(&bytes), 0, 1000, &outcome);
        assert_plain(&outcome, searches[i / 2].plain);
        assert_int_equal(outcome.error_count, 1);
        assert_int_equal(outcome.stats.source_read, bytes.len);
        flow_buf_free(&outcome.plain);
        flow_buf_free(&bytes);
    }
}

/* A source that hands out the pieces given and then fails. */
struct failing_source {
    struct flow_source base;
    struct flow_str text;
    size_t reads;
};

static int
failing_read(struct flow_source *source, void *at, size_t room, size_t *got, struct flow_error *err)
{
    struct failing_source *failing = (struct failing_source *)source;

    *got = failing->text.len < room ? failing->text.len : room;
    failing->reads++;
    if (*got == 0) {
        flow_fail_system(err, EIO, "cannot read");
        flow_error_set_input(err, "tape");
        return FLOW_E_SYSTEM;
    }
    memcpy(at, failing->text.ptr, *got);
    failing->text = flow_str_from(failing->text, *got);
    return FLOW_OK;
}

static uint64_t
failing_size(const struct flow_source *source)
{
    (void)source;
    return 0;
}

static void
failing_close(struct flow_source *source)
{
    (void)source;
}

static const struct flow_source_ops failing_ops = {
    .name = "failing",
    .read = failing_read,
    .size = failing_size,
    .close = failing_close,
};

static void
an_error_of_the_source_comes_after_its_data_and_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples) * 4; i++) {
        struct sample sample = { .parts = 0 };
        struct failing_source source = { .base = { &failing_ops } };
        struct flow_bytes *bytes;
        struct flow_error err;
        char at[4096];
        size_t plain = 0;
        size_t got;

        samples[i / 4].make(&sample);
        source.text = flow_buf_str(&sample.bytes);
        source.text.len = i % 4 < 3 ? i % 4 : source.text.len; /* also before a magic is whole */
        assert_int_equal(flow_bytes_open(&bytes, &source.base, NULL, &err), FLOW_OK);
        while (flow_bytes_read(bytes, at, sizeof(at), &got, &err) == FLOW_OK) {
            plain += got;
        }
        assert_int_equal(plain, i % 4 < 3 ? i % 4 : sample.plain.len);
        for (size_t again = 0; again < 2; again++) {
            assert_int_equal(err.status, FLOW_E_SYSTEM);
            assert_int_equal(err.os_errno, EIO);
            assert_string_equal(err.input, "tape");
            assert_int_equal(flow_bytes_read(bytes, at, sizeof(at), &got, &err), FLOW_E_SYSTEM);
        }
        assert_int_equal(flow_bytes_drain(bytes, &err), FLOW_E_SYSTEM);
        flow_bytes_close(bytes);
        sample_free(&sample);
    }
}

static void
a_live_stream_is_not_held_back(void **state)
{
    (void)state;
    for (size_t kind = 1; kind < COUNT(samples); kind++) {
        struct sample sample = { .parts = 0 };
        struct failing_source source = { .base = { &failing_ops } };
        struct flow_bytes *bytes;
        char at[4096];
        size_t got;

        samples[kind].make(&sample);
        source.text = flow_buf_str(&sample.bytes);
        assert_int_equal(flow_bytes_open(&bytes, &source.base, NULL, NULL), FLOW_OK);
        assert_int_equal(flow_bytes_read(bytes, at, sizeof(at), &got, NULL), FLOW_OK);
        assert_int_equal(got, sample.plain.len);
        assert_int_equal(source.reads, 1);
        flow_bytes_close(bytes);
        sample_free(&sample);
    }
}

static void
assert_digest(const struct flow_bytes_stats *stats, struct flow_str bytes)
{
    unsigned char expected[32];

    assert_int_equal(EVP_Digest(bytes.ptr, bytes.len, expected, NULL, EVP_sha256(), NULL), 1);
    assert_true(stats->digest_done);
    assert_memory_equal(stats->digest, expected, sizeof(expected));
}

static void
the_digest_is_of_the_source_even_when_it_is_damaged(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples) * 2; i++) {
        struct sample sample = { .parts = 0 };
        struct outcome outcome;

        samples[i / 2].make(&sample);
        if (i % 2 == 1) {
            sample.bytes.ptr[sample.bytes.len / 2] ^= 0x55;
        }
        collect_memory(flow_buf_str(&sample.bytes), 5, 100, &outcome);
        assert_digest(&outcome.stats, flow_buf_str(&sample.bytes));
        flow_buf_free(&outcome.plain);
        sample_free(&sample);
    }
}

static void
draining_completes_the_digest_and_ends_the_reading(void **state)
{
    const struct flow_bytes_options options = { .digest = true };

    (void)state;
    for (size_t i = 0; i < COUNT(samples) * 2; i++) {
        struct sample sample = { .parts = 0 };
        struct flow_bytes_stats stats;
        struct flow_source *source;
        struct flow_bytes *bytes;
        struct flow_error err;
        char at[10];
        size_t got;

        samples[i / 2].make(&sample);
        assert_int_equal(flow_source_open_memory(&source, flow_buf_str(&sample.bytes), 16, &err),
                         FLOW_OK);
        assert_int_equal(flow_bytes_open(&bytes, source, &options, &err), FLOW_OK);
        if (i % 2 == 1) {
            assert_int_equal(flow_bytes_read(bytes, at, sizeof(at), &got, &err), FLOW_OK);
            flow_bytes_stats(bytes, &stats);
            assert_false(stats.digest_done);
        }
        assert_int_equal(flow_bytes_drain(bytes, &err), FLOW_OK);
        assert_int_equal(flow_bytes_drain(bytes, &err), FLOW_OK);
        flow_bytes_stats(bytes, &stats);
        assert_digest(&stats, flow_buf_str(&sample.bytes));
        assert_int_equal(stats.source_read, sample.bytes.len);
        assert_int_equal(flow_bytes_read(bytes, at, sizeof(at), &got, &err), FLOW_END);
        flow_bytes_close(bytes);
        sample_free(&sample);
    }
}

static void
without_a_digest_there_is_none(void **state)
{
    struct flow_bytes_stats stats;
    struct flow_source *source;
    struct flow_bytes *bytes;
    char at[10];
    size_t got;

    (void)state;
    assert_int_equal(flow_source_open_memory(&source, FLOW_STR("text"), 0, NULL), FLOW_OK);
    assert_int_equal(flow_bytes_open(&bytes, source, NULL, NULL), FLOW_OK);
    assert_int_equal(flow_bytes_read(bytes, at, sizeof(at), &got, NULL), FLOW_OK);
    assert_int_equal(flow_bytes_read(bytes, at, sizeof(at), &got, NULL), FLOW_END);
    flow_bytes_stats(bytes, &stats);
    assert_false(stats.digest_done);
    flow_bytes_close(bytes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_is_plain_and_ends_at_once),
        cmocka_unit_test(a_file_shorter_than_a_magic_is_plain),
        cmocka_unit_test(no_room_is_refused),
        cmocka_unit_test(any_cut_into_pieces_gives_the_same_bytes),
        cmocka_unit_test(cut_short_anywhere_gives_a_prefix_and_says_so),
        cmocka_unit_test(a_stream_cut_inside_a_part_is_truncated),
        cmocka_unit_test(a_damaged_byte_never_harms_the_parts_before_and_behind),
        cmocka_unit_test(gzip_header_fields_are_passed_over),
        cmocka_unit_test(a_wrong_gzip_trailer_is_told_after_all_data),
        cmocka_unit_test(a_wrong_zstd_checksum_is_told_after_all_data),
        cmocka_unit_test(garbage_behind_the_last_part_is_told_after_all_data),
        cmocka_unit_test(zero_padding_is_fine_behind_gzip_and_garbage_behind_zstd),
        cmocka_unit_test(a_zstd_window_up_to_128_mib_is_read_and_a_larger_one_is_a_limit),
        cmocka_unit_test(a_frame_that_needs_a_dictionary_is_unsupported_and_passed_over),
        cmocka_unit_test(blocks_before_a_damaged_block_are_handed_out),
        cmocka_unit_test(part_of_a_truncated_raw_block_is_handed_out),
        cmocka_unit_test(the_next_part_is_found_far_behind_the_damage),
        cmocka_unit_test(a_thousand_false_starts_end_the_search),
        cmocka_unit_test(an_error_of_the_source_comes_after_its_data_and_stays),
        cmocka_unit_test(a_live_stream_is_not_held_back),
        cmocka_unit_test(the_digest_is_of_the_source_even_when_it_is_damaged),
        cmocka_unit_test(draining_completes_the_digest_and_ends_the_reading),
        cmocka_unit_test(without_a_digest_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
