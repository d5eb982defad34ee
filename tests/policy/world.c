/* SPDX-License-Identifier: Apache-2.0 */
/* Rows to Hubble lines, lines to answers. Knows the wire form; leaves meaning to the tests. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

#define ANSWER_MAX 512

/* The next word of a text, without the spaces around it; "" at the end. */
static struct flow_str
next_word(const char **text)
{
    struct flow_str word;

    while (**text == ' ') {
        (*text)++;
    }
    word.ptr = *text;
    while (**text != ' ' && **text != '\0') {
        (*text)++;
    }
    word.len = (size_t)(*text - word.ptr);
    return word;
}

/* An end of a connection, as its words tell it. */
struct end {
    struct flow_str namespace_name, pod_name, cluster, account;
    struct flow_buf labels; /* JSON strings with commas between */
    struct flow_buf names;
    char address[64]; /* "" for none */
    unsigned identity;
    bool silent; /* nothing is known but the name */
    bool bare;   /* no labels */
    bool nothing;
};

static void
add_item(struct flow_buf *list, const char *head, struct flow_str text)
{
    flow_buf_add_format(list, "%s\"%s%.*s\"", list->len > 0 ? "," : "", head, (int)text.len,
                        text.ptr);
}

/* An address that is the pod's alone as far as a test goes. */
static void
invent_address(struct flow_str name, struct end *end)
{
    unsigned hash = 7;

    for (size_t i = 0; i < name.len; i++) {
        hash = hash * 31 + (unsigned char)name.ptr[i];
    }
    snprintf(end->address, sizeof(end->address), "10.244.%u.%u", hash / 251 % 251, hash % 251 + 1);
}

static void
begin_pod(struct flow_str name, struct end *end)
{
    const char *slash = memchr(name.ptr, '/', name.len);

    end->namespace_name = (struct flow_str){ name.ptr, (size_t)(slash - name.ptr) };
    end->pod_name = flow_str_from(name, end->namespace_name.len + 1);
    end->cluster = FLOW_STR("default");
    end->account = FLOW_STR("default");
    end->identity = 20000;
    invent_address(name, end);
}

static void
begin_reserved(struct flow_str name, struct end *end)
{
    static const struct {
        const char *name, *address;
        unsigned identity;
    } known[] = {
        { "host", "10.0.0.1", 1 },           { "world", "203.0.113.9", 2 },
        { "unmanaged", "10.244.9.9", 3 },    { "health", "10.244.9.4", 4 },
        { "init", "10.244.9.5", 5 },         { "remote-node", "10.0.0.2", 6 },
        { "kube-apiserver", "10.0.0.7", 7 }, { "ingress", "10.244.9.8", 8 },
        { "world-ipv4", "203.0.113.9", 9 },  { "world-ipv6", "2001:db8::9", 10 },
    };

    while (name.len > 0) {
        const char *plus = memchr(name.ptr, '+', name.len);
        const size_t len = plus != NULL ? (size_t)(plus - name.ptr) : name.len;
        const struct flow_str part = { name.ptr, len };

        for (size_t i = 0; i < COUNT(known); i++) {
            if (flow_str_is(part, known[i].name) && end->identity == 0) {
                end->identity = known[i].identity;
                snprintf(end->address, sizeof(end->address), "%s", known[i].address);
            }
        }
        assert_int_not_equal(end->identity, 0);
        add_item(&end->labels, "reserved:", part);
        name = flow_str_from(name, len + (plus != NULL));
    }
}

static void
take_end_word(struct flow_str word, struct end *end)
{
    const char *colon = memchr(word.ptr, ':', word.len);

    if (word.ptr[0] == '@') {
        snprintf(end->address, sizeof(end->address), "%.*s", (int)word.len - 1, word.ptr + 1);
    } else if (flow_str_is(word, "?")) {
        end->silent = true;
    } else if (flow_str_is(word, "bare")) {
        end->bare = true;
    } else if (flow_str_starts(word, FLOW_STR("ns:"))) {
        add_item(&end->labels, "k8s:io.cilium.k8s.namespace.labels.", flow_str_from(word, 3));
    } else if (flow_str_starts(word, FLOW_STR("cluster:"))) {
        end->cluster = flow_str_from(word, 8);
    } else if (flow_str_starts(word, FLOW_STR("sa:"))) {
        end->account = flow_str_from(word, 3);
    } else if (flow_str_starts(word, FLOW_STR("id:"))) {
        end->identity = (unsigned)strtoul(word.ptr + 3, NULL, 10);
    } else if (flow_str_starts(word, FLOW_STR("name:"))) {
        add_item(&end->names, "", flow_str_from(word, 5));
    } else {
        add_item(&end->labels, colon != NULL ? "" : "k8s:", word);
    }
}

static void
read_end(const char *text, struct end *end)
{
    struct flow_str word = next_word(&text);

    memset(end, 0, sizeof(*end));
    if (memchr(word.ptr, '/', word.len) != NULL) {
        begin_pod(word, end);
    } else if (flow_str_is(word, "?")) {
        end->nothing = true;
    } else {
        begin_reserved(word, end);
    }
    for (word = next_word(&text); word.len > 0; word = next_word(&text)) {
        take_end_word(word, end);
    }
    if (end->pod_name.len > 0 && !end->silent) {
        add_item(&end->labels, "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=",
                 end->namespace_name);
        add_item(&end->labels, "k8s:io.cilium.k8s.policy.cluster=", end->cluster);
        add_item(&end->labels, "k8s:io.cilium.k8s.policy.serviceaccount=", end->account);
        add_item(&end->labels, "k8s:io.kubernetes.pod.namespace=", end->namespace_name);
    }
}

static void
free_end(struct end *end)
{
    flow_buf_free(&end->labels);
    flow_buf_free(&end->names);
}

static void
write_end(struct flow_buf *out, const char *key, const struct end *end, bool local)
{
    flow_buf_add_format(out, "\"%s\":{", key);
    if (!end->nothing) {
        if (local) {
            flow_buf_add_text(out, "\"ID\":17,");
        }
        flow_buf_add_format(out, "\"identity\":%u", end->silent ? 0 : end->identity);
        if (end->pod_name.len > 0) {
            flow_buf_add_format(out, ",\"namespace\":\"%.*s\",\"pod_name\":\"%.*s\"",
                                (int)end->namespace_name.len, end->namespace_name.ptr,
                                (int)end->pod_name.len, end->pod_name.ptr);
        }
        if (!end->silent && !end->bare) {
            flow_buf_add_format(out, ",\"labels\":[%.*s]", (int)end->labels.len,
                                end->labels.ptr != NULL ? end->labels.ptr : "");
        }
    }
    flow_buf_add_text(out, "},");
}

static void
write_flags(struct flow_buf *out, const char *flags)
{
    flow_buf_add_text(out, ",\"flags\":{");
    while (*flags != '\0') {
        const size_t len = strcspn(flags, ",");

        flow_buf_add_format(out, "\"%.*s\":true%s", (int)len, flags, flags[len] != '\0' ? "," : "");
        flags += len + (flags[len] != '\0');
    }
    flow_buf_add_char(out, '}');
}

static void
write_l4(struct flow_buf *out, const struct world_flow *flow)
{
    const char *text = flow->port;
    const struct flow_str protocol = next_word(&text);
    const struct flow_str number = next_word(&text);

    if (protocol.len == 0) {
        return;
    }
    flow_buf_add_format(out, "\"l4\":{\"%.*s\":{", (int)protocol.len, protocol.ptr);
    if (flow_str_starts(protocol, FLOW_STR("ICMP"))) {
        flow_buf_add_format(out, "\"type\":%.*s", (int)number.len, number.ptr);
    } else if (number.len > 0) {
        flow_buf_add_format(out, "\"source_port\":%d,\"destination_port\":%.*s",
                            flow->source_port != 0 ? flow->source_port : 40000, (int)number.len,
                            number.ptr);
        if (flow_str_is(protocol, "TCP") && (flow->flags == NULL || flow->flags[0] != '-')) {
            write_flags(out, flow->flags != NULL ? flow->flags : "SYN");
        }
    }
    flow_buf_add_text(out, "}},");
}

static void
write_l7(struct flow_buf *out, const char *text)
{
    const struct flow_str type = next_word(&text);
    const struct flow_str protocol = next_word(&text);
    struct flow_str what;

    flow_buf_add_format(out, "\"Type\":\"L7\",\"l7\":{\"type\":\"%.*s\",\"%.*s\":{", (int)type.len,
                        type.ptr, (int)protocol.len, protocol.ptr);
    text += strspn(text, " ");
    if (text[0] == '"') {
        flow_buf_add_text(out, text);
    } else {
        what = next_word(&text);
        flow_buf_add_format(out, "\"%s\":\"%.*s\"",
                            flow_str_is(protocol, "dns") ? "query" : "method", (int)what.len,
                            what.ptr);
    }
    flow_buf_add_text(out, "}},");
}

static void
write_event(struct flow_buf *out, const struct world_flow *flow)
{
    const char reply = flow->reply != '\0' ? flow->reply : 'n';
    const int event = flow->event != 0 ? flow->event : flow->l7 != NULL ? 129 : 5;

    if (flow->drop_reason != 0) {
        flow_buf_add_format(out, "\"drop_reason\":%d,", flow->drop_reason);
    }
    if (flow->trace != NULL) {
        flow_buf_add_format(out, "\"trace_observation_point\":\"%s\",", flow->trace);
    }
    if (flow->reason != NULL) {
        flow_buf_add_format(out, "\"trace_reason\":\"%s\",", flow->reason);
    }
    if (reply != '?') {
        flow_buf_add_format(out, "\"is_reply\":%s,", reply == 'y' ? "true" : "false");
    }
    if (flow->side != '?') {
        flow_buf_add_format(out, "\"traffic_direction\":\"%s\",",
                            flow->side == 'e' ? "EGRESS" : "INGRESS");
    }
    if (flow->l7 != NULL) {
        write_l7(out, flow->l7);
    } else {
        flow_buf_add_format(out, "\"Type\":\"%s\",", event == 7 ? "SOCK" : "L3_L4");
    }
    flow_buf_add_format(out, "\"event_type\":{\"type\":%d}", event);
}

static void
write_addresses(struct flow_buf *out, const struct end *from, const struct end *to)
{
    const bool v6 = strchr(from->address, ':') != NULL || strchr(to->address, ':') != NULL;

    flow_buf_add_format(out,
                        "\"IP\":{\"source\":\"%s\",\"destination\":\"%s\",\"ipVersion\":\"%s\"},",
                        from->address, to->address, v6 ? "IPv6" : "IPv4");
}

static void
write_flow(struct flow_buf *out, const struct world_flow *flow)
{
    const char local = flow->local != '\0' ? flow->local
                       : flow->side == 'e' ? 's'
                       : flow->side == 'i' ? 'd'
                                           : '-';
    struct end from, to;

    read_end(flow->from, &from);
    read_end(flow->to, &to);
    flow_buf_add_format(out, "{\"flow\":{\"time\":\"2026-09-01T10:00:00Z\",\"verdict\":\"%s\",",
                        flow->verdict != NULL ? flow->verdict : "FORWARDED");
    write_addresses(out, &from, &to);
    write_l4(out, flow);
    write_end(out, "source", &from, local == 's');
    write_end(out, "destination", &to, local == 'd');
    if (from.names.len > 0) {
        flow_buf_add_format(out, "\"source_names\":[%.*s],", (int)from.names.len, from.names.ptr);
    }
    if (to.names.len > 0) {
        flow_buf_add_format(out, "\"destination_names\":[%.*s],", (int)to.names.len, to.names.ptr);
    }
    write_event(out, flow);
    flow_buf_add_text(out, ",\"node_name\":\"default/node-1\"},\"node_name\":\"default/node-1\","
                           "\"time\":\"2026-09-01T10:00:00Z\"}\n");
    free_end(&from);
    free_end(&to);
}

/* "undecidable no-labels named-port" */
static void
describe_answer(uint8_t expected, uint32_t undecided, char text[ANSWER_MAX])
{
    int at = snprintf(text, ANSWER_MAX, "%s", flow_expected_name(expected));

    for (unsigned code = 0; code < FLOW_UNDECIDED_COUNT; code++) {
        if ((undecided & (1u << code)) != 0) {
            at += snprintf(text + at, ANSWER_MAX - (size_t)at, " %s", flow_undecided_name(code));
        }
    }
}

/* What decided: "name egress[0]", "name", or "". */
static void
describe_decider(const struct flow_decision *decision, char text[ANSWER_MAX])
{
    text[0] = '\0';
    if (decision != NULL && decision->policy != NULL) {
        snprintf(text, ANSWER_MAX, "%s%s%.*s", decision->policy->name,
                 decision->rule.len > 0 ? " " : "", (int)decision->rule.len, decision->rule.ptr);
    }
}

/* Tells of a difference; returns how many there are, 0 or 1. */
static unsigned
differs(const struct world_flow *flow, size_t row, const char *what, const char *found,
        const char *expected)
{
    if (expected == NULL || strcmp(found, expected) == 0) {
        return 0;
    }
    print_message("# row %zu: %s -> %s, %s, %c: expected %s %s, found %s\n", row, flow->from,
                  flow->to, flow->port, flow->side, what, expected, found);
    return 1;
}

static unsigned
compare(const struct world_flow *flow, size_t row, const struct flow_record *record)
{
    const char judged[2] = { flow->judged, '\0' };
    char found[2] = { '?', '\0' };
    char text[ANSWER_MAX];
    unsigned wrong = 0;

    describe_answer(record->expected, record->undecided, text);
    wrong += differs(flow, row, "answer", text, flow->answer);
    describe_decider(record->decision, text);
    wrong += differs(flow, row, "decided by", text, flow->by);
    wrong += differs(flow, row, "result", flow_result_name(record->result), flow->result);
    wrong += differs(flow, row, "observed", flow_observed_name(record->observed), flow->observed);
    wrong += differs(flow, row, "scope", flow_scope_name(record->scope), flow->scope);
    if (record->judged_direction != FLOW_DIRECTION_UNKNOWN) {
        found[0] = record->judged_direction == FLOW_DIRECTION_EGRESS ? 'e' : 'i';
    }
    wrong += differs(flow, row, "side", found, flow->judged != '\0' ? judged : NULL);
    return wrong;
}

/* The same connection, asked directly: one question has one answer. */
static unsigned
compare_explanation(struct flow_classifier *classifier, const struct flow_dict *dict,
                    const struct world_flow *flow, size_t row, const struct flow_record *record)
{
    char found[ANSWER_MAX], expected[ANSWER_MAX];
    struct flow_explanation explanation;
    struct flow_connection connection;

    if (record->decision == NULL || record->decision->direction == FLOW_DIRECTION_UNKNOWN ||
        flow->reply == '?' || flow->side == '?') {
        return 0; /* nothing was decided, or from more than one reading */
    }
    flow_connection_of(record, &connection);
    assert_int_equal(flow_classifier_explain(classifier, dict, &connection,
                                             record->judged_direction, &explanation, NULL),
                     FLOW_OK);
    describe_answer(explanation.decision.expected, explanation.decision.undecided, found);
    describe_answer(record->decision->expected, record->decision->undecided, expected);
    return differs(flow, row, "in its explanation", found, expected);
}

unsigned
world_check(const struct flow_policies *policies, const struct world_flow *flows, size_t count)
{
    struct flow_reader_options options;
    struct flow_classifier *classifier;
    struct flow_reader *reader;
    struct flow_batch *batch;
    struct flow_buf lines = { 0 };
    unsigned wrong = 0;
    size_t row = 0;

    if (count == 0) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        write_flow(&lines, &flows[i]);
    }
    assert_false(lines.failed);
    flow_reader_options_init(&options, sizeof(options));
    assert_int_equal(flow_reader_open_memory(&reader, lines.ptr, lines.len, &options, NULL),
                     FLOW_OK);
    assert_int_equal(flow_batch_new(&batch, NULL), FLOW_OK);
    assert_int_equal(flow_classifier_new(&classifier, policies, NULL), FLOW_OK);
    while (flow_reader_next(reader, batch, NULL) == FLOW_OK) {
        assert_int_equal(flow_batch_problem_count(batch), 0);
        assert_int_equal(flow_classifier_run(classifier, batch, NULL), FLOW_OK);
        for (size_t i = 0; i < flow_batch_count(batch); i++, row++) {
            const struct flow_record *record = flow_batch_at(batch, i);

            wrong += compare(&flows[row], row, record);
            wrong +=
                compare_explanation(classifier, flow_reader_dict(reader), &flows[row], row, record);
        }
    }
    assert_int_equal(row, count);
    flow_classifier_free(classifier);
    flow_batch_free(batch);
    flow_reader_close(reader);
    flow_buf_free(&lines);
    return wrong;
}

static void
write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* "cilium-1.19 NAME=VALUE ...": an engine and its settings. */
static void
take_engine(struct flow_policies_options *load, const char *text, char engine[256],
            const char *settings[WORLD_SETTINGS_MAX])
{
    load->engine = NULL;
    load->settings = settings;
    load->setting_count = 0;
    if (text == NULL) {
        return;
    }
    assert_true(strlen(text) < 256);
    load->engine = strcpy(engine, text);
    for (char *space = strchr(engine, ' '); space != NULL; space = strchr(space, ' ')) {
        *space++ = '\0';
        assert_true(load->setting_count < WORLD_SETTINGS_MAX);
        settings[load->setting_count++] = space;
    }
}

struct flow_policies *
world_load(const struct world_options *options, const char *manifests)
{
    char dir[] = "/tmp/libflow-policy-XXXXXX";
    char path[sizeof(dir) + sizeof(WORLD_FILE)];
    const char *const paths[] = { path };
    const char *settings[WORLD_SETTINGS_MAX];
    char engine[256];
    struct flow_policies_options load;
    struct flow_policies *policies;
    struct flow_error err;
    int rc;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/%s", dir, WORLD_FILE);
    write_file(path, manifests);
    flow_policies_options_init(&load, sizeof(load));
    if (options->no_manifests) {
        load.snapshots = paths;
        load.snapshot_count = 1;
    } else {
        load.manifests = paths;
        load.manifest_count = 1;
    }
    take_engine(&load, options->engine, engine, settings);
    load.default_namespace = options->default_namespace;
    load.partial = options->partial;
    load.variables = options->variables;
    while (load.variables != NULL && load.variables[load.variable_count] != NULL) {
        load.variable_count++;
    }
    rc = flow_policies_load(&policies, &load, &err);
    unlink(path);
    rmdir(dir);
    if (rc != FLOW_OK) {
        fail_msg("%s", err.message);
    }
    return policies;
}

unsigned
world_ask(const char *engine, const char *manifests, const struct world_flow *flows, size_t count)
{
    const struct world_options options = { .engine = engine };
    struct flow_policies *policies = world_load(&options, manifests);
    unsigned wrong = 0;

    for (size_t i = 0; i < flow_policies_note_count(policies); i++) {
        const struct flow_note *note = flow_policies_note_at(policies, i);

        if (note->level == FLOW_NOTE_ERROR) {
            print_message("# %u:%u: %s\n", note->error.line, note->error.column,
                          note->error.message);
            wrong++;
        }
    }
    wrong += world_check(policies, flows, count);
    if (wrong > 0) {
        print_message("# of engine %s\n", engine != NULL ? engine : "cilium-1.19");
    }
    flow_policies_free(policies);
    return wrong;
}

static const char *
answer_of_letter(char letter)
{
    static const struct {
        char letter;
        const char *answer;
    } answers[] = {
        { '+', "allow" },
        { 'd', "allow_default" },
        { '-', "deny_default" },
        { 'x', "deny_explicit" },
        { 'n', "not_applicable" },
        { 'l', "undecidable no-labels" },
        { 'f', "undecidable no-dns-evidence" },
        { 'p', "undecidable named-port" },
        { 'i', "undecidable inventory" },
        { 'h', "undecidable placeholder" },
        { 'o', "undecidable undefined" },
        { 'u', "undecidable unmodelled" },
        { 't', "undecidable priority-tie" },
        { 'q', "undecidable no-request" },
        { ' ', NULL },
    };

    for (size_t i = 0; i < COUNT(answers); i++) {
        if (answers[i].letter == letter) {
            return answers[i].answer;
        }
    }
    fail_msg("no answer has the letter %c", letter);
    return NULL;
}

/* The manifests with the text of a row in its places. */
static void
fill_in(struct flow_buf *out, const char *manifests, const char *text)
{
    const char *place;

    while ((place = strstr(manifests, "%s")) != NULL) {
        flow_buf_add(out, manifests, (size_t)(place - manifests));
        flow_buf_add_text(out, text);
        manifests = place + 2;
    }
    flow_buf_add(out, manifests, strlen(manifests) + 1);
    assert_false(out->failed);
}

unsigned
world_matrix(const char *engine, const char *manifests, const struct world_row *rows,
             size_t row_count, const struct world_flow *flows, size_t flow_count)
{
    struct world_flow *asked = calloc(flow_count, sizeof(*asked));
    unsigned wrong = 0;

    assert_non_null(asked);
    for (size_t i = 0; i < row_count; i++) {
        struct flow_buf text = { 0 };
        unsigned found;

        if (strlen(rows[i].answers) != flow_count) {
            fail_msg("%zu answers for %zu flows at %s", strlen(rows[i].answers), flow_count,
                     rows[i].text);
        }
        for (size_t f = 0; f < flow_count; f++) {
            asked[f] = flows[f];
            asked[f].answer = answer_of_letter(rows[i].answers[f]);
        }
        fill_in(&text, manifests, rows[i].text);
        found = world_ask(engine, text.ptr, asked, flow_count);
        if (found > 0) {
            print_message("# in %s\n", rows[i].text);
        }
        wrong += found;
        flow_buf_free(&text);
    }
    free(asked);
    return wrong;
}
