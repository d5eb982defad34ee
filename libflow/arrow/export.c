/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays and schemas. A consumer may move a child out and release it by itself, so each child owns
 * its own buffers, and a share of its dictionary.
 */
#include "arrow/export.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"

struct flow_words_copy {
    atomic_uint users;
    uint32_t count;
    uint64_t serial;
    const void *buffers[3]; /* none, offsets, bytes */
};

/* From this size on memory is mapped, in large pages where the system has them. */
#define MAPPED_BYTES ((size_t)1 << 20)
#define LARGE_PAGE ((size_t)2 << 20)

struct flow_block {
    atomic_uint users;
    size_t size; /* with this in front; 0: not mapped */
    uint8_t padding[64 - sizeof(atomic_uint) - sizeof(size_t)];
};

/* What an array of a column owns. */
struct exported {
    const void *buffers[3];
    struct flow_block *block;
    void *text;
    struct ArrowArray dictionary, items;
    struct ArrowArray *children[1];
};

/* What the array of a table owns. */
struct exported_table {
    const void *buffers[1];
    struct ArrowArray **children;
    struct ArrowArray *arrays;
};

/* Mapped at a multiple of a large page, so that it can be made of them; NULL: out of memory. */
static void *
map(size_t size)
{
    uint8_t *all =
        mmap(NULL, size + LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t before;

    if (all == MAP_FAILED) {
        return NULL;
    }
    before = (LARGE_PAGE - ((uintptr_t)all & (LARGE_PAGE - 1))) & (LARGE_PAGE - 1);
    if (before > 0) {
        munmap(all, before);
    }
    munmap(all + before + size, LARGE_PAGE - before);
    (void)madvise(all + before, size, MADV_HUGEPAGE);
    return all + before;
}

struct flow_block *
flow_block_new(size_t size, uint8_t **at)
{
    const size_t whole = (size + sizeof(struct flow_block) + 4095) & ~(size_t)4095;
    struct flow_block *block;

    if (whole >= MAPPED_BYTES) {
        block = map(whole);
    } else {
        block = aligned_alloc(64, whole);
    }
    if (block == NULL) {
        return NULL;
    }
    if (whole < MAPPED_BYTES) {
        memset(block, 0, whole);
    }
    atomic_init(&block->users, 1);
    block->size = whole >= MAPPED_BYTES ? whole : 0;
    *at = (uint8_t *)(block + 1);
    return block;
}

void
flow_block_release(struct flow_block *block)
{
    if (block == NULL || atomic_fetch_sub(&block->users, 1) != 1) {
        return;
    }
    if (block->size > 0) {
        munmap(block, block->size);
    } else {
        free(block);
    }
}

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
    flow_block_release(exported->block);
    free(exported->text);
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
              struct flow_block *block, struct exported *exported, void **owned)
{
    const bool has_text = column->spec->type == FLOW_COLUMN_TEXT;

    atomic_fetch_add(&block->users, 1);
    exported->block = block;
    exported->buffers[0] = column->valid_count == rows ? NULL : column->valid;
    exported->buffers[1] = column->values;
    if (has_text) {
        exported->text = trim(column->text.ptr, column->text.len);
        exported->buffers[2] = exported->text;
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
            export_column(&arrays[i], &table->columns[i], table->rows, table->block, parts[i],
                          owned[i]);
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
