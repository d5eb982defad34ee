/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups to findings: endpoints become workloads, outside addresses their names, and groups that
 * then read the same are one. The order and the fingerprints depend on nothing but the flows.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "check/builder.h"

/* The rule that a group falls under, through a record that has only what the rule looks at. */
static const struct flow_report_rule *
rule_of(const struct flow_tally *tally, const struct flow_group *group)
{
    const struct flow_record record = { .result = group->key.result, .scope = group->key.scope };

    /* without policies it is the intent alone that is asked */
    if (group->key.kind == FLOW_GROUP_RESULT && group->key.result == FLOW_RESULT_UNDECIDED &&
        tally->intent != NULL &&
        (tally->policies == NULL || flow_policies_count(tally->policies) == 0)) {
        return NULL;
    }
    return group->key.kind == FLOW_GROUP_VIOLATION
               ? flow_report_rule_of_violation(group->key.violation)
               : flow_report_rule_of(&record);
}

static void
add_numbers(struct flow_buf *out, const uint32_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        flow_buf_add_char(out, '|');
        flow_buf_add_number(out, numbers[i]);
    }
}

/* What makes a finding the one it is; file and line may move without making it another. */
static void
add_identity(struct flow_buf *out, const struct flow_finding *finding, uint8_t result)
{
    const struct flow_decision *decision = finding->decision;

    const uint32_t more[] = { finding->intent ? 0 : result, finding->undecided,
                              finding->direction };

    flow_buf_add_text(out, finding->rule != NULL ? finding->rule->id : "-");
    flow_buf_add_char(out, '|');
    flow_buf_add_text(out, flow_scope_name(finding->scope));
    flow_buf_add_char(out, '|');
    flow_buf_add_str(out, finding->source);
    flow_buf_add_char(out, '|');
    flow_buf_add_str(out, finding->destination);
    add_numbers(out, &(const uint32_t){ finding->protocol }, 1);
    if (finding->has_port) {
        add_numbers(out, &(const uint32_t){ finding->port }, 1);
    } else {
        flow_buf_add_text(out, "|-1");
    }
    add_numbers(out, more, sizeof(more) / sizeof(more[0]));
    flow_buf_add_char(out, '|');
    if (finding->intent) {
        flow_buf_add_text(out, finding->statement != NULL ? finding->statement->name : "intent");
    } else if (decision != NULL && decision->policy != NULL) {
        flow_buf_add_number(out, decision->policy->kind);
        flow_buf_add_char(out, '/');
        flow_buf_add_text(out, decision->policy->namespace_name);
        flow_buf_add_char(out, '/');
        flow_buf_add_text(out, decision->policy->name);
        flow_buf_add_char(out, '/');
        flow_buf_add_str(out, decision->rule);
    }
}

static void
fingerprint(struct flow_str identity, char text[17])
{
    uint8_t digest[EVP_MAX_MD_SIZE] = { 0 };

    EVP_Digest(identity.ptr, identity.len, digest, NULL, EVP_sha256(), NULL);
    for (size_t i = 0; i < 8; i++) {
        snprintf(text + i * 2, 3, "%02x", digest[i]);
    }
}

static struct flow_finding
finding_of(struct flow_builder *builder, const struct flow_group *group)
{
    const struct flow_group_key *key = &group->key;
    const bool violation = key->kind == FLOW_GROUP_VIOLATION;
    struct flow_finding finding = {
        .rule = rule_of(builder->tally, group),
        .scope = key->scope,
        .protocol = key->protocol,
        .has_port = key->has_port != 0,
        .port = key->port,
        .decision = (const struct flow_decision *)(uintptr_t)key->decision,
        .intent = violation,
        .statement =
            violation ? (const struct flow_intent_statement *)(uintptr_t)key->statement : NULL,
        .undecided = key->undecided,
        .direction = violation ? FLOW_DIRECTION_UNKNOWN : key->direction,
        .first = group->joined_first,
        .last = group->joined_last,
    };

    finding.source = flow_builder_end(builder, (const struct flow_endpoint *)(uintptr_t)key->source,
                                      &key->client, NULL);
    finding.destination =
        flow_builder_end(builder, (const struct flow_endpoint *)(uintptr_t)key->destination,
                         &key->server, (const struct flow_text_list *)(uintptr_t)key->names);
    return finding;
}

static struct flow_draft *
find_draft(struct flow_builder *builder, const struct flow_finding *finding, uint8_t result)
{
    struct flow_draft *grown;
    uint32_t number;
    bool is_new;

    flow_buf_reset(&builder->text);
    add_identity(&builder->text, finding, result);
    if (builder->text.failed) {
        return NULL;
    }
    number = flow_intern_add(&builder->keys, flow_buf_str(&builder->text), &is_new);
    if (number == FLOW_INTERN_NONE) {
        return NULL;
    }
    if (number >= builder->room) {
        builder->room = (size_t)number * 2 + 64;
        grown = realloc(builder->drafts, builder->room * sizeof(*grown));
        if (grown == NULL) {
            return NULL;
        }
        builder->drafts = grown;
    }
    if (is_new) {
        builder->drafts[number] = (struct flow_draft){ .finding = *finding, .result = result };
        fingerprint(flow_buf_str(&builder->text), builder->drafts[number].finding.fingerprint);
    }
    return &builder->drafts[number];
}

static void
merge_times(struct flow_finding *finding, const struct flow_group *group)
{
    if (group->joined_first != FLOW_TIME_NONE &&
        (finding->first == FLOW_TIME_NONE || group->joined_first < finding->first)) {
        finding->first = group->joined_first;
    }
    if (group->joined_last != FLOW_TIME_NONE &&
        (finding->last == FLOW_TIME_NONE || group->joined_last > finding->last)) {
        finding->last = group->joined_last;
    }
}

/* An order of decisions that hangs on nothing but what they say: the client's side comes first. */
static int
compare_decisions(const struct flow_decision *a, const struct flow_decision *b)
{
    int order;

    if (a == NULL || b == NULL) {
        return (a == NULL) - (b == NULL);
    }
    if (a->direction != b->direction) {
        return a->direction > b->direction ? -1 : 1;
    }
    if ((a->policy == NULL) != (b->policy == NULL)) {
        return a->policy == NULL ? 1 : -1;
    }
    if (a->policy != NULL) {
        order = strcmp(a->policy->file, b->policy->file);
        if (order != 0 || a->line != b->line) {
            return order != 0 ? order : a->line < b->line ? -1 : 1;
        }
    }
    order = flow_str_compare(a->rule, b->rule);
    return order != 0 ? order : (int)a->expected - (int)b->expected;
}

/* Both ends tell of a connection; between two ends the side that tells more counts. */
static bool
add_pair(struct flow_builder *builder, const struct flow_draft *draft,
         const struct flow_group *group)
{
    const struct flow_group_key *key = &group->key;
    const struct flow_str client = flow_builder_pod(
        builder, (const struct flow_endpoint *)(uintptr_t)key->source, &key->client);
    const struct flow_str server = flow_builder_pod(
        builder, (const struct flow_endpoint *)(uintptr_t)key->destination, &key->server);
    struct flow_pair_seen *grown;
    uint32_t number;
    bool is_new;

    flow_buf_reset(&builder->text);
    flow_buf_add_format(&builder->text, "%td|", draft - builder->drafts);
    flow_buf_add_str(&builder->text, client);
    flow_buf_add_char(&builder->text, '|');
    flow_buf_add_str(&builder->text, server);
    if (builder->text.failed || client.ptr == NULL || server.ptr == NULL) {
        return false;
    }
    number = flow_intern_add(&builder->pair_keys, flow_buf_str(&builder->text), &is_new);
    if (number == FLOW_INTERN_NONE) {
        return false;
    }
    if (number >= builder->pair_room) {
        builder->pair_room = (size_t)number * 2 + 64;
        grown = realloc(builder->pairs, builder->pair_room * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        builder->pairs = grown;
    }
    if (is_new) {
        builder->pairs[number] =
            (struct flow_pair_seen){ .draft = (uint32_t)(draft - builder->drafts) };
    }
    builder->pairs[number].sides[key->direction % 3] +=
        group->verdicts + group->drops + group->others - group->continued;
    return true;
}

static bool
add_group(struct flow_builder *builder, const struct flow_group *group)
{
    const struct flow_finding finding = finding_of(builder, group);
    struct flow_draft *draft;

    if (finding.source.ptr == NULL || finding.destination.ptr == NULL) {
        return false;
    }
    draft = find_draft(builder, &finding, group->key.result);
    if (draft == NULL) {
        return false;
    }
    draft->kind = group->key.kind;
    draft->violation = group->key.violation;
    draft->verdicts += group->verdicts;
    draft->drops += group->drops;
    draft->others += group->others - group->continued;
    draft->finding.bytes += group->bytes + group->moved_bytes;
    draft->finding.has_bytes |= group->bytes + group->moved_bytes > 0;
    merge_times(&draft->finding, group);
    if (draft->kind == FLOW_GROUP_RESULT) {
        return true;
    }
    if (compare_decisions(finding.decision, draft->finding.decision) < 0) {
        draft->finding.decision = finding.decision;
    }
    return add_pair(builder, draft, group);
}

static int
compare(const void *left, const void *right)
{
    const struct flow_finding *a = left;
    const struct flow_finding *b = right;

    if (a->rule->severity != b->rule->severity) {
        return a->rule->severity > b->rule->severity ? -1 : 1;
    }
    if (a->rule != b->rule) {
        return strcmp(a->rule->id, b->rule->id);
    }
    if (a->count != b->count) {
        return a->count > b->count ? -1 : 1;
    }
    return strcmp(a->fingerprint, b->fingerprint);
}

struct flow_str
flow_builder_text(struct flow_builder *builder)
{
    return builder->text.failed
               ? (struct flow_str){ NULL, 0 }
               : flow_arena_str(&builder->tally->finding_arena, flow_buf_str(&builder->text));
}

/* Puts a finding with the others. */
static bool
push(struct flow_builder *builder, const struct flow_finding *finding)
{
    struct flow_tally *tally = builder->tally;

    if (tally->finding_count == builder->finding_room) {
        const size_t room = builder->finding_room == 0 ? 64 : builder->finding_room * 2;
        struct flow_finding *grown = realloc(tally->findings, room * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        tally->findings = grown;
        builder->finding_room = room;
    }
    tally->findings[tally->finding_count++] = *finding;
    return finding->explanation.ptr != NULL;
}

bool
flow_builder_keep(struct flow_builder *builder, struct flow_finding *finding)
{
    flow_buf_reset(&builder->text);
    add_identity(&builder->text, finding, 0);
    if (builder->text.failed) {
        return false;
    }
    fingerprint(flow_buf_str(&builder->text), finding->fingerprint);
    return push(builder, finding);
}

/* One draft counted: a drop beside its verdict is one denial. True unless out of memory. */
static bool
keep_draft(struct flow_builder *builder, struct flow_draft *draft)
{
    struct flow_tally *tally = builder->tally;
    struct flow_finding *finding = &draft->finding;
    const uint64_t once = draft->verdicts > draft->drops ? draft->verdicts : draft->drops;
    const uint64_t all = draft->verdicts + draft->drops + draft->others;

    flow_buf_reset(&builder->text);
    if (draft->kind == FLOW_GROUP_VIOLATION) {
        finding->count = draft->connections;
        flow_violation_sentence(finding, draft->violation, &builder->text);
    } else {
        finding->count = once + draft->others;
        tally->final[draft->result] += finding->count;
        tally->totals.duplicates += all - finding->count;
        if (finding->rule == NULL) {
            return true;
        }
        flow_decision_sentence(finding->decision, draft->result, finding->undecided,
                               &builder->text);
    }
    finding->explanation = flow_builder_text(builder);
    return push(builder, finding);
}

static bool
keep_findings(struct flow_builder *builder)
{
    struct flow_tally *tally = builder->tally;

    for (uint32_t i = 0; i < builder->pair_keys.count; i++) {
        const struct flow_pair_seen *pair = &builder->pairs[i];
        const uint64_t one = pair->sides[FLOW_DIRECTION_EGRESS];
        const uint64_t other = pair->sides[FLOW_DIRECTION_INGRESS];

        builder->drafts[pair->draft].connections +=
            (one > other ? one : other) + pair->sides[FLOW_DIRECTION_UNKNOWN];
    }
    for (uint32_t i = 0; i < builder->keys.count; i++) {
        if (!keep_draft(builder, &builder->drafts[i])) {
            return false;
        }
    }
    if (!flow_builder_gaps(builder) || !flow_builder_approvals(builder)) {
        return false;
    }
    if (tally->finding_count > 1) {
        qsort(tally->findings, tally->finding_count, sizeof(*tally->findings), compare);
    }
    return true;
}

/* Whether other parts stand for all that is in a group. */
static bool
is_left_out(const struct flow_group *group)
{
    return group->verdicts + group->drops + group->others == group->continued;
}

static bool
build(struct flow_builder *builder)
{
    struct flow_tally *tally = builder->tally;

    for (size_t i = 0; i < tally->group_count; i++) {
        const struct flow_group_key *key = &tally->groups[i].key;

        if (!flow_builder_learn(builder, (const struct flow_endpoint *)(uintptr_t)key->source) ||
            !flow_builder_learn(builder,
                                (const struct flow_endpoint *)(uintptr_t)key->destination)) {
            return false;
        }
    }
    for (size_t i = 0; i < tally->group_count; i++) {
        if (tally->groups[i].key.kind != FLOW_GROUP_USAGE && !is_left_out(&tally->groups[i]) &&
            !add_group(builder, &tally->groups[i])) {
            return false;
        }
    }
    return keep_findings(builder);
}

int
flow_tally_make_findings(struct flow_tally *tally, struct flow_error *err)
{
    struct flow_builder builder = { .tally = tally };
    const bool ok = flow_intern_init(&builder.keys) && flow_intern_init(&builder.pair_keys) &&
                    flow_intern_init(&builder.workloads.keys) && build(&builder);

    flow_intern_free(&builder.keys);
    flow_intern_free(&builder.pair_keys);
    flow_cache_free(&builder.workloads);
    flow_buf_free(&builder.text);
    free(builder.drafts);
    free(builder.pairs);
    return ok ? FLOW_OK : flow_fail_memory(err);
}
