/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers over sources that are not there as a whole: a live stream, with what was seen of it, and
 * bytes that the caller pushes.
 */
#include "decode/reader.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "source/live.h"

static int64_t
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int64_t
resume_since(void *context)
{
    return flow_seen_since(((struct flow_reader *)context)->seen);
}

static void
connected(void *context)
{
    flow_seen_connected(((struct flow_reader *)context)->seen, now());
}

void
flow_reader_note_arrival(struct flow_reader *reader)
{
    reader->arrival = now();
}

bool
flow_reader_is_again(struct flow_reader *reader, const struct flow_record *record)
{
    return flow_seen_add(reader->seen, record, reader->arrival);
}

int
flow_reader_open_live(struct flow_reader **out, const struct flow_live_options *options,
                      const struct flow_reader_options *reader_options, struct flow_error *err)
{
    struct flow_live_hooks hooks = { .since = resume_since, .connected = connected };
    struct flow_reader *reader = NULL;
    struct flow_source *source;
    int rc = flow_reader_new(&reader, reader_options, err);

    if (rc != FLOW_OK) {
        return rc;
    }
    hooks.context = reader;
    rc = flow_seen_new(&reader->seen, err);
    reader->kept = calloc(1, sizeof(*reader->kept));
    if (rc == FLOW_OK && reader->kept == NULL) {
        rc = flow_fail_memory(err);
    }
    if (rc == FLOW_OK) {
        rc = flow_source_open_live(&source, options, &hooks, reader->options.wait, err);
    }
    if (rc == FLOW_OK) {
        rc = flow_reader_set_source(
            reader, source, options->server != NULL ? options->server : "localhost:4245", err);
    }
    if (rc != FLOW_OK) {
        flow_reader_close(reader);
        return rc;
    }
    *out = reader;
    return FLOW_OK;
}

int
flow_reader_open_live_uri(struct flow_reader **out, const char *uri,
                          const struct flow_reader_options *options, struct flow_error *err)
{
    struct flow_live_options live;

    flow_live_options_init(&live, sizeof(live));
    live.server = uri;
    live.follow = false;
    live.last = UINT64_MAX;
    return flow_reader_open_live(out, &live, options, err);
}

void
flow_reader_keep_live_stats(struct flow_reader *reader)
{
    reader->live->ops->live_stats(reader->live, reader->kept);
    reader->kept->connected = false;
    reader->live = NULL;
}

int
flow_reader_live_stats(const struct flow_reader *reader, struct flow_live_stats *stats)
{
    struct flow_seen_stats seen;

    if (reader->seen == NULL) {
        return FLOW_E_ARGUMENT;
    }
    *stats = *reader->kept;
    if (reader->live != NULL) {
        reader->live->ops->live_stats(reader->live, stats);
    }
    flow_seen_stats(reader->seen, &seen);
    stats->duplicates = seen.duplicates;
    stats->gaps = seen.gaps;
    stats->gap_first = seen.gap_first;
    stats->gap_last = seen.gap_last;
    stats->lag = seen.lag;
    return FLOW_OK;
}

void
flow_reader_add_live_stats(const struct flow_reader *reader, struct flow_input_stats *stats)
{
    struct flow_live_stats live;

    stats->gap_first = stats->gap_last = FLOW_TIME_NONE;
    if (flow_reader_live_stats(reader, &live) == FLOW_OK) {
        stats->live = true;
        stats->connections = live.connections;
        stats->came_again = live.duplicates;
        stats->gaps = live.gaps;
        stats->gap_first = live.gap_first;
        stats->gap_last = live.gap_last;
        stats->refused = live.refused;
    }
}

int
flow_reader_open_push(struct flow_reader **out, const char *name,
                      const struct flow_reader_options *options, struct flow_error *err)
{
    struct flow_reader *reader = NULL;
    struct flow_source *source;
    int rc = flow_reader_new(&reader, options, err);

    if (rc != FLOW_OK) {
        return rc;
    }
    rc = flow_source_open_push(&source, err);
    if (rc == FLOW_OK) {
        rc = flow_reader_set_source(reader, source, name != NULL ? name : "<memory>", err);
    }
    if (rc != FLOW_OK) {
        flow_reader_close(reader);
        return rc;
    }
    reader->pushed = source;
    *out = reader;
    return FLOW_OK;
}

int
flow_reader_push(struct flow_reader *reader, const void *bytes, size_t len, struct flow_error *err)
{
    if (reader->pushed == NULL) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected a reader that bytes are pushed to");
    }
    return flow_source_push(reader->pushed, bytes, len, err);
}

void
flow_reader_push_end(struct flow_reader *reader)
{
    if (reader->pushed != NULL) {
        flow_source_push_end(reader->pushed);
    }
}
