/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classifier puts what happened and what was declared together: it fills in the second half of
 * each record. Decisions are remembered, so a connection that was judged before costs a look-up.
 */
#ifndef LIBFLOW_CLASSIFIER_H
#define LIBFLOW_CLASSIFIER_H

#include "libflow/intent.h"
#include "libflow/names.h"
#include "libflow/policy.h"
#include "libflow/reader.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Mutual authentication that a rule asks for (authentication.mode); the answer stays "allow". */
enum flow_auth {
    FLOW_AUTH_NONE = 0,
    FLOW_AUTH_DISABLED,
    FLOW_AUTH_REQUIRED,
    FLOW_AUTH_ALWAYS_FAIL /**< dropped as not authenticated, whoever asks */
};

/** What the policies say about one connection at one of its ends, and which of them says it. */
struct flow_decision {
    uint8_t expected;   /**< enum flow_expected */
    uint8_t direction;  /**< enum flow_direction: the side this is about */
    bool l7;            /**< a rule that admits it, or may, filters requests behind the L4 answer */
    bool by_host_rule;  /**< admitted because nodes may always reach their own pods */
    bool request;       /**< about a request on a connection that is, or may be, allowed */
    bool by_setting;    /**< denied because enable-policy=always isolates every endpoint */
    uint8_t auth;       /**< enum flow_auth: what a rule that admits it asks for beside */
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

/**
 * Lets it look up what DNS answers told, where policies ask for names.
 *
 * @param[in] names  borrowed until flow_classifier_free or the next call; NULL for none
 */
FLOW_API void flow_classifier_set_names(struct flow_classifier *classifier,
                                        const struct flow_names *names);

/**
 * Lets it say what the organisation's own intent is.
 *
 * @param[in] intent  borrowed until flow_classifier_free; NULL for none. Call before the first run.
 */
FLOW_API void flow_classifier_set_intent(struct flow_classifier *classifier,
                                         const struct flow_intent_document *intent);

/** Judges every flow of the batch. @return FLOW_OK or FLOW_E_MEMORY */
FLOW_API int flow_classifier_run(struct flow_classifier *classifier, struct flow_batch *batch,
                                 struct flow_error *err);

/** Tiers are asked in this order; the first that answers decides. */
enum flow_tier {
    FLOW_TIER_ADMIN = 0, /**< AdminNetworkPolicy, ClusterNetworkPolicy of tier Admin */
    FLOW_TIER_NORMAL,    /**< NetworkPolicy and Cilium's policies */
    FLOW_TIER_BASELINE   /**< BaselineAdminNetworkPolicy, ClusterNetworkPolicy of tier Baseline */
};

/** What a rule does to what it matches. */
enum flow_action { FLOW_ACTION_ALLOW = 0, FLOW_ACTION_DENY, FLOW_ACTION_PASS };

/** One rule of a policy in an explanation, in the direction that is explained. */
struct flow_explain_rule {
    struct flow_str name; /**< "egress[1]" */
    uint32_t line;
    uint8_t action;     /**< enum flow_action */
    uint8_t peer, port; /**< enum flow_answer: whether its peers, and its ports, match */
    uint8_t matches;    /**< enum flow_answer: both */
    uint32_t undecided; /**< facts missing, bits of enum flow_undecided */
};

/** What one policy has to say in an explanation. */
struct flow_explain_step {
    const struct flow_policy_info *policy;
    uint8_t tier;         /**< enum flow_tier */
    uint8_t selects;      /**< enum flow_answer: whether it selects the subject */
    bool isolates;        /**< what no rule admits is denied */
    uint8_t admits;       /**< enum flow_answer */
    uint8_t denies;       /**< enum flow_answer */
    uint8_t passes;       /**< enum flow_answer: leaves it to the next tier */
    bool decides;         /**< the decision is this policy's */
    struct flow_str rule; /**< the rule that admits or denies, or may; "" for none */
    uint32_t line;        /**< of that rule, or of the policy */
    uint32_t undecided;   /**< facts missing, bits of enum flow_undecided */
    const struct flow_explain_rule *rules; /**< of an explanation: the policy's, in its order */
    size_t rule_count;
};

/** One side of a connection, explained. Borrowed from the classifier until the next call for it. */
struct flow_explanation {
    struct flow_decision decision;
    struct flow_decision l4_decision;      /**< without the request; the same where there is none */
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
    struct flow_str node_name; /**< of the node that reports, "cluster/node"; or "" */
    int64_t time;              /**< FLOW_TIME_NONE, or 0 bytes of a cleared struct, for none */
    const struct flow_l7 *l7;  /**< the request that is asked about, or NULL */
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

/**
 * Makes an endpoint from its labels. Unless io.kubernetes.pod.namespace is among them they are a
 * pod's own, and those of its namespace are taken from the inventory.
 *
 * @param[in] namespace_name, pod_name  may be ""
 * @param[in] labels                    "app=web" or "k8s:app=web", of which the first is the second
 * @return the endpoint, or NULL when out of memory
 */
FLOW_API const struct flow_endpoint *flow_endpoint_labelled(struct flow_dict *dict,
                                                            struct flow_str namespace_name,
                                                            struct flow_str pod_name,
                                                            const struct flow_str *labels,
                                                            size_t count);

/** A list of texts, such as DNS names, in a dictionary; NULL when out of memory. */
FLOW_API const struct flow_text_list *flow_text_list_of(struct flow_dict *dict,
                                                        const struct flow_str *texts, size_t count);

/**
 * Judges one side of a connection as a flow that was let through would be, by policies and intent.
 *
 * @param[in]  direction  FLOW_DIRECTION_EGRESS or FLOW_DIRECTION_INGRESS
 * @param[out] record     filled; what it points to lives as long as the classifier, the dictionary
 *                        and the connection
 * @return FLOW_OK or FLOW_E_MEMORY
 */
FLOW_API int flow_classifier_judge(struct flow_classifier *classifier, struct flow_dict *dict,
                                   const struct flow_connection *connection, uint8_t direction,
                                   struct flow_record *record, struct flow_error *err);

#ifdef __cplusplus
}
#endif

#endif
