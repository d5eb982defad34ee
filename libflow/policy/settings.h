/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of the enforcing agent that change what policies mean. They have the names they have in
 * Cilium's ConfigMap cilium-config, where there is one; defaults are those of the engine.
 */
#ifndef FLOW_POLICY_SETTINGS_H
#define FLOW_POLICY_SETTINGS_H

#include "enrich/label_filter.h"
#include "libflow/record.h"
#include "policy/read.h"

enum flow_enforcement { FLOW_ENFORCE_DEFAULT = 0, FLOW_ENFORCE_ALWAYS, FLOW_ENFORCE_NEVER };

/* Answers are FLOW_UNKNOWN while nobody has told; flow_settings_complete fills most of them in. */
struct flow_settings {
    uint8_t enforcement;          /* enum flow_enforcement */
    bool cidr_nodes;              /* prefixes match nodes too */
    bool cidr_pods;               /* prefixes match managed pods too */
    uint8_t local_cluster;        /* enum flow_answer: peers are of the local cluster by default */
    uint8_t double_star;          /* "**." in a name pattern stands for one or more labels */
    uint8_t non_default_deny;     /* enableDefaultDeny: false is heard */
    uint8_t node_selectors;       /* fromNodes and toNodes are taken */
    uint8_t host_firewall;        /* nodeSelector policies act; unknown stays unknown */
    bool identity_evidence;       /* an identity without a name's label was not resolved from it */
    struct flow_str cluster_name; /* of the agents; "" when not told */
    struct flow_label_filter labels;
};

/* Whether there is a setting of that name. */
bool flow_settings_has(struct flow_str name);

/*
 * FLOW_OK; FLOW_END for a name that is no setting; FLOW_E_ARGUMENT with a message for a bad value.
 * The value must outlive the settings.
 */
int flow_settings_set(struct flow_settings *settings, struct flow_str name, struct flow_str value,
                      struct flow_error *err);
void flow_settings_complete(struct flow_settings *settings, const struct flow_engine *engine);
void flow_settings_free(struct flow_settings *settings);

#endif
