/* SPDX-License-Identifier: Apache-2.0 */
/* Notes of a loader; kept in the order they are met. */
#include "manifest/notes.h"

#include <stdlib.h>
#include <string.h>

void
flow_notes_add(struct flow_notes *notes, int level, const struct flow_error *error)
{
    if (error->status == FLOW_E_MEMORY) {
        notes->failed = true; /* nothing is wrong with the object: the whole load fails */
        return;
    }
    if (notes->count == notes->room) {
        const size_t room = notes->room == 0 ? 16 : notes->room * 2;
        struct flow_note *grown = realloc(notes->notes, room * sizeof(*grown));

        if (grown == NULL) {
            notes->failed = true;
            return;
        }
        notes->notes = grown;
        notes->room = room;
    }
    notes->notes[notes->count].level = level;
    notes->notes[notes->count].error = *error;
    notes->count++;
    notes->errors += level == FLOW_NOTE_ERROR ? 1 : 0;
}

void
flow_notes_free(struct flow_notes *notes)
{
    free(notes->notes);
    memset(notes, 0, sizeof(*notes));
}
