/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a flow that repeat: endpoints, lists of names, services, policy references. Their
 * raw bytes are the key; only bytes never met before are parsed.
 */
#include <stdlib.h>
#include <string.h>

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

/* Where a value that begins so is remembered; the padding behind the text may be read. */
static size_t
place_of(const uint8_t *at)
{
    uint64_t words[3];
    uint64_t sum;

    memcpy(words, at, sizeof(words));
    sum = words[0] * UINT64_C(0x9e3779b97f4a7c15) ^ words[1] * UINT64_C(0xc2b2ae3d27d4eb4f) ^
          words[2] * UINT64_C(0x165667b19e3779f9);
    sum ^= sum >> 32;
    return (size_t)(sum * UINT64_C(0x9e3779b97f4a7c15) >> (64 - FLOW_JSON_KNOWN_BITS));
}

static const struct flow_cache *
cache_of(const struct flow_dict *dict, enum flow_json_known_kind kind)
{
    return kind == FLOW_JSON_KNOWN_ENDPOINT  ? &dict->endpoints
           : kind == FLOW_JSON_KNOWN_LIST    ? &dict->lists
           : kind == FLOW_JSON_KNOWN_SERVICE ? &dict->services
                                             : &dict->policy_lists;
}

/* The way of a set that the bytes at the cursor begin with, moved to the front; NULL: none. */
static const struct flow_json_known *
find_way(struct flow_json_known_set *set, const struct flow_json *json,
         enum flow_json_known_kind kind)
{
    const size_t left = (size_t)(json->end - json->at);

    for (size_t i = 0; i < FLOW_JSON_KNOWN_WAYS; i++) {
        struct flow_json_known *way = &set->ways[i];

        if (way->raw.len > 0 && way->raw.len <= left && way->kind == kind &&
            memcmp(json->at, way->raw.ptr, way->raw.len) == 0) {
            if (i > 0) {
                const struct flow_json_known found = *way;

                *way = set->ways[0];
                set->ways[0] = found;
            }
            return &set->ways[0];
        }
    }
    return NULL;
}

/* Remembers the value of a key of the dictionary; the way that was met longest ago gives place. */
static const struct flow_json_known *
remember(struct flow_json_known_set *set, const struct flow_cache *cache, struct flow_str raw,
         enum flow_json_known_kind kind)
{
    struct flow_json_known known = { .kind = (uint8_t)kind };

    known.value = flow_cache_find_kept(cache, raw, &known.raw);
    if (known.value == NULL) {
        return NULL;
    }
    known.plain = flow_scan_is_ascii((const uint8_t *)known.raw.ptr, known.raw.len);
    memmove(&set->ways[1], &set->ways[0], sizeof(set->ways) - sizeof(set->ways[0]));
    set->ways[0] = known;
    return &set->ways[0];
}

const void *
flow_hubble_json_known(struct flow_hubble_json *decoder, struct flow_json *json,
                       enum flow_json_known_kind kind, bool plain)
{
    const struct flow_json before = *json;
    const struct flow_json_known *known;
    struct flow_json_known_set *set;
    struct flow_str raw;

    if (decoder->known == NULL) {
        decoder->known = calloc(FLOW_JSON_KNOWN_SETS, sizeof(*decoder->known));
        if (decoder->known == NULL) {
            return NULL;
        }
    }
    set = &decoder->known[place_of(json->at)];
    known = find_way(set, json, kind);
    if (known == NULL) {
        known = flow_json_raw(json, &raw) ? remember(set, cache_of(decoder->dict, kind), raw, kind)
                                          : NULL;
        *json = before;
    }
    if (known == NULL || (plain && !known->plain)) {
        return NULL;
    }
    json->at += known->raw.len;
    return known->value;
}

/*
 * The value at the cursor if it was made before. Else its raw bytes, with the cursor at the start,
 * to be parsed. false: no such value stands there.
 */
static bool
lookup(struct flow_hubble_json *decoder, struct flow_json *json, enum flow_json_known_kind kind,
       const char *expected, struct flow_str *raw, const void **value)
{
    const bool is_list = kind == FLOW_JSON_KNOWN_LIST || kind == FLOW_JSON_KNOWN_POLICIES;
    const uint8_t *start;

    if (flow_json_peek(json) != (is_list ? '[' : '{')) {
        return flow_json_fail(json, expected);
    }
    *value = flow_hubble_json_known(decoder, json, kind, false);
    if (*value != NULL) {
        return true;
    }
    start = json->at;
    if (!flow_json_raw(json, raw)) {
        return false;
    }
    json->at = start;
    return true;
}

bool
flow_hubble_json_endpoint(struct flow_hubble_json *decoder, struct flow_json *json,
                          const struct flow_endpoint **endpoint)
{
    const void *found = NULL;
    struct flow_str raw;

    if (!lookup(decoder, json, FLOW_JSON_KNOWN_ENDPOINT, "an endpoint", &raw, &found)) {
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

    if (!lookup(decoder, json, FLOW_JSON_KNOWN_LIST, "a list of names", &raw, &found)) {
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

    if (!lookup(decoder, json, FLOW_JSON_KNOWN_SERVICE, "a service", &raw, &found)) {
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

    if (!lookup(decoder, json, FLOW_JSON_KNOWN_POLICIES, "a list of policies", &raw, &found)) {
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
