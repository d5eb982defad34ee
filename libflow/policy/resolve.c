/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What policies mean once all of the set is known: objects that the settings refuse go, CIDR groups
 * and Services get their addresses and selectors, tiers their order.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "policy/load.h"
#include "policy/views.h"

static int
compare_tiers(const void *left, const void *right)
{
    const struct flow_policy *a = left;
    const struct flow_policy *b = right;

    if (a->tier != b->tier) {
        return a->tier < b->tier ? -1 : 1;
    }
    if (a->priority != b->priority) {
        return a->priority < b->priority ? -1 : 1;
    }
    return a->place < b->place ? -1 : a->place > b->place;
}

/* Orders the policies as their tiers are asked; within the normal tier they stay as they came. */
static void
sort_tiers(struct flow_policy_list *list)
{
    if (list->count > 1) {
        for (size_t i = 0; i < list->count; i++) {
            list->policies[i].place = i;
        }
        qsort(list->policies, list->count, sizeof(*list->policies), compare_tiers);
    }
}

/* A note about a policy's object. */
static void
note(struct flow_policies *set, int level, const struct flow_policy *policy, uint32_t line,
     uint32_t column, const char *message)
{
    struct flow_error error;

    flow_fail(&error, level == FLOW_NOTE_ERROR ? FLOW_E_INVALID : FLOW_OK, "%s", message);
    flow_error_set_input(&error, policy->info.file);
    flow_error_set_place(&error, 0, line, column);
    flow_notes_add(&set->notes, level, &error);
}

/* Clusters take fromNodes and toNodes only where that is enabled; the whole object goes. */
static void
refuse_nodes(struct flow_policies *set)
{
    if (set->settings.node_selectors == FLOW_YES) {
        return;
    }
    for (size_t i = 0; i < set->list.count; i++) {
        const struct flow_policy *policy = &set->list.policies[i];
        const uint32_t index = policy->index;

        if (policy->nodes_line == 0 || index == UINT32_MAX) {
            continue;
        }
        note(set, FLOW_NOTE_ERROR, policy, policy->nodes_line, policy->nodes_column,
             "expected no fromNodes or toNodes, which enable-node-selector-labels has to allow, "
             "found some");
        for (size_t s = 0; s < set->list.count; s++) {
            if (set->list.policies[s].index == index) {
                set->list.policies[s].index = UINT32_MAX;
            }
        }
        set->infos[index].name = NULL;
    }
}

/* Specs of objects that are not in force go, and the objects that were refused above. */
static void
drop_superseded(struct flow_policies *set)
{
    size_t kept = 0;

    for (size_t i = 0; i < set->list.count; i++) {
        if (set->list.policies[i].index != UINT32_MAX) {
            set->list.policies[kept++] = set->list.policies[i];
        }
    }
    set->list.count = kept;
    kept = 0;
    for (size_t i = 0; i < set->info_count; i++) {
        if (set->infos[i].name == NULL) {
            continue;
        }
        for (size_t p = 0; kept != i && p < set->list.count; p++) {
            if (set->list.policies[p].index == i) {
                set->list.policies[p].index = (uint32_t)kept;
            }
        }
        set->infos[kept++] = set->infos[i];
    }
    set->info_count = kept;
}

/* Gives the peers that name CIDR groups the groups, now that all of them are known. */
static bool
resolve_group(struct flow_policies *set, struct flow_peer *peer)
{
    const struct flow_cache *cache = &set->inventory.groups;

    peer->groups = flow_arena_array(&set->arena, cache->keys.count, sizeof(*peer->groups));
    if (peer->groups == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < cache->keys.count; i++) {
        const struct flow_cidr_group *group = cache->values[i];

        if (peer->pattern.len > 0
                ? flow_str_equal(group->name, peer->pattern)
                : flow_selector_match_labels(&peer->selector, group->labels, group->label_count)) {
            peer->groups[peer->group_count++] = group;
        }
    }
    if (peer->group_count == 0) {
        peer->why |= FLOW_UNDECIDED_INVENTORY;
    }
    for (size_t g = 0; g < peer->group_count; g++) {
        for (size_t i = 0; i < peer->groups[g]->cidr_count; i++) {
            if (!flow_cidr_classes_add(&set->classes, &peer->groups[g]->cidrs[i])) {
                return false;
            }
        }
    }
    return true;
}

/* The pods of a Service: its selector, and its namespace. */
static bool
select_pods(struct flow_policies *set, const struct flow_service *service,
            struct flow_selector *selector)
{
    struct flow_selector_draft draft = { .arena = &set->arena };
    bool ok = flow_selector_add_equal(&draft, FLOW_STR("k8s"), FLOW_STR(FLOW_NAMESPACE_KEY),
                                      service->namespace_name) &&
              flow_selector_add(&draft, (struct flow_requirement){ .op = FLOW_OP_LOCAL_CLUSTER });

    for (size_t i = 0; ok && i < service->selector_count; i++) {
        ok = flow_selector_add_equal(&draft, FLOW_STR("k8s"), service->selector[i].name,
                                     service->selector[i].value);
    }
    *selector = flow_selector_seal(&draft);
    return ok;
}

static bool
is_meant(const struct flow_peer *peer, const struct flow_service *service)
{
    if (peer->namespace_name.len > 0 &&
        !flow_str_equal(peer->namespace_name, service->namespace_name)) {
        return false;
    }
    return peer->pattern.ptr != NULL
               ? flow_str_equal(peer->pattern, service->name)
               : flow_selector_match_labels(&peer->selector, service->labels, service->label_count);
}

static bool
has_addresses(const struct flow_backends *backends)
{
    while (backends != NULL && backends->count == 0) {
        backends = backends->next;
    }
    return backends != NULL;
}

/* Addresses behind a Service count as prefixes of their own. */
static bool
class_backends(struct flow_policies *set, const struct flow_backends *backends)
{
    for (; backends != NULL; backends = backends->next) {
        for (size_t i = 0; i < backends->count; i++) {
            const struct flow_cidr cidr = { backends->addresses[i],
                                            backends->addresses[i].family == 4 ? 32 : 128 };

            if (!flow_cidr_classes_add(&set->classes, &cidr)) {
                return false;
            }
        }
    }
    return true;
}

/*
 * Finds the Services that a peer means. Without one the inventory may lack it; a selector over an
 * inventory that has Services and matches none of them selects nothing.
 */
static bool
resolve_service(struct flow_policies *set, struct flow_peer *peer)
{
    const struct flow_cache *cache = &set->inventory.services;
    struct flow_service_peer *found =
        flow_arena_array(&set->arena, cache->keys.count, sizeof(*found));
    bool ok = found != NULL;
    bool any = false;

    peer->services = found;
    for (uint32_t i = 0; ok && i < cache->keys.count; i++) {
        const struct flow_service *service = cache->values[i];
        struct flow_service_peer *slot = &found[peer->service_count];

        if (!is_meant(peer, service)) {
            continue;
        }
        any = true;
        *slot = (struct flow_service_peer){ .backends = NULL };
        if (service->selector_count > 0) {
            ok = select_pods(set, service, &slot->selector);
            peer->service_count++;
            continue;
        }
        slot->backends = flow_inventory_backends(&set->inventory, service);
        ok = class_backends(set, slot->backends);
        if (slot->backends == NULL) {
            peer->why |= FLOW_UNDECIDED_INVENTORY;
        } else if (has_addresses(slot->backends)) {
            peer->service_count++; /* one that has none adds nothing to the list of peers */
        }
    }
    if (!any && (peer->pattern.ptr != NULL || cache->keys.count == 0)) {
        peer->why |= FLOW_UNDECIDED_INVENTORY;
    }
    return ok;
}

static bool
finish_peer(struct flow_policies *set, const struct flow_rule *rule, struct flow_peer *peer)
{
    bool ok = true;

    switch (peer->kind) {
    case FLOW_PEER_GROUP:
        ok = resolve_group(set, peer);
        break;
    case FLOW_PEER_SERVICE:
        ok = resolve_service(set, peer);
        break;
    case FLOW_PEER_CIDR:
    case FLOW_PEER_IP_BLOCK:
    case FLOW_PEER_NETWORK:
        ok = flow_cidr_classes_add(&set->classes, &peer->cidr);
        break;
    case FLOW_PEER_FQDN:
        peer->deep |= set->settings.double_star == FLOW_YES;
        set->has_names = true;
        break;
    case FLOW_PEER_NODES:
        /* Cilium knows nodes by their labels only where that is enabled */
        if (set->settings.node_selectors != FLOW_YES) {
            peer->why |= FLOW_UNDECIDED_UNDEFINED;
            /* what is not known fails closed: such a rule may be about everybody */
            peer->kind = rule->deny || rule->pass ? FLOW_PEER_OPEN : FLOW_PEER_NODES;
        }
        set->has_nodes = true;
        break;
    default:
        break;
    }
    for (size_t i = 0; ok && i < peer->except_count; i++) {
        ok = flow_cidr_classes_add(&set->classes, &peer->except[i]);
    }
    return ok;
}

/*
 * Services of which none is left leave the list of peers empty but there: no peer at all without
 * ports, and any peer with them (policy facts, 3.3).
 */
static void
finish_services(struct flow_policies *set, const struct flow_policy *policy, struct flow_rule *rule)
{
    for (size_t i = 0; i < rule->peer_count; i++) {
        const struct flow_peer *peer = &rule->peers[i];

        if (peer->kind != FLOW_PEER_SERVICE || peer->why != 0 || peer->service_count > 0) {
            return;
        }
    }
    if (rule->peer_count == 0) {
        return;
    }
    rule->peer_extent =
        rule->port_extent == FLOW_EXTENT_ANY ? FLOW_EXTENT_NOTHING : FLOW_EXTENT_ANY;
    note(set, FLOW_NOTE_WARNING, policy, rule->peers[0].line, rule->peers[0].column,
         rule->port_extent == FLOW_EXTENT_ANY
             ? "toServices matches no Service, so the rule admits nothing"
             : "toServices matches no Service, so the rule admits any peer on its ports");
}

static bool
finish_policy(struct flow_policies *set, struct flow_policy *policy)
{
    for (uint8_t direction = FLOW_DIRECTION_INGRESS;
         set->settings.non_default_deny == FLOW_NO && policy->tier == FLOW_TIER_NORMAL &&
         direction <= FLOW_DIRECTION_EGRESS;
         direction++) {
        policy->isolates[direction] |= policy->speaks[direction];
    }
    set->has_host_policies |= policy->selects_nodes;
    for (size_t r = 0; r < policy->rule_count; r++) {
        struct flow_rule *rule = &policy->rules[r];

        for (size_t p = 0; p < rule->peer_count; p++) {
            if (!finish_peer(set, rule, &rule->peers[p])) {
                return false;
            }
        }
        finish_services(set, policy, rule);
    }
    return true;
}

/* Addresses of nodes tell nodes apart, where a rule asks for their labels. */
static bool
class_nodes(struct flow_policies *set)
{
    const struct flow_cache *cache = &set->inventory.addresses;

    for (uint32_t i = 0; set->has_nodes && i < cache->keys.count; i++) {
        const struct flow_address_entry *entry = cache->values[i];
        struct flow_cidr cidr = { .length = 128 };

        if (entry->node == NULL) {
            continue;
        }
        memcpy(&cidr.address, flow_intern_text(&cache->keys, i).ptr, sizeof(cidr.address));
        cidr.length = cidr.address.family == 4 ? 32 : 128;
        if (!flow_cidr_classes_add(&set->classes, &cidr)) {
            return false;
        }
    }
    return true;
}

int
flow_policies_resolve(struct flow_policies *set, struct flow_error *err)
{
    refuse_nodes(set);
    drop_superseded(set);
    sort_tiers(&set->list);
    for (size_t i = 0; i < set->list.count; i++) {
        if (!finish_policy(set, &set->list.policies[i])) {
            return flow_fail_memory(err);
        }
    }
    if (!class_nodes(set) || !flow_policy_index_make(set)) {
        return flow_fail_memory(err);
    }
    flow_cidr_classes_seal(&set->classes);
    return set->notes.failed ? flow_fail_memory(err) : FLOW_OK;
}
