/* SPDX-License-Identifier: Apache-2.0 */
/* A file to an intent, with the files of its layers, and what is worked out once it is whole. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "intent/intent.h"
#include "manifest/file.h"

int
flow_intent_options_init(struct flow_intent_options *options, size_t size)
{
    if (options == NULL || size != sizeof(*options)) {
        return FLOW_E_ARGUMENT;
    }
    memset(options, 0, sizeof(*options));
    options->size = size;
    return FLOW_OK;
}

static void
document_note(void *context, const struct flow_error *error)
{
    struct flow_intent_reader *reader = context;

    flow_notes_add(&reader->intent->notes, FLOW_NOTE_WARNING, error);
}

/* Hands each document of a file to read; the error names the file. */
static int
read_documents(struct flow_intent_reader *reader, uint8_t role, const char *path,
               bool (*read)(struct flow_intent_reader *reader, const struct flow_node *root,
                            void *context),
               void *context)
{
    const struct flow_document_options options = { document_note, reader };
    struct flow_document_reader *documents;
    struct flow_arena arena = { 0 };
    struct flow_error *err = reader->context.err;
    const struct flow_node *root;
    size_t count = 0;
    size_t len;
    char *text;
    int rc = flow_manifest_read_file(reader->documents, role, path, &text, &len, err);

    if (rc != FLOW_OK) {
        flow_error_set_input(err, path);
        free(text);
        return rc;
    }
    rc = flow_document_reader_open(&documents, path, (struct flow_str){ text, len }, &options, err);
    if (rc != FLOW_OK) {
        free(text);
        return rc;
    }
    while ((rc = flow_document_reader_next(documents, &arena, &root, err)) == FLOW_OK) {
        if (root != NULL && !read(reader, root, context)) {
            rc = err->status;
            break;
        }
        count += root != NULL;
    }
    if (rc == FLOW_END) {
        rc = count > 0 ? FLOW_OK
                       : flow_fail(err, FLOW_E_INVALID, "expected a document, found nothing");
        flow_error_set_input(err, path);
    }
    flow_document_reader_close(documents);
    flow_arena_free(&arena);
    free(text);
    return rc;
}

static bool
read_layer_document(struct flow_intent_reader *reader, const struct flow_node *root, void *context)
{
    return flow_layer_read(&reader->context, root, context);
}

/* "file" beside the intent, unless it is absolute. */
static bool
layer_path(struct flow_intent_reader *reader, struct flow_str file, const char **path)
{
    const char *slash = strrchr(reader->intent->file, '/');
    struct flow_buf text = { 0 };

    if (file.ptr[0] != '/' && slash != NULL) {
        flow_buf_add(&text, reader->intent->file, (size_t)(slash + 1 - reader->intent->file));
    }
    flow_buf_add_str(&text, file);
    *path = text.failed ? NULL : flow_arena_str(&reader->intent->arena, flow_buf_str(&text)).ptr;
    flow_buf_free(&text);
    return *path != NULL;
}

bool
flow_intent_read_layer_file(struct flow_intent_reader *reader, const struct flow_node *node,
                            struct flow_str file, struct flow_layer *layer)
{
    const char *intent_file = reader->context.file;
    bool ok;

    if (!layer_path(reader, file, &layer->file)) {
        flow_fail_memory(reader->context.err);
        return false;
    }
    reader->context.file = layer->file;
    ok = read_documents(reader, FLOW_DOCUMENT_LAYER, layer->file, read_layer_document, layer) ==
         FLOW_OK;
    reader->context.file = intent_file;
    if (!ok && reader->context.err->status == FLOW_E_SYSTEM) {
        /* the place to look at is where the file is named */
        struct flow_error error = *reader->context.err;

        return flow_field_refuse(&reader->context, node,
                                 "expected a file that can be read, found "
                                 "%.60s: %.120s",
                                 layer->file, error.message);
    }
    return ok;
}

static int
compare_times(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left;
    const int64_t b = *(const int64_t *)right;

    return a < b ? -1 : a > b;
}

static void
add_border(struct flow_intent_document *intent, int64_t time)
{
    if (time != FLOW_TIME_NONE) {
        intent->borders[intent->border_count++] = time;
    }
}

/* The times at which phases and approvals begin and end. */
static bool
find_borders(struct flow_intent_document *intent)
{
    size_t kept = 0;

    intent->borders =
        flow_arena_array(&intent->arena, 2 * (intent->phase_count + intent->egress.count) + 1,
                         sizeof(*intent->borders));
    if (intent->borders == NULL) {
        return false;
    }
    for (size_t i = 0; i < intent->phase_count; i++) {
        const int64_t until = intent->phases[i].until;

        add_border(intent, intent->phases[i].from);
        add_border(intent, until == INT64_MAX ? FLOW_TIME_NONE : until + 1);
    }
    for (size_t i = 0; i < intent->egress.count; i++) {
        const int64_t until = intent->approvals[i].until_time;

        add_border(intent, intent->approvals[i].from_time);
        add_border(intent,
                   until == INT64_MAX || until == FLOW_TIME_NONE ? FLOW_TIME_NONE : until + 1);
    }
    if (intent->border_count > 1) {
        qsort(intent->borders, intent->border_count, sizeof(*intent->borders), compare_times);
    }
    for (size_t i = 0; i < intent->border_count; i++) {
        if (kept == 0 || intent->borders[kept - 1] != intent->borders[i]) {
            intent->borders[kept++] = intent->borders[i];
        }
    }
    intent->border_count = kept;
    return true;
}

uint32_t
flow_intent_span(const struct flow_intent_document *intent, int64_t time)
{
    size_t low = 0;
    size_t high = intent->border_count;

    if (time == FLOW_TIME_NONE) {
        return UINT32_MAX;
    }
    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (intent->borders[middle] <= time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (uint32_t)low;
}

/* The zone that the cluster itself is in: by its name, or by its nodes' prefixes. */
static void
find_home(struct flow_intent_document *intent)
{
    for (size_t z = 0; z < intent->zone_count && intent->home == NULL; z++) {
        for (size_t i = 0; i < intent->zones[z].clusters.count; i++) {
            if (intent->cluster_name.len > 0 &&
                flow_str_equal(intent->zones[z].clusters.texts[i], intent->cluster_name)) {
                intent->home = &intent->zones[z];
            }
        }
    }
    for (size_t n = 0; n < intent->nodes.count && intent->home == NULL; n++) {
        for (size_t z = 0; z < intent->zone_count && intent->home == NULL; z++) {
            if (flow_intent_holds(&intent->zones[z].cidrs, &intent->nodes.cidrs[n].address)) {
                intent->home = &intent->zones[z];
            }
        }
    }
}

static bool
read_root(struct flow_intent_reader *reader, const struct flow_node *root, void *context)
{
    (void)context;
    if (reader->intent->title != NULL) {
        return flow_field_refuse(&reader->context, root,
                                 "expected one document in the file, found another");
    }
    return flow_intent_read(reader, root);
}

static int
load(struct flow_intent_reader *reader, const char *path)
{
    struct flow_intent_document *intent = reader->intent;
    int rc;

    intent->minimum_coverage = -1;
    intent->silence = (int64_t)300 * 1000000000;
    intent->file = flow_arena_str(&intent->arena, flow_str_of(path)).ptr;
    reader->context.file = intent->file;
    if (intent->file == NULL) {
        return flow_fail_memory(reader->context.err);
    }
    rc = read_documents(reader, FLOW_DOCUMENT_INTENT, intent->file, read_root, NULL);
    if (rc != FLOW_OK) {
        return rc;
    }
    for (size_t i = 0; i < intent->layer_count; i++) {
        if (!flow_layer_add_classes(&intent->layers[i].layer, &intent->classes)) {
            return flow_fail_memory(reader->context.err);
        }
    }
    flow_cidr_classes_seal(&intent->classes);
    find_home(intent);
    return find_borders(intent) ? FLOW_OK : flow_fail_memory(reader->context.err);
}

/* Variables of the caller are kept beside the texts, or taken from there. */
static bool
take_variables(struct flow_intent_reader *reader)
{
    struct flow_fields_context *context = &reader->context;
    struct flow_documents *documents = reader->documents;
    const char **values;

    if (documents == NULL) {
        return true;
    }
    for (size_t i = 0; !documents->sealed && i < context->variable_count; i++) {
        if (!flow_documents_set(documents, "intent-variable", flow_str_of(context->variables[i]))) {
            return false;
        }
    }
    if (!documents->sealed) {
        return true;
    }
    values =
        flow_arena_array(&reader->intent->arena, documents->setting_count + 1, sizeof(*values));
    for (context->variable_count = 0; values != NULL; context->variable_count++) {
        values[context->variable_count] =
            flow_documents_setting(documents, "intent-variable", context->variable_count);
        if (values[context->variable_count] == NULL) {
            break;
        }
    }
    context->variables = values;
    return values != NULL;
}

int
flow_intent_load(struct flow_intent_document **out, const char *path,
                 const struct flow_intent_options *options, struct flow_error *err)
{
    struct flow_intent_document *intent = calloc(1, sizeof(*intent));
    struct flow_error error;
    struct flow_intent_reader reader = { .intent = intent };
    int rc;

    if (options != NULL && options->size != sizeof(*options)) {
        free(intent);
        return flow_fail(err, FLOW_E_ARGUMENT, "expected intent options of this version");
    }
    if (intent == NULL) {
        return flow_fail_memory(err);
    }
    reader.context = (struct flow_fields_context){
        .arena = &intent->arena,
        .notes = &intent->notes,
        .variables = options != NULL ? options->variables : NULL,
        .variable_count = options != NULL ? options->variable_count : 0,
        .err = &error,
        .default_namespace = "default",
    };
    reader.documents = options != NULL ? options->documents : NULL;
    if (!take_variables(&reader)) {
        flow_intent_free(intent);
        return flow_fail_memory(err);
    }
    rc = load(&reader, path);
    if (rc == FLOW_OK && intent->notes.failed) {
        rc = flow_fail_memory(&error);
    }
    if (rc != FLOW_OK) {
        flow_intent_free(intent);
        if (err != NULL) {
            *err = error;
        }
        return rc;
    }
    *out = intent;
    return FLOW_OK;
}

void
flow_intent_free(struct flow_intent_document *intent)
{
    if (intent != NULL) {
        flow_cidr_classes_free(&intent->classes);
        flow_notes_free(&intent->notes);
        flow_arena_free(&intent->arena);
        free(intent);
    }
}

size_t
flow_intent_note_count(const struct flow_intent_document *intent)
{
    return intent->notes.count;
}

const struct flow_note *
flow_intent_note_at(const struct flow_intent_document *intent, size_t i)
{
    return i < intent->notes.count ? &intent->notes.notes[i] : NULL;
}

const char *
flow_intent_title(const struct flow_intent_document *intent)
{
    return intent->title;
}

const char *
flow_intent_file(const struct flow_intent_document *intent)
{
    return intent->file;
}

const char *
flow_intent_engine(const struct flow_intent_document *intent)
{
    return intent->engine;
}

size_t
flow_intent_variable_count(const struct flow_intent_document *intent)
{
    return intent->variable_count;
}

const char *
flow_intent_variable_at(const struct flow_intent_document *intent, size_t i)
{
    return i < intent->variable_count ? intent->variables[i] : NULL;
}

double
flow_intent_minimum_coverage(const struct flow_intent_document *intent)
{
    return intent->minimum_coverage;
}

bool
flow_intent_asks_names(const struct flow_intent_document *intent)
{
    return intent->asks_names;
}

size_t
flow_intent_approval_count(const struct flow_intent_document *intent)
{
    return intent->egress.count;
}

const struct flow_approval *
flow_intent_approval_at(const struct flow_intent_document *intent, size_t i)
{
    return i < intent->egress.count ? &intent->approvals[i] : NULL;
}
