/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files below a directory, as a list of paths. Knows file types and symbolic links, nothing of
 * what files hold.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "source/source.h"

/*
 * Entries looked at for one directory given. Links to sibling directories, each holding two more,
 * would double at every level without ever leading back to a parent.
 */
#define ENTRIES_MAX 1000000u

/* A directory that is being listed, with those above it. */
struct level {
    const struct level *parent;
    dev_t device;
    ino_t inode;
    unsigned depth; /* 1 for the directory given */
};

struct walk {
    struct flow_path_list *list;
    const struct flow_path_options *options; /* may be NULL */
    unsigned entries;
    struct flow_error *err;
};

static int walk_directory(struct walk *walk, const char *path, const struct level *level);

/* Takes the path, which is freed when the list cannot grow; NULL says that memory ran out. */
static int
append(struct flow_path_list *list, char *path, struct flow_error *err)
{
    if (path == NULL) {
        return flow_fail_memory(err);
    }
    if (list->count == list->room) {
        const size_t room = list->room > 0 ? list->room * 2 : 16;
        char **grown = NULL;

        if (room <= SIZE_MAX / 2 / sizeof(*grown)) {
            grown = realloc(list->paths, room * sizeof(*grown));
        }
        if (grown == NULL) {
            free(path);
            return flow_fail_memory(err);
        }
        list->paths = grown;
        list->room = room;
    }
    list->paths[list->count++] = path;
    return FLOW_OK;
}

/* "directory/name"; NULL when out of memory. */
static char *
join(const char *directory, const char *name)
{
    const size_t head = strlen(directory);
    const size_t tail = strlen(name);
    const size_t slash = head > 0 && directory[head - 1] == '/' ? 0 : 1;
    char *path = malloc(head + slash + tail + 1);

    if (path != NULL) {
        memcpy(path, directory, head);
        memcpy(path + head, "/", slash);
        memcpy(path + head + slash, name, tail + 1);
    }
    return path;
}

static void
tell(const struct walk *walk, int os_errno, const char *what, const char *path)
{
    struct flow_error problem;

    if (walk->options == NULL || walk->options->problem == NULL) {
        return;
    }
    flow_fail_system(&problem, os_errno, "%s", what);
    flow_error_set_input(&problem, path);
    walk->options->problem(walk->options->context, &problem);
}

static bool
is_above(const struct level *level, const struct stat *info)
{
    while (level != NULL && (level->device != info->st_dev || level->inode != info->st_ino)) {
        level = level->parent;
    }
    return level != NULL;
}

/* Lists one entry of a directory; takes the path. */
static int
walk_entry(struct walk *walk, char *path, const struct level *parent)
{
    struct stat info;
    int rc = FLOW_OK;

    if (stat(path, &info) != 0) {
        tell(walk, errno, "cannot open", path);
    } else if (S_ISREG(info.st_mode)) {
        return append(walk->list, path, walk->err);
    } else if (S_ISDIR(info.st_mode) && !is_above(parent, &info)) {
        const struct level level = {
            .parent = parent,
            .device = info.st_dev,
            .inode = info.st_ino,
            .depth = parent->depth + 1,
        };

        rc = walk_directory(walk, path, &level);
    }
    free(path);
    return rc;
}

/* The next name that is not hidden; NULL at the end, with errno set when the end is an error. */
static const char *
next_name(DIR *directory)
{
    const struct dirent *entry;

    do {
        errno = 0;
        entry = readdir(directory);
    } while (entry != NULL && entry->d_name[0] == '.');
    return entry != NULL ? entry->d_name : NULL;
}

static int
check_limits(struct walk *walk, const char *path, const struct level *level)
{
    int rc = FLOW_OK;

    if (level->depth > FLOW_DIRECTORY_DEPTH_MAX) {
        rc = flow_fail(walk->err, FLOW_E_LIMIT, "expected at most %d directories inside each other",
                       FLOW_DIRECTORY_DEPTH_MAX);
    } else if (walk->entries > ENTRIES_MAX) {
        rc = flow_fail(walk->err, FLOW_E_LIMIT, "expected at most %u files and directories",
                       ENTRIES_MAX);
    }
    if (rc != FLOW_OK) {
        flow_error_set_input(walk->err, path);
    }
    return rc;
}

static int
walk_directory(struct walk *walk, const char *path, const struct level *level)
{
    int rc = check_limits(walk, path, level);
    const char *name;
    DIR *directory;

    if (rc != FLOW_OK) {
        return rc;
    }
    directory = opendir(path);
    if (directory == NULL) {
        tell(walk, errno, "cannot list the directory", path);
        return FLOW_OK;
    }
    while (rc == FLOW_OK && (name = next_name(directory)) != NULL) {
        char *entry = join(path, name);

        walk->entries++;
        rc = entry == NULL ? flow_fail_memory(walk->err) : check_limits(walk, path, level);
        if (rc == FLOW_OK) {
            rc = walk_entry(walk, entry, level);
        } else {
            free(entry);
        }
    }
    if (rc == FLOW_OK && errno != 0) {
        tell(walk, errno, "cannot list the whole directory", path);
    }
    closedir(directory);
    return rc;
}

static int
compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
cut_list(struct flow_path_list *list, size_t count)
{
    while (list->count > count) {
        free(list->paths[--list->count]);
    }
}

int
flow_path_list_add(struct flow_path_list *list, const char *path,
                   const struct flow_path_options *options, struct flow_error *err)
{
    struct walk walk = { .list = list, .options = options, .err = err };
    const size_t start = list->count;
    struct level level = { .depth = 1 };
    struct stat info;
    int rc;

    if (strcmp(path, "-") == 0 || stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return append(list, strdup(path), err);
    }
    level.device = info.st_dev;
    level.inode = info.st_ino;
    rc = walk_directory(&walk, path, &level);
    if (rc != FLOW_OK) {
        cut_list(list, start);
    } else if (list->count > start) {
        qsort(list->paths + start, list->count - start, sizeof(*list->paths), compare_paths);
    }
    return rc;
}

void
flow_path_list_free(struct flow_path_list *list)
{
    if (list != NULL) {
        cut_list(list, 0);
        free(list->paths);
        memset(list, 0, sizeof(*list));
    }
}
