/* SPDX-License-Identifier: Apache-2.0 */
/* What registry.c chooses from; everyone else calls flow_source_open. */
#ifndef FLOW_SOURCE_OPENERS_H
#define FLOW_SOURCE_OPENERS_H

#include "source/source.h"

/* Any path that open(2) takes; FIFOs and /dev/fd/N too. */
int flow_source_open_file(struct flow_source **out, const char *path, struct flow_error *err);

/* Descriptor 0, which stays open when the source is closed. uri is not looked at. */
int flow_source_open_stdin(struct flow_source **out, const char *uri, struct flow_error *err);

#endif
