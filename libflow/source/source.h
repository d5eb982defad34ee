/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where bytes come from: a file, standard input, or memory. A source knows nothing of what the
 * bytes mean. One table of operations a source, all listed in registry.c.
 */
#ifndef FLOW_SOURCE_SOURCE_H
#define FLOW_SOURCE_SOURCE_H

#include "base/error.h"

struct flow_live_stats;
struct flow_source; /* each kind defines its own, starting with const struct flow_source_ops * */

struct flow_source_ops {
    const char *name;   /* "file", "stdin", "memory" */
    bool may_go_ahead;  /* another thread may read it, ahead: it is all there */
    const char *format; /* the name of the decoder for its bytes; NULL: they tell themselves */
    /*
     * Up to room bytes into at. FLOW_OK with *got > 0, FLOW_END with *got == 0, FLOW_AGAIN when a
     * source that need not be waited for has none now, or an error. EINTR is not an error; a short
     * read is not an end.
     */
    int (*read)(struct flow_source *source, void *at, size_t room, size_t *got,
                struct flow_error *err);
    /* What became of its connection; NULL for sources that have none. */
    void (*live_stats)(const struct flow_source *source, struct flow_live_stats *stats);
    /* Bytes in all, for progress; 0 when unknown. */
    uint64_t (*size)(const struct flow_source *source);
    void (*close)(struct flow_source *source);
};

struct flow_source {
    const struct flow_source_ops *ops;
};

/* uri is a path, or "-" for standard input. A directory is FLOW_E_ARGUMENT: expand it first. */
int flow_source_open(struct flow_source **out, const char *uri, struct flow_error *err);

/* Reads bytes that the caller owns until close; chunk > 0 hands out at most that many at a time. */
int flow_source_open_memory(struct flow_source **out, struct flow_str bytes, size_t chunk,
                            struct flow_error *err);

/* A source that is given its bytes; it has copies of those not yet read. */
int flow_source_open_push(struct flow_source **out, struct flow_error *err);
int flow_source_push(struct flow_source *source, const void *bytes, size_t len,
                     struct flow_error *err);
/* No more will come. */
void flow_source_push_end(struct flow_source *source);
bool flow_source_push_ended(const struct flow_source *source);

/* NULL is fine. */
void flow_source_close(struct flow_source *source);

/*
 * The regular files below a directory, sorted by path in byte order, hidden entries (".x") left
 * out, symbolic links to files followed, to directories followed unless they lead back to a parent.
 * FIFOs, sockets and devices are passed over. What cannot be read is told through problem (a
 * directory without permission) and the rest still listed.
 */
struct flow_path_list {
    char **paths; /* each malloc'ed */
    size_t count, room;
};

struct flow_path_options {
    void (*problem)(void *context, const struct flow_error *problem); /* may be NULL */
    void *context;
};

/*
 * A path that is no directory is listed as itself, existing or not; "-" too. Fails only when out of
 * memory or deeper than FLOW_DIRECTORY_DEPTH_MAX.
 */
int flow_path_list_add(struct flow_path_list *list, const char *path,
                       const struct flow_path_options *options, struct flow_error *err);
void flow_path_list_free(struct flow_path_list *list);

#endif
