/* SPDX-License-Identifier: Apache-2.0 */
/* Writers: each record's message, converted where it must be, into the file of a format. */
#include "libflow/writer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "encode/archive.h"
#include "encode/output.h"
#include "encode/record.h"
#include "encode/transcode.h"
#include "libflow/time.h"
#include "model/batch.h"

enum { FLUSH_BYTES = 64 << 10 };

struct format {
    const char *name;
    bool json, archive;
};

static const struct format formats[] = {
    { "json", true, false },
    { "protobuf", false, false },
    { "archive", false, true },
};

struct flow_writer {
    const struct format *format;
    struct flow_writer_options options;
    struct flow_output_file file;
    struct flow_archive *archive; /* of an archive */
    struct flow_buf out;          /* what is not in the file yet, of the others */
    struct flow_buf message;      /* of one record */
    struct flow_buf between;      /* its protobuf, on the way to JSON */
    struct flow_arena arena;
    struct flow_left_out left;
    struct flow_writer_stats stats;
    int64_t frame_began; /* monotonic; of the open frame */
    bool finished;
};

int
flow_writer_options_init(struct flow_writer_options *options, size_t size)
{
    if (options == NULL || size != sizeof(*options)) {
        return FLOW_E_ARGUMENT;
    }
    *options = (struct flow_writer_options){
        .size = size,
        .frame_bytes = (size_t)1 << 20,
        .frame_interval = 5 * (int64_t)1000000000,
        .level = 3,
    };
    return FLOW_OK;
}

static int64_t
now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int
flow_writer_open(struct flow_writer **out, const char *format, const char *path,
                 const struct flow_writer_options *options, struct flow_error *err)
{
    struct flow_writer *writer;
    size_t i = 0;
    int rc;

    *out = NULL;
    while (i < sizeof(formats) / sizeof(formats[0]) && strcmp(formats[i].name, format) != 0) {
        i++;
    }
    if (i == sizeof(formats) / sizeof(formats[0])) {
        return flow_fail(err, FLOW_E_ARGUMENT,
                         "expected the format json, protobuf or archive, found \"%.40s\"", format);
    }
    if (options != NULL && options->size != sizeof(*options)) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected writer options of this version");
    }
    writer = calloc(1, sizeof(*writer));
    if (writer == NULL) {
        return flow_fail_memory(err);
    }
    writer->format = &formats[i];
    flow_writer_options_init(&writer->options, sizeof(writer->options));
    if (options != NULL) {
        writer->options = *options;
    }
    rc = flow_output_file_init(&writer->file, path, writer->options.keep, err);
    if (rc == FLOW_OK && writer->format->archive) {
        rc = flow_archive_new(&writer->archive, writer->options.level, err);
    }
    rc = rc == FLOW_OK ? flow_output_file_open(&writer->file, err) : rc;
    if (rc != FLOW_OK) {
        flow_writer_close(writer);
        return rc;
    }
    *out = writer;
    return FLOW_OK;
}

/* JSON on one line, without the spaces between its parts. */
static void
add_compact(struct flow_buf *out, struct flow_str text)
{
    bool inside = false;
    size_t start = 0;

    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];

        if (inside) {
            i += c == '\\' ? 1 : 0;
            inside = c != '"';
        } else if (c == '"') {
            inside = true;
        } else if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
            flow_buf_add(out, text.ptr + start, i - start);
            start = i + 1;
        }
    }
    flow_buf_add(out, text.ptr + start, text.len - start);
}

/* A bare flow is wrapped as exporters do, with the two members that stand beside it. */
static void
add_wrapped(struct flow_buf *out, const struct flow_record *record)
{
    struct flow_json_writer writer = { .out = out, .comma = true };

    flow_buf_add_text(out, "{\"flow\":");
    add_compact(out, record->raw);
    if (record->node_name.len > 0) {
        flow_json_add_str(&writer, "node_name", record->node_name);
    }
    if (record->time != FLOW_TIME_NONE) {
        flow_json_add_time(&writer, "time", record->time);
    }
    flow_buf_add_char(out, '}');
}

/* The record as an object, into the message. */
static int
make_json(struct flow_writer *writer, const struct flow_record *record, struct flow_error *err)
{
    struct flow_str proto = record->raw;

    if (record->encoding == FLOW_ENCODING_HUBBLE_JSON) {
        struct flow_json json;

        flow_json_init(&json, (const uint8_t *)record->raw.ptr, record->raw.len, &writer->arena);
        if (flow_json_is_bare_flow(json)) {
            add_wrapped(&writer->message, record);
        } else {
            add_compact(&writer->message, record->raw);
        }
        return FLOW_OK;
    }
    if (record->encoding == FLOW_ENCODING_NONE) {
        flow_buf_reset(&writer->between);
        flow_record_to_proto(record, &writer->between);
        if (writer->between.failed) {
            return flow_fail_memory(err);
        }
        proto = flow_buf_str(&writer->between);
    }
    return flow_proto_to_json(proto, &writer->arena, &writer->message, &writer->left, err)
               ? FLOW_OK
               : err->status;
}

/* The record as protobuf, into the message. */
static int
make_proto(struct flow_writer *writer, const struct flow_record *record, struct flow_error *err)
{
    struct flow_json json;

    switch (record->encoding) {
    case FLOW_ENCODING_HUBBLE_PROTOBUF:
        flow_buf_add_str(&writer->message, record->raw);
        return FLOW_OK;
    case FLOW_ENCODING_HUBBLE_JSON:
        flow_json_init(&json, (const uint8_t *)record->raw.ptr, record->raw.len, &writer->arena);
        return flow_json_to_proto(&json, &writer->message, &writer->left)
                   ? FLOW_OK
                   : flow_json_error(&json, (const uint8_t *)record->raw.ptr, err);
    default:
        flow_record_to_proto(record, &writer->message);
        return FLOW_OK;
    }
}

static int
flush(struct flow_writer *writer, struct flow_error *err)
{
    int rc = flow_output_file_open(&writer->file, err);

    if (rc == FLOW_OK && writer->out.len > 0) {
        rc = flow_output_file_write(&writer->file, writer->out.ptr, writer->out.len, err);
    }
    flow_buf_reset(&writer->out);
    return rc;
}

/* Whether the file has come to its end, by size or by time. */
static bool
is_full(const struct flow_writer *writer)
{
    const struct flow_writer_options *options = &writer->options;
    const struct flow_output_file *file = &writer->file;

    return file->fd >= 0 && file->path != NULL && file->bytes > 0 &&
           ((options->rotate_bytes > 0 && file->bytes >= options->rotate_bytes) ||
            (options->rotate_interval > 0 &&
             now(CLOCK_REALTIME) - file->opened >= options->rotate_interval));
}

/* Ends the frame, and the file when it is full. */
static int
end_piece(struct flow_writer *writer, struct flow_error *err)
{
    int rc = writer->archive != NULL ? flow_archive_end_frame(writer->archive, &writer->file, err)
                                     : flush(writer, err);

    if (rc == FLOW_OK && is_full(writer)) {
        if (writer->archive != NULL) {
            rc = flow_archive_end_file(writer->archive, &writer->file, err);
        }
        rc = rc == FLOW_OK ? flow_output_file_rotate(&writer->file, err) : rc;
    }
    return rc;
}

static size_t
open_bytes(const struct flow_writer *writer)
{
    return writer->archive != NULL ? flow_archive_open_bytes(writer->archive) : writer->out.len;
}

static int
put_message(struct flow_writer *writer, const struct flow_record *record, struct flow_error *err)
{
    const size_t most = writer->archive != NULL ? writer->options.frame_bytes : FLUSH_BYTES;

    if (open_bytes(writer) == 0) {
        writer->frame_began = now(CLOCK_MONOTONIC);
    }
    if (writer->archive != NULL) {
        if (!flow_archive_add(writer->archive, record, flow_buf_str(&writer->message))) {
            return flow_fail_memory(err);
        }
    } else {
        if (!writer->format->json) {
            flow_proto_add_varint(&writer->out, writer->message.len);
        }
        flow_buf_add_str(&writer->out, flow_buf_str(&writer->message));
        if (writer->format->json) {
            flow_buf_add_char(&writer->out, '\n');
        }
        if (writer->out.failed) {
            return flow_fail_memory(err);
        }
    }
    return open_bytes(writer) >= most ? end_piece(writer, err) : FLOW_OK;
}

static int
write_record(struct flow_writer *writer, const struct flow_record *record, struct flow_error *err)
{
    int rc;

    flow_buf_reset(&writer->message);
    rc = writer->format->json ? make_json(writer, record, err) : make_proto(writer, record, err);
    if (rc == FLOW_E_MEMORY || writer->message.failed) {
        return flow_fail_memory(err);
    }
    if (rc != FLOW_OK) {
        writer->stats.failed++;
        return FLOW_OK;
    }
    writer->stats.records++;
    writer->stats.flows += record->kind == FLOW_KIND_FLOW ? 1 : 0;
    return put_message(writer, record, err);
}

int
flow_writer_write(struct flow_writer *writer, const struct flow_batch *batch,
                  struct flow_error *err)
{
    int rc = FLOW_OK;

    for (size_t i = 0; rc == FLOW_OK && i < flow_batch_count(batch); i++) {
        rc = write_record(writer, flow_batch_at(batch, i), err);
    }
    flow_arena_reset(&writer->arena);
    return rc;
}

int
flow_writer_tick(struct flow_writer *writer, struct flow_error *err)
{
    const bool old = open_bytes(writer) > 0 &&
                     now(CLOCK_MONOTONIC) - writer->frame_began >= writer->options.frame_interval;

    return old || is_full(writer) ? end_piece(writer, err) : FLOW_OK;
}

int
flow_writer_finish(struct flow_writer *writer, struct flow_error *err)
{
    int rc;

    if (writer->finished) {
        return FLOW_OK;
    }
    writer->finished = true;
    if (writer->archive != NULL) {
        rc = flow_archive_end_frame(writer->archive, &writer->file, err);
        /* the table is written also when a frame was not: those before it are there */
        if (writer->file.fd >= 0) {
            const int table =
                flow_archive_end_file(writer->archive, &writer->file, rc == FLOW_OK ? err : NULL);

            rc = rc == FLOW_OK ? table : rc;
        }
    } else {
        rc = flush(writer, err);
    }
    return rc == FLOW_OK ? flow_output_file_end(&writer->file, err) : rc;
}

void
flow_writer_close(struct flow_writer *writer)
{
    if (writer != NULL) {
        flow_output_file_free(&writer->file);
        flow_archive_free(writer->archive);
        flow_buf_free(&writer->out);
        flow_buf_free(&writer->message);
        flow_buf_free(&writer->between);
        flow_arena_free(&writer->arena);
        free(writer);
    }
}

void
flow_writer_stats(const struct flow_writer *writer, struct flow_writer_stats *stats)
{
    *stats = writer->stats;
    stats->bytes = writer->file.all_bytes;
    stats->files = writer->file.files;
    stats->frames = writer->archive != NULL ? flow_archive_frames(writer->archive) : 0;
    stats->left_out = writer->left.count;
    memcpy(stats->left_out_names, writer->left.names, sizeof(stats->left_out_names));
}
