/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries parties on the subjects of policies. Most policies are of one namespace, and a party whose
 * namespace is known need not be tried on those of others.
 */
#include "policy/views.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

void
flow_views_init(struct flow_views *views, const struct flow_policies *policies)
{
    memset(views, 0, sizeof(*views));
    views->policies = policies;
}

void
flow_views_free(struct flow_views *views)
{
    for (uint32_t i = 0; i < views->room; i++) {
        free(views->views[i]);
    }
    free(views->views);
    free(views->of_host);
    memset(views, 0, sizeof(*views));
}

/* The namespace that a subject has to be in, or {NULL, 0}. */
static struct flow_str
namespace_of(const struct flow_policy *policy)
{
    for (size_t i = 0; i < policy->subject.count; i++) {
        const struct flow_requirement *requirement = &policy->subject.requirements[i];

        if (requirement->op == FLOW_OP_IN && requirement->value_count == 1 &&
            !requirement->placeholder && flow_str_is(requirement->source, "k8s") &&
            flow_str_is(requirement->key, FLOW_NAMESPACE_KEY)) {
            return requirement->values[0];
        }
    }
    return (struct flow_str){ NULL, 0 };
}

static bool
add_to(struct flow_policies *set, struct flow_policy_indices *list, uint32_t index)
{
    if (list->count == list->room) {
        const uint32_t room = list->room == 0 ? 8 : list->room * 2;
        uint32_t *grown = flow_arena_array(&set->arena, room, sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        if (list->count > 0) {
            memcpy(grown, list->indices, list->count * sizeof(*grown));
        }
        list->indices = grown;
        list->room = room;
    }
    list->indices[list->count++] = index;
    return true;
}

bool
flow_policy_index_make(struct flow_policies *set)
{
    for (uint32_t i = 0; i < set->list.count; i++) {
        const struct flow_str name = namespace_of(&set->list.policies[i]);
        struct flow_policy_indices *list = &set->everywhere;

        if (name.ptr != NULL) {
            list =
                (struct flow_policy_indices *)(uintptr_t)flow_cache_find(&set->by_namespace, name);
        }
        if (list == NULL) {
            list = flow_arena_alloc(&set->arena, sizeof(*list));
            if (list == NULL || !flow_cache_put(&set->by_namespace, name, list)) {
                return false;
            }
        }
        if (!add_to(set, list, i)) {
            return false;
        }
    }
    return true;
}

/* Whether a policy of pods selects a party. */
static struct flow_tri
selects(const struct flow_policy *policy, const struct flow_party *subject)
{
    struct flow_tri answer;

    if (policy->selects_nodes || (policy->subject_pods && subject->class != FLOW_PARTY_POD &&
                                  subject->class != FLOW_PARTY_UNKNOWN)) {
        return flow_tri_of(false);
    }
    if (policy->tier != FLOW_TIER_NORMAL && subject->host_network) {
        return flow_tri_of(false); /* pods in their node's network are no subjects there */
    }
    answer = flow_selector_match(&policy->subject, subject, subject->cluster);
    if (answer.truth == FLOW_TRUE && subject->class == FLOW_PARTY_UNKNOWN) {
        return flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS);
    }
    if (answer.truth != FLOW_FALSE && subject->host_network) {
        /* like any pod, or only its node, of which no policy of pods speaks */
        return flow_tri_maybe(answer.why | FLOW_UNDECIDED_UNDEFINED);
    }
    return answer.truth != FLOW_FALSE && policy->why != 0 ? flow_tri_maybe(answer.why | policy->why)
                                                          : answer;
}

static void
try_policy(struct flow_view *view, const struct flow_policy *policy,
           const struct flow_party *subject)
{
    const struct flow_tri answer = selects(policy, subject);

    if (answer.truth != FLOW_FALSE) {
        view->selected[view->count++] = (struct flow_selected){ policy, answer };
    }
}

/* The policies of the party's namespace, and those of none; NULL: its namespace is not known. */
static const struct flow_policy_indices *
indices_of(const struct flow_policies *set, const struct flow_party *subject)
{
    static const struct flow_policy_indices none = { NULL, 0, 0 };

    for (uint32_t i = 0; i < subject->labels->count; i++) {
        const struct flow_label *label = &subject->labels->labels[i];

        if (flow_str_is(label->key, FLOW_NAMESPACE_KEY) && flow_str_is(label->source, "k8s")) {
            const struct flow_policy_indices *list =
                flow_cache_find(&set->by_namespace, label->value);

            return list != NULL ? list : &none;
        }
    }
    return NULL;
}

static struct flow_view *
make_view(const struct flow_policies *set, const struct flow_party *subject)
{
    const struct flow_policy_indices *own = indices_of(set, subject);
    const struct flow_policy_indices *all = &set->everywhere;
    const size_t most = own != NULL ? (size_t)own->count + all->count : set->list.count;
    struct flow_view *view = malloc(sizeof(*view) + most * sizeof(view->selected[0]));
    struct flow_view *fitted;

    if (view == NULL) {
        return NULL;
    }
    view->count = 0;
    if (own == NULL) {
        for (size_t i = 0; i < set->list.count; i++) {
            try_policy(view, &set->list.policies[i], subject);
        }
    } else {
        /* two sorted lists become one, so that tiers and priorities stay in order */
        for (uint32_t o = 0, a = 0; o < own->count || a < all->count;) {
            const bool from_own =
                a == all->count || (o < own->count && own->indices[o] < all->indices[a]);

            try_policy(view, &set->list.policies[from_own ? own->indices[o++] : all->indices[a++]],
                       subject);
        }
    }
    fitted = realloc(view, sizeof(*view) + view->count * sizeof(view->selected[0]));
    return fitted != NULL ? fitted : view;
}

const struct flow_view *
flow_view_of(struct flow_views *views, const struct flow_party *subject)
{
    uint32_t room = views->room == 0 ? 256 : views->room;

    while (room <= subject->id) {
        room *= 2;
    }
    if (room > views->room) {
        struct flow_view **grown = realloc(views->views, room * sizeof(*grown));

        if (grown == NULL) {
            return NULL;
        }
        memset(grown + views->room, 0, (room - views->room) * sizeof(*grown));
        views->views = grown;
        views->room = room;
    }
    if (views->views[subject->id] == NULL) {
        views->views[subject->id] = make_view(views->policies, subject);
    }
    return views->views[subject->id];
}

/*
 * One requirement of a nodeSelector: the host's reserved label, or a label of its Node as far as
 * the filter of identities lets it through (Cilium issues 10994 and 11543).
 */
static struct flow_tri
match_host(const struct flow_requirement *requirement, const struct flow_party *subject,
           const struct flow_cluster_node *node)
{
    const struct flow_selector one = { (struct flow_requirement *)requirement, 1 };

    if (requirement->placeholder) {
        return flow_tri_maybe(FLOW_UNDECIDED_PLACEHOLDER);
    }
    if (flow_str_is(requirement->source, "reserved") ||
        (requirement->source.len == 0 && flow_str_is(requirement->key, "host"))) {
        return flow_selector_match(&one, subject, subject->cluster);
    }
    if (flow_label_filter_drops(subject->filter, requirement->key)) {
        return flow_tri_of(flow_selector_match_labels(&one, NULL, 0));
    }
    return node == NULL || !node->labels_known
               ? flow_tri_maybe(FLOW_UNDECIDED_INVENTORY)
               : flow_tri_of(flow_selector_match_labels(&one, node->labels, node->label_count));
}

const struct flow_view *
flow_view_of_host(struct flow_views *views, const struct flow_question *question)
{
    const struct flow_policies *set = views->policies;
    const struct flow_cluster_node *node = flow_inventory_node(&set->inventory, question->node);
    const size_t size = sizeof(*views->of_host);

    if (views->of_host == NULL) {
        views->of_host = malloc(size + set->list.count * sizeof(views->of_host->selected[0]));
    }
    if (views->of_host == NULL) {
        return NULL;
    }
    views->of_host->count = 0;
    for (size_t i = 0; i < set->list.count; i++) {
        const struct flow_policy *policy = &set->list.policies[i];
        struct flow_tri answer = flow_tri_of(policy->selects_nodes);

        for (size_t r = 0; r < policy->subject.count && answer.truth != FLOW_FALSE; r++) {
            answer = flow_tri_and(
                answer, match_host(&policy->subject.requirements[r], question->subject, node));
        }
        if (answer.truth != FLOW_FALSE && policy->why != 0) {
            answer = flow_tri_maybe(answer.why | policy->why);
        }
        if (answer.truth != FLOW_FALSE) {
            views->of_host->selected[views->of_host->count++] =
                (struct flow_selected){ policy, answer };
        }
    }
    return views->of_host;
}
