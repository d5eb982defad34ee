/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, texts, vectors and tables, from the end of the buffer towards its start. */
#include "arrow/flatbuffer.h"

#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 16 };

void
flow_flat_free(struct flow_flatbuffer *flat)
{
    free(flat->bytes);
    memset(flat, 0, sizeof(*flat));
}

void
flow_flat_reset(struct flow_flatbuffer *flat)
{
    flat->len = 0;
}

/* Puts bytes in front of those that are there; NULL puts zeros. */
static void
put(struct flow_flatbuffer *flat, const void *bytes, size_t len)
{
    if (flat->room - flat->len < len && !flat->failed) {
        const size_t room = (flat->room + len) * 2 + 256;
        uint8_t *grown = malloc(room);

        if (grown == NULL) {
            flat->failed = true;
        } else {
            if (flat->len > 0) {
                memcpy(grown + room - flat->len, flow_flat_bytes(flat), flat->len);
            }
            free(flat->bytes);
            flat->bytes = grown;
            flat->room = room;
        }
    }
    if (flat->failed || len == 0) {
        return;
    }
    flat->len += len;
    if (bytes != NULL) {
        memcpy(flat->bytes + flat->room - flat->len, bytes, len);
    } else {
        memset(flat->bytes + flat->room - flat->len, 0, len);
    }
}

/* Fills up so that what begins so many bytes further on is aligned. */
static void
align(struct flow_flatbuffer *flat, size_t bytes, size_t to)
{
    put(flat, NULL, (to - (flat->len + bytes) % to) % to);
}

static void
put_number(struct flow_flatbuffer *flat, uint64_t value, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    align(flat, size, size);
    put(flat, bytes, size);
}

/* How far it is from here to a place. */
static void
put_place(struct flow_flatbuffer *flat, uint32_t place)
{
    align(flat, 4, 4);
    put_number(flat, flat->len + 4 - place, 4);
}

uint32_t
flow_flat_text(struct flow_flatbuffer *flat, const char *text)
{
    const size_t len = strlen(text);

    align(flat, len + 1, 4);
    put(flat, text, len + 1);
    put_number(flat, len, 4);
    return (uint32_t)flat->len;
}

uint32_t
flow_flat_structs(struct flow_flatbuffer *flat, const void *structs, size_t size, size_t count)
{
    align(flat, size * count, 8);
    put(flat, structs, size * count);
    put_number(flat, count, 4);
    return (uint32_t)flat->len;
}

uint32_t
flow_flat_places(struct flow_flatbuffer *flat, const uint32_t *places, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        put_place(flat, places[i]);
    }
    put_number(flat, count, 4);
    return (uint32_t)flat->len;
}

uint32_t
flow_flat_table(struct flow_flatbuffer *flat, const struct flow_flat_field *fields, size_t count)
{
    const size_t numbers = count > 0 ? (size_t)fields[count - 1].number + 1 : 0;
    const size_t end = flat->len;
    size_t at[FIELDS_MAX] = { 0 };
    size_t place;

    for (size_t i = count; i-- > 0;) {
        if (fields[i].size == 0) {
            put_place(flat, (uint32_t)fields[i].value);
        } else {
            put_number(flat, fields[i].value, fields[i].size);
        }
        at[fields[i].number] = flat->len;
    }
    /* the list of its fields comes right in front of the table */
    put_number(flat, 4 + 2 * numbers, 4);
    place = flat->len;
    for (size_t i = numbers; i-- > 0;) {
        put_number(flat, at[i] != 0 ? place - at[i] : 0, 2);
    }
    put_number(flat, place - end, 2);
    put_number(flat, 4 + 2 * numbers, 2);
    return (uint32_t)place;
}

void
flow_flat_finish(struct flow_flatbuffer *flat, uint32_t root)
{
    align(flat, 4, 8);
    put_place(flat, root);
}
