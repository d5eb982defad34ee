/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classifier: records to questions, questions to decisions (remembered), decisions and what
 * was observed to results.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/str.h"
#include "check/orient.h"
#include "model/batch.h"
#include "policy/decide.h"

struct flow_classifier {
    const struct flow_policies *policies; /* borrowed */
    struct flow_party_table parties;
    struct flow_decider decider;
    struct flow_cache memo;      /* struct memo_key -> struct flow_decision */
    struct flow_cache decisions; /* struct flow_decision -> itself, one copy of each */
    struct flow_intern clusters; /* names of clusters whose agents report */
    struct flow_arena arena;
};

/* What a decision depends on; every byte is set, so that it can be compared as bytes. */
struct memo_key {
    uint32_t subject, peer;
    uint32_t address_class, names;
    uint16_t port;
    uint8_t direction, protocol;
    uint32_t has_port;
    uint32_t cluster;
};

int
flow_classifier_new(struct flow_classifier **out, const struct flow_policies *policies,
                    struct flow_error *err)
{
    struct flow_classifier *classifier = calloc(1, sizeof(*classifier));
    int rc;

    if (classifier == NULL) {
        return flow_fail_memory(err);
    }
    classifier->policies = policies;
    flow_decider_init(&classifier->decider, policies);
    rc = flow_party_table_init(&classifier->parties, &policies->inventory, policies->engine->cilium,
                               err);
    if (rc == FLOW_OK && (!flow_intern_init(&classifier->memo.keys) ||
                          !flow_intern_init(&classifier->decisions.keys) ||
                          !flow_intern_init(&classifier->clusters))) {
        rc = flow_fail_memory(err);
    }
    if (rc != FLOW_OK) {
        flow_classifier_free(classifier);
        return rc;
    }
    *out = classifier;
    return FLOW_OK;
}

void
flow_classifier_free(struct flow_classifier *classifier)
{
    if (classifier != NULL) {
        flow_decider_free(&classifier->decider);
        flow_party_table_free(&classifier->parties);
        flow_cache_free(&classifier->memo);
        flow_cache_free(&classifier->decisions);
        flow_intern_free(&classifier->clusters);
        flow_arena_free(&classifier->arena);
        free(classifier);
    }
}

/* One copy of each distinct decision: there are as many as rules, not as connections. */
static const struct flow_decision *
keep_decision(struct flow_classifier *classifier, const struct flow_decision *decision)
{
    const struct flow_str key = { (const char *)decision, sizeof(*decision) };
    const struct flow_decision *kept = flow_cache_find(&classifier->decisions, key);
    struct flow_decision *copy;

    if (kept != NULL) {
        return kept;
    }
    copy = flow_arena_alloc(&classifier->arena, sizeof(*copy));
    if (copy == NULL) {
        return NULL;
    }
    memcpy(copy, decision, sizeof(*copy));
    return flow_cache_put(&classifier->decisions, key, copy) ? copy : NULL;
}

static const struct flow_decision *
decide(struct flow_classifier *classifier, const struct flow_question *question)
{
    const struct memo_key memo = {
        .subject = question->subject->id,
        .peer = question->peer->id,
        .address_class =
            flow_cidr_classes_find(&classifier->policies->classes, &question->peer_address),
        .names = classifier->policies->has_names ? question->names->id : 0,
        .port = question->port,
        .direction = question->direction,
        .protocol = question->protocol,
        .has_port = question->has_port,
        .cluster = flow_intern_add(&classifier->clusters, question->local_cluster, NULL),
    };
    const struct flow_str key = { (const char *)&memo, sizeof(memo) };
    const struct flow_decision *known = flow_cache_find(&classifier->memo, key);
    struct flow_decision decision;

    if (known != NULL) {
        return known;
    }
    if (flow_decide(&classifier->decider, question, &decision) != FLOW_OK) {
        return NULL;
    }
    known = keep_decision(classifier, &decision);
    if (classifier->memo.keys.count >= FLOW_MEMO_MAX) {
        flow_cache_free(&classifier->memo);
        if (!flow_intern_init(&classifier->memo.keys)) {
            return NULL;
        }
    }
    return known != NULL && flow_cache_put(&classifier->memo, key, known) ? known : NULL;
}

/* A connection with its two parties found. */
struct ends {
    const struct flow_party *client, *server;
    struct flow_address client_address, server_address;
    const struct flow_text_list *client_names, *server_names;
    struct flow_str cluster; /* of the node that reports, "" when it does not tell */
};

/* The cluster in "cluster/node"; nodes of a cluster without a name have no slash. */
static struct flow_str
cluster_of(struct flow_str node_name)
{
    const char *slash = node_name.len > 0 ? memchr(node_name.ptr, '/', node_name.len) : NULL;

    return (struct flow_str){ node_name.ptr, slash != NULL ? (size_t)(slash - node_name.ptr) : 0 };
}

static bool
find_ends(struct flow_classifier *classifier, const struct flow_dict *dict,
          const struct flow_record *record, bool swapped, struct ends *ends)
{
    const struct flow_party *source =
        flow_party_find(&classifier->parties, dict, record->source, &record->source_address);
    const struct flow_party *destination = flow_party_find(
        &classifier->parties, dict, record->destination, &record->destination_address);

    if (source == NULL || destination == NULL) {
        return false;
    }
    ends->cluster = cluster_of(record->node_name);
    ends->client = swapped ? destination : source;
    ends->server = swapped ? source : destination;
    ends->client_address = swapped ? record->destination_address : record->source_address;
    ends->server_address = swapped ? record->source_address : record->destination_address;
    ends->client_names = swapped ? record->destination_names : record->source_names;
    ends->server_names = swapped ? record->source_names : record->destination_names;
    return true;
}

static const struct flow_decision *
decide_side(struct flow_classifier *classifier, const struct flow_record *record,
            const struct ends *ends, bool swapped, uint8_t direction)
{
    const bool egress = direction == FLOW_DIRECTION_EGRESS;
    struct flow_question question = {
        .subject = egress ? ends->client : ends->server,
        .peer = egress ? ends->server : ends->client,
        .direction = direction,
        .protocol = record->protocol,
        .peer_address = egress ? ends->server_address : ends->client_address,
        .names = egress ? ends->server_names : ends->client_names,
    };

    question.local_cluster = ends->cluster.len > 0 ? ends->cluster : question.subject->cluster;
    question.has_port = flow_service_port(record, swapped, &question.port);
    return decide(classifier, &question);
}

static bool
allows(uint8_t expected)
{
    return expected == FLOW_EXPECTED_ALLOW || expected == FLOW_EXPECTED_ALLOW_DEFAULT;
}

static bool
denies(uint8_t expected)
{
    return expected == FLOW_EXPECTED_DENY_EXPLICIT || expected == FLOW_EXPECTED_DENY_DEFAULT;
}

/* A decision that stands for "it depends": the one that could be meant was not told. */
static const struct flow_decision *
depends(struct flow_classifier *classifier, uint32_t why)
{
    struct flow_decision decision;

    memset(&decision, 0, sizeof(decision));
    decision.expected = FLOW_EXPECTED_UNDECIDABLE;
    decision.undecided = why;
    decision.rule = FLOW_STR("");
    return keep_decision(classifier, &decision);
}

/* Two decisions of which either may be the right one: what they agree on. */
static const struct flow_decision *
agree(struct flow_classifier *classifier, const struct flow_decision *a,
      const struct flow_decision *b, uint32_t why)
{
    if (a == NULL || b == NULL || a == b) {
        return a == NULL ? NULL : b;
    }
    if (a->expected == FLOW_EXPECTED_NOT_APPLICABLE) {
        return b;
    }
    if (b->expected == FLOW_EXPECTED_NOT_APPLICABLE || a->expected == b->expected) {
        return a;
    }
    if ((allows(a->expected) && allows(b->expected)) ||
        (denies(a->expected) && denies(b->expected))) {
        return a->expected == FLOW_EXPECTED_ALLOW || a->expected == FLOW_EXPECTED_DENY_EXPLICIT ? a
                                                                                                : b;
    }
    return depends(classifier, why | a->undecided | b->undecided);
}

static const struct flow_decision *
decide_reading(struct flow_classifier *classifier, const struct flow_record *record,
               const struct ends *ends, const struct flow_reading *reading)
{
    if (reading->direction != FLOW_DIRECTION_UNKNOWN) {
        return decide_side(classifier, record, ends, reading->swapped, reading->direction);
    }
    return agree(classifier,
                 decide_side(classifier, record, ends, reading->swapped, FLOW_DIRECTION_EGRESS),
                 decide_side(classifier, record, ends, reading->swapped, FLOW_DIRECTION_INGRESS),
                 FLOW_UNDECIDED_DIRECTION);
}

static bool
is_node(const struct flow_party *party)
{
    return party->class == FLOW_PARTY_HOST || party->class == FLOW_PARTY_REMOTE_NODE;
}

/* Ports of a node that belong to the control plane: API server, etcd, kubelet. */
static bool
is_control_port(uint16_t port)
{
    return port == 6443 || port == 2379 || port == 2380 || port == 10250;
}

static uint8_t
scope_of(const struct ends *ends, uint16_t port)
{
    const struct flow_party *client = ends->client;
    const struct flow_party *server = ends->server;

    if (client->api_server || server->api_server || client->class == FLOW_PARTY_API_SERVER ||
        server->class == FLOW_PARTY_API_SERVER || (is_node(server) && is_control_port(port))) {
        return FLOW_SCOPE_CONTROL_PLANE;
    }
    if (is_node(client) || is_node(server)) {
        return FLOW_SCOPE_HOST;
    }
    if (client->class == FLOW_PARTY_UNKNOWN || server->class == FLOW_PARTY_UNKNOWN ||
        (client->class == FLOW_PARTY_WORLD && server->class == FLOW_PARTY_WORLD)) {
        return FLOW_SCOPE_UNKNOWN;
    }
    return client->class == FLOW_PARTY_WORLD   ? FLOW_SCOPE_INGRESS
           : server->class == FLOW_PARTY_WORLD ? FLOW_SCOPE_EGRESS
                                               : FLOW_SCOPE_EAST_WEST;
}

static uint8_t
result_of(uint8_t observed, uint8_t expected)
{
    /* by [observed][expected]; expected in the order of enum flow_expected */
    static const uint8_t results[FLOW_OBSERVED_COUNT][FLOW_EXPECTED_COUNT] = {
        [FLOW_OBSERVED_UNKNOWN] = { FLOW_RESULT_UNDECIDED, FLOW_RESULT_UNDECIDED,
                                    FLOW_RESULT_UNDECIDED, FLOW_RESULT_UNDECIDED,
                                    FLOW_RESULT_UNDECIDED, FLOW_RESULT_NOT_APPLICABLE },
        [FLOW_OBSERVED_FORWARDED] = { FLOW_RESULT_UNDECIDED, FLOW_RESULT_PERMITTED,
                                      FLOW_RESULT_UNPROTECTED, FLOW_RESULT_ESCAPED,
                                      FLOW_RESULT_ESCAPED, FLOW_RESULT_NOT_APPLICABLE },
        [FLOW_OBSERVED_DROPPED_POLICY] = { FLOW_RESULT_UNDECIDED, FLOW_RESULT_MISDROPPED,
                                           FLOW_RESULT_MISDROPPED, FLOW_RESULT_REJECTED,
                                           FLOW_RESULT_REJECTED, FLOW_RESULT_NOT_APPLICABLE },
        [FLOW_OBSERVED_DROPPED_OTHER] = { FLOW_RESULT_FAILED, FLOW_RESULT_FAILED,
                                          FLOW_RESULT_FAILED, FLOW_RESULT_FAILED,
                                          FLOW_RESULT_FAILED, FLOW_RESULT_NOT_APPLICABLE },
        [FLOW_OBSERVED_AUDITED] = { FLOW_RESULT_UNDECIDED, FLOW_RESULT_STALE_AUDIT,
                                    FLOW_RESULT_UNPROTECTED, FLOW_RESULT_WOULD_REJECT,
                                    FLOW_RESULT_WOULD_REJECT, FLOW_RESULT_NOT_APPLICABLE },
        [FLOW_OBSERVED_REDIRECTED] = { FLOW_RESULT_UNDECIDED, FLOW_RESULT_PERMITTED,
                                       FLOW_RESULT_UNPROTECTED, FLOW_RESULT_ESCAPED,
                                       FLOW_RESULT_ESCAPED, FLOW_RESULT_NOT_APPLICABLE },
        [FLOW_OBSERVED_ERROR] = { FLOW_RESULT_FAILED, FLOW_RESULT_FAILED, FLOW_RESULT_FAILED,
                                  FLOW_RESULT_FAILED, FLOW_RESULT_FAILED,
                                  FLOW_RESULT_NOT_APPLICABLE },
    };

    return results[observed][expected];
}

/* A pod that talks to itself over its own address cannot be filtered. */
static bool
talks_to_itself(const struct flow_record *record)
{
    return record->source_address.family != 0 &&
           flow_address_equal(&record->source_address, &record->destination_address);
}

static void
finish_record(struct flow_record *record, const struct flow_decision *decision)
{
    record->decision = decision;
    record->expected = decision->expected;
    record->undecided = decision->undecided;
    if (decision->l7 && flow_is_l7(record) && decision->expected == FLOW_EXPECTED_ALLOW) {
        /* the request hangs on the rule's L7 part, which is not modelled */
        record->expected = FLOW_EXPECTED_UNDECIDABLE;
        record->undecided = FLOW_UNDECIDED_UNMODELLED;
    }
    record->result = result_of(record->observed, record->expected);
    if (record->result == FLOW_RESULT_UNDECIDED && record->observed == FLOW_OBSERVED_UNKNOWN) {
        record->undecided |= FLOW_UNDECIDED_NO_VERDICT;
    }
}

static int
judge(struct flow_classifier *classifier, const struct flow_dict *dict, struct flow_record *record)
{
    const struct flow_decision *decision = NULL;
    struct flow_reading readings[2];
    struct ends ends;
    uint16_t port;
    const size_t count = flow_orient(record, readings);

    record->observed = flow_observe(record);
    record->swapped = readings[0].swapped;
    record->judged_direction = readings[0].direction;
    flow_service_port(record, readings[0].swapped, &port);
    record->dns = record->has_ports && port == 53;
    if (!find_ends(classifier, dict, record, readings[0].swapped, &ends)) {
        return FLOW_E_MEMORY;
    }
    record->scope = scope_of(&ends, port);
    if (flow_says_nothing(record) || talks_to_itself(record)) {
        record->expected = FLOW_EXPECTED_NOT_APPLICABLE;
        record->result = FLOW_RESULT_NOT_APPLICABLE;
        return FLOW_OK;
    }
    for (size_t i = 0; i < count; i++) {
        const struct flow_decision *other;

        if (i > 0 && !find_ends(classifier, dict, record, readings[i].swapped, &ends)) {
            return FLOW_E_MEMORY;
        }
        other = decide_reading(classifier, record, &ends, &readings[i]);
        decision = i == 0 ? other : agree(classifier, decision, other, FLOW_UNDECIDED_REPLY);
    }
    if (decision == NULL) {
        return FLOW_E_MEMORY;
    }
    if (decision->direction != FLOW_DIRECTION_UNKNOWN) {
        record->judged_direction = decision->direction;
    }
    finish_record(record, decision);
    return FLOW_OK;
}

int
flow_classifier_run(struct flow_classifier *classifier, struct flow_batch *batch,
                    struct flow_error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->records[i].kind == FLOW_KIND_FLOW &&
            judge(classifier, batch->dict, &batch->records[i]) != FLOW_OK) {
            return flow_fail_memory(err);
        }
    }
    return FLOW_OK;
}

void
flow_connection_of(const struct flow_record *record, struct flow_connection *connection)
{
    struct flow_reading readings[2];
    bool swapped;

    flow_orient(record, readings);
    swapped = readings[0].swapped;
    connection->source = swapped ? record->destination : record->source;
    connection->destination = swapped ? record->source : record->destination;
    connection->source_address = swapped ? record->destination_address : record->source_address;
    connection->destination_address =
        swapped ? record->source_address : record->destination_address;
    connection->source_names = swapped ? record->destination_names : record->source_names;
    connection->destination_names = swapped ? record->source_names : record->destination_names;
    connection->protocol = record->protocol;
    connection->has_port = flow_service_port(record, swapped, &connection->destination_port);
}

int
flow_classifier_explain(struct flow_classifier *classifier, const struct flow_dict *dict,
                        const struct flow_connection *connection, uint8_t direction,
                        struct flow_explanation *explanation, struct flow_error *err)
{
    const bool egress = direction == FLOW_DIRECTION_EGRESS;
    const struct flow_endpoint *nothing = flow_dict_empty_endpoint(dict);
    const struct flow_party *client, *server;
    const struct flow_text_list *names;
    struct flow_question question;

    client = flow_party_find(&classifier->parties, dict,
                             connection->source != NULL ? connection->source : nothing,
                             &connection->source_address);
    server = flow_party_find(&classifier->parties, dict,
                             connection->destination != NULL ? connection->destination : nothing,
                             &connection->destination_address);
    if (client == NULL || server == NULL) {
        return flow_fail_memory(err);
    }
    names = egress ? connection->destination_names : connection->source_names;
    question = (struct flow_question){
        .subject = egress ? client : server,
        .peer = egress ? server : client,
        .direction = direction,
        .protocol = connection->protocol,
        .has_port = connection->has_port,
        .port = connection->destination_port,
        .peer_address = egress ? connection->destination_address : connection->source_address,
        .names = names != NULL ? names : flow_dict_empty_list(dict),
    };
    question.local_cluster = question.subject->cluster;
    memset(explanation, 0, sizeof(*explanation));
    if (flow_decide(&classifier->decider, &question, &explanation->decision) != FLOW_OK) {
        return flow_fail_memory(err);
    }
    explanation->steps = classifier->decider.steps;
    explanation->step_count = classifier->decider.step_count;
    return FLOW_OK;
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
