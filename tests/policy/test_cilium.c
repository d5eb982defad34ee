/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy by the policy facts, section 3: what nil
 * and empty mean, keys and scopes of selectors, entities, prefixes, names, ports, precedence.
 */
#include <stdio.h>

#include "world.h"

#define API "web/api app=api"
#define UI "web/ui app=ui"
#define SUBJECT "endpointSelector: {matchLabels: {app: api}}"

/* Manifests with the items of one section in the place of %s. */
#define INGRESS CNP("web", "p", "{" SUBJECT ", ingress: [%s]}")
#define EGRESS CNP("web", "p", "{" SUBJECT ", egress: [%s]}")
#define EGRESS_PORTS CNP("web", "p", "{" SUBJECT ", egress: [{toPorts: [{ports: [%s]}]}]}")
#define INGRESS_DENY CNP("web", "p", "{" SUBJECT ", ingressDeny: [%s]}")
#define CLUSTERWIDE CCNP("p", "{" SUBJECT ", egress: [{toEndpoints: [%s]}]}")

#define ASK(engine, manifests, rows, flows)                                                        \
    assert_int_equal(world_matrix(engine, manifests, rows, COUNT(rows), flows, COUNT(flows)), 0)

/* Everybody who may come to a pod. */
static const struct world_flow into_api[] = {
    { UI, API, "TCP 80", 'i' },          { UI, API, "UDP 53", 'i' },
    { UI, API, "ICMPv4 8", 'i' },        { "ops/prom", API, "TCP 80", 'i' },
    { "world", API, "TCP 80", 'i' },     { "remote-node", API, "TCP 80", 'i' },
    { "health", API, "TCP 80", 'i' },    { "ingress", API, "TCP 80", 'i' },
    { "unmanaged", API, "TCP 80", 'i' }, { "host", API, "TCP 80", 'i' },
};

static void
nil_and_empty_in_ingress_mean_what_the_agent_says(void **state)
{
    /* ui TCP, ui UDP, ui ICMP, ops, world, remote-node, health, ingress, unmanaged, host */
    static const struct world_row rows[] = {
        { "{}", "---------+" },
        { "{fromEndpoints: []}", "---------+" },
        { "{fromEntities: []}", "---------+" },
        { "{fromCIDR: []}", "---------+" },
        { "{fromCIDRSet: []}", "---------+" },
        { "{fromNodes: []}", "---------+" },
        { "{fromGroups: []}", "---------+" },
        { "{fromEndpoints: [], toPorts: [{ports: [{port: '80'}]}]}", "---------+" },
        { "{fromEntities: [], toPorts: [{ports: [{port: '80'}]}]}", "---------+" },
        { "{fromCIDR: [], toPorts: [{ports: [{port: '80'}]}]}", "---------+" },
        { "{fromCIDRSet: [], toPorts: [{ports: [{port: '80'}]}]}", "---------+" },
        { "{fromNodes: [], toPorts: [{ports: [{port: '80'}]}]}", "---------+" },
        { "{fromGroups: [], toPorts: [{ports: [{port: '80'}]}]}", "---------+" },
        { "{fromEndpoints: [], icmps: [{fields: [{type: 8}]}]}", "---------+" },
        { "{fromEndpoints: [{}]}", "+++------+" },
        { "{fromEndpoints: [{matchLabels: {}}]}", "+++------+" },
        { "{fromEndpoints: [{}], toPorts: []}", "+++------+" },
        { "{fromEndpoints: [{}], toPorts: null}", "+++------+" },
        { "{fromEndpoints: [{}], toPorts: [{ports: []}]}", "---------+" },
        { "{fromEndpoints: [{}], toPorts: [{ports: null}]}", "---------+" },
        { "{fromEndpoints: [{}], toPorts: [{}]}", "---------+" },
        { "{fromEndpoints: [{}], icmps: []}", "+++------+" },
        { "{fromEndpoints: [{}], icmps: [{fields: [{type: 8}]}]}", "--+------+" },
        { "{toPorts: [{ports: [{port: '80', protocol: TCP}]}]}", "+--+++++++" },
        { "{toPorts: [{ports: [{port: '80'}]}]}", "+--+++++++" },
        { "{fromEndpoints: null, toPorts: [{ports: [{port: '80'}]}]}", "+--+++++++" },
        { "{toPorts: [{ports: [{port: '80'}]}, {ports: [{port: '53', protocol: UDP}]}]}",
          "++-+++++++" },
        { "{toPorts: []}", "---------+" },
        { "{toPorts: [{}]}", "---------+" },
        { "{toPorts: [{ports: []}]}", "---------+" },
        { "{icmps: [{fields: [{type: 8}]}]}", "--+------+" },
        { "{icmps: []}", "---------+" },
        { "{icmps: [{}]}", "---------+" },
        { "{icmps: [{fields: []}]}", "---------+" },
        { "{fromEntities: [all]}", "++++++++++" },
        { "{fromEntities: [all], toPorts: [{ports: [{port: '53'}]}]}", "-+-------+" },
        { "{toPorts: [{ports: [{port: '80'}], rules: {http: []}}]}", "+--+++++++" },
        { "{toPorts: [{ports: [{port: '53', protocol: UDP}], rules: {}}]}", "-+-------+" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, INGRESS, rows, into_api);
    ASK("cilium-1.17", INGRESS, rows, into_api);
    ASK("cilium-1.20", INGRESS, rows, into_api);
}

static void
nil_and_empty_in_egress_mean_what_the_agent_says(void **state)
{
    static const struct world_flow flows[] = {
        { API, UI, "TCP 80", 'e' },
        { API, UI, "ICMPv4 8", 'e' },
        { API, "world", "TCP 80", 'e' },
        { API, "host", "TCP 80", 'e' },
        { API, "remote-node", "TCP 81", 'e' },
    };
    static const struct world_row rows[] = {
        { "{}", "-----" },
        { "{toEndpoints: []}", "-----" },
        { "{toEntities: []}", "-----" },
        { "{toCIDR: []}", "-----" },
        { "{toCIDRSet: []}", "-----" },
        { "{toNodes: []}", "-----" },
        { "{toGroups: []}", "-----" },
        { "{toServices: []}", "-----" },
        { "{toFQDNs: []}", "-----" },
        { "{toEndpoints: [], toPorts: [{ports: [{port: '80'}]}]}", "-----" },
        { "{toEntities: [], toPorts: [{ports: [{port: '80'}]}]}", "-----" },
        { "{toCIDR: [], toPorts: [{ports: [{port: '80'}]}]}", "-----" },
        { "{toCIDRSet: [], toPorts: [{ports: [{port: '80'}]}]}", "-----" },
        /* the one empty list that is as good as none */
        { "{toFQDNs: [], toPorts: [{ports: [{port: '80'}]}]}", "+-++-" },
        { "{toPorts: [{ports: [{port: '80'}]}]}", "+-++-" },
        { "{toEndpoints: [{}]}", "++---" },
        { "{toEntities: [all]}", "+++++" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, EGRESS, rows, flows);
}

static void
an_empty_section_is_as_good_as_none(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i' },
        { API, UI, "TCP 80", 'e' },
    };
    static const struct world_row rows[] = {
        { "ingress: [], egress: [{}]", "d-" },
        { "ingress: null, egress: [{}]", "d-" },
        { "ingressDeny: [], egressDeny: [], egress: [{}]", "d-" },
        { "ingress: [{}], egress: []", "-d" },
        { "ingressDeny: [{}]", "-d" },
        { "egressDeny: [{}]", "d-" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", %s}"), rows, flows);
}

static void
nil_and_empty_in_deny_sections_deny_as_they_would_allow(void **state)
{
    static const struct world_row rows[] = {
        { "{}", "---------+" },
        { "{fromEndpoints: []}", "---------+" },
        { "{fromEndpoints: [], toPorts: [{ports: [{port: '80'}]}]}", "---------+" },
        { "{fromEndpoints: [{}]}", "xxx------+" },
        { "{fromEndpoints: [{}], toPorts: [{ports: []}]}", "---------+" },
        { "{fromEndpoints: [{}], toPorts: [{}]}", "---------+" },
        { "{toPorts: []}", "---------+" },
        { "{icmps: []}", "---------+" },
        { "{toPorts: [{ports: [{port: '80'}]}]}", "x--xxxxxxx" },
        { "{icmps: [{fields: [{type: 8}]}]}", "--x------+" },
        { "{fromEntities: [all]}", "xxxxxxxxxx" },
        { "{fromEntities: [world]}", "----x----+" },
        { "{fromEntities: [host]}", "---------x" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, INGRESS_DENY, rows, into_api);
}

static void
an_empty_selector_of_a_clusterwide_policy_takes_every_pod_and_no_more(void **state)
{
    static const struct world_flow flows[] = {
        { API, UI, "TCP 80", 'e' },
        { API, "ops/x", "ICMPv4 8", 'e' },
        { API, "ops/x cluster:blue", "TCP 80", 'e' },
        { API, "world", "TCP 80", 'e' },
        { API, "host", "TCP 80", 'e' },
        { API, "remote-node", "TCP 80", 'e' },
        { API, "health", "TCP 80", 'e' },
        { API, "ingress", "TCP 80", 'e' },
        { API, "unmanaged", "TCP 80", 'e' },
        { API, "init", "TCP 80", 'e' },
    };
    static const struct world_row now[] = { { "{}", "++--------" } };
    static const struct world_row before[] = { { "{}", "+++-------" } };

    (void)state;
    ASK(ENGINE_CILIUM, CLUSTERWIDE, now, flows);
    ASK("cilium-1.18", CLUSTERWIDE, before, flows);
}

static void
the_source_in_a_key_limits_where_it_is_found(void **state)
{
    static const struct world_flow flows[] = {
        { API, "web/a app=ui", "TCP 80", 'e' }, { API, "web/b container:app=ui", "TCP 80", 'e' },
        { API, "host", "TCP 80", 'e' },         { API, "remote-node", "TCP 80", 'e' },
        { API, "world", "TCP 80", 'e' },
    };
    static const struct world_row rows[] = {
        { "matchLabels: {app: ui}", "++---" },
        { "matchLabels: {'any:app': ui}", "++---" },
        { "matchLabels: {'k8s:app': ui}", "+----" },
        { "matchLabels: {'container:app': ui}", "-+---" },
        { "matchLabels: {k8s.app: ui}", "-----" },
        { "matchLabels: {'reserved:host': ''}", "--+--" },
        { "matchLabels: {$host: ''}", "--+--" },
        { "matchLabels: {'reserved:remote-node': ''}", "---+-" },
        { "matchLabels: {'reserved:world': ''}", "----+" },
        { "matchLabels: {'reserved:none': ''}", "-----" },
        { "matchExpressions: [{key: app, operator: Exists}]", "++---" },
        { "matchExpressions: [{key: 'k8s:app', operator: Exists}]", "+----" },
        { "matchExpressions: [{key: 'k8s:app', operator: DoesNotExist}]", "-+---" },
        { "matchExpressions: [{key: 'container:app', operator: NotIn, values: [ui]}]", "+----" },
        { "matchExpressions: [{key: 'reserved:host', operator: Exists}]", "--+--" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", egress: [{toEndpoints: [{%s}]}]}"), rows,
        flows);
}

/* The own namespace, another one, the own one of another cluster, and what is no pod. */
static const struct world_flow scoped[] = {
    { API, UI, "TCP 80", 'e' },
    { API, "ops/ui app=ui ns:team=ops", "TCP 80", 'e' },
    { API, "web/ui app=ui cluster:blue", "TCP 80", 'e' },
    { API, "world", "TCP 80", 'e' },
    { API, "host", "TCP 80", 'e' },
};

static void
a_peer_selector_without_namespace_stays_in_the_policys_own(void **state)
{
    static const struct world_row rows[] = {
        { "{}", "+----" },
        { "{matchLabels: {app: ui}}", "+----" },
        { "{matchLabels: {app: db}}", "-----" },
        { "{matchLabels: {'k8s:io.kubernetes.pod.namespace': ops}}", "-+---" },
        { "{matchLabels: {'any:io.kubernetes.pod.namespace': ops}}", "-+---" },
        { "{matchLabels: {io.kubernetes.pod.namespace: ops}}", "-+---" },
        { "{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}", "++---" },
        { "{matchExpressions: [{key: 'k8s:io.kubernetes.pod.namespace', operator: In, values: "
          "[ops, web]}]}",
          "++---" },
        { "{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: NotIn, values: "
          "[ops]}]}",
          "+----" },
        { "{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: DoesNotExist}]}",
          "-----" },
        { "{matchLabels: {'k8s:io.cilium.k8s.namespace.labels.team': ops}}", "-+---" },
        { "{matchLabels: {'any:io.cilium.k8s.namespace.labels.team': ops}}", "-+---" },
        { "{matchLabels: {io.cilium.k8s.namespace.labels.team: ops}}", "-+---" },
        { "{matchLabels: {io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name: ops}}",
          "-+---" },
        { "{matchExpressions: [{key: io.cilium.k8s.namespace.labels.team, operator: NotIn, values: "
          "[red]}]}",
          "++---" },
        { "{matchLabels: {'k8s:io.cilium.k8s.policy.cluster': blue}}", "--+--" },
        { "{matchLabels: {io.cilium.k8s.policy.cluster: blue}}", "--+--" },
        { "{matchExpressions: [{key: io.cilium.k8s.policy.cluster, operator: Exists}]}", "+-+--" },
        /* a reserved key lifts every scope */
        { "{matchExpressions: [{key: 'reserved:host', operator: DoesNotExist}]}", "++++-" },
        { "{matchLabels: {'k8s:io.cilium.k8s.policy.serviceaccount': default}}", "+----" },
    };
    static const struct world_row before[] = {
        { "{}", "+-+--" },
        { "{matchLabels: {io.kubernetes.pod.namespace: ops}}", "-+---" },
        { "{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}", "+++--" },
        /* without the cluster nothing says that it has to be a pod */
        { "{matchExpressions: [{key: io.cilium.k8s.namespace.labels.team, operator: NotIn, values: "
          "[red]}]}",
          "+++++" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", egress: [{toEndpoints: [%s]}]}"), rows,
        scoped);
    ASK("cilium-1.18", CNP("web", "p", "{" SUBJECT ", egress: [{toEndpoints: [%s]}]}"), before,
        scoped);
}

static void
a_peer_selector_of_a_clusterwide_policy_takes_pods_of_any_namespace(void **state)
{
    static const struct world_row rows[] = {
        { "{}", "++---" },
        { "{matchLabels: {app: ui}}", "++---" },
        { "{matchLabels: {io.kubernetes.pod.namespace: ops}}", "-+---" },
        { "{matchLabels: {io.cilium.k8s.namespace.labels.team: ops}}", "-+---" },
        /* the namespace has to exist beside labels of it too */
        { "{matchExpressions: [{key: io.cilium.k8s.namespace.labels.team, operator: NotIn, values: "
          "[ops]}]}",
          "+----" },
        { "{matchExpressions: [{key: io.cilium.k8s.namespace.labels.team, operator: "
          "DoesNotExist}]}",
          "+----" },
        { "{matchLabels: {'reserved:host': ''}}", "----+" },
    };
    static const struct world_row before[] = {
        { "{matchExpressions: [{key: io.cilium.k8s.namespace.labels.team, operator: NotIn, values: "
          "[ops]}]}",
          "+-+--" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CLUSTERWIDE, rows, scoped);
    ASK("cilium-1.18", CLUSTERWIDE, before, scoped);
}

static void
a_subject_of_reserved_init_lifts_the_namespace_off_its_peers(void **state)
{
    static const struct world_flow flows[] = {
        { "init", "ops/x", "TCP 80", 'e' },
        { "init", "world", "TCP 80", 'e' },
    };
    static const struct world_row now[] = { { "{}", "+-" } };
    static const struct world_row before[] = { { "{}", "++" } };

    (void)state;
    ASK(ENGINE_CILIUM,
        CCNP("p", "{endpointSelector: {matchLabels: {'reserved:init': ''}}, egress: "
                  "[{toEndpoints: [%s]}]}"),
        now, flows);
    ASK("cilium-1.18",
        CCNP("p", "{endpointSelector: {matchLabels: {'reserved:init': ''}}, egress: "
                  "[{toEndpoints: [%s]}]}"),
        before, flows);
}

/* Subjects: the own namespace, another, and endpoints that are no pods. */
static const struct world_flow subjects[] = {
    { "world", API, "TCP 80", 'i' },
    { "world", "ops/api app=api ns:team=ops", "TCP 80", 'i' },
    { "world", "kube-system/dns k8s-app=kube-dns", "UDP 53", 'i' },
    { "world", "health", "TCP 80", 'i' },
    { "world", "ingress", "TCP 80", 'i' },
    { "world", "host", "TCP 80", 'i' },
    { "world", "remote-node", "TCP 80", 'i' },
};

static void
a_policys_subjects_are_of_its_own_namespace(void **state)
{
    static const struct world_row rows[] = {
        { "{}", "-ddddnn" },
        { "{matchLabels: {app: api}}", "-ddddnn" },
        { "{matchLabels: {'k8s:app': api}}", "-ddddnn" },
        { "{matchLabels: {app: db}}", "dddddnn" },
        /* the prefix lets the policy's namespace take its place; without, nothing is left */
        { "{matchLabels: {'k8s:io.kubernetes.pod.namespace': ops}}", "-ddddnn" },
        { "{matchLabels: {io.kubernetes.pod.namespace: ops}}", "dddddnn" },
        { "{matchLabels: {io.kubernetes.pod.namespace: web}}", "-ddddnn" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{endpointSelector: %s, ingress: [{}]}"), rows, subjects);
}

static void
a_clusterwide_policys_subjects_are_endpoints_of_every_kind(void **state)
{
    static const struct world_row rows[] = {
        { "{}", "-----nn" },
        { "{matchLabels: {app: api}}", "--dddnn" },
        { "{matchLabels: {io.kubernetes.pod.namespace: ops}}", "d-dddnn" },
        { "{matchLabels: {io.cilium.k8s.namespace.labels.team: ops}}", "d-dddnn" },
        { "{matchExpressions: [{key: io.cilium.k8s.namespace.labels.team, operator: NotIn, values: "
          "[ops]}]}",
          "-d---nn" },
        { "{matchExpressions: [{key: io.kubernetes.pod.namespace, operator: Exists}]}", "---ddnn" },
        { "{matchLabels: {'reserved:ingress': ''}}", "dddd-nn" },
        { "{matchLabels: {'reserved:health': ''}}", "ddd-dnn" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CCNP("p", "{endpointSelector: %s, ingress: [{}]}"), rows, subjects);
}

/* A pod whose object has every label that identities leave out, and one that they keep. */
#define STRIPPED_POD                                                                               \
    POD("web", "ui",                                                                               \
        "{app: ui, app.kubernetes.io/name: ui, kubernetes.io/metadata.name: v, io.kubernetes.x: "  \
        "v, statefulset.kubernetes.io/pod-name: v, apps.kubernetes.io/pod-index: v, "              \
        "batch.kubernetes.io/job-completion-index: v, batch.kubernetes.io/controller-uid: v, "     \
        "failure-domain.beta.kubernetes.io/zone: v, k8s.io/x: v, pod-template-generation: v, "     \
        "pod-template-hash: v, controller-revision-hash: v, controller-uid: v, annotation.x: v, "  \
        "etcd_node: v, topology.kubernetes.io/zone: v, batch.kubernetes.io/job-name: v, "          \
        "node.kubernetes.io/x: v}",                                                                \
        "{containers: [{name: c}]}")

/* As the identity has it. */
#define STRIPPED_UI                                                                                \
    "web/ui app=ui app.kubernetes.io/name=ui batch.kubernetes.io/job-name=v "                      \
    "node.kubernetes.io/x=v"

static const char *const stripped_keys[] = {
    "kubernetes.io/metadata.name",
    "io.kubernetes.x",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/controller-uid",
    "failure-domain.beta.kubernetes.io/zone",
    "k8s.io/x",
    "pod-template-generation",
    "pod-template-hash",
    "controller-revision-hash",
    "controller-uid",
    "annotation.x",
    "etcd_node",
    "topology.kubernetes.io/zone",
};

/* The answers for: equal, NotIn, Exists, DoesNotExist; each as a peer and as a subject. */
static unsigned
ask_key(const char *engine, const char *key, const char *answers)
{
    static const char manifests[] =
        STRIPPED_POD KNP("web", "peer",
                         "{podSelector: {matchLabels: {app: api}}, ingress: [{from: "
                         "[{podSelector: {%s}}]}]}")
            KNP("web", "subject", "{podSelector: {%s}, policyTypes: [Egress]}");
    static const struct world_flow flows[] = {
        { STRIPPED_UI, API, "TCP 80", 'i' },
        { STRIPPED_UI, "ops/x", "TCP 80", 'e' },
    };
    static const char *const forms[] = { "In, values: [v]", "NotIn, values: [v]", "Exists",
                                         "DoesNotExist" };
    unsigned wrong = 0;

    for (size_t i = 0; i < COUNT(forms); i++) {
        const char letters[3] = { answers[i], answers[i] == '+' ? '-' : 'd', '\0' };
        char text[200];
        struct world_row row = { text, letters };

        snprintf(text, sizeof(text), "matchExpressions: [{key: %s, operator: %s}]", key, forms[i]);
        wrong += world_matrix(engine, manifests, &row, 1, flows, COUNT(flows));
    }
    return wrong;
}

static void
labels_that_identities_leave_out_are_absent_under_cilium_and_real_elsewhere(void **state)
{
    static const char *const kept[] = { "batch.kubernetes.io/job-name", "node.kubernetes.io/x" };
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(stripped_keys); i++) {
        wrong += ask_key(ENGINE_CILIUM, stripped_keys[i], "-+-+");
        wrong += ask_key(ENGINE_KUBERNETES, stripped_keys[i], "+-+-");
    }
    for (size_t i = 0; i < COUNT(kept); i++) {
        wrong += ask_key(ENGINE_CILIUM, kept[i], "+-+-");
        wrong += ask_key(ENGINE_KUBERNETES, kept[i], "+-+-");
    }
    assert_int_equal(wrong, 0);
}

static void
labels_that_identities_leave_out_never_match_in_a_cilium_policy(void **state)
{
    static const struct world_flow flows[] = {
        { STRIPPED_UI, API, "TCP 80", 'i' },
        { "web/gone ?", API, "TCP 80", 'i' },
    };
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(stripped_keys); i++) {
        char equal[120], absent[160];
        const struct world_row rows[] = {
            { equal, "- " },
            { absent, "+ " },
        };

        snprintf(equal, sizeof(equal), "matchLabels: {%s: v}", stripped_keys[i]);
        snprintf(absent, sizeof(absent),
                 "matchExpressions: [{key: '%s', operator: NotIn, values: [v]}]", stripped_keys[i]);
        wrong += world_matrix(
            ENGINE_CILIUM,
            STRIPPED_POD CNP("web", "p", "{" SUBJECT ", ingress: [{fromEndpoints: [{%s}]}]}"), rows,
            COUNT(rows), flows, COUNT(flows));
    }
    assert_int_equal(wrong, 0);
}

static const struct world_flow to_everything[] = {
    { API, "world", "TCP 80", 'e' },
    { API, "world-ipv4", "TCP 80", 'e' },
    { API, "world-ipv6", "TCP 80", 'e' },
    { API, "world id:16777217 cidr:203.0.113.0/24", "TCP 80", 'e' },
    { API, "world id:16777218 fqdn:*.x.io", "TCP 80", 'e' },
    { API, "host", "TCP 80", 'e' },
    { API, "remote-node", "TCP 80", 'e' },
    { API, "kube-apiserver", "TCP 80", 'e' },
    { API, "host+kube-apiserver", "TCP 80", 'e' },
    { API, "remote-node+kube-apiserver", "TCP 80", 'e' },
    { API, "world+kube-apiserver", "TCP 80", 'e' },
    { API, "ingress", "TCP 80", 'e' },
    { API, "health", "TCP 80", 'e' },
    { API, "init", "TCP 80", 'e' },
    { API, "unmanaged", "TCP 80", 'e' },
    { API, UI, "TCP 80", 'e' },
    { API, "ops/x", "ICMPv4 8", 'e' },
    { API, "ops/x cluster:blue", "TCP 80", 'e' },
};

static void
entities_select_by_reserved_labels(void **state)
{
    static const struct world_row rows[] = {
        { "all", "++++++++++++++++++" },
        { "world", "+++++-- --+-------" },
        { "world-ipv4", "-+---------- -----" },
        { "world-ipv6", "--+---------------" },
        { "host", "-----+--+---------" },
        { "remote-node", "------+ -+--------" },
        { "kube-apiserver", "-------++++-------" },
        { "ingress", "-----------+------" },
        { "health", "------------+-----" },
        { "init", "-------------+----" },
        { "unmanaged", "--------------+---" },
        { "none", "------------------" },
        { "cluster", "-----++++++++++++-" },
        { "host, remote-node", "-----++ ++--------" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", egress: [{toEntities: [%s]}]}"), rows,
        to_everything);
    ASK("cilium-1.17", CNP("web", "p", "{" SUBJECT ", egress: [{toEntities: [%s]}]}"), rows,
        to_everything);
}

static void
a_reserved_identity_is_as_good_as_its_label(void **state)
{
    static const struct world_flow flows[] = {
        { API, "world bare", "TCP 80", 'e' },
        { API, "world bare id:9", "TCP 80", 'e' },
        { API, "world bare id:16777300", "TCP 80", 'e' },
        { API, "host bare", "TCP 80", 'e' },
        { API, "remote-node bare", "TCP 80", 'e' },
        { API, "remote-node bare id:33554433", "TCP 80", 'e' },
        { API, "ingress bare", "TCP 80", 'e' },
        { API, "health bare", "TCP 80", 'e' },
        { API, "kube-apiserver bare", "TCP 80", 'e' },
    };
    static const struct world_row rows[] = {
        { "world", "+++----- " },   { "host", "---+---- " },   { "remote-node", "----++-- " },
        { "ingress", "------+--" }, { "health", "-------+-" }, { "kube-apiserver", "        +" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", egress: [{toEntities: [%s]}]}"), rows, flows);
}

/* Addresses of everything inside 10.1.0.0/16, one beside it. */
static const struct world_flow to_addresses[] = {
    { API, "world @10.1.2.3", "TCP 80", 'e' },
    { API, "world @10.1.9.9", "TCP 80", 'e' },
    { API, "world @11.1.2.3", "TCP 80", 'e' },
    { API, "world+kube-apiserver @10.1.2.3", "TCP 80", 'e' },
    { API, "world @2001:db8::9", "TCP 80", 'e' },
    { API, "ops/x @10.1.2.3", "TCP 80", 'e' },
    { API, "host @10.1.2.3", "TCP 80", 'e' },
    { API, "remote-node @10.1.2.3", "TCP 80", 'e' },
    { API, "remote-node+kube-apiserver @10.1.2.3", "TCP 80", 'e' },
    { API, "health @10.1.2.3", "TCP 80", 'e' },
    { API, "ingress @10.1.2.3", "TCP 80", 'e' },
};

static void
prefixes_select_what_is_outside_the_cluster_alone(void **state)
{
    static const struct world_row rows[] = {
        { "toCIDR: [10.1.0.0/16]", "++-+-------" },
        { "toCIDR: [10.1.77.88/16]", "++-+-------" },
        { "toCIDR: [10.1.2.3]", "+--+-------" },
        { "toCIDR: [10.1.2.3/32]", "+--+-------" },
        { "toCIDR: [0.0.0.0/0]", "++++-------" },
        { "toCIDR: ['::/0']", "----+------" },
        { "toCIDR: ['2001:db8::9', 10.1.9.9]", "-+--+------" },
        { "toCIDRSet: [{cidr: 10.1.0.0/16}]", "++-+-------" },
        { "toCIDRSet: [{cidr: 10.1.0.0/16, except: []}]", "++-+-------" },
        { "toCIDRSet: [{cidr: 10.1.0.0/16, except: [10.1.2.0/24]}]", "-+---------" },
        { "toCIDRSet: [{cidr: 10.1.0.0/16, except: [10.1.2.0/24, 10.1.9.9/32]}]", "-----------" },
        /* the address of an exception has to lie inside, not all of it */
        { "toCIDRSet: [{cidr: 10.1.0.0/16, except: [10.1.0.0/8]}]", "-----------" },
        /* another entry may allow what one excepts */
        { "toCIDRSet: [{cidr: 10.1.0.0/16, except: [10.1.2.0/24]}, {cidr: 10.1.2.3/32}]",
          "++-+-------" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", egress: [{%s}]}"), rows, to_addresses);
}

static void
an_exception_of_a_deny_entry_is_not_denied(void **state)
{
    static const struct world_row rows[] = {
        { "toCIDR: [10.1.0.0/16]", "xx+x+++++++" },
        { "toCIDRSet: [{cidr: 10.1.0.0/16, except: [10.1.2.0/24]}]", "+x+++++++++" },
        { "toCIDR: [0.0.0.0/0]", "xxxx+++++++" },
    };

    (void)state;
    ASK(ENGINE_CILIUM,
        CNP("web", "p", "{" SUBJECT ", egress: [{toEntities: [all]}], egressDeny: [{%s}]}"), rows,
        to_addresses);
}

static void
a_prefix_admits_an_api_server_that_is_outside(void **state)
{
    static const struct world_flow flows[] = {
        { API, "kube-apiserver @10.1.2.3", "TCP 80", 'e' },
        { API, "kube-apiserver bare @10.1.2.3", "TCP 80", 'e' },
        { API, "kube-apiserver @11.1.2.3", "TCP 80", 'e' },
        { API, "world+kube-apiserver @10.1.2.3", "TCP 80", 'e' },
        { API, "remote-node+kube-apiserver @10.1.2.3", "TCP 80", 'e' },
    };
    static const struct world_row rows[] = {
        { "toCIDR: [10.1.0.0/16]", "---+-" },
        { "toCIDRSet: [{cidr: 10.1.0.0/16, except: [10.1.2.0/24]}]", "-----" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", egress: [{%s}]}"), rows, flows);
}

#define GROUPS                                                                                     \
    "apiVersion: cilium.io/v2\nkind: CiliumCIDRGroup\nmetadata: {name: one, labels: {kind: "       \
    "cloud}}\nspec: {externalCIDRs: [10.1.2.0/24, 11.0.0.0/8]}\n---\n"                             \
    "apiVersion: cilium.io/v2alpha1\nkind: CiliumCIDRGroup\nmetadata: {name: old, labels: "        \
    "{kind: cloud}}\nspec: {externalCIDRs: [10.1.9.9/32]}\n---\n"                                  \
    "apiVersion: cilium.io/v2\nkind: CiliumCIDRGroup\nmetadata: {name: none, labels: {kind: "      \
    "void}}\nspec: {externalCIDRs: []}\n---\n"

static void
cidr_groups_come_from_the_inventory(void **state)
{
    static const struct world_row rows[] = {
        { "cidrGroupRef: one", "+-++-------" },
        { "cidrGroupRef: old", "-+---------" },
        { "cidrGroupRef: none", "-----------" },
        { "cidrGroupSelector: {matchLabels: {kind: cloud}}", "++++-------" },
        { "cidrGroupSelector: {matchLabels: {kind: void}}", "-----------" },
        { "cidrGroupSelector: {matchExpressions: [{key: kind, operator: NotIn, values: [void]}]}",
          "++++-------" },
        { "cidrGroupSelector: {}", "++++-------" },
        { "cidrGroupRef: one, except: [10.1.2.3/32]", "--+--------" },
        { "cidrGroupRef: gone", "iiiii------" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, GROUPS CNP("web", "p", "{" SUBJECT ", egress: [{toCIDRSet: [{%s}]}]}"), rows,
        to_addresses);
}

static const struct world_flow to_names[] = {
    { API, "world name:x.io", "TCP 443", 'e' },
    { API, "world name:a.x.io", "TCP 443", 'e' },
    { API, "world name:a.b.x.io", "TCP 443", 'e' },
    { API, "world name:myx.io", "TCP 443", 'e' },
    { API, "world name:sub-1.x.io", "TCP 443", 'e' },
    { API, "world name:A.X.IO", "TCP 443", 'e' },
    { API, "world name:other.org name:a.x.io", "TCP 443", 'e' },
    { API, "world", "TCP 443", 'e' },
    { API, "world id:16777300 fqdn:*.x.io", "TCP 443", 'e' },
    { API, "ops/x name:a.x.io", "TCP 443", 'e' },
    { API, "host name:a.x.io", "TCP 443", 'e' },
    { API, "world name:a.x.io", "TCP 80", 'e' },
};

static void
names_select_addresses_outside_that_were_seen_to_have_them(void **state)
{
    static const struct world_row rows[] = {
        { "matchName: a.x.io", "f+fff++ff---" },
        { "matchName: A.x.IO", "f+fff++ff---" },
        { "matchName: a.x.io.", "f+fff++ff---" },
        { "matchName: x.io", "+ffffffff---" },
        { "matchPattern: '*.x.io'", "f+ff+++f+---" },
        { "matchPattern: '**.x.io'", "f++f+++ff---" },
        { "matchPattern: '*x.io'", "+ff+fffff---" },
        { "matchPattern: 'sub*.x.io'", "ffff+ffff---" },
        { "matchPattern: 'a.**.io'", "f+fff++ff---" },
        { "matchPattern: 'a.*.io'", "f+fff++ff---" },
        { "matchPattern: '*'", "+++++++ff---" },
        { "matchPattern: '**'", "+++++++ff---" },
        { "matchName: x.io}, {matchPattern: 'a.*'", "+fffffff ---" },
    };

    (void)state;
    ASK(ENGINE_CILIUM,
        CNP("web", "p",
            "{" SUBJECT ", egress: [{toFQDNs: [{%s}], toPorts: [{ports: [{port: '443', "
            "protocol: TCP}]}]}]}"),
        rows, to_names);
}

static const struct world_flow to_ports[] = {
    { "web/cli", API, "TCP 80", 'i' },   { "web/cli", API, "UDP 80", 'i' },
    { "web/cli", API, "SCTP 80", 'i' },  { "web/cli", API, "TCP 81", 'i' },
    { "web/cli", API, "TCP 8", 'i' },    { "web/cli", API, "UDP 53", 'i' },
    { "web/cli", API, "ICMPv4 8", 'i' }, { "web/cli", API, "VRRP", 'i' },
    { "web/cli", API, "IGMP", 'i' },
};

static void
ports_are_numbers_ranges_or_names_of_some_protocols(void **state)
{
    static const struct world_row rows[] = {
        { "{port: '80'}", "+++------" },
        { "{port: '80', protocol: ''}", "+++------" },
        { "{port: '80', protocol: ANY}", "+++------" },
        { "{port: '80', protocol: any}", "+++------" },
        { "{port: '80', protocol: TCP}", "+--------" },
        { "{port: '80', protocol: tcp}", "+--------" },
        { "{port: '80', protocol: UDP}", "-+-------" },
        { "{port: '80', protocol: SCTP}", "--+------" },
        { "{port: '0'}", "++++++---" },
        { "{port: '0', protocol: TCP}", "+--++----" },
        { "{port: '80', endPort: 81}", "++++-----" },
        { "{port: '80', endPort: 81, protocol: TCP}", "+--+-----" },
        { "{port: '80', endPort: 80}", "+++------" },
        { "{port: '80', endPort: 79}", "+++------" },
        { "{port: '80', endPort: 0}", "+++------" },
        { "{port: '1', endPort: 65535}", "++++++---" },
        { "{port: '010'}", "----+----" },
        { "{port: http}", "+--------" },
        { "{port: HTTP}", "+--------" },
        { "{port: http, protocol: UDP}", "---------" },
        { "{port: dns}", "-----+---" },
        { "{port: http, endPort: 90}", "+--------" },
        { "{port: nope}", "---------" },
        /* no number for the agent, but a name that no port has */
        { "{port: '0x50'}", "---------" },
        { "{port: '80', protocol: TCP}, {port: '53', protocol: UDP}", "+----+---" },
        { "{protocol: VRRP}", "-------+-" },
        { "{protocol: VRRP, port: '0'}", "-------+-" },
        { "{protocol: IGMP}", "--------+" },
        { "{protocol: GRE}", "---------" },
    };

    (void)state;
    ASK(ENGINE_CILIUM,
        POD("web", "api", "{app: api}",
            "{containers: [{name: c, ports: [{name: http, containerPort: 80}, {name: dns, "
            "containerPort: 53, protocol: UDP}]}]}")
            CNP("web", "p", "{" SUBJECT ", ingress: [{toPorts: [{ports: [%s]}]}]}"),
        rows, to_ports);
}

static void
icmp_rules_go_by_family_and_type(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "ICMPv4 8", 'i' },   { UI, API, "ICMPv4 0", 'i' }, { UI, API, "ICMPv4 3", 'i' },
        { UI, API, "ICMPv6 128", 'i' }, { UI, API, "ICMPv6 2", 'i' }, { UI, API, "TCP 8", 'i' },
    };
    static const struct world_row rows[] = {
        { "{type: 8}", "+-----" },
        { "{family: IPv4, type: 8}", "+-----" },
        { "{type: EchoRequest}", "+-----" },
        { "{type: Echo}", "+-----" },
        { "{type: EchoReply}", "-+----" },
        { "{type: DestinationUnreachable}", "--+---" },
        { "{type: 0}, {type: 3}", "-++---" },
        { "{family: IPv6, type: 128}", "---+--" },
        { "{family: IPv6, type: EchoRequest}", "---+--" },
        { "{family: IPv6, type: PacketTooBig}", "----+-" },
        { "{family: IPv6, type: 8}", "------" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", ingress: [{icmps: [{fields: [%s]}]}]}"), rows,
        flows);
}

static void
a_named_port_without_inventory_is_open(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .answer = "undecidable named-port" },
        { UI, API, "UDP 80", 'i', .answer = "deny_default" },
        { API, "world", "TCP 80", 'e', .answer = "deny_default" },
        { API, UI, "TCP 80", 'e', .answer = "undecidable named-port" },
    };

    (void)state;
    assert_int_equal(
        world_ask(ENGINE_CILIUM,
                  CNP("web", "p",
                      "{" SUBJECT ", ingress: [{toPorts: [{ports: [{port: http, protocol: "
                      "TCP}]}]}], egress: [{toPorts: [{ports: [{port: http, protocol: "
                      "TCP}]}]}]}"),
                  flows, COUNT(flows)),
        0);
}

static void
requests_are_judged_apart_from_their_connection(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i' },
        { UI, API, "TCP 80", 'i', .l7 = "REQUEST http GET" },
        { UI, API, "TCP 81", 'i' },
        { UI, API, "TCP 81", 'i', .l7 = "REQUEST http GET" },
    };
    static const struct world_row rows[] = {
        { "{ports: [{port: '80', protocol: TCP}], rules: {http: [{method: GET}]}}", "++--" },
        { "{ports: [{port: '80', protocol: TCP}], rules: {http: [{}]}}", "++--" },
        { "{ports: [{port: '80', protocol: TCP}], rules: {http: [{method: PUT}]}}", "+---" },
        { "{ports: [{port: '80', protocol: TCP}], rules: {http: []}}", "++--" },
        { "{ports: [{port: '80', protocol: TCP}], rules: {kafka: [{topic: a}]}}", "+---" },
        { "{ports: [{port: '80', protocol: TCP}], rules: {l7proto: envoy, l7: [{a: b}]}}", "+u--" },
        { "{ports: [{port: '80', protocol: TCP}], serverNames: [a.x.io]}", "+q--" },
        { "{ports: [{port: '80', protocol: TCP}], serverNames: []}", "++--" },
        { "{ports: [{port: '80', protocol: TCP}]}", "++--" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", ingress: [{toPorts: [%s]}]}"), rows, flows);
}

static const struct world_flow precedence[] = {
    { UI, API, "TCP 80", 'i' },      { UI, API, "TCP 81", 'i' },
    { UI, API, "ICMPv4 8", 'i' },    { "ops/x", API, "TCP 80", 'i' },
    { "world", API, "TCP 80", 'i' }, { "host", API, "TCP 80", 'i' },
    { API, UI, "TCP 80", 'e' },
};

#define UI_PEER "fromEndpoints: [{matchLabels: {app: ui}}]"
#define PORT_80 "toPorts: [{ports: [{port: '80', protocol: TCP}]}]"

static void
a_denial_comes_before_every_allowance(void **state)
{
    static const struct world_row rows[] = {
        { "ingress: [{" UI_PEER "}], ingressDeny: [{" UI_PEER ", " PORT_80 "}]", "x++--+d" },
        { "ingress: [{" UI_PEER ", " PORT_80 "}], ingressDeny: [{" UI_PEER "}]", "xxx--+d" },
        { "ingress: [{" PORT_80 "}], ingressDeny: [{" UI_PEER "}]", "xxx+++d" },
        { "ingress: [{fromEntities: [all]}], ingressDeny: [{" PORT_80 "}]", "x++xxxd" },
        { "ingress: [{fromEntities: [all]}], ingressDeny: [{fromEntities: [world]}]", "++++x+d" },
        { "ingressDeny: [{" UI_PEER ", " PORT_80 "}]", "x----+d" },
        { "ingressDeny: [{fromEntities: [host], " PORT_80 "}]", "-----xd" },
        { "ingressDeny: [{" PORT_80 "}], egress: [{}]", "x--xxx-" },
        /* not isolating: what no rule denies passes */
        { "enableDefaultDeny: {ingress: false}, ingressDeny: [{" UI_PEER ", " PORT_80 "}]",
          "xdddddd" },
        { "enableDefaultDeny: {ingress: false}, ingress: [{" UI_PEER ", " PORT_80 "}]", "+dddddd" },
        { "enableDefaultDeny: {ingress: true}, ingress: [{" UI_PEER "}]", "+++--+d" },
        { "enableDefaultDeny: {}, ingress: [{" UI_PEER "}]", "+++--+d" },
        { "enableDefaultDeny: {egress: false}, ingress: [{" UI_PEER "}]", "+++--+d" },
        { "enableDefaultDeny: {egress: false}, egress: [{}]", "ddddddd" },
        /* true without rules of the direction does nothing */
        { "enableDefaultDeny: {egress: true}, ingress: [{" UI_PEER "}]", "+++--+d" },
        { "enableDefaultDeny: {ingress: false, egress: false}, ingress: [{}], egress: [{}]",
          "ddddddd" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", %s}"), rows, precedence);
}

static void
policies_of_every_kind_add_up_and_any_may_deny(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .answer = "allow", .by = "knp ingress[0]" },
        { UI, API, "TCP 9000", 'i', .answer = "deny_explicit", .by = "wide ingressDeny[0]" },
        { "ops/x", API, "TCP 9000", 'i', .answer = "deny_explicit" },
        { "ops/x", API, "TCP 443", 'i', .answer = "allow", .by = "cnp ingress[1]" },
        { "ops/x", API, "TCP 80", 'i', .answer = "deny_default" },
        { "host", API, "TCP 80", 'i', .answer = "allow", .by = "" },
        { "host", API, "TCP 9000", 'i', .answer = "deny_explicit" },
        /* the wide one does not isolate by itself */
        { "ops/x", "web/db app=db", "TCP 443", 'i', .answer = "allow_default" },
        { "ops/x", "web/db app=db", "TCP 9000", 'i', .answer = "deny_explicit" },
    };

    (void)state;
    assert_int_equal(
        world_ask(ENGINE_CILIUM,
                  KNP("web", "knp",
                      "{podSelector: {matchLabels: {app: api}}, ingress: [{from: "
                      "[{podSelector: {matchLabels: {app: ui}}}]}]}")
                      CNP("web", "cnp",
                          "{" SUBJECT ", ingress: [{}, {toPorts: [{ports: [{port: "
                          "'443'}]}]}]}")
                          CCNP("wide",
                               "{endpointSelector: {}, enableDefaultDeny: {ingress: false}, "
                               "ingressDeny: [{toPorts: [{ports: [{port: '9000'}]}]}]}"),
                  flows, COUNT(flows)),
        0);
}

static void
all_rules_of_spec_and_specs_apply(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .answer = "allow", .by = "p ingress[0]" },
        { UI, API, "TCP 81", 'i', .answer = "allow", .by = "p specs[1].ingress[1]" },
        { UI, API, "TCP 82", 'i', .answer = "deny_explicit", .by = "p specs[0].ingressDeny[0]" },
        { UI, API, "TCP 83", 'i', .answer = "deny_default" },
        { UI, "web/db app=db", "TCP 82", 'i', .answer = "deny_default" },
        { UI, "web/db app=db", "TCP 81", 'i', .answer = "deny_default", .by = "p" },
        { API, UI, "TCP 81", 'e', .answer = "allow_default" },
    };

    (void)state;
    assert_int_equal(
        world_ask(ENGINE_CILIUM,
                  "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, "
                  "namespace: web}\n"
                  "spec: {" SUBJECT ", ingress: [{toPorts: [{ports: [{port: '80'}]}]}]}\n"
                  "specs:\n"
                  "- {" SUBJECT ", ingressDeny: [{toPorts: [{ports: [{port: '82'}]}]}]}\n"
                  "- {" SUBJECT ", ingress: [{}, {toPorts: [{ports: [{port: '81', endPort: "
                  "82}]}]}]}\n"
                  "- {endpointSelector: {matchLabels: {app: db}}, ingress: [{}]}\n",
                  flows, COUNT(flows)),
        0);
}

static void
an_endpoint_without_labels_yet_is_always_isolated(void **state)
{
    static const struct world_flow flows[] = {
        { "world", "init", "TCP 80", 'i', .answer = "deny_default" },
        { "init", "world", "TCP 80", 'e', .answer = "deny_default" },
        { "host", "init", "TCP 80", 'i', .answer = "allow" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", ingress: [{}]}"),
                               flows, COUNT(flows)),
                     0);
}

static void
examples_c1_and_c2_hold(void **state)
{
    static const struct world_flow c1[] = {
        { "t/a", "t/b", "TCP 80", 'e', .answer = "deny_default", .by = "c1" },
        { "t/a", "t/b", "TCP 80", 'i', .answer = "deny_default", .by = "c1" },
        { "host", "t/b", "TCP 8080", 'i', .answer = "allow" },
        { "remote-node", "t/b", "TCP 8080", 'i', .answer = "deny_default" },
        { "u/a", "u/b", "TCP 80", 'i', .answer = "allow_default" },
    };
    static const struct world_flow c2[] = {
        { "t/job app=job", "t/db", "TCP 5432", 'e', .answer = "allow", .by = "c2 egress[0]" },
        { "t/job app=job", "t/db", "ICMPv4 8", 'e', .answer = "allow" },
        { "t/job app=job", "u/db", "TCP 5432", 'e', .answer = "deny_default" },
        { "t/job app=job", "kube-system/dns k8s-app=kube-dns", "UDP 53", 'e', .answer = "allow",
          .by = "c2 egress[1]" },
        { "t/job app=job", "kube-system/dns k8s-app=kube-dns", "UDP 53", 'e',
          .l7 = "REQUEST dns files.pypi.example.org.", .answer = "allow" },
        { "t/job app=job", "kube-system/dns k8s-app=kube-dns", "UDP 53", 'e',
          .l7 = "REQUEST dns pypi.example.org.", .answer = "deny_default", .by = "c2 egress[1]" },
        { "t/job app=job", "world name:files.pypi.example.org", "TCP 443", 'e', .answer = "allow",
          .by = "c2 egress[2]" },
        { "t/job app=job", "world", "TCP 443", 'e', .answer = "undecidable no-dns-evidence" },
        { "t/job app=job", "world", "TCP 80", 'e', .answer = "deny_default" },
        { "t/job app=job", "host", "UDP 53", 'e', .answer = "deny_default" },
        { "t/other app=other", "u/db", "TCP 5432", 'e', .answer = "allow_default" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM,
                               CNP("t", "c1",
                                   "{endpointSelector: {}, ingress: [{}], egress: "
                                   "[{}]}"),
                               c1, COUNT(c1)),
                     0);
    assert_int_equal(
        world_ask(ENGINE_CILIUM,
                  CNP("t", "c2",
                      "{endpointSelector: {matchLabels: {app: job}}, egress: [{toEndpoints: "
                      "[{}]}, {toEndpoints: [{matchLabels: {'k8s:io.kubernetes.pod.namespace': "
                      "kube-system, k8s-app: kube-dns}}], toPorts: [{ports: [{port: '53', "
                      "protocol: ANY}], rules: {dns: [{matchPattern: '*.pypi.example.org'}]}}]}, "
                      "{toFQDNs: [{matchName: files.pypi.example.org}], toPorts: [{ports: [{port: "
                      "'443', protocol: TCP}]}]}]}"),
                  c2, COUNT(c2)),
        0);
}

static void
examples_c3_to_c6_hold(void **state)
{
    static const struct world_flow c3[] = {
        { API, "world @169.254.169.254", "TCP 80", 'e', .answer = "deny_explicit",
          .by = "c3 egressDeny[0]" },
        { API, "world", "TCP 80", 'e', .answer = "allow_default" },
        { API, UI, "TCP 80", 'e', .answer = "allow_default" },
    };
    static const struct world_flow c3_isolating[] = {
        { API, "world @169.254.169.254", "TCP 80", 'e', .answer = "deny_explicit" },
        { API, "world", "TCP 80", 'e', .answer = "deny_default" },
    };
    static const struct world_flow c456[] = {
        { "c4/web app=web", "world", "TCP 443", 'e', .answer = "allow" },
        { "c4/web app=web", "ops/x", "TCP 443", 'e', .answer = "allow" },
        { "c4/web app=web", "world", "UDP 443", 'e', .answer = "deny_default" },
        { "c4/web app=web", "c4/db app=db", "TCP 5432", 'e', .answer = "allow" },
        { "c4/web app=web", "ops/db app=db", "TCP 5432", 'e', .answer = "deny_default" },
        { "c5/ui app=ui", "c5/api app=api", "TCP 80", 'i', .answer = "allow" },
        { "c5/ui app=ui", "c5/api app=api", "TCP 8080", 'i', .answer = "deny_default" },
        { "host", "c6/api app=api", "TCP 9000", 'i', .answer = "deny_explicit",
          .by = "c6 ingressDeny[0]" },
        { "host", "c6/api app=api", "TCP 9001", 'i', .answer = "allow" },
        { "ops/x", "c6/api app=api", "TCP 9000", 'i', .answer = "allow" },
        { "world", "c6/api app=api", "TCP 9000", 'i', .answer = "deny_default" },
        { "ops/x cluster:blue", "c6/api app=api", "TCP 9000", 'i', .answer = "deny_default" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM,
                               CCNP("c3", "{endpointSelector: {}, enableDefaultDeny: {egress: "
                                          "false}, egressDeny: [{toCIDR: [169.254.169.254/32]}]}"),
                               c3, COUNT(c3)),
                     0);
    assert_int_equal(world_ask(ENGINE_CILIUM,
                               CCNP("c3", "{endpointSelector: {}, egressDeny: [{toCIDR: "
                                          "[169.254.169.254/32]}]}"),
                               c3_isolating, COUNT(c3_isolating)),
                     0);
    assert_int_equal(
        world_ask(ENGINE_CILIUM,
                  CNP("c4", "c4",
                      "{endpointSelector: {matchLabels: {app: web}}, egress: "
                      "[{toEndpoints: [{matchLabels: {app: db}}]}, {toPorts: [{ports: "
                      "[{port: '443', protocol: TCP}]}]}]}")
                      CNP("c5", "c5",
                          "{" SUBJECT ", ingress: [{" UI_PEER ", toPorts: [{ports: [{port: "
                          "'80', protocol: TCP}], rules: {http: [{method: GET, path: "
                          "'/v1/.*'}]}}]}]}")
                          CNP("c6", "c6",
                              "{" SUBJECT ", ingress: [{fromEntities: [cluster]}], ingressDeny: "
                              "[{fromEntities: [host], toPorts: [{ports: [{port: '9000', "
                              "protocol: TCP}]}]}]}"),
                  c456, COUNT(c456)),
        0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nil_and_empty_in_ingress_mean_what_the_agent_says),
        cmocka_unit_test(nil_and_empty_in_egress_mean_what_the_agent_says),
        cmocka_unit_test(an_empty_section_is_as_good_as_none),
        cmocka_unit_test(nil_and_empty_in_deny_sections_deny_as_they_would_allow),
        cmocka_unit_test(an_empty_selector_of_a_clusterwide_policy_takes_every_pod_and_no_more),
        cmocka_unit_test(the_source_in_a_key_limits_where_it_is_found),
        cmocka_unit_test(a_peer_selector_without_namespace_stays_in_the_policys_own),
        cmocka_unit_test(a_peer_selector_of_a_clusterwide_policy_takes_pods_of_any_namespace),
        cmocka_unit_test(a_subject_of_reserved_init_lifts_the_namespace_off_its_peers),
        cmocka_unit_test(a_policys_subjects_are_of_its_own_namespace),
        cmocka_unit_test(a_clusterwide_policys_subjects_are_endpoints_of_every_kind),
        cmocka_unit_test(
            labels_that_identities_leave_out_are_absent_under_cilium_and_real_elsewhere),
        cmocka_unit_test(labels_that_identities_leave_out_never_match_in_a_cilium_policy),
        cmocka_unit_test(entities_select_by_reserved_labels),
        cmocka_unit_test(a_reserved_identity_is_as_good_as_its_label),
        cmocka_unit_test(prefixes_select_what_is_outside_the_cluster_alone),
        cmocka_unit_test(an_exception_of_a_deny_entry_is_not_denied),
        cmocka_unit_test(a_prefix_admits_an_api_server_that_is_outside),
        cmocka_unit_test(cidr_groups_come_from_the_inventory),
        cmocka_unit_test(names_select_addresses_outside_that_were_seen_to_have_them),
        cmocka_unit_test(ports_are_numbers_ranges_or_names_of_some_protocols),
        cmocka_unit_test(icmp_rules_go_by_family_and_type),
        cmocka_unit_test(a_named_port_without_inventory_is_open),
        cmocka_unit_test(requests_are_judged_apart_from_their_connection),
        cmocka_unit_test(a_denial_comes_before_every_allowance),
        cmocka_unit_test(policies_of_every_kind_add_up_and_any_may_deny),
        cmocka_unit_test(all_rules_of_spec_and_specs_apply),
        cmocka_unit_test(an_endpoint_without_labels_yet_is_always_isolated),
        cmocka_unit_test(examples_c1_and_c2_hold),
        cmocka_unit_test(examples_c3_to_c6_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
