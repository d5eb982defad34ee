/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hubble's JSON as records: every field, every shape in which records stand in a file, and the
 * spellings that other writers than Go use. Texts are written with ' for ", and read through the
 * public reader.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "libflow/reader.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define MEMBERS_MAX 64

/* All that one text gave; it fits one batch. */
struct reading {
    struct flow_reader *reader;
    struct flow_batch *batch;
    struct flow_input_stats stats;
    char *text;
};

static struct flow_str
quoted(char *text)
{
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    return flow_str_of(text);
}

static void
read_into(struct reading *reading, const char *text, struct flow_dict *dict)
{
    struct flow_reader_options options;
    struct flow_batch *behind;
    struct flow_error err;

    reading->text = strdup(text);
    assert_non_null(reading->text);
    assert_int_equal(flow_reader_options_init(&options, sizeof(options)), FLOW_OK);
    options.dict = dict;
    assert_int_equal(flow_batch_new(&reading->batch, NULL), FLOW_OK);
    assert_int_equal(flow_batch_new(&behind, NULL), FLOW_OK);
    quoted(reading->text);
    assert_int_equal(
        flow_reader_open_memory(&reading->reader, reading->text, strlen(text), &options, NULL),
        FLOW_OK);
    if (flow_reader_next(reading->reader, reading->batch, &err) == FLOW_OK) {
        assert_int_equal(flow_reader_next(reading->reader, behind, &err), FLOW_END);
    }
    assert_int_equal(flow_reader_input(reading->reader, 0, &reading->stats), FLOW_OK);
    flow_batch_free(behind);
}

static void
read_text(struct reading *reading, const char *text)
{
    read_into(reading, text, NULL);
}

static void
close_reading(struct reading *reading)
{
    flow_batch_free(reading->batch);
    flow_reader_close(reading->reader);
    free(reading->text);
}

/* The only record of a text. */
static const struct flow_record *
read_one(struct reading *reading, const char *text)
{
    read_text(reading, text);
    if (flow_batch_problem_count(reading->batch) > 0) {
        fail_msg("%s: %s", text, flow_batch_problem_at(reading->batch, 0)->message);
    }
    assert_int_equal(flow_batch_count(reading->batch), 1);
    return flow_batch_at(reading->batch, 0);
}

/* The only record of a text that is a flow with these members. */
static const struct flow_record *
read_flow(struct reading *reading, const char *members)
{
    char text[4096];

    snprintf(text, sizeof(text), "{'flow':{%s}}\n", members);
    return read_one(reading, text);
}

static void
assert_text(struct flow_str text, const char *wanted)
{
    if (!flow_str_is(text, wanted)) {
        fail_msg("\"%.*s\" is not \"%s\"", (int)text.len, text.ptr, wanted);
    }
}

static void
assert_address(const struct flow_address *address, const char *wanted)
{
    char text[FLOW_ADDRESS_TEXT_MAX];

    assert_string_equal(flow_address_format(address, text), wanted);
}

/* One line with all there is in a flow of Cilium 1.19 and, where it is a drop, of others. */
static const char WHOLE[] =
    "{'flow':{'time':'2026-09-01T10:00:00.123456789Z',"
    "'uuid':'11111111-2222-4333-8444-555555555555',"
    "'emitter':{'name':'Hubble','version':'1.19.1'},'verdict':'DROPPED','drop_reason':133,"
    "'auth_type':'SPIRE',"
    "'ethernet':{'source':'aa:bb:cc:dd:ee:ff','destination':'ff:ee:dd:cc:bb:aa'},"
    "'IP':{'source':'10.42.1.17','source_xlated':'10.0.3.4','destination':'198.51.100.7',"
    "'ipVersion':'IPv4','encrypted':true},"
    "'l4':{'TCP':{'source_port':51234,'destination_port':443,'flags':{'SYN':true,'ECE':true}}},"
    "'tunnel':{'protocol':'VXLAN','IP':{'source':'172.16.0.1','destination':'172.16.0.2',"
    "'ipVersion':'IPv4'},'l4':{'UDP':{'source_port':33333,'destination_port':8472}},'vni':7396},"
    "'source':{'ID':1234,'identity':54321,'cluster_name':'tre-1','namespace':'project-asthma',"
    "'labels':['k8s:app=notebook','k8s:io.kubernetes.pod.namespace=project-asthma',"
    "'k8s:note=a=b=c','reserved:marker'],'pod_name':'notebook-7d9c5f6b8-x2x4z',"
    "'workloads':[{'name':'notebook','kind':'Deployment'},{'name':'other','kind':'Job'}]},"
    "'destination':{'identity':2,'labels':['reserved:world']},'Type':'L3_L4',"
    "'node_name':'tre-1/node-2','node_labels':['kubernetes.io/os=linux'],"
    "'source_names':['notebook.example.org'],"
    "'destination_names':['licence.example.com','b.example'],"
    "'event_type':{'type':5,'sub_type':133},"
    "'source_service':{'name':'notebook','namespace':'project-asthma'},"
    "'destination_service':{'name':'licence','namespace':'shared'},"
    "'traffic_direction':'EGRESS','policy_match_type':2,'trace_observation_point':'TO_ENDPOINT',"
    "'trace_reason':'NEW','drop_reason_desc':'POLICY_DENIED','is_reply':false,"
    "'debug_capture_point':'DBG_CAPTURE_DELIVERY','interface':{'index':7,'name':'lxc1'},"
    "'proxy_port':15001,'trace_context':{'parent':{'trace_id':'00112233'}},"
    "'sock_xlate_point':'SOCK_XLATE_POINT_PRE_DIRECTION_FWD',"
    "'socket_cookie':'18446744073709551615',"
    "'cgroup_id':'77','file':{'name':'bpf_lxc.c','line':1234},"
    "'ip_trace_id':{'trace_id':'9','ip_option_type':136},"
    "'egress_allowed_by':[{'name':'egress-a','namespace':'project-asthma','labels':['k8s:x=y'],"
    "'revision':'41','kind':'CiliumNetworkPolicy'},{'name':'wide','revision':42,"
    "'kind':'CiliumClusterwideNetworkPolicy'}],"
    "'ingress_allowed_by':[{'name':'in-a','namespace':'shared','kind':'NetworkPolicy'}],"
    "'egress_denied_by':[{'name':'no-egress'}],'ingress_denied_by':[{'name':'no-ingress'}],"
    "'policy_log':[''],'aggregate':{'ingress_flow_count':1,'egress_flow_count':2,"
    "'unknown_direction_flow_count':3},'Summary':'TCP Flags: SYN, ECE',"
    "'extensions':{'@type':'type.googleapis.com/google.protobuf.Struct','value':{'bytes':7}}},"
    "'node_name':'tre-1/node-2','time':'2026-09-01T10:00:00.123456789Z'}\n";

static void
the_event_of_a_flow_is_read_whole(void **state)
{
    struct reading reading;
    const struct flow_record *record = read_one(&reading, WHOLE);

    (void)state;
    assert_int_equal(record->kind, FLOW_KIND_FLOW);
    assert_int_equal(record->input, 0);
    assert_int_equal(record->number, 1);
    assert_int_equal(record->line, 1);
    assert_int_equal(record->time, INT64_C(1788256800123456789));
    assert_text(record->uuid, "11111111-2222-4333-8444-555555555555");
    assert_text(record->node_name, "tre-1/node-2");
    assert_text(flow_dict_node_name(flow_reader_dict(reading.reader), record->node),
                "tre-1/node-2");
    assert_int_equal(record->verdict, FLOW_VERDICT_DROPPED);
    assert_int_equal(record->drop_reason, FLOW_DROP_POLICY_DENIED);
    assert_int_equal(record->type, FLOW_TYPE_L3_L4);
    assert_int_equal(record->direction, FLOW_DIRECTION_EGRESS);
    assert_int_equal(record->is_reply, FLOW_NO);
    assert_int_equal(record->event_type, FLOW_EVENT_POLICY_VERDICT);
    assert_int_equal(record->event_subtype, 133);
    assert_int_equal(record->trace_point, FLOW_TRACE_TO_ENDPOINT);
    assert_int_equal(record->trace_reason, 1);
    assert_int_equal(record->auth_type, 1);
    assert_int_equal(record->sock_point, 1);
    assert_int_equal(record->policy_match_type, 2);
    assert_int_equal(record->proxy_port, 15001);
    assert_int_equal(record->aggregate[0], 1);
    assert_int_equal(record->aggregate[1], 2);
    assert_int_equal(record->aggregate[2], 3);
    assert_null(record->l7);
    assert_null(record->lost);
    close_reading(&reading);
}

static void
the_packet_of_a_flow_is_read_and_not_its_tunnel(void **state)
{
    struct reading reading;
    const struct flow_record *record = read_one(&reading, WHOLE);

    (void)state;
    assert_int_equal(record->ip_version, 4);
    assert_true(record->encrypted);
    assert_int_equal(record->protocol, FLOW_PROTOCOL_TCP);
    assert_true(record->has_ports);
    assert_int_equal(record->source_port, 51234);
    assert_int_equal(record->destination_port, 443);
    assert_int_equal(record->tcp_flags, FLOW_TCP_KNOWN | FLOW_TCP_SYN | FLOW_TCP_ECE);
    assert_address(&record->source_address, "10.42.1.17");
    assert_address(&record->destination_address, "198.51.100.7");
    assert_address(&record->source_translated, "10.0.3.4");
    assert_true(record->tunnelled);
    close_reading(&reading);
}

static void
the_ends_of_a_flow_are_read_whole(void **state)
{
    static const struct {
        const char *source, *key, *value;
    } labels[] = {
        { "k8s", "app", "notebook" },
        { "k8s", "io.kubernetes.pod.namespace", "project-asthma" },
        { "reserved", "marker", "" },
        { "k8s", "note", "a=b=c" },
    };
    struct reading reading;
    const struct flow_record *record = read_one(&reading, WHOLE);
    const struct flow_endpoint *source = record->source, *destination = record->destination;

    (void)state;
    assert_int_equal(source->local_id, 1234);
    assert_int_equal(source->identity, 54321);
    assert_true(source->has_labels);
    assert_text(source->namespace_name, "project-asthma");
    assert_text(source->pod_name, "notebook-7d9c5f6b8-x2x4z");
    assert_text(source->cluster_name, "tre-1");
    assert_text(source->workload_name, "notebook");
    assert_text(source->workload_kind, "Deployment");
    assert_int_equal(source->labels->count, COUNT(labels));
    for (size_t i = 0; i < COUNT(labels); i++) {
        assert_text(source->labels->labels[i].source, labels[i].source);
        assert_text(source->labels->labels[i].key, labels[i].key);
        assert_text(source->labels->labels[i].value, labels[i].value);
    }
    assert_int_equal(destination->local_id, 0);
    assert_int_equal(destination->identity, 2);
    assert_int_equal(destination->labels->count, 1);
    assert_text(destination->namespace_name, "");
    assert_text(destination->pod_name, "");
    assert_true(source->id != 0 && destination->id != 0 && source->id != destination->id);
    assert_true(flow_dict_endpoint_count(flow_reader_dict(reading.reader)) > destination->id);
    close_reading(&reading);
}

static void
names_services_and_policies_of_a_flow_are_read_whole(void **state)
{
    struct reading reading;
    const struct flow_record *record = read_one(&reading, WHOLE);
    const struct flow_policy_ref_list *allowed = record->allowed_by[1];

    (void)state;
    assert_int_equal(record->source_names->count, 1);
    assert_text(record->source_names->texts[0], "notebook.example.org");
    assert_int_equal(record->destination_names->count, 2);
    assert_text(record->destination_names->texts[0], "licence.example.com");
    assert_text(record->destination_names->texts[1], "b.example");
    assert_text(record->source_service->name, "notebook");
    assert_text(record->source_service->namespace_name, "project-asthma");
    assert_text(record->destination_service->name, "licence");
    assert_text(record->destination_service->namespace_name, "shared");
    assert_int_equal(allowed->count, 2);
    assert_text(allowed->refs[0].kind, "CiliumNetworkPolicy");
    assert_text(allowed->refs[0].namespace_name, "project-asthma");
    assert_text(allowed->refs[0].name, "egress-a");
    assert_int_equal(allowed->refs[0].revision, 41);
    assert_text(allowed->refs[1].name, "wide");
    assert_text(allowed->refs[1].namespace_name, "");
    assert_int_equal(allowed->refs[1].revision, 42);
    assert_int_equal(record->allowed_by[0]->count, 1);
    assert_text(record->allowed_by[0]->refs[0].name, "in-a");
    assert_text(record->denied_by[0]->refs[0].name, "no-ingress");
    assert_text(record->denied_by[1]->refs[0].name, "no-egress");
    close_reading(&reading);
}

static void
what_a_flow_does_not_have_is_absent_and_not_zero(void **state)
{
    static const char *const empty[] = {
        "{'flow':{}}\n",
        "{'flow':{'verdict':null,'IP':null,'l4':null,'source':null,'destination':null,'l7':null,"
        "'is_reply':null,'time':null,'uuid':null,'node_name':null,'source_names':null,"
        "'source_service':null,'egress_allowed_by':null,'event_type':null,'drop_reason_desc':null,"
        "'aggregate':null,'tunnel':null,'Type':null},'node_name':null,'time':null}\n",
        "{'flow':{'IP':{},'l4':{},'source':{},'destination':{},'event_type':{},'source_names':[],"
        "'destination_names':[],'aggregate':{}}}\n",
        "{'flow':{'source':{'labels':null,'workloads':null,'pod_name':null,'ID':null},"
        "'IP':{'source':null,'ipVersion':null},'l4':{'TCP':null}}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(empty); i++) {
        struct reading reading;
        const struct flow_record *record = read_one(&reading, empty[i]);

        assert_int_equal(record->kind, FLOW_KIND_FLOW);
        assert_true(record->time == FLOW_TIME_NONE);
        assert_null(record->uuid.ptr);
        assert_int_equal(record->node_name.len, 0);
        assert_int_equal(record->verdict, FLOW_VERDICT_UNKNOWN);
        assert_int_equal(record->is_reply, FLOW_UNKNOWN);
        assert_int_equal(record->source_address.family, 0);
        assert_int_equal(record->destination_address.family, 0);
        assert_int_equal(record->source_translated.family, 0);
        assert_int_equal(record->protocol, FLOW_PROTOCOL_UNKNOWN);
        assert_false(record->has_ports);
        assert_int_equal(record->tcp_flags, 0);
        assert_int_equal(record->destination->id, 0);
        assert_false(record->source->has_labels);
        assert_int_equal(record->source->labels->id, 0);
        assert_int_equal(record->source_names->id, 0);
        assert_int_equal(record->source_names->count, 0);
        assert_int_equal(record->destination_names->count, 0);
        assert_null(record->source_service);
        assert_null(record->allowed_by[1]);
        assert_null(record->l7);
        assert_int_equal(reading.stats.damaged, 0);
        close_reading(&reading);
    }
}

static void
is_reply_has_three_values(void **state)
{
    static const struct {
        const char *members;
        uint8_t is_reply;
    } cases[] = {
        { "'verdict':'FORWARDED'", FLOW_UNKNOWN },
        { "'is_reply':null", FLOW_UNKNOWN },
        { "'is_reply':false", FLOW_NO },
        { "'is_reply':true", FLOW_YES },
        { "'isReply':false", FLOW_NO },
        { "'reply':true", FLOW_YES },
        { "'reply':true,'is_reply':true", FLOW_YES },
        { "'is_reply':true,'reply':true", FLOW_YES },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reading reading;

        assert_int_equal(read_flow(&reading, cases[i].members)->is_reply, cases[i].is_reply);
        close_reading(&reading);
    }
}

static void
transports_are_told_apart(void **state)
{
    static const struct {
        const char *l4;
        uint8_t protocol;
        bool has_ports;
        uint16_t source_port, destination_port, flags;
        uint8_t type, code;
    } cases[] = {
        { "'TCP':{'source_port':1,'destination_port':65535}", FLOW_PROTOCOL_TCP, true, 1, 65535, 0,
          0, 0 },
        { "'TCP':{'source_port':1,'destination_port':2,'flags':{}}", FLOW_PROTOCOL_TCP, true, 1, 2,
          FLOW_TCP_KNOWN, 0, 0 },
        { "'TCP':{'flags':{'FIN':true,'SYN':false,'RST':true,'PSH':true,'ACK':true,'URG':true,"
          "'ECE':true,'CWR':true,'NS':true},'source_port':1,'destination_port':2}",
          FLOW_PROTOCOL_TCP, true, 1, 2,
          FLOW_TCP_KNOWN | FLOW_TCP_FIN | FLOW_TCP_RST | FLOW_TCP_PSH | FLOW_TCP_ACK |
              FLOW_TCP_URG | FLOW_TCP_ECE | FLOW_TCP_CWR | FLOW_TCP_NS,
          0, 0 },
        { "'UDP':{'source_port':5353,'destination_port':53}", FLOW_PROTOCOL_UDP, true, 5353, 53, 0,
          0, 0 },
        { "'SCTP':{'source_port':7,'destination_port':9,'chunk_type':'INIT'}", FLOW_PROTOCOL_SCTP,
          true, 7, 9, 0, 0, 0 },
        { "'ICMPv4':{}", FLOW_PROTOCOL_ICMPV4, false, 0, 0, 0, 0, 0 },
        { "'ICMPv4':{'type':8}", FLOW_PROTOCOL_ICMPV4, false, 0, 0, 0, 8, 0 },
        { "'ICMPv4':{'type':3,'code':13}", FLOW_PROTOCOL_ICMPV4, false, 0, 0, 0, 3, 13 },
        { "'ICMPv6':{'type':135}", FLOW_PROTOCOL_ICMPV6, false, 0, 0, 0, 135, 0 },
        { "'VRRP':{'type':1,'vrid':2,'priority':100}", FLOW_PROTOCOL_VRRP, false, 0, 0, 0, 1, 0 },
        { "'IGMP':{'type':22,'group_address':'224.0.0.1'}", FLOW_PROTOCOL_IGMP, false, 0, 0, 0, 22,
          0 },
        { "'QUIC':{'source_port':7,'type':3}", FLOW_PROTOCOL_UNKNOWN, false, 0, 0, 0, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const bool icmp =
            cases[i].protocol == FLOW_PROTOCOL_ICMPV4 || cases[i].protocol == FLOW_PROTOCOL_ICMPV6;
        struct reading reading;
        char members[400];
        const struct flow_record *record;

        snprintf(members, sizeof(members), "'l4':{%s}", cases[i].l4);
        record = read_flow(&reading, members);
        assert_int_equal(record->protocol, cases[i].protocol);
        assert_int_equal(record->has_ports, cases[i].has_ports);
        assert_int_equal(record->source_port, cases[i].source_port);
        assert_int_equal(record->destination_port, cases[i].destination_port);
        assert_int_equal(record->tcp_flags, cases[i].flags);
        if (icmp) {
            assert_int_equal(record->icmp_type, cases[i].type);
            assert_int_equal(record->icmp_code, cases[i].code);
        }
        close_reading(&reading);
    }
}

static void
addresses_of_both_families_are_read(void **state)
{
    struct reading reading;
    const struct flow_record *record = read_flow(
        &reading, "'IP':{'source':'2001:db8::17','destination':'fe80::1','ipVersion':'IPv6'}");

    (void)state;
    assert_int_equal(record->ip_version, 6);
    assert_false(record->encrypted);
    assert_address(&record->source_address, "2001:db8::17");
    assert_address(&record->destination_address, "fe80::1");
    assert_address(&record->source_translated, "");
    close_reading(&reading);
}

#define VALUE_OF(field)                                                                            \
    offsetof(struct flow_record, field), sizeof(((struct flow_record *)0)->field)

static const struct {
    size_t offset, size;
    const char *members;
    uint32_t value;
} enum_values[] = {
    { VALUE_OF(verdict), "'verdict':'VERDICT_UNKNOWN'", 0 },
    { VALUE_OF(verdict), "'verdict':'FORWARDED'", 1 },
    { VALUE_OF(verdict), "'verdict':'DROPPED'", 2 },
    { VALUE_OF(verdict), "'verdict':'ERROR'", 3 },
    { VALUE_OF(verdict), "'verdict':'AUDIT'", 4 },
    { VALUE_OF(verdict), "'verdict':'REDIRECTED'", 5 },
    { VALUE_OF(verdict), "'verdict':'TRACED'", 6 },
    { VALUE_OF(verdict), "'verdict':'TRANSLATED'", 7 },
    { VALUE_OF(verdict), "'verdict':2", 2 },
    { VALUE_OF(verdict), "'verdict':16", 16 },
    { VALUE_OF(verdict), "'verdict':'FORWADED'", 0 },
    { VALUE_OF(verdict), "'verdict':''", 0 },
    { VALUE_OF(verdict), "'verdict':'forwarded'", 0 },
    { VALUE_OF(type), "'Type':'L3_L4'", 1 },
    { VALUE_OF(type), "'Type':'L7'", 2 },
    { VALUE_OF(type), "'Type':'SOCK'", 3 },
    { VALUE_OF(type), "'Type':'UNKNOWN_TYPE'", 0 },
    { VALUE_OF(type), "'Type':3", 3 },
    { VALUE_OF(type), "'Type':'L8'", 0 },
    { VALUE_OF(direction), "'traffic_direction':'INGRESS'", 1 },
    { VALUE_OF(direction), "'traffic_direction':'EGRESS'", 2 },
    { VALUE_OF(direction), "'traffic_direction':'TRAFFIC_DIRECTION_UNKNOWN'", 0 },
    { VALUE_OF(direction), "'trafficDirection':1", 1 },
    { VALUE_OF(trace_point), "'trace_observation_point':'TO_PROXY'", 1 },
    { VALUE_OF(trace_point), "'trace_observation_point':'TO_HOST'", 2 },
    { VALUE_OF(trace_point), "'trace_observation_point':'TO_STACK'", 3 },
    { VALUE_OF(trace_point), "'trace_observation_point':'TO_OVERLAY'", 4 },
    { VALUE_OF(trace_point), "'trace_observation_point':'FROM_ENDPOINT'", 5 },
    { VALUE_OF(trace_point), "'trace_observation_point':'FROM_PROXY'", 6 },
    { VALUE_OF(trace_point), "'trace_observation_point':'FROM_HOST'", 7 },
    { VALUE_OF(trace_point), "'trace_observation_point':'FROM_STACK'", 8 },
    { VALUE_OF(trace_point), "'trace_observation_point':'FROM_OVERLAY'", 9 },
    { VALUE_OF(trace_point), "'trace_observation_point':'FROM_NETWORK'", 10 },
    { VALUE_OF(trace_point), "'trace_observation_point':'TO_NETWORK'", 11 },
    { VALUE_OF(trace_point), "'trace_observation_point':'FROM_CRYPTO'", 12 },
    { VALUE_OF(trace_point), "'trace_observation_point':'TO_CRYPTO'", 13 },
    { VALUE_OF(trace_point), "'trace_observation_point':'TO_ENDPOINT'", 101 },
    { VALUE_OF(trace_point), "'trace_observation_point':101", 101 },
    { VALUE_OF(trace_point), "'traceObservationPoint':'SOMEWHERE'", 0 },
    { VALUE_OF(trace_reason), "'trace_reason':'ESTABLISHED'", 2 },
    { VALUE_OF(trace_reason), "'trace_reason':'REPLY'", 3 },
    { VALUE_OF(trace_reason), "'trace_reason':'RELATED'", 4 },
    { VALUE_OF(trace_reason), "'trace_reason':'REOPENED'", 5 },
    { VALUE_OF(trace_reason), "'trace_reason':'SRV6_ENCAP'", 6 },
    { VALUE_OF(trace_reason), "'trace_reason':'SRV6_DECAP'", 7 },
    { VALUE_OF(trace_reason), "'trace_reason':'ENCRYPT_OVERLAY'", 8 },
    { VALUE_OF(trace_reason), "'traceReason':1", 1 },
    { VALUE_OF(auth_type), "'auth_type':'TEST_ALWAYS_FAIL'", 2 },
    { VALUE_OF(auth_type), "'auth_type':'DISABLED'", 0 },
    { VALUE_OF(sock_point), "'sock_xlate_point':'SOCK_XLATE_POINT_POST_DIRECTION_FWD'", 2 },
    { VALUE_OF(sock_point), "'sock_xlate_point':'SOCK_XLATE_POINT_PRE_DIRECTION_REV'", 3 },
    { VALUE_OF(sock_point), "'sockXlatePoint':'SOCK_XLATE_POINT_POST_DIRECTION_REV'", 4 },
    { VALUE_OF(drop_reason), "'drop_reason':133", 133 },
    { VALUE_OF(drop_reason), "'drop_reason_desc':181", 181 },
    { VALUE_OF(drop_reason), "'drop_reason':181,'drop_reason_desc':181", 181 },
    { VALUE_OF(drop_reason), "'drop_reason_desc':'POLICY_DENY','drop_reason':181", 181 },
    { VALUE_OF(drop_reason), "'dropReason':133,'dropReasonDesc':'POLICY_DENIED'", 133 },
    { VALUE_OF(drop_reason), "'drop_reason':206,'drop_reason_desc':206", 206 },
    { VALUE_OF(drop_reason), "'drop_reason':206,'drop_reason_desc':'A_NAME_OF_2030'", 206 },
    { VALUE_OF(ip_version), "'IP':{'ipVersion':'IPv4'}", 4 },
    { VALUE_OF(ip_version), "'IP':{'ipVersion':'IPv6'}", 6 },
    { VALUE_OF(ip_version), "'IP':{'ipVersion':2}", 6 },
    { VALUE_OF(ip_version), "'IP':{'ipVersion':'IP_NOT_USED'}", 0 },
};

static uint32_t
value_of(const struct flow_record *record, size_t offset, size_t size)
{
    const uint8_t *at = (const uint8_t *)record + offset;

    return size == 1   ? *at
           : size == 2 ? *(const uint16_t *)(const void *)at
                       : *(const uint32_t *)(const void *)at;
}

static void
enums_are_names_or_numbers_and_strangers_are_kept_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(enum_values); i++) {
        struct reading reading;
        const struct flow_record *record = read_flow(&reading, enum_values[i].members);
        const uint32_t value = value_of(record, enum_values[i].offset, enum_values[i].size);

        if (value != enum_values[i].value) {
            fail_msg("%s: %u is not %u", enum_values[i].members, value, enum_values[i].value);
        }
        close_reading(&reading);
    }
}

static const struct {
    uint16_t number;
    const char *name;
} drop_reasons[] = {
    { 0, "DROP_REASON_UNKNOWN" },
    { 130, "INVALID_SOURCE_MAC" },
    { 131, "INVALID_DESTINATION_MAC" },
    { 132, "INVALID_SOURCE_IP" },
    { 133, "POLICY_DENIED" },
    { 134, "INVALID_PACKET_DROPPED" },
    { 135, "CT_TRUNCATED_OR_INVALID_HEADER" },
    { 136, "CT_MISSING_TCP_ACK_FLAG" },
    { 137, "CT_UNKNOWN_L4_PROTOCOL" },
    { 138, "CT_CANNOT_CREATE_ENTRY_FROM_PACKET" },
    { 139, "UNSUPPORTED_L3_PROTOCOL" },
    { 140, "MISSED_TAIL_CALL" },
    { 141, "ERROR_WRITING_TO_PACKET" },
    { 142, "UNKNOWN_L4_PROTOCOL" },
    { 143, "UNKNOWN_ICMPV4_CODE" },
    { 144, "UNKNOWN_ICMPV4_TYPE" },
    { 145, "UNKNOWN_ICMPV6_CODE" },
    { 146, "UNKNOWN_ICMPV6_TYPE" },
    { 147, "ERROR_RETRIEVING_TUNNEL_KEY" },
    { 148, "ERROR_RETRIEVING_TUNNEL_OPTIONS" },
    { 149, "INVALID_GENEVE_OPTION" },
    { 150, "UNKNOWN_L3_TARGET_ADDRESS" },
    { 151, "STALE_OR_UNROUTABLE_IP" },
    { 152, "NO_MATCHING_LOCAL_CONTAINER_FOUND" },
    { 153, "ERROR_WHILE_CORRECTING_L3_CHECKSUM" },
    { 154, "ERROR_WHILE_CORRECTING_L4_CHECKSUM" },
    { 155, "CT_MAP_INSERTION_FAILED" },
    { 156, "INVALID_IPV6_EXTENSION_HEADER" },
    { 157, "IP_FRAGMENTATION_NOT_SUPPORTED" },
    { 158, "SERVICE_BACKEND_NOT_FOUND" },
    { 160, "NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT" },
    { 161, "FAILED_TO_INSERT_INTO_PROXYMAP" },
    { 162, "REACHED_EDT_RATE_LIMITING_DROP_HORIZON" },
    { 163, "UNKNOWN_CONNECTION_TRACKING_STATE" },
    { 164, "LOCAL_HOST_IS_UNREACHABLE" },
    { 165, "NO_CONFIGURATION_AVAILABLE_TO_PERFORM_POLICY_DECISION" },
    { 166, "UNSUPPORTED_L2_PROTOCOL" },
    { 167, "NO_MAPPING_FOR_NAT_MASQUERADE" },
    { 168, "UNSUPPORTED_PROTOCOL_FOR_NAT_MASQUERADE" },
    { 169, "FIB_LOOKUP_FAILED" },
    { 170, "ENCAPSULATION_TRAFFIC_IS_PROHIBITED" },
    { 171, "INVALID_IDENTITY" },
    { 172, "UNKNOWN_SENDER" },
    { 173, "NAT_NOT_NEEDED" },
    { 174, "IS_A_CLUSTERIP" },
    { 175, "FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND" },
    { 176, "FORBIDDEN_ICMPV6_MESSAGE" },
    { 177, "DENIED_BY_LB_SRC_RANGE_CHECK" },
    { 178, "SOCKET_LOOKUP_FAILED" },
    { 179, "SOCKET_ASSIGN_FAILED" },
    { 180, "PROXY_REDIRECTION_NOT_SUPPORTED_FOR_PROTOCOL" },
    { 181, "POLICY_DENY" },
    { 182, "VLAN_FILTERED" },
    { 183, "INVALID_VNI" },
    { 184, "INVALID_TC_BUFFER" },
    { 185, "NO_SID" },
    { 186, "MISSING_SRV6_STATE" },
    { 187, "NAT46" },
    { 188, "NAT64" },
    { 189, "AUTH_REQUIRED" },
    { 190, "CT_NO_MAP_FOUND" },
    { 191, "SNAT_NO_MAP_FOUND" },
    { 192, "INVALID_CLUSTER_ID" },
    { 193, "UNSUPPORTED_PROTOCOL_FOR_DSR_ENCAP" },
    { 194, "NO_EGRESS_GATEWAY" },
    { 195, "UNENCRYPTED_TRAFFIC" },
    { 196, "TTL_EXCEEDED" },
    { 197, "NO_NODE_ID" },
    { 198, "DROP_RATE_LIMITED" },
    { 199, "IGMP_HANDLED" },
    { 200, "IGMP_SUBSCRIBED" },
    { 201, "MULTICAST_HANDLED" },
    { 202, "DROP_HOST_NOT_READY" },
    { 203, "DROP_EP_NOT_READY" },
    { 204, "DROP_NO_EGRESS_IP" },
    { 205, "DROP_PUNT_PROXY" },
    { 207, "DROP_FRAG_NOT_FOUND_WORLD" },
};

static void
every_drop_reason_has_its_number(void **state)
{
    struct flow_buf text = { 0 };
    struct reading reading;

    (void)state;
    for (size_t i = 0; i < COUNT(drop_reasons); i++) {
        flow_buf_add_format(&text, "{'flow':{'drop_reason_desc':'%s'}}\n", drop_reasons[i].name);
    }
    flow_buf_add_char(&text, '\0');
    read_text(&reading, text.ptr);
    assert_int_equal(flow_batch_count(reading.batch), COUNT(drop_reasons));
    for (size_t i = 0; i < COUNT(drop_reasons); i++) {
        const struct flow_record *record = flow_batch_at(reading.batch, i);

        assert_int_equal(record->drop_reason, drop_reasons[i].number);
        assert_string_equal(flow_drop_reason_name(record->drop_reason), drop_reasons[i].name);
    }
    assert_null(flow_drop_reason_name(159));
    assert_null(flow_drop_reason_name(206));
    close_reading(&reading);
    flow_buf_free(&text);
}

static void
what_a_proxy_saw_of_dns_is_read_whole(void **state)
{
    struct reading reading;
    const struct flow_record *record = read_flow(
        &reading,
        "'l7':{'type':'RESPONSE','latency_ns':'18446744073709551615','dns':{"
        "'query':'licence.example.com.','ips':['198.51.100.7','2001:db8::7'],'ttl':4294967295,"
        "'cnames':['a.example.','b.example.'],'observation_source':'proxy','rcode':3,"
        "'qtypes':['A','AAAA'],'rrtypes':['CNAME','A','A']}},'Type':'L7'");
    const struct flow_l7 *l7 = record->l7;

    (void)state;
    assert_non_null(l7);
    assert_int_equal(l7->type, FLOW_L7_RESPONSE);
    assert_int_equal(l7->protocol, FLOW_L7_DNS);
    assert_true(l7->latency_ns == UINT64_MAX);
    assert_text(l7->dns_query, "licence.example.com.");
    assert_int_equal(l7->dns_ttl, UINT32_MAX);
    assert_int_equal(l7->dns_rcode, 3);
    assert_text(l7->dns_observation_source, "proxy");
    assert_int_equal(l7->dns_ips.count, 2);
    assert_text(l7->dns_ips.texts[1], "2001:db8::7");
    assert_int_equal(l7->dns_cnames.count, 2);
    assert_text(l7->dns_cnames.texts[0], "a.example.");
    assert_int_equal(l7->dns_qtypes.count, 2);
    assert_text(l7->dns_qtypes.texts[1], "AAAA");
    assert_int_equal(l7->dns_rrtypes.count, 3);
    assert_text(l7->dns_rrtypes.texts[0], "CNAME");
    assert_null(l7->http_url.ptr);
    close_reading(&reading);
}

static void
what_a_proxy_saw_of_http_is_read_whole(void **state)
{
    struct reading reading;
    const struct flow_record *record = read_flow(
        &reading,
        "'l7':{'type':'REQUEST','latency_ns':7,'http':{'code':403,'method':'GET',"
        "'url':'http://data.shared.svc/a?b=1\\u0026c=\\u003c2\\u003e','protocol':'HTTP/1.1',"
        "'headers':[{'key':'Accept','value':'*/*'},{'key':'X-Empty'},"
        "{'value':'caf\\u00e9','key':'X-Place'}]}}");
    const struct flow_l7 *l7 = record->l7;

    (void)state;
    assert_non_null(l7);
    assert_int_equal(l7->type, FLOW_L7_REQUEST);
    assert_int_equal(l7->protocol, FLOW_L7_HTTP);
    assert_int_equal(l7->latency_ns, 7);
    assert_int_equal(l7->http_code, 403);
    assert_text(l7->http_method, "GET");
    assert_text(l7->http_url, "http://data.shared.svc/a?b=1&c=<2>");
    assert_text(l7->http_protocol, "HTTP/1.1");
    assert_int_equal(l7->http_header_count, 3);
    assert_text(l7->http_headers[0].name, "Accept");
    assert_text(l7->http_headers[0].value, "*/*");
    assert_text(l7->http_headers[1].name, "X-Empty");
    assert_text(l7->http_headers[1].value, "");
    assert_text(l7->http_headers[2].name, "X-Place");
    assert_text(l7->http_headers[2].value, "caf\xc3\xa9");
    assert_null(l7->dns_query.ptr);
    close_reading(&reading);
}

static void
what_a_proxy_saw_of_kafka_is_read_whole(void **state)
{
    struct reading reading;
    const struct flow_record *record =
        read_flow(&reading, "'l7':{'type':'SAMPLE','kafka':{'error_code':-29,'api_version':5,"
                            "'api_key':'fetch','correlation_id':-2147483648,'topic':'readings'}}");
    const struct flow_l7 *l7 = record->l7;

    (void)state;
    assert_non_null(l7);
    assert_int_equal(l7->type, FLOW_L7_SAMPLE);
    assert_int_equal(l7->protocol, FLOW_L7_KAFKA);
    assert_int_equal(l7->kafka_error_code, -29);
    assert_int_equal(l7->kafka_api_version, 5);
    assert_int_equal(l7->kafka_correlation_id, INT32_MIN);
    assert_text(l7->kafka_api_key, "fetch");
    assert_text(l7->kafka_topic, "readings");
    close_reading(&reading);
}

static void
lines_that_are_no_flows_are_counted_by_their_kind(void **state)
{
    static const uint8_t kinds[] = {
        FLOW_KIND_LOST_EVENTS, FLOW_KIND_FLOW,        FLOW_KIND_NODE_STATUS, FLOW_KIND_AGENT_EVENT,
        FLOW_KIND_DEBUG_EVENT, FLOW_KIND_LOST_EVENTS, FLOW_KIND_LOST_EVENTS,
    };
    struct reading reading;

    (void)state;
    read_text(&reading,
              "{'lost_events':{'source':'HUBBLE_RING_BUFFER','num_events_lost':'3'},"
              "'node_name':'node-1','time':'2026-09-01T10:00:00Z'}\n"
              "{'flow':{'verdict':'FORWARDED'}}\n"
              "{'node_status':{'state_change':'NODE_CONNECTED','node_names':['a','b']},"
              "'node_name':'relay','time':'2026-09-01T10:00:01Z'}\n"
              "{'agent_event':{'type':'AGENT_STARTED','agent_start':{'time':"
              "'2026-09-01T10:00:00Z'}},'node_name':'node-1'}\n"
              "{'debug_event':{'type':'DBG_CT_VERDICT','source':{'ID':7},'cpu':1}}\n"
              "{'time':'2026-09-01T10:00:02Z','node_name':'node-2','lostEvents':{'source':1,"
              "'numEventsLost':18446744073709551610,'cpu':0,'first':'2026-09-01T09:00:00Z',"
              "'last':'2026-09-01T09:30:00Z'}}\n"
              "{'lost_events':{}}");
    assert_int_equal(flow_batch_problem_count(reading.batch), 0);
    assert_int_equal(flow_batch_count(reading.batch), COUNT(kinds));
    for (size_t i = 0; i < COUNT(kinds); i++) {
        assert_int_equal(flow_batch_at(reading.batch, i)->kind, kinds[i]);
        assert_int_equal(flow_batch_at(reading.batch, i)->number, i + 1);
    }
    assert_int_equal(reading.stats.records, 7);
    assert_int_equal(reading.stats.flows, 1);
    assert_int_equal(reading.stats.lost_reports, 3);
    assert_int_equal(reading.stats.lost, 18446744073709551613u);
    assert_int_equal(reading.stats.node_status, 1);
    assert_int_equal(reading.stats.agent_events, 1);
    assert_int_equal(reading.stats.debug_events, 1);
    assert_int_equal(reading.stats.damaged, 0);
    close_reading(&reading);
}

static void
a_report_of_lost_events_is_read_whole(void **state)
{
    struct reading reading;
    const struct flow_record *record;

    (void)state;
    record = read_one(&reading, "{'lost_events':{'source':'PERF_EVENT_RING_BUFFER',"
                                "'num_events_lost':'12','cpu':0,'first':'1970-01-01T00:00:01Z',"
                                "'last':'1970-01-01T00:00:02Z'},'node_name':'node-1',"
                                "'time':'1970-01-01T00:00:03Z'}");
    assert_non_null(record->lost);
    assert_int_equal(record->lost->source, 1);
    assert_int_equal(record->lost->count, 12);
    assert_int_equal(record->lost->cpu, 0);
    assert_int_equal(record->lost->first, INT64_C(1000000000));
    assert_int_equal(record->lost->last, INT64_C(2000000000));
    assert_int_equal(record->time, INT64_C(3000000000));
    assert_text(record->node_name, "node-1");
    close_reading(&reading);
    record = read_one(&reading, "{'lost_events':{'source':'OBSERVER_EVENTS_QUEUE'}}");
    assert_int_equal(record->lost->source, 2);
    assert_int_equal(record->lost->count, 0);
    assert_int_equal(record->lost->cpu, -1);
    assert_true(record->lost->first == FLOW_TIME_NONE);
    assert_true(record->lost->last == FLOW_TIME_NONE);
    assert_true(record->time == FLOW_TIME_NONE);
    close_reading(&reading);
}

static void
time_and_node_are_those_of_the_flow_or_else_of_its_envelope(void **state)
{
    static const struct {
        const char *text;
        int64_t time;
        const char *node;
    } cases[] = {
        { "{'flow':{},'node_name':'outer','time':'1970-01-01T00:00:01Z'}", 1, "outer" },
        { "{'node_name':'outer','time':'1970-01-01T00:00:01Z','flow':{}}", 1, "outer" },
        { "{'flow':{'node_name':'inner','time':'1970-01-01T00:00:02Z'}}", 2, "inner" },
        { "{'node_name':'c/same','time':'1970-01-01T00:00:02Z',"
          "'flow':{'node_name':'c/same','time':'1970-01-01T00:00:02Z'}}",
          2, "c/same" },
        { "{'time':'1970-01-01T00:00:02Z','verdict':'DROPPED','node_name':'bare'}", 2, "bare" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reading reading;
        const struct flow_record *record = read_one(&reading, cases[i].text);

        assert_int_equal(record->time, cases[i].time * INT64_C(1000000000));
        assert_text(record->node_name, cases[i].node);
        close_reading(&reading);
    }
}

static void
a_masked_flow_has_what_the_mask_left(void **state)
{
    struct reading reading;
    const struct flow_record *record = read_one(
        &reading, "{'flow':{'time':'2026-09-01T10:00:00Z','verdict':'DROPPED','IP':{"
                  "'source':'10.0.0.1','destination':'10.0.0.2'},'l4':{'TCP':{'source_port':40000,"
                  "'destination_port':8080}},'source':{'namespace':'a','pod_name':'web-0'},"
                  "'destination':{},'node_name':'n1','drop_reason_desc':'POLICY_DENIED'},"
                  "'node_name':'n1','time':'2026-09-01T10:00:00Z'}");

    (void)state;
    assert_int_equal(record->event_type, FLOW_EVENT_UNKNOWN);
    assert_int_equal(record->is_reply, FLOW_UNKNOWN);
    assert_int_equal(record->type, FLOW_TYPE_UNKNOWN);
    assert_int_equal(record->drop_reason, FLOW_DROP_POLICY_DENIED);
    assert_int_equal(record->source->identity, 0);
    assert_false(record->source->has_labels);
    assert_text(record->source->pod_name, "web-0");
    assert_int_equal(record->destination->id, 0);
    assert_int_equal(record->destination_port, 8080);
    close_reading(&reading);
}

static void
equal_ends_lists_and_labels_share_one_value(void **state)
{
    struct flow_dict *dict;
    struct reading first, second;
    const struct flow_record *a, *b;

    (void)state;
    assert_int_equal(flow_dict_new(&dict, NULL), FLOW_OK);
    read_into(&first,
              "{'flow':{'source':{'ID':1,'labels':['k8s:a=1','k8s:b=2']},"
              "'destination':{'labels':[]},'source_names':['x'],'node_name':'n'}}",
              dict);
    read_into(&second,
              "{'flow':{'destination':{'ID':1,'labels':['k8s:a=1','k8s:b=2']},"
              "'source':{'labels':['k8s:b=2','k8s:a=1','k8s:b=2']},"
              "'destination_names':['x'],'node_name':'n'}}",
              dict);
    a = flow_batch_at(first.batch, 0);
    b = flow_batch_at(second.batch, 0);
    assert_ptr_equal(a->source, b->destination);
    assert_ptr_not_equal(a->source, b->source);
    assert_int_equal(a->source->labels->id, b->source->labels->id);
    assert_int_equal(b->source->labels->count, 2);
    assert_false(a->destination->has_labels); /* an empty list is one that is left out */
    assert_int_equal(a->destination->labels->id, 0);
    assert_int_equal(a->source_names->id, b->destination_names->id);
    assert_true(a->source_names->id != 0);
    assert_int_equal(a->node, b->node);
    assert_ptr_equal(flow_reader_dict(first.reader), dict);
    close_reading(&second);
    close_reading(&first);
    flow_dict_free(dict);
}

static void
labels_are_sorted_and_split_at_the_first_signs(void **state)
{
    static const struct {
        const char *source, *key, *value;
    } wanted[] = {
        { "cidr", "10.0.0.0/8", "" }, { "cidr", "2001-db8--0/32", "" },
        { "", "app", "x" },           { "any", "app", "x:y" },
        { "k8s", "app", "x" },        { "fqdn", "*.example.com", "" },
        { "reserved", "world", "" },
    };
    struct reading reading;
    const struct flow_label_set *set =
        read_flow(&reading, "'source':{'labels':['reserved:world','k8s:app=x','fqdn:*.example.com',"
                            "'cidr:2001-db8--0/32','app=x','any:app=x:y','cidr:10.0.0.0/8',"
                            "'k8s:app=x']}")
            ->source->labels;

    (void)state;
    assert_int_equal(set->count, COUNT(wanted));
    for (size_t i = 0; i < set->count; i++) {
        bool found = false;

        for (size_t k = 0; k < COUNT(wanted); k++) {
            found |= flow_str_is(set->labels[i].source, wanted[k].source) &&
                     flow_str_is(set->labels[i].key, wanted[k].key) &&
                     flow_str_is(set->labels[i].value, wanted[k].value);
        }
        assert_true(found);
        if (i > 0) {
            const int order = flow_str_compare(set->labels[i - 1].key, set->labels[i].key);

            assert_true(order < 0 || (order == 0 && flow_str_compare(set->labels[i - 1].source,
                                                                     set->labels[i].source) <= 0));
        }
    }
    close_reading(&reading);
}

/* A text and what stands in it, all of them with uuids u1, u2, u3. */
#define WRAPPED(i) "{'flow':{'uuid':'u" #i "','verdict':'DROPPED'},'node_name':'n'}"
#define BARE(i) "{'time':'2026-09-01T10:00:00Z','uuid':'u" #i "','verdict':'DROPPED'}"
#define LATE(i) "{'node_name':'n','time':'2026-09-01T10:00:00Z','flow':{'uuid':'u" #i "'}}"
#define PRETTY(i) "{\n  'flow': {\n    'uuid': 'u" #i "',\n    'IP': {\n      }\n  }\n}"
#define PRETTY_BARE(i) "{\n  'verdict' : 'DROPPED',\n\n  'uuid' :\n 'u" #i "'\n}"
#define BOM "\xef\xbb\xbf"

static void
records_are_found_in_every_shape_of_file(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        uint64_t lines[3];
    } shapes[] = {
        { WRAPPED(1) "\n" WRAPPED(2) "\n" WRAPPED(3) "\n", 3, { 1, 2, 3 } },
        { WRAPPED(1) "\n" WRAPPED(2) "\n" WRAPPED(3), 3, { 1, 2, 3 } },
        { LATE(1) "\n" LATE(2) "\n" LATE(3) "\n", 3, { 1, 2, 3 } },
        { BARE(1) "\n" BARE(2) "\n" BARE(3) "\n", 3, { 1, 2, 3 } },
        { BARE(1) "\n" WRAPPED(2) "\n" LATE(3) "\n", 3, { 1, 2, 3 } },
        { WRAPPED(1) "\r\n" WRAPPED(2) "\r\n" WRAPPED(3) "\r\n", 3, { 1, 2, 3 } },
        { "\n\n " WRAPPED(1) " \n\t\n\r\n" WRAPPED(2) "\n\n\n" WRAPPED(3) "\n\n  ",
          3,
          { 3, 6, 9 } },
        { BOM WRAPPED(1) "\n" WRAPPED(2) "\n" WRAPPED(3) "\n", 3, { 1, 2, 3 } },
        { BOM "\r\n" WRAPPED(1) "\r\n" BARE(2) "\r\n" BARE(3), 3, { 2, 3, 4 } },
        { "[" WRAPPED(1) "," WRAPPED(2) "," WRAPPED(3) "]", 3, { 1, 1, 1 } },
        { "[" BARE(1) "," BARE(2) "," BARE(3) "]\n", 3, { 1, 1, 1 } },
        { BOM "[" BARE(1) "," BARE(2) "," BARE(3) "]\n", 3, { 1, 1, 1 } },
        { "[\n" WRAPPED(1) ",\n" WRAPPED(2) ",\n" WRAPPED(3) "\n]\n", 3, { 2, 3, 4 } },
        { "[" WRAPPED(1) "\n," WRAPPED(2) "\n , " WRAPPED(3) " ]\n\n", 3, { 1, 2, 3 } },
        { "[\r\n  " PRETTY(1) ",\r\n  " PRETTY(2) ",\r\n  " PRETTY(3) "\r\n]\r\n",
          3,
          { 2, 9, 16 } },
        { "[\n" PRETTY_BARE(1) ",\n" PRETTY_BARE(2) ",\n" PRETTY_BARE(3) "\n]", 3, { 2, 8, 14 } },
        { PRETTY(1) "\n" PRETTY(2) "\n" PRETTY(3) "\n", 3, { 1, 8, 15 } },
        { PRETTY_BARE(1) "\n" PRETTY_BARE(2) "\n\n" PRETTY_BARE(3), 3, { 1, 7, 14 } },
        { PRETTY(1) PRETTY(2) PRETTY(3), 3, { 1, 7, 13 } },
        { WRAPPED(1) WRAPPED(2) WRAPPED(3) "\n", 3, { 1, 1, 1 } },
        { BARE(1) " " BARE(2) "\t" BARE(3), 3, { 1, 1, 1 } },
        { WRAPPED(1) WRAPPED(2) "\n" WRAPPED(3) "\n", 3, { 1, 1, 2 } },
        { WRAPPED(1) "\n" PRETTY(2) "\n" WRAPPED(3) "\n", 3, { 1, 2, 9 } },
        { "[" WRAPPED(1) "," WRAPPED(2) "]\n[" WRAPPED(3) "]\n", 3, { 1, 1, 2 } },
        { "[]\n", 0, { 0 } },
        { "[\n]", 0, { 0 } },
        { "\r\n \t\n", 0, { 0 } },
        { BOM, 0, { 0 } },
        { "", 0, { 0 } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        struct reading reading;

        read_text(&reading, shapes[i].text);
        if (flow_batch_problem_count(reading.batch) > 0 ||
            flow_batch_count(reading.batch) != shapes[i].count) {
            fail_msg("%u records of:\n%s", (unsigned)flow_batch_count(reading.batch), reading.text);
        }
        for (size_t k = 0; k < shapes[i].count; k++) {
            const struct flow_record *record = flow_batch_at(reading.batch, k);
            const char uuid[] = { 'u', (char)('1' + k), '\0' };

            assert_text(record->uuid, uuid);
            assert_int_equal(record->number, k + 1);
            if (record->line != shapes[i].lines[k]) {
                fail_msg("line %u of:\n%s", (unsigned)record->line, reading.text);
            }
        }
        assert_int_equal(reading.stats.records, shapes[i].count);
        assert_int_equal(reading.stats.flows, shapes[i].count);
        assert_int_equal(reading.stats.damaged, 0);
        assert_int_equal(reading.stats.bytes_plain, strlen(shapes[i].text));
        assert_false(reading.stats.cut_short);
        close_reading(&reading);
    }
}

/* How a text is written anew without a change of what it says. */
struct rewriting {
    bool reverse;   /* members from last to first */
    bool camel;     /* sub_type is subType */
    bool pretty;    /* white space everywhere */
    bool strangers; /* every object has members that nobody knows, and nulls */
};

/* Behind the value that starts here. */
static const char *
end_of_value(const char *at)
{
    unsigned depth = 0;

    do {
        if (*at == '\'') {
            at = strchr(at + 1, '\'');
        }
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at++;
    } while (depth > 0 || strchr(",}]", *at) == NULL);
    return at;
}

static void
write_key(struct flow_buf *out, const char *at, const char *end, const struct rewriting *how)
{
    for (bool raise = false; at < end; at++) {
        if (how->camel && *at == '_') {
            raise = true;
            continue;
        }
        flow_buf_add_char(out, raise ? (char)(*at & ~0x20) : *at);
        raise = false;
    }
    flow_buf_add_text(out, how->pretty ? " :\n\t" : ":");
}

static void
rewrite(struct flow_buf *out, const char *at, const char *end, const struct rewriting *how)
{
    const char *members[MEMBERS_MAX];
    const bool object = *at == '{';
    size_t count = 0;

    if (!object && *at != '[') {
        flow_buf_add(out, at, (size_t)(end - at));
        return;
    }
    for (const char *next = at + 1; *next != '}' && *next != ']';) {
        assert_true(count < MEMBERS_MAX);
        members[count++] = next;
        next = end_of_value(object ? strchr(next, ':') + 1 : next);
        next += *next == ',' ? 1 : 0;
    }
    flow_buf_add_char(out, *at);
    if (object && how->strangers) {
        flow_buf_add_text(out, "'strange':{'verdict':['}',{'IP':'x'}]},'unknown_thing':null,"
                               "'more\\u0020':-1.5e3");
        flow_buf_add_text(out, count > 0 ? "," : "");
    }
    for (size_t i = 0; i < count; i++) {
        const char *member = members[how->reverse && object ? count - 1 - i : i];
        const char *value = object ? strchr(member, ':') + 1 : member;

        flow_buf_add_text(out, i > 0 ? "," : "");
        flow_buf_add_text(out, how->pretty ? "\n  " : "");
        if (object) {
            write_key(out, member, value - 1, how);
        }
        rewrite(out, value, end_of_value(value), how);
    }
    flow_buf_add_text(out, how->pretty ? " \n" : "");
    flow_buf_add_char(out, object ? '}' : ']');
}

static void
write_text(struct flow_buf *out, struct flow_str text)
{
    flow_buf_add_format(out, "\"%.*s\" ", (int)text.len, text.ptr != NULL ? text.ptr : "");
}

static void
write_list(struct flow_buf *out, const struct flow_text_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        write_text(out, list->texts[i]);
    }
    flow_buf_add_text(out, "; ");
}

static void
write_address(struct flow_buf *out, const struct flow_address *address)
{
    char text[FLOW_ADDRESS_TEXT_MAX];

    flow_buf_add_format(out, "%s ", flow_address_format(address, text));
}

static void
write_endpoint(struct flow_buf *out, const struct flow_endpoint *end)
{
    flow_buf_add_format(out, "%u %u %d ", end->local_id, end->identity, end->has_labels);
    write_text(out, end->namespace_name);
    write_text(out, end->pod_name);
    write_text(out, end->cluster_name);
    write_text(out, end->workload_name);
    write_text(out, end->workload_kind);
    for (uint32_t i = 0; i < end->labels->count; i++) {
        write_text(out, end->labels->labels[i].source);
        write_text(out, end->labels->labels[i].key);
        write_text(out, end->labels->labels[i].value);
    }
}

static void
write_policies(struct flow_buf *out, const struct flow_policy_ref_list *list)
{
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        write_text(out, list->refs[i].kind);
        write_text(out, list->refs[i].namespace_name);
        write_text(out, list->refs[i].name);
        flow_buf_add_format(out, "%llu ", (unsigned long long)list->refs[i].revision);
    }
}

static void
write_l7(struct flow_buf *out, const struct flow_l7 *l7)
{
    flow_buf_add_format(out, "%u %u %llu %u %u %u %d %d %d ", l7->type, l7->protocol,
                        (unsigned long long)l7->latency_ns, l7->dns_ttl, l7->dns_rcode,
                        l7->http_code, l7->kafka_error_code, l7->kafka_api_version,
                        l7->kafka_correlation_id);
    write_text(out, l7->dns_query);
    write_text(out, l7->dns_observation_source);
    write_list(out, &l7->dns_ips);
    write_list(out, &l7->dns_cnames);
    write_list(out, &l7->dns_qtypes);
    write_list(out, &l7->dns_rrtypes);
    write_text(out, l7->http_method);
    write_text(out, l7->http_url);
    write_text(out, l7->http_protocol);
    for (uint32_t i = 0; i < l7->http_header_count; i++) {
        write_text(out, l7->http_headers[i].name);
        write_text(out, l7->http_headers[i].value);
    }
    write_text(out, l7->kafka_api_key);
    write_text(out, l7->kafka_topic);
}

/* All that a record says, apart from where it stood. */
static void
write_record(struct flow_buf *out, const struct flow_record *r)
{
    flow_buf_add_format(out, "%u %lld ", r->kind, (long long)r->time);
    write_text(out, r->uuid);
    write_text(out, r->node_name);
    flow_buf_add_format(out, "%u %u %u %u %u %d %d %u %u %u %u %u %u ", r->verdict, r->drop_reason,
                        r->type, r->direction, r->is_reply, r->event_type, r->event_subtype,
                        r->trace_point, r->trace_reason, r->auth_type, r->sock_point,
                        r->policy_match_type, r->proxy_port);
    flow_buf_add_format(out, "%u %d %u %d %u %u %u %u %u %u %u %u %d ", r->ip_version, r->encrypted,
                        r->protocol, r->has_ports, r->source_port, r->destination_port,
                        r->tcp_flags, r->icmp_type, r->icmp_code, r->aggregate[0], r->aggregate[1],
                        r->aggregate[2], r->tunnelled);
    write_address(out, &r->source_address);
    write_address(out, &r->destination_address);
    write_address(out, &r->source_translated);
    write_endpoint(out, r->source);
    write_endpoint(out, r->destination);
    write_list(out, r->source_names);
    write_list(out, r->destination_names);
    for (unsigned i = 0; i < 2; i++) {
        const struct flow_service_ref *service =
            i == 0 ? r->source_service : r->destination_service;

        write_text(out, service != NULL ? service->namespace_name : FLOW_STR("none"));
        write_text(out, service != NULL ? service->name : FLOW_STR("none"));
        write_policies(out, r->allowed_by[i]);
        write_policies(out, r->denied_by[i]);
    }
    if (r->l7 != NULL) {
        write_l7(out, r->l7);
    }
    if (r->lost != NULL) {
        flow_buf_add_format(out, "%u %llu %d %lld %lld", r->lost->source,
                            (unsigned long long)r->lost->count, r->lost->cpu,
                            (long long)r->lost->first, (long long)r->lost->last);
    }
    flow_buf_add_char(out, '\0');
}

static void
order_spelling_space_and_strangers_change_nothing(void **state)
{
    static const char *const texts[] = {
        WHOLE,
        "{'flow':{'l7':{'type':'RESPONSE','latency_ns':'5','dns':{'query':'a.example.','ips':["
        "'192.0.2.1'],'ttl':30,'cnames':['b.'],'observation_source':'agent','rcode':2,"
        "'qtypes':['A'],'rrtypes':['A']}},'event_type':{'type':129},'is_reply':true}}",
        "{'flow':{'l7':{'type':'REQUEST','http':{'code':200,'method':'PUT','url':'/x','protocol':"
        "'HTTP/2','headers':[{'key':'a','value':'b'}]}}},'node_name':'n'}",
        "{'flow':{'l7':{'type':'REQUEST','kafka':{'error_code':1,'api_version':2,'api_key':'k',"
        "'correlation_id':3,'topic':'t'}}}}",
        "{'lost_events':{'source':'HUBBLE_RING_BUFFER','num_events_lost':'3','cpu':2,"
        "'first':'2026-09-01T10:00:00Z','last':'2026-09-01T10:00:01Z'},'node_name':'n'}",
        "{'time':'2026-09-01T10:00:00Z','verdict':'AUDIT','l4':{'SCTP':{'source_port':1,"
        "'destination_port':2}},'IP':{'source':'::1','source_xlated':'::2'},'is_reply':false}",
        "{'flow':{'l4':{'ICMPv6':{'type':128,'code':1}},'source':{'pod_name':'p','cluster_name':"
        "'c','workloads':[{'name':'w','kind':'Job'}]}}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct flow_buf wanted = { 0 };
        struct reading reading;

        write_record(&wanted, read_one(&reading, texts[i]));
        close_reading(&reading);
        for (unsigned bits = 1; bits < 16; bits++) {
            const struct rewriting how = { bits & 1, bits & 2, bits & 4, bits & 8 };
            struct flow_buf text = { 0 }, found = { 0 };

            rewrite(&text, texts[i], texts[i] + strlen(texts[i]), &how);
            flow_buf_add_char(&text, '\0');
            write_record(&found, read_one(&reading, text.ptr));
            assert_string_equal(found.ptr, wanted.ptr);
            close_reading(&reading);
            flow_buf_free(&text);
            flow_buf_free(&found);
        }
        flow_buf_free(&wanted);
    }
}

static void
a_member_of_the_wrong_type_or_size_costs_its_record_alone(void **state)
{
    static const struct {
        const char *members;
        uint32_t column;
    } bad[] = {
        { "'verdict':[]", 20 },
        { "'verdict':true", 20 },
        { "'time':7", 17 },
        { "'time':'yesterday'", 17 },
        { "'time':''", 17 },
        { "'source':5", 19 },
        { "'source':'x'", 19 },
        { "'source':[]", 19 },
        { "'source':{'labels':{}}", 29 },
        { "'source':{'labels':[1]}", 30 },
        { "'source':{'ID':-1}", 25 },
        { "'source':{'ID':4294967296}", 25 },
        { "'source':{'identity':'x'}", 31 },
        { "'source_names':'x'", 25 },
        { "'source_names':[{}]", 26 },
        { "'IP':[]", 15 },
        { "'IP':{'source':7}", 25 },
        { "'l4':7", 15 },
        { "'l4':{'TCP':[]}", 22 },
        { "'l4':{'TCP':{'source_port':65536}}", 37 },
        { "'l4':{'TCP':{'source_port':-1}}", 37 },
        { "'l4':{'TCP':{'source_port':80.5}}", 37 },
        { "'l4':{'UDP':{'source_port':'x'}}", 37 },
        { "'l4':{'ICMPv4':{'type':256}}", 33 },
        { "'l4':{'TCP':{'flags':{'SYN':1}}}", 38 },
        { "'event_type':5", 23 },
        { "'event_type':{'type':2147483648}", 31 },
        { "'is_reply':1", 21 },
        { "'is_reply':'true'", 21 },
        { "'uuid':7", 17 },
        { "'node_name':{}", 22 },
        { "'l7':[]", 15 },
        { "'l7':{'dns':7}", 22 },
        { "'l7':{'latency_ns':'-1'}", 29 },
        { "'egress_allowed_by':{}", 30 },
        { "'egress_allowed_by':[7]", 31 },
        { "'source_service':'x'", 27 },
        { "'aggregate':{'ingress_flow_count':-1}", 44 },
        { "'unknown':01", 21 },
        { "'unknown':}", 20 },
        { "'unknown':'\\x'", 21 },
        { "'verdict' 'DROPPED'", 20 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct flow_error *problem;
        struct reading reading;
        char text[600];

        snprintf(text, sizeof(text), WRAPPED(1) "\n{'flow':{%s}}\n" WRAPPED(3) "\n",
                 bad[i].members);
        read_text(&reading, text);
        if (flow_batch_problem_count(reading.batch) != 1 || flow_batch_count(reading.batch) != 2) {
            fail_msg("%s: %u records and %u problems", bad[i].members,
                     (unsigned)flow_batch_count(reading.batch),
                     (unsigned)flow_batch_problem_count(reading.batch));
        }
        problem = flow_batch_problem_at(reading.batch, 0);
        assert_int_equal(problem->status, FLOW_E_PARSE);
        assert_string_equal(problem->input, "<memory>");
        assert_int_equal(problem->line, 2);
        assert_int_equal(problem->offset, strlen(WRAPPED(1)) + problem->column);
        if (problem->column != bad[i].column) {
            fail_msg("%s: column %u, not %u: %s", bad[i].members, problem->column, bad[i].column,
                     problem->message);
        }
        assert_text(flow_batch_at(reading.batch, 0)->uuid, "u1");
        assert_text(flow_batch_at(reading.batch, 1)->uuid, "u3");
        assert_int_equal(flow_batch_at(reading.batch, 1)->number, 3);
        assert_int_equal(reading.stats.damaged, 1);
        assert_int_equal(reading.stats.records, 2);
        close_reading(&reading);
    }
}

/* What is remembered from record to record is taken only where the bytes are the same. */
static void
what_came_before_is_not_mistaken_for_what_comes(void **state)
{
    /* ends that share their first bytes, whole or cut, and members that are nearly the ones before
     */
    static const char *const lines[] = {
        "{'flow':{'source':{'ID':1,'identity':1001,'namespace':'aaaaaaaaaaaaaaaaaaaa','pod_name':'"
        "one'"
        "},'emitter':{'name':'Hubble'},'node_labels':['a=b'],'time':'2026-09-01T10:00:00Z'},"
        "'time':'2026-09-01T10:00:00Z'}",
        "{'flow':{'source':{'ID':1,'identity':1001,'namespace':'aaaaaaaaaaaaaaaaaaaa','pod_name':'"
        "two'"
        "},'emitter':{'name':'Hubble'} ,'node_labels':['a=b','c'],'time':'2026-09-01T10:00:01Z'},"
        "'time':'2026-09-01T10:00:02Z'}",
        "{'flow':{'source':{'ID':1,'identity':1001,'namespace':'aaaaaaaaaaaaaaaaaaaa','pod_name':'"
        "one'"
        ",'cluster_name':'c'},'emitter':'Hubble','node_labels':null,'time':'2026-09-01T10:00:00Z'}"
        "}",
        "{'flow':{'source':{'ID':1,'identity':1001,'namespace':'aaaaaaaaaaaaaaaaaaaa','pod_name':'"
        "one'"
        "}},'time':'2026-09-01T10:00:03Z'}",
    };
    static const char *const pods[] = { "one", "two", "one", "one" };
    static const int64_t seconds[] = { 0, 1, 0, 3 };
    const struct flow_record *first, *record;
    struct reading reading;
    char text[2000] = "";

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        strcat(strcat(text, lines[i]), "\n");
    }
    read_text(&reading, text);
    assert_int_equal(flow_batch_problem_count(reading.batch), 0);
    assert_int_equal(flow_batch_count(reading.batch), COUNT(lines));
    first = flow_batch_at(reading.batch, 0);
    for (size_t i = 0; i < COUNT(lines); i++) {
        record = flow_batch_at(reading.batch, i);
        assert_int_equal(record->source->pod_name.len, 3);
        assert_memory_equal(record->source->pod_name.ptr, pods[i], 3);
        assert_int_equal(record->time - first->time, seconds[i] * 1000000000);
        assert_int_equal(record->source->cluster_name.len, i == 2 ? 1 : 0);
    }
    assert_ptr_equal(flow_batch_at(reading.batch, 3)->source, first->source);
    close_reading(&reading);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_event_of_a_flow_is_read_whole),
        cmocka_unit_test(the_packet_of_a_flow_is_read_and_not_its_tunnel),
        cmocka_unit_test(the_ends_of_a_flow_are_read_whole),
        cmocka_unit_test(names_services_and_policies_of_a_flow_are_read_whole),
        cmocka_unit_test(what_a_flow_does_not_have_is_absent_and_not_zero),
        cmocka_unit_test(is_reply_has_three_values),
        cmocka_unit_test(transports_are_told_apart),
        cmocka_unit_test(addresses_of_both_families_are_read),
        cmocka_unit_test(enums_are_names_or_numbers_and_strangers_are_kept_apart),
        cmocka_unit_test(every_drop_reason_has_its_number),
        cmocka_unit_test(what_a_proxy_saw_of_dns_is_read_whole),
        cmocka_unit_test(what_a_proxy_saw_of_http_is_read_whole),
        cmocka_unit_test(what_a_proxy_saw_of_kafka_is_read_whole),
        cmocka_unit_test(lines_that_are_no_flows_are_counted_by_their_kind),
        cmocka_unit_test(a_report_of_lost_events_is_read_whole),
        cmocka_unit_test(time_and_node_are_those_of_the_flow_or_else_of_its_envelope),
        cmocka_unit_test(a_masked_flow_has_what_the_mask_left),
        cmocka_unit_test(equal_ends_lists_and_labels_share_one_value),
        cmocka_unit_test(labels_are_sorted_and_split_at_the_first_signs),
        cmocka_unit_test(records_are_found_in_every_shape_of_file),
        cmocka_unit_test(order_spelling_space_and_strangers_change_nothing),
        cmocka_unit_test(a_member_of_the_wrong_type_or_size_costs_its_record_alone),
        cmocka_unit_test(what_came_before_is_not_mistaken_for_what_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
