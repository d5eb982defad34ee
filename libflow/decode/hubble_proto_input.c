/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the messages in a stream of delimited protobuf: each behind its length as a varint. Nothing
 * marks where a message starts, so behind damage the next place that looks like one is taken. Which
 * places those are does not depend on how the bytes arrive.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "decode/decoder.h"
#include "decode/hubble_proto.h"

enum {
    LENGTH_BYTES = 10, /* of a varint at most */
    TELL_BYTES = 4,    /* of a message, without which one cut short is not recognised */
    BEGIN_BYTES = 24,  /* of a first message that tell the format */
    SURE_BYTES = 48,   /* of another that do */
    LOOK_BYTES = 512   /* of a message that tell whether it looks like one */
};

struct input {
    const struct flow_decoder_ops *ops;
    struct flow_hubble_proto proto;
    bool searching; /* for the next message behind damage, which was told */
};

static int
open_as(const struct flow_decoder_ops *ops, struct flow_decoder **out, struct flow_dict *dict,
        struct flow_error *err)
{
    struct input *input = calloc(1, sizeof(*input));

    if (input == NULL) {
        return flow_fail_memory(err);
    }
    input->ops = ops;
    flow_hubble_proto_init(&input->proto, dict);
    *out = (struct flow_decoder *)input;
    return FLOW_OK;
}

static int
input_open(struct flow_decoder **out, struct flow_dict *dict, struct flow_error *err)
{
    return open_as(&flow_decoder_hubble_proto, out, dict, err);
}

static int
stream_open(struct flow_decoder **out, struct flow_dict *dict, struct flow_error *err)
{
    return open_as(&flow_decoder_hubble_grpc, out, dict, err);
}

static void
input_reset(struct flow_decoder *decoder)
{
    ((struct input *)decoder)->searching = false;
}

static void
input_close(struct flow_decoder *decoder)
{
    flow_hubble_proto_free(&((struct input *)decoder)->proto);
    free(decoder);
}

/* A message's length: FLOW_OK, FLOW_AGAIN when it is not all there, FLOW_E_PARSE for no length. */
static int
read_length(const uint8_t *at, const uint8_t *end, const uint8_t **behind, uint64_t *len)
{
    *len = 0;
    for (size_t i = 0; i < LENGTH_BYTES; i++) {
        if (at + i == end) {
            return FLOW_AGAIN;
        }
        *len |= (uint64_t)(at[i] & 0x7f) << (7 * i);
        if (at[i] < 0x80) {
            *behind = at + i + 1;
            return *len > 0 && *len <= FLOW_RECORD_BYTES_MAX ? FLOW_OK : FLOW_E_PARSE;
        }
    }
    return FLOW_E_PARSE;
}

/*
 * Whether a message seems to start there: FLOW_OK, FLOW_END when none does, FLOW_AGAIN when too few
 * bytes are there to tell.
 */
static int
look(const struct flow_window *window, const uint8_t *at)
{
    const uint8_t *message;
    size_t there;
    uint64_t len;
    int rc = read_length(at, window->end, &message, &len);

    if (rc != FLOW_OK) {
        return rc == FLOW_AGAIN && !window->last ? FLOW_AGAIN : FLOW_END;
    }
    there = (size_t)(window->end - message);
    if (there < len && there < LOOK_BYTES && !window->last) {
        return FLOW_AGAIN;
    }
    there = there < LOOK_BYTES ? there : LOOK_BYTES;
    return flow_hubble_proto_plausible(message, there, len) ? FLOW_OK : FLOW_END;
}

/* Whether enough of a message is there, and looks like one as far as it is looked at. */
static bool
tells(const uint8_t *at, const uint8_t *end, size_t least, size_t most)
{
    const uint8_t *message;
    size_t there;
    uint64_t len;

    if (read_length(at, end, &message, &len) != FLOW_OK) {
        return false;
    }
    there = (size_t)(end - message);
    return (there >= len || there >= least) &&
           flow_hubble_proto_plausible(message, there < most ? there : most, len);
}

/*
 * The first bytes tell, so that damage behind them does not make the whole a stranger. Where they
 * are damaged themselves, another message behind them tells; text has none, nor zero bytes.
 */
static bool
input_detect(const uint8_t *head, size_t len)
{
    if (tells(head, head + len, TELL_BYTES, BEGIN_BYTES)) {
        return true;
    }
    for (size_t i = 1; memchr(head, '\0', len) != NULL && i < len; i++) {
        if (tells(head + i, head + len, SURE_BYTES, LOOK_BYTES)) {
            return true;
        }
    }
    return false;
}

static bool
stream_detect(const uint8_t *head, size_t len)
{
    (void)head;
    (void)len;
    return false; /* the source says so */
}

static void
advance(struct flow_window *window, const uint8_t *to)
{
    window->offset += (uint64_t)(to - window->at);
    window->at = to;
}

/* Moves the window to the next place that looks like a message; FLOW_AGAIN, FLOW_END as take. */
static int
search(struct input *input, struct flow_window *window)
{
    int rc = FLOW_END;

    while (window->at < window->end && (rc = look(window, window->at)) == FLOW_END) {
        advance(window, window->at + 1);
    }
    if (window->at == window->end) {
        rc = window->last ? FLOW_END : FLOW_AGAIN;
    }
    input->searching = rc == FLOW_AGAIN;
    return rc;
}

/* Damage at the window's start that leaves no trust in lengths: the search goes on behind it. */
static int
lost(struct input *input, struct flow_window *window)
{
    advance(window, window->at + 1);
    (void)search(input, window);
    return FLOW_E_PARSE;
}

static int
fail_length(const struct flow_window *window, uint64_t len, struct flow_error *err)
{
    if (len > FLOW_RECORD_BYTES_MAX) {
        flow_fail(err, FLOW_E_LIMIT, "expected a message of at most %zu bytes, found a longer one",
                  FLOW_RECORD_BYTES_MAX);
    } else {
        flow_fail(err, FLOW_E_PARSE, "expected the length of a message, found byte 0x%02x",
                  *window->at);
    }
    flow_error_set_place(err, window->offset, 0, 0);
    return err->status;
}

/* The end of the input inside a message, or a wrong length that leads behind the end. */
static int
cut_short(struct input *input, struct flow_window *window, const uint8_t *message,
          struct flow_error *err)
{
    flow_fail(err, FLOW_E_TRUNCATED, "expected the rest of a message, found the end of the file");
    flow_error_set_place(err, window->offset + (uint64_t)(window->end - window->at), 0, 0);
    if (message != NULL && look(window, window->at) == FLOW_END) {
        flow_fail(err, FLOW_E_PARSE, "expected a message, found bytes that are none");
        flow_error_set_place(err, window->offset, 0, 0);
        return lost(input, window);
    }
    advance(window, window->end);
    return FLOW_E_TRUNCATED;
}

/*
 * A message that is none: its length is believed when another seems to start behind it, or the
 * input ends there, or the transport vouches for it.
 */
static int
damaged(struct input *input, struct flow_window *window, const uint8_t *behind,
        struct flow_error *err)
{
    const int rc = behind == window->end && window->last     ? FLOW_OK
                   : input->ops == &flow_decoder_hubble_grpc ? FLOW_OK
                                                             : look(window, behind);

    if (rc == FLOW_OK) {
        advance(window, behind);
        return err->status;
    }
    return rc == FLOW_AGAIN ? FLOW_AGAIN : lost(input, window);
}

static int
input_take(struct flow_decoder *decoder, struct flow_window *window, struct flow_batch *batch,
           struct flow_record *record, struct flow_error *err)
{
    struct input *input = (struct input *)decoder;
    const uint8_t *message = NULL;
    struct flow_wire wire;
    uint64_t len;
    int rc;

    if (input->searching && (rc = search(input, window)) != FLOW_OK) {
        return rc;
    }
    if (window->at == window->end) {
        return window->last ? FLOW_END : FLOW_AGAIN;
    }
    rc = read_length(window->at, window->end, &message, &len);
    if (rc == FLOW_E_PARSE) {
        rc = fail_length(window, len, err);
        return message != NULL && len == 0 ? damaged(input, window, message, err)
                                           : (lost(input, window), rc);
    }
    if (rc == FLOW_AGAIN || len > (uint64_t)(window->end - message)) {
        return window->last ? cut_short(input, window, rc == FLOW_OK ? message : NULL, err)
                            : FLOW_AGAIN;
    }
    flow_wire_init(&wire, message, (size_t)len, &batch->arena);
    if (!flow_hubble_proto_decode(&input->proto, &wire, record)) {
        rc = flow_wire_error(&wire, window->at, err);
        if (rc == FLOW_E_MEMORY) {
            return rc;
        }
        flow_error_set_place(err, err->offset + window->offset, 0, 0);
        return damaged(input, window, message + len, err);
    }
    record->raw = (struct flow_str){ (const char *)message, (size_t)len };
    record->encoding = FLOW_ENCODING_HUBBLE_PROTOBUF;
    advance(window, message + len);
    return FLOW_OK;
}

const struct flow_decoder_ops flow_decoder_hubble_proto = {
    .name = "hubble-protobuf",
    .detect = input_detect,
    .open = input_open,
    .reset = input_reset,
    .take = input_take,
    .close = input_close,
};

const struct flow_decoder_ops flow_decoder_hubble_grpc = {
    .name = "hubble-grpc",
    .detect = stream_detect,
    .open = stream_open,
    .reset = input_reset,
    .take = input_take,
    .close = input_close,
};
