/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same flows by JSON, protobuf and archive are the same records, however the bytes are cut up,
 * cut short or damaged; and protobuf-c, which did not write our decoder, reads the same from them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "hubble_observer.pb-c.h"
#include "libflow/libflow.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Every field that a record has a place for, and some that it has not. */
static const char log_text[] =
    "{\"flow\":{\"time\":\"2026-09-01T10:00:00.000000001Z\",\"uuid\":\"u-1\",\"emitter\":{\"name\":"
    "\"Hubble\",\"version\":\"1.19.1\"},\"verdict\":\"DROPPED\",\"drop_reason\":133,\"auth_type\":"
    "\"SPIRE\",\"ethernet\":{\"source\":\"02:00:00:00:00:01\",\"destination\":\"02:00:00:00:00:"
    "02\"}"
    ",\"IP\":{\"source\":\"10.0.0.1\",\"source_xlated\":\"192.0.2.9\",\"destination\":\"10.0.0.2\","
    "\"ipVersion\":\"IPv4\",\"encrypted\":true},\"l4\":{\"TCP\":{\"source_port\":40000,"
    "\"destination_port\":443,\"flags\":{\"SYN\":true,\"ECE\":true,\"NS\":true}}},\"tunnel\":{"
    "\"protocol\":\"VXLAN\",\"vni\":7001},\"source\":{\"ID\":17,\"identity\":4711,\"cluster_name\":"
    "\"tre\",\"namespace\":\"lab\",\"labels\":[\"k8s:app=matlab\",\"reserved:host\",\"app=x\"],"
    "\"pod_name\":\"matlab-0\",\"workloads\":[{\"name\":\"matlab\",\"kind\":\"StatefulSet\"},{"
    "\"name\":\"other\"}]},\"destination\":{\"identity\":2,\"labels\":[\"reserved:world\"]},"
    "\"Type\":\"L3_L4\",\"node_name\":\"tre/node-1\",\"node_labels\":[\"a=b\"],\"source_names\":["
    "\"client.example\"],\"destination_names\":[\"licence.example.com\",\"b\\u00fcro.example\"],"
    "\"event_type\":{\"type\":1,\"sub_type\":133},\"source_service\":{\"name\":\"s\",\"namespace\":"
    "\"lab\"},\"destination_service\":{\"name\":\"d\"},\"traffic_direction\":\"EGRESS\","
    "\"policy_match_type\":2,\"trace_observation_point\":\"TO_ENDPOINT\",\"trace_reason\":\"NEW\","
    "\"drop_reason_desc\":\"POLICY_DENIED\",\"is_reply\":false,\"proxy_port\":15001,"
    "\"sock_xlate_point\":\"SOCK_XLATE_POINT_PRE_DIRECTION_FWD\",\"Summary\":\"TCP Flags: SYN\","
    "\"egress_denied_by\":[{\"name\":\"deny\",\"namespace\":\"lab\",\"kind\":\"NetworkPolicy\","
    "\"revision\":\"12\",\"labels\":[\"x\"]},{\"name\":\"two\"}],\"ingress_allowed_by\":[{\"name\":"
    "\"in\"}],\"aggregate\":{\"ingress_flow_count\":3,\"egress_flow_count\":4}},\"node_name\":"
    "\"node-1\",\"time\":\"2026-09-01T10:00:00.000000001Z\"}\n"
    "{\"flow\":{\"time\":\"2026-09-01T10:00:01Z\",\"verdict\":\"REDIRECTED\",\"IP\":{\"source\":"
    "\"2001:db8::1\",\"destination\":\"2001:db8::2\",\"ipVersion\":\"IPv6\"},\"l4\":{\"UDP\":{"
    "\"source_port\":53,\"destination_port\":40000}},\"Type\":\"L7\",\"source\":{},\"l7\":{"
    "\"type\":"
    "\"RESPONSE\",\"latency_ns\":\"12345678901\",\"dns\":{\"query\":\"a.example.\",\"ips\":["
    "\"192.0.2.1\",\"192.0.2.2\"],\"ttl\":4294967295,\"cnames\":[\"b.example.\"],"
    "\"observation_source\":\"proxy\",\"rcode\":3,\"qtypes\":[\"A\"],\"rrtypes\":[\"A\",\"CNAME\"]}"
    "},\"is_reply\":true,\"event_type\":{\"type\":129}}}\n"
    "{\"flow\":{\"time\":\"1969-12-31T23:59:59.5Z\",\"verdict\":\"FORWARDED\",\"l4\":{\"TCP\":{"
    "\"destination_port\":80}},\"l7\":{\"type\":\"REQUEST\",\"http\":{\"code\":200,\"method\":"
    "\"GET\",\"url\":\"http://x/?a\\u0026b\",\"protocol\":\"HTTP/1.1\",\"headers\":[{\"key\":\"A\","
    "\"value\":\"1\"},{\"key\":\"B\",\"value\":\"\"}]}},\"reply\":true}}\n"
    "{\"flow\":{\"l7\":{\"kafka\":{\"error_code\":-1,\"api_version\":7,\"api_key\":\"fetch\","
    "\"correlation_id\":-2147483648,\"topic\":\"t\"}},\"l4\":{\"ICMPv4\":{\"type\":8}},"
    "\"event_type\":{\"type\":-4}}}\n"
    "{\"flow\":{\"l4\":{\"ICMPv6\":{\"type\":128,\"code\":1}},\"verdict\":15}}\n"
    "{\"flow\":{\"l4\":{\"SCTP\":{\"source_port\":1,\"destination_port\":65535}}}}\n"
    "{\"flow\":{\"l4\":{\"IGMP\":{\"type\":22}}}}\n"
    "{\"lost_events\":{\"source\":\"PERF_EVENT_RING_BUFFER\",\"num_events_lost\":\"7\",\"cpu\":3,"
    "\"first\":\"2026-09-01T10:00:00Z\",\"last\":\"2026-09-01T10:00:01Z\"},\"node_name\":\"n2\","
    "\"time\":\"2026-09-01T10:00:02Z\"}\n"
    "{\"node_status\":{\"state_change\":\"NODE_CONNECTED\",\"node_names\":[\"a\",\"b\"]},"
    "\"node_name\":\"relay\"}\n"
    "{\"agent_event\":{\"type\":\"AGENT_STARTED\",\"agent_start\":{\"time\":"
    "\"2026-09-01T10:00:00Z\"}}}\n"
    "{\"debug_event\":{\"type\":\"DBG_GENERIC\",\"hash\":1}}\n";

enum { RECORDS = 11 };

struct bytes {
    char *ptr;
    size_t len;
};

struct forms {
    struct bytes json, protobuf, archive;
};

static struct flow_str
str(struct bytes bytes)
{
    return (struct flow_str){ bytes.ptr, bytes.len };
}

/* The log in another form, through the writer. */
static struct bytes
convert(struct flow_str log, const char *format)
{
    char path[] = "/tmp/flow-proto-XXXXXX";
    const int fd = mkstemp(path);
    struct flow_writer *writer;
    struct flow_reader *reader;
    struct flow_batch *batch;
    struct bytes bytes = { NULL, 0 };
    struct flow_error err;
    off_t len;

    assert_true(fd >= 0);
    assert_int_equal(flow_writer_open(&writer, format, path, NULL, &err), FLOW_OK);
    assert_int_equal(flow_reader_open_memory(&reader, log.ptr, log.len, NULL, &err), FLOW_OK);
    assert_int_equal(flow_batch_new(&batch, &err), FLOW_OK);
    while (flow_reader_next(reader, batch, &err) == FLOW_OK) {
        assert_int_equal(flow_batch_problem_count(batch), 0);
        assert_int_equal(flow_writer_write(writer, batch, &err), FLOW_OK);
    }
    assert_int_equal(flow_writer_finish(writer, &err), FLOW_OK);
    flow_writer_close(writer);
    flow_reader_close(reader);
    flow_batch_free(batch);
    len = lseek(fd, 0, SEEK_END);
    bytes.len = (size_t)len;
    bytes.ptr = malloc(bytes.len + 1);
    assert_non_null(bytes.ptr);
    assert_int_equal(pread(fd, bytes.ptr, bytes.len, 0), len);
    close(fd);
    remove(path);
    return bytes;
}

static int
make_forms(void **state)
{
    struct forms *forms = calloc(1, sizeof(*forms));
    const struct flow_str log = { log_text, sizeof(log_text) - 1 };

    assert_non_null(forms);
    forms->json.ptr = strdup(log_text);
    forms->json.len = log.len;
    forms->protobuf = convert(log, "protobuf");
    forms->archive = convert(log, "archive");
    *state = forms;
    return 0;
}

static int
free_forms(void **state)
{
    struct forms *forms = *state;

    free(forms->json.ptr);
    free(forms->protobuf.ptr);
    free(forms->archive.ptr);
    free(forms);
    return 0;
}

/* All that a record says, as text: two records that say the same have the same text. */
static void
tell_str(FILE *out, const char *name, struct flow_str text)
{
    fprintf(out, "%s=%.*s;", name, (int)text.len, text.len > 0 ? text.ptr : "");
}

static void
tell_list(FILE *out, const char *name, const struct flow_text_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        tell_str(out, name, list->texts[i]);
    }
}

static void
tell_address(FILE *out, const struct flow_address *address)
{
    char text[FLOW_ADDRESS_TEXT_MAX];

    fprintf(out, "%s;", flow_address_format(address, text));
}

static void
tell_end(FILE *out, const struct flow_endpoint *end)
{
    fprintf(out, "end=%u,%u,%d;", end->local_id, end->identity, end->has_labels);
    tell_str(out, "ns", end->namespace_name);
    tell_str(out, "pod", end->pod_name);
    tell_str(out, "cluster", end->cluster_name);
    tell_str(out, "workload", end->workload_name);
    tell_str(out, "kind", end->workload_kind);
    for (uint32_t i = 0; i < end->labels->count; i++) {
        tell_str(out, "source", end->labels->labels[i].source);
        tell_str(out, "key", end->labels->labels[i].key);
        tell_str(out, "value", end->labels->labels[i].value);
    }
}

static void
tell_policies(FILE *out, const char *name, const struct flow_policy_ref_list *list)
{
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        tell_str(out, name, list->refs[i].name);
        tell_str(out, "ns", list->refs[i].namespace_name);
        tell_str(out, "kind", list->refs[i].kind);
        fprintf(out, "%llu;", (unsigned long long)list->refs[i].revision);
    }
}

static void
tell_l7(FILE *out, const struct flow_l7 *l7)
{
    if (l7 == NULL) {
        return;
    }
    fprintf(out, "l7=%u,%u,%llu,%u,%u,%u,%d,%d,%d;", l7->type, l7->protocol,
            (unsigned long long)l7->latency_ns, l7->dns_ttl, l7->dns_rcode, l7->http_code,
            l7->kafka_error_code, l7->kafka_api_version, l7->kafka_correlation_id);
    tell_str(out, "query", l7->dns_query);
    tell_str(out, "by", l7->dns_observation_source);
    tell_list(out, "ip", &l7->dns_ips);
    tell_list(out, "cname", &l7->dns_cnames);
    tell_list(out, "qtype", &l7->dns_qtypes);
    tell_list(out, "rrtype", &l7->dns_rrtypes);
    tell_str(out, "method", l7->http_method);
    tell_str(out, "url", l7->http_url);
    tell_str(out, "protocol", l7->http_protocol);
    for (uint32_t i = 0; i < l7->http_header_count; i++) {
        tell_str(out, "name", l7->http_headers[i].name);
        tell_str(out, "value", l7->http_headers[i].value);
    }
    tell_str(out, "key", l7->kafka_api_key);
    tell_str(out, "topic", l7->kafka_topic);
}

static void
tell_record(FILE *out, const struct flow_record *record)
{
    fprintf(out, "%u#%llu t=%lld v=%u d=%u ty=%u di=%u re=%u ev=%d,%d tp=%u,%u a=%u s=%u m=%u p=%u",
            record->kind, (unsigned long long)record->number, (long long)record->time,
            record->verdict, record->drop_reason, record->type, record->direction, record->is_reply,
            record->event_type, record->event_subtype, record->trace_point, record->trace_reason,
            record->auth_type, record->sock_point, record->policy_match_type, record->proxy_port);
    fprintf(out, " ip=%u,%d l4=%u,%d,%u,%u,%x,%u,%u ag=%u,%u,%u tu=%d;", record->ip_version,
            record->encrypted, record->protocol, record->has_ports, record->source_port,
            record->destination_port, record->tcp_flags, record->icmp_type, record->icmp_code,
            record->aggregate[0], record->aggregate[1], record->aggregate[2], record->tunnelled);
    tell_str(out, "uuid", record->uuid);
    tell_str(out, "node", record->node_name);
    tell_address(out, &record->source_address);
    tell_address(out, &record->destination_address);
    tell_address(out, &record->source_translated);
    tell_end(out, record->source);
    tell_end(out, record->destination);
    tell_list(out, "sn", record->source_names);
    tell_list(out, "dn", record->destination_names);
    if (record->source_service != NULL) {
        tell_str(out, "ss", record->source_service->name);
        tell_str(out, "ssn", record->source_service->namespace_name);
    }
    if (record->destination_service != NULL) {
        tell_str(out, "ds", record->destination_service->name);
        tell_str(out, "dsn", record->destination_service->namespace_name);
    }
    for (size_t i = 0; i < 2; i++) {
        tell_policies(out, i == 0 ? "ia" : "ea", record->allowed_by[i]);
        tell_policies(out, i == 0 ? "id" : "ed", record->denied_by[i]);
    }
    tell_l7(out, record->l7);
    if (record->status != NULL) {
        fprintf(out, "state=%u;", record->status->state);
        tell_list(out, "of", &record->status->names);
        tell_str(out, "message", record->status->message);
    }
    if (record->lost != NULL) {
        fprintf(out, "lost=%u,%llu,%d,%lld,%lld", record->lost->source,
                (unsigned long long)record->lost->count, record->lost->cpu,
                (long long)record->lost->first, (long long)record->lost->last);
    }
    fputc('\n', out);
}

struct outcome {
    char *text;
    size_t len;
    size_t records, problems;
    struct flow_error problem; /* the last */
};

static void
take_batch(FILE *out, const struct flow_batch *batch, struct outcome *outcome)
{
    for (size_t i = 0; i < flow_batch_count(batch); i++) {
        tell_record(out, flow_batch_at(batch, i));
        outcome->records++;
    }
    for (size_t i = 0; i < flow_batch_problem_count(batch); i++) {
        outcome->problem = *flow_batch_problem_at(batch, i);
        outcome->problems++;
    }
}

static struct outcome
read_chunks(struct flow_str bytes, size_t chunk)
{
    struct outcome outcome = { .records = 0 };
    struct flow_reader_options options;
    struct flow_reader *reader;
    struct flow_batch *batch;
    struct flow_error err;
    FILE *out = open_memstream(&outcome.text, &outcome.len);

    flow_reader_options_init(&options, sizeof(options));
    options.chunk = chunk;
    assert_non_null(out);
    assert_int_equal(flow_reader_open_memory(&reader, bytes.ptr, bytes.len, &options, &err),
                     FLOW_OK);
    assert_int_equal(flow_batch_new(&batch, &err), FLOW_OK);
    while (flow_reader_next(reader, batch, &err) == FLOW_OK) {
        take_batch(out, batch, &outcome);
    }
    flow_batch_free(batch);
    flow_reader_close(reader);
    fclose(out);
    return outcome;
}

static struct outcome
read_pushed(struct flow_str bytes, size_t piece)
{
    struct outcome outcome = { .records = 0 };
    struct flow_reader *reader;
    struct flow_batch *batch;
    struct flow_error err;
    FILE *out = open_memstream(&outcome.text, &outcome.len);
    size_t at = 0;
    int rc;

    assert_non_null(out);
    assert_int_equal(flow_reader_open_push(&reader, NULL, NULL, &err), FLOW_OK);
    assert_int_equal(flow_batch_new(&batch, &err), FLOW_OK);
    while ((rc = flow_reader_next(reader, batch, &err)) != FLOW_END) {
        const size_t left = bytes.len - at;

        assert_true(rc == FLOW_OK || rc == FLOW_AGAIN);
        take_batch(out, batch, &outcome);
        if (rc == FLOW_AGAIN && left == 0) {
            flow_reader_push_end(reader);
        } else if (rc == FLOW_AGAIN) {
            const size_t some = left < piece ? left : piece;

            assert_int_equal(flow_reader_push(reader, bytes.ptr + at, some, &err), FLOW_OK);
            at += some;
        }
    }
    assert_int_equal(flow_reader_push(reader, "x", 1, &err), FLOW_E_ARGUMENT);
    flow_batch_free(batch);
    flow_reader_close(reader);
    fclose(out);
    return outcome;
}

static const size_t chunks[] = { 0, 1, 2, 3, 7, 100, 511, 513 };

static void
the_same_flows_are_the_same_records_by_every_form_in_any_pieces(void **state)
{
    const struct forms *forms = *state;
    const struct bytes all[] = { forms->json, forms->protobuf, forms->archive };
    struct outcome reference = read_chunks(str(forms->json), 0);

    assert_int_equal(reference.records, RECORDS);
    assert_int_equal(reference.problems, 0);
    for (size_t form = 0; form < COUNT(all); form++) {
        for (size_t i = 0; i < COUNT(chunks); i++) {
            struct outcome outcome = read_chunks(str(all[form]), chunks[i]);

            assert_string_equal(outcome.text, reference.text);
            assert_int_equal(outcome.problems, 0);
            free(outcome.text);
            if (chunks[i] > 0) {
                outcome = read_pushed(str(all[form]), chunks[i]);
                assert_string_equal(outcome.text, reference.text);
                assert_int_equal(outcome.problems, 0);
                free(outcome.text);
            }
        }
    }
    free(reference.text);
}

/* Where each message of delimited protobuf ends. */
static size_t
find_ends(struct bytes bytes, size_t ends[RECORDS + 1])
{
    size_t count = 0, at = 0;

    ends[count++] = 0;
    while (at < bytes.len) {
        size_t len = 0;
        unsigned shift = 0;

        do {
            len |= (size_t)(bytes.ptr[at] & 0x7f) << shift;
            shift += 7;
        } while ((bytes.ptr[at++] & 0x80) != 0);
        at += len;
        ends[count++] = at;
    }
    return count;
}

static void
protobuf_cut_short_anywhere_gives_its_whole_messages_and_then_one_problem(void **state)
{
    const struct forms *forms = *state;
    size_t ends[RECORDS + 1];
    const size_t count = find_ends(forms->protobuf, ends);
    size_t whole = 0;

    assert_int_equal(count, RECORDS + 1);
    for (size_t cut = 8; cut < forms->protobuf.len; cut++) {
        struct outcome outcome = read_chunks((struct flow_str){ forms->protobuf.ptr, cut }, 0);

        while (whole + 1 < count && ends[whole + 1] <= cut) {
            whole++;
        }
        assert_int_equal(outcome.records, whole);
        assert_int_equal(outcome.problems, ends[whole] == cut ? 0 : 1);
        if (outcome.problems > 0) {
            assert_int_equal(outcome.problem.status, FLOW_E_TRUNCATED);
            assert_int_equal(outcome.problem.offset, cut);
        }
        free(outcome.text);
    }
}

static void
an_archive_cut_short_anywhere_gives_records_or_a_problem_with_its_place(void **state)
{
    const struct forms *forms = *state;
    struct outcome whole = read_chunks(str(forms->archive), 0);
    const size_t index =
        8 + ((uint8_t)forms->archive.ptr[4] | (size_t)(uint8_t)forms->archive.ptr[5] << 8);

    for (size_t cut = 8; cut < forms->archive.len; cut++) {
        struct outcome outcome = read_chunks((struct flow_str){ forms->archive.ptr, cut }, 0);

        /* an index alone is a whole file of zstd's, with nothing in it */
        assert_true(outcome.records == whole.records || outcome.problems > 0 || cut == index);
        assert_true(outcome.records <= whole.records);
        assert_memory_equal(outcome.text, whole.text,
                            outcome.records == 0      ? 0
                            : outcome.len < whole.len ? 20
                                                      : whole.len);
        assert_true(outcome.problems == 0 || outcome.problem.offset <= whole.len * 10);
        free(outcome.text);
    }
    free(whole.text);
}

/* How many of the reference's first lines an outcome begins with. */
static size_t
same_lines(const char *a, const char *b)
{
    size_t lines = 0;

    for (; *a != '\0' && *a == *b; a++, b++) {
        lines += *a == '\n' ? 1 : 0;
    }
    return lines;
}

static void
a_damaged_byte_costs_no_message_before_it_and_at_most_the_next_behind(void **state)
{
    const struct forms *forms = *state;
    struct outcome whole = read_chunks(str(forms->protobuf), 0);
    struct bytes copy = { malloc(forms->protobuf.len), forms->protobuf.len };
    size_t ends[RECORDS + 1];
    const size_t count = find_ends(forms->protobuf, ends);
    size_t before = 0;

    assert_non_null(copy.ptr);
    for (size_t at = 0; at < copy.len; at++) {
        memcpy(copy.ptr, forms->protobuf.ptr, copy.len);
        while (before + 1 < count && ends[before + 1] <= at) {
            before++;
        }
        for (size_t i = 0; i < 3; i++) {
            static const uint8_t masks[] = { 0x01, 0x80, 0xff };
            struct outcome outcome;

            copy.ptr[at] = (char)(forms->protobuf.ptr[at] ^ masks[i]);
            outcome = read_chunks(str(copy), 0);
            /* the first message's first bytes tell the format */
            if (at >= 8) {
                assert_true(same_lines(outcome.text, whole.text) >= before);
                assert_true(outcome.records + 2 >= RECORDS);
            }
            free(outcome.text);
        }
    }
    free(copy.ptr);
    free(whole.text);
}

static void
damage_does_not_depend_on_how_the_bytes_arrive(void **state)
{
    const struct forms *forms = *state;
    struct bytes copy = { malloc(forms->protobuf.len), forms->protobuf.len };

    assert_non_null(copy.ptr);
    for (size_t at = 8; at < copy.len; at += 5) {
        struct outcome whole;

        memcpy(copy.ptr, forms->protobuf.ptr, copy.len);
        copy.ptr[at] = (char)(copy.ptr[at] ^ 0xff);
        whole = read_chunks(str(copy), 0);
        for (size_t i = 1; i < COUNT(chunks); i++) {
            struct outcome outcome = read_chunks(str(copy), chunks[i]);

            assert_string_equal(outcome.text, whole.text);
            assert_int_equal(outcome.problems, whole.problems);
            free(outcome.text);
        }
        free(whole.text);
    }
    free(copy.ptr);
}

static void
garbage_between_messages_is_passed_over_and_told_once(void **state)
{
    static const char garbage[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffgarbage";
    const struct forms *forms = *state;
    const size_t len = forms->protobuf.len;
    char *both = malloc(2 * len + sizeof(garbage));
    struct outcome outcome;

    assert_non_null(both);
    memcpy(both, forms->protobuf.ptr, len);
    memcpy(both + len, garbage, sizeof(garbage));
    memcpy(both + len + sizeof(garbage), forms->protobuf.ptr, len);
    outcome = read_chunks((struct flow_str){ both, 2 * len + sizeof(garbage) }, 0);
    assert_int_equal(outcome.records, 2 * RECORDS);
    assert_int_equal(outcome.problems, 1);
    assert_int_equal(outcome.problem.offset, len);
    free(outcome.text);
    free(both);
}

static void
text_is_not_taken_for_protobuf(void **state)
{
    static const char *const texts[] = {
        "{\n  \"flow\": {}}",
        "{\n\t\"flow\": {}}",
        "{\"flow\":{}}\n",
        "[\n{}]",
        "\n\n\n\n\n\n\n\n\n\n\n",
        "  \n  {\"a\":1}",
        "level=info\n",
        "# comment\nkey: x\n",
        "\n\x20",
        "a,b,c\n1,2,3\n",
        "{\n\n\n\n\n\n}\n",
        "\n\"\n\n\n\n\n\n\n\n\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        const struct flow_str text = { texts[i], strlen(texts[i]) };
        struct flow_reader *reader;
        struct flow_batch *batch;
        struct flow_input_stats stats;
        struct flow_error err;

        assert_int_equal(flow_reader_open_memory(&reader, text.ptr, text.len, NULL, &err), FLOW_OK);
        assert_int_equal(flow_batch_new(&batch, &err), FLOW_OK);
        while (flow_reader_next(reader, batch, &err) == FLOW_OK) {
        }
        assert_int_equal(flow_reader_input(reader, 0, &stats), FLOW_OK);
        assert_string_equal(stats.format, "hubble-json");
        flow_batch_free(batch);
        flow_reader_close(reader);
    }
}

static void
expect_text(const char *theirs, struct flow_str ours)
{
    assert_int_equal(strlen(theirs), ours.len);
    assert_memory_equal(theirs, ours.ptr != NULL ? ours.ptr : "", ours.len);
}

static void
expect_end(const Flow__Endpoint *theirs, const struct flow_endpoint *ours)
{
    assert_int_equal(theirs != NULL ? theirs->identity : 0, ours->identity);
    assert_int_equal(theirs != NULL ? theirs->id : 0, ours->local_id);
    assert_int_equal(theirs != NULL ? theirs->n_labels : 0, ours->labels->count);
    if (theirs != NULL) {
        expect_text(theirs->namespace_, ours->namespace_name);
        expect_text(theirs->pod_name, ours->pod_name);
        expect_text(theirs->cluster_name, ours->cluster_name);
    }
}

/* What protobuf-c unpacks of a flow's message, against what the decoder made of it. */
static void
expect_same(const Flow__Flow *theirs, const struct flow_record *ours)
{
    assert_int_equal(theirs->verdict, ours->verdict);
    assert_int_equal(theirs->drop_reason, ours->drop_reason);
    assert_int_equal(theirs->type, ours->type);
    assert_int_equal(theirs->traffic_direction, ours->direction);
    assert_int_equal(theirs->trace_observation_point, ours->trace_point);
    assert_int_equal(theirs->proxy_port, ours->proxy_port);
    expect_text(theirs->uuid, ours->uuid);
    expect_end(theirs->source, ours->source);
    expect_end(theirs->destination, ours->destination);
    assert_int_equal(theirs->n_destination_names, ours->destination_names->count);
    assert_int_equal(theirs->event_type != NULL ? theirs->event_type->type : 0, ours->event_type);
    assert_int_equal(theirs->is_reply == NULL  ? FLOW_UNKNOWN
                     : theirs->is_reply->value ? FLOW_YES
                                               : FLOW_NO,
                     theirs->is_reply == NULL && theirs->reply ? FLOW_UNKNOWN : ours->is_reply);
    if (theirs->time != NULL) {
        assert_int_equal(theirs->time->seconds * 1000000000 + theirs->time->nanos, ours->time);
    }
    if (theirs->l4 != NULL && theirs->l4->protocol_case == FLOW__LAYER4__PROTOCOL_TCP) {
        assert_int_equal(theirs->l4->tcp->source_port, ours->source_port);
        assert_int_equal(theirs->l4->tcp->destination_port, ours->destination_port);
    }
    if (theirs->l7 != NULL) {
        assert_int_equal(theirs->l7->latency_ns, ours->l7->latency_ns);
    }
}

static void
protobuf_c_reads_the_same_from_the_same_bytes(void **state)
{
    const struct forms *forms = *state;
    struct flow_reader *reader;
    struct flow_batch *batch;
    struct flow_error err;
    size_t flows = 0;

    assert_int_equal(
        flow_reader_open_memory(&reader, forms->protobuf.ptr, forms->protobuf.len, NULL, &err),
        FLOW_OK);
    assert_int_equal(flow_batch_new(&batch, &err), FLOW_OK);
    while (flow_reader_next(reader, batch, &err) == FLOW_OK) {
        for (size_t i = 0; i < flow_batch_count(batch); i++) {
            const struct flow_record *record = flow_batch_at(batch, i);
            Observer__ExportEvent *event;

            assert_int_equal(record->encoding, FLOW_ENCODING_HUBBLE_PROTOBUF);
            event = observer__export_event__unpack(NULL, record->raw.len,
                                                   (const uint8_t *)record->raw.ptr);
            assert_non_null(event);
            if (event->response_types_case == OBSERVER__EXPORT_EVENT__RESPONSE_TYPES_FLOW) {
                expect_same(event->flow, record);
                flows++;
            }
            observer__export_event__free_unpacked(event, NULL);
        }
    }
    assert_int_equal(flows, 7);
    flow_batch_free(batch);
    flow_reader_close(reader);
}

/* Two messages for one field are one, and a list's items may stand apart. */
static void
parts_that_stand_apart_are_put_together(void **state)
{
    static const uint8_t message[] = {
        0x0a, 0x1b,                  /* flow */
        0x42, 0x02, 0x10, 0x07,      /* source: identity 7 */
        0x72, 0x01, 'a',             /* destination_names */
        0x10, 0x01,                  /* verdict FORWARDED */
        0x72, 0x01, 'b',             /* another name */
        0x42, 0x03, 0x1a, 0x01, 'n', /* source: namespace n */
        0x10, 0x02,                  /* verdict DROPPED: the last counts */
        0x32, 0x02, 0x12, 0x00,      /* l4: UDP {} */
        0xd2, 0x01, 0x00,            /* is_reply {}: no */
        0x08,                        /* the length of what follows ... */
    };
    char bytes[64];
    struct flow_reader *reader;
    struct flow_batch *batch;
    const struct flow_record *record;
    struct flow_error err;

    (void)state;
    bytes[0] = (char)(sizeof(message) - 1);
    memcpy(bytes + 1, message, sizeof(message) - 1);
    bytes[2] = (char)(sizeof(message) - 3); /* of the flow */
    assert_int_equal(flow_reader_open_memory(&reader, bytes, sizeof(message), NULL, &err), FLOW_OK);
    assert_int_equal(flow_batch_new(&batch, &err), FLOW_OK);
    assert_int_equal(flow_reader_next(reader, batch, &err), FLOW_OK);
    assert_int_equal(flow_batch_count(batch), 1);
    record = flow_batch_at(batch, 0);
    assert_int_equal(record->source->identity, 7);
    assert_int_equal(record->source->namespace_name.len, 1);
    assert_int_equal(record->destination_names->count, 2);
    assert_int_equal(record->verdict, FLOW_VERDICT_DROPPED);
    assert_int_equal(record->protocol, FLOW_PROTOCOL_UDP);
    assert_int_equal(record->is_reply, FLOW_NO);
    flow_batch_free(batch);
    flow_reader_close(reader);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_flows_are_the_same_records_by_every_form_in_any_pieces),
        cmocka_unit_test(protobuf_cut_short_anywhere_gives_its_whole_messages_and_then_one_problem),
        cmocka_unit_test(an_archive_cut_short_anywhere_gives_records_or_a_problem_with_its_place),
        cmocka_unit_test(a_damaged_byte_costs_no_message_before_it_and_at_most_the_next_behind),
        cmocka_unit_test(damage_does_not_depend_on_how_the_bytes_arrive),
        cmocka_unit_test(garbage_between_messages_is_passed_over_and_told_once),
        cmocka_unit_test(text_is_not_taken_for_protobuf),
        cmocka_unit_test(protobuf_c_reads_the_same_from_the_same_bytes),
        cmocka_unit_test(parts_that_stand_apart_are_put_together),
    };

    return cmocka_run_group_tests(tests, make_forms, free_forms);
}
