/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions as Go and Envoy have them (RE2), by way of PCRE2. What RE2 does not have
 * (looking around, references back, possessive repeats) does not compile here either.
 */
#ifndef FLOW_BASE_REGEX_H
#define FLOW_BASE_REGEX_H

#include "libflow/base.h"

struct flow_regex;

enum flow_regex_answer { FLOW_REGEX_NO = 0, FLOW_REGEX_YES = 1, FLOW_REGEX_UNKNOWN = -1 };

/*
 * Owned; end with flow_regex_free. FLOW_E_PARSE with the offset and column in the pattern and a
 * reason; FLOW_E_MEMORY. At most FLOW_REGEX_BYTES_MAX bytes.
 */
int flow_regex_new(struct flow_regex **out, struct flow_str pattern, struct flow_error *err);
void flow_regex_free(struct flow_regex *regex);

/* Whether all of the text matches; unknown when that takes more steps than are worth it. */
enum flow_regex_answer flow_regex_match(const struct flow_regex *regex, struct flow_str text);

/* How many bytes at the start of the text match; -1 for none, or when that is not known. */
long flow_regex_match_start(const struct flow_regex *regex, struct flow_str text);

#endif
