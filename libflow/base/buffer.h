/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that several hold on to. */
#ifndef FLOW_BASE_BUFFER_H
#define FLOW_BASE_BUFFER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes that records point into. A reader fills them, and every batch that it fills from them
 * holds on to them, so that they stay as they are while another batch is filled.
 */
struct flow_buffer {
    uint8_t *bytes; /* room of them, aligned to a page, and padding behind them */
    size_t room;
    atomic_uint users; /* a batch and its reader may be with different threads */
};

/* A buffer with one user; NULL when out of memory. */
struct flow_buffer *flow_buffer_new(size_t room, size_t padding);
/* One user less; the last one frees it. NULL is fine. */
void flow_buffer_release(struct flow_buffer *buffer);

#endif
