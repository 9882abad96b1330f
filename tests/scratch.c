/* SPDX-License-Identifier: Apache-2.0 */
/* Directories, copies, random numbers and first leases for the tests of the native API. */
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void
scratch_assert_status(lessor_status_t expected, lessor_status_t got, const char *file, int line) {
	if (got != expected) {
		print_error("expected %s, got %s\n", lessor_status_name(expected), lessor_status_name(got));
		_fail(file, line);
	}
}

static void
make_in(const char *parent, char path[SCRATCH_PATH_BYTES]) {
	int length = snprintf(path, SCRATCH_PATH_BYTES, "%s/lessor-XXXXXX", parent);
	assert_true(length > 0 && length < SCRATCH_PATH_BYTES);
	assert_non_null(mkdtemp(path));
}

void
scratch_make(char path[SCRATCH_PATH_BYTES]) {
	const char *parent = getenv("TMPDIR");
	make_in(parent != NULL ? parent : "/tmp", path);
}

void
scratch_make_fast(char path[SCRATCH_PATH_BYTES]) {
	if (access("/dev/shm", W_OK | X_OK) == 0) {
		make_in("/dev/shm", path);
	} else {
		scratch_make(path);
	}
}

static int
remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where) {
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

void
scratch_remove(const char *path) {
	assert_int_equal(nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int
by_name(const void *left, const void *right) {
	return strcmp(left, right);
}

void
scratch_files_list(const char *directory, scratch_files_t *files) {
	DIR *entries = opendir(directory);
	const struct dirent *entry;
	assert_non_null(entries);
	files->count = 0;
	files->names = NULL;
	while ((entry = readdir(entries)) != NULL) {
		if (entry->d_name[0] == '.' && strspn(entry->d_name, ".") == strlen(entry->d_name)) {
			continue;
		}
		files->names = realloc(files->names, (files->count + 1) * sizeof(*files->names));
		assert_non_null(files->names);
		snprintf(files->names[files->count++], sizeof(*files->names), "%s", entry->d_name);
	}
	closedir(entries);
	if (files->count > 0) {
		qsort(files->names, files->count, sizeof(*files->names), by_name);
	}
}

void
scratch_files_free(scratch_files_t *files) {
	free(files->names);
	files->names = NULL;
	files->count = 0;
}

void
scratch_join(char path[SCRATCH_FILE_BYTES], const char *directory, const char *name) {
	int length = snprintf(path, SCRATCH_FILE_BYTES, "%s/%s", directory, name);
	assert_true(length > 0 && length < SCRATCH_FILE_BYTES);
}

uint8_t *
scratch_read(const char *path, size_t *bytes) {
	struct stat status;
	uint8_t *content;
	size_t done = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	*bytes = (size_t)status.st_size;
	content = malloc(*bytes + 1);
	assert_non_null(content);
	while (done < *bytes) {
		ssize_t got = pread(fd, content + done, *bytes - done, (off_t)done);
		assert_true(got > 0);
		done += (size_t)got;
	}
	close(fd);
	return content;
}

static bool
is_zero(const uint8_t *bytes, size_t count) {
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] != 0) {
			return false;
		}
	}
	return true;
}

void
scratch_write(const char *path, const uint8_t *content, size_t bytes) {
	const size_t block_bytes = 4096;
	int fd;
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t at = 0; at < bytes; at += block_bytes) {
		size_t length = bytes - at < block_bytes ? bytes - at : block_bytes;
		if (!is_zero(content + at, length)) {
			assert_int_equal(pwrite(fd, content + at, length, (off_t)at), length);
		}
	}
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	close(fd);
}

static void
copy_file(const char *from, const char *to, const char *name) {
	char path[SCRATCH_FILE_BYTES];
	uint8_t *content;
	size_t bytes;
	scratch_join(path, from, name);
	content = scratch_read(path, &bytes);
	scratch_join(path, to, name);
	scratch_write(path, content, bytes);
	free(content);
}

void
scratch_copy(const char *from, const char *to) {
	scratch_files_t files;
	if (access(to, F_OK) == 0) {
		scratch_remove(to);
	}
	assert_int_equal(mkdir(to, 0700), 0);
	scratch_files_list(from, &files);
	for (size_t i = 0; i < files.count; i++) {
		if (strncmp(files.names[i], "next-", 5) != 0) {
			copy_file(from, to, files.names[i]);
		}
	}
	scratch_files_free(&files);
}

/* FNV-1a. */
static uint64_t
digest_add(uint64_t digest, const void *bytes, size_t count) {
	const uint8_t *next = bytes;
	for (size_t i = 0; i < count; i++) {
		digest = (digest ^ next[i]) * UINT64_C(0x100000001B3);
	}
	return digest;
}

uint64_t
scratch_digest(const char *directory) {
	uint64_t digest = UINT64_C(0xCBF29CE484222325);
	char path[SCRATCH_FILE_BYTES];
	scratch_files_t files;
	scratch_files_list(directory, &files);
	for (size_t i = 0; i < files.count; i++) {
		size_t bytes;
		uint8_t *content;
		scratch_join(path, directory, files.names[i]);
		content = scratch_read(path, &bytes);
		digest = digest_add(digest, files.names[i], strlen(files.names[i]) + 1);
		digest = digest_add(digest, &bytes, sizeof(bytes));
		digest = digest_add(digest, content, bytes);
		free(content);
	}
	scratch_files_free(&files);
	return digest;
}

bool
scratch_is_sanitized(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return true;
#else
	return false;
#endif
#else
	return false;
#endif
}

/* SplitMix64: every state is good, neighbouring seeds are not alike. */
uint64_t
scratch_next(scratch_random_t *random) {
	uint64_t z = random->state += UINT64_C(0x9E3779B97F4A7C15);
	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

uint32_t
scratch_below(scratch_random_t *random, uint32_t below) {
	return (uint32_t)((scratch_next(random) >> 32) * below >> 32);
}

bool
scratch_percent(scratch_random_t *random, uint32_t percent) {
	return scratch_below(random, 100) < percent;
}

uint64_t
scratch_seed(void) {
	const char *text = getenv("LESSOR_TEST_SEED");
	struct timespec now;
	if (text != NULL && *text != '\0') {
		return strtoull(text, NULL, 0);
	}
	clock_gettime(CLOCK_REALTIME, &now);
	return ((uint64_t)now.tv_sec << 20) ^ (uint64_t)now.tv_nsec ^ ((uint64_t)getpid() << 40);
}

unsigned long
scratch_number(const char *variable, unsigned long otherwise) {
	const char *text = getenv(variable);
	return text != NULL && *text != '\0' ? strtoul(text, NULL, 0) : otherwise;
}

void
scratch_options_memory(lessor_options_t *options) {
	lessor_options_init(options);
	options->log = false;
	options->max_leases = 1u << 20;
}

lessor_engine_t *
scratch_open_memory(void) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	scratch_options_memory(&options);
	assert_status(LESSOR_OK, lessor_open(NULL, &options, &engine, NULL));
	assert_non_null(engine);
	return engine;
}

void
scratch_options_log(lessor_options_t *options) {
	lessor_options_init(options);
	options->max_leases = 1u << 20;
	options->segment_size_bytes = 1u << 20;
	options->ring_size_bytes = 1u << 20;
}

lessor_engine_t *
scratch_open_log(const char *directory) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_report_t report;
	lessor_status_t status;
	scratch_options_log(&options);
	status = lessor_open(directory, &options, &engine, &report);
	if (status != LESSOR_OK) {
		print_error("open %s: %s\n", directory, report.sentence);
	}
	assert_status(LESSOR_OK, status);
	assert_non_null(engine);
	return engine;
}

void
scratch_close(lessor_engine_t *engine) {
	assert_status(LESSOR_OK, lessor_close(&engine));
	assert_null(engine);
}

void
scratch_check(lessor_engine_t *engine) {
	lessor_report_t report;
	const lessor_status_t status = lessor_check(engine, &report);
	if (status != LESSOR_OK) {
		print_error("check: %s\n", report.sentence);
	}
	assert_status(LESSOR_OK, status);
}

void
scratch_close_sound(lessor_engine_t *engine) {
	scratch_check(engine);
	scratch_close(engine);
}

void
scratch_close_store(lessor_engine_t *engine, const char *directory) {
	scratch_close_sound(engine);
	scratch_remove(directory);
}

lessor_engine_t *
scratch_reopen(lessor_engine_t *engine, const char *directory) {
	scratch_close_sound(engine);
	engine = scratch_open_log(directory);
	scratch_check(engine);
	return engine;
}

lessor_scope_t
scratch_scope(uint32_t subnet, uint32_t mask) {
	lessor_scope_t scope;
	memset(&scope, 0, sizeof(scope));
	scope.subnet = subnet;
	scope.mask = mask;
	return scope;
}

void
scratch_scope_add(lessor_engine_t *engine, uint32_t subnet, uint32_t mask, bool with_range) {
	lessor_scope_t scope = scratch_scope(subnet, mask);
	scope.has_range = with_range;
	scope.range.first = subnet;
	scope.range.last = subnet | ~mask;
	assert_status(LESSOR_OK, lessor_scope_create(engine, &scope, LESSOR_ASYNC, NULL));
}

lessor_lease_t
scratch_lease(uint32_t address, const void *client_id, size_t client_id_bytes) {
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.address = address;
	lease.client_id = client_id;
	lease.client_id_bytes = (uint8_t)client_id_bytes;
	return lease;
}

lessor_lease_t
scratch_lease_numbered(uint32_t address, uint32_t number, uint8_t id[6]) {
	id[0] = 0x02;
	id[1] = 0x4C;
	id[2] = (uint8_t)(number >> 24);
	id[3] = (uint8_t)(number >> 16);
	id[4] = (uint8_t)(number >> 8);
	id[5] = (uint8_t)number;
	return scratch_lease(address, id, 6);
}
