/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every allocation may fail: what was asked for then fails with FLOW_E_MEMORY, or comes out as it
 * does otherwise; nothing crashes and nothing is lost. The linker gives the library these
 * allocation functions (--wrap), which count and which fail where they are told.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "libflow/libflow.h"
#include "manifest/documents.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ALLOCATIONS_MAX 20000

/* What the wrappers do and have seen. Quiet outside of a run. */
static struct {
    bool counting;
    bool from_then_on; /* all that follow fail too */
    unsigned fail_at;  /* from 1; 0: none */
    unsigned count;
    unsigned failed;
    long live;
} heap;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *memory);
void *__real_flow_arena_alloc(struct flow_arena *arena, size_t size);
void *__real_flow_arena_array(struct flow_arena *arena, size_t count, size_t size);
struct flow_str __real_flow_arena_str(struct flow_arena *arena, struct flow_str text);
ZSTD_DCtx *__real_ZSTD_createDCtx(void);
int __real_inflateInit2_(z_streamp stream, int bits, const char *version, int size);
int __real_yaml_parser_initialize(yaml_parser_t *parser);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *memory);
void *__wrap_flow_arena_alloc(struct flow_arena *arena, size_t size);
void *__wrap_flow_arena_array(struct flow_arena *arena, size_t count, size_t size);
struct flow_str __wrap_flow_arena_str(struct flow_arena *arena, struct flow_str text);
ZSTD_DCtx *__wrap_ZSTD_createDCtx(void);
int __wrap_inflateInit2_(z_streamp stream, int bits, const char *version, int size);
int __wrap_yaml_parser_initialize(yaml_parser_t *parser);

static bool
may_allocate(void)
{
    if (!heap.counting) {
        return true;
    }
    heap.count++;
    if (heap.fail_at != 0 &&
        (heap.count == heap.fail_at || (heap.from_then_on && heap.count > heap.fail_at))) {
        heap.failed++;
        return false;
    }
    return true;
}

static void *
counted(void *memory)
{
    heap.live += heap.counting && memory != NULL;
    return memory;
}

void *
__wrap_malloc(size_t size)
{
    return may_allocate() ? counted(__real_malloc(size)) : NULL;
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? counted(__real_calloc(count, size)) : NULL;
}

void *
__wrap_realloc(void *old, size_t size)
{
    if (!may_allocate()) {
        return NULL;
    }
    return old == NULL ? counted(__real_realloc(old, size)) : __real_realloc(old, size);
}

void *
__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return may_allocate() ? counted(__real_aligned_alloc(alignment, size)) : NULL;
}

int
__wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    const int rc = may_allocate() ? __real_posix_memalign(out, alignment, size) : ENOMEM;

    if (rc == 0) {
        counted(*out);
    }
    return rc;
}

char *
__wrap_strdup(const char *text)
{
    return may_allocate() ? counted(__real_strdup(text)) : NULL;
}

void
__wrap_free(void *memory)
{
    heap.live -= heap.counting && memory != NULL;
    __real_free(memory);
}

/* An arena seldom needs a block, so its pieces fail too. */
void *
__wrap_flow_arena_alloc(struct flow_arena *arena, size_t size)
{
    return may_allocate() ? __real_flow_arena_alloc(arena, size) : NULL;
}

void *
__wrap_flow_arena_array(struct flow_arena *arena, size_t count, size_t size)
{
    return may_allocate() ? __real_flow_arena_array(arena, count, size) : NULL;
}

struct flow_str
__wrap_flow_arena_str(struct flow_arena *arena, struct flow_str text)
{
    return may_allocate() ? __real_flow_arena_str(arena, text) : (struct flow_str){ NULL, 0 };
}

ZSTD_DCtx *
__wrap_ZSTD_createDCtx(void)
{
    return may_allocate() ? __real_ZSTD_createDCtx() : NULL;
}

int
__wrap_inflateInit2_(z_streamp stream, int bits, const char *version, int size)
{
    return may_allocate() ? __real_inflateInit2_(stream, bits, version, size) : Z_MEM_ERROR;
}

int
__wrap_yaml_parser_initialize(yaml_parser_t *parser)
{
    return may_allocate() ? __real_yaml_parser_initialize(parser) : 0;
}

/* What one run came to; equal runs have equal sums. */
struct result {
    int status;
    struct flow_error err;
    uint64_t sum;
};

static void
add(struct result *result, uint64_t number)
{
    result->sum = (result->sum ^ number) * UINT64_C(1099511628211);
}

static void
add_bytes(struct result *result, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        add(result, (uint8_t)bytes[i]);
    }
}

typedef void run_function(struct result *result, const void *context);

/* Leaves nothing of the run before where the next one may forget to fill something in. */
static void
scribble(void)
{
    volatile uint8_t below[64 * 1024];

    for (size_t i = 0; i < sizeof(below); i++) {
        below[i] = 0xa5;
    }
}

static void
run(run_function *function, const void *context, unsigned fail_at, bool from_then_on,
    struct result *result)
{
    memset(result, 0, sizeof(*result));
    scribble();
    heap.fail_at = fail_at;
    heap.from_then_on = from_then_on;
    heap.count = heap.failed = 0;
    heap.live = 0;
    heap.counting = true;
    function(result, context);
    heap.counting = false;
    if (heap.live != 0) {
        fail_msg("allocation %u: %ld pieces are left", fail_at, heap.live);
    }
}

/* Fails each allocation of a run in turn, alone and with all behind it. */
static void
fail_each(run_function *function, const void *context)
{
    struct result whole, result;
    unsigned total;

    run(function, context, 0, false, &whole);
    assert_true(whole.status >= 0);
    total = heap.count;
    assert_in_range(total, 3, ALLOCATIONS_MAX);
    for (unsigned n = 1; n <= total; n++) {
        for (unsigned then = 0; then < 2; then++) {
            run(function, context, n, then == 1, &result);
            assert_true(heap.failed > 0);
            if (result.status >= 0
                    ? result.sum != whole.sum
                    : result.status != FLOW_E_MEMORY || result.err.status != FLOW_E_MEMORY ||
                          result.err.message[0] == '\0') {
                fail_msg("allocation %u of %u: status %d, error %d: %s", n, total, result.status,
                         result.err.status, result.err.message);
            }
        }
    }
}

/* Records with every part that takes memory, and lines that are damaged. */
static const char records[] =
    "{\"flow\":{\"time\":\"2026-09-01T10:00:00Z\",\"uuid\":\"u\\u0031\",\"verdict\":\"FORWARDED\","
    "\"IP\":{\"source\":\"10.42.0.7\",\"destination\":\"10.42.0.8\",\"ipVersion\":\"IPv4\"},"
    "\"l4\":{\"TCP\":{\"source_port\":40000,\"destination_port\":8080,\"flags\":{\"SYN\":true}}},"
    "\"source\":{\"ID\":1,\"identity\":1001,\"namespace\":\"web\",\"labels\":[\"k8s:app=ui\","
    "\"k8s:io.kubernetes.pod.namespace=web\"],\"pod_name\":\"ui-0\",\"workloads\":[{\"name\":"
    "\"ui\",\"kind\":\"StatefulSet\"}]},\"destination\":{\"identity\":1002,\"namespace\":\"web\","
    "\"labels\":[\"k8s:app=api\",\"k8s:io.kubernetes.pod.namespace=web\"],\"pod_name\":\"api-0\"},"
    "\"Type\":\"L3_L4\",\"node_name\":\"n1\",\"event_type\":{\"type\":5},\"traffic_direction\":"
    "\"EGRESS\",\"is_reply\":false,\"source_service\":{\"name\":\"ui\",\"namespace\":\"web\"},"
    "\"egress_allowed_by\":[{\"name\":\"p\",\"namespace\":\"web\",\"revision\":\"3\"}]}}\n"
    "{\"flow\":{\"verdict\":\"DROPPED\",\"drop_reason_desc\":\"POLICY_DENIED\",\"IP\":{\"source\":"
    "\"10.42.0.8\",\"destination\":\"198.51.100.7\"},\"l4\":{\"UDP\":{\"source_port\":5353,"
    "\"destination_port\":53}},\"source\":{\"ID\":2,\"identity\":1002,\"namespace\":\"web\","
    "\"labels\":[\"k8s:app=api\",\"k8s:io.kubernetes.pod.namespace=web\"],\"pod_name\":\"api-0\"},"
    "\"destination\":{\"identity\":2,\"labels\":[\"reserved:world\"]},\"destination_names\":["
    "\"licence.example.com\"],\"event_type\":{\"type\":5},\"traffic_direction\":\"EGRESS\","
    "\"is_reply\":false,\"node_name\":\"n2\"}}\n"
    "{\"flow\":{\"verdict\":\"FORWARDED\",\"l7\":{\"type\":\"REQUEST\",\"http\":{\"url\":"
    "\"/a?b\\u0026c\",\"headers\":[{\"key\":\"a\",\"value\":\"b\"}]}},\"source\":{},"
    "\"destination\":{\"namespace\":\"ops\",\"pod_name\":\"prom-0\"},\"is_reply\":true,"
    "\"event_type\":{\"type\":129}}}\n"
    "{\"flow\":{\"verdict\":7\n"
    "{\"flow\":{\"l7\":{\"dns\":{\"query\":\"a.\",\"ips\":[\"192.0.2.1\"],\"qtypes\":[\"A\"]}}}}\n"
    "no json\n"
    "{\"lost_events\":{\"source\":\"HUBBLE_RING_BUFFER\",\"num_events_lost\":\"3\"},"
    "\"node_name\":\"n1\",\"time\":\"2026-09-01T10:00:01Z\"}\n"
    "{\n  \"flow\": {\n    \"verdict\": \"AUDIT\",\n    \"IP\": {\"source\": \"fe80::1\"}\n  "
    "}\n}\n";

/* Files that a run reads. */
struct files {
    char directory[32];
    char input[64], gzip[64], zstd[64];
    char protobuf[64], archive[64], capture[64];
    char policies[64], snapshot[64];
    char intent[64], layer[64], state[64];
    const char *engine;
};

static void
path_in(const struct files *files, const char *name, char path[64])
{
    strcpy(path, files->directory);
    strcat(path, "/");
    strcat(path, name);
}

static void
write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void
write_inputs(struct files *files)
{
    uint8_t bytes[8192];
    z_stream stream = { .next_in = (Bytef *)(uintptr_t)records,
                        .avail_in = sizeof(records) - 1,
                        .next_out = bytes,
                        .avail_out = sizeof(bytes) };
    size_t len;

    path_in(files, "input", files->input);
    assert_int_equal(mkdir(files->input, 0700), 0);
    path_in(files, "input/a.gz", files->gzip);
    path_in(files, "input/b.zst", files->zstd);
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    write_file(files->gzip, bytes, sizeof(bytes) - stream.avail_out);
    deflateEnd(&stream);
    len = ZSTD_compress(bytes, sizeof(bytes), records, sizeof(records) - 1, 3);
    assert_false(ZSTD_isError(len));
    write_file(files->zstd, bytes, len);
}

/* The records in another form. */
static void
write_form(const char *format, const char *path)
{
    struct flow_writer *writer;
    struct flow_reader *reader;
    struct flow_batch *batch;
    struct flow_error err;

    assert_int_equal(flow_writer_open(&writer, format, path, NULL, &err), FLOW_OK);
    assert_int_equal(flow_reader_open_memory(&reader, records, sizeof(records) - 1, NULL, &err),
                     FLOW_OK);
    assert_int_equal(flow_batch_new(&batch, &err), FLOW_OK);
    while (flow_reader_next(reader, batch, &err) == FLOW_OK) {
        assert_int_equal(flow_writer_write(writer, batch, &err), FLOW_OK);
    }
    assert_int_equal(flow_writer_finish(writer, &err), FLOW_OK);
    flow_writer_close(writer);
    flow_reader_close(reader);
    flow_batch_free(batch);
}

/* pcap of raw IP: a SYN, the start of an HTTP request, and a DNS answer through VXLAN. */
static void
write_capture(const char *path)
{
    static const uint8_t bytes[] = {
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 101, 0, 0, 0,
        /* SYN of 10.0.0.1:1000 to 10.0.0.2:80 */
        1, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 40, 0, 0, 0, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0,
        10, 0, 0, 1, 10, 0, 0, 2, 3, 0xe8, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0,
        /* "GET / HTTP/1.1\nHost" */
        2, 0, 0, 0, 0, 0, 0, 0, 59, 0, 0, 0, 59, 0, 0, 0, 0x45, 0, 0, 59, 0, 2, 0, 0, 64, 6, 0, 0,
        10, 0, 0, 1, 10, 0, 0, 2, 3, 0xe8, 0, 80, 0, 0, 0, 2, 0, 0, 0, 0, 0x50, 16, 0, 0, 0, 0, 0,
        0, 'G', 'E', 'T', ' ', '/', ' ', 'H', 'T', 'T', 'P', '/', '1', '.', '1', '\n', 'H', 'o',
        's', 't',
        /* ": x\n" */
        3, 0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0, 44, 0, 0, 0, 0x45, 0, 0, 44, 0, 3, 0, 0, 64, 6, 0, 0,
        10, 0, 0, 1, 10, 0, 0, 2, 3, 0xe8, 0, 80, 0, 0, 0, 21, 0, 0, 0, 0, 0x50, 16, 0, 0, 0, 0, 0,
        0, ':', ' ', 'x', '\n',
        /* an answer: a. is 10.0.0.9 */
        4, 0, 0, 0, 0, 0, 0, 0, 63, 0, 0, 0, 63, 0, 0, 0, 0x45, 0, 0, 63, 0, 4, 0, 0, 64, 17, 0, 0,
        10, 0, 0, 2, 10, 0, 0, 1, 0, 53, 4, 0, 0, 43, 0, 0, 0, 9, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0,
        0, 1, 'a', 0, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 9
    };

    write_file(path, bytes, sizeof(bytes));
}

static const char policies[] =
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
    "metadata: {name: knp, namespace: web}\n"
    "spec:\n  podSelector: {matchExpressions: [{key: app, operator: In, values: [api, ui]}]}\n"
    "  policyTypes: [Ingress, Egress]\n"
    "  ingress:\n  - from:\n    - podSelector: {matchLabels: {app: ui}}\n"
    "      namespaceSelector: {}\n    - ipBlock: {cidr: '${NET}', except: [192.0.2.7/32]}\n"
    "    ports: [{port: 8080, endPort: 8090}, {port: http}]\n"
    "---\n"
    "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n"
    "metadata: {name: cnp, namespace: web}\n"
    "spec:\n  endpointSelector: {matchLabels: {app: api}}\n"
    "  egress:\n  - toFQDNs: [{matchName: licence.example.com}, {matchPattern: '*.${DOMAIN}'}]\n"
    "    toPorts: [{ports: [{port: '443', protocol: TCP}]}]\n"
    "  - toEndpoints: [{matchLabels: {app: dns}}]\n"
    "    toPorts: [{ports: [{port: '53'}], rules: {dns: [{matchPattern: '*'}]}}]\n"
    "  - toCIDRSet: [{cidr: 198.51.100.0/24, except: [198.51.100.7/32]}, {cidrGroupRef: g}]\n"
    "  - toServices: [{k8sService: {serviceName: api, namespace: web}}]\n"
    "  - toEntities: [kube-apiserver]\n"
    "  egressDeny: [{toCIDR: [203.0.113.0/24]}]\n"
    "---\n"
    "apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\n"
    "metadata: &meta {name: ccnp}\n"
    "specs:\n- endpointSelector: {}\n  ingress: [{fromEntities: [cluster]}]\n"
    "- nodeSelector: {}\n  ingress: [{fromEntities: [all], icmps: [{fields: [{type: 8}]}]}]\n"
    "---\n"
    "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\n"
    "metadata: {name: anp}\n"
    "spec:\n  priority: 7\n  subject: {namespaces: {}}\n"
    "  egress: [{action: Deny, to: [{networks: [203.0.113.0/24]}]}]\n"
    "---\n"
    "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\n"
    "metadata: {name: default}\n"
    "spec:\n  subject: {pods: {podSelector: {matchLabels: {app: ui}}, namespaceSelector: {}}}\n"
    "  ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: b}}}], ports: ["
    "{portNumber: {protocol: TCP, port: 80}}, {portRange: {start: 1, end: 9}}, "
    "{namedPort: http}]}]\n"
    "---\n"
    "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
    "metadata: {name: kcnp}\n"
    "spec:\n  tier: Admin\n  priority: 3\n  subject: {namespaces: {}}\n"
    "  egress: [{action: Accept, to: [{domainNames: ['*.example.com']}]}]\n"
    "---\n"
    "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\n"
    "metadata: {name: foreign, namespace: web}\nspec: {}\n"
    "---\nkind: Kustomization\n---\nbroken: [\n---\n"
    "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: refused}\nspec: 7\n";

static const char snapshot[] =
    "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":["
    "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"web\",\"labels\":"
    "{\"team\":\"a\"}}},"
    "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"prom-0\",\"namespace\":"
    "\"ops\",\"labels\":{\"app\":\"prom\"}},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{"
    "\"name\":"
    "\"c\",\"ports\":[{\"name\":\"http\",\"containerPort\":8080}]}]},\"status\":{\"podIP\":"
    "\"10.42.0.9\",\"podIPs\":[{\"ip\":\"10.42.0.9\"}]}},"
    "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"api\","
    "\"namespace\":\"web\"},\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"app\":\"api\"}}}}},"
    "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"api\",\"namespace\":"
    "\"web\"},\"spec\":{\"clusterIP\":\"10.43.0.7\",\"selector\":{\"app\":\"api\"},\"ports\":"
    "[{\"name\":\"http\",\"port\":80,\"targetPort\":\"http\"}]}},"
    "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"n1\",\"labels\":{}},"
    "\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"10.0.0.1\"}]}},"
    "{\"apiVersion\":\"cilium.io/v2\",\"kind\":\"CiliumIdentity\",\"metadata\":{\"name\":\"1002\"},"
    "\"security-labels\":{\"k8s:app\":\"api\"}},"
    "{\"apiVersion\":\"cilium.io/v2\",\"kind\":\"CiliumEndpoint\",\"metadata\":{\"name\":\"ui-0\","
    "\"namespace\":\"web\"},\"status\":{\"id\":1,\"identity\":{\"id\":1001,\"labels\":["
    "\"k8s:app=ui\"]},\"networking\":{\"addressing\":[{\"ipv4\":\"10.42.0.7\"}]},"
    "\"named-ports\":[{\"name\":\"http\",\"port\":8080,\"protocol\":\"TCP\"}]}},"
    "{\"apiVersion\":\"cilium.io/v2\",\"kind\":\"CiliumNode\",\"metadata\":{\"name\":\"n2\"},"
    "\"spec\":{\"addresses\":[{\"type\":\"InternalIP\",\"ip\":\"10.0.0.2\"}]}},"
    "{\"apiVersion\":\"cilium.io/v2alpha1\",\"kind\":\"CiliumCIDRGroup\",\"metadata\":{\"name\":"
    "\"g\"},\"spec\":{\"externalCIDRs\":[\"192.0.2.0/25\",\"198.51.100.128/25\"]}}]}";

static const char intent[] =
    "apiVersion: libflow.dev/v1alpha1\nkind: FlowIntent\nmetadata: {name: small}\nspec:\n"
    "  engine: cilium-1.19\n  variables: {DOMAIN: example.org}\n"
    "  cluster: {name: c, cidrs: {pods: [10.0.0.0/16], services: [10.1.0.0/16], nodes: "
    "[10.2.0.0/16]}}\n"
    "  phases: [{name: one, from: 2026-01-01}]\n"
    "  zones: [{name: a, cidrs: [10.2.0.0/16], clusters: [c]}, {name: b, cidrs: [10.9.0.0/16]}]\n"
    "  zonePairs: [{from: a, to: b, ports: [443/TCP], source: {labels: {app: x}}}]\n"
    "  gateways: [{name: g, entities: [ingress], identities: [8], clients: {cidrs: [0.0.0.0/0]}}]\n"
    "  egress:\n    default: deny\n    approved:\n"
    "    - {id: x, from: {namespace: we*}, to: {fqdns: [\"*.example.org\"]}, ports: [1-9/TCP]}\n"
    "    - {id: second, to: {cidrs: [192.0.2.0/24, 198.51.100.0/24]}, expires: 2027-01-01}\n"
    "  eastWest:\n    default: deny\n"
    "    projects: {podLabel: team, cidrs: [{name: p, cidrs: [10.7.0.0/16]}], shared: [web]}\n"
    "    allowed: [{from: {namespace: web}, to: {namespaceLabels: {a: b}}}]\n"
    "    internal: [{name: i, to: {namespace: web}, paths: [/x*]}]\n"
    "  controlPlane: {allowed: [{namespace: web}], endpoints: [{name: e, namespace: hook}]}\n"
    "  dns: {resolvers: [{namespace: kube-system}]}\n"
    "  layers: [{name: l, type: aws-security-groups, file: layer.json, members: [{group: sg-1, "
    "cidrs: [10.0.0.0/16]}]}]\n"
    "  coverage: {minimum: 0.5, nodes: [n1, n9]}\n";

static const char layer[] =
    "{\"SecurityGroups\":[{\"GroupId\":\"sg-1\",\"GroupName\":\"one\",\"IpPermissions\":[],"
    "\"IpPermissionsEgress\":[{\"IpProtocol\":\"tcp\",\"FromPort\":1,\"ToPort\":9,"
    "\"IpRanges\":[{\"CidrIp\":\"10.0.0.0/8\"}]}]}]}";

static int
open_files(void **state)
{
    struct files *files = calloc(1, sizeof(*files));

    assert_non_null(files);
    strcpy(files->directory, "/tmp/flow-alloc-XXXXXX");
    assert_non_null(mkdtemp(files->directory));
    write_inputs(files);
    path_in(files, "records.pb", files->protobuf);
    write_form("protobuf", files->protobuf);
    path_in(files, "records.pb.zst", files->archive);
    write_form("archive", files->archive);
    path_in(files, "packets.pcap", files->capture);
    write_capture(files->capture);
    path_in(files, "policies.yaml", files->policies);
    write_file(files->policies, policies, sizeof(policies) - 1);
    path_in(files, "snapshot.json", files->snapshot);
    write_file(files->snapshot, snapshot, sizeof(snapshot) - 1);
    path_in(files, "intent.yaml", files->intent);
    write_file(files->intent, intent, sizeof(intent) - 1);
    path_in(files, "layer.json", files->layer);
    write_file(files->layer, layer, sizeof(layer) - 1);
    path_in(files, "one.state", files->state);
    *state = files;
    return 0;
}

static int
close_files(void **state)
{
    struct files *files = *state;

    remove(files->policies);
    remove(files->snapshot);
    remove(files->intent);
    remove(files->layer);
    remove(files->state);
    remove(files->gzip);
    remove(files->zstd);
    remove(files->input);
    remove(files->protobuf);
    remove(files->archive);
    remove(files->capture);
    assert_int_equal(rmdir(files->directory), 0);
    free(files);
    return 0;
}

static void
add_batch(struct result *result, const struct flow_batch *batch)
{
    for (size_t i = 0; i < flow_batch_count(batch); i++) {
        const struct flow_record *record = flow_batch_at(batch, i);

        add(result, record->kind);
        add(result, record->number);
        add(result, record->expected);
        add(result, record->result);
        add(result, record->source->labels->count);
        add(result, record->destination_names->count);
        add_bytes(result, record->uuid.ptr, record->uuid.len);
        add_bytes(result, record->node_name.ptr, record->node_name.len);
    }
    for (size_t i = 0; i < flow_batch_problem_count(batch); i++) {
        const struct flow_error *problem = flow_batch_problem_at(batch, i);

        add(result, problem->line);
        add(result, (uint64_t)problem->status);
    }
}

/* Reads to the end or to the first failure, and then asks again: that must not crash either. */
static void
read_all(struct result *result, struct flow_reader *reader)
{
    struct flow_batch *batch = NULL;

    result->status = flow_batch_new(&batch, &result->err);
    while (result->status == FLOW_OK &&
           (result->status = flow_reader_next(reader, batch, &result->err)) == FLOW_OK) {
        add_batch(result, batch);
    }
    for (unsigned i = 0;
         i < 50 && batch != NULL && flow_reader_next(reader, batch, NULL) != FLOW_END; i++) {
    }
    flow_batch_free(batch);
}

static void
read_memory(struct result *result, const void *context)
{
    struct flow_reader *reader = NULL;

    result->status = flow_reader_open_memory(&reader, context, strlen(context), NULL, &result->err);
    if (result->status == FLOW_OK) {
        read_all(result, reader);
    }
    flow_reader_close(reader);
}

static void
read_path(struct result *result, const void *context)
{
    struct flow_reader *reader = NULL;

    result->status = flow_reader_open(&reader, context, NULL, &result->err);
    if (result->status == FLOW_OK) {
        read_all(result, reader);
    }
    flow_reader_close(reader);
}

static void
reading_memory_survives_each_failure(void **state)
{
    (void)state;
    fail_each(read_memory, records);
}

/* So many different ends, names and nodes that every table grows. */
static void
reading_what_fills_the_tables_survives_each_failure(void **state)
{
    char *text = malloc(200000);
    size_t len = 0;

    (void)state;
    assert_non_null(text);
    for (unsigned i = 0; i < 70; i++) {
        len += (size_t)snprintf(text + len, 200000 - len,
                                "{\"flow\":{\"source\":{\"pod_name\":\"p-%u\",\"labels\":["
                                "\"k8s:a=%u\"]},\"destination_names\":[\"n%u\"],\"node_name\":"
                                "\"n%u\",\"source_service\":{\"name\":\"s%u\"},"
                                "\"egress_denied_by\":[{\"name\":\"p%u\"}]}}\n",
                                i, i, i, i, i, i);
    }
    fail_each(read_memory, text);
    free(text);
}

static void
reading_compressed_files_survives_each_failure(void **state)
{
    const struct files *files = *state;

    fail_each(read_path, files->gzip);
    fail_each(read_path, files->zstd);
}

static void
reading_protobuf_archives_and_captures_survives_each_failure(void **state)
{
    const struct files *files = *state;

    fail_each(read_path, files->protobuf);
    fail_each(read_path, files->archive);
    fail_each(read_path, files->capture);
}

struct written {
    const char *format, *input;
};

/* Reads one form and writes another. */
static void
convert(struct result *result, const void *context)
{
    const struct written *written = context;
    struct flow_reader *reader = NULL;
    struct flow_writer *writer = NULL;
    struct flow_batch *batch = NULL;
    struct flow_error *err = &result->err;
    int rc;

    if ((rc = flow_reader_open(&reader, written->input, NULL, err)) == FLOW_OK &&
        (rc = flow_batch_new(&batch, err)) == FLOW_OK &&
        (rc = flow_writer_open(&writer, written->format, "/dev/null", NULL, err)) == FLOW_OK) {
        while ((rc = flow_reader_next(reader, batch, err)) == FLOW_OK &&
               (rc = flow_writer_write(writer, batch, err)) == FLOW_OK) {
        }
    }
    if (rc == FLOW_END) {
        struct flow_writer_stats stats;

        rc = flow_writer_finish(writer, err);
        flow_writer_stats(writer, &stats);
        add(result, stats.records);
        add(result, stats.bytes);
    }
    result->status = rc;
    flow_writer_close(writer);
    flow_batch_free(batch);
    flow_reader_close(reader);
}

static void
converting_survives_each_failure(void **state)
{
    static const char *const formats[] = { "json", "protobuf", "archive" };
    const struct files *files = *state;

    for (size_t i = 0; i < COUNT(formats); i++) {
        const struct written of_json = { formats[i], files->zstd };
        const struct written of_proto = { formats[i], files->protobuf };
        const struct written of_packets = { formats[i], files->capture };

        fail_each(convert, &of_json);
        fail_each(convert, &of_proto);
        fail_each(convert, &of_packets);
    }
}

/* Bytes as they come, in pieces. */
static void
push(struct result *result, const void *context)
{
    struct flow_reader *reader = NULL;
    struct flow_batch *batch = NULL;
    struct flow_error *err = &result->err;
    size_t at = 0;
    int rc;

    (void)context;
    if ((rc = flow_reader_open_push(&reader, "pushed", NULL, err)) == FLOW_OK) {
        rc = flow_batch_new(&batch, err);
    }
    while (rc == FLOW_OK || rc == FLOW_AGAIN) {
        const size_t left = sizeof(records) - 1 - at;
        const size_t some = left < 700 ? left : 700;

        if (left == 0) {
            flow_reader_push_end(reader);
        } else if ((rc = flow_reader_push(reader, records + at, some, err)) != FLOW_OK) {
            break;
        }
        at += some;
        while ((rc = flow_reader_next(reader, batch, err)) == FLOW_OK) {
            add_batch(result, batch);
        }
    }
    result->status = rc;
    flow_batch_free(batch);
    flow_reader_close(reader);
}

static void
pushing_survives_each_failure(void **state)
{
    (void)state;
    fail_each(push, NULL);
}

static void
reading_a_directory_survives_each_failure(void **state)
{
    fail_each(read_path, ((const struct files *)*state)->input);
}

static void
load(struct flow_policies **out, struct result *result, const struct files *files)
{
    const char *const manifests[] = { files->policies }, *const snapshots[] = { files->snapshot };
    const char *const variables[] = { "DOMAIN=example.org", "NET=192.0.2.0/24" };
    struct flow_policies_options options;

    flow_policies_options_init(&options, sizeof(options));
    options.manifests = manifests;
    options.manifest_count = COUNT(manifests);
    options.snapshots = snapshots;
    options.snapshot_count = COUNT(snapshots);
    options.engine = files->engine;
    options.variables = variables;
    options.variable_count = COUNT(variables);
    result->status = flow_policies_load(out, &options, &result->err);
}

static void
load_only(struct result *result, const void *context)
{
    struct flow_policies *loaded = NULL;

    load(&loaded, result, context);
    if (result->status == FLOW_OK) {
        add(result, flow_policies_count(loaded));
        add(result, flow_policies_inventory_count(loaded));
        add(result, flow_policies_note_count(loaded));
        for (size_t i = 0; i < flow_policies_note_count(loaded); i++) {
            const struct flow_error *err = &flow_policies_note_at(loaded, i)->error;

            add_bytes(result, err->message, strlen(err->message));
        }
    }
    flow_policies_free(loaded);
}

static void
loading_policies_survives_each_failure(void **state)
{
    static const struct {
        const char *engine;
        size_t policies, errors;
    } engines[] = {
        { "cilium-1.19", 3, 2 },
        { "cilium-1.20", 4, 2 },
        { "kubernetes", 4, 1 }, /* what it does not enforce is not read */
    };
    struct files files = *(const struct files *)*state;

    for (size_t i = 0; i < COUNT(engines); i++) {
        struct flow_policies *loaded;
        struct result result;

        files.engine = engines[i].engine;
        load(&loaded, &result, &files);
        assert_int_equal(result.status, FLOW_OK);
        /* or the test would test little */
        assert_int_equal(flow_policies_count(loaded), engines[i].policies);
        assert_int_equal(flow_policies_error_count(loaded), engines[i].errors);
        assert_true(flow_policies_inventory_count(loaded) >= 8);
        flow_policies_free(loaded);
        fail_each(load_only, &files);
    }
}

static void
load_intent(struct result *result, const void *context)
{
    const struct files *files = context;
    struct flow_intent_document *loaded = NULL;

    result->status = flow_intent_load(&loaded, files->intent, NULL, &result->err);
    if (result->status == FLOW_OK) {
        add(result, flow_intent_note_count(loaded));
        for (size_t i = 0; i < flow_intent_approval_count(loaded); i++) {
            const struct flow_approval *approval = flow_intent_approval_at(loaded, i);

            add_bytes(result, approval->from, strlen(approval->from));
            add_bytes(result, approval->to, strlen(approval->to));
            add_bytes(result, approval->ports, strlen(approval->ports));
        }
    }
    flow_intent_free(loaded);
}

static void
loading_an_intent_survives_each_failure(void **state)
{
    fail_each(load_intent, *state);
}

/* All of a check but the loading of what is declared, which is ready. */
struct check {
    const struct flow_policies *policies;
    const char *format;
    const struct flow_intent_document *intent; /* or NULL */
    struct flow_documents *documents;          /* for a state that is written; or NULL */
    const char *state;
};

struct parts {
    struct flow_dict *dict;
    struct flow_reader *reader;
    struct flow_classifier *classifier;
    struct flow_tally *tally;
    struct flow_batch *batch;
    struct flow_sink *sink;
    struct flow_names *names;
    struct flow_state *state;
};

static int
open_parts(struct parts *parts, const struct check *check, struct flow_error *err)
{
    struct flow_reader_options reader_options;
    struct flow_sink_options sink_options;
    int rc;

    flow_reader_options_init(&reader_options, sizeof(reader_options));
    flow_sink_options_init(&sink_options, sizeof(sink_options));
    if ((rc = flow_dict_new(&parts->dict, err)) != FLOW_OK) {
        return rc;
    }
    reader_options.dict = parts->dict;
    if ((rc = flow_reader_open_memory(&parts->reader, records, sizeof(records) - 1, &reader_options,
                                      err)) != FLOW_OK ||
        (rc = flow_classifier_new(&parts->classifier, check->policies, err)) != FLOW_OK ||
        (rc = flow_tally_new(&parts->tally, check->policies, err)) != FLOW_OK ||
        (rc = flow_batch_new(&parts->batch, err)) != FLOW_OK) {
        return rc;
    }
    if (check->intent != NULL) {
        if ((rc = flow_names_new(&parts->names, err)) != FLOW_OK) {
            return rc;
        }
        flow_classifier_set_names(parts->classifier, parts->names);
        flow_classifier_set_intent(parts->classifier, check->intent);
        flow_tally_set_intent(parts->tally, check->intent);
    }
    if (check->documents != NULL && (rc = flow_state_new(&parts->state, err)) != FLOW_OK) {
        return rc;
    }
    sink_options.tally = parts->tally;
    return flow_sink_open(&parts->sink, check->format, "/dev/null", &sink_options, err);
}

static int
judge(struct parts *parts, const struct check *check, struct result *result)
{
    struct flow_error *err = &result->err;
    int rc;

    while ((rc = flow_reader_next(parts->reader, parts->batch, err)) == FLOW_OK) {
        if ((parts->names != NULL &&
             (rc = flow_names_learn(parts->names, parts->batch, err)) < 0) ||
            (rc = flow_classifier_run(parts->classifier, parts->batch, err)) < 0 ||
            (rc = flow_tally_add(parts->tally, parts->batch, err)) < 0 ||
            (parts->state != NULL &&
             (rc = flow_state_add(parts->state, parts->classifier, parts->batch, err)) < 0) ||
            (rc = flow_sink_write(parts->sink, parts->batch, err)) < 0) {
            return rc;
        }
        add_batch(result, parts->batch);
    }
    if (rc < 0 || (rc = flow_tally_add_inputs(parts->tally, parts->reader, err)) < 0 ||
        (rc = flow_tally_finish(parts->tally, err)) < 0 ||
        (parts->state != NULL &&
         (rc = flow_state_write(parts->state, parts->tally, parts->names, check->documents,
                                check->state, err)) < 0)) {
        return rc;
    }
    for (size_t i = 0; i < flow_tally_finding_count(parts->tally); i++) {
        const struct flow_finding *finding = flow_tally_finding_at(parts->tally, i);

        add(result, finding->count);
        add_bytes(result, finding->fingerprint, strlen(finding->fingerprint));
        add_bytes(result, finding->explanation.ptr, finding->explanation.len);
    }
    return FLOW_OK;
}

static void
check_input(struct result *result, const void *context)
{
    struct parts parts;
    struct flow_error ignored;

    memset(&parts, 0, sizeof(parts));
    result->status = open_parts(&parts, context, &result->err);
    if (result->status == FLOW_OK) {
        result->status = judge(&parts, context, result);
    }
    /* a sink ends what it began, also after an error elsewhere */
    if (parts.sink != NULL) {
        const int rc =
            flow_sink_finish(parts.sink, result->status == FLOW_OK ? &result->err : &ignored);

        result->status = result->status == FLOW_OK ? rc : result->status;
    }
    flow_sink_close(parts.sink);
    flow_batch_free(parts.batch);
    flow_tally_free(parts.tally);
    flow_state_free(parts.state);
    flow_classifier_free(parts.classifier);
    flow_names_free(parts.names);
    flow_reader_close(parts.reader);
    flow_dict_free(parts.dict);
}

/* A state that was written, read and judged again. */
static void
merge_state(struct result *result, const void *context)
{
    const struct check *check = context;
    struct parts parts;
    struct flow_error *err = &result->err;
    int rc;

    memset(&parts, 0, sizeof(parts));
    if ((rc = flow_state_read(&parts.state, check->state, err)) == FLOW_OK &&
        (rc = flow_dict_new(&parts.dict, err)) == FLOW_OK &&
        (rc = flow_names_new(&parts.names, err)) == FLOW_OK &&
        (rc = flow_state_add_names(parts.state, parts.names, err)) == FLOW_OK &&
        (rc = flow_classifier_new(&parts.classifier, check->policies, err)) == FLOW_OK &&
        (rc = flow_tally_new(&parts.tally, check->policies, err)) == FLOW_OK) {
        flow_classifier_set_names(parts.classifier, parts.names);
        flow_classifier_set_intent(parts.classifier, check->intent);
        flow_tally_set_intent(parts.tally, check->intent);
        rc = flow_state_replay(parts.state, parts.classifier, parts.tally, parts.dict, NULL, err);
        rc = rc == FLOW_OK ? flow_tally_finish(parts.tally, err) : rc;
    }
    result->status = rc;
    for (size_t i = 0; rc == FLOW_OK && i < flow_tally_finding_count(parts.tally); i++) {
        add(result, flow_tally_finding_at(parts.tally, i)->count);
    }
    flow_tally_free(parts.tally);
    flow_classifier_free(parts.classifier);
    flow_names_free(parts.names);
    flow_dict_free(parts.dict);
    flow_state_free(parts.state);
}

/* The intent and the policies of a check, with the documents that they are read from. */
static void
load_declared(const struct files *files, struct check *check, struct flow_policies **loaded,
              struct flow_intent_document **document)
{
    const char *const manifests[] = { files->policies };
    struct flow_policies_options options;
    struct flow_intent_options intent_options;

    assert_int_equal(flow_documents_new(&check->documents, NULL), FLOW_OK);
    flow_intent_options_init(&intent_options, sizeof(intent_options));
    intent_options.documents = check->documents;
    assert_int_equal(flow_intent_load(document, files->intent, &intent_options, NULL), FLOW_OK);
    flow_policies_options_init(&options, sizeof(options));
    options.manifests = manifests;
    options.manifest_count = COUNT(manifests);
    options.documents = check->documents;
    assert_int_equal(flow_policies_load(loaded, &options, NULL), FLOW_OK);
    check->policies = *loaded;
    check->intent = *document;
}

static void
an_intent_and_a_state_survive_each_failure(void **state)
{
    const struct files *files = *state;
    struct check check = { .format = "json", .state = files->state };
    struct flow_intent_document *document = NULL;
    struct flow_policies *loaded = NULL;

    load_declared(files, &check, &loaded, &document);
    fail_each(check_input, &check);
    fail_each(merge_state, &check);
    flow_policies_free(loaded);
    flow_intent_free(document);
    flow_documents_free(check.documents);
}

static void
checking_an_input_survives_each_failure(void **state)
{
    static const char *const formats[] = { "text", "json", "jsonl", "arrow" };
    struct check check = { .format = NULL };
    struct flow_policies *loaded = NULL;
    struct result result;

    load(&loaded, &result, *state);
    assert_int_equal(result.status, FLOW_OK);
    check.policies = loaded;
    for (size_t i = 0; i < COUNT(formats); i++) {
        check.format = formats[i];
        fail_each(check_input, &check);
    }
    flow_policies_free(loaded);
}

/* Takes all arrays of a stream in; what it says of a failure becomes the run's. */
static void
take_stream(struct result *result, struct ArrowArrayStream *stream)
{
    struct ArrowSchema schema = { .release = NULL };
    struct ArrowArray array = { .release = NULL };
    int rc = stream->get_schema(stream, &schema);

    while (rc == 0 && (rc = stream->get_next(stream, &array)) == 0 && array.release != NULL) {
        add(result, (uint64_t)array.length);
        for (int64_t i = 0; i < array.n_children; i++) {
            add(result, (uint64_t)array.children[i]->null_count);
        }
        array.release(&array);
    }
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    if (rc != 0) {
        result->status = result->err.status = rc == ENOMEM ? FLOW_E_MEMORY : FLOW_E_SYSTEM;
        strcpy(result->err.message, "the stream failed");
    }
    stream->release(stream);
}

static int
open_check(struct flow_check **out, const struct check *check, bool state, struct flow_error *err)
{
    struct flow_check_options options;

    flow_check_options_init(&options, sizeof(options));
    options.bytes = records;
    options.byte_count = sizeof(records) - 1;
    options.policies = check->policies;
    options.intent = check->intent;
    options.state = state;
    return flow_check_open(out, &options, err);
}

/* A whole run: report, findings as a table, state and documents as bytes. */
static void
run_whole(struct result *result, const void *context)
{
    const struct check *check = context;
    struct flow_error *err = &result->err;
    struct flow_check *whole = NULL;
    struct flow_state *state = NULL;
    struct flow_documents *documents = NULL;
    struct ArrowArrayStream stream;
    struct flow_str text;
    int rc = open_check(&whole, check, true, err);

    while (rc == FLOW_OK && (rc = flow_check_next(whole, err)) == FLOW_OK) {
        add_batch(result, flow_check_batch(whole));
    }
    rc = rc == FLOW_END ? flow_check_finish(whole, err) : rc;
    rc = rc == FLOW_OK ? flow_tally_render(flow_check_tally(whole), "text", &text, err) : rc;
    if (rc == FLOW_OK) {
        add_bytes(result, text.ptr, text.len);
        rc = flow_check_encode_state(whole, check->documents, &text, err);
    }
    rc = rc == FLOW_OK ? flow_state_decode(&state, text.ptr, text.len, err) : rc;
    rc = rc == FLOW_OK ? flow_documents_encode(check->documents, &text, err) : rc;
    rc = rc == FLOW_OK ? flow_documents_decode(&documents, text.ptr, text.len, err) : rc;
    if (rc == FLOW_OK) {
        add(result, text.len);
        rc = flow_arrow_stream_findings(&stream, flow_check_tally(whole), err);
    }
    result->status = rc;
    if (rc == FLOW_OK) {
        take_stream(result, &stream);
    }
    flow_documents_free(documents);
    flow_state_free(state);
    flow_check_close(whole);
    /* what the documents were encoded to is theirs, and would count as left over */
    flow_buf_free(&check->documents->encoded);
}

/* The same flows as a stream. */
static void
stream_flows(struct result *result, const void *context)
{
    struct flow_check *whole = NULL;
    struct ArrowArrayStream stream;

    result->status = open_check(&whole, context, false, &result->err);
    if (result->status == FLOW_OK) {
        result->status =
            flow_arrow_stream_flows(&stream, FLOW_ARROW_RESULTS, 2, whole, &result->err);
        if (result->status != FLOW_OK) {
            flow_check_close(whole);
        }
    }
    if (result->status == FLOW_OK) {
        take_stream(result, &stream);
    }
}

/* Two connections in columns: text, and lists of it. */
static void
decide_columns(struct result *result, const void *context)
{
    static const int32_t offsets[] = { 0, 3, 6 }, label_offsets[] = { 0, 6, 13 },
                         lists[] = { 0, 1, 2 };
    static const uint16_t ports[] = { 8080, 53 };
    const void *names[] = { NULL, offsets, "webops" };
    const void *items[] = { NULL, label_offsets, "app=uik8s:a=b" };
    const void *list[] = { NULL, lists }, *numbers[] = { NULL, ports }, *none[] = { NULL };
    const void *protocols[] = { NULL, offsets, "TCPUDP" };
    struct ArrowSchema item = { .format = "u", .name = "item" }, *item_schema[] = { &item };
    struct ArrowSchema fields[] = {
        { .format = "u", .name = "source_namespace" },
        { .format = "+l", .name = "source_labels", .n_children = 1, .children = item_schema },
        { .format = "u", .name = "destination_namespace" },
        { .format = "+l", .name = "destination_names", .n_children = 1, .children = item_schema },
        { .format = "u", .name = "protocol" },
        { .format = "S", .name = "port" },
    };
    struct ArrowArray texts = { .length = 2, .n_buffers = 3, .buffers = items };
    struct ArrowArray *text_array[] = { &texts };
    struct ArrowArray columns[] = {
        { .length = 2, .n_buffers = 3, .buffers = names },
        { .length = 2, .n_buffers = 2, .n_children = 1, .buffers = list, .children = text_array },
        { .length = 2, .n_buffers = 3, .buffers = names },
        { .length = 2, .n_buffers = 2, .n_children = 1, .buffers = list, .children = text_array },
        { .length = 2, .n_buffers = 3, .buffers = protocols },
        { .length = 2, .n_buffers = 2, .buffers = numbers },
    };
    struct ArrowSchema *field_list[COUNT(fields)];
    struct ArrowArray *column_list[COUNT(columns)];
    struct ArrowSchema schema = { .format = "+s",
                                  .n_children = COUNT(fields),
                                  .children = field_list };
    struct ArrowArray array = { .length = 2,
                                .n_buffers = 1,
                                .buffers = none,
                                .n_children = COUNT(columns),
                                .children = column_list };
    const struct check *check = context;
    struct flow_arrow_decider *decider = NULL;
    struct ArrowArray out;

    for (size_t i = 0; i < COUNT(fields); i++) {
        field_list[i] = &fields[i];
        column_list[i] = &columns[i];
    }
    result->status = flow_arrow_decider_new(&decider, check->policies, check->intent, &result->err);
    if (result->status == FLOW_OK) {
        result->status = flow_arrow_decider_run(decider, &schema, &array, &out, &result->err);
    }
    if (result->status == FLOW_OK) {
        add(result, (uint64_t)out.length);
        for (int64_t i = 0; i < out.n_children; i++) {
            add(result, (uint64_t)out.children[i]->null_count);
        }
        out.release(&out);
    }
    flow_arrow_decider_free(decider);
}

static void
runs_and_tables_survive_each_failure(void **state)
{
    const struct files *files = *state;
    struct check check = { .format = "json" };
    struct flow_intent_document *document = NULL;
    struct flow_policies *loaded = NULL;

    load_declared(files, &check, &loaded, &document);
    fail_each(run_whole, &check);
    fail_each(stream_flows, &check);
    fail_each(decide_columns, &check);
    flow_policies_free(loaded);
    flow_intent_free(document);
    flow_documents_free(check.documents);
}

/* Both sides of a connection of two pods by name, one of them known to the inventory. */
static void
write_explanation(struct result *result, const char *format,
                  const struct flow_explain_report *report)
{
    struct flow_explainer *explainer = NULL;

    result->status = flow_explainer_open(&explainer, format, "/dev/null", &result->err);
    if (result->status == FLOW_OK) {
        result->status = flow_explainer_write(explainer, report, &result->err);
    }
    if (result->status == FLOW_OK) {
        result->status = flow_explainer_finish(explainer, &result->err);
    }
    flow_explainer_close(explainer);
}

static void
explain_connection(struct result *result, const void *context)
{
    const struct flow_str none = { NULL, 0 }, web = { "web", 3 }, ops = { "ops", 3 };
    struct flow_connection connection = { .protocol = FLOW_PROTOCOL_TCP,
                                          .has_port = true,
                                          .destination_port = 8080 };
    struct flow_explanation sides[2];
    struct flow_classifier *classifier = NULL;
    struct flow_dict *dict = NULL;

    result->status = flow_dict_new(&dict, &result->err);
    if (result->status == FLOW_OK) {
        result->status = flow_classifier_new(&classifier, context, &result->err);
    }
    if (result->status == FLOW_OK) {
        connection.source = flow_endpoint_named(dict, ops, (struct flow_str){ "prom-0", 6 }, none);
        connection.destination =
            flow_endpoint_named(dict, web, (struct flow_str){ "api-0", 5 }, none);
        if (connection.source == NULL || connection.destination == NULL) {
            result->status = result->err.status = FLOW_E_MEMORY;
            strcpy(result->err.message, "flow_endpoint_named has no error to fill");
        }
    }
    for (uint8_t i = 0; i < 2 && result->status == FLOW_OK; i++) {
        const uint8_t direction = i == 0 ? FLOW_DIRECTION_EGRESS : FLOW_DIRECTION_INGRESS;

        result->status = flow_classifier_explain(classifier, dict, &connection, direction,
                                                 &sides[i], &result->err);
        if (result->status == FLOW_OK) {
            const struct flow_explain_report report = { .sides = &sides[i],
                                                        .side_count = 1,
                                                        .protocol = FLOW_PROTOCOL_TCP };

            add(result, sides[i].decision.expected);
            add(result, sides[i].step_count);
            write_explanation(result, i == 0 ? "text" : "json", &report);
        }
    }
    flow_classifier_free(classifier);
    flow_dict_free(dict);
}

static void
explaining_a_connection_survives_each_failure(void **state)
{
    struct flow_policies *loaded = NULL;
    struct result result;

    load(&loaded, &result, *state);
    assert_int_equal(result.status, FLOW_OK);
    fail_each(explain_connection, loaded);
    flow_policies_free(loaded);
}

static void
filter_records(struct result *result, const void *context)
{
    static const char *const filters[][2] = {
        { "namespace", "web" },   { "verdict", "FORWARDED" },
        { "ip", "10.42.0.0/16" }, { "since", "2026-01-01T00:00:00Z" },
        { "verdict", "DROPPED" },
    };
    struct flow_filter *filter = NULL;

    (void)context;
    result->status = flow_filter_new(&filter, &result->err);
    for (size_t i = 0; i < COUNT(filters) && result->status == FLOW_OK; i++) {
        result->status = flow_filter_add(filter, filters[i][0], filters[i][1], &result->err);
    }
    flow_filter_free(filter);
}

static void
making_a_filter_survives_each_failure(void **state)
{
    (void)state;
    fail_each(filter_records, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_memory_survives_each_failure),
        cmocka_unit_test(reading_what_fills_the_tables_survives_each_failure),
        cmocka_unit_test(reading_compressed_files_survives_each_failure),
        cmocka_unit_test(reading_a_directory_survives_each_failure),
        cmocka_unit_test(reading_protobuf_archives_and_captures_survives_each_failure),
        cmocka_unit_test(converting_survives_each_failure),
        cmocka_unit_test(pushing_survives_each_failure),
        cmocka_unit_test(loading_policies_survives_each_failure),
        cmocka_unit_test(loading_an_intent_survives_each_failure),
        cmocka_unit_test(checking_an_input_survives_each_failure),
        cmocka_unit_test(runs_and_tables_survive_each_failure),
        cmocka_unit_test(an_intent_and_a_state_survive_each_failure),
        cmocka_unit_test(explaining_a_connection_survives_each_failure),
        cmocka_unit_test(making_a_filter_survives_each_failure),
    };

    return cmocka_run_group_tests(tests, open_files, close_files);
}
