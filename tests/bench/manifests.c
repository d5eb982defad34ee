/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policies under which the traffic of traffic.c is right, but for its drops and its one escape,
 * and the namespaces and pods they speak of. Both kinds of policy are in use.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cluster.h"

/* NS and TENANT are put in for each namespace. */
static const char everywhere[] =
    "apiVersion: networking.k8s.io/v1\n"
    "kind: NetworkPolicy\n"
    "metadata: {name: metrics, namespace: NS}\n"
    "spec:\n"
    "  podSelector: {}\n"
    "  ingress:\n"
    "  - from:\n"
    "    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}\n"
    "      podSelector: {matchLabels: {app.kubernetes.io/name: prometheus}}\n"
    "    ports: [{port: metrics}]\n"
    "---\n";

static const char isolated[] = "apiVersion: networking.k8s.io/v1\n"
                               "kind: NetworkPolicy\n"
                               "metadata: {name: default-deny, namespace: NS}\n"
                               "spec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n"
                               "---\n"
                               "apiVersion: cilium.io/v2\n"
                               "kind: CiliumNetworkPolicy\n"
                               "metadata: {name: allow-dns, namespace: NS}\n"
                               "spec:\n"
                               "  endpointSelector: {}\n"
                               "  egress:\n"
                               "  - toEndpoints:\n"
                               "    - matchLabels:\n"
                               "        k8s:io.kubernetes.pod.namespace: kube-system\n"
                               "        k8s:k8s-app: kube-dns\n"
                               "    toPorts:\n"
                               "    - ports: [{port: \"53\", protocol: ANY}]\n"
                               "      rules: {dns: [{matchPattern: \"*\"}]}\n"
                               "---\n";

static const char kube_system[] = "apiVersion: networking.k8s.io/v1\n"
                                  "kind: NetworkPolicy\n"
                                  "metadata: {name: default-deny, namespace: NS}\n"
                                  "spec: {podSelector: {}, policyTypes: [Ingress]}\n"
                                  "---\n"
                                  "apiVersion: cilium.io/v2\n"
                                  "kind: CiliumNetworkPolicy\n"
                                  "metadata: {name: dns-server, namespace: NS}\n"
                                  "spec:\n"
                                  "  endpointSelector: {matchLabels: {k8s-app: kube-dns}}\n"
                                  "  ingress:\n"
                                  "  - fromEntities: [cluster]\n"
                                  "    toPorts: [{ports: [{port: \"53\", protocol: ANY}]}]\n"
                                  "---\n";

static const char monitoring[] =
    "apiVersion: networking.k8s.io/v1\n"
    "kind: NetworkPolicy\n"
    "metadata: {name: scrape, namespace: NS}\n"
    "spec:\n"
    "  podSelector: {matchLabels: {app.kubernetes.io/name: prometheus}}\n"
    "  policyTypes: [Egress]\n"
    "  egress:\n"
    "  - to: [{namespaceSelector: {}}]\n"
    "    ports: [{port: 9100, protocol: TCP}]\n"
    "---\n";

static const char team_inside[] =
    "apiVersion: networking.k8s.io/v1\n"
    "kind: NetworkPolicy\n"
    "metadata: {name: frontend-to-api, namespace: NS}\n"
    "spec:\n"
    "  podSelector: {matchLabels: {app.kubernetes.io/name: frontend}}\n"
    "  policyTypes: [Egress]\n"
    "  egress:\n"
    "  - to: [{podSelector: {matchLabels: {app.kubernetes.io/name: api}}}]\n"
    "    ports: [{port: 8080}]\n"
    "---\n"
    "apiVersion: cilium.io/v2\n"
    "kind: CiliumNetworkPolicy\n"
    "metadata: {name: api-http, namespace: NS}\n"
    "spec:\n"
    "  endpointSelector: {matchLabels: {app.kubernetes.io/name: api}}\n"
    "  ingress:\n"
    "  - fromEndpoints: [{matchLabels: {app.kubernetes.io/name: frontend}}]\n"
    "    toPorts:\n"
    "    - ports: [{port: \"8080\", protocol: TCP}]\n"
    "      rules: {http: [{method: GET, path: \"/v1/.*\"}]}\n"
    "---\n"
    "apiVersion: networking.k8s.io/v1\n"
    "kind: NetworkPolicy\n"
    "metadata: {name: api-to-db, namespace: NS}\n"
    "spec:\n"
    "  podSelector: {matchLabels: {app.kubernetes.io/name: api}}\n"
    "  policyTypes: [Egress]\n"
    "  egress:\n"
    "  - to: [{podSelector: {matchLabels: {app.kubernetes.io/name: db}}}]\n"
    "    ports: [{port: 5432}]\n"
    "---\n"
    "apiVersion: networking.k8s.io/v1\n"
    "kind: NetworkPolicy\n"
    "metadata: {name: db-from-api, namespace: NS}\n"
    "spec:\n"
    "  podSelector: {matchLabels: {app.kubernetes.io/name: db}}\n"
    "  ingress:\n"
    "  - from: [{podSelector: {matchLabels: {app.kubernetes.io/name: api}}}]\n"
    "    ports: [{port: postgresql}]\n"
    "---\n";

static const char team_across[] =
    "apiVersion: networking.k8s.io/v1\n"
    "kind: NetworkPolicy\n"
    "metadata: {name: worker-to-api, namespace: NS}\n"
    "spec:\n"
    "  podSelector: {matchLabels: {app.kubernetes.io/name: worker}}\n"
    "  policyTypes: [Egress]\n"
    "  egress:\n"
    "  - to:\n"
    "    - namespaceSelector: {matchLabels: {tenant: TENANT}}\n"
    "      podSelector: {matchLabels: {app.kubernetes.io/name: api}}\n"
    "    ports: [{port: 8080}]\n"
    "---\n"
    "apiVersion: networking.k8s.io/v1\n"
    "kind: NetworkPolicy\n"
    "metadata: {name: api-from-worker, namespace: NS}\n"
    "spec:\n"
    "  podSelector: {matchLabels: {app.kubernetes.io/name: api}}\n"
    "  ingress:\n"
    "  - from:\n"
    "    - namespaceSelector: {matchLabels: {tenant: TENANT}}\n"
    "      podSelector: {matchLabels: {app.kubernetes.io/name: worker}}\n"
    "    ports: [{port: http}]\n"
    "---\n"
    "apiVersion: cilium.io/v2\n"
    "kind: CiliumNetworkPolicy\n"
    "metadata: {name: frontend-world, namespace: NS}\n"
    "spec:\n"
    "  endpointSelector: {matchLabels: {app.kubernetes.io/name: frontend}}\n"
    "  ingress:\n"
    "  - fromEntities: [world, remote-node]\n"
    "    toPorts: [{ports: [{port: \"8080\", protocol: TCP}]}]\n"
    "---\n"
    "apiVersion: cilium.io/v2\n"
    "kind: CiliumNetworkPolicy\n"
    "metadata: {name: approved-egress, namespace: NS}\n"
    "spec:\n"
    "  endpointSelector:\n"
    "    matchExpressions:\n"
    "    - {key: app.kubernetes.io/name, operator: In, values: [api, worker]}\n"
    "  egress:\n"
    "  - toCIDRSet: [{cidr: 203.0.113.0/24, except: [203.0.113.240/28]}]\n"
    "    toPorts: [{ports: [{port: \"443\", protocol: TCP}]}]\n"
    "  - toEntities: [kube-apiserver]\n"
    "    toPorts: [{ports: [{port: \"6443\", protocol: TCP}]}]\n"
    "---\n";

static FILE *
create(const char *folder, const char *name)
{
    char path[4096];
    FILE *file;

    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        die(folder);
    }
    file = fopen(path, "w");
    if (file == NULL) {
        die(path);
    }
    return file;
}

static void
finish(FILE *file, const char *name)
{
    const bool failed = ferror(file) != 0;

    if (fclose(file) != 0 || failed) {
        die(name);
    }
}

/* The text with the namespace and its tenant put in. */
static void
fill(FILE *file, const char *text, const struct cluster *cluster, uint32_t ns)
{
    while (*text != '\0') {
        const size_t plain = strcspn(text, "NT");

        fwrite(text, 1, plain, file);
        text += plain;
        if (strncmp(text, "NS}", 3) == 0) {
            fputs(cluster->names[ns], file);
            text += 2;
        } else if (strncmp(text, "TENANT}", 7) == 0) {
            fprintf(file, "tenant-%u", (ns - 2) % TENANTS);
            text += 6;
        } else if (*text != '\0') {
            fputc(*text++, file);
        }
    }
}

static void
write_policies(const struct cluster *cluster, const char *folder)
{
    FILE *file = create(folder, "policies.yaml");

    for (uint32_t ns = 0; ns < cluster->options.namespaces; ns++) {
        fill(file, everywhere, cluster, ns);
        if (ns == 0) {
            fill(file, kube_system, cluster, ns);
            continue;
        }
        fill(file, isolated, cluster, ns);
        if (ns == 1) {
            fill(file, monitoring, cluster, ns);
        } else {
            fill(file, team_inside, cluster, ns);
            fill(file, team_across, cluster, ns);
        }
    }
    finish(file, "policies.yaml");
}

static void
write_namespaces(const struct cluster *cluster, const char *folder)
{
    FILE *file = create(folder, "namespaces.yaml");

    for (uint32_t ns = 0; ns < cluster->options.namespaces; ns++) {
        const char *name = cluster->names[ns];

        fprintf(file, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: %s\n  labels:\n", name);
        fprintf(file, "    kubernetes.io/metadata.name: %s\n", name);
        if (ns >= 2) {
            fprintf(file, "    tenant: tenant-%u\n", (ns - 2) % TENANTS);
        }
        fputs("---\n", file);
    }
    finish(file, "namespaces.yaml");
}

static void
write_pod(FILE *file, const struct cluster *cluster, const struct endpoint *pod)
{
    const struct role *role = &roles[pod->role];

    fprintf(file, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n", pod->name);
    fprintf(file, "  namespace: %s\n  labels:\n", cluster->names[pod->ns]);
    fprintf(file, "    app.kubernetes.io/name: %s\n", role->name);
    if (strcmp(role->kind, "StatefulSet") == 0) {
        fprintf(file, "    statefulset.kubernetes.io/pod-name: %s\n", pod->name);
    } else {
        fprintf(file, "    pod-template-hash: %s\n", pod->hash);
    }
    if (role->extra != NULL) {
        const int key = (int)strcspn(role->extra, "=");

        fprintf(file, "    %.*s: %s\n", key, role->extra, role->extra + key + 1);
    }
    fprintf(file, "spec:\n  nodeName: %s\n", cluster->nodes[pod->node].name);
    fprintf(file, "  serviceAccountName: %s\n  containers:\n", role->name);
    fprintf(file, "  - name: %s\n    ports:\n", role->name);
    fprintf(file, "    - {name: %s, containerPort: %u, protocol: %s}\n", role->port_name,
            role->port, role->protocol);
    fputs("    - {name: metrics, containerPort: 9100, protocol: TCP}\n", file);
    fprintf(file, "status:\n  phase: Running\n  podIP: %s\n", pod->ip);
    fprintf(file, "  podIPs: [{ip: %s}]\n---\n", pod->ip);
}

void
manifests_write(const struct cluster *cluster, const char *folder)
{
    FILE *file;

    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        die(folder);
    }
    write_policies(cluster, folder);
    write_namespaces(cluster, folder);
    file = create(folder, "pods.yaml");
    for (uint32_t i = 0; i < cluster->options.pods; i++) {
        write_pod(file, cluster, &cluster->pods[i]);
    }
    finish(file, "pods.yaml");
}
