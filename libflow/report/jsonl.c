/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON object a flow, in the order of the input. */
#include "base/str.h"
#include "check/orient.h"
#include "report/format.h"

void
flow_json_add_policy(struct flow_json_writer *writer, const char *key,
                     const struct flow_decision *decision)
{
    const struct flow_policy_info *policy = decision != NULL ? decision->policy : NULL;

    if (policy == NULL) {
        flow_json_add_null(writer, key);
        return;
    }
    flow_json_open(writer, key, '{');
    flow_json_add_text(writer, "kind", flow_policy_kind_name(policy->kind));
    if (policy->namespace_name[0] != '\0') {
        flow_json_add_text(writer, "namespace", policy->namespace_name);
    } else {
        flow_json_add_null(writer, "namespace");
    }
    flow_json_add_text(writer, "name", policy->name);
    if (decision->rule.len > 0) {
        flow_json_add_str(writer, "rule", decision->rule);
    } else {
        flow_json_add_null(writer, "rule");
    }
    flow_json_add_text(writer, "file", policy->file);
    flow_json_add_u64(writer, "line", decision->line);
    flow_json_close(writer, '}');
}

void
flow_json_add_statement(struct flow_json_writer *writer, const char *key,
                        const struct flow_intent_statement *statement)
{
    if (statement == NULL || statement->name == NULL) {
        flow_json_add_null(writer, key);
        return;
    }
    flow_json_open(writer, key, '{');
    flow_json_add_text(writer, "name", statement->name);
    flow_json_add_text(writer, "file", statement->file);
    flow_json_add_u64(writer, "line", statement->line);
    flow_json_close(writer, '}');
}

static void
add_rules(struct flow_json_writer *writer, const struct flow_record *record)
{
    const struct flow_report_rule *rules[FLOW_RECORD_RULES_MAX];
    const size_t count = flow_record_rules(record, rules);

    flow_json_open(writer, "findings", '[');
    for (size_t i = 0; i < count; i++) {
        flow_json_add_text(writer, NULL, rules[i]->id);
    }
    flow_json_close(writer, ']');
}

void
flow_json_add_undecided(struct flow_json_writer *writer, const char *key, uint32_t undecided)
{
    flow_json_open(writer, key, '[');
    for (unsigned code = 0; code < FLOW_UNDECIDED_COUNT; code++) {
        if ((undecided >> code & 1) != 0) {
            flow_json_add_text(writer, NULL, flow_undecided_name(code));
        }
    }
    flow_json_close(writer, ']');
}

static void
add_end(struct flow_json_writer *writer, const char *key, const struct flow_endpoint *endpoint,
        const struct flow_address *address)
{
    char text[FLOW_ADDRESS_TEXT_MAX];

    flow_json_open(writer, key, '{');
    flow_json_add_text(writer, "ip",
                       address->family != 0 ? flow_address_format(address, text) : NULL);
    if (endpoint->pod_name.len > 0) {
        flow_json_add_str(writer, "namespace", endpoint->namespace_name);
        flow_json_add_str(writer, "pod", endpoint->pod_name);
    }
    if (endpoint->workload_name.len > 0) {
        flow_json_add_str(writer, "workload", endpoint->workload_name);
    }
    flow_json_add_u64(writer, "identity", endpoint->identity);
    flow_json_close(writer, '}');
}

/* A record's input by name, when the reader is told. */
static const char *
input_name(const struct flow_record *record, const struct flow_sink_options *options)
{
    struct flow_input_stats stats;

    if (options->reader == NULL || *options->reader == NULL ||
        flow_reader_input(*options->reader, record->input, &stats) != FLOW_OK) {
        return NULL;
    }
    return stats.name;
}

/* What the policies say of requests, apart from the connection; null when they say nothing. */
static void
add_l7(struct flow_json_writer *writer, const struct flow_record *record)
{
    static const char *const protocols[] = { NULL, "dns", "http", "kafka" };
    const struct flow_decision *decision = record->decision;
    const struct flow_decision *l4 = record->l4_decision != NULL ? record->l4_decision : decision;
    const bool asks = l4 != NULL && l4->expected == FLOW_EXPECTED_ALLOW && l4->l7;

    if (!asks && record->l4_decision == NULL) {
        flow_json_add_null(writer, "l7");
        return;
    }
    flow_json_open(writer, "l7", '{');
    flow_json_add_text(writer, "protocol",
                       record->l7 != NULL && record->l7->protocol <= FLOW_L7_KAFKA
                           ? protocols[record->l7->protocol]
                           : NULL);
    flow_json_add_text(writer, "connection", flow_expected_name(l4->expected));
    /* a record of the connection alone does not tell what was asked on it */
    flow_json_add_text(writer, "request",
                       !asks                         ? NULL
                       : record->l4_decision == NULL ? "undecidable"
                                                     : flow_expected_name(decision->expected));
    flow_json_close(writer, '}');
}

/* What a capture shows of the connection; null for records that are of no capture. */
static void
add_traffic(struct flow_json_writer *writer, const struct flow_traffic *traffic)
{
    static const char *const openers[] = { "unknown", "inferred", "seen" };
    static const char *const answers[] = { "unknown", "answered", "refused", "unanswered" };
    static const char *const tunnels[] = { NULL, "VXLAN", "GENEVE" };

    if (traffic == NULL) {
        flow_json_add_null(writer, "traffic");
        return;
    }
    flow_json_open(writer, "traffic", '{');
    flow_json_add_u64(writer, "packets_sent", traffic->packets[0]);
    flow_json_add_u64(writer, "packets_received", traffic->packets[1]);
    flow_json_add_u64(writer, "bytes_sent", traffic->bytes[0]);
    flow_json_add_u64(writer, "bytes_received", traffic->bytes[1]);
    flow_json_add_time(writer, "first", traffic->first);
    flow_json_add_time(writer, "last", traffic->last);
    flow_json_add_text(writer, "opener", openers[traffic->opener % 3]);
    flow_json_add_text(writer, "answer", answers[traffic->answer % 4]);
    flow_json_add_text(writer, "tunnel", tunnels[traffic->tunnel % 3]);
    if (traffic->tunnel != 0) {
        flow_json_add_u64(writer, "vni", traffic->vni);
    }
    flow_json_add_str(writer, "server_name", traffic->server_name);
    flow_json_add_str(writer, "http_host", traffic->http_host);
    flow_json_add_str(writer, "http_method", traffic->http_method);
    flow_json_close(writer, '}');
}

static void
add_row(struct flow_json_writer *writer, const struct flow_record *record,
        const struct flow_sink_options *options)
{
    const struct flow_intent_decision *intent = record->intent_decision;
    uint16_t port;

    writer->comma = false;
    flow_json_open(writer, NULL, '{');
    flow_json_add_str(writer, "uuid", record->uuid);
    flow_json_open(writer, "record", '{');
    flow_json_add_text(writer, "input", input_name(record, options));
    flow_json_add_u64(writer, "number", record->number);
    flow_json_close(writer, '}');
    flow_json_add_time(writer, "time", record->time);
    flow_json_add_str(writer, "node", record->node_name);
    flow_json_add_text(writer, "verdict", flow_verdict_name(record->verdict));
    add_end(writer, "source", record->source, &record->source_address);
    add_end(writer, "destination", record->destination, &record->destination_address);
    flow_json_add_text(writer, "protocol", flow_protocol_name(record->protocol));
    if (flow_service_port(record, record->swapped, &port)) {
        flow_json_add_u64(writer, "port", port);
    } else {
        flow_json_add_null(writer, "port");
    }
    flow_json_add_bool(writer, "reply", record->swapped);
    flow_json_add_bool(writer, "dns", record->dns);
    flow_json_add_text(writer, "direction", flow_direction_name(record->judged_direction));
    flow_json_add_text(writer, "scope", flow_scope_name(record->scope));
    flow_json_add_text(writer, "observed", flow_observed_name(record->observed));
    flow_json_add_text(writer, "expected", flow_expected_name(record->expected));
    flow_json_add_text(writer, "result", flow_result_name(record->result));
    flow_json_add_text(writer, "intent", flow_intent_name(record->intent));
    add_rules(writer, record);
    flow_json_add_policy(writer, "policy",
                         record->expected != FLOW_EXPECTED_UNDECIDABLE ? record->decision : NULL);
    flow_json_add_statement(writer, "statement",
                            intent == NULL                ? NULL
                            : intent->violation_count > 0 ? intent->violations[0].statement
                                                          : intent->statement);
    flow_json_add_text(writer, "approval",
                       intent != NULL && intent->approval != NULL ? intent->approval->id : NULL);
    flow_json_add_undecided(writer, "undecided",
                            record->undecided | (intent != NULL ? intent->undecided : 0));
    add_l7(writer, record);
    add_traffic(writer, record->traffic);
    flow_json_close(writer, '}');
    flow_buf_add_char(writer->out, '\n');
}

static void
rows(struct flow_buf *out, const struct flow_batch *batch, const struct flow_sink_options *options)
{
    struct flow_json_writer writer = { .out = out };

    for (size_t i = 0; i < flow_batch_count(batch); i++) {
        const struct flow_record *record = flow_batch_at(batch, i);

        if (record->kind == FLOW_KIND_FLOW) {
            add_row(&writer, record, options);
        }
    }
}

const struct flow_report_format flow_format_jsonl = { .name = "jsonl", .rows = rows };
