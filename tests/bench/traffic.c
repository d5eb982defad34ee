/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which connections happen, how often, and in which order the two nodes tell of them. A row of the
 * table below goes with the policies of manifests.c; how an event is printed is generate.c's.
 */
#include "traffic.h"

const struct policy_name grants[GRANTS] = {
    [ALLOW_DNS] = { "allow-dns", "CiliumNetworkPolicy" },
    [DNS_SERVER] = { "dns-server", "CiliumNetworkPolicy" },
    [FRONTEND_TO_API] = { "frontend-to-api", "NetworkPolicy" },
    [API_HTTP] = { "api-http", "CiliumNetworkPolicy" },
    [API_TO_DB] = { "api-to-db", "NetworkPolicy" },
    [DB_FROM_API] = { "db-from-api", "NetworkPolicy" },
    [WORKER_TO_API] = { "worker-to-api", "NetworkPolicy" },
    [API_FROM_WORKER] = { "api-from-worker", "NetworkPolicy" },
    [SCRAPE] = { "scrape", "NetworkPolicy" },
    [METRICS] = { "metrics", "NetworkPolicy" },
    [FRONTEND_WORLD] = { "frontend-world", "CiliumNetworkPolicy" },
    [APPROVED_EGRESS] = { "approved-egress", "CiliumNetworkPolicy" },
};

#define S(event, flags)                                                                            \
    {                                                                                              \
        event, AT_SOURCE, flags, false                                                             \
    }
#define D(event, flags)                                                                            \
    {                                                                                              \
        event, AT_DESTINATION, flags, false                                                        \
    }
#define S_REPLY(event, flags)                                                                      \
    {                                                                                              \
        event, AT_SOURCE, flags, true                                                              \
    }
#define D_REPLY(event, flags)                                                                      \
    {                                                                                              \
        event, AT_DESTINATION, flags, true                                                         \
    }

static const struct shape tcp_far = { {
                                          S(VERDICT, SYN),
                                          S(TO_OVERLAY, SYN),
                                          D(VERDICT, SYN),
                                          D(TO_ENDPOINT, SYN),
                                          D_REPLY(TO_OVERLAY, SYNACK),
                                          S_REPLY(TO_ENDPOINT, SYNACK),
                                          S(TO_OVERLAY, PSH),
                                          D(TO_ENDPOINT, PSH),
                                          D_REPLY(TO_OVERLAY, PSH),
                                          S_REPLY(TO_ENDPOINT, PSH),
                                          S(TO_OVERLAY, FIN),
                                          D(TO_ENDPOINT, FIN),
                                          D_REPLY(TO_OVERLAY, FIN),
                                          S_REPLY(TO_ENDPOINT, FIN),
                                      },
                                      14,
                                      6,
                                      10 };
static const struct shape tcp_near = { {
                                           S(VERDICT, SYN),
                                           D(VERDICT, SYN),
                                           D(TO_ENDPOINT, SYN),
                                           S_REPLY(TO_ENDPOINT, SYNACK),
                                           D(TO_ENDPOINT, PSH),
                                           S_REPLY(TO_ENDPOINT, PSH),
                                           D(TO_ENDPOINT, FIN),
                                           S_REPLY(TO_ENDPOINT, FIN),
                                       },
                                       8,
                                       4,
                                       6 };
static const struct shape tcp_out = { {
                                          S(VERDICT, SYN),
                                          S(TO_STACK, SYN),
                                          S_REPLY(TO_ENDPOINT, SYNACK),
                                          S(TO_STACK, PSH),
                                          S_REPLY(TO_ENDPOINT, PSH),
                                          S(TO_STACK, FIN),
                                          S_REPLY(TO_ENDPOINT, FIN),
                                      },
                                      7,
                                      3,
                                      5 };
static const struct shape tcp_in = { {
                                         D(VERDICT, SYN),
                                         D(TO_ENDPOINT, SYN),
                                         D_REPLY(TO_STACK, SYNACK),
                                         D(TO_ENDPOINT, PSH),
                                         D_REPLY(TO_STACK, PSH),
                                         D(TO_ENDPOINT, FIN),
                                         D_REPLY(TO_STACK, FIN),
                                     },
                                     7,
                                     3,
                                     5 };
static const struct shape dns_far = { {
                                          S(REDIRECT, SYN),
                                          S(TO_PROXY, SYN),
                                          S(REQUEST, SYN),
                                          D(VERDICT, SYN),
                                          D(TO_ENDPOINT, SYN),
                                          D_REPLY(TO_OVERLAY, SYN),
                                          S_REPLY(RESPONSE, SYN),
                                          S_REPLY(TO_ENDPOINT, SYN),
                                      },
                                      8,
                                      8,
                                      8 };
static const struct shape dns_near = { {
                                           S(REDIRECT, SYN),
                                           S(TO_PROXY, SYN),
                                           S(REQUEST, SYN),
                                           D(VERDICT, SYN),
                                           D(TO_ENDPOINT, SYN),
                                           S_REPLY(TO_PROXY, SYN),
                                           S_REPLY(RESPONSE, SYN),
                                           S_REPLY(TO_ENDPOINT, SYN),
                                       },
                                       8,
                                       8,
                                       8 };
static const struct shape http_far = { {
                                           S(VERDICT, SYN),
                                           S(TO_OVERLAY, SYN),
                                           D(REDIRECT, SYN),
                                           D(TO_PROXY, SYN),
                                           D_REPLY(TO_OVERLAY, SYNACK),
                                           S_REPLY(TO_ENDPOINT, SYNACK),
                                           D(REQUEST, PSH),
                                           D_REPLY(RESPONSE, PSH),
                                           S(TO_OVERLAY, FIN),
                                           D(TO_PROXY, FIN),
                                           D_REPLY(TO_OVERLAY, FIN),
                                           S_REPLY(TO_ENDPOINT, FIN),
                                       },
                                       12,
                                       6,
                                       8 };
static const struct shape http_near = { {
                                            S(VERDICT, SYN),
                                            D(REDIRECT, SYN),
                                            D(TO_PROXY, SYN),
                                            S_REPLY(TO_ENDPOINT, SYNACK),
                                            D(REQUEST, PSH),
                                            D_REPLY(RESPONSE, PSH),
                                            D(TO_PROXY, FIN),
                                            S_REPLY(TO_ENDPOINT, FIN),
                                        },
                                        8,
                                        4,
                                        6 };
static const struct shape deny_out = { { S(DENY, SYN), S(DROP, SYN) }, 2, 2, 2 };
static const struct shape deny_in = { { D(DENY, SYN), D(DROP, SYN) }, 2, 2, 2 };

/* The one with no grant that is not dropped escapes, about one connection in a thousand. */
static const struct traffic traffic[] = {
    { 220, NORMAL, API, DB, SAME, 0, API_TO_DB, DB_FROM_API, &tcp_far, &tcp_near },
    { 160, NORMAL, WORKER, API, TENANT, 0, WORKER_TO_API, API_FROM_WORKER, &tcp_far, &tcp_near },
    { 200, NORMAL, PROMETHEUS, ANY_POD, SAME, 9100, SCRAPE, METRICS, &tcp_far, &tcp_near },
    { 190, NORMAL, HOST, ANY_POD, SAME, 0, NO_GRANT, NO_GRANT, &tcp_in, &tcp_in },
    { 50, NORMAL, CLIENT, FRONTEND, SAME, 0, NO_GRANT, FRONTEND_WORLD, &tcp_in, &tcp_in },
    { 30, NORMAL, REMOTE_NODE, FRONTEND, SAME, 0, NO_GRANT, FRONTEND_WORLD, &tcp_in, &tcp_in },
    { 70, NORMAL, API, APPROVED, SAME, 443, APPROVED_EGRESS, NO_GRANT, &tcp_out, &tcp_out },
    { 45, NORMAL, WORKER, APPROVED, SAME, 443, APPROVED_EGRESS, NO_GRANT, &tcp_out, &tcp_out },
    { 40, NORMAL, WORKER, APISERVER, SAME, 6443, APPROVED_EGRESS, NO_GRANT, &tcp_out, &tcp_out },
    { 1, NORMAL, WORKER, ELSEWHERE, SAME, 443, NO_GRANT, NO_GRANT, &tcp_out, &tcp_out },
    { 3, LAYER7, TEAM_POD, COREDNS, SAME, 0, ALLOW_DNS, DNS_SERVER, &dns_far, &dns_near },
    { 2, LAYER7, FRONTEND, API, SAME, 0, FRONTEND_TO_API, API_HTTP, &http_far, &http_near },
    { 6, DROPPED, FRONTEND, DB, OTHER, 0, NO_GRANT, NO_GRANT, &deny_out, &deny_out },
    { 2, DROPPED, API, ELSEWHERE, SAME, 443, NO_GRANT, NO_GRANT, &deny_out, &deny_out },
    { 2, DROPPED, CLIENT, DB, SAME, 0, NO_GRANT, NO_GRANT, &deny_in, &deny_in },
};
enum { TRAFFIC = sizeof(traffic) / sizeof(traffic[0]) };

/* What is owed is paid with the next connection or, one time in eight, a later one. */
static enum share
pick_share(struct cluster *cluster, const struct balance *balance)
{
    const uint64_t *lines = balance->lines;
    const uint64_t all = lines[NORMAL] + lines[LAYER7] + lines[DROPPED] + 1, coins = draw(cluster);

    if (lines[DROPPED] * 100 < all * balance->percent[DROPPED] && (coins & 7) != 0) {
        return DROPPED;
    }
    if (lines[LAYER7] * 100 < all * balance->percent[LAYER7] && (coins & 56) != 0) {
        return LAYER7;
    }
    return NORMAL;
}

static const struct traffic *
pick_traffic(struct cluster *cluster, enum share share)
{
    uint32_t total = 0, left;
    size_t i;

    for (i = 0; i < TRAFFIC; i++) {
        total += traffic[i].share == share ? traffic[i].weight : 0;
    }
    left = below(cluster, total);
    for (i = 0; traffic[i].share != share || left >= traffic[i].weight; i++) {
        left -= traffic[i].share == share ? traffic[i].weight : 0;
    }
    return &traffic[i];
}

void
connection_open(struct connection *conn, struct cluster *cluster, const struct balance *balance)
{
    const struct traffic *what = pick_traffic(cluster, pick_share(cluster, balance));
    const uint32_t nodes = cluster->options.nodes;

    conn->what = what;
    if (what->from == HOST) {
        conn->to = cluster_pick(cluster, what->to, what->where, NULL);
        conn->from = &cluster->hosts[conn->to->node];
    } else if (what->from == REMOTE_NODE) {
        conn->to = cluster_pick(cluster, what->to, what->where, NULL);
        conn->from = &cluster->remotes[(conn->to->node + 1 + below(cluster, nodes - 1)) % nodes];
    } else {
        conn->from = cluster_pick(cluster, what->from, SAME, NULL);
        conn->to = cluster_pick(cluster, what->to, what->where, conn->from);
    }
    conn->port = what->port != 0 ? what->port : roles[conn->to->role].port;
    conn->client_port = (uint16_t)(32768 + below(cluster, 28232));
    conn->shape = conn->from->node == conn->to->node ? what->near : what->far;
    conn->step = 0;
    conn->rounds = (uint8_t)below(cluster, 4);
    conn->salt = (uint32_t)draw(cluster);
}

const struct step *
connection_step(struct connection *conn, bool *done)
{
    const struct shape *shape = conn->shape;
    const struct step *step = &shape->steps[conn->step++];

    if (conn->step == shape->loop_end && shape->loop_first < shape->loop_end && conn->rounds > 0) {
        conn->rounds--;
        conn->step = shape->loop_first;
    }
    *done = conn->step == shape->count;
    return step;
}
