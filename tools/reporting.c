/* SPDX-License-Identifier: Apache-2.0 */
/* What commands that end with a report share: outputs, limits, the report before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flowcheck.h"

void
reporting_init(struct reporting *reporting)
{
    memset(reporting, 0, sizeof(*reporting));
    reporting->limits = (struct flow_limits){ .fail_on = FLOW_SEVERITY_HIGH,
                                              .max_undecided = 1,
                                              .min_coverage = -1 };
    reporting->limit = 20;
    reporting->color = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
}

void
print_report_options(void)
{
    fputs("  -o, --output FORMAT[=FILE] text (default), json, jsonl or arrow; may be given\n"
          "                            again\n"
          "      --baseline OLD.json   an earlier report: says what is new and what is gone\n"
          "      --fail-on SEVERITY    exit 1 from this severity on: info, low, medium, high\n"
          "                            (default) or critical\n"
          "      --max-undecided SHARE exit 4 when more than this share (0 to 1) is undecided;\n"
          "                            without it only when no flow could be decided\n"
          "      --min-coverage SHARE  exit 4 when less than this share (0 to 1) of nodes and\n"
          "                            time was seen (default: what the intent asks for)\n"
          "      --limit N             findings that text shows (default 20, 0: all)\n"
          "      --color WHEN          auto (default), always or never\n",
          stdout);
}

bool
take_number(const char *text, double least, double most, double *value)
{
    char *end;

    *value = strtod(text, &end);
    if (end == text || *end != '\0' || !(*value >= least && *value <= most)) {
        say("expected a number from %g to %g, found \"%.40s\"", least, most, text);
        return false;
    }
    return true;
}

static bool
add_output(struct reporting *reporting, char *text)
{
    if (reporting->output_count == OUTPUTS_MAX) {
        say("expected at most %d outputs", OUTPUTS_MAX);
        return false;
    }
    split_output(text, &reporting->formats[reporting->output_count],
                 &reporting->paths[reporting->output_count]);
    reporting->output_count++;
    return true;
}

static bool
take_color(struct reporting *reporting, const char *text)
{
    if (strcmp(text, "always") != 0 && strcmp(text, "never") != 0 && strcmp(text, "auto") != 0) {
        say("expected auto, always or never, found \"%.40s\"", text);
        return false;
    }
    reporting->color = strcmp(text, "auto") == 0 ? reporting->color : text[0] == 'a';
    return true;
}

static bool
take_limit(struct reporting *reporting, const char *text)
{
    double number;

    if (!take_number(text, 0, UINT32_MAX, &number) || strspn(text, "0123456789") == 0 ||
        text[strspn(text, "0123456789")] != '\0') {
        say("expected a whole number for --limit");
        return false;
    }
    reporting->limit = (uint32_t)number;
    return true;
}

int
take_report_option(struct reporting *reporting, int option, char *value)
{
    bool ok = true;

    switch (option) {
    case 'o':
        ok = add_output(reporting, value);
        break;
    case OPTION_BASELINE:
        reporting->baseline_path = value;
        break;
    case OPTION_FAIL_ON:
        ok = flow_severity_parse(&reporting->limits.fail_on, value) == FLOW_OK;
        if (!ok) {
            say("expected info, low, medium, high or critical, found \"%.40s\"", value);
        }
        break;
    case OPTION_MAX_UNDECIDED:
        ok = take_number(value, 0, 1, &reporting->limits.max_undecided);
        break;
    case OPTION_MIN_COVERAGE:
        ok = take_number(value, 0, 1, &reporting->limits.min_coverage);
        break;
    case OPTION_LIMIT:
        ok = take_limit(reporting, value);
        break;
    case OPTION_COLOR:
        ok = take_color(reporting, value);
        break;
    default:
        return FLOW_END;
    }
    return ok ? FLOW_OK : FLOW_E_ARGUMENT;
}

bool
reporting_ready(struct reporting *reporting)
{
    static char text[] = "text";
    struct flow_error err;
    size_t count = 0;

    if (reporting->output_count == 0) {
        add_output(reporting, text);
    }
    /* two formats in one stream cannot be told apart */
    for (size_t i = 0; i < reporting->output_count; i++) {
        count += strcmp(reporting->paths[i], "-") == 0 ? 1 : 0;
    }
    if (count > 1) {
        say("expected one output on standard output, found %zu; give the others a file: "
            "-o FORMAT=FILE",
            count);
        return false;
    }
    if (reporting->baseline_path != NULL &&
        flow_baseline_load(&reporting->baseline, reporting->baseline_path, &err) != FLOW_OK) {
        say_error(&err);
        return false;
    }
    return true;
}

size_t
outputs_of(const struct reporting *reporting, const char *more,
           const char *outputs[OUTPUTS_MAX + 1])
{
    for (size_t i = 0; i < reporting->output_count; i++) {
        outputs[i] = reporting->paths[i];
    }
    outputs[reporting->output_count] = more;
    return reporting->output_count + (more != NULL ? 1 : 0);
}

bool
reporting_wants_digest(const struct reporting *reporting)
{
    for (size_t i = 0; i < reporting->output_count; i++) {
        if (strncmp(reporting->formats[i], "json", 5) == 0) {
            return true;
        }
    }
    return false;
}

bool
reporting_wants_rows(const struct reporting *reporting)
{
    for (size_t i = 0; i < reporting->output_count; i++) {
        if (flow_sink_takes_rows(reporting->formats[i])) {
            return true;
        }
    }
    return false;
}

int
reporting_open(struct reporting *reporting, struct flow_tally *tally,
               const struct flow_reader *const *reader, struct flow_error *err)
{
    struct flow_sink_options options;
    int rc = FLOW_OK;

    flow_tally_set_baseline(tally, reporting->baseline);
    flow_sink_options_init(&options, sizeof(options));
    options.tally = tally;
    options.reader = reader;
    options.limit = reporting->limit;
    for (size_t i = 0; rc == FLOW_OK && i < reporting->output_count; i++) {
        options.color = reporting->color && strcmp(reporting->paths[i], "-") == 0;
        rc = flow_sink_open(&reporting->sinks[i], reporting->formats[i], reporting->paths[i],
                            &options, err);
    }
    return rc;
}

int
reporting_write(struct reporting *reporting, const struct flow_batch *batch, struct flow_error *err)
{
    int rc = FLOW_OK;

    for (size_t i = 0; rc == FLOW_OK && i < reporting->output_count; i++) {
        rc = flow_sink_write(reporting->sinks[i], batch, err);
    }
    return rc;
}

int
reporting_finish(struct reporting *reporting, struct flow_tally *tally, struct flow_error *err)
{
    int rc = flow_tally_finish(tally, err);

    for (size_t i = 0; rc == FLOW_OK && i < reporting->output_count; i++) {
        rc = flow_sink_finish(reporting->sinks[i], err);
    }
    return rc;
}

int
reporting_exit_code(const struct reporting *reporting, const struct flow_tally *tally,
                    bool unreadable)
{
    return flow_tally_conclude(tally, &reporting->limits, unreadable);
}

void
reporting_free(struct reporting *reporting)
{
    for (size_t i = 0; i < OUTPUTS_MAX; i++) {
        flow_sink_close(reporting->sinks[i]);
    }
    flow_baseline_free(reporting->baseline);
}
