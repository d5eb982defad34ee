/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of approvals: what each was used for, when, by whom, and what that says of it: used when
 * it had no force, never used, broader than ever used, not recorded whole.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "check/builder.h"
#include "intent/intent.h"

/* Users, destinations and ports are listed up to this many. */
enum { LISTED_MAX = 32 };

static const int64_t expiring_within = (int64_t)30 * 86400 * 1000000000;

/* What the groups of one approval come to. */
struct collected {
    struct flow_intern users, destinations, addresses, ports, names;
    struct flow_approval_use *use;
    const struct flow_intent_rule *rule;
};

const char *
flow_approval_state_name(uint8_t state)
{
    static const char *const names[] = { "in-force", "expiring", "expired", "not-yet" };

    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

uint8_t
flow_approval_state_at(const struct flow_approval *approval, int64_t time)
{
    if (time == FLOW_TIME_NONE) {
        return FLOW_APPROVAL_IN_FORCE;
    }
    if (time < approval->from_time) {
        return FLOW_APPROVAL_NOT_YET;
    }
    if (approval->until_time == FLOW_TIME_NONE) {
        return FLOW_APPROVAL_IN_FORCE;
    }
    if (time > approval->until_time) {
        return FLOW_APPROVAL_EXPIRED;
    }
    return approval->until_time < INT64_MIN + expiring_within ||
                   approval->until_time - expiring_within <= time
               ? FLOW_APPROVAL_EXPIRING
               : FLOW_APPROVAL_IN_FORCE;
}

static bool
collected_init(struct collected *collected)
{
    memset(collected, 0, sizeof(*collected));
    return (int)flow_intern_init(&collected->users) &
           (int)flow_intern_init(&collected->destinations) &
           (int)flow_intern_init(&collected->addresses) & (int)flow_intern_init(&collected->ports) &
           (int)flow_intern_init(&collected->names);
}

static void
collected_free(struct collected *collected)
{
    flow_intern_free(&collected->users);
    flow_intern_free(&collected->destinations);
    flow_intern_free(&collected->addresses);
    flow_intern_free(&collected->ports);
    flow_intern_free(&collected->names);
}

static int
compare_texts(const void *left, const void *right)
{
    return flow_str_compare(*(const struct flow_str *)left, *(const struct flow_str *)right);
}

/* Appends the texts of a set in order, and how many there are beside those that fit. */
static bool
add_sorted(struct flow_buf *out, const struct flow_intern *set)
{
    struct flow_str *texts = malloc((set->count + (size_t)1) * sizeof(*texts));

    if (texts == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        texts[i] = flow_intern_text(set, i);
    }
    if (set->count > 1) {
        qsort(texts, set->count, sizeof(*texts), compare_texts);
    }
    for (uint32_t i = 0; i < set->count && i < LISTED_MAX; i++) {
        flow_buf_add_text(out, i > 0 ? ", " : "");
        flow_buf_add_str(out, texts[i]);
    }
    if (set->count > LISTED_MAX) {
        flow_buf_add_format(out, " and %u more", set->count - LISTED_MAX);
    }
    free(texts);
    return !out->failed;
}

static bool
list_of(struct flow_builder *builder, const struct flow_intern *set, struct flow_str *list)
{
    flow_buf_reset(&builder->text);
    if (!add_sorted(&builder->text, set)) {
        return false;
    }
    *list = flow_builder_text(builder);
    return list->ptr != NULL;
}

static bool
add_text(struct flow_intern *set, const struct flow_buf *text)
{
    return !text->failed && flow_intern_add(set, flow_buf_str(text), NULL) != FLOW_INTERN_NONE;
}

/* Where a flow went: the address, with a name when one is known. */
static bool
collect_destination(struct flow_builder *builder, struct collected *collected,
                    const struct flow_group_key *key)
{
    const struct flow_text_list *names = (const struct flow_text_list *)(uintptr_t)key->names;
    const struct flow_str name = flow_first_name(names);
    char address[FLOW_ADDRESS_TEXT_MAX];

    flow_address_format(&key->server, address);
    flow_buf_reset(&builder->text);
    flow_buf_add_text(&builder->text, address);
    if (!add_text(&collected->addresses, &builder->text)) {
        return false;
    }
    if (name.len > 0) {
        flow_buf_reset(&builder->text);
        flow_buf_add_str(&builder->text, name);
        if (!add_text(&collected->names, &builder->text)) {
            return false;
        }
        flow_buf_add_format(&builder->text, " (%s)", address);
    }
    return add_text(&collected->destinations, &builder->text);
}

static bool
collect(struct flow_builder *builder, struct collected *collected, const struct flow_group *group)
{
    const struct flow_group_key *key = &group->key;
    struct flow_approval_use *use = collected->use;
    const uint64_t flows = group->verdicts + group->drops + group->others - group->continued;
    const struct flow_str user = flow_builder_end(
        builder, (const struct flow_endpoint *)(uintptr_t)key->source, &key->client, NULL);

    if (user.ptr == NULL || flow_intern_add(&collected->users, user, NULL) == FLOW_INTERN_NONE ||
        !collect_destination(builder, collected, key)) {
        return false;
    }
    flow_buf_reset(&builder->text);
    if (key->has_port) {
        flow_buf_add_format(&builder->text, "%u/", key->port);
    }
    flow_buf_add_text(&builder->text, flow_protocol_name(key->protocol));
    use->flows += flows;
    use->bytes += group->bytes + group->moved_bytes;
    use->has_bytes |= group->bytes + group->moved_bytes > 0;
    if (use->first == FLOW_TIME_NONE ||
        (group->joined_first != FLOW_TIME_NONE && group->joined_first < use->first)) {
        use->first = group->joined_first;
    }
    if (group->joined_last > use->last) {
        use->last = group->joined_last;
    }
    /* dates are borders of the groups' answers, so that a group is on one side of them */
    if (flow_approval_state_at(use->approval, group->joined_first) >= FLOW_APPROVAL_EXPIRED) {
        use->outside_force += flows;
    }
    return add_text(&collected->ports, &builder->text);
}

/* Fields that a record of an exception should have, and this one has not. */
static bool
find_missing(struct flow_builder *builder, struct flow_approval_use *use)
{
    const struct flow_approval *approval = use->approval;
    const struct {
        const char *name, *value;
    } fields[] = {
        { "owner", approval->owner },           { "reason", approval->reason },
        { "mitigation", approval->mitigation }, { "approvedBy", approval->approved_by },
        { "expires", approval->expires_on },
    };

    flow_buf_reset(&builder->text);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].value[0] == '\0') {
            flow_buf_add_format(&builder->text, "%s%s", builder->text.len > 0 ? ", " : "",
                                fields[i].name);
        }
    }
    use->missing = flow_builder_text(builder);
    return use->missing.ptr != NULL;
}

/* Whether the prefixes of a rule hold more addresses than were used. */
static bool
is_wide(const struct flow_intent_cidrs *cidrs, uint32_t used)
{
    uint64_t room = 0;

    for (size_t i = 0; i < cidrs->count; i++) {
        const struct flow_cidr *cidr = &cidrs->cidrs[i];
        const unsigned host = (cidr->address.family == 4 ? 32u : 128u) - cidr->length;

        if (host >= 32) {
            return true;
        }
        room += (uint64_t)1 << host;
    }
    return room > used;
}

static bool
has_wide_ports(const struct flow_intent_ports *ports, uint32_t used)
{
    uint64_t room = 0;

    for (size_t i = 0; i < ports->count; i++) {
        const struct flow_intent_port *port = &ports->ports[i];

        if (port->any && (port->protocols & FLOW_PROTOCOLS_WITH_PORTS) != 0) {
            return true;
        }
        room += (uint64_t)(port->last - port->first) + 1;
    }
    return ports->count == 0 || room > used;
}

static bool
has_star(const struct flow_intent_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (memchr(texts->texts[i].ptr, '*', texts->texts[i].len) != NULL) {
            return true;
        }
    }
    return false;
}

/* What would have been enough for what was seen; "" when the approval is no broader. */
static bool
find_tight(struct flow_builder *builder, const struct collected *collected)
{
    const struct flow_intent_rule *rule = collected->rule;
    const bool by_name = has_star(&rule->to.fqdns) && collected->names.count > 0;
    const bool by_address =
        rule->to.cidrs.count > 0 && is_wide(&rule->to.cidrs, collected->addresses.count);
    const bool by_user = !rule->from.given || has_star(&rule->from.namespaces);
    const char *separator = "";

    flow_buf_reset(&builder->text);
    if (collected->use->flows > 0 && (by_name || by_address)) {
        flow_buf_add_text(&builder->text, "to ");
        if (!add_sorted(&builder->text, by_name ? &collected->names : &collected->addresses)) {
            return false;
        }
        separator = "; ";
    }
    if (collected->use->flows > 0 && has_wide_ports(&rule->ports, collected->ports.count)) {
        flow_buf_add_format(&builder->text, "%sports ", separator);
        if (!add_sorted(&builder->text, &collected->ports)) {
            return false;
        }
        separator = "; ";
    }
    if (collected->use->flows > 0 && by_user && builder->text.len > 0) {
        flow_buf_add_format(&builder->text, "%sfrom ", separator);
        if (!add_sorted(&builder->text, &collected->users)) {
            return false;
        }
    }
    collected->use->tight = flow_builder_text(builder);
    return collected->use->tight.ptr != NULL;
}

/* A finding about an approval, whose explanation is in the builder's text. */
static bool
keep_about(struct flow_builder *builder, const struct flow_approval_use *use, const char *rule)
{
    struct flow_finding finding = {
        .rule = flow_report_rule_named(rule),
        .scope = FLOW_SCOPE_EGRESS,
        .intent = true,
        .statement = &use->approval->statement,
        .source = flow_str_of(use->approval->from),
        .destination = flow_str_of(use->approval->to),
        .count = use->flows,
        .first = use->first,
        .last = use->last,
        .has_bytes = use->has_bytes,
        .bytes = use->bytes,
    };

    flow_buf_add_format(&builder->text, ": %s (%s:%u)", use->approval->statement.name,
                        use->approval->statement.file, use->approval->statement.line);
    finding.explanation = flow_builder_text(builder);
    return flow_builder_keep(builder, &finding);
}

static bool
keep_findings(struct flow_builder *builder, const struct flow_approval_use *use)
{
    const struct flow_approval *approval = use->approval;
    struct flow_buf *text = &builder->text;
    bool ok = true;

    if (use->missing.len > 0) {
        flow_buf_reset(text);
        flow_buf_add_text(text, "the record of this approval lacks ");
        flow_buf_add_str(text, use->missing);
        ok = keep_about(builder, use, "FC214");
    }
    if (builder->tally->totals.last == FLOW_TIME_NONE) {
        return ok; /* without evidence nothing can be said of its use */
    }
    if (ok && use->flows == 0 && use->state <= FLOW_APPROVAL_EXPIRING) {
        flow_buf_reset(text);
        flow_buf_add_text(text, "no flow of the evidence used this approval");
        ok = keep_about(builder, use, "FC205");
    }
    if (ok && use->tight.len > 0) {
        flow_buf_reset(text);
        flow_buf_add_text(text, "this approval is broader than what it was used for, which was ");
        flow_buf_add_str(text, use->tight);
        ok = keep_about(builder, use, "FC206");
    }
    if (ok && approval->byte_budget > 0 && use->bytes > approval->byte_budget) {
        flow_buf_reset(text);
        flow_buf_add_format(text, "%llu bytes went under this approval, which allows %llu",
                            (unsigned long long)use->bytes,
                            (unsigned long long)approval->byte_budget);
        ok = keep_about(builder, use, "FC215");
    }
    if (ok && use->state == FLOW_APPROVAL_EXPIRING) {
        flow_buf_reset(text);
        flow_buf_add_format(text, "this approval ends with %s", approval->expires_on);
        ok = keep_about(builder, use, "FC216");
    }
    return ok;
}

static bool
work_out(struct flow_builder *builder, struct collected *collected)
{
    struct flow_tally *tally = builder->tally;
    struct flow_approval_use *use = collected->use;

    use->first = use->last = FLOW_TIME_NONE;
    use->state = flow_approval_state_at(
        use->approval, tally->now != FLOW_TIME_NONE ? tally->now : tally->totals.last);
    for (size_t i = 0; i < tally->group_count; i++) {
        const struct flow_group_key *key = &tally->groups[i].key;
        const struct flow_approval *used = (const struct flow_approval *)(uintptr_t)key->statement;

        /* by id, since a document that was read anew has approvals of its own */
        if (key->kind == FLOW_GROUP_USAGE && strcmp(used->id, use->approval->id) == 0 &&
            !collect(builder, collected, &tally->groups[i])) {
            return false;
        }
    }
    return list_of(builder, &collected->users, &use->users) &&
           list_of(builder, &collected->destinations, &use->destinations) &&
           list_of(builder, &collected->ports, &use->ports) && find_missing(builder, use) &&
           find_tight(builder, collected) && keep_findings(builder, use);
}

bool
flow_builder_approvals(struct flow_builder *builder)
{
    struct flow_tally *tally = builder->tally;
    const struct flow_intent_document *intent = tally->intent;
    bool ok = true;

    tally->use_count = 0;
    if (intent == NULL) {
        return true;
    }
    tally->uses =
        flow_arena_array(&tally->finding_arena, intent->egress.count + 1, sizeof(*tally->uses));
    for (size_t i = 0; ok && tally->uses != NULL && i < intent->egress.count; i++) {
        struct collected collected;

        ok = collected_init(&collected);
        tally->uses[i].approval = &intent->approvals[i];
        collected.use = &tally->uses[i];
        collected.rule = &intent->egress.rules[i];
        ok = ok && work_out(builder, &collected);
        collected_free(&collected);
        tally->use_count++;
    }
    return ok && tally->uses != NULL;
}
