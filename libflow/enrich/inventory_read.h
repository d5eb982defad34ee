/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the inventory: keys, names, addresses, and the readers of pods. */
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

/* metadata.name and, of a namespaced kind, metadata.namespace or the default. */
bool flow_inventory_name(struct flow_fields_context *context, const struct flow_node *object,
                         bool namespaced, struct flow_str *namespace_name, struct flow_str *name);

/* Puts a value under "namespace/name". */
bool flow_inventory_remember(struct flow_fields_context *context, struct flow_cache *cache,
                             struct flow_str namespace_name, struct flow_str name,
                             const void *value);

/* Gives an address its owner; of two that claim it none is believed. */
bool flow_inventory_own(struct flow_inventory *inventory, struct flow_fields_context *context,
                        struct flow_str text, struct flow_address_entry owner);
/* The same with a pod. */
bool flow_inventory_own_pod(struct flow_inventory *inventory, struct flow_fields_context *context,
                            struct flow_str text, const struct flow_pod *pod);

/* The readers of pods, each for one kind of object. */
bool flow_inventory_add_pod(struct flow_inventory *inventory, struct flow_fields_context *context,
                            const struct flow_node *object);
bool flow_inventory_add_workload(struct flow_inventory *inventory,
                                 struct flow_fields_context *context,
                                 const struct flow_node *object, const char *kind);
bool flow_inventory_add_endpoint(struct flow_inventory *inventory,
                                 struct flow_fields_context *context,
                                 const struct flow_node *object);
/* The readers of Nodes and Services (inventory_services.c). */
bool flow_inventory_add_node(struct flow_inventory *inventory, struct flow_fields_context *context,
                             const struct flow_node *object);
bool flow_inventory_add_cilium_node(struct flow_inventory *inventory,
                                    struct flow_fields_context *context,
                                    const struct flow_node *object);
bool flow_inventory_add_service(struct flow_inventory *inventory,
                                struct flow_fields_context *context,
                                const struct flow_node *object);
bool flow_inventory_add_endpoints(struct flow_inventory *inventory,
                                  struct flow_fields_context *context,
                                  const struct flow_node *object);
bool flow_inventory_add_slice(struct flow_inventory *inventory, struct flow_fields_context *context,
                              const struct flow_node *object);

bool flow_inventory_add_identity(struct flow_inventory *inventory,
                                 struct flow_fields_context *context,
                                 const struct flow_node *object);

#endif
