/* SPDX-License-Identifier: Apache-2.0 */
/* All of allocate_test.c, on an engine with small limits: see tiny.h. */
#define TINY_TEST
#include "tiny.h"

static int allocate_main(void);

#define main allocate_main
#include "allocate_test.c"
#undef main

int
main(void) {
	return tiny_repeat(allocate_main);
}
