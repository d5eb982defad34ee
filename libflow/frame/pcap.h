/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of a capture file, one after the other: of pcap through libpcap, of pcapng by ourselves.
 */
#ifndef FLOW_FRAME_PCAP_H
#define FLOW_FRAME_PCAP_H

#include "base/error.h"

/* Where the bytes of a capture come from: as flow_source_ops.read. */
struct flow_feed {
    void *context;
    int (*read)(void *context, void *at, size_t room, size_t *got, struct flow_error *err);
};

struct flow_captured {
    int64_t time;         /* nanoseconds since 1970; FLOW_TIME_NONE when not told */
    const uint8_t *bytes; /* borrowed until the next packet */
    uint32_t len;         /* captured */
    uint32_t wire_len;    /* on the wire */
    uint32_t link_type;
};

struct flow_pcap;

/* Whether bytes begin as a capture does. */
bool flow_pcap_detect(const uint8_t *head, size_t len);

/* The feed is borrowed until close. FLOW_E_UNSUPPORTED in a build without libpcap. */
int flow_pcap_open(struct flow_pcap **out, const struct flow_feed *feed, struct flow_error *err);

/*
 * The next packet: FLOW_OK, FLOW_END, or an error with the offset in the plain bytes, behind which
 * nothing can be read: a capture has no marks to go on from.
 */
int flow_pcap_next(struct flow_pcap *pcap, struct flow_captured *packet, struct flow_error *err);

/* NULL is fine. */
void flow_pcap_close(struct flow_pcap *pcap);

/* pcapng.c: the same for pcapng. */
struct flow_pcapng;
int flow_pcapng_open(struct flow_pcapng **out, const struct flow_feed *feed,
                     struct flow_error *err);
int flow_pcapng_next(struct flow_pcapng *pcapng, struct flow_captured *packet,
                     struct flow_error *err);
void flow_pcapng_close(struct flow_pcapng *pcapng);

#endif
