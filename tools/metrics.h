/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of a running watch, told to whoever asks over HTTP in OpenMetrics text. */
#ifndef FLOWCHECK_METRICS_H
#define FLOWCHECK_METRICS_H

#include "flowcheck.h"

/* What is told. Rules are by their number in flow_report_rule_at. */
enum { METRIC_RULES = 64 };

struct counters {
    uint64_t results[FLOW_RESULT_COUNT];
    uint64_t rules[METRIC_RULES]; /* flows that fall under each */
    uint64_t lost, lost_reports, damaged, node_status;
    uint64_t reloads, failed_reloads;
    struct flow_live_stats live;
};

void count_batch(struct counters *counters, const struct flow_batch *batch);

struct metrics;

/* Listens on "host:port", ":port" or "[v6]:port"; counters are borrowed. false: told. */
bool metrics_open(struct metrics **out, const char *address, const struct counters *counters);
/* Answers whoever waits; never waits itself. NULL is fine. */
void metrics_run(struct metrics *metrics);
void metrics_close(struct metrics *metrics);

#endif
