/* SPDX-License-Identifier: Apache-2.0 */
/* Captures in a build without libpcap: they are known for what they are, and not read. */
#include "frame/pcap.h"

int
flow_pcap_open(struct flow_pcap **out, const struct flow_feed *feed, struct flow_error *err)
{
    (void)feed;
    *out = NULL;
    return flow_fail(err, FLOW_E_UNSUPPORTED,
                     "a packet capture; this build has no libpcap, which comes with meson's option "
                     "-Dpcap=enabled");
}

int
flow_pcap_next(struct flow_pcap *pcap, struct flow_captured *packet, struct flow_error *err)
{
    (void)pcap;
    (void)packet;
    (void)err;
    return FLOW_END;
}

void
flow_pcap_close(struct flow_pcap *pcap)
{
    (void)pcap;
}
