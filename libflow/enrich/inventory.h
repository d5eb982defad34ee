/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot of a cluster: what pods, namespaces, nodes and groups there were. It answers what
 * flow records leave out: labels of a pod, the number behind a port's name, whose address it is.
 */
#ifndef FLOW_ENRICH_INVENTORY_H
#define FLOW_ENRICH_INVENTORY_H

#include "libflow/address.h"
#include "libflow/record.h"
#include "manifest/fields.h"
#include "model/dict.h"

struct flow_port_name {
    struct flow_str name;
    uint8_t protocol; /* enum flow_protocol */
    bool sidecar;     /* of an initContainer that stays, which not every engine looks at */
    uint16_t number;
};

/* A key and its value; of labels without a source. */
struct flow_pod {
    struct flow_str namespace_name, name;
    struct flow_str service_account; /* "" when not known */
    struct flow_str node_name;       /* where it runs, "" when not known */
    struct flow_pair *labels;
    size_t label_count;
    struct flow_port_name *ports;
    size_t port_count;
    bool host_network;
    bool ended;       /* its addresses may be another pod's by now */
    int64_t started;  /* FLOW_TIME_NONE when not told: before it the addresses were another's */
    bool template;    /* from a workload: labels that are added at run time are not known */
    const char *kind; /* of that workload */
    const struct flow_pod *next; /* a workload of the same name and another kind */
    /* from CiliumEndpoint: the identity's own labels, "source:key=value" */
    struct flow_str *identity_labels;
    size_t identity_label_count;
    bool endpoint_ports; /* so are the ports */
};

struct flow_namespace {
    struct flow_str name;
    struct flow_pair *labels;
    size_t label_count;
};

struct flow_cidr_group {
    struct flow_str name;
    struct flow_pair *labels;
    size_t label_count;
    struct flow_cidr *cidrs;
    size_t cidr_count;
};

/* A machine of the cluster. */
struct flow_cluster_node {
    struct flow_str name;
    struct flow_pair *labels;
    size_t label_count;
    bool labels_known;
    bool pod_cidrs_known; /* the prefixes that its pods have their addresses from */
};

/* Prefixes of pods, of one node; several make a list. */
struct flow_pod_cidr {
    struct flow_cidr cidr;
    const struct flow_pod_cidr *next;
};

/* A Service. One without a selector has the addresses of its Endpoints and EndpointSlices. */
struct flow_service {
    struct flow_str namespace_name, name;
    struct flow_pair *labels;
    size_t label_count;
    struct flow_pair *selector;
    size_t selector_count;
};

/* Addresses behind a Service, of one object; several make a list. */
struct flow_backends {
    struct flow_address *addresses;
    size_t count;
    const struct flow_backends *next;
};

enum flow_address_owner {
    FLOW_OWNER_NONE = 0,
    FLOW_OWNER_POD,
    FLOW_OWNER_NODE,
    FLOW_OWNER_SERVICE,
    FLOW_OWNER_SEVERAL, /* two objects say so; none is believed */
    FLOW_OWNER_HEALTH,  /* Cilium's health endpoint of a node */
    FLOW_OWNER_INGRESS  /* Cilium's Envoy of a node */
};

struct flow_inventory {
    struct flow_arena arena;
    struct flow_cache pods;       /* "namespace/name" -> struct flow_pod */
    struct flow_cache workloads;  /* "namespace/name" -> struct flow_pod, as a template */
    struct flow_cache namespaces; /* name -> struct flow_namespace */
    struct flow_cache identities; /* number as text -> struct flow_pod with identity labels */
    struct flow_cache groups;     /* name -> struct flow_cidr_group */
    struct flow_cache nodes;      /* name -> struct flow_cluster_node */
    struct flow_cache services;   /* "namespace/name" -> struct flow_service */
    struct flow_cache backends;   /* "namespace/name" of a Service -> struct flow_backends */
    struct flow_cache addresses;  /* bytes of a struct flow_address -> struct flow_address_entry */
    const struct flow_pod_cidr *pod_cidrs;
    size_t count; /* objects */
};

struct flow_address_entry {
    uint8_t owner;   /* enum flow_address_owner */
    bool api_server; /* an address of the Service default/kubernetes */
    const struct flow_pod *pod;
    const struct flow_cluster_node *node;
};

bool flow_inventory_init(struct flow_inventory *inventory);
void flow_inventory_free(struct flow_inventory *inventory);

/*
 * Takes an object in when it is of a kind the inventory knows: FLOW_OK, FLOW_END for another kind,
 * or an error (the context's) that costs this object.
 */
int flow_inventory_add(struct flow_inventory *inventory, struct flow_fields_context *context,
                       struct flow_str group, struct flow_str kind, const struct flow_node *object);

const struct flow_pod *flow_inventory_pod(const struct flow_inventory *inventory,
                                          struct flow_str namespace_name, struct flow_str name);
/* The first of the workloads of a name; the others, of other kinds, are linked to it. */
const struct flow_pod *flow_inventory_workload(const struct flow_inventory *inventory,
                                               struct flow_str namespace_name,
                                               struct flow_str name);
/* The pod that an end names, or the template of the workload that makes pods of such names. */
const struct flow_pod *flow_inventory_pod_of(const struct flow_inventory *inventory,
                                             const struct flow_endpoint *endpoint);
const struct flow_namespace *flow_inventory_namespace(const struct flow_inventory *inventory,
                                                      struct flow_str name);
const struct flow_pod *flow_inventory_identity(const struct flow_inventory *inventory,
                                               uint32_t identity);
const struct flow_cidr_group *flow_inventory_group(const struct flow_inventory *inventory,
                                                   struct flow_str name);
const struct flow_cluster_node *flow_inventory_node(const struct flow_inventory *inventory,
                                                    struct flow_str name);
/* The first of the lists of addresses behind a Service; NULL when none is known. */
const struct flow_backends *flow_inventory_backends(const struct flow_inventory *inventory,
                                                    const struct flow_service *service);
/*
 * Whether an address is outside the cluster for sure: every node told its pods' prefixes, it is in
 * none of them, no object of the inventory has it, and it is one that can be far away.
 */
bool flow_inventory_is_outside(const struct flow_inventory *inventory,
                               const struct flow_address *address);
struct flow_address_entry flow_inventory_address(const struct flow_inventory *inventory,
                                                 const struct flow_address *address);

#endif
