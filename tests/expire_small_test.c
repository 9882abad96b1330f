/* SPDX-License-Identifier: Apache-2.0 */
/* All of expire_test.c, on an engine with small limits: see tiny.h. */
#define TINY_TEST
#include "tiny.h"

static int expire_main(void);

#define main expire_main
#include "expire_test.c"
#undef main

int
main(void) {
	return tiny_repeat(expire_main);
}
