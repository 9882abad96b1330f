/* SPDX-License-Identifier: Apache-2.0 */
/* Everything of the native API. The Windows names are in <lessor/dhcpsapi.h>. */
#ifndef LESSOR_LESSOR_H
#define LESSOR_LESSOR_H

#include <lessor/engine.h>
#include <lessor/expire.h>
#include <lessor/filter.h>
#include <lessor/lease.h>
#include <lessor/lease6.h>
#include <lessor/limit.h>
#include <lessor/reservation.h>
#include <lessor/salvage.h>
#include <lessor/scope.h>
#include <lessor/scope6.h>
#include <lessor/server.h>
#include <lessor/stats.h>
#include <lessor/status.h>
#include <lessor/stream.h>
#include <lessor/superscope.h>
#include <lessor/time.h>
#include <lessor/version.h>

#endif
