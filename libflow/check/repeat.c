/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are remembered by the record; one place for each, where the last one stands. */
#include "check/repeat.h"

#include <stdlib.h>
#include <string.h>

#include "intent/intent.h"
#include "model/dict.h"

enum { PLACES_BITS = 15, PLACES = 1 << PLACES_BITS };

static uint64_t
word_at(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

static uint64_t
half_at(const uint8_t *bytes)
{
    uint32_t half;

    memcpy(&half, bytes, sizeof(half));
    return half;
}

/* The number of the names that an end may have had at the time; false: out of memory. */
static bool
names_of(struct flow_classifier *classifier, const struct flow_dict *dict,
         const struct flow_record *record, const struct flow_endpoint *end,
         const struct flow_address *address, uint64_t *number)
{
    const struct flow_text_list *names = &classifier->nothing;

    if (classifier->names != NULL && record->time != FLOW_TIME_NONE && address->family != 0 &&
        !flow_party_is_pod(&classifier->parties, dict, end)) {
        names = flow_names_of(classifier, record->node_name, address, record->time);
    }
    *number = names != NULL ? names->id : 0;
    return names != NULL;
}

static uint64_t
hash_of(const struct flow_repeat_key *key)
{
    static const uint64_t odd[4] = { UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xc2b2ae3d27d4eb4f),
                                     UINT64_C(0x165667b19e3779f9), UINT64_C(0xd6e8feb86659fd93) };
    uint64_t lanes[4] = { odd[3], odd[2], odd[1], odd[0] };

    for (size_t i = 0; i < key->count; i++) {
        lanes[i % 4] = (lanes[i % 4] ^ key->words[i]) * odd[i % 4];
        lanes[i % 4] ^= lanes[i % 4] >> 32;
    }
    return ((lanes[0] ^ lanes[1]) * odd[0] ^ (lanes[2] ^ lanes[3]) * odd[1]) * odd[2];
}

/* 4, 6 or 0 in two bits. */
static uint64_t
family_of(const struct flow_address *address)
{
    return address->family >> 1;
}

static void
fill_addresses(const struct flow_record *record, struct flow_repeat_key *key)
{
    const uint8_t *source = record->source_address.bytes;
    const uint8_t *destination = record->destination_address.bytes;
    const uint8_t *translated = record->source_translated.bytes;

    if (record->source_address.family != 6 && record->destination_address.family != 6 &&
        record->source_translated.family != 6) {
        key->words[7] = half_at(source) | half_at(destination) << 32;
        key->words[8] = half_at(translated);
        key->count = FLOW_REPEAT_SHORT;
        return;
    }
    key->words[7] = word_at(source);
    key->words[8] = word_at(source + 8);
    key->words[9] = word_at(destination);
    key->words[10] = word_at(destination + 8);
    key->words[11] = word_at(translated);
    key->words[12] = word_at(translated + 8);
    key->count = FLOW_REPEAT_WORDS;
}

/* What the classifier asks of the record, and nothing else. */
static void
fill(const struct flow_classifier *classifier, const struct flow_record *record,
     const struct flow_reading *reading, struct flow_repeat_key *key)
{
    const uint64_t span =
        classifier->intent != NULL ? flow_intent_span(classifier->intent, record->time) : 0;
    uint16_t port;
    const uint64_t has_port = flow_service_port(record, reading->swapped, &port);
    const uint64_t told =
        has_port | (uint64_t)record->has_ports << 1 |
        (uint64_t)(record->time != FLOW_TIME_NONE) << 2 |
        (uint64_t)flow_names_were_seen(classifier) << 3 | (uint64_t)reading->swapped << 4 |
        (uint64_t)flow_says_nothing(record) << 5 | family_of(&record->source_address) << 6 |
        family_of(&record->destination_address) << 8 | family_of(&record->source_translated) << 10;

    key->words[0] = (uint64_t)(uintptr_t)record->source;
    key->words[1] = (uint64_t)(uintptr_t)record->destination;
    key->words[2] = (uint64_t)(uintptr_t)record->source_names;
    key->words[3] = (uint64_t)(uintptr_t)record->destination_names;
    key->words[4] = (uint64_t)record->node | span << 32;
    key->words[6] = (uint64_t)port | (uint64_t)record->protocol << 16 |
                    (uint64_t)reading->direction << 24 | (uint64_t)flow_observe(record) << 32 |
                    told << 40;
    fill_addresses(record, key);
}

struct flow_repeat *
flow_repeat_place(struct flow_classifier *classifier, const struct flow_dict *dict,
                  const struct flow_record *record, const struct flow_reading *readings,
                  size_t reading_count, struct flow_repeat_key *key)
{
    uint64_t source_names, destination_names;

    if (record->l7 != NULL || record->traffic != NULL || reading_count != 1 ||
        classifier->repeats_off) {
        return NULL;
    }
    if (classifier->repeats == NULL) {
        classifier->repeats = calloc(PLACES, sizeof(*classifier->repeats));
        classifier->repeats_dict = dict->id;
    }
    if (classifier->repeats != NULL && classifier->repeats_dict != dict->id) {
        flow_repeat_clear(classifier);
        classifier->repeats_dict = dict->id;
    }
    if (classifier->repeats == NULL ||
        !names_of(classifier, dict, record, record->source, &record->source_address,
                  &source_names) ||
        !names_of(classifier, dict, record, record->destination, &record->destination_address,
                  &destination_names)) {
        return NULL;
    }
    fill(classifier, record, &readings[0], key);
    key->words[5] = source_names | destination_names << 32;
    return &classifier->repeats[hash_of(key) >> (64 - PLACES_BITS)];
}

bool
flow_repeat_take(const struct flow_repeat *place, const struct flow_repeat_key *key,
                 struct flow_record *record)
{
    if (place->key.count != key->count ||
        memcmp(place->key.words, key->words, key->count * sizeof(key->words[0])) != 0) {
        return false;
    }
    record->decision = place->decision;
    record->intent_decision = place->intent_decision;
    record->server_names = place->server_names;
    record->undecided = place->undecided;
    record->observed = place->observed;
    record->expected = place->expected;
    record->result = place->result;
    record->intent = place->intent;
    record->scope = place->scope;
    record->judged_direction = place->judged_direction;
    record->dns = place->dns;
    record->swapped = place->swapped;
    return true;
}

void
flow_repeat_put(struct flow_repeat *place, const struct flow_repeat_key *key,
                const struct flow_record *record)
{
    *place = (struct flow_repeat){
        .key = *key,
        .decision = record->decision,
        .intent_decision = record->intent_decision,
        .server_names = record->server_names,
        .undecided = record->undecided,
        .observed = record->observed,
        .expected = record->expected,
        .result = record->result,
        .intent = record->intent,
        .scope = record->scope,
        .judged_direction = record->judged_direction,
        .dns = record->dns,
        .swapped = record->swapped,
    };
}

void
flow_repeat_clear(struct flow_classifier *classifier)
{
    if (classifier->repeats != NULL) {
        memset(classifier->repeats, 0, PLACES * sizeof(*classifier->repeats));
    }
}
