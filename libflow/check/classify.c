/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The classifier: records to questions, questions to decisions (remembered), decisions and what
 * was observed to results.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/str.h"
#include "check/classifier.h"
#include "check/intend.h"
#include "check/orient.h"
#include "check/repeat.h"
#include "model/batch.h"

enum { DNS_PORT = 53, DNS_REFUSED = 5, HTTP_FORBIDDEN = 403 };

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
                               &policies->settings.labels, policies->settings.cluster_name, err);
    if (rc == FLOW_OK &&
        (!flow_memo_init(&classifier->memo) || !flow_intern_init(&classifier->decisions.keys) ||
         !flow_intern_init(&classifier->learned.keys) ||
         !flow_intern_init(&classifier->intents.keys) ||
         !flow_intern_init(&classifier->intended.keys) ||
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
        flow_memo_free(&classifier->memo);
        free(classifier->cluster_of_node);
        flow_cache_free(&classifier->decisions);
        flow_cache_free(&classifier->learned);
        flow_cache_free(&classifier->intents);
        flow_cache_free(&classifier->intended);
        flow_intern_free(&classifier->clusters);
        free(classifier->repeats);
        for (size_t i = 0; i < 2; i++) {
            free(classifier->explained[i].steps);
            free(classifier->explained[i].rules);
        }
        flow_arena_free(&classifier->arena);
        free(classifier);
    }
}

void
flow_classifier_set_names(struct flow_classifier *classifier, const struct flow_names *names)
{
    classifier->names = names;
    flow_repeat_clear(classifier);
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

/* Whether it matters at which address a peer is. */
static bool
address_matters(const struct flow_policies *set, const struct flow_party *peer)
{
    return peer->class != FLOW_PARTY_POD || !set->engine->cilium || set->settings.cidr_pods;
}

/* Everything that the answer hangs on. false when out of memory. */
static bool
make_key(struct flow_classifier *classifier, const struct flow_connection *connection,
         const struct flow_ends *ends, uint8_t direction, struct flow_memo_key *key)
{
    const struct flow_policies *set = classifier->policies;
    const bool egress = direction == FLOW_DIRECTION_EGRESS;
    const struct flow_party *subject = egress ? ends->client : ends->server;
    const struct flow_party *peer = egress ? ends->server : ends->client;
    const struct flow_address *address =
        egress ? &connection->destination_address : &connection->source_address;
    const struct flow_text_list *names =
        egress ? connection->destination_names : connection->source_names;
    const struct flow_text_list *learned;

    if (!flow_find_learned(classifier, connection, peer, address, &learned)) {
        return false;
    }
    *key = (struct flow_memo_key){
        .subject = subject->id,
        .peer = peer->id,
        .address_class =
            address_matters(set, peer) ? flow_cidr_classes_find(&set->classes, address) : 0,
        .names = set->has_names ? names->id : 0,
        .learned = learned->id,
        .cluster = ends->cluster,
        .port = connection->destination_port,
        .protocol = connection->protocol,
        .side = (uint8_t)(direction | (connection->has_port ? FLOW_MEMO_HAS_PORT : 0)),
    };
    if (flow_party_may_report(subject)) {
        const struct flow_endpoint *end = egress ? connection->destination : connection->source;

        key->node = flow_intern_add(&classifier->clusters, connection->node_name, NULL) |
                    (end->local_id != 0 ? FLOW_MEMO_PEER_LOCAL : 0);
    }
    return true;
}

static const struct flow_decision *
decide(struct flow_classifier *classifier, const struct flow_connection *connection,
       const struct flow_ends *ends, uint8_t direction, const struct flow_memo_key *key)
{
    const struct flow_decision *known;
    struct flow_question question;
    struct flow_decision decision;
    struct flow_memo_key made;

    if (key == NULL) {
        if (!make_key(classifier, connection, ends, direction, &made)) {
            return NULL;
        }
        key = &made;
    }
    known = flow_memo_find(&classifier->memo, key);
    if (known != NULL) {
        return known;
    }
    if (!flow_make_question(classifier, connection, ends, direction, &question) ||
        flow_decide(&classifier->decider, &question, &decision) != FLOW_OK) {
        return NULL;
    }
    known = keep_decision(classifier, &decision);
    return known != NULL && flow_memo_put(&classifier->memo, key, known) ? known : NULL;
}

/* The answer to a request, where the connection may have it and its rules ask. */
static const struct flow_decision *
decide_request(struct flow_classifier *classifier, const struct flow_question *question,
               const struct flow_l7 *l7, const struct flow_decision *l4)
{
    struct flow_decision decision;

    memcpy(&decision, l4, sizeof(decision)); /* padding too, since it is a key */
    return flow_judge_request(classifier, question, l7, &decision) == FLOW_OK
               ? keep_decision(classifier, &decision)
               : NULL;
}

static const struct flow_decision *
decide_side(struct flow_classifier *classifier, const struct flow_connection *connection,
            struct flow_ends *ends, uint8_t direction, const struct flow_memo_key *key)
{
    struct flow_question question;

    ends->l4 = decide(classifier, connection, ends, direction, key);
    if (ends->l4 == NULL || connection->l7 == NULL || !flow_asks_for_requests(ends->l4)) {
        return ends->l4;
    }
    return flow_make_question(classifier, connection, ends, direction, &question)
               ? decide_request(classifier, &question, connection->l7, ends->l4)
               : NULL;
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

/* Two decisions of which both are right, as a capture shows both sides: it must pass both. */
static const struct flow_decision *
combine(const struct flow_decision *egress, const struct flow_decision *ingress)
{
    if (egress == NULL || ingress == NULL) {
        return NULL;
    }
    if (denies(egress->expected) || ingress->expected == FLOW_EXPECTED_NOT_APPLICABLE) {
        return egress;
    }
    if (denies(ingress->expected) || egress->expected == FLOW_EXPECTED_NOT_APPLICABLE) {
        return ingress;
    }
    if (egress->expected == FLOW_EXPECTED_UNDECIDABLE ||
        ingress->expected == FLOW_EXPECTED_UNDECIDABLE) {
        return egress->expected == FLOW_EXPECTED_UNDECIDABLE ? egress : ingress;
    }
    /* both allow: one side without a policy leaves the connection unprotected at that side only */
    return egress->expected == FLOW_EXPECTED_ALLOW ? egress : ingress;
}

static const struct flow_decision *
decide_reading(struct flow_classifier *classifier, const struct flow_connection *connection,
               struct flow_ends *ends, uint8_t direction, bool both_sides,
               const struct flow_memo_key *key)
{
    if (direction != FLOW_DIRECTION_UNKNOWN) {
        return decide_side(classifier, connection, ends, direction, key);
    }
    if (both_sides) {
        return combine(decide_side(classifier, connection, ends, FLOW_DIRECTION_EGRESS, NULL),
                       decide_side(classifier, connection, ends, FLOW_DIRECTION_INGRESS, NULL));
    }
    return agree(classifier, decide_side(classifier, connection, ends, FLOW_DIRECTION_EGRESS, NULL),
                 decide_side(classifier, connection, ends, FLOW_DIRECTION_INGRESS, NULL),
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
scope_of(const struct flow_ends *ends, uint16_t port)
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

/*
 * A proxy that refuses a request answers it itself: the answer is forwarded, and says that nothing
 * else was (HTTP 403, DNS REFUSED).
 */
static bool
is_refusal(const struct flow_record *record)
{
    const struct flow_l7 *l7 = record->l7;

    return l7 != NULL && l7->type == FLOW_L7_RESPONSE &&
           ((l7->protocol == FLOW_L7_HTTP && l7->http_code == HTTP_FORBIDDEN) ||
            (l7->protocol == FLOW_L7_DNS && l7->dns_rcode == DNS_REFUSED));
}

static void
finish_record(struct flow_record *record, const struct flow_decision *decision)
{
    record->decision = decision;
    record->expected = decision->expected;
    record->undecided = decision->undecided;
    if (decision->request && denies(decision->expected) &&
        record->observed == FLOW_OBSERVED_FORWARDED && is_refusal(record)) {
        record->observed = FLOW_OBSERVED_DROPPED_POLICY;
    }
    record->result = result_of(record->observed, record->expected);
    if (record->result == FLOW_RESULT_UNDECIDED && record->observed == FLOW_OBSERVED_UNKNOWN) {
        record->undecided |= FLOW_UNDECIDED_NO_VERDICT;
    }
}

/*
 * A record on its way through: what its first reading asks is worked out, and the memory of earlier
 * answers sent for, some records before it is decided.
 */
struct job {
    struct flow_record *record;
    struct flow_connection connection;
    struct flow_reading readings[2];
    size_t reading_count; /* 0: nothing to decide */
    struct flow_ends ends;
    struct flow_memo_key key;  /* of the first reading, when its direction is known */
    struct flow_repeat *place; /* where its answer may be, and is then put; or NULL */
    struct flow_repeat_key repeat;
};

enum { JOBS = 16 };

static bool
prepare(struct flow_classifier *classifier, const struct flow_dict *dict, struct job *job)
{
    struct flow_record *record = job->record;

    if (job->place != NULL && flow_repeat_take(job->place, &job->repeat, record)) {
        job->reading_count = 0;
        job->place = NULL;
        return true;
    }
    record->observed = flow_observe(record);
    record->swapped = job->readings[0].swapped;
    record->judged_direction = job->readings[0].direction;
    flow_connect(record, job->readings[0].swapped, &job->connection);
    record->dns = record->has_ports && job->connection.destination_port == DNS_PORT;
    if (!flow_find_cluster(classifier, dict, record, &job->ends.cluster) ||
        !flow_find_ends(classifier, dict, &job->connection, &job->ends)) {
        return false;
    }
    record->scope = scope_of(&job->ends, job->connection.destination_port);
    if (flow_says_nothing(record) || talks_to_itself(record)) {
        record->expected = FLOW_EXPECTED_NOT_APPLICABLE;
        record->result = FLOW_RESULT_NOT_APPLICABLE;
        job->reading_count = 0;
        return true;
    }
    if (job->readings[0].direction != FLOW_DIRECTION_UNKNOWN) {
        if (!make_key(classifier, &job->connection, &job->ends, job->readings[0].direction,
                      &job->key)) {
            return false;
        }
        flow_memo_prefetch(&classifier->memo, &job->key);
    }
    return true;
}

/* The answer of the first reading, whose key is there, or of another. */
static const struct flow_decision *
decide_job(struct flow_classifier *classifier, const struct flow_dict *dict, struct job *job,
           size_t which)
{
    const struct flow_reading *reading = &job->readings[which];

    if (which > 0) {
        flow_connect(job->record, reading->swapped, &job->connection);
        if (!flow_find_ends(classifier, dict, &job->connection, &job->ends)) {
            return NULL;
        }
    }
    return decide_reading(classifier, &job->connection, &job->ends, reading->direction,
                          job->record->traffic != NULL, which == 0 ? &job->key : NULL);
}

static void
remember(const struct job *job)
{
    if (job->place != NULL) {
        flow_repeat_put(job->place, &job->repeat, job->record);
    }
}

static bool
complete(struct flow_classifier *classifier, const struct flow_dict *dict, struct job *job)
{
    const struct flow_decision *decision = NULL;
    struct flow_record *record = job->record;

    for (size_t i = 0; i < job->reading_count; i++) {
        const struct flow_decision *other = decide_job(classifier, dict, job, i);

        decision = i == 0 ? other : agree(classifier, decision, other, FLOW_UNDECIDED_REPLY);
        if (decision == NULL) {
            return false;
        }
    }
    if (decision == NULL) {
        remember(job);
        return true;
    }
    if (classifier->intent != NULL && !flow_intend(classifier, dict, record, job->readings,
                                                   job->reading_count, job->ends.cluster)) {
        return false;
    }
    if (decision->direction != FLOW_DIRECTION_UNKNOWN) {
        record->judged_direction = decision->direction;
    }
    record->l4_decision = job->connection.l7 != NULL ? job->ends.l4 : NULL;
    finish_record(record, decision);
    remember(job);
    return true;
}

/* Takes up to JOBS flows from the batch, and sends for what preparing them will look at. */
static size_t
take_jobs(struct flow_classifier *classifier, struct flow_batch *batch, size_t *next,
          struct job jobs[JOBS])
{
    size_t count = 0;

    for (; count < JOBS && *next < batch->count; (*next)++) {
        struct flow_record *record = &batch->records[*next];

        if (record->kind == FLOW_KIND_FLOW) {
            __builtin_prefetch(record->source);
            __builtin_prefetch(record->destination);
            jobs[count++].record = record;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct job *job = &jobs[i];

        flow_party_prefetch(&classifier->parties, job->record->source);
        flow_party_prefetch(&classifier->parties, job->record->destination);
        job->reading_count = flow_orient(job->record, job->readings);
        job->place = flow_repeat_place(classifier, batch->dict, job->record, job->readings,
                                       job->reading_count, &job->repeat);
        for (size_t line = 0; job->place != NULL && line < sizeof(*job->place); line += 64) {
            __builtin_prefetch((const char *)job->place + line);
        }
    }
    return count;
}

int
flow_classifier_run(struct flow_classifier *classifier, struct flow_batch *batch,
                    struct flow_error *err)
{
    struct job jobs[JOBS];
    size_t next = 0;

    while (next < batch->count) {
        const size_t count = take_jobs(classifier, batch, &next, jobs);

        for (size_t i = 0; i < count; i++) {
            if (!prepare(classifier, batch->dict, &jobs[i])) {
                return flow_fail_memory(err);
            }
        }
        for (size_t i = 0; i < count; i++) {
            if (!complete(classifier, batch->dict, &jobs[i])) {
                return flow_fail_memory(err);
            }
        }
    }
    return FLOW_OK;
}

int
flow_classifier_judge(struct flow_classifier *classifier, struct flow_dict *dict,
                      const struct flow_connection *connection, uint8_t direction,
                      struct flow_record *record, struct flow_error *err)
{
    struct job job = { .record = record };

    flow_record_of(connection, dict, direction, record);
    job.reading_count = flow_orient(record, job.readings);
    if (record->node == FLOW_INTERN_NONE || !prepare(classifier, dict, &job) ||
        !complete(classifier, dict, &job)) {
        return flow_fail_memory(err);
    }
    return FLOW_OK;
}
