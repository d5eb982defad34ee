/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks: a format's text into a file or standard output. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "check/tally.h"
#include "report/format.h"

/* Rows are written out when this many bytes have come together. */
enum { FLUSH_BYTES = 64 << 10 };

static const struct flow_report_format *const formats[] = {
    &flow_format_text,  &flow_format_json,      &flow_format_jsonl,          &flow_format_lines,
    &flow_format_arrow, &flow_format_approvals, &flow_format_approvals_json,
};

struct flow_sink {
    const struct flow_report_format *format;
    struct flow_sink_options options;
    void *state; /* of a format that remembers something */
    struct flow_buf out;
    char *path;
    int fd;
    bool reported, finished;
};

int
flow_sink_options_init(struct flow_sink_options *options, size_t size)
{
    if (options == NULL || size != sizeof(*options)) {
        return FLOW_E_ARGUMENT;
    }
    memset(options, 0, sizeof(*options));
    options->size = size;
    return FLOW_OK;
}

static const struct flow_report_format *
find_format(const char *name)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(formats[i]->name, name) == 0) {
            return formats[i];
        }
    }
    return NULL;
}

bool
flow_sink_takes_rows(const char *format)
{
    const struct flow_report_format *found = find_format(format);

    return found == NULL || found->rows != NULL || found->write != NULL;
}

int
flow_open_output(const char *path)
{
    return strcmp(path, "-") == 0 ? STDOUT_FILENO
                                  : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

int
flow_sink_open(struct flow_sink **out, const char *format, const char *path,
               const struct flow_sink_options *options, struct flow_error *err)
{
    const struct flow_report_format *found = find_format(format);
    struct flow_sink *sink;

    if (found == NULL) {
        return flow_fail(err, FLOW_E_ARGUMENT,
                         "expected format text, json, jsonl or arrow, found \"%.40s\"", format);
    }
    if (options != NULL && options->size != sizeof(*options)) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected sink options of this version");
    }
    sink = calloc(1, sizeof(*sink));
    if (sink == NULL) {
        return flow_fail_memory(err);
    }
    sink->format = found;
    if (options != NULL) {
        sink->options = *options;
    }
    sink->path = strdup(path);
    sink->fd = flow_open_output(path);
    if (sink->path == NULL || sink->fd < 0) {
        const int system_error = errno;
        const bool memory = sink->path == NULL;

        flow_sink_close(sink);
        if (memory) {
            return flow_fail_memory(err);
        }
        flow_fail_system(err, system_error, "cannot write");
        flow_error_set_input(err, path);
        return FLOW_E_SYSTEM;
    }
    if (found->open != NULL) {
        const int rc = found->open(&sink->state, err);

        if (rc != FLOW_OK) {
            flow_sink_close(sink);
            return rc;
        }
    }
    *out = sink;
    return FLOW_OK;
}

int
flow_write_all(int fd, const char *path, const struct flow_buf *out, struct flow_error *err)
{
    size_t done = 0;

    if (out->failed) {
        return flow_fail_memory(err);
    }
    while (done < out->len) {
        const ssize_t wrote = write(fd, out->ptr + done, out->len - done);

        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote < 0) {
            flow_fail_system(err, errno, "cannot write");
            flow_error_set_input(err, path);
            return FLOW_E_SYSTEM;
        }
        done += (size_t)wrote;
    }
    return FLOW_OK;
}

static int
flush(struct flow_sink *sink, struct flow_error *err)
{
    const int rc = flow_write_all(sink->fd, sink->path, &sink->out, err);

    flow_buf_reset(&sink->out);
    return rc;
}

int
flow_sink_write(struct flow_sink *sink, const struct flow_batch *batch, struct flow_error *err)
{
    if (sink->format->write != NULL) {
        const int rc = sink->format->write(sink->state, &sink->out, batch, &sink->options, err);

        if (rc != FLOW_OK) {
            return rc;
        }
    } else if (sink->format->rows != NULL) {
        sink->format->rows(&sink->out, batch, &sink->options);
    }
    return sink->out.len >= FLUSH_BYTES || sink->out.failed ? flush(sink, err) : FLOW_OK;
}

int
flow_sink_flush(struct flow_sink *sink, struct flow_error *err)
{
    return sink->out.len > 0 || sink->out.failed ? flush(sink, err) : FLOW_OK;
}

/*
 * An earlier report in a file gives way to this one, whole: a reader of the file finds one or the
 * other. In a pipe it stays. The report goes to a file beside it, whose descriptor is set.
 */
static int
make_room(const struct flow_sink *sink, char *path, size_t size, int *fd, struct flow_error *err)
{
    struct stat info, named;

    *fd = -1;
    if (!sink->reported || sink->fd <= STDERR_FILENO || fstat(sink->fd, &info) != 0 ||
        !S_ISREG(info.st_mode)) {
        return FLOW_OK;
    }
    /* behind a link, or when the name is another file's by now, it is emptied and written again */
    if (lstat(sink->path, &named) != 0 || named.st_ino != info.st_ino ||
        named.st_dev != info.st_dev) {
        if (lseek(sink->fd, 0, SEEK_SET) == 0 && ftruncate(sink->fd, 0) != 0) {
            (void)lseek(sink->fd, 0, SEEK_END);
        }
        return FLOW_OK;
    }
    if ((size_t)snprintf(path, size, "%s.XXXXXX", sink->path) < size) {
        *fd = mkostemp(path, O_CLOEXEC);
    }
    if (*fd < 0) {
        flow_fail_system(err, errno, "cannot write a file beside it");
        flow_error_set_input(err, sink->path);
        return FLOW_E_SYSTEM;
    }
    (void)fchmod(*fd, info.st_mode & 07777);
    return FLOW_OK;
}

/* What was written beside takes the place of the file. */
static int
take_place(struct flow_sink *sink, const char *beside, int fd, int rc, struct flow_error *err)
{
    if (rc == FLOW_OK && rename(beside, sink->path) != 0) {
        flow_fail_system(err, errno, "cannot rename");
        flow_error_set_input(err, sink->path);
        rc = FLOW_E_SYSTEM;
    }
    if (rc != FLOW_OK) {
        (void)unlink(beside);
        close(fd);
        return rc;
    }
    close(sink->fd);
    sink->fd = fd;
    return FLOW_OK;
}

int
flow_sink_report(struct flow_sink *sink, struct flow_error *err)
{
    char beside[PATH_MAX];
    int fd, rc;

    if (sink->format->report == NULL) {
        return flow_sink_flush(sink, err);
    }
    if (sink->options.tally == NULL) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected a tally to report on");
    }
    rc = make_room(sink, beside, sizeof(beside), &fd, err);
    if (rc != FLOW_OK) {
        return rc;
    }
    sink->reported = true;
    sink->format->report(&sink->out, sink->options.tally, &sink->options);
    if (fd < 0) {
        return flush(sink, err);
    }
    rc = flow_write_all(fd, beside, &sink->out, err);
    flow_buf_reset(&sink->out);
    return take_place(sink, beside, fd, rc, err);
}

int
flow_sink_finish(struct flow_sink *sink, struct flow_error *err)
{
    if (sink->finished) {
        return FLOW_OK;
    }
    sink->finished = true;
    if (sink->format->end != NULL) {
        const int rc = sink->format->end(sink->state, &sink->out, err);

        if (rc != FLOW_OK) {
            return rc;
        }
    }
    return flow_sink_report(sink, err);
}

void
flow_sink_close(struct flow_sink *sink)
{
    if (sink != NULL) {
        if (sink->fd > STDERR_FILENO) {
            close(sink->fd);
        }
        if (sink->state != NULL) {
            sink->format->free(sink->state);
        }
        flow_buf_free(&sink->out);
        free(sink->path);
        free(sink);
    }
}

int
flow_tally_render(struct flow_tally *tally, const char *format, struct flow_str *text,
                  struct flow_error *err)
{
    const struct flow_report_format *found = find_format(format);
    struct flow_sink_options options;

    if (found == NULL || found->report == NULL) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected a format with a report, found \"%.40s\"",
                         format);
    }
    flow_sink_options_init(&options, sizeof(options));
    options.tally = tally;
    flow_buf_reset(&tally->rendered);
    found->report(&tally->rendered, tally, &options);
    if (tally->rendered.failed) {
        return flow_fail_memory(err);
    }
    *text = flow_buf_str(&tally->rendered);
    return FLOW_OK;
}
