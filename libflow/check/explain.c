/* SPDX-License-Identifier: Apache-2.0 */
/* Explains how one side of a connection is decided, whether it happened or not. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "check/classifier.h"
#include "check/orient.h"

void
flow_connection_of(const struct flow_record *record, struct flow_connection *connection)
{
    struct flow_reading readings[2];

    flow_orient(record, readings);
    flow_connect(record, readings[0].swapped, connection);
}

void
flow_record_of(const struct flow_connection *connection, struct flow_dict *dict, uint8_t direction,
               struct flow_record *record)
{
    const struct flow_endpoint *nothing = flow_dict_empty_endpoint(dict);
    const struct flow_text_list *no_names = flow_dict_empty_list(dict);
    const bool icmp = connection->protocol == FLOW_PROTOCOL_ICMPV4 ||
                      connection->protocol == FLOW_PROTOCOL_ICMPV6;

    memset(record, 0, sizeof(*record));
    record->kind = FLOW_KIND_FLOW;
    record->time = connection->time != 0 ? connection->time : FLOW_TIME_NONE;
    record->node_name = connection->node_name;
    record->node = connection->node_name.len > 0 ? flow_dict_node(dict, connection->node_name) : 0;
    record->verdict = FLOW_VERDICT_FORWARDED;
    record->type = connection->l7 != NULL ? FLOW_TYPE_L7 : FLOW_TYPE_L3_L4;
    record->event_type = connection->l7 != NULL ? FLOW_EVENT_L7 : FLOW_EVENT_POLICY_VERDICT;
    record->direction = direction;
    record->is_reply = FLOW_NO;
    record->ip_version = connection->destination_address.family;
    record->protocol = connection->protocol;
    record->has_ports = connection->has_port && !icmp;
    record->destination_port = record->has_ports ? connection->destination_port : 0;
    record->icmp_type = icmp ? (uint8_t)connection->destination_port : 0;
    record->source_address = connection->source_address;
    record->destination_address = connection->destination_address;
    record->source = connection->source != NULL ? connection->source : nothing;
    record->destination = connection->destination != NULL ? connection->destination : nothing;
    record->source_names = connection->source_names != NULL ? connection->source_names : no_names;
    record->destination_names =
        connection->destination_names != NULL ? connection->destination_names : no_names;
    record->l7 = connection->l7;
}

/* Keeps what the decider says of the last question, for as long as its side is not asked again. */
static bool
keep_explanation(struct flow_classifier *classifier, size_t side,
                 struct flow_explanation *explanation)
{
    const struct flow_decider *decider = &classifier->decider;
    struct flow_explained *kept = &classifier->explained[side];

    free(kept->steps);
    free(kept->rules);
    kept->steps = calloc(decider->step_count + 1, sizeof(*kept->steps));
    kept->rules = calloc(decider->rule_count + 1, sizeof(*kept->rules));
    if (kept->steps == NULL || kept->rules == NULL) {
        return false;
    }
    if (decider->step_count > 0) {
        memcpy(kept->steps, decider->steps, decider->step_count * sizeof(*kept->steps));
    }
    if (decider->rule_count > 0) {
        memcpy(kept->rules, decider->rules, decider->rule_count * sizeof(*kept->rules));
    }
    for (size_t i = 0; i < decider->step_count; i++) {
        kept->steps[i].rules =
            kept->rules + (decider->rule_count > 0 ? kept->steps[i].rules - decider->rules : 0);
    }
    explanation->steps = kept->steps;
    explanation->step_count = decider->step_count;
    return true;
}

int
flow_classifier_explain(struct flow_classifier *classifier, const struct flow_dict *dict,
                        const struct flow_connection *connection, uint8_t direction,
                        struct flow_explanation *explanation, struct flow_error *err)
{
    const struct flow_endpoint *nothing = flow_dict_empty_endpoint(dict);
    const struct flow_text_list *no_names = flow_dict_empty_list(dict);
    struct flow_connection whole = *connection;
    struct flow_question question;
    struct flow_ends ends = { NULL, NULL, NULL, 0 };
    bool ok;

    whole.source = whole.source != NULL ? whole.source : nothing;
    whole.destination = whole.destination != NULL ? whole.destination : nothing;
    whole.source_names = whole.source_names != NULL ? whole.source_names : no_names;
    whole.destination_names = whole.destination_names != NULL ? whole.destination_names : no_names;
    memset(explanation, 0, sizeof(*explanation));
    classifier->decider.explains = true;
    ok = flow_find_ends(classifier, dict, &whole, &ends) &&
         flow_make_question(classifier, &whole, &ends, direction, &question) &&
         flow_decide(&classifier->decider, &question, &explanation->decision) == FLOW_OK &&
         keep_explanation(classifier, direction == FLOW_DIRECTION_EGRESS ? 0 : 1, explanation);
    classifier->decider.explains = false;
    explanation->l4_decision = explanation->decision;
    if (ok && whole.l7 != NULL && flow_asks_for_requests(&explanation->decision)) {
        ok = flow_judge_request(classifier, &question, whole.l7, &explanation->decision) == FLOW_OK;
    }
    return ok ? FLOW_OK : flow_fail_memory(err);
}

const struct flow_endpoint *
flow_endpoint_named(struct flow_dict *dict, struct flow_str namespace_name,
                    struct flow_str pod_name, struct flow_str entity)
{
    /* the name may be a workload's: then its template tells the labels */
    struct flow_endpoint filled = { .namespace_name = namespace_name,
                                    .pod_name = pod_name,
                                    .workload_name = pod_name };
    struct flow_str label = { NULL, 0 };
    const struct flow_endpoint *endpoint;
    struct flow_buf key = { 0 };
    struct flow_buf text = { 0 };

    flow_buf_add_format(&key, "named %zu ", namespace_name.len);
    flow_buf_add_str(&key, namespace_name);
    flow_buf_add_char(&key, '/');
    flow_buf_add_str(&key, pod_name);
    flow_buf_add_char(&key, ' ');
    flow_buf_add_str(&key, entity);
    if (entity.len > 0) {
        flow_buf_add_text(&text, "reserved:");
        flow_buf_add_str(&text, entity);
        label = flow_buf_str(&text);
        filled.has_labels = true;
    }
    endpoint =
        key.failed || text.failed ? NULL : flow_cache_find(&dict->endpoints, flow_buf_str(&key));
    if (endpoint == NULL && !key.failed && !text.failed) {
        endpoint = flow_dict_add_endpoint(dict, flow_buf_str(&key), &filled, &label,
                                          entity.len > 0 ? 1 : 0);
    }
    flow_buf_free(&key);
    flow_buf_free(&text);
    return endpoint;
}

/* Labels with their source, one behind the other in texts; whole points to each. */
static void
complete_labels(const struct flow_str *labels, size_t count, struct flow_buf *texts,
                struct flow_str *whole)
{
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        const size_t start = texts->len;

        flow_buf_add_text(texts, flow_label_split(labels[i]).source.len == 0 ? "k8s:" : "");
        flow_buf_add_str(texts, labels[i]);
        whole[i].len = texts->len - start;
    }
    for (size_t i = 0; i < count && !texts->failed; i++) {
        whole[i].ptr = texts->ptr + at;
        at += whole[i].len;
    }
}

const struct flow_endpoint *
flow_endpoint_labelled(struct flow_dict *dict, struct flow_str namespace_name,
                       struct flow_str pod_name, const struct flow_str *labels, size_t count)
{
    struct flow_endpoint filled = { .namespace_name = namespace_name,
                                    .pod_name = pod_name,
                                    .has_labels = true,
                                    .own_labels = true };
    const struct flow_endpoint *endpoint = NULL;
    struct flow_str *whole = calloc(count + 1, sizeof(*whole));
    struct flow_buf texts = { 0 };
    struct flow_buf key = { 0 };

    if (whole == NULL) {
        return NULL;
    }
    complete_labels(labels, count, &texts, whole);
    for (size_t i = 0; i < count; i++) {
        filled.own_labels &= !flow_str_is(flow_label_split(labels[i]).key, FLOW_NAMESPACE_KEY);
    }
    flow_buf_add_format(&key, "labelled %zu %zu ", namespace_name.len, pod_name.len);
    flow_buf_add_str(&key, namespace_name);
    flow_buf_add_str(&key, pod_name);
    for (size_t i = 0; i < count; i++) {
        flow_buf_add_format(&key, " %zu", whole[i].len);
    }
    flow_buf_add_char(&key, ' ');
    flow_buf_add(&key, texts.ptr, texts.len);
    if (!texts.failed && !key.failed) {
        endpoint = flow_cache_find(&dict->endpoints, flow_buf_str(&key));
        endpoint = endpoint != NULL
                       ? endpoint
                       : flow_dict_add_endpoint(dict, flow_buf_str(&key), &filled, whole, count);
    }
    flow_buf_free(&texts);
    flow_buf_free(&key);
    free(whole);
    return endpoint;
}

const struct flow_text_list *
flow_text_list_of(struct flow_dict *dict, const struct flow_str *texts, size_t count)
{
    const struct flow_text_list *list = NULL;
    struct flow_buf key = { 0 };

    if (count == 0) {
        return flow_dict_empty_list(dict);
    }
    flow_buf_add_text(&key, "texts");
    for (size_t i = 0; i < count; i++) {
        flow_buf_add_format(&key, " %zu ", texts[i].len);
        flow_buf_add_str(&key, texts[i]);
    }
    if (!key.failed) {
        list = flow_cache_find(&dict->lists, flow_buf_str(&key));
        list = list != NULL ? list : flow_dict_add_list(dict, flow_buf_str(&key), texts, count);
    }
    flow_buf_free(&key);
    return list;
}
