/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an end of a connection is, by the document's prefixes before Cilium's words: "world" may be
 * a node, and "remote-node" may be a stranger. And whether it is one that a statement is about.
 */
#include <string.h>

#include "base/str.h"
#include "intent/intent.h"

bool
flow_glob_match(struct flow_str pattern, struct flow_str text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, resume = 0;

    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

static bool
matches_any(const struct flow_intent_texts *globs, struct flow_str text)
{
    for (size_t i = 0; i < globs->count; i++) {
        if (flow_glob_match(globs->texts[i], text)) {
            return true;
        }
    }
    return false;
}

bool
flow_intent_holds(const struct flow_intent_cidrs *cidrs, const struct flow_address *address)
{
    for (size_t i = 0; i < cidrs->count; i++) {
        if (flow_cidr_holds(&cidrs->cidrs[i], address)) {
            return true;
        }
    }
    return false;
}

static const struct flow_intent_zone *
zone_of_cluster(const struct flow_intent_document *intent, struct flow_str cluster)
{
    for (size_t z = 0; z < intent->zone_count && cluster.len > 0; z++) {
        for (size_t i = 0; i < intent->zones[z].clusters.count; i++) {
            if (flow_str_equal(intent->zones[z].clusters.texts[i], cluster)) {
                return &intent->zones[z];
            }
        }
    }
    return NULL;
}

/* The zone with the longest prefix around an address. */
static const struct flow_intent_zone *
zone_of_address(const struct flow_intent_document *intent, const struct flow_address *address)
{
    const struct flow_intent_zone *best = NULL;
    int longest = -1;

    for (size_t z = 0; z < intent->zone_count; z++) {
        for (size_t i = 0; i < intent->zones[z].cidrs.count; i++) {
            const struct flow_cidr *cidr = &intent->zones[z].cidrs.cidrs[i];

            if (cidr->length > longest && flow_cidr_holds(cidr, address)) {
                best = &intent->zones[z];
                longest = cidr->length;
            }
        }
    }
    return best;
}

static const struct flow_intent_rule *
project_of_address(const struct flow_intent_document *intent, const struct flow_address *address)
{
    for (size_t i = 0; i < intent->projects.by_cidr.count; i++) {
        if (flow_intent_holds(&intent->projects.by_cidr.rules[i].cidrs, address)) {
            return &intent->projects.by_cidr.rules[i];
        }
    }
    return NULL;
}

/* By what is declared of addresses, and what the inventory has. */
static uint8_t
place_of_address(const struct flow_intent_document *intent, const struct flow_inventory *inventory,
                 const struct flow_address *address)
{
    const struct flow_address_entry entry = flow_inventory_address(inventory, address);

    if (address->family == 0) {
        return FLOW_PLACE_UNKNOWN;
    }
    if (entry.owner == FLOW_OWNER_NODE) {
        return FLOW_PLACE_NODE;
    }
    if (entry.owner != FLOW_OWNER_NONE || flow_intent_holds(&intent->pods, address) ||
        flow_intent_holds(&intent->services, address) ||
        project_of_address(intent, address) != NULL) {
        return FLOW_PLACE_POD;
    }
    if (flow_intent_holds(&intent->nodes, address)) {
        return FLOW_PLACE_NODE;
    }
    return zone_of_address(intent, address) != NULL ? FLOW_PLACE_ZONE : FLOW_PLACE_OUTSIDE;
}

static uint8_t
place_of(const struct flow_intent_document *intent, const struct flow_intent_question *question,
         const struct flow_party *party, const struct flow_address *address)
{
    const uint8_t by_address = place_of_address(intent, question->inventory, address);

    switch (party->class) {
    case FLOW_PARTY_HOST:
    case FLOW_PARTY_API_SERVER:
        return FLOW_PLACE_NODE;
    case FLOW_PARTY_REMOTE_NODE:
        /* with native routing traffic from outside may come with this identity */
        return intent->nodes.count > 0 && !party->api_server &&
                       (by_address == FLOW_PLACE_OUTSIDE || by_address == FLOW_PLACE_ZONE)
                   ? by_address
                   : FLOW_PLACE_NODE;
    case FLOW_PARTY_WORLD:
        /* a managed control plane has addresses outside */
        return party->api_server                  ? FLOW_PLACE_NODE
               : by_address == FLOW_PLACE_UNKNOWN ? FLOW_PLACE_OUTSIDE
                                                  : by_address;
    case FLOW_PARTY_UNKNOWN:
        /* that an address is outside follows only where all that is inside is declared */
        return by_address == FLOW_PLACE_OUTSIDE &&
                       (intent->pods.count == 0 || intent->nodes.count == 0) &&
                       intent->projects.by_cidr.count == 0
                   ? FLOW_PLACE_UNKNOWN
                   : by_address;
    default:
        return FLOW_PLACE_POD;
    }
}

/* An address of the cluster's own that is labelled as a stranger's, and is nobody's. */
static bool
is_foreign(const struct flow_intent_document *intent, const struct flow_intent_question *question,
           const struct flow_party *party, const struct flow_address *address)
{
    if ((party->class != FLOW_PARTY_WORLD && party->class != FLOW_PARTY_UNMANAGED) ||
        party->api_server ||
        flow_inventory_address(question->inventory, address).owner != FLOW_OWNER_NONE) {
        return false;
    }
    /* Cilium calls nodes "world" too, so of those only the inventory can tell */
    return flow_intent_holds(&intent->pods, address) ||
           flow_intent_holds(&intent->services, address) ||
           (question->inventory->nodes.keys.count > 0 &&
            flow_intent_holds(&intent->nodes, address));
}

/* The value of a label of a party; FLOW_MAYBE when it is not known whether it has it. */
static struct flow_tri
label_value(const struct flow_party *party, const char *prefix, struct flow_str key, bool known,
            struct flow_str *value)
{
    const size_t prefix_len = strlen(prefix);

    for (uint32_t i = 0; i < party->labels->count; i++) {
        const struct flow_str name = party->labels->labels[i].key;

        if (name.len == prefix_len + key.len && memcmp(name.ptr, prefix, prefix_len) == 0 &&
            memcmp(name.ptr + prefix_len, key.ptr, key.len) == 0) {
            *value = party->labels->labels[i].value;
            return flow_tri_of(true);
        }
    }
    return known ? flow_tri_of(false) : flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS);
}

static struct flow_tri
find_project(const struct flow_intent_document *intent, struct flow_intent_end *end)
{
    const struct flow_intent_projects *projects = &intent->projects;
    const struct flow_intent_rule *by_address = project_of_address(intent, &end->address);
    const struct flow_party *party = end->party;
    struct flow_tri found = flow_tri_of(false);

    if (by_address != NULL && party->class != FLOW_PARTY_POD) {
        end->project = by_address->name;
        return flow_tri_of(true);
    }
    if (party->class != FLOW_PARTY_POD) {
        return end->may_be_pod &&
                       (projects->namespace_label.len > 0 || projects->pod_label.len > 0 ||
                        projects->namespace_patterns.count > 0)
                   ? flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS)
                   : flow_tri_of(false);
    }
    if (projects->namespace_label.len > 0) {
        found = label_value(party, FLOW_NAMESPACE_LABELS_KEY, projects->namespace_label,
                            party->namespace_labels_known, &end->project);
    }
    if (found.truth != FLOW_TRUE && projects->pod_label.len > 0) {
        found = flow_tri_or(
            found, label_value(party, "", projects->pod_label, party->labels_known, &end->project));
    }
    if (found.truth != FLOW_TRUE && projects->namespace_patterns.count > 0) {
        if (party->namespace_name.len == 0) {
            return flow_tri_or(found, flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS));
        }
        if (matches_any(&projects->namespace_patterns, party->namespace_name)) {
            end->project = party->namespace_name;
            return flow_tri_of(true);
        }
    }
    return found;
}

/* A machine of a project, which has an address of its own, is no pod that lost its labels. */
static bool
may_be_pod(const struct flow_intent_document *intent, const struct flow_intent_question *question,
           const struct flow_intent_end *end)
{
    const uint8_t class = end->party->class;
    const uint8_t owner = flow_inventory_address(question->inventory, &end->address).owner;

    if (class != FLOW_PARTY_WORLD && class != FLOW_PARTY_UNKNOWN) {
        return false;
    }
    return end->place == FLOW_PLACE_UNKNOWN || owner == FLOW_OWNER_POD ||
           owner == FLOW_OWNER_SERVICE || owner == FLOW_OWNER_SEVERAL ||
           flow_intent_holds(&intent->pods, &end->address) ||
           flow_intent_holds(&intent->services, &end->address);
}

void
flow_intent_place(const struct flow_intent_document *intent,
                  const struct flow_intent_question *question, bool server,
                  struct flow_intent_end *end)
{
    const struct flow_intent_zone *home = zone_of_cluster(intent, question->reporter_cluster);

    *end = (struct flow_intent_end){
        .party = server ? question->server : question->client,
        .address = server ? question->server_address : question->client_address,
        .identity = server ? question->server_identity : question->client_identity,
    };
    end->place = place_of(intent, question, end->party, &end->address);
    end->foreign = is_foreign(intent, question, end->party, &end->address);
    if (end->place == FLOW_PLACE_POD || end->place == FLOW_PLACE_NODE) {
        if (end->party->cluster_told) {
            end->zone = zone_of_cluster(intent, end->party->cluster);
        }
        home = home != NULL ? home : intent->home;
        end->zone = end->zone != NULL ? end->zone : home;
    }
    if (end->zone == NULL) {
        end->zone = zone_of_address(intent, &end->address);
    }
    end->may_be_pod = may_be_pod(intent, question, end);
    end->has_project = find_project(intent, end);
}

static bool
is_entity(const struct flow_who *who, const struct flow_intent_end *end)
{
    static const uint8_t of_class[] = {
        [FLOW_PARTY_HOST] = FLOW_ENTITY_HOST,
        [FLOW_PARTY_REMOTE_NODE] = FLOW_ENTITY_REMOTE_NODE,
        [FLOW_PARTY_API_SERVER] = FLOW_ENTITY_API_SERVER,
        [FLOW_PARTY_INGRESS] = FLOW_ENTITY_INGRESS,
        [FLOW_PARTY_HEALTH] = FLOW_ENTITY_HEALTH,
        [FLOW_PARTY_INIT] = FLOW_ENTITY_INIT,
        [FLOW_PARTY_UNMANAGED] = FLOW_ENTITY_UNMANAGED,
        [FLOW_PARTY_SERVICE] = 0,
    };
    const uint8_t class = end->party->class;
    const bool inside = end->place == FLOW_PLACE_POD || end->place == FLOW_PLACE_NODE;
    uint32_t is = 0;

    if (class < sizeof(of_class) && of_class[class] != 0 && (class == FLOW_PARTY_HOST || inside)) {
        is |= 1u << of_class[class];
    }
    if (end->party->api_server) {
        is |= 1u << FLOW_ENTITY_API_SERVER;
    }
    if (end->place == FLOW_PLACE_NODE && class == FLOW_PARTY_WORLD) {
        is |= 1u << FLOW_ENTITY_HOST | 1u << FLOW_ENTITY_REMOTE_NODE;
    }
    is |= inside ? 1u << FLOW_ENTITY_CLUSTER : 0;
    is |= end->place == FLOW_PLACE_OUTSIDE || end->place == FLOW_PLACE_ZONE
              ? 1u << FLOW_ENTITY_WORLD
              : 0;
    return (who->entities & is) != 0;
}

static struct flow_tri
match_pod(const struct flow_who *who, const struct flow_intent_end *end)
{
    const struct flow_party *party = end->party;
    const struct flow_str any_cluster = { NULL, 0 };
    struct flow_tri match = flow_tri_of(true);

    if (party->class != FLOW_PARTY_POD) {
        return end->may_be_pod ? flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS) : flow_tri_of(false);
    }
    if (who->namespaces.count > 0) {
        match = party->namespace_name.len == 0
                    ? flow_tri_maybe(FLOW_UNDECIDED_NO_LABELS)
                    : flow_tri_of(matches_any(&who->namespaces, party->namespace_name));
    }
    if (match.truth != FLOW_FALSE && who->namespace_labels.count > 0) {
        match =
            flow_tri_and(match, flow_selector_match(&who->namespace_labels, party, any_cluster));
    }
    if (match.truth != FLOW_FALSE && who->labels.count > 0) {
        match = flow_tri_and(match, flow_selector_match(&who->labels, party, any_cluster));
    }
    return match;
}

struct flow_tri
flow_who_match(const struct flow_who *who, const struct flow_intent_end *end)
{
    if (!who->given || is_entity(who, end) || flow_intent_holds(&who->cidrs, &end->address) ||
        (who->zone != NULL && who->zone == end->zone)) {
        return flow_tri_of(true);
    }
    for (size_t i = 0; i < who->identity_count; i++) {
        if (who->identities[i] == end->identity) {
            return flow_tri_of(true);
        }
    }
    return who->pods ? match_pod(who, end) : flow_tri_of(false);
}

struct flow_tri
flow_intent_ports_match(const struct flow_intent_ports *ports,
                        const struct flow_intent_question *question)
{
    bool by_protocol = false;

    for (size_t i = 0; i < ports->count; i++) {
        const struct flow_intent_port *port = &ports->ports[i];

        if ((port->protocols & FLOW_PROTOCOL_BIT(question->protocol)) == 0) {
            continue;
        }
        if (port->any ||
            (question->has_port && question->port >= port->first && question->port <= port->last)) {
            return flow_tri_of(true);
        }
        by_protocol = true;
    }
    if (ports->count == 0) {
        return flow_tri_of(true);
    }
    return question->protocol == FLOW_PROTOCOL_UNKNOWN || (by_protocol && !question->has_port)
               ? flow_tri_maybe(FLOW_UNDECIDED_NO_PORT)
               : flow_tri_of(false);
}
