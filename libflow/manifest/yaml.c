/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML by the events of libyaml: anchors, aliases, places in bytes, and libyaml's complaints in our
 * words. What the nodes become is the builder's business; where documents begin is document.c's.
 */
#include <stdlib.h>
#include <yaml.h>

#include "base/error.h"
#include "base/intern.h"
#include "base/str.h"
#include "manifest/internal.h"

struct yaml_anchor {
    struct flow_built built; /* node is NULL until it is whole */
    uint32_t order;          /* which "&" of the document made it */
};

struct yaml {
    yaml_parser_t parser;
    struct flow_build *build;
    struct flow_str text;
    struct flow_cursor start;
    struct flow_cursor at; /* the place of the character with this index from start */
    size_t index;
    bool has_document;
    struct flow_intern names;    /* of anchors; made with the first of them */
    struct yaml_anchor *anchors; /* by name */
    size_t anchor_room;
    uint32_t order;
    struct {
        uint32_t name, order; /* of the anchor of an open list or map; order 0 is none */
    } open[FLOW_MANIFEST_DEPTH_MAX];
};

/*
 * libyaml counts characters and takes Unicode's line breaks for lines, we count bytes. Its marks
 * only go forward, except from the place of an error to where it began.
 */
static const struct flow_cursor *
find_place(struct yaml *yaml, const yaml_mark_t *mark)
{
    if (mark->index < yaml->index) {
        yaml->at = yaml->start;
        yaml->index = 0;
    }
    while (yaml->index < mark->index && yaml->at.offset < yaml->text.len) {
        do {
            flow_cursor_pass(&yaml->at, yaml->text);
        } while (yaml->at.offset < yaml->text.len &&
                 (yaml->text.ptr[yaml->at.offset] & 0xc0) == 0x80);
        yaml->index++;
    }
    return &yaml->at;
}

struct complaint {
    const char *problem; /* as libyaml puts it */
    const char *expected;
    const char *found; /* NULL: what stands there */
    bool at_context;   /* where it began tells more than where it was noticed */
};

static const struct complaint complaints[] = {
    { .problem = "could not find expected ':'",
      .expected = "':' behind the key",
      .found = "none on its line",
      .at_context = true },
    { .problem = "mapping values are not allowed in this context",
      .expected = "a value",
      .found = "':' where no key can stand" },
    { .problem = "block sequence entries are not allowed in this context",
      .expected = "a value",
      .found = "'-' where no list can begin" },
    { .problem = "mapping keys are not allowed in this context",
      .expected = "a value",
      .found = "'?' where no key can stand" },
    { .problem = "found character that cannot start any token",
      .expected = "a value, in quotes if it begins so" },
    { .problem = "found unexpected end of stream",
      .expected = "a closing quote",
      .found = "none in the document",
      .at_context = true },
    { .problem = "found unexpected document indicator",
      .expected = "a closing quote",
      .found = "none in the document",
      .at_context = true },
    { .problem = "found unknown escape character", .expected = "a known escape in double quotes" },
    { .problem = "did not find expected node content", .expected = "a value" },
    { .problem = "did not find expected <document start>",
      .expected = "\"---\" before anything else" },
    { .problem = "did not find expected alphabetic or numeric character",
      .expected = "a name of letters and digits" },
};

static const char *const tab_problems[] = {
    "found character that cannot start any token",
    "found a tab character that violates indentation",
    "found a tab character where an indentation space is expected",
};

static bool
is_tab_problem(const struct yaml *yaml, const struct flow_cursor *place)
{
    bool is_known = false;

    for (size_t i = 0; i < sizeof(tab_problems) / sizeof(tab_problems[0]); i++) {
        is_known = is_known || strcmp(yaml->parser.problem, tab_problems[i]) == 0;
    }
    return is_known && place->offset < yaml->text.len && yaml->text.ptr[place->offset] == '\t';
}

/* A block list or map goes on in its first column; something stands in another. */
static void
describe_indentation(struct yaml *yaml, const struct flow_cursor *place, const char *what,
                     struct flow_error *err)
{
    const struct flow_cursor began = *find_place(yaml, &yaml->parser.context_mark);
    char found[FLOW_QUOTE_BYTES_MAX + 8];

    flow_fail(err, FLOW_E_PARSE, "expected %s in column %u as on line %u, found %s", what,
              flow_cursor_column(&began), began.line,
              flow_manifest_found(yaml->text, place->offset, found, sizeof(found)));
}

/* A problem that is not in our table, in libyaml's words but our form. */
static void
describe_other(const struct yaml *yaml, const struct flow_cursor *place, struct flow_error *err)
{
    static const char *const prefixes[] = {
        "did not find expected ",
        "did not find the expected ",
        "could not find expected ",
    };
    const char *problem = yaml->parser.problem;
    const char *context = yaml->parser.context;
    char found[FLOW_QUOTE_BYTES_MAX + 8];

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        const size_t len = strlen(prefixes[i]);

        if (strncmp(problem, prefixes[i], len) == 0) {
            flow_fail(err, FLOW_E_PARSE, "expected %s, found %s", problem + len,
                      flow_manifest_found(yaml->text, place->offset, found, sizeof(found)));
            return;
        }
    }
    flow_fail(err, FLOW_E_PARSE, "expected YAML, %s%s%s", problem, context != NULL ? " " : "",
              context != NULL ? context : "");
}

static void
describe(struct yaml *yaml, const struct flow_cursor *place, const struct complaint *known,
         struct flow_error *err)
{
    const char *problem = yaml->parser.problem;
    char found[FLOW_QUOTE_BYTES_MAX + 8];

    if (is_tab_problem(yaml, place)) {
        flow_fail(err, FLOW_E_PARSE, "expected spaces for indentation, found a tab");
    } else if (strcmp(problem, "did not find expected key") == 0) {
        describe_indentation(yaml, place, "a key", err);
    } else if (strcmp(problem, "did not find expected '-' indicator") == 0) {
        describe_indentation(yaml, place, "'-'", err);
    } else if (known != NULL) {
        flow_fail(err, FLOW_E_PARSE, "expected %s, found %s", known->expected,
                  known->found != NULL
                      ? known->found
                      : flow_manifest_found(yaml->text, place->offset, found, sizeof(found)));
    } else {
        describe_other(yaml, place, err);
    }
}

/* libyaml refuses some characters before it looks at what they stand in. */
static int
fail_character(struct yaml *yaml, struct flow_error *err)
{
    struct flow_cursor place = yaml->start;

    flow_cursor_move(&place, yaml->text, yaml->start.offset + yaml->parser.problem_offset);
    flow_fail(err, FLOW_E_PARSE, "expected text, found the control character U+%04X",
              (unsigned int)yaml->parser.problem_value);
    return flow_cursor_fail(&place, FLOW_E_PARSE, err);
}

static int
fail_parser(struct yaml *yaml, struct flow_error *err)
{
    const yaml_parser_t *parser = &yaml->parser;
    const struct complaint *known = NULL;
    struct flow_cursor place;

    if (parser->error == YAML_MEMORY_ERROR || parser->problem == NULL) {
        return flow_fail_memory(err);
    }
    if (parser->error == YAML_READER_ERROR) {
        return fail_character(yaml, err);
    }
    for (size_t i = 0; known == NULL && i < sizeof(complaints) / sizeof(complaints[0]); i++) {
        known = strcmp(parser->problem, complaints[i].problem) == 0 ? &complaints[i] : NULL;
    }
    place = *find_place(yaml, known != NULL && known->at_context ? &parser->context_mark
                                                                 : &parser->problem_mark);
    describe(yaml, &place, known, err);
    return flow_cursor_fail(&place, FLOW_E_PARSE, err);
}

static struct flow_str
text_of(const yaml_char_t *text)
{
    return flow_str_of((const char *)text);
}

/* Begins an anchor; *id is its name. */
static int
define_anchor(struct yaml *yaml, const yaml_char_t *name, uint32_t *id, struct flow_error *err)
{
    struct yaml_anchor *grown;

    if (yaml->names.slots == NULL && !flow_intern_init(&yaml->names)) {
        return flow_fail_memory(err);
    }
    *id = flow_intern_add(&yaml->names, text_of(name), NULL);
    if (*id == FLOW_INTERN_NONE) {
        return flow_fail_memory(err);
    }
    if (*id >= yaml->anchor_room) {
        const size_t room = yaml->anchor_room == 0 ? 16 : yaml->anchor_room * 2;

        grown = realloc(yaml->anchors, room * sizeof(*grown));
        if (grown == NULL) {
            return flow_fail_memory(err);
        }
        yaml->anchors = grown;
        yaml->anchor_room = room;
    }
    yaml->anchors[*id] = (struct yaml_anchor){ { NULL, 0, 0 }, ++yaml->order };
    return FLOW_OK;
}

static int
take_alias(struct yaml *yaml, const yaml_event_t *event, const struct flow_cursor *at,
           struct flow_error *err)
{
    const struct flow_str name = text_of(event->data.alias.anchor);
    uint32_t id = FLOW_INTERN_NONE;
    char quoted[FLOW_QUOTE_BYTES_MAX + 8];

    if (yaml->names.slots != NULL) {
        id = flow_intern_find(&yaml->names, name);
    }
    if (id != FLOW_INTERN_NONE && yaml->anchors[id].built.node != NULL) {
        return flow_build_share(yaml->build, &yaml->anchors[id].built, at, err);
    }
    flow_quote(name, quoted, sizeof(quoted));
    flow_fail(err, FLOW_E_PARSE,
              id == FLOW_INTERN_NONE ? "expected an anchor %s before its alias, found none"
                                     : "expected anchor %s to end before its alias, "
                                       "found the alias inside of it",
              quoted);
    return flow_cursor_fail(at, FLOW_E_PARSE, err);
}

static int
take_scalar(struct yaml *yaml, const yaml_event_t *event, const struct flow_cursor *at,
            struct flow_error *err)
{
    const char *tag = (const char *)event->data.scalar.tag;
    const bool quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
                        (tag != NULL && strcmp(tag, YAML_STR_TAG) == 0);
    const struct flow_str text = { (const char *)event->data.scalar.value,
                                   event->data.scalar.length };
    uint32_t id = 0;
    int rc = FLOW_OK;

    if (event->data.scalar.anchor != NULL) {
        rc = define_anchor(yaml, event->data.scalar.anchor, &id, err);
    }
    if (rc < 0) {
        return rc;
    }
    rc = flow_build_scalar(yaml->build, text, quoted, at, err);
    if (rc == FLOW_OK && event->data.scalar.anchor != NULL) {
        yaml->anchors[id].built = yaml->build->last;
    }
    return rc;
}

static int
take_open(struct yaml *yaml, enum flow_node_type type, const yaml_char_t *anchor,
          const struct flow_cursor *at, struct flow_error *err)
{
    uint32_t id = 0;
    int rc = flow_build_open(yaml->build, type, at, err);

    if (rc < 0) {
        return rc;
    }
    if (anchor != NULL) {
        rc = define_anchor(yaml, anchor, &id, err);
    }
    yaml->open[yaml->build->depth - 1].name = id;
    yaml->open[yaml->build->depth - 1].order = anchor != NULL ? yaml->order : 0;
    return rc;
}

/* The builder knows the line and column of a node, an error also needs its byte. */
static void
add_offset(const struct yaml *yaml, struct flow_error *err)
{
    struct flow_cursor place = yaml->start;

    while (place.offset < yaml->text.len && place.line < err->line) {
        flow_cursor_pass(&place, yaml->text);
    }
    err->offset = place.line_start + err->column - 1;
}

static int
take_close(struct yaml *yaml, struct flow_error *err)
{
    const uint32_t name = yaml->open[yaml->build->depth - 1].name;
    const uint32_t order = yaml->open[yaml->build->depth - 1].order;
    const int rc = flow_build_close(yaml->build, err);

    if (rc == FLOW_E_PARSE && err != NULL) {
        add_offset(yaml, err);
    }
    /* The name may have been given again to a node inside this one: that anchor counts. */
    if (rc == FLOW_OK && order != 0 && yaml->anchors[name].order == order) {
        yaml->anchors[name].built = yaml->build->last;
    }
    return rc;
}

static int
take_document(struct yaml *yaml, const struct flow_cursor *at, struct flow_error *err)
{
    if (yaml->has_document) {
        flow_fail(err, FLOW_E_PARSE, "expected the end of the document, found another");
        return flow_cursor_fail(at, FLOW_E_PARSE, err);
    }
    yaml->has_document = true;
    return FLOW_OK;
}

static int
take_event(struct yaml *yaml, const yaml_event_t *event, struct flow_error *err)
{
    const struct flow_cursor *at = find_place(yaml, &event->start_mark);

    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return take_document(yaml, at, err);
    case YAML_ALIAS_EVENT:
        return take_alias(yaml, event, at, err);
    case YAML_SCALAR_EVENT:
        return take_scalar(yaml, event, at, err);
    case YAML_SEQUENCE_START_EVENT:
        return take_open(yaml, FLOW_NODE_LIST, event->data.sequence_start.anchor, at, err);
    case YAML_MAPPING_START_EVENT:
        return take_open(yaml, FLOW_NODE_MAP, event->data.mapping_start.anchor, at, err);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return take_close(yaml, err);
    default:
        return FLOW_OK;
    }
}

static int
take_events(struct yaml *yaml, struct flow_error *err)
{
    bool more = true;
    int rc = FLOW_OK;

    while (rc == FLOW_OK && more) {
        yaml_event_t event;

        if (!yaml_parser_parse(&yaml->parser, &event)) {
            return fail_parser(yaml, err);
        }
        more = event.type != YAML_STREAM_END_EVENT;
        rc = take_event(yaml, &event, err);
        yaml_event_delete(&event);
    }
    return rc;
}

/* A template that was not rendered is no YAML in many ways; only one message helps. */
static void
blame_template(const struct yaml *yaml, struct flow_error *err)
{
    const struct flow_error place = *err;
    const size_t start = (size_t)err->offset - (err->column - 1);
    const char *line = yaml->text.ptr + start;
    const char *end = memchr(line, '\n', yaml->text.len - start);
    const size_t len = end != NULL ? (size_t)(end - line) : yaml->text.len - start;

    if (memmem(line, len, "{{", 2) != NULL) {
        flow_fail(err, FLOW_E_PARSE, "expected YAML, found a template (\"{{\") not rendered yet");
        flow_error_set_place(err, place.offset, place.line, place.column);
    }
}

int
flow_manifest_read_yaml(struct flow_build *build, struct flow_str text,
                        const struct flow_cursor *cursor, struct flow_error *err)
{
    struct yaml yaml = { .build = build, .text = text, .start = *cursor, .at = *cursor };
    int rc;

    if (!yaml_parser_initialize(&yaml.parser)) {
        return flow_fail_memory(err);
    }
    yaml_parser_set_encoding(&yaml.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&yaml.parser, (const unsigned char *)text.ptr + cursor->offset,
                                 text.len - cursor->offset);
    rc = take_events(&yaml, err);
    if (rc == FLOW_E_PARSE && err != NULL) {
        blame_template(&yaml, err);
    }
    yaml_parser_delete(&yaml.parser);
    flow_intern_free(&yaml.names);
    free(yaml.anchors);
    return rc;
}
