/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is taken piece by piece and given back all at once. Pieces never move. */
#ifndef FLOW_BASE_ARENA_H
#define FLOW_BASE_ARENA_H

#include "libflow/base.h"

struct flow_arena_block;

/* Zero bytes are a valid empty arena. */
struct flow_arena {
    struct flow_arena_block *blocks; /* newest first */
    uint8_t *next, *end;             /* free bytes of the newest block */
    size_t total;                    /* bytes of all blocks */
};

/* Zeroed memory aligned for any type; NULL when there is none. A size of 0 gives a valid pointer.
 */
void *flow_arena_alloc(struct flow_arena *arena, size_t size);

/* As flow_arena_alloc for count things of size bytes; NULL also when the product overflows. */
void *flow_arena_array(struct flow_arena *arena, size_t count, size_t size);

/* A copy of the text, with a NUL behind it that is not counted; ptr is NULL when out of memory. */
struct flow_str flow_arena_str(struct flow_arena *arena, struct flow_str text);

/* Forgets all pieces; keeps the largest block for reuse. */
void flow_arena_reset(struct flow_arena *arena);

/* Gives everything back; the arena is empty and usable again. */
void flow_arena_free(struct flow_arena *arena);

#endif
