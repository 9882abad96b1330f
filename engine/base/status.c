/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of statuses, and the small things that have no better home: version, pauses. */
#include <lessor/status.h>
#include <lessor/version.h>

#include "base/base.h"

#include <sched.h>

typedef struct {
	lessor_status_t status;
	const char *name;
	const char *text;
} lsr_status_row_t;

#define ROW(status, text)                                                                                              \
	{ status, #status, text }

static const lsr_status_row_t rows[] = {
	ROW(LESSOR_OK, "done"),
	ROW(LESSOR_INVALID, "an argument is invalid"),
	ROW(LESSOR_CLOSED, "the engine is being closed"),
	ROW(LESSOR_FORKED, "the engine belongs to the parent process"),
	ROW(LESSOR_READ_ONLY, "the engine was opened read-only"),
	ROW(LESSOR_BUFFER_TOO_SMALL, "the answer does not fit the buffer"),
	ROW(LESSOR_NO_SCOPE, "no scope owns this address"),
	ROW(LESSOR_SCOPE_EXISTS, "the scope overlaps one that exists"),
	ROW(LESSOR_SCOPE_NOT_EMPTY, "the scope still holds leases"),
	ROW(LESSOR_ADDRESS_TAKEN, "a lease with this address exists"),
	ROW(LESSOR_CLIENT_TAKEN, "this client already has a lease in this scope"),
	ROW(LESSOR_NOT_FOUND, "there is no such thing in the store"),
	ROW(LESSOR_OTHER_CLIENT, "the lease belongs to another client"),
	ROW(LESSOR_END, "there is nothing more"),
	ROW(LESSOR_EXHAUSTED, "no address of the scope's pool is free"),
	ROW(LESSOR_RESERVED, "a reservation stands against it"),
	ROW(LESSOR_OUTSIDE, "it is not inside the scope's subnet"),
	ROW(LESSOR_EXISTS, "exactly this is there already"),
	ROW(LESSOR_CONFLICT, "it does not go together with what is there"),
	ROW(LESSOR_MEMBER, "the scope is in a superscope already"),
	ROW(LESSOR_QUOTA, "the scope, or a key of the lease, has as many leases as it may"),
	ROW(LESSOR_NOT_RETAINED, "the log does not reach back so far any more"),
	ROW(LESSOR_NO_MEMORY, "memory is exhausted"),
	ROW(LESSOR_DISK_FULL, "the disk has no room for this change"),
	ROW(LESSOR_LOG_FAILED, "a write to the log failed; the engine only reads until it is opened again"),
	ROW(LESSOR_TIMEOUT, "the time to wait is over"),
	ROW(LESSOR_LOCKED, "the store is in use by another process"),
	ROW(LESSOR_NO_STORE, "there is no store in this directory"),
	ROW(LESSOR_IO, "the operating system refused a file operation"),
	ROW(LESSOR_DAMAGED, "a file of the store is damaged"),
	ROW(LESSOR_UNSUPPORTED, "the store was written by a format version this library does not know"),
	ROW(LESSOR_LIMIT, "a limit of the engine is reached"),
};

static const lsr_status_row_t *
row_of(lessor_status_t status) {
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == status) {
			return &rows[i];
		}
	}
	return NULL;
}

const char *
lessor_status_text(lessor_status_t status) {
	const lsr_status_row_t *row = row_of(status);
	return row != NULL ? row->text : "an unknown status";
}

const char *
lessor_status_name(lessor_status_t status) {
	const lsr_status_row_t *row = row_of(status);
	return row != NULL ? row->name : "LESSOR_UNKNOWN";
}

const char *
lessor_version(void) {
	return LESSOR_VERSION;
}

/* About a microsecond of pauses before the processor is offered to somebody else. */
#define LSR_RELAX_PAUSES 32

void
lsr_relax(unsigned *round) {
	if (++*round < LSR_RELAX_PAUSES) {
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#elif defined(__aarch64__)
		__asm__ volatile("yield" ::: "memory");
#endif
		return;
	}
	(void)sched_yield();
}
