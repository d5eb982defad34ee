/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which DNS names stood for which addresses, when: learned from the DNS answers in a log. Cilium
 * admits traffic to a name (toFQDNs) by the addresses that a node's DNS proxy saw in answers, so
 * what counts is what the node that reports a flow had seen by then, and for how long it holds.
 */
#ifndef LIBFLOW_NAMES_H
#define LIBFLOW_NAMES_H

#include "libflow/record.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Grows while it learns; one thread at a time. Many may read it while none makes it learn. */
struct flow_names;

/** @return FLOW_OK with *out owned, end with flow_names_free; or FLOW_E_MEMORY */
FLOW_API int flow_names_new(struct flow_names **out, struct flow_error *err);
FLOW_API void flow_names_free(struct flow_names *names);

/**
 * Learns from the DNS answers of a batch (L7 responses without an error): the name that was asked
 * for has the addresses of the answer, on that node, from the time of the record on for the time to
 * live of the answer. Records may come in any order.
 *
 * @return FLOW_OK or FLOW_E_MEMORY
 */
FLOW_API int flow_names_learn(struct flow_names *names, const struct flow_batch *batch,
                              struct flow_error *err);

/** Answers that were learned: one for each address in each of them. */
FLOW_API uint64_t flow_names_count(const struct flow_names *names);

#ifdef __cplusplus
}
#endif

#endif
