/* SPDX-License-Identifier: Apache-2.0 */
/* The part of toPorts that is about requests: http, dns, kafka and l7 rules, and serverNames. */
#include <stdlib.h>
#include <strings.h>

#include "base/str.h"
#include "policy/read.h"
#include "policy/request.h"

enum { VERSION_DIGITS_MAX = 6 };

static const char *const http_members[] = { "path",    "method",        "host",
                                            "headers", "headerMatches", NULL };
static const char *const match_members[] = { "mismatch", "name", "secret", "value", NULL };
static const char *const dns_members[] = { "matchName", "matchPattern", NULL };
static const char *const kafka_members[] = { "role",     "apiKey", "apiVersion",
                                             "clientID", "topic",  NULL };

/* A text member that is an expression; compiled once for the whole set. */
static bool
read_regex(struct flow_policy_reader *reader, const struct flow_node *map, const char *key,
           const struct flow_regex **regex, uint32_t *why)
{
    struct flow_str text = FLOW_STR("");
    struct flow_regex *made = NULL;
    struct flow_error error;
    bool placeholder = false;
    int rc;

    if (!flow_field_text_member(reader->context, map, key, &text, &placeholder) || text.len == 0 ||
        placeholder) {
        *why |= placeholder ? FLOW_UNDECIDED_PLACEHOLDER : 0;
        return text.len == 0 ? flow_field(map, key) == NULL || text.ptr != NULL : true;
    }
    *regex = flow_cache_find(reader->regexes, text);
    if (*regex != NULL) {
        return true;
    }
    rc = flow_regex_new(&made, text, &error);
    if (rc == FLOW_E_PARSE) {
        return flow_field_refuse(reader->context, flow_field(map, key), "%s", error.message);
    }
    if (rc != FLOW_OK || !flow_cache_put(reader->regexes, text, made)) {
        flow_regex_free(made);
        flow_fail_memory(reader->context->err);
        return false;
    }
    *regex = made;
    return true;
}

/* "Name: value" or "Name"; the value begins behind the first space. */
static bool
read_header(struct flow_policy_reader *reader, const struct flow_node *node,
            struct flow_header_rule *header, uint32_t *why)
{
    bool placeholder = false;
    struct flow_str text;
    const char *space;

    if (!flow_field_text(reader->context, node, "headers[]", &text, &placeholder)) {
        return false;
    }
    *why |= placeholder ? FLOW_UNDECIDED_PLACEHOLDER : 0;
    space = text.len > 0 ? memchr(text.ptr, ' ', text.len) : NULL;
    header->name = text;
    if (space != NULL) {
        header->has_value = true;
        header->name.len = (size_t)(space - text.ptr);
        header->value = flow_str_from(text, header->name.len + 1);
        while (header->name.len > 0 && header->name.ptr[header->name.len - 1] == ':') {
            header->name.len--;
        }
    }
    return header->name.len > 0 || flow_field_fail(reader->context, node, "a header's name");
}

static bool
read_header_match(struct flow_policy_reader *reader, const struct flow_node *map,
                  struct flow_header_rule *header, uint32_t *why)
{
    static const char *const actions[] = { "LOG", "ADD", "DELETE", "REPLACE" };
    struct flow_str mismatch = FLOW_STR("");
    const struct flow_node *secret;
    bool placeholder = false;

    if (!flow_field_is_map(reader->context, map, "headerMatches[]")) {
        return false;
    }
    flow_field_only(reader->context, map, "headerMatches[]", match_members);
    header->value = FLOW_STR("");
    if (!flow_field_text_member(reader->context, map, "name", &header->name, &placeholder) ||
        !flow_field_text_member(reader->context, map, "value", &header->value, &placeholder) ||
        !flow_field_text_member(reader->context, map, "mismatch", &mismatch, NULL) ||
        !flow_policy_map(reader, map, "secret", &secret)) {
        return false;
    }
    if (header->name.len == 0) {
        return flow_field_refuse(reader->context, map, "expected a header's name, found none");
    }
    header->secret = secret != NULL;
    header->has_value = header->value.len > 0 || header->secret;
    *why |= placeholder ? FLOW_UNDECIDED_PLACEHOLDER : 0;
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        header->tolerated |= flow_str_is(mismatch, actions[i]);
    }
    return header->tolerated || mismatch.len == 0 ||
           flow_field_fail(reader->context, flow_field(map, "mismatch"),
                           "LOG, ADD, DELETE or REPLACE at mismatch");
}

static bool
read_http(struct flow_policy_reader *reader, const struct flow_node *map,
          struct flow_request_rule *rule)
{
    const struct flow_node *headers, *matches;

    flow_field_only(reader->context, map, "http[]", http_members);
    if (!read_regex(reader, map, "method", &rule->method, &rule->why) ||
        !read_regex(reader, map, "path", &rule->path, &rule->why) ||
        !read_regex(reader, map, "host", &rule->host, &rule->why) ||
        !flow_field_list(reader->context, map, "headers", &headers) ||
        !flow_field_list(reader->context, map, "headerMatches", &matches)) {
        return false;
    }
    rule->headers = flow_policy_array(
        reader, (headers != NULL ? headers->count : 0) + (matches != NULL ? matches->count : 0),
        sizeof(*rule->headers));
    for (size_t i = 0; rule->headers != NULL && headers != NULL && i < headers->count; i++) {
        if (!read_header(reader, headers->items[i], &rule->headers[rule->header_count++],
                         &rule->why)) {
            return false;
        }
    }
    for (size_t i = 0; rule->headers != NULL && matches != NULL && i < matches->count; i++) {
        if (!read_header_match(reader, matches->items[i], &rule->headers[rule->header_count++],
                               &rule->why)) {
            return false;
        }
    }
    return rule->headers != NULL;
}

static bool
read_dns(struct flow_policy_reader *reader, const struct flow_node *map,
         struct flow_request_rule *rule)
{
    bool placeholder = false;

    flow_field_only(reader->context, map, "dns[]", dns_members);
    if (!flow_field_text_member(reader->context, map, "matchName", &rule->name, &placeholder) ||
        !flow_field_text_member(reader->context, map, "matchPattern", &rule->pattern,
                                &placeholder)) {
        return false;
    }
    rule->why |= placeholder ? FLOW_UNDECIDED_PLACEHOLDER : 0;
    if (!placeholder && !flow_cilium_is_name(rule->name, false)) {
        return flow_field_fail(reader->context, flow_field(map, "matchName"), "a DNS name");
    }
    return placeholder || flow_cilium_is_name(rule->pattern, true) ||
           flow_field_fail(reader->context, flow_field(map, "matchPattern"), "a DNS name pattern");
}

static bool
read_role(struct flow_policy_reader *reader, const struct flow_node *map,
          struct flow_request_rule *rule)
{
    struct flow_str role = FLOW_STR("");

    if (!flow_field_text_member(reader->context, map, "role", &role, NULL)) {
        return false;
    }
    rule->produces = role.len == 7 && strncasecmp(role.ptr, "produce", 7) == 0;
    rule->consumes = role.len == 7 && strncasecmp(role.ptr, "consume", 7) == 0;
    if (role.len > 0 && !rule->produces && !rule->consumes) {
        return flow_field_fail(reader->context, flow_field(map, "role"),
                               "produce or consume at role");
    }
    return role.len == 0 || rule->api_key.len == 0 ||
           flow_field_refuse(reader->context, flow_field(map, "role"),
                             "expected one of role and apiKey, found both");
}

static bool
read_kafka(struct flow_policy_reader *reader, const struct flow_node *map,
           struct flow_request_rule *rule)
{
    struct flow_str version = FLOW_STR(""), client = FLOW_STR("");
    bool placeholder = false;

    flow_field_only(reader->context, map, "kafka[]", kafka_members);
    rule->api_version = -1;
    if (!flow_field_text_member(reader->context, map, "apiKey", &rule->api_key, &placeholder) ||
        !flow_field_text_member(reader->context, map, "apiVersion", &version, NULL) ||
        !flow_field_text_member(reader->context, map, "topic", &rule->topic, &placeholder) ||
        !flow_field_text_member(reader->context, map, "clientID", &client, NULL) ||
        !read_role(reader, map, rule)) {
        return false;
    }
    rule->client = client.len > 0;
    rule->why |= placeholder ? FLOW_UNDECIDED_PLACEHOLDER : 0;
    if (!placeholder && rule->api_key.len > 0 && !flow_kafka_knows(rule->api_key)) {
        return flow_field_fail(reader->context, flow_field(map, "apiKey"), "an API key of Kafka");
    }
    if (version.len > 0) {
        char digits[VERSION_DIGITS_MAX + 1] = "";
        char *end = digits;

        if (version.len <= VERSION_DIGITS_MAX) {
            memcpy(digits, version.ptr, version.len);
            rule->api_version = (int32_t)strtol(digits, &end, 10);
        }
        if (version.len > VERSION_DIGITS_MAX || *end != '\0' || rule->api_version < 0) {
            return flow_field_fail(reader->context, flow_field(map, "apiVersion"),
                                   "a number at apiVersion");
        }
    }
    return true;
}

static const struct {
    const char *name;
    uint8_t protocol; /* enum flow_l7_protocol */
    bool (*read)(struct flow_policy_reader *reader, const struct flow_node *map,
                 struct flow_request_rule *rule);
} kinds[] = {
    { "http", FLOW_L7_HTTP, read_http },
    { "dns", FLOW_L7_DNS, read_dns },
    { "kafka", FLOW_L7_KAFKA, read_kafka },
};

static bool
read_rules(struct flow_policy_reader *reader, const struct flow_node *list, size_t kind,
           struct flow_request_filter *filter)
{
    filter->protocol = kinds[kind].protocol;
    filter->rules = flow_policy_array(reader, list->count, sizeof(*filter->rules));
    for (size_t i = 0; filter->rules != NULL && i < list->count; i++) {
        if (!flow_field_is_map(reader->context, list->items[i], kinds[kind].name) ||
            !kinds[kind].read(reader, list->items[i], &filter->rules[filter->rule_count++])) {
            return false;
        }
    }
    return filter->rules != NULL;
}

bool
flow_cilium_read_requests(struct flow_policy_reader *reader, const struct flow_node *entry,
                          const struct flow_request_filter **out)
{
    const struct flow_node *rules = flow_field(entry, "rules");
    const struct flow_node *names = flow_field(entry, "serverNames");
    struct flow_request_filter *filter = flow_policy_array(reader, 1, sizeof(*filter));
    bool other = flow_field(entry, "listener") != NULL || flow_field(rules, "l7proto") != NULL;
    bool any = other;

    *out = NULL;
    if (filter == NULL) {
        return false;
    }
    filter->server_names = names != NULL && names->count > 0;
    filter->protocol = other ? FLOW_L7_NONE : FLOW_L7_HTTP;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct flow_node *list = flow_field(rules, kinds[i].name);

        if (list != NULL && list->count > 0) {
            any = true;
            if (!read_rules(reader, list, i, filter)) {
                return false;
            }
        }
    }
    for (size_t i = 0; names != NULL && i < names->count; i++) {
        struct flow_str text;

        if (!flow_field_text(reader->context, names->items[i], "serverNames[]", &text, NULL)) {
            return false;
        }
    }
    *out = any || filter->server_names ? filter : NULL;
    return true;
}
