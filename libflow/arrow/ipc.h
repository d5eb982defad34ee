/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streaming format of Arrow (IPC): a message with the schema, then for each array its
 * dictionaries, those that changed, and its rows. Numbers are little-endian, as the machine's are.
 */
#ifndef FLOW_ARROW_IPC_H
#define FLOW_ARROW_IPC_H

#include "arrow/export.h"

/* What a stream has sent. */
struct flow_ipc {
    uint8_t table;
    bool begun;
    uint64_t *sent; /* by column: the serial number of its dictionary, + 1 */
};

bool flow_ipc_init(struct flow_ipc *ipc, uint8_t table);
void flow_ipc_free(struct flow_ipc *ipc);
/* Appends an array that the library made of that table; false: out of memory. */
bool flow_ipc_add(struct flow_ipc *ipc, const struct ArrowArray *array, struct flow_buf *out);
/* Appends what ends a stream; the schema, too, when there was no array. */
bool flow_ipc_end(struct flow_ipc *ipc, struct flow_buf *out);

#endif
