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
/** The rule that a judged flow falls under, or NULL. */
FLOW_API const struct flow_report_rule *flow_report_rule_of(const struct flow_record *record);

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
    const struct flow_decision *decision; /**< or NULL */
    uint32_t undecided;                   /**< facts missing, for records-cannot-decide */
    struct flow_str explanation;          /**< one sentence */
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
};

struct flow_tally;

/** @param[in] policies  borrowed until flow_tally_free; may be NULL */
FLOW_API int flow_tally_new(struct flow_tally **out, const struct flow_policies *policies,
                            struct flow_error *err);
FLOW_API void flow_tally_free(struct flow_tally *tally);
/** Other policies are in force from now on; borrowed as those before, which stay so too. */
FLOW_API void flow_tally_set_policies(struct flow_tally *tally,
                                      const struct flow_policies *policies);

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
/** Flows with a result, a drop and its policy verdict counted once. */
FLOW_API uint64_t flow_tally_result(const struct flow_tally *tally, uint8_t result);

/** Counters over all inputs. */
struct flow_tally_totals {
    uint64_t flows;      /**< flow records */
    uint64_t duplicates; /**< drop records whose policy verdict is counted instead */
    uint64_t undecided;  /**< flows with result undecided */
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
 * @param[in] format  "text", "json" or "jsonl"; or "lines", a line of text a flow
 * @param[in] path    a file, created or emptied, or "-" for standard output
 * @return FLOW_OK; FLOW_E_ARGUMENT for an unknown format; FLOW_E_SYSTEM; FLOW_E_MEMORY
 */
FLOW_API int flow_sink_open(struct flow_sink **out, const char *format, const char *path,
                            const struct flow_sink_options *options, struct flow_error *err);
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
