/* SPDX-License-Identifier: Apache-2.0 */
/* Values that members of several objects have: times, enums, small numbers, lists of texts. */
#include <stdlib.h>
#include <string.h>

#include "decode/hubble_json.h"
#include "libflow/time.h"

bool
flow_hubble_json_texts(struct flow_hubble_json *decoder, struct flow_json *json, size_t *count)
{
    bool first = true;
    int rc;

    *count = 0;
    if (!flow_json_list(json)) {
        return false;
    }
    while ((rc = flow_json_item(json, &first)) == FLOW_OK) {
        if (*count == decoder->text_room) {
            const size_t room = decoder->text_room == 0 ? 64 : decoder->text_room * 2;
            struct flow_str *grown = realloc(decoder->texts, room * sizeof(*grown));

            if (grown == NULL) {
                return flow_json_no_memory(json);
            }
            decoder->texts = grown;
            decoder->text_room = room;
        }
        if (!flow_json_string(json, &decoder->texts[*count])) {
            return false;
        }
        (*count)++;
    }
    return rc == FLOW_END;
}

/* Two digits; above 99 when they are none. */
static inline unsigned
two_digits(const char *at)
{
    const unsigned tens = (unsigned)(unsigned char)at[0] - '0';
    const unsigned ones = (unsigned)(unsigned char)at[1] - '0';

    return tens > 9 || ones > 9 ? 1000 : tens * 10 + ones;
}

/* Eight digits at once; false unless they are eight. */
static inline bool
eight_digits(const char *at, uint64_t *value)
{
    const uint64_t digits = flow_scan_word((const uint8_t *)at);

    if (((digits & UINT64_C(0xf0f0f0f0f0f0f0f0)) |
         ((digits + UINT64_C(0x0606060606060606)) & UINT64_C(0xf0f0f0f0f0f0f0f0)) >> 4) !=
        UINT64_C(0x3333333333333333)) {
        return false;
    }
    *value = flow_scan_number(digits);
    return true;
}

/* ".fffffffffZ", or less of it, behind a whole second; false for any other form. */
static bool
part_of_second(const char *at, size_t len, int64_t *nanoseconds)
{
    int64_t scale = 100000000;
    uint64_t most;
    size_t pos = 0;

    if (len == 11 && at[0] == '.' && at[10] == 'Z' && at[9] >= '0' && at[9] <= '9' &&
        eight_digits(at + 1, &most)) {
        *nanoseconds = (int64_t)most * 10 + (at[9] - '0');
        return true;
    }
    *nanoseconds = 0;
    if (len > 0 && at[0] == '.') {
        for (pos = 1; pos < len && at[pos] >= '0' && at[pos] <= '9'; pos++) {
            *nanoseconds += (at[pos] - '0') * scale;
            scale /= 10;
        }
    }
    return pos != 1 && pos + 1 == len && at[pos] == 'Z';
}

/* "hh:mm:ss" of a day whose start is known; false for any other form. */
static bool
second_of_day(const char *at, int64_t day, int64_t *time)
{
    const unsigned hour = two_digits(at);
    const unsigned minute = two_digits(at + 3);
    const unsigned second = two_digits(at + 6);

    if (hour > 23 || minute > 59 || second > 59 || at[2] != ':' || at[5] != ':') {
        return false;
    }
    *time = day + ((int64_t)hour * 3600 + minute * 60 + second) * 1000000000;
    return true;
}

/* A time of the day, or of the second, of the one before. */
static bool
time_near_last(struct flow_hubble_json *decoder, struct flow_str text, int64_t *time)
{
    int64_t nanoseconds;

    if (text.len < 20) {
        return false;
    }
    if (memcmp(text.ptr, decoder->second, sizeof(decoder->second)) != 0) {
        if (memcmp(text.ptr, decoder->date, sizeof(decoder->date)) != 0 || text.ptr[10] != 'T' ||
            !second_of_day(text.ptr + 11, decoder->date_start, &decoder->second_start)) {
            return false;
        }
        memcpy(decoder->second, text.ptr, sizeof(decoder->second));
    }
    if (!part_of_second(text.ptr + 19, text.len - 19, &nanoseconds)) {
        return false;
    }
    *time = decoder->second_start + nanoseconds;
    return true;
}

/* A Timestamp as its two members, as marshallers write it that do not know the type. */
static bool
take_parts(struct flow_json *json, int64_t *time)
{
    int64_t seconds = 0, nanoseconds = 0;
    struct flow_str key;
    bool first = true;
    int rc;

    if (!flow_json_object(json)) {
        return false;
    }
    while ((rc = flow_json_key(json, &first, &key)) == FLOW_OK) {
        if (flow_str_is(key, "seconds") ? !flow_json_i64(json, &seconds)
            : flow_str_is(key, "nanos") ? !flow_json_i64(json, &nanoseconds)
                                        : !flow_json_skip(json)) {
            return false;
        }
    }
    if (seconds < -9000000000 || seconds > 9000000000 || nanoseconds < 0 ||
        nanoseconds > 999999999) {
        return flow_json_fail(json, "a time from 1684 to 2255");
    }
    *time = seconds * 1000000000 + nanoseconds;
    return rc == FLOW_END;
}

bool
flow_hubble_json_time_text(struct flow_hubble_json *decoder, struct flow_str text, int64_t *time)
{
    const int64_t day = 86400 * (int64_t)1000000000;
    int64_t value;

    /* an exporter writes a flow's time once more beside the flow */
    if (text.len > 0 && text.len == decoder->time_len &&
        memcmp(text.ptr, decoder->time_text, text.len) == 0) {
        *time = decoder->time;
        return true;
    }
    decoder->time_len = 0;
    if (time_near_last(decoder, text, time)) {
        if (text.len <= sizeof(decoder->time_text)) {
            memcpy(decoder->time_text, text.ptr, text.len);
            decoder->time_len = (uint8_t)text.len;
            decoder->time = *time;
        }
        return true;
    }
    if (flow_time_parse(&value, text, NULL) != FLOW_OK) {
        return false;
    }
    if (text.ptr[text.len - 1] == 'Z') {
        memcpy(decoder->date, text.ptr, sizeof(decoder->date));
        decoder->date_start = value - ((value % day) + day) % day;
        /* what begins so may be of a leap second or of another form */
        decoder->second[0] = '\0';
    }
    *time = value;
    return true;
}

bool
flow_hubble_json_time(struct flow_hubble_json *decoder, struct flow_json *json, int64_t *time)
{
    const uint8_t *start = json->at;
    struct flow_str text;

    if (flow_json_peek(json) == '{') {
        return take_parts(json, time);
    }
    if (!flow_json_string(json, &text)) {
        return false;
    }
    if (!flow_hubble_json_time_text(decoder, text, time)) {
        json->at = start;
        flow_json_space(json);
        return flow_json_fail(json, "an RFC 3339 time");
    }
    return true;
}

bool
flow_hubble_json_enum(struct flow_json *json,
                      bool (*number_of)(struct flow_str name, uint32_t *number), uint32_t *value)
{
    struct flow_str name;
    int64_t number;

    if (flow_json_peek(json) != '"') {
        if (!flow_json_i64(json, &number)) {
            json->expected = "a name or a number";
            return false;
        }
        *value = number >= 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
        return true;
    }
    if (!flow_json_string(json, &name)) {
        return false;
    }
    if (!number_of(name, value)) {
        *value = 0;
    }
    return true;
}

bool
flow_hubble_json_u8_enum(struct flow_json *json, bool (*number_of)(struct flow_str, uint32_t *),
                         uint8_t *out)
{
    uint32_t value;

    if (!flow_hubble_json_enum(json, number_of, &value)) {
        return false;
    }
    *out = value <= UINT8_MAX ? (uint8_t)value : 0;
    return true;
}

bool
flow_hubble_json_u16_enum(struct flow_json *json, bool (*number_of)(struct flow_str, uint32_t *),
                          uint16_t *out)
{
    uint32_t value;

    if (!flow_hubble_json_enum(json, number_of, &value)) {
        return false;
    }
    *out = value <= UINT16_MAX ? (uint16_t)value : 0;
    return true;
}

bool
flow_hubble_json_u16(struct flow_json *json, uint16_t *out)
{
    uint64_t value;

    if (!flow_json_uint(json, UINT16_MAX, &value)) {
        return false;
    }
    *out = (uint16_t)value;
    return true;
}

bool
flow_hubble_json_u8(struct flow_json *json, uint8_t *out)
{
    uint64_t value;

    if (!flow_json_uint(json, UINT8_MAX, &value)) {
        return false;
    }
    *out = (uint8_t)value;
    return true;
}
