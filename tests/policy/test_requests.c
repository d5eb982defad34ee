/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on requests: HTTP, DNS and Kafka, and what stands beside them. */
#include "world.h"

#define API "web/api app=api"
#define UI "web/ui app=ui"
#define DB "web/db app=db"
#define SUBJECT "endpointSelector: {matchLabels: {app: api}}"
#define PORT80 "ports: [{port: '80', protocol: TCP}]"
#define ASK(engine, text, rows, flows)                                                             \
    assert_int_equal(world_matrix(engine, text, rows, COUNT(rows), flows, COUNT(flows)), 0)
#define HTTP(members) "REQUEST http " members
#define GET(url) HTTP("\"method\":\"GET\",\"url\":\"" url "\"")

static void
an_http_rule_is_about_the_whole_method_path_and_host(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .l7 = GET("http://api.x.io/v1/things") },
        { UI, API, "TCP 80", 'i', .l7 = GET("http://api.x.io/v1") },
        { UI, API, "TCP 80", 'i', .l7 = GET("http://api.x.io:8080/v1/things?a=b") },
        { UI, API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"POST\",\"url\":\"/v1/things\"") },
        { UI, API, "TCP 80", 'i', .l7 = GET("http://u:p@xapi.x.io") },
        { UI, API, "TCP 80", 'i', .l7 = HTTP("\"code\":0") },
    };
    static const struct world_row rows[] = {
        { "{}", "++++++" },
        { "{method: GET}", "+++-+q" },
        { "{method: get}", "-----q" },
        { "{method: 'GET|POST'}", "+++++q" },
        { "{method: 'G'}", "-----q" },
        { "{path: '/v1/.*'}", "+-++-q" },
        { "{path: /v1/things}", "+--+-q" },
        { "{path: /v1}", "-+---q" },
        { "{path: /}", "----+q" },
        { "{path: '/v1/things(\\\\?.*)?'}", "+-++-q" },
        { "{host: 'api.x.io'}", "++-q-q" },
        { "{host: 'api[.]x[.]io(:[0-9]+)?'}", "+++q-q" },
        { "{host: '.*api.x.io'}", "++-q+q" },
        { "{host: '.*'}", "+++q+q" },
        { "{method: GET, path: '/v1/.*', host: 'api[.]x[.]io'}", "+----q" },
        { "{method: PUT}, {path: /v1}", "-+---q" },
    };

    (void)state;
    ASK(ENGINE_CILIUM,
        CNP("web", "p", "{" SUBJECT ", ingress: [{toPorts: [{" PORT80 ", rules: {http: [%s]}}]}]}"),
        rows, flows);
}

static void
a_header_has_its_exact_value_or_is_there(void **state)
{
#define HEADERS(list) HTTP("\"method\":\"GET\",\"headers\":[" list "]")
#define HEADER(key, value) "{\"key\":\"" key "\",\"value\":\"" value "\"}"
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .l7 = HEADERS(HEADER("X-Token", "a b")) },
        { UI, API, "TCP 80", 'i', .l7 = HEADERS(HEADER("x-token", "c") "," HEADER("Q", "r")) },
        { UI, API, "TCP 80", 'i', .l7 = HEADERS(HEADER("Q", "r")) },
        { UI, API, "TCP 80", 'i', .l7 = HEADERS(HEADER("X-Token", "HUBBLE_REDACTED")) },
        { UI, API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"GET\"") },
    };
    static const struct world_row rows[] = {
        { "{headers: ['X-Token: a b']}", "+--qq" },
        { "{headers: ['X-Token a b']}", "+--qq" },
        { "{headers: ['X-Token']}", "++-+q" },
        { "{headers: ['X-Token: c', 'Q: r']}", "-+--q" },
        { "{headerMatches: [{name: X-Token, value: c}]}", "-+-qq" },
        { "{headerMatches: [{name: X-Token}]}", "++-+q" },
        { "{headerMatches: [{name: X-Token, value: z, mismatch: LOG}]}", "+++++" },
        { "{headerMatches: [{name: X-Token, value: z, mismatch: REPLACE}]}", "+++++" },
        { "{headerMatches: [{name: X-Token, secret: {name: s, namespace: web}}]}", "qq-qq" },
    };

    (void)state;
    ASK(ENGINE_CILIUM,
        CNP("web", "p", "{" SUBJECT ", ingress: [{toPorts: [{" PORT80 ", rules: {http: [%s]}}]}]}"),
        rows, flows);
}

static void
a_query_has_a_name_or_fits_a_pattern(void **state)
{
    static const struct world_flow flows[] = {
        { API, DB, "UDP 53", 'e', .l7 = "REQUEST dns a.x.io." },
        { API, DB, "UDP 53", 'e', .l7 = "REQUEST dns A.X.IO." },
        { API, DB, "UDP 53", 'e', .l7 = "REQUEST dns x.io." },
        { API, DB, "UDP 53", 'e', .l7 = "REQUEST dns b.a.x.io." },
        { API, DB, "UDP 53", 'e', .l7 = "REQUEST dns \"rcode\":0" },
        { API, DB, "UDP 53", 'e' },
    };
    static const struct world_row rows[] = {
        { "{matchName: a.x.io}", "++--q+" },
        { "{matchPattern: '*.x.io'}", "++--q+" },
        { "{matchPattern: '**.x.io'}", "++-+q+" },
        { "{matchPattern: '*'}", "++++q+" },
        { "{matchName: x.io, matchPattern: '*.x.io'}", "+++-q+" },
        { "{matchName: x.io}, {matchName: a.x.io}", "+++-q+" },
        { "{matchName: y.io}", "----q+" },
    };

    (void)state;
    ASK(ENGINE_CILIUM,
        CNP("web", "p",
            "{" SUBJECT ", egress: [{toPorts: [{ports: [{port: '53', protocol: ANY}], rules: {dns: "
            "[%s]}}]}]}"),
        rows, flows);
}

static void
a_kafka_rule_goes_by_key_role_version_and_topic(void **state)
{
#define KAFKA(key, version, topic)                                                                 \
    "REQUEST kafka \"api_key\":\"" key "\",\"api_version\":" version ",\"topic\":\"" topic "\""
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .l7 = KAFKA("produce", "2", "a") },
        { UI, API, "TCP 80", 'i', .l7 = KAFKA("fetch", "3", "b") },
        { UI, API, "TCP 80", 'i', .l7 = KAFKA("heartbeat", "0", "") },
        { UI, API, "TCP 80", 'i', .l7 = KAFKA("apiversions", "0", "") },
        { UI, API, "TCP 80", 'i', .l7 = KAFKA("novel", "0", "a") },
    };
    static const struct world_row rows[] = {
        { "{}", "++++q" },
        { "{apiKey: produce}", "+---q" },
        { "{apiKey: Produce, topic: a}", "+---q" },
        { "{apiKey: produce, topic: b}", "----q" },
        { "{role: produce}", "+--+q" },
        { "{role: consume}", "-+++q" },
        { "{role: consume, topic: a}", "--++q" },
        { "{topic: b}", "-+++q" },
        { "{apiVersion: '3'}", "-+--q" },
        { "{clientID: me}", "qqqqq" },
        { "{apiKey: produce, clientID: me}", "q---q" },
    };

    (void)state;
    ASK(ENGINE_CILIUM,
        CNP("web", "p",
            "{" SUBJECT ", ingress: [{toPorts: [{" PORT80 ", rules: {kafka: [%s]}}]}]}"),
        rows, flows);
}

/* A second item beside one that admits GET from the ui alone. */
static void
a_rule_without_requests_beside_it_opens_its_own_key_alone(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"GET\"") },
        { UI, API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"PUT\"") },
        { DB, API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"PUT\"") },
        { UI, API, "TCP 80", 'i' },
    };
    static const struct world_row rows[] = {
        { "{fromEndpoints: [{matchLabels: {app: ui}}], toPorts: [{" PORT80 "}]}", "++-+" },
        { "{fromEndpoints: [{matchLabels: {app: db}}], toPorts: [{" PORT80 "}]}", "+-++" },
        { "{fromEndpoints: [{matchLabels: {app: ui}}]}", "+o-+" },
        { "{fromEndpoints: [{}], toPorts: [{" PORT80 "}]}", "+o++" },
        { "{fromEndpoints: [{matchLabels: {app: ui}}], toPorts: [{" PORT80
          ", rules: {http: [{method: PUT}]}}]}",
          "++-+" },
        { "{fromEndpoints: [{matchLabels: {app: ui}}], toPorts: [{" PORT80
          ", rules: {kafka: [{topic: a}]}}]}",
          "oo-+" },
    };

    (void)state;
    ASK(ENGINE_CILIUM,
        CNP("web", "p",
            "{" SUBJECT ", ingress: [{fromEndpoints: [{matchLabels: {app: ui}}], toPorts: "
            "[{" PORT80 ", rules: {http: [{method: GET}]}}]}, %s]}"),
        rows, flows);
}

static void
what_admits_or_denies_the_connection_comes_before_its_requests(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"PUT\"") },
        { "host", API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"PUT\"") },
        { "world", API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"PUT\"") },
    };
#define FILTERED                                                                                   \
    "ingress: [{fromEntities: [cluster], toPorts: [{" PORT80 ", rules: {http: [{method: "          \
    "GET}]}}]}]"
    static const struct world_row rows[] = {
        { CNP("web", "p", "{" SUBJECT ", " FILTERED "}"), "-+-" },
        { CNP("web", "p", "{" SUBJECT ", enableDefaultDeny: {ingress: false}, " FILTERED "}"),
          "d+d" },
        { CNP("web", "p", "{" SUBJECT ", " FILTERED ", ingressDeny: [{fromEntities: [cluster]}]}"),
          "xx-" },
    };

    (void)state;
    ASK(ENGINE_CILIUM, "%s", rows, flows);
}

static void
an_admin_policy_that_accepts_asks_for_no_requests(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"PUT\""), .answer = "allow",
          .by = "a ingress[0]" },
    };

    (void)state;
    assert_int_equal(
        world_ask("cilium-1.20",
                  OBJECT("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", "{name: a}",
                         "{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: "
                         "Accept, from: [{namespaces: {}}]}]}")
                      CNP("web", "p",
                          "{" SUBJECT ", ingress: [{toPorts: [{" PORT80
                          ", rules: {http: [{method: GET}]}}]}]}"),
                  flows, COUNT(flows)),
        0);
}

/* The proxy answers a request that it refuses itself. */
static void
an_answer_that_refuses_is_no_escape(void **state)
{
#define RESPONSE(code) "RESPONSE http \"method\":\"PUT\",\"code\":" code
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"PUT\""), .verdict = "DROPPED",
          .answer = "deny_default", .result = "rejected" },
        { UI, API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"PUT\""), .answer = "deny_default",
          .result = "escaped" },
        { UI, API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"GET\""), .answer = "allow",
          .result = "permitted" },
        { UI, API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"GET\""), .verdict = "DROPPED",
          .answer = "allow", .result = "misdropped" },
        { UI, API, "TCP 80", 'i', .l7 = RESPONSE("403"), .answer = "deny_default",
          .result = "rejected" },
        { UI, API, "TCP 80", 'i', .l7 = RESPONSE("200"), .answer = "deny_default",
          .result = "escaped" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM,
                               CNP("web", "p",
                                   "{" SUBJECT ", ingress: [{toPorts: [{" PORT80
                                   ", rules: {http: [{method: GET}]}}]}]}"),
                               flows, COUNT(flows)),
                     0);
}

static void
a_request_is_refused_where_its_rule_surely_stands(void **state)
{
    static const struct world_flow flows[] = {
        { UI, "web/gone ?", "TCP 80", 'i', .l7 = HTTP("\"method\":\"PUT\"") },
        { UI, "web/gone ?", "TCP 80", 'i', .l7 = HTTP("\"method\":\"GET\"") },
        { "? @172.16.0.1", API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"PUT\"") },
        { UI, API, "TCP 80", 'i', .l7 = HTTP("\"method\":\"PUT\"") },
    };
    static const struct world_row rows[] = {
        { "method: GET", "l+l-" },
        { "method: GET|PUT", "++++" },
    };

    (void)state;
    ASK(ENGINE_CILIUM,
        CNP("web", "p",
            "{" SUBJECT ", ingress: [{toPorts: [{" PORT80 ", rules: {http: [{%s}]}}]}]}"),
        rows, flows);
}

static void
a_placeholder_in_a_request_is_open_where_it_could_decide(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .l7 = GET("http://h/a") },
        { UI, API, "TCP 80", 'i' },
    };
    static const struct world_row rows[] = {
        { "{path: '${PATH}'}", "h+" },
        { "{path: '${PATH}', method: PUT}", "-+" },
        { "{path: '${PATH}'}, {method: GET}", "++" },
    };

    (void)state;
    ASK(ENGINE_CILIUM,
        CNP("web", "p", "{" SUBJECT ", ingress: [{toPorts: [{" PORT80 ", rules: {http: [%s]}}]}]}"),
        rows, flows);
}

static void
an_expression_that_takes_for_ever_is_undefined_soon(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i',
          .l7 = GET("http://h/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab") },
    };
    static const struct world_row rows[] = { { "{path: '/(a+)+c'}", "-" },
                                             { "{path: '/(a|aa)+b'}", "+" } };

    (void)state;
    ASK(ENGINE_CILIUM,
        CNP("web", "p", "{" SUBJECT ", ingress: [{toPorts: [{" PORT80 ", rules: {http: [%s]}}]}]}"),
        rows, flows);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_http_rule_is_about_the_whole_method_path_and_host),
        cmocka_unit_test(a_header_has_its_exact_value_or_is_there),
        cmocka_unit_test(a_query_has_a_name_or_fits_a_pattern),
        cmocka_unit_test(a_kafka_rule_goes_by_key_role_version_and_topic),
        cmocka_unit_test(a_rule_without_requests_beside_it_opens_its_own_key_alone),
        cmocka_unit_test(what_admits_or_denies_the_connection_comes_before_its_requests),
        cmocka_unit_test(an_admin_policy_that_accepts_asks_for_no_requests),
        cmocka_unit_test(an_answer_that_refuses_is_no_escape),
        cmocka_unit_test(a_request_is_refused_where_its_rule_surely_stands),
        cmocka_unit_test(a_placeholder_in_a_request_is_open_where_it_could_decide),
        cmocka_unit_test(an_expression_that_takes_for_ever_is_undefined_soon),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
