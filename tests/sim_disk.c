/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated disk. See sim_disk.h. */
#include "sim_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/io.h"

#define SECTOR_BYTES   512u
#define BLOCK_BYTES    4096u
#define NAME_MAX_BYTES 64
#define OPEN_MAX       256
/* Descriptors of the disk's own, which no system gives out. */
#define FIRST_FILE (1 << 24)

/* ---- contents: arrays of blocks that are shared until one of their owners writes ------------------------------------------ */

typedef struct {
	size_t owners;
	uint8_t bytes[BLOCK_BYTES];
} block_t;

typedef struct {
	uint64_t size_bytes;
	size_t count;
	block_t **blocks; /* NULL: zeros */
} content_t;

static void *
grow(void *memory, size_t count, size_t item_bytes) {
	/* Doubling whenever a power of two is reached. */
	if ((count & (count - 1)) == 0) {
		memory = realloc(memory, (count == 0 ? 1 : 2 * count) * item_bytes);
		REQUIRE(memory != NULL);
	}
	return memory;
}

static void
let_go(block_t *block) {
	if (block != NULL && --block->owners == 0) {
		free(block);
	}
}

static void
content_free(content_t *content) {
	for (size_t i = 0; i < content->count; i++) {
		let_go(content->blocks[i]);
	}
	free(content->blocks);
	*content = (content_t){0};
}

static content_t
content_copy(const content_t *content) {
	content_t copy = {.size_bytes = content->size_bytes, .count = content->count};
	if (copy.count > 0) {
		copy.blocks = malloc(copy.count * sizeof(copy.blocks[0]));
		REQUIRE(copy.blocks != NULL);
		memcpy(copy.blocks, content->blocks, copy.count * sizeof(copy.blocks[0]));
	}
	for (size_t i = 0; i < copy.count; i++) {
		if (copy.blocks[i] != NULL) {
			copy.blocks[i]->owners++;
		}
	}
	return copy;
}

static bool
is_zero(const uint8_t *bytes, size_t size_bytes) {
	return bytes == NULL || size_bytes == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size_bytes - 1) == 0);
}

/* bytes NULL: zeros. Inside one block. */
static void
block_write(block_t **at, const uint8_t *bytes, size_t offset, size_t size_bytes) {
	block_t *old = *at;
	if (is_zero(bytes, size_bytes) && (old == NULL || size_bytes == BLOCK_BYTES)) {
		let_go(old);
		*at = NULL;
		return;
	}
	if (old == NULL || old->owners > 1) {
		block_t *fresh = calloc(1, sizeof(*fresh));
		REQUIRE(fresh != NULL);
		if (old != NULL) {
			memcpy(fresh->bytes, old->bytes, BLOCK_BYTES);
			let_go(old);
		}
		fresh->owners = 1;
		*at = fresh;
	}
	if (bytes != NULL) {
		memcpy((*at)->bytes + offset, bytes, size_bytes);
	} else {
		memset((*at)->bytes + offset, 0, size_bytes);
	}
}

static void
content_resize(content_t *content, uint64_t size_bytes) {
	const size_t count = (size_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
	for (size_t i = count; i < content->count; i++) {
		let_go(content->blocks[i]);
	}
	if (count != content->count) {
		content->blocks = realloc(content->blocks, (count + 1) * sizeof(content->blocks[0]));
		REQUIRE(content->blocks != NULL);
	}
	for (size_t i = content->count; i < count; i++) {
		content->blocks[i] = NULL;
	}
	content->count = count;
	const size_t used_bytes = size_bytes % BLOCK_BYTES;
	if (size_bytes < content->size_bytes && used_bytes != 0) {
		block_write(&content->blocks[count - 1], NULL, used_bytes, BLOCK_BYTES - used_bytes);
	}
	content->size_bytes = size_bytes;
}

static void
content_write(content_t *content, const uint8_t *bytes, uint64_t offset, uint64_t size_bytes) {
	if (offset + size_bytes > content->size_bytes) {
		content_resize(content, offset + size_bytes);
	}
	while (size_bytes > 0) {
		const size_t inside = offset % BLOCK_BYTES;
		const size_t most = BLOCK_BYTES - inside;
		const size_t step = size_bytes < most ? size_bytes : most;
		block_write(&content->blocks[offset / BLOCK_BYTES], bytes, inside, step);
		bytes = bytes != NULL ? bytes + step : NULL;
		offset += step;
		size_bytes -= step;
	}
}

static size_t
content_read(const content_t *content, uint8_t *bytes, uint64_t offset, size_t size_bytes) {
	if (offset >= content->size_bytes) {
		return 0;
	}
	const uint64_t left_bytes = content->size_bytes - offset;
	size_bytes = size_bytes < left_bytes ? size_bytes : left_bytes;
	for (size_t done = 0; done < size_bytes;) {
		const size_t inside = (offset + done) % BLOCK_BYTES;
		const size_t step = size_bytes - done < BLOCK_BYTES - inside ? size_bytes - done : BLOCK_BYTES - inside;
		const block_t *block = content->blocks[(offset + done) / BLOCK_BYTES];
		if (block != NULL) {
			memcpy(bytes + done, block->bytes + inside, step);
		} else {
			memset(bytes + done, 0, step);
		}
		done += step;
	}
	return size_bytes;
}

/* ---- directories ----------------------------------------------------------------------------------------------------------- */

typedef struct {
	char name[NAME_MAX_BYTES];
	size_t inode;
} entry_t;

typedef struct {
	entry_t *entries;
	size_t count;
} directory_t;

#define NO_INODE SIZE_MAX

static size_t
look_up(const directory_t *directory, const char *name) {
	for (size_t i = 0; i < directory->count; i++) {
		if (strcmp(directory->entries[i].name, name) == 0) {
			return directory->entries[i].inode;
		}
	}
	return NO_INODE;
}

static void
drop_name(directory_t *directory, const char *name) {
	for (size_t i = 0; i < directory->count; i++) {
		if (strcmp(directory->entries[i].name, name) == 0) {
			directory->entries[i] = directory->entries[--directory->count];
			return;
		}
	}
}

static void
put_name(directory_t *directory, const char *name, size_t inode) {
	drop_name(directory, name);
	directory->entries = grow(directory->entries, directory->count, sizeof(directory->entries[0]));
	entry_t *entry = &directory->entries[directory->count++];
	(void)snprintf(entry->name, sizeof(entry->name), "%s", name);
	entry->inode = inode;
}

static void
copy_directory(directory_t *to, const directory_t *from) {
	*to = (directory_t){0};
	for (size_t i = 0; i < from->count; i++) {
		put_name(to, from->entries[i].name, from->entries[i].inode);
	}
}

struct sim_image {
	directory_t directory;
	content_t *contents; /* by inode */
	size_t count;
};

void
sim_image_free(sim_image_t *image) {
	if (image == NULL) {
		return;
	}
	for (size_t i = 0; i < image->count; i++) {
		content_free(&image->contents[i]);
	}
	free(image->contents);
	free(image->directory.entries);
	free(image);
}

static sim_image_t *
image_copy(const directory_t *directory, const content_t *contents, size_t count) {
	sim_image_t *image = calloc(1, sizeof(*image));
	REQUIRE(image != NULL);
	copy_directory(&image->directory, directory);
	image->contents = calloc(count + 1, sizeof(image->contents[0]));
	REQUIRE(image->contents != NULL);
	image->count = count;
	for (size_t i = 0; i < directory->count; i++) {
		const size_t inode = directory->entries[i].inode;
		if (image->contents[inode].count == 0) {
			image->contents[inode] = content_copy(&contents[inode]);
		}
	}
	return image;
}

/* ---- the journal ------------------------------------------------------------------------------------------------------------- */

typedef enum { OP_CREATE, OP_WRITE, OP_RESIZE, OP_SYNC, OP_RENAME, OP_UNLINK, OP_SYNC_DIRECTORY } kind_t;

typedef struct {
	kind_t kind;
	bool synced; /* a write with O_DSYNC */
	size_t inode;
	uint64_t offset;
	uint64_t size_bytes;
	uint8_t *bytes; /* NULL: zeros */
	char name[NAME_MAX_BYTES];
	char to[NAME_MAX_BYTES];
	uint64_t position;
} operation_t;

typedef struct {
	bool is_open;
	bool synced;
	size_t inode;
	char name[NAME_MAX_BYTES];
} file_t;

static struct {
	pthread_mutex_t lock;
	sim_image_t *start;
	sim_image_t *seen;
	operation_t *journal;
	size_t operations;
	file_t open[OPEN_MAX];
	_Atomic(uint64_t (*)(void)) position;
	_Atomic(sim_hook_t) hook;
	size_t end_at; /* operation in whose middle the end comes */
	bool off;
	bool killed;
	bool in_frame; /* it waits for a write to a segment in use */
	sim_fault_t fault;
	size_t fault_at;
	kind_t fault_kind;
	int fault_error;
	bool faulted;
	size_t lost_inode; /* what is written there again is lost */
	uint64_t lost_offset;
	unsigned lies;
	char renamed[NAME_MAX_BYTES]; /* since the directory was synced */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .end_at = SIZE_MAX, .lost_inode = NO_INODE};

static _Thread_local bool is_busy;

static void
lock(void) {
	(void)pthread_mutex_lock(&disk.lock);
	is_busy = true;
}

static void
unlock(void) {
	is_busy = false;
	(void)pthread_mutex_unlock(&disk.lock);
}

bool
sim_disk_is_busy(void) {
	return is_busy;
}

static void
forget_journal(void) {
	for (size_t i = 0; i < disk.operations; i++) {
		free(disk.journal[i].bytes);
	}
	free(disk.journal);
	disk.journal = NULL;
	disk.operations = 0;
}

static operation_t *
note(kind_t kind, size_t inode, const char *name) {
	disk.journal = grow(disk.journal, disk.operations, sizeof(disk.journal[0]));
	operation_t *operation = &disk.journal[disk.operations++];
	uint64_t (*position)(void) = atomic_load(&disk.position);
	*operation = (operation_t){.kind = kind, .inode = inode, .position = position != NULL ? position() : 0};
	(void)snprintf(operation->name, sizeof(operation->name), "%s", name);
	return operation;
}

static void
note_write(const file_t *file, const void *bytes, uint64_t offset, uint64_t size_bytes, bool synced) {
	operation_t *operation = note(OP_WRITE, file->inode, file->name);
	operation->synced = synced;
	operation->offset = offset;
	operation->size_bytes = size_bytes;
	if (!is_zero(bytes, size_bytes)) {
		operation->bytes = malloc(size_bytes);
		REQUIRE(operation->bytes != NULL);
		memcpy(operation->bytes, bytes, size_bytes);
	}
}

static bool
begins_with(const char *name, const char *prefix) {
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* ---- failing --------------------------------------------------------------------------------------------------------------------- */

/* One more operation begins. 0: go on; 1: the end comes in its middle; negative: what it answers. */
static int
begin(kind_t kind, bool is_frame) {
	if (disk.off) {
		return -EIO;
	}
	if (disk.operations >= disk.end_at && (is_frame || !disk.in_frame)) {
		disk.off = true;
		return 1;
	}
	const bool now = disk.fault != SIM_FAULT_NONE && !disk.faulted && disk.operations >= disk.fault_at;
	if (now && !(kind != OP_WRITE && (disk.fault == SIM_FAULT_SHORT || disk.fault == SIM_FAULT_TORN))) {
		disk.faulted = true;
		disk.fault_kind = kind;
		return disk.fault == SIM_FAULT_SHORT || disk.fault == SIM_FAULT_TORN ? 2 : -disk.fault_error;
	}
	return disk.fault == SIM_FAULT_STUCK && disk.faulted && disk.fault_kind == kind ? -disk.fault_error : 0;
}

static unsigned
lie_of_write(const char *name) {
	return begins_with(name, "log-") ? SIM_LIE_FRAME : begins_with(name, "next-") ? SIM_LIE_PREPARED_WRITE : 0;
}

static unsigned
lie_of_sync(const file_t *file) {
	const operation_t *last = disk.operations > 0 ? &disk.journal[disk.operations - 1] : NULL;
	const bool is_cut = last != NULL && last->kind == OP_RESIZE && last->inode == file->inode;
	return begins_with(file->name, "log-")           ? (is_cut ? SIM_LIE_CUT_SEGMENT : SIM_LIE_READ_SEGMENT)
	       : begins_with(file->name, "next-")        ? SIM_LIE_PREPARED
	       : begins_with(file->name, "snapshot")     ? SIM_LIE_SNAPSHOT
	       : begins_with(file->name, "lessor.store") ? SIM_LIE_IDENTITY
							 : 0;
}

static unsigned
lie_of_names(void) {
	return begins_with(disk.renamed, "log-")           ? SIM_LIE_SEGMENT_NAME
	       : begins_with(disk.renamed, "snapshot")     ? SIM_LIE_SNAPSHOT_NAME
	       : begins_with(disk.renamed, "lessor.store") ? SIM_LIE_IDENTITY_NAME
							   : SIM_LIE_RECOVERED_NAMES;
}

static void
call_hook(const char *name, bool is_write) {
	const sim_hook_t hook = atomic_load(&disk.hook);
	if (hook != NULL) {
		hook(name, is_write);
	}
}

/* ---- the door ---------------------------------------------------------------------------------------------------------------------- */

static file_t *
file_of(int number) {
	REQUIRE(number >= FIRST_FILE && number < FIRST_FILE + OPEN_MAX && disk.open[number - FIRST_FILE].is_open);
	return &disk.open[number - FIRST_FILE];
}

static int
new_file(size_t inode, const char *name, bool synced) {
	for (int i = 0; i < OPEN_MAX; i++) {
		if (!disk.open[i].is_open) {
			disk.open[i] = (file_t){.is_open = true, .synced = synced, .inode = inode};
			disk.lost_inode = disk.lost_inode == inode ? NO_INODE : disk.lost_inode;
			(void)snprintf(disk.open[i].name, sizeof(disk.open[i].name), "%s", name);
			return FIRST_FILE + i;
		}
	}
	return -EMFILE;
}

static size_t
new_inode(void) {
	sim_image_t *seen = disk.seen;
	seen->contents = realloc(seen->contents, (seen->count + 2) * sizeof(seen->contents[0]));
	REQUIRE(seen->contents != NULL);
	seen->contents[seen->count] = (content_t){0};
	return seen->count++;
}

/* 0, or a negative errno. */
static int
make_or_cut(const char *name, int flags, size_t *inode) {
	const bool makes = *inode == NO_INODE;
	const bool cuts = !makes && (flags & O_TRUNC) != 0 && disk.seen->contents[*inode].size_bytes != 0;
	if (!makes && !cuts) {
		return 0;
	}
	const int result = begin(makes ? OP_CREATE : OP_RESIZE, false);
	if (result < 0 || (result == 1 && disk.killed)) {
		return result < 0 ? result : -EIO;
	}
	if (makes) {
		*inode = new_inode();
		put_name(&disk.seen->directory, name, *inode);
	} else {
		content_resize(&disk.seen->contents[*inode], 0);
	}
	(void)note(makes ? OP_CREATE : OP_RESIZE, *inode, name);
	return result == 0 ? 0 : -EIO;
}

static int
sim_open(int directory, const char *name, int flags, mode_t mode) {
	(void)directory;
	(void)mode;
	call_hook(name, false);
	lock();
	size_t inode = look_up(&disk.seen->directory, name);
	int result = disk.off ? -EIO : inode == NO_INODE && (flags & O_CREAT) == 0 ? -ENOENT : 0;
	result = result == 0 ? make_or_cut(name, flags, &inode) : result;
	if (result == 0) {
		/* What is locked must be known to the system. */
		result = strcmp(name, "lessor.lock") == 0 ? memfd_create(name, MFD_CLOEXEC)
							  : new_file(inode, name, (flags & (O_DSYNC | O_SYNC)) != 0);
	}
	unlock();
	return result;
}

static int
sim_close(int file) {
	if (file < FIRST_FILE) {
		return lsr_io_system.close(file);
	}
	lock();
	file_of(file)->is_open = false;
	unlock();
	return 0;
}

static ssize_t
sim_pread(int file, void *data, size_t size_bytes, uint64_t offset) {
	lock();
	const ssize_t result =
		disk.off ? -EIO
			 : (ssize_t)content_read(&disk.seen->contents[file_of(file)->inode], data, offset, size_bytes);
	unlock();
	return result;
}

/* A write is lost where one has failed before. */
static bool
is_lost(const file_t *file, uint64_t offset) {
	return file->inode == disk.lost_inode && offset == disk.lost_offset;
}

static ssize_t
write_it(const file_t *file, const void *data, size_t size_bytes, uint64_t offset) {
	const int beginning = begin(OP_WRITE, begins_with(file->name, "log-"));
	ssize_t result = (ssize_t)size_bytes;
	if (beginning < 0 || (beginning == 2 && disk.fault == SIM_FAULT_TORN)) {
		/* Some of it may have arrived; the rest is lost, and a system that has said so once does not say it again. */
		disk.lost_inode = disk.off ? disk.lost_inode : file->inode;
		disk.lost_offset = disk.off ? disk.lost_offset : offset;
		result = beginning < 0 ? beginning : -disk.fault_error;
		size_bytes = beginning < 0 ? 0 : size_bytes / 2;
	} else if (beginning == 2) {
		size_bytes = size_bytes > BLOCK_BYTES ? size_bytes / BLOCK_BYTES / 2 * BLOCK_BYTES : 0;
		size_bytes = size_bytes == 0 && result > (ssize_t)BLOCK_BYTES ? BLOCK_BYTES : size_bytes;
		result = size_bytes == 0 ? -EINTR : (ssize_t)size_bytes;
	} else if (beginning == 1) {
		result = -EIO;
	}
	if (size_bytes > 0) {
		if (beginning != 1 || disk.killed) {
			content_write(&disk.seen->contents[file->inode], data, offset, size_bytes);
		}
		note_write(file, data, offset, size_bytes,
			   file->synced && (disk.lies & lie_of_write(file->name)) == 0 && result > 0 &&
				   !is_lost(file, offset));
	}
	return result;
}

static ssize_t
sim_pwrite(int file, const void *data, size_t size_bytes, uint64_t offset) {
	char name[NAME_MAX_BYTES];
	lock();
	(void)snprintf(name, sizeof(name), "%s", file_of(file)->name);
	unlock();
	call_hook(name, true);
	lock();
	const ssize_t result = write_it(file_of(file), data, size_bytes, offset);
	unlock();
	return result;
}

static int
sim_datasync(int file) {
	lock();
	const file_t *what = file_of(file);
	const int result = begin(OP_SYNC, false);
	if (result >= 0 && !(result == 1 && disk.killed) && (disk.lies & lie_of_sync(what)) == 0) {
		(void)note(OP_SYNC, what->inode, what->name);
	}
	unlock();
	return result > 0 ? -EIO : result;
}

static int
sim_sync_directory(int directory) {
	(void)directory;
	lock();
	const int result = begin(OP_SYNC_DIRECTORY, false);
	if (result >= 0 && !(result == 1 && disk.killed) && (disk.lies & lie_of_names()) == 0) {
		(void)note(OP_SYNC_DIRECTORY, 0, ".");
	}
	disk.renamed[0] = '\0';
	unlock();
	return result > 0 ? -EIO : result;
}

static int
set_size(int file, uint64_t size_bytes, bool only_grow) {
	int result = 0;
	lock();
	const file_t *what = file_of(file);
	content_t *content = &disk.seen->contents[what->inode];
	if (!only_grow || size_bytes > content->size_bytes) {
		result = begin(OP_RESIZE, false);
		if (result >= 0 && !(result == 1 && disk.killed)) {
			content_resize(content, size_bytes);
			note(OP_RESIZE, what->inode, what->name)->size_bytes = size_bytes;
		}
	}
	unlock();
	return result > 0 ? -EIO : result;
}

static int
sim_allocate(int file, uint64_t size_bytes) {
	return set_size(file, size_bytes, true);
}

static int
sim_truncate(int file, uint64_t size_bytes) {
	return set_size(file, size_bytes, false);
}

static int
sim_rename(int directory, const char *from, const char *to) {
	(void)directory;
	lock();
	const size_t inode = look_up(&disk.seen->directory, from);
	int result = inode == NO_INODE ? -ENOENT : begin(OP_RENAME, false);
	if (result >= 0 && !(result == 1 && disk.killed)) {
		drop_name(&disk.seen->directory, from);
		put_name(&disk.seen->directory, to, inode);
		for (size_t i = 0; i < OPEN_MAX; i++) {
			if (disk.open[i].is_open && disk.open[i].inode == inode) {
				(void)snprintf(disk.open[i].name, sizeof(disk.open[i].name), "%s", to);
			}
		}
		(void)snprintf(disk.renamed, sizeof(disk.renamed), "%s", to);
		operation_t *operation = note(OP_RENAME, inode, from);
		(void)snprintf(operation->to, sizeof(operation->to), "%s", to);
	}
	unlock();
	return result > 0 ? -EIO : result;
}

static int
sim_unlink(int directory, const char *name) {
	(void)directory;
	lock();
	const size_t inode = look_up(&disk.seen->directory, name);
	int result = inode == NO_INODE ? -ENOENT : begin(OP_UNLINK, false);
	if (result >= 0 && !(result == 1 && disk.killed)) {
		drop_name(&disk.seen->directory, name);
		(void)note(OP_UNLINK, inode, name);
	}
	unlock();
	return result > 0 ? -EIO : result;
}

static int64_t
sim_size(int file) {
	lock();
	const int64_t result = disk.off ? -EIO : (int64_t)disk.seen->contents[file_of(file)->inode].size_bytes;
	unlock();
	return result;
}

static int
sim_list(int directory, int (*visit)(void *context, const char *name), void *context) {
	directory_t copy;
	(void)directory;
	lock();
	int result = disk.off ? -EIO : 0;
	copy_directory(&copy, &disk.seen->directory);
	unlock();
	for (size_t i = 0; i < copy.count && result == 0; i++) {
		result = visit(context, copy.entries[i].name);
	}
	free(copy.entries);
	return result;
}

static const lsr_io_ops_t sim_ops = {
	.open = sim_open,
	.close = sim_close,
	.pread = sim_pread,
	.pwrite = sim_pwrite,
	.datasync = sim_datasync,
	.sync_directory = sim_sync_directory,
	.allocate = sim_allocate,
	.truncate = sim_truncate,
	.rename = sim_rename,
	.unlink = sim_unlink,
	.size = sim_size,
	.list = sim_list,
};

/* ---- running ----------------------------------------------------------------------------------------------------------------------- */

void
sim_disk_load(const sim_image_t *image) {
	static const sim_image_t nothing;
	image = image != NULL ? image : &nothing;
	lock();
	for (size_t i = 0; i < OPEN_MAX; i++) {
		REQUIRE(!disk.open[i].is_open);
	}
	sim_image_t *start = image_copy(&image->directory, image->contents, image->count);
	sim_image_t *seen = image_copy(&image->directory, image->contents, image->count);
	forget_journal();
	sim_image_free(disk.start);
	sim_image_free(disk.seen);
	disk.start = start;
	disk.seen = seen;
	disk.end_at = SIZE_MAX;
	disk.off = disk.killed = false;
	disk.fault = SIM_FAULT_NONE;
	disk.faulted = false;
	disk.lost_inode = NO_INODE;
	atomic_store(&disk.position, NULL);
	atomic_store(&disk.hook, NULL);
	unlock();
}

void
sim_disk_use(void) {
	sim_disk_load(NULL);
	lsr_io = &sim_ops;
}

size_t
sim_disk_operations(void) {
	lock();
	const size_t operations = disk.operations;
	unlock();
	return operations;
}

void
sim_disk_observe(uint64_t (*position)(void)) {
	atomic_store(&disk.position, position);
}

void
sim_disk_hook(sim_hook_t hook) {
	atomic_store(&disk.hook, hook);
}

void
sim_disk_end_after(size_t operations, bool killed, bool in_frame) {
	lock();
	disk.end_at = operations < SIZE_MAX - disk.operations ? disk.operations + operations : SIZE_MAX;
	disk.killed = killed;
	disk.in_frame = in_frame;
	unlock();
}

bool
sim_disk_is_off(void) {
	lock();
	const bool off = disk.off;
	unlock();
	return off;
}

void
sim_disk_fault(sim_fault_t fault, size_t at, int error) {
	lock();
	disk.fault = fault;
	disk.fault_at = at;
	disk.fault_error = error;
	disk.faulted = false;
	unlock();
}

bool
sim_disk_faulted(void) {
	lock();
	const bool faulted = disk.faulted;
	unlock();
	return faulted;
}

bool
sim_disk_is_full(void) {
	lock();
	const bool is_full = disk.faulted && disk.fault == SIM_FAULT_STUCK;
	unlock();
	return is_full;
}

void
sim_disk_lie(unsigned lies) {
	lock();
	disk.lies = lies;
	unlock();
}

/* ---- crashes ------------------------------------------------------------------------------------------------------------------------- */

/* A journal, how far it is, and what is left by then. */
struct sim_crash {
	operation_t *journal;
	size_t operations;
	uint64_t last_position;
	directory_t directory; /* what is durable */
	content_t *contents;
	size_t count;
	size_t *pending; /* operations that are not durable yet, in the order in which they were asked for */
	size_t pending_count;
	size_t next;
};

static const operation_t the_end = {.kind = OP_SYNC, .name = "(none)"};

static const operation_t *
under_way(const sim_crash_t *crash) {
	return crash->next == 0 || crash->next > crash->operations ? &the_end : &crash->journal[crash->next - 1];
}

sim_crash_t *
sim_crash_new(void) {
	sim_crash_t *crash = calloc(1, sizeof(*crash));
	REQUIRE(crash != NULL);
	lock();
	uint64_t (*position)(void) = atomic_load(&disk.position);
	crash->last_position = position != NULL ? position() : 0;
	crash->journal = disk.journal;
	crash->operations = disk.operations;
	disk.journal = NULL;
	disk.operations = 0;
	crash->count = disk.seen->count;
	crash->contents = calloc(crash->count + 1, sizeof(crash->contents[0]));
	REQUIRE(crash->contents != NULL);
	copy_directory(&crash->directory, &disk.start->directory);
	for (size_t i = 0; i < disk.start->count; i++) {
		crash->contents[i] = content_copy(&disk.start->contents[i]);
	}
	unlock();
	return crash;
}

void
sim_crash_free(sim_crash_t *crash) {
	for (size_t i = 0; i < crash->count; i++) {
		content_free(&crash->contents[i]);
	}
	for (size_t i = 0; i < crash->operations; i++) {
		free(crash->journal[i].bytes);
	}
	free(crash->journal);
	free(crash->contents);
	free(crash->directory.entries);
	free(crash->pending);
	free(crash);
}

/* Carry one out on what is durable. */
static void
settle(directory_t *directory, content_t *contents, const operation_t *operation) {
	switch (operation->kind) {
	case OP_CREATE:
		put_name(directory, operation->name, operation->inode);
		break;
	case OP_RENAME:
		/* A name that never became durable cannot be moved away from. */
		drop_name(directory, operation->name);
		put_name(directory, operation->to, operation->inode);
		break;
	case OP_UNLINK:
		drop_name(directory, operation->name);
		break;
	case OP_WRITE:
		content_write(&contents[operation->inode], operation->bytes, operation->offset, operation->size_bytes);
		break;
	case OP_RESIZE:
		content_resize(&contents[operation->inode], operation->size_bytes);
		break;
	default:
		break;
	}
}

static bool
is_of_names(const operation_t *operation) {
	return operation->kind == OP_CREATE || operation->kind == OP_RENAME || operation->kind == OP_UNLINK;
}

/* Does the end of 'sync' make 'operation' durable? A write with O_DSYNC takes the sizes before it along. */
static bool
covers(const operation_t *sync, const operation_t *operation) {
	if (sync->kind == OP_SYNC_DIRECTORY || is_of_names(operation)) {
		return sync->kind == OP_SYNC_DIRECTORY && is_of_names(operation);
	}
	return operation->inode == sync->inode &&
	       (sync->kind == OP_SYNC || (sync->synced && (operation->kind == OP_RESIZE || operation == sync)));
}

static void
complete(sim_crash_t *crash, const operation_t *done) {
	size_t left = 0;
	if (done->kind != OP_SYNC && done->kind != OP_SYNC_DIRECTORY && !done->synced) {
		return;
	}
	for (size_t i = 0; i < crash->pending_count; i++) {
		const operation_t *operation = &crash->journal[crash->pending[i]];
		if (covers(done, operation)) {
			settle(&crash->directory, crash->contents, operation);
		} else {
			crash->pending[left++] = crash->pending[i];
		}
	}
	crash->pending_count = left;
}

bool
sim_crash_next(sim_crash_t *crash) {
	if (crash->next > crash->operations) {
		return false;
	}
	if (crash->next > 0) {
		complete(crash, under_way(crash));
	}
	crash->next++;
	const operation_t *operation = under_way(crash);
	if (operation->kind != OP_SYNC && operation->kind != OP_SYNC_DIRECTORY) {
		crash->pending = grow(crash->pending, crash->pending_count, sizeof(crash->pending[0]));
		crash->pending[crash->pending_count++] = crash->next - 1;
	}
	return true;
}

uint64_t
sim_crash_position(const sim_crash_t *crash) {
	const operation_t *operation = under_way(crash);
	return operation != &the_end ? operation->position : crash->last_position;
}

void
sim_crash_describe(const sim_crash_t *crash, char *text, size_t text_bytes) {
	static const char *const kinds[] = {"create", "write", "resize", "sync", "rename", "unlink", "sync directory"};
	const operation_t *operation = under_way(crash);
	(void)snprintf(text, text_bytes, "operation %zu of %zu: %s %s %s offset %llu, %llu bytes", crash->next - 1,
		       crash->operations, kinds[operation->kind], operation->name, operation->to,
		       (unsigned long long)operation->offset, (unsigned long long)operation->size_bytes);
}

/* Of a write that was under way, or not synced: anything. */
static void
tear(content_t *content, const operation_t *operation, torture_random_t *random) {
	enum { NOTHING, ALL, FRONT, SOME };
	const uint32_t how = torture_below(random, 4);
	const uint64_t unit = torture_below(random, 2) == 0 ? SECTOR_BYTES : BLOCK_BYTES;
	const uint64_t units = (operation->size_bytes + unit - 1) / unit;
	const uint64_t front = how == FRONT ? torture_below(random, (uint32_t)units) : 0;
	uint64_t last = UINT64_MAX;
	for (uint64_t i = 0; i < units && how != NOTHING; i++) {
		const uint64_t left = operation->size_bytes - i * unit;
		if (how == ALL || (how == FRONT && i < front) || (how == SOME && torture_below(random, 2) == 0)) {
			content_write(content, operation->bytes != NULL ? operation->bytes + i * unit : NULL,
				      operation->offset + i * unit, left < unit ? left : unit);
			last = i;
		}
	}
	if (last != UINT64_MAX && torture_below(random, 3) == 0) {
		uint8_t garbage[SECTOR_BYTES];
		const uint64_t left = operation->size_bytes - last * unit;
		for (size_t i = 0; i < sizeof(garbage); i++) {
			garbage[i] = (uint8_t)torture_next(random);
		}
		content_write(content, garbage, operation->offset + last * unit,
			      left < sizeof(garbage) ? left : sizeof(garbage));
	}
}

static void
leave(sim_image_t *image, const operation_t *operation, sim_fate_t fate, torture_random_t *random) {
	if (fate == SIM_FATE_CHANCE && operation->kind == OP_WRITE) {
		tear(&image->contents[operation->inode], operation, random);
	} else if (fate == SIM_FATE_KEEP || (fate == SIM_FATE_NAMES && operation->kind != OP_WRITE) ||
		   (fate == SIM_FATE_CHANCE && torture_below(random, 2) == 0)) {
		settle(&image->directory, image->contents, operation);
	}
}

sim_image_t *
sim_crash_image(const sim_crash_t *crash, sim_fate_t fate, torture_random_t *random) {
	sim_image_t *whole = calloc(1, sizeof(*whole));
	REQUIRE(whole != NULL);
	copy_directory(&whole->directory, &crash->directory);
	whole->count = crash->count;
	whole->contents = calloc(crash->count + 1, sizeof(whole->contents[0]));
	REQUIRE(whole->contents != NULL);
	for (size_t i = 0; i < crash->count; i++) {
		whole->contents[i] = content_copy(&crash->contents[i]);
	}
	for (size_t i = 0; i < crash->pending_count; i++) {
		leave(whole, &crash->journal[crash->pending[i]], fate, random);
	}
	return whole;
}

void
sim_disk_come_back(torture_random_t *random) {
	const bool failed = sim_disk_is_off() && !disk.killed;
	disk.off = false;
	disk.end_at = SIZE_MAX;
	if (failed) {
		sim_crash_t *crash = sim_crash_new();
		for (size_t i = 0; i < crash->operations; i++) {
			(void)sim_crash_next(crash);
		}
		sim_image_t *image = sim_crash_image(crash, SIM_FATE_CHANCE, random);
		sim_crash_free(crash);
		sim_disk_load(image);
		sim_image_free(image);
	}
}
