/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpcap over the reader's plain bytes, so that a compressed capture is one too. libpcap reads
 * from a FILE, which a cookie fills from the feed; a large buffer of whole pages makes that fast.
 */
#include "frame/pcap.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_BYTES = 1 << 20, PAGE_BYTES = 4096 };

struct flow_pcap {
    const struct flow_feed *feed;
    pcap_t *handle;
    FILE *file; /* the handle's, once there is one */
    char *buffer;
    uint64_t taken; /* bytes given to the FILE */
    bool ended, failed;
    struct flow_error failure; /* the feed's */
};

static ssize_t
cookie_read(void *cookie, char *at, size_t room)
{
    struct flow_pcap *pcap = cookie;
    size_t got = 0;
    int rc;

    if (pcap->ended) {
        return 0;
    }
    rc = pcap->feed->read(pcap->feed->context, at, room, &got, &pcap->failure);
    if (rc != FLOW_OK) {
        pcap->ended = true;
        pcap->failed = rc < 0;
        if (rc == FLOW_E_MEMORY) {
            errno = ENOMEM;
            return -1;
        }
        return 0; /* the packets before are whole; what was wrong is told by the feed's error */
    }
    pcap->taken += got;
    return (ssize_t)got;
}

/* Nothing seeks; this tells ftell where the FILE is. */
static int
cookie_seek(void *cookie, off64_t *offset, int whence)
{
    const struct flow_pcap *pcap = cookie;

    if (whence != SEEK_CUR || *offset != 0) {
        errno = ESPIPE;
        return -1;
    }
    *offset = (off64_t)pcap->taken;
    return 0;
}

/* libpcap's words, at the byte where it stopped. */
static int
fail(struct flow_pcap *pcap, const char *words, struct flow_error *err)
{
    const off_t at = ftello(pcap->file);
    const uint64_t offset = at >= 0 ? (uint64_t)at : pcap->taken;
    const bool cut = pcap->ended && offset >= pcap->taken;

    if (pcap->failed) {
        *err = pcap->failure;
        return err->status;
    }
    flow_fail(err, cut ? FLOW_E_TRUNCATED : FLOW_E_PARSE, "expected a packet of a capture: %.200s",
              words);
    flow_error_set_place(err, offset, 0, 0);
    return err->status;
}

int
flow_pcap_open(struct flow_pcap **out, const struct flow_feed *feed, struct flow_error *err)
{
    const cookie_io_functions_t functions = { .read = cookie_read, .seek = cookie_seek };
    struct flow_pcap *pcap = calloc(1, sizeof(*pcap));
    char words[PCAP_ERRBUF_SIZE] = "";
    int rc;

    *out = NULL;
    if (pcap == NULL) {
        return flow_fail_memory(err);
    }
    pcap->feed = feed;
    pcap->buffer = aligned_alloc(PAGE_BYTES, BUFFER_BYTES);
    pcap->file = pcap->buffer != NULL ? fopencookie(pcap, "rb", functions) : NULL;
    if (pcap->file == NULL) {
        flow_pcap_close(pcap);
        return flow_fail_memory(err);
    }
    setvbuf(pcap->file, pcap->buffer, _IOFBF, BUFFER_BYTES);
    pcap->handle =
        pcap_fopen_offline_with_tstamp_precision(pcap->file, PCAP_TSTAMP_PRECISION_NANO, words);
    if (pcap->handle == NULL) {
        rc = fail(pcap, words, err);
        flow_pcap_close(pcap);
        return rc;
    }
    *out = pcap;
    return FLOW_OK;
}

int
flow_pcap_next(struct flow_pcap *pcap, struct flow_captured *packet, struct flow_error *err)
{
    struct pcap_pkthdr *header;
    const u_char *bytes;
    const int rc = pcap_next_ex(pcap->handle, &header, &bytes);

    if (rc == PCAP_ERROR_BREAK && !pcap->failed) {
        return FLOW_END;
    }
    if (rc != 1) {
        return fail(pcap, rc == PCAP_ERROR_BREAK ? "" : pcap_geterr(pcap->handle), err);
    }
    *packet = (struct flow_captured){
        .time = (int64_t)header->ts.tv_sec * 1000000000 + header->ts.tv_usec,
        .bytes = bytes,
        .len = header->caplen,
        .wire_len = header->len,
        .link_type = (uint32_t)pcap_datalink(pcap->handle),
    };
    return FLOW_OK;
}

void
flow_pcap_close(struct flow_pcap *pcap)
{
    if (pcap == NULL) {
        return;
    }
    if (pcap->handle != NULL) {
        pcap_close(pcap->handle);
    } else if (pcap->file != NULL) {
        fclose(pcap->file);
    }
    free(pcap->buffer);
    free(pcap);
}
