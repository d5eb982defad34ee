/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every other header needs: the export mark, status codes, text with a length, and the error
 * a failing call fills in.
 */
#ifndef LIBFLOW_BASE_H
#define LIBFLOW_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef FLOW_API
#if defined(__GNUC__)
#define FLOW_API __attribute__((visibility("default")))
#else
#define FLOW_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What a call returned. 0 is good, above 0 is not an error, below 0 failed. Numbers are stable:
 * a value is never changed or used again.
 */
enum flow_status {
    FLOW_OK = 0,
    FLOW_END = 1,            /**< nothing more will come; asking again says so again */
    FLOW_AGAIN = 2,          /**< nothing now, ask later */
    FLOW_E_MEMORY = -1,      /**< an allocation failed */
    FLOW_E_ARGUMENT = -2,    /**< the caller broke the contract of the call */
    FLOW_E_SYSTEM = -3,      /**< the operating system said no; see os_errno */
    FLOW_E_PARSE = -4,       /**< the bytes are not what the format asks for */
    FLOW_E_TRUNCATED = -5,   /**< the input ends in the middle of something */
    FLOW_E_LIMIT = -6,       /**< larger or deeper than a limit of the library */
    FLOW_E_INVALID = -7,     /**< well formed, but a cluster would refuse it */
    FLOW_E_UNSUPPORTED = -8, /**< known, but not in this build or this version */
    FLOW_E_CORRUPT = -9,     /**< a checksum or a compressed frame does not hold */
    FLOW_E_NOT_FOUND = -10   /**< the thing asked for is not there */
};

/** Text as bytes and a length: UTF-8, may hold NUL, does not end in NUL. {NULL, 0} is "absent". */
struct flow_str {
    const char *ptr;
    size_t len;
};

/** Why a call failed, and where. The caller's memory: failing never allocates. */
struct flow_error {
    int32_t status;        /**< what the call returned, an enum flow_status */
    int32_t os_errno;      /**< 0 unless the system said no */
    uint64_t offset;       /**< byte in the input, from 0; of the decompressed bytes */
    uint32_t line, column; /**< from 1; 0 when unknown; columns count bytes */
    char input[128];       /**< file, URI, or "<memory>"; "" when the call reads no input */
    char message[256];     /**< one sentence, UTF-8, no newline */
};

/** The library's version, "major.minor.patch"; static text. */
FLOW_API const char *flow_version(void);

/** The name of a status ("truncated"); static text, "unknown" for a number it does not know. */
FLOW_API const char *flow_status_name(int status);

/**
 * The error as one line of text, "input:line:column: message", leaving out what is unknown.
 *
 * @param[in]  err   the error
 * @param[out] text  filled and ended with NUL, cut short when it does not fit
 * @param[in]  size  bytes at text; 512 is always enough
 */
FLOW_API void flow_error_format(const struct flow_error *err, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
