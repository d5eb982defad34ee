/* SPDX-License-Identifier: Apache-2.0 */
/* The document, section by section; the first thing that is wrong refuses it. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "intent/intent.h"
#include "policy/policies.h"

#define WHO                                                                                        \
    "namespace", "namespaceLabels", "labels", "entities", "identities", "cidrs", "zone", "ports"

typedef bool read_rule(struct flow_intent_reader *reader, const struct flow_node *node,
                       struct flow_intent_rule *rule);

/* A text member that must be there when it is needed. */
bool
flow_intent_take_text(struct flow_intent_reader *reader, const struct flow_node *map,
                      const char *key, bool needed, struct flow_str *text)
{
    const struct flow_node *node = flow_field(map, key);
    bool placeholder = false;

    if (node == NULL) {
        return !needed || flow_field_refuse(&reader->context, map,
                                            "expected a text at %s, found nothing", key);
    }
    if (!flow_field_text(&reader->context, node, key, text, &placeholder)) {
        return false;
    }
    if (placeholder) {
        return flow_field_fail(&reader->context, node, "a variable of spec.variables or --var");
    }
    return text->len > 0 || flow_field_fail(&reader->context, node, "a text at %s", key);
}

/* An entry of a list: a map whose name, if it has one, is told in its statement. */
static bool
begin_rule(struct flow_intent_reader *reader, const struct flow_node *node, const char *section,
           const char *const *allowed, bool named, struct flow_intent_rule *rule)
{
    return flow_field_is_map(&reader->context, node, section) &&
           flow_intent_only(reader, node, section, allowed) &&
           flow_intent_take_text(reader, node, "name", named, &rule->name) &&
           flow_intent_state(reader, node, section, rule->name, &rule->statement) &&
           flow_intent_read_phases(reader, node, &rule->phases);
}

/* The entries of a list member; absent is no entry. */
static bool
read_rules(struct flow_intent_reader *reader, const struct flow_node *map, const char *key,
           read_rule *read, struct flow_intent_section *section)
{
    const struct flow_node *list;

    if (!flow_field_list(&reader->context, map, key, &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    section->rules = flow_intent_array(reader, list->count, sizeof(*section->rules));
    if (section->rules == NULL) {
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct flow_intent_rule *rule = &section->rules[section->count];

        if (!read(reader, list->items[i], rule)) {
            return false;
        }
        for (size_t other = 0; other < section->count && rule->name.len > 0; other++) {
            if (flow_str_equal(section->rules[other].name, rule->name)) {
                return flow_field_refuse(&reader->context, list->items[i],
                                         "expected a name of its own in %s, found that of line %u",
                                         key, section->rules[other].statement.line);
            }
        }
        section->count++;
    }
    return true;
}

/* A list that stands in spec itself: given also when it is empty. */
static bool
read_list_section(struct flow_intent_reader *reader, const struct flow_node *spec, const char *key,
                  read_rule *read, struct flow_intent_section *section)
{
    const struct flow_node *node = flow_field(spec, key);

    if (node == NULL && flow_field_present(spec, key)) {
        /* as nothing it would say nothing, where most likely "none" was meant */
        return flow_field_fail(&reader->context, flow_node_get(spec, key),
                               "a list at %s ([] for none)", key);
    }
    section->given = node != NULL;
    return node == NULL ||
           (flow_intent_state(reader, node, key, FLOW_STR(""), &section->statement) &&
            read_rules(reader, spec, key, read, section));
}

/* A map in spec with statements of its own. */
bool
flow_intent_read_section(struct flow_intent_reader *reader, const struct flow_node *spec,
                         const char *key, const char *const *allowed,
                         struct flow_intent_section *section, const struct flow_node **map)
{
    if (!flow_field_map(&reader->context, spec, key, map)) {
        return false;
    }
    if (*map == NULL) {
        return true;
    }
    section->given = true;
    return flow_intent_only(reader, *map, key, allowed) &&
           flow_intent_state(reader, *map, key, FLOW_STR(""), &section->statement) &&
           flow_intent_read_phases(reader, *map, &section->phases);
}

static bool
read_cluster(struct flow_intent_reader *reader, const struct flow_node *spec)
{
    static const char *const members[] = { "name", "cidrs", NULL };
    static const char *const kinds[] = { "pods", "services", "nodes", NULL };
    struct flow_intent_document *intent = reader->intent;
    const struct flow_node *cluster, *cidrs = NULL;

    if (!flow_field_map(&reader->context, spec, "cluster", &cluster)) {
        return false;
    }
    if (cluster != NULL &&
        (!flow_intent_only(reader, cluster, "cluster", members) ||
         !flow_intent_take_text(reader, cluster, "name", false, &intent->cluster_name) ||
         !flow_field_map(&reader->context, cluster, "cidrs", &cidrs))) {
        return false;
    }
    return cidrs == NULL ||
           (flow_intent_only(reader, cidrs, "cluster.cidrs", kinds) &&
            flow_intent_state(reader, cidrs, "cluster.cidrs", FLOW_STR(""), &intent->cluster) &&
            flow_intent_read_cidrs(reader, cidrs, "pods", &intent->pods) &&
            flow_intent_read_cidrs(reader, cidrs, "services", &intent->services) &&
            flow_intent_read_cidrs(reader, cidrs, "nodes", &intent->nodes));
}

/* A phase without an end lasts until the next one begins. */
static void
close_phases(struct flow_intent_document *intent)
{
    for (size_t i = 0; i < intent->phase_count; i++) {
        struct flow_intent_phase *phase = &intent->phases[i];
        int64_t next = INT64_MAX;

        for (size_t n = 0; n < intent->phase_count; n++) {
            const int64_t from = intent->phases[n].from;

            if (from > phase->from && from < next) {
                next = from;
            }
        }
        if (phase->until == FLOW_TIME_NONE) {
            phase->until = next == INT64_MAX ? next : next - 1;
        }
    }
}

static bool
read_phase(struct flow_intent_reader *reader, const struct flow_node *node,
           struct flow_intent_phase *phase)
{
    static const char *const members[] = { "name", "from", "until", NULL };

    phase->from = phase->until = FLOW_TIME_NONE;
    phase->line = node->line;
    if (!flow_field_is_map(&reader->context, node, "phases") ||
        !flow_intent_only(reader, node, "phases", members) ||
        !flow_intent_take_text(reader, node, "name", true, &phase->name) ||
        !flow_intent_read_time(reader, node, "from", false, &phase->from) ||
        !flow_intent_read_time(reader, node, "until", true, &phase->until)) {
        return false;
    }
    if (phase->from == FLOW_TIME_NONE && phase->until == FLOW_TIME_NONE) {
        return flow_field_refuse(&reader->context, node,
                                 "expected from or until in phases, found neither");
    }
    if (phase->until != FLOW_TIME_NONE && phase->until < phase->from) {
        return flow_field_fail(&reader->context, flow_field(node, "until"),
                               "a time behind from at until");
    }
    return true;
}

static bool
read_phases(struct flow_intent_reader *reader, const struct flow_node *spec)
{
    struct flow_intent_document *intent = reader->intent;
    const struct flow_node *list;

    if (!flow_field_list(&reader->context, spec, "phases", &list) || list == NULL) {
        return flow_field(spec, "phases") == NULL;
    }
    if (list->count > FLOW_INTENT_PHASES_MAX) {
        return flow_field_refuse(&reader->context, list, "expected at most %d phases, found %zu",
                                 FLOW_INTENT_PHASES_MAX, list->count);
    }
    intent->phases = flow_intent_array(reader, list->count, sizeof(*intent->phases));
    for (size_t i = 0; intent->phases != NULL && i < list->count; i++) {
        if (!read_phase(reader, list->items[i], &intent->phases[i])) {
            return false;
        }
        for (size_t o = 0; o < i; o++) {
            if (flow_str_equal(intent->phases[o].name, intent->phases[i].name)) {
                return flow_field_refuse(&reader->context, list->items[i],
                                         "expected a name of its own in phases, found that of "
                                         "line %u",
                                         intent->phases[o].line);
            }
        }
        intent->phase_count++;
    }
    close_phases(intent);
    return intent->phases != NULL;
}

static bool
read_zones(struct flow_intent_reader *reader, const struct flow_node *spec)
{
    static const char *const members[] = { "name", "cidrs", "clusters", NULL };
    struct flow_intent_document *intent = reader->intent;
    const struct flow_node *list;

    if (!flow_field_list(&reader->context, spec, "zones", &list) || list == NULL) {
        return flow_field(spec, "zones") == NULL;
    }
    intent->zones = flow_intent_array(reader, list->count, sizeof(*intent->zones));
    for (size_t i = 0; intent->zones != NULL && i < list->count; i++) {
        const struct flow_node *node = list->items[i];
        struct flow_intent_zone *zone = &intent->zones[i];

        if (!flow_field_is_map(&reader->context, node, "zones") ||
            !flow_intent_only(reader, node, "zones", members) ||
            !flow_intent_take_text(reader, node, "name", true, &zone->name) ||
            !flow_intent_read_cidrs(reader, node, "cidrs", &zone->cidrs) ||
            !flow_intent_read_texts(reader, node, "clusters", &zone->clusters)) {
            return false;
        }
        zone->line = node->line;
        if (zone->cidrs.count == 0 && zone->clusters.count == 0) {
            return flow_field_refuse(&reader->context, node,
                                     "expected cidrs or clusters in zones, found neither");
        }
        for (size_t o = 0; o < i; o++) {
            if (flow_str_equal(intent->zones[o].name, zone->name)) {
                return flow_field_refuse(
                    &reader->context, node,
                    "expected a name of its own in zones, found that of line %u",
                    intent->zones[o].line);
            }
        }
        intent->zone_count++;
    }
    return intent->zones != NULL;
}

static bool
read_pair(struct flow_intent_reader *reader, const struct flow_node *node,
          struct flow_intent_rule *rule)
{
    static const char *const members[] = { "from",        "to",      "ports",  "source",
                                           "destination", "purpose", "phases", NULL };
    struct flow_str purpose;
    char name[160];

    if (!begin_rule(reader, node, "zonePairs", members, false, rule) ||
        !flow_intent_read_zone(reader, node, "from", &rule->from_zone) ||
        !flow_intent_read_zone(reader, node, "to", &rule->to_zone) ||
        !flow_intent_read_ports(reader, node, &rule->ports) ||
        !flow_intent_take_text(reader, node, "purpose", false, &purpose)) {
        return false;
    }
    if (rule->from_zone == NULL || rule->to_zone == NULL) {
        return flow_field_refuse(&reader->context, node,
                                 "expected from and to in zonePairs, found nothing at %s",
                                 rule->from_zone == NULL ? "from" : "to");
    }
    snprintf(name, sizeof(name), "%.*s to %.*s", (int)rule->from_zone->name.len,
             rule->from_zone->name.ptr, (int)rule->to_zone->name.len, rule->to_zone->name.ptr);
    return flow_intent_state(reader, node, "zonePairs", flow_str_of(name), &rule->statement) &&
           flow_intent_read_who_member(reader, node, "source", &rule->from) &&
           flow_intent_read_who_member(reader, node, "destination", &rule->to);
}

static bool
read_gateway(struct flow_intent_reader *reader, const struct flow_node *node,
             struct flow_intent_rule *rule)
{
    static const char *const members[] = { "name", WHO, "clients", "purpose", "phases", NULL };
    struct flow_str purpose;

    return begin_rule(reader, node, "gateways", members, true, rule) &&
           flow_intent_read_who(reader, node, "gateways", true, &rule->to) &&
           flow_intent_read_ports(reader, node, &rule->ports) &&
           flow_intent_read_who_member(reader, node, "clients", &rule->from) &&
           flow_intent_take_text(reader, node, "purpose", false, &purpose);
}

static bool
read_shared(struct flow_intent_reader *reader, const struct flow_node *node,
            struct flow_intent_rule *rule)
{
    static const char *const members[] = { WHO, NULL };

    if (node->type == FLOW_NODE_SCALAR) {
        /* a namespace by its name */
        struct flow_node key = { .type = FLOW_NODE_SCALAR, .text = FLOW_STR("namespace") };
        struct flow_node_pair pair = { &key, (struct flow_node *)(uintptr_t)node };
        const struct flow_node map = { .type = FLOW_NODE_MAP,
                                       .line = node->line,
                                       .column = node->column,
                                       .count = 1,
                                       .pairs = &pair };

        return flow_intent_state(reader, node, "eastWest.projects.shared", node->text,
                                 &rule->statement) &&
               flow_intent_read_who(reader, &map, "shared", true, &rule->to);
    }
    return begin_rule(reader, node, "eastWest.projects.shared", members, false, rule) &&
           flow_intent_read_who(reader, node, "shared", true, &rule->to) &&
           flow_intent_read_ports(reader, node, &rule->ports);
}

static bool
read_project_cidrs(struct flow_intent_reader *reader, const struct flow_node *node,
                   struct flow_intent_rule *rule)
{
    static const char *const members[] = { "name", "cidrs", NULL };

    return begin_rule(reader, node, "eastWest.projects.cidrs", members, true, rule) &&
           flow_intent_read_cidrs(reader, node, "cidrs", &rule->cidrs) &&
           (rule->cidrs.count > 0 ||
            flow_field_refuse(&reader->context, node,
                              "expected cidrs in eastWest.projects.cidrs, found nothing"));
}

static bool
read_projects(struct flow_intent_reader *reader, const struct flow_node *section)
{
    static const char *const members[] = { "isolate",  "namespaceLabel", "namespacePattern",
                                           "podLabel", "cidrs",          "shared",
                                           NULL };
    struct flow_intent_projects *projects = &reader->intent->projects;
    const struct flow_node *map, *isolate;

    if (!flow_field_map(&reader->context, section, "projects", &map) || map == NULL) {
        return flow_field(section, "projects") == NULL;
    }
    isolate = flow_field(map, "isolate");
    projects->isolate = true;
    projects->shared_given = flow_field(map, "shared") != NULL;
    if (!flow_intent_only(reader, map, "eastWest.projects", members) ||
        !flow_intent_state(reader, map, "eastWest.projects", FLOW_STR(""), &projects->statement) ||
        (isolate != NULL &&
         !flow_field_boolean(&reader->context, isolate, "isolate", &projects->isolate)) ||
        !flow_intent_take_text(reader, map, "namespaceLabel", false, &projects->namespace_label) ||
        !flow_intent_take_text(reader, map, "podLabel", false, &projects->pod_label) ||
        !flow_intent_read_texts(reader, map, "namespacePattern", &projects->namespace_patterns) ||
        !flow_intent_check_globs(reader, map, "namespacePattern", &projects->namespace_patterns) ||
        !read_rules(reader, map, "cidrs", read_project_cidrs, &projects->by_cidr) ||
        !read_rules(reader, map, "shared", read_shared, &projects->shared)) {
        return false;
    }
    if (projects->isolate && projects->namespace_label.len == 0 && projects->pod_label.len == 0 &&
        projects->namespace_patterns.count == 0 && projects->by_cidr.count == 0) {
        return flow_field_refuse(&reader->context, map,
                                 "expected namespaceLabel, namespacePattern, podLabel or cidrs in "
                                 "eastWest.projects, found none of them");
    }
    return true;
}

static bool
read_allowed(struct flow_intent_reader *reader, const struct flow_node *node,
             struct flow_intent_rule *rule)
{
    static const char *const members[] = {
        "name", "from", "to", "ports", "purpose", "phases", NULL
    };
    struct flow_str purpose;

    if (!begin_rule(reader, node, "eastWest.allowed", members, false, rule) ||
        !flow_intent_read_who_member(reader, node, "from", &rule->from) ||
        !flow_intent_read_who_member(reader, node, "to", &rule->to) ||
        !flow_intent_read_ports(reader, node, &rule->ports) ||
        !flow_intent_take_text(reader, node, "purpose", false, &purpose)) {
        return false;
    }
    return rule->from.given || rule->to.given ||
           flow_field_refuse(&reader->context, node,
                             "expected from or to in eastWest.allowed, found neither");
}

static bool
read_internal(struct flow_intent_reader *reader, const struct flow_node *node,
              struct flow_intent_rule *rule)
{
    static const char *const members[] = { "name", "to", "ports", "paths", "phases", NULL };

    if (!begin_rule(reader, node, "eastWest.internal", members, true, rule) ||
        !flow_intent_read_who_member(reader, node, "to", &rule->to) ||
        !flow_intent_read_ports(reader, node, &rule->ports) ||
        !flow_intent_read_texts(reader, node, "paths", &rule->paths)) {
        return false;
    }
    return rule->to.given || rule->paths.count > 0 ||
           flow_field_refuse(&reader->context, node,
                             "expected to or paths in eastWest.internal, found neither");
}

/* default: deny, or another word. */
bool
flow_intent_read_default(struct flow_intent_reader *reader, const struct flow_node *map,
                         const char *other, bool needed, bool *deny)
{
    const struct flow_node *node = flow_field(map, "default");

    if (node == NULL) {
        return !needed || flow_field_refuse(&reader->context, map,
                                            "expected deny or %s at default, found nothing", other);
    }
    *deny = node->type == FLOW_NODE_SCALAR && flow_str_is(node->text, "deny");
    return *deny || (node->type == FLOW_NODE_SCALAR && flow_str_is(node->text, other)) ||
           flow_field_fail(&reader->context, node, "deny or %s at default", other);
}

static bool
read_east_west(struct flow_intent_reader *reader, const struct flow_node *spec)
{
    static const char *const members[] = { "default", "phases",   "projects",
                                           "allowed", "internal", NULL };
    struct flow_intent_document *intent = reader->intent;
    const struct flow_node *map;

    if (!flow_intent_read_section(reader, spec, "eastWest", members, &intent->east_west, &map)) {
        return false;
    }
    return map == NULL ||
           (flow_intent_read_default(reader, map, "policies", false, &intent->east_west.deny) &&
            read_projects(reader, map) &&
            read_rules(reader, map, "allowed", read_allowed, &intent->east_west) &&
            read_rules(reader, map, "internal", read_internal, &intent->internal));
}

static bool
read_client(struct flow_intent_reader *reader, const struct flow_node *node,
            struct flow_intent_rule *rule)
{
    static const char *const members[] = { "name", WHO, "purpose", "phases", NULL };
    struct flow_str purpose;

    return begin_rule(reader, node, "controlPlane.allowed", members, false, rule) &&
           flow_intent_read_who(reader, node, "controlPlane.allowed", true, &rule->from) &&
           flow_intent_read_ports(reader, node, &rule->ports) &&
           flow_intent_take_text(reader, node, "purpose", false, &purpose);
}

static bool
read_endpoint(struct flow_intent_reader *reader, const struct flow_node *node,
              struct flow_intent_rule *rule)
{
    static const char *const members[] = { "name", WHO, "phases", NULL };

    return begin_rule(reader, node, "controlPlane.endpoints", members, true, rule) &&
           flow_intent_read_who(reader, node, "controlPlane.endpoints", true, &rule->to) &&
           flow_intent_read_ports(reader, node, &rule->ports);
}

static bool
read_resolver(struct flow_intent_reader *reader, const struct flow_node *node,
              struct flow_intent_rule *rule)
{
    static const char *const members[] = { "name", WHO, "purpose", "phases", NULL };
    struct flow_str purpose;

    return begin_rule(reader, node, "dns.resolvers", members, false, rule) &&
           flow_intent_read_who(reader, node, "dns.resolvers", true, &rule->to) &&
           flow_intent_read_ports(reader, node, &rule->ports) &&
           flow_intent_take_text(reader, node, "purpose", false, &purpose);
}

static bool
read_control(struct flow_intent_reader *reader, const struct flow_node *spec)
{
    static const char *const members[] = { "allowed", "endpoints", "phases", NULL };
    static const char *const dns[] = { "resolvers", "phases", NULL };
    struct flow_intent_document *intent = reader->intent;
    const struct flow_node *map;

    if (!flow_intent_read_section(reader, spec, "controlPlane", members, &intent->control, &map) ||
        (map != NULL &&
         (!read_rules(reader, map, "allowed", read_client, &intent->control) ||
          !read_rules(reader, map, "endpoints", read_endpoint, &intent->control_endpoints)))) {
        return false;
    }
    if (!flow_intent_read_section(reader, spec, "dns", dns, &intent->resolvers, &map) ||
        map == NULL) {
        return flow_field(spec, "dns") == NULL;
    }
    return read_rules(reader, map, "resolvers", read_resolver, &intent->resolvers) &&
           (flow_field(map, "resolvers") != NULL ||
            flow_field_refuse(&reader->context, map, "expected resolvers in dns, found nothing"));
}

static bool
read_coverage(struct flow_intent_reader *reader, const struct flow_node *spec)
{
    static const char *const members[] = { "minimum", "nodes", "silence", NULL };
    struct flow_intent_document *intent = reader->intent;
    const struct flow_node *map;

    if (!flow_field_map(&reader->context, spec, "coverage", &map) || map == NULL) {
        return flow_field(spec, "coverage") == NULL;
    }
    return flow_intent_only(reader, map, "coverage", members) &&
           flow_intent_read_share(reader, map, "minimum", &intent->minimum_coverage) &&
           flow_intent_read_texts(reader, map, "nodes", &intent->expected_nodes) &&
           flow_intent_read_duration(reader, map, "silence", &intent->silence);
}

/* spec.engine: a name that the policies know too. */
static bool
read_engine(struct flow_intent_reader *reader, const struct flow_node *spec)
{
    struct flow_str name = FLOW_STR("");

    if (!flow_intent_take_text(reader, spec, "engine", false, &name)) {
        return false;
    }
    if (name.len > 0) {
        if (flow_engine_find(name.ptr) == NULL) {
            return flow_field_fail(&reader->context, flow_field(spec, "engine"),
                                   "cilium-1.17 to cilium-1.20 or kubernetes at engine");
        }
        reader->intent->engine = name.ptr;
    }
    return true;
}

static bool
read_spec(struct flow_intent_reader *reader, const struct flow_node *spec)
{
    static const char *const members[] = {
        "engine", "variables", "cluster",      "phases", "zones",  "zonePairs", "gateways",
        "egress", "eastWest",  "controlPlane", "dns",    "layers", "coverage",  NULL
    };
    struct flow_intent_document *intent = reader->intent;

    return flow_intent_only(reader, spec, "spec", members) &&
           flow_intent_read_variables(reader, spec) && read_engine(reader, spec) &&
           read_cluster(reader, spec) && read_phases(reader, spec) && read_zones(reader, spec) &&
           read_list_section(reader, spec, "zonePairs", read_pair, &intent->zone_pairs) &&
           read_list_section(reader, spec, "gateways", read_gateway, &intent->gateways) &&
           flow_intent_read_egress(reader, spec) && read_east_west(reader, spec) &&
           read_control(reader, spec) && flow_intent_read_layers(reader, spec) &&
           read_coverage(reader, spec);
}

bool
flow_intent_read(struct flow_intent_reader *reader, const struct flow_node *root)
{
    static const char *const members[] = { "apiVersion", "kind", "metadata", "spec", NULL };
    static const char *const metadata[] = { "name", "labels", "annotations", NULL };
    const struct flow_node *map;
    struct flow_str text = FLOW_STR("");

    if (!flow_field_is_map(&reader->context, root, "the document") ||
        !flow_intent_take_text(reader, root, "apiVersion", true, &text)) {
        return false;
    }
    if (!flow_str_is(text, "libflow.dev/v1alpha1")) {
        return flow_field_fail(&reader->context, flow_field(root, "apiVersion"),
                               "libflow.dev/v1alpha1 at apiVersion");
    }
    if (!flow_intent_take_text(reader, root, "kind", true, &text)) {
        return false;
    }
    if (!flow_str_is(text, "FlowIntent")) {
        return flow_field_fail(&reader->context, flow_field(root, "kind"), "FlowIntent at kind");
    }
    if (!flow_intent_only(reader, root, "the document", members) ||
        !flow_field_need(&reader->context, root, "metadata", "metadata", &map) ||
        !flow_field_is_map(&reader->context, map, "metadata") ||
        !flow_intent_only(reader, map, "metadata", metadata) ||
        !flow_intent_take_text(reader, map, "name", true, &text)) {
        return false;
    }
    reader->intent->title = text.ptr;
    return flow_field_need(&reader->context, root, "spec", "spec", &map) &&
           flow_field_is_map(&reader->context, map, "spec") && read_spec(reader, map);
}
