/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef FLOW_BASE_UTF8_H
#define FLOW_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that starts here, 1 to 4; 0 when it is not valid or is cut off. */
size_t flow_utf8_length(const uint8_t *bytes, size_t len);

/* The number of bytes before the first invalid one; len when all are valid. */
size_t flow_utf8_valid_prefix(const uint8_t *bytes, size_t len);

/* Writes a code point as 1 to 4 bytes and returns how many; surrogates become U+FFFD. */
size_t flow_utf8_encode(uint32_t code_point, uint8_t out[4]);

/* Drops a character cut off at the end of a NUL-ended text. */
void flow_utf8_trim_end(char *text);

#endif
