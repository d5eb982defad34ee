/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of YAML and JSON share: where they are in the file, and the tree they build. The
 * tree is built from the outside in, without recursion, so that only flow_build_* know the limits.
 */
#ifndef FLOW_MANIFEST_INTERNAL_H
#define FLOW_MANIFEST_INTERNAL_H

#include "base/buf.h"
#include "base/limits.h"
#include "manifest/node.h"

/* A byte of the file and the line it is on. */
struct flow_cursor {
    size_t offset;
    size_t line_start; /* offset of the line's first byte, behind a byte order mark */
    uint32_t line;     /* from 1 */
};

/* A line ends with LF, CR LF or CR; Unicode's own line breaks count for no editor. */
static inline bool
flow_line_ends(struct flow_str text, size_t at)
{
    return text.ptr[at] == '\n' ||
           (text.ptr[at] == '\r' && !(at + 1 < text.len && text.ptr[at + 1] == '\n'));
}

/* Goes on by one byte; the cursor must be inside the text. */
static inline void
flow_cursor_pass(struct flow_cursor *cursor, struct flow_str text)
{
    const bool ends = flow_line_ends(text, cursor->offset);

    cursor->offset++;
    if (ends) {
        cursor->line++;
        cursor->line_start = cursor->offset;
    }
}

static inline uint32_t
flow_cursor_column(const struct flow_cursor *cursor)
{
    return (uint32_t)(cursor->offset - cursor->line_start + 1);
}

/* Goes on to a byte, at most to the end of the text. */
void flow_cursor_move(struct flow_cursor *cursor, struct flow_str text, size_t offset);

/* Goes on over spaces, tabs and line ends. */
void flow_cursor_skip_white(struct flow_cursor *cursor, struct flow_str text);

/* Gives an error that is already filled this place; returns its status. */
int flow_cursor_fail(const struct flow_cursor *cursor, int status, struct flow_error *err);

/* What stands at a byte, for behind "found": a word, a character, or the end of something. */
const char *flow_manifest_found(struct flow_str text, size_t at, char *found, size_t size);

/* A finished node, and what it weighs with aliases followed. */
struct flow_built {
    struct flow_node *node;
    size_t nodes;    /* itself and all below */
    uint32_t height; /* lists and maps inside each other, itself included; 0 for a scalar */
};

/* A list or map whose end has not come yet. */
struct flow_build_open {
    struct flow_node *node;
    size_t first;        /* of its items in waiting */
    size_t nodes_before; /* nodes of the document when it began */
    uint32_t height;     /* so far */
};

struct flow_build_duplicate {
    const struct flow_node *key;
    uint32_t first_line; /* of the first key with this text */
};

/* Zero bytes are a valid builder; its memory is kept from document to document. */
struct flow_build {
    struct flow_arena *arena;
    struct flow_node **waiting; /* finished nodes whose list or map is still open */
    size_t waiting_count, waiting_room;
    struct flow_build_open open[FLOW_MANIFEST_DEPTH_MAX];
    size_t depth;
    size_t nodes;           /* of the document so far, aliases followed */
    size_t aliased;         /* among them, brought by aliases */
    struct flow_built last; /* the node finished last */
    size_t *marks;          /* room to find equal keys */
    size_t marks_room;
    struct flow_build_duplicate *duplicates; /* told only when the document is good */
    size_t duplicate_count, duplicate_room;
    struct flow_buf scratch; /* for a scalar that must be unescaped */
};

/* Begins a document whose nodes go into the arena. */
void flow_build_start(struct flow_build *build, struct flow_arena *arena);
void flow_build_free(struct flow_build *build);

/* Whether the next node is a map's key, which must be a scalar. */
bool flow_build_wants_key(const struct flow_build *build);

/* Copies the text. Not quoted, it may turn out to be null. */
int flow_build_scalar(struct flow_build *build, struct flow_str text, bool quoted,
                      const struct flow_cursor *at, struct flow_error *err);

/* Begins a list or map; its node is build->open[build->depth - 1].node. */
int flow_build_open(struct flow_build *build, enum flow_node_type type,
                    const struct flow_cursor *at, struct flow_error *err);

/* Ends the list or map opened last: merges what "<<" names, lets the last of equal keys win. */
int flow_build_close(struct flow_build *build, struct flow_error *err);

/* Adds a finished node once more. */
int flow_build_share(struct flow_build *build, const struct flow_built *shared,
                     const struct flow_cursor *at, struct flow_error *err);

/* The root when all is closed; NULL when nothing was added. */
struct flow_node *flow_build_root(const struct flow_build *build);

/* Tells the caller of the duplicate keys. */
void flow_build_tell(const struct flow_build *build, const char *name,
                     const struct flow_document_options *options);

/*
 * Both read one document of text from the cursor on. JSON leaves the cursor behind its value; YAML
 * reads all of text, which must be valid UTF-8, and adds nothing when it holds only comments.
 */
int flow_manifest_read_json(struct flow_build *build, struct flow_str text,
                            struct flow_cursor *cursor, struct flow_error *err);
int flow_manifest_read_yaml(struct flow_build *build, struct flow_str text,
                            const struct flow_cursor *cursor, struct flow_error *err);

#endif
