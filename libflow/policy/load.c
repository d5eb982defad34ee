/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads a policy set: paths to files, files to documents, and the settings once all is read.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "enrich/ends.h"
#include "frame/bytes.h"
#include "policy/load.h"
#include "source/source.h"

static const struct flow_engine engines[] = {
    { .name = "cilium-1.17", .cilium = true, .requires = true },
    { .name = "cilium-1.18", .cilium = true, .requires = true },
    { .name = "cilium-1.19", .cilium = true, .local_cluster = true, .deep_fqdn = true },
    { .name = "cilium-1.20",
      .cilium = true,
      .local_cluster = true,
      .deep_fqdn = true,
      .cluster_network = true,
      .cidr_pods = true },
    { .name = "kubernetes", .deep_fqdn = true, .admin = true, .cluster_network = true },
};

const struct flow_engine *
flow_engine_find(const char *name)
{
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        if (strcmp(engines[i].name, name) == 0) {
            return &engines[i];
        }
    }
    return NULL;
}

const char *
flow_policy_kind_name(uint8_t kind)
{
    static const char *const names[] = { "KNP", "CNP", "CCNP", "ANP", "BANP", "KCNP", "foreign" };

    return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

int
flow_policies_options_init(struct flow_policies_options *options, size_t size)
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
    struct flow_loader *loader = context;

    flow_notes_add(&loader->policies->notes, FLOW_NOTE_WARNING, error);
}

static int
load_text(struct flow_loader *loader, struct flow_str text, struct flow_error *err)
{
    const struct flow_document_options options = { document_note, loader };
    struct flow_document_reader *reader;
    struct flow_arena arena = { 0 };
    const struct flow_node *root;
    struct flow_error error;
    int rc = flow_document_reader_open(&reader, loader->context.file, text, &options, err);

    if (rc != FLOW_OK) {
        return rc;
    }
    loader->context.err = &error;
    while ((rc = flow_document_reader_next(reader, &arena, &root, &error)) != FLOW_END) {
        if (rc == FLOW_E_MEMORY) {
            break;
        }
        if (rc != FLOW_OK) {
            flow_notes_add(&loader->policies->notes, FLOW_NOTE_ERROR, &error);
        } else if (root != NULL) {
            flow_load_document(loader, root);
        }
        flow_arena_reset(&arena);
    }
    flow_arena_free(&arena);
    flow_document_reader_close(reader);
    return rc == FLOW_E_MEMORY ? flow_fail_memory(err) : FLOW_OK;
}

/* A whole file, decompressed; bounded. */
static int
read_file(const char *path, char **text, size_t *len, struct flow_error *err)
{
    const struct flow_bytes_options options = { false };
    struct flow_source *source;
    struct flow_bytes *bytes;
    size_t room = (size_t)64 << 10;
    size_t got;
    int rc = flow_source_open(&source, path, err);

    *len = 0;
    *text = NULL;
    if (rc != FLOW_OK) {
        return rc;
    }
    rc = flow_bytes_open(&bytes, source, &options, err);
    if (rc != FLOW_OK) {
        flow_source_close(source);
        return rc;
    }
    *text = malloc(room);
    while (*text != NULL &&
           (rc = flow_bytes_read(bytes, *text + *len, room - *len, &got, err)) == FLOW_OK) {
        *len += got;
        if (*len > FLOW_MANIFEST_BYTES_MAX) {
            rc = flow_fail(err, FLOW_E_LIMIT, "expected a manifest of at most %zu bytes",
                           FLOW_MANIFEST_BYTES_MAX);
            break;
        }
        if (*len == room) {
            char *grown = realloc(*text, room *= 2);

            if (grown == NULL) {
                rc = flow_fail_memory(err);
                break;
            }
            *text = grown;
        }
    }
    rc = *text == NULL ? flow_fail_memory(err) : rc;
    flow_bytes_close(bytes);
    return rc == FLOW_END ? FLOW_OK : rc;
}

/* Files of a directory that hold manifests, by their names' endings; a file given is always read.
 */
static bool
is_manifest_name(const char *path)
{
    static const char *const endings[] = { ".yaml",     ".yml",     ".json",
                                           ".yaml.gz",  ".yml.gz",  ".json.gz",
                                           ".yaml.zst", ".yml.zst", ".json.zst" };
    const size_t len = strlen(path);

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        const size_t end = strlen(endings[i]);

        if (len > end && strcmp(path + len - end, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void
path_problem(void *context, const struct flow_error *problem)
{
    struct flow_loader *loader = context;

    flow_notes_add(&loader->policies->notes, FLOW_NOTE_ERROR, problem);
}

static int
load_file(struct flow_loader *loader, const char *path, bool given, struct flow_error *err)
{
    struct flow_error error;
    struct flow_str name;
    char *text;
    size_t len;
    int rc = read_file(path, &text, &len, &error);

    flow_error_set_input(&error, path);
    name = flow_arena_str(&loader->policies->arena, flow_str_of(path));
    if (name.ptr == NULL || rc == FLOW_E_MEMORY) {
        free(text);
        return flow_fail_memory(err);
    }
    if (rc != FLOW_OK && given && len == 0) {
        free(text);
        if (err != NULL) {
            *err = error;
        }
        return rc;
    }
    if (rc != FLOW_OK) {
        flow_notes_add(&loader->policies->notes, FLOW_NOTE_ERROR, &error);
    }
    loader->context.file = name.ptr;
    rc = load_text(loader, (struct flow_str){ text, len }, err);
    free(text);
    return rc;
}

static int
load_path(struct flow_loader *loader, const char *path, struct flow_error *err)
{
    const struct flow_path_options options = { path_problem, loader };
    struct flow_path_list list = { NULL, 0, 0 };
    int rc = flow_path_list_add(&list, path, &options, err);

    for (size_t i = 0; rc == FLOW_OK && i < list.count; i++) {
        const bool given = strcmp(list.paths[i], path) == 0;

        if (given || is_manifest_name(list.paths[i])) {
            rc = load_file(loader, list.paths[i], given, err);
        }
    }
    flow_path_list_free(&list);
    return rc;
}

/* The settings of the options, over what a ConfigMap said. */
static int
apply_settings(struct flow_policies *set, const struct flow_policies_options *options,
               struct flow_error *err)
{
    for (size_t i = 0; i < options->setting_count; i++) {
        const char *equals = strchr(options->settings[i], '=');
        struct flow_str name, value;
        int rc;

        if (equals == NULL) {
            return flow_fail(err, FLOW_E_ARGUMENT, "expected NAME=VALUE, found \"%.60s\"",
                             options->settings[i]);
        }
        name = (struct flow_str){ options->settings[i], (size_t)(equals - options->settings[i]) };
        value = flow_arena_str(&set->arena, flow_str_of(equals + 1));
        if (value.ptr == NULL) {
            return flow_fail_memory(err);
        }
        rc = flow_settings_set(&set->settings, name, value, err);
        if (rc == FLOW_END) {
            return flow_fail(err, FLOW_E_ARGUMENT, "expected a setting's name, found \"%.60s\"",
                             options->settings[i]);
        }
        if (rc != FLOW_OK) {
            return rc;
        }
    }
    flow_settings_complete(&set->settings, set->engine);
    return FLOW_OK;
}

static int
check_options(const struct flow_policies_options *options, struct flow_error *err)
{
    if (options->size != sizeof(*options)) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected policy options of this version");
    }
    if (options->engine != NULL && flow_engine_find(options->engine) == NULL) {
        return flow_fail(
            err, FLOW_E_ARGUMENT,
            "expected engine cilium-1.17 to cilium-1.20 or kubernetes, found \"%.40s\"",
            options->engine);
    }
    for (size_t i = 0; i < options->variable_count; i++) {
        if (strchr(options->variables[i], '=') == NULL) {
            return flow_fail(err, FLOW_E_ARGUMENT, "expected NAME=VALUE, found \"%.60s\"",
                             options->variables[i]);
        }
    }
    return FLOW_OK;
}

static int
load_all(struct flow_loader *loader, const struct flow_policies_options *options,
         struct flow_error *err)
{
    int rc = FLOW_OK;

    loader->snapshot = true;
    for (size_t i = 0; rc == FLOW_OK && i < options->snapshot_count; i++) {
        rc = load_path(loader, options->snapshots[i], err);
    }
    loader->snapshot = false;
    for (size_t i = 0; rc == FLOW_OK && i < options->manifest_count; i++) {
        rc = load_path(loader, options->manifests[i], err);
    }
    rc = rc == FLOW_OK ? apply_settings(loader->policies, options, err) : rc;
    return rc == FLOW_OK ? flow_policies_resolve(loader->policies, err) : rc;
}

int
flow_policies_load(struct flow_policies **out, const struct flow_policies_options *options,
                   struct flow_error *err)
{
    struct flow_policies_options defaults;
    struct flow_loader loader = { .snapshot = false };
    struct flow_policies *set;
    int rc;

    flow_policies_options_init(&defaults, sizeof(defaults));
    options = options != NULL ? options : &defaults;
    rc = check_options(options, err);
    if (rc != FLOW_OK) {
        return rc;
    }
    set = calloc(1, sizeof(*set));
    if (set == NULL) {
        return flow_fail_memory(err);
    }
    set->engine = flow_engine_find(options->engine != NULL ? options->engine : "cilium-1.19");
    set->partial = options->partial || options->manifest_count == 0;
    loader.policies = set;
    loader.context = (struct flow_fields_context){
        .arena = &set->arena,
        .notes = &set->notes,
        .variables = options->variables,
        .variable_count = options->variable_count,
        .default_namespace =
            flow_arena_str(&set->arena, flow_str_of(options->default_namespace != NULL
                                                        ? options->default_namespace
                                                        : "default"))
                .ptr,
    };
    rc = flow_inventory_init(&set->inventory) && flow_intern_init(&set->by_namespace.keys) &&
                 flow_intern_init(&set->regexes.keys) && flow_intern_init(&loader.objects.keys) &&
                 flow_intern_init(&loader.told.keys) && loader.context.default_namespace != NULL
             ? load_all(&loader, options, err)
             : flow_fail_memory(err);
    flow_cache_free(&loader.objects);
    flow_cache_free(&loader.told);
    if (rc != FLOW_OK) {
        flow_policies_free(set);
        return rc;
    }
    *out = set;
    return FLOW_OK;
}

static void
free_regexes(struct flow_cache *regexes)
{
    for (uint32_t i = 0; i < regexes->keys.count && i < regexes->room; i++) {
        flow_regex_free((struct flow_regex *)(uintptr_t)regexes->values[i]);
    }
    flow_cache_free(regexes);
}

void
flow_policies_free(struct flow_policies *policies)
{
    if (policies != NULL) {
        flow_cidr_classes_free(&policies->classes);
        flow_settings_free(&policies->settings);
        free_regexes(&policies->regexes);
        flow_cache_free(&policies->by_namespace);
        flow_inventory_free(&policies->inventory);
        flow_notes_free(&policies->notes);
        free(policies->list.policies);
        free(policies->infos);
        flow_arena_free(&policies->arena);
        free(policies);
    }
}

size_t
flow_policies_note_count(const struct flow_policies *policies)
{
    return policies->notes.count;
}

const struct flow_note *
flow_policies_note_at(const struct flow_policies *policies, size_t i)
{
    return i < policies->notes.count ? &policies->notes.notes[i] : NULL;
}

size_t
flow_policies_error_count(const struct flow_policies *policies)
{
    return policies->notes.errors;
}

size_t
flow_policies_count(const struct flow_policies *policies)
{
    return policies->info_count;
}

const struct flow_policy_info *
flow_policies_at(const struct flow_policies *policies, size_t i)
{
    return i < policies->info_count ? &policies->infos[i] : NULL;
}

size_t
flow_policies_inventory_count(const struct flow_policies *policies)
{
    return policies->inventory.count;
}

bool
flow_policies_knows_address(const struct flow_policies *policies,
                            const struct flow_address *address)
{
    const struct flow_address_entry entry = flow_inventory_address(&policies->inventory, address);

    return entry.owner != FLOW_OWNER_NONE || entry.api_server;
}

int
flow_policies_name_ends(const struct flow_policies *policies, struct flow_dict *dict,
                        struct flow_batch *batch, struct flow_error *err)
{
    return flow_name_ends(&policies->inventory, dict, batch, err);
}

bool
flow_policies_ask_names(const struct flow_policies *policies)
{
    return policies->has_names;
}

const char *
flow_policies_engine(const struct flow_policies *policies)
{
    return policies->engine->name;
}
