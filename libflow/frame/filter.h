/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a compression is to bytes.c, and the source bytes it works on. A filter turns source bytes
 * into plain ones; detection, digest, and what happens after an error are bytes.c's.
 */
#ifndef FLOW_FRAME_FILTER_H
#define FLOW_FRAME_FILTER_H

#include <openssl/evp.h>
#include <string.h>

#include "source/source.h"

/* Bytes that tell every compression from the others and from plain data. */
#define FLOW_MAGIC_BYTES 4

/*
 * The buffer of source bytes, how much is read into it at a time, and how much behind the decoder
 * is kept: a decoder that follows damaged lengths runs past the start of the next frame before it
 * notices. All are whole pages, because read(2) is slow into memory that is not aligned.
 */
#define FLOW_INPUT_BYTES ((size_t)1 << 20)
#define FLOW_INPUT_PIECE ((size_t)256 << 10)
#define FLOW_INPUT_KEEP ((size_t)128 << 10)
#define FLOW_INPUT_ALIGN ((size_t)4096)

/* Source bytes on their way into a filter: those from pos to len are next. */
struct flow_input {
    struct flow_source *source;
    int status;                /* FLOW_OK, or what the source said last: it is not asked again */
    struct flow_error failure; /* when status is an error */
    uint8_t *bytes;            /* buffer; for the first bytes, where detection has put them */
    size_t pos, len;
    uint8_t *buffer; /* NULL until a filter needs it */
    uint64_t end;    /* bytes taken from the source, which is the offset of bytes[len] */
    uint64_t frames; /* whole members or frames seen; filters count */
    uint64_t resume; /* where a search after damage starts; filters set it */
    /* who is asked about skippable frames, as in struct flow_bytes_options; or NULL */
    uint32_t skip_magic;
    uint64_t (*skip)(void *context, struct flow_str content);
    void *skip_context;
    EVP_MD_CTX *hash; /* NULL when nobody asked for a digest */
    uint8_t digest[32];
    bool digest_done;
};

/* Plain bytes on their way to the caller. */
struct flow_output {
    uint8_t *at;
    size_t room, got;
};

enum flow_match { FLOW_MATCH_NO, FLOW_MATCH_MAYBE, FLOW_MATCH_YES };

struct flow_filter {
    const char *name;
    /* What every frame starts with, to search for after damage. NULL: no search. */
    const uint8_t *magic;
    size_t magic_len;
    /* Is this the start of such a stream? MAYBE asks for more bytes; never for FLOW_MAGIC_BYTES. */
    enum flow_match (*match)(const uint8_t *bytes, size_t len);
    /* NULL when there is no state. */
    int (*open)(void **state, struct flow_error *err);
    /*
     * Fills out. FLOW_OK with out full, FLOW_AGAIN with something in out and no more without
     * waiting for the source, FLOW_END, or an error; out->got counts in every case.
     */
    int (*run)(void *state, struct flow_input *in, struct flow_output *out, struct flow_error *err);
    /* The next byte is the first of a frame. */
    void (*reset)(void *state);
    void (*free)(void *state);
};

extern const struct flow_filter flow_filter_plain;
extern const struct flow_filter flow_filter_gzip;
extern const struct flow_filter flow_filter_zstd;

/* Takes bytes straight from the source, counting and hashing them; as the source's read. */
int flow_input_take(struct flow_input *in, void *at, size_t room, size_t *got,
                    struct flow_error *err);

/*
 * FLOW_OK with at least want bytes between pos and len (at most FLOW_INPUT_BYTES / 2), FLOW_END
 * when the source ends before, or its error. When out holds something already it is FLOW_AGAIN
 * instead of waiting for the source, so that a live stream is not held back; out may be NULL.
 */
int flow_input_need(struct flow_input *in, const struct flow_output *out, size_t want,
                    struct flow_error *err);

static inline size_t
flow_input_left(const struct flow_input *in)
{
    return in->len - in->pos;
}

/* The offset in the source of the next byte. */
static inline uint64_t
flow_input_offset(const struct flow_input *in)
{
    return in->end - (in->len - in->pos);
}

static inline enum flow_match
flow_match_magic(const uint8_t *magic, size_t magic_len, const uint8_t *bytes, size_t len)
{
    if (memcmp(bytes, magic, len < magic_len ? len : magic_len) != 0) {
        return FLOW_MATCH_NO;
    }
    return len < magic_len ? FLOW_MATCH_MAYBE : FLOW_MATCH_YES;
}

#endif
