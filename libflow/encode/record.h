/* SPDX-License-Identifier: Apache-2.0 */
/* A record as a message of Hubble's, for records that were not read from one. */
#ifndef FLOW_ENCODE_RECORD_H
#define FLOW_ENCODE_RECORD_H

#include "base/buf.h"
#include "libflow/record.h"

/* Adds an ExportEvent with all that the record knows and the message has a place for. */
void flow_record_to_proto(const struct flow_record *record, struct flow_buf *out);

#endif
