/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a reader, for the files that open one. */
#ifndef FLOW_DECODE_READER_H
#define FLOW_DECODE_READER_H

#include "decode/decoder.h"
#include "frame/bytes.h"
#include "model/seen.h"
#include "source/source.h"

struct flow_reader_input {
    char *name;
    struct flow_input_stats stats;
};

/* Buffers that are kept for when batches have let go of them. */
enum { FLOW_READER_SPARES = 12 };

struct flow_reader {
    uint64_t id;
    struct flow_dict *dict;
    bool owns_dict;
    struct flow_reader_options options;
    struct flow_path_list paths;
    size_t next_path;
    struct flow_source *waiting; /* opened beforehand: memory, or a file given by name */
    struct flow_reader_input *inputs;
    uint32_t input_count, input_room;
    /* the input that is being read; bytes is NULL between inputs */
    struct flow_bytes *bytes;
    struct flow_decoder *decoder;
    const char *format;    /* what the source says it gives, or NULL */
    struct flow_feed feed; /* for decoders that pull */
    struct flow_help help; /* for the thread that reads ahead, if there is one */
    bool chosen;           /* the decoder is right for this input */
    bool plain;            /* JSON by flow_decoder_hubble_json_plain; set by tests alone */
    bool told_end;         /* the bytes have ended */
    bool broken; /* the bytes broke off, which was told; they may go on behind the break */
    struct flow_window window;
    struct flow_buffer *buffer; /* what the window is in; NULL before the first read */
    struct flow_buffer *spares[FLOW_READER_SPARES]; /* or NULL */
    size_t next_spare;
    struct flow_batch *early; /* problems met while opening a directory */
    /* of sources that need not be waited for */
    bool idle;                      /* the source has nothing now */
    const struct flow_source *live; /* the one that is read, when it is live; owned by bytes */
    struct flow_seen *seen;         /* of a live one */
    int64_t arrival;                /* of what the window holds, by the system's clock */
    struct flow_live_stats *kept;   /* what a live one that is closed said last */
    struct flow_source *pushed;     /* where bytes are pushed to; owned by bytes, or waiting */
};

/* A number that no other reader has. */
uint64_t flow_reader_id(const struct flow_reader *reader);

/* A reader without inputs. */
int flow_reader_new(struct flow_reader **out, const struct flow_reader_options *options,
                    struct flow_error *err);

/* Gives it one input, which is opened: it is moved, also on error. name is for statistics. */
int flow_reader_set_source(struct flow_reader *reader, struct flow_source *source, const char *name,
                           struct flow_error *err);

/* The input that is read. */
struct flow_reader_input *flow_reader_current(struct flow_reader *reader);

/* Makes it a problem of the batch that something of that input is damaged. */
void flow_reader_tell(struct flow_reader *reader, struct flow_batch *batch,
                      struct flow_error *problem);

/*
 * reader_take.c: records from the window until the batch is full or the window is used up
 * (FLOW_AGAIN), or the input is (FLOW_END).
 */
int flow_reader_take(struct flow_reader *reader, struct flow_batch *batch, struct flow_error *err);

/*
 * reader_bytes.c: puts more bytes behind those of the window, which moves. As flow_bytes_read, with
 * the window as it is unless FLOW_OK is returned.
 */
int flow_reader_fill(struct flow_reader *reader, struct flow_error *err);

/* Says that the help of a reader, which is set before it is read, may have something to do. */
void flow_reader_call(struct flow_reader *reader);

/* Whether the decoder must wait until all bytes are there: it cannot stop in the middle of them. */
bool flow_reader_waits_for_all(const struct flow_reader *reader);

/* reader_live.c: a URI of a live source, read for what it has now. */
int flow_reader_open_live_uri(struct flow_reader **out, const char *uri,
                              const struct flow_reader_options *options, struct flow_error *err);
/* Adds what is told of a live input. */
void flow_reader_add_live_stats(const struct flow_reader *reader, struct flow_input_stats *stats);
/* Notes when the bytes that were read last came. */
void flow_reader_note_arrival(struct flow_reader *reader);
/* Keeps what the live source says of itself, before it is closed. */
void flow_reader_keep_live_stats(struct flow_reader *reader);
/* Whether a record came before, over another connection; it then does not count. */
bool flow_reader_is_again(struct flow_reader *reader, const struct flow_record *record);

#endif
