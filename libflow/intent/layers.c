/* SPDX-License-Identifier: Apache-2.0 */
/* What a layer says of a connection; which file its rules are from does not matter here. */
#include "intent/layers.h"

#include <stdlib.h>

#include "base/str.h"
#include "intent/layers_parts.h"

/* A group's rules of a direction in the order they are tried; the file's order among equals. */
static int
compare_rules(const void *left, const void *right)
{
    const struct flow_layer_rule *a = left;
    const struct flow_layer_rule *b = right;

    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    if (a->direction != b->direction) {
        return a->direction < b->direction ? -1 : 1;
    }
    if (a->priority != b->priority) {
        return a->priority < b->priority ? -1 : 1;
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    return a->column < b->column ? -1 : a->column > b->column;
}

static bool
check_priorities(struct flow_fields_context *context, const struct flow_layer *layer)
{
    char first[80], second[80];

    for (size_t i = 1; i < layer->rule_count; i++) {
        const struct flow_layer_rule *a = &layer->rules[i - 1];
        const struct flow_layer_rule *b = &layer->rules[i];
        const struct flow_node place = { .line = b->line, .column = b->column };

        if (a->group == b->group && a->direction == b->direction && a->priority == b->priority) {
            return flow_field_refuse(
                context, &place, "expected one %s rule of priority %d, found %s and %s",
                b->direction == FLOW_DIRECTION_INGRESS ? "Inbound" : "Outbound", (int)b->priority,
                flow_quote(a->name, first, sizeof(first)),
                flow_quote(b->name, second, sizeof(second)));
        }
    }
    return true;
}

bool
flow_layer_read(struct flow_fields_context *context, const struct flow_node *root,
                struct flow_layer *layer)
{
    struct flow_layer_reader reader = { context, layer };

    if (layer->type == FLOW_LAYER_AWS) {
        return flow_layer_read_aws(&reader, root);
    }
    if (layer->type == FLOW_LAYER_OPENSTACK) {
        return flow_layer_read_openstack(&reader, root);
    }
    if (!flow_layer_read_azure(&reader, root)) {
        return false;
    }
    if (layer->rule_count > 1) {
        qsort(layer->rules, layer->rule_count, sizeof(*layer->rules), compare_rules);
    }
    return check_priorities(context, layer);
}

void
flow_layer_check_members(struct flow_fields_context *context, const struct flow_layer *layer)
{
    char quoted[100];

    for (size_t i = 0; i < layer->member_count; i++) {
        const struct flow_layer_member *member = &layer->members[i];
        const struct flow_node place = { .line = member->line, .column = member->column };
        bool known = false;

        for (size_t g = 0; g < layer->group_count && !known; g++) {
            known = flow_layer_is_group(layer, &layer->groups[g], member->group);
        }
        if (!known) {
            flow_field_warn(context, &place, "group %s is not in %s: what it allows is not known",
                            flow_quote(member->group, quoted, sizeof(quoted)), layer->file);
        }
    }
}

/* Whether the members of a group that is told by some text hold an address. */
struct search {
    const struct flow_address *address;
    bool listed, held;
};

static void
look_in(struct search *search, const struct flow_layer_member *member)
{
    search->listed = true;
    search->held |= flow_layer_holds(member->cidrs, member->cidr_count, search->address);
}

/* Whether an address is in another group, by id or by name; without members of it nobody knows. */
static struct flow_tri
match_reference(const struct flow_layer *layer, const struct flow_layer_reference *reference,
                const struct flow_address *address)
{
    struct search search = { address, false, false };

    for (size_t m = 0; m < layer->member_count; m++) {
        if (flow_layer_same_group(layer, layer->members[m].group, reference->group)) {
            look_in(&search, &layer->members[m]);
        }
    }
    for (size_t g = 0; g < layer->group_count && !search.held; g++) {
        if (!flow_layer_is_group(layer, &layer->groups[g], reference->group)) {
            continue;
        }
        for (size_t m = 0; m < layer->member_count; m++) {
            if (flow_layer_is_group(layer, &layer->groups[g], layer->members[m].group)) {
                look_in(&search, &layer->members[m]);
            }
        }
    }
    return search.listed ? flow_tri_of(search.held) : flow_tri_maybe(reference->why);
}

static struct flow_tri
match_ends(const struct flow_layer *layer, const struct flow_layer_ends *ends,
           const struct flow_address *address)
{
    struct flow_tri any = ends->why != 0 ? flow_tri_maybe(ends->why) : flow_tri_of(false);

    if (ends->any) {
        return flow_tri_of(true);
    }
    if (address->family == 0) {
        return flow_tri_maybe(ends->why | FLOW_UNDECIDED_NO_LABELS);
    }
    if (flow_layer_holds(ends->prefixes.cidrs, ends->prefixes.count, address)) {
        return flow_tri_of(true);
    }
    for (unsigned tag = 0; tag < FLOW_LAYER_TAG_COUNT; tag++) {
        if ((ends->tags >> tag & 1u) != 0) {
            any = flow_tri_or(any, flow_layer_azure_tag(layer, tag, address));
        }
    }
    for (size_t i = 0; i < ends->group_count; i++) {
        any = flow_tri_or(any, match_reference(layer, &ends->groups[i], address));
    }
    return any;
}

static struct flow_tri
match_protocol(const struct flow_layer *layer, const struct flow_layer_rule *rule, uint8_t protocol)
{
    if (rule->any_protocol) {
        return flow_tri_of(true);
    }
    if (protocol == FLOW_PROTOCOL_UNKNOWN) {
        return flow_tri_maybe(FLOW_UNDECIDED_NO_PORT);
    }
    if (layer->type == FLOW_LAYER_AZURE && protocol == FLOW_PROTOCOL_ICMPV6 &&
        rule->protocol == FLOW_PROTOCOL_ICMPV4) {
        /* "Icmp" is all there is, and which version it stands for is not documented */
        return flow_tri_maybe(FLOW_UNDECIDED_UNDEFINED);
    }
    return flow_tri_of(rule->protocol == protocol);
}

/* Azure does not say what a range of ports means for what has none. */
static struct flow_tri
match_ports(const struct flow_layer *layer, const struct flow_layer_rule *rule,
            const struct flow_layer_question *question)
{
    const struct flow_layer_ports *ports = &rule->ports;
    const bool portless = question->protocol >= FLOW_PROTOCOL_ICMPV4;

    if (ports->any) {
        return flow_tri_of(true);
    }
    if (layer->type == FLOW_LAYER_AZURE && portless) {
        return flow_tri_maybe(FLOW_UNDECIDED_UNDEFINED);
    }
    if (!question->has_port) {
        return flow_tri_maybe(ports->why | FLOW_UNDECIDED_NO_PORT);
    }
    for (size_t i = 0; i < ports->count; i++) {
        if (question->port >= ports->ranges[i].first && question->port <= ports->ranges[i].last) {
            return flow_tri_of(true);
        }
    }
    return ports->why != 0 ? flow_tri_maybe(ports->why) : flow_tri_of(false);
}

static struct flow_tri
match_rule(const struct flow_layer *layer, const struct flow_layer_rule *rule,
           const struct flow_layer_question *question)
{
    const uint8_t family =
        question->source.family != 0 ? question->source.family : question->destination.family;
    struct flow_tri match = match_protocol(layer, rule, question->protocol);

    if (rule->family != 0 && family != 0 && rule->family != family) {
        return flow_tri_of(false);
    }
    match = flow_tri_and(match, match_ports(layer, rule, question));
    match = flow_tri_and(match, match_ends(layer, &rule->sources, &question->source));
    match = flow_tri_and(match, match_ends(layer, &rule->destinations, &question->destination));
    return rule->why != 0 ? flow_tri_and(match, flow_tri_maybe(rule->why)) : match;
}

static struct flow_layer_answer
answer_of(const struct flow_layer *layer, const struct flow_layer_group *group, uint8_t direction,
          const struct flow_layer_rule *rule, struct flow_tri allowed)
{
    struct flow_layer_answer answer = { .allowed = allowed,
                                        .file = layer->file,
                                        .line = group->line,
                                        .group = group->name.len > 0 ? group->name : group->id,
                                        .direction = direction,
                                        .applies = true };

    if (rule != NULL) {
        answer.rule = rule->name;
        answer.line = rule->line > 0 ? rule->line : group->line;
    }
    return answer;
}

/* Rules that only allow, in any order. */
static struct flow_layer_answer
ask_united(const struct flow_layer *layer, size_t group, uint8_t direction,
           const struct flow_layer_question *question)
{
    const struct flow_layer_rule *by = NULL;
    struct flow_tri allowed = flow_tri_of(false);

    for (size_t i = 0; i < layer->rule_count && allowed.truth != FLOW_TRUE; i++) {
        const struct flow_layer_rule *rule = &layer->rules[i];
        struct flow_tri match;

        if (rule->group != group || rule->direction != direction) {
            continue;
        }
        match = match_rule(layer, rule, question);
        by = match.truth > allowed.truth ? rule : by;
        allowed = flow_tri_or(allowed, match);
    }
    return answer_of(layer, &layer->groups[group], direction, by, allowed);
}

/* Rules that may have decided before the one that does for sure, by what they do. */
struct walk {
    uint32_t why[2];
    const struct flow_layer_rule *first[2];
};

/* The answer when a rule, or the end of them, decides for sure. */
static struct flow_layer_answer
conclude(const struct walk *walk, const struct flow_layer *layer, size_t group, uint8_t direction,
         const struct flow_layer_rule *rule)
{
    const bool allow = rule != NULL && rule->allow;
    const struct flow_layer_rule *against = walk->first[!allow];

    return against != NULL
               ? answer_of(layer, &layer->groups[group], direction, against,
                           flow_tri_maybe(walk->why[!allow]))
               : answer_of(layer, &layer->groups[group], direction, rule, flow_tri_of(allow));
}

/* Rules by priority, then the platform's; the first that matches decides. */
static struct flow_layer_answer
ask_ordered(const struct flow_layer *layer, size_t group, uint8_t direction,
            const struct flow_layer_question *question)
{
    size_t more;
    const struct flow_layer_rule *defaults = flow_layer_azure_defaults(&more);
    struct walk walk = { { 0, 0 }, { NULL, NULL } };

    more = layer->groups[group].defaults ? 0 : more;
    for (size_t i = 0; i < layer->rule_count + more; i++) {
        const bool own = i < layer->rule_count;
        const struct flow_layer_rule *rule =
            own ? &layer->rules[i] : &defaults[i - layer->rule_count];
        struct flow_tri match;

        if ((own && rule->group != group) || rule->direction != direction) {
            continue;
        }
        match = match_rule(layer, rule, question);
        if (match.truth == FLOW_TRUE) {
            return conclude(&walk, layer, group, direction, rule);
        }
        if (match.truth == FLOW_MAYBE) {
            walk.why[rule->allow] |= match.why;
            walk.first[rule->allow] =
                walk.first[rule->allow] != NULL ? walk.first[rule->allow] : rule;
        }
    }
    return conclude(&walk, layer, group, direction, NULL);
}

/* One of two answers, and what both together come to. */
static struct flow_layer_answer
both_must(struct flow_layer_answer a, struct flow_layer_answer b)
{
    struct flow_layer_answer answer = b.allowed.truth < a.allowed.truth ? b : a;

    answer.allowed = flow_tri_and(a.allowed, b.allowed);
    return answer;
}

static struct flow_layer_answer
either_may(struct flow_layer_answer a, struct flow_layer_answer b)
{
    struct flow_layer_answer answer = b.allowed.truth > a.allowed.truth ? b : a;

    answer.allowed = flow_tri_or(a.allowed, b.allowed);
    return answer;
}

static struct flow_layer_answer
add_answer(const struct flow_layer *layer, struct flow_layer_answer so_far,
           struct flow_layer_answer next)
{
    if (!so_far.applies) {
        return next;
    }
    return layer->type == FLOW_LAYER_AZURE ? both_must(so_far, next) : either_may(so_far, next);
}

/*
 * A rule that denies the platform's own services, which no other rule touches. Which of its
 * addresses and ports each tag stands for is not told, so one such rule leaves all of them open.
 */
static const struct flow_layer_rule *
platform_rule(const struct flow_layer *layer, size_t group)
{
    for (size_t i = 0; i < layer->rule_count; i++) {
        const struct flow_layer_rule *rule = &layer->rules[i];

        if (rule->group == group && !rule->allow && rule->direction == FLOW_DIRECTION_EGRESS &&
            rule->destinations.platform) {
            return rule;
        }
    }
    return NULL;
}

/* Whether the group does not filter the connection, whatever its rules. */
static bool
is_unfiltered(const struct flow_layer *layer, uint8_t direction,
              const struct flow_layer_question *question)
{
    const struct flow_cidr *cidrs;
    size_t count;

    if (layer->type == FLOW_LAYER_AWS) {
        cidrs = flow_layer_aws_unfiltered(&count);
        return flow_layer_holds(cidrs, count, &question->source) ||
               flow_layer_holds(cidrs, count, &question->destination);
    }
    cidrs = flow_layer_azure_platform(&count);
    return layer->type == FLOW_LAYER_AZURE && direction == FLOW_DIRECTION_EGRESS &&
           flow_layer_holds(cidrs, count, &question->destination);
}

static struct flow_layer_answer
ask_group(const struct flow_layer *layer, size_t group, uint8_t direction,
          const struct flow_layer_question *question)
{
    if (is_unfiltered(layer, direction, question)) {
        const struct flow_layer_rule *rule = platform_rule(layer, group);

        return answer_of(layer, &layer->groups[group], direction, rule,
                         rule != NULL ? flow_tri_maybe(FLOW_UNDECIDED_INVENTORY)
                                      : flow_tri_of(true));
    }
    return layer->type == FLOW_LAYER_AZURE ? ask_ordered(layer, group, direction, question)
                                           : ask_united(layer, group, direction, question);
}

/* What the groups of a member say; a group that is not in the file may say anything. */
static struct flow_layer_answer
ask_member(const struct flow_layer *layer, const struct flow_layer_member *member,
           uint8_t direction, const struct flow_layer_question *question)
{
    struct flow_layer_answer answer = { .applies = false };

    for (size_t i = 0; i < layer->group_count; i++) {
        if (flow_layer_is_group(layer, &layer->groups[i], member->group)) {
            answer = add_answer(layer, answer, ask_group(layer, i, direction, question));
        }
    }
    if (!answer.applies) {
        const struct flow_layer_group unknown = { .name = member->group };

        answer =
            answer_of(layer, &unknown, direction, NULL, flow_tri_maybe(FLOW_UNDECIDED_INVENTORY));
    }
    return answer;
}

static struct flow_layer_answer
ask_side(const struct flow_layer *layer, uint8_t direction,
         const struct flow_layer_question *question)
{
    const struct flow_address *guarded =
        direction == FLOW_DIRECTION_EGRESS ? &question->source : &question->destination;
    struct flow_layer_answer answer = { .allowed = flow_tri_of(true), .file = layer->file };

    for (size_t i = 0; i < layer->member_count; i++) {
        const struct flow_layer_member *member = &layer->members[i];

        if (flow_layer_holds(member->cidrs, member->cidr_count, guarded)) {
            answer = add_answer(layer, answer, ask_member(layer, member, direction, question));
        }
    }
    return answer;
}

struct flow_layer_answer
flow_layer_ask(const struct flow_layer *layer, const struct flow_layer_question *question)
{
    const struct flow_layer_answer out = ask_side(layer, FLOW_DIRECTION_EGRESS, question);
    const struct flow_layer_answer in = ask_side(layer, FLOW_DIRECTION_INGRESS, question);

    if (!out.applies) {
        return in;
    }
    return in.applies ? both_must(out, in) : out;
}

static bool
add_cidrs(struct flow_cidr_classes *classes, const struct flow_cidr *cidrs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!flow_cidr_classes_add(classes, &cidrs[i])) {
            return false;
        }
    }
    return true;
}

/* What counts beside the file. */
static bool
add_known(struct flow_cidr_classes *classes, const struct flow_layer *layer)
{
    const struct flow_cidr *(*const azure[])(size_t * count) = { flow_layer_azure_platform,
                                                                 flow_layer_azure_host,
                                                                 flow_layer_azure_private };
    const struct flow_cidr *cidrs;
    size_t count;

    if (layer->type == FLOW_LAYER_AWS) {
        cidrs = flow_layer_aws_unfiltered(&count);
        return add_cidrs(classes, cidrs, count);
    }
    for (size_t i = 0; layer->type == FLOW_LAYER_AZURE && i < sizeof(azure) / sizeof(azure[0]);
         i++) {
        cidrs = azure[i](&count);
        if (!add_cidrs(classes, cidrs, count)) {
            return false;
        }
    }
    return true;
}

bool
flow_layer_add_classes(const struct flow_layer *layer, struct flow_cidr_classes *classes)
{
    for (size_t i = 0; i < layer->member_count; i++) {
        if (!add_cidrs(classes, layer->members[i].cidrs, layer->members[i].cidr_count)) {
            return false;
        }
    }
    for (size_t i = 0; i < layer->rule_count; i++) {
        const struct flow_layer_cidrs *from = &layer->rules[i].sources.prefixes;
        const struct flow_layer_cidrs *to = &layer->rules[i].destinations.prefixes;

        if (!add_cidrs(classes, from->cidrs, from->count) ||
            !add_cidrs(classes, to->cidrs, to->count)) {
            return false;
        }
    }
    for (unsigned tag = 0; tag < FLOW_LAYER_TAG_COUNT; tag++) {
        if (!add_cidrs(classes, layer->tags[tag].cidrs, layer->tags[tag].count)) {
            return false;
        }
    }
    return add_known(classes, layer);
}
