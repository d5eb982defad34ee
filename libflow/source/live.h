/* SPDX-License-Identifier: Apache-2.0 */
/* What a live source asks of whoever reads it, and tells of itself. */
#ifndef FLOW_SOURCE_LIVE_H
#define FLOW_SOURCE_LIVE_H

#include "libflow/live.h"
#include "source/source.h"

struct flow_live_hooks {
    void *context;
    /* From when on to ask behind a lost connection; FLOW_TIME_NONE: nothing was received yet. */
    int64_t (*since)(void *context);
    /* A call is begun: what it gives may have come before. */
    void (*connected)(void *context);
};

/*
 * Flows as delimited protobuf. A read gives FLOW_AGAIN when nothing came within wait nanoseconds
 * (below 0: it waits for as long as it takes). Options are copied, the hooks borrowed.
 */
int flow_source_open_live(struct flow_source **out, const struct flow_live_options *options,
                          const struct flow_live_hooks *hooks, int64_t wait,
                          struct flow_error *err);

/* Whether a URI is of a live source: unix:, tcp:// or tls://. */
bool flow_source_is_live(const char *uri);

#endif
