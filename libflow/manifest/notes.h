/* SPDX-License-Identifier: Apache-2.0 */
/* The growing list of what a loader has to say. */
#ifndef FLOW_MANIFEST_NOTES_H
#define FLOW_MANIFEST_NOTES_H

#include "libflow/policy.h"

/* Zero bytes are a valid empty list. */
struct flow_notes {
    struct flow_note *notes;
    size_t count, room;
    size_t errors;
    bool failed; /* out of memory: a note is missing */
};

void flow_notes_add(struct flow_notes *notes, int level, const struct flow_error *error);
void flow_notes_free(struct flow_notes *notes);

#endif
