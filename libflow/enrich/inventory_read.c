/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes objects into the inventory. Only the fields that answer a question are read; a pod of
 * whatever version and with whatever else in it is fine.
 */
#include "enrich/inventory_read.h"

#include <string.h>

#include "base/str.h"

bool
flow_inventory_labels(struct flow_fields_context *context, const struct flow_node *map,
                      const char *key, struct flow_pair **labels, size_t *count)
{
    const struct flow_node *node;

    *labels = NULL;
    *count = 0;
    if (!flow_field_map(context, map, key, &node)) {
        return false;
    }
    if (node == NULL) {
        return true;
    }
    *labels = flow_arena_array(context->arena, node->count, sizeof(**labels));
    if (*labels == NULL) {
        flow_fail_memory(context->err);
        return false;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct flow_node_pair *pair = &node->pairs[i];

        (*labels)[i].name = flow_arena_str(context->arena, pair->key->text);
        (*labels)[i].value = FLOW_STR("");
        if (pair->value->type != FLOW_NODE_NULL &&
            !flow_field_text(context, pair->value, key, &(*labels)[i].value, NULL)) {
            return false;
        }
    }
    *count = node->count;
    return true;
}

bool
flow_inventory_name(struct flow_fields_context *context, const struct flow_node *object,
                    bool namespaced, struct flow_str *namespace_name, struct flow_str *name)
{
    const struct flow_node *metadata;

    *namespace_name = flow_str_of(namespaced ? context->default_namespace : "");
    *name = FLOW_STR("");
    return flow_field_map(context, object, "metadata", &metadata) &&
           flow_field_text_member(context, metadata, "name", name, NULL) &&
           (!namespaced ||
            flow_field_text_member(context, metadata, "namespace", namespace_name, NULL));
}

bool
flow_inventory_remember(struct flow_fields_context *context, struct flow_cache *cache,
                        struct flow_str namespace_name, struct flow_str name, const void *value)
{
    char key[FLOW_INVENTORY_KEY_MAX];
    const size_t len = flow_inventory_key(key, namespace_name, name);

    if (len == 0) {
        flow_fail(context->err, FLOW_E_INVALID, "expected names of at most 253 bytes");
    } else if (!flow_cache_put(cache, (struct flow_str){ key, len }, value)) {
        flow_fail_memory(context->err);
        return false;
    }
    return len > 0;
}

bool
flow_inventory_own(struct flow_inventory *inventory, struct flow_fields_context *context,
                   struct flow_str text, struct flow_address_entry owner)
{
    struct flow_address_entry *entry = flow_arena_alloc(context->arena, sizeof(*entry));
    struct flow_address_entry before;
    struct flow_address address;

    /* text that is no address ("None" for a headless Service) owns nothing */
    memset(&address, 0, sizeof(address));
    if (flow_address_parse(&address, text, NULL) != FLOW_OK) {
        return true;
    }
    before = flow_inventory_address(inventory, &address);
    if (entry != NULL) {
        *entry = owner;
        if (before.owner != FLOW_OWNER_NONE && owner.owner != FLOW_OWNER_NONE &&
            (before.owner != owner.owner || before.pod != owner.pod || before.node != owner.node)) {
            *entry = (struct flow_address_entry){ .owner = FLOW_OWNER_SEVERAL };
        } else if (owner.owner == FLOW_OWNER_NONE) {
            *entry = before;
        }
        entry->api_server = before.api_server || owner.api_server;
    }
    if (entry == NULL ||
        !flow_cache_put(&inventory->addresses,
                        (struct flow_str){ (const char *)&address, sizeof(address) }, entry)) {
        flow_fail_memory(context->err);
        return false;
    }
    return true;
}

bool
flow_inventory_own_pod(struct flow_inventory *inventory, struct flow_fields_context *context,
                       struct flow_str text, const struct flow_pod *pod)
{
    return flow_inventory_own(inventory, context, text,
                              (struct flow_address_entry){ .owner = FLOW_OWNER_POD, .pod = pod });
}

static bool
add_namespace(struct flow_inventory *inventory, struct flow_fields_context *context,
              const struct flow_node *object)
{
    struct flow_namespace *namespace = flow_arena_alloc(context->arena, sizeof(*namespace));
    struct flow_str ignored;

    if (namespace == NULL) {
        flow_fail_memory(context->err);
        return false;
    }
    if (!flow_inventory_name(context, object, false, &ignored, &namespace->name) ||
        !flow_inventory_labels(context, flow_field(object, "metadata"), "labels",
                               &namespace->labels, &namespace->label_count)) {
        return false;
    }
    if (!flow_cache_put(&inventory->namespaces, namespace->name, namespace)) {
        flow_fail_memory(context->err);
        return false;
    }
    return true;
}

static bool
add_group(struct flow_inventory *inventory, struct flow_fields_context *context,
          const struct flow_node *object)
{
    struct flow_cidr_group *group = flow_arena_alloc(context->arena, sizeof(*group));
    const struct flow_node *spec, *list;
    struct flow_str ignored;

    if (group == NULL) {
        flow_fail_memory(context->err);
        return false;
    }
    if (!flow_inventory_name(context, object, false, &ignored, &group->name) ||
        !flow_inventory_labels(context, flow_field(object, "metadata"), "labels", &group->labels,
                               &group->label_count) ||
        !flow_field_map(context, object, "spec", &spec) ||
        !flow_field_list(context, spec, "externalCIDRs", &list)) {
        return false;
    }
    group->cidrs =
        flow_arena_array(context->arena, list != NULL ? list->count : 0, sizeof(*group->cidrs));
    for (size_t i = 0; list != NULL && group->cidrs != NULL && i < list->count; i++) {
        struct flow_str text;

        if (!flow_field_text(context, list->items[i], "externalCIDRs", &text, NULL)) {
            return false;
        }
        if (flow_cidr_parse(&group->cidrs[i], text, NULL) != FLOW_OK) {
            return flow_field_fail(context, list->items[i], "a CIDR prefix in externalCIDRs");
        }
        group->cidr_count++;
    }
    if (!flow_cache_put(&inventory->groups, group->name, group)) {
        flow_fail_memory(context->err);
        return false;
    }
    return true;
}

typedef bool add_function(struct flow_inventory *inventory, struct flow_fields_context *context,
                          const struct flow_node *object);

static const struct {
    const char *group, *kind;
    add_function *add;
} kinds[] = {
    { "", "Namespace", add_namespace },
    { "", "Pod", flow_inventory_add_pod },
    { "", "Node", flow_inventory_add_node },
    { "", "Service", flow_inventory_add_service },
    { "", "Endpoints", flow_inventory_add_endpoints },
    { "discovery.k8s.io", "EndpointSlice", flow_inventory_add_slice },
    { "cilium.io", "CiliumEndpoint", flow_inventory_add_endpoint },
    { "cilium.io", "CiliumIdentity", flow_inventory_add_identity },
    { "cilium.io", "CiliumNode", flow_inventory_add_cilium_node },
    { "cilium.io", "CiliumCIDRGroup", add_group },
};

static const struct {
    const char *group, *kind;
} workload_kinds[] = {
    { "apps", "Deployment" },        { "apps", "ReplicaSet" }, { "apps", "StatefulSet" },
    { "apps", "DaemonSet" },         { "batch", "Job" },       { "batch", "CronJob" },
    { "", "ReplicationController" },
};

/* Kinds that say something of the cluster and answer no question yet. */
static const struct {
    const char *group, *kind;
} known_kinds[] = {
    { "gateway.networking.k8s.io", "Gateway" },   { "gateway.networking.k8s.io", "GatewayClass" },
    { "gateway.networking.k8s.io", "HTTPRoute" }, { "gateway.networking.k8s.io", "GRPCRoute" },
    { "gateway.networking.k8s.io", "TLSRoute" },  { "gateway.networking.k8s.io", "TCPRoute" },
    { "networking.k8s.io", "Ingress" },           { "networking.k8s.io", "IngressClass" },
};

int
flow_inventory_add(struct flow_inventory *inventory, struct flow_fields_context *context,
                   struct flow_str group, struct flow_str kind, const struct flow_node *object)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (flow_str_is(group, kinds[i].group) && flow_str_is(kind, kinds[i].kind)) {
            inventory->count++;
            return kinds[i].add(inventory, context, object) ? FLOW_OK : FLOW_E_INVALID;
        }
    }
    for (size_t i = 0; i < sizeof(workload_kinds) / sizeof(workload_kinds[0]); i++) {
        if (flow_str_is(group, workload_kinds[i].group) &&
            flow_str_is(kind, workload_kinds[i].kind)) {
            inventory->count++;
            return flow_inventory_add_workload(inventory, context, object, workload_kinds[i].kind)
                       ? FLOW_OK
                       : FLOW_E_INVALID;
        }
    }
    for (size_t i = 0; i < sizeof(known_kinds) / sizeof(known_kinds[0]); i++) {
        if (flow_str_is(group, known_kinds[i].group) && flow_str_is(kind, known_kinds[i].kind)) {
            inventory->count++;
            return FLOW_OK;
        }
    }
    return FLOW_END;
}
