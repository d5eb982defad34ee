/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields flows carry, and what can be decided by them. */
#include "check/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "check/orient.h"
#include "intent/intent.h"
#include "policy/policies.h"

#define BIT(field) (1u << (field))
#define ENDS(what) (BIT(FLOW_FIELD_SOURCE_##what) | BIT(FLOW_FIELD_DESTINATION_##what))

static const char *const paths[FLOW_FIELD_COUNT] = {
    [FLOW_FIELD_TIME] = "time",
    [FLOW_FIELD_NODE_NAME] = "node_name",
    [FLOW_FIELD_VERDICT] = "verdict",
    [FLOW_FIELD_DROP_REASON] = "drop_reason_desc",
    [FLOW_FIELD_IP] = "IP",
    [FLOW_FIELD_L4] = "l4",
    [FLOW_FIELD_SOURCE_LABELS] = "source.labels",
    [FLOW_FIELD_SOURCE_IDENTITY] = "source.identity",
    [FLOW_FIELD_SOURCE_NAMESPACE] = "source.namespace",
    [FLOW_FIELD_SOURCE_POD] = "source.pod_name",
    [FLOW_FIELD_SOURCE_WORKLOADS] = "source.workloads",
    [FLOW_FIELD_SOURCE_ID] = "source.ID",
    [FLOW_FIELD_DESTINATION_LABELS] = "destination.labels",
    [FLOW_FIELD_DESTINATION_IDENTITY] = "destination.identity",
    [FLOW_FIELD_DESTINATION_NAMESPACE] = "destination.namespace",
    [FLOW_FIELD_DESTINATION_POD] = "destination.pod_name",
    [FLOW_FIELD_DESTINATION_WORKLOADS] = "destination.workloads",
    [FLOW_FIELD_DESTINATION_ID] = "destination.ID",
    [FLOW_FIELD_SOURCE_NAMES] = "source_names",
    [FLOW_FIELD_DESTINATION_NAMES] = "destination_names",
    [FLOW_FIELD_TYPE] = "Type",
    [FLOW_FIELD_L7] = "l7",
    [FLOW_FIELD_EVENT_TYPE] = "event_type",
    [FLOW_FIELD_DIRECTION] = "traffic_direction",
    [FLOW_FIELD_IS_REPLY] = "is_reply",
    [FLOW_FIELD_TRACE_POINT] = "trace_observation_point",
};

/* When a check is asked for. */
enum asked {
    ASKED_ALWAYS,
    ASKED_INTENT,
    ASKED_NAMES,
    ASKED_REQUESTS,
    ASKED_HOST,
    ASKED_IDENTITIES
};

static const struct {
    const char *id, *question;
    uint8_t asked;
    uint32_t fields;
} checks[FLOW_DOCTOR_CHECKS] = {
    { "observed", "whether a flow passed or was dropped, and whether by policy", ASKED_ALWAYS,
      BIT(FLOW_FIELD_VERDICT) | BIT(FLOW_FIELD_DROP_REASON) | BIT(FLOW_FIELD_EVENT_TYPE) |
          BIT(FLOW_FIELD_TRACE_POINT) },
    { "opener", "which end opened the connection, and which side was observed", ASKED_ALWAYS,
      BIT(FLOW_FIELD_DIRECTION) | BIT(FLOW_FIELD_IS_REPLY) | BIT(FLOW_FIELD_L4) |
          BIT(FLOW_FIELD_EVENT_TYPE) },
    { "policy-decision", "what the policies say", ASKED_ALWAYS,
      ENDS(LABELS) | ENDS(NAMESPACE) | BIT(FLOW_FIELD_IP) | BIT(FLOW_FIELD_L4) },
    { "host-rules", "what nodes may do, by the node an endpoint is on", ASKED_HOST,
      ENDS(ID) | BIT(FLOW_FIELD_NODE_NAME) },
    { "names", "rules and approvals that go by DNS name", ASKED_NAMES,
      ENDS(NAMES) | BIT(FLOW_FIELD_TIME) | BIT(FLOW_FIELD_NODE_NAME) },
    { "requests", "rules on requests (L7)", ASKED_REQUESTS,
      BIT(FLOW_FIELD_L7) | BIT(FLOW_FIELD_EVENT_TYPE) },
    { "identities", "ends that the intent names by identity", ASKED_IDENTITIES, ENDS(IDENTITY) },
    { "place", "what is inside and outside, in which zone and project", ASKED_INTENT,
      ENDS(LABELS) | ENDS(NAMESPACE) | BIT(FLOW_FIELD_IP) },
    { "dates", "which approvals and phases were in force", ASKED_INTENT, BIT(FLOW_FIELD_TIME) },
    { "coverage", "which share of nodes and time was seen", ASKED_ALWAYS,
      BIT(FLOW_FIELD_TIME) | BIT(FLOW_FIELD_NODE_NAME) },
    { "workloads", "the workloads that findings are about", ASKED_ALWAYS,
      ENDS(NAMESPACE) | ENDS(POD) },
};

const char *
flow_field_path(uint8_t field)
{
    return field < FLOW_FIELD_COUNT ? paths[field] : "unknown";
}

/* Whether a rule of the policies filters requests. */
static bool
has_requests(const struct flow_policies *policies)
{
    for (size_t i = 0; i < policies->list.count; i++) {
        for (size_t r = 0; r < policies->list.policies[i].rule_count; r++) {
            if (policies->list.policies[i].rules[r].l7) {
                return true;
            }
        }
    }
    return false;
}

static bool
is_asked(uint8_t asked, const struct flow_policies *policies,
         const struct flow_intent_document *intent)
{
    const bool all = policies == NULL || policies->info_count == 0;

    switch (asked) {
    case ASKED_INTENT:
        return intent != NULL || all;
    case ASKED_NAMES:
        return all || policies->has_names || (intent != NULL && intent->asks_names);
    case ASKED_REQUESTS:
        return all || has_requests(policies) || (intent != NULL && intent->internal.count > 0);
    case ASKED_HOST:
        return all || policies->has_host_policies || policies->has_nodes;
    case ASKED_IDENTITIES:
        return intent != NULL && intent->asks_identities;
    default:
        return true;
    }
}

int
flow_doctor_new(struct flow_doctor **out, const struct flow_policies *policies,
                const struct flow_intent_document *intent, struct flow_error *err)
{
    struct flow_doctor *doctor = calloc(1, sizeof(*doctor));

    if (doctor == NULL) {
        return flow_fail_memory(err);
    }
    for (uint8_t i = 0; i < FLOW_FIELD_COUNT; i++) {
        doctor->fields[i].path = paths[i];
    }
    for (size_t i = 0; i < FLOW_DOCTOR_CHECKS; i++) {
        doctor->checks[i] = (struct flow_doctor_check){
            .id = checks[i].id,
            .question = checks[i].question,
            .asked = is_asked(checks[i].asked, policies, intent),
            .fields = checks[i].fields,
        };
        for (uint8_t f = 0; f < FLOW_FIELD_COUNT; f++) {
            doctor->fields[f].needed |= doctor->checks[i].asked && (checks[i].fields >> f & 1) != 0;
        }
    }
    /* a pod may have no workload, so that it is not missed, but what has one is told by it */
    doctor->fields[FLOW_FIELD_SOURCE_WORKLOADS].needed = true;
    doctor->fields[FLOW_FIELD_DESTINATION_WORKLOADS].needed = true;
    *out = doctor;
    return FLOW_OK;
}

void
flow_doctor_free(struct flow_doctor *doctor)
{
    if (doctor != NULL) {
        flow_notes_free(&doctor->notes);
        free(doctor);
    }
}

static void
look(struct flow_doctor *doctor, uint8_t field, bool applicable, bool there)
{
    doctor->fields[field].applicable += applicable ? 1 : 0;
    doctor->fields[field].missing += applicable && !there ? 1 : 0;
}

/* An end: what a record says of a pod only where it is one. */
static void
look_at_end(struct flow_doctor *doctor, const struct flow_endpoint *end, bool source)
{
    const uint8_t shift = source ? 0 : FLOW_FIELD_DESTINATION_LABELS - FLOW_FIELD_SOURCE_LABELS;
    const bool pod = end->pod_name.len > 0 || end->namespace_name.len > 0;
    const bool local = end->local_id != 0;
    bool k8s = pod;

    for (uint32_t i = 0; i < end->labels->count && !k8s; i++) {
        k8s = flow_str_is(end->labels->labels[i].source, "k8s");
    }
    look(doctor, (uint8_t)(FLOW_FIELD_SOURCE_LABELS + shift), true, end->has_labels);
    look(doctor, (uint8_t)(FLOW_FIELD_SOURCE_IDENTITY + shift), true, end->identity != 0);
    look(doctor, (uint8_t)(FLOW_FIELD_SOURCE_NAMESPACE + shift), k8s, end->namespace_name.len > 0);
    look(doctor, (uint8_t)(FLOW_FIELD_SOURCE_POD + shift), k8s, end->pod_name.len > 0);
    look(doctor, (uint8_t)(FLOW_FIELD_SOURCE_WORKLOADS + shift), k8s && local,
         end->workload_name.len > 0);
}

static bool
is_world(const struct flow_endpoint *end)
{
    for (uint32_t i = 0; i < end->labels->count; i++) {
        if (flow_str_is(end->labels->labels[i].source, "reserved") &&
            flow_str_starts(end->labels->labels[i].key, FLOW_STR("world"))) {
            return true;
        }
    }
    return end->identity == 2 || end->identity >> 24 == 1;
}

static void
look_at(struct flow_doctor *doctor, const struct flow_record *record)
{
    const bool trace = record->event_type == FLOW_EVENT_TRACE;
    const bool judged = !flow_says_nothing(record);

    doctor->flows++;
    doctor->l7_flows += record->l7 != NULL;
    doctor->dns_answers += record->l7 != NULL && record->l7->protocol == FLOW_L7_DNS &&
                           record->l7->type == FLOW_L7_RESPONSE;
    look(doctor, FLOW_FIELD_TIME, true, record->time != FLOW_TIME_NONE);
    look(doctor, FLOW_FIELD_NODE_NAME, record->traffic == NULL, record->node_name.len > 0);
    look(doctor, FLOW_FIELD_VERDICT, judged && record->traffic == NULL,
         record->verdict != FLOW_VERDICT_UNKNOWN);
    look(doctor, FLOW_FIELD_DROP_REASON,
         record->verdict == FLOW_VERDICT_DROPPED && !flow_is_l7(record), record->drop_reason != 0);
    look(doctor, FLOW_FIELD_IP, true, record->source_address.family != 0);
    look(doctor, FLOW_FIELD_L4, true, record->protocol != FLOW_PROTOCOL_UNKNOWN);
    look_at_end(doctor, record->source, true);
    look_at_end(doctor, record->destination, false);
    /* which of the two is local differs; one of them must be, unless it is a node's own traffic */
    look(doctor, FLOW_FIELD_SOURCE_ID, judged && record->traffic == NULL,
         record->source->local_id != 0 || record->destination->local_id != 0);
    look(doctor, FLOW_FIELD_DESTINATION_ID, judged && record->traffic == NULL,
         record->source->local_id != 0 || record->destination->local_id != 0);
    look(doctor, FLOW_FIELD_SOURCE_NAMES, is_world(record->source) && record->is_reply == FLOW_YES,
         record->source_names->count > 0);
    look(doctor, FLOW_FIELD_DESTINATION_NAMES,
         is_world(record->destination) && record->is_reply != FLOW_YES,
         record->destination_names->count > 0);
    look(doctor, FLOW_FIELD_TYPE, record->traffic == NULL, record->type != FLOW_TYPE_UNKNOWN);
    look(doctor, FLOW_FIELD_L7, flow_is_l7(record), record->l7 != NULL);
    look(doctor, FLOW_FIELD_EVENT_TYPE, record->traffic == NULL,
         record->event_type != FLOW_EVENT_UNKNOWN);
    look(doctor, FLOW_FIELD_DIRECTION, judged && record->traffic == NULL,
         record->direction != FLOW_DIRECTION_UNKNOWN);
    look(doctor, FLOW_FIELD_IS_REPLY, trace && judged, record->is_reply != FLOW_UNKNOWN);
    look(doctor, FLOW_FIELD_TRACE_POINT, trace,
         record->trace_point != FLOW_TRACE_UNKNOWN || record->event_subtype == 0);
}

void
flow_doctor_add(struct flow_doctor *doctor, const struct flow_batch *batch)
{
    for (size_t i = 0; i < flow_batch_count(batch); i++) {
        const struct flow_record *record = flow_batch_at(batch, i);

        if (record->kind == FLOW_KIND_FLOW) {
            look_at(doctor, record);
        }
    }
}

size_t
flow_doctor_field_count(const struct flow_doctor *doctor)
{
    (void)doctor;
    return FLOW_FIELD_COUNT;
}

const struct flow_doctor_field *
flow_doctor_field_at(const struct flow_doctor *doctor, size_t i)
{
    return i < FLOW_FIELD_COUNT ? &doctor->fields[i] : NULL;
}

size_t
flow_doctor_check_count(const struct flow_doctor *doctor)
{
    (void)doctor;
    return FLOW_DOCTOR_CHECKS;
}

/* Whether a field is there: in all flows that could have it, in some, in none. */
static uint8_t
has_field(const struct flow_doctor *doctor, uint8_t field)
{
    const struct flow_doctor_field *seen = &doctor->fields[field];

    if (doctor->exporters > 0 && (doctor->let_through >> field & 1) == 0) {
        return FLOW_DOCTOR_NO;
    }
    /* names of some destinations alone are known where DNS answers are seen beside */
    if (seen->applicable == 0 || seen->missing == 0 ||
        ((field == FLOW_FIELD_DESTINATION_NAMES || field == FLOW_FIELD_SOURCE_NAMES) &&
         doctor->dns_answers > 0)) {
        return FLOW_DOCTOR_YES;
    }
    return seen->missing == seen->applicable ? FLOW_DOCTOR_NO : FLOW_DOCTOR_IN_PART;
}

const struct flow_doctor_check *
flow_doctor_check_at(struct flow_doctor *doctor, size_t i)
{
    struct flow_doctor_check *check;

    if (i >= FLOW_DOCTOR_CHECKS) {
        return NULL;
    }
    check = &doctor->checks[i];
    check->answer = FLOW_DOCTOR_YES;
    for (uint8_t f = 0; f < FLOW_FIELD_COUNT; f++) {
        if ((check->fields >> f & 1) != 0) {
            const uint8_t has = has_field(doctor, f);

            check->answer = has < check->answer ? has : check->answer;
        }
    }
    if (doctor->flows == 0 && doctor->exporters == 0) {
        check->answer = FLOW_DOCTOR_NO;
    }
    return check;
}

bool
flow_doctor_is_well(struct flow_doctor *doctor)
{
    for (size_t i = 0; i < FLOW_DOCTOR_CHECKS; i++) {
        const struct flow_doctor_check *check = flow_doctor_check_at(doctor, i);

        if (check->asked && check->answer != FLOW_DOCTOR_YES) {
            return false;
        }
    }
    return !doctor->filtered;
}
