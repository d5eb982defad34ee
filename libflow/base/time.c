/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339 both ways, over the proleptic Gregorian calendar; no time zone database. */
#include "libflow/time.h"

#include <stdio.h>

#include "base/error.h"

static const int64_t SECOND = 1000000000;
static const int64_t FIRST_YEAR = 1678;
static const int64_t LAST_YEAR = 2261;

/* Days since 1970-01-01. Counts years from March, so that the leap day is the last of a year. */
static int64_t
days_from_date(int64_t year, int64_t month, int64_t day)
{
    const int64_t y = month <= 2 ? year - 1 : year;
    const int64_t era = y / 400;
    const int64_t year_of_era = y - era * 400;
    const int64_t month_from_march = (month + 9) % 12;
    const int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void
date_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    const int64_t shifted = days + 719468;
    const int64_t era = shifted / 146097;
    const int64_t day_of_era = shifted - era * 146097;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t month_from_march = (5 * day_of_year + 2) / 153;

    *day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

/* Exactly count digits at text[*pos]; false, with *pos on the bad byte, unless they are there. */
static bool
take_digits(struct flow_str text, size_t *pos, int count, int64_t *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, (*pos)++) {
        if (*pos >= text.len || text.ptr[*pos] < '0' || text.ptr[*pos] > '9') {
            return false;
        }
        *value = *value * 10 + (text.ptr[*pos] - '0');
    }
    return true;
}

/* Two digits of a number from low to high; false, with *pos on the bad byte or, when the number is
 * out of range, on its first digit. */
static bool
take_two(struct flow_str text, size_t *pos, int64_t low, int64_t high, int64_t *value)
{
    const size_t start = *pos;

    if (!take_digits(text, pos, 2, value)) {
        return false;
    }
    if (*value < low || *value > high) {
        *pos = start;
        return false;
    }
    return true;
}

static bool
take_char(struct flow_str text, size_t *pos, char upper)
{
    if (*pos >= text.len || (text.ptr[*pos] != upper && text.ptr[*pos] != (upper | 0x20))) {
        return false;
    }
    (*pos)++;
    return true;
}

static bool
take_fraction(struct flow_str text, size_t *pos, int64_t *nanoseconds)
{
    const size_t start = *pos + 1;
    int64_t scale = SECOND / 10;

    *nanoseconds = 0;
    if (*pos >= text.len || text.ptr[*pos] != '.') {
        return true;
    }
    for ((*pos)++; *pos < text.len && text.ptr[*pos] >= '0' && text.ptr[*pos] <= '9'; (*pos)++) {
        *nanoseconds += (text.ptr[*pos] - '0') * scale;
        scale /= 10;
    }
    return *pos > start;
}

/* "Z" or "+hh:mm"; seconds east of UTC. */
static bool
take_offset(struct flow_str text, size_t *pos, int64_t *seconds)
{
    int64_t hours, minutes;
    bool west;

    *seconds = 0;
    if (take_char(text, pos, 'Z')) {
        return true;
    }
    if (*pos >= text.len || (text.ptr[*pos] != '+' && text.ptr[*pos] != '-')) {
        return false;
    }
    west = text.ptr[(*pos)++] == '-';
    if (!take_two(text, pos, 0, 23, &hours) || !take_char(text, pos, ':') ||
        !take_two(text, pos, 0, 59, &minutes)) {
        return false;
    }
    *seconds = (hours * 60 + minutes) * (west ? -60 : 60);
    return true;
}

static int64_t
days_of_month(int64_t year, int64_t month)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

static bool
take_date(struct flow_str text, size_t *pos, int64_t *days)
{
    int64_t year, month, day;

    if (!take_digits(text, pos, 4, &year)) {
        return false;
    }
    if (year < FIRST_YEAR || year > LAST_YEAR) {
        *pos = 0;
        return false;
    }
    if (!take_char(text, pos, '-') || !take_two(text, pos, 1, 12, &month) ||
        !take_char(text, pos, '-') || !take_two(text, pos, 1, days_of_month(year, month), &day)) {
        return false;
    }
    *days = days_from_date(year, month, day);
    return true;
}

static bool
take_clock(struct flow_str text, size_t *pos, int64_t *seconds)
{
    int64_t hour, minute, second;

    if (!take_two(text, pos, 0, 23, &hour) || !take_char(text, pos, ':') ||
        !take_two(text, pos, 0, 59, &minute) || !take_char(text, pos, ':') ||
        !take_two(text, pos, 0, 60, &second)) {
        return false;
    }
    *seconds = (hour * 60 + minute) * 60 + second;
    return true;
}

int
flow_time_parse(int64_t *out, struct flow_str text, struct flow_error *err)
{
    int64_t days, seconds, nanoseconds, offset;
    size_t pos = 0;
    char quoted[80];

    if (!take_date(text, &pos, &days) || !take_char(text, &pos, 'T') ||
        !take_clock(text, &pos, &seconds) || !take_fraction(text, &pos, &nanoseconds) ||
        !take_offset(text, &pos, &offset) || pos != text.len) {
        return flow_fail_at(err, FLOW_E_PARSE, pos, "expected an RFC 3339 time, found %s",
                            flow_quote(text, quoted, sizeof(quoted)));
    }
    *out = (days * 86400 + seconds - offset) * SECOND + nanoseconds;
    return FLOW_OK;
}

const char *
flow_time_format(int64_t time, char text[FLOW_TIME_TEXT_MAX])
{
    const int64_t nanoseconds = ((time % SECOND) + SECOND) % SECOND;
    const int64_t seconds = time / SECOND - (time % SECOND < 0);
    const int64_t second_of_day = ((seconds % 86400) + 86400) % 86400;
    int64_t year;
    int month, day, used;

    text[0] = '\0';
    if (time == FLOW_TIME_NONE) {
        return text;
    }
    date_from_days((seconds - second_of_day) / 86400, &year, &month, &day);
    used = snprintf(text, FLOW_TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", (int)year, month,
                    day, (int)(second_of_day / 3600), (int)(second_of_day / 60 % 60),
                    (int)(second_of_day % 60));
    if (nanoseconds == 0) {
        snprintf(text + used, FLOW_TIME_TEXT_MAX - (size_t)used, "Z");
    } else if (nanoseconds % 1000000 == 0) {
        snprintf(text + used, FLOW_TIME_TEXT_MAX - (size_t)used, ".%03dZ",
                 (int)(nanoseconds / 1000000));
    } else if (nanoseconds % 1000 == 0) {
        snprintf(text + used, FLOW_TIME_TEXT_MAX - (size_t)used, ".%06dZ",
                 (int)(nanoseconds / 1000));
    } else {
        snprintf(text + used, FLOW_TIME_TEXT_MAX - (size_t)used, ".%09dZ", (int)nanoseconds);
    }
    return text;
}
