/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of one array that is there already. */
#ifndef FLOW_ARROW_ONCE_H
#define FLOW_ARROW_ONCE_H

#include "libflow/arrow.h"

/* Moved: the array is released with the stream, or when this fails. */
int flow_stream_once(struct ArrowArrayStream *out, uint8_t table, struct ArrowArray *array,
                     struct flow_error *err);

#endif
