/* SPDX-License-Identifier: Apache-2.0 */
/* flowcheck check: reads, judges, reports. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flowcheck.h"

struct arguments {
    struct policy_arguments policies;
    struct flow_filter *filter; /* NULL: every flow */
    struct reporting reporting;
    const char *partial_out; /* or NULL */
    bool progress;
    uint32_t threads;
    char **inputs;
    size_t input_count;
};

struct run {
    struct arguments *arguments;
    struct declared declared;
    struct flow_documents *documents; /* kept for a partial state; or NULL */
    struct flow_check *check;
    const struct flow_reader *reader; /* the one being read */
    struct progress progress;
};

static const char help[] =
    "usage: flowcheck check [-f POLICY]... [--snapshot DIR]... [OPTION]... [FILTER]...\n"
    "                       INPUT...\n"
    "\n"
    "Judges every flow of the inputs against the policies and reports what does not\n"
    "fit. INPUT is a file, a directory or '-': Hubble JSON, plain, gzip or zstd.\n"
    "\n"
    "  -f, --policies PATH       policies and inventory: YAML or JSON, a file, '-', or the\n"
    "                            .yaml, .yml and .json files of a directory\n"
    "      --snapshot PATH       inventory alone (pods, namespaces, nodes)\n"
    "      --engine NAME         cilium-1.17 to cilium-1.20 or kubernetes\n"
    "                            (default cilium-1.19)\n"
    "      --set NAME=VALUE      a setting of the agent that changes what policies mean,\n"
    "                            such as enable-policy=always; the man page lists them\n"
    "      --var NAME=VALUE      the value of ${NAME} in manifests\n"
    "      --default-namespace N for objects that name none (default 'default')\n"
    "      --partial             -f does not hold every policy of the cluster\n"
    "      --intent FILE         the organisation's own intent, a FlowIntent document\n";

static const char help_end[] =
    "      --threads N           threads to use: with 2 or more a file is decompressed in\n"
    "                            one of its own (default 1)\n"
    "      --partial-out FILE    write a partial state for flowcheck merge\n"
    "      --no-progress         no progress on the terminal\n"
    "  -h, --help                this text\n";

enum { OPTION_PARTIAL_OUT = OPTION_OWN, OPTION_THREADS, OPTION_NO_PROGRESS, OPTION_HELP };

static const struct option own_options[] = {
    POLICY_OPTIONS,
    REPORT_OPTIONS,
    { "partial-out", required_argument, NULL, OPTION_PARTIAL_OUT },
    { "threads", required_argument, NULL, OPTION_THREADS },
    { "no-progress", no_argument, NULL, OPTION_NO_PROGRESS },
    { "help", no_argument, NULL, OPTION_HELP },
};

enum { OWN_OPTIONS = sizeof(own_options) / sizeof(own_options[0]) };

static void
print_help(void)
{
    fputs(help, stdout);
    print_report_options();
    fputs(help_end, stdout);
    print_filters();
    puts("\nExit codes: 0 nothing found, 1 findings, 2 usage or configuration,\n"
         "3 input unreadable, damaged or cut short, 4 inconclusive.");
}

static bool
take_option(struct arguments *arguments, int option, char *value)
{
    int rc = take_policy_option(&arguments->policies, option, value);
    double number;

    rc = rc == FLOW_END ? take_report_option(&arguments->reporting, option, value) : rc;
    if (rc != FLOW_END) {
        return rc == FLOW_OK;
    }
    if (option >= OPTION_FILTER) {
        return take_filter(&arguments->filter, option, value);
    }
    switch (option) {
    case OPTION_PARTIAL_OUT:
        arguments->partial_out = value;
        return true;
    case OPTION_THREADS:
        if (!take_number(value, 1, 1024, &number)) {
            return false;
        }
        arguments->threads = (uint32_t)number;
        return true;
    case OPTION_NO_PROGRESS:
        arguments->progress = false;
        return true;
    default:
        return false;
    }
}

/* FLOW_OK to go on, FLOW_END when all is done (help), FLOW_E_ARGUMENT. */
static int
parse(struct arguments *arguments, int argc, char **argv)
{
    struct option options[OPTIONS_MAX];
    const char *outputs[OUTPUTS_MAX + 1];
    size_t output_count;
    int option;

    memcpy(options, own_options, sizeof(own_options));
    add_filter_options(options, OWN_OPTIONS, OPTIONS_MAX);
    memset(arguments, 0, sizeof(*arguments));
    reporting_init(&arguments->reporting);
    arguments->progress = true;
    arguments->threads = 1;
    while ((option = getopt_long(argc, argv, "f:o:h", options, NULL)) != -1) {
        if (option == OPTION_HELP || option == 'h') {
            print_help();
            return FLOW_END;
        }
        if (!take_option(arguments, option, optarg)) {
            return FLOW_E_ARGUMENT;
        }
    }
    arguments->inputs = argv + optind;
    arguments->input_count = (size_t)(argc - optind);
    if (arguments->input_count == 0) {
        say("expected an input");
        return FLOW_E_ARGUMENT;
    }
    output_count = outputs_of(&arguments->reporting, arguments->partial_out, outputs);
    return reporting_ready(&arguments->reporting) &&
                   check_files(outputs, output_count, (const char *const *)arguments->inputs,
                               arguments->input_count, &arguments->policies)
               ? FLOW_OK
               : FLOW_E_ARGUMENT;
}

/* Says what could not be read of the batch; *told counts those of one input. */
static void
tell_problems(const struct run *run, size_t *told)
{
    say_problems(flow_check_batch(run->check), told);
    if (run->reader == NULL) {
        if (*told > PROBLEMS_TOLD) {
            say("and %zu more problems in this input", *told - PROBLEMS_TOLD);
        }
        *told = 0;
    }
}

static int
read_inputs(struct run *run, struct flow_error *err)
{
    size_t told = 0;
    int rc;

    while ((rc = flow_check_next(run->check, err)) == FLOW_OK) {
        const struct flow_batch *batch = flow_check_batch(run->check);

        run->reader = flow_check_reader(run->check);
        tell_problems(run, &told);
        rc = reporting_write(&run->arguments->reporting, batch, err);
        if (rc != FLOW_OK) {
            return rc;
        }
        progress_step(&run->progress, run->reader, flow_batch_count(batch));
    }
    return rc == FLOW_END ? FLOW_OK : rc;
}

static int
open_all(struct run *run, struct flow_error *err)
{
    const struct arguments *arguments = run->arguments;
    struct flow_check_options options;
    int rc;

    flow_check_options_init(&options, sizeof(options));
    options.inputs = (const char *const *)arguments->inputs;
    options.input_count = arguments->input_count;
    options.policies = run->declared.policies;
    options.intent = run->declared.intent;
    options.filter = arguments->filter;
    options.digest = reporting_wants_digest(&arguments->reporting);
    options.state = arguments->partial_out != NULL;
    options.threads = arguments->threads;
    options.tally_only = !reporting_wants_rows(&arguments->reporting);
    rc = flow_check_open(&run->check, &options, err);
    return rc == FLOW_OK ? reporting_open(&run->arguments->reporting, flow_check_tally(run->check),
                                          &run->reader, err)
                         : rc;
}

static int
finish_all(struct run *run, struct flow_error *err)
{
    const struct arguments *arguments = run->arguments;
    const int rc = reporting_finish(&run->arguments->reporting, flow_check_tally(run->check), err);

    return rc == FLOW_OK && arguments->partial_out != NULL
               ? flow_check_write_state(run->check, run->documents, arguments->partial_out, err)
               : rc;
}

static void
warn_of_nothing(const struct run *run)
{
    struct flow_tally_totals totals;

    flow_tally_totals(flow_check_tally(run->check), &totals);
    if (totals.flows == 0) {
        say("warning: no flow was read, so there was nothing to judge");
    }
}

static void
warn_of_no_policies(const struct run *run)
{
    if (run->arguments->policies.manifests.count == 0 && run->declared.intent != NULL) {
        say("warning: no policies are given with -f, so the intent alone is checked");
    } else if (run->arguments->policies.manifests.count == 0) {
        say("warning: no policies are given with -f, so every answer is undecidable");
    } else if (flow_policies_count(run->declared.policies) == 0) {
        say("warning: no policy was loaded");
    }
}

static int
run_check(struct arguments *arguments)
{
    struct run run = { .arguments = arguments };
    struct flow_error err;
    int code = EXIT_USAGE;
    int rc = FLOW_OK;

    if (arguments->partial_out != NULL) {
        rc = flow_documents_new(&run.documents, &err);
    }
    if (rc == FLOW_OK && !load_declared(&arguments->policies, run.documents, &run.declared)) {
        flow_documents_free(run.documents);
        return EXIT_USAGE;
    }
    if (rc == FLOW_OK) {
        warn_of_no_policies(&run);
        rc = open_all(&run, &err);
    }
    if (rc == FLOW_OK) {
        progress_start(&run.progress, arguments->inputs, arguments->input_count,
                       arguments->progress);
        rc = read_inputs(&run, &err);
        progress_end(&run.progress);
        rc = rc == FLOW_OK ? finish_all(&run, &err) : rc;
        code = rc == FLOW_OK
                   ? reporting_exit_code(&arguments->reporting, flow_check_tally(run.check),
                                         flow_check_unreadable(run.check))
                   : EXIT_INPUT;
        warn_of_nothing(&run);
    }
    if (rc != FLOW_OK) {
        say_error(&err);
    }
    flow_check_close(run.check);
    flow_documents_free(run.documents);
    declared_free(&run.declared);
    return code;
}

/* Reports on the approvals alone. */
static bool
narrow(struct reporting *reporting)
{
    for (size_t i = 0; i < reporting->output_count; i++) {
        if (strcmp(reporting->formats[i], "text") == 0) {
            reporting->formats[i] = "approvals";
        } else if (strcmp(reporting->formats[i], "json") == 0) {
            reporting->formats[i] = "approvals-json";
        } else {
            say("expected format text or json, found \"%.40s\"", reporting->formats[i]);
            return false;
        }
    }
    return true;
}

static int
command(int argc, char **argv, bool usage)
{
    struct arguments arguments;
    int rc = parse(&arguments, argc, argv);
    int code = EXIT_CLEAN;

    if (rc == FLOW_OK && usage && arguments.policies.intent == NULL && arguments.input_count > 1) {
        /* as for the other words of the command, the document may stand first */
        arguments.policies.intent = *arguments.inputs++;
        arguments.input_count--;
    }
    if (rc == FLOW_OK && usage && arguments.policies.intent == NULL) {
        say("expected --intent");
        rc = FLOW_E_ARGUMENT;
    }
    if (rc == FLOW_OK && usage && !narrow(&arguments.reporting)) {
        rc = FLOW_E_ARGUMENT;
    }
    if (rc == FLOW_OK) {
        code = run_check(&arguments);
    } else if (rc != FLOW_END) {
        code = usage_error(usage ? "approvals" : "check");
    }
    reporting_free(&arguments.reporting);
    flow_filter_free(arguments.filter);
    policy_arguments_free(&arguments.policies);
    return code;
}

int
command_check(int argc, char **argv)
{
    return command(argc, argv, false);
}

int
check_usage(int argc, char **argv)
{
    return command(argc, argv, true);
}
