/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one form that policies of every family are turned into. The families differ in what their
 * words mean; a family's reader writes that meaning out here, so that deciding knows no family.
 */
#ifndef FLOW_POLICY_RULES_H
#define FLOW_POLICY_RULES_H

#include "libflow/classifier.h"

struct flow_backends;
struct flow_cidr_group;
struct flow_request_filter;

enum flow_selector_op {
    FLOW_OP_IN = 0,
    FLOW_OP_NOT_IN,
    FLOW_OP_EXISTS,
    FLOW_OP_NOT_EXISTS,
    FLOW_OP_LOCAL_CLUSTER /* the peer is of the subject's cluster, or no cluster is told */
};

struct flow_requirement {
    struct flow_str source; /* "" for any source */
    struct flow_str key;
    uint8_t op;       /* enum flow_selector_op */
    bool placeholder; /* a variable without a value stands in it */
    struct flow_str *values;
    size_t value_count;
};

/* All requirements must hold; none selects everything. */
struct flow_selector {
    struct flow_requirement *requirements;
    size_t count;
};

enum flow_entity {
    FLOW_ENTITY_ALL = 0,
    FLOW_ENTITY_WORLD,
    FLOW_ENTITY_WORLD_V4,
    FLOW_ENTITY_WORLD_V6,
    FLOW_ENTITY_HOST,
    FLOW_ENTITY_REMOTE_NODE,
    FLOW_ENTITY_API_SERVER,
    FLOW_ENTITY_INGRESS,
    FLOW_ENTITY_HEALTH,
    FLOW_ENTITY_INIT,
    FLOW_ENTITY_UNMANAGED,
    FLOW_ENTITY_NONE,
    FLOW_ENTITY_CLUSTER
};

enum flow_peer_kind {
    FLOW_PEER_SELECTOR, /* endpoints by their labels */
    FLOW_PEER_PODS,     /* pods by their labels: never a node, the world, health or ingress */
    FLOW_PEER_CIDR,     /* addresses outside the cluster */
    FLOW_PEER_IP_BLOCK, /* addresses; inside the cluster the API leaves it open */
    FLOW_PEER_ENTITY,
    FLOW_PEER_FQDN,    /* addresses outside that a name resolved to */
    FLOW_PEER_GROUP,   /* the addresses of CIDR groups, found in the inventory */
    FLOW_PEER_NETWORK, /* addresses, those of pods too */
    FLOW_PEER_NODES,   /* nodes by their labels */
    FLOW_PEER_SERVICE, /* what stands behind Services, found in the inventory */
    FLOW_PEER_CLOUD,   /* addresses that only the cloud knows */
    FLOW_PEER_NONE,    /* nothing: its content is not known, and the rule fails closed */
    FLOW_PEER_OPEN     /* not known: may match any peer that its entity selects */
};

/* A Service as a peer: the pods that its selector selects, or (backends not NULL) addresses. */
struct flow_service_peer {
    struct flow_selector selector;
    const struct flow_backends *backends;
};

struct flow_peer {
    uint8_t kind; /* enum flow_peer_kind */
    uint8_t entity;
    uint32_t why; /* of FLOW_PEER_OPEN; of others when a placeholder stands in them */
    struct flow_selector selector;
    struct flow_cidr cidr;
    struct flow_cidr *except;
    size_t except_count;
    struct flow_str pattern;        /* of FLOW_PEER_FQDN; the name of a group or Service, or "" */
    struct flow_str namespace_name; /* of FLOW_PEER_SERVICE; "" for any */
    bool deep;                      /* "**." at the start of the pattern stands for many labels */
    const struct flow_cidr_group **groups; /* of FLOW_PEER_GROUP */
    size_t group_count;
    const struct flow_service_peer *services; /* of FLOW_PEER_SERVICE */
    size_t service_count;
    bool no_host_network; /* of pods: those in their node's network are not meant */
    bool remote_nodes;    /* of FLOW_PEER_NODES: never the subject's own node */
    uint32_t line, column;
};

/* Bits of flow_port.protocols, by enum flow_protocol. */
#define FLOW_PROTOCOL_BIT(protocol) (1u << (protocol))
#define FLOW_PROTOCOLS_WITH_PORTS                                                                  \
    (FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_TCP) | FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_UDP) |                 \
     FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_SCTP))

struct flow_port {
    uint16_t protocols;
    bool any_port;
    uint16_t first, last; /* port, or ICMP type */
    struct flow_str name; /* a port by name, or "" */
    bool placeholder;
    uint32_t why;                             /* set: whether it matches is not known */
    const struct flow_request_filter *filter; /* of requests behind the L4 answer, or NULL */
};

/* Whether a rule says something of peers (or ports), and when it does, whether that can match. */
enum flow_extent { FLOW_EXTENT_ANY, FLOW_EXTENT_LISTED, FLOW_EXTENT_NOTHING };

struct flow_rule {
    uint8_t direction; /* enum flow_direction */
    bool deny;
    bool pass;                        /* leaves the decision to the next tier */
    uint8_t auth;                     /* enum flow_auth: what the peer has to show */
    bool l7;                          /* requests are filtered behind the L4 answer */
    uint8_t peer_extent, port_extent; /* enum flow_extent */
    uint32_t line;
    struct flow_str name; /* "egress[1]" */
    struct flow_peer *peers;
    size_t peer_count;
    struct flow_port *ports;
    size_t port_count;
};

struct flow_policy {
    uint8_t tier;      /* enum flow_tier */
    uint16_t priority; /* within the admin and baseline tiers; lower is asked first */
    struct flow_policy_info info;
    size_t place;   /* among the policies as they were read */
    uint32_t index; /* of the object in flow_policies_at */
    uint32_t spec_line;
    bool selects_nodes; /* nodeSelector: the subject is a node */
    uint32_t why;       /* set: it may select any endpoint in scope and say anything */
    struct flow_selector subject;
    bool subject_pods;                 /* only pods, never health, ingress or other endpoints */
    bool isolates[3];                  /* by direction: what no rule admits is denied */
    bool speaks[3];                    /* by direction: it has rules of it */
    uint32_t nodes_line, nodes_column; /* of fromNodes or toNodes, which has to be enabled; or 0 */
    bool icmp_undefined; /* rules with ports say nothing of ICMP, and the API leaves it open */
    struct flow_rule *rules;
    size_t rule_count;
};

#endif
