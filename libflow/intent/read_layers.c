/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of an intent: which file each is read from, and which addresses its groups guard. */
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "intent/intent.h"

static bool
read_type(struct flow_intent_reader *reader, const struct flow_node *map, struct flow_layer *layer)
{
    static const char *const names[] = { [FLOW_LAYER_AWS] = "aws-security-groups",
                                         [FLOW_LAYER_AZURE] = "azure-nsg",
                                         [FLOW_LAYER_OPENSTACK] = "openstack-security-groups" };
    struct flow_str text;

    if (!flow_intent_take_text(reader, map, "type", true, &text)) {
        return false;
    }
    for (uint8_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (flow_str_is(text, names[i])) {
            layer->type = i;
            return true;
        }
    }
    return flow_field_fail(&reader->context, flow_field(map, "type"),
                           "aws-security-groups, azure-nsg or openstack-security-groups at type");
}

static bool
read_layer_variables(struct flow_intent_reader *reader, const struct flow_node *map,
                     struct flow_layer *layer)
{
    const struct flow_node *variables;
    struct flow_layer_variable *list;

    if (!flow_field_map(&reader->context, map, "variables", &variables)) {
        return false;
    }
    if (variables == NULL) {
        return true;
    }
    list = flow_intent_array(reader, variables->count, sizeof(*list));
    for (size_t i = 0; list != NULL && i < variables->count; i++) {
        const struct flow_node_pair *pair = &variables->pairs[i];
        bool placeholder = false;

        list[i].name = flow_arena_str(&reader->intent->arena, pair->key->text);
        if (!flow_field_text(&reader->context, pair->value, "variables", &list[i].value,
                             &placeholder)) {
            return false;
        }
        if (list[i].name.ptr == NULL) {
            flow_fail_memory(reader->context.err);
            return false;
        }
    }
    layer->variables = list;
    layer->variable_count = variables->count;
    return list != NULL;
}

static bool
read_members(struct flow_intent_reader *reader, const struct flow_node *map,
             struct flow_layer *layer)
{
    static const char *const members[] = { "group", "cidrs", NULL };
    const struct flow_node *list;

    if (!flow_field_need(&reader->context, map, "members", "members in layers", &list) ||
        !flow_field_is_list(&reader->context, list, "members")) {
        return false;
    }
    if (list->count == 0) {
        return flow_field_fail(&reader->context, list, "at least one member at members");
    }
    layer->members = flow_intent_array(reader, list->count, sizeof(*layer->members));
    for (size_t i = 0; layer->members != NULL && i < list->count; i++) {
        const struct flow_node *node = list->items[i];
        struct flow_layer_member *member = &layer->members[i];
        struct flow_intent_cidrs cidrs = { NULL, 0 };

        if (!flow_field_is_map(&reader->context, node, "members") ||
            !flow_intent_only(reader, node, "members", members) ||
            !flow_intent_take_text(reader, node, "group", true, &member->group) ||
            !flow_intent_read_cidrs(reader, node, "cidrs", &cidrs)) {
            return false;
        }
        if (cidrs.count == 0) {
            return flow_field_refuse(&reader->context, node,
                                     "expected cidrs in members, found nothing");
        }
        member->cidrs = cidrs.cidrs;
        member->cidr_count = cidrs.count;
        member->line = node->line;
        member->column = node->column;
        layer->member_count++;
    }
    return layer->members != NULL;
}

static bool
state(struct flow_intent_reader *reader, const struct flow_intent_layer *layer,
      struct flow_str group, struct flow_str rule, uint32_t line,
      struct flow_intent_statement *statement)
{
    struct flow_buf text = { 0 };

    flow_buf_add_text(&text, layer->statement.name);
    flow_buf_add_char(&text, ' ');
    flow_buf_add_str(&text, group);
    flow_buf_add_char(&text, ' ');
    flow_buf_add_str(&text, rule);
    statement->name = flow_arena_str(&reader->intent->arena, flow_buf_str(&text)).ptr;
    statement->file = layer->layer.file;
    statement->line = line;
    if (text.failed || statement->name == NULL) {
        flow_fail_memory(reader->context.err);
        statement->name = NULL;
    }
    flow_buf_free(&text);
    return statement->name != NULL;
}

static struct flow_str
group_name(const struct flow_layer_group *group)
{
    return group->id.len > 0 ? group->id : group->name;
}

bool
flow_intent_state_layer(struct flow_intent_reader *reader, struct flow_intent_layer *layer)
{
    const struct flow_layer *of = &layer->layer;

    layer->of_rules = flow_intent_array(reader, of->rule_count, sizeof(*layer->of_rules));
    layer->of_groups = flow_intent_array(reader, of->group_count, sizeof(*layer->of_groups));
    if (layer->of_rules == NULL || layer->of_groups == NULL) {
        return false;
    }
    for (size_t i = 0; i < of->rule_count; i++) {
        if (!state(reader, layer, group_name(&of->groups[of->rules[i].group]), of->rules[i].name,
                   of->rules[i].line, &layer->of_rules[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < of->group_count; i++) {
        if (!state(reader, layer, group_name(&of->groups[i]),
                   FLOW_STR("has no rule that allows it"), of->groups[i].line,
                   &layer->of_groups[i])) {
            return false;
        }
    }
    flow_layer_check_members(&reader->context, of);
    return true;
}

static bool
is_group(const struct flow_layer_group *group, struct flow_str name)
{
    return flow_str_equal(group->name, name) || flow_str_equal(group->id, name);
}

const struct flow_intent_statement *
flow_intent_layer_statement(const struct flow_intent_layer *layer,
                            const struct flow_layer_answer *answer)
{
    const struct flow_layer *of = &layer->layer;

    for (size_t i = 0; i < of->rule_count && answer->rule.len > 0; i++) {
        const struct flow_layer_rule *rule = &of->rules[i];
        const uint32_t line = rule->line > 0 ? rule->line : of->groups[rule->group].line;

        if (line == answer->line && flow_str_equal(rule->name, answer->rule) &&
            is_group(&of->groups[rule->group], answer->group)) {
            return &layer->of_rules[i];
        }
    }
    for (size_t i = 0; i < of->group_count; i++) {
        if (of->groups[i].line == answer->line && is_group(&of->groups[i], answer->group)) {
            return &layer->of_groups[i];
        }
    }
    return &layer->statement;
}

static bool
read_layer(struct flow_intent_reader *reader, const struct flow_node *node,
           struct flow_intent_layer *out)
{
    static const char *const members[] = { "name",    "type",   "file", "variables",
                                           "members", "phases", NULL };
    struct flow_str file;

    return flow_field_is_map(&reader->context, node, "layers") &&
           flow_intent_only(reader, node, "layers", members) &&
           flow_intent_take_text(reader, node, "name", true, &out->layer.name) &&
           read_type(reader, node, &out->layer) &&
           flow_intent_take_text(reader, node, "file", true, &file) &&
           flow_intent_state(reader, node, "layers", out->layer.name, &out->statement) &&
           flow_intent_read_phases(reader, node, &out->phases) &&
           read_layer_variables(reader, node, &out->layer) &&
           read_members(reader, node, &out->layer) &&
           flow_intent_read_layer_file(reader, flow_field(node, "file"), file, &out->layer) &&
           flow_intent_state_layer(reader, out);
}

bool
flow_intent_read_layers(struct flow_intent_reader *reader, const struct flow_node *spec)
{
    struct flow_intent_document *intent = reader->intent;
    const struct flow_node *list;

    if (!flow_field_list(&reader->context, spec, "layers", &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    intent->layers = flow_intent_array(reader, list->count, sizeof(*intent->layers));
    for (size_t i = 0; intent->layers != NULL && i < list->count; i++) {
        if (!read_layer(reader, list->items[i], &intent->layers[i])) {
            return false;
        }
        for (size_t o = 0; o < i; o++) {
            if (flow_str_equal(intent->layers[o].layer.name, intent->layers[i].layer.name)) {
                return flow_field_refuse(&reader->context, list->items[i],
                                         "expected a name of its own in layers, found that of "
                                         "line %u",
                                         intent->layers[o].statement.line);
            }
        }
        intent->layer_count++;
    }
    return intent->layers != NULL;
}
