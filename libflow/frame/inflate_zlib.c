/* SPDX-License-Identifier: Apache-2.0 */
/* gzip members through zlib, which checks headers, CRCs and lengths. */
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "frame/inflate.h"

/* Bits of the largest window, plus 16: a gzip header and trailer are asked for. */
#define GZIP_WINDOW_BITS (15 + 16)

static void *
zlib_open(void)
{
    z_stream *stream = calloc(1, sizeof(*stream));

    if (stream != NULL && inflateInit2(stream, GZIP_WINDOW_BITS) != Z_OK) {
        free(stream);
        stream = NULL;
    }
    return stream;
}

static void
zlib_reset(void *state)
{
    inflateReset(state);
}

static void
zlib_free(void *state)
{
    inflateEnd(state);
    free(state);
}

static enum flow_inflated
zlib_run(void *state, const uint8_t **in, size_t *in_left, uint8_t **out, size_t *room,
         const char **reason)
{
    z_stream *stream = state;
    const uInt in_now = *in_left < UINT_MAX ? (uInt)*in_left : UINT_MAX;
    const uInt room_now = *room < UINT_MAX ? (uInt)*room : UINT_MAX;
    int rc;

    stream->next_in = (Bytef *)(uintptr_t)*in;
    stream->avail_in = in_now;
    stream->next_out = *out;
    stream->avail_out = room_now;
    rc = inflate(stream, Z_NO_FLUSH);
    *in = stream->next_in;
    *in_left -= in_now - stream->avail_in;
    *out = stream->next_out;
    *room -= room_now - stream->avail_out;
    switch (rc) {
    case Z_OK:
        return FLOW_INFLATED_SOME;
    case Z_STREAM_END:
        return FLOW_INFLATED_END;
    case Z_BUF_ERROR:
        return FLOW_INFLATED_STARVED;
    case Z_MEM_ERROR:
        return FLOW_INFLATED_NO_MEMORY;
    default:
        *reason = stream->msg != NULL ? stream->msg : "unknown reason";
        return FLOW_INFLATED_DAMAGED;
    }
}

const struct flow_inflater flow_inflater_zlib = {
    .open = zlib_open,
    .reset = zlib_reset,
    .run = zlib_run,
    .free = zlib_free,
};
