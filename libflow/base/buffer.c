/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that several hold on to; the last one to let go frees them. */
#include "base/buffer.h"

#include <stdlib.h>

#define PAGE_BYTES ((size_t)4096)

struct flow_buffer *
flow_buffer_new(size_t room, size_t padding)
{
    struct flow_buffer *buffer = malloc(sizeof(*buffer));
    void *bytes;

    if (buffer == NULL || posix_memalign(&bytes, PAGE_BYTES, room + padding) != 0) {
        free(buffer);
        return NULL;
    }
    buffer->bytes = bytes;
    buffer->room = room;
    atomic_init(&buffer->users, 1);
    return buffer;
}

void
flow_buffer_release(struct flow_buffer *buffer)
{
    if (buffer != NULL && atomic_fetch_sub(&buffer->users, 1) == 1) {
        free(buffer->bytes);
        free(buffer);
    }
}
