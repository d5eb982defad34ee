/* SPDX-License-Identifier: Apache-2.0 */
/* What the headers promise of records and decisions, for the targets that have some. */
#ifndef FLOW_TESTS_FUZZ_CHECK_H
#define FLOW_TESTS_FUZZ_CHECK_H

#include "libflow/classifier.h"

/* A fingerprint of all that was read of a record; every byte it points to is looked at. */
uint64_t fuzz_hash_record(uint64_t hash, const struct flow_record *record);

/* What flow_classifier_run has written into a flow makes sense by itself. */
void fuzz_check_judged(const struct flow_record *record);

/* So does a decision. */
void fuzz_check_decision(const struct flow_decision *decision);

#endif
