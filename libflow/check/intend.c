/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to questions to the intent document, and its answers, which are remembered: connections
 * that differ in nothing it speaks of share one.
 */
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "check/classifier.h"
#include "check/intend.h"
#include "check/repeat.h"
#include "enrich/names.h"

/* What an answer depends on; compared as bytes, so every one of them is set. */
struct key {
    uint32_t client, server; /* numbers of parties */
    uint32_t client_identity, server_identity;
    uint32_t client_class, server_class, translated_class; /* of addresses */
    uint32_t told, learned;
    uint32_t span; /* of time */
    uint32_t cluster;
    uint16_t port;
    uint8_t protocol, has_port;
    uint8_t client_owner, server_owner; /* of addresses, in the inventory */
    uint8_t names_seen, has_translated;
};

_Static_assert(sizeof(struct key) == 52, "the key must not hold unset bytes");

static const struct flow_intent_decision *
keep(struct flow_classifier *classifier, const struct flow_intent_decision *decision)
{
    const struct flow_str bytes = { (const char *)decision, sizeof(*decision) };
    const struct flow_intent_decision *kept = flow_cache_find(&classifier->intents, bytes);
    struct flow_intent_decision *copy;

    if (kept != NULL) {
        return kept;
    }
    copy = flow_arena_alloc(&classifier->arena, sizeof(*copy));
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, decision, sizeof(*copy));
    return flow_cache_put(&classifier->intents, bytes, copy) ? copy : NULL;
}

static struct key
key_of(const struct flow_classifier *classifier, const struct flow_intent_question *question,
       uint32_t cluster)
{
    const struct flow_intent_document *intent = classifier->intent;
    const struct flow_inventory *inventory = question->inventory;
    struct key key;

    memset(&key, 0, sizeof(key));
    key.client = question->client->id;
    key.server = question->server->id;
    key.client_identity = question->client_identity;
    key.server_identity = question->server_identity;
    key.client_class = flow_cidr_classes_find(&intent->classes, &question->client_address);
    key.server_class = flow_cidr_classes_find(&intent->classes, &question->server_address);
    key.translated_class = flow_cidr_classes_find(&intent->classes, &question->translated);
    key.has_translated = question->translated.family != 0;
    key.told = question->told->id;
    key.learned = question->learned->id;
    key.span = flow_intent_span(intent, question->time);
    key.cluster = cluster;
    key.port = question->port;
    key.protocol = question->protocol;
    key.has_port = question->has_port;
    key.client_owner = flow_inventory_address(inventory, &question->client_address).owner;
    key.server_owner = flow_inventory_address(inventory, &question->server_address).owner;
    key.names_seen = question->names_seen;
    return key;
}

/* Notes whether it matters that no DNS answer was seen yet. */
static void
note_unseen(struct flow_classifier *classifier, const struct flow_intent_question *question,
            const struct flow_intent_decision *made)
{
    struct flow_intent_question seen = *question;
    struct flow_intent_decision other;

    if (question->names_seen || classifier->names == NULL || classifier->names_mattered) {
        return;
    }
    seen.names_seen = true;
    flow_intent_judge(classifier->intent, &seen, &other);
    classifier->names_mattered = memcmp(&other, made, sizeof(other)) != 0;
}

static const struct flow_intent_decision *
ask(struct flow_classifier *classifier, const struct flow_intent_question *question,
    uint32_t cluster)
{
    const struct key key = key_of(classifier, question, cluster);
    const struct flow_str bytes = { (const char *)&key, sizeof(key) };
    /* a request is judged by its path, of which there is no end */
    const bool remembered = question->l7 == NULL || question->l7->protocol != FLOW_L7_HTTP;
    const struct flow_intent_decision *decision =
        remembered ? flow_cache_find(&classifier->intended, bytes) : NULL;
    struct flow_intent_decision made;

    if (decision != NULL) {
        return decision;
    }
    flow_intent_judge(classifier->intent, question, &made);
    note_unseen(classifier, question, &made);
    decision = keep(classifier, &made);
    if (classifier->intended.keys.count >= FLOW_MEMO_MAX) {
        flow_cache_free(&classifier->intended);
        if (!flow_intern_init(&classifier->intended.keys)) {
            return NULL;
        }
    }
    return decision != NULL &&
                   (!remembered || flow_cache_put(&classifier->intended, bytes, decision))
               ? decision
               : NULL;
}

static const struct flow_intent_decision *
ask_of(struct flow_classifier *classifier, const struct flow_record *record,
       const struct flow_connection *connection, const struct flow_ends *ends, bool swapped,
       const struct flow_text_list **names)
{
    const struct flow_text_list *learned;
    struct flow_intent_question question = {
        .client = ends->client,
        .server = ends->server,
        .client_address = connection->source_address,
        .server_address = connection->destination_address,
        .client_identity = connection->source->identity,
        .server_identity = connection->destination->identity,
        .translated = swapped ? (struct flow_address){ .family = 0 } : record->source_translated,
        .told = connection->destination_names,
        .reporter_cluster = flow_cluster_of(connection->node_name),
        .protocol = connection->protocol,
        .has_port = connection->has_port,
        .port = connection->destination_port,
        .time = connection->time,
        .l7 = connection->l7,
        .names_seen = flow_names_were_seen(classifier),
        .inventory = &classifier->policies->inventory,
    };

    if (!flow_find_server_names(classifier, connection, ends->server, &learned)) {
        return NULL;
    }
    question.learned = learned;
    question.names_seen |= question.told->count > 0;
    *names = question.told->count > 0 ? question.told : learned;
    return ask(classifier, &question, ends->cluster);
}

/* The answer to two readings of which either may be the right one. */
static const struct flow_intent_decision *
agree(struct flow_classifier *classifier, const struct flow_intent_decision *a,
      const struct flow_intent_decision *b)
{
    struct flow_intent_decision decision;

    if (a == NULL || b == NULL || a == b) {
        return a == NULL ? NULL : b;
    }
    if (a->intent == b->intent && a->violation_count == 0 && b->violation_count == 0) {
        return a;
    }
    memset(&decision, 0, sizeof(decision));
    decision.intent = FLOW_INTENT_UNDECIDABLE;
    decision.undecided = FLOW_UNDECIDED_REPLY | a->undecided | b->undecided;
    decision.violations[0].kind = FLOW_VIOLATION_UNDECIDABLE;
    decision.violation_count = 1;
    return keep(classifier, &decision);
}

bool
flow_intend(struct flow_classifier *classifier, const struct flow_dict *dict,
            struct flow_record *record, const struct flow_reading *readings, size_t count,
            uint32_t cluster)
{
    const struct flow_intent_decision *decision = NULL;

    for (size_t i = 0; i < count; i++) {
        struct flow_connection connection;
        struct flow_ends ends = { .cluster = cluster };
        const struct flow_text_list *names = NULL;
        const struct flow_intent_decision *one;

        flow_connect(record, readings[i].swapped, &connection);
        if (!flow_find_ends(classifier, dict, &connection, &ends)) {
            return false;
        }
        one = ask_of(classifier, record, &connection, &ends, readings[i].swapped, &names);
        decision = i == 0 ? one : agree(classifier, decision, one);
        if (decision == NULL) {
            return false;
        }
        record->server_names = i == 0 ? names : record->server_names;
    }
    if (decision != NULL) {
        record->intent_decision = decision;
        record->intent = decision->intent;
        record->scope = decision->scope != FLOW_SCOPE_UNKNOWN ? decision->scope : record->scope;
    }
    return true;
}

void
flow_classifier_set_intent(struct flow_classifier *classifier,
                           const struct flow_intent_document *intent)
{
    classifier->intent = intent;
    flow_repeat_clear(classifier);
}
