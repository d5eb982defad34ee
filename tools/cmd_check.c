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
    char **inputs;
    size_t input_count;
};

struct run {
    struct arguments *arguments;
    struct declared declared;
    struct flow_dict *dict;
    struct flow_names *names; /* from DNS answers; NULL when no policy asks for names */
    struct flow_classifier *classifier;
    struct flow_tally *tally;
    struct flow_batch *batch;
    struct flow_documents *documents; /* kept for a partial state; or NULL */
    struct flow_state *state;         /* the same */
    const struct flow_reader *reader; /* the one being read */
    struct progress progress;
    bool unreadable;
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
    "      --threads N           threads to use; this version uses one\n"
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
        return take_number(value, 1, 1024, &number);
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

static int
read_input(struct run *run, struct flow_reader *reader, bool learns, struct flow_error *err)
{
    size_t told = 0;
    int rc;

    /* of a pipe each record is judged by what came before it, however the bytes arrive */
    flow_batch_set_limit(run->batch, learns ? 1 : 0);
    while ((rc = flow_reader_next(reader, run->batch, err)) == FLOW_OK) {
        say_problems(run->batch, &told);
        if (learns && (rc = flow_names_learn(run->names, run->batch, err)) != FLOW_OK) {
            return rc;
        }
        if (run->arguments->filter != NULL) {
            flow_filter_run(run->arguments->filter, run->batch);
        }
        rc = flow_policies_name_ends(run->declared.policies, run->dict, run->batch, err);
        rc = rc == FLOW_OK ? flow_classifier_run(run->classifier, run->batch, err) : rc;
        if (rc == FLOW_OK) {
            rc = flow_tally_add(run->tally, run->batch, err);
        }
        if (rc == FLOW_OK && run->state != NULL) {
            rc = flow_state_add(run->state, run->classifier, run->batch, err);
        }
        rc = rc == FLOW_OK ? reporting_write(&run->arguments->reporting, run->batch, err) : rc;
        if (rc != FLOW_OK) {
            return rc;
        }
        progress_step(&run->progress, reader, flow_batch_count(run->batch));
    }
    if (told > PROBLEMS_TOLD) {
        say("and %zu more problems in this input", told - PROBLEMS_TOLD);
    }
    return rc == FLOW_END ? flow_tally_add_inputs(run->tally, reader, err) : rc;
}

static int
read_inputs(struct run *run, struct flow_error *err)
{
    struct flow_reader_options reader_options;
    int rc = FLOW_OK;

    flow_reader_options_init(&reader_options, sizeof(reader_options));
    reader_options.dict = run->dict;
    reader_options.digest =
        reporting_wants_digest(&run->arguments->reporting) || run->state != NULL;
    reader_options.filter = run->arguments->filter;
    for (size_t i = 0; rc == FLOW_OK && i < run->arguments->input_count; i++) {
        struct flow_reader *reader;

        if (flow_reader_open(&reader, run->arguments->inputs[i], &reader_options, err) != FLOW_OK) {
            say_error(err);
            run->unreadable = true;
            continue;
        }
        run->reader = reader;
        rc = read_input(run, reader,
                        run->names != NULL && !can_read_twice(run->arguments->inputs[i]), err);
        progress_next_input(&run->progress, reader);
        run->reader = NULL;
        flow_reader_close(reader);
    }
    return rc;
}

static int
open_all(struct run *run, struct flow_error *err)
{
    int rc = flow_dict_new(&run->dict, err);

    rc = rc == FLOW_OK ? flow_batch_new(&run->batch, err) : rc;
    rc = rc == FLOW_OK ? flow_classifier_new(&run->classifier, run->declared.policies, err) : rc;
    rc = rc == FLOW_OK ? flow_tally_new(&run->tally, run->declared.policies, err) : rc;
    rc = rc == FLOW_OK ? learn_names(&run->names, &run->declared, run->arguments->inputs,
                                     run->arguments->input_count, err)
                       : rc;
    if (rc == FLOW_OK) {
        flow_classifier_set_names(run->classifier, run->names);
        flow_classifier_set_intent(run->classifier, run->declared.intent);
        flow_tally_set_intent(run->tally, run->declared.intent);
    }
    if (rc == FLOW_OK && run->arguments->partial_out != NULL) {
        rc = flow_state_new(&run->state, err);
    }
    return rc == FLOW_OK ? reporting_open(&run->arguments->reporting, run->tally, &run->reader, err)
                         : rc;
}

static void
close_all(struct run *run)
{
    flow_tally_free(run->tally);
    flow_state_free(run->state);
    flow_documents_free(run->documents);
    flow_classifier_free(run->classifier);
    flow_names_free(run->names);
    flow_batch_free(run->batch);
    flow_dict_free(run->dict);
    declared_free(&run->declared);
}

static int
finish_all(struct run *run, struct flow_error *err)
{
    const int rc = reporting_finish(&run->arguments->reporting, run->tally, err);

    if (rc != FLOW_OK || run->state == NULL) {
        return rc;
    }
    if (run->unreadable) {
        flow_state_set_unreadable(run->state);
    }
    return flow_state_write(run->state, run->tally, run->names, run->documents,
                            run->arguments->partial_out, err);
}

static void
warn_of_nothing(const struct run *run)
{
    struct flow_tally_totals totals;

    flow_tally_totals(run->tally, &totals);
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
        code = rc == FLOW_OK ? reporting_exit_code(&arguments->reporting, run.tally, run.unreadable)
                             : EXIT_INPUT;
        warn_of_nothing(&run);
    }
    if (rc != FLOW_OK) {
        say_error(&err);
    }
    close_all(&run);
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
