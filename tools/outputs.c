/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what a command writes stays apart from what it reads. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "flowcheck.h"

void
split_output(char *text, const char **format, const char **path)
{
    char *equals = strchr(text, '=');

    if (equals != NULL) {
        *equals = '\0';
    }
    *format = text;
    *path = equals != NULL ? equals + 1 : "-";
}

/* A file by its name without links, also one that is not there yet; false: no such place. */
static bool
resolve(const char *path, char resolved[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX] = ".";
    size_t len;

    if (realpath(path, resolved) != NULL) {
        return true;
    }
    if (slash != NULL) {
        len = (size_t)(slash - path) + 1;
        if (len >= sizeof(folder)) {
            return false;
        }
        memcpy(folder, path, len);
        folder[len] = '\0';
        path = slash + 1;
    }
    if (realpath(folder, resolved) == NULL) {
        return false;
    }
    len = strlen(resolved);
    if (len + 1 + strlen(path) >= PATH_MAX) {
        return false;
    }
    resolved[len] = '/';
    memcpy(resolved + len + 1, path, strlen(path) + 1);
    return true;
}

/* Whether a file is another, by whatever name, or is in it. */
static bool
is_in(const char *output, const char *read)
{
    char written[PATH_MAX], place[PATH_MAX];
    struct stat of_output, of_read;
    size_t len;

    if (strcmp(read, "-") == 0 || !resolve(output, written) || !resolve(read, place)) {
        return false;
    }
    if (stat(output, &of_output) == 0 && stat(read, &of_read) == 0 &&
        of_output.st_dev == of_read.st_dev && of_output.st_ino == of_read.st_ino) {
        return true;
    }
    len = strlen(place);
    return strncmp(written, place, len) == 0 &&
           (written[len] == '\0' || written[len] == '/' || strcmp(place, "/") == 0);
}

/* A file that writing would change; a terminal or /dev/null has nothing to lose. */
static bool
is_file(const char *path)
{
    struct stat stat_of;

    return strcmp(path, "-") != 0 && (stat(path, &stat_of) != 0 || S_ISREG(stat_of.st_mode));
}

static bool
is_apart(const char *output, const char *const *read, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_in(output, read[i])) {
            say("expected an output apart from what is read, found %s%s%s", output,
                strcmp(output, read[i]) == 0 ? "" : " in ",
                strcmp(output, read[i]) == 0 ? "" : read[i]);
            return false;
        }
    }
    return true;
}

static size_t
on_standard_input(const char *const *read, size_t count)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        found += strcmp(read[i], "-") == 0 ? 1 : 0;
    }
    return found;
}

bool
check_files(const char *const *outputs, size_t count, const char *const *inputs, size_t input_count,
            const struct policy_arguments *policies)
{
    const struct words *manifests = &policies->manifests;
    const struct words *snapshots = &policies->snapshots;
    const size_t intents = policies->intent != NULL ? 1 : 0;

    if (on_standard_input(inputs, input_count) +
            on_standard_input(manifests->words, manifests->count) +
            on_standard_input(snapshots->words, snapshots->count) +
            on_standard_input(&policies->intent, intents) >
        1) {
        say("expected \"-\" once, found it several times: standard input is read once");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_file(outputs[i])) {
            continue;
        }
        if (!is_apart(outputs[i], inputs, input_count) ||
            !is_apart(outputs[i], manifests->words, manifests->count) ||
            !is_apart(outputs[i], snapshots->words, snapshots->count) ||
            !is_apart(outputs[i], &policies->intent, intents)) {
            return false;
        }
        for (size_t other = 0; other < i; other++) {
            if (is_file(outputs[other]) && is_in(outputs[i], outputs[other])) {
                say("expected a file for each output, found %s twice", outputs[i]);
                return false;
            }
        }
    }
    return true;
}
