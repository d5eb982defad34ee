/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captured connections that were open when one capture ended and go on in another: each is one, and
 * of its parts the one that tells most is counted. The parts are kept until they are looked at
 * together, since they come in any order.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "check/tally.h"

/* A connection by its two ends, whichever of them was taken for the client. */
struct key {
    struct flow_address addresses[2];
    uint16_t ports[2];
    uint8_t protocol, tunnel;
};

struct flow_open_part {
    struct key key;
    int64_t first, last;
    bool began_before, goes_on, answered;
    uint8_t result;
    uint64_t flows, bytes;
    size_t groups; /* where its groups begin in the list */
    uint8_t group_count;
    bool grouped; /* its result is of a group */
};

static struct key
key_of(const struct flow_record *record)
{
    struct key key;
    unsigned low = 0;
    int order;

    memset(&key, 0, sizeof(key));
    order = memcmp(&record->source_address, &record->destination_address,
                   sizeof(record->source_address));
    if (order > 0 || (order == 0 && record->source_port > record->destination_port)) {
        low = 1;
    }
    key.addresses[low] = record->source_address;
    key.addresses[!low] = record->destination_address;
    key.ports[low] = record->source_port;
    key.ports[!low] = record->destination_port;
    key.protocol = record->protocol;
    key.tunnel = record->traffic->tunnel;
    return key;
}

static bool
reserve(void **array, size_t count, size_t more, size_t *room, size_t size)
{
    if (count + more > *room) {
        const size_t wanted = (count + more) * 2 + 64;
        void *grown = realloc(*array, wanted * size);

        if (grown == NULL) {
            return false;
        }
        *array = grown;
        *room = wanted;
    }
    return true;
}

bool
flow_tally_keep_open(struct flow_tally *tally, const struct flow_record *record,
                     const struct flow_weight *weight, bool grouped)
{
    const struct flow_traffic *traffic = record->traffic;

    if (!traffic->began_before && !traffic->goes_on) {
        return true;
    }
    if (!reserve((void **)&tally->open, tally->open_count, 1, &tally->open_room,
                 sizeof(*tally->open)) ||
        !reserve((void **)&tally->open_groups, tally->open_group_count, tally->touched_count,
                 &tally->open_group_room, sizeof(*tally->open_groups))) {
        return false;
    }
    tally->open[tally->open_count++] = (struct flow_open_part){
        .key = key_of(record),
        .first = weight->first,
        .last = weight->last,
        .began_before = traffic->began_before,
        .goes_on = traffic->goes_on,
        .answered = traffic->answer == FLOW_ANSWER_ANSWERED,
        .result = record->result,
        .flows = weight->flows,
        .bytes = weight->bytes,
        .groups = tally->open_group_count,
        .group_count = tally->touched_count,
        .grouped = grouped,
    };
    for (size_t i = 0; i < tally->touched_count; i++) {
        tally->open_groups[tally->open_group_count++] = tally->touched[i];
    }
    return true;
}

static int
compare(const void *left, const void *right)
{
    const struct flow_open_part *a = left;
    const struct flow_open_part *b = right;
    const int order = memcmp(&a->key, &b->key, sizeof(a->key));

    if (order != 0 || a->first == b->first) {
        return order != 0 ? order : (a->last > b->last) - (a->last < b->last);
    }
    return a->first < b->first ? -1 : 1;
}

/* Takes a part out of what is counted: another of the same connection stands for it. */
static void
leave_out(struct flow_tally *tally, const struct flow_open_part *part,
          const struct flow_open_part *stands)
{
    for (size_t i = 0; i < part->group_count; i++) {
        struct flow_group *group = &tally->groups[tally->open_groups[part->groups + i]];

        group->continued += part->flows;
        group->moved_bytes -= part->bytes;
    }
    /* its bytes and its time are the connection's all the same */
    for (size_t i = 0; i < stands->group_count; i++) {
        struct flow_group *group = &tally->groups[tally->open_groups[stands->groups + i]];

        group->moved_bytes += part->bytes;
        group->joined_first = part->first < group->joined_first ? part->first : group->joined_first;
        group->joined_last = part->last > group->joined_last ? part->last : group->joined_last;
    }
    if (!part->grouped) {
        tally->continued[part->result] += part->flows;
    }
    tally->continued_count += part->flows;
}

static bool
goes_on_in(const struct flow_open_part *part, const struct flow_open_part *next)
{
    return memcmp(&part->key, &next->key, sizeof(part->key)) == 0 && part->goes_on &&
           next->began_before && part->last <= next->first &&
           (part->last > INT64_MAX - FLOW_CONNECTION_IDLE ||
            next->first <= part->last + FLOW_CONNECTION_IDLE);
}

void
flow_tally_join_open(struct flow_tally *tally)
{
    memset(tally->continued, 0, sizeof(tally->continued));
    tally->continued_count = 0;
    for (size_t i = 0; i < tally->group_count; i++) {
        tally->groups[i].continued = tally->groups[i].moved_bytes = 0;
        tally->groups[i].joined_first = tally->groups[i].first;
        tally->groups[i].joined_last = tally->groups[i].last;
    }
    if (tally->open_count > 1) {
        qsort(tally->open, tally->open_count, sizeof(*tally->open), compare);
    }
    for (size_t i = 0; i < tally->open_count;) {
        size_t end = i + 1; /* behind the parts of this connection */
        size_t stands = i;  /* the part that is counted: the first with an answer, or the first */

        while (end < tally->open_count && goes_on_in(&tally->open[end - 1], &tally->open[end])) {
            if (!tally->open[stands].answered && tally->open[end].answered) {
                stands = end;
            }
            end++;
        }
        for (; i < end; i++) {
            if (i != stands) {
                leave_out(tally, &tally->open[i], &tally->open[stands]);
            }
        }
    }
}
