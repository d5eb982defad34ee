/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters on flow records, spelled as the flags of `hubble observe`. Values of one filter are
 * alternatives, different filters must all hold. A filter looks at the record as it was read:
 * source is who sent the packet, also for a reply.
 */
#ifndef LIBFLOW_FILTER_H
#define LIBFLOW_FILTER_H

#include "libflow/record.h"

#ifdef __cplusplus
extern "C" {
#endif

struct flow_filter;

FLOW_API int flow_filter_new(struct flow_filter **out, struct flow_error *err);
FLOW_API void flow_filter_free(struct flow_filter *filter);

/** The name of a filter, "from-namespace"; NULL behind the last. Static text. */
FLOW_API const char *flow_filter_name_at(size_t i);
/** What a filter's value is, for help: "NAMESPACE/PREFIX". Static text; NULL behind the last. */
FLOW_API const char *flow_filter_value_at(size_t i);

/**
 * Adds an alternative.
 *
 * @param[in] name   such as "namespace", "verdict", "since", "ip"
 * @param[in] value  copied
 * @return FLOW_OK; FLOW_E_ARGUMENT for an unknown name; FLOW_E_PARSE for a bad value; FLOW_E_MEMORY
 */
FLOW_API int flow_filter_add(struct flow_filter *filter, const char *name, const char *value,
                             struct flow_error *err);

/** How many alternatives a filter has; 0 for a name it does not know. */
FLOW_API size_t flow_filter_count(const struct flow_filter *filter, const char *name);
/** One of them as it was given; borrowed; NULL when i is not below the count. */
FLOW_API const char *flow_filter_value(const struct flow_filter *filter, const char *name,
                                       size_t i);

/** Whether a flow passes; an empty filter passes all. Records that are no flows always pass. */
FLOW_API bool flow_filter_match(const struct flow_filter *filter, const struct flow_record *record);

/** Takes the flows that do not pass out of the batch. */
FLOW_API void flow_filter_run(const struct flow_filter *filter, struct flow_batch *batch);

#ifdef __cplusplus
}
#endif

#endif
