/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three-valued truth. "Maybe" comes with the facts that are missing, as bits of enum
 * flow_undecided; a definite answer has none.
 */
#ifndef FLOW_POLICY_TRI_H
#define FLOW_POLICY_TRI_H

#include "libflow/record.h"

enum flow_truth { FLOW_FALSE = 0, FLOW_MAYBE = 1, FLOW_TRUE = 2 };

struct flow_tri {
    uint8_t truth; /* enum flow_truth */
    uint32_t why;  /* of a FLOW_MAYBE */
};

static inline struct flow_tri
flow_tri_of(bool value)
{
    return (struct flow_tri){ value ? FLOW_TRUE : FLOW_FALSE, 0 };
}

static inline struct flow_tri
flow_tri_maybe(uint32_t why)
{
    return (struct flow_tri){ FLOW_MAYBE, why };
}

static inline struct flow_tri
flow_tri_and(struct flow_tri a, struct flow_tri b)
{
    if (a.truth == FLOW_FALSE || b.truth == FLOW_FALSE) {
        return flow_tri_of(false);
    }
    if (a.truth == FLOW_TRUE && b.truth == FLOW_TRUE) {
        return flow_tri_of(true);
    }
    return flow_tri_maybe(a.why | b.why);
}

static inline struct flow_tri
flow_tri_or(struct flow_tri a, struct flow_tri b)
{
    if (a.truth == FLOW_TRUE || b.truth == FLOW_TRUE) {
        return flow_tri_of(true);
    }
    if (a.truth == FLOW_FALSE && b.truth == FLOW_FALSE) {
        return flow_tri_of(false);
    }
    return flow_tri_maybe(a.why | b.why);
}

static inline struct flow_tri
flow_tri_not(struct flow_tri a)
{
    return a.truth == FLOW_MAYBE ? a : flow_tri_of(a.truth == FLOW_FALSE);
}

#endif
