/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a flow that repeat: endpoints, lists of names, services, policy references. Their
 * encoded bytes are the key; only bytes never met before are parsed.
 */
#include "base/str.h"
#include "decode/hubble_proto.h"

#define VARINT(field) FLOW_WIRE_TAG(field, FLOW_WIRE_VARINT)
#define BYTES(field) FLOW_WIRE_TAG(field, FLOW_WIRE_BYTES)

/* The key of an empty message, which is that of an empty JSON object: they say the same. */
static const char empty_key[] = "{}";

/*
 * The message at the cursor as its bytes. A message that stands there twice is one, whose bytes are
 * those of both, one behind the other: that is how protobuf merges.
 */
static bool
take_whole(struct flow_wire *wire, struct flow_str *before, struct flow_str *whole)
{
    struct flow_str bytes;

    if (!flow_wire_bytes(wire, &bytes)) {
        return false;
    }
    if (before->len > 0 && bytes.len > 0) {
        char *both = flow_arena_alloc(wire->arena, before->len + bytes.len);

        if (both == NULL) {
            return flow_wire_no_memory(wire);
        }
        memcpy(both, before->ptr, before->len);
        memcpy(both + before->len, bytes.ptr, bytes.len);
        bytes = (struct flow_str){ both, before->len + bytes.len };
    } else if (bytes.len == 0) {
        bytes = *before;
    }
    *before = bytes;
    *whole = bytes.len > 0 ? bytes : FLOW_STR(empty_key);
    return true;
}

/* Parses the fields of bytes already taken. */
static bool
parse_fields(struct flow_wire *wire, struct flow_str bytes, flow_wire_field *field, void *target)
{
    struct flow_wire inner;
    uint32_t tag;
    int rc;

    flow_wire_init(&inner, (const uint8_t *)bytes.ptr, bytes.len, wire->arena);
    while ((rc = flow_wire_tag(&inner, &tag)) == FLOW_OK) {
        if (!field(&inner, tag, target)) {
            return flow_wire_leave(wire, &inner);
        }
    }
    return rc == FLOW_END || flow_wire_leave(wire, &inner);
}

/* A message with a name, a namespace or kind under 2, and a kind under 5 (policies). */
struct named {
    struct flow_str name, second;
};

static bool
named_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct named *named = target;

    return tag == BYTES(1)   ? flow_wire_text(wire, &named->name)
           : tag == BYTES(2) ? flow_wire_text(wire, &named->second)
                             : flow_wire_skip(wire, tag);
}

struct endpoint_draft {
    struct flow_hubble_proto *decoder;
    struct flow_endpoint endpoint;
    bool has_workload;
};

/* The first workload; the others are checked as messages. */
static bool
take_workload(struct flow_wire *wire, struct endpoint_draft *draft)
{
    struct named named = { { NULL, 0 }, { NULL, 0 } };

    if (!flow_wire_message(wire, named_field, &named)) {
        return false;
    }
    if (!draft->has_workload) {
        draft->endpoint.workload_name = named.name;
        draft->endpoint.workload_kind = named.second;
    }
    draft->has_workload = true;
    return true;
}

static bool
endpoint_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct endpoint_draft *draft = target;

    switch (tag) {
    case VARINT(1):
        return flow_hubble_proto_u32(wire, &draft->endpoint.local_id);
    case VARINT(2):
        return flow_hubble_proto_u32(wire, &draft->endpoint.identity);
    case BYTES(3):
        return flow_wire_text(wire, &draft->endpoint.namespace_name);
    case BYTES(4):
        return flow_hubble_proto_add_text(draft->decoder, wire);
    case BYTES(5):
        return flow_wire_text(wire, &draft->endpoint.pod_name);
    case BYTES(6):
        return take_workload(wire, draft);
    case BYTES(7):
        return flow_wire_text(wire, &draft->endpoint.cluster_name);
    default:
        return flow_wire_skip(wire, tag);
    }
}

bool
flow_hubble_proto_endpoint(struct flow_hubble_proto *decoder, struct flow_wire *wire,
                           struct flow_str *before, const struct flow_endpoint **endpoint)
{
    struct endpoint_draft draft = { .decoder = decoder };
    struct flow_str key;

    if (!take_whole(wire, before, &key)) {
        return false;
    }
    *endpoint = flow_cache_find(&decoder->dict->endpoints, key);
    if (*endpoint != NULL) {
        return true;
    }
    decoder->text_count = 0;
    if (!parse_fields(wire, key, endpoint_field, &draft)) {
        return false;
    }
    draft.endpoint.has_labels = decoder->text_count > 0;
    *endpoint = flow_dict_add_endpoint(decoder->dict, key, &draft.endpoint, decoder->texts,
                                       decoder->text_count);
    return *endpoint != NULL || flow_wire_no_memory(wire);
}

bool
flow_hubble_proto_service(struct flow_hubble_proto *decoder, struct flow_wire *wire,
                          struct flow_str *before, const struct flow_service_ref **service)
{
    struct flow_arena *arena = &decoder->dict->arena;
    struct named named = { { NULL, 0 }, { NULL, 0 } };
    struct flow_service_ref *made;
    struct flow_str key;

    if (!take_whole(wire, before, &key)) {
        return false;
    }
    *service = flow_cache_find(&decoder->dict->services, key);
    if (*service != NULL) {
        return true;
    }
    if (before->len > 0 && !parse_fields(wire, key, named_field, &named)) {
        return false;
    }
    made = flow_arena_alloc(arena, sizeof(*made));
    if (made == NULL) {
        return flow_wire_no_memory(wire);
    }
    made->name = flow_arena_str(arena, named.name);
    made->namespace_name = flow_arena_str(arena, named.second);
    *service = made;
    return (made->name.ptr != NULL && made->namespace_name.ptr != NULL &&
            flow_cache_put(&decoder->dict->services, key, made)) ||
           flow_wire_no_memory(wire);
}

/* The items of a list, gathered into the arena when they stand apart. */
static bool
list_key(struct flow_wire *wire, const struct flow_hubble_span *span, uint32_t tag,
         struct flow_str *key)
{
    struct flow_wire again = *wire;
    uint32_t found;
    uint8_t *room, *end;

    if (!span->apart) {
        *key = (struct flow_str){ (const char *)span->start, (size_t)(span->end - span->start) };
        return true;
    }
    room = end = flow_arena_alloc(wire->arena, (size_t)(wire->end - wire->at));
    if (room == NULL) {
        return flow_wire_no_memory(wire);
    }
    for (;;) {
        const uint8_t *start = again.at;

        if (flow_wire_tag(&again, &found) != FLOW_OK || !flow_wire_skip(&again, found)) {
            break;
        }
        if (found == tag) {
            memcpy(end, start, (size_t)(again.at - start));
            end += again.at - start;
        }
    }
    *key = (struct flow_str){ (const char *)room, (size_t)(end - room) };
    return true;
}

static bool
text_item(struct flow_wire *wire, uint32_t tag, void *target)
{
    (void)tag; /* a list's key holds its items alone */
    return flow_hubble_proto_add_text(target, wire);
}

bool
flow_hubble_proto_list(struct flow_hubble_proto *decoder, struct flow_wire *wire,
                       const struct flow_hubble_span *span, uint32_t tag,
                       const struct flow_text_list **list)
{
    struct flow_str key;

    if (!list_key(wire, span, tag, &key)) {
        return false;
    }
    *list = flow_cache_find(&decoder->dict->lists, key);
    if (*list != NULL) {
        return true;
    }
    decoder->text_count = 0;
    if (!parse_fields(wire, key, text_item, decoder)) {
        return false;
    }
    *list = flow_dict_add_list(decoder->dict, key, decoder->texts, decoder->text_count);
    return *list != NULL || flow_wire_no_memory(wire);
}

static bool
policy_field(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct flow_policy_ref *policy = target;

    switch (tag) {
    case BYTES(1):
        return flow_wire_text(wire, &policy->name);
    case BYTES(2):
        return flow_wire_text(wire, &policy->namespace_name);
    case VARINT(4):
        return flow_wire_varint(wire, &policy->revision);
    case BYTES(5):
        return flow_wire_text(wire, &policy->kind);
    default:
        return flow_wire_skip(wire, tag);
    }
}

struct policies_draft {
    struct flow_policy_ref *refs; /* NULL while they are counted */
    size_t count;
};

static bool
policy_item(struct flow_wire *wire, uint32_t tag, void *target)
{
    struct policies_draft *draft = target;

    draft->count++;
    return draft->refs == NULL
               ? flow_wire_skip(wire, tag)
               : flow_wire_message(wire, policy_field, &draft->refs[draft->count - 1]);
}

static bool
keep_texts(struct flow_arena *arena, struct flow_policy_ref *ref)
{
    ref->kind = flow_arena_str(arena, ref->kind);
    ref->namespace_name = flow_arena_str(arena, ref->namespace_name);
    ref->name = flow_arena_str(arena, ref->name);
    return ref->kind.ptr != NULL && ref->namespace_name.ptr != NULL && ref->name.ptr != NULL;
}

bool
flow_hubble_proto_policies(struct flow_hubble_proto *decoder, struct flow_wire *wire,
                           const struct flow_hubble_span *span, uint32_t tag,
                           const struct flow_policy_ref_list **list)
{
    struct flow_arena *arena = &decoder->dict->arena;
    struct policies_draft draft = { NULL, 0 };
    struct flow_policy_ref_list *made;
    struct flow_str key;

    if (!list_key(wire, span, tag, &key)) {
        return false;
    }
    *list = flow_cache_find(&decoder->dict->policy_lists, key);
    if (*list != NULL) {
        return true;
    }
    if (!parse_fields(wire, key, policy_item, &draft)) {
        return false;
    }
    made = flow_arena_alloc(arena, sizeof(*made));
    draft.refs = flow_arena_array(arena, draft.count, sizeof(*draft.refs));
    if (made == NULL || draft.refs == NULL) {
        return flow_wire_no_memory(wire);
    }
    draft.count = 0;
    if (!parse_fields(wire, key, policy_item, &draft)) {
        return false;
    }
    for (size_t i = 0; i < draft.count; i++) {
        if (!keep_texts(arena, &draft.refs[i])) {
            return flow_wire_no_memory(wire);
        }
    }
    *made = (struct flow_policy_ref_list){ (uint32_t)draft.count, draft.refs };
    *list = made;
    return flow_cache_put(&decoder->dict->policy_lists, key, made) || flow_wire_no_memory(wire);
}
