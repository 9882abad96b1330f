/* SPDX-License-Identifier: Apache-2.0 */
/* All of concurrency_test.c, on an engine with small limits: see tiny.h. */
#define TINY_TEST
#include "tiny.h"

static int concurrency_main(void);

#define main concurrency_main
#include "concurrency_test.c"
#undef main

int
main(void) {
	return tiny_repeat(concurrency_main);
}
