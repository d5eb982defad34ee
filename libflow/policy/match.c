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
match_api_server(const struct flow_party *peer)
{
    return peer->may_serve_api ? flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS)
                               : unless_unknown(peer, peer->api_server);
}

static struct flow_tri
match_cluster(const struct flow_question *question)
{
    const struct flow_party *peer = question->peer;

    switch (peer->class) {
    case FLOW_PARTY_POD:
        return flow_tri_of(!peer->cluster_told ||
                           flow_str_equal(peer->cluster, question->local_cluster));
    case FLOW_PARTY_WORLD:
        return match_api_server(peer);
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
        return match_api_server(peer);
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
 * Cilium: prefixes select addresses outside the cluster, and nodes or pods where it is set up so.
 * An API server is there or in it, and only a world or node label beside its own tells.
 */
static struct flow_tri
may_have_prefix(const struct flow_question *question, uint8_t length)
{
    const struct flow_settings *settings = &question->set->settings;

    switch (question->peer->class) {
    case FLOW_PARTY_WORLD:
        return flow_tri_of(true);
    case FLOW_PARTY_UNKNOWN:
    case FLOW_PARTY_SERVICE:
    case FLOW_PARTY_API_SERVER:
        return flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS);
    case FLOW_PARTY_HOST:
    case FLOW_PARTY_REMOTE_NODE:
        /* a prefix of length 0 means the world all the same (Cilium issue 47827) */
        return flow_tri_of(settings->cidr_nodes && length > 0);
    case FLOW_PARTY_POD:
        return flow_tri_of(settings->cidr_pods);
    default:
        return flow_tri_of(false);
    }
}

static struct flow_tri
match_cidr(const struct flow_peer *peer, const struct flow_question *question)
{
    return flow_tri_and(try_cidr(peer, &question->peer_address),
                        may_have_prefix(question, peer->cidr.length));
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
    case FLOW_PARTY_POD:
        if (question->peer->host_network) {
            return inside; /* its address is its node's */
        }
        return flow_tri_and(inside, flow_tri_maybe(FLOW_UNDECIDED_UNDEFINED));
    default:
        return flow_tri_and(inside, flow_tri_maybe(FLOW_UNDECIDED_UNDEFINED));
    }
}

static struct flow_tri
match_group(const struct flow_peer *peer, const struct flow_question *question)
{
    struct flow_tri any = flow_tri_of(false);

    if (peer->why != 0 || question->peer_address.family == 0) {
        return flow_tri_and(may_have_prefix(question, 1),
                            flow_tri_maybe(peer->why != 0 ? peer->why : FLOW_UNDECIDED_NO_LABELS));
    }
    for (size_t i = 0; i < peer->except_count; i++) {
        if (flow_cidr_holds(&peer->except[i], &question->peer_address)) {
            return any;
        }
    }
    for (size_t g = 0; g < peer->group_count; g++) {
        for (size_t i = 0; i < peer->groups[g]->cidr_count; i++) {
            const struct flow_cidr *cidr = &peer->groups[g]->cidrs[i];

            if (flow_cidr_holds(cidr, &question->peer_address)) {
                any = flow_tri_or(any, may_have_prefix(question, cidr->length));
            }
        }
    }
    return any;
}

/* A label "fqdn:" has the text of a rule; one without stars is a name that resolved to the peer. */
static bool
label_says_name(const struct flow_label *label, const struct flow_peer *peer)
{
    return flow_str_is(label->source, "fqdn") &&
           (flow_fqdn_equal(label->key, peer->pattern) ||
            (memchr(label->key.ptr, '*', label->key.len) == NULL &&
             flow_fqdn_match(peer->pattern, peer->deep, label->key)));
}

static bool
has_name(const struct flow_peer *peer, const struct flow_text_list *names)
{
    for (uint32_t i = 0; i < names->count; i++) {
        if (flow_fqdn_match(peer->pattern, peer->deep, names->texts[i])) {
            return true;
        }
    }
    return false;
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
        if (label_says_name(&labels->labels[i], peer)) {
            return flow_tri_of(true);
        }
    }
    if (has_name(peer, question->names) || has_name(peer, question->learned)) {
        return flow_tri_of(true);
    }
    /* an address that a rule's name resolved to has an identity with that name */
    return question->set->settings.identity_evidence && question->peer->identity_told
               ? flow_tri_of(false)
               : flow_tri_maybe(FLOW_UNDECIDED_NO_DNS_EVIDENCE);
}

/* The cluster that peers are of unless they name one. */
static struct flow_str
selector_cluster(const struct flow_question *question)
{
    return question->set->settings.local_cluster == FLOW_YES ? question->local_cluster
                                                             : (struct flow_str){ NULL, 0 };
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
    selected = flow_selector_match(&peer->selector, question->peer, selector_cluster(question));
    if (selected.truth == FLOW_TRUE && question->peer->class == FLOW_PARTY_UNKNOWN) {
        return flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS);
    }
    if (question->peer->host_network && peer->no_host_network) {
        return flow_tri_of(false);
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

enum { NODE_LABELS_MAX = 128 };

/* The labels of a node peer: its own of the source "node", else those of whose address it is. */
static struct flow_tri
match_node_labels(const struct flow_selector *selector, const struct flow_question *question)
{
    const struct flow_cluster_node *node =
        flow_inventory_address(&question->set->inventory, &question->peer_address).node;
    const struct flow_label_set *set = question->peer->labels;
    struct flow_pair pairs[NODE_LABELS_MAX];
    size_t count = 0;

    for (uint32_t i = 0; i < set->count && count < NODE_LABELS_MAX; i++) {
        if (flow_str_is(set->labels[i].source, "node")) {
            pairs[count++] = (struct flow_pair){ set->labels[i].key, set->labels[i].value };
        }
    }
    if (count > 0) {
        return flow_tri_of(flow_selector_match_labels(selector, pairs, count));
    }
    if (node == NULL || !node->labels_known) {
        return flow_tri_maybe(FLOW_UNDECIDED_INVENTORY);
    }
    return flow_tri_of(flow_selector_match_labels(selector, node->labels, node->label_count));
}

static struct flow_tri
match_nodes(const struct flow_peer *peer, const struct flow_question *question)
{
    const uint8_t class = question->peer->class;
    struct flow_tri is_node = flow_tri_of(true);

    if (class == FLOW_PARTY_API_SERVER) {
        is_node = flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS);
    } else if (class != FLOW_PARTY_HOST && class != FLOW_PARTY_REMOTE_NODE &&
               !question->peer->host_network) {
        is_node = unless_unknown(question->peer, false); /* a pod on its node's network is it */
    }
    if (peer->remote_nodes) {
        is_node = flow_tri_and(
            is_node, unless_any_node(question->peer, has_reserved(question->peer, "remote-node")));
    }
    if (is_node.truth == FLOW_FALSE || peer->why != 0) {
        return flow_tri_and(is_node, flow_tri_maybe(peer->why));
    }
    return peer->selector.count == 0
               ? is_node
               : flow_tri_and(is_node, match_node_labels(&peer->selector, question));
}

static bool
is_backend(const struct flow_backends *backends, const struct flow_address *address)
{
    for (; backends != NULL; backends = backends->next) {
        for (size_t i = 0; i < backends->count; i++) {
            if (flow_address_equal(&backends->addresses[i], address)) {
                return true;
            }
        }
    }
    return false;
}

/* What stands behind Services: pods by the selector, else addresses as prefixes are. */
static struct flow_tri
match_service(const struct flow_peer *peer, const struct flow_question *question)
{
    struct flow_tri any = peer->why != 0 ? flow_tri_maybe(peer->why) : flow_tri_of(false);

    for (size_t i = 0; i < peer->service_count && any.truth != FLOW_TRUE; i++) {
        const struct flow_service_peer *service = &peer->services[i];

        if (service->backends == NULL) {
            any = flow_tri_or(any, flow_selector_match(&service->selector, question->peer,
                                                       selector_cluster(question)));
        } else if (is_backend(service->backends, &question->peer_address)) {
            any = flow_tri_or(any, may_have_prefix(question, 32));
        }
    }
    return any.truth == FLOW_TRUE && question->peer->class == FLOW_PARTY_UNKNOWN
               ? flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS)
               : any;
}

/* A peer that is not known: any that its entity selects, or addresses as prefixes are. */
static struct flow_tri
match_open(const struct flow_peer *peer, const struct flow_question *question)
{
    if (peer->kind == FLOW_PEER_CLOUD) {
        return flow_tri_and(may_have_prefix(question, 1), flow_tri_maybe(peer->why));
    }
    return flow_tri_and(match_entity(peer->entity, question), flow_tri_maybe(peer->why));
}

struct flow_tri
flow_match_peer(const struct flow_peer *peer, const struct flow_question *question)
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
    case FLOW_PEER_SERVICE:
        return match_service(peer, question);
    default:
        return match_open(peer, question);
    }
}

struct flow_tri
flow_match_peers(const struct flow_rule *rule, const struct flow_question *question)
{
    struct flow_tri any = flow_tri_of(rule->peer_extent == FLOW_EXTENT_ANY);

    if (rule->peer_extent == FLOW_EXTENT_LISTED) {
        for (size_t i = 0; i < rule->peer_count && any.truth != FLOW_TRUE; i++) {
            any = flow_tri_or(any, flow_match_peer(&rule->peers[i], question));
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

struct flow_tri
flow_match_port(const struct flow_port *port, const struct flow_question *question)
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

struct flow_tri
flow_match_ports(const struct flow_rule *rule, const struct flow_policy *policy,
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
        any = flow_tri_or(any, flow_match_port(&rule->ports[i], question));
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
                       flow_match_peers(rule, question).truth == FLOW_TRUE
                   ? flow_tri_of(true)
                   : flow_tri_maybe(FLOW_UNDECIDED_INVENTORY);
    }
    ports = flow_match_ports(rule, policy, question);
    return ports.truth == FLOW_FALSE ? ports
                                     : flow_tri_and(ports, flow_match_peers(rule, question));
}
