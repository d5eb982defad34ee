/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets share: a check that ends the process, a fingerprint of what was read, and
 * bytes as a file that has a path. Targets read what the headers promise and nothing else.
 */
#ifndef FLOW_TESTS_FUZZ_H
#define FLOW_TESTS_FUZZ_H

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Says which promise is broken and aborts, which is what the fuzzer looks for. */
_Noreturn void fuzz_broken(const char *promise, const char *file, int line);

#define HOLDS(promise) ((promise) ? (void)0 : fuzz_broken(#promise, __FILE__, __LINE__))

/* A fingerprint that grows by every byte it is given. Starts as FUZZ_HASH. */
#define FUZZ_HASH 0xcbf29ce484222325u

uint64_t fuzz_hash(uint64_t hash, const void *bytes, size_t len);
uint64_t fuzz_hash_number(uint64_t hash, uint64_t number);
/* Its length and bytes; a text with a length has bytes. */
uint64_t fuzz_hash_str(uint64_t hash, struct flow_str text);

/* A file in memory. It lives as long as the process and is filled anew for each input. */
struct fuzz_file {
    int fd; /* 0: not made yet */
    char path[32];
};

void fuzz_file_set(struct fuzz_file *file, const void *bytes, size_t len);
/* What was written to it, with 64 zero bytes behind; free it. */
char *fuzz_file_get(const struct fuzz_file *file, size_t *len);

/* An error is complete: a status, one sentence, and the input it is about. */
void fuzz_check_error(const struct flow_error *err, const char *input);

#endif
