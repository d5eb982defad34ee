/* SPDX-License-Identifier: Apache-2.0 */
/* The library's version and the names of its status codes. */
#include "libflow/base.h"

const char *
flow_version(void)
{
    return FLOW_VERSION;
}

const char *
flow_status_name(int status)
{
    static const struct {
        int status;
        const char *name;
    } names[] = {
        { FLOW_OK, "ok" },
        { FLOW_END, "end" },
        { FLOW_AGAIN, "again" },
        { FLOW_E_MEMORY, "memory" },
        { FLOW_E_ARGUMENT, "argument" },
        { FLOW_E_SYSTEM, "system" },
        { FLOW_E_PARSE, "parse" },
        { FLOW_E_TRUNCATED, "truncated" },
        { FLOW_E_LIMIT, "limit" },
        { FLOW_E_INVALID, "invalid" },
        { FLOW_E_UNSUPPORTED, "unsupported" },
        { FLOW_E_CORRUPT, "corrupt" },
        { FLOW_E_NOT_FOUND, "not-found" },
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].status == status) {
            return names[i].name;
        }
    }
    return "unknown";
}
