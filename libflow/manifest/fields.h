/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed reading of manifest nodes. The first thing wrong with an object fails it, with the place;
 * what is merely odd becomes a note. Texts with ${VARIABLES} come out with their values.
 */
#ifndef FLOW_MANIFEST_FIELDS_H
#define FLOW_MANIFEST_FIELDS_H

#include "libflow/policy.h"
#include "manifest/node.h"

struct flow_notes; /* collects notes; see notes.h */

struct flow_fields_context {
    const char *file;         /* lives as long as what is read */
    struct flow_arena *arena; /* for texts that outlive the document */
    struct flow_notes *notes;
    const char *const *variables; /* "NAME=VALUE" */
    size_t variable_count;
    struct flow_error *err; /* filled by a failing call */
    const char *default_namespace;
};

/* Fills the context's error with "expected X, found Y" at the node; returns false. */
bool flow_field_fail(struct flow_fields_context *context, const struct flow_node *node,
                     const char *expected_format, ...) FLOW_PRINTF(3, 4);
/* As above with a whole message of its own. */
bool flow_field_refuse(struct flow_fields_context *context, const struct flow_node *node,
                       const char *format, ...) FLOW_PRINTF(3, 4);
/* A warning at the node. */
void flow_field_warn(struct flow_fields_context *context, const struct flow_node *node,
                     const char *format, ...) FLOW_PRINTF(3, 4);

/* The value under a key; NULL when absent or null. */
const struct flow_node *flow_field(const struct flow_node *map, const char *key);
/* Whether the key is there, null or not. */
bool flow_field_present(const struct flow_node *map, const char *key);

/* The node is (or fails as) a map, a list. */
bool flow_field_is_map(struct flow_fields_context *context, const struct flow_node *node,
                       const char *what);
bool flow_field_is_list(struct flow_fields_context *context, const struct flow_node *node,
                        const char *what);

/* A member that is a list or absent (*list NULL, count 0). */
bool flow_field_list(struct flow_fields_context *context, const struct flow_node *map,
                     const char *key, const struct flow_node **list);
/* A member that is a map or absent. */
bool flow_field_map(struct flow_fields_context *context, const struct flow_node *map,
                    const char *key, const struct flow_node **member);

/* A member that must be there; when it is not, the map is the place of the failure. */
bool flow_field_need(struct flow_fields_context *context, const struct flow_node *map,
                     const char *key, const char *what, const struct flow_node **member);

/*
 * A scalar as text: a string, not a number or boolean that lost its quotes (YAML 1.1 as Kubernetes
 * reads it). The result is kept in the arena, variables replaced; *placeholder is set (if not NULL)
 * when one has no value.
 */
bool flow_field_text(struct flow_fields_context *context, const struct flow_node *node,
                     const char *what, struct flow_str *text, bool *placeholder);
/* A text member; absent leaves *text alone. */
bool flow_field_text_member(struct flow_fields_context *context, const struct flow_node *map,
                            const char *key, struct flow_str *text, bool *placeholder);
/* A whole number within bounds; quoted ones are text and fail. */
bool flow_field_integer(struct flow_fields_context *context, const struct flow_node *node,
                        const char *what, int64_t least, int64_t most, int64_t *value);
bool flow_field_boolean(struct flow_fields_context *context, const struct flow_node *node,
                        const char *what, bool *value);
/* Whether a plain scalar is a whole number. */
bool flow_field_looks_integer(const struct flow_node *node);

/* Warns of members that are not among the allowed ones (ended by NULL): most likely a typing slip.
 */
void flow_field_only(struct flow_fields_context *context, const struct flow_node *map,
                     const char *what, const char *const *allowed);

#endif
