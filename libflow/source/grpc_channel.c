/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections: what the server's name means, certificates, and how a failed call is told. Nothing
 * here knows what is asked over them.
 */
#include <errno.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "source/grpc.h"

static const char default_server[] = "localhost:4245";

/* A server that sees pings more often than every five minutes ends the connection. */
enum { KEEPALIVE_MS = 330 * 1000, KEEPALIVE_ANSWER_MS = 20 * 1000, LOOKAHEAD_BYTES = 4 << 20 };

int
flow_live_options_init(struct flow_live_options *options, size_t size)
{
    const int64_t second = 1000000000;

    if (options == NULL || size != sizeof(*options)) {
        return FLOW_E_ARGUMENT;
    }
    *options = (struct flow_live_options){
        .size = size,
        .timeout = 5 * second,
        .request_timeout = 12 * second,
        .idle_check = 30 * second,
        .follow = true,
        .since = FLOW_TIME_NONE,
        .until = FLOW_TIME_NONE,
    };
    return FLOW_OK;
}

/* Adds a file's bytes; a NUL stands behind the text. */
static int
read_file(const char *path, struct flow_buf *out, struct flow_error *err)
{
    FILE *file = fopen(path, "rbe");
    char piece[4096];
    size_t got;
    int rc = FLOW_OK;

    if (file == NULL) {
        flow_fail_system(err, errno, "cannot open");
        flow_error_set_input(err, path);
        return FLOW_E_SYSTEM;
    }
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0) {
        flow_buf_add(out, piece, got);
    }
    if (ferror(file) != 0) {
        rc = flow_fail_system(err, errno, "cannot read");
    } else if (out->failed) {
        rc = flow_fail_memory(err);
    } else if (out->len == 0 || memmem(out->ptr, out->len, "-----BEGIN ", 11) == NULL) {
        rc = flow_fail(err, FLOW_E_PARSE, "expected a PEM file, found none of its lines");
    }
    if (rc != FLOW_OK) {
        flow_error_set_input(err, path);
    }
    fclose(file);
    return rc;
}

/* The PEM text of some files, one behind the other; NULL for none. Freed with free. */
static int
read_pem(const char *const *paths, size_t count, char **text, struct flow_error *err)
{
    struct flow_buf out = { 0 };
    int rc = FLOW_OK;

    for (size_t i = 0; rc == FLOW_OK && i < count; i++) {
        rc = read_file(paths[i], &out, err);
        flow_buf_add_char(&out, '\n');
    }
    if (rc == FLOW_OK && count > 0) {
        flow_buf_add_char(&out, '\0');
        rc = out.failed ? flow_fail_memory(err) : FLOW_OK;
    }
    if (rc != FLOW_OK || count == 0) {
        flow_buf_free(&out);
        return rc;
    }
    *text = out.ptr;
    return FLOW_OK;
}

/* "Basic " and the user and password in base64. */
static int
make_authorization(struct flow_grpc_target *target, struct flow_error *err)
{
    const char *username = target->options.username;
    const char *password = target->options.password != NULL ? target->options.password : "";
    struct flow_buf plain = { 0 };
    char *text;

    if (!target->tls) {
        return flow_fail(err, FLOW_E_ARGUMENT,
                         "expected TLS with a user name, which would be readable on the way");
    }
    flow_buf_add_format(&plain, "%s:%s", username, password);
    text = plain.failed ? NULL : malloc(6 + (plain.len + 2) / 3 * 4 + 1);
    if (text == NULL) {
        flow_buf_free(&plain);
        return flow_fail_memory(err);
    }
    memcpy(text, "Basic ", 6);
    EVP_EncodeBlock((unsigned char *)text + 6, (const unsigned char *)plain.ptr, (int)plain.len);
    flow_buf_free(&plain);
    target->authorization = text;
    return FLOW_OK;
}

static int
check_options(const struct flow_live_options *options, struct flow_error *err)
{
    if (options->size != sizeof(*options)) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected live options of this version");
    }
    if (options->follow && (options->first > 0 || options->until != FLOW_TIME_NONE)) {
        return flow_fail(err, FLOW_E_ARGUMENT,
                         "expected an end or to follow, found both (first or until, and follow)");
    }
    if (options->first > 0 && options->last > 0) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected first or last, found both");
    }
    if ((options->client_cert_file == NULL) != (options->client_key_file == NULL)) {
        return flow_fail(err, FLOW_E_ARGUMENT,
                         "expected a client certificate and its key, found one of them");
    }
    return FLOW_OK;
}

static const char *
copy_text(struct flow_grpc_target *target, const char *text, bool *failed)
{
    struct flow_str copy;

    if (text == NULL) {
        return NULL;
    }
    copy = flow_arena_str(&target->arena, flow_str_of(text));
    *failed |= copy.ptr == NULL;
    return copy.ptr;
}

/* "unix:///path" and "dns:///host:port" are gRPC's own; ours are taken off. */
static int
copy_names(struct flow_grpc_target *target, struct flow_error *err)
{
    struct flow_live_options *options = &target->options;
    const char *server = options->server != NULL ? options->server : default_server;
    bool failed = false;

    target->name = copy_text(target, server, &failed);
    target->tls = options->tls;
    target->target = target->name;
    if (!failed && strncmp(target->name, "tls://", 6) == 0) {
        target->tls = true;
        target->target += 6;
    } else if (!failed && strncmp(target->name, "tcp://", 6) == 0) {
        target->target += 6;
    }
    options->server_name = copy_text(target, options->server_name, &failed);
    options->username = copy_text(target, options->username, &failed);
    options->password = copy_text(target, options->password, &failed);
    options->filter = NULL;
    if (failed) {
        return flow_fail_memory(err);
    }
    if (target->target[0] == '\0') {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected a server, found \"%.60s\"", target->name);
    }
    return FLOW_OK;
}

int
flow_grpc_target_init(struct flow_grpc_target *target, const struct flow_live_options *options,
                      struct flow_error *err)
{
    int rc;

    memset(target, 0, sizeof(*target));
    rc = check_options(options, err);
    if (rc != FLOW_OK) {
        return rc;
    }
    target->options = *options;
    rc = copy_names(target, err);
    if (rc == FLOW_OK) {
        rc = read_pem(options->ca_files, options->ca_file_count, &target->roots, err);
    }
    if (rc == FLOW_OK && options->client_cert_file != NULL) {
        rc = read_pem(&options->client_cert_file, 1, &target->client_cert, err);
        rc = rc == FLOW_OK ? read_pem(&options->client_key_file, 1, &target->client_key, err) : rc;
    }
    if (rc == FLOW_OK && options->username != NULL) {
        rc = make_authorization(target, err);
    }
    if (rc != FLOW_OK) {
        flow_grpc_target_free(target);
    }
    return rc;
}

void
flow_grpc_target_free(struct flow_grpc_target *target)
{
    free(target->roots);
    free(target->client_cert);
    free(target->client_key);
    free(target->authorization);
    flow_arena_free(&target->arena);
    memset(target, 0, sizeof(*target));
}

/* Credentials that believe any certificate. */
static grpc_channel_credentials *
believing_credentials(const struct flow_grpc_target *target)
{
    grpc_tls_credentials_options *options = grpc_tls_credentials_options_create();
    grpc_tls_certificate_verifier *verifier = grpc_tls_certificate_verifier_no_op_create();

    grpc_tls_credentials_options_set_certificate_verifier(options, verifier);
    grpc_tls_credentials_options_set_verify_server_cert(options, 0);
    grpc_tls_credentials_options_set_check_call_host(options, 0);
    grpc_tls_certificate_verifier_release(verifier);
    if (target->client_cert != NULL) {
        grpc_tls_identity_pairs *pairs = grpc_tls_identity_pairs_create();
        grpc_tls_certificate_provider *provider;

        grpc_tls_identity_pairs_add_pair(pairs, target->client_key, target->client_cert);
        provider = grpc_tls_certificate_provider_static_data_create(NULL, pairs);
        grpc_tls_credentials_options_set_certificate_provider(options, provider);
        grpc_tls_credentials_options_watch_identity_key_cert_pairs(options);
        grpc_tls_certificate_provider_release(provider);
    }
    return grpc_tls_credentials_create(options);
}

static grpc_channel_credentials *
make_credentials(const struct flow_grpc_target *target)
{
    grpc_ssl_pem_key_cert_pair pair = { target->client_key, target->client_cert };

    if (!target->tls) {
        return grpc_insecure_credentials_create();
    }
    if (target->options.tls_allow_insecure) {
        return believing_credentials(target);
    }
    return grpc_ssl_credentials_create(target->roots, target->client_cert != NULL ? &pair : NULL,
                                       NULL, NULL);
}

static grpc_arg
number_arg(const char *key, int value)
{
    grpc_arg arg = { .type = GRPC_ARG_INTEGER, .key = (char *)key };

    arg.value.integer = value;
    return arg;
}

static grpc_arg
text_arg(const char *key, const char *value)
{
    grpc_arg arg = { .type = GRPC_ARG_STRING, .key = (char *)key };

    arg.value.string = (char *)value;
    return arg;
}

grpc_channel *
flow_grpc_channel(const struct flow_grpc_target *target)
{
    const int timeout_ms = (int)(target->options.timeout / 1000000);
    grpc_channel_credentials *credentials = make_credentials(target);
    grpc_channel *channel;
    grpc_channel_args args;
    grpc_arg list[10];
    size_t count = 0;

    list[count++] = number_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)FLOW_RECORD_BYTES_MAX);
    list[count++] = number_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    list[count++] = number_arg(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, timeout_ms);
    list[count++] = number_arg(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS);
    list[count++] = number_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_ANSWER_MS);
    list[count++] = number_arg(GRPC_ARG_ENABLE_RETRIES, 0);
    list[count++] = number_arg(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, LOOKAHEAD_BYTES);
    if (target->tls && target->options.server_name != NULL) {
        list[count++] = text_arg(GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, target->options.server_name);
        list[count++] = text_arg(GRPC_ARG_DEFAULT_AUTHORITY, target->options.server_name);
    }
    args = (grpc_channel_args){ count, list };
    channel = grpc_channel_create(target->target, credentials, &args);
    if (credentials != NULL) {
        grpc_channel_credentials_release(credentials);
    }
    return channel;
}

gpr_timespec
flow_grpc_deadline(int64_t nanoseconds)
{
    return nanoseconds < 0 ? gpr_inf_future(GPR_CLOCK_MONOTONIC)
                           : gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                          gpr_time_from_nanos(nanoseconds, GPR_TIMESPAN));
}

static const char *
code_name(grpc_status_code code)
{
    static const char *const names[] = {
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    };

    return (size_t)code < sizeof(names) / sizeof(names[0]) ? names[code] : "an unknown status";
}

int
flow_grpc_fail(const struct flow_grpc_target *target, grpc_status_code code, grpc_slice details,
               const char *method, struct flow_error *err)
{
    const struct flow_str words = { (const char *)GRPC_SLICE_START_PTR(details),
                                    GRPC_SLICE_LENGTH(details) };
    const int status = code == GRPC_STATUS_UNIMPLEMENTED      ? FLOW_E_UNSUPPORTED
                       : code == GRPC_STATUS_INVALID_ARGUMENT ? FLOW_E_ARGUMENT
                                                              : FLOW_E_SYSTEM;
    struct flow_buf clean = { 0 };

    flow_buf_add_clean(&clean, words);
    flow_fail(err, status, "%s: %s%s%.*s", method, code_name(code), clean.len > 0 ? ", " : "",
              clean.len < 200 ? (int)clean.len : 200, clean.ptr != NULL ? clean.ptr : "");
    flow_buf_free(&clean);
    flow_error_set_input(err, target->name);
    return status;
}

bool
flow_grpc_is_tls_failure(grpc_slice details)
{
    static const char *const words[] = { "handshake", "andshaker", "ertificate",
                                         "SSL",       "Hostname",  "TSI_" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (memmem(GRPC_SLICE_START_PTR(details), GRPC_SLICE_LENGTH(details), words[i],
                   strlen(words[i])) != NULL) {
            return true;
        }
    }
    return false;
}
