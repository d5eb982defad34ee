/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups to findings: endpoints become workloads, outside addresses their names, and groups that
 * then read the same are one. The order and the fingerprints depend on nothing but the flows.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "check/tally.h"
#include "model/pod_name.h"

/* A finding while its groups are put together. */
struct draft {
    struct flow_finding finding;
    uint8_t result; /* enum flow_result */
    uint64_t verdicts, drops, others;
};

struct builder {
    struct flow_tally *tally;
    struct flow_intern keys; /* the finding's own words -> number of the draft */
    struct draft *drafts;
    size_t room;
    struct flow_cache workloads; /* "namespace/pod" -> endpoint that tells its workload */
    struct flow_buf text;
};

static bool
pod_key(struct flow_buf *key, const struct flow_endpoint *endpoint)
{
    flow_buf_reset(key);
    flow_buf_add_str(key, endpoint->namespace_name);
    flow_buf_add_char(key, '/');
    flow_buf_add_str(key, endpoint->pod_name);
    return !key->failed;
}

/* Only the node that runs a pod tells its workload; remember it for records of other nodes. */
static bool
learn_workload(struct builder *builder, const struct flow_endpoint *endpoint)
{
    if (endpoint->workload_name.len == 0 || endpoint->pod_name.len == 0) {
        return true;
    }
    return pod_key(&builder->text, endpoint) &&
           flow_cache_put(&builder->workloads, flow_buf_str(&builder->text), endpoint);
}

static void
add_pod(struct builder *builder, struct flow_buf *out, const struct flow_endpoint *endpoint)
{
    const struct flow_endpoint *teller = endpoint;

    if (endpoint->workload_name.len == 0 && pod_key(&builder->text, endpoint)) {
        teller = flow_cache_find(&builder->workloads, flow_buf_str(&builder->text));
    }
    flow_buf_add_str(out, endpoint->namespace_name);
    flow_buf_add_char(out, '/');
    if (teller != NULL && teller->workload_name.len > 0) {
        flow_buf_add_str(out, teller->workload_name);
    } else {
        flow_buf_add_str(out, flow_pod_name_stem(endpoint->pod_name));
    }
}

/* The name of an address outside: the first in byte order, so that it does not hang on the log. */
static struct flow_str
first_name(const struct flow_text_list *names)
{
    struct flow_str best = { NULL, 0 };

    for (uint32_t i = 0; names != NULL && i < names->count; i++) {
        if (best.len == 0 || flow_str_compare(names->texts[i], best) < 0) {
            best = names->texts[i];
        }
    }
    if (best.len > 0 && best.ptr[best.len - 1] == '.') {
        best.len--;
    }
    return best;
}

/* Reserved labels that name an end better than its address does. */
static bool
add_reserved(struct flow_buf *out, const struct flow_endpoint *endpoint)
{
    static const char *const names[] = { "kube-apiserver", "host", "remote-node", "ingress",
                                         "health",         "init", "unmanaged" };

    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        for (uint32_t i = 0; i < endpoint->labels->count; i++) {
            const struct flow_label *label = &endpoint->labels->labels[i];

            if (flow_str_is(label->source, "reserved") && flow_str_is(label->key, names[n])) {
                flow_buf_add_text(out, names[n]);
                return true;
            }
        }
    }
    return false;
}

static void
add_end(struct builder *builder, struct flow_buf *out, const struct flow_endpoint *endpoint,
        const struct flow_address *address, const struct flow_text_list *names)
{
    const struct flow_str name = first_name(names);
    char text[FLOW_ADDRESS_TEXT_MAX];

    if (endpoint->pod_name.len > 0) {
        add_pod(builder, out, endpoint);
    } else if (add_reserved(out, endpoint)) {
        return;
    } else if (name.len > 0) {
        flow_buf_add_str(out, name);
    } else if (address->family != 0) {
        flow_buf_add_text(out, flow_address_format(address, text));
    } else {
        flow_buf_add_text(out, "unknown");
    }
}

static struct flow_str
end_text(struct builder *builder, const struct flow_endpoint *endpoint,
         const struct flow_address *address, const struct flow_text_list *names)
{
    struct flow_buf out = { 0 };
    struct flow_str kept = { NULL, 0 };

    add_end(builder, &out, endpoint, address, names);
    if (!out.failed) {
        kept = flow_arena_str(&builder->tally->finding_arena, flow_buf_str(&out));
    }
    flow_buf_free(&out);
    return kept;
}

/* The rule that a group falls under, through a record that has only what the rule looks at. */
static const struct flow_report_rule *
rule_of(const struct flow_group *group)
{
    const struct flow_record record = { .result = group->key.result, .scope = group->key.scope };

    return flow_report_rule_of(&record);
}

/* What makes a finding the one it is; file and line may move without making it another. */
static void
add_identity(struct flow_buf *out, const struct flow_finding *finding, uint8_t result)
{
    const struct flow_decision *decision = finding->decision;

    flow_buf_add_format(out, "%s|%s|", finding->rule != NULL ? finding->rule->id : "-",
                        flow_scope_name(finding->scope));
    flow_buf_add_str(out, finding->source);
    flow_buf_add_char(out, '|');
    flow_buf_add_str(out, finding->destination);
    flow_buf_add_format(out, "|%u|%d|%u|%u|%u|", finding->protocol,
                        finding->has_port ? finding->port : -1, result, finding->undecided,
                        finding->direction);
    if (decision != NULL && decision->policy != NULL) {
        flow_buf_add_format(out, "%u/%s/%s/", decision->policy->kind,
                            decision->policy->namespace_name, decision->policy->name);
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
finding_of(struct builder *builder, const struct flow_group *group)
{
    const struct flow_group_key *key = &group->key;
    struct flow_finding finding = {
        .rule = rule_of(group),
        .scope = key->scope,
        .protocol = key->protocol,
        .has_port = key->has_port != 0,
        .port = key->port,
        .decision = (const struct flow_decision *)(uintptr_t)key->decision,
        .undecided = key->undecided,
        .direction = key->direction,
        .first = group->first,
        .last = group->last,
    };

    finding.source =
        end_text(builder, (const struct flow_endpoint *)(uintptr_t)key->source, &key->client, NULL);
    finding.destination =
        end_text(builder, (const struct flow_endpoint *)(uintptr_t)key->destination, &key->server,
                 (const struct flow_text_list *)(uintptr_t)key->names);
    return finding;
}

static struct draft *
find_draft(struct builder *builder, const struct flow_finding *finding, uint8_t result)
{
    struct draft *grown;
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
        builder->drafts[number] = (struct draft){ .finding = *finding, .result = result };
        fingerprint(flow_buf_str(&builder->text), builder->drafts[number].finding.fingerprint);
    }
    return &builder->drafts[number];
}

static void
merge_times(struct flow_finding *finding, const struct flow_group *group)
{
    if (group->first != FLOW_TIME_NONE &&
        (finding->first == FLOW_TIME_NONE || group->first < finding->first)) {
        finding->first = group->first;
    }
    if (group->last != FLOW_TIME_NONE &&
        (finding->last == FLOW_TIME_NONE || group->last > finding->last)) {
        finding->last = group->last;
    }
}

static bool
add_group(struct builder *builder, const struct flow_group *group)
{
    const struct flow_finding finding = finding_of(builder, group);
    struct draft *draft;

    if (finding.source.ptr == NULL || finding.destination.ptr == NULL) {
        return false;
    }
    draft = find_draft(builder, &finding, group->key.result);
    if (draft == NULL) {
        return false;
    }
    draft->verdicts += group->verdicts;
    draft->drops += group->drops;
    draft->others += group->others;
    merge_times(&draft->finding, group);
    return true;
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

static struct flow_str
keep_text(struct flow_tally *tally, struct flow_buf *buf)
{
    return buf->failed ? (struct flow_str){ NULL, 0 }
                       : flow_arena_str(&tally->finding_arena, flow_buf_str(buf));
}

/* One draft counted: a drop beside its verdict is one denial. True unless out of memory. */
static bool
keep_draft(struct builder *builder, struct draft *draft)
{
    struct flow_tally *tally = builder->tally;
    struct flow_finding *finding = &draft->finding;
    const uint64_t once = draft->verdicts > draft->drops ? draft->verdicts : draft->drops;

    finding->count = once + draft->others;
    tally->final[draft->result] += finding->count;
    tally->totals.duplicates += draft->verdicts + draft->drops + draft->others - finding->count;
    if (finding->rule == NULL) {
        return true;
    }
    flow_buf_reset(&builder->text);
    flow_decision_sentence(finding->decision, draft->result, finding->undecided, &builder->text);
    finding->explanation = keep_text(tally, &builder->text);
    tally->findings[tally->finding_count++] = *finding;
    return finding->explanation.ptr != NULL;
}

/* Lost events are a finding of their own: in that gap the absence of a flow proves nothing. */
static bool
keep_gap(struct builder *builder, const struct flow_node_seen *node)
{
    struct flow_finding finding = { .count = node->lost,
                                    .first = node->lost_first,
                                    .last = node->lost_last,
                                    .source = node->name,
                                    .destination = FLOW_STR("") };

    if (node->lost == 0) {
        return true;
    }
    for (size_t i = 0; flow_report_rule_at(i) != NULL; i++) {
        if (strcmp(flow_report_rule_at(i)->id, "FC501") == 0) {
            finding.rule = flow_report_rule_at(i);
        }
    }
    flow_buf_reset(&builder->text);
    add_identity(&builder->text, &finding, 0);
    fingerprint(flow_buf_str(&builder->text), finding.fingerprint);
    flow_buf_reset(&builder->text);
    flow_buf_add_text(
        &builder->text,
        "events were lost on this node, so a flow that is not here may have happened");
    finding.explanation = keep_text(builder->tally, &builder->text);
    builder->tally->findings[builder->tally->finding_count++] = finding;
    return finding.explanation.ptr != NULL;
}

static bool
keep_findings(struct builder *builder)
{
    struct flow_tally *tally = builder->tally;

    tally->findings =
        calloc((size_t)builder->keys.count + tally->node_names.count + 1, sizeof(*tally->findings));
    if (tally->findings == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < builder->keys.count; i++) {
        if (!keep_draft(builder, &builder->drafts[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < tally->node_names.count; i++) {
        if (!keep_gap(builder, &tally->nodes[i])) {
            return false;
        }
    }
    qsort(tally->findings, tally->finding_count, sizeof(*tally->findings), compare);
    return true;
}

static bool
build(struct builder *builder)
{
    struct flow_tally *tally = builder->tally;

    for (size_t i = 0; i < tally->group_count; i++) {
        const struct flow_group_key *key = &tally->groups[i].key;

        if (!learn_workload(builder, (const struct flow_endpoint *)(uintptr_t)key->source) ||
            !learn_workload(builder, (const struct flow_endpoint *)(uintptr_t)key->destination)) {
            return false;
        }
    }
    for (size_t i = 0; i < tally->group_count; i++) {
        if (!add_group(builder, &tally->groups[i])) {
            return false;
        }
    }
    return keep_findings(builder);
}

int
flow_tally_make_findings(struct flow_tally *tally, struct flow_error *err)
{
    struct builder builder = { .tally = tally };
    const bool ok = flow_intern_init(&builder.keys) && flow_intern_init(&builder.workloads.keys) &&
                    build(&builder);

    flow_intern_free(&builder.keys);
    flow_cache_free(&builder.workloads);
    flow_buf_free(&builder.text);
    free(builder.drafts);
    return ok ? FLOW_OK : flow_fail_memory(err);
}
