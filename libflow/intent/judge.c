/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the document says of a connection. Each section has its say; what is against one of them
 * counts more than what another approves, and a missing fact counts only where the answer hangs
 * on it.
 */
#include <string.h>

#include "base/str.h"
#include "intent/judging.h"

/* Whether an end is one of the gateways, at any port. */
static struct flow_tri
is_gateway(const struct judging *judging, const struct flow_intent_end *end)
{
    const struct flow_intent_section *gateways = &judging->intent->gateways;
    struct flow_tri match = flow_tri_of(false);

    for (size_t i = 0; i < gateways->count && match.truth != FLOW_TRUE; i++) {
        match = flow_tri_or(match, flow_who_match(&gateways->rules[i].to, end));
    }
    return match;
}

/* Ports of a node that belong to the control plane: API server, etcd, kubelet. */
static bool
is_control_port(const struct flow_intent_question *question)
{
    const uint16_t port = question->port;

    return question->has_port && question->protocol == FLOW_PROTOCOL_TCP &&
           (port == 6443 || port == 2379 || port == 2380 || port == 10250);
}

static void
judge_control(struct judging *judging)
{
    const struct flow_intent_document *intent = judging->intent;
    const struct flow_intent_rule *endpoint, *by;
    struct flow_tri match;

    judging->control =
        judging->server.party->api_server ||
        judging->server.party->class == FLOW_PARTY_API_SERVER ||
        (judging->server.place == FLOW_PLACE_NODE && is_control_port(judging->question));
    if (!flow_judging_in_force(judging, &intent->control)) {
        return;
    }
    match = flow_judging_any_rule(judging, &intent->control_endpoints, &endpoint);
    if (match.truth == FLOW_MAYBE && !judging->control &&
        judging->client.place != FLOW_PLACE_NODE) {
        judging->why |= match.why;
    }
    judging->control |= match.truth == FLOW_TRUE;
    if (!judging->control || judging->client.place == FLOW_PLACE_NODE ||
        judging->client.party->api_server) {
        return;
    }
    match = flow_judging_any_rule(judging, &intent->control, &by);
    if (match.truth == FLOW_TRUE) {
        flow_judging_approve(judging, &by->statement);
    } else if (match.truth == FLOW_MAYBE || judging->client.place == FLOW_PLACE_UNKNOWN) {
        judging->why |= match.truth == FLOW_MAYBE ? match.why : FLOW_UNDECIDED_NO_LABELS;
    } else {
        judging->forbidden = true;
        flow_judging_violate(judging, FLOW_VIOLATION_CONTROL,
                             endpoint != NULL ? &endpoint->statement : &intent->control.statement);
    }
}

/* The zone pair that a connection goes between; true: nothing else is to be asked. */
static bool
judge_zones(struct judging *judging)
{
    const struct flow_intent_document *intent = judging->intent;
    const struct flow_intent_zone *from = judging->client.zone;
    const struct flow_intent_zone *to = judging->server.zone;
    struct flow_tri match = flow_tri_of(false);

    if (!flow_judging_in_force(judging, &intent->zone_pairs) || from == NULL || to == NULL ||
        from == to) {
        return false;
    }
    for (size_t i = 0; i < intent->zone_pairs.count; i++) {
        const struct flow_intent_rule *rule = &intent->zone_pairs.rules[i];
        struct flow_tri one;

        if (rule->from_zone != from || rule->to_zone != to) {
            continue;
        }
        one = flow_judging_rule_match(judging, rule);
        if (one.truth == FLOW_TRUE) {
            flow_judging_approve(judging, &rule->statement);
            return true;
        }
        match = flow_tri_or(match, one);
    }
    if (match.truth == FLOW_MAYBE) {
        judging->why |= match.why;
    } else {
        judging->forbidden = true;
        flow_judging_violate(judging, FLOW_VIOLATION_ZONE, &intent->zone_pairs.statement);
    }
    return true;
}

/* The path of a request's URL, which may be whole. */
static struct flow_str
path_of(struct flow_str url)
{
    const char *scheme, *end;

    if (url.ptr == NULL) {
        return url;
    }
    scheme = memmem(url.ptr, url.len, "://", 3);
    if (scheme != NULL) {
        const size_t start = (size_t)(scheme + 3 - url.ptr);
        const char *slash = start < url.len ? memchr(url.ptr + start, '/', url.len - start) : NULL;

        if (slash == NULL) {
            return FLOW_STR("/");
        }
        url = flow_str_from(url, (size_t)(slash - url.ptr));
    }
    end = memchr(url.ptr, '?', url.len);
    if (end != NULL) {
        url.len = (size_t)(end - url.ptr);
    }
    return url;
}

/* Whether a request is for one of the paths; without paths every connection is meant. */
static bool
asks_path(const struct judging *judging, const struct flow_intent_rule *rule)
{
    const struct flow_l7 *l7 = judging->question->l7;

    if (rule->paths.count == 0) {
        return true;
    }
    if (l7 == NULL || l7->protocol != FLOW_L7_HTTP || l7->http_url.len == 0) {
        return false;
    }
    for (size_t i = 0; i < rule->paths.count; i++) {
        if (flow_glob_match(rule->paths.texts[i], path_of(l7->http_url))) {
            return true;
        }
    }
    return false;
}

/* Services that are for the inside alone. */
static void
judge_internal(struct judging *judging)
{
    const struct flow_intent_document *intent = judging->intent;

    if (!flow_judging_in_force(judging, &intent->east_west)) {
        return;
    }
    for (size_t i = 0; i < intent->internal.count; i++) {
        const struct flow_intent_rule *rule = &intent->internal.rules[i];
        const bool outside = flow_judging_is_outside(&judging->client);
        struct flow_tri match;

        if (!asks_path(judging, rule)) {
            continue;
        }
        match = judging->client.place == FLOW_PLACE_UNKNOWN
                    ? flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS)
                    : flow_tri_of(outside);
        if (!outside && rule->paths.count > 0) {
            match = judging->client.party->class == FLOW_PARTY_INGRESS
                        ? flow_tri_of(true)
                        : is_gateway(judging, &judging->client);
        }
        match = match.truth == FLOW_FALSE
                    ? match
                    : flow_tri_and(match, flow_judging_rule_match(judging, rule));
        if (match.truth == FLOW_TRUE) {
            judging->forbidden = true;
            flow_judging_violate(judging, FLOW_VIOLATION_INTERNAL, &rule->statement);
        } else if (match.truth == FLOW_MAYBE) {
            judging->why |= match.why;
        }
    }
}

/* Whether an end is a service that all projects share; ports count where it is the server. */
static struct flow_tri
is_shared(const struct judging *judging, const struct flow_intent_end *end, bool server,
          const struct flow_intent_rule **by)
{
    const struct flow_intent_section *shared = &judging->intent->projects.shared;
    struct flow_tri match = flow_tri_of(false);

    for (size_t i = 0; i < shared->count; i++) {
        const struct flow_intent_rule *rule = &shared->rules[i];
        struct flow_tri one = flow_who_match(&rule->to, end);

        if (server && one.truth != FLOW_FALSE) {
            one = flow_tri_and(one, flow_intent_ports_match(&rule->ports, judging->question));
        }
        if (one.truth == FLOW_TRUE) {
            *by = rule;
            return one;
        }
        match = flow_tri_or(match, one);
    }
    return match;
}

/* What lets two ends inside talk, whoever they are: the lists, and what other sections name. */
static struct flow_tri
admitted_inside(const struct judging *judging, const struct flow_intent_rule **by)
{
    const struct flow_intent_document *intent = judging->intent;
    struct flow_tri match = flow_judging_any_rule(judging, &intent->east_west, by);

    if (match.truth != FLOW_TRUE && flow_judging_asks_resolver(judging)) {
        match = flow_tri_or(match, flow_judging_any_rule(judging, &intent->resolvers, by));
    }
    if (match.truth != FLOW_TRUE) {
        match = flow_tri_or(match, is_gateway(judging, &judging->client));
    }
    if (match.truth != FLOW_TRUE) {
        match = flow_tri_or(match, is_gateway(judging, &judging->server));
    }
    if (match.truth != FLOW_TRUE && judging->control) {
        match = flow_tri_of(true); /* that section has its own say */
    }
    return match;
}

/* Whether projects have the last word on it. */
static bool
judge_projects(struct judging *judging)
{
    const struct flow_intent_projects *projects = &judging->intent->projects;
    const struct flow_tri client = judging->client.has_project;
    const struct flow_tri server = judging->server.has_project;
    const struct flow_intent_rule *by = NULL;
    struct flow_tri match;

    if ((client.truth == FLOW_FALSE && server.truth == FLOW_FALSE) ||
        judging->client.place != FLOW_PLACE_POD || judging->server.place != FLOW_PLACE_POD) {
        return false;
    }
    if (client.truth == FLOW_TRUE && server.truth == FLOW_TRUE &&
        flow_str_equal(judging->client.project, judging->server.project)) {
        flow_judging_approve(judging, &projects->statement);
        return true;
    }
    match = is_shared(judging, &judging->server, true, &by);
    match = match.truth == FLOW_TRUE
                ? match
                : flow_tri_or(match, is_shared(judging, &judging->client, false, &by));
    match = match.truth == FLOW_TRUE ? match : flow_tri_or(match, admitted_inside(judging, &by));
    if (match.truth == FLOW_TRUE) {
        if (by != NULL) {
            flow_judging_approve(judging, &by->statement);
        }
        return true;
    }
    /* what a project does with the rest of the cluster is spoken of by the list of what is shared
     */
    if ((client.truth == FLOW_FALSE || server.truth == FLOW_FALSE) && !projects->shared_given) {
        return false;
    }
    if (match.truth == FLOW_MAYBE || client.truth == FLOW_MAYBE || server.truth == FLOW_MAYBE) {
        judging->why |= match.why | client.why | server.why;
        return true;
    }
    if (client.truth == FLOW_TRUE && server.truth == FLOW_TRUE) {
        judging->forbidden = true;
        flow_judging_violate(judging, FLOW_VIOLATION_PROJECT, &projects->statement);
    } else {
        judging->unapproved = true;
        flow_judging_violate(judging, FLOW_VIOLATION_EAST_WEST, &projects->statement);
    }
    return true;
}

static void
judge_east_west(struct judging *judging)
{
    const struct flow_intent_document *intent = judging->intent;
    const struct flow_intent_rule *by = NULL;
    struct flow_tri match;

    if (!flow_judging_in_force(judging, &intent->east_west)) {
        return;
    }
    if ((intent->projects.isolate && judge_projects(judging)) ||
        judging->client.place != FLOW_PLACE_POD || judging->server.place != FLOW_PLACE_POD) {
        return;
    }
    match = admitted_inside(judging, &by);
    if (match.truth == FLOW_TRUE && by != NULL) {
        flow_judging_approve(judging, &by->statement);
    }
    if (!intent->east_west.deny || match.truth == FLOW_TRUE) {
        return;
    }
    if (match.truth == FLOW_MAYBE) {
        judging->why |= match.why;
        return;
    }
    judging->unapproved = true;
    flow_judging_violate(judging, FLOW_VIOLATION_EAST_WEST, &intent->east_west.statement);
}

static void
judge_ingress(struct judging *judging)
{
    const struct flow_intent_section *gateways = &judging->intent->gateways;
    const struct flow_intent_rule *by;
    struct flow_tri match;

    if (!flow_judging_in_force(judging, gateways) || !flow_judging_is_inside(&judging->server) ||
        (!flow_judging_is_outside(&judging->client) &&
         judging->client.place != FLOW_PLACE_UNKNOWN)) {
        return;
    }
    match = flow_judging_any_rule(judging, gateways, &by);
    if (match.truth != FLOW_TRUE && judging->client.place == FLOW_PLACE_UNKNOWN) {
        match = flow_tri_maybe(match.why | FLOW_UNDECIDED_NO_LABELS);
    }
    if (match.truth == FLOW_TRUE) {
        flow_judging_approve(judging, &by->statement);
    } else if (match.truth == FLOW_MAYBE) {
        judging->why |= match.why;
    } else {
        judging->forbidden = true;
        flow_judging_violate(judging, FLOW_VIOLATION_GATEWAY, &gateways->statement);
    }
}

static void
judge_layers(struct judging *judging)
{
    const struct flow_intent_document *intent = judging->intent;
    const struct flow_intent_question *question = judging->question;

    for (size_t i = 0; i < intent->layer_count; i++) {
        const struct flow_intent_layer *layer = &intent->layers[i];
        struct flow_layer_question asked = {
            .source = question->client_address,
            .destination = question->server_address,
            .protocol = question->protocol,
            .has_port = question->has_port,
            .port = question->port,
        };
        struct flow_layer_answer answer;

        if (!flow_judging_in_phase(judging, layer->phases)) {
            continue;
        }
        answer = flow_layer_ask(&layer->layer, &asked);
        if (!answer.applies && question->translated.family != 0) {
            /* outside, a pod goes by the address of its node */
            asked.source = question->translated;
            answer = flow_layer_ask(&layer->layer, &asked);
        }
        if (!answer.applies || answer.allowed.truth == FLOW_TRUE) {
            continue;
        }
        if (answer.allowed.truth == FLOW_MAYBE) {
            judging->why |= answer.allowed.why;
        } else {
            judging->forbidden = true;
            flow_judging_violate(judging, FLOW_VIOLATION_LAYER,
                                 flow_intent_layer_statement(layer, &answer));
        }
    }
}

static uint8_t
scope_of(const struct judging *judging)
{
    const struct flow_intent_end *client = &judging->client;
    const struct flow_intent_end *server = &judging->server;

    if (judging->control || client->party->api_server ||
        client->party->class == FLOW_PARTY_API_SERVER) {
        return FLOW_SCOPE_CONTROL_PLANE;
    }
    if (client->place == FLOW_PLACE_UNKNOWN || server->place == FLOW_PLACE_UNKNOWN ||
        (!flow_judging_is_inside(client) && !flow_judging_is_inside(server))) {
        return FLOW_SCOPE_UNKNOWN;
    }
    if (!flow_judging_is_inside(client)) {
        return FLOW_SCOPE_INGRESS;
    }
    if (!flow_judging_is_inside(server)) {
        return FLOW_SCOPE_EGRESS;
    }
    return client->place == FLOW_PLACE_NODE || server->place == FLOW_PLACE_NODE
               ? FLOW_SCOPE_HOST
               : FLOW_SCOPE_EAST_WEST;
}

/* Which phases are on; false when no statement is in force yet. */
static bool
find_phases(struct judging *judging)
{
    const struct flow_intent_document *intent = judging->intent;
    const int64_t time = judging->question->time;
    bool begun = intent->phase_count == 0;

    for (size_t i = 0; i < intent->phase_count; i++) {
        const struct flow_intent_phase *phase = &intent->phases[i];

        begun |= time >= phase->from;
        if (time >= phase->from && time <= phase->until) {
            judging->active |= 1u << i;
        }
    }
    if (intent->phase_count > 0 && time == FLOW_TIME_NONE) {
        judging->why |= FLOW_UNDECIDED_NO_TIME;
        return false;
    }
    return begun;
}

/* Which statements are in force, whatever they say of this connection. */
static void
note_force(struct judging *judging)
{
    const struct flow_intent_document *intent = judging->intent;
    const struct flow_intent_section *const sections[] = {
        [FLOW_SECTION_GATEWAYS] = &intent->gateways,   [FLOW_SECTION_EGRESS] = &intent->egress,
        [FLOW_SECTION_EAST_WEST] = &intent->east_west, [FLOW_SECTION_CONTROL] = &intent->control,
        [FLOW_SECTION_ZONES] = &intent->zone_pairs,
    };

    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        judging->decision->in_force |=
            (uint8_t)(flow_judging_in_force(judging, sections[i]) ? 1u << i : 0);
    }
    for (size_t i = 0; i < intent->layer_count; i++) {
        judging->decision->in_force |=
            (uint8_t)(flow_judging_in_phase(judging, intent->layers[i].phases)
                          ? 1u << FLOW_SECTION_LAYERS
                          : 0);
    }
}

static void
judge_all(struct judging *judging)
{
    bool approved;

    note_force(judging);
    judge_control(judging);
    if (judge_zones(judging)) {
        approved = judging->decision->statement != NULL;
    } else {
        judge_internal(judging);
        judge_ingress(judging);
        approved = flow_judge_egress(judging);
        judge_east_west(judging);
    }
    flow_judge_resolver(judging, approved);
    if (judging->client.foreign && flow_judging_is_inside(&judging->server)) {
        /* whose addresses there are is known from the pods of an inventory alone */
        if (judging->question->inventory->pods.keys.count > 0) {
            judging->forbidden = true;
        } else {
            judging->why |= FLOW_UNDECIDED_INVENTORY;
        }
        flow_judging_violate(judging, FLOW_VIOLATION_FOREIGN, &judging->intent->cluster);
    }
    judge_layers(judging);
}

void
flow_intent_judge(const struct flow_intent_document *intent,
                  const struct flow_intent_question *question,
                  struct flow_intent_decision *decision)
{
    struct judging judging = { .intent = intent, .question = question, .decision = decision };
    bool begun;

    memset(decision, 0, sizeof(*decision));
    flow_intent_place(intent, question, false, &judging.client);
    flow_intent_place(intent, question, true, &judging.server);
    begun = find_phases(&judging);
    if (begun) {
        judge_all(&judging);
    } else {
        judging.control = judging.server.party->api_server ||
                          judging.server.party->class == FLOW_PARTY_API_SERVER;
    }
    decision->before_phases = !begun && judging.why == 0;
    decision->scope = scope_of(&judging);
    decision->undecided = judging.why;
    decision->intent = judging.forbidden             ? FLOW_INTENT_FORBIDDEN
                       : judging.unapproved          ? FLOW_INTENT_UNAPPROVED
                       : judging.expired             ? FLOW_INTENT_EXPIRED
                       : judging.not_yet             ? FLOW_INTENT_NOT_YET_VALID
                       : judging.why != 0            ? FLOW_INTENT_UNDECIDABLE
                       : decision->statement != NULL ? FLOW_INTENT_APPROVED
                                                     : FLOW_INTENT_NO_STATEMENT;
    if (decision->intent != FLOW_INTENT_UNDECIDABLE) {
        decision->undecided = 0;
    } else if (decision->violation_count == 0) {
        flow_judging_violate(&judging, FLOW_VIOLATION_UNDECIDABLE, NULL);
    }
}
