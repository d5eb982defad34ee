/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a classifier: what judging records and explaining connections share. */
#ifndef FLOW_CHECK_CLASSIFIER_H
#define FLOW_CHECK_CLASSIFIER_H

#include "check/memo.h"
#include "intent/intent.h"
#include "policy/decide_request.h"

struct flow_repeat;

/* What an explanation points into. */
struct flow_explained {
    struct flow_explain_step *steps;
    struct flow_explain_rule *rules;
};

struct flow_classifier {
    const struct flow_policies *policies; /* borrowed */
    struct flow_party_table parties;
    struct flow_decider decider;
    struct flow_memo memo;
    struct flow_cache decisions; /* struct flow_decision -> itself, one copy of each */
    struct flow_intern clusters; /* names of clusters whose agents report, and of nodes */
    uint32_t *cluster_of_node;   /* by number of the node's name; its cluster's number + 2 */
    uint32_t node_room;
    const struct flow_dict *node_dict; /* whose numbers these are */
    const struct flow_names *names;    /* what DNS answers told; borrowed, or NULL */
    struct flow_cache learned;         /* numbers of names -> struct flow_text_list */
    struct flow_text_list nothing;
    bool names_mattered; /* an answer would be another, had a DNS answer been seen by then */
    bool names_assumed;  /* one will be */
    const struct flow_intent_document *intent; /* borrowed, or NULL */
    struct flow_cache intents;   /* struct flow_intent_decision -> itself, one copy of each */
    struct flow_cache intended;  /* what an answer depends on -> struct flow_intent_decision */
    struct flow_repeat *repeats; /* answers by the record; NULL: none yet */
    uint64_t repeats_dict;       /* the id of the dictionary whose values they are of */
    bool repeats_off;            /* each record is judged by itself; set by tests alone */
    struct flow_explained explained[2]; /* egress, ingress */
    struct flow_arena arena;
};

/* A connection with its two parties found. */
struct flow_ends {
    const struct flow_party *client, *server;
    const struct flow_decision *l4; /* the answer asked for last, before its request */
    uint32_t cluster;               /* number + 1 of the agent's cluster; 0: not told */
};

/* The connection of a record, its ends put right for a reply. */
void flow_connect(const struct flow_record *record, bool swapped,
                  struct flow_connection *connection);

/* A connection as the record of a verdict on it. node is FLOW_INTERN_NONE when out of memory. */
void flow_record_of(const struct flow_connection *connection, struct flow_dict *dict,
                    uint8_t direction, struct flow_record *record);

/* The number of the cluster in a record's node name, looked up once a node; false: memory. */
bool flow_find_cluster(struct flow_classifier *classifier, const struct flow_dict *dict,
                       const struct flow_record *record, uint32_t *cluster);

/* Both false when out of memory. */
bool flow_find_ends(struct flow_classifier *classifier, const struct flow_dict *dict,
                    const struct flow_connection *connection, struct flow_ends *ends);
bool flow_make_question(struct flow_classifier *classifier,
                        const struct flow_connection *connection, const struct flow_ends *ends,
                        uint8_t direction, struct flow_question *question);

/* Whether names that DNS answers told can matter, and which they are; false: out of memory. */
bool flow_find_learned(struct flow_classifier *classifier, const struct flow_connection *connection,
                       const struct flow_party *peer, const struct flow_address *address,
                       const struct flow_text_list **learned);

/* The names that an address had on a node at a time, as a list made once; NULL: out of memory. */
const struct flow_text_list *flow_names_of(struct flow_classifier *classifier, struct flow_str node,
                                           const struct flow_address *address, int64_t time);

/* Whether a DNS answer was seen, or will be. */
bool flow_names_were_seen(const struct flow_classifier *classifier);

/* The names that DNS answers told of a server that is no pod; false: out of memory. */
bool flow_find_server_names(struct flow_classifier *classifier,
                            const struct flow_connection *connection,
                            const struct flow_party *server, const struct flow_text_list **learned);

/* The cluster in "cluster/node"; "" for a node without one. */
struct flow_str flow_cluster_of(struct flow_str node_name);

/* Whether a request on the connection still has to be judged. */
bool flow_asks_for_requests(const struct flow_decision *decision);

/* The answer to a request, in place of that to its connection. FLOW_OK or FLOW_E_MEMORY. */
int flow_judge_request(struct flow_classifier *classifier, const struct flow_question *question,
                       const struct flow_l7 *l7, struct flow_decision *decision);

#endif
