/* SPDX-License-Identifier: Apache-2.0 */
/* flowcheck approvals: the register of exceptions, without and with evidence of its use. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flowcheck.h"

static const char help[] =
    "usage: flowcheck approvals list|validate [OPTION]... INTENT\n"
    "       flowcheck approvals usage [CHECK OPTION]... INTENT INPUT...\n"
    "\n"
    "list      shows every approval of an intent document and where it stands\n"
    "validate  exit 2 when the document is refused; exit 1 when an approval has expired or\n"
    "          its record is not whole (owner, reason, mitigation, approvedBy, expires)\n"
    "usage     shows what each was used for in the inputs; takes the options of\n"
    "          flowcheck check, and -o text or json\n"
    "\n"
    "      --at TIME             where approvals stand at that time (default: now)\n"
    "      --intent FILE         the same as INTENT\n"
    "      --var NAME=VALUE      the value of ${NAME} in the document\n"
    "  -o, --output FORMAT[=FILE] text (default) or json\n"
    "  -h, --help                this text\n";

enum { OPTION_AT = OPTION_OWN, OPTION_HELP };

struct listing {
    struct policy_arguments policies;
    int64_t at;
    const char *format, *path;
    struct declared declared;
    struct flow_tally *tally;
};

static int64_t
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int
parse(struct listing *listing, int argc, char **argv)
{
    static const struct option options[] = {
        { "intent", required_argument, NULL, OPTION_INTENT },
        { "var", required_argument, NULL, OPTION_VAR },
        { "at", required_argument, NULL, OPTION_AT },
        { "output", required_argument, NULL, 'o' },
        { "help", no_argument, NULL, OPTION_HELP },
        { NULL, 0, NULL, 0 },
    };
    int option;

    listing->format = "text";
    listing->path = "-";
    listing->at = now();
    while ((option = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        if (option == OPTION_HELP || option == 'h') {
            fputs(help, stdout);
            return FLOW_END;
        }
        if (option == 'o') {
            split_output(optarg, &listing->format, &listing->path);
        } else if (option == OPTION_AT) {
            if (!take_time(optarg, &listing->at)) {
                return FLOW_E_ARGUMENT;
            }
        } else if (take_policy_option(&listing->policies, option, optarg) != FLOW_OK) {
            return FLOW_E_ARGUMENT;
        }
    }
    if (listing->policies.intent == NULL && optind < argc) {
        listing->policies.intent = argv[optind++];
    }
    if (listing->policies.intent == NULL || optind < argc) {
        say("expected one intent document");
        return FLOW_E_ARGUMENT;
    }
    if (strcmp(listing->format, "text") != 0 && strcmp(listing->format, "json") != 0) {
        say("expected format text or json, found \"%.40s\"", listing->format);
        return FLOW_E_ARGUMENT;
    }
    return check_files(&listing->path, 1, NULL, 0, &listing->policies) ? FLOW_OK : FLOW_E_ARGUMENT;
}

/* The register as a report of no evidence. */
static int
report(struct listing *listing, struct flow_error *err)
{
    struct flow_sink_options options;
    struct flow_sink *sink = NULL;
    const bool json = strcmp(listing->format, "json") == 0;
    int rc = flow_tally_new(&listing->tally, listing->declared.policies, err);

    if (rc != FLOW_OK) {
        return rc;
    }
    flow_tally_set_intent(listing->tally, listing->declared.intent);
    flow_tally_set_now(listing->tally, listing->at);
    flow_sink_options_init(&options, sizeof(options));
    options.tally = listing->tally;
    rc = flow_tally_finish(listing->tally, err);
    rc = rc == FLOW_OK ? flow_sink_open(&sink, json ? "approvals-json" : "approvals", listing->path,
                                        &options, err)
                       : rc;
    rc = rc == FLOW_OK ? flow_sink_finish(sink, err) : rc;
    flow_sink_close(sink);
    return rc;
}

/* Tells what is wrong with the records; the exit code. */
static int
validate(const struct listing *listing)
{
    int code = EXIT_CLEAN;

    for (size_t i = 0; i < flow_tally_use_count(listing->tally); i++) {
        const struct flow_approval_use *use = flow_tally_use_at(listing->tally, i);
        const struct flow_intent_statement *at = &use->approval->statement;

        if (use->missing.len > 0) {
            say("%s:%u: approval \"%.60s\" lacks %.*s", at->file, at->line, use->approval->id,
                (int)use->missing.len, use->missing.ptr);
            code = EXIT_FINDINGS;
        }
        if (use->state == FLOW_APPROVAL_EXPIRED) {
            say("%s:%u: approval \"%.60s\" expired with %.40s", at->file, at->line,
                use->approval->id, use->approval->expires_on);
            code = EXIT_FINDINGS;
        } else if (use->state == FLOW_APPROVAL_EXPIRING) {
            say("%s:%u: approval \"%.60s\" expires soon, with %.40s", at->file, at->line,
                use->approval->id, use->approval->expires_on);
        }
    }
    return code;
}

static int
list(int argc, char **argv, bool validates)
{
    struct listing listing = { .at = FLOW_TIME_NONE };
    struct flow_error err;
    int rc = parse(&listing, argc, argv);
    int code = EXIT_CLEAN;

    if (rc == FLOW_OK && !load_declared(&listing.policies, NULL, &listing.declared)) {
        code = EXIT_USAGE;
    } else if (rc == FLOW_OK) {
        rc = report(&listing, &err);
        if (rc != FLOW_OK) {
            say_error(&err);
            code = EXIT_USAGE;
        } else if (validates) {
            code = validate(&listing);
        }
    } else if (rc != FLOW_END) {
        code = usage_error("approvals");
    }
    flow_tally_free(listing.tally);
    declared_free(&listing.declared);
    policy_arguments_free(&listing.policies);
    return code;
}

int
command_approvals(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "list") == 0) {
        return list(argc - 1, argv + 1, false);
    }
    if (strcmp(what, "validate") == 0) {
        return list(argc - 1, argv + 1, true);
    }
    if (strcmp(what, "usage") == 0) {
        return check_usage(argc - 1, argv + 1);
    }
    if (strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0) {
        fputs(help, stdout);
        return EXIT_CLEAN;
    }
    say("expected list, validate or usage, found \"%.40s\"", what);
    return usage_error("approvals");
}
