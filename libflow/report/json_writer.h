/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON into a buffer: commas and escapes are taken care of, the caller keeps the brackets.
 */
#ifndef FLOW_REPORT_JSON_WRITER_H
#define FLOW_REPORT_JSON_WRITER_H

#include "base/buf.h"

struct flow_json_writer {
    struct flow_buf *out;
    bool comma;  /* a value stands before the next one */
    bool pretty; /* a member a line */
    unsigned depth;
};

void flow_json_open(struct flow_json_writer *writer, const char *key, char bracket);
void flow_json_close(struct flow_json_writer *writer, char bracket);
/* key is NULL for an item of a list. An absent text is null. */
void flow_json_add_str(struct flow_json_writer *writer, const char *key, struct flow_str text);
void flow_json_add_text(struct flow_json_writer *writer, const char *key, const char *text);
void flow_json_add_u64(struct flow_json_writer *writer, const char *key, uint64_t value);
void flow_json_add_i64(struct flow_json_writer *writer, const char *key, int64_t value);
/* A finite number, with as few digits as give it back. */
void flow_json_add_double(struct flow_json_writer *writer, const char *key, double value);
void flow_json_add_bool(struct flow_json_writer *writer, const char *key, bool value);
void flow_json_add_null(struct flow_json_writer *writer, const char *key);
/* A share between 0 and 1 with six digits. */
void flow_json_add_share(struct flow_json_writer *writer, const char *key, uint64_t part,
                         uint64_t whole);
/* RFC 3339, or null for FLOW_TIME_NONE. */
void flow_json_add_time(struct flow_json_writer *writer, const char *key, int64_t time);

#endif
