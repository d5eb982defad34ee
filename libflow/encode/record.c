/* SPDX-License-Identifier: Apache-2.0 */
/* Records to protobuf. Numbers are those of libflow/proto; what is absent is left away. */
#include "encode/record.h"

#include "base/str.h"
#include "encode/transcode.h"

static void
add_text(struct flow_buf *out, uint32_t field, struct flow_str text)
{
    if (text.len > 0) {
        flow_proto_add_bytes(out, field, text);
    }
}

static void
add_time(struct flow_buf *out, uint32_t field, int64_t time)
{
    const int64_t second = 1000000000;
    size_t place;
    int64_t seconds;

    if (time == FLOW_TIME_NONE) {
        return;
    }
    seconds = time / second - (time % second < 0 ? 1 : 0);
    place = flow_proto_open(out, field);
    flow_proto_add_number(out, 1, (uint64_t)seconds);
    flow_proto_add_number(out, 2, (uint64_t)(time - seconds * second));
    flow_proto_close(out, place);
}

static void
add_address(struct flow_buf *out, uint32_t field, const struct flow_address *address)
{
    char text[FLOW_ADDRESS_TEXT_MAX];

    add_text(out, field, flow_str_of(flow_address_format(address, text)));
}

static void
add_ip(struct flow_buf *out, const struct flow_record *record)
{
    size_t place;

    if (record->source_address.family == 0 && record->destination_address.family == 0) {
        return;
    }
    place = flow_proto_open(out, 5);
    add_address(out, 1, &record->source_address);
    add_address(out, 2, &record->destination_address);
    flow_proto_add_number(out, 3, record->ip_version == 4 ? 1 : record->ip_version == 6 ? 2 : 0);
    flow_proto_add_number(out, 4, record->encrypted ? 1 : 0);
    add_address(out, 5, &record->source_translated);
    flow_proto_close(out, place);
}

static void
add_flags(struct flow_buf *out, uint16_t flags)
{
    size_t place;

    if ((flags & FLOW_TCP_KNOWN) == 0) {
        return;
    }
    place = flow_proto_open(out, 3);
    for (uint32_t field = 1; field <= 9; field++) {
        flow_proto_add_number(out, field, flags >> (field - 1) & 1);
    }
    flow_proto_close(out, place);
}

static void
add_l4(struct flow_buf *out, const struct flow_record *record)
{
    static const uint8_t fields[] = { 0, 1, 2, 5, 3, 4, 6, 7 }; /* by enum flow_protocol */
    size_t l4, place;

    if (record->protocol == FLOW_PROTOCOL_UNKNOWN || record->protocol >= sizeof(fields)) {
        return;
    }
    l4 = flow_proto_open(out, 6);
    place = flow_proto_open(out, fields[record->protocol]);
    if (record->has_ports) {
        flow_proto_add_number(out, 1, record->source_port);
        flow_proto_add_number(out, 2, record->destination_port);
    } else {
        flow_proto_add_number(out, 1, record->icmp_type);
        if (record->protocol == FLOW_PROTOCOL_ICMPV4 || record->protocol == FLOW_PROTOCOL_ICMPV6) {
            flow_proto_add_number(out, 2, record->icmp_code);
        }
    }
    if (record->protocol == FLOW_PROTOCOL_TCP) {
        add_flags(out, record->tcp_flags);
    }
    flow_proto_close(out, place);
    flow_proto_close(out, l4);
}

static void
add_label(struct flow_buf *out, const struct flow_label *label)
{
    struct flow_buf text = { 0 };

    if (label->source.len > 0) {
        flow_buf_add_str(&text, label->source);
        flow_buf_add_char(&text, ':');
    }
    flow_buf_add_str(&text, label->key);
    if (label->value.len > 0) {
        flow_buf_add_char(&text, '=');
        flow_buf_add_str(&text, label->value);
    }
    out->failed |= text.failed;
    flow_proto_add_bytes(out, 4, flow_buf_str(&text));
    flow_buf_free(&text);
}

static void
add_endpoint(struct flow_buf *out, uint32_t field, const struct flow_endpoint *endpoint)
{
    size_t place;

    if (endpoint->id == 0) {
        return; /* nothing is said */
    }
    place = flow_proto_open(out, field);
    flow_proto_add_number(out, 1, endpoint->local_id);
    flow_proto_add_number(out, 2, endpoint->identity);
    add_text(out, 3, endpoint->namespace_name);
    for (uint32_t i = 0; i < endpoint->labels->count; i++) {
        add_label(out, &endpoint->labels->labels[i]);
    }
    add_text(out, 5, endpoint->pod_name);
    if (endpoint->workload_name.len > 0) {
        const size_t workload = flow_proto_open(out, 6);

        add_text(out, 1, endpoint->workload_name);
        add_text(out, 2, endpoint->workload_kind);
        flow_proto_close(out, workload);
    }
    add_text(out, 7, endpoint->cluster_name);
    flow_proto_close(out, place);
}

static void
add_list(struct flow_buf *out, uint32_t field, const struct flow_text_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        flow_proto_add_bytes(out, field, list->texts[i]);
    }
}

static void
add_service(struct flow_buf *out, uint32_t field, const struct flow_service_ref *service)
{
    size_t place;

    if (service != NULL) {
        place = flow_proto_open(out, field);
        add_text(out, 1, service->name);
        add_text(out, 2, service->namespace_name);
        flow_proto_close(out, place);
    }
}

static void
add_dns(struct flow_buf *out, const struct flow_l7 *l7)
{
    add_text(out, 1, l7->dns_query);
    add_list(out, 2, &l7->dns_ips);
    flow_proto_add_number(out, 3, l7->dns_ttl);
    add_list(out, 4, &l7->dns_cnames);
    add_text(out, 5, l7->dns_observation_source);
    flow_proto_add_number(out, 6, l7->dns_rcode);
    add_list(out, 7, &l7->dns_qtypes);
    add_list(out, 8, &l7->dns_rrtypes);
}

static void
add_http(struct flow_buf *out, const struct flow_l7 *l7)
{
    flow_proto_add_number(out, 1, l7->http_code);
    add_text(out, 2, l7->http_method);
    add_text(out, 3, l7->http_url);
    add_text(out, 4, l7->http_protocol);
    for (uint32_t i = 0; i < l7->http_header_count; i++) {
        const size_t place = flow_proto_open(out, 5);

        add_text(out, 1, l7->http_headers[i].name);
        add_text(out, 2, l7->http_headers[i].value);
        flow_proto_close(out, place);
    }
}

static void
add_kafka(struct flow_buf *out, const struct flow_l7 *l7)
{
    flow_proto_add_number(out, 1, (uint64_t)(int64_t)l7->kafka_error_code);
    flow_proto_add_number(out, 2, (uint64_t)(int64_t)l7->kafka_api_version);
    add_text(out, 3, l7->kafka_api_key);
    flow_proto_add_number(out, 4, (uint64_t)(int64_t)l7->kafka_correlation_id);
    add_text(out, 5, l7->kafka_topic);
}

static void
add_l7(struct flow_buf *out, const struct flow_l7 *l7)
{
    static void (*const parts[])(struct flow_buf *,
                                 const struct flow_l7 *) = { NULL, add_dns, add_http, add_kafka };
    size_t place;

    if (l7 == NULL) {
        return;
    }
    place = flow_proto_open(out, 15);
    flow_proto_add_number(out, 1, l7->type);
    flow_proto_add_number(out, 2, l7->latency_ns);
    if (l7->protocol != FLOW_L7_NONE && l7->protocol < sizeof(parts) / sizeof(parts[0])) {
        const size_t part = flow_proto_open(out, 99u + l7->protocol);

        parts[l7->protocol](out, l7);
        flow_proto_close(out, part);
    }
    flow_proto_close(out, place);
}

static void
add_policies(struct flow_buf *out, uint32_t field, const struct flow_policy_ref_list *list)
{
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        const struct flow_policy_ref *policy = &list->refs[i];
        const size_t place = flow_proto_open(out, field);

        add_text(out, 1, policy->name);
        add_text(out, 2, policy->namespace_name);
        flow_proto_add_number(out, 4, policy->revision);
        add_text(out, 5, policy->kind);
        flow_proto_close(out, place);
    }
}

/* A message with two numbers, when one of them is there. */
static void
add_pair(struct flow_buf *out, uint32_t field, int32_t first, int32_t second)
{
    size_t place;

    if (first != 0 || second != 0) {
        place = flow_proto_open(out, field);
        flow_proto_add_number(out, 1, (uint64_t)(int64_t)first);
        flow_proto_add_number(out, 2, (uint64_t)(int64_t)second);
        flow_proto_close(out, place);
    }
}

static void
add_aggregate(struct flow_buf *out, const struct flow_record *record)
{
    size_t place;

    if (record->aggregate[0] + record->aggregate[1] + record->aggregate[2] > 0) {
        place = flow_proto_open(out, 21007);
        for (uint32_t i = 0; i < 3; i++) {
            flow_proto_add_number(out, i + 1, record->aggregate[i]);
        }
        flow_proto_close(out, place);
    }
}

static void
add_flow(struct flow_buf *out, const struct flow_record *record)
{
    size_t place;

    add_time(out, 1, record->time);
    flow_proto_add_number(out, 2, record->verdict);
    flow_proto_add_number(out, 3, record->drop_reason);
    add_ip(out, record);
    add_l4(out, record);
    add_endpoint(out, 8, record->source);
    add_endpoint(out, 9, record->destination);
    flow_proto_add_number(out, 10, record->type);
    add_text(out, 11, record->node_name);
    add_list(out, 13, record->source_names);
    add_list(out, 14, record->destination_names);
    add_l7(out, record->l7);
    add_pair(out, 19, record->event_type, record->event_subtype);
    add_service(out, 20, record->source_service);
    add_service(out, 21, record->destination_service);
    flow_proto_add_number(out, 22, record->direction);
    flow_proto_add_number(out, 23, record->policy_match_type);
    flow_proto_add_number(out, 24, record->trace_point);
    flow_proto_add_number(out, 25, record->drop_reason);
    if (record->is_reply != FLOW_UNKNOWN) {
        place = flow_proto_open(out, 26);
        flow_proto_add_number(out, 1, record->is_reply == FLOW_YES ? 1 : 0);
        flow_proto_close(out, place);
    }
    flow_proto_add_number(out, 29, record->proxy_port);
    flow_proto_add_number(out, 31, record->sock_point);
    add_text(out, 34, record->uuid);
    flow_proto_add_number(out, 35, record->auth_type);
    flow_proto_add_number(out, 36, record->trace_reason);
    add_policies(out, 21001, record->allowed_by[1]);
    add_policies(out, 21002, record->allowed_by[0]);
    add_policies(out, 21004, record->denied_by[1]);
    add_policies(out, 21005, record->denied_by[0]);
    add_aggregate(out, record);
}

static void
add_lost(struct flow_buf *out, const struct flow_lost *lost)
{
    flow_proto_add_number(out, 1, lost->source);
    flow_proto_add_number(out, 2, lost->count);
    if (lost->cpu >= 0) {
        const size_t place = flow_proto_open(out, 3);

        flow_proto_add_number(out, 1, (uint64_t)lost->cpu);
        flow_proto_close(out, place);
    }
    add_time(out, 4, lost->first);
    add_time(out, 5, lost->last);
}

void
flow_record_to_proto(const struct flow_record *record, struct flow_buf *out)
{
    static const uint8_t members[] = { 1, 3, 2, 4, 5 }; /* by enum flow_kind */
    size_t place;

    if (record->kind >= sizeof(members)) {
        return;
    }
    place = flow_proto_open(out, members[record->kind]);
    if (record->kind == FLOW_KIND_FLOW) {
        add_flow(out, record);
    } else if (record->kind == FLOW_KIND_NODE_STATUS && record->status != NULL) {
        flow_proto_add_number(out, 1, record->status->state);
        add_list(out, 2, &record->status->names);
        add_text(out, 3, record->status->message);
    } else if (record->kind == FLOW_KIND_LOST_EVENTS && record->lost != NULL) {
        add_lost(out, record->lost);
    }
    flow_proto_close(out, place);
    add_text(out, 1000, record->node_name);
    add_time(out, 1001, record->time);
}
