/* SPDX-License-Identifier: Apache-2.0 */
/* Values into columns. */
#include "arrow/table.h"

#include <stdlib.h>
#include <string.h>

#include "arrow/export.h"
#include "base/error.h"
#include "base/str.h"
#include "base/utf8.h"
#include "libflow/time.h"

/* A dictionary is forgotten when it has come to so many texts, or to so many bytes. */
enum { WORDS_MAX = 65536, WORDS_BYTES_MAX = 8 << 20 };

/* Columns begin at multiples of this, as Arrow advises; and the least rows there is room for. */
enum { BLOCK_ALIGN = 64, ROWS_LEAST = 64 };

size_t
flow_column_width(uint8_t type)
{
    static const uint8_t widths[] = {
        [FLOW_COLUMN_BOOL] = 0,     [FLOW_COLUMN_U8] = 1,   [FLOW_COLUMN_U16] = 2,
        [FLOW_COLUMN_U32] = 4,      [FLOW_COLUMN_U64] = 8,  [FLOW_COLUMN_TIME] = 8,
        [FLOW_COLUMN_ADDRESS] = 16, [FLOW_COLUMN_TEXT] = 4, [FLOW_COLUMN_TEXTS] = 4,
        [FLOW_COLUMN_WORD] = 4,
    };

    return widths[type];
}

static bool
has_offsets(const struct flow_column *column)
{
    return column->spec->type == FLOW_COLUMN_TEXT || column->spec->type == FLOW_COLUMN_TEXTS;
}

bool
flow_table_init(struct flow_table *table, uint8_t which)
{
    const struct flow_column_spec *specs;

    memset(table, 0, sizeof(*table));
    specs = flow_columns_of(which, &table->column_count);
    table->columns = calloc(table->column_count, sizeof(*table->columns));
    if (table->columns == NULL) {
        return false;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        table->columns[i].spec = &specs[i];
        if (specs[i].type == FLOW_COLUMN_WORD) {
            table->columns[i].words = &table->words[specs[i].words];
        }
    }
    for (size_t i = 0; i < FLOW_WORDS_COUNT; i++) {
        table->words[i].of_value = calloc(FLOW_WORD_VALUES, sizeof(uint32_t));
        if (table->words[i].of_value == NULL || !flow_intern_init(&table->words[i].texts)) {
            return false;
        }
    }
    return true;
}

/* Room for so many things of size bytes at *array, of which there is room for old; zeroed. */
static bool
grow(void *array, size_t size, size_t old, size_t room)
{
    void **place = array;
    uint8_t *grown = realloc(*place, room * size);

    if (grown == NULL) {
        return false;
    }
    memset(grown + old * size, 0, (room - old) * size);
    *place = grown;
    return true;
}

/* Bytes of a column's bits, or of its values, for so many rows. */
static size_t
valid_bytes(size_t room)
{
    return (room / 8 + BLOCK_ALIGN - 1) & ~(size_t)(BLOCK_ALIGN - 1);
}

static size_t
value_bytes(const struct flow_column *column, size_t rows)
{
    const size_t width = flow_column_width(column->spec->type);
    /* offsets have one more than there are rows */
    const size_t bytes = width == 0 ? (rows + 7) / 8 : (rows + 1) * width;

    return (bytes + BLOCK_ALIGN - 1) & ~(size_t)(BLOCK_ALIGN - 1);
}

/* Moves the rows into a block with room for so many; a multiple of 8. */
static bool
move_to_block(struct flow_table *table, size_t room)
{
    struct flow_block *block;
    size_t size = 0;
    uint8_t *at;

    for (size_t i = 0; i < table->column_count; i++) {
        size += valid_bytes(room) + value_bytes(&table->columns[i], room);
    }
    block = flow_block_new(size, &at);
    if (block == NULL) {
        return false;
    }
    for (size_t i = 0; i < table->column_count; i++) {
        struct flow_column *column = &table->columns[i];
        uint8_t *values = at + valid_bytes(room);

        if (table->block != NULL) {
            memcpy(at, column->valid, (table->rows + 7) / 8);
            memcpy(values, column->values,
                   value_bytes(column, table->rows) < value_bytes(column, table->room)
                       ? value_bytes(column, table->rows)
                       : value_bytes(column, table->room));
        }
        column->valid = at;
        column->values = values;
        at = values + value_bytes(column, room);
    }
    flow_block_release(table->block);
    table->block = block;
    table->room = room;
    return true;
}

bool
flow_table_reserve(struct flow_table *table, size_t rows)
{
    size_t room = table->room == 0 ? ROWS_LEAST : table->room;

    if (table->rows + rows <= table->room) {
        return true;
    }
    while (room < table->rows + rows) {
        room *= 2;
    }
    if (table->room == 0 && table->expected > room) {
        room = table->expected;
    }
    if (!move_to_block(table, room)) {
        table->failed = true;
        return false;
    }
    return true;
}

static void
empty_column(struct flow_column *column)
{
    column->valid = column->values = NULL;
    column->offsets = NULL;
    memset(&column->text, 0, sizeof(column->text));
    column->texts = column->text_room = column->filled = column->valid_count = 0;
}

void
flow_table_free(struct flow_table *table)
{
    for (size_t i = 0; table->columns != NULL && i < table->column_count; i++) {
        free(table->columns[i].offsets);
        flow_buf_free(&table->columns[i].text);
    }
    free(table->columns);
    flow_block_release(table->block);
    for (size_t i = 0; i < FLOW_WORDS_COUNT; i++) {
        free(table->words[i].of_value);
        flow_intern_free(&table->words[i].texts);
        flow_words_copy_release(table->words[i].copy);
    }
}

void
flow_put_time(struct flow_table *table, size_t column, int64_t time)
{
    if (time != FLOW_TIME_NONE) {
        flow_put_u64(table, column, (uint64_t)time);
    }
}

void
flow_put_address(struct flow_table *table, size_t column, const struct flow_address *address)
{
    uint8_t *bytes = table->columns[column].values + table->rows * 16;

    if (address->family == 0) {
        return;
    }
    flow_put_valid(table, &table->columns[column]);
    if (address->family == 6) {
        memcpy(bytes, address->bytes, 16);
    } else {
        bytes[10] = bytes[11] = 0xff;
        memcpy(bytes + 12, address->bytes, 4);
    }
}

/* Adds text that may not be UTF-8; each byte that is none becomes U+FFFD. */
static void
add_utf8(struct flow_buf *out, struct flow_str text)
{
    while (text.len > 0) {
        const size_t valid = flow_utf8_valid_prefix((const uint8_t *)text.ptr, text.len);

        flow_buf_add(out, text.ptr, valid);
        if (valid == text.len) {
            return;
        }
        flow_buf_add_text(out, "\xef\xbf\xbd");
        text.ptr += valid + 1;
        text.len -= valid + 1;
    }
}

/* Fills in the offsets of the rows before this one that had no value. */
static void
fill_offsets(struct flow_column *column, size_t rows, size_t end)
{
    int32_t *offsets = (int32_t *)(void *)column->values;

    for (; column->filled <= rows; column->filled++) {
        offsets[column->filled] = (int32_t)end;
    }
}

/* Appends to the text of a column; false when it would be more than offsets can tell. */
static bool
append_text(struct flow_table *table, struct flow_column *column, struct flow_str text)
{
    const size_t before = column->text.len;

    /* three bytes may stand for one */
    if (text.len > (INT32_MAX - before) / 3) {
        table->failed = true;
        return false;
    }
    add_utf8(&column->text, text);
    table->text_bytes += column->text.len - before;
    table->failed |= column->text.failed;
    return !column->text.failed;
}

void
flow_put_text(struct flow_table *table, size_t column, struct flow_str text)
{
    struct flow_column *put = &table->columns[column];

    if (text.len > 0) {
        fill_offsets(put, table->rows, put->text.len);
        if (append_text(table, put, text)) {
            flow_put_valid(table, put);
        }
    }
}

void
flow_put_texts(struct flow_table *table, size_t column, const struct flow_str *texts, size_t count)
{
    struct flow_column *put = &table->columns[column];

    if (count == 0 || table->failed) {
        return;
    }
    fill_offsets(put, table->rows, put->texts);
    if (put->texts + count + 1 > put->text_room) {
        size_t room = put->text_room == 0 ? 1024 : put->text_room;

        while (room < put->texts + count + 1) {
            room *= 2;
        }
        if (!grow(&put->offsets, sizeof(int32_t), put->text_room, room)) {
            table->failed = true;
            return;
        }
        put->text_room = room;
    }
    for (size_t i = 0; i < count && append_text(table, put, texts[i]); i++) {
        put->offsets[++put->texts] = (int32_t)put->text.len;
    }
    flow_put_valid(table, put);
}

uint32_t
flow_words_add(struct flow_table *table, struct flow_words *words, struct flow_str text)
{
    struct flow_buf whole = { 0 };
    bool is_new = false;
    uint32_t number;

    if (flow_utf8_valid_prefix((const uint8_t *)text.ptr, text.len) < text.len) {
        add_utf8(&whole, text);
        text = flow_buf_str(&whole);
    }
    number = whole.failed ? FLOW_INTERN_NONE : flow_intern_add(&words->texts, text, &is_new);
    words->bytes += is_new ? text.len : 0;
    table->failed |= number == FLOW_INTERN_NONE;
    flow_buf_free(&whole);
    return number;
}

void
flow_put_word(struct flow_table *table, size_t column, struct flow_str text)
{
    if (text.len > 0) {
        flow_put_u32(table, column, flow_words_add(table, table->columns[column].words, text));
    }
}

void
flow_put_name(struct flow_table *table, size_t column, uint8_t value, const char *text)
{
    struct flow_words *words = table->columns[column].words;

    if (words->of_value[value] == 0) {
        words->of_value[value] = flow_words_add(table, words, flow_str_of(text)) + 1;
    }
    flow_put_u32(table, column, words->of_value[value] - 1);
}

/* Forgets a dictionary that has become large; what is handed out keeps its copy. */
static bool
forget_words(struct flow_words *words)
{
    if (words->texts.count <= WORDS_MAX && words->bytes <= WORDS_BYTES_MAX) {
        return true;
    }
    flow_intern_free(&words->texts);
    flow_words_copy_release(words->copy);
    words->copy = NULL;
    words->copied = 0;
    words->bytes = 0;
    words->age++;
    memset(words->of_value, 0, FLOW_WORD_VALUES * sizeof(uint32_t));
    return flow_intern_init(&words->texts);
}

int
flow_table_take(struct flow_table *table, struct ArrowArray *out, struct flow_error *err)
{
    const size_t rows = table->rows;
    bool ok = !table->failed && flow_table_reserve(table, 1);

    /* what the last array has too much room for is given back */
    if (ok && rows < table->room / 2) {
        ok = move_to_block(table, (rows + ROWS_LEAST) & ~(size_t)(ROWS_LEAST - 1));
    }
    for (size_t i = 0; ok && i < table->column_count; i++) {
        struct flow_column *column = &table->columns[i];

        if (has_offsets(column)) {
            fill_offsets(column, table->rows,
                         column->spec->type == FLOW_COLUMN_TEXT ? column->text.len : column->texts);
        }
        if (column->words != NULL) {
            ok = flow_words_share(column->words);
        }
    }
    ok = ok && flow_export_table(table, out);
    if (!ok) {
        return flow_fail_memory(err);
    }
    for (size_t i = 0; i < table->column_count; i++) {
        empty_column(&table->columns[i]);
    }
    flow_block_release(table->block);
    table->block = NULL;
    table->expected = (rows + rows / 32 + ROWS_LEAST) & ~(size_t)(ROWS_LEAST - 1);
    table->rows = table->room = table->text_bytes = 0;
    for (size_t i = 0; i < FLOW_WORDS_COUNT; i++) {
        table->failed |= !forget_words(&table->words[i]);
    }
    return FLOW_OK;
}
