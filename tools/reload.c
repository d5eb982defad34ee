/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the files of policies and inventory have changed: by their times, sizes and names. */
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "flowcheck.h"

/* Directories that are open at a time while a tree is walked. */
enum { DESCRIPTORS = 16 };

/* nftw has no context to give; one thread at a time walks. */
static uint64_t sum;

static uint64_t
mix(uint64_t hash, uint64_t value)
{
    hash ^= value;
    hash *= 0x100000001b3u;
    return hash ^ hash >> 29;
}

static int
add_file(const char *path, const struct stat *info, int type, struct FTW *place)
{
    uint64_t hash = 0xcbf29ce484222325u;

    (void)type;
    (void)place;
    for (const char *c = path; *c != '\0'; c++) {
        hash = mix(hash, (unsigned char)*c);
    }
    hash = mix(hash, (uint64_t)info->st_mtim.tv_sec);
    hash = mix(hash, (uint64_t)info->st_mtim.tv_nsec);
    hash = mix(hash, (uint64_t)info->st_size);
    hash = mix(hash, (uint64_t)info->st_ino);
    sum += hash; /* in whatever order they come */
    return 0;
}

static void
add_words(const struct words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->words[i], "-") != 0) {
            (void)nftw(words->words[i], add_file, DESCRIPTORS, 0);
        }
    }
}

uint64_t
files_state(const struct policy_arguments *policies)
{
    sum = 0;
    add_words(&policies->manifests);
    add_words(&policies->snapshots);
    if (policies->intent != NULL) {
        const char *words[] = { policies->intent };
        const struct words intent = { words, 1 };

        add_words(&intent);
    }
    return sum;
}
