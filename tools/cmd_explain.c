/* SPDX-License-Identifier: Apache-2.0 */
/* flowcheck explain: one flow of an archive, or a connection that need not have happened. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "flowcheck.h"

struct arguments {
    struct policy_arguments policies;
    const char *uuid, *from, *to, *port, *direction, *format, *path;
    char **inputs;
    size_t input_count;
};

/* What is explained, with everything it borrows. */
struct subject {
    struct declared declared;
    struct flow_policies *policies; /* of what is declared */
    struct flow_dict *dict;
    struct flow_names *names;
    struct flow_classifier *classifier;
    struct flow_explainer *explainer;
    struct flow_explanation sides[2];
    size_t side_count;
    bool damaged; /* an input was not read whole */
    char source[600], destination[600];
};

static const char help[] =
    "usage: flowcheck explain [-f POLICY]... [--snapshot DIR]... [--uuid UUID] INPUT...\n"
    "       flowcheck explain [-f POLICY]... [--snapshot DIR]...\n"
    "                         --from END --to END --port PORT/PROTOCOL\n"
    "\n"
    "Shows how a connection is decided at each of its ends: which policies select the\n"
    "end, what each says, and which one decides. END is NAMESPACE/POD (or a workload),\n"
    "an IP address, or world, host, remote-node, kube-apiserver, ingress or health.\n"
    "\n"
    "  -f, --policies PATH       policies and inventory: YAML or JSON, a file, '-', or the\n"
    "                            .yaml, .yml and .json files of a directory\n"
    "      --snapshot PATH       inventory alone (pods, namespaces, nodes)\n"
    "      --uuid UUID           the flow of the inputs that has this uuid; without it\n"
    "                            every flow, at the side it is about\n"
    "      --from END, --to END  who opens the connection, and to whom\n"
    "      --port PORT/PROTOCOL  such as 443/TCP, 53/UDP, or 8/ICMPv4 (the ICMP type)\n"
    "      --direction SIDE      egress or ingress alone\n"
    "      --engine NAME         cilium-1.17 to cilium-1.20 or kubernetes\n"
    "                            (default cilium-1.19)\n"
    "      --set NAME=VALUE      a setting of the agent that changes what policies mean,\n"
    "                            such as enable-policy=always; the man page lists them\n"
    "      --var NAME=VALUE      the value of ${NAME} in manifests\n"
    "      --default-namespace N for objects that name none (default 'default')\n"
    "      --partial             -f does not hold every policy of the cluster\n"
    "      --intent FILE         an intent document; what it says of flows is shown\n"
    "  -o, --output FORMAT[=FILE] text (default), json or jsonl\n"
    "  -h, --help                this text\n"
    "\n"
    "Exit codes: 0 explained, 2 usage or configuration, 3 input unreadable or no such\n"
    "flow.\n";

enum {
    OPTION_UUID = OPTION_OWN,
    OPTION_FROM,
    OPTION_TO,
    OPTION_PORT,
    OPTION_DIRECTION,
    OPTION_HELP
};

static const struct option options[] = {
    POLICY_OPTIONS,
    { "uuid", required_argument, NULL, OPTION_UUID },
    { "from", required_argument, NULL, OPTION_FROM },
    { "to", required_argument, NULL, OPTION_TO },
    { "port", required_argument, NULL, OPTION_PORT },
    { "direction", required_argument, NULL, OPTION_DIRECTION },
    { "output", required_argument, NULL, 'o' },
    { "help", no_argument, NULL, OPTION_HELP },
    { NULL, 0, NULL, 0 },
};

static bool
take_option(struct arguments *arguments, int option, char *value)
{
    const int rc = take_policy_option(&arguments->policies, option, value);
    char *equals;

    if (rc != FLOW_END) {
        return rc == FLOW_OK;
    }
    switch (option) {
    case OPTION_UUID:
        arguments->uuid = value;
        return true;
    case OPTION_FROM:
        arguments->from = value;
        return true;
    case OPTION_TO:
        arguments->to = value;
        return true;
    case OPTION_PORT:
        arguments->port = value;
        return true;
    case OPTION_DIRECTION:
        arguments->direction = value;
        return true;
    case 'o':
        equals = strchr(value, '=');
        arguments->path = "-";
        if (equals != NULL) {
            *equals = '\0';
            arguments->path = equals + 1;
        }
        arguments->format = value;
        return true;
    default:
        return false;
    }
}

/* A connection that need not have happened. */
static bool
is_hypothetical(const struct arguments *arguments)
{
    return arguments->from != NULL || arguments->to != NULL || arguments->port != NULL;
}

static bool
check_arguments(const struct arguments *arguments)
{
    if (arguments->direction != NULL && strcmp(arguments->direction, "egress") != 0 &&
        strcmp(arguments->direction, "ingress") != 0) {
        say("expected egress or ingress, found \"%.40s\"", arguments->direction);
        return false;
    }
    if (strcmp(arguments->format, "text") != 0 && strcmp(arguments->format, "json") != 0 &&
        strcmp(arguments->format, "jsonl") != 0) {
        say("expected format text, json or jsonl, found \"%.40s\"", arguments->format);
        return false;
    }
    if (arguments->uuid != NULL && is_hypothetical(arguments)) {
        say("expected --uuid, or --from, --to and --port, found both");
        return false;
    }
    if (is_hypothetical(arguments)) {
        if (arguments->from == NULL || arguments->to == NULL || arguments->port == NULL) {
            say("expected --from, --to and --port, found not all of them");
            return false;
        }
        if (arguments->input_count > 0) {
            say("expected no input beside --from, --to and --port, found \"%.60s\"",
                arguments->inputs[0]);
            return false;
        }
        return true;
    }
    if (arguments->input_count == 0) {
        say(arguments->uuid != NULL
                ? "expected an input that holds the flow"
                : "expected inputs, with or without --uuid, or --from, --to and --port");
    }
    return arguments->input_count > 0;
}

static int
parse(struct arguments *arguments, int argc, char **argv)
{
    int option;

    memset(arguments, 0, sizeof(*arguments));
    arguments->format = "text";
    arguments->path = "-";
    while ((option = getopt_long(argc, argv, "f:o:h", options, NULL)) != -1) {
        if (option == OPTION_HELP || option == 'h') {
            fputs(help, stdout);
            return FLOW_END;
        }
        if (!take_option(arguments, option, optarg)) {
            return FLOW_E_ARGUMENT;
        }
    }
    arguments->inputs = argv + optind;
    arguments->input_count = (size_t)(argc - optind);
    return check_arguments(arguments) &&
                   check_files(&arguments->path, 1, (const char *const *)arguments->inputs,
                               arguments->input_count, &arguments->policies)
               ? FLOW_OK
               : FLOW_E_ARGUMENT;
}

/* "443/TCP" */
static bool
parse_port(const char *text, struct flow_connection *connection)
{
    char *end;
    const unsigned long number = strtoul(text, &end, 10);

    if (text[0] >= '0' && text[0] <= '9' && *end == '/' && number <= UINT16_MAX) {
        for (uint8_t p = FLOW_PROTOCOL_TCP; p <= FLOW_PROTOCOL_IGMP; p++) {
            const bool has_port = p <= FLOW_PROTOCOL_SCTP;

            if (strcasecmp(end + 1, flow_protocol_name(p)) == 0 &&
                (has_port || number <= UINT8_MAX)) {
                connection->protocol = p;
                connection->has_port = true;
                connection->destination_port = (uint16_t)number;
                return true;
            }
        }
    }
    say("expected a port and protocol such as 443/TCP, found \"%.40s\"", text);
    return false;
}

/* An end by name: NAMESPACE/POD, an address, or an entity. */
static bool
parse_end(struct flow_dict *dict, const char *text, const struct flow_endpoint **endpoint,
          struct flow_address *address)
{
    static const char *const entities[] = { "world",          "host",    "remote-node",
                                            "kube-apiserver", "ingress", "health" };
    const struct flow_str nothing = { "", 0 };
    const struct flow_str whole = { text, strlen(text) };
    const char *slash = strchr(text, '/');
    struct flow_cidr cidr;

    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (strcmp(text, entities[i]) == 0) {
            *endpoint = flow_endpoint_named(dict, nothing, nothing, whole);
            return *endpoint != NULL;
        }
    }
    if (slash != NULL && slash != text && slash[1] != '\0' && strchr(slash + 1, '/') == NULL &&
        flow_cidr_parse(&cidr, whole, NULL) != FLOW_OK) {
        const struct flow_str namespace_name = { text, (size_t)(slash - text) };
        const struct flow_str pod = { slash + 1, strlen(slash + 1) };

        *endpoint = flow_endpoint_named(dict, namespace_name, pod, nothing);
        return *endpoint != NULL;
    }
    if (flow_address_parse(address, whole, NULL) != FLOW_OK) {
        say("expected NAMESPACE/POD, an address or an entity, found \"%.60s\"", text);
        return false;
    }
    *endpoint = NULL;
    return true;
}

/* An address that is nobody's in the inventory is outside the cluster. */
static bool
settle_address(struct subject *subject, const struct flow_endpoint **endpoint,
               const struct flow_address *address)
{
    const struct flow_str nothing = { "", 0 };
    const struct flow_str world = { "world", 5 };

    if (*endpoint == NULL && !flow_policies_knows_address(subject->policies, address)) {
        *endpoint = flow_endpoint_named(subject->dict, nothing, nothing, world);
        return *endpoint != NULL;
    }
    return true;
}

static int
explain_sides(struct subject *subject, const struct flow_connection *connection,
              const char *direction, struct flow_error *err)
{
    static const uint8_t directions[] = { FLOW_DIRECTION_EGRESS, FLOW_DIRECTION_INGRESS };

    subject->side_count = 0;
    for (size_t i = 0; i < 2; i++) {
        struct flow_explanation *side = &subject->sides[subject->side_count];
        int rc;

        if (direction != NULL && strcmp(direction, flow_direction_name(directions[i])) != 0) {
            continue;
        }
        rc = flow_classifier_explain(subject->classifier, subject->dict, connection, directions[i],
                                     side, err);
        if (rc != FLOW_OK) {
            return rc;
        }
        subject->side_count++;
    }
    return FLOW_OK;
}

static int
write_report(const char *direction, struct subject *subject,
             const struct flow_connection *connection, const struct flow_record *record,
             struct flow_error *err)
{
    struct flow_explain_report report = {
        .source = { subject->source, strlen(subject->source) },
        .destination = { subject->destination, strlen(subject->destination) },
        .protocol = connection->protocol,
        .has_port = connection->has_port,
        .port = connection->destination_port,
        .record = record,
        .sides = subject->sides,
    };
    const int rc = explain_sides(subject, connection, direction, err);

    report.side_count = subject->side_count;
    return rc == FLOW_OK ? flow_explainer_write(subject->explainer, &report, err) : rc;
}

static int
explain_hypothetical(const struct arguments *arguments, struct subject *subject)
{
    struct flow_connection connection;
    struct flow_error err;

    memset(&connection, 0, sizeof(connection));
    connection.time = FLOW_TIME_NONE;
    if (!parse_port(arguments->port, &connection) ||
        !parse_end(subject->dict, arguments->from, &connection.source,
                   &connection.source_address) ||
        !parse_end(subject->dict, arguments->to, &connection.destination,
                   &connection.destination_address) ||
        !settle_address(subject, &connection.source, &connection.source_address) ||
        !settle_address(subject, &connection.destination, &connection.destination_address)) {
        return usage_error("explain");
    }
    snprintf(subject->source, sizeof(subject->source), "%s", arguments->from);
    snprintf(subject->destination, sizeof(subject->destination), "%s", arguments->to);
    if (write_report(arguments->direction, subject, &connection, NULL, &err) != FLOW_OK) {
        say_error(&err);
        return EXIT_INPUT;
    }
    return EXIT_CLEAN;
}

/* An end of a record as a person would name it. */
static void
name_end(char *text, size_t size, const struct flow_endpoint *endpoint,
         const struct flow_address *address)
{
    char address_text[FLOW_ADDRESS_TEXT_MAX];

    flow_address_format(address, address_text);
    if (endpoint->pod_name.len > 0) {
        snprintf(text, size, "%.*s/%.*s", (int)endpoint->namespace_name.len,
                 endpoint->namespace_name.ptr, (int)endpoint->pod_name.len, endpoint->pod_name.ptr);
    } else if (endpoint->labels->count > 0) {
        const struct flow_label *label = &endpoint->labels->labels[0];

        snprintf(text, size, "%.*s%s%s", (int)label->key.len, label->key.ptr,
                 address_text[0] != '\0' ? " " : "", address_text);
    } else {
        snprintf(text, size, "%s", address_text[0] != '\0' ? address_text : "unknown");
    }
}

static bool
is_wanted(const struct flow_record *record, const char *uuid)
{
    return record->kind == FLOW_KIND_FLOW &&
           (uuid == NULL || (record->uuid.len == strlen(uuid) &&
                             memcmp(record->uuid.ptr, uuid, record->uuid.len) == 0));
}

static int
explain_record(const struct arguments *arguments, struct subject *subject,
               const struct flow_record *record, struct flow_error *err)
{
    const char *direction = arguments->direction;
    struct flow_connection connection;

    /* every flow of a log is about one side; of one that is asked for both are worth a look */
    if (direction == NULL && arguments->uuid == NULL &&
        record->judged_direction != FLOW_DIRECTION_UNKNOWN) {
        direction = flow_direction_name(record->judged_direction);
    }
    flow_connection_of(record, &connection);
    name_end(subject->source, sizeof(subject->source), connection.source,
             &connection.source_address);
    name_end(subject->destination, sizeof(subject->destination), connection.destination,
             &connection.destination_address);
    return write_report(direction, subject, &connection, record, err);
}

/* FLOW_OK when the one flow was found and explained, FLOW_END when the input is at its end. */
static int
read_input(const struct arguments *arguments, struct subject *subject, struct flow_reader *reader,
           struct flow_batch *batch, bool learns, struct flow_error *err)
{
    size_t told = 0;
    int rc;

    flow_batch_set_limit(batch, learns ? 1 : 0); /* as flowcheck check */
    while ((rc = flow_reader_next(reader, batch, err)) == FLOW_OK) {
        say_problems(batch, &told);
        subject->damaged |= told > 0;
        rc = learns ? flow_names_learn(subject->names, batch, err) : FLOW_OK;
        rc = rc == FLOW_OK ? flow_classifier_run(subject->classifier, batch, err) : rc;
        for (size_t i = 0; rc == FLOW_OK && i < flow_batch_count(batch); i++) {
            const struct flow_record *record = flow_batch_at(batch, i);

            if (!is_wanted(record, arguments->uuid)) {
                continue;
            }
            rc = explain_record(arguments, subject, record, err);
            if (rc != FLOW_OK || arguments->uuid != NULL) {
                return rc;
            }
        }
        if (rc != FLOW_OK) {
            return rc;
        }
    }
    return rc;
}

static int
explain_flows(const struct arguments *arguments, struct subject *subject)
{
    struct flow_reader_options reader_options;
    struct flow_batch *batch = NULL;
    struct flow_error err;
    bool unreadable = false;
    int rc = flow_batch_new(&batch, &err);

    rc = rc == FLOW_OK ? learn_names(&subject->names, &subject->declared, arguments->inputs,
                                     arguments->input_count, &err)
                       : rc;
    flow_classifier_set_names(subject->classifier, subject->names);
    flow_reader_options_init(&reader_options, sizeof(reader_options));
    reader_options.dict = subject->dict;
    rc = rc == FLOW_OK ? FLOW_END : rc;
    for (size_t i = 0; rc == FLOW_END && i < arguments->input_count; i++) {
        struct flow_reader *reader;

        if (flow_reader_open(&reader, arguments->inputs[i], &reader_options, &err) != FLOW_OK) {
            say_error(&err);
            unreadable = true;
            continue;
        }
        rc = read_input(arguments, subject, reader, batch,
                        subject->names != NULL && !can_read_twice(arguments->inputs[i]), &err);
        flow_reader_close(reader);
    }
    flow_batch_free(batch);
    if (rc == FLOW_END && arguments->uuid != NULL) {
        say("expected a flow with uuid %s in the inputs, found none", arguments->uuid);
        return EXIT_INPUT;
    }
    if (rc != FLOW_OK && rc != FLOW_END) {
        say_error(&err);
        return EXIT_INPUT;
    }
    return unreadable || subject->damaged ? EXIT_INPUT : EXIT_CLEAN;
}

static int
run_explain(const struct arguments *arguments)
{
    struct subject subject;
    struct flow_error err;
    int code = EXIT_USAGE;

    memset(&subject, 0, sizeof(subject));
    if (!load_declared(&arguments->policies, NULL, &subject.declared)) {
        return EXIT_USAGE;
    }
    subject.policies = subject.declared.policies;
    if (flow_dict_new(&subject.dict, &err) == FLOW_OK &&
        flow_classifier_new(&subject.classifier, subject.policies, &err) == FLOW_OK &&
        flow_explainer_open(&subject.explainer, arguments->format, arguments->path, &err) ==
            FLOW_OK) {
        flow_classifier_set_intent(subject.classifier, subject.declared.intent);
        code = is_hypothetical(arguments) ? explain_hypothetical(arguments, &subject)
                                          : explain_flows(arguments, &subject);
        if (flow_explainer_finish(subject.explainer, &err) != FLOW_OK) {
            say_error(&err);
            code = EXIT_INPUT;
        }
    } else {
        say_error(&err);
    }
    if (code == EXIT_CLEAN && flow_policies_error_count(subject.policies) > 0) {
        code = EXIT_USAGE;
    }
    flow_explainer_close(subject.explainer);
    flow_classifier_free(subject.classifier);
    flow_names_free(subject.names);
    flow_dict_free(subject.dict);
    declared_free(&subject.declared);
    return code;
}

int
command_explain(int argc, char **argv)
{
    struct arguments arguments;
    const int rc = parse(&arguments, argc, argv);
    int code = EXIT_CLEAN;

    if (rc == FLOW_OK) {
        code = run_explain(&arguments);
    } else if (rc != FLOW_END) {
        code = usage_error("explain");
    }
    policy_arguments_free(&arguments.policies);
    return code;
}
