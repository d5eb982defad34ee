/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was declared, kept as it was read: the texts of policies, inventory and intent, and the
 * options they were read with. A partial state carries them, so that merging needs nothing else.
 */
#ifndef LIBFLOW_DOCUMENTS_H
#define LIBFLOW_DOCUMENTS_H

#include "libflow/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Give it to flow_policies_load and flow_intent_load to have it filled. Those of a state that was
 * read are sealed: loading with them reads no file and takes every option from them.
 */
struct flow_documents;

/** @return FLOW_OK with *out owned, end with flow_documents_free; or FLOW_E_MEMORY */
FLOW_API int flow_documents_new(struct flow_documents **out, struct flow_error *err);
FLOW_API void flow_documents_free(struct flow_documents *documents);
/** The path of the intent document among them, or NULL. */
FLOW_API const char *flow_documents_intent(const struct flow_documents *documents);

#ifdef __cplusplus
}
#endif

#endif
