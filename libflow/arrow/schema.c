/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of a table. Names and formats are static; the structures are freed with it. */
#include <stdlib.h>

#include "arrow/columns.h"
#include "base/error.h"

/* What is below a column: the values of its dictionary, or the items of its list. */
struct field {
    struct ArrowSchema below;
    struct ArrowSchema *children[1];
};

/* Nothing is its own: it is freed with what it is in. */
static void
release_part(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static void
release_field(struct ArrowSchema *schema)
{
    free(schema->private_data);
    schema->release = NULL;
}

static void
release_schema(struct ArrowSchema *schema)
{
    for (int64_t i = 0; i < schema->n_children; i++) {
        struct ArrowSchema *child = schema->children[i];

        if (child->release != NULL) {
            child->release(child);
        }
        free(child);
    }
    free(schema->children);
    schema->release = NULL;
}

static void
set_field(struct ArrowSchema *schema, struct field *field, const struct flow_column_spec *spec)
{
    static const char *const formats[] = {
        [FLOW_COLUMN_BOOL] = "b",       [FLOW_COLUMN_U8] = "C",   [FLOW_COLUMN_U16] = "S",
        [FLOW_COLUMN_U32] = "I",        [FLOW_COLUMN_U64] = "L",  [FLOW_COLUMN_TIME] = "tsn:UTC",
        [FLOW_COLUMN_ADDRESS] = "w:16", [FLOW_COLUMN_TEXT] = "u", [FLOW_COLUMN_TEXTS] = "+l",
        [FLOW_COLUMN_WORD] = "i",
    };

    *schema = (struct ArrowSchema){
        .format = formats[spec->type],
        .name = spec->told.name,
        .flags = ARROW_FLAG_NULLABLE,
        .release = release_field,
        .private_data = field,
    };
    field->below = (struct ArrowSchema){
        .format = "u", .name = "item", .flags = ARROW_FLAG_NULLABLE, .release = release_part
    };
    field->children[0] = &field->below;
    if (spec->type == FLOW_COLUMN_TEXTS) {
        schema->children = field->children;
        schema->n_children = 1;
    } else if (spec->type == FLOW_COLUMN_WORD) {
        schema->dictionary = &field->below;
    }
}

int
flow_arrow_schema(struct ArrowSchema *out, uint8_t table, struct flow_error *err)
{
    size_t count;
    const struct flow_column_spec *specs = flow_columns_of(table, &count);
    struct ArrowSchema whole = { .format = "+s", .name = "", .release = release_schema };

    if (specs == NULL) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected a table, found number %u", table);
    }
    whole.children = calloc(count, sizeof(*whole.children));
    if (whole.children == NULL) {
        return flow_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        struct ArrowSchema *schema = calloc(1, sizeof(*schema));
        struct field *field = calloc(1, sizeof(*field));

        if (schema == NULL || field == NULL) {
            free(schema);
            free(field);
            release_schema(&whole);
            return flow_fail_memory(err);
        }
        set_field(schema, field, &specs[i]);
        whole.children[whole.n_children++] = schema;
    }
    *out = whole;
    return FLOW_OK;
}
