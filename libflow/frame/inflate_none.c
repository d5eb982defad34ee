/* SPDX-License-Identifier: Apache-2.0 */
/* Without ISA-L (the option isal) gzip is zlib's. */
#include "frame/inflate.h"

const struct flow_inflater *const flow_inflater_best = &flow_inflater_zlib;
