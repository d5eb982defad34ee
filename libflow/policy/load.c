/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads a policy set: paths to files, files to documents, and the settings once all is read.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "enrich/ends.h"
#include "manifest/file.h"
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
    int rc = flow_manifest_read_file(
        loader->documents, loader->snapshot ? FLOW_DOCUMENT_SNAPSHOT : FLOW_DOCUMENT_MANIFEST, path,
        &text, &len, &error);

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

/* The files that were kept, in the order they were read. */
static int
load_kept(struct flow_loader *loader, struct flow_error *err)
{
    const struct flow_documents *documents = loader->documents;
    int rc = FLOW_OK;

    for (size_t i = 0; rc == FLOW_OK && i < documents->count; i++) {
        const struct flow_document_text *kept = &documents->texts[i];

        loader->snapshot = kept->role == FLOW_DOCUMENT_SNAPSHOT;
        if (kept->role == FLOW_DOCUMENT_SNAPSHOT || kept->role == FLOW_DOCUMENT_MANIFEST) {
            rc = load_file(loader, kept->path.ptr, true, err);
        }
    }
    return rc;
}

static int
load_all(struct flow_loader *loader, const struct flow_policies_options *options,
         struct flow_error *err)
{
    int rc = FLOW_OK;

    if (loader->documents != NULL && loader->documents->sealed) {
        rc = load_kept(loader, err);
        rc = rc == FLOW_OK ? apply_settings(loader->policies, options, err) : rc;
        return rc == FLOW_OK ? flow_policies_resolve(loader->policies, err) : rc;
    }
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

static bool
keep_list(struct flow_documents *documents, const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!flow_documents_set(documents, name, flow_str_of(list[i]))) {
            return false;
        }
    }
    return true;
}

static bool
keep_text(struct flow_documents *documents, const char *name, const char *value)
{
    return value == NULL || flow_documents_set(documents, name, flow_str_of(value));
}

/* Notes the options beside the texts. */
static bool
keep_options(struct flow_documents *documents, const struct flow_policies_options *options)
{
    return keep_list(documents, "variable", options->variables, options->variable_count) &&
           keep_list(documents, "setting", options->settings, options->setting_count) &&
           keep_text(documents, "engine", options->engine) &&
           keep_text(documents, "default-namespace", options->default_namespace) &&
           keep_text(documents, "partial",
                     options->partial || options->manifest_count == 0 ? "true" : NULL);
}

/* The values of a name among the kept options, as an array in the arena. */
static bool
take_list(const struct flow_documents *documents, struct flow_arena *arena, const char *name,
          const char *const **list, size_t *count)
{
    const char **values = flow_arena_array(arena, documents->setting_count + 1, sizeof(*values));

    for (*count = 0; values != NULL; (*count)++) {
        values[*count] = flow_documents_setting(documents, name, *count);
        if (values[*count] == NULL) {
            break;
        }
    }
    *list = values;
    return values != NULL;
}

static bool
take_options(const struct flow_documents *documents, struct flow_arena *arena,
             struct flow_policies_options *options)
{
    options->engine = flow_documents_setting(documents, "engine", 0);
    options->default_namespace = flow_documents_setting(documents, "default-namespace", 0);
    options->partial = flow_documents_setting(documents, "partial", 0) != NULL;
    options->manifest_count = options->snapshot_count = 0;
    return take_list(documents, arena, "variable", &options->variables, &options->variable_count) &&
           take_list(documents, arena, "setting", &options->settings, &options->setting_count);
}

static int
load_set(struct flow_policies **out, const struct flow_policies_options *options,
         struct flow_error *err)
{
    struct flow_loader loader = { .documents = options->documents };
    struct flow_policies *set;
    int rc = check_options(options, err);

    if (rc != FLOW_OK) {
        return rc;
    }
    set = calloc(1, sizeof(*set));
    if (set == NULL) {
        return flow_fail_memory(err);
    }
    set->engine = flow_engine_find(options->engine != NULL ? options->engine : "cilium-1.19");
    set->partial =
        options->partial || (options->manifest_count == 0 &&
                             (options->documents == NULL || !options->documents->sealed));
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

int
flow_policies_load(struct flow_policies **out, const struct flow_policies_options *options,
                   struct flow_error *err)
{
    struct flow_policies_options own;
    struct flow_arena arena = { 0 };
    int rc;

    flow_policies_options_init(&own, sizeof(own));
    if (options != NULL) {
        own = *options;
    }
    if (own.size == sizeof(own) && own.documents != NULL) {
        const bool ok = own.documents->sealed ? take_options(own.documents, &arena, &own)
                                              : keep_options(own.documents, &own);

        if (!ok) {
            flow_arena_free(&arena);
            return flow_fail_memory(err);
        }
    }
    rc = load_set(out, &own, err);
    flow_arena_free(&arena);
    return rc;
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
