/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The L3 member of a Cilium rule. A rule has at most one that is not empty; which peers an absent,
 * an empty and a listed member mean differs, and is settled here.
 */
#include <string.h>

#include "base/str.h"
#include "policy/read.h"

typedef bool read_function(struct flow_policy_reader *reader, const struct flow_node *item,
                           bool init, struct flow_peer *peer);

static read_function read_endpoint, read_entity, read_cidr, read_cidr_set, read_fqdn, read_service,
    read_node, read_cloud;

static const struct member {
    const char *name;
    read_function *read;
} ingress_members[] = {
    { "fromEndpoints", read_endpoint },
    { "fromEntities", read_entity },
    { "fromCIDR", read_cidr },
    { "fromCIDRSet", read_cidr_set },
    { "fromNodes", read_node },
    { "fromGroups", read_cloud },
    { NULL, NULL },
};

static const struct member egress_members[] = {
    { "toEndpoints", read_endpoint }, { "toEntities", read_entity }, { "toCIDR", read_cidr },
    { "toCIDRSet", read_cidr_set },   { "toFQDNs", read_fqdn },      { "toServices", read_service },
    { "toNodes", read_node },         { "toGroups", read_cloud },    { NULL, NULL },
};

static const struct {
    const char *name;
    uint8_t entity;
} entities[] = {
    { "all", FLOW_ENTITY_ALL },
    { "world", FLOW_ENTITY_WORLD },
    { "world-ipv4", FLOW_ENTITY_WORLD_V4 },
    { "world-ipv6", FLOW_ENTITY_WORLD_V6 },
    { "host", FLOW_ENTITY_HOST },
    { "remote-node", FLOW_ENTITY_REMOTE_NODE },
    { "kube-apiserver", FLOW_ENTITY_API_SERVER },
    { "ingress", FLOW_ENTITY_INGRESS },
    { "health", FLOW_ENTITY_HEALTH },
    { "init", FLOW_ENTITY_INIT },
    { "unmanaged", FLOW_ENTITY_UNMANAGED },
    { "none", FLOW_ENTITY_NONE },
    { "cluster", FLOW_ENTITY_CLUSTER },
};

static bool
mentions(const struct flow_selector_draft *draft, const char *source, const char *key)
{
    for (size_t i = 0; i < draft->count; i++) {
        const struct flow_requirement *requirement = &draft->requirements[i];

        if ((source == NULL || flow_str_is(requirement->source, source)) &&
            (key == NULL || flow_str_is(requirement->key, key))) {
            return true;
        }
    }
    return false;
}

/* A key in the sources that name Kubernetes labels: k8s, any, or none. */
static bool
mentions_k8s(const struct flow_selector_draft *draft, const char *key)
{
    return mentions(draft, "k8s", key) || mentions(draft, "", key);
}

static bool
mentions_namespace_labels(const struct flow_selector_draft *draft)
{
    for (size_t i = 0; i < draft->count; i++) {
        if (flow_str_starts(draft->requirements[i].key, FLOW_STR(FLOW_NAMESPACE_LABELS_KEY))) {
            return true;
        }
    }
    return false;
}

/* The namespace and cluster that Cilium adds to a peer selector that names none. */
static bool
add_scope(struct flow_policy_reader *reader, bool init, struct flow_selector_draft *draft,
          struct flow_peer *peer)
{
    const struct flow_requirement exists = { .source = FLOW_STR(""),
                                             .key = FLOW_STR(FLOW_NAMESPACE_KEY),
                                             .op = FLOW_OP_EXISTS };
    const struct flow_requirement local = { .op = FLOW_OP_LOCAL_CLUSTER };
    const bool cluster_told = mentions_k8s(draft, FLOW_CLUSTER_KEY);
    bool ok = true;

    if (mentions(draft, "reserved", NULL)) {
        return true;
    }
    if (!mentions_k8s(draft, FLOW_NAMESPACE_KEY)) {
        if (reader->info.kind == FLOW_POLICY_CCNP) {
            ok = init || flow_selector_add(draft, exists);
        } else if (!mentions_namespace_labels(draft)) {
            if (reader->placeholder) {
                peer->why |= FLOW_UNDECIDED_PLACEHOLDER;
            }
            ok = flow_selector_add_equal(draft, FLOW_STR("k8s"), FLOW_STR(FLOW_NAMESPACE_KEY),
                                         flow_str_of(reader->info.namespace_name));
        }
    }
    if (ok && !cluster_told) {
        ok = flow_selector_add(draft, local);
    }
    if (!ok) {
        flow_fail_memory(reader->context->err);
    }
    return ok;
}

static bool
read_endpoint(struct flow_policy_reader *reader, const struct flow_node *item, bool init,
              struct flow_peer *peer)
{
    struct flow_selector_draft draft = { .arena = reader->context->arena };

    peer->kind = FLOW_PEER_SELECTOR;
    if (!flow_field_is_map(reader->context, item, "an endpoint selector") ||
        !flow_selector_read(reader->context, item, FLOW_KEYS_CILIUM, &draft) ||
        !add_scope(reader, init, &draft, peer)) {
        return false;
    }
    peer->selector = flow_selector_seal(&draft);
    return true;
}

static bool
read_entity(struct flow_policy_reader *reader, const struct flow_node *item, bool init,
            struct flow_peer *peer)
{
    bool placeholder = false;
    struct flow_str text;

    (void)init;
    peer->kind = FLOW_PEER_ENTITY;
    if (!flow_field_text(reader->context, item, "an entity", &text, &placeholder)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (flow_str_is(text, entities[i].name)) {
            peer->entity = entities[i].entity;
            return true;
        }
    }
    if (placeholder) {
        peer->kind = FLOW_PEER_OPEN;
        peer->why = FLOW_UNDECIDED_PLACEHOLDER;
        return true;
    }
    return flow_field_fail(reader->context, item, "an entity such as world or cluster");
}

static bool
read_cidr(struct flow_policy_reader *reader, const struct flow_node *item, bool init,
          struct flow_peer *peer)
{
    bool placeholder = false;
    struct flow_str text;

    (void)init;
    peer->kind = FLOW_PEER_CIDR;
    if (!flow_field_text(reader->context, item, "a CIDR", &text, &placeholder)) {
        return false;
    }
    if (placeholder) {
        peer->why = FLOW_UNDECIDED_PLACEHOLDER;
        return true;
    }
    return flow_cidr_parse(&peer->cidr, text, NULL) == FLOW_OK ||
           flow_field_fail(reader->context, item, "a CIDR prefix or an address");
}

static bool
read_group(struct flow_policy_reader *reader, const struct flow_node *name,
           const struct flow_node *selector, struct flow_peer *peer)
{
    struct flow_selector_draft draft = { .arena = reader->context->arena };
    bool placeholder = false;

    peer->kind = FLOW_PEER_GROUP;
    if (name != NULL) {
        if (!flow_field_text(reader->context, name, "cidrGroupRef", &peer->pattern, &placeholder)) {
            return false;
        }
        peer->why = placeholder ? FLOW_UNDECIDED_PLACEHOLDER : 0;
        return true;
    }
    if (!flow_field_is_map(reader->context, selector, "cidrGroupSelector") ||
        !flow_selector_read(reader->context, selector, FLOW_KEYS_CIDR_GROUP, &draft)) {
        return false;
    }
    peer->selector = flow_selector_seal(&draft);
    return true;
}

static bool
read_cidr_set(struct flow_policy_reader *reader, const struct flow_node *item, bool init,
              struct flow_peer *peer)
{
    static const char *const members[] = { "cidr", "cidrGroupRef", "cidrGroupSelector", "except",
                                           NULL };
    const struct flow_node *cidr, *name, *selector;
    size_t given;

    if (!flow_field_is_map(reader->context, item, "a CIDR set")) {
        return false;
    }
    flow_field_only(reader->context, item, "a CIDR set", members);
    cidr = flow_field(item, "cidr");
    name = flow_field(item, "cidrGroupRef");
    selector = flow_field(item, "cidrGroupSelector");
    given = (size_t)(cidr != NULL) + (name != NULL) + (selector != NULL);
    if (given != 1) {
        return flow_field_refuse(reader->context, item,
                                 "expected one of cidr, cidrGroupRef and cidrGroupSelector, "
                                 "found %s",
                                 given == 0 ? "none" : "several");
    }
    if (cidr == NULL) {
        if (!read_group(reader, name, selector, peer)) {
            return false;
        }
    } else if (!read_cidr(reader, cidr, init, peer)) {
        return false;
    } else if (peer->why == 0 && memchr(cidr->text.ptr, '/', cidr->text.len) == NULL &&
               memchr(cidr->text.ptr, '$', cidr->text.len) == NULL) {
        return flow_field_fail(reader->context, cidr, "a CIDR prefix");
    }
    return flow_policy_read_except(reader, item, peer);
}

bool
flow_cilium_is_name(struct flow_str text, bool star)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '_' && c != '.' && !(star && c == '*')) {
            return false;
        }
    }
    return text.len <= 255;
}

static bool
read_fqdn(struct flow_policy_reader *reader, const struct flow_node *item, bool init,
          struct flow_peer *peer)
{
    static const char *const members[] = { "matchName", "matchPattern", NULL };
    bool placeholder = false;

    (void)init;
    peer->kind = FLOW_PEER_FQDN;
    if (!flow_field_is_map(reader->context, item, "toFQDNs[]")) {
        return false;
    }
    flow_field_only(reader->context, item, "toFQDNs[]", members);
    if (flow_field(item, "matchName") != NULL && flow_field(item, "matchPattern") != NULL) {
        return flow_field_refuse(reader->context, item,
                                 "expected one of matchName and matchPattern, found both");
    }
    if (!flow_field_text_member(reader->context, item, "matchName", &peer->pattern, &placeholder)) {
        return false;
    }
    if (!placeholder && peer->pattern.len > 0 && !flow_cilium_is_name(peer->pattern, false)) {
        return flow_field_fail(reader->context, flow_field(item, "matchName"), "a DNS name");
    }
    if (peer->pattern.len == 0 && !flow_field_text_member(reader->context, item, "matchPattern",
                                                          &peer->pattern, &placeholder)) {
        return false;
    }
    if (!placeholder && peer->pattern.len > 0 && !flow_cilium_is_name(peer->pattern, true)) {
        return flow_field_fail(reader->context, flow_field(item, "matchPattern"),
                               "a DNS name pattern");
    }
    peer->why = placeholder ? FLOW_UNDECIDED_PLACEHOLDER : 0;
    return true;
}

/* A name and a namespace; names that a variable is missing from leave the peer open. */
static bool
read_service_name(struct flow_policy_reader *reader, const struct flow_node *map, const char *key,
                  struct flow_peer *peer)
{
    const char *const members[] = { key, "namespace", NULL };
    bool name_open = false, namespace_open = false;

    peer->namespace_name = FLOW_STR("");
    flow_field_only(reader->context, map, "a Service of toServices", members);
    if ((strcmp(key, "serviceName") == 0 &&
         !flow_field_text_member(reader->context, map, key, &peer->pattern, &name_open)) ||
        !flow_field_text_member(reader->context, map, "namespace", &peer->namespace_name,
                                &namespace_open)) {
        return false;
    }
    peer->why = name_open || namespace_open ? FLOW_UNDECIDED_PLACEHOLDER : 0;
    return true;
}

/* A Service by name or by its labels; which pods or addresses that is, the inventory tells. */
static bool
read_service(struct flow_policy_reader *reader, const struct flow_node *item, bool init,
             struct flow_peer *peer)
{
    static const char *const members[] = { "k8sService", "k8sServiceSelector", NULL };
    struct flow_selector_draft draft = { .arena = reader->context->arena };
    const struct flow_node *named, *selected, *selector;

    (void)init;
    peer->kind = FLOW_PEER_SERVICE;
    if (!flow_field_is_map(reader->context, item, "toServices[]")) {
        return false;
    }
    flow_field_only(reader->context, item, "toServices[]", members);
    if (!flow_policy_map(reader, item, "k8sService", &named) ||
        !flow_policy_map(reader, item, "k8sServiceSelector", &selected)) {
        return false;
    }
    if ((named != NULL) == (selected != NULL)) {
        return flow_field_refuse(reader->context, item,
                                 "expected one of k8sService and k8sServiceSelector, found %s",
                                 named != NULL ? "both" : "none");
    }
    if (named != NULL) {
        return read_service_name(reader, named, "serviceName", peer);
    }
    if (!read_service_name(reader, selected, "selector", peer) ||
        !flow_policy_map(reader, selected, "selector", &selector)) {
        return false;
    }
    if (selector == NULL) {
        return flow_field_refuse(reader->context, selected, "expected a selector, found none");
    }
    if (!flow_selector_read(reader->context, selector, FLOW_KEYS_CILIUM, &draft)) {
        return false;
    }
    peer->selector = flow_selector_seal(&draft);
    return true;
}

/* Nodes by their labels. Clusters refuse it unless it is enabled, which is known at the end. */
static bool
read_node(struct flow_policy_reader *reader, const struct flow_node *item, bool init,
          struct flow_peer *peer)
{
    struct flow_selector_draft draft = { .arena = reader->context->arena };

    (void)init;
    peer->kind = FLOW_PEER_NODES;
    peer->remote_nodes = true;
    if (reader->nodes_line == 0) {
        reader->nodes_line = item->line;
        reader->nodes_column = item->column;
    }
    if (!flow_field_is_map(reader->context, item, "a node selector") ||
        !flow_selector_read(reader->context, item, FLOW_KEYS_CILIUM, &draft)) {
        return false;
    }
    peer->selector = flow_selector_seal(&draft);
    return true;
}

/* Groups of a cloud: addresses that only the cloud knows. */
static bool
read_cloud(struct flow_policy_reader *reader, const struct flow_node *item, bool init,
           struct flow_peer *peer)
{
    static const char *const members[] = { "aws", NULL };
    const struct flow_node *aws;

    (void)init;
    peer->kind = FLOW_PEER_CLOUD;
    peer->why = FLOW_UNDECIDED_INVENTORY;
    if (!flow_field_is_map(reader->context, item, "a cloud's group")) {
        return false;
    }
    flow_field_only(reader->context, item, "a cloud's group", members);
    return flow_policy_map(reader, item, "aws", &aws);
}

/* The member of the rule that lists peers: the one not empty, else an empty one, else NULL. */
static bool
find_member(struct flow_policy_reader *reader, const struct flow_node *node,
            const struct member *members, bool deny, const struct member **found,
            const struct flow_node **list)
{
    *found = NULL;
    *list = NULL;
    for (const struct member *member = members; member->name != NULL; member++) {
        const struct flow_node *candidate;

        if (deny && member->read == read_fqdn) {
            continue; /* the schema does not have it, and the API server leaves it out */
        }
        if (!flow_field_list(reader->context, node, member->name, &candidate)) {
            return false;
        }
        if (candidate == NULL || (*list != NULL && candidate->count == 0)) {
            continue;
        }
        if (*list != NULL && (*list)->count > 0) {
            return flow_field_refuse(reader->context, candidate,
                                     "expected one kind of peer in a rule, found %s beside %s",
                                     member->name, (*found)->name);
        }
        *found = member;
        *list = candidate;
    }
    return true;
}

/* A requirement over all rules of an endpoint; Cilium 1.19 refuses it. */
static bool
read_requires(struct flow_policy_reader *reader, const struct flow_node *node, const char *name)
{
    const struct flow_node *list;

    if (!flow_field_list(reader->context, node, name, &list)) {
        return false;
    }
    if (list == NULL || list->count == 0) {
        return true;
    }
    reader->open = true;
    return reader->engine->requires ||
           flow_field_refuse(reader->context, list,
                             "expected no %s, which Cilium has removed, found some", name);
}

bool
flow_cilium_read_peers(struct flow_policy_reader *reader, const struct flow_node *node,
                       bool subject_init, struct flow_rule *rule)
{
    const bool ingress = rule->direction == FLOW_DIRECTION_INGRESS;
    const struct flow_node *list, *ports = flow_field(node, "toPorts");
    const struct flow_node *icmps = flow_field(node, "icmps");
    const bool has_ports =
        (ports != NULL && ports->count > 0) || (icmps != NULL && icmps->count > 0);
    const struct member *member;

    if (!read_requires(reader, node, ingress ? "fromRequires" : "toRequires") ||
        !find_member(reader, node, ingress ? ingress_members : egress_members, rule->deny, &member,
                     &list)) {
        return false;
    }
    if (list == NULL || list->count == 0) {
        /* an empty toFQDNs is as good as none; any other empty list selects nobody */
        const bool any = has_ports && (list == NULL || member->read == read_fqdn);

        rule->peer_extent = any ? FLOW_EXTENT_ANY : FLOW_EXTENT_NOTHING;
        return true;
    }
    rule->peer_extent = FLOW_EXTENT_LISTED;
    rule->peer_count = list->count;
    rule->peers = flow_policy_array(reader, list->count, sizeof(*rule->peers));
    for (size_t i = 0; rule->peers != NULL && i < list->count; i++) {
        rule->peers[i].line = list->items[i]->line;
        rule->peers[i].column = list->items[i]->column;
        if (!member->read(reader, list->items[i], subject_init, &rule->peers[i])) {
            return false;
        }
    }
    return rule->peers != NULL;
}
