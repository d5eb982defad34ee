/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream does to the run that it reads. */
#ifndef FLOW_RUN_CHECK_H
#define FLOW_RUN_CHECK_H

#include "libflow/check.h"

/* Those of struct flow_check_options, which are called by who reads. */
struct flow_check_callbacks {
    bool (*stop)(void *context);
    void *stop_context;
    void (*tell)(void *context, const struct flow_error *problem);
    void *tell_context;
};

/* Takes them from the run, which then calls none. */
void flow_check_take_callbacks(struct flow_check *check, struct flow_check_callbacks *out);
/* Whether the run is to end; err then says so. */
bool flow_check_is_stopped(const struct flow_check_callbacks *callbacks, struct flow_error *err);
void flow_check_tell(const struct flow_check_callbacks *callbacks, const struct flow_batch *batch);

/* Gives the run another batch to fill and returns the one that it filled. */
struct flow_batch *flow_check_exchange(struct flow_check *check, struct flow_batch *batch);
uint32_t flow_check_threads(const struct flow_check *check);

#endif
