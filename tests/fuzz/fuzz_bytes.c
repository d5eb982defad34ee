/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a source: plain, gzip or zstd by their content. Handed out one at a time they give
 * the same plain bytes and the same errors at the same places as handed out whole.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "frame/bytes.h"

#define PLAIN_MAX ((size_t)64 << 20) /* of one input; a bomb is left there */
#define ROOM ((size_t)64 << 10)

/* What reading to the end, or to PLAIN_MAX, gave. */
struct outcome {
    char *plain;
    size_t len, room;
    size_t error_count;
    uint64_t errors; /* each one's status, and how many plain bytes came before it */
    struct flow_bytes_stats stats;
};

/* Kept between inputs, since most need little and a bomb much. */
static struct outcome whole, pieces;

static void
make_room(struct outcome *outcome)
{
    if (outcome->room - outcome->len < ROOM) {
        outcome->room = outcome->room == 0 ? 2 * ROOM : 2 * outcome->room;
        outcome->plain = realloc(outcome->plain, outcome->room);
        HOLDS(outcome->plain != NULL);
    }
}

static void
check_place(const struct flow_error *err, int status, size_t size)
{
    HOLDS(err->status == status);
    HOLDS(status != FLOW_E_MEMORY && status != FLOW_E_ARGUMENT && status != FLOW_E_SYSTEM);
    HOLDS(err->offset <= size);
    fuzz_check_error(err, "");
}

/* The end stays the end, and the digest is of every byte. */
static void
check_end(struct flow_bytes *bytes, const struct outcome *outcome, size_t size)
{
    char byte;
    size_t got;

    HOLDS(flow_bytes_read(bytes, &byte, 1, &got, NULL) == FLOW_END && got == 0);
    HOLDS(outcome->stats.source_read == size);
    HOLDS(outcome->stats.digest_done);
}

static void
read_all(const uint8_t *data, size_t size, size_t chunk, size_t room, struct outcome *outcome)
{
    const struct flow_bytes_options options = { .digest = true };
    struct flow_source *source;
    struct flow_bytes *bytes;
    struct flow_error err;
    size_t got;
    int rc;

    outcome->len = outcome->error_count = 0;
    outcome->errors = FUZZ_HASH;
    HOLDS(flow_source_open_memory(&source, (struct flow_str){ (const char *)data, size }, chunk,
                                  &err) == FLOW_OK);
    HOLDS(flow_bytes_open(&bytes, source, &options, &err) == FLOW_OK);
    make_room(outcome);
    while (outcome->len < PLAIN_MAX && (rc = flow_bytes_read(bytes, outcome->plain + outcome->len,
                                                             room, &got, &err)) != FLOW_END) {
        if (rc == FLOW_OK) {
            HOLDS(got > 0 && got <= room);
            outcome->len += got;
            make_room(outcome);
            continue;
        }
        HOLDS(got == 0);
        check_place(&err, rc, size);
        HOLDS(outcome->error_count++ <= size);
        outcome->errors = fuzz_hash_number(outcome->errors, (uint64_t)rc);
        outcome->errors = fuzz_hash_number(outcome->errors, outcome->len);
    }
    flow_bytes_stats(bytes, &outcome->stats);
    HOLDS(outcome->stats.plain == outcome->len);
    if (outcome->len < PLAIN_MAX) {
        check_end(bytes, outcome, size);
    }
    flow_bytes_close(bytes);
}

static void
check_same(void)
{
    const size_t len = whole.len < pieces.len ? whole.len : pieces.len;
    const bool cut = whole.len >= PLAIN_MAX || pieces.len >= PLAIN_MAX;

    HOLDS(memcmp(whole.plain, pieces.plain, len) == 0);
    HOLDS(strcmp(whole.stats.compression, pieces.stats.compression) == 0);
    if (cut) {
        return;
    }
    HOLDS(whole.len == pieces.len);
    HOLDS(whole.error_count == pieces.error_count);
    HOLDS(whole.errors == pieces.errors);
    HOLDS(memcmp(whole.stats.digest, pieces.stats.digest, sizeof(whole.stats.digest)) == 0);
}

/* The caller's room is no part of the answer either; small rooms are slow for a bomb. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_all(data, size, 0, ROOM, &whole);
    read_all(data, size, 1, whole.len < 4 * ROOM ? 1 + size % 300 : ROOM, &pieces);
    check_same();
    return 0;
}
