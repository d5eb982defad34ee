/* SPDX-License-Identifier: Apache-2.0 */
/* A list of texts and a list of options. */
#include "manifest/documents.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"

int
flow_documents_new(struct flow_documents **out, struct flow_error *err)
{
    *out = calloc(1, sizeof(**out));
    return *out != NULL ? FLOW_OK : flow_fail_memory(err);
}

void
flow_documents_free(struct flow_documents *documents)
{
    if (documents != NULL) {
        free(documents->texts);
        free(documents->settings);
        flow_arena_free(&documents->arena);
        flow_buf_free(&documents->encoded);
        free(documents);
    }
}

const char *
flow_document_role_name(uint8_t role)
{
    static const char *const names[FLOW_DOCUMENT_ROLES] = { "manifest", "snapshot", "intent",
                                                            "layer" };

    return role < FLOW_DOCUMENT_ROLES ? names[role] : "unknown";
}

bool
flow_documents_add(struct flow_documents *documents, uint8_t role, struct flow_str path,
                   struct flow_str text)
{
    struct flow_document_text *kept;

    if (documents->count == documents->room) {
        const size_t room = documents->room == 0 ? 16 : documents->room * 2;
        struct flow_document_text *grown = realloc(documents->texts, room * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        documents->texts = grown;
        documents->room = room;
    }
    kept = &documents->texts[documents->count];
    kept->role = role;
    kept->path = flow_arena_str(&documents->arena, path);
    kept->text = flow_arena_str(&documents->arena, text);
    if (kept->path.ptr == NULL || kept->text.ptr == NULL) {
        return false;
    }
    documents->count++;
    return true;
}

bool
flow_documents_set(struct flow_documents *documents, const char *name, struct flow_str value)
{
    struct flow_document_setting *kept;

    if (documents->setting_count == documents->setting_room) {
        const size_t room = documents->setting_room == 0 ? 8 : documents->setting_room * 2;
        struct flow_document_setting *grown = realloc(documents->settings, room * sizeof(*grown));

        if (grown == NULL) {
            return false;
        }
        documents->settings = grown;
        documents->setting_room = room;
    }
    kept = &documents->settings[documents->setting_count];
    kept->name = flow_arena_str(&documents->arena, flow_str_of(name));
    kept->value = flow_arena_str(&documents->arena, value);
    if (kept->name.ptr == NULL || kept->value.ptr == NULL) {
        return false;
    }
    documents->setting_count++;
    return true;
}

int
flow_documents_add_all(struct flow_documents *documents, const struct flow_documents *from,
                       struct flow_error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < from->setting_count; i++) {
        ok = flow_documents_set(documents, from->settings[i].name.ptr, from->settings[i].value);
    }
    for (size_t i = 0; ok && i < from->count; i++) {
        const struct flow_document_text *text = &from->texts[i];

        ok = flow_documents_add(documents, text->role, text->path, text->text);
    }
    return ok ? FLOW_OK : flow_fail_memory(err);
}

const struct flow_document_text *
flow_documents_find(const struct flow_documents *documents, uint8_t role, const char *path)
{
    for (size_t i = 0; i < documents->count; i++) {
        if (documents->texts[i].role == role && flow_str_is(documents->texts[i].path, path)) {
            return &documents->texts[i];
        }
    }
    return NULL;
}

const char *
flow_documents_setting(const struct flow_documents *documents, const char *name, size_t number)
{
    for (size_t i = 0; i < documents->setting_count; i++) {
        if (flow_str_is(documents->settings[i].name, name) && number-- == 0) {
            return documents->settings[i].value.ptr;
        }
    }
    return NULL;
}

const char *
flow_documents_intent(const struct flow_documents *documents)
{
    for (size_t i = 0; i < documents->count; i++) {
        if (documents->texts[i].role == FLOW_DOCUMENT_INTENT) {
            return documents->texts[i].path.ptr;
        }
    }
    return NULL;
}

bool
flow_documents_equal(const struct flow_documents *a, const struct flow_documents *b,
                     const char **different)
{
    for (size_t i = 0; i < a->count || i < b->count; i++) {
        const struct flow_document_text *one = i < a->count ? &a->texts[i] : NULL;
        const struct flow_document_text *other = i < b->count ? &b->texts[i] : NULL;

        if (one == NULL || other == NULL || one->role != other->role ||
            !flow_str_equal(one->path, other->path) || !flow_str_equal(one->text, other->text)) {
            *different = one != NULL ? one->path.ptr : other->path.ptr;
            return false;
        }
    }
    *different = "options";
    if (a->setting_count != b->setting_count) {
        return false;
    }
    for (size_t i = 0; i < a->setting_count; i++) {
        if (!flow_str_equal(a->settings[i].name, b->settings[i].name) ||
            !flow_str_equal(a->settings[i].value, b->settings[i].value)) {
            return false;
        }
    }
    return true;
}
