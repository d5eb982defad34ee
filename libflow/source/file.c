/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files by path, and standard input. Bytes go from read(2) straight into the caller's memory; who
 * wants speed asks for much at once, into page-aligned memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/openers.h"

struct file_source {
    struct flow_source base;
    int fd;
    uint64_t size; /* 0 when it is no regular file */
    char name[];   /* for errors */
};

/* Standard input may have been made non-blocking by whoever shares it; false when poll fails. */
static bool
wait_for_bytes(int fd)
{
    struct pollfd wanted = { .fd = fd, .events = POLLIN };

    return poll(&wanted, 1, -1) >= 0 || errno == EINTR;
}

static int
file_read(struct flow_source *source, void *at, size_t room, size_t *got, struct flow_error *err)
{
    const struct file_source *file = (const struct file_source *)source;
    ssize_t taken;

    *got = 0;
    do {
        taken = read(file->fd, at, room);
    } while (taken < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_bytes(file->fd))));
    if (taken < 0) {
        flow_fail_system(err, errno, "cannot read");
        flow_error_set_input(err, file->name);
        return FLOW_E_SYSTEM;
    }
    *got = (size_t)taken;
    return taken > 0 ? FLOW_OK : FLOW_END;
}

static uint64_t
file_size(const struct flow_source *source)
{
    return ((const struct file_source *)source)->size;
}

static void
file_close(struct flow_source *source)
{
    close(((struct file_source *)source)->fd);
    free(source);
}

static void
stdin_close(struct flow_source *source)
{
    free(source);
}

static const struct flow_source_ops file_ops = {
    .name = "file",
    .may_go_ahead = true,
    .read = file_read,
    .size = file_size,
    .close = file_close,
};

static const struct flow_source_ops stdin_ops = {
    .name = "stdin",
    .read = file_read,
    .size = file_size,
    .close = stdin_close,
};

/* Bytes from where the descriptor stands to the end of a regular file. */
static uint64_t
bytes_ahead(int fd, const struct stat *info)
{
    const off_t here = S_ISREG(info->st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;

    return here >= 0 && here < info->st_size ? (uint64_t)(info->st_size - here) : 0;
}

/* Wraps a descriptor; it stays the caller's on error. */
static int
wrap(struct flow_source **out, const struct flow_source_ops *ops, int fd, const char *name,
     struct flow_error *err)
{
    const size_t name_size = strlen(name) + 1;
    struct file_source *file;
    struct stat info;

    if (fstat(fd, &info) != 0) {
        return flow_fail_system(err, errno, "cannot open");
    }
    if (S_ISDIR(info.st_mode)) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected a file, found a directory");
    }
    file = malloc(sizeof(*file) + name_size);
    if (file == NULL) {
        return flow_fail_memory(err);
    }
    file->base.ops = ops;
    file->fd = fd;
    file->size = bytes_ahead(fd, &info);
    memcpy(file->name, name, name_size);
    /* Only advice: it fails on pipes, and nothing depends on it. */
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    *out = &file->base;
    return FLOW_OK;
}

int
flow_source_open_file(struct flow_source **out, const char *path, struct flow_error *err)
{
    int fd;
    int rc;

    *out = NULL;
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        rc = flow_fail_system(err, errno, "cannot open");
    } else {
        rc = wrap(out, &file_ops, fd, path, err);
    }
    if (rc != FLOW_OK) {
        flow_error_set_input(err, path);
        if (fd >= 0) {
            close(fd);
        }
    }
    return rc;
}

int
flow_source_open_stdin(struct flow_source **out, const char *uri, struct flow_error *err)
{
    static const char name[] = "<stdin>";
    int rc;

    (void)uri;
    *out = NULL;
    rc = wrap(out, &stdin_ops, STDIN_FILENO, name, err);
    if (rc != FLOW_OK) {
        flow_error_set_input(err, name);
    }
    return rc;
}
