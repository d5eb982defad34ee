/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flatbuffers, as far as Arrow's messages need them. They are made from their end on, since what is
 * pointed to has to lie behind what points to it: a place is its distance from the end.
 */
#ifndef FLOW_ARROW_FLATBUFFER_H
#define FLOW_ARROW_FLATBUFFER_H

#include "base/error.h"

/* Zero bytes are a valid empty one. */
struct flow_flatbuffer {
    uint8_t *bytes; /* the last len of room */
    size_t room, len;
    bool failed; /* out of memory; asked for once, at the end */
};

/* A field of a table: a number of so many bytes, or the place of something made before. */
struct flow_flat_field {
    uint8_t number; /* in its schema */
    uint8_t size;   /* bytes; 0: it points to value */
    uint64_t value;
};

void flow_flat_free(struct flow_flatbuffer *flat);
void flow_flat_reset(struct flow_flatbuffer *flat);

/* Each gives the place of what it made. */
uint32_t flow_flat_text(struct flow_flatbuffer *flat, const char *text);
/* count structs of size bytes, which hold numbers of 8 bytes. */
uint32_t flow_flat_structs(struct flow_flatbuffer *flat, const void *structs, size_t size,
                           size_t count);
uint32_t flow_flat_places(struct flow_flatbuffer *flat, const uint32_t *places, size_t count);
/* Fields in the order of their numbers; those that are left out have their default. */
uint32_t flow_flat_table(struct flow_flatbuffer *flat, const struct flow_flat_field *fields,
                         size_t count);

/* Ends it: the table is its root. Its length is then a multiple of 8. */
void flow_flat_finish(struct flow_flatbuffer *flat, uint32_t root);

static inline const uint8_t *
flow_flat_bytes(const struct flow_flatbuffer *flat)
{
    return flat->bytes + flat->room - flat->len;
}

#endif
