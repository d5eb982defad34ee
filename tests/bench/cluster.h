/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up cluster: who is in it and how an exporter prints each. */
#ifndef BENCH_CLUSTER_H
#define BENCH_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum {
    OUTSIDERS = 64, /* addresses of each kind outside the cluster */
    TENANTS = 5,
    NAME_BYTES = 64,
};

/* The four of a team, the two of kube-system and of monitoring, then those that are no one role. */
enum who {
    FRONTEND,
    API,
    DB,
    WORKER,
    COREDNS,
    METRICS_SERVER,
    PROMETHEUS,
    GRAFANA,
    ROLES,
    TEAM_POD = ROLES,
    ANY_POD,
    HOST,
    REMOTE_NODE,
    APISERVER,
    CLIENT,
    APPROVED,
    ELSEWHERE,
    WHO_COUNT
};

/* Which namespace a destination is in, seen from the source. */
enum where { SAME, TENANT, OTHER };

struct role {
    const char *name;
    const char *kind;
    const char *extra; /* one more label, or NULL */
    uint16_t port;
    const char *port_name;
    const char *protocol;
};

extern const struct role roles[ROLES];

struct text {
    char *ptr;
    size_t len;
};

struct endpoint {
    struct text local;     /* the JSON object as the endpoint's own node prints it */
    struct text remote;    /* and as any other node does */
    char name[NAME_BYTES]; /* of the pod, or in the DNS, or empty */
    char hash[12];         /* pod-template-hash */
    char ip[20];
    char mac[18], gate[18], interface[16];
    uint32_t ns, node; /* UINT32_MAX for what is no pod */
    uint8_t role;
};

struct node {
    struct text text; /* "node_name":...,"node_labels":[...] */
    char name[16];
};

struct cluster_options {
    uint32_t pods, namespaces, nodes;
    uint64_t seed;
};

struct cluster {
    struct cluster_options options;
    uint64_t random;
    char (*names)[16]; /* of namespaces */
    struct node *nodes;
    struct endpoint *pods, *hosts, *remotes;
    struct endpoint *outside[WHO_COUNT];
};

/* Ends the program with a word on what went wrong. */
_Noreturn void die(const char *what);

/* Scatters the bits of a value; the same value gives the same bits. */
uint64_t scatter(uint64_t value);

/* The next 64 random bits, and a random number from 0 to bound - 1. */
uint64_t draw(struct cluster *cluster);
uint32_t below(struct cluster *cluster, uint32_t bound);

void cluster_make(struct cluster *cluster, const struct cluster_options *options);

/* The pods of a namespace lie together, and among them those of a role. */
uint32_t ns_first(const struct cluster *cluster, uint32_t ns);
uint32_t role_first(const struct cluster *cluster, uint32_t ns, uint32_t role);
uint32_t role_end(const struct cluster *cluster, uint32_t ns, uint32_t role);

/* A random one of who; from is NULL when there is no source to start from. */
const struct endpoint *cluster_pick(struct cluster *cluster, uint32_t who, uint32_t where,
                                    const struct endpoint *from);

/* manifests.c: the policies, namespaces and pods as YAML files in a folder. */
void manifests_write(const struct cluster *cluster, const char *folder);

#endif
