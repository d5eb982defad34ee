/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A party: one end of a flow with all that is known of it, from the record and the inventory. The
 * record's own labels come first; the inventory may be older or younger than the flow.
 */
#ifndef FLOW_ENRICH_PARTY_H
#define FLOW_ENRICH_PARTY_H

#include "enrich/inventory.h"
#include "enrich/label_filter.h"

enum flow_party_class {
    FLOW_PARTY_UNKNOWN = 0, /* nothing tells what it is */
    FLOW_PARTY_POD,
    FLOW_PARTY_HOST, /* the node that reported, and its host-network pods */
    FLOW_PARTY_REMOTE_NODE,
    FLOW_PARTY_WORLD,   /* outside the cluster */
    FLOW_PARTY_INGRESS, /* Cilium's Envoy */
    FLOW_PARTY_HEALTH,
    FLOW_PARTY_INIT, /* an endpoint without labels yet */
    FLOW_PARTY_UNMANAGED,
    FLOW_PARTY_API_SERVER, /* kube-apiserver and nothing else is said */
    FLOW_PARTY_SERVICE     /* a Service's own address: seen before translation */
};

struct flow_party {
    uint32_t id;        /* counts up from 0 in one party table */
    uint8_t class;      /* enum flow_party_class */
    bool api_server;    /* carries the kube-apiserver label, whatever its class */
    bool identity_told; /* its labels, or a number that stands for them */
    bool may_serve_api; /* whether it carries that label is not told */
    bool labels_known;  /* a key that is not there is absent */
    bool namespace_labels_known;
    bool stripped_known; /* also keys that Cilium leaves out of identities */
    bool as_identity;    /* labels as identities have them: those keys are absent */
    bool template;       /* labels are a workload's: run-time ones are not known */
    bool cluster_told;   /* else it is of the cluster that the log and the inventory are of */
    bool any_node;       /* a node, and it is not told which: the pod's own or another */
    bool other_node;     /* on another node than the one that reports */
    bool anywhere;       /* the same at every address */
    bool
        host_network; /* a pod in its node's network; which of the two it is, the API leaves open */
    const struct flow_label_set *labels; /* never NULL; the namespace's name is one when known */
    struct flow_str namespace_name, pod_name, workload_name, cluster;
    const struct flow_pod *pod;             /* in the inventory, or NULL */
    const struct flow_label_filter *filter; /* of the identities */
};

struct flow_party_table {
    const struct flow_inventory *inventory; /* borrowed */
    const struct flow_label_filter *filter; /* of the identities; borrowed */
    struct flow_str cluster;                /* of pods that are told of none; borrowed */
    bool cilium;            /* labels as Cilium's identities have them, else as Kubernetes */
    struct flow_dict *sets; /* label sets made here */
    struct flow_arena arena;
    const struct flow_party **by_endpoint; /* by id of the record's endpoint */
    uint32_t endpoint_room;
    struct flow_cache by_address; /* for ends of which the record says nothing but the address */
    uint32_t count;
    const struct flow_dict *dict; /* whose endpoint ids these are */
    uint32_t dicts;               /* how many there were */
};

int flow_party_table_init(struct flow_party_table *table, const struct flow_inventory *inventory,
                          bool cilium, const struct flow_label_filter *filter,
                          struct flow_str cluster, struct flow_error *err);
void flow_party_table_free(struct flow_party_table *table);

/* Whether an endpoint is known to be a pod wherever it is; false also when that is not known yet.
 */
static inline bool
flow_party_is_pod(const struct flow_party_table *table, const struct flow_dict *dict,
                  const struct flow_endpoint *endpoint)
{
    const struct flow_party *party = table->dict == dict && endpoint->id < table->endpoint_room
                                         ? table->by_endpoint[endpoint->id]
                                         : NULL;

    return party != NULL && party->anywhere && party->class == FLOW_PARTY_POD;
}

/*
 * The party for an endpoint at an address, as a node ("node" or "cluster/node", or "") sees it;
 * the same for the same facts. NULL when out of memory.
 * dict is the dictionary of the endpoint: with another one, what was known is forgotten.
 */
const struct flow_party *flow_party_find(struct flow_party_table *table,
                                         const struct flow_dict *dict,
                                         const struct flow_endpoint *endpoint,
                                         const struct flow_address *address,
                                         struct flow_str reporter);

/* Says that an endpoint's party will be asked for soon; no more than a hint. */
static inline void
flow_party_prefetch(const struct flow_party_table *table, const struct flow_endpoint *endpoint)
{
    if (endpoint->id < table->endpoint_room) {
        __builtin_prefetch(table->by_endpoint[endpoint->id]);
    }
}

/* Whether an end is the node that reports, or may be. */
static inline bool
flow_party_may_report(const struct flow_party *party)
{
    return party->class == FLOW_PARTY_HOST || party->any_node || party->class == FLOW_PARTY_UNKNOWN;
}

#define FLOW_NAMESPACE_KEY "io.kubernetes.pod.namespace"
#define FLOW_NAMESPACE_LABELS_KEY "io.cilium.k8s.namespace.labels."
#define FLOW_CLUSTER_KEY "io.cilium.k8s.policy.cluster"
#define FLOW_SERVICE_ACCOUNT_KEY "io.cilium.k8s.policy.serviceaccount"

#endif
