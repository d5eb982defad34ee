/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of batches whose reader is another thread's. */
#ifndef FLOW_ARROW_FLOWS_H
#define FLOW_ARROW_FLOWS_H

#include "libflow/arrow.h"

/* As flow_arrow_builder_add; input is the name of the one input of the batch, or NULL. */
int flow_arrow_builder_add_named(struct flow_arrow_builder *builder, const struct flow_batch *batch,
                                 const struct flow_dict *dict, const char *input,
                                 struct flow_error *err);

#endif
