/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One way of going through a file, and how much it found: bench_read WAY FILE.
 *
 *   reader  flow_reader, whatever the file is, without judging
 *   arrow   the same as a stream of Arrow arrays; with 2 behind FILE decompressed ahead
 *   unpack  delimited protobuf through protobuf-c, each message built and freed
 *   arena   the same with memory that is taken in a row and never freed piece by piece
 *   hop     delimited protobuf from length to length
 *   pcap    libpcap alone
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_PCAP
#include <pcap/pcap.h>
#endif

#include "hubble_observer.pb-c.h"
#include "libflow/libflow.h"

static int
read_flows(const char *path)
{
    struct flow_reader *reader;
    struct flow_batch *batch;
    struct flow_error err;
    unsigned long long flows = 0, sum = 0;
    int rc;

    if (flow_reader_open(&reader, path, NULL, &err) != FLOW_OK ||
        flow_batch_new(&batch, &err) != FLOW_OK) {
        return 1;
    }
    while ((rc = flow_reader_next(reader, batch, &err)) == FLOW_OK) {
        for (size_t i = 0; i < flow_batch_count(batch); i++) {
            const struct flow_record *record = flow_batch_at(batch, i);

            flows += record->kind == FLOW_KIND_FLOW ? 1 : 0;
            sum += record->destination_port + record->source->id;
        }
    }
    printf("%llu flows, sum %llu\n", flows, sum);
    flow_batch_free(batch);
    flow_reader_close(reader);
    return rc == FLOW_END ? 0 : 1;
}

static int
stream_flows(const char *path, unsigned threads)
{
    struct flow_check_options options;
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    struct flow_check *check;
    struct flow_error err;
    unsigned long long flows = 0;

    flow_check_options_init(&options, sizeof(options));
    options.inputs = &path;
    options.input_count = 1;
    options.threads = threads;
    if (flow_check_open(&check, &options, &err) != FLOW_OK ||
        flow_arrow_stream_flows(&stream, FLOW_ARROW_FLOWS, 0, check, &err) != FLOW_OK) {
        return 1;
    }
    while (stream.get_next(&stream, &array) == 0 && array.release != NULL) {
        flows += (unsigned long long)array.length;
        array.release(&array);
    }
    printf("%llu flows\n", flows);
    stream.release(&stream);
    return 0;
}

/* Memory for one message at a time, more than any of the log's takes. */
struct arena {
    size_t used;
    _Alignas(16) unsigned char bytes[1 << 20];
};

static void *
take_piece(void *context, size_t size)
{
    struct arena *arena = context;
    unsigned char *piece = arena->bytes + arena->used;

    arena->used += (size + 15) & ~(size_t)15;
    return arena->used <= sizeof(arena->bytes) ? piece : NULL;
}

/* NULL: the message is done with. */
static void
free_piece(void *context, void *piece)
{
    struct arena *arena = context;

    arena->used = piece == NULL ? 0 : arena->used;
}

static int
walk_messages(const char *path, bool unpack, ProtobufCAllocator *allocator)
{
    const int fd = open(path, O_RDONLY);
    struct stat info;
    const uint8_t *bytes, *at;
    unsigned long long flows = 0, sum = 0;

    if (fd < 0 || fstat(fd, &info) != 0) {
        return 1;
    }
    bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) {
        return 1;
    }
    for (at = bytes; at < bytes + info.st_size; flows++) {
        size_t len = 0;
        unsigned shift = 0;

        do {
            len |= (size_t)(*at & 0x7f) << shift;
            shift += 7;
        } while (*at++ > 0x7f);
        if (unpack) {
            Observer__ExportEvent *event = observer__export_event__unpack(allocator, len, at);

            if (event == NULL) {
                return 1;
            }
            sum += event->flow != NULL && event->flow->source != NULL
                       ? event->flow->source->identity
                       : 0;
            if (allocator != NULL) {
                allocator->free(allocator->allocator_data, NULL);
            } else {
                observer__export_event__free_unpacked(event, NULL);
            }
        }
        at += len;
    }
    printf("%llu flows, sum %llu\n", flows, sum);
    return 0;
}

static int
walk_packets(const char *path)
{
#ifdef HAVE_PCAP
    char words[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline(path, words);
    struct pcap_pkthdr *header;
    unsigned long long packets = 0, sum = 0;
    const u_char *bytes;

    if (pcap == NULL) {
        return 1;
    }
    while (pcap_next_ex(pcap, &header, &bytes) == 1) {
        packets++;
        sum += header->len;
    }
    printf("%llu packets, %llu bytes\n", packets, sum);
    pcap_close(pcap);
    return 0;
#else
    (void)path;
    return 1;
#endif
}

int
main(int argc, char **argv)
{
    static struct arena arena;
    ProtobufCAllocator allocator = { take_piece, free_piece, &arena };

    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s reader|arrow|unpack|arena|hop|pcap FILE [THREADS]\n", argv[0]);
        return 2;
    }
    return strcmp(argv[1], "reader") == 0 ? read_flows(argv[2])
           : strcmp(argv[1], "arrow") == 0
               ? stream_flows(argv[2], argc > 3 ? (unsigned)atoi(argv[3]) : 1)
           : strcmp(argv[1], "unpack") == 0 ? walk_messages(argv[2], true, NULL)
           : strcmp(argv[1], "arena") == 0  ? walk_messages(argv[2], true, &allocator)
           : strcmp(argv[1], "hop") == 0    ? walk_messages(argv[2], false, NULL)
                                            : walk_packets(argv[2]);
}
