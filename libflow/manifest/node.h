/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manifest document as a tree: what YAML and JSON have in common, with the place of every node.
 * Scalars keep their raw text; only the reader of a field knows which type it wants (YAML 1.1 would
 * turn "on" into a boolean and "1_000" into a number).
 */
#ifndef FLOW_MANIFEST_NODE_H
#define FLOW_MANIFEST_NODE_H

#include "base/arena.h"
#include "base/error.h"

enum flow_node_type {
    FLOW_NODE_NULL,   /* JSON null; plain YAML null, ~, or nothing */
    FLOW_NODE_SCALAR, /* text, number or boolean */
    FLOW_NODE_LIST,
    FLOW_NODE_MAP
};

struct flow_node_pair;

struct flow_node {
    uint8_t type; /* enum flow_node_type */
    bool quoted;  /* a scalar that was quoted or a block: a string whatever it looks like */
    uint32_t line, column;        /* from 1; columns count bytes */
    struct flow_str text;         /* of a scalar or null, unescaped; ended with NUL behind len */
    size_t count;                 /* items of a list, pairs of a map */
    struct flow_node **items;     /* of a list */
    struct flow_node_pair *pairs; /* of a map; see below */
};

/*
 * The keys of a map differ. They are in the order of the file, of duplicates only the last is
 * there; behind them follows what merge keys ("<<") brought, with the places it was written at.
 */
struct flow_node_pair {
    struct flow_node *key;   /* always a scalar */
    struct flow_node *value; /* never NULL */
};

/* The value under a key; NULL when the node is NULL, no map, or has no such key. */
const struct flow_node *flow_node_get(const struct flow_node *map, const char *key);

/* "a list", "a map", "null", "text", for messages. */
const char *flow_node_type_name(const struct flow_node *node);

/*
 * Reads the documents of one file. Open with the whole text; each call to next parses one document
 * into the arena (which the caller resets between documents when it likes).
 */
struct flow_document_reader;

struct flow_document_options {
    /*
     * Told of what is odd but no error (a duplicate key), with FLOW_E_INVALID as status, once the
     * document turned out good; may be NULL. The error is borrowed for the call.
     */
    void (*note)(void *context, const struct flow_error *note);
    void *context;
};

/*
 * text is borrowed until close and need not end in NUL. The format of each document is told by its
 * content: JSON when the first byte that is not white space is '{' or '[' and the text parses as
 * JSON from there, YAML else. JSON values may follow each other without "---". name is borrowed too
 * and goes into errors as their input. FLOW_E_LIMIT above FLOW_MANIFEST_BYTES_MAX.
 */
int flow_document_reader_open(struct flow_document_reader **out, const char *name,
                              struct flow_str text, const struct flow_document_options *options,
                              struct flow_error *err);

/*
 * FLOW_OK with *root set (NULL for a document that is empty behind its "---"), or FLOW_END. A
 * failed document carries its place; after it the next call goes on with the document behind the
 * next line "---" or "...", after JSON also with the next line that starts with '{', so one broken
 * document does not hide the others.
 */
int flow_document_reader_next(struct flow_document_reader *reader, struct flow_arena *arena,
                              const struct flow_node **root, struct flow_error *err);

void flow_document_reader_close(struct flow_document_reader *reader);

#endif
