/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is written in whole pieces, and that another may follow under the same name. */
#ifndef FLOW_ENCODE_OUTPUT_H
#define FLOW_ENCODE_OUTPUT_H

#include "base/buf.h"

struct flow_output_file {
    char *path; /* NULL: standard output */
    int fd;     /* -1: none is open */
    bool keep;  /* what is there is renamed, not emptied */
    uint64_t bytes;
    uint64_t all_bytes, files;
    int64_t opened; /* by the system's clock, nanoseconds */
};

int flow_output_file_init(struct flow_output_file *file, const char *path, bool keep,
                          struct flow_error *err);
/* Opens it unless it is open. */
int flow_output_file_open(struct flow_output_file *file, struct flow_error *err);
/* All of the bytes or none: when they do not fit, the file is cut back to where it was. */
int flow_output_file_write(struct flow_output_file *file, const void *bytes, size_t len,
                           struct flow_error *err);
/* The bytes are on the disk when it returns; pipes and terminals have none. */
int flow_output_file_sync(struct flow_output_file *file, struct flow_error *err);
/* Ends it and gives it a name of its own: its time goes before the first dot of its name. */
int flow_output_file_rotate(struct flow_output_file *file, struct flow_error *err);
int flow_output_file_end(struct flow_output_file *file, struct flow_error *err);
/* Also after an error. */
void flow_output_file_free(struct flow_output_file *file);

#endif
