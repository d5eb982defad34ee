/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peers of the live client, over the C core of gRPC:
 *
 *   bench_live serve ADDRESS FILE TIMES   sends the messages of a delimited file so many times to
 *                                         each who asks, as fast as they are taken
 *   bench_live count ADDRESS              asks, and counts messages and bytes
 */
#include <fcntl.h>
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char method[] = "/observer.Observer/GetFlows";

static grpc_event
next(grpc_completion_queue *queue)
{
    return grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
}

/* The messages of a file, each ready to be sent. */
static grpc_byte_buffer **
load(const char *path, size_t *count)
{
    const int fd = open(path, O_RDONLY);
    struct stat info;
    uint8_t *bytes;
    grpc_byte_buffer **list = NULL;

    if (fd < 0 || fstat(fd, &info) != 0) {
        return NULL;
    }
    bytes = malloc((size_t)info.st_size);
    if (bytes == NULL || read(fd, bytes, (size_t)info.st_size) != info.st_size) {
        return NULL;
    }
    *count = 0;
    for (const uint8_t *at = bytes; at < bytes + info.st_size;) {
        size_t len = 0;
        unsigned shift = 0;
        grpc_slice slice;

        do {
            len |= (size_t)(*at & 0x7f) << shift;
            shift += 7;
        } while (*at++ > 0x7f);
        list = realloc(list, (*count + 1) * sizeof(*list));
        slice = grpc_slice_from_static_buffer(at, len);
        list[(*count)++] = grpc_raw_byte_buffer_create(&slice, 1);
        at += len;
    }
    return list;
}

static void
answer(grpc_completion_queue *queue, grpc_call *call, grpc_byte_buffer **messages, size_t count,
       unsigned long times)
{
    grpc_op op;

    memset(&op, 0, sizeof(op));
    op.op = GRPC_OP_SEND_INITIAL_METADATA;
    grpc_call_start_batch(call, &op, 1, (void *)1, NULL);
    next(queue);
    for (unsigned long turn = 0; turn < times; turn++) {
        for (size_t i = 0; i < count; i++) {
            grpc_byte_buffer *message = grpc_byte_buffer_copy(messages[i]); /* sending empties it */
            bool sent;

            memset(&op, 0, sizeof(op));
            op.op = GRPC_OP_SEND_MESSAGE;
            op.flags = GRPC_WRITE_BUFFER_HINT;
            op.data.send_message.send_message = message;
            grpc_call_start_batch(call, &op, 1, (void *)1, NULL);
            sent = next(queue).success != 0;
            grpc_byte_buffer_destroy(message);
            if (!sent) {
                return;
            }
        }
    }
    memset(&op, 0, sizeof(op));
    op.op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    op.data.send_status_from_server.status = GRPC_STATUS_OK;
    grpc_call_start_batch(call, &op, 1, (void *)1, NULL);
    next(queue);
}

static int
serve(const char *address, const char *path, unsigned long times)
{
    grpc_completion_queue *queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server *server = grpc_server_create(NULL, NULL);
    grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
    grpc_byte_buffer **messages;
    size_t count = 0;

    messages = load(path, &count);
    if (messages == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        return 1;
    }
    grpc_server_register_completion_queue(server, queue, NULL);
    if (grpc_server_add_http2_port(server, address, credentials) == 0) {
        return 1;
    }
    grpc_server_start(server);
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        grpc_call *call;
        grpc_call_details details;
        grpc_metadata_array metadata;

        grpc_call_details_init(&details);
        grpc_metadata_array_init(&metadata);
        grpc_server_request_call(server, &call, &details, &metadata, queue, queue, (void *)1);
        next(queue);
        answer(queue, call, messages, count, times);
        grpc_call_unref(call);
    }
}

static int
count(const char *address)
{
    grpc_completion_queue *queue = grpc_completion_queue_create_for_next(NULL);
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    grpc_channel *channel = grpc_channel_create(address, credentials, NULL);
    grpc_call *call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue,
                                               grpc_slice_from_static_string(method), NULL,
                                               gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    unsigned long long messages = 0, bytes = 0;
    grpc_metadata_array headers;
    grpc_byte_buffer *message;
    grpc_slice nothing = grpc_empty_slice();
    grpc_op ops[4];

    grpc_metadata_array_init(&headers);
    memset(ops, 0, sizeof(ops));
    ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    ops[1].op = GRPC_OP_SEND_MESSAGE;
    ops[1].data.send_message.send_message = grpc_raw_byte_buffer_create(&nothing, 1);
    ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &headers;
    grpc_call_start_batch(call, ops, 4, (void *)1, NULL);
    next(queue);
    for (;;) {
        memset(ops, 0, sizeof(ops[0]));
        ops[0].op = GRPC_OP_RECV_MESSAGE;
        ops[0].data.recv_message.recv_message = &message;
        grpc_call_start_batch(call, ops, 1, (void *)1, NULL);
        next(queue);
        if (message == NULL) {
            break;
        }
        messages++;
        bytes += grpc_byte_buffer_length(message);
        grpc_byte_buffer_destroy(message);
    }
    printf("%llu messages, %llu bytes\n", messages, bytes);
    return messages > 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
    grpc_init();
    if (argc == 5 && strcmp(argv[1], "serve") == 0) {
        return serve(argv[2], argv[3], strtoul(argv[4], NULL, 10));
    }
    if (argc == 3 && strcmp(argv[1], "count") == 0) {
        return count(argv[2]);
    }
    fprintf(stderr, "usage: %s serve ADDRESS FILE TIMES | count ADDRESS\n", argv[0]);
    return 2;
}
