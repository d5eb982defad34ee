/* SPDX-License-Identifier: Apache-2.0 */
/* Texts, variables, prefixes and lists of layers; knows no vendor's format. */
#include "intent/layers_parts.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/str.h"

struct flow_layer_slot
flow_layer_slot(const struct flow_node *map, const char *key, const char *other)
{
    struct flow_layer_slot slot = { flow_field(map, key), key };

    if (slot.node == NULL && other != NULL && flow_field(map, other) != NULL) {
        slot = (struct flow_layer_slot){ flow_field(map, other), other };
    }
    return slot;
}

bool
flow_layer_same_word(struct flow_str a, struct flow_str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

bool
flow_layer_variable(const struct flow_layer *layer, struct flow_str name, struct flow_str *value)
{
    for (size_t i = 0; i < layer->variable_count; i++) {
        if (flow_str_equal(layer->variables[i].name, name)) {
            *value = layer->variables[i].value;
            return true;
        }
    }
    return false;
}

/* A variable of the intent, "NAME=VALUE". */
static bool
outer_variable(const struct flow_fields_context *context, struct flow_str name,
               struct flow_str *value)
{
    for (size_t i = 0; i < context->variable_count; i++) {
        const struct flow_str pair = flow_str_of(context->variables[i]);

        if (pair.len > name.len && pair.ptr[name.len] == '=' && flow_str_starts(pair, name)) {
            *value = flow_str_from(pair, name.len + 1);
            return true;
        }
    }
    return false;
}

/* The bytes of a placeholder at pos, with its braces; 0 when there is none. */
static size_t
placeholder_at(struct flow_str text, size_t pos)
{
    const char *end;

    if (text.len - pos < 3 || text.ptr[pos] != '$' || text.ptr[pos + 1] != '{') {
        return 0;
    }
    end = memchr(text.ptr + pos, '}', text.len - pos);
    return end != NULL ? (size_t)(end - text.ptr) - pos + 1 : 0;
}

/* Whether something in the text still waits for a value. */
static bool
is_open(struct flow_str text)
{
    for (size_t pos = 0; pos < text.len; pos++) {
        if (placeholder_at(text, pos) > 0 ||
            (text.ptr[pos] == '{' && pos + 1 < text.len && text.ptr[pos + 1] == '{')) {
            return true;
        }
    }
    return false;
}

static bool
substitute(struct flow_layer_reader *reader, struct flow_str *text)
{
    struct flow_buf buf = { 0 };
    size_t pos = 0;

    while (pos < text->len) {
        const size_t len = placeholder_at(*text, pos);
        const struct flow_str name = { text->ptr + pos + 2, len > 0 ? len - 3 : 0 };
        struct flow_str value;

        if (len > 0 && (flow_layer_variable(reader->layer, name, &value) ||
                        outer_variable(reader->context, name, &value))) {
            flow_buf_add_str(&buf, value);
            pos += len;
        } else {
            /* a placeholder without a value as a whole, so that nothing inside it is replaced */
            flow_buf_add(&buf, text->ptr + pos, len > 0 ? len : 1);
            pos += len > 0 ? len : 1;
        }
    }
    *text = flow_arena_str(reader->context->arena, flow_buf_str(&buf));
    if (buf.failed || text->ptr == NULL) {
        flow_buf_free(&buf);
        flow_fail_memory(reader->context->err);
        return false;
    }
    flow_buf_free(&buf);
    return true;
}

bool
flow_layer_text(struct flow_layer_reader *reader, const struct flow_node *node, const char *what,
                struct flow_str *text, bool *open)
{
    struct flow_fields_context plain = *reader->context;

    /* the intent's variables come behind the layer's, whose names are no plain words */
    plain.variable_count = 0;
    if (!flow_field_text(&plain, node, what, text, NULL)) {
        return false;
    }
    if (is_open(*text) && !substitute(reader, text)) {
        return false;
    }
    *open |= is_open(*text);
    return true;
}

bool
flow_layer_slot_text(struct flow_layer_reader *reader, const struct flow_node *map, const char *key,
                     const char *other, struct flow_str *text, bool *open)
{
    const struct flow_layer_slot slot = flow_layer_slot(map, key, other);

    return slot.node == NULL || flow_layer_text(reader, slot.node, slot.key, text, open);
}

/* What stands between the braces when the text is one placeholder. */
static struct flow_str
bare(struct flow_str text)
{
    if (text.len > 3 && placeholder_at(text, 0) == text.len) {
        return (struct flow_str){ text.ptr + 2, text.len - 3 };
    }
    return text;
}

bool
flow_layer_name(struct flow_layer_reader *reader, const struct flow_node *map, const char *key,
                const char *other, struct flow_str *name, bool *open)
{
    if (!flow_layer_slot_text(reader, map, key, other, name, open)) {
        return false;
    }
    *name = bare(*name);
    return true;
}

/* Decimal digits as a number that is small enough to be looked at. */
static bool
parse_number(struct flow_str text, int64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || i > 8) {
            return false;
        }
        *value = *value * 10 + (text.ptr[i] - '0');
    }
    return text.len > 0;
}

bool
flow_layer_number(struct flow_layer_reader *reader, struct flow_layer_slot slot, int64_t least,
                  int64_t most, int64_t *value, bool *found, uint32_t *why)
{
    struct flow_str text = { NULL, 0 };
    char quoted[100];
    bool open = false;

    *found = false;
    if (slot.node == NULL) {
        return true;
    }
    if (slot.node->type != FLOW_NODE_SCALAR || !is_open(slot.node->text)) {
        *found = true;
        return flow_field_integer(reader->context, slot.node, slot.key, least, most, value);
    }
    if (!flow_layer_text(reader, slot.node, slot.key, &text, &open)) {
        return false;
    }
    if (open) {
        *why |= FLOW_UNDECIDED_PLACEHOLDER;
        return true;
    }
    *found = true;
    if (!parse_number(text, value) || *value < least || *value > most) {
        return flow_field_refuse(
            reader->context, slot.node, "expected a number from %lld to %lld at %s, found %s",
            (long long)least, (long long)most, slot.key, flow_quote(text, quoted, sizeof(quoted)));
    }
    return true;
}

static struct flow_str
trim(struct flow_str text)
{
    while (text.len > 0 && text.ptr[0] == ' ') {
        text = flow_str_from(text, 1);
    }
    while (text.len > 0 && text.ptr[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

/* Hands on the parts of a text whose variables have been replaced. */
static bool
split(struct flow_layer_reader *reader, const struct flow_node *node, const char *what,
      struct flow_str text, flow_layer_take *take, void *target, uint32_t *why)
{
    size_t start = 0;

    for (size_t pos = 0; pos <= text.len; pos++) {
        struct flow_str part;

        if (pos < text.len && text.ptr[pos] != ',') {
            const size_t len = placeholder_at(text, pos);

            pos += len > 0 ? len - 1 : 0;
            continue;
        }
        part = trim((struct flow_str){ text.ptr + start, pos - start });
        start = pos + 1;
        if (is_open(part)) {
            *why |= FLOW_UNDECIDED_PLACEHOLDER;
        } else if (!take(reader, node, what, part, target)) {
            return false;
        }
    }
    return true;
}

bool
flow_layer_split(struct flow_layer_reader *reader, const struct flow_node *node, const char *what,
                 flow_layer_take *take, void *target, uint32_t *why)
{
    struct flow_str text;
    bool open = false;

    return flow_layer_text(reader, node, what, &text, &open) &&
           split(reader, node, what, text, take, target, why);
}

/* Room for one more of an array in the arena; NULL sets the error. */
static void *
grow(struct flow_layer_reader *reader, void *items, size_t count, size_t *room, size_t size)
{
    void *grown;

    if (count < *room) {
        return items;
    }
    grown = flow_arena_array(reader->context->arena, *room == 0 ? 4 : *room * 2, size);
    if (grown == NULL) {
        flow_fail_memory(reader->context->err);
        return NULL;
    }
    if (count > 0) {
        memcpy(grown, items, count * size);
    }
    *room = *room == 0 ? 4 : *room * 2;
    return grown;
}

bool
flow_layer_take_cidr(struct flow_layer_reader *reader, const struct flow_node *node,
                     const char *what, struct flow_str part, void *target)
{
    struct flow_layer_cidrs *out = target;
    struct flow_cidr cidr;
    void *grown;
    char quoted[100];

    if (flow_cidr_parse(&cidr, part, NULL) != FLOW_OK) {
        return flow_field_refuse(reader->context, node, "expected a CIDR at %s, found %s", what,
                                 flow_quote(part, quoted, sizeof(quoted)));
    }
    grown = grow(reader, out->cidrs, out->count, &out->room, sizeof(*out->cidrs));
    if (grown == NULL) {
        return false;
    }
    out->cidrs = grown;
    out->cidrs[out->count++] = cidr;
    return true;
}

bool
flow_layer_named_prefixes(struct flow_layer_reader *reader, const struct flow_node *node,
                          const char *what, struct flow_str name, struct flow_layer_cidrs *out,
                          bool *found)
{
    struct flow_str value;
    uint32_t why = 0;

    *found = flow_layer_variable(reader->layer, name, &value);
    /* a text of nothing but blanks is no address, not a bad one */
    return !*found || trim(value).len == 0 ||
           split(reader, node, what, value, flow_layer_take_cidr, out, &why);
}

bool
flow_layer_add_reference(struct flow_layer_reader *reader, const struct flow_node *node,
                         const char *what, struct flow_str name, bool open,
                         struct flow_layer_ends *ends)
{
    struct flow_layer_reference *grown;
    bool found;

    if (!flow_layer_named_prefixes(reader, node, what, name, &ends->prefixes, &found)) {
        return false;
    }
    if (found) {
        return true;
    }
    grown = grow(reader, ends->groups, ends->group_count, &ends->group_room, sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    ends->groups = grown;
    grown[ends->group_count++] =
        (struct flow_layer_reference){ name, open ? FLOW_UNDECIDED_PLACEHOLDER
                                                  : FLOW_UNDECIDED_INVENTORY };
    return true;
}

bool
flow_layer_add_range(struct flow_layer_reader *reader, int64_t first, int64_t last,
                     struct flow_layer_ports *ports)
{
    struct flow_layer_range *grown =
        grow(reader, ports->ranges, ports->count, &ports->room, sizeof(*grown));

    if (grown == NULL) {
        return false;
    }
    ports->ranges = grown;
    grown[ports->count++] = (struct flow_layer_range){ (uint16_t)first, (uint16_t)last };
    return true;
}

/* Azure's names are the same whatever the case. */
static bool
same_name(const struct flow_layer *layer, struct flow_str a, struct flow_str b)
{
    return layer->type == FLOW_LAYER_AZURE ? flow_layer_same_word(a, b) : flow_str_equal(a, b);
}

bool
flow_layer_same_group(const struct flow_layer *layer, struct flow_str a, struct flow_str b)
{
    return same_name(layer, bare(a), bare(b));
}

bool
flow_layer_is_group(const struct flow_layer *layer, const struct flow_layer_group *group,
                    struct flow_str text)
{
    const struct flow_str name = bare(text);

    return name.len > 0 &&
           (same_name(layer, group->id, name) || same_name(layer, group->name, name));
}

bool
flow_layer_add_group(struct flow_layer_reader *reader, const struct flow_node *node,
                     struct flow_str id, struct flow_str name, size_t *index)
{
    struct flow_layer *layer = reader->layer;
    struct flow_layer_group *grown;

    for (size_t i = 0; i < layer->group_count; i++) {
        struct flow_layer_group *group = &layer->groups[i];

        if (id.len > 0 ? same_name(layer, group->id, id)
                       : group->id.len == 0 && same_name(layer, group->name, name)) {
            /* a rule alone knows the id only */
            group->name = group->name.len > 0 ? group->name : name;
            *index = i;
            return true;
        }
    }
    grown = grow(reader, layer->groups, layer->group_count, &layer->group_room, sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    layer->groups = grown;
    *index = layer->group_count++;
    grown[*index] = (struct flow_layer_group){ .id = id, .name = name, .line = node->line };
    return true;
}

bool
flow_layer_add_rule(struct flow_layer_reader *reader, const struct flow_layer_rule *rule)
{
    struct flow_layer *layer = reader->layer;
    struct flow_layer_rule *grown =
        grow(reader, layer->rules, layer->rule_count, &layer->rule_room, sizeof(*grown));

    if (grown == NULL) {
        return false;
    }
    layer->rules = grown;
    grown[layer->rule_count++] = *rule;
    return true;
}

bool
flow_layer_place_name(struct flow_layer_reader *reader, const char *list, size_t index,
                      struct flow_str *name)
{
    struct flow_buf buf = { 0 };

    flow_buf_add_format(&buf, "%s[%zu]", list, index);
    *name = flow_arena_str(reader->context->arena, flow_buf_str(&buf));
    if (buf.failed || name->ptr == NULL) {
        flow_fail_memory(reader->context->err);
        name->ptr = NULL;
    }
    flow_buf_free(&buf);
    return name->ptr != NULL;
}

struct flow_layer_rule
flow_layer_new_rule(const struct flow_node *node, size_t group)
{
    return (struct flow_layer_rule){
        .group = group, .line = node->line, .column = node->column, .allow = true
    };
}

int
flow_layer_protocol_number(struct flow_str text)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {
        { "icmp", 1 },        { "igmp", 2 },       { "ipip", 4 },      { "tcp", 6 },
        { "egp", 8 },         { "udp", 17 },       { "dccp", 33 },     { "ipv6-encap", 41 },
        { "ipv6-route", 43 }, { "ipv6-frag", 44 }, { "rsvp", 46 },     { "gre", 47 },
        { "esp", 50 },        { "ah", 51 },        { "icmpv6", 58 },   { "ipv6-icmp", 58 },
        { "ipv6-nonxt", 59 }, { "ipv6-opts", 60 }, { "ospf", 89 },     { "vrrp", 112 },
        { "pgm", 113 },       { "sctp", 132 },     { "udplite", 136 },
    };
    int64_t number;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (flow_layer_same_word(text, flow_str_of(names[i].name))) {
            return names[i].number;
        }
    }
    return parse_number(text, &number) && number <= 255 ? (int)number : -1;
}

uint8_t
flow_layer_protocol_of(int number)
{
    switch (number) {
    case 1:
        return FLOW_PROTOCOL_ICMPV4;
    case 2:
        return FLOW_PROTOCOL_IGMP;
    case 6:
        return FLOW_PROTOCOL_TCP;
    case 17:
        return FLOW_PROTOCOL_UDP;
    case 58:
        return FLOW_PROTOCOL_ICMPV6;
    case 112:
        return FLOW_PROTOCOL_VRRP;
    case 132:
        return FLOW_PROTOCOL_SCTP;
    default:
        return FLOW_PROTOCOL_UNKNOWN;
    }
}

bool
flow_layer_holds(const struct flow_cidr *cidrs, size_t count, const struct flow_address *address)
{
    for (size_t i = 0; i < count; i++) {
        if (flow_cidr_holds(&cidrs[i], address)) {
            return true;
        }
    }
    return false;
}
