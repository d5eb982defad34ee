/* SPDX-License-Identifier: Apache-2.0 */
/* toPorts and icmps of a Cilium rule; what an entry asks of requests is read in cilium_l7.c. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "policy/read.h"

enum { PORTS_MAX = 40, FIELDS_MAX = 40 };

static const char *const to_ports_members[] = {
    "ports", "rules", "terminatingTLS", "originatingTLS", "serverNames", "listener", NULL,
};
static const char *const deny_ports_members[] = { "ports", NULL };
static const char *const port_members[] = { "port", "endPort", "protocol", NULL };
static const char *const icmp_members[] = { "fields", NULL };
static const char *const icmp_field_members[] = { "family", "type", NULL };

static const struct {
    const char *name;
    uint16_t bits;
    bool ports; /* has ports; the others match every packet of the protocol */
} protocols[] = {
    { "", FLOW_PROTOCOLS_WITH_PORTS, true },
    { "ANY", FLOW_PROTOCOLS_WITH_PORTS, true },
    { "TCP", FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_TCP), true },
    { "UDP", FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_UDP), true },
    { "SCTP", FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_SCTP), true },
    { "VRRP", FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_VRRP), false },
    { "IGMP", FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_IGMP), false },
    /* protocols that no flow record tells apart */
    { "GRE", 0, false },
    { "IPIP", 0, false },
    { "IPV6", 0, false },
    { "ESP", 0, false },
    { "AH", 0, false },
};

static const struct {
    const char *name;
    uint8_t family, type;
} icmp_types[] = {
    { "EchoReply", 4, 0 },
    { "DestinationUnreachable", 4, 3 },
    { "Redirect", 4, 5 },
    { "Echo", 4, 8 },
    { "EchoRequest", 4, 8 },
    { "RouterAdvertisement", 4, 9 },
    { "RouterSelection", 4, 10 },
    { "TimeExceeded", 4, 11 },
    { "ParameterProblem", 4, 12 },
    { "Timestamp", 4, 13 },
    { "TimestampReply", 4, 14 },
    { "Photuris", 4, 40 },
    { "ExtendedEchoRequest", 4, 42 },
    { "ExtendedEcho", 4, 42 },
    { "ExtendedEchoReply", 4, 43 },
    { "DestinationUnreachable", 6, 1 },
    { "PacketTooBig", 6, 2 },
    { "TimeExceeded", 6, 3 },
    { "ParameterProblem", 6, 4 },
    { "EchoRequest", 6, 128 },
    { "EchoReply", 6, 129 },
    { "MulticastListenerQuery", 6, 130 },
    { "MulticastListenerReport", 6, 131 },
    { "MulticastListenerDone", 6, 132 },
    { "RouterSolicitation", 6, 133 },
    { "RouterAdvertisement", 6, 134 },
    { "NeighborSolicitation", 6, 135 },
    { "NeighborAdvertisement", 6, 136 },
    { "RedirectMessage", 6, 137 },
    { "RouterRenumbering", 6, 138 },
};

static bool
same_word(struct flow_str text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

static bool
read_protocol(struct flow_policy_reader *reader, const struct flow_node *map,
              struct flow_port *port, bool *has_ports)
{
    struct flow_str text = FLOW_STR("");
    bool placeholder = false;

    if (!flow_field_text_member(reader->context, map, "protocol", &text, &placeholder)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        if (same_word(text, protocols[i].name)) {
            port->protocols = protocols[i].bits;
            *has_ports = protocols[i].ports;
            return true;
        }
    }
    if (placeholder) {
        port->protocols = FLOW_PROTOCOLS_WITH_PORTS;
        port->why = FLOW_UNDECIDED_PLACEHOLDER;
        *has_ports = true;
        return true;
    }
    return flow_field_fail(reader->context, flow_field(map, "protocol"),
                           "TCP, UDP, SCTP or ANY at protocol");
}

static bool
all_digits(struct flow_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return text.len > 0;
}

/* An IANA service name, in any case. */
static bool
is_port_name(struct flow_str name)
{
    bool letter = false;

    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i] | 0x20;

        letter |= c >= 'a' && c <= 'z';
        if (!(c >= 'a' && c <= 'z') && !(name.ptr[i] >= '0' && name.ptr[i] <= '9') &&
            (name.ptr[i] != '-' || i == 0 || i + 1 == name.len || name.ptr[i - 1] == '-')) {
            return false;
        }
    }
    return letter && name.len <= 15;
}

static bool
read_end(struct flow_policy_reader *reader, const struct flow_node *node, struct flow_port *port)
{
    int64_t number;

    if (node == NULL) {
        return true;
    }
    if (!flow_field_integer(reader->context, node, "endPort", 0, INT32_MAX, &number)) {
        return false;
    }
    if (port->name.len > 0) {
        flow_field_warn(reader->context, node, "endPort beside a named port has no effect");
    } else if (number > 65535) {
        flow_field_warn(reader->context, node,
                        "endPort above 65535: what Cilium makes of it is not defined");
        port->why = FLOW_UNDECIDED_UNDEFINED;
    } else if (number > port->first) {
        port->last = (uint16_t)number;
    }
    return true;
}

static bool
read_port(struct flow_policy_reader *reader, const struct flow_node *map, struct flow_port *port)
{
    const struct flow_node *node = flow_field(map, "port");
    struct flow_str text = FLOW_STR("");
    unsigned long number;
    bool has_ports = true;
    char *end;

    if (!flow_field_is_map(reader->context, map, "ports[]")) {
        return false;
    }
    flow_field_only(reader->context, map, "ports[]", port_members);
    if (!read_protocol(reader, map, port, &has_ports) ||
        (node != NULL &&
         !flow_field_text(reader->context, node, "port", &text, &port->placeholder))) {
        return false;
    }
    if (text.len == 0 && (has_ports || node != NULL)) {
        return flow_field_refuse(reader->context, node != NULL ? node : map,
                                 "expected a port, found none");
    }
    port->any_port = !has_ports;
    if (port->placeholder) {
        port->why = FLOW_UNDECIDED_PLACEHOLDER;
        return true;
    }
    if (!all_digits(text)) {
        port->name = text;
        if (has_ports && !is_port_name(text)) {
            return flow_field_fail(reader->context, node, "a port's number or name");
        }
        return read_end(reader, flow_field(map, "endPort"), port);
    }
    number = strtoul(text.ptr, &end, 0);
    if (number > 65535 || end != text.ptr + text.len) {
        return flow_field_fail(reader->context, node, "a port from 0 to 65535");
    }
    port->any_port |= number == 0;
    port->first = port->last = (uint16_t)number;
    return read_end(reader, flow_field(map, "endPort"), port);
}

static const char *const l7_lists[] = { "http", "kafka", "dns", "l7" };

static bool
has_items(const struct flow_node *map, const char *key)
{
    const struct flow_node *list = flow_field(map, key);

    return list != NULL && list->type == FLOW_NODE_LIST && list->count > 0;
}

/* Whether an entry has rules for requests; those of a list without items are none. */
static bool
has_l7_rules(const struct flow_node *entry)
{
    const struct flow_node *rules = flow_field(entry, "rules");
    bool any = flow_field(rules, "l7proto") != NULL;

    for (size_t i = 0; i < sizeof(l7_lists) / sizeof(l7_lists[0]); i++) {
        any |= has_items(rules, l7_lists[i]);
    }
    return any;
}

/* Whether an entry hands requests to a proxy that may refuse them. */
static bool
filters_requests(const struct flow_node *entry)
{
    return has_l7_rules(entry) || flow_field(entry, "listener") != NULL ||
           has_items(entry, "serverNames");
}

/* Types of what is not modelled, so that a slip there is told too. */
static bool
check_entry(struct flow_policy_reader *reader, const struct flow_node *entry, bool deny)
{
    const struct flow_node *member, *rules;

    if (!flow_field_is_map(reader->context, entry, "toPorts[]")) {
        return false;
    }
    flow_field_only(reader->context, entry, "toPorts[]",
                    deny ? deny_ports_members : to_ports_members);
    if (deny) {
        return true;
    }
    if (!flow_policy_map(reader, entry, "rules", &rules) ||
        !flow_field_list(reader->context, entry, "serverNames", &member) ||
        !flow_policy_map(reader, entry, "terminatingTLS", &member) ||
        !flow_policy_map(reader, entry, "originatingTLS", &member) ||
        !flow_policy_map(reader, entry, "listener", &member)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(l7_lists) / sizeof(l7_lists[0]); i++) {
        if (!flow_field_list(reader->context, rules, l7_lists[i], &member)) {
            return false;
        }
    }
    return true;
}

/* One protocol of requests, and one that the section can have. */
static bool
check_l7_kind(struct flow_policy_reader *reader, const struct flow_node *rules, uint8_t direction)
{
    const char *const kinds[] = { "http", "kafka", "dns", "l7proto" };
    size_t given = 0;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        given += flow_field(rules, kinds[i]) != NULL;
    }
    if (given > 1) {
        return flow_field_refuse(reader->context, rules,
                                 "expected rules of one protocol in an entry, found %zu", given);
    }
    if (flow_field(rules, "l7") != NULL && flow_field(rules, "l7proto") == NULL) {
        return flow_field_refuse(reader->context, rules, "expected l7proto beside l7, found none");
    }
    if (reader->selects_nodes && (has_items(rules, "http") || has_items(rules, "kafka") ||
                                  flow_field(rules, "l7proto") != NULL)) {
        return flow_field_refuse(reader->context, rules,
                                 "expected DNS rules alone in a policy of nodes, found others");
    }
    return direction == FLOW_DIRECTION_EGRESS || !has_items(rules, "dns") ||
           flow_field_refuse(reader->context, flow_field(rules, "dns"),
                             "expected DNS rules in egress alone, found some in ingress");
}

/* The ports that a proxy can listen to. */
static bool
check_l7_port(struct flow_policy_reader *reader, const struct flow_node *node,
              const struct flow_port *port, bool dns)
{
    if (port->why != 0) {
        return true;
    }
    if (!dns && port->protocols != FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_TCP)) {
        return flow_field_refuse(reader->context, node,
                                 "expected protocol TCP beside rules for requests, found another");
    }
    if (port->any_port) {
        return flow_field_refuse(reader->context, node,
                                 "expected a port beside rules for requests, found all of them");
    }
    return !dns || port->name.len > 0 || port->first == port->last ||
           flow_field_refuse(reader->context, node,
                             "expected one port beside DNS rules, found a range");
}

/* What Cilium asks of an entry that hands requests to a proxy; ports are those of the entry. */
static bool
check_l7(struct flow_policy_reader *reader, const struct flow_node *entry, uint8_t direction,
         const struct flow_port *ports)
{
    const struct flow_node *list = flow_field(entry, "ports");
    const struct flow_node *rules = flow_field(entry, "rules");
    const bool dns = has_items(rules, "dns");

    if (flow_field(entry, "listener") != NULL && direction == FLOW_DIRECTION_INGRESS) {
        return flow_field_refuse(reader->context, flow_field(entry, "listener"),
                                 "expected a listener in egress alone, found one in ingress");
    }
    if (!has_l7_rules(entry)) {
        return true;
    }
    if (!check_l7_kind(reader, rules, direction)) {
        return false;
    }
    if (has_items(entry, "serverNames") && flow_field(entry, "terminatingTLS") == NULL) {
        return flow_field_refuse(
            reader->context, flow_field(entry, "serverNames"),
            "expected terminatingTLS beside serverNames and rules, found none");
    }
    if (dns && (list == NULL || list->count == 0)) {
        return flow_field_refuse(reader->context, entry,
                                 "expected a port beside DNS rules, found none");
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (!check_l7_port(reader, list->items[i], &ports[i], dns)) {
            return false;
        }
    }
    return true;
}

static bool
count_ports(struct flow_policy_reader *reader, const struct flow_node *list, bool deny,
            size_t *count)
{
    const struct flow_node *ports;

    for (size_t i = 0; i < list->count; i++) {
        if (!check_entry(reader, list->items[i], deny) ||
            !flow_field_list(reader->context, list->items[i], "ports", &ports)) {
            return false;
        }
        if (ports != NULL && ports->count > PORTS_MAX) {
            return flow_field_refuse(reader->context, ports,
                                     "expected at most %d ports in an entry, found %zu", PORTS_MAX,
                                     ports->count);
        }
        *count += ports != NULL ? ports->count : 0;
    }
    return true;
}

static bool
read_to_ports(struct flow_policy_reader *reader, const struct flow_node *list, bool deny,
              struct flow_rule *rule)
{
    size_t count = 0;

    if (!count_ports(reader, list, deny, &count)) {
        return false;
    }
    rule->port_extent = count > 0 ? FLOW_EXTENT_LISTED : FLOW_EXTENT_NOTHING;
    rule->ports = flow_policy_array(reader, count, sizeof(*rule->ports));
    for (size_t i = 0; rule->ports != NULL && i < list->count; i++) {
        const struct flow_node *ports = flow_field(list->items[i], "ports");
        const struct flow_request_filter *filter = NULL;
        const size_t first = rule->port_count;

        rule->l7 |= !deny && filters_requests(list->items[i]);
        for (size_t p = 0; ports != NULL && p < ports->count; p++) {
            if (!read_port(reader, ports->items[p], &rule->ports[rule->port_count++])) {
                return false;
            }
        }
        if (!deny && (!check_l7(reader, list->items[i], rule->direction, &rule->ports[first]) ||
                      !flow_cilium_read_requests(reader, list->items[i], &filter))) {
            return false;
        }
        for (size_t p = first; p < rule->port_count; p++) {
            rule->ports[p].filter = filter;
        }
    }
    return rule->ports != NULL;
}

static bool
read_icmp_type(struct flow_policy_reader *reader, const struct flow_node *map, uint8_t family,
               struct flow_port *port)
{
    const struct flow_node *node = flow_field(map, "type");
    int64_t number;

    if (node == NULL) {
        return flow_field_refuse(reader->context, map,
                                 "expected a type in icmps[].fields[], found none");
    }
    if (flow_field_looks_integer(node)) {
        if (!flow_field_integer(reader->context, node, "type", 0, 255, &number)) {
            return false;
        }
        port->first = port->last = (uint16_t)number;
        return true;
    }
    for (size_t i = 0; i < sizeof(icmp_types) / sizeof(icmp_types[0]); i++) {
        if (node->type == FLOW_NODE_SCALAR && icmp_types[i].family == family &&
            same_word(node->text, icmp_types[i].name)) {
            port->first = port->last = icmp_types[i].type;
            return true;
        }
    }
    return flow_field_fail(reader->context, node, "an ICMP type's number or name");
}

static bool
read_icmp_field(struct flow_policy_reader *reader, const struct flow_node *map,
                struct flow_port *port)
{
    struct flow_str text = FLOW_STR("IPv4");
    uint8_t family;

    if (!flow_field_is_map(reader->context, map, "icmps[].fields[]")) {
        return false;
    }
    flow_field_only(reader->context, map, "icmps[].fields[]", icmp_field_members);
    if (!flow_field_text_member(reader->context, map, "family", &text, NULL)) {
        return false;
    }
    family = flow_str_is(text, "IPv6") ? 6 : 4;
    if (family == 4 && !flow_str_is(text, "IPv4") && text.len > 0) {
        return flow_field_fail(reader->context, flow_field(map, "family"),
                               "IPv4 or IPv6 at family");
    }
    port->protocols = FLOW_PROTOCOL_BIT(family == 6 ? FLOW_PROTOCOL_ICMPV6 : FLOW_PROTOCOL_ICMPV4);
    return read_icmp_type(reader, map, family, port);
}

static bool
read_icmps(struct flow_policy_reader *reader, const struct flow_node *list, struct flow_rule *rule)
{
    const struct flow_node *fields;
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (!flow_field_is_map(reader->context, list->items[i], "icmps[]") ||
            !flow_field_list(reader->context, list->items[i], "fields", &fields)) {
            return false;
        }
        flow_field_only(reader->context, list->items[i], "icmps[]", icmp_members);
        if (fields != NULL && fields->count > FIELDS_MAX) {
            return flow_field_refuse(reader->context, fields,
                                     "expected at most %d ICMP fields, found %zu", FIELDS_MAX,
                                     fields->count);
        }
        count += fields != NULL ? fields->count : 0;
    }
    rule->port_extent = count > 0 ? FLOW_EXTENT_LISTED : FLOW_EXTENT_NOTHING;
    rule->ports = flow_policy_array(reader, count, sizeof(*rule->ports));
    for (size_t i = 0; rule->ports != NULL && i < list->count; i++) {
        fields = flow_field(list->items[i], "fields");
        for (size_t f = 0; fields != NULL && f < fields->count; f++) {
            if (!read_icmp_field(reader, fields->items[f], &rule->ports[rule->port_count++])) {
                return false;
            }
        }
    }
    return rule->ports != NULL;
}

bool
flow_cilium_read_ports(struct flow_policy_reader *reader, const struct flow_node *node, bool deny,
                       struct flow_rule *rule)
{
    const struct flow_node *ports, *icmps;

    if (!flow_field_list(reader->context, node, "toPorts", &ports) ||
        !flow_field_list(reader->context, node, "icmps", &icmps)) {
        return false;
    }
    rule->port_extent = FLOW_EXTENT_ANY;
    if (icmps != NULL && icmps->count > 0) {
        if (ports != NULL && ports->count > 0) {
            return flow_field_refuse(reader->context, icmps,
                                     "expected icmps or toPorts in a rule, found both");
        }
        return read_icmps(reader, icmps, rule);
    }
    return ports == NULL || ports->count == 0 || read_to_ports(reader, ports, deny, rule);
}
