/* SPDX-License-Identifier: Apache-2.0 */
/* How far a long command is, told on stderr so that stdout stays the answer alone. */
#include "cli.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* Often enough to look alive on a terminal; seldom enough not to fill a log. */
static const double terminal_every_s = 0.2;
static const double log_every_s = 5.0;

enum { BAR_CELLS = 24, LINE_BYTES = 256 };

static double
now_s(void) {
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int
terminal_columns(void) {
	struct winsize size;
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static double
part_done(const cli_progress_t *progress, uint64_t done) {
	return done >= progress->total ? 1.0 : (double)done / (double)progress->total;
}

/* "  45%  1234567 of 2743482 rows  385000/s", with a bar before it if there is room for one. */
static void
format_line(const cli_progress_t *progress, uint64_t done, double elapsed_s, char line[LINE_BYTES]) {
	double rate = elapsed_s > 0 ? (double)done / elapsed_s : 0;
	char head[LINE_BYTES / 2] = "";
	if (progress->total > 0) {
		char bar[BAR_CELLS + 1];
		double part = part_done(progress, done);
		memset(bar, '.', BAR_CELLS);
		memset(bar, '#', (size_t)(part * BAR_CELLS));
		bar[BAR_CELLS] = '\0';
		(void)snprintf(head, sizeof(head), "%s%s%s%3.0f%%  ", progress->terminal ? "[" : "",
			       progress->terminal ? bar : "", progress->terminal ? "] " : "", part * 100);
	}
	(void)snprintf(line, LINE_BYTES, "%s: %s%" PRIu64 " %s  %.0f/s", progress->what, head, done, progress->unit,
		       rate);
}

static void
show(cli_progress_t *progress, uint64_t done, double at_s) {
	char line[LINE_BYTES];
	format_line(progress, done, at_s - progress->started_s, line);
	progress->shown_s = at_s;
	if (progress->terminal) {
		/* Never into the last column: the cursor would wrap and the next line would not land on this one. */
		int columns = terminal_columns() - 1;
		(void)fprintf(stderr, "\r%-*.*s", columns, columns, line);
	} else {
		(void)fprintf(stderr, "%s\n", line);
	}
	(void)fflush(stderr);
}

void
cli_progress_start(cli_progress_t *progress, const char *what, const char *unit, uint64_t total, bool quiet) {
	*progress = (cli_progress_t){.what = what, .unit = unit, .total = total, .quiet = quiet};
	progress->started_s = now_s();
	progress->terminal = isatty(STDERR_FILENO) == 1;
}

void
cli_progress_update(cli_progress_t *progress, uint64_t done) {
	double at_s;
	double since_s;
	if (progress->quiet) {
		return;
	}
	at_s = now_s();
	since_s = at_s - (progress->shown_s > 0 ? progress->shown_s : progress->started_s);
	if (since_s >= (progress->terminal ? terminal_every_s : log_every_s)) {
		show(progress, done, at_s);
	}
}

void
cli_progress_end(cli_progress_t *progress, uint64_t done) {
	/* What ended before anything was shown needs no last word either. */
	if (progress->quiet || !(progress->shown_s > 0)) {
		return;
	}
	show(progress, done, now_s());
	if (progress->terminal) {
		(void)fputc('\n', stderr);
	}
}
