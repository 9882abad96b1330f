/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link-layer filters: lists of hardware addresses that a server answers, or does not.
 *
 * The engine keeps the two lists and tells how an address stands to them; it does not refuse leases by them. An entry is a
 * hardware type and either a whole address or the beginning of addresses (a wildcard). All changes here are logged, ticketed and durable like leases.
 * Source: MS-DHCPM 3.2.4.83 to 3.2.4.87; MS-DHCPE 1.4.
 */
#ifndef LESSOR_FILTER_H
#define LESSOR_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/engine.h>
#include <lessor/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LESSOR_FILTER_COMMENT_MAX_BYTES 381u /* UTF-8 without the final NUL: 127 UTF-16 units */
#define LESSOR_FILTER_PATTERN_MAX_BYTES 6u
#define LESSOR_FILTERS_MAX              1048576u

typedef enum lessor_filter_list { LESSOR_FILTER_DENY = 0, LESSOR_FILTER_ALLOW = 1 } lessor_filter_list_t;

typedef struct lessor_filter {
	uint8_t hardware_type; /* 1 Ethernet */
	bool is_wildcard;      /* pattern is the beginning; otherwise the whole address */
	uint8_t pattern_bytes; /* Ethernet: 6, as a wildcard 1 to 5. Other types: 0, as a wildcard, on the allow list ("this type is exempt") */
	uint8_t pattern[LESSOR_FILTER_PATTERN_MAX_BYTES];
	lessor_filter_list_t list;
	const char *comment; /* UTF-8 or NULL */
} lessor_filter_t;

/*
 * Add an entry. A pattern stands in one list at most. replace: put it into this list with this comment, whatever was there.
 * Returns: LESSOR_OK; LESSOR_EXISTS (not with replace); LESSOR_INVALID; LESSOR_LIMIT (LESSOR_FILTERS_MAX); and the failures every change has.
 */
lessor_status_t lessor_filter_add(lessor_engine_t *engine, const lessor_filter_t *filter, bool replace,
				  lessor_mode_t mode, lessor_ticket_t *ticket);

/* Remove an entry; list and comment are not looked at. LESSOR_OK; LESSOR_NOT_FOUND; LESSOR_INVALID; and the failures every change has. */
lessor_status_t lessor_filter_remove(lessor_engine_t *engine, const lessor_filter_t *filter, lessor_mode_t mode,
				     lessor_ticket_t *ticket);

/* Whether a server is to obey the lists: kept, not interpreted. Both false at first. */
lessor_status_t lessor_filter_set_enforcement(lessor_engine_t *engine, bool allow, bool deny, lessor_mode_t mode,
					      lessor_ticket_t *ticket);
lessor_status_t lessor_filter_enforcement(lessor_engine_t *engine, bool *allow, bool *deny);

/*
 * The entry at place *position of a list (0 first), ascending by hardware type, pattern, then length; *position becomes the next one's.
 * Requires:  buffer receives the comment: LESSOR_FILTER_COMMENT_MAX_BYTES + 1 suffice; it may be NULL with size 0 if the comment is not wanted (NULL then).
 * Returns:   LESSOR_OK; LESSOR_END; LESSOR_BUFFER_TOO_SMALL; LESSOR_INVALID; LESSOR_FORKED.
 */
lessor_status_t lessor_filter_next(lessor_engine_t *engine, lessor_filter_list_t list, uint32_t *position,
				   lessor_filter_t *filter, void *buffer, size_t buffer_bytes);

/* How a hardware address stands to the lists. The longest entry that fits decides: one for the whole address before every wildcard, a longer wildcard before a shorter one. */
typedef enum lessor_filter_match {
	LESSOR_FILTER_NO_MATCH = 0x01,
	LESSOR_FILTER_ALLOWED = 0x02,
	LESSOR_FILTER_DENIED = 0x04,
	LESSOR_FILTER_ALLOWED_BY_WILDCARD = 0x08,
	LESSOR_FILTER_DENIED_BY_WILDCARD = 0x10
} lessor_filter_match_t;

/*
 * Any address may be asked for, of any length. Returns: LESSOR_OK; LESSOR_INVALID; LESSOR_FORKED.
 * Progress: wait-free against writers. Cost: nothing to speak of without filters; with them, a look-up for each length that there are entries of.
 */
lessor_status_t lessor_filter_match(lessor_engine_t *engine, uint8_t hardware_type, const uint8_t *hardware,
				    size_t hardware_bytes, lessor_filter_match_t *match);

#ifdef __cplusplus
}
#endif

#endif
