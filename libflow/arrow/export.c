/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays and schemas. A consumer may move a child out and release it by itself, so each child owns
 * its own buffers, and a share of its dictionary.
 */
#include "arrow/export.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

struct flow_words_copy {
    atomic_uint users;
    uint32_t count;
    uint64_t serial;
    const void *buffers[3]; /* none, offsets, bytes */
};

/* What an array of a column owns. */
struct exported {
    const void *buffers[3];
    void *owned[3];
    struct ArrowArray dictionary, items;
    struct ArrowArray *children[1];
};

/* What the array of a table owns. */
struct exported_table {
    const void *buffers[1];
    struct ArrowArray **children;
    struct ArrowArray *arrays;
};

void
flow_words_copy_release(struct flow_words_copy *copy)
{
    if (copy != NULL && atomic_fetch_sub(&copy->users, 1) == 1) {
        free((void *)(uintptr_t)copy->buffers[1]);
        free((void *)(uintptr_t)copy->buffers[2]);
        free(copy);
    }
}

bool
flow_words_share(struct flow_words *words)
{
    const uint32_t count = words->texts.count;
    struct flow_words_copy *copy;
    int32_t *offsets;
    char *bytes;

    if (words->copy != NULL && words->copied == count) {
        return true;
    }
    copy = calloc(1, sizeof(*copy));
    offsets = calloc((size_t)count + 1, sizeof(*offsets));
    bytes = malloc(words->bytes + 1);
    if (copy == NULL || offsets == NULL || bytes == NULL) {
        free(copy);
        free(offsets);
        free(bytes);
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct flow_str text = flow_intern_text(&words->texts, i);

        memcpy(bytes + offsets[i], text.ptr, text.len);
        offsets[i + 1] = offsets[i] + (int32_t)text.len;
    }
    atomic_init(&copy->users, 1);
    copy->count = count;
    copy->serial = words->serial++;
    copy->buffers[1] = offsets;
    copy->buffers[2] = bytes;
    flow_words_copy_release(words->copy);
    words->copy = copy;
    words->copied = count;
    return true;
}

uint64_t
flow_words_serial(const struct ArrowArray *dictionary)
{
    const struct flow_words_copy *copy = dictionary->private_data;

    return copy->serial;
}

static void
release_dictionary(struct ArrowArray *array)
{
    flow_words_copy_release(array->private_data);
    array->release = NULL;
}

/* What a part of another array owns is that array's; once moved out it stays its own. */
static void
release_column(struct ArrowArray *array)
{
    struct exported *exported = array->private_data;

    if (array->dictionary != NULL && array->dictionary->release != NULL) {
        array->dictionary->release(array->dictionary);
    }
    if (array->n_children > 0 && array->children[0]->release != NULL) {
        array->children[0]->release(array->children[0]);
    }
    for (size_t i = 0; i < 3; i++) {
        free(exported->owned[i]);
    }
    free(exported);
    array->release = NULL;
}

/* The texts of a list's column; the buffers are freed with this array. */
static void
release_items(struct ArrowArray *array)
{
    void **owned = array->private_data;

    free(owned[1]);
    free(owned[2]);
    free(owned);
    array->release = NULL;
}

static void
release_table(struct ArrowArray *array)
{
    struct exported_table *exported = array->private_data;

    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i]->release != NULL) {
            array->children[i]->release(array->children[i]);
        }
    }
    free(exported->children);
    free(exported->arrays);
    free(exported);
    array->release = NULL;
}

/* Gives back what of a buffer is not needed; the buffer stays when that fails. */
static void *
trim(void *memory, size_t size)
{
    void *trimmed = size > 0 ? realloc(memory, size) : NULL;

    return trimmed != NULL ? trimmed : memory;
}

static size_t
value_bytes(const struct flow_column *column, size_t rows)
{
    const size_t width = flow_column_width(column->spec->type);
    const bool offsets =
        column->spec->type == FLOW_COLUMN_TEXT || column->spec->type == FLOW_COLUMN_TEXTS;

    return width == 0 ? (rows + 7) / 8 : (rows + (offsets ? 1 : 0)) * width;
}

static void
export_dictionary(struct ArrowArray *array, struct exported *exported, struct flow_words_copy *copy)
{
    atomic_fetch_add(&copy->users, 1);
    exported->dictionary = (struct ArrowArray){
        .length = copy->count,
        .n_buffers = 3,
        .buffers = copy->buffers,
        .release = release_dictionary,
        .private_data = copy,
    };
    array->dictionary = &exported->dictionary;
}

/* The array of a list's texts. Its buffers' array is the list's, unless it is moved out of it. */
static void
export_items(struct ArrowArray *array, struct exported *exported, struct flow_column *column,
             void **owned)
{
    owned[1] = trim(column->offsets, (column->texts + 1) * sizeof(int32_t));
    owned[2] = trim(column->text.ptr, column->text.len);
    exported->items = (struct ArrowArray){
        .length = (int64_t)column->texts,
        .n_buffers = 3,
        .buffers = (const void **)(void *)owned,
        .release = release_items,
        .private_data = owned,
    };
    exported->children[0] = &exported->items;
    array->children = exported->children;
    array->n_children = 1;
}

/* What a column needs beside its own memory; false when out of it. */
static bool
prepare_column(struct flow_column *column, struct exported **exported, void ***owned)
{
    *exported = calloc(1, sizeof(**exported));
    if (*exported == NULL) {
        return false;
    }
    if (column->spec->type == FLOW_COLUMN_TEXTS) {
        *owned = calloc(3, sizeof(**owned));
        if (column->offsets == NULL) {
            column->offsets = calloc(1, sizeof(int32_t));
        }
        return *owned != NULL && column->offsets != NULL;
    }
    return true;
}

static void
export_column(struct ArrowArray *array, struct flow_column *column, size_t rows,
              struct exported *exported, void **owned)
{
    const bool has_text = column->spec->type == FLOW_COLUMN_TEXT;

    if (column->valid_count == rows) {
        free(column->valid);
    } else {
        exported->owned[0] = trim(column->valid, (rows + 7) / 8);
    }
    exported->owned[1] = trim(column->values, value_bytes(column, rows));
    if (has_text) {
        exported->owned[2] = trim(column->text.ptr, column->text.len);
    }
    for (size_t i = 0; i < 3; i++) {
        exported->buffers[i] = exported->owned[i];
    }
    *array = (struct ArrowArray){
        .length = (int64_t)rows,
        .null_count = (int64_t)(rows - column->valid_count),
        .n_buffers = has_text ? 3 : 2,
        .buffers = exported->buffers,
        .release = release_column,
        .private_data = exported,
    };
    if (column->words != NULL) {
        export_dictionary(array, exported, column->words->copy);
    } else if (column->spec->type == FLOW_COLUMN_TEXTS) {
        export_items(array, exported, column, owned);
    }
}

bool
flow_export_table(struct flow_table *table, struct ArrowArray *out)
{
    const size_t count = table->column_count;
    struct exported_table *whole = calloc(1, sizeof(*whole));
    struct exported **parts = calloc(count, sizeof(*parts));
    void ***owned = calloc(count, sizeof(*owned));
    struct ArrowArray *arrays = calloc(count, sizeof(*arrays));
    struct ArrowArray **children = calloc(count, sizeof(*children));
    bool ok = whole != NULL && parts != NULL && owned != NULL && arrays != NULL && children != NULL;

    for (size_t i = 0; ok && i < count; i++) {
        ok = prepare_column(&table->columns[i], &parts[i], &owned[i]);
    }
    for (size_t i = 0; i < count && parts != NULL && owned != NULL; i++) {
        if (ok) {
            export_column(&arrays[i], &table->columns[i], table->rows, parts[i], owned[i]);
            children[i] = &arrays[i];
        } else {
            free(parts[i]);
            free(owned[i]);
        }
    }
    free(parts);
    free(owned);
    if (!ok) {
        free(whole);
        free(arrays);
        free(children);
        return false;
    }
    whole->children = children;
    whole->arrays = arrays;
    *out = (struct ArrowArray){
        .length = (int64_t)table->rows,
        .n_buffers = 1,
        .n_children = (int64_t)count,
        .buffers = whole->buffers,
        .children = children,
        .release = release_table,
        .private_data = whole,
    };
    return true;
}
