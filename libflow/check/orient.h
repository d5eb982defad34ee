/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which end opened the connection, which end's policies an event speaks of, and what it proves.
 * An event is about one side only; a reply belongs to the connection it answers.
 */
#ifndef FLOW_CHECK_ORIENT_H
#define FLOW_CHECK_ORIENT_H

#include "libflow/classifier.h"

/* One reading of a record. */
struct flow_reading {
    bool swapped;      /* the connection goes from the packet's destination to its source */
    uint8_t direction; /* enum flow_direction; UNKNOWN: either side may be meant */
};

/* The readings that a record allows, most likely first: one, or two when they cannot be told. */
size_t flow_orient(const struct flow_record *record, struct flow_reading readings[2]);

/* Whether the event says nothing about policy at all (socket events, related ICMP errors). */
bool flow_says_nothing(const struct flow_record *record);

/* enum flow_observed */
uint8_t flow_observe(const struct flow_record *record);

bool flow_is_l7(const struct flow_record *record);

/* The port, or ICMP type, that the connection was opened to; false when the record has none. */
bool flow_service_port(const struct flow_record *record, bool swapped, uint16_t *port);

#endif
