/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated disk, wholly in memory, behind the engine's one door to the file system.
 *
 * It keeps a journal of everything that was asked of it. From the journal follows, for every operation, what may be left if the power fails in the middle of
 * that operation: of what was not synced anything - all of it, nothing, a part torn at 512 or 4096 bytes, a later piece without an earlier one, garbage in the last
 * sectors - and names that were made, changed or removed without a sync of the directory, each for itself, or not.
 *
 * What a disk promises here: what was written before a sync, and the size of a write with O_DSYNC, stays; a rename is there or not; sizes change in the order in
 * which they were asked for; sectors that nobody wrote to stay as they were. What it does not promise: that a sector that was being written holds the
 * old or the new bytes.
 *
 * One disk, whatever the directory; all calls but those of the engine come from one thread while no engine runs on it, unless said otherwise.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "torture.h"

/* Is this thread inside the disk? What it allocates is the disk's then. */
bool sim_disk_is_busy(void);

/* ---- images: what a disk holds --------------------------------------------------------------------------------------- */

typedef struct sim_image sim_image_t;

void sim_image_free(sim_image_t *image);

/* ---- the disk that runs ---------------------------------------------------------------------------------------------- */

/* Put it behind lsr_io. Not while an engine is open. */
void sim_disk_use(void);

/* From now on it holds this (NULL: nothing), all of it durable; the journal begins anew, faults and observers are gone. */
void sim_disk_load(const sim_image_t *image);

/* How many operations are in the journal: all that change something or sync. */
size_t sim_disk_operations(void);

/* What position to note beside each operation when it begins: what somebody may have been told is durable by then. From any thread. */
void sim_disk_observe(uint64_t (*position)(void));

/* To be called before each operation, by the thread that asks for it; it may use the engine, where the engine's locks allow. */
typedef void (*sim_hook_t)(const char *name, bool is_write);
void sim_disk_hook(sim_hook_t hook);

/*
 * The end comes in the middle of the operation after 'operations' more of them: from then on each answers -EIO. A killed process leaves its last write to the system, which goes on: see
 * sim_disk_come_back(). 'in_frame': the end waits for a write to a segment in use.
 */
void sim_disk_end_after(size_t operations, bool killed, bool in_frame);
bool sim_disk_is_off(void);

/*
 * Switch it on again. If the power had failed, what is left is decided by 'random', and the journal begins anew; after a kill everything is still seen, and still not
 * synced. If neither had happened, nothing happens.
 */
void sim_disk_come_back(torture_random_t *random);

/* ---- faults ---------------------------------------------------------------------------------------------------------- */

typedef enum sim_fault {
	SIM_FAULT_NONE,
	SIM_FAULT_ERROR, /* that operation answers 'error', once */
	SIM_FAULT_STUCK, /* that one and all later ones of its kind */
	/* A write puts half of it in place, then answers 'error'. What is written again there is said to be durable, and is not, until somebody opens the file anew. */
	SIM_FAULT_TORN,
	SIM_FAULT_SHORT /* a write does less than it was asked for, and says so; or is interrupted (EINTR) */
} sim_fault_t;

/* At operation 'at' of the journal. 'error': a positive errno. */
void sim_disk_fault(sim_fault_t fault, size_t at, int error);
/* Did it happen? */
bool sim_disk_faulted(void);
/* And does it go on? */
bool sim_disk_is_full(void);

/* Syncs that are not carried out, although the disk says so; a set. */
enum {
	SIM_LIE_FRAME = 1u << 0,           /* writes to segments in use: O_DSYNC */
	SIM_LIE_PREPARED_WRITE = 1u << 1,  /* writes to prepared segments: O_DSYNC */
	SIM_LIE_PREPARED = 1u << 2,        /* the sync behind these */
	SIM_LIE_READ_SEGMENT = 1u << 3,    /* of segments that recovery has read */
	SIM_LIE_CUT_SEGMENT = 1u << 4,     /* of segments that were cut, by recovery or close */
	SIM_LIE_SNAPSHOT = 1u << 5,        /* of a snapshot's contents */
	SIM_LIE_IDENTITY = 1u << 6,        /* of the identity's contents */
	SIM_LIE_SEGMENT_NAME = 1u << 7,    /* of the directory, behind the rename of a segment */
	SIM_LIE_SNAPSHOT_NAME = 1u << 8,   /* of a snapshot */
	SIM_LIE_IDENTITY_NAME = 1u << 9,   /* of the identity */
	SIM_LIE_RECOVERED_NAMES = 1u << 10 /* behind no rename: recovery's */
};
/* Stays until it is set anew. */
void sim_disk_lie(unsigned lies);

/* ---- crashes --------------------------------------------------------------------------------------------------------- */

/* The state of the disk while one operation of the journal is under way. */
typedef struct sim_crash sim_crash_t;

/* Before the first operation. It takes the journal along: the disk is to be loaded before it is used again. */
sim_crash_t *sim_crash_new(void);
void sim_crash_free(sim_crash_t *crash);

/* Take the next operation under way; behind the last one, once more, none is. False: there are no more. */
bool sim_crash_next(sim_crash_t *crash);

/* What the observer said when it began. */
uint64_t sim_crash_position(const sim_crash_t *crash);
/* What it is, for a message. */
void sim_crash_describe(const sim_crash_t *crash, char *text, size_t text_bytes);

typedef enum sim_fate {
	SIM_FATE_DROP,  /* nothing of what was not synced is left */
	SIM_FATE_KEEP,  /* all */
	SIM_FATE_NAMES, /* names and sizes, but no contents */
	SIM_FATE_CHANCE /* of each thing anything */
} sim_fate_t;

/* What is left if the power fails now. */
sim_image_t *sim_crash_image(const sim_crash_t *crash, sim_fate_t fate, torture_random_t *random);

#endif
