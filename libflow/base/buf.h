/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that grows. A failed allocation is remembered: further appends do nothing, and the owner
 * asks once at the end (buf->failed).
 */
#ifndef FLOW_BASE_BUF_H
#define FLOW_BASE_BUF_H

#include "base/error.h"

/* Zero bytes are a valid empty buffer. */
struct flow_buf {
    char *ptr;
    size_t len, room;
    bool failed;
};

void flow_buf_add(struct flow_buf *buf, const char *bytes, size_t len);
void flow_buf_add_str(struct flow_buf *buf, struct flow_str text);
void flow_buf_add_text(struct flow_buf *buf, const char *text);
void flow_buf_add_char(struct flow_buf *buf, char c);
/* A number in decimal digits, many times as fast as by a format. */
void flow_buf_add_number(struct flow_buf *buf, uint64_t number);
void flow_buf_add_format(struct flow_buf *buf, const char *format, ...) FLOW_PRINTF(2, 3);
struct flow_str flow_buf_str(const struct flow_buf *buf);

/* Empties it and keeps the memory. */
void flow_buf_reset(struct flow_buf *buf);
void flow_buf_free(struct flow_buf *buf);

/*
 * Text from outside for a terminal: what would steer it (control characters, also those of Unicode,
 * line and paragraph separators, changes of direction) becomes a question mark.
 */
void flow_buf_add_clean(struct flow_buf *buf, struct flow_str text);

#endif
