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
