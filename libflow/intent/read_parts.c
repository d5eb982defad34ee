/* SPDX-License-Identifier: Apache-2.0 */
/* The small parts that every section of an intent is made of: ends, ports, times, sizes. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "intent/intent.h"
#include "policy/match.h"

static const int64_t second = 1000000000;

void *
flow_intent_array(struct flow_intent_reader *reader, size_t count, size_t size)
{
    void *array = flow_arena_array(&reader->intent->arena, count == 0 ? 1 : count, size);

    if (array == NULL) {
        flow_fail_memory(reader->context.err);
    }
    return array;
}

bool
flow_intent_only(struct flow_intent_reader *reader, const struct flow_node *map, const char *what,
                 const char *const *allowed)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct flow_node *key = map->pairs[i].key;
        char list[160] = "";
        char quoted[60];
        size_t len = 0;
        bool known = false;

        for (size_t a = 0; allowed[a] != NULL; a++) {
            known |= flow_str_is(key->text, allowed[a]);
            if (len + strlen(allowed[a]) + 3 < sizeof(list)) {
                len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", a > 0 ? ", " : "",
                                        allowed[a]);
            }
        }
        if (!known) {
            return flow_field_refuse(&reader->context, key,
                                     "expected a field of %s (%s), found unknown field %s", what,
                                     list, flow_quote(key->text, quoted, sizeof(quoted)));
        }
    }
    return true;
}

/* A member that is one thing or a list of them: its items. NULL for an absent one. */
static struct flow_node *const *
items_of(const struct flow_node *map, const char *key, size_t *count)
{
    const struct flow_node *member = flow_field(map, key);

    *count = 0;
    if (member == NULL) {
        return NULL;
    }
    if (member->type == FLOW_NODE_LIST) {
        *count = member->count;
        return member->items;
    }
    *count = 1;
    for (size_t i = 0; i < map->count; i++) {
        if (map->pairs[i].value == member) {
            return &map->pairs[i].value;
        }
    }
    return NULL;
}

static bool
refuse_placeholder(struct flow_intent_reader *reader, const struct flow_node *node,
                   bool placeholder)
{
    return !placeholder ||
           flow_field_fail(&reader->context, node, "a variable of spec.variables or --var");
}

static bool
read_text(struct flow_intent_reader *reader, const struct flow_node *node, const char *what,
          struct flow_str *text)
{
    bool placeholder = false;

    if (!flow_field_text(&reader->context, node, what, text, &placeholder) ||
        !refuse_placeholder(reader, node, placeholder)) {
        return false;
    }
    return text->len > 0 || flow_field_fail(&reader->context, node, "a text at %s", what);
}

bool
flow_intent_read_texts(struct flow_intent_reader *reader, const struct flow_node *map,
                       const char *key, struct flow_intent_texts *out)
{
    size_t count;
    struct flow_node *const *items = items_of(map, key, &count);

    out->texts = flow_intent_array(reader, count, sizeof(*out->texts));
    if (out->texts == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_text(reader, items[i], key, &out->texts[out->count++])) {
            return false;
        }
    }
    return true;
}

bool
flow_intent_read_cidrs(struct flow_intent_reader *reader, const struct flow_node *map,
                       const char *key, struct flow_intent_cidrs *out)
{
    struct flow_cidr *cidrs;
    size_t count;
    struct flow_node *const *items = items_of(map, key, &count);

    cidrs = flow_intent_array(reader, out->count + count, sizeof(*cidrs));
    if (cidrs == NULL) {
        return false;
    }
    if (out->count > 0) {
        memcpy(cidrs, out->cidrs, out->count * sizeof(*cidrs));
    }
    out->cidrs = cidrs;
    for (size_t i = 0; i < count; i++) {
        struct flow_str text;

        if (!read_text(reader, items[i], key, &text)) {
            return false;
        }
        if (flow_cidr_parse(&cidrs[out->count], text, NULL) != FLOW_OK ||
            (strcmp(key, "ips") == 0 && memchr(text.ptr, '/', text.len) != NULL)) {
            return flow_field_fail(
                &reader->context, items[i],
                strcmp(key, "ips") == 0 ? "an address at %s" : "a prefix or address at %s", key);
        }
        if (!flow_cidr_classes_add(&reader->intent->classes, &cidrs[out->count])) {
            flow_fail_memory(reader->context.err);
            return false;
        }
        out->count++;
    }
    return true;
}

static const struct {
    const char *name;
    uint16_t protocols;
} protocols[] = {
    { "TCP", FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_TCP) },
    { "UDP", FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_UDP) },
    { "SCTP", FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_SCTP) },
    { "ICMP", FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_ICMPV4) | FLOW_PROTOCOL_BIT(FLOW_PROTOCOL_ICMPV6) },
};

/* Digits at *pos; false when there are none, or more than a port has. */
static bool
take_port(struct flow_str text, size_t *pos, uint16_t *port)
{
    const size_t start = *pos;
    uint32_t value = 0;

    while (*pos < text.len && text.ptr[*pos] >= '0' && text.ptr[*pos] <= '9' && *pos - start < 6) {
        value = value * 10 + (uint32_t)(text.ptr[(*pos)++] - '0');
    }
    *port = (uint16_t)value;
    return *pos > start && value > 0 && value <= UINT16_MAX;
}

static bool
parse_port(struct flow_str text, struct flow_intent_port *port)
{
    struct flow_str protocol = FLOW_STR("");
    size_t pos = 0;

    *port = (struct flow_intent_port){ .protocols = FLOW_PROTOCOLS_WITH_PORTS };
    if (flow_str_starts(text, FLOW_STR("ANY"))) {
        port->any = true;
        pos = 3;
    } else if (flow_str_is(text, "ICMP")) {
        port->any = true;
        protocol = text;
        pos = text.len;
    } else if (!take_port(text, &pos, &port->first)) {
        return false;
    }
    port->last = port->first;
    if (pos < text.len && text.ptr[pos] == '-' && !port->any) {
        pos++;
        if (!take_port(text, &pos, &port->last) || port->last < port->first) {
            return false;
        }
    }
    if (pos < text.len && text.ptr[pos] == '/') {
        protocol = flow_str_from(text, pos + 1);
        pos = text.len;
    }
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        if (flow_str_is(protocol, protocols[i].name)) {
            port->protocols = protocols[i].protocols;
            return pos == text.len && (port->any || i < 3);
        }
    }
    /* without a protocol nothing may stand behind the port */
    return pos == text.len && protocol.len == 0 && memchr(text.ptr, '/', text.len) == NULL &&
           !(port->any && text.len > 3);
}

bool
flow_intent_read_ports(struct flow_intent_reader *reader, const struct flow_node *map,
                       struct flow_intent_ports *out)
{
    size_t count;
    struct flow_node *const *items = items_of(map, "ports", &count);

    if (items != NULL && count == 0) {
        return flow_field_fail(&reader->context, flow_field(map, "ports"),
                               "at least one port at ports");
    }
    out->ports = flow_intent_array(reader, count, sizeof(*out->ports));
    if (out->ports == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        /* a port alone is a number and needs no quotes */
        if (items[i]->type != FLOW_NODE_SCALAR ||
            !parse_port(items[i]->text, &out->ports[out->count++])) {
            return flow_field_fail(&reader->context, items[i],
                                   "a port such as 443/TCP, 443, 8000-8010/TCP, ANY/UDP or ICMP");
        }
    }
    return true;
}

bool
flow_intent_read_time(struct flow_intent_reader *reader, const struct flow_node *map,
                      const char *key, bool end, int64_t *time)
{
    const struct flow_node *node = flow_field(map, key);
    char text[64];
    struct flow_str raw;
    bool day;

    if (node == NULL) {
        return true;
    }
    if (!read_text(reader, node, key, &raw)) {
        return false;
    }
    day = raw.len == 10;
    snprintf(text, sizeof(text), "%.*s%s", (int)(raw.len < 48 ? raw.len : 48), raw.ptr,
             day ? "T00:00:00Z" : "");
    if (raw.len >= 48 || flow_time_parse(time, flow_str_of(text), NULL) != FLOW_OK) {
        return flow_field_fail(&reader->context, node,
                               "a date (2026-09-01) or a time (2026-09-01T10:00:00Z) at %s", key);
    }
    if (day && end) {
        *time = *time > INT64_MAX - 86400 * second ? INT64_MAX : *time + 86400 * second - 1;
    }
    return true;
}

bool
flow_intent_read_phases(struct flow_intent_reader *reader, const struct flow_node *map,
                        uint32_t *phases)
{
    const struct flow_intent_document *intent = reader->intent;
    struct flow_intent_texts names = { NULL, 0 };
    size_t count;
    struct flow_node *const *items = items_of(map, "phases", &count);

    if (items != NULL && count == 0) {
        return flow_field_fail(&reader->context, flow_field(map, "phases"),
                               "at least one name at phases");
    }
    if (!flow_intent_read_texts(reader, map, "phases", &names)) {
        return false;
    }
    for (size_t i = 0; i < names.count; i++) {
        size_t p = 0;

        while (p < intent->phase_count && !flow_str_equal(intent->phases[p].name, names.texts[i])) {
            p++;
        }
        if (p == intent->phase_count) {
            return flow_field_fail(&reader->context, items[i], "the name of a phase");
        }
        *phases |= 1u << p;
    }
    return true;
}

bool
flow_intent_read_zone(struct flow_intent_reader *reader, const struct flow_node *map,
                      const char *key, const struct flow_intent_zone **zone)
{
    const struct flow_intent_document *intent = reader->intent;
    const struct flow_node *node = flow_field(map, key);
    struct flow_str name;

    if (node == NULL) {
        return true;
    }
    if (!read_text(reader, node, key, &name)) {
        return false;
    }
    for (size_t i = 0; i < intent->zone_count; i++) {
        if (flow_str_equal(intent->zones[i].name, name)) {
            *zone = &intent->zones[i];
            return true;
        }
    }
    return flow_field_fail(&reader->context, node, "the name of a zone at %s", key);
}

/* A map of labels as a selector, read as Kubernetes' own matchLabels. */
static bool
read_labels(struct flow_intent_reader *reader, const struct flow_node *map, const char *key,
            enum flow_key_form form, struct flow_selector *selector)
{
    struct flow_selector_draft draft = { .arena = &reader->intent->arena };
    const struct flow_node *labels;
    struct flow_node name = { .type = FLOW_NODE_SCALAR, .text = FLOW_STR("matchLabels") };
    struct flow_node_pair pair = { &name, NULL };
    const struct flow_node wrapper = { .type = FLOW_NODE_MAP, .count = 1, .pairs = &pair };

    if (!flow_field_map(&reader->context, map, key, &labels)) {
        return false;
    }
    if (labels == NULL) {
        return true;
    }
    if (labels->count == 0) {
        return flow_field_fail(&reader->context, labels, "at least one label at %s", key);
    }
    pair.value = (struct flow_node *)(uintptr_t)labels;
    if (!flow_selector_read(&reader->context, &wrapper, form, &draft)) {
        return false;
    }
    *selector = flow_selector_seal(&draft);
    for (size_t i = 0; i < selector->count; i++) {
        if (!refuse_placeholder(reader, labels, selector->requirements[i].placeholder)) {
            return false;
        }
    }
    return true;
}

static const struct {
    const char *name;
    uint8_t entity;
} entities[] = {
    { "host", FLOW_ENTITY_HOST },
    { "remote-node", FLOW_ENTITY_REMOTE_NODE },
    { "kube-apiserver", FLOW_ENTITY_API_SERVER },
    { "ingress", FLOW_ENTITY_INGRESS },
    { "health", FLOW_ENTITY_HEALTH },
    { "init", FLOW_ENTITY_INIT },
    { "unmanaged", FLOW_ENTITY_UNMANAGED },
    { "world", FLOW_ENTITY_WORLD },
    { "cluster", FLOW_ENTITY_CLUSTER },
};

static bool
read_entities(struct flow_intent_reader *reader, const struct flow_node *map, uint32_t *out)
{
    struct flow_intent_texts names = { NULL, 0 };
    size_t count;
    struct flow_node *const *items = items_of(map, "entities", &count);

    if (!flow_intent_read_texts(reader, map, "entities", &names)) {
        return false;
    }
    for (size_t i = 0; i < names.count; i++) {
        size_t e = 0;

        while (e < sizeof(entities) / sizeof(entities[0]) &&
               !flow_str_is(names.texts[i], entities[e].name)) {
            e++;
        }
        if (e == sizeof(entities) / sizeof(entities[0])) {
            return flow_field_fail(&reader->context, items[i],
                                   "host, remote-node, kube-apiserver, ingress, health, init, "
                                   "unmanaged, world or cluster");
        }
        *out |= 1u << entities[e].entity;
    }
    return true;
}

static bool
read_identities(struct flow_intent_reader *reader, const struct flow_node *map,
                struct flow_who *who)
{
    size_t count;
    struct flow_node *const *items = items_of(map, "identities", &count);

    who->identities = flow_intent_array(reader, count, sizeof(*who->identities));
    if (who->identities == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t number;

        if (!flow_field_integer(&reader->context, items[i], "identities", 1, UINT32_MAX, &number)) {
            return false;
        }
        who->identities[who->identity_count++] = (uint32_t)number;
        reader->intent->asks_identities = true;
    }
    return true;
}

bool
flow_intent_check_globs(struct flow_intent_reader *reader, const struct flow_node *map,
                        const char *key, const struct flow_intent_texts *texts)
{
    size_t count;
    struct flow_node *const *items = items_of(map, key, &count);

    for (size_t i = 0; i < texts->count; i++) {
        for (size_t c = 0; c < texts->texts[i].len; c++) {
            const char byte = texts->texts[i].ptr[c];

            if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
                  byte == '*')) {
                return flow_field_fail(&reader->context, items[i],
                                       "the name of a namespace, with * for any run of "
                                       "characters, at %s",
                                       key);
            }
        }
    }
    return true;
}

bool
flow_intent_read_who(struct flow_intent_reader *reader, const struct flow_node *map,
                     const char *what, bool needed, struct flow_who *who)
{
    if (!flow_intent_read_texts(reader, map, "namespace", &who->namespaces) ||
        !flow_intent_check_globs(reader, map, "namespace", &who->namespaces) ||
        !read_labels(reader, map, "namespaceLabels", FLOW_KEYS_NAMESPACE, &who->namespace_labels) ||
        !read_labels(reader, map, "labels", FLOW_KEYS_POD, &who->labels) ||
        !read_entities(reader, map, &who->entities) || !read_identities(reader, map, who) ||
        !flow_intent_read_cidrs(reader, map, "cidrs", &who->cidrs) ||
        !flow_intent_read_zone(reader, map, "zone", &who->zone)) {
        return false;
    }
    who->pods =
        who->namespaces.count > 0 || who->namespace_labels.count > 0 || who->labels.count > 0;
    who->given = who->pods || who->entities != 0 || who->identity_count > 0 ||
                 who->cidrs.count > 0 || who->zone != NULL;
    return who->given || !needed ||
           flow_field_refuse(&reader->context, map,
                             "expected namespace, namespaceLabels, labels, entities, identities, "
                             "cidrs or zone in %s, found none of them",
                             what);
}

bool
flow_intent_read_who_member(struct flow_intent_reader *reader, const struct flow_node *map,
                            const char *key, struct flow_who *who)
{
    static const char *const allowed[] = { "namespace",  "namespaceLabels", "labels", "entities",
                                           "identities", "cidrs",           "zone",   NULL };
    const struct flow_node *member;

    if (!flow_field_map(&reader->context, map, key, &member)) {
        return false;
    }
    return member == NULL || (flow_intent_only(reader, member, key, allowed) &&
                              flow_intent_read_who(reader, member, key, true, who));
}

bool
flow_intent_state(struct flow_intent_reader *reader, const struct flow_node *node,
                  const char *section, struct flow_str name,
                  struct flow_intent_statement *statement)
{
    struct flow_buf text = { 0 };

    flow_buf_add_text(&text, section);
    if (name.len > 0) {
        flow_buf_add_char(&text, ' ');
        flow_buf_add_str(&text, name);
    }
    statement->name = flow_arena_str(&reader->intent->arena, flow_buf_str(&text)).ptr;
    statement->file = reader->intent->file;
    statement->line = node->line;
    if (text.failed || statement->name == NULL) {
        flow_buf_free(&text);
        flow_fail_memory(reader->context.err);
        return false;
    }
    flow_buf_free(&text);
    return true;
}
