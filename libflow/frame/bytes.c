/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain bytes of a source: picks the filter by the first bytes, keeps the input buffer and the
 * digest, and knows what comes after an error. What a compression looks like is the filters'.
 */
#include "frame/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "frame/ahead.h"
#include "frame/filter.h"

/*
 * How much of the input, and of the output, a place found after damage must stand decoding before
 * it is believed to be the start of a frame (one zstd block has at most 128 KiB), and how many
 * places are tried for one input: a hostile file could be made of nothing else.
 */
#define TRIAL_BYTES ((size_t)160 << 10)
#define TRIAL_PLAIN ((size_t)256 << 10)
#define TRIALS_MAX 1000

/* Each with the magic that tells it; what none of them takes is plain. */
static const struct flow_filter *const filters[] = {
    &flow_filter_gzip,
    &flow_filter_zstd,
};

struct flow_bytes {
    struct flow_input in;
    const struct flow_filter *filter; /* NULL until the first bytes are known */
    void *state;                      /* the filter's */
    uint64_t plain;
    int status;              /* FLOW_OK, or what the next read says */
    struct flow_error error; /* when status is an error */
    bool lost;               /* the error was told; search for the next frame first */
    unsigned trials;
    bool may_go_ahead;
    struct flow_help help;
    struct flow_ahead *ahead;       /* the thread that reads, once there is one */
    uint8_t head[FLOW_MAGIC_BYTES]; /* the first bytes, when the caller's room is smaller */
};

/* The digest is given up, not the reading, should the library ever fail here. */
static void
hash_bytes(struct flow_input *in, const void *bytes, size_t len)
{
    if (in->hash != NULL && len > 0 && EVP_DigestUpdate(in->hash, bytes, len) != 1) {
        EVP_MD_CTX_free(in->hash);
        in->hash = NULL;
    }
    if (in->hash != NULL && in->status == FLOW_END) {
        in->digest_done = EVP_DigestFinal_ex(in->hash, in->digest, NULL) == 1;
    }
}

int
flow_input_take(struct flow_input *in, void *at, size_t room, size_t *got, struct flow_error *err)
{
    *got = 0;
    if (in->status == FLOW_OK) {
        const int rc = in->source->ops->read(in->source, at, room, got, &in->failure);

        if (rc == FLOW_AGAIN) {
            return rc;
        }
        in->status = rc;
        in->end += *got;
        hash_bytes(in, at, *got);
    }
    if (in->status < 0 && err != NULL) {
        *err = in->failure;
    }
    return in->status;
}

/* Drops whole pages that lie far enough behind, so that reads stay aligned. */
static void
drop_old(struct flow_input *in)
{
    const size_t old = in->pos > FLOW_INPUT_KEEP ? in->pos - FLOW_INPUT_KEEP : 0;
    const size_t drop = old & ~(FLOW_INPUT_ALIGN - 1);

    memmove(in->bytes, in->bytes + drop, in->len - drop);
    in->pos -= drop;
    in->len -= drop;
}

/* Reads one piece behind the bytes in the buffer. */
static int
take_piece(struct flow_input *in, struct flow_error *err)
{
    size_t got;
    int rc;

    if (FLOW_INPUT_BYTES - in->len < FLOW_INPUT_PIECE) {
        drop_old(in);
    }
    rc = flow_input_take(in, in->bytes + in->len, FLOW_INPUT_PIECE, &got, err);
    in->len += got;
    return rc;
}

int
flow_input_need(struct flow_input *in, const struct flow_output *out, size_t want,
                struct flow_error *err)
{
    int rc = FLOW_OK;

    while (rc == FLOW_OK && flow_input_left(in) < want) {
        if (in->status == FLOW_OK && out != NULL && out->got > 0) {
            return FLOW_AGAIN;
        }
        rc = take_piece(in, err);
    }
    return rc;
}

static bool
make_buffer(struct flow_input *in)
{
    if (in->buffer == NULL) {
        in->buffer = aligned_alloc(FLOW_INPUT_ALIGN, FLOW_INPUT_BYTES);
    }
    return in->buffer != NULL;
}

int
flow_bytes_open(struct flow_bytes **out, struct flow_source *source,
                const struct flow_bytes_options *options, struct flow_error *err)
{
    struct flow_bytes *bytes = calloc(1, sizeof(*bytes));

    *out = NULL;
    if (bytes == NULL) {
        return flow_fail_memory(err);
    }
    if (options != NULL && options->digest) {
        bytes->in.hash = EVP_MD_CTX_new();
        if (bytes->in.hash == NULL || EVP_DigestInit_ex(bytes->in.hash, EVP_sha256(), NULL) != 1) {
            EVP_MD_CTX_free(bytes->in.hash);
            free(bytes);
            return flow_fail_memory(err);
        }
    }
    if (options != NULL) {
        bytes->in.skip_magic = options->skip_magic;
        bytes->in.skip = options->skip;
        bytes->in.skip_context = options->skip_context;
        bytes->may_go_ahead = options->ahead && options->skip == NULL;
        bytes->help = options->help;
    }
    bytes->in.source = source;
    *out = bytes;
    return FLOW_OK;
}

/* The filter for these first bytes; NULL when more of them could tell. */
static const struct flow_filter *
pick_filter(const uint8_t *first, size_t len, bool more)
{
    bool maybe = false;

    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        const enum flow_match match = filters[i]->match(first, len);

        if (match == FLOW_MATCH_YES) {
            return filters[i];
        }
        maybe = maybe || match == FLOW_MATCH_MAYBE;
    }
    return maybe && more ? NULL : &flow_filter_plain;
}

static int
start_filter(struct flow_bytes *bytes, struct flow_error *err)
{
    struct flow_input *in = &bytes->in;

    if (bytes->filter->open == NULL) {
        return FLOW_OK;
    }
    if (!make_buffer(in)) {
        return flow_fail_memory(err);
    }
    memcpy(in->buffer, in->bytes, in->len);
    in->bytes = in->buffer;
    return bytes->filter->open(&bytes->state, err);
}

/*
 * Reads until the filter is known. The bytes go where the caller wants them, and should they turn
 * out to be plain, there they are; else they are moved to the input buffer.
 */
static int
detect(struct flow_bytes *bytes, const struct flow_output *out, struct flow_error *err)
{
    struct flow_input *in = &bytes->in;
    size_t room = sizeof(bytes->head);
    size_t got;
    int rc = FLOW_OK;

    if (in->len > 0) {
        /* the start of them, when the source had no more */
    } else if (out->room <= room) {
        in->bytes = bytes->head;
    } else {
        in->bytes = out->at;
        room = out->room < FLOW_INPUT_PIECE ? out->room : FLOW_INPUT_PIECE;
    }
    while (bytes->filter == NULL) {
        rc = flow_input_take(in, in->bytes + in->len, room - in->len, &got, err);
        in->len += got;
        if (rc == FLOW_AGAIN) {
            memmove(bytes->head, in->bytes, in->len);
            in->bytes = bytes->head;
        }
        if ((rc < 0 && in->len == 0) || rc == FLOW_AGAIN) {
            return rc;
        }
        bytes->filter = pick_filter(in->bytes, in->len, rc == FLOW_OK);
    }
    return start_filter(bytes, err);
}

/* Does the decoder accept what starts at in->pos? room is scratch. Leaves the filter reset. */
static int
try_here(struct flow_bytes *bytes, const struct flow_output *room, bool *accepted,
         struct flow_error *err)
{
    struct flow_input *in = &bytes->in;
    struct flow_input view;
    size_t plain = 0;
    int rc;

    /* Should the source fail, it will say so again when the decoder gets there. */
    (void)flow_input_need(in, NULL, TRIAL_BYTES, NULL);
    view = (struct flow_input){ .status = FLOW_END, .bytes = in->bytes + in->pos };
    view.len = flow_input_left(in) < TRIAL_BYTES ? flow_input_left(in) : TRIAL_BYTES;
    view.end = view.len;
    bytes->filter->reset(bytes->state);
    do {
        struct flow_output out = { room->at, room->room, 0 };

        out.room = out.room < TRIAL_PLAIN ? out.room : TRIAL_PLAIN;
        rc = bytes->filter->run(bytes->state, &view, &out, err);
        plain += out.got;
    } while (rc == FLOW_OK && view.frames == 0 && plain < TRIAL_PLAIN);
    bytes->filter->reset(bytes->state);
    *accepted = view.frames > 0 || (plain > 0 && (rc >= 0 || rc == FLOW_E_TRUNCATED));
    return rc == FLOW_E_MEMORY ? rc : FLOW_OK;
}

/* Moves in->pos to the next magic; without one, reads on to the end, which it returns. */
static int
find_magic(struct flow_bytes *bytes, struct flow_error *err)
{
    const struct flow_filter *filter = bytes->filter;
    struct flow_input *in = &bytes->in;
    int rc = FLOW_OK;

    while (rc == FLOW_OK) {
        const uint8_t *from = in->bytes + in->pos;
        const uint8_t *found = NULL;

        if (bytes->trials < TRIALS_MAX) {
            found = memmem(from, flow_input_left(in), filter->magic, filter->magic_len);
        }
        if (found != NULL) {
            in->pos += (size_t)(found - from);
            return FLOW_OK;
        }
        if (flow_input_left(in) >= filter->magic_len) {
            in->pos = in->len - (filter->magic_len - 1); /* the start of a magic may be last */
        }
        rc = take_piece(in, err);
    }
    return rc;
}

/* Goes to the next frame behind the damage that the decoder accepts; FLOW_END without one. */
static int
resync(struct flow_bytes *bytes, const struct flow_output *room, struct flow_error *err)
{
    struct flow_input *in = &bytes->in;
    const uint64_t start = in->end - in->len;
    bool accepted = false;
    int rc;

    in->pos = in->resume > start ? (size_t)(in->resume - start) : 0;
    for (;;) {
        rc = find_magic(bytes, err);
        if (rc == FLOW_OK) {
            rc = try_here(bytes, room, &accepted, err);
        }
        if (rc != FLOW_OK || accepted) {
            return rc;
        }
        bytes->trials++;
        in->pos++;
    }
}

static int
read_some(struct flow_bytes *bytes, struct flow_output *out, struct flow_error *err)
{
    int rc = FLOW_OK;

    if (bytes->filter == NULL) {
        rc = detect(bytes, out, err);
    }
    if (rc == FLOW_OK && bytes->lost) {
        rc = resync(bytes, out, err);
        bytes->lost = rc == FLOW_AGAIN;
    }
    if (rc == FLOW_OK) {
        rc = bytes->filter->run(bytes->state, &bytes->in, out, err);
    }
    return rc;
}

/* Says what stopped reading, and makes ready to go on behind it when that may be possible. */
static int
tell_status(struct flow_bytes *bytes, struct flow_error *err)
{
    const int status = bytes->status;
    const bool damage = status == FLOW_E_CORRUPT || status == FLOW_E_TRUNCATED ||
                        status == FLOW_E_LIMIT || status == FLOW_E_UNSUPPORTED;

    if (status < 0 && err != NULL) {
        *err = bytes->error;
    }
    if (damage && bytes->in.status != status && bytes->filter->magic != NULL) {
        bytes->status = FLOW_OK;
        bytes->lost = true;
    }
    return status;
}

static int
read_now(struct flow_bytes *bytes, void *at, size_t room, size_t *got, struct flow_error *err)
{
    struct flow_output out = { at, room, 0 };
    int rc;

    *got = 0;
    if (room == 0) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected room for at least one byte");
    }
    if (bytes->status != FLOW_OK) {
        return tell_status(bytes, err);
    }
    rc = read_some(bytes, &out, &bytes->error);
    bytes->plain += out.got;
    *got = out.got;
    if (rc != FLOW_OK && rc != FLOW_AGAIN) {
        bytes->status = rc;
    }
    return out.got > 0 ? FLOW_OK : rc == FLOW_AGAIN ? rc : tell_status(bytes, err);
}

static void
stats_now(const struct flow_bytes *bytes, struct flow_bytes_stats *stats)
{
    const struct flow_input *in = &bytes->in;

    *stats = (struct flow_bytes_stats){
        .source_read = in->end,
        .source_size = in->source->ops->size(in->source),
        .plain = bytes->plain,
        .compression = bytes->filter != NULL ? bytes->filter->name : flow_filter_plain.name,
        .digest_done = in->digest_done,
    };
    memcpy(stats->digest, in->digest, sizeof(stats->digest));
}

static bool
is_over(const struct flow_bytes *bytes)
{
    return bytes->status != FLOW_OK;
}

int
flow_bytes_read(struct flow_bytes *bytes, void *at, size_t room, size_t *got,
                struct flow_error *err)
{
    static const struct flow_ahead_ops ops = { read_now, stats_now, is_over };
    int rc;

    if (bytes->ahead != NULL) {
        return flow_ahead_read(bytes->ahead, at, room, got, err);
    }
    rc = read_now(bytes, at, room, got, err);
    if (rc == FLOW_OK && bytes->may_go_ahead && bytes->status == FLOW_OK) {
        bytes->may_go_ahead = false;
        bytes->ahead = flow_ahead_start(bytes, &ops, &bytes->help);
    }
    return rc;
}

bool
flow_bytes_are_ahead(const struct flow_bytes *bytes)
{
    return bytes->ahead != NULL;
}

int
flow_bytes_exchange(struct flow_bytes *bytes, struct flow_buffer **buffer, size_t *got,
                    struct flow_error *err)
{
    return flow_ahead_exchange(bytes->ahead, buffer, got, err);
}

void
flow_bytes_call(struct flow_bytes *bytes)
{
    if (bytes->ahead != NULL) {
        flow_ahead_call(bytes->ahead);
    }
}

void
flow_bytes_stats(const struct flow_bytes *bytes, struct flow_bytes_stats *stats)
{
    if (bytes->ahead != NULL) {
        flow_ahead_stats(bytes->ahead, stats);
    } else {
        stats_now(bytes, stats);
    }
}

int
flow_bytes_drain(struct flow_bytes *bytes, struct flow_error *err)
{
    struct flow_input *in = &bytes->in;
    size_t got;
    int rc;

    if (!flow_ahead_stop(bytes->ahead)) {
        return flow_fail(err, FLOW_E_SYSTEM, "expected to be read by the process that opened it");
    }
    bytes->ahead = NULL;
    bytes->may_go_ahead = false;
    if (!make_buffer(in)) {
        return flow_fail_memory(err);
    }
    do {
        rc = flow_input_take(in, in->buffer, FLOW_INPUT_BYTES, &got, err);
    } while (rc == FLOW_OK);
    in->pos = in->len = 0;
    in->resume = in->end;
    if (bytes->status == FLOW_OK) {
        bytes->status = rc;
        bytes->error = in->failure;
    }
    return rc == FLOW_END ? FLOW_OK : rc;
}

void
flow_bytes_close(struct flow_bytes *bytes)
{
    if (bytes == NULL) {
        return;
    }
    if (!flow_ahead_stop(bytes->ahead)) {
        return;
    }
    if (bytes->state != NULL) {
        bytes->filter->free(bytes->state);
    }
    EVP_MD_CTX_free(bytes->in.hash);
    flow_source_close(bytes->in.source);
    free(bytes->in.buffer);
    free(bytes);
}
