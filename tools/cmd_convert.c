/* SPDX-License-Identifier: Apache-2.0 */
/* flowcheck convert: flows from one format into another, filtered on the way. */
#include <stdio.h>
#include <string.h>

#include "flowcheck.h"

struct arguments {
    struct flow_filter *filter;
    const char *format, *path;
    struct flow_writer_options options;
    bool progress;
    char **inputs;
    size_t input_count;
};

static const char help[] =
    "usage: flowcheck convert [-o FORMAT[=FILE]] [OPTION]... [FILTER]... INPUT...\n"
    "\n"
    "Writes the flows of the inputs, and what else is in them, in another format. INPUT\n"
    "is a file, a directory, '-', or a live server (unix:///path, tcp://host:port,\n"
    "tls://host:port) for the flows it has now.\n"
    "\n"
    "  -o, --output FORMAT[=FILE] json (default), an object a line as Hubble's exporter\n"
    "                            writes them; protobuf, each message behind its length; or\n"
    "                            archive, protobuf in zstd frames with an index\n"
    "      --level N             of compression, 1 to 19 (default 3)\n"
    "      --no-progress         no progress on the terminal\n"
    "  -h, --help                this text\n";

enum { OPTION_LEVEL = OPTION_OWN, OPTION_NO_PROGRESS };

static const struct option own_options[] = {
    { "output", required_argument, NULL, 'o' },
    { "level", required_argument, NULL, OPTION_LEVEL },
    { "no-progress", no_argument, NULL, OPTION_NO_PROGRESS },
    { "help", no_argument, NULL, 'h' },
};

enum { OWN_OPTIONS = sizeof(own_options) / sizeof(own_options[0]) };

static void
print_help(void)
{
    fputs(help, stdout);
    print_filters();
    puts("\nExit codes: 0 all is written, 2 usage or configuration, 3 input unreadable, damaged\n"
         "or cut short, or the output cannot be written.");
}

static bool
take_option(struct arguments *arguments, int option, char *value)
{
    uint64_t number;

    if (option >= OPTION_FILTER) {
        return take_filter(&arguments->filter, option, value);
    }
    switch (option) {
    case 'o':
        split_output(value, &arguments->format, &arguments->path);
        return true;
    case OPTION_LEVEL:
        if (!take_count(value, &number)) {
            return false;
        }
        if (number < 1 || number > 19) {
            say("expected a level from 1 to 19, found %s", value);
            return false;
        }
        arguments->options.level = (int)number;
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
    static const struct policy_arguments no_policies;
    struct option options[OPTIONS_MAX];
    int option;

    memcpy(options, own_options, sizeof(own_options));
    add_filter_options(options, OWN_OPTIONS, OPTIONS_MAX);
    memset(arguments, 0, sizeof(*arguments));
    flow_writer_options_init(&arguments->options, sizeof(arguments->options));
    arguments->format = "json";
    arguments->path = "-";
    arguments->progress = true;
    while ((option = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        if (option == 'h') {
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
    return check_files(&arguments->path, 1, (const char *const *)arguments->inputs,
                       arguments->input_count, &no_policies)
               ? FLOW_OK
               : FLOW_E_ARGUMENT;
}

struct run {
    const struct arguments *arguments;
    struct flow_writer *writer;
    struct flow_batch *batch;
    struct progress progress;
    bool damaged;
};

static int
convert_input(struct run *run, struct flow_reader *reader, struct flow_error *err)
{
    size_t told = 0;
    int rc;

    while ((rc = flow_reader_next(reader, run->batch, err)) == FLOW_OK) {
        say_problems(run->batch, &told);
        if (run->arguments->filter != NULL) {
            flow_filter_run(run->arguments->filter, run->batch);
        }
        rc = flow_writer_write(run->writer, run->batch, err);
        if (rc != FLOW_OK) {
            return rc;
        }
        progress_step(&run->progress, reader, flow_batch_count(run->batch));
    }
    run->damaged |= told > 0;
    if (told > PROBLEMS_TOLD) {
        say("and %zu more problems in this input", told - PROBLEMS_TOLD);
    }
    return rc == FLOW_END ? FLOW_OK : rc;
}

static int
convert_inputs(struct run *run, struct flow_error *err)
{
    const struct arguments *arguments = run->arguments;
    struct flow_reader_options options;
    int rc = FLOW_OK;

    flow_reader_options_init(&options, sizeof(options));
    options.filter = arguments->filter;
    progress_start(&run->progress, arguments->inputs, arguments->input_count, arguments->progress);
    for (size_t i = 0; rc == FLOW_OK && i < arguments->input_count; i++) {
        struct flow_reader *reader;

        if (flow_reader_open(&reader, arguments->inputs[i], &options, err) != FLOW_OK) {
            say_error(err);
            run->damaged = true;
            continue;
        }
        rc = convert_input(run, reader, err);
        progress_step(&run->progress, NULL, 0);
        flow_reader_close(reader);
    }
    progress_end(&run->progress);
    return rc;
}

static int
run_convert(const struct arguments *arguments)
{
    struct run run = { .arguments = arguments };
    struct flow_error err;
    int rc = flow_writer_open(&run.writer, arguments->format, arguments->path, &arguments->options,
                              &err);
    int code = EXIT_INPUT;

    if (rc != FLOW_OK) {
        say_error(&err);
        return rc == FLOW_E_ARGUMENT ? usage_error("convert") : EXIT_USAGE;
    }
    rc = flow_batch_new(&run.batch, &err);
    rc = rc == FLOW_OK ? convert_inputs(&run, &err) : rc;
    if (rc == FLOW_OK) {
        rc = flow_writer_finish(run.writer, &err);
    }
    if (rc != FLOW_OK) {
        say_error(&err);
    } else {
        struct flow_writer_stats stats;

        flow_writer_stats(run.writer, &stats);
        code = run.damaged || stats.failed > 0 ? EXIT_INPUT : EXIT_CLEAN;
    }
    say_left_out(run.writer);
    flow_writer_close(run.writer);
    flow_batch_free(run.batch);
    return code;
}

int
command_convert(int argc, char **argv)
{
    struct arguments arguments;
    const int rc = parse(&arguments, argc, argv);
    int code = EXIT_CLEAN;

    if (rc == FLOW_OK) {
        code = run_convert(&arguments);
    } else if (rc != FLOW_END) {
        code = usage_error("convert");
    }
    flow_filter_free(arguments.filter);
    return code;
}
