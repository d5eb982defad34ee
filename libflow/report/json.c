/* SPDX-License-Identifier: Apache-2.0 */
/* The whole report as one JSON object. Members are only ever added; "schema" says which form. */
#include <stdio.h>

#include "report/format.h"

static void
add_input(struct flow_json_writer *writer, const struct flow_input_stats *input)
{
    char digest[65] = "";

    for (size_t i = 0; i < sizeof(input->digest) && input->has_digest; i++) {
        snprintf(digest + i * 2, 3, "%02x", input->digest[i]);
    }
    flow_json_open(writer, NULL, '{');
    flow_json_add_text(writer, "name", input->name);
    flow_json_add_text(writer, "sha256", input->has_digest ? digest : NULL);
    flow_json_add_text(writer, "format", input->format);
    flow_json_add_text(writer, "compression", input->compression);
    flow_json_add_u64(writer, "bytes", input->bytes_read);
    flow_json_add_u64(writer, "records", input->records);
    flow_json_add_u64(writer, "flows", input->flows);
    flow_json_add_u64(writer, "damaged", input->damaged);
    flow_json_add_u64(writer, "lost", input->lost);
    flow_json_add_u64(writer, "node_status", input->node_status);
    flow_json_add_u64(writer, "agent_events", input->agent_events);
    flow_json_add_u64(writer, "debug_events", input->debug_events);
    flow_json_add_u64(writer, "skipped", input->skipped);
    flow_json_add_bool(writer, "cut_short", input->cut_short);
    if (input->live) {
        flow_json_open(writer, "live", '{');
        flow_json_add_u64(writer, "connections", input->connections);
        flow_json_add_u64(writer, "came_again", input->came_again);
        flow_json_add_u64(writer, "gaps", input->gaps);
        flow_json_add_time(writer, "gap_first", input->gap_first);
        flow_json_add_time(writer, "gap_last", input->gap_last);
        flow_json_add_u64(writer, "refused", input->refused);
        flow_json_close(writer, '}');
    }
    flow_json_close(writer, '}');
}

static void
add_coverage(struct flow_json_writer *writer, const struct flow_tally *tally,
             const struct flow_tally_totals *totals)
{
    flow_json_open(writer, "coverage", '{');
    flow_json_add_u64(writer, "flows", totals->flows);
    flow_json_add_u64(writer, "duplicates", totals->duplicates);
    flow_json_add_u64(writer, "undecided", totals->undecided);
    flow_json_add_u64(writer, "undecided_or_intent", totals->unsure);
    flow_json_add_share(writer, "undecided_share", totals->undecided, totals->flows);
    flow_json_open(writer, "missing_facts", '{');
    for (unsigned code = 0; code < FLOW_UNDECIDED_COUNT; code++) {
        if (flow_tally_undecided(tally, code) > 0) {
            flow_json_add_u64(writer, flow_undecided_name(code), flow_tally_undecided(tally, code));
        }
    }
    flow_json_close(writer, '}');
    flow_json_open(writer, "missing_fields", '{');
    for (uint8_t i = 0; i < FLOW_MISSING_COUNT; i++) {
        if (totals->missing[i] > 0) {
            flow_json_add_u64(writer, flow_missing_field_name(i), totals->missing[i]);
        }
    }
    flow_json_close(writer, '}');
    flow_json_add_u64(writer, "lost", totals->lost);
    flow_json_add_u64(writer, "lost_reports", totals->lost_reports);
    flow_json_add_u64(writer, "lost_here", totals->damaged + totals->refused);
    flow_json_add_u64(writer, "came_again", totals->came_again);
    flow_json_add_u64(writer, "reconnects", totals->connections > 0 ? totals->connections - 1 : 0);
    flow_json_add_u64(writer, "gaps", totals->gaps);
    flow_json_add_u64(writer, "damaged", totals->damaged);
    flow_json_add_bool(writer, "cut_short", totals->cut_short);
    flow_json_add_double(writer, "share", flow_tally_coverage(tally));
    flow_json_add_u64(writer, "aggregated", totals->aggregated);
    flow_json_add_u64(writer, "ungrouped", totals->ungrouped);
    flow_json_add_time(writer, "first", totals->first);
    flow_json_add_time(writer, "last", totals->last);
    flow_json_open(writer, "nodes", '[');
    for (size_t i = 0; i < flow_tally_node_count(tally); i++) {
        const struct flow_node_seen *node = flow_tally_node_at(tally, i);

        flow_json_open(writer, NULL, '{');
        flow_json_add_str(writer, "name", node->name);
        flow_json_add_u64(writer, "flows", node->flows);
        flow_json_add_u64(writer, "lost", node->lost);
        flow_json_add_time(writer, "first", node->first);
        flow_json_add_time(writer, "last", node->last);
        flow_json_add_time(writer, "lost_first", node->lost_first);
        flow_json_add_time(writer, "lost_last", node->lost_last);
        flow_json_add_text(writer, "state", flow_node_state_word(node->state));
        flow_json_add_time(writer, "state_since", node->state_since);
        flow_json_add_u64(writer, "outages", node->outages);
        flow_json_add_u64(writer, "restarts", node->restarts);
        flow_json_add_bool(writer, "expected", node->expected);
        flow_json_add_double(writer, "unseen_seconds", (double)node->unseen / 1e9);
        flow_json_add_u64(writer, "gaps", node->gaps);
        flow_json_add_time(writer, "longest_gap_first", node->gap_first);
        flow_json_add_time(writer, "longest_gap_last", node->gap_last);
        flow_json_close(writer, '}');
    }
    flow_json_close(writer, ']');
    flow_json_close(writer, '}');
}

static void
add_finding(struct flow_json_writer *writer, const struct flow_finding *finding)
{
    flow_json_open(writer, NULL, '{');
    flow_json_add_text(writer, "id", finding->rule->id);
    flow_json_add_text(writer, "rule", finding->rule->name);
    flow_json_add_text(writer, "fingerprint", finding->fingerprint);
    flow_json_add_text(writer, "severity", flow_severity_name(finding->rule->severity));
    flow_json_add_u64(writer, "count", finding->count);
    flow_json_add_time(writer, "first", finding->first);
    flow_json_add_time(writer, "last", finding->last);
    flow_json_add_text(writer, "scope", flow_scope_name(finding->scope));
    flow_json_add_text(writer, "direction", flow_direction_name(finding->direction));
    flow_json_add_str(writer, "source", finding->source);
    flow_json_add_str(writer, "destination", finding->destination);
    flow_json_add_text(writer, "protocol", flow_protocol_name(finding->protocol));
    if (finding->has_port) {
        flow_json_add_u64(writer, "port", finding->port);
    } else {
        flow_json_add_null(writer, "port");
    }
    flow_json_add_policy(writer, "policy",
                         finding->undecided == 0 || finding->intent ? finding->decision : NULL);
    flow_json_add_statement(writer, "statement", finding->statement);
    if (finding->has_bytes) {
        flow_json_add_u64(writer, "bytes", finding->bytes);
    } else {
        flow_json_add_null(writer, "bytes");
    }
    flow_json_add_undecided(writer, "undecided", finding->undecided);
    if (finding->baseline != FLOW_BASELINE_NONE) {
        flow_json_add_text(writer, "baseline",
                           finding->baseline == FLOW_BASELINE_NEW ? "new" : "unchanged");
    }
    flow_json_add_str(writer, "explanation", finding->explanation);
    flow_json_close(writer, '}');
}

/* Each record that was read is in one of these; results are of flows, and a drop that is told of
 * twice is one. */
static void
add_balance(struct flow_json_writer *writer, const struct flow_tally *tally,
            const struct flow_tally_totals *totals)
{
    uint64_t results = 0;

    for (uint8_t i = 0; i < FLOW_RESULT_COUNT; i++) {
        results += flow_tally_result(tally, i);
    }
    flow_json_open(writer, "balance", '{');
    flow_json_add_u64(writer, "read", totals->flows + totals->damaged);
    flow_json_add_u64(writer, "results", results - totals->replies_of_results - totals->no_verdict);
    flow_json_add_u64(writer, "replies", totals->replies_of_results);
    flow_json_add_u64(writer, "no_verdict", totals->no_verdict);
    flow_json_add_u64(writer, "told_twice", totals->duplicates);
    flow_json_add_u64(writer, "damaged", totals->damaged);
    flow_json_close(writer, '}');
}

static void
add_intent(struct flow_json_writer *writer, const struct flow_tally *tally,
           const struct flow_tally_totals *totals)
{
    const struct flow_intent_document *intent = flow_tally_intent(tally);

    if (intent == NULL) {
        return;
    }
    flow_json_open(writer, "intent", '{');
    flow_json_add_text(writer, "name", flow_intent_title(intent));
    flow_json_add_text(writer, "file", flow_intent_file(intent));
    flow_json_add_u64(writer, "before_phases", totals->before_phases);
    flow_json_open(writer, "flows", '{');
    for (uint8_t i = 0; i < FLOW_INTENT_COUNT; i++) {
        flow_json_add_u64(writer, flow_intent_name(i), flow_tally_intent_flows(tally, i));
    }
    flow_json_close(writer, '}');
    flow_json_close(writer, '}');
}

static void
add_controls(struct flow_json_writer *writer, const struct flow_tally *tally)
{
    flow_json_open(writer, "controls", '[');
    for (size_t i = 0; i < flow_tally_control_count(tally); i++) {
        const struct flow_control *control = flow_tally_control_at(tally, i);

        flow_json_open(writer, NULL, '{');
        flow_json_add_text(writer, "id", control->id);
        flow_json_add_text(writer, "statement", control->statement);
        flow_json_add_text(writer, "satre", control->satre);
        flow_json_add_text(writer, "answer", flow_control_answer_name(control->answer));
        flow_json_add_u64(writer, "findings", control->findings);
        flow_json_add_str(writer, "evidence", control->evidence);
        flow_json_close(writer, '}');
    }
    flow_json_close(writer, ']');
}

static void
add_approvals(struct flow_json_writer *writer, const struct flow_tally *tally)
{
    if (flow_tally_intent(tally) == NULL) {
        return;
    }
    flow_json_open(writer, "approvals", '[');
    for (size_t i = 0; i < flow_tally_use_count(tally); i++) {
        flow_json_add_use(writer, flow_tally_use_at(tally, i));
    }
    flow_json_close(writer, ']');
}

/* What is new since an earlier report, and what is gone. */
static void
add_baseline(struct flow_json_writer *writer, const struct flow_tally *tally)
{
    uint64_t fresh = 0;

    if (!flow_tally_has_baseline(tally)) {
        return;
    }
    for (size_t i = 0; i < flow_tally_finding_count(tally); i++) {
        fresh += flow_tally_finding_at(tally, i)->baseline == FLOW_BASELINE_NEW;
    }
    flow_json_open(writer, "baseline", '{');
    flow_json_add_u64(writer, "new", fresh);
    flow_json_add_u64(writer, "unchanged", flow_tally_finding_count(tally) - fresh);
    flow_json_open(writer, "gone", '[');
    for (size_t i = 0; i < flow_tally_gone_count(tally); i++) {
        const struct flow_earlier_finding *gone = flow_tally_gone_at(tally, i);

        flow_json_open(writer, NULL, '{');
        flow_json_add_text(writer, "id", gone->id);
        flow_json_add_text(writer, "rule", gone->rule);
        flow_json_add_text(writer, "fingerprint", gone->fingerprint);
        flow_json_add_text(writer, "severity", gone->severity);
        flow_json_add_text(writer, "source", gone->source);
        flow_json_add_text(writer, "destination", gone->destination);
        flow_json_close(writer, '}');
    }
    flow_json_close(writer, ']');
    flow_json_close(writer, '}');
}

static void
add_policies(struct flow_json_writer *writer, const struct flow_policies *policies)
{
    size_t warnings = 0;

    if (policies == NULL) {
        return;
    }
    for (size_t i = 0; i < flow_policies_note_count(policies); i++) {
        warnings += flow_policies_note_at(policies, i)->level == FLOW_NOTE_WARNING;
    }
    flow_json_add_text(writer, "engine", flow_policies_engine(policies));
    flow_json_open(writer, "policies", '{');
    flow_json_add_u64(writer, "loaded", flow_policies_count(policies));
    flow_json_add_u64(writer, "refused", flow_policies_error_count(policies));
    flow_json_add_u64(writer, "warnings", warnings);
    flow_json_add_u64(writer, "inventory", flow_policies_inventory_count(policies));
    flow_json_close(writer, '}');
}

static void
report(struct flow_buf *out, const struct flow_tally *tally,
       const struct flow_sink_options *options)
{
    struct flow_json_writer writer = { .out = out, .pretty = true };
    struct flow_tally_totals totals;

    (void)options;
    flow_tally_totals(tally, &totals);
    flow_json_open(&writer, NULL, '{');
    flow_json_add_text(&writer, "schema", "libflow.dev/report/v1");
    flow_json_add_text(&writer, "version", flow_version());
    add_policies(&writer, flow_tally_policies(tally));
    flow_json_open(&writer, "inputs", '[');
    for (size_t i = 0; i < flow_tally_input_count(tally); i++) {
        add_input(&writer, flow_tally_input_at(tally, i));
    }
    flow_json_close(&writer, ']');
    add_coverage(&writer, tally, &totals);
    flow_json_open(&writer, "results", '{');
    for (uint8_t i = 0; i < FLOW_RESULT_COUNT; i++) {
        flow_json_add_u64(&writer, flow_result_name(i), flow_tally_result(tally, i));
    }
    flow_json_close(&writer, '}');
    add_balance(&writer, tally, &totals);
    add_intent(&writer, tally, &totals);
    add_controls(&writer, tally);
    flow_json_open(&writer, "findings", '[');
    for (size_t i = 0; i < flow_tally_finding_count(tally); i++) {
        add_finding(&writer, flow_tally_finding_at(tally, i));
    }
    flow_json_close(&writer, ']');
    add_baseline(&writer, tally);
    add_approvals(&writer, tally);
    flow_json_close(&writer, '}');
    flow_buf_add_char(out, '\n');
}

const struct flow_report_format flow_format_json = { .name = "json", .report = report };
