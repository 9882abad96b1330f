/* SPDX-License-Identifier: Apache-2.0 */
/* A server's lease files, found, opened and put in order. See kea4_files.h. */
#include "kea4_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kea4.h"

enum { CANDIDATES = 4, ATTEMPTS = 10 };

/* The files of one server: those that are there have an fd. */
typedef struct family {
	char *paths[CANDIDATES];
	int fds[CANDIDATES];
	struct stat status[CANDIDATES];
} family_t;

/* In the order of replay. */
static const char *const suffixes[CANDIDATES] = {".completed", ".2", ".1", ""};

enum { COMPLETED = 0, OLDER = 1, OLD = 2, CURRENT = 3 };

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

/* ---- headers ----------------------------------------------------------------------------------------------------- */

static bool
fail(char sentence[KEA_SENTENCE_BYTES], const char *path, const char *why) {
	snprintf(sentence, KEA_SENTENCE_BYTES, "%.300s: %s", path, why);
	return false;
}

static void
say_mismatch(const kea4_line_t *line, uint64_t number, const char *path, char sentence[KEA_SENTENCE_BYTES]) {
	const char *cell = line->text;
	const char *end = line->text + line->bytes;
	for (size_t column = 0; kea4_column_name(column) != NULL; column++) {
		const char *name = kea4_column_name(column);
		const char *comma = memchr(cell, ',', (size_t)(end - cell));
		const char *stop = comma != NULL ? comma : end;
		bool same = strlen(name) == (size_t)(stop - cell) && memcmp(name, cell, strlen(name)) == 0;
		if (!same || comma == NULL) {
			snprintf(sentence, KEA_SENTENCE_BYTES,
				 "%.300s:%llu: this is not the header of a Kea DHCPv4 lease file, %s%.20s", path,
				 (unsigned long long)number, same ? "it ends after " : "it lacks the column ", name);
			return;
		}
		cell = comma + 1;
	}
}

/* What comes after the twelfth comma. NULL without memory, too: nobody needs to know then. */
static char *
surplus_names(const kea4_line_t *line) {
	const char *at = line->text;
	const char *end = line->text + line->bytes;
	for (int commas = 0; commas < KEA4_COLUMNS; commas++) {
		at = memchr(at, ',', (size_t)(end - at));
		if (at == NULL) {
			return NULL;
		}
		at++;
	}
	return strndup(at, (size_t)(end - at));
}

/* KEA4_FILES_FINE also for a file without any line: it has no rows. */
static kea4_files_result_t
read_header(kea4_file_t *file, char sentence[KEA_SENTENCE_BYTES]) {
	kea4_lines_t lines;
	kea4_line_t line;
	kea4_files_result_t result = KEA4_FILES_FINE;
	if (!kea4_lines_open(&lines, file->fd, file->bytes)) {
		fail(sentence, file->path, "no memory to read it");
		return KEA4_FILES_FAILED;
	}
	int got;
	do {
		got = kea4_lines_next(&lines, &line);
	} while (got > 0 && line.bytes == 0);
	if (got < 0) {
		fail(sentence, file->path, strerror(errno));
		result = KEA4_FILES_FAILED;
	} else if (got > 0 && !kea4_parse_header(line.text, line.bytes, &file->columns)) {
		say_mismatch(&line, lines.number, file->path, sentence);
		result = KEA4_FILES_FOREIGN;
	} else if (got > 0) {
		file->header_line = lines.number;
		file->ignored = surplus_names(&line);
	}
	kea4_lines_close(&lines);
	return result;
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static bool
is_listed(const kea4_files_t *files, const struct stat *status) {
	for (size_t i = 0; i < files->count; i++) {
		if (files->items[i].inode == status->st_ino && files->items[i].device == status->st_dev) {
			return true;
		}
	}
	return false;
}

/* Take over one member of the family. */
static kea4_files_result_t
append(kea4_files_t *files, family_t *family, int member, char sentence[KEA_SENTENCE_BYTES]) {
	kea4_file_t *items = realloc(files->items, (files->count + 1) * sizeof(*items));
	if (items == NULL) {
		fail(sentence, family->paths[member], "no memory to read it");
		return KEA4_FILES_FAILED;
	}
	const struct stat *status = &family->status[member];
	files->items = items;
	items[files->count] = (kea4_file_t){.path = family->paths[member],
					    .fd = family->fds[member],
					    .device = status->st_dev,
					    .inode = status->st_ino,
					    .bytes = (uint64_t)status->st_size};
	family->paths[member] = NULL;
	family->fds[member] = -1;
	files->bytes += (uint64_t)status->st_size;
	files->count++;
	return read_header(&items[files->count - 1], sentence);
}

static kea4_files_result_t
append_family(kea4_files_t *files, family_t *family, char sentence[KEA_SENTENCE_BYTES]) {
	kea4_files_result_t result = KEA4_FILES_FINE;
	if (family->fds[CURRENT] >= 0 && is_listed(files, &family->status[CURRENT])) {
		return KEA4_FILES_FINE;
	}
	for (int i = 0; i < CANDIDATES && result == KEA4_FILES_FINE; i++) {
		if (family->fds[i] < 0) {
			continue;
		}
		if (is_listed(files, &family->status[i])) {
			fail(sentence, family->paths[i],
			     "it was given by itself before; give only the name without a suffix, its siblings are "
			     "found");
			return KEA4_FILES_FAILED;
		}
		result = append(files, family, i, sentence);
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

kea4_files_result_t
kea4_files_add(kea4_files_t *files, const char *name, bool siblings, char sentence[KEA_SENTENCE_BYTES]) {
	family_t family;
	if (!name_family(&family, name)) {
		fail(sentence, name, "no memory to read it");
		return KEA4_FILES_FAILED;
	}
	kea4_files_result_t result =
		find_family(&family, siblings, sentence) ? append_family(files, &family, sentence) : KEA4_FILES_FAILED;
	close_family(&family);
	return result;
}

void
kea4_files_close(kea4_files_t *files) {
	for (size_t i = 0; i < files->count; i++) {
		close(files->items[i].fd);
		free(files->items[i].path);
		free(files->items[i].ignored);
	}
	free(files->items);
	*files = (kea4_files_t){0};
}
