/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcapng, block by block (draft-ietf-opsawg-pcapng). libpcap reads it too, but not where interfaces
 * have several link types or sections several byte orders, which tools write. What stands between
 * packets (names, statistics, comments) is checked for its length and passed over.
 */
#include "frame/pcap.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "libflow/time.h"

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2, /* old */
    BLOCK_SIMPLE = 3,
    BLOCK_ENHANCED = 6,
    ORDER_MAGIC = 0x1a2b3c4d,
    OPTION_RESOLUTION = 9,
    OPTION_OFFSET = 14,
    HEADER_BYTES = 8,
    LEAST_BYTES = 12,
    INTERFACES_MAX = 65536
};

/* How an interface tells the time, and what its packets begin with. */
struct interface {
    uint32_t link_type, snaplen;
    uint8_t resolution; /* as the option has it: 6, or with the upper bit a power of two */
    int64_t offset;     /* seconds */
};

struct flow_pcapng {
    const struct flow_feed *feed;
    bool swapped;
    struct interface *interfaces; /* of the section */
    size_t interface_count, interface_room;
    uint8_t *block; /* the body of the current one */
    size_t block_room;
    uint64_t offset; /* bytes taken from the feed */
    uint64_t start;  /* of the current block */
    bool failed;
};

int
flow_pcapng_open(struct flow_pcapng **out, const struct flow_feed *feed, struct flow_error *err)
{
    struct flow_pcapng *pcapng = calloc(1, sizeof(*pcapng));

    *out = NULL;
    if (pcapng == NULL) {
        return flow_fail_memory(err);
    }
    pcapng->feed = feed;
    *out = pcapng;
    return FLOW_OK;
}

void
flow_pcapng_close(struct flow_pcapng *pcapng)
{
    if (pcapng != NULL) {
        free(pcapng->interfaces);
        free(pcapng->block);
        free(pcapng);
    }
}

static uint32_t
get32(const struct flow_pcapng *pcapng, const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return pcapng->swapped ? __builtin_bswap32(value) : value;
}

static uint16_t
get16(const struct flow_pcapng *pcapng, const uint8_t *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return pcapng->swapped ? __builtin_bswap16(value) : value;
}

static int
fail(struct flow_pcapng *pcapng, int status, const char *expected, struct flow_error *err)
{
    pcapng->failed = true;
    flow_fail(err, status, "expected %s", expected);
    flow_error_set_place(err, pcapng->start, 0, 0);
    return status;
}

/* So many bytes; FLOW_END when the feed ends before the first, an error when behind it. */
static int
take(struct flow_pcapng *pcapng, void *at, size_t len, struct flow_error *err)
{
    uint8_t *to = at;
    size_t done = 0;

    while (done < len) {
        size_t got = 0;
        const int rc = pcapng->feed->read(pcapng->feed->context, to + done, len - done, &got, err);

        if (rc < 0) {
            pcapng->failed = true;
            return rc;
        }
        if (rc == FLOW_END) {
            if (done == 0 && pcapng->offset == pcapng->start) {
                return FLOW_END;
            }
            pcapng->failed = true;
            flow_fail(err, FLOW_E_TRUNCATED,
                      "expected the rest of a block of a capture, found the end of the file");
            flow_error_set_place(err, pcapng->offset, 0, 0);
            return FLOW_E_TRUNCATED;
        }
        done += got;
        pcapng->offset += got;
    }
    return FLOW_OK;
}

static bool
make_room(struct flow_pcapng *pcapng, size_t len)
{
    uint8_t *grown;

    if (len <= pcapng->block_room) {
        return true;
    }
    grown = realloc(pcapng->block, len + len / 4);
    if (grown == NULL) {
        return false;
    }
    pcapng->block = grown;
    pcapng->block_room = len + len / 4;
    return true;
}

/* The body of a block behind its first bytes, which are there already; and its length once more. */
static int
take_body(struct flow_pcapng *pcapng, size_t there, uint32_t len, struct flow_error *err)
{
    const size_t body = len - LEAST_BYTES;
    uint8_t trailer[4];
    int rc;

    if (len < LEAST_BYTES || len % 4 != 0 || body < there) {
        return fail(pcapng, FLOW_E_PARSE, "the length of a block of a capture", err);
    }
    if (len > FLOW_RECORD_BYTES_MAX) {
        return fail(pcapng, FLOW_E_LIMIT, "a block of a capture of at most 16 MiB", err);
    }
    if (!make_room(pcapng, body > 0 ? body : 1)) {
        pcapng->failed = true;
        return flow_fail_memory(err);
    }
    rc = body > there ? take(pcapng, pcapng->block + there, body - there, err) : FLOW_OK;
    rc = rc == FLOW_OK ? take(pcapng, trailer, sizeof(trailer), err) : rc;
    if (rc == FLOW_OK && get32(pcapng, trailer) != len) {
        fail(pcapng, FLOW_E_PARSE, "a block of a capture with the same length at both of its ends",
             err);
        flow_error_set_place(err, pcapng->offset - sizeof(trailer), 0, 0);
        return FLOW_E_PARSE;
    }
    return rc;
}

/* Options: a code, a length, a value, padded to four bytes. Those wanted go into the interface. */
static bool
take_options(struct flow_pcapng *pcapng, const uint8_t *at, size_t len, struct interface *into)
{
    while (len >= 4) {
        const uint16_t code = get16(pcapng, at);
        const uint16_t size = get16(pcapng, at + 2);
        const size_t padded = ((size_t)size + 3) & ~(size_t)3;

        if (code == 0) {
            return true;
        }
        at += 4;
        len -= 4;
        if (padded > len) {
            return false;
        }
        if (into != NULL && code == OPTION_RESOLUTION && size == 1) {
            into->resolution = at[0];
        } else if (into != NULL && code == OPTION_OFFSET && size == 8) {
            const uint64_t low = get32(pcapng, at + (pcapng->swapped ? 4 : 0));
            const uint64_t high = get32(pcapng, at + (pcapng->swapped ? 0 : 4));

            into->offset = (int64_t)(high << 32 | low);
        }
        at += padded;
        len -= padded;
    }
    return true;
}

/* A section header says in which byte order what follows is, its own length too. */
static int
begin_section(struct flow_pcapng *pcapng, const uint8_t header[HEADER_BYTES],
              struct flow_error *err)
{
    uint8_t order[4];
    int rc = take(pcapng, order, sizeof(order), err);

    if (rc != FLOW_OK) {
        return rc;
    }
    pcapng->swapped = false;
    if (get32(pcapng, order) != ORDER_MAGIC) {
        pcapng->swapped = true;
        if (get32(pcapng, order) != ORDER_MAGIC) {
            return fail(pcapng, FLOW_E_PARSE, "the byte order of a section of a capture", err);
        }
    }
    pcapng->interface_count = 0;
    rc = make_room(pcapng, 16) ? FLOW_OK : flow_fail_memory(err);
    if (rc == FLOW_OK) {
        memcpy(pcapng->block, order, sizeof(order));
        rc = take_body(pcapng, sizeof(order), get32(pcapng, header + 4), err);
    }
    if (rc == FLOW_OK) {
        const size_t body = get32(pcapng, header + 4) - LEAST_BYTES;

        if (body < 16 || get16(pcapng, pcapng->block + 4) != 1) {
            return fail(pcapng, FLOW_E_PARSE, "a section of a capture of version 1", err);
        }
        if (!take_options(pcapng, pcapng->block + 16, body - 16, NULL)) {
            return fail(pcapng, FLOW_E_PARSE, "options that end within their block", err);
        }
    }
    return rc;
}

static int
add_interface(struct flow_pcapng *pcapng, size_t body, struct flow_error *err)
{
    struct interface *interface;

    if (body < 8 || pcapng->interface_count == INTERFACES_MAX) {
        return fail(pcapng, FLOW_E_PARSE, "an interface of a capture", err);
    }
    if (pcapng->interface_count == pcapng->interface_room) {
        const size_t room = pcapng->interface_room == 0 ? 8 : pcapng->interface_room * 2;
        struct interface *grown = realloc(pcapng->interfaces, room * sizeof(*grown));

        if (grown == NULL) {
            pcapng->failed = true;
            return flow_fail_memory(err);
        }
        pcapng->interfaces = grown;
        pcapng->interface_room = room;
    }
    interface = &pcapng->interfaces[pcapng->interface_count];
    *interface =
        (struct interface){ get16(pcapng, pcapng->block), get32(pcapng, pcapng->block + 4), 6, 0 };
    if (!take_options(pcapng, pcapng->block + 8, body - 8, interface)) {
        return fail(pcapng, FLOW_E_PARSE, "options that end within their block", err);
    }
    pcapng->interface_count++;
    return FLOW_OK;
}

/* Ticks of an interface's clock as nanoseconds; FLOW_TIME_NONE beyond what can be told. */
static int64_t
time_of(const struct interface *interface, uint64_t ticks)
{
    const unsigned exponent = interface->resolution & 0x7f;
    uint64_t seconds, rest, scale = 1;
    int64_t all;

    if (interface->resolution & 0x80) {
        if (exponent > 63) {
            return FLOW_TIME_NONE;
        }
        seconds = ticks >> exponent;
        rest = ticks - (seconds << exponent);
        rest = (uint64_t)((long double)rest * 1e9L / (long double)((uint64_t)1 << exponent));
    } else {
        if (exponent > 19) {
            return FLOW_TIME_NONE;
        }
        for (unsigned i = 0; i < exponent; i++) {
            scale *= 10;
        }
        seconds = ticks / scale;
        rest = ticks % scale;
        for (unsigned i = exponent; i < 9; i++) {
            rest *= 10;
        }
        for (unsigned i = 9; i < exponent; i++) {
            rest /= 10;
        }
    }
    if (seconds > 9000000000u || interface->offset > 9000000000 ||
        interface->offset < -9000000000) {
        return FLOW_TIME_NONE;
    }
    all = (int64_t)seconds + interface->offset;
    return all > 9000000000 || all < -9000000000 ? FLOW_TIME_NONE
                                                 : all * 1000000000 + (int64_t)rest;
}

/* A packet whose data stands at a place of the block, with so many bytes captured. */
static int
give_packet(struct flow_pcapng *pcapng, uint32_t number, size_t data, size_t body, uint32_t len,
            uint32_t wire_len, struct flow_captured *packet, struct flow_error *err)
{
    if (number >= pcapng->interface_count) {
        return fail(pcapng, FLOW_E_PARSE, "a packet of an interface that was told", err);
    }
    if (body < data || len > body - data) {
        return fail(pcapng, FLOW_E_PARSE, "a packet that ends within its block", err);
    }
    *packet = (struct flow_captured){
        .time = FLOW_TIME_NONE,
        .bytes = pcapng->block + data,
        .len = len,
        .wire_len = wire_len,
        .link_type = pcapng->interfaces[number].link_type,
    };
    return FLOW_OK;
}

static int
take_packet(struct flow_pcapng *pcapng, uint32_t type, size_t body, struct flow_captured *packet,
            struct flow_error *err)
{
    const uint8_t *at = pcapng->block;
    const size_t fixed = type == BLOCK_SIMPLE ? 4 : 20;
    uint32_t number, wire_len, len;
    int rc;

    if (body < fixed) {
        return fail(pcapng, FLOW_E_PARSE, "a packet that ends within its block", err);
    }
    if (type == BLOCK_SIMPLE) {
        const uint32_t snaplen = pcapng->interface_count > 0 ? pcapng->interfaces[0].snaplen : 0;

        wire_len = get32(pcapng, at);
        len = snaplen != 0 && wire_len > snaplen ? snaplen : wire_len;
        len = len > body - 4 ? (uint32_t)(body - 4) : len;
        return give_packet(pcapng, 0, 4, body, len, wire_len, packet, err);
    }
    number = type == BLOCK_PACKET ? get16(pcapng, at) : get32(pcapng, at);
    rc = give_packet(pcapng, number, fixed, body, get32(pcapng, at + 12), get32(pcapng, at + 16),
                     packet, err);
    if (rc == FLOW_OK) {
        packet->time = time_of(&pcapng->interfaces[number],
                               (uint64_t)get32(pcapng, at + 4) << 32 | get32(pcapng, at + 8));
    }
    return rc;
}

/* One block: FLOW_OK with a packet, FLOW_AGAIN without. */
static int
next_block(struct flow_pcapng *pcapng, struct flow_captured *packet, struct flow_error *err)
{
    uint8_t header[HEADER_BYTES];
    uint32_t type, len;
    int rc;

    pcapng->start = pcapng->offset;
    rc = take(pcapng, header, sizeof(header), err);
    if (rc != FLOW_OK) {
        return rc;
    }
    type = get32(pcapng, header);
    if (type == BLOCK_SECTION) {
        rc = begin_section(pcapng, header, err);
        return rc == FLOW_OK ? FLOW_AGAIN : rc;
    }
    len = get32(pcapng, header + 4);
    rc = take_body(pcapng, 0, len, err);
    if (rc != FLOW_OK) {
        return rc;
    }
    switch (type) {
    case BLOCK_INTERFACE:
        rc = add_interface(pcapng, len - LEAST_BYTES, err);
        return rc == FLOW_OK ? FLOW_AGAIN : rc;
    case BLOCK_PACKET:
    case BLOCK_SIMPLE:
    case BLOCK_ENHANCED:
        return take_packet(pcapng, type, len - LEAST_BYTES, packet, err);
    default:
        return FLOW_AGAIN;
    }
}

int
flow_pcapng_next(struct flow_pcapng *pcapng, struct flow_captured *packet, struct flow_error *err)
{
    int rc = pcapng->failed ? FLOW_END : FLOW_AGAIN;

    while (rc == FLOW_AGAIN) {
        rc = next_block(pcapng, packet, err);
    }
    return rc;
}
