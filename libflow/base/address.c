/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and prefixes; IPv4 is parsed by hand because every flow has two of them. */
#include "libflow/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* The digit at a place, or more than 9. */
static inline unsigned
digit_at(const char *text, size_t len, size_t pos)
{
    return pos < len ? (unsigned)(unsigned char)text[pos] - '0' : 10;
}

static bool
parse_v4(const char *text, size_t len, uint8_t bytes[4])
{
    size_t pos = 0;

    for (int part = 0; part < 4; part++) {
        unsigned value = digit_at(text, len, pos++);
        unsigned next = digit_at(text, len, pos);

        if (value > 9 || (value == 0 && next <= 9)) {
            return false;
        }
        if (next <= 9) {
            value = value * 10 + next;
            next = digit_at(text, len, ++pos);
            if (next <= 9) {
                value = value * 10 + next;
                pos++;
            }
        }
        if (value > 255 || (part < 3 && (pos >= len || text[pos++] != '.'))) {
            return false;
        }
        bytes[part] = (uint8_t)value;
    }
    return pos == len;
}

static bool
parse_v6(const char *text, size_t len, uint8_t bytes[16])
{
    char copy[INET6_ADDRSTRLEN];

    if (len >= sizeof(copy) || memchr(text, '\0', len) != NULL) {
        return false;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    return inet_pton(AF_INET6, copy, bytes) == 1;
}

int
flow_address_parse(struct flow_address *out, struct flow_str text, struct flow_error *err)
{
    struct flow_address address = { .family = 0 };
    char quoted[80];

    if (text.len > 0 && parse_v4(text.ptr, text.len, address.bytes)) {
        address.family = 4;
    } else if (text.len > 0 && memset(address.bytes, 0, 16) != NULL &&
               parse_v6(text.ptr, text.len, address.bytes)) {
        address.family = 6;
    } else {
        return flow_fail_at(err, FLOW_E_PARSE, 0, "expected an IP address, found %s",
                            flow_quote(text, quoted, sizeof(quoted)));
    }
    *out = address;
    return FLOW_OK;
}

const char *
flow_address_format(const struct flow_address *address, char text[FLOW_ADDRESS_TEXT_MAX])
{
    text[0] = '\0';
    if (address->family == 4) {
        snprintf(text, FLOW_ADDRESS_TEXT_MAX, "%u.%u.%u.%u", address->bytes[0], address->bytes[1],
                 address->bytes[2], address->bytes[3]);
    } else if (address->family == 6) {
        inet_ntop(AF_INET6, address->bytes, text, FLOW_ADDRESS_TEXT_MAX);
    }
    return text;
}

bool
flow_address_equal(const struct flow_address *a, const struct flow_address *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, 16) == 0;
}

static void
clear_host_bits(struct flow_cidr *cidr)
{
    for (unsigned bit = cidr->length; bit < 128; bit++) {
        cidr->address.bytes[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
    }
}

/* The digits behind the slash; false unless they are a length the family has. */
static bool
parse_length(struct flow_str text, unsigned longest, uint8_t *length)
{
    unsigned value = 0;

    if (text.len == 0 || text.len > 3 || (text.len > 1 && text.ptr[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *length = (uint8_t)value;
    return value <= longest;
}

int
flow_cidr_parse(struct flow_cidr *out, struct flow_str text, struct flow_error *err)
{
    const char *slash = text.len > 0 ? memchr(text.ptr, '/', text.len) : NULL;
    const size_t len = slash != NULL ? (size_t)(slash - text.ptr) : text.len;
    struct flow_cidr cidr = { .length = 0 };
    unsigned longest;
    char quoted[80];

    if (flow_address_parse(&cidr.address, (struct flow_str){ text.ptr, len }, NULL) != FLOW_OK) {
        return flow_fail_at(err, FLOW_E_PARSE, 0, "expected a CIDR prefix, found %s",
                            flow_quote(text, quoted, sizeof(quoted)));
    }
    longest = cidr.address.family == 4 ? 32 : 128;
    cidr.length = (uint8_t)longest;
    if (slash != NULL &&
        !parse_length((struct flow_str){ slash + 1, text.len - len - 1 }, longest, &cidr.length)) {
        return flow_fail_at(err, FLOW_E_PARSE, len + 1,
                            "expected a prefix length from 0 to %u, found %s", longest,
                            flow_quote(text, quoted, sizeof(quoted)));
    }
    clear_host_bits(&cidr);
    *out = cidr;
    return FLOW_OK;
}

const char *
flow_cidr_format(const struct flow_cidr *cidr, char text[FLOW_ADDRESS_TEXT_MAX])
{
    size_t used;

    flow_address_format(&cidr->address, text);
    used = strlen(text);
    snprintf(text + used, FLOW_ADDRESS_TEXT_MAX - used, "/%u", cidr->length);
    return text;
}

bool
flow_cidr_holds(const struct flow_cidr *cidr, const struct flow_address *address)
{
    const unsigned whole = cidr->length / 8;
    const unsigned rest = cidr->length % 8;

    if (cidr->address.family == 0 || cidr->address.family != address->family ||
        memcmp(cidr->address.bytes, address->bytes, whole) != 0) {
        return false;
    }
    return rest == 0 || ((cidr->address.bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0;
}
