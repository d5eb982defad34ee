/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the end of an object or list by its brackets and quotes, 64 bytes at a time. */
#include "decode/json.h"

/* Bit i of the result is the parity of bits 0 to i: set from an opening quote to its closing one.
 */
static inline uint64_t
parity_so_far(uint64_t bits)
{
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^= bits << 32;
    return bits;
}

/* Drops the quotes that a backslash escapes; *escaped carries over the edge of a block. */
static uint64_t
unescaped_quotes(const struct flow_scan_block *block, bool *escaped)
{
    uint64_t quotes = block->quotes;

    for (int i = 0; i < 64; i++) {
        if (*escaped) {
            quotes &= ~((uint64_t)1 << i);
            *escaped = false;
        } else {
            *escaped = block->backslashes >> i & 1;
        }
    }
    return quotes;
}

bool
flow_json_raw(struct flow_json *json, struct flow_str *raw)
{
    const uint8_t *start;
    uint64_t in_string = 0;
    size_t depth = 0;
    bool escaped = false;

    flow_json_space(json);
    start = json->at;
    for (const uint8_t *at = start; at < json->end; at += 64) {
        struct flow_scan_block block;
        uint64_t inside, brackets;

        flow_scan_block_of(at, &block);
        if (block.backslashes != 0 || escaped) {
            block.quotes = unescaped_quotes(&block, &escaped);
        }
        inside = parity_so_far(block.quotes) ^ in_string;
        in_string = (uint64_t)0 - (inside >> 63);
        for (brackets = (block.opens | block.closes) & ~inside; brackets != 0;
             brackets &= brackets - 1) {
            const int bit = __builtin_ctzll(brackets);

            depth += block.opens >> bit & 1 ? 1 : -(size_t)1;
            if (depth == 0 && at + bit < json->end) {
                json->at = at + bit + 1;
                *raw = (struct flow_str){ (const char *)start, (size_t)(json->at - start) };
                return true;
            }
        }
    }
    json->at = json->end;
    return flow_json_fail(json, "the closing bracket");
}
