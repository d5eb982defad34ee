/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cilium.io/v2 CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy: spec and specs, subjects,
 * sections and default deny. One bad rule refuses the whole object, as the agent does.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "libflow/classifier.h"
#include "policy/read.h"

static const char *const policy_members[] = { "apiVersion", "kind",   "metadata", "spec",
                                              "specs",      "status", NULL };
static const char *const rule_members[] = {
    "endpointSelector",  "nodeSelector", "ingress",     "ingressDeny", "egress", "egressDeny",
    "enableDefaultDeny", "labels",       "description", "log",         NULL,
};

static const struct {
    const char *name;
    uint8_t direction;
    bool deny;
} sections[] = {
    { "ingress", FLOW_DIRECTION_INGRESS, false },
    { "ingressDeny", FLOW_DIRECTION_INGRESS, true },
    { "egress", FLOW_DIRECTION_EGRESS, false },
    { "egressDeny", FLOW_DIRECTION_EGRESS, true },
};

enum { LOG_MAX = 32 };
enum { SECTION_COUNT = sizeof(sections) / sizeof(sections[0]) };

static const char *const item_members[SECTION_COUNT][16] = {
    { "fromEndpoints", "fromNodes", "fromEntities", "fromCIDR", "fromCIDRSet", "fromGroups",
      "fromRequires", "toPorts", "icmps", "authentication", NULL },
    { "fromEndpoints", "fromNodes", "fromEntities", "fromCIDR", "fromCIDRSet", "fromGroups",
      "fromRequires", "toPorts", "icmps", NULL },
    { "toEndpoints", "toNodes", "toEntities", "toCIDR", "toCIDRSet", "toGroups", "toServices",
      "toFQDNs", "toRequires", "toPorts", "icmps", "authentication", NULL },
    { "toEndpoints", "toNodes", "toEntities", "toCIDR", "toCIDRSet", "toGroups", "toServices",
      "toRequires", "toPorts", "icmps", NULL },
};

bool
flow_policy_map(struct flow_policy_reader *reader, const struct flow_node *map, const char *key,
                const struct flow_node **member)
{
    *member = map != NULL ? flow_node_get(map, key) : NULL;
    return *member == NULL || flow_field_is_map(reader->context, *member, key);
}

/* Whether a selector speaks of reserved:init, which lifts the namespace off its peers. */
static bool
selects_init(const struct flow_selector_draft *draft)
{
    for (size_t i = 0; i < draft->count; i++) {
        if (flow_str_is(draft->requirements[i].source, "reserved") &&
            flow_str_is(draft->requirements[i].key, "init")) {
            return true;
        }
    }
    return false;
}

/*
 * The subject's namespace is the policy's: one written with the k8s prefix gives way to it with a
 * warning, one written without stays beside it and then selects nothing.
 */
static bool
scope_subject(struct flow_policy_reader *reader, const struct flow_node *selector,
              struct flow_selector_draft *draft)
{
    size_t kept = 0;

    if (reader->info.kind == FLOW_POLICY_CCNP || reader->placeholder) {
        return true;
    }
    for (size_t i = 0; i < draft->count; i++) {
        if (flow_str_is(draft->requirements[i].source, "k8s") &&
            flow_str_is(draft->requirements[i].key, FLOW_NAMESPACE_KEY)) {
            flow_field_warn(reader->context, selector,
                            "a namespace in endpointSelector gives way to the policy's own");
        } else {
            draft->requirements[kept++] = draft->requirements[i];
        }
    }
    draft->count = kept;
    if (!flow_selector_add_equal(draft, FLOW_STR("k8s"), FLOW_STR(FLOW_NAMESPACE_KEY),
                                 flow_str_of(reader->info.namespace_name))) {
        flow_fail_memory(reader->context->err);
        return false;
    }
    return true;
}

static bool
read_subject(struct flow_policy_reader *reader, const struct flow_node *spec,
             struct flow_policy *policy, bool *init)
{
    struct flow_selector_draft draft = { .arena = reader->context->arena };
    const struct flow_node *endpoints, *nodes;

    if (!flow_policy_map(reader, spec, "endpointSelector", &endpoints) ||
        !flow_policy_map(reader, spec, "nodeSelector", &nodes)) {
        return false;
    }
    if (nodes != NULL && reader->info.kind == FLOW_POLICY_CNP) {
        return flow_field_refuse(reader->context, nodes,
                                 "expected endpointSelector in a CiliumNetworkPolicy, found "
                                 "nodeSelector");
    }
    if ((endpoints != NULL) == (nodes != NULL)) {
        return flow_field_refuse(reader->context, spec,
                                 "expected one of endpointSelector and nodeSelector, found %s",
                                 endpoints != NULL ? "both" : "none");
    }
    policy->selects_nodes = reader->selects_nodes = nodes != NULL;
    if (!flow_selector_read(reader->context, nodes != NULL ? nodes : endpoints, FLOW_KEYS_CILIUM,
                            &draft) ||
        !scope_subject(reader, endpoints, &draft)) {
        return false;
    }
    if (reader->placeholder) {
        policy->why |= FLOW_UNDECIDED_PLACEHOLDER;
    }
    *init = selects_init(&draft);
    policy->subject = flow_selector_seal(&draft);
    return true;
}

/* enableDefaultDeny: whether each direction isolates, told or by having rules. */
static bool
read_default_deny(struct flow_policy_reader *reader, const struct flow_node *spec,
                  struct flow_policy *policy)
{
    static const char *const members[] = { "ingress", "egress", NULL };
    const struct flow_node *map;

    policy->isolates[FLOW_DIRECTION_INGRESS] = policy->speaks[FLOW_DIRECTION_INGRESS];
    policy->isolates[FLOW_DIRECTION_EGRESS] = policy->speaks[FLOW_DIRECTION_EGRESS];
    if (!flow_policy_map(reader, spec, "enableDefaultDeny", &map)) {
        return false;
    }
    if (map == NULL) {
        return true;
    }
    flow_field_only(reader->context, map, "enableDefaultDeny", members);
    for (size_t i = 0; i < 2; i++) {
        const uint8_t direction = i == 0 ? FLOW_DIRECTION_INGRESS : FLOW_DIRECTION_EGRESS;
        const struct flow_node *node = flow_field(map, members[i]);
        bool enabled = true;

        if (node != NULL &&
            !flow_field_boolean(reader->context, node, "enableDefaultDeny", &enabled)) {
            return false;
        }
        /* true without rules of that direction has no effect */
        policy->isolates[direction] &= enabled;
    }
    return true;
}

static bool
read_authentication(struct flow_policy_reader *reader, const struct flow_node *item,
                    struct flow_rule *rule)
{
    static const char *const modes[] = { "disabled", "required", "test-always-fail" };
    const struct flow_node *map, *mode;

    if (!flow_policy_map(reader, item, "authentication", &map)) {
        return false;
    }
    mode = flow_field(map, "mode");
    for (size_t i = 0; mode != NULL && i < 3; i++) {
        if (mode->type == FLOW_NODE_SCALAR && flow_str_is(mode->text, modes[i])) {
            rule->auth = (uint8_t)(FLOW_AUTH_DISABLED + i);
            return true;
        }
    }
    return map == NULL || flow_field_fail(reader->context, mode != NULL ? mode : map,
                                          "disabled, required or test-always-fail at mode");
}

static bool
read_item(struct flow_policy_reader *reader, const struct flow_node *item, size_t section,
          bool init, struct flow_rule *rule)
{
    const bool deny = sections[section].deny;

    if (!flow_field_is_map(reader->context, item, sections[section].name)) {
        return false;
    }
    flow_field_only(reader->context, item, sections[section].name, item_members[section]);
    rule->direction = sections[section].direction;
    rule->deny = deny;
    rule->line = item->line;
    return flow_cilium_read_peers(reader, item, init, rule) &&
           flow_cilium_read_ports(reader, item, deny, rule) &&
           (deny || read_authentication(reader, item, rule));
}

static bool
count_rules(struct flow_policy_reader *reader, const struct flow_node *spec,
            struct flow_policy *policy, size_t *count)
{
    const struct flow_node *list;

    *count = 0;
    for (size_t s = 0; s < SECTION_COUNT; s++) {
        if (!flow_field_list(reader->context, spec, sections[s].name, &list)) {
            return false;
        }
        if (list != NULL && list->count > 0) {
            *count += list->count;
            policy->speaks[sections[s].direction] = true;
        }
    }
    if (*count == 0) {
        return flow_field_refuse(reader->context, spec,
                                 "expected a rule in ingress, ingressDeny, egress or egressDeny, "
                                 "found none");
    }
    return true;
}

/* What says nothing of traffic, and still has to be right for the object to be taken. */
static bool
check_metadata(struct flow_policy_reader *reader, const struct flow_node *spec)
{
    struct flow_str text = { NULL, 0 };
    const struct flow_node *labels, *log;
    size_t count = 0;

    if (!flow_field_list(reader->context, spec, "labels", &labels) ||
        !flow_field_text_member(reader->context, spec, "description", &text, NULL) ||
        !flow_policy_map(reader, spec, "log", &log)) {
        return false;
    }
    text = FLOW_STR("");
    if (!flow_field_text_member(reader->context, log, "value", &text, NULL)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80; /* bytes that begin a character */
    }
    return count <= LOG_MAX || flow_field_fail(reader->context, flow_field(log, "value"),
                                               "at most %d characters at log.value", LOG_MAX);
}

static bool
read_spec(struct flow_policy_reader *reader, const struct flow_node *spec, const char *prefix)
{
    struct flow_policy *policy;
    const struct flow_node *list;
    bool init = false;
    char section[64];
    size_t count;

    flow_field_only(reader->context, spec, "spec", rule_members);
    if (!check_metadata(reader, spec)) {
        return false;
    }
    reader->open = false;
    policy = flow_policy_list_add(reader, spec->line);
    if (policy != NULL) {
        policy->tier = FLOW_TIER_NORMAL;
    }
    if (policy == NULL || !count_rules(reader, spec, policy, &count) ||
        !read_subject(reader, spec, policy, &init) || !read_default_deny(reader, spec, policy)) {
        return false;
    }
    policy->rules = flow_policy_array(reader, count, sizeof(*policy->rules));
    if (policy->rules == NULL) {
        return false;
    }
    for (size_t s = 0; s < SECTION_COUNT; s++) {
        list = flow_field(spec, sections[s].name);
        snprintf(section, sizeof(section), "%s%s", prefix, sections[s].name);
        for (size_t i = 0; list != NULL && i < list->count; i++) {
            struct flow_rule *rule = &policy->rules[policy->rule_count++];

            rule->name = flow_policy_rule_name(reader, section, i);
            if (rule->name.ptr == NULL || !read_item(reader, list->items[i], s, init, rule)) {
                return false;
            }
        }
    }
    policy->why |= reader->open ? FLOW_UNDECIDED_UNMODELLED : 0;
    policy->nodes_line = reader->nodes_line;
    policy->nodes_column = reader->nodes_column;
    return true;
}

bool
flow_policy_read_cilium(struct flow_policy_reader *reader, const struct flow_node *object)
{
    const struct flow_node *spec, *specs;
    char prefix[32];

    flow_field_only(reader->context, object, flow_policy_kind_name(reader->info.kind),
                    policy_members);
    if (!flow_policy_map(reader, object, "spec", &spec) ||
        !flow_field_list(reader->context, object, "specs", &specs)) {
        return false;
    }
    if (spec == NULL && (specs == NULL || specs->count == 0)) {
        return flow_field_refuse(reader->context, object, "expected spec or specs, found none");
    }
    if (spec != NULL && !read_spec(reader, spec, "")) {
        return false;
    }
    for (size_t i = 0; specs != NULL && i < specs->count; i++) {
        snprintf(prefix, sizeof(prefix), "specs[%zu].", i);
        if (!flow_field_is_map(reader->context, specs->items[i], "specs[]") ||
            !read_spec(reader, specs->items[i], prefix)) {
            return false;
        }
    }
    return true;
}
