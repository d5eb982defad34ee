/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of deciding that stand alone: patterns of DNS names, with the regular expression that
 * Cilium makes of a pattern as the second opinion, and classes of addresses.
 */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "policy/cidr_classes.h"
#include "policy/match.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define CIDRS_MAX 24

static uint32_t
random_below(uint64_t *state, uint32_t limit)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % limit);
}

/* Through copies with nothing readable behind them, so that reading too far is found out. */
static bool
matches(const char *pattern, bool deep, const char *name)
{
    char *exact_pattern = malloc(strlen(pattern) + 1), *exact_name = malloc(strlen(name) + 1);
    bool result;

    assert_true(exact_pattern != NULL && exact_name != NULL);
    memcpy(exact_pattern + 1, pattern, strlen(pattern));
    memcpy(exact_name + 1, name, strlen(name));
    result = flow_fqdn_match((struct flow_str){ exact_pattern + 1, strlen(pattern) }, deep,
                             (struct flow_str){ exact_name + 1, strlen(name) });
    free(exact_pattern);
    free(exact_name);
    return result;
}

static void
a_pattern_matches_the_names_that_cilium_says_it_matches(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool matches;
    } cases[] = {
        { "*.x.io", "a.x.io", true },
        { "*.x.io", "x.io", false },
        { "*.x.io", "a.b.x.io", false },
        { "**.x.io", "a.x.io", true },
        { "**.x.io", "a.b.x.io", true },
        { "**.x.io", "a.b.c.d.x.io", true },
        { "**.x.io", "x.io", false },
        { "***.x.io", "a.b.x.io", true },
        { "*x.io", "x.io", true },
        { "*x.io", "myx.io", true },
        { "*x.io", "a.x.io", false },
        { "**x.io", "x.io", true },
        { "**x.io", "a.x.io", false },
        { "a.**.io", "a.b.io", true },
        { "a.**.io", "a.b.c.io", false },
        { "sub*.x.io", "sub.x.io", true },
        { "sub*.x.io", "sub-1.x.io", true },
        { "sub*.x.io", "a.sub.x.io", false },
        { "sub*.x.io", "su.x.io", false },
        { "*", "x.io", true },
        { "*", "a.b.c.d.e", true },
        { "**", "a.b", true },
        { "*.", "a.b", true },
        { "**.", "a", true },
        { "x.io", "x.io", true },
        { "x.io", "y.io", false },
        { "x.io", "xxio", false },
        { "x.io", "x.io.evil", false },
        { "x.io", "ax.io", false },
        { "*.x.io", ".x.io", true }, /* the star stands for no byte, too */
        { "a*b*c.io", "abc.io", true },
        { "a*b*c.io", "aXbbbYbc.io", true },
        { "a*b*c.io", "ab.c.io", false },
        { "**.a.**.io", "x.y.a.b.io", true },
        { "**.a.**.io", "x.y.a.b.c.io", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (matches(cases[i].pattern, true, cases[i].name) != cases[i].matches) {
            fail_msg("%s: %s", cases[i].pattern, cases[i].name);
        }
    }
}

static void
case_and_the_dot_at_the_end_do_not_matter(void **state)
{
    static const char *const patterns[] = { "*.Example.com", "*.example.COM.", "**.example.com." };
    static const char *const names[] = {
        "a.example.com",
        "a.example.com.",
        "A.EXAMPLE.COM",
        "a.Example.Com.",
    };

    (void)state;
    for (size_t p = 0; p < COUNT(patterns); p++) {
        for (size_t n = 0; n < COUNT(names); n++) {
            assert_true(matches(patterns[p], true, names[n]));
        }
        assert_false(matches(patterns[p], true, "example.com."));
        assert_false(matches(patterns[p], true, ""));
    }
    assert_false(matches("", true, "a"));
    assert_false(matches("", false, ""));
}

static void
two_stars_stand_for_one_label_where_they_are_not_deep(void **state)
{
    (void)state;
    assert_true(matches("**.x.io", false, "a.x.io"));
    assert_false(matches("**.x.io", false, "a.b.x.io"));
    assert_false(matches("**.x.io", false, "x.io"));
    assert_true(matches("**", false, "a.b.x.io"));
    assert_true(matches("*.", false, "a.b.x.io"));
}

/* The regular expression of a pattern, as policy-semantics 3.8 derives it. */
static void
make_regex(regex_t *regex, const char *pattern, bool deep)
{
    struct flow_buf text = { 0 };
    size_t at = strspn(pattern, "*");
    const bool any = at > 0 && (pattern[at] == '\0' || strcmp(pattern + at, ".") == 0);

    flow_buf_add_text(&text, any ? "^([-a-zA-Z0-9_]+[.])+$" : "^");
    if (deep && at >= 2 && pattern[at] == '.') {
        flow_buf_add_text(&text, "[-a-zA-Z0-9_]+([.][-a-zA-Z0-9_]+)*[.]");
        at++;
    } else {
        at = 0;
    }
    while (!any && pattern[at] != '\0') {
        const size_t stars = strspn(pattern + at, "*");

        if (stars > 0) {
            flow_buf_add_text(&text, "[-a-zA-Z0-9_]*");
        } else {
            flow_buf_add_format(&text, "[%c]", pattern[at]);
        }
        at += stars > 0 ? stars : 1;
    }
    if (!any) {
        flow_buf_add_text(&text, at > 0 && pattern[at - 1] == '.' ? "$" : "[.]$");
    }
    flow_buf_add_char(&text, '\0');
    assert_int_equal(regcomp(regex, text.ptr, REG_EXTENDED | REG_NOSUB), 0);
    flow_buf_free(&text);
}

/* Up to four labels of a few letters; of a pattern, some are stars. */
static void
random_name(char *text, uint64_t *seed, bool pattern)
{
    static const char letters[] = "ab-*";
    size_t len = 0;

    for (uint32_t labels = 1 + random_below(seed, 4), i = 0; i < labels; i++) {
        if (i > 0) {
            text[len++] = '.';
        }
        for (uint32_t n = 1 + random_below(seed, 4); n > 0; n--) {
            text[len++] = letters[random_below(seed, pattern ? 4 : 3)];
        }
    }
    text[len] = '\0';
}

static void
random_patterns_match_exactly_what_their_regular_expression_matches(void **state)
{
    uint64_t seed = 1;
    unsigned matched = 0;

    (void)state;
    for (unsigned i = 0; i < 6000; i++) {
        const bool deep = i % 2 == 0;
        char pattern[64], name[64], dotted[66];
        regex_t regex;

        random_name(pattern, &seed, true);
        make_regex(&regex, pattern, deep);
        for (unsigned n = 0; n < 20; n++) {
            bool wanted;

            random_name(name, &seed, false);
            snprintf(dotted, sizeof(dotted), "%s.", name);
            wanted = regexec(&regex, dotted, 0, NULL, 0) == 0;
            matched += wanted;
            if (matches(pattern, deep, name) != wanted) {
                fail_msg("%s%s: %s", pattern, deep ? " (deep)" : "", name);
            }
        }
        regfree(&regex);
    }
    assert_true(matched > 1000);
}

static struct flow_cidr
cidr_of(const char *text)
{
    struct flow_cidr cidr;

    assert_int_equal(flow_cidr_parse(&cidr, flow_str_of(text), NULL), FLOW_OK);
    return cidr;
}

static struct flow_address
address_of(const char *text)
{
    struct flow_address address = { .family = 0 };

    if (text[0] != '\0') {
        assert_int_equal(flow_address_parse(&address, flow_str_of(text), NULL), FLOW_OK);
    }
    return address;
}

/* Which of the prefixes hold an address, as bits. */
static uint32_t
membership(const struct flow_cidr *cidrs, size_t count, const struct flow_address *address)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < count; i++) {
        bits |= (uint32_t)flow_cidr_holds(&cidrs[i], address) << i;
    }
    return bits;
}

static void
assert_classes(const struct flow_cidr *cidrs, size_t count, const struct flow_address *addresses,
               size_t address_count)
{
    struct flow_cidr_classes classes = { 0 };
    uint32_t *found = calloc(address_count, sizeof(*found));

    assert_non_null(found);
    for (size_t i = 0; i < count; i++) {
        assert_true(flow_cidr_classes_add(&classes, &cidrs[i]));
    }
    flow_cidr_classes_seal(&classes);
    for (size_t i = 0; i < address_count; i++) {
        const uint32_t bits = membership(cidrs, count, &addresses[i]);

        found[i] = flow_cidr_classes_find(&classes, &addresses[i]);
        for (size_t k = 0; k < i; k++) {
            if (found[k] == found[i] && membership(cidrs, count, &addresses[k]) != bits) {
                char a[FLOW_ADDRESS_TEXT_MAX], b[FLOW_ADDRESS_TEXT_MAX];

                fail_msg("\"%s\" and \"%s\" are both of class %u",
                         flow_address_format(&addresses[k], a),
                         flow_address_format(&addresses[i], b), found[i]);
            }
        }
    }
    flow_cidr_classes_free(&classes);
    free(found);
}

static void
addresses_at_the_borders_of_prefixes_are_in_different_classes(void **state)
{
    static const char *const prefixes[] = {
        "0.0.0.0/0",     "10.0.0.0/8",     "10.42.0.0/16",
        "10.42.1.0/24",  "10.42.1.7/32",   "255.255.255.255/32",
        "0.0.0.0/32",    "192.0.2.128/25", "::/0",
        "2001:db8::/32", "2001:db8::/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
        "fe80::/10",     "128.0.0.0/1",    "::ffff:0:0/96",
    };
    static const char *const texts[] = {
        "",
        "0.0.0.0",
        "0.0.0.1",
        "9.255.255.255",
        "10.0.0.0",
        "10.41.255.255",
        "10.42.0.0",
        "10.42.0.255",
        "10.42.1.0",
        "10.42.1.6",
        "10.42.1.7",
        "10.42.1.8",
        "10.42.1.255",
        "10.42.2.0",
        "10.43.0.0",
        "10.255.255.255",
        "11.0.0.0",
        "127.255.255.255",
        "128.0.0.0",
        "192.0.2.127",
        "192.0.2.128",
        "192.0.2.255",
        "192.0.3.0",
        "255.255.255.254",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:0.0.0.0",
        "::ffff:255.255.255.255",
        "::1:0:0:0",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::",
        "2001:db8::1",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::",
        "fe7f:ffff::",
        "fe80::",
        "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fec0::",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };
    struct flow_cidr cidrs[COUNT(prefixes)];
    struct flow_address addresses[COUNT(texts)];

    (void)state;
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        cidrs[i] = cidr_of(prefixes[i]);
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        addresses[i] = address_of(texts[i]);
    }
    assert_classes(cidrs, COUNT(cidrs), addresses, COUNT(addresses));
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        assert_classes(&cidrs[i], 1, addresses, COUNT(addresses));
    }
    assert_classes(NULL, 0, addresses, COUNT(addresses));
}

/* Near each other, so that prefixes nest and addresses fall into them. */
static struct flow_address
random_address(uint64_t *seed)
{
    struct flow_address address = { .family = random_below(seed, 2) == 0 ? 4 : 6 };
    const size_t width = address.family == 4 ? 4 : 16;

    for (size_t i = 0; i < width; i++) {
        const uint32_t kind = random_below(seed, 8);

        address.bytes[i] = kind < 3 ? 0 : kind < 6 ? 0xff : (uint8_t)random_below(seed, 256);
    }
    return address;
}

static void
addresses_of_a_class_are_in_the_same_random_prefixes(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (unsigned round = 0; round < 400; round++) {
        struct flow_cidr cidrs[CIDRS_MAX];
        struct flow_address addresses[120];
        const size_t count = random_below(&seed, CIDRS_MAX + 1);

        for (size_t i = 0; i < count; i++) {
            const struct flow_address address = random_address(&seed);
            char text[FLOW_ADDRESS_TEXT_MAX + 8];

            flow_address_format(&address, text);
            snprintf(text + strlen(text), 8, "/%u",
                     random_below(&seed, address.family == 4 ? 33 : 129));
            cidrs[i] = cidr_of(text);
        }
        for (size_t i = 0; i < COUNT(addresses); i++) {
            addresses[i] = random_address(&seed);
            if (i < count) {
                addresses[i] = cidrs[i].address;
            }
        }
        assert_classes(cidrs, count, addresses, COUNT(addresses));
    }
}

static void
a_prefix_that_is_met_again_makes_no_more_classes(void **state)
{
    const struct flow_cidr cidr = cidr_of("10.42.0.0/16");
    struct flow_cidr_classes once = { 0 }, often = { 0 };
    const struct flow_address inside = address_of("10.42.7.7"), outside = address_of("10.43.0.0");

    (void)state;
    assert_true(flow_cidr_classes_add(&once, &cidr));
    flow_cidr_classes_seal(&once);
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(flow_cidr_classes_add(&often, &cidr));
    }
    flow_cidr_classes_seal(&often);
    assert_int_equal(once.count, often.count);
    assert_int_equal(flow_cidr_classes_find(&once, &inside),
                     flow_cidr_classes_find(&often, &inside));
    assert_int_not_equal(flow_cidr_classes_find(&often, &inside),
                         flow_cidr_classes_find(&often, &outside));
    flow_cidr_classes_free(&once);
    flow_cidr_classes_free(&often);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_matches_the_names_that_cilium_says_it_matches),
        cmocka_unit_test(case_and_the_dot_at_the_end_do_not_matter),
        cmocka_unit_test(two_stars_stand_for_one_label_where_they_are_not_deep),
        cmocka_unit_test(random_patterns_match_exactly_what_their_regular_expression_matches),
        cmocka_unit_test(addresses_at_the_borders_of_prefixes_are_in_different_classes),
        cmocka_unit_test(addresses_of_a_class_are_in_the_same_random_prefixes),
        cmocka_unit_test(a_prefix_that_is_met_again_makes_no_more_classes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
