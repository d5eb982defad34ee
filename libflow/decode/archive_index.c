/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a frame of an archive can be passed over, by its index and the filter. */
#include "decode/archive_index.h"

#include <string.h>
#include <zlib.h>

#include "archive.pb-c.h"
#include "base/str.h"
#include "hubble_flow.pb-c.h"
#include "libflow/time.h"

/* The message behind the tag and the checksum; NULL when it is not ours or damaged. */
static Libflow__FrameIndex *
unpack(struct flow_str index)
{
    const uint8_t *bytes = (const uint8_t *)index.ptr;
    const size_t len = index.len - FLOW_ARCHIVE_INDEX_HEAD_BYTES;
    uint32_t sum;

    if (index.len < FLOW_ARCHIVE_INDEX_HEAD_BYTES ||
        memcmp(bytes, FLOW_ARCHIVE_INDEX_TAG, 4) != 0) {
        return NULL;
    }
    sum = bytes[4] | (uint32_t)bytes[5] << 8 | (uint32_t)bytes[6] << 16 | (uint32_t)bytes[7] << 24;
    if (crc32(0, bytes + FLOW_ARCHIVE_INDEX_HEAD_BYTES, (uInt)len) != sum) {
        return NULL;
    }
    return libflow__frame_index__unpack(NULL, len, bytes + FLOW_ARCHIVE_INDEX_HEAD_BYTES);
}

/* Whether every alternative of a filter of times leaves the frame out. */
static bool
outside(const Libflow__FrameIndex *index, const struct flow_filter *filter, const char *name,
        bool since)
{
    const size_t count = flow_filter_count(filter, name);
    const bool timeless = index->first == 0 && index->last == 0;
    int64_t time;

    for (size_t i = 0; i < count; i++) {
        if (flow_time_parse(&time, flow_str_of(flow_filter_value(filter, name, i)), NULL) !=
                FLOW_OK ||
            (!timeless && (since ? index->last >= time : index->first <= time))) {
            return false;
        }
    }
    return count > 0;
}

static bool
without_namespace(const Libflow__FrameIndex *index, const struct flow_filter *filter,
                  const char *name)
{
    const size_t count = flow_filter_count(filter, name);

    if (index->more_namespaces) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t n = 0; n < index->n_namespaces; n++) {
            if (strcmp(index->namespaces[n], flow_filter_value(filter, name, i)) == 0) {
                return false;
            }
        }
    }
    return count > 0;
}

bool
flow_archive_may_skip(struct flow_str bytes, const struct flow_filter *filter,
                      struct flow_archive_skip *skip)
{
    Libflow__FrameIndex *index = unpack(bytes);
    bool may;

    if (index == NULL) {
        return false;
    }
    *skip = (struct flow_archive_skip){ index->packed_bytes, index->records };
    may = index->records == index->flows && index->packed_bytes > 0 &&
          (outside(index, filter, "since", true) || outside(index, filter, "until", false) ||
           without_namespace(index, filter, "namespace") ||
           without_namespace(index, filter, "from-namespace") ||
           without_namespace(index, filter, "to-namespace"));
    libflow__frame_index__free_unpacked(index, NULL);
    return may;
}
