/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents to policies and inventory: which kind is what, one object in force for each name, and a
 * note for whatever is passed over.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "policy/load.h"

enum { WORD_BYTES = FLOW_QUOTE_BYTES_MAX + 8 }; /* quotes, dots and NUL */

static const struct {
    const char *group, *kind;
    uint8_t policy_kind;
    bool (*read)(struct flow_policy_reader *reader, const struct flow_node *object);
} policy_kinds[] = {
    { "networking.k8s.io", "NetworkPolicy", FLOW_POLICY_KNP, flow_policy_read_knp },
    { "extensions", "NetworkPolicy", FLOW_POLICY_KNP, flow_policy_read_knp },
    { "cilium.io", "CiliumNetworkPolicy", FLOW_POLICY_CNP, flow_policy_read_cilium },
    { "cilium.io", "CiliumClusterwideNetworkPolicy", FLOW_POLICY_CCNP, flow_policy_read_cilium },
    { "policy.networking.k8s.io", "AdminNetworkPolicy", FLOW_POLICY_ANP, flow_policy_read_anp },
    { "policy.networking.k8s.io", "BaselineAdminNetworkPolicy", FLOW_POLICY_BANP,
      flow_policy_read_anp },
    { "policy.networking.k8s.io", "ClusterNetworkPolicy", FLOW_POLICY_KCNP, flow_policy_read_anp },
};

/* Kinds that filter traffic and are not modelled: what they may select is undecidable. */
static const struct {
    const char *group, *kind;
    bool namespaced;
} unmodelled_kinds[] = {
    { "crd.projectcalico.org", "NetworkPolicy", true },
    { "projectcalico.org", "NetworkPolicy", true },
    { "crd.projectcalico.org", "GlobalNetworkPolicy", false },
    { "projectcalico.org", "GlobalNetworkPolicy", false },
    { "crd.antrea.io", "NetworkPolicy", true },
    { "crd.antrea.io", "ClusterNetworkPolicy", false },
};

void *
flow_policy_array(struct flow_policy_reader *reader, size_t count, size_t size)
{
    void *array = flow_arena_array(reader->context->arena, count, size);

    if (array == NULL) {
        flow_fail_memory(reader->context->err);
    }
    return array;
}

struct flow_str
flow_policy_rule_name(struct flow_policy_reader *reader, const char *section, size_t index)
{
    char text[96];
    struct flow_str name;

    snprintf(text, sizeof(text), "%s[%zu]", section, index);
    name = flow_arena_str(reader->context->arena, flow_str_of(text));
    if (name.ptr == NULL) {
        flow_fail_memory(reader->context->err);
    }
    return name;
}

struct flow_policy *
flow_policy_list_add(struct flow_policy_reader *reader, uint32_t spec_line)
{
    struct flow_policy_list *list = reader->out;
    struct flow_policy *policy;

    if (list->count == list->room) {
        const size_t room = list->room == 0 ? 16 : list->room * 2;
        struct flow_policy *grown = realloc(list->policies, room * sizeof(*grown));

        if (grown == NULL) {
            flow_fail_memory(reader->context->err);
            return NULL;
        }
        list->policies = grown;
        list->room = room;
    }
    policy = &list->policies[list->count++];
    memset(policy, 0, sizeof(*policy));
    policy->info = reader->info;
    policy->spec_line = spec_line;
    return policy;
}

static void note(struct flow_loader *loader, int level, const struct flow_node *node,
                 const char *format, ...) FLOW_PRINTF(4, 5);

static void
note(struct flow_loader *loader, int level, const struct flow_node *node, const char *format, ...)
{
    struct flow_error error;
    char message[256];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    flow_fail(&error, level == FLOW_NOTE_ERROR ? FLOW_E_INVALID : FLOW_OK, "%s", message);
    flow_error_set_input(&error, loader->context.file);
    if (node != NULL) {
        flow_error_set_place(&error, 0, node->line, node->column);
    }
    flow_notes_add(&loader->policies->notes, level, &error);
}

/* User text in a message: a word as it is, anything else quoted and cut short. */
static const char *
word(struct flow_str user, char *text, size_t size)
{
    bool plain = user.len <= FLOW_QUOTE_BYTES_MAX;

    for (size_t i = 0; plain && i < user.len; i++) {
        plain = user.ptr[i] >= ' ' && user.ptr[i] < 0x7f;
    }
    if (!plain) {
        return flow_quote(user, text, size);
    }
    snprintf(text, size, "%.*s", (int)user.len, user.ptr);
    return text;
}

/* A note for the first document of a kind; the others of it are as clear. */
static void
note_kind(struct flow_loader *loader, const struct flow_node *object, struct flow_str group,
          struct flow_str kind, const char *what)
{
    char key[256];
    const int len =
        snprintf(key, sizeof(key), "%.*s/%.*s", (int)group.len, group.ptr, (int)kind.len, kind.ptr);
    const struct flow_str text = { key, (size_t)len < sizeof(key) ? (size_t)len : 0 };
    char kind_word[WORD_BYTES], group_word[WORD_BYTES];

    if (flow_cache_find(&loader->told, text) != NULL) {
        return;
    }
    if (!flow_cache_put(&loader->told, text, loader)) {
        loader->policies->notes.failed = true;
    } else {
        note(loader, FLOW_NOTE_INFO, object, "%s%s%s %s", word(kind, kind_word, sizeof(kind_word)),
             group.len > 0 ? "." : "", word(group, group_word, sizeof(group_word)), what);
    }
}

/* Puts the rules of an object in place of those of an earlier object of the same name. */
static bool
supersede(struct flow_loader *loader, const struct flow_node *object,
          struct flow_policy_reader *reader)
{
    struct flow_policies *set = loader->policies;
    struct flow_policy_info *grown;
    const void *before;
    char key[800];
    const int len = snprintf(key, sizeof(key), "%u/%s/%s", reader->info.kind,
                             reader->info.namespace_name, reader->info.name);
    const struct flow_str text = { key, (size_t)len < sizeof(key) ? (size_t)len : sizeof(key) - 1 };
    char namespace_word[WORD_BYTES], name_word[WORD_BYTES];
    size_t index = set->info_count;

    before = reader->info.name[0] != '\0' ? flow_cache_find(&loader->objects, text) : NULL;
    if (before != NULL) {
        index = (size_t)((uintptr_t)before - 1);
        note(loader, FLOW_NOTE_WARNING, object,
             "%s %s%s%s stands in %s:%u too, the last one counts",
             flow_policy_kind_name(reader->info.kind),
             word(flow_str_of(reader->info.namespace_name), namespace_word, sizeof(namespace_word)),
             reader->info.namespace_name[0] != '\0' ? "/" : "",
             word(flow_str_of(reader->info.name), name_word, sizeof(name_word)),
             set->infos[index].file, set->infos[index].line);
    } else {
        grown = realloc(set->infos, (set->info_count + 1) * sizeof(*grown));
        if (grown == NULL ||
            !flow_cache_put(&loader->objects, text, (const void *)(uintptr_t)(index + 1))) {
            set->infos = grown != NULL ? grown : set->infos;
            flow_fail_memory(loader->context.err);
            return false;
        }
        set->infos = grown;
        set->info_count++;
    }
    set->infos[index] = reader->info;
    /* specs of the older object stay in the list with an index of nothing, and are dropped */
    for (size_t i = 0; before != NULL && i < set->list.count; i++) {
        if (set->list.policies[i].index == index) {
            set->list.policies[i].index = UINT32_MAX;
        }
    }
    for (size_t i = set->list.count - reader->out->count; i < set->list.count; i++) {
        set->list.policies[i].index = (uint32_t)index;
    }
    return true;
}

/* Copies an object's policies behind those of the set. */
static bool
append_policies(struct flow_loader *loader, const struct flow_policy_reader *reader)
{
    struct flow_policy_list *list = &loader->policies->list;
    const size_t need = list->count + reader->out->count;

    if (need > list->room) {
        size_t room = list->room == 0 ? 64 : list->room;
        struct flow_policy *grown;

        while (room < need) {
            room *= 2;
        }
        grown = realloc(list->policies, room * sizeof(*grown));
        if (grown == NULL) {
            flow_fail_memory(loader->context.err);
            return false;
        }
        list->policies = grown;
        list->room = room;
    }
    if (reader->out->count > 0) {
        memcpy(list->policies + list->count, reader->out->policies,
               reader->out->count * sizeof(*list->policies));
    }
    list->count = need;
    return true;
}

static bool
read_identity(struct flow_loader *loader, const struct flow_node *object, bool namespaced,
              struct flow_policy_reader *reader)
{
    const struct flow_node *metadata;
    struct flow_str name = FLOW_STR("");
    struct flow_str namespace_name = FLOW_STR("");

    if (!flow_field_map(&loader->context, object, "metadata", &metadata) ||
        !flow_field_text_member(&loader->context, metadata, "name", &name, NULL) ||
        (namespaced && !flow_field_text_member(&loader->context, metadata, "namespace",
                                               &namespace_name, &reader->placeholder))) {
        return false;
    }
    if (name.len == 0 && flow_field(metadata, "generateName") == NULL) {
        return flow_field_refuse(&loader->context, metadata != NULL ? metadata : object,
                                 "expected metadata.name, found none");
    }
    if (namespaced && namespace_name.len == 0) {
        namespace_name = flow_str_of(loader->context.default_namespace);
    }
    reader->info.name = name.ptr;
    reader->info.namespace_name = namespace_name.ptr;
    reader->info.file = loader->context.file;
    reader->info.line = object->line;
    return true;
}

static bool
load_policy(struct flow_loader *loader, const struct flow_node *object, size_t which)
{
    struct flow_policy_list list = { NULL, 0, 0 };
    struct flow_policy_reader reader = {
        .context = &loader->context,
        .engine = loader->policies->engine,
        .info = { .kind = policy_kinds[which].policy_kind },
        .out = &list,
        .regexes = &loader->policies->regexes,
    };
    const bool ok =
        read_identity(loader, object,
                      reader.info.kind == FLOW_POLICY_KNP || reader.info.kind == FLOW_POLICY_CNP,
                      &reader) &&
        policy_kinds[which].read(&reader, object) && append_policies(loader, &reader) &&
        supersede(loader, object, &reader);

    free(list.policies);
    return ok;
}

/* A policy of a kind that is not modelled may select anything in its scope and say anything. */
static bool
load_unmodelled(struct flow_loader *loader, const struct flow_node *object, bool namespaced)
{
    struct flow_policy_list list = { NULL, 0, 0 };
    struct flow_policy_reader reader = {
        .context = &loader->context,
        .engine = loader->policies->engine,
        .info = { .kind = FLOW_POLICY_FOREIGN },
        .out = &list,
        .regexes = &loader->policies->regexes,
    };
    struct flow_selector_draft draft = { .arena = loader->context.arena };
    struct flow_policy *policy;
    bool ok = read_identity(loader, object, namespaced, &reader);

    policy = ok ? flow_policy_list_add(&reader, object->line) : NULL;
    if (policy != NULL) {
        policy->why = FLOW_UNDECIDED_UNMODELLED;
        policy->tier = FLOW_TIER_NORMAL;
        policy->index = UINT32_MAX - 1;
        /* in a namespace that is a placeholder it may select any pod */
        ok = !namespaced || reader.placeholder ||
             flow_selector_add_equal(&draft, FLOW_STR("k8s"), FLOW_STR(FLOW_NAMESPACE_KEY),
                                     flow_str_of(reader.info.namespace_name));
        policy->subject = flow_selector_seal(&draft);
        if (!ok) {
            flow_fail_memory(loader->context.err);
        }
        /* no object in force stands behind it: it decides nothing */
        ok = ok && append_policies(loader, &reader);
    }
    free(list.policies);
    return ok && policy != NULL;
}

static struct flow_str
group_of(const struct flow_node *object)
{
    const struct flow_node *version = flow_field(object, "apiVersion");
    const char *slash;

    if (version == NULL || version->type != FLOW_NODE_SCALAR) {
        return FLOW_STR("");
    }
    slash = memchr(version->text.ptr, '/', version->text.len);
    return (struct flow_str){ version->text.ptr,
                              slash != NULL ? (size_t)(slash - version->text.ptr) : 0 };
}

static void load_object(struct flow_loader *loader, const struct flow_node *object,
                        struct flow_str list_group, struct flow_str list_kind, unsigned depth);

/* The items of a List; those of a typed list may lack their own kind. */
static void
load_items(struct flow_loader *loader, const struct flow_node *object, struct flow_str group,
           struct flow_str kind, unsigned depth)
{
    const struct flow_node *items = flow_field(object, "items");
    const struct flow_str item_kind = { kind.ptr, kind.len - 4 };
    char kind_word[WORD_BYTES];

    if (items->type != FLOW_NODE_LIST) {
        note(loader, FLOW_NOTE_ERROR, items, "expected a list at items of a %s",
             word(kind, kind_word, sizeof(kind_word)));
        return;
    }
    for (size_t i = 0; i < items->count; i++) {
        load_object(loader, items->items[i], group, item_kind, depth + 1);
    }
}

/* The object failed: its error becomes a note. What names no place in it is about all of it. */
static void
told_error(struct flow_loader *loader, const struct flow_node *object)
{
    struct flow_error *err = loader->context.err;

    if (err->line == 0) {
        flow_error_set_input(err, loader->context.file);
        flow_error_set_place(err, 0, object->line, object->column);
    }
    flow_notes_add(&loader->policies->notes, FLOW_NOTE_ERROR, err);
}

/* Kinds that the engine does not know are objects without effect in its clusters. */
static bool
is_enforced(const struct flow_engine *engine, uint8_t kind)
{
    switch (kind) {
    case FLOW_POLICY_ANP:
    case FLOW_POLICY_BANP:
        return engine->admin;
    case FLOW_POLICY_KCNP:
        return engine->cluster_network;
    case FLOW_POLICY_CNP:
    case FLOW_POLICY_CCNP:
        return engine->cilium;
    default:
        return true;
    }
}

/* True when the object is a policy, good or bad. */
static bool
try_policy(struct flow_loader *loader, const struct flow_node *object, struct flow_str group,
           struct flow_str kind)
{
    for (size_t i = 0; i < sizeof(policy_kinds) / sizeof(policy_kinds[0]); i++) {
        if (flow_str_is(group, policy_kinds[i].group) && flow_str_is(kind, policy_kinds[i].kind)) {
            if (loader->snapshot) {
                note_kind(loader, object, group, kind,
                          "in a snapshot is no policy in force, give it with -f");
            } else if (!is_enforced(loader->policies->engine, policy_kinds[i].policy_kind)) {
                note_kind(loader, object, group, kind, "is not enforced by this engine, no effect");
            } else if (!load_policy(loader, object, i)) {
                told_error(loader, object);
            }
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(unmodelled_kinds) / sizeof(unmodelled_kinds[0]); i++) {
        if (flow_str_is(group, unmodelled_kinds[i].group) &&
            flow_str_is(kind, unmodelled_kinds[i].kind)) {
            if (!loader->snapshot) {
                note_kind(loader, object, group, kind,
                          "is not modelled: what it may select is undecidable");
                if (!load_unmodelled(loader, object, unmodelled_kinds[i].namespaced)) {
                    told_error(loader, object);
                }
            }
            return true;
        }
    }
    return false;
}

/* The agent's settings, as the ConfigMap cilium-config has them; others in it are passed over. */
static void
load_settings(struct flow_loader *loader, const struct flow_node *object)
{
    struct flow_policies *set = loader->policies;
    const struct flow_node *data = flow_node_get(object, "data");

    if (data == NULL || data->type != FLOW_NODE_MAP) {
        note(loader, FLOW_NOTE_WARNING, data != NULL ? data : object,
             "expected a map at data of ConfigMap cilium-config, found %s",
             data != NULL ? flow_node_type_name(data) : "none");
        return;
    }
    if (loader->configured) {
        note(loader, FLOW_NOTE_WARNING, object,
             "expected one ConfigMap cilium-config, found another; what it sets counts");
    }
    loader->configured = true;
    for (size_t i = 0; i < data->count; i++) {
        const struct flow_node *value = data->pairs[i].value;
        struct flow_error error;
        struct flow_str text;
        int rc;

        if (value->type != FLOW_NODE_SCALAR) {
            if (flow_settings_has(data->pairs[i].key->text)) {
                note(loader, FLOW_NOTE_WARNING, value, "expected text at %s, found %s",
                     data->pairs[i].key->text.ptr, flow_node_type_name(value));
            }
            continue;
        }
        text = flow_arena_str(&set->arena, value->text);
        rc = text.ptr != NULL
                 ? flow_settings_set(&set->settings, data->pairs[i].key->text, text, &error)
                 : FLOW_E_MEMORY;
        if (rc == FLOW_E_MEMORY) {
            set->notes.failed = true;
        } else if (rc < 0) {
            note(loader, FLOW_NOTE_WARNING, value, "%s", error.message);
        } else if (rc == FLOW_OK) {
            note(loader, FLOW_NOTE_INFO, value, "setting %s is taken from ConfigMap cilium-config",
                 data->pairs[i].key->text.ptr);
        }
    }
}

static bool
is_agent_config(const struct flow_node *object, struct flow_str group, struct flow_str kind)
{
    const struct flow_node *name = flow_field(flow_field(object, "metadata"), "name");

    return group.len == 0 && flow_str_is(kind, "ConfigMap") && name != NULL &&
           name->type == FLOW_NODE_SCALAR && flow_str_is(name->text, "cilium-config");
}

static void
load_object(struct flow_loader *loader, const struct flow_node *object, struct flow_str list_group,
            struct flow_str list_kind, unsigned depth)
{
    const struct flow_node *kind_node = flow_field(object, "kind");
    struct flow_str group =
        flow_field(object, "apiVersion") != NULL ? group_of(object) : list_group;
    struct flow_str kind =
        kind_node != NULL && kind_node->type == FLOW_NODE_SCALAR ? kind_node->text : list_kind;
    int rc;

    if (object->type != FLOW_NODE_MAP || kind.len == 0) {
        note_kind(loader, object, FLOW_STR(""), FLOW_STR("a document without kind"),
                  "is passed over");
        return;
    }
    /* other kinds end so too, and lists without items are as good as no document */
    if (kind.len >= 4 && memcmp(kind.ptr + kind.len - 4, "List", 4) == 0 && depth < 8 &&
        flow_field(object, "items") != NULL) {
        load_items(loader, object, group, kind, depth);
        return;
    }
    if (try_policy(loader, object, group, kind)) {
        return;
    }
    if (loader->policies->engine->cilium && is_agent_config(object, group, kind)) {
        load_settings(loader, object);
        return;
    }
    rc = flow_inventory_add(&loader->policies->inventory, &loader->context, group, kind, object);
    if (rc == FLOW_END) {
        note_kind(loader, object, group, kind, "is no policy and no inventory, passed over");
    } else if (rc != FLOW_OK) {
        told_error(loader, object);
    }
}

void
flow_load_document(struct flow_loader *loader, const struct flow_node *root)
{
    load_object(loader, root, FLOW_STR(""), FLOW_STR(""), 0);
}
