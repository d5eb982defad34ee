/* SPDX-License-Identifier: Apache-2.0 */
/* The L7 part of a flow: DNS, HTTP and Kafka records of the proxies. */
#include "decode/hubble_json.h"
#include "model/names.h"

enum l7_field { L_TYPE = 1, L_LATENCY, L_DNS, L_HTTP, L_KAFKA };

static const struct flow_field l7_fields[] = {
    { "type", L_TYPE }, { "latency_ns", L_LATENCY }, { "dns", L_DNS },
    { "http", L_HTTP }, { "kafka", L_KAFKA },        { "latencyNs", L_LATENCY },
};

enum dns_field { D_QUERY = 1, D_IPS, D_TTL, D_CNAMES, D_SOURCE, D_RCODE, D_QTYPES, D_RRTYPES };

static const struct flow_field dns_fields[] = {
    { "query", D_QUERY },
    { "ips", D_IPS },
    { "ttl", D_TTL },
    { "cnames", D_CNAMES },
    { "observation_source", D_SOURCE },
    { "rcode", D_RCODE },
    { "qtypes", D_QTYPES },
    { "rrtypes", D_RRTYPES },
    { "observationSource", D_SOURCE },
};

enum http_field { H_CODE = 1, H_METHOD, H_URL, H_PROTOCOL, H_HEADERS, H_KEY, H_VALUE };

static const struct flow_field http_fields[] = {
    { "code", H_CODE },         { "method", H_METHOD },   { "url", H_URL },
    { "protocol", H_PROTOCOL }, { "headers", H_HEADERS }, { "key", H_KEY },
    { "value", H_VALUE },
};

enum kafka_field { K_ERROR = 1, K_VERSION, K_KEY, K_CORRELATION, K_TOPIC };

static const struct flow_field kafka_fields[] = {
    { "error_code", K_ERROR },
    { "api_version", K_VERSION },
    { "api_key", K_KEY },
    { "correlation_id", K_CORRELATION },
    { "topic", K_TOPIC },
    { "errorCode", K_ERROR },
    { "apiVersion", K_VERSION },
    { "apiKey", K_KEY },
    { "correlationId", K_CORRELATION },
};

#define INIT(which, table)                                                                         \
    flow_fields_init(&decoder->tables[which], (table), sizeof(table) / sizeof((table)[0]))

void
flow_hubble_json_l7_tables(struct flow_hubble_json *decoder)
{
    INIT(FLOW_JSON_L7, l7_fields);
    INIT(FLOW_JSON_DNS, dns_fields);
    INIT(FLOW_JSON_HTTP, http_fields);
    INIT(FLOW_JSON_KAFKA, kafka_fields);
}

bool
flow_hubble_json_keep_texts(struct flow_hubble_json *decoder, struct flow_json *json,
                            struct flow_text_list *list)
{
    struct flow_str *texts;
    size_t count;

    if (!flow_hubble_json_texts(decoder, json, &count)) {
        return false;
    }
    texts = flow_arena_array(json->arena, count, sizeof(*texts));
    if (texts == NULL) {
        return flow_json_no_memory(json);
    }
    if (count > 0) {
        memcpy(texts, decoder->texts, count * sizeof(*texts));
    }
    *list = (struct flow_text_list){ 0, (uint32_t)count, texts };
    return true;
}

static bool
parse_u32(struct flow_json *json, uint32_t *value)
{
    uint64_t wide;

    if (!flow_json_uint(json, UINT32_MAX, &wide)) {
        return false;
    }
    *value = (uint32_t)wide;
    return true;
}

static bool
dns_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number, void *target)
{
    struct flow_l7 *l7 = target;

    switch (number) {
    case D_QUERY:
        return flow_json_string(json, &l7->dns_query);
    case D_IPS:
        return flow_hubble_json_keep_texts(decoder, json, &l7->dns_ips);
    case D_TTL:
        return parse_u32(json, &l7->dns_ttl);
    case D_CNAMES:
        return flow_hubble_json_keep_texts(decoder, json, &l7->dns_cnames);
    case D_SOURCE:
        return flow_json_string(json, &l7->dns_observation_source);
    case D_RCODE:
        return parse_u32(json, &l7->dns_rcode);
    case D_QTYPES:
        return flow_hubble_json_keep_texts(decoder, json, &l7->dns_qtypes);
    case D_RRTYPES:
        return flow_hubble_json_keep_texts(decoder, json, &l7->dns_rrtypes);
    default:
        return flow_json_skip(json);
    }
}

static bool
header_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number,
              void *target)
{
    struct flow_pair *header = target;

    (void)decoder;
    return number == H_KEY     ? flow_json_string(json, &header->name)
           : number == H_VALUE ? flow_json_string(json, &header->value)
                               : flow_json_skip(json);
}

/* Headers grow in the batch's arena by doubling; what is left behind goes with the batch. */
static bool
parse_headers(struct flow_hubble_json *decoder, struct flow_json *json, struct flow_l7 *l7)
{
    struct flow_pair *headers = NULL;
    uint32_t room = 0;
    bool first = true;
    int rc;

    if (!flow_json_list(json)) {
        return false;
    }
    while ((rc = flow_json_item(json, &first)) == FLOW_OK) {
        if (l7->http_header_count == room) {
            struct flow_pair *grown;

            room = room == 0 ? 8 : room * 2;
            grown = flow_arena_array(json->arena, room, sizeof(*grown));
            if (grown == NULL) {
                return flow_json_no_memory(json);
            }
            if (headers != NULL) {
                memcpy(grown, headers, l7->http_header_count * sizeof(*grown));
            }
            headers = grown;
            l7->http_headers = headers;
        }
        if (!flow_hubble_json_object(decoder, json, FLOW_JSON_HTTP, header_member,
                                     &headers[l7->http_header_count])) {
            return false;
        }
        l7->http_header_count++;
    }
    return rc == FLOW_END;
}

static bool
http_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number, void *target)
{
    struct flow_l7 *l7 = target;

    switch (number) {
    case H_CODE:
        return parse_u32(json, &l7->http_code);
    case H_METHOD:
        return flow_json_string(json, &l7->http_method);
    case H_URL:
        return flow_json_string(json, &l7->http_url);
    case H_PROTOCOL:
        return flow_json_string(json, &l7->http_protocol);
    case H_HEADERS:
        return parse_headers(decoder, json, l7);
    default:
        return flow_json_skip(json);
    }
}

static bool
kafka_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number, void *target)
{
    struct flow_l7 *l7 = target;

    (void)decoder;
    switch (number) {
    case K_ERROR:
        return flow_json_i32(json, &l7->kafka_error_code);
    case K_VERSION:
        return flow_json_i32(json, &l7->kafka_api_version);
    case K_KEY:
        return flow_json_string(json, &l7->kafka_api_key);
    case K_CORRELATION:
        return flow_json_i32(json, &l7->kafka_correlation_id);
    case K_TOPIC:
        return flow_json_string(json, &l7->kafka_topic);
    default:
        return flow_json_skip(json);
    }
}

static bool
l7_member(struct flow_hubble_json *decoder, struct flow_json *json, uint8_t number, void *target)
{
    struct flow_l7 *l7 = target;
    uint32_t value;

    switch (number) {
    case L_TYPE:
        if (!flow_hubble_json_enum(json, flow_l7_type_number, &value)) {
            return false;
        }
        l7->type = value <= UINT8_MAX ? (uint8_t)value : FLOW_L7_UNKNOWN;
        return true;
    case L_LATENCY:
        return flow_json_u64(json, &l7->latency_ns);
    case L_DNS:
        l7->protocol = FLOW_L7_DNS;
        return flow_hubble_json_object(decoder, json, FLOW_JSON_DNS, dns_member, l7);
    case L_HTTP:
        l7->protocol = FLOW_L7_HTTP;
        return flow_hubble_json_object(decoder, json, FLOW_JSON_HTTP, http_member, l7);
    case L_KAFKA:
        l7->protocol = FLOW_L7_KAFKA;
        return flow_hubble_json_object(decoder, json, FLOW_JSON_KAFKA, kafka_member, l7);
    default:
        return flow_json_skip(json);
    }
}

bool
flow_hubble_json_l7(struct flow_hubble_json *decoder, struct flow_json *json,
                    struct flow_record *record)
{
    struct flow_l7 *l7 = flow_arena_alloc(json->arena, sizeof(*l7));

    if (l7 == NULL) {
        return flow_json_no_memory(json);
    }
    record->l7 = l7;
    return flow_hubble_json_object(decoder, json, FLOW_JSON_L7, l7_member, l7);
}
