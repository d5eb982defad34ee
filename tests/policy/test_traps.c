/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What looks the same and is not, and mistakes that are in real manifests: the policy facts,
 * section 4, and how objects are found in files, section 5.
 */
#include "world.h"

#define API "web/api app=api"
#define UI "web/ui app=ui"
#define SUBJECT "endpointSelector: {matchLabels: {app: api}}"

#define ASK(engine, manifests, rows, flows)                                                        \
    assert_int_equal(world_matrix(engine, manifests, rows, COUNT(rows), flows, COUNT(flows)), 0)

/* Rows hold whole objects here, so that one table shows a trap in both families. */
#define WHOLE "%s"

static const struct world_flow around_api[] = {
    { UI, API, "TCP 80", 'i' },      { UI, API, "UDP 80", 'i' },
    { "ops/x", API, "TCP 80", 'i' }, { "world", API, "TCP 80", 'i' },
    { "host", API, "TCP 80", 'i' },  { API, UI, "TCP 80", 'e' },
    { API, "world", "TCP 80", 'e' },
};

static void
the_same_text_means_something_else_in_the_other_family(void **state)
{
    /* ui TCP, ui UDP, ops, world, host; out to ui, out to world */
    static const struct world_row rows[] = {
        { KNP("web", "p", "{podSelector: {}, ingress: [{}]}"), "+++++dd" },
        { CNP("web", "p", "{endpointSelector: {}, ingress: [{}]}"), "----+dd" },
        { KNP("web", "p", "{podSelector: {}, ingress: [], egress: [{}]}"), "----+++" },
        { CNP("web", "p", "{endpointSelector: {}, ingress: [], egress: [{}]}"), "ddddd--" },
        { KNP("web", "p", "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}"), "+-+++dd" },
        { CNP("web", "p",
              "{endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '80'}]}]}]}"),
          "+++++dd" },
        { KNP("web", "p", "{podSelector: {}, ingress: [{from: []}]}"), "+++++dd" },
        { CNP("web", "p", "{endpointSelector: {}, ingress: [{fromEndpoints: []}]}"), "----+dd" },
        { KNP("web", "p", "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}"), "++--+dd" },
        { CNP("web", "p", "{endpointSelector: {}, ingress: [{fromEndpoints: [{}]}]}"), "++--+dd" },
        { CCNP("p", "{" SUBJECT ", ingress: [{fromEndpoints: [{}]}]}"), "+++-+dd" },
        { KNP("web", "p", "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"),
          "+++-+dd" },
        { CNP("web", "p",
              "{endpointSelector: {}, ingress: [{fromEndpoints: [{matchExpressions: "
              "[{key: io.kubernetes.pod.namespace, operator: Exists}]}]}]}"),
          "+++-+dd" },
        { KNP("web", "p",
              "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: "
              "{kubernetes.io/metadata.name: ops}}}]}]}"),
          "--+-+dd" },
        { CNP("web", "p",
              "{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: "
              "{'k8s:io.kubernetes.pod.namespace': ops}}]}]}"),
          "--+-+dd" },
        { CNP("web", "p",
              "{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: "
              "{'k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name': ops}}]}]}"),
          "--+-+dd" },
        /* a plain key is a pod's label, and identities leave this one out */
        { CNP("web", "p",
              "{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: "
              "{kubernetes.io/metadata.name: ops}}]}]}"),
          "----+dd" },
        { KNP("web", "p", "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}"),
          "---++dd" },
        { CNP("web", "p", "{endpointSelector: {}, ingress: [{fromCIDR: [0.0.0.0/0]}]}"),
          "---++dd" },
        /* rules of egress alone */
        { KNP("web", "p", "{podSelector: {}, egress: [{to: [{podSelector: {}}]}]}"), "----++-" },
        { CNP("web", "p", "{endpointSelector: {}, egress: [{toEndpoints: [{}]}]}"), "ddddd+-" },
        { CNP("web", "p", "{endpointSelector: {}, ingress: [{fromEntities: [world]}]}"),
          "---++dd" },
        { CNP("web", "p",
              "{endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: "
              "{'reserved:world': ''}}]}]}"),
          "---++dd" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, WHOLE, rows, around_api);
}

static void
a_second_policy_widens_and_a_denial_narrows(void **state)
{
    static const struct world_row rows[] = {
        { KNP("web", "p", "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}") KNP(
              "web", "q", "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}"),
          "++-++dd" },
        { KNP("web", "p", "{podSelector: {}, ingress: [{}]}")
              CNP("web", "q", "{endpointSelector: {}, ingress: [{}]}"),
          "+++++dd" },
        { KNP("web", "p", "{podSelector: {}, ingress: [{}]}")
              CNP("web", "q", "{endpointSelector: {}, ingressDeny: [{fromEntities: [world]}]}"),
          "+++x+dd" },
        { KNP("web", "p", "{podSelector: {}, ingress: [{}]}")
              CCNP("q", "{endpointSelector: {}, ingressDeny: [{fromEntities: [host]}]}"),
          "++++xdd" },
        /* "block one thing" isolates the pod */
        { CNP("web", "q", "{endpointSelector: {}, ingressDeny: [{fromEntities: [world]}]}"),
          "---x+dd" },
        { CNP("web", "q",
              "{endpointSelector: {}, enableDefaultDeny: {ingress: false}, ingressDeny: "
              "[{fromEntities: [world]}]}"),
          "dddxddd" },
        { CNP("web", "q", "{endpointSelector: {}, egressDeny: [{toEntities: [world]}]}"),
          "ddddd-x" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, WHOLE, rows, around_api);
}

static const struct world_flow out_of_api[] = {
    { API, UI, "TCP 443", 'e' },
    { API, "ops/x", "TCP 443", 'e' },
    { API, "world", "TCP 443", 'e' },
    { API, "world @10.1.1.1", "UDP 53", 'e' },
    { API, "kube-system/dns k8s-app=kube-dns @10.244.3.3", "UDP 53", 'e' },
    { API, "kube-apiserver", "TCP 443", 'e' },
    { API, "remote-node", "TCP 4244", 'e' },
};

static void
mistakes_of_real_manifests_have_the_effect_that_they_have(void **state)
{
    /* ui, ops, world, 10.1.1.1:53, DNS pod, API server, node:4244 */
    static const struct world_row rows[] = {
        /* "all pods", says the comment */
        { "toEndpoints: [{}]", "+------" },
        /* the second dash takes the port off the peers */
        { "toEndpoints: [{matchLabels: {app: ui}}]}, {toPorts: [{ports: [{port: '443', protocol: "
          "TCP}]}]",
          "+++--+-" },
        { "toEndpoints: [{matchLabels: {app: ui}}], toPorts: [{ports: [{port: '443', protocol: "
          "TCP}]}]",
          "+------" },
        /* names of Services select no pod */
        { "toFQDNs: [{matchPattern: '*.svc.cluster.local'}]", "--ff---" },
        { "toFQDNs: [{matchPattern: '**.cluster.local'}]", "--ff---" },
        /* a prefix does not select the DNS pods */
        { "toCIDR: [10.0.0.0/8], toPorts: [{ports: [{port: '53'}]}]", "---+---" },
        /* the API server is not the world */
        { "toEntities: [world]", "--++---" },
        { "toEntities: [kube-apiserver]", "-----+-" },
        /* the one that works is the second */
        { "toServices: [{k8sService: {serviceName: hubble-peer, namespace: kube-system}}], "
          "toPorts: "
          "[{ports: [{port: '4244'}]}]}, {toEntities: [cluster], toPorts: [{ports: [{port: "
          "'4244'}]}]",
          "------+" },
        { "toEndpoints: [{matchLabels: {topology.kubernetes.io/zone: a}}]", "-------" },
        { "toEndpoints: [{matchLabels: {pod-template-hash: abc}}]", "-------" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", egress: [{%s}]}"), rows, out_of_api);
}

static void
a_policy_is_about_the_port_of_the_pod(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .answer = "allow" },
        { UI, API, "TCP 8080", 'i', .answer = "deny_default" },
    };

    (void)state;
    /* 80 is the Service's, and connections come in with the pod's own 8080 */
    assert_int_equal(world_ask(ENGINE_CILIUM,
                               KNP("web", "p",
                                   "{podSelector: {}, ingress: [{ports: [{port: "
                                   "80}]}]}"),
                               flows, COUNT(flows)),
                     0);
}

static void
a_clusterwide_notin_on_a_namespace_label_takes_what_has_no_namespace(void **state)
{
    static const struct world_flow flows[] = {
        { "world", "project/x ns:kind=project", "TCP 80", 'i', .answer = "allow_default" },
        { "world", "kube-system/dns", "UDP 53", 'i', .answer = "deny_default" },
        { "world", "ingress", "TCP 443", 'i', .answer = "deny_default" },
        { "remote-node", "health", "TCP 4240", 'i', .answer = "deny_default" },
    };

    (void)state;
    assert_int_equal(
        world_ask(ENGINE_CILIUM,
                  CCNP("p", "{endpointSelector: {matchExpressions: [{key: "
                            "'k8s:io.cilium.k8s.namespace.labels.kind', operator: NotIn, values: "
                            "[project]}]}, ingress: [{fromEntities: [none]}]}"),
                  flows, COUNT(flows)),
        0);
}

static void
of_a_name_that_is_given_twice_the_last_counts(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .answer = "deny_default" },
        { UI, API, "TCP 81", 'i', .answer = "allow", .by = "p ingress[0]" },
        /* the kind and the namespace belong to the name */
        { UI, "ops/x", "TCP 80", 'i', .answer = "allow", .by = "p ingress[0]" },
        { API, "world", "TCP 80", 'e', .answer = "deny_default", .by = "p" },
    };
    const struct world_options options = { .engine = ENGINE_CILIUM };
    struct flow_policies *policies;
    size_t warnings = 0;

    (void)state;
    policies = world_load(
        &options,
        KNP("web", "p", "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}")
            KNP("ops", "p", "{podSelector: {}, ingress: [{}]}")
                CNP("web", "p", "{endpointSelector: {}, egress: [{}]}")
                    KNP("web", "p", "{podSelector: {}, ingress: [{ports: [{port: 81}]}]}"));
    assert_int_equal(flow_policies_count(policies), 3);
    for (size_t i = 0; i < flow_policies_note_count(policies); i++) {
        const struct flow_note *note = flow_policies_note_at(policies, i);

        warnings += note->level == FLOW_NOTE_WARNING;
        assert_int_not_equal(note->level, FLOW_NOTE_ERROR);
        assert_int_equal(note->error.line, 16);
    }
    assert_int_equal(warnings, 1);
    assert_int_equal(world_check(policies, flows, COUNT(flows)), 0);
    flow_policies_free(policies);
}

static void
objects_whose_name_is_generated_all_count(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .answer = "allow" },
        { UI, API, "TCP 81", 'i', .answer = "allow" },
        { UI, API, "TCP 82", 'i', .answer = "deny_default" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM,
                               OBJECT("networking.k8s.io/v1", "NetworkPolicy",
                                      "{generateName: p-, namespace: web}",
                                      "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}")
                                   OBJECT("networking.k8s.io/v1", "NetworkPolicy",
                                          "{generateName: p-, namespace: web}",
                                          "{podSelector: {}, ingress: [{ports: [{port: 81}]}]}"),
                               flows, COUNT(flows)),
                     0);
}

static void
an_object_without_namespace_is_of_the_default_one(void **state)
{
    static const char manifests[] =
        OBJECT("networking.k8s.io/v1", "NetworkPolicy", "{name: p}", "{podSelector: {}}")
            OBJECT("cilium.io/v2", "CiliumNetworkPolicy", "{name: q}",
                   "{endpointSelector: {}, egress: [{toEndpoints: [{}]}]}")
        /* a clusterwide one has none, whatever it says */
        OBJECT("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "{name: r, namespace: ops}",
               "{endpointSelector: {matchLabels: {app: api}}, enableDefaultDeny: {ingress: false}, "
               "ingressDeny: [{toPorts: [{ports: [{port: '9'}]}]}]}");
    static const struct world_flow given[] = {
        { UI, API, "TCP 80", 'i', .answer = "deny_default" },
        { API, UI, "TCP 80", 'e', .answer = "allow" },
        { API, "default/x", "TCP 80", 'e', .answer = "deny_default" },
        { UI, "default/x", "TCP 80", 'i', .answer = "allow_default" },
        { UI, "default/api app=api", "TCP 9", 'i', .answer = "deny_explicit" },
    };
    static const struct world_flow not_given[] = {
        { UI, API, "TCP 80", 'i', .answer = "allow_default" },
        { UI, "default/x", "TCP 80", 'i', .answer = "deny_default" },
        { "default/x", "default/y", "TCP 80", 'e', .answer = "allow" },
    };
    const struct world_options options = { .default_namespace = "web" };
    struct flow_policies *policies;

    (void)state;
    policies = world_load(&options, manifests);
    assert_int_equal(world_check(policies, given, COUNT(given)), 0);
    flow_policies_free(policies);
    assert_int_equal(world_ask(NULL, manifests, not_given, COUNT(not_given)), 0);
}

static void
objects_are_found_in_lists_and_in_json(void **state)
{
    static const struct world_row rows[] = {
        { "apiVersion: v1\nkind: List\nitems:\n"
          "- {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, "
          "namespace: "
          "web}, spec: {podSelector: {}}}\n"
          "- {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n",
          "--" },
        /* items of a typed list may leave out what they are */
        { "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nitems:\n"
          "- {metadata: {name: p, namespace: web}, spec: {podSelector: {}}}\n",
          "--" },
        { "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicyList\nitems:\n"
          "- {metadata: {name: p, namespace: web}, spec: {endpointSelector: {}, ingress: [{}]}}\n",
          "--" },
        { "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nitems: []\n", "dd" },
        { "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nitems: null\n", "dd" },
        { "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nmetadata: {}\n", "dd" },
        { "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"metadata\":"
          "{\"name\":\"p\",\"namespace\":\"web\"},\"spec\":{\"podSelector\":{}}}\n",
          "--" },
        { "\xef\xbb\xbf---\r\n# nothing\r\n---\r\napiVersion: 'networking.k8s.io/v1'\r\nkind: "
          "\"NetworkPolicy\"\r\nmetadata: {name: p, namespace: web}\r\nspec: {podSelector: {}}\r\n"
          "...\r\n",
          "--" },
        { "apiVersion: extensions/v1beta1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: "
          "web}\nspec: {podSelector: {}}\n",
          "--" },
        { "apiVersion: cilium.io/v2alpha1\nkind: CiliumNetworkPolicy\nmetadata: {name: p, "
          "namespace: web}\nspec: {endpointSelector: {}, ingress: [{}]}\n",
          "--" },
        /* anchors, aliases and merge keys are resolved */
        { "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: &m {name: p, "
          "namespace: "
          "web}\nspec: {podSelector: &all {}, ingress: [{from: [{podSelector: *all}]}]}\n---\n"
          "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: q, namespace: "
          "web}\nspec: {<<: &base {endpointSelector: {}}, ingress: [{}]}\n",
          "+-" },
        /* of the same key twice the last counts */
        { "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: "
          "web}\nspec: {podSelector: {}, ingress: [{}], ingress: []}\n",
          "--" },
        /* an unknown field is as good as absent */
        { "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: "
          "web}\nspec: {podselector: {matchLabels: {a: b}}, ingress: [{form: [{podSelector: "
          "{}}]}]}\n",
          "++" },
        /* patches and charts are no objects of a cluster */
        { "- {op: add, path: /spec, value: {}}\n---\nreplicaCount: 3\n", "dd" },
    };
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i' },
        { "world", API, "TCP 80", 'i' },
    };

    (void)state;
    ASK(ENGINE_CILIUM, WHOLE, rows, flows);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_text_means_something_else_in_the_other_family),
        cmocka_unit_test(a_second_policy_widens_and_a_denial_narrows),
        cmocka_unit_test(mistakes_of_real_manifests_have_the_effect_that_they_have),
        cmocka_unit_test(a_policy_is_about_the_port_of_the_pod),
        cmocka_unit_test(a_clusterwide_notin_on_a_namespace_label_takes_what_has_no_namespace),
        cmocka_unit_test(of_a_name_that_is_given_twice_the_last_counts),
        cmocka_unit_test(objects_whose_name_is_generated_all_count),
        cmocka_unit_test(an_object_without_namespace_is_of_the_default_one),
        cmocka_unit_test(objects_are_found_in_lists_and_in_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
