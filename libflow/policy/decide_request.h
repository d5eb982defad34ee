/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules on requests say of one request on a connection that is allowed. */
#ifndef FLOW_POLICY_DECIDE_REQUEST_H
#define FLOW_POLICY_DECIDE_REQUEST_H

#include "policy/decide.h"
#include "policy/request.h"

/*
 * Judges a request. decision is the answer to its connection, an allow whose rules filter requests;
 * it is replaced by the answer to the request. FLOW_OK or FLOW_E_MEMORY.
 */
int flow_decide_request(struct flow_decider *decider, const struct flow_question *question,
                        const struct flow_request *request, struct flow_decision *decision);

#endif
