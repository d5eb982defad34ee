/* SPDX-License-Identifier: Apache-2.0 */
/* What the doctor found, for a person or as JSON. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/str.h"
#include "check/doctor.h"
#include "report/format.h"

static const char *const answers[] = { "no", "in part", "yes" };

/* Whether a field is not there in a flow that could have it. */
static bool
lacks(const struct flow_doctor *doctor, uint8_t field)
{
    return doctor->fields[field].missing > 0 ||
           (doctor->exporters > 0 && (doctor->let_through >> field & 1) == 0);
}

static void
add_missing(struct flow_buf *out, const struct flow_doctor *doctor,
            const struct flow_doctor_check *check)
{
    const char *separator = "           missing: ";

    if (check->answer == FLOW_DOCTOR_YES) {
        return;
    }
    for (uint8_t f = 0; f < FLOW_FIELD_COUNT; f++) {
        const struct flow_doctor_field *field = &doctor->fields[f];

        if ((check->fields >> f & 1) == 0 || !lacks(doctor, f)) {
            continue;
        }
        flow_buf_add_format(out, "%s%s", separator, field->path);
        if (doctor->flows > 0 && field->missing > 0) {
            flow_buf_add_format(out, " (in %llu of %llu)", (unsigned long long)field->missing,
                                (unsigned long long)field->applicable);
        }
        separator = ", ";
    }
    flow_buf_add_char(out, '\n');
}

static void
report_text(struct flow_buf *out, struct flow_doctor *doctor)
{
    if (doctor->exporters > 0) {
        flow_buf_add_format(out, "%zu exporter%s\n", doctor->exporters,
                            doctor->exporters == 1 ? "" : "s");
    } else {
        flow_buf_add_format(out, "%llu flows, %llu of them requests, %llu of them DNS answers\n",
                            (unsigned long long)doctor->flows, (unsigned long long)doctor->l7_flows,
                            (unsigned long long)doctor->dns_answers);
    }
    flow_buf_add_text(out, "\nwhat can be decided\n");
    for (size_t i = 0; i < FLOW_DOCTOR_CHECKS; i++) {
        const struct flow_doctor_check *check = flow_doctor_check_at(doctor, i);

        flow_buf_add_format(out, "  %-7s  %s%s\n", answers[check->answer], check->question,
                            check->asked ? "" : " (nothing that is declared asks for it)");
        add_missing(out, doctor, check);
    }
    for (size_t i = 0; i < doctor->notes.count; i++) {
        char text[512];

        flow_error_format(&doctor->notes.notes[i].error, text, sizeof(text));
        flow_buf_add_text(out, "  note     ");
        flow_buf_add_clean(out, flow_str_of(text));
        flow_buf_add_char(out, '\n');
    }
    flow_buf_add_text(out, "\nsmallest field mask that keeps every check decidable\n");
    for (uint8_t f = 0; f < FLOW_FIELD_COUNT; f++) {
        if (doctor->fields[f].needed) {
            flow_buf_add_format(out, "  - %s\n", doctor->fields[f].path);
        }
    }
}

static void
report_json(struct flow_buf *out, struct flow_doctor *doctor)
{
    struct flow_json_writer writer = { .out = out, .pretty = true };

    flow_json_open(&writer, NULL, '{');
    flow_json_add_text(&writer, "schema", "libflow.dev/doctor/v1");
    flow_json_add_text(&writer, "version", flow_version());
    flow_json_add_u64(&writer, "flows", doctor->flows);
    flow_json_add_u64(&writer, "requests", doctor->l7_flows);
    flow_json_add_u64(&writer, "dns_answers", doctor->dns_answers);
    flow_json_add_u64(&writer, "exporters", doctor->exporters);
    flow_json_add_bool(&writer, "filtered", doctor->filtered);
    flow_json_add_bool(&writer, "aggregated", doctor->aggregated);
    flow_json_open(&writer, "checks", '[');
    for (size_t i = 0; i < FLOW_DOCTOR_CHECKS; i++) {
        const struct flow_doctor_check *check = flow_doctor_check_at(doctor, i);

        flow_json_open(&writer, NULL, '{');
        flow_json_add_text(&writer, "id", check->id);
        flow_json_add_text(&writer, "question", check->question);
        flow_json_add_bool(&writer, "asked", check->asked);
        flow_json_add_text(&writer, "decidable", answers[check->answer]);
        flow_json_open(&writer, "missing", '[');
        for (uint8_t f = 0; f < FLOW_FIELD_COUNT && check->answer != FLOW_DOCTOR_YES; f++) {
            if ((check->fields >> f & 1) != 0 && lacks(doctor, f)) {
                flow_json_add_text(&writer, NULL, doctor->fields[f].path);
            }
        }
        flow_json_close(&writer, ']');
        flow_json_close(&writer, '}');
    }
    flow_json_close(&writer, ']');
    flow_json_open(&writer, "fields", '[');
    for (uint8_t f = 0; f < FLOW_FIELD_COUNT; f++) {
        flow_json_open(&writer, NULL, '{');
        flow_json_add_text(&writer, "path", doctor->fields[f].path);
        flow_json_add_bool(&writer, "needed", doctor->fields[f].needed);
        flow_json_add_u64(&writer, "applicable", doctor->fields[f].applicable);
        flow_json_add_u64(&writer, "missing", doctor->fields[f].missing);
        flow_json_close(&writer, '}');
    }
    flow_json_close(&writer, ']');
    flow_json_open(&writer, "field_mask", '[');
    for (uint8_t f = 0; f < FLOW_FIELD_COUNT; f++) {
        if (doctor->fields[f].needed) {
            flow_json_add_text(&writer, NULL, doctor->fields[f].path);
        }
    }
    flow_json_close(&writer, ']');
    flow_json_close(&writer, '}');
    flow_buf_add_char(out, '\n');
}

int
flow_doctor_write(struct flow_doctor *doctor, const char *format, const char *path,
                  struct flow_error *err)
{
    struct flow_buf out = { 0 };
    const int fd = flow_open_output(path);
    int rc;

    if (fd < 0) {
        flow_fail_system(err, errno, "cannot write");
        flow_error_set_input(err, path);
        return FLOW_E_SYSTEM;
    }
    if (strcmp(format, "json") == 0) {
        report_json(&out, doctor);
    } else {
        report_text(&out, doctor);
    }
    rc = flow_write_all(fd, path, &out, err);
    flow_buf_free(&out);
    if (fd > STDERR_FILENO) {
        close(fd);
    }
    return rc;
}
