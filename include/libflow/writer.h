/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers put records back into files: as Hubble's JSON, as delimited protobuf, or as an archive,
 * which is delimited protobuf in zstd frames of its own with an index before each and the table of
 * the zstd seekable format at the end, so that other tools read it and a reader can pass over what
 * it does not need. A record is written as the message it was read from, with fields that records
 * have no place for.
 */
#ifndef LIBFLOW_WRITER_H
#define LIBFLOW_WRITER_H

#include "libflow/record.h"

#ifdef __cplusplus
extern "C" {
#endif

struct flow_writer_options {
    size_t size;             /**< sizeof(struct flow_writer_options) */
    bool keep;               /**< a file that is there is renamed, not emptied; default false */
    size_t frame_bytes;      /**< plain bytes of an archive's frame; default 1 MiB */
    int64_t frame_interval;  /**< nanoseconds after which flow_writer_tick ends a frame that has
                                  anything in it; default 5 s */
    int level;               /**< of zstd; default 3 */
    uint64_t rotate_bytes;   /**< a file that has so many is ended and renamed; 0 (default): none */
    int64_t rotate_interval; /**< as after so many nanoseconds; 0 (default): never */
};

/** Fills in the defaults. @return FLOW_OK, or FLOW_E_ARGUMENT for a size it does not know */
FLOW_API int flow_writer_options_init(struct flow_writer_options *options, size_t size);

struct flow_writer;

/**
 * @param[out] out     owned; end with flow_writer_close
 * @param[in]  format  "json" (an object a line), "protobuf" or "archive"
 * @param[in]  path    a file, created or emptied, or "-" for standard output, which is not rotated
 * @return FLOW_OK; FLOW_E_ARGUMENT for an unknown format; FLOW_E_SYSTEM; FLOW_E_MEMORY
 */
FLOW_API int flow_writer_open(struct flow_writer **out, const char *format, const char *path,
                              const struct flow_writer_options *options, struct flow_error *err);

/**
 * Writes every record of the batch. An archive's frame that is full is on the disk when the call
 * returns.
 *
 * @return FLOW_OK; FLOW_E_SYSTEM when the disk is full or broken: the file then ends behind its
 * last whole frame; FLOW_E_MEMORY
 */
FLOW_API int flow_writer_write(struct flow_writer *writer, const struct flow_batch *batch,
                               struct flow_error *err);
/** Ends a frame that has been open for long enough; call it now and then when little comes. */
FLOW_API int flow_writer_tick(struct flow_writer *writer, struct flow_error *err);
/** Writes what is left and ends the file. */
FLOW_API int flow_writer_finish(struct flow_writer *writer, struct flow_error *err);
FLOW_API void flow_writer_close(struct flow_writer *writer);

struct flow_writer_stats {
    uint64_t records, flows;
    uint64_t bytes;  /**< written to files */
    uint64_t frames; /**< of archives */
    uint64_t files;
    uint64_t failed;            /**< records that could not be converted; reading on told why */
    uint64_t left_out;          /**< members that the other format has no place for */
    char left_out_names[8][64]; /**< the first that differ; "" behind the last */
};

FLOW_API void flow_writer_stats(const struct flow_writer *writer, struct flow_writer_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
