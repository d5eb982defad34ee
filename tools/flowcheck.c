/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the command; each has a file of its own. */
#include "flowcheck.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    { "check", command_check, "judge recorded flows against declared policies" },
    { "explain", command_explain, "show how one connection is decided, policy by policy" },
    { "watch", command_watch, "judge the flows of a live cluster as they come" },
    { "record", command_record, "write the flows of a live cluster to an archive" },
    { "approvals", command_approvals, "list approved exceptions, check them, show their use" },
    { "doctor", command_doctor, "say what an archive or an exporter can decide" },
    { "merge", command_merge, "put partial states of a check together" },
    { "convert", command_convert, "turn flows from one format into another" },
};

void
say(const char *format, ...)
{
    va_list args;

    fputs("flowcheck: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void
say_error(const struct flow_error *err)
{
    char text[512];

    flow_error_format(err, text, sizeof(text));
    say("%s", text);
}

void
say_problems(const struct flow_batch *batch, size_t *told)
{
    for (size_t i = 0; i < flow_batch_problem_count(batch); i++) {
        const struct flow_error *problem = flow_batch_problem_at(batch, i);

        if (*told < PROBLEMS_TOLD && problem != NULL) {
            say_error(problem);
        }
        (*told)++;
    }
}

int
usage_error(const char *command)
{
    say("try 'flowcheck %s%s--help'", command, command[0] != '\0' ? " " : "");
    return EXIT_USAGE;
}

bool
words_add(struct words *words, const char *word)
{
    const char **grown = realloc(words->words, (words->count + 1) * sizeof(*grown));

    if (grown == NULL) {
        say("out of memory");
        return false;
    }
    words->words = grown;
    words->words[words->count++] = word;
    return true;
}

int
take_policy_option(struct policy_arguments *arguments, int option, const char *value)
{
    bool ok = true;

    switch (option) {
    case 'f':
        ok = words_add(&arguments->manifests, value);
        break;
    case OPTION_SNAPSHOT:
        ok = words_add(&arguments->snapshots, value);
        break;
    case OPTION_VAR:
        ok = words_add(&arguments->variables, value);
        break;
    case OPTION_SET:
        ok = words_add(&arguments->settings, value);
        break;
    case OPTION_ENGINE:
        arguments->engine = value;
        break;
    case OPTION_INTENT:
        arguments->intent = value;
        break;
    case OPTION_NAMESPACE:
        arguments->default_namespace = value;
        break;
    case OPTION_PARTIAL:
        arguments->partial = true;
        break;
    default:
        return FLOW_END;
    }
    return ok ? FLOW_OK : FLOW_E_MEMORY;
}

void
policy_arguments_free(struct policy_arguments *arguments)
{
    free(arguments->manifests.words);
    free(arguments->snapshots.words);
    free(arguments->variables.words);
    free(arguments->settings.words);
}

static void
print_help(void)
{
    puts("usage: flowcheck COMMAND [OPTION]... [INPUT]...\n"
         "\n"
         "Checks recorded network flows (Hubble) against declared network policies.\n"
         "\n"
         "Commands:");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        printf("  %-9s %s\n", commands[i].name, commands[i].summary);
    }
    puts("\n"
         "  --help     this text; 'flowcheck COMMAND --help' for a command\n"
         "  --version  the version\n"
         "\n"
         "Exit codes: 0 nothing found, 1 findings, 2 usage or configuration,\n"
         "3 input unreadable, damaged or cut short, 4 inconclusive.");
}

int
main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help();
        return EXIT_CLEAN;
    }
    if (strcmp(name, "--version") == 0) {
        printf("flowcheck %s\n", flow_version());
        return EXIT_CLEAN;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    if (name[0] == '\0') {
        say("expected a command");
    } else {
        say("expected a command, found \"%.40s\"", name);
    }
    return usage_error("");
}
