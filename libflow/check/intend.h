/* SPDX-License-Identifier: Apache-2.0 */
/* What the intent document says of records. */
#ifndef FLOW_CHECK_INTEND_H
#define FLOW_CHECK_INTEND_H

#include "check/orient.h"

struct flow_classifier;

/*
 * Fills in the intent of a record, by its readings; cluster is the number of the agent's. false
 * when out of memory.
 */
bool flow_intend(struct flow_classifier *classifier, const struct flow_dict *dict,
                 struct flow_record *record, const struct flow_reading *readings, size_t count,
                 uint32_t cluster);

#endif
