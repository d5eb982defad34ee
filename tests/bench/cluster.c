/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the cluster of cluster.h from a seed: names, addresses, labels, and each endpoint's JSON,
 * once. What traffic there is and what a record looks like is left to others.
 */
#include "cluster.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct role roles[ROLES] = {
    [FRONTEND] = { "frontend", "Deployment", NULL, 8080, "http", "TCP" },
    [API] = { "api", "Deployment", NULL, 8080, "http", "TCP" },
    [DB] = { "db", "StatefulSet", NULL, 5432, "postgresql", "TCP" },
    [WORKER] = { "worker", "Deployment", NULL, 8081, "health", "TCP" },
    [COREDNS] = { "coredns", "Deployment", "k8s-app=kube-dns", 53, "dns", "UDP" },
    [METRICS_SERVER] = { "metrics-server", "Deployment", NULL, 10250, "https", "TCP" },
    [PROMETHEUS] = { "prometheus", "StatefulSet", NULL, 9090, "web", "TCP" },
    [GRAFANA] = { "grafana", "Deployment", NULL, 3000, "web", "TCP" },
};

_Noreturn void
die(const char *what)
{
    fprintf(stderr, "generate: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* The last step of splitmix64. */
uint64_t
scatter(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

uint64_t
draw(struct cluster *cluster)
{
    cluster->random += UINT64_C(0x9e3779b97f4a7c15);
    return scatter(cluster->random);
}

uint32_t
below(struct cluster *cluster, uint32_t bound)
{
    return (uint32_t)(((draw(cluster) >> 32) * bound) >> 32);
}

static struct text __attribute__((format(printf, 1, 2))) text_of(const char *format, ...)
{
    struct text text;
    va_list args;
    int len;

    va_start(args, format);
    len = vasprintf(&text.ptr, format, args);
    va_end(args);
    if (len < 0) {
        die("cannot make text");
    }
    text.len = (size_t)len;
    return text;
}

static void *
make(size_t count, size_t size)
{
    void *made = calloc(count, size);

    if (made == NULL) {
        die("cannot make the cluster");
    }
    return made;
}

uint32_t
ns_first(const struct cluster *cluster, uint32_t ns)
{
    return (uint32_t)((uint64_t)cluster->options.pods * ns / cluster->options.namespaces);
}

uint32_t
role_first(const struct cluster *cluster, uint32_t ns, uint32_t role)
{
    const uint32_t first = ns_first(cluster, ns), count = ns_first(cluster, ns + 1) - first;
    const uint32_t share = ns < 2 ? 2 : 4;
    const uint32_t index = ns < 2 ? role - COREDNS - 2 * ns : role;

    return first + (count * index + share - 1) / share;
}

uint32_t
role_end(const struct cluster *cluster, uint32_t ns, uint32_t role)
{
    const bool last = role == WORKER || role == METRICS_SERVER || role == GRAFANA;

    return last ? ns_first(cluster, ns + 1) : role_first(cluster, ns, role + 1);
}

/* Letters and digits of a generated name, as Kubernetes picks them. */
static void
spell(char *out, uint64_t value, unsigned int len)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";

    for (unsigned int i = 0; i < len; i++, value /= 27) {
        out[i] = letters[value % 27];
    }
    out[len] = '\0';
}

static void
name_pod(struct endpoint *pod, uint32_t ordinal)
{
    const struct role *role = &roles[pod->role];
    char tail[6];

    spell(pod->hash, scatter((uint64_t)pod->ns * ROLES + pod->role + 1), 10);
    spell(tail, scatter((uint64_t)ordinal << 32 | (uint64_t)pod->ns << 4 | pod->role), 5);
    if (strcmp(role->kind, "StatefulSet") == 0) {
        snprintf(pod->name, sizeof(pod->name), "%s-%u", role->name, ordinal);
    } else {
        snprintf(pod->name, sizeof(pod->name), "%s-%s-%s", role->name, pod->hash, tail);
    }
}

/* Addresses and link names; a node's pods count up through 10.42.<node>.0/24, then 10.43 and on. */
static void
place_pod(struct endpoint *pod, uint32_t on_node, uint32_t index, uint64_t random)
{
    const unsigned int byte[6] = {
        (unsigned int)(random >> 8) & 255,  (unsigned int)(random >> 16) & 255,
        (unsigned int)(random >> 24) & 255, (unsigned int)(random >> 32) & 255,
        (unsigned int)(random >> 40) & 255, (unsigned int)(random >> 48) & 255,
    };

    snprintf(pod->ip, sizeof(pod->ip), "10.%u.%u.%u", 42 + on_node / 200 % 100, pod->node & 255,
             10 + on_node % 200);
    snprintf(pod->mac, sizeof(pod->mac), "%02x:%02x:%02x:%02x:%02x:%02x", (byte[0] & 0xfc) | 2,
             byte[1], byte[2], byte[3], byte[4], index & 255);
    snprintf(pod->gate, sizeof(pod->gate), "%02x:%02x:%02x:%02x:%02x:%02x", (byte[5] & 0xfc) | 2,
             byte[4], byte[3], byte[2], byte[1], index & 255);
    snprintf(pod->interface, sizeof(pod->interface), "lxc%02x%02x%02x%02x%02x%02x", byte[0],
             byte[1], byte[2], byte[3], byte[4], byte[5]);
}

/* The labels of the pod's identity in the order of their text, as the agent sorts them. */
static struct text
labels_of(const struct cluster *cluster, const struct endpoint *pod)
{
    const struct role *role = &roles[pod->role];
    const char *ns = cluster->names[pod->ns];
    char tenant[80] = "", extra[64] = "";

    if (pod->ns >= 2) {
        snprintf(tenant, sizeof(tenant), "\"k8s:io.cilium.k8s.namespace.labels.tenant=tenant-%u\",",
                 (pod->ns - 2) % TENANTS);
    }
    if (role->extra != NULL) {
        snprintf(extra, sizeof(extra), ",\"k8s:%s\"", role->extra);
    }
    return text_of("\"k8s:app.kubernetes.io/name=%s\","
                   "\"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=%s\",%s"
                   "\"k8s:io.cilium.k8s.policy.cluster=default\","
                   "\"k8s:io.cilium.k8s.policy.serviceaccount=%s\","
                   "\"k8s:io.kubernetes.pod.namespace=%s\"%s",
                   role->name, ns, tenant, role->name, ns, extra);
}

static void
make_pod(struct cluster *cluster, uint32_t ns, uint32_t role, uint32_t index)
{
    struct endpoint *pod = &cluster->pods[index];
    const uint32_t on_node = index / cluster->options.nodes;
    const uint64_t random = draw(cluster);
    struct text labels;

    pod->ns = ns;
    pod->role = (uint8_t)role;
    pod->node = index % cluster->options.nodes;
    name_pod(pod, index - role_first(cluster, ns, role));
    place_pod(pod, on_node, index, random);
    labels = labels_of(cluster, pod);
    pod->remote = text_of("{\"identity\":%u,\"cluster_name\":\"default\",\"namespace\":\"%s\","
                          "\"labels\":[%s],\"pod_name\":\"%s\"}",
                          2000 + ns * ROLES + role, cluster->names[ns], labels.ptr, pod->name);
    pod->local = text_of("{\"ID\":%u,%.*s,\"workloads\":[{\"name\":\"%s\",\"kind\":\"%s\"}]}",
                         11 + on_node * 7 + (uint32_t)(random & 3), (int)pod->remote.len - 2,
                         pod->remote.ptr + 1, roles[role].name, roles[role].kind);
    free(labels.ptr);
}

/* Peers that are no pods; their addresses count up the last byte behind prefix. */
static struct endpoint *
make_outside(uint32_t count, const char *prefix, const char *name, uint32_t identity,
             const char *labels)
{
    struct endpoint *made = make(count, sizeof(*made));

    for (uint32_t i = 0; i < count; i++) {
        made[i].ns = made[i].node = UINT32_MAX;
        snprintf(made[i].ip, sizeof(made[i].ip), "%s%u", prefix, 11 + i % 240);
        if (name != NULL) {
            snprintf(made[i].name, sizeof(made[i].name), "%s-%02u.example.org", name, i);
        }
        made[i].local = text_of("{\"identity\":%u,\"labels\":[%s]}", identity, labels);
        made[i].remote = made[i].local;
    }
    return made;
}

static void
make_namespaces(struct cluster *cluster)
{
    cluster->names = make(cluster->options.namespaces, sizeof(*cluster->names));
    for (uint32_t ns = 0; ns < cluster->options.namespaces; ns++) {
        const uint32_t role = ns < 2 ? COREDNS + 2 * ns : FRONTEND, end = role + (ns < 2 ? 2 : 4);

        if (ns < 2) {
            strcpy(cluster->names[ns], ns == 0 ? "kube-system" : "monitoring");
        } else {
            snprintf(cluster->names[ns], sizeof(*cluster->names), "team-%02u", ns - 2);
        }
        for (uint32_t r = role; r < end; r++) {
            for (uint32_t i = role_first(cluster, ns, r); i < role_end(cluster, ns, r); i++) {
                make_pod(cluster, ns, r, i);
            }
        }
    }
}

void
cluster_make(struct cluster *cluster, const struct cluster_options *options)
{
    cluster->options = *options;
    cluster->random = options->seed;
    cluster->nodes = make(options->nodes, sizeof(*cluster->nodes));
    for (uint32_t i = 0; i < options->nodes; i++) {
        struct node *node = &cluster->nodes[i];

        snprintf(node->name, sizeof(node->name), "node-%02u", i + 1);
        node->text = text_of("\"node_name\":\"%s\",\"node_labels\":[\"kubernetes.io/hostname=%s\"]",
                             node->name, node->name);
    }
    cluster->pods = make(options->pods, sizeof(*cluster->pods));
    make_namespaces(cluster);
    cluster->hosts = make_outside(options->nodes, "10.0.0.", NULL, 1, "\"reserved:host\"");
    cluster->remotes = make_outside(options->nodes, "10.0.0.", NULL, 6, "\"reserved:remote-node\"");
    cluster->outside[APISERVER] =
        make_outside(1, "10.0.1.", NULL, 7, "\"reserved:kube-apiserver\",\"reserved:remote-node\"");
    cluster->outside[CLIENT] = make_outside(OUTSIDERS, "192.0.2.", NULL, 2, "\"reserved:world\"");
    cluster->outside[APPROVED] = make_outside(OUTSIDERS, "203.0.113.", "mirror", 16777218,
                                              "\"cidr:203.0.113.0/24\",\"reserved:world\"");
    cluster->outside[ELSEWHERE] =
        make_outside(OUTSIDERS, "198.51.100.", NULL, 2, "\"reserved:world\"");
}

static uint32_t
pick_ns(struct cluster *cluster, uint32_t who, uint32_t where, const struct endpoint *from)
{
    const uint32_t teams = cluster->options.namespaces - 2;

    if (who >= COREDNS) {
        return who < PROMETHEUS ? 0 : 1;
    }
    if (from == NULL || from->ns == UINT32_MAX) {
        return 2 + below(cluster, teams);
    }
    if (where == TENANT) {
        const uint32_t tenant = (from->ns - 2) % TENANTS;

        return 2 + tenant + TENANTS * below(cluster, (teams - tenant + TENANTS - 1) / TENANTS);
    }
    return where == SAME ? from->ns : 2 + (from->ns - 1 + below(cluster, teams - 1)) % teams;
}

const struct endpoint *
cluster_pick(struct cluster *cluster, uint32_t who, uint32_t where, const struct endpoint *from)
{
    uint32_t first = 0, end = cluster->options.pods;

    if (who < ROLES) {
        const uint32_t ns = pick_ns(cluster, who, where, from);

        first = role_first(cluster, ns, who);
        end = role_end(cluster, ns, who);
    } else if (who == TEAM_POD) {
        first = ns_first(cluster, 2);
    } else if (who == ANY_POD) { /* but of monitoring, lest Prometheus scrapes itself */
        const uint32_t ns = below(cluster, cluster->options.namespaces - 1);

        first = ns_first(cluster, ns == 0 ? 0 : ns + 1);
        end = ns_first(cluster, ns == 0 ? 1 : ns + 2);
    } else {
        return &cluster->outside[who][below(cluster, who == APISERVER ? 1 : OUTSIDERS)];
    }
    return &cluster->pods[first + below(cluster, end - first)];
}
