/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network security groups of Azure: as "az network nsg" prints them, as the resource manager has
 * them with properties apart, and rules written down one by one with the group they belong to. Also
 * what the platform documents of its tags and default rules.
 */
#include "base/str.h"
#include "intent/layers_parts.h"

#define TAG_BIT(tag) (1u << (tag))

/*
 * The host's virtual address; health probes come from it, over IPv6 from a link-local one. Both are
 * the load balancer's tag and, as the tag's own list has it, part of every virtual network.
 */
static const struct flow_cidr host[] = {
    { { { 168, 63, 129, 16 }, 4 }, 32 },
    { { { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc }, 6 }, 128 },
};

static const struct flow_cidr platform[] = {
    { { { 168, 63, 129, 16 }, 4 }, 32 },
    { { { 169, 254, 169, 254 }, 4 }, 32 },
};

static const struct flow_cidr private[] = {
    { { { 0 }, 4 }, 8 },         { { { 10 }, 4 }, 8 },          { { { 100, 64 }, 4 }, 10 },
    { { { 127 }, 4 }, 8 },       { { { 169, 254 }, 4 }, 16 },   { { { 172, 16 }, 4 }, 12 },
    { { { 192, 168 }, 4 }, 16 }, { { { 224 }, 4 }, 3 },         { { { 0 }, 6 }, 127 },
    { { { 0xfc }, 6 }, 7 },      { { { 0xfe, 0x80 }, 6 }, 10 }, { { { 0xff }, 6 }, 8 },
};

static const char *const tag_names[FLOW_LAYER_TAG_COUNT] = {
    [FLOW_LAYER_TAG_VIRTUAL_NETWORK] = "VirtualNetwork",
    [FLOW_LAYER_TAG_INTERNET] = "Internet",
    [FLOW_LAYER_TAG_LOAD_BALANCER] = "AzureLoadBalancer",
};

#define DEFAULT_RULE(rule_name, way, rule_priority, allows)                                        \
    .name = { rule_name, sizeof(rule_name) - 1 }, .direction = FLOW_DIRECTION_##way,               \
    .priority = (rule_priority), .allow = (allows), .any_protocol = true, .ports = { .any = true }
#define OF_TAG(tag)                                                                                \
    {                                                                                              \
        .tags = TAG_BIT(FLOW_LAYER_TAG_##tag)                                                      \
    }
#define OF_ANY                                                                                     \
    {                                                                                              \
        .any = true                                                                                \
    }

static const struct flow_layer_rule defaults[] = {
    { DEFAULT_RULE("AllowVnetInBound", INGRESS, 65000, true), .sources = OF_TAG(VIRTUAL_NETWORK),
      .destinations = OF_TAG(VIRTUAL_NETWORK) },
    { DEFAULT_RULE("AllowAzureLoadBalancerInBound", INGRESS, 65001, true),
      .sources = OF_TAG(LOAD_BALANCER), .destinations = OF_ANY },
    { DEFAULT_RULE("DenyAllInBound", INGRESS, 65500, false), .sources = OF_ANY,
      .destinations = OF_ANY },
    { DEFAULT_RULE("AllowVnetOutBound", EGRESS, 65000, true), .sources = OF_TAG(VIRTUAL_NETWORK),
      .destinations = OF_TAG(VIRTUAL_NETWORK) },
    { DEFAULT_RULE("AllowInternetOutBound", EGRESS, 65001, true), .sources = OF_ANY,
      .destinations = OF_TAG(INTERNET) },
    { DEFAULT_RULE("DenyAllOutBound", EGRESS, 65500, false), .sources = OF_ANY,
      .destinations = OF_ANY },
};

const struct flow_cidr *
flow_layer_azure_platform(size_t *count)
{
    *count = sizeof(platform) / sizeof(platform[0]);
    return platform;
}

const struct flow_cidr *
flow_layer_azure_host(size_t *count)
{
    *count = sizeof(host) / sizeof(host[0]);
    return host;
}

const struct flow_cidr *
flow_layer_azure_private(size_t *count)
{
    *count = sizeof(private) / sizeof(private[0]);
    return private;
}

const struct flow_layer_rule *
flow_layer_azure_defaults(size_t *count)
{
    *count = sizeof(defaults) / sizeof(defaults[0]);
    return defaults;
}

/*
 * Internet is documented as what lies outside the virtual network and can be reached by the public
 * internet, and the lists that effective rules show leave out all private space, not only the
 * network's own. So a private address is never in it; a public one is, unless it is known to be the
 * virtual network's. A network that uses public addresses inside has to be told by a variable.
 */
struct flow_tri
flow_layer_azure_tag(const struct flow_layer *layer, unsigned tag,
                     const struct flow_address *address)
{
    const struct flow_layer_cidrs *known = &layer->tags[tag];
    const struct flow_layer_cidrs *network = &layer->tags[FLOW_LAYER_TAG_VIRTUAL_NETWORK];
    const bool at_host = flow_layer_holds(host, sizeof(host) / sizeof(host[0]), address);

    switch (tag) {
    case FLOW_LAYER_TAG_VIRTUAL_NETWORK:
        if (at_host || flow_layer_holds(known->cidrs, known->count, address)) {
            return flow_tri_of(true);
        }
        return known->given ? flow_tri_of(false) : flow_tri_maybe(FLOW_UNDECIDED_INVENTORY);
    case FLOW_LAYER_TAG_INTERNET:
        if (known->given) {
            return flow_tri_of(flow_layer_holds(known->cidrs, known->count, address));
        }
        return flow_tri_of(
            !at_host && !flow_layer_holds(network->cidrs, network->count, address) &&
            !flow_layer_holds(private, sizeof(private) / sizeof(private[0]), address));
    default:
        return flow_tri_of(known->given ? flow_layer_holds(known->cidrs, known->count, address)
                                        : at_host);
    }
}

/* The values of the three tags, which the default rules need even where no rule names them. */
static bool
read_tags(struct flow_layer_reader *reader, const struct flow_node *root)
{
    for (unsigned i = 0; i < FLOW_LAYER_TAG_COUNT; i++) {
        struct flow_layer_cidrs *tag = &reader->layer->tags[i];

        if (!tag->given &&
            !flow_layer_named_prefixes(reader, root, tag_names[i], flow_str_of(tag_names[i]), tag,
                                       &tag->given)) {
            return false;
        }
    }
    return true;
}

/* Letters, digits and dots, with a letter in front; "AzureFrontDoor.FirstParty". */
static bool
looks_like_tag(struct flow_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '.' || c == '_'))) {
            return false;
        }
    }
    return text.len > 0;
}

static bool
take_tag(struct flow_layer_reader *reader, const struct flow_node *node, const char *what,
         struct flow_str text, struct flow_layer_ends *ends)
{
    const struct flow_str services = FLOW_STR("AzurePlatform");
    bool found;

    for (unsigned i = 0; i < FLOW_LAYER_TAG_COUNT; i++) {
        if (flow_layer_same_word(text, flow_str_of(tag_names[i]))) {
            ends->tags |= (uint8_t)TAG_BIT(i);
            return true;
        }
    }
    ends->platform |= text.len > services.len &&
                      flow_layer_same_word((struct flow_str){ text.ptr, services.len }, services);
    if (!flow_layer_named_prefixes(reader, node, what, text, &ends->prefixes, &found)) {
        return false;
    }
    ends->why |= found ? 0 : (uint32_t)FLOW_UNDECIDED_INVENTORY;
    return true;
}

/* A flow_layer_take for struct flow_layer_ends. */
static bool
take_prefix(struct flow_layer_reader *reader, const struct flow_node *node, const char *what,
            struct flow_str part, void *target)
{
    struct flow_layer_ends *ends = target;
    struct flow_cidr cidr;
    char quoted[100];

    if (flow_str_is(part, "*")) {
        ends->any = true;
        return true;
    }
    if (flow_cidr_parse(&cidr, part, NULL) == FLOW_OK) {
        return flow_layer_take_cidr(reader, node, what, part, &ends->prefixes);
    }
    if (looks_like_tag(part)) {
        return take_tag(reader, node, what, part, ends);
    }
    return flow_field_refuse(reader->context, node,
                             "expected a CIDR, a service tag or * at %s, found %s", what,
                             flow_quote(part, quoted, sizeof(quoted)));
}

/* A flow_layer_take for struct flow_layer_ports: "443", "8000-8080" or "*". */
static bool
take_ports(struct flow_layer_reader *reader, const struct flow_node *node, const char *what,
           struct flow_str part, void *target)
{
    struct flow_layer_ports *ports = target;
    uint32_t bounds[2] = { 0, 0 };
    size_t digits = 0;
    size_t bound = 0;
    char quoted[100];

    if (flow_str_is(part, "*")) {
        ports->any = true;
        return true;
    }
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] == '-' && bound == 0 && digits > 0) {
            bound = 1;
            digits = 0;
        } else if (part.ptr[i] >= '0' && part.ptr[i] <= '9' && digits++ < 5) {
            bounds[bound] = bounds[bound] * 10 + (uint32_t)(part.ptr[i] - '0');
        } else {
            digits = 0;
            break;
        }
    }
    bounds[1] = bound == 0 ? bounds[0] : bounds[1];
    if (digits == 0 || bounds[1] > UINT16_MAX || bounds[0] > bounds[1]) {
        return flow_field_refuse(reader->context, node,
                                 "expected a port, a range of ports or * at %s, found %s", what,
                                 flow_quote(part, quoted, sizeof(quoted)));
    }
    if (bounds[0] == 0 && bounds[1] == UINT16_MAX) {
        ports->any = true;
        return true;
    }
    return flow_layer_add_range(reader, bounds[0], bounds[1], ports);
}

/* The names of one thing in both spellings, alone and as a list. */
struct names {
    const char *one, *one_snake, *many, *many_snake;
};

/* Hands on each text of the two members; either may be absent, or "" as az prints it. */
static bool
read_each(struct flow_layer_reader *reader, const struct flow_node *node, const struct names *names,
          flow_layer_take *take, void *target, uint32_t *why, bool *given)
{
    const struct flow_layer_slot one = flow_layer_slot(node, names->one, names->one_snake);
    const struct flow_layer_slot many = flow_layer_slot(node, names->many, names->many_snake);

    *given = false;
    if (one.node != NULL && !(one.node->type == FLOW_NODE_SCALAR && one.node->text.len == 0)) {
        *given = true;
        if (!flow_layer_split(reader, one.node, one.key, take, target, why)) {
            return false;
        }
    }
    if (many.node != NULL && many.node->type == FLOW_NODE_SCALAR) {
        /* a list that is a placeholder as a whole */
        *given = true;
        return flow_layer_split(reader, many.node, many.key, take, target, why);
    }
    if (many.node != NULL && !flow_field_is_list(reader->context, many.node, many.key)) {
        return false;
    }
    for (size_t i = 0; many.node != NULL && i < many.node->count; i++) {
        *given = true;
        if (!flow_layer_split(reader, many.node->items[i], many.key, take, target, why)) {
            return false;
        }
    }
    return true;
}

/* Application security groups: which addresses are in one only a variable can tell, by its id. */
static bool
read_applications(struct flow_layer_reader *reader, struct flow_layer_slot slot,
                  struct flow_layer_ends *ends, bool *given)
{
    if (slot.node == NULL) {
        return true;
    }
    if (!flow_field_is_list(reader->context, slot.node, slot.key)) {
        return false;
    }
    for (size_t i = 0; i < slot.node->count; i++) {
        const struct flow_node *id;
        struct flow_str name = { NULL, 0 };
        bool open = false;
        bool found;

        *given = true;
        if (!flow_field_is_map(reader->context, slot.node->items[i], slot.key) ||
            !flow_field_need(reader->context, slot.node->items[i], "id", "id", &id) ||
            !flow_layer_name(reader, slot.node->items[i], "id", NULL, &name, &open) ||
            !flow_layer_named_prefixes(reader, id, "id", name, &ends->prefixes, &found)) {
            return false;
        }
        if (!found) {
            ends->why |= open ? FLOW_UNDECIDED_PLACEHOLDER : FLOW_UNDECIDED_INVENTORY;
        }
    }
    return true;
}

static bool
read_ends(struct flow_layer_reader *reader, const struct flow_node *node,
          struct flow_layer_rule *rule)
{
    static const struct names sources = { "sourceAddressPrefix", "source_address_prefix",
                                          "sourceAddressPrefixes", "source_address_prefixes" };
    static const struct names destinations = { "destinationAddressPrefix",
                                               "destination_address_prefix",
                                               "destinationAddressPrefixes",
                                               "destination_address_prefixes" };
    const struct flow_layer_slot from = flow_layer_slot(node, "sourceApplicationSecurityGroups",
                                                        "source_application_security_groups");
    const struct flow_layer_slot to = flow_layer_slot(node, "destinationApplicationSecurityGroups",
                                                      "destination_application_security_groups");
    bool source, destination;

    if (!read_each(reader, node, &sources, take_prefix, &rule->sources, &rule->sources.why,
                   &source) ||
        !read_each(reader, node, &destinations, take_prefix, &rule->destinations,
                   &rule->destinations.why, &destination) ||
        !read_applications(reader, from, &rule->sources, &source) ||
        !read_applications(reader, to, &rule->destinations, &destination)) {
        return false;
    }
    if (!source || !destination) {
        return flow_field_refuse(reader->context, node, "expected %s in a rule, found nothing",
                                 source ? destinations.one : sources.one);
    }
    return true;
}

/* Questions have no source port, so a rule that asks for one is never certain. */
static bool
read_ports(struct flow_layer_reader *reader, const struct flow_node *node,
           struct flow_layer_rule *rule)
{
    static const struct names sources = { "sourcePortRange", "source_port_range",
                                          "sourcePortRanges", "source_port_ranges" };
    static const struct names destinations = { "destinationPortRange", "destination_port_range",
                                               "destinationPortRanges", "destination_port_ranges" };
    struct flow_layer_ports from = { .any = false };
    bool given;

    if (!read_each(reader, node, &sources, take_ports, &from, &from.why, &given)) {
        return false;
    }
    if (given && !from.any) {
        rule->why |= from.why | (from.count > 0 ? (uint32_t)FLOW_UNDECIDED_UNMODELLED : 0);
    }
    if (!read_each(reader, node, &destinations, take_ports, &rule->ports, &rule->ports.why,
                   &given)) {
        return false;
    }
    return given || flow_field_refuse(reader->context, node, "expected %s in a rule, found nothing",
                                      destinations.one);
}

static bool
read_protocol(struct flow_layer_reader *reader, const struct flow_node *node,
              struct flow_layer_rule *rule)
{
    const struct flow_node *member;
    struct flow_str text = { NULL, 0 };
    bool open = false;
    int number;

    if (!flow_field_need(reader->context, node, "protocol", "protocol", &member) ||
        !flow_layer_text(reader, member, "protocol", &text, &open)) {
        return false;
    }
    number = flow_layer_protocol_number(text);
    rule->any_protocol = open || flow_str_is(text, "*");
    rule->why |= open ? (uint32_t)FLOW_UNDECIDED_PLACEHOLDER : 0;
    if (!rule->any_protocol && number < 0) {
        return flow_field_fail(reader->context, member, "Tcp, Udp, Icmp, Esp, Ah or * at protocol");
    }
    rule->protocol = rule->any_protocol ? 0 : flow_layer_protocol_of(number);
    return true;
}

/* A member that is one of two words. */
static bool
read_word(struct flow_layer_reader *reader, const struct flow_node *node, const char *key,
          const char *yes, const char *no, bool *value)
{
    const struct flow_node *member;
    struct flow_str text = { NULL, 0 };
    bool open = false;

    if (!flow_field_need(reader->context, node, key, key, &member) ||
        !flow_layer_text(reader, member, key, &text, &open)) {
        return false;
    }
    *value = flow_layer_same_word(text, flow_str_of(yes));
    return *value || flow_layer_same_word(text, flow_str_of(no)) ||
           flow_field_fail(reader->context, member, "%s or %s at %s", yes, no, key);
}

static bool
read_rule(struct flow_layer_reader *reader, const struct flow_node *node, const char *list,
          size_t place, size_t group)
{
    struct flow_layer_rule rule = flow_layer_new_rule(node, group);
    const struct flow_node *properties, *priority;
    bool inbound, open = false;
    int64_t number;

    if (!flow_field_map(reader->context, node, "properties", &properties)) {
        return false;
    }
    properties = properties != NULL ? properties : node;
    if (!flow_layer_slot_text(reader, node, "name", "id", &rule.name, &open) ||
        !read_word(reader, properties, "direction", "Inbound", "Outbound", &inbound) ||
        !read_word(reader, properties, "access", "Allow", "Deny", &rule.allow) ||
        !flow_field_need(reader->context, properties, "priority", "priority", &priority) ||
        !flow_field_integer(reader->context, priority, "priority", 0, 65535, &number)) {
        return false;
    }
    rule.direction = inbound ? FLOW_DIRECTION_INGRESS : FLOW_DIRECTION_EGRESS;
    rule.priority = (int32_t)number;
    return read_protocol(reader, properties, &rule) && read_ports(reader, properties, &rule) &&
           read_ends(reader, properties, &rule) &&
           (rule.name.len > 0 || flow_layer_place_name(reader, list, place, &rule.name)) &&
           flow_layer_add_rule(reader, &rule);
}

static bool
read_rules(struct flow_layer_reader *reader, const struct flow_node *list, const char *key,
           size_t group)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (!flow_field_is_map(reader->context, list->items[i], key) ||
            !read_rule(reader, list->items[i], key, i, group)) {
            return false;
        }
    }
    return true;
}

static bool
read_group(struct flow_layer_reader *reader, const struct flow_node *node)
{
    static const char own_key[] = "securityRules", default_key[] = "defaultSecurityRules";
    const struct flow_node *properties, *own, *platform_rules;
    struct flow_str id = { NULL, 0 }, name = { NULL, 0 };
    bool open = false;
    size_t group;

    if (!flow_field_is_map(reader->context, node, "a network security group") ||
        !flow_field_map(reader->context, node, "properties", &properties)) {
        return false;
    }
    properties = properties != NULL ? properties : node;
    if (!flow_field_list(reader->context, properties, own_key, &own) ||
        !flow_field_list(reader->context, properties, default_key, &platform_rules) ||
        !flow_layer_name(reader, node, "id", NULL, &id, &open) ||
        !flow_layer_name(reader, node, "name", NULL, &name, &open)) {
        return false;
    }
    if ((own == NULL && platform_rules == NULL) || (id.len == 0 && name.len == 0)) {
        return flow_field_refuse(reader->context, node,
                                 "expected %s in a network security group, found nothing",
                                 id.len == 0 && name.len == 0 ? "name" : own_key);
    }
    if (!flow_layer_add_group(reader, node, id, name, &group)) {
        return false;
    }
    reader->layer->groups[group].defaults |= platform_rules != NULL && platform_rules->count > 0;
    return read_rules(reader, own, own_key, group) &&
           read_rules(reader, platform_rules, default_key, group);
}

/* Rules of several groups in one list, each with the name of its group. */
static bool
read_transcribed(struct flow_layer_reader *reader, const struct flow_node *list)
{
    const struct flow_str none = { NULL, 0 };

    for (size_t i = 0; i < list->count; i++) {
        const struct flow_node *node = list->items[i];
        struct flow_str name = none;
        bool open = false;
        size_t group;

        if (!flow_field_is_map(reader->context, node, "rules") ||
            !flow_layer_name(reader, node, "nsg", NULL, &name, &open)) {
            return false;
        }
        if (name.len == 0) {
            return flow_field_refuse(reader->context, node,
                                     "expected nsg in a rule, found nothing");
        }
        if (!flow_layer_add_group(reader, node, none, name, &group) ||
            !read_rule(reader, node, "rules", i, group)) {
            return false;
        }
    }
    return true;
}

bool
flow_layer_read_azure(struct flow_layer_reader *reader, const struct flow_node *root)
{
    const struct flow_node *list = root, *rules = NULL;

    if (!read_tags(reader, root)) {
        return false;
    }
    if (root->type != FLOW_NODE_LIST &&
        (!flow_field_is_map(reader->context, root, "the top of the file") ||
         !flow_field_list(reader->context, root, "rules", &rules) ||
         !flow_field_list(reader->context, root, "value", &list))) {
        return false;
    }
    if (rules != NULL) {
        return read_transcribed(reader, rules);
    }
    if (list == NULL) {
        return read_group(reader, root);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!read_group(reader, list->items[i])) {
            return false;
        }
    }
    return true;
}
