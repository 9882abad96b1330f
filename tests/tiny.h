/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine with small limits: memory comes in steps of four pages of records, the client hash has two shards that begin with two buckets, the log's ring holds 128 KiB and its segments
 * not much more, snapshots are collected four leases at a time. What otherwise happens once in a million calls - growth, a full ring, the end of a segment - happens all the time.
 *
 * CMakeLists.txt puts this file in front of every source of the engine, and of the tests that run on it: these open their engines with such a ring whatever they ask for.
 */
#ifndef TINY_H
#define TINY_H

#define LSR_ARENA_STEP_BYTES     ((size_t)16 << 10)
#define LSR_HASH_SHARDS          2u
#define LSR_HASH_FIRST_BUCKETS   2u
#define LSR_SHADOWS              64
#define LSR_CHUNK                4u
#define LSR_COLLECT_LEASES       4u
#define LSR_SNAPSHOT_CHUNK_BYTES ((size_t)128 << 10)
#define LSR_PREPARE_STEP_BYTES   ((size_t)64 << 10)
#define LSR_SEGMENT_FIRST_BYTES  ((uint64_t)128 << 10)
#define LSR_FRAME_PAYLOAD_MAX    ((uint32_t)(64u << 10) - 64u)
#define LSR_RING_MIN_BYTES       (UINT64_C(128) << 10)
#define LSR_INDEX_STEP_BYTES     64u
#define LSR_INDEX_LEAF_BYTES     192u
#define LSR_INDEX_INNER_MAX      8u
#define LSR_INDEX_SPARE          3u
#define LSR_SEARCH6_LOOKS        128u

#endif

/* For the tests; they include it once more, with TINY_TEST. */
#if defined(TINY_TEST) && !defined(TINY_OPEN)
#define TINY_OPEN

#include <lessor/engine.h>

lessor_status_t tiny_open(const char *directory, const lessor_options_t *options, lessor_engine_t **engine,
			  lessor_report_t *report);
#define lessor_open tiny_open

/* Run a test's main() once; with LESSOR_TEST_SECONDS again and again, each time in a new process, until that time is over or one fails. */
int tiny_repeat(int (*test)(void));

#endif
