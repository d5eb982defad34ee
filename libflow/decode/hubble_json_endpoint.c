/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a flow that repeat: endpoints, lists of names, services, policy references. Their
 * raw bytes are the key; only bytes never met before are parsed.
 */
#include <stdlib.h>

#include "decode/hubble_json.h"

enum endpoint_field { E_ID = 1, E_IDENTITY, E_NAMESPACE, E_LABELS, E_POD, E_WORKLOADS, E_CLUSTER };

static const struct flow_field endpoint_fields[] = {
    { "ID", E_ID },
    { "identity", E_IDENTITY },
    { "cluster_name", E_CLUSTER },
    { "namespace", E_NAMESPACE },
    { "labels", E_LABELS },
    { "pod_name", E_POD },
    { "workloads", E_WORKLOADS },
    { "clusterName", E_CLUSTER },
    { "podName", E_POD },
    { "id", E_ID },
};

enum named_field { N_NAME = 1, N_NAMESPACE, N_KIND };

static const struct flow_field named_fields[] = {
    { "name", N_NAME },
    { "namespace", N_NAMESPACE },
    { "kind", N_KIND },
};

enum policy_field { P_NAME = 1, P_NAMESPACE, P_REVISION, P_KIND };

static const struct flow_field policy_fields[] = {
    { "name", P_NAME },
    { "namespace", P_NAMESPACE },
    { "revision", P_REVISION },
    { "kind", P_KIND },
};

void
flow_hubble_json_endpoint_tables(struct flow_hubble_json *decoder)
{
    flow_fields_init(&decoder->tables[FLOW_JSON_ENDPOINT], endpoint_fields,
                     sizeof(endpoint_fields) / sizeof(endpoint_fields[0]));
    flow_fields_init(&decoder->tables[FLOW_JSON_NAMED], named_fields,
                     sizeof(named_fields) / sizeof(named_fields[0]));
    flow_fields_init(&decoder->tables[FLOW_JSON_POLICY], policy_fields,
                     sizeof(policy_fields) / sizeof(policy_fields[0]));
}

static bool
out_of_memory(struct flow_json *json)
{
    flow_json_fail(json, "memory");
    json->status = FLOW_E_MEMORY;
    return false;
}

/* An object with a name, and maybe a namespace and a kind. */
static bool
parse_named(struct flow_hubble_json *decoder, struct flow_json *json, struct flow_str *name,
            struct flow_str *namespace_name, struct flow_str *kind)
{
    struct flow_fields *fields = &decoder->tables[FLOW_JSON_NAMED];
    uint8_t place = flow_fields_start(fields);
    bool first = true;
    struct flow_str key;
    int rc;

    if (!flow_json_object(json)) {
        return false;
    }
    while ((rc = flow_json_key(json, &first, &key)) == FLOW_OK) {
        const uint8_t number = flow_fields_number(fields, key, &place);
        bool ok;

        if (flow_json_null(json)) {
            continue;
        }
        ok = number == N_NAME        ? flow_json_string(json, name)
             : number == N_NAMESPACE ? flow_json_string(json, namespace_name)
             : number == N_KIND      ? flow_json_string(json, kind)
                                     : flow_json_skip(json);
        if (!ok) {
            return false;
        }
    }
    return rc == FLOW_END;
}

/* The first workload; the others are checked. */
static bool
parse_workloads(struct flow_hubble_json *decoder, struct flow_json *json,
                struct flow_endpoint *endpoint)
{
    struct flow_str ignored;
    bool first = true;
    bool taken = false;
    int rc;

    if (!flow_json_list(json)) {
        return false;
    }
    while ((rc = flow_json_item(json, &first)) == FLOW_OK) {
        if (taken ? !flow_json_skip(json)
                  : !parse_named(decoder, json, &endpoint->workload_name, &ignored,
                                 &endpoint->workload_kind)) {
            return false;
        }
        taken = true;
    }
    return rc == FLOW_END;
}

static bool
endpoint_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number,
                struct flow_endpoint *endpoint, size_t *label_count)
{
    uint64_t value;

    switch (number) {
    case E_ID:
        if (!flow_json_uint(json, UINT32_MAX, &value)) {
            return false;
        }
        endpoint->local_id = (uint32_t)value;
        return true;
    case E_IDENTITY:
        if (!flow_json_uint(json, UINT32_MAX, &value)) {
            return false;
        }
        endpoint->identity = (uint32_t)value;
        return true;
    case E_NAMESPACE:
        return flow_json_string(json, &endpoint->namespace_name);
    case E_LABELS:
        endpoint->has_labels = true;
        return flow_hubble_json_texts(decoder, json, label_count);
    case E_POD:
        return flow_json_string(json, &endpoint->pod_name);
    case E_WORKLOADS:
        return parse_workloads(decoder, json, endpoint);
    case E_CLUSTER:
        return flow_json_string(json, &endpoint->cluster_name);
    default:
        return flow_json_skip(json);
    }
}

static const struct flow_endpoint *
parse_endpoint(struct flow_hubble_json *decoder, struct flow_json *json, struct flow_str raw)
{
    struct flow_fields *fields = &decoder->tables[FLOW_JSON_ENDPOINT];
    uint8_t place = flow_fields_start(fields);
    struct flow_endpoint filled = { .id = 0 };
    const struct flow_endpoint *endpoint;
    size_t label_count = 0;
    bool first = true;
    struct flow_str key;
    int rc;

    if (!flow_json_object(json)) {
        return NULL;
    }
    while ((rc = flow_json_key(json, &first, &key)) == FLOW_OK) {
        const uint8_t number = flow_fields_number(fields, key, &place);

        if (!flow_json_null(json) &&
            !endpoint_member(decoder, json, number, &filled, &label_count)) {
            return NULL;
        }
    }
    if (rc != FLOW_END) {
        return NULL;
    }
    endpoint = flow_dict_add_endpoint(decoder->dict, raw, &filled, decoder->texts, label_count);
    if (endpoint == NULL) {
        out_of_memory(json);
    }
    return endpoint;
}

/*
 * The raw bytes at the cursor, and the value made from them before. On a miss the cursor is back at
 * the start, to be parsed; on a hit it is behind the value.
 */
static bool
lookup(struct flow_json *json, const struct flow_cache *cache, uint8_t open, const char *expected,
       struct flow_str *raw, const void **value)
{
    const uint8_t *start;

    if (flow_json_peek(json) != open) {
        return flow_json_fail(json, expected);
    }
    start = json->at;
    if (!flow_json_raw(json, raw)) {
        return false;
    }
    *value = flow_cache_find(cache, *raw);
    if (*value == NULL) {
        json->at = start;
    }
    return true;
}

bool
flow_hubble_json_endpoint(struct flow_hubble_json *decoder, struct flow_json *json,
                          const struct flow_endpoint **endpoint)
{
    struct flow_str raw;
    const void *found = NULL;

    if (!lookup(json, &decoder->dict->endpoints, '{', "an endpoint", &raw, &found)) {
        return false;
    }
    *endpoint = found != NULL ? found : parse_endpoint(decoder, json, raw);
    return *endpoint != NULL;
}

bool
flow_hubble_json_list(struct flow_hubble_json *decoder, struct flow_json *json,
                      const struct flow_text_list **list)
{
    struct flow_str raw;
    const void *found = NULL;
    size_t count;

    if (!lookup(json, &decoder->dict->lists, '[', "a list of names", &raw, &found)) {
        return false;
    }
    *list = found;
    if (found != NULL) {
        return true;
    }
    if (!flow_hubble_json_texts(decoder, json, &count)) {
        return false;
    }
    *list = flow_dict_add_list(decoder->dict, raw, decoder->texts, count);
    return *list != NULL || out_of_memory(json);
}

bool
flow_hubble_json_service(struct flow_hubble_json *decoder, struct flow_json *json,
                         const struct flow_service_ref **service)
{
    struct flow_service_ref *made;
    struct flow_str raw, name = { NULL, 0 }, namespace_name = { NULL, 0 }, kind;
    const void *found = NULL;

    if (!lookup(json, &decoder->dict->services, '{', "a service", &raw, &found)) {
        return false;
    }
    *service = found;
    if (found != NULL) {
        return true;
    }
    if (!parse_named(decoder, json, &name, &namespace_name, &kind)) {
        return false;
    }
    made = flow_arena_alloc(&decoder->dict->arena, sizeof(*made));
    if (made == NULL) {
        return out_of_memory(json);
    }
    made->name = flow_arena_str(&decoder->dict->arena, name);
    made->namespace_name = flow_arena_str(&decoder->dict->arena, namespace_name);
    *service = made;
    return (made->name.ptr != NULL && made->namespace_name.ptr != NULL &&
            flow_cache_put(&decoder->dict->services, raw, made)) ||
           out_of_memory(json);
}

static bool
parse_policy(struct flow_hubble_json *decoder, struct flow_json *json,
             struct flow_policy_ref *policy)
{
    struct flow_fields *fields = &decoder->tables[FLOW_JSON_POLICY];
    uint8_t place = flow_fields_start(fields);
    bool first = true;
    struct flow_str key;
    int rc;

    if (!flow_json_object(json)) {
        return false;
    }
    while ((rc = flow_json_key(json, &first, &key)) == FLOW_OK) {
        const uint8_t number = flow_fields_number(fields, key, &place);
        bool ok;

        if (flow_json_null(json)) {
            continue;
        }
        ok = number == P_NAME        ? flow_json_string(json, &policy->name)
             : number == P_NAMESPACE ? flow_json_string(json, &policy->namespace_name)
             : number == P_KIND      ? flow_json_string(json, &policy->kind)
             : number == P_REVISION  ? flow_json_u64(json, &policy->revision)
                                     : flow_json_skip(json);
        if (!ok) {
            return false;
        }
    }
    return rc == FLOW_END;
}

/* How many items a list has, with the cursor left at its start. */
static bool
count_items(struct flow_json *json, size_t *count)
{
    const uint8_t *start = json->at;
    bool first = true;
    int rc;

    *count = 0;
    if (!flow_json_list(json)) {
        return false;
    }
    while ((rc = flow_json_item(json, &first)) == FLOW_OK) {
        if (!flow_json_skip(json)) {
            return false;
        }
        (*count)++;
    }
    json->at = start;
    return rc == FLOW_END;
}

bool
flow_hubble_json_policies(struct flow_hubble_json *decoder, struct flow_json *json,
                          const struct flow_policy_ref_list **list)
{
    struct flow_arena *arena = &decoder->dict->arena;
    struct flow_policy_ref_list *made;
    struct flow_policy_ref *refs;
    struct flow_str raw;
    const void *found = NULL;
    size_t count;
    bool first = true;

    if (!lookup(json, &decoder->dict->policy_lists, '[', "a list of policies", &raw, &found)) {
        return false;
    }
    *list = found;
    if (found != NULL) {
        return true;
    }
    if (!count_items(json, &count) || !flow_json_list(json)) {
        return false;
    }
    made = flow_arena_alloc(arena, sizeof(*made));
    refs = flow_arena_array(arena, count, sizeof(*refs));
    if (made == NULL || refs == NULL) {
        return out_of_memory(json);
    }
    for (size_t i = 0; flow_json_item(json, &first) == FLOW_OK; i++) {
        if (!parse_policy(decoder, json, &refs[i])) {
            return false;
        }
        refs[i].kind = flow_arena_str(arena, refs[i].kind);
        refs[i].namespace_name = flow_arena_str(arena, refs[i].namespace_name);
        refs[i].name = flow_arena_str(arena, refs[i].name);
        if (refs[i].kind.ptr == NULL || refs[i].namespace_name.ptr == NULL ||
            refs[i].name.ptr == NULL) {
            return out_of_memory(json);
        }
    }
    *made = (struct flow_policy_ref_list){ (uint32_t)count, refs };
    *list = made;
    return flow_cache_put(&decoder->dict->policy_lists, raw, made) || out_of_memory(json);
}
