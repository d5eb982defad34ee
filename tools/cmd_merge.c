/* SPDX-License-Identifier: Apache-2.0 */
/* flowcheck merge: partial states of any split of the evidence, to the report of all of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowcheck.h"

static const char help[] =
    "usage: flowcheck merge [OPTION]... STATE...\n"
    "\n"
    "Puts partial states together, which flowcheck check --partial-out wrote of parts of\n"
    "the evidence, and reports on all of it: the report is that of one run over all\n"
    "parts, however the evidence was split and in whatever order states are given.\n"
    "\n";

enum { OPTION_PARTIAL_OUT = OPTION_OWN, OPTION_HELP };

struct merging {
    struct reporting reporting;
    const char *partial_out;
    char **paths;
    size_t count;
    struct flow_state **states;
    struct declared declared;
    struct flow_check *check;
};

static int
parse(struct merging *merging, int argc, char **argv)
{
    static const struct option options[] = {
        REPORT_OPTIONS,
        { "partial-out", required_argument, NULL, OPTION_PARTIAL_OUT },
        { "help", no_argument, NULL, OPTION_HELP },
        { NULL, 0, NULL, 0 },
    };
    const struct policy_arguments none = { .partial = false };
    const char *outputs[OUTPUTS_MAX + 1];
    size_t output_count;
    int option;

    reporting_init(&merging->reporting);
    while ((option = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        if (option == OPTION_HELP || option == 'h') {
            fputs(help, stdout);
            print_report_options();
            puts("      --partial-out FILE    write the states together as one\n"
                 "  -h, --help                this text");
            return FLOW_END;
        }
        if (option == OPTION_PARTIAL_OUT) {
            merging->partial_out = optarg;
        } else if (take_report_option(&merging->reporting, option, optarg) != FLOW_OK) {
            return FLOW_E_ARGUMENT;
        }
    }
    merging->paths = argv + optind;
    merging->count = (size_t)(argc - optind);
    if (merging->count == 0) {
        say("expected a partial state");
        return FLOW_E_ARGUMENT;
    }
    output_count = outputs_of(&merging->reporting, merging->partial_out, outputs);
    return reporting_ready(&merging->reporting) &&
                   check_files(outputs, output_count, (const char *const *)merging->paths,
                               merging->count, &none)
               ? FLOW_OK
               : FLOW_E_ARGUMENT;
}

/* Reads every state; they must have been made with the same. An exit code. */
static int
read_states(struct merging *merging)
{
    struct flow_error err;

    merging->states = calloc(merging->count, sizeof(struct flow_state *));
    for (size_t i = 0; merging->states != NULL && i < merging->count; i++) {
        if (flow_state_read(&merging->states[i], merging->paths[i], &err) != FLOW_OK) {
            say_error(&err);
            return EXIT_INPUT;
        }
        if (flow_state_agree(merging->states[0], merging->states[i], &err) != FLOW_OK) {
            char text[512];

            flow_error_format(&err, text, sizeof(text));
            say("%s: %s", merging->paths[i], text);
            return EXIT_USAGE;
        }
    }
    return merging->states != NULL ? EXIT_CLEAN : EXIT_INPUT;
}

static int
merge(struct merging *merging, struct flow_error *err)
{
    struct flow_check_options options;
    int rc;

    flow_check_options_init(&options, sizeof(options));
    options.states = (const struct flow_state *const *)merging->states;
    options.state_count = merging->count;
    options.policies = merging->declared.policies;
    options.intent = merging->declared.intent;
    options.state = merging->partial_out != NULL;
    rc = flow_check_open(&merging->check, &options, err);
    rc = rc == FLOW_OK
             ? reporting_open(&merging->reporting, flow_check_tally(merging->check), NULL, err)
             : rc;
    while (rc == FLOW_OK) {
        rc = flow_check_next(merging->check, err);
    }
    rc = rc == FLOW_END
             ? reporting_finish(&merging->reporting, flow_check_tally(merging->check), err)
             : rc;
    return rc == FLOW_OK && merging->partial_out != NULL
               ? flow_check_write_state(merging->check, flow_state_documents(merging->states[0]),
                                        merging->partial_out, err)
               : rc;
}

static int
run(struct merging *merging)
{
    struct flow_error err;
    const int code = read_states(merging);
    int rc;

    if (code != EXIT_CLEAN) {
        return code;
    }
    if (!load_kept(flow_state_documents(merging->states[0]), &merging->declared)) {
        return EXIT_USAGE;
    }
    rc = merge(merging, &err);
    if (rc != FLOW_OK) {
        say_error(&err);
        return EXIT_INPUT;
    }
    return reporting_exit_code(&merging->reporting, flow_check_tally(merging->check),
                               flow_check_unreadable(merging->check));
}

int
command_merge(int argc, char **argv)
{
    struct merging merging = { .count = 0 };
    const int rc = parse(&merging, argc, argv);
    int code = EXIT_CLEAN;

    if (rc == FLOW_OK) {
        code = run(&merging);
    } else if (rc != FLOW_END) {
        code = usage_error("merge");
    }
    reporting_free(&merging.reporting);
    flow_check_close(merging.check);
    declared_free(&merging.declared);
    for (size_t i = 0; merging.states != NULL && i < merging.count; i++) {
        flow_state_free(merging.states[i]);
    }
    free(merging.states);
    return code;
}
