/* SPDX-License-Identifier: Apache-2.0 */
/* A disk for stores in orders of steps. See memory_disk.h. */
#include "memory_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "order.h"
#include "torture.h"

#undef calloc

#define FILES      24u
#define FILE_BYTES ((size_t)192 << 10)
#define FIRST_FILE 100000 /* as a descriptor; real ones are smaller */

/* Behind 'used' all is zero. */
typedef struct {
	char name[48]; /* "": removed */
	unsigned opened;
	size_t used;
	size_t size;
	uint8_t data[FILE_BYTES];
} file_t;

struct memory_image {
	file_t file[FILES];
};

static memory_image_t disk;
static void (*when_renamed)(const char *to);

static file_t *
named(const char *name) {
	for (unsigned i = 0; i < FILES; i++) {
		if (strcmp(disk.file[i].name, name) == 0) {
			return &disk.file[i];
		}
	}
	return NULL;
}

static file_t *
fresh(const char *name) {
	for (unsigned i = 0; i < FILES; i++) {
		file_t *file = &disk.file[i];
		if (file->name[0] == '\0' && file->opened == 0) {
			file->used = file->size = 0;
			(void)snprintf(file->name, sizeof(file->name), "%s", name);
			return file;
		}
	}
	REQUIRE(false); /* more files than a store has */
	return NULL;
}

static file_t *
of(int descriptor) {
	REQUIRE(descriptor >= FIRST_FILE && descriptor < FIRST_FILE + (int)FILES);
	return &disk.file[descriptor - FIRST_FILE];
}

static int
open_file(int directory, const char *name, int flags, mode_t mode) {
	file_t *file = named(name);
	if (strcmp(name, "lessor.lock") == 0) {
		return openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, mode); /* to be locked */
	}
	if (file == NULL && (flags & O_CREAT) == 0) {
		return -ENOENT;
	}
	if (file != NULL && (flags & O_EXCL) != 0) {
		return -EEXIST;
	}
	file = file != NULL ? file : fresh(name);
	if ((flags & O_TRUNC) != 0) {
		file->used = file->size = 0;
	}
	file->opened++;
	return FIRST_FILE + (int)(file - disk.file);
}

static int
close_file(int descriptor) {
	if (descriptor < FIRST_FILE) {
		return close(descriptor);
	}
	of(descriptor)->opened--;
	return 0;
}

static ssize_t
read_file(int descriptor, void *data, size_t size_bytes, uint64_t offset) {
	const file_t *file = of(descriptor);
	if (offset >= file->size) {
		return 0;
	}
	const size_t count = size_bytes < file->size - offset ? size_bytes : file->size - offset;
	const size_t there = offset >= file->used ? 0 : count < file->used - offset ? count : file->used - offset;
	memcpy(data, file->data + offset, there);
	memset((uint8_t *)data + there, 0, count - there);
	return (ssize_t)count;
}

static ssize_t
write_file(int descriptor, const void *data, size_t size_bytes, uint64_t offset) {
	file_t *file = of(descriptor);
	const uint8_t *from = data;
	size_t there = size_bytes;
	while (there > 0 && offset + there > file->used && from[there - 1] == 0) {
		there--;
	}
	if (there > 0) {
		REQUIRE(offset + there <= FILE_BYTES);
		if (offset > file->used) {
			memset(file->data + file->used, 0, offset - file->used);
		}
		memcpy(file->data + offset, from, there);
		file->used = offset + there > file->used ? offset + there : file->used;
	}
	file->size = offset + size_bytes > file->size ? offset + size_bytes : file->size;
	return (ssize_t)size_bytes;
}

static int
sync_nothing(int descriptor) {
	(void)descriptor;
	return 0;
}

static int
allocate_file(int descriptor, uint64_t size_bytes) {
	file_t *file = of(descriptor);
	file->size = size_bytes > file->size ? size_bytes : file->size;
	return 0;
}

static int
truncate_file(int descriptor, uint64_t size_bytes) {
	file_t *file = of(descriptor);
	file->size = size_bytes;
	file->used = file->used < size_bytes ? file->used : size_bytes;
	return 0;
}

static int
unlink_file(int directory, const char *name) {
	file_t *file = named(name);
	(void)directory;
	if (file == NULL) {
		return -ENOENT;
	}
	file->name[0] = '\0';
	return 0;
}

static int
rename_file(int directory, const char *from, const char *to) {
	file_t *file = named(from);
	if (file == NULL) {
		return -ENOENT;
	}
	(void)unlink_file(directory, to);
	(void)snprintf(file->name, sizeof(file->name), "%s", to);
	if (when_renamed != NULL) {
		when_renamed(to);
	}
	return 0;
}

static int64_t
size_of_file(int descriptor) {
	return (int64_t)of(descriptor)->size;
}

static int
list_files(int directory, int (*visit)(void *context, const char *name), void *context) {
	int result = 0;
	(void)directory;
	for (unsigned i = 0; i < FILES && result == 0; i++) {
		if (disk.file[i].name[0] != '\0') {
			result = visit(context, disk.file[i].name);
		}
	}
	return result;
}

static const lsr_io_ops_t memory_ops = {.open = open_file,
					.close = close_file,
					.pread = read_file,
					.pwrite = write_file,
					.datasync = sync_nothing,
					.sync_directory = sync_nothing,
					.allocate = allocate_file,
					.truncate = truncate_file,
					.rename = rename_file,
					.unlink = unlink_file,
					.size = size_of_file,
					.list = list_files};

static void
copy(memory_image_t *to, const memory_image_t *from) {
	for (unsigned i = 0; i < FILES; i++) {
		memcpy(&to->file[i], &from->file[i], offsetof(file_t, data) + from->file[i].used);
		to->file[i].opened = 0;
	}
}

void
memory_disk_use(void (*renamed)(const char *to)) {
	for (unsigned i = 0; i < FILES; i++) {
		disk.file[i].name[0] = '\0';
		disk.file[i].opened = 0;
	}
	when_renamed = renamed;
	lsr_io = &memory_ops;
}

void
memory_disk_keep(memory_image_t **image) {
	if (*image == NULL) {
		*image = calloc(1, sizeof(**image));
		REQUIRE(*image != NULL);
	}
	copy(*image, &disk);
}

void
memory_disk_load(const memory_image_t *image) {
	copy(&disk, image);
}
