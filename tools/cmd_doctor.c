/* SPDX-License-Identifier: Apache-2.0 */
/* flowcheck doctor: what an archive or an exporter can decide. */
#include <stdio.h>
#include <string.h>

#include "flowcheck.h"

static const char help[] =
    "usage: flowcheck doctor [-f POLICY]... [--intent FILE] [--exporter FILE] [INPUT]...\n"
    "\n"
    "Says what can be decided by the fields that the flows of the inputs carry, or that\n"
    "an exporter's configuration lets through, and the smallest field mask that keeps\n"
    "every check decidable, for what is declared.\n"
    "\n"
    "  -f, --policies PATH       policies and inventory, as for flowcheck check\n"
    "      --snapshot PATH       inventory alone\n"
    "      --engine NAME         cilium-1.17 to cilium-1.20 or kubernetes\n"
    "      --set NAME=VALUE      a setting of the agent\n"
    "      --var NAME=VALUE      the value of ${NAME} in manifests\n"
    "      --default-namespace N for objects that name none\n"
    "      --partial             -f does not hold every policy of the cluster\n"
    "      --intent FILE         an intent document\n"
    "      --exporter FILE       Helm values or a ConfigMap that configures an exporter\n"
    "  -o, --output FORMAT[=FILE] text (default) or json\n"
    "  -h, --help                this text\n"
    "\n"
    "Exit codes: 0 everything can be decided, 2 usage or configuration, 3 input\n"
    "unreadable or damaged, 4 something cannot be decided.\n";

enum { OPTION_EXPORTER = OPTION_OWN, OPTION_HELP };

struct visit {
    struct policy_arguments policies;
    const char *exporter, *format, *path;
    char **inputs;
    size_t input_count;
    struct declared declared;
    struct flow_doctor *doctor;
    bool damaged;
};

static int
parse(struct visit *visit, int argc, char **argv)
{
    static const struct option options[] = {
        POLICY_OPTIONS,
        { "exporter", required_argument, NULL, OPTION_EXPORTER },
        { "output", required_argument, NULL, 'o' },
        { "help", no_argument, NULL, OPTION_HELP },
        { NULL, 0, NULL, 0 },
    };
    int option;

    visit->format = "text";
    visit->path = "-";
    while ((option = getopt_long(argc, argv, "f:o:h", options, NULL)) != -1) {
        if (option == OPTION_HELP || option == 'h') {
            fputs(help, stdout);
            return FLOW_END;
        }
        if (option == 'o') {
            split_output(optarg, &visit->format, &visit->path);
        } else if (option == OPTION_EXPORTER) {
            visit->exporter = optarg;
        } else if (take_policy_option(&visit->policies, option, optarg) != FLOW_OK) {
            return FLOW_E_ARGUMENT;
        }
    }
    visit->inputs = argv + optind;
    visit->input_count = (size_t)(argc - optind);
    if (visit->input_count == 0 && visit->exporter == NULL) {
        say("expected an input, or --exporter");
        return FLOW_E_ARGUMENT;
    }
    if (visit->input_count > 0 && visit->exporter != NULL) {
        say("expected inputs or --exporter, found both");
        return FLOW_E_ARGUMENT;
    }
    if (strcmp(visit->format, "text") != 0 && strcmp(visit->format, "json") != 0) {
        say("expected format text or json, found \"%.40s\"", visit->format);
        return FLOW_E_ARGUMENT;
    }
    return check_files(&visit->path, 1, (const char *const *)visit->inputs, visit->input_count,
                       &visit->policies)
               ? FLOW_OK
               : FLOW_E_ARGUMENT;
}

static int
look_at(struct visit *visit, const char *input, struct flow_batch *batch, struct flow_error *err)
{
    struct flow_reader_options options;
    struct flow_reader *reader;
    size_t told = 0;
    int rc;

    flow_reader_options_init(&options, sizeof(options));
    if (flow_reader_open(&reader, input, &options, err) != FLOW_OK) {
        say_error(err);
        visit->damaged = true;
        return FLOW_OK;
    }
    while ((rc = flow_reader_next(reader, batch, err)) == FLOW_OK) {
        visit->damaged |= flow_batch_problem_count(batch) > 0;
        say_problems(batch, &told);
        flow_doctor_add(visit->doctor, batch);
    }
    flow_reader_close(reader);
    return rc == FLOW_END ? FLOW_OK : rc;
}

static int
look_at_all(struct visit *visit, struct flow_error *err)
{
    struct flow_batch *batch;
    int rc = flow_batch_new(&batch, err);

    for (size_t i = 0; rc == FLOW_OK && i < visit->input_count; i++) {
        rc = look_at(visit, visit->inputs[i], batch, err);
    }
    if (rc == FLOW_OK) {
        flow_batch_free(batch);
    }
    return rc;
}

static int
run(struct visit *visit)
{
    struct flow_error err;
    int rc;

    if (!load_declared(&visit->policies, NULL, &visit->declared)) {
        return EXIT_USAGE;
    }
    rc = flow_doctor_new(&visit->doctor, visit->declared.policies, visit->declared.intent, &err);
    if (rc == FLOW_OK && visit->exporter != NULL) {
        rc = flow_doctor_read_exporter(visit->doctor, visit->exporter, &err);
        if (rc != FLOW_OK) {
            say_error(&err);
            return EXIT_USAGE;
        }
    }
    rc = rc == FLOW_OK ? look_at_all(visit, &err) : rc;
    rc = rc == FLOW_OK ? flow_doctor_write(visit->doctor, visit->format, visit->path, &err) : rc;
    if (rc != FLOW_OK) {
        say_error(&err);
        return EXIT_INPUT;
    }
    return flow_policies_error_count(visit->declared.policies) > 0 ? EXIT_USAGE
           : visit->damaged                                        ? EXIT_INPUT
           : flow_doctor_is_well(visit->doctor)                    ? EXIT_CLEAN
                                                                   : EXIT_INCONCLUSIVE;
}

int
command_doctor(int argc, char **argv)
{
    struct visit visit = { .input_count = 0 };
    const int rc = parse(&visit, argc, argv);
    int code = EXIT_CLEAN;

    if (rc == FLOW_OK) {
        code = run(&visit);
    } else if (rc != FLOW_END) {
        code = usage_error("doctor");
    }
    flow_doctor_free(visit.doctor);
    declared_free(&visit.declared);
    policy_arguments_free(&visit.policies);
    return code;
}
