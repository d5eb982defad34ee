/* SPDX-License-Identifier: Apache-2.0 */
/* The tables behind member names; see the header for why they learn. */
#include "decode/fields.h"

void
flow_fields_init(struct flow_fields *fields, const struct flow_field *table, size_t count)
{
    memset(fields, 0, sizeof(*fields));
    for (size_t i = 0; i < count && i < FLOW_FIELDS_MAX; i++) {
        fields->names[i] = flow_str_of(table[i].name);
        fields->numbers[i] = table[i].number;
        if (fields->names[i].len + 3 <= FLOW_HEAD_BYTES) {
            uint8_t *head = fields->heads[i];

            head[0] = '"';
            memcpy(head + 1, fields->names[i].ptr, fields->names[i].len);
            memcpy(head + 1 + fields->names[i].len, "\":", 2);
            fields->head_lens[i] = (uint8_t)(fields->names[i].len + 3);
        }
        fields->after[i] = fields->other[i] = (uint8_t)(i + 1 < count ? i + 1 : 0);
        fields->count++;
    }
    fields->after[fields->count] = 0;
}

uint8_t
flow_fields_search(struct flow_fields *fields, struct flow_str name, uint8_t *place)
{
    for (uint8_t i = 0; i < fields->count; i++) {
        if (flow_str_equal(fields->names[i], name)) {
            fields->other[*place] = fields->after[*place];
            fields->after[*place] = i;
            *place = i;
            return fields->numbers[i];
        }
    }
    return FLOW_FIELD_UNKNOWN;
}
