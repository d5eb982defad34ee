/* SPDX-License-Identifier: Apache-2.0 */
/* Progress on a terminal: bytes done, flows a second, time left. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "flowcheck.h"

static double
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void
progress_start(struct progress *progress, char *const *inputs, size_t count, bool wanted)
{
    memset(progress, 0, sizeof(*progress));
    progress->shown = wanted && isatty(STDERR_FILENO);
    progress->started = progress->last = now();
    for (size_t i = 0; i < count && progress->shown; i++) {
        struct stat status;

        /* what is no plain file has no known size, and then no time left is shown */
        if (stat(inputs[i], &status) != 0 || !S_ISREG(status.st_mode)) {
            progress->total = 0;
            break;
        }
        progress->total += (uint64_t)status.st_size;
    }
}

static uint64_t
bytes_read(const struct flow_reader *reader)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < flow_reader_input_count(reader); i++) {
        struct flow_input_stats stats;

        flow_reader_input(reader, i, &stats);
        sum += stats.bytes_read;
    }
    return sum;
}

void
progress_step(struct progress *progress, const struct flow_reader *reader, uint64_t flows)
{
    double time, elapsed;
    uint64_t done;

    progress->flows += flows;
    if (!progress->shown) {
        return;
    }
    if (reader == NULL) {
        progress->before += progress->of_input;
        progress->of_input = 0;
        return;
    }
    progress->of_input = bytes_read(reader);
    time = now();
    if (time - progress->last < 0.2) {
        return;
    }
    progress->last = time;
    elapsed = time - progress->started;
    done = progress->before + progress->of_input;
    fprintf(stderr, "\r\033[K%.1f MB", (double)done / 1e6);
    if (progress->total > 0) {
        fprintf(stderr, " of %.1f MB (%.0f%%)", (double)progress->total / 1e6,
                100.0 * (double)done / (double)progress->total);
    }
    fprintf(stderr, ", %.0f flows/s", (double)progress->flows / elapsed);
    if (progress->total > done && done > 0) {
        fprintf(stderr, ", %.0f s left", elapsed * (double)(progress->total - done) / (double)done);
    }
    fflush(stderr);
}

void
progress_end(struct progress *progress)
{
    if (progress->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
}
