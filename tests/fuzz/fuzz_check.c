/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at every part of records and decisions; ids are left out, since they only count. */
#include "fuzz_check.h"

#include "fuzz.h"

/* Fields of a record that are numbers, in the order of the header. */
#define NUMBERS(record)                                                                            \
    (record)->kind, (record)->number, (record)->line, (uint64_t)(record)->time, (record)->verdict, \
        (record)->drop_reason, (record)->type, (record)->direction, (record)->is_reply,            \
        (uint64_t)(record)->event_type, (uint64_t)(record)->event_subtype, (record)->trace_point,  \
        (record)->trace_reason, (record)->auth_type, (record)->sock_point,                         \
        (record)->policy_match_type, (record)->proxy_port, (record)->ip_version,                   \
        (record)->encrypted, (record)->protocol, (record)->has_ports, (record)->source_port,       \
        (record)->destination_port, (record)->tcp_flags, (record)->icmp_type, (record)->icmp_code, \
        (record)->aggregate[0], (record)->aggregate[1], (record)->aggregate[2],                    \
        (record)->tunnelled

static uint64_t
hash_address(uint64_t hash, const struct flow_address *address)
{
    static const uint8_t zeros[16];
    const size_t used = address->family == 6 ? 16 : address->family == 4 ? 4 : 0;
    char text[FLOW_ADDRESS_TEXT_MAX];
    struct flow_address again;

    HOLDS(address->family == 0 || used > 0);
    HOLDS(memcmp(address->bytes + used, zeros, 16 - used) == 0);
    flow_address_format(address, text);
    HOLDS(used == 0 ? text[0] == '\0'
                    : flow_address_parse(&again, flow_str_of(text), NULL) == FLOW_OK &&
                          flow_address_equal(&again, address));
    return fuzz_hash(fuzz_hash_number(hash, address->family), address->bytes, 16);
}

static uint64_t
hash_texts(uint64_t hash, const struct flow_text_list *list)
{
    hash = fuzz_hash_number(hash, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        hash = fuzz_hash_str(hash, list->texts[i]);
    }
    return hash;
}

/* Sorted by key and source in byte order, and no two alike. */
static void
check_order(const struct flow_label *before, const struct flow_label *label)
{
    const int keys = flow_str_compare(before->key, label->key);
    const int sources = flow_str_compare(before->source, label->source);

    HOLDS(keys < 0 || (keys == 0 && sources <= 0));
}

static uint64_t
hash_endpoint(uint64_t hash, const struct flow_endpoint *endpoint)
{
    const struct flow_label_set *set = endpoint->labels;
    const struct flow_str texts[] = {
        endpoint->namespace_name, endpoint->pod_name,      endpoint->cluster_name,
        endpoint->workload_name,  endpoint->workload_kind,
    };

    hash = fuzz_hash_number(hash, endpoint->local_id);
    hash = fuzz_hash_number(hash, endpoint->identity);
    hash = fuzz_hash_number(hash, endpoint->has_labels);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        hash = fuzz_hash_str(hash, texts[i]);
    }
    hash = fuzz_hash_number(hash, set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        if (i > 0) {
            check_order(&set->labels[i - 1], &set->labels[i]);
        }
        hash = fuzz_hash_str(hash, set->labels[i].source);
        hash = fuzz_hash_str(hash, set->labels[i].key);
        hash = fuzz_hash_str(hash, set->labels[i].value);
    }
    return hash;
}

static uint64_t
hash_service(uint64_t hash, const struct flow_service_ref *service)
{
    if (service == NULL) {
        return fuzz_hash_number(hash, 0);
    }
    return fuzz_hash_str(fuzz_hash_str(fuzz_hash_number(hash, 1), service->namespace_name),
                         service->name);
}

static uint64_t
hash_policies(uint64_t hash, const struct flow_policy_ref_list *list)
{
    const uint32_t count = list != NULL ? list->count : 0;

    hash = fuzz_hash_number(hash, count);
    for (uint32_t i = 0; i < count; i++) {
        hash = fuzz_hash_str(hash, list->refs[i].kind);
        hash = fuzz_hash_str(hash, list->refs[i].namespace_name);
        hash = fuzz_hash_str(hash, list->refs[i].name);
        hash = fuzz_hash_number(hash, list->refs[i].revision);
    }
    return hash;
}

static uint64_t
hash_l7(uint64_t hash, const struct flow_l7 *l7)
{
    const uint64_t numbers[] = { l7->type,
                                 l7->protocol,
                                 l7->latency_ns,
                                 l7->dns_ttl,
                                 l7->dns_rcode,
                                 l7->http_code,
                                 (uint64_t)l7->kafka_error_code,
                                 (uint64_t)l7->kafka_api_version,
                                 (uint64_t)l7->kafka_correlation_id };
    const struct flow_str texts[] = { l7->dns_query,  l7->dns_observation_source, l7->http_method,
                                      l7->http_url,   l7->http_protocol,          l7->kafka_api_key,
                                      l7->kafka_topic };

    hash = fuzz_hash(hash, numbers, sizeof(numbers));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        hash = fuzz_hash_str(hash, texts[i]);
    }
    hash = hash_texts(hash, &l7->dns_ips);
    hash = hash_texts(hash, &l7->dns_cnames);
    hash = hash_texts(hash, &l7->dns_qtypes);
    hash = hash_texts(hash, &l7->dns_rrtypes);
    for (uint32_t i = 0; i < l7->http_header_count; i++) {
        hash = fuzz_hash_str(hash, l7->http_headers[i].name);
        hash = fuzz_hash_str(hash, l7->http_headers[i].value);
    }
    return hash;
}

static uint64_t
hash_lost(uint64_t hash, const struct flow_lost *lost)
{
    hash = fuzz_hash_number(hash, lost->source);
    hash = fuzz_hash_number(hash, lost->count);
    hash = fuzz_hash_number(hash, (uint64_t)lost->cpu);
    hash = fuzz_hash_number(hash, (uint64_t)lost->first);
    return fuzz_hash_number(hash, (uint64_t)lost->last);
}

static void
check_time(int64_t time)
{
    char text[FLOW_TIME_TEXT_MAX];
    int64_t again;

    flow_time_format(time, text);
    HOLDS(time == FLOW_TIME_NONE
              ? text[0] == '\0'
              : flow_time_parse(&again, flow_str_of(text), NULL) == FLOW_OK && again == time);
}

uint64_t
fuzz_hash_record(uint64_t hash, const struct flow_record *record)
{
    const uint64_t numbers[] = { NUMBERS(record) };

    check_time(record->time);
    hash = fuzz_hash(hash, numbers, sizeof(numbers));
    hash = fuzz_hash_str(hash, record->uuid);
    hash = fuzz_hash_str(hash, record->node_name);
    hash = hash_address(hash, &record->source_address);
    hash = hash_address(hash, &record->destination_address);
    hash = hash_address(hash, &record->source_translated);
    hash = hash_endpoint(hash, record->source);
    hash = hash_endpoint(hash, record->destination);
    hash = hash_texts(hash, record->source_names);
    hash = hash_texts(hash, record->destination_names);
    hash = hash_service(hash, record->source_service);
    hash = hash_service(hash, record->destination_service);
    for (size_t i = 0; i < 2; i++) {
        hash = hash_policies(hash, record->allowed_by[i]);
        hash = hash_policies(hash, record->denied_by[i]);
    }
    if (record->l7 != NULL) {
        hash = hash_l7(hash, record->l7);
    }
    HOLDS(record->kind != FLOW_KIND_LOST_EVENTS || record->lost != NULL);
    return record->lost != NULL ? hash_lost(hash, record->lost) : hash;
}

void
fuzz_check_judged(const struct flow_record *record)
{
    HOLDS(record->observed < FLOW_OBSERVED_COUNT);
    HOLDS(record->expected < FLOW_EXPECTED_COUNT);
    HOLDS(record->result < FLOW_RESULT_COUNT);
    HOLDS(record->scope < FLOW_SCOPE_COUNT);
    HOLDS(record->intent == FLOW_INTENT_NO_STATEMENT);
    HOLDS(record->judged_direction <= FLOW_DIRECTION_EGRESS);
    HOLDS(record->undecided >> FLOW_UNDECIDED_COUNT == 0);
    HOLDS(record->expected != FLOW_EXPECTED_UNDECIDABLE || record->undecided != 0);
    HOLDS(record->result != FLOW_RESULT_UNDECIDED || record->undecided != 0);
    if (record->decision != NULL) {
        fuzz_check_decision(record->decision);
    }
}

void
fuzz_check_decision(const struct flow_decision *decision)
{
    HOLDS(decision->expected < FLOW_EXPECTED_COUNT);
    HOLDS(decision->direction <= FLOW_DIRECTION_EGRESS);
    HOLDS(decision->undecided >> FLOW_UNDECIDED_COUNT == 0);
    HOLDS((decision->expected == FLOW_EXPECTED_UNDECIDABLE) == (decision->undecided != 0));
    HOLDS(decision->rule.len == 0 || decision->policy != NULL);
    HOLDS(decision->policy == NULL ||
          (decision->line > 0 && decision->policy->line > 0 && decision->policy->name != NULL));
    fuzz_hash_str(FUZZ_HASH, decision->rule);
}
