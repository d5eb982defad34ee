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
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libflow/libflow.h"

/* What a signal's handler raised where no Python runs, until it does. */
static PyObject *caught[3];

static int
raise_caught(void *context)
{
    PyObject *type = caught[0];

    (void)context;
    if (type == NULL) {
        return 0;
    }
    caught[0] = NULL;
    PyErr_Restore(type, caught[1], caught[2]);
    return -1;
}

/* Whether a signal's handler raised: the run ends here, and Python raises the same when it runs. */
static bool
pyflow_stop(void *context)
{
    PyObject *type, *value, *trace;
    PyGILState_STATE state;
    bool stop;

    (void)context;
    if (!Py_IsInitialized()) {
        return true;
    }
    state = PyGILState_Ensure();
    stop = PyErr_CheckSignals() != 0;
    if (stop) {
        PyErr_Fetch(&type, &value, &trace);
        if (caught[0] == NULL && Py_AddPendingCall(raise_caught, NULL) == 0) {
            caught[0] = type;
            caught[1] = value;
            caught[2] = trace;
        } else {
            Py_XDECREF(type);
            Py_XDECREF(value);
            Py_XDECREF(trace);
            PyErr_SetInterrupt();
        }
    }
    PyGILState_Release(state);
    return stop;
}

/*
 * What a run tells, until Python asks. No Python runs while it is told: a signal that came then
 * would be lost with the problem. The lock is Python's own, so that a child of fork has it too.
 */
struct pyflow_told {
    struct flow_error *errors;
    size_t count, room;
    bool missed; /* out of memory */
};

static struct pyflow_told *
pyflow_told_new(void)
{
    return calloc(1, sizeof(struct pyflow_told));
}

static void
pyflow_told_free(struct pyflow_told *told)
{
    if (told != NULL) {
        free(told->errors);
        free(told);
    }
}

static void
add_told(struct pyflow_told *told, const struct flow_error *error)
{
    const size_t room = told->room > 0 ? told->room * 2 : 8;
    struct flow_error *errors;

    if (told->count == told->room) {
        errors = realloc(told->errors, room * sizeof(*errors));
        if (errors == NULL) {
            told->missed = true;
            return;
        }
        told->errors = errors;
        told->room = room;
    }
    told->errors[told->count++] = *error;
}

static void
pyflow_tell(void *context, const struct flow_error *error)
{
    PyGILState_STATE state;

    if (Py_IsInitialized()) {
        state = PyGILState_Ensure();
        add_told(context, error);
        PyGILState_Release(state);
    }
}

/* Copies number i; false behind the last. */
static bool
pyflow_told_at(const struct pyflow_told *told, size_t i, struct flow_error *error)
{
    const PyGILState_STATE state = PyGILState_Ensure();
    bool found = i < told->count;

    if (found) {
        *error = told->errors[i];
    } else if (told->missed && i == told->count) {
        memset(error, 0, sizeof(*error));
        error->status = FLOW_E_MEMORY;
        strcpy(error->message, "out of memory, problems were not kept");
        found = true;
    }
    PyGILState_Release(state);
    return found;
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

/*
 * A stream that keeps a Python object alive. In a child of fork it is over: files and threads are
 * the parent's, who reads on.
 */
struct pyflow_stream {
    struct ArrowArrayStream inner;
    PyObject *kept;
    pid_t owner;
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

    if (own->owner != getpid()) {
        memset(out, 0, sizeof(*out));
        return ECHILD;
    }
    return own->inner.get_next(&own->inner, out);
}

static const char *
kept_error(struct ArrowArrayStream *stream)
{
    struct pyflow_stream *own = stream->private_data;

    return own->owner == getpid() ? own->inner.get_last_error(&own->inner)
                                  : "expected the process that opened the stream, found a child";
}

static void
kept_release(struct ArrowArrayStream *stream)
{
    struct pyflow_stream *own = stream->private_data;

    if (own->owner == getpid()) {
        own->inner.release(&own->inner);
        let_go(own->kept);
    }
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
    own->owner = getpid();
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

/* An array that is a share of another, of the object with that id; false: out of memory. */
static bool
pyflow_share_array(struct ArrowArray *out, const struct ArrowArray *array, uintptr_t id)
{
    const PyGILState_STATE state = PyGILState_Ensure();
    struct ArrowArray *shared = share_array(array, (PyObject *)id);

    PyGILState_Release(state);
    if (shared == NULL) {
        return false;
    }
    *out = *shared;
    free(shared);
    return true;
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

    return flow_arrow_schema(out, list->table, NULL) == FLOW_OK ? 0 : ENOMEM;
}

static int
list_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct pyflow_list *list = stream->private_data;

    memset(out, 0, sizeof(*out));
    if (list->next == list->count) {
        return 0;
    }
    return pyflow_share_array(out, list->arrays[list->next++], (uintptr_t)list->kept) ? 0 : ENOMEM;
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
struct pyflow_told;
struct pyflow_told *pyflow_told_new(void);
void pyflow_told_free(struct pyflow_told *told);
void pyflow_tell(void *context, const struct flow_error *error);
bool pyflow_told_at(const struct pyflow_told *told, size_t i, struct flow_error *error);
bool pyflow_share_array(struct ArrowArray *out, const struct ArrowArray *array, uintptr_t id);
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
"""

ffi = FFI()
ffi.cdef(cdef() + OWN)
ffi.set_source("libflow._native", SOURCE)

if __name__ == "__main__":
    print(cdef())
