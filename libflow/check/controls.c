/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the evidence shows of the controls that a trusted research environment answers for. That
 * nothing was found shows something only where enough was seen, and where it was declared what
 * there is to find.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "check/tally.h"
#include "intent/intent.h"
#include "policy/policies.h"

/* Below this share of nodes and time nothing is shown, where the document asks for no other. */
static const double enough = 0.99;

const char *
flow_control_answer_name(uint8_t answer)
{
    static const char *const names[] = { "not shown", "met", "not met" };

    return answer < sizeof(names) / sizeof(names[0]) ? names[answer] : "unknown";
}

struct answering {
    struct flow_tally *tally;
    const struct flow_intent_document *intent; /* or NULL */
    struct flow_control *control;
    struct flow_buf text;
};

static uint64_t
findings_of(const struct flow_tally *tally, const char *const *rules)
{
    uint64_t count = 0;

    for (size_t i = 0; i < tally->finding_count; i++) {
        for (size_t r = 0; rules[r] != NULL; r++) {
            const struct flow_finding *finding = &tally->findings[i];

            /* what is not approved inside is about projects where they are what speaks of it */
            count += strcmp(finding->rule->id, rules[r]) == 0 &&
                     (strcmp(rules[r], "FC211") != 0 ||
                      (finding->statement != NULL &&
                       strcmp(finding->statement->name, "eastWest.projects") == 0));
        }
    }
    return count;
}

static uint64_t
passed(const struct flow_tally *tally, uint8_t scope)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < FLOW_INTENT_COUNT; i++) {
        sum += tally->passed[scope][i];
    }
    return sum;
}

/* Why the absence of a finding shows nothing; false when it does show something. */
static bool
cannot_show(struct answering *answering)
{
    const struct flow_tally *tally = answering->tally;
    const struct flow_tally_totals *totals = &tally->totals;
    const double minimum = answering->intent != NULL && answering->intent->minimum_coverage >= 0
                               ? answering->intent->minimum_coverage
                               : enough;
    struct flow_buf *out = &answering->text;

    if (totals->flows == 0) {
        flow_buf_add_text(out, "no flow was read");
    } else if (totals->before_phases == totals->flows) {
        flow_buf_add_text(out,
                          "all flows are before the first phase, when nothing is in force yet");
    } else if (tally->coverage < minimum) {
        flow_buf_add_format(out, "%.2f%% of nodes and time were seen, less than %.2f%%",
                            100 * tally->coverage, 100 * minimum);
    } else if (totals->damaged > 0 || totals->cut_short || totals->refused > 0) {
        flow_buf_add_text(out, "a part of the input could not be read");
    } else if (totals->ungrouped > 0) {
        flow_buf_add_text(out, "there are more kinds of flows than can be told apart");
    } else {
        return false;
    }
    return true;
}

static void
add_scope(struct answering *answering, uint8_t scope, const char *what)
{
    const uint64_t count = passed(answering->tally, scope);

    flow_buf_add_format(&answering->text, "%llu %s passed", (unsigned long long)count, what);
}

/* A statement of phases that the evidence has nothing of. */
static bool
was_not_in_force(struct answering *answering, uint8_t section)
{
    if (section >= FLOW_SECTION_COUNT || answering->tally->in_force[section] > 0) {
        return false;
    }
    flow_buf_add_text(&answering->text, "it is in force at no time of the evidence");
    return true;
}

/* A control about one kind of traffic: no finding, nothing undecided, enough seen. */
static uint8_t
answer_scope(struct answering *answering, uint8_t section, uint8_t scope, const char *what)
{
    const uint64_t *nowhere = answering->tally->passed[FLOW_SCOPE_UNKNOWN];
    /* what is between unknown ends may be of this scope too */
    const uint64_t unknown = answering->tally->passed[scope][FLOW_INTENT_UNDECIDABLE] +
                             nowhere[FLOW_INTENT_UNDECIDABLE] + nowhere[FLOW_INTENT_NO_STATEMENT];
    struct flow_buf *out = &answering->text;

    if (answering->control->findings > 0) {
        flow_buf_add_format(out, "%llu %s against it; ",
                            (unsigned long long)answering->control->findings,
                            answering->control->findings == 1 ? "finding is" : "findings are");
        add_scope(answering, scope, what);
        return FLOW_CONTROL_NOT_MET;
    }
    if (cannot_show(answering) || was_not_in_force(answering, section)) {
        return FLOW_CONTROL_NOT_SHOWN;
    }
    if (unknown > 0) {
        flow_buf_add_format(out, "for %llu %s a fact is missing", (unsigned long long)unknown,
                            what);
        return FLOW_CONTROL_NOT_SHOWN;
    }
    add_scope(answering, scope, what);
    flow_buf_add_text(out, ", none of them against it");
    return FLOW_CONTROL_MET;
}

static uint8_t
not_declared(struct answering *answering, const char *what)
{
    flow_buf_add_format(
        &answering->text, "%s declares %s",
        answering->intent != NULL ? "the intent document nowhere" : "no intent document", what);
    return FLOW_CONTROL_NOT_SHOWN;
}

static uint8_t
answer_gateway(struct answering *answering)
{
    return answering->intent == NULL || !answering->intent->gateways.given
               ? not_declared(answering, "gateways")
               : answer_scope(answering, FLOW_SECTION_GATEWAYS, FLOW_SCOPE_INGRESS,
                              "flows from outside");
}

static uint8_t
answer_egress(struct answering *answering)
{
    if (answering->intent == NULL || !answering->intent->egress.given) {
        return not_declared(answering, "egress");
    }
    if (!answering->intent->egress.deny) {
        flow_buf_add_text(&answering->text, "the intent document allows outbound by default");
        return FLOW_CONTROL_NOT_MET;
    }
    return answer_scope(answering, FLOW_SECTION_EGRESS, FLOW_SCOPE_EGRESS, "flows to outside");
}

static uint8_t
answer_cidr(struct answering *answering)
{
    return answering->intent == NULL || answering->intent->pods.count +
                                                answering->intent->services.count +
                                                answering->intent->nodes.count ==
                                            0
               ? not_declared(answering, "the cluster's prefixes")
               : answer_scope(answering, FLOW_SECTION_COUNT, FLOW_SCOPE_EAST_WEST,
                              "flows inside the cluster");
}

static uint8_t
answer_projects(struct answering *answering)
{
    return answering->intent == NULL || answering->intent->projects.statement.name == NULL ||
                   !answering->intent->projects.isolate
               ? not_declared(answering, "isolated projects")
               : answer_scope(answering, FLOW_SECTION_EAST_WEST, FLOW_SCOPE_EAST_WEST,
                              "flows inside the cluster");
}

static uint8_t
answer_control_plane(struct answering *answering)
{
    return answering->intent == NULL || !answering->intent->control.given
               ? not_declared(answering, "who reaches the control plane")
               : answer_scope(answering, FLOW_SECTION_CONTROL, FLOW_SCOPE_CONTROL_PLANE,
                              "flows of the control plane");
}

static uint8_t
answer_exceptions(struct answering *answering)
{
    if (answering->intent == NULL || !answering->intent->egress.given) {
        return not_declared(answering, "exceptions");
    }
    flow_buf_add_format(&answering->text, "%zu %s recorded; ", answering->intent->egress.count,
                        answering->intent->egress.count == 1 ? "exception is" : "exceptions are");
    return answer_scope(answering, FLOW_SECTION_EGRESS, FLOW_SCOPE_EGRESS, "flows to outside");
}

/* A control that is about all traffic, whatever its scope. */
static uint8_t
answer_findings(struct answering *answering, uint8_t section)
{
    uint64_t unknown = 0;

    for (uint8_t i = 0; i < FLOW_SCOPE_COUNT; i++) {
        unknown += answering->tally->passed[i][FLOW_INTENT_UNDECIDABLE];
    }
    if (answering->control->findings > 0) {
        flow_buf_add_format(&answering->text, "%llu %s against it",
                            (unsigned long long)answering->control->findings,
                            answering->control->findings == 1 ? "finding is" : "findings are");
        return FLOW_CONTROL_NOT_MET;
    }
    if (cannot_show(answering) || was_not_in_force(answering, section)) {
        return FLOW_CONTROL_NOT_SHOWN;
    }
    if (unknown > 0) {
        flow_buf_add_format(&answering->text, "for %llu flows a fact is missing",
                            (unsigned long long)unknown);
        return FLOW_CONTROL_NOT_SHOWN;
    }
    flow_buf_add_format(&answering->text, "%llu flows, none of them against it",
                        (unsigned long long)answering->tally->totals.flows);
    return FLOW_CONTROL_MET;
}

static uint8_t
answer_zones(struct answering *answering)
{
    return answering->intent == NULL || !answering->intent->zone_pairs.given
               ? not_declared(answering, "pairs of zones")
               : answer_findings(answering, FLOW_SECTION_ZONES);
}

static uint8_t
answer_layers(struct answering *answering)
{
    return answering->intent == NULL || answering->intent->layer_count == 0
               ? not_declared(answering, "outer controls")
               : answer_findings(answering, FLOW_SECTION_LAYERS);
}

/* A feature of policies that denies: "CNP egress, denied by default". */
static bool
add_feature(struct flow_intern *features, uint8_t kind, uint8_t direction, bool deny_rule)
{
    char text[80];

    snprintf(text, sizeof(text), "%s %s %s", flow_policy_kind_name(kind),
             direction == FLOW_DIRECTION_EGRESS ? "egress" : "ingress",
             deny_rule ? "deny rule" : "default deny");
    return flow_intern_add(features, flow_str_of(text), NULL) != FLOW_INTERN_NONE;
}

static bool
find_declared(const struct flow_policies *policies, struct flow_intern *features)
{
    for (size_t i = 0; i < policies->list.count; i++) {
        const struct flow_policy *policy = &policies->list.policies[i];

        for (uint8_t d = FLOW_DIRECTION_INGRESS; d <= FLOW_DIRECTION_EGRESS; d++) {
            if (policy->isolates[d] && !add_feature(features, policy->info.kind, d, false)) {
                return false;
            }
        }
        for (size_t r = 0; r < policy->rule_count; r++) {
            if (policy->rules[r].deny &&
                !add_feature(features, policy->info.kind, policy->rules[r].direction, true)) {
                return false;
            }
        }
    }
    return true;
}

/* What dropped traffic put to the test. */
static bool
find_tested(const struct flow_tally *tally, struct flow_intern *features)
{
    for (size_t i = 0; i < tally->group_count; i++) {
        const struct flow_group_key *key = &tally->groups[i].key;
        const struct flow_decision *decision =
            (const struct flow_decision *)(uintptr_t)key->decision;

        if (key->kind == FLOW_GROUP_RESULT && key->result == FLOW_RESULT_REJECTED &&
            decision->policy != NULL &&
            !add_feature(features, decision->policy->kind, decision->direction,
                         decision->expected == FLOW_EXPECTED_DENY_EXPLICIT)) {
            return false;
        }
    }
    return true;
}

static int
compare_texts(const void *left, const void *right)
{
    return flow_str_compare(*(const struct flow_str *)left, *(const struct flow_str *)right);
}

/* The features of a set that another has too, or has not. */
static bool
add_features(struct flow_buf *out, const struct flow_intern *set, const struct flow_intern *other,
             bool in_other, const char *head)
{
    struct flow_str *texts = malloc(((size_t)set->count + 1) * sizeof(*texts));
    size_t count = 0;

    if (texts == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < set->count; i++) {
        if ((flow_intern_find(other, flow_intern_text(set, i)) != FLOW_INTERN_NONE) == in_other) {
            texts[count++] = flow_intern_text(set, i);
        }
    }
    if (count > 1) {
        qsort(texts, count, sizeof(*texts), compare_texts);
    }
    for (size_t i = 0; i < count; i++) {
        flow_buf_add_text(out, i == 0 ? head : ", ");
        flow_buf_add_str(out, texts[i]);
    }
    free(texts);
    return true;
}

static bool
add_tests(struct answering *answering)
{
    struct flow_intern declared, tested;
    bool ok = (int)flow_intern_init(&declared) & (int)flow_intern_init(&tested);

    ok = ok && find_declared(answering->tally->policies, &declared) &&
         find_tested(answering->tally, &tested) &&
         add_features(&answering->text, &tested, &tested, true, "; put to the test: ") &&
         add_features(&answering->text, &declared, &tested, false, "; never put to the test: ");
    flow_intern_free(&declared);
    flow_intern_free(&tested);
    if (!ok) {
        answering->text.failed = true;
    }
    return ok;
}

static uint8_t
answer_enforced(struct answering *answering)
{
    const struct flow_tally *tally = answering->tally;
    const uint64_t dropped = tally->final[FLOW_RESULT_REJECTED];
    uint8_t answer = FLOW_CONTROL_MET;

    if (tally->policies == NULL || flow_policies_count(tally->policies) == 0) {
        flow_buf_add_text(&answering->text, "no policies were given");
        return FLOW_CONTROL_NOT_SHOWN;
    }
    if (answering->control->findings > 0) {
        flow_buf_add_format(&answering->text,
                            "%llu flows passed that the policies deny, %llu were dropped",
                            (unsigned long long)(tally->final[FLOW_RESULT_ESCAPED] +
                                                 tally->final[FLOW_RESULT_WOULD_REJECT]),
                            (unsigned long long)dropped);
        answer = FLOW_CONTROL_NOT_MET;
    } else if (dropped == 0) {
        flow_buf_add_text(&answering->text,
                          "nothing was tried that the policies deny, so whether it would have "
                          "been dropped is not known");
        answer = FLOW_CONTROL_NOT_SHOWN;
    } else if (cannot_show(answering)) {
        answer = FLOW_CONTROL_NOT_SHOWN;
    } else {
        flow_buf_add_format(&answering->text,
                            "%llu flows that the policies deny were dropped, none passed",
                            (unsigned long long)dropped);
    }
    add_tests(answering);
    return answer;
}

static const struct {
    const char *id, *statement, *satre;
    uint8_t (*answer)(struct answering *answering);
    const char *rules[8]; /* of findings that are against it */
} controls[] = {
    { "gateway-only",
      "external access only through the gateway",
      "2.2.09, 2.8.02",
      answer_gateway,
      { "FC201", "FC218" } },
    { "cni-enforces",
      "the CNI enforces the network policies",
      "2.2.09, 2.2.12",
      answer_enforced,
      { "FC101", "FC102", "FC103", "FC107" } },
    { "outbound-approved",
      "outbound blocked by default, or to approved address and port only",
      "2.1.09, 2.2.11",
      answer_egress,
      { "FC203", "FC204", "FC208", "FC217" } },
    { "cluster-cidr-private",
      "the cluster's addresses are for in-cluster use only",
      "2.2.09",
      answer_cidr,
      { "FC210" } },
    { "projects-isolated",
      "projects isolated from each other",
      "2.1.08, 2.1.14, 2.2.10",
      answer_projects,
      { "FC202", "FC211" } },
    { "control-plane-declared",
      "API server, etcd, kubelet and webhooks reached only by who is declared",
      "2.2.09",
      answer_control_plane,
      { "FC209" } },
    { "exceptions-recorded",
      "every exception recorded with owner, reason, mitigation and expiry",
      "2.1.09, 1.3.03, 1.4.02",
      answer_exceptions,
      { "FC203", "FC204", "FC214", "FC215", "FC217" } },
    { "zones-separate",
      "traffic between zones only where a pair is declared",
      "2.2.09",
      answer_zones,
      { "FC213" } },
    { "two-controls",
      "the outer controls allow what passes",
      "2.2.09",
      answer_layers,
      { "FC212" } },
};

enum { CONTROLS = sizeof(controls) / sizeof(controls[0]) };

bool
flow_tally_answer(struct flow_tally *tally)
{
    struct answering answering = { .tally = tally, .intent = tally->intent };
    bool ok;

    tally->controls = flow_arena_array(&tally->finding_arena, CONTROLS, sizeof(*tally->controls));
    ok = tally->controls != NULL;
    for (size_t i = 0; ok && i < CONTROLS; i++) {
        answering.control = &tally->controls[i];
        flow_buf_reset(&answering.text);
        *answering.control = (struct flow_control){
            .id = controls[i].id,
            .statement = controls[i].statement,
            .satre = controls[i].satre,
            .findings = findings_of(tally, controls[i].rules),
        };
        answering.control->answer = controls[i].answer(&answering);
        answering.control->evidence =
            flow_arena_str(&tally->finding_arena, flow_buf_str(&answering.text));
        ok = !answering.text.failed && answering.control->evidence.ptr != NULL;
    }
    tally->control_count = ok ? CONTROLS : 0;
    flow_buf_free(&answering.text);
    return ok;
}

size_t
flow_tally_control_count(const struct flow_tally *tally)
{
    return tally->control_count;
}

const struct flow_control *
flow_tally_control_at(const struct flow_tally *tally, size_t i)
{
    return i < tally->control_count ? &tally->controls[i] : NULL;
}
