/* SPDX-License-Identifier: Apache-2.0 */
/* Ends of a document that no pod of the inventory is: most often a label or a name mistyped. */
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "intent/intent.h"
#include "policy/policies.h"

struct looking {
    const struct flow_inventory *inventory;
    void (*tell)(void *context, const struct flow_error *warning);
    void *context;
};

static bool
has_label(const struct flow_pair *labels, size_t count, struct flow_str key, struct flow_str value)
{
    for (size_t i = 0; i < count; i++) {
        if (flow_str_equal(labels[i].name, key)) {
            return flow_str_equal(labels[i].value, value);
        }
    }
    return false;
}

/* A selector of a document: each requirement is one key and its value. */
static bool
has_all(const struct flow_selector *selector, const struct flow_pair *labels, size_t count)
{
    const struct flow_str prefix = FLOW_STR(FLOW_NAMESPACE_LABELS_KEY);

    for (size_t i = 0; i < selector->count; i++) {
        struct flow_str key = selector->requirements[i].key;

        if (flow_str_starts(key, prefix)) {
            key = flow_str_from(key, prefix.len);
        }
        if (!has_label(labels, count, key, selector->requirements[i].values[0])) {
            return false;
        }
    }
    return true;
}

static bool
is_pod(const struct flow_inventory *inventory, const struct flow_who *who,
       const struct flow_pod *pod)
{
    const struct flow_namespace *namespace =
        flow_inventory_namespace(inventory, pod->namespace_name);
    bool named = who->namespaces.count == 0;

    for (size_t i = 0; i < who->namespaces.count && !named; i++) {
        named = flow_glob_match(who->namespaces.texts[i], pod->namespace_name);
    }
    return named && has_all(&who->labels, pod->labels, pod->label_count) &&
           (who->namespace_labels.count == 0 ||
            (namespace != NULL &&
             has_all(&who->namespace_labels, namespace->labels, namespace->label_count)));
}

static bool
is_any(const struct flow_cache *pods, const struct flow_inventory *inventory,
       const struct flow_who *who)
{
    for (uint32_t i = 0; i < pods->keys.count; i++) {
        const struct flow_pod *pod = pods->values[i];

        if (pod != NULL && is_pod(inventory, who, pod)) {
            return true;
        }
    }
    return false;
}

static void
look(const struct looking *looking, const struct flow_who *who,
     const struct flow_intent_statement *statement)
{
    struct flow_error warning;

    if (!who->pods || is_any(&looking->inventory->pods, looking->inventory, who) ||
        is_any(&looking->inventory->workloads, looking->inventory, who)) {
        return;
    }
    flow_fail(&warning, FLOW_E_NOT_FOUND, "no pod of the snapshot is one that %.100s selects",
              statement->name);
    flow_error_set_input(&warning, statement->file);
    flow_error_set_place(&warning, 0, statement->line, 0);
    looking->tell(looking->context, &warning);
}

static void
look_in(const struct looking *looking, const struct flow_intent_section *section)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct flow_intent_rule *rule = &section->rules[i];

        look(looking, &rule->from, &rule->statement);
        look(looking, &rule->to, &rule->statement);
    }
}

void
flow_intent_tell_unmatched(const struct flow_intent_document *intent,
                           const struct flow_policies *policies,
                           void (*tell)(void *context, const struct flow_error *warning),
                           void *context)
{
    const struct looking looking = { &policies->inventory, tell, context };

    if (policies->inventory.pods.keys.count == 0) {
        return; /* nothing to compare with */
    }
    look_in(&looking, &intent->zone_pairs);
    look_in(&looking, &intent->gateways);
    look_in(&looking, &intent->egress);
    look_in(&looking, &intent->east_west);
    look_in(&looking, &intent->internal);
    look_in(&looking, &intent->projects.shared);
    look_in(&looking, &intent->control);
    look_in(&looking, &intent->control_endpoints);
    look_in(&looking, &intent->resolvers);
}
