/* SPDX-License-Identifier: Apache-2.0 */
/* Read octets as a lease file of some format, look at all that comes out of them, and write it in every format. */
#ifndef LESSOR_TEST_FORMAT_WALK_H
#define LESSOR_TEST_FORMAT_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "../tools/format.h"

typedef struct format_walk {
	uint64_t records;
	uint64_t leases;
	uint64_t fingerprint; /* of everything that the records say */
} format_walk_t;

/* Ends the process if a record breaks what format.h promises. */
format_walk_t format_walk(const format_t *format, const void *octets, size_t bytes);

/* The same with octets as a configuration of Kea. Returns how many scopes it has; 0 if it is refused. */
size_t config_walk(const void *octets, size_t bytes);

#endif
