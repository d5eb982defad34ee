/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a whole input comes to: the tally counts results and groups flows into findings, sinks write
 * it down. A finding is many flows with one cause.
 */
#ifndef LIBFLOW_REPORT_H
#define LIBFLOW_REPORT_H

#include "libflow/classifier.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How bad a finding is. */
enum flow_severity {
    FLOW_SEVERITY_INFO = 0,
    FLOW_SEVERITY_LOW,
    FLOW_SEVERITY_MEDIUM,
    FLOW_SEVERITY_HIGH,
    FLOW_SEVERITY_CRITICAL
};

/** "info" to "critical"; static text. */
FLOW_API const char *flow_severity_name(uint8_t severity);
/** The severity of a name. @return FLOW_OK or FLOW_E_PARSE */
FLOW_API int flow_severity_parse(uint8_t *severity, const char *name);

/** A rule of the report. Ids are stable and never used again for something else. */
struct flow_report_rule {
    const char *id;      /**< "FC101" */
    const char *name;    /**< "escaped-egress" */
    uint8_t severity;    /**< enum flow_severity */
    const char *summary; /**< one sentence */
};

/** Every rule there is, by number from 0; NULL behind the last. */
FLOW_API const struct flow_report_rule *flow_report_rule_at(size_t i);
/** The rule that a judged flow falls under by the policies, or NULL. */
FLOW_API const struct flow_report_rule *flow_report_rule_of(const struct flow_record *record);
/** The rule of a violation of the intent document, enum flow_violation_kind. */
FLOW_API const struct flow_report_rule *flow_report_rule_of_violation(uint8_t kind);
/** Rules that one flow can fall under at most. */
#define FLOW_RECORD_RULES_MAX (FLOW_VIOLATIONS_MAX + 1)
/** Those of a judged flow: by the policies, then by the intent. @return how many were filled in */
FLOW_API size_t flow_record_rules(const struct flow_record *record,
                                  const struct flow_report_rule *rules[FLOW_RECORD_RULES_MAX]);
/**
 * Whether a judged flow was let through, which is what can be against the intent: what was dropped
 * did not happen.
 */
FLOW_API bool flow_has_passed(const struct flow_record *record);

/** How a finding stands to an earlier report. */
enum flow_baseline_state {
    FLOW_BASELINE_NONE = 0, /**< no earlier report was given */
    FLOW_BASELINE_NEW,
    FLOW_BASELINE_UNCHANGED
};

struct flow_finding {
    const struct flow_report_rule *rule;
    char fingerprint[17]; /**< the same for the same cause in every run; hexadecimal */
    uint8_t scope;        /**< enum flow_scope */
    uint8_t protocol;     /**< enum flow_protocol */
    bool has_port;
    uint16_t port;                        /**< of the server, or the ICMP type */
    uint8_t direction;                    /**< enum flow_direction: whose policies it is about */
    struct flow_str source, destination;  /**< "namespace/workload", a name, or an address */
    uint64_t count;                       /**< flows; a drop and its policy verdict count once */
    int64_t first, last;                  /**< FLOW_TIME_NONE when no flow had a time */
    const struct flow_decision *decision; /**< what the policies say of it, or NULL */
    bool intent;                          /**< it is about the intent document */
    /** What of the intent document it is against; NULL for findings about policies. */
    const struct flow_intent_statement *statement;
    bool has_bytes;              /**< some of it was captured */
    uint64_t bytes;              /**< of captured connections, both ways */
    uint32_t undecided;          /**< facts missing */
    uint8_t baseline;            /**< enum flow_baseline_state */
    struct flow_str explanation; /**< one sentence */
};

/** Where an approval stands in its life. */
enum flow_approval_state {
    FLOW_APPROVAL_IN_FORCE = 0,
    FLOW_APPROVAL_EXPIRING, /**< within 30 days of the last flow */
    FLOW_APPROVAL_EXPIRED,
    FLOW_APPROVAL_NOT_YET
};

/** "in-force", "expiring", "expired", "not-yet"; static text. */
FLOW_API const char *flow_approval_state_name(uint8_t state);
/** Where an approval stands at a time; FLOW_TIME_NONE: as if without dates. */
FLOW_API uint8_t flow_approval_state_at(const struct flow_approval *approval, int64_t time);

/** What an approval was used for. Lists are sorted and separated by ", "; "" when unused. */
struct flow_approval_use {
    const struct flow_approval *approval;
    uint8_t state;  /**< enum flow_approval_state, at the last flow of the evidence */
    uint64_t flows; /**< also such as came when it was not in force */
    uint64_t bytes; /**< of captured connections */
    bool has_bytes;
    int64_t first, last;          /**< FLOW_TIME_NONE when unused */
    uint64_t outside_force;       /**< flows when it was expired, or not yet valid */
    struct flow_str users;        /**< workloads */
    struct flow_str destinations; /**< addresses, with their names */
    struct flow_str ports;        /**< "443/TCP" */
    struct flow_str missing;      /**< fields that a record of it should have: "owner, expires" */
    struct flow_str tight;        /**< what would have been enough; "" when it is no broader */
};

/** What was seen on one node. */
struct flow_node_seen {
    struct flow_str name;
    uint64_t flows;
    uint64_t lost;                 /**< events reported lost */
    int64_t first, last;           /**< FLOW_TIME_NONE when no flow had a time */
    int64_t lost_first, lost_last; /**< when events were reported lost, or FLOW_TIME_NONE */
    uint32_t state;                /**< what Relay told of it last, relay.NodeState; 0: nothing */
    int64_t state_since;           /**< FLOW_TIME_NONE when not told */
    uint64_t outages;              /**< times that it was told to be unavailable, gone or failing */
    uint64_t restarts;             /**< times that its agent started */
    int64_t restart_first, restart_last; /**< or FLOW_TIME_NONE */
    bool expected;                       /**< it counts for the coverage */
    int64_t unseen;              /**< nanoseconds of the evidence's span without a sign of it */
    uint64_t gaps;               /**< times that it was silent for too long */
    int64_t gap_first, gap_last; /**< the longest of them, or FLOW_TIME_NONE */
};

struct flow_tally;

/** @param[in] policies  borrowed until flow_tally_free; may be NULL */
FLOW_API int flow_tally_new(struct flow_tally **out, const struct flow_policies *policies,
                            struct flow_error *err);
FLOW_API void flow_tally_free(struct flow_tally *tally);
/** Other policies are in force from now on; borrowed as those before, which stay so too. */
FLOW_API void flow_tally_set_policies(struct flow_tally *tally,
                                      const struct flow_policies *policies);

/** The document that the batches were judged by; borrowed until flow_tally_free. */
FLOW_API void flow_tally_set_intent(struct flow_tally *tally,
                                    const struct flow_intent_document *intent);
FLOW_API const struct flow_intent_document *flow_tally_intent(const struct flow_tally *tally);
/** The time at which approvals are looked at; without it that of the last flow. */
FLOW_API void flow_tally_set_now(struct flow_tally *tally, int64_t now);
/** Approvals and their use, in the order of the document, once finished. */
FLOW_API size_t flow_tally_use_count(const struct flow_tally *tally);
FLOW_API const struct flow_approval_use *flow_tally_use_at(const struct flow_tally *tally,
                                                           size_t i);
/** Flows by what the document says of them, enum flow_intent. */
FLOW_API uint64_t flow_tally_intent_flows(const struct flow_tally *tally, uint8_t intent);

/** Counts a judged batch. The classifier and dictionary must outlive the tally. */
FLOW_API int flow_tally_add(struct flow_tally *tally, const struct flow_batch *batch,
                            struct flow_error *err);
/**
 * Takes in what a reader says of its inputs; call when it is read to its end. Of the reader it was
 * called for last it takes in what there is more, so that a live one can be reported on.
 */
FLOW_API int flow_tally_add_inputs(struct flow_tally *tally, const struct flow_reader *reader,
                                   struct flow_error *err);
/**
 * Works out the findings; call behind the last add, and again when more was added: what was
 * borrowed from the tally is then gone. They are sorted by severity, rule id and
 * count, the nodes by name: the order does not hang on how the input was split.
 */
FLOW_API int flow_tally_finish(struct flow_tally *tally, struct flow_error *err);

FLOW_API size_t flow_tally_finding_count(const struct flow_tally *tally);
/** Borrowed until flow_tally_free; NULL when i is not below the count. */
FLOW_API const struct flow_finding *flow_tally_finding_at(const struct flow_tally *tally, size_t i);
/** An earlier report in JSON, as far as its findings go. */
struct flow_baseline;

/** A finding of an earlier report. */
struct flow_earlier_finding {
    const char *id, *rule, *fingerprint, *severity, *source, *destination;
};

/**
 * @param[out] out  owned; end with flow_baseline_free
 * @return FLOW_OK; FLOW_E_PARSE or FLOW_E_INVALID for what is no report; FLOW_E_SYSTEM;
 *         FLOW_E_MEMORY
 */
FLOW_API int flow_baseline_load(struct flow_baseline **out, const char *path,
                                struct flow_error *err);
FLOW_API void flow_baseline_free(struct flow_baseline *baseline);
/** Findings are compared with it; borrowed until flow_tally_free; NULL for none. */
FLOW_API void flow_tally_set_baseline(struct flow_tally *tally,
                                      const struct flow_baseline *baseline);
FLOW_API bool flow_tally_has_baseline(const struct flow_tally *tally);
/** Findings of the earlier report that are not there any more, once finished; in its order. */
FLOW_API size_t flow_tally_gone_count(const struct flow_tally *tally);
FLOW_API const struct flow_earlier_finding *flow_tally_gone_at(const struct flow_tally *tally,
                                                               size_t i);
/** Flows with a result, a drop and its policy verdict counted once. */
FLOW_API uint64_t flow_tally_result(const struct flow_tally *tally, uint8_t result);

/** Fields that every flow of Hubble has, unless a mask took them away. */
enum flow_missing_field {
    FLOW_MISSING_TIME = 0,
    FLOW_MISSING_NODE_NAME,
    FLOW_MISSING_VERDICT,
    FLOW_MISSING_EVENT_TYPE,
    FLOW_MISSING_ADDRESSES,
    FLOW_MISSING_PROTOCOL,
    FLOW_MISSING_LABELS /**< of one end at least */
};
#define FLOW_MISSING_COUNT 7

/** Its path in Hubble's messages: "event_type"; static text. */
FLOW_API const char *flow_missing_field_name(uint8_t field);

/** Counters over all inputs. */
struct flow_tally_totals {
    uint64_t flows;      /**< flow records */
    uint64_t duplicates; /**< drop records whose policy verdict is counted instead */
    uint64_t undecided;  /**< flows with result undecided */
    uint64_t unsure;     /**< those, and flows whose intent is undecidable */
    /** Of the results: replies, which are judged with their connection, and other events that say
        nothing of a verdict of their own. */
    uint64_t replies_of_results, no_verdict;
    uint64_t aggregated;                  /**< flows that an exporter put together of several */
    uint64_t missing[FLOW_MISSING_COUNT]; /**< flows without a field, enum flow_missing_field */
    uint64_t before_phases; /**< flows before the first phase of the intent document */
    uint64_t records, damaged, lost, lost_reports, node_status;
    uint64_t ungrouped; /**< flows beyond the number of groups that are told apart */
    int64_t first, last;
    bool cut_short; /**< an input ends in the middle */
    /* of live inputs, as in struct flow_live_stats */
    uint64_t connections, came_again, gaps, refused;
};

FLOW_API void flow_tally_totals(const struct flow_tally *tally, struct flow_tally_totals *totals);
/** Flows whose answer lacked a fact; code counts from 0 as in flow_undecided_name. */
FLOW_API uint64_t flow_tally_undecided(const struct flow_tally *tally, unsigned code);
FLOW_API size_t flow_tally_node_count(const struct flow_tally *tally);
FLOW_API const struct flow_node_seen *flow_tally_node_at(const struct flow_tally *tally, size_t i);
FLOW_API size_t flow_tally_input_count(const struct flow_tally *tally);
/** Borrowed until flow_tally_free. */
FLOW_API const struct flow_input_stats *flow_tally_input_at(const struct flow_tally *tally,
                                                            size_t i);
FLOW_API const struct flow_policies *flow_tally_policies(const struct flow_tally *tally);
/**
 * The share of nodes and time that was seen, 0 to 1, once finished: of the nodes that the intent
 * document expects (without it, those that were seen), from the first flow to the last. A node
 * counts as seen between two records that are no further apart than coverage.silence (5 minutes),
 * but where events were lost.
 */
FLOW_API double flow_tally_coverage(const struct flow_tally *tally);

/** What the evidence shows of a control. */
enum flow_control_answer { FLOW_CONTROL_NOT_SHOWN = 0, FLOW_CONTROL_MET, FLOW_CONTROL_NOT_MET };

/** One statement that a trusted research environment has to answer for. */
struct flow_control {
    const char *id;           /**< "gateway-only"; stable */
    const char *statement;    /**< what is asked for */
    const char *satre;        /**< statements of SATRE (version 2) it is evidence for: "2.2.09" */
    uint8_t answer;           /**< enum flow_control_answer */
    uint64_t findings;        /**< that are against it */
    struct flow_str evidence; /**< why the answer is this; one or more sentences */
};

/** "met", "not met", "not shown"; static text. */
FLOW_API const char *flow_control_answer_name(uint8_t answer);
/** Controls, once finished; the same ones in the same order in every report. */
FLOW_API size_t flow_tally_control_count(const struct flow_tally *tally);
FLOW_API const struct flow_control *flow_tally_control_at(const struct flow_tally *tally, size_t i);

/** When a report is no good. */
struct flow_limits {
    uint8_t fail_on;      /**< enum flow_severity: findings from there on */
    double max_undecided; /**< share of flows, 0 to 1 */
    double min_coverage;  /**< share of nodes and time; below 0: what the intent asks for, if any */
};

/** What a report comes to, in the numbers of flowcheck's exit codes. */
enum flow_conclusion {
    FLOW_CONCLUSION_CLEAN = 0,
    FLOW_CONCLUSION_FINDINGS = 1,
    FLOW_CONCLUSION_CONFIGURATION = 2, /**< a policy could not be loaded */
    FLOW_CONCLUSION_INPUT = 3,         /**< an input was unreadable, damaged or cut short */
    FLOW_CONCLUSION_INCONCLUSIVE = 4
};

/**
 * The conclusion of a finished tally; of several the first of 2, 3, 1 and 4.
 *
 * @param[in] unreadable  an input could not be opened at all
 */
FLOW_API int flow_tally_conclude(const struct flow_tally *tally, const struct flow_limits *limits,
                                 bool unreadable);

/**
 * A report of a finished tally as text.
 *
 * @param[in]  format  "text", "json", "approvals" or "approvals-json"
 * @param[out] text    borrowed from the tally until the next call, flow_tally_finish or
 *                     flow_tally_free
 * @return FLOW_OK; FLOW_E_ARGUMENT for a format that has no report; FLOW_E_MEMORY
 */
FLOW_API int flow_tally_render(struct flow_tally *tally, const char *format, struct flow_str *text,
                               struct flow_error *err);

struct flow_sink_options {
    size_t size;                             /**< sizeof(struct flow_sink_options) */
    const struct flow_tally *tally;          /**< what reports are made from; finished before
                                                  flow_sink_finish; borrowed until then */
    const struct flow_reader *const *reader; /**< where the reader of the batches is kept, for the
                                         names of inputs in rows; may be NULL */
    bool color;                              /**< text with terminal colours; default false */
    uint32_t limit;                          /**< findings that text shows; 0 (default): all */
};

/** Fills in the defaults. @return FLOW_OK, or FLOW_E_ARGUMENT for a size it does not know */
FLOW_API int flow_sink_options_init(struct flow_sink_options *options, size_t size);

struct flow_sink;

/**
 * @param[in] format  "text", "json" or "jsonl"; "arrow", flows and results as an Arrow stream
 *                    (libflow/arrow.h); "lines", a line of text a flow; "approvals" or
 *                    "approvals-json", the approvals alone
 * @param[in] path    a file, created or emptied, or "-" for standard output
 * @return FLOW_OK; FLOW_E_ARGUMENT for an unknown format; FLOW_E_SYSTEM; FLOW_E_MEMORY
 */
FLOW_API int flow_sink_open(struct flow_sink **out, const char *format, const char *path,
                            const struct flow_sink_options *options, struct flow_error *err);
/** Whether a format writes something of each batch; false: the tally is all that it looks at. */
FLOW_API bool flow_sink_takes_rows(const char *format);
/** Takes a judged batch; formats that report at the end write nothing yet. */
FLOW_API int flow_sink_write(struct flow_sink *sink, const struct flow_batch *batch,
                             struct flow_error *err);
/** Hands on rows that have not been written yet. */
FLOW_API int flow_sink_flush(struct flow_sink *sink, struct flow_error *err);
/**
 * Writes a report of the tally as it is now, which is finished; more may follow. A file has the
 * last one alone. Formats of rows have none.
 */
FLOW_API int flow_sink_report(struct flow_sink *sink, struct flow_error *err);
/** Writes what is left. Also after an error elsewhere: what was begun is ended. */
FLOW_API int flow_sink_finish(struct flow_sink *sink, struct flow_error *err);
FLOW_API void flow_sink_close(struct flow_sink *sink);

/** A connection and what was found out about its sides. All texts and arrays are borrowed. */
struct flow_explain_report {
    struct flow_str source, destination; /**< as a person would name them */
    uint8_t protocol;                    /**< enum flow_protocol */
    bool has_port;
    uint16_t port;
    const struct flow_record *record; /**< the flow it is about, judged; or NULL */
    const struct flow_explanation *sides;
    size_t side_count;
};

/** Writes explanations as they come. One thread at a time. */
struct flow_explainer;

/**
 * @param[out] out     owned; end with flow_explainer_close
 * @param[in]  format  "text", "json" (a list of objects) or "jsonl" (an object a line)
 * @param[in]  path    a file, created or emptied, or "-" for standard output
 * @return FLOW_OK; FLOW_E_ARGUMENT for an unknown format; FLOW_E_SYSTEM; FLOW_E_MEMORY
 */
FLOW_API int flow_explainer_open(struct flow_explainer **out, const char *format, const char *path,
                                 struct flow_error *err);
FLOW_API int flow_explainer_write(struct flow_explainer *explainer,
                                  const struct flow_explain_report *report, struct flow_error *err);
/** Writes what is left. Also after an error elsewhere: what was begun is ended. */
FLOW_API int flow_explainer_finish(struct flow_explainer *explainer, struct flow_error *err);
FLOW_API void flow_explainer_close(struct flow_explainer *explainer);

#ifdef __cplusplus
}
#endif

#endif
