/* SPDX-License-Identifier: Apache-2.0 */
/* All of lease6_test.c, on an engine with small limits: see tiny.h. */
#define TINY_TEST
#include "tiny.h"

static int lease6_main(void);

#define main lease6_main
#include "lease6_test.c"
#undef main

int
main(void) {
	return tiny_repeat(lease6_main);
}
