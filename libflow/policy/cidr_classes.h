/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes of addresses: all addresses of a class are in the same prefixes of a policy set, so a
 * decision made for one of them holds for all.
 */
#ifndef FLOW_POLICY_CIDR_CLASSES_H
#define FLOW_POLICY_CIDR_CLASSES_H

#include "libflow/address.h"

struct flow_cidr_classes {
    struct flow_address *starts; /* sorted; each begins a class */
    size_t count, room;
};

/* Adds the borders of a prefix; false when out of memory. */
bool flow_cidr_classes_add(struct flow_cidr_classes *classes, const struct flow_cidr *cidr);
/* Call once, behind the last add. */
void flow_cidr_classes_seal(struct flow_cidr_classes *classes);
uint32_t flow_cidr_classes_find(const struct flow_cidr_classes *classes,
                                const struct flow_address *address);
void flow_cidr_classes_free(struct flow_cidr_classes *classes);

#endif
