/* SPDX-License-Identifier: Apache-2.0 */
/* One table of filters: how a value is read, and how a record is looked at. */
#include "libflow/filter.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/str.h"
#include "model/batch.h"
#include "model/names.h"

/* A value, read as its filter needs it. */
struct value {
    struct flow_str text; /* as given, ended with NUL */
    struct flow_cidr cidr;
    int64_t time;
    uint32_t number;
};

typedef bool read_function(struct value *value);
typedef bool match_function(const struct flow_record *record, const struct value *value);

static bool
read_text(struct value *value)
{
    return value->text.len > 0;
}

static bool
read_time(struct value *value)
{
    return flow_time_parse(&value->time, value->text, NULL) == FLOW_OK;
}

static bool
read_cidr(struct value *value)
{
    return flow_cidr_parse(&value->cidr, value->text, NULL) == FLOW_OK;
}

static bool
read_number(struct value *value)
{
    char *end;
    const unsigned long number = strtoul(value->text.ptr, &end, 10);

    value->number = (uint32_t)number;
    return value->text.len > 0 && *end == '\0' && value->text.ptr[0] != '-' && number <= UINT32_MAX;
}

static bool
read_port(struct value *value)
{
    return read_number(value) && value->number <= UINT16_MAX;
}

/* Upper-case names, given in any case. */
static bool
read_name(const struct value *value, bool (*number_of)(struct flow_str, uint32_t *),
          uint32_t *number)
{
    char upper[64];

    if (value->text.len >= sizeof(upper)) {
        return false;
    }
    for (size_t i = 0; i <= value->text.len; i++) {
        const char c = value->text.ptr[i];

        upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c == '-' ? '_' : c;
    }
    return number_of((struct flow_str){ upper, value->text.len }, number);
}

static bool
read_verdict(struct value *value)
{
    return read_name(value, flow_verdict_number, &value->number);
}

static bool
read_direction(struct value *value)
{
    return read_name(value, flow_direction_number, &value->number);
}

static bool
read_protocol(struct value *value)
{
    for (uint8_t p = FLOW_PROTOCOL_TCP; p <= FLOW_PROTOCOL_IGMP; p++) {
        if (strcasecmp(value->text.ptr, flow_protocol_name(p)) == 0) {
            value->number = p;
            return true;
        }
    }
    return false;
}

static bool
read_type(struct value *value)
{
    static const struct {
        const char *name;
        uint32_t type;
    } types[] = {
        { "drop", FLOW_EVENT_DROP },
        { "trace", FLOW_EVENT_TRACE },
        { "policy-verdict", FLOW_EVENT_POLICY_VERDICT },
        { "trace-sock", FLOW_EVENT_TRACE_SOCK },
        { "l7", FLOW_EVENT_L7 },
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (flow_str_is(value->text, types[i].name)) {
            value->number = types[i].type;
            return true;
        }
    }
    return read_number(value);
}

static bool
match_since(const struct flow_record *record, const struct value *value)
{
    return record->time != FLOW_TIME_NONE && record->time >= value->time;
}

static bool
match_until(const struct flow_record *record, const struct value *value)
{
    return record->time != FLOW_TIME_NONE && record->time <= value->time;
}

static bool
match_verdict(const struct flow_record *record, const struct value *value)
{
    return record->verdict == value->number;
}

static bool
match_direction(const struct flow_record *record, const struct value *value)
{
    return record->direction == value->number;
}

static bool
match_protocol(const struct flow_record *record, const struct value *value)
{
    return record->protocol == value->number;
}

static bool
match_type(const struct flow_record *record, const struct value *value)
{
    return record->event_type == (int32_t)value->number;
}

static bool
match_uuid(const struct flow_record *record, const struct value *value)
{
    return flow_str_equal(record->uuid, value->text);
}

/* "cluster/" stands in front of names only where a cluster has one, so both forms are tried. */
static bool
match_node(const struct flow_record *record, const struct value *value)
{
    char name[512];
    const char *slash;

    if (record->node_name.len >= sizeof(name)) {
        return false;
    }
    if (record->node_name.len > 0) {
        memcpy(name, record->node_name.ptr, record->node_name.len);
    }
    name[record->node_name.len] = '\0';
    slash = strchr(name, '/');
    return fnmatch(value->text.ptr, name, 0) == 0 ||
           (slash != NULL && fnmatch(value->text.ptr, slash + 1, 0) == 0);
}

static bool
namespace_is(const struct flow_endpoint *endpoint, const struct value *value)
{
    return flow_str_equal(endpoint->namespace_name, value->text);
}

/* "namespace/prefix", "namespace/", "/prefix" in any namespace, "prefix" in "default". */
static bool
pod_is(const struct flow_endpoint *endpoint, const struct value *value)
{
    const char *slash = memchr(value->text.ptr, '/', value->text.len);
    const size_t split = slash != NULL ? (size_t)(slash - value->text.ptr) : 0;
    const struct flow_str space =
        slash != NULL ? (struct flow_str){ value->text.ptr, split } : FLOW_STR("default");
    const struct flow_str prefix =
        slash != NULL ? flow_str_from(value->text, split + 1) : value->text;

    return (space.len == 0 || flow_str_equal(endpoint->namespace_name, space)) &&
           endpoint->pod_name.len > 0 && flow_str_starts(endpoint->pod_name, prefix);
}

static bool
identity_is(const struct flow_endpoint *endpoint, const struct value *value)
{
    return endpoint->identity == value->number;
}

/* Matchers of one end, made into matchers of a record for the source, the destination, or both. */
#define END_MATCHERS(what)                                                                         \
    static bool match_source_##what(const struct flow_record *record, const struct value *value)   \
    {                                                                                              \
        return what##_is(record->source, value);                                                   \
    }                                                                                              \
    static bool match_destination_##what(const struct flow_record *record,                         \
                                         const struct value *value)                                \
    {                                                                                              \
        return what##_is(record->destination, value);                                              \
    }                                                                                              \
    static bool match_##what(const struct flow_record *record, const struct value *value)          \
    {                                                                                              \
        return what##_is(record->source, value) || what##_is(record->destination, value);          \
    }

END_MATCHERS(namespace)
END_MATCHERS(pod)
END_MATCHERS(identity)

static bool
match_source_ip(const struct flow_record *record, const struct value *value)
{
    return flow_cidr_holds(&value->cidr, &record->source_address);
}

static bool
match_destination_ip(const struct flow_record *record, const struct value *value)
{
    return flow_cidr_holds(&value->cidr, &record->destination_address);
}

static bool
match_ip(const struct flow_record *record, const struct value *value)
{
    return match_source_ip(record, value) || match_destination_ip(record, value);
}

static bool
match_source_port(const struct flow_record *record, const struct value *value)
{
    return record->has_ports && record->source_port == value->number;
}

static bool
match_destination_port(const struct flow_record *record, const struct value *value)
{
    return record->has_ports && record->destination_port == value->number;
}

static bool
match_port(const struct flow_record *record, const struct value *value)
{
    return match_source_port(record, value) || match_destination_port(record, value);
}

static const struct filter_kind {
    const char *name, *value;
    read_function *read;
    match_function *match;
} kinds[] = {
    { "since", "RFC3339", read_time, match_since },
    { "until", "RFC3339", read_time, match_until },
    { "verdict", "VERDICT", read_verdict, match_verdict },
    { "type", "TYPE", read_type, match_type },
    { "traffic-direction", "DIRECTION", read_direction, match_direction },
    { "namespace", "NAMESPACE", read_text, match_namespace },
    { "from-namespace", "NAMESPACE", read_text, match_source_namespace },
    { "to-namespace", "NAMESPACE", read_text, match_destination_namespace },
    { "pod", "NAMESPACE/PREFIX", read_text, match_pod },
    { "from-pod", "NAMESPACE/PREFIX", read_text, match_source_pod },
    { "to-pod", "NAMESPACE/PREFIX", read_text, match_destination_pod },
    { "ip", "CIDR", read_cidr, match_ip },
    { "from-ip", "CIDR", read_cidr, match_source_ip },
    { "to-ip", "CIDR", read_cidr, match_destination_ip },
    { "protocol", "PROTOCOL", read_protocol, match_protocol },
    { "port", "PORT", read_port, match_port },
    { "from-port", "PORT", read_port, match_source_port },
    { "to-port", "PORT", read_port, match_destination_port },
    { "identity", "NUMBER", read_number, match_identity },
    { "from-identity", "NUMBER", read_number, match_source_identity },
    { "to-identity", "NUMBER", read_number, match_destination_identity },
    { "node-name", "PATTERN", read_text, match_node },
    { "uuid", "UUID", read_text, match_uuid },
};

enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

struct flow_filter {
    struct flow_arena arena;
    struct values {
        struct value *values;
        size_t count, room;
    } values[KIND_COUNT];
};

int
flow_filter_new(struct flow_filter **out, struct flow_error *err)
{
    *out = calloc(1, sizeof(**out));
    return *out != NULL ? FLOW_OK : flow_fail_memory(err);
}

void
flow_filter_free(struct flow_filter *filter)
{
    if (filter != NULL) {
        for (size_t i = 0; i < KIND_COUNT; i++) {
            free(filter->values[i].values);
        }
        flow_arena_free(&filter->arena);
        free(filter);
    }
}

const char *
flow_filter_name_at(size_t i)
{
    return i < KIND_COUNT ? kinds[i].name : NULL;
}

const char *
flow_filter_value_at(size_t i)
{
    return i < KIND_COUNT ? kinds[i].value : NULL;
}

static int
add_value(struct flow_filter *filter, size_t kind, const char *text, struct flow_error *err)
{
    struct values *values = &filter->values[kind];
    struct value value = { .number = 0 };
    char quoted[100];

    value.text = flow_arena_str(&filter->arena, flow_str_of(text));
    if (value.text.ptr == NULL) {
        return flow_fail_memory(err);
    }
    if (!kinds[kind].read(&value)) {
        return flow_fail(err, FLOW_E_PARSE, "expected %s for --%s, found %s", kinds[kind].value,
                         kinds[kind].name, flow_quote(value.text, quoted, sizeof(quoted)));
    }
    if (values->count == values->room) {
        const size_t room = values->room == 0 ? 4 : values->room * 2;
        struct value *grown = realloc(values->values, room * sizeof(*grown));

        if (grown == NULL) {
            return flow_fail_memory(err);
        }
        values->values = grown;
        values->room = room;
    }
    values->values[values->count++] = value;
    return FLOW_OK;
}

int
flow_filter_add(struct flow_filter *filter, const char *name, const char *value,
                struct flow_error *err)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return add_value(filter, i, value, err);
        }
    }
    return flow_fail(err, FLOW_E_ARGUMENT, "expected the name of a filter, found \"%.40s\"", name);
}

static const struct values *
values_of(const struct flow_filter *filter, const char *name)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &filter->values[i];
        }
    }
    return NULL;
}

size_t
flow_filter_count(const struct flow_filter *filter, const char *name)
{
    const struct values *values = values_of(filter, name);

    return values != NULL ? values->count : 0;
}

const char *
flow_filter_value(const struct flow_filter *filter, const char *name, size_t i)
{
    const struct values *values = values_of(filter, name);

    return values != NULL && i < values->count ? values->values[i].text.ptr : NULL;
}

bool
flow_filter_match(const struct flow_filter *filter, const struct flow_record *record)
{
    if (record->kind != FLOW_KIND_FLOW) {
        return true;
    }
    for (size_t k = 0; k < KIND_COUNT; k++) {
        const struct values *values = &filter->values[k];
        bool any = values->count == 0;

        for (size_t i = 0; i < values->count && !any; i++) {
            any = kinds[k].match(record, &values->values[i]);
        }
        if (!any) {
            return false;
        }
    }
    return true;
}

void
flow_filter_run(const struct flow_filter *filter, struct flow_batch *batch)
{
    size_t kept = 0;

    for (size_t i = 0; i < batch->count; i++) {
        if (!flow_filter_match(filter, &batch->records[i])) {
            continue;
        }
        if (kept != i) {
            batch->records[kept] = batch->records[i];
        }
        kept++;
    }
    batch->count = kept;
}
