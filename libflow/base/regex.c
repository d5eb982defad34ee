/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCRE2 goes back where RE2 does not, so each match has a number of steps; where they do not do,
 * the slower matcher that never goes back is asked, and has bounded memory.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"

enum { MATCH_STEPS_MAX = 20000, WORK_INTS = 4096, REPEATS_MAX = 1000 };

struct flow_regex {
    pcre2_code *code;
    pcre2_match_context *context;
};

/* Whether the '}' at this place ends a repeat such as {2,3}. */
static bool
ends_repeat(struct flow_str pattern, size_t at)
{
    size_t i = at;

    while (i > 0 && ((pattern.ptr[i - 1] >= '0' && pattern.ptr[i - 1] <= '9') ||
                     pattern.ptr[i - 1] == ',')) {
        i--;
    }
    return i < at && i > 0 && pattern.ptr[i - 1] == '{';
}

/* Whether a repeat such as {2,3} that begins at this place is of more than RE2 takes. */
static bool
repeats_too_often(struct flow_str pattern, size_t at)
{
    unsigned number = 0;
    bool too_many = false;
    size_t i = at + 1;

    for (; i < pattern.len && ((pattern.ptr[i] >= '0' && pattern.ptr[i] <= '9') ||
                               (pattern.ptr[i] == ',' && i > at + 1));
         i++) {
        number = pattern.ptr[i] == ',' ? 0 : number * 10 + (unsigned)(pattern.ptr[i] - '0');
        number = number > REPEATS_MAX ? REPEATS_MAX + 1 : number;
        too_many |= number > REPEATS_MAX;
    }
    return too_many && i < pattern.len && pattern.ptr[i] == '}';
}

/* The offset of what RE2 does not have, or SIZE_MAX. */
static size_t
find_foreign(struct flow_str pattern)
{
    bool in_class = false;

    for (size_t i = 0; i < pattern.len; i++) {
        const char c = pattern.ptr[i];
        const char next = i + 1 < pattern.len ? pattern.ptr[i + 1] : '\0';

        if (c == '\\') {
            if (!in_class &&
                ((next >= '1' && next <= '9') || strchr("kgRXKGhHVNZe", next) != NULL) &&
                next != '\0') {
                return i;
            }
            i++;
        } else if (in_class) {
            in_class = c != ']' || pattern.ptr[i - 1] == '[' ||
                       (pattern.ptr[i - 1] == '^' && pattern.ptr[i - 2] == '[');
        } else if (c == '[') {
            in_class = true;
        } else if ((c == '(' && next == '*') || (c == '{' && repeats_too_often(pattern, i))) {
            return i;
        } else if (c == '(' && next == '?') {
            const struct flow_str rest = { pattern.ptr + i + 2, pattern.len - i - 2 };

            if (rest.len > 0 && strchr("=!>|(R&+#C0123456789'", rest.ptr[0]) != NULL) {
                return i;
            }
            if (rest.len > 1 && ((rest.ptr[0] == '<' && strchr("=!", rest.ptr[1]) != NULL) ||
                                 (rest.ptr[0] == 'P' && strchr("=>", rest.ptr[1]) != NULL))) {
                return i;
            }
        } else if (next == '+' &&
                   (c == '*' || c == '+' || c == '?' || (c == '}' && ends_repeat(pattern, i)))) {
            return i + 1;
        }
    }
    return SIZE_MAX;
}

static int
fail_at(struct flow_error *err, size_t offset, const char *reason)
{
    flow_fail_at(err, FLOW_E_PARSE, offset, "expected a regular expression, found one where %s",
                 reason);
    if (err != NULL) {
        err->offset = offset;
    }
    return FLOW_E_PARSE;
}

int
flow_regex_new(struct flow_regex **out, struct flow_str pattern, struct flow_error *err)
{
    struct flow_regex *regex;
    PCRE2_UCHAR reason[128];
    PCRE2_SIZE offset = 0;
    int code = 0;

    if (pattern.len > FLOW_REGEX_BYTES_MAX) {
        return fail_at(err, FLOW_REGEX_BYTES_MAX, "it is too long");
    }
    offset = find_foreign(pattern);
    if (offset != SIZE_MAX) {
        return fail_at(err, offset, "RE2 has no such thing");
    }
    regex = calloc(1, sizeof(*regex));
    if (regex == NULL || (regex->context = pcre2_match_context_create(NULL)) == NULL) {
        free(regex);
        return flow_fail_memory(err);
    }
    pcre2_set_match_limit(regex->context, MATCH_STEPS_MAX);
    pcre2_set_depth_limit(regex->context, MATCH_STEPS_MAX);
    regex->code =
        pcre2_compile((PCRE2_SPTR)(pattern.ptr != NULL ? pattern.ptr : ""), pattern.len,
                      PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY, &code, &offset, NULL);
    if (regex->code == NULL) {
        flow_regex_free(regex);
        if (code == PCRE2_ERROR_NOMEMORY) {
            return flow_fail_memory(err);
        }
        pcre2_get_error_message(code, reason, sizeof(reason));
        return fail_at(err, offset, (const char *)reason);
    }
    *out = regex;
    return FLOW_OK;
}

void
flow_regex_free(struct flow_regex *regex)
{
    if (regex != NULL) {
        pcre2_code_free(regex->code);
        pcre2_match_context_free(regex->context);
        free(regex);
    }
}

/* Bytes that match at the start, -1 for no match, -2 when it is not known. */
static long
run(const struct flow_regex *regex, struct flow_str text, uint32_t options)
{
    const PCRE2_SPTR subject = (PCRE2_SPTR)(text.ptr != NULL ? text.ptr : "");
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int work[WORK_INTS];
    long matched = -2;
    int rc;

    if (data == NULL) {
        return -2;
    }
    rc = pcre2_match(regex->code, subject, text.len, 0, options, data, regex->context);
    if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
        rc == PCRE2_ERROR_HEAPLIMIT) {
        rc = pcre2_dfa_match(regex->code, subject, text.len, 0, options, data, regex->context, work,
                             WORK_INTS);
    }
    if (rc >= 0) {
        matched = (long)pcre2_get_ovector_pointer(data)[1];
    } else if (rc == PCRE2_ERROR_NOMATCH) {
        matched = -1;
    }
    pcre2_match_data_free(data);
    return matched;
}

enum flow_regex_answer
flow_regex_match(const struct flow_regex *regex, struct flow_str text)
{
    const long matched = run(regex, text, PCRE2_ANCHORED | PCRE2_ENDANCHORED);

    return matched >= 0 ? FLOW_REGEX_YES : matched == -1 ? FLOW_REGEX_NO : FLOW_REGEX_UNKNOWN;
}

long
flow_regex_match_start(const struct flow_regex *regex, struct flow_str text)
{
    const long matched = run(regex, text, PCRE2_ANCHORED);

    return matched >= 0 ? matched : -1;
}
