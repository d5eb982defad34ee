/* SPDX-License-Identifier: Apache-2.0 */
/* The findings of a report as a table, and a stream of arrays that are there already. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arrow/once.h"
#include "arrow/told.h"
#include "base/error.h"
#include "base/str.h"

/* One array, handed out once. */
struct once {
    struct ArrowArray array; /* released: handed out */
    uint8_t table;
    struct flow_error error;
};

static int
once_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct once *once = stream->private_data;

    return flow_arrow_schema(out, once->table, &once->error) == FLOW_OK ? 0 : ENOMEM;
}

static int
once_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct once *once = stream->private_data;

    *out = once->array;
    once->array.release = NULL;
    return 0;
}

static const char *
once_error(struct ArrowArrayStream *stream)
{
    const struct once *once = stream->private_data;

    return once->error.status != FLOW_OK ? once->error.message : NULL;
}

static void
once_release(struct ArrowArrayStream *stream)
{
    struct once *once = stream->private_data;

    if (once->array.release != NULL) {
        once->array.release(&once->array);
    }
    free(once);
    stream->release = NULL;
}

int
flow_stream_once(struct ArrowArrayStream *out, uint8_t table, struct ArrowArray *array,
                 struct flow_error *err)
{
    struct once *once = calloc(1, sizeof(*once));

    if (once == NULL) {
        array->release(array);
        return flow_fail_memory(err);
    }
    once->array = *array;
    once->table = table;
    array->release = NULL;
    *out = (struct ArrowArrayStream){
        .get_schema = once_schema,
        .get_next = once_next,
        .get_last_error = once_error,
        .release = once_release,
        .private_data = once,
    };
    return FLOW_OK;
}

static void
put_statement(struct flow_table *table, const struct flow_intent_statement *statement)
{
    if (statement != NULL && statement->name != NULL) {
        flow_put_text(table, FLOW_FINDING_STATEMENT, flow_str_of(statement->name));
        flow_put_word(table, FLOW_FINDING_STATEMENT_FILE, flow_str_of(statement->file));
        flow_put_u32(table, FLOW_FINDING_STATEMENT_LINE, statement->line);
    }
}

static void
put_finding(struct flow_table *table, const struct flow_finding *finding)
{
    static const char *const baselines[] = { NULL, "new", "unchanged" };

    flow_put_text(table, FLOW_FINDING_RULE, flow_str_of(finding->rule->id));
    flow_put_text(table, FLOW_FINDING_NAME, flow_str_of(finding->rule->name));
    flow_put_text(table, FLOW_FINDING_FINGERPRINT, flow_str_of(finding->fingerprint));
    flow_put_text(table, FLOW_FINDING_SEVERITY,
                  flow_str_of(flow_severity_name(finding->rule->severity)));
    flow_put_name(table, FLOW_FINDING_SCOPE, finding->scope, flow_scope_name(finding->scope));
    flow_put_name(table, FLOW_FINDING_DIRECTION, finding->direction,
                  flow_direction_name(finding->direction));
    flow_put_text(table, FLOW_FINDING_SOURCE, finding->source);
    flow_put_text(table, FLOW_FINDING_DESTINATION, finding->destination);
    if (finding->protocol != FLOW_PROTOCOL_UNKNOWN) {
        flow_put_name(table, FLOW_FINDING_PROTOCOL, finding->protocol,
                      flow_protocol_name(finding->protocol));
    }
    if (finding->has_port) {
        flow_put_u16(table, FLOW_FINDING_PORT, finding->port);
    }
    flow_put_u64(table, FLOW_FINDING_FLOWS, finding->count);
    if (finding->has_bytes) {
        flow_put_u64(table, FLOW_FINDING_BYTES, finding->bytes);
    }
    flow_put_time(table, FLOW_FINDING_FIRST, finding->first);
    flow_put_time(table, FLOW_FINDING_LAST, finding->last);
    flow_put_policy(table, FLOW_FINDING_POLICY, finding->decision);
    put_statement(table, finding->statement);
    flow_put_undecided(table, FLOW_FINDING_UNDECIDED, finding->undecided);
    flow_put_text(
        table, FLOW_FINDING_BASELINE,
        flow_str_of(baselines[finding->baseline <= FLOW_BASELINE_UNCHANGED ? finding->baseline
                                                                           : FLOW_BASELINE_NONE]));
    flow_put_text(table, FLOW_FINDING_EXPLANATION, finding->explanation);
    flow_table_end_row(table);
}

int
flow_arrow_stream_findings(struct ArrowArrayStream *out, const struct flow_tally *tally,
                           struct flow_error *err)
{
    const size_t count = flow_tally_finding_count(tally);
    struct ArrowArray array;
    struct flow_table table;
    int rc = flow_table_init(&table, FLOW_ARROW_FINDINGS) && flow_table_reserve(&table, count)
                 ? FLOW_OK
                 : flow_fail_memory(err);

    for (size_t i = 0; rc == FLOW_OK && i < count; i++) {
        put_finding(&table, flow_tally_finding_at(tally, i));
    }
    rc = rc == FLOW_OK ? flow_table_take(&table, &array, err) : rc;
    flow_table_free(&table);
    return rc == FLOW_OK ? flow_stream_once(out, FLOW_ARROW_FINDINGS, &array, err) : rc;
}
