/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks nodes and builds them: keeps the limits of depth and size, settles equal keys and merge
 * keys. Knows nothing of how YAML or JSON is written.
 */
#include "manifest/node.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/str.h"
#include "manifest/internal.h"

enum { FEW_PAIRS = 32 }; /* up to here comparing each key with each is cheaper than a table */

const struct flow_node *
flow_node_get(const struct flow_node *map, const char *key)
{
    if (map == NULL || map->type != FLOW_NODE_MAP) {
        return NULL;
    }
    for (size_t i = map->count; i > 0; i--) {
        if (flow_str_is(map->pairs[i - 1].key->text, key)) {
            return map->pairs[i - 1].value;
        }
    }
    return NULL;
}

const char *
flow_node_type_name(const struct flow_node *node)
{
    static const char *const names[] = {
        [FLOW_NODE_NULL] = "null",
        [FLOW_NODE_SCALAR] = "text",
        [FLOW_NODE_LIST] = "a list",
        [FLOW_NODE_MAP] = "a map",
    };

    return node != NULL ? names[node->type] : "nothing";
}

void
flow_cursor_move(struct flow_cursor *cursor, struct flow_str text, size_t offset)
{
    while (cursor->offset < offset && cursor->offset < text.len) {
        flow_cursor_pass(cursor, text);
    }
}

void
flow_cursor_skip_white(struct flow_cursor *cursor, struct flow_str text)
{
    while (cursor->offset < text.len) {
        const char c = text.ptr[cursor->offset];

        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            break;
        }
        flow_cursor_pass(cursor, text);
    }
}

int
flow_cursor_fail(const struct flow_cursor *cursor, int status, struct flow_error *err)
{
    flow_error_set_place(err, cursor->offset, cursor->line, flow_cursor_column(cursor));
    return status;
}

/* Letters, digits and everything beyond ASCII, whatever the locale. */
static bool
in_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (c & 0x80) != 0;
}

const char *
flow_manifest_found(struct flow_str text, size_t at, char *found, size_t size)
{
    const char c = at < text.len ? text.ptr[at] : '\0';
    size_t end = at;

    if (at >= text.len) {
        return "the end of the document";
    }
    if (c == '\n' || c == '\r') {
        return "the end of the line";
    }
    if (c == '\t') {
        return "a tab";
    }
    if (c > ' ' && c < 0x7f && c != '\\' && !in_word(c)) {
        snprintf(found, size, "'%c'", c);
        return found;
    }
    do {
        end++;
    } while (end < text.len && end - at <= FLOW_QUOTE_BYTES_MAX &&
             (in_word(text.ptr[end]) || text.ptr[end - 1] == '\\'));
    return flow_quote((struct flow_str){ text.ptr + at, end - at }, found, size);
}

/* Room for at least need things of size bytes in an array; false when out of memory. */
static bool
grow(void **array, size_t *room, size_t need, size_t size)
{
    size_t wanted = *room == 0 ? 64 : *room;
    void *grown;

    if (need <= *room) {
        return true;
    }
    while (wanted < need) {
        wanted *= 2;
    }
    grown = realloc(*array, wanted * size);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    *room = wanted;
    return true;
}

void
flow_build_start(struct flow_build *build, struct flow_arena *arena)
{
    build->arena = arena;
    build->waiting_count = 0;
    build->depth = 0;
    build->nodes = build->aliased = 0;
    build->duplicate_count = 0;
}

void
flow_build_free(struct flow_build *build)
{
    free(build->waiting);
    free(build->marks);
    free(build->duplicates);
    flow_buf_free(&build->scratch);
    memset(build, 0, sizeof(*build));
}

struct flow_node *
flow_build_root(const struct flow_build *build)
{
    return build->depth == 0 && build->waiting_count > 0 ? build->waiting[0] : NULL;
}

bool
flow_build_wants_key(const struct flow_build *build)
{
    const struct flow_build_open *open = build->open + build->depth - 1;

    return build->depth > 0 && open->node->type == FLOW_NODE_MAP &&
           (build->waiting_count - open->first) % 2 == 0;
}

static int
count_nodes(struct flow_build *build, size_t nodes, const struct flow_cursor *at,
            struct flow_error *err)
{
    if (nodes > FLOW_MANIFEST_NODES_MAX - build->nodes) {
        flow_fail(err, FLOW_E_LIMIT, "expected at most %u nodes, found more",
                  FLOW_MANIFEST_NODES_MAX);
        return flow_cursor_fail(at, FLOW_E_LIMIT, err);
    }
    build->nodes += nodes;
    return FLOW_OK;
}

static int
check_depth(const struct flow_build *build, uint32_t height, const struct flow_cursor *at,
            struct flow_error *err)
{
    if (build->depth + height > FLOW_MANIFEST_DEPTH_MAX) {
        flow_fail(err, FLOW_E_LIMIT,
                  "expected at most %d lists and maps inside each other, "
                  "found more",
                  FLOW_MANIFEST_DEPTH_MAX);
        return flow_cursor_fail(at, FLOW_E_LIMIT, err);
    }
    return FLOW_OK;
}

static int
check_key(const struct flow_build *build, enum flow_node_type type, const struct flow_cursor *at,
          struct flow_error *err)
{
    const struct flow_node node = { .type = (uint8_t)type };

    if ((type == FLOW_NODE_LIST || type == FLOW_NODE_MAP) && flow_build_wants_key(build)) {
        flow_fail(err, FLOW_E_PARSE, "expected text as key, found %s", flow_node_type_name(&node));
        return flow_cursor_fail(at, FLOW_E_PARSE, err);
    }
    return FLOW_OK;
}

/* Puts a finished node where its list or map will find it. */
static int
add(struct flow_build *build, const struct flow_built *built, struct flow_error *err)
{
    if (!grow((void **)&build->waiting, &build->waiting_room, build->waiting_count + 1,
              sizeof(*build->waiting))) {
        return flow_fail_memory(err);
    }
    build->waiting[build->waiting_count++] = built->node;
    build->last = *built;
    if (build->depth > 0 && build->open[build->depth - 1].height < built->height + 1) {
        build->open[build->depth - 1].height = built->height + 1;
    }
    return FLOW_OK;
}

static bool
is_null(struct flow_str text)
{
    return text.len == 0 || flow_str_is(text, "~") || flow_str_is(text, "null") ||
           flow_str_is(text, "Null") || flow_str_is(text, "NULL");
}

int
flow_build_scalar(struct flow_build *build, struct flow_str text, bool quoted,
                  const struct flow_cursor *at, struct flow_error *err)
{
    const bool null = !quoted && is_null(text) && !flow_build_wants_key(build);
    struct flow_node *node;
    char *copy;
    int rc;

    rc = count_nodes(build, 1, at, err);
    if (rc < 0) {
        return rc;
    }
    node = flow_arena_alloc(build->arena, sizeof(*node) + text.len + 1);
    if (node == NULL) {
        return flow_fail_memory(err);
    }
    copy = (char *)(node + 1); /* one piece for both: there are millions of them */
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    node->type = null ? FLOW_NODE_NULL : FLOW_NODE_SCALAR;
    node->quoted = quoted;
    node->line = at->line;
    node->column = flow_cursor_column(at);
    node->text = (struct flow_str){ copy, text.len };
    return add(build, &(struct flow_built){ node, 1, 0 }, err);
}

int
flow_build_open(struct flow_build *build, enum flow_node_type type, const struct flow_cursor *at,
                struct flow_error *err)
{
    struct flow_build_open *open;
    struct flow_node *node;
    int rc;

    if ((rc = check_depth(build, 1, at, err)) < 0 || (rc = check_key(build, type, at, err)) < 0 ||
        (rc = count_nodes(build, 1, at, err)) < 0) {
        return rc;
    }
    node = flow_arena_alloc(build->arena, sizeof(*node));
    if (node == NULL) {
        return flow_fail_memory(err);
    }
    node->type = (uint8_t)type;
    node->line = at->line;
    node->column = flow_cursor_column(at);
    open = &build->open[build->depth++];
    open->node = node;
    open->first = build->waiting_count;
    open->nodes_before = build->nodes - 1;
    open->height = 1;
    return FLOW_OK;
}

int
flow_build_share(struct flow_build *build, const struct flow_built *shared,
                 const struct flow_cursor *at, struct flow_error *err)
{
    int rc;

    if ((rc = check_key(build, shared->node->type, at, err)) < 0 ||
        (rc = check_depth(build, shared->height, at, err)) < 0) {
        return rc;
    }
    if (shared->node->type == FLOW_NODE_NULL && flow_build_wants_key(build)) {
        return flow_build_scalar(build, shared->node->text, false, at, err);
    }
    if (shared->nodes > FLOW_MANIFEST_ALIASED_MAX - build->aliased) {
        flow_fail(err, FLOW_E_LIMIT, "expected at most %u nodes from aliases, found more",
                  FLOW_MANIFEST_ALIASED_MAX);
        return flow_cursor_fail(at, FLOW_E_LIMIT, err);
    }
    build->aliased += shared->nodes;
    rc = count_nodes(build, shared->nodes, at, err);
    return rc < 0 ? rc : add(build, shared, err);
}

/* marks[i] becomes the first pair whose key equals that of pair i. */
static bool
mark_first_of_many(const struct flow_node_pair *pairs, size_t count, size_t *marks)
{
    struct flow_intern keys;
    bool good = flow_intern_init(&keys);
    size_t *first_by_id = marks + count;

    for (size_t i = 0; good && i < count; i++) {
        bool is_new;
        const uint32_t id = flow_intern_add(&keys, pairs[i].key->text, &is_new);

        good = id != FLOW_INTERN_NONE;
        if (good && is_new) {
            first_by_id[id] = i;
        }
        marks[i] = good ? first_by_id[id] : 0;
    }
    flow_intern_free(&keys);
    return good;
}

static void
mark_first_of_few(const struct flow_node_pair *pairs, size_t count, size_t *marks)
{
    for (size_t i = 0; i < count; i++) {
        size_t first = 0;

        while (!flow_str_equal(pairs[first].key->text, pairs[i].key->text)) {
            first++;
        }
        marks[i] = first;
    }
}

/* As above, into build->marks, which has room for two marks of each pair; false: no memory. */
static bool
mark_first(struct flow_build *build, const struct flow_node *map)
{
    if (!grow((void **)&build->marks, &build->marks_room, map->count * 2, sizeof(*build->marks))) {
        return false;
    }
    if (map->count > FEW_PAIRS) {
        return mark_first_of_many(map->pairs, map->count, build->marks);
    }
    mark_first_of_few(map->pairs, map->count, build->marks);
    return true;
}

static bool
add_duplicate(struct flow_build *build, const struct flow_node *first, const struct flow_node *key)
{
    if (!grow((void **)&build->duplicates, &build->duplicate_room, build->duplicate_count + 1,
              sizeof(*build->duplicates))) {
        return false;
    }
    build->duplicates[build->duplicate_count++] = (struct flow_build_duplicate){ key, first->line };
    return true;
}

/* Of equal keys that are written into one map, keeps the last. */
static bool
keep_last(struct flow_build *build, struct flow_node *map)
{
    size_t *marks;
    size_t *last;
    size_t kept = 0;

    if (map->count < 2 || !mark_first(build, map)) {
        return map->count < 2;
    }
    marks = build->marks;
    last = marks + map->count;
    for (size_t i = 0; i < map->count; i++) {
        last[marks[i]] = i;
        if (marks[i] != i && !add_duplicate(build, map->pairs[marks[i]].key, map->pairs[i].key)) {
            return false;
        }
    }
    for (size_t i = 0; i < map->count; i++) {
        if (last[marks[i]] == i) {
            map->pairs[kept++] = map->pairs[i];
        }
    }
    map->count = kept;
    return true;
}

/* Of a map's own pairs and the merged ones behind them, keeps the first of equal keys. */
static bool
keep_first(struct flow_build *build, struct flow_node *map)
{
    size_t kept = 0;

    if (map->count < 2 || !mark_first(build, map)) {
        return map->count < 2;
    }
    for (size_t i = 0; i < map->count; i++) {
        if (build->marks[i] == i) {
            map->pairs[kept++] = map->pairs[i];
        }
    }
    map->count = kept;
    return true;
}

static bool
is_merge(const struct flow_node *key)
{
    return !key->quoted && flow_str_is(key->text, "<<");
}

/* Adds how many pairs the value of a merge key brings. */
static int
count_merged(const struct flow_node *value, size_t *count, struct flow_error *err)
{
    const struct flow_node *bad = value;

    if (value->type == FLOW_NODE_MAP) {
        *count += value->count;
        return FLOW_OK;
    }
    if (value->type == FLOW_NODE_LIST) {
        bad = NULL;
        for (size_t i = 0; i < value->count && bad == NULL; i++) {
            bad = value->items[i]->type != FLOW_NODE_MAP ? value->items[i] : NULL;
            *count += value->items[i]->count;
        }
    }
    if (bad == NULL) {
        return FLOW_OK;
    }
    flow_fail(err, FLOW_E_PARSE, "expected %s behind \"<<\", found %s",
              bad == value ? "a map or a list of maps" : "a list of maps",
              flow_node_type_name(bad));
    flow_error_set_place(err, 0, bad->line, bad->column);
    return FLOW_E_PARSE;
}

static void
append_pairs(struct flow_node *map, const struct flow_node *from)
{
    for (size_t i = 0; i < from->count; i++) {
        map->pairs[map->count++] = from->pairs[i];
    }
}

/* Puts what the merge keys bring behind the pairs of the map itself, the strongest first. */
static bool
merge(struct flow_build *build, struct flow_node *map, struct flow_node **nodes, size_t count)
{
    for (size_t i = count; i > 0; i -= 2) {
        const struct flow_node *value = nodes[i - 1];

        if (!is_merge(nodes[i - 2])) {
            continue;
        }
        if (value->type == FLOW_NODE_MAP) {
            append_pairs(map, value);
        } else {
            for (size_t k = 0; k < value->count; k++) {
                append_pairs(map, value->items[k]);
            }
        }
    }
    return keep_first(build, map);
}

/* Makes a map of count nodes, keys and values in turn. */
static int
fill_map(struct flow_build *build, struct flow_node *map, struct flow_node **nodes, size_t count,
         struct flow_error *err)
{
    size_t merged = 0;
    size_t merges = 0;
    bool good;

    for (size_t i = 0; i < count; i += 2) {
        if (is_merge(nodes[i])) {
            const int rc = count_merged(nodes[i + 1], &merged, err);

            if (rc < 0) {
                return rc;
            }
            merges++;
        }
    }
    map->pairs = flow_arena_array(build->arena, count / 2 - merges + merged, sizeof(*map->pairs));
    if (map->pairs == NULL) {
        return flow_fail_memory(err);
    }
    for (size_t i = 0; i < count; i += 2) {
        if (!is_merge(nodes[i])) {
            map->pairs[map->count++] = (struct flow_node_pair){ nodes[i], nodes[i + 1] };
        }
    }
    good = keep_last(build, map) && (merges == 0 || merge(build, map, nodes, count));
    return good ? FLOW_OK : flow_fail_memory(err);
}

static int
fill_list(struct flow_build *build, struct flow_node *list, struct flow_node **nodes, size_t count,
          struct flow_error *err)
{
    list->items = flow_arena_array(build->arena, count, sizeof(struct flow_node *));
    if (list->items == NULL) {
        return flow_fail_memory(err);
    }
    list->count = count;
    if (count > 0) {
        memcpy(list->items, nodes, count * sizeof(struct flow_node *));
    }
    return FLOW_OK;
}

int
flow_build_close(struct flow_build *build, struct flow_error *err)
{
    const struct flow_build_open open = build->open[build->depth - 1];
    const size_t count = build->waiting_count - open.first;
    struct flow_node **nodes = count > 0 ? build->waiting + open.first : NULL;
    int rc;

    if (open.node->type == FLOW_NODE_MAP) {
        rc = fill_map(build, open.node, nodes, count, err);
    } else {
        rc = fill_list(build, open.node, nodes, count, err);
    }
    if (rc < 0) {
        return rc;
    }
    build->waiting_count = open.first;
    build->depth--;
    return add(build,
               &(struct flow_built){ open.node, build->nodes - open.nodes_before, open.height },
               err);
}

void
flow_build_tell(const struct flow_build *build, const char *name,
                const struct flow_document_options *options)
{
    for (size_t i = 0; options->note != NULL && i < build->duplicate_count; i++) {
        const struct flow_build_duplicate *duplicate = &build->duplicates[i];
        struct flow_error note;
        char quoted[FLOW_QUOTE_BYTES_MAX + 8];

        flow_fail(&note, FLOW_E_INVALID, "duplicate key %s, the last one counts (first at line %u)",
                  flow_quote(duplicate->key->text, quoted, sizeof(quoted)), duplicate->first_line);
        flow_error_set_place(&note, 0, duplicate->key->line, duplicate->key->column);
        flow_error_set_input(&note, name);
        options->note(options->context, &note);
    }
}
