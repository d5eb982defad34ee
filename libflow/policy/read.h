/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers of policy objects, one file a family. Each fills one or more struct flow_policy from an
 * object, or fails with the context's error: then a cluster would refuse the object too.
 */
#ifndef FLOW_POLICY_READ_H
#define FLOW_POLICY_READ_H

#include "policy/selector.h"

/* What the engine to be imitated does. */
struct flow_engine {
    const char *name;
    bool cilium;
    bool local_cluster;   /* peers of a CNP are of the policy's cluster unless it says otherwise */
    bool deep_fqdn;       /* "**." in a name pattern stands for one or more labels */
    bool requires;        /* fromRequires and toRequires are not removed yet */
    bool admin;           /* enforces AdminNetworkPolicy and BaselineAdminNetworkPolicy */
    bool cluster_network; /* enforces ClusterNetworkPolicy */
    bool cidr_pods;       /* prefixes can be made to match managed pods */
};

struct flow_policy_list {
    struct flow_policy *policies; /* in the arena of the context */
    size_t count, room;
};

struct flow_policy_reader {
    struct flow_fields_context *context;
    const struct flow_engine *engine;
    struct flow_policy_info info;      /* of the object */
    bool placeholder;                  /* in its namespace */
    bool open;                         /* a part that is not modelled narrows what its rules say */
    bool selects_nodes;                /* the spec that is read is about nodes */
    uint32_t nodes_line, nodes_column; /* of the first fromNodes or toNodes; 0 for none */
    struct flow_policy_list *out;
    struct flow_cache *regexes; /* of the set, by their text */
};

/* A new policy in the list, of the object being read; NULL (with the error set): out of memory. */
struct flow_policy *flow_policy_list_add(struct flow_policy_reader *reader, uint32_t spec_line);

/* count things of a size from the context's arena; NULL sets the error. */
void *flow_policy_array(struct flow_policy_reader *reader, size_t count, size_t size);

/* "egress[1]" in the arena. */
struct flow_str flow_policy_rule_name(struct flow_policy_reader *reader, const char *section,
                                      size_t index);

bool flow_policy_read_knp(struct flow_policy_reader *reader, const struct flow_node *object);
bool flow_policy_read_anp(struct flow_policy_reader *reader, const struct flow_node *object);
bool flow_policy_read_cilium(struct flow_policy_reader *reader, const struct flow_node *object);

/* cilium_peers.c: the one L3 member of a rule, if any. */
bool flow_cilium_read_peers(struct flow_policy_reader *reader, const struct flow_node *node,
                            bool subject_init, struct flow_rule *rule);
/* cilium_ports.c: toPorts and icmps. */
bool flow_cilium_read_ports(struct flow_policy_reader *reader, const struct flow_node *node,
                            bool deny, struct flow_rule *rule);

/* cilium_l7.c: what an entry of toPorts asks of requests; NULL for nothing. */
bool flow_cilium_read_requests(struct flow_policy_reader *reader, const struct flow_node *entry,
                               const struct flow_request_filter **out);
/* Whether a text can be a DNS name, or with stars a pattern of names. */
bool flow_cilium_is_name(struct flow_str text, bool star);

/*
 * A member that is a map or absent, of a custom resource: its schema refuses null for a map, while
 * kinds of Kubernetes' own take it for absent.
 */
bool flow_policy_map(struct flow_policy_reader *reader, const struct flow_node *map,
                     const char *key, const struct flow_node **member);

/* A CIDR and its exceptions, each inside it. */
bool flow_policy_read_except(struct flow_policy_reader *reader, const struct flow_node *map,
                             struct flow_peer *peer);

#endif
