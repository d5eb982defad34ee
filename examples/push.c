/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hands bytes to a reader as they come, from wherever a program has them, and writes an archive:
 * example_push ARCHIVE <LOG
 */
#include <libflow/libflow.h>
#include <stdio.h>
#include <unistd.h>

/* Everything that can be read of what was pushed so far. */
static int
drain(struct flow_reader *reader, struct flow_batch *batch, struct flow_writer *writer,
      struct flow_error *err)
{
    int rc;

    while ((rc = flow_reader_next(reader, batch, err)) == FLOW_OK) {
        for (size_t i = 0; i < flow_batch_problem_count(batch); i++) {
            fprintf(stderr, "%s\n", flow_batch_problem_at(batch, i)->message);
        }
        if ((rc = flow_writer_write(writer, batch, err)) != FLOW_OK) {
            break;
        }
    }
    return rc;
}

int
main(int argc, char **argv)
{
    struct flow_reader *reader = NULL;
    struct flow_writer *writer = NULL;
    struct flow_batch *batch = NULL;
    struct flow_error err;
    char bytes[4096];
    ssize_t got;
    int rc;

    if (argc != 2) {
        fprintf(stderr, "usage: %s ARCHIVE <LOG\n", argv[0]);
        return 2;
    }
    if ((rc = flow_reader_open_push(&reader, "standard input", NULL, &err)) == FLOW_OK &&
        (rc = flow_batch_new(&batch, &err)) == FLOW_OK &&
        (rc = flow_writer_open(&writer, "archive", argv[1], NULL, &err)) == FLOW_OK) {
        while (rc >= 0 && (got = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0) {
            rc = flow_reader_push(reader, bytes, (size_t)got, &err);
            rc = rc == FLOW_OK ? drain(reader, batch, writer, &err) : rc;
        }
        flow_reader_push_end(reader);
        rc = rc >= 0 ? drain(reader, batch, writer, &err) : rc;
        rc = rc == FLOW_END ? flow_writer_finish(writer, &err) : rc;
    }
    if (rc != FLOW_OK) {
        fprintf(stderr, "%s: %s\n", err.input, err.message);
    }
    flow_writer_close(writer);
    flow_batch_free(batch);
    flow_reader_close(reader);
    return rc == FLOW_OK ? 0 : 1;
}
