/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Kubernetes objects say of pods: Pods, the templates of workloads, CiliumEndpoints and
 * CiliumIdentities. A pod is one thing, whatever objects tell of it and in which order.
 */
#include <string.h>

#include "base/str.h"
#include "enrich/inventory_read.h"

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
        !flow_field_text_member(context, spec, "nodeName", &pod->node_name, NULL) ||
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

/* The pod of a name, as far as it is known. */
static struct flow_pod *
pod_named(struct flow_inventory *inventory, struct flow_fields_context *context,
          struct flow_str namespace_name, struct flow_str name)
{
    struct flow_pod *pod =
        (struct flow_pod *)(uintptr_t)flow_inventory_pod(inventory, namespace_name, name);

    if (pod != NULL) {
        return pod;
    }
    pod = flow_arena_alloc(context->arena, sizeof(*pod));
    if (pod == NULL) {
        flow_fail_memory(context->err);
        return NULL;
    }
    pod->namespace_name = namespace_name;
    pod->name = name;
    return flow_inventory_remember(context, &inventory->pods, namespace_name, name, pod) ? pod
                                                                                         : NULL;
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
        !flow_inventory_own_pod(inventory, context, text, pod)) {
        return false;
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (!flow_field_text_member(context, list->items[i], "ip", &text, NULL) ||
            !flow_inventory_own_pod(inventory, context, text, pod)) {
            return false;
        }
    }
    return true;
}

/* What a CiliumEndpoint says of a pod stays when the Pod is read behind it. */
static void
keep_endpoint(struct flow_pod *pod, const struct flow_pod *endpoint)
{
    pod->identity_labels = endpoint->identity_labels;
    pod->identity_label_count = endpoint->identity_label_count;
    if (endpoint->endpoint_ports) {
        pod->ports = endpoint->ports;
        pod->port_count = endpoint->port_count;
        pod->endpoint_ports = true;
    }
}

/* When a pod got its addresses, nearly; what is no time tells none. */
static int64_t
started_at(struct flow_fields_context *context, const struct flow_node *status)
{
    struct flow_str text = { NULL, 0 };
    int64_t time;

    return flow_field_text_member(context, status, "startTime", &text, NULL) && text.len > 0 &&
                   flow_time_parse(&time, text, NULL) == FLOW_OK
               ? time
               : FLOW_TIME_NONE;
}

bool
flow_inventory_add_pod(struct flow_inventory *inventory, struct flow_fields_context *context,
                       const struct flow_node *object)
{
    const struct flow_node *spec, *status;
    struct flow_str phase = { NULL, 0 };
    struct flow_pod *pod, *known;

    if (!flow_field_map(context, object, "spec", &spec) ||
        !flow_field_map(context, object, "status", &status) ||
        !flow_field_text_member(context, status, "phase", &phase, NULL)) {
        return false;
    }
    pod = read_pod(context, flow_field(object, "metadata"), spec);
    if (pod == NULL ||
        !flow_inventory_name(context, object, true, &pod->namespace_name, &pod->name)) {
        return false;
    }
    pod->ended = flow_str_is(phase, "Succeeded") || flow_str_is(phase, "Failed");
    pod->started = started_at(context, status);
    known = pod_named(inventory, context, pod->namespace_name, pod->name);
    if (known == NULL) {
        return false;
    }
    keep_endpoint(pod, known);
    *known = *pod;
    return read_pod_addresses(inventory, context, status, known);
}

bool
flow_inventory_add_workload(struct flow_inventory *inventory, struct flow_fields_context *context,
                            const struct flow_node *object, const char *kind)
{
    const struct flow_node *spec, *template;
    const struct flow_pod *before;
    struct flow_pod *pod;

    if (!flow_field_map(context, object, "spec", &spec)) {
        return false;
    }
    if (strcmp(kind, "CronJob") == 0) {
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
    if (pod == NULL ||
        !flow_inventory_name(context, object, true, &pod->namespace_name, &pod->name)) {
        return false;
    }
    before = flow_inventory_workload(inventory, pod->namespace_name, pod->name);
    pod->template = true;
    pod->kind = kind;
    pod->next = before != NULL && strcmp(before->kind, kind) == 0 ? before->next : before;
    return flow_inventory_remember(context, &inventory->workloads, pod->namespace_name, pod->name,
                                   pod);
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
read_endpoint_status(struct flow_fields_context *context, const struct flow_node *status,
                     struct flow_pod *pod)
{
    const struct flow_node *identity, *labels, *ports;

    if (!flow_field_map(context, status, "identity", &identity) ||
        !flow_field_list(context, identity, "labels", &labels) ||
        !read_identity_labels(context, labels, pod) ||
        !flow_field_list(context, status, "named-ports", &ports) ||
        !count_ports(context, ports, "port", NULL, &pod->port_count)) {
        return false;
    }
    pod->ports = flow_arena_array(context->arena, pod->port_count, sizeof(*pod->ports));
    pod->port_count = 0;
    if (pod->ports == NULL) {
        flow_fail_memory(context->err);
        return false;
    }
    return count_ports(context, ports, "port", pod->ports, &pod->port_count);
}

static bool
read_endpoint_addresses(struct flow_inventory *inventory, struct flow_fields_context *context,
                        const struct flow_node *status, const struct flow_pod *pod)
{
    const struct flow_node *networking, *addressing;

    if (!flow_field_map(context, status, "networking", &networking) ||
        !flow_field_list(context, networking, "addressing", &addressing)) {
        return false;
    }
    for (size_t i = 0; addressing != NULL && i < addressing->count; i++) {
        struct flow_str v4 = { NULL, 0 }, v6 = { NULL, 0 };

        if (!flow_field_text_member(context, addressing->items[i], "ipv4", &v4, NULL) ||
            !flow_field_text_member(context, addressing->items[i], "ipv6", &v6, NULL) ||
            !flow_inventory_own_pod(inventory, context, v4, pod) ||
            !flow_inventory_own_pod(inventory, context, v6, pod)) {
            return false;
        }
    }
    return true;
}

/* A CiliumEndpoint says more of the identity than the pod, and less of the pod. */
bool
flow_inventory_add_endpoint(struct flow_inventory *inventory, struct flow_fields_context *context,
                            const struct flow_node *object)
{
    struct flow_pod endpoint = { .port_count = 0 };
    const struct flow_node *status;
    struct flow_pod *pod;

    if (!flow_inventory_name(context, object, true, &endpoint.namespace_name, &endpoint.name) ||
        !flow_field_map(context, object, "status", &status) ||
        !read_endpoint_status(context, status, &endpoint)) {
        return false;
    }
    pod = pod_named(inventory, context, endpoint.namespace_name, endpoint.name);
    if (pod == NULL) {
        return false;
    }
    if (endpoint.identity_label_count > 0) {
        pod->identity_labels = endpoint.identity_labels;
        pod->identity_label_count = endpoint.identity_label_count;
    }
    if (endpoint.port_count > 0) {
        pod->ports = endpoint.ports;
        pod->port_count = endpoint.port_count;
        pod->endpoint_ports = true;
    }
    return read_endpoint_addresses(inventory, context, status, pod);
}

bool
flow_inventory_add_identity(struct flow_inventory *inventory, struct flow_fields_context *context,
                            const struct flow_node *object)
{
    struct flow_pod *pod = flow_arena_alloc(context->arena, sizeof(*pod));
    const struct flow_node *labels;
    struct flow_str ignored;

    if (pod == NULL) {
        flow_fail_memory(context->err);
        return false;
    }
    if (!flow_inventory_name(context, object, false, &ignored, &pod->name) ||
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
