/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Declared policies, and the snapshot of the cluster they speak about. Read from Kubernetes
 * manifests in YAML or JSON: NetworkPolicy, CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy,
 * AdminNetworkPolicy, BaselineAdminNetworkPolicy and ClusterNetworkPolicy are policies; Namespace,
 * Pod, workloads, Service, Node, CiliumEndpoint, CiliumIdentity and CiliumCIDRGroup are inventory;
 * other kinds are noted.
 */
#ifndef LIBFLOW_POLICY_H
#define LIBFLOW_POLICY_H

#include "libflow/address.h"
#include "libflow/documents.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Kinds of policy. */
enum flow_policy_kind {
    FLOW_POLICY_KNP = 0, /**< networking.k8s.io NetworkPolicy */
    FLOW_POLICY_CNP,     /**< cilium.io CiliumNetworkPolicy */
    FLOW_POLICY_CCNP,    /**< cilium.io CiliumClusterwideNetworkPolicy */
    FLOW_POLICY_ANP,     /**< policy.networking.k8s.io AdminNetworkPolicy (v1alpha1) */
    FLOW_POLICY_BANP,    /**< policy.networking.k8s.io BaselineAdminNetworkPolicy (v1alpha1) */
    FLOW_POLICY_KCNP,    /**< policy.networking.k8s.io ClusterNetworkPolicy (v1alpha2) */
    FLOW_POLICY_FOREIGN  /**< a kind that is not modelled, such as Calico's */
};

struct flow_policies_options {
    size_t size;                  /**< sizeof(struct flow_policies_options) */
    const char *const *manifests; /**< files and directories of policies; default none */
    size_t manifest_count;
    const char *const *snapshots; /**< files and directories of inventory alone; default none */
    size_t snapshot_count;
    const char *const *variables; /**< "NAME=VALUE", for ${NAME} in manifests; default none */
    size_t variable_count;
    const char *engine;          /**< "cilium-1.17" to "cilium-1.20" or "kubernetes"; NULL
                                      (default): "cilium-1.19" */
    const char *const *settings; /**< "NAME=VALUE", settings of the enforcing agent that change
                                      what policies mean, named as in Cilium's ConfigMap
                                      cilium-config; they count more than such a ConfigMap among
                                      the manifests or snapshots; default none.
                                      flowcheck-check(1) lists them. */
    size_t setting_count;
    const char *default_namespace;    /**< for objects without one; NULL (default): "default" */
    bool partial;                     /**< the policies are not all there are: where none selects a
                                           subject the answer is undecidable; default false. Without
                                           any manifests it is always so. */
    struct flow_documents *documents; /**< keeps what is read, or, sealed, gives all of it and
                                           every option; borrowed for the call; default NULL */
};

/** Fills in the defaults. @return FLOW_OK, or FLOW_E_ARGUMENT for a size it does not know */
FLOW_API int flow_policies_options_init(struct flow_policies_options *options, size_t size);

/** Read-only once loaded, and may be shared between threads. */
struct flow_policies;

/**
 * Load manifests. What is wrong with one object costs that object alone and becomes a note: an
 * object that a cluster would refuse is left out, as the cluster would.
 *
 * @param[out] out      owned; end with flow_policies_free
 * @param[in]  options  NULL for the defaults; the texts are borrowed for the call
 * @return FLOW_OK (look at flow_policies_error_count); FLOW_E_ARGUMENT for an unknown engine, a
 *         bad variable or setting; FLOW_E_SYSTEM when a path cannot be read; FLOW_E_MEMORY
 */
FLOW_API int flow_policies_load(struct flow_policies **out,
                                const struct flow_policies_options *options,
                                struct flow_error *err);
FLOW_API void flow_policies_free(struct flow_policies *policies);

enum flow_note_level {
    FLOW_NOTE_INFO = 0,    /**< a kind that is passed over */
    FLOW_NOTE_WARNING = 1, /**< odd, and taken as the cluster would take it */
    FLOW_NOTE_ERROR = 2    /**< an object or document left out */
};

/** What the loader has to say. */
struct flow_note {
    int32_t level;           /**< enum flow_note_level */
    struct flow_error error; /**< place and message */
};

FLOW_API size_t flow_policies_note_count(const struct flow_policies *policies);
/** A note, borrowed; NULL when i is not below the count. */
FLOW_API const struct flow_note *flow_policies_note_at(const struct flow_policies *policies,
                                                       size_t i);
/** Notes of level FLOW_NOTE_ERROR. */
FLOW_API size_t flow_policies_error_count(const struct flow_policies *policies);

/** Where a policy is from. Borrowed from the policies. */
struct flow_policy_info {
    uint8_t kind;               /**< enum flow_policy_kind */
    const char *namespace_name; /**< "" for cluster-wide kinds */
    const char *name;
    const char *file;
    uint32_t line; /**< of the object */
};

/** Policy objects in force: valid ones, of a repeated name the last. */
FLOW_API size_t flow_policies_count(const struct flow_policies *policies);
FLOW_API const struct flow_policy_info *flow_policies_at(const struct flow_policies *policies,
                                                         size_t i);
/** Namespaces, pods and the like that the inventory holds. */
FLOW_API size_t flow_policies_inventory_count(const struct flow_policies *policies);
/** Whether a pod, node or Service of the inventory has the address. */
FLOW_API bool flow_policies_knows_address(const struct flow_policies *policies,
                                          const struct flow_address *address);
struct flow_dict;
struct flow_batch;
/**
 * Gives the ends of captured connections the pods that had their addresses at that time; other
 * records have theirs from the agent and are left alone. Call before flow_classifier_run.
 *
 * @param[in] dict  of the reader that filled the batch
 * @return FLOW_OK or FLOW_E_MEMORY
 */
FLOW_API int flow_policies_name_ends(const struct flow_policies *policies, struct flow_dict *dict,
                                     struct flow_batch *batch, struct flow_error *err);
/** Whether a rule asks for DNS names, so that answers in the log can matter (flow_names). */
FLOW_API bool flow_policies_ask_names(const struct flow_policies *policies);
/** "cilium-1.19"; static text. */
FLOW_API const char *flow_policies_engine(const struct flow_policies *policies);
/** "KNP", "CNP", "CCNP", "ANP", "BANP", "KCNP", "foreign"; static text. */
FLOW_API const char *flow_policy_kind_name(uint8_t kind);

#ifdef __cplusplus
}
#endif

#endif
