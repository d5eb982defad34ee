/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers turn an input into batches of records. The format and the compression are told by the
 * content, never by the name. Hubble JSON is read in every shape that occurs: exporter lines,
 * GetFlowsResponse lines, bare flows, arrays, pretty-printed objects one after the other; plain,
 * gzip or zstd, of many members or frames.
 */
#ifndef LIBFLOW_READER_H
#define LIBFLOW_READER_H

#include "libflow/filter.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The things records have in common: endpoints, label sets, node names. Give several readers one
 * dictionary and the same endpoint has the same id in all of them. One thread at a time.
 */
struct flow_dict;

FLOW_API int flow_dict_new(struct flow_dict **out, struct flow_error *err);
/** Call after every reader, batch and classifier that used it is ended. */
FLOW_API void flow_dict_free(struct flow_dict *dict);
/** Endpoints known so far; their ids are below it. */
FLOW_API uint32_t flow_dict_endpoint_count(const struct flow_dict *dict);
/** Node names known so far; flow_record.node is below it. */
FLOW_API uint32_t flow_dict_node_count(const struct flow_dict *dict);
FLOW_API struct flow_str flow_dict_node_name(const struct flow_dict *dict, uint32_t node);

struct flow_reader_options {
    size_t size;            /**< sizeof(struct flow_reader_options) */
    struct flow_dict *dict; /**< borrowed until close; NULL (default): the reader makes its own */
    bool digest;            /**< compute the SHA-256 of each input's bytes; default false */
    size_t chunk;           /**< hand memory to the decoder in pieces of that many bytes, for tests;
                                 default 0: all that is there */
    /** Frames of archives in which no flow passes are passed over; what is read is not filtered.
        Borrowed until close; NULL (default): all is read. */
    const struct flow_filter *filter;
    int64_t wait;     /**< nanoseconds that a live source is waited for before
                           flow_reader_next says FLOW_AGAIN; below 0 (default): for ever */
    uint32_t threads; /**< default 1: no thread is started; 2 or more: files are read and
                           decompressed in a thread of their own, ahead of what is read of them */
};

/** Fills in the defaults. @return FLOW_OK, or FLOW_E_ARGUMENT for a size it does not know */
FLOW_API int flow_reader_options_init(struct flow_reader_options *options, size_t size);

struct flow_reader;

/**
 * Open a file, a directory (every regular file below it, sorted by path), "-" (standard input), or
 * a live server, "unix:///path", "tcp://host:port" or "tls://host:port", for the flows it has now
 * (libflow/live.h has the rest).
 *
 * @param[out] out      owned; end with flow_reader_close
 * @param[in]  uri      copied
 * @param[in]  options  NULL for the defaults
 * @param[out] err      may be NULL
 * @return FLOW_OK; FLOW_E_SYSTEM when it cannot be opened (inside a directory a file that cannot
 *         be opened is a problem of the batch instead); FLOW_E_MEMORY; FLOW_E_ARGUMENT
 */
FLOW_API int flow_reader_open(struct flow_reader **out, const char *uri,
                              const struct flow_reader_options *options, struct flow_error *err);

/** As flow_reader_open for bytes in memory, borrowed until close. Their input name is "<memory>".
 */
FLOW_API int flow_reader_open_memory(struct flow_reader **out, const void *bytes, size_t len,
                                     const struct flow_reader_options *options,
                                     struct flow_error *err);

/**
 * A reader to which the caller hands bytes as they come: flow_reader_push, then flow_reader_next
 * until it says FLOW_AGAIN; at the end flow_reader_push_end, and flow_reader_next until FLOW_END.
 * Bytes that are not read yet are copies of the reader's. The format is told by the first 512
 * bytes, or by all of them when there are fewer.
 *
 * @param[in] name  of the input, for errors and statistics; copied; NULL: "<memory>"
 */
FLOW_API int flow_reader_open_push(struct flow_reader **out, const char *name,
                                   const struct flow_reader_options *options,
                                   struct flow_error *err);
/** @return FLOW_OK, FLOW_E_MEMORY, or FLOW_E_ARGUMENT behind flow_reader_push_end */
FLOW_API int flow_reader_push(struct flow_reader *reader, const void *bytes, size_t len,
                              struct flow_error *err);
FLOW_API void flow_reader_push_end(struct flow_reader *reader);

/**
 * Fill the batch with the next records, at least one record or problem.
 *
 * Damage does not end reading: it becomes a problem of the batch, and the records behind it follow.
 *
 * @return FLOW_OK; FLOW_AGAIN when there is nothing now, of a live server or of bytes that are
 *         pushed (the batch is empty); FLOW_END when everything is read (so it is); FLOW_E_MEMORY
 */
FLOW_API int flow_reader_next(struct flow_reader *reader, struct flow_batch *batch,
                              struct flow_error *err);

FLOW_API void flow_reader_close(struct flow_reader *reader);

/** The dictionary the records point into. */
FLOW_API struct flow_dict *flow_reader_dict(const struct flow_reader *reader);

/** What was read of one input. */
struct flow_input_stats {
    const char *name;        /**< path, "-" or "<memory>"; borrowed until close */
    const char *format;      /**< "hubble-json", or "unknown" while nothing was read */
    const char *compression; /**< "none", "gzip", "zstd" */
    uint64_t bytes_read;     /**< of the file, compressed */
    uint64_t bytes_total;    /**< of the file, 0 when unknown */
    uint64_t bytes_plain;    /**< after decompression */
    uint64_t records;        /**< read whole: flows and all other kinds */
    uint64_t flows;
    uint64_t skipped;      /**< records of frames that were passed over */
    uint64_t damaged;      /**< records that could not be read, and breaks of the stream */
    uint64_t lost_reports; /**< lost-events records */
    uint64_t lost;         /**< events they say were lost */
    uint64_t node_status, agent_events, debug_events;
    bool live;
    uint64_t connections, came_again, gaps, refused; /**< of a live one: struct flow_live_stats */
    int64_t gap_first, gap_last;                     /**< or FLOW_TIME_NONE */
    bool cut_short; /**< the input ends, or cannot be read on, in the middle */
    bool has_digest;
    uint8_t digest[32]; /**< SHA-256 of the file's bytes, once it is read whole */
};

/** Inputs met so far; a directory counts one a file. */
FLOW_API uint32_t flow_reader_input_count(const struct flow_reader *reader);
/** @return FLOW_OK, or FLOW_E_ARGUMENT when there is no such input */
FLOW_API int flow_reader_input(const struct flow_reader *reader, uint32_t input,
                               struct flow_input_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
