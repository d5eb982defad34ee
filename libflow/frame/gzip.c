/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gzip by members; what is in one is a library's. Members in a row and the zero padding around them
 * are seen to here.
 */
#include <stdlib.h>

#include "frame/filter.h"
#include "frame/inflate.h"

static const uint8_t gzip_magic[] = { 0x1f, 0x8b, 0x08 };

struct gzip {
    const struct flow_inflater *inflater;
    void *stream; /* the inflater's */
    bool inside;  /* a member was begun and is not at its end */
};

static enum flow_match
gzip_match(const uint8_t *bytes, size_t len)
{
    return flow_match_magic(gzip_magic, sizeof(gzip_magic), bytes, len);
}

static int
gzip_open(void **state, struct flow_error *err)
{
    struct gzip *gzip = calloc(1, sizeof(*gzip));

    if (gzip != NULL) {
        gzip->inflater = flow_inflater_best;
        gzip->stream = gzip->inflater->open();
    }
    if (gzip == NULL || gzip->stream == NULL) {
        free(gzip);
        return flow_fail_memory(err);
    }
    *state = gzip;
    return FLOW_OK;
}

static void
gzip_reset(void *state)
{
    struct gzip *gzip = state;

    gzip->inflater->reset(gzip->stream);
    gzip->inside = false;
}

static void
gzip_free(void *state)
{
    struct gzip *gzip = state;

    gzip->inflater->free(gzip->stream);
    free(gzip);
}

static int
fail_truncated(const struct flow_input *in, struct flow_error *err)
{
    flow_fail(err, FLOW_E_TRUNCATED,
              "expected the rest of a gzip member, found the end of the file");
    flow_error_set_place(err, in->end, 0, 0);
    return FLOW_E_TRUNCATED;
}

static int
fail_damaged(const char *reason, const struct flow_input *in, struct flow_error *err)
{
    flow_fail(err, FLOW_E_CORRUPT, "gzip member is damaged (%s), its data from here on is lost",
              reason);
    flow_error_set_place(err, flow_input_offset(in), 0, 0);
    return FLOW_E_CORRUPT;
}

static int
begin_member(struct gzip *gzip, struct flow_input *in, const struct flow_output *out,
             struct flow_error *err)
{
    int rc = flow_input_need(in, out, sizeof(gzip_magic), err);
    enum flow_match match;

    if (rc != FLOW_OK && rc != FLOW_END) {
        return rc;
    }
    match = gzip_match(in->bytes + in->pos, flow_input_left(in));
    if (match == FLOW_MATCH_MAYBE) {
        return fail_truncated(in, err);
    }
    if (match == FLOW_MATCH_NO) {
        flow_fail(err, FLOW_E_CORRUPT,
                  "expected another gzip member or the end of the file, found byte 0x%02x",
                  in->bytes[in->pos]);
        flow_error_set_place(err, flow_input_offset(in), 0, 0);
        return FLOW_E_CORRUPT;
    }
    in->resume = flow_input_offset(in) + 1;
    gzip_reset(gzip);
    gzip->inside = true;
    return FLOW_OK;
}

/* Between members: zero padding, another member, or the end. */
static int
next_member(struct gzip *gzip, struct flow_input *in, const struct flow_output *out,
            struct flow_error *err)
{
    const int rc = flow_input_need(in, out, 1, err);

    if (rc != FLOW_OK) {
        return rc;
    }
    if (in->bytes[in->pos] != 0) {
        return begin_member(gzip, in, out, err);
    }
    while (in->pos < in->len && in->bytes[in->pos] == 0) {
        in->pos++;
    }
    in->resume = flow_input_offset(in);
    return FLOW_OK;
}

/* One call of the library, over what input there is; it may hold plain bytes even without any. */
static int
inflate_some(struct gzip *gzip, struct flow_input *in, struct flow_output *out,
             struct flow_error *err)
{
    const uint8_t *next = in->bytes + in->pos;
    uint8_t *at = out->at + out->got;
    size_t left = flow_input_left(in);
    size_t room = out->room - out->got;
    const char *reason = "";
    int rc = FLOW_OK;

    const enum flow_inflated inflated =
        gzip->inflater->run(gzip->stream, &next, &left, &at, &room, &reason);

    in->pos = in->len - left;
    out->got = out->room - room;
    switch (inflated) {
    case FLOW_INFLATED_SOME:
        return FLOW_OK;
    case FLOW_INFLATED_END:
        gzip->inside = false;
        in->frames++;
        in->resume = flow_input_offset(in);
        return FLOW_OK;
    case FLOW_INFLATED_STARVED: /* every input byte is used up */
        rc = flow_input_need(in, out, 1, err);
        return rc == FLOW_END ? fail_truncated(in, err) : rc;
    case FLOW_INFLATED_NO_MEMORY:
        return flow_fail_memory(err);
    default:
        return fail_damaged(reason, in, err);
    }
}

static int
gzip_run(void *state, struct flow_input *in, struct flow_output *out, struct flow_error *err)
{
    struct gzip *gzip = state;
    int rc = FLOW_OK;

    while (rc == FLOW_OK && out->got < out->room) {
        rc = gzip->inside ? inflate_some(gzip, in, out, err) : next_member(gzip, in, out, err);
    }
    return rc;
}

const struct flow_filter flow_filter_gzip = {
    .name = "gzip",
    .magic = gzip_magic,
    .magic_len = sizeof(gzip_magic),
    .match = gzip_match,
    .open = gzip_open,
    .run = gzip_run,
    .reset = gzip_reset,
    .free = gzip_free,
};
