/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the inventory: keys, and the reading of labels. */
#ifndef FLOW_ENRICH_INVENTORY_READ_H
#define FLOW_ENRICH_INVENTORY_READ_H

#include "enrich/inventory.h"

/* Room for "namespace/name" of names that a cluster accepts. */
#define FLOW_INVENTORY_KEY_MAX 640

/* "namespace/name" into key; its length, 0 when it does not fit. */
size_t flow_inventory_key(char key[FLOW_INVENTORY_KEY_MAX], struct flow_str namespace_name,
                          struct flow_str name);

/* A map of texts, such as labels; absent gives none. */
bool flow_inventory_labels(struct flow_fields_context *context, const struct flow_node *map,
                           const char *key, struct flow_pair **labels, size_t *count);

#endif
