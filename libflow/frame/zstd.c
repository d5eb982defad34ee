/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zstd through libzstd. The layout of a frame (RFC 8878: header, blocks, checksum) is followed here
 * too, and libzstd given one such part a call: a call that fails tells nothing of what it wrote, so
 * over several parts it would lose good blocks before a damaged one, and a frame it can see whole
 * it decodes in one go, handing out nothing when the last block is damaged. Skippable frames never
 * reach libzstd.
 */
#include <ctype.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "frame/filter.h"

/* The window zstd itself accepts without --long: what one stream may cost in memory. */
#define ZSTD_WINDOW_LOG_MAX 27

#define ZSTD_BLOCK_HEADER_BYTES 3
#define ZSTD_BLOCK_BYTES_MAX ((uint32_t)128 << 10)
#define ZSTD_CHECKSUM_BYTES 4
#define ZSTD_SKIPPABLE_HEADER_BYTES 8
/* Of a skippable frame that somebody is asked about. */
#define ZSTD_ASKED_BYTES_MAX ((size_t)128 << 10)

static const uint8_t zstd_magic[] = { 0x28, 0xb5, 0x2f, 0xfd };

struct zstd {
    ZSTD_DCtx *decoder;
    /* Begins the next part of the stream: a frame, a block or a checksum. */
    int (*next)(struct zstd *zstd, struct flow_input *in, const struct flow_output *out,
                struct flow_error *err);
    uint64_t part; /* offset of the current part */
    size_t left;   /* its bytes that the decoder has not taken */
    bool last;     /* it ends the frame */
    bool full;     /* the decoder filled the output and may hold more */
    bool checksum; /* the frame has one */
    uint64_t skip; /* bytes left of a skippable frame, and of a frame that nobody needs */
};

static int next_frame(struct zstd *zstd, struct flow_input *in, const struct flow_output *out,
                      struct flow_error *err);

static uint64_t
little_endian(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;

    while (len > 0) {
        value = value << 8 | bytes[--len];
    }
    return value;
}

static enum flow_match
match_skippable(const uint8_t *bytes, size_t len)
{
    static const uint8_t rest[] = { 0x2a, 0x4d, 0x18 };

    if (len > 0 && (bytes[0] & 0xf0) != 0x50) {
        return FLOW_MATCH_NO;
    }
    return len == 0 ? FLOW_MATCH_MAYBE : flow_match_magic(rest, sizeof(rest), bytes + 1, len - 1);
}

static enum flow_match
zstd_match(const uint8_t *bytes, size_t len)
{
    const enum flow_match frame = flow_match_magic(zstd_magic, sizeof(zstd_magic), bytes, len);

    return frame != FLOW_MATCH_NO ? frame : match_skippable(bytes, len);
}

static void
zstd_reset(void *state)
{
    struct zstd *zstd = state;

    ZSTD_DCtx_reset(zstd->decoder, ZSTD_reset_session_only);
    *zstd = (struct zstd){ .decoder = zstd->decoder, .next = next_frame };
}

static int
zstd_open(void **state, struct flow_error *err)
{
    struct zstd *zstd = calloc(1, sizeof(*zstd));

    if (zstd == NULL || (zstd->decoder = ZSTD_createDCtx()) == NULL) {
        free(zstd);
        return flow_fail_memory(err);
    }
    ZSTD_DCtx_setParameter(zstd->decoder, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    zstd_reset(zstd);
    *state = zstd;
    return FLOW_OK;
}

static void
zstd_free(void *state)
{
    struct zstd *zstd = state;

    ZSTD_freeDCtx(zstd->decoder);
    free(zstd);
}

static int
fail_truncated(const struct flow_input *in, struct flow_error *err)
{
    flow_fail(err, FLOW_E_TRUNCATED,
              "expected the rest of a zstd frame, found the end of the file");
    flow_error_set_place(err, in->end, 0, 0);
    return FLOW_E_TRUNCATED;
}

/* The offset is that of the part, not of a byte in it: libzstd does not say how far it came. */
static int
fail_damaged(const struct zstd *zstd, const char *reason, struct flow_error *err)
{
    flow_fail(err, FLOW_E_CORRUPT, "zstd frame is damaged (%c%s), its data from here on is lost",
              tolower((unsigned char)reason[0]), reason + 1);
    flow_error_set_place(err, zstd->part, 0, 0);
    return FLOW_E_CORRUPT;
}

static int
fail_decoder(const struct zstd *zstd, size_t code, struct flow_error *err)
{
    switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_memory_allocation:
        return flow_fail_memory(err);
    case ZSTD_error_dictionary_wrong:
        flow_fail(err, FLOW_E_UNSUPPORTED, "expected a zstd frame that needs no dictionary");
        flow_error_set_place(err, zstd->part, 0, 0);
        return FLOW_E_UNSUPPORTED;
    default:
        return fail_damaged(zstd, ZSTD_getErrorName(code), err);
    }
}

/* What is called when libzstd and this file disagree on where a frame ends. */
static int
fail_length(const struct zstd *zstd, struct flow_error *err)
{
    return fail_damaged(zstd, "its end is not where its blocks end", err);
}

/*
 * The part of so many bytes that starts here is next for the decoder, as soon as it is in the
 * buffer whole; at the end of the source, what there is of it.
 */
static int
begin_part(struct zstd *zstd, struct flow_input *in, const struct flow_output *out, size_t size,
           struct flow_error *err)
{
    const int rc = flow_input_need(in, out, size, err);

    if (rc != FLOW_OK && rc != FLOW_END) {
        return rc;
    }
    zstd->part = flow_input_offset(in);
    zstd->left = size;
    return FLOW_OK;
}

static int
next_checksum(struct zstd *zstd, struct flow_input *in, const struct flow_output *out,
              struct flow_error *err)
{
    const int rc = begin_part(zstd, in, out, ZSTD_CHECKSUM_BYTES, err);

    if (rc == FLOW_OK) {
        zstd->last = true;
    }
    return rc;
}

static int
next_block(struct zstd *zstd, struct flow_input *in, const struct flow_output *out,
           struct flow_error *err)
{
    enum { RLE = 1, RESERVED = 3 };
    int rc = flow_input_need(in, out, ZSTD_BLOCK_HEADER_BYTES, err);
    uint32_t header;
    uint32_t size;
    bool last;

    if (rc != FLOW_OK) {
        return rc == FLOW_END ? fail_truncated(in, err) : rc;
    }
    header = (uint32_t)little_endian(in->bytes + in->pos, ZSTD_BLOCK_HEADER_BYTES);
    last = (header & 1) != 0;
    size = header >> 3;
    zstd->part = flow_input_offset(in);
    if ((header >> 1 & 3) == RESERVED) {
        return fail_damaged(zstd, "a block is of the reserved type", err);
    }
    if (size > ZSTD_BLOCK_BYTES_MAX) {
        return fail_damaged(zstd, "a block is larger than 128 KiB", err);
    }
    if ((header >> 1 & 3) == RLE) {
        size = 1;
    }
    rc = begin_part(zstd, in, out, ZSTD_BLOCK_HEADER_BYTES + size, err);
    if (rc == FLOW_OK) {
        zstd->last = last && !zstd->checksum;
        zstd->next = last ? next_checksum : next_block;
    }
    return rc;
}

struct frame_header {
    size_t len; /* with the magic */
    uint64_t window;
    bool checksum;
};

/* Reads a frame header that is in the buffer whole; FLOW_END when the source ends inside it. */
static int
read_header(struct flow_input *in, const struct flow_output *out, struct frame_header *header,
            struct flow_error *err)
{
    static const size_t id_lens[] = { 0, 1, 2, 4 };
    static const size_t size_lens[] = { 0, 2, 4, 8 };
    int rc = flow_input_need(in, out, sizeof(zstd_magic) + 2, err);
    const uint8_t *bytes = in->bytes + in->pos;
    size_t size_len;
    bool single; /* one segment: no window, the size of the content is in its place */

    if (rc != FLOW_OK) {
        return rc;
    }
    single = (bytes[4] & 0x20) != 0;
    size_len = single && bytes[4] >> 6 == 0 ? 1 : size_lens[bytes[4] >> 6];
    header->checksum = (bytes[4] & 0x04) != 0;
    header->len = sizeof(zstd_magic) + (single ? 1 : 2) + id_lens[bytes[4] & 3] + size_len;
    header->window = (uint64_t)1 << (10 + (bytes[5] >> 3));
    header->window += header->window / 8 * (bytes[5] & 7);
    rc = flow_input_need(in, out, header->len, err);
    if (rc == FLOW_OK && single) {
        bytes = in->bytes + in->pos;
        header->window = little_endian(bytes + header->len - size_len, size_len);
    }
    return rc;
}

static int
begin_frame(struct zstd *zstd, struct flow_input *in, const struct flow_output *out,
            struct flow_error *err)
{
    struct frame_header header;
    const int rc = read_header(in, out, &header, err);

    in->resume = flow_input_offset(in) + 1;
    if (rc != FLOW_OK) {
        return rc == FLOW_END ? fail_truncated(in, err) : rc;
    }
    if (header.window > (uint64_t)1 << ZSTD_WINDOW_LOG_MAX) {
        flow_fail(err, FLOW_E_LIMIT, "expected a zstd window of at most %u MiB, found %llu MiB",
                  1u << (ZSTD_WINDOW_LOG_MAX - 20), (unsigned long long)(header.window >> 20));
        flow_error_set_place(err, flow_input_offset(in), 0, 0);
        return FLOW_E_LIMIT;
    }
    zstd->checksum = header.checksum;
    zstd->last = false;
    zstd->next = next_block;
    return begin_part(zstd, in, out, header.len, err);
}

/* Asks whether what is behind a skippable frame is needed, once all before it is handed out. */
static int
ask_skip(struct zstd *zstd, struct flow_input *in, const struct flow_output *out,
         struct flow_error *err)
{
    const size_t content = (size_t)zstd->skip;
    int rc;

    zstd->skip = 0; /* until it is decided, the frame has not begun */
    if (out->got > 0) {
        return FLOW_AGAIN;
    }
    rc = flow_input_need(in, out, ZSTD_SKIPPABLE_HEADER_BYTES + content, err);
    if (rc != FLOW_OK) {
        return rc == FLOW_END ? fail_truncated(in, err) : rc;
    }
    in->pos += ZSTD_SKIPPABLE_HEADER_BYTES;
    zstd->skip = content + in->skip(in->skip_context,
                                    (struct flow_str){ (char *)in->bytes + in->pos, content });
    return FLOW_OK;
}

/*
 * Leaves in->resume behind the last frame that was whole: nothing vouches for the length of a
 * skippable frame, and a damaged one is noticed only where it leads to.
 */
static int
begin_skippable(struct zstd *zstd, struct flow_input *in, const struct flow_output *out,
                struct flow_error *err)
{
    const int rc = flow_input_need(in, out, ZSTD_SKIPPABLE_HEADER_BYTES, err);

    if (rc != FLOW_OK) {
        return rc == FLOW_END ? fail_truncated(in, err) : rc;
    }
    zstd->skip = little_endian(in->bytes + in->pos + 4, 4);
    if (in->skip != NULL && zstd->skip <= ZSTD_ASKED_BYTES_MAX &&
        little_endian(in->bytes + in->pos, 4) == in->skip_magic) {
        return ask_skip(zstd, in, out, err);
    }
    in->pos += ZSTD_SKIPPABLE_HEADER_BYTES;
    return FLOW_OK;
}

static int
next_frame(struct zstd *zstd, struct flow_input *in, const struct flow_output *out,
           struct flow_error *err)
{
    int rc = flow_input_need(in, out, FLOW_MAGIC_BYTES, err);
    const uint8_t *bytes = in->bytes + in->pos;

    if ((rc != FLOW_OK && rc != FLOW_END) || flow_input_left(in) == 0) {
        return rc;
    }
    switch (zstd_match(bytes, flow_input_left(in))) {
    case FLOW_MATCH_YES:
        rc = match_skippable(bytes, FLOW_MAGIC_BYTES) == FLOW_MATCH_YES
                 ? begin_skippable(zstd, in, out, err)
                 : begin_frame(zstd, in, out, err);
        return rc;
    case FLOW_MATCH_MAYBE:
        return fail_truncated(in, err);
    default:
        flow_fail(err, FLOW_E_CORRUPT,
                  "expected another zstd frame or the end of the file, found byte 0x%02x",
                  bytes[0]);
        flow_error_set_place(err, flow_input_offset(in), 0, 0);
        return FLOW_E_CORRUPT;
    }
}

static int
skip_some(struct zstd *zstd, struct flow_input *in, const struct flow_output *out,
          struct flow_error *err)
{
    const int rc = flow_input_need(in, out, 1, err);
    size_t take = flow_input_left(in);

    if (rc != FLOW_OK) {
        return rc == FLOW_END ? fail_truncated(in, err) : rc;
    }
    take = take < zstd->skip ? take : (size_t)zstd->skip;
    in->pos += take;
    zstd->skip -= take;
    return FLOW_OK;
}

/* One call of the decoder: the rest of the part, or nothing while it still holds plain bytes. */
static int
decode_some(struct zstd *zstd, struct flow_input *in, struct flow_output *out,
            struct flow_error *err)
{
    const size_t left = flow_input_left(in);
    ZSTD_inBuffer src = { in->bytes + in->pos, left < zstd->left ? left : zstd->left, 0 };
    ZSTD_outBuffer dst = { out->at, out->room, out->got };
    size_t rc;

    if (zstd->full) {
        src.size = 0;
    } else if (src.size == 0) {
        return fail_truncated(in, err);
    }
    rc = ZSTD_decompressStream(zstd->decoder, &dst, &src);
    if (ZSTD_isError(rc)) {
        return fail_decoder(zstd, rc, err);
    }
    in->pos += src.pos;
    zstd->left -= src.pos;
    zstd->full = dst.pos == dst.size && rc > 0;
    out->got = dst.pos;
    if (zstd->full || zstd->left > 0) {
        return FLOW_OK;
    }
    if ((rc == 0) != zstd->last) {
        return fail_length(zstd, err);
    }
    if (zstd->last) {
        in->frames++;
        in->resume = flow_input_offset(in);
        zstd->last = false;
        zstd->next = next_frame;
    }
    return FLOW_OK;
}

static int
zstd_run(void *state, struct flow_input *in, struct flow_output *out, struct flow_error *err)
{
    struct zstd *zstd = state;
    int rc = FLOW_OK;

    while (rc == FLOW_OK && out->got < out->room) {
        if (zstd->full || zstd->left > 0) {
            rc = decode_some(zstd, in, out, err);
        } else if (zstd->skip > 0) {
            rc = skip_some(zstd, in, out, err);
        } else {
            rc = zstd->next(zstd, in, out, err);
        }
    }
    return rc;
}

const struct flow_filter flow_filter_zstd = {
    .name = "zstd",
    .magic = zstd_magic,
    .magic_len = sizeof(zstd_magic),
    .match = zstd_match,
    .open = zstd_open,
    .run = zstd_run,
    .reset = zstd_reset,
    .free = zstd_free,
};
