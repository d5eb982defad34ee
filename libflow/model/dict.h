/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dictionary behind records. A decoder keys endpoints and lists by the very bytes it met (a
 * JSON object, a protobuf message), so that bytes met before need no parsing at all.
 */
#ifndef FLOW_MODEL_DICT_H
#define FLOW_MODEL_DICT_H

#include "base/intern.h"
#include "libflow/reader.h"

/* Bytes to a value made from them once. */
struct flow_cache {
    struct flow_intern keys;
    const void **values; /* by id of the key */
    uint32_t room;
};

struct flow_dict {
    uint64_t id; /* that no other has, also one that comes to stand where this one stood */
    struct flow_arena arena;        /* all values */
    struct flow_cache endpoints;    /* encoded endpoint -> struct flow_endpoint */
    struct flow_cache lists;        /* encoded list -> struct flow_text_list */
    struct flow_cache services;     /* encoded service -> struct flow_service_ref */
    struct flow_cache policy_lists; /* encoded list -> struct flow_policy_ref_list */
    struct flow_cache label_sets;   /* sorted labels -> struct flow_label_set */
    struct flow_intern nodes;
    const struct flow_endpoint *empty_endpoint;
    const struct flow_text_list *empty_list;
    uint32_t endpoint_count, list_count, label_set_count;
};

/* The value made from these bytes before, or NULL. */
const void *flow_cache_find(const struct flow_cache *cache, struct flow_str key);
/* The same, and the cache's own copy of the bytes, which lives as long as the cache. */
const void *flow_cache_find_kept(const struct flow_cache *cache, struct flow_str key,
                                 struct flow_str *kept);
/* Remembers the value, which the caller took from the dictionary's arena; false: out of memory. */
bool flow_cache_put(struct flow_cache *cache, struct flow_str key, const void *value);

void flow_cache_free(struct flow_cache *cache);

const struct flow_endpoint *flow_dict_empty_endpoint(const struct flow_dict *dict);
const struct flow_text_list *flow_dict_empty_list(const struct flow_dict *dict);

/*
 * Makes an endpoint from a filled template; its texts and labels are copied, its id is given here.
 * key is the encoding it was read from. labels holds label_count texts "source:key=value" in any
 * order. NULL when out of memory.
 */
const struct flow_endpoint *flow_dict_add_endpoint(struct flow_dict *dict, struct flow_str key,
                                                   const struct flow_endpoint *filled,
                                                   const struct flow_str *labels,
                                                   size_t label_count);

/* The set of these labels, in any order, duplicates dropped; NULL when out of memory. */
const struct flow_label_set *flow_dict_label_set(struct flow_dict *dict,
                                                 const struct flow_str *labels, size_t count);

const struct flow_text_list *flow_dict_add_list(struct flow_dict *dict, struct flow_str key,
                                                const struct flow_str *texts, size_t count);

/* The number of a node's name, or FLOW_INTERN_NONE when out of memory. */
uint32_t flow_dict_node(struct flow_dict *dict, struct flow_str name);

/* Splits "source:key=value" without copying. */
struct flow_label flow_label_split(struct flow_str text);

#endif
