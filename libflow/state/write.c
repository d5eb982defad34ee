/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state as JSON, one value a line. Texts that come from outside are in base64, since they may be
 * any bytes; times are nanoseconds, null where there is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "enrich/names.h"
#include "report/format.h"
#include "state/state.h"

enum { FLUSH_BYTES = 1 << 20 };

struct output {
    struct flow_buf text;
    struct flow_json_writer writer;
    int fd;
    const char *path; /* NULL: all stays in text */
    struct flow_error *err;
    int rc;
};

static void
flush(struct output *output)
{
    if (output->path == NULL) {
        return;
    }
    if (output->rc == FLOW_OK) {
        output->rc = flow_write_all(output->fd, output->path, &output->text, output->err);
    }
    flow_buf_reset(&output->text);
}

static void
end_line(struct output *output)
{
    flow_buf_add_char(&output->text, '\n');
    output->writer.comma = false;
    if (output->text.len >= FLUSH_BYTES) {
        flush(output);
    }
}

static void
add_bytes(struct output *output, const char *key, struct flow_str bytes)
{
    const size_t len = (bytes.len + 2) / 3 * 4;
    char *text = malloc(len + 1);

    if (text == NULL) {
        output->text.failed = true;
        return;
    }
    EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)bytes.ptr, (int)bytes.len);
    flow_json_add_str(&output->writer, key, (struct flow_str){ text, len });
    free(text);
}

static void
add_time(struct output *output, const char *key, int64_t time)
{
    if (time == FLOW_TIME_NONE) {
        flow_json_add_null(&output->writer, key);
    } else {
        flow_json_add_i64(&output->writer, key, time);
    }
}

static void
add_documents(struct output *output, const struct flow_documents *documents)
{
    for (size_t i = 0; i < documents->setting_count; i++) {
        flow_json_open(&output->writer, NULL, '{');
        flow_json_add_str(&output->writer, "setting", documents->settings[i].name);
        add_bytes(output, "value", documents->settings[i].value);
        flow_json_close(&output->writer, '}');
        end_line(output);
    }
    for (size_t i = 0; i < documents->count; i++) {
        flow_json_open(&output->writer, NULL, '{');
        flow_json_add_text(&output->writer, "document",
                           flow_document_role_name(documents->texts[i].role));
        add_bytes(output, "path", documents->texts[i].path);
        add_bytes(output, "text", documents->texts[i].text);
        flow_json_close(&output->writer, '}');
        end_line(output);
    }
}

static void
add_inputs(struct output *output, const struct flow_tally *tally)
{
    for (size_t i = 0; i < tally->input_count; i++) {
        const struct flow_input_stats *input = &tally->inputs[i];
        struct flow_json_writer *writer = &output->writer;

        flow_json_open(writer, NULL, '{');
        add_bytes(output, "input", flow_str_of(input->name));
        if (input->has_digest) {
            add_bytes(output, "digest",
                      (struct flow_str){ (const char *)input->digest, sizeof(input->digest) });
        }
        flow_json_add_text(writer, "format", input->format);
        flow_json_add_text(writer, "compression", input->compression);
        flow_json_open(writer, "counts", '[');
        flow_json_add_u64(writer, NULL, input->bytes_read);
        flow_json_add_u64(writer, NULL, input->bytes_total);
        flow_json_add_u64(writer, NULL, input->bytes_plain);
        flow_json_add_u64(writer, NULL, input->records);
        flow_json_add_u64(writer, NULL, input->flows);
        flow_json_add_u64(writer, NULL, input->skipped);
        flow_json_add_u64(writer, NULL, input->damaged);
        flow_json_add_u64(writer, NULL, input->lost_reports);
        flow_json_add_u64(writer, NULL, input->lost);
        flow_json_add_u64(writer, NULL, input->node_status);
        flow_json_add_u64(writer, NULL, input->agent_events);
        flow_json_add_u64(writer, NULL, input->debug_events);
        flow_json_add_u64(writer, NULL, input->cut_short ? 1 : 0);
        flow_json_close(writer, ']');
        flow_json_close(writer, '}');
        end_line(output);
    }
}

static void
add_spans(struct output *output, const char *key, const struct flow_spans *spans)
{
    flow_json_open(&output->writer, key, '[');
    for (size_t i = 0; i < spans->count; i++) {
        flow_json_add_i64(&output->writer, NULL, spans->spans[i].from);
        flow_json_add_i64(&output->writer, NULL, spans->spans[i].until);
    }
    flow_json_close(&output->writer, ']');
}

static void
add_nodes(struct output *output, const struct flow_tally *tally)
{
    for (uint32_t i = 0; i < tally->node_names.count; i++) {
        const struct flow_node_seen *node = &tally->nodes[i];
        struct flow_json_writer *writer = &output->writer;

        if (tally->times[i].made) {
            continue;
        }
        flow_json_open(writer, NULL, '{');
        add_bytes(output, "node", node->name);
        flow_json_open(writer, "counts", '[');
        flow_json_add_u64(writer, NULL, node->flows);
        flow_json_add_u64(writer, NULL, node->lost);
        flow_json_add_u64(writer, NULL, node->state);
        flow_json_add_u64(writer, NULL, node->outages);
        flow_json_add_u64(writer, NULL, node->restarts);
        flow_json_close(writer, ']');
        flow_json_open(writer, "times", '[');
        add_time(output, NULL, node->first);
        add_time(output, NULL, node->last);
        add_time(output, NULL, node->lost_first);
        add_time(output, NULL, node->lost_last);
        add_time(output, NULL, node->state_since);
        add_time(output, NULL, node->restart_first);
        add_time(output, NULL, node->restart_last);
        flow_json_close(writer, ']');
        add_spans(output, "seen", &tally->times[i].seen);
        add_spans(output, "lost", &tally->times[i].lost);
        flow_json_close(writer, '}');
        end_line(output);
    }
}

static bool
add_name(void *context, const struct flow_name_span *name)
{
    struct output *output = context;
    char text[FLOW_ADDRESS_TEXT_MAX];

    flow_json_open(&output->writer, NULL, '{');
    add_bytes(output, "name", name->name);
    add_bytes(output, "node", name->node);
    flow_json_add_text(&output->writer, "address", flow_address_format(&name->address, text));
    flow_json_open(&output->writer, "times", '[');
    flow_json_add_i64(&output->writer, NULL, name->from);
    flow_json_add_i64(&output->writer, NULL, name->until);
    flow_json_close(&output->writer, ']');
    flow_json_close(&output->writer, '}');
    end_line(output);
    return output->rc == FLOW_OK;
}

static void
add_cells(struct output *output, const struct flow_state *state)
{
    for (uint32_t i = 0; i < state->keys.count && output->rc == FLOW_OK; i++) {
        const struct flow_cell *cell = &state->cells[i];
        struct flow_json_writer *writer = &output->writer;

        flow_json_open(writer, NULL, '{');
        flow_json_add_u64(writer, "flow", cell->message);
        flow_json_open(writer, "counts", '[');
        flow_json_add_u64(writer, NULL, cell->weight.flows);
        flow_json_add_u64(writer, NULL, cell->weight.bytes);
        flow_json_add_u64(writer, NULL, cell->span);
        flow_json_add_u64(writer, NULL, cell->capture.captured ? 1 : 0);
        flow_json_add_u64(writer, NULL, cell->capture.opener);
        flow_json_add_u64(writer, NULL, cell->capture.answer);
        flow_json_add_u64(writer, NULL, cell->capture.tunnel);
        flow_json_add_u64(writer, NULL, cell->capture.began_before ? 1 : 0);
        flow_json_add_u64(writer, NULL, cell->capture.goes_on ? 1 : 0);
        flow_json_close(writer, ']');
        flow_json_open(writer, "times", '[');
        add_time(output, NULL, cell->time);
        add_time(output, NULL, cell->weight.first);
        add_time(output, NULL, cell->weight.last);
        flow_json_close(writer, ']');
        flow_json_close(writer, '}');
        end_line(output);
    }
}

static void
add_messages(struct output *output, const struct flow_state *state)
{
    for (uint32_t i = 0; i < state->messages.count && output->rc == FLOW_OK; i++) {
        flow_json_open(&output->writer, NULL, '{');
        add_bytes(output, "message", flow_intern_text(&state->messages, i));
        flow_json_close(&output->writer, '}');
        end_line(output);
    }
}

/* What is behind it shows that nothing is missing before it. */
static void
add_end(struct output *output, uint64_t count)
{
    flow_json_open(&output->writer, NULL, '{');
    flow_json_add_u64(&output->writer, "end", count);
    flow_json_close(&output->writer, '}');
    end_line(output);
    flush(output);
}

static void
add_all(struct output *output, const struct flow_state *state, const struct flow_tally *tally,
        const struct flow_names *names, const struct flow_documents *documents)
{
    flow_json_open(&output->writer, NULL, '{');
    flow_json_add_text(&output->writer, "schema", FLOW_STATE_SCHEMA);
    flow_json_add_text(&output->writer, "version", flow_version());
    flow_json_add_bool(&output->writer, "unreadable", state->unreadable);
    flow_json_add_u64(&output->writer, "aggregated", tally->totals.aggregated);
    flow_json_close(&output->writer, '}');
    end_line(output);
    add_documents(output, documents);
    add_inputs(output, tally);
    add_nodes(output, tally);
    if (names != NULL) {
        flow_names_each(names, add_name, output);
    }
    add_messages(output, state);
    add_cells(output, state);
    add_end(output, state->keys.count);
}

/* Hands out what was written to memory; the buffer keeps it. */
static int
hand_out(const struct output *output, struct flow_buf *kept, struct flow_str *bytes,
         struct flow_error *err)
{
    flow_buf_free(kept);
    *kept = output->text;
    if (kept->failed) {
        return flow_fail_memory(err);
    }
    *bytes = flow_buf_str(kept);
    return FLOW_OK;
}

int
flow_state_encode(struct flow_state *state, const struct flow_tally *tally,
                  const struct flow_names *names, const struct flow_documents *documents,
                  struct flow_str *bytes, struct flow_error *err)
{
    struct output output = { .err = err };

    output.writer.out = &output.text;
    add_all(&output, state, tally, names, documents);
    return hand_out(&output, &state->encoded, bytes, err);
}

int
flow_documents_encode(struct flow_documents *documents, struct flow_str *bytes,
                      struct flow_error *err)
{
    struct output output = { .err = err };

    output.writer.out = &output.text;
    flow_json_open(&output.writer, NULL, '{');
    flow_json_add_text(&output.writer, "schema", FLOW_DOCUMENTS_SCHEMA);
    flow_json_add_text(&output.writer, "version", flow_version());
    flow_json_close(&output.writer, '}');
    end_line(&output);
    add_documents(&output, documents);
    add_end(&output, 0);
    return hand_out(&output, &documents->encoded, bytes, err);
}

int
flow_state_write(const struct flow_state *state, const struct flow_tally *tally,
                 const struct flow_names *names, const struct flow_documents *documents,
                 const char *path, struct flow_error *err)
{
    struct output output = { .path = path, .err = err };

    output.writer.out = &output.text;
    output.fd = flow_open_output(path);
    if (output.fd < 0) {
        flow_fail_system(err, errno, "cannot write");
        flow_error_set_input(err, path);
        return FLOW_E_SYSTEM;
    }
    add_all(&output, state, tally, names, documents);
    flow_buf_free(&output.text);
    if (output.fd > STDERR_FILENO && close(output.fd) != 0 && output.rc == FLOW_OK) {
        flow_fail_system(err, errno, "cannot write");
        flow_error_set_input(err, path);
        output.rc = FLOW_E_SYSTEM;
    }
    return output.rc;
}
