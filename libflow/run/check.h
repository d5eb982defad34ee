/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a run, and what a stream does to the one that it reads. */
#ifndef FLOW_RUN_CHECK_H
#define FLOW_RUN_CHECK_H

#include "libflow/check.h"
#include "run/ring.h"

/* Those of struct flow_check_options, which are called by who reads. */
struct flow_check_callbacks {
    bool (*stop)(void *context);
    void *stop_context;
    void (*tell)(void *context, const struct flow_error *problem);
    void *tell_context;
};

struct flow_check {
    struct flow_check_options options;
    char **inputs; /* copies */
    struct flow_dict *dict;
    struct flow_names *names; /* NULL when nothing asks for them */
    struct flow_classifier *classifier;
    struct flow_tally *tally;
    struct flow_state *state;
    struct flow_batch *batch;
    struct flow_reader *reader;
    struct flow_run_ring *ring; /* with threads; NULL: none */
    bool abreast;               /* the reader's batches go through the ring */
    bool ended;                 /* it has no more of them */
    /* the step that comes next; each says FLOW_END when it is the following one's turn */
    int (*step)(struct flow_check *check, struct flow_error *err);
    size_t next;          /* input, or state, of that step */
    size_t sources;       /* inputs, the one in memory among them, or the live one */
    bool learns;          /* the input that is read was not read before */
    bool once;            /* names are learned while flows are judged, which may turn out wrong */
    uint64_t told;        /* problems of the inputs so far */
    uint64_t told_before; /* the same when all began again */
    bool unreadable;
    struct flow_check_callbacks callbacks;
};

/* judge.c: leaves out of the batch what was told before all began again. */
void flow_check_leave_told(struct flow_check *check);
/* Learns from a batch, judges and counts it; a flow_run_judge of the run. FLOW_AGAIN: as below. */
int flow_check_judge(void *check, struct flow_batch *batch, struct flow_error *err);
/*
 * Fills the run's batch with records that are judged. FLOW_END: the input has ended. FLOW_AGAIN:
 * all must be read again with what is known now, or the live source has nothing.
 */
int flow_check_read_batch(struct flow_check *check, struct flow_error *err);

/* Takes them from the run, which then calls none. */
void flow_check_take_callbacks(struct flow_check *check, struct flow_check_callbacks *out);
/* Whether the run is to end; err then says so. */
bool flow_check_is_stopped(const struct flow_check_callbacks *callbacks, struct flow_error *err);
void flow_check_tell(const struct flow_check_callbacks *callbacks, const struct flow_batch *batch);

/* Gives the run another batch to fill and returns the one that it filled. */
struct flow_batch *flow_check_exchange(struct flow_check *check, struct flow_batch *batch);
uint32_t flow_check_threads(const struct flow_check *check);

#endif
