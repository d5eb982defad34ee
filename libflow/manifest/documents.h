/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and options that were read, kept or taken from here again. */
#ifndef FLOW_MANIFEST_DOCUMENTS_H
#define FLOW_MANIFEST_DOCUMENTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "libflow/documents.h"

enum flow_document_role {
    FLOW_DOCUMENT_MANIFEST = 0,
    FLOW_DOCUMENT_SNAPSHOT,
    FLOW_DOCUMENT_INTENT,
    FLOW_DOCUMENT_LAYER
};
#define FLOW_DOCUMENT_ROLES 4

struct flow_document_text {
    uint8_t role; /* enum flow_document_role */
    struct flow_str path, text;
};

struct flow_document_setting {
    struct flow_str name, value;
};

struct flow_documents {
    struct flow_arena arena;
    struct flow_document_text *texts; /* in the order they were read */
    size_t count, room;
    struct flow_document_setting *settings;
    size_t setting_count, setting_room;
    bool sealed;
    struct flow_buf encoded; /* what flow_documents_encode made last */
};

/* "manifest", "snapshot", "intent", "layer". */
const char *flow_document_role_name(uint8_t role);

/* Copies; false when out of memory. */
bool flow_documents_add(struct flow_documents *documents, uint8_t role, struct flow_str path,
                        struct flow_str text);
bool flow_documents_set(struct flow_documents *documents, const char *name, struct flow_str value);
const struct flow_document_text *flow_documents_find(const struct flow_documents *documents,
                                                     uint8_t role, const char *path);
/* The number-th value of a name, or NULL. Ended with NUL. */
const char *flow_documents_setting(const struct flow_documents *documents, const char *name,
                                   size_t number);

/* Whether two sets say the same; *different is the first path that differs, or "options". */
bool flow_documents_equal(const struct flow_documents *a, const struct flow_documents *b,
                          const char **different);

#endif
