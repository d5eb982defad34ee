/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of which the classifier asks the same are judged once: what was made of the first is
 * remembered for the others. Times differ, and ids, and the port that the client happened to have.
 */
#ifndef FLOW_CHECK_REPEAT_H
#define FLOW_CHECK_REPEAT_H

#include "check/classifier.h"
#include "check/orient.h"

/* Of a key whose addresses are all of IPv4, or absent, and of any. */
enum { FLOW_REPEAT_SHORT = 9, FLOW_REPEAT_WORDS = 13 };

/*
 * All that an answer may hang on, each in a place of its own; compared as bytes. The first seven
 * words tell how many there are.
 */
struct flow_repeat_key {
    uint64_t words[FLOW_REPEAT_WORDS];
    uint32_t count;
};

struct flow_repeat {
    struct flow_repeat_key key; /* of no words: nothing is remembered here */
    /* what the classifier has filled in */
    const struct flow_decision *decision;
    const struct flow_intent_decision *intent_decision;
    const struct flow_text_list *server_names;
    uint32_t undecided;
    uint8_t observed, expected, result, intent, scope, judged_direction;
    bool dns, swapped;
};

/*
 * The place of a record whose answer may be remembered, and its key; NULL for one that is judged by
 * itself, or when out of memory. readings are those of flow_orient.
 */
struct flow_repeat *flow_repeat_place(struct flow_classifier *classifier,
                                      const struct flow_dict *dict,
                                      const struct flow_record *record,
                                      const struct flow_reading *readings, size_t reading_count,
                                      struct flow_repeat_key *key);

/* Fills a record in from a place, when that has its key. */
bool flow_repeat_take(const struct flow_repeat *place, const struct flow_repeat_key *key,
                      struct flow_record *record);

/* Remembers what was made of a record. */
void flow_repeat_put(struct flow_repeat *place, const struct flow_repeat_key *key,
                     const struct flow_record *record);

/* Forgets everything, when answers may be others now. */
void flow_repeat_clear(struct flow_classifier *classifier);

#endif
