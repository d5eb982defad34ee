/* SPDX-License-Identifier: Apache-2.0 */
/* Prints flows as a server sends them: example_live ADDRESS [COUNT], such as unix:///var/run/... */
#include <libflow/libflow.h>
#include <stdio.h>
#include <stdlib.h>

static void
say(void *context, const struct flow_error *note)
{
    (void)context;
    fprintf(stderr, "%s: %s\n", note->input, note->message);
}

static void
print_flow(const struct flow_record *record)
{
    char time[FLOW_TIME_TEXT_MAX], from[FLOW_ADDRESS_TEXT_MAX], to[FLOW_ADDRESS_TEXT_MAX];

    printf("%s %s -> %s:%u %s\n", flow_time_format(record->time, time),
           flow_address_format(&record->source_address, from),
           flow_address_format(&record->destination_address, to), record->destination_port,
           flow_verdict_name(record->verdict));
}

int
main(int argc, char **argv)
{
    struct flow_live_options options;
    struct flow_reader *reader = NULL;
    struct flow_batch *batch = NULL;
    struct flow_live_stats stats;
    struct flow_error err;
    int rc;

    if (argc < 2) {
        fprintf(stderr, "usage: %s ADDRESS [COUNT]\n", argv[0]);
        return 2;
    }
    flow_live_options_init(&options, sizeof(options));
    options.server = argv[1];
    options.note = say;
    if (argc > 2) { /* so many of the newest, and no more */
        options.follow = false;
        options.last = strtoull(argv[2], NULL, 10);
    }
    if ((rc = flow_reader_open_live(&reader, &options, NULL, &err)) == FLOW_OK &&
        (rc = flow_batch_new(&batch, &err)) == FLOW_OK) {
        while ((rc = flow_reader_next(reader, batch, &err)) == FLOW_OK) {
            for (size_t i = 0; i < flow_batch_count(batch); i++) {
                if (flow_batch_at(batch, i)->kind == FLOW_KIND_FLOW) {
                    print_flow(flow_batch_at(batch, i));
                }
            }
            for (size_t i = 0; i < flow_batch_problem_count(batch); i++) {
                say(NULL, flow_batch_problem_at(batch, i));
            }
        }
        if (flow_reader_live_stats(reader, &stats) == FLOW_OK) {
            fprintf(stderr, "%llu connections, %llu gaps\n", (unsigned long long)stats.connections,
                    (unsigned long long)stats.gaps);
        }
    }
    if (rc < 0) {
        say(NULL, &err);
    }
    flow_batch_free(batch);
    flow_reader_close(reader);
    return rc == FLOW_END ? 0 : 1;
}
