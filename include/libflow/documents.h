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
/** Adds copies of all that another holds, as one set of what policies and intent were read with. */
FLOW_API int flow_documents_add_all(struct flow_documents *documents,
                                    const struct flow_documents *from, struct flow_error *err);
/**
 * All of it as bytes, for another process or machine, which loads from them without any file
 * (JSON, one value a line, libflow.dev/documents/v1).
 *
 * @param[out] bytes  borrowed from the documents until the next call or flow_documents_free
 */
FLOW_API int flow_documents_encode(struct flow_documents *documents, struct flow_str *bytes,
                                   struct flow_error *err);
/**
 * The documents of such bytes, sealed.
 *
 * @return FLOW_OK; FLOW_E_PARSE or FLOW_E_INVALID for what is none, FLOW_E_TRUNCATED for bytes that
 *         are cut short; FLOW_E_MEMORY
 */
FLOW_API int flow_documents_decode(struct flow_documents **out, const void *bytes, size_t len,
                                   struct flow_error *err);
/** The path of the intent document among them, or NULL. */
FLOW_API const char *flow_documents_intent(const struct flow_documents *documents);

#ifdef __cplusplus
}
#endif

#endif
