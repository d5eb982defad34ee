/* SPDX-License-Identifier: Apache-2.0 */
/* Loads what is declared: the intent document first, since the policies' variables are in it. */
#include <stdlib.h>

#include "flowcheck.h"

static void
say_note(const struct flow_note *note)
{
    static const char *const levels[] = { "note", "warning", "error" };
    char text[512];

    flow_error_format(&note->error, text, sizeof(text));
    say("%s: %s", levels[note->level], text);
}

static bool
load_intent(const struct policy_arguments *arguments, struct flow_documents *documents,
            struct flow_intent_document **intent)
{
    struct flow_intent_options options;
    struct flow_error err;

    *intent = NULL;
    if (arguments->intent == NULL) {
        return true;
    }
    flow_intent_options_init(&options, sizeof(options));
    options.variables = arguments->variables.words;
    options.variable_count = arguments->variables.count;
    options.documents = documents;
    if (flow_intent_load(intent, arguments->intent, &options, &err) != FLOW_OK) {
        say_error(&err);
        return false;
    }
    for (size_t i = 0; i < flow_intent_note_count(*intent); i++) {
        say_note(flow_intent_note_at(*intent, i));
    }
    return true;
}

static bool
load_policies(const struct policy_arguments *arguments, struct flow_documents *documents,
              const struct flow_intent_document *intent, struct flow_policies **policies)
{
    struct flow_policies_options options;
    struct words variables = { NULL, 0 };
    struct flow_error err;
    int rc;

    /* the first of a name counts, and the document has what the arguments give in front */
    for (size_t i = 0; intent != NULL && i < flow_intent_variable_count(intent); i++) {
        if (!words_add(&variables, flow_intent_variable_at(intent, i))) {
            free(variables.words);
            return false;
        }
    }
    flow_policies_options_init(&options, sizeof(options));
    options.manifests = arguments->manifests.words;
    options.manifest_count = arguments->manifests.count;
    options.snapshots = arguments->snapshots.words;
    options.snapshot_count = arguments->snapshots.count;
    options.variables = intent != NULL ? variables.words : arguments->variables.words;
    options.variable_count = intent != NULL ? variables.count : arguments->variables.count;
    options.settings = arguments->settings.words;
    options.setting_count = arguments->settings.count;
    options.engine = arguments->engine != NULL || intent == NULL ? arguments->engine
                                                                 : flow_intent_engine(intent);
    options.default_namespace = arguments->default_namespace;
    options.partial = arguments->partial;
    options.documents = documents;
    rc = flow_policies_load(policies, &options, &err);
    free(variables.words);
    if (rc != FLOW_OK) {
        say_error(&err);
        return false;
    }
    for (size_t i = 0; i < flow_policies_note_count(*policies); i++) {
        say_note(flow_policies_note_at(*policies, i));
    }
    return true;
}

static void
say_unmatched(void *context, const struct flow_error *warning)
{
    char text[512];

    (void)context;
    flow_error_format(warning, text, sizeof(text));
    say("warning: %s", text);
}

bool
load_declared(const struct policy_arguments *arguments, struct flow_documents *documents,
              struct declared *declared)
{
    *declared = (struct declared){ NULL, NULL };
    if (load_intent(arguments, documents, &declared->intent) &&
        load_policies(arguments, documents, declared->intent, &declared->policies)) {
        if (declared->intent != NULL) {
            flow_intent_tell_unmatched(declared->intent, declared->policies, say_unmatched, NULL);
        }
        return true;
    }
    declared_free(declared);
    return false;
}

bool
load_kept(struct flow_documents *documents, struct declared *declared)
{
    const struct policy_arguments kept = { .intent = flow_documents_intent(documents) };

    return load_declared(&kept, documents, declared);
}

void
declared_free(struct declared *declared)
{
    flow_policies_free(declared->policies);
    flow_intent_free(declared->intent);
    *declared = (struct declared){ NULL, NULL };
}
