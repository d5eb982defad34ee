/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer that flowcheck is measured against: parses every line of a file with jansson and does
 * nothing with it. Their ratio says more than either figure, which hangs on the machine.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Lines parsed, or -1 with a word on stderr. */
static int64_t
parse_lines(FILE *file, const char *name)
{
    char *line = NULL;
    size_t room = 0;
    int64_t count = 0;
    ssize_t len;

    while ((len = getline(&line, &room, file)) > 0) {
        json_error_t err;
        json_t *parsed = json_loadb(line, (size_t)len, 0, &err);

        if (parsed == NULL) {
            fprintf(stderr, "bench_jansson: %s:%lld: %s\n", name, (long long)count + 1, err.text);
            count = -1;
            break;
        }
        json_decref(parsed);
        count++;
    }
    free(line);
    return count;
}

int
main(int argc, char **argv)
{
    FILE *file;
    double start;
    int64_t count;

    if (argc != 2) {
        fprintf(stderr, "usage: bench_jansson FILE\n");
        return 2;
    }
    file = fopen(argv[1], "r");
    if (file == NULL) {
        fprintf(stderr, "bench_jansson: %s: %s\n", argv[1], strerror(errno));
        return 3;
    }
    start = now();
    count = parse_lines(file, argv[1]);
    fclose(file);
    if (count < 0) {
        return 3;
    }
    printf("%.0f flows/s\n", (double)count / (now() - start));
    return 0;
}
