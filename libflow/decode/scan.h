/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte scans of the JSON decoder, 16 bytes at a time where the machine has SSE2. All of them may
 * read up to FLOW_SCAN_PADDING bytes behind the end they are given; the reader's buffer has them.
 */
#ifndef FLOW_DECODE_SCAN_H
#define FLOW_DECODE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FLOW_SCAN_PADDING 64

/* Which of 64 bytes are what; bit i is byte i. */
struct flow_scan_block {
    uint64_t quotes; /* " */
    uint64_t backslashes;
    uint64_t opens;  /* { [ */
    uint64_t closes; /* } ] */
};

/* Eight bytes, the first one lowest. */
static inline uint64_t
flow_scan_word(const uint8_t *at)
{
    uint64_t word = 0;

    for (size_t i = 8; i > 0; i--) {
        word = word << 8 | at[i - 1];
    }
    return word;
}

/* The number of eight digits, the first one lowest; of each byte its low half counts. */
static inline uint64_t
flow_scan_number(uint64_t digits)
{
    digits = (digits & UINT64_C(0x0f0f0f0f0f0f0f0f)) * 2561 >> 8;
    digits = (digits & UINT64_C(0x00ff00ff00ff00ff)) * 6553601 >> 16;
    return (digits & UINT64_C(0x0000ffff0000ffff)) * UINT64_C(42949672960001) >> 32;
}

#if defined(__SSE2__)

#include <emmintrin.h>

static inline uint32_t
flow_scan_stop_bits(__m128i bytes)
{
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));

    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash)));
}

/* The first quote, backslash or control byte at or behind at; end when there is none before it. */
static inline const uint8_t *
flow_scan_string(const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        const uint32_t stops = flow_scan_stop_bits(_mm_loadu_si128((const __m128i *)at));

        if (stops != 0) {
            at += __builtin_ctz(stops);
            return at < end ? at : end;
        }
        at += 16;
    }
    return end;
}

/* The same; also the first byte that is not ASCII. */
static inline const uint8_t *
flow_scan_ascii_string(const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        const uint32_t stops = flow_scan_stop_bits(bytes) | (uint32_t)_mm_movemask_epi8(bytes);

        if (stops != 0) {
            at += __builtin_ctz(stops);
            return at < end ? at : end;
        }
        at += 16;
    }
    return end;
}

/* Whether the bytes begin with a text; both may be read for 16 bytes behind it. */
static inline bool
flow_scan_begins(const uint8_t *at, const uint8_t *text, size_t len)
{
    uint32_t same;

    for (; len > 16; at += 16, text += 16, len -= 16) {
        same = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)at),
                                                          _mm_loadu_si128((const __m128i *)text)));
        if (same != 0xffff) {
            return false;
        }
    }
    same = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)at),
                                                      _mm_loadu_si128((const __m128i *)text)));
    return (~same & ((1u << len) - 1)) == 0;
}

/* Whether len bytes, at most 32, are those of text, which has 32. */
static inline bool
flow_scan_equal(const uint8_t *at, const uint8_t *text, size_t len)
{
    const __m128i low = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)at),
                                       _mm_loadu_si128((const __m128i *)text));
    uint32_t same = (uint32_t)_mm_movemask_epi8(low);

    if (len > 16) {
        const __m128i high = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(at + 16)),
                                            _mm_loadu_si128((const __m128i *)(text + 16)));

        same |= (uint32_t)_mm_movemask_epi8(high) << 16;
    }
    return (~same & (uint32_t)(((uint64_t)1 << len) - 1)) == 0;
}

/* Passes over 64 bytes at a time while none of them is a control byte; *high is set when one of
 * them is not ASCII. */
static inline const uint8_t *
flow_scan_plain(const uint8_t *at, const uint8_t *end, bool *high)
{
    __m128i all = _mm_setzero_si128();

    for (; end - at >= 64; at += 64) {
        const __m128i a = _mm_loadu_si128((const __m128i *)at);
        const __m128i b = _mm_loadu_si128((const __m128i *)(at + 16));
        const __m128i c = _mm_loadu_si128((const __m128i *)(at + 32));
        const __m128i d = _mm_loadu_si128((const __m128i *)(at + 48));
        const __m128i least = _mm_min_epu8(_mm_min_epu8(a, b), _mm_min_epu8(c, d));

        if (_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(least, _mm_set1_epi8(0x1f)), least)) !=
            0) {
            break;
        }
        all = _mm_or_si128(all, _mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d)));
    }
    *high |= _mm_movemask_epi8(all) != 0;
    return at;
}

/* Whether all bytes are ASCII, and none of them a control byte. */
static inline bool
flow_scan_is_ascii(const uint8_t *at, size_t len)
{
    const uint8_t *end = at + len;
    bool high = false;

    at = flow_scan_plain(at, end, &high);
    while (at < end && *at >= 0x20 && *at < 0x80) {
        at++;
    }
    return at == end && !high;
}

/* The first newline at or behind at, or end; *odd is set when a byte before it is a control byte
 * other than tab and carriage return, or not ASCII. */
static inline const uint8_t *
flow_scan_line(const uint8_t *at, const uint8_t *end, bool *odd)
{
    bool above = false;
    uint32_t strange;

    at = flow_scan_plain(at, end, &above);
    strange = above ? 1 : 0;

    for (; at < end; at += 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)at);
        const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        uint32_t controls = (uint32_t)_mm_movemask_epi8(control);
        uint32_t high = (uint32_t)_mm_movemask_epi8(bytes);

        while (controls != 0) {
            const int bit = __builtin_ctz(controls);
            const uint8_t byte = at[bit];

            if (byte == '\n' || at + bit >= end) {
                strange |= high & ((1u << bit) - 1);
                *odd = strange != 0;
                return at + bit < end ? at + bit : end;
            }
            strange |= byte != '\t' && byte != '\r';
            controls &= controls - 1;
        }
        strange |= end - at >= 16 ? high : high & ((1u << (end - at)) - 1);
    }
    *odd = strange != 0;
    return end;
}

static inline uint64_t
flow_scan_bits(const __m128i block[4], char byte)
{
    const __m128i wanted = _mm_set1_epi8(byte);
    uint64_t bits = 0;

    for (int i = 0; i < 4; i++) {
        bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block[i], wanted)) << (16 * i);
    }
    return bits;
}

static inline void
flow_scan_block_of(const uint8_t *at, struct flow_scan_block *out)
{
    __m128i block[4];

    for (int i = 0; i < 4; i++) {
        block[i] = _mm_loadu_si128((const __m128i *)(at + 16 * i));
    }
    out->quotes = flow_scan_bits(block, '"');
    out->backslashes = flow_scan_bits(block, '\\');
    /* '[' and '{', ']' and '}' differ in one bit only */
    for (int i = 0; i < 4; i++) {
        block[i] = _mm_or_si128(block[i], _mm_set1_epi8(0x20));
    }
    out->opens = flow_scan_bits(block, '{');
    out->closes = flow_scan_bits(block, '}');
}

#else

static inline bool
flow_scan_equal(const uint8_t *at, const uint8_t *text, size_t len)
{
    return memcmp(at, text, len) == 0;
}

static inline const uint8_t *
flow_scan_string(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at != '"' && *at != '\\' && *at >= 0x20) {
        at++;
    }
    return at;
}

static inline const uint8_t *
flow_scan_ascii_string(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at != '"' && *at != '\\' && *at >= 0x20 && *at < 0x80) {
        at++;
    }
    return at;
}

static inline bool
flow_scan_begins(const uint8_t *at, const uint8_t *text, size_t len)
{
    return memcmp(at, text, len) == 0;
}

static inline bool
flow_scan_is_ascii(const uint8_t *at, size_t len)
{
    const uint8_t *end = at + len;

    while (at < end && *at >= 0x20 && *at < 0x80) {
        at++;
    }
    return at == end;
}

static inline const uint8_t *
flow_scan_line(const uint8_t *at, const uint8_t *end, bool *odd)
{
    bool strange = false;

    for (; at < end && *at != '\n'; at++) {
        strange |= *at >= 0x80 || (*at < 0x20 && *at != '\t' && *at != '\r');
    }
    *odd = strange;
    return at;
}

static inline void
flow_scan_block_of(const uint8_t *at, struct flow_scan_block *out)
{
    *out = (struct flow_scan_block){ 0, 0, 0, 0 };
    for (int i = 0; i < 64; i++) {
        out->quotes |= (uint64_t)(at[i] == '"') << i;
        out->backslashes |= (uint64_t)(at[i] == '\\') << i;
        out->opens |= (uint64_t)((at[i] | 0x20) == '{') << i;
        out->closes |= (uint64_t)((at[i] | 0x20) == '}') << i;
    }
}

#endif

#endif
