/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a manifest: its documents as trees, then as a policy set against which a few flows
 * are judged. Whatever is said of the text has a place in it.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <time.h>

#include "fuzz_check.h"
#include "libflow/reader.h"
#include "manifest/node.h"

enum {
    STEPS_MAX = 200000, /* nodes looked at in one document: aliases may stand for millions */
    PAIRS_MAX = 100,    /* of a map whose keys are compared each with each */
    SECONDS_MAX = 20    /* processor time for one input */
};

static const char *const engines[] = { "cilium-1.17", "cilium-1.18", "cilium-1.19", "cilium-1.20",
                                       "kubernetes" };

/* Within a namespace, out to the world, and of ends that the record says nothing about. */
static const char flows[] =
    "{\"verdict\":\"FORWARDED\",\"IP\":{\"source\":\"10.0.0.1\",\"destination\":\"10.0.0.2\"},"
    "\"l4\":{\"TCP\":{\"source_port\":4000,\"destination_port\":80,\"flags\":{\"SYN\":true}}},"
    "\"source\":{\"identity\":1001,\"namespace\":\"a\",\"labels\":[\"k8s:app=a\","
    "\"k8s:io.kubernetes.pod.namespace=a\"],\"pod_name\":\"a-1\"},"
    "\"destination\":{\"identity\":1002,\"namespace\":\"a\",\"labels\":[\"k8s:app=b\","
    "\"k8s:io.kubernetes.pod.namespace=a\"],\"pod_name\":\"b-1\"},"
    "\"traffic_direction\":\"INGRESS\",\"is_reply\":false,\"event_type\":{\"type\":4}}\n"
    "{\"verdict\":\"DROPPED\",\"drop_reason\":133,"
    "\"IP\":{\"source\":\"10.0.0.1\",\"destination\":\"192.0.2.1\"},"
    "\"l4\":{\"UDP\":{\"source_port\":4000,\"destination_port\":53}},"
    "\"source\":{\"identity\":1001,\"namespace\":\"a\",\"labels\":[\"k8s:app=a\","
    "\"k8s:io.kubernetes.pod.namespace=a\"],\"pod_name\":\"a-1\"},"
    "\"destination\":{\"identity\":2,\"labels\":[\"reserved:world\"]},"
    "\"destination_names\":[\"www.example.org\"],"
    "\"traffic_direction\":\"EGRESS\",\"is_reply\":false,\"event_type\":{\"type\":1}}\n"
    "{\"verdict\":\"FORWARDED\",\"IP\":{\"source\":\"10.0.0.1\",\"destination\":\"10.0.0.3\"},"
    "\"l4\":{\"ICMPv4\":{\"type\":8}},\"source\":{},\"destination\":{}}\n";

static struct flow_reader *reader; /* its dictionary is that of the batch */
static struct flow_batch *batch;

static void
read_flows(void)
{
    struct flow_error err;

    HOLDS(flow_batch_new(&batch, &err) == FLOW_OK);
    HOLDS(flow_reader_open_memory(&reader, flows, sizeof(flows) - 1, NULL, &err) == FLOW_OK);
    HOLDS(flow_reader_next(reader, batch, &err) == FLOW_OK);
    HOLDS(flow_batch_count(batch) == 3 && flow_batch_problem_count(batch) == 0);
}

static void
check_place(const struct flow_error *err, const char *input)
{
    fuzz_check_error(err, input);
    HOLDS(err->line > 0 && err->column > 0);
}

static void
take_note(void *context, const struct flow_error *note)
{
    (void)context;
    HOLDS(note->status == FLOW_E_INVALID);
    check_place(note, "text");
}

static void
check_keys(const struct flow_node *map)
{
    for (size_t i = 0; i < map->count && map->count <= PAIRS_MAX; i++) {
        HOLDS(map->pairs[i].key->type == FLOW_NODE_SCALAR);
        HOLDS(flow_node_get(map, map->pairs[i].key->text.ptr) != NULL);
        for (size_t k = 0; k < i; k++) {
            HOLDS(!flow_str_equal(map->pairs[i].key->text, map->pairs[k].key->text));
        }
    }
}

static void
walk(const struct flow_node *node, unsigned depth, size_t *steps)
{
    HOLDS(node != NULL && node->line > 0 && node->column > 0);
    HOLDS(flow_node_type_name(node)[0] != '\0');
    if (++*steps > STEPS_MAX) {
        return;
    }
    switch (node->type) {
    case FLOW_NODE_NULL:
        HOLDS(!node->quoted);
        break;
    case FLOW_NODE_SCALAR:
        HOLDS(node->text.ptr[node->text.len] == '\0');
        fuzz_hash_str(FUZZ_HASH, node->text);
        break;
    case FLOW_NODE_LIST:
        HOLDS(depth < 128);
        for (size_t i = 0; i < node->count; i++) {
            walk(node->items[i], depth + 1, steps);
        }
        break;
    default:
        HOLDS(node->type == FLOW_NODE_MAP && depth < 128);
        check_keys(node);
        for (size_t i = 0; i < node->count; i++) {
            walk(node->pairs[i].key, depth + 1, steps);
            walk(node->pairs[i].value, depth + 1, steps);
        }
    }
}

static void
read_documents(struct flow_str text)
{
    const struct flow_document_options options = { .note = take_note };
    struct flow_document_reader *documents;
    struct flow_arena arena = { 0 };
    const struct flow_node *root;
    struct flow_error err;
    size_t count = 0;
    int rc;

    HOLDS(flow_document_reader_open(&documents, "text", text, &options, &err) == FLOW_OK);
    while ((rc = flow_document_reader_next(documents, &arena, &root, &err)) != FLOW_END) {
        size_t steps = 0;

        HOLDS(count++ <= text.len + 1);
        if (rc == FLOW_OK && root != NULL) {
            walk(root, 0, &steps);
        } else if (rc != FLOW_OK) {
            HOLDS(rc == FLOW_E_PARSE || rc == FLOW_E_TRUNCATED || rc == FLOW_E_LIMIT);
            HOLDS(err.status == rc && err.offset <= text.len);
            check_place(&err, "text");
        }
        flow_arena_reset(&arena);
    }
    HOLDS(flow_document_reader_next(documents, &arena, &root, &err) == FLOW_END);
    flow_arena_free(&arena);
    flow_document_reader_close(documents);
}

/* Bytes under a compression have no lines; only what stands in the text must have one. */
static bool
is_compressed(struct flow_str text)
{
    return flow_str_starts(text, FLOW_STR("\x1f\x8b")) ||
           flow_str_starts(text, FLOW_STR("\x28\xb5\x2f\xfd")) ||
           (text.len >= 4 && (text.ptr[0] & 0xf0) == 0x50 &&
            memcmp(text.ptr + 1, "\x2a\x4d\x18", 3) == 0);
}

static void
check_notes(const struct flow_policies *policies, const char *path, bool places)
{
    size_t errors = 0;

    for (size_t i = 0; i < flow_policies_note_count(policies); i++) {
        const struct flow_note *note = flow_policies_note_at(policies, i);

        HOLDS(note->level >= FLOW_NOTE_INFO && note->level <= FLOW_NOTE_ERROR);
        HOLDS(note->level != FLOW_NOTE_ERROR || note->error.status < 0);
        HOLDS(note->error.status != FLOW_E_MEMORY);
        errors += note->level == FLOW_NOTE_ERROR;
        if (places) {
            check_place(&note->error, path);
        } else {
            fuzz_check_error(&note->error, path);
        }
    }
    HOLDS(flow_policies_note_at(policies, flow_policies_note_count(policies)) == NULL);
    HOLDS(flow_policies_error_count(policies) == errors);
}

static void
check_policies(const struct flow_policies *policies, const char *path)
{
    for (size_t i = 0; i < flow_policies_count(policies); i++) {
        const struct flow_policy_info *info = flow_policies_at(policies, i);

        HOLDS(strcmp(flow_policy_kind_name(info->kind), "unknown") != 0 && info->line > 0);
        HOLDS((info->namespace_name[0] != '\0') ==
              (info->kind == FLOW_POLICY_KNP || info->kind == FLOW_POLICY_CNP));
        HOLDS(strcmp(info->file, path) == 0);
        fuzz_hash_str(FUZZ_HASH, flow_str_of(info->name));
    }
}

static void
judge(const struct flow_policies *policies)
{
    struct flow_classifier *classifier;
    struct flow_error err;

    HOLDS(flow_classifier_new(&classifier, policies, &err) == FLOW_OK);
    HOLDS(flow_classifier_run(classifier, batch, &err) == FLOW_OK);
    for (size_t i = 0; i < flow_batch_count(batch); i++) {
        fuzz_check_judged(flow_batch_at(batch, i));
    }
    flow_classifier_free(classifier);
}

static void
load(struct flow_str text, const char *engine)
{
    static const char *const variables[] = { "NET=10.0.0.0/8", "APP=a", "PORT=80" };
    static struct fuzz_file file;
    const char *const path = file.path;
    struct flow_policies_options options;
    struct flow_policies *policies;
    struct flow_error err;
    int rc;

    fuzz_file_set(&file, text.ptr, text.len);
    flow_policies_options_init(&options, sizeof(options));
    options.manifests = &path;
    options.manifest_count = 1;
    options.variables = variables;
    options.variable_count = sizeof(variables) / sizeof(variables[0]);
    options.engine = engine;
    rc = flow_policies_load(&policies, &options, &err);
    if (rc != FLOW_OK) {
        /* a file of which nothing could be read */
        HOLDS(is_compressed(text) && rc != FLOW_E_MEMORY && err.status == rc);
        fuzz_check_error(&err, path);
        return;
    }
    check_notes(policies, path, !is_compressed(text));
    check_policies(policies, path);
    HOLDS(strcmp(flow_policies_engine(policies), engine) == 0);
    judge(policies);
    flow_policies_free(policies);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct flow_str text = { (const char *)data, size };
    const clock_t start = clock();

    if (reader == NULL) {
        read_flows();
    }
    read_documents(text);
    load(text, engines[size % (sizeof(engines) / sizeof(engines[0]))]);
    HOLDS((clock() - start) / CLOCKS_PER_SEC < SECONDS_MAX);
    return 0;
}
