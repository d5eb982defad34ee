/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions that were made before. Keys stand in the table itself, so that a connection that was
 * judged costs one look into memory.
 */
#ifndef FLOW_CHECK_MEMO_H
#define FLOW_CHECK_MEMO_H

#include "libflow/classifier.h"

/* What a decision depends on; compared as bytes, so every one of them is set. */
struct flow_memo_key {
    uint32_t subject, peer; /* numbers of parties */
    uint32_t address_class; /* of the peer, where prefixes can matter */
    uint32_t names, learned;
    uint32_t cluster; /* of the agent, where the record tells it */
    uint32_t node;    /* where the subject is a node, or may be; with PEER_LOCAL */
    uint16_t port;
    uint8_t protocol;
    uint8_t side; /* direction; with HAS_PORT */
};

#define FLOW_MEMO_PEER_LOCAL (1u << 31)
#define FLOW_MEMO_HAS_PORT (1u << 7)

struct flow_memo {
    struct flow_memo_slot *slots; /* a power of two of them */
    uint32_t mask, count;
    uint64_t seed;
};

bool flow_memo_init(struct flow_memo *memo);
void flow_memo_free(struct flow_memo *memo);

/* Says that a key will be looked for soon, so that memory is on its way by then. */
void flow_memo_prefetch(const struct flow_memo *memo, const struct flow_memo_key *key);
/* NULL when it is not known. */
const struct flow_decision *flow_memo_find(const struct flow_memo *memo,
                                           const struct flow_memo_key *key);
/* Remembers; above FLOW_MEMO_MAX the memory starts anew. false when out of memory. */
bool flow_memo_put(struct flow_memo *memo, const struct flow_memo_key *key,
                   const struct flow_decision *decision);

#endif
