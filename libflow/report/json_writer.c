/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text; invalid UTF-8 becomes U+FFFD, so that what is written can always be read. */
#include "report/json_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "libflow/time.h"

static void
new_line(struct flow_json_writer *writer)
{
    flow_buf_add_char(writer->out, '\n');
    for (unsigned i = 0; i < writer->depth; i++) {
        flow_buf_add_text(writer->out, "  ");
    }
}

/* U+2028 and U+2029, which some programs take for the end of a line. */
static bool
is_line_end(const char *at, size_t len)
{
    return len == 3 && at[0] == '\xe2' && at[1] == '\x80' && (at[2] == '\xa8' || at[2] == '\xa9');
}

static void
add_escaped(struct flow_buf *out, struct flow_str text)
{
    size_t start = 0;

    flow_buf_add_char(out, '"');
    for (size_t i = 0; i < text.len;) {
        const unsigned char c = (unsigned char)text.ptr[i];
        size_t step = 1;

        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            i++;
            continue;
        }
        if (c >= 0x80) {
            step = flow_utf8_length((const uint8_t *)text.ptr + i, text.len - i);
            if (step > 0 && !is_line_end(text.ptr + i, step)) {
                i += step;
                continue;
            }
            if (step > 0) {
                flow_buf_add(out, text.ptr + start, i - start);
                flow_buf_add_text(out, text.ptr[i + 2] == '\xa8' ? "\\u2028" : "\\u2029");
                start = i += step;
                continue;
            }
        }
        flow_buf_add(out, text.ptr + start, i - start);
        if (c >= 0x80) {
            flow_buf_add_text(out, "\xef\xbf\xbd");
        } else if (c == '"' || c == '\\') {
            flow_buf_add_char(out, '\\');
            flow_buf_add_char(out, (char)c);
        } else {
            flow_buf_add_format(out, "\\u%04x", c);
        }
        start = ++i;
    }
    flow_buf_add(out, text.ptr + start, text.len - start);
    flow_buf_add_char(out, '"');
}

/* The comma, the line and the key before a value. */
static void
begin(struct flow_json_writer *writer, const char *key)
{
    if (writer->comma) {
        flow_buf_add_char(writer->out, ',');
    }
    if (writer->pretty && writer->depth > 0) {
        new_line(writer);
    }
    if (key != NULL) {
        add_escaped(writer->out, flow_str_of(key));
        flow_buf_add_text(writer->out, writer->pretty ? ": " : ":");
    }
    writer->comma = true;
}

void
flow_json_open(struct flow_json_writer *writer, const char *key, char bracket)
{
    begin(writer, key);
    flow_buf_add_char(writer->out, bracket);
    writer->depth++;
    writer->comma = false;
}

void
flow_json_close(struct flow_json_writer *writer, char bracket)
{
    writer->depth--;
    if (writer->pretty && writer->comma) {
        new_line(writer);
    }
    flow_buf_add_char(writer->out, bracket);
    writer->comma = true;
}

void
flow_json_add_str(struct flow_json_writer *writer, const char *key, struct flow_str text)
{
    begin(writer, key);
    if (text.ptr == NULL) {
        flow_buf_add_text(writer->out, "null");
    } else {
        add_escaped(writer->out, text);
    }
}

void
flow_json_add_text(struct flow_json_writer *writer, const char *key, const char *text)
{
    flow_json_add_str(writer, key, flow_str_of(text));
}

/* Digits without printf: rows have several numbers each. */
void
flow_json_add_u64(struct flow_json_writer *writer, const char *key, uint64_t value)
{
    char digits[20];
    size_t pos = sizeof(digits);

    begin(writer, key);
    do {
        digits[--pos] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    flow_buf_add(writer->out, digits + pos, sizeof(digits) - pos);
}

void
flow_json_add_i64(struct flow_json_writer *writer, const char *key, int64_t value)
{
    begin(writer, key);
    flow_buf_add_format(writer->out, "%lld", (long long)value);
}

void
flow_json_add_double(struct flow_json_writer *writer, const char *key, double value)
{
    char text[40];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    begin(writer, key);
    flow_buf_add_text(writer->out, text);
}

void
flow_json_add_bool(struct flow_json_writer *writer, const char *key, bool value)
{
    begin(writer, key);
    flow_buf_add_text(writer->out, value ? "true" : "false");
}

void
flow_json_add_null(struct flow_json_writer *writer, const char *key)
{
    begin(writer, key);
    flow_buf_add_text(writer->out, "null");
}

void
flow_json_add_share(struct flow_json_writer *writer, const char *key, uint64_t part, uint64_t whole)
{
    begin(writer, key);
    flow_buf_add_format(writer->out, "%.6f", whole > 0 ? (double)part / (double)whole : 0.0);
}

void
flow_json_add_time(struct flow_json_writer *writer, const char *key, int64_t time)
{
    char text[FLOW_TIME_TEXT_MAX];

    if (time == FLOW_TIME_NONE) {
        flow_json_add_null(writer, key);
    } else {
        flow_json_add_text(writer, key, flow_time_format(time, text));
    }
}
