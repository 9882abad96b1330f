/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lease files say of IPv6 leases beyond what the store has members for, kept in the comment: words with a blank between,
 * "kea-pool-id=3 kea-hwaddr-source=2 kea-state=4 ia-ta odhcpd-interface=lan". What is zero or false is not said.
 */
#ifndef LESSOR_TOOLS_LEASE6_NOTES_H
#define LESSOR_TOOLS_LEASE6_NOTES_H

#include "format.h"

enum { LEASE6_INTERFACE_MAX_BYTES = 64, LEASE6_NOTES_BYTES = 256 };

typedef struct lease6_notes {
	uint32_t pool_id;
	uint32_t hardware_source;
	bool registered; /* Kea's state 4 */
	bool temporary;  /* IA_TA */
	piece_t interface;
} lease6_notes_t;

/* A comment, NULL if there is nothing to say. The interface has neither blanks nor NUL, and is not too long. */
const char *lease6_notes_put(const lease6_notes_t *notes, char text[LEASE6_NOTES_BYTES]);

/* What the comment says, and whether that is all of it: for a comment of somebody else's there are no notes, and false. */
bool lease6_notes_parse(const char *comment, lease6_notes_t *notes);

/* The same, for a writer that has a place for some of it: a loss stays if something is said that 'writable' does not say. */
void lease6_notes_settle(const lessor_lease6_t *lease, const lease6_notes_t *writable, uint32_t *losses);

#endif
