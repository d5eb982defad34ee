/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shapes of records. An exporter writes the same members in the same order over and over, so what
 * stands between the values is known before it is read: a record is compared with what was met
 * before, and only the values in it are read. Shapes that begin alike share their beginning, which
 * makes them a tree of steps. What is none of them is left to the plain decoder, whose records
 * teach new ones: this one decodes nothing that it would decode otherwise.
 */
#ifndef FLOW_DECODE_HUBBLE_JSON_SHAPE_H
#define FLOW_DECODE_HUBBLE_JSON_SHAPE_H

#include "base/arena.h"
#include "libflow/record.h"

struct flow_hubble_json;

/* What is done with the value behind the text of a step. */
enum flow_shape_kind {
    FLOW_SHAPE_NONE = 0, /* there is none: shapes part here */
    FLOW_SHAPE_END,      /* the record is whole */
    FLOW_SHAPE_TIME,
    FLOW_SHAPE_OUTER_TIME,
    FLOW_SHAPE_UUID,
    FLOW_SHAPE_ADDRESS,
    FLOW_SHAPE_PORT,
    FLOW_SHAPE_KNOWN, /* a list or an object that was met before */
    FLOW_SHAPE_NODE,
    FLOW_SHAPE_OUTER_NODE,
    FLOW_SHAPE_STRING, /* one that nobody wants */
    FLOW_SHAPE_NUMBER, /* the same */
    FLOW_SHAPE_MEMBER  /* a flow's member, by the plain decoder's function */
};

/* Values that are a part of the text, so that all records of a shape have the same. */
struct flow_shape_values {
    int32_t event_type, event_subtype;
    uint16_t verdict, drop_reason, trace_point, tcp_flags;
    uint8_t type, direction, is_reply, trace_reason, auth_type, sock_point, policy_match_type;
    uint8_t ip_version, protocol, icmp_type, icmp_code;
    bool encrypted, has_ports;
};

struct flow_shape_step {
    const uint8_t *text; /* FLOW_SHAPE_PADDING readable bytes behind it; the arena's */
    uint32_t len;
    uint8_t kind;    /* enum flow_shape_kind */
    uint8_t number;  /* of the member, or what is known, where the kind asks */
    uint16_t offset; /* in the record, of what the value becomes */
    const struct flow_shape_values *values;  /* of FLOW_SHAPE_END */
    struct flow_shape_step *child, *sibling; /* the one that stood here last comes first */
};

enum {
    FLOW_SHAPE_PADDING = 16,
    FLOW_SHAPE_STEPS_MAX = 16384,  /* of all shapes; beyond it they are forgotten */
    FLOW_SHAPE_TEXT_MAX = 1 << 20, /* the same, in bytes */
    FLOW_SHAPE_RECORD_STEPS = 256, /* of one record */
    FLOW_SHAPE_CHILDREN_MAX = 64,  /* that may stand behind one step */
    FLOW_SHAPE_RESTARTS_MAX = 16   /* records that are all different are not learned for ever */
};

struct flow_shapes {
    struct flow_arena arena;
    struct flow_shape_step root;
    uint32_t steps, restarts;
    size_t text;
    bool off;     /* nothing is compared, and nothing learned */
    bool unknown; /* the last record was left because of its shape, and not of a value in it */
};

/*
 * Decodes the record that begins at at, when it has a shape that was met before: the bytes that it
 * has, or 0 with a record that may be half filled. Texts of the record are ASCII without escapes.
 */
size_t flow_shapes_take(struct flow_hubble_json *decoder, const uint8_t *at, const uint8_t *end,
                        struct flow_arena *arena, struct flow_record *record);

/* Learns the shape of a record from its bytes, which are ASCII and on one line. */
void flow_shapes_learn(struct flow_hubble_json *decoder, const uint8_t *at, const uint8_t *end,
                       const struct flow_record *record);

void flow_shapes_free(struct flow_shapes *shapes);

/* The step behind another that is so, which is made unless it is there; NULL: there is no room. */
struct flow_shape_step *flow_shapes_add(struct flow_shapes *shapes, struct flow_shape_step *behind,
                                        const struct flow_shape_step *step);

#endif
