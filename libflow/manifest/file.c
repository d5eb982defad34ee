/* SPDX-License-Identifier: Apache-2.0 */
/* Reads files of manifests whole, whatever they are compressed with. */
#include "manifest/file.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "frame/bytes.h"
#include "source/source.h"

static int
read_file(const char *path, char **text, size_t *len, struct flow_error *err)
{
    const struct flow_bytes_options options = { false };
    struct flow_source *source;
    struct flow_bytes *bytes;
    size_t room = (size_t)64 << 10;
    size_t got;
    int rc = flow_source_open(&source, path, err);

    *len = 0;
    *text = NULL;
    if (rc != FLOW_OK) {
        return rc;
    }
    rc = flow_bytes_open(&bytes, source, &options, err);
    if (rc != FLOW_OK) {
        flow_source_close(source);
        return rc;
    }
    *text = malloc(room);
    while (*text != NULL &&
           (rc = flow_bytes_read(bytes, *text + *len, room - *len, &got, err)) == FLOW_OK) {
        *len += got;
        if (*len > FLOW_MANIFEST_BYTES_MAX) {
            rc = flow_fail(err, FLOW_E_LIMIT, "expected a manifest of at most %zu bytes",
                           FLOW_MANIFEST_BYTES_MAX);
            break;
        }
        if (*len == room) {
            char *grown = realloc(*text, room *= 2);

            if (grown == NULL) {
                rc = flow_fail_memory(err);
                break;
            }
            *text = grown;
        }
    }
    rc = *text == NULL ? flow_fail_memory(err) : rc;
    flow_bytes_close(bytes);
    return rc == FLOW_END ? FLOW_OK : rc;
}

/* A text that was kept. */
static int
take_document(const struct flow_documents *documents, uint8_t role, const char *path, char **text,
              size_t *len, struct flow_error *err)
{
    const struct flow_document_text *found = flow_documents_find(documents, role, path);

    *text = NULL;
    *len = 0;
    if (found == NULL) {
        return flow_fail(err, FLOW_E_NOT_FOUND, "expected the text of this file among the kept");
    }
    *text = malloc(found->text.len + 1);
    if (*text == NULL) {
        return flow_fail_memory(err);
    }
    memcpy(*text, found->text.ptr, found->text.len);
    *len = found->text.len;
    return FLOW_OK;
}

int
flow_manifest_read_file(struct flow_documents *documents, uint8_t role, const char *path,
                        char **text, size_t *len, struct flow_error *err)
{
    int rc;

    if (documents != NULL && documents->sealed) {
        return take_document(documents, role, path, text, len, err);
    }
    rc = read_file(path, text, len, err);
    /* of one that is cut short, what could be read is what counts */
    if (documents != NULL && *text != NULL && (rc == FLOW_OK || *len > 0) &&
        !flow_documents_add(documents, role, flow_str_of(path), (struct flow_str){ *text, *len })) {
        return flow_fail_memory(err);
    }
    return rc;
}
