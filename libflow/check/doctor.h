/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a doctor. */
#ifndef FLOW_CHECK_DOCTOR_H
#define FLOW_CHECK_DOCTOR_H

#include "libflow/doctor.h"
#include "manifest/notes.h"

enum flow_field {
    FLOW_FIELD_TIME = 0,
    FLOW_FIELD_NODE_NAME,
    FLOW_FIELD_VERDICT,
    FLOW_FIELD_DROP_REASON,
    FLOW_FIELD_IP,
    FLOW_FIELD_L4,
    FLOW_FIELD_SOURCE_LABELS,
    FLOW_FIELD_SOURCE_IDENTITY,
    FLOW_FIELD_SOURCE_NAMESPACE,
    FLOW_FIELD_SOURCE_POD,
    FLOW_FIELD_SOURCE_WORKLOADS,
    FLOW_FIELD_SOURCE_ID,
    FLOW_FIELD_DESTINATION_LABELS,
    FLOW_FIELD_DESTINATION_IDENTITY,
    FLOW_FIELD_DESTINATION_NAMESPACE,
    FLOW_FIELD_DESTINATION_POD,
    FLOW_FIELD_DESTINATION_WORKLOADS,
    FLOW_FIELD_DESTINATION_ID,
    FLOW_FIELD_SOURCE_NAMES,
    FLOW_FIELD_DESTINATION_NAMES,
    FLOW_FIELD_TYPE,
    FLOW_FIELD_L7,
    FLOW_FIELD_EVENT_TYPE,
    FLOW_FIELD_DIRECTION,
    FLOW_FIELD_IS_REPLY,
    FLOW_FIELD_TRACE_POINT,
    FLOW_FIELD_COUNT
};

enum { FLOW_DOCTOR_CHECKS = 11 };

struct flow_doctor {
    struct flow_doctor_field fields[FLOW_FIELD_COUNT];
    struct flow_doctor_check checks[FLOW_DOCTOR_CHECKS];
    uint64_t flows, l7_flows, dns_answers;
    size_t exporters;     /* configurations that were read */
    uint32_t let_through; /* fields that one of them lets through, bits */
    bool filtered, aggregated;
    struct flow_notes notes; /* what else is to be said of a configuration */
};

/* Path of a field; static. */
const char *flow_field_path(uint8_t field);

#endif
