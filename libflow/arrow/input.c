/* SPDX-License-Identifier: Apache-2.0 */
/* Reading arrays of the Arrow C data interface. */
#include "arrow/input.h"

#include <stdlib.h>
#include <string.h>

#include "libflow/time.h"

struct flow_input_column
flow_input_find(const struct ArrowSchema *schema, const struct ArrowArray *array, const char *name)
{
    for (int64_t i = 0; i < schema->n_children && i < array->n_children; i++) {
        const char *found = schema->children[i]->name;

        if (found != NULL && strcmp(found, name) == 0) {
            return (struct flow_input_column){ schema->children[i], array->children[i],
                                               array->offset };
        }
    }
    return (struct flow_input_column){ NULL, NULL, 0 };
}

static bool
is_one_of(const struct ArrowSchema *schema, const char *letters)
{
    return schema->format[0] != '\0' && schema->format[1] == '\0' &&
           strchr(letters, schema->format[0]) != NULL;
}

static bool
is_plain_text(const struct ArrowSchema *schema)
{
    return is_one_of(schema, "uU") || strcmp(schema->format, "vu") == 0;
}

static bool
is_null(const struct flow_input_column *column)
{
    return column->schema == NULL || strcmp(column->schema->format, "n") == 0;
}

bool
flow_input_is_text(const struct flow_input_column *column)
{
    const struct ArrowSchema *schema = column->schema;

    if (is_null(column)) {
        return true;
    }
    return schema->dictionary != NULL
               ? is_one_of(schema, "cCsSiIlL") && is_plain_text(schema->dictionary)
               : is_plain_text(schema);
}

bool
flow_input_is_number(const struct flow_input_column *column)
{
    return is_null(column) ||
           (column->schema->dictionary == NULL && is_one_of(column->schema, "cCsSiIlL"));
}

static bool
is_list(const struct ArrowSchema *schema)
{
    return (strcmp(schema->format, "+l") == 0 || strcmp(schema->format, "+L") == 0) &&
           schema->n_children == 1;
}

bool
flow_input_is_texts(const struct flow_input_column *column)
{
    if (is_null(column) || !is_list(column->schema)) {
        return flow_input_is_text(column);
    }
    return flow_input_is_text(
        &(struct flow_input_column){ column->schema->children[0], column->array->children[0], 0 });
}

bool
flow_input_is_time(const struct flow_input_column *column)
{
    return is_null(column) ||
           (strncmp(column->schema->format, "ts", 2) == 0 &&
            strchr("smun", column->schema->format[2]) != NULL && column->schema->format[2] != '\0');
}

bool
flow_input_is_address(const struct flow_input_column *column)
{
    return column->schema != NULL && strcmp(column->schema->format, "w:16") == 0;
}

/* Where the row is in the buffers of its array; false: null. */
static bool
find_row(const struct flow_input_column *column, int64_t row, int64_t *at)
{
    const struct ArrowArray *array = column->array;
    const uint8_t *valid;

    if (is_null(column)) {
        return false;
    }
    *at = column->offset + row + array->offset;
    valid = array->null_count != 0 && array->n_buffers > 0 ? array->buffers[0] : NULL;
    return valid == NULL || (valid[*at / 8] >> (*at % 8) & 1) != 0;
}

/* A number at a place of a buffer, by the letter of its type. */
static int64_t
number_at(char type, const void *values, int64_t at)
{
    switch (type) {
    case 'c':
        return ((const int8_t *)values)[at];
    case 'C':
        return ((const uint8_t *)values)[at];
    case 's':
        return ((const int16_t *)values)[at];
    case 'S':
        return ((const uint16_t *)values)[at];
    case 'i':
        return ((const int32_t *)values)[at];
    case 'I':
        return ((const uint32_t *)values)[at];
    case 'l':
        return ((const int64_t *)values)[at];
    default:
        return ((const uint64_t *)values)[at] <= INT64_MAX ? (int64_t)((const uint64_t *)values)[at]
                                                           : INT64_MAX;
    }
}

/* A text behind a view of 16 bytes: its length, then itself, or where it is. */
static struct flow_str
viewed_text(const struct ArrowArray *array, int64_t at)
{
    const char *view = (const char *)array->buffers[1] + at * 16;
    int32_t len, buffer, offset;

    memcpy(&len, view, sizeof(len));
    if (len <= 12) {
        return (struct flow_str){ view + 4, (size_t)len };
    }
    memcpy(&buffer, view + 8, sizeof(buffer));
    memcpy(&offset, view + 12, sizeof(offset));
    return (struct flow_str){ (const char *)array->buffers[2 + buffer] + offset, (size_t)len };
}

static struct flow_str
plain_text(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t at)
{
    const char *bytes;
    int64_t from, until;

    if (schema->format[0] == 'v') {
        return viewed_text(array, at);
    }
    bytes = array->buffers[2];
    from = number_at(schema->format[0] == 'u' ? 'i' : 'l', array->buffers[1], at);
    until = number_at(schema->format[0] == 'u' ? 'i' : 'l', array->buffers[1], at + 1);
    return (struct flow_str){ from < until ? bytes + from : "", (size_t)(until - from) };
}

bool
flow_input_text(const struct flow_input_column *column, int64_t row, struct flow_str *text)
{
    int64_t at;

    if (!find_row(column, row, &at)) {
        return false;
    }
    if (column->schema->dictionary != NULL) {
        const struct flow_input_column words = { column->schema->dictionary,
                                                 column->array->dictionary, 0 };

        row = number_at(column->schema->format[0], column->array->buffers[1], at);
        if (row < 0 || row >= words.array->length || !find_row(&words, row, &at)) {
            return false;
        }
        *text = plain_text(words.schema, words.array, at);
        return true;
    }
    *text = plain_text(column->schema, column->array, at);
    return true;
}

bool
flow_input_number(const struct flow_input_column *column, int64_t row, int64_t *number)
{
    int64_t at;

    if (!find_row(column, row, &at)) {
        return false;
    }
    *number = number_at(column->schema->format[0], column->array->buffers[1], at);
    return true;
}

bool
flow_input_time(const struct flow_input_column *column, int64_t row, int64_t *time)
{
    int64_t scale = 1;
    int64_t at;

    if (!find_row(column, row, &at)) {
        return false;
    }
    for (const char *unit = strchr("nums", column->schema->format[2]); *unit != 'n'; unit--) {
        scale *= 1000;
    }
    if (__builtin_mul_overflow(((const int64_t *)column->array->buffers[1])[at], scale, time)) {
        *time = FLOW_TIME_NONE;
    }
    return true;
}

bool
flow_input_address(const struct flow_input_column *column, int64_t row,
                   struct flow_address *address)
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    const uint8_t *bytes;
    int64_t at;

    if (!find_row(column, row, &at)) {
        return false;
    }
    bytes = (const uint8_t *)column->array->buffers[1] + at * 16;
    memset(address, 0, sizeof(*address));
    address->family = memcmp(bytes, mapped, sizeof(mapped)) == 0 ? 4 : 6;
    memcpy(address->bytes, bytes + (address->family == 4 ? 12 : 0), address->family == 4 ? 4 : 16);
    return true;
}

static bool
add_text(struct flow_input_texts *texts, struct flow_str text)
{
    if (texts->count == texts->room) {
        const size_t room = texts->room == 0 ? 16 : texts->room * 2;
        struct flow_str *grown = realloc(texts->texts, room * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        texts->texts = grown;
        texts->room = room;
    }
    texts->texts[texts->count++] = text;
    return true;
}

/* The parts of a text between commas; none of "". */
static bool
split(struct flow_input_texts *texts, struct flow_str text)
{
    bool ok = true;

    while (ok && text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        const size_t len = comma != NULL ? (size_t)(comma - text.ptr) : text.len;

        ok = add_text(texts, (struct flow_str){ text.ptr, len });
        text.ptr += len + (comma != NULL ? 1 : 0);
        text.len -= len + (comma != NULL ? 1 : 0);
    }
    return ok;
}

bool
flow_input_list(const struct flow_input_column *column, int64_t row, struct flow_input_texts *texts,
                bool *ok)
{
    struct flow_str text;
    int64_t at, from, until;
    char type;

    *ok = true;
    texts->count = 0;
    if (is_null(column) || !is_list(column->schema)) {
        if (!flow_input_text(column, row, &text)) {
            return false;
        }
        *ok = split(texts, text);
        return *ok;
    }
    if (!find_row(column, row, &at)) {
        return false;
    }
    type = column->schema->format[1] == 'l' ? 'i' : 'l';
    from = number_at(type, column->array->buffers[1], at);
    until = number_at(type, column->array->buffers[1], at + 1);
    for (; *ok && from < until; from++) {
        const struct flow_input_column items = { column->schema->children[0],
                                                 column->array->children[0], 0 };

        if (flow_input_text(&items, from, &text)) {
            *ok = add_text(texts, text);
        }
    }
    return *ok;
}
