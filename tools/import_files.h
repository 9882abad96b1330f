/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files hold a server's leases, of which format they are, and in which order they are to be read.
 *
 * Most formats have one file. While Kea compacts NAME, leases stand in its siblings too. To be replayed are NAME.completed and NAME if the former is
 * there; otherwise NAME.2, NAME.1 and NAME, as far as they are there. All are open before the first is read, and looked at
 * again after the last was opened, so that a server that renames them meanwhile does no harm.
 */
#ifndef LESSOR_TOOLS_IMPORT_FILES_H
#define LESSOR_TOOLS_IMPORT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "format.h"

typedef struct import_file {
	char *path;
	int fd;
	dev_t device;
	ino_t inode;
	uint64_t bytes; /* when it was opened; nothing behind is read */
	int64_t modified_s;
	const format_t *format;
	bool guessed; /* the format, from what the file begins with */
	const format_options_t *options;
} import_file_t;

typedef struct import_files {
	import_file_t *items;
	size_t count;
	uint64_t bytes;                  /* of all */
	const format_options_t *options; /* for the caller to set; it outlives the files */
} import_files_t;

typedef enum import_files_result {
	IMPORT_FILES_FINE,
	IMPORT_FILES_FAILED, /* the system refused, or there is no such file */
	IMPORT_FILES_FOREIGN /* it is not of its format */
} import_files_result_t;

/*
 * Open NAME, with its siblings unless 'siblings' is false, and look whether it is of its format; NULL: guess that. A file that is
 * there already is not added again.
 */
import_files_result_t import_files_add(import_files_t *files, const char *name, const format_t *format, bool siblings,
				       char sentence[KEA_SENTENCE_BYTES]);
void import_files_close(import_files_t *files);

/* Begin to read one, as format_t.open. To be closed with file->format->close. */
format_reader_t *import_file_read(const import_file_t *file, bool *foreign, char sentence[KEA_SENTENCE_BYTES]);

#endif
