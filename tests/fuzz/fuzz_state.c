/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a partial state and as an earlier report. A state that is read is judged with the
 * documents it carries, and what it comes to balances.
 */
#include "fuzz.h"

#include "libflow/libflow.h"
#include "manifest/documents.h"

struct declared {
    struct flow_policies *policies;
    struct flow_intent_document *intent;
};

static bool
load(struct flow_documents *documents, struct declared *declared)
{
    struct flow_intent_options intent_options;
    struct flow_policies_options options;
    const char *path = flow_documents_intent(documents);
    struct flow_error err;

    flow_intent_options_init(&intent_options, sizeof(intent_options));
    intent_options.documents = documents;
    flow_policies_options_init(&options, sizeof(options));
    options.documents = documents;
    *declared = (struct declared){ NULL, NULL };
    return (path == NULL ||
            flow_intent_load(&declared->intent, path, &intent_options, &err) == FLOW_OK) &&
           flow_policies_load(&declared->policies, &options, &err) == FLOW_OK;
}

static void
merge(struct flow_state *state)
{
    struct flow_classifier *classifier;
    struct declared declared;
    struct flow_dict *dict;
    struct flow_names *names;
    struct flow_tally *tally;
    struct flow_error err;

    if (load(flow_state_documents(state), &declared)) {
        HOLDS(flow_dict_new(&dict, &err) == FLOW_OK);
        HOLDS(flow_names_new(&names, &err) == FLOW_OK);
        HOLDS(flow_classifier_new(&classifier, declared.policies, &err) == FLOW_OK);
        HOLDS(flow_tally_new(&tally, declared.policies, &err) == FLOW_OK);
        HOLDS(flow_state_add_names(state, names, &err) == FLOW_OK);
        flow_classifier_set_names(classifier, names);
        flow_classifier_set_intent(classifier, declared.intent);
        flow_tally_set_intent(tally, declared.intent);
        if (flow_state_replay(state, classifier, tally, dict, NULL, &err) == FLOW_OK) {
            HOLDS(flow_tally_finish(tally, &err) == FLOW_OK);
            HOLDS(flow_tally_coverage(tally) >= 0 && flow_tally_coverage(tally) <= 1);
        } else {
            HOLDS(err.message[0] != '\0');
        }
        flow_tally_free(tally);
        flow_classifier_free(classifier);
        flow_names_free(names);
        flow_dict_free(dict);
    }
    flow_policies_free(declared.policies);
    flow_intent_free(declared.intent);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_file file;
    struct flow_baseline *baseline;
    struct flow_state *state;
    struct flow_error err;

    fuzz_file_set(&file, data, size);
    if (flow_state_read(&state, file.path, &err) == FLOW_OK) {
        HOLDS(flow_state_agree(state, state, &err) == FLOW_OK);
        merge(state);
        flow_state_free(state);
    } else {
        fuzz_check_error(&err, file.path);
    }
    if (flow_baseline_load(&baseline, file.path, &err) == FLOW_OK) {
        flow_baseline_free(baseline);
    } else {
        fuzz_check_error(&err, file.path);
    }
    return 0;
}
