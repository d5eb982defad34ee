/* SPDX-License-Identifier: Apache-2.0 */
/* Whole manifest files in memory. */
#ifndef FLOW_MANIFEST_FILE_H
#define FLOW_MANIFEST_FILE_H

#include "base/error.h"
#include "manifest/documents.h"

/*
 * The text of a file, decompressed, at most FLOW_MANIFEST_BYTES_MAX. *text is to be freed also when
 * it fails, and then holds the *len bytes that could be read; errors do not name the file.
 * Documents, when they are given and not sealed, keep the text; sealed ones are read instead.
 */
int flow_manifest_read_file(struct flow_documents *documents, uint8_t role, const char *path,
                            char **text, size_t *len, struct flow_error *err);

#endif
