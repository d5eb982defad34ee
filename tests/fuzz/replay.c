/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over files, and the files of directories, without a fuzzer: any compiler can
 * replay the corpus. Exits 2 when an input cannot be read; a find ends the process.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"

static size_t count;

static bool
replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = NULL;
    struct stat stat;
    bool good;

    good = file != NULL && fstat(fileno(file), &stat) == 0 &&
           (bytes = malloc(stat.st_size > 0 ? (size_t)stat.st_size : 1)) != NULL &&
           fread(bytes, 1, (size_t)stat.st_size, file) == (size_t)stat.st_size;
    if (good) {
        LLVMFuzzerTestOneInput(bytes, (size_t)stat.st_size);
        count++;
    } else {
        perror(path);
    }
    if (file != NULL) {
        fclose(file);
    }
    free(bytes);
    return good;
}

static int
is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool
replay(const char *path)
{
    struct dirent **entries;
    const int found = scandir(path, &entries, is_visible, alphasort);
    bool good = true;

    if (found < 0) {
        return replay_file(path);
    }
    for (int i = 0; i < found; i++) {
        char inner[4096];

        snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
        good &= replay(inner);
        free(entries[i]);
    }
    free(entries);
    return good;
}

int
main(int argc, char **argv)
{
    bool good = true;

    for (int i = 1; i < argc; i++) {
        good &= replay(argv[i]);
    }
    printf("%zu inputs replayed\n", count);
    return good && count > 0 ? EXIT_SUCCESS : 2;
}
