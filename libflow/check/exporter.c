/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of Hubble's exporter, in the places where Cilium has it: Helm values
 * (hubble.export.static, hubble.export.dynamic), the ConfigMap of the dynamic exporter
 * (flowLogs), and the agent's own ConfigMap (hubble-export-*).
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "check/doctor.h"
#include "manifest/fields.h"
#include "manifest/file.h"

struct reading {
    struct flow_fields_context context;
    struct flow_doctor *doctor;
};

/* A path of a mask lets a field through when it is the field, or one that holds it, or in it. */
static bool
lets_through(struct flow_str path, const char *field)
{
    const struct flow_str name = flow_str_of(field);

    return flow_str_equal(path, name) ||
           (flow_str_starts(name, path) && name.ptr[path.len] == '.') ||
           (flow_str_starts(path, name) && path.ptr[name.len] == '.');
}

static void
let_through(struct flow_doctor *doctor, struct flow_str path)
{
    for (uint8_t i = 0; i < FLOW_FIELD_COUNT; i++) {
        if (path.len > 0 && lets_through(path, flow_field_path(i))) {
            doctor->let_through |= 1u << i;
        }
    }
}

/* Paths with spaces or commas between them. */
static void
let_words_through(struct flow_doctor *doctor, struct flow_str text)
{
    size_t start = 0;

    for (size_t i = 0; i <= text.len; i++) {
        if (i == text.len || text.ptr[i] == ' ' || text.ptr[i] == ',' || text.ptr[i] == '\n') {
            let_through(doctor, (struct flow_str){ text.ptr + start, i - start });
            start = i + 1;
        }
    }
}

static bool
is_empty(const struct flow_node *node)
{
    return node == NULL || (node->type == FLOW_NODE_SCALAR && node->text.len == 0) ||
           (node->type != FLOW_NODE_SCALAR && node->count == 0);
}

/* A mask as a list of paths or as one text; without one everything passes. */
static bool
read_mask(struct reading *reading, const struct flow_node *mask)
{
    struct flow_doctor *doctor = reading->doctor;

    doctor->exporters++;
    if (is_empty(mask)) {
        doctor->let_through |= (1u << FLOW_FIELD_COUNT) - 1;
        return true;
    }
    if (mask->type == FLOW_NODE_SCALAR) {
        let_words_through(doctor, mask->text);
        return true;
    }
    if (!flow_field_is_list(&reading->context, mask, "the field mask")) {
        return false;
    }
    for (size_t i = 0; i < mask->count; i++) {
        if (mask->items[i]->type != FLOW_NODE_SCALAR) {
            return flow_field_fail(&reading->context, mask->items[i], "a path of a field");
        }
        let_through(doctor, mask->items[i]->text);
    }
    return true;
}

static void
note_filter(struct reading *reading, const struct flow_node *filter, const char *what)
{
    if (!is_empty(filter)) {
        reading->doctor->filtered = true;
        flow_field_warn(&reading->context, filter,
                        "%s keeps flows out of the log: of those nothing can be said", what);
    }
}

static void
note_aggregate(struct reading *reading, const struct flow_node *node)
{
    if (!is_empty(node)) {
        reading->doctor->aggregated = true;
        flow_field_warn(&reading->context, node,
                        "flows are put together before they are written: counts are of those");
    }
}

static bool
read_static(struct reading *reading, const struct flow_node *node)
{
    note_filter(reading, flow_field(node, "allowList"), "allowList");
    note_filter(reading, flow_field(node, "denyList"), "denyList");
    note_aggregate(reading, flow_field(node, "fieldAggregate"));
    return read_mask(reading, flow_field(node, "fieldMask"));
}

/* Entries of a dynamic exporter. */
static bool
read_logs(struct reading *reading, const struct flow_node *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct flow_node *entry = list->items[i];

        if (!flow_field_is_map(&reading->context, entry, "an exporter")) {
            return false;
        }
        note_filter(reading, flow_field(entry, "includeFilters"), "includeFilters");
        note_filter(reading, flow_field(entry, "excludeFilters"), "excludeFilters");
        note_aggregate(reading, flow_field(entry, "fieldAggregate"));
        if (flow_field(entry, "end") != NULL) {
            flow_field_warn(&reading->context, flow_field(entry, "end"),
                            "nothing is written from this time on");
        }
        if (!read_mask(reading, flow_field(entry, "fieldMask"))) {
            return false;
        }
    }
    return true;
}

static bool
is_off(const struct flow_node *node)
{
    const struct flow_node *enabled = flow_field(node, "enabled");

    return enabled != NULL && enabled->type == FLOW_NODE_SCALAR &&
           flow_str_is(enabled->text, "false");
}

static bool
read_values(struct reading *reading, const struct flow_node *export)
{
    const struct flow_node *fixed = flow_field(export, "static");
    const struct flow_node *dynamic = flow_field(export, "dynamic");
    const struct flow_node *content = flow_field(flow_field(dynamic, "config"), "content");

    if (fixed != NULL && !is_off(fixed) && !read_static(reading, fixed)) {
        return false;
    }
    return dynamic == NULL || is_off(dynamic) || content == NULL ||
           content->type != FLOW_NODE_LIST || read_logs(reading, content);
}

static bool read_document(struct reading *reading, const struct flow_node *root);

/* A value of a ConfigMap that is itself a document. */
static bool
read_inner(struct reading *reading, struct flow_str text)
{
    struct flow_document_reader *documents;
    struct flow_arena arena = { 0 };
    const struct flow_node *root;
    bool ok = flow_document_reader_open(&documents, reading->context.file, text, NULL,
                                        reading->context.err) == FLOW_OK;

    if (!ok) {
        return false;
    }
    if (flow_document_reader_next(documents, &arena, &root, reading->context.err) == FLOW_OK &&
        root != NULL) {
        ok = read_document(reading, root);
    }
    flow_document_reader_close(documents);
    flow_arena_free(&arena);
    return ok;
}

static bool
read_config_map(struct reading *reading, const struct flow_node *data)
{
    const struct flow_node *path = flow_field(data, "hubble-export-file-path");

    if (!is_empty(path) || flow_field(data, "hubble-export-fieldmask") != NULL) {
        note_filter(reading, flow_field(data, "hubble-export-allowlist"),
                    "hubble-export-allowlist");
        note_filter(reading, flow_field(data, "hubble-export-denylist"), "hubble-export-denylist");
        note_aggregate(reading, flow_field(data, "hubble-export-fieldaggregate"));
        if (!read_mask(reading, flow_field(data, "hubble-export-fieldmask"))) {
            return false;
        }
    }
    for (size_t i = 0; i < data->count; i++) {
        const struct flow_node *value = data->pairs[i].value;

        if (value->type == FLOW_NODE_SCALAR &&
            memmem(value->text.ptr, value->text.len, "flowLogs", 8) != NULL &&
            !read_inner(reading, value->text)) {
            return false;
        }
    }
    return true;
}

static bool
read_document(struct reading *reading, const struct flow_node *root)
{
    const struct flow_node *export = flow_field(flow_field(root, "hubble"), "export");
    const struct flow_node *logs = flow_field(root, "flowLogs");
    const struct flow_node *data = flow_field(root, "data");

    return (export == NULL || read_values(reading, export)) &&
           (logs == NULL || logs->type != FLOW_NODE_LIST || read_logs(reading, logs)) &&
           (data == NULL || data->type != FLOW_NODE_MAP || read_config_map(reading, data));
}

static int
read_text(struct reading *reading, struct flow_str text)
{
    struct flow_error *err = reading->context.err;
    const size_t before = reading->doctor->exporters;
    struct flow_document_reader *documents;
    struct flow_arena arena = { 0 };
    const struct flow_node *root;
    int rc = flow_document_reader_open(&documents, reading->context.file, text, NULL, err);

    if (rc != FLOW_OK) {
        return rc;
    }
    while ((rc = flow_document_reader_next(documents, &arena, &root, err)) == FLOW_OK) {
        if (root != NULL && !read_document(reading, root)) {
            rc = err->status;
            break;
        }
        flow_arena_reset(&arena);
    }
    flow_document_reader_close(documents);
    flow_arena_free(&arena);
    if (rc == FLOW_END && reading->doctor->exporters == before) {
        rc = flow_fail(err, FLOW_E_INVALID,
                       "expected the configuration of an exporter (hubble.export, flowLogs or "
                       "hubble-export-fieldmask), found none that is on");
        flow_error_set_input(err, reading->context.file);
    }
    return rc == FLOW_END ? FLOW_OK : rc;
}

int
flow_doctor_read_exporter(struct flow_doctor *doctor, const char *path, struct flow_error *err)
{
    struct flow_error error;
    struct reading reading = { .context = { .file = path, .notes = &doctor->notes, .err = &error },
                               .doctor = doctor };
    char *text = NULL;
    size_t len;
    int rc = flow_manifest_read_file(NULL, FLOW_DOCUMENT_MANIFEST, path, &text, &len, &error);

    if (rc == FLOW_OK) {
        rc = read_text(&reading, (struct flow_str){ text, len });
    } else {
        flow_error_set_input(&error, path);
    }
    free(text);
    if (rc != FLOW_OK && err != NULL) {
        *err = error;
    }
    return rc;
}
