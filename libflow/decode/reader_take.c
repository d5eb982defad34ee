/* SPDX-License-Identifier: Apache-2.0 */
/* Records out of the bytes of an input, by decoders that are handed them or read by themselves. */
#include <string.h>

#include "base/error.h"
#include "decode/reader.h"

/* Bytes for a decoder that reads by itself: those of the window first, then the input's. */
static int
feed_bytes(void *context, void *at, size_t room, size_t *got, struct flow_error *err)
{
    struct flow_reader *reader = context;
    const size_t left = (size_t)(reader->window.end - reader->window.at);
    int rc;

    if (left > 0) {
        *got = left < room ? left : room;
        memcpy(at, reader->window.at, *got);
        reader->window.at += *got;
        return FLOW_OK;
    }
    *got = 0;
    if (reader->told_end || reader->broken) {
        return FLOW_END;
    }
    rc = flow_bytes_read(reader->bytes, at, room, got, err);
    if (rc < 0) {
        flow_reader_current(reader)->stats.cut_short = true;
    }
    return rc;
}

/* The next record of a decoder that reads by itself. */
static int
pull_record(struct flow_reader *reader, struct flow_batch *batch, struct flow_record *record,
            struct flow_error *problem)
{
    reader->feed = (struct flow_feed){ reader, feed_bytes };
    return reader->decoder->ops->pull(reader->decoder, &reader->feed, batch, record, problem);
}

bool
flow_reader_waits_for_all(const struct flow_reader *reader)
{
    return reader->decoder->ops->pull != NULL && reader->pushed != NULL &&
           !flow_source_push_ended(reader->pushed);
}

static void
count_record(struct flow_input_stats *stats, const struct flow_record *record)
{
    stats->records++;
    switch (record->kind) {
    case FLOW_KIND_FLOW:
        stats->flows++;
        break;
    case FLOW_KIND_LOST_EVENTS:
        stats->lost_reports++;
        stats->lost += record->lost->count;
        break;
    case FLOW_KIND_NODE_STATUS:
        stats->node_status++;
        break;
    case FLOW_KIND_AGENT_EVENT:
        stats->agent_events++;
        break;
    case FLOW_KIND_NAMES:
        break;
    default:
        stats->debug_events++;
        break;
    }
}

int
flow_reader_take(struct flow_reader *reader, struct flow_batch *batch, struct flow_error *err)
{
    struct flow_input_stats *stats = &flow_reader_current(reader)->stats;
    struct flow_error problem;
    struct flow_record *record;

    while ((record = flow_batch_begin(batch)) != NULL) {
        const int rc = reader->decoder->ops->pull != NULL
                           ? pull_record(reader, batch, record, &problem)
                           : reader->decoder->ops->take(reader->decoder, &reader->window, batch,
                                                        record, &problem);

        if (rc == FLOW_AGAIN || rc == FLOW_END) {
            return rc;
        }
        if (rc == FLOW_E_MEMORY) {
            return flow_fail_memory(err);
        }
        if (rc < 0 && reader->decoder->ops->pull != NULL) {
            stats->cut_short |= rc == FLOW_E_TRUNCATED;
            flow_reader_tell(reader, batch, &problem);
            continue;
        }
        if (rc < 0) {
            const bool cut = rc == FLOW_E_TRUNCATED && reader->window.last &&
                             reader->window.at == reader->window.end;

            stats->cut_short |= cut;
            if (!cut || !reader->broken) {
                flow_reader_tell(reader, batch, &problem);
            }
            continue;
        }
        if (reader->seen != NULL && flow_reader_is_again(reader, record)) {
            continue;
        }
        count_record(stats, record);
        record->input = reader->input_count - 1;
        record->number = stats->records + stats->damaged + stats->skipped;
        if (reader->buffer != NULL) {
            flow_batch_keep(batch, reader->buffer);
        }
        flow_batch_commit(batch);
    }
    return FLOW_OK;
}
