/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the log of a made-up cluster as the exporter of Cilium 1.19 would: its fields, order and
 * spelling. The same options give the same bytes. Uses nothing of the library, so that it shares no
 * mistake with it. Who there is comes from cluster.c, what happens from traffic.c, the fitting
 * policies from manifests.c.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traffic.h"

enum {
    ACTIVE = 192,         /* connections whose events interleave */
    GAP_NS = 1800000,     /* at most, from one line to the next */
    LINE_BYTES = 1 << 14, /* no line comes near */
    POLICY_REVISION = 42,
};

static const struct {
    const char *verdict;
    const char *type;  /* event_type */
    const char *point; /* trace_observation_point, of traces */
} events[] = {
    [VERDICT] = { "FORWARDED", "{\"type\":5}", NULL },
    [REDIRECT] = { "REDIRECTED", "{\"type\":5}", NULL },
    [DENY] = { "DROPPED", "{\"type\":5}", NULL },
    [DROP] = { "DROPPED", "{\"type\":1,\"sub_type\":133}", NULL },
    [TO_ENDPOINT] = { "FORWARDED", "{\"type\":4}", "TO_ENDPOINT" },
    [TO_PROXY] = { "FORWARDED", "{\"type\":4,\"sub_type\":1}", "TO_PROXY" },
    [TO_STACK] = { "FORWARDED", "{\"type\":4,\"sub_type\":3}", "TO_STACK" },
    [TO_OVERLAY] = { "FORWARDED", "{\"type\":4,\"sub_type\":4}", "TO_OVERLAY" },
    [REQUEST] = { "FORWARDED", "{\"type\":129}", NULL },
    [RESPONSE] = { "FORWARDED", "{\"type\":129}", NULL },
};

static const struct {
    const char *json;
    const char *summary;
} tcp_flags[] = {
    [SYN] = { "{\"SYN\":true}", "SYN" },
    [SYNACK] = { "{\"SYN\":true,\"ACK\":true}", "SYN, ACK" },
    [PSH] = { "{\"PSH\":true,\"ACK\":true}", "ACK, PSH" },
    [FIN] = { "{\"FIN\":true,\"ACK\":true}", "ACK, FIN" },
};

struct options {
    struct cluster_options cluster;
    uint64_t flows;
    struct balance balance;
    time_t start;
    const char *policies;
};

/* Where the log is: what is not yet on stdout, and the time. */
struct log {
    char bytes[1 << 20];
    size_t len;
    time_t start, second;
    uint64_t clock_ns; /* since start */
    char stamp[24];    /* of second */
};

struct line {
    struct log *log;
    const struct cluster *cluster;
    const struct connection *conn;
    const struct step *step;
    const struct endpoint *src, *dst; /* the packet's own */
    const struct endpoint *subject;   /* the pod whose node tells */
    bool layer7, udp, dropped;
};

static void
flush(struct log *log)
{
    if (fwrite(log->bytes, 1, log->len, stdout) != log->len || fflush(stdout) != 0) {
        die("cannot write");
    }
    log->len = 0;
}

static inline void
put_bytes(struct log *log, const char *bytes, size_t len)
{
    memcpy(log->bytes + log->len, bytes, len);
    log->len += len;
}

static inline void
put(struct log *log, const char *text)
{
    put_bytes(log, text, strlen(text));
}

static void
put_number(struct log *log, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    put_bytes(log, digits + at, sizeof(digits) - at);
}

/* A random (version 4) UUID of two random halves. */
static void
put_uuid(struct log *log, uint64_t high, uint64_t low)
{
    static const char hex[] = "0123456789abcdef";
    char *at = log->bytes + log->len;

    high = (high & ~UINT64_C(0xf000)) | 0x4000;
    low = (low >> 2) | UINT64_C(1) << 63;
    for (unsigned int i = 0; i < 32; i++) {
        const uint64_t half = i < 16 ? high : low;

        if (i == 8 || i == 12 || i == 16 || i == 20) {
            *at++ = '-';
        }
        *at++ = hex[(half >> (60 - 4 * (i & 15))) & 15];
    }
    log->len += 36;
}

/* RFC 3339 as Go prints it: the fraction has 0, 3, 6 or 9 digits. */
static void
put_time(struct log *log)
{
    const time_t second = log->start + (time_t)(log->clock_ns / 1000000000);
    uint32_t fraction = (uint32_t)(log->clock_ns % 1000000000);
    unsigned int digits = 9;

    if (second != log->second) {
        struct tm tm;

        log->second = second;
        strftime(log->stamp, sizeof(log->stamp), "%Y-%m-%dT%H:%M:%S", gmtime_r(&second, &tm));
    }
    put(log, log->stamp);
    for (; digits > 0 && fraction % 1000 == 0; digits -= 3) {
        fraction /= 1000;
    }
    if (digits > 0) {
        char *at = log->bytes + log->len;

        at[0] = '.';
        for (unsigned int i = digits; i > 0; i--, fraction /= 10) {
            at[i] = (char)('0' + fraction % 10);
        }
        log->len += digits + 1;
    }
    put(log, "Z");
}

static void
put_packet(const struct line *line)
{
    struct log *log = line->log;
    const bool reply = line->step->reply, leaves = line->src == line->subject;

    if (!line->layer7) {
        put(log, ",\"ethernet\":{\"source\":\"");
        put(log, leaves ? line->subject->mac : line->subject->gate);
        put(log, "\",\"destination\":\"");
        put(log, leaves ? line->subject->gate : line->subject->mac);
        put(log, "\"}");
    }
    put(log, ",\"IP\":{\"source\":\"");
    put(log, line->src->ip);
    put(log, "\",\"destination\":\"");
    put(log, line->dst->ip);
    put(log, "\",\"ipVersion\":\"IPv4\"},\"l4\":{\"");
    put(log, line->udp ? "UDP\":{\"source_port\":" : "TCP\":{\"source_port\":");
    put_number(log, reply ? line->conn->port : line->conn->client_port);
    put(log, ",\"destination_port\":");
    put_number(log, reply ? line->conn->client_port : line->conn->port);
    if (!line->layer7 && !line->udp) {
        put(log, ",\"flags\":");
        put(log, tcp_flags[line->step->flags].json);
    }
    put(log, "}}");
}

/* ID and workloads only where the endpoint is local to the node that tells. */
static void
put_endpoint(const struct line *line, const char *name, const struct endpoint *endpoint)
{
    const bool local = endpoint->node == line->subject->node;
    const struct text text = local ? endpoint->local : endpoint->remote;

    put(line->log, name);
    put_bytes(line->log, text.ptr, text.len);
}

static void
put_endpoints(const struct line *line)
{
    struct log *log = line->log;
    const struct endpoint *server = line->step->reply ? line->src : line->dst;
    const struct text node = line->cluster->nodes[line->subject->node].text;

    put_endpoint(line, ",\"source\":", line->src);
    put_endpoint(line, ",\"destination\":", line->dst);
    put(log, line->layer7 ? ",\"Type\":\"L7\"," : ",\"Type\":\"L3_L4\",");
    put_bytes(log, node.ptr, node.len);
    if (server->node == UINT32_MAX && server->name[0] != '\0') {
        put(log, line->step->reply ? ",\"source_names\":[\"" : ",\"destination_names\":[\"");
        put(log, server->name);
        put(log, "\"]");
    }
}

/* A third of the names are outside the cluster, the rest Services of the asking namespace. */
static void
put_query(const struct line *line)
{
    const uint32_t salt = line->conn->salt;

    if (salt % 3 == 0) {
        put(line->log, line->cluster->outside[APPROVED][salt / 3 % OUTSIDERS].name);
        put(line->log, ".");
    } else {
        put(line->log, roles[salt / 3 % 3].name);
        put(line->log, ".");
        put(line->log, line->cluster->names[line->conn->from->ns]);
        put(line->log, ".svc.cluster.local.");
    }
}

static void
put_answer(const struct line *line)
{
    const uint32_t salt = line->conn->salt;

    if (salt % 3 == 0) {
        put(line->log, line->cluster->outside[APPROVED][salt / 3 % OUTSIDERS].ip);
    } else {
        put(line->log, "10.143.");
        put_number(line->log, line->conn->from->ns % 256);
        put(line->log, ".");
        put_number(line->log, 10 + salt / 3 % 3);
    }
}

static void
put_dns(const struct line *line)
{
    struct log *log = line->log;

    put(log, "\"dns\":{\"query\":\"");
    put_query(line);
    put(log, "\"");
    if (line->step->reply) {
        put(log, ",\"ips\":[\"");
        put_answer(line);
        put(log, "\"],\"ttl\":30");
    }
    put(log, ",\"observation_source\":\"proxy\",\"qtypes\":[\"A\"]");
    put(log, line->step->reply ? ",\"rrtypes\":[\"A\"]}" : "}");
}

static void
put_url(const struct line *line)
{
    put(line->log, "http://api.");
    put(line->log, line->cluster->names[line->conn->to->ns]);
    put(line->log, ".svc.cluster.local:8080/v1/items?page=");
    put_number(line->log, line->conn->salt % 50);
    put(line->log, "\\u0026size=50");
}

static void
put_http(const struct line *line)
{
    struct log *log = line->log;
    const uint64_t salt = line->conn->salt;

    put(log, line->step->reply ? "\"http\":{\"code\":200,\"method\":\"GET\",\"url\":\""
                               : "\"http\":{\"method\":\"GET\",\"url\":\"");
    put_url(line);
    put(log, "\",\"protocol\":\"HTTP/1.1\",\"headers\":[{\"key\":\"");
    put(log, line->step->reply ? "Content-Type\",\"value\":\"application/json\"},{\"key\":\""
                               : ":scheme\",\"value\":\"http\"},{\"key\":\"");
    put(log, "X-Request-Id\",\"value\":\"");
    put_uuid(log, scatter(salt), scatter(~salt));
    put(log, "\"}]}");
}

static void
put_layer7(const struct line *line)
{
    struct log *log = line->log;

    if (line->step->reply) {
        put(log, ",\"l7\":{\"type\":\"RESPONSE\",\"latency_ns\":\"");
        put_number(log, 200000 + line->conn->salt % 5000000);
        put(log, "\",");
    } else {
        put(log, ",\"l7\":{\"type\":\"REQUEST\",");
    }
    if (line->udp) {
        put_dns(line);
    } else {
        put_http(line);
    }
    put(log, "}");
}

static void
put_trace(const struct line *line)
{
    const char *first = line->step->flags == SYN ? "NEW\"" : "ESTABLISHED\"";

    put(line->log, ",\"trace_observation_point\":\"");
    put(line->log, events[line->step->event].point);
    put(line->log, "\",\"trace_reason\":\"");
    put(line->log, line->step->reply ? "REPLY\"" : first);
}

static void
put_interface(const struct line *line)
{
    if (line->step->event == TO_OVERLAY) {
        put(line->log, ",\"interface\":{\"index\":4,\"name\":\"cilium_vxlan\"}");
    } else if (line->step->event == TO_ENDPOINT) {
        put(line->log, ",\"interface\":{\"index\":");
        put_number(line->log, 10 + (uint32_t)(line->subject - line->cluster->pods));
        put(line->log, ",\"name\":\"");
        put(line->log, line->subject->interface);
        put(line->log, "\"}");
    } else if (line->step->event == TO_PROXY) {
        put(line->log, line->udp ? ",\"proxy_port\":43211" : ",\"proxy_port\":15340");
    }
}

static void
put_event(const struct line *line)
{
    struct log *log = line->log;
    const struct step *step = line->step;
    /* From 1.16 on a forward packet that reaches its endpoint says EGRESS there too. */
    const bool delivered = step->event == TO_ENDPOINT && !step->reply;

    put(log, step->reply ? ",\"reply\":true,\"event_type\":" : ",\"event_type\":");
    put(log, events[step->event].type);
    put(log, ",\"traffic_direction\":");
    put(log, step->side == AT_SOURCE || delivered ? "\"EGRESS\"" : "\"INGRESS\"");
    if (step->event == VERDICT || step->event == REDIRECT) {
        put(log, ",\"policy_match_type\":2");
    }
    if (events[step->event].point != NULL) {
        put_trace(line);
    }
    if (step->event == DROP) {
        put(log, ",\"file\":{\"name\":\"bpf_lxc.c\",\"line\":1294}");
    }
    if (line->dropped) {
        put(log, ",\"drop_reason_desc\":\"POLICY_DENIED\"");
    } else {
        put(log, step->reply ? ",\"is_reply\":true" : ",\"is_reply\":false");
    }
    put_interface(line);
}

static void
put_summary(const struct line *line)
{
    struct log *log = line->log;
    const bool reply = line->step->reply;

    put(log, ",\"Summary\":\"");
    if (!line->layer7) {
        put(log, line->udp ? "UDP" : "TCP Flags: ");
        put(log, line->udp ? "" : tcp_flags[line->step->flags].summary);
    } else if (!line->udp) {
        put(log, reply ? "HTTP/1.1 200 1ms (GET " : "HTTP/1.1 GET ");
        put_url(line);
        put(log, reply ? ")" : "");
    } else if (reply) {
        put(log, "DNS Answer \\\"");
        put_answer(line);
        put(log, "\\\" TTL: 30 (Proxy ");
        put_query(line);
        put(log, " A)");
    } else {
        put(log, "DNS Query ");
        put_query(line);
        put(log, " A");
    }
    put(log, "\"");
}

/* The policy that let it pass, as the agent adds it to the verdicts that allow. */
static void
put_grant(const struct line *line)
{
    struct log *log = line->log;
    const bool egress = line->step->side == AT_SOURCE;
    const uint8_t grant = egress ? line->conn->what->egress : line->conn->what->ingress;
    const uint64_t uid = (uint64_t)line->subject->ns << 8 | grant;

    if (grant == NO_GRANT || (line->step->event != VERDICT && line->step->event != REDIRECT)) {
        return;
    }
    put(log, egress ? ",\"egress" : ",\"ingress");
    put(log, "_allowed_by\":[{\"name\":\"");
    put(log, grants[grant].name);
    put(log, "\",\"namespace\":\"");
    put(log, line->cluster->names[line->subject->ns]);
    put(log, "\",\"labels\":[\"k8s:io.cilium.k8s.policy.derived-from=");
    put(log, grants[grant].kind);
    put(log, "\",\"k8s:io.cilium.k8s.policy.name=");
    put(log, grants[grant].name);
    put(log, "\",\"k8s:io.cilium.k8s.policy.namespace=");
    put(log, line->cluster->names[line->subject->ns]);
    put(log, "\",\"k8s:io.cilium.k8s.policy.uid=");
    put_uuid(log, scatter(uid), scatter(~uid));
    put(log, "\"],\"revision\":\"");
    put_number(log, POLICY_REVISION);
    put(log, "\",\"kind\":\"");
    put(log, grants[grant].kind);
    put(log, "\"}],\"policy_log\":[\"\"]");
}

static void
put_line(const struct line *line, uint64_t high, uint64_t low)
{
    struct log *log = line->log;

    put(log, "{\"flow\":{\"time\":\"");
    put_time(log);
    put(log, "\",\"uuid\":\"");
    put_uuid(log, high, low);
    put(log, "\",\"emitter\":{\"name\":\"Hubble\",\"version\":\"1.19.4\"},\"verdict\":\"");
    put(log, events[line->step->event].verdict);
    put(log, line->dropped ? "\",\"drop_reason\":133" : "\"");
    put_packet(line);
    put_endpoints(line);
    if (line->layer7) {
        put_layer7(line);
    }
    put_event(line);
    put_summary(line);
    put_grant(line);
    put(log, "},\"node_name\":\"");
    put(log, line->cluster->nodes[line->subject->node].name);
    put(log, "\",\"time\":\"");
    put_time(log);
    put(log, "\"}\n");
}

/* Writes the next event of the connection; true when it was the last. */
static bool
advance(struct connection *conn, struct cluster *cluster, struct log *log, struct balance *balance)
{
    bool done;
    const struct step *step = connection_step(conn, &done);
    const struct line line = {
        .log = log,
        .cluster = cluster,
        .conn = conn,
        .step = step,
        .src = step->reply ? conn->to : conn->from,
        .dst = step->reply ? conn->from : conn->to,
        .subject = step->side == AT_SOURCE ? conn->from : conn->to,
        .layer7 = step->event == REQUEST || step->event == RESPONSE,
        .udp = conn->what->to == COREDNS,
        .dropped = step->event == DENY || step->event == DROP,
    };
    const uint64_t high = draw(cluster), low = draw(cluster);

    log->clock_ns += below(cluster, GAP_NS);
    balance->lines[line.layer7 ? LAYER7 : line.dropped ? DROPPED : NORMAL]++;
    put_line(&line, high, low);
    return done;
}

static void
write_log(struct cluster *cluster, const struct options *options)
{
    static struct connection active[ACTIVE];
    static struct log log;
    struct balance balance = options->balance;

    log.start = options->start;
    for (size_t i = 0; i < ACTIVE; i++) {
        connection_open(&active[i], cluster, &balance);
    }
    for (uint64_t i = 0; i < options->flows; i++) {
        struct connection *conn = &active[below(cluster, ACTIVE)];

        if (log.len > sizeof(log.bytes) - LINE_BYTES) {
            flush(&log);
        }
        if (advance(conn, cluster, &log, &balance)) {
            connection_open(conn, cluster, &balance);
        }
    }
    flush(&log);
}

static void
refuse(const char *why, const char *what)
{
    fprintf(stderr, "generate: %s: %s\n", what, why);
    exit(2);
}

static uint64_t
number(const char *text, uint64_t least, uint64_t most)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value < least ||
        value > most) {
        char why[96];

        snprintf(why, sizeof(why), "expected a number from %llu to %llu", (unsigned long long)least,
                 (unsigned long long)most);
        refuse(why, text);
    }
    return value;
}

static time_t
instant(const char *text)
{
    struct tm tm = { 0 };
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);

    if (end == NULL || *end != '\0') {
        refuse("expected a time such as 2026-01-05T09:00:00Z", text);
    }
    return timegm(&tm);
}

static void
parse(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        { "flows", required_argument, NULL, 'f' },
        { "seed", required_argument, NULL, 's' },
        { "pods", required_argument, NULL, 'p' },
        { "nodes", required_argument, NULL, 'o' },
        { "l7", required_argument, NULL, '7' },
        { "drops", required_argument, NULL, 'd' },
        { "start", required_argument, NULL, 't' },
        { "policies", required_argument, NULL, 'P' },
        { "namespaces", required_argument, NULL, 'n' },
        { 0 },
    };
    struct cluster_options *cluster = &options->cluster;

    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'f':
            options->flows = number(optarg, 0, UINT64_MAX);
            break;
        case 's':
            cluster->seed = number(optarg, 0, UINT64_MAX);
            break;
        case 'p':
            cluster->pods = (uint32_t)number(optarg, 16, 100000);
            break;
        case 'n':
            cluster->namespaces = (uint32_t)number(optarg, 4, 5000);
            break;
        case 'o':
            cluster->nodes = (uint32_t)number(optarg, 1, 240);
            break;
        case '7':
            options->balance.percent[LAYER7] = (uint32_t)number(optarg, 0, 20);
            break;
        case 'd':
            options->balance.percent[DROPPED] = (uint32_t)number(optarg, 0, 40);
            break;
        case 't':
            options->start = instant(optarg);
            break;
        case 'P':
            options->policies = optarg;
            break;
        default:
            exit(2);
        }
    }
    if (optind < argc) {
        refuse("unexpected argument", argv[optind]);
    }
    if (cluster->pods < 4 * cluster->namespaces) {
        refuse("expected at least four pods a namespace", "--pods");
    }
}

int
main(int argc, char **argv)
{
    struct options options = {
        .cluster = { .pods = 300, .namespaces = 30, .nodes = 10, .seed = 1 },
        .flows = 100000,
        .balance = { .percent = { [LAYER7] = 5, [DROPPED] = 5 } },
        .start = 1767603600, /* 2026-01-05T09:00:00Z */
    };
    struct cluster cluster;

    parse(&options, argc, argv);
    cluster_make(&cluster, &options.cluster);
    if (options.policies != NULL) {
        manifests_write(&cluster, options.policies);
    }
    write_log(&cluster, &options);
    return 0;
}
