/* SPDX-License-Identifier: Apache-2.0 */
/* Options that several commands take: filters, and the connection to a server as in hubble. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flowcheck.h"

size_t
add_filter_options(struct option *options, size_t count, size_t room)
{
    for (size_t i = 0; flow_filter_name_at(i) != NULL && count < room - 1; i++) {
        options[count++] = (struct option){ flow_filter_name_at(i), required_argument, NULL,
                                            OPTION_FILTER + (int)i };
    }
    memset(&options[count], 0, sizeof(options[count]));
    return count;
}

void
print_filters(void)
{
    puts("\nFilters, spelled as in 'hubble observe'; values of one filter are alternatives,\n"
         "different filters must all hold:");
    for (size_t i = 0; flow_filter_name_at(i) != NULL; i++) {
        printf("      --%s %s\n", flow_filter_name_at(i), flow_filter_value_at(i));
    }
}

bool
take_filter(struct flow_filter **filter, int option, const char *value)
{
    struct flow_error err;

    if ((*filter == NULL && flow_filter_new(filter, &err) != FLOW_OK) ||
        flow_filter_add(*filter, flow_filter_name_at((size_t)(option - OPTION_FILTER)), value,
                        &err) != FLOW_OK) {
        say_error(&err);
        return false;
    }
    return true;
}

bool
take_duration(const char *text, int64_t *nanoseconds)
{
    static const struct {
        const char *unit;
        double nanoseconds;
    } units[] = { { "ms", 1e6 }, { "us", 1e3 }, { "ns", 1 },
                  { "s", 1e9 },  { "m", 6e10 }, { "h", 3.6e12 } };
    const char *at = text;
    double sum = 0;

    if (strcmp(text, "0") == 0) {
        *nanoseconds = 0;
        return true;
    }
    while (isdigit((unsigned char)*at)) {
        char *unit;
        const double number = strtod(at, &unit);
        size_t i = 0;

        while (i < sizeof(units) / sizeof(units[0]) &&
               strncmp(unit, units[i].unit, strlen(units[i].unit)) != 0) {
            i++;
        }
        if (i == sizeof(units) / sizeof(units[0])) {
            break;
        }
        sum += number * units[i].nanoseconds;
        at = unit + strlen(units[i].unit);
    }
    if (at == text || *at != '\0' || sum > 9e18) {
        say("expected a duration such as 90s or 1h30m, found \"%.40s\"", text);
        return false;
    }
    *nanoseconds = (int64_t)sum;
    return true;
}

bool
take_count(const char *text, uint64_t *count)
{
    char *end;

    *count = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0') {
        say("expected a whole number, found \"%.40s\"", text);
        return false;
    }
    return true;
}

/* "10MB", "2GiB" or bytes. */
bool
take_size(const char *text, uint64_t *bytes)
{
    static const struct {
        const char *unit;
        uint64_t bytes;
    } units[] = { { "", 1 },          { "B", 1 },           { "KB", 1000 },
                  { "MB", 1000000 },  { "GB", 1000000000 }, { "KiB", 1 << 10 },
                  { "MiB", 1 << 20 }, { "GiB", 1 << 30 } };
    char *unit;

    *bytes = strtoull(text, &unit, 10);
    for (size_t i = 0; isdigit((unsigned char)text[0]) && i < sizeof(units) / sizeof(units[0]);
         i++) {
        if (strcmp(unit, units[i].unit) == 0) {
            *bytes *= units[i].bytes;
            return true;
        }
    }
    say("expected a size such as 100MB or 1GiB, found \"%.40s\"", text);
    return false;
}

/* A time, or how long ago. */
bool
take_time(const char *text, int64_t *time)
{
    struct timespec now;
    struct flow_error err;
    int64_t ago;

    if (flow_time_parse(time, (struct flow_str){ text, strlen(text) }, &err) == FLOW_OK) {
        return true;
    }
    if (strchr(text, '-') != NULL) {
        say_error(&err);
        return false;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    if (!take_duration(text, &ago)) {
        return false;
    }
    *time = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - ago;
    return true;
}

bool
take_time_filter(struct flow_filter **filter, const char *name, const char *text, int64_t *time)
{
    char exact[FLOW_TIME_TEXT_MAX];
    size_t i = 0;

    if (!take_time(text, time)) {
        return false;
    }
    while (strcmp(flow_filter_name_at(i), name) != 0) {
        i++;
    }
    return take_filter(filter, OPTION_FILTER + (int)i, flow_time_format(*time, exact));
}

static bool
is_true(const char *text)
{
    return strcmp(text, "1") == 0 || strcmp(text, "t") == 0 || strcmp(text, "true") == 0 ||
           strcmp(text, "TRUE") == 0 || strcmp(text, "True") == 0;
}

/* Files with commas between them; the text is kept. */
static bool
add_ca_files(struct live_arguments *live, const char *text)
{
    char *copy = strdup(text);
    char *place;

    if (copy == NULL) {
        say("out of memory");
        return false;
    }
    free(live->ca_text);
    live->ca_text = copy;
    live->ca_files.count = 0;
    for (char *path = strtok_r(copy, ",", &place); path != NULL;
         path = strtok_r(NULL, ",", &place)) {
        if (!words_add(&live->ca_files, path)) {
            return false;
        }
    }
    return true;
}

int
take_live_option(struct live_arguments *live, int option, const char *value)
{
    struct flow_live_options *options = &live->options;
    bool ok = true;

    switch (option) {
    case OPTION_SERVER:
        options->server = value;
        break;
    case OPTION_TLS:
        options->tls = value == NULL || is_true(value);
        break;
    case OPTION_TLS_ALLOW_INSECURE:
        options->tls_allow_insecure = value == NULL || is_true(value);
        break;
    case OPTION_TLS_CA:
        ok = add_ca_files(live, value);
        break;
    case OPTION_TLS_CERT:
        options->client_cert_file = value;
        break;
    case OPTION_TLS_KEY:
        options->client_key_file = value;
        break;
    case OPTION_TLS_NAME:
        options->server_name = value;
        break;
    case OPTION_USERNAME:
        options->username = value;
        break;
    case OPTION_PASSWORD:
        options->password = value;
        break;
    case OPTION_TIMEOUT:
        ok = take_duration(value, &options->timeout);
        break;
    case OPTION_REQUEST_TIMEOUT:
        ok = take_duration(value, &options->request_timeout);
        break;
    case OPTION_IDLE_CHECK:
        ok = take_duration(value, &options->idle_check);
        break;
    default:
        return FLOW_END;
    }
    return ok ? FLOW_OK : FLOW_E_ARGUMENT;
}

/* HUBBLE_TLS_SERVER_NAME for --tls-server-name; options come behind it and count more. */
int
init_live(struct live_arguments *live)
{
    static const struct {
        const char *name;
        int option;
    } variables[] = {
        { "HUBBLE_SERVER", OPTION_SERVER },
        { "HUBBLE_TLS", OPTION_TLS },
        { "HUBBLE_TLS_ALLOW_INSECURE", OPTION_TLS_ALLOW_INSECURE },
        { "HUBBLE_TLS_CA_CERT_FILES", OPTION_TLS_CA },
        { "HUBBLE_TLS_CLIENT_CERT_FILE", OPTION_TLS_CERT },
        { "HUBBLE_TLS_CLIENT_KEY_FILE", OPTION_TLS_KEY },
        { "HUBBLE_TLS_SERVER_NAME", OPTION_TLS_NAME },
        { "HUBBLE_BASIC_AUTH_USERNAME", OPTION_USERNAME },
        { "HUBBLE_BASIC_AUTH_PASSWORD", OPTION_PASSWORD },
        { "HUBBLE_TIMEOUT", OPTION_TIMEOUT },
        { "HUBBLE_REQUEST_TIMEOUT", OPTION_REQUEST_TIMEOUT },
    };

    memset(live, 0, sizeof(*live));
    flow_live_options_init(&live->options, sizeof(live->options));
    /* what gRPC has to say is in our own messages */
    setenv("GRPC_VERBOSITY", "NONE", 0);
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *value = getenv(variables[i].name);

        if (value != NULL && value[0] != '\0' &&
            take_live_option(live, variables[i].option, value) != FLOW_OK) {
            say("expected a usable value in %s, found \"%.60s\"", variables[i].name, value);
            return FLOW_E_ARGUMENT;
        }
    }
    return FLOW_OK;
}

void
finish_live(struct live_arguments *live)
{
    live->options.ca_files = live->ca_files.words;
    live->options.ca_file_count = live->ca_files.count;
}

void
live_arguments_free(struct live_arguments *live)
{
    free(live->ca_files.words);
    free(live->ca_text);
}

void
print_live_options(void)
{
    puts("\nThe connection, as in 'hubble observe', whose HUBBLE_* variables count too:\n"
         "      --server ADDRESS         host:port, unix:///path or tls://host:port (default\n"
         "                               localhost:4245)\n"
         "      --tls                    use TLS\n"
         "      --tls-allow-insecure     believe any certificate\n"
         "      --tls-ca-cert-files F,.. certificates to believe (default: the system's)\n"
         "      --tls-client-cert-file F certificate to show, and\n"
         "      --tls-client-key-file F  its key\n"
         "      --tls-server-name NAME   name that the server's certificate must have\n"
         "      --basic-auth-username U  user, over TLS alone, and\n"
         "      --basic-auth-password P  password\n"
         "      --timeout DURATION       to connect within (default 5s)\n"
         "      --request-timeout D      for an answer that is no stream (default 12s)\n"
         "      --idle-check DURATION    silence after which the server is asked whether it is\n"
         "                               there (default 30s, 0: never)");
}
