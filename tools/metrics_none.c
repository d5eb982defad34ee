/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics in a build without libmicrohttpd: it says which option brings them. */
#include "metrics.h"

bool
metrics_open(struct metrics **out, const char *address, const struct counters *counters)
{
    (void)address;
    (void)counters;
    *out = NULL;
    say("this build serves no metrics; they come with meson's option -Dmetrics=enabled");
    return false;
}

void
metrics_run(struct metrics *metrics)
{
    (void)metrics;
}

void
metrics_close(struct metrics *metrics)
{
    (void)metrics;
}
