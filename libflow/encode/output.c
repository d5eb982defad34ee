/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a writer: whole pieces, rotation by renaming, and what is there is never lost. */
#include "encode/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Names that are tried when one is taken. */
enum { NAMES_MAX = 1000 };

static int
fail(const struct flow_output_file *file, const char *what, struct flow_error *err)
{
    flow_fail_system(err, errno, "%s", what);
    flow_error_set_input(err, file->path != NULL ? file->path : "<stdout>");
    return FLOW_E_SYSTEM;
}

int
flow_output_file_init(struct flow_output_file *file, const char *path, bool keep,
                      struct flow_error *err)
{
    memset(file, 0, sizeof(*file));
    file->fd = -1;
    file->keep = keep;
    if (strcmp(path, "-") != 0) {
        file->path = strdup(path);
        if (file->path == NULL) {
            return flow_fail_memory(err);
        }
    }
    return FLOW_OK;
}

static int64_t
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* "flows-2026-01-02T03-04-05.678.pb.zst" of "flows.pb.zst"; count above 0 makes it another. */
static char *
name_at(const char *path, int64_t time, unsigned count)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    const char *dot = base[0] != '\0' ? strchr(base + 1, '.') : NULL;
    const size_t head = dot != NULL ? (size_t)(dot - path) : strlen(path);
    const time_t seconds = (time_t)(time / 1000000000);
    char stamp[48], number[16] = "";
    struct tm parts;
    char *name;

    gmtime_r(&seconds, &parts);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H-%M-%S", &parts);
    if (count > 0) {
        snprintf(number, sizeof(number), "-%u", count);
    }
    if (asprintf(&name, "%.*s-%s.%03d%s%s", (int)head, path, stamp, (int)(time / 1000000 % 1000),
                 number, path + head) < 0) {
        return NULL;
    }
    return name;
}

/* Gives the file at the path another name, which no other file has. */
static int
move_aside(struct flow_output_file *file, int64_t time, struct flow_error *err)
{
    for (unsigned i = 0; i < NAMES_MAX; i++) {
        char *name = name_at(file->path, time, i);
        int rc;

        if (name == NULL) {
            return flow_fail_memory(err);
        }
        /* a link fails where the name is taken; a rename would not */
        rc = link(file->path, name);
        if (rc == 0) {
            rc = unlink(file->path);
        } else if (errno != EEXIST && access(name, F_OK) != 0) {
            rc = rename(file->path, name); /* file systems without links */
        }
        free(name);
        if (rc == 0) {
            return FLOW_OK;
        }
        if (errno != EEXIST) {
            return fail(file, "cannot rename", err);
        }
    }
    errno = EEXIST;
    return fail(file, "cannot rename", err);
}

/* A file with something in it that must not be lost. */
static bool
is_in_the_way(const struct flow_output_file *file, int64_t *time)
{
    struct stat info;

    if (!file->keep || stat(file->path, &info) != 0 || !S_ISREG(info.st_mode) ||
        info.st_size == 0) {
        return false;
    }
    *time = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    return true;
}

int
flow_output_file_open(struct flow_output_file *file, struct flow_error *err)
{
    int64_t time;

    if (file->fd >= 0) {
        return FLOW_OK;
    }
    if (file->path == NULL) {
        file->fd = STDOUT_FILENO;
    } else {
        if (is_in_the_way(file, &time)) {
            const int rc = move_aside(file, time, err);

            if (rc != FLOW_OK) {
                return rc;
            }
        }
        file->fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (file->fd < 0) {
            return fail(file, "cannot write", err);
        }
    }
    file->files++;
    file->bytes = 0;
    file->opened = now();
    return FLOW_OK;
}

int
flow_output_file_write(struct flow_output_file *file, const void *bytes, size_t len,
                       struct flow_error *err)
{
    const char *at = bytes;
    size_t left = len;

    while (left > 0) {
        const ssize_t wrote = write(file->fd, at, left);

        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote < 0) {
            const int reason = errno;

            /* a pipe cannot be cut back, and there is no more to do about it */
            if (ftruncate(file->fd, (off_t)file->bytes) == 0) {
                (void)lseek(file->fd, (off_t)file->bytes, SEEK_SET);
            }
            errno = reason;
            return fail(file, "cannot write", err);
        }
        at += wrote;
        left -= (size_t)wrote;
    }
    file->bytes += len;
    file->all_bytes += len;
    return FLOW_OK;
}

int
flow_output_file_sync(struct flow_output_file *file, struct flow_error *err)
{
    if (file->fd >= 0 && fdatasync(file->fd) != 0 && errno != EINVAL && errno != EROFS &&
        errno != ENOTSUP) {
        return fail(file, "cannot write to the disk", err);
    }
    return FLOW_OK;
}

int
flow_output_file_end(struct flow_output_file *file, struct flow_error *err)
{
    int rc = FLOW_OK;

    if (file->fd >= 0 && file->path != NULL && close(file->fd) != 0) {
        rc = fail(file, "cannot write", err);
    }
    file->fd = -1;
    return rc;
}

int
flow_output_file_rotate(struct flow_output_file *file, struct flow_error *err)
{
    const int rc = flow_output_file_end(file, err);

    return rc == FLOW_OK && file->path != NULL ? move_aside(file, file->opened, err) : rc;
}

void
flow_output_file_free(struct flow_output_file *file)
{
    (void)flow_output_file_end(file, NULL);
    free(file->path);
    file->path = NULL;
}
