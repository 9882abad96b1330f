/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the machine. See probe.h. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "clock.h"
#include "store.h"

#define BLOCK_BYTES 4096u

static int
compare_times(const void *left, const void *right) {
	const uint64_t *a = left;
	const uint64_t *b = right;
	return (*a > *b) - (*a < *b);
}

/* Blocks that hold zeros already: a write changes nothing but data. */
static bool
prepare_file(int fd, void *block, unsigned writes) {
	for (unsigned i = 0; i < writes; i++) {
		if (pwrite(fd, block, BLOCK_BYTES, (off_t)i * BLOCK_BYTES) != (ssize_t)BLOCK_BYTES) {
			return false;
		}
	}
	return fsync(fd) == 0;
}

static bool
time_writes(const char *path, void *block, unsigned writes, uint64_t *ns) {
	const int fd = open(path, O_WRONLY | O_DIRECT | O_DSYNC | O_CLOEXEC);
	bool good = fd >= 0;
	for (unsigned i = 0; i < writes && good; i++) {
		const uint64_t before = bench_clock_ns();
		good = pwrite(fd, block, BLOCK_BYTES, (off_t)i * BLOCK_BYTES) == (ssize_t)BLOCK_BYTES;
		ns[i] = bench_clock_ns() - before;
	}
	if (fd >= 0) {
		(void)close(fd);
	}
	return good;
}

bool
bench_probe_flush(const char *directory, unsigned writes, bench_flush_times_t *times) {
	char path[4096];
	uint64_t *ns = calloc(writes, sizeof(*ns));
	void *block = aligned_alloc(BLOCK_BYTES, BLOCK_BYTES);
	(void)snprintf(path, sizeof(path), "%s/flush", directory);
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool good = fd >= 0 && block != NULL && ns != NULL;
	if (good) {
		memset(block, 0, BLOCK_BYTES);
		good = prepare_file(fd, block, writes);
		memset(block, 0x5A, BLOCK_BYTES);
		good = good && time_writes(path, block, writes, ns);
	}
	if (!good) {
		(void)bench_fail("%s: cannot measure durable writes: %s.", path, strerror(errno));
	} else {
		qsort(ns, writes, sizeof(ns[0]), compare_times);
		times->p50_us = (double)ns[writes / 2] / 1e3;
		times->p99_us = (double)ns[(uint64_t)writes * 99 / 100] / 1e3;
	}
	if (fd >= 0) {
		(void)close(fd);
		(void)unlink(path);
	}
	free(block);
	free(ns);
	return good;
}

uint64_t
bench_probe_rss_bytes(void) {
	unsigned long long size = 0;
	unsigned long long resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	if (file != NULL) {
		if (fscanf(file, "%llu %llu", &size, &resident) != 2) {
			resident = 0;
		}
		(void)fclose(file);
	}
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

double
bench_probe_cpu_seconds(void) {
	struct rusage usage;
	if (getrusage(RUSAGE_SELF, &usage) != 0) {
		return 0;
	}
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* What stands behind the colon in the first line of a file that begins with 'key'. */
static void
find_line(const char *path, const char *key, char *text, size_t bytes) {
	char line[512];
	FILE *file = fopen(path, "re");
	(void)snprintf(text, bytes, "unknown");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		const char *colon = strchr(line, ':');
		if (strncmp(line, key, strlen(key)) == 0 && colon != NULL) {
			colon += 1 + strspn(colon + 1, " \t");
			(void)snprintf(text, bytes, "%.*s", (int)strcspn(colon, "\n"), colon);
			break;
		}
	}
	if (file != NULL) {
		(void)fclose(file);
	}
}

static const char *
file_system(const char *directory) {
	static const struct {
		unsigned long type;
		const char *name;
	} known[] = {{0xEF53, "ext4"},      {0x58465342, "xfs"},       {0x9123683E, "btrfs"},
		     {0x01021994, "tmpfs"}, {0x794C7630, "overlayfs"}, {0x2FC12FC1, "zfs"}};
	struct statfs about;
	if (statfs(directory, &about) != 0) {
		return "unknown";
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if ((unsigned long)about.f_type == known[i].type) {
			return known[i].name;
		}
	}
	return "another";
}

void
bench_probe_machine(const char *directory, char *text, size_t bytes) {
	char model[128];
	struct utsname system;
	find_line("/proc/cpuinfo", "model name", model, sizeof(model));
	const double gib = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 1073741824.0;
	const bool named = uname(&system) == 0;
	const int used =
		snprintf(text, bytes, "%s, %ld processors, %.1f GiB, %s %s", model, sysconf(_SC_NPROCESSORS_ONLN), gib,
			 named ? system.sysname : "unknown", named ? system.release : "system");
	if (directory != NULL && used > 0 && (size_t)used < bytes) {
		(void)snprintf(text + used, bytes - (size_t)used, ", %s file system", file_system(directory));
	}
}
