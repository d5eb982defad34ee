/* SPDX-License-Identifier: Apache-2.0 */
/* A source over bytes of the caller; chunk lets tests hand them out in pieces of any size. */
#include <stdlib.h>
#include <string.h>

#include "source/source.h"

struct memory_source {
    struct flow_source base;
    struct flow_str bytes;
    size_t pos;
    size_t chunk; /* at most so many at a time */
};

static int
memory_read(struct flow_source *source, void *at, size_t room, size_t *got, struct flow_error *err)
{
    struct memory_source *memory = (struct memory_source *)source;
    size_t take = memory->bytes.len - memory->pos;

    (void)err;
    take = take < room ? take : room;
    take = take < memory->chunk ? take : memory->chunk;
    *got = take;
    if (take == 0) {
        return FLOW_END;
    }
    memcpy(at, memory->bytes.ptr + memory->pos, take);
    memory->pos += take;
    return FLOW_OK;
}

static uint64_t
memory_size(const struct flow_source *source)
{
    return ((const struct memory_source *)source)->bytes.len;
}

static void
memory_close(struct flow_source *source)
{
    free(source);
}

static const struct flow_source_ops memory_ops = {
    .name = "memory",
    .may_go_ahead = true,
    .read = memory_read,
    .size = memory_size,
    .close = memory_close,
};

int
flow_source_open_memory(struct flow_source **out, struct flow_str bytes, size_t chunk,
                        struct flow_error *err)
{
    struct memory_source *memory = malloc(sizeof(*memory));

    *out = NULL;
    if (memory == NULL) {
        return flow_fail_memory(err);
    }
    *memory = (struct memory_source){
        .base = { &memory_ops },
        .bytes = bytes,
        .chunk = chunk > 0 ? chunk : SIZE_MAX,
    };
    *out = &memory->base;
    return FLOW_OK;
}
