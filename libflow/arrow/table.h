/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a table while they are collected, a column each in the layout that Arrow has, so that
 * handing them out copies nothing. A value that is not put is null.
 */
#ifndef FLOW_ARROW_TABLE_H
#define FLOW_ARROW_TABLE_H

#include "arrow/columns.h"
#include "base/buf.h"
#include "base/intern.h"

/* The values of a dictionary, as arrays have them; each array that does holds a share of it. */
struct flow_words_copy;

/* Memory of all columns of one array, but for texts; each array of a column holds a share of it. */
struct flow_block;

/* Texts that columns hold by number. They are forgotten when they have become many. */
struct flow_words {
    struct flow_intern texts;
    uint32_t *of_value; /* by a small number that a text stands for: its number + 1, or 0 */
    size_t bytes;
    uint32_t age;                 /* counts how often they were forgotten */
    struct flow_words_copy *copy; /* as they were handed out last; NULL: not yet */
    uint32_t copied;              /* texts in that copy */
    uint64_t serial;              /* of the next copy */
};

struct flow_column {
    const struct flow_column_spec *spec;
    /* in the block of the table: */
    uint8_t *valid;       /* a bit a row, set where there is a value */
    uint8_t *values;      /* numbers, 16 bytes, bits, numbers of words; or offsets */
    struct flow_buf text; /* of text, and of the texts in lists */
    int32_t *offsets;     /* of the texts in lists */
    size_t texts, text_room;
    size_t filled; /* rows whose offsets are there */
    size_t valid_count;
    struct flow_words *words;
};

struct flow_table {
    struct flow_column *columns;
    size_t column_count;
    struct flow_block *block;
    size_t rows, room;
    size_t expected;   /* rows that the next array will have, by the last one */
    size_t text_bytes; /* of all columns, to tell when there is enough of it */
    struct flow_words words[FLOW_WORDS_COUNT];
    bool failed; /* out of memory; asked for once, by flow_table_take */
};

/* Both false, or FLOW_E_MEMORY, when out of memory. */
bool flow_table_init(struct flow_table *table, uint8_t which);
bool flow_table_reserve(struct flow_table *table, size_t rows);
void flow_table_free(struct flow_table *table);

/* Moves the rows out; the next ones begin a new array. */
int flow_table_take(struct flow_table *table, struct ArrowArray *out, struct flow_error *err);

/* The row that is put is whole. There must be room for it. */
static inline void
flow_table_end_row(struct flow_table *table)
{
    table->rows++;
}

static inline void
flow_put_valid(struct flow_table *table, struct flow_column *column)
{
    column->valid[table->rows / 8] |= (uint8_t)(1u << (table->rows % 8));
    column->valid_count++;
}

static inline void
flow_put_u8(struct flow_table *table, size_t column, uint8_t value)
{
    flow_put_valid(table, &table->columns[column]);
    table->columns[column].values[table->rows] = value;
}

static inline void
flow_put_u16(struct flow_table *table, size_t column, uint16_t value)
{
    flow_put_valid(table, &table->columns[column]);
    ((uint16_t *)(void *)table->columns[column].values)[table->rows] = value;
}

static inline void
flow_put_u32(struct flow_table *table, size_t column, uint32_t value)
{
    flow_put_valid(table, &table->columns[column]);
    ((uint32_t *)(void *)table->columns[column].values)[table->rows] = value;
}

static inline void
flow_put_u64(struct flow_table *table, size_t column, uint64_t value)
{
    flow_put_valid(table, &table->columns[column]);
    ((uint64_t *)(void *)table->columns[column].values)[table->rows] = value;
}

static inline void
flow_put_bool(struct flow_table *table, size_t column, bool value)
{
    flow_put_valid(table, &table->columns[column]);
    table->columns[column].values[table->rows / 8] |=
        (uint8_t)((value ? 1u : 0u) << (table->rows % 8));
}

/* Null for FLOW_TIME_NONE. */
void flow_put_time(struct flow_table *table, size_t column, int64_t time);
/* In the form that has room for both families, an IPv4 address as ::ffff:a.b.c.d. */
void flow_put_address(struct flow_table *table, size_t column, const struct flow_address *address);
/* Null for "". What is not UTF-8 of it becomes U+FFFD. */
void flow_put_text(struct flow_table *table, size_t column, struct flow_str text);
/* The texts of a list; null for none. Call once for all of a row. */
void flow_put_texts(struct flow_table *table, size_t column, const struct flow_str *texts,
                    size_t count);

/* The number of a text among a column's words, which flow_put_u32 puts; null for "". */
void flow_put_word(struct flow_table *table, size_t column, struct flow_str text);
/* The same of a text that stands for a small number, below FLOW_WORD_VALUES. */
#define FLOW_WORD_VALUES 256
void flow_put_name(struct flow_table *table, size_t column, uint8_t value, const char *text);
/* UINT32_MAX when out of memory. */
uint32_t flow_words_add(struct flow_table *table, struct flow_words *words, struct flow_str text);

#endif
