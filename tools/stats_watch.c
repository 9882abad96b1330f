/* SPDX-License-Identifier: Apache-2.0 */
#include "stats_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BAR_CHARACTERS = 10, LINES_AROUND = 6, LINES_UNKNOWN = 24 };

/* A scope and what it was before; NULL: it was not there. */
typedef struct row {
	const figures_scope_t *now;
	const figures_scope_t *before;
	double fill;
} row_t;

static double
fill_of(const lessor_scope_stats_t *stats) {
	return stats->pool == 0 ? 0 : (double)stats->in_use / (double)stats->pool;
}

/* The fullest first; what is equally full keeps its order. */
static int
by_fill(const void *left, const void *right) {
	const row_t *a = left;
	const row_t *b = right;
	return a->fill > b->fill ? -1 : a->fill < b->fill ? 1 : a->now < b->now ? -1 : a->now > b->now;
}

static row_t *
make_rows(const watch_view_t *view, size_t *count) {
	row_t *rows = calloc(view->now->count + 1, sizeof(*rows));
	size_t last = 0;
	*count = 0;
	for (size_t i = 0; rows != NULL && i < view->now->count; i++) {
		const figures_scope_t *scope = &view->now->scopes[i];
		if (view->subnet == NULL || strcmp(view->subnet, scope->subnet) == 0) {
			rows[(*count)++] = (row_t){
				scope, view->before != NULL ? figures_find(view->before, scope->subnet, &last) : NULL,
				fill_of(&scope->stats)};
		}
	}
	if (rows != NULL) {
		qsort(rows, *count, sizeof(*rows), by_fill);
	}
	return rows;
}

/* A counter that begins again, because the scope or the process does, says nothing of the time before. */
static double
rate(const watch_view_t *view, uint64_t before, uint64_t now) {
	return now >= before && view->elapsed_s > 0 ? (double)(now - before) / view->elapsed_s : 0;
}

static void
add_rate(cli_table_t *table, const watch_view_t *view, bool known, uint64_t before, uint64_t now) {
	if (known) {
		cli_table_add(table, "%.1f", rate(view, before, now));
	} else {
		cli_table_add(table, "-");
	}
}

/* Exact as long as people count in it. */
static void
add_count(cli_table_t *table, uint64_t count) {
	if (count < UINT64_C(1000000000000)) {
		cli_table_add(table, "%" PRIu64, count);
	} else {
		cli_table_add(table, "%.1e", (double)count);
	}
}

static void
add_fill(cli_table_t *table, const row_t *row) {
	static const char full[BAR_CHARACTERS + 1] = "##########";
	int filled = (int)(row->fill * BAR_CHARACTERS + 0.5);
	filled = filled > BAR_CHARACTERS ? BAR_CHARACTERS : filled;
	cli_table_add(table, "[%.*s%*s] %5.1f %%", filled, full, BAR_CHARACTERS - filled, "", 100 * row->fill);
}

static void
add_row(cli_table_t *table, const watch_view_t *view, const row_t *row) {
	static const lessor_scope_stats_t nothing = {0};
	const lessor_scope_stats_t *now = &row->now->stats;
	const lessor_scope_stats_t *before = row->before != NULL ? &row->before->stats : &nothing;
	cli_table_add(table, "%s", row->now->subnet);
	add_fill(table, row);
	add_count(table, now->in_use);
	add_count(table, now->free);
	add_rate(table, view, row->before != NULL, before->creates, now->creates);
	add_rate(table, view, row->before != NULL, before->deletes, now->deletes);
	add_count(table, now->leases_active);
	add_count(table, now->leases_declined);
	add_count(table, now->leases_doomed);
	add_count(table, now->pending);
	cli_table_add(table, "%s", row->now->state);
	cli_table_add_text(table, row->now->name[0] != '\0' ? row->now->name : NULL);
}

static size_t
lines_for_rows(void) {
	struct winsize size = {0};
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) {
		size.ws_row = LINES_UNKNOWN;
	}
	return size.ws_row > LINES_AROUND ? size.ws_row - LINES_AROUND : 1;
}

static void
put_heading(const watch_view_t *view) {
	const lessor_engine_stats_t *now = &view->now->engine;
	char time[CLI_TIME_BYTES];
	cli_format_time(lessor_time_from_unix_s(lessor_time_to_unix_s(lessor_time_now())), time);
	cli_put_text(stdout, view->store);
	(void)printf("  %s  %s\n", time,
		     view->now->live ? "in use by the process that answers" : "not in use: nothing changes");
	(void)printf("leases: %" PRIu64 ", scopes: %" PRIu64 ", MiB of memory: %.1f, MiB of log: %.1f\n", now->leases,
		     now->scopes, (double)now->memory_bytes / 1048576.0, (double)now->log_bytes / 1048576.0);
	(void)printf("bytes of log not durable yet: %" PRIu64, now->last_ticket - now->durable_ticket);
	if (view->before != NULL) {
		const lessor_engine_stats_t *before = &view->before->engine;
		(void)printf(", flushes/s: %.1f, MiB/s flushed: %.1f", rate(view, before->flushes, now->flushes),
			     rate(view, before->flushed_bytes, now->flushed_bytes) / 1048576.0);
	}
	(void)fputs("\n\n", stdout);
}

static bool
put_rows(const watch_view_t *view, const row_t *rows, size_t count) {
	/* What matters most comes first: a terminal of 80 columns ends behind the rates. */
	static const char *const heading[] = {"SCOPE",  "FILL",     "IN USE", "FREE",    "CREATES/S", "DELETES/S",
					      "ACTIVE", "DECLINED", "DOOMED", "OFFERED", "STATE",     "NAME"};
	cli_table_t table;
	size_t shown = view->terminal && lines_for_rows() < count ? lines_for_rows() : count;
	cli_table_init(&table, "llrrrrrrrrll");
	for (size_t i = 0; i < sizeof(heading) / sizeof(heading[0]); i++) {
		cli_table_add(&table, "%s", heading[i]);
	}
	for (size_t i = 0; i < shown; i++) {
		add_row(&table, view, &rows[i]);
	}
	if (!cli_table_put(&table)) {
		return false;
	}
	if (shown < count) {
		(void)printf("and %zu less full\n", count - shown);
	}
	return true;
}

bool
watch_put(const watch_view_t *view) {
	size_t count;
	bool done;
	row_t *rows = make_rows(view, &count);
	if (rows == NULL) {
		return false;
	}
	if (view->terminal) {
		(void)fputs("\033[H\033[2J\033[?7l", stdout); /* to the corner, clear, do not wrap long lines */
	}
	put_heading(view);
	done = put_rows(view, rows, count);
	(void)fputs(view->terminal ? "\033[?7h" : "\n", stdout);
	(void)fflush(stdout);
	free(rows);
	return done;
}

uint64_t
watch_stamp(const char *directory) {
	uint64_t stamp = 0;
	DIR *stream = opendir(directory);
	const struct dirent *entry;
	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		struct stat status;
		if (fstatat(dirfd(stream), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
			uint64_t moment = (uint64_t)status.st_mtim.tv_sec * UINT64_C(1000000000) +
					  (uint64_t)status.st_mtim.tv_nsec;
			stamp += moment * (2 * (uint64_t)status.st_ino + 1);
		}
	}
	if (stream != NULL) {
		(void)closedir(stream);
	}
	return stamp;
}
