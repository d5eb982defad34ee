/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: names are learned from inputs that can be read twice, partial states are counted, and then
 * each input is read and judged. One step of that a call.
 */
#include "run/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/error.h"
#include "check/classifier.h"
#include "check/tally.h"
#include "decode/reader.h"
#include "enrich/names.h"
#include "model/batch.h"

int
flow_check_options_init(struct flow_check_options *options, size_t size)
{
    if (options == NULL || size != sizeof(*options)) {
        return FLOW_E_ARGUMENT;
    }
    memset(options, 0, sizeof(*options));
    options->size = size;
    options->wait = -1;
    options->threads = 1;
    return FLOW_OK;
}

static int learn(struct flow_check *check, struct flow_error *err);
static int replay(struct flow_check *check, struct flow_error *err);
static int read_on(struct flow_check *check, struct flow_error *err);

/* Makes another step the next one. */
static int
turn_to(struct flow_check *check, int (*step)(struct flow_check *check, struct flow_error *err))
{
    check->step = step;
    check->next = 0;
    return FLOW_OK;
}

static void
close_reader(struct flow_check *check)
{
    flow_reader_close(check->reader);
    check->reader = NULL;
}

/* Whether an input is a file or a folder, and so can be read twice. */
static bool
can_read_twice(const char *input)
{
    struct stat stat_of;

    return strcmp(input, "-") != 0 && stat(input, &stat_of) == 0 &&
           (S_ISREG(stat_of.st_mode) || S_ISDIR(stat_of.st_mode));
}

/* Opens source number next, as it is read in that step. */
static int
open_source(struct flow_check *check, const struct flow_reader_options *options,
            struct flow_error *err)
{
    const struct flow_check_options *run = &check->options;

    if (run->live != NULL) {
        return flow_reader_open_live(&check->reader, run->live, options, err);
    }
    return check->next < run->input_count
               ? flow_reader_open(&check->reader, check->inputs[check->next], options, err)
               : flow_reader_open_memory(&check->reader, run->bytes, run->byte_count, options, err);
}

static bool
is_read_twice(const struct flow_check *check)
{
    return check->options.live == NULL && (check->next >= check->options.input_count ||
                                           can_read_twice(check->inputs[check->next]));
}

/* What is wrong with an input is told when it is read to be judged. */
static int
learn(struct flow_check *check, struct flow_error *err)
{
    struct flow_reader_options options;
    int rc;

    flow_reader_options_init(&options, sizeof(options));
    if (check->reader == NULL) {
        while (check->next < check->sources && !is_read_twice(check)) {
            check->next++;
        }
        if (check->next == check->sources) {
            return turn_to(check, replay);
        }
        rc = open_source(check, &options, err);
        if (rc != FLOW_OK) {
            check->next++;
            return rc == FLOW_E_MEMORY ? rc : FLOW_OK;
        }
    }
    rc = flow_reader_next(check->reader, check->batch, err);
    if (rc == FLOW_OK) {
        rc = flow_names_learn(check->names, check->batch, err);
    } else {
        close_reader(check);
        check->next++;
        rc = rc == FLOW_E_MEMORY ? rc : FLOW_OK;
    }
    flow_batch_reset(check->batch, check->dict);
    return rc;
}

static int
replay(struct flow_check *check, struct flow_error *err)
{
    const struct flow_check_options *run = &check->options;
    const struct flow_state *state;

    if (check->next == run->state_count) {
        return turn_to(check, read_on);
    }
    state = run->states[check->next++];
    check->unreadable |= flow_state_unreadable(state);
    return flow_state_replay(state, check->classifier, check->tally, check->dict, check->state,
                             err);
}

/* The DNS answers of all states come before any flow is judged. */
static int
take_names(struct flow_check *check, struct flow_error *err)
{
    int rc = FLOW_OK;

    for (size_t i = 0; rc == FLOW_OK && i < check->options.state_count; i++) {
        rc = flow_state_add_names(check->options.states[i], check->names, err);
    }
    return rc;
}

/* Opens the next input; what cannot be opened is a problem of an empty batch. */
static int
open_next(struct flow_check *check, struct flow_error *err)
{
    struct flow_reader_options options;
    struct flow_error problem;
    int rc;

    flow_reader_options_init(&options, sizeof(options));
    options.dict = check->dict;
    options.digest = check->options.digest || check->options.state;
    options.filter = check->options.filter;
    options.wait = check->options.wait;
    options.threads = check->options.threads;
    rc = open_source(check, &options, &problem);
    if (rc == FLOW_E_MEMORY) {
        return flow_fail_memory(err);
    }
    if (rc != FLOW_OK) {
        check->unreadable = true;
        check->next++;
        flow_batch_add_problem(check->batch, &problem);
        flow_check_leave_told(check);
        return FLOW_AGAIN;
    }
    check->learns = check->names != NULL && (check->once || !is_read_twice(check));
    check->abreast = check->ring != NULL && is_read_twice(check);
    check->ended = false;
    if (check->abreast) {
        check->reader->help = (struct flow_help){ flow_run_ring_help, check->ring };
    }
    /* of a pipe each record is judged by what came before it, however the bytes arrive */
    flow_batch_set_limit(check->batch, check->learns && !check->once ? 1 : check->options.limit);
    return FLOW_OK;
}

/* Whether every source can be read a second time. */
static bool
all_read_twice(struct flow_check *check)
{
    bool all = true;

    for (check->next = 0; check->next < check->sources; check->next++) {
        all = all && is_read_twice(check);
    }
    check->next = 0;
    return all;
}

/* Begins again. What was learned stays, and problems that were told are not told again. */
static int
restart(struct flow_check *check, struct flow_error *err)
{
    close_reader(check);
    if (check->ring != NULL) {
        flow_run_ring_drop(check->ring);
    }
    check->told_before = check->told;
    check->told = 0;
    return flow_tally_restart(check->tally) ? turn_to(check, replay) : flow_fail_memory(err);
}

/* Behind the last input: all was judged, or is judged anew with the names of all of it. */
static int
end_reading(struct flow_check *check, struct flow_error *err)
{
    if (!check->once || !flow_names_misled(check->names)) {
        return FLOW_END;
    }
    check->once = false;
    return restart(check, err);
}

static int
read_on(struct flow_check *check, struct flow_error *err)
{
    int rc;

    if (check->reader == NULL) {
        if (check->next == check->sources) {
            return end_reading(check, err);
        }
        rc = open_next(check, err);
        if (rc != FLOW_OK) {
            return rc == FLOW_AGAIN ? FLOW_OK : rc;
        }
    }
    rc = flow_check_read_batch(check, err);
    if (rc == FLOW_AGAIN && check->once) {
        check->batch->count = 0;
        return restart(check, err);
    }
    if (rc == FLOW_END) {
        rc = check->tally != NULL ? flow_tally_add_inputs(check->tally, check->reader, err)
                                  : FLOW_OK;
        close_reader(check);
        check->next++;
    }
    return rc;
}

void
flow_check_take_callbacks(struct flow_check *check, struct flow_check_callbacks *out)
{
    *out = check->callbacks;
    check->callbacks = (struct flow_check_callbacks){ NULL, NULL, NULL, NULL };
}

bool
flow_check_is_stopped(const struct flow_check_callbacks *callbacks, struct flow_error *err)
{
    if (callbacks->stop == NULL || !callbacks->stop(callbacks->stop_context)) {
        return false;
    }
    flow_fail_system(err, EINTR, "stopped");
    return true;
}

void
flow_check_tell(const struct flow_check_callbacks *callbacks, const struct flow_batch *batch)
{
    for (size_t i = 0;
         callbacks->tell != NULL && batch != NULL && i < flow_batch_problem_count(batch); i++) {
        const struct flow_error *problem = flow_batch_problem_at(batch, i);

        if (problem != NULL) {
            callbacks->tell(callbacks->tell_context, problem);
        }
    }
}

struct flow_batch *
flow_check_exchange(struct flow_check *check, struct flow_batch *batch)
{
    struct flow_batch *filled = check->batch;

    /* how much the next one takes is the run's to say */
    flow_batch_set_limit(batch, filled->limit);
    check->batch = batch;
    return filled;
}

uint32_t
flow_check_threads(const struct flow_check *check)
{
    return check->options.threads;
}

int
flow_check_next(struct flow_check *check, struct flow_error *err)
{
    int rc;

    flow_batch_reset(check->batch, check->dict);
    if (flow_check_is_stopped(&check->callbacks, err)) {
        return FLOW_E_SYSTEM;
    }
    rc = check->step(check, err);
    flow_check_tell(&check->callbacks, check->batch);
    return rc;
}

static int
copy_inputs(struct flow_check *check, struct flow_error *err)
{
    const struct flow_check_options *run = &check->options;

    check->sources = run->live != NULL ? 1 : run->input_count + (run->bytes != NULL ? 1 : 0);
    check->inputs = calloc(run->input_count + 1, sizeof(*check->inputs));
    for (size_t i = 0; check->inputs != NULL && i < run->input_count; i++) {
        check->inputs[i] = strdup(run->inputs[i]);
        if (check->inputs[i] == NULL) {
            return flow_fail_memory(err);
        }
    }
    return check->inputs != NULL ? FLOW_OK : flow_fail_memory(err);
}

/* What judging needs. */
static int
open_judge(struct flow_check *check, struct flow_error *err)
{
    const struct flow_check_options *run = &check->options;
    int rc = flow_classifier_new(&check->classifier, run->policies, err);

    rc = rc == FLOW_OK ? flow_tally_new(&check->tally, run->policies, err) : rc;
    if (rc == FLOW_OK && run->threads > 1 && run->filter == NULL && run->live == NULL) {
        check->ring = flow_run_ring_new(flow_check_judge, check);
        rc = check->ring != NULL ? FLOW_OK : flow_fail_memory(err);
    }
    if (rc == FLOW_OK && run->state) {
        rc = flow_state_new(&check->state, err);
    }
    if (rc == FLOW_OK && (flow_policies_ask_names(run->policies) || run->intent != NULL)) {
        rc = flow_names_new(&check->names, err);
        rc = rc == FLOW_OK ? take_names(check, err) : rc;
        check->once =
            run->tally_only && !run->state && run->filter == NULL && all_read_twice(check);
        if (rc == FLOW_OK && check->once && !flow_names_watch(check->names)) {
            rc = flow_fail_memory(err);
        }
        check->step = check->once ? replay : learn;
    }
    if (rc == FLOW_OK) {
        flow_classifier_set_names(check->classifier, check->names);
        flow_classifier_set_intent(check->classifier, run->intent);
        flow_tally_set_intent(check->tally, run->intent);
    }
    return rc;
}

int
flow_check_open(struct flow_check **out, const struct flow_check_options *options,
                struct flow_error *err)
{
    struct flow_check *check;
    int rc;

    if (options == NULL || options->size != sizeof(*options)) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected check options of this version");
    }
    if (options->policies == NULL &&
        (options->intent != NULL || options->state || options->state_count > 0)) {
        return flow_fail(err, FLOW_E_ARGUMENT,
                         "expected policies, maybe none, beside an intent or "
                         "a state");
    }
    check = calloc(1, sizeof(*check));
    if (check == NULL) {
        return flow_fail_memory(err);
    }
    check->options = *options;
    check->callbacks = (struct flow_check_callbacks){ options->stop, options->stop_context,
                                                      options->tell, options->tell_context };
    check->step = options->state_count > 0 ? replay : read_on;
    rc = copy_inputs(check, err);
    rc = rc == FLOW_OK ? flow_dict_new(&check->dict, err) : rc;
    rc = rc == FLOW_OK ? flow_batch_new(&check->batch, err) : rc;
    rc = rc == FLOW_OK && options->policies != NULL ? open_judge(check, err) : rc;
    if (rc != FLOW_OK) {
        flow_check_close(check);
        return rc;
    }
    *out = check;
    return FLOW_OK;
}

void
flow_check_close(struct flow_check *check)
{
    if (check == NULL) {
        return;
    }
    close_reader(check);
    flow_run_ring_free(check->ring);
    flow_tally_free(check->tally);
    flow_state_free(check->state);
    flow_classifier_free(check->classifier);
    flow_names_free(check->names);
    flow_batch_free(check->batch);
    flow_dict_free(check->dict);
    for (size_t i = 0; check->inputs != NULL && i < check->options.input_count; i++) {
        free(check->inputs[i]);
    }
    free(check->inputs);
    free(check);
}

const struct flow_batch *
flow_check_batch(const struct flow_check *check)
{
    return check->batch;
}

const struct flow_reader *
flow_check_reader(const struct flow_check *check)
{
    return check->step == read_on ? check->reader : NULL;
}

struct flow_dict *
flow_check_dict(const struct flow_check *check)
{
    return check->dict;
}

struct flow_tally *
flow_check_tally(const struct flow_check *check)
{
    return check->tally;
}

struct flow_classifier *
flow_check_classifier(const struct flow_check *check)
{
    return check->classifier;
}

bool
flow_check_unreadable(const struct flow_check *check)
{
    return check->unreadable;
}

int
flow_check_finish(struct flow_check *check, struct flow_error *err)
{
    return check->tally != NULL ? flow_tally_finish(check->tally, err)
                                : flow_fail(err, FLOW_E_ARGUMENT, "expected a run with policies");
}

/* Whether a state was kept, and then that it knows what could not be read. */
static int
end_state(const struct flow_check *check, struct flow_error *err)
{
    if (check->state == NULL) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected a run that keeps a state");
    }
    if (check->unreadable) {
        flow_state_set_unreadable(check->state);
    }
    return FLOW_OK;
}

int
flow_check_write_state(const struct flow_check *check, const struct flow_documents *documents,
                       const char *path, struct flow_error *err)
{
    const int rc = end_state(check, err);

    return rc == FLOW_OK
               ? flow_state_write(check->state, check->tally, check->names, documents, path, err)
               : rc;
}

int
flow_check_encode_state(const struct flow_check *check, const struct flow_documents *documents,
                        struct flow_str *bytes, struct flow_error *err)
{
    const int rc = end_state(check, err);

    return rc == FLOW_OK
               ? flow_state_encode(check->state, check->tally, check->names, documents, bytes, err)
               : rc;
}
