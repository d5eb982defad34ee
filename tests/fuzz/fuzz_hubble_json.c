/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an input of the reader: every record is looked at, judged, counted and written down.
 * The first byte chooses the pieces that the rest is handed to the decoder in; a second reading in
 * other pieces gives the same. So does the plain decoder, of the bytes twice over, so that each
 * record may have been met before.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "base/utf8.h"
#include "decode/json.h"
#include "decode/reader.h"
#include "fuzz_check.h"
#include "libflow/report.h"

static const size_t chunks[] = { 0, 1, 7, 64, 4096 };

enum {
    CHUNK_COUNT = sizeof(chunks) / sizeof(chunks[0]),
    PIECES_MAX = 1000 /* of one input: what is not whole yet is decoded anew with each */
};

static const char manifest[] =
    "apiVersion: networking.k8s.io/v1\n"
    "kind: NetworkPolicy\n"
    "metadata: {name: web, namespace: shop}\n"
    "spec:\n"
    "  podSelector: {matchLabels: {app: web}}\n"
    "  policyTypes: [Ingress, Egress]\n"
    "  ingress:\n"
    "  - from: [{podSelector: {}}, {ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.8/29]}}]\n"
    "    ports: [{port: 80}, {port: metrics}, {protocol: UDP, port: 8000, endPort: 8100}]\n"
    "  egress:\n"
    "  - to: [{namespaceSelector: {matchLabels: {team: data}}}]\n"
    "---\n"
    "apiVersion: cilium.io/v2\n"
    "kind: CiliumNetworkPolicy\n"
    "metadata: {name: db, namespace: data}\n"
    "spec:\n"
    "  endpointSelector: {matchLabels: {app: db}}\n"
    "  ingress:\n"
    "  - fromEndpoints: [{matchLabels: {app: web, 'k8s:io.kubernetes.pod.namespace': shop}}]\n"
    "    toPorts: [{ports: [{port: '5432', protocol: TCP}], rules: {http: [{path: /}]}}]\n"
    "  - fromEntities: [host, kube-apiserver]\n"
    "  egress:\n"
    "  - toFQDNs: [{matchPattern: '*.example.org'}, {matchName: example.com}]\n"
    "  - toCIDRSet: [{cidrGroupRef: partners}, {cidr: 10.0.0.0/8, except: [10.96.0.0/12]}]\n"
    "  egressDeny:\n"
    "  - toEntities: [world-ipv6]\n"
    "    icmps: [{fields: [{family: IPv6, type: 128}]}]\n"
    "---\n"
    "apiVersion: cilium.io/v2\n"
    "kind: CiliumClusterwideNetworkPolicy\n"
    "metadata: {name: dns}\n"
    "spec:\n"
    "  endpointSelector: {}\n"
    "  enableDefaultDeny: {egress: false}\n"
    "  egress:\n"
    "  - toEndpoints: [{matchLabels: {k8s-app: kube-dns}}]\n"
    "    toPorts: [{ports: [{port: '53', protocol: ANY}], rules: {dns: [{matchPattern: '*'}]}}]\n"
    "---\n"
    "apiVersion: cilium.io/v2\n"
    "kind: CiliumCIDRGroup\n"
    "metadata: {name: partners}\n"
    "spec: {externalCIDRs: [198.51.100.0/24, '2001:db8::/32']}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Namespace\n"
    "metadata: {name: data, labels: {team: data}}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Pod\n"
    "metadata: {name: web-1, namespace: shop, labels: {app: web}}\n"
    "spec: {containers: [{name: c, ports: [{name: metrics, containerPort: 9090}]}]}\n"
    "status: {podIP: 10.0.0.1}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Service\n"
    "metadata: {name: db, namespace: data}\n"
    "spec: {clusterIP: 10.96.0.10}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Node\n"
    "metadata: {name: n1}\n"
    "status: {addresses: [{type: InternalIP, address: 172.18.0.2}]}\n";

/* What one reading gave, without what counts the pieces. */
struct reading {
    uint64_t records;  /* fingerprint of what was read of them */
    uint64_t problems; /* of their statuses and places */
    size_t record_count, problem_count;
    struct flow_input_stats stats;
};

static struct flow_policies *policies;
static struct flow_batch *batch;
static struct fuzz_file json_file, lines_file;

static void
load_policies(void)
{
    static struct fuzz_file file;
    const char *path = file.path;
    struct flow_policies_options options;
    struct flow_error err;

    fuzz_file_set(&file, manifest, sizeof(manifest) - 1);
    flow_policies_options_init(&options, sizeof(options));
    options.manifests = &path;
    options.manifest_count = 1;
    HOLDS(flow_policies_load(&policies, &options, &err) == FLOW_OK);
    HOLDS(flow_policies_error_count(policies) == 0 && flow_policies_count(policies) == 3);
    HOLDS(flow_batch_new(&batch, &err) == FLOW_OK);
}

static void
check_problems(struct reading *reading)
{
    const size_t count = flow_batch_problem_count(batch);

    for (size_t i = 0; i < count; i++) {
        const struct flow_error *problem = flow_batch_problem_at(batch, i);

        if (problem == NULL) {
            break;
        }
        HOLDS(problem->status < 0 && problem->status != FLOW_E_MEMORY);
        fuzz_check_error(problem, "<memory>");
        /* bytes behind a compression have no lines, nor has what is no text */
        HOLDS((problem->line == 0) == (problem->column == 0));
        HOLDS(problem->line > 0 || problem->status != FLOW_E_PARSE);
        reading->problems = fuzz_hash_number(reading->problems, (uint64_t)problem->status);
        reading->problems = fuzz_hash_number(reading->problems, problem->line);
        if (problem->line > 0) {
            reading->problems = fuzz_hash_number(reading->problems, problem->column);
            reading->problems = fuzz_hash_number(reading->problems, problem->offset);
        }
    }
    HOLDS(count <= 64 || flow_batch_problem_at(batch, 63) != NULL);
    reading->problem_count += count;
}

static void
check_records(struct reading *reading, struct flow_reader *reader, uint64_t *last)
{
    const size_t count = flow_batch_count(batch);

    for (size_t i = 0; i < count; i++) {
        const struct flow_record *record = flow_batch_at(batch, i);

        HOLDS(record->input == 0);
        HOLDS(record->number > *last);
        HOLDS(record->line > 0);
        HOLDS(record->node < flow_dict_node_count(flow_reader_dict(reader)));
        HOLDS(record->source->id < flow_dict_endpoint_count(flow_reader_dict(reader)));
        *last = record->number;
        reading->records = fuzz_hash_record(reading->records, record);
    }
    reading->record_count += count;
}

/* Whether the texts are one JSON value each, or with lines one on each line. */
static void
check_json(const struct fuzz_file *file, bool lines)
{
    struct flow_arena arena = { 0 };
    struct flow_json json;
    size_t len;
    char *text = fuzz_file_get(file, &len);
    const char *end;

    HOLDS(flow_utf8_valid_prefix((const uint8_t *)text, len) == len);
    HOLDS(len == 0 || text[len - 1] == '\n');
    for (const char *at = text; at < text + len; at = end + 1) {
        end = lines ? memchr(at, '\n', (size_t)(text + len - at)) : text + len - 1;
        flow_json_init(&json, (const uint8_t *)at, (size_t)(end - at), &arena);
        HOLDS(flow_json_skip(&json));
        HOLDS(flow_json_peek(&json) == 0 && json.at == json.end);
    }
    flow_arena_free(&arena);
    free(text);
}

static void
check_tally(const struct flow_tally *tally, const struct reading *reading)
{
    struct flow_tally_totals totals;
    uint64_t flows = 0;

    flow_tally_totals(tally, &totals);
    for (uint8_t result = 0; result < FLOW_RESULT_COUNT; result++) {
        flows += flow_tally_result(tally, result);
    }
    HOLDS(totals.flows == reading->stats.flows);
    HOLDS(totals.flows == flows + totals.duplicates);
    HOLDS(totals.records == reading->record_count && totals.damaged == reading->problem_count);
    HOLDS(totals.first <= totals.last);
    for (size_t i = 0; i < flow_tally_finding_count(tally); i++) {
        const struct flow_finding *finding = flow_tally_finding_at(tally, i);
        const struct flow_finding *before = i > 0 ? flow_tally_finding_at(tally, i - 1) : NULL;

        HOLDS(finding->count > 0 && finding->first <= finding->last);
        HOLDS(strlen(finding->fingerprint) == 16);
        HOLDS(
            before == NULL || before->rule->severity > finding->rule->severity ||
            (before->rule->severity == finding->rule->severity && before->count >= finding->count));
        fuzz_hash_str(FUZZ_HASH, finding->source);
        fuzz_hash_str(FUZZ_HASH, finding->destination);
        fuzz_hash_str(FUZZ_HASH, finding->explanation);
    }
}

/* Everything behind the reader: a classifier, a tally, and a sink of each format. */
struct chain {
    struct flow_classifier *classifier;
    struct flow_tally *tally;
    struct flow_sink *sinks[3];
    const struct flow_reader *reader;
};

static void
chain_open(struct chain *chain, const struct flow_reader *reader)
{
    static const char *const formats[] = { "text", "json", "jsonl" };
    const char *const paths[] = { "/dev/null", json_file.path, lines_file.path };
    struct flow_sink_options options;
    struct flow_error err;

    chain->reader = reader;
    HOLDS(flow_classifier_new(&chain->classifier, policies, &err) == FLOW_OK);
    HOLDS(flow_tally_new(&chain->tally, policies, &err) == FLOW_OK);
    flow_sink_options_init(&options, sizeof(options));
    options.tally = chain->tally;
    options.reader = &chain->reader;
    for (size_t i = 0; i < 3; i++) {
        HOLDS(flow_sink_open(&chain->sinks[i], formats[i], paths[i], &options, &err) == FLOW_OK);
    }
}

static void
chain_take(struct chain *chain)
{
    struct flow_error err;

    HOLDS(flow_classifier_run(chain->classifier, batch, &err) == FLOW_OK);
    for (size_t i = 0; i < flow_batch_count(batch); i++) {
        if (flow_batch_at(batch, i)->kind == FLOW_KIND_FLOW) {
            fuzz_check_judged(flow_batch_at(batch, i));
        }
    }
    HOLDS(flow_tally_add(chain->tally, batch, &err) == FLOW_OK);
    for (size_t i = 0; i < 3; i++) {
        HOLDS(flow_sink_write(chain->sinks[i], batch, &err) == FLOW_OK);
    }
}

static void
chain_end(struct chain *chain, const struct reading *reading)
{
    struct flow_error err;

    HOLDS(flow_tally_add_inputs(chain->tally, chain->reader, &err) == FLOW_OK);
    HOLDS(flow_tally_finish(chain->tally, &err) == FLOW_OK);
    for (size_t i = 0; i < 3; i++) {
        HOLDS(flow_sink_finish(chain->sinks[i], &err) == FLOW_OK);
        flow_sink_close(chain->sinks[i]);
    }
    check_tally(chain->tally, reading);
    check_json(&json_file, false);
    check_json(&lines_file, true);
    flow_tally_free(chain->tally);
    flow_classifier_free(chain->classifier);
}

static void
check_stats(const struct flow_reader *reader, struct reading *reading)
{
    struct flow_input_stats *stats = &reading->stats;

    HOLDS(flow_reader_input_count(reader) == 1);
    HOLDS(flow_reader_input(reader, 1, stats) == FLOW_E_ARGUMENT);
    HOLDS(flow_reader_input(reader, 0, stats) == FLOW_OK);
    HOLDS(strcmp(stats->name, "<memory>") == 0);
    HOLDS(stats->records == reading->record_count);
    HOLDS(stats->damaged == reading->problem_count);
    HOLDS(stats->records == stats->flows + stats->lost_reports + stats->node_status +
                                stats->agent_events + stats->debug_events);
    HOLDS(stats->bytes_read == stats->bytes_total && stats->has_digest);
}

/* Whether what is read is judged too, and whether the plain decoder reads it. */
enum way { JUDGED, READ, READ_PLAIN };

static void
read_all(const uint8_t *data, size_t size, size_t chunk, enum way way, struct reading *reading)
{
    const bool judge = way == JUDGED;
    struct flow_reader_options options;
    struct flow_reader *reader;
    struct flow_error err;
    struct chain chain;
    uint64_t last = 0;
    int rc;

    *reading = (struct reading){ .records = FUZZ_HASH, .problems = FUZZ_HASH };
    flow_reader_options_init(&options, sizeof(options));
    options.chunk = chunk;
    options.digest = true;
    HOLDS(flow_reader_open_memory(&reader, data, size, &options, &err) == FLOW_OK);
    reader->plain = way == READ_PLAIN;
    if (judge) {
        chain_open(&chain, reader);
    }
    while ((rc = flow_reader_next(reader, batch, &err)) == FLOW_OK) {
        HOLDS(flow_batch_count(batch) + flow_batch_problem_count(batch) > 0);
        check_problems(reading);
        check_records(reading, reader, &last);
        if (judge) {
            chain_take(&chain);
        }
    }
    HOLDS(rc == FLOW_END && flow_batch_count(batch) == 0 && flow_batch_problem_count(batch) == 0);
    HOLDS(flow_reader_next(reader, batch, &err) == FLOW_END);
    check_stats(reader, reading);
    if (judge) {
        chain_end(&chain, reading);
    }
    reading->stats.name = NULL;
    flow_reader_close(reader);
}

static void
check_same(const struct reading *a, const struct reading *b)
{
    HOLDS(a->record_count == b->record_count);
    HOLDS(a->records == b->records);
    HOLDS(a->problem_count == b->problem_count);
    HOLDS(a->problem_count > 64 || a->problems == b->problems);
    HOLDS(a->stats.cut_short == b->stats.cut_short);
    /* what no decoder takes is not read on */
    HOLDS(strcmp(a->stats.format, b->stats.format) == 0);
    HOLDS(strcmp(a->stats.format, "unknown") == 0 || a->stats.bytes_plain == b->stats.bytes_plain);
    HOLDS(memcmp(a->stats.digest, b->stats.digest, sizeof(a->stats.digest)) == 0);
}

static size_t
chunk_of(size_t choice, size_t size)
{
    const size_t chunk = chunks[choice % CHUNK_COUNT];

    return chunk > 0 && chunk < size / PIECES_MAX ? size / PIECES_MAX : chunk;
}

/* The bytes twice over, read by the quick decoder and by the plain one. */
static void
check_twins(const uint8_t *data, size_t size)
{
    uint8_t *twice = malloc(2 * size + 1);
    struct reading quick, plain;

    HOLDS(twice != NULL);
    if (size > 0) {
        memcpy(twice, data, size);
        memcpy(twice + size + 1, data, size);
    }
    twice[size] = '\n';
    read_all(twice, 2 * size + 1, 0, READ, &quick);
    read_all(twice, 2 * size + 1, 0, READ_PLAIN, &plain);
    check_same(&quick, &plain);
    free(twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t first = size > 0 ? (size_t)(data[0] - '0') % CHUNK_COUNT : 0;
    struct reading reading, other;

    if (policies == NULL) {
        load_policies();
    }
    data += size > 0 ? 1 : 0;
    size -= size > 0 ? 1 : 0;
    fuzz_file_set(&json_file, "", 0);
    fuzz_file_set(&lines_file, "", 0);
    read_all(data, size, chunk_of(first, size), JUDGED, &reading);
    read_all(data, size, chunk_of(first + 1 + size % (CHUNK_COUNT - 1), size), READ, &other);
    check_same(&reading, &other);
    check_twins(data, size);
    return 0;
}
