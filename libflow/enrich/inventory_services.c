/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes, Services and the addresses behind them: Node, CiliumNode, Service, Endpoints and
 * EndpointSlice. A node is one thing, whichever objects tell of it.
 */
#include <string.h>

#include "base/str.h"
#include "enrich/inventory_read.h"

static struct flow_cluster_node *
node_named(struct flow_inventory *inventory, struct flow_fields_context *context,
           struct flow_str name)
{
    struct flow_cluster_node *node =
        (struct flow_cluster_node *)(uintptr_t)flow_inventory_node(inventory, name);

    if (node == NULL) {
        node = flow_arena_alloc(context->arena, sizeof(*node));
        if (node == NULL || !flow_cache_put(&inventory->nodes, name, node)) {
            flow_fail_memory(context->err);
            return NULL;
        }
        node->name = name;
    }
    return node;
}

/* Addresses in a list of maps under one key, or of plain texts. */
static bool
own_list(struct flow_inventory *inventory, struct flow_fields_context *context,
         const struct flow_node *map, const char *list_key, const char *key,
         struct flow_address_entry owner)
{
    const struct flow_node *list;

    if (!flow_field_list(context, map, list_key, &list)) {
        return false;
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        struct flow_str text = { NULL, 0 };

        if (list->items[i]->type == FLOW_NODE_SCALAR) {
            text = list->items[i]->text;
        } else if (!flow_field_text_member(context, list->items[i], key, &text, NULL)) {
            return false;
        }
        if (!flow_inventory_own(inventory, context, text, owner)) {
            return false;
        }
    }
    return true;
}

/* An IPv4 and an IPv6 member of a map. */
static bool
own_pair(struct flow_inventory *inventory, struct flow_fields_context *context,
         const struct flow_node *spec, const char *key, uint8_t owner)
{
    const struct flow_address_entry entry = { .owner = owner };
    struct flow_str v4 = { NULL, 0 }, v6 = { NULL, 0 };
    const struct flow_node *map;

    return flow_field_map(context, spec, key, &map) &&
           flow_field_text_member(context, map, "ipv4", &v4, NULL) &&
           flow_field_text_member(context, map, "ipv6", &v6, NULL) &&
           flow_inventory_own(inventory, context, v4, entry) &&
           flow_inventory_own(inventory, context, v6, entry);
}

/* Prefixes of a node's pods; what is no prefix is left to the cluster, which would refuse it. */
static bool
take_pod_cidrs(struct flow_inventory *inventory, struct flow_fields_context *context,
               const struct flow_node *map, struct flow_cluster_node *node)
{
    const struct flow_node *list;

    if (!flow_field_list(context, map, "podCIDRs", &list)) {
        return false;
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        struct flow_pod_cidr *made = flow_arena_alloc(context->arena, sizeof(*made));
        struct flow_str text = { NULL, 0 };

        if (made == NULL) {
            flow_fail_memory(context->err);
            return false;
        }
        if (!flow_field_text(context, list->items[i], "podCIDRs", &text, NULL)) {
            return false;
        }
        if (flow_cidr_parse(&made->cidr, text, NULL) == FLOW_OK) {
            made->next = inventory->pod_cidrs;
            inventory->pod_cidrs = made;
            node->pod_cidrs_known = true;
        }
    }
    return true;
}

bool
flow_inventory_add_node(struct flow_inventory *inventory, struct flow_fields_context *context,
                        const struct flow_node *object)
{
    struct flow_cluster_node *node;
    const struct flow_node *spec, *status;
    struct flow_str ignored, name;

    if (!flow_inventory_name(context, object, false, &ignored, &name)) {
        return false;
    }
    node = node_named(inventory, context, name);
    if (node == NULL || !flow_field_map(context, object, "spec", &spec) ||
        !take_pod_cidrs(inventory, context, spec, node) ||
        !flow_inventory_labels(context, flow_field(object, "metadata"), "labels", &node->labels,
                               &node->label_count)) {
        return false;
    }
    node->labels_known = true;
    return flow_field_map(context, object, "status", &status) &&
           own_list(inventory, context, status, "addresses", "address",
                    (struct flow_address_entry){ .owner = FLOW_OWNER_NODE, .node = node });
}

bool
flow_inventory_add_cilium_node(struct flow_inventory *inventory,
                               struct flow_fields_context *context, const struct flow_node *object)
{
    struct flow_cluster_node *node;
    const struct flow_node *spec, *ipam;
    struct flow_str ignored, name;

    if (!flow_inventory_name(context, object, false, &ignored, &name)) {
        return false;
    }
    node = node_named(inventory, context, name);
    if (node == NULL) {
        return false;
    }
    if (!node->labels_known) {
        /* the agent copies the Node's labels */
        if (!flow_inventory_labels(context, flow_field(object, "metadata"), "labels", &node->labels,
                                   &node->label_count)) {
            return false;
        }
        node->labels_known = true;
    }
    return flow_field_map(context, object, "spec", &spec) &&
           flow_field_map(context, spec, "ipam", &ipam) &&
           take_pod_cidrs(inventory, context, ipam, node) &&
           own_list(inventory, context, spec, "addresses", "ip",
                    (struct flow_address_entry){ .owner = FLOW_OWNER_NODE, .node = node }) &&
           own_pair(inventory, context, spec, "health", FLOW_OWNER_HEALTH) &&
           own_pair(inventory, context, spec, "ingress", FLOW_OWNER_INGRESS);
}

bool
flow_inventory_add_service(struct flow_inventory *inventory, struct flow_fields_context *context,
                           const struct flow_node *object)
{
    const struct flow_address_entry owner = { .owner = FLOW_OWNER_SERVICE };
    struct flow_service *service = flow_arena_alloc(context->arena, sizeof(*service));
    struct flow_str address = { NULL, 0 };
    const struct flow_node *spec;

    if (service == NULL) {
        flow_fail_memory(context->err);
        return false;
    }
    return flow_field_map(context, object, "spec", &spec) &&
           flow_inventory_name(context, object, true, &service->namespace_name, &service->name) &&
           flow_inventory_labels(context, flow_field(object, "metadata"), "labels",
                                 &service->labels, &service->label_count) &&
           flow_inventory_labels(context, spec, "selector", &service->selector,
                                 &service->selector_count) &&
           flow_inventory_remember(context, &inventory->services, service->namespace_name,
                                   service->name, service) &&
           flow_field_text_member(context, spec, "clusterIP", &address, NULL) &&
           flow_inventory_own(inventory, context, address, owner) &&
           own_list(inventory, context, spec, "clusterIPs", "", owner);
}

/* The API server is reached by the Service "kubernetes" of the namespace "default". */
static bool
is_api_server(struct flow_str namespace_name, struct flow_str service)
{
    return flow_str_is(namespace_name, "default") && flow_str_is(service, "kubernetes");
}

/* Puts addresses behind a Service, in front of those that are there. */
static bool
add_backends(struct flow_inventory *inventory, struct flow_fields_context *context,
             struct flow_str namespace_name, struct flow_str service_name,
             struct flow_backends *backends)
{
    const struct flow_service service = { .namespace_name = namespace_name, .name = service_name };

    backends->next = flow_inventory_backends(inventory, &service);
    return flow_inventory_remember(context, &inventory->backends, namespace_name, service_name,
                                   backends);
}

/* One address as text, at the end of the list, which has room. */
static bool
take_backend(struct flow_inventory *inventory, struct flow_fields_context *context,
             struct flow_str text, bool api_server, struct flow_backends *backends)
{
    struct flow_address *address = &backends->addresses[backends->count];

    if (flow_address_parse(address, text, NULL) != FLOW_OK) {
        return true; /* a host name, of a slice that has names */
    }
    backends->count++;
    return !api_server || flow_inventory_own(inventory, context, text,
                                             (struct flow_address_entry){ .api_server = true });
}

static struct flow_backends *
new_backends(struct flow_fields_context *context, size_t room)
{
    struct flow_backends *backends = flow_arena_alloc(context->arena, sizeof(*backends));

    if (backends != NULL) {
        backends->addresses = flow_arena_array(context->arena, room, sizeof(*backends->addresses));
    }
    if (backends == NULL || backends->addresses == NULL) {
        flow_fail_memory(context->err);
        return NULL;
    }
    return backends;
}

/* An object without addresses tells that there are none. */
static bool
add_nothing(struct flow_inventory *inventory, struct flow_fields_context *context,
            struct flow_str namespace_name, struct flow_str name)
{
    struct flow_backends *backends = new_backends(context, 0);

    return backends != NULL && add_backends(inventory, context, namespace_name, name, backends);
}

static bool
add_subset(struct flow_inventory *inventory, struct flow_fields_context *context,
           const struct flow_node *subset, struct flow_str namespace_name, struct flow_str name)
{
    const struct flow_node *list;
    struct flow_backends *backends;

    if (!flow_field_list(context, subset, "addresses", &list) || list == NULL) {
        return list == NULL && flow_field(subset, "addresses") == NULL;
    }
    backends = new_backends(context, list->count);
    for (size_t i = 0; backends != NULL && i < list->count; i++) {
        struct flow_str text = { NULL, 0 };

        if (!flow_field_text_member(context, list->items[i], "ip", &text, NULL) ||
            !take_backend(inventory, context, text, is_api_server(namespace_name, name),
                          backends)) {
            return false;
        }
    }
    return backends != NULL && add_backends(inventory, context, namespace_name, name, backends);
}

bool
flow_inventory_add_endpoints(struct flow_inventory *inventory, struct flow_fields_context *context,
                             const struct flow_node *object)
{
    struct flow_str namespace_name, name;
    const struct flow_node *subsets;

    if (!flow_inventory_name(context, object, true, &namespace_name, &name) ||
        !flow_field_list(context, object, "subsets", &subsets)) {
        return false;
    }
    if (!add_nothing(inventory, context, namespace_name, name)) {
        return false;
    }
    for (size_t i = 0; subsets != NULL && i < subsets->count; i++) {
        if (!add_subset(inventory, context, subsets->items[i], namespace_name, name)) {
            return false;
        }
    }
    return true;
}

/* The Service of a slice is told by a label. */
static bool
service_of_slice(struct flow_fields_context *context, const struct flow_node *object,
                 struct flow_str *service)
{
    const struct flow_node *labels;

    *service = FLOW_STR("");
    return flow_field_map(context, flow_field(object, "metadata"), "labels", &labels) &&
           flow_field_text_member(context, labels, "kubernetes.io/service-name", service, NULL);
}

bool
flow_inventory_add_slice(struct flow_inventory *inventory, struct flow_fields_context *context,
                         const struct flow_node *object)
{
    struct flow_str namespace_name, name, service;
    const struct flow_node *endpoints;

    if (!flow_inventory_name(context, object, true, &namespace_name, &name) ||
        !service_of_slice(context, object, &service) ||
        !flow_field_list(context, object, "endpoints", &endpoints)) {
        return false;
    }
    if (service.len > 0 && !add_nothing(inventory, context, namespace_name, service)) {
        return false;
    }
    for (size_t i = 0; service.len > 0 && endpoints != NULL && i < endpoints->count; i++) {
        const struct flow_node *list;
        struct flow_backends *backends;

        if (!flow_field_list(context, endpoints->items[i], "addresses", &list)) {
            return false;
        }
        backends = new_backends(context, list != NULL ? list->count : 0);
        for (size_t a = 0; backends != NULL && list != NULL && a < list->count; a++) {
            struct flow_str text;

            if (!flow_field_text(context, list->items[a], "addresses", &text, NULL) ||
                !take_backend(inventory, context, text, is_api_server(namespace_name, service),
                              backends)) {
                return false;
            }
        }
        if (backends == NULL ||
            !add_backends(inventory, context, namespace_name, service, backends)) {
            return false;
        }
    }
    return true;
}
