/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which labels of a pod Cilium takes into the identity, and so which ones selectors and flow
 * records can see. The rest is as good as absent there.
 */
#ifndef FLOW_ENRICH_LABEL_FILTER_H
#define FLOW_ENRICH_LABEL_FILTER_H

#include "base/error.h"
#include "base/regex.h"

struct flow_label_pattern {
    struct flow_regex *regex;
    bool drops;
};

/* Zero bytes are the default filter; patterns of a cluster's own come beside the default ones. */
struct flow_label_filter {
    struct flow_label_pattern *patterns;
    size_t count;
    bool keeps_listed; /* a pattern that keeps was given: what none keeps is dropped */
};

/*
 * The agent's option "labels": patterns with spaces between them, "k8s:app !k8s:internal"; one with
 * '!' drops. FLOW_E_ARGUMENT for one that is no expression.
 */
int flow_label_filter_parse(struct flow_label_filter *filter, struct flow_str text,
                            struct flow_error *err);
void flow_label_filter_free(struct flow_label_filter *filter);

/* Whether a pod's label of this key is left out of the identity; NULL is the default filter. */
bool flow_label_filter_drops(const struct flow_label_filter *filter, struct flow_str key);

/* Keys that Kubernetes adds to pods at run time, so that a workload's template lacks them. */
bool flow_label_is_runtime(struct flow_str key);

#endif
