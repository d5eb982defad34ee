/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partial states: what a part of the evidence comes to, small enough to be sent, and whole enough
 * that any split of the evidence, merged in any order, gives the report of one run over all of it.
 * A state carries the policies and the intent it was made with, one flow of each kind with how many
 * there were and when, the DNS answers that were seen, and what was seen of each node.
 */
#ifndef LIBFLOW_STATE_H
#define LIBFLOW_STATE_H

#include "libflow/report.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One thread at a time. */
struct flow_state;

/** @return FLOW_OK with *out owned, end with flow_state_free; or FLOW_E_MEMORY */
FLOW_API int flow_state_new(struct flow_state **out, struct flow_error *err);
FLOW_API void flow_state_free(struct flow_state *state);

/** Takes in a batch that the classifier has judged. The dictionary must outlive the state. */
FLOW_API int flow_state_add(struct flow_state *state, const struct flow_classifier *classifier,
                            const struct flow_batch *batch, struct flow_error *err);
/** Notes that an input could not be read at all. */
FLOW_API void flow_state_set_unreadable(struct flow_state *state);
FLOW_API bool flow_state_unreadable(const struct flow_state *state);

/**
 * Writes a state: JSON, one value a line (libflow.dev/state/v1).
 *
 * @param[in] tally      of the same batches, with its inputs
 * @param[in] names      that were learned, or NULL
 * @param[in] documents  that the policies and the intent were read with
 * @param[in] path       a file, created or replaced whole, or "-" for standard output
 */
FLOW_API int flow_state_write(const struct flow_state *state, const struct flow_tally *tally,
                              const struct flow_names *names,
                              const struct flow_documents *documents, const char *path,
                              struct flow_error *err);

/** The same in memory; *bytes is borrowed from the state until the next call or flow_state_free. */
FLOW_API int flow_state_encode(struct flow_state *state, const struct flow_tally *tally,
                               const struct flow_names *names,
                               const struct flow_documents *documents, struct flow_str *bytes,
                               struct flow_error *err);

/**
 * Reads a state that was written.
 *
 * @return FLOW_OK; FLOW_E_PARSE or FLOW_E_INVALID for what is no state, FLOW_E_TRUNCATED for one
 *         that is cut short; FLOW_E_SYSTEM; FLOW_E_MEMORY
 */
FLOW_API int flow_state_read(struct flow_state **out, const char *path, struct flow_error *err);

/** The same of bytes in memory, which are not needed afterwards. */
FLOW_API int flow_state_decode(struct flow_state **out, const void *bytes, size_t len,
                               struct flow_error *err);

/** What a state that was read was made with; borrowed from it, and sealed. */
FLOW_API struct flow_documents *flow_state_documents(const struct flow_state *state);
/** Whether two states were made with the same. @return FLOW_OK or FLOW_E_INVALID */
FLOW_API int flow_state_agree(const struct flow_state *state, const struct flow_state *other,
                              struct flow_error *err);

/** Adds the DNS answers that a state carries; those of all come before any flow is judged. */
FLOW_API int flow_state_add_names(const struct flow_state *state, struct flow_names *names,
                                  struct flow_error *err);
/**
 * Judges the flows of a state that was read and counts them.
 *
 * @param[in] dict  of the classifier's records
 * @param[in] into  a state that is to hold all of it, or NULL
 */
FLOW_API int flow_state_replay(const struct flow_state *state, struct flow_classifier *classifier,
                               struct flow_tally *tally, struct flow_dict *dict,
                               struct flow_state *into, struct flow_error *err);

#ifdef __cplusplus
}
#endif

#endif
