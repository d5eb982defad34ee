/* SPDX-License-Identifier: Apache-2.0 */
/* Types, variables and messages of manifest fields; knows no kind of object. */
#include "manifest/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "manifest/notes.h"

/* A node as a person would call it. */
static const char *
describe(const struct flow_node *node, char *text, size_t size)
{
    if (node == NULL || node->type != FLOW_NODE_SCALAR) {
        return node == NULL ? "nothing" : flow_node_type_name(node);
    }
    return flow_quote(node->text, text, size);
}

bool
flow_field_fail(struct flow_fields_context *context, const struct flow_node *node,
                const char *expected_format, ...)
{
    char expected[160];
    char found[100];
    va_list args;

    va_start(args, expected_format);
    vsnprintf(expected, sizeof(expected), expected_format, args);
    va_end(args);
    return flow_field_refuse(context, node, "expected %s, found %s", expected,
                             describe(node, found, sizeof(found)));
}

bool
flow_field_refuse(struct flow_fields_context *context, const struct flow_node *node,
                  const char *format, ...)
{
    char message[256];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    flow_fail(context->err, FLOW_E_INVALID, "%s", message);
    flow_error_set_input(context->err, context->file);
    if (node != NULL) {
        flow_error_set_place(context->err, 0, node->line, node->column);
    }
    return false;
}

void
flow_field_warn(struct flow_fields_context *context, const struct flow_node *node,
                const char *format, ...)
{
    struct flow_error warning;
    char message[256];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    flow_fail(&warning, FLOW_E_INVALID, "%s", message);
    flow_error_set_input(&warning, context->file);
    if (node != NULL) {
        flow_error_set_place(&warning, 0, node->line, node->column);
    }
    flow_notes_add(context->notes, FLOW_NOTE_WARNING, &warning);
}

const struct flow_node *
flow_field(const struct flow_node *map, const char *key)
{
    const struct flow_node *value = map != NULL ? flow_node_get(map, key) : NULL;

    return value != NULL && value->type != FLOW_NODE_NULL ? value : NULL;
}

bool
flow_field_present(const struct flow_node *map, const char *key)
{
    return map != NULL && flow_node_get(map, key) != NULL;
}

bool
flow_field_is_map(struct flow_fields_context *context, const struct flow_node *node,
                  const char *what)
{
    return (node != NULL && node->type == FLOW_NODE_MAP) ||
           flow_field_fail(context, node, "a map at %s", what);
}

bool
flow_field_is_list(struct flow_fields_context *context, const struct flow_node *node,
                   const char *what)
{
    return (node != NULL && node->type == FLOW_NODE_LIST) ||
           flow_field_fail(context, node, "a list at %s", what);
}

bool
flow_field_list(struct flow_fields_context *context, const struct flow_node *map, const char *key,
                const struct flow_node **list)
{
    *list = flow_field(map, key);
    return *list == NULL || flow_field_is_list(context, *list, key);
}

bool
flow_field_map(struct flow_fields_context *context, const struct flow_node *map, const char *key,
               const struct flow_node **member)
{
    *member = flow_field(map, key);
    return *member == NULL || flow_field_is_map(context, *member, key);
}

bool
flow_field_need(struct flow_fields_context *context, const struct flow_node *map, const char *key,
                const char *what, const struct flow_node **member)
{
    *member = flow_field(map, key);
    return *member != NULL || flow_field_refuse(context, map, "expected %s, found nothing", what);
}

static bool
is_one_of(struct flow_str text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (flow_str_is(text, *words)) {
            return true;
        }
    }
    return false;
}

static bool
is_boolean(struct flow_str text, bool *value)
{
    static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes", "YES",
                                       "on",   "On",   "ON",   "y",   "Y",   NULL };
    static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO",
                                      "off",   "Off",   "OFF",   "n",  "N",  NULL };

    *value = is_one_of(text, yes);
    return *value || is_one_of(text, no);
}

/* A number as YAML 1.1 has them; underscores may stand between digits. */
static bool
is_number(struct flow_str text, bool *whole)
{
    size_t pos = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+') ? 1 : 0;
    size_t digits = 0;
    bool exponent = false;

    *whole = true;
    if (text.len > pos + 2 && text.ptr[pos] == '0' &&
        (text.ptr[pos + 1] == 'x' || text.ptr[pos + 1] == 'o' || text.ptr[pos + 1] == 'b')) {
        const char *set = text.ptr[pos + 1] == 'x'   ? "0123456789abcdefABCDEF_"
                          : text.ptr[pos + 1] == 'o' ? "01234567_"
                                                     : "01_";

        return strspn(text.ptr + pos + 2, set) == text.len - pos - 2;
    }
    for (; pos < text.len; pos++) {
        const char c = text.ptr[pos];

        if (c >= '0' && c <= '9') {
            digits++;
        } else if (c == '.' && *whole && !exponent) {
            *whole = false;
        } else if ((c == 'e' || c == 'E') && digits > 0 && !exponent) {
            exponent = true;
            *whole = false;
            pos += pos + 1 < text.len && (text.ptr[pos + 1] == '-' || text.ptr[pos + 1] == '+');
        } else if (c != '_' || digits == 0) {
            return false;
        }
    }
    return digits > 0;
}

bool
flow_field_looks_integer(const struct flow_node *node)
{
    bool whole;

    return node != NULL && node->type == FLOW_NODE_SCALAR && !node->quoted &&
           is_number(node->text, &whole) && whole;
}

static bool
is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The value of a variable; false when it has none. */
static bool
find_variable(const struct flow_fields_context *context, struct flow_str name,
              struct flow_str *value)
{
    for (size_t i = 0; i < context->variable_count; i++) {
        const struct flow_str pair = flow_str_of(context->variables[i]);

        if (pair.len > name.len && pair.ptr[name.len] == '=' && flow_str_starts(pair, name)) {
            *value = flow_str_from(pair, name.len + 1);
            return true;
        }
    }
    return false;
}

/* Replaces ${NAME}; what has no value stays as it is and sets *placeholder. */
static struct flow_str
substitute(const struct flow_fields_context *context, struct flow_str text, struct flow_buf *out,
           bool *placeholder)
{
    size_t pos = 0;

    while (pos < text.len) {
        struct flow_str name = { NULL, 0 };
        struct flow_str value;

        if (text.ptr[pos] == '$' && pos + 1 < text.len && text.ptr[pos + 1] == '{') {
            name.ptr = text.ptr + pos + 2;
            while (pos + 2 + name.len < text.len && is_name_byte(name.ptr[name.len])) {
                name.len++;
            }
            if (pos + 2 + name.len < text.len && name.ptr[name.len] == '}' && name.len > 0 &&
                find_variable(context, name, &value)) {
                flow_buf_add_str(out, value);
                pos += name.len + 3;
                continue;
            }
            *placeholder = true;
        }
        *placeholder |= text.ptr[pos] == '{' && pos + 1 < text.len && text.ptr[pos + 1] == '{';
        flow_buf_add_char(out, text.ptr[pos++]);
    }
    return flow_buf_str(out);
}

bool
flow_field_text(struct flow_fields_context *context, const struct flow_node *node, const char *what,
                struct flow_str *text, bool *placeholder)
{
    bool unresolved = false;
    bool ignored;

    if (node == NULL || node->type != FLOW_NODE_SCALAR) {
        return flow_field_fail(context, node, "a string at %s", what);
    }
    if (!node->quoted && (is_boolean(node->text, &ignored) || is_number(node->text, &ignored))) {
        return flow_field_fail(context, node, "a string in quotes at %s", what);
    }
    *text = node->text;
    if (memchr(node->text.ptr, '{', node->text.len) != NULL) {
        struct flow_buf buf = { 0 };
        const struct flow_str replaced = substitute(context, node->text, &buf, &unresolved);

        *text = flow_arena_str(context->arena, replaced);
        if (buf.failed) {
            text->ptr = NULL;
        }
        flow_buf_free(&buf);
    } else {
        *text = flow_arena_str(context->arena, *text);
    }
    if (text->ptr == NULL) {
        flow_fail_memory(context->err);
        return false;
    }
    if (placeholder != NULL) {
        *placeholder |= unresolved;
    }
    return true;
}

bool
flow_field_text_member(struct flow_fields_context *context, const struct flow_node *map,
                       const char *key, struct flow_str *text, bool *placeholder)
{
    const struct flow_node *node = flow_field(map, key);

    return node == NULL || flow_field_text(context, node, key, text, placeholder);
}

bool
flow_field_integer(struct flow_fields_context *context, const struct flow_node *node,
                   const char *what, int64_t least, int64_t most, int64_t *value)
{
    char *end;

    if (!flow_field_looks_integer(node)) {
        return flow_field_fail(context, node, "a whole number at %s", what);
    }
    *value = strtoll(node->text.ptr, &end, 10);
    if (end != node->text.ptr + node->text.len) {
        *value = strtoll(node->text.ptr, &end, 0);
    }
    if (end != node->text.ptr + node->text.len || *value < least || *value > most) {
        return flow_field_fail(context, node, "a number from %lld to %lld at %s", (long long)least,
                               (long long)most, what);
    }
    return true;
}

bool
flow_field_boolean(struct flow_fields_context *context, const struct flow_node *node,
                   const char *what, bool *value)
{
    if (node == NULL || node->type != FLOW_NODE_SCALAR || node->quoted ||
        !is_boolean(node->text, value)) {
        return flow_field_fail(context, node, "true or false at %s", what);
    }
    return true;
}

void
flow_field_only(struct flow_fields_context *context, const struct flow_node *map, const char *what,
                const char *const *allowed)
{
    char quoted[100];

    for (size_t i = 0; i < map->count; i++) {
        if (!is_one_of(map->pairs[i].key->text, allowed)) {
            flow_field_warn(context, map->pairs[i].key,
                            "unknown field %s in %s is taken as absent, as a cluster would",
                            flow_quote(map->pairs[i].key->text, quoted, sizeof(quoted)), what);
        }
    }
}
