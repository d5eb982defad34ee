/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules on requests (L7): what a proxy lets through of a connection that is allowed. They stand at
 * a port of a rule; a request passes when one of them admits it.
 */
#ifndef FLOW_POLICY_REQUEST_H
#define FLOW_POLICY_REQUEST_H

#include "base/regex.h"
#include "policy/rules.h"
#include "policy/tri.h"

struct flow_header_rule {
    struct flow_str name, value;
    bool has_value; /* else it only has to be there */
    bool secret;    /* its value stands in a Secret */
    bool tolerated; /* a mismatch changes the request and lets it pass */
};

/* All that is given has to hold. Expressions are borrowed from the policy set. */
struct flow_request_rule {
    const struct flow_regex *method, *path, *host; /* of HTTP; NULL: any */
    struct flow_header_rule *headers;
    size_t header_count;
    struct flow_str name, pattern;  /* of DNS: either may match; "" for none */
    struct flow_str api_key, topic; /* of Kafka; "" for any */
    bool produces, consumes;        /* a role of Kafka stands for several keys */
    int32_t api_version;            /* -1 for any */
    bool client;                    /* asks for a client id, which records do not have */
    uint32_t why;                   /* a placeholder stands in it */
};

/* Of one entry of toPorts. */
struct flow_request_filter {
    uint8_t protocol; /* enum flow_l7_protocol; none: another proxy's, which is not modelled */
    bool server_names;
    struct flow_request_rule *rules;
    size_t rule_count;
};

/* What is asked: a record of a proxy, whose parts may be missing. */
struct flow_request {
    const struct flow_l7 *l7;
    bool double_star; /* of name patterns */
};

/* Whether a rule of the filter admits the request, the names of servers aside. */
struct flow_tri flow_match_request(const struct flow_request_filter *filter,
                                   const struct flow_request *request);

/* Whether an API key of Kafka is one that Cilium knows, in any case. */
bool flow_kafka_knows(struct flow_str api_key);

#endif
