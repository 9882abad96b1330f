/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probes for bpftrace, perf and SystemTap (USDT, provider "lessor"): docs/probes.md says what each argument is. A probe is a nop and a note beside the code; its
 * arguments are read only when somebody is attached, but have to be somewhere until then: give it what is at hand, and compute nothing.
 */
#ifndef LSR_PROBE_H
#define LSR_PROBE_H

#ifdef LSR_HAS_PROBES

#include <sys/sdt.h>

#define LSR_PROBE_CREATE(family, high, low, lsn)      STAP_PROBE4(lessor, create, family, high, low, lsn)
#define LSR_PROBE_CONFLICT(family, high, low, status) STAP_PROBE4(lessor, conflict, family, high, low, status)
#define LSR_PROBE_FLUSH_BEGIN(bytes)                  STAP_PROBE1(lessor, flush_begin, bytes)
#define LSR_PROBE_FLUSH_END(bytes, result)            STAP_PROBE2(lessor, flush_end, bytes, result)
#define LSR_PROBE_SNAPSHOT_BEGIN(tail)                STAP_PROBE1(lessor, snapshot_begin, tail)
#define LSR_PROBE_SNAPSHOT_END(status, leases, bytes) STAP_PROBE3(lessor, snapshot_end, status, leases, bytes)
#define LSR_PROBE_RECOVERY_BEGIN(read_only)           STAP_PROBE1(lessor, recovery_begin, read_only)
#define LSR_PROBE_RECOVERY_END(status, leases, log_records)                                                            \
	STAP_PROBE3(lessor, recovery_end, status, leases, log_records)
#define LSR_PROBE_EXPIRE(family, looked, removed) STAP_PROBE3(lessor, expire, family, looked, removed)

#else

#define LSR_PROBE_CREATE(family, high, low, lsn)            ((void)0)
#define LSR_PROBE_CONFLICT(family, high, low, status)       ((void)0)
#define LSR_PROBE_FLUSH_BEGIN(bytes)                        ((void)0)
#define LSR_PROBE_FLUSH_END(bytes, result)                  ((void)0)
#define LSR_PROBE_SNAPSHOT_BEGIN(tail)                      ((void)0)
#define LSR_PROBE_SNAPSHOT_END(status, leases, bytes)       ((void)0)
#define LSR_PROBE_RECOVERY_BEGIN(read_only)                 ((void)0)
#define LSR_PROBE_RECOVERY_END(status, leases, log_records) ((void)0)
#define LSR_PROBE_EXPIRE(family, looked, removed)           ((void)0)

#endif

#endif
