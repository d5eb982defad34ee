/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cilium's name patterns: a run of stars stands for part of one label, a pattern of stars alone for
 * any name, and two stars before the first dot for one or more whole labels (since 1.19).
 */
#include "base/str.h"
#include "policy/match.h"

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool
is_label_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static struct flow_str
without_dot(struct flow_str name)
{
    if (name.len > 0 && name.ptr[name.len - 1] == '.') {
        name.len--;
    }
    return name;
}

/* Stars match bytes of a label, never a dot. Goes back to the last star only, which is enough. */
static bool
match_plain(struct flow_str pattern, struct flow_str name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, resume = 0;

    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = n;
        } else if (p < pattern.len && lower(pattern.ptr[p]) == lower(name.ptr[n])) {
            p++;
            n++;
        } else if (star != SIZE_MAX && is_label_byte(lower(name.ptr[resume]))) {
            p = star + 1;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

bool
flow_fqdn_match(struct flow_str pattern, bool deep, struct flow_str name)
{
    size_t stars = 0;

    pattern = without_dot(pattern);
    name = without_dot(name);
    while (stars < pattern.len && pattern.ptr[stars] == '*') {
        stars++;
    }
    if (pattern.len == 0 || name.len == 0) {
        return false;
    }
    if (stars == pattern.len) {
        return true;
    }
    if (!deep || stars < 2 || pattern.ptr[stars] != '.') {
        return match_plain(pattern, name);
    }
    /* one or more labels in front: try the rest behind every dot */
    pattern = flow_str_from(pattern, stars + 1);
    for (size_t i = 1; i < name.len; i++) {
        if (name.ptr[i] == '.' && match_plain(pattern, flow_str_from(name, i + 1))) {
            return true;
        }
    }
    return false;
}

bool
flow_fqdn_equal(struct flow_str a, struct flow_str b)
{
    a = without_dot(a);
    b = without_dot(b);
    for (size_t i = 0; a.len == b.len && i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i])) {
            return false;
        }
    }
    return a.len == b.len;
}
