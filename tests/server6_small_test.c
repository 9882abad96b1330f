/* SPDX-License-Identifier: Apache-2.0 */
/* All of server6_test.c, on an engine with small limits: see tiny.h. */
#define TINY_TEST
#include "tiny.h"

static int server_main(void);

#define main server_main
#include "server6_test.c"
#undef main

int
main(void) {
	return tiny_repeat(server_main);
}
