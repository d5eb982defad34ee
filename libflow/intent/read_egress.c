/* SPDX-License-Identifier: Apache-2.0 */
/* Variables and approvals: what may be reached outside, for whom, by whose word, until when. */
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "intent/intent.h"
#include "policy/match.h"

bool
flow_intent_read_variables(struct flow_intent_reader *reader, const struct flow_node *spec)
{
    struct flow_intent_document *intent = reader->intent;
    const size_t given = reader->context.variable_count;
    const struct flow_node *map;
    size_t count;

    if (!flow_field_map(&reader->context, spec, "variables", &map)) {
        return false;
    }
    count = map != NULL ? map->count : 0;
    intent->variables = flow_intent_array(reader, given + count, sizeof(*intent->variables));
    if (intent->variables == NULL) {
        return false;
    }
    /* the first of a name counts, so what the caller gives stands in front */
    for (size_t i = 0; i < given + count; i++) {
        struct flow_buf text = { 0 };
        struct flow_str kept;

        if (i < given) {
            flow_buf_add_text(&text, reader->context.variables[i]);
        } else {
            const struct flow_node_pair *pair = &map->pairs[i - given];

            /* a number or a boolean is a text here, whatever it looks like */
            if (pair->value->type != FLOW_NODE_SCALAR) {
                return flow_field_fail(&reader->context, pair->value, "a text at variables");
            }
            flow_buf_add_str(&text, pair->key->text);
            flow_buf_add_char(&text, '=');
            flow_buf_add_str(&text, pair->value->text);
        }
        kept = flow_arena_str(&intent->arena, flow_buf_str(&text));
        kept.ptr = text.failed ? NULL : kept.ptr;
        flow_buf_free(&text);
        if (kept.ptr == NULL) {
            flow_fail_memory(reader->context.err);
            return false;
        }
        intent->variables[intent->variable_count++] = kept.ptr;
    }
    reader->context.variables = intent->variables;
    reader->context.variable_count = intent->variable_count;
    return true;
}

static void
add_comma(struct flow_buf *out)
{
    if (out->len > 0) {
        flow_buf_add_text(out, ", ");
    }
}

static void
add_selector(struct flow_buf *out, const struct flow_selector *selector)
{
    const struct flow_str prefix = FLOW_STR(FLOW_NAMESPACE_LABELS_KEY);

    for (size_t i = 0; i < selector->count; i++) {
        const struct flow_requirement *requirement = &selector->requirements[i];
        struct flow_str key = requirement->key;

        if (flow_str_starts(key, prefix)) {
            key = flow_str_from(key, prefix.len);
            flow_buf_add_text(out, " in namespaces with ");
        } else {
            flow_buf_add_char(out, ' ');
        }
        flow_buf_add_str(out, key);
        flow_buf_add_char(out, '=');
        flow_buf_add_str(out, requirement->values[0]);
    }
}

static void
add_cidrs(struct flow_buf *out, const struct flow_intent_cidrs *cidrs)
{
    for (size_t i = 0; i < cidrs->count; i++) {
        const struct flow_cidr *cidr = &cidrs->cidrs[i];
        char text[FLOW_ADDRESS_TEXT_MAX];

        add_comma(out);
        if (cidr->length == (cidr->address.family == 4 ? 32 : 128)) {
            flow_buf_add_text(out, flow_address_format(&cidr->address, text));
        } else {
            flow_buf_add_text(out, flow_cidr_format(cidr, text));
        }
    }
}

static void
add_texts(struct flow_buf *out, const struct flow_intent_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        add_comma(out);
        flow_buf_add_str(out, texts->texts[i]);
    }
}

/* An end as a person would write it. */
static void
describe_who(struct flow_buf *out, const struct flow_who *who)
{
    static const char *const names[] = {
        [FLOW_ENTITY_WORLD] = "world",
        [FLOW_ENTITY_HOST] = "host",
        [FLOW_ENTITY_REMOTE_NODE] = "remote-node",
        [FLOW_ENTITY_API_SERVER] = "kube-apiserver",
        [FLOW_ENTITY_INGRESS] = "ingress",
        [FLOW_ENTITY_HEALTH] = "health",
        [FLOW_ENTITY_INIT] = "init",
        [FLOW_ENTITY_UNMANAGED] = "unmanaged",
        [FLOW_ENTITY_CLUSTER] = "cluster",
    };

    add_texts(out, &who->namespaces);
    if (who->namespaces.count == 0 && who->pods) {
        flow_buf_add_text(out, "pods");
    }
    add_selector(out, &who->labels);
    add_selector(out, &who->namespace_labels);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((who->entities >> i & 1) != 0 && names[i] != NULL) {
            add_comma(out);
            flow_buf_add_text(out, names[i]);
        }
    }
    for (size_t i = 0; i < who->identity_count; i++) {
        add_comma(out);
        flow_buf_add_format(out, "identity %u", who->identities[i]);
    }
    add_texts(out, &who->fqdns);
    add_cidrs(out, &who->cidrs);
    if (who->zone != NULL) {
        add_comma(out);
        flow_buf_add_text(out, "zone ");
        flow_buf_add_str(out, who->zone->name);
    }
}

static void
describe_ports(struct flow_buf *out, const struct flow_intent_ports *ports)
{
    for (size_t i = 0; i < ports->count; i++) {
        const struct flow_intent_port *port = &ports->ports[i];

        add_comma(out);
        if (port->any) {
            flow_buf_add_text(out, "any");
        } else {
            flow_buf_add_format(out, "%u", port->first);
        }
        if (port->last != port->first) {
            flow_buf_add_format(out, "-%u", port->last);
        }
        for (uint8_t p = FLOW_PROTOCOL_TCP; p <= FLOW_PROTOCOL_ICMPV4; p++) {
            if (port->protocols == FLOW_PROTOCOL_BIT(p) ||
                (p == FLOW_PROTOCOL_ICMPV4 && (port->protocols & FLOW_PROTOCOL_BIT(p)) != 0)) {
                flow_buf_add_format(out, "/%s",
                                    p == FLOW_PROTOCOL_ICMPV4 ? "ICMP" : flow_protocol_name(p));
            }
        }
    }
    if (ports->count == 0) {
        flow_buf_add_text(out, "every port");
    }
}

static bool
keep(struct flow_intent_reader *reader, struct flow_buf *buf, const char **text)
{
    *text = flow_arena_str(&reader->intent->arena, flow_buf_str(buf)).ptr;
    if (buf->failed || *text == NULL) {
        flow_fail_memory(reader->context.err);
        *text = NULL;
    }
    flow_buf_free(buf);
    return *text != NULL;
}

static bool
describe(struct flow_intent_reader *reader, const struct flow_intent_rule *rule,
         struct flow_approval *approval)
{
    struct flow_buf from = { 0 };
    struct flow_buf to = { 0 };
    struct flow_buf ports = { 0 };

    if (rule->from.given) {
        describe_who(&from, &rule->from);
    } else {
        flow_buf_add_text(&from, "the whole cluster");
    }
    describe_who(&to, &rule->to);
    describe_ports(&ports, &rule->ports);
    /* each of them is given back, whatever fails */
    return (int)keep(reader, &from, &approval->from) & (int)keep(reader, &to, &approval->to) &
           (int)keep(reader, &ports, &approval->ports);
}

/* Text members of an approval; "" when absent. */
static bool
read_record(struct flow_intent_reader *reader, const struct flow_node *node,
            struct flow_approval *approval)
{
    const struct {
        const char *key;
        const char **text;
        bool needed;
    } texts[] = {
        { "id", &approval->id, true },
        { "purpose", &approval->purpose, false },
        { "owner", &approval->owner, false },
        { "reason", &approval->reason, false },
        { "mitigation", &approval->mitigation, false },
        { "approvedBy", &approval->approved_by, false },
        { "reference", &approval->reference, false },
        { "approvedOn", &approval->approved_on, false },
        { "expires", &approval->expires_on, false },
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct flow_str text = FLOW_STR("");

        if (!flow_intent_take_text(reader, node, texts[i].key, texts[i].needed, &text)) {
            return false;
        }
        *texts[i].text = text.ptr;
    }
    return true;
}

static bool
read_dates(struct flow_intent_reader *reader, const struct flow_node *node,
           struct flow_approval *approval)
{
    int64_t approved = FLOW_TIME_NONE;
    const char *begin = flow_field(node, "validFrom") != NULL ? "validFrom" : "approvedOn";

    approval->from_time = approval->until_time = FLOW_TIME_NONE;
    if (!flow_intent_read_time(reader, node, "approvedOn", false, &approved) ||
        !flow_intent_read_time(reader, node, "validFrom", false, &approval->from_time) ||
        !flow_intent_read_time(reader, node, "expires", true, &approval->until_time)) {
        return false;
    }
    if (approval->from_time == FLOW_TIME_NONE) {
        approval->from_time = approved;
    }
    if (approval->until_time != FLOW_TIME_NONE && approval->until_time < approval->from_time) {
        return flow_field_fail(&reader->context, flow_field(node, "expires"),
                               "a time behind %s at expires", begin);
    }
    return true;
}

/* Where an approval lets traffic go: names or prefixes, at least one. */
static bool
read_destination(struct flow_intent_reader *reader, const struct flow_node *node,
                 struct flow_who *to)
{
    static const char *const members[] = { "fqdns", "cidrs", "ips", NULL };
    const struct flow_node *map;

    if (!flow_field_need(&reader->context, node, "to", "to in egress.approved", &map) ||
        !flow_field_is_map(&reader->context, map, "to") ||
        !flow_intent_only(reader, map, "to", members) ||
        !flow_intent_read_texts(reader, map, "fqdns", &to->fqdns) ||
        !flow_intent_read_cidrs(reader, map, "cidrs", &to->cidrs) ||
        !flow_intent_read_cidrs(reader, map, "ips", &to->cidrs)) {
        return false;
    }
    for (size_t i = 0; i < to->fqdns.count; i++) {
        const struct flow_str name = to->fqdns.texts[i];

        if (!flow_cilium_is_name(name, true) || name.ptr[0] == '.' ||
            memmem(name.ptr, name.len, "..", 2) != NULL) {
            return flow_field_fail(&reader->context, flow_field(map, "fqdns"),
                                   "DNS names, with * for part of a label, at fqdns");
        }
    }
    reader->intent->asks_names |= to->fqdns.count > 0;
    to->given = true;
    return to->fqdns.count > 0 || to->cidrs.count > 0 ||
           flow_field_refuse(&reader->context, map,
                             "expected fqdns, cidrs or ips in to, found none of them");
}

static bool
read_approval(struct flow_intent_reader *reader, const struct flow_node *node,
              struct flow_intent_rule *rule, struct flow_approval *approval)
{
    static const char *const members[] = { "id",         "purpose",    "from",      "to",
                                           "ports",      "owner",      "reason",    "mitigation",
                                           "approvedBy", "approvedOn", "validFrom", "expires",
                                           "reference",  "byteBudget", "phases",    NULL };

    if (!flow_field_is_map(&reader->context, node, "egress.approved") ||
        !flow_intent_only(reader, node, "egress.approved", members) ||
        !read_record(reader, node, approval) || !read_dates(reader, node, approval)) {
        return false;
    }
    rule->name = flow_str_of(approval->id);
    if (!flow_intent_state(reader, node, "egress.approved", rule->name, &rule->statement) ||
        !flow_intent_read_who_member(reader, node, "from", &rule->from) ||
        !read_destination(reader, node, &rule->to) ||
        !flow_intent_read_ports(reader, node, &rule->ports) ||
        !flow_intent_read_size(reader, node, "byteBudget", &approval->byte_budget) ||
        !flow_intent_read_phases(reader, node, &rule->phases)) {
        return false;
    }
    approval->statement = rule->statement;
    return describe(reader, rule, approval);
}

static bool
same_cidrs(const struct flow_intent_cidrs *a, const struct flow_intent_cidrs *b)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t j = 0; j < b->count; j++) {
            if (flow_cidr_holds(&a->cidrs[i], &b->cidrs[j].address) ||
                flow_cidr_holds(&b->cidrs[j], &a->cidrs[i].address)) {
                return true;
            }
        }
    }
    return false;
}

static bool
same_names(const struct flow_intent_texts *a, const struct flow_intent_texts *b)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t j = 0; j < b->count; j++) {
            if (flow_fqdn_equal(a->texts[i], b->texts[j])) {
                return true;
            }
        }
    }
    return false;
}

static bool
ports_meet(const struct flow_intent_ports *a, const struct flow_intent_ports *b)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t j = 0; j < b->count; j++) {
            const struct flow_intent_port *p = &a->ports[i];
            const struct flow_intent_port *q = &b->ports[j];

            if ((p->protocols & q->protocols) != 0 &&
                (p->any || q->any || (p->first <= q->last && q->first <= p->last))) {
                return true;
            }
        }
    }
    return a->count == 0 || b->count == 0;
}

static bool
times_meet(const struct flow_approval *a, const struct flow_approval *b)
{
    return (a->until_time == FLOW_TIME_NONE || b->from_time <= a->until_time) &&
           (b->until_time == FLOW_TIME_NONE || a->from_time <= b->until_time);
}

/* Two approvals of the same destination at one time: which of them a flow counts for is no matter
 * for the answer, but for the record. */
static void
warn_of_overlap(struct flow_intent_reader *reader, const struct flow_node *node, size_t i)
{
    const struct flow_intent_document *intent = reader->intent;
    const struct flow_intent_rule *rule = &intent->egress.rules[i];

    for (size_t o = 0; o < i; o++) {
        const struct flow_intent_rule *other = &intent->egress.rules[o];

        if ((same_cidrs(&rule->to.cidrs, &other->to.cidrs) ||
             same_names(&rule->to.fqdns, &other->to.fqdns)) &&
            ports_meet(&rule->ports, &other->ports) &&
            times_meet(&intent->approvals[i], &intent->approvals[o]) &&
            strcmp(intent->approvals[i].from, intent->approvals[o].from) == 0) {
            flow_field_warn(&reader->context, node,
                            "approval \"%.60s\" overlaps \"%.60s\" of line %u; what both admit "
                            "counts for the first",
                            intent->approvals[i].id, intent->approvals[o].id,
                            other->statement.line);
        }
    }
}

bool
flow_intent_read_egress(struct flow_intent_reader *reader, const struct flow_node *spec)
{
    static const char *const members[] = { "default", "phases", "approved", NULL };
    struct flow_intent_document *intent = reader->intent;
    struct flow_intent_section *section = &intent->egress;
    const struct flow_node *map, *list;

    if (!flow_intent_read_section(reader, spec, "egress", members, section, &map)) {
        return false;
    }
    if (map == NULL) {
        return true;
    }
    if (!flow_intent_read_default(reader, map, "allow", true, &section->deny) ||
        !flow_field_list(&reader->context, map, "approved", &list)) {
        return false;
    }
    section->rules =
        flow_intent_array(reader, list != NULL ? list->count : 0, sizeof(*section->rules));
    intent->approvals =
        flow_intent_array(reader, list != NULL ? list->count : 0, sizeof(*intent->approvals));
    if (section->rules == NULL || intent->approvals == NULL) {
        return false;
    }
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (!read_approval(reader, list->items[i], &section->rules[i], &intent->approvals[i])) {
            return false;
        }
        for (size_t o = 0; o < i; o++) {
            if (flow_str_equal(section->rules[o].name, section->rules[i].name)) {
                return flow_field_refuse(
                    &reader->context, flow_field(list->items[i], "id"),
                    "expected an id of its own in egress.approved, found that of line %u",
                    section->rules[o].statement.line);
            }
        }
        section->count++;
        warn_of_overlap(reader, list->items[i], i);
    }
    return true;
}
