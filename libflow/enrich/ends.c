/* SPDX-License-Identifier: Apache-2.0 */
/* Ends of captured connections by their addresses: made once for each pod, then looked up. */
#include "enrich/ends.h"

#include "base/buf.h"
#include "base/str.h"

/*
 * The endpoint of a kind of end, by what it is made of; label is one, or "". NULL when out of
 * memory.
 */
static const struct flow_endpoint *
make_end(struct flow_dict *dict, const struct flow_endpoint *filled, struct flow_str label)
{
    const struct flow_endpoint *known;
    struct flow_buf key = { 0 };

    flow_buf_add_format(&key, "end:%d:%u:", filled->address_stale, filled->identity);
    flow_buf_add_str(&key, filled->namespace_name);
    flow_buf_add_char(&key, '/');
    flow_buf_add_str(&key, filled->pod_name);
    flow_buf_add_str(&key, label);
    if (key.failed) {
        flow_buf_free(&key);
        return NULL;
    }
    known = flow_cache_find(&dict->endpoints, flow_buf_str(&key));
    if (known == NULL) {
        known =
            flow_dict_add_endpoint(dict, flow_buf_str(&key), filled, &label, label.len > 0 ? 1 : 0);
    }
    flow_buf_free(&key);
    return known;
}

static bool
name_end(const struct flow_inventory *inventory, struct flow_dict *dict, int64_t time,
         const struct flow_address *address, const struct flow_endpoint **end)
{
    const struct flow_address_entry entry = flow_inventory_address(inventory, address);
    struct flow_endpoint filled = { .identity = (*end)->identity };

    struct flow_str label = FLOW_STR("");

    if ((*end)->pod_name.len > 0) {
        return true;
    }
    if (entry.pod == NULL) {
        if ((*end)->identity != 0 || !flow_inventory_is_outside(inventory, address)) {
            return true;
        }
        label = FLOW_STR("reserved:world");
        filled.has_labels = true;
    } else if (entry.pod->started != FLOW_TIME_NONE && time < entry.pod->started) {
        filled.address_stale = true;
    } else {
        filled.namespace_name = entry.pod->namespace_name;
        filled.pod_name = entry.pod->name;
    }
    *end = make_end(dict, &filled, label);
    return *end != NULL;
}

int
flow_name_ends(const struct flow_inventory *inventory, struct flow_dict *dict,
               struct flow_batch *batch, struct flow_error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct flow_record *record = &batch->records[i];

        if (record->traffic != NULL &&
            (!name_end(inventory, dict, record->time, &record->source_address, &record->source) ||
             !name_end(inventory, dict, record->time, &record->destination_address,
                       &record->destination))) {
            return flow_fail_memory(err);
        }
    }
    return FLOW_OK;
}
