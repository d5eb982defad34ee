/* SPDX-License-Identifier: Apache-2.0 */
/* Approvals alone: each with its record and its use, for a person or as JSON. */
#include "base/str.h"
#include "report/format.h"

void
flow_json_add_use(struct flow_json_writer *writer, const struct flow_approval_use *use)
{
    const struct flow_approval *approval = use->approval;

    flow_json_open(writer, NULL, '{');
    flow_json_add_text(writer, "id", approval->id);
    flow_json_add_text(writer, "state", flow_approval_state_name(use->state));
    flow_json_add_text(writer, "purpose", approval->purpose);
    flow_json_add_text(writer, "from", approval->from);
    flow_json_add_text(writer, "to", approval->to);
    flow_json_add_text(writer, "ports", approval->ports);
    flow_json_add_text(writer, "owner", approval->owner);
    flow_json_add_text(writer, "reason", approval->reason);
    flow_json_add_text(writer, "mitigation", approval->mitigation);
    flow_json_add_text(writer, "approved_by", approval->approved_by);
    flow_json_add_text(writer, "approved_on", approval->approved_on);
    flow_json_add_text(writer, "expires", approval->expires_on);
    flow_json_add_text(writer, "reference", approval->reference);
    flow_json_add_statement(writer, "statement", &approval->statement);
    flow_json_add_u64(writer, "flows", use->flows);
    flow_json_add_u64(writer, "flows_outside_force", use->outside_force);
    if (use->has_bytes) {
        flow_json_add_u64(writer, "bytes", use->bytes);
    } else {
        flow_json_add_null(writer, "bytes");
    }
    flow_json_add_time(writer, "first", use->first);
    flow_json_add_time(writer, "last", use->last);
    flow_json_add_str(writer, "users", use->users);
    flow_json_add_str(writer, "destinations", use->destinations);
    flow_json_add_str(writer, "used_ports", use->ports);
    flow_json_add_str(writer, "missing", use->missing);
    flow_json_add_str(writer, "tight", use->tight);
    flow_json_close(writer, '}');
}

static void
report_json(struct flow_buf *out, const struct flow_tally *tally,
            const struct flow_sink_options *options)
{
    struct flow_json_writer writer = { .out = out, .pretty = true };

    (void)options;
    flow_json_open(&writer, NULL, '{');
    flow_json_add_text(&writer, "schema", "libflow.dev/approvals/v1");
    flow_json_add_text(&writer, "version", flow_version());
    flow_json_add_double(&writer, "coverage", flow_tally_coverage(tally));
    flow_json_open(&writer, "approvals", '[');
    for (size_t i = 0; i < flow_tally_use_count(tally); i++) {
        flow_json_add_use(&writer, flow_tally_use_at(tally, i));
    }
    flow_json_close(&writer, ']');
    flow_json_close(&writer, '}');
    flow_buf_add_char(out, '\n');
}

static void
add_line(struct flow_buf *out, const char *head, struct flow_str text)
{
    if (text.len > 0) {
        flow_buf_add_format(out, "  %-12s ", head);
        flow_buf_add_clean(out, text);
        flow_buf_add_char(out, '\n');
    }
}

static void
add_times(struct flow_buf *out, const struct flow_approval_use *use)
{
    char first[FLOW_TIME_TEXT_MAX];
    char last[FLOW_TIME_TEXT_MAX];

    flow_buf_add_format(out, "  %-12s %llu %s", "used by", (unsigned long long)use->flows,
                        use->flows == 1 ? "flow" : "flows");
    if (use->has_bytes) {
        flow_buf_add_format(out, ", %llu bytes", (unsigned long long)use->bytes);
    }
    if (use->first != FLOW_TIME_NONE) {
        flow_buf_add_format(out, ", first %s, last %s", flow_time_format(use->first, first),
                            flow_time_format(use->last, last));
    }
    if (use->outside_force > 0) {
        flow_buf_add_format(out, "; %llu of them when it had no force",
                            (unsigned long long)use->outside_force);
    }
    flow_buf_add_char(out, '\n');
}

static void
add_approval(struct flow_buf *out, const struct flow_approval_use *use)
{
    const struct flow_approval *approval = use->approval;

    flow_buf_add_clean(out, flow_str_of(approval->id));
    flow_buf_add_format(out, "  %s", flow_approval_state_name(use->state));
    flow_buf_add_format(out, "  (%s:%u)\n", approval->statement.file, approval->statement.line);
    add_line(out, "from", flow_str_of(approval->from));
    add_line(out, "to", flow_str_of(approval->to));
    add_line(out, "ports", flow_str_of(approval->ports));
    add_line(out, "expires", flow_str_of(approval->expires_on));
    add_line(out, "owner", flow_str_of(approval->owner));
    add_line(out, "lacks", use->missing);
    add_times(out, use);
    add_line(out, "users", use->users);
    add_line(out, "reached", use->destinations);
    add_line(out, "at", use->ports);
    add_line(out, "tight form", use->tight);
}

static void
report_text(struct flow_buf *out, const struct flow_tally *tally,
            const struct flow_sink_options *options)
{
    (void)options;
    for (size_t i = 0; i < flow_tally_use_count(tally); i++) {
        flow_buf_add_text(out, i > 0 ? "\n" : "");
        add_approval(out, flow_tally_use_at(tally, i));
    }
    if (flow_tally_use_count(tally) == 0) {
        flow_buf_add_text(out, "no approvals\n");
    }
}

const struct flow_report_format flow_format_approvals = { .name = "approvals",
                                                          .report = report_text };
const struct flow_report_format flow_format_approvals_json = { .name = "approvals-json",
                                                               .report = report_json };
