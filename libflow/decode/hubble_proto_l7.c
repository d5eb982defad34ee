/* SPDX-License-Identifier: Apache-2.0 */
/* The L7 part of a flow: DNS, HTTP and Kafka records of the proxies. */
#include <string.h>

#include "decode/hubble_proto.h"

#define VARINT(field) FLOW_WIRE_TAG(field, FLOW_WIRE_VARINT)
#define BYTES(field) FLOW_WIRE_TAG(field, FLOW_WIRE_BYTES)

/* Lists of the record's own grow in the batch's arena by doubling; what is left goes with it. */
static bool
grow(struct flow_wire *wire, const void **items, uint32_t count, size_t size)
{
    void *grown;

    if (count > 0 && (count < 8 || (count & (count - 1)) != 0)) {
        return true; /* room for 8 at first, then for the next power of two */
    }
    grown = flow_arena_array(wire->arena, count < 8 ? 8 : (size_t)count * 2, size);
    if (grown == NULL) {
        return flow_wire_no_memory(wire);
    }
    if (count > 0) {
        memcpy(grown, *items, count * size);
    }
    *items = grown;
    return true;
}

bool
flow_hubble_proto_keep_text(struct flow_wire *wire, struct flow_text_list *list)
{
    const void *texts = list->texts;

    if (!grow(wire, &texts, list->count, sizeof(*list->texts))) {
        return false;
    }
    list->texts = texts;
    if (!flow_wire_text(wire, (struct flow_str *)&list->texts[list->count])) {
        return false;
    }
    list->count++;
    return true;
}

static bool
dns_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_l7 *l7 = target;

    switch (tag) {
    case BYTES(1):
        return flow_wire_text(wire, &l7->dns_query);
    case BYTES(2):
        return flow_hubble_proto_keep_text(wire, &l7->dns_ips);
    case VARINT(3):
        return flow_hubble_proto_u32(wire, &l7->dns_ttl);
    case BYTES(4):
        return flow_hubble_proto_keep_text(wire, &l7->dns_cnames);
    case BYTES(5):
        return flow_wire_text(wire, &l7->dns_observation_source);
    case VARINT(6):
        return flow_hubble_proto_u32(wire, &l7->dns_rcode);
    case BYTES(7):
        return flow_hubble_proto_keep_text(wire, &l7->dns_qtypes);
    case BYTES(8):
        return flow_hubble_proto_keep_text(wire, &l7->dns_rrtypes);
    default:
        return flow_wire_skip(wire, tag);
    }
}

static bool
header_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_pair *header = target;

    return tag == BYTES(1)   ? flow_wire_text(wire, &header->name)
           : tag == BYTES(2) ? flow_wire_text(wire, &header->value)
                             : flow_wire_skip(wire, tag);
}

static bool
add_header(struct flow_wire *wire, struct flow_l7 *l7)
{
    const void *headers = l7->http_headers;

    if (!grow(wire, &headers, l7->http_header_count, sizeof(*l7->http_headers))) {
        return false;
    }
    l7->http_headers = headers;
    if (!flow_wire_message(wire, header_field,
                           (struct flow_pair *)&l7->http_headers[l7->http_header_count])) {
        return false;
    }
    l7->http_header_count++;
    return true;
}

static bool
http_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_l7 *l7 = target;

    switch (tag) {
    case VARINT(1):
        return flow_hubble_proto_u32(wire, &l7->http_code);
    case BYTES(2):
        return flow_wire_text(wire, &l7->http_method);
    case BYTES(3):
        return flow_wire_text(wire, &l7->http_url);
    case BYTES(4):
        return flow_wire_text(wire, &l7->http_protocol);
    case BYTES(5):
        return add_header(wire, l7);
    default:
        return flow_wire_skip(wire, tag);
    }
}

static bool
take_i32(struct flow_wire *wire, int32_t *out)
{
    uint64_t value;

    if (!flow_wire_varint(wire, &value)) {
        return false;
    }
    *out = (int32_t)value;
    return true;
}

static bool
kafka_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_l7 *l7 = target;

    switch (tag) {
    case VARINT(1):
        return take_i32(wire, &l7->kafka_error_code);
    case VARINT(2):
        return take_i32(wire, &l7->kafka_api_version);
    case BYTES(3):
        return flow_wire_text(wire, &l7->kafka_api_key);
    case VARINT(4):
        return take_i32(wire, &l7->kafka_correlation_id);
    case BYTES(5):
        return flow_wire_text(wire, &l7->kafka_topic);
    default:
        return flow_wire_skip(wire, tag);
    }
}

static bool
l7_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_l7 *l7 = target;
    uint32_t value;

    switch (tag) {
    case VARINT(1):
        if (!flow_hubble_proto_enum(wire, UINT8_MAX, &value)) {
            return false;
        }
        l7->type = (uint8_t)value;
        return true;
    case VARINT(2):
        return flow_wire_varint(wire, &l7->latency_ns);
    case BYTES(100):
        l7->protocol = FLOW_L7_DNS;
        return flow_wire_message(wire, dns_field, l7);
    case BYTES(101):
        l7->protocol = FLOW_L7_HTTP;
        return flow_wire_message(wire, http_field, l7);
    case BYTES(102):
        l7->protocol = FLOW_L7_KAFKA;
        return flow_wire_message(wire, kafka_field, l7);
    default:
        return flow_wire_skip(wire, tag);
    }
}

bool
flow_hubble_proto_l7(struct flow_hubble_proto *decoder, struct flow_wire *wire,
                     struct flow_record *record)
{
    struct flow_l7 *l7 = (struct flow_l7 *)record->l7;

    (void)decoder;
    if (l7 == NULL) {
        l7 = flow_arena_alloc(wire->arena, sizeof(*l7));
        if (l7 == NULL) {
            return flow_wire_no_memory(wire);
        }
        record->l7 = l7;
    }
    return flow_wire_message(wire, l7_field, l7);
}
