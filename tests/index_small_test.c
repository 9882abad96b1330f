/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All of index_test.c, with an index of its own whose leaves hold 14 entries and whose inner nodes 8 children: a few thousand entries make it six levels high.
 */
#define LSR_INDEX_STEP_BYTES 64u
#define LSR_INDEX_LEAF_BYTES 192u
#define LSR_INDEX_INNER_MAX  8u
#define LSR_INDEX_SPARE      3u

#include "lease/index.c"

#include "index_test.c"
