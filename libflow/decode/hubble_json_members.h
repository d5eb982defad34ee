/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the members that more than one file of the decoder knows. */
#ifndef FLOW_DECODE_HUBBLE_JSON_MEMBERS_H
#define FLOW_DECODE_HUBBLE_JSON_MEMBERS_H

/* Members of the outer object and of a flow share one table: a bare flow is an outer object. */
enum flow_json_member {
    F_FLOW = 1,
    F_NODE_STATUS,
    F_LOST_EVENTS,
    F_AGENT_EVENT,
    F_DEBUG_EVENT,
    F_NODE_NAME,
    F_TIME,
    F_UUID,
    F_VERDICT,
    F_DROP_REASON,
    F_DROP_REASON_DESC,
    F_AUTH_TYPE,
    F_IP,
    F_L4,
    F_SOURCE,
    F_DESTINATION,
    F_TYPE,
    F_SOURCE_NAMES,
    F_DESTINATION_NAMES,
    F_L7,
    F_REPLY,
    F_IS_REPLY,
    F_EVENT_TYPE,
    F_SOURCE_SERVICE,
    F_DESTINATION_SERVICE,
    F_DIRECTION,
    F_MATCH_TYPE,
    F_TRACE_POINT,
    F_TRACE_REASON,
    F_SOCK_POINT,
    F_PROXY_PORT,
    F_TUNNEL,
    F_INGRESS_ALLOWED_BY,
    F_EGRESS_ALLOWED_BY,
    F_INGRESS_DENIED_BY,
    F_EGRESS_DENIED_BY,
    F_AGGREGATE,
    F_EMITTER, /* from here on what nobody wants */
    F_NODE_LABELS,
    F_OTHER, /* known, and not wanted: told from unknown members so that the table learns it */
};

enum ip_field { I_SOURCE = 1, I_DESTINATION, I_VERSION, I_ENCRYPTED, I_TRANSLATED };

enum port_field { T_SOURCE = 1, T_DESTINATION, T_FLAGS, T_TYPE, T_CODE };

enum event_field { V_TYPE = 1, V_SUBTYPE };

#endif
