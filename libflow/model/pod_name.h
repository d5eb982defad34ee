/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod's name tells of the workload that made it. */
#ifndef FLOW_MODEL_POD_NAME_H
#define FLOW_MODEL_POD_NAME_H

#include "libflow/base.h"

/*
 * The name without what controllers append: "web-7d9c5f6b8-x2x4z" (Deployment) and "agent-x2x4z"
 * (DaemonSet, Job) lose their endings. A number at the end stays: it may be part of a name.
 */
struct flow_str flow_pod_name_stem(struct flow_str name);

/* The name without "-0", as a StatefulSet numbers its pods; the whole name when there is none. */
struct flow_str flow_pod_name_without_ordinal(struct flow_str name);

#endif
