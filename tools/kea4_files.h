/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files hold a server's leases, and in which order.
 *
 * While Kea compacts NAME, leases stand in its siblings too. To be replayed are NAME.completed and NAME if the former is
 * there; otherwise NAME.2, NAME.1 and NAME, as far as they are there. All are open before the first is read, and looked at
 * again after the last was opened, so that a server that renames them meanwhile does no harm.
 */
#ifndef LESSOR_TOOLS_KEA4_FILES_H
#define LESSOR_TOOLS_KEA4_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kea_config.h"

typedef struct kea4_file {
	char *path;
	int fd;
	dev_t device;
	ino_t inode;
	uint64_t bytes;       /* when it was opened; nothing behind is read */
	uint64_t header_line; /* 0: the file has only empty lines */
	size_t columns;
	char *ignored; /* names of the columns beyond the twelfth, as they stand there; NULL: none */
} kea4_file_t;

typedef struct kea4_files {
	kea4_file_t *items;
	size_t count;
	uint64_t bytes; /* of all */
} kea4_files_t;

typedef enum kea4_files_result {
	KEA4_FILES_FINE,
	KEA4_FILES_FAILED, /* the system refused, or there is no such file */
	KEA4_FILES_FOREIGN /* it is no lease file of Kea's DHCPv4 server */
} kea4_files_result_t;

/* Open NAME, with its siblings unless 'siblings' is false, and read the headers. A file that is there already is not added again. */
kea4_files_result_t kea4_files_add(kea4_files_t *files, const char *name, bool siblings,
				   char sentence[KEA_SENTENCE_BYTES]);
void kea4_files_close(kea4_files_t *files);

#endif
