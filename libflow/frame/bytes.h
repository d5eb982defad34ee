/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plain bytes of a source: gzip and zstd are undone, told by their first bytes and never by
 * name. Many members or frames in a row are one stream, zstd's skippable frames are passed over,
 * zero padding behind the last gzip member is ignored. A file shorter than a magic is plain.
 */
#ifndef FLOW_FRAME_BYTES_H
#define FLOW_FRAME_BYTES_H

#include "source/source.h"

struct flow_bytes;
struct flow_buffer;

/* Something that a thread may do when it has nothing else to do: false when there was nothing. */
struct flow_help {
    bool (*help)(void *context); /* NULL: there is nothing ever */
    void *context;
};

struct flow_bytes_options {
    bool digest; /* compute the SHA-256 of the source's own (compressed) bytes */
    /*
     * Asked for each skippable frame of zstd with this magic, given its content: how many bytes
     * behind it are to be passed over too. All bytes before it have been handed out. May be NULL.
     */
    uint32_t skip_magic;
    uint64_t (*skip)(void *context, struct flow_str content);
    void *skip_context;
    /* Bytes may be made ready in a thread of their own, but for what asks skip. */
    bool ahead;
    struct flow_help help; /* for that thread */
};

/* Moved: the source is closed with the bytes on success, still the caller's on error. */
int flow_bytes_open(struct flow_bytes **out, struct flow_source *source,
                    const struct flow_bytes_options *options, struct flow_error *err);

/*
 * Up to room plain bytes into at; what of the room is behind *got may be written over too. FLOW_OK
 * with *got > 0, FLOW_END, or an error: every byte that could be decoded before the damage has been
 * handed out first. It never waits for the source while it has bytes to give. FLOW_AGAIN with
 * *got == 0 when the source says so.
 *
 * FLOW_E_TRUNCATED when a compressed stream stops in the middle; FLOW_E_CORRUPT when a frame or
 * checksum does not hold, or when there is garbage behind the last member or frame; FLOW_E_LIMIT
 * and FLOW_E_UNSUPPORTED for a zstd window over 128 MiB and a dictionary. err->offset is then the
 * byte of the source (compressed), and the next call goes on at the next member or frame that is
 * found and decodes behind that place, or says FLOW_END when there is none. Bytes of the damaged
 * member itself may be wrong from some place before the error on; those of others are not.
 *
 * Errors of the source, which name their input, and FLOW_E_MEMORY come again at every call.
 */
int flow_bytes_read(struct flow_bytes *bytes, void *at, size_t room, size_t *got,
                    struct flow_error *err);

/*
 * Whether a thread makes the bytes ready. Then they can be had without being copied: the caller
 * gives a buffer that it does not need, with the room below, and gets another with *got bytes at
 * FLOW_BYTES_HEAD, in front of which what is left of those before can be put. Else as
 * flow_bytes_read, with the caller's buffer left to it.
 */
bool flow_bytes_are_ahead(const struct flow_bytes *bytes);
int flow_bytes_exchange(struct flow_bytes *bytes, struct flow_buffer **buffer, size_t *got,
                        struct flow_error *err);
/* Says that the help of the options may have something to do. */
void flow_bytes_call(struct flow_bytes *bytes);

#define FLOW_BYTES_HEAD ((size_t)64 << 10)
#define FLOW_BYTES_PIECE ((size_t)256 << 10)

struct flow_bytes_stats {
    uint64_t source_read;    /* bytes taken from the source */
    uint64_t source_size;    /* 0 when unknown */
    uint64_t plain;          /* bytes handed out */
    const char *compression; /* "none", "gzip", "zstd" */
    bool digest_done;        /* the whole source was read and digest asked for */
    uint8_t digest[32];      /* SHA-256 */
};

void flow_bytes_stats(const struct flow_bytes *bytes, struct flow_bytes_stats *stats);

/*
 * Reads the rest of the source for the digest alone (after an error). FLOW_OK, or the source's
 * error.
 */
int flow_bytes_drain(struct flow_bytes *bytes, struct flow_error *err);

void flow_bytes_close(struct flow_bytes *bytes);

#endif
