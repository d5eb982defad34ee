/* SPDX-License-Identifier: Apache-2.0 */
/* Names for the ends of captured connections, of which only addresses are known. */
#ifndef FLOW_ENRICH_ENDS_H
#define FLOW_ENRICH_ENDS_H

#include "enrich/inventory.h"
#include "model/batch.h"

/*
 * Gives each end of a capture's flows the pod that had its address at that time. An address whose
 * pod started later was another's then, and tells nothing. FLOW_OK or FLOW_E_MEMORY.
 */
int flow_name_ends(const struct flow_inventory *inventory, struct flow_dict *dict,
                   struct flow_batch *batch, struct flow_error *err);

#endif
