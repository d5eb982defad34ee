/* SPDX-License-Identifier: Apache-2.0 */
/* Groups on their way to findings. */
#ifndef FLOW_CHECK_BUILDER_H
#define FLOW_CHECK_BUILDER_H

#include "base/buf.h"
#include "check/tally.h"

/* A finding while its groups are put together. */
struct flow_draft {
    struct flow_finding finding;
    uint8_t result;    /* enum flow_result */
    uint8_t kind;      /* enum flow_group_kind */
    uint8_t violation; /* enum flow_violation_kind */
    uint64_t verdicts, drops, others;
    uint64_t connections; /* of a violation: by pairs of ends, the side that told more */
};

/* Flows between two ends under one finding, by the side that told of them. */
struct flow_pair_seen {
    uint32_t draft;
    uint64_t sides[3]; /* enum flow_direction */
};

struct flow_builder {
    struct flow_tally *tally;
    struct flow_intern keys; /* the finding's own words -> number of the draft */
    struct flow_draft *drafts;
    size_t room;
    struct flow_intern pair_keys;
    struct flow_pair_seen *pairs;
    size_t pair_room;
    struct flow_cache workloads; /* "namespace/pod" -> endpoint that tells its workload */
    struct flow_buf text;
    size_t finding_room;
};

/* finding_ends.c: only the node that runs a pod tells its workload. False when out of memory. */
bool flow_builder_learn(struct flow_builder *builder, const struct flow_endpoint *endpoint);
/* "namespace/workload", a reserved name, a DNS name, or an address; NULL when out of memory. */
struct flow_str flow_builder_end(struct flow_builder *builder, const struct flow_endpoint *endpoint,
                                 const struct flow_address *address,
                                 const struct flow_text_list *names);
/* "namespace/pod" or the address. */
struct flow_str flow_builder_pod(struct flow_builder *builder, const struct flow_endpoint *endpoint,
                                 const struct flow_address *address);
/* The first name in byte order, so that it does not hang on the log. */
struct flow_str flow_first_name(const struct flow_text_list *names);

/* findings.c: the finding's fingerprint, then it is kept; NULL or false when out of memory. */
bool flow_builder_keep(struct flow_builder *builder, struct flow_finding *finding);
struct flow_str flow_builder_text(struct flow_builder *builder);

/* approvals.c: how the approvals were used, and findings about them. */
bool flow_builder_approvals(struct flow_builder *builder);
/* gaps.c: findings about the evidence itself. */
bool flow_builder_gaps(struct flow_builder *builder);

#endif
