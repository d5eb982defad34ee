/* SPDX-License-Identifier: Apache-2.0 */
/* Judges one input against one path of policies: example_check POLICIES INPUT. */
#include <libflow/libflow.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
    struct flow_policies_options policy_options;
    struct flow_reader_options reader_options;
    struct flow_sink_options sink_options;
    struct flow_policies *policies = NULL;
    struct flow_dict *dict = NULL;
    struct flow_reader *reader = NULL;
    struct flow_classifier *classifier = NULL;
    struct flow_tally *tally = NULL;
    struct flow_batch *batch = NULL;
    struct flow_sink *sink = NULL;
    struct flow_error err;
    int rc = FLOW_E_ARGUMENT;

    flow_policies_options_init(&policy_options, sizeof(policy_options));
    policy_options.manifests = (const char *const *)argv + 1;
    policy_options.manifest_count = 1;
    flow_reader_options_init(&reader_options, sizeof(reader_options));
    flow_sink_options_init(&sink_options, sizeof(sink_options));
    if (argc != 3) {
        fprintf(stderr, "usage: %s POLICIES INPUT\n", argv[0]);
        return 2;
    }
    if ((rc = flow_policies_load(&policies, &policy_options, &err)) == FLOW_OK &&
        (rc = flow_dict_new(&dict, &err)) == FLOW_OK && (reader_options.dict = dict) != NULL &&
        (rc = flow_reader_open(&reader, argv[2], &reader_options, &err)) == FLOW_OK &&
        (rc = flow_classifier_new(&classifier, policies, &err)) == FLOW_OK &&
        (rc = flow_tally_new(&tally, policies, &err)) == FLOW_OK &&
        (sink_options.tally = tally) != NULL && (rc = flow_batch_new(&batch, &err)) == FLOW_OK &&
        (rc = flow_sink_open(&sink, "text", "-", &sink_options, &err)) == FLOW_OK) {
        while ((rc = flow_reader_next(reader, batch, &err)) == FLOW_OK) {
            if ((rc = flow_classifier_run(classifier, batch, &err)) < 0 ||
                (rc = flow_tally_add(tally, batch, &err)) < 0) {
                break;
            }
        }
    }
    if (rc == FLOW_END && (rc = flow_tally_add_inputs(tally, reader, &err)) == FLOW_OK &&
        (rc = flow_tally_finish(tally, &err)) == FLOW_OK) {
        rc = flow_sink_finish(sink, &err);
    }
    if (rc != FLOW_OK) {
        fprintf(stderr, "%s: %s\n", err.input, err.message);
    }
    flow_sink_close(sink), flow_batch_free(batch), flow_tally_free(tally);
    flow_classifier_free(classifier), flow_reader_close(reader), flow_dict_free(dict);
    flow_policies_free(policies);
    return rc == FLOW_OK ? 0 : 1;
}
