/* SPDX-License-Identifier: Apache-2.0 */
/* A report format: one table of operations, all listed in sink.c. A format only makes text. */
#ifndef FLOW_REPORT_FORMAT_H
#define FLOW_REPORT_FORMAT_H

#include "libflow/report.h"
#include "report/json_writer.h"

struct flow_report_format {
    const char *name;
    /* Rows of a batch; NULL for a format that reports at the end alone. */
    void (*rows)(struct flow_buf *out, const struct flow_batch *batch,
                 const struct flow_sink_options *options);
    /* The report; NULL for a format of rows alone. */
    void (*report)(struct flow_buf *out, const struct flow_tally *tally,
                   const struct flow_sink_options *options);
    /* A format of rows that has to remember something, instead of rows; or all four NULL. */
    int (*open)(void **state, struct flow_error *err);
    int (*write)(void *state, struct flow_buf *out, const struct flow_batch *batch,
                 const struct flow_sink_options *options, struct flow_error *err);
    int (*end)(void *state, struct flow_buf *out, struct flow_error *err);
    void (*free)(void *state);
};

extern const struct flow_report_format flow_format_text;
extern const struct flow_report_format flow_format_json;
extern const struct flow_report_format flow_format_jsonl;
extern const struct flow_report_format flow_format_lines;
extern const struct flow_report_format flow_format_arrow;
extern const struct flow_report_format flow_format_approvals;
extern const struct flow_report_format flow_format_approvals_json;

/* text.c: "connected" for 1, and so on (relay.NodeState); NULL for 0. */
const char *flow_node_state_word(uint32_t state);

/* {"kind", "namespace", "name", "rule", "file", "line"}, or null. */
void flow_json_add_policy(struct flow_json_writer *writer, const char *key,
                          const struct flow_decision *decision);
/* {"name", "file", "line"}, or null. */
void flow_json_add_statement(struct flow_json_writer *writer, const char *key,
                             const struct flow_intent_statement *statement);
/* An approval with its record and its use. */
void flow_json_add_use(struct flow_json_writer *writer, const struct flow_approval_use *use);
/* Names of the bits. */
void flow_json_add_undecided(struct flow_json_writer *writer, const char *key, uint32_t undecided);

/* A file to write to, or standard output for "-"; below 0 with errno set. */
int flow_open_output(const char *path);
int flow_write_all(int fd, const char *path, const struct flow_buf *out, struct flow_error *err);

#endif
