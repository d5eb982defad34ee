/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of an archive: messages come together in memory and are written as one zstd frame with
 * its index before it, so that every frame on the disk is whole.
 */
#ifndef FLOW_ENCODE_ARCHIVE_H
#define FLOW_ENCODE_ARCHIVE_H

#include "encode/output.h"
#include "libflow/record.h"

struct flow_archive;

int flow_archive_new(struct flow_archive **out, int level, struct flow_error *err);
void flow_archive_free(struct flow_archive *archive);

/* Adds a message of a record to the open frame; false when out of memory. */
bool flow_archive_add(struct flow_archive *archive, const struct flow_record *record,
                      struct flow_str message);

/* Plain bytes of the open frame. */
size_t flow_archive_open_bytes(const struct flow_archive *archive);

/* Writes the open frame, if it holds anything, and waits for the disk. */
int flow_archive_end_frame(struct flow_archive *archive, struct flow_output_file *file,
                           struct flow_error *err);

/* Writes the table of the frames since the last one; the file ends behind it. */
int flow_archive_end_file(struct flow_archive *archive, struct flow_output_file *file,
                          struct flow_error *err);

uint64_t flow_archive_frames(const struct flow_archive *archive);

#endif
