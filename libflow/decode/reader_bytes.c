/* SPDX-License-Identifier: Apache-2.0 */
/* The window of a reader: what is not taken yet, and what is read behind it. */
#include <string.h>

#include "base/error.h"
#include "decode/reader.h"
#include "decode/scan.h"

/* Read at a time; small enough that the bytes are still in the cache when they are decoded. */
#define READ_BYTES ((size_t)256 << 10)
#define PAGE_BYTES ((size_t)4096)

/* A buffer of so much room: one that batches have let go of, or a new one; NULL: out of memory. */
static struct flow_buffer *
take_buffer(struct flow_reader *reader, size_t room)
{
    for (size_t i = 0; i < FLOW_READER_SPARES; i++) {
        struct flow_buffer *spare = reader->spares[i];

        if (spare != NULL && spare->users == 1 && spare->room >= room) {
            reader->spares[i] = NULL;
            return spare;
        }
    }
    return flow_buffer_new(room, FLOW_SCAN_PADDING);
}

/* Keeps a buffer that a batch holds for when it does not any more; not one for long records. */
static void
keep_buffer(struct flow_reader *reader, struct flow_buffer *buffer)
{
    if (buffer == NULL || buffer->room > READ_BYTES * 4) {
        flow_buffer_release(buffer);
        return;
    }
    flow_buffer_release(reader->spares[reader->next_spare]);
    reader->spares[reader->next_spare] = buffer;
    reader->next_spare = (reader->next_spare + 1) % FLOW_READER_SPARES;
}

/*
 * Makes the buffer hold the bytes not yet taken and room for one more read, aligned to a page. It
 * is a new buffer when a batch points into this one, or when a long record needs a larger one.
 */
static int
make_room(struct flow_reader *reader, struct flow_error *err)
{
    const size_t left = (size_t)(reader->window.end - reader->window.at);
    const size_t carry = (left + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    const size_t need = carry + READ_BYTES;
    struct flow_buffer *buffer = reader->buffer;

    if (buffer == NULL || buffer->users > 1 || buffer->room < need) {
        /* grow by a quarter, so that the old and new buffer stay small */
        const size_t room = need <= READ_BYTES * 2
                                ? READ_BYTES * 2
                                : (need + need / 4 + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);

        buffer = take_buffer(reader, room);
        if (buffer == NULL) {
            return flow_fail_memory(err);
        }
    }
    if (left > 0) {
        memmove(buffer->bytes + carry - left, reader->window.at, left);
    }
    if (buffer != reader->buffer) {
        keep_buffer(reader, reader->buffer);
        reader->buffer = buffer;
    }
    reader->window.at = buffer->bytes + carry - left;
    reader->window.end = buffer->bytes + carry;
    return FLOW_OK;
}

/* Puts what is left of the window in front of bytes that came in a buffer of their own. */
static int
join_window(struct flow_reader *reader, struct flow_buffer *buffer, size_t got,
            struct flow_error *err)
{
    const size_t left = (size_t)(reader->window.end - reader->window.at);
    struct flow_buffer *larger = NULL;
    uint8_t *start = buffer->bytes + FLOW_BYTES_HEAD;

    if (left > FLOW_BYTES_HEAD) {
        /* grow by a quarter, as make_room does */
        larger = flow_buffer_new(left + left / 4 + got, FLOW_SCAN_PADDING);
        if (larger == NULL) {
            keep_buffer(reader, buffer);
            return flow_fail_memory(err);
        }
        memcpy(larger->bytes + left, start, got);
        start = larger->bytes + left;
    }
    if (left > 0) {
        memcpy(start - left, reader->window.at, left);
    }
    keep_buffer(reader, reader->buffer);
    if (larger != NULL) {
        keep_buffer(reader, buffer);
    }
    reader->buffer = larger != NULL ? larger : buffer;
    reader->window.at = start - left;
    reader->window.end = start + got;
    return FLOW_OK;
}

int
flow_reader_fill(struct flow_reader *reader, struct flow_error *err)
{
    struct flow_buffer *buffer;
    size_t got = 0;
    int rc;

    if (flow_bytes_are_ahead(reader->bytes)) {
        buffer = take_buffer(reader, FLOW_BYTES_HEAD + FLOW_BYTES_PIECE);
        if (buffer == NULL) {
            return flow_fail_memory(err);
        }
        rc = flow_bytes_exchange(reader->bytes, &buffer, &got, err);
        if (rc == FLOW_OK) {
            return join_window(reader, buffer, got, err);
        }
        keep_buffer(reader, buffer);
        return rc;
    }
    rc = make_room(reader, err);
    if (rc != FLOW_OK) {
        return rc;
    }
    rc = flow_bytes_read(
        reader->bytes, (uint8_t *)reader->window.end,
        (size_t)(reader->buffer->bytes + reader->buffer->room - reader->window.end), &got, err);
    reader->window.end += rc == FLOW_OK ? got : 0;
    return rc;
}
