/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the flows of an archive, or of any other input, from a time on; frames of the archive that
 * end before it are not even decompressed: example_archive FILE TIME
 */
#include <libflow/libflow.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
    struct flow_reader_options options;
    struct flow_filter *filter = NULL;
    struct flow_reader *reader = NULL;
    struct flow_batch *batch = NULL;
    struct flow_input_stats stats;
    struct flow_error err;
    unsigned long long flows = 0;
    int rc;

    if (argc != 3) {
        fprintf(stderr, "usage: %s FILE TIME\n", argv[0]);
        return 2;
    }
    flow_reader_options_init(&options, sizeof(options));
    if ((rc = flow_filter_new(&filter, &err)) == FLOW_OK &&
        (rc = flow_filter_add(filter, "since", argv[2], &err)) == FLOW_OK &&
        (options.filter = filter) != NULL &&
        (rc = flow_reader_open(&reader, argv[1], &options, &err)) == FLOW_OK &&
        (rc = flow_batch_new(&batch, &err)) == FLOW_OK) {
        while ((rc = flow_reader_next(reader, batch, &err)) == FLOW_OK) {
            flow_filter_run(filter, batch);
            for (size_t i = 0; i < flow_batch_count(batch); i++) {
                flows += flow_batch_at(batch, i)->kind == FLOW_KIND_FLOW ? 1 : 0;
            }
        }
        flow_reader_input(reader, 0, &stats);
        printf("%llu flows since %s, %llu records passed over\n", flows, argv[2],
               (unsigned long long)stats.skipped);
    }
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", err.input, err.message);
    }
    flow_batch_free(batch);
    flow_reader_close(reader);
    flow_filter_free(filter);
    return rc == FLOW_END ? 0 : 1;
}
