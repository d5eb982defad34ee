/* SPDX-License-Identifier: Apache-2.0 */
/* What a capture begins with: the magic numbers of pcap, in either byte order, and of pcapng. */
#include <string.h>

#include "frame/pcap.h"

bool
flow_pcap_detect(const uint8_t *head, size_t len)
{
    static const uint8_t magics[][4] = {
        { 0xd4, 0xc3, 0xb2, 0xa1 }, { 0xa1, 0xb2, 0xc3, 0xd4 }, /* microseconds */
        { 0x4d, 0x3c, 0xb2, 0xa1 }, { 0xa1, 0xb2, 0x3c, 0x4d }, /* nanoseconds */
        { 0x34, 0xcd, 0xb2, 0xa1 }, { 0xa1, 0xb2, 0xcd, 0x34 }, /* longer record headers */
        { 0x0a, 0x0d, 0x0d, 0x0a },                             /* pcapng */
    };

    for (size_t i = 0; len >= 4 && i < sizeof(magics) / sizeof(magics[0]); i++) {
        if (memcmp(head, magics[i], 4) == 0) {
            return true;
        }
    }
    return false;
}
