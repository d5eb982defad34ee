/* SPDX-License-Identifier: Apache-2.0 */
/* Findings about the evidence itself: where it has holes, a flow that is not there may have been.
 */
#include "base/str.h"
#include "check/builder.h"
#include "intent/intent.h"

/* Lost events are a finding of their own: in that gap the absence of a flow proves nothing. */
static bool
keep_lost(struct flow_builder *builder, const struct flow_node_seen *node)
{
    struct flow_finding finding = {
        .rule = flow_report_rule_named("FC501"),
        .count = node->lost,
        .first = node->lost_first,
        .last = node->lost_last,
        .source = node->name,
        .destination = FLOW_STR(""),
    };

    flow_buf_reset(&builder->text);
    flow_buf_add_text(
        &builder->text,
        "events were lost on this node, so a flow that is not here may have happened");
    finding.explanation = flow_builder_text(builder);
    return flow_builder_keep(builder, &finding);
}

static bool
keep_restart(struct flow_builder *builder, const struct flow_node_seen *node)
{
    struct flow_finding finding = {
        .rule = flow_report_rule_named("FC504"),
        .count = node->restarts,
        .first = node->restart_first,
        .last = node->restart_last,
        .source = node->name,
        .destination = FLOW_STR(""),
    };

    flow_buf_reset(&builder->text);
    flow_buf_add_text(&builder->text,
                      "the agent of this node started anew; what passed while it was down is not "
                      "in the log");
    finding.explanation = flow_builder_text(builder);
    return flow_builder_keep(builder, &finding);
}

/* Nodes are missed only where the document says which are to be there, or how much of them. */
static bool
asks_coverage(const struct flow_tally *tally)
{
    return tally->intent != NULL &&
           (tally->intent->minimum_coverage >= 0 || tally->intent->expected_nodes.count > 0);
}

/* Whether another node was heard of while this one was silent for longest. */
static bool
others_spoke(const struct flow_tally *tally, uint32_t silent)
{
    const struct flow_node_seen *node = &tally->nodes[silent];

    for (uint32_t i = 0; i < tally->node_names.count; i++) {
        const struct flow_spans *seen = &tally->times[i].seen;

        for (size_t s = 0; i != silent && s < seen->count; s++) {
            if (seen->spans[s].from < node->gap_last && seen->spans[s].until > node->gap_first) {
                return true;
            }
        }
    }
    return false;
}

static bool
keep_silence(struct flow_builder *builder, uint32_t number)
{
    const struct flow_tally *tally = builder->tally;
    const struct flow_node_seen *node = &tally->nodes[number];
    char from[FLOW_TIME_TEXT_MAX];
    char until[FLOW_TIME_TEXT_MAX];
    struct flow_finding finding = {
        .rule = flow_report_rule_named("FC502"),
        .count = node->gaps,
        .first = node->gap_first,
        .last = node->gap_last,
        .source = node->name,
        .destination = FLOW_STR(""),
    };

    flow_buf_reset(&builder->text);
    if (node->flows == 0) {
        flow_buf_add_text(&builder->text, "no record of this node is in the evidence, which is "
                                          "declared to have all of its nodes");
    } else {
        flow_buf_add_format(
            &builder->text,
            "this node was not heard of for longer than coverage.silence; the longest time is "
            "from %s to %s, when %s",
            flow_time_format(node->gap_first, from), flow_time_format(node->gap_last, until),
            others_spoke(tally, number)
                ? "other nodes were heard of"
                : "no node was heard of: rotated away, or not exported, or all was quiet");
    }
    finding.explanation = flow_builder_text(builder);
    return flow_builder_keep(builder, &finding);
}

/* Whether a node's times are apart from those of every other one. */
static bool
is_apart(const struct flow_tally *tally, uint32_t number)
{
    const struct flow_spans *own = &tally->times[number].seen;
    bool others = false;

    for (uint32_t i = 0; i < tally->node_names.count; i++) {
        const struct flow_spans *seen = &tally->times[i].seen;

        if (i == number || seen->count == 0 || !tally->nodes[i].expected) {
            continue;
        }
        others = true;
        if (seen->spans[0].from <= own->spans[own->count - 1].until &&
            seen->spans[seen->count - 1].until >= own->spans[0].from) {
            return false;
        }
    }
    return others;
}

static bool
keep_skew(struct flow_builder *builder, const struct flow_node_seen *node)
{
    struct flow_finding finding = {
        .rule = flow_report_rule_named("FC505"),
        .count = node->flows,
        .first = node->first,
        .last = node->last,
        .source = node->name,
        .destination = FLOW_STR(""),
    };

    flow_buf_reset(&builder->text);
    flow_buf_add_text(&builder->text,
                      "all times of this node are before or behind those of every other node: "
                      "its clock is off, or the nodes were not recorded at the same time");
    finding.explanation = flow_builder_text(builder);
    return flow_builder_keep(builder, &finding);
}

bool
flow_builder_gaps(struct flow_builder *builder)
{
    const struct flow_tally *tally = builder->tally;

    for (uint32_t i = 0; i < tally->node_names.count; i++) {
        const struct flow_node_seen *node = &tally->nodes[i];

        if ((node->lost > 0 && !keep_lost(builder, node)) ||
            (node->restarts > 0 && !keep_restart(builder, node)) ||
            (asks_coverage(tally) && node->expected && node->gaps > 0 &&
             !keep_silence(builder, i)) ||
            (asks_coverage(tally) && node->expected && tally->times[i].seen.count > 0 &&
             is_apart(tally, i) && !keep_skew(builder, node))) {
            return false;
        }
    }
    return true;
}
