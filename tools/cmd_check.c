/* SPDX-License-Identifier: Apache-2.0 */
/* flowcheck check: reads, judges, reports. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flowcheck.h"

enum { OUTPUTS_MAX = 16 };

struct arguments {
    struct policy_arguments policies;
    struct flow_filter *filter; /* NULL: every flow */
    const char *formats[OUTPUTS_MAX];
    const char *paths[OUTPUTS_MAX];
    size_t output_count;
    uint8_t fail_on;
    double max_undecided;
    uint32_t limit;
    bool color, progress;
    char **inputs;
    size_t input_count;
};

struct run {
    const struct arguments *arguments;
    struct flow_policies *policies;
    struct flow_dict *dict;
    struct flow_names *names; /* from DNS answers; NULL when no policy asks for names */
    struct flow_classifier *classifier;
    struct flow_tally *tally;
    struct flow_batch *batch;
    struct flow_sink *sinks[OUTPUTS_MAX];
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
    "  -o, --output FORMAT[=FILE] text (default), json or jsonl; may be given again\n"
    "      --fail-on SEVERITY    exit 1 from this severity on: info, low, medium, high\n"
    "                            (default) or critical\n"
    "      --max-undecided SHARE exit 4 when more than this share (0 to 1) is undecided;\n"
    "                            without it only when no flow could be decided\n"
    "      --limit N             findings that text shows (default 20, 0: all)\n"
    "      --threads N           threads to use; this version uses one\n"
    "      --color WHEN          auto (default), always or never\n"
    "      --no-progress         no progress on the terminal\n"
    "  -h, --help                this text\n";

enum {
    OPTION_FAIL_ON = OPTION_OWN,
    OPTION_MAX_UNDECIDED,
    OPTION_LIMIT,
    OPTION_THREADS,
    OPTION_COLOR,
    OPTION_NO_PROGRESS,
    OPTION_HELP
};

static const struct option own_options[] = {
    POLICY_OPTIONS,
    { "output", required_argument, NULL, 'o' },
    { "fail-on", required_argument, NULL, OPTION_FAIL_ON },
    { "max-undecided", required_argument, NULL, OPTION_MAX_UNDECIDED },
    { "limit", required_argument, NULL, OPTION_LIMIT },
    { "threads", required_argument, NULL, OPTION_THREADS },
    { "color", required_argument, NULL, OPTION_COLOR },
    { "no-progress", no_argument, NULL, OPTION_NO_PROGRESS },
    { "help", no_argument, NULL, OPTION_HELP },
};

enum { OWN_OPTIONS = sizeof(own_options) / sizeof(own_options[0]) };

static void
print_help(void)
{
    fputs(help, stdout);
    print_filters();
    puts("\nExit codes: 0 nothing found, 1 findings, 2 usage or configuration,\n"
         "3 input unreadable, damaged or cut short, 4 inconclusive.");
}

static bool
add_output(struct arguments *arguments, char *text)
{
    if (arguments->output_count == OUTPUTS_MAX) {
        say("expected at most %d outputs", OUTPUTS_MAX);
        return false;
    }
    split_output(text, &arguments->formats[arguments->output_count],
                 &arguments->paths[arguments->output_count]);
    arguments->output_count++;
    return true;
}

static bool
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
take_color(struct arguments *arguments, const char *text)
{
    if (strcmp(text, "always") != 0 && strcmp(text, "never") != 0 && strcmp(text, "auto") != 0) {
        say("expected auto, always or never, found \"%.40s\"", text);
        return false;
    }
    arguments->color = strcmp(text, "auto") == 0 ? arguments->color : text[0] == 'a';
    return true;
}

static bool
take_option(struct arguments *arguments, int option, char *value)
{
    const int rc = take_policy_option(&arguments->policies, option, value);
    double number;

    if (rc != FLOW_END) {
        return rc == FLOW_OK;
    }
    if (option >= OPTION_FILTER) {
        return take_filter(&arguments->filter, option, value);
    }
    switch (option) {
    case 'o':
        return add_output(arguments, value);
    case OPTION_FAIL_ON:
        if (flow_severity_parse(&arguments->fail_on, value) != FLOW_OK) {
            say("expected info, low, medium, high or critical, found \"%.40s\"", value);
            return false;
        }
        return true;
    case OPTION_MAX_UNDECIDED:
        return take_number(value, 0, 1, &arguments->max_undecided);
    case OPTION_LIMIT:
        if (!take_number(value, 0, UINT32_MAX, &number) || strspn(value, "0123456789") == 0 ||
            value[strspn(value, "0123456789")] != '\0') {
            say("expected a whole number for --limit");
            return false;
        }
        arguments->limit = (uint32_t)number;
        return true;
    case OPTION_THREADS:
        return take_number(value, 1, 1024, &number);
    case OPTION_COLOR:
        return take_color(arguments, value);
    case OPTION_NO_PROGRESS:
        arguments->progress = false;
        return true;
    default:
        return false;
    }
}

/* Two formats in one stream cannot be told apart. */
static bool
one_on_stdout(const struct arguments *arguments)
{
    size_t count = 0;

    for (size_t i = 0; i < arguments->output_count; i++) {
        count += strcmp(arguments->paths[i], "-") == 0 ? 1 : 0;
    }
    if (count > 1) {
        say("expected one output on standard output, found %zu; give the others a file: "
            "-o FORMAT=FILE",
            count);
    }
    return count <= 1;
}

/* FLOW_OK to go on, FLOW_END when all is done (help), FLOW_E_ARGUMENT. */
static int
parse(struct arguments *arguments, int argc, char **argv)
{
    struct option options[OPTIONS_MAX];
    int option;

    memcpy(options, own_options, sizeof(own_options));
    add_filter_options(options, OWN_OPTIONS, OPTIONS_MAX);
    memset(arguments, 0, sizeof(*arguments));
    arguments->fail_on = FLOW_SEVERITY_HIGH;
    arguments->max_undecided = 1;
    arguments->limit = 20;
    arguments->color = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
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
    if (arguments->output_count == 0) {
        static char text[] = "text";

        add_output(arguments, text);
    }
    arguments->inputs = argv + optind;
    arguments->input_count = (size_t)(argc - optind);
    if (arguments->input_count == 0) {
        say("expected an input");
        return FLOW_E_ARGUMENT;
    }
    return one_on_stdout(arguments) && check_files(arguments->paths, arguments->output_count,
                                                   (const char *const *)arguments->inputs,
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
        rc = flow_policies_name_ends(run->policies, run->dict, run->batch, err);
        rc = rc == FLOW_OK ? flow_classifier_run(run->classifier, run->batch, err) : rc;
        if (rc == FLOW_OK) {
            rc = flow_tally_add(run->tally, run->batch, err);
        }
        for (size_t i = 0; rc == FLOW_OK && i < run->arguments->output_count; i++) {
            rc = flow_sink_write(run->sinks[i], run->batch, err);
        }
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

static bool
wants_digest(const struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->output_count; i++) {
        if (strcmp(arguments->formats[i], "json") == 0) {
            return true;
        }
    }
    return false;
}

static int
read_inputs(struct run *run, struct flow_error *err)
{
    struct flow_reader_options reader_options;
    int rc = FLOW_OK;

    flow_reader_options_init(&reader_options, sizeof(reader_options));
    reader_options.dict = run->dict;
    reader_options.digest = wants_digest(run->arguments);
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
    struct flow_sink_options sink_options;
    int rc = flow_dict_new(&run->dict, err);

    rc = rc == FLOW_OK ? flow_batch_new(&run->batch, err) : rc;
    rc = rc == FLOW_OK ? flow_classifier_new(&run->classifier, run->policies, err) : rc;
    rc = rc == FLOW_OK ? flow_tally_new(&run->tally, run->policies, err) : rc;
    rc = rc == FLOW_OK ? learn_names(&run->names, run->policies, run->arguments->inputs,
                                     run->arguments->input_count, err)
                       : rc;
    if (rc == FLOW_OK) {
        flow_classifier_set_names(run->classifier, run->names);
    }
    flow_sink_options_init(&sink_options, sizeof(sink_options));
    sink_options.tally = run->tally;
    sink_options.reader = &run->reader;
    sink_options.limit = run->arguments->limit;
    for (size_t i = 0; rc == FLOW_OK && i < run->arguments->output_count; i++) {
        sink_options.color = run->arguments->color && strcmp(run->arguments->paths[i], "-") == 0;
        rc = flow_sink_open(&run->sinks[i], run->arguments->formats[i], run->arguments->paths[i],
                            &sink_options, err);
    }
    return rc;
}

static void
close_all(struct run *run)
{
    for (size_t i = 0; i < OUTPUTS_MAX; i++) {
        flow_sink_close(run->sinks[i]);
    }
    flow_tally_free(run->tally);
    flow_classifier_free(run->classifier);
    flow_names_free(run->names);
    flow_batch_free(run->batch);
    flow_dict_free(run->dict);
    flow_policies_free(run->policies);
}

static int
finish_all(struct run *run, struct flow_error *err)
{
    int rc = flow_tally_finish(run->tally, err);

    for (size_t i = 0; rc == FLOW_OK && i < run->arguments->output_count; i++) {
        rc = flow_sink_finish(run->sinks[i], err);
    }
    return rc;
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

static int
run_check(const struct arguments *arguments)
{
    struct run run = { .arguments = arguments };
    struct flow_error err;
    int code = EXIT_USAGE;
    int rc;

    run.policies = load_policies(&arguments->policies);
    if (run.policies == NULL) {
        return EXIT_USAGE;
    }
    if (arguments->policies.manifests.count == 0) {
        say("warning: no policies are given with -f, so every answer is undecidable");
    } else if (flow_policies_count(run.policies) == 0) {
        say("warning: no policy was loaded");
    }
    rc = open_all(&run, &err);
    if (rc == FLOW_OK) {
        progress_start(&run.progress, arguments->inputs, arguments->input_count,
                       arguments->progress);
        rc = read_inputs(&run, &err);
        progress_end(&run.progress);
        if (rc == FLOW_OK) {
            rc = finish_all(&run, &err);
        }
        code = rc == FLOW_OK ? judged_exit_code(run.tally, run.policies, arguments->fail_on,
                                                arguments->max_undecided, run.unreadable)
                             : EXIT_INPUT;
        warn_of_nothing(&run);
    }
    if (rc != FLOW_OK) {
        say_error(&err);
    }
    close_all(&run);
    return code;
}

int
command_check(int argc, char **argv)
{
    struct arguments arguments;
    const int rc = parse(&arguments, argc, argv);
    int code = EXIT_CLEAN;

    if (rc == FLOW_OK) {
        code = run_check(&arguments);
    } else if (rc != FLOW_END) {
        code = usage_error("check");
    }
    flow_filter_free(arguments.filter);
    policy_arguments_free(&arguments.policies);
    return code;
}
