/* SPDX-License-Identifier: Apache-2.0 */
/* Label selectors: reading them as Kubernetes and Cilium write them, and trying them on parties. */
#ifndef FLOW_POLICY_SELECTOR_H
#define FLOW_POLICY_SELECTOR_H

#include "enrich/party.h"
#include "policy/rules.h"
#include "policy/tri.h"

/* How the keys of a selector are meant. */
enum flow_key_form {
    FLOW_KEYS_POD,       /* a pod's own labels */
    FLOW_KEYS_NAMESPACE, /* the labels of its namespace */
    FLOW_KEYS_CILIUM,    /* "source:key", and any source without one */
    FLOW_KEYS_CIDR_GROUP /* the labels of a CiliumCIDRGroup */
};

/* A selector that grows while it is read. */
struct flow_selector_draft {
    struct flow_requirement *requirements;
    size_t count, room;
    struct flow_arena *arena;
};

/* Adds matchLabels and matchExpressions of the map to the draft. */
bool flow_selector_read(struct flow_fields_context *context, const struct flow_node *map,
                        enum flow_key_form form, struct flow_selector_draft *draft);

/* Adds one requirement; false when out of memory. */
bool flow_selector_add(struct flow_selector_draft *draft, struct flow_requirement requirement);
/* Adds "source:key = value"; the texts must outlive the selector. */
bool flow_selector_add_equal(struct flow_selector_draft *draft, struct flow_str source,
                             struct flow_str key, struct flow_str value);

struct flow_selector flow_selector_seal(const struct flow_selector_draft *draft);

/*
 * Whether the selector holds for a party; local_cluster is that of the enforcing agent, or {NULL,
 * 0} where peers are of any cluster unless they say otherwise.
 */
struct flow_tri flow_selector_match(const struct flow_selector *selector,
                                    const struct flow_party *party, struct flow_str local_cluster);

/* The same over plain labels that are all there are. */
bool flow_selector_match_labels(const struct flow_selector *selector,
                                const struct flow_pair *labels, size_t count);

#endif
