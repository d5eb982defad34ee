/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outer controls that must let a connection pass too: security groups of AWS and OpenStack, and
 * network security groups of Azure, read from the files that their vendors' tools write. Which
 * addresses a group guards stands in the intent; what a rule says of an address that is not known
 * from the file is a maybe, never a guess.
 */
#ifndef FLOW_INTENT_LAYERS_H
#define FLOW_INTENT_LAYERS_H

#include "manifest/fields.h"
#include "policy/cidr_classes.h"
#include "policy/tri.h"

enum flow_layer_type { FLOW_LAYER_AWS, FLOW_LAYER_AZURE, FLOW_LAYER_OPENSTACK };

/*
 * A value the file leaves open. The name is the exact text between "${" and "}", or what stands for
 * addresses by name: a service tag, a prefix list, an address group or a group that has no members.
 * There the value is a CIDR, or several with commas between; "" stands for no address at all.
 */
struct flow_layer_variable {
    struct flow_str name, value;
};

/* The addresses that a group guards, as the intent has them. */
struct flow_layer_member {
    struct flow_str group; /* id or name; of a placeholder also what is between "${" and "}" */
    struct flow_cidr *cidrs;
    size_t cidr_count;
    uint32_t line, column; /* in the intent */
};

/* Azure's tags that are more than a list of prefixes. */
enum flow_layer_tag {
    FLOW_LAYER_TAG_VIRTUAL_NETWORK,
    FLOW_LAYER_TAG_INTERNET,
    FLOW_LAYER_TAG_LOAD_BALANCER,
    FLOW_LAYER_TAG_COUNT
};

struct flow_layer_cidrs {
    struct flow_cidr *cidrs;
    size_t count, room;
    bool given; /* by a variable; else what the platform says counts */
};

/* Another group as a peer. */
struct flow_layer_reference {
    struct flow_str group;
    uint32_t why; /* of the maybe when it has no members */
};

/* Where one end of a connection may be: any of these. */
struct flow_layer_ends {
    bool any;
    uint8_t tags;  /* bits by enum flow_layer_tag */
    bool platform; /* a tag among them is of the platform's own services */
    uint32_t why;  /* what else it may be is not known by these facts */
    struct flow_layer_cidrs prefixes;
    struct flow_layer_reference *groups;
    size_t group_count, group_room;
};

/* Inclusive; of ICMP the types. */
struct flow_layer_range {
    uint16_t first, last;
};

struct flow_layer_ports {
    bool any;
    uint32_t why; /* as in struct flow_layer_ends */
    struct flow_layer_range *ranges;
    size_t count, room;
};

struct flow_layer_rule {
    struct flow_str name; /* the vendor's, or its place in the file: "IpPermissions[0]" */
    size_t group;         /* index */
    uint32_t line, column;
    uint8_t direction; /* enum flow_direction */
    bool allow;        /* only Azure has rules that deny */
    int32_t priority;  /* Azure: lower first */
    uint8_t family;    /* 4, 6, or 0 for both */
    bool any_protocol;
    uint8_t protocol; /* enum flow_protocol; UNKNOWN: one that no record has */
    uint32_t why;     /* a match is uncertain for want of these, all the same */
    struct flow_layer_ports ports;
    struct flow_layer_ends sources, destinations;
};

struct flow_layer_group {
    struct flow_str id, name; /* one of them may be "" */
    uint32_t line;
    bool defaults; /* its platform's default rules are in the file */
};

/* The caller sets name, type, file, members and variables before the first read; zeros else. */
struct flow_layer {
    struct flow_str name;
    uint8_t type;     /* enum flow_layer_type */
    const char *file; /* lives as long as the layer */
    struct flow_layer_member *members;
    size_t member_count;
    struct flow_layer_variable *variables;
    size_t variable_count;
    struct flow_layer_group *groups;
    size_t group_count, group_room;
    struct flow_layer_rule *rules; /* of a group and direction by priority */
    size_t rule_count, rule_room;
    struct flow_layer_cidrs tags[FLOW_LAYER_TAG_COUNT];
};

/*
 * Adds one document to the layer, all of it in the context's arena; the context's file is the
 * layer's. May be called again for further documents. False with the context's error. Unknown
 * members are passed over, for these are vendors' files; values of a wrong type fail.
 */
bool flow_layer_read(struct flow_fields_context *context, const struct flow_node *root,
                     struct flow_layer *layer);

/*
 * Warns of members whose group is in none of the documents. Call it once all are read, with the
 * intent as the context's file.
 */
void flow_layer_check_members(struct flow_fields_context *context, const struct flow_layer *layer);

struct flow_layer_question {
    struct flow_address source, destination;
    uint8_t protocol; /* enum flow_protocol */
    bool has_port;
    uint16_t port; /* of the destination, or ICMP type */
};

struct flow_layer_answer {
    struct flow_tri allowed;
    const char *file;
    uint32_t line;         /* of the rule, or of the group; 0 when the group is not in the file */
    struct flow_str group; /* as the file has it */
    struct flow_str rule;  /* that decides or leaves it open; "" when none allows */
    uint8_t direction;     /* enum flow_direction: the side that the answer is about */
    bool applies;          /* a member holds one of the ends at least */
};

/*
 * Whether the layer lets a connection be opened; its replies then pass too. The groups of the
 * source must allow it out and those of the destination must allow it in. Of several groups that
 * guard one address any is enough, as their rules are united, but in Azure each must allow.
 */
struct flow_layer_answer flow_layer_ask(const struct flow_layer *layer,
                                        const struct flow_layer_question *question);

/*
 * Adds every prefix that an answer can hang on, those known without the file too: addresses of one
 * class get one answer. False when out of memory.
 */
bool flow_layer_add_classes(const struct flow_layer *layer, struct flow_cidr_classes *classes);

#endif
