/* SPDX-License-Identifier: Apache-2.0 */
/* flowcheck watch: judges live flows as they come, and reports now and then and at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "flowcheck.h"
#include "metrics.h"

struct arguments {
    struct policy_arguments policies;
    struct live_arguments live;
    struct flow_filter *filter;
    const char *format, *path; /* NULL: text on standard output */
    const char *metrics;
    int64_t interval;
    struct flow_limits limits;
    uint64_t limit;
    bool status, quiet, reload;
    char **inputs;
    size_t input_count;
};

static const char help[] =
    "usage: flowcheck watch [--server ADDRESS] [-f POLICY]... [--snapshot DIR]...\n"
    "                       [OPTION]... [FILTER]...\n"
    "\n"
    "Judges the flows of a live cluster as they come. Each is a line of text or a JSON\n"
    "object; findings and coverage are reported at the end (SIGINT, SIGTERM). Policies\n"
    "are read again when their files change, and on SIGHUP.\n"
    "\n"
    "  -f, --policies PATH       policies and inventory: YAML or JSON, a file, or the\n"
    "                            .yaml, .yml and .json files of a directory\n"
    "      --snapshot PATH       inventory alone (pods, namespaces, nodes)\n"
    "      --engine NAME         cilium-1.17 to cilium-1.20 or kubernetes\n"
    "                            (default cilium-1.19)\n"
    "      --set NAME=VALUE      a setting of the agent that changes what policies mean\n"
    "      --var NAME=VALUE      the value of ${NAME} in manifests\n"
    "      --default-namespace N for objects that name none (default 'default')\n"
    "      --partial             -f does not hold every policy of the cluster\n"
    "      --intent FILE         the organisation's own intent, a FlowIntent document\n"
    "  -o, --output FORMAT[=FILE] text (default), jsonl, or json, the report alone\n"
    "      --quiet               no flows in text, only reports\n"
    "      --interval DURATION   report this often too, such as 10m\n"
    "      --metrics-listen A    serve OpenMetrics on HOST:PORT or :PORT, at /metrics\n"
    "      --no-reload           read policies once\n"
    "      --last N              begin N flows back, a node\n"
    "      --first N             the N oldest flows, a node, and do not follow\n"
    "      --since TIME          begin there: RFC 3339, or how long ago, such as 10m\n"
    "      --until TIME          end there, and do not follow\n"
    "      --follow              go on with what comes (default)\n"
    "      --no-follow           end when the server has sent what it has\n"
    "      --status              show what the server says of itself and its nodes\n"
    "      --fail-on SEVERITY    exit 1 from this severity on (default high)\n"
    "      --max-undecided SHARE exit 4 when more than this share is undecided\n"
    "      --limit N             findings that text shows (default 20, 0: all)\n"
    "  -h, --help                this text\n";

enum {
    OPTION_INTERVAL = OPTION_OWN,
    OPTION_QUIET,
    OPTION_METRICS,
    OPTION_NO_RELOAD,
    OPTION_LAST,
    OPTION_FIRST,
    OPTION_SINCE,
    OPTION_UNTIL,
    OPTION_FOLLOW,
    OPTION_NO_FOLLOW,
    OPTION_STATUS
};

static const struct option own_options[] = {
    POLICY_OPTIONS,
    LIVE_OPTIONS,
    { "output", required_argument, NULL, 'o' },
    { "quiet", no_argument, NULL, OPTION_QUIET },
    { "interval", required_argument, NULL, OPTION_INTERVAL },
    { "metrics-listen", required_argument, NULL, OPTION_METRICS },
    { "no-reload", no_argument, NULL, OPTION_NO_RELOAD },
    { "last", required_argument, NULL, OPTION_LAST },
    { "first", required_argument, NULL, OPTION_FIRST },
    { "since", required_argument, NULL, OPTION_SINCE },
    { "until", required_argument, NULL, OPTION_UNTIL },
    { "follow", no_argument, NULL, OPTION_FOLLOW },
    { "no-follow", no_argument, NULL, OPTION_NO_FOLLOW },
    { "status", no_argument, NULL, OPTION_STATUS },
    { "fail-on", required_argument, NULL, OPTION_FAIL_ON },
    { "max-undecided", required_argument, NULL, OPTION_MAX_UNDECIDED },
    { "limit", required_argument, NULL, OPTION_LIMIT },
    { "help", no_argument, NULL, 'h' },
};

enum { OWN_OPTIONS = sizeof(own_options) / sizeof(own_options[0]) };

static void
print_help(void)
{
    fputs(help, stdout);
    print_live_options();
    print_filters();
    puts("\nExit codes: 0 nothing found, 1 findings, 2 usage or configuration,\n"
         "3 input unreadable, damaged or cut short, 4 inconclusive.");
}

/* Options that say which flows to ask for. FLOW_END when it is another. */
static int
take_request(struct arguments *arguments, int option, char *value)
{
    struct flow_live_options *live = &arguments->live.options;
    bool ok = true;

    switch (option) {
    case OPTION_LAST:
        ok = take_count(value, &live->last);
        break;
    case OPTION_FIRST:
        live->follow = false;
        ok = take_count(value, &live->first);
        break;
    case OPTION_SINCE:
        ok = take_time_filter(&arguments->filter, "since", value, &live->since);
        break;
    case OPTION_UNTIL:
        live->follow = false;
        ok = take_time_filter(&arguments->filter, "until", value, &live->until);
        break;
    case OPTION_FOLLOW:
        live->follow = true;
        break;
    case OPTION_NO_FOLLOW:
        live->follow = false;
        break;
    default:
        return FLOW_END;
    }
    return ok ? FLOW_OK : FLOW_E_ARGUMENT;
}

static bool
take_own(struct arguments *arguments, int option, char *value)
{
    switch (option) {
    case 'o':
        split_output(value, &arguments->format, &arguments->path);
        return true;
    case OPTION_INTERVAL:
        return take_duration(value, &arguments->interval);
    case OPTION_QUIET:
        arguments->quiet = true;
        return true;
    case OPTION_METRICS:
        arguments->metrics = value;
        return true;
    case OPTION_NO_RELOAD:
        arguments->reload = false;
        return true;
    case OPTION_STATUS:
        arguments->status = true;
        return true;
    case OPTION_FAIL_ON:
        if (flow_severity_parse(&arguments->limits.fail_on, value) != FLOW_OK) {
            say("expected info, low, medium, high or critical, found \"%.40s\"", value);
            return false;
        }
        return true;
    case OPTION_MAX_UNDECIDED:
        return take_number(value, 0, 1, &arguments->limits.max_undecided);
    case OPTION_LIMIT:
        return take_count(value, &arguments->limit);
    default:
        return false;
    }
}

static bool
take_option(struct arguments *arguments, int option, char *value)
{
    int rc = take_policy_option(&arguments->policies, option, value);

    if (rc == FLOW_END) {
        rc = take_live_option(&arguments->live, option, value);
    }
    if (rc == FLOW_END) {
        rc = take_request(arguments, option, value);
    }
    if (rc != FLOW_END) {
        return rc == FLOW_OK;
    }
    return option >= OPTION_FILTER ? take_filter(&arguments->filter, option, value)
                                   : take_own(arguments, option, value);
}

/* FLOW_OK to go on, FLOW_END when all is done (help), FLOW_E_ARGUMENT. */
static int
parse(struct arguments *arguments, int argc, char **argv)
{
    struct option options[OPTIONS_MAX];
    struct flow_live_options *live = &arguments->live.options;
    const char *path;
    int option;

    memset(arguments, 0, sizeof(*arguments));
    arguments->limits = (struct flow_limits){ .fail_on = FLOW_SEVERITY_HIGH,
                                              .max_undecided = 1,
                                              .min_coverage = -1 };
    arguments->limit = 20;
    arguments->reload = true;
    arguments->format = "text";
    arguments->path = "-";
    if (init_live(&arguments->live) != FLOW_OK) {
        return FLOW_E_ARGUMENT;
    }
    memcpy(options, own_options, sizeof(own_options));
    add_filter_options(options, OWN_OPTIONS, OPTIONS_MAX);
    while ((option = getopt_long(argc, argv, "f:o:h", options, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            return FLOW_END;
        }
        if (!take_option(arguments, option, optarg)) {
            return FLOW_E_ARGUMENT;
        }
    }
    finish_live(&arguments->live);
    if (!live->follow && live->last == 0 && live->first == 0) {
        live->last = UINT64_MAX;
    }
    live->filter = arguments->filter;
    path = arguments->path;
    if (optind < argc) {
        say("expected options alone, found \"%.60s\"; a server is given with --server",
            argv[optind]);
        return FLOW_E_ARGUMENT;
    }
    return check_files(&path, 1, NULL, 0, &arguments->policies) ? FLOW_OK : FLOW_E_ARGUMENT;
}

/* Policies as they were read at a time; findings go on to speak of earlier ones. */
struct generation {
    struct declared declared;
    struct flow_classifier *classifier;
    struct generation *before;
};

struct run {
    const struct arguments *arguments;
    struct generation *now;
    struct flow_reader *reader;
    const struct flow_reader *rows_reader;
    struct flow_names *names;
    struct flow_tally *tally;
    struct flow_batch *batch;
    struct flow_sink *rows, *report;
    struct metrics *metrics;
    struct counters counters;
    uint64_t files;
    int64_t next_report, next_look; /* monotonic */
    size_t told;
};

static int64_t
monotonic(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void
say_note(void *context, const struct flow_error *note)
{
    (void)context;
    say_error(note);
}

/* Whether answers hang on names; to call addresses by names alone is not worth single records. */
static bool
needs_names(const struct declared *declared)
{
    return flow_policies_ask_names(declared->policies) ||
           (declared->intent != NULL && flow_intent_asks_names(declared->intent));
}

/* Reads the policies; what is in force stays when they cannot be read. */
static int
read_policies(struct run *run, struct flow_error *err)
{
    struct generation *generation = calloc(1, sizeof(*generation));
    int rc = FLOW_OK;

    if (generation == NULL) {
        say("out of memory");
        return FLOW_E_MEMORY;
    }
    /* with some refused the others mean something else: those that are in force do not */
    if (!load_declared(&run->arguments->policies, NULL, &generation->declared) ||
        (run->now != NULL && flow_policies_error_count(generation->declared.policies) > 0)) {
        declared_free(&generation->declared);
        free(generation);
        return FLOW_E_INVALID;
    }
    rc = flow_classifier_new(&generation->classifier, generation->declared.policies, err);
    if (rc == FLOW_OK && run->names == NULL && needs_names(&generation->declared)) {
        rc = flow_names_new(&run->names, err);
    }
    if (rc != FLOW_OK) {
        say_error(err);
        flow_classifier_free(generation->classifier);
        declared_free(&generation->declared);
        free(generation);
        return rc;
    }
    flow_classifier_set_names(generation->classifier, run->names);
    flow_classifier_set_intent(generation->classifier, generation->declared.intent);
    generation->before = run->now;
    run->now = generation;
    if (run->tally != NULL) {
        flow_tally_set_policies(run->tally, generation->declared.policies);
        flow_tally_set_intent(run->tally, generation->declared.intent);
    }
    return FLOW_OK;
}

static void
reload(struct run *run)
{
    struct flow_error err;

    run->files = files_state(&run->arguments->policies);
    if (read_policies(run, &err) == FLOW_OK) {
        run->counters.reloads++;
        say("read %zu policies anew", flow_policies_count(run->now->declared.policies));
    } else {
        run->counters.failed_reloads++;
        say("the policies that were read before stay in force");
    }
}

static int
open_outputs(struct run *run, struct flow_error *err)
{
    const struct arguments *arguments = run->arguments;
    const bool text = strcmp(arguments->format, "text") == 0;
    const bool rows = text || strcmp(arguments->format, "jsonl") == 0;
    struct flow_sink_options options;
    int rc = FLOW_OK;

    flow_sink_options_init(&options, sizeof(options));
    options.tally = run->tally;
    options.reader = &run->rows_reader;
    options.limit = (uint32_t)arguments->limit;
    if (rows && !(text && arguments->quiet)) {
        rc = flow_sink_open(&run->rows, text ? "lines" : "jsonl", arguments->path, &options, err);
    }
    /* a report is text beside rows of JSON, where it does not get between them */
    if (rc == FLOW_OK) {
        rc = flow_sink_open(&run->report, rows ? "text" : arguments->format,
                            text || !rows ? arguments->path : "/dev/stderr", &options, err);
    }
    return rc;
}

static int
open_all(struct run *run, struct flow_error *err)
{
    struct flow_reader_options options;
    struct flow_live_options live = run->arguments->live.options;
    int rc = flow_batch_new(&run->batch, err);

    flow_reader_options_init(&options, sizeof(options));
    options.wait = 200000000;
    live.note = say_note;
    rc = rc == FLOW_OK ? flow_reader_open_live(&run->reader, &live, &options, err) : rc;
    run->rows_reader = run->reader;
    rc = rc == FLOW_OK ? flow_tally_new(&run->tally, run->now->declared.policies, err) : rc;
    if (rc == FLOW_OK) {
        flow_tally_set_intent(run->tally, run->now->declared.intent);
    }
    return rc == FLOW_OK ? open_outputs(run, err) : rc;
}

static int
report(struct run *run, struct flow_error *err)
{
    int rc = flow_tally_add_inputs(run->tally, run->reader, err);

    rc = rc == FLOW_OK ? flow_tally_finish(run->tally, err) : rc;
    if (rc == FLOW_OK && run->rows != NULL) {
        rc = flow_sink_flush(run->rows, err);
    }
    return rc == FLOW_OK ? flow_sink_report(run->report, err) : rc;
}

/* What is to be done now and then. */
static int
look_around(struct run *run, struct flow_error *err)
{
    const int64_t second = 1000000000;
    const int64_t now = monotonic();
    int rc = FLOW_OK;

    (void)flow_reader_live_stats(run->reader, &run->counters.live);
    metrics_run(run->metrics);
    if (asked_to_reload()) {
        reload(run);
    } else if (run->arguments->reload && now >= run->next_look) {
        run->next_look = now + 2 * second;
        if (files_state(&run->arguments->policies) != run->files) {
            reload(run);
        }
    }
    if (run->arguments->interval > 0 && now >= run->next_report) {
        run->next_report = now + run->arguments->interval;
        rc = report(run, err);
    }
    return rc;
}

static int
judge_batch(struct run *run, struct flow_error *err)
{
    int rc = FLOW_OK;

    say_problems(run->batch, &run->told);
    if (run->names != NULL) {
        rc = flow_names_learn(run->names, run->batch, err);
    }
    if (run->arguments->filter != NULL) {
        flow_filter_run(run->arguments->filter, run->batch);
    }
    rc = rc == FLOW_OK ? flow_classifier_run(run->now->classifier, run->batch, err) : rc;
    rc = rc == FLOW_OK ? flow_tally_add(run->tally, run->batch, err) : rc;
    if (rc == FLOW_OK && run->rows != NULL) {
        rc = flow_sink_write(run->rows, run->batch, err);
    }
    if (rc == FLOW_OK) {
        count_batch(&run->counters, run->batch);
    }
    return rc;
}

static int
watch(struct run *run, struct flow_error *err)
{
    int rc = FLOW_OK;

    /* a flow is judged by what DNS answers before it told, however they came */
    flow_batch_set_limit(run->batch, run->names != NULL ? 1 : 0);
    run->next_report = monotonic() + run->arguments->interval;
    while (!asked_to_stop()) {
        rc = flow_reader_next(run->reader, run->batch, err);
        if (rc == FLOW_OK) {
            rc = judge_batch(run, err);
        } else if (rc == FLOW_AGAIN) {
            rc = run->rows != NULL ? flow_sink_flush(run->rows, err) : FLOW_OK;
        }
        if (rc != FLOW_OK) {
            break;
        }
        rc = look_around(run, err);
        if (rc != FLOW_OK) {
            break;
        }
    }
    return rc == FLOW_END ? FLOW_OK : rc;
}

static void
close_all(struct run *run)
{
    metrics_close(run->metrics);
    flow_sink_close(run->rows);
    flow_sink_close(run->report);
    flow_tally_free(run->tally);
    while (run->now != NULL) {
        struct generation *before = run->now->before;

        flow_classifier_free(run->now->classifier);
        declared_free(&run->now->declared);
        free(run->now);
        run->now = before;
    }
    flow_names_free(run->names);
    flow_batch_free(run->batch);
    flow_reader_close(run->reader);
}

static int
run_watch(const struct arguments *arguments)
{
    struct run run = { .arguments = arguments };
    struct flow_error err;
    int code = EXIT_USAGE;
    int rc;

    run.files = files_state(&arguments->policies);
    if (read_policies(&run, &err) != FLOW_OK) {
        close_all(&run);
        return EXIT_USAGE;
    }
    if (arguments->policies.manifests.count == 0) {
        say("warning: no policies are given with -f, so every answer is undecidable");
    }
    rc = open_all(&run, &err);
    if (rc == FLOW_OK && arguments->metrics != NULL &&
        !metrics_open(&run.metrics, arguments->metrics, &run.counters)) {
        close_all(&run);
        return EXIT_USAGE;
    }
    if (rc == FLOW_OK) {
        catch_signals();
        rc = watch(&run, &err);
        rc = rc == FLOW_OK ? report(&run, &err) : rc;
        code =
            rc == FLOW_OK ? flow_tally_conclude(run.tally, &arguments->limits, false) : EXIT_INPUT;
    }
    if (rc != FLOW_OK) {
        say_error(&err);
    }
    close_all(&run);
    return code;
}

static const char *
state_name(uint32_t state)
{
    static const char *const names[] = { "unknown", "connected", "unavailable", "gone", "error" };

    return state < sizeof(names) / sizeof(names[0]) ? names[state] : names[0];
}

static int
show_status(const struct arguments *arguments)
{
    struct flow_live_status *status;
    struct flow_error err;

    if (flow_live_status_get(&status, &arguments->live.options, &err) != FLOW_OK) {
        say_error(&err);
        return err.status == FLOW_E_ARGUMENT ? EXIT_USAGE : EXIT_INPUT;
    }
    printf("version %s, up %.0f s\n", status->version[0] != '\0' ? status->version : "not told",
           (double)status->uptime_ns / 1e9);
    printf("%llu of %llu flows kept, %llu seen, %.1f a second\n",
           (unsigned long long)status->num_flows, (unsigned long long)status->max_flows,
           (unsigned long long)status->seen_flows, status->flows_rate);
    if (status->counts_nodes) {
        printf("%u nodes connected, %u unavailable\n", status->connected_nodes,
               status->unavailable_nodes);
    }
    for (size_t i = 0; i < status->node_count; i++) {
        const struct flow_live_node *node = &status->nodes[i];

        printf("node %s: %s, %s, version %s, %llu of %llu flows kept, %llu seen\n", node->name,
               state_name(node->state), node->address, node->version,
               (unsigned long long)node->num_flows, (unsigned long long)node->max_flows,
               (unsigned long long)node->seen_flows);
    }
    flow_live_status_free(status);
    return EXIT_CLEAN;
}

int
command_watch(int argc, char **argv)
{
    struct arguments arguments;
    const int rc = parse(&arguments, argc, argv);
    int code = EXIT_CLEAN;

    if (rc == FLOW_OK) {
        code = arguments.status ? show_status(&arguments) : run_watch(&arguments);
    } else if (rc != FLOW_END) {
        code = usage_error("watch");
    }
    flow_filter_free(arguments.filter);
    live_arguments_free(&arguments.live);
    policy_arguments_free(&arguments.policies);
    return code;
}
