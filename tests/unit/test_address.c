/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and prefixes as text and as values. The C library's inet_pton and inet_ntop are the
 * second opinion, on tables and on many mutated texts.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "libflow/address.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The same numbers on every run. */
static uint32_t
random_below(uint64_t *state, uint32_t limit)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % limit);
}

/* A copy with nothing readable behind it, so that reading too far is found out. */
static struct flow_str
exact_copy(const char *text, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    return (struct flow_str){ copy, len };
}

static int
parse_address(const char *text, struct flow_address *out, struct flow_error *err)
{
    const struct flow_str copy = exact_copy(text, strlen(text));
    const int rc = flow_address_parse(out, copy, err);

    free((void *)copy.ptr);
    return rc;
}

static int
parse_cidr(const char *text, struct flow_cidr *out, struct flow_error *err)
{
    const struct flow_str copy = exact_copy(text, strlen(text));
    const int rc = flow_cidr_parse(out, copy, err);

    free((void *)copy.ptr);
    return rc;
}

static struct flow_address
address_of(const char *text)
{
    struct flow_address address;

    assert_int_equal(parse_address(text, &address, NULL), FLOW_OK);
    return address;
}

static struct flow_cidr
cidr_of(const char *text)
{
    struct flow_cidr cidr;

    assert_int_equal(parse_cidr(text, &cidr, NULL), FLOW_OK);
    return cidr;
}

static void
an_address_is_written_the_one_way_of_rfc_5952(void **state)
{
    static const struct {
        const char *text, *written;
    } good[] = {
        { "0.0.0.0", "0.0.0.0" },
        { "255.255.255.255", "255.255.255.255" },
        { "192.0.2.7", "192.0.2.7" },
        { "10.0.100.1", "10.0.100.1" },
        { "::", "::" },
        { "::1", "::1" },
        { "1::", "1::" },
        { "2001:db8::7", "2001:db8::7" },
        { "2001:DB8::AbCd", "2001:db8::abcd" },
        { "2001:0db8:0000:0000:0000:0000:0000:0007", "2001:db8::7" },
        { "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
        { "1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8" },
        { "1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8" },
        { "1:0:0:4:0:0:0:8", "1:0:0:4::8" },
        { "1:0:0:4:5:0:0:8", "1::4:5:0:0:8" },
        { "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
        { "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
        { "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
        { "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304" },
        { "::ffff:192.0.2.7", "::ffff:192.0.2.7" },
        { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct flow_address address;
        char text[FLOW_ADDRESS_TEXT_MAX];

        assert_int_equal(parse_address(good[i].text, &address, NULL), FLOW_OK);
        assert_int_equal(address.family, strchr(good[i].text, ':') != NULL ? 6 : 4);
        assert_ptr_equal(flow_address_format(&address, text), text);
        assert_string_equal(text, good[i].written);
    }
}

static void
bytes_are_in_network_order_and_the_rest_is_zero(void **state)
{
    static const uint8_t four[16] = { 192, 0, 2, 7 };
    static const uint8_t six[16] = { 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34 };
    struct flow_address address;

    (void)state;
    memset(&address, 0xff, sizeof(address));
    assert_int_equal(parse_address("192.0.2.7", &address, NULL), FLOW_OK);
    assert_memory_equal(address.bytes, four, sizeof(four));
    assert_int_equal(parse_address("2001:db8::1234", &address, NULL), FLOW_OK);
    assert_memory_equal(address.bytes, six, sizeof(six));
}

/* An address is refused as a whole: whatever is wrong with it, its first byte is the place. */
static void
a_bad_address_names_its_start_and_leaves_out_alone(void **state)
{
    static const char *const bad[] = {
        "",
        " 1.2.3.4",
        "1.2.3.4 ",
        "1.2.3",
        "1",
        "1.2.3.4.5",
        "1..2.3",
        ".1.2.3",
        "1.2.3.",
        "-1.2.3.4",
        "+1.2.3.4",
        "0x1.2.3.4",
        "1.2.3.4/32",
        "1.2.3.a",
        "01.2.3.4",
        "1.2.3.04",
        "00.0.0.0",
        "256.1.1.1",
        "1.2.3.256",
        "1.2.3.1000",
        "1.2.3.4294967297",
        "localhost",
        ":",
        ":::",
        "1:2",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1::2::3",
        "12345::",
        "g::",
        "fe80::1%eth0",
        "1:2:3:4:5:6:7:8::",
        "1::2:3:4:5:6:7:8",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:",
        ":1:2:3:4:5:6:7",
        "::1.2.3",
        "::1.2.3.256",
        "::01.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4",
        "::1.2.3.4:5",
        "[::1]",
        "::g",
        "::1 ",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct flow_address address, before;
        struct flow_error err;

        memset(&address, 7, sizeof(address));
        before = address;
        assert_int_equal(parse_address(bad[i], &address, &err), FLOW_E_PARSE);
        assert_int_equal(err.status, FLOW_E_PARSE);
        assert_int_equal(err.column, 1);
        assert_true(err.message[0] != '\0');
        assert_memory_equal(&address, &before, sizeof(address));
    }
}

static void
a_nul_byte_is_no_end_of_an_address(void **state)
{
    static const struct flow_str bad[] = {
        { "1.2.3.4\0", 8 }, { "::1\0", 4 }, { "\0", 1 }, { "1.2.3.4\0.5", 10 }, { NULL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct flow_address address;
        struct flow_error err;

        assert_int_equal(flow_address_parse(&address, bad[i], &err), FLOW_E_PARSE);
        assert_int_equal(err.column, 1);
    }
}

/* What inet_pton makes of it: 4, 6 or 0, with the bytes. */
static uint8_t
second_opinion(const char *text, uint8_t bytes[16])
{
    memset(bytes, 0, 16);
    if (inet_pton(AF_INET, text, bytes) == 1) {
        return 4;
    }
    memset(bytes, 0, 16);
    return inet_pton(AF_INET6, text, bytes) == 1 ? 6 : 0;
}

/* A few bytes of the text taken out, put in or changed. */
static void
mutate(char *text, size_t room, uint64_t *seed)
{
    static const char alphabet[] = "0123456789abcdefAF::..%/ x";

    for (uint32_t n = random_below(seed, 4); n > 0; n--) {
        const size_t len = strlen(text);
        const size_t at = random_below(seed, (uint32_t)len + 1);
        const char byte = alphabet[random_below(seed, sizeof(alphabet) - 1)];

        switch (random_below(seed, 3)) {
        case 0:
            if (len + 2 < room) {
                memmove(text + at + 1, text + at, len - at + 1);
                text[at] = byte;
            }
            break;
        case 1:
            if (at < len) {
                memmove(text + at, text + at + 1, len - at);
            }
            break;
        default:
            if (at < len) {
                text[at] = byte;
            }
        }
    }
}

static void
mutated_texts_are_taken_exactly_when_inet_pton_takes_them(void **state)
{
    static const char *const seeds[] = {
        "192.0.2.7",
        "10.0.0.1",
        "255.255.255.255",
        "2001:db8::7",
        "::",
        "::1",
        "fe80::",
        "1:2:3:4:5:6:7:8",
        "::ffff:10.1.2.3",
        "1::4:5:0:0:8",
        "64:ff9b::1.2.3.4",
        "2001:db8:0:1:1:1:1:1",
    };
    uint64_t seed = 1;

    (void)state;
    for (size_t i = 0; i < 200000; i++) {
        struct flow_address address;
        uint8_t bytes[16], family;
        char text[64];

        strcpy(text, seeds[random_below(&seed, COUNT(seeds))]);
        mutate(text, sizeof(text), &seed);
        family = second_opinion(text, bytes);
        if (flow_address_parse(&address, flow_str_of(text), NULL) != FLOW_OK) {
            address.family = 0;
        }
        if (address.family != family) {
            fail_msg("%s: family %u, not %u", text, address.family, family);
        }
        if (family != 0) {
            assert_memory_equal(address.bytes, bytes, sizeof(bytes));
        }
    }
}

static void
any_address_is_read_back_from_its_text(void **state)
{
    uint64_t seed = 2;

    (void)state;
    for (size_t i = 0; i < 100000; i++) {
        struct flow_address address = { .family = i % 2 == 0 ? 4 : 6 }, back;
        char text[FLOW_ADDRESS_TEXT_MAX], theirs[64];

        for (size_t b = 0; b < (address.family == 4 ? 4u : 16u); b += 2) {
            const uint32_t word = random_below(&seed, 3) == 0 ? random_below(&seed, 65536) : 0;

            address.bytes[b] = (uint8_t)(word >> 8);
            address.bytes[b + 1] = (uint8_t)word;
        }
        flow_address_format(&address, text);
        assert_int_equal(parse_address(text, &back, NULL), FLOW_OK);
        assert_true(flow_address_equal(&address, &back));
        assert_non_null(inet_ntop(address.family == 4 ? AF_INET : AF_INET6, address.bytes, theirs,
                                  sizeof(theirs)));
        if (strchr(theirs, ':') == NULL || strchr(theirs, '.') == NULL) {
            assert_string_equal(text, theirs); /* mixed notation is theirs to choose */
        }
    }
}

static void
an_absent_address_is_empty_text_and_in_no_prefix(void **state)
{
    static const struct flow_address absent = { .family = 0 };
    const struct flow_cidr four = cidr_of("0.0.0.0/0"), six = cidr_of("::/0");
    const struct flow_address zero = address_of("0.0.0.0"), zero6 = address_of("::");
    char text[FLOW_ADDRESS_TEXT_MAX] = "x";

    (void)state;
    assert_string_equal(flow_address_format(&absent, text), "");
    assert_false(flow_cidr_holds(&four, &absent));
    assert_false(flow_cidr_holds(&six, &absent));
    assert_true(flow_address_equal(&absent, &absent));
    assert_false(flow_address_equal(&absent, &zero));
    assert_false(flow_address_equal(&zero, &zero6));
}

static void
a_prefix_loses_its_host_bits(void **state)
{
    static const struct {
        const char *text, *written;
    } good[] = {
        { "192.0.2.0/24", "192.0.2.0/24" },
        { "192.0.2.77/24", "192.0.2.0/24" },
        { "192.0.2.255/25", "192.0.2.128/25" },
        { "192.0.2.77/31", "192.0.2.76/31" },
        { "192.0.2.77/32", "192.0.2.77/32" },
        { "192.0.2.77", "192.0.2.77/32" },
        { "255.255.255.255/0", "0.0.0.0/0" },
        { "255.255.255.255/1", "128.0.0.0/1" },
        { "10.255.0.1/9", "10.128.0.0/9" },
        { "::/0", "::/0" },
        { "ffff::1/0", "::/0" },
        { "2001:db8:ffff::1/33", "2001:db8:8000::/33" },
        { "2001:db8::1/64", "2001:db8::/64" },
        { "2001:db8::1/127", "2001:db8::/127" },
        { "2001:db8::1/128", "2001:db8::1/128" },
        { "2001:db8::1", "2001:db8::1/128" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        const struct flow_cidr cidr = cidr_of(good[i].text);
        char text[FLOW_ADDRESS_TEXT_MAX];

        assert_ptr_equal(flow_cidr_format(&cidr, text), text);
        assert_string_equal(text, good[i].written);
    }
}

static void
a_bad_prefix_names_its_address_or_its_length_and_leaves_out_alone(void **state)
{
    static const struct {
        const char *text;
        uint32_t column;
    } bad[] = {
        { "", 1 },
        { "x/8", 1 },
        { "/24", 1 },
        { "1.2.3/24", 1 },
        { "1.2.3.04/24", 1 },
        { "1.2.3.4:80", 1 },
        { "fe80::1%eth0/64", 1 },
        { "1.2.3.4/", 9 },
        { "1.2.3.4/33", 9 },
        { "1.2.3.4/128", 9 },
        { "::/129", 4 },
        { "1.2.3.4/-1", 9 },
        { "1.2.3.4/+8", 9 },
        { "1.2.3.4/ 8", 9 },
        { "1.2.3.4/8 ", 9 },
        { "1.2.3.4/8/8", 9 },
        { "1.2.3.4/256", 9 },
        { "1.2.3.4/288", 9 },
        { "::/256", 4 },
        { "1.2.3.4/4294967304", 9 },
        { "1.2.3.4/0x8", 9 },
        { "1.2.3.4/255.0.0.0", 9 },
        { "1.2.3.4/08", 9 },
        { "1.2.3.4/00", 9 },
        { "::/0128", 4 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct flow_cidr cidr, before;
        struct flow_error err;

        memset(&cidr, 7, sizeof(cidr));
        before = cidr;
        assert_int_equal(parse_cidr(bad[i].text, &cidr, &err), FLOW_E_PARSE);
        assert_int_equal(err.status, FLOW_E_PARSE);
        assert_int_equal(err.column, bad[i].column);
        assert_memory_equal(&cidr, &before, sizeof(cidr));
    }
}

static void
a_prefix_holds_what_is_between_its_borders(void **state)
{
    static const struct {
        const char *cidr, *address;
        bool holds;
    } cases[] = {
        { "0.0.0.0/0", "0.0.0.0", true },
        { "0.0.0.0/0", "255.255.255.255", true },
        { "0.0.0.0/0", "::", false },
        { "::/0", "0.0.0.0", false },
        { "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true },
        { "192.0.2.0/24", "192.0.1.255", false },
        { "192.0.2.0/24", "192.0.2.0", true },
        { "192.0.2.0/24", "192.0.2.255", true },
        { "192.0.2.0/24", "192.0.3.0", false },
        { "192.0.2.64/26", "192.0.2.63", false },
        { "192.0.2.64/26", "192.0.2.127", true },
        { "192.0.2.64/26", "192.0.2.128", false },
        { "10.0.0.0/9", "10.127.255.255", true },
        { "10.0.0.0/9", "10.128.0.0", false },
        { "192.0.2.7/32", "192.0.2.7", true },
        { "192.0.2.7/32", "192.0.2.6", false },
        { "2001:db8::/33", "2001:db8:7fff:ffff::1", true },
        { "2001:db8::/33", "2001:db8:8000::", false },
        { "2001:db8::7/128", "2001:db8::7", true },
        { "2001:db8::7/128", "2001:db8::8", false },
        { "1.2.3.0/24", "::ffff:1.2.3.4", false },
        { "::ffff:0:0/96", "1.2.3.4", false },
        { "::ffff:0:0/96", "::ffff:1.2.3.4", true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct flow_cidr cidr = cidr_of(cases[i].cidr);
        const struct flow_address address = address_of(cases[i].address);

        assert_int_equal(flow_cidr_holds(&cidr, &address), cases[i].holds);
    }
}

static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    for (unsigned i = 0; i < bits; i++) {
        if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8)) & 1) {
            return false;
        }
    }
    return true;
}

static void
a_prefix_of_any_length_holds_exactly_what_shares_its_bits(void **state)
{
    uint64_t seed = 3;

    (void)state;
    for (size_t i = 0; i < 20000; i++) {
        const bool four = i % 2 == 0;
        const unsigned width = four ? 32 : 128;
        const unsigned length = random_below(&seed, width + 1);
        const unsigned flipped = random_below(&seed, width);
        char text[FLOW_ADDRESS_TEXT_MAX + 8], number[8];
        struct flow_address inside = { .family = four ? 4 : 6 }, other;
        struct flow_cidr cidr;

        for (size_t b = 0; b < width / 8; b++) {
            inside.bytes[b] = (uint8_t)random_below(&seed, 256);
        }
        flow_address_format(&inside, text);
        snprintf(number, sizeof(number), "/%u", length);
        strcat(text, number);
        cidr = cidr_of(text);
        assert_int_equal(cidr.length, length);
        assert_true(flow_cidr_holds(&cidr, &inside));
        other = inside;
        other.bytes[flipped / 8] ^= (uint8_t)(0x80 >> flipped % 8);
        assert_int_equal(flow_cidr_holds(&cidr, &other),
                         same_bits(inside.bytes, other.bytes, length));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_written_the_one_way_of_rfc_5952),
        cmocka_unit_test(bytes_are_in_network_order_and_the_rest_is_zero),
        cmocka_unit_test(a_bad_address_names_its_start_and_leaves_out_alone),
        cmocka_unit_test(a_nul_byte_is_no_end_of_an_address),
        cmocka_unit_test(mutated_texts_are_taken_exactly_when_inet_pton_takes_them),
        cmocka_unit_test(any_address_is_read_back_from_its_text),
        cmocka_unit_test(an_absent_address_is_empty_text_and_in_no_prefix),
        cmocka_unit_test(a_prefix_loses_its_host_bits),
        cmocka_unit_test(a_bad_prefix_names_its_address_or_its_length_and_leaves_out_alone),
        cmocka_unit_test(a_prefix_holds_what_is_between_its_borders),
        cmocka_unit_test(a_prefix_of_any_length_holds_exactly_what_shares_its_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
