# SPDX-License-Identifier: Apache-2.0
"""The extension module: what the public headers declare, and the little C that Python needs beside."""
import re
from pathlib import Path

from cffi import FFI

INCLUDE = Path(__file__).resolve().parent.parent.parent / "include" / "libflow"


def strip(text):
    """A header without comments, and without what only a C compiler needs."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"\\\n", " ", text)
    text = re.sub(r'extern "C" \{', "", text)
    # the brace that ends extern "C" is alone between two conditions
    text = re.sub(r"#ifdef __cplusplus\s*\n\}?\s*\n?#endif", "", text)
    return text.replace("FLOW_API ", "")


def constants(text):
    """The names of macros that are numbers; the compiler tells which numbers."""
    for name, value in re.findall(r"^\s*#define (\w+)[ \t]+(.+?)\s*$", text, flags=re.M):
        if name != "FLOW_API" and re.search(r"\d|FLOW_|INT64_M", value):
            yield name


def declarations(text):
    text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    # values of enumerators and lengths of arrays are the compiler's to tell, too
    text = re.sub(r"(\b[A-Z][A-Z0-9_]+) = [^,}]+", r"\1 = ...", text)
    text = re.sub(r"\[[A-Z][A-Z0-9_]+\](?=\s*[,)])", "[]", text)
    return re.sub(r"\[[A-Z][A-Z0-9_]+\](?=\s*;)", "[...]", text)


def order(headers):
    """Headers behind those they include."""
    done = []

    def take(name):
        if name not in done:
            for needed in re.findall(r'#include "libflow/(\w+)\.h"', headers[name]):
                take(needed)
            done.append(name)

    for name in sorted(headers):
        take(name)
    return done


def cdef():
    """Everything that the public headers declare, as cffi reads it."""
    headers = {path.stem: path.read_text(encoding="utf-8") for path in INCLUDE.glob("*.h")}
    parts = []
    for name in order(headers):
        text = strip(headers[name])
        parts += [f"#define {constant} ..." for constant in constants(text)]
        parts.append(declarations(text))
    return "\n".join(parts)


SOURCE = r"""
#include <Python.h>
#include <stdlib.h>
#include <string.h>

#include "libflow/libflow.h"

/* Whether a signal's handler raised: it is raised again once Python runs, and the run ends here. */
static bool
pyflow_stop(void *context)
{
    PyGILState_STATE state;
    bool stop;

    (void)context;
    if (!Py_IsInitialized()) {
        return true;
    }
    state = PyGILState_Ensure();
    stop = PyErr_CheckSignals() != 0;
    if (stop) {
        PyErr_Clear();
        PyErr_SetInterrupt();
    }
    PyGILState_Release(state);
    return stop;
}

/* Ends a share of an object from wherever a consumer is, also where it is about to raise. */
static void
let_go(PyObject *kept)
{
    PyObject *type, *value, *trace;
    PyGILState_STATE state;

    if (Py_IsInitialized()) {
        state = PyGILState_Ensure();
        PyErr_Fetch(&type, &value, &trace);
        Py_DECREF(kept);
        PyErr_Restore(type, value, trace);
        PyGILState_Release(state);
    }
}

/* A stream that keeps a Python object alive. */
struct pyflow_stream {
    struct ArrowArrayStream inner;
    PyObject *kept;
};

static int
kept_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct pyflow_stream *own = stream->private_data;

    return own->inner.get_schema(&own->inner, out);
}

static int
kept_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct pyflow_stream *own = stream->private_data;

    return own->inner.get_next(&own->inner, out);
}

static const char *
kept_error(struct ArrowArrayStream *stream)
{
    struct pyflow_stream *own = stream->private_data;

    return own->inner.get_last_error(&own->inner);
}

static void
kept_release(struct ArrowArrayStream *stream)
{
    struct pyflow_stream *own = stream->private_data;

    own->inner.release(&own->inner);
    let_go(own->kept);
    free(own);
    stream->release = NULL;
}

/* Makes a stream keep the object with that id; false: out of memory. */
static bool
pyflow_keep(struct ArrowArrayStream *stream, uintptr_t id)
{
    struct pyflow_stream *own = malloc(sizeof(*own));
    PyGILState_STATE state;

    if (own == NULL) {
        return false;
    }
    own->inner = *stream;
    own->kept = (PyObject *)id;
    state = PyGILState_Ensure();
    Py_INCREF(own->kept);
    PyGILState_Release(state);
    stream->get_schema = kept_schema;
    stream->get_next = kept_next;
    stream->get_last_error = kept_error;
    stream->release = kept_release;
    stream->private_data = own;
    return true;
}

/* Ends of the capsules that own one of the three structures. */
static void
pyflow_free_stream(void *capsule)
{
    struct ArrowArrayStream *stream = PyCapsule_GetPointer(capsule, "arrow_array_stream");

    if (stream->release != NULL) {
        stream->release(stream);
    }
    free(stream);
}

static void
pyflow_free_array(void *capsule)
{
    struct ArrowArray *array = PyCapsule_GetPointer(capsule, "arrow_array");

    if (array->release != NULL) {
        array->release(array);
    }
    free(array);
}

static void
pyflow_free_schema(void *capsule)
{
    struct ArrowSchema *schema = PyCapsule_GetPointer(capsule, "arrow_schema");

    if (schema->release != NULL) {
        schema->release(schema);
    }
    free(schema);
}

/* An array whose memory is a Python object's: what a consumer may move out holds it too. */
struct pyflow_shared {
    PyObject *kept;
    struct ArrowArray **children;
};

static void
end_array(struct ArrowArray *array)
{
    if (array != NULL && array->release != NULL) {
        array->release(array);
    }
    free(array);
}

static void
shared_release(struct ArrowArray *array)
{
    struct pyflow_shared *own = array->private_data;

    for (int64_t i = 0; own->children != NULL && i < array->n_children; i++) {
        end_array(own->children[i]);
    }
    end_array(array->dictionary);
    let_go(own->kept);
    free(own->children);
    free(own);
    array->release = NULL;
}

/* NULL when out of memory. The caller has the GIL. */
static struct ArrowArray *
share_array(const struct ArrowArray *from, PyObject *kept)
{
    struct ArrowArray *to = malloc(sizeof(*to));
    struct pyflow_shared *own = calloc(1, sizeof(*own));
    bool ok = to != NULL && own != NULL;

    if (!ok) {
        free(to);
        free(own);
        return NULL;
    }
    *to = *from;
    to->dictionary = NULL;
    to->private_data = own;
    to->release = shared_release;
    Py_INCREF(kept);
    own->kept = kept;
    own->children = calloc((size_t)from->n_children + 1, sizeof(*own->children));
    to->children = own->children;
    for (int64_t i = 0; own->children != NULL && ok && i < from->n_children; i++) {
        own->children[i] = share_array(from->children[i], kept);
        ok = own->children[i] != NULL;
    }
    if (ok && from->dictionary != NULL) {
        to->dictionary = share_array(from->dictionary, kept);
        ok = to->dictionary != NULL;
    }
    if (!ok || own->children == NULL) {
        end_array(to);
        return NULL;
    }
    return to;
}

struct pyflow_list {
    PyObject *kept;
    struct ArrowArray **arrays;
    size_t count, next;
    uint8_t table;
};

static int
list_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    const struct pyflow_list *list = stream->private_data;

    return flow_arrow_schema(out, list->table, NULL) == FLOW_OK ? 0 : 12;
}

static int
list_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct pyflow_list *list = stream->private_data;
    PyGILState_STATE state;
    struct ArrowArray *shared;

    memset(out, 0, sizeof(*out));
    if (list->next == list->count) {
        return 0;
    }
    state = PyGILState_Ensure();
    shared = share_array(list->arrays[list->next++], list->kept);
    PyGILState_Release(state);
    if (shared == NULL) {
        return 12;
    }
    *out = *shared;
    free(shared);
    return 0;
}

static const char *
list_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "out of memory";
}

static void
list_release(struct ArrowArrayStream *stream)
{
    struct pyflow_list *list = stream->private_data;

    let_go(list->kept);
    free(list->arrays);
    free(list);
    stream->release = NULL;
}

/* A stream of arrays that the object with that id owns; false: out of memory. */
static bool
pyflow_share_arrays(struct ArrowArrayStream *out, struct ArrowArray **arrays, size_t count,
                    uint8_t table, uintptr_t id)
{
    struct pyflow_list *list = calloc(1, sizeof(*list));
    PyGILState_STATE state;

    if (list == NULL || (list->arrays = calloc(count + 1, sizeof(*arrays))) == NULL) {
        free(list);
        return false;
    }
    if (count > 0) {
        memcpy(list->arrays, arrays, count * sizeof(*arrays));
    }
    list->count = count;
    list->table = table;
    list->kept = (PyObject *)id;
    state = PyGILState_Ensure();
    Py_INCREF(list->kept);
    PyGILState_Release(state);
    *out = (struct ArrowArrayStream){ list_schema, list_next, list_error, list_release, list };
    return true;
}

/* Memory for one of them, which its capsule frees. */
static void *
pyflow_new(size_t size)
{
    return calloc(1, size);
}

/* Calls that are made through pointers of the structures. */
static int
pyflow_stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    return stream->get_schema(stream, out);
}

static int
pyflow_stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    return stream->get_next(stream, out);
}

static const char *
pyflow_stream_error(struct ArrowArrayStream *stream)
{
    return stream->get_last_error(stream);
}

static void
pyflow_release_stream(struct ArrowArrayStream *stream)
{
    if (stream->release != NULL) {
        stream->release(stream);
    }
}

static void
pyflow_release_array(struct ArrowArray *array)
{
    if (array->release != NULL) {
        array->release(array);
    }
}

static void
pyflow_release_schema(struct ArrowSchema *schema)
{
    if (schema->release != NULL) {
        schema->release(schema);
    }
}
"""

OWN = """
bool pyflow_stop(void *context);
bool pyflow_share_arrays(struct ArrowArrayStream *out, struct ArrowArray **arrays, size_t count,
                         uint8_t table, uintptr_t id);
bool pyflow_keep(struct ArrowArrayStream *stream, uintptr_t id);
void pyflow_free_stream(void *capsule);
void pyflow_free_array(void *capsule);
void pyflow_free_schema(void *capsule);
void *pyflow_new(size_t size);
int pyflow_stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out);
int pyflow_stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out);
const char *pyflow_stream_error(struct ArrowArrayStream *stream);
void pyflow_release_stream(struct ArrowArrayStream *stream);
void pyflow_release_array(struct ArrowArray *array);
void pyflow_release_schema(struct ArrowSchema *schema);
extern "Python" void pyflow_tell(void *context, const struct flow_error *problem);
extern "Python" void pyflow_warn(void *context, const struct flow_error *warning);
"""

ffi = FFI()
ffi.cdef(cdef() + OWN)
ffi.set_source("libflow._native", SOURCE)

if __name__ == "__main__":
    print(cdef())
