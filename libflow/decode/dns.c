/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS messages: the question, addresses and aliases of the answer. Names may be compressed by
 * pointers to earlier ones; only pointers backwards are followed, so reading always ends.
 */
#include "decode/dns.h"

#include <stdio.h>
#include <string.h>

#include "libflow/address.h"

enum {
    HEADER_BYTES = 12,
    NAME_BYTES_MAX = 255,
    TEXT_BYTES_MAX = 4 * NAME_BYTES_MAX + 2,
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_AAAA = 28,
    ANSWERS_MAX = 256
};

struct message {
    const uint8_t *bytes;
    size_t len, at;
};

static uint16_t
be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* A label's byte as text: a dot or backslash inside, and what is not printable, is escaped. */
static size_t
add_byte(char *text, size_t used, uint8_t byte)
{
    if (byte == '.' || byte == '\\') {
        text[used++] = '\\';
        text[used++] = (char)byte;
    } else if (byte > ' ' && byte <= '~') {
        text[used++] = (char)(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
    } else {
        used += (size_t)sprintf(text + used, "\\%03u", byte);
    }
    return used;
}

/* The name at the message's place as text with its trailing dot; 0 when it is none. */
static size_t
take_name(struct message *message, char text[TEXT_BYTES_MAX])
{
    size_t at = message->at;
    size_t limit = message->at; /* pointers go before it */
    size_t used = 0, wire = 0;
    bool jumped = false;

    for (;;) {
        uint8_t len;

        if (at >= message->len) {
            return 0;
        }
        len = message->bytes[at++];
        if (len == 0) {
            break;
        }
        if ((len & 0xc0) == 0xc0) {
            const size_t to =
                at < message->len ? (size_t)(len & 0x3f) << 8 | message->bytes[at] : SIZE_MAX;

            message->at = jumped ? message->at : at + 1;
            if (to >= limit) {
                return 0;
            }
            jumped = true;
            at = limit = to;
            continue;
        }
        wire += (size_t)len + 1;
        if ((len & 0xc0) != 0 || len > message->len - at || wire > NAME_BYTES_MAX) {
            return 0;
        }
        for (uint8_t i = 0; i < len; i++) {
            used = add_byte(text, used, message->bytes[at++]);
        }
        text[used++] = '.';
    }
    message->at = jumped ? message->at : at;
    if (used == 0) {
        text[used++] = '.';
    }
    return used;
}

/* The usual types by name; others as RFC 3597 writes them. */
static struct flow_str
type_name(uint16_t type, struct flow_arena *arena)
{
    static const struct {
        uint16_t type;
        const char *name;
    } names[] = { { 1, "A" },     { 2, "NS" },     { 5, "CNAME" }, { 6, "SOA" },  { 12, "PTR" },
                  { 15, "MX" },   { 16, "TXT" },   { 28, "AAAA" }, { 33, "SRV" }, { 41, "OPT" },
                  { 64, "SVCB" }, { 65, "HTTPS" }, { 255, "ANY" } };
    char text[16];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].type == type) {
            return (struct flow_str){ names[i].name, strlen(names[i].name) };
        }
    }
    snprintf(text, sizeof(text), "TYPE%u", type);
    return flow_arena_str(arena, (struct flow_str){ text, strlen(text) });
}

/* Adds a text to a list that has room for it; false when there is no text. */
static bool
add_text(struct flow_text_list *list, struct flow_str text)
{
    ((struct flow_str *)list->texts)[list->count] = text;
    list->count += text.ptr != NULL ? 1 : 0;
    return text.ptr != NULL;
}

static bool
make_room(struct flow_text_list *list, size_t count, struct flow_arena *arena)
{
    list->texts = flow_arena_array(arena, count, sizeof(*list->texts));
    return list->texts != NULL;
}

static bool
add_address(struct flow_l7 *l7, const uint8_t *bytes, uint8_t family, struct flow_arena *arena)
{
    struct flow_address address = { .family = family };
    char text[FLOW_ADDRESS_TEXT_MAX];

    memcpy(address.bytes, bytes, family == 4 ? 4 : 16);
    flow_address_format(&address, text);
    return add_text(&l7->dns_ips, flow_arena_str(arena, (struct flow_str){ text, strlen(text) }));
}

/* One resource record. FLOW_END when it is not all there. */
static int
take_answer(struct message *message, struct flow_arena *arena, struct flow_l7 *l7)
{
    char name[TEXT_BYTES_MAX];
    const uint8_t *fixed;
    struct message inside;
    uint16_t type, size;
    uint32_t ttl;
    bool ok;

    if (take_name(message, name) == 0 || message->len - message->at < 10) {
        return FLOW_END;
    }
    fixed = message->bytes + message->at;
    type = be16(fixed);
    ttl = (uint32_t)be16(fixed + 4) << 16 | be16(fixed + 6);
    size = be16(fixed + 8);
    message->at += 10;
    if (size > message->len - message->at) {
        return FLOW_END;
    }
    inside = *message;
    message->at += size;
    ok = add_text(&l7->dns_rrtypes, type_name(type, arena));
    if ((type == TYPE_A && size == 4) || (type == TYPE_AAAA && size == 16)) {
        ok = ok && add_address(l7, fixed + 10, type == TYPE_A ? 4 : 6, arena);
        /* the addresses are good for as long as the shortest of them */
        l7->dns_ttl = l7->dns_ips.count == 1 || ttl < l7->dns_ttl ? ttl : l7->dns_ttl;
    } else if (type == TYPE_CNAME) {
        const size_t len = take_name(&inside, name);

        ok = ok && (len == 0 || add_text(&l7->dns_cnames,
                                         flow_arena_str(arena, (struct flow_str){ name, len })));
    }
    return ok ? FLOW_OK : FLOW_E_MEMORY;
}

int
flow_dns_parse(const uint8_t *bytes, size_t len, struct flow_arena *arena, struct flow_l7 *l7)
{
    struct message message = { bytes, len, HEADER_BYTES };
    char name[TEXT_BYTES_MAX];
    size_t count, name_len;
    int rc = FLOW_OK;

    memset(l7, 0, sizeof(*l7));
    if (len < HEADER_BYTES || be16(bytes + 4) != 1 || (bytes[2] & 0x78) != 0) {
        return FLOW_END; /* one question, of the kind "query" */
    }
    name_len = take_name(&message, name);
    if (name_len == 0 || message.len - message.at < 4) {
        return FLOW_END;
    }
    count = be16(bytes + 6) < ANSWERS_MAX ? be16(bytes + 6) : ANSWERS_MAX;
    l7->protocol = FLOW_L7_DNS;
    l7->type = (bytes[2] & 0x80) != 0 ? FLOW_L7_RESPONSE : FLOW_L7_REQUEST;
    l7->dns_rcode = bytes[3] & 0xf;
    l7->dns_query = flow_arena_str(arena, (struct flow_str){ name, name_len });
    l7->dns_observation_source = (struct flow_str){ "capture", 7 };
    if (l7->dns_query.ptr == NULL || !make_room(&l7->dns_qtypes, 1, arena) ||
        !make_room(&l7->dns_ips, count, arena) || !make_room(&l7->dns_cnames, count, arena) ||
        !make_room(&l7->dns_rrtypes, count, arena) ||
        !add_text(&l7->dns_qtypes, type_name(be16(bytes + message.at), arena))) {
        return FLOW_E_MEMORY;
    }
    message.at += 4;
    for (size_t i = 0; rc == FLOW_OK && i < count; i++) {
        rc = take_answer(&message, arena, l7);
    }
    return rc == FLOW_END ? FLOW_OK : rc;
}
