/* SPDX-License-Identifier: Apache-2.0 */
/* Makes parties: what an endpoint is, and the labels that selectors are tried on. */
#include "enrich/party.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

/* Identities that Cilium reserves; see the wire facts, 6.4. */
enum {
    IDENTITY_HOST = 1,
    IDENTITY_WORLD = 2,
    IDENTITY_UNMANAGED = 3,
    IDENTITY_HEALTH = 4,
    IDENTITY_INIT = 5,
    IDENTITY_REMOTE_NODE = 6,
    IDENTITY_API_SERVER = 7,
    IDENTITY_INGRESS = 8,
    IDENTITY_WORLD_V4 = 9,
    IDENTITY_WORLD_V6 = 10
};

static const struct {
    uint32_t identity;
    uint8_t class;
    const char *name;
} reserved[] = {
    { IDENTITY_HOST, FLOW_PARTY_HOST, "host" },
    { IDENTITY_REMOTE_NODE, FLOW_PARTY_REMOTE_NODE, "remote-node" },
    { IDENTITY_INGRESS, FLOW_PARTY_INGRESS, "ingress" },
    { IDENTITY_HEALTH, FLOW_PARTY_HEALTH, "health" },
    { IDENTITY_INIT, FLOW_PARTY_INIT, "init" },
    { IDENTITY_UNMANAGED, FLOW_PARTY_UNMANAGED, "unmanaged" },
    { IDENTITY_WORLD, FLOW_PARTY_WORLD, "world" },
    { IDENTITY_WORLD_V4, FLOW_PARTY_WORLD, "world-ipv4" },
    { IDENTITY_WORLD_V6, FLOW_PARTY_WORLD, "world-ipv6" },
    /* one outside has a world label too, and that comes first */
    { IDENTITY_API_SERVER, FLOW_PARTY_REMOTE_NODE, "kube-apiserver" },
};

enum { RESERVED_COUNT = sizeof(reserved) / sizeof(reserved[0]) };

int
flow_party_table_init(struct flow_party_table *table, const struct flow_inventory *inventory,
                      bool cilium, const struct flow_label_filter *filter, struct flow_str cluster,
                      struct flow_error *err)
{
    memset(table, 0, sizeof(*table));
    table->inventory = inventory;
    table->cilium = cilium;
    table->filter = filter;
    table->cluster = cluster.len > 0 ? cluster : FLOW_STR("default");
    if (!flow_intern_init(&table->by_address.keys)) {
        return flow_fail_memory(err);
    }
    return flow_dict_new(&table->sets, err);
}

void
flow_party_table_free(struct flow_party_table *table)
{
    flow_dict_free(table->sets);
    flow_arena_free(&table->arena);
    free(table->by_endpoint);
    flow_cache_free(&table->by_address);
    memset(table, 0, sizeof(*table));
}

/* The labels of a party while it is put together. */
struct draft {
    struct flow_buf text; /* all of them, end to end */
    size_t ends[512];     /* of label i in text */
    size_t count;
    bool overflow;
};

static void
draft_add(struct draft *draft, struct flow_str source, struct flow_str head, struct flow_str key,
          struct flow_str value)
{
    if (draft->count == sizeof(draft->ends) / sizeof(draft->ends[0])) {
        draft->overflow = true;
        return;
    }
    if (source.len > 0) {
        flow_buf_add_str(&draft->text, source);
        flow_buf_add_char(&draft->text, ':');
    }
    flow_buf_add_str(&draft->text, head);
    flow_buf_add_str(&draft->text, key);
    if (value.len > 0) {
        flow_buf_add_char(&draft->text, '=');
        flow_buf_add_str(&draft->text, value);
    }
    draft->ends[draft->count++] = draft->text.len;
}

static void
draft_text(struct draft *draft, struct flow_str text)
{
    draft_add(draft, FLOW_STR(""), FLOW_STR(""), text, FLOW_STR(""));
}

static const struct flow_label *
find_label(const struct flow_label_set *set, struct flow_str key)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (flow_str_equal(set->labels[i].key, key)) {
            return &set->labels[i];
        }
    }
    return NULL;
}

/* What a set of labels says an endpoint is. */
static uint8_t
class_of_labels(const struct flow_label_set *set)
{
    bool pod = false;
    bool world = false;

    for (size_t r = 0; r < RESERVED_COUNT; r++) {
        for (uint32_t i = 0; i < set->count; i++) {
            if (flow_str_is(set->labels[i].source, "reserved") &&
                flow_str_is(set->labels[i].key, reserved[r].name)) {
                return reserved[r].class;
            }
        }
    }
    for (uint32_t i = 0; i < set->count; i++) {
        const struct flow_str source = set->labels[i].source;

        world |= flow_str_is(source, "cidr") || flow_str_is(source, "fqdn") ||
                 flow_str_is(source, "cidrgroup");
        pod |= flow_str_is(source, "k8s") || source.len == 0 || flow_str_is(source, "container") ||
               flow_str_is(source, "unspec") || flow_str_is(source, "any");
    }
    return pod ? FLOW_PARTY_POD : world ? FLOW_PARTY_WORLD : FLOW_PARTY_UNKNOWN;
}

static uint8_t
class_of_identity(uint32_t identity)
{
    for (size_t i = 0; i < RESERVED_COUNT; i++) {
        if (reserved[i].identity == identity) {
            return reserved[i].class;
        }
    }
    /* the top byte is the scope: 1 is an address outside, 2 a remote node with labels */
    return identity >> 24 == 1   ? FLOW_PARTY_WORLD
           : identity >> 24 == 2 ? FLOW_PARTY_REMOTE_NODE
           : identity >= 256     ? FLOW_PARTY_POD
                                 : FLOW_PARTY_UNKNOWN;
}

static void
draft_namespace(const struct flow_party_table *table, struct draft *draft, struct flow_party *party)
{
    const struct flow_namespace *namespace =
        flow_inventory_namespace(table->inventory, party->namespace_name);
    const struct flow_str k8s = FLOW_STR("k8s");
    const struct flow_str head = FLOW_STR(FLOW_NAMESPACE_LABELS_KEY);

    draft_add(draft, k8s, FLOW_STR(""), FLOW_STR(FLOW_NAMESPACE_KEY), party->namespace_name);
    draft_add(draft, k8s, head, FLOW_STR("kubernetes.io/metadata.name"), party->namespace_name);
    for (size_t i = 0; namespace != NULL && i < namespace->label_count; i++) {
        if (!flow_str_is(namespace->labels[i].name, "kubernetes.io/metadata.name")) {
            draft_add(draft, k8s, head, namespace->labels[i].name, namespace->labels[i].value);
        }
    }
    party->namespace_labels_known |= namespace != NULL;
}

/*
 * Labels from the inventory's pod, as an identity would have them, or as Kubernetes does. What the
 * record tells of a key counts, since the inventory may be older or younger.
 */
static void
draft_pod(const struct flow_party_table *table, struct draft *draft, struct flow_party *party,
          const struct flow_pod *pod, const struct flow_label_set *told)
{
    const struct flow_str k8s = FLOW_STR("k8s");

    if (pod->identity_label_count > 0) {
        for (size_t i = 0; i < pod->identity_label_count; i++) {
            draft_text(draft, pod->identity_labels[i]);
        }
        party->namespace_labels_known = true;
    }
    if (pod->identity_label_count == 0 || !table->cilium) {
        for (size_t i = 0; i < pod->label_count; i++) {
            if ((!table->cilium || !flow_label_filter_drops(table->filter, pod->labels[i].name)) &&
                find_label(told, pod->labels[i].name) == NULL) {
                draft_add(draft, k8s, FLOW_STR(""), pod->labels[i].name, pod->labels[i].value);
            }
        }
    }
    if (pod->identity_label_count == 0) {
        draft_add(draft, k8s, FLOW_STR(""), FLOW_STR(FLOW_CLUSTER_KEY), party->cluster);
        if (pod->service_account.len > 0) {
            draft_add(draft, k8s, FLOW_STR(""), FLOW_STR(FLOW_SERVICE_ACCOUNT_KEY),
                      pod->service_account);
        }
    }
    party->labels_known = true;
    party->template = pod->template;
    party->stripped_known = pod->label_count > 0 || pod->identity_label_count == 0;
}

/* The labels that the record itself carries. */
static void
draft_record(const struct flow_party_table *table, struct draft *draft, struct flow_party *party,
             const struct flow_endpoint *endpoint)
{
    const struct flow_label_set *set = endpoint->labels;
    bool namespace_labels = false;

    for (uint32_t i = 0; i < set->count; i++) {
        const struct flow_label *label = &set->labels[i];
        /* Retina leaves the source out; its labels are Kubernetes' own */
        const struct flow_str source = label->source.len > 0 ? label->source : FLOW_STR("k8s");

        draft_add(draft, source, FLOW_STR(""), label->key, label->value);
        namespace_labels |= flow_str_starts(label->key, FLOW_STR(FLOW_NAMESPACE_LABELS_KEY));
    }
    party->labels_known = true;
    /* an identity carries every label of its namespace, so one that is not there does not exist */
    party->namespace_labels_known = (table->cilium && !endpoint->own_labels) || namespace_labels;
    if (endpoint->own_labels) {
        draft_add(draft, FLOW_STR("k8s"), FLOW_STR(""), FLOW_STR(FLOW_CLUSTER_KEY), party->cluster);
    }
}

static bool
seal_labels(struct flow_party_table *table, struct draft *draft, struct flow_party *party)
{
    struct flow_str texts[sizeof(draft->ends) / sizeof(draft->ends[0])];
    size_t start = 0;

    if (draft->text.failed) {
        return false;
    }
    for (size_t i = 0; i < draft->count; i++) {
        texts[i] = (struct flow_str){ draft->text.ptr + start, draft->ends[i] - start };
        start = draft->ends[i];
    }
    if (draft->overflow) {
        party->labels_known = false;
    }
    party->labels = flow_dict_label_set(table->sets, texts, draft->count);
    return party->labels != NULL;
}

/* A pod of that name that has labels of its own. */
static bool
has_named_pod(const struct flow_inventory *inventory, const struct flow_endpoint *endpoint)
{
    const struct flow_pod *pod =
        endpoint->pod_name.len > 0 ? flow_inventory_pod_of(inventory, endpoint) : NULL;

    return pod != NULL && !pod->host_network;
}

/* Whose an address is; of an end whose address was another's at that time, nobody's. */
static struct flow_address_entry
address_entry(const struct flow_party_table *table, const struct flow_endpoint *endpoint,
              const struct flow_address *address)
{
    static const struct flow_address_entry nobody;

    return endpoint->address_stale ? nobody : flow_inventory_address(table->inventory, address);
}

/* An end of which nothing tells the labels, or the node, but whose address it is at. */
static bool
goes_by_address(const struct flow_inventory *inventory, const struct flow_endpoint *endpoint)
{
    return !endpoint->has_labels && !endpoint->address_stale &&
           !has_named_pod(inventory, endpoint) &&
           (endpoint->identity == 0 ||
            (class_of_identity(endpoint->identity) == FLOW_PARTY_POD &&
             flow_inventory_identity(inventory, endpoint->identity) == NULL));
}

/* The pod in the inventory that the record means, or NULL. */
static const struct flow_pod *
pod_of(const struct flow_party_table *table, const struct flow_endpoint *endpoint,
       const struct flow_address *address)
{
    const struct flow_pod *pod = NULL;

    if (endpoint->pod_name.len > 0) {
        pod = flow_inventory_pod_of(table->inventory, endpoint);
    } else if (goes_by_address(table->inventory, endpoint)) {
        pod = address_entry(table, endpoint, address).pod;
    }
    return pod;
}

/* Which node an address or a pod on its node's network is, seen from the node that reports. */
enum which_node { NODE_NOT_TOLD = 0, NODE_OWN, NODE_OTHER };

static enum which_node
which_node(const struct flow_party_table *table, const struct flow_endpoint *endpoint,
           const struct flow_address *address, struct flow_str reporter)
{
    const struct flow_cluster_node *node = address_entry(table, endpoint, address).node;
    const struct flow_pod *pod = node == NULL && endpoint->pod_name.len > 0
                                     ? flow_inventory_pod_of(table->inventory, endpoint)
                                     : NULL;
    const struct flow_str name = node != NULL  ? node->name
                                 : pod != NULL ? pod->node_name
                                               : FLOW_STR("");
    const char *slash = reporter.len > 0 ? memchr(reporter.ptr, '/', reporter.len) : NULL;

    if (slash != NULL) {
        reporter = flow_str_from(reporter, (size_t)(slash - reporter.ptr) + 1);
    }
    return name.len == 0 || reporter.len == 0 ? NODE_NOT_TOLD
           : flow_str_equal(name, reporter)   ? NODE_OWN
                                              : NODE_OTHER;
}

/* A party of which no label is known, by its number or its address. */
static void
classify_bare(const struct flow_party_table *table, struct flow_party *party,
              const struct flow_endpoint *endpoint, const struct flow_address *address,
              enum which_node which)
{
    const struct flow_address_entry entry = address_entry(table, endpoint, address);
    const bool at_node =
        entry.owner == FLOW_OWNER_NODE && endpoint->identity == 0 && !endpoint->has_labels;

    /* Hubble names pods that have an address of their own; one that has its node's is the node */
    party->class = endpoint->pod_name.len > 0 && !at_node ? (uint8_t)FLOW_PARTY_POD
                                                          : class_of_identity(endpoint->identity);
    if (party->class == FLOW_PARTY_UNKNOWN) {
        party->class = entry.owner == FLOW_OWNER_NODE && which == NODE_OWN ? FLOW_PARTY_HOST
                       : entry.owner == FLOW_OWNER_NODE                    ? FLOW_PARTY_REMOTE_NODE
                       : entry.owner == FLOW_OWNER_SERVICE                 ? FLOW_PARTY_SERVICE
                       : entry.owner == FLOW_OWNER_HEALTH                  ? FLOW_PARTY_HEALTH
                       : entry.owner == FLOW_OWNER_INGRESS                 ? FLOW_PARTY_INGRESS
                       : entry.api_server                                  ? FLOW_PARTY_API_SERVER
                                                                           : FLOW_PARTY_UNKNOWN;
        party->any_node = entry.owner == FLOW_OWNER_NODE && which == NODE_NOT_TOLD;
        party->api_server = entry.api_server;
    }
}

/* Labels for a class that has only its reserved one. */
static void
draft_reserved(struct draft *draft, struct flow_party *party, uint32_t identity)
{
    for (size_t i = 0; i < RESERVED_COUNT; i++) {
        if (reserved[i].class == party->class &&
            (reserved[i].identity == identity || identity < 1 || identity > IDENTITY_WORLD_V6)) {
            draft_add(draft, FLOW_STR("reserved"), FLOW_STR(""), flow_str_of(reserved[i].name),
                      FLOW_STR(""));
            if (identity == IDENTITY_API_SERVER) {
                /* the number is that of API servers on nodes; those outside have one of their own
                 */
                draft_text(draft, FLOW_STR("reserved:remote-node"));
            }
            /* an address outside may carry cidr: and fqdn: labels that are not told here */
            party->labels_known = true;
            return;
        }
    }
}

static void
take_names(const struct flow_party_table *table, struct flow_party *party,
           const struct flow_endpoint *endpoint)
{
    const struct flow_label *label = find_label(endpoint->labels, FLOW_STR(FLOW_NAMESPACE_KEY));

    party->namespace_name = endpoint->namespace_name;
    if (party->namespace_name.len == 0 && label != NULL) {
        party->namespace_name = label->value;
    }
    party->pod_name = endpoint->pod_name;
    party->workload_name = endpoint->workload_name;
    label = find_label(endpoint->labels, FLOW_STR(FLOW_CLUSTER_KEY));
    party->cluster = label != NULL                    ? label->value
                     : endpoint->cluster_name.len > 0 ? endpoint->cluster_name
                                                      : table->cluster;
    party->cluster_told = label != NULL || endpoint->cluster_name.len > 0;
}

/* The inventory's pod fills in what a record without labels leaves out. */
static void
complete_from_inventory(const struct flow_party_table *table, struct draft *draft,
                        struct flow_party *party, const struct flow_endpoint *endpoint,
                        const struct flow_address *address, enum which_node which)
{
    const bool host_network = party->pod != NULL && party->pod->host_network;
    const struct flow_pod *identity =
        endpoint->identity >= 256 ? flow_inventory_identity(table->inventory, endpoint->identity)
                                  : NULL;

    if (host_network && class_of_identity(endpoint->identity) == FLOW_PARTY_UNKNOWN &&
        table->cilium) {
        party->class = which == NODE_OWN ? FLOW_PARTY_HOST : FLOW_PARTY_REMOTE_NODE;
        party->any_node = which == NODE_NOT_TOLD;
        if (!party->any_node) {
            draft_reserved(draft, party, endpoint->identity);
        }
    } else if (party->pod != NULL && (!host_network || !table->cilium)) {
        party->class = FLOW_PARTY_POD;
        party->host_network = host_network;
        party->other_node = which == NODE_OTHER;
        party->namespace_name = party->pod->namespace_name;
        if (party->pod_name.len == 0 && !party->pod->template) {
            party->pod_name = party->pod->name;
        }
        draft_pod(table, draft, party, party->pod, endpoint->labels);
    } else if (identity != NULL) {
        party->class = FLOW_PARTY_POD;
        draft_pod(table, draft, party, identity, endpoint->labels);
    } else {
        classify_bare(table, party, endpoint, address, which);
        if (!party->any_node) {
            draft_reserved(draft, party, endpoint->identity);
        }
    }
}

static bool
make_party(struct flow_party_table *table, struct flow_party *party, struct draft *draft,
           const struct flow_endpoint *endpoint, const struct flow_address *address,
           enum which_node which)
{
    const uint8_t class = class_of_labels(endpoint->labels);
    /* chained plugins label a pod's traffic world: the name is right, the label is not */
    const bool mislabelled = class == FLOW_PARTY_WORLD && endpoint->pod_name.len > 0;

    take_names(table, party, endpoint);
    party->anywhere = !goes_by_address(table->inventory, endpoint);
    party->as_identity = table->cilium;
    party->filter = table->filter;
    party->pod = pod_of(table, endpoint, address);
    if (class != FLOW_PARTY_UNKNOWN && !mislabelled) {
        party->class = class;
        draft_record(table, draft, party, endpoint);
        if (!table->cilium && party->pod != NULL) {
            draft_pod(table, draft, party, party->pod, endpoint->labels);
        }
    } else {
        complete_from_inventory(table, draft, party, endpoint, address, which);
    }
    if (party->class == FLOW_PARTY_POD && party->namespace_name.len > 0 &&
        (!table->cilium || class != FLOW_PARTY_POD || endpoint->own_labels)) {
        draft_namespace(table, draft, party);
    }
    party->api_server |= find_label(endpoint->labels, FLOW_STR("kube-apiserver")) != NULL ||
                         endpoint->identity == IDENTITY_API_SERVER;
    party->identity_told = endpoint->has_labels || endpoint->identity == IDENTITY_WORLD ||
                           endpoint->identity == IDENTITY_WORLD_V4 ||
                           endpoint->identity == IDENTITY_WORLD_V6;
    /* a number alone does not tell of an API server that is there too */
    party->may_serve_api =
        !party->api_server && !endpoint->has_labels &&
        (party->class == FLOW_PARTY_HOST || party->class == FLOW_PARTY_REMOTE_NODE ||
         (party->class == FLOW_PARTY_WORLD && !party->identity_told));
    return seal_labels(table, draft, party);
}

static const struct flow_party *
new_party(struct flow_party_table *table, const struct flow_endpoint *endpoint,
          const struct flow_address *address, enum which_node which)
{
    struct flow_party *party = flow_arena_alloc(&table->arena, sizeof(*party));
    struct draft *draft = calloc(1, sizeof(*draft));
    bool made = false;

    if (party != NULL && draft != NULL) {
        party->id = table->count;
        made = make_party(table, party, draft, endpoint, address, which);
    }
    if (draft != NULL) {
        flow_buf_free(&draft->text);
        free(draft);
    }
    table->count += made ? 1 : 0;
    return made ? party : NULL;
}

/* Endpoint ids count up, so the table of them is an array. */
static bool
reserve_endpoint(struct flow_party_table *table, uint32_t id)
{
    uint32_t room = table->endpoint_room == 0 ? 256 : table->endpoint_room;
    const struct flow_party **grown;

    if (id < table->endpoint_room) {
        return true;
    }
    while (room <= id) {
        room *= 2;
    }
    grown = realloc(table->by_endpoint, room * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    memset(grown + table->endpoint_room, 0, (room - table->endpoint_room) * sizeof(*grown));
    table->by_endpoint = grown;
    table->endpoint_room = room;
    return true;
}

static const struct flow_party *
find_by_address(struct flow_party_table *table, const struct flow_endpoint *endpoint,
                const struct flow_address *address, struct flow_str reporter)
{
    const enum which_node which = which_node(table, endpoint, address, reporter);
    struct address_key {
        struct flow_address address;
        uint8_t which, endpoint[sizeof(endpoint->id)], dicts[sizeof(table->dicts)];
    } bytes = { .address = *address, .which = (uint8_t)which };
    const struct flow_str key = { (const char *)&bytes, sizeof(bytes) };
    const struct flow_party *party;

    memcpy(bytes.endpoint, &endpoint->id, sizeof(bytes.endpoint));
    memcpy(bytes.dicts, &table->dicts, sizeof(bytes.dicts));
    party = flow_cache_find(&table->by_address, key);

    if (party == NULL) {
        party = new_party(table, endpoint, address, which);
        if (party != NULL && !flow_cache_put(&table->by_address, key, party)) {
            return NULL;
        }
    }
    return party;
}

static bool
is_told_of(const struct flow_inventory *inventory, const struct flow_address *address)
{
    const struct flow_address_entry entry = flow_inventory_address(inventory, address);

    return entry.owner != FLOW_OWNER_NONE || entry.api_server;
}

const struct flow_party *
flow_party_find(struct flow_party_table *table, const struct flow_dict *dict,
                const struct flow_endpoint *endpoint, const struct flow_address *address,
                struct flow_str reporter)
{
    if (table->dict != dict) {
        if (table->endpoint_room > 0) {
            memset(table->by_endpoint, 0, table->endpoint_room * sizeof(*table->by_endpoint));
        }
        table->dict = dict;
        table->dicts++;
    }
    if (endpoint->id < table->endpoint_room && table->by_endpoint[endpoint->id] != NULL &&
        table->by_endpoint[endpoint->id]->anywhere) {
        return table->by_endpoint[endpoint->id];
    }
    /* only an end that the record is silent about depends on its address */
    if (goes_by_address(table->inventory, endpoint) &&
        (endpoint->pod_name.len > 0 || is_told_of(table->inventory, address))) {
        return find_by_address(table, endpoint, address, reporter);
    }
    if (!reserve_endpoint(table, endpoint->id)) {
        return NULL;
    }
    if (table->by_endpoint[endpoint->id] == NULL) {
        table->by_endpoint[endpoint->id] = new_party(table, endpoint, address, NODE_NOT_TOLD);
    }
    return table->by_endpoint[endpoint->id];
}
