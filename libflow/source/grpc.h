/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the gRPC client share: options with memory of their own, channels, requests. */
#ifndef FLOW_SOURCE_GRPC_H
#define FLOW_SOURCE_GRPC_H

#include <grpc/grpc.h>
#include <time.h>

#include "base/arena.h"
#include "source/live.h"

/* A copy of the caller's options, and what was read because of them. */
struct flow_grpc_target {
    struct flow_live_options options; /* texts are in the arena; filter is NULL */
    struct flow_arena arena;
    const char *name;   /* the server as the caller named it */
    const char *target; /* as gRPC takes it */
    bool tls;
    char *roots, *client_cert, *client_key; /* PEM, or NULL */
    char *authorization;                    /* header value, or NULL */
};

int flow_grpc_target_init(struct flow_grpc_target *target, const struct flow_live_options *options,
                          struct flow_error *err);
void flow_grpc_target_free(struct flow_grpc_target *target);

/* A channel of its own connection; never NULL: one that cannot work says so at the first call. */
grpc_channel *flow_grpc_channel(const struct flow_grpc_target *target);

/* grpc_call.c: a call with all that gRPC reads and writes while it runs. */
struct flow_grpc_call {
    grpc_call *call; /* NULL: none */
    grpc_metadata metadata[1];
    grpc_metadata_array headers, trailers;
    grpc_status_code code;
    grpc_slice details;
    grpc_byte_buffer *request, *message;
    unsigned waiting; /* completions that are to come; who takes them counts down */
    bool reading;     /* one of them is a message */
    bool ended;
};

/* Makes a call of a method; the request's bytes are copied. timeout below 0: none. */
void flow_grpc_call_begin(struct flow_grpc_call *call, const struct flow_grpc_target *target,
                          grpc_channel *channel, grpc_completion_queue *queue, const char *method,
                          int64_t timeout, struct flow_str request);
/* Starts a batch of operations. */
void flow_grpc_call_start(struct flow_grpc_call *call, const grpc_op *ops, size_t count, int tag);
/* Sends the request of a stream, whose messages are read one by one. */
void flow_grpc_call_open(struct flow_grpc_call *call, const struct flow_grpc_target *target,
                         int sent, int ended);
/* Sends the request and reads the one answer. */
void flow_grpc_call_ask(struct flow_grpc_call *call, const struct flow_grpc_target *target,
                        int tag);
/* Ends it, once no completion is to come; a cleared one is fine. */
void flow_grpc_call_free(struct flow_grpc_call *call);

/* grpc_request.c: the filters as the bytes of a GetFlowsRequest without the rest; malloc'ed. */
int flow_grpc_filters(const struct flow_filter *filter, struct flow_str *out,
                      struct flow_error *err);
/* The bytes of a whole GetFlowsRequest; malloc'ed. */
int flow_grpc_flows_request(const struct flow_live_options *options, int64_t since,
                            struct flow_str filters, struct flow_str *out, struct flow_error *err);

/* Now by the system's clock. */
static inline int64_t
flow_grpc_now(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A moment so many nanoseconds from now; below 0: never. */
gpr_timespec flow_grpc_deadline(int64_t nanoseconds);

/* Fills err from a status that a call ended with; names the server. */
int flow_grpc_fail(const struct flow_grpc_target *target, grpc_status_code code, grpc_slice details,
                   const char *method, struct flow_error *err);

/* Whether the words of a failed connection are about certificates. */
bool flow_grpc_is_tls_failure(grpc_slice details);

#endif
