/* SPDX-License-Identifier: Apache-2.0 */
/* What commands that write flows say at their end. */
#include <stdio.h>
#include <string.h>

#include "flowcheck.h"

void
say_left_out(const struct flow_writer *writer)
{
    struct flow_writer_stats stats;
    char names[8 * 66] = "";

    flow_writer_stats(writer, &stats);
    for (size_t i = 0; i < 8 && stats.left_out_names[i][0] != '\0'; i++) {
        const size_t used = strlen(names);

        snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "",
                 stats.left_out_names[i]);
    }
    if (stats.left_out > 0) {
        say("warning: %llu members of records were left out, as the format has no place for them "
            "or their values do not fit: %s%s",
            (unsigned long long)stats.left_out, names,
            stats.left_out_names[7][0] != '\0' ? ", ..." : "");
    }
    if (stats.failed > 0) {
        say("warning: %llu records could not be converted", (unsigned long long)stats.failed);
    }
}
