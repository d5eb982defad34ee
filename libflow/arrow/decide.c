/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that are columns, decided row by row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "arrow/input.h"
#include "arrow/told.h"
#include "base/error.h"
#include "base/str.h"
#include "libflow/classifier.h"
#include "model/dict.h"

/* More endpoints than this are not remembered from one array to the next. */
enum { ENDPOINTS_MAX = 200000 };

struct flow_arrow_decider {
    const struct flow_policies *policies;
    const struct flow_intent_document *intent;
    struct flow_dict *dict;
    struct flow_classifier *classifier;
    struct flow_input_texts texts;
};

/* The columns of one end. */
struct end_columns {
    struct flow_input_column namespace_name, pod, labels, entity, ip, names;
};

struct columns {
    struct end_columns source, destination;
    struct flow_input_column protocol, port, time;
};

int
flow_arrow_decider_new(struct flow_arrow_decider **out, const struct flow_policies *policies,
                       const struct flow_intent_document *intent, struct flow_error *err)
{
    struct flow_arrow_decider *decider = calloc(1, sizeof(*decider));

    if (decider == NULL) {
        return flow_fail_memory(err);
    }
    decider->policies = policies;
    decider->intent = intent;
    *out = decider;
    return FLOW_OK;
}

static void
forget(struct flow_arrow_decider *decider)
{
    flow_classifier_free(decider->classifier);
    flow_dict_free(decider->dict);
    decider->classifier = NULL;
    decider->dict = NULL;
}

void
flow_arrow_decider_free(struct flow_arrow_decider *decider)
{
    if (decider != NULL) {
        forget(decider);
        free(decider->texts.texts);
        free(decider);
    }
}

/* Endpoints and answers are remembered, unless they have become many. */
static int
begin(struct flow_arrow_decider *decider, struct flow_error *err)
{
    int rc;

    if (decider->classifier != NULL && flow_dict_endpoint_count(decider->dict) <= ENDPOINTS_MAX) {
        return FLOW_OK;
    }
    forget(decider);
    rc = flow_dict_new(&decider->dict, err);
    rc = rc == FLOW_OK ? flow_classifier_new(&decider->classifier, decider->policies, err) : rc;
    if (rc != FLOW_OK) {
        forget(decider);
        return rc;
    }
    flow_classifier_set_intent(decider->classifier, decider->intent);
    return FLOW_OK;
}

/* Finds a column and says what it has to be; false: it is something else. */
static bool
take_column(const struct ArrowSchema *schema, const struct ArrowArray *array, const char *prefix,
            const char *name, bool (*is)(const struct flow_input_column *column), const char *what,
            struct flow_input_column *column, struct flow_error *err)
{
    char whole[64];

    snprintf(whole, sizeof(whole), "%s%s", prefix, name);
    *column = flow_input_find(schema, array, whole);
    if (is(column)) {
        return true;
    }
    flow_fail(err, FLOW_E_INVALID, "expected %s in column %s, found Arrow format \"%.20s\"", what,
              whole, column->schema->format);
    return false;
}

static bool
is_ip(const struct flow_input_column *column)
{
    return flow_input_is_text(column) || flow_input_is_address(column);
}

static bool
find_end(const struct ArrowSchema *schema, const struct ArrowArray *array, const char *prefix,
         struct end_columns *end, struct flow_error *err)
{
    return take_column(schema, array, prefix, "namespace", flow_input_is_text, "text",
                       &end->namespace_name, err) &&
           take_column(schema, array, prefix, "pod", flow_input_is_text, "text", &end->pod, err) &&
           take_column(schema, array, prefix, "labels", flow_input_is_texts, "text or lists of it",
                       &end->labels, err) &&
           take_column(schema, array, prefix, "entity", flow_input_is_text, "text", &end->entity,
                       err) &&
           take_column(schema, array, prefix, "ip", is_ip, "text or 16 bytes", &end->ip, err) &&
           take_column(schema, array, prefix, "names", flow_input_is_texts, "text or lists of it",
                       &end->names, err);
}

static bool
says_nothing(const struct end_columns *end)
{
    return end->namespace_name.schema == NULL && end->pod.schema == NULL &&
           end->labels.schema == NULL && end->entity.schema == NULL && end->ip.schema == NULL;
}

static bool
find_columns(const struct ArrowSchema *schema, const struct ArrowArray *array,
             struct columns *columns, struct flow_error *err)
{
    if (strcmp(schema->format, "+s") != 0) {
        flow_fail(err, FLOW_E_INVALID, "expected a struct of columns, found Arrow format \"%.20s\"",
                  schema->format);
        return false;
    }
    if (!find_end(schema, array, "source_", &columns->source, err) ||
        !find_end(schema, array, "destination_", &columns->destination, err) ||
        !take_column(schema, array, "", "protocol", flow_input_is_text, "text", &columns->protocol,
                     err) ||
        !take_column(schema, array, "", "port", flow_input_is_number, "whole numbers",
                     &columns->port, err) ||
        !take_column(schema, array, "", "time", flow_input_is_time, "timestamps", &columns->time,
                     err)) {
        return false;
    }
    if (says_nothing(&columns->source) || says_nothing(&columns->destination)) {
        flow_fail(err, FLOW_E_INVALID,
                  "expected columns such as source_pod and destination_ip, found none of %s",
                  says_nothing(&columns->source) ? "the source" : "the destination");
        return false;
    }
    return true;
}

static bool
is_entity(struct flow_str text)
{
    static const char *const entities[] = { "world",          "host",    "remote-node",
                                            "kube-apiserver", "ingress", "health" };

    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        if (flow_str_is(text, entities[i])) {
            return true;
        }
    }
    return false;
}

/* A value that is none; the row is told by the caller. */
static int
fail_value(struct flow_error *err, const char *what, struct flow_str found)
{
    char quoted[128];

    return flow_fail(err, FLOW_E_PARSE, "expected %s, found %s", what,
                     flow_quote(found, quoted, sizeof(quoted)));
}

static int
take_address(const struct flow_input_column *column, int64_t row, struct flow_address *address,
             struct flow_error *err)
{
    struct flow_str text;

    if (flow_input_is_address(column)) {
        flow_input_address(column, row, address);
        return FLOW_OK;
    }
    if (!flow_input_text(column, row, &text) || text.len == 0 ||
        flow_address_parse(address, text, NULL) == FLOW_OK) {
        return FLOW_OK;
    }
    return fail_value(err, "an address", text);
}

/* DNS names of an end, or none. */
static int
take_names(struct flow_arrow_decider *decider, const struct flow_input_column *column, int64_t row,
           const struct flow_text_list **names, struct flow_error *err)
{
    bool ok;

    *names = flow_dict_empty_list(decider->dict);
    if (flow_input_list(column, row, &decider->texts, &ok)) {
        *names = flow_text_list_of(decider->dict, decider->texts.texts, decider->texts.count);
    }
    return ok && *names != NULL ? FLOW_OK : flow_fail_memory(err);
}

/* One end: by its labels, as an entity, by name, or by nothing but its address. */
static int
take_end(struct flow_arrow_decider *decider, const struct end_columns *end, int64_t row,
         const struct flow_endpoint **endpoint, struct flow_address *address,
         const struct flow_text_list **names, struct flow_error *err)
{
    const struct flow_str nothing = FLOW_STR("");
    struct flow_str namespace_name = nothing, pod = nothing, entity = nothing;
    int rc = take_address(&end->ip, row, address, err);
    bool ok;

    rc = rc == FLOW_OK ? take_names(decider, &end->names, row, names, err) : rc;
    if (rc != FLOW_OK) {
        return rc;
    }
    flow_input_text(&end->namespace_name, row, &namespace_name);
    flow_input_text(&end->pod, row, &pod);
    flow_input_text(&end->entity, row, &entity);
    if (flow_input_list(&end->labels, row, &decider->texts, &ok)) {
        *endpoint = flow_endpoint_labelled(decider->dict, namespace_name, pod, decider->texts.texts,
                                           decider->texts.count);
    } else if (!ok) {
        *endpoint = NULL;
    } else if (entity.len > 0) {
        if (!is_entity(entity)) {
            return fail_value(err, "an entity such as world", entity);
        }
        *endpoint = flow_endpoint_named(decider->dict, nothing, nothing, entity);
    } else if (namespace_name.len > 0 || pod.len > 0) {
        *endpoint = flow_endpoint_named(decider->dict, namespace_name, pod, nothing);
    } else if (address->family != 0 && !flow_policies_knows_address(decider->policies, address)) {
        /* an address that is nobody's in the inventory is outside the cluster */
        *endpoint = flow_endpoint_named(decider->dict, nothing, nothing, FLOW_STR("world"));
    } else {
        *endpoint = flow_dict_empty_endpoint(decider->dict);
    }
    return *endpoint != NULL ? FLOW_OK : flow_fail_memory(err);
}

static int
take_port(const struct columns *columns, int64_t row, struct flow_connection *connection,
          struct flow_error *err)
{
    struct flow_str text;
    int64_t number;

    if (flow_input_text(&columns->protocol, row, &text) && text.len > 0) {
        for (uint8_t p = FLOW_PROTOCOL_TCP; p <= FLOW_PROTOCOL_IGMP; p++) {
            const char *name = flow_protocol_name(p);

            if (strlen(name) == text.len && strncasecmp(name, text.ptr, text.len) == 0) {
                connection->protocol = p;
            }
        }
        if (connection->protocol == FLOW_PROTOCOL_UNKNOWN) {
            return fail_value(err, "a protocol such as TCP", text);
        }
    }
    if (flow_input_number(&columns->port, row, &number)) {
        const bool has_ports = connection->protocol <= FLOW_PROTOCOL_SCTP;

        if (number < 0 || number > (has_ports ? UINT16_MAX : UINT8_MAX)) {
            return flow_fail(err, FLOW_E_PARSE, "expected a port from 0 to %d, found %lld",
                             has_ports ? UINT16_MAX : UINT8_MAX, (long long)number);
        }
        connection->has_port = true;
        connection->destination_port = (uint16_t)number;
    }
    return FLOW_OK;
}

static int
take_row(struct flow_arrow_decider *decider, const struct columns *columns, int64_t row,
         struct flow_connection *connection, struct flow_error *err)
{
    int rc;

    memset(connection, 0, sizeof(*connection));
    connection->time = FLOW_TIME_NONE;
    rc = take_end(decider, &columns->source, row, &connection->source, &connection->source_address,
                  &connection->source_names, err);
    rc = rc == FLOW_OK
             ? take_end(decider, &columns->destination, row, &connection->destination,
                        &connection->destination_address, &connection->destination_names, err)
             : rc;
    flow_input_time(&columns->time, row, &connection->time);
    return rc == FLOW_OK ? take_port(columns, row, connection, err) : rc;
}

static bool
lets_through(const struct flow_record *record)
{
    return record->expected == FLOW_EXPECTED_ALLOW ||
           record->expected == FLOW_EXPECTED_ALLOW_DEFAULT ||
           record->expected == FLOW_EXPECTED_NOT_APPLICABLE;
}

static void
put_side(struct flow_table *table, size_t first, const struct flow_record *record)
{
    flow_put_name(table, first, record->expected, flow_expected_name(record->expected));
    flow_put_policy(table, first + 1,
                    record->expected != FLOW_EXPECTED_UNDECIDABLE ? record->decision : NULL);
    flow_put_undecided(table, first + 1 + FLOW_POLICY_COLUMNS, record->undecided);
}

static void
put_intent(struct flow_table *table, const struct flow_intent_decision *intent)
{
    struct flow_str rules[FLOW_VIOLATIONS_MAX];
    const struct flow_intent_statement *statement;

    if (intent == NULL) {
        return;
    }
    for (size_t i = 0; i < intent->violation_count; i++) {
        rules[i] = flow_str_of(flow_report_rule_of_violation(intent->violations[i].kind)->id);
    }
    statement = intent->violation_count > 0 ? intent->violations[0].statement : intent->statement;
    flow_put_texts(table, FLOW_DECIDED_VIOLATIONS, rules, intent->violation_count);
    flow_put_word(table, FLOW_DECIDED_STATEMENT,
                  flow_str_of(statement != NULL ? statement->name : NULL));
    flow_put_word(table, FLOW_DECIDED_APPROVAL,
                  flow_str_of(intent->approval != NULL ? intent->approval->id : NULL));
    flow_put_undecided(table, FLOW_DECIDED_UNDECIDED, intent->undecided);
}

static void
put_row(struct flow_table *table, const struct flow_record *egress,
        const struct flow_record *ingress)
{
    const bool denied = (egress->expected == FLOW_EXPECTED_DENY_EXPLICIT ||
                         egress->expected == FLOW_EXPECTED_DENY_DEFAULT ||
                         ingress->expected == FLOW_EXPECTED_DENY_EXPLICIT ||
                         ingress->expected == FLOW_EXPECTED_DENY_DEFAULT);

    if (denied || (lets_through(egress) && lets_through(ingress))) {
        flow_put_bool(table, FLOW_DECIDED_ALLOWED, !denied);
    }
    put_side(table, FLOW_DECIDED_EGRESS, egress);
    put_side(table, FLOW_DECIDED_INGRESS, ingress);
    flow_put_name(table, FLOW_DECIDED_SCOPE, egress->scope, flow_scope_name(egress->scope));
    flow_put_name(table, FLOW_DECIDED_INTENT, egress->intent, flow_intent_name(egress->intent));
    put_intent(table, egress->intent_decision);
    flow_table_end_row(table);
}

static int
decide_rows(struct flow_arrow_decider *decider, const struct columns *columns, int64_t count,
            struct flow_table *table, struct flow_error *err)
{
    for (int64_t row = 0; row < count; row++) {
        struct flow_connection connection;
        struct flow_record sides[2];
        int rc = take_row(decider, columns, row, &connection, err);

        if (rc != FLOW_OK) {
            flow_error_set_place(err, 0, row < UINT32_MAX ? (uint32_t)row + 1 : 0, 0);
            return rc;
        }
        rc = flow_classifier_judge(decider->classifier, decider->dict, &connection,
                                   FLOW_DIRECTION_EGRESS, &sides[0], err);
        rc = rc == FLOW_OK ? flow_classifier_judge(decider->classifier, decider->dict, &connection,
                                                   FLOW_DIRECTION_INGRESS, &sides[1], err)
                           : rc;
        if (rc != FLOW_OK) {
            return rc;
        }
        put_row(table, &sides[0], &sides[1]);
    }
    return FLOW_OK;
}

int
flow_arrow_decider_run(struct flow_arrow_decider *decider, const struct ArrowSchema *schema,
                       const struct ArrowArray *array, struct ArrowArray *out,
                       struct flow_error *err)
{
    struct columns columns;
    struct flow_table table;
    int rc;

    if (!find_columns(schema, array, &columns, err)) {
        return FLOW_E_INVALID;
    }
    rc = begin(decider, err);
    if (rc != FLOW_OK) {
        return rc;
    }
    rc = flow_table_init(&table, FLOW_ARROW_DECISIONS) &&
                 flow_table_reserve(&table, (size_t)array->length)
             ? decide_rows(decider, &columns, array->length, &table, err)
             : flow_fail_memory(err);
    rc = rc == FLOW_OK ? flow_table_take(&table, out, err) : rc;
    flow_table_free(&table);
    return rc;
}
