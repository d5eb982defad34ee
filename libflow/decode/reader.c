/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers: the inputs one after the other, their bytes into one buffer, the buffer's messages into
 * batches. A record points into the buffer, so a batch has records of one filling of the buffer
 * alone, and a buffer that a batch holds on to is left to it.
 */
#include "libflow/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "decode/archive_index.h"
#include "decode/reader.h"
#include "decode/scan.h"
#include "source/live.h"

/* Bytes that tell the format. */
enum { HEAD_BYTES = 512 };

int
flow_reader_options_init(struct flow_reader_options *options, size_t size)
{
    if (options == NULL || size != sizeof(*options)) {
        return FLOW_E_ARGUMENT;
    }
    memset(options, 0, sizeof(*options));
    options->size = size;
    options->wait = -1;
    options->threads = 1;
    return FLOW_OK;
}

static void
keep_problem(void *context, const struct flow_error *problem)
{
    flow_batch_add_problem(context, problem);
}

int
flow_reader_new(struct flow_reader **out, const struct flow_reader_options *options,
                struct flow_error *err)
{
    struct flow_reader *reader;
    int rc = FLOW_OK;

    if (options != NULL && options->size != sizeof(*options)) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected reader options of this version");
    }
    reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return flow_fail_memory(err);
    }
    flow_reader_options_init(&reader->options, sizeof(reader->options));
    if (options != NULL) {
        reader->options = *options;
    }
    reader->id = flow_hash_seed() | 1;
    reader->dict = reader->options.dict;
    if (reader->dict == NULL) {
        reader->owns_dict = true;
        rc = flow_dict_new(&reader->dict, err);
    }
    if (rc == FLOW_OK) {
        rc = flow_batch_new(&reader->early, err);
    }
    if (rc != FLOW_OK) {
        flow_reader_close(reader);
        return rc;
    }
    *out = reader;
    return FLOW_OK;
}

int
flow_reader_open(struct flow_reader **out, const char *uri,
                 const struct flow_reader_options *options, struct flow_error *err)
{
    struct flow_path_options path_options = { .problem = keep_problem };
    struct flow_reader *reader = NULL;
    int rc;

    if (flow_source_is_live(uri)) {
        return flow_reader_open_live_uri(out, uri, options, err);
    }
    rc = flow_reader_new(&reader, options, err);
    if (rc != FLOW_OK) {
        return rc;
    }
    path_options.context = reader->early;
    rc = flow_path_list_add(&reader->paths, uri, &path_options, err);
    if (rc == FLOW_OK && reader->paths.count == 1 && strcmp(reader->paths.paths[0], uri) == 0) {
        rc = flow_source_open(&reader->waiting, uri, err);
    }
    if (rc != FLOW_OK) {
        flow_reader_close(reader);
        return rc;
    }
    *out = reader;
    return FLOW_OK;
}

int
flow_reader_open_memory(struct flow_reader **out, const void *bytes, size_t len,
                        const struct flow_reader_options *options, struct flow_error *err)
{
    struct flow_reader *reader = NULL;
    struct flow_source *source;
    int rc = flow_reader_new(&reader, options, err);

    if (rc != FLOW_OK) {
        return rc;
    }
    rc = flow_source_open_memory(&source, (struct flow_str){ bytes, len }, reader->options.chunk,
                                 err);
    if (rc == FLOW_OK) {
        rc = flow_reader_set_source(reader, source, "<memory>", err);
    }
    if (rc != FLOW_OK) {
        flow_reader_close(reader);
        return rc;
    }
    *out = reader;
    return FLOW_OK;
}

int
flow_reader_set_source(struct flow_reader *reader, struct flow_source *source, const char *name,
                       struct flow_error *err)
{
    const struct flow_path_options path_options = { .problem = NULL };
    /* it is not looked for as a path: it may look like a directory's */
    const int rc = flow_path_list_add(&reader->paths, "-", &path_options, err);
    char *copy = rc == FLOW_OK ? strdup(name) : NULL;

    if (copy == NULL) {
        flow_source_close(source);
        return rc == FLOW_OK ? flow_fail_memory(err) : rc;
    }
    free(reader->paths.paths[0]);
    reader->paths.paths[0] = copy;
    reader->waiting = source;
    return FLOW_OK;
}

/* The input's name as its statistics have it. */
static int
add_input(struct flow_reader *reader, const char *name, struct flow_error *err)
{
    struct flow_reader_input *input;

    if (reader->input_count == reader->input_room) {
        const uint32_t room = reader->input_room == 0 ? 4 : reader->input_room * 2;
        struct flow_reader_input *grown = realloc(reader->inputs, room * sizeof(*grown));

        if (grown == NULL) {
            return flow_fail_memory(err);
        }
        reader->inputs = grown;
        reader->input_room = room;
    }
    input = &reader->inputs[reader->input_count];
    memset(input, 0, sizeof(*input));
    input->name = strdup(name);
    if (input->name == NULL) {
        return flow_fail_memory(err);
    }
    input->stats.name = input->name;
    input->stats.format = "unknown";
    input->stats.compression = "none";
    reader->input_count++;
    return FLOW_OK;
}

struct flow_reader_input *
flow_reader_current(struct flow_reader *reader)
{
    return &reader->inputs[reader->input_count - 1];
}

void
flow_reader_tell(struct flow_reader *reader, struct flow_batch *batch, struct flow_error *problem)
{
    struct flow_reader_input *input = flow_reader_current(reader);

    input->stats.damaged++;
    flow_error_set_input(problem, input->name);
    flow_batch_add_problem(batch, problem);
}

/* Whether the frame behind an archive's index is needed: how many bytes to pass over. */
static uint64_t
skip_frame(void *context, struct flow_str index)
{
    struct flow_reader *reader = context;
    struct flow_archive_skip skip;

    if (!flow_archive_may_skip(index, reader->options.filter, &skip)) {
        return 0;
    }
    flow_reader_current(reader)->stats.skipped += skip.records;
    return skip.packed_bytes;
}

/* Starts the next input. FLOW_END when there is none; what cannot be opened is a problem. */
static int
start_input(struct flow_reader *reader, struct flow_batch *batch, struct flow_error *err)
{
    struct flow_bytes_options bytes_options = {
        .digest = reader->options.digest,
        .skip_magic = FLOW_ARCHIVE_INDEX_MAGIC,
        .skip = reader->options.filter != NULL ? skip_frame : NULL,
        .skip_context = reader,
    };
    struct flow_source *source = reader->waiting;
    struct flow_error problem;
    const char *path;
    int rc;

    if (reader->next_path == reader->paths.count) {
        return FLOW_END;
    }
    path = reader->paths.paths[reader->next_path++];
    reader->waiting = NULL;
    rc = add_input(reader, path, err);
    if (rc != FLOW_OK) {
        flow_source_close(source);
        return rc;
    }
    if (source == NULL) {
        rc = flow_source_open(&source, path, &problem);
    }
    if (rc == FLOW_OK) {
        reader->format = source->ops->format;
        reader->live = source->ops->live_stats != NULL ? source : NULL;
        /* a pipe could keep the thread waiting when nobody waits for it any more */
        bytes_options.ahead = reader->options.threads > 1 && source->ops->may_go_ahead &&
                              source->ops->size(source) > 0;
        bytes_options.help = reader->help;
        rc = flow_bytes_open(&reader->bytes, source, &bytes_options, &problem);
    }
    if (rc != FLOW_OK) {
        flow_source_close(source);
        reader->bytes = NULL;
        flow_reader_current(reader)->stats.cut_short = true;
        flow_reader_tell(reader, batch, &problem);
        return rc == FLOW_E_MEMORY ? flow_fail_memory(err) : FLOW_OK;
    }
    reader->window = (struct flow_window){ NULL, NULL, false, 0, 1, 0 };
    reader->chosen = reader->told_end = reader->broken = false;
    return FLOW_OK;
}

static void
note_bytes(struct flow_reader *reader)
{
    struct flow_input_stats *stats = &flow_reader_current(reader)->stats;
    struct flow_bytes_stats bytes;

    flow_bytes_stats(reader->bytes, &bytes);
    stats->bytes_read = bytes.source_read;
    stats->bytes_total = bytes.source_size;
    stats->bytes_plain = bytes.plain;
    stats->compression = bytes.compression;
    stats->has_digest = bytes.digest_done;
    memcpy(stats->digest, bytes.digest, sizeof(stats->digest));
}

static void
end_input(struct flow_reader *reader)
{
    if (reader->options.digest) {
        flow_bytes_drain(reader->bytes, NULL);
    }
    note_bytes(reader);
    if (reader->live != NULL) {
        flow_reader_keep_live_stats(reader);
    }
    flow_bytes_close(reader->bytes);
    reader->bytes = NULL;
    reader->pushed = NULL;
    if (reader->decoder != NULL) {
        reader->decoder->ops->reset(reader->decoder);
    }
}

void
flow_reader_call(struct flow_reader *reader)
{
    if (reader->bytes != NULL) {
        flow_bytes_call(reader->bytes);
    }
}

/* Reads more of the input into the window. Damage of the stream is a problem; reading goes on. */
static int
fill_window(struct flow_reader *reader, struct flow_batch *batch, struct flow_error *err)
{
    struct flow_error problem;
    const int rc = flow_reader_fill(reader, &problem);

    if (rc == FLOW_E_MEMORY) {
        return flow_fail_memory(err);
    }
    reader->idle = rc == FLOW_AGAIN;
    if (reader->live != NULL) {
        flow_reader_note_arrival(reader);
    }
    if (reader->buffer != NULL) {
        memset((uint8_t *)reader->window.end, 0, FLOW_SCAN_PADDING);
    }
    if (rc == FLOW_END) {
        reader->told_end = true;
        reader->window.last = true;
    } else if (rc < 0) {
        flow_reader_current(reader)->stats.cut_short = true;
        flow_reader_tell(reader, batch, &problem);
        reader->told_end = rc == FLOW_E_SYSTEM || reader->live != NULL;
        reader->broken = reader->window.last = true;
    }
    return FLOW_OK;
}

/* Looks at the first bytes of the input. What no decoder reads is a problem and ends it. */
static int
choose_decoder(struct flow_reader *reader, struct flow_batch *batch, struct flow_error *err)
{
    const size_t len = (size_t)(reader->window.end - reader->window.at);
    /* no more than is always there, or the answer would depend on how much a read gave */
    const size_t head_len = len < HEAD_BYTES ? len : HEAD_BYTES;
    const struct flow_decoder_ops *ops;
    struct flow_error problem;
    int rc = FLOW_OK;

    ops = reader->format != NULL ? flow_decoder_named(reader->format) : NULL;
    if (ops == NULL) {
        rc = flow_decoder_find(&ops, reader->window.at, head_len, &problem);
    }

    if (rc != FLOW_OK) {
        flow_reader_tell(reader, batch, &problem);
        end_input(reader);
        return FLOW_OK;
    }
    if (reader->plain && ops == &flow_decoder_hubble_json) {
        ops = &flow_decoder_hubble_json_plain;
    }
    if (reader->decoder != NULL && reader->decoder->ops != ops) {
        reader->decoder->ops->close(reader->decoder);
        reader->decoder = NULL;
    }
    if (reader->decoder == NULL) {
        rc = ops->open(&reader->decoder, reader->dict, err);
    }
    flow_reader_current(reader)->stats.format = len > 0 ? ops->name : "unknown";
    reader->chosen = rc == FLOW_OK;
    return rc;
}

/* The window's bytes are all taken: the input ends here, or goes on behind a break of its bytes. */
static void
end_window(struct flow_reader *reader)
{
    if (reader->told_end || reader->decoder->ops->pull != NULL) {
        end_input(reader);
    } else {
        reader->broken = reader->window.last = false;
        reader->decoder->ops->reset(reader->decoder);
    }
}

/* One step: opens, reads or decodes. FLOW_AGAIN to go on, FLOW_OK to hand the batch out. */
static int
step(struct flow_reader *reader, struct flow_batch *batch, struct flow_error *err)
{
    int rc;

    if (reader->bytes == NULL) {
        rc = start_input(reader, batch, err);
        return rc == FLOW_OK ? FLOW_AGAIN : rc;
    }
    if (!reader->chosen) {
        if (reader->window.last || reader->format != NULL ||
            reader->window.end - reader->window.at >= HEAD_BYTES) {
            rc = choose_decoder(reader, batch, err);
        } else {
            rc = fill_window(reader, batch, err);
        }
        return rc == FLOW_OK ? FLOW_AGAIN : rc;
    }
    if (flow_reader_waits_for_all(reader)) {
        reader->idle = true;
        return FLOW_AGAIN;
    }
    rc = flow_reader_take(reader, batch, err);
    if (rc != FLOW_AGAIN && rc != FLOW_END) {
        return rc;
    }
    if (rc == FLOW_END) {
        end_window(reader);
    }
    if (batch->count > 0) {
        return FLOW_OK; /* the records point into a window that is used up */
    }
    rc = rc == FLOW_END ? FLOW_OK : fill_window(reader, batch, err);
    return rc == FLOW_OK ? FLOW_AGAIN : rc;
}

int
flow_reader_next(struct flow_reader *reader, struct flow_batch *batch, struct flow_error *err)
{
    int rc = FLOW_AGAIN;

    flow_batch_reset(batch, reader->dict);
    for (size_t i = 0; i < reader->early->problem_count; i++) {
        const struct flow_error *problem = flow_batch_problem_at(reader->early, i);

        /* what cannot be listed is an input too, one that could not be read */
        rc = add_input(reader, problem != NULL ? problem->input : "...", err);
        if (rc != FLOW_OK) {
            return rc;
        }
        flow_reader_current(reader)->stats.damaged++;
        flow_reader_current(reader)->stats.cut_short = true;
        if (problem != NULL) {
            flow_batch_add_problem(batch, problem);
        }
        rc = FLOW_AGAIN;
    }
    reader->early->problem_count = 0;
    reader->idle = false;
    while (rc == FLOW_AGAIN && !reader->idle && batch->problem_count < FLOW_BATCH_PROBLEMS_MAX) {
        rc = step(reader, batch, err);
    }
    if (reader->bytes != NULL) {
        note_bytes(reader);
    }
    if (rc == FLOW_END && (batch->count > 0 || batch->problem_count > 0)) {
        return FLOW_OK;
    }
    if (rc == FLOW_AGAIN && reader->idle && batch->problem_count == 0) {
        return FLOW_AGAIN;
    }
    return rc == FLOW_AGAIN ? FLOW_OK : rc;
}

void
flow_reader_close(struct flow_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->decoder != NULL) {
        reader->decoder->ops->close(reader->decoder);
    }
    flow_bytes_close(reader->bytes);
    flow_source_close(reader->waiting);
    flow_path_list_free(&reader->paths);
    for (uint32_t i = 0; i < reader->input_count; i++) {
        free(reader->inputs[i].name);
    }
    free(reader->inputs);
    flow_buffer_release(reader->buffer);
    for (size_t i = 0; i < FLOW_READER_SPARES; i++) {
        flow_buffer_release(reader->spares[i]);
    }
    flow_batch_free(reader->early);
    flow_seen_free(reader->seen);
    free(reader->kept);
    if (reader->owns_dict) {
        flow_dict_free(reader->dict);
    }
    free(reader);
}

uint64_t
flow_reader_id(const struct flow_reader *reader)
{
    return reader->id;
}

struct flow_dict *
flow_reader_dict(const struct flow_reader *reader)
{
    return reader->dict;
}

uint32_t
flow_reader_input_count(const struct flow_reader *reader)
{
    return reader->input_count;
}

int
flow_reader_input(const struct flow_reader *reader, uint32_t input, struct flow_input_stats *stats)
{
    if (input >= reader->input_count) {
        return FLOW_E_ARGUMENT;
    }
    *stats = reader->inputs[input].stats;
    flow_reader_add_live_stats(reader, stats);
    return FLOW_OK;
}
