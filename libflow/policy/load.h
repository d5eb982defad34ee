/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the two files of the loader: files to documents, and documents to the set. */
#ifndef FLOW_POLICY_LOAD_H
#define FLOW_POLICY_LOAD_H

#include "policy/policies.h"

struct flow_loader {
    struct flow_policies *policies;
    struct flow_fields_context context;
    struct flow_cache objects; /* "kind/namespace/name" -> index + 1 of the info, as a pointer */
    struct flow_cache told;    /* kinds of which a note was made */
    bool snapshot;             /* inventory alone */
};

/* Takes one document in; what is wrong with it becomes a note. */
void flow_load_document(struct flow_loader *loader, const struct flow_node *root);

#endif
