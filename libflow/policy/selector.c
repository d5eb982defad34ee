/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LabelSelector as the API has it, in three-valued logic: a key that is there decides, a key that
 * is not decides only when all labels of its kind are known.
 */
#include "policy/selector.h"

#include <string.h>

#include "base/str.h"

bool
flow_selector_add(struct flow_selector_draft *draft, struct flow_requirement requirement)
{
    if (draft->count == draft->room) {
        const size_t room = draft->room == 0 ? 4 : draft->room * 2;
        struct flow_requirement *grown = flow_arena_array(draft->arena, room, sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        if (draft->count > 0) {
            memcpy(grown, draft->requirements, draft->count * sizeof(*grown));
        }
        draft->requirements = grown;
        draft->room = room;
    }
    draft->requirements[draft->count++] = requirement;
    return true;
}

bool
flow_selector_add_equal(struct flow_selector_draft *draft, struct flow_str source,
                        struct flow_str key, struct flow_str value)
{
    struct flow_requirement requirement = { .source = source, .key = key, .op = FLOW_OP_IN };

    requirement.values = flow_arena_array(draft->arena, 1, sizeof(*requirement.values));
    if (requirement.values == NULL) {
        return false;
    }
    requirement.values[0] = value;
    requirement.value_count = 1;
    return flow_selector_add(draft, requirement);
}

struct flow_selector
flow_selector_seal(const struct flow_selector_draft *draft)
{
    return (struct flow_selector){ draft->requirements, draft->count };
}

static bool
is_label_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A name or value of a label: letters, digits, '-', '_', '.', the ends letters or digits. */
static bool
is_label_text(struct flow_str text, bool may_be_empty)
{
    if (text.len == 0) {
        return may_be_empty;
    }
    if (text.len > 63 || !is_label_byte(text.ptr[0]) || !is_label_byte(text.ptr[text.len - 1])) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_label_byte(text.ptr[i]) && strchr("-_.", text.ptr[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* "prefix/name" or "name". */
static bool
is_label_key(struct flow_str key)
{
    const char *slash = memrchr(key.ptr, '/', key.len);

    if (slash != NULL) {
        const size_t len = (size_t)(slash - key.ptr);

        return len > 0 && len <= 253 && memchr(key.ptr, '/', len) == NULL &&
               is_label_text(flow_str_from(key, len + 1), false);
    }
    return is_label_text(key, false);
}

/* The key as identities have it. */
static bool
take_key(struct flow_fields_context *context, const struct flow_node *node, struct flow_str text,
         enum flow_key_form form, struct flow_requirement *requirement)
{
    const char *colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
    struct flow_str key = text;

    requirement->source = FLOW_STR("");
    if (form == FLOW_KEYS_CILIUM && colon != NULL) {
        requirement->source = (struct flow_str){ text.ptr, (size_t)(colon - text.ptr) };
        key = flow_str_from(text, requirement->source.len + 1);
        if (flow_str_is(requirement->source, "any")) {
            requirement->source = FLOW_STR("");
        }
    } else if (form == FLOW_KEYS_CILIUM && text.len > 1 && text.ptr[0] == '$') {
        requirement->source = FLOW_STR("reserved");
        key = flow_str_from(text, 1);
    } else if (form == FLOW_KEYS_POD || form == FLOW_KEYS_NAMESPACE) {
        requirement->source = FLOW_STR("k8s");
    }
    if (!requirement->placeholder && !is_label_key(key) &&
        (requirement->source.len == 0 || flow_str_is(requirement->source, "k8s"))) {
        return flow_field_fail(context, node, "a label key");
    }
    requirement->key = key;
    if (form == FLOW_KEYS_NAMESPACE) {
        char *joined =
            flow_arena_alloc(context->arena, sizeof(FLOW_NAMESPACE_LABELS_KEY) + key.len);

        if (joined == NULL) {
            flow_fail_memory(context->err);
            return false;
        }
        memcpy(joined, FLOW_NAMESPACE_LABELS_KEY, sizeof(FLOW_NAMESPACE_LABELS_KEY) - 1);
        memcpy(joined + sizeof(FLOW_NAMESPACE_LABELS_KEY) - 1, key.ptr, key.len);
        requirement->key =
            (struct flow_str){ joined, sizeof(FLOW_NAMESPACE_LABELS_KEY) - 1 + key.len };
    }
    return true;
}

static bool
take_value(struct flow_fields_context *context, const struct flow_node *node,
           struct flow_str *value, bool *placeholder)
{
    *value = FLOW_STR("");
    if (node->type == FLOW_NODE_NULL) {
        return true; /* the API server turns null into the empty value */
    }
    if (!flow_field_text(context, node, "a label's value", value, placeholder)) {
        return false;
    }
    return *placeholder || is_label_text(*value, true) ||
           flow_field_fail(context, node, "a label value");
}

static bool
read_match_labels(struct flow_fields_context *context, const struct flow_node *map,
                  enum flow_key_form form, struct flow_selector_draft *draft)
{
    for (size_t i = 0; i < map->count; i++) {
        struct flow_requirement requirement = { .op = FLOW_OP_IN, .value_count = 1 };
        struct flow_str key;

        requirement.values = flow_arena_array(context->arena, 1, sizeof(*requirement.values));
        key = flow_arena_str(context->arena, map->pairs[i].key->text);
        if (requirement.values == NULL || key.ptr == NULL) {
            flow_fail_memory(context->err);
            return false;
        }
        requirement.placeholder = memmem(key.ptr, key.len, "${", 2) != NULL;
        if (!take_key(context, map->pairs[i].key, key, form, &requirement) ||
            !take_value(context, map->pairs[i].value, &requirement.values[0],
                        &requirement.placeholder)) {
            return false;
        }
        if (!flow_selector_add(draft, requirement)) {
            flow_fail_memory(context->err);
            return false;
        }
    }
    return true;
}

#define OPERATORS "In, NotIn, Exists or DoesNotExist at operator"

static bool
read_operator(struct flow_fields_context *context, const struct flow_node *node,
              const struct flow_node *values, struct flow_requirement *requirement)
{
    static const struct {
        const char *name;
        uint8_t op;
        bool needs_values;
    } operators[] = {
        { "In", FLOW_OP_IN, true },
        { "NotIn", FLOW_OP_NOT_IN, true },
        { "Exists", FLOW_OP_EXISTS, false },
        { "DoesNotExist", FLOW_OP_NOT_EXISTS, false },
    };
    const size_t count = values != NULL ? values->count : 0;

    for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (node->type != FLOW_NODE_SCALAR || !flow_str_is(node->text, operators[i].name)) {
            continue;
        }
        requirement->op = operators[i].op;
        if (operators[i].needs_values != (count > 0)) {
            return flow_field_refuse(context, values != NULL ? values : node,
                                     operators[i].needs_values
                                         ? "expected values for operator %s, found none"
                                         : "expected no values for operator %s, found some",
                                     operators[i].name);
        }
        return true;
    }
    return flow_field_fail(context, node, OPERATORS);
}

static bool
read_expression(struct flow_fields_context *context, const struct flow_node *node,
                enum flow_key_form form, struct flow_selector_draft *draft)
{
    static const char *const members[] = { "key", "operator", "values", NULL };
    struct flow_requirement requirement = { .op = FLOW_OP_IN };
    const struct flow_node *key_node, *operator, * values;
    struct flow_str key = { NULL, 0 };

    if (!flow_field_is_map(context, node, "matchExpressions[]")) {
        return false;
    }
    flow_field_only(context, node, "matchExpressions[]", members);
    if (!flow_field_list(context, node, "values", &values) ||
        !flow_field_need(context, node, "key", "a string at matchExpressions[].key", &key_node) ||
        !flow_field_need(context, node, "operator", OPERATORS, &operator) ||
        !flow_field_text(context, key_node, "matchExpressions[].key", &key,
                         &requirement.placeholder) ||
        !take_key(context, key_node, key, form, &requirement) ||
        !read_operator(context, operator, values, &requirement)) {
        return false;
    }
    requirement.value_count = values != NULL ? values->count : 0;
    requirement.values =
        flow_arena_array(context->arena, requirement.value_count, sizeof(*requirement.values));
    if (requirement.values == NULL) {
        flow_fail_memory(context->err);
        return false;
    }
    for (size_t i = 0; i < requirement.value_count; i++) {
        if (!take_value(context, values->items[i], &requirement.values[i],
                        &requirement.placeholder)) {
            return false;
        }
    }
    if (!flow_selector_add(draft, requirement)) {
        flow_fail_memory(context->err);
        return false;
    }
    return true;
}

bool
flow_selector_read(struct flow_fields_context *context, const struct flow_node *map,
                   enum flow_key_form form, struct flow_selector_draft *draft)
{
    static const char *const members[] = { "matchLabels", "matchExpressions", NULL };
    const struct flow_node *labels, *expressions;

    flow_field_only(context, map, "a selector", members);
    if (form == FLOW_KEYS_CILIUM && flow_field_present(map, "matchLabels") &&
        flow_field(map, "matchLabels") == NULL) {
        /* the schema of a custom resource refuses null for a map */
        return flow_field_fail(context, flow_node_get(map, "matchLabels"), "a map at matchLabels");
    }
    if (!flow_field_map(context, map, "matchLabels", &labels) ||
        !flow_field_list(context, map, "matchExpressions", &expressions) ||
        (labels != NULL && !read_match_labels(context, labels, form, draft))) {
        return false;
    }
    for (size_t i = 0; expressions != NULL && i < expressions->count; i++) {
        if (!read_expression(context, expressions->items[i], form, draft)) {
            return false;
        }
    }
    return true;
}

static bool
has_value(const struct flow_requirement *requirement, struct flow_str value)
{
    for (size_t i = 0; i < requirement->value_count; i++) {
        if (flow_str_equal(requirement->values[i], value)) {
            return true;
        }
    }
    return false;
}

/* The answer for a label that is there, or (present false) is known not to be. */
static bool
holds(const struct flow_requirement *requirement, bool present, struct flow_str value)
{
    switch (requirement->op) {
    case FLOW_OP_IN:
        return present && has_value(requirement, value);
    case FLOW_OP_NOT_IN:
        return !present || !has_value(requirement, value);
    case FLOW_OP_EXISTS:
        return present;
    case FLOW_OP_NOT_EXISTS:
        return !present;
    default:
        return true;
    }
}

static const struct flow_label *
find(const struct flow_requirement *requirement, const struct flow_label_set *set)
{
    uint32_t low = 0;
    uint32_t high = set->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;

        if (flow_str_compare(set->labels[middle].key, requirement->key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < set->count && flow_str_equal(set->labels[low].key, requirement->key); low++) {
        if (requirement->source.len == 0 ||
            flow_str_equal(set->labels[low].source, requirement->source)) {
            return &set->labels[low];
        }
    }
    return NULL;
}

/* Whether a key that is not among a party's labels is known not to exist. */
static bool
knows_absence(const struct flow_party *party, const struct flow_requirement *requirement)
{
    const struct flow_str key = requirement->key;

    if (party->as_identity && flow_label_filter_drops(party->filter, key)) {
        return true;
    }
    if (party->class != FLOW_PARTY_POD && party->class != FLOW_PARTY_UNKNOWN &&
        party->class != FLOW_PARTY_SERVICE) {
        return !flow_str_is(requirement->source, "reserved") ||
               (!(party->any_node &&
                  (flow_str_is(key, "host") || flow_str_is(key, "remote-node"))) &&
                !(party->may_serve_api && flow_str_is(key, "kube-apiserver")));
    }
    if (flow_str_starts(key, FLOW_STR(FLOW_NAMESPACE_LABELS_KEY))) {
        return party->namespace_labels_known;
    }
    if (!party->labels_known) {
        /* what is a pod is nothing reserved, and what has a namespace is a pod */
        return party->class == FLOW_PARTY_POD && flow_str_is(requirement->source, "reserved");
    }
    if (party->template && flow_label_is_runtime(key)) {
        return false;
    }
    return party->stripped_known || !flow_label_filter_drops(party->filter, key);
}

/* Pods alone carry the name of their cluster. */
static struct flow_tri
match_cluster(const struct flow_party *party, struct flow_str local_cluster)
{
    if (local_cluster.ptr == NULL) {
        return flow_tri_of(true);
    }
    if (party->class == FLOW_PARTY_UNKNOWN || party->class == FLOW_PARTY_SERVICE) {
        return flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS);
    }
    return flow_tri_of(party->class == FLOW_PARTY_POD &&
                       (!party->cluster_told || flow_str_equal(party->cluster, local_cluster)));
}

static struct flow_tri
match_one(const struct flow_requirement *requirement, const struct flow_party *party,
          struct flow_str local_cluster)
{
    const struct flow_label *label;

    if (requirement->op == FLOW_OP_LOCAL_CLUSTER) {
        return match_cluster(party, local_cluster);
    }
    label = find(requirement, party->labels);
    if (requirement->placeholder) {
        return flow_tri_maybe(FLOW_UNDECIDED_PLACEHOLDER);
    }
    if (label == NULL && !knows_absence(party, requirement)) {
        return flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS);
    }
    return flow_tri_of(
        holds(requirement, label != NULL, label != NULL ? label->value : FLOW_STR("")));
}

struct flow_tri
flow_selector_match(const struct flow_selector *selector, const struct flow_party *party,
                    struct flow_str local_cluster)
{
    struct flow_tri all = flow_tri_of(true);

    for (size_t i = 0; i < selector->count && all.truth != FLOW_FALSE; i++) {
        all = flow_tri_and(all, match_one(&selector->requirements[i], party, local_cluster));
    }
    return all;
}

bool
flow_selector_match_labels(const struct flow_selector *selector, const struct flow_pair *labels,
                           size_t count)
{
    for (size_t i = 0; i < selector->count; i++) {
        const struct flow_requirement *requirement = &selector->requirements[i];
        const struct flow_pair *label = NULL;

        for (size_t l = 0; l < count; l++) {
            if (flow_str_equal(labels[l].name, requirement->key)) {
                label = &labels[l];
            }
        }
        if (!holds(requirement, label != NULL, label != NULL ? label->value : FLOW_STR(""))) {
            return false;
        }
    }
    return true;
}
