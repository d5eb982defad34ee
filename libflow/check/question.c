/* SPDX-License-Identifier: Apache-2.0 */
/* From records to questions: which end opened the connection, who they are, which names are known.
 */
#include "check/classifier.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "check/orient.h"
#include "enrich/names.h"

void
flow_connect(const struct flow_record *record, bool swapped, struct flow_connection *connection)
{
    connection->source = swapped ? record->destination : record->source;
    connection->destination = swapped ? record->source : record->destination;
    connection->source_address = swapped ? record->destination_address : record->source_address;
    connection->destination_address =
        swapped ? record->source_address : record->destination_address;
    connection->source_names = swapped ? record->destination_names : record->source_names;
    connection->destination_names = swapped ? record->source_names : record->destination_names;
    connection->protocol = record->protocol;
    connection->has_port = flow_service_port(record, swapped, &connection->destination_port);
    connection->node_name = record->node_name;
    connection->time = record->time;
    connection->l7 = flow_is_l7(record) ? record->l7 : NULL;
}

struct flow_str
flow_cluster_of(struct flow_str node_name)
{
    const char *slash = node_name.len > 0 ? memchr(node_name.ptr, '/', node_name.len) : NULL;

    return (struct flow_str){ node_name.ptr, slash != NULL ? (size_t)(slash - node_name.ptr) : 0 };
}

bool
flow_find_cluster(struct flow_classifier *classifier, const struct flow_dict *dict,
                  const struct flow_record *record, uint32_t *cluster)
{
    uint32_t room = classifier->node_room == 0 ? 64 : classifier->node_room;
    uint32_t *grown;

    *cluster = 0;
    if (record->node_name.len == 0) {
        return true;
    }
    if (classifier->node_dict != dict) {
        classifier->node_dict = dict;
        if (classifier->node_room > 0) {
            memset(classifier->cluster_of_node, 0, classifier->node_room * sizeof(*grown));
        }
    }
    while (room <= record->node) {
        room *= 2;
    }
    if (room > classifier->node_room) {
        grown = realloc(classifier->cluster_of_node, room * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        memset(grown + classifier->node_room, 0, (room - classifier->node_room) * sizeof(*grown));
        classifier->cluster_of_node = grown;
        classifier->node_room = room;
    }
    if (classifier->cluster_of_node[record->node] == 0) {
        const struct flow_str name = flow_cluster_of(record->node_name);

        classifier->cluster_of_node[record->node] =
            name.len > 0 ? flow_intern_add(&classifier->clusters, name, NULL) + 2 : 1;
    }
    *cluster = classifier->cluster_of_node[record->node] - 1;
    return true;
}

bool
flow_find_ends(struct flow_classifier *classifier, const struct flow_dict *dict,
               const struct flow_connection *connection, struct flow_ends *ends)
{
    ends->client = flow_party_find(&classifier->parties, dict, connection->source,
                                   &connection->source_address, connection->node_name);
    ends->server = flow_party_find(&classifier->parties, dict, connection->destination,
                                   &connection->destination_address, connection->node_name);
    return ends->client != NULL && ends->server != NULL;
}

bool
flow_names_were_seen(const struct flow_classifier *classifier)
{
    return classifier->names_assumed ||
           (classifier->names != NULL && flow_names_count(classifier->names) > 0);
}

const struct flow_text_list *
flow_names_of(struct flow_classifier *classifier, struct flow_str node,
              const struct flow_address *address, int64_t time)
{
    uint32_t found[FLOW_NAMES_AT_MAX];
    const size_t count = flow_names_at(classifier->names, node, address, time, found);
    const struct flow_str key = { (const char *)found, count * sizeof(found[0]) };
    const struct flow_text_list *known;
    struct flow_text_list *list;
    struct flow_str *texts;

    if (count == 0) {
        return &classifier->nothing;
    }
    known = flow_cache_find(&classifier->learned, key);
    if (known != NULL) {
        return known;
    }
    list = flow_arena_alloc(&classifier->arena, sizeof(*list));
    texts = flow_arena_array(&classifier->arena, count, sizeof(*texts));
    if (list == NULL || texts == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        texts[i] = flow_names_text(classifier->names, found[i]);
    }
    *list = (struct flow_text_list){ classifier->learned.keys.count + 1, (uint32_t)count, texts };
    return flow_cache_put(&classifier->learned, key, list) ? list : NULL;
}

bool
flow_find_learned(struct flow_classifier *classifier, const struct flow_connection *connection,
                  const struct flow_party *peer, const struct flow_address *address,
                  const struct flow_text_list **learned)
{
    *learned = &classifier->nothing;
    if (classifier->policies->has_names && classifier->names != NULL &&
        connection->time != FLOW_TIME_NONE && peer->class == FLOW_PARTY_WORLD &&
        address->family != 0) {
        *learned = flow_names_of(classifier, connection->node_name, address, connection->time);
    }
    return *learned != NULL;
}

bool
flow_find_server_names(struct flow_classifier *classifier, const struct flow_connection *connection,
                       const struct flow_party *server, const struct flow_text_list **learned)
{
    *learned = &classifier->nothing;
    if (classifier->names != NULL && connection->time != FLOW_TIME_NONE &&
        server->class != FLOW_PARTY_POD && connection->destination_address.family != 0) {
        *learned = flow_names_of(classifier, connection->node_name,
                                 &connection->destination_address, connection->time);
    }
    return *learned != NULL;
}

bool
flow_make_question(struct flow_classifier *classifier, const struct flow_connection *connection,
                   const struct flow_ends *ends, uint8_t direction, struct flow_question *question)
{
    const struct flow_policies *set = classifier->policies;
    const bool egress = direction == FLOW_DIRECTION_EGRESS;
    const struct flow_str cluster = flow_cluster_of(connection->node_name);
    const struct flow_endpoint *peer = egress ? connection->destination : connection->source;

    *question = (struct flow_question){
        .subject = egress ? ends->client : ends->server,
        .peer = egress ? ends->server : ends->client,
        .direction = direction,
        .protocol = connection->protocol,
        .has_port = connection->has_port,
        .port = connection->destination_port,
        .peer_address = egress ? connection->destination_address : connection->source_address,
        .names = egress ? connection->destination_names : connection->source_names,
        .learned = &classifier->nothing,
        .set = set,
    };
    question->local_cluster = cluster.len > 0                      ? cluster
                              : set->settings.cluster_name.len > 0 ? set->settings.cluster_name
                                                                   : question->subject->cluster;
    if (question->subject->class == FLOW_PARTY_HOST) {
        question->node = cluster.ptr != NULL && cluster.len > 0
                             ? flow_str_from(connection->node_name, cluster.len + 1)
                             : connection->node_name;
    }
    question->peer_local = flow_party_may_report(question->subject) && peer->local_id != 0;
    return flow_find_learned(classifier, connection, question->peer, &question->peer_address,
                             &question->learned);
}

bool
flow_asks_for_requests(const struct flow_decision *decision)
{
    return decision->l7 && (decision->expected == FLOW_EXPECTED_ALLOW ||
                            decision->expected == FLOW_EXPECTED_ALLOW_DEFAULT ||
                            decision->expected == FLOW_EXPECTED_NOT_APPLICABLE ||
                            decision->expected == FLOW_EXPECTED_UNDECIDABLE);
}

int
flow_judge_request(struct flow_classifier *classifier, const struct flow_question *question,
                   const struct flow_l7 *l7, struct flow_decision *decision)
{
    const struct flow_request request = {
        .l7 = l7,
        .double_star = classifier->policies->settings.double_star == FLOW_YES,
    };

    return flow_decide_request(&classifier->decider, question, &request, decision);
}
