/* SPDX-License-Identifier: Apache-2.0 */
/* Peers and ports of a rule against one connection, in three-valued logic. */
#include "policy/match.h"

#include <strings.h>

#include "base/str.h"

/* What is not told of a peer that the record and the inventory are silent about. */
static struct flow_tri
unless_unknown(const struct flow_party *peer, bool value)
{
    return peer->class == FLOW_PARTY_UNKNOWN || peer->class == FLOW_PARTY_SERVICE
               ? flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS)
               : flow_tri_of(value);
}

/* The same for what tells nodes apart. */
static struct flow_tri
unless_any_node(const struct flow_party *peer, bool value)
{
    return peer->any_node && !value ? flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS)
                                    : unless_unknown(peer, value);
}

static bool
has_reserved(const struct flow_party *party, const char *name)
{
    for (uint32_t i = 0; i < party->labels->count; i++) {
        if (flow_str_is(party->labels->labels[i].source, "reserved") &&
            flow_str_is(party->labels->labels[i].key, name)) {
            return true;
        }
    }
    return false;
}

static struct flow_tri
match_world(const struct flow_party *peer, const struct flow_address *address, uint8_t family)
{
    if (peer->class != FLOW_PARTY_WORLD) {
        return unless_unknown(peer, false);
    }
    if (family == 0 || has_reserved(peer, family == 4 ? "world-ipv4" : "world-ipv6")) {
        return flow_tri_of(true);
    }
    /* only dual-stack clusters tell the two apart */
    return flow_tri_of(!has_reserved(peer, "world") && address->family == family &&
                       !has_reserved(peer, family == 4 ? "world-ipv6" : "world-ipv4"));
}

static struct flow_tri
match_cluster(const struct flow_question *question)
{
    const struct flow_party *peer = question->peer;

    switch (peer->class) {
    case FLOW_PARTY_POD:
        return flow_tri_of(flow_str_equal(peer->cluster, question->local_cluster));
    case FLOW_PARTY_WORLD:
        return flow_tri_of(peer->api_server);
    case FLOW_PARTY_UNKNOWN:
    case FLOW_PARTY_SERVICE:
        return flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS);
    default:
        return flow_tri_of(true);
    }
}

static struct flow_tri
match_entity(uint8_t entity, const struct flow_question *question)
{
    const struct flow_party *peer = question->peer;

    switch (entity) {
    case FLOW_ENTITY_ALL:
        return flow_tri_of(true);
    case FLOW_ENTITY_WORLD:
        return match_world(peer, &question->peer_address, 0);
    case FLOW_ENTITY_WORLD_V4:
        return match_world(peer, &question->peer_address, 4);
    case FLOW_ENTITY_WORLD_V6:
        return match_world(peer, &question->peer_address, 6);
    case FLOW_ENTITY_HOST:
        return unless_any_node(peer, has_reserved(peer, "host"));
    case FLOW_ENTITY_REMOTE_NODE:
        return unless_any_node(peer, has_reserved(peer, "remote-node"));
    case FLOW_ENTITY_API_SERVER:
        return unless_any_node(peer, peer->api_server);
    case FLOW_ENTITY_INGRESS:
        return unless_unknown(peer, peer->class == FLOW_PARTY_INGRESS);
    case FLOW_ENTITY_HEALTH:
        return unless_unknown(peer, peer->class == FLOW_PARTY_HEALTH);
    case FLOW_ENTITY_INIT:
        return unless_unknown(peer, peer->class == FLOW_PARTY_INIT);
    case FLOW_ENTITY_UNMANAGED:
        return unless_unknown(peer, peer->class == FLOW_PARTY_UNMANAGED);
    case FLOW_ENTITY_CLUSTER:
        return match_cluster(question);
    default:
        return flow_tri_of(false);
    }
}

static bool
in_cidr(const struct flow_peer *peer, const struct flow_address *address)
{
    if (!flow_cidr_holds(&peer->cidr, address)) {
        return false;
    }
    for (size_t i = 0; i < peer->except_count; i++) {
        if (flow_cidr_holds(&peer->except[i], address)) {
            return false;
        }
    }
    return true;
}

/* A prefix that is a placeholder is open; an exception that is one matters inside alone. */
static struct flow_tri
try_cidr(const struct flow_peer *peer, const struct flow_address *address)
{
    if (peer->cidr.address.family == 0) {
        return flow_tri_maybe(peer->why);
    }
    if (address->family == 0) {
        return flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS);
    }
    if (!in_cidr(peer, address)) {
        return flow_tri_of(false);
    }
    return peer->why != 0 ? flow_tri_maybe(peer->why) : flow_tri_of(true);
}

/*
 * Cilium: prefixes select addresses outside the cluster and nothing else. An API server is there or
 * in it, and only a world or node label beside its own tells.
 */
static struct flow_tri
match_cidr(const struct flow_peer *peer, const struct flow_question *question)
{
    const struct flow_tri inside = try_cidr(peer, &question->peer_address);
    const uint8_t class = question->peer->class;

    if (class == FLOW_PARTY_UNKNOWN || class == FLOW_PARTY_SERVICE ||
        class == FLOW_PARTY_API_SERVER) {
        return flow_tri_and(inside, flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS));
    }
    return class == FLOW_PARTY_WORLD ? inside : flow_tri_of(false);
}

/* Kubernetes: addresses outside for certain, inside the cluster as the plugin likes. */
static struct flow_tri
match_ip_block(const struct flow_peer *peer, const struct flow_question *question)
{
    const struct flow_tri inside = try_cidr(peer, &question->peer_address);

    switch (question->peer->class) {
    case FLOW_PARTY_WORLD:
    case FLOW_PARTY_HOST:
    case FLOW_PARTY_REMOTE_NODE:
    case FLOW_PARTY_API_SERVER:
        return inside;
    case FLOW_PARTY_UNKNOWN:
        return flow_tri_and(inside, flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS));
    default:
        return flow_tri_and(inside, flow_tri_maybe(FLOW_UNDECIDED_UNDEFINED));
    }
}

static struct flow_tri
match_group(const struct flow_peer *peer, const struct flow_question *question)
{
    struct flow_tri any = flow_tri_of(false);

    if (question->peer->class == FLOW_PARTY_API_SERVER) {
        return flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS);
    }
    if (question->peer->class != FLOW_PARTY_WORLD) {
        return unless_unknown(question->peer, false);
    }
    if (peer->why != 0 || question->peer_address.family == 0) {
        return flow_tri_maybe(peer->why != 0 ? peer->why : FLOW_UNDECIDED_NO_LABELS);
    }
    for (size_t g = 0; g < peer->group_count; g++) {
        for (size_t i = 0; i < peer->groups[g]->cidr_count; i++) {
            any = flow_tri_or(any, flow_tri_of(flow_cidr_holds(&peer->groups[g]->cidrs[i],
                                                               &question->peer_address)));
        }
    }
    for (size_t i = 0; i < peer->except_count; i++) {
        if (flow_cidr_holds(&peer->except[i], &question->peer_address)) {
            return flow_tri_of(false);
        }
    }
    return any;
}

/* A name rule admits the addresses that the name resolved to, none of them inside the cluster. */
static struct flow_tri
match_name(const struct flow_peer *peer, const struct flow_question *question)
{
    const struct flow_label_set *labels = question->peer->labels;

    if (question->peer->class != FLOW_PARTY_WORLD) {
        return unless_unknown(question->peer, false);
    }
    if (peer->why != 0) {
        return flow_tri_maybe(peer->why);
    }
    for (uint32_t i = 0; i < labels->count; i++) {
        if (flow_str_is(labels->labels[i].source, "fqdn") &&
            flow_str_equal(labels->labels[i].key, peer->pattern)) {
            return flow_tri_of(true);
        }
    }
    for (uint32_t i = 0; i < question->names->count; i++) {
        if (flow_fqdn_match(peer->pattern, peer->deep, question->names->texts[i])) {
            return flow_tri_of(true);
        }
    }
    return flow_tri_maybe(FLOW_UNDECIDED_NO_DNS_EVIDENCE);
}

static struct flow_tri
match_selector(const struct flow_peer *peer, const struct flow_question *question)
{
    struct flow_tri selected;

    if (peer->kind == FLOW_PEER_PODS && question->peer->class != FLOW_PARTY_POD &&
        question->peer->class != FLOW_PARTY_UNKNOWN &&
        question->peer->class != FLOW_PARTY_SERVICE) {
        return flow_tri_of(false);
    }
    selected = flow_selector_match(&peer->selector, question->peer, question->local_cluster);
    if (selected.truth == FLOW_TRUE && question->peer->class == FLOW_PARTY_UNKNOWN) {
        return flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS);
    }
    if (selected.truth != FLOW_FALSE && question->peer->host_network) {
        /* like any pod, or only its node */
        return flow_tri_maybe(selected.why | FLOW_UNDECIDED_UNDEFINED);
    }
    return selected.truth != FLOW_FALSE && peer->why != 0 ? flow_tri_maybe(selected.why | peer->why)
                                                          : selected;
}

/* ClusterNetworkPolicy: addresses, a pod's as good as any other. */
static struct flow_tri
match_network(const struct flow_peer *peer, const struct flow_question *question)
{
    if (peer->why != 0) {
        return flow_tri_maybe(peer->why);
    }
    return question->peer_address.family == 0
               ? flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS)
               : flow_tri_of(flow_cidr_holds(&peer->cidr, &question->peer_address));
}

/* Labels of nodes are not in flow records; only "every node" can be answered. */
static struct flow_tri
match_nodes(const struct flow_peer *peer, const struct flow_question *question)
{
    if (question->peer->class != FLOW_PARTY_HOST &&
        question->peer->class != FLOW_PARTY_REMOTE_NODE) {
        return unless_unknown(question->peer, false);
    }
    return peer->selector.count == 0 ? flow_tri_of(true) : flow_tri_maybe(FLOW_UNDECIDED_INVENTORY);
}

static struct flow_tri
match_peer(const struct flow_peer *peer, const struct flow_question *question)
{
    switch (peer->kind) {
    case FLOW_PEER_SELECTOR:
    case FLOW_PEER_PODS:
        return match_selector(peer, question);
    case FLOW_PEER_CIDR:
        return match_cidr(peer, question);
    case FLOW_PEER_IP_BLOCK:
        return match_ip_block(peer, question);
    case FLOW_PEER_ENTITY:
        return match_entity(peer->entity, question);
    case FLOW_PEER_FQDN:
        return match_name(peer, question);
    case FLOW_PEER_GROUP:
        return match_group(peer, question);
    case FLOW_PEER_NETWORK:
        return match_network(peer, question);
    case FLOW_PEER_NODES:
        return match_nodes(peer, question);
    case FLOW_PEER_NONE:
        return flow_tri_of(false);
    default:
        return flow_tri_maybe(peer->why);
    }
}

static struct flow_tri
match_peers(const struct flow_rule *rule, const struct flow_question *question)
{
    struct flow_tri any = flow_tri_of(rule->peer_extent == FLOW_EXTENT_ANY);

    if (rule->peer_extent == FLOW_EXTENT_LISTED) {
        for (size_t i = 0; i < rule->peer_count && any.truth != FLOW_TRUE; i++) {
            any = flow_tri_or(any, match_peer(&rule->peers[i], question));
        }
    }
    return any;
}

/* Pods have their names in lower case, and a Cilium policy may write them as it likes. */
static bool
same_name(struct flow_str a, struct flow_str b)
{
    return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

/* The number behind a port's name is the destination pod's own. */
static struct flow_tri
match_named_port(const struct flow_port *port, const struct flow_question *question)
{
    const struct flow_party *destination =
        question->direction == FLOW_DIRECTION_EGRESS ? question->peer : question->subject;
    struct flow_tri any = flow_tri_of(false);

    if (destination->class != FLOW_PARTY_POD && destination->class != FLOW_PARTY_UNKNOWN) {
        return flow_tri_of(false);
    }
    if (destination->pod == NULL) {
        return flow_tri_maybe(FLOW_UNDECIDED_NAMED_PORT);
    }
    for (size_t i = 0; i < destination->pod->port_count; i++) {
        const struct flow_port_name *named = &destination->pod->ports[i];

        if (named->protocol == question->protocol && named->number == question->port &&
            same_name(named->name, port->name)) {
            any = flow_tri_or(any, named->sidecar ? flow_tri_maybe(FLOW_UNDECIDED_NAMED_PORT)
                                                  : flow_tri_of(true));
        }
    }
    return any;
}

static struct flow_tri
match_port(const struct flow_port *port, const struct flow_question *question)
{
    struct flow_tri matched;

    if (question->protocol == FLOW_PROTOCOL_UNKNOWN) {
        return flow_tri_maybe(FLOW_UNDECIDED_NO_PORT);
    }
    if ((port->protocols & FLOW_PROTOCOL_BIT(question->protocol)) == 0) {
        return flow_tri_of(false);
    }
    if (port->why != 0) {
        return flow_tri_maybe(port->why);
    }
    if (port->any_port) {
        return flow_tri_of(true);
    }
    if (!question->has_port) {
        return flow_tri_maybe(FLOW_UNDECIDED_NO_PORT);
    }
    matched = port->name.len > 0
                  ? match_named_port(port, question)
                  : flow_tri_of(question->port >= port->first && question->port <= port->last);
    return matched;
}

/* Whether the API says nothing of the protocol: rules may or may not include it. */
static bool
leaves_open(const struct flow_policy *policy, const struct flow_question *question)
{
    return policy->icmp_undefined && question->protocol > FLOW_PROTOCOL_SCTP;
}

static struct flow_tri
match_ports(const struct flow_rule *rule, const struct flow_policy *policy,
            const struct flow_question *question)
{
    struct flow_tri any = flow_tri_of(false);

    if (leaves_open(policy, question)) {
        return flow_tri_maybe(FLOW_UNDECIDED_UNDEFINED);
    }
    if (rule->port_extent != FLOW_EXTENT_LISTED) {
        return flow_tri_of(rule->port_extent == FLOW_EXTENT_ANY);
    }
    for (size_t i = 0; i < rule->port_count && any.truth != FLOW_TRUE; i++) {
        any = flow_tri_or(any, match_port(&rule->ports[i], question));
    }
    return any;
}

struct flow_tri
flow_match_rule(const struct flow_rule *rule, const struct flow_policy *policy,
                const struct flow_question *question)
{
    struct flow_tri ports;

    if (rule->peer_extent == FLOW_EXTENT_NOTHING || rule->port_extent == FLOW_EXTENT_NOTHING) {
        return flow_tri_of(false);
    }
    if (rule->peer_extent == FLOW_EXTENT_ANY && rule->port_extent == FLOW_EXTENT_ANY &&
        !leaves_open(policy, question)) {
        return flow_tri_of(true);
    }
    if (question->peer->class == FLOW_PARTY_SERVICE) {
        /* seen before translation: policy is about the pod and port behind the Service */
        return rule->port_extent == FLOW_EXTENT_ANY &&
                       match_peers(rule, question).truth == FLOW_TRUE
                   ? flow_tri_of(true)
                   : flow_tri_maybe(FLOW_UNDECIDED_INVENTORY);
    }
    ports = match_ports(rule, policy, question);
    return ports.truth == FLOW_FALSE ? ports : flow_tri_and(ports, match_peers(rule, question));
}
