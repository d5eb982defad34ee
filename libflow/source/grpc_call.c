/* SPDX-License-Identifier: Apache-2.0 */
/* Calls as batches of operations: what a stream and what a question needs. */
#include <grpc/byte_buffer.h>
#include <string.h>

#include "source/grpc.h"

void
flow_grpc_call_begin(struct flow_grpc_call *call, const struct flow_grpc_target *target,
                     grpc_channel *channel, grpc_completion_queue *queue, const char *method,
                     int64_t timeout, struct flow_str request)
{
    grpc_slice slice = grpc_slice_from_copied_buffer(request.ptr, request.len);

    (void)target;
    memset(call, 0, sizeof(*call));
    grpc_metadata_array_init(&call->headers);
    grpc_metadata_array_init(&call->trailers);
    call->details = grpc_empty_slice();
    call->request = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    call->call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue,
                                          grpc_slice_from_static_string(method), NULL,
                                          flow_grpc_deadline(timeout), NULL);
}

void
flow_grpc_call_start(struct flow_grpc_call *call, const grpc_op *ops, size_t count, int tag)
{
    if (grpc_call_start_batch(call->call, ops, count, (void *)(intptr_t)tag, NULL) ==
        GRPC_CALL_OK) {
        call->waiting++;
    }
}

/* The header that says who asks, when there is one. */
static size_t
fill_metadata(struct flow_grpc_call *call, const struct flow_grpc_target *target)
{
    if (target->authorization == NULL) {
        return 0;
    }
    call->metadata[0].key = grpc_slice_from_static_string("authorization");
    call->metadata[0].value = grpc_slice_from_static_string(target->authorization);
    return 1;
}

/* The four operations that every call begins with. */
static void
fill_request(struct flow_grpc_call *call, const struct flow_grpc_target *target, grpc_op *ops)
{
    ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    ops[0].data.send_initial_metadata.metadata = call->metadata;
    ops[0].data.send_initial_metadata.count = fill_metadata(call, target);
    ops[1].op = GRPC_OP_SEND_MESSAGE;
    ops[1].data.send_message.send_message = call->request;
    ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &call->headers;
}

static void
fill_status(struct flow_grpc_call *call, grpc_op *op)
{
    op->op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    op->data.recv_status_on_client.trailing_metadata = &call->trailers;
    op->data.recv_status_on_client.status = &call->code;
    op->data.recv_status_on_client.status_details = &call->details;
}

void
flow_grpc_call_open(struct flow_grpc_call *call, const struct flow_grpc_target *target, int sent,
                    int ended)
{
    grpc_op ops[5];

    memset(ops, 0, sizeof(ops));
    fill_request(call, target, ops);
    fill_status(call, &ops[4]);
    flow_grpc_call_start(call, ops, 4, sent);
    flow_grpc_call_start(call, ops + 4, 1, ended);
}

void
flow_grpc_call_ask(struct flow_grpc_call *call, const struct flow_grpc_target *target, int tag)
{
    grpc_op ops[6];

    memset(ops, 0, sizeof(ops));
    fill_request(call, target, ops);
    ops[4].op = GRPC_OP_RECV_MESSAGE;
    ops[4].data.recv_message.recv_message = &call->message;
    fill_status(call, &ops[5]);
    flow_grpc_call_start(call, ops, 6, tag);
}

void
flow_grpc_call_free(struct flow_grpc_call *call)
{
    if (call->call == NULL) {
        return;
    }
    grpc_metadata_array_destroy(&call->headers);
    grpc_metadata_array_destroy(&call->trailers);
    grpc_slice_unref(call->details);
    grpc_byte_buffer_destroy(call->request);
    if (call->message != NULL) {
        grpc_byte_buffer_destroy(call->message);
    }
    grpc_call_unref(call->call);
    memset(call, 0, sizeof(*call));
}
