/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory for one test, and a disk in front of the real one that can be told to fail, to hesitate or to be full.
 *
 * lsr_disk_use() puts it behind lsr_io; switches are atomics, because the log's own threads come through here.
 */
#ifndef LESSOR_TEST_DISK_H
#define LESSOR_TEST_DISK_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "log/format.h"

/* ---- directories --------------------------------------------------------------------------------------------------- */

/* Make a directory below TMPDIR and open it; its path goes into path[256]. -1: impossible. */
static inline int
lsr_directory_make(char path[256], const char *noun) {
	const char *base = getenv("TMPDIR");
	(void)snprintf(path, 256, "%s/%s-XXXXXX", base != NULL ? base : "/tmp", noun);
	return mkdtemp(path) != NULL ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* Remove the files of a directory whose names begin with 'prefix'. */
static inline void
lsr_directory_empty(int directory, const char *prefix) {
	char **names = NULL;
	size_t count = 0;
	if (lsr_io_list(directory, prefix, &names, &count) == 0) {
		for (size_t i = 0; i < count; i++) {
			(void)unlinkat(directory, names[i], 0);
		}
		free(names);
	}
}

static inline void
lsr_directory_remove(int directory, const char *path) {
	lsr_directory_empty(directory, "");
	(void)close(directory);
	(void)rmdir(path);
}

static inline size_t
lsr_directory_count(int directory, const char *prefix) {
	char **names = NULL;
	size_t count = 0;
	if (lsr_io_list(directory, prefix, &names, &count) != 0) {
		return SIZE_MAX;
	}
	free(names);
	return count;
}

/* ---- the disk ------------------------------------------------------------------------------------------------------- */

/* Operations that can be told to fail. */
typedef enum lsr_fault {
	LSR_FAULT_NONE,
	LSR_FAULT_OPEN,
	LSR_FAULT_WRITE,
	LSR_FAULT_FRAME, /* a write of a log frame */
	LSR_FAULT_DATASYNC,
	LSR_FAULT_SYNC_DIRECTORY,
	LSR_FAULT_ALLOCATE,
	LSR_FAULT_TRUNCATE,
	LSR_FAULT_RENAME
} lsr_fault_t;

typedef struct lsr_disk {
	atomic_int kind;       /* lsr_fault_t */
	atomic_int countdown;  /* this many of that kind go well first; then all fail */
	atomic_int error;      /* a positive errno */
	atomic_int frames;     /* writes of frames, failed ones too */
	atomic_bool hesitates; /* EINTR and short writes */
	atomic_uint calls;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool held;    /* 'lock': writes of frames stand still */
	bool waiting; /* 'lock': one does */
} lsr_disk_t;

static lsr_disk_t lsr_disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* 0, or the negative errno that this operation is to answer. */
static inline int
lsr_disk_fault(lsr_fault_t kind) {
	if (atomic_load(&lsr_disk.kind) != (int)kind || atomic_fetch_sub(&lsr_disk.countdown, 1) > 0) {
		return 0;
	}
	atomic_store(&lsr_disk.countdown, 0);
	return -atomic_load(&lsr_disk.error);
}

/* From the operation after 'countdown' more of them on, answer 'error'. */
static inline void
lsr_disk_fail(lsr_fault_t kind, int countdown, int error) {
	atomic_store(&lsr_disk.kind, LSR_FAULT_NONE);
	atomic_store(&lsr_disk.countdown, countdown);
	atomic_store(&lsr_disk.error, error);
	atomic_store(&lsr_disk.kind, (int)kind);
}

static inline void
lsr_disk_heal(void) {
	lsr_disk_fail(LSR_FAULT_NONE, 0, 0);
}

static inline void
lsr_disk_hold(void) {
	(void)pthread_mutex_lock(&lsr_disk.lock);
	lsr_disk.held = true;
	(void)pthread_mutex_unlock(&lsr_disk.lock);
}

static inline void
lsr_disk_release(void) {
	(void)pthread_mutex_lock(&lsr_disk.lock);
	lsr_disk.held = false;
	(void)pthread_cond_broadcast(&lsr_disk.changed);
	(void)pthread_mutex_unlock(&lsr_disk.lock);
}

/* Until a write of a frame stands before the held disk. */
static inline void
lsr_disk_await_writer(void) {
	(void)pthread_mutex_lock(&lsr_disk.lock);
	while (!lsr_disk.waiting) {
		(void)pthread_cond_wait(&lsr_disk.changed, &lsr_disk.lock);
	}
	(void)pthread_mutex_unlock(&lsr_disk.lock);
}

static inline void
lsr_disk_pass(void) {
	(void)pthread_mutex_lock(&lsr_disk.lock);
	lsr_disk.waiting = lsr_disk.held;
	(void)pthread_cond_broadcast(&lsr_disk.changed);
	while (lsr_disk.held) {
		(void)pthread_cond_wait(&lsr_disk.changed, &lsr_disk.lock);
	}
	lsr_disk.waiting = false;
	(void)pthread_mutex_unlock(&lsr_disk.lock);
}

static inline ssize_t
lsr_disk_pwrite(int file, const void *data, size_t size_bytes, uint64_t offset) {
	uint32_t magic = 0;
	if (size_bytes >= sizeof(magic)) {
		memcpy(&magic, data, sizeof(magic));
	}
	int result = lsr_disk_fault(LSR_FAULT_WRITE);
	if (magic == LSR_FRAME_MAGIC) {
		atomic_fetch_add(&lsr_disk.frames, 1);
		lsr_disk_pass();
		result = result != 0 ? result : lsr_disk_fault(LSR_FAULT_FRAME);
	}
	if (result != 0) {
		return result;
	}
	if (atomic_load(&lsr_disk.hesitates)) {
		if (atomic_fetch_add(&lsr_disk.calls, 1) % 3 == 0) {
			return -EINTR;
		}
		if (size_bytes > LSR_BLOCK_BYTES) {
			size_bytes = size_bytes / 2 / LSR_BLOCK_BYTES * LSR_BLOCK_BYTES;
			size_bytes = size_bytes == 0 ? LSR_BLOCK_BYTES : size_bytes;
		}
	}
	return lsr_io_system.pwrite(file, data, size_bytes, offset);
}

static inline int
lsr_disk_open(int directory, const char *name, int flags, mode_t mode) {
	const int result = (flags & O_CREAT) != 0 ? lsr_disk_fault(LSR_FAULT_OPEN) : 0;
	return result != 0 ? result : lsr_io_system.open(directory, name, flags, mode);
}

static inline int
lsr_disk_datasync(int file) {
	const int result = lsr_disk_fault(LSR_FAULT_DATASYNC);
	return result != 0 ? result : lsr_io_system.datasync(file);
}

static inline int
lsr_disk_sync_directory(int directory) {
	const int result = lsr_disk_fault(LSR_FAULT_SYNC_DIRECTORY);
	return result != 0 ? result : lsr_io_system.sync_directory(directory);
}

static inline int
lsr_disk_allocate(int file, uint64_t size_bytes) {
	const int result = lsr_disk_fault(LSR_FAULT_ALLOCATE);
	return result != 0 ? result : lsr_io_system.allocate(file, size_bytes);
}

static inline int
lsr_disk_truncate(int file, uint64_t size_bytes) {
	const int result = lsr_disk_fault(LSR_FAULT_TRUNCATE);
	return result != 0 ? result : lsr_io_system.truncate(file, size_bytes);
}

static inline int
lsr_disk_rename(int directory, const char *from, const char *to) {
	const int result = lsr_disk_fault(LSR_FAULT_RENAME);
	return result != 0 ? result : lsr_io_system.rename(directory, from, to);
}

/* Put the disk behind lsr_io, in good health. Not while a log is open. */
static inline void
lsr_disk_use(void) {
	static lsr_io_ops_t ops;
	ops = lsr_io_system;
	ops.open = lsr_disk_open;
	ops.pwrite = lsr_disk_pwrite;
	ops.datasync = lsr_disk_datasync;
	ops.sync_directory = lsr_disk_sync_directory;
	ops.allocate = lsr_disk_allocate;
	ops.truncate = lsr_disk_truncate;
	ops.rename = lsr_disk_rename;
	lsr_disk_heal();
	lsr_disk_release();
	atomic_store(&lsr_disk.frames, 0);
	atomic_store(&lsr_disk.hesitates, false);
	lsr_io = &ops;
}

#endif
