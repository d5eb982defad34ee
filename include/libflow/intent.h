/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The organisation's own intent, declared above the network policies in a FlowIntent document:
 * gateways, approved destinations, isolated projects, zones. flowcheck-intent(5) describes it.
 */
#ifndef LIBFLOW_INTENT_H
#define LIBFLOW_INTENT_H

#include "libflow/policy.h"
#include "libflow/record.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Read-only once loaded, and may be shared between threads. */
struct flow_intent_document;

struct flow_intent_options {
    size_t size;                  /**< sizeof(struct flow_intent_options) */
    const char *const *variables; /**< "NAME=VALUE"; they count more than spec.variables */
    size_t variable_count;
    struct flow_documents *documents; /**< as in struct flow_policies_options */
};

/** Fills in the defaults. @return FLOW_OK, or FLOW_E_ARGUMENT for a size it does not know */
FLOW_API int flow_intent_options_init(struct flow_intent_options *options, size_t size);

/**
 * Reads a document and the files of its layers, whose paths are beside it.
 *
 * @param[out] out      owned; end with flow_intent_free
 * @param[in]  path     YAML or JSON, "-" for standard input
 * @param[in]  options  NULL for the defaults; the texts are borrowed for the call
 * @param[out] err      with line and column, of what is wrong first
 * @return FLOW_OK (look at flow_intent_note_count); FLOW_E_INVALID or FLOW_E_PARSE for a document
 *         that is refused; FLOW_E_SYSTEM when a file cannot be read; FLOW_E_LIMIT; FLOW_E_MEMORY
 */
FLOW_API int flow_intent_load(struct flow_intent_document **out, const char *path,
                              const struct flow_intent_options *options, struct flow_error *err);
FLOW_API void flow_intent_free(struct flow_intent_document *intent);

/** Warnings: what is odd, and still has a meaning. */
FLOW_API size_t flow_intent_note_count(const struct flow_intent_document *intent);
FLOW_API const struct flow_note *flow_intent_note_at(const struct flow_intent_document *intent,
                                                     size_t i);

/**
 * Tells of each statement whose selector is no pod of the inventory; of none when there are no pods
 * to compare with. The warning is borrowed for the call.
 */
FLOW_API void flow_intent_tell_unmatched(
    const struct flow_intent_document *intent, const struct flow_policies *policies,
    void (*tell)(void *context, const struct flow_error *warning), void *context);

/** metadata.name. */
FLOW_API const char *flow_intent_title(const struct flow_intent_document *intent);
FLOW_API const char *flow_intent_file(const struct flow_intent_document *intent);
/** spec.engine, or NULL. */
FLOW_API const char *flow_intent_engine(const struct flow_intent_document *intent);
/** spec.variables as "NAME=VALUE", for the manifests of the policies. */
FLOW_API size_t flow_intent_variable_count(const struct flow_intent_document *intent);
FLOW_API const char *flow_intent_variable_at(const struct flow_intent_document *intent, size_t i);

/** Whether an approval goes by DNS name, so that answers in the log can change an answer. */
FLOW_API bool flow_intent_asks_names(const struct flow_intent_document *intent);

/** coverage.minimum, 0 to 1; below 0 when the document asks for none. */
FLOW_API double flow_intent_minimum_coverage(const struct flow_intent_document *intent);

/** One statement of the document, as findings name it. */
struct flow_intent_statement {
    const char *name; /**< "egress.approved matlab-licence" */
    const char *file;
    uint32_t line;
};

/** An approved exception: a destination outside that may be reached. Texts are "" when absent. */
struct flow_approval {
    struct flow_intent_statement statement;
    const char *id;
    const char *purpose, *owner, *reason, *mitigation, *approved_by, *reference;
    const char *approved_on, *expires_on; /**< as the document has them */
    const char *from, *to, *ports;        /**< as a person would write them */
    int64_t from_time, until_time;        /**< in force from, until; FLOW_TIME_NONE: no bound */
    uint64_t byte_budget;                 /**< 0: none */
};

FLOW_API size_t flow_intent_approval_count(const struct flow_intent_document *intent);
/** In the order of the document; borrowed; NULL when i is not below the count. */
FLOW_API const struct flow_approval *flow_intent_approval_at(
    const struct flow_intent_document *intent, size_t i);

/** What a connection can violate; each has a rule FC2xx of its own. */
enum flow_violation_kind {
    FLOW_VIOLATION_GATEWAY = 0, /**< FC201 */
    FLOW_VIOLATION_PROJECT,     /**< FC202 */
    FLOW_VIOLATION_EGRESS,      /**< FC203 */
    FLOW_VIOLATION_EXPIRED,     /**< FC204 */
    FLOW_VIOLATION_DIRECT_IP,   /**< FC207 */
    FLOW_VIOLATION_RESOLVER,    /**< FC208 */
    FLOW_VIOLATION_CONTROL,     /**< FC209 */
    FLOW_VIOLATION_FOREIGN,     /**< FC210 */
    FLOW_VIOLATION_EAST_WEST,   /**< FC211 */
    FLOW_VIOLATION_LAYER,       /**< FC212 */
    FLOW_VIOLATION_ZONE,        /**< FC213 */
    FLOW_VIOLATION_NOT_YET,     /**< FC217 */
    FLOW_VIOLATION_INTERNAL,    /**< FC218 */
    FLOW_VIOLATION_UNDECIDABLE  /**< FC503: a fact is missing that the intent hangs on */
};
#define FLOW_VIOLATION_COUNT 14

struct flow_violation {
    uint8_t kind;                                  /**< enum flow_violation_kind */
    const struct flow_intent_statement *statement; /**< that it is against; or NULL */
};

/** A connection violates each kind once. */
#define FLOW_VIOLATIONS_MAX FLOW_VIOLATION_COUNT

/** Sections that a decision tells to be in force. */
enum flow_intent_section_kind {
    FLOW_SECTION_GATEWAYS = 0,
    FLOW_SECTION_EGRESS,
    FLOW_SECTION_EAST_WEST,
    FLOW_SECTION_CONTROL,
    FLOW_SECTION_ZONES,
    FLOW_SECTION_LAYERS
};
#define FLOW_SECTION_COUNT 6

/** What the document says of a connection. */
struct flow_intent_decision {
    uint8_t intent; /**< enum flow_intent */
    uint8_t scope;  /**< enum flow_scope, as the document's prefixes have it */
    uint8_t violation_count;
    uint8_t in_force;   /**< bits, enum flow_intent_section_kind */
    bool before_phases; /**< it was before the first phase, when no statement is in force */
    uint32_t undecided; /**< facts missing, bits of enum flow_undecided */
    const struct flow_approval *approval;          /**< that admits it, or did; or NULL */
    const struct flow_intent_statement *statement; /**< that approves it; or NULL */
    struct flow_violation violations[FLOW_VIOLATIONS_MAX];
};

#ifdef __cplusplus
}
#endif

#endif
