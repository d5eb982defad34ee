/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as an intent document, as a layer of one, and as the configuration of an exporter. A
 * document that loads judges a few flows, the same twice.
 */
#include "fuzz.h"

#include <stdio.h>

#include "libflow/libflow.h"
#include "manifest/documents.h"

static const char flows[] =
    "{\"time\":\"2026-09-01T10:00:00Z\",\"verdict\":\"FORWARDED\","
    "\"IP\":{\"source\":\"10.0.0.1\",\"destination\":\"10.0.0.2\"},"
    "\"l4\":{\"TCP\":{\"source_port\":4000,\"destination_port\":443,\"flags\":{\"SYN\":true}}},"
    "\"source\":{\"identity\":1001,\"namespace\":\"a\",\"labels\":[\"k8s:app=a\","
    "\"k8s:io.kubernetes.pod.namespace=a\"],\"pod_name\":\"a-1\"},"
    "\"destination\":{\"identity\":1002,\"namespace\":\"b\",\"labels\":[\"k8s:app=b\","
    "\"k8s:io.kubernetes.pod.namespace=b\"],\"pod_name\":\"b-1\"},"
    "\"traffic_direction\":\"INGRESS\",\"is_reply\":false,\"event_type\":{\"type\":5}}\n"
    "{\"time\":\"2026-09-01T10:00:00Z\",\"verdict\":\"FORWARDED\","
    "\"IP\":{\"source\":\"10.0.0.1\",\"destination\":\"192.0.2.1\"},"
    "\"l4\":{\"UDP\":{\"source_port\":4000,\"destination_port\":53}},"
    "\"source\":{\"identity\":1001,\"namespace\":\"a\",\"labels\":[\"k8s:app=a\","
    "\"k8s:io.kubernetes.pod.namespace=a\"],\"pod_name\":\"a-1\"},"
    "\"destination\":{\"identity\":2,\"labels\":[\"reserved:world\"]},"
    "\"destination_names\":[\"www.example.org\"],"
    "\"traffic_direction\":\"EGRESS\",\"is_reply\":false,\"event_type\":{\"type\":5}}\n"
    "{\"verdict\":\"FORWARDED\",\"IP\":{\"source\":\"192.0.2.9\",\"destination\":\"10.0.0.3\"},"
    "\"l4\":{\"ICMPv4\":{\"type\":8}},\"source\":{},\"destination\":{}}\n";

/* A document around a layer, which is the text. */
static const char around[] =
    "apiVersion: libflow.dev/v1alpha1\nkind: FlowIntent\nmetadata: {name: around}\nspec:\n"
    "  layers:\n  - {name: l, type: %s, file: layer, members: [{group: g, cidrs: [10.0.0.0/8]}]}\n";

static uint64_t
judge(const struct flow_intent_document *intent)
{
    struct flow_policies *policies;
    struct flow_classifier *classifier;
    struct flow_reader *reader;
    struct flow_batch *batch;
    struct flow_tally *tally;
    struct flow_error err;
    uint64_t hash = FUZZ_HASH;

    HOLDS(flow_policies_load(&policies, NULL, &err) == FLOW_OK);
    HOLDS(flow_classifier_new(&classifier, policies, &err) == FLOW_OK);
    HOLDS(flow_tally_new(&tally, policies, &err) == FLOW_OK);
    HOLDS(flow_batch_new(&batch, &err) == FLOW_OK);
    HOLDS(flow_reader_open_memory(&reader, flows, sizeof(flows) - 1, NULL, &err) == FLOW_OK);
    flow_classifier_set_intent(classifier, intent);
    flow_tally_set_intent(tally, intent);
    HOLDS(flow_reader_next(reader, batch, &err) == FLOW_OK && flow_batch_count(batch) == 3);
    HOLDS(flow_classifier_run(classifier, batch, &err) == FLOW_OK);
    HOLDS(flow_tally_add(tally, batch, &err) == FLOW_OK);
    HOLDS(flow_tally_finish(tally, &err) == FLOW_OK);
    for (size_t i = 0; i < 3; i++) {
        const struct flow_record *record = flow_batch_at(batch, i);
        const struct flow_intent_decision *decision = record->intent_decision;

        HOLDS(decision != NULL && record->intent < FLOW_INTENT_COUNT);
        HOLDS((record->intent == FLOW_INTENT_UNDECIDABLE) == (decision->undecided != 0));
        HOLDS(record->intent != FLOW_INTENT_APPROVED || decision->statement != NULL);
        HOLDS(decision->violation_count <= FLOW_VIOLATIONS_MAX);
        hash = fuzz_hash_number(hash, record->intent);
        for (size_t v = 0; v < decision->violation_count; v++) {
            hash = fuzz_hash_number(hash, decision->violations[v].kind);
        }
    }
    HOLDS(flow_tally_coverage(tally) >= 0 && flow_tally_coverage(tally) <= 1);
    for (size_t i = 0; i < flow_tally_finding_count(tally); i++) {
        HOLDS(flow_tally_finding_at(tally, i)->explanation.len > 0);
    }
    HOLDS(flow_tally_use_count(tally) == flow_intent_approval_count(intent));
    flow_reader_close(reader);
    flow_tally_free(tally);
    flow_batch_free(batch);
    flow_classifier_free(classifier);
    flow_policies_free(policies);
    return hash;
}

static void
load(struct flow_documents *documents)
{
    struct flow_intent_options options;
    struct flow_intent_document *intent;
    struct flow_error err;

    documents->sealed = true;
    flow_intent_options_init(&options, sizeof(options));
    options.documents = documents;
    if (flow_intent_load(&intent, "intent", &options, &err) != FLOW_OK) {
        HOLDS(err.status < 0 && err.message[0] != '\0' && err.input[0] != '\0');
        return;
    }
    for (size_t i = 0; i < flow_intent_note_count(intent); i++) {
        HOLDS(flow_intent_note_at(intent, i)->error.message[0] != '\0');
    }
    HOLDS(judge(intent) == judge(intent));
    flow_intent_free(intent);
}

static void
try_intent(struct flow_str text)
{
    struct flow_documents *documents;

    HOLDS(flow_documents_new(&documents, NULL) == FLOW_OK);
    HOLDS(flow_documents_add(documents, FLOW_DOCUMENT_INTENT, FLOW_STR("intent"), text));
    HOLDS(flow_documents_add(documents, FLOW_DOCUMENT_LAYER, FLOW_STR("layer"),
                             FLOW_STR("{\"SecurityGroups\":[]}")));
    load(documents);
    flow_documents_free(documents);
}

static void
try_layer(struct flow_str text)
{
    static const char *const types[] = { "aws-security-groups", "azure-nsg",
                                         "openstack-security-groups" };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct flow_documents *documents;
        char intent[sizeof(around) + 32];

        snprintf(intent, sizeof(intent), around, types[i]);
        HOLDS(flow_documents_new(&documents, NULL) == FLOW_OK);
        HOLDS(flow_documents_add(documents, FLOW_DOCUMENT_INTENT, FLOW_STR("intent"),
                                 flow_str_of(intent)));
        HOLDS(flow_documents_add(documents, FLOW_DOCUMENT_LAYER, FLOW_STR("layer"), text));
        load(documents);
        flow_documents_free(documents);
    }
}

static void
try_exporter(const uint8_t *data, size_t size)
{
    static struct fuzz_file file;
    struct flow_doctor *doctor;
    struct flow_error err;

    fuzz_file_set(&file, data, size);
    HOLDS(flow_doctor_new(&doctor, NULL, NULL, &err) == FLOW_OK);
    if (flow_doctor_read_exporter(doctor, file.path, &err) != FLOW_OK) {
        fuzz_check_error(&err, file.path);
    }
    (void)flow_doctor_is_well(doctor);
    flow_doctor_free(doctor);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct flow_str text = { (const char *)data, size };

    try_intent(text);
    if (size > 0 && (data[0] == '{' || data[0] == '[')) {
        try_layer(text);
    }
    try_exporter(data, size);
    return 0;
}
