/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which connection and which side an event speaks of, and what it proves: the policy facts, section
 * 6.1, with the wire facts' 6.1 and 6.2; and the table of results in the design, section 2.
 */
#include <string.h>

#include "world.h"

#define UI "web/ui app=ui"
#define API "web/api app=api"
#define OPS "ops/x"

/*
 * ui may open 80 at api and nothing else may be opened by or to the two: whoever takes a reply for
 * a connection finds it denied. Pods of ops are not isolated.
 */
#define ONE_WAY                                                                                    \
    KNP("web", "ui",                                                                               \
        "{podSelector: {matchLabels: {app: ui}}, policyTypes: [Ingress, Egress], "                 \
        "egress: [{to: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: "                \
        "80}, {port: 53, protocol: UDP}]}]}")                                                      \
    KNP("web", "api",                                                                              \
        "{podSelector: {matchLabels: {app: api}}, policyTypes: [Ingress, Egress], "                \
        "ingress: [{from: [{podSelector: {matchLabels: {app: ui}}}], ports: [{port: "              \
        "80}, {port: 53, protocol: UDP}]}]}")

static void
a_reply_is_judged_with_its_connection(void **state)
{
    static const struct world_flow flows[] = {
        /* arriving at the client, leaving the server */
        { API, UI, "TCP 40000", 'e', "allow", .source_port = 80, .event = 4, .trace = "TO_ENDPOINT",
          .reply = 'y', .flags = "ACK", .local = 'd', .judged = 'e', .result = "permitted" },
        { API, UI, "TCP 40000", 'i', "allow", .source_port = 80, .event = 4, .trace = "TO_STACK",
          .reply = 'y', .flags = "SYN,ACK", .local = 's', .judged = 'i', .result = "permitted" },
        { API, UI, "TCP 40000", 'i', "allow", .source_port = 80, .event = 4, .trace = "TO_OVERLAY",
          .reply = '?', .reason = "REPLY", .flags = "ACK", .local = 's', .judged = 'i' },
        { API, UI, "UDP 40000", 'e', "allow", .source_port = 53, .event = 4, .trace = "TO_ENDPOINT",
          .reply = 'y', .local = 'd', .judged = 'e' },
        /* of a connection that is not allowed */
        { API, OPS, "TCP 40000", 'i', "deny_default", .source_port = 80, .event = 4,
          .trace = "TO_STACK", .reply = 'y', .flags = "SYN,ACK", .local = 's', .judged = 'i',
          .result = "escaped" },
        { API, OPS, "TCP 40000", 'e', "allow_default", .source_port = 80, .event = 4,
          .trace = "TO_ENDPOINT", .reply = 'y', .flags = "ACK", .local = 'd', .judged = 'e' },
        /* what no port or flag tells: the record says that it is none */
        { API, UI, "TCP 40000", 'e', "deny_default", .source_port = 80, .reply = 'n',
          .flags = "SYN", .judged = 'e' },
        /* answers of a proxy */
        { API, UI, "TCP 40000", 'i', "allow", .source_port = 80, .reply = 'y',
          .l7 = "RESPONSE http GET", .local = 's', .judged = 'i' },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM, ONE_WAY, flows, COUNT(flows)), 0);
}

static void
a_delivery_is_judged_at_the_end_it_arrives_at(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', "allow", .event = 4, .trace = "TO_ENDPOINT", .judged = 'i' },
        /* since 1.16 the direction of a delivery may be the other one */
        { UI, API, "TCP 80", 'e', "allow", .event = 4, .trace = "TO_ENDPOINT", .local = 'd',
          .judged = 'i', .by = "api ingress[0]" },
        { OPS, API, "TCP 80", 'e', "deny_default", .event = 4, .trace = "TO_ENDPOINT", .local = 'd',
          .judged = 'i', .result = "escaped" },
        { OPS, API, "TCP 80", 'e', "allow_default", .event = 4, .trace = "TO_OVERLAY",
          .judged = 'e' },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM, ONE_WAY, flows, COUNT(flows)), 0);
}

static void
a_dropped_answer_belongs_to_the_connection_it_answers(void **state)
{
    static const struct world_flow flows[] = {
        /* the server's node drops it: the side is the server's, and it did not open anything */
        { API, OPS, "TCP 40000", 'e', "deny_default", .source_port = 80, .event = 1,
          .verdict = "DROPPED", .drop_reason = 133, .reply = '?', .flags = "SYN,ACK", .judged = 'i',
          .result = "rejected" },
        { API, UI, "TCP 40000", 'e', "allow", .source_port = 80, .event = 1, .verdict = "DROPPED",
          .drop_reason = 133, .reply = '?', .flags = "SYN,ACK", .judged = 'i',
          .result = "misdropped", .by = "api ingress[0]" },
        /* the client's node drops it */
        { API, UI, "TCP 40000", 'i', "allow", .source_port = 80, .event = 1, .verdict = "DROPPED",
          .drop_reason = 133, .reply = '?', .flags = "SYN,ACK", .judged = 'e',
          .result = "misdropped", .by = "ui egress[0]" },
        { API, UI, "ICMPv4 0", 'e', NULL, .event = 1, .verdict = "DROPPED", .drop_reason = 133,
          .reply = '?', .judged = 'i' },
        /* a new connection is what it looks like */
        { UI, API, "TCP 81", 'e', "deny_default", .event = 1, .verdict = "DROPPED",
          .drop_reason = 133, .reply = '?', .flags = "SYN", .judged = 'e', .result = "rejected" },
        { UI, API, "TCP 81", 'i', "deny_default", .event = 5, .verdict = "DROPPED",
          .drop_reason = 133, .reply = '?', .flags = "SYN", .judged = 'i', .result = "rejected" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM, ONE_WAY, flows, COUNT(flows)), 0);
}

#define BOTH_WAYS                                                                                  \
    KNP("q", "in",                                                                                 \
        "{podSelector: {matchLabels: {app: in}}, ingress: [{ports: [{port: 53, "                   \
        "protocol: UDP}]}]}")                                                                      \
    KNP("q", "out",                                                                                \
        "{podSelector: {matchLabels: {app: out}}, policyTypes: [Ingress, Egress], "                \
        "ingress: [{ports: [{port: 53, protocol: UDP}]}]}")                                        \
    KNP("q", "shut", "{podSelector: {matchLabels: {app: shut}}, policyTypes: [Ingress, Egress]}")

static void
when_a_packet_may_be_a_reply_both_readings_have_to_agree(void **state)
{
    static const struct world_flow flows[] = {
        /* no direction of ours isolates egress: in and out are both fine */
        { "q/in app=in", OPS, "UDP 40000", 'e', "allow", .source_port = 53, .event = 4,
          .trace = "TO_OVERLAY", .reply = '?' },
        /* as a reply it is fine, as a connection it is not */
        { "q/out app=out", OPS, "UDP 40000", 'e', "undecidable reply", .source_port = 53,
          .event = 4, .trace = "TO_OVERLAY", .reply = '?', .result = "undecided" },
        { "q/shut app=shut", OPS, "UDP 40000", 'e', "deny_default", .source_port = 53, .event = 4,
          .trace = "TO_OVERLAY", .reply = '?', .result = "escaped" },
        { "q/free app=free", OPS, "UDP 40000", 'e', "allow_default", .source_port = 53, .event = 4,
          .trace = "TO_OVERLAY", .reply = '?' },
        /* established, and the flags do not tell */
        { "q/out app=out", OPS, "TCP 40000", 'e', "deny_default", .source_port = 80, .event = 4,
          .trace = "TO_OVERLAY", .reply = '?', .flags = "ACK" },
        /* ports the right way round leave one reading */
        { OPS, "q/out app=out", "UDP 53", 'i', "allow", .event = 4, .trace = "TO_NETWORK",
          .reply = '?', .judged = 'i' },
        { "q/out app=out", OPS, "UDP 53", 'e', "deny_default", .event = 4, .trace = "TO_NETWORK",
          .reply = '?', .judged = 'e' },
        /* conntrack calls it new, or the packet opens a connection */
        { "q/out app=out", OPS, "UDP 40000", 'e', "deny_default", .source_port = 53, .event = 4,
          .trace = "TO_OVERLAY", .reply = '?', .reason = "NEW", .judged = 'e' },
        { "q/out app=out", OPS, "TCP 40000", 'e', "deny_default", .source_port = 53, .event = 4,
          .trace = "TO_OVERLAY", .reply = '?', .flags = "SYN", .judged = 'e' },
        /* a verdict is about the first packet */
        { "q/out app=out", OPS, "UDP 40000", 'e', "deny_default", .source_port = 53, .event = 5,
          .reply = '?', .judged = 'e' },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM, BOTH_WAYS, flows, COUNT(flows)), 0);
}

static void
of_an_unknown_side_both_have_to_agree(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", '?', "allow" },
        { OPS, "dev/y", "TCP 80", '?', "allow_default" },
        { OPS, API, "TCP 80", '?', "undecidable direction", .result = "undecided" },
        { UI, OPS, "TCP 80", '?', "undecidable direction" },
        { API, UI, "TCP 80", '?', "deny_default", .result = "escaped" },
        /* an end that no policy acts on leaves the other */
        { "world", API, "TCP 80", '?', "deny_default" },
        { OPS, "world", "TCP 80", '?', "allow_default" },
        { "world", "remote-node", "TCP 80", '?', "not_applicable" },
        /* the end that lives on the reporting node tells */
        { OPS, API, "TCP 80", '?', "allow_default", .local = 's', .judged = 'e' },
        { OPS, API, "TCP 80", '?', "deny_default", .local = 'd', .judged = 'i' },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM, ONE_WAY, flows, COUNT(flows)), 0);
}

static void
an_echo_and_its_reply_are_one_connection(void **state)
{
    static const struct world_flow flows[] = {
        { OPS, API, "ICMPv4 8", 'i', "allow", .judged = 'i' },
        { API, OPS, "ICMPv4 0", 'i', "allow", .event = 4, .trace = "TO_STACK", .reply = 'y',
          .local = 's', .judged = 'i' },
        { API, OPS, "ICMPv4 0", 'i', "allow", .event = 4, .trace = "TO_OVERLAY", .reply = '?',
          .local = 's', .judged = 'i' },
        { OPS, API, "ICMPv6 128", 'i', "allow", .judged = 'i' },
        { API, OPS, "ICMPv6 129", 'i', "allow", .event = 4, .trace = "TO_STACK", .reply = 'y',
          .local = 's', .judged = 'i' },
        { OPS, API, "ICMPv4 13", 'i', "deny_default", .judged = 'i' },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM,
                               CNP("web", "p",
                                   "{endpointSelector: {}, ingress: [{icmps: [{fields: [{type: 8}, "
                                   "{family: IPv6, type: 128}]}]}], egress: [{}]}"),
                               flows, COUNT(flows)),
                     0);
}

static void
events_prove_what_they_prove(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .observed = "forwarded" },
        { UI, API, "TCP 80", 'i', .verdict = "REDIRECTED", .observed = "redirected" },
        { UI, API, "TCP 80", 'i', .verdict = "AUDIT", .observed = "audited" },
        { UI, API, "TCP 80", 'i', .verdict = "DROPPED", .drop_reason = 133,
          .observed = "dropped_policy" },
        { UI, API, "TCP 80", 'i', .verdict = "DROPPED", .drop_reason = 181,
          .observed = "dropped_policy" },
        { UI, API, "TCP 80", 'i', .verdict = "DROPPED", .drop_reason = 133, .event = 1,
          .observed = "dropped_policy" },
        /* allowed by policy, authentication pending */
        { UI, API, "TCP 80", 'i', .verdict = "DROPPED", .drop_reason = 189,
          .observed = "dropped_other" },
        { UI, API, "TCP 80", 'i', .verdict = "DROPPED", .drop_reason = 144, .event = 1,
          .observed = "dropped_other" },
        { UI, API, "TCP 80", 'i', .verdict = "DROPPED", .event = 1, .observed = "dropped_other" },
        /* a refusal of a proxy has no reason */
        { UI, API, "TCP 80", 'i', .verdict = "DROPPED", .l7 = "REQUEST http GET",
          .observed = "dropped_policy" },
        { UI, API, "TCP 80", 'i', .verdict = "FORWARDED", .l7 = "REQUEST http GET",
          .observed = "forwarded" },
        { UI, API, "TCP 80", 'i', .verdict = "ERROR", .l7 = "REQUEST http GET",
          .observed = "error" },
        { UI, API, "TCP 80", 'i', .verdict = "VERDICT_UNKNOWN", .observed = "unknown" },
        { UI, API, "TCP 80", 'e', .event = 4, .trace = "TO_OVERLAY", .observed = "forwarded" },
        { UI, API, "TCP 80", 'i', .event = 4, .trace = "TO_ENDPOINT", .observed = "forwarded" },
        /* points in front of the policy prove nothing */
        { UI, API, "TCP 80", 'e', "allow no-verdict", .event = 4, .trace = "FROM_ENDPOINT",
          .observed = "unknown", .result = "undecided" },
        { OPS, API, "TCP 80", 'i', "deny_default no-verdict", .event = 4, .trace = "FROM_OVERLAY",
          .observed = "unknown", .result = "undecided" },
        { OPS, API, "TCP 80", 'i', .event = 4, .trace = "FROM_NETWORK", .observed = "unknown" },
        /* no packet was judged */
        { UI, API, "TCP 80", '?', "not_applicable", .event = 7, .verdict = "TRACED",
          .result = "not_applicable" },
        { UI, API, "TCP 80", '?', "not_applicable", .event = 7, .verdict = "TRANSLATED",
          .result = "not_applicable" },
        { UI, API, "TCP 80", 'i', "not_applicable", .event = 2, .result = "not_applicable" },
        { UI, API, "TCP 80", 'i', "not_applicable", .event = 3, .result = "not_applicable" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM, ONE_WAY, flows, COUNT(flows)), 0);
}

/* One pod for each answer there is, by the columns of the design's table. */
#define ANSWERS                                                                                    \
    KNP("a", "allow", "{podSelector: {matchLabels: {is: allow}}, ingress: [{}]}")                  \
    KNP("a", "shut", "{podSelector: {matchLabels: {is: shut}}}")                                   \
    KNP("a", "open",                                                                               \
        "{podSelector: {matchLabels: {is: open}}, ingress: [{ports: [{port: http}]}]}")            \
    CNP("a", "deny",                                                                               \
        "{endpointSelector: {matchLabels: {is: deny}}, ingressDeny: [{fromEntities: "              \
        "[all]}]}")

static const struct {
    const char *to, *answer;
} columns[] = {
    { "a/allow is=allow", "allow" },      { "a/free is=free", "allow_default" },
    { "a/shut is=shut", "deny_default" }, { "a/deny is=deny", "deny_explicit" },
    { "a/open is=open", "undecidable" },  { "remote-node", "not_applicable" },
};

/* What was observed, and the result for each column. */
static const struct {
    struct world_flow event;
    const char *observed;
    const char *results[COUNT(columns)];
} cells[] = {
    { { .verdict = "FORWARDED" },
      "forwarded",
      { "permitted", "unprotected", "escaped", "escaped", "undecided", "not_applicable" } },
    { { .verdict = "REDIRECTED" },
      "redirected",
      { "permitted", "unprotected", "escaped", "escaped", "undecided", "not_applicable" } },
    { { .verdict = "AUDIT" },
      "audited",
      { "stale_audit", "unprotected", "would_reject", "would_reject", "undecided",
        "not_applicable" } },
    { { .verdict = "DROPPED", .drop_reason = 133 },
      "dropped_policy",
      { "misdropped", "misdropped", "rejected", "rejected", "undecided", "not_applicable" } },
    { { .verdict = "DROPPED", .drop_reason = 181 },
      "dropped_policy",
      { "misdropped", "misdropped", "rejected", "rejected", "undecided", "not_applicable" } },
    { { .verdict = "DROPPED", .drop_reason = 144 },
      "dropped_other",
      { "failed", "failed", "failed", "failed", "failed", "not_applicable" } },
    { { .verdict = "ERROR" },
      "error",
      { "failed", "failed", "failed", "failed", "failed", "not_applicable" } },
    { { .verdict = "FORWARDED", .event = 4, .trace = "FROM_NETWORK" },
      "unknown",
      { "undecided", "undecided", "undecided", "undecided", "undecided", "not_applicable" } },
};

static void
every_cell_of_the_table_of_results_holds(void **state)
{
    struct world_flow flows[COUNT(cells) * COUNT(columns)];

    (void)state;
    for (size_t o = 0; o < COUNT(cells); o++) {
        for (size_t e = 0; e < COUNT(columns); e++) {
            struct world_flow *flow = &flows[o * COUNT(columns) + e];

            *flow = cells[o].event;
            flow->from = "ops/x";
            flow->to = columns[e].to;
            flow->port = "TCP 80";
            flow->side = 'i';
            flow->observed = cells[o].observed;
            flow->result = cells[o].results[e];
            if (strcmp(cells[o].observed, "unknown") != 0 && e != 4) {
                flow->answer = columns[e].answer;
            }
        }
    }
    assert_int_equal(world_ask(ENGINE_CILIUM, ANSWERS, flows, COUNT(flows)), 0);
}

static void
the_ends_of_a_connection_give_its_scope(void **state)
{
    static const struct world_flow flows[] = {
        { UI, API, "TCP 80", 'i', .scope = "east-west" },
        { "world", API, "TCP 80", 'i', .scope = "ingress" },
        { UI, "world", "TCP 80", 'e', .scope = "egress" },
        { "world", UI, "TCP 40000", 'e', .source_port = 443, .reply = 'y', .event = 4,
          .trace = "TO_ENDPOINT", .flags = "ACK", .local = 'd', .scope = "egress" },
        { "host", API, "TCP 80", 'i', .scope = "host" },
        { UI, "remote-node", "TCP 4244", 'e', .scope = "host" },
        { UI, "remote-node", "TCP 6443", 'e', .scope = "control-plane" },
        { UI, "host+kube-apiserver", "TCP 443", 'e', .scope = "control-plane" },
        { UI, "world+kube-apiserver", "TCP 443", 'e', .scope = "control-plane" },
    };

    (void)state;
    assert_int_equal(world_ask(ENGINE_CILIUM, ONE_WAY, flows, COUNT(flows)), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_is_judged_with_its_connection),
        cmocka_unit_test(a_delivery_is_judged_at_the_end_it_arrives_at),
        cmocka_unit_test(a_dropped_answer_belongs_to_the_connection_it_answers),
        cmocka_unit_test(when_a_packet_may_be_a_reply_both_readings_have_to_agree),
        cmocka_unit_test(of_an_unknown_side_both_have_to_agree),
        cmocka_unit_test(an_echo_and_its_reply_are_one_connection),
        cmocka_unit_test(events_prove_what_they_prove),
        cmocka_unit_test(every_cell_of_the_table_of_results_holds),
        cmocka_unit_test(the_ends_of_a_connection_give_its_scope),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
