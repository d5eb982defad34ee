/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations as text and JSON: for each side, what every policy that matters says. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/str.h"
#include "check/tally.h"
#include "report/format.h"

static void
add_connection(struct flow_buf *out, const struct flow_explain_report *report)
{
    flow_buf_add_str(out, report->source);
    flow_buf_add_text(out, " -> ");
    flow_buf_add_str(out, report->destination);
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
        flow_buf_add_str(out, step->rule);
    }
    for (unsigned code = 0, told = 0; code < FLOW_UNDECIDED_COUNT; code++) {
        if ((step->undecided >> code & 1) != 0) {
            flow_buf_add_format(out, "%s%s", told++ == 0 ? ", missing " : ", ",
                                flow_undecided_name(code));
        }
    }
}

static void
add_step_text(struct flow_buf *out, const struct flow_explain_step *step)
{
    const struct flow_policy_info *policy = step->policy;

    flow_buf_add_format(out, "  %s [%s] %s%s%s  %s:%u\n      ", step->decides ? "=>" : "  ",
                        flow_policy_kind_name(policy->kind), policy->namespace_name,
                        policy->namespace_name[0] != '\0' ? "/" : "", policy->name, policy->file,
                        step->line);
    add_words(out, step);
    flow_buf_add_char(out, '\n');
}

static void
add_side_text(struct flow_buf *out, const struct flow_explain_report *report,
              const struct flow_explanation *side)
{
    const bool egress = side->decision.direction == FLOW_DIRECTION_EGRESS;

    flow_buf_add_format(out, "\n%s of ", flow_direction_name(side->decision.direction));
    flow_buf_add_str(out, egress ? report->source : report->destination);
    flow_buf_add_format(out, ": %s\n", flow_expected_name(side->decision.expected));
    for (size_t i = 0; i < side->step_count; i++) {
        add_step_text(out, &side->steps[i]);
    }
    if (side->step_count == 0 && side->decision.expected != FLOW_EXPECTED_NOT_APPLICABLE) {
        flow_buf_add_text(out, "     no policy selects it\n");
    }
    flow_buf_add_text(out, "  ");
    flow_decision_sentence(&side->decision, FLOW_RESULT_PERMITTED, side->decision.undecided, out);
    flow_buf_add_char(out, '\n');
}

static void
write_text(struct flow_buf *out, const struct flow_explain_report *reports, size_t count)
{
    for (size_t r = 0; r < count; r++) {
        const struct flow_record *record = reports[r].record;

        if (r > 0) {
            flow_buf_add_char(out, '\n');
        }
        add_connection(out, &reports[r]);
        if (record != NULL) {
            flow_buf_add_format(
                out, "observed %s on the %s side: %s\n", flow_observed_name(record->observed),
                flow_direction_name(record->judged_direction), flow_result_name(record->result));
        }
        for (size_t i = 0; i < reports[r].side_count; i++) {
            add_side_text(out, &reports[r], &reports[r].sides[i]);
        }
    }
}

static const char *
answer_name(uint8_t answer)
{
    return answer == FLOW_YES ? "yes" : answer == FLOW_NO ? "no" : "unknown";
}

static void
add_step_json(struct flow_json_writer *writer, const struct flow_explain_step *step)
{
    flow_json_open(writer, NULL, '{');
    flow_json_add_text(writer, "kind", flow_policy_kind_name(step->policy->kind));
    flow_json_add_text(writer, "namespace",
                       step->policy->namespace_name[0] != '\0' ? step->policy->namespace_name
                                                               : NULL);
    flow_json_add_text(writer, "name", step->policy->name);
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
    flow_json_close(writer, '}');
}

static void
add_side_json(struct flow_json_writer *writer, const struct flow_explanation *side)
{
    struct flow_buf sentence = { 0 };

    flow_decision_sentence(&side->decision, FLOW_RESULT_PERMITTED, side->decision.undecided,
                           &sentence);
    flow_json_open(writer, NULL, '{');
    flow_json_add_text(writer, "direction", flow_direction_name(side->decision.direction));
    flow_json_add_text(writer, "expected", flow_expected_name(side->decision.expected));
    flow_json_add_policy(writer, "policy", &side->decision);
    flow_json_add_undecided(writer, "undecided", side->decision.undecided);
    flow_json_add_str(writer, "explanation", flow_buf_str(&sentence));
    flow_json_open(writer, "steps", '[');
    for (size_t i = 0; i < side->step_count; i++) {
        add_step_json(writer, &side->steps[i]);
    }
    flow_json_close(writer, ']');
    flow_json_close(writer, '}');
    flow_buf_free(&sentence);
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
    }
    flow_json_open(writer, "sides", '[');
    for (size_t i = 0; i < report->side_count; i++) {
        add_side_json(writer, &report->sides[i]);
    }
    flow_json_close(writer, ']');
    flow_json_close(writer, '}');
}

static void
write_json(struct flow_buf *out, const struct flow_explain_report *reports, size_t count)
{
    struct flow_json_writer writer = { .out = out, .pretty = true };

    flow_json_open(&writer, NULL, '[');
    for (size_t i = 0; i < count; i++) {
        add_report_json(&writer, &reports[i]);
    }
    flow_json_close(&writer, ']');
    flow_buf_add_char(out, '\n');
}

int
flow_explain_write(const char *format, const char *path, const struct flow_explain_report *reports,
                   size_t count, struct flow_error *err)
{
    struct flow_buf out = { 0 };
    int fd, rc;

    if (strcmp(format, "text") == 0) {
        write_text(&out, reports, count);
    } else if (strcmp(format, "json") == 0) {
        write_json(&out, reports, count);
    } else {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected format text or json, found \"%.40s\"",
                         format);
    }
    fd = flow_open_output(path);
    if (fd < 0) {
        flow_fail_system(err, errno, "cannot write");
        flow_error_set_input(err, path);
        flow_buf_free(&out);
        return FLOW_E_SYSTEM;
    }
    rc = flow_write_all(fd, path, &out, err);
    if (fd > STDERR_FILENO) {
        close(fd);
    }
    flow_buf_free(&out);
    return rc;
}
