/* SPDX-License-Identifier: Apache-2.0 */
/* Looking names up in what was learned. */
#ifndef FLOW_ENRICH_NAMES_H
#define FLOW_ENRICH_NAMES_H

#include "base/limits.h"
#include "libflow/names.h"

/* The names that an address had on a node at a time, as numbers, sorted; how many there are. */
size_t flow_names_at(const struct flow_names *names, struct flow_str node,
                     const struct flow_address *address, int64_t time,
                     uint32_t found[FLOW_NAMES_AT_MAX]);

/* A stretch of time, both ends included, in which an address had a name on a node. */
struct flow_name_span {
    struct flow_str node, name;
    struct flow_address address;
    int64_t from, until;
};

/* Hands each to a function, until it says false. */
void flow_names_each(const struct flow_names *names,
                     bool (*each)(void *context, const struct flow_name_span *span), void *context);
/* Learns one; false when out of memory. */
bool flow_names_add(struct flow_names *names, const struct flow_name_span *span);

/*
 * From now on it is noted what is asked of it, so that flow_names_misled can tell whether something
 * was learned later that makes an answer another. One thread at a time may then ask. False: memory.
 */
bool flow_names_watch(struct flow_names *names);
bool flow_names_misled(const struct flow_names *names);

struct flow_str flow_names_text(const struct flow_names *names, uint32_t name);

#endif
