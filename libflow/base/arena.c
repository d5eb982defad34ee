/* SPDX-License-Identifier: Apache-2.0 */
/* A bump allocator over malloc'ed blocks that double in size up to a megabyte. */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

struct flow_arena_block {
    struct flow_arena_block *older;
    size_t size; /* bytes behind this header */
};

enum {
    ALIGNMENT = 16,
    HEADER = 16, /* the header, rounded up so that what follows is aligned */
    FIRST_BLOCK = 4096,
    LARGEST_BLOCK = 1 << 20,
};

_Static_assert(sizeof(struct flow_arena_block) <= HEADER, "the header must fit in its room");

static bool
add_block(struct flow_arena *arena, size_t need)
{
    size_t size = arena->blocks == NULL ? FIRST_BLOCK : arena->blocks->size * 2;
    struct flow_arena_block *block;

    if (size > LARGEST_BLOCK) {
        size = LARGEST_BLOCK;
    }
    if (size < need) {
        size = need;
    }
    if (size > SIZE_MAX - HEADER) {
        return false;
    }
    block = malloc(HEADER + size);
    if (block == NULL) {
        return false;
    }
    block->older = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->next = (uint8_t *)block + HEADER;
    arena->end = arena->next + size;
    arena->total += size;
    return true;
}

void *
flow_arena_alloc(struct flow_arena *arena, size_t size)
{
    void *piece;

    if (size > SIZE_MAX - ALIGNMENT) {
        return NULL;
    }
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (size > (size_t)(arena->end - arena->next) || arena->next == NULL) {
        if (!add_block(arena, size)) {
            return NULL;
        }
    }
    piece = arena->next;
    arena->next += size;
    return memset(piece, 0, size);
}

void *
flow_arena_array(struct flow_arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return flow_arena_alloc(arena, count * size);
}

struct flow_str
flow_arena_str(struct flow_arena *arena, struct flow_str text)
{
    char *copy = text.len < SIZE_MAX ? flow_arena_alloc(arena, text.len + 1) : NULL;

    if (copy == NULL) {
        return (struct flow_str){ NULL, 0 };
    }
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    return (struct flow_str){ copy, text.len };
}

void
flow_arena_reset(struct flow_arena *arena)
{
    struct flow_arena_block *keep = NULL;
    struct flow_arena_block *older;

    for (struct flow_arena_block *block = arena->blocks; block != NULL; block = older) {
        older = block->older;
        if (keep == NULL || block->size > keep->size) {
            free(keep);
            keep = block;
        } else {
            free(block);
        }
    }
    arena->blocks = keep;
    arena->total = keep != NULL ? keep->size : 0;
    arena->next = keep != NULL ? (uint8_t *)keep + HEADER : NULL;
    arena->end = keep != NULL ? arena->next + keep->size : NULL;
    if (keep != NULL) {
        keep->older = NULL;
    }
}

void
flow_arena_free(struct flow_arena *arena)
{
    struct flow_arena_block *older;

    for (struct flow_arena_block *block = arena->blocks; block != NULL; block = older) {
        older = block->older;
        free(block);
    }
    memset(arena, 0, sizeof(*arena));
}
