/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole run in one object: inputs are read, filtered, judged and counted, a batch at a time. It
 * is the order in which readers, names, classifier and tally work together; programs that want
 * another use those themselves.
 */
#ifndef LIBFLOW_CHECK_H
#define LIBFLOW_CHECK_H

#include "libflow/live.h"
#include "libflow/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One thread at a time; it may be handed from one thread to another. */
struct flow_check;

struct flow_check_options {
    size_t size;               /**< sizeof(struct flow_check_options) */
    const char *const *inputs; /**< files, directories and "-", as flow_reader_open takes them */
    size_t input_count;
    const void *bytes; /**< one input more, in memory, borrowed until close; default NULL */
    size_t byte_count;
    const struct flow_state *const *states; /**< partial states, that agree, beside or instead of
                                                 inputs; borrowed until close; default none */
    size_t state_count;
    const struct flow_policies *policies; /**< borrowed until close; NULL (default): records are
                                               read and filtered, not judged or counted */
    const struct flow_intent_document *intent; /**< the same; default NULL: none */
    const struct flow_filter *filter;          /**< the same; default NULL: every flow */
    bool digest; /**< compute the SHA-256 of each input; default false */
    bool state;  /**< keep what flow_check_write_state needs; default false */
    const struct flow_live_options *live; /**< inputs are servers, as flow_reader_open_live takes
                                               them; borrowed until close; default NULL */
    int64_t wait; /**< nanoseconds that a live source is waited for; below 0 (default): for ever */
    uint32_t threads; /**< default 1: no thread is started; 2 or more: files are read and
                           decompressed ahead in a thread of its own, which also judges what was
                           read while it has nothing to read; a stream of arrays (libflow/arrow.h)
                           reads in another */
    /** Asked before each batch; true ends the run with FLOW_E_SYSTEM, EINTR. Default NULL: never.
     */
    bool (*stop)(void *context);
    void *stop_context; /**< must live until close */
    /** Told each problem of a batch that is kept, from flow_check_next. Default NULL: none is. */
    void (*tell)(void *context, const struct flow_error *problem);
    void *tell_context; /**< must live until close */
    size_t limit;       /**< records of a batch at most; default 0: as many as fit */
    /**
     * Nothing but the tally is looked at, and no state is kept: then the inputs are read once,
     * unless a DNS answer turns out to speak of a time that was judged before it. They are then
     * read again; batches of what is read again are empty of problems. Default false.
     */
    bool tally_only;
};

/** Fills in the defaults. @return FLOW_OK, or FLOW_E_ARGUMENT for a size it does not know */
FLOW_API int flow_check_options_init(struct flow_check_options *options, size_t size);

/**
 * @param[out] out      owned; end with flow_check_close
 * @param[in]  options  texts are copied
 * @return FLOW_OK, also when an input cannot be opened: that is a problem of the first batches;
 *         FLOW_E_ARGUMENT; FLOW_E_MEMORY
 */
FLOW_API int flow_check_open(struct flow_check **out, const struct flow_check_options *options,
                             struct flow_error *err);

/**
 * Reads and judges a batch more. While DNS names are learned from inputs that are read twice, the
 * batch is empty and the call says FLOW_OK, so that a caller can stop in between.
 *
 * @return FLOW_OK; FLOW_END when every input is read; FLOW_AGAIN for a live source that has
 *         nothing now; FLOW_E_MEMORY or another error that ends the run
 */
FLOW_API int flow_check_next(struct flow_check *check, struct flow_error *err);

/** The batch of the last flow_check_next, and its problems; borrowed until the next call. */
FLOW_API const struct flow_batch *flow_check_batch(const struct flow_check *check);
/** The reader of that batch, for the names and the statistics of inputs; NULL between inputs. */
FLOW_API const struct flow_reader *flow_check_reader(const struct flow_check *check);
FLOW_API struct flow_dict *flow_check_dict(const struct flow_check *check);
/** What was counted; NULL without policies. flow_check_finish works out the findings. */
FLOW_API struct flow_tally *flow_check_tally(const struct flow_check *check);
FLOW_API struct flow_classifier *flow_check_classifier(const struct flow_check *check);
/** Whether an input could not be opened at all. */
FLOW_API bool flow_check_unreadable(const struct flow_check *check);

/** Works out the report of what was read so far. @return FLOW_OK, FLOW_E_MEMORY */
FLOW_API int flow_check_finish(struct flow_check *check, struct flow_error *err);

/**
 * Writes the partial state, as flow_state_write does.
 *
 * @param[in] documents  that the policies and the intent were read with
 */
FLOW_API int flow_check_write_state(const struct flow_check *check,
                                    const struct flow_documents *documents, const char *path,
                                    struct flow_error *err);

/** The same in memory; *bytes is borrowed until the next call or close. */
FLOW_API int flow_check_encode_state(const struct flow_check *check,
                                     const struct flow_documents *documents, struct flow_str *bytes,
                                     struct flow_error *err);

FLOW_API void flow_check_close(struct flow_check *check);

#ifdef __cplusplus
}
#endif

#endif
