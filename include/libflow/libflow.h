/* SPDX-License-Identifier: Apache-2.0 */
/* All of libflow. */
#ifndef LIBFLOW_LIBFLOW_H
#define LIBFLOW_LIBFLOW_H

#include "libflow/address.h"
#include "libflow/arrow.h"
#include "libflow/base.h"
#include "libflow/check.h"
#include "libflow/classifier.h"
#include "libflow/doctor.h"
#include "libflow/documents.h"
#include "libflow/filter.h"
#include "libflow/intent.h"
#include "libflow/live.h"
#include "libflow/names.h"
#include "libflow/policy.h"
#include "libflow/reader.h"
#include "libflow/record.h"
#include "libflow/report.h"
#include "libflow/state.h"
#include "libflow/time.h"
#include "libflow/writer.h"

#endif
