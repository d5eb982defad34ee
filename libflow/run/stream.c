/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run as a stream of arrays: each call goes on with it until an array is full. With two threads
 * or more the run goes on by itself, and the calls make arrays of what it has read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arrow/flows.h"
#include "base/error.h"
#include "run/ahead.h"

#define ROWS_DEFAULT ((size_t)65536)

struct stream {
    struct flow_check *check;
    struct flow_check_callbacks callbacks;
    struct flow_run_ahead *ahead; /* NULL: none */
    struct flow_arrow_builder *builder;
    size_t rows;
    uint8_t table;
    bool ended;
    struct flow_error error;
    char told[512];
};

/* Keeps why a call failed, and makes an errno of it. */
static int
fail(struct stream *stream)
{
    flow_error_format(&stream->error, stream->told, sizeof(stream->told));
    switch (stream->error.status) {
    case FLOW_E_MEMORY:
        return ENOMEM;
    case FLOW_E_SYSTEM:
        return stream->error.os_errno != 0 ? stream->error.os_errno : EIO;
    default:
        return EIO;
    }
}

static int
get_schema(struct ArrowArrayStream *arrow, struct ArrowSchema *out)
{
    struct stream *stream = arrow->private_data;

    return flow_arrow_schema(out, stream->table, &stream->error) == FLOW_OK ? 0 : fail(stream);
}

/* The next batch, in rows of the builder; as flow_check_next. */
static int
take_batch(struct stream *stream)
{
    struct flow_run_batch read = { NULL, NULL };
    int rc;

    if (flow_check_is_stopped(&stream->callbacks, &stream->error)) {
        return FLOW_E_SYSTEM;
    }
    if (stream->ahead == NULL && flow_check_threads(stream->check) > 1) {
        rc = flow_run_ahead_start(&stream->ahead, stream->check, &stream->error);
        if (rc != FLOW_OK) {
            return rc;
        }
    }
    if (stream->ahead != NULL) {
        rc = flow_run_ahead_next(stream->ahead, &read, &stream->error);
    } else {
        rc = flow_check_next(stream->check, &stream->error);
        read.batch = flow_check_batch(stream->check);
    }
    flow_check_tell(&stream->callbacks, read.batch);
    if (rc != FLOW_OK) {
        return rc;
    }
    return stream->ahead != NULL
               ? flow_arrow_builder_add_named(stream->builder, read.batch,
                                              flow_check_dict(stream->check), read.input,
                                              &stream->error)
               : flow_arrow_builder_add(stream->builder, read.batch,
                                        flow_check_reader(stream->check), &stream->error);
}

static int
get_next(struct ArrowArrayStream *arrow, struct ArrowArray *out)
{
    struct stream *stream = arrow->private_data;

    memset(out, 0, sizeof(*out));
    while (!stream->ended && flow_arrow_builder_rows(stream->builder) < stream->rows) {
        const int rc = take_batch(stream);

        if (rc == FLOW_AGAIN && flow_arrow_builder_rows(stream->builder) > 0) {
            break;
        }
        if (rc < 0) {
            return fail(stream);
        }
        stream->ended = rc == FLOW_END;
    }
    if (flow_arrow_builder_rows(stream->builder) == 0) {
        return 0;
    }
    return flow_arrow_builder_take(stream->builder, out, &stream->error) == FLOW_OK ? 0
                                                                                    : fail(stream);
}

static const char *
get_last_error(struct ArrowArrayStream *arrow)
{
    const struct stream *stream = arrow->private_data;

    return stream->told[0] != '\0' ? stream->told : NULL;
}

static void
release(struct ArrowArrayStream *arrow)
{
    struct stream *stream = arrow->private_data;

    if (flow_run_ahead_stop(stream->ahead)) {
        flow_check_close(stream->check);
    }
    flow_arrow_builder_free(stream->builder);
    free(stream);
    arrow->release = NULL;
}

int
flow_arrow_stream_flows(struct ArrowArrayStream *out, uint8_t table, size_t rows,
                        struct flow_check *check, struct flow_error *err)
{
    struct stream *stream;
    int rc;

    if (table == FLOW_ARROW_RESULTS && flow_check_classifier(check) == NULL) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected a run with policies");
    }
    stream = calloc(1, sizeof(*stream));
    if (stream == NULL) {
        return flow_fail_memory(err);
    }
    rc = flow_arrow_builder_new(&stream->builder, table, err);
    if (rc != FLOW_OK) {
        free(stream);
        return rc;
    }
    stream->check = check;
    flow_check_take_callbacks(check, &stream->callbacks);
    stream->table = table;
    stream->rows = rows > 0 ? rows : ROWS_DEFAULT;
    *out = (struct ArrowArrayStream){
        .get_schema = get_schema,
        .get_next = get_next,
        .get_last_error = get_last_error,
        .release = release,
        .private_data = stream,
    };
    return FLOW_OK;
}
