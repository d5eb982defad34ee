/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classifier puts what happened and what was declared together: it fills in the second half of
 * each record. Decisions are remembered, so a connection that was judged before costs a look-up.
 */
#ifndef LIBFLOW_CLASSIFIER_H
#define LIBFLOW_CLASSIFIER_H

#include "libflow/policy.h"
#include "libflow/reader.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What the policies say about one connection at one of its ends, and which of them says it. */
struct flow_decision {
    uint8_t expected;   /**< enum flow_expected */
    uint8_t direction;  /**< enum flow_direction: the side this is about */
    bool l7;            /**< a rule that admits it filters requests behind the L4 answer */
    bool by_host_rule;  /**< admitted because nodes may always reach their own pods */
    uint32_t undecided; /**< bits of enum flow_undecided, when undecidable */
    /** The policy that decided: whose rule admits or denies, or that isolates; NULL when none. */
    const struct flow_policy_info *policy;
    struct flow_str rule; /**< "egress[1]", or "" when the policy decided by isolating */
    uint32_t line;        /**< of the rule, or of the policy */
};

struct flow_classifier;

/**
 * @param[out] out       owned; end with flow_classifier_free
 * @param[in]  policies  borrowed until flow_classifier_free
 * @return FLOW_OK or FLOW_E_MEMORY
 */
FLOW_API int flow_classifier_new(struct flow_classifier **out, const struct flow_policies *policies,
                                 struct flow_error *err);
FLOW_API void flow_classifier_free(struct flow_classifier *classifier);

/** Judges every flow of the batch. @return FLOW_OK or FLOW_E_MEMORY */
FLOW_API int flow_classifier_run(struct flow_classifier *classifier, struct flow_batch *batch,
                                 struct flow_error *err);

/** What one policy has to say in an explanation. */
struct flow_explain_step {
    const struct flow_policy_info *policy;
    uint8_t selects;      /**< enum flow_answer: whether it selects the subject */
    bool isolates;        /**< what no rule admits is denied */
    uint8_t admits;       /**< enum flow_answer */
    uint8_t denies;       /**< enum flow_answer */
    uint8_t passes;       /**< enum flow_answer: leaves it to the next tier */
    bool decides;         /**< the decision is this policy's */
    struct flow_str rule; /**< the rule that admits or denies, or may; "" for none */
    uint32_t line;        /**< of that rule, or of the policy */
    uint32_t undecided;   /**< facts missing, bits of enum flow_undecided */
};

/** One side of a connection, explained. Borrowed from the classifier until the next call. */
struct flow_explanation {
    struct flow_decision decision;
    const struct flow_explain_step *steps; /**< policies that select the subject, or may */
    size_t step_count;
};

/** A connection that need not have happened: each end is an endpoint, an address, or both. */
struct flow_connection {
    const struct flow_endpoint *source, *destination; /**< NULL: nothing but the address */
    struct flow_address source_address, destination_address;
    const struct flow_text_list *source_names, *destination_names; /**< DNS names, or NULL */
    uint8_t protocol;                                              /**< enum flow_protocol */
    bool has_port;
    uint16_t destination_port; /**< or the ICMP type */
};

/**
 * Explains one side of a connection.
 *
 * @param[in] dict       the dictionary of the endpoints
 * @param[in] direction  FLOW_DIRECTION_EGRESS or FLOW_DIRECTION_INGRESS
 * @return FLOW_OK or FLOW_E_MEMORY
 */
FLOW_API int flow_classifier_explain(struct flow_classifier *classifier,
                                     const struct flow_dict *dict,
                                     const struct flow_connection *connection, uint8_t direction,
                                     struct flow_explanation *explanation, struct flow_error *err);

/**
 * The connection that a flow belongs to, with the ends put right for a reply.
 */
FLOW_API void flow_connection_of(const struct flow_record *record,
                                 struct flow_connection *connection);

/**
 * Makes an endpoint from a name, "namespace/pod" or an entity such as "world" or "host".
 *
 * The pod's labels come from the inventory; a pod that is not there has none.
 * @return the endpoint, or NULL when out of memory
 */
FLOW_API const struct flow_endpoint *flow_endpoint_named(struct flow_dict *dict,
                                                         struct flow_str namespace_name,
                                                         struct flow_str pod_name,
                                                         struct flow_str entity);

#ifdef __cplusplus
}
#endif

#endif
