/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are remembered by the record against those of a classifier that remembers none: in a
 * log of few ends and many ways to differ, every record must be judged alike.
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

#include "base/buf.h"
#include "base/str.h"
#include "check/classifier.h"
#include "libflow/libflow.h"
#include "model/batch.h"
#include "model/dict.h"

static const char manifest[] = "apiVersion: cilium.io/v2\n"
                               "kind: CiliumNetworkPolicy\n"
                               "metadata: {name: web, namespace: a}\n"
                               "spec:\n"
                               "  endpointSelector: {matchLabels: {app: web}}\n"
                               "  ingress:\n"
                               "  - fromEndpoints: [{matchLabels: {app: db}}]\n"
                               "    toPorts: [{ports: [{port: '80', protocol: TCP}]}]\n"
                               "  egress:\n"
                               "  - toFQDNs: [{matchName: a.example}]\n"
                               "  - toCIDR: [192.0.2.0/25]\n"
                               "  egressDeny:\n"
                               "  - toEntities: [host]\n";

static const char intent_text[] =
    "apiVersion: libflow.dev/v1alpha1\n"
    "kind: FlowIntent\n"
    "metadata: {name: example}\n"
    "spec:\n"
    "  cluster: {cidrs: {pods: [10.0.0.0/16]}}\n"
    "  egress:\n"
    "    default: deny\n"
    "    approved:\n"
    "    - {id: a, to: {fqdns: [a.example]}, ports: [80/TCP], expires: 2026-09-01}\n"
    "    - {id: b, to: {cidrs: [192.0.2.0/28]}, expires: 2026-09-01}\n";

#define POD(id, name, app)                                                                         \
    "{\"ID\":" #id ",\"identity\":" #app "0,\"namespace\":\"a\",\"labels\":[\"k8s:app=" name       \
    "\",\"k8s:io.kubernetes.pod.namespace=a\"],\"pod_name\":\"" name "-1\"}"

static const char *const ends[] = {
    POD(7, "web", 3),
    POD(0, "db", 4),
    "{\"identity\":2,\"labels\":[\"reserved:world\"]}",
    "{\"identity\":1,\"labels\":[\"reserved:host\"]}",
    "{}",
};
static const char *const addresses[] = { "10.0.0.1", "10.0.0.2", "192.0.2.7", "192.0.2.200",
                                         "2001:db8::7" };
static const char *const events[] = {
    "\"verdict\":\"FORWARDED\",\"event_type\":{\"type\":5}",
    "\"verdict\":\"FORWARDED\",\"event_type\":{\"type\":4},\"trace_observation_point\":"
    "\"TO_ENDPOINT\"",
    "\"verdict\":\"FORWARDED\",\"event_type\":{\"type\":4},\"trace_observation_point\":"
    "\"FROM_ENDPOINT\"",
    "\"verdict\":\"DROPPED\",\"drop_reason\":133,\"event_type\":{\"type\":1}",
    "\"verdict\":\"DROPPED\",\"drop_reason\":134,\"event_type\":{\"type\":1}",
    "\"verdict\":\"AUDIT\",\"event_type\":{\"type\":5}",
    "\"event_type\":{\"type\":7},\"Type\":\"SOCK\"",
    "\"verdict\":\"FORWARDED\",\"Type\":\"L7\",\"event_type\":{\"type\":129},\"l7\":{\"type\":"
    "\"RESPONSE\",\"dns\":{\"query\":\"a.example.\",\"ips\":[\"192.0.2.200\"],\"ttl\":3,"
    "\"rcode\":0}}",
};
static const char *const transports[] = {
    "\"TCP\":{\"source_port\":%u,\"destination_port\":80,\"flags\":{\"SYN\":true}}",
    "\"TCP\":{\"source_port\":80,\"destination_port\":%u,\"flags\":{\"ACK\":true}}",
    "\"TCP\":{\"source_port\":%u,\"destination_port\":81}",
    "\"UDP\":{\"source_port\":%u,\"destination_port\":53}",
    "\"UDP\":{\"source_port\":%u},\"ICMPv4\":{\"type\":8}",
    "\"SCTP\":{\"source_port\":%u}",
};
static const char *const replies[] = { "", ",\"is_reply\":false", ",\"is_reply\":true",
                                       ",\"reply\":true" };
static const char *const directions[] = { "", ",\"traffic_direction\":\"INGRESS\"",
                                          ",\"traffic_direction\":\"EGRESS\"" };
static const char *const names[] = { "", ",\"destination_names\":[\"a.example\"]" };

static uint32_t seed = 1;

static uint32_t
below(uint32_t limit)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 12) % limit;
}

#define ONE_OF(table) ((table)[below(sizeof(table) / sizeof((table)[0]))])

/* One of a few kinds of record; those of one kind differ in time, node and the client's port. */
static void
write_record(struct flow_buf *out, uint32_t kind, uint32_t port)
{
    const uint32_t before = seed;
    char transport[128];

    seed = kind * 2654435761u;
    /* a table's text: none of it is a stranger's */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(transport, sizeof(transport), ONE_OF(transports), port);
#pragma GCC diagnostic pop
    flow_buf_add_format(out, "\"IP\":{\"source\":\"%s\",\"destination\":\"%s\"},",
                        ONE_OF(addresses), ONE_OF(addresses));
    flow_buf_add_format(out, "\"l4\":{%s},\"source\":%s,\"destination\":%s,%s%s%s%s}}\n", transport,
                        ONE_OF(ends), ONE_OF(ends), ONE_OF(events), ONE_OF(replies),
                        ONE_OF(directions), ONE_OF(names));
    seed = before;
}

static void
write_log(struct flow_buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        flow_buf_add_format(
            out, "{\"flow\":{\"time\":\"2026-%s-01T10:00:%02u.%uZ\",\"node_name\":\"n%u\",",
            below(2) == 0 ? "08" : "10", below(60), below(10), below(2));
        write_record(out, below(2000), 40000 + below(20000));
    }
    assert_false(out->failed);
}

static void
write_file(char path[32], const char *text)
{
    const int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* What was made of a record, as text that hangs on no address of this process. */
static void
add_judged(struct flow_buf *out, const struct flow_record *record)
{
    const struct flow_decision *decision = record->decision;
    const struct flow_intent_decision *intent = record->intent_decision;

    flow_buf_add_format(out, "%u %u %u %u %u %u %u %u %x |", record->observed, record->expected,
                        record->result, record->intent, record->scope, record->dns, record->swapped,
                        record->judged_direction, record->undecided);
    if (decision != NULL) {
        flow_buf_add_format(out, "%s %x ", decision->policy != NULL ? decision->policy->name : "-",
                            decision->undecided);
        flow_buf_add_str(out, decision->rule);
    }
    if (intent != NULL) {
        flow_buf_add_format(out, "| %zu %x %s", (size_t)intent->violation_count, intent->undecided,
                            intent->approval != NULL ? intent->approval->statement.name : "-");
    }
    for (uint32_t i = 0; record->server_names != NULL && i < record->server_names->count; i++) {
        flow_buf_add_char(out, ' ');
        flow_buf_add_str(out, record->server_names->texts[i]);
    }
    flow_buf_add_char(out, '\n');
}

static void
judge_all(struct flow_str log, const struct flow_policies *policies,
          const struct flow_intent_document *intent, bool remembers, struct flow_buf *out)
{
    struct flow_classifier *classifier;
    struct flow_reader *reader;
    struct flow_names *learned;
    struct flow_batch *batch;
    struct flow_error err;
    int rc;

    assert_int_equal(flow_reader_open_memory(&reader, log.ptr, log.len, NULL, &err), FLOW_OK);
    assert_int_equal(flow_batch_new(&batch, &err), FLOW_OK);
    assert_int_equal(flow_names_new(&learned, &err), FLOW_OK);
    assert_int_equal(flow_classifier_new(&classifier, policies, &err), FLOW_OK);
    flow_classifier_set_names(classifier, learned);
    flow_classifier_set_intent(classifier, intent);
    classifier->repeats_off = !remembers;
    while ((rc = flow_reader_next(reader, batch, &err)) == FLOW_OK) {
        assert_int_equal(flow_batch_problem_count(batch), 0);
        assert_int_equal(flow_names_learn(learned, batch, &err), FLOW_OK);
        assert_int_equal(flow_classifier_run(classifier, batch, &err), FLOW_OK);
        for (size_t i = 0; i < flow_batch_count(batch); i++) {
            add_judged(out, flow_batch_at(batch, i));
        }
    }
    assert_int_equal(rc, FLOW_END);
    flow_classifier_free(classifier);
    flow_names_free(learned);
    flow_batch_free(batch);
    flow_reader_close(reader);
}

static void
a_record_that_repeats_another_is_judged_as_if_it_stood_alone(void **state)
{
    char policy_path[32] = "/tmp/repeat-policy-XXXXXX";
    char intent_path[32] = "/tmp/repeat-intent-XXXXXX";
    const char *path = policy_path;
    struct flow_policies_options options;
    struct flow_intent_document *intent;
    struct flow_policies *policies;
    struct flow_buf log = { 0 };
    struct flow_error err;

    (void)state;
    write_file(policy_path, manifest);
    write_file(intent_path, intent_text);
    flow_policies_options_init(&options, sizeof(options));
    options.manifests = &path;
    options.manifest_count = 1;
    assert_int_equal(flow_policies_load(&policies, &options, &err), FLOW_OK);
    assert_int_equal(flow_intent_load(&intent, intent_path, NULL, &err), FLOW_OK);
    write_log(&log, 60000);
    for (size_t with_intent = 0; with_intent < 2; with_intent++) {
        struct flow_buf quick = { 0 };
        struct flow_buf plain = { 0 };
        const struct flow_intent_document *asked = with_intent == 1 ? intent : NULL;

        judge_all(flow_buf_str(&log), policies, asked, true, &quick);
        judge_all(flow_buf_str(&log), policies, asked, false, &plain);
        assert_false(quick.failed || plain.failed);
        assert_true(flow_str_equal(flow_buf_str(&quick), flow_buf_str(&plain)));
        flow_buf_free(&quick);
        flow_buf_free(&plain);
    }
    flow_buf_free(&log);
    flow_intent_free(intent);
    flow_policies_free(policies);
    unlink(policy_path);
    unlink(intent_path);
}

static void
a_cache_that_was_emptied_can_be_filled_anew(void **state)
{
    struct flow_cache cache = { .room = 0 };
    char key[32];

    (void)state;
    for (unsigned turn = 0; turn < 3; turn++) {
        assert_true(flow_intern_init(&cache.keys));
        for (unsigned i = 0; i < 1000; i++) {
            snprintf(key, sizeof(key), "%u", i);
            assert_true(flow_cache_put(&cache, flow_str_of(key), &names[i % 2]));
        }
        assert_ptr_equal(flow_cache_find(&cache, FLOW_STR("999")), &names[1]);
        flow_cache_free(&cache);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_that_repeats_another_is_judged_as_if_it_stood_alone),
        cmocka_unit_test(a_cache_that_was_emptied_can_be_filled_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
