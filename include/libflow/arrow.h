/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables for data frames and query engines: the structures of the Arrow C data interface and the C
 * stream interface, as the Arrow specification fixes them, so that no Arrow library is needed to
 * make or to take one.
 */
#ifndef LIBFLOW_ARROW_H
#define LIBFLOW_ARROW_H

#include "libflow/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Others define the same structures under the same guards. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

/** The type of a column. Owned by who holds it, who calls release once; released: release NULL. */
struct ArrowSchema {
    const char *format; /**< "u" is UTF-8 text, "l" an int64, "+s" a struct, and so on */
    const char *name;
    const char *metadata; /**< key and value pairs in their binary form, or NULL */
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary; /**< type of the values, when the column holds indices */
    void (*release)(struct ArrowSchema *schema);
    void *private_data;
};

/** The values of a column. Owned as a schema is. */
struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *array);
    void *private_data;
};
#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

/** Arrays of one schema, one after the other. Calls return 0, or an errno. */
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *stream, struct ArrowSchema *out);
    /** The next array; at the end one that is released. */
    int (*get_next)(struct ArrowArrayStream *stream, struct ArrowArray *out);
    /** Why the last call failed; borrowed until the next call; or NULL. */
    const char *(*get_last_error)(struct ArrowArrayStream *stream);
    void (*release)(struct ArrowArrayStream *stream);
    void *private_data;
};
#endif

#ifdef __cplusplus
}
#endif

#endif
