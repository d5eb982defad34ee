/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report for a person: what came out in one line, then each finding with where and by which
 * rule, worst first, then how much was seen.
 */
#include <string.h>

#include "base/str.h"
#include "report/format.h"

#define RED "\033[1;31m"
#define YELLOW "\033[33m"
#define BOLD "\033[1m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"

/* Of relay.NodeState, what is good; numbers above it are not. */
enum { NODE_CONNECTED = 1 };

const char *
flow_node_state_word(uint32_t state)
{
    static const char *const words[] = { NULL, "connected", "unavailable", "gone", "failing" };

    return state < sizeof(words) / sizeof(words[0]) ? words[state] : "in an unknown state";
}

struct text {
    struct flow_buf *out;
    bool color;
};

static const char *
paint(const struct text *text, const char *code)
{
    return text->color ? code : "";
}

/* "12,345" */
static void
add_count(struct flow_buf *out, uint64_t value)
{
    char digits[32];
    size_t pos = sizeof(digits);
    unsigned count = 0;

    do {
        if (count > 0 && count % 3 == 0) {
            digits[--pos] = ',';
        }
        digits[--pos] = (char)('0' + value % 10);
        value /= 10;
        count++;
    } while (value > 0);
    flow_buf_add(out, digits + pos, sizeof(digits) - pos);
}

static void
add_span(struct flow_buf *out, int64_t first, int64_t last)
{
    char from[FLOW_TIME_TEXT_MAX];
    char to[FLOW_TIME_TEXT_MAX];

    if (first == FLOW_TIME_NONE) {
        return;
    }
    /* whole seconds are enough for a person */
    flow_time_format(first - ((first % 1000000000) + 1000000000) % 1000000000, from);
    flow_time_format(last - ((last % 1000000000) + 1000000000) % 1000000000, to);
    flow_buf_add_format(out, "%s", from);
    if (strcmp(from, to) != 0) {
        flow_buf_add_format(out, " to %s", strncmp(from, to, 11) == 0 ? to + 11 : to);
    }
}

static void
add_head(const struct text *text, const struct flow_tally *tally,
         const struct flow_tally_totals *totals)
{
    const struct flow_policies *policies = flow_tally_policies(tally);
    const size_t inputs = flow_tally_input_count(tally);

    flow_buf_add_text(text->out, paint(text, BOLD));
    add_count(text->out, totals->flows);
    flow_buf_add_format(text->out, " %s%s from %zu input%s", totals->flows == 1 ? "flow" : "flows",
                        paint(text, PLAIN), inputs, inputs == 1 ? "" : "s");
    if (totals->first != FLOW_TIME_NONE) {
        flow_buf_add_text(text->out, ", ");
        add_span(text->out, totals->first, totals->last);
    }
    flow_buf_add_char(text->out, '\n');
    if (policies != NULL) {
        flow_buf_add_format(text->out,
                            "%zu policies as %s enforces them, %zu objects in the "
                            "inventory\n",
                            flow_policies_count(policies), flow_policies_engine(policies),
                            flow_policies_inventory_count(policies));
    }
}

static void
add_results(const struct text *text, const struct flow_tally *tally)
{
    static const struct {
        uint8_t result;
        const char *color;
        const char *meaning;
    } rows[] = {
        { FLOW_RESULT_ESCAPED, RED, "passed although the policies deny it" },
        { FLOW_RESULT_MISDROPPED, YELLOW, "dropped although the policies allow it" },
        { FLOW_RESULT_WOULD_REJECT, YELLOW, "passed in audit mode although the policies deny it" },
        { FLOW_RESULT_UNPROTECTED, YELLOW, "passed because no policy isolates the endpoint" },
        { FLOW_RESULT_STALE_AUDIT, "", "reported by audit mode although the policies allow it" },
        { FLOW_RESULT_UNDECIDED, YELLOW, "cannot be decided, a fact is missing" },
        { FLOW_RESULT_REJECTED, "", "dropped as the policies say" },
        { FLOW_RESULT_PERMITTED, "", "passed as the policies say" },
        { FLOW_RESULT_FAILED, "", "dropped or failed for another reason than policy" },
        { FLOW_RESULT_NOT_APPLICABLE, "", "at an end that no policy is about" },
    };

    flow_buf_add_char(text->out, '\n');
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint64_t count = flow_tally_result(tally, rows[i].result);
        struct flow_buf number = { 0 };

        if (count == 0 && rows[i].result != FLOW_RESULT_ESCAPED) {
            continue;
        }
        add_count(&number, count);
        flow_buf_add_format(text->out, "  %s%12.*s  %-14s%s %s\n",
                            count > 0 ? paint(text, rows[i].color) : "", (int)number.len,
                            number.ptr != NULL ? number.ptr : "", flow_result_name(rows[i].result),
                            count > 0 ? paint(text, PLAIN) : "", rows[i].meaning);
        text->out->failed |= number.failed;
        flow_buf_free(&number);
    }
}

/* What a finding counts. */
static const char *
noun_of(const struct flow_finding *finding)
{
    static const struct {
        const char *rule, *one, *many;
    } nouns[] = {
        { "FC501", "event", "events" },
        { "FC502", "gap", "gaps" },
        { "FC504", "start", "starts" },
    };

    for (size_t i = 0; i < sizeof(nouns) / sizeof(nouns[0]); i++) {
        if (strcmp(finding->rule->id, nouns[i].rule) == 0) {
            return finding->count == 1 ? nouns[i].one : nouns[i].many;
        }
    }
    return finding->count == 1 ? "flow" : "flows";
}

static void
add_finding(const struct text *text, const struct flow_finding *finding)
{
    const bool grave = finding->rule->severity >= FLOW_SEVERITY_HIGH;

    flow_buf_add_format(text->out, "\n%s%-8s%s %s (%s)  ", paint(text, grave ? RED : YELLOW),
                        flow_severity_name(finding->rule->severity), paint(text, PLAIN),
                        finding->rule->name, finding->rule->id);
    add_count(text->out, finding->count);
    flow_buf_add_format(text->out, " %s\n         %s", noun_of(finding), paint(text, BOLD));
    flow_buf_add_clean(text->out, finding->source);
    if (finding->destination.len > 0) {
        flow_buf_add_text(text->out, " -> ");
        flow_buf_add_clean(text->out, finding->destination);
        if (finding->has_port) {
            flow_buf_add_format(text->out, " %u/%s", finding->port,
                                flow_protocol_name(finding->protocol));
        }
    }
    if (finding->direction != FLOW_DIRECTION_UNKNOWN) {
        flow_buf_add_format(text->out, " (%s side)", flow_direction_name(finding->direction));
    }
    flow_buf_add_format(text->out, "%s\n         ", paint(text, PLAIN));
    flow_buf_add_clean(text->out, finding->explanation);
    flow_buf_add_format(text->out, "\n         %s", paint(text, DIM));
    add_span(text->out, finding->first, finding->last);
    flow_buf_add_format(text->out, "%sfingerprint %s%s\n",
                        finding->first != FLOW_TIME_NONE ? ", " : "", finding->fingerprint,
                        paint(text, PLAIN));
}

static void
add_findings(const struct text *text, const struct flow_tally *tally, size_t limit)
{
    const size_t count = flow_tally_finding_count(tally);
    const size_t shown = limit != 0 && limit < count ? limit : count;

    for (size_t i = 0; i < shown; i++) {
        add_finding(text, flow_tally_finding_at(tally, i));
    }
    if (shown < count) {
        flow_buf_add_format(text->out, "\n         and %zu more findings\n", count - shown);
    }
    if (count == 0) {
        flow_buf_add_text(text->out, "\nno findings\n");
    }
}

static void
add_controls(const struct text *text, const struct flow_tally *tally)
{
    static const char *const colors[] = {
        [FLOW_CONTROL_NOT_SHOWN] = YELLOW, [FLOW_CONTROL_MET] = "", [FLOW_CONTROL_NOT_MET] = RED
    };

    if (flow_tally_intent(tally) == NULL) {
        return;
    }
    flow_buf_add_format(text->out, "\n%scontrols%s\n", paint(text, BOLD), paint(text, PLAIN));
    for (size_t i = 0; i < flow_tally_control_count(tally); i++) {
        const struct flow_control *control = flow_tally_control_at(tally, i);

        flow_buf_add_format(text->out, "  %s%-9s%s  %s (SATRE %s)\n             %s",
                            paint(text, colors[control->answer]),
                            flow_control_answer_name(control->answer), paint(text, PLAIN),
                            control->statement, control->satre, paint(text, DIM));
        flow_buf_add_clean(text->out, control->evidence);
        flow_buf_add_format(text->out, "%s\n", paint(text, PLAIN));
    }
}

static void
add_approvals(const struct text *text, const struct flow_tally *tally)
{
    const size_t count = flow_tally_use_count(tally);

    if (count > 0) {
        flow_buf_add_format(text->out, "\n%sapprovals%s\n", paint(text, BOLD), paint(text, PLAIN));
    }
    for (size_t i = 0; i < count; i++) {
        const struct flow_approval_use *use = flow_tally_use_at(tally, i);

        flow_buf_add_text(text->out, "  ");
        flow_buf_add_clean(text->out, flow_str_of(use->approval->id));
        flow_buf_add_format(text->out, " (%s%s", flow_approval_state_name(use->state),
                            use->approval->expires_on[0] != '\0' ? ", expires " : "");
        flow_buf_add_clean(text->out, flow_str_of(use->approval->expires_on));
        flow_buf_add_text(text->out, "): ");
        if (use->flows == 0) {
            flow_buf_add_text(text->out, "not used\n");
            continue;
        }
        add_count(text->out, use->flows);
        flow_buf_add_format(text->out, " %s, ", use->flows == 1 ? "flow" : "flows");
        add_span(text->out, use->first, use->last);
        flow_buf_add_text(text->out, ", by ");
        flow_buf_add_clean(text->out, use->users);
        flow_buf_add_text(text->out, " to ");
        flow_buf_add_clean(text->out, use->destinations);
        flow_buf_add_char(text->out, '\n');
    }
}

/* Where every record went that was read. */
static void
add_balance(const struct text *text, const struct flow_tally *tally,
            const struct flow_tally_totals *totals)
{
    uint64_t results = 0;

    for (uint8_t i = 0; i < FLOW_RESULT_COUNT; i++) {
        results += flow_tally_result(tally, i);
    }
    flow_buf_add_text(text->out, "  ");
    add_count(text->out, totals->flows + totals->damaged);
    flow_buf_add_text(text->out, " flows read = ");
    add_count(text->out, results - totals->replies_of_results - totals->no_verdict);
    flow_buf_add_text(text->out, " results + ");
    add_count(text->out, totals->replies_of_results);
    flow_buf_add_text(text->out, " replies + ");
    add_count(text->out, totals->no_verdict);
    flow_buf_add_text(text->out, " events without a verdict + ");
    add_count(text->out, totals->duplicates);
    flow_buf_add_text(text->out, " told twice + ");
    add_count(text->out, totals->damaged);
    flow_buf_add_text(text->out, " damaged\n");
    for (uint8_t i = 0, told = 0; i < FLOW_MISSING_COUNT; i++) {
        if (totals->missing[i] > 0) {
            flow_buf_add_format(text->out, "%s%s ", told++ == 0 ? "  fields missing: " : ", ",
                                flow_missing_field_name(i));
            add_count(text->out, totals->missing[i]);
        }
        if (i + 1 == FLOW_MISSING_COUNT && told > 0) {
            flow_buf_add_char(text->out, '\n');
        }
    }
    if (totals->aggregated > 0) {
        flow_buf_add_text(text->out, "  ");
        add_count(text->out, totals->aggregated);
        flow_buf_add_text(text->out, " of them were put together of several by the exporter\n");
    }
    if (totals->before_phases > 0) {
        flow_buf_add_text(text->out, "  ");
        add_count(text->out, totals->before_phases);
        flow_buf_add_text(text->out, " flows are before the first phase of the intent, which says "
                                     "nothing of them\n");
    }
    if (totals->flows > 0) {
        flow_buf_add_format(text->out, "  %.2f%% of nodes and time\n",
                            100 * flow_tally_coverage(tally));
    }
}

static void
add_missing(const struct text *text, const struct flow_tally *tally,
            const struct flow_tally_totals *totals)
{
    const char *separator = ": ";

    if (totals->undecided == 0) {
        return;
    }
    flow_buf_add_format(text->out, "  undecided %.2f%%",
                        100.0 * (double)totals->undecided / (double)totals->flows);
    for (unsigned code = 0; code < FLOW_UNDECIDED_COUNT; code++) {
        if (flow_tally_undecided(tally, code) > 0) {
            flow_buf_add_format(text->out, "%s%s ", separator, flow_undecided_name(code));
            add_count(text->out, flow_tally_undecided(tally, code));
            separator = ", ";
        }
    }
    flow_buf_add_char(text->out, '\n');
}

/* What a live input's connections were like: where something may be missing, and what is not. */
static void
add_live(const struct text *text, const struct flow_input_stats *input)
{
    if (!input->live) {
        return;
    }
    flow_buf_add_text(text->out, "    ");
    add_count(text->out, input->connections);
    flow_buf_add_format(text->out, " %s, ", input->connections == 1 ? "connection" : "connections");
    add_count(text->out, input->came_again);
    flow_buf_add_text(text->out, " flows came again and count once, ");
    add_count(text->out, input->gaps);
    flow_buf_add_format(text->out, " %s", input->gaps == 1 ? "gap" : "gaps");
    if (input->gaps > 0) {
        flow_buf_add_text(text->out, " between ");
        add_span(text->out, input->gap_first, input->gap_last);
    }
    flow_buf_add_text(text->out, "; lost by the server: ");
    add_count(text->out, input->lost);
    flow_buf_add_text(text->out, ", lost here: ");
    add_count(text->out, input->damaged + input->refused);
    flow_buf_add_char(text->out, '\n');
}

static void
add_seen(const struct text *text, const struct flow_tally *tally,
         const struct flow_tally_totals *totals)
{
    flow_buf_add_format(text->out, "\n%sseen%s\n", paint(text, BOLD), paint(text, PLAIN));
    for (size_t i = 0; i < flow_tally_input_count(tally); i++) {
        const struct flow_input_stats *input = flow_tally_input_at(tally, i);

        flow_buf_add_text(text->out, "  ");
        flow_buf_add_clean(text->out, flow_str_of(input->name));
        flow_buf_add_text(text->out, ": ");
        add_count(text->out, input->records);
        flow_buf_add_text(text->out, " records, ");
        add_count(text->out, input->damaged);
        flow_buf_add_format(text->out, " damaged, ");
        add_count(text->out, input->lost);
        flow_buf_add_format(text->out, " events lost%s\n", input->cut_short ? ", cut short" : "");
        add_live(text, input);
    }
    for (size_t i = 0; i < flow_tally_node_count(tally); i++) {
        const struct flow_node_seen *node = flow_tally_node_at(tally, i);

        if (node->flows == 0 && node->state <= NODE_CONNECTED && !node->expected) {
            continue;
        }
        flow_buf_add_text(text->out, "  node ");
        flow_buf_add_clean(text->out, node->name.len > 0 ? node->name : FLOW_STR("(not told)"));
        flow_buf_add_text(text->out, ": ");
        add_count(text->out, node->flows);
        flow_buf_add_format(text->out, " %s%s", node->flows == 1 ? "flow" : "flows",
                            node->first != FLOW_TIME_NONE ? ", " : "");
        add_span(text->out, node->first, node->last);
        if (node->state > NODE_CONNECTED) {
            flow_buf_add_format(text->out, ", %s since ", flow_node_state_word(node->state));
            add_span(text->out, node->state_since, node->state_since);
        }
        flow_buf_add_char(text->out, '\n');
    }
    add_missing(text, tally, totals);
}

static void
report(struct flow_buf *out, const struct flow_tally *tally,
       const struct flow_sink_options *options)
{
    const struct text text = { out, options->color };
    struct flow_tally_totals totals;

    flow_tally_totals(tally, &totals);
    add_head(&text, tally, &totals);
    add_results(&text, tally);
    add_findings(&text, tally, options->limit);
    add_controls(&text, tally);
    add_approvals(&text, tally);
    add_seen(&text, tally, &totals);
    add_balance(&text, tally, &totals);
}

const struct flow_report_format flow_format_text = { .name = "text", .report = report };
