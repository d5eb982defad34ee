/* SPDX-License-Identifier: Apache-2.0 */
/* Flows and what was decided of them as an Arrow stream. */
#include <stdlib.h>

#include "arrow/ipc.h"
#include "base/error.h"
#include "report/format.h"

/* Rows of one array, as the default of flow_arrow_stream_flows. */
enum { ROWS = 65536 };

struct writing {
    struct flow_arrow_builder *builder;
    struct flow_ipc ipc;
};

static void
free_writing(void *state)
{
    struct writing *writing = state;

    flow_arrow_builder_free(writing->builder);
    flow_ipc_free(&writing->ipc);
    free(writing);
}

static int
open_writing(void **state, struct flow_error *err)
{
    struct writing *writing = calloc(1, sizeof(*writing));
    int rc;

    if (writing == NULL) {
        return flow_fail_memory(err);
    }
    rc = flow_arrow_builder_new(&writing->builder, FLOW_ARROW_RESULTS, err);
    if (rc == FLOW_OK && !flow_ipc_init(&writing->ipc, FLOW_ARROW_RESULTS)) {
        rc = flow_fail_memory(err);
    }
    if (rc != FLOW_OK) {
        free_writing(writing);
        return rc;
    }
    *state = writing;
    return FLOW_OK;
}

/* The rows that there are, as one array. */
static int
hand_on(struct writing *writing, struct flow_buf *out, struct flow_error *err)
{
    struct ArrowArray array;
    int rc = flow_arrow_builder_take(writing->builder, &array, err);

    if (rc == FLOW_OK) {
        rc = flow_ipc_add(&writing->ipc, &array, out) ? FLOW_OK : flow_fail_memory(err);
        array.release(&array);
    }
    return rc;
}

static int
write_batch(void *state, struct flow_buf *out, const struct flow_batch *batch,
            const struct flow_sink_options *options, struct flow_error *err)
{
    struct writing *writing = state;
    const struct flow_reader *reader = options->reader != NULL ? *options->reader : NULL;
    const int rc = flow_arrow_builder_add(writing->builder, batch, reader, err);

    return rc == FLOW_OK && flow_arrow_builder_rows(writing->builder) >= ROWS
               ? hand_on(writing, out, err)
               : rc;
}

static int
end_writing(void *state, struct flow_buf *out, struct flow_error *err)
{
    struct writing *writing = state;
    int rc = FLOW_OK;

    if (flow_arrow_builder_rows(writing->builder) > 0) {
        rc = hand_on(writing, out, err);
    }
    return rc != FLOW_OK || flow_ipc_end(&writing->ipc, out) ? rc : flow_fail_memory(err);
}

const struct flow_report_format flow_format_arrow = { .name = "arrow",
                                                      .open = open_writing,
                                                      .write = write_batch,
                                                      .end = end_writing,
                                                      .free = free_writing };
