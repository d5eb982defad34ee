/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an input of the reader: delimited protobuf, archives, captures. However they arrive
 * they are the same records and problems; what an index lets the reader pass over is what the
 * filter would leave out. The bytes are an index too.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <zlib.h>

#include "decode/archive_index.h"
#include "fuzz_check.h"
#include "libflow/libflow.h"

enum { RECORDS_MAX = 100000 };

struct outcome {
    uint64_t records, problems; /* hashes */
    uint64_t record_count, problem_count;
};

static struct outcome
read_all(const uint8_t *data, size_t size, size_t chunk, const struct flow_filter *filter,
         const struct flow_filter *skip)
{
    struct outcome outcome = { FUZZ_HASH, FUZZ_HASH, 0, 0 };
    struct flow_reader_options options;
    struct flow_reader *reader;
    struct flow_batch *batch;
    struct flow_error err;

    flow_reader_options_init(&options, sizeof(options));
    options.chunk = chunk;
    options.filter = skip;
    HOLDS(flow_reader_open_memory(&reader, data, size, &options, &err) == FLOW_OK);
    HOLDS(flow_batch_new(&batch, &err) == FLOW_OK);
    while (outcome.record_count < RECORDS_MAX && flow_reader_next(reader, batch, &err) == FLOW_OK) {
        for (size_t i = 0; i < flow_batch_problem_count(batch); i++) {
            const struct flow_error *problem = flow_batch_problem_at(batch, i);

            outcome.problem_count++;
            if (problem != NULL) {
                fuzz_check_error(problem, "<memory>");
                outcome.problems = fuzz_hash_number(outcome.problems, problem->offset);
            }
        }
        if (filter != NULL) {
            flow_filter_run(filter, batch);
        }
        for (size_t i = 0; i < flow_batch_count(batch); i++) {
            outcome.records = fuzz_hash_record(outcome.records, flow_batch_at(batch, i));
            outcome.record_count++;
        }
    }
    flow_batch_free(batch);
    flow_reader_close(reader);
    return outcome;
}

/* The bytes as the content of an index, with the checksum that they should have. */
static void
look_at_index(const uint8_t *data, size_t size, const struct flow_filter *filter)
{
    char *index = malloc(FLOW_ARCHIVE_INDEX_HEAD_BYTES + size);
    const uint32_t sum = (uint32_t)crc32(0, data, (uInt)size);
    struct flow_archive_skip skip;

    HOLDS(index != NULL);
    memcpy(index, FLOW_ARCHIVE_INDEX_TAG, 4);
    for (unsigned i = 0; i < 4; i++) {
        index[4 + i] = (char)(sum >> (8 * i));
    }
    if (size > 0) {
        memcpy(index + FLOW_ARCHIVE_INDEX_HEAD_BYTES, data, size);
    }
    (void)flow_archive_may_skip((struct flow_str){ index, FLOW_ARCHIVE_INDEX_HEAD_BYTES + size },
                                filter, &skip);
    (void)flow_archive_may_skip((struct flow_str){ (const char *)data, size }, filter, &skip);
    free(index);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t chunks[] = { 1, 7, 64, 4096 };
    const struct outcome whole = read_all(data, size, 0, NULL, NULL);
    const size_t chunk = chunks[size % 4] < 1 + size / 500 ? 4096 : chunks[size % 4];
    const struct outcome pieces = read_all(data, size, chunk, NULL, NULL);
    struct outcome filtered, skipped;
    struct flow_filter *filter;
    struct flow_error err;

    HOLDS(whole.records == pieces.records && whole.record_count == pieces.record_count);
    HOLDS(whole.problems == pieces.problems && whole.problem_count == pieces.problem_count);
    HOLDS(flow_filter_new(&filter, &err) == FLOW_OK);
    HOLDS(flow_filter_add(filter, "since", "2026-09-01T10:00:02Z", &err) == FLOW_OK);
    HOLDS(flow_filter_add(filter, "namespace", "a", &err) == FLOW_OK);
    filtered = read_all(data, size, 0, filter, NULL);
    skipped = read_all(data, size, 0, filter, filter);
    /* damage inside a frame that is passed over is not met */
    HOLDS(filtered.problem_count > 0 ||
          (filtered.records == skipped.records && filtered.record_count == skipped.record_count));
    look_at_index(data, size, filter);
    flow_filter_free(filter);
    return 0;
}
