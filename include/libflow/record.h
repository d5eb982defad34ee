/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow record: one observed event in one shape, whatever format and transport it came from, and
 * the batch that holds records. Numbers of enums that Hubble has too are Hubble's own (package
 * flow of Cilium 1.7 to 1.20, where none was ever renumbered), so a value without a name is kept.
 */
#ifndef LIBFLOW_RECORD_H
#define LIBFLOW_RECORD_H

#include "libflow/address.h"
#include "libflow/time.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a record is. Only FLOW_KIND_FLOW is decided; the others are evidence about the evidence. */
enum flow_kind {
    FLOW_KIND_FLOW = 0,
    FLOW_KIND_LOST_EVENTS,
    FLOW_KIND_NODE_STATUS,
    FLOW_KIND_AGENT_EVENT,
    FLOW_KIND_DEBUG_EVENT,
    FLOW_KIND_NAMES /**< a DNS answer of a capture, in l7; the connection is a flow of its own */
};

/** Yes, no, or not known: absent is not "no". */
enum flow_answer { FLOW_UNKNOWN = 0, FLOW_NO = 1, FLOW_YES = 2 };

/** flow.Verdict */
enum flow_verdict {
    FLOW_VERDICT_UNKNOWN = 0,
    FLOW_VERDICT_FORWARDED = 1,
    FLOW_VERDICT_DROPPED = 2,
    FLOW_VERDICT_ERROR = 3,
    FLOW_VERDICT_AUDIT = 4,
    FLOW_VERDICT_REDIRECTED = 5,
    FLOW_VERDICT_TRACED = 6,
    FLOW_VERDICT_TRANSLATED = 7
};

/** flow.FlowType */
enum flow_type { FLOW_TYPE_UNKNOWN = 0, FLOW_TYPE_L3_L4 = 1, FLOW_TYPE_L7 = 2, FLOW_TYPE_SOCK = 3 };

/** flow.TrafficDirection: of the connection, at the endpoint that was observed. */
enum flow_direction {
    FLOW_DIRECTION_UNKNOWN = 0,
    FLOW_DIRECTION_INGRESS = 1,
    FLOW_DIRECTION_EGRESS = 2
};

/** flow.CiliumEventType.type: the kind of monitor event behind a flow. */
enum flow_event_type {
    FLOW_EVENT_UNKNOWN = 0,
    FLOW_EVENT_DROP = 1,
    FLOW_EVENT_DEBUG = 2,
    FLOW_EVENT_CAPTURE = 3,
    FLOW_EVENT_TRACE = 4,
    FLOW_EVENT_POLICY_VERDICT = 5,
    FLOW_EVENT_TRACE_SOCK = 7,
    FLOW_EVENT_L7 = 129,
    FLOW_EVENT_AGENT = 130
};

/** flow.TraceObservationPoint */
enum flow_trace_point {
    FLOW_TRACE_UNKNOWN = 0,
    FLOW_TRACE_TO_PROXY = 1,
    FLOW_TRACE_TO_HOST = 2,
    FLOW_TRACE_TO_STACK = 3,
    FLOW_TRACE_TO_OVERLAY = 4,
    FLOW_TRACE_FROM_ENDPOINT = 5,
    FLOW_TRACE_FROM_PROXY = 6,
    FLOW_TRACE_FROM_HOST = 7,
    FLOW_TRACE_FROM_STACK = 8,
    FLOW_TRACE_FROM_OVERLAY = 9,
    FLOW_TRACE_FROM_NETWORK = 10,
    FLOW_TRACE_TO_NETWORK = 11,
    FLOW_TRACE_FROM_CRYPTO = 12,
    FLOW_TRACE_TO_CRYPTO = 13,
    FLOW_TRACE_TO_ENDPOINT = 101
};

/** Transport of a flow; flow.Layer4 has one member each. */
enum flow_protocol {
    FLOW_PROTOCOL_UNKNOWN = 0,
    FLOW_PROTOCOL_TCP,
    FLOW_PROTOCOL_UDP,
    FLOW_PROTOCOL_SCTP,
    FLOW_PROTOCOL_ICMPV4,
    FLOW_PROTOCOL_ICMPV6,
    FLOW_PROTOCOL_VRRP,
    FLOW_PROTOCOL_IGMP
};

/** Bits of flow_record.tcp_flags, in the order of flow.TCPFlags. */
enum flow_tcp_flag {
    FLOW_TCP_FIN = 1 << 0,
    FLOW_TCP_SYN = 1 << 1,
    FLOW_TCP_RST = 1 << 2,
    FLOW_TCP_PSH = 1 << 3,
    FLOW_TCP_ACK = 1 << 4,
    FLOW_TCP_URG = 1 << 5,
    FLOW_TCP_ECE = 1 << 6,
    FLOW_TCP_CWR = 1 << 7,
    FLOW_TCP_NS = 1 << 8,
    FLOW_TCP_KNOWN = 1 << 15 /**< the record has TCP flags, maybe none set */
};

/** Drop reasons that are statements of policy: no rule allows it, or a deny rule matches. */
enum { FLOW_DROP_POLICY_DENIED = 133, FLOW_DROP_POLICY_DENY = 181, FLOW_DROP_AUTH_REQUIRED = 189 };

/** flow.L7FlowType */
enum flow_l7_type {
    FLOW_L7_UNKNOWN = 0,
    FLOW_L7_REQUEST = 1,
    FLOW_L7_RESPONSE = 2,
    FLOW_L7_SAMPLE = 3
};

/** Which member of flow.Layer7 is there. */
enum flow_l7_protocol { FLOW_L7_NONE = 0, FLOW_L7_DNS, FLOW_L7_HTTP, FLOW_L7_KAFKA };

/** One security label. "k8s:app=web" has source "k8s", key "app", value "web". */
struct flow_label {
    struct flow_str source; /**< "" when the text has none, as Retina writes them */
    struct flow_str key;
    struct flow_str value; /**< "" also for a label without "=", such as reserved:host */
};

/** A set of labels, sorted by key and source in byte order. Equal sets have equal ids. */
struct flow_label_set {
    uint32_t id; /**< counts up from 0 in one dictionary; 0 is the empty set */
    uint32_t count;
    const struct flow_label *labels;
};

/** One end of a flow as the record tells it. Equal records of an end share one endpoint. */
struct flow_endpoint {
    uint32_t id;        /**< counts up from 0 in one dictionary; 0 is "nothing is said" */
    uint32_t local_id;  /**< Hubble's ID: endpoint number on the reporting node; 0 = not local */
    uint32_t identity;  /**< security identity, 0 when absent */
    bool has_labels;    /**< labels were told; an empty list tells none */
    bool own_labels;    /**< labels are the pod's own, without those of its namespace and cluster */
    bool address_stale; /**< whose the address was at that time is not known */
    struct flow_str namespace_name;
    struct flow_str pod_name;
    struct flow_str cluster_name;
    struct flow_str workload_name, workload_kind; /**< the first workload, or "" */
    const struct flow_label_set *labels;          /**< never NULL */
};

/** Several texts, such as the DNS names of an address. */
struct flow_text_list {
    uint32_t id; /**< counts up from 0 in one dictionary; 0 is the empty list */
    uint32_t count;
    const struct flow_str *texts;
};

/** A policy that the cluster says decided a flow (flow.Policy). */
struct flow_policy_ref {
    struct flow_str kind, namespace_name, name;
    uint64_t revision;
};

struct flow_policy_ref_list {
    uint32_t count;
    const struct flow_policy_ref *refs;
};

/** A Kubernetes Service that an address and port belong to (flow.Service). */
struct flow_service_ref {
    struct flow_str namespace_name, name;
};

/** A name and a value, such as an HTTP header. */
struct flow_pair {
    struct flow_str name, value;
};

/** What a proxy saw (flow.Layer7). Members of another protocol are empty. */
struct flow_l7 {
    uint8_t type;              /**< enum flow_l7_type */
    uint8_t protocol;          /**< enum flow_l7_protocol */
    uint64_t latency_ns;       /**< responses only */
    struct flow_str dns_query; /**< with its trailing dot */
    uint32_t dns_ttl;          /**< seconds; 4294967295 stands with NXDOMAIN */
    uint32_t dns_rcode;
    struct flow_str dns_observation_source;                             /**< "proxy" or "agent" */
    struct flow_text_list dns_ips, dns_cnames, dns_qtypes, dns_rrtypes; /**< ids are 0 here */
    uint32_t http_code;                                                 /**< responses only */
    struct flow_str http_method, http_url, http_protocol;
    uint32_t http_header_count;
    const struct flow_pair *http_headers;
    int32_t kafka_error_code, kafka_api_version, kafka_correlation_id;
    struct flow_str kafka_api_key, kafka_topic;
};

/** Events that never reached the log (flow.LostEvent). */
struct flow_lost {
    uint32_t source; /**< flow.LostEventSource: 1 perf ring, 2 observer queue, 3 Hubble ring */
    uint64_t count;
    int32_t cpu;         /**< -1 when absent */
    int64_t first, last; /**< FLOW_TIME_NONE when absent (before Cilium 1.19) */
};

/** How sure it is which end of a captured connection opened it. */
enum flow_opener {
    FLOW_OPENER_UNKNOWN = 0, /**< source is who sent the first packet that was captured */
    FLOW_OPENER_INFERRED,    /**< by who spoke first, or by the ports */
    FLOW_OPENER_SEEN         /**< a TCP SYN, an SCTP INIT, an ICMP echo request */
};

/** What became of a captured connection, as far as packets show. */
enum flow_answer_seen {
    FLOW_ANSWER_UNKNOWN = 0, /**< the capture begins in the middle, and shows one side */
    FLOW_ANSWER_ANSWERED,    /**< a SYN-ACK, or packets of both sides */
    FLOW_ANSWER_REFUSED,     /**< a reset in answer to the SYN, or an ICMP error */
    FLOW_ANSWER_UNANSWERED   /**< no packet came back while it was captured */
};

/** What the packets of one captured connection come to. Arrays are [from source, to source]. */
struct flow_traffic {
    uint64_t packets[2], bytes[2]; /**< frames as they were on the wire, link header included */
    int64_t first, last;           /**< FLOW_TIME_NONE never; first is the record's time */
    uint16_t tcp_flags[2];         /**< every flag that was seen; enum flow_tcp_flag */
    uint8_t opener;                /**< enum flow_opener */
    uint8_t answer;                /**< enum flow_answer_seen */
    uint8_t tunnel;                /**< 0 none, 1 VXLAN, 2 Geneve (flow.Tunnel.Protocol) */
    bool began_before;             /**< it may have begun before the capture did */
    bool goes_on;                  /**< it was open when the capture ended */
    uint32_t vni;                  /**< of the first packet, inside a tunnel */
    struct flow_str server_name;   /**< of the TLS ClientHello (SNI) */
    struct flow_str http_host, http_method; /**< of the first HTTP request */
};

/** What Relay says of its nodes (relay.NodeStatusEvent). */
struct flow_node_status {
    uint32_t state; /**< relay.NodeState: 1 connected, 2 unavailable, 3 gone, 4 error */
    struct flow_text_list names; /**< id is 0 here */
    struct flow_str message;
};

/** What happened, by the record alone. */
enum flow_observed {
    FLOW_OBSERVED_UNKNOWN = 0,
    FLOW_OBSERVED_FORWARDED,
    FLOW_OBSERVED_DROPPED_POLICY, /**< drop reasons 133 and 181, and refusals at L7 */
    FLOW_OBSERVED_DROPPED_OTHER,
    FLOW_OBSERVED_AUDITED,
    FLOW_OBSERVED_REDIRECTED,
    FLOW_OBSERVED_ERROR
};
#define FLOW_OBSERVED_COUNT 7

/** What the declared policies say. */
enum flow_expected {
    FLOW_EXPECTED_UNDECIDABLE = 0, /**< a fact is missing; flow_record.undecided names it */
    FLOW_EXPECTED_ALLOW,           /**< a rule admits it */
    FLOW_EXPECTED_ALLOW_DEFAULT,   /**< nothing isolates the subject */
    FLOW_EXPECTED_DENY_EXPLICIT,   /**< a deny rule matches */
    FLOW_EXPECTED_DENY_DEFAULT,    /**< isolated, and no rule admits it */
    FLOW_EXPECTED_NOT_APPLICABLE   /**< no policy engine acts on that side */
};
#define FLOW_EXPECTED_COUNT 6

/** Observed and expected, put together. */
enum flow_result {
    FLOW_RESULT_UNDECIDED = 0,
    FLOW_RESULT_PERMITTED,
    FLOW_RESULT_UNPROTECTED,
    FLOW_RESULT_ESCAPED,
    FLOW_RESULT_MISDROPPED,
    FLOW_RESULT_REJECTED,
    FLOW_RESULT_STALE_AUDIT,
    FLOW_RESULT_WOULD_REJECT,
    FLOW_RESULT_FAILED,
    FLOW_RESULT_NOT_APPLICABLE
};
#define FLOW_RESULT_COUNT 10

/** What the organisation approved. Without an intent document always no_statement. */
enum flow_intent {
    FLOW_INTENT_NO_STATEMENT = 0,
    FLOW_INTENT_APPROVED,
    FLOW_INTENT_UNAPPROVED,
    FLOW_INTENT_FORBIDDEN,
    FLOW_INTENT_EXPIRED,
    FLOW_INTENT_NOT_YET_VALID,
    FLOW_INTENT_UNDECIDABLE
};
#define FLOW_INTENT_COUNT 7

/** Between what and what a connection goes. */
enum flow_scope {
    FLOW_SCOPE_UNKNOWN = 0,
    FLOW_SCOPE_EAST_WEST,
    FLOW_SCOPE_INGRESS, /**< from outside the cluster */
    FLOW_SCOPE_EGRESS,  /**< to outside the cluster */
    FLOW_SCOPE_HOST,    /**< a node is one end */
    FLOW_SCOPE_CONTROL_PLANE
};
#define FLOW_SCOPE_COUNT 6

/** Bits of flow_record.undecided: the facts that are missing. */
enum flow_undecided {
    FLOW_UNDECIDED_NO_LABELS = 1 << 0,       /**< labels of an end are not known */
    FLOW_UNDECIDED_NO_DNS_EVIDENCE = 1 << 1, /**< no name is known for an outside address */
    FLOW_UNDECIDED_NAMED_PORT = 1 << 2,      /**< the number behind a port's name is not known */
    FLOW_UNDECIDED_INVENTORY = 1 << 3,    /**< a group, service or node is not in the inventory */
    FLOW_UNDECIDED_REPLY = 1 << 4,        /**< which end opened the connection is not known */
    FLOW_UNDECIDED_PLACEHOLDER = 1 << 5,  /**< a ${VARIABLE} has no value */
    FLOW_UNDECIDED_UNDEFINED = 1 << 6,    /**< the policy API leaves it to the engine */
    FLOW_UNDECIDED_UNMODELLED = 1 << 7,   /**< a policy feature that is not modelled yet */
    FLOW_UNDECIDED_POLICY_SET = 1 << 8,   /**< no policies were given, or not all */
    FLOW_UNDECIDED_PRIORITY_TIE = 1 << 9, /**< equal priorities that disagree */
    FLOW_UNDECIDED_DIRECTION = 1 << 10,   /**< which side was observed is not known */
    FLOW_UNDECIDED_NO_PORT = 1 << 11,     /**< the record has no protocol or port */
    FLOW_UNDECIDED_NO_VERDICT = 1 << 12,  /**< the event does not say what happened */
    FLOW_UNDECIDED_NO_REQUEST = 1 << 13,  /**< a part of a request that a rule asks for */
    FLOW_UNDECIDED_NO_TIME = 1 << 14      /**< when it was, where the intent has dates */
};
#define FLOW_UNDECIDED_COUNT 15

/** What the bytes of flow_record.raw are. */
enum flow_encoding {
    FLOW_ENCODING_NONE = 0,       /**< the record was not read from one message */
    FLOW_ENCODING_HUBBLE_JSON,    /**< an object: GetFlowsResponse, ExportEvent, or a bare Flow */
    FLOW_ENCODING_HUBBLE_PROTOBUF /**< observer.GetFlowsResponse or ExportEvent */
};

struct flow_decision;
struct flow_intent_decision;

/**
 * One record. Borrowed, with every text in it, from its batch until the next flow_reader_next into
 * that batch; endpoints, lists and references live as long as the dictionary of the reader.
 * A text is {NULL, 0} and a number 0 when the record does not have it, unless said otherwise.
 */
struct flow_record {
    /* what was read */
    uint8_t kind;        /**< enum flow_kind */
    uint32_t input;      /**< index of the input, from 0; flow_reader_input */
    uint64_t number;     /**< of the record in its input, from 1; damaged ones count */
    uint64_t line;       /**< where it starts, from 1; 0 for formats without lines */
    int64_t time;        /**< FLOW_TIME_NONE when absent */
    struct flow_str raw; /**< the message it was read from, whole */
    uint8_t encoding;    /**< enum flow_encoding: what that is */
    struct flow_str uuid;
    struct flow_str node_name; /**< "node" or "cluster/node"; lives as long as the dictionary */
    uint32_t node;             /**< number of the node name in the dictionary */

    uint16_t verdict;      /**< enum flow_verdict */
    uint16_t drop_reason;  /**< flow.DropReason; 65535: any number from there on */
    uint8_t type;          /**< enum flow_type */
    uint8_t direction;     /**< enum flow_direction */
    uint8_t is_reply;      /**< enum flow_answer */
    int32_t event_type;    /**< enum flow_event_type */
    int32_t event_subtype; /**< of an agent's event flow.AgentEventType: 2 is its start */
    uint16_t trace_point;  /**< enum flow_trace_point */
    uint8_t trace_reason;  /**< flow.TraceReason */
    uint8_t auth_type;     /**< flow.AuthType */
    uint8_t sock_point;    /**< flow.SocketTranslationPoint */
    uint8_t policy_match_type;
    uint16_t proxy_port;

    uint8_t ip_version; /**< 0, 4 or 6 */
    bool encrypted;     /**< IPsec or WireGuard mark */
    uint8_t protocol;   /**< enum flow_protocol */
    bool has_ports;
    uint16_t source_port, destination_port;
    uint16_t tcp_flags;           /**< enum flow_tcp_flag */
    uint8_t icmp_type, icmp_code; /**< meaningful for ICMP */
    struct flow_address source_address, destination_address;
    struct flow_address source_translated; /**< source after SNAT, since Cilium 1.16 */

    const struct flow_endpoint *source, *destination;                    /**< never NULL */
    const struct flow_text_list *source_names, *destination_names;       /**< never NULL */
    const struct flow_service_ref *source_service, *destination_service; /**< or NULL */
    /** What the cluster says decided it, by [ingress 0, egress 1]; or NULL. */
    const struct flow_policy_ref_list *allowed_by[2], *denied_by[2];
    const struct flow_l7 *l7;              /**< or NULL */
    const struct flow_lost *lost;          /**< for FLOW_KIND_LOST_EVENTS */
    const struct flow_node_status *status; /**< for FLOW_KIND_NODE_STATUS */
    const struct flow_traffic *traffic;    /**< of a captured connection, or NULL */
    /** Flows this record stands for (exporter aggregation, 1.19+), [ingress, egress, unknown]. */
    uint32_t aggregate[3];
    bool tunnelled; /**< the packet was seen inside VXLAN or Geneve */

    /* what flow_classifier_run fills in */
    uint8_t observed;                     /**< enum flow_observed */
    uint8_t expected;                     /**< enum flow_expected */
    uint8_t result;                       /**< enum flow_result */
    uint8_t intent;                       /**< enum flow_intent */
    uint8_t scope;                        /**< enum flow_scope */
    bool dns;                             /**< port 53 */
    bool swapped;                         /**< the connection goes from destination to source */
    uint8_t judged_direction;             /**< enum flow_direction: the side that was judged */
    uint32_t undecided;                   /**< bits of enum flow_undecided */
    const struct flow_decision *decision; /**< why; lives as long as the classifier; or NULL */
    /** Of a proxy's record: the answer to the connection, apart from the request; or NULL. */
    const struct flow_decision *l4_decision;
    /** What the intent document says; lives as long as the classifier; NULL without a document. */
    const struct flow_intent_decision *intent_decision;
    /** DNS names of the server, told or learned; NULL without a document. */
    const struct flow_text_list *server_names;
};

/** Records on their way from a reader to a sink. One thread at a time. */
struct flow_batch;

/** An empty batch. @return FLOW_OK or FLOW_E_MEMORY; owned, end with flow_batch_free */
FLOW_API int flow_batch_new(struct flow_batch **out, struct flow_error *err);
FLOW_API void flow_batch_free(struct flow_batch *batch);

/**
 * The most records that are read into it at a time, from the next reading on; 0 (default): as many
 * as fit. With 1 each record can be judged by what those before it taught.
 */
FLOW_API void flow_batch_set_limit(struct flow_batch *batch, size_t limit);
FLOW_API size_t flow_batch_count(const struct flow_batch *batch);
/** A record, i below flow_batch_count. */
FLOW_API const struct flow_record *flow_batch_at(const struct flow_batch *batch, size_t i);

/**
 * What could not be read while this batch was filled: damaged records, cut archives, files without
 * permission. Reading went on behind each. At most 64 are kept a batch; the count is of all.
 */
FLOW_API size_t flow_batch_problem_count(const struct flow_batch *batch);
/** A problem, or NULL when i is not below the count or it was not kept. */
FLOW_API const struct flow_error *flow_batch_problem_at(const struct flow_batch *batch, size_t i);

/** Names as contracts spell them ("dropped_policy"); static text, "unknown" for no such value. */
FLOW_API const char *flow_observed_name(uint8_t observed);
FLOW_API const char *flow_expected_name(uint8_t expected);
FLOW_API const char *flow_result_name(uint8_t result);
FLOW_API const char *flow_intent_name(uint8_t intent);
FLOW_API const char *flow_scope_name(uint8_t scope);
/** The name of one bit ("no-labels"); code counts from 0 to FLOW_UNDECIDED_COUNT - 1. */
FLOW_API const char *flow_undecided_name(unsigned code);
FLOW_API const char *flow_verdict_name(uint16_t verdict);
FLOW_API const char *flow_direction_name(uint8_t direction);
FLOW_API const char *flow_protocol_name(uint8_t protocol);
/** NULL for a reason without a name. */
FLOW_API const char *flow_drop_reason_name(uint16_t reason);

#ifdef __cplusplus
}
#endif

#endif
