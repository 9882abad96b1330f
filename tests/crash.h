/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stories on the simulated disk, and every operation on it as a point at which the power fails.
 *
 * Each story begins on what another one left when it crashed; so opening, recovering and closing are parts of stories, and crash points like the rest. At each point several
 * images of what may be left are opened again and compared with the story.
 */
#ifndef CRASH_H
#define CRASH_H

#include <stdint.h>

typedef struct crash_figures {
	uint64_t stories;
	uint64_t calls;
	uint64_t changes;
	uint64_t points; /* operations in whose middle the power failed */
	uint64_t opens;  /* images that were opened and compared */
	uint64_t again;  /* of the points, those during the recovery from another one */
} crash_figures_t;

/* What is in a story besides calls: a bit of everything, or always the same. */
typedef enum crash_focus { CRASH_ANYTHING, CRASH_FAULTS, CRASH_KILLS, CRASH_NEW_STORES } crash_focus_t;

/* Until there were 'points' of them, counted as they go. Ends the process, by abort(), if something does not hold. */
void crash_try(uint64_t points, crash_focus_t focus, crash_figures_t *figures);

#endif
