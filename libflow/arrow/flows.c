/* SPDX-License-Identifier: Apache-2.0 */
/* Records as rows of the tables of flows and of results. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arrow/flows.h"

#include "arrow/table.h"
#include "arrow/told.h"
#include "base/error.h"
#include "base/str.h"
#include "check/orient.h"

/* More text than this in one array is not collected. */
enum { TEXT_BYTES_MAX = 1 << 30 };

enum { END_WORDS = 6 }; /* columns of an end that hang on its endpoint alone */

/* The numbers of an endpoint's words, + 1; 0: null. */
struct end_words {
    uint32_t known; /* the builder's turn that they are of */
    uint32_t numbers[END_WORDS];
};

/* An address whose text was looked up last, of those that share a place. */
struct known_address {
    struct flow_address address; /* family 0: none */
    uint32_t number, age;
};

enum { ADDRESSES_KNOWN = 4096, NODES_KNOWN = 1024 };

struct flow_arrow_builder {
    struct flow_table table;
    bool results;
    struct end_words *ends; /* by number of the endpoint */
    size_t end_room;
    const struct flow_dict *dict;
    uint32_t turn;
    uint32_t ages;       /* of the dictionaries, when the turn began */
    uint32_t input_word; /* of the batch that is added */
    bool has_input;
    /* words of nodes by their number in the dictionary, + 1, as those of endpoints */
    struct flow_node_word {
        uint32_t known, number;
    } nodes[NODES_KNOWN];
    struct known_address addresses[ADDRESSES_KNOWN];
};

int
flow_arrow_builder_new(struct flow_arrow_builder **out, uint8_t table, struct flow_error *err)
{
    struct flow_arrow_builder *builder;

    if (table != FLOW_ARROW_FLOWS && table != FLOW_ARROW_RESULTS) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected the table flows or results, found %s",
                         flow_arrow_table_name(table));
    }
    builder = calloc(1, sizeof(*builder));
    if (builder == NULL || !flow_table_init(&builder->table, table)) {
        flow_arrow_builder_free(builder);
        return flow_fail_memory(err);
    }
    builder->results = table == FLOW_ARROW_RESULTS;
    builder->turn = 1;
    *out = builder;
    return FLOW_OK;
}

void
flow_arrow_builder_free(struct flow_arrow_builder *builder)
{
    if (builder != NULL) {
        flow_table_free(&builder->table);
        free(builder->ends);
        free(builder);
    }
}

size_t
flow_arrow_builder_rows(const struct flow_arrow_builder *builder)
{
    return builder->table.rows;
}

/* "k8s:app=web,reserved:host", as the labels are sorted. */
static struct flow_str
labels_text(const struct flow_label_set *set, struct flow_buf *text)
{
    flow_buf_reset(text);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct flow_label *label = &set->labels[i];

        flow_buf_add_text(text, i > 0 ? "," : "");
        if (label->source.len > 0) {
            flow_buf_add_str(text, label->source);
            flow_buf_add_char(text, ':');
        }
        flow_buf_add_str(text, label->key);
        if (label->value.len > 0) {
            flow_buf_add_char(text, '=');
            flow_buf_add_str(text, label->value);
        }
    }
    return flow_buf_str(text);
}

static void
find_words(struct flow_table *table, const struct flow_endpoint *endpoint, struct end_words *words)
{
    struct flow_buf text = { 0 };
    const struct flow_str texts[END_WORDS] = {
        endpoint->namespace_name, endpoint->pod_name,     endpoint->workload_name,
        endpoint->workload_kind,  endpoint->cluster_name, labels_text(endpoint->labels, &text),
    };

    for (size_t i = 0; i < END_WORDS; i++) {
        words->numbers[i] =
            texts[i].len > 0
                ? flow_words_add(table, &table->words[FLOW_WORDS_NAMESPACE + i], texts[i]) + 1
                : 0;
    }
    table->failed |= text.failed;
    flow_buf_free(&text);
}

/* The words of an endpoint, looked up once a turn; NULL when out of memory. */
static const struct end_words *
words_of(struct flow_arrow_builder *builder, const struct flow_endpoint *endpoint)
{
    size_t room = builder->end_room == 0 ? 256 : builder->end_room;

    while (room <= endpoint->id) {
        room *= 2;
    }
    if (room > builder->end_room) {
        struct end_words *grown = realloc(builder->ends, room * sizeof(*grown));

        if (grown == NULL) {
            return NULL;
        }
        memset(grown + builder->end_room, 0, (room - builder->end_room) * sizeof(*grown));
        builder->ends = grown;
        builder->end_room = room;
    }
    if (builder->ends[endpoint->id].known != builder->turn) {
        find_words(&builder->table, endpoint, &builder->ends[endpoint->id]);
        builder->ends[endpoint->id].known = builder->turn;
    }
    return &builder->ends[endpoint->id];
}

static void
put_service(struct flow_table *table, size_t column, const struct flow_service_ref *service)
{
    struct flow_buf text = { 0 };

    if (service == NULL) {
        return;
    }
    flow_buf_add_str(&text, service->namespace_name);
    flow_buf_add_text(&text, service->namespace_name.len > 0 ? "/" : "");
    flow_buf_add_str(&text, service->name);
    flow_put_word(table, column, flow_buf_str(&text));
    table->failed |= text.failed;
    flow_buf_free(&text);
}

static size_t
place_of(const struct flow_address *address)
{
    uint64_t halves[2];

    memcpy(halves, address->bytes, sizeof(halves));
    return (size_t)((halves[0] ^ halves[1]) * UINT64_C(0x9e3779b97f4a7c15) >> 52);
}

static void
put_address_text(struct flow_arrow_builder *builder, size_t column,
                 const struct flow_address *address)
{
    struct flow_words *words = &builder->table.words[FLOW_WORDS_ADDRESS];
    struct known_address *known = &builder->addresses[place_of(address)];
    char text[FLOW_ADDRESS_TEXT_MAX];

    if (address->family == 0) {
        return;
    }
    if (known->age != words->age || !flow_address_equal(&known->address, address)) {
        known->number =
            flow_words_add(&builder->table, words, flow_str_of(flow_address_format(address, text)));
        known->address = *address;
        known->age = words->age;
    }
    flow_put_u32(&builder->table, column, known->number);
}

/* One end; the columns of both are in one order, from first on. */
static void
put_end(struct flow_arrow_builder *builder, size_t first, const struct flow_record *record,
        bool is_source)
{
    struct flow_table *table = &builder->table;
    const struct flow_endpoint *endpoint = is_source ? record->source : record->destination;
    const struct flow_address *address =
        is_source ? &record->source_address : &record->destination_address;
    const struct flow_text_list *names =
        is_source ? record->source_names : record->destination_names;
    const struct end_words *words = words_of(builder, endpoint);
    const size_t named = first + FLOW_COLUMN_SOURCE_NAMESPACE - FLOW_COLUMN_SOURCE_IP;

    if (words == NULL) {
        table->failed = true;
        return;
    }
    put_address_text(builder, first, address);
    flow_put_address(table, first + 1, address);
    if (record->has_ports) {
        flow_put_u16(table, first + 2, is_source ? record->source_port : record->destination_port);
    }
    for (size_t i = 0; i < END_WORDS; i++) {
        if (words->numbers[i] != 0) {
            flow_put_u32(table, named + i, words->numbers[i] - 1);
        }
    }
    if (endpoint->identity != 0) {
        flow_put_u32(table, named + END_WORDS, endpoint->identity);
    }
    put_service(table, named + END_WORDS + 1,
                is_source ? record->source_service : record->destination_service);
    flow_put_texts(table, named + END_WORDS + 2, names->texts, names->count);
}

static void
put_node(struct flow_arrow_builder *builder, const struct flow_record *record)
{
    struct flow_words *words = &builder->table.words[FLOW_WORDS_NODE];
    struct flow_node_word *place;

    if (record->node_name.len == 0) {
        return;
    }
    if (record->node >= NODES_KNOWN) {
        flow_put_word(&builder->table, FLOW_COLUMN_NODE, record->node_name);
        return;
    }
    place = &builder->nodes[record->node];
    if (place->known != builder->turn) {
        place->number = flow_words_add(&builder->table, words, record->node_name);
        place->known = builder->turn;
    }
    flow_put_u32(&builder->table, FLOW_COLUMN_NODE, place->number);
}

/* The word of a batch's input: its records are of one. */
static void
find_input(struct flow_arrow_builder *builder, const char *name)
{
    builder->has_input = name != NULL && name[0] != '\0';
    if (builder->has_input) {
        builder->input_word = flow_words_add(
            &builder->table, &builder->table.words[FLOW_WORDS_INPUT], flow_str_of(name));
    }
}

static void
put_drop_reason(struct flow_table *table, const struct flow_record *record)
{
    const char *name = flow_drop_reason_name(record->drop_reason);

    if (record->drop_reason == 0) {
        return;
    }
    if (name != NULL) {
        flow_put_word(table, FLOW_COLUMN_DROP_REASON, flow_str_of(name));
    } else {
        char text[8];

        snprintf(text, sizeof(text), "%u", record->drop_reason);
        flow_put_word(table, FLOW_COLUMN_DROP_REASON, flow_str_of(text));
    }
}

static void
put_tcp_flags(struct flow_table *table, uint16_t flags)
{
    static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK",
                                         "URG", "ECE", "CWR", "NS" };
    struct flow_buf text = { 0 };

    if ((flags & FLOW_TCP_KNOWN) == 0) {
        return;
    }
    if ((flags >> 8) == FLOW_TCP_KNOWN >> 8 &&
        table->columns[FLOW_COLUMN_TCP_FLAGS].words->of_value[flags & 0xff] != 0) {
        flow_put_name(table, FLOW_COLUMN_TCP_FLAGS, (uint8_t)flags, NULL);
        return;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if ((flags >> i & 1) != 0) {
            flow_buf_add_text(&text, text.len > 0 ? "," : "");
            flow_buf_add_text(&text, names[i]);
        }
    }
    if (text.len == 0 || (flags & FLOW_TCP_NS) != 0) {
        flow_put_word(table, FLOW_COLUMN_TCP_FLAGS, flow_buf_str(&text));
    } else {
        flow_buf_add(&text, "", 1);
        if (!text.failed) {
            flow_put_name(table, FLOW_COLUMN_TCP_FLAGS, (uint8_t)flags, text.ptr);
        }
    }
    table->failed |= text.failed;
    flow_buf_free(&text);
}

static void
put_l7(struct flow_table *table, const struct flow_l7 *l7)
{
    static const char *const types[] = { NULL, "REQUEST", "RESPONSE", "SAMPLE" };
    static const char *const protocols[] = { NULL, "dns", "http", "kafka" };

    if (l7 == NULL) {
        return;
    }
    if (l7->type > FLOW_L7_UNKNOWN && l7->type <= FLOW_L7_SAMPLE) {
        flow_put_name(table, FLOW_COLUMN_L7_TYPE, l7->type, types[l7->type]);
    }
    if (l7->protocol > FLOW_L7_NONE && l7->protocol <= FLOW_L7_KAFKA) {
        flow_put_name(table, FLOW_COLUMN_L7_PROTOCOL, l7->protocol, protocols[l7->protocol]);
    }
    if (l7->type == FLOW_L7_RESPONSE) {
        flow_put_u64(table, FLOW_COLUMN_L7_LATENCY, l7->latency_ns);
    }
    if (l7->protocol == FLOW_L7_DNS) {
        flow_put_word(table, FLOW_COLUMN_DNS_QUERY, l7->dns_query);
        if (l7->type == FLOW_L7_RESPONSE) {
            flow_put_u32(table, FLOW_COLUMN_DNS_RCODE, l7->dns_rcode);
        }
    } else if (l7->protocol == FLOW_L7_HTTP) {
        flow_put_word(table, FLOW_COLUMN_HTTP_METHOD, l7->http_method);
        flow_put_text(table, FLOW_COLUMN_HTTP_URL, l7->http_url);
        if (l7->type == FLOW_L7_RESPONSE) {
            flow_put_u32(table, FLOW_COLUMN_HTTP_CODE, l7->http_code);
        }
    }
}

static void
put_traffic(struct flow_table *table, const struct flow_traffic *traffic)
{
    if (traffic == NULL) {
        return;
    }
    flow_put_word(table, FLOW_COLUMN_SERVER_NAME, traffic->server_name);
    flow_put_u64(table, FLOW_COLUMN_PACKETS_SENT, traffic->packets[0]);
    flow_put_u64(table, FLOW_COLUMN_PACKETS_RECEIVED, traffic->packets[1]);
    flow_put_u64(table, FLOW_COLUMN_BYTES_SENT, traffic->bytes[0]);
    flow_put_u64(table, FLOW_COLUMN_BYTES_RECEIVED, traffic->bytes[1]);
    flow_put_time(table, FLOW_COLUMN_LAST, traffic->last);
}

/* What the event is, beside who took part. */
static void
put_event(struct flow_table *table, const struct flow_record *record)
{
    static const char *const types[] = { NULL, "L3_L4", "L7", "SOCK" };
    const bool icmp =
        record->protocol == FLOW_PROTOCOL_ICMPV4 || record->protocol == FLOW_PROTOCOL_ICMPV6;

    flow_put_text(table, FLOW_COLUMN_UUID, record->uuid);
    flow_put_time(table, FLOW_COLUMN_OF_TIME, record->time);
    flow_put_u64(table, FLOW_COLUMN_NUMBER, record->number);
    if (record->verdict < FLOW_WORD_VALUES) {
        flow_put_name(table, FLOW_COLUMN_VERDICT, (uint8_t)record->verdict,
                      flow_verdict_name(record->verdict));
    }
    put_drop_reason(table, record);
    if (record->type > FLOW_TYPE_UNKNOWN && record->type <= FLOW_TYPE_SOCK) {
        flow_put_name(table, FLOW_COLUMN_FLOW_TYPE, record->type, types[record->type]);
    }
    if (record->event_type != 0) {
        flow_put_u32(table, FLOW_COLUMN_EVENT_TYPE, (uint32_t)record->event_type);
        flow_put_u32(table, FLOW_COLUMN_EVENT_SUBTYPE, (uint32_t)record->event_subtype);
    }
    flow_put_name(table, FLOW_COLUMN_TRAFFIC_DIRECTION, record->direction,
                  flow_direction_name(record->direction));
    if (record->is_reply != FLOW_UNKNOWN) {
        flow_put_bool(table, FLOW_COLUMN_IS_REPLY, record->is_reply == FLOW_YES);
    }
    flow_put_bool(table, FLOW_COLUMN_ENCRYPTED, record->encrypted);
    flow_put_name(table, FLOW_COLUMN_PROTOCOL, record->protocol,
                  flow_protocol_name(record->protocol));
    put_tcp_flags(table, record->tcp_flags);
    if (icmp) {
        flow_put_u8(table, FLOW_COLUMN_ICMP_TYPE, record->icmp_type);
        flow_put_u8(table, FLOW_COLUMN_ICMP_CODE, record->icmp_code);
    }
}

static void
put_decided(struct flow_table *table, const struct flow_record *record)
{
    const struct flow_intent_decision *intent = record->intent_decision;
    const struct flow_intent_statement *statement = NULL;
    uint16_t port;

    flow_put_bool(table, FLOW_COLUMN_REPLY, record->swapped);
    if (flow_service_port(record, record->swapped, &port)) {
        flow_put_u16(table, FLOW_COLUMN_PORT, port);
    }
    flow_put_bool(table, FLOW_COLUMN_DNS, record->dns);
    flow_put_name(table, FLOW_COLUMN_DIRECTION, record->judged_direction,
                  flow_direction_name(record->judged_direction));
    flow_put_name(table, FLOW_COLUMN_SCOPE, record->scope, flow_scope_name(record->scope));
    flow_put_name(table, FLOW_COLUMN_OBSERVED, record->observed,
                  flow_observed_name(record->observed));
    flow_put_name(table, FLOW_COLUMN_EXPECTED, record->expected,
                  flow_expected_name(record->expected));
    flow_put_name(table, FLOW_COLUMN_RESULT, record->result, flow_result_name(record->result));
    flow_put_name(table, FLOW_COLUMN_INTENT, record->intent, flow_intent_name(record->intent));
    flow_put_rules(table, FLOW_COLUMN_FINDINGS, record);
    flow_put_policy(table, FLOW_COLUMN_POLICY,
                    record->expected != FLOW_EXPECTED_UNDECIDABLE ? record->decision : NULL);
    if (intent != NULL) {
        statement =
            intent->violation_count > 0 ? intent->violations[0].statement : intent->statement;
    }
    flow_put_word(table, FLOW_COLUMN_STATEMENT,
                  flow_str_of(statement != NULL ? statement->name : NULL));
    flow_put_word(
        table, FLOW_COLUMN_APPROVAL,
        flow_str_of(intent != NULL && intent->approval != NULL ? intent->approval->id : NULL));
    flow_put_undecided(table, FLOW_COLUMN_UNDECIDED,
                       record->undecided | (intent != NULL ? intent->undecided : 0));
}

static void
put_row(struct flow_arrow_builder *builder, const struct flow_record *record)
{
    struct flow_table *table = &builder->table;

    put_event(table, record);
    put_node(builder, record);
    if (builder->has_input) {
        flow_put_u32(table, FLOW_COLUMN_INPUT, builder->input_word);
    }
    put_end(builder, FLOW_COLUMN_SOURCE_IP, record, true);
    put_end(builder, FLOW_COLUMN_DESTINATION_IP, record, false);
    put_address_text(builder, FLOW_COLUMN_SOURCE_TRANSLATED_IP, &record->source_translated);
    put_l7(table, record->l7);
    put_traffic(table, record->traffic);
    if (builder->results) {
        put_decided(table, record);
    }
    flow_table_end_row(table);
}

/* Begins a new turn when the numbers of endpoints, or those of their words, became others. */
static void
begin_batch(struct flow_arrow_builder *builder, const struct flow_dict *dict)
{
    uint32_t ages = 0;

    for (size_t i = 0; i < END_WORDS; i++) {
        ages += builder->table.words[FLOW_WORDS_NAMESPACE + i].age;
    }
    ages += builder->table.words[FLOW_WORDS_NODE].age;
    if (builder->dict != dict || builder->ages != ages) {
        builder->dict = dict;
        builder->ages = ages;
        builder->turn++;
    }
}

int
flow_arrow_builder_add_named(struct flow_arrow_builder *builder, const struct flow_batch *batch,
                             const struct flow_dict *dict, const char *input,
                             struct flow_error *err)
{
    const size_t count = flow_batch_count(batch);

    if (builder->table.text_bytes > TEXT_BYTES_MAX) {
        return flow_fail(err, FLOW_E_LIMIT, "expected less than 1 GiB of text before it is taken");
    }
    begin_batch(builder, dict);
    find_input(builder, input);
    if (!flow_table_reserve(&builder->table, count)) {
        return flow_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        const struct flow_record *record = flow_batch_at(batch, i);

        if (record->kind == FLOW_KIND_FLOW) {
            put_row(builder, record);
        }
    }
    return builder->table.failed ? flow_fail_memory(err) : FLOW_OK;
}

int
flow_arrow_builder_add(struct flow_arrow_builder *builder, const struct flow_batch *batch,
                       const struct flow_reader *reader, struct flow_error *err)
{
    const struct flow_record *first = flow_batch_at(batch, 0);
    struct flow_input_stats stats = { .name = NULL };

    if (reader != NULL && first != NULL) {
        (void)flow_reader_input(reader, first->input, &stats);
    }
    return flow_arrow_builder_add_named(
        builder, batch, reader != NULL ? flow_reader_dict(reader) : NULL, stats.name, err);
}

int
flow_arrow_builder_take(struct flow_arrow_builder *builder, struct ArrowArray *out,
                        struct flow_error *err)
{
    return flow_table_take(&builder->table, out, err);
}
