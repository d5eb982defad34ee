/* SPDX-License-Identifier: Apache-2.0 */
/* A run that goes on in a thread of its own, some batches ahead of who reads it. */
#ifndef FLOW_RUN_AHEAD_H
#define FLOW_RUN_AHEAD_H

#include "run/check.h"

struct flow_run_ahead;

/* What was read. Borrowed until the next call. */
struct flow_run_batch {
    const struct flow_batch *batch;
    const char *input; /* name of its input, or NULL */
};

/* The run is borrowed until it is stopped, and nobody else's. */
int flow_run_ahead_start(struct flow_run_ahead **out, struct flow_check *check,
                         struct flow_error *err);
/* As flow_check_next. */
int flow_run_ahead_next(struct flow_run_ahead *ahead, struct flow_run_batch *out,
                        struct flow_error *err);
/*
 * NULL is fine. false in a child of fork, which has no such thread: the run is then as the thread
 * left it in the midst of something, and must be left alone.
 */
bool flow_run_ahead_stop(struct flow_run_ahead *ahead);

#endif
