/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables for data frames and query engines: the structures of the Arrow C data interface and the C
 * stream interface, as the Arrow specification fixes them, so that no Arrow library is needed to
 * make or to take one.
 */
#ifndef LIBFLOW_ARROW_H
#define LIBFLOW_ARROW_H

#include "libflow/check.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Others define the same structures under the same guards. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

/** The type of a column. Owned by who holds it, who calls release once; released: release NULL. */
struct ArrowSchema {
    const char *format; /**< "u" is UTF-8 text, "l" an int64, "+s" a struct, and so on */
    const char *name;
    const char *metadata; /**< key and value pairs in their binary form, or NULL */
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary; /**< type of the values, when the column holds indices */
    void (*release)(struct ArrowSchema *schema);
    void *private_data;
};

/** The values of a column. Owned as a schema is. */
struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *array);
    void *private_data;
};
#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

/** Arrays of one schema, one after the other. Calls return 0, or an errno. */
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *stream, struct ArrowSchema *out);
    /** The next array; at the end one that is released. */
    int (*get_next)(struct ArrowArrayStream *stream, struct ArrowArray *out);
    /** Why the last call failed; borrowed until the next call; or NULL. */
    const char *(*get_last_error)(struct ArrowArrayStream *stream);
    void (*release)(struct ArrowArrayStream *stream);
    void *private_data;
};
#endif

/** Tables that the library makes. */
enum flow_arrow_table {
    FLOW_ARROW_FLOWS = 0, /**< a row a flow, as it was read */
    FLOW_ARROW_RESULTS,   /**< the same, and what was decided of it */
    FLOW_ARROW_FINDINGS,  /**< a row a finding of a report */
    FLOW_ARROW_DECISIONS  /**< a row a connection that was asked about */
};
#define FLOW_ARROW_TABLE_COUNT 4

/** A column. All texts are static. */
struct flow_arrow_column {
    const char *name;    /**< "source_pod" */
    const char *type;    /**< "dictionary<utf8>", "timestamp[ns, UTC]", ... */
    const char *unit;    /**< "bytes", or "" */
    const char *ecs;     /**< field of the Elastic Common Schema, "source.ip", or "" */
    const char *summary; /**< one sentence */
};

/** "flows", "results", "findings", "decisions"; static text. */
FLOW_API const char *flow_arrow_table_name(uint8_t table);
/** A column of a table; NULL behind the last. */
FLOW_API const struct flow_arrow_column *flow_arrow_column_at(uint8_t table, size_t i);
/** The schema of a table, a struct of its columns. @return FLOW_OK, with *out to release */
FLOW_API int flow_arrow_schema(struct ArrowSchema *out, uint8_t table, struct flow_error *err);

/** Collects rows and gives them out as arrays. One thread at a time. */
struct flow_arrow_builder;

/** @param[in] table  FLOW_ARROW_FLOWS or FLOW_ARROW_RESULTS */
FLOW_API int flow_arrow_builder_new(struct flow_arrow_builder **out, uint8_t table,
                                    struct flow_error *err);
FLOW_API void flow_arrow_builder_free(struct flow_arrow_builder *builder);
/**
 * Adds a row for each flow of the batch.
 *
 * @param[in] reader  that filled the batch, for the names of inputs; may be NULL
 * @return FLOW_OK, or FLOW_E_MEMORY
 */
FLOW_API int flow_arrow_builder_add(struct flow_arrow_builder *builder,
                                    const struct flow_batch *batch,
                                    const struct flow_reader *reader, struct flow_error *err);
/** Rows added since the last take. */
FLOW_API size_t flow_arrow_builder_rows(const struct flow_arrow_builder *builder);
/** Moves the rows out; the array is independent of the builder. @return FLOW_OK, FLOW_E_MEMORY */
FLOW_API int flow_arrow_builder_take(struct flow_arrow_builder *builder, struct ArrowArray *out,
                                     struct flow_error *err);

/**
 * The flows of a run as a stream, which does the run while it is read.
 *
 * @param[in] table  FLOW_ARROW_FLOWS, or FLOW_ARROW_RESULTS when the check has policies
 * @param[in] rows   of an array at most; 0: 65,536. It may be exceeded by one batch's.
 * @param[in] check  moved: the stream closes it
 */
FLOW_API int flow_arrow_stream_flows(struct ArrowArrayStream *out, uint8_t table, size_t rows,
                                     struct flow_check *check, struct flow_error *err);
/** The findings of a finished tally, copied. */
FLOW_API int flow_arrow_stream_findings(struct ArrowArrayStream *out,
                                        const struct flow_tally *tally, struct flow_error *err);

/** Decides connections that are columns. One thread at a time; policies and intent are shared. */
struct flow_arrow_decider;

/** @param[in] policies, intent  borrowed until flow_arrow_decider_free; intent may be NULL */
FLOW_API int flow_arrow_decider_new(struct flow_arrow_decider **out,
                                    const struct flow_policies *policies,
                                    const struct flow_intent_document *intent,
                                    struct flow_error *err);
FLOW_API void flow_arrow_decider_free(struct flow_arrow_decider *decider);
/**
 * Decides each row of a struct array. Columns are found by name, others are passed over:
 *
 * - source_namespace, source_pod: text; a pod has the labels of the inventory unless source_labels
 *   gives them
 * - source_labels: a list of texts, or one text with commas between: "app=web", "k8s:app=web"
 * - source_entity: "world", "host", "remote-node", "kube-apiserver", "ingress", "health"
 * - source_ip: text, or 16 bytes
 * - destination_namespace to destination_ip likewise; destination_names: DNS names, as labels are
 * - protocol: text; port: a whole number, of an ICMP message its type; time: a timestamp
 *
 * Text may be dictionary-encoded. A row without protocol is undecidable where a rule asks for it.
 *
 * @param[in]  schema, array  borrowed for the call
 * @param[out] out            rows of FLOW_ARROW_DECISIONS in the same order; to release
 * @return FLOW_OK; FLOW_E_PARSE for a value that is none, with the row in err->line, from 1;
 *         FLOW_E_INVALID for a column of another type, or when there is neither source nor
 *         destination; FLOW_E_MEMORY
 */
FLOW_API int flow_arrow_decider_run(struct flow_arrow_decider *decider,
                                    const struct ArrowSchema *schema,
                                    const struct ArrowArray *array, struct ArrowArray *out,
                                    struct flow_error *err);

#ifdef __cplusplus
}
#endif

#endif
