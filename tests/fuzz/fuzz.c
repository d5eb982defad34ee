/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share; knows nothing of flows and policies. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"

void
fuzz_broken(const char *promise, const char *file, int line)
{
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, promise);
    abort();
}

uint64_t
fuzz_hash(uint64_t hash, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ at[i]) * 0x100000001b3u;
    }
    return hash;
}

uint64_t
fuzz_hash_number(uint64_t hash, uint64_t number)
{
    return fuzz_hash(hash, &number, sizeof(number));
}

uint64_t
fuzz_hash_str(uint64_t hash, struct flow_str text)
{
    HOLDS(text.len == 0 || text.ptr != NULL);
    return fuzz_hash(fuzz_hash_number(hash, text.len), text.ptr, text.len);
}

void
fuzz_file_set(struct fuzz_file *file, const void *bytes, size_t len)
{
    const char *at = bytes;

    if (file->fd == 0) {
        file->fd = memfd_create("fuzz", MFD_CLOEXEC);
        HOLDS(file->fd > 0);
        snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
    }
    HOLDS(ftruncate(file->fd, 0) == 0);
    for (size_t done = 0; done < len;) {
        const ssize_t wrote = pwrite(file->fd, at + done, len - done, (off_t)done);

        HOLDS(wrote > 0);
        done += (size_t)wrote;
    }
}

char *
fuzz_file_get(const struct fuzz_file *file, size_t *len)
{
    struct stat stat;
    char *text;

    HOLDS(fstat(file->fd, &stat) == 0);
    *len = (size_t)stat.st_size;
    text = calloc(1, *len + 64);
    HOLDS(text != NULL);
    for (size_t done = 0; done < *len;) {
        const ssize_t got = pread(file->fd, text + done, *len - done, (off_t)done);

        HOLDS(got > 0);
        done += (size_t)got;
    }
    return text;
}

void
fuzz_check_error(const struct flow_error *err, const char *input)
{
    const size_t len = strnlen(err->message, sizeof(err->message));

    HOLDS(len > 0 && len < sizeof(err->message));
    HOLDS(strchr(err->message, '\n') == NULL);
    HOLDS(flow_utf8_valid_prefix((const uint8_t *)err->message, len) == len);
    HOLDS(strcmp(err->input, input) == 0);
}
