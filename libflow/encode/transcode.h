/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hubble's messages from JSON to protobuf and back, whole: every field that the wire definitions
 * (libflow/proto) know, whether records have a place for it or not. They walk the descriptors.
 */
#ifndef FLOW_ENCODE_TRANSCODE_H
#define FLOW_ENCODE_TRANSCODE_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buf.h"
#include "decode/json.h"
#include "report/json_writer.h"

enum { FLOW_LEFT_OUT_NAMES = 8, FLOW_LEFT_OUT_NAME_BYTES = 64 };

/* What could not be taken over: members without a number, numbers without a name, odd values. */
struct flow_left_out {
    uint64_t count;
    char names[FLOW_LEFT_OUT_NAMES][FLOW_LEFT_OUT_NAME_BYTES]; /* the first that differ */
};

void flow_left_out_note(struct flow_left_out *left, struct flow_str name);

/*
 * Adds an ExportEvent to out, from the JSON object at the cursor: an event, a GetFlowsResponse, or
 * a bare flow. false when it is no JSON; the cursor says why. Texts go into the cursor's arena.
 */
bool flow_json_to_proto(struct flow_json *json, struct flow_buf *out, struct flow_left_out *left);

/* Whether an object is a flow without its response, told by the first member that only one has. */
bool flow_json_is_bare_flow(struct flow_json json);

/*
 * Adds one line of JSON, without the newline, from the bytes of an ExportEvent. false when they are
 * none, or memory ran out; err says which. The arena is for notes of where fields stand.
 */
bool flow_proto_to_json(struct flow_str bytes, struct flow_arena *arena, struct flow_buf *out,
                        struct flow_left_out *left, struct flow_error *err);

/* Pieces of protobuf, behind what out holds. */
void flow_proto_add_varint(struct flow_buf *out, uint64_t value);
void flow_proto_add_tag(struct flow_buf *out, uint32_t field, uint32_t type);
void flow_proto_add_bytes(struct flow_buf *out, uint32_t field, struct flow_str bytes);
/* A number that is not the default, which is left away. */
void flow_proto_add_number(struct flow_buf *out, uint32_t field, uint64_t value);
/* A message's tag and room for its length; the place that the second needs. */
size_t flow_proto_open(struct flow_buf *out, uint32_t field);
void flow_proto_close(struct flow_buf *out, size_t place);

/* any.c: google.protobuf.Any, whose content may be of a type nobody knows. */
bool flow_any_from_json(struct flow_json *json, struct flow_buf *out);
bool flow_any_to_json(struct flow_str any, struct flow_json_writer *writer, const char *key);

#endif
