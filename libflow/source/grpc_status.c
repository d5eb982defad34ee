/* SPDX-License-Identifier: Apache-2.0 */
/* Questions with one answer: ServerStatus and GetNodes. */
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "hubble_observer.pb-c.h"
#include "source/grpc.h"

struct owned_status {
    struct flow_live_status status;
    struct flow_arena arena;
};

struct asker {
    struct flow_grpc_target target;
    grpc_channel *channel;
    grpc_completion_queue *queue;
};

/* The answer's bytes as one slice; err says what came instead. */
static int
ask(struct asker *asker, const char *method, const char *name, grpc_slice *answer,
    struct flow_error *err)
{
    struct flow_grpc_call call;
    grpc_byte_buffer_reader reader;
    int rc = FLOW_OK;

    flow_grpc_call_begin(&call, &asker->target, asker->channel, asker->queue, method,
                         asker->target.options.request_timeout, (struct flow_str){ "", 0 });
    flow_grpc_call_ask(&call, &asker->target, 1);
    grpc_completion_queue_next(asker->queue, flow_grpc_deadline(-1), NULL);
    *answer = grpc_empty_slice();
    if (call.code != GRPC_STATUS_OK) {
        rc = flow_grpc_fail(&asker->target, call.code, call.details, name, err);
    } else if (call.message != NULL && grpc_byte_buffer_reader_init(&reader, call.message) != 0) {
        *answer = grpc_byte_buffer_reader_readall(&reader);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    flow_grpc_call_free(&call);
    return rc;
}

static int
fail_answer(const struct asker *asker, const char *name, struct flow_error *err)
{
    flow_fail(err, FLOW_E_PARSE, "expected an answer to %s, found bytes that are none", name);
    flow_error_set_input(err, asker->target.name);
    return FLOW_E_PARSE;
}

static const char *
keep(struct owned_status *owned, const char *text, bool *failed)
{
    const struct flow_str copy =
        flow_arena_str(&owned->arena, (struct flow_str){ text, strlen(text) });

    *failed |= copy.ptr == NULL;
    return copy.ptr;
}

static int
ask_status(struct asker *asker, struct owned_status *owned, struct flow_error *err)
{
    struct flow_live_status *status = &owned->status;
    Observer__ServerStatusResponse *answer;
    grpc_slice bytes;
    bool failed = false;
    int rc = ask(asker, "/observer.Observer/ServerStatus", "ServerStatus", &bytes, err);

    if (rc != FLOW_OK) {
        return rc;
    }
    answer = observer__server_status_response__unpack(NULL, GRPC_SLICE_LENGTH(bytes),
                                                      GRPC_SLICE_START_PTR(bytes));
    grpc_slice_unref(bytes);
    if (answer == NULL) {
        return fail_answer(asker, "ServerStatus", err);
    }
    status->version = keep(owned, answer->version, &failed);
    status->num_flows = answer->num_flows;
    status->max_flows = answer->max_flows;
    status->seen_flows = answer->seen_flows;
    status->uptime_ns = answer->uptime_ns;
    status->flows_rate = answer->flows_rate;
    status->counts_nodes = answer->num_connected_nodes != NULL;
    if (answer->num_connected_nodes != NULL) {
        status->connected_nodes = answer->num_connected_nodes->value;
    }
    if (answer->num_unavailable_nodes != NULL) {
        status->unavailable_nodes = answer->num_unavailable_nodes->value;
    }
    observer__server_status_response__free_unpacked(answer, NULL);
    return failed ? flow_fail_memory(err) : FLOW_OK;
}

static bool
keep_nodes(struct owned_status *owned, const Observer__GetNodesResponse *answer)
{
    struct flow_live_node *nodes = flow_arena_array(&owned->arena, answer->n_nodes, sizeof(*nodes));
    bool failed = nodes == NULL;

    for (size_t i = 0; i < answer->n_nodes && !failed; i++) {
        const Observer__Node *node = answer->nodes[i];

        nodes[i] = (struct flow_live_node){
            .name = keep(owned, node->name, &failed),
            .version = keep(owned, node->version, &failed),
            .address = keep(owned, node->address, &failed),
            .state = (uint32_t)node->state,
            .tls = node->tls != NULL && node->tls->enabled,
            .uptime_ns = node->uptime_ns,
            .num_flows = node->num_flows,
            .max_flows = node->max_flows,
            .seen_flows = node->seen_flows,
        };
    }
    owned->status.nodes = nodes;
    owned->status.node_count = answer->n_nodes;
    owned->status.lists_nodes = true;
    return !failed;
}

/* An agent does not know GetNodes, which is no failure. */
static int
ask_nodes(struct asker *asker, struct owned_status *owned, struct flow_error *err)
{
    Observer__GetNodesResponse *answer;
    grpc_slice bytes;
    bool kept;
    int rc = ask(asker, "/observer.Observer/GetNodes", "GetNodes", &bytes, err);

    if (rc != FLOW_OK) {
        return rc == FLOW_E_UNSUPPORTED ? FLOW_OK : rc;
    }
    answer = observer__get_nodes_response__unpack(NULL, GRPC_SLICE_LENGTH(bytes),
                                                  GRPC_SLICE_START_PTR(bytes));
    grpc_slice_unref(bytes);
    if (answer == NULL) {
        return fail_answer(asker, "GetNodes", err);
    }
    kept = keep_nodes(owned, answer);
    observer__get_nodes_response__free_unpacked(answer, NULL);
    return kept ? FLOW_OK : flow_fail_memory(err);
}

int
flow_live_status_get(struct flow_live_status **out, const struct flow_live_options *options,
                     struct flow_error *err)
{
    struct owned_status *owned = calloc(1, sizeof(*owned));
    struct asker asker;
    int rc;

    *out = NULL;
    if (owned == NULL) {
        return flow_fail_memory(err);
    }
    memset(&asker, 0, sizeof(asker));
    rc = flow_grpc_target_init(&asker.target, options, err);
    if (rc != FLOW_OK) {
        free(owned);
        return rc;
    }
    grpc_init();
    asker.channel = flow_grpc_channel(&asker.target);
    asker.queue = grpc_completion_queue_create_for_next(NULL);
    rc = ask_status(&asker, owned, err);
    rc = rc == FLOW_OK ? ask_nodes(&asker, owned, err) : rc;
    grpc_channel_destroy(asker.channel);
    grpc_completion_queue_shutdown(asker.queue);
    while (grpc_completion_queue_next(asker.queue, flow_grpc_deadline(-1), NULL).type !=
           GRPC_QUEUE_SHUTDOWN) {
    }
    grpc_completion_queue_destroy(asker.queue);
    grpc_shutdown();
    flow_grpc_target_free(&asker.target);
    if (rc != FLOW_OK) {
        flow_live_status_free(&owned->status);
        return rc;
    }
    *out = &owned->status;
    return FLOW_OK;
}

void
flow_live_status_free(struct flow_live_status *status)
{
    struct owned_status *owned = (struct owned_status *)status;

    if (owned != NULL) {
        flow_arena_free(&owned->arena);
        free(owned);
    }
}
