/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets into connections: by both ends and the protocol, in either direction. A connection ends
 * when another begins between the same ports, when it was idle for long, or with the capture.
 * Memory is bounded: at FLOW_CONNECTIONS_MAX the one that was idle for longest ends early.
 */
#ifndef FLOW_DECODE_CONNECTIONS_H
#define FLOW_DECODE_CONNECTIONS_H

#include "decode/packet.h"
#include "frame/pcap.h"

/* One side is 0, the sender of the first packet; the other 1. */
struct flow_tracked {
    struct flow_address addresses[2];
    uint16_t ports[2];
    uint8_t protocol;
    uint8_t opener;      /* enum flow_opener, of opener_side */
    uint8_t opener_side; /* who opened it, as far as is known */
    uint8_t icmp_type, icmp_code;
    uint8_t tunnel;
    bool accepted;    /* the other side took it: SYN-ACK, INIT-ACK */
    bool reset_early; /* a reset from the other side before that */
    bool refused;     /* an ICMP error quotes it */
    bool closing[2], closed;
    bool named;       /* looked for a name, for good */
    uint32_t vnis[2]; /* of each side's packets; identities when Cilium sent them */
    bool has_vni[2];
    bool identity_vni;       /* the port was one that Cilium uses */
    uint32_t first_sequence; /* of the SYN */
    uint16_t tcp_flags[2];
    uint64_t packets[2], bytes[2];
    int64_t first, last;
    uint8_t *hello; /* first bytes of the opener, malloc'ed */
    size_t hello_len;
    uint32_t hello_next;                                 /* sequence of the byte behind them */
    struct flow_str server_name, http_host, http_method; /* malloc'ed */
    /* of the table */
    uint32_t next;         /* in the bucket */
    uint32_t newer, older; /* by last packet */
    uint32_t bucket;
    bool used;
};

struct flow_connections;

int flow_connections_new(struct flow_connections **out, struct flow_error *err);
void flow_connections_free(struct flow_connections *table);
/* Forgets all of them. */
void flow_connections_reset(struct flow_connections *table);

/*
 * Counts a packet. *ended is a connection that ended because of it, or NULL; it is the caller's to
 * report and then to give back with flow_connections_drop. FLOW_OK or FLOW_E_MEMORY.
 */
int flow_connections_add(struct flow_connections *table, const struct flow_packet *packet,
                         const struct flow_captured *captured, struct flow_tracked **current,
                         struct flow_tracked **ended);

/* The next of those that are left, in order of their first packets; NULL behind the last. */
struct flow_tracked *flow_connections_next(struct flow_connections *table);
void flow_connections_drop(struct flow_connections *table, struct flow_tracked *tracked);

/* What is to be said of one. */
uint8_t flow_tracked_answer(const struct flow_tracked *tracked);

/* capture_names.c: looks for the name of a server in a packet's bytes. false: out of memory. */
bool flow_tracked_look(struct flow_tracked *tracked, const struct flow_packet *packet,
                       unsigned side);
void flow_tracked_clear_names(struct flow_tracked *tracked);

#endif
