/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hubble's protobuf messages to records, straight from the bytes: GetFlowsResponse and ExportEvent,
 * which share their numbers (libflow/proto). Fields of Cilium 1.7 to 1.20; a number nobody knows is
 * passed over, and so is a known one with another wire type.
 */
#ifndef FLOW_DECODE_HUBBLE_PROTO_H
#define FLOW_DECODE_HUBBLE_PROTO_H

#include "decode/wire.h"
#include "model/batch.h"
#include "model/dict.h"

struct flow_hubble_proto {
    struct flow_dict *dict; /* borrowed */
    /* the node of the record before, which is nearly always the next one's too */
    struct flow_str node_name;
    uint32_t node;
    /* room that is reused */
    struct flow_str *texts;
    size_t text_count, text_room;
};

void flow_hubble_proto_init(struct flow_hubble_proto *decoder, struct flow_dict *dict);
void flow_hubble_proto_free(struct flow_hubble_proto *decoder);

/* Decodes the whole message into the record. false: the cursor says why. */
bool flow_hubble_proto_decode(struct flow_hubble_proto *decoder, struct flow_wire *wire,
                              struct flow_record *record);

/*
 * hubble_proto_look.c: whether bytes look like the start of a GetFlowsResponse or ExportEvent of so
 * many bytes, of which some may not be there: the fields that are there are of the kinds they
 * should be. Text does not look so.
 */
bool flow_hubble_proto_plausible(const uint8_t *bytes, size_t there, size_t len);

/* A field that is a list: its bytes, tags included, when they stand together as writers put them.
 */
struct flow_hubble_span {
    const uint8_t *start, *end; /* NULL: none met */
    bool apart;                 /* they stand apart, and one must look for them again */
};

void flow_hubble_proto_span(struct flow_hubble_span *span, const uint8_t *start,
                            const uint8_t *end);

/* Values that several messages have. */
bool flow_hubble_proto_time(struct flow_wire *wire, int64_t *time);
bool flow_hubble_proto_u8(struct flow_wire *wire, uint8_t *out);
bool flow_hubble_proto_u16(struct flow_wire *wire, uint16_t *out);
bool flow_hubble_proto_u32(struct flow_wire *wire, uint32_t *out);
/* The number of an enum; one that does not fit is 0, as a name that nobody knows is. */
bool flow_hubble_proto_enum(struct flow_wire *wire, uint32_t max, uint32_t *out);
/* A field of a BoolValue or Int32Value; the target is an uint64_t. */
bool flow_hubble_proto_wrapped(struct flow_wire *wire, uint32_t tag, void *target);
/* Room for one more text in the decoder's list. */
bool flow_hubble_proto_add_text(struct flow_hubble_proto *decoder, struct flow_wire *wire);

/* hubble_proto_endpoint.c: what is made once per distinct encoding and then looked up. */
bool flow_hubble_proto_endpoint(struct flow_hubble_proto *decoder, struct flow_wire *wire,
                                struct flow_str *before, const struct flow_endpoint **endpoint);
bool flow_hubble_proto_service(struct flow_hubble_proto *decoder, struct flow_wire *wire,
                               struct flow_str *before, const struct flow_service_ref **service);
/* The lists whose items have this tag, in the message that the span is in. */
bool flow_hubble_proto_list(struct flow_hubble_proto *decoder, struct flow_wire *wire,
                            const struct flow_hubble_span *span, uint32_t tag,
                            const struct flow_text_list **list);
bool flow_hubble_proto_policies(struct flow_hubble_proto *decoder, struct flow_wire *wire,
                                const struct flow_hubble_span *span, uint32_t tag,
                                const struct flow_policy_ref_list **list);

/* hubble_proto_l7.c */
/* Adds a text to a list of the record's own. */
bool flow_hubble_proto_keep_text(struct flow_wire *wire, struct flow_text_list *list);
bool flow_hubble_proto_l7(struct flow_hubble_proto *decoder, struct flow_wire *wire,
                          struct flow_record *record);

/* hubble_proto_news.c */
bool flow_hubble_proto_lost(struct flow_wire *wire, struct flow_record *record);
/* An agent's event: its type (AgentEventType) becomes event_subtype. */
bool flow_hubble_proto_agent(struct flow_wire *wire, uint32_t tag, struct flow_record *record);
bool flow_hubble_proto_status(struct flow_wire *wire, struct flow_record *record);

/* hubble_proto_packet.c */
bool flow_hubble_proto_ip(struct flow_wire *wire, struct flow_record *record);
bool flow_hubble_proto_l4(struct flow_wire *wire, struct flow_record *record);
bool flow_hubble_proto_event(struct flow_wire *wire, struct flow_record *record);
bool flow_hubble_proto_aggregate(struct flow_wire *wire, struct flow_record *record);

#endif
