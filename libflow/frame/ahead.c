/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of pieces between the thread that decompresses and the one that reads. */
#include "frame/ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What decoders may read behind the bytes they are given. */
enum { PIECES = 6, PADDING = 64 };

struct piece {
    struct flow_buffer *buffer; /* bytes stand behind FLOW_BYTES_HEAD */
    size_t at, got;
    int rc; /* of the read that made it */
    struct flow_error error;
    struct flow_bytes_stats stats;
};

struct flow_ahead {
    struct flow_bytes *bytes;
    const struct flow_ahead_ops *ops;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t made, taken;
    struct piece pieces[PIECES];
    unsigned first, count; /* pieces that are made and not yet taken */
    struct flow_help help;
    bool called; /* to help, since it was asked last */
    bool stop;
    bool over;   /* the piece that is taken last comes again */
    pid_t owner; /* the process whose thread it is: a child of fork has none */
    struct flow_bytes_stats stats;
    uint64_t plain; /* bytes handed out */
};

/* Waits until something is asked of the thread; the lock is held, but not while it helps. */
static void
wait_or_help(struct flow_ahead *ahead)
{
    bool helped = false;

    if (ahead->help.help != NULL) {
        ahead->called = false;
        pthread_mutex_unlock(&ahead->lock);
        helped = ahead->help.help(ahead->help.context);
        pthread_mutex_lock(&ahead->lock);
    }
    if (!helped && !ahead->called && !ahead->stop && (ahead->over || ahead->count == PIECES)) {
        pthread_cond_wait(&ahead->taken, &ahead->lock);
    }
}

/* A piece that is free; NULL when the thread is to end. */
static struct piece *
wait_for_room(struct flow_ahead *ahead)
{
    struct piece *piece = NULL;

    pthread_mutex_lock(&ahead->lock);
    while ((ahead->over || ahead->count == PIECES) && !ahead->stop) {
        wait_or_help(ahead);
    }
    if (!ahead->stop) {
        piece = &ahead->pieces[(ahead->first + ahead->count) % PIECES];
    }
    pthread_mutex_unlock(&ahead->lock);
    return piece;
}

static void *
run(void *context)
{
    struct flow_ahead *ahead = context;
    struct piece *piece;

    while ((piece = wait_for_room(ahead)) != NULL) {
        piece->at = 0;
        piece->rc = ahead->ops->read(ahead->bytes, piece->buffer->bytes + FLOW_BYTES_HEAD,
                                     FLOW_BYTES_PIECE, &piece->got, &piece->error);
        ahead->ops->stats(ahead->bytes, &piece->stats);
        pthread_mutex_lock(&ahead->lock);
        ahead->over = piece->rc != FLOW_OK && ahead->ops->is_over(ahead->bytes);
        ahead->count++;
        pthread_cond_signal(&ahead->made);
        pthread_mutex_unlock(&ahead->lock);
    }
    return NULL;
}

/* Signals are for the threads of the program. */
static bool
start_thread(struct flow_ahead *ahead)
{
    sigset_t all, before;
    bool started;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    started = pthread_create(&ahead->thread, NULL, run, ahead) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void
free_ahead(struct flow_ahead *ahead)
{
    pthread_cond_destroy(&ahead->made);
    pthread_cond_destroy(&ahead->taken);
    pthread_mutex_destroy(&ahead->lock);
    for (size_t i = 0; i < PIECES; i++) {
        flow_buffer_release(ahead->pieces[i].buffer);
    }
    free(ahead);
}

struct flow_ahead *
flow_ahead_start(struct flow_bytes *bytes, const struct flow_ahead_ops *ops,
                 const struct flow_help *help)
{
    struct flow_ahead *ahead = calloc(1, sizeof(*ahead));
    bool ok = ahead != NULL;

    if (!ok) {
        return NULL;
    }
    ahead->bytes = bytes;
    ahead->ops = ops;
    ahead->help = *help;
    ops->stats(bytes, &ahead->stats);
    ahead->plain = ahead->stats.plain;
    ahead->owner = getpid();
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->made, NULL);
    pthread_cond_init(&ahead->taken, NULL);
    for (size_t i = 0; ok && i < PIECES; i++) {
        ahead->pieces[i].buffer = flow_buffer_new(FLOW_BYTES_HEAD + FLOW_BYTES_PIECE, PADDING);
        ok = ahead->pieces[i].buffer != NULL;
    }
    if (!ok || !start_thread(ahead)) {
        free_ahead(ahead);
        return NULL;
    }
    return ahead;
}

/* The piece that is next; it stays the thread's taboo until it is given back. */
static struct piece *
wait_for_piece(struct flow_ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    while (ahead->count == 0) {
        pthread_cond_wait(&ahead->made, &ahead->lock);
    }
    pthread_mutex_unlock(&ahead->lock);
    return &ahead->pieces[ahead->first];
}

/* Unless it is the last one, which comes again. */
static void
give_back(struct flow_ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    if (ahead->count > 1 || !ahead->over) {
        ahead->first = (ahead->first + 1) % PIECES;
        ahead->count--;
        /* the thread is woken for several pieces, not for each */
        if (ahead->count == PIECES / 2) {
            pthread_cond_signal(&ahead->taken);
        }
    }
    pthread_mutex_unlock(&ahead->lock);
}

/* The next piece, of which something can be had; or what its making said. */
static int
next_piece(struct flow_ahead *ahead, struct piece **out, struct flow_error *err)
{
    struct piece *piece;
    int rc;

    if (getpid() != ahead->owner) {
        return flow_fail(err, FLOW_E_SYSTEM, "expected to be read by the process that opened it");
    }
    piece = wait_for_piece(ahead);
    rc = piece->rc;
    ahead->stats = piece->stats;
    if (rc != FLOW_OK) {
        if (rc < 0 && err != NULL) {
            *err = piece->error;
        }
        give_back(ahead);
    }
    *out = piece;
    return rc;
}

int
flow_ahead_read(struct flow_ahead *ahead, void *at, size_t room, size_t *got,
                struct flow_error *err)
{
    struct piece *piece;
    int rc;

    *got = 0;
    rc = next_piece(ahead, &piece, err);
    if (rc != FLOW_OK) {
        return rc;
    }
    *got = piece->got - piece->at < room ? piece->got - piece->at : room;
    memcpy(at, piece->buffer->bytes + FLOW_BYTES_HEAD + piece->at, *got);
    piece->at += *got;
    ahead->plain += *got;
    if (piece->at == piece->got) {
        give_back(ahead);
    }
    return rc;
}

int
flow_ahead_exchange(struct flow_ahead *ahead, struct flow_buffer **buffer, size_t *got,
                    struct flow_error *err)
{
    struct flow_buffer *full;
    struct piece *piece;
    int rc;

    *got = 0;
    rc = next_piece(ahead, &piece, err);
    if (rc != FLOW_OK) {
        return rc;
    }
    full = piece->buffer;
    piece->buffer = *buffer;
    *buffer = full;
    *got = piece->got;
    ahead->plain += *got;
    give_back(ahead);
    return rc;
}

void
flow_ahead_call(struct flow_ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    ahead->called = true;
    pthread_cond_signal(&ahead->taken);
    pthread_mutex_unlock(&ahead->lock);
}

void
flow_ahead_stats(const struct flow_ahead *ahead, struct flow_bytes_stats *stats)
{
    *stats = ahead->stats;
    stats->plain = ahead->plain;
}

bool
flow_ahead_stop(struct flow_ahead *ahead)
{
    if (ahead == NULL) {
        return true;
    }
    if (getpid() != ahead->owner) {
        return false;
    }
    pthread_mutex_lock(&ahead->lock);
    ahead->stop = true;
    pthread_cond_signal(&ahead->taken);
    pthread_mutex_unlock(&ahead->lock);
    pthread_join(ahead->thread, NULL);
    free_ahead(ahead);
    return true;
}
