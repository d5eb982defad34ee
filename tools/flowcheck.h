/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of flowcheck share: exit codes, the options for policies, talk on stderr. */
#ifndef FLOWCHECK_H
#define FLOWCHECK_H

#include <getopt.h>

#include "libflow/libflow.h"

/* The same for every command and format; of several, 2 comes before 3, 1 and 4. */
enum exit_code {
    EXIT_CLEAN = 0,
    EXIT_FINDINGS = 1,
    EXIT_USAGE = 2,
    EXIT_INPUT = 3,
    EXIT_INCONCLUSIVE = 4
};

/* A growing list of arguments, borrowed from argv. */
struct words {
    const char **words;
    size_t count;
};

bool words_add(struct words *words, const char *word);

/* Options that every command about policies takes. */
struct policy_arguments {
    struct words manifests, snapshots, variables, settings;
    const char *engine, *default_namespace, *intent;
    bool partial;
};

/* getopt values of those options; a command's own begin at OPTION_OWN. */
enum {
    OPTION_SNAPSHOT = 256,
    OPTION_ENGINE,
    OPTION_VAR,
    OPTION_SET,
    OPTION_NAMESPACE,
    OPTION_PARTIAL,
    OPTION_INTENT,
    /* of reports */
    OPTION_BASELINE,
    OPTION_FAIL_ON,
    OPTION_MAX_UNDECIDED,
    OPTION_MIN_COVERAGE,
    OPTION_LIMIT,
    OPTION_COLOR,
    OPTION_OWN
};

/* Their entries in a table of long options. */
#define POLICY_OPTIONS                                                                             \
    { "policies", required_argument, NULL, 'f' },                                                  \
        { "snapshot", required_argument, NULL, OPTION_SNAPSHOT },                                  \
        { "engine", required_argument, NULL, OPTION_ENGINE },                                      \
        { "var", required_argument, NULL, OPTION_VAR },                                            \
        { "set", required_argument, NULL, OPTION_SET },                                            \
        { "default-namespace", required_argument, NULL, OPTION_NAMESPACE },                        \
        { "intent", required_argument, NULL, OPTION_INTENT },                                      \
    {                                                                                              \
        "partial", no_argument, NULL, OPTION_PARTIAL                                               \
    }

/* Takes one of those options. FLOW_OK, FLOW_END when it is another, FLOW_E_MEMORY (told). */
int take_policy_option(struct policy_arguments *arguments, int option, const char *value);

/* What is declared: the policies, and the intent document when there is one. */
struct declared {
    struct flow_policies *policies;
    struct flow_intent_document *intent; /* or NULL */
};

/*
 * declared.c: loads both and tells their notes; false (told) when one cannot be read. documents
 * keep what is read; or NULL.
 */
bool load_declared(const struct policy_arguments *arguments, struct flow_documents *documents,
                   struct declared *declared);
/* The same from documents that were kept. */
bool load_kept(struct flow_documents *documents, struct declared *declared);
void declared_free(struct declared *declared);
void policy_arguments_free(struct policy_arguments *arguments);

/* getopt values of filters, in the library's order; above those of any command. */
enum { OPTION_FILTER = 4096, OPTIONS_MAX = 120 };

/* options.c: the filters' entries behind the others; the new count. A cleared one ends them. */
size_t add_filter_options(struct option *options, size_t count, size_t room);
void print_filters(void);
/* Takes a filter's value; *filter is made when it is the first. false: told. */
bool take_filter(struct flow_filter **filter, int option, const char *value);

/* Values of options; false: told. */
bool take_duration(const char *text, int64_t *nanoseconds);
bool take_count(const char *text, uint64_t *count);
bool take_size(const char *text, uint64_t *bytes);
bool take_time(const char *text, int64_t *time);
/* A time that is asked for, and filtered by. */
bool take_time_filter(struct flow_filter **filter, const char *name, const char *text,
                      int64_t *time);

/* The connection to a server. */
struct live_arguments {
    struct flow_live_options options; /* whole after finish_live */
    struct words ca_files;
    char *ca_text;
};

enum {
    OPTION_SERVER = 2048,
    OPTION_TLS,
    OPTION_TLS_ALLOW_INSECURE,
    OPTION_TLS_CA,
    OPTION_TLS_CERT,
    OPTION_TLS_KEY,
    OPTION_TLS_NAME,
    OPTION_USERNAME,
    OPTION_PASSWORD,
    OPTION_TIMEOUT,
    OPTION_REQUEST_TIMEOUT,
    OPTION_IDLE_CHECK
};

#define LIVE_OPTIONS                                                                               \
    { "server", required_argument, NULL, OPTION_SERVER },                                          \
        { "tls", no_argument, NULL, OPTION_TLS },                                                  \
        { "tls-allow-insecure", no_argument, NULL, OPTION_TLS_ALLOW_INSECURE },                    \
        { "tls-ca-cert-files", required_argument, NULL, OPTION_TLS_CA },                           \
        { "tls-client-cert-file", required_argument, NULL, OPTION_TLS_CERT },                      \
        { "tls-client-key-file", required_argument, NULL, OPTION_TLS_KEY },                        \
        { "tls-server-name", required_argument, NULL, OPTION_TLS_NAME },                           \
        { "basic-auth-username", required_argument, NULL, OPTION_USERNAME },                       \
        { "basic-auth-password", required_argument, NULL, OPTION_PASSWORD },                       \
        { "timeout", required_argument, NULL, OPTION_TIMEOUT },                                    \
        { "request-timeout", required_argument, NULL, OPTION_REQUEST_TIMEOUT },                    \
    {                                                                                              \
        "idle-check", required_argument, NULL, OPTION_IDLE_CHECK                                   \
    }

/* The defaults and what the environment says. FLOW_OK, or FLOW_E_ARGUMENT (told). */
int init_live(struct live_arguments *live);
/* Takes one of those options. FLOW_OK, FLOW_END when it is another, below 0 (told). */
int take_live_option(struct live_arguments *live, int option, const char *value);
/* Call behind the last option. */
void finish_live(struct live_arguments *live);
void live_arguments_free(struct live_arguments *live);
void print_live_options(void);

/* outputs.c: "FORMAT" or "FORMAT=FILE"; cuts the argument at the '='. */
void split_output(char *text, const char **format, const char **path);

/* signals.c: SIGINT and SIGTERM ask to stop, a second one stops at once; SIGHUP asks to reload. */
void catch_signals(void);
bool asked_to_stop(void);
bool asked_to_reload(void); /* once for each */

/* reload.c: a number that changes when a file of policies or inventory does. */
uint64_t files_state(const struct policy_arguments *policies);

/* What commands that end with a report share; reporting.c. */
enum { OUTPUTS_MAX = 16 };

struct reporting {
    const char *formats[OUTPUTS_MAX], *paths[OUTPUTS_MAX];
    size_t output_count;
    struct flow_limits limits;
    uint32_t limit; /* findings that text shows */
    bool color;
    const char *baseline_path;
    struct flow_baseline *baseline; /* or NULL */
    struct flow_sink *sinks[OUTPUTS_MAX];
};

#define REPORT_OPTIONS                                                                             \
    { "output", required_argument, NULL, 'o' },                                                    \
        { "baseline", required_argument, NULL, OPTION_BASELINE },                                  \
        { "fail-on", required_argument, NULL, OPTION_FAIL_ON },                                    \
        { "max-undecided", required_argument, NULL, OPTION_MAX_UNDECIDED },                        \
        { "min-coverage", required_argument, NULL, OPTION_MIN_COVERAGE },                          \
        { "limit", required_argument, NULL, OPTION_LIMIT },                                        \
    {                                                                                              \
        "color", required_argument, NULL, OPTION_COLOR                                             \
    }

void reporting_init(struct reporting *reporting);
void print_report_options(void);
/* Takes one of those options. FLOW_OK, FLOW_END when it is another, below 0 (told). */
int take_report_option(struct reporting *reporting, int option, char *value);
/* Call behind the last option; false: told. */
bool reporting_ready(struct reporting *reporting);
bool reporting_wants_digest(const struct reporting *reporting);
/* Whether one of the outputs has rows. */
bool reporting_wants_rows(const struct reporting *reporting);
int reporting_open(struct reporting *reporting, struct flow_tally *tally,
                   const struct flow_reader *const *reader, struct flow_error *err);
int reporting_write(struct reporting *reporting, const struct flow_batch *batch,
                    struct flow_error *err);
/* Works out the findings and writes the reports. */
int reporting_finish(struct reporting *reporting, struct flow_tally *tally, struct flow_error *err);
int reporting_exit_code(const struct reporting *reporting, const struct flow_tally *tally,
                        bool unreadable);
void reporting_free(struct reporting *reporting);

/* Every file that is written: the reports', and one more when it is not NULL. */
size_t outputs_of(const struct reporting *reporting, const char *more,
                  const char *outputs[OUTPUTS_MAX + 1]);
/* A number as an option's value; false: told. */
bool take_number(const char *text, double least, double most, double *value);

/* writing.c: tells what a writer had to leave out. */
void say_left_out(const struct flow_writer *writer);

/*
 * names.c: reads the inputs once for the DNS answers in them, so that each flow is judged by what
 * was known at its time, wherever in the inputs that stands. Inputs that cannot be read twice are
 * left out: what reads them learns as it goes. *names stays NULL when nothing asks for them.
 */
int learn_names(struct flow_names **names, const struct declared *declared, char *const *inputs,
                size_t count, struct flow_error *err);
/* Whether DNS answers can matter. */
bool wants_names(const struct declared *declared);
/* Whether an input is a file or directory, and so is read twice. */
bool can_read_twice(const char *input);

/*
 * outputs.c: that no output is a file that is read, or lies in a folder that is, and that each has
 * one of its own, as opening it empties it; and that standard input is read once. false: told.
 */
bool check_files(const char *const *outputs, size_t count, const char *const *inputs,
                 size_t input_count, const struct policy_arguments *policies);

/* "flowcheck: " and a line on stderr. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_error(const struct flow_error *err);

/* Damage is told this often an input; a report has the whole count. */
#define PROBLEMS_TOLD 10

/* Tells what could not be read of a batch; *told counts all of the input. */
void say_problems(const struct flow_batch *batch, size_t *told);

/* Tells how to get help; returns EXIT_USAGE. */
int usage_error(const char *command);

int command_check(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_convert(int argc, char **argv);
int command_record(int argc, char **argv);
int command_watch(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_merge(int argc, char **argv);
int command_approvals(int argc, char **argv);
/* cmd_check.c: the same as check, with a report on the approvals alone. */
int check_usage(int argc, char **argv);

/* progress.c: a line on a terminal that shows how far the reading is; nothing elsewhere. */
struct progress {
    bool shown;
    double started, last;
    uint64_t total, before; /* bytes of all inputs, and of those that are done */
    uint64_t of_input;      /* of the one that is read */
    uint64_t flows;
};

void progress_start(struct progress *progress, char *const *inputs, size_t count, bool wanted);
/* reader is NULL behind the end of an input. */
void progress_step(struct progress *progress, const struct flow_reader *reader, uint64_t flows);
void progress_end(struct progress *progress);

#endif
