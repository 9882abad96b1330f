/* SPDX-License-Identifier: Apache-2.0 */
/* All of batch_test.c, on an engine with small limits: see tiny.h. */
#define TINY_TEST
#include "tiny.h"

static int batch_main(void);

#define main batch_main
#include "batch_test.c"
#undef main

int
main(void) {
	return tiny_repeat(batch_main);
}
