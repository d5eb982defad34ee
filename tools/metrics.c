/* SPDX-License-Identifier: Apache-2.0 */
/* OpenMetrics over HTTP. The server runs in the watching thread, a little at a time. */
#include "metrics.h"

#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct metrics {
    struct MHD_Daemon *daemon;
    const struct counters *counters;
};

static void
add_counter(FILE *file, const char *name, const char *help, uint64_t value)
{
    fprintf(file, "# TYPE libflow_%s counter\n# HELP libflow_%s %s\nlibflow_%s_total %llu\n", name,
            name, help, name, (unsigned long long)value);
}

static void
add_gauge(FILE *file, const char *name, const char *help, double value)
{
    fprintf(file, "# TYPE libflow_%s gauge\n# HELP libflow_%s %s\nlibflow_%s %.3f\n", name, name,
            help, name, value);
}

static void
add_results(FILE *file, const struct counters *counters)
{
    fputs("# TYPE libflow_flows counter\n# HELP libflow_flows Flows judged, by result.\n", file);
    for (uint8_t i = 0; i < FLOW_RESULT_COUNT; i++) {
        fprintf(file, "libflow_flows_total{result=\"%s\"} %llu\n", flow_result_name(i),
                (unsigned long long)counters->results[i]);
    }
    fputs("# TYPE libflow_finding_flows counter\n"
          "# HELP libflow_finding_flows Flows that fall under a rule.\n",
          file);
    for (size_t i = 0; i < METRIC_RULES && flow_report_rule_at(i) != NULL; i++) {
        const struct flow_report_rule *rule = flow_report_rule_at(i);

        fprintf(file, "libflow_finding_flows_total{rule=\"%s\",name=\"%s\",severity=\"%s\"} %llu\n",
                rule->id, rule->name, flow_severity_name(rule->severity),
                (unsigned long long)counters->rules[i]);
    }
}

static void
add_all(FILE *file, const struct counters *counters)
{
    const struct flow_live_stats *live = &counters->live;

    add_results(file, counters);
    add_counter(file, "lost_events", "Events that the server says were lost.", counters->lost);
    add_counter(file, "lost_reports", "Messages that say so.", counters->lost_reports);
    add_counter(file, "damaged", "Messages that could not be read.", counters->damaged);
    add_counter(file, "refused", "Messages over the size limit.", live->refused);
    add_counter(file, "node_status", "Changes of nodes that Relay told.", counters->node_status);
    add_counter(file, "reconnects", "Connections after the first.",
                live->connections > 0 ? live->connections - 1 : 0);
    add_counter(file, "came_again", "Flows that came again and were dropped.", live->duplicates);
    add_counter(file, "gaps", "Connections behind which flows may be missing.", live->gaps);
    add_counter(file, "reloads", "Policies read anew.", counters->reloads);
    add_counter(file, "failed_reloads", "Policies that could not be read anew.",
                counters->failed_reloads);
    add_gauge(file, "lag_seconds", "From the time of the last flow to its arrival.",
              (double)live->lag / 1e9);
    add_gauge(file, "connected", "Whether the server is connected.", live->connected ? 1 : 0);
    fputs("# EOF\n", file);
}

static enum MHD_Result
respond(struct MHD_Connection *connection, unsigned status, const char *type, char *text,
        size_t len, enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(len, text, mode);
    enum MHD_Result result;

    if (response == NULL) {
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", type);
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
answer(void *context, struct MHD_Connection *connection, const char *url, const char *method,
       const char *version, const char *upload, size_t *upload_size, void **state)
{
    static char not_found[] = "see /metrics\n";
    struct metrics *metrics = context;
    char *text = NULL;
    size_t len = 0;
    FILE *file;

    (void)version;
    (void)upload;
    (void)upload_size;
    (void)state;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        return respond(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", not_found, 0,
                       MHD_RESPMEM_PERSISTENT);
    }
    if (strcmp(url, "/metrics") != 0) {
        return respond(connection, MHD_HTTP_NOT_FOUND, "text/plain", not_found,
                       sizeof(not_found) - 1, MHD_RESPMEM_PERSISTENT);
    }
    file = open_memstream(&text, &len);
    if (file == NULL) {
        return MHD_NO;
    }
    add_all(file, metrics->counters);
    if (fclose(file) != 0) {
        free(text);
        return MHD_NO;
    }
    return respond(connection, MHD_HTTP_OK,
                   "application/openmetrics-text; version=1.0.0; charset=utf-8", text, len,
                   MHD_RESPMEM_MUST_FREE);
}

/* "host:port", ":port" and "[v6]:port" as an address to listen on; NULL (told) for none. */
static struct addrinfo *
resolve(const char *address)
{
    const struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM };
    const char *colon = strrchr(address, ':');
    char host[256] = "";
    struct addrinfo *found = NULL;
    size_t len;
    int rc;

    if (colon == NULL || (size_t)(colon - address) >= sizeof(host)) {
        say("expected HOST:PORT to listen on, found \"%.60s\"", address);
        return NULL;
    }
    len = (size_t)(colon - address);
    memcpy(host, address, len);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        memmove(host, host + 1, len - 2);
        len -= 2;
    }
    host[len] = '\0';
    rc = getaddrinfo(len > 0 ? host : NULL, colon + 1, &hints, &found);
    if (rc != 0) {
        say("cannot listen on %.60s: %s", address, gai_strerror(rc));
        return NULL;
    }
    return found;
}

bool
metrics_open(struct metrics **out, const char *address, const struct counters *counters)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));
    struct addrinfo *place = resolve(address);
    const union MHD_DaemonInfo *info;
    unsigned flags = 0;

    if (metrics == NULL || place == NULL) {
        free(metrics);
        if (place != NULL) {
            freeaddrinfo(place);
            say("out of memory");
        }
        return false;
    }
    flags |= place->ai_family == AF_INET6 ? (unsigned)MHD_USE_IPv6 : 0;
    metrics->counters = counters;
    metrics->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, answer, metrics, MHD_OPTION_SOCK_ADDR,
                         place->ai_addr, MHD_OPTION_CONNECTION_TIMEOUT, 10u, MHD_OPTION_END);
    freeaddrinfo(place);
    if (metrics->daemon == NULL) {
        say("cannot listen on %.60s", address);
        free(metrics);
        return false;
    }
    info = MHD_get_daemon_info(metrics->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (info != NULL) {
        say("metrics on port %u, /metrics", info->port);
    }
    *out = metrics;
    return true;
}

void
metrics_run(struct metrics *metrics)
{
    if (metrics != NULL) {
        (void)MHD_run(metrics->daemon);
    }
}

void
metrics_close(struct metrics *metrics)
{
    if (metrics != NULL) {
        MHD_stop_daemon(metrics->daemon);
        free(metrics);
    }
}
