/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the snapshot and their look-ups; inventory_read.c fills them from manifests. */
#include "enrich/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "enrich/inventory_read.h"
#include "model/pod_name.h"

static struct flow_cache *const *
tables(struct flow_inventory *inventory, struct flow_cache *list[10])
{
    list[0] = &inventory->pods;
    list[1] = &inventory->workloads;
    list[2] = &inventory->namespaces;
    list[3] = &inventory->identities;
    list[4] = &inventory->groups;
    list[5] = &inventory->addresses;
    list[6] = &inventory->nodes;
    list[7] = &inventory->services;
    list[8] = &inventory->backends;
    list[9] = NULL;
    return list;
}

bool
flow_inventory_init(struct flow_inventory *inventory)
{
    struct flow_cache *list[10];

    memset(inventory, 0, sizeof(*inventory));
    for (struct flow_cache *const *table = tables(inventory, list); *table != NULL; table++) {
        if (!flow_intern_init(&(*table)->keys)) {
            return false;
        }
    }
    return true;
}

void
flow_inventory_free(struct flow_inventory *inventory)
{
    struct flow_cache *list[10];

    for (struct flow_cache *const *table = tables(inventory, list); *table != NULL; table++) {
        flow_cache_free(*table);
    }
    flow_arena_free(&inventory->arena);
    memset(inventory, 0, sizeof(*inventory));
}

/* Looks up "namespace/name"; names are at most 253 bytes, longer ones are not there. */
static const void *
find_named(const struct flow_cache *cache, struct flow_str namespace_name, struct flow_str name)
{
    char key[FLOW_INVENTORY_KEY_MAX];
    const size_t len = flow_inventory_key(key, namespace_name, name);

    return len > 0 ? flow_cache_find(cache, (struct flow_str){ key, len }) : NULL;
}

size_t
flow_inventory_key(char key[FLOW_INVENTORY_KEY_MAX], struct flow_str namespace_name,
                   struct flow_str name)
{
    if (namespace_name.len + 1 + name.len > FLOW_INVENTORY_KEY_MAX) {
        return 0;
    }
    if (namespace_name.len > 0) {
        memcpy(key, namespace_name.ptr, namespace_name.len);
    }
    key[namespace_name.len] = '/';
    if (name.len > 0) {
        memcpy(key + namespace_name.len + 1, name.ptr, name.len);
    }
    return namespace_name.len + 1 + name.len;
}

const struct flow_pod *
flow_inventory_pod(const struct flow_inventory *inventory, struct flow_str namespace_name,
                   struct flow_str name)
{
    return find_named(&inventory->pods, namespace_name, name);
}

const struct flow_pod *
flow_inventory_workload(const struct flow_inventory *inventory, struct flow_str namespace_name,
                        struct flow_str name)
{
    return find_named(&inventory->workloads, namespace_name, name);
}

/* The one workload of a list that is of a kind ("" for any), or is not; NULL for none or several.
 */
static const struct flow_pod *
only_of_kind(const struct flow_pod *pod, struct flow_str kind, bool is)
{
    const struct flow_pod *only = NULL;

    for (; pod != NULL; pod = pod->next) {
        if (kind.len == 0 || flow_str_is(kind, pod->kind) == is) {
            if (only != NULL) {
                return NULL;
            }
            only = pod;
        }
    }
    return only;
}

/*
 * The template of the workload that made a pod: told by the record, or by the pod's name. Stateful
 * sets count their pods, all others give them random endings.
 */
static const struct flow_pod *
workload_of(const struct flow_inventory *inventory, const struct flow_endpoint *endpoint)
{
    const struct {
        struct flow_str name, kind;
        bool is;
    } guesses[] = {
        { endpoint->workload_name, endpoint->workload_kind, true },
        { flow_pod_name_stem(endpoint->pod_name), FLOW_STR("StatefulSet"), false },
        { flow_pod_name_without_ordinal(endpoint->pod_name), FLOW_STR("StatefulSet"), true },
    };
    const struct flow_pod *pod = NULL;

    for (size_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]) && pod == NULL; i++) {
        if (guesses[i].name.len > 0) {
            pod = only_of_kind(
                flow_inventory_workload(inventory, endpoint->namespace_name, guesses[i].name),
                guesses[i].kind, guesses[i].is);
        }
    }
    return pod;
}

const struct flow_pod *
flow_inventory_pod_of(const struct flow_inventory *inventory, const struct flow_endpoint *endpoint)
{
    const struct flow_pod *pod =
        flow_inventory_pod(inventory, endpoint->namespace_name, endpoint->pod_name);

    return pod != NULL ? pod : workload_of(inventory, endpoint);
}

const struct flow_namespace *
flow_inventory_namespace(const struct flow_inventory *inventory, struct flow_str name)
{
    return flow_cache_find(&inventory->namespaces, name);
}

const struct flow_pod *
flow_inventory_identity(const struct flow_inventory *inventory, uint32_t identity)
{
    char text[16];
    const int len = snprintf(text, sizeof(text), "%u", identity);

    return flow_cache_find(&inventory->identities, (struct flow_str){ text, (size_t)len });
}

const struct flow_cidr_group *
flow_inventory_group(const struct flow_inventory *inventory, struct flow_str name)
{
    return flow_cache_find(&inventory->groups, name);
}

const struct flow_cluster_node *
flow_inventory_node(const struct flow_inventory *inventory, struct flow_str name)
{
    return flow_cache_find(&inventory->nodes, name);
}

const struct flow_backends *
flow_inventory_backends(const struct flow_inventory *inventory, const struct flow_service *service)
{
    return find_named(&inventory->backends, service->namespace_name, service->name);
}

/* Loopback, link-local, multicast, broadcast: addresses that name no one place. */
static bool
is_near(const struct flow_address *address)
{
    const uint8_t *b = address->bytes;

    if (address->family == 4) {
        return b[0] == 0 || b[0] == 127 || (b[0] == 169 && b[1] == 254) || b[0] >= 224;
    }
    return b[0] == 0 || b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

bool
flow_inventory_is_outside(const struct flow_inventory *inventory,
                          const struct flow_address *address)
{
    const struct flow_address_entry entry = flow_inventory_address(inventory, address);

    if (address->family == 0 || entry.owner != FLOW_OWNER_NONE || entry.api_server ||
        is_near(address) || inventory->pod_cidrs == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < inventory->nodes.keys.count; i++) {
        if (!((const struct flow_cluster_node *)inventory->nodes.values[i])->pod_cidrs_known) {
            return false;
        }
    }
    for (const struct flow_pod_cidr *pods = inventory->pod_cidrs; pods != NULL; pods = pods->next) {
        if (flow_cidr_holds(&pods->cidr, address)) {
            return false;
        }
    }
    return true;
}

struct flow_address_entry
flow_inventory_address(const struct flow_inventory *inventory, const struct flow_address *address)
{
    const struct flow_str key = { (const char *)address, sizeof(*address) };
    const struct flow_address_entry *entry = NULL;

    if (address->family != 0) {
        entry = flow_cache_find(&inventory->addresses, key);
    }
    return entry != NULL ? *entry : (struct flow_address_entry){ .owner = FLOW_OWNER_NONE };
}
