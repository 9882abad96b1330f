/* SPDX-License-Identifier: Apache-2.0 */
/* Files that appear all at once. See output_file.h. */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 4 * OUTPUT_FILE_ROOM };

/* The rights that open() with mode 0666 would give; mkostemp() gives 0600. */
static mode_t
usual_mode(void) {
	mode_t mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

/* The temporary file beside 'path', with the rights of what stands there now. 0 or an errno. */
static int
open_temporary(output_file_t *file, mode_t mode) {
	if (asprintf(&file->temporary, "%s.XXXXXX", file->path) < 0) {
		file->temporary = NULL;
		return ENOMEM;
	}
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	if (file->fd < 0) {
		int error = errno;
		free(file->temporary);
		file->temporary = NULL;
		return error;
	}
	return fchmod(file->fd, mode) == 0 ? 0 : errno;
}

/* 0 or an errno. A symbolic link stays one: what it points to is replaced. */
static int
open_path(output_file_t *file, const char *path) {
	struct stat status;
	bool exists = stat(path, &status) == 0;
	if (!exists && errno != ENOENT) {
		return errno;
	}
	if (exists && !S_ISREG(status.st_mode)) {
		file->fd = open(path, O_WRONLY | O_CLOEXEC);
		return file->fd >= 0 ? 0 : errno;
	}
	file->path = exists ? realpath(path, NULL) : strdup(path);
	if (file->path == NULL) {
		return errno;
	}
	return open_temporary(file, exists ? status.st_mode & 07777 : usual_mode());
}

int
output_file_open(output_file_t *file, const char *path) {
	*file = (output_file_t){.fd = -1, .buffer = malloc(BUFFER_BYTES)};
	if (file->buffer == NULL) {
		return ENOMEM;
	}
	int error = 0;
	if (path == NULL || strcmp(path, "-") == 0) {
		file->fd = dup(STDOUT_FILENO);
		error = file->fd >= 0 ? 0 : errno;
	} else {
		error = open_path(file, path);
	}
	if (error != 0) {
		output_file_abandon(file);
	}
	return error;
}

static bool
write_out(output_file_t *file) {
	size_t done = 0;
	while (done < file->used) {
		ssize_t wrote = write(file->fd, file->buffer + done, file->used - done);
		if (wrote < 0 && errno != EINTR) {
			return false;
		}
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	file->used = 0;
	return true;
}

char *
output_file_room(output_file_t *file, size_t bytes) {
	if (bytes > BUFFER_BYTES - file->used && !write_out(file)) {
		return NULL;
	}
	return file->buffer + file->used;
}

void
output_file_used(output_file_t *file, size_t bytes) {
	file->used += bytes;
	file->bytes += bytes;
}

/* Without this the rename itself could be forgotten by a power cut. 0 or an errno. */
static int
sync_directory(const char *path) {
	char *copy = strdup(path);
	if (copy == NULL) {
		return ENOMEM;
	}
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (fd < 0) {
		return errno;
	}
	int error = fsync(fd) == 0 ? 0 : errno;
	close(fd);
	return error;
}

/* 0 or an errno. */
static int
give_name(output_file_t *file) {
	if (fsync(file->fd) != 0 || rename(file->temporary, file->path) != 0) {
		return errno;
	}
	free(file->temporary);
	file->temporary = NULL;
	return sync_directory(file->path);
}

int
output_file_commit(output_file_t *file) {
	int error = write_out(file) ? 0 : errno;
	if (error == 0 && file->temporary != NULL) {
		error = give_name(file);
	}
	if (close(file->fd) != 0 && error == 0) {
		error = errno;
	}
	file->fd = -1;
	output_file_abandon(file);
	return error;
}

void
output_file_abandon(output_file_t *file) {
	if (file->fd >= 0) {
		close(file->fd);
	}
	if (file->temporary != NULL) {
		unlink(file->temporary);
	}
	free(file->temporary);
	free(file->path);
	free(file->buffer);
	*file = (output_file_t){.fd = -1};
}
