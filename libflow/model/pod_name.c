/* SPDX-License-Identifier: Apache-2.0 */
/* Endings of pod names; a guess that is only used where the record does not tell the workload. */
#include "model/pod_name.h"

#include <string.h>

/* Kubernetes' random endings use these letters and digits and no others (no vowels, no 0, 1, 3). */
static const char random_bytes[] = "bcdfghjklmnpqrstvwxz2456789";

/* The length of the name in front of its last "-ending", with the ending's length; 0 for none. */
static size_t
cut_ending(struct flow_str name, const char *bytes, size_t least, size_t most)
{
    size_t start = name.len;

    while (start > 0 && name.ptr[start - 1] != '\0' && strchr(bytes, name.ptr[start - 1]) != NULL) {
        start--;
    }
    if (start < 2 || name.ptr[start - 1] != '-' || name.len - start < least ||
        name.len - start > most) {
        return 0;
    }
    return start - 1;
}

struct flow_str
flow_pod_name_stem(struct flow_str name)
{
    const size_t without_random = cut_ending(name, "abcdefghijklmnopqrstuvwxyz0123456789", 5, 5);
    size_t without_hash;

    if (without_random == 0) {
        return name;
    }
    without_hash = cut_ending((struct flow_str){ name.ptr, without_random },
                              "abcdefghijklmnopqrstuvwxyz0123456789", 6, 10);
    if (without_hash > 0 &&
        strcspn(name.ptr + without_hash, "0123456789") < without_random - without_hash) {
        return (struct flow_str){ name.ptr, without_hash };
    }
    /* five letters alone may be a word; only what Kubernetes could have drawn is an ending */
    return cut_ending(name, random_bytes, 5, 5) == 0
               ? name
               : (struct flow_str){ name.ptr, without_random };
}

struct flow_str
flow_pod_name_without_ordinal(struct flow_str name)
{
    const size_t len = cut_ending(name, "0123456789", 1, 5);

    return len > 0 ? (struct flow_str){ name.ptr, len } : name;
}
