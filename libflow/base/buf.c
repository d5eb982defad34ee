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
flow_buf_add_number(struct flow_buf *buf, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    flow_buf_add(buf, digits + at, sizeof(digits) - at);
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

/* Bytes of a character that steers a terminal; 0 for another. */
static size_t
steering(const unsigned char *at, size_t len)
{
    if (at[0] < 0x20 || at[0] == 0x7f) {
        return 1;
    }
    if (len >= 2 && at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f) {
        return 2; /* U+0080 to U+009F */
    }
    if (len >= 3 && at[0] == 0xe2 &&
        ((at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||  /* U+2028 to U+202E */
         (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9))) { /* U+2066 to U+2069 */
        return 3;
    }
    return 0;
}

void
flow_buf_add_clean(struct flow_buf *buf, struct flow_str text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;

    for (size_t i = 0; i < text.len;) {
        const size_t bad = steering(bytes + i, text.len - i);

        flow_buf_add_char(buf, bad > 0 ? '?' : text.ptr[i]);
        i += bad > 0 ? bad : 1;
    }
}
