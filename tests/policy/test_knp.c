/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetworkPolicy by the policy facts, section 1: what is filled in, what null and empty mean, peers,
 * ports, and where Cilium and the API part ways. Asked under both engines where they agree.
 */
#include "world.h"

#define API "web/api app=api"
#define UI "web/ui app=ui"

static unsigned
ask_both(const char *manifests, const struct world_flow *flows, size_t count)
{
    return world_ask(ENGINE_CILIUM, manifests, flows, count) +
           world_ask(ENGINE_KUBERNETES, manifests, flows, count);
}

/* What a pod of the policy's namespace may receive and send, and that others are left alone. */
static const struct world_flow both_ways[] = {
    { UI, API, "TCP 80", 'i' },
    { API, UI, "TCP 80", 'e' },
    { "world", API, "TCP 80", 'i' },
    { API, "world", "TCP 80", 'e' },
    { UI, "ops/api app=api", "TCP 80", 'i' },
};

static unsigned
ask_both_ways(const char *engine, const struct world_row *rows, size_t count)
{
    return world_matrix(engine, KNP("web", "p", "{%s}"), rows, count, both_ways, COUNT(both_ways));
}

static void
policy_types_that_are_left_out_are_filled_in(void **state)
{
    static const struct world_row rows[] = {
        { "podSelector: {}", "-d-dd" },
        { "", "-d-dd" },
        { "podSelector: {}, egress: []", "-d-dd" },
        { "podSelector: {}, egress: null", "-d-dd" },
        { "podSelector: {}, policyTypes: []", "-d-dd" },
        { "podSelector: {}, policyTypes: null", "-d-dd" },
        { "podSelector: {}, ingress: [{}]", "+d+dd" },
        /* rules of egress isolate ingress too, unless policyTypes says Egress alone */
        { "podSelector: {}, egress: [{}]", "-+-+d" },
        { "podSelector: {}, policyTypes: [], egress: [{}]", "-+-+d" },
        { "podSelector: {}, ingress: [{}], egress: [{ports: [{port: 1}]}]", "+-+-d" },
        { "podSelector: {}, policyTypes: [Egress]", "d-d-d" },
        { "podSelector: {}, policyTypes: [Egress], egress: [{}]", "d+d+d" },
        { "podSelector: {}, policyTypes: [Ingress]", "-d-dd" },
        { "podSelector: {}, policyTypes: [Ingress, Egress]", "----d" },
        { "podSelector: {}, policyTypes: [Egress, Ingress], ingress: [{}]", "+-+-d" },
    };

    (void)state;
    assert_int_equal(ask_both_ways(ENGINE_CILIUM, rows, COUNT(rows)), 0);
    assert_int_equal(ask_both_ways(ENGINE_KUBERNETES, rows, COUNT(rows)), 0);
}

static void
rules_that_policy_types_leaves_out_count_under_cilium_alone(void **state)
{
    static const struct world_row kubernetes[] = {
        { "policyTypes: [Egress], ingress: [{}]", "d-d-d" },
        { "policyTypes: [Egress], ingress: [{ports: [{port: 1}]}]", "d-d-d" },
        { "policyTypes: [Ingress], egress: [{}]", "-d-dd" },
        { "policyTypes: [Ingress], egress: [{ports: [{port: 1}]}]", "-d-dd" },
    };
    static const struct world_row cilium[] = {
        { "policyTypes: [Egress], ingress: [{}]", "+-+-d" },
        { "policyTypes: [Egress], ingress: [{ports: [{port: 1}]}]", "----d" },
        { "policyTypes: [Ingress], egress: [{}]", "-+-+d" },
        { "policyTypes: [Ingress], egress: [{ports: [{port: 1}]}]", "----d" },
        { "policyTypes: [Egress], ingress: []", "d-d-d" },
    };

    (void)state;
    assert_int_equal(ask_both_ways(ENGINE_KUBERNETES, kubernetes, COUNT(kubernetes)), 0);
    assert_int_equal(ask_both_ways(ENGINE_CILIUM, cilium, COUNT(cilium)), 0);
}

static const struct world_flow into_api[] = {
    { UI, API, "TCP 80", 'i' },
    { UI, API, "UDP 53", 'i' },
    { "web/db app=db", API, "TCP 80", 'i' },
    { "ops/prom ns:team=ops app=ui", API, "TCP 80", 'i' },
    { "world", API, "TCP 80", 'i' },
    { "world @198.51.100.7", API, "UDP 53", 'i' },
};

/* ui TCP, ui UDP, db, ops, world, world UDP */
static const struct world_row null_and_empty[] = {
    { "", "------" },
    { "ingress: null", "------" },
    { "ingress: []", "------" },
    { "ingress: [{}]", "++++++" },
    { "ingress: [{from: null}]", "++++++" },
    { "ingress: [{from: []}]", "++++++" },
    { "ingress: [{ports: null}]", "++++++" },
    { "ingress: [{ports: []}]", "++++++" },
    { "ingress: [{from: [], ports: [{port: 80}]}]", "+-+++-" },
    { "ingress: [{ports: [{}]}]", "+-+++-" },
    { "ingress: [{ports: [{protocol: TCP}]}]", "+-+++-" },
    { "ingress: [{ports: [{protocol: UDP}]}]", "-+---+" },
    { "ingress: [{ports: [{protocol: null, port: 80}]}]", "+-+++-" },
    { "ingress: [{ports: [{protocol: SCTP}]}]", "------" },
    { "ingress: [{from: [{podSelector: {}}]}]", "+++---" },
    { "ingress: [{from: [{podSelector: {}}], ports: []}]", "+++---" },
    { "ingress: [{from: [{podSelector: {matchLabels: {}}}]}]", "+++---" },
    { "ingress: [{from: [{podSelector: {matchLabels: null}}]}]", "+++---" },
    { "ingress: [{from: [{podSelector: {matchExpressions: []}}]}]", "+++---" },
    { "ingress: [{from: [{podSelector: {}, namespaceSelector: null}]}]", "+++---" },
    { "ingress: [{from: [{namespaceSelector: {}}]}]", "++++--" },
    { "ingress: [{from: [{namespaceSelector: {}, podSelector: null}]}]", "++++--" },
    { "ingress: [{from: [{namespaceSelector: {}, podSelector: {}}]}]", "++++--" },
    { "ingress: [{from: [{podSelector: {matchLabels: {app: ui}}}]}]", "++----" },
    { "ingress: [{from: [{podSelector: {matchLabels: {app: ui}}, namespaceSelector: {}}]}]",
      "++-+--" },
    { "ingress: [{from: [{podSelector: {matchLabels: {app: ui}}}, {namespaceSelector: "
      "{matchLabels: {team: ops}}}]}]",
      "++-+--" },
    { "ingress: [{from: [{podSelector: {matchLabels: {app: db}}, namespaceSelector: "
      "{matchLabels: {team: ops}}}]}]",
      "------" },
    { "ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "
      "web}}}]}]",
      "+++---" },
    { "ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]", "----+-" },
    { "ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24, except: []}}]}]", "----+-" },
    { "ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.8/29]}}]}]",
      "------" },
    { "ingress: [{from: [{ipBlock: {cidr: 203.0.113.77/24}}]}]", "----+-" },
    { "ingress: [{from: [{ipBlock: {cidr: '2001:db8::/32'}}]}]", "------" },
};

static void
null_and_empty_mean_what_the_api_says(void **state)
{
    static const char manifests[] = KNP("web", "p", "{podSelector: {}, %s}");

    (void)state;
    assert_int_equal(world_matrix(ENGINE_CILIUM, manifests, null_and_empty, COUNT(null_and_empty),
                                  into_api, COUNT(into_api)),
                     0);
    assert_int_equal(world_matrix(ENGINE_KUBERNETES, manifests, null_and_empty,
                                  COUNT(null_and_empty), into_api, COUNT(into_api)),
                     0);
}

static void
a_rule_without_ports_covers_icmp_and_one_with_ports_never_does_under_cilium(void **state)
{
    static const struct world_flow flows[] = {
        { "web/all app=all", "web/open app=open", "ICMPv4 8", 'i', .answer = "allow" },
        { "web/all app=all", "web/ports app=ports", "ICMPv4 8", 'i', .answer = "deny_default" },
        { "web/all app=all", "web/ports app=ports", "SCTP 80", 'i', .answer = "deny_default" },
        { "web/all app=all", "web/shut app=shut", "ICMPv4 8", 'i', .answer = "deny_default" },
        { "web/all app=all", "web/shut app=shut", "VRRP", 'i', .answer = "deny_default" },
        { "web/all app=all", "web/open app=open", "VRRP", 'i', .answer = "allow" },
    };

    (void)state;
    assert_int_equal(
        world_ask(ENGINE_CILIUM,
                  KNP("web", "open",
                      "{podSelector: {matchLabels: {app: open}}, ingress: [{from: "
                      "[{podSelector: {}}]}]}")
                      KNP("web", "ports",
                          "{podSelector: {matchLabels: {app: ports}}, ingress: [{ports: "
                          "[{}, {protocol: UDP}]}]}")
                          KNP("web", "shut", "{podSelector: {matchLabels: {app: shut}}}"),
                  flows, COUNT(flows)),
        0);
}

static void
the_api_leaves_icmp_open_wherever_a_pod_is_isolated(void **state)
{
    static const struct world_flow flows[] = {
        { UI, "web/shut app=shut", "ICMPv4 8", 'i', .answer = "undecidable undefined" },
        { UI, "web/shut app=shut", "ICMPv6 128", 'i', .answer = "undecidable undefined" },
        { UI, "web/ports app=ports", "ICMPv4 8", 'i', .answer = "undecidable undefined" },
        { UI, "web/free app=free", "ICMPv4 8", 'i', .answer = "allow_default" },
        { "web/shut app=shut", UI, "ICMPv4 8", 'e', .answer = "allow_default" },
        { UI, "web/shut app=shut", "SCTP 8", 'i', .answer = "deny_default" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_KUBERNETES,
                               KNP("web", "shut", "{podSelector: {matchLabels: {app: shut}}}")
                                   KNP("web", "ports",
                                       "{podSelector: {matchLabels: {app: ports}}, ingress: "
                                       "[{ports: [{port: 80}]}]}"),
                               flows, COUNT(flows)),
                     0);
}

/* Pods with app=ui, app=UI, an empty app, and none, as a subject that is shut and as a peer. */
static const struct world_flow labelled[] = {
    { "web/a app=ui", "ops/x", "TCP 80", 'e' },
    { "web/b app=UI", "ops/x", "TCP 80", 'e' },
    { "web/c app=", "ops/x", "TCP 80", 'e' },
    { "web/d", "ops/x", "TCP 80", 'e' },
    { "web/a app=ui", "ops/api app=api", "TCP 80", 'i' },
    { "web/b app=UI", "ops/api app=api", "TCP 80", 'i' },
    { "web/c app=", "ops/api app=api", "TCP 80", 'i' },
    { "web/d", "ops/api app=api", "TCP 80", 'i' },
};

static const struct world_row selectors[] = {
    { "matchLabels: {app: ui}", "-ddd+---" },
    { "matchLabels: {app: UI}", "d-dd-+--" },
    { "matchLabels: {APP: ui}", "dddd----" },
    { "matchLabels: {app: ''}", "dd-d--+-" },
    { "matchLabels: {app: null}", "dd-d--+-" },
    { "matchLabels: {app: ui, tier: x}", "dddd----" },
    { "matchExpressions: [{key: app, operator: In, values: [ui, UI]}]", "--dd++--" },
    { "matchExpressions: [{key: app, operator: In, values: ['']}]", "dd-d--+-" },
    { "matchExpressions: [{key: app, operator: NotIn, values: [ui]}]", "d----+++" },
    { "matchExpressions: [{key: app, operator: NotIn, values: ['']}]", "--d-++-+" },
    { "matchExpressions: [{key: app, operator: Exists}]", "---d+++-" },
    { "matchExpressions: [{key: app, operator: Exists, values: []}]", "---d+++-" },
    { "matchExpressions: [{key: app, operator: DoesNotExist}]", "ddd----+" },
    { "matchLabels: {app: ui}, matchExpressions: [{key: app, operator: NotIn, values: [ui]}]",
      "dddd----" },
    { "matchExpressions: [{key: app, operator: Exists}, {key: app, operator: NotIn, values: [ui]}]",
      "d--d-++-" },
};

static void
selectors_follow_the_api(void **state)
{
    static const char manifests[] =
        KNP("web", "subject", "{podSelector: {%s}, policyTypes: [Egress]}")
            KNP("ops", "peer",
                "{podSelector: {matchLabels: {app: api}}, ingress: [{from: "
                "[{podSelector: {%s}, namespaceSelector: {}}]}]}");

    (void)state;
    assert_int_equal(world_matrix(ENGINE_CILIUM, manifests, selectors, COUNT(selectors), labelled,
                                  COUNT(labelled)),
                     0);
    assert_int_equal(world_matrix(ENGINE_KUBERNETES, manifests, selectors, COUNT(selectors),
                                  labelled, COUNT(labelled)),
                     0);
}

static void
namespace_selectors_follow_the_api(void **state)
{
    static const struct world_flow flows[] = {
        { "a/x ns:team=red", "web/in app=in", "TCP 80", 'i', .answer = "allow" },
        { "a/x ns:team=blue", "web/in app=in", "TCP 80", 'i', .answer = "deny_default" },
        { "a/x ns:other=1", "web/in app=in", "TCP 80", 'i', .answer = "deny_default" },
        { "a/x ns:team=red", "web/notin app=notin", "TCP 80", 'i', .answer = "deny_default" },
        { "a/x ns:other=1", "web/notin app=notin", "TCP 80", 'i', .answer = "allow" },
        { "a/x ns:team=", "web/exists app=exists", "TCP 80", 'i', .answer = "allow" },
        { "a/x ns:other=1", "web/exists app=exists", "TCP 80", 'i', .answer = "deny_default" },
        /* the pod's own label of that name is another one */
        { "a/x team=red ns:other=1", "web/in app=in", "TCP 80", 'i', .answer = "deny_default" },
        { "world", "web/notin app=notin", "TCP 80", 'i', .answer = "deny_default" },
        { "remote-node", "web/notin app=notin", "TCP 80", 'i', .answer = "deny_default" },
    };

    (void)state;
    assert_int_equal(
        ask_both(
            KNP("web", "in",
                "{podSelector: {matchLabels: {app: in}}, ingress: [{from: "
                "[{namespaceSelector: {matchLabels: {team: red}}}]}]}")
                KNP("web", "notin",
                    "{podSelector: {matchLabels: {app: notin}}, ingress: [{from: "
                    "[{namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: "
                    "[red]}]}}]}]}")
                    KNP("web", "exists",
                        "{podSelector: {matchLabels: {app: exists}}, ingress: [{from: "
                        "[{namespaceSelector: {matchExpressions: [{key: team, operator: "
                        "Exists}]}}]}]}"),
            flows, COUNT(flows)),
        0);
}

#define NAMED_PORTS                                                                                \
    POD("web", "a", "{app: srv}",                                                                  \
        "{containers: [{name: c, ports: [{name: http, containerPort: 8080}, {name: dns, "          \
        "containerPort: 53, protocol: UDP}, {containerPort: 7000}]}]}")                            \
    POD("web", "u", "{app: udp}",                                                                  \
        "{containers: [{name: c, ports: [{name: http, containerPort: 8080}, {name: dns, "          \
        "containerPort: 53, protocol: UDP}, {containerPort: 7000}]}]}")                            \
    POD("web", "b", "{app: srv}",                                                                  \
        "{containers: [{name: c}, {name: d, ports: [{name: http, containerPort: 9090}]}]}")        \
    POD("web", "c", "{app: srv}", "{containers: [{name: c}]}")                                     \
    POD("web", "s", "{app: srv}",                                                                  \
        "{containers: [{name: c}], initContainers: [{name: i, restartPolicy: Always, ports: "      \
        "[{name: http, containerPort: 6060}]}, {name: j, ports: [{name: http, containerPort: "     \
        "5050}]}]}")                                                                               \
    KNP("web", "in",                                                                               \
        "{podSelector: {matchLabels: {app: srv}}, ingress: [{ports: [{port: http}]}]}")            \
    KNP("web", "udp",                                                                              \
        "{podSelector: {matchLabels: {app: udp}}, ingress: [{ports: [{port: dns, "                 \
        "protocol: UDP}, {port: http, protocol: UDP}]}]}")                                         \
    KNP("web", "out",                                                                              \
        "{podSelector: {matchLabels: {app: cli}}, policyTypes: [Egress], egress: "                 \
        "[{ports: [{port: http}]}]}")                                                              \
    KNP("web", "block",                                                                            \
        "{podSelector: {matchLabels: {app: blk}}, policyTypes: [Egress], egress: "                 \
        "[{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: http}]}]}")

static void
a_named_port_is_the_destination_pods_own(void **state)
{
    static const struct world_flow flows[] = {
        { UI, "web/a app=srv", "TCP 8080", 'i', .answer = "allow", .by = "in ingress[0]" },
        { UI, "web/a app=srv", "TCP 9090", 'i', .answer = "deny_default", .by = "in" },
        { UI, "web/b app=srv", "TCP 9090", 'i', .answer = "allow" },
        { UI, "web/b app=srv", "TCP 8080", 'i', .answer = "deny_default" },
        { UI, "web/a app=srv", "TCP 7000", 'i', .answer = "deny_default" },
        { UI, "web/a app=srv", "UDP 8080", 'i', .answer = "deny_default" },
        /* a name that the pod does not have still isolates */
        { UI, "web/c app=srv", "TCP 8080", 'i', .answer = "deny_default" },
        { UI, "web/u app=udp", "UDP 53", 'i', .answer = "allow" },
        { UI, "web/u app=udp", "UDP 8080", 'i', .answer = "deny_default" },
        { UI, "web/u app=udp", "TCP 53", 'i', .answer = "deny_default" },
        /* egress: the peer's */
        { "web/cli app=cli", "web/a app=srv", "TCP 8080", 'e', .answer = "allow" },
        { "web/cli app=cli", "web/b app=srv", "TCP 8080", 'e', .answer = "deny_default" },
        { "web/cli app=cli", "web/b app=srv", "TCP 9090", 'e', .answer = "allow" },
        { "web/cli app=cli", "web/c app=srv", "TCP 8080", 'e', .answer = "deny_default" },
        { "web/cli app=cli", "world", "TCP 8080", 'e', .answer = "deny_default" },
        { "web/blk app=blk", "world", "TCP 8080", 'e', .answer = "deny_default" },
        /* a pod that is not in the inventory */
        { UI, "web/new app=srv", "TCP 8080", 'i', .answer = "undecidable named-port" },
        { UI, "web/new app=srv", "UDP 8080", 'i', .answer = "deny_default" },
        { "web/cli app=cli", "web/new", "TCP 8080", 'e', .answer = "undecidable named-port" },
        /* an initContainer that stays is a sidecar, which not every engine looks at */
        { UI, "web/s app=srv", "TCP 6060", 'i', .answer = "undecidable named-port" },
        { UI, "web/s app=srv", "TCP 5050", 'i', .answer = "deny_default" },
    };

    (void)state;
    assert_int_equal(ask_both(NAMED_PORTS, flows, COUNT(flows)), 0);
}

static void
port_ranges_include_their_ends(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 3999", 'i', .answer = "deny_default" },
        { UI, API, "TCP 4000", 'i', .answer = "allow" },
        { UI, API, "TCP 4010", 'i', .answer = "allow" },
        { UI, API, "TCP 4011", 'i', .answer = "deny_default" },
        { UI, API, "UDP 4005", 'i', .answer = "deny_default" },
        { UI, API, "SCTP 9", 'i', .answer = "allow" },
        { UI, API, "SCTP 10", 'i', .answer = "deny_default" },
        { UI, API, "TCP 65535", 'i', .answer = "allow" },
        { UI, API, "TCP 1", 'i', .answer = "allow" },
    };

    (void)state;
    assert_int_equal(
        ask_both(KNP("web", "p",
                     "{podSelector: {}, ingress: [{ports: [{port: 4000, endPort: 4010}, {port: 9, "
                     "endPort: 9, protocol: SCTP}, {port: 65535}, {port: 1}]}]}"),
                 flows, COUNT(flows)),
        0);
}

static void
what_is_never_blocked_is_never_denied(void **state)
{
    static const struct world_flow flows[] = {
        /* the kubelet of the pod's own node */
        { "host", API, "TCP 8080", 'i', .answer = "allow" },
        { "remote-node", API, "TCP 8080", 'i', .answer = "deny_default" },
        /* a pod and itself */
        { "web/api app=api @10.244.1.1", "web/api app=api @10.244.1.1", "TCP 80", 'e',
          .answer = "not_applicable", .result = "not_applicable" },
        /* ends that no pod's policy acts on */
        { "world", "remote-node", "TCP 22", 'i', .answer = "not_applicable" },
        { "host", "world", "TCP 443", 'e', .answer = "not_applicable" },
        /* the way to the node is a pod's egress like any other */
        { API, "host", "TCP 10250", 'e', .answer = "deny_default" },
    };

    (void)state;
    assert_int_equal(ask_both(KNP("web", "p", "{podSelector: {}, policyTypes: [Ingress, Egress]}"),
                              flows, COUNT(flows)),
                     0);
}

static void
an_ip_block_and_an_address_in_the_cluster_depend_on_the_engine(void **state)
{
    static const char manifests[] =
        KNP("web", "p",
            "{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: "
            "[{ipBlock: {cidr: 10.0.0.0/8}}]}], egress: [{to: [{ipBlock: {cidr: "
            "10.0.0.0/8, except: [10.9.0.0/16]}}]}]}");
    static const struct world_flow cilium[] = {
        { API, "ops/x @10.1.2.4", "TCP 80", 'e', .answer = "deny_default" },
        { "ops/x @10.1.2.4", API, "TCP 80", 'i', .answer = "deny_default" },
        { API, "remote-node @10.0.0.2", "TCP 80", 'e', .answer = "deny_default" },
        { API, "world @10.1.2.3", "TCP 80", 'e', .answer = "allow" },
        { API, "world @10.9.1.1", "TCP 80", 'e', .answer = "deny_default" },
    };
    static const struct world_flow kubernetes[] = {
        { API, "ops/x @10.1.2.4", "TCP 80", 'e', .answer = "undecidable undefined" },
        { "ops/x @10.1.2.4", API, "TCP 80", 'i', .answer = "undecidable undefined" },
        /* outside the block, or in its hole, nothing is open */
        { API, "ops/x @11.1.2.4", "TCP 80", 'e', .answer = "deny_default" },
        { API, "ops/x @10.9.2.4", "TCP 80", 'e', .answer = "deny_default" },
        { API, "world @10.1.2.3", "TCP 80", 'e', .answer = "allow" },
        { API, "world @10.9.1.1", "TCP 80", 'e', .answer = "deny_default" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM, manifests, cilium, COUNT(cilium)), 0);
    assert_int_equal(world_ask("cilium-1.20", manifests, cilium, COUNT(cilium)), 0);
    assert_int_equal(world_ask(ENGINE_KUBERNETES, manifests, kubernetes, COUNT(kubernetes)), 0);
}

#define E1                                                                                         \
    POD("web", "api", "{app: api}",                                                                \
        "{containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}")                   \
    KNP("web", "e1",                                                                               \
        "{podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {matchLabels: "  \
        "{app: ui}}}, {namespaceSelector: {matchLabels: {team: ops}}, podSelector: {matchLabels: " \
        "{app: prom}}}], ports: [{port: http}, {protocol: UDP, port: 4000, endPort: 4010}]}]}")

static void
example_e1_holds(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 8080", 'i', .answer = "allow", .by = "e1 ingress[0]" },
        { "other/ui app=ui", API, "TCP 8080", 'i', .answer = "deny_default", .by = "e1" },
        { "mon/prom ns:team=ops app=prom", API, "UDP 4005", 'i', .answer = "allow" },
        { "mon/other ns:team=ops app=other", API, "TCP 8080", 'i', .answer = "deny_default" },
        { "web/prom app=prom", API, "TCP 8080", 'i', .answer = "deny_default" },
        { API, "world", "TCP 443", 'e', .answer = "allow_default" },
        { API, UI, "UDP 9", 'e', .answer = "allow_default" },
        { UI, "web/db app=db", "TCP 5432", 'i', .answer = "allow_default" },
    };
    static const struct world_flow cilium[] = {
        { UI, API, "ICMPv4 8", 'i', .answer = "deny_default" },
    };
    static const struct world_flow kubernetes[] = {
        { UI, API, "ICMPv4 8", 'i', .answer = "undecidable undefined" },
        /* the peer does not match, so that the ports do not matter */
        { "other/ui app=ui", API, "TCP 8080", 'i', .answer = "deny_default" },
    };

    (void)state;
    assert_int_equal(ask_both(E1, flows, COUNT(flows)), 0);
    assert_int_equal(world_ask(ENGINE_CILIUM, E1, cilium, COUNT(cilium)), 0);
    assert_int_equal(world_ask(ENGINE_KUBERNETES, E1, kubernetes, COUNT(kubernetes)), 0);
}

static void
examples_e2_to_e4_hold(void **state)
{
    static const struct world_flow flows[] = {
        { "e2/a", "e2/b", "TCP 80", 'e', .answer = "deny_default", .by = "e2" },
        { "e2/a", "e2/b", "TCP 80", 'i', .answer = "deny_default", .by = "e2" },
        { "e2/a", "kube-system/dns k8s-app=kube-dns", "UDP 53", 'e', .answer = "deny_default" },
        { "world", "e3/a", "TCP 80", 'i', .answer = "allow", .by = "e3 ingress[0]" },
        { "remote-node", "e3/a", "UDP 80", 'i', .answer = "allow" },
        { "e2/a", "e3/a", "TCP 80", 'i', .answer = "allow" },
        { "e3/a", "world", "TCP 80", 'e', .answer = "allow_default" },
        { "e4/a", "world @10.1.2.3", "TCP 80", 'e', .answer = "allow", .by = "e4 egress[0]" },
        { "e4/a", "world @10.9.1.1", "TCP 80", 'e', .answer = "deny_default", .by = "e4" },
        { "e4/a", "world @8.8.8.8", "TCP 80", 'e', .answer = "deny_default" },
        { "world", "e4/a", "TCP 80", 'i', .answer = "allow_default" },
    };

    (void)state;
    assert_int_equal(
        ask_both(KNP("e2", "e2", "{podSelector: {}, policyTypes: [Ingress, Egress]}")
                     KNP("e3", "e3", "{podSelector: {}, ingress: [{}]}")
                         KNP("e4", "e4",
                             "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: "
                             "{cidr: 10.0.0.0/8, except: [10.9.0.0/16]}}]}]}"),
                 flows, COUNT(flows)),
        0);
}

static void
an_exception_is_a_hole_and_not_a_denial(void **state)
{
    static const struct world_flow flows[] = {
        { API, "world @10.9.1.1", "TCP 80", 'e', .answer = "allow", .by = "hole egress[0]" },
        { API, "world @10.8.1.1", "TCP 80", 'e', .answer = "allow", .by = "wide egress[0]" },
        { API, "world @10.9.1.1", "TCP 81", 'e', .answer = "deny_default" },
    };

    (void)state;
    assert_int_equal(
        ask_both(KNP("web", "wide",
                     "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: "
                     "{cidr: 10.0.0.0/8, except: [10.9.0.0/16]}}]}]}")
                     KNP("web", "hole",
                         "{podSelector: {matchLabels: {app: api}}, policyTypes: [Egress], "
                         "egress: [{to: [{ipBlock: {cidr: 10.9.0.0/16}}], ports: [{port: "
                         "80}]}]}"),
                 flows, COUNT(flows)),
        0);
}

static void
policies_add_up(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .answer = "allow", .by = "ui ingress[0]" },
        { "web/db app=db", API, "TCP 80", 'i', .answer = "allow", .by = "db ingress[1]" },
        { "web/x app=x", API, "TCP 80", 'i', .answer = "deny_default" },
        { UI, "web/other app=other", "TCP 80", 'i', .answer = "deny_default", .by = "shut" },
    };

    (void)state;
    assert_int_equal(
        ask_both(KNP("web", "shut", "{podSelector: {}}")
                     KNP("web", "ui",
                         "{podSelector: {matchLabels: {app: api}}, ingress: [{from: "
                         "[{podSelector: {matchLabels: {app: ui}}}]}]}")
                         KNP("web", "db",
                             "{podSelector: {matchLabels: {app: api}}, ingress: [{from: "
                             "[{podSelector: {matchLabels: {app: none}}}]}, {from: [{podSelector: "
                             "{matchLabels: {app: db}}}]}]}"),
                 flows, COUNT(flows)),
        0);
}

#define HOST_NETWORK                                                                               \
    POD("web", "onhost", "{app: api}", "{hostNetwork: true, containers: [{name: c}]}")             \
    KNP("web", "p", "{podSelector: {}, policyTypes: [Ingress, Egress]}")                           \
    KNP("web", "peer",                                                                             \
        "{podSelector: {matchLabels: {app: srv}}, ingress: [{from: [{podSelector: "                \
        "{matchLabels: {app: api}}}]}]}")

static void
a_host_network_pod_is_a_node_under_cilium_and_open_elsewhere(void **state)
{
    static const struct world_flow cilium[] = {
        { UI, "web/onhost ?", "TCP 80", 'i', .answer = "not_applicable" },
        { "web/onhost ?", UI, "TCP 80", 'e', .answer = "not_applicable" },
    };
    static const struct world_flow kubernetes[] = {
        { UI, "web/onhost ?", "TCP 80", 'i', .answer = "undecidable undefined" },
        { "web/onhost ?", "web/srv app=srv", "TCP 80", 'i',
          .answer = "undecidable no-labels undefined" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM, HOST_NETWORK, cilium, COUNT(cilium)), 0);
    assert_int_equal(world_ask(ENGINE_KUBERNETES, HOST_NETWORK, kubernetes, COUNT(kubernetes)), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_types_that_are_left_out_are_filled_in),
        cmocka_unit_test(rules_that_policy_types_leaves_out_count_under_cilium_alone),
        cmocka_unit_test(null_and_empty_mean_what_the_api_says),
        cmocka_unit_test(
            a_rule_without_ports_covers_icmp_and_one_with_ports_never_does_under_cilium),
        cmocka_unit_test(the_api_leaves_icmp_open_wherever_a_pod_is_isolated),
        cmocka_unit_test(selectors_follow_the_api),
        cmocka_unit_test(namespace_selectors_follow_the_api),
        cmocka_unit_test(a_named_port_is_the_destination_pods_own),
        cmocka_unit_test(port_ranges_include_their_ends),
        cmocka_unit_test(what_is_never_blocked_is_never_denied),
        cmocka_unit_test(an_ip_block_and_an_address_in_the_cluster_depend_on_the_engine),
        cmocka_unit_test(example_e1_holds),
        cmocka_unit_test(examples_e2_to_e4_hold),
        cmocka_unit_test(an_exception_is_a_hole_and_not_a_denial),
        cmocka_unit_test(policies_add_up),
        cmocka_unit_test(a_host_network_pod_is_a_node_under_cilium_and_open_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
