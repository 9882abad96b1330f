/* SPDX-License-Identifier: Apache-2.0 */
/* Lease files, found, opened, recognised and put in order. See import_files.h. */
#include "import_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CANDIDATES = 4, ATTEMPTS = 10, GUESS_BYTES = 64 * 1024 };

/* The files of one server: those that are there have an fd. */
typedef struct family {
	char *paths[CANDIDATES];
	int fds[CANDIDATES];
	struct stat status[CANDIDATES];
} family_t;

/* In the order of replay. */
static const char *const suffixes[CANDIDATES] = {".completed", ".2", ".1", ""};

enum { COMPLETED = 0, OLDER = 1, OLD = 2, CURRENT = 3 };

static bool
fail(char sentence[KEA_SENTENCE_BYTES], const char *path, const char *why) {
	snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: %s", path, why);
	return false;
}

/* ---- one server's files ------------------------------------------------------------------------------------------ */

static void
close_family(family_t *family) {
	for (int i = 0; i < CANDIDATES; i++) {
		if (family->fds[i] >= 0) {
			close(family->fds[i]);
		}
		free(family->paths[i]);
	}
}

static bool
name_family(family_t *family, const char *name) {
	*family = (family_t){.fds = {-1, -1, -1, -1}};
	for (int i = 0; i < CANDIDATES; i++) {
		if (asprintf(&family->paths[i], "%s%s", name, suffixes[i]) < 0) {
			family->paths[i] = NULL;
			close_family(family);
			return false;
		}
	}
	return true;
}

/* Open what is there. A pipe must not make us wait for its writer. False with errno, and the path that is to blame. */
static bool
open_family(family_t *family, bool siblings, const char **blamed) {
	for (int i = siblings ? 0 : CURRENT; i < CANDIDATES; i++) {
		*blamed = family->paths[i];
		if (family->fds[i] >= 0) {
			close(family->fds[i]);
		}
		family->fds[i] = open(family->paths[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (family->fds[i] < 0 && errno == ENOENT) {
			continue;
		}
		if (family->fds[i] < 0 || fstat(family->fds[i], &family->status[i]) != 0) {
			return false;
		}
		if (!S_ISREG(family->status[i].st_mode)) {
			errno = S_ISDIR(family->status[i].st_mode) ? EISDIR : ESPIPE;
			return false;
		}
	}
	return true;
}

/* Do the names still stand for what was opened? */
static bool
is_current(const family_t *family, bool siblings) {
	for (int i = siblings ? 0 : CURRENT; i < CANDIDATES; i++) {
		struct stat now;
		bool there = stat(family->paths[i], &now) == 0;
		if (there != (family->fds[i] >= 0)) {
			return false;
		}
		if (there && (now.st_ino != family->status[i].st_ino || now.st_dev != family->status[i].st_dev)) {
			return false;
		}
	}
	return true;
}

/* The results of former compactions are in the completed one. */
static void
drop_superseded(family_t *family) {
	for (int i = OLDER; i <= OLD && family->fds[COMPLETED] >= 0; i++) {
		if (family->fds[i] >= 0) {
			close(family->fds[i]);
			family->fds[i] = -1;
		}
	}
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static bool
is_listed(const import_files_t *files, const struct stat *status) {
	for (size_t i = 0; i < files->count; i++) {
		if (files->items[i].inode == status->st_ino && files->items[i].device == status->st_dev) {
			return true;
		}
	}
	return false;
}

/* Is it what it should be? */
static import_files_result_t
check(const import_file_t *file, char sentence[KEA_SENTENCE_BYTES]) {
	bool foreign;
	format_reader_t *reader = import_file_read(file, &foreign, sentence);
	if (reader == NULL) {
		return foreign ? IMPORT_FILES_FOREIGN : IMPORT_FILES_FAILED;
	}
	file->format->close(reader);
	return IMPORT_FILES_FINE;
}

/* Take over one member of the family. */
static import_files_result_t
append(import_files_t *files, family_t *family, int member, const import_file_t *kind,
       char sentence[KEA_SENTENCE_BYTES]) {
	import_file_t *items = realloc(files->items, (files->count + 1) * sizeof(*items));
	if (items == NULL) {
		fail(sentence, family->paths[member], "no memory to read it");
		return IMPORT_FILES_FAILED;
	}
	const struct stat *status = &family->status[member];
	files->items = items;
	items[files->count] = *kind;
	items[files->count].path = family->paths[member];
	items[files->count].fd = family->fds[member];
	items[files->count].device = status->st_dev;
	items[files->count].inode = status->st_ino;
	items[files->count].bytes = (uint64_t)status->st_size;
	items[files->count].modified_s = status->st_mtime;
	family->paths[member] = NULL;
	family->fds[member] = -1;
	files->bytes += (uint64_t)status->st_size;
	files->count++;
	return check(&items[files->count - 1], sentence);
}

static import_files_result_t
append_family(import_files_t *files, family_t *family, const import_file_t *kind, char sentence[KEA_SENTENCE_BYTES]) {
	import_files_result_t result = IMPORT_FILES_FINE;
	if (family->fds[CURRENT] >= 0 && is_listed(files, &family->status[CURRENT])) {
		return IMPORT_FILES_FINE;
	}
	for (int i = 0; i < CANDIDATES && result == IMPORT_FILES_FINE; i++) {
		if (family->fds[i] < 0) {
			continue;
		}
		if (is_listed(files, &family->status[i])) {
			fail(sentence, family->paths[i],
			     "it was given by itself before; give only the name without a suffix, its siblings are "
			     "found");
			return IMPORT_FILES_FAILED;
		}
		result = append(files, family, i, kind, sentence);
	}
	return result;
}

static bool
find_family(family_t *family, bool siblings, char sentence[KEA_SENTENCE_BYTES]) {
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		const char *blamed = NULL;
		if (!open_family(family, siblings, &blamed)) {
			return fail(sentence, blamed,
				    errno == ESPIPE ? "it is not a regular file, and it must be read twice"
						    : strerror(errno));
		}
		if (is_current(family, siblings)) {
			drop_superseded(family);
			bool any = family->fds[COMPLETED] >= 0 || family->fds[OLDER] >= 0 || family->fds[OLD] >= 0 ||
				   family->fds[CURRENT] >= 0;
			return any || fail(sentence, family->paths[CURRENT], strerror(ENOENT));
		}
	}
	return fail(sentence, family->paths[CURRENT], "the files are renamed faster than they can be opened");
}

/* What does it look like? NULL if there is nothing to look at, or if it looks like nothing. */
static const format_t *
guess(const char *name) {
	const format_t *format = NULL;
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *begin = malloc(GUESS_BYTES);
	ssize_t got = fd >= 0 && begin != NULL ? pread(fd, begin, GUESS_BYTES, 0) : 0;
	if (got > 0) {
		format = format_guess(begin, (size_t)got);
	}
	free(begin);
	if (fd >= 0) {
		close(fd);
	}
	return format;
}

/* dhcpd crashed while it rewrote NAME, of which NAME~ is the former content? */
static bool
is_between_rewrites(const char *name) {
	struct stat status;
	char *former = NULL;
	if (stat(name, &status) == 0 ? status.st_size > 0 : errno != ENOENT) {
		return false;
	}
	bool there = asprintf(&former, "%s~", name) >= 0 && stat(former, &status) == 0 && status.st_size > 0;
	free(former);
	return there;
}

import_files_result_t
import_files_add(import_files_t *files, const char *name, const format_t *format, bool siblings,
		 char sentence[KEA_SENTENCE_BYTES]) {
	family_t family;
	import_file_t kind = {.format = format, .options = files->options};
	if (format == NULL) {
		kind.format = guess(name);
		kind.guessed = kind.format != NULL;
	}
	if (kind.format == NULL) {
		kind.format = &format_kea4; /* of which NAME may be missing while its siblings are there */
	}
	if (!name_family(&family, name)) {
		fail(sentence, name, "no memory to read it");
		return IMPORT_FILES_FAILED;
	}
	if (is_between_rewrites(name)) {
		fail(sentence, name, "it is missing or empty, and NAME~ is there; import that");
		close_family(&family);
		return IMPORT_FILES_FAILED;
	}
	import_files_result_t result = find_family(&family, siblings && kind.format->has_siblings, sentence)
					       ? append_family(files, &family, &kind, sentence)
					       : IMPORT_FILES_FAILED;
	close_family(&family);
	return result;
}

format_reader_t *
import_file_read(const import_file_t *file, bool *foreign, char sentence[KEA_SENTENCE_BYTES]) {
	format_source_t source = {.path = file->path,
				  .fd = file->fd,
				  .bytes = file->bytes,
				  .modified_s = file->modified_s,
				  .options = file->options};
	return file->format->open(&source, foreign, sentence);
}

void
import_files_close(import_files_t *files) {
	for (size_t i = 0; i < files->count; i++) {
		close(files->items[i].fd);
		free(files->items[i].path);
	}
	free(files->items);
	*files = (import_files_t){0};
}
