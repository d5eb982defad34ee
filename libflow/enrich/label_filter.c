/* SPDX-License-Identifier: Apache-2.0 */
/* The default filter of Cilium 1.19, and the patterns that a cluster adds to it. */
#include "enrich/label_filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"

/* The longest start that a key has of those kept and of those dropped; 0 for none. */
struct starts {
    size_t kept, dropped;
};

static struct starts
default_starts(struct flow_str key)
{
    static const struct {
        struct flow_str start;
        bool kept;
    } patterns[] = {
        { { "io.kubernetes.pod.namespace", 27 }, true },
        { { "io.cilium.k8s.namespace.labels", 30 }, true },
        { { "io.cilium.k8s.policy.cluster", 28 }, true },
        { { "io.cilium.k8s.policy.serviceaccount", 35 }, true },
        { { "app.kubernetes.io", 17 }, true },
        { { "io.cilium.k8s.", 14 }, false },
        { { "io.kubernetes", 13 }, false },
        { { "kubernetes.io", 13 }, false },
        { { "statefulset.kubernetes.io/pod-name", 34 }, false },
        { { "apps.kubernetes.io/pod-index", 28 }, false },
        { { "batch.kubernetes.io/job-completion-index", 40 }, false },
        { { "batch.kubernetes.io/controller-uid", 34 }, false },
        { { "k8s.io", 6 }, false },
        { { "pod-template-generation", 23 }, false },
        { { "pod-template-hash", 17 }, false },
        { { "controller-revision-hash", 24 }, false },
        { { "controller-uid", 14 }, false },
        { { "annotation", 10 }, false },
        { { "etcd_node", 9 }, false },
        { { "topology.kubernetes.io", 22 }, false },
    };
    static const char beta[] = "beta.kubernetes.io";
    struct starts found = { 0, 0 };

    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        size_t *longest = patterns[i].kept ? &found.kept : &found.dropped;

        if (patterns[i].start.len > *longest && flow_str_starts(key, patterns[i].start)) {
            *longest = patterns[i].start.len;
        }
    }
    /* ".*beta.kubernetes.io" may begin anywhere */
    for (size_t end = key.len; found.dropped == 0 && end >= sizeof(beta) - 1; end--) {
        if (memcmp(key.ptr + end - (sizeof(beta) - 1), beta, sizeof(beta) - 1) == 0) {
            found.dropped = end;
        }
    }
    return found;
}

bool
flow_label_filter_drops(const struct flow_label_filter *filter, struct flow_str key)
{
    struct starts starts = default_starts(key);

    for (size_t i = 0; filter != NULL && i < filter->count; i++) {
        const struct flow_label_pattern *pattern = &filter->patterns[i];
        const long matched = flow_regex_match_start(pattern->regex, key);
        size_t *longest = pattern->drops ? &starts.dropped : &starts.kept;

        if (matched > (long)*longest) {
            *longest = (size_t)matched;
        }
    }
    return starts.dropped > starts.kept ||
           (filter != NULL && filter->keeps_listed && starts.kept == 0);
}

/* One pattern: "source:key" or "key"; labels of pods have the source k8s alone. */
static int
add_pattern(struct flow_label_filter *filter, struct flow_str text, struct flow_error *err)
{
    struct flow_label_pattern *grown;
    struct flow_label_pattern pattern = { NULL, text.ptr[0] == '!' };
    const char *colon;
    int rc;

    text = pattern.drops ? flow_str_from(text, 1) : text;
    colon = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
    filter->keeps_listed |= !pattern.drops;
    if (colon != NULL) {
        const struct flow_str source = { text.ptr, (size_t)(colon - text.ptr) };

        if (source.len > 0 && !flow_str_is(source, "k8s") && !flow_str_is(source, "any")) {
            return FLOW_OK; /* labels of other sources are in records as they are */
        }
        text = flow_str_from(text, source.len + 1);
    }
    rc = flow_regex_new(&pattern.regex, text, err);
    if (rc != FLOW_OK) {
        return rc == FLOW_E_MEMORY ? rc : FLOW_E_ARGUMENT;
    }
    grown = realloc(filter->patterns, (filter->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        flow_regex_free(pattern.regex);
        return flow_fail_memory(err);
    }
    filter->patterns = grown;
    filter->patterns[filter->count++] = pattern;
    return FLOW_OK;
}

int
flow_label_filter_parse(struct flow_label_filter *filter, struct flow_str text,
                        struct flow_error *err)
{
    int rc = FLOW_OK;

    flow_label_filter_free(filter);
    for (size_t start = 0, i = 0; rc == FLOW_OK && i <= text.len; i++) {
        if (i < text.len && text.ptr[i] != ' ' && text.ptr[i] != '\n') {
            continue;
        }
        if (i > start) {
            rc = add_pattern(filter, (struct flow_str){ text.ptr + start, i - start }, err);
        }
        start = i + 1;
    }
    if (rc == FLOW_E_ARGUMENT && err != NULL) {
        err->status = rc;
        flow_error_set_place(err, 0, 0, 0);
    }
    return rc;
}

void
flow_label_filter_free(struct flow_label_filter *filter)
{
    for (size_t i = 0; i < filter->count; i++) {
        flow_regex_free(filter->patterns[i].regex);
    }
    free(filter->patterns);
    memset(filter, 0, sizeof(*filter));
}

bool
flow_label_is_runtime(struct flow_str key)
{
    static const char *const keys[] = {
        "pod-template-hash",
        "controller-revision-hash",
        "job-name",
        "controller-uid",
        "batch.kubernetes.io/job-name",
        "batch.kubernetes.io/controller-uid",
        "apps.kubernetes.io/pod-index",
        "statefulset.kubernetes.io/pod-name",
        "batch.kubernetes.io/job-completion-index",
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (flow_str_is(key, keys[i])) {
            return true;
        }
    }
    return flow_str_starts(key, FLOW_STR("topology.kubernetes.io/"));
}
