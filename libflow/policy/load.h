/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the two files of the loader: files to documents, and documents to the set. */
#ifndef FLOW_POLICY_LOAD_H
#define FLOW_POLICY_LOAD_H

#include "policy/policies.h"

struct flow_loader {
    struct flow_documents *documents; /* or NULL */
    struct flow_policies *policies;
    struct flow_fields_context context;
    struct flow_cache objects; /* "kind/namespace/name" -> index + 1 of the info, as a pointer */
    struct flow_cache told;    /* kinds of which a note was made */
    bool snapshot;             /* inventory alone */
    bool configured;           /* a ConfigMap cilium-config was there */
};

/* Takes one document in; what is wrong with it becomes a note. */
void flow_load_document(struct flow_loader *loader, const struct flow_node *root);

/*
 * What needs the whole set and its settings: superseded objects go, groups and Services are found,
 * addresses classed, policies ordered. FLOW_OK or FLOW_E_MEMORY.
 */
int flow_policies_resolve(struct flow_policies *set, struct flow_error *err);

#endif
