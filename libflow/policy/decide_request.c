/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests, by the policy facts (3.10): rules on requests stand at a peer and a port. A rule for
 * the same peer and port without any lets every request pass; one for a wider peer or port does so
 * in some versions and not in others.
 */
#include "policy/decide_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "base/str.h"

/* A peer and a port of a rule that match the connection, or may. */
struct entry {
    const struct flow_policy *policy;
    const struct flow_rule *rule;
    const struct flow_peer *peer; /* NULL: any */
    const struct flow_port *port; /* NULL: any */
    struct flow_tri matches;
    uint32_t group;
};

struct entries {
    struct entry *entries;
    size_t count, room;
    bool failed;
};

static const struct flow_request_filter *
filter_of(const struct entry *entry)
{
    return entry->port != NULL ? entry->port->filter : NULL;
}

static void
add_entry(struct entries *entries, struct entry entry)
{
    if (entries->count == entries->room) {
        const size_t room = entries->room == 0 ? 16 : entries->room * 2;
        struct entry *grown = realloc(entries->entries, room * sizeof(*grown));

        if (grown == NULL) {
            entries->failed = true;
            return;
        }
        entries->entries = grown;
        entries->room = room;
    }
    entries->entries[entries->count++] = entry;
}

/* The entries of one peer, by port. */
static void
add_ports(struct entries *entries, struct entry entry, const struct flow_question *question)
{
    const struct flow_tri peer = entry.matches;

    if (peer.truth == FLOW_FALSE) {
        return;
    }
    if (entry.rule->port_extent == FLOW_EXTENT_ANY) {
        add_entry(entries, entry);
    }
    for (size_t i = 0; i < entry.rule->port_count; i++) {
        entry.port = &entry.rule->ports[i];
        entry.matches = flow_tri_and(peer, flow_match_port(entry.port, question));
        if (entry.matches.truth != FLOW_FALSE) {
            add_entry(entries, entry);
        }
    }
}

static void
add_rule(struct entries *entries, const struct flow_selected *selected,
         const struct flow_rule *rule, const struct flow_question *question)
{
    struct entry entry = { selected->policy, rule, NULL, NULL, selected->selects, 0 };

    if (rule->peer_extent == FLOW_EXTENT_ANY) {
        add_ports(entries, entry, question);
    }
    for (size_t i = 0; rule->peer_extent == FLOW_EXTENT_LISTED && i < rule->peer_count; i++) {
        entry.peer = &rule->peers[i];
        entry.matches = flow_tri_and(selected->selects, flow_match_peer(entry.peer, question));
        add_ports(entries, entry, question);
    }
}

static void
gather(struct entries *entries, const struct flow_view *view, const struct flow_question *question)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct flow_policy *policy = view->selected[i].policy;

        for (size_t r = 0; policy->tier == FLOW_TIER_NORMAL && r < policy->rule_count; r++) {
            const struct flow_rule *rule = &policy->rules[r];

            if (rule->direction == question->direction && !rule->deny) {
                add_rule(entries, &view->selected[i], rule, question);
            }
        }
    }
}

static bool
same_selector(const struct flow_selector *a, const struct flow_selector *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct flow_requirement *left = &a->requirements[i];
        const struct flow_requirement *right = &b->requirements[i];

        if (left->op != right->op || left->value_count != right->value_count ||
            !flow_str_equal(left->source, right->source) ||
            !flow_str_equal(left->key, right->key)) {
            return false;
        }
        for (size_t v = 0; v < left->value_count; v++) {
            if (!flow_str_equal(left->values[v], right->values[v])) {
                return false;
            }
        }
    }
    return true;
}

static bool
same_cidr(const struct flow_cidr *a, const struct flow_cidr *b)
{
    return a->length == b->length && flow_address_equal(&a->address, &b->address);
}

static bool
same_peer(const struct flow_peer *a, const struct flow_peer *b)
{
    bool same;

    if (a == NULL || b == NULL || a == b) {
        return a == b;
    }
    same = a->kind == b->kind && a->entity == b->entity && a->why == b->why &&
           same_selector(&a->selector, &b->selector) && same_cidr(&a->cidr, &b->cidr) &&
           flow_str_equal(a->pattern, b->pattern) &&
           flow_str_equal(a->namespace_name, b->namespace_name) &&
           a->except_count == b->except_count;
    for (size_t i = 0; same && i < a->except_count; i++) {
        same = same_cidr(&a->except[i], &b->except[i]);
    }
    return same;
}

static bool
same_port(const struct flow_port *a, const struct flow_port *b)
{
    if (a == NULL || b == NULL || a == b) {
        return a == b;
    }
    /* both match the connection, so they have its protocol in common */
    return a->any_port == b->any_port && a->first == b->first && a->last == b->last &&
           flow_str_equal(a->name, b->name);
}

static bool
same_key(const struct entry *a, const struct entry *b)
{
    return same_port(a->port, b->port) && same_peer(a->peer, b->peer);
}

/* What all entries come to. */
struct sum {
    struct flow_tri admits, plain; /* plain: an entry for another key lets everything pass */
    const struct entry *admitting, *refusing; /* refusing: certain to ask, and admits nothing */
    uint32_t why;                             /* why it is not certain that one refuses */
    bool any, conflict;                       /* any: one asks, or may */
    bool may_refuse;                          /* one asks, or may, and does not surely admit */
    const struct entry *first;                /* of those that ask, or may */
};

/* Entries of one key. */
struct group {
    const struct entry *first;
    struct flow_tri open; /* one of them lets all requests pass */
    uint8_t protocol;     /* of those that filter */
    bool filters, conflict;
};

static uint64_t
hash_text(uint64_t hash, struct flow_str text)
{
    return text.len > 0 ? flow_hash(text.ptr, text.len, hash) : hash + 1;
}

/* Entries of the same key have the same. */
static uint64_t
hash_key(const struct entry *entry)
{
    const struct flow_peer *peer = entry->peer;
    const struct flow_port *port = entry->port;
    uint64_t hash = 0;

    if (port != NULL) {
        const uint16_t numbers[] = { port->any_port, port->first, port->last };

        hash = hash_text(flow_hash(numbers, sizeof(numbers), 1), port->name);
    }
    if (peer != NULL) {
        const uint8_t numbers[] = { peer->kind, peer->entity, peer->cidr.length };

        hash = flow_hash(numbers, sizeof(numbers), hash + 1);
        hash = flow_hash(peer->cidr.address.bytes, sizeof(peer->cidr.address.bytes), hash);
        hash = hash_text(hash_text(hash, peer->pattern), peer->namespace_name);
        for (size_t i = 0; i < peer->selector.count; i++) {
            const struct flow_requirement *requirement = &peer->selector.requirements[i];

            hash = hash_text(hash, requirement->key);
            for (size_t v = 0; v < requirement->value_count; v++) {
                hash = hash_text(hash, requirement->values[v]);
            }
        }
    }
    return hash;
}

/* Puts the entries of each key together; false when out of memory. */
static bool
make_groups(struct entries *entries, struct group **out)
{
    size_t room = 4;
    size_t count = 0;
    struct group *groups;
    uint32_t *slots; /* of groups, + 1; 0 for none */

    while (room < entries->count * 2) {
        room *= 2;
    }
    groups = calloc(entries->count + 1, sizeof(*groups));
    slots = calloc(room, sizeof(*slots));
    for (size_t i = 0; groups != NULL && slots != NULL && i < entries->count; i++) {
        struct entry *entry = &entries->entries[i];
        const struct flow_request_filter *filter = filter_of(entry);
        size_t at = hash_key(entry) & (room - 1);
        struct group *group;

        while (slots[at] != 0 && !same_key(groups[slots[at] - 1].first, entry)) {
            at = (at + 1) & (room - 1);
        }
        if (slots[at] == 0) {
            groups[count].first = entry;
            slots[at] = (uint32_t)++count;
        }
        entry->group = slots[at] - 1;
        group = &groups[entry->group];
        if (filter == NULL) {
            group->open = flow_tri_or(group->open, entry->matches);
        } else {
            group->conflict |= group->filters && group->protocol != filter->protocol;
            group->protocol = filter->protocol;
            group->filters = true;
        }
    }
    *out = groups;
    entries->failed |= groups == NULL || slots == NULL;
    free(slots);
    return !entries->failed;
}

static struct sum
sum_up(struct entries *entries, const struct flow_request *request)
{
    struct sum sum = { .any = false };
    struct group *groups = NULL;

    if (!make_groups(entries, &groups)) {
        free(groups);
        return sum;
    }
    for (size_t i = 0; i < entries->count; i++) {
        const struct entry *entry = &entries->entries[i];
        const struct flow_request_filter *filter = filter_of(entry);
        struct flow_tri passes, admits;

        if (filter == NULL) {
            sum.plain = flow_tri_or(sum.plain, entry->matches);
            continue;
        }
        sum.conflict |= groups[entry->group].conflict;
        passes = groups[entry->group].open;
        if (passes.truth != FLOW_TRUE) {
            passes = flow_tri_or(passes, flow_match_request(filter, request));
        }
        if (filter->server_names) {
            /* the name in a TLS handshake is not in records of requests */
            passes = flow_tri_and(passes, flow_tri_maybe(FLOW_UNDECIDED_NO_REQUEST));
        }
        admits = flow_tri_and(entry->matches, passes);
        if (admits.truth > sum.admits.truth) {
            sum.admitting = entry;
        }
        sum.admits = flow_tri_or(sum.admits, admits);
        sum.any = true;
        sum.first = sum.first != NULL ? sum.first : entry;
        sum.may_refuse |= passes.truth != FLOW_TRUE;
        if (entry->matches.truth == FLOW_TRUE && sum.refusing == NULL) {
            sum.refusing = entry;
        }
        sum.why |= entry->matches.why | passes.why;
    }
    free(groups);
    return sum;
}

/* Whether the subject is isolated: else whatever its rules filter passes all the same. */
static struct flow_tri
isolated(const struct flow_policies *set, const struct flow_view *view, uint8_t direction)
{
    struct flow_tri any = flow_tri_of(set->settings.enforcement == FLOW_ENFORCE_ALWAYS);

    for (size_t i = 0; i < view->count; i++) {
        if (view->selected[i].policy->tier == FLOW_TIER_NORMAL &&
            view->selected[i].policy->isolates[direction]) {
            any = flow_tri_or(any, view->selected[i].selects);
        }
    }
    return any;
}

static void
answer(struct flow_decision *decision, uint8_t expected, const struct entry *entry, uint32_t why)
{
    decision->expected = expected;
    decision->undecided = expected == FLOW_EXPECTED_UNDECIDABLE ? why : 0;
    decision->request = true;
    if (entry != NULL) {
        decision->policy = &entry->policy->info;
        decision->rule = entry->rule->name;
        decision->line = entry->rule->line;
    } else if (expected != FLOW_EXPECTED_ALLOW && expected != FLOW_EXPECTED_DENY_DEFAULT) {
        decision->policy = NULL;
        decision->rule = FLOW_STR("");
        decision->line = 0;
    }
}

static void
conclude(const struct sum *sum, struct flow_tri isolates, bool host_may,
         struct flow_decision *decision)
{
    if (!sum->any) {
        return;
    }
    if (decision->expected == FLOW_EXPECTED_UNDECIDABLE) {
        /* denied, or allowed by rules that refuse the request: it does not pass either way */
        if (sum->admits.truth == FLOW_FALSE && sum->plain.truth == FLOW_FALSE && !sum->conflict &&
            !host_may && isolates.truth == FLOW_TRUE) {
            answer(decision, FLOW_EXPECTED_DENY_DEFAULT, sum->first, 0);
        }
        return;
    }
    if (sum->conflict) {
        answer(decision, FLOW_EXPECTED_UNDECIDABLE, NULL, FLOW_UNDECIDED_UNDEFINED);
    } else if (host_may || (!sum->may_refuse && sum->admits.truth != FLOW_TRUE)) {
        decision->request = true; /* as the connection */
    } else if (sum->admits.truth == FLOW_TRUE) {
        answer(decision, FLOW_EXPECTED_ALLOW, sum->admitting, 0);
    } else if (isolates.truth == FLOW_FALSE) {
        answer(decision, FLOW_EXPECTED_ALLOW_DEFAULT, NULL, 0);
    } else if (sum->plain.truth == FLOW_TRUE) {
        answer(decision, FLOW_EXPECTED_UNDECIDABLE, NULL, FLOW_UNDECIDED_UNDEFINED | sum->why);
    } else if (sum->admits.truth == FLOW_MAYBE || sum->plain.truth == FLOW_MAYBE ||
               isolates.truth == FLOW_MAYBE || sum->refusing == NULL) {
        answer(decision, FLOW_EXPECTED_UNDECIDABLE, NULL, sum->plain.why | isolates.why | sum->why);
    } else {
        answer(decision, FLOW_EXPECTED_DENY_DEFAULT, sum->refusing, 0);
    }
}

int
flow_decide_request(struct flow_decider *decider, const struct flow_question *question,
                    const struct flow_request *request, struct flow_decision *decision)
{
    const struct flow_view *view = question->subject->class == FLOW_PARTY_HOST
                                       ? flow_view_of_host(&decider->views, question)
                                       : flow_view_of(&decider->views, question->subject);
    const bool ingress = question->direction == FLOW_DIRECTION_INGRESS;
    struct entries entries = { .count = 0 };
    struct sum sum;

    if (view == NULL) {
        return FLOW_E_MEMORY;
    }
    gather(&entries, view, question);
    sum = sum_up(&entries, request);
    if (!entries.failed) {
        /* what a node sends to its own pods passes, requests too */
        const bool host_may = ingress && question->subject->class != FLOW_PARTY_HOST &&
                              (question->peer->class == FLOW_PARTY_HOST ||
                               (question->peer->class == FLOW_PARTY_UNKNOWN &&
                                decision->expected == FLOW_EXPECTED_UNDECIDABLE));

        const bool uncertain = decision->expected == FLOW_EXPECTED_NOT_APPLICABLE;

        conclude(&sum, isolated(decider->policies, view, question->direction), host_may, decision);
        if (decision->expected == FLOW_EXPECTED_DENY_DEFAULT && ingress &&
            question->subject->class != FLOW_PARTY_HOST && flow_peer_may_be_host(question->peer)) {
            answer(decision, FLOW_EXPECTED_UNDECIDABLE, NULL, FLOW_UNDECIDED_NO_LABELS);
        }
        if (uncertain) { /* whether policies of nodes act here */
            const bool passes = decision->expected != FLOW_EXPECTED_DENY_DEFAULT &&
                                decision->expected != FLOW_EXPECTED_UNDECIDABLE;

            answer(decision, passes ? FLOW_EXPECTED_NOT_APPLICABLE : FLOW_EXPECTED_UNDECIDABLE,
                   NULL, FLOW_UNDECIDED_INVENTORY | decision->undecided);
            decision->request = !passes;
        }
    }
    free(entries.entries);
    return entries.failed ? FLOW_E_MEMORY : FLOW_OK;
}
