/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces that fuzz_policy.c puts policies together from, as YAML in flow style. */
#ifndef FLOW_TESTS_FUZZ_FRAGMENTS_H
#define FLOW_TESTS_FUZZ_FRAGMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* Texts that can stand in one place; some of them are slightly wrong. */
struct fuzz_fragments {
    const char *const *texts;
    size_t count;
};

/* A member of a rule. */
struct fuzz_member {
    const char *name;
    bool is_list; /* several of the values in brackets */
    const struct fuzz_fragments *values;
};

/* A list of rules. */
struct fuzz_section {
    const char *name;
    const struct fuzz_fragments *starts; /* what each rule starts with; NULL: nothing */
    const struct fuzz_member *members;
    size_t member_count;
};

/* A kind of policy. */
struct fuzz_family {
    const char *version, *kind;
    bool clusterwide;
    const char *name; /* of the first object; NULL, and for the others: one of its own */
    const struct fuzz_fragments *subjects; /* members of the spec without a comma before */
    const struct fuzz_section *sections;
    size_t section_count;
    const struct fuzz_fragments *extras; /* more members, each with a comma before */
    const struct fuzz_fragments *whole;  /* objects as they are, '#' being their number; or NULL */
};

/* What a target is about. */
struct fuzz_set {
    const struct fuzz_family *families;
    size_t family_count;
    const char *const *inventory; /* objects that say something of the cluster of the flows */
    size_t inventory_count;
    const struct fuzz_fragments *maps; /* one more object, of settings; or NULL */
    const char *const *flows;          /* beside those that every target has, as lines of JSON */
    size_t flow_count;
};

enum { FUZZ_INVENTORY_MAX = 32, FUZZ_FLOWS_MAX = 12 };

extern const struct fuzz_set fuzz_set_policy; /* policies of every kind */
extern const struct fuzz_set fuzz_set_knp;
extern const struct fuzz_set fuzz_set_cilium;
extern const struct fuzz_set fuzz_set_admin;
extern const struct fuzz_set fuzz_set_inventory; /* rules that go by it, and its objects */

#endif
