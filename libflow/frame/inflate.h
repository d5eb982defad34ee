/* SPDX-License-Identifier: Apache-2.0 */
/* A library that undoes gzip, one member at a time: header, data and trailer. */
#ifndef FLOW_FRAME_INFLATE_H
#define FLOW_FRAME_INFLATE_H

#include <stddef.h>
#include <stdint.h>

enum flow_inflated {
    FLOW_INFLATED_SOME,    /* it went on, and may go on */
    FLOW_INFLATED_END,     /* the member is whole */
    FLOW_INFLATED_STARVED, /* nothing can be done without more input, or room */
    FLOW_INFLATED_DAMAGED,
    FLOW_INFLATED_NO_MEMORY
};

struct flow_inflater {
    /* NULL when out of memory. */
    void *(*open)(void);
    /* The next byte is the first of a member. */
    void (*reset)(void *state);
    /* Moves both on, and takes from what is left of both. *reason is set when it is damaged. */
    enum flow_inflated (*run)(void *state, const uint8_t **in, size_t *in_left, uint8_t **out,
                              size_t *room, const char **reason);
    void (*free)(void *state);
};

extern const struct flow_inflater flow_inflater_zlib;
/* The quickest one that was built. */
extern const struct flow_inflater *const flow_inflater_best;

#endif
