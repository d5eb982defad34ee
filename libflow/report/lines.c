/* SPDX-License-Identifier: Apache-2.0 */
/* A line of text a flow, for a person who watches: when, what came of it, who with whom. */
#include "base/str.h"
#include "check/orient.h"
#include "report/format.h"

/* "namespace/pod", a name, or an address; and the port. */
static void
add_end(struct flow_buf *out, const struct flow_endpoint *endpoint,
        const struct flow_address *address, const struct flow_text_list *names,
        const struct flow_record *record, uint16_t port)
{
    char text[FLOW_ADDRESS_TEXT_MAX];

    if (endpoint->pod_name.len > 0) {
        flow_buf_add_clean(out, endpoint->namespace_name);
        flow_buf_add_char(out, '/');
        flow_buf_add_clean(out, endpoint->pod_name);
    } else if (names->count > 0) {
        flow_buf_add_clean(out, names->texts[0]);
    } else if (address->family != 0) {
        flow_buf_add_text(out, flow_address_format(address, text));
    } else {
        flow_buf_add_char(out, '?');
    }
    if (record->has_ports) {
        flow_buf_add_format(out, ":%u", port);
    }
}

static void
add_line(struct flow_buf *out, const struct flow_record *record)
{
    const struct flow_report_rule *rule = flow_report_rule_of(record);
    const struct flow_policy_info *policy =
        record->decision != NULL ? record->decision->policy : NULL;
    char time[FLOW_TIME_TEXT_MAX] = "-";

    if (record->time != FLOW_TIME_NONE) {
        flow_time_format(record->time, time);
    }
    flow_buf_add_format(out, "%s  %-13s ", time, flow_result_name(record->result));
    add_end(out, record->source, &record->source_address, record->source_names, record,
            record->source_port);
    flow_buf_add_text(out, " -> ");
    add_end(out, record->destination, &record->destination_address, record->destination_names,
            record, record->destination_port);
    flow_buf_add_format(out, " %s %s, %s", flow_protocol_name(record->protocol),
                        flow_observed_name(record->observed), flow_expected_name(record->expected));
    if (policy != NULL && record->expected != FLOW_EXPECTED_UNDECIDABLE) {
        flow_buf_add_format(out, " by %s ", flow_policy_kind_name(policy->kind));
        if (policy->namespace_name[0] != '\0') {
            flow_buf_add_clean(out, flow_str_of(policy->namespace_name));
            flow_buf_add_char(out, '/');
        }
        flow_buf_add_clean(out, flow_str_of(policy->name));
    }
    if (rule != NULL) {
        flow_buf_add_format(out, " (%s)", rule->id);
    }
    flow_buf_add_char(out, '\n');
}

static void
rows(struct flow_buf *out, const struct flow_batch *batch, const struct flow_sink_options *options)
{
    (void)options;
    for (size_t i = 0; i < flow_batch_count(batch); i++) {
        const struct flow_record *record = flow_batch_at(batch, i);

        if (record->kind == FLOW_KIND_FLOW) {
            add_line(out, record);
        }
    }
}

const struct flow_report_format flow_format_lines = { .name = "lines", .rows = rows };
