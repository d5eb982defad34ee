/* SPDX-License-Identifier: Apache-2.0 */
/* Fills struct flow_error and turns it into text; knows nothing of what failed. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

static void fill(struct flow_error *err, int status, const char *format, va_list args)
    FLOW_PRINTF(3, 0);

static void
fill(struct flow_error *err, int status, const char *format, va_list args)
{
    memset(err, 0, sizeof(*err));
    err->status = status;
    vsnprintf(err->message, sizeof(err->message), format, args);
    flow_utf8_trim_end(err->message);
}

int
flow_fail(struct flow_error *err, int status, const char *format, ...)
{
    va_list args;

    if (err != NULL) {
        va_start(args, format);
        fill(err, status, format, args);
        va_end(args);
    }
    return status;
}

int
flow_fail_at(struct flow_error *err, int status, size_t pos, const char *format, ...)
{
    va_list args;

    if (err != NULL) {
        va_start(args, format);
        fill(err, status, format, args);
        va_end(args);
        flow_error_set_place(err, pos, 1, (uint32_t)(pos + 1));
    }
    return status;
}

int
flow_fail_system(struct flow_error *err, int os_errno, const char *format, ...)
{
    va_list args;
    char text[128];
    size_t used;

    if (err == NULL) {
        return FLOW_E_SYSTEM;
    }
    va_start(args, format);
    fill(err, FLOW_E_SYSTEM, format, args);
    va_end(args);
    err->os_errno = os_errno;
    used = strlen(err->message);
    /* glibc's form, which _GNU_SOURCE asks for: it returns the text */
    snprintf(err->message + used, sizeof(err->message) - used, ": %s",
             strerror_r(os_errno, text, sizeof(text)));
    return FLOW_E_SYSTEM;
}

int
flow_fail_memory(struct flow_error *err)
{
    return flow_fail(err, FLOW_E_MEMORY, "out of memory");
}

void
flow_error_set_input(struct flow_error *err, const char *input)
{
    const size_t room = sizeof(err->input) - 1;
    const char *tail;
    size_t len;

    if (err == NULL || input == NULL) {
        return;
    }
    len = strlen(input);
    if (len <= room) {
        memcpy(err->input, input, len + 1);
        return;
    }
    tail = input + len - (room - 3);
    while (((unsigned char)*tail & 0xc0) == 0x80) {
        tail++; /* not in the middle of a character */
    }
    memcpy(err->input, "...", 3);
    memcpy(err->input + 3, tail, strlen(tail) + 1);
}

void
flow_error_set_place(struct flow_error *err, uint64_t offset, uint32_t line, uint32_t column)
{
    if (err != NULL) {
        err->offset = offset;
        err->line = line;
        err->column = column;
    }
}

void
flow_error_format(const struct flow_error *err, char *text, size_t size)
{
    const char *input = err->input[0] != '\0' ? err->input : NULL;

    if (size == 0) {
        return;
    }
    if (input != NULL && err->line > 0 && err->column > 0) {
        snprintf(text, size, "%s:%u:%u: %s", input, err->line, err->column, err->message);
    } else if (input != NULL && err->line > 0) {
        snprintf(text, size, "%s:%u: %s", input, err->line, err->message);
    } else if (input != NULL && err->offset > 0) {
        snprintf(text, size, "%s: byte %llu: %s", input, (unsigned long long)err->offset,
                 err->message);
    } else if (input != NULL) {
        snprintf(text, size, "%s: %s", input, err->message);
    } else {
        snprintf(text, size, "%s", err->message);
    }
}

/* Appends one byte of user text; false when it does not fit with the closing quote and dots. */
static bool
quote_byte(char *text, size_t size, size_t *used, unsigned char byte, bool raw)
{
    const size_t need = raw ? 1 : 4;

    if (*used + need + sizeof("...\"") > size) {
        return false;
    }
    if (raw) {
        text[(*used)++] = (char)byte;
    } else {
        *used += (size_t)snprintf(text + *used, size - *used, "\\x%02x", byte);
    }
    return true;
}

const char *
flow_quote(struct flow_str user, char *text, size_t size)
{
    size_t used = 0;
    size_t pos = 0;
    bool cut = false;

    text[used++] = '"';
    while (pos < user.len && !cut) {
        const size_t step = flow_utf8_length((const uint8_t *)user.ptr + pos, user.len - pos);
        const bool raw = step > 1 || (step == 1 && (unsigned char)user.ptr[pos] >= 0x20 &&
                                      user.ptr[pos] != 0x7f && user.ptr[pos] != '"');

        cut = pos + step > FLOW_QUOTE_BYTES_MAX || used + step + sizeof("...\"") > size;
        for (size_t i = 0; i < (step > 0 ? step : 1) && !cut; i++) {
            cut = !quote_byte(text, size, &used, (unsigned char)user.ptr[pos + i], raw);
        }
        pos += step > 0 ? step : 1;
    }
    snprintf(text + used, size - used, cut ? "...\"" : "\"");
    return text;
}
