/* SPDX-License-Identifier: Apache-2.0 */
/*
 * networking.k8s.io/v1 NetworkPolicy. The defaults that the API server fills in (policyTypes,
 * protocol) are filled in here, since files lack them.
 */
#include <string.h>

#include "base/str.h"
#include "policy/read.h"

static const char *const policy_members[] = { "apiVersion", "kind",   "metadata",
                                              "spec",       "status", NULL };
static const char *const spec_members[] = { "podSelector", "policyTypes", "ingress", "egress",
                                            NULL };
static const char *const peer_members[] = { "podSelector", "namespaceSelector", "ipBlock", NULL };
static const char *const block_members[] = { "cidr", "except", NULL };
static const char *const port_members[] = { "protocol", "port", "endPort", NULL };

/*
 * The API wants an exception smaller than its block; Cilium wants the address as it is written to
 * lie inside, whatever the length behind it.
 */
static bool
is_inside(const struct flow_policy_reader *reader, const struct flow_cidr *cidr,
          const struct flow_cidr *except, struct flow_str text)
{
    struct flow_address written;

    text.len = (size_t)((const char *)memchr(text.ptr, '/', text.len) - text.ptr);
    if (reader->info.kind == FLOW_POLICY_KNP) {
        return except->length > cidr->length && flow_cidr_holds(cidr, &except->address);
    }
    return flow_address_parse(&written, text, NULL) == FLOW_OK && flow_cidr_holds(cidr, &written);
}

bool
flow_policy_read_except(struct flow_policy_reader *reader, const struct flow_node *map,
                        struct flow_peer *peer)
{
    const struct flow_node *list;

    if (!flow_field_list(reader->context, map, "except", &list) || list == NULL) {
        return list == NULL && flow_field(map, "except") == NULL;
    }
    peer->except = flow_policy_array(reader, list->count, sizeof(*peer->except));
    if (peer->except == NULL) {
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        bool placeholder = false;
        struct flow_str text;

        if (!flow_field_text(reader->context, list->items[i], "except[]", &text, &placeholder)) {
            return false;
        }
        if (placeholder) {
            peer->why |= FLOW_UNDECIDED_PLACEHOLDER;
            continue;
        }
        if (flow_cidr_parse(&peer->except[peer->except_count], text, NULL) != FLOW_OK ||
            memchr(text.ptr, '/', text.len) == NULL) {
            return flow_field_fail(reader->context, list->items[i], "a CIDR prefix at except[]");
        }
        if (peer->kind != FLOW_PEER_GROUP && (peer->why & FLOW_UNDECIDED_PLACEHOLDER) == 0 &&
            !is_inside(reader, &peer->cidr, &peer->except[peer->except_count], text)) {
            return flow_field_fail(reader->context, list->items[i], "an exception inside cidr");
        }
        peer->except_count++;
    }
    return true;
}

static bool
read_block(struct flow_policy_reader *reader, const struct flow_node *block, struct flow_peer *peer)
{
    const struct flow_node *cidr;
    bool placeholder = false;
    struct flow_str text;

    peer->kind = reader->engine->cilium ? FLOW_PEER_CIDR : FLOW_PEER_IP_BLOCK;
    flow_field_only(reader->context, block, "ipBlock", block_members);
    if (!flow_field_need(reader->context, block, "cidr", "a string at ipBlock.cidr", &cidr) ||
        !flow_field_text(reader->context, cidr, "ipBlock.cidr", &text, &placeholder)) {
        return false;
    }
    if (placeholder) {
        peer->why |= FLOW_UNDECIDED_PLACEHOLDER;
    } else if (flow_cidr_parse(&peer->cidr, text, NULL) != FLOW_OK ||
               memchr(text.ptr, '/', text.len) == NULL) {
        return flow_field_fail(reader->context, cidr, "a CIDR prefix at ipBlock.cidr");
    }
    return flow_policy_read_except(reader, block, peer);
}

static bool
read_selectors(struct flow_policy_reader *reader, const struct flow_node *pods,
               const struct flow_node *namespaces, struct flow_peer *peer)
{
    struct flow_selector_draft draft = { .arena = reader->context->arena };

    peer->kind = FLOW_PEER_PODS;
    if (namespaces == NULL) {
        if (reader->placeholder) {
            peer->why |= FLOW_UNDECIDED_PLACEHOLDER;
        } else if (!flow_selector_add_equal(&draft, FLOW_STR("k8s"), FLOW_STR(FLOW_NAMESPACE_KEY),
                                            flow_str_of(reader->info.namespace_name))) {
            flow_fail_memory(reader->context->err);
            return false;
        }
    }
    if ((namespaces != NULL &&
         !flow_selector_read(reader->context, namespaces, FLOW_KEYS_NAMESPACE, &draft)) ||
        (pods != NULL && !flow_selector_read(reader->context, pods, FLOW_KEYS_POD, &draft))) {
        return false;
    }
    peer->selector = flow_selector_seal(&draft);
    return true;
}

static bool
read_peer(struct flow_policy_reader *reader, const struct flow_node *node, struct flow_peer *peer)
{
    const struct flow_node *pods, *namespaces, *block;

    if (!flow_field_is_map(reader->context, node, "a peer")) {
        return false;
    }
    flow_field_only(reader->context, node, "a peer", peer_members);
    if (!flow_field_map(reader->context, node, "podSelector", &pods) ||
        !flow_field_map(reader->context, node, "namespaceSelector", &namespaces) ||
        !flow_field_map(reader->context, node, "ipBlock", &block)) {
        return false;
    }
    if (block != NULL && (pods != NULL || namespaces != NULL)) {
        return flow_field_refuse(reader->context, block,
                                 "expected ipBlock alone in its peer, found a selector beside it");
    }
    if (block != NULL) {
        return read_block(reader, block, peer);
    }
    if (pods == NULL && namespaces == NULL) {
        return flow_field_refuse(
            reader->context, node,
            "expected podSelector, namespaceSelector or ipBlock in a peer, found none");
    }
    return read_selectors(reader, pods, namespaces, peer);
}

static bool
read_protocol(struct flow_policy_reader *reader, const struct flow_node *map, uint16_t *protocols)
{
    const struct flow_node *node = flow_field(map, "protocol");
    struct flow_str text = FLOW_STR("TCP");

    if (node != NULL && !flow_field_text(reader->context, node, "protocol", &text, NULL)) {
        return false;
    }
    if (flow_str_is(text, "TCP") || text.len == 0) {
        *protocols = FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_TCP);
    } else if (flow_str_is(text, "UDP")) {
        *protocols = FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_UDP);
    } else if (flow_str_is(text, "SCTP")) {
        *protocols = FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_SCTP);
    } else {
        return flow_field_fail(reader->context, node, "TCP, UDP or SCTP at protocol");
    }
    return true;
}

/* An IANA service name: at most 15 of letters, digits and single hyphens, one letter at least. */
static bool
is_port_name(struct flow_str name)
{
    bool letter = false;

    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i];

        letter |= c >= 'a' && c <= 'z';
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
            (c != '-' || i == 0 || i + 1 == name.len || name.ptr[i - 1] == '-')) {
            return false;
        }
    }
    return letter && name.len <= 15;
}

static bool
read_port_range(struct flow_policy_reader *reader, const struct flow_node *map,
                struct flow_port *port)
{
    const struct flow_node *first = flow_field(map, "port");
    const struct flow_node *last = flow_field(map, "endPort");
    int64_t number;

    if (first != NULL && first->quoted) {
        if (!flow_field_text(reader->context, first, "port", &port->name, &port->placeholder)) {
            return false;
        }
        if (!port->placeholder && !is_port_name(port->name)) {
            return flow_field_fail(reader->context, first, "a port's number or name");
        }
    } else if (first != NULL && flow_field_looks_integer(first)) {
        if (!flow_field_integer(reader->context, first, "port", 1, 65535, &number)) {
            return false;
        }
        port->first = port->last = (uint16_t)number;
    } else if (first != NULL) {
        if (!flow_field_text(reader->context, first, "port", &port->name, &port->placeholder)) {
            return false;
        }
        if (!port->placeholder && !is_port_name(port->name)) {
            return flow_field_fail(reader->context, first, "a port's number or name");
        }
    }
    port->any_port = first == NULL;
    if (last == NULL) {
        return true;
    }
    if (first == NULL || port->name.len > 0) {
        return flow_field_refuse(reader->context, last,
                                 "expected a numeric port beside endPort, found %s",
                                 first == NULL ? "none" : "a name");
    }
    if (!flow_field_integer(reader->context, last, "endPort", 1, 65535, &number)) {
        return false;
    }
    if (number < port->first) {
        return flow_field_fail(reader->context, last, "endPort not below port");
    }
    port->last = (uint16_t)number;
    return true;
}

static bool
read_ports(struct flow_policy_reader *reader, const struct flow_node *node, struct flow_rule *rule)
{
    const struct flow_node *list;

    if (!flow_field_list(reader->context, node, "ports", &list)) {
        return false;
    }
    rule->port_extent = FLOW_EXTENT_ANY;
    if (list == NULL || list->count == 0) {
        return true;
    }
    rule->port_extent = FLOW_EXTENT_LISTED;
    rule->port_count = list->count;
    rule->ports = flow_policy_array(reader, list->count, sizeof(*rule->ports));
    if (rule->ports == NULL) {
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!flow_field_is_map(reader->context, list->items[i], "ports[]")) {
            return false;
        }
        flow_field_only(reader->context, list->items[i], "ports[]", port_members);
        if (!read_protocol(reader, list->items[i], &rule->ports[i].protocols) ||
            !read_port_range(reader, list->items[i], &rule->ports[i])) {
            return false;
        }
    }
    return true;
}

static bool
read_rule(struct flow_policy_reader *reader, const struct flow_node *node, const char *peers_key,
          struct flow_rule *rule)
{
    const char *const members[] = { peers_key, "ports", NULL };
    const struct flow_node *list;

    if (!flow_field_is_map(reader->context, node, "a rule")) {
        return false;
    }
    flow_field_only(reader->context, node, "a rule", members);
    if (!flow_field_list(reader->context, node, peers_key, &list)) {
        return false;
    }
    rule->line = node->line;
    rule->peer_extent = FLOW_EXTENT_ANY;
    if (list != NULL && list->count > 0) {
        rule->peer_extent = FLOW_EXTENT_LISTED;
        rule->peer_count = list->count;
        rule->peers = flow_policy_array(reader, list->count, sizeof(*rule->peers));
        if (rule->peers == NULL) {
            return false;
        }
        for (size_t i = 0; i < list->count; i++) {
            if (!read_peer(reader, list->items[i], &rule->peers[i])) {
                return false;
            }
        }
    }
    return read_ports(reader, node, rule);
}

static bool
has_items(const struct flow_node *list)
{
    return list != NULL && list->count > 0;
}

/*
 * policyTypes, or what the API server would fill in. Cilium takes every rule that it finds, also of
 * a direction that is not listed.
 */
static bool
read_types(struct flow_policy_reader *reader, const struct flow_node *spec,
           const struct flow_node *ingress, const struct flow_node *egress,
           struct flow_policy *policy)
{
    const struct flow_node *list;

    if (!flow_field_list(reader->context, spec, "policyTypes", &list)) {
        return false;
    }
    if (list == NULL || list->count == 0) {
        policy->isolates[FLOW_DIRECTION_INGRESS] = true;
        policy->isolates[FLOW_DIRECTION_EGRESS] = has_items(egress);
        return true;
    }
    policy->isolates[FLOW_DIRECTION_INGRESS] = reader->engine->cilium && has_items(ingress);
    policy->isolates[FLOW_DIRECTION_EGRESS] = reader->engine->cilium && has_items(egress);
    for (size_t i = 0; i < list->count; i++) {
        const struct flow_node *item = list->items[i];

        if (item->type == FLOW_NODE_SCALAR && flow_str_is(item->text, "Ingress")) {
            policy->isolates[FLOW_DIRECTION_INGRESS] = true;
        } else if (item->type == FLOW_NODE_SCALAR && flow_str_is(item->text, "Egress")) {
            policy->isolates[FLOW_DIRECTION_EGRESS] = true;
        } else {
            return flow_field_fail(reader->context, item, "Ingress or Egress at policyTypes[]");
        }
    }
    return true;
}

static bool
read_subject(struct flow_policy_reader *reader, const struct flow_node *spec,
             struct flow_policy *policy)
{
    struct flow_selector_draft draft = { .arena = reader->context->arena };
    const struct flow_node *selector;

    policy->subject_pods = true;
    if (reader->placeholder) {
        policy->why |= FLOW_UNDECIDED_PLACEHOLDER;
    } else if (!flow_selector_add_equal(&draft, FLOW_STR("k8s"), FLOW_STR(FLOW_NAMESPACE_KEY),
                                        flow_str_of(reader->info.namespace_name))) {
        flow_fail_memory(reader->context->err);
        return false;
    }
    if (!flow_field_map(reader->context, spec, "podSelector", &selector) ||
        (selector != NULL &&
         !flow_selector_read(reader->context, selector, FLOW_KEYS_POD, &draft))) {
        return false;
    }
    policy->subject = flow_selector_seal(&draft);
    return true;
}

static bool
read_section(struct flow_policy_reader *reader, const struct flow_node *list, const char *section,
             uint8_t direction, struct flow_policy *policy)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        struct flow_rule *rule = &policy->rules[policy->rule_count];

        rule->direction = direction;
        rule->name = flow_policy_rule_name(reader, section, i);
        if (rule->name.ptr == NULL ||
            !read_rule(reader, list->items[i], direction == FLOW_DIRECTION_INGRESS ? "from" : "to",
                       rule)) {
            return false;
        }
        /* rules of a direction that does not count are checked all the same */
        policy->rule_count += policy->isolates[direction] ? 1 : 0;
    }
    return true;
}

bool
flow_policy_read_knp(struct flow_policy_reader *reader, const struct flow_node *object)
{
    const struct flow_node *spec, *ingress, *egress;
    struct flow_policy *policy;

    flow_field_only(reader->context, object, "NetworkPolicy", policy_members);
    if (!flow_field_map(reader->context, object, "spec", &spec)) {
        return false;
    }
    if (spec == NULL) {
        flow_field_warn(reader->context, object,
                        "NetworkPolicy without spec isolates every pod of its namespace");
    } else {
        flow_field_only(reader->context, spec, "spec", spec_members);
    }
    policy = flow_policy_list_add(reader, spec != NULL ? spec->line : object->line);
    if (policy == NULL || !flow_field_list(reader->context, spec, "ingress", &ingress) ||
        !flow_field_list(reader->context, spec, "egress", &egress) ||
        !read_types(reader, spec, ingress, egress, policy) || !read_subject(reader, spec, policy)) {
        return false;
    }
    policy->tier = FLOW_TIER_NORMAL;
    policy->icmp_undefined = !reader->engine->cilium;
    policy->speaks[FLOW_DIRECTION_INGRESS] = policy->isolates[FLOW_DIRECTION_INGRESS];
    policy->speaks[FLOW_DIRECTION_EGRESS] = policy->isolates[FLOW_DIRECTION_EGRESS];
    policy->rules = flow_policy_array(
        reader, (ingress != NULL ? ingress->count : 0) + (egress != NULL ? egress->count : 0) + 1,
        sizeof(*policy->rules));
    return policy->rules != NULL &&
           read_section(reader, ingress, "ingress", FLOW_DIRECTION_INGRESS, policy) &&
           read_section(reader, egress, "egress", FLOW_DIRECTION_EGRESS, policy);
}
