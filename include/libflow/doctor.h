/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What flows can decide by the fields they carry: of an archive by looking at its flows, of an
 * exporter by its configuration. And the smallest field mask that keeps every check decidable.
 */
#ifndef LIBFLOW_DOCTOR_H
#define LIBFLOW_DOCTOR_H

#include "libflow/intent.h"
#include "libflow/policy.h"
#include "libflow/reader.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A field of a flow, by its path in Hubble's messages. */
struct flow_doctor_field {
    const char *path;    /**< "source.labels" */
    bool needed;         /**< a check that is asked for needs it */
    uint64_t applicable; /**< flows that would have it */
    uint64_t missing;    /**< of those, flows without it; all of them when a mask leaves it out */
};

enum flow_doctor_answer { FLOW_DOCTOR_NO = 0, FLOW_DOCTOR_IN_PART, FLOW_DOCTOR_YES };

/** One thing that is to be decided. */
struct flow_doctor_check {
    const char *id;       /**< "policy-decision" */
    const char *question; /**< what is decided */
    uint8_t answer;       /**< enum flow_doctor_answer */
    bool asked;           /**< something that is declared asks for it */
    uint32_t fields;      /**< bits by number of the field */
};

struct flow_doctor;

/**
 * @param[in] policies  what is declared; NULL: all that there can be
 * @param[in] intent    the same
 */
FLOW_API int flow_doctor_new(struct flow_doctor **out, const struct flow_policies *policies,
                             const struct flow_intent_document *intent, struct flow_error *err);
FLOW_API void flow_doctor_free(struct flow_doctor *doctor);
/** Looks at the flows of a batch. */
FLOW_API void flow_doctor_add(struct flow_doctor *doctor, const struct flow_batch *batch);
/**
 * Reads the configuration of an exporter: a Helm values file of Cilium, the ConfigMap of its
 * dynamic exporter, or the ConfigMap cilium-config. Several exporters count together: a field is
 * there when one of them lets it through.
 *
 * @return FLOW_OK; FLOW_E_INVALID where no exporter is configured; FLOW_E_PARSE; FLOW_E_SYSTEM
 */
FLOW_API int flow_doctor_read_exporter(struct flow_doctor *doctor, const char *path,
                                       struct flow_error *err);

/** Number of fields and checks; borrowed, NULL when i is not below the count. */
FLOW_API size_t flow_doctor_field_count(const struct flow_doctor *doctor);
FLOW_API const struct flow_doctor_field *flow_doctor_field_at(const struct flow_doctor *doctor,
                                                              size_t i);
FLOW_API size_t flow_doctor_check_count(const struct flow_doctor *doctor);
/** Works the answer out from what was seen so far. */
FLOW_API const struct flow_doctor_check *flow_doctor_check_at(struct flow_doctor *doctor, size_t i);
/** Whether every check that is asked for can be decided, for every flow. */
FLOW_API bool flow_doctor_is_well(struct flow_doctor *doctor);

/**
 * Writes what was found out.
 *
 * @param[in] format  "text" or "json"
 * @param[in] path    a file, created or emptied, or "-" for standard output
 */
FLOW_API int flow_doctor_write(struct flow_doctor *doctor, const char *format, const char *path,
                               struct flow_error *err);

#ifdef __cplusplus
}
#endif

#endif
