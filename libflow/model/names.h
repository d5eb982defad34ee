/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the enums whose names occur in JSON. */
#ifndef FLOW_MODEL_NAMES_H
#define FLOW_MODEL_NAMES_H

#include "libflow/record.h"

/* The number of an enum's value by its JSON name; false when the name is not known. */
bool flow_verdict_number(struct flow_str name, uint32_t *number);
bool flow_drop_reason_number(struct flow_str name, uint32_t *number);
bool flow_type_number(struct flow_str name, uint32_t *number);
bool flow_direction_number(struct flow_str name, uint32_t *number);
bool flow_trace_point_number(struct flow_str name, uint32_t *number);
bool flow_trace_reason_number(struct flow_str name, uint32_t *number);
bool flow_auth_type_number(struct flow_str name, uint32_t *number);
bool flow_sock_point_number(struct flow_str name, uint32_t *number);
bool flow_l7_type_number(struct flow_str name, uint32_t *number);
bool flow_ip_version_number(struct flow_str name, uint32_t *number);
bool flow_node_state_number(struct flow_str name, uint32_t *number);
bool flow_agent_event_number(struct flow_str name, uint32_t *number);
bool flow_lost_source_number(struct flow_str name, uint32_t *number);

#endif
