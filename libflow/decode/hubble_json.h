/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hubble's JSON to records. Field names and shapes are those of Cilium 1.7 to 1.20; a member under
 * a name nobody knows is checked and passed over.
 */
#ifndef FLOW_DECODE_HUBBLE_JSON_H
#define FLOW_DECODE_HUBBLE_JSON_H

#include "decode/fields.h"
#include "decode/hubble_json_shape.h"
#include "decode/json.h"
#include "model/batch.h"
#include "model/dict.h"

/* The objects that have a table of members. */
enum flow_json_table {
    FLOW_JSON_RESPONSE, /* GetFlowsResponse, ExportEvent, or a bare Flow */
    FLOW_JSON_FLOW,
    FLOW_JSON_ENDPOINT,
    FLOW_JSON_IP,
    FLOW_JSON_L4,
    FLOW_JSON_PORTS, /* TCP, UDP, SCTP, ICMPv4, ICMPv6, VRRP, IGMP */
    FLOW_JSON_TCP_FLAGS,
    FLOW_JSON_EVENT_TYPE,
    FLOW_JSON_L7,
    FLOW_JSON_DNS,
    FLOW_JSON_HTTP,
    FLOW_JSON_KAFKA,
    FLOW_JSON_POLICY,
    FLOW_JSON_LOST,
    FLOW_JSON_STATUS,
    FLOW_JSON_AGENT,
    FLOW_JSON_NAMED, /* objects with name, namespace, kind, key, value */
    FLOW_JSON_AGGREGATE,
    FLOW_JSON_TABLES
};

/* Values that are made once per distinct encoding. */
enum flow_json_known_kind {
    FLOW_JSON_KNOWN_ENDPOINT,
    FLOW_JSON_KNOWN_LIST,
    FLOW_JSON_KNOWN_SERVICE,
    FLOW_JSON_KNOWN_POLICIES
};

/*
 * A value by its bytes, which are the dictionary's. What begins with the bytes of a whole object or
 * list is that one, so a comparison tells both that it is known and where it ends.
 */
struct flow_json_known {
    struct flow_str raw; /* "": none */
    const void *value;
    uint8_t kind;
    bool plain; /* the bytes are ASCII, and on one line */
};

/* Those that begin alike share a set, the one met last in front. */
enum {
    FLOW_JSON_KNOWN_BITS = 11,
    FLOW_JSON_KNOWN_SETS = 1 << FLOW_JSON_KNOWN_BITS,
    FLOW_JSON_KNOWN_WAYS = 4
};

struct flow_json_known_set {
    struct flow_json_known ways[FLOW_JSON_KNOWN_WAYS];
};

/*
 * Short texts and what was made of them, by the sixteen bytes that begin with the text: those hold
 * its closing quote too, so that equal bytes are an equal text.
 */
enum { FLOW_JSON_SHORT_BITS = 10, FLOW_JSON_SHORTS = 1 << FLOW_JSON_SHORT_BITS };

struct flow_json_short {
    uint64_t bytes[2];
    uint8_t len; /* of the text; 0: none */
    uint32_t node;
    struct flow_address address;
};

/* A value that nobody wants and that is nearly always the same, such as the emitter. */
struct flow_json_repeated {
    uint16_t len; /* 0: none */
    char bytes[510];
};

struct flow_hubble_json {
    struct flow_dict *dict;            /* borrowed */
    struct flow_json_known_set *known; /* FLOW_JSON_KNOWN_SETS of them; NULL: not yet */
    struct flow_json_short *shorts;    /* FLOW_JSON_SHORTS of addresses, and as many of nodes */
    struct flow_shapes shapes;
    struct flow_json_repeated emitter, node_labels;
    struct flow_fields tables[FLOW_JSON_TABLES];
    /* the date of the record before, and its second, which are nearly always the next one's too */
    char date[10];
    char second[19];
    int64_t date_start, second_start;
    /* the time that was read last, as text and as what it is */
    char time_text[40];
    uint8_t time_len; /* 0: none */
    int64_t time;
    /* the node of the record before */
    struct flow_str node_name;
    uint32_t node;
    /* room that is reused */
    struct flow_str *texts;
    size_t text_room;
};

void flow_hubble_json_init(struct flow_hubble_json *decoder, struct flow_dict *dict);
void flow_hubble_json_free(struct flow_hubble_json *decoder);

/*
 * Decodes the object at the cursor into the record, and leaves the cursor behind it. false: the
 * cursor says why; the record may be half filled.
 */
bool flow_hubble_json_decode(struct flow_hubble_json *decoder, struct flow_json *json,
                             struct flow_record *record);

/* Decodes the member of a flow that is at the cursor, which is not null; false as above. */
bool flow_hubble_json_member(struct flow_hubble_json *decoder, struct flow_json *json,
                             uint8_t number, struct flow_record *record);

/* Sets the node of a record by its name; false: out of memory. */
bool flow_hubble_json_find_node(struct flow_hubble_json *decoder, struct flow_str name,
                                struct flow_record *record);

/*
 * The value of the bytes at the cursor, when it was made before; the cursor is then behind it. NULL
 * otherwise, with the cursor where it was. plain: only of bytes that are ASCII and on one line.
 */
const void *flow_hubble_json_known(struct flow_hubble_json *decoder, struct flow_json *json,
                                   enum flow_json_known_kind kind, bool plain);

/* A list of texts into the decoder's reused room; shared by the decoder's own files. */
bool flow_hubble_json_texts(struct flow_hubble_json *decoder, struct flow_json *json,
                            size_t *count);
/* A time, through the date remembered from the record before. */
bool flow_hubble_json_time(struct flow_hubble_json *decoder, struct flow_json *json, int64_t *time);
/* The same of its text alone; false, and nothing else: it is no time. */
bool flow_hubble_json_time_text(struct flow_hubble_json *decoder, struct flow_str text,
                                int64_t *time);
/* An enum's value, by name or number; a name nobody knows is 0. */
bool flow_hubble_json_enum(struct flow_json *json,
                           bool (*number_of)(struct flow_str name, uint32_t *number),
                           uint32_t *value);

bool flow_hubble_json_u8_enum(struct flow_json *json,
                              bool (*number_of)(struct flow_str, uint32_t *), uint8_t *out);
bool flow_hubble_json_u16_enum(struct flow_json *json,
                               bool (*number_of)(struct flow_str, uint32_t *), uint16_t *out);
bool flow_hubble_json_u8(struct flow_json *json, uint8_t *out);
bool flow_hubble_json_u16(struct flow_json *json, uint16_t *out);

typedef bool flow_hubble_json_filler(struct flow_hubble_json *decoder, struct flow_json *json,
                                     uint8_t number, void *target);

/*
 * The members of the object at the cursor, each given to its function with what it fills in; null
 * is absent. Inline, so that each object's loop calls its own function directly.
 */
static inline bool
flow_hubble_json_object(struct flow_hubble_json *decoder, struct flow_json *json,
                        enum flow_json_table table, flow_hubble_json_filler *member, void *target)
{
    struct flow_fields *fields = &decoder->tables[table];
    uint8_t place = flow_fields_start(fields);
    bool first = true;
    uint8_t number;
    int rc;

    if (!flow_json_object(json)) {
        return false;
    }
    while ((rc = flow_fields_next(fields, json, &first, &place, &number)) == FLOW_OK) {
        if (!flow_json_null(json) && !member(decoder, json, number, target)) {
            return false;
        }
    }
    return rc == FLOW_END;
}

/* hubble_json_packet.c */
bool flow_hubble_json_ip(struct flow_hubble_json *decoder, struct flow_json *json,
                         struct flow_record *record);
bool flow_hubble_json_l4(struct flow_hubble_json *decoder, struct flow_json *json,
                         struct flow_record *record);
bool flow_hubble_json_event(struct flow_hubble_json *decoder, struct flow_json *json,
                            struct flow_record *record);
bool flow_hubble_json_aggregate(struct flow_hubble_json *decoder, struct flow_json *json,
                                struct flow_record *record);

/* hubble_json_endpoint.c: what is made once per distinct encoding and then looked up. */
bool flow_hubble_json_endpoint(struct flow_hubble_json *decoder, struct flow_json *json,
                               const struct flow_endpoint **endpoint);
bool flow_hubble_json_list(struct flow_hubble_json *decoder, struct flow_json *json,
                           const struct flow_text_list **list);
bool flow_hubble_json_service(struct flow_hubble_json *decoder, struct flow_json *json,
                              const struct flow_service_ref **service);
bool flow_hubble_json_policies(struct flow_hubble_json *decoder, struct flow_json *json,
                               const struct flow_policy_ref_list **list);

/* hubble_json_l7.c */
bool flow_hubble_json_l7(struct flow_hubble_json *decoder, struct flow_json *json,
                         struct flow_record *record);

/* A list of texts that lives in the batch. */
bool flow_hubble_json_keep_texts(struct flow_hubble_json *decoder, struct flow_json *json,
                                 struct flow_text_list *list);

/* Tables of the other files, for flow_hubble_json_init. */
void flow_hubble_json_packet_tables(struct flow_hubble_json *decoder);
void flow_hubble_json_endpoint_tables(struct flow_hubble_json *decoder);
void flow_hubble_json_l7_tables(struct flow_hubble_json *decoder);

#endif
