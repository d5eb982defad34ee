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

/* An object with a name, and maybe a namespace and a kind. */
struct named {
    struct flow_str name, namespace_name, kind;
};

static bool
named_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number, void *target)
{
    struct named *named = target;

    (void)decoder;
    return number == N_NAME        ? flow_json_string(json, &named->name)
           : number == N_NAMESPACE ? flow_json_string(json, &named->namespace_name)
           : number == N_KIND      ? flow_json_string(json, &named->kind)
                                   : flow_json_skip(json);
}

static bool
parse_named(struct flow_hubble_json *decoder, struct flow_json *json, struct named *named)
{
    *named = (struct named){ .name = { NULL, 0 } };
    return flow_hubble_json_object(decoder, json, FLOW_JSON_NAMED, named_member, named);
}

/* The first workload; the others are checked. */
static bool
parse_workloads(struct flow_hubble_json *decoder, struct flow_json *json,
                struct flow_endpoint *endpoint)
{
    struct named named;
    bool first = true;
    bool taken = false;
    int rc;

    if (!flow_json_list(json)) {
        return false;
    }
    while ((rc = flow_json_item(json, &first)) == FLOW_OK) {
        if (taken ? !flow_json_skip(json) : !parse_named(decoder, json, &named)) {
            return false;
        }
        if (!taken) {
            endpoint->workload_name = named.name;
            endpoint->workload_kind = named.kind;
        }
        taken = true;
    }
    return rc == FLOW_END;
}

struct endpoint_draft {
    struct flow_endpoint endpoint;
    size_t label_count; /* in the decoder's texts */
};

static bool
parse_u32(struct flow_json *json, uint32_t *out)
{
    uint64_t value;

    if (!flow_json_uint(json, UINT32_MAX, &value)) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static bool
endpoint_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number,
                void *target)
{
    struct endpoint_draft *draft = target;

    switch (number) {
    case E_ID:
        return parse_u32(json, &draft->endpoint.local_id);
    case E_IDENTITY:
        return parse_u32(json, &draft->endpoint.identity);
    case E_NAMESPACE:
        return flow_json_string(json, &draft->endpoint.namespace_name);
    case E_LABELS:
        return flow_hubble_json_texts(decoder, json, &draft->label_count);
    case E_POD:
        return flow_json_string(json, &draft->endpoint.pod_name);
    case E_WORKLOADS:
        return parse_workloads(decoder, json, &draft->endpoint);
    case E_CLUSTER:
        return flow_json_string(json, &draft->endpoint.cluster_name);
    default:
        return flow_json_skip(json);
    }
}

static const struct flow_endpoint *
parse_endpoint(struct flow_hubble_json *decoder, struct flow_json *json, struct flow_str raw)
{
    struct endpoint_draft draft = { .label_count = 0 };
    const struct flow_endpoint *endpoint;

    if (!flow_hubble_json_object(decoder, json, FLOW_JSON_ENDPOINT, endpoint_member, &draft)) {
        return NULL;
    }
    draft.endpoint.has_labels = draft.label_count > 0;
    endpoint = flow_dict_add_endpoint(decoder->dict, raw, &draft.endpoint, decoder->texts,
                                      draft.label_count);
    if (endpoint == NULL) {
        flow_json_no_memory(json);
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

/* Where an endpoint that begins so is remembered; the padding behind the text may be read. */
static size_t
place_of(const uint8_t *at)
{
    uint64_t words[5];
    uint64_t sum = 0;

    memcpy(words, at, sizeof(words));
    for (size_t i = 0; i < 5; i++) {
        sum = (sum ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 29;
    }
    return (size_t)(sum & (FLOW_JSON_ENDPOINTS - 1));
}

/* The place of what begins at the cursor; NULL when out of memory. */
static struct flow_json_endpoint *
remembered(struct flow_hubble_json *decoder, const struct flow_json *json)
{
    if (decoder->endpoints == NULL) {
        decoder->endpoints = calloc(FLOW_JSON_ENDPOINTS, sizeof(*decoder->endpoints));
    }
    return decoder->endpoints != NULL ? &decoder->endpoints[place_of(json->at)] : NULL;
}

bool
flow_hubble_json_endpoint(struct flow_hubble_json *decoder, struct flow_json *json,
                          const struct flow_endpoint **endpoint)
{
    struct flow_json_endpoint *place;
    const void *found = NULL;
    struct flow_str raw;

    if (flow_json_peek(json) != '{') {
        return flow_json_fail(json, "an endpoint");
    }
    place = remembered(decoder, json);
    if (place == NULL) {
        return flow_json_no_memory(json);
    }
    if (place->raw.len > 0 && (size_t)(json->end - json->at) >= place->raw.len &&
        memcmp(json->at, place->raw.ptr, place->raw.len) == 0) {
        json->at += place->raw.len;
        *endpoint = place->endpoint;
        return true;
    }
    if (!lookup(json, &decoder->dict->endpoints, '{', "an endpoint", &raw, &found)) {
        return false;
    }
    *endpoint = found != NULL ? found : parse_endpoint(decoder, json, raw);
    if (*endpoint != NULL) {
        place->endpoint = flow_cache_find_kept(&decoder->dict->endpoints, raw, &place->raw);
    }
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
    return *list != NULL || flow_json_no_memory(json);
}

bool
flow_hubble_json_service(struct flow_hubble_json *decoder, struct flow_json *json,
                         const struct flow_service_ref **service)
{
    struct flow_service_ref *made;
    struct named named;
    struct flow_str raw;
    const void *found = NULL;

    if (!lookup(json, &decoder->dict->services, '{', "a service", &raw, &found)) {
        return false;
    }
    *service = found;
    if (found != NULL) {
        return true;
    }
    if (!parse_named(decoder, json, &named)) {
        return false;
    }
    made = flow_arena_alloc(&decoder->dict->arena, sizeof(*made));
    if (made == NULL) {
        return flow_json_no_memory(json);
    }
    made->name = flow_arena_str(&decoder->dict->arena, named.name);
    made->namespace_name = flow_arena_str(&decoder->dict->arena, named.namespace_name);
    *service = made;
    return (made->name.ptr != NULL && made->namespace_name.ptr != NULL &&
            flow_cache_put(&decoder->dict->services, raw, made)) ||
           flow_json_no_memory(json);
}

static bool
policy_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number,
              void *target)
{
    struct flow_policy_ref *policy = target;

    (void)decoder;
    return number == P_NAME        ? flow_json_string(json, &policy->name)
           : number == P_NAMESPACE ? flow_json_string(json, &policy->namespace_name)
           : number == P_KIND      ? flow_json_string(json, &policy->kind)
           : number == P_REVISION  ? flow_json_u64(json, &policy->revision)
                                   : flow_json_skip(json);
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
        return flow_json_no_memory(json);
    }
    for (size_t i = 0; flow_json_item(json, &first) == FLOW_OK; i++) {
        if (!flow_hubble_json_object(decoder, json, FLOW_JSON_POLICY, policy_member, &refs[i])) {
            return false;
        }
        refs[i].kind = flow_arena_str(arena, refs[i].kind);
        refs[i].namespace_name = flow_arena_str(arena, refs[i].namespace_name);
        refs[i].name = flow_arena_str(arena, refs[i].name);
        if (refs[i].kind.ptr == NULL || refs[i].namespace_name.ptr == NULL ||
            refs[i].name.ptr == NULL) {
            return flow_json_no_memory(json);
        }
    }
    *made = (struct flow_policy_ref_list){ (uint32_t)count, refs };
    *list = made;
    return flow_cache_put(&decoder->dict->policy_lists, raw, made) || flow_json_no_memory(json);
}
