/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as one of Hubble's messages. What protobuf-c cannot unpack the decoder refuses, but for
 * fields it passes over; what the decoder takes goes to JSON and, read from there, is the same
 * record.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "decode/hubble_json.h"
#include "decode/hubble_proto.h"
#include "encode/transcode.h"
#include "fuzz_check.h"
#include "hubble_observer.pb-c.h"

static bool
same_text(const char *theirs, struct flow_str ours)
{
    /* protobuf-c ends a text at its first NUL */
    const size_t len = strlen(theirs);

    return len <= ours.len && (len == 0 || memcmp(theirs, ours.ptr, len) == 0) &&
           (len == ours.len || ours.ptr[len] == '\0');
}

/* The fields of a flow as protobuf-c has them. */
static void
check_flow(const Flow__Flow *theirs, const struct flow_record *ours)
{
    HOLDS((uint32_t)theirs->verdict > UINT16_MAX || (uint32_t)theirs->verdict == ours->verdict);
    HOLDS((uint32_t)theirs->type > UINT8_MAX || (uint32_t)theirs->type == ours->type);
    HOLDS(theirs->proxy_port == ours->proxy_port);
    HOLDS(same_text(theirs->uuid, ours->uuid));
    HOLDS((theirs->is_reply != NULL) <= (ours->is_reply != FLOW_UNKNOWN));
    HOLDS(theirs->source == NULL || theirs->source->identity == ours->source->identity);
    HOLDS(theirs->source == NULL || theirs->source->id == ours->source->local_id);
    HOLDS(theirs->destination == NULL ||
          same_text(theirs->destination->pod_name, ours->destination->pod_name));
    HOLDS(theirs->n_source_names == ours->source_names->count);
    HOLDS(theirs->n_destination_names == ours->destination_names->count);
    HOLDS((theirs->l7 != NULL) == (ours->l7 != NULL));
    HOLDS(theirs->event_type == NULL || theirs->event_type->sub_type == ours->event_subtype);
}

/* The record that JSON made of the message gives, or none when it was left out of JSON. */
static uint64_t
by_json(struct flow_dict *dict, struct flow_buf *text, struct flow_batch *batch, bool *read)
{
    struct flow_hubble_json decoder;
    struct flow_json json;
    struct flow_record *record;
    uint64_t hash = 0;
    const size_t len = text->len;

    for (size_t i = 0; i < FLOW_SCAN_PADDING; i++) {
        flow_buf_add_char(text, '\0');
    }
    HOLDS(!text->failed);
    flow_hubble_json_init(&decoder, dict);
    flow_batch_reset(batch, dict);
    record = flow_batch_begin(batch);
    flow_json_init(&json, (const uint8_t *)text->ptr, len, &batch->arena);
    *read = flow_hubble_json_decode(&decoder, &json, record);
    if (*read) {
        HOLDS(json.at == json.end);
        hash = fuzz_hash_record(FUZZ_HASH, record);
    }
    flow_hubble_json_free(&decoder);
    return hash;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flow_hubble_proto decoder;
    struct flow_left_out left = { .count = 0 };
    struct flow_arena arena = { .blocks = NULL };
    struct flow_buf text = { 0 };
    struct flow_batch *batch;
    struct flow_record *record;
    struct flow_dict *dict;
    struct flow_wire wire;
    struct flow_error err;
    Observer__ExportEvent *event;
    bool taken;

    HOLDS(flow_dict_new(&dict, &err) == FLOW_OK);
    HOLDS(flow_batch_new(&batch, &err) == FLOW_OK);
    flow_batch_reset(batch, dict);
    flow_hubble_proto_init(&decoder, dict);
    record = flow_batch_begin(batch);
    flow_wire_init(&wire, data, size, &batch->arena);
    taken = flow_hubble_proto_decode(&decoder, &wire, record);
    (void)flow_hubble_proto_plausible(data, size, size);
    if (!taken) {
        HOLDS(wire.status == FLOW_E_PARSE);
        HOLDS(wire.failed_at >= data && wire.failed_at <= data + size);
        flow_wire_error(&wire, data, &err);
        fuzz_check_error(&err, "");
    } else {
        const uint64_t hash = fuzz_hash_record(FUZZ_HASH, record);
        const bool flow = record->kind == FLOW_KIND_FLOW;

        event = observer__export_event__unpack(NULL, size, data);
        if (event != NULL && flow &&
            event->response_types_case == OBSERVER__EXPORT_EVENT__RESPONSE_TYPES_FLOW) {
            check_flow(event->flow, record);
        }
        if (flow_proto_to_json((struct flow_str){ (const char *)data, size }, &arena, &text, &left,
                               &err)) {
            bool read;
            const uint64_t other = by_json(dict, &text, batch, &read);

            /* JSON has no place for what is left out, nor for a text that is no UTF-8 */
            HOLDS(!read || left.count > 0 || event == NULL || hash == other || !flow);
        }
        if (event != NULL) {
            observer__export_event__free_unpacked(event, NULL);
        }
    }
    flow_buf_free(&text);
    flow_arena_free(&arena);
    flow_hubble_proto_free(&decoder);
    flow_batch_free(batch);
    flow_dict_free(dict);
    return 0;
}
