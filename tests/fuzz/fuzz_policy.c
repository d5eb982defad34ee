/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies put together from fragments that the bytes choose, good ones and slightly bad ones, and
 * connections decided against them under every engine. The order of the objects in the file is no
 * part of any answer. With FUZZ_SHOW in the environment the text goes to standard error. FUZZ_SET
 * says what the target is about.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "fuzz_check.h"
#include "fuzz_fragments.h"
#include "libflow/report.h"

#ifndef FUZZ_SET
#define FUZZ_SET fuzz_set_policy
#endif

enum { OBJECTS_MAX = 8, DECISIONS_MAX = 3 * (FUZZ_FLOWS_MAX + 10) };

static const char *const engines[] = { "cilium-1.17", "cilium-1.18", "cilium-1.19", "cilium-1.20",
                                       "kubernetes" };

#define POD(namespace_name, app)                                                                   \
    "{\"identity\":1001,\"namespace\":\"" namespace_name "\",\"pod_name\":\"" app                  \
    "-1\",\"labels\":[\"k8s:app=" app "\",\"k8s:io.kubernetes.pod.namespace=" namespace_name       \
    "\",\"k8s:io.cilium.k8s.policy.cluster=default\"]}"
#define RESERVED(number, name) "{\"identity\":" number ",\"labels\":[\"reserved:" name "\"]}"
#define FLOW(from, to, l4, source, destination, rest)                                              \
    "{\"verdict\":\"FORWARDED\",\"IP\":{\"source\":\"" from "\",\"destination\":\"" to             \
    "\"},\"l4\":{" l4 "},\"source\":" source ",\"destination\":" destination "," rest "}\n"
#define PORTS(protocol, from, to)                                                                  \
    "\"" protocol "\":{\"source_port\":" from ",\"destination_port\":" to "}"
#define SEEN(direction, type)                                                                      \
    "\"is_reply\":false,\"traffic_direction\":\"" direction "\",\"event_type\":{\"type\":" type "}"

static const char *const flows[] = {
    FLOW("10.0.0.1", "10.0.0.2", PORTS("TCP", "4000", "80"), POD("shop", "web"), POD("data", "db"),
         SEEN("EGRESS", "4")),
    FLOW("10.0.0.1", "10.0.0.2", PORTS("TCP", "4000", "5432"), POD("shop", "web"),
         POD("data", "db"), SEEN("INGRESS", "5")),
    FLOW("10.0.0.1", "192.0.2.9", PORTS("UDP", "4000", "53"), POD("shop", "web"),
         RESERVED("2", "world"),
         SEEN("EGRESS", "5") ",\"destination_names\":[\"www.example.org\"]"),
    FLOW("2001:db8::1", "10.0.0.1", PORTS("TCP", "4000", "443"),
         RESERVED("16777217", "world-ipv6\",\"cidr:2001:db8::/32"), POD("shop", "web"),
         SEEN("INGRESS", "4")),
    FLOW("172.18.0.2", "10.0.0.1", PORTS("TCP", "4000", "9090"), RESERVED("1", "host"),
         POD("shop", "web"), SEEN("INGRESS", "4")),
    FLOW("10.0.0.1", "172.18.0.2", PORTS("TCP", "4000", "6443"), POD("shop", "web"),
         RESERVED("7", "kube-apiserver\",\"reserved:remote-node"), SEEN("EGRESS", "4")),
    FLOW("10.0.0.3", "10.0.0.2", "\"ICMPv4\":{\"type\":8}", POD("shop", "api"), POD("data", "db"),
         SEEN("INGRESS", "5")),
    FLOW("10.0.0.1", "10.96.0.10", PORTS("TCP", "4000", "80"), "{}", "{}", SEEN("EGRESS", "4")),
    FLOW("10.0.0.1", "10.0.0.7", PORTS("TCP", "4000", "80"), POD("shop", "web"), "{}",
         "\"event_type\":{\"type\":4}"),
    FLOW("10.0.0.2", "10.0.0.1", PORTS("TCP", "80", "4000"), POD("data", "db"), POD("shop", "web"),
         "\"is_reply\":true,\"traffic_direction\":\"INGRESS\",\"event_type\":{\"type\":4}"),
};

enum { FLOW_COUNT = sizeof(flows) / sizeof(flows[0]) };

/* The bytes as a row of choices; behind their end the first choice is always taken. */
struct choices {
    const uint8_t *at, *end;
};

static struct flow_reader *reader; /* its dictionary is that of the batch */
static struct flow_batch *batch;

static unsigned
choose(struct choices *choices, unsigned count)
{
    return choices->at < choices->end ? *choices->at++ % count : 0;
}

static const char *
choose_text(struct choices *choices, const struct fuzz_fragments *fragments)
{
    return fragments->texts[choose(choices, (unsigned)fragments->count)];
}

/* "[a, b, ...]" of none to three fragments. */
static void
add_list(struct flow_buf *out, struct choices *choices, const struct fuzz_fragments *fragments)
{
    static const uint8_t counts[] = { 1, 1, 2, 3, 0 };
    const unsigned count = counts[choose(choices, sizeof(counts))];

    flow_buf_add_char(out, '[');
    for (unsigned i = 0; i < count; i++) {
        flow_buf_add_text(out, i > 0 ? ", " : "");
        flow_buf_add_text(out, choose_text(choices, fragments));
    }
    flow_buf_add_char(out, ']');
}

static void
add_member(struct flow_buf *out, const char *name)
{
    flow_buf_add_format(out, "%s: ", name);
}

/* One rule of a section: members whose values are lists of fragments. */
static void
add_rule(struct flow_buf *out, struct choices *choices, const struct fuzz_section *section)
{
    const unsigned count = choose(choices, 4);

    flow_buf_add_char(out, '{');
    if (section->starts != NULL) {
        flow_buf_add_text(out, choose_text(choices, section->starts));
    }
    for (unsigned i = 0; i < count; i++) {
        const struct fuzz_member *member =
            &section->members[choose(choices, (unsigned)section->member_count)];

        flow_buf_add_text(out, i > 0 || section->starts != NULL ? ", " : "");
        add_member(out, member->name);
        if (member->is_list) {
            add_list(out, choices, member->values);
        } else {
            flow_buf_add_text(out, choose_text(choices, member->values));
        }
    }
    flow_buf_add_char(out, '}');
}

static void
add_section(struct flow_buf *out, struct choices *choices, const struct fuzz_section *section)
{
    const unsigned count = choose(choices, 4);

    if (count == 3) {
        return;
    }
    flow_buf_add_text(out, ", ");
    add_member(out, section->name);
    flow_buf_add_char(out, '[');
    for (unsigned i = 0; i < count; i++) {
        flow_buf_add_text(out, i > 0 ? ", " : "");
        add_rule(out, choices, section);
    }
    flow_buf_add_char(out, ']');
}

static void
add_spec(struct flow_buf *out, struct choices *choices, const struct fuzz_family *family)
{
    flow_buf_add_char(out, '{');
    flow_buf_add_text(out, choose_text(choices, family->subjects));
    for (size_t i = 0; i < family->section_count; i++) {
        add_section(out, choices, &family->sections[i]);
    }
    flow_buf_add_text(out, choose_text(choices, family->extras));
    flow_buf_add_text(out, "}\n");
}

/* An object as it is, but for its number. */
static void
add_whole(struct flow_buf *out, const char *text, unsigned number)
{
    for (; *text != '\0'; text++) {
        if (*text == '#') {
            flow_buf_add_format(out, "%u", number);
        } else {
            flow_buf_add_char(out, *text);
        }
    }
}

/* One policy. Its name is its own, for of equal names the last counts, and that is an order. */
static void
add_policy(struct flow_buf *out, struct choices *choices, unsigned number)
{
    static const char *const namespaces[] = { "shop", "data", "default", "${TEAM}", "${UNSET}" };
    const struct fuzz_family *family =
        &FUZZ_SET.families[choose(choices, (unsigned)FUZZ_SET.family_count)];

    if (family->whole != NULL) {
        add_whole(out, choose_text(choices, family->whole), number);
        return;
    }
    flow_buf_add_format(out, "apiVersion: %s\nkind: %s\nmetadata: {name: ", family->version,
                        family->kind);
    if (family->name != NULL && number == 0) {
        flow_buf_add_text(out, family->name);
    } else {
        flow_buf_add_format(out, "p%u", number);
    }
    if (!family->clusterwide && choose(choices, 8) != 7) {
        flow_buf_add_format(out, ", namespace: %s", namespaces[choose(choices, 5)]);
    }
    flow_buf_add_text(out, "}\nspec: ");
    add_spec(out, choices, family);
}

static void
make_objects(struct flow_buf objects[OBJECTS_MAX], struct choices *choices)
{
    for (unsigned i = 0; i < OBJECTS_MAX; i++) {
        if (i < 3 || choices->at < choices->end) {
            add_policy(&objects[i], choices, i);
        }
    }
}

/* What one order of the documents came to under one engine. */
struct outcome {
    size_t policies, errors, inventory;
    struct flow_decision decisions[DECISIONS_MAX];
    size_t count;
};

static void
keep(struct outcome *outcome, const struct flow_decision *decision)
{
    HOLDS(outcome->count < DECISIONS_MAX);
    fuzz_check_decision(decision);
    outcome->decisions[outcome->count++] = *decision;
}

/* One step decides, and the side of a flow that was judged is explained as it was. */
static void
check_explanation(const struct flow_explanation *side, const struct flow_record *record)
{
    const struct flow_decision *decision = &side->decision, *of_l4 = &side->l4_decision;
    size_t deciding = 0;

    for (size_t i = 0; i < side->step_count; i++) {
        HOLDS(side->steps[i].policy != NULL && side->steps[i].line > 0);
        HOLDS(side->steps[i].selects != FLOW_NO);
        HOLDS(!side->steps[i].decides || side->steps[i].policy == of_l4->policy);
        deciding += side->steps[i].decides;
    }
    HOLDS(deciding == (of_l4->policy != NULL));
    HOLDS(decision->request || decision->expected == of_l4->expected);
    if (record->decision != NULL && record->decision->direction == decision->direction &&
        record->is_reply != FLOW_UNKNOWN) {
        HOLDS(record->decision->expected == decision->expected);
        HOLDS(record->decision->undecided == decision->undecided);
        HOLDS(record->decision->policy == decision->policy);
    }
}

static void
explain(struct outcome *outcome, struct flow_classifier *classifier,
        const struct flow_record *record, bool write)
{
    const struct flow_dict *dict = flow_reader_dict(reader);
    struct flow_explanation sides[2];
    struct flow_connection connection;
    struct flow_error err;

    flow_connection_of(record, &connection);
    for (uint8_t i = 0; i < 2; i++) {
        const struct flow_explain_report report = {
            .source = FLOW_STR("source"),
            .destination = FLOW_STR("destination"),
            .protocol = connection.protocol,
            .has_port = connection.has_port,
            .port = connection.destination_port,
            .sides = &sides[i],
            .side_count = 1,
        };

        HOLDS(flow_classifier_explain(classifier, dict, &connection,
                                      i == 0 ? FLOW_DIRECTION_EGRESS : FLOW_DIRECTION_INGRESS,
                                      &sides[i], &err) == FLOW_OK);
        keep(outcome, &sides[i].decision);
        fuzz_check_decision(&sides[i].l4_decision);
        check_explanation(&sides[i], record);
        if (write) {
            struct flow_explainer *explainer;

            HOLDS(flow_explainer_open(&explainer, i == 0 ? "text" : "json", "/dev/null", &err) ==
                  FLOW_OK);
            HOLDS(flow_explainer_write(explainer, &report, &err) == FLOW_OK);
            HOLDS(flow_explainer_finish(explainer, &err) == FLOW_OK);
            flow_explainer_close(explainer);
        }
    }
}

static void
decide(struct outcome *outcome, const struct flow_policies *policies, bool write)
{
    struct flow_classifier *classifier;
    struct flow_error err;

    HOLDS(flow_classifier_new(&classifier, policies, &err) == FLOW_OK);
    HOLDS(flow_classifier_run(classifier, batch, &err) == FLOW_OK);
    for (size_t i = 0; i < flow_batch_count(batch); i++) {
        const struct flow_record *record = flow_batch_at(batch, i);

        fuzz_check_judged(record);
        keep(outcome, &(struct flow_decision){ .expected = record->expected,
                                               .undecided = record->undecided });
        explain(outcome, classifier, record, write);
    }
    flow_classifier_free(classifier);
}

static void
load(struct outcome *outcome, const struct flow_buf *text, const char *engine, bool write)
{
    static const char *const variables[] = { "TEAM=shop", "APP=web", "PORT=80", "NET=10.0.0.0/8" };
    static struct fuzz_file file;
    const char *const path = file.path;
    struct flow_policies_options options;
    struct flow_policies *policies;
    struct flow_error err;

    fuzz_file_set(&file, text->ptr, text->len);
    flow_policies_options_init(&options, sizeof(options));
    options.manifests = &path;
    options.manifest_count = 1;
    options.variables = variables;
    options.variable_count = sizeof(variables) / sizeof(variables[0]);
    options.engine = engine;
    HOLDS(flow_policies_load(&policies, &options, &err) == FLOW_OK);
    outcome->count = 0;
    outcome->policies = flow_policies_count(policies);
    outcome->errors = flow_policies_error_count(policies);
    outcome->inventory = flow_policies_inventory_count(policies);
    for (size_t i = 0; i < flow_policies_note_count(policies); i++) {
        const struct flow_note *note = flow_policies_note_at(policies, i);

        fuzz_check_error(&note->error, path);
        HOLDS(note->error.line > 0 && note->error.column > 0);
    }
    decide(outcome, policies, write);
    flow_policies_free(policies);
}

static void
check_same(const struct outcome *a, const struct outcome *b)
{
    HOLDS(a->policies == b->policies);
    HOLDS(a->errors == b->errors);
    HOLDS(a->inventory == b->inventory);
    HOLDS(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        HOLDS(a->decisions[i].expected == b->decisions[i].expected);
        HOLDS(a->decisions[i].undecided == b->decisions[i].undecided);
        HOLDS(a->decisions[i].l7 == b->decisions[i].l7);
    }
}

static void
read_flows(void)
{
    static struct flow_buf text; /* borrowed by the reader, which stays open */
    struct flow_error err;

    for (size_t i = 0; i < FLOW_COUNT; i++) {
        flow_buf_add_text(&text, flows[i]);
    }
    for (size_t i = 0; i < FUZZ_SET.flow_count; i++) {
        flow_buf_add_text(&text, FUZZ_SET.flows[i]);
    }
    HOLDS(!text.failed && flow_batch_new(&batch, &err) == FLOW_OK);
    HOLDS(flow_reader_open_memory(&reader, text.ptr, text.len, NULL, &err) == FLOW_OK);
    HOLDS(flow_reader_next(reader, batch, &err) == FLOW_OK);
    HOLDS(flow_batch_count(batch) == FLOW_COUNT + FUZZ_SET.flow_count &&
          flow_batch_problem_count(batch) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices choices = { data, data + size };
    struct flow_buf objects[OBJECTS_MAX + FUZZ_INVENTORY_MAX + 1] = { { 0 } };
    const size_t count = OBJECTS_MAX + FUZZ_SET.inventory_count + 1;
    struct flow_buf forward = { 0 }, backward = { 0 };
    static struct outcome first, second;

    if (reader == NULL) {
        read_flows();
    }
    for (size_t i = 0; i < FUZZ_SET.inventory_count; i++) {
        if (choose(&choices, 4) != 3) {
            flow_buf_add_text(&objects[OBJECTS_MAX + i], FUZZ_SET.inventory[i]);
        }
    }
    make_objects(objects, &choices);
    if (FUZZ_SET.maps != NULL) {
        flow_buf_add_text(&objects[count - 1], choose_text(&choices, FUZZ_SET.maps));
    }
    for (size_t i = 0; i < count; i++) {
        flow_buf_add_text(&forward, "---\n");
        flow_buf_add_str(&forward, flow_buf_str(&objects[i]));
        flow_buf_add_text(&backward, "---\n");
        flow_buf_add_str(&backward, flow_buf_str(&objects[count - 1 - i]));
    }
    if (getenv("FUZZ_SHOW") != NULL) {
        fwrite(forward.ptr, 1, forward.len, stderr);
    }
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
        load(&first, &forward, engines[i], i == 2);
        load(&second, &backward, engines[i], false);
        check_same(&first, &second);
    }
    for (size_t i = 0; i < count; i++) {
        flow_buf_free(&objects[i]);
    }
    flow_buf_free(&forward);
    flow_buf_free(&backward);
    return 0;
}
