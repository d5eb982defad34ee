/* SPDX-License-Identifier: Apache-2.0 */
/* Small helpers over struct flow_str. */
#ifndef FLOW_BASE_STR_H
#define FLOW_BASE_STR_H

#include <string.h>

#include "libflow/base.h"

/* A literal as a struct flow_str. */
#define FLOW_STR(literal) ((struct flow_str){ (literal), sizeof(literal) - 1 })

static inline struct flow_str
flow_str_of(const char *text)
{
    return (struct flow_str){ text, text != NULL ? strlen(text) : 0 };
}

/* memcmp without the call, for the short texts that the decoder compares by the dozen a record. */
static inline bool
flow_bytes_equal(const char *a, const char *b, size_t len)
{
    uint64_t a8, b8;
    uint32_t a4, b4;

    if (len < 4) {
        return len == 0 || (a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1]);
    }
    if (len < 8) {
        memcpy(&a4, a, 4);
        memcpy(&b4, b, 4);
        if (a4 != b4) {
            return false;
        }
        memcpy(&a4, a + len - 4, 4);
        memcpy(&b4, b + len - 4, 4);
        return a4 == b4;
    }
    for (; len > 8; a += 8, b += 8, len -= 8) {
        memcpy(&a8, a, 8);
        memcpy(&b8, b, 8);
        if (a8 != b8) {
            return false;
        }
        if (len < 16) {
            /* the last eight bytes, which overlap these */
            a -= 16 - len;
            b -= 16 - len;
            len = 16;
        }
    }
    memcpy(&a8, a, 8);
    memcpy(&b8, b, 8);
    return a8 == b8;
}

static inline bool
flow_str_equal(struct flow_str a, struct flow_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool
flow_str_is(struct flow_str a, const char *text)
{
    return flow_str_equal(a, flow_str_of(text));
}

static inline bool
flow_str_starts(struct flow_str a, struct flow_str prefix)
{
    return a.len >= prefix.len && memcmp(a.ptr, prefix.ptr, prefix.len) == 0;
}

static inline struct flow_str
flow_str_from(struct flow_str a, size_t start)
{
    return (struct flow_str){ a.ptr + start, a.len - start };
}

/* Byte order, a shorter text before a longer one that starts with it. */
static inline int
flow_str_compare(struct flow_str a, struct flow_str b)
{
    const size_t shared = a.len < b.len ? a.len : b.len;
    const int order = shared > 0 ? memcmp(a.ptr, b.ptr, shared) : 0;

    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

#endif
