/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures to records: packets into connections, connections into flows when they end, and DNS
 * answers into records of their own as they come. What a capture does not know stays unknown.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "decode/connections.h"
#include "decode/decoder.h"
#include "decode/dns.h"

enum { DNS_PORT = 53, EPHEMERAL_PORTS = 32768, PRIVILEGED_PORTS = 1024 };

struct capture {
    const struct flow_decoder_ops *ops;
    struct flow_dict *dict; /* borrowed */
    /* of the input that is read; one of the two, once its first bytes are known */
    struct flow_pcap *pcap;
    struct flow_pcapng *pcapng;
    const struct flow_feed *feed; /* borrowed while it is read from */
    struct flow_feed replay;      /* the first bytes again, then the feed */
    uint8_t head[4];
    size_t head_len, head_pos;
    struct flow_connections *table;
    struct flow_tracked *ended; /* to be handed out next */
    int64_t first, last;        /* of all packets; FLOW_TIME_NONE before the first */
    bool drained;               /* no packet will come: what is left is handed out */
};

static int
capture_open(struct flow_decoder **out, struct flow_dict *dict, struct flow_error *err)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    int rc;

    if (capture == NULL) {
        return flow_fail_memory(err);
    }
    capture->ops = &flow_decoder_capture;
    capture->dict = dict;
    capture->first = capture->last = FLOW_TIME_NONE;
    rc = flow_connections_new(&capture->table, err);
    if (rc != FLOW_OK) {
        free(capture);
        return rc;
    }
    *out = (struct flow_decoder *)capture;
    return FLOW_OK;
}

static void
close_file(struct capture *capture)
{
    flow_pcap_close(capture->pcap);
    flow_pcapng_close(capture->pcapng);
    capture->pcap = NULL;
    capture->pcapng = NULL;
    capture->head_len = capture->head_pos = 0;
}

static void
capture_reset(struct flow_decoder *decoder)
{
    struct capture *capture = (struct capture *)decoder;

    close_file(capture);
    capture->first = capture->last = FLOW_TIME_NONE;
    capture->ended = NULL;
    capture->drained = false;
    flow_connections_reset(capture->table);
}

static void
capture_close(struct flow_decoder *decoder)
{
    struct capture *capture = (struct capture *)decoder;

    close_file(capture);
    flow_connections_free(capture->table);
    free(capture);
}

/* The other side opened it when its port is that of a service and this one's is a client's. */
static bool
ports_say_other(const struct flow_tracked *tracked)
{
    const uint16_t sender = tracked->ports[0], receiver = tracked->ports[1];

    return sender != 0 && sender < receiver &&
           (sender < PRIVILEGED_PORTS || (sender < EPHEMERAL_PORTS && receiver >= EPHEMERAL_PORTS));
}

/* Which side is the source, and how sure that is. */
static unsigned
source_of(const struct flow_tracked *tracked, uint8_t *opener)
{
    *opener = tracked->opener;
    if (tracked->opener == FLOW_OPENER_SEEN) {
        return tracked->opener_side;
    }
    if (ports_say_other(tracked)) {
        *opener = FLOW_OPENER_INFERRED;
        return 1;
    }
    if (tracked->protocol == FLOW_PROTOCOL_UDP ||
        (tracked->protocol == FLOW_PROTOCOL_TCP && tracked->ports[1] != 0 &&
         tracked->ports[1] < tracked->ports[0] &&
         (tracked->ports[1] < PRIVILEGED_PORTS ||
          (tracked->ports[1] < EPHEMERAL_PORTS && tracked->ports[0] >= EPHEMERAL_PORTS)))) {
        *opener = FLOW_OPENER_INFERRED;
    }
    return 0;
}

/*
 * An end of which the capture knows nothing but the identity that Cilium puts into the tunnel's
 * header; it is the sender's. NULL when out of memory.
 */
static const struct flow_endpoint *
endpoint_of(struct capture *capture, const struct flow_tracked *tracked, unsigned side)
{
    struct flow_endpoint filled = { .identity = tracked->vnis[side] };
    const struct flow_endpoint *known;
    char key[32] = "vni";

    if (!tracked->has_vni[side] || !tracked->identity_vni || tracked->vnis[side] == 0) {
        return flow_dict_empty_endpoint(capture->dict);
    }
    memcpy(key + 3, &tracked->vnis[side], sizeof(tracked->vnis[side]));
    known = flow_cache_find(&capture->dict->endpoints, (struct flow_str){ key, 7 });
    return known != NULL ? known
                         : flow_dict_add_endpoint(capture->dict, (struct flow_str){ key, 7 },
                                                  &filled, NULL, 0);
}

static struct flow_str
copy(struct flow_arena *arena, struct flow_str text, bool *failed)
{
    struct flow_str made = { NULL, 0 };

    if (text.len > 0) {
        made = flow_arena_str(arena, text);
        *failed |= made.ptr == NULL;
    }
    return made;
}

/* Whether times are close enough to be of one connection; false where one is not told. */
static bool
are_close(int64_t from, int64_t until)
{
    return from != FLOW_TIME_NONE && until != FLOW_TIME_NONE &&
           (until <= from || from > INT64_MAX - FLOW_CONNECTION_IDLE ||
            until <= from + FLOW_CONNECTION_IDLE);
}

/* Whether the packet that opens a connection was seen; an echo request opens none. */
static bool
has_its_start(const struct flow_tracked *tracked, unsigned source, uint8_t opener)
{
    switch (tracked->protocol) {
    case FLOW_PROTOCOL_TCP:
        return (tracked->tcp_flags[source] & FLOW_TCP_SYN) != 0;
    case FLOW_PROTOCOL_SCTP:
        return opener == FLOW_OPENER_SEEN;
    default:
        return false;
    }
}

static bool
fill_traffic(const struct capture *capture, const struct flow_tracked *tracked, unsigned source,
             uint8_t opener, struct flow_arena *arena, struct flow_record *record)
{
    struct flow_traffic *traffic = flow_arena_alloc(arena, sizeof(*traffic));
    bool failed = traffic == NULL;

    if (failed) {
        return false;
    }
    for (unsigned i = 0; i < 2; i++) {
        traffic->packets[i] = tracked->packets[source ^ i];
        traffic->bytes[i] = tracked->bytes[source ^ i];
        traffic->tcp_flags[i] = tracked->tcp_flags[source ^ i];
    }
    traffic->first = tracked->first;
    traffic->last = tracked->last;
    traffic->opener = opener;
    traffic->answer = flow_tracked_answer(tracked);
    traffic->tunnel = tracked->tunnel;
    traffic->vni = tracked->vnis[tracked->has_vni[0] ? 0 : 1];
    traffic->began_before =
        !has_its_start(tracked, source, opener) && are_close(capture->first, tracked->first);
    /* a closed one too: the last packets of closing may be in the next */
    traffic->goes_on = capture->drained && are_close(tracked->last, capture->last);
    traffic->server_name = copy(arena, tracked->server_name, &failed);
    traffic->http_host = copy(arena, tracked->http_host, &failed);
    traffic->http_method = copy(arena, tracked->http_method, &failed);
    record->traffic = traffic;
    return !failed;
}

/* A connection as a flow from who opened it. */
static int
fill_record(struct capture *capture, const struct flow_tracked *tracked, struct flow_batch *batch,
            struct flow_record *record, struct flow_error *err)
{
    uint8_t opener;
    const unsigned source = source_of(tracked, &opener);
    const uint8_t protocol = tracked->protocol;

    record->kind = FLOW_KIND_FLOW;
    record->time = tracked->first;
    record->type = FLOW_TYPE_L3_L4;
    record->protocol = protocol;
    record->has_ports = (protocol == FLOW_PROTOCOL_TCP || protocol == FLOW_PROTOCOL_UDP ||
                         protocol == FLOW_PROTOCOL_SCTP) &&
                        (tracked->ports[0] != 0 || tracked->ports[1] != 0);
    record->source_address = tracked->addresses[source];
    record->destination_address = tracked->addresses[!source];
    record->ip_version = tracked->addresses[0].family;
    if (record->has_ports) {
        record->source_port = tracked->ports[source];
        record->destination_port = tracked->ports[!source];
    } else {
        record->icmp_type = tracked->icmp_type;
        record->icmp_code = tracked->icmp_code;
    }
    record->tunnelled = tracked->tunnel != FLOW_TUNNEL_NONE;
    record->is_reply = opener != FLOW_OPENER_UNKNOWN ? FLOW_NO : FLOW_UNKNOWN;
    record->source = endpoint_of(capture, tracked, source);
    record->destination = endpoint_of(capture, tracked, !source);
    return record->source != NULL && record->destination != NULL &&
                   fill_traffic(capture, tracked, source, opener, &batch->arena, record)
               ? FLOW_OK
               : flow_fail_memory(err);
}

static int
hand_out(struct capture *capture, struct flow_tracked *tracked, struct flow_batch *batch,
         struct flow_record *record, struct flow_error *err)
{
    const int rc = fill_record(capture, tracked, batch, record, err);

    flow_connections_drop(capture->table, tracked);
    return rc;
}

/* A DNS answer to a record: FLOW_OK, FLOW_END when the packet has none. */
static int
take_answer(const struct flow_packet *packet, const struct flow_captured *captured,
            struct flow_batch *batch, struct flow_record *record)
{
    const uint8_t *bytes = packet->payload;
    size_t len = packet->payload_len;
    struct flow_l7 *l7;
    int rc;

    if (packet->source_port != DNS_PORT || packet->kind != FLOW_PACKET_WHOLE || len == 0) {
        return FLOW_END;
    }
    if (packet->protocol == FLOW_PROTOCOL_TCP) {
        /* two bytes of length; an answer in several segments is left out */
        if (len < 2 || flow_be16(bytes) > len - 2) {
            return FLOW_END;
        }
        len = flow_be16(bytes);
        bytes += 2;
    } else if (packet->protocol != FLOW_PROTOCOL_UDP) {
        return FLOW_END;
    }
    l7 = flow_arena_alloc(&batch->arena, sizeof(*l7));
    rc = l7 == NULL ? FLOW_E_MEMORY : flow_dns_parse(bytes, len, &batch->arena, l7);
    if (rc != FLOW_OK || l7->type != FLOW_L7_RESPONSE) {
        return rc == FLOW_E_MEMORY ? rc : FLOW_END;
    }
    record->kind = FLOW_KIND_NAMES;
    record->time = captured->time;
    record->type = FLOW_TYPE_L7;
    record->l7 = l7;
    record->source_address = packet->source;
    record->destination_address = packet->destination;
    return FLOW_OK;
}

/* One packet. FLOW_OK with a record filled, FLOW_AGAIN without. */
static int
take_packet(struct capture *capture, const struct flow_captured *captured, struct flow_batch *batch,
            struct flow_record *record, struct flow_error *err)
{
    struct flow_tracked *current;
    struct flow_packet packet;
    int rc;

    flow_packet_parse(&packet, captured->link_type, captured->bytes, captured->len);
    if (packet.source.family == 0) {
        return FLOW_AGAIN; /* no IP: ARP and the like are no connections */
    }
    rc = flow_connections_add(capture->table, &packet, captured, &current, &capture->ended);
    rc = rc == FLOW_OK ? take_answer(&packet, captured, batch, record) : rc;
    if (rc == FLOW_E_MEMORY) {
        return flow_fail_memory(err);
    }
    return rc == FLOW_OK ? FLOW_OK : FLOW_AGAIN;
}

/* The first bytes of the file again, and then what follows. */
static int
replay_bytes(void *context, void *at, size_t room, size_t *got, struct flow_error *err)
{
    struct capture *capture = context;
    const size_t left = capture->head_len - capture->head_pos;

    if (left == 0) {
        return capture->feed->read(capture->feed->context, at, room, got, err);
    }
    *got = left < room ? left : room;
    memcpy(at, capture->head + capture->head_pos, *got);
    capture->head_pos += *got;
    return FLOW_OK;
}

/* Looks which of the two formats it is. */
static int
open_file(struct capture *capture, struct flow_error *err)
{
    static const uint8_t pcapng[] = { 0x0a, 0x0d, 0x0d, 0x0a };
    int rc = FLOW_OK;

    while (rc == FLOW_OK && capture->head_len < sizeof(capture->head)) {
        size_t got = 0;

        rc = capture->feed->read(capture->feed->context, capture->head + capture->head_len,
                                 sizeof(capture->head) - capture->head_len, &got, err);
        capture->head_len += got;
    }
    if (rc < 0) {
        return rc;
    }
    capture->replay = (struct flow_feed){ capture, replay_bytes };
    return capture->head_len == sizeof(pcapng) && memcmp(capture->head, pcapng, 4) == 0
               ? flow_pcapng_open(&capture->pcapng, &capture->replay, err)
               : flow_pcap_open(&capture->pcap, &capture->replay, err);
}

static void
note_time(struct capture *capture, int64_t time)
{
    if (time == FLOW_TIME_NONE) {
        return;
    }
    if (capture->first == FLOW_TIME_NONE || time < capture->first) {
        capture->first = time;
    }
    capture->last = time > capture->last ? time : capture->last;
}

static int
capture_pull(struct flow_decoder *decoder, const struct flow_feed *feed, struct flow_batch *batch,
             struct flow_record *record, struct flow_error *err)
{
    struct capture *capture = (struct capture *)decoder;
    struct flow_captured captured;
    struct flow_tracked *left;
    int rc = FLOW_AGAIN;

    capture->feed = feed;
    if (capture->pcap == NULL && capture->pcapng == NULL && !capture->drained) {
        rc = open_file(capture, err);
        if (rc != FLOW_OK) {
            capture->drained = true;
            return rc;
        }
    }
    do {
        if (capture->ended != NULL) {
            left = capture->ended;
            capture->ended = NULL;
            return hand_out(capture, left, batch, record, err);
        }
        if (capture->drained) {
            left = flow_connections_next(capture->table);
            return left != NULL ? hand_out(capture, left, batch, record, err) : FLOW_END;
        }
        rc = capture->pcapng != NULL ? flow_pcapng_next(capture->pcapng, &captured, err)
                                     : flow_pcap_next(capture->pcap, &captured, err);
        if (rc == FLOW_OK) {
            note_time(capture, captured.time);
            rc = take_packet(capture, &captured, batch, record, err);
        } else {
            capture->drained = true;
            rc = rc == FLOW_END ? FLOW_AGAIN : rc;
        }
    } while (rc == FLOW_AGAIN);
    return rc;
}

const struct flow_decoder_ops flow_decoder_capture = {
    .name = "capture",
    .detect = flow_pcap_detect,
    .open = capture_open,
    .reset = capture_reset,
    .pull = capture_pull,
    .close = capture_close,
};
