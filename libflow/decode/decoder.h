/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decoder turns a window of plain bytes into records. It knows the messages of one format and
 * nothing of files or compression. One table of operations a format, all listed in registry.c.
 */
#ifndef FLOW_DECODE_DECODER_H
#define FLOW_DECODE_DECODER_H

#include "frame/pcap.h"
#include "model/batch.h"
#include "model/dict.h"

/*
 * The bytes of an input that are in memory and not yet taken. FLOW_SCAN_PADDING readable bytes
 * stand behind end. They do not move while a batch is filled, so records may point into them.
 */
struct flow_window {
    const uint8_t *at, *end;
    bool last;           /* nothing will come behind end */
    uint64_t offset;     /* of at, in the plain bytes of the input */
    uint64_t line;       /* of at, from 1 */
    uint64_t line_start; /* offset of the first byte of that line */
};

struct flow_decoder; /* each kind defines its own, starting with const struct flow_decoder_ops * */

struct flow_decoder_ops {
    const char *name; /* "hubble-json" */
    /* Whether the first bytes of an input are of this format. */
    bool (*detect)(const uint8_t *head, size_t len);
    int (*open)(struct flow_decoder **out, struct flow_dict *dict, struct flow_error *err);
    /* Forgets what it knows of one input, before the next. */
    void (*reset)(struct flow_decoder *decoder);
    /*
     * Takes one message from the window: FLOW_OK with the batch's next record filled (the caller
     * commits it), FLOW_AGAIN when the window must grow, FLOW_END when only padding is left. Below
     * 0: something was damaged, and the window stands behind it; err has offset, line and column.
     */
    int (*take)(struct flow_decoder *decoder, struct flow_window *window, struct flow_batch *batch,
                struct flow_record *record, struct flow_error *err);
    /*
     * Instead of take, for a format whose library reads by itself: the next record, with all its
     * texts in the batch's arena or the dictionary. FLOW_OK, FLOW_END, or below 0, and then again
     * for what is left.
     */
    int (*pull)(struct flow_decoder *decoder, const struct flow_feed *feed,
                struct flow_batch *batch, struct flow_record *record, struct flow_error *err);
    void (*close)(struct flow_decoder *decoder);
};

struct flow_decoder {
    const struct flow_decoder_ops *ops;
};

/* The decoder for these first bytes of an input; err says what they look like when there is none.
 */
int flow_decoder_find(const struct flow_decoder_ops **ops, const uint8_t *head, size_t len,
                      struct flow_error *err);

/* The decoder of a name, for a source that says what it gives; NULL when there is none. */
const struct flow_decoder_ops *flow_decoder_named(const char *name);

extern const struct flow_decoder_ops flow_decoder_hubble_json;
/* The same without what is quick about it, for tests to hold the two against each other. */
extern const struct flow_decoder_ops flow_decoder_hubble_json_plain;
/* Delimited protobuf: of a file, where the bytes may be damaged, and of a call, where they are not.
 */
extern const struct flow_decoder_ops flow_decoder_hubble_proto;
extern const struct flow_decoder_ops flow_decoder_hubble_grpc;
extern const struct flow_decoder_ops flow_decoder_capture; /* pcap, pcapng */

#endif
