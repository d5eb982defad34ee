/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of the made-up cluster and the events each one leaves in the log. */
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

#include "cluster.h"

/* The policies that manifests.c writes and that let something pass. */
enum grant {
    NO_GRANT,
    ALLOW_DNS,
    DNS_SERVER,
    FRONTEND_TO_API,
    API_HTTP,
    API_TO_DB,
    DB_FROM_API,
    WORKER_TO_API,
    API_FROM_WORKER,
    SCRAPE,
    METRICS,
    FRONTEND_WORLD,
    APPROVED_EGRESS,
    GRANTS
};

extern const struct policy_name {
    const char *name;
    const char *kind;
} grants[GRANTS];

enum event {
    VERDICT,
    REDIRECT,
    DENY,
    DROP,
    TO_ENDPOINT,
    TO_PROXY,
    TO_STACK,
    TO_OVERLAY,
    REQUEST,
    RESPONSE
};

enum flags { SYN, SYNACK, PSH, FIN };

enum side { AT_SOURCE, AT_DESTINATION };

struct step {
    uint8_t event;
    uint8_t side; /* whose node tells */
    uint8_t flags;
    bool reply;
};

/* What one connection shows; steps loop_first to loop_end - 1 may come again. */
struct shape {
    struct step steps[14];
    uint8_t count, loop_first, loop_end;
};

/* What a line counts for. */
enum share { NORMAL, LAYER7, DROPPED, SHARES };

/* A kind of connection. Port 0 is the destination role's own. */
struct traffic {
    uint16_t weight; /* among those of its share */
    uint8_t share, from, to, where;
    uint16_t port;
    uint8_t egress, ingress; /* the grants that admit it */
    const struct shape *far, *near;
};

struct connection {
    const struct traffic *what;
    const struct shape *shape;
    const struct endpoint *from, *to;
    uint16_t port, client_port;
    uint8_t step, rounds;
    uint32_t salt; /* names, paths and latencies follow from it */
};

/* How many percent of the lines are to be layer 7 and drops, and what was written so far. */
struct balance {
    uint32_t percent[SHARES];
    uint64_t lines[SHARES];
};

void connection_open(struct connection *conn, struct cluster *cluster,
                     const struct balance *balance);

/* The step to write now; *done after the last. */
const struct step *connection_step(struct connection *conn, bool *done);

#endif
