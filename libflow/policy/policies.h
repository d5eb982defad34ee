/* SPDX-License-Identifier: Apache-2.0 */
/* A loaded policy set from the inside: what deciding works on. */
#ifndef FLOW_POLICY_POLICIES_H
#define FLOW_POLICY_POLICIES_H

#include "enrich/inventory.h"
#include "manifest/notes.h"
#include "policy/cidr_classes.h"
#include "policy/read.h"
#include "policy/settings.h"

/* Places of policies in the list, in its order. */
struct flow_policy_indices {
    uint32_t *indices;
    uint32_t count, room;
};

struct flow_policies {
    struct flow_arena arena;
    struct flow_inventory inventory;
    struct flow_notes notes;
    const struct flow_engine *engine;
    struct flow_settings settings;
    struct flow_policy_list list;   /* specs in force */
    struct flow_policy_info *infos; /* objects in force */
    size_t info_count;
    struct flow_cache regexes;             /* text -> struct flow_regex */
    struct flow_cache by_namespace;        /* of the subject -> struct flow_policy_indices */
    struct flow_policy_indices everywhere; /* subjects of no one namespace */
    struct flow_cidr_classes classes;
    bool partial;           /* where nothing selects a subject, nothing is known */
    bool has_names;         /* a rule asks for DNS names */
    bool has_nodes;         /* a rule asks for labels of nodes */
    bool has_host_policies; /* a policy has nodes as its subject */
};

/* The engines there are; NULL for another name. */
const struct flow_engine *flow_engine_find(const char *name);

#endif
