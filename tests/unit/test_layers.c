/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers: what each vendor's file becomes, what it says of a connection, and which files are
 * refused where. A question and its answer are one line each, so that tables can hold them:
 * "10.0.0.1 192.0.2.7 tcp/443" and "out deny group/rule:line", a maybe with its facts behind it.
 * In the texts of files ' stands for ".
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
#include "intent/layers.h"
#include "manifest/notes.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define MEMBERS_MAX 8
#define VARIABLES_MAX 16

/* A layer and what it was made with. */
struct fixture {
    struct flow_arena arena;
    struct flow_notes notes;
    struct flow_error err;
    struct flow_layer layer;
    struct flow_layer_member members[MEMBERS_MAX];
    struct flow_cidr cidrs[MEMBERS_MAX];
    struct flow_layer_variable variables[VARIABLES_MAX];
    const char *const *outer; /* the intent's variables */
    size_t outer_count;
};

static void
set_up(struct fixture *fixture, uint8_t type)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->layer.type = type;
    fixture->layer.file = "cloud.json";
    fixture->layer.members = fixture->members;
    fixture->layer.variables = fixture->variables;
}

static void
tear_down(struct fixture *fixture)
{
    flow_notes_free(&fixture->notes);
    flow_arena_free(&fixture->arena);
}

static void
add_member(struct fixture *fixture, const char *group, const char *cidr)
{
    const size_t at = fixture->layer.member_count++;

    assert_true(at < MEMBERS_MAX);
    assert_int_equal(flow_cidr_parse(&fixture->cidrs[at], flow_str_of(cidr), NULL), FLOW_OK);
    fixture->members[at] = (struct flow_layer_member){
        .group = flow_str_of(group),
        .cidrs = &fixture->cidrs[at],
        .cidr_count = 1,
        .line = 10 + (uint32_t)at,
        .column = 5,
    };
}

static void
add_variable(struct fixture *fixture, const char *name, const char *value)
{
    const size_t at = fixture->layer.variable_count++;

    assert_true(at < VARIABLES_MAX);
    fixture->variables[at] = (struct flow_layer_variable){ flow_str_of(name), flow_str_of(value) };
}

static struct flow_fields_context
context_of(struct fixture *fixture, const char *file)
{
    return (struct flow_fields_context){
        .file = file,
        .arena = &fixture->arena,
        .notes = &fixture->notes,
        .variables = fixture->outer,
        .variable_count = fixture->outer_count,
        .err = &fixture->err,
    };
}

/* Reads all documents of a text into the layer, each tree gone before the next. */
static bool
read_documents(struct fixture *fixture, struct flow_str text)
{
    struct flow_fields_context context = context_of(fixture, fixture->layer.file);
    struct flow_document_reader *reader;
    struct flow_arena arena = { 0 };
    const struct flow_node *root;
    bool ok = true;
    int rc;

    assert_int_equal(
        flow_document_reader_open(&reader, fixture->layer.file, text, NULL, &fixture->err),
        FLOW_OK);
    while (ok &&
           (rc = flow_document_reader_next(reader, &arena, &root, &fixture->err)) != FLOW_END) {
        assert_int_equal(rc, FLOW_OK);
        ok = root == NULL || flow_layer_read(&context, root, &fixture->layer);
        flow_arena_free(&arena);
    }
    flow_arena_free(&arena);
    flow_document_reader_close(reader);
    return ok;
}

/* A text with ' for ". */
static bool
read_text(struct fixture *fixture, const char *text)
{
    const size_t len = strlen(text);
    char *copy = malloc(len + 1);
    bool ok;

    assert_non_null(copy);
    for (size_t i = 0; i <= len; i++) {
        copy[i] = text[i] == '\'' ? '"' : text[i];
    }
    ok = read_documents(fixture, (struct flow_str){ copy, len });
    free(copy);
    return ok;
}

static void
must_read(struct fixture *fixture, const char *text)
{
    char line[512];

    if (!read_text(fixture, text)) {
        flow_error_format(&fixture->err, line, sizeof(line));
        fail_msg("%s\n%s", line, text);
    }
}

static uint8_t
protocol_of(const char *name)
{
    static const struct {
        const char *name;
        uint8_t protocol;
    } names[] = {
        { "tcp", FLOW_PROTOCOL_TCP },       { "udp", FLOW_PROTOCOL_UDP },
        { "sctp", FLOW_PROTOCOL_SCTP },     { "icmp", FLOW_PROTOCOL_ICMPV4 },
        { "icmpv6", FLOW_PROTOCOL_ICMPV6 }, { "vrrp", FLOW_PROTOCOL_VRRP },
        { "igmp", FLOW_PROTOCOL_IGMP },     { "?", FLOW_PROTOCOL_UNKNOWN },
    };

    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(name, names[i].name) == 0) {
            return names[i].protocol;
        }
    }
    fail_msg("no protocol %s", name);
    return 0;
}

/* "SOURCE DESTINATION PROTOCOL[/PORT]"; "-" is an address that is not known. */
static struct flow_layer_question
question_of(const char *text)
{
    struct flow_layer_question question = { .has_port = false };
    char source[64], destination[64], protocol[16];
    unsigned port = 0;

    question.has_port =
        sscanf(text, "%63s %63s %15[^/]/%u", source, destination, protocol, &port) == 4;
    question.port = (uint16_t)port;
    question.protocol = protocol_of(protocol);
    if (strcmp(source, "-") != 0) {
        assert_int_equal(flow_address_parse(&question.source, flow_str_of(source), NULL), FLOW_OK);
    }
    if (strcmp(destination, "-") != 0) {
        assert_int_equal(flow_address_parse(&question.destination, flow_str_of(destination), NULL),
                         FLOW_OK);
    }
    return question;
}

static void
answer_text(const struct fixture *fixture, const char *question_text, char *text, size_t size)
{
    static const char *const truths[] = { "deny", "maybe", "allow" };
    const struct flow_layer_question question = question_of(question_text);
    const struct flow_layer_answer answer = flow_layer_ask(&fixture->layer, &question);
    struct flow_buf buf = { 0 };

    if (!answer.applies) {
        flow_buf_add_text(&buf, "-");
    } else {
        assert_string_equal(answer.file, fixture->layer.file);
        flow_buf_add_format(&buf, "%s %s ",
                            answer.direction == FLOW_DIRECTION_EGRESS ? "out" : "in",
                            truths[answer.allowed.truth]);
        flow_buf_add_str(&buf, answer.group);
        flow_buf_add_char(&buf, '/');
        flow_buf_add_str(&buf, answer.rule);
        flow_buf_add_format(&buf, ":%u", answer.line);
    }
    assert_true(answer.allowed.truth == FLOW_MAYBE || answer.allowed.why == 0);
    for (unsigned i = 0; i < FLOW_UNDECIDED_COUNT; i++) {
        if ((answer.allowed.why >> i & 1u) != 0) {
            flow_buf_add_format(&buf, " %s", flow_undecided_name(i));
        }
    }
    snprintf(text, size, "%.*s", (int)buf.len, buf.ptr);
    flow_buf_free(&buf);
}

struct expected {
    const char *question, *answer;
};

static void
check(const struct fixture *fixture, const struct expected *expected, size_t count)
{
    char text[512];

    for (size_t i = 0; i < count; i++) {
        answer_text(fixture, expected[i].question, text, sizeof(text));
        if (strcmp(text, expected[i].answer) != 0) {
            fail_msg("%s\n  expected %s\n  found    %s", expected[i].question, expected[i].answer,
                     text);
        }
    }
}

/* -------- AWS */

static const char aws[] =
    "{'SecurityGroups': [\n"
    "{'GroupId': 'sg-web', 'GroupName': 'web', 'VpcId': 'vpc-1', 'Tags': [{'Key': 'a'}],\n"
    " 'IpPermissions': [\n"
    "  {'IpProtocol': 'tcp', 'FromPort': 80, 'ToPort': 81, 'PrefixListIds': [],\n"
    "   'UserIdGroupPairs': [], 'Ipv6Ranges': [{'CidrIpv6': '2001:db8::/32'}],\n"
    "   'IpRanges': [{'CidrIp': '192.0.2.0/24', 'Description': 'office'}]},\n"
    "  {'IpProtocol': 'icmp', 'FromPort': 8, 'ToPort': -1, 'IpRanges': [{'CidrIp': "
    "'0.0.0.0/0'}]},\n"
    "  {'IpProtocol': 'icmp', 'FromPort': 3, 'ToPort': 4, 'IpRanges': [{'CidrIp': '0.0.0.0/0'}]},\n"
    "  {'IpProtocol': 'icmpv6', 'FromPort': -1, 'ToPort': -1,\n"
    "   'Ipv6Ranges': [{'CidrIpv6': '::/0'}]},\n"
    "  {'IpProtocol': '132', 'FromPort': 5, 'ToPort': 5, 'IpRanges': [{'CidrIp': '0.0.0.0/0'}]}],\n"
    " 'IpPermissionsEgress': [\n"
    "  {'IpProtocol': '-1', 'UserIdGroupPairs': [{'GroupId': 'sg-db', 'UserId': '1'}]},\n"
    "  {'IpProtocol': '6', 'FromPort': 443, 'ToPort': 443, 'PrefixListIds':\n"
    "   [{'PrefixListId': 'pl-known'}]},\n"
    "  {'IpProtocol': 'tcp', 'FromPort': 444, 'ToPort': 444, 'PrefixListIds':\n"
    "   [{'PrefixListId': 'pl-other'}]},\n"
    "  {'IpProtocol': 'udp', 'FromPort': 53, 'ToPort': 53,\n"
    "   'UserIdGroupPairs': [{'GroupId': 'sg-elsewhere'}]}]},\n"
    "{'GroupId': 'sg-db', 'GroupName': 'db', 'IpPermissions': [\n"
    "  {'IpProtocol': 'tcp', 'FromPort': 5432, 'ToPort': 5432,\n"
    "   'UserIdGroupPairs': [{'GroupId': 'sg-web'}]}], 'IpPermissionsEgress': []},\n"
    "{'GroupId': 'sg-extra', 'GroupName': 'extra', 'IpPermissions': [\n"
    "  {'IpProtocol': 'tcp', 'FromPort': 22, 'ToPort': 22, 'IpRanges': [{'CidrIp': "
    "'192.0.2.0/24'}]}]}\n"
    "]}\n";

static void
aws_fixture(struct fixture *fixture)
{
    set_up(fixture, FLOW_LAYER_AWS);
    add_member(fixture, "web", "10.0.1.0/24"); /* by name, while rules go by id */
    add_member(fixture, "web", "2001:db8:1::/64");
    add_member(fixture, "sg-db", "10.0.2.0/24");
    add_member(fixture, "sg-extra", "10.0.1.7");
    add_member(fixture, "sg-missing", "10.0.3.0/24");
    add_variable(fixture, "pl-known", "198.51.100.0/25, 198.51.100.128/25");
    must_read(fixture, aws);
}

static void
aws_rules_only_allow_and_what_none_matches_is_denied(void **state)
{
    static const struct expected expected[] = {
        { "192.0.2.9 10.0.1.1 tcp/80", "in allow web/IpPermissions[0]:4" },
        { "192.0.2.9 10.0.1.1 tcp/81", "in allow web/IpPermissions[0]:4" },
        { "192.0.2.9 10.0.1.1 tcp/82", "in deny web/:2" },
        { "192.0.3.9 10.0.1.1 tcp/80", "in deny web/:2" },
        { "192.0.2.9 10.0.1.1 udp/80", "in deny web/:2" },
        { "2001:db8::1 2001:db8:1::1 tcp/80", "in allow web/IpPermissions[0]:4" },
        { "2001:db9::1 2001:db8:1::1 tcp/80", "in deny web/:2" },
        { "10.0.2.1 192.0.2.9 tcp/443", "out deny db/:20" },
        { "192.0.2.9 192.0.2.10 tcp/80", "-" },
        { "- - tcp/80", "-" },
    };
    struct fixture fixture;

    (void)state;
    aws_fixture(&fixture);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
aws_icmp_rules_go_by_type_and_a_code_is_not_known(void **state)
{
    static const struct expected expected[] = {
        { "192.0.2.9 10.0.1.1 icmp/8", "in allow web/IpPermissions[1]:7" },
        { "192.0.2.9 10.0.1.1 icmp/0", "in deny web/:2" },
        { "192.0.2.9 10.0.1.1 icmp/3", "in maybe web/IpPermissions[2]:8 unmodelled" },
        { "192.0.2.9 10.0.1.1 icmp", "in maybe web/IpPermissions[1]:7 unmodelled no-port" },
        { "2001:db8::1 2001:db8:1::1 icmpv6/128", "in allow web/IpPermissions[3]:9" },
        { "192.0.2.9 10.0.1.1 icmpv6/8", "in deny web/:2" },
    };
    struct fixture fixture;

    (void)state;
    aws_fixture(&fixture);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
aws_ports_count_with_the_named_protocols_alone(void **state)
{
    static const struct expected expected[] = {
        { "192.0.2.9 10.0.1.1 sctp/6", "in allow web/IpPermissions[4]:11" },
        { "192.0.2.9 10.0.1.1 sctp", "in allow web/IpPermissions[4]:11" },
        { "10.0.1.1 198.51.100.1 tcp/443", "out allow web/IpPermissionsEgress[1]:14" },
    };
    struct fixture fixture;

    (void)state;
    aws_fixture(&fixture);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
aws_without_protocol_or_port_the_rules_that_ask_for_one_are_open(void **state)
{
    static const struct expected expected[] = {
        { "192.0.2.9 10.0.1.1 tcp", "in maybe web/IpPermissions[0]:4 no-port" },
        { "192.0.3.9 10.0.1.1 tcp", "in deny web/:2" },
        { "192.0.2.9 10.0.2.1 ?", "in deny db/:20" },
        { "10.0.1.1 10.0.2.1 ?", "in maybe db/IpPermissions[0]:21 no-port" },
        { "- 10.0.1.1 tcp/80", "in maybe web/IpPermissions[0]:4 no-labels" },
        { "- 10.0.1.1 tcp/79", "in deny web/:2" },
    };
    struct fixture fixture;

    (void)state;
    aws_fixture(&fixture);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
aws_groups_as_peers_hold_what_their_members_hold(void **state)
{
    static const struct expected expected[] = {
        { "10.0.1.1 10.0.2.1 tcp/5432", "out allow web/IpPermissionsEgress[0]:13" },
        { "192.0.2.9 10.0.2.1 tcp/5432", "in deny db/:20" },
        { "10.0.1.1 10.0.2.1 tcp/5433", "in deny db/:20" },
        { "10.0.1.1 192.0.2.9 udp/53", "out maybe web/IpPermissionsEgress[3]:18 inventory" },
        { "10.0.1.1 192.0.2.9 udp/54", "out deny web/:2" },
    };
    struct fixture fixture;

    (void)state;
    aws_fixture(&fixture);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
aws_prefix_lists_are_open_unless_a_variable_has_them(void **state)
{
    static const struct expected expected[] = {
        { "10.0.1.1 198.51.100.200 tcp/443", "out allow web/IpPermissionsEgress[1]:14" },
        { "10.0.1.1 198.51.101.1 tcp/443", "out deny web/:2" },
        { "10.0.1.1 198.51.101.1 tcp/444", "out maybe web/IpPermissionsEgress[2]:16 inventory" },
    };
    struct fixture fixture;

    (void)state;
    aws_fixture(&fixture);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
aws_groups_of_one_address_are_united(void **state)
{
    static const struct expected expected[] = {
        { "192.0.2.9 10.0.1.7 tcp/80", "in allow web/IpPermissions[0]:4" },
        { "192.0.2.9 10.0.1.7 tcp/22", "in allow extra/IpPermissions[0]:24" },
        { "192.0.2.9 10.0.1.1 tcp/22", "in deny web/:2" },
        { "192.0.2.9 10.0.1.7 tcp/23", "in deny web/:2" },
        { "192.0.2.9 10.0.1.7 icmp/3", "in maybe web/IpPermissions[2]:8 unmodelled" },
    };
    struct fixture fixture;

    (void)state;
    aws_fixture(&fixture);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
aws_does_not_filter_the_link_local_services(void **state)
{
    static const struct expected expected[] = {
        { "10.0.2.1 169.254.169.254 tcp/80", "out allow db/:20" },
        { "10.0.2.1 169.255.0.1 tcp/80", "out deny db/:20" },
        { "2001:db8:1::1 fd00:ec2::254 tcp/80", "out allow web/:2" },
        { "2001:db8:1::1 fd00:ec3::254 tcp/80", "out deny web/:2" },
    };
    struct fixture fixture;

    (void)state;
    aws_fixture(&fixture);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
a_group_that_is_not_in_the_file_leaves_it_open_and_is_warned_of(void **state)
{
    static const struct expected expected[] = {
        { "192.0.2.9 10.0.3.1 tcp/80", "in maybe sg-missing/:0 inventory" },
        { "10.0.2.1 10.0.3.1 tcp/80", "out deny db/:20" },
        { "10.0.3.1 10.0.2.1 tcp/80", "in deny db/:20" },
    };
    struct fixture fixture;
    struct flow_fields_context context;
    const struct flow_note *note;

    (void)state;
    aws_fixture(&fixture);
    check(&fixture, expected, COUNT(expected));
    context = context_of(&fixture, "intent.yaml");
    flow_layer_check_members(&context, &fixture.layer);
    assert_int_equal(fixture.notes.count, 1);
    note = &fixture.notes.notes[0];
    assert_int_equal(note->level, FLOW_NOTE_WARNING);
    assert_string_equal(note->error.input, "intent.yaml");
    assert_int_equal(note->error.line, 14);
    assert_int_equal(note->error.column, 5);
    assert_string_equal(note->error.message,
                        "group \"sg-missing\" is not in cloud.json: what it allows is not known");
    tear_down(&fixture);
}

static void
aws_lists_alone_and_several_documents_are_one_layer(void **state)
{
    static const struct expected expected[] = {
        { "192.0.2.9 10.0.0.1 tcp/1", "in allow a/IpPermissions[0]:1" },
        { "192.0.2.9 10.0.0.1 tcp/2", "in allow a/IpPermissions[0]:2" },
        { "192.0.2.9 10.0.0.1 tcp/3", "in deny a/:1" },
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture, FLOW_LAYER_AWS);
    add_member(&fixture, "a", "10.0.0.1");
    must_read(&fixture, "[{'GroupName':'a','IpPermissions':[{'IpProtocol':'tcp','FromPort':1,"
                        "'ToPort':1,'IpRanges':[{'CidrIp':'0.0.0.0/0'}]}]}]\n"
                        "{'SecurityGroups':[{'GroupName':'a','IpPermissions':[{'IpProtocol':'tcp',"
                        "'FromPort':2,'ToPort':2,'IpRanges':[{'CidrIp':'0.0.0.0/0'}]}]}]}\n");
    assert_int_equal(fixture.layer.group_count, 1);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
aws_placeholders_take_the_layers_values_and_else_are_open(void **state)
{
    static const char text[] =
        "{'SecurityGroups':[{'GroupId':'${sg.id}','IpPermissions':[\n"
        "{'IpProtocol':'tcp','FromPort':1,'ToPort':1,'IpRanges':[{'CidrIp':'${vpc[\\'a\\'].cidr}'}]"
        "},\n"
        "{'IpProtocol':'tcp','FromPort':2,'ToPort':2,'IpRanges':[{'CidrIp':'${f(1,2)}'}]},\n"
        "{'IpProtocol':'tcp','FromPort':'${port}','ToPort':'${port}','IpRanges':[{'CidrIp':"
        "'${OUTER}'}]},\n"
        "{'IpProtocol':'udp','FromPort':'${other}','ToPort':9,'IpRanges':[{'CidrIp':"
        "'192.0.2.0/24'}]},\n"
        "{'IpProtocol':'${what}','IpRanges':[{'CidrIp':'198.51.100.0/24'}]}]}]}";
    static const char *const outer[] = { "OUTER=203.0.113.0/24", "port=7" };
    static const struct expected expected[] = {
        { "192.0.2.9 10.0.0.1 tcp/1", "in allow sg.id/IpPermissions[0]:2" },
        { "192.0.3.9 10.0.0.1 tcp/1", "in allow sg.id/IpPermissions[0]:2" },
        { "192.0.4.9 10.0.0.1 tcp/1", "in deny sg.id/:1" },
        { "192.0.2.9 10.0.0.1 tcp/2", "in maybe sg.id/IpPermissions[1]:3 placeholder" },
        { "203.0.113.1 10.0.0.1 tcp/8", "in allow sg.id/IpPermissions[2]:4" },
        { "203.0.113.1 10.0.0.1 tcp/7", "in deny sg.id/:1" },
        { "192.0.2.9 10.0.0.1 udp/9", "in maybe sg.id/IpPermissions[3]:5 placeholder" },
        { "198.51.100.9 10.0.0.1 udp/9", "in maybe sg.id/IpPermissions[4]:6 placeholder" },
        /* the member goes by the text with its braces or without */
        { "192.0.2.9 10.0.0.2 tcp/1", "in allow sg.id/IpPermissions[0]:2" },
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture, FLOW_LAYER_AWS);
    fixture.outer = outer;
    fixture.outer_count = COUNT(outer);
    add_member(&fixture, "sg.id", "10.0.0.1");
    add_member(&fixture, "${sg.id}", "10.0.0.2");
    add_variable(&fixture, "vpc[\"a\"].cidr", "192.0.2.0/24,192.0.3.0/24");
    add_variable(&fixture, "port", "8"); /* the layer's own counts more than the intent's */
    must_read(&fixture, text);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

/* -------- Azure */

#define TO(protocol, to, port)                                                                     \
    "'protocol':'" protocol "','sourcePortRange':'*','destinationPortRange':'" port                \
    "','sourceAddressPrefix':'*','destinationAddressPrefix':'" to "'"
#define FROM(protocol, from, port)                                                                 \
    "'protocol':'" protocol "','sourcePortRange':'*','destinationPortRange':'" port                \
    "','sourceAddressPrefix':'" from "','destinationAddressPrefix':'*'"
#define OUT(name, priority, access, properties)                                                    \
    "{'name':'" name "','properties':{'direction':'Outbound','access':'" access                    \
    "','priority':" #priority "," properties "}}"
#define IN(name, priority, access, properties)                                                     \
    "{'name':'" name "','properties':{'direction':'Inbound','access':'" access                     \
    "','priority':" #priority "," properties "}}"
#define NSG(name, rules) "{'name':'" name "','properties':{'securityRules':[" rules "]}}"

static void
azure_fixture(struct fixture *fixture, const char *text)
{
    set_up(fixture, FLOW_LAYER_AZURE);
    add_member(fixture, "web", "10.0.1.0/24");
    must_read(fixture, text);
}

static void
azure_rules_are_tried_by_priority_and_the_first_that_matches_decides(void **state)
{
    static const char text[] = NSG(
        "web", "\n" OUT("Last", 300, "Allow", TO("*", "*", "*")) ",\n" OUT(
                   "Second", 200, "Deny",
                   TO("Tcp", "192.0.2.0/24",
                      "400-500")) ",\n" OUT("First", 100, "Allow",
                                            TO("TCP", "192.0.2.7",
                                               "443")) ",\n" IN("Only", 100, "Allow",
                                                                FROM("Udp", "192.0.2.0/24", "53")));
    static const struct expected expected[] = {
        { "10.0.1.1 192.0.2.7 tcp/443", "out allow web/First:4" },
        { "10.0.1.1 192.0.2.8 tcp/443", "out deny web/Second:3" },
        { "10.0.1.1 192.0.2.8 tcp/400", "out deny web/Second:3" },
        { "10.0.1.1 192.0.2.8 tcp/500", "out deny web/Second:3" },
        { "10.0.1.1 192.0.2.8 tcp/501", "out allow web/Last:2" },
        { "10.0.1.1 192.0.2.8 udp/443", "out allow web/Last:2" },
        { "10.0.1.1 192.0.2.8 icmp/8", "out allow web/Last:2" },
        { "192.0.2.8 10.0.1.1 udp/53", "in allow web/Only:5" },
    };
    struct fixture fixture;

    (void)state;
    azure_fixture(&fixture, text);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
azure_ends_with_the_default_rules_that_are_not_in_the_file(void **state)
{
    static const struct expected open[] = {
        { "10.0.1.1 192.0.2.7 tcp/443", "out allow web/AllowInternetOutBound:1" },
        { "10.0.1.1 10.0.9.1 tcp/443", "out maybe web/AllowVnetOutBound:1 inventory" },
        { "10.0.9.1 10.0.1.1 tcp/443", "in maybe web/AllowVnetInBound:1 inventory" },
        { "192.0.2.7 10.0.1.1 tcp/443", "in maybe web/AllowVnetInBound:1 inventory" },
        { "168.63.129.16 10.0.1.1 tcp/443", "in allow web/AllowAzureLoadBalancerInBound:1" },
    };
    static const struct expected known[] = {
        { "10.0.1.1 192.0.2.7 tcp/443", "out allow web/AllowInternetOutBound:1" },
        { "10.0.1.1 10.0.9.1 tcp/443", "out allow web/AllowVnetOutBound:1" },
        { "10.0.1.1 10.9.0.1 tcp/443", "out deny web/DenyAllOutBound:1" },
        { "10.0.9.1 10.0.1.1 tcp/443", "in allow web/AllowVnetInBound:1" },
        { "192.0.2.7 10.0.1.1 tcp/443", "in deny web/DenyAllInBound:1" },
        { "168.63.129.16 10.0.1.1 tcp/443", "in allow web/AllowVnetInBound:1" },
        { "198.18.0.1 10.0.1.1 icmp", "in deny web/DenyAllInBound:1" },
    };
    struct fixture fixture;

    (void)state;
    azure_fixture(&fixture, NSG("web", ""));
    check(&fixture, open, COUNT(open));
    tear_down(&fixture);

    set_up(&fixture, FLOW_LAYER_AZURE);
    add_member(&fixture, "WEB", "10.0.1.0/24"); /* the case does not matter */
    add_variable(&fixture, "VirtualNetwork", "10.0.0.0/16");
    must_read(&fixture, NSG("web", ""));
    check(&fixture, known, COUNT(known));
    tear_down(&fixture);
}

static void
azure_default_rules_of_the_file_count_instead(void **state)
{
    static const char text[] =
        "{'id':'/subscriptions/1/web','name':'web','securityRules':[],'defaultSecurityRules':[\n"
        "{'access':'Allow','direction':'Outbound','name':'Mine','priority':65000,'protocol':'*',\n"
        "'sourceAddressPrefix':'*','sourceAddressPrefixes':[],'destinationAddressPrefix':'',\n"
        "'destinationAddressPrefixes':['192.0.2.0/24','198.51.100.0/24'],'sourcePortRange':null,\n"
        "'destinationPortRange':null,'destinationPortRanges':['80','90-91'],\n"
        "'sourceApplicationSecurityGroups':null}]}";
    static const struct expected expected[] = {
        { "10.0.1.1 192.0.2.7 tcp/80", "out allow web/Mine:2" },
        { "10.0.1.1 198.51.100.7 tcp/91", "out allow web/Mine:2" },
        { "10.0.1.1 198.51.100.7 tcp/92", "out deny web/:1" },
        { "10.0.1.1 203.0.113.7 tcp/80", "out deny web/:1" },
        { "203.0.113.7 10.0.1.1 tcp/80", "in deny web/:1" },
    };
    struct fixture fixture;

    (void)state;
    azure_fixture(&fixture, text);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
azure_groups_are_read_alone_in_a_list_and_under_value(void **state)
{
    static const char *const texts[] = {
        NSG("web", OUT("Nope", 100, "Deny", TO("*", "*", "*"))),
        "[" NSG("web", OUT("Nope", 100, "Deny", TO("*", "*", "*"))) "," NSG("b", "") "]",
        "{'value':[" NSG("b", "") "," NSG("web", OUT("Nope", 100, "Deny", TO("*", "*", "*"))) "]}",
        "{'rules':[{'nsg':'web','name':'Nope','priority':100,'direction':'outbound',"
        "'access':'DENY','protocol':'*','source_port_range':'*','destination_port_range':'*',"
        "'source_address_prefix':'*','destination_address_prefixes':['*']}]}",
        "rules:\n- {nsg: web, name: Nope, priority: 100, direction: Outbound, access: Deny,\n"
        "   protocol: '*', destination_port_ranges: '*', source_address_prefix: '*',\n"
        "   destination_address_prefix: '*'}\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        const struct expected expected[] = {
            { "10.0.1.1 192.0.2.7 tcp/1",
              i == COUNT(texts) - 1 ? "out deny web/Nope:2" : "out deny web/Nope:1" },
        };
        struct fixture fixture;

        azure_fixture(&fixture, texts[i]);
        check(&fixture, expected, COUNT(expected));
        tear_down(&fixture);
    }
}

static void
azure_internet_is_public_space_outside_the_virtual_network(void **state)
{
    static const char text[] = NSG("web", OUT("Net", 100, "Deny", TO("*", "INTERNET", "*")) "," OUT(
                                              "Rest", 200, "Allow", TO("*", "*", "*")));
    static const struct expected open[] = {
        { "10.0.1.1 192.0.2.7 tcp/1", "out deny web/Net:1" },
        { "10.0.1.1 20.1.2.3 tcp/1", "out deny web/Net:1" },
        { "10.0.1.1 9.255.255.255 tcp/1", "out deny web/Net:1" },
        { "10.0.1.1 10.9.9.9 tcp/1", "out allow web/Rest:1" },
        { "10.0.1.1 100.64.0.1 tcp/1", "out allow web/Rest:1" },
        { "10.0.1.1 100.128.0.1 tcp/1", "out deny web/Net:1" },
        { "10.0.1.1 169.254.1.1 tcp/1", "out allow web/Rest:1" },
        { "10.0.1.1 172.31.255.255 tcp/1", "out allow web/Rest:1" },
        { "10.0.1.1 172.32.0.0 tcp/1", "out deny web/Net:1" },
        { "10.0.1.1 192.168.1.1 tcp/1", "out allow web/Rest:1" },
        { "10.0.1.1 fd12::1 tcp/1", "out allow web/Rest:1" },
        { "10.0.1.1 fe80::1 tcp/1", "out allow web/Rest:1" },
        { "10.0.1.1 2001:db8::1 tcp/1", "out deny web/Net:1" },
        { "10.0.1.1 - tcp/1", "out maybe web/Net:1 no-labels" },
    };
    static const struct expected known[] = {
        { "10.0.1.1 192.0.2.7 tcp/1", "out allow web/Rest:1" }, /* public space used inside */
        { "10.0.1.1 192.0.3.7 tcp/1", "out deny web/Net:1" },
        { "10.0.1.1 10.9.9.9 tcp/1", "out allow web/Rest:1" },
    };
    static const struct expected told[] = {
        { "10.0.1.1 192.0.2.7 tcp/1", "out allow web/Rest:1" },
        { "10.0.1.1 10.9.9.9 tcp/1", "out deny web/Net:1" },
    };
    struct fixture fixture;

    (void)state;
    azure_fixture(&fixture, text);
    check(&fixture, open, COUNT(open));
    tear_down(&fixture);

    set_up(&fixture, FLOW_LAYER_AZURE);
    add_member(&fixture, "web", "10.0.1.0/24");
    add_variable(&fixture, "VirtualNetwork", "192.0.2.0/24");
    must_read(&fixture, text);
    check(&fixture, known, COUNT(known));
    tear_down(&fixture);

    set_up(&fixture, FLOW_LAYER_AZURE);
    add_member(&fixture, "web", "10.0.1.0/24");
    add_variable(&fixture, "Internet", "10.9.0.0/16");
    must_read(&fixture, text);
    check(&fixture, told, COUNT(told));
    tear_down(&fixture);
}

static void
azure_tags_are_open_unless_a_variable_has_them(void **state)
{
    static const char text[] = NSG(
        "web",
        "\n" OUT("Door", 100, "Allow", TO("Tcp", "AzureFrontDoor.FirstParty", "1")) ",\n" OUT(
            "Store", 200, "Allow",
            TO("Tcp", "Storage",
               "1")) ",\n" OUT("Gone", 250, "Deny",
                               TO("Tcp", "Sql",
                                  "1")) ",\n" OUT("No", 300, "Deny",
                                                  TO("*", "*",
                                                     "*")) ",\n" IN("Probe", 100, "Deny",
                                                                    FROM(
                                                                        "*",
                                                                        "AzureLoadBalancer",
                                                                        "*")) ",\n" IN("Net", 200,
                                                                                       "Allow",
                                                                                       FROM(
                                                                                           "*",
                                                                                           "Virtual"
                                                                                           "Networ"
                                                                                           "k",
                                                                                           "*")) ","
                                                                                                 "\n" IN(
                                                                                                     "Rest",
                                                                                                     300,
                                                                                                     "Deny",
                                                                                                     FROM(
                                                                                                         "*",
                                                                                                         "*",
                                                                                                         "*")));
    static const struct expected expected[] = {
        { "10.0.1.1 192.0.2.7 tcp/1", "out allow web/Store:3" },
        { "10.0.1.1 192.0.3.7 tcp/1", "out maybe web/Door:2 inventory" },
        { "10.0.1.1 192.0.3.7 tcp/2", "out deny web/No:5" },
        { "198.51.100.1 10.0.1.1 tcp/1", "in deny web/Probe:6" },
        { "168.63.129.16 10.0.1.1 tcp/1", "in allow web/Net:7" },
        { "10.0.1.1 10.0.1.2 tcp/2", "out deny web/No:5" },
        { "192.0.2.1 10.0.1.1 tcp/1", "in maybe web/Net:7 inventory" },
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture, FLOW_LAYER_AZURE);
    add_member(&fixture, "web", "10.0.1.0/24");
    add_variable(&fixture, "Storage", "192.0.2.0/24");
    add_variable(&fixture, "Sql", ""); /* no address at all */
    add_variable(&fixture, "AzureLoadBalancer", "198.51.100.1");
    must_read(&fixture, text);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
azure_an_uncertain_rule_matters_when_the_certain_one_says_otherwise(void **state)
{
    static const char text[] =
        NSG("web", "\n" OUT("A", 100, "Allow", TO("Tcp", "Storage", "1")) ",\n" OUT(
                       "B", 200, "Deny",
                       TO("Tcp", "${x}", "1-2")) ",\n" OUT("C", 300, "Allow",
                                                           TO("Tcp", "192.0.2.0/24",
                                                              "*")) ",\n" OUT("D", 400, "Deny",
                                                                              TO("*", "*", "*")));
    static const struct expected expected[] = {
        { "10.0.1.1 192.0.2.7 tcp/1", "out maybe web/B:3 placeholder" },
        { "10.0.1.1 192.0.2.7 tcp/2", "out maybe web/B:3 placeholder" },
        { "10.0.1.1 192.0.2.7 tcp/3", "out allow web/C:4" },
        { "10.0.1.1 192.0.3.7 tcp/1", "out maybe web/A:2 inventory" },
        { "10.0.1.1 192.0.3.7 tcp/2", "out deny web/D:5" },
    };
    struct fixture fixture;

    (void)state;
    azure_fixture(&fixture, text);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
azure_each_group_of_an_address_must_allow(void **state)
{
    static const char text[] =
        "[" NSG("web", OUT("A", 100, "Allow", TO("*", "*", "80-90")) "," OUT("B", 200, "Deny", TO("*", "*", "*"))) ",\n" NSG(
            "nic",
            OUT("C", 100, "Deny", TO("*", "*", "81")) "," OUT(
                "D", 150, "Allow",
                TO("*", "Storage",
                   "82")) "," OUT("E", 160, "Deny",
                                  TO("*", "*",
                                     "82")) "," OUT("F", 200, "Allow",
                                                    TO("*", "*",
                                                       "*"))) ",\n" NSG("server",
                                                                        IN("G", 100, "Allow",
                                                                           FROM(
                                                                               "*", "10.0.1.1",
                                                                               "*")) "," IN("H",
                                                                                            200,
                                                                                            "Deny",
                                                                                            FROM(
                                                                                                "*",
                                                                                                "*",
                                                                                                "*"))) "]";
    static const struct expected expected[] = {
        { "10.0.1.1 192.0.2.7 tcp/80", "out allow web/A:1" },
        { "10.0.1.1 192.0.2.7 tcp/81", "out deny nic/C:2" },
        { "10.0.1.1 192.0.2.7 tcp/82", "out maybe nic/D:2 inventory" },
        { "10.0.1.1 192.0.2.7 tcp/79", "out deny web/B:1" },
        { "10.0.1.9 192.0.2.7 tcp/81", "out allow web/A:1" },
        { "10.0.1.1 10.0.5.1 tcp/80", "out allow web/A:1" },
        { "10.0.1.9 10.0.5.1 tcp/80", "in deny server/H:3" },
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture, FLOW_LAYER_AZURE);
    add_member(&fixture, "web", "10.0.1.0/24");
    add_member(&fixture, "nic", "10.0.1.1");
    add_member(&fixture, "server", "10.0.5.0/24");
    must_read(&fixture, text);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
azure_leaves_open_what_is_not_documented_or_not_asked(void **state)
{
    static const char text[] = NSG(
        "web",
        "\n" OUT("Ping", 100, "Allow", TO("Icmp", "192.0.2.0/24", "*")) ",\n" OUT(
            "Port", 200, "Allow",
            TO("*", "198.51.100.0/24",
               "80")) ",\n" OUT("From", 300, "Allow",
                                "'protocol':'Tcp','sourcePortRange':'1000-2000','"
                                "destinationPortRange':'9',"
                                "'sourceAddressPrefix':'*','destinationAddressPrefix':'203.0.113.0/"
                                "24'") ",\n" OUT("Esp", 350, "Allow",
                                                 TO("Esp", "*", "*")) ",\n" OUT("No", 400, "Deny",
                                                                                TO("*", "*", "*")));
    static const struct expected expected[] = {
        { "10.0.1.1 192.0.2.1 icmp/8", "out allow web/Ping:2" },
        { "10.0.1.1 192.0.2.1 icmpv6/128", "out maybe web/Ping:2 undefined" },
        { "10.0.1.1 198.51.100.1 icmp/8", "out maybe web/Port:3 undefined" },
        { "10.0.1.1 198.51.100.1 vrrp", "out maybe web/Port:3 undefined" },
        { "10.0.1.1 198.51.100.1 tcp/80", "out allow web/Port:3" },
        { "10.0.1.1 203.0.113.1 tcp/9", "out maybe web/From:4 unmodelled" },
        { "10.0.1.1 203.0.113.1 tcp/10", "out deny web/No:6" },
        { "10.0.1.1 203.0.113.1 igmp", "out deny web/No:6" },
    };
    struct fixture fixture;

    (void)state;
    azure_fixture(&fixture, text);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
azure_application_groups_are_open_unless_a_variable_has_them(void **state)
{
    static const char text[] =
        NSG("web", OUT("A", 100, "Allow",
                       "'protocol':'Tcp','destinationPortRange':'1','"
                       "sourceAddressPrefix':'*',"
                       "'destinationApplicationSecurityGroups':[{'id':'/asg/"
                       "known'}]") ",\n" OUT("B", 200, "Allow",
                                             "'protocol':'Tcp','"
                                             "destinationPortRange':'2','"
                                             "destinationAddressPrefix':'*',"
                                             "'sourceApplicationSecurityGroups':[{'"
                                             "id':'/asg/other'}]") ",\n" OUT("C", 300, "Deny",
                                                                             TO("*", "*", "*")));
    static const struct expected expected[] = {
        { "10.0.1.1 10.0.7.1 tcp/1", "out allow web/A:1" },
        { "10.0.1.1 10.0.8.1 tcp/1", "out deny web/C:3" },
        { "10.0.1.1 10.0.8.1 tcp/2", "out maybe web/B:2 inventory" },
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture, FLOW_LAYER_AZURE);
    add_member(&fixture, "web", "10.0.1.0/24");
    add_variable(&fixture, "/asg/known", "10.0.7.0/24");
    must_read(&fixture, text);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
azure_services_of_the_host_pass_unless_a_rule_with_their_tag_denies(void **state)
{
    static const struct expected expected[] = {
        { "10.0.1.1 168.63.129.16 udp/53", "out allow web/:1" },
        { "10.0.1.1 169.254.169.254 tcp/80", "out allow web/:1" },
        { "10.0.1.1 169.254.169.253 tcp/80", "out deny web/Nope:1" },
    };
    static const struct expected denied[] = {
        { "10.0.1.1 168.63.129.16 udp/53", "out maybe web/Dns:1 inventory" },
        { "10.0.1.1 192.0.2.1 udp/53", "out maybe web/Dns:1 inventory" },
    };
    struct fixture fixture;

    (void)state;
    azure_fixture(&fixture, NSG("web", OUT("Nope", 100, "Deny", TO("*", "*", "*"))));
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
    azure_fixture(&fixture, NSG("web", OUT("Dns", 100, "Deny", TO("*", "AzurePlatformDNS", "*"))));
    check(&fixture, denied, COUNT(denied));
    tear_down(&fixture);
}

static void
azure_placeholders_may_stand_for_lists_and_ports(void **state)
{
    static const char text[] =
        "{'rules':[{'nsg':'${web}','name':'A','priority':100,'direction':'Inbound',"
        "'access':'Allow','protocol':'Tcp','source_port_range':'*','destination_port_range':"
        "'${ports}','source_address_prefixes':'${admins}','destination_address_prefix':'*'},\n"
        "{'nsg':'${web}','name':'B','priority':200,'direction':'Inbound','access':'Allow',"
        "'protocol':'${protocol}','source_port_range':'*','destination_port_ranges':['9','${p}'],"
        "'source_address_prefix':'*','destination_address_prefix':'*'},\n"
        "{'nsg':'${web}','name':'C','priority':300,'direction':'Inbound','access':'Deny',"
        "'protocol':'*','source_port_range':'*','destination_port_range':'*',"
        "'source_address_prefix':'*','destination_address_prefix':'*'}]}";
    static const struct expected expected[] = {
        { "192.0.2.1 10.0.1.1 tcp/80", "in allow web/A:1" },
        { "198.51.100.1 10.0.1.1 tcp/8443", "in allow web/A:1" },
        { "203.0.113.1 10.0.1.1 tcp/80", "in maybe web/B:2 placeholder" },
        { "203.0.113.1 10.0.1.1 tcp/9", "in maybe web/B:2 placeholder" },
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture, FLOW_LAYER_AZURE);
    add_member(&fixture, "web", "10.0.1.0/24");
    add_variable(&fixture, "admins", "192.0.2.0/24, 198.51.100.1");
    add_variable(&fixture, "ports", "80,8000-9000");
    must_read(&fixture, text);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

/* -------- OpenStack */

#define RULE(rest) "{'security_group_id':'a','direction':'ingress'," rest "}"

static void
openstack_rules_only_allow_their_family_protocol_and_range(void **state)
{
    static const char text[] =
        "{'security_group_rules':[\n"
        "{'id':'r1','security_group_id':'a','direction':'ingress','ethertype':'IPv4',"
        "'protocol':'tcp','port_range_min':80,'port_range_max':81,'remote_ip_prefix':"
        "'192.0.2.0/24','remote_group_id':null},\n" RULE(
            "'ethertype':'IPv6','protocol':'tcp','port_range_min':80,'port_range_max':80,"
            "'remote_ip_prefix':null") ",\n" RULE("'protocol':'udp','port_range_min':null,'port_"
                                                  "range_max':null") ",\n" RULE("'ethertype':'ipv4'"
                                                                                ",'protocol':'icmp'"
                                                                                ",'port_range_min':"
                                                                                "8,'port_range_max'"
                                                                                ":null") ",\n" RULE("'ethertype':'IPv4','protocol':1,'port_range_min':3,'port_range_max':1") ",\n" RULE("'ethertype':'IPv6','protocol':'icmp'") ",\n" RULE("'protocol':'132','port_range_max':9") ",\n"
                                                                                                                                                                                                                                                                                  "{'security_group_id':'a','direction':'egress','protocol':'any','ethertype':'IPv6'}]}";
    static const struct expected expected[] = {
        { "192.0.2.1 10.0.0.1 tcp/80", "in allow a/r1:2" },
        { "192.0.2.1 10.0.0.1 tcp/81", "in allow a/r1:2" },
        { "192.0.2.1 10.0.0.1 tcp/82", "in deny a/:2" },
        { "192.0.3.1 10.0.0.1 tcp/80", "in deny a/:2" },
        { "2001:db8::2 2001:db8::1 tcp/80", "in allow a/security_group_rules[1]:3" },
        { "- 2001:db8::1 tcp/80", "in allow a/security_group_rules[1]:3" },
        { "192.0.3.1 10.0.0.1 udp/1", "in allow a/security_group_rules[2]:4" },
        { "192.0.3.1 10.0.0.1 udp", "in allow a/security_group_rules[2]:4" },
        { "2001:db8::2 2001:db8::1 udp/1", "in deny a/:2" },
        { "192.0.3.1 10.0.0.1 icmp/8", "in allow a/security_group_rules[3]:5" },
        { "192.0.3.1 10.0.0.1 icmp/3", "in maybe a/security_group_rules[4]:6 unmodelled" },
        { "192.0.3.1 10.0.0.1 icmp/0", "in deny a/:2" },
        { "2001:db8::2 2001:db8::1 icmpv6/128", "in allow a/security_group_rules[5]:7" },
        { "192.0.3.1 10.0.0.1 sctp/9", "in allow a/security_group_rules[6]:8" },
        { "192.0.3.1 10.0.0.1 sctp/8", "in deny a/:2" },
        { "10.0.0.1 192.0.2.1 tcp/80", "out deny a/:2" },
        { "2001:db8::1 2001:db8::2 vrrp", "out allow a/security_group_rules[7]:9" },
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture, FLOW_LAYER_OPENSTACK);
    add_member(&fixture, "a", "10.0.0.0/24");
    add_member(&fixture, "a", "2001:db8::1");
    must_read(&fixture, text);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
openstack_peers_may_be_groups_and_address_groups(void **state)
{
    static const char text[] =
        "{'security_groups':[{'id':'g-1','name':'one','security_group_rules':[\n"
        "{'direction':'ingress','protocol':'tcp','remote_group_id':'g-2'},\n"
        "{'direction':'ingress','protocol':'udp','remote_group_id':'g-9'},\n"
        "{'direction':'ingress','protocol':'sctp','remote_address_group_id':'ag-1'},\n"
        "{'direction':'ingress','protocol':'igmp','remote_address_group_id':'ag-2'},\n"
        "{'direction':'ingress','protocol':'vrrp','remote_group_id':'g-8'}]},\n"
        "{'id':'g-2','name':'two','security_group_rules':[{'direction':'egress'}]}]}";
    static const struct expected expected[] = {
        { "10.0.2.1 10.0.1.1 tcp/1", "out allow two/security_group_rules[0]:7" },
        { "10.0.3.1 10.0.1.1 tcp/1", "in deny one/:1" },
        { "10.0.3.1 10.0.1.1 udp/1", "in maybe one/security_group_rules[1]:3 inventory" },
        { "192.0.2.1 10.0.1.1 sctp/1", "in allow one/security_group_rules[2]:4" },
        { "192.0.3.1 10.0.1.1 sctp/1", "in deny one/:1" },
        { "192.0.3.1 10.0.1.1 igmp", "in maybe one/security_group_rules[3]:5 inventory" },
        { "192.0.2.200 10.0.1.1 vrrp", "in allow one/security_group_rules[4]:6" },
        { "192.0.3.1 10.0.1.1 vrrp", "in deny one/:1" },
        { "10.0.1.1 10.0.2.1 tcp/1", "out deny one/:1" },
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture, FLOW_LAYER_OPENSTACK);
    add_member(&fixture, "one", "10.0.1.0/24");
    add_member(&fixture, "two", "10.0.2.0/24");
    add_variable(&fixture, "ag-1", "192.0.2.0/25");
    add_variable(&fixture, "g-8", "192.0.2.128/25");
    must_read(&fixture, text);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
openstack_groups_are_read_alone_by_rules_and_in_camel_case(void **state)
{
    static const char *const texts[] = {
        "{'security_group':{'id':'1','name':'a','security_group_rules':[{'direction':'ingress',"
        "'protocol':'tcp','port_range_min':1,'port_range_max':1,'name':'R'}]}}",
        "{'id':'1','name':'a','rules':[{'direction':'ingress','ether_type':'IPv4',"
        "'protocol':'tcp','port_range_min':1,'port_range_max':1,'name':'R'}]}",
        "{'rules':[{'name':'R','direction':'ingress','ethertype':'IPv4','protocol':'tcp',"
        "'portRangeMin':1,'portRangeMax':1,'remoteIpPrefix':'0.0.0.0/0','securityGroupId':'a'}]}",
        /* a document of rules by id, then the groups with their names */
        "{'security_group_rules':[{'security_group_id':'1','direction':'ingress','name':'R',"
        "'protocol':'tcp','port_range_min':1,'port_range_max':1}]}\n"
        "{'security_groups':[{'id':'1','name':'a','security_group_rules':[]}]}",
    };
    static const struct expected expected[] = {
        { "192.0.2.1 10.0.0.1 tcp/1", "in allow a/R:1" },
        { "192.0.2.1 10.0.0.1 tcp/2", "in deny a/:1" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct fixture fixture;

        set_up(&fixture, FLOW_LAYER_OPENSTACK);
        add_member(&fixture, "a", "10.0.0.1");
        must_read(&fixture, texts[i]);
        assert_int_equal(fixture.layer.group_count, 1);
        check(&fixture, expected, COUNT(expected));
        tear_down(&fixture);
    }
}

static void
openstack_placeholders_without_a_value_are_open(void **state)
{
    static const char text[] =
        "{'rules':[\n"
        "{'name':'${n}-a','direction':'ingress','ethertype':'IPv4','protocol':'tcp',"
        "'portRangeMin':'${p}','portRangeMax':'${p}','securityGroupId':'${sg.id}'},\n"
        "{'name':'b','direction':'ingress','ethertype':'IPv4','protocol':'udp',"
        "'remoteGroupId':'${other.id}','securityGroupId':'${sg.id}'},\n"
        "{'name':'c','direction':'ingress','ethertype':'IPv4','protocol':'${q}',"
        "'remoteIpPrefix':'198.51.100.0/24','securityGroupId':'${sg.id}'},\n"
        "{'name':'d','direction':'ingress','ethertype':'IPv4','protocol':'sctp',"
        "'remoteAddressGroupId':'${ag}','securityGroupId':'${sg.id}'}]}";
    static const struct expected expected[] = {
        { "192.0.2.1 10.0.0.1 tcp/1", "in maybe sg.id/${n}-a:2 placeholder" },
        { "192.0.2.1 10.0.0.1 udp/1", "in maybe sg.id/b:3 placeholder" },
        { "198.51.100.1 10.0.0.1 vrrp", "in maybe sg.id/c:4 placeholder" },
        { "192.0.2.1 10.0.0.1 sctp/1", "in maybe sg.id/d:5 placeholder" },
        { "192.0.2.1 10.0.0.1 vrrp", "in deny sg.id/:2" },
    };
    static const struct expected listed[] = {
        { "192.0.2.1 10.0.0.1 udp/1", "in deny sg.id/:2" },
        /* what the other group allows out is not in the file */
        { "10.0.9.1 10.0.0.1 udp/1", "out maybe other.id/:0 inventory" },
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture, FLOW_LAYER_OPENSTACK);
    add_member(&fixture, "${sg.id}", "10.0.0.1");
    must_read(&fixture, text);
    check(&fixture, expected, COUNT(expected));
    tear_down(&fixture);

    set_up(&fixture, FLOW_LAYER_OPENSTACK);
    add_member(&fixture, "sg.id", "10.0.0.1");
    add_member(&fixture, "other.id", "10.0.9.0/24");
    must_read(&fixture, text);
    check(&fixture, listed, COUNT(listed));
    tear_down(&fixture);
}

/* -------- refused files */

static const struct {
    uint8_t type;
    const char *text, *error;
} bad[] = {
    { FLOW_LAYER_AWS, "'text'", "1:1: expected a map at the top of the file, found \"text\"" },
    { FLOW_LAYER_AWS, "{}", "1:1: expected SecurityGroups, found nothing" },
    { FLOW_LAYER_AWS, "{'SecurityGroups':{}}",
      "1:19: expected a list at SecurityGroups, found a map" },
    { FLOW_LAYER_AWS, "[7]", "1:2: expected a map at SecurityGroups, found \"7\"" },
    { FLOW_LAYER_AWS, "[{}]", "1:2: expected GroupId in SecurityGroups, found nothing" },
    { FLOW_LAYER_AWS, "[{'GroupId':7}]",
      "1:13: expected a string in quotes at GroupId, found \"7\"" },
    { FLOW_LAYER_AWS, "[{'GroupId':'a','IpPermissions':{}}]",
      "1:33: expected a list at IpPermissions, found a map" },
    { FLOW_LAYER_AWS, "[{'GroupId':'a','IpPermissions':['x']}]",
      "1:34: expected a map at IpPermissions, found \"x\"" },
    { FLOW_LAYER_AWS, "[{'GroupId':'a','IpPermissions':[{}]}]",
      "1:34: expected IpProtocol, found nothing" },
    { FLOW_LAYER_AWS, "[{'GroupId':'a','IpPermissions':[{'IpProtocol':'tpc'}]}]",
      "1:48: expected tcp, udp, icmp, icmpv6, -1 or a number at IpProtocol, found \"tpc\"" },
    { FLOW_LAYER_AWS, "[{'GroupId':'a','IpPermissions':[{'IpProtocol':'256'}]}]",
      "1:48: expected tcp, udp, icmp, icmpv6, -1 or a number at IpProtocol, found \"256\"" },
    { FLOW_LAYER_AWS, "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'tcp','FromPort':'1'}]}]",
      "2:32: expected a whole number at FromPort, found \"1\"" },
    { FLOW_LAYER_AWS, "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'tcp','FromPort':65536}]}]",
      "2:32: expected a number from -1 to 65535 at FromPort, found \"65536\"" },
    { FLOW_LAYER_AWS,
      "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'tcp','FromPort':2,'ToPort':1}]}]",
      "2:43: expected FromPort and ToPort in order, found 2 and 1" },
    { FLOW_LAYER_AWS, "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'tcp','FromPort':2}]}]",
      "2:1: expected FromPort and ToPort in order, found 2 and -1" },
    { FLOW_LAYER_AWS, "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'icmp','FromPort':256}]}]",
      "2:33: expected a number from -1 to 255 at FromPort, found \"256\"" },
    { FLOW_LAYER_AWS,
      "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'-1','IpRanges':['10.0.0.0/8']}]}]",
      "2:32: expected a map at IpRanges, found \"10.0.0.0/8\"" },
    { FLOW_LAYER_AWS, "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'-1','IpRanges':[{}]}]}]",
      "2:32: expected CidrIp, found nothing" },
    { FLOW_LAYER_AWS,
      "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'-1','IpRanges':[{'CidrIp':'10.0.0.0/"
      "33'"
      "}]}]}]",
      "2:42: expected a CIDR at CidrIp, found \"10.0.0.0/33\"" },
    { FLOW_LAYER_AWS,
      "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'-1','IpRanges':[{'CidrIp':'${bad}'}]}]"
      "}]",
      "2:42: expected a CIDR at CidrIp, found \"nonsense\"" },
    { FLOW_LAYER_AWS,
      "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'-1','IpRanges':[{'CidrIp':'${empty}'}]"
      "}]}]",
      "2:42: expected a CIDR at CidrIp, found \"\"" },
    { FLOW_LAYER_AWS,
      "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'tcp','FromPort':'${bad}'}]}]",
      "2:32: expected a number from -1 to 65535 at FromPort, found \"nonsense\"" },
    { FLOW_LAYER_AWS,
      "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'-1','PrefixListIds':[{}]}]}]",
      "2:37: expected PrefixListId, found nothing" },
    { FLOW_LAYER_AWS,
      "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'-1','PrefixListIds':[{'PrefixListId':"
      "'bad'}]}]}]",
      "2:53: expected a CIDR at PrefixListId, found \"nonsense\"" },
    { FLOW_LAYER_AWS,
      "[{'GroupId':'a','IpPermissions':[\n{'IpProtocol':'-1','UserIdGroupPairs':[{}]}]}]",
      "2:40: expected GroupId in UserIdGroupPairs, found nothing" },

    { FLOW_LAYER_AZURE, "'text'", "1:1: expected a map at the top of the file, found \"text\"" },
    { FLOW_LAYER_AZURE, "{}", "1:1: expected name in a network security group, found nothing" },
    { FLOW_LAYER_AZURE, "{'name':'a'}",
      "1:1: expected securityRules in a network security group, found nothing" },
    { FLOW_LAYER_AZURE, "{'name':'a','properties':[]}",
      "1:26: expected a map at properties, found a list" },
    { FLOW_LAYER_AZURE, "{'name':'a','securityRules':{}}",
      "1:29: expected a list at securityRules, found a map" },
    { FLOW_LAYER_AZURE, "{'value':7}", "1:10: expected a list at value, found \"7\"" },
    { FLOW_LAYER_AZURE, "[7]", "1:2: expected a map at a network security group, found \"7\"" },
    { FLOW_LAYER_AZURE, "{'rules':[{}]}", "1:11: expected nsg in a rule, found nothing" },
    { FLOW_LAYER_AZURE, "{'rules':[7]}", "1:11: expected a map at rules, found \"7\"" },
    { FLOW_LAYER_AZURE, "{'rules':[{'nsg':'a'}]}", "1:11: expected direction, found nothing" },
    { FLOW_LAYER_AZURE, "{'rules':[{'nsg':'a','direction':'In'}]}",
      "1:34: expected Inbound or Outbound at direction, found \"In\"" },
    { FLOW_LAYER_AZURE, "{'rules':[{'nsg':'a','direction':'Inbound','access':true}]}",
      "1:53: expected a string in quotes at access, found \"true\"" },
    { FLOW_LAYER_AZURE,
      "{'rules':[\n{'nsg':'a','direction':'Inbound','access':'Deny','priority':'100'}]}",
      "2:61: expected a whole number at priority, found \"100\"" },
    { FLOW_LAYER_AZURE, NSG("a", "\n" IN("x", 100, "Deny", FROM("Tpc", "*", "*"))),
      "2:91: expected Tcp, Udp, Icmp, Esp, Ah or * at protocol, found \"Tpc\"" },
    { FLOW_LAYER_AZURE, NSG("a", "\n" IN("x", 100, "Deny", FROM("Tcp", "*", "http"))),
      "2:142: expected a port, a range of ports or * at destinationPortRange, found \"http\"" },
    { FLOW_LAYER_AZURE, NSG("a", "\n" IN("x", 100, "Deny", FROM("Tcp", "*", "65536"))),
      "2:142: expected a port, a range of ports or * at destinationPortRange, found "
      "\"65536\"" },
    { FLOW_LAYER_AZURE, NSG("a", "\n" IN("x", 100, "Deny", FROM("Tcp", "*", "9-8"))),
      "2:142: expected a port, a range of ports or * at destinationPortRange, found \"9-8\"" },
    { FLOW_LAYER_AZURE, NSG("a", "\n" IN("x", 100, "Deny", FROM("Tcp", "*", "8-"))),
      "2:142: expected a port, a range of ports or * at destinationPortRange, found \"8-\"" },
    { FLOW_LAYER_AZURE, NSG("a", "\n" IN("x", 100, "Deny", FROM("Tcp", "10.0.0.0/40", "*"))),
      "2:168: expected a CIDR, a service tag or * at sourceAddressPrefix, found "
      "\"10.0.0.0/40\"" },
    { FLOW_LAYER_AZURE,
      NSG("a", "\n" IN("x", 100, "Deny", "'protocol':'*','sourceAddressPrefix':'*'")),
      "2:26: expected destinationPortRange in a rule, found nothing" },
    { FLOW_LAYER_AZURE,
      NSG("a", "\n" IN("x", 100, "Deny",
                       "'protocol':'*','destinationPortRange':'*',"
                       "'sourceAddressPrefix':'*'")),
      "2:26: expected destinationAddressPrefix in a rule, found nothing" },
    { FLOW_LAYER_AZURE,
      NSG("a", "\n" IN("x", 100, "Deny",
                       "'protocol':'*','destinationPortRange':'*',"
                       "'destinationAddressPrefixes':{}")),
      "2:151: expected a list at destinationAddressPrefixes, found a map" },
    { FLOW_LAYER_AZURE,
      NSG("a", "\n" IN("x", 100, "Deny", FROM("*", "*", "*")) ",\n" IN("y", 100, "Allow",
                                                                       FROM("*", "*", "*"))),
      "3:1: expected one Inbound rule of priority 100, found \"x\" and \"y\"" },

    { FLOW_LAYER_OPENSTACK, "[]", "1:1: expected a map at the top of the file, found a list" },
    { FLOW_LAYER_OPENSTACK, "{}",
      "1:1: expected security_groups, security_group_rules or rules, found nothing" },
    { FLOW_LAYER_OPENSTACK, "{'security_groups':[7]}",
      "1:21: expected a map at security_groups, found \"7\"" },
    { FLOW_LAYER_OPENSTACK, "{'security_groups':[{'id':'a'}]}",
      "1:21: expected security_groups, security_group_rules or rules, found nothing" },
    { FLOW_LAYER_OPENSTACK, "{'rules':'x'}", "1:10: expected a list at rules, found \"x\"" },
    { FLOW_LAYER_OPENSTACK, "{'rules':[7]}", "1:11: expected a map at rules, found \"7\"" },
    { FLOW_LAYER_OPENSTACK, "{'rules':[{}]}",
      "1:11: expected security_group_id in a rule, found nothing" },
    { FLOW_LAYER_OPENSTACK, "{'rules':[{'securityGroupId':'a'}]}",
      "1:11: expected direction, found nothing" },
    { FLOW_LAYER_OPENSTACK, "{'rules':[{'securityGroupId':'a','direction':'inbound'}]}",
      "1:46: expected ingress or egress at direction, found \"inbound\"" },
    { FLOW_LAYER_OPENSTACK, "{'rules':[\n" RULE("'ethertype':'IPv5'") "]}",
      "2:60: expected IPv4 or IPv6 at ethertype, found \"IPv5\"" },
    { FLOW_LAYER_OPENSTACK, "{'rules':[\n" RULE("'protocol':'tpc'") "]}",
      "2:59: expected a protocol's name or number at protocol, found \"tpc\"" },
    { FLOW_LAYER_OPENSTACK, "{'rules':[\n" RULE("'protocol':[]") "]}",
      "2:59: expected a string at protocol, found a list" },
    { FLOW_LAYER_OPENSTACK, "{'rules':[\n" RULE("'portRangeMin':'22'") "]}",
      "2:63: expected a whole number at portRangeMin, found \"22\"" },
    { FLOW_LAYER_OPENSTACK, "{'rules':[\n" RULE("'port_range_min':9,'port_range_max':8") "]}",
      "2:84: expected port_range_max not below port_range_min, found 8 below 9" },
    { FLOW_LAYER_OPENSTACK, "{'rules':[\n" RULE("'remote_ip_prefix':'10/8'") "]}",
      "2:67: expected a CIDR at remote_ip_prefix, found \"10/8\"" },
    { FLOW_LAYER_OPENSTACK,
      "{'rules':[\n" RULE("'remote_ip_prefix':'10.0.0.0/8','remote_group_id':'b'") "]}",
      "2:98: expected one of remote_ip_prefix, remote_group_id and remote_address_group_id, "
      "found more" },
};

static void
bad_files_are_refused_with_their_place(void **state)
{
    char found[400];

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct fixture fixture;

        set_up(&fixture, bad[i].type);
        add_variable(&fixture, "bad", "nonsense");
        add_variable(&fixture, "empty", "");
        if (read_text(&fixture, bad[i].text)) {
            fail_msg("read without error:\n%s", bad[i].text);
        }
        assert_int_equal(fixture.err.status, FLOW_E_INVALID);
        assert_string_equal(fixture.err.input, "cloud.json");
        snprintf(found, sizeof(found), "%u:%u: %s", fixture.err.line, fixture.err.column,
                 fixture.err.message);
        if (strcmp(found, bad[i].error) != 0) {
            fail_msg("%s\n  expected %s\n  found    %s", bad[i].text, bad[i].error, found);
        }
        tear_down(&fixture);
    }
}

static void
a_bad_value_of_a_tag_is_told_even_where_no_rule_names_it(void **state)
{
    struct fixture fixture;

    (void)state;
    set_up(&fixture, FLOW_LAYER_AZURE);
    add_variable(&fixture, "VirtualNetwork", "10.0.0.0/8, here");
    assert_false(read_text(&fixture, NSG("a", "")));
    assert_string_equal(fixture.err.message, "expected a CIDR at VirtualNetwork, found \"here\"");
    tear_down(&fixture);
}

/* -------- classes */

static struct flow_address
random_address(uint64_t *seed)
{
    static const char *const around[] = { "10.0.0.255",      "10.0.1.7",       "10.0.2.0",
                                          "168.63.129.16",   "168.63.129.17",  "169.254.169.254",
                                          "169.254.169.255", "172.15.255.255", "172.16.0.0",
                                          "192.0.2.200",     "198.51.100.127", "198.51.100.128",
                                          "100.63.255.255",  "100.64.0.0",     "223.255.255.255",
                                          "224.0.0.1",       "2001:db8::1",    "2001:db8:1::1",
                                          "fd00:ec2::1",     "fd00:ec3::1",    "fe80::1" };
    struct flow_address address;

    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    assert_int_equal(
        flow_address_parse(&address, flow_str_of(around[(*seed >> 33) % COUNT(around)]), NULL),
        FLOW_OK);
    /* a neighbour, or the same */
    address.bytes[address.family == 4 ? 3 : 15] ^= (uint8_t)((*seed >> 20) & 3);
    return address;
}

static void
addresses_of_a_class_get_the_same_answer(void **state)
{
    struct fixture fixtures[2];
    uint64_t seed = 7;
    unsigned same = 0;

    (void)state;
    aws_fixture(&fixtures[0]);
    azure_fixture(
        &fixtures[1],
        NSG("web", OUT("A", 100, "Deny", TO("*", "Internet", "*")) "," OUT(
                       "B", 200, "Allow",
                       TO("*", "198.51.100.0/25",
                          "*")) "," IN("C", 300, "Allow", FROM("*", "AzureLoadBalancer", "*"))));
    for (size_t f = 0; f < COUNT(fixtures); f++) {
        struct flow_cidr_classes classes = { 0 };

        assert_true(flow_layer_add_classes(&fixtures[f].layer, &classes));
        flow_cidr_classes_seal(&classes);
        for (unsigned i = 0; i < 20000; i++) {
            const struct flow_address one = random_address(&seed), other = random_address(&seed);
            const struct flow_address peer = random_address(&seed);
            const struct flow_layer_question questions[] = {
                { one, peer, FLOW_PROTOCOL_TCP, true, 80 },
                { other, peer, FLOW_PROTOCOL_TCP, true, 80 },
                { peer, one, FLOW_PROTOCOL_TCP, true, 80 },
                { peer, other, FLOW_PROTOCOL_TCP, true, 80 },
            };

            if (flow_cidr_classes_find(&classes, &one) !=
                flow_cidr_classes_find(&classes, &other)) {
                continue;
            }
            same += !flow_address_equal(&one, &other);
            for (size_t q = 0; q < COUNT(questions); q += 2) {
                const struct flow_layer_answer a =
                    flow_layer_ask(&fixtures[f].layer, &questions[q]);
                const struct flow_layer_answer b =
                    flow_layer_ask(&fixtures[f].layer, &questions[q + 1]);

                assert_int_equal(a.applies, b.applies);
                assert_int_equal(a.allowed.truth, b.allowed.truth);
                assert_int_equal(a.allowed.why, b.allowed.why);
                assert_int_equal(a.line, b.line);
            }
        }
        flow_cidr_classes_free(&classes);
        tear_down(&fixtures[f]);
    }
    assert_true(same > 500);
}

/* -------- the files of a real system */

/* False, with a word on it, where ../shared is not beside the sources. */
static bool
read_shared(struct fixture *fixture, const char *name)
{
    const char *root = getenv("SOURCE_ROOT");
    struct flow_buf text = { 0 };
    char chunk[4096];
    char line[512];
    char path[1024];
    FILE *file;
    size_t got;

    snprintf(path, sizeof(path), "%s/../shared/corpus/policies/fridge/infra/%s",
             root != NULL ? root : ".", name);
    file = fopen(path, "rb");
    if (file == NULL) {
        print_message("# %s is not here\n", path);
        return false;
    }
    while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        flow_buf_add(&text, chunk, got);
    }
    fclose(file);
    if (!read_documents(fixture, flow_buf_str(&text))) {
        flow_error_format(&fixture->err, line, sizeof(line));
        fail_msg("%s: %s", name, line);
    }
    flow_buf_free(&text);
    return true;
}

/* The rules of a name, and not their lines, which are the file's. */
static void
check_shared(const struct fixture *fixture, const struct expected *expected, size_t count)
{
    char text[512];

    for (size_t i = 0; i < count; i++) {
        answer_text(fixture, expected[i].question, text, sizeof(text));
        if (strncmp(text, expected[i].answer, strlen(expected[i].answer)) != 0) {
            fail_msg("%s\n  expected %s\n  found    %s", expected[i].question, expected[i].answer,
                     text);
        }
    }
}

static void
the_lockdown_of_a_real_cluster_decides_as_its_rules_say(void **state)
{
    static const struct expected expected[] = {
        /* ahead of the rule that denies the internet */
        { "10.20.1.4 192.0.2.7 tcp/443",
          "out allow isolated_cluster_nsg_rules/AllowAccessToInternet443Outbound:" },
        { "10.20.1.4 192.0.2.7 tcp/80",
          "out deny isolated_cluster_nsg_rules/DenyInternetOutBound:" },
        { "10.20.1.4 192.0.2.7 udp/443",
          "out deny isolated_cluster_nsg_rules/DenyInternetOutBound:" },
        { "10.20.1.4 192.0.2.7 icmp/8",
          "out deny isolated_cluster_nsg_rules/DenyInternetOutBound:" },
        { "10.20.1.4 10.20.9.4 udp/53",
          "out allow isolated_cluster_nsg_rules/AllowOutboundToIsolatedNodes:" },
        { "10.20.1.4 10.10.1.9 tcp/22",
          "out deny isolated_cluster_nsg_rules/DenyAccessClusterOutBound:" },
        /* a service of Azure's might be there; but not where the other side denies for sure */
        { "10.20.1.4 192.0.2.7 tcp/445",
          "out maybe isolated_cluster_nsg_rules/AllowAccessToStorageOutbound:" },
        { "10.20.1.4 10.10.1.9 tcp/445",
          "in deny access_cluster_nsg_rules/DenyIsolatedClusterInbound:" },
        { "10.20.1.4 10.10.1.8 tcp/80",
          "out allow isolated_cluster_nsg_rules/AllowHarborOutBound:" },
        { "10.10.1.4 10.20.1.4 tcp/22",
          "out deny access_cluster_nsg_rules/DenyIsolatedClusterOutBound:" },
        { "10.10.1.4 10.20.1.250 tcp/443",
          "in maybe isolated_cluster_nsg_rules/AllowK8sAPIFromAccessInBound:" },
        { "192.0.2.7 10.10.1.4 tcp/443", "in allow access_cluster_nsg_rules/AllowHTTPSInbound:" },
        { "192.0.2.7 10.10.1.4 tcp/2500",
          "in maybe access_cluster_nsg_rules/AllowFridgeApiSSHServerInbound:" },
        { "192.0.2.7 10.20.1.4 tcp/443", "in deny isolated_cluster_nsg_rules/DenyAllInBound:" },
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture, FLOW_LAYER_AZURE);
    add_member(&fixture, "isolated_cluster_nsg_rules", "10.20.0.0/16");
    add_member(&fixture, "access_cluster_nsg_rules", "10.10.0.0/16");
    add_variable(&fixture, "isolated_nodes_subnet_cidr", "10.20.1.0/24");
    add_variable(&fixture, "isolated_vnet_cidr", "10.20.0.0/16");
    add_variable(&fixture, "access_vnet_cidr", "10.10.0.0/16");
    add_variable(&fixture, "isolated_cluster_k8s_api_ip", "10.20.1.250");
    add_variable(&fixture, "fridge_api_ip", "10.20.1.251");
    add_variable(&fixture, "args.stack_outputs.harbor_ip_address", "10.10.1.8");
    add_variable(&fixture, "VirtualNetwork", "10.10.0.0/16,10.20.0.0/16");
    if (!read_shared(&fixture, "aks-nsg-lockdown.json")) {
        tear_down(&fixture);
        skip();
    }
    assert_int_equal(fixture.layer.group_count, 2);
    assert_int_equal(fixture.layer.rule_count, 23);
    check_shared(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
the_first_rules_of_a_real_cluster_decide_as_they_say(void **state)
{
    static const struct expected expected[] = {
        { "10.20.1.4 192.0.2.7 tcp/80", "out allow isolated_nsg/AllowInternetOutBound:" },
        { "10.20.1.4 10.10.1.9 tcp/22", "out deny isolated_nsg/DenyAccessClusterOutBound:" },
        { "10.10.1.4 10.20.1.4 tcp/443", "out allow access_nsg/AllowAPIProxyToIsolatedOutBound:" },
        { "192.0.2.7 10.10.1.4 tcp/2500", "in maybe access_nsg/AllowSSHServerInbound:" },
        { "192.0.2.7 10.10.1.4 tcp/80", "in allow access_nsg/AllowHTTPInbound:" },
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture, FLOW_LAYER_AZURE);
    add_member(&fixture, "isolated_nsg", "10.20.0.0/16");
    add_member(&fixture, "access_nsg", "10.10.0.0/16");
    add_variable(&fixture, "args.config.require(\"access_nodes_subnet_cidr\")", "10.10.1.0/24");
    add_variable(&fixture, "args.config.require(\"access_vnet_cidr\")", "10.10.0.0/16");
    add_variable(&fixture, "args.config.require(\"isolated_nodes_subnet_cidr\")", "10.20.1.0/24");
    add_variable(&fixture, "args.config.require(\"isolated_vnet_cidr\")", "10.20.0.0/16");
    if (!read_shared(&fixture, "aks-nsg-initial.json")) {
        tear_down(&fixture);
        skip();
    }
    assert_int_equal(fixture.layer.rule_count, 10);
    check_shared(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

static void
the_security_groups_of_a_real_cluster_decide_as_they_say(void **state)
{
    static const struct expected expected[] = {
        { "10.10.0.9 10.20.0.4 tcp/6443", "in allow isolatedSecurityGroup.id/proxy-k3s-api-acc" },
        { "10.10.0.9 10.20.0.4 tcp/6444", "in deny isolatedSecurityGroup.id/:" },
        { "10.10.0.9 10.20.0.4 icmp/8", "in allow isolatedSecurityGroup.id/allow-icmp-from-acc" },
        { "192.0.2.1 10.10.0.5 tcp/80", "in allow proxySecurityGroup.id/${name}-http-any:" },
        { "192.0.2.1 10.10.0.5 tcp/22", "in allow proxySecurityGroup.id/isolated-ssh-from-contr" },
        { "192.0.2.1 10.10.0.5 tcp/6443",
          "in maybe proxySecurityGroup.id/${name}-k3s-api-bastion:" },
        /* only ingress is written down there */
        { "10.20.0.4 192.0.2.1 tcp/443", "out deny isolatedSecurityGroup.id/:" },
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture, FLOW_LAYER_OPENSTACK);
    add_member(&fixture, "${isolatedSecurityGroup.id}", "10.20.0.0/24");
    add_member(&fixture, "proxySecurityGroup.id", "10.10.0.5");
    if (!read_shared(&fixture, "dawn-openstack-secgroups.json")) {
        tear_down(&fixture);
        skip();
    }
    assert_int_equal(fixture.layer.group_count, 3);
    check_shared(&fixture, expected, COUNT(expected));
    tear_down(&fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aws_rules_only_allow_and_what_none_matches_is_denied),
        cmocka_unit_test(aws_icmp_rules_go_by_type_and_a_code_is_not_known),
        cmocka_unit_test(aws_ports_count_with_the_named_protocols_alone),
        cmocka_unit_test(aws_without_protocol_or_port_the_rules_that_ask_for_one_are_open),
        cmocka_unit_test(aws_groups_as_peers_hold_what_their_members_hold),
        cmocka_unit_test(aws_prefix_lists_are_open_unless_a_variable_has_them),
        cmocka_unit_test(aws_groups_of_one_address_are_united),
        cmocka_unit_test(aws_does_not_filter_the_link_local_services),
        cmocka_unit_test(a_group_that_is_not_in_the_file_leaves_it_open_and_is_warned_of),
        cmocka_unit_test(aws_lists_alone_and_several_documents_are_one_layer),
        cmocka_unit_test(aws_placeholders_take_the_layers_values_and_else_are_open),
        cmocka_unit_test(azure_rules_are_tried_by_priority_and_the_first_that_matches_decides),
        cmocka_unit_test(azure_ends_with_the_default_rules_that_are_not_in_the_file),
        cmocka_unit_test(azure_default_rules_of_the_file_count_instead),
        cmocka_unit_test(azure_groups_are_read_alone_in_a_list_and_under_value),
        cmocka_unit_test(azure_internet_is_public_space_outside_the_virtual_network),
        cmocka_unit_test(azure_tags_are_open_unless_a_variable_has_them),
        cmocka_unit_test(azure_an_uncertain_rule_matters_when_the_certain_one_says_otherwise),
        cmocka_unit_test(azure_each_group_of_an_address_must_allow),
        cmocka_unit_test(azure_leaves_open_what_is_not_documented_or_not_asked),
        cmocka_unit_test(azure_application_groups_are_open_unless_a_variable_has_them),
        cmocka_unit_test(azure_services_of_the_host_pass_unless_a_rule_with_their_tag_denies),
        cmocka_unit_test(azure_placeholders_may_stand_for_lists_and_ports),
        cmocka_unit_test(openstack_rules_only_allow_their_family_protocol_and_range),
        cmocka_unit_test(openstack_peers_may_be_groups_and_address_groups),
        cmocka_unit_test(openstack_groups_are_read_alone_by_rules_and_in_camel_case),
        cmocka_unit_test(openstack_placeholders_without_a_value_are_open),
        cmocka_unit_test(bad_files_are_refused_with_their_place),
        cmocka_unit_test(a_bad_value_of_a_tag_is_told_even_where_no_rule_names_it),
        cmocka_unit_test(addresses_of_a_class_get_the_same_answer),
        cmocka_unit_test(the_lockdown_of_a_real_cluster_decides_as_its_rules_say),
        cmocka_unit_test(the_first_rules_of_a_real_cluster_decide_as_they_say),
        cmocka_unit_test(the_security_groups_of_a_real_cluster_decide_as_they_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
