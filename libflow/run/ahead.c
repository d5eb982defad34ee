/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of batches between the thread that reads and judges and the one that makes something of
 * it. What records point to stays as it is once it is made, or is the batch's own.
 */
#include "run/ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

enum { SLOTS = 8 };

struct slot {
    struct flow_batch *batch;
    char *input;
    int rc;
    struct flow_error error;
};

struct flow_run_ahead {
    struct flow_check *check;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t made, taken;
    struct slot slots[SLOTS];
    unsigned first, count; /* slots that are filled */
    bool held;             /* the first one is lent out */
    bool stop, started;
    pid_t owner; /* the process whose thread it is: a child of fork has none */
};

/* The input's name, copied when it is another than the slot had. */
static int
note_input(struct slot *slot, const struct flow_reader *reader, struct flow_error *err)
{
    struct flow_input_stats stats;
    const uint32_t count = reader != NULL ? flow_reader_input_count(reader) : 0;

    if (count == 0 || flow_reader_input(reader, count - 1, &stats) != FLOW_OK) {
        return FLOW_OK;
    }
    if (slot->input == NULL || strcmp(slot->input, stats.name) != 0) {
        free(slot->input);
        slot->input = strdup(stats.name);
    }
    return slot->input != NULL ? FLOW_OK : flow_fail_memory(err);
}

static struct slot *
wait_for_room(struct flow_run_ahead *ahead)
{
    struct slot *slot = NULL;

    pthread_mutex_lock(&ahead->lock);
    while (ahead->count == SLOTS && !ahead->stop) {
        pthread_cond_wait(&ahead->taken, &ahead->lock);
    }
    if (!ahead->stop) {
        slot = &ahead->slots[(ahead->first + ahead->count) % SLOTS];
    }
    pthread_mutex_unlock(&ahead->lock);
    return slot;
}

static void *
run(void *context)
{
    struct flow_run_ahead *ahead = context;
    int rc = FLOW_OK;

    while (rc == FLOW_OK || rc == FLOW_AGAIN) {
        struct slot *slot = wait_for_room(ahead);

        if (slot == NULL) {
            break;
        }
        rc = flow_check_next(ahead->check, &slot->error);
        slot->batch = flow_check_exchange(ahead->check, slot->batch);
        if (rc == FLOW_OK) {
            rc = note_input(slot, flow_check_reader(ahead->check), &slot->error);
        }
        slot->rc = rc;
        pthread_mutex_lock(&ahead->lock);
        ahead->count++;
        pthread_cond_signal(&ahead->made);
        pthread_mutex_unlock(&ahead->lock);
    }
    return NULL;
}

int
flow_run_ahead_start(struct flow_run_ahead **out, struct flow_check *check, struct flow_error *err)
{
    struct flow_run_ahead *ahead = calloc(1, sizeof(*ahead));
    sigset_t all, before;
    int rc = FLOW_OK;

    if (ahead == NULL) {
        return flow_fail_memory(err);
    }
    ahead->check = check;
    ahead->owner = getpid();
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->made, NULL);
    pthread_cond_init(&ahead->taken, NULL);
    for (size_t i = 0; rc == FLOW_OK && i < SLOTS; i++) {
        rc = flow_batch_new(&ahead->slots[i].batch, err);
    }
    if (rc == FLOW_OK) {
        /* signals are for the threads of the program */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        ahead->started = pthread_create(&ahead->thread, NULL, run, ahead) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        rc = ahead->started ? FLOW_OK : flow_fail_memory(err);
    }
    if (rc != FLOW_OK) {
        (void)flow_run_ahead_stop(ahead);
        return rc;
    }
    *out = ahead;
    return FLOW_OK;
}

int
flow_run_ahead_next(struct flow_run_ahead *ahead, struct flow_run_batch *out,
                    struct flow_error *err)
{
    struct slot *slot;

    if (getpid() != ahead->owner) {
        *out = (struct flow_run_batch){ NULL, NULL };
        return flow_fail(err, FLOW_E_SYSTEM, "expected to be read by the process that opened it");
    }
    pthread_mutex_lock(&ahead->lock);
    if (ahead->held) {
        ahead->first = (ahead->first + 1) % SLOTS;
        ahead->count--;
        /* the thread is woken for several batches, not for each */
        if (ahead->count == SLOTS / 2) {
            pthread_cond_signal(&ahead->taken);
        }
    }
    while (ahead->count == 0) {
        pthread_cond_wait(&ahead->made, &ahead->lock);
    }
    slot = &ahead->slots[ahead->first];
    /* the last one comes again: behind it nothing is made */
    ahead->held = slot->rc == FLOW_OK || slot->rc == FLOW_AGAIN;
    pthread_mutex_unlock(&ahead->lock);
    *out = (struct flow_run_batch){ slot->batch, slot->input };
    if (slot->rc < 0 && err != NULL) {
        *err = slot->error;
    }
    return slot->rc;
}

bool
flow_run_ahead_stop(struct flow_run_ahead *ahead)
{
    if (ahead == NULL) {
        return true;
    }
    if (getpid() != ahead->owner) {
        return false;
    }
    if (ahead->started) {
        pthread_mutex_lock(&ahead->lock);
        ahead->stop = true;
        pthread_cond_signal(&ahead->taken);
        pthread_mutex_unlock(&ahead->lock);
        pthread_join(ahead->thread, NULL);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        flow_batch_free(ahead->slots[i].batch);
        free(ahead->slots[i].input);
    }
    pthread_cond_destroy(&ahead->made);
    pthread_cond_destroy(&ahead->taken);
    pthread_mutex_destroy(&ahead->lock);
    free(ahead);
    return true;
}
