/* SPDX-License-Identifier: Apache-2.0 */
/* The first reading of the inputs, for the names in their DNS answers. */
#include <string.h>
#include <sys/stat.h>

#include "flowcheck.h"

bool
wants_names(const struct declared *declared)
{
    return flow_policies_ask_names(declared->policies) || declared->intent != NULL;
}

bool
can_read_twice(const char *input)
{
    struct stat stat_of;

    return strcmp(input, "-") != 0 && stat(input, &stat_of) == 0 &&
           (S_ISREG(stat_of.st_mode) || S_ISDIR(stat_of.st_mode));
}

/* What is wrong with an input is told when it is read to be judged. */
static int
learn_input(struct flow_names *names, const char *input, struct flow_batch *batch,
            struct flow_error *err)
{
    struct flow_reader_options options;
    struct flow_reader *reader;
    int rc;

    flow_reader_options_init(&options, sizeof(options));
    if (flow_reader_open(&reader, input, &options, err) != FLOW_OK) {
        return FLOW_OK;
    }
    while ((rc = flow_reader_next(reader, batch, err)) == FLOW_OK) {
        rc = flow_names_learn(names, batch, err);
        if (rc != FLOW_OK) {
            break;
        }
    }
    flow_reader_close(reader);
    return rc == FLOW_E_MEMORY ? rc : FLOW_OK;
}

int
learn_names(struct flow_names **names, const struct declared *declared, char *const *inputs,
            size_t count, struct flow_error *err)
{
    struct flow_batch *batch = NULL;
    int rc = FLOW_OK;

    *names = NULL;
    if (!wants_names(declared)) {
        return FLOW_OK;
    }
    rc = flow_names_new(names, err);
    rc = rc == FLOW_OK ? flow_batch_new(&batch, err) : rc;
    for (size_t i = 0; rc == FLOW_OK && i < count; i++) {
        if (can_read_twice(inputs[i])) {
            rc = learn_input(*names, inputs[i], batch, err);
        }
    }
    flow_batch_free(batch);
    return rc;
}
