/* SPDX-License-Identifier: Apache-2.0 */
/* A source that is given its bytes by the caller, piece by piece. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "source/source.h"

struct push_source {
    struct flow_source base;
    struct flow_buf bytes;
    size_t pos;
    bool ended;
};

static int
push_read(struct flow_source *source, void *at, size_t room, size_t *got, struct flow_error *err)
{
    struct push_source *push = (struct push_source *)source;
    const size_t left = push->bytes.len - push->pos;
    const size_t take = left < room ? left : room;

    (void)err;
    *got = take;
    if (take == 0) {
        return push->ended ? FLOW_END : FLOW_AGAIN;
    }
    memcpy(at, push->bytes.ptr + push->pos, take);
    push->pos += take;
    if (push->pos == push->bytes.len) {
        flow_buf_reset(&push->bytes);
        push->pos = 0;
    }
    return FLOW_OK;
}

static uint64_t
push_size(const struct flow_source *source)
{
    (void)source;
    return 0;
}

static void
push_close(struct flow_source *source)
{
    flow_buf_free(&((struct push_source *)source)->bytes);
    free(source);
}

static const struct flow_source_ops push_ops = {
    .name = "push",
    .read = push_read,
    .size = push_size,
    .close = push_close,
};

int
flow_source_open_push(struct flow_source **out, struct flow_error *err)
{
    struct push_source *push = calloc(1, sizeof(*push));

    *out = NULL;
    if (push == NULL) {
        return flow_fail_memory(err);
    }
    push->base.ops = &push_ops;
    *out = &push->base;
    return FLOW_OK;
}

int
flow_source_push(struct flow_source *source, const void *bytes, size_t len, struct flow_error *err)
{
    struct push_source *push = (struct push_source *)source;

    if (source->ops != &push_ops || push->ended) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected an input that has not ended");
    }
    flow_buf_add(&push->bytes, bytes, len);
    if (push->bytes.failed) {
        push->bytes.failed = false;
        return flow_fail_memory(err);
    }
    return FLOW_OK;
}

bool
flow_source_push_ended(const struct flow_source *source)
{
    return ((const struct push_source *)source)->ended;
}

void
flow_source_push_end(struct flow_source *source)
{
    if (source->ops == &push_ops) {
        ((struct push_source *)source)->ended = true;
    }
}
