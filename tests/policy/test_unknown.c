/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said where a fact is missing: the policy facts, section 6.3. An answer is certain when
 * every completion of the facts gives it, else undecidable with the name of what is missing.
 */
#include "world.h"

#define API "web/api app=api"
#define UI "web/ui app=ui"
#define SUBJECT "endpointSelector: {matchLabels: {app: api}}"
#define UI_PEER "fromEndpoints: [{matchLabels: {app: ui}}]"

#define ASK(engine, manifests, rows, flows)                                                        \
    assert_int_equal(world_matrix(engine, manifests, rows, COUNT(rows), flows, COUNT(flows)), 0)

static void
labels_that_are_not_told_matter_only_where_they_decide(void **state)
{
    static const struct world_flow flows[] = {
        { "web/gone ?", API, "TCP 80", 'i' },
        { "ops/gone ?", API, "TCP 80", 'i' },
        { "? @10.244.7.7", API, "TCP 80", 'i' },
        { "? @", API, "TCP 80", 'i' },
        { "unmanaged id:31000 bare", API, "TCP 80", 'i' },
    };
    /* a pod of web, one of ops, an address, nothing, an identity */
    static const struct world_row rows[] = {
        { "ingress: [{" UI_PEER "}]", "l-lll" },
        { "ingress: [{fromEndpoints: [{}]}]", "+-lll" },
        { "ingress: [{fromEndpoints: [{matchExpressions: [{key: app, operator: NotIn, values: "
          "[ui]}]}]}]",
          "l-lll" },
        { "ingress: [{fromEndpoints: [{matchExpressions: [{key: app, operator: Exists}]}]}]",
          "l-lll" },
        { "ingress: [{fromEndpoints: [{matchExpressions: [{key: app, operator: DoesNotExist}]}]}]",
          "l-lll" },
        /* nobody, but for the host of the pod, and everybody, whoever it is */
        { "ingress: [{}]", "--ll-" },
        { "ingress: [{fromEntities: [all]}]", "+++++" },
        { "ingress: [{toPorts: [{ports: [{port: '80'}]}]}]", "+++++" },
        { "ingress: [{" UI_PEER ", toPorts: [{ports: [{port: '81'}]}]}]", "--ll-" },
        { "ingress: [{" UI_PEER "}, {fromEntities: [all]}]", "+++++" },
        /* a pod is no part of the world */
        { "ingress: [{fromEntities: [world]}]", "--ll-" },
        { "ingress: [{fromCIDR: [10.244.7.0/24]}]", "--ll-" },
        { "ingress: [{fromCIDR: [10.245.7.0/24]}]", "--ll-" },
        { "ingress: [{fromEntities: [cluster]}]", "++ll+" },
        /* who may be denied, and who is for certain */
        { "ingress: [{fromEntities: [all]}], ingressDeny: [{" UI_PEER "}]", "l+lll" },
        { "ingress: [{" UI_PEER "}], ingressDeny: [{fromEntities: [all]}]", "xxxxx" },
        { "enableDefaultDeny: {ingress: false}, ingress: [{" UI_PEER "}]", "ddddd" },
        { "enableDefaultDeny: {ingress: false}, ingressDeny: [{" UI_PEER "}]", "ldlll" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", %s}"), rows, flows);
}

static void
a_policy_that_may_select_counts_where_it_changes_the_answer(void **state)
{
    static const struct world_flow flows[] = {
        { UI, "web/gone ?", "TCP 80", 'i' },
        { UI, "web/gone ?", "TCP 81", 'i' },
        { UI, "ops/gone ?", "TCP 80", 'i' },
    };
    static const struct world_row rows[] = {
        /* it admits if it selects, and nothing isolates if it does not */
        { CNP("web", "p", "{" SUBJECT ", ingress: [{toPorts: [{ports: [{port: '80'}]}]}]}"),
          "+ld" },
        { CNP("web", "p", "{" SUBJECT ", ingress: [{}]}"), "lld" },
        { CNP("web", "p", "{" SUBJECT ", ingress: [{}]}")
              CNP("web", "q",
                  "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '80'}]}]}]}"),
          "+-d" },
        { CNP("web", "p", "{" SUBJECT ", ingressDeny: [{toPorts: [{ports: [{port: '80'}]}]}]}")
              CNP("web", "q", "{endpointSelector: {}, ingress: [{}]}"),
          "--d" },
        { CNP("web", "p", "{" SUBJECT ", ingressDeny: [{toPorts: [{ports: [{port: '80'}]}]}]}")
              CNP("web", "q", "{endpointSelector: {}, ingress: [{fromEntities: [all]}]}"),
          "l+d" },
        { CNP("web", "p", "{" SUBJECT ", ingress: [{toPorts: [{ports: [{port: '80'}]}]}]}")
              CNP("web", "q", "{endpointSelector: {}, ingress: [{}]}"),
          "l-d" },
        { KNP("web", "p", "{podSelector: {matchLabels: {app: api}}}"), "lld" },
        { KNP("web", "p", "{podSelector: {}}"), "--d" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, "%s", rows, flows);
}

#define WORKLOAD(kind, name, app)                                                                  \
    "apiVersion: apps/v1\nkind: " kind "\nmetadata: {name: " name                                  \
    ", namespace: web, labels: {app: "                                                             \
    "none}}\nspec: {selector: {matchLabels: {app: " app                                            \
    "}}, template: {metadata: {labels: {app: " app "}}, spec: {containers: []}}}\n---\n"

static void
an_inventory_tells_the_labels_that_records_leave_out(void **state)
{
    static const struct world_flow flows[] = {
        { "web/ui ?", API, "TCP 80", 'i', .answer = "allow" },
        { "web/db ?", API, "TCP 80", 'i', .answer = "deny_default" },
        { "? @10.244.5.5", API, "TCP 80", 'i', .answer = "allow" },
        { "? @10.244.5.6", API, "TCP 80", 'i', .answer = "undecidable no-labels" },
        /* a finished pod's address may be another's by now */
        { "? @10.244.5.9", API, "TCP 80", 'i', .answer = "undecidable no-labels" },
        /* the ending of a pod's name tells the kind of what made it */
        { "web/web-7d4b9c6f5d-bcdfg ?", API, "TCP 80", 'i', .answer = "allow" },
        { "web/web-0 ?", API, "TCP 80", 'i', .answer = "deny_default" },
        { "web/solo-0 ?", API, "TCP 80", 'i', .answer = "undecidable no-labels" },
        { "web/two-7d4b9c6f5d-bcdfg ?", API, "TCP 80", 'i', .answer = "undecidable no-labels" },
        /* the record's own labels come first */
        { "web/ui app=other", API, "TCP 80", 'i', .answer = "deny_default" },
        { "unmanaged id:31337 bare", API, "TCP 80", 'i', .answer = "allow" },
    };

    (void)state;
    assert_int_equal(
        world_ask(
            ENGINE_CILIUM,
            "apiVersion: v1\nkind: Pod\nmetadata: {name: ui, namespace: web, labels: {app: "
            "ui}}\nspec: {containers: []}\nstatus: {podIP: 10.244.5.5, phase: Running}\n---\n"
            "apiVersion: v1\nkind: Pod\nmetadata: {name: done, namespace: web, labels: {app: "
            "ui}}\nspec: {containers: []}\nstatus: {podIP: 10.244.5.9, phase: Succeeded}\n"
            "---\n" POD("web", "db", "{app: db}", "{containers: []}")
                WORKLOAD("Deployment", "web", "ui") WORKLOAD("StatefulSet", "web", "db")
                    WORKLOAD("Deployment", "solo", "ui") WORKLOAD("Deployment", "two", "ui")
                        WORKLOAD("DaemonSet", "two",
                                 "db") "apiVersion: cilium.io/v2\nkind: CiliumIdentity\nmetadata: "
                                       "{name: '31337'}\n"
                                       "security-labels: {'k8s:app': ui, "
                                       "'k8s:io.kubernetes.pod.namespace': web, "
                                       "'k8s:io.cilium.k8s.policy.cluster': default}\n---\n" CNP(
                                           "web", "p", "{" SUBJECT ", ingress: [{" UI_PEER "}]}"),
            flows, COUNT(flows)),
        0);
}

static void
labels_of_the_record_come_before_those_of_the_inventory(void **state)
{
    static const struct world_flow flows[] = {
        { "web/ui app=other", API, "TCP 80", 'i', .answer = "deny_default" },
        { "web/ui app=ui", API, "TCP 80", 'i', .answer = "allow" },
        /* a key that the record does not have is the inventory's, outside Cilium */
        { "web/ui app=ui", "web/db app=db", "TCP 80", 'i', .answer = "allow" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_KUBERNETES,
                               POD("web", "ui", "{app: ui, tier: front}", "{containers: []}") KNP(
                                   "web", "p",
                                   "{podSelector: {matchLabels: {app: api}}, ingress: [{from: "
                                   "[{podSelector: {matchLabels: {app: ui}}}]}]}")
                                   KNP("web", "q",
                                       "{podSelector: {matchLabels: {app: db}}, ingress: [{from: "
                                       "[{podSelector: {matchLabels: {tier: front}}}]}]}"),
                               flows, COUNT(flows)),
                     0);
}

/* A template has all labels but those that are added when its pods are made. */
static void
a_template_leaves_labels_of_the_run_time_open(void **state)
{
    static const struct world_flow flows[] = {
        { "web/web-7d4b9c6f5d-abcde ?", API, "TCP 80", 'i' },
    };
    static const struct world_row kubernetes[] = {
        { "{key: app, operator: In, values: [ui]}", "+" },
        { "{key: app, operator: NotIn, values: [ui]}", "-" },
        { "{key: tier, operator: DoesNotExist}", "+" },
        { "{key: pod-template-hash, operator: Exists}", "l" },
        { "{key: pod-template-hash, operator: NotIn, values: [a]}", "l" },
        { "{key: topology.kubernetes.io/zone, operator: DoesNotExist}", "l" },
        { "{key: job-name, operator: DoesNotExist}", "l" },
    };
    static const struct world_row cilium[] = {
        { "{key: app, operator: In, values: [ui]}", "+" },
        { "{key: tier, operator: DoesNotExist}", "+" },
        /* identities never have these, and do have that */
        { "{key: pod-template-hash, operator: Exists}", "-" },
        { "{key: topology.kubernetes.io/zone, operator: DoesNotExist}", "+" },
        { "{key: job-name, operator: DoesNotExist}", "l" },
    };
    static const char manifests[] =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: web}\nspec: "
        "{selector: {matchLabels: {app: ui}}, template: {metadata: {labels: {app: ui}}, spec: "
        "{containers: []}}}\n---\n" KNP(
            "web", "p",
            "{podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: "
            "[%s]}}]}]}");

    (void)state;
    ASK(ENGINE_KUBERNETES, manifests, kubernetes, flows);
    ASK(ENGINE_CILIUM, manifests, cilium, flows);
}

static void
of_a_namespace_without_object_only_the_name_is_known(void **state)
{
    static const struct world_flow flows[] = {
        { "ops/gone ?", API, "TCP 80", 'i' },
        { "dev/gone ?", API, "TCP 80", 'i' },
    };
    static const struct world_row rows[] = {
        { "matchLabels: {kubernetes.io/metadata.name: ops}", "+-" },
        { "matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [ops]}]",
          "-+" },
        { "matchLabels: {team: red}", "l+" },
        { "matchLabels: {team: blue}", "l-" },
        { "matchExpressions: [{key: team, operator: DoesNotExist}]", "l-" },
        { "matchExpressions: [{key: other, operator: DoesNotExist}]", "l+" },
        { "", "++" },
    };

    (void)state;
    ASK(ENGINE_KUBERNETES,
        NAMESPACE("dev", "{team: red}")
            KNP("web", "p", "{podSelector: {}, ingress: [{from: [{namespaceSelector: {%s}}]}]}"),
        rows, flows);
    ASK(ENGINE_CILIUM,
        NAMESPACE("dev", "{team: red}")
            KNP("web", "p", "{podSelector: {}, ingress: [{from: [{namespaceSelector: {%s}}]}]}"),
        rows, flows);
}

static void
a_node_that_is_known_by_its_address_is_the_pods_own_or_another(void **state)
{
    static const struct world_flow flows[] = {
        { "? @10.0.0.77", API, "TCP 80", 'i' },
        { API, "? @10.0.0.77", "TCP 80", 'e' },
    };
    static const char *const documents[] = {
        CNP("web", "p", "{" SUBJECT ", ingress: [{}], egress: [{}]}"),
        CNP("web", "p",
            "{" SUBJECT ", ingress: [{fromEntities: [host]}], egress: [{toEntities: [host]}]}"),
        CNP("web", "p",
            "{" SUBJECT ", ingress: [{fromEntities: [remote-node]}], egress: [{toEntities: "
            "[remote-node]}]}"),
        CNP("web", "p",
            "{" SUBJECT ", ingressDeny: [{fromEntities: [all]}], egress: [{toCIDR: "
            "[10.0.0.0/8]}]}"),
        CNP("web", "p", "{" SUBJECT ", egress: [{toEntities: [kube-apiserver]}]}"),
    };
    /* the node that reports is node-1: its own pods are let in by it, whatever the policies say */
    static const char *const own[] = { "+-", "++", "+-", "x-", "dl" };
    static const char *const other[] = { "--", "--", "++", "x-", "dl" };
    struct world_row rows[COUNT(documents)];

    (void)state;
#define NODE_77(name)                                                                              \
    "apiVersion: v1\nkind: Node\nmetadata: {name: " name "}\nstatus: {addresses: [{type: "         \
    "InternalIP, address: 10.0.0.77}]}\n---\n%s"
    for (size_t i = 0; i < COUNT(documents); i++)
        rows[i] = (struct world_row){ documents[i], own[i] };
    ASK(ENGINE_CILIUM, NODE_77("node-1"), rows, flows);
    for (size_t i = 0; i < COUNT(documents); i++)
        rows[i] = (struct world_row){ documents[i], other[i] };
    ASK(ENGINE_CILIUM, NODE_77("machine"), rows, flows);
}

static void
a_placeholder_matters_only_where_it_decides(void **state)
{
    static const struct world_flow flows[] = {
        { API, UI, "TCP 80", 'e' },
        { API, "ops/x", "TCP 80", 'e' },
        { API, "world name:a.x.io", "TCP 80", 'e' },
        { API, "host", "TCP 80", 'e' },
    };
    static const struct world_row rows[] = {
        { "toEndpoints: [{matchLabels: {app: '${APP}'}}]", "h---" },
        { "toEndpoints: [{matchLabels: {'app${KEY}': ui}}]", "h---" },
        /* a key may be one that lifts the namespace */
        { "toEndpoints: [{matchLabels: {'${KEY}': ui}}]", "hhhh" },
        { "toEndpoints: [{matchLabels: {app: '${APP}', tier: x}}]", "----" },
        { "toEndpoints: [{matchLabels: {app: 'ui-{{ .Values.x }}'}}]", "h---" },
        { "toEndpoints: [{matchLabels: {io.kubernetes.pod.namespace: '${NS}'}}]", "hh--" },
        { "toCIDR: ['${NET}']", "--h-" },
        { "toCIDRSet: [{cidr: '${NET}/24'}]", "--h-" },
        { "toCIDRSet: [{cidr: 203.0.113.0/24, except: ['${NET}']}]", "--h-" },
        { "toCIDRSet: [{cidr: 198.51.100.0/24, except: ['${NET}']}]", "----" },
        { "toFQDNs: [{matchName: 'a.${DOMAIN}'}]", "--h-" },
        { "toFQDNs: [{matchPattern: '*.${DOMAIN}'}]", "--h-" },
        { "toEntities: ['${WHO}']", "hhhh" },
        { "toEntities: [all], toPorts: [{ports: [{port: '${PORT}', protocol: TCP}]}]", "hhhh" },
        { "toEntities: [all], toPorts: [{ports: [{port: '${PORT}', protocol: UDP}]}]", "----" },
        { "toEndpoints: [{matchLabels: {app: '${APP}'}}]}, {toEntities: [all]", "++++" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", egress: [{%s}]}"), rows, flows);
}

static void
a_placeholder_in_a_subject_or_namespace_may_select_anything_of_it(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i' },
        { UI, API, "TCP 81", 'i' },
        { UI, "ops/x", "TCP 81", 'i' },
    };
    static const struct world_row rows[] = {
        { KNP("web", "p", "{podSelector: {matchLabels: {app: '${APP}'}}}"), "hhd" },
        { KNP("web", "p",
              "{podSelector: {matchLabels: {app: '${APP}'}}, ingress: [{ports: [{port: "
              "80}]}]}"),
          "+hd" },
        { KNP("'${NS}'", "p", "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}"), "+hh" },
        { CNP("'${NS}'", "p",
              "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: "
              "'80'}]}]}]}"),
          "+hh" },
        { KNP("'${NS}'", "p", "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}"), "hhh" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, "%s", rows, flows);
}

static void
variables_take_the_place_of_placeholders(void **state)
{
    static const char *const variables[] = { "APP=ui", "NS=web", "NET=203.0.113.0",
                                             "EMPTY=", NULL };
    static const struct world_flow flows[] = {
        { API, UI, "TCP 80", 'e', .answer = "allow" },
        { API, "web/db app=db", "TCP 80", 'e', .answer = "deny_default" },
        { API, "world", "TCP 80", 'e', .answer = "allow" },
        { API, "world @203.0.114.1", "TCP 80", 'e', .answer = "deny_default" },
        { UI, UI, "TCP 80", 'e', .answer = NULL },
    };
    const struct world_options options = { .variables = variables };
    struct flow_policies *policies;

    (void)state;
    policies = world_load(&options, CNP("'${NS}'", "p",
                                        "{" SUBJECT ", egress: [{toEndpoints: [{matchLabels: {app: "
                                        "'${APP}${EMPTY}'}}]}, {toCIDR: ['${NET}/24']}]}"));
    assert_int_equal(flow_policies_error_count(policies), 0);
    assert_int_equal(world_check(policies, flows, COUNT(flows)), 0);
    flow_policies_free(policies);
}

static void
names_are_needed_only_where_a_name_rule_could_decide(void **state)
{
    static const struct world_flow flows[] = {
        { API, "world", "TCP 443", 'e' },
        { API, "world", "TCP 80", 'e' },
        { API, "ops/x", "TCP 443", 'e' },
        { API, "world name:b.x.io", "TCP 443", 'e' },
    };
    static const struct world_row rows[] = {
        { "egress: [{toFQDNs: [{matchName: a.x.io}]}]", "ff-f" },
        { "egress: [{toFQDNs: [{matchName: a.x.io}], toPorts: [{ports: [{port: '443'}]}]}]",
          "f--f" },
        { "egress: [{toFQDNs: [{matchName: a.x.io}]}, {toCIDR: [0.0.0.0/0]}]", "++-+" },
        { "egress: [{toFQDNs: [{matchName: a.x.io}]}], egressDeny: [{toEntities: [world]}]",
          "xx-x" },
        { "egress: [{toFQDNs: [{matchName: a.x.io}, {matchName: b.x.io}]}]", "ff-+" },
        { "enableDefaultDeny: {egress: false}, egress: [{toFQDNs: [{matchName: a.x.io}]}]",
          "dddd" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", %s}"), rows, flows);
}

static void
what_the_inventory_has_to_tell_is_never_guessed(void **state)
{
    static const struct world_flow flows[] = {
        { API, UI, "TCP 80", 'e' },
        { API, "world", "TCP 80", 'e' },
        { API, "remote-node", "TCP 80", 'e' },
        { API, UI, "TCP 81", 'e' },
        { "web/db app=db", UI, "TCP 80", 'e' },
    };
    static const struct world_row rows[] = {
        { "egress: [{toServices: [{k8sService: {serviceName: s, namespace: web}}]}]", "iiiid" },
        { "egress: [{toServices: [{k8sServiceSelector: {selector: {matchLabels: {a: b}}, "
          "namespace: "
          "web}}]}]",
          "iiiid" },
        { "egress: [{toServices: [{k8sService: {serviceName: s, namespace: web}}], toPorts: "
          "[{ports: [{port: '80'}]}]}]",
          "iii-d" },
        { "egress: [{toGroups: [{aws: {labels: {a: b}, region: x}}]}]", "-i--d" },
        { "egress: [{toNodes: [{matchLabels: {a: b}}]}]", "--i-d" },
        { "egress: [{toServices: [{k8sService: {serviceName: s, namespace: web}}]}, {toEntities: "
          "[all]}]",
          "++++d" },
        { "egress: [{toEntities: [all]}], egressDeny: [{toServices: [{k8sService: {serviceName: s, "
          "namespace: web}}]}]",
          "iiiid" },
        { "egress: [{toEntities: [all]}], egressDeny: [{toGroups: [{aws: {region: x}}]}]",
          "+i++d" },
        { "egress: [{toGroups: [{aws: {region: x}}]}], egressDeny: [{toEntities: [all]}]",
          "xxxxd" },
    };
    static const struct world_flow in[] = {
        { "world", API, "TCP 80", 'i' },
        { "remote-node", API, "TCP 80", 'i' },
    };
    static const struct world_row in_rows[] = {
        { "ingress: [{fromGroups: [{aws: {region: x}}]}]", "i-" },
        { "ingress: [{fromNodes: [{matchLabels: {a: b}}]}]", "-i" },
    };

    (void)state;
    ASK(ENGINE_CILIUM " enable-node-selector-labels=true", CNP("web", "p", "{" SUBJECT ", %s}"),
        rows, flows);
    ASK(ENGINE_CILIUM " enable-node-selector-labels=true", CNP("web", "p", "{" SUBJECT ", %s}"),
        in_rows, in);
}

#define FOREIGN(version, kind, ns)                                                                 \
    "apiVersion: " version "\nkind: " kind "\nmetadata: {name: f" ns "}\nspec: {selector: "        \
    "all()}\n"

static void
policies_of_other_projects_may_say_anything_where_they_reach(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i' },
        { UI, "ops/x", "TCP 80", 'i' },
        { "world", "remote-node", "TCP 80", 'i' },
    };
    static const struct world_row rows[] = {
        { FOREIGN("projectcalico.org/v3", "NetworkPolicy", ", namespace: web"), "udn" },
        { FOREIGN("crd.projectcalico.org/v1", "NetworkPolicy", ", namespace: web"), "udn" },
        { FOREIGN("crd.antrea.io/v1beta1", "NetworkPolicy", ", namespace: web"), "udn" },
        { FOREIGN("projectcalico.org/v3", "GlobalNetworkPolicy", ""), "uun" },
        { FOREIGN("crd.projectcalico.org/v1", "GlobalNetworkPolicy", ""), "uun" },
        { FOREIGN("crd.antrea.io/v1beta1", "ClusterNetworkPolicy", ""), "uun" },
        { FOREIGN("projectcalico.org/v3", "NetworkPolicy", ", namespace: '${NS}'"), "uun" },
        { FOREIGN("projectcalico.org/v3", "NetworkPolicy",
                  ", namespace: web") "---\n" KNP("web", "p", "{podSelector: {}, ingress: [{}]}"),
          "udn" },
        { FOREIGN("projectcalico.org/v3", "NetworkPolicy",
                  ", namespace: web") "---\n" KNP("web", "p", "{podSelector: {}}"),
          "udn" },
        { FOREIGN("networking.istio.io/v1", "Gateway", ", namespace: web"), "ddn" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, "%s", rows, flows);
}

static void
host_policies_leave_nodes_open_and_pods_alone(void **state)
{
    static const struct world_flow flows[] = {
        { "world", "host", "TCP 22", 'i', .answer = "undecidable inventory" },
        { "remote-node", "host", "TCP 22", 'i', .answer = "not_applicable" },
        { "host", "world", "TCP 22", 'e', .answer = "not_applicable" },
        { UI, API, "TCP 22", 'i', .answer = "allow_default" },
        { "host", API, "TCP 22", 'i', .answer = "allow_default" },
    };

    (void)state;
    assert_int_equal(
        world_ask(ENGINE_CILIUM,
                  CCNP("p", "{nodeSelector: {}, ingress: [{fromEntities: [cluster]}]}"), flows,
                  COUNT(flows)),
        0);
}

static void
rules_that_were_removed_are_open_for_the_releases_that_had_them(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .answer = "undecidable unmodelled" },
        { UI, "ops/x", "TCP 80", 'i', .answer = "allow_default" },
        { UI, "web/db app=db", "TCP 80", 'i', .answer = "allow_default" },
    };

    (void)state;
    assert_int_equal(world_ask("cilium-1.18",
                               CNP("web", "p",
                                   "{" SUBJECT ", ingress: [{fromRequires: "
                                   "[{matchLabels: {a: b}}], fromEndpoints: [{}]}]}"),
                               flows, COUNT(flows)),
                     0);
}

static void
without_all_policies_nothing_is_allowed_by_default(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .answer = "deny_default" },
        { UI, API, "TCP 81", 'i', .answer = "allow" },
        { UI, "ops/x", "TCP 80", 'i', .answer = "undecidable policy-set", .result = "undecided" },
        { API, UI, "TCP 80", 'e', .answer = "undecidable policy-set" },
        { "world", "remote-node", "TCP 80", 'i', .answer = "not_applicable" },
    };
    static const struct world_flow none[] = {
        { UI, API, "TCP 80", 'i', .answer = "undecidable policy-set" },
        { API, UI, "TCP 80", 'e', .answer = "undecidable policy-set" },
    };
    static const char manifests[] =
        KNP("web", "p", "{podSelector: {}, ingress: [{ports: [{port: 81}]}]}");
    struct world_options options = { .partial = true };
    struct flow_policies *policies;

    (void)state;
    policies = world_load(&options, manifests);
    assert_int_equal(world_check(policies, flows, COUNT(flows)), 0);
    flow_policies_free(policies);
    /* a snapshot's policies are not in force */
    options = (struct world_options){ .no_manifests = true };
    policies = world_load(&options, manifests);
    assert_int_equal(flow_policies_count(policies), 0);
    assert_int_equal(world_check(policies, none, COUNT(none)), 0);
    flow_policies_free(policies);
}

static void
a_flow_without_protocol_or_port_is_decided_where_that_does_not_matter(void **state)
{
    static const struct world_flow flows[] = {
        { UI, "web/ports app=ports", "", 'i', .answer = "undecidable no-port" },
        { UI, "web/peers app=peers", "", 'i', .answer = "allow" },
        { UI, "web/shut app=shut", "", 'i', .answer = "deny_default" },
        { UI, "web/free app=free", "", 'i', .answer = "allow_default" },
        { "ops/x", "web/both app=both", "", 'i', .answer = "deny_default" },
        /* port 0 stands for "none": a fragment */
        { UI, "web/ports app=ports", "TCP", 'i', .answer = "undecidable no-port" },
        { UI, "web/ports app=ports", "UDP", 'i', .answer = "deny_default" },
    };

    (void)state;
    assert_int_equal(
        world_ask(ENGINE_CILIUM,
                  KNP("web", "ports",
                      "{podSelector: {matchLabels: {app: ports}}, ingress: [{ports: "
                      "[{port: 80}]}]}")
                      KNP("web", "peers",
                          "{podSelector: {matchLabels: {app: peers}}, ingress: [{from: "
                          "[{podSelector: {}}]}]}")
                          KNP("web", "both",
                              "{podSelector: {matchLabels: {app: both}}, ingress: [{from: "
                              "[{podSelector: {}}], ports: [{port: 80}]}]}")
                              KNP("web", "shut", "{podSelector: {matchLabels: {app: shut}}}"),
                  flows, COUNT(flows)),
        0);
}

static void
a_services_own_address_is_seen_before_translation(void **state)
{
    static const struct world_flow flows[] = {
        { API, "? @10.96.0.10", "UDP 53", 'e', .answer = "undecidable inventory" },
        { "web/shut app=shut", "? @10.96.0.10", "UDP 53", 'e', .answer = "deny_default" },
        { "web/open app=open", "? @10.96.0.10", "UDP 53", 'e', .answer = "allow" },
    };

    (void)state;
    assert_int_equal(
        world_ask(
            ENGINE_CILIUM,
            "apiVersion: v1\nkind: Service\nmetadata: {name: dns, namespace: kube-system}\n"
            "spec: {clusterIP: 10.96.0.10, ports: [{port: 53, protocol: UDP}]}\n---\n" CNP(
                "web", "p",
                "{" SUBJECT ", egress: [{toCIDR: [10.96.0.10/32]}, {toPorts: "
                "[{ports: [{port: '5353'}]}]}]}")
                CNP("web", "q", "{endpointSelector: {matchLabels: {app: shut}}, egress: [{}]}")
                    CNP("web", "r",
                        "{endpointSelector: {matchLabels: {app: open}}, egress: "
                        "[{toEntities: [all]}]}"),
            flows, COUNT(flows)),
        0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_that_are_not_told_matter_only_where_they_decide),
        cmocka_unit_test(a_policy_that_may_select_counts_where_it_changes_the_answer),
        cmocka_unit_test(an_inventory_tells_the_labels_that_records_leave_out),
        cmocka_unit_test(labels_of_the_record_come_before_those_of_the_inventory),
        cmocka_unit_test(a_template_leaves_labels_of_the_run_time_open),
        cmocka_unit_test(of_a_namespace_without_object_only_the_name_is_known),
        cmocka_unit_test(a_node_that_is_known_by_its_address_is_the_pods_own_or_another),
        cmocka_unit_test(a_placeholder_matters_only_where_it_decides),
        cmocka_unit_test(a_placeholder_in_a_subject_or_namespace_may_select_anything_of_it),
        cmocka_unit_test(variables_take_the_place_of_placeholders),
        cmocka_unit_test(names_are_needed_only_where_a_name_rule_could_decide),
        cmocka_unit_test(what_the_inventory_has_to_tell_is_never_guessed),
        cmocka_unit_test(policies_of_other_projects_may_say_anything_where_they_reach),
        cmocka_unit_test(host_policies_leave_nodes_open_and_pods_alone),
        cmocka_unit_test(rules_that_were_removed_are_open_for_the_releases_that_had_them),
        cmocka_unit_test(without_all_policies_nothing_is_allowed_by_default),
        cmocka_unit_test(a_flow_without_protocol_or_port_is_decided_where_that_does_not_matter),
        cmocka_unit_test(a_services_own_address_is_seen_before_translation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
