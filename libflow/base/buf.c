/* SPDX-License-Identifier: Apache-2.0 */
/* Growable text; the writers of reports and messages build on it. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for len more bytes and a NUL. */
static bool
reserve(struct flow_buf *buf, size_t len)
{
    size_t room = buf->room == 0 ? 256 : buf->room;
    char *grown;

    if (buf->failed || len > SIZE_MAX / 4 - buf->len) {
        buf->failed = true;
        return false;
    }
    if (buf->len + len + 1 <= buf->room) {
        return true;
    }
    while (room < buf->len + len + 1) {
        room *= 2;
    }
    grown = realloc(buf->ptr, room);
    if (grown == NULL) {
        buf->failed = true;
        return false;
    }
    buf->ptr = grown;
    buf->room = room;
    return true;
}

void
flow_buf_add(struct flow_buf *buf, const char *bytes, size_t len)
{
    if (len > 0 && reserve(buf, len)) {
        memcpy(buf->ptr + buf->len, bytes, len);
        buf->len += len;
    }
}

void
flow_buf_add_str(struct flow_buf *buf, struct flow_str text)
{
    flow_buf_add(buf, text.ptr, text.len);
}

void
flow_buf_add_text(struct flow_buf *buf, const char *text)
{
    flow_buf_add(buf, text, strlen(text));
}

void
flow_buf_add_char(struct flow_buf *buf, char c)
{
    flow_buf_add(buf, &c, 1);
}

void
flow_buf_add_format(struct flow_buf *buf, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0 || !reserve(buf, (size_t)len)) {
        buf->failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

struct flow_str
flow_buf_str(const struct flow_buf *buf)
{
    return (struct flow_str){ buf->ptr, buf->len };
}

void
flow_buf_reset(struct flow_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

void
flow_buf_free(struct flow_buf *buf)
{
    free(buf->ptr);
    memset(buf, 0, sizeof(*buf));
}
