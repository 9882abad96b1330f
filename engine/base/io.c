/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
negative(int result) {
	return result < 0 ? -errno : result;
}

static int
system_open(int directory, const char *name, int flags, mode_t mode) {
	return negative(openat(directory, name, flags | O_CLOEXEC, mode));
}

static int
system_close(int file) {
	return negative(close(file));
}

static ssize_t
system_pread(int file, void *data, size_t size_bytes, uint64_t offset) {
	const ssize_t result = pread(file, data, size_bytes, (off_t)offset);
	return result < 0 ? -errno : result;
}

static ssize_t
system_pwrite(int file, const void *data, size_t size_bytes, uint64_t offset) {
	const ssize_t result = pwrite(file, data, size_bytes, (off_t)offset);
	return result < 0 ? -errno : result;
}

static int
system_datasync(int file) {
	return negative(fdatasync(file));
}

static int
system_sync_directory(int directory) {
	return negative(fsync(directory));
}

/* Not posix_fallocate(): where the file system cannot, that one writes, byte by byte, which direct I/O refuses. */
static int
system_allocate(int file, uint64_t size_bytes) {
	int result;
	do {
		result = negative(fallocate(file, 0, 0, (off_t)size_bytes));
	} while (result == -EINTR);
	return result;
}

static int
system_truncate(int file, uint64_t size_bytes) {
	return negative(ftruncate(file, (off_t)size_bytes));
}

static int
system_rename(int directory, const char *from, const char *to) {
	return negative(renameat(directory, from, directory, to));
}

static int
system_unlink(int directory, const char *name) {
	return negative(unlinkat(directory, name, 0));
}

static int64_t
system_size(int file) {
	struct stat status;
	return fstat(file, &status) != 0 ? -errno : (int64_t)status.st_size;
}

static int
system_list(int directory, int (*visit)(void *context, const char *name), void *context) {
	const int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
	if (stream == NULL) {
		const int error = -errno;
		if (copy >= 0) {
			(void)close(copy);
		}
		return error;
	}
	int result = 0;
	const struct dirent *entry;
	while (result == 0 && (errno = 0, entry = readdir(stream)) != NULL) {
		result = visit(context, entry->d_name);
	}
	if (result == 0 && errno != 0) {
		result = -errno;
	}
	(void)closedir(stream);
	return result;
}

const lsr_io_ops_t lsr_io_system = {
	.open = system_open,
	.close = system_close,
	.pread = system_pread,
	.pwrite = system_pwrite,
	.datasync = system_datasync,
	.sync_directory = system_sync_directory,
	.allocate = system_allocate,
	.truncate = system_truncate,
	.rename = system_rename,
	.unlink = system_unlink,
	.size = system_size,
	.list = system_list,
};

const lsr_io_ops_t *lsr_io = &lsr_io_system;

int
lsr_io_read_all(int file, void *data, size_t size_bytes, uint64_t offset) {
	unsigned char *to = data;
	while (size_bytes > 0) {
		const ssize_t got = lsr_io->pread(file, to, size_bytes, offset);
		if (got == -EINTR) {
			continue;
		}
		if (got <= 0) {
			return got == 0 ? -ENODATA : (int)got;
		}
		to += got;
		offset += (uint64_t)got;
		size_bytes -= (size_t)got;
	}
	return 0;
}

int
lsr_io_write_all(int file, const void *data, size_t size_bytes, uint64_t offset) {
	const unsigned char *from = data;
	while (size_bytes > 0) {
		const ssize_t put = lsr_io->pwrite(file, from, size_bytes, offset);
		if (put == -EINTR) {
			continue;
		}
		if (put <= 0) {
			return put == 0 ? -EIO : (int)put;
		}
		from += put;
		offset += (uint64_t)put;
		size_bytes -= (size_t)put;
	}
	return 0;
}

static int
by_name(const void *a, const void *b) {
	const char *const *left = a;
	const char *const *right = b;
	return strcmp(*left, *right);
}

/* Two passes over an array of fixed-size names keep this simple; a store has some dozen files. */
typedef struct {
	const char *prefix;
	char (*names)[NAME_MAX + 1];
	size_t count;
	size_t capacity;
} lsr_name_list_t;

static int
remember(lsr_name_list_t *list, const char *name) {
	if (list->count == list->capacity) {
		const size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
		void *grown = realloc(list->names, capacity * sizeof(list->names[0]));
		if (grown == NULL) {
			return -ENOMEM;
		}
		list->names = grown;
		list->capacity = capacity;
	}
	(void)snprintf(list->names[list->count++], sizeof(list->names[0]), "%s", name);
	return 0;
}

static int
remember_matching(void *context, const char *name) {
	lsr_name_list_t *list = context;
	return strncmp(name, list->prefix, strlen(list->prefix)) == 0 ? remember(list, name) : 0;
}

int
lsr_io_list(int directory, const char *prefix, char ***names, size_t *count) {
	lsr_name_list_t list = {.prefix = prefix};
	int result = lsr_io->list(directory, remember_matching, &list);
	char **block = NULL;
	if (result == 0) {
		block = malloc(list.count * (sizeof(char *) + sizeof(list.names[0])) + 1);
		result = block == NULL ? -ENOMEM : 0;
	}
	if (result == 0) {
		char *texts = (char *)(block + list.count);
		for (size_t i = 0; i < list.count; i++) {
			block[i] = memcpy(texts + i * sizeof(list.names[0]), list.names[i], sizeof(list.names[0]));
		}
		qsort(block, list.count, sizeof(block[0]), by_name);
		*names = block;
		*count = list.count;
	}
	free(list.names);
	return result;
}
