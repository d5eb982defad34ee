/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and writes UTF-8; the hot path asks only for lines that are not plain ASCII. */
#include "base/utf8.h"

#include <string.h>

static int
continues(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

static size_t
length_3(const uint8_t *b)
{
    if (!continues(b[1]) || !continues(b[2])) {
        return 0;
    }
    if (b[0] == 0xe0 && b[1] < 0xa0) {
        return 0;
    }
    return b[0] == 0xed && b[1] > 0x9f ? 0 : 3;
}

static size_t
length_4(const uint8_t *b)
{
    if (!continues(b[1]) || !continues(b[2]) || !continues(b[3])) {
        return 0;
    }
    if (b[0] == 0xf0 && b[1] < 0x90) {
        return 0;
    }
    return b[0] == 0xf4 && b[1] > 0x8f ? 0 : 4;
}

size_t
flow_utf8_length(const uint8_t *bytes, size_t len)
{
    if (len == 0) {
        return 0;
    }
    if (bytes[0] < 0x80) {
        return 1;
    }
    if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf) {
        return len >= 2 && continues(bytes[1]) ? 2 : 0;
    }
    if (bytes[0] >= 0xe0 && bytes[0] <= 0xef) {
        return len >= 3 ? length_3(bytes) : 0;
    }
    if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4) {
        return len >= 4 ? length_4(bytes) : 0;
    }
    return 0;
}

size_t
flow_utf8_valid_prefix(const uint8_t *bytes, size_t len)
{
    size_t pos = 0;

    while (pos < len) {
        uint64_t word;
        size_t step;

        /* ASCII eight at a time */
        if (len - pos >= sizeof(word)) {
            memcpy(&word, bytes + pos, sizeof(word));
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                pos += sizeof(word);
                continue;
            }
        }
        step = flow_utf8_length(bytes + pos, len - pos);

        if (step == 0) {
            break;
        }
        pos += step;
    }
    return pos;
}

size_t
flow_utf8_encode(uint32_t code_point, uint8_t out[4])
{
    if (code_point < 0x80) {
        out[0] = (uint8_t)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (uint8_t)(0xc0 | (code_point >> 6));
        out[1] = (uint8_t)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if ((code_point >= 0xd800 && code_point <= 0xdfff) || code_point > 0x10ffff) {
        code_point = 0xfffd;
    }
    if (code_point < 0x10000) {
        out[0] = (uint8_t)(0xe0 | (code_point >> 12));
        out[1] = (uint8_t)(0x80 | ((code_point >> 6) & 0x3f));
        out[2] = (uint8_t)(0x80 | (code_point & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | (code_point >> 18));
    out[1] = (uint8_t)(0x80 | ((code_point >> 12) & 0x3f));
    out[2] = (uint8_t)(0x80 | ((code_point >> 6) & 0x3f));
    out[3] = (uint8_t)(0x80 | (code_point & 0x3f));
    return 4;
}

void
flow_utf8_trim_end(char *text)
{
    size_t len = strlen(text);
    size_t back = 0;

    while (back < 3 && back < len && continues((uint8_t)text[len - 1 - back])) {
        back++;
    }
    if (back < len && ((uint8_t)text[len - 1 - back] & 0x80) != 0 &&
        flow_utf8_length((const uint8_t *)text + len - 1 - back, back + 1) == 0) {
        text[len - 1 - back] = '\0';
    }
}
