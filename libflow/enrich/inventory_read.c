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

static bool
read_name(struct flow_fields_context *context, const struct flow_node *object, bool namespaced,
          struct flow_str *namespace_name, struct flow_str *name)
{
    const struct flow_node *metadata;

    *namespace_name = flow_str_of(namespaced ? context->default_namespace : "");
    *name = FLOW_STR("");
    return flow_field_map(context, object, "metadata", &metadata) &&
           flow_field_text_member(context, metadata, "name", name, NULL) &&
           (!namespaced ||
            flow_field_text_member(context, metadata, "namespace", namespace_name, NULL));
}

static uint8_t
protocol_of(struct flow_str text)
{
    return text.len == 0 || flow_str_is(text, "TCP") ? FLOW_PROTOCOL_TCP
           : flow_str_is(text, "UDP")                ? FLOW_PROTOCOL_UDP
           : flow_str_is(text, "SCTP")               ? FLOW_PROTOCOL_SCTP
                                                     : FLOW_PROTOCOL_UNKNOWN;
}

/* Items of a list member with a name, a protocol and a number under the given key. */
static bool
count_ports(struct flow_fields_context *context, const struct flow_node *list, const char *number,
            struct flow_port_name *ports, size_t *count)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct flow_node *item = list->items[i];
        struct flow_port_name port = { .number = 0 };
        struct flow_str protocol = { NULL, 0 };
        int64_t value = 0;

        if (item->type != FLOW_NODE_MAP || flow_field(item, "name") == NULL ||
            flow_field(item, number) == NULL) {
            continue;
        }
        if (ports != NULL) {
            if (!flow_field_text_member(context, item, "name", &port.name, NULL) ||
                !flow_field_text_member(context, item, "protocol", &protocol, NULL) ||
                !flow_field_integer(context, flow_field(item, number), number, 0, 65535, &value)) {
                return false;
            }
            port.protocol = protocol_of(protocol);
            port.number = (uint16_t)value;
            ports[*count] = port;
        }
        (*count)++;
    }
    return true;
}

static bool
each_container(struct flow_fields_context *context, const struct flow_node *spec,
               struct flow_port_name *ports, size_t *count)
{
    static const char *const lists[] = { "containers", "initContainers" };
    const struct flow_node *containers, *port_list;

    *count = 0;
    for (size_t l = 0; l < 2; l++) {
        if (!flow_field_list(context, spec, lists[l], &containers)) {
            return false;
        }
        for (size_t i = 0; containers != NULL && i < containers->count; i++) {
            const struct flow_node *container = containers->items[i];
            const struct flow_node *restart = flow_field(container, "restartPolicy");
            const size_t before = *count;

            /* an initContainer that is always restarted is a sidecar; others have no ports */
            if (l == 1 && (restart == NULL || !flow_str_is(restart->text, "Always"))) {
                continue;
            }
            if (!flow_field_is_map(context, container, lists[l]) ||
                !flow_field_list(context, container, "ports", &port_list) ||
                !count_ports(context, port_list, "containerPort", ports, count)) {
                return false;
            }
            for (size_t p = before; ports != NULL && p < *count; p++) {
                ports[p].sidecar = l == 1;
            }
        }
    }
    return true;
}

/* The pod that a spec and its metadata make. */
static struct flow_pod *
read_pod(struct flow_fields_context *context, const struct flow_node *metadata,
         const struct flow_node *spec)
{
    struct flow_pod *pod = flow_arena_alloc(context->arena, sizeof(*pod));
    const struct flow_node *host = flow_field(spec, "hostNetwork");

    if (pod == NULL) {
        flow_fail_memory(context->err);
        return NULL;
    }
    pod->service_account = flow_str_of(spec != NULL ? "default" : "");
    if (!flow_inventory_labels(context, metadata, "labels", &pod->labels, &pod->label_count) ||
        !flow_field_text_member(context, spec, "serviceAccountName", &pod->service_account, NULL) ||
        (host != NULL && !flow_field_boolean(context, host, "hostNetwork", &pod->host_network)) ||
        !each_container(context, spec, NULL, &pod->port_count)) {
        return NULL;
    }
    pod->ports = flow_arena_array(context->arena, pod->port_count, sizeof(*pod->ports));
    if (pod->ports == NULL) {
        flow_fail_memory(context->err);
        return NULL;
    }
    return each_container(context, spec, pod->ports, &pod->port_count) ? pod : NULL;
}

static bool
remember(struct flow_fields_context *context, struct flow_cache *cache,
         struct flow_str namespace_name, struct flow_str name, const void *value)
{
    char key[FLOW_INVENTORY_KEY_MAX];
    const size_t len = flow_inventory_key(key, namespace_name, name);

    if (len == 0 || !flow_cache_put(cache, (struct flow_str){ key, len }, value)) {
        flow_fail_memory(context->err);
        return false;
    }
    return true;
}

static bool
own_address(struct flow_inventory *inventory, struct flow_fields_context *context,
            struct flow_str text, uint8_t owner, const struct flow_pod *pod)
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
        *entry = (struct flow_address_entry){ owner, pod };
        if (before.owner == FLOW_OWNER_POD && owner == FLOW_OWNER_POD && before.pod != pod) {
            const bool same = flow_str_equal(before.pod->name, pod->name) &&
                              flow_str_equal(before.pod->namespace_name, pod->namespace_name);

            entry->owner = same ? FLOW_OWNER_POD : FLOW_OWNER_SEVERAL;
        }
    }
    if (entry == NULL ||
        !flow_cache_put(&inventory->addresses,
                        (struct flow_str){ (const char *)&address, sizeof(address) }, entry)) {
        flow_fail_memory(context->err);
        return false;
    }
    return true;
}

/* Addresses under status.podIP and status.podIPs[].ip. */
static bool
read_pod_addresses(struct flow_inventory *inventory, struct flow_fields_context *context,
                   const struct flow_node *status, const struct flow_pod *pod)
{
    struct flow_str text = { NULL, 0 };
    const struct flow_node *list;

    if (pod->ended || pod->host_network) {
        return true;
    }
    if (!flow_field_text_member(context, status, "podIP", &text, NULL) ||
        !flow_field_list(context, status, "podIPs", &list) ||
        !own_address(inventory, context, text, FLOW_OWNER_POD, pod)) {
        return false;
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (!flow_field_text_member(context, list->items[i], "ip", &text, NULL) ||
            !own_address(inventory, context, text, FLOW_OWNER_POD, pod)) {
            return false;
        }
    }
    return true;
}

static bool
add_pod(struct flow_inventory *inventory, struct flow_fields_context *context,
        const struct flow_node *object)
{
    const struct flow_node *spec, *status;
    struct flow_str phase = { NULL, 0 };
    struct flow_pod *pod;

    if (!flow_field_map(context, object, "spec", &spec) ||
        !flow_field_map(context, object, "status", &status) ||
        !flow_field_text_member(context, status, "phase", &phase, NULL)) {
        return false;
    }
    pod = read_pod(context, flow_field(object, "metadata"), spec);
    if (pod == NULL || !read_name(context, object, true, &pod->namespace_name, &pod->name)) {
        return false;
    }
    pod->ended = flow_str_is(phase, "Succeeded") || flow_str_is(phase, "Failed");
    return remember(context, &inventory->pods, pod->namespace_name, pod->name, pod) &&
           read_pod_addresses(inventory, context, status, pod);
}

static bool
add_workload(struct flow_inventory *inventory, struct flow_fields_context *context,
             const struct flow_node *object, struct flow_str kind)
{
    const struct flow_node *spec, *template;
    struct flow_pod *pod;

    if (!flow_field_map(context, object, "spec", &spec)) {
        return false;
    }
    if (flow_str_is(kind, "CronJob")) {
        const struct flow_node *job;

        if (!flow_field_map(context, spec, "jobTemplate", &job) ||
            !flow_field_map(context, job, "spec", &spec)) {
            return false;
        }
    }
    if (!flow_field_map(context, spec, "template", &template) || template == NULL) {
        return template == NULL; /* a patch of a workload, not one */
    }
    pod = read_pod(context, flow_field(template, "metadata"), flow_field(template, "spec"));
    if (pod == NULL || !read_name(context, object, true, &pod->namespace_name, &pod->name)) {
        return false;
    }
    pod->template = true;
    return remember(context, &inventory->workloads, pod->namespace_name, pod->name, pod);
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
    if (!read_name(context, object, false, &ignored, &namespace->name) ||
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

/* Addresses in a list of maps, under one key. */
static bool
own_list(struct flow_inventory *inventory, struct flow_fields_context *context,
         const struct flow_node *map, const char *list_key, const char *key, uint8_t owner)
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
        if (!own_address(inventory, context, text, owner, NULL)) {
            return false;
        }
    }
    return true;
}

static bool
add_node(struct flow_inventory *inventory, struct flow_fields_context *context,
         const struct flow_node *object)
{
    const struct flow_node *status;

    return flow_field_map(context, object, "status", &status) &&
           own_list(inventory, context, status, "addresses", "address", FLOW_OWNER_NODE);
}

static bool
add_cilium_node(struct flow_inventory *inventory, struct flow_fields_context *context,
                const struct flow_node *object)
{
    const struct flow_node *spec;

    return flow_field_map(context, object, "spec", &spec) &&
           own_list(inventory, context, spec, "addresses", "ip", FLOW_OWNER_NODE);
}

static bool
add_service(struct flow_inventory *inventory, struct flow_fields_context *context,
            const struct flow_node *object)
{
    struct flow_str address = { NULL, 0 };
    const struct flow_node *spec;

    return flow_field_map(context, object, "spec", &spec) &&
           flow_field_text_member(context, spec, "clusterIP", &address, NULL) &&
           own_address(inventory, context, address, FLOW_OWNER_SERVICE, NULL) &&
           own_list(inventory, context, spec, "clusterIPs", "", FLOW_OWNER_SERVICE);
}

/* A list of texts "source:key=value". */
static bool
read_identity_labels(struct flow_fields_context *context, const struct flow_node *list,
                     struct flow_pod *pod)
{
    if (list == NULL) {
        return true;
    }
    pod->identity_labels =
        flow_arena_array(context->arena, list->count, sizeof(*pod->identity_labels));
    if (pod->identity_labels == NULL) {
        flow_fail_memory(context->err);
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!flow_field_text(context, list->items[i], "labels", &pod->identity_labels[i], NULL)) {
            return false;
        }
    }
    pod->identity_label_count = list->count;
    return true;
}

static bool
read_endpoint_status(struct flow_inventory *inventory, struct flow_fields_context *context,
                     const struct flow_node *status, struct flow_pod *pod)
{
    const struct flow_node *identity, *networking, *addressing, *labels, *ports;

    if (!flow_field_map(context, status, "identity", &identity) ||
        !flow_field_list(context, identity, "labels", &labels) ||
        !read_identity_labels(context, labels, pod) ||
        !flow_field_list(context, status, "named-ports", &ports) ||
        !count_ports(context, ports, "port", NULL, &pod->port_count)) {
        return false;
    }
    pod->ports = flow_arena_array(context->arena, pod->port_count, sizeof(*pod->ports));
    pod->port_count = 0;
    if (pod->ports == NULL || !count_ports(context, ports, "port", pod->ports, &pod->port_count) ||
        !flow_field_map(context, status, "networking", &networking) ||
        !flow_field_list(context, networking, "addressing", &addressing)) {
        return false;
    }
    for (size_t i = 0; addressing != NULL && i < addressing->count; i++) {
        struct flow_str v4 = { NULL, 0 }, v6 = { NULL, 0 };

        if (!flow_field_text_member(context, addressing->items[i], "ipv4", &v4, NULL) ||
            !flow_field_text_member(context, addressing->items[i], "ipv6", &v6, NULL) ||
            !own_address(inventory, context, v4, FLOW_OWNER_POD, pod) ||
            !own_address(inventory, context, v6, FLOW_OWNER_POD, pod)) {
            return false;
        }
    }
    return true;
}

/* A CiliumEndpoint says more of the identity than the pod, and less of the pod. */
static bool
add_endpoint(struct flow_inventory *inventory, struct flow_fields_context *context,
             const struct flow_node *object)
{
    struct flow_pod *pod = flow_arena_alloc(context->arena, sizeof(*pod));
    const struct flow_pod *before;
    const struct flow_node *status;

    if (pod == NULL) {
        flow_fail_memory(context->err);
        return false;
    }
    if (!read_name(context, object, true, &pod->namespace_name, &pod->name) ||
        !flow_field_map(context, object, "status", &status)) {
        return false;
    }
    before = flow_inventory_pod(inventory, pod->namespace_name, pod->name);
    if (before != NULL) {
        *pod = *before;
        pod->port_count = 0;
    }
    if (!read_endpoint_status(inventory, context, status, pod)) {
        return false;
    }
    if (before != NULL && pod->port_count == 0) {
        pod->ports = before->ports;
        pod->port_count = before->port_count;
    }
    return remember(context, &inventory->pods, pod->namespace_name, pod->name, pod);
}

static bool
add_identity(struct flow_inventory *inventory, struct flow_fields_context *context,
             const struct flow_node *object)
{
    struct flow_pod *pod = flow_arena_alloc(context->arena, sizeof(*pod));
    const struct flow_node *labels;
    struct flow_str ignored;

    if (pod == NULL) {
        flow_fail_memory(context->err);
        return false;
    }
    if (!read_name(context, object, false, &ignored, &pod->name) ||
        !flow_field_map(context, object, "security-labels", &labels)) {
        return false;
    }
    pod->identity_labels = flow_arena_array(context->arena, labels != NULL ? labels->count : 0,
                                            sizeof(*pod->identity_labels));
    for (size_t i = 0; labels != NULL && pod->identity_labels != NULL && i < labels->count; i++) {
        const struct flow_str key = labels->pairs[i].key->text;
        struct flow_str value = FLOW_STR("");
        char *text;

        if (labels->pairs[i].value->type != FLOW_NODE_NULL &&
            !flow_field_text(context, labels->pairs[i].value, "security-labels", &value, NULL)) {
            return false;
        }
        text = flow_arena_alloc(context->arena, key.len + value.len + 2);
        if (text == NULL) {
            flow_fail_memory(context->err);
            return false;
        }
        memcpy(text, key.ptr, key.len);
        text[key.len] = '=';
        memcpy(text + key.len + 1, value.ptr, value.len);
        pod->identity_labels[pod->identity_label_count++] =
            (struct flow_str){ text, key.len + 1 + value.len };
    }
    if (!flow_cache_put(&inventory->identities, pod->name, pod)) {
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
    if (!read_name(context, object, false, &ignored, &group->name) ||
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
    { "", "Pod", add_pod },
    { "", "Node", add_node },
    { "", "Service", add_service },
    { "cilium.io", "CiliumEndpoint", add_endpoint },
    { "cilium.io", "CiliumIdentity", add_identity },
    { "cilium.io", "CiliumNode", add_cilium_node },
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
    { "discovery.k8s.io", "EndpointSlice" },      { "", "Endpoints" },
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
            return add_workload(inventory, context, object, kind) ? FLOW_OK : FLOW_E_INVALID;
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
