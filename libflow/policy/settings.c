/* SPDX-License-Identifier: Apache-2.0 */
/* Reads settings by name; what they change is said where it is done. */
#include "policy/settings.h"

#include <stddef.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/str.h"

static int
fail_value(struct flow_error *err, struct flow_str name, const char *expected,
           struct flow_str value)
{
    char found[FLOW_QUOTE_BYTES_MAX + 8];

    return flow_fail(err, FLOW_E_ARGUMENT, "expected %s for %.*s, found %s", expected,
                     (int)name.len, name.ptr, flow_quote(value, found, sizeof(found)));
}

static const struct {
    const char *name;
    size_t answer; /* offset of a uint8_t in struct flow_settings */
} booleans[] = {
    { "policy-default-local-cluster", offsetof(struct flow_settings, local_cluster) },
    { "fqdn-double-star", offsetof(struct flow_settings, double_star) },
    { "enable-non-default-deny-policies", offsetof(struct flow_settings, non_default_deny) },
    { "enable-node-selector-labels", offsetof(struct flow_settings, node_selectors) },
    { "enable-host-firewall", offsetof(struct flow_settings, host_firewall) },
};

static int
set_enforcement(struct flow_settings *settings, struct flow_str name, struct flow_str value,
                struct flow_error *err)
{
    static const char *const modes[] = { "default", "always", "never" };

    for (uint8_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (flow_str_is(value, modes[i])) {
            settings->enforcement = i;
            return FLOW_OK;
        }
    }
    return fail_value(err, name, "default, always or never", value);
}

/* "nodes", "pods", both with a comma or a space between them, or nothing. */
static int
set_cidr_mode(struct flow_settings *settings, struct flow_str name, struct flow_str value,
              struct flow_error *err)
{
    bool nodes = false, pods = false;

    for (size_t start = 0, i = 0; i <= value.len; i++) {
        const struct flow_str word = { value.ptr + start, i - start };

        if (i < value.len && value.ptr[i] != ',' && value.ptr[i] != ' ') {
            continue;
        }
        start = i + 1;
        nodes |= flow_str_is(word, "nodes");
        pods |= flow_str_is(word, "pods");
        if (word.len > 0 && !flow_str_is(word, "nodes") && !flow_str_is(word, "pods")) {
            return fail_value(err, name, "nodes, pods or both", value);
        }
    }
    settings->cidr_nodes = nodes;
    settings->cidr_pods = pods;
    return FLOW_OK;
}

static int
set_evidence(struct flow_settings *settings, struct flow_str name, struct flow_str value,
             struct flow_error *err)
{
    settings->identity_evidence = flow_str_is(value, "identity");
    return settings->identity_evidence || flow_str_is(value, "names")
               ? FLOW_OK
               : fail_value(err, name, "names or identity", value);
}

static int
set_cluster_name(struct flow_settings *settings, struct flow_str name, struct flow_str value,
                 struct flow_error *err)
{
    (void)name;
    (void)err;
    settings->cluster_name = value;
    return FLOW_OK;
}

static int
set_labels(struct flow_settings *settings, struct flow_str name, struct flow_str value,
           struct flow_error *err)
{
    const int rc = flow_label_filter_parse(&settings->labels, value, err);

    if (rc < 0 && rc != FLOW_E_MEMORY && err != NULL) {
        char reason[sizeof(err->message)];

        snprintf(reason, sizeof(reason), "%s", err->message);
        snprintf(err->message, sizeof(err->message), "setting %.*s: %.*s", (int)name.len, name.ptr,
                 (int)(sizeof(reason) - 64), reason);
    }
    return rc;
}

static const struct {
    const char *name;
    int (*set)(struct flow_settings *settings, struct flow_str name, struct flow_str value,
               struct flow_error *err);
} others[] = {
    { "enable-policy", set_enforcement },
    { "policy-cidr-match-mode", set_cidr_mode },
    { "fqdn-evidence", set_evidence },
    { "cluster-name", set_cluster_name },
    { "labels", set_labels },
};

bool
flow_settings_has(struct flow_str name)
{
    bool found = false;

    for (size_t i = 0; i < sizeof(booleans) / sizeof(booleans[0]); i++) {
        found |= flow_str_is(name, booleans[i].name);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        found |= flow_str_is(name, others[i].name);
    }
    return found;
}

int
flow_settings_set(struct flow_settings *settings, struct flow_str name, struct flow_str value,
                  struct flow_error *err)
{
    for (size_t i = 0; i < sizeof(booleans) / sizeof(booleans[0]); i++) {
        if (flow_str_is(name, booleans[i].name)) {
            uint8_t *answer = (uint8_t *)settings + booleans[i].answer;

            if (!flow_str_is(value, "true") && !flow_str_is(value, "false")) {
                return fail_value(err, name, "true or false", value);
            }
            *answer = flow_str_is(value, "true") ? FLOW_YES : FLOW_NO;
            return FLOW_OK;
        }
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (flow_str_is(name, others[i].name)) {
            return others[i].set(settings, name, value, err);
        }
    }
    return FLOW_END;
}

static void
fill_in(uint8_t *answer, bool by_default)
{
    if (*answer == FLOW_UNKNOWN) {
        *answer = by_default ? FLOW_YES : FLOW_NO;
    }
}

void
flow_settings_complete(struct flow_settings *settings, const struct flow_engine *engine)
{
    fill_in(&settings->local_cluster, engine->local_cluster);
    fill_in(&settings->double_star, engine->deep_fqdn);
    fill_in(&settings->non_default_deny, true);
    fill_in(&settings->node_selectors, false);
    if (!engine->cilium) {
        settings->node_selectors = FLOW_YES;
        settings->enforcement = FLOW_ENFORCE_DEFAULT;
        settings->identity_evidence = settings->cidr_nodes = false;
    }
    settings->cidr_pods &= engine->cilium && engine->cidr_pods;
}

void
flow_settings_free(struct flow_settings *settings)
{
    flow_label_filter_free(&settings->labels);
}
