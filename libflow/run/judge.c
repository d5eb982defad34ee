/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with each batch of a run: alone, or with the help of the thread that reads ahead. */
#include <string.h>

#include "check/classifier.h"
#include "decode/reader.h"
#include "model/batch.h"
#include "run/check.h"

/* Leaves out of the batch what was told before it was read again. */
void
flow_check_leave_told(struct flow_check *check)
{
    struct flow_batch *batch = check->batch;
    const uint64_t left = check->told < check->told_before ? check->told_before - check->told : 0;
    const size_t drop = left < batch->problem_count ? (size_t)left : batch->problem_count;
    const size_t kept = batch->problem_count < FLOW_BATCH_PROBLEMS_MAX ? batch->problem_count
                                                                       : FLOW_BATCH_PROBLEMS_MAX;

    check->told += batch->problem_count;
    if (drop > 0 && drop < kept) {
        memmove(batch->problems, batch->problems + drop, (kept - drop) * sizeof(*batch->problems));
    }
    batch->problem_count -= drop;
}

/* Learns from the batch. FLOW_AGAIN: all must be read again, with what is known now. */
static int
learn_first(struct flow_check *check, const struct flow_batch *batch, struct flow_error *err)
{
    const int rc = flow_names_learn(check->names, batch, err);

    if (rc == FLOW_OK && check->once && check->classifier->names_mattered &&
        !check->classifier->names_assumed && flow_names_count(check->names) > 0) {
        check->classifier->names_assumed = true;
        return FLOW_AGAIN;
    }
    return rc;
}

/* Judges and counts a batch whose ends have their names; in any thread, as flow_run_judge. */
static int
judge(void *context, struct flow_batch *batch, struct flow_error *err)
{
    struct flow_check *check = context;
    int rc = flow_classifier_run(check->classifier, batch, err);

    rc = rc == FLOW_OK ? flow_tally_add(check->tally, batch, err) : rc;
    return rc == FLOW_OK && check->state != NULL
               ? flow_state_add(check->state, check->classifier, batch, err)
               : rc;
}

int
flow_check_judge(void *context, struct flow_batch *batch, struct flow_error *err)
{
    struct flow_check *check = context;
    const int rc = check->learns ? learn_first(check, batch, err) : FLOW_OK;

    return rc == FLOW_OK ? judge(check, batch, err) : rc;
}

/* All that is done with a batch that was read, one thing behind the other. */
static int
take_batch(struct flow_check *check, struct flow_error *err)
{
    int rc = check->learns ? learn_first(check, check->batch, err) : FLOW_OK;

    if (rc == FLOW_OK && check->options.filter != NULL) {
        flow_filter_run(check->options.filter, check->batch);
    }
    if (check->classifier == NULL || rc != FLOW_OK) {
        return rc;
    }
    rc = flow_policies_name_ends(check->options.policies, check->dict, check->batch, err);
    return rc == FLOW_OK ? judge(check, check->batch, err) : rc;
}

/* Reads a batch into the ring, or sees that the input has ended. */
static int
read_into_ring(struct flow_check *check, struct flow_batch *batch, struct flow_error *err)
{
    int rc;

    flow_batch_set_limit(batch, check->options.limit);
    rc = flow_reader_next(check->reader, batch, err);
    if (rc == FLOW_END) {
        check->ended = true;
        return FLOW_OK;
    }
    rc = rc == FLOW_OK ? flow_policies_name_ends(check->options.policies, check->dict, batch, err)
                       : rc;
    if (rc == FLOW_OK) {
        flow_run_ring_push(check->ring);
        flow_reader_call(check->reader);
    }
    return rc;
}

/* The next batch that is judged: until there is one, more is read. FLOW_END: the input has ended.
 */
static int
read_ring(struct flow_check *check, struct flow_error *err)
{
    int rc = FLOW_OK;

    while (rc == FLOW_OK) {
        struct flow_batch *batch = check->ended ? NULL : flow_run_ring_begin(check->ring);
        bool taken = false;

        if (!flow_run_ring_is_empty(check->ring)) {
            rc = flow_run_ring_take(check->ring, &check->batch, batch == NULL, &taken, err);
        } else if (check->ended) {
            return FLOW_END;
        }
        if (taken) {
            flow_check_leave_told(check);
            return rc;
        }
        rc = batch != NULL ? read_into_ring(check, batch, err) : rc;
    }
    return rc;
}

int
flow_check_read_batch(struct flow_check *check, struct flow_error *err)
{
    int rc;

    if (check->abreast) {
        return read_ring(check, err);
    }
    rc = flow_reader_next(check->reader, check->batch, err);
    flow_check_leave_told(check);
    return rc == FLOW_OK ? take_batch(check, err) : rc;
}
