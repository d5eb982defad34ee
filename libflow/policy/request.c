/* SPDX-License-Identifier: Apache-2.0 */
/* Requests against rules, by the policy facts (3.10). */
#include "policy/request.h"

#include <strings.h>

#include "base/str.h"
#include "policy/match.h"

/* What Hubble writes in the place of a value that it hides. */
#define REDACTED "HUBBLE_REDACTED"

static const struct flow_tri not_told = { FLOW_MAYBE, FLOW_UNDECIDED_NO_REQUEST };

static bool
same_word(struct flow_str a, struct flow_str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

/* A URL in parts; ptr is NULL for a part that it does not tell. */
struct url {
    struct flow_str authority, path;
};

static size_t
find_any(struct flow_str text, size_t from, const char *bytes)
{
    while (from < text.len && strchr(bytes, text.ptr[from]) == NULL) {
        from++;
    }
    return from;
}

static struct url
split_url(struct flow_str text)
{
    struct url url = { { NULL, 0 }, { NULL, 0 } };
    const char *scheme = text.len > 3 ? memmem(text.ptr, text.len, "://", 3) : NULL;
    const char *at;
    size_t end;

    if (text.len > 0 && (text.ptr[0] == '/' || text.ptr[0] == '*')) {
        url.path = text;
        return url;
    }
    if (scheme == NULL) {
        return url;
    }
    text = flow_str_from(text, (size_t)(scheme - text.ptr) + 3);
    end = find_any(text, 0, "/?");
    url.authority = (struct flow_str){ text.ptr, end };
    at = end > 0 ? memrchr(text.ptr, '@', end) : NULL;
    if (at != NULL) {
        url.authority = flow_str_from(url.authority, (size_t)(at - text.ptr) + 1);
    }
    url.path = end < text.len && text.ptr[end] == '/' ? flow_str_from(text, end) : FLOW_STR("/");
    if (end < text.len && text.ptr[end] == '?') {
        url.path =
            (struct flow_str){ NULL, 0 }; /* "/" and the query, which do not stand together */
    }
    return url;
}

static const struct flow_pair *
find_header(const struct flow_l7 *l7, const char *name)
{
    for (uint32_t i = 0; i < l7->http_header_count; i++) {
        if (same_word(l7->http_headers[i].name, flow_str_of(name))) {
            return &l7->http_headers[i];
        }
    }
    return NULL;
}

static struct flow_tri
match_regex(const struct flow_regex *regex, struct flow_str text)
{
    if (regex == NULL) {
        return flow_tri_of(true);
    }
    if (text.ptr == NULL) {
        return not_told;
    }
    switch (flow_regex_match(regex, text)) {
    case FLOW_REGEX_YES:
        return flow_tri_of(true);
    case FLOW_REGEX_NO:
        return flow_tri_of(false);
    default:
        return flow_tri_maybe(FLOW_UNDECIDED_UNDEFINED);
    }
}

/* Headers of a response are not those of its request. */
static struct flow_tri
match_header(const struct flow_header_rule *rule, const struct flow_l7 *l7)
{
    struct flow_tri any = flow_tri_of(false);

    if (rule->tolerated) {
        return flow_tri_of(true);
    }
    if (l7->http_header_count == 0 || l7->type != FLOW_L7_REQUEST) {
        return not_told;
    }
    for (uint32_t i = 0; i < l7->http_header_count; i++) {
        const struct flow_pair *header = &l7->http_headers[i];
        const bool hidden = flow_str_is(header->value, REDACTED);

        if (!same_word(header->name, rule->name)) {
            continue;
        }
        any = flow_tri_or(any, rule->secret || (rule->has_value && hidden) ? not_told
                               : !rule->has_value
                                   ? flow_tri_of(true)
                                   : flow_tri_of(flow_str_equal(header->value, rule->value)));
    }
    return any;
}

static struct flow_tri
match_http(const struct flow_request_rule *rule, const struct flow_l7 *l7)
{
    const struct url url = split_url(l7->http_url);
    const struct flow_pair *host = NULL;
    struct flow_str authority = url.authority;
    struct flow_tri all;

    if (authority.len == 0) {
        host = find_header(l7, ":authority");
        host = host != NULL ? host : find_header(l7, "Host");
        authority =
            host != NULL && l7->type == FLOW_L7_REQUEST && !flow_str_is(host->value, REDACTED)
                ? host->value
                : (struct flow_str){ NULL, 0 };
    }
    all = match_regex(rule->method, l7->http_method);
    all = flow_tri_and(all, match_regex(rule->path, url.path));
    all = flow_tri_and(all, match_regex(rule->host, authority));
    for (size_t i = 0; i < rule->header_count && all.truth != FLOW_FALSE; i++) {
        all = flow_tri_and(all, match_header(&rule->headers[i], l7));
    }
    return all;
}

static struct flow_tri
match_dns(const struct flow_request_rule *rule, const struct flow_request *request)
{
    const struct flow_str query = request->l7->dns_query;

    if (query.len == 0) {
        return not_told;
    }
    return flow_tri_of(
        (rule->name.len > 0 && flow_fqdn_match(rule->name, request->double_star, query)) ||
        (rule->pattern.len > 0 && flow_fqdn_match(rule->pattern, request->double_star, query)));
}

enum { PRODUCES = 1, CONSUMES = 2, HAS_TOPICS = 4 };

static const struct {
    const char *name;
    uint8_t flags;
} kafka_keys[] = {
    { "produce", PRODUCES | HAS_TOPICS },
    { "fetch", CONSUMES | HAS_TOPICS },
    { "offsets", CONSUMES | HAS_TOPICS },
    { "metadata", PRODUCES | CONSUMES | HAS_TOPICS },
    { "leaderandisr", HAS_TOPICS },
    { "stopreplica", HAS_TOPICS },
    { "updatemetadata", HAS_TOPICS },
    { "controlledshutdown", 0 },
    { "offsetcommit", CONSUMES | HAS_TOPICS },
    { "offsetfetch", CONSUMES | HAS_TOPICS },
    { "findcoordinator", CONSUMES },
    { "joingroup", CONSUMES },
    { "heartbeat", CONSUMES },
    { "leavegroup", CONSUMES },
    { "syncgroup", CONSUMES },
    { "describegroups", 0 },
    { "listgroups", 0 },
    { "saslhandshake", 0 },
    { "apiversions", PRODUCES | CONSUMES },
    { "createtopics", HAS_TOPICS },
    { "deletetopics", HAS_TOPICS },
    { "deleterecords", HAS_TOPICS },
    { "initproducerid", 0 },
    { "offsetforleaderepoch", HAS_TOPICS },
    { "addpartitionstotxn", HAS_TOPICS },
    { "addoffsetstotxn", 0 },
    { "endtxn", 0 },
    { "writetxnmarkers", HAS_TOPICS },
    { "txnoffsetcommit", HAS_TOPICS },
    { "describeacls", 0 },
    { "createacls", 0 },
    { "deleteacls", 0 },
    { "describeconfigs", 0 },
    { "alterconfigs", 0 },
};

enum { KAFKA_UNKNOWN = 0x80 };

static uint8_t
kafka_flags(struct flow_str api_key)
{
    for (size_t i = 0; i < sizeof(kafka_keys) / sizeof(kafka_keys[0]); i++) {
        if (same_word(api_key, flow_str_of(kafka_keys[i].name))) {
            return kafka_keys[i].flags;
        }
    }
    return KAFKA_UNKNOWN;
}

bool
flow_kafka_knows(struct flow_str api_key)
{
    return kafka_flags(api_key) != KAFKA_UNKNOWN;
}

static struct flow_tri
match_kafka(const struct flow_request_rule *rule, const struct flow_l7 *l7)
{
    const uint8_t flags = kafka_flags(l7->kafka_api_key);
    const bool asks_topic = rule->topic.len > 0 && (flags & HAS_TOPICS) != 0;
    bool key = true;

    if (l7->kafka_api_key.len == 0 || flags == KAFKA_UNKNOWN) {
        return not_told;
    }
    if (rule->produces || rule->consumes) {
        key = (flags & (rule->produces ? PRODUCES : CONSUMES)) != 0;
    } else if (rule->api_key.len > 0) {
        key = same_word(rule->api_key, l7->kafka_api_key);
    }
    if (!key || (rule->api_version >= 0 && rule->api_version != l7->kafka_api_version) ||
        (asks_topic && l7->kafka_topic.len > 0 && !flow_str_equal(rule->topic, l7->kafka_topic))) {
        return flow_tri_of(false);
    }
    return rule->client || (asks_topic && l7->kafka_topic.len == 0) ? not_told : flow_tri_of(true);
}

static struct flow_tri
match_rule(const struct flow_request_rule *rule, uint8_t protocol,
           const struct flow_request *request)
{
    struct flow_tri answer;

    switch (protocol) {
    case FLOW_L7_HTTP:
        answer = match_http(rule, request->l7);
        break;
    case FLOW_L7_DNS:
        answer = match_dns(rule, request);
        break;
    default:
        answer = match_kafka(rule, request->l7);
        break;
    }
    return answer.truth != FLOW_FALSE && rule->why != 0 ? flow_tri_maybe(answer.why | rule->why)
                                                        : answer;
}

struct flow_tri
flow_match_request(const struct flow_request_filter *filter, const struct flow_request *request)
{
    struct flow_tri any = flow_tri_of(false);

    if (filter->protocol == FLOW_L7_NONE) {
        any = flow_tri_maybe(FLOW_UNDECIDED_UNMODELLED);
    } else if (filter->rule_count == 0) {
        any = flow_tri_of(true); /* the names of servers alone */
    } else if (filter->protocol == request->l7->protocol) {
        for (size_t i = 0; i < filter->rule_count && any.truth != FLOW_TRUE; i++) {
            any = flow_tri_or(any, match_rule(&filter->rules[i], filter->protocol, request));
        }
    }
    return any;
}
