/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a tally: groups by number while counting, findings by text at the end. */
#ifndef FLOW_CHECK_TALLY_H
#define FLOW_CHECK_TALLY_H

#include "libflow/report.h"
#include "model/batch.h"
#include "model/dict.h"

/* Flows that differ in nothing a finding would tell; compared as bytes. */
struct flow_group_key {
    uint64_t decision;            /* address of the decision */
    uint64_t source, destination; /* addresses of the endpoints, the connection's ends */
    uint64_t names;               /* of the server, when it is outside */
    struct flow_address server;   /* only of ends that are no pods */
    struct flow_address client;
    uint16_t port;
    uint8_t protocol, scope, result, has_port;
    uint32_t undecided;
    uint8_t direction, padding[3];
};

struct flow_group {
    struct flow_group_key key;
    uint64_t verdicts, drops, others; /* flows by event: 5, 1, any other */
    int64_t first, last;
};

struct flow_tally {
    const struct flow_policies *policies; /* borrowed, may be NULL */
    struct flow_intern keys;              /* struct flow_group_key -> number of the group */
    struct flow_group *groups;
    size_t group_count, group_room;
    uint64_t results[FLOW_RESULT_COUNT]; /* of flows that are in no group */
    uint64_t final[FLOW_RESULT_COUNT];   /* of all, once finished */
    uint64_t codes[FLOW_UNDECIDED_COUNT];
    struct flow_tally_totals totals;
    struct flow_intern node_names;
    struct flow_node_seen *nodes; /* by number */
    size_t node_room;
    struct flow_node_seen *sorted; /* by name, as they were when it was finished last */
    size_t sorted_count;
    uint32_t *node_map; /* number in the dictionary -> place in nodes, + 1 */
    size_t node_map_room;
    const struct flow_dict *node_dict;
    struct flow_input_stats *inputs;
    size_t input_count, input_room;
    /* of the reader whose inputs were taken in last: where they begin, and the totals before */
    uint64_t reader; /* its id; 0: none */
    size_t reader_inputs;
    struct flow_tally_totals before;
    struct flow_arena arena;
    struct flow_arena finding_arena; /* texts of the findings */
    struct flow_finding *findings;
    size_t finding_count;
};

/* findings.c */
int flow_tally_make_findings(struct flow_tally *tally, struct flow_error *err);

/* explain.c: one sentence on a decision. */
struct flow_buf;
void flow_decision_sentence(const struct flow_decision *decision, uint8_t result,
                            uint32_t undecided, struct flow_buf *out);

#endif
