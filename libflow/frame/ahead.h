/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain bytes that a thread of their own makes ahead of who reads them. What is read is what would
 * be read without it: the same bytes, the same damage at the same places, the same end.
 */
#ifndef FLOW_FRAME_AHEAD_H
#define FLOW_FRAME_AHEAD_H

#include "base/buffer.h"
#include "frame/bytes.h"

struct flow_ahead;

/* What the thread calls, and nobody else while it runs. */
struct flow_ahead_ops {
    int (*read)(struct flow_bytes *bytes, void *at, size_t room, size_t *got,
                struct flow_error *err);
    void (*stats)(const struct flow_bytes *bytes, struct flow_bytes_stats *stats);
    /* Whether read would say again what it said last. */
    bool (*is_over)(const struct flow_bytes *bytes);
};

/*
 * NULL when there is no memory, or no thread, for it: the caller then reads by itself. help is what
 * the thread does while there is nothing to read; it may be NULL.
 */
struct flow_ahead *flow_ahead_start(struct flow_bytes *bytes, const struct flow_ahead_ops *ops,
                                    const struct flow_help *help);
/* Says that help may have something to do. */
void flow_ahead_call(struct flow_ahead *ahead);
/* As flow_bytes_read. */
int flow_ahead_read(struct flow_ahead *ahead, void *at, size_t room, size_t *got,
                    struct flow_error *err);
/*
 * As flow_bytes_exchange. A piece of which a part was read by flow_ahead_read must be read to its
 * end in that way.
 */
int flow_ahead_exchange(struct flow_ahead *ahead, struct flow_buffer **buffer, size_t *got,
                        struct flow_error *err);
/* As they were when what was read last was made. */
void flow_ahead_stats(const struct flow_ahead *ahead, struct flow_bytes_stats *stats);
/*
 * Stops and ends the thread; what it had made is lost. NULL is fine. false in a child of fork,
 * which has no such thread: the bytes are then as the thread left them, and must be left alone.
 */
bool flow_ahead_stop(struct flow_ahead *ahead);

#endif
