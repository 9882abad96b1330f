/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What several tests of the native API need besides the API: directories that come and go, copies of stores, numbers
 * that look random and can be had again, and leases to begin with.
 */
#ifndef LESSOR_TESTS_SCRATCH_H
#define LESSOR_TESTS_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/lessor.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define IP(a, b, c, d) (((uint32_t)(a) << 24) | ((uint32_t)(b) << 16) | ((uint32_t)(c) << 8) | (uint32_t)(d))

/* Room for the path of a directory, and for that of a file in one. */
#define SCRATCH_PATH_BYTES 512
#define SCRATCH_FILE_BYTES 1024

/* What outputs are filled with before a call that must not write them. */
#define SCRATCH_POISON 0xA5

/* The status by name, for a failure that can be read. */
#define assert_status(expected, got) scratch_assert_status((expected), (got), __FILE__, __LINE__)
void scratch_assert_status(lessor_status_t expected, lessor_status_t got, const char *file, int line);

/* A new, empty directory in $TMPDIR; its path into 'path'. */
void scratch_make(char path[SCRATCH_PATH_BYTES]);
/* The same where no disk is waited for, if there is such a place. */
void scratch_make_fast(char path[SCRATCH_PATH_BYTES]);
/* Remove it with all that is in it. */
void scratch_remove(const char *path);

/* The files of a directory, sorted by name. Give them back with scratch_files_free(). */
typedef struct scratch_files {
	size_t count;
	char (*names)[256];
} scratch_files_t;

void scratch_files_list(const char *directory, scratch_files_t *files);
void scratch_files_free(scratch_files_t *files);
void scratch_join(char path[SCRATCH_FILE_BYTES], const char *directory, const char *name);

/* The whole file; free() it. */
uint8_t *scratch_read(const char *path, size_t *bytes);
/* Make the file anew, with holes where there is nothing but zeros. */
void scratch_write(const char *path, const uint8_t *content, size_t bytes);
/*
 * Copy all files of a store into another directory, which is emptied or made first. The store may be open; segments that
 * it is preparing are left out, since they come, grow and get their name at any moment.
 */
void scratch_copy(const char *from, const char *to);
/* A number that changes when the name, size or content of any file changes. */
uint64_t scratch_digest(const char *directory);

/* Built with a sanitizer: everything takes several times as long. */
bool scratch_is_sanitized(void);

/* Numbers that look random: the same seed, the same numbers. */
typedef struct scratch_random {
	uint64_t state;
} scratch_random_t;

uint64_t scratch_next(scratch_random_t *random);
/* 0 to below - 1. */
uint32_t scratch_below(scratch_random_t *random, uint32_t below);
/* True in so many of a hundred. */
bool scratch_percent(scratch_random_t *random, uint32_t percent);
/* From the environment, or of this moment. */
uint64_t scratch_seed(void);
/* A number from the environment, or 'otherwise'. */
unsigned long scratch_number(const char *variable, unsigned long otherwise);

/* Options without a log, and an engine opened with them. */
void scratch_options_memory(lessor_options_t *options);
lessor_engine_t *scratch_open_memory(void);
/* An engine with small log files in this directory. */
void scratch_options_log(lessor_options_t *options);
lessor_engine_t *scratch_open_log(const char *directory);
/* Close it, and complain about anything but success. */
void scratch_close(lessor_engine_t *engine);
/* Check it, and say what is wrong. */
void scratch_check(lessor_engine_t *engine);
/* Check and close it; remove its directory; open what it left, and check that. */
void scratch_close_sound(lessor_engine_t *engine);
void scratch_close_store(lessor_engine_t *engine, const char *directory);
lessor_engine_t *scratch_reopen(lessor_engine_t *engine, const char *directory);

/* A scope to create: subnet, mask, everything else empty. */
lessor_scope_t scratch_scope(uint32_t subnet, uint32_t mask);
/* Create such a scope, with its whole subnet as range if wanted. */
void scratch_scope_add(lessor_engine_t *engine, uint32_t subnet, uint32_t mask, bool with_range);

/* A lease to create. The client id is kept where the caller says. */
lessor_lease_t scratch_lease(uint32_t address, const void *client_id, size_t client_id_bytes);
/* The same, with a six-byte client id that is made from a number and stored in 'id'. */
lessor_lease_t scratch_lease_numbered(uint32_t address, uint32_t number, uint8_t id[6]);

#endif
