/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling struct flow_error. Every helper accepts a NULL error and returns the status it was given,
 * so that a failing call is one line: return flow_fail(err, FLOW_E_LIMIT, "expected ...").
 */
#ifndef FLOW_BASE_ERROR_H
#define FLOW_BASE_ERROR_H

#include "libflow/base.h"

#define FLOW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Sets status and message; place and input are cleared. */
int flow_fail(struct flow_error *err, int status, const char *format, ...) FLOW_PRINTF(3, 4);

/* As flow_fail, for one line of text: column is pos + 1. */
int flow_fail_at(struct flow_error *err, int status, size_t pos, const char *format, ...)
    FLOW_PRINTF(4, 5);

/* As flow_fail, with the system's reason for os_errno behind the message. */
int flow_fail_system(struct flow_error *err, int os_errno, const char *format, ...)
    FLOW_PRINTF(3, 4);

/* FLOW_E_MEMORY with a fixed message. */
int flow_fail_memory(struct flow_error *err);

/* Names the input of an error that is already filled; a long name keeps its end. */
void flow_error_set_input(struct flow_error *err, const char *input);

/* Names the place of an error that is already filled. */
void flow_error_set_place(struct flow_error *err, uint64_t offset, uint32_t line, uint32_t column);

/*
 * User text made fit for a message: quoted, control bytes and invalid UTF-8 escaped, cut short with
 * "...". Writes into text (size bytes) and returns it, to stand inside a call's arguments.
 */
const char *flow_quote(struct flow_str user, char *text, size_t size);

#endif
