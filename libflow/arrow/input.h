/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns of somebody else's arrays, read by row. Every type that text, whole numbers, times and
 * lists of text come in is taken.
 */
#ifndef FLOW_ARROW_INPUT_H
#define FLOW_ARROW_INPUT_H

#include "libflow/arrow.h"

/* One column; borrowed from its array. */
struct flow_input_column {
    const struct ArrowSchema *schema; /* NULL: there is no such column, and all is null */
    const struct ArrowArray *array;
    int64_t offset; /* of the rows in the array, beside the array's own */
};

/* The column of that name in a struct array. */
struct flow_input_column flow_input_find(const struct ArrowSchema *schema,
                                         const struct ArrowArray *array, const char *name);

/* Whether it holds text, whole numbers, lists of text; true also for a column that is not there. */
bool flow_input_is_text(const struct flow_input_column *column);
bool flow_input_is_number(const struct flow_input_column *column);
bool flow_input_is_texts(const struct flow_input_column *column);
bool flow_input_is_time(const struct flow_input_column *column);
bool flow_input_is_address(const struct flow_input_column *column); /* 16 bytes */

/* Values of a row, of a column that holds them; false: null. */
bool flow_input_text(const struct flow_input_column *column, int64_t row, struct flow_str *text);
bool flow_input_number(const struct flow_input_column *column, int64_t row, int64_t *number);
/* Nanoseconds; FLOW_TIME_NONE where they do not fit. */
bool flow_input_time(const struct flow_input_column *column, int64_t row, int64_t *time);
bool flow_input_address(const struct flow_input_column *column, int64_t row,
                        struct flow_address *address);

/* Texts of a row, in memory that grows with what is asked for. Zero bytes are valid. */
struct flow_input_texts {
    struct flow_str *texts;
    size_t count, room;
};

/* The texts of a list, or those of one text with commas between; false with *ok: null. */
bool flow_input_list(const struct flow_input_column *column, int64_t row,
                     struct flow_input_texts *texts, bool *ok);

#endif
