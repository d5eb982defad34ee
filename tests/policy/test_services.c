/* SPDX-License-Identifier: Apache-2.0 */
/* What the inventory tells of peers and subjects: Services, Nodes, groups of a cloud, hosts. */
#include "base/buf.h"
#include "world.h"

#define API "web/api app=api"
#define UI "web/ui app=ui"
#define SUBJECT "endpointSelector: {matchLabels: {app: api}}"
#define ASK(engine, text, rows, flows)                                                             \
    assert_int_equal(world_matrix(engine, text, rows, COUNT(rows), flows, COUNT(flows)), 0)
#define V1(kind, metadata, rest)                                                                   \
    "apiVersion: v1\nkind: " kind "\nmetadata: " metadata "\n" rest "\n---\n"
#define SERVICES                                                                                   \
    V1("Service", "{name: db, namespace: data, labels: {tier: store}}",                            \
       "spec: {clusterIP: 10.96.0.5, selector: {app: db}, ports: [{port: 80}]}")                   \
    V1("Service", "{name: mirror, namespace: data, labels: {tier: store}}",                        \
       "spec: {ports: [{port: 443}]}")                                                             \
    V1("Endpoints", "{name: mirror, namespace: data}",                                             \
       "subsets: [{addresses: [{ip: 198.51.100.7}, {ip: 10.0.0.9}]}]")                             \
    V1("Service", "{name: slices, namespace: data}", "spec: {ports: [{port: 443}]}")               \
    V1("Service", "{name: empty, namespace: data}", "spec: {ports: [{port: 443}]}")                \
    V1("Endpoints", "{name: empty, namespace: data}", "subsets: []")                               \
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: slices-x, namespace: " \
    "data, labels: {kubernetes.io/service-name: slices}}\nendpoints: [{addresses: "                \
    "[203.0.113.77]}]\n---\n" V1("Service", "{name: bare, namespace: data}",                       \
                                 "spec: {ports: [{port: 443}]}")

static void
a_service_stands_for_its_pods_or_for_addresses_outside(void **state)
{
    static const struct world_flow flows[] = {
        { API, "data/db-0 app=db", "TCP 80", 'e' },
        { API, "web/db app=db", "TCP 80", 'e' },
        { API, "world @198.51.100.7", "TCP 80", 'e' },
        { API, UI " @10.0.0.9", "TCP 80", 'e' },
        { API, "world @203.0.113.77", "TCP 80", 'e' },
        { API, "data/db-0 app=db", "TCP 81", 'e' },
        { API, "host", "TCP 80", 'e' },
    };
#define SERVICE(service) "{k8sService: {serviceName: " service ", namespace: data}}"
    static const struct world_row rows[] = {
        { "toServices: [" SERVICE("db") "]", "+----+-" },
        { "toServices: [{k8sService: {serviceName: db}}]", "+----+-" },
        { "toServices: [" SERVICE("db") "], toPorts: [{ports: [{port: '80'}]}]", "+------" },
        { "toServices: [" SERVICE("mirror") "]", "--+----" },
        { "toServices: [" SERVICE("slices") "]", "----+--" },
        { "toServices: [" SERVICE("slices") ", " SERVICE("db") "]", "+---++-" },
        { "toServices: [" SERVICE("bare") "]", "iiiiiii" },
        { "toServices: [" SERVICE("other") "]", "iiiiiii" },
        /* one that has no address adds none, like one that is not there */
        { "toServices: [" SERVICE("empty") "]", "-------" },
        { "toServices: [" SERVICE("empty") ", " SERVICE("db") "]", "+----+-" },
        { "toServices: [" SERVICE("empty") "], toPorts: [{ports: [{port: '80'}]}]", "+++++-+" },
        { "toServices: [{k8sServiceSelector: {selector: {matchLabels: {tier: store}}}}]",
          "+-+--+-" },
        { "toServices: [{k8sServiceSelector: {selector: {matchLabels: {tier: store}}, namespace: "
          "data}}]",
          "+-+--+-" },
        { "toServices: [{k8sServiceSelector: {selector: {matchLabels: {tier: store}}, namespace: "
          "web}}]",
          "-------" },
        /* an empty list of peers: nobody, and with ports anybody (policy facts, 3.3) */
        { "toServices: [{k8sServiceSelector: {selector: {matchLabels: {tier: none}}}}]",
          "-------" },
        { "toServices: [{k8sServiceSelector: {selector: {matchLabels: {tier: none}}}}], toPorts: "
          "[{ports: [{port: '80'}]}]",
          "+++++-+" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, SERVICES CNP("web", "p", "{" SUBJECT ", egress: [{%s}]}"), rows, flows);
}

/* What was read of one Service stays out of the next. */
static void
a_service_without_addresses_hides_no_other(void **state)
{
    static const struct world_flow flows[] = {
        { API, "data/db-0 app=db", "TCP 80", 'e' },
        { API, "world", "TCP 80", 'e' },
    };
    static const struct world_row rows[] = {
        { "toServices: [{k8sServiceSelector: {selector: {}}}]", "+-" },
    };
#define POLICY CNP("web", "p", "{" SUBJECT ", egress: [{%s}]}")
#define FRONT V1("Service", "{name: front, namespace: data}", "spec: {selector: {app: db}}")
#define OUT                                                                                        \
    V1("Service", "{name: out, namespace: data}", "spec: {selector: {}}")                          \
    V1("Endpoints", "{name: out, namespace: data}", "subsets: []")

    (void)state;
    ASK(ENGINE_CILIUM, FRONT OUT POLICY, rows, flows);
    ASK(ENGINE_CILIUM, OUT FRONT POLICY, rows, flows);
}

#define NODES                                                                                      \
    V1("Node", "{name: node-1, labels: {zone: a}}",                                                \
       "status: {addresses: [{type: InternalIP, address: 10.1.0.1}]}")                             \
    V1("Node", "{name: node-2, labels: {zone: b}}",                                                \
       "status: {addresses: [{type: InternalIP, address: 10.1.0.2}]}")

static void
nodes_are_told_apart_by_their_labels(void **state)
{
    static const struct world_flow flows[] = {
        { API, "remote-node @10.1.0.1", "TCP 80", 'e' },
        { API, "remote-node @10.1.0.2", "TCP 80", 'e' },
        { API, "remote-node @10.1.0.3", "TCP 80", 'e' },
        { API, "remote-node node:zone=a @10.1.0.3", "TCP 80", 'e' },
        { API, "host @10.1.0.1", "TCP 80", 'e' },
        { API, "world @10.1.0.1", "TCP 80", 'e' },
        { API, UI " @10.1.0.1", "TCP 80", 'e' },
    };
    static const struct world_row rows[] = {
        { "toNodes: [{matchLabels: {zone: a}}]", "+-i+---" },
        { "toNodes: [{matchLabels: {zone: b}}]", "-+i----" },
        { "toNodes: [{}]", "++++---" },
        { "toNodes: [{matchExpressions: [{key: zone, operator: Exists}]}]", "++i+---" },
    };

    (void)state;
    ASK(ENGINE_CILIUM " enable-node-selector-labels=true",
        NODES CNP("web", "p", "{" SUBJECT ", egress: [{%s}]}"), rows, flows);
}

static void
nodes_of_a_cluster_policy_are_those_of_the_inventory(void **state)
{
    static const struct world_flow flows[] = {
        { API, "remote-node @10.1.0.1", "TCP 80", 'e' },
        { API, "remote-node @10.1.0.2", "TCP 80", 'e' },
        { API, "host @10.1.0.1", "TCP 80", 'e' },
        { API, "remote-node @10.1.0.3", "TCP 80", 'e' },
        { API, "world", "TCP 80", 'e' },
        { API, UI, "TCP 80", 'e' },
    };
    static const struct world_row rows[] = {
        { "{matchLabels: {zone: a}}", "xdxidd" },
        { "{}", "xxxxdd" },
    };
    static const struct world_row not_told[] = { { "{matchLabels: {zone: a}}", "oooooo" } };
#define KCNP                                                                                       \
    OBJECT("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", "{name: a}",               \
           "{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: "    \
           "[{nodes: %s}]}]}")

    (void)state;
    ASK(ENGINE_KUBERNETES, NODES KCNP, rows, flows);
    ASK("cilium-1.20 enable-node-selector-labels=true", NODES KCNP, rows, flows);
    ASK("cilium-1.20", NODES KCNP, not_told, flows);
}

/* A pod that is known by its name alone, at the address of a node, is that node. */
static void
a_name_at_the_address_of_a_node_is_the_node(void **state)
{
    static const struct world_flow flows[] = {
        { "web/h ? @10.1.0.1", API, "TCP 80", 'i' },
        { "web/h ? @10.1.0.2", API, "TCP 80", 'i' },
        { API, "web/h ? @10.1.0.2", "TCP 80", 'e' },
        { "web/h ? @10.1.0.2", "world", "TCP 80", 'e' },
    };
    static const struct world_row rows[] = {
        { "ingress: [{}], egress: [{}]", "+--n" },
        { "ingress: [{fromEntities: [remote-node]}], egress: [{toEntities: [remote-node]}]",
          "+++n" },
        { "ingress: [{fromEndpoints: [{}]}], egress: [{toEndpoints: [{}]}]", "+--n" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, NODES CNP("web", "p", "{endpointSelector: {}, %s}"), rows, flows);
}

static void
an_identity_of_the_api_server_is_that_of_a_node(void **state)
{
    static const struct world_flow flows[] = {
        { API, "kube-apiserver bare", "TCP 80", 'e' },
        { API, "world bare", "TCP 80", 'e' },
        { API, "remote-node bare", "TCP 80", 'e' },
    };
    static const struct world_row rows[] = {
        { "egress: [{toEntities: [remote-node]}]", "+-+" },
        { "egress: [{toEntities: [kube-apiserver]}]", "+-l" },
        { "egress: [{toEntities: [all]}], egressDeny: [{toEntities: [remote-node]}]", "x+x" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", %s}"), rows, flows);
}

/* Two readings with ends of their own: the first of each is another, at the same address. */
static void
an_end_of_another_reading_is_another(void **state)
{
    static const struct world_options options = { .engine = ENGINE_CILIUM };
    static const struct {
        const char *end;
        uint8_t expected;
    } readings[] = {
        { "\"cluster_name\":\"x\"", FLOW_EXPECTED_ALLOW },
        { "\"identity\":300", FLOW_EXPECTED_DENY_DEFAULT },
    };
    struct flow_policies *policies = world_load(
        &options, NODES CNP("web", "p", "{" SUBJECT ", egress: [{toEntities: [remote-node]}]}"));
    struct flow_classifier *classifier;
    struct flow_reader *readers[COUNT(readings)];
    struct flow_buf lines[COUNT(readings)] = { { 0 } };

    (void)state;
    assert_int_equal(flow_classifier_new(&classifier, policies, NULL), FLOW_OK);
    for (size_t i = 0; i < COUNT(readings); i++) {
        struct flow_batch *batch;

        flow_buf_add_format(
            &lines[i],
            "{\"verdict\":\"FORWARDED\",\"IP\":{\"source\":\"10.244.0.1\",\"destination\":"
            "\"10.1.0.2\"},\"l4\":{\"TCP\":{\"source_port\":40000,\"destination_port\":80}},"
            "\"destination\":{%s},\"source\":{\"identity\":20000,\"namespace\":\"web\","
            "\"labels\":[\"k8s:app=api\",\"k8s:io.kubernetes.pod.namespace=web\"]},\"node_name\":"
            "\"default/node-1\",\"event_type\":{\"type\":5},\"traffic_direction\":\"EGRESS\","
            "\"is_reply\":false}\n",
            readings[i].end);
        assert_int_equal(
            flow_reader_open_memory(&readers[i], lines[i].ptr, lines[i].len, NULL, NULL), FLOW_OK);
        assert_int_equal(flow_batch_new(&batch, NULL), FLOW_OK);
        assert_int_equal(flow_reader_next(readers[i], batch, NULL), FLOW_OK);
        assert_int_equal(flow_classifier_run(classifier, batch, NULL), FLOW_OK);
        assert_int_equal(flow_batch_at(batch, 0)->expected, readings[i].expected);
        flow_batch_free(batch);
    }
    for (size_t i = 0; i < COUNT(readings); i++) {
        flow_reader_close(readers[i]);
        flow_buf_free(&lines[i]);
    }
    flow_classifier_free(classifier);
    flow_policies_free(policies);
}

static void
groups_of_a_cloud_are_addresses_that_nobody_told(void **state)
{
    static const struct world_flow flows[] = {
        { API, "world", "TCP 80", 'e' },
        { API, UI, "TCP 80", 'e' },
        { API, "remote-node", "TCP 80", 'e' },
        { API, "?", "TCP 80", 'e' },
    };
    static const struct world_row rows[] = {
        { "toGroups: [{aws: {securityGroupsIds: [sg-1]}}]", "i-- " },
        { "toGroups: [{aws: {securityGroupsIds: [sg-1]}}], toPorts: [{ports: [{port: '81'}]}]",
          "----" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", egress: [{%s}]}"), rows, flows);
}

/* Events of the tests are those of node-1. */
static void
host_policies_act_where_the_host_firewall_is_on(void **state)
{
    static const struct world_flow flows[] = {
        { "world", "host", "TCP 22", 'i' },
        { "remote-node", "host", "TCP 22", 'i' },
        { "remote-node", "host", "TCP 80", 'i' },
        { "host", "world", "TCP 22", 'e' },
        { UI, API, "TCP 22", 'i' },
        { "world", "remote-node", "TCP 22", 'i' },
    };
    static const struct world_row on[] = {
        { "nodeSelector: {}, ingress: [{fromEntities: [remote-node], toPorts: [{ports: [{port: "
          "'22', protocol: TCP}]}]}]",
          "-+-ddn" },
        { "nodeSelector: {matchLabels: {zone: a}}, ingress: [{fromEntities: [remote-node]}]",
          "-++ddn" },
        { "nodeSelector: {matchLabels: {zone: b}}, ingress: [{fromEntities: [remote-node]}]",
          "ddd"
          "ddn" },
        { "nodeSelector: {}, ingressDeny: [{fromEntities: [world]}], enableDefaultDeny: {ingress: "
          "false}",
          "xdd"
          "ddn" },
        { "nodeSelector: {}, egress: [{toCIDR: [192.0.2.0/24]}]", "ddd-dn" },
    };
    static const struct world_row off[] = {
        { "nodeSelector: {}, ingress: [{fromEntities: [remote-node]}]", "nnnndn" },
    };
    static const struct world_row not_told[] = {
        { "nodeSelector: {}, ingress: [{fromEntities: [remote-node]}]", "inn"
                                                                        "ndn" },
        { "nodeSelector: {matchLabels: {zone: b}}, ingress: [{fromEntities: [remote-node]}]",
          "nnnndn" },
    };

    (void)state;
    ASK(ENGINE_CILIUM " enable-host-firewall=true", NODES CCNP("p", "{%s}"), on, flows);
    ASK(ENGINE_CILIUM " enable-host-firewall=false", NODES CCNP("p", "{%s}"), off, flows);
    ASK(ENGINE_CILIUM, NODES CCNP("p", "{%s}"), not_told, flows);
    ASK(ENGINE_KUBERNETES, NODES CCNP("p", "{%s}"), off, flows);
}

static void
enforcement_is_that_of_nodes_too_where_they_are_filtered(void **state)
{
    static const struct world_flow flows[] = {
        { "world", "host", "TCP 22", 'i' },
        { "host", "world", "TCP 22", 'e' },
    };
    static const struct world_row always[] = {
        { "nodeSelector: {}, ingress: [{fromEntities: [world]}]", "+-" },
        { "nodeSelector: {matchLabels: {zone: b}}, ingress: [{fromEntities: [world]}]", "--" },
    };
    static const struct world_row never[] = {
        { "nodeSelector: {}, ingress: [{fromEntities: [cluster]}]", "dd" },
    };

    (void)state;
    ASK(ENGINE_CILIUM " enable-host-firewall=true enable-policy=always", NODES CCNP("p", "{%s}"),
        always, flows);
    ASK(ENGINE_CILIUM " enable-host-firewall=true enable-policy=never", NODES CCNP("p", "{%s}"),
        never, flows);
}

static void
a_subject_that_is_not_known_may_be_the_node(void **state)
{
    static const struct world_flow flows[] = {
        { "? @172.16.0.1", "world", "TCP 22", 'e' },
        { "? @172.16.0.1", "host", "TCP 22", 'i' },
        { "host", "world", "TCP 22", 'e' },
    };
    static const struct world_row rows[] = {
        { "nodeSelector: {}, ingress: [{}], egress: [{}]", "l--" },
        { "nodeSelector: {}, ingress: [{fromEntities: [all]}], egress: [{toEntities: [all]}]",
          "d++" },
    };
    static const struct world_row always[] = {
        { "endpointSelector: {matchLabels: {app: api}}, ingress: [{}]", "lnn" },
    };

    (void)state;
    ASK(ENGINE_CILIUM " enable-host-firewall=true", CCNP("p", "{%s}"), rows, flows);
    ASK(ENGINE_CILIUM " enable-policy=always enable-host-firewall=false", CCNP("p", "{%s}"), always,
        flows);
}

/* The filter of identities is that of nodes too: kubernetes.io/os is not among their labels. */
static void
labels_that_identities_leave_out_do_not_select_nodes(void **state)
{
    static const struct world_flow flows[] = { { "world", "host", "TCP 22", 'i' } };
    static const struct world_row rows[] = {
        { "nodeSelector: {matchLabels: {kubernetes.io/os: linux}}, ingress: [{}]", "d" },
        { "nodeSelector: {matchLabels: {node-role.kubernetes.io/worker: ''}}, ingress: [{}]", "-" },
    };

    (void)state;
    ASK(ENGINE_CILIUM " enable-host-firewall=true",
        V1("Node",
           "{name: node-1, labels: {kubernetes.io/os: linux, "
           "node-role.kubernetes.io/worker: ''}}",
           "status: {}") CCNP("p", "{%s}"),
        rows, flows);
}

static void
names_that_a_node_asks_for_are_judged_by_its_policies(void **state)
{
    static const struct world_flow flows[] = {
        { "host", "kube-system/dns k8s-app=kube-dns", "UDP 53", 'e', .l7 = "REQUEST dns good.x.io.",
          .answer = "allow" },
        { "host", "kube-system/dns k8s-app=kube-dns", "UDP 53", 'e', .l7 = "REQUEST dns bad.x.io.",
          .answer = "deny_default", .verdict = "DROPPED", .result = "rejected" },
    };

    (void)state;
    assert_int_equal(
        world_ask(ENGINE_CILIUM " enable-host-firewall=true",
                  CCNP("p", "{nodeSelector: {}, egress: [{toEntities: [cluster], toPorts: [{ports: "
                            "[{port: '53', protocol: UDP}], rules: {dns: [{matchName: "
                            "good.x.io}]}}]}]}"),
                  flows, COUNT(flows)),
        0);
}

static void
a_node_without_its_object_may_be_selected(void **state)
{
    static const struct world_flow flows[] = { { "world", "host", "TCP 22", 'i' } };
    static const struct world_row rows[] = {
        { "nodeSelector: {matchLabels: {zone: a}}, ingress: [{fromEntities: [cluster]}]", "i" },
        { "nodeSelector: {matchLabels: {zone: a}}, ingress: [{fromEntities: [all]}]", "+" },
    };

    (void)state;
    ASK(ENGINE_CILIUM " enable-host-firewall=true", CCNP("p", "{%s}"), rows, flows);
}

static void
between_a_node_and_its_own_pods_no_host_policy_stands(void **state)
{
    static const struct world_flow flows[] = {
        { UI, "host", "TCP 22", 'i', .local = 's', .answer = "not_applicable" },
        { UI, "host", "TCP 22", 'i', .local = '-', .answer = "deny_default" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM " enable-host-firewall=true",
                               CCNP("p", "{nodeSelector: {}, ingress: [{fromEntities: [world]}]}"),
                               flows, COUNT(flows)),
                     0);
}

static void
the_api_server_is_known_by_the_addresses_behind_its_service(void **state)
{
    static const struct world_flow flows[] = {
        { API, "? @192.0.2.10", "TCP 443", 'e' },
        { API, "? @192.0.2.11", "TCP 443", 'e' },
    };
    static const struct world_row rows[] = {
        { "toEntities: [kube-apiserver]", "+l" },
        { "toEntities: [world]", " l" },
    };

    (void)state;
    ASK(ENGINE_CILIUM,
        V1("Endpoints", "{name: kubernetes, namespace: default}",
           "subsets: [{addresses: [{ip: 192.0.2.10}]}]")
            CNP("web", "p", "{" SUBJECT ", egress: [{%s}]}"),
        rows, flows);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_stands_for_its_pods_or_for_addresses_outside),
        cmocka_unit_test(a_service_without_addresses_hides_no_other),
        cmocka_unit_test(a_name_at_the_address_of_a_node_is_the_node),
        cmocka_unit_test(an_identity_of_the_api_server_is_that_of_a_node),
        cmocka_unit_test(a_subject_that_is_not_known_may_be_the_node),
        cmocka_unit_test(an_end_of_another_reading_is_another),
        cmocka_unit_test(nodes_are_told_apart_by_their_labels),
        cmocka_unit_test(nodes_of_a_cluster_policy_are_those_of_the_inventory),
        cmocka_unit_test(groups_of_a_cloud_are_addresses_that_nobody_told),
        cmocka_unit_test(host_policies_act_where_the_host_firewall_is_on),
        cmocka_unit_test(enforcement_is_that_of_nodes_too_where_they_are_filtered),
        cmocka_unit_test(labels_that_identities_leave_out_do_not_select_nodes),
        cmocka_unit_test(names_that_a_node_asks_for_are_judged_by_its_policies),
        cmocka_unit_test(a_node_without_its_object_may_be_selected),
        cmocka_unit_test(between_a_node_and_its_own_pods_no_host_policy_stands),
        cmocka_unit_test(the_api_server_is_known_by_the_addresses_behind_its_service),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
