/* SPDX-License-Identifier: Apache-2.0 */
/* Which policies select a party, or may: found once a party, and kept. */
#ifndef FLOW_POLICY_VIEWS_H
#define FLOW_POLICY_VIEWS_H

#include "policy/match.h"

/* A policy that selects a party, or may. */
struct flow_selected {
    const struct flow_policy *policy;
    struct flow_tri selects;
};

struct flow_view {
    size_t count;
    struct flow_selected selected[]; /* in the order of tiers and priorities */
};

struct flow_views {
    const struct flow_policies *policies; /* borrowed */
    struct flow_view **views;             /* by id of the party */
    uint32_t room;
    struct flow_view *of_host; /* of the node asked for last */
};

void flow_views_init(struct flow_views *views, const struct flow_policies *policies);
void flow_views_free(struct flow_views *views);

/* NULL when out of memory. */
const struct flow_view *flow_view_of(struct flow_views *views, const struct flow_party *subject);

/* The host policies of the node that reports; borrowed until the next call. */
const struct flow_view *flow_view_of_host(struct flow_views *views,
                                          const struct flow_question *question);

/*
 * Sorts the policies of a set by the namespace that their subjects are in, so that a party is tried
 * on those of its own alone. false when out of memory.
 */
bool flow_policy_index_make(struct flow_policies *set);

#endif
