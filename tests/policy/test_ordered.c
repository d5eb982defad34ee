/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AdminNetworkPolicy, BaselineAdminNetworkPolicy and ClusterNetworkPolicy by the policy facts,
 * section 2: the order of tiers and rules, what each action leaves to the next, and who is a peer.
 */
#include "world.h"

#define ANP(name, spec)                                                                            \
    OBJECT("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy", "{name: " name "}", spec)
#define BANP(spec)                                                                                 \
    OBJECT("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy", "{name: default}",   \
           spec)
#define KCNP(name, spec)                                                                           \
    OBJECT("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", "{name: " name "}", spec)

#define ASK(engine, manifests, rows, flows)                                                        \
    assert_int_equal(world_matrix(engine, manifests, rows, COUNT(rows), flows, COUNT(flows)), 0)

#define TENANT "t1/x ns:kind=tenant"
#define NP_DENY KNP("t1", "deny", "{podSelector: {}, policyTypes: [Ingress, Egress]}")
#define NP_ALLOW                                                                                   \
    KNP("t1", "allow",                                                                             \
        "{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: "                \
        "[{}]}")

/* Who comes to a tenant's pod. */
static const struct world_flow to_tenant[] = {
    { "monitoring/prom", TENANT, "TCP 9100", 'i' },
    { "monitoring/prom", TENANT, "TCP 80", 'i' },
    { "monitoring/prom", TENANT, "ICMPv4 8", 'i' },
    { "t2/y ns:kind=tenant", TENANT, "TCP 80", 'i' },
    { "world", TENANT, "TCP 80", 'i' },
    { "host", TENANT, "TCP 80", 'i' },
};

#define E5                                                                                         \
    KCNP("e5",                                                                                     \
         "{tier: Admin, priority: 10, subject: {namespaces: {matchLabels: {kind: tenant}}}, "      \
         "ingress: [{name: mon, action: Accept, from: [{namespaces: {matchLabels: "                \
         "{kubernetes.io/metadata.name: monitoring}}}], protocols: [{tcp: "                        \
         "{destinationPort: {number: 9100}}}]}, {name: same, action: Pass, from: "                 \
         "[{namespaces: {matchLabels: {kind: tenant}}}]}, {name: rest, action: Deny, from: "       \
         "[{namespaces: {}}]}]}")

static void
example_e5_holds(void **state)
{
    /* 9100, 80 and ICMP from monitoring, another tenant, the internet, the node */
    static const struct world_row rows[] = {
        { "", "+xxddd" },
        { NP_DENY, "+xx--+" },
        { NP_ALLOW, "+xx+++" },
    };

    (void)state;
    ASK(ENGINE_KUBERNETES, E5 "%s", rows, to_tenant);
    ASK("cilium-1.20", E5 "%s", rows, to_tenant);
}

#define E6 BANP("{subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}")

static void
example_e6_holds(void **state)
{
    static const struct world_row rows[] = {
        { "", "xxxxdd" },
        /* an isolated pod never comes to the baseline */
        { NP_DENY, "-- --+" },
        /* whether a rule without ports takes in ICMP, the API does not say */
        { NP_ALLOW, "++ +++" },
        { KNP("t1", "out", "{podSelector: {}, policyTypes: [Egress]}"), "xxxxdd" },
    };

    (void)state;
    ASK(ENGINE_KUBERNETES, E6 "%s", rows, to_tenant);
}

#define OF(priority, rule)                                                                         \
    "{priority: " priority                                                                         \
    ", subject: {namespaces: {matchLabels: {kind: tenant}}}, ingress: [" rule "]}"
#define MONITORING "from: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]"
#define ALL_PODS "from: [{namespaces: {}}]"

static void
priorities_and_rules_are_asked_in_order(void **state)
{
    static const struct world_row rows[] = {
        /* allowances alone deny nothing */
        { ANP("a", OF("5", "{action: Allow, " MONITORING "}")), "+++ddd" },
        { ANP("a", OF("5", "{action: Deny, " MONITORING "}")), "xxxddd" },
        { ANP("a", OF("5", "{action: Deny, " ALL_PODS "}, {action: Allow, " MONITORING "}")),
          "xxxxdd" },
        { ANP("a", OF("5", "{action: Allow, " MONITORING "}, {action: Deny, " ALL_PODS "}")),
          "+++xdd" },
        /* the lower number first, whatever the order of the file */
        { ANP("a", OF("9", "{action: Deny, " ALL_PODS "}"))
              ANP("b", OF("5", "{action: Allow, " MONITORING "}")),
          "+++xdd" },
        { ANP("a", OF("9", "{action: Deny, " ALL_PODS "}"))
              ANP("b", OF("5", "{action: Pass, " MONITORING "}")),
          "dddxdd" },
        { ANP("a", OF("9", "{action: Allow, " ALL_PODS "}"))
              ANP("b", OF("5", "{action: Deny, " MONITORING "}")),
          "xxx+dd" },
        /* of one priority any may come first */
        { ANP("a", OF("5", "{action: Allow, " MONITORING "}"))
              ANP("b", OF("5", "{action: Deny, " MONITORING "}")),
          "tttddd" },
        { ANP("a", OF("5", "{action: Deny, " MONITORING "}"))
              ANP("b", OF("5", "{action: Deny, " MONITORING "}")),
          "xxxddd" },
        { ANP("a", OF("5", "{action: Allow, " MONITORING "}")) ANP(
              "b", OF("5", "{action: Deny, from: [{namespaces: {matchLabels: {kind: tenant}}}]}")),
          "+++xdd" },
        /* a higher one has decided before the tie */
        { ANP("a", OF("5", "{action: Allow, " MONITORING "}"))
              ANP("b", OF("5", "{action: Deny, " MONITORING "}"))
                  ANP("c", OF("1", "{action: Deny, " ALL_PODS "}")),
          "xxxxdd" },
        /* baseline, behind what passes */
        { ANP("a", OF("5", "{action: Pass, " MONITORING "}"))
              BANP("{subject: {namespaces: {}}, ingress: [{action: Deny, " ALL_PODS "}]}"),
          "xxxxdd" },
        { ANP("a", OF("5", "{action: Allow, " MONITORING "}"))
              BANP("{subject: {namespaces: {}}, ingress: [{action: Deny, " ALL_PODS "}]}"),
          "+++xdd" },
    };

    (void)state;
    ASK(ENGINE_KUBERNETES, "%s", rows, to_tenant);
}

static void
an_engine_without_them_does_not_enforce_them(void **state)
{
    static const struct world_row rows[] = {
        { ANP("a", OF("5", "{action: Deny, " ALL_PODS "}")), "dddddd" },
        { BANP("{subject: {namespaces: {}}, ingress: [{action: Deny, " ALL_PODS "}]}"), "dddddd" },
    };
    static const struct world_row before[] = { { E5, "dddddd" } };

    (void)state;
    ASK("cilium-1.20", "%s", rows, to_tenant);
    ASK(ENGINE_CILIUM, "%s", before, to_tenant);
}

static void
networks_take_pods_too_but_not_under_cilium(void **state)
{
    static const struct world_flow flows[] = {
        { TENANT, "t2/y @10.244.2.2", "TCP 80", 'e' },
        { TENANT, "world @198.51.100.7", "TCP 80", 'e' },
        { TENANT, "world @198.51.100.7", "ICMPv4 8", 'e' },
        { TENANT, "world @203.0.113.9", "TCP 80", 'e' },
    };
    static const struct world_row kubernetes[] = {
        { "action: Deny, to: [{networks: [0.0.0.0/0]}]", "xxxx" },
        { "action: Accept, to: [{networks: [10.244.0.0/16]}]", "+ddd" },
        { "action: Deny, to: [{networks: [198.51.100.0/24]}], protocols: [{tcp: {destinationPort: "
          "{range: {start: 80, end: 90}}}}]",
          "dxdd" },
    };
    static const struct world_row cilium[] = {
        { "action: Deny, to: [{networks: [0.0.0.0/0]}]", "dxxx" },
        { "action: Accept, to: [{networks: [10.244.0.0/16]}]", "dddd" },
    };
    static const char manifests[] =
        KCNP("p", "{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{%s}]}");

    (void)state;
    ASK(ENGINE_KUBERNETES, manifests, kubernetes, flows);
    ASK("cilium-1.20", manifests, cilium, flows);
}

static void
an_accepted_way_out_still_needs_its_way_in(void **state)
{
    static const struct world_flow flows[] = {
        { "t2/y", TENANT, "TCP 80", 'e', .answer = "allow", .by = "out egress[0]" },
        { "t2/y", TENANT, "TCP 80", 'i', .answer = "deny_default", .by = "deny" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_KUBERNETES,
                               NP_DENY KCNP("out", "{tier: Admin, priority: 1, subject: "
                                                   "{namespaces: {}}, egress: [{action: Accept, "
                                                   "to: [{namespaces: {}}]}]}"),
                               flows, COUNT(flows)),
                     0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_e5_holds),
        cmocka_unit_test(example_e6_holds),
        cmocka_unit_test(priorities_and_rules_are_asked_in_order),
        cmocka_unit_test(an_engine_without_them_does_not_enforce_them),
        cmocka_unit_test(networks_take_pods_too_but_not_under_cilium),
        cmocka_unit_test(an_accepted_way_out_still_needs_its_way_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
