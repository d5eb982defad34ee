/* SPDX-License-Identifier: Apache-2.0 */
/* gzip members through ISA-L, which checks headers, CRCs and lengths as zlib does, and faster. */
#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <stdlib.h>

#include "frame/inflate.h"

struct isal {
    struct inflate_state inflate;
    struct isal_gzip_header header; /* must outlive a call: the library's own does not */
    bool inside;                    /* behind the header */
};

static void
isal_reset(void *state)
{
    struct isal *isal = state;

    isal_inflate_reset(&isal->inflate);
    isal->inflate.crc_flag = ISAL_GZIP_NO_HDR_VER;
    isal_gzip_header_init(&isal->header);
    isal->inside = false;
}

static void *
isal_open(void)
{
    struct isal *isal = calloc(1, sizeof(*isal));

    if (isal != NULL) {
        isal_inflate_init(&isal->inflate);
        isal_reset(isal);
    }
    return isal;
}

static const char *
reason_of(int rc)
{
    switch (rc) {
    case ISAL_INVALID_BLOCK:
        return "invalid block";
    case ISAL_INVALID_SYMBOL:
        return "invalid code";
    case ISAL_INVALID_LOOKBACK:
        return "invalid distance too far back";
    case ISAL_INVALID_WRAPPER:
        return "incorrect header check";
    case ISAL_UNSUPPORTED_METHOD:
        return "unknown compression method";
    case ISAL_INCORRECT_CHECKSUM:
        return "incorrect data check, or length check";
    default:
        return "unknown reason";
    }
}

static enum flow_inflated
isal_run(void *state, const uint8_t **in, size_t *in_left, uint8_t **out, size_t *room,
         const char **reason)
{
    struct isal *isal = state;
    struct inflate_state *inflate = &isal->inflate;
    const uint32_t in_now = *in_left < UINT32_MAX ? (uint32_t)*in_left : UINT32_MAX;
    const uint32_t room_now = *room < UINT32_MAX ? (uint32_t)*room : UINT32_MAX;
    int rc;

    inflate->next_in = (uint8_t *)(uintptr_t)*in;
    inflate->avail_in = in_now;
    inflate->next_out = *out;
    inflate->avail_out = room_now;
    rc = isal->inside ? ISAL_DECOMP_OK : isal_read_gzip_header(inflate, &isal->header);
    isal->inside = rc == ISAL_DECOMP_OK;
    if (isal->inside) {
        rc = isal_inflate(inflate);
    }
    *in = inflate->next_in;
    *in_left -= in_now - inflate->avail_in;
    *out = inflate->next_out;
    *room -= room_now - inflate->avail_out;
    if (rc != ISAL_DECOMP_OK && rc != ISAL_END_INPUT) {
        *reason = reason_of(rc);
        return FLOW_INFLATED_DAMAGED;
    }
    if (isal->inside && inflate->block_state == ISAL_BLOCK_FINISH) {
        return FLOW_INFLATED_END;
    }
    return inflate->avail_in == in_now && inflate->avail_out == room_now ? FLOW_INFLATED_STARVED
                                                                         : FLOW_INFLATED_SOME;
}

static const struct flow_inflater flow_inflater_isal = {
    .open = isal_open,
    .reset = isal_reset,
    .run = isal_run,
    .free = free,
};

const struct flow_inflater *const flow_inflater_best = &flow_inflater_isal;
