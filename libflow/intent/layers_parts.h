/* SPDX-License-Identifier: Apache-2.0 */
/* What the vendors' readers of layers share, and the vendors' facts that deciding asks for. */
#ifndef FLOW_INTENT_LAYERS_PARTS_H
#define FLOW_INTENT_LAYERS_PARTS_H

#include "intent/layers.h"

struct flow_layer_reader {
    struct flow_fields_context *context;
    struct flow_layer *layer;
};

/* A member under whichever of its spellings is there; the node is NULL when none is. */
struct flow_layer_slot {
    const struct flow_node *node;
    const char *key;
};

struct flow_layer_slot flow_layer_slot(const struct flow_node *map, const char *key,
                                       const char *other);

/* Equal but for the case of ASCII letters. */
bool flow_layer_same_word(struct flow_str a, struct flow_str b);
/* Whether a text names the group: by id or name, of Azure whatever the case. */
bool flow_layer_is_group(const struct flow_layer *layer, const struct flow_layer_group *group,
                         struct flow_str text);

/* Whether two texts are the same id or name. */
bool flow_layer_same_group(const struct flow_layer *layer, struct flow_str a, struct flow_str b);

/* The value of a variable of the layer; false when it has none. */
bool flow_layer_variable(const struct flow_layer *layer, struct flow_str name,
                         struct flow_str *value);

/* A text with variables replaced, the layer's before the intent's. *open: one has no value. */
bool flow_layer_text(struct flow_layer_reader *reader, const struct flow_node *node,
                     const char *what, struct flow_str *text, bool *open);
/* As above for a member; absent leaves *text alone. */
bool flow_layer_slot_text(struct flow_layer_reader *reader, const struct flow_node *map,
                          const char *key, const char *other, struct flow_str *text, bool *open);
/* A name: a text that is one placeholder without a value is what stands between "${" and "}". */
bool flow_layer_name(struct flow_layer_reader *reader, const struct flow_node *map, const char *key,
                     const char *other, struct flow_str *name, bool *open);
/* A whole number, or a text that is a placeholder for one. *found: it is there, with a value. */
bool flow_layer_number(struct flow_layer_reader *reader, struct flow_layer_slot slot, int64_t least,
                       int64_t most, int64_t *value, bool *found, uint32_t *why);

/* Takes one part of a text. */
typedef bool flow_layer_take(struct flow_layer_reader *reader, const struct flow_node *node,
                             const char *what, struct flow_str part, void *target);
/* Hands on the parts between commas; those that are open only set the bit of placeholders. */
bool flow_layer_split(struct flow_layer_reader *reader, const struct flow_node *node,
                      const char *what, flow_layer_take *take, void *target, uint32_t *why);

/* A flow_layer_take for struct flow_layer_cidrs. */
bool flow_layer_take_cidr(struct flow_layer_reader *reader, const struct flow_node *node,
                          const char *what, struct flow_str part, void *target);
/* Prefixes for what goes by a name, if a variable has them. *found: it does. */
bool flow_layer_named_prefixes(struct flow_layer_reader *reader, const struct flow_node *node,
                               const char *what, struct flow_str name, struct flow_layer_cidrs *out,
                               bool *found);
/* Another group as a peer, by its id or else by its name. */
bool flow_layer_add_reference(struct flow_layer_reader *reader, const struct flow_node *node,
                              const char *what, struct flow_str name, bool open,
                              struct flow_layer_ends *ends);
bool flow_layer_add_range(struct flow_layer_reader *reader, int64_t first, int64_t last,
                          struct flow_layer_ports *ports);

/* The group with that id, or without an id with that name; a new one when there is none. */
bool flow_layer_add_group(struct flow_layer_reader *reader, const struct flow_node *node,
                          struct flow_str id, struct flow_str name, size_t *index);
/* Adds a copy of the rule. */
bool flow_layer_add_rule(struct flow_layer_reader *reader, const struct flow_layer_rule *rule);
/* "IpPermissions[0]" in the arena. */
bool flow_layer_place_name(struct flow_layer_reader *reader, const char *list, size_t index,
                           struct flow_str *name);

/* A rule of the node's place without any ends. */
struct flow_layer_rule flow_layer_new_rule(const struct flow_node *node, size_t group);

/* IANA's number of a protocol by name or decimal digits; -1 for anything else. */
int flow_layer_protocol_number(struct flow_str text);
/* The enum flow_protocol of a number; FLOW_PROTOCOL_UNKNOWN when records have no word for it. */
uint8_t flow_layer_protocol_of(int number);

/* The readers, one file a vendor. */
bool flow_layer_read_aws(struct flow_layer_reader *reader, const struct flow_node *root);
bool flow_layer_read_azure(struct flow_layer_reader *reader, const struct flow_node *root);
bool flow_layer_read_openstack(struct flow_layer_reader *reader, const struct flow_node *root);

/* Addresses that the vendor filters in no group, to or from them. */
const struct flow_cidr *flow_layer_aws_unfiltered(size_t *count);
/* Addresses of the host's own services, to which only rules with their tags apply. */
const struct flow_cidr *flow_layer_azure_platform(size_t *count);
/* Addresses of the host itself, which are the load balancer's too. */
const struct flow_cidr *flow_layer_azure_host(size_t *count);
/* Prefixes of which none is reachable by the public internet. */
const struct flow_cidr *flow_layer_azure_private(size_t *count);
/* The rules that every network security group ends with, of both directions. */
const struct flow_layer_rule *flow_layer_azure_defaults(size_t *count);
struct flow_tri flow_layer_azure_tag(const struct flow_layer *layer, unsigned tag,
                                     const struct flow_address *address);

/* Whether one of the prefixes holds the address. */
bool flow_layer_holds(const struct flow_cidr *cidrs, size_t count,
                      const struct flow_address *address);

#endif
