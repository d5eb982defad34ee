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

struct flow_str flow_names_text(const struct flow_names *names, uint32_t name);

#endif
