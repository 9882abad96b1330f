/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one door to the file system. Everything the engine reads or writes passes through the table 'lsr_io', so that a test can put
 * a simulated disk, or faults, behind it.
 *
 * All functions return 0 (or a count or descriptor) on success and a negative errno on failure. Names are relative to the
 * store's directory, given as a descriptor.
 */
#ifndef LSR_IO_H
#define LSR_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct lsr_io_ops {
	int (*open)(int directory, const char *name, int flags, mode_t mode);
	int (*close)(int file);
	ssize_t (*pread)(int file, void *data, size_t size_bytes, uint64_t offset);
	ssize_t (*pwrite)(int file, const void *data, size_t size_bytes, uint64_t offset);
	int (*datasync)(int file); /* contents and size */
	int (*sync_directory)(int directory);
	int (*allocate)(
		int file,
		uint64_t
			size_bytes); /* room on disk for the first size_bytes, contents zero; -EOPNOTSUPP or -ENOSYS: cannot */
	int (*truncate)(int file, uint64_t size_bytes);
	int (*rename)(int directory, const char *from, const char *to);
	int (*unlink)(int directory, const char *name);
	int64_t (*size)(int file);
	/* Calls 'visit' for every name, in any order, until it answers something else than 0; answers that. */
	int (*list)(int directory, int (*visit)(void *context, const char *name), void *context);
} lsr_io_ops_t;

/* The table in use. Set by tests before the first engine is opened; read-only afterwards. */
extern const lsr_io_ops_t *lsr_io;

/* The real file system. */
extern const lsr_io_ops_t lsr_io_system;

/* Read or write all of it: short transfers are continued, interrupted ones repeated. read_all: -ENODATA at a premature end. */
int lsr_io_read_all(int file, void *data, size_t size_bytes, uint64_t offset);
int lsr_io_write_all(int file, const void *data, size_t size_bytes, uint64_t offset);

/* The names in a directory that begin with 'prefix', sorted; *names is one malloc'ed block of *count pointers and their texts. */
int lsr_io_list(int directory, const char *prefix, char ***names, size_t *count);

#endif
