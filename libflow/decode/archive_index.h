/* SPDX-License-Identifier: Apache-2.0 */
/* The index before a frame of an archive (libflow/proto/archive.proto), read. */
#ifndef FLOW_DECODE_ARCHIVE_INDEX_H
#define FLOW_DECODE_ARCHIVE_INDEX_H

#include "libflow/filter.h"

/* A skippable frame of zstd; sixteen numbers are free for anyone's use. */
#define FLOW_ARCHIVE_INDEX_MAGIC 0x184d2a5du
#define FLOW_ARCHIVE_INDEX_TAG "LFIX"
enum { FLOW_ARCHIVE_INDEX_HEAD_BYTES = 8 };

/* What passing over a frame saves. */
struct flow_archive_skip {
    uint64_t packed_bytes; /* of the frame */
    uint64_t records;
};

/*
 * Whether no record of the frame behind this index passes the filter, and none is of another kind
 * than a flow. false for bytes that are no index, or a damaged one: such a frame is read.
 */
bool flow_archive_may_skip(struct flow_str index, const struct flow_filter *filter,
                           struct flow_archive_skip *skip);

#endif
