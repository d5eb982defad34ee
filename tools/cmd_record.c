/* SPDX-License-Identifier: Apache-2.0 */
/* flowcheck record: a live stream, or what comes through a pipe, into an archive on the disk. */
#include <stdio.h>
#include <string.h>

#include "flowcheck.h"

struct arguments {
    struct live_arguments live;
    struct flow_filter *filter;
    const char *format, *path;
    struct flow_writer_options options;
    char **inputs;
    size_t input_count;
};

static const char help[] =
    "usage: flowcheck record -o FILE [--server ADDRESS] [OPTION]... [FILTER]... [INPUT]...\n"
    "\n"
    "Writes flows to FILE until it is told to stop (SIGINT, SIGTERM): as an archive of\n"
    "protobuf messages in zstd frames, each on the disk when it is full. What is lost when\n"
    "the program or the machine dies is the open frame at most. Flows come from a server,\n"
    "or from the INPUTs that are given, such as '-'. A FILE that is there is renamed.\n"
    "\n"
    "  -o, --output [FORMAT=]FILE archive (default), protobuf or json\n"
    "      --rotate-size SIZE    end FILE at this size, such as 100MB, and rename it\n"
    "      --rotate-interval D   or at this age, such as 1h\n"
    "      --frame-interval D    write a frame at least this often (default 5s)\n"
    "      --level N             of compression, 1 to 19 (default 3)\n"
    "      --last N              begin N flows back, a node\n"
    "      --since TIME          begin there: RFC 3339, or how long ago, such as 10m\n"
    "      --until TIME          end there, and do not follow\n"
    "      --no-follow           end when the server has sent what it has\n"
    "  -h, --help                this text\n";

enum {
    OPTION_ROTATE_SIZE = OPTION_OWN,
    OPTION_ROTATE_INTERVAL,
    OPTION_FRAME_INTERVAL,
    OPTION_LEVEL,
    OPTION_LAST,
    OPTION_SINCE,
    OPTION_UNTIL,
    OPTION_NO_FOLLOW
};

static const struct option own_options[] = {
    LIVE_OPTIONS,
    { "output", required_argument, NULL, 'o' },
    { "rotate-size", required_argument, NULL, OPTION_ROTATE_SIZE },
    { "rotate-interval", required_argument, NULL, OPTION_ROTATE_INTERVAL },
    { "frame-interval", required_argument, NULL, OPTION_FRAME_INTERVAL },
    { "level", required_argument, NULL, OPTION_LEVEL },
    { "last", required_argument, NULL, OPTION_LAST },
    { "since", required_argument, NULL, OPTION_SINCE },
    { "until", required_argument, NULL, OPTION_UNTIL },
    { "no-follow", no_argument, NULL, OPTION_NO_FOLLOW },
    { "help", no_argument, NULL, 'h' },
};

enum { OWN_OPTIONS = sizeof(own_options) / sizeof(own_options[0]) };

static void
print_help(void)
{
    fputs(help, stdout);
    print_live_options();
    print_filters();
    puts("\nExit codes: 0 all is written, 2 usage or configuration, 3 the stream ended before its\n"
         "time, something in it was damaged, or the output cannot be written.");
}

static bool
take_option(struct arguments *arguments, int option, char *value)
{
    const int rc = take_live_option(&arguments->live, option, value);
    struct flow_live_options *live = &arguments->live.options;
    uint64_t number;

    if (rc != FLOW_END) {
        return rc == FLOW_OK;
    }
    if (option >= OPTION_FILTER) {
        return take_filter(&arguments->filter, option, value);
    }
    switch (option) {
    case 'o':
        split_output(value, &arguments->format, &arguments->path);
        if (strcmp(arguments->path, "-") == 0) {
            arguments->path = arguments->format; /* a file and no format */
            arguments->format = "archive";
        }
        return true;
    case OPTION_ROTATE_SIZE:
        return take_size(value, &arguments->options.rotate_bytes);
    case OPTION_ROTATE_INTERVAL:
        return take_duration(value, &arguments->options.rotate_interval);
    case OPTION_FRAME_INTERVAL:
        return take_duration(value, &arguments->options.frame_interval);
    case OPTION_LEVEL:
        if (!take_count(value, &number) || number < 1 || number > 19) {
            say("expected a level from 1 to 19");
            return false;
        }
        arguments->options.level = (int)number;
        return true;
    case OPTION_LAST:
        return take_count(value, &live->last);
    case OPTION_SINCE:
        return take_time_filter(&arguments->filter, "since", value, &live->since);
    case OPTION_UNTIL:
        live->follow = false;
        return take_time_filter(&arguments->filter, "until", value, &live->until);
    case OPTION_NO_FOLLOW:
        live->follow = false;
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

    memset(arguments, 0, sizeof(*arguments));
    if (init_live(&arguments->live) != FLOW_OK) {
        return FLOW_E_ARGUMENT;
    }
    memcpy(options, own_options, sizeof(own_options));
    add_filter_options(options, OWN_OPTIONS, OPTIONS_MAX);
    flow_writer_options_init(&arguments->options, sizeof(arguments->options));
    arguments->options.keep = true;
    while ((option = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            return FLOW_END;
        }
        if (!take_option(arguments, option, optarg)) {
            return FLOW_E_ARGUMENT;
        }
    }
    finish_live(&arguments->live);
    if (!arguments->live.options.follow && arguments->live.options.last == 0) {
        arguments->live.options.last = UINT64_MAX;
    }
    arguments->live.options.filter = arguments->filter;
    arguments->inputs = argv + optind;
    arguments->input_count = (size_t)(argc - optind);
    if (arguments->path == NULL) {
        say("expected a file to write to (-o FILE)");
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
    bool damaged;
    uint64_t lost;
};

static void
say_note(void *context, const struct flow_error *note)
{
    (void)context;
    say_error(note);
}

static int
record_input(struct run *run, struct flow_reader *reader, struct flow_error *err)
{
    size_t told = 0;
    int rc = FLOW_OK;

    while (!asked_to_stop()) {
        rc = flow_reader_next(reader, run->batch, err);
        if (rc != FLOW_OK && rc != FLOW_AGAIN) {
            break;
        }
        say_problems(run->batch, &told);
        if (run->arguments->filter != NULL) {
            flow_filter_run(run->arguments->filter, run->batch);
        }
        rc = flow_writer_write(run->writer, run->batch, err);
        rc = rc == FLOW_OK ? flow_writer_tick(run->writer, err) : rc;
        if (rc != FLOW_OK) {
            return rc;
        }
    }
    run->damaged |= told > 0;
    return rc == FLOW_END || rc == FLOW_AGAIN ? FLOW_OK : rc;
}

static void
say_account(const struct flow_reader *reader)
{
    struct flow_input_stats stats;
    struct flow_live_stats live;

    if (flow_reader_input(reader, 0, &stats) != FLOW_OK) {
        return;
    }
    say("%s: %llu flows seen, %llu events lost by the server, %llu messages damaged", stats.name,
        (unsigned long long)stats.flows, (unsigned long long)stats.lost,
        (unsigned long long)stats.damaged);
    if (flow_reader_live_stats(reader, &live) == FLOW_OK && live.connections > 1) {
        say("%s: %llu connections, %llu flows came twice and are written once, %llu gaps",
            stats.name, (unsigned long long)live.connections, (unsigned long long)live.duplicates,
            (unsigned long long)live.gaps);
    }
}

static int
record_one(struct run *run, const char *input, struct flow_error *err)
{
    struct flow_reader_options options;
    struct flow_reader *reader;
    int rc;

    flow_reader_options_init(&options, sizeof(options));
    options.filter = run->arguments->filter;
    options.wait = 200000000;
    rc = input != NULL
             ? flow_reader_open(&reader, input, &options, err)
             : flow_reader_open_live(&reader, &run->arguments->live.options, &options, err);
    if (rc != FLOW_OK) {
        return rc;
    }
    rc = record_input(run, reader, err);
    say_account(reader);
    flow_reader_close(reader);
    return rc;
}

static int
run_record(struct arguments *arguments)
{
    struct run run = { .arguments = arguments };
    struct flow_error err;
    int rc = flow_writer_open(&run.writer, arguments->format, arguments->path, &arguments->options,
                              &err);
    int finished;

    if (rc != FLOW_OK) {
        say_error(&err);
        return EXIT_USAGE;
    }
    arguments->live.options.note = say_note;
    catch_signals();
    rc = flow_batch_new(&run.batch, &err);
    if (arguments->input_count == 0) {
        rc = rc == FLOW_OK ? record_one(&run, NULL, &err) : rc;
    }
    for (size_t i = 0; rc == FLOW_OK && i < arguments->input_count && !asked_to_stop(); i++) {
        rc = record_one(&run, arguments->inputs[i], &err);
    }
    if (rc != FLOW_OK) {
        say_error(&err);
    }
    finished = flow_writer_finish(run.writer, &err);
    if (finished != FLOW_OK) {
        say_error(&err);
    }
    say_left_out(run.writer);
    flow_writer_close(run.writer);
    flow_batch_free(run.batch);
    return rc == FLOW_E_ARGUMENT || rc == FLOW_E_UNSUPPORTED     ? EXIT_USAGE
           : rc != FLOW_OK || finished != FLOW_OK || run.damaged ? EXIT_INPUT
                                                                 : EXIT_CLEAN;
}

int
command_record(int argc, char **argv)
{
    struct arguments arguments;
    const int rc = parse(&arguments, argc, argv);
    int code = EXIT_CLEAN;

    if (rc == FLOW_OK) {
        code = run_record(&arguments);
    } else if (rc != FLOW_END) {
        code = usage_error("record");
    }
    flow_filter_free(arguments.filter);
    live_arguments_free(&arguments.live);
    return code;
}
