/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations as text and JSON: for each side the chain to the answer, and what every policy says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/str.h"
#include "check/tally.h"
#include "report/chain.h"
#include "report/format.h"

static void
add_connection(struct flow_buf *out, const struct flow_explain_report *report)
{
    flow_buf_add_clean(out, report->source);
    flow_buf_add_text(out, " -> ");
    flow_buf_add_clean(out, report->destination);
    if (report->has_port) {
        flow_buf_add_format(out, " %u/%s", report->port, flow_protocol_name(report->protocol));
    } else {
        flow_buf_add_format(out, " %s", flow_protocol_name(report->protocol));
    }
    flow_buf_add_char(out, '\n');
}

/* What one policy says, in a few words. */
static void
add_words(struct flow_buf *out, const struct flow_explain_step *step)
{
    flow_buf_add_text(out, step->selects == FLOW_YES ? "selects" : "may select");
    if (step->isolates) {
        flow_buf_add_text(out, ", isolates");
    }
    if (step->denies != FLOW_NO) {
        flow_buf_add_text(out, step->denies == FLOW_YES ? ", denies" : ", may deny");
    } else if (step->passes == FLOW_YES) {
        flow_buf_add_text(out, ", passes it on");
    } else if (step->admits == FLOW_NO) {
        flow_buf_add_text(out, ", does not admit");
    } else {
        flow_buf_add_text(out, step->admits == FLOW_YES ? ", admits" : ", may admit");
    }
    if (step->rule.len > 0) {
        flow_buf_add_text(out, " by ");
        flow_buf_add_clean(out, step->rule);
    }
    for (unsigned code = 0, told = 0; code < FLOW_UNDECIDED_COUNT; code++) {
        if ((step->undecided >> code & 1) != 0) {
            flow_buf_add_format(out, "%s%s", told++ == 0 ? ", missing " : ", ",
                                flow_undecided_name(code));
        }
    }
}

static const char *
answer_name(uint8_t answer)
{
    return answer == FLOW_YES ? "yes" : answer == FLOW_NO ? "no" : "unknown";
}

/* The rules of which a half fits, or may; the others are counted. */
static void
add_rules_text(struct flow_buf *out, const struct flow_explain_step *step)
{
    size_t others = 0;

    for (size_t i = 0; i < step->rule_count; i++) {
        const struct flow_explain_rule *rule = &step->rules[i];

        if (rule->peer == FLOW_NO && rule->port == FLOW_NO) {
            others++;
            continue;
        }
        flow_buf_add_text(out, "        ");
        flow_buf_add_clean(out, rule->name);
        flow_buf_add_text(out, "  ");
        flow_buf_add_clean(out, flow_str_of(step->policy->file));
        flow_buf_add_format(out, ":%u  peer %s, port %s\n", rule->line, answer_name(rule->peer),
                            answer_name(rule->port));
    }
    if (others > 0) {
        flow_buf_add_format(out, "        %zu rule%s of which neither peer nor port fits\n", others,
                            others == 1 ? "" : "s");
    }
}

static void
add_step_text(struct flow_buf *out, const struct flow_explain_step *step)
{
    const struct flow_policy_info *policy = step->policy;

    flow_buf_add_format(out, "  %s [%s] ", step->decides ? "=>" : "  ",
                        flow_policy_kind_name(policy->kind));
    flow_buf_add_clean(out, flow_str_of(policy->namespace_name));
    flow_buf_add_text(out, policy->namespace_name[0] != '\0' ? "/" : "");
    flow_buf_add_clean(out, flow_str_of(policy->name));
    flow_buf_add_text(out, "  ");
    flow_buf_add_clean(out, flow_str_of(policy->file));
    flow_buf_add_format(out, ":%u\n      ", step->line);
    add_words(out, step);
    flow_buf_add_char(out, '\n');
    add_rules_text(out, step);
}

static void
add_side_text(struct flow_buf *out, const struct flow_explain_report *report,
              const struct flow_explanation *side)
{
    const bool egress = side->decision.direction == FLOW_DIRECTION_EGRESS;
    struct flow_buf line = { 0 };

    flow_buf_add_format(out, "\n%s of ", flow_direction_name(side->decision.direction));
    flow_buf_add_clean(out, egress ? report->source : report->destination);
    flow_buf_add_format(out, ": %s\n  ", flow_expected_name(side->decision.expected));
    flow_explanation_chain(side, &line);
    flow_buf_add_clean(out, flow_buf_str(&line));
    flow_buf_add_char(out, '\n');
    for (size_t i = 0; i < side->step_count; i++) {
        add_step_text(out, &side->steps[i]);
    }
    if (side->step_count == 0 && side->decision.expected != FLOW_EXPECTED_NOT_APPLICABLE) {
        flow_buf_add_text(out, "     no policy selects it\n");
    }
    flow_buf_add_text(out, "  ");
    line.len = 0;
    flow_decision_sentence(&side->decision, FLOW_RESULT_PERMITTED, side->decision.undecided, &line);
    flow_buf_add_clean(out, flow_buf_str(&line));
    flow_buf_add_char(out, '\n');
    out->failed |= line.failed;
    flow_buf_free(&line);
}

/* What the intent document says of a flow, by all of its statements that it is against. */
static void
add_intent(struct flow_buf *out, const struct flow_record *record)
{
    const struct flow_intent_decision *intent = record->intent_decision;
    const struct flow_intent_statement *statement = intent != NULL ? intent->statement : NULL;

    if (intent == NULL) {
        return;
    }
    flow_buf_add_format(out, "intent: %s", flow_intent_name(record->intent));
    if (intent->violation_count == 0 && statement != NULL) {
        flow_buf_add_format(out, " by %s (%s:%u)", statement->name, statement->file,
                            statement->line);
    }
    for (size_t i = 0; i < intent->violation_count; i++) {
        const struct flow_report_rule *rule =
            flow_report_rule_of_violation(intent->violations[i].kind);

        statement = intent->violations[i].statement;
        flow_buf_add_format(out, ", %s (%s)", rule->name, rule->id);
        if (statement != NULL && statement->name != NULL) {
            flow_buf_add_format(out, " by %s (%s:%u)", statement->name, statement->file,
                                statement->line);
        }
    }
    for (unsigned code = 0; code < FLOW_UNDECIDED_COUNT; code++) {
        if ((intent->undecided >> code & 1) != 0) {
            flow_buf_add_format(out, ", not known: %s", flow_undecided_name(code));
        }
    }
    flow_buf_add_char(out, '\n');
}

static void
add_statements(struct flow_json_writer *writer, const struct flow_intent_decision *intent)
{
    flow_json_open(writer, "statements", '[');
    for (size_t i = 0; intent != NULL && i < intent->violation_count; i++) {
        flow_json_open(writer, NULL, '{');
        flow_json_add_text(writer, "rule",
                           flow_report_rule_of_violation(intent->violations[i].kind)->id);
        flow_json_add_statement(writer, "statement", intent->violations[i].statement);
        flow_json_close(writer, '}');
    }
    flow_json_close(writer, ']');
}

static void
add_report_text(struct flow_buf *out, const struct flow_explain_report *report)
{
    const struct flow_record *record = report->record;

    add_connection(out, report);
    if (record != NULL) {
        flow_buf_add_format(
            out, "observed %s on the %s side: %s\n", flow_observed_name(record->observed),
            flow_direction_name(record->judged_direction), flow_result_name(record->result));
        add_intent(out, record);
    }
    for (size_t i = 0; i < report->side_count; i++) {
        add_side_text(out, report, &report->sides[i]);
    }
}

static void
add_rule_json(struct flow_json_writer *writer, const struct flow_explain_rule *rule)
{
    static const char *const actions[] = { "allow", "deny", "pass" };

    flow_json_open(writer, NULL, '{');
    flow_json_add_str(writer, "rule", rule->name);
    flow_json_add_u64(writer, "line", rule->line);
    flow_json_add_text(writer, "action",
                       rule->action <= FLOW_ACTION_PASS ? actions[rule->action] : NULL);
    flow_json_add_text(writer, "peer", answer_name(rule->peer));
    flow_json_add_text(writer, "port", answer_name(rule->port));
    flow_json_add_text(writer, "matches", answer_name(rule->matches));
    flow_json_add_undecided(writer, "undecided", rule->undecided);
    flow_json_close(writer, '}');
}

static void
add_step_json(struct flow_json_writer *writer, const struct flow_explain_step *step, bool chained)
{
    flow_json_open(writer, NULL, '{');
    flow_json_add_text(writer, "tier", flow_tier_name(step->tier));
    flow_json_add_text(writer, "kind", flow_policy_kind_name(step->policy->kind));
    flow_json_add_text(writer, "namespace",
                       step->policy->namespace_name[0] != '\0' ? step->policy->namespace_name
                                                               : NULL);
    flow_json_add_text(writer, "name", step->policy->name);
    flow_json_add_text(writer, "verb", flow_step_verb(step));
    flow_json_add_bool(writer, "chained", chained);
    flow_json_add_text(writer, "selects", answer_name(step->selects));
    flow_json_add_bool(writer, "isolates", step->isolates);
    flow_json_add_text(writer, "admits", answer_name(step->admits));
    flow_json_add_text(writer, "denies", answer_name(step->denies));
    flow_json_add_text(writer, "passes", answer_name(step->passes));
    flow_json_add_bool(writer, "decides", step->decides);
    flow_json_add_str(writer, "rule",
                      step->rule.len > 0 ? step->rule : (struct flow_str){ NULL, 0 });
    flow_json_add_text(writer, "file", step->policy->file);
    flow_json_add_u64(writer, "line", step->line);
    flow_json_add_undecided(writer, "undecided", step->undecided);
    flow_json_open(writer, "rules", '[');
    for (size_t i = 0; i < step->rule_count; i++) {
        add_rule_json(writer, &step->rules[i]);
    }
    flow_json_close(writer, ']');
    flow_json_close(writer, '}');
}

static void
add_side_json(struct flow_json_writer *writer, const struct flow_explanation *side)
{
    struct flow_buf sentence = { 0 };
    struct flow_buf chain = { 0 };

    flow_explanation_chain(side, &chain);
    flow_decision_sentence(&side->decision, FLOW_RESULT_PERMITTED, side->decision.undecided,
                           &sentence);
    flow_json_open(writer, NULL, '{');
    flow_json_add_text(writer, "direction", flow_direction_name(side->decision.direction));
    flow_json_add_text(writer, "expected", flow_expected_name(side->decision.expected));
    flow_json_add_text(writer, "connection", flow_expected_name(side->l4_decision.expected));
    flow_json_add_policy(writer, "policy", &side->decision);
    flow_json_add_undecided(writer, "undecided", side->decision.undecided);
    flow_json_add_str(writer, "explanation", flow_buf_str(&sentence));
    flow_json_add_str(writer, "chain", flow_buf_str(&chain));
    flow_json_open(writer, "steps", '[');
    for (size_t i = 0; i < side->step_count; i++) {
        add_step_json(writer, &side->steps[i],
                      flow_step_matters(&side->steps[i], &side->l4_decision));
    }
    flow_json_close(writer, ']');
    flow_json_close(writer, '}');
    flow_buf_free(&sentence);
    flow_buf_free(&chain);
}

static void
add_report_json(struct flow_json_writer *writer, const struct flow_explain_report *report)
{
    const struct flow_record *record = report->record;

    flow_json_open(writer, NULL, '{');
    flow_json_add_str(writer, "source", report->source);
    flow_json_add_str(writer, "destination", report->destination);
    flow_json_add_text(writer, "protocol", flow_protocol_name(report->protocol));
    if (report->has_port) {
        flow_json_add_u64(writer, "port", report->port);
    } else {
        flow_json_add_null(writer, "port");
    }
    if (record != NULL) {
        flow_json_add_str(writer, "uuid", record->uuid);
        flow_json_add_time(writer, "time", record->time);
        flow_json_add_text(writer, "direction", flow_direction_name(record->judged_direction));
        flow_json_add_text(writer, "observed", flow_observed_name(record->observed));
        flow_json_add_text(writer, "expected", flow_expected_name(record->expected));
        flow_json_add_text(writer, "result", flow_result_name(record->result));
        flow_json_add_text(writer, "intent", flow_intent_name(record->intent));
        add_statements(writer, record->intent_decision);
    }
    flow_json_open(writer, "sides", '[');
    for (size_t i = 0; i < report->side_count; i++) {
        add_side_json(writer, &report->sides[i]);
    }
    flow_json_close(writer, ']');
    flow_json_close(writer, '}');
}

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_JSONL };

enum { FLUSH_BYTES = 65536 };

struct flow_explainer {
    enum format format;
    struct flow_json_writer writer;
    struct flow_buf out;
    char *path;
    int fd;
    bool begun, finished;
};

static int
flush(struct flow_explainer *explainer, struct flow_error *err)
{
    const int rc = flow_write_all(explainer->fd, explainer->path, &explainer->out, err);

    flow_buf_reset(&explainer->out);
    return rc;
}

int
flow_explainer_open(struct flow_explainer **out, const char *format, const char *path,
                    struct flow_error *err)
{
    static const char *const names[] = { "text", "json", "jsonl" };
    struct flow_explainer *explainer;
    size_t which = 0;

    while (which < 3 && strcmp(format, names[which]) != 0) {
        which++;
    }
    if (which == 3) {
        return flow_fail(err, FLOW_E_ARGUMENT,
                         "expected format text, json or jsonl, found \"%.40s\"", format);
    }
    explainer = calloc(1, sizeof(*explainer));
    if (explainer == NULL || (explainer->path = strdup(path)) == NULL) {
        free(explainer);
        return flow_fail_memory(err);
    }
    explainer->format = (enum format)which;
    explainer->fd = flow_open_output(path);
    if (explainer->fd < 0) {
        flow_fail_system(err, errno, "cannot write");
        flow_error_set_input(err, path);
        flow_explainer_close(explainer);
        return FLOW_E_SYSTEM;
    }
    explainer->writer =
        (struct flow_json_writer){ .out = &explainer->out, .pretty = which == FORMAT_JSON };
    if (which == FORMAT_JSON) {
        flow_json_open(&explainer->writer, NULL, '[');
    }
    *out = explainer;
    return FLOW_OK;
}

int
flow_explainer_write(struct flow_explainer *explainer, const struct flow_explain_report *report,
                     struct flow_error *err)
{
    if (explainer->format == FORMAT_TEXT) {
        if (explainer->begun) {
            flow_buf_add_char(&explainer->out, '\n');
        }
        add_report_text(&explainer->out, report);
    } else {
        add_report_json(&explainer->writer, report);
    }
    if (explainer->format == FORMAT_JSONL) {
        flow_buf_add_char(&explainer->out, '\n');
        explainer->writer.comma = false;
    }
    explainer->begun = true;
    return explainer->out.len >= FLUSH_BYTES || explainer->out.failed ? flush(explainer, err)
                                                                      : FLOW_OK;
}

int
flow_explainer_finish(struct flow_explainer *explainer, struct flow_error *err)
{
    if (explainer->finished) {
        return FLOW_OK;
    }
    explainer->finished = true;
    if (explainer->format == FORMAT_JSON) {
        flow_json_close(&explainer->writer, ']');
        flow_buf_add_char(&explainer->out, '\n');
    }
    return flush(explainer, err);
}

void
flow_explainer_close(struct flow_explainer *explainer)
{
    if (explainer != NULL) {
        if (explainer->fd > STDERR_FILENO) {
            close(explainer->fd);
        }
        flow_buf_free(&explainer->out);
        free(explainer->path);
        free(explainer);
    }
}
