/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes, durations and shares as a document has them. */
#include "base/str.h"
#include "intent/intent.h"

/* A whole number and a unit behind it. */
static bool
split_unit(struct flow_str text, uint64_t *number, struct flow_str *unit)
{
    size_t pos = 0;

    *number = 0;
    for (; pos < text.len && text.ptr[pos] >= '0' && text.ptr[pos] <= '9'; pos++) {
        const uint64_t digit = (uint64_t)(text.ptr[pos] - '0');

        if (*number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        *number = *number * 10 + digit;
    }
    *unit = flow_str_from(text, pos);
    return pos > 0;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* A member that is a number with one of some units; *value keeps what it is when absent. */
static bool
read_with_unit(struct flow_intent_reader *reader, const struct flow_node *map, const char *key,
               const struct unit *units, size_t unit_count, const char *expected, uint64_t *value)
{
    const struct flow_node *node = flow_field(map, key);
    struct flow_str unit;
    uint64_t number;

    if (node == NULL) {
        return true;
    }
    if (node->type == FLOW_NODE_SCALAR && split_unit(node->text, &number, &unit)) {
        for (size_t i = 0; i < unit_count; i++) {
            if (flow_str_is(unit, units[i].name) && number > 0 &&
                number <= (uint64_t)INT64_MAX / units[i].factor) {
                *value = number * units[i].factor;
                return true;
            }
        }
    }
    return flow_field_fail(&reader->context, node, "%s at %s", expected, key);
}

bool
flow_intent_read_size(struct flow_intent_reader *reader, const struct flow_node *map,
                      const char *key, uint64_t *bytes)
{
    static const struct unit units[] = {
        { "", 1 },
        { "B", 1 },
        { "kB", 1000 },
        { "MB", 1000000 },
        { "GB", 1000000000 },
        { "TB", 1000000000000 },
        { "KiB", 1u << 10 },
        { "MiB", 1u << 20 },
        { "GiB", 1u << 30 },
        { "TiB", 1ull << 40 },
    };

    return read_with_unit(reader, map, key, units, sizeof(units) / sizeof(units[0]),
                          "a number of bytes such as 500MiB or 10GB", bytes);
}

bool
flow_intent_read_duration(struct flow_intent_reader *reader, const struct flow_node *map,
                          const char *key, int64_t *nanoseconds)
{
    static const struct unit units[] = {
        { "s", 1000000000 },
        { "m", 60000000000 },
        { "h", 3600000000000 },
        { "d", 86400000000000 },
    };
    uint64_t value = (uint64_t)*nanoseconds;

    if (!read_with_unit(reader, map, key, units, sizeof(units) / sizeof(units[0]),
                        "a duration such as 30s, 5m or 1h", &value)) {
        return false;
    }
    *nanoseconds = (int64_t)value;
    return true;
}

/* "0.99", "1", ".5": with a point whatever the locale, and no other way of writing numbers. */
static bool
parse_share(struct flow_str text, double *share)
{
    double unit = 1;
    size_t digits = 0;
    bool fraction = false;

    *share = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '.' && !fraction) {
            fraction = true;
        } else if (text.ptr[i] >= '0' && text.ptr[i] <= '9' && digits < 17) {
            *share = *share * 10 + (text.ptr[i] - '0');
            unit *= fraction ? 10 : 1;
            digits++;
        } else {
            return false;
        }
    }
    *share /= unit;
    return digits > 0 && *share <= 1;
}

bool
flow_intent_read_share(struct flow_intent_reader *reader, const struct flow_node *map,
                       const char *key, double *share)
{
    const struct flow_node *node = flow_field(map, key);

    return node == NULL ||
           (node->type == FLOW_NODE_SCALAR && !node->quoted && parse_share(node->text, share)) ||
           flow_field_fail(&reader->context, node, "a share from 0 to 1 at %s", key);
}
