/* SPDX-License-Identifier: Apache-2.0 */
/* Security groups of AWS, as "aws ec2 describe-security-groups" prints them. */
#include "base/str.h"
#include "intent/layers_parts.h"

/*
 * Security groups do not filter what runs between an instance and the services of its host: DNS,
 * DHCP, metadata, time and licences. Of these the link-local addresses are the same everywhere; the
 * resolver at the third address of a VPC is not known from a file of groups.
 */
static const struct flow_cidr unfiltered[] = {
    { { { 169, 254 }, 4 }, 16 },
    { { { 0xfd, 0x00, 0x0e, 0xc2 }, 6 }, 32 },
};

const struct flow_cidr *
flow_layer_aws_unfiltered(size_t *count)
{
    *count = sizeof(unfiltered) / sizeof(unfiltered[0]);
    return unfiltered;
}

/* FromPort and ToPort of ICMP: a type and a code, each -1 for all. */
static bool
read_types(struct flow_layer_reader *reader, const struct flow_node *node,
           struct flow_layer_rule *rule)
{
    const struct flow_layer_slot type = flow_layer_slot(node, "FromPort", NULL);
    const struct flow_layer_slot code = flow_layer_slot(node, "ToPort", NULL);
    int64_t first = -1, last = -1;
    bool found;

    if (!flow_layer_number(reader, type, -1, 255, &first, &found, &rule->ports.why) ||
        !flow_layer_number(reader, code, -1, 255, &last, &found, &rule->why)) {
        return false;
    }
    if (last >= 0) {
        rule->why |= FLOW_UNDECIDED_UNMODELLED; /* questions have no code */
    }
    if (first >= 0) {
        return flow_layer_add_range(reader, first, first, &rule->ports);
    }
    rule->ports.any = rule->ports.why == 0;
    return true;
}

static bool
read_ports(struct flow_layer_reader *reader, const struct flow_node *node,
           struct flow_layer_rule *rule)
{
    const struct flow_layer_slot from = flow_layer_slot(node, "FromPort", NULL);
    const struct flow_layer_slot to = flow_layer_slot(node, "ToPort", NULL);
    int64_t first = -1, last = -1;
    bool from_found, to_found;

    if (!flow_layer_number(reader, from, -1, 65535, &first, &from_found, &rule->ports.why) ||
        !flow_layer_number(reader, to, -1, 65535, &last, &to_found, &rule->ports.why)) {
        return false;
    }
    if (rule->ports.why != 0) {
        return true;
    }
    if (first < 0 && last < 0) {
        rule->ports.any = true;
        return true;
    }
    if (first < 0 || last < first) {
        return flow_field_refuse(reader->context, to.node != NULL ? to.node : node,
                                 "expected FromPort and ToPort in order, found %lld and %lld",
                                 (long long)first, (long long)last);
    }
    return flow_layer_add_range(reader, first, last, &rule->ports);
}

/* Ports count only with the four protocols that have a name; with other numbers all pass. */
static bool
read_service(struct flow_layer_reader *reader, const struct flow_node *node,
             struct flow_layer_rule *rule)
{
    const struct flow_node *protocol;
    struct flow_str text = { NULL, 0 };
    bool open = false;
    int number;

    if (!flow_field_need(reader->context, node, "IpProtocol", "IpProtocol", &protocol) ||
        !flow_layer_text(reader, protocol, "IpProtocol", &text, &open)) {
        return false;
    }
    number = flow_layer_protocol_number(text);
    if (open || flow_str_is(text, "-1")) {
        rule->why |= open ? (uint32_t)FLOW_UNDECIDED_PLACEHOLDER : 0;
        rule->any_protocol = true;
        rule->ports.any = true;
        return true;
    }
    if (number < 0) {
        return flow_field_fail(reader->context, protocol,
                               "tcp, udp, icmp, icmpv6, -1 or a number at IpProtocol");
    }
    rule->protocol = flow_layer_protocol_of(number);
    switch (rule->protocol) {
    case FLOW_PROTOCOL_TCP:
    case FLOW_PROTOCOL_UDP:
        return read_ports(reader, node, rule);
    case FLOW_PROTOCOL_ICMPV4:
    case FLOW_PROTOCOL_ICMPV6:
        return read_types(reader, node, rule);
    default:
        rule->ports.any = true;
        return true;
    }
}

static bool
read_ranges(struct flow_layer_reader *reader, const struct flow_node *node, const char *list_key,
            const char *key, struct flow_layer_ends *ends)
{
    const struct flow_node *list, *text;

    if (!flow_field_list(reader->context, node, list_key, &list)) {
        return false;
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (!flow_field_is_map(reader->context, list->items[i], list_key) ||
            !flow_field_need(reader->context, list->items[i], key, key, &text) ||
            !flow_layer_split(reader, text, key, flow_layer_take_cidr, &ends->prefixes,
                              &ends->why)) {
            return false;
        }
    }
    return true;
}

static bool
read_prefix_lists(struct flow_layer_reader *reader, const struct flow_node *node,
                  struct flow_layer_ends *ends)
{
    static const char key[] = "PrefixListId";
    const struct flow_node *list, *id;

    if (!flow_field_list(reader->context, node, "PrefixListIds", &list)) {
        return false;
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        struct flow_str name = { NULL, 0 };
        bool open = false;
        bool found;

        if (!flow_field_is_map(reader->context, list->items[i], "PrefixListIds") ||
            !flow_field_need(reader->context, list->items[i], key, key, &id) ||
            !flow_layer_name(reader, list->items[i], key, NULL, &name, &open) ||
            !flow_layer_named_prefixes(reader, id, key, name, &ends->prefixes, &found)) {
            return false;
        }
        if (!found) {
            ends->why |= open ? FLOW_UNDECIDED_PLACEHOLDER : FLOW_UNDECIDED_INVENTORY;
        }
    }
    return true;
}

static bool
read_pairs(struct flow_layer_reader *reader, const struct flow_node *node,
           struct flow_layer_ends *ends)
{
    const struct flow_node *list;

    if (!flow_field_list(reader->context, node, "UserIdGroupPairs", &list)) {
        return false;
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        struct flow_str name = { NULL, 0 };
        bool open = false;

        if (!flow_field_is_map(reader->context, list->items[i], "UserIdGroupPairs") ||
            !flow_layer_name(reader, list->items[i], "GroupId", "GroupName", &name, &open)) {
            return false;
        }
        if (name.len == 0) {
            return flow_field_refuse(reader->context, list->items[i],
                                     "expected GroupId in UserIdGroupPairs, found nothing");
        }
        if (!flow_layer_add_reference(reader, list->items[i], "GroupId", name, open, ends)) {
            return false;
        }
    }
    return true;
}

static bool
read_permissions(struct flow_layer_reader *reader, const struct flow_node *group, const char *key,
                 uint8_t direction, size_t index)
{
    const struct flow_node *list;

    if (!flow_field_list(reader->context, group, key, &list)) {
        return false;
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct flow_node *node = list->items[i];
        struct flow_layer_rule rule = flow_layer_new_rule(node, index);
        const bool ingress = direction == FLOW_DIRECTION_INGRESS;
        struct flow_layer_ends *peers = ingress ? &rule.sources : &rule.destinations;

        rule.direction = direction;
        (ingress ? &rule.destinations : &rule.sources)->any = true;
        if (!flow_field_is_map(reader->context, node, key) ||
            !flow_layer_place_name(reader, key, i, &rule.name) ||
            !read_service(reader, node, &rule) ||
            !read_ranges(reader, node, "IpRanges", "CidrIp", peers) ||
            !read_ranges(reader, node, "Ipv6Ranges", "CidrIpv6", peers) ||
            !read_prefix_lists(reader, node, peers) || !read_pairs(reader, node, peers) ||
            !flow_layer_add_rule(reader, &rule)) {
            return false;
        }
    }
    return true;
}

static bool
read_group(struct flow_layer_reader *reader, const struct flow_node *node)
{
    struct flow_str id = { NULL, 0 }, name = { NULL, 0 };
    bool open = false;
    size_t index;

    if (!flow_field_is_map(reader->context, node, "SecurityGroups") ||
        !flow_layer_name(reader, node, "GroupId", NULL, &id, &open) ||
        !flow_layer_name(reader, node, "GroupName", NULL, &name, &open)) {
        return false;
    }
    if (id.len == 0 && name.len == 0) {
        return flow_field_refuse(reader->context, node,
                                 "expected GroupId in SecurityGroups, found nothing");
    }
    return flow_layer_add_group(reader, node, id, name, &index) &&
           read_permissions(reader, node, "IpPermissions", FLOW_DIRECTION_INGRESS, index) &&
           read_permissions(reader, node, "IpPermissionsEgress", FLOW_DIRECTION_EGRESS, index);
}

/* The answer as it is, or the list in it alone. */
bool
flow_layer_read_aws(struct flow_layer_reader *reader, const struct flow_node *root)
{
    const struct flow_node *list = root;

    if (root->type != FLOW_NODE_LIST &&
        (!flow_field_is_map(reader->context, root, "the top of the file") ||
         !flow_field_need(reader->context, root, "SecurityGroups", "SecurityGroups", &list) ||
         !flow_field_is_list(reader->context, list, "SecurityGroups"))) {
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!read_group(reader, list->items[i])) {
            return false;
        }
    }
    return true;
}
