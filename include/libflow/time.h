/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time, as nanoseconds since 1970-01-01T00:00:00Z. Leap seconds are not counted. */
#ifndef LIBFLOW_TIME_H
#define LIBFLOW_TIME_H

#include "libflow/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** "No time is known"; earlier than any time that can be written. */
#define FLOW_TIME_NONE INT64_MIN

/** Room for any time as text, with the NUL. */
#define FLOW_TIME_TEXT_MAX 40

/**
 * Parse RFC 3339: "2026-09-01T10:00:00.123Z", any offset, up to nine fractional digits (further
 * ones are dropped). Years 1678 to 2261, which is what 64 bits of nanoseconds hold. Second 60 is
 * read as the next second.
 *
 * @return FLOW_OK or FLOW_E_PARSE with the column of the first bad byte
 */
FLOW_API int flow_time_parse(int64_t *out, struct flow_str text, struct flow_error *err);

/** "2026-09-01T10:00:00.123Z": UTC, fraction of 0, 3, 6 or 9 digits; "" for FLOW_TIME_NONE. */
FLOW_API const char *flow_time_format(int64_t time, char text[FLOW_TIME_TEXT_MAX]);

#ifdef __cplusplus
}
#endif

#endif
