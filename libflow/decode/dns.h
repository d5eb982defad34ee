/* SPDX-License-Identifier: Apache-2.0 */
/* DNS messages (RFC 1035) as a record's L7 part. */
#ifndef FLOW_DECODE_DNS_H
#define FLOW_DECODE_DNS_H

#include "base/arena.h"
#include "libflow/record.h"

/*
 * Reads a message; everything it says goes into the arena. FLOW_OK; FLOW_END when the bytes are no
 * DNS message or end in the middle of its question; FLOW_E_MEMORY. Answers behind a cut are left
 * out.
 */
int flow_dns_parse(const uint8_t *bytes, size_t len, struct flow_arena *arena, struct flow_l7 *l7);

#endif
