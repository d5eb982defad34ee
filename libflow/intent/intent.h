/* SPDX-License-Identifier: Apache-2.0 */
/* A loaded intent from the inside: what judging works on. */
#ifndef FLOW_INTENT_INTENT_H
#define FLOW_INTENT_INTENT_H

#include "intent/layers.h"
#include "libflow/intent.h"
#include "manifest/notes.h"
#include "policy/cidr_classes.h"
#include "policy/selector.h"

struct flow_intent_cidrs {
    struct flow_cidr *cidrs;
    size_t count;
};

struct flow_intent_texts {
    struct flow_str *texts;
    size_t count;
};

struct flow_intent_port {
    uint16_t protocols; /* bits, FLOW_PROTOCOL_BIT */
    bool any;           /* every port of them */
    uint16_t first, last;
};

struct flow_intent_ports {
    struct flow_intent_port *ports;
    size_t count; /* 0: every port */
};

/* A span of time, both ends included; FLOW_TIME_NONE: open. */
struct flow_intent_phase {
    struct flow_str name;
    int64_t from, until;
    uint32_t line;
};

enum { FLOW_INTENT_PHASES_MAX = 32 };

struct flow_intent_zone {
    struct flow_str name;
    struct flow_intent_cidrs cidrs;
    struct flow_intent_texts clusters;
    uint32_t line;
};

/* Who an end may be: a pod of which all that is given holds, or one of the others. */
struct flow_who {
    bool given; /* else everybody */
    bool pods;  /* of the three below, something is given */
    struct flow_intent_texts namespaces;
    struct flow_selector namespace_labels, labels;
    uint32_t entities; /* bits, enum flow_entity */
    uint32_t *identities;
    size_t identity_count;
    struct flow_intent_cidrs cidrs;
    struct flow_intent_texts fqdns; /* of approvals' destinations */
    const struct flow_intent_zone *zone;
    struct flow_intent_ports ports; /* where they stand beside */
};

/* One entry of any section: what it needs of these. */
struct flow_intent_rule {
    struct flow_intent_statement statement;
    struct flow_str name;
    uint32_t phases; /* bits; 0: always */
    struct flow_who from, to;
    struct flow_intent_ports ports;
    struct flow_intent_texts paths;
    const struct flow_intent_zone *from_zone, *to_zone;
    struct flow_intent_cidrs cidrs; /* of a project that goes by address */
};

/* A section: whether it is given, when it is in force, and its entries. */
struct flow_intent_section {
    bool given;
    bool deny; /* what no entry admits is not approved */
    uint32_t phases;
    struct flow_intent_statement statement;
    struct flow_intent_rule *rules;
    size_t count;
};

struct flow_intent_projects {
    bool isolate, shared_given;
    struct flow_str namespace_label, pod_label;
    struct flow_intent_texts namespace_patterns;
    struct flow_intent_section by_cidr, shared;
    struct flow_intent_statement statement;
};

struct flow_intent_layer {
    struct flow_layer layer;
    uint32_t phases;
    struct flow_intent_statement statement;
    struct flow_intent_statement *of_rules, *of_groups; /* one for each of the layer's */
};

struct flow_intent_document {
    struct flow_arena arena;
    struct flow_notes notes;
    const char *title, *file, *engine;
    const char **variables;
    size_t variable_count;
    struct flow_str cluster_name;
    struct flow_intent_cidrs pods, services, nodes;
    struct flow_intent_statement cluster; /* of its prefixes */
    struct flow_intent_phase *phases;
    size_t phase_count;
    struct flow_intent_zone *zones;
    size_t zone_count;
    const struct flow_intent_zone *home; /* the cluster's own, where it can be told; or NULL */
    struct flow_intent_section zone_pairs, gateways, egress, east_west, internal, control,
        control_endpoints, resolvers;
    struct flow_intent_projects projects;
    struct flow_approval *approvals; /* one for each rule of egress */
    struct flow_intent_layer *layers;
    size_t layer_count;
    double minimum_coverage;
    struct flow_intent_texts expected_nodes;
    int64_t silence;  /* nanoseconds without a record that count as seen */
    int64_t *borders; /* sorted times at which what is in force changes */
    size_t border_count;
    struct flow_cidr_classes classes; /* of every prefix in the document */
    bool asks_identities;             /* an end is named by its identity */
    bool asks_names;                  /* an approval goes by name */
};

/* What is asked of the document. Parties and lists are never NULL. */
struct flow_intent_question {
    const struct flow_party *client, *server;
    struct flow_address client_address, server_address;
    uint32_t client_identity, server_identity;
    struct flow_address translated;              /* of the client behind NAT; or none */
    const struct flow_text_list *told, *learned; /* names of the server */
    struct flow_str reporter_cluster;            /* of the agent; "" when not told */
    uint8_t protocol;
    bool has_port;
    uint16_t port;
    int64_t time;
    const struct flow_l7 *l7; /* the request, or NULL */
    bool names_seen;          /* the evidence has DNS answers */
    const struct flow_inventory *inventory;
};

/* load.c: the number of the span between borders that a time is in. */
uint32_t flow_intent_span(const struct flow_intent_document *intent, int64_t time);

/* judge.c. The decision is cleared first, padding too, so that it can be a key. */
void flow_intent_judge(const struct flow_intent_document *intent,
                       const struct flow_intent_question *question,
                       struct flow_intent_decision *decision);

/* place.c: where an end is. */
enum flow_place {
    FLOW_PLACE_UNKNOWN = 0,
    FLOW_PLACE_POD, /* in the cluster, and no node */
    FLOW_PLACE_NODE,
    FLOW_PLACE_ZONE, /* outside the cluster, in a zone */
    FLOW_PLACE_OUTSIDE
};

struct flow_intent_end {
    const struct flow_party *party;
    struct flow_address address;
    uint8_t place;   /* enum flow_place */
    bool may_be_pod; /* it is not told as a pod, and stands where pods are */
    bool foreign; /* at an address of the cluster's that nothing of the cluster is known to have */
    const struct flow_intent_zone *zone;
    struct flow_tri has_project;
    struct flow_str project; /* when it has one for sure */
    uint32_t identity;
};

void flow_intent_place(const struct flow_intent_document *intent,
                       const struct flow_intent_question *question, bool server,
                       struct flow_intent_end *end);
struct flow_tri flow_who_match(const struct flow_who *who, const struct flow_intent_end *end);
struct flow_tri flow_intent_ports_match(const struct flow_intent_ports *ports,
                                        const struct flow_intent_question *question);
bool flow_intent_holds(const struct flow_intent_cidrs *cidrs, const struct flow_address *address);
bool flow_glob_match(struct flow_str pattern, struct flow_str text);

/* The parts of the document, read.c and read_parts.c. */
struct flow_intent_reader {
    struct flow_fields_context context;
    struct flow_intent_document *intent;
    struct flow_documents *documents; /* or NULL */
};

bool flow_intent_read(struct flow_intent_reader *reader, const struct flow_node *root);

void *flow_intent_array(struct flow_intent_reader *reader, size_t count, size_t size);
/* Fails at a member that is not allowed. */
bool flow_intent_only(struct flow_intent_reader *reader, const struct flow_node *map,
                      const char *what, const char *const *allowed);
bool flow_intent_read_texts(struct flow_intent_reader *reader, const struct flow_node *map,
                            const char *key, struct flow_intent_texts *out);
/* Names of namespaces may hold stars, and nothing that a name cannot have. */
bool flow_intent_check_globs(struct flow_intent_reader *reader, const struct flow_node *map,
                             const char *key, const struct flow_intent_texts *texts);
bool flow_intent_read_cidrs(struct flow_intent_reader *reader, const struct flow_node *map,
                            const char *key, struct flow_intent_cidrs *out);
bool flow_intent_read_ports(struct flow_intent_reader *reader, const struct flow_node *map,
                            struct flow_intent_ports *out);
/* A date or time; as an end a date is the last instant of its day. */
bool flow_intent_read_time(struct flow_intent_reader *reader, const struct flow_node *map,
                           const char *key, bool end, int64_t *time);
bool flow_intent_read_phases(struct flow_intent_reader *reader, const struct flow_node *map,
                             uint32_t *phases);
bool flow_intent_read_zone(struct flow_intent_reader *reader, const struct flow_node *map,
                           const char *key, const struct flow_intent_zone **zone);
/* The members of WHO in a map that may have others. */
bool flow_intent_read_who(struct flow_intent_reader *reader, const struct flow_node *map,
                          const char *what, bool needed, struct flow_who *who);
/* A member that is a WHO alone, or absent. */
bool flow_intent_read_who_member(struct flow_intent_reader *reader, const struct flow_node *map,
                                 const char *key, struct flow_who *who);
bool flow_intent_read_size(struct flow_intent_reader *reader, const struct flow_node *map,
                           const char *key, uint64_t *bytes);
bool flow_intent_read_duration(struct flow_intent_reader *reader, const struct flow_node *map,
                               const char *key, int64_t *nanoseconds);
bool flow_intent_read_share(struct flow_intent_reader *reader, const struct flow_node *map,
                            const char *key, double *share);
/* A map of spec with statements of its own; *map is NULL when it is absent. */
bool flow_intent_read_section(struct flow_intent_reader *reader, const struct flow_node *spec,
                              const char *key, const char *const *allowed,
                              struct flow_intent_section *section, const struct flow_node **map);
/* read_egress.c: approvals, and what they need. */
bool flow_intent_read_variables(struct flow_intent_reader *reader, const struct flow_node *spec);
bool flow_intent_read_egress(struct flow_intent_reader *reader, const struct flow_node *spec);
/* read_layers.c */
bool flow_intent_read_layers(struct flow_intent_reader *reader, const struct flow_node *spec);
bool flow_intent_read_layer_file(struct flow_intent_reader *reader, const struct flow_node *node,
                                 struct flow_str file, struct flow_layer *layer);
/* A statement for each rule of a layer, once its files are read. */
bool flow_intent_state_layer(struct flow_intent_reader *reader, struct flow_intent_layer *layer);
/* The statement that an answer goes back to. */
const struct flow_intent_statement *flow_intent_layer_statement(
    const struct flow_intent_layer *layer, const struct flow_layer_answer *answer);
bool flow_intent_read_default(struct flow_intent_reader *reader, const struct flow_node *map,
                              const char *other, bool needed, bool *deny);
bool flow_intent_take_text(struct flow_intent_reader *reader, const struct flow_node *map,
                           const char *key, bool needed, struct flow_str *text);
/* The name of a statement: "section name" at a node. */
bool flow_intent_state(struct flow_intent_reader *reader, const struct flow_node *node,
                       const char *section, struct flow_str name,
                       struct flow_intent_statement *statement);

#endif
