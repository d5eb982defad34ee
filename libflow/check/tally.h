/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a tally: groups by number while counting, findings by text at the end. */
#ifndef FLOW_CHECK_TALLY_H
#define FLOW_CHECK_TALLY_H

#include "base/buf.h"
#include "libflow/report.h"
#include "model/batch.h"
#include "model/dict.h"

/* What one record stands for. */
struct flow_weight {
    uint64_t flows, bytes;
    int64_t first, last; /* FLOW_TIME_NONE */
};

/* A stretch of time, both ends included. */
struct flow_span {
    int64_t from, until;
};

/* Stretches that are apart, in order. */
struct flow_spans {
    struct flow_span *spans;
    size_t count, room;
    int64_t join; /* at least that apart; grows when there are too many */
};

/* When a node was heard of, and when events of it were lost. */
struct flow_node_times {
    struct flow_spans seen, lost;
    bool made; /* it is expected, and there is no sign of it */
};

/* What a group is about. */
enum flow_group_kind {
    FLOW_GROUP_RESULT = 0, /* what the policies say */
    FLOW_GROUP_VIOLATION,  /* what the intent document says against it */
    FLOW_GROUP_USAGE       /* which approval admits it, or did */
};

/* Flows that differ in nothing a finding would tell; compared as bytes. */
struct flow_group_key {
    uint64_t decision;            /* address of the decision */
    uint64_t statement;           /* address of that of the intent, or of the approval */
    uint64_t source, destination; /* addresses of the endpoints, the connection's ends */
    uint64_t names;               /* of the server, when it is outside */
    struct flow_address server;   /* only of ends that are no pods */
    struct flow_address client;
    uint16_t port;
    uint8_t protocol, scope, result, has_port;
    uint32_t undecided;
    uint8_t direction;
    uint8_t kind;      /* enum flow_group_kind */
    uint8_t violation; /* enum flow_violation_kind */
    uint8_t padding;
};

struct flow_group {
    struct flow_group_key key;
    uint64_t verdicts, drops, others; /* flows by event: 5, 1, any other */
    uint64_t bytes;                   /* of captured connections, both ways */
    /* once finished: of others, parts of connections that another part stands for; what of bytes is
       another group's, or was (modulo 2^64); and the times with those of such parts */
    uint64_t continued, moved_bytes;
    int64_t joined_first, joined_last;
    int64_t first, last;
};

struct flow_open_part;

/* A result, each violation, and an approval. */
enum { FLOW_TOUCHED_MAX = FLOW_VIOLATION_COUNT + 2 };

struct flow_tally {
    const struct flow_policies *policies;      /* borrowed, may be NULL */
    const struct flow_intent_document *intent; /* the same */
    struct flow_group *groups;
    struct flow_group_slot *group_slots; /* groups by their keys: a power of two of places */
    uint32_t group_mask;
    size_t group_count, group_room;
    uint64_t results[FLOW_RESULT_COUNT]; /* of flows that are in no group */
    uint64_t final[FLOW_RESULT_COUNT];   /* of all, once finished */
    uint64_t codes[FLOW_UNDECIDED_COUNT];
    uint64_t intents[FLOW_INTENT_COUNT];                  /* flows by enum flow_intent */
    uint64_t passed[FLOW_SCOPE_COUNT][FLOW_INTENT_COUNT]; /* those that were let through */
    uint64_t in_force[FLOW_SECTION_COUNT];                /* flows while a section was in force */
    int64_t now;     /* at which approvals are looked at; FLOW_TIME_NONE: the last flow's */
    int64_t silence; /* nanoseconds between two records of a node that count as seen */
    struct flow_tally_totals totals;
    struct flow_intern node_names;
    struct flow_node_seen *nodes;  /* by number */
    struct flow_node_times *times; /* the same */
    size_t node_room;
    struct flow_node_seen *sorted; /* by name, as they were when it was finished last */
    size_t sorted_count;
    uint32_t *node_map; /* number in the dictionary -> place in nodes, + 1 */
    size_t node_map_room;
    const struct flow_dict *node_dict;
    struct flow_input_stats *inputs;
    size_t input_count, input_room;
    struct flow_input_stats *sorted_inputs; /* as they were when it was finished last */
    size_t sorted_input_count;
    /* of the reader whose inputs were taken in last: where they begin, and the totals before */
    uint64_t reader; /* its id; 0: none */
    size_t reader_inputs;
    struct flow_tally_totals before;
    struct flow_arena arena;
    struct flow_buf rendered;        /* the report that was asked for last */
    struct flow_arena finding_arena; /* texts of the findings */
    struct flow_finding *findings;
    size_t finding_count;
    struct flow_approval_use *uses; /* one for each approval of the document */
    size_t use_count;
    double coverage;
    /* captured connections that may go on in another capture, and the groups they are counted in */
    struct flow_open_part *open;
    size_t open_count, open_room;
    uint32_t *open_groups;
    size_t open_group_count, open_group_room;
    uint32_t touched[FLOW_TOUCHED_MAX]; /* groups that the last flow is counted in */
    uint8_t touched_count;
    uint64_t continued[FLOW_RESULT_COUNT]; /* parts that another stands for, of no group */
    uint64_t continued_count;
    const struct flow_baseline *baseline; /* borrowed, or NULL */
    const struct flow_earlier_finding **gone;
    size_t gone_count;
    struct flow_control *controls;
    size_t control_count;
};

/* coverage.c: adds a stretch; those no further apart than join become one. False: out of memory. */
bool flow_spans_add(struct flow_spans *spans, int64_t from, int64_t until, int64_t join);
/* A report of lost events without times speaks of the half second before it and behind it. */
bool flow_times_add_lost(struct flow_node_times *times, const struct flow_record *record);
bool flow_times_add_seen(const struct flow_tally *tally, struct flow_node_times *times,
                         const struct flow_weight *weight);
/* A node by its name; NULL when out of memory. The others may have moved. */
struct flow_node_seen *flow_tally_node_named(struct flow_tally *tally, struct flow_str name);
/* Which share of nodes and time was seen, and where each node was silent. False: out of memory. */
bool flow_tally_cover(struct flow_tally *tally);
/* The share over all nodes, which are sorted by then: so the sum hangs on no order. */
void flow_tally_share(struct flow_tally *tally);
/* continued.c: keeps a captured connection that may be a part of one; false: out of memory. */
bool flow_tally_keep_open(struct flow_tally *tally, const struct flow_record *record,
                          const struct flow_weight *weight, bool grouped);
/* Works out which parts are of one connection. */
void flow_tally_join_open(struct flow_tally *tally);
/* baseline.c: compares the findings with an earlier report. */
bool flow_tally_compare(struct flow_tally *tally);
/* controls.c, once there are findings. */
bool flow_tally_answer(struct flow_tally *tally);

/* Forgets all that was counted, and nothing that was set; false when out of memory. */
bool flow_tally_restart(struct flow_tally *tally);

/* False when out of memory. */
bool flow_tally_sort_inputs(struct flow_tally *tally);
/* What a part of the evidence says of an input, and of a node; false when out of memory. */
bool flow_tally_add_input(struct flow_tally *tally, const struct flow_input_stats *input);
bool flow_tally_add_node(struct flow_tally *tally, const struct flow_node_seen *seen,
                         const struct flow_node_times *times);
/* groups.c: the group of a key, or NULL when there are too many or no memory (*failed). */
struct flow_group *flow_tally_group(struct flow_tally *tally, const struct flow_group_key *key,
                                    bool *failed);
/* What a record by itself stands for. */
void flow_weigh(const struct flow_record *record, struct flow_weight *weight);
/* Counts one judged record, which may stand for several; false when out of memory. */
bool flow_tally_add_flow(struct flow_tally *tally, const struct flow_record *record,
                         const struct flow_weight *weight);

/* findings.c */
int flow_tally_make_findings(struct flow_tally *tally, struct flow_error *err);

/* rules.c: NULL for an id that is none. */
const struct flow_report_rule *flow_report_rule_named(const char *id);

/* explain.c: one sentence on a decision. */
struct flow_buf;
void flow_decision_sentence(const struct flow_decision *decision, uint8_t result,
                            uint32_t undecided, struct flow_buf *out);
/* What was seen, what the document declares, what the policies say, and what is not known. */
void flow_violation_sentence(const struct flow_finding *finding, uint8_t kind,
                             struct flow_buf *out);

#endif
