/* SPDX-License-Identifier: Apache-2.0 */
/* One thing of every other kind that a store can hold, besides IPv4 scopes and leases: what the tests of the format and of damage put into their stores. */
#ifndef LESSOR_TESTS_CONTENTS_H
#define LESSOR_TESTS_CONTENTS_H

#include <stdio.h>

#include <lessor/lessor.h>

#define CONTENTS_CHANGES 22u

/* Make the change of this number, after those before it; durable. It has subnets of its own: 172.16.1.0/24, 172.16.2.0/24, 2001:db8::/64. Ends the process if it is refused. */
void contents_change(lessor_engine_t *engine, unsigned number);

/* All that there is of these kinds, as lines of text. */
void contents_print(FILE *out, lessor_engine_t *engine);

#endif
