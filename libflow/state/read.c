/* SPDX-License-Identifier: Apache-2.0 */
/* A state from its file; whatever is wrong with a line of it is told with its place. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "manifest/fields.h"
#include "manifest/file.h"
#include "state/state.h"

struct reading {
    struct flow_fields_context context;
    struct flow_state *state;
    const char *schema; /* of what is read */
    uint64_t flows;
    bool ended;
};

/* Bytes in base64 under a key. */
static bool
take_bytes(struct reading *reading, const struct flow_node *map, const char *key,
           struct flow_str *bytes)
{
    const struct flow_node *node = flow_field(map, key);
    unsigned char *out;
    int len;

    if (node == NULL || node->type != FLOW_NODE_SCALAR || node->text.len % 4 != 0 ||
        node->text.len > INT32_MAX) {
        return flow_field_fail(&reading->context, node, "base64 at %s", key);
    }
    out = flow_arena_alloc(&reading->state->arena, node->text.len / 4 * 3 + 1);
    if (out == NULL) {
        flow_fail_memory(reading->context.err);
        return false;
    }
    len = EVP_DecodeBlock(out, (const unsigned char *)node->text.ptr, (int)node->text.len);
    if (len < 0) {
        return flow_field_fail(&reading->context, node, "base64 at %s", key);
    }
    for (size_t i = 1; i <= 2 && node->text.len >= i && len > 0; i++) {
        len -= node->text.ptr[node->text.len - i] == '=';
    }
    out[len] = '\0';
    *bytes = (struct flow_str){ (const char *)out, (size_t)len };
    return true;
}

/* Numbers in a list of that many, or of any number when count is 0; null is FLOW_TIME_NONE. */
static bool
take_numbers(struct reading *reading, const struct flow_node *map, const char *key, int64_t least,
             int64_t *numbers, size_t count)
{
    const struct flow_node *list = flow_field(map, key);

    if (list == NULL || list->type != FLOW_NODE_LIST || list->count != count) {
        return flow_field_fail(&reading->context, list, "a list of %zu numbers at %s", count, key);
    }
    for (size_t i = 0; i < count; i++) {
        if (list->items[i]->type == FLOW_NODE_NULL && least < 0) {
            numbers[i] = FLOW_TIME_NONE;
        } else if (!flow_field_integer(&reading->context, list->items[i], key, least, INT64_MAX,
                                       &numbers[i])) {
            return false;
        }
    }
    return true;
}

/* Room for one more; NULL when out of memory. */
static void *
grow(struct reading *reading, void **array, size_t count, size_t *room, size_t size)
{
    if (count == *room) {
        const size_t wanted = *room == 0 ? 16 : *room * 2;
        void *grown = realloc(*array, wanted * size);

        if (grown == NULL) {
            flow_fail_memory(reading->context.err);
            return NULL;
        }
        *array = grown;
        *room = wanted;
    }
    memset((char *)*array + count * size, 0, size);
    return (char *)*array + count * size;
}

static bool
read_setting(struct reading *reading, const struct flow_node *root)
{
    struct flow_str name, value;

    if (!flow_field_text(&reading->context, flow_field(root, "setting"), "setting", &name, NULL) ||
        !take_bytes(reading, root, "value", &value)) {
        return false;
    }
    if (!flow_documents_set(reading->state->documents, name.ptr, value)) {
        flow_fail_memory(reading->context.err);
        return false;
    }
    return true;
}

static bool
read_document(struct reading *reading, const struct flow_node *root)
{
    const struct flow_node *node = flow_field(root, "document");
    struct flow_str role, path, text;

    if (!flow_field_text(&reading->context, node, "document", &role, NULL) ||
        !take_bytes(reading, root, "path", &path) || !take_bytes(reading, root, "text", &text)) {
        return false;
    }
    for (uint8_t i = 0; i < FLOW_DOCUMENT_ROLES; i++) {
        if (flow_str_is(role, flow_document_role_name(i))) {
            if (!flow_documents_add(reading->state->documents, i, path, text)) {
                flow_fail_memory(reading->context.err);
                return false;
            }
            return true;
        }
    }
    return flow_field_fail(&reading->context, node, "manifest, snapshot, intent or layer");
}

enum { INPUT_COUNTS = 13, NODE_COUNTS = 5, NODE_TIMES = 7, FLOW_COUNTS = 9, FLOW_TIMES = 3 };

static bool
read_input(struct reading *reading, const struct flow_node *root)
{
    struct flow_state *state = reading->state;
    struct flow_input_stats *input = grow(reading, (void **)&state->inputs, state->input_count,
                                          &state->input_room, sizeof(*input));
    struct flow_str name, digest, format, compression;
    int64_t n[INPUT_COUNTS];

    if (input == NULL || !take_bytes(reading, root, "input", &name) ||
        !flow_field_text(&reading->context, flow_field(root, "format"), "format", &format, NULL) ||
        !flow_field_text(&reading->context, flow_field(root, "compression"), "compression",
                         &compression, NULL) ||
        !take_numbers(reading, root, "counts", 0, n, INPUT_COUNTS)) {
        return false;
    }
    if (flow_field(root, "digest") != NULL) {
        if (!take_bytes(reading, root, "digest", &digest)) {
            return false;
        }
        if (digest.len != sizeof(input->digest)) {
            return flow_field_fail(&reading->context, flow_field(root, "digest"), "32 bytes");
        }
        memcpy(input->digest, digest.ptr, sizeof(input->digest));
        input->has_digest = true;
    }
    input->name = name.ptr;
    input->format = format.ptr;
    input->compression = compression.ptr;
    input->bytes_read = (uint64_t)n[0];
    input->bytes_total = (uint64_t)n[1];
    input->bytes_plain = (uint64_t)n[2];
    input->records = (uint64_t)n[3];
    input->flows = (uint64_t)n[4];
    input->skipped = (uint64_t)n[5];
    input->damaged = (uint64_t)n[6];
    input->lost_reports = (uint64_t)n[7];
    input->lost = (uint64_t)n[8];
    input->node_status = (uint64_t)n[9];
    input->agent_events = (uint64_t)n[10];
    input->debug_events = (uint64_t)n[11];
    input->cut_short = n[12] != 0;
    input->gap_first = input->gap_last = FLOW_TIME_NONE;
    state->input_count++;
    return true;
}

static bool
read_spans(struct reading *reading, const struct flow_node *root, const char *key,
           struct flow_spans *spans)
{
    const struct flow_node *list = flow_field(root, key);

    if (list == NULL || list->type != FLOW_NODE_LIST || list->count % 2 != 0) {
        return flow_field_fail(&reading->context, list, "pairs of times at %s", key);
    }
    for (size_t i = 0; i < list->count; i += 2) {
        int64_t from, until;

        if (!flow_field_integer(&reading->context, list->items[i], key, INT64_MIN + 1, INT64_MAX,
                                &from) ||
            !flow_field_integer(&reading->context, list->items[i + 1], key, from, INT64_MAX,
                                &until)) {
            return false;
        }
        if (!flow_spans_add(spans, from, until, 0)) {
            flow_fail_memory(reading->context.err);
            return false;
        }
    }
    return true;
}

static bool
read_node(struct reading *reading, const struct flow_node *root)
{
    struct flow_state *state = reading->state;
    struct flow_state_node *node =
        grow(reading, (void **)&state->nodes, state->node_count, &state->node_room, sizeof(*node));
    int64_t n[NODE_COUNTS], t[NODE_TIMES];

    if (node == NULL || !take_bytes(reading, root, "node", &node->seen.name) ||
        !take_numbers(reading, root, "counts", 0, n, NODE_COUNTS) ||
        !take_numbers(reading, root, "times", INT64_MIN + 1, t, NODE_TIMES)) {
        return false;
    }
    state->node_count++; /* from here on its spans are given back with it */
    node->seen.flows = (uint64_t)n[0];
    node->seen.lost = (uint64_t)n[1];
    node->seen.state = (uint32_t)n[2];
    node->seen.outages = (uint64_t)n[3];
    node->seen.restarts = (uint64_t)n[4];
    node->seen.first = t[0];
    node->seen.last = t[1];
    node->seen.lost_first = t[2];
    node->seen.lost_last = t[3];
    node->seen.state_since = t[4];
    node->seen.restart_first = t[5];
    node->seen.restart_last = t[6];
    return read_spans(reading, root, "seen", &node->times.seen) &&
           read_spans(reading, root, "lost", &node->times.lost);
}

static bool
read_name(struct reading *reading, const struct flow_node *root)
{
    struct flow_state *state = reading->state;
    struct flow_name_span *name =
        grow(reading, (void **)&state->names, state->name_count, &state->name_room, sizeof(*name));
    const struct flow_node *address = flow_field(root, "address");
    int64_t t[2];

    if (name == NULL || !take_bytes(reading, root, "name", &name->name) ||
        !take_bytes(reading, root, "node", &name->node) ||
        !take_numbers(reading, root, "times", INT64_MIN + 1, t, 2)) {
        return false;
    }
    if (address == NULL || address->type != FLOW_NODE_SCALAR ||
        flow_address_parse(&name->address, address->text, NULL) != FLOW_OK) {
        return flow_field_fail(&reading->context, address, "an address");
    }
    name->from = t[0];
    name->until = t[1];
    state->name_count++;
    return true;
}

/* Messages are numbered as they come; the same one does not come again. */
static bool
read_message(struct reading *reading, const struct flow_node *root)
{
    struct flow_str message;
    bool is_new;

    if (!take_bytes(reading, root, "message", &message)) {
        return false;
    }
    if (flow_intern_add(&reading->state->messages, message, &is_new) == FLOW_INTERN_NONE) {
        flow_fail_memory(reading->context.err);
        return false;
    }
    return is_new || flow_field_fail(&reading->context, root, "a message that was not there yet");
}

static bool
read_flow(struct reading *reading, const struct flow_node *root)
{
    int64_t n[FLOW_COUNTS], t[FLOW_TIMES];
    struct flow_cell_capture capture;
    struct flow_weight weight;
    int64_t message;
    uint32_t number;

    if (!flow_field_integer(&reading->context, flow_field(root, "flow"), "flow", 0,
                            (int64_t)reading->state->messages.count - 1, &message) ||
        !take_numbers(reading, root, "counts", 0, n, FLOW_COUNTS) ||
        !take_numbers(reading, root, "times", INT64_MIN + 1, t, FLOW_TIMES)) {
        return false;
    }
    capture = (struct flow_cell_capture){ .captured = n[3] != 0,
                                          .opener = (uint8_t)n[4],
                                          .answer = (uint8_t)n[5],
                                          .tunnel = (uint8_t)n[6],
                                          .began_before = n[7] != 0,
                                          .goes_on = n[8] != 0 };
    weight = (struct flow_weight){ (uint64_t)n[0], (uint64_t)n[1], t[1], t[2] };
    if (!flow_state_count(reading->state,
                          flow_intern_text(&reading->state->messages, (uint32_t)message),
                          (uint32_t)n[2], t[0], &capture, &weight, &number)) {
        flow_fail_memory(reading->context.err);
        return false;
    }
    reading->flows++;
    return true;
}

static bool
read_head(struct reading *reading, const struct flow_node *root)
{
    const struct flow_node *schema = flow_field(root, "schema");
    int64_t aggregated;

    if (schema->type != FLOW_NODE_SCALAR || !flow_str_is(schema->text, reading->schema)) {
        return flow_field_fail(&reading->context, schema, "%s at schema", reading->schema);
    }
    if (strcmp(reading->schema, FLOW_DOCUMENTS_SCHEMA) == 0) {
        return true;
    }
    if (!flow_field_integer(&reading->context, flow_field(root, "aggregated"), "aggregated", 0,
                            INT64_MAX, &aggregated)) {
        return false;
    }
    reading->state->aggregated = (uint64_t)aggregated;
    return flow_field_boolean(&reading->context, flow_field(root, "unreadable"), "unreadable",
                              &reading->state->unreadable);
}

static bool
read_end(struct reading *reading, const struct flow_node *root)
{
    int64_t count;

    if (!flow_field_integer(&reading->context, flow_field(root, "end"), "end", 0, INT64_MAX,
                            &count)) {
        return false;
    }
    reading->ended = (uint64_t)count == reading->flows;
    return reading->ended || flow_field_fail(&reading->context, flow_field(root, "end"),
                                             "the number of flows before it");
}

static bool
read_value(struct reading *reading, const struct flow_node *root)
{
    static const struct {
        const char *key;
        bool (*read)(struct reading *reading, const struct flow_node *root);
    } values[] = {
        { "flow", read_flow },       { "message", read_message },   { "name", read_name },
        { "setting", read_setting }, { "document", read_document }, { "input", read_input },
        { "node", read_node },       { "schema", read_head },       { "end", read_end },
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (flow_field(root, values[i].key) != NULL) {
            return values[i].read(reading, root);
        }
    }
    return flow_field_fail(&reading->context, root, "a value of a partial state");
}

static int
read_text(struct reading *reading, struct flow_str text, const char *path)
{
    struct flow_document_reader *documents;
    struct flow_arena arena = { 0 };
    struct flow_error *err = reading->context.err;
    const struct flow_node *root;
    bool first = true;
    int rc = flow_document_reader_open(&documents, path, text, NULL, err);

    if (rc != FLOW_OK) {
        return rc;
    }
    while ((rc = flow_document_reader_next(documents, &arena, &root, err)) == FLOW_OK) {
        if (first && flow_field(root, "schema") == NULL) {
            flow_field_fail(&reading->context, root, "%s at schema", reading->schema);
            rc = err->status;
            break;
        }
        first = false;
        if (!read_value(reading, root)) {
            rc = err->status;
            break;
        }
        flow_arena_reset(&arena);
    }
    flow_document_reader_close(documents);
    flow_arena_free(&arena);
    if (rc == FLOW_END && !reading->ended) {
        rc = flow_fail(err, FLOW_E_TRUNCATED, "expected the end of a partial state, found nothing");
        flow_error_set_input(err, path);
    }
    return rc == FLOW_END ? FLOW_OK : rc;
}

/* What text says, or the file at path when there is none. */
static int
read_state(struct flow_state **out, const char *schema, const char *path, struct flow_str text,
           struct flow_error *err)
{
    struct flow_error error;
    struct reading reading = { .context = { .file = path, .err = &error }, .schema = schema };
    struct flow_notes notes = { 0 };
    char *read = NULL;
    int rc = flow_state_new(&reading.state, &error);

    if (rc == FLOW_OK) {
        reading.context.arena = &reading.state->arena;
        reading.context.notes = &notes;
        rc = flow_documents_new(&reading.state->documents, &error);
    }
    if (rc == FLOW_OK && text.ptr == NULL) {
        rc = flow_manifest_read_file(NULL, FLOW_DOCUMENT_MANIFEST, path, &read, &text.len, &error);
        text.ptr = read;
        flow_error_set_input(&error, path);
    }
    rc = rc == FLOW_OK ? read_text(&reading, text, path) : rc;
    free(read);
    if (rc != FLOW_OK) {
        flow_state_free(reading.state);
        if (err != NULL) {
            *err = error;
        }
        return rc;
    }
    reading.state->documents->sealed = true;
    *out = reading.state;
    return FLOW_OK;
}

int
flow_state_read(struct flow_state **out, const char *path, struct flow_error *err)
{
    return read_state(out, FLOW_STATE_SCHEMA, path, (struct flow_str){ NULL, 0 }, err);
}

int
flow_state_decode(struct flow_state **out, const void *bytes, size_t len, struct flow_error *err)
{
    const struct flow_str text = { len > 0 ? bytes : "", len };

    return read_state(out, FLOW_STATE_SCHEMA, "<memory>", text, err);
}

int
flow_documents_decode(struct flow_documents **out, const void *bytes, size_t len,
                      struct flow_error *err)
{
    const struct flow_str text = { len > 0 ? bytes : "", len };
    struct flow_state *state;
    const int rc = read_state(&state, FLOW_DOCUMENTS_SCHEMA, "<memory>", text, err);

    if (rc == FLOW_OK) {
        *out = state->documents;
        state->documents = NULL;
        flow_state_free(state);
    }
    return rc;
}
