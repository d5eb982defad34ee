/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and CIDR prefixes as values. */
#ifndef LIBFLOW_ADDRESS_H
#define LIBFLOW_ADDRESS_H

#include "libflow/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An IPv4 or IPv6 address, or none. */
struct flow_address {
    uint8_t bytes[16]; /**< network order; IPv4 uses the first four, the rest is zero */
    uint8_t family;    /**< 4, 6, or 0 for "absent" */
};

/** A prefix; host bits of the address are zero. */
struct flow_cidr {
    struct flow_address address;
    uint8_t length; /**< bits, 0 to 32 or 128 */
};

/** Room for any address or prefix as text, with the NUL. */
#define FLOW_ADDRESS_TEXT_MAX 52

/**
 * Parse "192.0.2.7" or "2001:db8::7". No zone, no leading zeros in IPv4 parts.
 *
 * @param[out] out   filled on FLOW_OK, untouched otherwise
 * @param[in]  text  borrowed for the call
 * @param[out] err   may be NULL; column of the text
 * @return FLOW_OK or FLOW_E_PARSE
 */
FLOW_API int flow_address_parse(struct flow_address *out, struct flow_str text,
                                struct flow_error *err);

/** The address as text; "" for an absent one. Returns text. */
FLOW_API const char *flow_address_format(const struct flow_address *address,
                                         char text[FLOW_ADDRESS_TEXT_MAX]);

/** Same family and bytes. */
FLOW_API bool flow_address_equal(const struct flow_address *a, const struct flow_address *b);

/**
 * Parse "192.0.2.0/24", or a bare address as its /32 or /128. Host bits are cleared, as Cilium and
 * Kubernetes do when they match.
 */
FLOW_API int flow_cidr_parse(struct flow_cidr *out, struct flow_str text, struct flow_error *err);

/** The prefix as text, "192.0.2.0/24". Returns text. */
FLOW_API const char *flow_cidr_format(const struct flow_cidr *cidr,
                                      char text[FLOW_ADDRESS_TEXT_MAX]);

/** Whether the prefix holds the address; false across families and for an absent address. */
FLOW_API bool flow_cidr_holds(const struct flow_cidr *cidr, const struct flow_address *address);

#ifdef __cplusplus
}
#endif

#endif
