/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.networking.k8s.io: AdminNetworkPolicy and BaselineAdminNetworkPolicy (v1alpha1) and
 * ClusterNetworkPolicy (v1alpha2). Their rules are ordered and act by themselves: nothing isolates,
 * the first rule that matches answers or passes the question on.
 */
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "policy/read.h"

static const char *const policy_members[] = { "apiVersion", "kind",   "metadata",
                                              "spec",       "status", NULL };
static const char *const spec_members[] = {
    "tier", "priority", "subject", "ingress", "egress", NULL
};
static const char *const subject_members[] = { "namespaces", "pods", NULL };
static const char *const pods_members[] = { "namespaceSelector", "podSelector", NULL };
static const char *const rule_members[] = { "name",  "action",    "from", "to",
                                            "ports", "protocols", NULL };
static const char *const port_members[] = { "portNumber", "namedPort", "portRange", NULL };
static const char *const protocol_members[] = { "tcp", "udp", "sctp", "destinationNamedPort",
                                                NULL };

/* What the two API versions do not share. */
struct dialect {
    const char *allow; /* "Allow" or "Accept" */
    bool may_pass;
    const char *ports; /* the member that lists ports */
    size_t rules_max, peers_max, ports_max;
};

static const struct dialect admin = { "Allow", true, "ports", 100, 100, 100 };
static const struct dialect baseline = { "Allow", false, "ports", 100, 100, 100 };
static const struct dialect cluster = { "Accept", true, "protocols", 25, 25, 25 };

enum { NETWORKS_MAX = 25, PRIORITY_MAX = 1000 };

static const struct dialect *
dialect_of(const struct flow_policy_reader *reader)
{
    return reader->info.kind == FLOW_POLICY_ANP    ? &admin
           : reader->info.kind == FLOW_POLICY_BANP ? &baseline
                                                   : &cluster;
}

/* The one member of a map that may have exactly one of several. */
static bool
one_member(struct flow_policy_reader *reader, const struct flow_node *map, const char *what,
           const char *const *allowed, const struct flow_node_pair **member)
{
    size_t count = 0;

    if (!flow_field_is_map(reader->context, map, what)) {
        return false;
    }
    flow_field_only(reader->context, map, what, allowed);
    for (size_t i = 0; i < map->count; i++) {
        for (size_t a = 0; allowed[a] != NULL; a++) {
            if (map->pairs[i].value->type != FLOW_NODE_NULL &&
                flow_str_is(map->pairs[i].key->text, allowed[a])) {
                *member = &map->pairs[i];
                count++;
            }
        }
    }
    return count == 1 ||
           flow_field_refuse(reader->context, map, "expected exactly one field in %s, found %zu",
                             what, count);
}

static bool
read_namespaces(struct flow_policy_reader *reader, const struct flow_node *map,
                struct flow_selector_draft *draft)
{
    return flow_field_is_map(reader->context, map, "namespaces") &&
           flow_selector_read(reader->context, map, FLOW_KEYS_NAMESPACE, draft);
}

static bool
read_pods(struct flow_policy_reader *reader, const struct flow_node *map,
          struct flow_selector_draft *draft)
{
    const struct flow_node *namespaces, *pods;

    if (!flow_field_is_map(reader->context, map, "pods")) {
        return false;
    }
    flow_field_only(reader->context, map, "pods", pods_members);
    if (!flow_field_map(reader->context, map, "namespaceSelector", &namespaces) ||
        !flow_field_map(reader->context, map, "podSelector", &pods)) {
        return false;
    }
    /* one that is absent is empty, and selects all */
    return (namespaces == NULL ||
            flow_selector_read(reader->context, namespaces, FLOW_KEYS_NAMESPACE, draft)) &&
           (pods == NULL || flow_selector_read(reader->context, pods, FLOW_KEYS_POD, draft));
}

static bool
read_subject(struct flow_policy_reader *reader, const struct flow_node *spec,
             struct flow_policy *policy)
{
    struct flow_selector_draft draft = { .arena = reader->context->arena };
    const struct flow_node *subject = flow_field(spec, "subject");
    const struct flow_node_pair *member;

    if (subject == NULL) {
        return flow_field_refuse(reader->context, spec, "expected a subject, found none");
    }
    if (!one_member(reader, subject, "subject", subject_members, &member)) {
        return false;
    }
    if (flow_str_is(member->key->text, "pods") ? !read_pods(reader, member->value, &draft)
                                               : !read_namespaces(reader, member->value, &draft)) {
        return false;
    }
    policy->subject_pods = true;
    policy->subject = flow_selector_seal(&draft);
    return true;
}

/* Fields of early versions that current ones do not have: such a peer is empty, and fails closed.
 */
static bool
is_outdated(const struct flow_node *map)
{
    static const char *const fields[] = { "sameLabels", "notSameLabels", "namespaceSelector" };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (flow_field_present(map, fields[i])) {
            return true;
        }
    }
    return false;
}

/* Whether the peer is written in such a form: at namespaces, or at namespaces inside pods. */
static bool
has_outdated(const struct flow_node_pair *member)
{
    if (flow_str_is(member->key->text, "pods")) {
        return flow_field_present(member->value, "namespaces");
    }
    return flow_str_is(member->key->text, "namespaces") && is_outdated(member->value);
}

static bool
read_networks(struct flow_policy_reader *reader, const struct flow_node *list,
              struct flow_rule *rule)
{
    if (!flow_field_is_list(reader->context, list, "networks")) {
        return false;
    }
    if (list->count == 0 || list->count > NETWORKS_MAX) {
        return flow_field_refuse(reader->context, list, "expected 1 to %d networks, found %zu",
                                 NETWORKS_MAX, list->count);
    }
    for (size_t i = 0; i < list->count; i++) {
        struct flow_peer *peer = &rule->peers[rule->peer_count++];
        bool placeholder = false;
        struct flow_str text;

        peer->kind = reader->engine->cilium ? FLOW_PEER_CIDR : FLOW_PEER_NETWORK;
        if (!flow_field_text(reader->context, list->items[i], "networks[]", &text, &placeholder)) {
            return false;
        }
        peer->why = placeholder ? FLOW_UNDECIDED_PLACEHOLDER : 0;
        if (!placeholder && (flow_cidr_parse(&peer->cidr, text, NULL) != FLOW_OK ||
                             memchr(text.ptr, '/', text.len) == NULL)) {
            return flow_field_fail(reader->context, list->items[i], "a CIDR prefix at networks[]");
        }
    }
    return true;
}

/* "*.example.org" stands for names of any depth here, which Cilium writes "**.example.org". */
static bool
read_domains(struct flow_policy_reader *reader, const struct flow_node *list,
             struct flow_rule *rule)
{
    if (!flow_field_is_list(reader->context, list, "domainNames")) {
        return false;
    }
    if (rule->deny || rule->pass) {
        return flow_field_refuse(reader->context, list,
                                 "expected domainNames in a rule that accepts alone");
    }
    if (list->count == 0 || list->count > NETWORKS_MAX) {
        return flow_field_refuse(reader->context, list, "expected 1 to %d domain names, found %zu",
                                 NETWORKS_MAX, list->count);
    }
    for (size_t i = 0; i < list->count; i++) {
        struct flow_peer *peer = &rule->peers[rule->peer_count++];
        bool placeholder = false;
        struct flow_str text;

        peer->kind = FLOW_PEER_FQDN;
        peer->deep = true;
        if (!flow_field_text(reader->context, list->items[i], "domainNames[]", &text,
                             &placeholder)) {
            return false;
        }
        peer->why = placeholder ? FLOW_UNDECIDED_PLACEHOLDER : 0;
        peer->pattern = text;
        if (text.len > 2 && text.ptr[0] == '*' && text.ptr[1] == '.') {
            char *deep = flow_policy_array(reader, text.len + 2, 1);

            if (deep == NULL) {
                return false;
            }
            deep[0] = '*';
            memcpy(deep + 1, text.ptr, text.len);
            peer->pattern = (struct flow_str){ deep, text.len + 1 };
        }
    }
    return true;
}

static bool
read_selected(struct flow_policy_reader *reader, const struct flow_node_pair *member,
              struct flow_rule *rule)
{
    struct flow_selector_draft draft = { .arena = reader->context->arena };
    struct flow_peer *peer = &rule->peers[rule->peer_count++];
    const bool nodes = flow_str_is(member->key->text, "nodes");

    peer->kind = nodes ? FLOW_PEER_NODES : FLOW_PEER_PODS;
    peer->no_host_network = true;
    if (has_outdated(member)) {
        flow_field_warn(reader->context, member->value,
                        "a form of an early version, which is no more: the rule fails closed, as "
                        "an empty peer does");
        peer->kind = FLOW_PEER_NONE;
        if (rule->deny || rule->pass) {
            rule->deny = true;
            rule->pass = false;
            rule->peer_extent = FLOW_EXTENT_ANY;
        }
        return true;
    }
    if (flow_str_is(member->key->text, "pods")) {
        if (!read_pods(reader, member->value, &draft)) {
            return false;
        }
    } else if (nodes) {
        if (!flow_field_is_map(reader->context, member->value, "nodes") ||
            !flow_selector_read(reader->context, member->value, FLOW_KEYS_POD, &draft)) {
            return false;
        }
    } else if (!read_namespaces(reader, member->value, &draft)) {
        return false;
    }
    peer->selector = flow_selector_seal(&draft);
    return true;
}

static bool
read_peer(struct flow_policy_reader *reader, const struct flow_node *node, struct flow_rule *rule,
          bool *outside)
{
    static const char *const ingress_members[] = { "namespaces", "pods", NULL };
    static const char *const egress_members[] = { "namespaces", "pods",        "nodes",
                                                  "networks",   "domainNames", NULL };
    const struct flow_node_pair *member;

    if (!one_member(reader, node, "a peer",
                    rule->direction == FLOW_DIRECTION_EGRESS ? egress_members : ingress_members,
                    &member)) {
        return false;
    }
    *outside |=
        !flow_str_is(member->key->text, "namespaces") && !flow_str_is(member->key->text, "pods");
    if (flow_str_is(member->key->text, "networks")) {
        return read_networks(reader, member->value, rule);
    }
    if (flow_str_is(member->key->text, "domainNames")) {
        return read_domains(reader, member->value, rule);
    }
    return read_selected(reader, member, rule);
}

static bool
read_peers(struct flow_policy_reader *reader, const struct flow_node *node, struct flow_rule *rule,
           bool *outside)
{
    const char *key = rule->direction == FLOW_DIRECTION_EGRESS ? "to" : "from";
    const size_t most = dialect_of(reader)->peers_max;
    const struct flow_node *list;

    if (!flow_field_list(reader->context, node, key, &list)) {
        return false;
    }
    if (list == NULL || list->count == 0 || list->count > most) {
        return flow_field_refuse(reader->context, list != NULL ? list : node,
                                 "expected 1 to %zu peers at %s, found %zu", most, key,
                                 list != NULL ? list->count : 0);
    }
    rule->peer_extent = FLOW_EXTENT_LISTED;
    rule->peers = flow_policy_array(reader, list->count * NETWORKS_MAX, sizeof(*rule->peers));
    for (size_t i = 0; rule->peers != NULL && i < list->count; i++) {
        if (!read_peer(reader, list->items[i], rule, outside)) {
            return false;
        }
    }
    return rule->peers != NULL;
}

static bool
read_bounds(struct flow_policy_reader *reader, const struct flow_node *map, bool strict,
            struct flow_port *port)
{
    const struct flow_node *first, *last;
    int64_t start, end;

    if (!flow_field_is_map(reader->context, map, "a port range") ||
        !flow_field_need(reader->context, map, "start", "a whole number at start", &first) ||
        !flow_field_need(reader->context, map, "end", "a whole number at end", &last) ||
        !flow_field_integer(reader->context, first, "start", 1, 65535, &start) ||
        !flow_field_integer(reader->context, last, "end", 1, 65535, &end)) {
        return false;
    }
    if (end < start || (strict && end == start)) {
        return flow_field_fail(reader->context, last, "end above start");
    }
    port->first = (uint16_t)start;
    port->last = (uint16_t)end;
    return true;
}

static bool
read_one(struct flow_policy_reader *reader, const struct flow_node *node, struct flow_port *port)
{
    int64_t number;

    if (!flow_field_integer(reader->context, node, "a port", 1, 65535, &number)) {
        return false;
    }
    port->first = port->last = (uint16_t)number;
    return true;
}

static bool
read_name(struct flow_policy_reader *reader, const struct flow_node *node, bool outside,
          struct flow_port *port)
{
    if (outside) {
        return flow_field_refuse(reader->context, node,
                                 "expected no named port beside nodes, networks or domainNames");
    }
    port->protocols = FLOW_PROTOCOLS_WITH_PORTS;
    return flow_field_text(reader->context, node, "a port's name", &port->name, &port->placeholder);
}

static bool
read_protocol_name(struct flow_policy_reader *reader, const struct flow_node *map,
                   struct flow_port *port)
{
    struct flow_str text = FLOW_STR("TCP");

    if (!flow_field_text_member(reader->context, map, "protocol", &text, NULL)) {
        return false;
    }
    port->protocols = flow_str_is(text, "TCP") || text.len == 0
                          ? FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_TCP)
                      : flow_str_is(text, "UDP")  ? FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_UDP)
                      : flow_str_is(text, "SCTP") ? FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_SCTP)
                                                  : 0;
    return port->protocols != 0 || flow_field_fail(reader->context, flow_field(map, "protocol"),
                                                   "TCP, UDP or SCTP at protocol");
}

/* v1alpha1: portNumber, namedPort or portRange. */
static bool
read_admin_port(struct flow_policy_reader *reader, const struct flow_node *node, bool outside,
                struct flow_port *port)
{
    const struct flow_node_pair *member;

    if (!one_member(reader, node, "a port", port_members, &member)) {
        return false;
    }
    if (flow_str_is(member->key->text, "namedPort")) {
        return read_name(reader, member->value, outside, port);
    }
    if (!flow_field_is_map(reader->context, member->value, "a port") ||
        !read_protocol_name(reader, member->value, port)) {
        return false;
    }
    return flow_str_is(member->key->text, "portNumber")
               ? read_one(reader, flow_field(member->value, "port"), port)
               : read_bounds(reader, member->value, false, port);
}

/* v1alpha2: tcp, udp or sctp with a destinationPort, or destinationNamedPort. */
static bool
read_cluster_port(struct flow_policy_reader *reader, const struct flow_node *node, bool outside,
                  struct flow_port *port)
{
    static const char *const destination_members[] = { "number", "range", NULL };
    const struct flow_node_pair *member;
    const struct flow_node *destination;

    if (!one_member(reader, node, "a protocol", protocol_members, &member)) {
        return false;
    }
    if (flow_str_is(member->key->text, "destinationNamedPort")) {
        return read_name(reader, member->value, outside, port);
    }
    port->protocols = flow_str_is(member->key->text, "tcp") ? FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_TCP)
                      : flow_str_is(member->key->text, "udp")
                          ? FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_UDP)
                          : FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_SCTP);
    if (!flow_field_is_map(reader->context, member->value, "a protocol") ||
        !flow_field_map(reader->context, member->value, "destinationPort", &destination)) {
        return false;
    }
    port->any_port = destination == NULL;
    if (destination == NULL) {
        return true;
    }
    if (!one_member(reader, destination, "destinationPort", destination_members, &member)) {
        return false;
    }
    return flow_str_is(member->key->text, "number")
               ? read_one(reader, member->value, port)
               : read_bounds(reader, member->value, true, port);
}

static bool
read_ports(struct flow_policy_reader *reader, const struct flow_node *node, bool outside,
           struct flow_rule *rule)
{
    const struct dialect *dialect = dialect_of(reader);
    const struct flow_node *list;

    if (!flow_field_list(reader->context, node, dialect->ports, &list)) {
        return false;
    }
    rule->port_extent = FLOW_EXTENT_ANY;
    if (list != NULL && list->count == 0 && dialect == &cluster) {
        return flow_field_refuse(reader->context, list, "expected 1 to %zu protocols, found none",
                                 dialect->ports_max);
    }
    if (list == NULL || list->count == 0) {
        return true;
    }
    if (list->count > dialect->ports_max) {
        return flow_field_refuse(reader->context, list, "expected at most %zu ports, found %zu",
                                 dialect->ports_max, list->count);
    }
    rule->port_extent = FLOW_EXTENT_LISTED;
    rule->port_count = list->count;
    rule->ports = flow_policy_array(reader, list->count, sizeof(*rule->ports));
    for (size_t i = 0; rule->ports != NULL && i < list->count; i++) {
        const bool ok = dialect == &cluster
                            ? read_cluster_port(reader, list->items[i], outside, &rule->ports[i])
                            : read_admin_port(reader, list->items[i], outside, &rule->ports[i]);

        if (!ok) {
            return false;
        }
        rule->ports[i].why |= rule->ports[i].placeholder ? FLOW_UNDECIDED_PLACEHOLDER : 0;
    }
    return rule->ports != NULL;
}

static bool
read_action(struct flow_policy_reader *reader, const struct flow_node *node, struct flow_rule *rule)
{
    const struct dialect *dialect = dialect_of(reader);
    const struct flow_node *action = flow_field(node, "action");

    if (action != NULL && action->type == FLOW_NODE_SCALAR) {
        rule->deny = flow_str_is(action->text, "Deny");
        rule->pass = dialect->may_pass && flow_str_is(action->text, "Pass");
        if (rule->deny || rule->pass || flow_str_is(action->text, dialect->allow)) {
            return true;
        }
    }
    return flow_field_fail(
        reader->context, action != NULL ? action : node,
        dialect->may_pass ? "%s, Deny or Pass at action" : "%s or Deny at action", dialect->allow);
}

static bool
read_rule(struct flow_policy_reader *reader, const struct flow_node *node, struct flow_rule *rule)
{
    bool outside = false;

    if (!flow_field_is_map(reader->context, node, "a rule")) {
        return false;
    }
    flow_field_only(reader->context, node, "a rule", rule_members);
    rule->line = node->line;
    return read_action(reader, node, rule) && read_peers(reader, node, rule, &outside) &&
           read_ports(reader, node, outside, rule);
}

static bool
read_section(struct flow_policy_reader *reader, const struct flow_node *list, const char *section,
             uint8_t direction, struct flow_policy *policy)
{
    const size_t most = dialect_of(reader)->rules_max;

    if (list != NULL && list->count > most) {
        return flow_field_refuse(reader->context, list, "expected at most %zu rules, found %zu",
                                 most, list->count);
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        struct flow_rule *rule = &policy->rules[policy->rule_count++];

        rule->direction = direction;
        rule->name = flow_policy_rule_name(reader, section, i);
        policy->speaks[direction] = true;
        if (rule->name.ptr == NULL || !read_rule(reader, list->items[i], rule)) {
            return false;
        }
    }
    return true;
}

/* Which tier, and where in it. */
static bool
read_tier(struct flow_policy_reader *reader, const struct flow_node *spec,
          struct flow_policy *policy)
{
    const struct flow_node *tier = flow_field(spec, "tier");
    const struct flow_node *priority = flow_field(spec, "priority");
    char found[FLOW_QUOTE_BYTES_MAX + 8];
    int64_t number = 0;

    policy->tier = FLOW_TIER_ADMIN;
    if (reader->info.kind == FLOW_POLICY_BANP) {
        policy->tier = FLOW_TIER_BASELINE;
        return strcmp(reader->info.name, "default") == 0 ||
               flow_field_refuse(reader->context, spec,
                                 "expected name default for a BaselineAdminNetworkPolicy, found %s",
                                 flow_quote(flow_str_of(reader->info.name), found, sizeof(found)));
    }
    if (reader->info.kind == FLOW_POLICY_KCNP) {
        if (tier != NULL && tier->type == FLOW_NODE_SCALAR && flow_str_is(tier->text, "Baseline")) {
            policy->tier = FLOW_TIER_BASELINE;
        } else if (tier == NULL || tier->type != FLOW_NODE_SCALAR ||
                   !flow_str_is(tier->text, "Admin")) {
            return flow_field_fail(reader->context, tier != NULL ? tier : spec,
                                   "Admin or Baseline at tier");
        }
    }
    if (priority == NULL) {
        return flow_field_refuse(reader->context, spec, "expected a priority, found none");
    }
    if (!flow_field_integer(reader->context, priority, "priority", 0, PRIORITY_MAX, &number)) {
        return false;
    }
    policy->priority = (uint16_t)number;
    return true;
}

bool
flow_policy_read_anp(struct flow_policy_reader *reader, const struct flow_node *object)
{
    const struct flow_node *spec = flow_field(object, "spec");
    const struct flow_node *ingress, *egress;
    struct flow_policy *policy;

    flow_field_only(reader->context, object, flow_policy_kind_name(reader->info.kind),
                    policy_members);
    if (!flow_field_is_map(reader->context, spec != NULL ? spec : object, "spec") || spec == NULL) {
        return spec != NULL
                   ? false
                   : flow_field_refuse(reader->context, object, "expected spec, found none");
    }
    flow_field_only(reader->context, spec, "spec", spec_members);
    policy = flow_policy_list_add(reader, spec->line);
    if (policy == NULL || !flow_field_list(reader->context, spec, "ingress", &ingress) ||
        !flow_field_list(reader->context, spec, "egress", &egress) ||
        !read_tier(reader, spec, policy) || !read_subject(reader, spec, policy)) {
        return false;
    }
    policy->rules = flow_policy_array(
        reader, (ingress != NULL ? ingress->count : 0) + (egress != NULL ? egress->count : 0) + 1,
        sizeof(*policy->rules));
    return policy->rules != NULL &&
           read_section(reader, ingress, "ingress", FLOW_DIRECTION_INGRESS, policy) &&
           read_section(reader, egress, "egress", FLOW_DIRECTION_EGRESS, policy);
}
