/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world to ask: manifests as text, and connections as rows of a table. A row becomes a line of
 * Hubble JSON, goes through the reader and the classifier, and its answer is compared; the same
 * connection is explained too, and has to give the same answer.
 *
 * An end is written as words:
 *   "web/ui app=ui"         a pod, its labels; namespace, cluster and service account come by
 *                           themselves
 *     ns:team=ops           a label of its namespace
 *     cluster:blue          of another cluster
 *     sa:robot              its service account
 *     ?                     nothing but its name is known
 *   "world", "host", ...    what a reserved label says; "host+kube-apiserver" has two
 *   "?"                     nothing is known
 * and for any of them
 *     @203.0.113.9          its address; left out: one made up, outside for world only
 *     @                     no address at all
 *     name:a.example.org    a DNS name that the record tells
 *     id:8                  its identity; left out: the one that fits
 *     bare                  its labels are not told, the identity is
 *     cidr:10.0.0.0/8       any other word with a colon is a label as it stands
 */
#ifndef FLOW_TESTS_WORLD_H
#define FLOW_TESTS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "libflow/libflow.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Objects by kind, namespace, name and the text of their spec, which is a map in flow style. */
#define KNP(ns, name, spec) OBJECT("networking.k8s.io/v1", "NetworkPolicy", NAMED(ns, name), spec)
#define CNP(ns, name, spec) OBJECT("cilium.io/v2", "CiliumNetworkPolicy", NAMED(ns, name), spec)
#define CCNP(name, spec)                                                                           \
    OBJECT("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "{name: " name "}", spec)
#define NAMED(ns, name) "{name: " name ", namespace: " ns "}"
#define OBJECT(version, kind, metadata, spec)                                                      \
    "apiVersion: " version "\nkind: " kind "\nmetadata: " metadata "\nspec: " spec "\n---\n"
#define NAMESPACE(name, labels)                                                                    \
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: " name ", labels: " labels "}\n---\n"
#define POD(ns, name, labels, spec)                                                                \
    "apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: " ns ", labels: " labels     \
    "}\nspec: " spec "\n---\n"

#define ENGINE_CILIUM "cilium-1.19"
/* Settings behind an engine. */
#define WORLD_SETTINGS_MAX 8

#define ENGINE_KUBERNETES "kubernetes"

/* One event and what should come of it; what is left out has the meaning told here. */
struct world_flow {
    const char *from, *to;
    const char *port;    /* "TCP 80", "ICMPv4 8", "VRRP"; "" for a record without any */
    char side;           /* traffic_direction: 'e', 'i', or '?' for none */
    const char *answer;  /* "allow", "undecidable no-labels"; NULL: not compared */
    const char *by;      /* what decided, "name egress[0]", or "name" for isolating; NULL: any */
    const char *verdict; /* "FORWARDED" */
    int drop_reason;     /* none */
    int event;           /* event_type.type: 5 */
    const char *trace;   /* trace_observation_point: none */
    const char *reason;  /* trace_reason: none */
    char reply;          /* 'y', 'n', '?' for absent; left out: 'n' */
    const char *flags;   /* "SYN,ACK"; left out: SYN where nothing tells otherwise; "-" for none */
    int source_port;     /* 40000 */
    char local;          /* the end with an ID: 's', 'd', '-' for none; left out: by the side */
    const char *l7;      /* "REQUEST dns www.example.org.", "REQUEST http GET": an L7 record; for
                            more, its members: "REQUEST http \"method\":\"GET\",..." */
    const char *result, *observed; /* names, compared when given */
    char judged;       /* the side that should be judged: 'e', 'i'; left out: not compared */
    const char *scope; /* compared when given */
};

/* How the manifests are loaded, where it matters. */
struct world_options {
    const char *engine;           /* and settings, "cilium-1.20 enable-policy=always"; NULL:
                                     cilium-1.19 */
    const char *const *variables; /* "NAME=VALUE", ended by NULL; NULL: none */
    const char *default_namespace;
    bool partial;
    bool no_manifests; /* the text is a snapshot, and there are no policies */
};

/* Policies from a text, by way of a file in a directory that is gone afterwards. Frees with
 * flow_policies_free; a failing load fails the test. */
struct flow_policies *world_load(const struct world_options *options, const char *manifests);
/* The base name of the file that world_load writes. */
#define WORLD_FILE "world.yaml"

/* Judges every flow by the policies and tells of every difference; returns how many there are. */
unsigned world_check(const struct flow_policies *policies, const struct world_flow *flows,
                     size_t count);

/* Loads for an engine, checks, frees. An object that is refused is a difference too. */
unsigned world_ask(const char *engine, const char *manifests, const struct world_flow *flows,
                   size_t count);

/*
 * A text that is put into a manifest wherever that says "%s", and what some flows come to then, a
 * letter for each: + allow, d allow_default, - deny_default, x deny_explicit, n not_applicable, and
 * undecidable for l no-labels, f no-dns-evidence, p named-port, i inventory, h placeholder,
 * o undefined, u unmodelled, t priority-tie, q no-request; a space is not compared.
 */
struct world_row {
    const char *text, *answers;
};

/* Asks the flows, whose answers come from the row, once for each row. */
unsigned world_matrix(const char *engine, const char *manifests, const struct world_row *rows,
                      size_t row_count, const struct world_flow *flows, size_t flow_count);

#endif
