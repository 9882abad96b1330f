/* SPDX-License-Identifier: Apache-2.0 */
#include "figures.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_S = 10 };

void
figures_free(figures_t *figures) {
	for (size_t i = 0; i < figures->count; i++) {
		free(figures->scopes[i].name);
	}
	free(figures->scopes);
	free(figures->text);
	*figures = (figures_t){0};
}

/* ---- taking the text apart ------------------------------------------------------------------------------------------ */

/* A sample: name{key="value",...} number. The values are unescaped in place. */
typedef struct sample {
	const char *name;
	struct {
		const char *key;
		const char *value;
	} labels[8];
	size_t count;
	uint64_t number;
} sample_t;

static const char *
label(const sample_t *sample, const char *key) {
	for (size_t i = 0; i < sample->count; i++) {
		if (strcmp(sample->labels[i].key, key) == 0) {
			return sample->labels[i].value;
		}
	}
	return "";
}

/* What stands behind the opening quote. Returns what follows the closing one, or NULL. */
static char *
unescape(char *text) {
	char *to = text;
	for (; *text != '"'; text++) {
		if (*text == '\\' && text[1] != '\0') {
			text++;
			*to++ = *text == 'n' ? '\n' : *text;
		} else if (*text == '\0') {
			return NULL;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
	return text + 1;
}

/* What stands behind the opening brace. Returns what follows the closing one, or NULL. */
static char *
take_labels(char *text, sample_t *sample) {
	while (text != NULL && *text != '}') {
		char *equals = strstr(text, "=\"");
		if (equals == NULL || sample->count == sizeof(sample->labels) / sizeof(sample->labels[0])) {
			return NULL;
		}
		*equals = '\0';
		sample->labels[sample->count].key = text;
		sample->labels[sample->count++].value = equals + 2;
		text = unescape(equals + 2);
		if (text != NULL && *text == ',') {
			text++;
		}
	}
	return text != NULL ? text + 1 : NULL;
}

static bool
take_line(char *line, sample_t *sample) {
	char *end = line + strcspn(line, "{ ");
	const bool has_labels = *end == '{';
	*sample = (sample_t){.name = line};
	if (*end == '\0') {
		return false;
	}
	*end++ = '\0';
	if (has_labels) {
		end = take_labels(end, sample);
		if (end == NULL || *end++ != ' ') {
			return false;
		}
	}
	sample->number = strtoull(end, NULL, 10);
	return *end >= '0' && *end <= '9';
}

static bool
add_scope(figures_t *figures, const sample_t *sample) {
	if (figures->count == figures->capacity) {
		size_t capacity = figures->capacity == 0 ? 16 : 2 * figures->capacity;
		figures_scope_t *scopes = realloc(figures->scopes, capacity * sizeof(*scopes));
		if (scopes == NULL) {
			return false;
		}
		figures->scopes = scopes;
		figures->capacity = capacity;
	}
	figures_scope_t *scope = &figures->scopes[figures->count];
	*scope = (figures_scope_t){.name = strdup(label(sample, "name")),
				   .id = (uint32_t)strtoul(label(sample, "id"), NULL, 10)};
	if (scope->name == NULL) {
		return false;
	}
	(void)snprintf(scope->subnet, sizeof(scope->subnet), "%s", label(sample, "subnet"));
	(void)snprintf(scope->state, sizeof(scope->state), "%s", label(sample, "state"));
	figures->count++;
	return true;
}

figures_scope_t *
figures_find(const figures_t *figures, const char *subnet, size_t *last) {
	for (size_t i = 0; i < figures->count; i++) {
		size_t at = (*last + i) % figures->count;
		if (strcmp(figures->scopes[at].subnet, subnet) == 0) {
			*last = at;
			return &figures->scopes[at];
		}
	}
	return NULL;
}

typedef struct member {
	const char *name;
	size_t offset;
} member_t;

static void
store_number(void *object, const member_t *members, const char *name, uint64_t number) {
	for (; members->name != NULL; members++) {
		if (strcmp(members->name, name) == 0) {
			memcpy((char *)object + members->offset, &number, sizeof(number));
		}
	}
}

static void
store_leases(lessor_scope_stats_t *stats, const char *state, uint64_t number) {
	static const member_t members[] = {{"active", offsetof(lessor_scope_stats_t, leases_active)},
					   {"declined", offsetof(lessor_scope_stats_t, leases_declined)},
					   {"doomed", offsetof(lessor_scope_stats_t, leases_doomed)},
					   {NULL, 0}};
	store_number(stats, members, state, number);
	stats->leases += number;
}

/* Names that are not known are left out. */
static bool
take_sample(figures_t *figures, const sample_t *sample, size_t *last) {
	static const member_t scope_members[] = {
		{"pool_addresses", offsetof(lessor_scope_stats_t, pool)},
		{"in_use_addresses", offsetof(lessor_scope_stats_t, in_use)},
		{"in_use_high_water_addresses", offsetof(lessor_scope_stats_t, in_use_high_water)},
		{"free_addresses", offsetof(lessor_scope_stats_t, free)},
		{"pending_addresses", offsetof(lessor_scope_stats_t, pending)},
		{"creates_total", offsetof(lessor_scope_stats_t, creates)},
		{"deletes_total", offsetof(lessor_scope_stats_t, deletes)},
		{"expires_total", offsetof(lessor_scope_stats_t, expires)},
		{NULL, 0}};
	static const member_t engine_members[] = {
		{"lessor_scopes", offsetof(lessor_engine_stats_t, scopes)},
		{"lessor_leases", offsetof(lessor_engine_stats_t, leases)},
		{"lessor_memory_bytes", offsetof(lessor_engine_stats_t, memory_bytes)},
		{"lessor_log_bytes", offsetof(lessor_engine_stats_t, log_bytes)},
		{"lessor_log_flushes_total", offsetof(lessor_engine_stats_t, flushes)},
		{"lessor_log_flushed_bytes_total", offsetof(lessor_engine_stats_t, flushed_bytes)},
		{"lessor_log_last_ticket", offsetof(lessor_engine_stats_t, last_ticket)},
		{"lessor_log_durable_ticket", offsetof(lessor_engine_stats_t, durable_ticket)},
		{NULL, 0}};
	static const char prefix[] = "lessor_scope_";
	if (strcmp(sample->name, "lessor_scope_info") == 0) {
		return add_scope(figures, sample);
	}
	if (strncmp(sample->name, prefix, sizeof(prefix) - 1) != 0) {
		store_number(&figures->engine, engine_members, sample->name, sample->number);
		return true;
	}
	figures_scope_t *scope = figures_find(figures, label(sample, "subnet"), last);
	if (scope != NULL && strcmp(sample->name, "lessor_scope_leases") == 0) {
		store_leases(&scope->stats, label(sample, "state"), sample->number);
	} else if (scope != NULL) {
		store_number(&scope->stats, scope_members, sample->name + sizeof(prefix) - 1, sample->number);
	}
	return true;
}

bool
figures_parse(figures_t *figures) {
	static const char eof[] = "# EOF\n";
	char *copy = NULL;
	char *rest;
	size_t last = 0;
	bool good = figures->text_bytes >= sizeof(eof) - 1 &&
		    memcmp(figures->text + figures->text_bytes - (sizeof(eof) - 1), eof, sizeof(eof) - 1) == 0;
	if (!good || (copy = strdup(figures->text)) == NULL) {
		return false;
	}
	for (char *line = strtok_r(copy, "\n", &rest); good && line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		sample_t sample;
		good = line[0] == '#' || (take_line(line, &sample) && take_sample(figures, &sample, &last));
	}
	free(copy);
	return good;
}

/* ---- getting the text ------------------------------------------------------------------------------------------------ */

static bool
write_text(void *context, const char *text, size_t bytes) {
	return fwrite(text, 1, bytes, context) == bytes;
}

/* Takes what 'fill' writes, and takes it apart. */
static int
collect(const char *command, figures_t *figures, lessor_status_t (*fill)(FILE *stream, void *context), void *context) {
	FILE *stream = open_memstream(&figures->text, &figures->text_bytes);
	lessor_status_t status = stream != NULL ? fill(stream, context) : LESSOR_NO_MEMORY;
	if (stream != NULL && fclose(stream) != 0) {
		status = LESSOR_NO_MEMORY;
	}
	if (status != LESSOR_OK) {
		return cli_fail_status(command, status, NULL, "reading the figures");
	}
	return figures_parse(figures)
		       ? CLI_OK
		       : cli_fail(command, CLI_FAILED, "reading the figures: the answer is not complete");
}

static lessor_status_t
fill_from_engine(FILE *stream, void *engine) {
	return lessor_stats_openmetrics(engine, LESSOR_METRICS_KEA_NAMES, write_text, stream);
}

static lessor_status_t
fill_from_socket(FILE *stream, void *context) {
	const int *connection = context;
	char piece[16384];
	for (;;) {
		ssize_t count = recv(*connection, piece, sizeof(piece), 0);
		if (count == 0) {
			return LESSOR_OK;
		}
		if (count < 0 && errno != EINTR) {
			return errno == EAGAIN ? LESSOR_TIMEOUT : LESSOR_IO;
		}
		if (count > 0 && !write_text(stream, piece, (size_t)count)) {
			return LESSOR_NO_MEMORY;
		}
	}
}

/* The connection, or -1. */
static int
connect_to(const char *store) {
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int connection = -1;
	int directory = open(store, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0) {
		return -1;
	}
	(void)snprintf(name.sun_path, sizeof(name.sun_path), "/proc/self/fd/%d/lessor.stats", directory);
	connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* The second is how long connect() waits for a place in the queue. */
	if (connection >= 0 && (setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
				setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
				connect(connection, (const struct sockaddr *)&name, sizeof(name)) != 0)) {
		(void)close(connection);
		connection = -1;
	}
	(void)close(directory);
	return connection;
}

int
figures_read_live(const char *command, const char *store, figures_t *figures) {
	int connection = connect_to(store);
	int result;
	*figures = (figures_t){.live = true};
	if (connection < 0) {
		return CLI_NOT_FOUND;
	}
	result = collect(command, figures, fill_from_socket, &connection);
	(void)close(connection);
	return result;
}

int
figures_read(const char *command, const char *store, figures_t *figures) {
	lessor_engine_t *engine;
	lessor_options_t options;
	lessor_report_t report;
	lessor_status_t status;
	int result = figures_read_live(command, store, figures);
	if (result != CLI_NOT_FOUND) {
		return result;
	}
	lessor_options_init(&options);
	options.read_only = true;
	figures->live = false;
	status = lessor_open(store, &options, &engine, &report);
	if (status == LESSOR_LOCKED) {
		return cli_fail(
			command, CLI_LOCKED,
			"the store '%s' is locked by a process that does not answer (it may by lessor_stats_serve())",
			store);
	}
	if (status != LESSOR_OK) {
		return cli_fail_status(command, status, &report, "cannot open the store '%s'", store);
	}
	return cli_close(command, &engine, collect(command, figures, fill_from_engine, engine));
}
