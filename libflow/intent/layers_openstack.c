/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security groups of OpenStack: groups or rules as Neutron's API and the openstack command give
 * them, and rules written down with camelCase members.
 */
#include "base/str.h"
#include "intent/layers_parts.h"

static bool
read_direction(struct flow_layer_reader *reader, const struct flow_node *node,
               struct flow_layer_rule *rule)
{
    const struct flow_node *member;
    struct flow_str text = { NULL, 0 };
    bool open = false;

    if (!flow_field_need(reader->context, node, "direction", "direction", &member) ||
        !flow_layer_text(reader, member, "direction", &text, &open)) {
        return false;
    }
    if (flow_layer_same_word(text, FLOW_STR("ingress"))) {
        rule->direction = FLOW_DIRECTION_INGRESS;
    } else if (flow_layer_same_word(text, FLOW_STR("egress"))) {
        rule->direction = FLOW_DIRECTION_EGRESS;
    } else {
        return flow_field_fail(reader->context, member, "ingress or egress at direction");
    }
    return true;
}

/* A rule is of one family; Neutron takes IPv4 where none is said. */
static bool
read_family(struct flow_layer_reader *reader, const struct flow_node *node,
            struct flow_layer_rule *rule)
{
    const struct flow_layer_slot slot = flow_layer_slot(node, "ethertype", "ether_type");
    struct flow_str text = FLOW_STR("IPv4");
    bool open = false;

    if (slot.node != NULL && !flow_layer_text(reader, slot.node, slot.key, &text, &open)) {
        return false;
    }
    if (flow_layer_same_word(text, FLOW_STR("IPv4"))) {
        rule->family = 4;
    } else if (flow_layer_same_word(text, FLOW_STR("IPv6"))) {
        rule->family = 6;
    } else {
        return flow_field_fail(reader->context, slot.node, "IPv4 or IPv6 at %s", slot.key);
    }
    return true;
}

/* A name, or a number as a number or as text; null, "any" and 0 are all protocols. */
static bool
read_protocol(struct flow_layer_reader *reader, const struct flow_node *node,
              struct flow_layer_rule *rule)
{
    const struct flow_node *member = flow_field(node, "protocol");
    struct flow_str text = FLOW_STR("any");
    bool open = false;
    int number;

    if (member != NULL && flow_field_looks_integer(member)) {
        text = member->text;
    } else if (member != NULL && !flow_layer_text(reader, member, "protocol", &text, &open)) {
        return false;
    }
    number = flow_layer_protocol_number(text);
    if (open || number == 0 || flow_layer_same_word(text, FLOW_STR("any"))) {
        rule->why |= open ? (uint32_t)FLOW_UNDECIDED_PLACEHOLDER : 0;
        rule->any_protocol = true;
        return true;
    }
    if (number < 0) {
        return flow_field_fail(reader->context, member, "a protocol's name or number at protocol");
    }
    rule->protocol = flow_layer_protocol_of(number);
    if (rule->protocol == FLOW_PROTOCOL_ICMPV4 && rule->family == 6) {
        rule->protocol = FLOW_PROTOCOL_ICMPV6; /* so Neutron reads icmp of an IPv6 rule */
    }
    return true;
}

/* The two ends of the range; of ICMP the type and the code. -1 was once the word for all. */
static bool
read_ports(struct flow_layer_reader *reader, const struct flow_node *node,
           struct flow_layer_rule *rule)
{
    const struct flow_layer_slot least = flow_layer_slot(node, "port_range_min", "portRangeMin");
    const struct flow_layer_slot most = flow_layer_slot(node, "port_range_max", "portRangeMax");
    const bool icmp =
        rule->protocol == FLOW_PROTOCOL_ICMPV4 || rule->protocol == FLOW_PROTOCOL_ICMPV6;
    int64_t first = -1, last = -1;
    bool found;

    if (!flow_layer_number(reader, least, -1, icmp ? 255 : 65535, &first, &found,
                           &rule->ports.why) ||
        !flow_layer_number(reader, most, -1, icmp ? 255 : 65535, &last, &found,
                           icmp ? &rule->why : &rule->ports.why)) {
        return false;
    }
    if (icmp) {
        rule->why |= last >= 0 ? (uint32_t)FLOW_UNDECIDED_UNMODELLED : 0; /* no code is asked */
        last = first;
    }
    if (rule->ports.why != 0) {
        return true;
    }
    first = first < 0 ? last : first;
    last = last < 0 ? first : last;
    rule->ports.any = first < 0;
    if (last < first) {
        return flow_field_refuse(reader->context, most.node,
                                 "expected %s not below %s, found %lld below %lld", most.key,
                                 least.key, (long long)last, (long long)first);
    }
    return rule->ports.any || flow_layer_add_range(reader, first, last, &rule->ports);
}

/* By prefix, by group, by address group, or everything of the family. */
static bool
read_peers(struct flow_layer_reader *reader, const struct flow_node *node,
           struct flow_layer_ends *peers)
{
    const struct flow_layer_slot prefix =
        flow_layer_slot(node, "remote_ip_prefix", "remoteIpPrefix");
    const struct flow_layer_slot group = flow_layer_slot(node, "remote_group_id", "remoteGroupId");
    const struct flow_layer_slot addresses =
        flow_layer_slot(node, "remote_address_group_id", "remoteAddressGroupId");
    const struct flow_node *second = addresses.node != NULL ? addresses.node : group.node;
    struct flow_str name = { NULL, 0 };
    bool open = false;
    bool found;

    if ((prefix.node != NULL) + (group.node != NULL) + (addresses.node != NULL) > 1) {
        return flow_field_refuse(reader->context, second,
                                 "expected one of %s, %s and %s, found more", prefix.key, group.key,
                                 addresses.key);
    }
    if (prefix.node != NULL) {
        return flow_layer_split(reader, prefix.node, prefix.key, flow_layer_take_cidr,
                                &peers->prefixes, &peers->why);
    }
    if (group.node != NULL) {
        return flow_layer_name(reader, node, group.key, NULL, &name, &open) &&
               flow_layer_add_reference(reader, group.node, group.key, name, open, peers);
    }
    if (addresses.node == NULL) {
        peers->any = true;
        return true;
    }
    if (!flow_layer_name(reader, node, addresses.key, NULL, &name, &open) ||
        !flow_layer_named_prefixes(reader, addresses.node, addresses.key, name, &peers->prefixes,
                                   &found)) {
        return false;
    }
    if (!found) {
        peers->why |= open ? FLOW_UNDECIDED_PLACEHOLDER : FLOW_UNDECIDED_INVENTORY;
    }
    return true;
}

/* The group that a rule names itself, or else the one it stands in. */
static bool
find_group(struct flow_layer_reader *reader, const struct flow_node *node, const size_t *around,
           size_t *index)
{
    const struct flow_str none = { NULL, 0 };
    struct flow_str id = none;
    bool open = false;

    if (around != NULL) {
        *index = *around;
        return true;
    }
    if (!flow_layer_name(reader, node, "security_group_id", "securityGroupId", &id, &open)) {
        return false;
    }
    if (id.len == 0) {
        return flow_field_refuse(reader->context, node,
                                 "expected security_group_id in a rule, found nothing");
    }
    return flow_layer_add_group(reader, node, id, none, index);
}

static bool
read_rule(struct flow_layer_reader *reader, const struct flow_node *node, const char *list,
          size_t place, const size_t *around)
{
    struct flow_layer_rule rule;
    bool ingress, open = false;
    size_t group;

    if (!flow_field_is_map(reader->context, node, list) ||
        !find_group(reader, node, around, &group)) {
        return false;
    }
    rule = flow_layer_new_rule(node, group);
    if (!read_direction(reader, node, &rule) || !read_family(reader, node, &rule) ||
        !read_protocol(reader, node, &rule) || !read_ports(reader, node, &rule) ||
        !flow_layer_slot_text(reader, node, "name", "id", &rule.name, &open)) {
        return false;
    }
    ingress = rule.direction == FLOW_DIRECTION_INGRESS;
    (ingress ? &rule.destinations : &rule.sources)->any = true;
    return read_peers(reader, node, ingress ? &rule.sources : &rule.destinations) &&
           (rule.name.len > 0 || flow_layer_place_name(reader, list, place, &rule.name)) &&
           flow_layer_add_rule(reader, &rule);
}

/* The rules of a map: of the group it is, when it has an id or a name. */
static bool
read_rules(struct flow_layer_reader *reader, const struct flow_node *node)
{
    const struct flow_layer_slot slot = flow_layer_slot(node, "security_group_rules", "rules");
    struct flow_str id = { NULL, 0 }, name = { NULL, 0 };
    bool open = false;
    bool is_group;
    size_t group = 0;

    if (slot.node == NULL) {
        return flow_field_refuse(
            reader->context, node,
            "expected security_groups, security_group_rules or rules, found nothing");
    }
    if (!flow_field_is_list(reader->context, slot.node, slot.key) ||
        !flow_layer_name(reader, node, "id", NULL, &id, &open) ||
        !flow_layer_name(reader, node, "name", NULL, &name, &open)) {
        return false;
    }
    is_group = id.len > 0 || name.len > 0;
    if (is_group && !flow_layer_add_group(reader, node, id, name, &group)) {
        return false;
    }
    for (size_t i = 0; i < slot.node->count; i++) {
        if (!read_rule(reader, slot.node->items[i], slot.key, i, is_group ? &group : NULL)) {
            return false;
        }
    }
    return true;
}

bool
flow_layer_read_openstack(struct flow_layer_reader *reader, const struct flow_node *root)
{
    const struct flow_node *groups, *group;

    if (!flow_field_is_map(reader->context, root, "the top of the file") ||
        !flow_field_list(reader->context, root, "security_groups", &groups) ||
        !flow_field_map(reader->context, root, "security_group", &group)) {
        return false;
    }
    if (groups == NULL) {
        return read_rules(reader, group != NULL ? group : root);
    }
    for (size_t i = 0; i < groups->count; i++) {
        if (!flow_field_is_map(reader->context, groups->items[i], "security_groups") ||
            !read_rules(reader, groups->items[i])) {
            return false;
        }
    }
    return true;
}
