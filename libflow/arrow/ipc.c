/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the Arrow streaming format: metadata as a flatbuffer, then the buffers. */
#include "arrow/ipc.h"

#include <stdlib.h>
#include <string.h>

#include "arrow/flatbuffer.h"

/* Message.fbs and Schema.fbs of the Arrow format, metadata version 5. */
enum { METADATA_V5 = 4, UNIT_NANOSECOND = 3 };
enum { HEADER_SCHEMA = 1, HEADER_DICTIONARY = 2, HEADER_ROWS = 3 };
enum { TYPE_INT = 2, TYPE_UTF8 = 5, TYPE_BOOL = 6, TYPE_TIMESTAMP = 10, TYPE_LIST = 12 };
enum { TYPE_FIXED_SIZE_BINARY = 15 };

enum { BUFFER_ALIGN = 64 };

struct node {
    int64_t length, null_count;
};

struct place {
    int64_t offset, length;
};

/* The body of a message while it is put together: what its buffers are, and where they go. */
struct body {
    struct node nodes[FLOW_COLUMN_COUNT * 2];
    struct place places[FLOW_COLUMN_COUNT * 5];
    const void *bytes[FLOW_COLUMN_COUNT * 5];
    size_t node_count, count;
    int64_t length;
};

bool
flow_ipc_init(struct flow_ipc *ipc, uint8_t table)
{
    size_t count;

    flow_columns_of(table, &count);
    ipc->table = table;
    ipc->begun = false;
    ipc->sent = calloc(count + 1, sizeof(*ipc->sent));
    return ipc->sent != NULL;
}

void
flow_ipc_free(struct flow_ipc *ipc)
{
    free(ipc->sent);
    ipc->sent = NULL;
}

static void
add_u32(struct flow_buf *out, uint32_t value)
{
    const unsigned char bytes[4] = { (unsigned char)value, (unsigned char)(value >> 8),
                                     (unsigned char)(value >> 16), (unsigned char)(value >> 24) };

    flow_buf_add(out, (const char *)bytes, sizeof(bytes));
}

/* A whole message: its header is a table that is there already. */
static void
add_message(struct flow_flatbuffer *flat, uint8_t kind, uint32_t header, const struct body *body,
            struct flow_buf *out)
{
    static const char zeros[BUFFER_ALIGN];
    const struct flow_flat_field fields[] = {
        { 0, 2, METADATA_V5 },
        { 1, 1, kind },
        { 2, 0, header },
        { 3, 8, body != NULL ? (uint64_t)body->length : 0 },
    };

    flow_flat_finish(flat, flow_flat_table(flat, fields, 4));
    if (flat->failed) {
        out->failed = true;
        return;
    }
    add_u32(out, UINT32_MAX);
    add_u32(out, (uint32_t)flat->len);
    flow_buf_add(out, (const char *)flow_flat_bytes(flat), flat->len);
    for (size_t i = 0; body != NULL && i < body->count; i++) {
        const size_t length = (size_t)body->places[i].length;

        flow_buf_add(out, body->bytes[i], length);
        flow_buf_add(out, zeros, (BUFFER_ALIGN - length % BUFFER_ALIGN) % BUFFER_ALIGN);
    }
}

static uint32_t
int_type(struct flow_flatbuffer *flat, uint32_t bits, bool is_signed)
{
    const struct flow_flat_field fields[] = { { 0, 4, bits }, { 1, 1, is_signed ? 1 : 0 } };

    return flow_flat_table(flat, fields, 2);
}

/* The type of a column's values; *kind is its number in the union. */
static uint32_t
value_type(struct flow_flatbuffer *flat, uint8_t type, uint8_t *kind)
{
    struct flow_flat_field fields[2];

    switch (type) {
    case FLOW_COLUMN_BOOL:
        *kind = TYPE_BOOL;
        return flow_flat_table(flat, NULL, 0);
    case FLOW_COLUMN_U8:
    case FLOW_COLUMN_U16:
    case FLOW_COLUMN_U32:
    case FLOW_COLUMN_U64:
        *kind = TYPE_INT;
        return int_type(flat, (uint32_t)flow_column_width(type) * 8, false);
    case FLOW_COLUMN_TIME:
        *kind = TYPE_TIMESTAMP;
        fields[0] = (struct flow_flat_field){ 0, 2, UNIT_NANOSECOND };
        fields[1] = (struct flow_flat_field){ 1, 0, flow_flat_text(flat, "UTC") };
        return flow_flat_table(flat, fields, 2);
    case FLOW_COLUMN_ADDRESS:
        *kind = TYPE_FIXED_SIZE_BINARY;
        fields[0] = (struct flow_flat_field){ 0, 4, 16 };
        return flow_flat_table(flat, fields, 1);
    case FLOW_COLUMN_TEXTS:
        *kind = TYPE_LIST;
        return flow_flat_table(flat, NULL, 0);
    default: /* text, also that of words */
        *kind = TYPE_UTF8;
        return flow_flat_table(flat, NULL, 0);
    }
}

/* A field, with the number of its dictionary when it has one; children is a vector. */
static uint32_t
add_field(struct flow_flatbuffer *flat, const char *name, uint8_t type, size_t number,
          uint32_t children)
{
    const uint32_t named = flow_flat_text(flat, name);
    struct flow_flat_field fields[6];
    uint32_t dictionary = 0;
    size_t count = 0;
    uint32_t values;
    uint8_t kind;

    if (type == FLOW_COLUMN_WORD) {
        const uint32_t indices = int_type(flat, 32, true);
        const struct flow_flat_field encoding[] = { { 0, 8, number }, { 1, 0, indices } };

        dictionary = flow_flat_table(flat, encoding, 2);
    }
    values = value_type(flat, type, &kind);
    fields[count++] = (struct flow_flat_field){ 0, 0, named };
    fields[count++] = (struct flow_flat_field){ 1, 1, 1 };
    fields[count++] = (struct flow_flat_field){ 2, 1, kind };
    fields[count++] = (struct flow_flat_field){ 3, 0, values };
    if (type == FLOW_COLUMN_WORD) {
        fields[count++] = (struct flow_flat_field){ 4, 0, dictionary };
    }
    fields[count++] = (struct flow_flat_field){ 5, 0, children };
    return flow_flat_table(flat, fields, count);
}

static void
begin(struct flow_ipc *ipc, struct flow_flatbuffer *flat, struct flow_buf *out)
{
    size_t count;
    const struct flow_column_spec *specs = flow_columns_of(ipc->table, &count);
    uint32_t places[FLOW_COLUMN_COUNT];
    struct flow_flat_field field;

    flow_flat_reset(flat);
    for (size_t i = 0; i < count; i++) {
        uint32_t item = 0;

        if (specs[i].type == FLOW_COLUMN_TEXTS) {
            item = add_field(flat, "item", FLOW_COLUMN_TEXT, 0, flow_flat_places(flat, NULL, 0));
        }
        places[i] =
            add_field(flat, specs[i].told.name, specs[i].type, i,
                      flow_flat_places(flat, &item, specs[i].type == FLOW_COLUMN_TEXTS ? 1 : 0));
    }
    field = (struct flow_flat_field){ 1, 0, flow_flat_places(flat, places, count) };
    add_message(flat, HEADER_SCHEMA, flow_flat_table(flat, &field, 1), NULL, out);
    ipc->begun = true;
}

static void
add_buffer(struct body *body, const void *bytes, size_t length)
{
    body->bytes[body->count] = bytes;
    body->places[body->count++] = (struct place){ body->length, (int64_t)length };
    body->length += (int64_t)((length + BUFFER_ALIGN - 1) / BUFFER_ALIGN * BUFFER_ALIGN);
}

static void
add_node(struct body *body, const struct ArrowArray *array)
{
    body->nodes[body->node_count++] = (struct node){ array->length, array->null_count };
    add_buffer(body, array->buffers[0],
               array->buffers[0] != NULL ? ((size_t)array->length + 7) / 8 : 0);
}

static void
add_text(struct body *body, const struct ArrowArray *array)
{
    const int32_t *offsets = array->buffers[1];

    add_node(body, array);
    add_buffer(body, offsets, ((size_t)array->length + 1) * sizeof(*offsets));
    add_buffer(body, array->buffers[2], (size_t)offsets[array->length]);
}

static void
add_column(struct body *body, const struct flow_column_spec *spec, const struct ArrowArray *array)
{
    const size_t rows = (size_t)array->length;
    const size_t width = flow_column_width(spec->type);

    if (spec->type == FLOW_COLUMN_TEXT) {
        add_text(body, array);
        return;
    }
    add_node(body, array);
    if (spec->type == FLOW_COLUMN_TEXTS) {
        add_buffer(body, array->buffers[1], (rows + 1) * sizeof(int32_t));
        add_text(body, array->children[0]);
    } else {
        add_buffer(body, array->buffers[1], width == 0 ? (rows + 7) / 8 : rows * width);
    }
}

/* The table that says where the rows are in the body. */
static uint32_t
describe(struct flow_flatbuffer *flat, const struct body *body, int64_t rows)
{
    const uint32_t buffers =
        flow_flat_structs(flat, body->places, sizeof(body->places[0]), body->count);
    const uint32_t nodes =
        flow_flat_structs(flat, body->nodes, sizeof(body->nodes[0]), body->node_count);
    const struct flow_flat_field fields[] = { { 0, 8, (uint64_t)rows },
                                              { 1, 0, nodes },
                                              { 2, 0, buffers } };

    return flow_flat_table(flat, fields, 3);
}

static void
add_dictionary(struct flow_flatbuffer *flat, struct body *body, size_t number,
               const struct ArrowArray *words, struct flow_buf *out)
{
    struct flow_flat_field fields[2];

    memset(body, 0, sizeof(*body));
    add_text(body, words);
    flow_flat_reset(flat);
    fields[0] = (struct flow_flat_field){ 0, 8, number };
    fields[1] = (struct flow_flat_field){ 1, 0, describe(flat, body, words->length) };
    add_message(flat, HEADER_DICTIONARY, flow_flat_table(flat, fields, 2), body, out);
}

bool
flow_ipc_add(struct flow_ipc *ipc, const struct ArrowArray *array, struct flow_buf *out)
{
    size_t count;
    const struct flow_column_spec *specs = flow_columns_of(ipc->table, &count);
    struct flow_flatbuffer flat = { 0 };
    struct body *body = calloc(1, sizeof(*body));

    if (body == NULL) {
        return false;
    }
    if (!ipc->begun) {
        begin(ipc, &flat, out);
    }
    for (size_t i = 0; i < count; i++) {
        const struct ArrowArray *words = array->children[i]->dictionary;

        if (words != NULL && ipc->sent[i] != flow_words_serial(words) + 1) {
            add_dictionary(&flat, body, i, words, out);
            ipc->sent[i] = flow_words_serial(words) + 1;
        }
    }
    memset(body, 0, sizeof(*body));
    for (size_t i = 0; i < count; i++) {
        add_column(body, &specs[i], array->children[i]);
    }
    flow_flat_reset(&flat);
    add_message(&flat, HEADER_ROWS, describe(&flat, body, array->length), body, out);
    flow_flat_free(&flat);
    free(body);
    return !out->failed;
}

bool
flow_ipc_end(struct flow_ipc *ipc, struct flow_buf *out)
{
    struct flow_flatbuffer flat = { 0 };

    if (!ipc->begun) {
        begin(ipc, &flat, out);
        flow_flat_free(&flat);
    }
    add_u32(out, UINT32_MAX);
    add_u32(out, 0);
    return !out->failed;
}
