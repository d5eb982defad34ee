/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a rule's peers and ports hold for a connection. */
#ifndef FLOW_POLICY_MATCH_H
#define FLOW_POLICY_MATCH_H

#include "policy/policies.h"

/* A connection seen from one of its ends. */
struct flow_question {
    const struct flow_party *subject, *peer;
    uint8_t direction; /* enum flow_direction */
    uint8_t protocol;  /* enum flow_protocol */
    bool has_port;
    uint16_t port; /* destination port after Service translation, or ICMP type */
    struct flow_address peer_address;
    struct flow_str local_cluster;        /* of the agent that enforces */
    const struct flow_text_list *names;   /* DNS names of the peer; never NULL */
    const struct flow_text_list *learned; /* the same from answers seen before; never NULL */
    struct flow_str node;                 /* that reports, without its cluster; "" when not told */
    bool peer_local;                      /* the peer is an endpoint of that node */
    const struct flow_policies *set;
};

struct flow_tri flow_match_rule(const struct flow_rule *rule, const struct flow_policy *policy,
                                const struct flow_question *question);

/* The two halves of it. */
struct flow_tri flow_match_peers(const struct flow_rule *rule,
                                 const struct flow_question *question);
struct flow_tri flow_match_ports(const struct flow_rule *rule, const struct flow_policy *policy,
                                 const struct flow_question *question);
struct flow_tri flow_match_peer(const struct flow_peer *peer, const struct flow_question *question);
struct flow_tri flow_match_port(const struct flow_port *port, const struct flow_question *question);

/* Whether a name, as DNS logs have it, matches a pattern ("*.example.org"). */
bool flow_fqdn_match(struct flow_str pattern, bool deep, struct flow_str name);
/* Whether two names or patterns are the same text, whatever case and dot at the end. */
bool flow_fqdn_equal(struct flow_str a, struct flow_str b);

#endif
