/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A story: random calls of several logical writers on one store, made by one thread, and what the engine showed after each.
 *
 * Everything the native API can change is in it: leases of both families one by one and in batches, allocated or not, expiry, scopes of both families with their ranges and
 * exclusions, reservations, superscopes, filters, limits, snapshots. So the state at any place of the log is known: that is the model a store is compared with which
 * was opened again. (That the engine shows the right thing after each call is what engine_random_test and lease6_random_test are about.)
 */
#ifndef STORY_H
#define STORY_H

#include <stdbool.h>
#include <stddef.h>

#include <lessor/lessor.h>

#include "torture.h"
#include "view.h"

#define STORY_WRITERS 4u

typedef struct story_step {
	view_t view;           /* behind it */
	lessor_ticket_t floor; /* its records in the log lie behind this */
	lessor_ticket_t roof;  /* and not behind this */
	const char *what;
} story_step_t;

typedef struct story {
	torture_random_t random;
	lessor_engine_t *engine;
	story_step_t *steps; /* the first: how it was in the beginning */
	size_t count;
	lessor_ticket_t ticket[STORY_WRITERS]; /* of each writer's last change */
	uint64_t calls;
	uint64_t changes;
	void (*around)(
		bool begins); /* NULL, or called before and after each call, on either side of what the story itself does */
	const char *what;     /* the newest call */
} story_t;

/* With nothing told yet. */
void story_init(story_t *story, torture_random_t random);
void story_free(story_t *story);

/* The story goes on with this engine, which has just been opened; it must show a state of the story, if there was any. What came behind that has not happened. */
void story_open(story_t *story, lessor_engine_t *engine);

/*
 * One call. A status that only a fault can explain - LESSOR_NO_MEMORY, _DISK_FULL, _LOG_FAILED, _IO - is returned, and is what is required of it: a call that was refused
 * has changed nothing. Anything else is LESSOR_OK. 'leases_only': one that takes none of the engine's locks.
 */
lessor_status_t story_tell(story_t *story, bool leases_only);

/* The same, of one kind: 0 to story_kinds() - 1. */
lessor_status_t story_tell_kind(story_t *story, size_t kind);
size_t story_kinds(void);

/* The same, and as much in the log as one call puts there: a few of these, and the log goes on in another segment. */
lessor_status_t story_fill(story_t *story);

/* Let one of the writers wait until what it did last is durable. */
lessor_status_t story_wait(story_t *story);

/* Is this what a store shows whose log ends at 'end'? If not, standard error says what differs. */
bool story_matches(const story_t *story, const view_t *view, lessor_ticket_t end);

#endif
