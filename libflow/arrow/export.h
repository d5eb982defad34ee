/* SPDX-License-Identifier: Apache-2.0 */
/* Columns as structures of the Arrow C data interface, which own what they point to. */
#ifndef FLOW_ARROW_EXPORT_H
#define FLOW_ARROW_EXPORT_H

#include "arrow/table.h"

/* Bytes of a value; 0 for bits. */
size_t flow_column_width(uint8_t type);

/* Zeroed memory of that size at *at, which is aligned; one share of it is the caller's. */
struct flow_block *flow_block_new(size_t size, uint8_t **at);
/* One share less; the last one frees it. NULL is fine. */
void flow_block_release(struct flow_block *block);

/* Makes words->copy hold all texts that there are; false when out of memory. */
bool flow_words_share(struct flow_words *words);
/* A number that no other copy of the same words has, of the dictionary of an exported column. */
uint64_t flow_words_serial(const struct ArrowArray *dictionary);
/* One share less; the last one frees it. NULL is fine. */
void flow_words_copy_release(struct flow_words_copy *copy);

/*
 * Moves the memory of the columns into an array. When it fails the table has all of it still;
 * false then: out of memory.
 */
bool flow_export_table(struct flow_table *table, struct ArrowArray *out);

#endif
