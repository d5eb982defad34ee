/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hubble's Observer as a source: the messages of GetFlows as delimited protobuf. One call at a time
 * over one connection, both made anew when they are lost. All waiting is for gRPC's completion
 * queue, in the thread that reads; while nobody reads, the transport's window fills and the server
 * keeps what does not fit, or counts it as lost: nothing piles up here.
 */
#include <errno.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "base/limits.h"
#include "source/grpc.h"

static const char method[] = "/observer.Observer/GetFlows";
static const char probe_method[] = "/observer.Observer/ServerStatus";

enum { SECOND = 1000000000 };
static const int64_t backoff_first = SECOND / 2;
static const int64_t backoff_most = 30 * (int64_t)SECOND;
/* A connection that was of use. */
static const int64_t lasting = 10 * (int64_t)SECOND;
/* A wait for gRPC is no longer than this, so that a reader can be asked to stop. */
static const int64_t nap = SECOND / 5;

enum state {
    RESTING,    /* until the next try */
    CONNECTING, /* for as long as the timeout */
    STREAMING,
    ENDED
};

/* What a completion is of. */
enum tag { TAG_WATCH = 1, TAG_START, TAG_MESSAGE, TAG_STATUS, TAG_PROBE };

struct live_source {
    struct flow_source base;
    struct flow_grpc_target target;
    struct flow_live_hooks hooks;
    struct flow_str filters; /* bytes of the request */
    int64_t wait;
    grpc_completion_queue *queue;
    grpc_channel *channel;
    enum state state;
    bool watching; /* a change of the connection is to be told */
    struct flow_grpc_call flows, probe;
    /* monotonic times */
    int64_t began;    /* the first connection */
    int64_t since;    /* the state */
    int64_t heard;    /* anything came last */
    bool heard_now;   /* something came since that was noted */
    int64_t next_try; /* to connect */
    int64_t connected;
    int64_t asked;  /* by the system's clock: the first call */
    unsigned tries; /* in a row that failed */
    bool skip_gap;  /* the next call begins now: what made this one fail would come again */
    int end;        /* what ended it for good */
    struct flow_error failure;
    uint64_t random;
    struct flow_live_stats stats;
    struct flow_error last_note;
    /* the message that is handed out */
    bool has_message;
    grpc_byte_buffer_reader reader;
    grpc_slice piece;
    size_t piece_pos;
    uint8_t head[10];
    size_t head_len, head_pos;
};

static int64_t
monotonic(void)
{
    return flow_grpc_now(
        CLOCK_MONOTONIC_COARSE); /* some milliseconds do not matter, and it is asked often */
}

static void
tell(struct live_source *live, const struct flow_error *note)
{
    const struct flow_live_options *options = &live->target.options;

    /* the same words once, however often it is tried */
    if (options->note != NULL && strcmp(note->message, live->last_note.message) != 0) {
        options->note(options->note_context, note);
    }
    live->last_note = *note;
}

static void
drop_message(struct live_source *live)
{
    if (live->has_message) {
        grpc_slice_unref(live->piece);
        grpc_byte_buffer_reader_destroy(&live->reader);
        grpc_byte_buffer_destroy(live->flows.message);
        live->flows.message = NULL;
        live->has_message = false;
    }
}

/* Takes in one completion. */
static void
complete(struct live_source *live, const grpc_event *event)
{
    struct flow_grpc_call *call = event->tag == (void *)TAG_PROBE ? &live->probe : &live->flows;

    switch ((enum tag)(intptr_t)event->tag) {
    case TAG_WATCH:
        live->watching = false;
        return;
    case TAG_MESSAGE:
        call->reading = false;
        break;
    case TAG_STATUS:
    case TAG_PROBE:
        call->ended = true;
        break;
    default:
        break;
    }
    call->waiting--;
    if (event->success != 0 && event->tag != (void *)TAG_STATUS) {
        live->heard_now = true;
    }
}

/* Waits for a completion; false when none came in time. */
static bool
wait_for(struct live_source *live, int64_t nanoseconds)
{
    const grpc_event event =
        grpc_completion_queue_next(live->queue, flow_grpc_deadline(nanoseconds), NULL);

    if (event.type != GRPC_OP_COMPLETE) {
        return false;
    }
    complete(live, &event);
    return true;
}

static void
call_end(struct live_source *live, struct flow_grpc_call *call)
{
    if (call->call != NULL && call->waiting > 0) {
        grpc_call_cancel(call->call, NULL);
    }
    while (call->waiting > 0) {
        wait_for(live, -1);
    }
    flow_grpc_call_free(call);
}

static void
want_message(struct live_source *live)
{
    grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

    op.data.recv_message.recv_message = &live->flows.message;
    live->flows.reading = true;
    flow_grpc_call_start(&live->flows, &op, 1, TAG_MESSAGE);
}

/* Where the next call begins. */
static int64_t
resume_from(struct live_source *live)
{
    int64_t since = live->target.options.since;

    if (live->stats.connections == 0) {
        return since;
    }
    if (live->skip_gap) {
        return flow_grpc_now(CLOCK_REALTIME);
    }
    since = live->hooks.since(live->hooks.context);
    if (since == FLOW_TIME_NONE) {
        since = live->target.options.since;
    }
    return since != FLOW_TIME_NONE ? since : live->asked;
}

static int
ask_flows(struct live_source *live, struct flow_error *err)
{
    struct flow_str request;
    const int rc = flow_grpc_flows_request(&live->target.options, resume_from(live), live->filters,
                                           &request, err);

    if (rc != FLOW_OK) {
        return rc;
    }
    flow_grpc_call_begin(&live->flows, &live->target, live->channel, live->queue, method, -1,
                         request);
    free((void *)request.ptr);
    flow_grpc_call_open(&live->flows, &live->target, TAG_START, TAG_STATUS);
    want_message(live);
    live->state = STREAMING;
    live->heard = monotonic();
    return FLOW_OK;
}

/* Asks the server for anything at all, to learn whether it is still there. */
static void
ask_probe(struct live_source *live)
{
    flow_grpc_call_begin(&live->probe, &live->target, live->channel, live->queue, probe_method,
                         live->target.options.request_timeout, (struct flow_str){ "", 0 });
    flow_grpc_call_ask(&live->probe, &live->target, TAG_PROBE);
}

static void
connect_anew(struct live_source *live)
{
    live->channel = flow_grpc_channel(&live->target);
    live->state = CONNECTING;
    live->since = monotonic();
}

static void
disconnect(struct live_source *live)
{
    drop_message(live);
    call_end(live, &live->probe);
    call_end(live, &live->flows);
    if (live->channel != NULL) {
        grpc_channel_destroy(live->channel);
        live->channel = NULL;
    }
    while (live->watching) {
        wait_for(live, -1);
    }
    live->stats.connected = false;
}

/* The next try is later the more have failed, and not at the same moment as that of others. */
static void
rest(struct live_source *live)
{
    int64_t pause = backoff_first;

    /* one that lasted is no failure */
    if (live->stats.connected && monotonic() - live->connected >= lasting) {
        live->tries = 0;
    }
    for (unsigned i = 0; i < live->tries && pause < backoff_most; i++) {
        pause += pause / 2;
    }
    pause = pause < backoff_most ? pause : backoff_most;
    live->random = live->random * 6364136223846793005u + 1442695040888963407u;
    pause = pause * 3 / 4 + (int64_t)((live->random >> 33) % (uint64_t)(pause / 2));
    disconnect(live);
    live->tries++;
    live->state = RESTING;
    live->next_try = monotonic() + pause;
}

/* Whether trying again could help. */
static bool
may_pass(grpc_status_code code)
{
    switch (code) {
    case GRPC_STATUS_UNIMPLEMENTED:
    case GRPC_STATUS_INVALID_ARGUMENT:
    case GRPC_STATUS_UNAUTHENTICATED:
    case GRPC_STATUS_PERMISSION_DENIED:
    case GRPC_STATUS_NOT_FOUND:
    case GRPC_STATUS_FAILED_PRECONDITION:
        return false;
    default:
        return true;
    }
}

/* A message was over our own limit: told apart from a server that has no room. */
static bool
is_too_large(const struct flow_grpc_call *call)
{
    static const char words[] = "larger than max";

    return call->code == GRPC_STATUS_RESOURCE_EXHAUSTED &&
           memmem(GRPC_SLICE_START_PTR(call->details), GRPC_SLICE_LENGTH(call->details), words,
                  sizeof(words) - 1) != NULL;
}

/* The end for good: it is said again whenever it is asked for. */
static int
end_with(struct live_source *live, int rc, const struct flow_error *failure)
{
    disconnect(live);
    live->state = ENDED;
    live->end = rc;
    if (failure != NULL) {
        live->failure = *failure;
    }
    return FLOW_OK;
}

/* The call has ended and all its messages are read. */
static int
call_ended(struct live_source *live)
{
    const struct flow_live_options *options = &live->target.options;
    struct flow_grpc_call *call = &live->flows;
    const bool first_try = live->stats.connections == 0;
    const bool too_large = is_too_large(call);
    struct flow_error failure;

    if (call->code == GRPC_STATUS_OK && !options->follow) {
        return end_with(live, FLOW_END, NULL);
    }
    flow_grpc_fail(&live->target, call->code, call->details, "GetFlows", &failure);
    if (call->code == GRPC_STATUS_OK) {
        flow_fail(&failure, FLOW_E_SYSTEM, "GetFlows: the server ended the stream");
        flow_error_set_input(&failure, live->target.name);
    }
    live->stats.refused += too_large ? 1 : 0;
    live->skip_gap = too_large;
    if (!may_pass(call->code) || (first_try && flow_grpc_is_tls_failure(call->details)) ||
        (!options->follow &&
         (!first_try || too_large || monotonic() - live->began >= options->timeout))) {
        return end_with(live, failure.status, &failure);
    }
    tell(live, &failure);
    rest(live);
    return FLOW_OK;
}

/* Looks how far the connection is. FLOW_AGAIN: one must wait. */
static int
watch_connection(struct live_source *live, struct flow_error *err)
{
    const int64_t left = live->since + live->target.options.timeout - monotonic();
    grpc_connectivity_state now;

    if (live->watching) {
        return FLOW_AGAIN;
    }
    now = grpc_channel_check_connectivity_state(live->channel, 1);
    if (now == GRPC_CHANNEL_READY || now == GRPC_CHANNEL_TRANSIENT_FAILURE ||
        now == GRPC_CHANNEL_SHUTDOWN || left <= 0) {
        return ask_flows(live, err); /* a call over a failed connection says why it failed */
    }
    live->watching = true;
    grpc_channel_watch_connectivity_state(live->channel, now, flow_grpc_deadline(left), live->queue,
                                          (void *)(intptr_t)TAG_WATCH);
    return FLOW_AGAIN;
}

/* The next message is there: its length goes first. */
static void
begin_message(struct live_source *live)
{
    size_t len = grpc_byte_buffer_length(live->flows.message);

    live->head_len = live->head_pos = 0;
    grpc_byte_buffer_reader_init(&live->reader, live->flows.message);
    do {
        live->head[live->head_len++] = (uint8_t)((len & 0x7f) | (len > 0x7f ? 0x80 : 0));
        len >>= 7;
    } while (len > 0);
    live->piece = grpc_empty_slice();
    live->piece_pos = 0;
    live->has_message = true;
}

static void
message_came(struct live_source *live)
{
    if (!live->stats.connected) {
        struct flow_error note;

        live->stats.connected = true;
        live->stats.connections++;
        live->connected = monotonic();
        live->skip_gap = false;
        live->hooks.connected(live->hooks.context);
        flow_fail(&note, FLOW_OK, live->stats.connections == 1 ? "connected" : "connected again");
        flow_error_set_input(&note, live->target.name);
        tell(live, &note);
    }
    begin_message(live);
}

/* Copies of the message what there is room for; a new message is asked for behind the last byte. */
static void
copy_message(struct live_source *live, uint8_t *at, size_t room, size_t *got)
{
    while (*got < room) {
        const uint8_t *from = live->head + live->head_pos;
        size_t left = live->head_len - live->head_pos;
        const bool in_head = left > 0;

        if (!in_head) {
            left = GRPC_SLICE_LENGTH(live->piece) - live->piece_pos;
            from = GRPC_SLICE_START_PTR(live->piece) + live->piece_pos;
        }
        if (left == 0) {
            grpc_slice_unref(live->piece);
            live->piece = grpc_empty_slice();
            live->piece_pos = 0;
            if (grpc_byte_buffer_reader_next(&live->reader, &live->piece) == 0) {
                drop_message(live);
                want_message(live);
                return;
            }
            continue;
        }
        left = left < room - *got ? left : room - *got;
        memcpy(at + *got, from, left);
        *(in_head ? &live->head_pos : &live->piece_pos) += left;
        *got += left;
    }
}

/* Nothing came for a while: is the server still there? */
static void
check_idle(struct live_source *live)
{
    const struct flow_live_options *options = &live->target.options;
    const int64_t now = monotonic();
    struct flow_error note;
    int64_t silence;

    if (live->heard_now) {
        live->heard_now = false;
        live->heard = now;
    }
    silence = now - live->heard;
    if (options->idle_check <= 0 || silence < options->idle_check) {
        return;
    }
    if (live->probe.call == NULL) {
        ask_probe(live);
    } else if (live->probe.ended) {
        const grpc_status_code code = live->probe.code;

        call_end(live, &live->probe);
        if (code == GRPC_STATUS_DEADLINE_EXCEEDED || code == GRPC_STATUS_UNAVAILABLE) {
            flow_fail(&note, FLOW_E_SYSTEM, "the server is silent, and does not answer");
            flow_error_set_input(&note, live->target.name);
            tell(live, &note);
            rest(live);
        } else {
            live->heard = monotonic();
        }
    }
}

/* Does what can be done without waiting. FLOW_AGAIN: nothing; FLOW_OK: look again. */
static int
step(struct live_source *live, struct flow_error *err)
{
    switch (live->state) {
    case RESTING:
        if (monotonic() < live->next_try) {
            return FLOW_AGAIN;
        }
        connect_anew(live);
        return FLOW_OK;
    case CONNECTING:
        return watch_connection(live, err);
    case STREAMING:
        if (!live->flows.reading && live->flows.message != NULL && !live->has_message) {
            message_came(live);
            return FLOW_OK;
        }
        if (!live->flows.reading && live->flows.ended) {
            return call_ended(live);
        }
        check_idle(live);
        return live->state == STREAMING ? FLOW_AGAIN : FLOW_OK;
    default:
        if (live->end < 0 && err != NULL) {
            *err = live->failure;
        }
        return live->end;
    }
}

static int
live_read(struct flow_source *source, void *at, size_t room, size_t *got, struct flow_error *err)
{
    struct live_source *live = (struct live_source *)source;
    const int64_t until = live->wait < 0 ? INT64_MAX : monotonic() + live->wait;

    *got = 0;
    for (;;) {
        int64_t left;
        int rc;

        if (live->has_message) {
            copy_message(live, at, room, got);
            if (*got == room) {
                return FLOW_OK;
            }
        }
        rc = step(live, *got > 0 ? NULL : err);
        if (*got > 0 && rc != FLOW_OK && !wait_for(live, 0)) {
            return FLOW_OK;
        }
        if (*got > 0 || rc == FLOW_OK) {
            continue;
        }
        if (rc != FLOW_AGAIN) {
            return rc;
        }
        left = until - monotonic();
        if (!wait_for(live, left < 0 ? 0 : left < nap ? left : nap) && left <= 0) {
            return FLOW_AGAIN;
        }
    }
}

static uint64_t
live_size(const struct flow_source *source)
{
    (void)source;
    return 0;
}

static void
live_close(struct flow_source *source)
{
    struct live_source *live = (struct live_source *)source;

    disconnect(live);
    grpc_completion_queue_shutdown(live->queue);
    while (grpc_completion_queue_next(live->queue, flow_grpc_deadline(-1), NULL).type !=
           GRPC_QUEUE_SHUTDOWN) {
    }
    grpc_completion_queue_destroy(live->queue);
    free((void *)live->filters.ptr);
    flow_grpc_target_free(&live->target);
    free(live);
    grpc_shutdown();
}

static void
live_stats(const struct flow_source *source, struct flow_live_stats *stats)
{
    *stats = ((const struct live_source *)source)->stats;
}

static const struct flow_source_ops live_ops = {
    .name = "grpc",
    .format = "hubble-grpc",
    .read = live_read,
    .size = live_size,
    .live_stats = live_stats,
    .close = live_close,
};

int
flow_source_open_live(struct flow_source **out, const struct flow_live_options *options,
                      const struct flow_live_hooks *hooks, int64_t wait, struct flow_error *err)
{
    struct live_source *live = calloc(1, sizeof(*live));
    int rc;

    *out = NULL;
    if (live == NULL) {
        return flow_fail_memory(err);
    }
    rc = flow_grpc_target_init(&live->target, options, err);
    if (rc == FLOW_OK) {
        rc = flow_grpc_filters(options->filter, &live->filters, err);
    }
    if (rc != FLOW_OK) {
        flow_grpc_target_free(&live->target);
        free(live);
        return rc;
    }
    grpc_init();
    live->base.ops = &live_ops;
    live->hooks = *hooks;
    live->wait = wait;
    live->queue = grpc_completion_queue_create_for_next(NULL);
    live->random = flow_hash_seed();
    live->began = live->heard = monotonic();
    live->asked = flow_grpc_now(CLOCK_REALTIME);
    live->stats.gap_first = live->stats.gap_last = FLOW_TIME_NONE;
    live->state = RESTING;
    live->next_try = 0;
    *out = &live->base;
    return FLOW_OK;
}
