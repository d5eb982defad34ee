/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that a client gives at the start of a connection: the server name of a TLS ClientHello
 * (RFC 8446, RFC 6066) and the Host of an HTTP/1 request. The first bytes are put together while
 * they come in order, up to FLOW_HELLO_BYTES_MAX.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "decode/connections.h"

enum {
    TLS_HANDSHAKE = 22,
    CLIENT_HELLO = 1,
    EXTENSION_SERVER_NAME = 0,
    NAME_BYTES_MAX = 255,
    METHOD_BYTES_MAX = 16
};

enum look { LOOK_NOTHING, LOOK_MORE, LOOK_FOUND, LOOK_MEMORY };

void
flow_tracked_clear_names(struct flow_tracked *tracked)
{
    free(tracked->hello);
    free((void *)tracked->server_name.ptr);
    free((void *)tracked->http_host.ptr);
    free((void *)tracked->http_method.ptr);
    tracked->hello = NULL;
    tracked->hello_len = 0;
    tracked->server_name = tracked->http_host = tracked->http_method = (struct flow_str){ NULL, 0 };
}

/* A name as it may stand in a report: printable ASCII, as host names are. */
static bool
keep_name(struct flow_str *out, const uint8_t *bytes, size_t len)
{
    char *copy;

    if (len == 0 || len > NAME_BYTES_MAX || out->ptr != NULL) {
        return true;
    }
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] <= ' ' || bytes[i] > '~') {
            return true;
        }
    }
    copy = malloc(len);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, bytes, len);
    *out = (struct flow_str){ copy, len };
    return true;
}

/* Bytes that shrink as they are read; bad once more was read than there is. */
struct span {
    const uint8_t *at;
    size_t len;
    bool bad;
};

static struct span
take(struct span *span, size_t len)
{
    struct span taken = { span->at, len, false };

    if (span->bad || len > span->len) {
        span->bad = taken.bad = true;
        taken.len = 0;
        return taken;
    }
    span->at += len;
    span->len -= len;
    return taken;
}

static size_t
take_number(struct span *span, size_t width)
{
    const struct span bytes = take(span, width);
    size_t value = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        value = value << 8 | bytes.at[i];
    }
    return value;
}

/* A list of names of which the first of type 0 is the host's. */
static bool
look_at_server_name(struct flow_tracked *tracked, struct span list)
{
    take_number(&list, 2);
    while (!list.bad && list.len > 0) {
        const size_t type = take_number(&list, 1);
        const struct span name = take(&list, take_number(&list, 2));

        if (!name.bad && type == 0) {
            return keep_name(&tracked->server_name, name.at, name.len);
        }
    }
    return true;
}

/* The body of a ClientHello, of which not all need be there. */
static enum look
look_at_hello(struct flow_tracked *tracked, struct span hello, bool whole)
{
    struct span extensions;

    take(&hello, 2 + 32);                 /* version, random */
    take(&hello, take_number(&hello, 1)); /* session */
    take(&hello, take_number(&hello, 2)); /* cipher suites */
    take(&hello, take_number(&hello, 1)); /* compression */
    take_number(&hello, 2);
    extensions = hello;
    while (!extensions.bad && extensions.len > 0) {
        const size_t type = take_number(&extensions, 2);
        const struct span body = take(&extensions, take_number(&extensions, 2));

        if (!body.bad && type == EXTENSION_SERVER_NAME) {
            return look_at_server_name(tracked, body) ? LOOK_FOUND : LOOK_MEMORY;
        }
    }
    return whole ? LOOK_NOTHING : LOOK_MORE;
}

/* TLS records: the handshake may go on from one to the next. */
static enum look
look_at_tls(struct flow_tracked *tracked, const uint8_t *bytes, size_t len)
{
    uint8_t joined[FLOW_HELLO_BYTES_MAX];
    size_t count = 0, at = 0;
    size_t size;

    while (len - at >= 5 && bytes[at] == TLS_HANDSHAKE && bytes[at + 1] == 3) {
        const size_t record = flow_be16(bytes + at + 3);
        const size_t there = record < len - at - 5 ? record : len - at - 5;

        memcpy(joined + count, bytes + at + 5, there);
        count += there;
        at += 5 + there;
        if (there < record) {
            break;
        }
    }
    if (count < 4) {
        return len < 9 ? LOOK_MORE : LOOK_NOTHING;
    }
    if (joined[0] != CLIENT_HELLO) {
        return LOOK_NOTHING;
    }
    size = (size_t)joined[1] << 16 | flow_be16(joined + 2);
    return look_at_hello(tracked,
                         (struct span){ joined + 4, size < count - 4 ? size : count - 4, false },
                         size <= count - 4);
}

/* "Host: name" or "Host: name:port" among the header lines. */
static bool
look_at_header(struct flow_tracked *tracked, const char *line, size_t len)
{
    const char *end = line + len;

    if (len < 5 || strncasecmp(line, "host:", 5) != 0) {
        return true;
    }
    for (line += 5; line < end && (*line == ' ' || *line == '\t'); line++) {
    }
    while (end > line && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) {
        end--;
    }
    return keep_name(&tracked->http_host, (const uint8_t *)line, (size_t)(end - line));
}

/* A request line "METHOD target HTTP/1.x" and lines up to an empty one. */
static enum look
look_at_http(struct flow_tracked *tracked, const uint8_t *bytes, size_t len)
{
    const char *text = (const char *)bytes;
    const char *line_end = memchr(text, '\n', len);
    size_t method = 0;
    const char *line;

    while (method < len && method <= METHOD_BYTES_MAX && text[method] >= 'A' &&
           text[method] <= 'Z') {
        method++;
    }
    if (method == 0 || method > METHOD_BYTES_MAX || (method < len && text[method] != ' ')) {
        return LOOK_NOTHING;
    }
    if (line_end == NULL) {
        return LOOK_MORE;
    }
    if (memmem(text, (size_t)(line_end - text), " HTTP/1.", 8) == NULL) {
        return LOOK_NOTHING;
    }
    if (!keep_name(&tracked->http_method, bytes, method)) {
        return LOOK_MEMORY;
    }
    for (line = line_end + 1; line < text + len; line = line_end + 1) {
        line_end = memchr(line, '\n', (size_t)(text + len - line));
        if (line_end == NULL) {
            return LOOK_MORE;
        }
        if (line_end - line <= 1) {
            return LOOK_FOUND; /* the end of the headers */
        }
        if (!look_at_header(tracked, line, (size_t)(line_end - line))) {
            return LOOK_MEMORY;
        }
        if (tracked->http_host.ptr != NULL) {
            return LOOK_FOUND;
        }
    }
    return LOOK_MORE;
}

static enum look
look_at(struct flow_tracked *tracked, const uint8_t *bytes, size_t len)
{
    return bytes[0] == TLS_HANDSHAKE ? look_at_tls(tracked, bytes, len)
                                     : look_at_http(tracked, bytes, len);
}

/* Puts a segment behind those before it when it follows them; false when out of memory. */
static bool
keep_segment(struct flow_tracked *tracked, const struct flow_packet *packet)
{
    size_t len = packet->payload_len;

    if (tracked->hello == NULL) {
        tracked->hello = malloc(FLOW_HELLO_BYTES_MAX);
        if (tracked->hello == NULL) {
            return false;
        }
        tracked->hello_next = packet->sequence;
    }
    if (packet->sequence != tracked->hello_next) {
        return true; /* sent again, or out of order */
    }
    if (len > FLOW_HELLO_BYTES_MAX - tracked->hello_len) {
        len = FLOW_HELLO_BYTES_MAX - tracked->hello_len;
    }
    memcpy(tracked->hello + tracked->hello_len, packet->payload, len);
    tracked->hello_len += len;
    tracked->hello_next += (uint32_t)packet->payload_len;
    return true;
}

bool
flow_tracked_look(struct flow_tracked *tracked, const struct flow_packet *packet, unsigned side)
{
    enum look look;

    if (tracked->named || packet->protocol != FLOW_PROTOCOL_TCP ||
        packet->kind != FLOW_PACKET_WHOLE || packet->payload_len == 0 ||
        side != tracked->opener_side) {
        return true;
    }
    if (tracked->hello == NULL) {
        /* mostly it is all in the first segment */
        look = look_at(tracked, packet->payload,
                       packet->payload_len < FLOW_HELLO_BYTES_MAX ? packet->payload_len
                                                                  : FLOW_HELLO_BYTES_MAX);
        if (look != LOOK_MORE) {
            tracked->named = true;
            return look != LOOK_MEMORY;
        }
    }
    if (!keep_segment(tracked, packet)) {
        return false;
    }
    look = look_at(tracked, tracked->hello, tracked->hello_len);
    if (look != LOOK_MORE || tracked->hello_len == FLOW_HELLO_BYTES_MAX) {
        tracked->named = true;
        free(tracked->hello);
        tracked->hello = NULL;
    }
    return look != LOOK_MEMORY;
}
