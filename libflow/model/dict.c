/* SPDX-License-Identifier: Apache-2.0 */
/* Interned endpoints, label sets, lists and names; knows nothing of the formats they come in. */
#include "model/dict.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

const void *
flow_cache_find(const struct flow_cache *cache, struct flow_str key)
{
    const uint32_t id = flow_intern_find(&cache->keys, key);

    return id == FLOW_INTERN_NONE ? NULL : cache->values[id];
}

const void *
flow_cache_find_kept(const struct flow_cache *cache, struct flow_str key, struct flow_str *kept)
{
    const uint32_t id = flow_intern_find(&cache->keys, key);

    if (id == FLOW_INTERN_NONE) {
        return NULL;
    }
    *kept = flow_intern_text(&cache->keys, id);
    return cache->values[id];
}

bool
flow_cache_put(struct flow_cache *cache, struct flow_str key, const void *value)
{
    uint32_t id;

    if (cache->keys.count == cache->room) {
        const uint32_t room = cache->room == 0 ? 64 : cache->room * 2;
        const void **grown = realloc(cache->values, (size_t)room * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        cache->values = grown;
        cache->room = room;
    }
    id = flow_intern_add(&cache->keys, key, NULL);
    if (id == FLOW_INTERN_NONE) {
        return false;
    }
    cache->values[id] = value;
    return true;
}

void
flow_cache_free(struct flow_cache *cache)
{
    flow_intern_free(&cache->keys);
    free(cache->values);
    cache->values = NULL;
    cache->room = 0;
}

static bool
init_tables(struct flow_dict *dict)
{
    const struct flow_endpoint nothing = { .id = 0 };

    if (!flow_intern_init(&dict->endpoints.keys) || !flow_intern_init(&dict->lists.keys) ||
        !flow_intern_init(&dict->services.keys) || !flow_intern_init(&dict->policy_lists.keys) ||
        !flow_intern_init(&dict->label_sets.keys) || !flow_intern_init(&dict->nodes)) {
        return false;
    }
    if (flow_dict_label_set(dict, NULL, 0) == NULL) {
        return false;
    }
    dict->empty_endpoint = flow_dict_add_endpoint(dict, FLOW_STR("{}"), &nothing, NULL, 0);
    dict->empty_list = flow_dict_add_list(dict, FLOW_STR("[]"), NULL, 0);
    return dict->empty_endpoint != NULL && dict->empty_list != NULL &&
           flow_dict_node(dict, FLOW_STR("")) != FLOW_INTERN_NONE;
}

int
flow_dict_new(struct flow_dict **out, struct flow_error *err)
{
    struct flow_dict *dict = calloc(1, sizeof(*dict));

    if (dict == NULL) {
        return flow_fail_memory(err);
    }
    dict->id = flow_hash_seed() | 1;
    if (!init_tables(dict)) {
        flow_dict_free(dict);
        return flow_fail_memory(err);
    }
    *out = dict;
    return FLOW_OK;
}

void
flow_dict_free(struct flow_dict *dict)
{
    if (dict != NULL) {
        flow_cache_free(&dict->endpoints);
        flow_cache_free(&dict->lists);
        flow_cache_free(&dict->services);
        flow_cache_free(&dict->policy_lists);
        flow_cache_free(&dict->label_sets);
        flow_intern_free(&dict->nodes);
        flow_arena_free(&dict->arena);
        free(dict);
    }
}

uint32_t
flow_dict_endpoint_count(const struct flow_dict *dict)
{
    return dict->endpoint_count;
}

uint32_t
flow_dict_node_count(const struct flow_dict *dict)
{
    return dict->nodes.count;
}

struct flow_str
flow_dict_node_name(const struct flow_dict *dict, uint32_t node)
{
    return node < dict->nodes.count ? flow_intern_text(&dict->nodes, node)
                                    : (struct flow_str){ NULL, 0 };
}

const struct flow_endpoint *
flow_dict_empty_endpoint(const struct flow_dict *dict)
{
    return dict->empty_endpoint;
}

const struct flow_text_list *
flow_dict_empty_list(const struct flow_dict *dict)
{
    return dict->empty_list;
}

uint32_t
flow_dict_node(struct flow_dict *dict, struct flow_str name)
{
    return flow_intern_add(&dict->nodes, name, NULL);
}

struct flow_label
flow_label_split(struct flow_str text)
{
    struct flow_label label = { { text.ptr, 0 }, text, { text.ptr, 0 } };
    const char *equals = text.len > 0 ? memchr(text.ptr, '=', text.len) : NULL;
    const size_t head = equals != NULL ? (size_t)(equals - text.ptr) : text.len;
    const char *colon = head > 0 ? memchr(text.ptr, ':', head) : NULL;

    if (equals != NULL) {
        label.value = flow_str_from(text, head + 1);
    }
    label.key.len = head;
    if (colon != NULL) {
        label.source.len = (size_t)(colon - text.ptr);
        label.key = (struct flow_str){ colon + 1, head - label.source.len - 1 };
    }
    return label;
}

static int
compare_labels(const void *left, const void *right)
{
    const struct flow_label *a = left;
    const struct flow_label *b = right;
    const int key = flow_str_compare(a->key, b->key);
    const int source = key != 0 ? key : flow_str_compare(a->source, b->source);

    return source != 0 ? source : flow_str_compare(a->value, b->value);
}

/* The labels split, sorted and without duplicates; they still point into the texts. */
static uint32_t
sort_labels(const struct flow_str *texts, size_t count, struct flow_label *labels)
{
    uint32_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        labels[i] = flow_label_split(texts[i]);
    }
    if (count > 1) {
        qsort(labels, count, sizeof(*labels), compare_labels);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_labels(&labels[kept - 1], &labels[i]) != 0) {
            labels[kept++] = labels[i];
        }
    }
    return kept;
}

static void
add_counted(struct flow_buf *key, struct flow_str text)
{
    flow_buf_add_number(key, text.len);
    flow_buf_add_char(key, ':');
    flow_buf_add_str(key, text);
}

static const struct flow_label_set *
make_label_set(struct flow_dict *dict, struct flow_str key, const struct flow_label *labels,
               uint32_t count)
{
    struct flow_label_set *set = flow_arena_alloc(&dict->arena, sizeof(*set));
    struct flow_label *copies = flow_arena_array(&dict->arena, count, sizeof(*copies));

    if (set == NULL || copies == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        copies[i].source = flow_arena_str(&dict->arena, labels[i].source);
        copies[i].key = flow_arena_str(&dict->arena, labels[i].key);
        copies[i].value = flow_arena_str(&dict->arena, labels[i].value);
        if (copies[i].source.ptr == NULL || copies[i].key.ptr == NULL ||
            copies[i].value.ptr == NULL) {
            return NULL;
        }
    }
    *set = (struct flow_label_set){ dict->label_set_count, count, copies };
    if (!flow_cache_put(&dict->label_sets, key, set)) {
        return NULL;
    }
    dict->label_set_count++;
    return set;
}

const struct flow_label_set *
flow_dict_label_set(struct flow_dict *dict, const struct flow_str *texts, size_t count)
{
    const struct flow_label_set *set = NULL;
    struct flow_label *labels = calloc(count + 1, sizeof(*labels));
    struct flow_buf key = { 0 };
    uint32_t kept;

    if (labels == NULL) {
        return NULL;
    }
    kept = sort_labels(texts, count, labels);
    flow_buf_add_char(&key, 'L');
    for (uint32_t i = 0; i < kept; i++) {
        add_counted(&key, labels[i].source);
        add_counted(&key, labels[i].key);
        add_counted(&key, labels[i].value);
    }
    if (!key.failed) {
        set = flow_cache_find(&dict->label_sets, flow_buf_str(&key));
        if (set == NULL) {
            set = make_label_set(dict, flow_buf_str(&key), labels, kept);
        }
    }
    flow_buf_free(&key);
    free(labels);
    return set;
}

const struct flow_endpoint *
flow_dict_add_endpoint(struct flow_dict *dict, struct flow_str key,
                       const struct flow_endpoint *filled, const struct flow_str *labels,
                       size_t label_count)
{
    struct flow_endpoint *endpoint = flow_arena_alloc(&dict->arena, sizeof(*endpoint));
    struct flow_str *texts[5];

    if (endpoint == NULL) {
        return NULL;
    }
    *endpoint = *filled;
    texts[0] = &endpoint->namespace_name;
    texts[1] = &endpoint->pod_name;
    texts[2] = &endpoint->cluster_name;
    texts[3] = &endpoint->workload_name;
    texts[4] = &endpoint->workload_kind;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i] = flow_arena_str(&dict->arena, *texts[i]);
        if (texts[i]->ptr == NULL) {
            return NULL;
        }
    }
    endpoint->id = dict->endpoint_count;
    endpoint->labels = flow_dict_label_set(dict, labels, label_count);
    if (endpoint->labels == NULL || !flow_cache_put(&dict->endpoints, key, endpoint)) {
        return NULL;
    }
    dict->endpoint_count++;
    return endpoint;
}

const struct flow_text_list *
flow_dict_add_list(struct flow_dict *dict, struct flow_str key, const struct flow_str *texts,
                   size_t count)
{
    struct flow_text_list *list = flow_arena_alloc(&dict->arena, sizeof(*list));
    struct flow_str *copies = flow_arena_array(&dict->arena, count, sizeof(*copies));

    if (list == NULL || copies == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        copies[i] = flow_arena_str(&dict->arena, texts[i]);
        if (copies[i].ptr == NULL) {
            return NULL;
        }
    }
    *list = (struct flow_text_list){ dict->list_count, (uint32_t)count, copies };
    if (!flow_cache_put(&dict->lists, key, list)) {
        return NULL;
    }
    dict->list_count++;
    return list;
}
