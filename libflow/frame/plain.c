/* SPDX-License-Identifier: Apache-2.0 */
/* No compression: bytes go from the source straight into the caller's memory. */
#include "frame/filter.h"

/* Hands out what detection has read; mostly it lies where the caller wants it already. */
static void
copy_first_bytes(struct flow_input *in, struct flow_output *out)
{
    const size_t left = flow_input_left(in);
    const size_t take = left < out->room ? left : out->room;

    if (in->bytes != out->at) {
        memcpy(out->at, in->bytes + in->pos, take);
    }
    in->pos += take;
    out->got = take;
}

static int
plain_run(void *state, struct flow_input *in, struct flow_output *out, struct flow_error *err)
{
    (void)state;
    if (flow_input_left(in) > 0) {
        copy_first_bytes(in, out);
        return FLOW_OK;
    }
    return flow_input_take(in, out->at, out->room, &out->got, err);
}

const struct flow_filter flow_filter_plain = {
    .name = "none",
    .run = plain_run,
};
