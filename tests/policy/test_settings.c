/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the agent that change what policies mean. */
#include "world.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define API "web/api app=api"
#define UI "web/ui app=ui"
#define SUBJECT "endpointSelector: {matchLabels: {app: api}}"
#define ASK(engine, text, rows, flows)                                                             \
    assert_int_equal(world_matrix(engine, text, rows, COUNT(rows), flows, COUNT(flows)), 0)

static void
enable_policy_isolates_every_endpoint_or_none(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i' },          { UI, "ops/x", "TCP 80", 'i' },
        { "ops/x", "world", "TCP 80", 'e' }, { "host", "ops/x", "TCP 80", 'i' },
        { "world", API, "TCP 80", 'i' },
    };
    static const struct world_row by_default[] = {
        { "ingress: [{fromEndpoints: [{}]}]", "+ddd-" },
        { "ingressDeny: [{fromEndpoints: [{}]}]", "xddd-" },
    };
    static const struct world_row always[] = {
        { "ingress: [{fromEndpoints: [{}]}]", "+--+-" },
        { "ingressDeny: [{fromEndpoints: [{}]}]", "x--+-" },
        { "enableDefaultDeny: {ingress: false}, ingress: [{fromEndpoints: [{}]}]", "+--+-" },
    };
    static const struct world_row never[] = {
        { "ingress: [{fromEndpoints: [{}]}]", "ddddd" },
        { "ingressDeny: [{fromEndpoints: [{}]}]", "ddddd" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", %s}"), by_default, flows);
    ASK(ENGINE_CILIUM " enable-policy=default", CNP("web", "p", "{" SUBJECT ", %s}"), by_default,
        flows);
    ASK(ENGINE_CILIUM " enable-policy=always", CNP("web", "p", "{" SUBJECT ", %s}"), always, flows);
    ASK(ENGINE_CILIUM " enable-policy=never", CNP("web", "p", "{" SUBJECT ", %s}"), never, flows);
}

static const struct world_flow prefixes[] = {
    { API, "world @203.0.113.9", "TCP 80", 'e' },    { API, UI " @10.0.0.9", "TCP 80", 'e' },
    { API, "remote-node @10.0.0.7", "TCP 80", 'e' }, { API, "host @10.0.0.8", "TCP 80", 'e' },
    { API, "ingress @10.0.0.6", "TCP 80", 'e' },
};

static void
prefixes_match_nodes_and_pods_where_they_are_made_to(void **state)
{
    static const struct world_row none[] = {
        { "egress: [{toCIDR: [10.0.0.0/8]}]", "-----" },
        { "egress: [{toCIDR: [0.0.0.0/0]}]", "+----" },
    };
    static const struct world_row nodes[] = {
        { "egress: [{toCIDR: [10.0.0.0/8]}]", "--++-" },
        { "egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.0.0.7/32]}]}]", "---+-" },
        /* a prefix of length 0 still misses them (Cilium issue 47827) */
        { "egress: [{toCIDR: [0.0.0.0/0]}]", "+----" },
        { "egress: [{toCIDR: [10.0.0.9/32]}]", "-----" },
    };
    static const struct world_row pods[] = {
        { "egress: [{toCIDR: [10.0.0.0/8]}]", "-+---" },
        { "egress: [{toCIDR: [10.0.0.9/32]}]", "-+---" },
    };
    static const struct world_row both[] = {
        { "egress: [{toCIDR: [10.0.0.0/8]}]", "-+++-" },
    };

    (void)state;
    ASK("cilium-1.20", CNP("web", "p", "{" SUBJECT ", %s}"), none, prefixes);
    ASK("cilium-1.20 policy-cidr-match-mode=", CNP("web", "p", "{" SUBJECT ", %s}"), none,
        prefixes);
    ASK("cilium-1.19 policy-cidr-match-mode=nodes", CNP("web", "p", "{" SUBJECT ", %s}"), nodes,
        prefixes);
    ASK("cilium-1.20 policy-cidr-match-mode=nodes", CNP("web", "p", "{" SUBJECT ", %s}"), nodes,
        prefixes);
    ASK("cilium-1.20 policy-cidr-match-mode=pods", CNP("web", "p", "{" SUBJECT ", %s}"), pods,
        prefixes);
    ASK("cilium-1.20 policy-cidr-match-mode=nodes,pods", CNP("web", "p", "{" SUBJECT ", %s}"), both,
        prefixes);
    /* releases before 1.20 do not know it */
    ASK("cilium-1.19 policy-cidr-match-mode=pods", CNP("web", "p", "{" SUBJECT ", %s}"), none,
        prefixes);
}

static void
peers_are_of_the_local_cluster_by_release_or_setting(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i' },
        { UI " cluster:blue", API, "TCP 80", 'i' },
    };
    static const struct world_row local[] = { { "fromEndpoints: [{}]", "+-" } };
    static const struct world_row any[] = { { "fromEndpoints: [{}]", "++" } };
#define FROM CNP("web", "p", "{" SUBJECT ", ingress: [{%s}]}")

    (void)state;
    ASK("cilium-1.18", FROM, any, flows);
    ASK("cilium-1.19", FROM, local, flows);
    ASK("cilium-1.18 policy-default-local-cluster=true", FROM, local, flows);
    ASK("cilium-1.19 policy-default-local-cluster=false", FROM, any, flows);
}

static void
double_stars_mean_several_labels_by_release_or_setting(void **state)
{
    static const struct world_flow flows[] = {
        { API, "world name:a.x.io", "TCP 80", 'e' },
        { API, "world name:a.b.x.io", "TCP 80", 'e' },
        { API, "world name:x.io", "TCP 80", 'e' },
    };
    static const struct world_row one[] = { { "'**.x.io'", "+ff" } };
    static const struct world_row many[] = { { "'**.x.io'", "++f" } };
#define TO CNP("web", "p", "{" SUBJECT ", egress: [{toFQDNs: [{matchPattern: %s}]}]}")

    (void)state;
    ASK("cilium-1.18", TO, one, flows);
    ASK("cilium-1.19", TO, many, flows);
    ASK("cilium-1.18 fqdn-double-star=true", TO, many, flows);
    ASK("cilium-1.19 fqdn-double-star=false", TO, one, flows);
}

static void
an_identity_without_the_name_is_evidence_where_it_is_taken_so(void **state)
{
    static const struct world_flow flows[] = {
        { API, "world", "TCP 80", 'e' },
        { API, "world name:a.x.io", "TCP 80", 'e' },
        { API, "world fqdn:a.x.io", "TCP 80", 'e' },
        { API, "world fqdn:b.x.io", "TCP 80", 'e' },
        { API, "?", "TCP 80", 'e' },
    };
    static const struct world_row names[] = { { "matchName: a.x.io", "f++f " } };
    static const struct world_row identity[] = { { "matchName: a.x.io", "-++-l" } };
#define TO_NAME CNP("web", "p", "{" SUBJECT ", egress: [{toFQDNs: [{%s}]}]}")

    (void)state;
    ASK(ENGINE_CILIUM, TO_NAME, names, flows);
    ASK(ENGINE_CILIUM " fqdn-evidence=names", TO_NAME, names, flows);
    ASK(ENGINE_CILIUM " fqdn-evidence=identity", TO_NAME, identity, flows);
}

static void
policies_without_default_deny_can_be_switched_off(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i' },
        { "world", API, "TCP 80", 'i' },
    };
    static const struct world_row heard[] = {
        { "enableDefaultDeny: {ingress: false}, ingress: [{fromEndpoints: [{}]}]", "+d" },
    };
    static const struct world_row not_heard[] = {
        { "enableDefaultDeny: {ingress: false}, ingress: [{fromEndpoints: [{}]}]", "+-" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, CNP("web", "p", "{" SUBJECT ", %s}"), heard, flows);
    ASK(ENGINE_CILIUM " enable-non-default-deny-policies=false",
        CNP("web", "p", "{" SUBJECT ", %s}"), not_heard, flows);
}

/* A pod that is told of no cluster is of the one that the log is of. */
static void
a_cluster_name_is_that_of_pods_that_are_told_of_none(void **state)
{
    static const struct world_flow flows[] = {
        { "web/client ?", API, "TCP 80", 'i' },
        { UI " cluster:blue", API, "TCP 80", 'i' },
    };
    static const struct world_row rows[] = {
        { "fromEndpoints: [{}]", "+-" },
        { "fromEntities: [cluster]", "+-" },
        { "fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.cluster: prod}}]", "+-" },
        { "fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.cluster: blue}}]", "-+" },
    };

    (void)state;
    ASK(ENGINE_CILIUM " cluster-name=prod",
        POD("web", "client", "{app: client}", "{}")
            CNP("web", "p", "{" SUBJECT ", ingress: [{%s}]}"),
        rows, flows);
}

/* The pod's labels come from the inventory, so the filter decides which of them there are. */
static void
a_filter_says_which_labels_identities_have(void **state)
{
    static const struct world_flow flows[] = { { "web/client ?", API, "TCP 80", 'i' } };
    static const struct world_row by_default[] = {
        { "matchLabels: {team: red}", "+" },
        { "matchLabels: {pod-template-hash: abc}", "-" },
        { "matchExpressions: [{key: pod-template-hash, operator: DoesNotExist}]", "+" },
    };
    static const struct world_row dropped[] = {
        { "matchLabels: {team: red}", "-" },
        { "matchLabels: {tier: x}", "+" },
    };
    static const struct world_row listed[] = {
        { "matchLabels: {team: red}", "+" },
        { "matchLabels: {tier: x}", "-" },
        { "matchLabels: {app.kubernetes.io/name: shop}", "+" },
    };
    static const struct world_row kept[] = {
        { "matchLabels: {pod-template-hash: abc}", "+" },
        { "matchLabels: {team: red}", "-" },
    };
#define CLIENT                                                                                     \
    POD("web", "client",                                                                           \
        "{team: red, tier: x, pod-template-hash: abc, app.kubernetes.io/name: shop}", "{}")
#define FROM_CLIENT CLIENT CNP("web", "p", "{" SUBJECT ", ingress: [{fromEndpoints: [{%s}]}]}")

    (void)state;
    ASK(ENGINE_CILIUM, FROM_CLIENT, by_default, flows);
    ASK(ENGINE_CILIUM " labels=!team", FROM_CLIENT, dropped, flows);
    ASK(ENGINE_CILIUM " labels=k8s:te.m", FROM_CLIENT, listed, flows);
    ASK(ENGINE_CILIUM " labels=k8s:pod-template-hash.*", FROM_CLIENT, kept, flows);
}

static void
settings_come_from_the_agents_config_map_and_options_count_more(void **state)
{
#define CONFIG                                                                                     \
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cilium-config, namespace: kube-system}\n"   \
    "data: {enable-policy: always, cluster-id: '0', policy-cidr-match-mode: ''}\n---\n"
    static const struct world_flow always[] = { { UI, "ops/x", "TCP 80", 'i',
                                                  .answer = "deny_default" } };
    static const struct world_flow by_default[] = { { UI, "ops/x", "TCP 80", 'i',
                                                      .answer = "allow_default" } };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM, CONFIG, always, COUNT(always)), 0);
    assert_int_equal(
        world_ask(ENGINE_CILIUM " enable-policy=default", CONFIG, by_default, COUNT(by_default)),
        0);
    assert_int_equal(world_ask(ENGINE_KUBERNETES, CONFIG, by_default, COUNT(by_default)), 0);
}

static void
a_config_map_that_cannot_be_read_is_told_of(void **state)
{
#define MAP(data)                                                                                  \
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cilium-config, namespace: kube-system}\n"   \
    "data: " data "\n---\n"
    static const struct world_options options = { .engine = ENGINE_CILIUM };
    static const struct {
        const char *text, *message;
    } bad[] = {
        { MAP("{enable-policy: [always]}"), "expected text at enable-policy, found a list" },
        { MAP("{labels: null}"), "expected text at labels, found null" },
        { MAP("[a]"), "expected a map at data of ConfigMap cilium-config, found a list" },
        { MAP("{labels: '('}"), "setting labels: expected a regular expression" },
        { MAP("{a: b}") MAP("{a: c}"),
          "expected one ConfigMap cilium-config, found another; what it sets counts" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct flow_policies *policies = world_load(&options, bad[i].text);
        const struct flow_note *note = flow_policies_note_at(policies, 0);

        assert_true(flow_policies_note_count(policies) > 0);
        assert_int_equal(note->level, FLOW_NOTE_WARNING);
        assert_int_equal(strncmp(note->error.message, bad[i].message, strlen(bad[i].message)), 0);
        flow_policies_free(policies);
    }
}

static void
a_bad_setting_is_refused_and_names_what_was_expected(void **state)
{
    static const struct {
        const char *setting, *message;
    } bad[] = {
        { "enable-policy", "expected NAME=VALUE, found \"enable-policy\"" },
        { "enable-policies=always", "expected a setting's name, found \"enable-policies=always\"" },
        { "enable-policy=on", "expected default, always or never for enable-policy, found \"on\"" },
        { "policy-cidr-match-mode=nodes,pod",
          "expected nodes, pods or both for policy-cidr-match-mode, found \"nodes,pod\"" },
        { "enable-host-firewall=yes",
          "expected true or false for enable-host-firewall, found \"yes\"" },
        { "fqdn-evidence=labels",
          "expected names or identity for fqdn-evidence, found \"labels\"" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct flow_policies_options options;
        struct flow_policies *policies = NULL;
        struct flow_error err;

        flow_policies_options_init(&options, sizeof(options));
        options.settings = &bad[i].setting;
        options.setting_count = 1;
        assert_int_equal(flow_policies_load(&policies, &options, &err), FLOW_E_ARGUMENT);
        assert_string_equal(err.message, bad[i].message);
        assert_null(policies);
    }
}

static void
a_label_pattern_that_is_no_expression_is_refused(void **state)
{
    static const char *const setting = "labels=k8s:app k8s:(team";
    struct flow_policies_options options;
    struct flow_policies *policies = NULL;
    struct flow_error err;

    (void)state;
    flow_policies_options_init(&options, sizeof(options));
    options.settings = &setting;
    options.setting_count = 1;
    assert_int_equal(flow_policies_load(&policies, &options, &err), FLOW_E_ARGUMENT);
    assert_non_null(strstr(err.message, "expected a regular expression"));
    assert_int_equal(err.line, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enable_policy_isolates_every_endpoint_or_none),
        cmocka_unit_test(prefixes_match_nodes_and_pods_where_they_are_made_to),
        cmocka_unit_test(peers_are_of_the_local_cluster_by_release_or_setting),
        cmocka_unit_test(double_stars_mean_several_labels_by_release_or_setting),
        cmocka_unit_test(an_identity_without_the_name_is_evidence_where_it_is_taken_so),
        cmocka_unit_test(policies_without_default_deny_can_be_switched_off),
        cmocka_unit_test(a_cluster_name_is_that_of_pods_that_are_told_of_none),
        cmocka_unit_test(a_filter_says_which_labels_identities_have),
        cmocka_unit_test(settings_come_from_the_agents_config_map_and_options_count_more),
        cmocka_unit_test(a_config_map_that_cannot_be_read_is_told_of),
        cmocka_unit_test(a_bad_setting_is_refused_and_names_what_was_expected),
        cmocka_unit_test(a_label_pattern_that_is_no_expression_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
