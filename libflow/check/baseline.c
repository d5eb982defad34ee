/* SPDX-License-Identifier: Apache-2.0 */
/* An earlier report, and what of it is still there: findings are the same by their fingerprints. */
#include <stdlib.h>

#include "base/error.h"
#include "base/str.h"
#include "check/tally.h"
#include "manifest/fields.h"
#include "manifest/file.h"

struct flow_baseline {
    struct flow_arena arena;
    struct flow_intern fingerprints;
    struct flow_earlier_finding *findings; /* by number of the fingerprint */
    size_t room;
};

void
flow_baseline_free(struct flow_baseline *baseline)
{
    if (baseline != NULL) {
        flow_intern_free(&baseline->fingerprints);
        free(baseline->findings);
        flow_arena_free(&baseline->arena);
        free(baseline);
    }
}

static bool
keep_finding(struct flow_baseline *baseline, const struct flow_earlier_finding *found)
{
    bool is_new;
    const uint32_t number =
        flow_intern_add(&baseline->fingerprints, flow_str_of(found->fingerprint), &is_new);

    if (number == FLOW_INTERN_NONE) {
        return false;
    }
    if (number >= baseline->room) {
        const size_t room = (size_t)number * 2 + 64;
        struct flow_earlier_finding *grown = realloc(baseline->findings, room * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        baseline->findings = grown;
        baseline->room = room;
    }
    if (is_new) {
        baseline->findings[number] = *found;
    }
    return true;
}

static bool
read_finding(struct flow_baseline *baseline, struct flow_fields_context *context,
             const struct flow_node *node)
{
    struct flow_earlier_finding found;
    const struct {
        const char *key;
        const char **text;
    } texts[] = {
        { "id", &found.id },
        { "rule", &found.rule },
        { "fingerprint", &found.fingerprint },
        { "severity", &found.severity },
        { "source", &found.source },
        { "destination", &found.destination },
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const struct flow_node *member = flow_field(node, texts[i].key);
        struct flow_str text;

        if (member == NULL || member->type != FLOW_NODE_SCALAR) {
            return flow_field_fail(context, member != NULL ? member : node,
                                   "a text at %s of a finding", texts[i].key);
        }
        text = flow_arena_str(&baseline->arena, member->text);
        if (text.ptr == NULL) {
            flow_fail_memory(context->err);
            return false;
        }
        *texts[i].text = text.ptr;
    }
    if (!keep_finding(baseline, &found)) {
        flow_fail_memory(context->err);
        return false;
    }
    return true;
}

static bool
read_report(struct flow_baseline *baseline, struct flow_fields_context *context,
            const struct flow_node *root)
{
    const struct flow_node *schema = flow_field(root, "schema");
    const struct flow_node *findings = flow_field(root, "findings");

    if (schema == NULL || schema->type != FLOW_NODE_SCALAR ||
        !flow_str_is(schema->text, "libflow.dev/report/v1")) {
        return flow_field_fail(context, schema != NULL ? schema : root,
                               "a report (libflow.dev/report/v1) of flowcheck");
    }
    if (!flow_field_is_list(context, findings, "findings")) {
        return false;
    }
    for (size_t i = 0; i < findings->count; i++) {
        if (!read_finding(baseline, context, findings->items[i])) {
            return false;
        }
    }
    return true;
}

static int
read_text(struct flow_baseline *baseline, const char *path, struct flow_str text,
          struct flow_error *err)
{
    struct flow_fields_context context = { .file = path, .err = err };
    struct flow_document_reader *documents;
    struct flow_arena arena = { 0 };
    const struct flow_node *root = NULL;
    int rc = flow_document_reader_open(&documents, path, text, NULL, err);

    if (rc != FLOW_OK) {
        return rc;
    }
    rc = flow_document_reader_next(documents, &arena, &root, err);
    if (rc == FLOW_END || (rc == FLOW_OK && root == NULL)) {
        rc = flow_fail(err, FLOW_E_INVALID, "expected a report of flowcheck, found nothing");
        flow_error_set_input(err, path);
    } else if (rc == FLOW_OK && !read_report(baseline, &context, root)) {
        rc = err->status;
    }
    flow_document_reader_close(documents);
    flow_arena_free(&arena);
    return rc;
}

int
flow_baseline_load(struct flow_baseline **out, const char *path, struct flow_error *err)
{
    struct flow_baseline *baseline = calloc(1, sizeof(*baseline));
    struct flow_error error;
    char *text = NULL;
    size_t len;
    int rc;

    if (baseline == NULL || !flow_intern_init(&baseline->fingerprints)) {
        flow_baseline_free(baseline);
        return flow_fail_memory(err);
    }
    rc = flow_manifest_read_file(NULL, FLOW_DOCUMENT_MANIFEST, path, &text, &len, &error);
    if (rc == FLOW_OK) {
        rc = read_text(baseline, path, (struct flow_str){ text, len }, &error);
    } else {
        flow_error_set_input(&error, path);
    }
    free(text);
    if (rc != FLOW_OK) {
        flow_baseline_free(baseline);
        if (err != NULL) {
            *err = error;
        }
        return rc;
    }
    *out = baseline;
    return FLOW_OK;
}

void
flow_tally_set_baseline(struct flow_tally *tally, const struct flow_baseline *baseline)
{
    tally->baseline = baseline;
}

bool
flow_tally_has_baseline(const struct flow_tally *tally)
{
    return tally->baseline != NULL;
}

bool
flow_tally_compare(struct flow_tally *tally)
{
    const struct flow_baseline *baseline = tally->baseline;
    bool *still;

    tally->gone_count = 0;
    if (baseline == NULL) {
        return true;
    }
    tally->gone = flow_arena_array(&tally->finding_arena, baseline->fingerprints.count + (size_t)1,
                                   sizeof(const struct flow_earlier_finding *));
    still = calloc(baseline->fingerprints.count + (size_t)1, sizeof(*still));
    if (tally->gone == NULL || still == NULL) {
        free(still);
        return false;
    }
    for (size_t i = 0; i < tally->finding_count; i++) {
        struct flow_finding *finding = &tally->findings[i];
        const uint32_t number =
            flow_intern_find(&baseline->fingerprints, flow_str_of(finding->fingerprint));

        finding->baseline =
            number == FLOW_INTERN_NONE ? FLOW_BASELINE_NEW : FLOW_BASELINE_UNCHANGED;
        if (number != FLOW_INTERN_NONE) {
            still[number] = true;
        }
    }
    for (uint32_t i = 0; i < baseline->fingerprints.count; i++) {
        if (!still[i]) {
            tally->gone[tally->gone_count++] = &baseline->findings[i];
        }
    }
    free(still);
    return true;
}

size_t
flow_tally_gone_count(const struct flow_tally *tally)
{
    return tally->gone_count;
}

const struct flow_earlier_finding *
flow_tally_gone_at(const struct flow_tally *tally, size_t i)
{
    return i < tally->gone_count ? tally->gone[i] : NULL;
}
