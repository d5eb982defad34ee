/* SPDX-License-Identifier: Apache-2.0 */
/* Live sources in a build without gRPC: they say which option brings it. */
#include <string.h>

#include "source/live.h"

static int
fail(const char *server, struct flow_error *err)
{
    flow_fail(err, FLOW_E_UNSUPPORTED,
              "this build has no gRPC; it comes with meson's option -Dgrpc=enabled");
    flow_error_set_input(err, server != NULL ? server : "localhost:4245");
    return FLOW_E_UNSUPPORTED;
}

int
flow_live_options_init(struct flow_live_options *options, size_t size)
{
    if (options == NULL || size != sizeof(*options)) {
        return FLOW_E_ARGUMENT;
    }
    memset(options, 0, sizeof(*options));
    options->size = size;
    options->since = options->until = FLOW_TIME_NONE;
    return FLOW_OK;
}

int
flow_source_open_live(struct flow_source **out, const struct flow_live_options *options,
                      const struct flow_live_hooks *hooks, int64_t wait, struct flow_error *err)
{
    (void)hooks;
    (void)wait;
    *out = NULL;
    return fail(options->server, err);
}

int
flow_live_status_get(struct flow_live_status **out, const struct flow_live_options *options,
                     struct flow_error *err)
{
    *out = NULL;
    return fail(options->server, err);
}

void
flow_live_status_free(struct flow_live_status *status)
{
    (void)status;
}
