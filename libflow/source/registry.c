/* SPDX-License-Identifier: Apache-2.0 */
/* Which kind of source a URI asks for. The kinds themselves are in the other files here. */
#include <string.h>

#include "source/live.h"
#include "source/openers.h"

struct opener {
    bool (*takes)(const char *uri);
    int (*open)(struct flow_source **out, const char *uri, struct flow_error *err);
};

static bool
is_stdin(const char *uri)
{
    return strcmp(uri, "-") == 0;
}

static bool
is_path(const char *uri)
{
    (void)uri;
    return true;
}

/* The first that takes the URI opens it. */
static const struct opener openers[] = {
    { .takes = is_stdin, .open = flow_source_open_stdin },
    { .takes = is_path, .open = flow_source_open_file },
};

bool
flow_source_is_live(const char *uri)
{
    return uri != NULL && (strncmp(uri, "unix:", 5) == 0 || strncmp(uri, "tcp://", 6) == 0 ||
                           strncmp(uri, "tls://", 6) == 0);
}

int
flow_source_open(struct flow_source **out, const char *uri, struct flow_error *err)
{
    size_t i = 0;

    *out = NULL;
    if (uri == NULL) {
        return flow_fail(err, FLOW_E_ARGUMENT, "expected a path or \"-\", found none");
    }
    while (!openers[i].takes(uri)) {
        i++;
    }
    return openers[i].open(out, uri, err);
}

void
flow_source_close(struct flow_source *source)
{
    if (source != NULL) {
        source->ops->close(source);
    }
}
