/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of the server: GetFlowsRequest with the caller's filters as FlowFilters. Filters
 * that the server cannot be told exactly are left out: it then sends more, and the caller filters.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "hubble_observer.pb-c.h"
#include "source/grpc.h"

/* Filters about either end; each is asked as two alternatives, so that 2^ENDS are the most. */
enum { ENDS = 5, BYTE_MAX = 1 << ENDS };

struct end_filter {
    const char *either, *source, *destination; /* names of libflow/filter.h */
};

static const struct end_filter ends[ENDS] = {
    { "namespace", "from-namespace", "to-namespace" },
    { "pod", "from-pod", "to-pod" },
    { "ip", "from-ip", "to-ip" },
    { "port", "from-port", "to-port" },
    { "identity", "from-identity", "to-identity" },
};

struct maker {
    const struct flow_filter *filter;
    struct flow_arena arena;
    bool failed;
};

static void *
take(struct maker *maker, size_t count, size_t size)
{
    void *room = flow_arena_array(&maker->arena, count, size);

    maker->failed |= room == NULL;
    return room;
}

/* The values of a filter as texts; suffix goes behind each. */
static void
texts_of(struct maker *maker, const char *name, const char *suffix, size_t *count, char ***out)
{
    const size_t values = flow_filter_count(maker->filter, name);

    if (values == 0 || *count > 0) {
        return; /* the field is taken: the other filter is the caller's alone */
    }
    *out = take(maker, values, sizeof(**out));
    for (size_t i = 0; i < values && !maker->failed; i++) {
        const char *value = flow_filter_value(maker->filter, name, i);
        char *copy = take(maker, strlen(value) + strlen(suffix) + 1, 1);

        if (copy != NULL) {
            strcpy(copy, value);
            strcat(copy, suffix);
            (*out)[i] = copy;
        }
    }
    *count = maker->failed ? 0 : values;
}

static void
numbers_of(struct maker *maker, const char *name, size_t *count, uint32_t **out)
{
    const size_t values = flow_filter_count(maker->filter, name);

    if (values == 0 || *count > 0) {
        return;
    }
    *out = take(maker, values, sizeof(**out));
    for (size_t i = 0; i < values && *out != NULL; i++) {
        (*out)[i] = (uint32_t)strtoul(flow_filter_value(maker->filter, name, i), NULL, 10);
    }
    *count = *out != NULL ? values : 0;
}

/* The number of an enum's value by its name in any case. */
static bool
enum_number(const ProtobufCEnumDescriptor *descriptor, const char *name, int *number)
{
    const ProtobufCEnumValue *value;
    char upper[64];
    size_t len = strlen(name);

    if (len >= sizeof(upper)) {
        return false;
    }
    for (size_t i = 0; i <= len; i++) {
        upper[i] = name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);
    }
    value = protobuf_c_enum_descriptor_get_value_by_name(descriptor, upper);
    *number = value != NULL ? value->value : 0;
    return value != NULL;
}

/* All values of a filter or none: with some left out the server would send too little. */
static void
enums_of(struct maker *maker, const char *name, const ProtobufCEnumDescriptor *descriptor,
         size_t *count, int *out)
{
    const size_t values = flow_filter_count(maker->filter, name);

    for (size_t i = 0; i < values && out != NULL; i++) {
        if (!enum_number(descriptor, flow_filter_value(maker->filter, name, i), &out[i])) {
            return;
        }
    }
    *count = out != NULL ? values : 0;
}

static void
types_of(struct maker *maker, Flow__FlowFilter *filter)
{
    static const struct {
        const char *name;
        int32_t type;
    } names[] = {
        { "drop", 1 }, { "trace", 4 }, { "policy-verdict", 5 }, { "trace-sock", 7 }, { "l7", 129 }
    };
    const size_t values = flow_filter_count(maker->filter, "type");

    filter->event_type = take(maker, values, sizeof(*filter->event_type));
    for (size_t i = 0; i < values && !maker->failed; i++) {
        const char *value = flow_filter_value(maker->filter, "type", i);
        Flow__EventTypeFilter *type = take(maker, 1, sizeof(*type));

        if (type == NULL) {
            return;
        }
        flow__event_type_filter__init(type);
        type->type = (int32_t)strtol(value, NULL, 10);
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
            if (strcmp(names[n].name, value) == 0) {
                type->type = names[n].type;
            }
        }
        filter->event_type[i] = type;
    }
    filter->n_event_type = maker->failed ? 0 : values;
}

/* Names that servers of every version know. */
static void
protocols_of(struct maker *maker, Flow__FlowFilter *filter)
{
    static const char *const known[] = { "tcp", "udp", "sctp", "icmpv4", "icmpv6" };
    const size_t values = flow_filter_count(maker->filter, "protocol");

    texts_of(maker, "protocol", "", &filter->n_protocol, &filter->protocol);
    for (size_t i = 0; i < values && i < filter->n_protocol; i++) {
        bool is_known = false;

        for (char *c = filter->protocol[i]; *c != '\0'; c++) {
            *c = (char)tolower((unsigned char)*c);
        }
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
            is_known |= strcmp(known[k], filter->protocol[i]) == 0;
        }
        if (!is_known) {
            filter->n_protocol = 0;
        }
    }
}

/* One alternative: bit i of destinations says at which end the i-th filter about either end is. */
static Flow__FlowFilter *
make_filter(struct maker *maker, unsigned destinations)
{
    Flow__FlowFilter *filter = take(maker, 1, sizeof(*filter));

    if (filter == NULL) {
        return NULL;
    }
    flow__flow_filter__init(filter);
    for (size_t i = 0; i < ENDS; i++) {
        const bool destination = (destinations >> i & 1) != 0;
        const char *source_names[] = { ends[i].source, destination ? NULL : ends[i].either };
        const char *destination_names[] = { ends[i].destination,
                                            destination ? ends[i].either : NULL };

        for (size_t n = 0; n < 2; n++) {
            const char *s = source_names[n] != NULL ? source_names[n] : "";
            const char *d = destination_names[n] != NULL ? destination_names[n] : "";

            switch (i) {
            case 0:
                texts_of(maker, s, "/", &filter->n_source_pod, &filter->source_pod);
                texts_of(maker, d, "/", &filter->n_destination_pod, &filter->destination_pod);
                break;
            case 1:
                texts_of(maker, s, "", &filter->n_source_pod, &filter->source_pod);
                texts_of(maker, d, "", &filter->n_destination_pod, &filter->destination_pod);
                break;
            case 2:
                texts_of(maker, s, "", &filter->n_source_ip, &filter->source_ip);
                texts_of(maker, d, "", &filter->n_destination_ip, &filter->destination_ip);
                break;
            case 3:
                texts_of(maker, s, "", &filter->n_source_port, &filter->source_port);
                texts_of(maker, d, "", &filter->n_destination_port, &filter->destination_port);
                break;
            default:
                numbers_of(maker, s, &filter->n_source_identity, &filter->source_identity);
                numbers_of(maker, d, &filter->n_destination_identity,
                           &filter->destination_identity);
                break;
            }
        }
    }
    filter->verdict = take(maker, flow_filter_count(maker->filter, "verdict"), sizeof(int));
    enums_of(maker, "verdict", &flow__verdict__descriptor, &filter->n_verdict,
             (int *)filter->verdict);
    filter->traffic_direction =
        take(maker, flow_filter_count(maker->filter, "traffic-direction"), sizeof(int));
    enums_of(maker, "traffic-direction", &flow__traffic_direction__descriptor,
             &filter->n_traffic_direction, (int *)filter->traffic_direction);
    types_of(maker, filter);
    protocols_of(maker, filter);
    texts_of(maker, "uuid", "", &filter->n_uuid, &filter->uuid);
    return filter;
}

/* The filter as alternatives of which one must hold; none when it asks for nothing. */
static void
make_whitelist(struct maker *maker, Observer__GetFlowsRequest *request)
{
    unsigned used = 0; /* filters about either end that are given */
    size_t count = 0;

    for (size_t i = 0; i < ENDS; i++) {
        used |= flow_filter_count(maker->filter, ends[i].either) > 0 ? 1u << i : 0;
    }
    request->whitelist = take(maker, BYTE_MAX, sizeof(*request->whitelist));
    for (unsigned bits = 0; bits < BYTE_MAX && !maker->failed; bits++) {
        if ((bits & ~used) == 0) {
            request->whitelist[count] = make_filter(maker, bits);
            count++;
        }
    }
    request->n_whitelist = maker->failed ? 0 : count;
    /* one that asks for nothing would let everything through */
    if (count == 1 && !maker->failed &&
        flow__flow_filter__get_packed_size(request->whitelist[0]) == 0) {
        request->n_whitelist = 0;
    }
}

static void
set_time(Google__Protobuf__Timestamp *stamp, Google__Protobuf__Timestamp **field, int64_t time)
{
    const int64_t second = 1000000000;

    if (time != FLOW_TIME_NONE) {
        google__protobuf__timestamp__init(stamp);
        stamp->seconds = time / second - (time % second < 0 ? 1 : 0);
        stamp->nanos = (int32_t)(time - stamp->seconds * second);
        *field = stamp;
    }
}

/* Packs a request behind the bytes of another: protobuf reads the two as one. */
static int
pack_behind(const Observer__GetFlowsRequest *request, struct flow_str before, struct flow_str *out,
            struct flow_error *err)
{
    const size_t len = observer__get_flows_request__get_packed_size(request);
    uint8_t *bytes = malloc(before.len + len + 1);

    if (bytes == NULL) {
        return flow_fail_memory(err);
    }
    if (before.len > 0) {
        memcpy(bytes, before.ptr, before.len);
    }
    observer__get_flows_request__pack(request, bytes + before.len);
    *out = (struct flow_str){ (const char *)bytes, before.len + len };
    return FLOW_OK;
}

int
flow_grpc_filters(const struct flow_filter *filter, struct flow_str *out, struct flow_error *err)
{
    Observer__GetFlowsRequest request = OBSERVER__GET_FLOWS_REQUEST__INIT;
    struct maker maker = { .filter = filter };
    int rc;

    if (filter != NULL) {
        make_whitelist(&maker, &request);
    }
    rc = maker.failed ? flow_fail_memory(err)
                      : pack_behind(&request, (struct flow_str){ NULL, 0 }, out, err);
    flow_arena_free(&maker.arena);
    return rc;
}

int
flow_grpc_flows_request(const struct flow_live_options *options, int64_t since,
                        struct flow_str filters, struct flow_str *out, struct flow_error *err)
{
    Observer__GetFlowsRequest request = OBSERVER__GET_FLOWS_REQUEST__INIT;
    Google__Protobuf__Timestamp since_stamp, until_stamp;

    request.follow = options->follow;
    request.first = options->first > 0;
    request.number = options->first > 0 ? options->first : options->last;
    set_time(&since_stamp, &request.since, since);
    set_time(&until_stamp, &request.until, options->until);
    if (since != FLOW_TIME_NONE && request.number == 0 && !options->follow) {
        request.number = UINT64_MAX;
    }
    return pack_behind(&request, filters, out, err);
}
