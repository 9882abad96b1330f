/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Superscopes: scopes that share a wire.
 *
 * A superscope has a name and a number, which is never used again. A scope belongs to one or to none. It changes nothing about leases: client ids are unique
 * per scope, statistics are counted per scope. A server that finds a scope exhausted may go on with its siblings. A superscope stays, with or without members,
 * until it is deleted. All changes here are logged, ticketed and durable like leases, and exclude other changes of scopes.
 * Source: MS-DHCPM 3.1.4.37 to 3.1.4.39.
 */
#ifndef LESSOR_SUPERSCOPE_H
#define LESSOR_SUPERSCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LESSOR_SUPERSCOPE_NAME_MAX_BYTES 768u /* UTF-8, without the final NUL */

/*
 * Put a scope into the superscope of this name, which is made if it does not exist; name NULL: take it out of its superscope. Names are compared byte for byte.
 * Returns: LESSOR_OK; LESSOR_NO_SCOPE: no scope has this subnet address; LESSOR_MEMBER: it is in a superscope already, this one or another, and 'move'
 *          is false (not with name NULL); LESSOR_INVALID (name empty, too long, not UTF-8); LESSOR_LIMIT (numbers used up); and the failures every change has.
 */
lessor_status_t lessor_superscope_join(lessor_engine_t *engine, uint32_t subnet, const char *name, bool move,
				       lessor_mode_t mode, lessor_ticket_t *ticket);

/* Delete a superscope; its scopes stay, in none. LESSOR_OK; LESSOR_NOT_FOUND; LESSOR_INVALID; and the failures every change has. */
lessor_status_t lessor_superscope_delete(lessor_engine_t *engine, const char *name, lessor_mode_t mode,
					 lessor_ticket_t *ticket);

/*
 * The superscope that a scope belongs to. *number 0 and name "": none.
 * Requires:  name has room for name_bytes; LESSOR_SUPERSCOPE_NAME_MAX_BYTES + 1 suffice; it may be NULL with 0 bytes if it is not wanted.
 * Returns:   LESSOR_OK; LESSOR_NO_SCOPE; LESSOR_BUFFER_TOO_SMALL; LESSOR_INVALID; LESSOR_FORKED. Progress: wait-free against writers.
 */
lessor_status_t lessor_superscope_of(lessor_engine_t *engine, uint32_t subnet, uint32_t *number, char *name,
				     size_t name_bytes);

/* The superscope with the smallest number that is not below *number, which becomes that number. LESSOR_END: there is none. Otherwise as lessor_superscope_of(). */
lessor_status_t lessor_superscope_next(lessor_engine_t *engine, uint32_t *number, char *name, size_t name_bytes);

#ifdef __cplusplus
}
#endif

#endif
