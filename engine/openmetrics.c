/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The figures as OpenMetrics text (openmetrics.io, version 1.0.0), which wants all samples of a metric together: so the scopes are gone through once,
 * which writes their lessor_scope_info and notes their figures, and the rest is written from the notes.
 */
#include "engine_p.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <lessor/version.h>

enum { SINK_BYTES = 4096, LINE_MAX_BYTES = 512, SUBNET_BYTES = INET6_ADDRSTRLEN + 4 };

/* ---- writing ------------------------------------------------------------------------------------------------------ */

typedef struct {
	lessor_write_t *write;
	void *context;
	size_t used;
	bool failed;
	char bytes[SINK_BYTES];
} sink_t;

static void
flush(sink_t *sink) {
	sink->failed = sink->failed || (sink->used > 0 && !sink->write(sink->context, sink->bytes, sink->used));
	sink->used = 0;
}

/* At most LINE_MAX_BYTES. */
__attribute__((format(printf, 2, 3))) static void
put(sink_t *sink, const char *format, ...) {
	if (sink->used + LINE_MAX_BYTES > SINK_BYTES) {
		flush(sink);
	}
	va_list arguments;
	va_start(arguments, format);
	const int count = vsnprintf(sink->bytes + sink->used, LINE_MAX_BYTES, format, arguments);
	va_end(arguments);
	sink->used += count > 0 ? lsr_min_u64((uint64_t)count, LINE_MAX_BYTES - 1) : 0;
}

/* The value of a label. */
static void
put_escaped(sink_t *sink, const char *text) {
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			put(sink, "\\n");
		} else {
			put(sink, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
		}
	}
}

/* unit NULL: none. */
static void
put_family(sink_t *sink, const char *name, const char *type, const char *unit, const char *help) {
	put(sink, "# TYPE %s %s\n", name, type);
	if (unit != NULL) {
		put(sink, "# UNIT %s %s\n", name, unit);
	}
	put(sink, "# HELP %s %s\n", name, help);
}

/* ---- the scopes --------------------------------------------------------------------------------------------------- */

typedef struct {
	char subnet[SUBNET_BYTES];
	bool is_six;
	uint32_t id;
	lessor_scope_stats_t figures; /* its subnet is not used */
} row_t;

typedef struct {
	row_t *rows;
	size_t count;
	size_t capacity;
} rows_t;

static row_t *
next_row(rows_t *rows) {
	if (rows->count == rows->capacity) {
		const size_t capacity = rows->capacity == 0 ? 16 : 2 * rows->capacity;
		row_t *grown = realloc(rows->rows, capacity * sizeof(*grown));
		if (grown == NULL) {
			return NULL;
		}
		rows->rows = grown;
		rows->capacity = capacity;
	}
	return &rows->rows[rows->count];
}

static void
put_info(sink_t *sink, const row_t *row, uint32_t state, const char *name) {
	static const char *const states[] = {"enabled", "disabled", "enabled-switched", "disabled-switched", "invalid"};
	put(sink, "lessor_scope_info{subnet=\"%s\",id=\"%" PRIu32 "\",state=\"%s\",name=\"", row->subnet, row->id,
	    states[state]);
	put_escaped(sink, name != NULL ? name : "");
	put(sink, "\"} 1\n");
}

/* LESSOR_NOT_FOUND: it was deleted meanwhile. */
static lessor_status_t
note_scope(lessor_engine_t *engine, const lessor_scope_t *scope, row_t *row) {
	const struct in_addr address = {.s_addr = htonl(scope->subnet)};
	char text[INET_ADDRSTRLEN];
	(void)inet_ntop(AF_INET, &address, text, sizeof(text));
	(void)snprintf(row->subnet, sizeof(row->subnet), "%s/%d", text, __builtin_popcount(scope->mask));
	row->is_six = false;
	row->id = scope->id;
	return lessor_scope_stats(engine, scope->subnet, &row->figures);
}

/* The pool of a /64 is more than a number of 64 bits says, as long as nothing of it is excluded. */
static uint64_t
pool_of(const lessor_scope6_stats_t *stats) {
	const uint64_t used = stats->in_use + stats->pending;
	return stats->free > UINT64_MAX - used ? UINT64_MAX : stats->free + used;
}

static lessor_status_t
note_scope6(lessor_engine_t *engine, const lessor_scope6_t *scope, row_t *row) {
	lessor_scope6_stats_t stats;
	struct in6_addr address = {0};
	char text[INET6_ADDRSTRLEN];
	for (unsigned i = 0; i < 8; i++) {
		address.s6_addr[i] = (uint8_t)(scope->prefix >> (56 - 8 * i));
	}
	(void)inet_ntop(AF_INET6, &address, text, sizeof(text));
	(void)snprintf(row->subnet, sizeof(row->subnet), "%s/64", text);
	row->is_six = true;
	row->id = scope->id;
	const lessor_status_t status = lessor_scope6_stats(engine, scope->prefix, &stats);
	if (status == LESSOR_OK) {
		row->figures = (lessor_scope_stats_t){.pool = pool_of(&stats),
						      .in_use = stats.in_use,
						      .free = stats.free,
						      .pending = stats.pending,
						      .leases = stats.leases,
						      .leases_active = stats.leases_active,
						      .leases_declined = stats.leases_declined,
						      .leases_doomed = stats.leases_doomed,
						      .in_use_high_water = stats.in_use_high_water,
						      .creates = stats.creates,
						      .deletes = stats.deletes,
						      .expires = stats.expires};
	}
	return status;
}

/* The outcome of noting one: write and keep it, or leave out what is gone. */
static lessor_status_t
settle_row(sink_t *sink, rows_t *rows, lessor_status_t status, uint32_t state, const char *name) {
	if (status == LESSOR_OK) {
		put_info(sink, &rows->rows[rows->count++], state, name);
		return sink->failed ? LESSOR_IO : LESSOR_OK; /* nobody wants the others */
	}
	return status == LESSOR_NOT_FOUND ? LESSOR_OK : status;
}

static lessor_status_t
note_scopes(lessor_engine_t *engine, sink_t *sink, rows_t *rows) {
	char texts[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope_t scope = {0};
	lessor_status_t status = lessor_scope_next(engine, 0, &scope, texts, sizeof(texts));
	while (status == LESSOR_OK) {
		row_t *row = next_row(rows);
		if (row == NULL) {
			return LESSOR_NO_MEMORY;
		}
		status = settle_row(sink, rows, note_scope(engine, &scope, row), scope.state, scope.name);
		if (status == LESSOR_OK) {
			const uint32_t last = scope.subnet | ~scope.mask;
			status = last == UINT32_MAX ? LESSOR_END
						    : lessor_scope_next(engine, last + 1, &scope, texts, sizeof(texts));
		}
	}
	return status == LESSOR_END ? LESSOR_OK : status;
}

static lessor_status_t
note_scopes6(lessor_engine_t *engine, sink_t *sink, rows_t *rows) {
	char texts[LESSOR_SCOPE_BUFFER_BYTES];
	lessor_scope6_t scope = {0};
	lessor_status_t status = lessor_scope6_next(engine, 0, &scope, texts, sizeof(texts));
	while (status == LESSOR_OK) {
		row_t *row = next_row(rows);
		if (row == NULL) {
			return LESSOR_NO_MEMORY;
		}
		status = settle_row(sink, rows, note_scope6(engine, &scope, row), scope.state, scope.name);
		if (status == LESSOR_OK) {
			status = scope.prefix == UINT64_MAX
					 ? LESSOR_END
					 : lessor_scope6_next(engine, scope.prefix + 1, &scope, texts, sizeof(texts));
		}
	}
	return status == LESSOR_END ? LESSOR_OK : status;
}

/* ---- the figures -------------------------------------------------------------------------------------------------- */

/* A figure of each scope. A counter's samples, but not its family, end in _total. */
typedef struct {
	const char *name;
	const char *type;
	const char *suffix;
	const char *help;
	size_t offset;
} figure_t;

static uint64_t
value_of(const row_t *row, size_t offset) {
	uint64_t value;
	memcpy(&value, (const char *)&row->figures + offset, sizeof(value));
	return value;
}

static void
put_figures(sink_t *sink, const rows_t *rows) {
	static const figure_t figures[] = {
		{"lessor_scope_pool_addresses", "gauge", "", "Addresses that can be handed out.",
		 offsetof(lessor_scope_stats_t, pool)},
		{"lessor_scope_in_use_addresses", "gauge", "",
		 "Addresses of the pool with an active or declined lease, or reserved.",
		 offsetof(lessor_scope_stats_t, in_use)},
		{"lessor_scope_in_use_high_water_addresses", "gauge", "", "The most that were in use.",
		 offsetof(lessor_scope_stats_t, in_use_high_water)},
		{"lessor_scope_free_addresses", "gauge", "",
		 "Addresses of the pool that are neither in use nor offered.", offsetof(lessor_scope_stats_t, free)},
		{"lessor_scope_pending_addresses", "gauge", "", "Addresses of the pool that are offered.",
		 offsetof(lessor_scope_stats_t, pending)},
		{"lessor_scope_creates", "counter", "_total", "Leases created since the scope was.",
		 offsetof(lessor_scope_stats_t, creates)},
		{"lessor_scope_deletes", "counter", "_total",
		 "Leases deleted or removed by expiry since the scope was created.",
		 offsetof(lessor_scope_stats_t, deletes)},
		{"lessor_scope_expires", "counter", "_total", "Leases removed by expiry since the store was opened.",
		 offsetof(lessor_scope_stats_t, expires)},
	};
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		put_family(sink, figures[i].name, figures[i].type, NULL, figures[i].help);
		for (size_t r = 0; r < rows->count && !sink->failed; r++) {
			put(sink, "%s%s{subnet=\"%s\"} %" PRIu64 "\n", figures[i].name, figures[i].suffix,
			    rows->rows[r].subnet, value_of(&rows->rows[r], figures[i].offset));
		}
	}
}

static void
put_leases(sink_t *sink, const rows_t *rows) {
	put_family(sink, "lessor_scope_leases", "gauge", NULL, "Leases by the state of their address.");
	for (size_t r = 0; r < rows->count && !sink->failed; r++) {
		const row_t *row = &rows->rows[r];
		static const char format[] = "lessor_scope_leases{subnet=\"%s\",state=\"%s\"} %" PRIu64 "\n";
		put(sink, format, row->subnet, "active", row->figures.leases_active);
		put(sink, format, row->subnet, "declined", row->figures.leases_declined);
		put(sink, format, row->subnet, "doomed", row->figures.leases_doomed);
	}
}

static void
put_value(sink_t *sink, const char *name, const char *type, const char *unit, uint64_t value, const char *help) {
	put_family(sink, name, type, unit, help);
	put(sink, "%s%s %" PRIu64 "\n", name, type[0] == 'c' ? "_total" : "", value);
}

static void
put_engine(sink_t *sink, const lessor_engine_stats_t *stats) {
	put_family(sink, "lessor_build", "info", NULL, "The version of the library.");
	put(sink, "lessor_build_info{version=\"%s\"} 1\n", lessor_version());
	put_family(sink, "lessor_open_timestamp_seconds", "gauge", "seconds", "When the store was opened.");
	put(sink, "lessor_open_timestamp_seconds %.3f\n",
	    (double)(stats->opened_at - lessor_time_from_unix_s(0)) / (double)LESSOR_TICKS_PER_SECOND);
	put_value(sink, "lessor_scopes", "gauge", NULL, stats->scopes, "Scopes.");
	put_value(sink, "lessor_leases", "gauge", NULL, stats->leases, "Leases in any state.");
	put_value(sink, "lessor_memory_bytes", "gauge", "bytes", stats->memory_bytes,
		  "Memory of records, indexes and the ring of the log.");
	put_value(sink, "lessor_log_bytes", "gauge", "bytes", stats->log_bytes, "Size of the files of the log.");
	put_value(sink, "lessor_log_flushes", "counter", NULL, stats->flushes, "Flushes since the store was opened.");
	put_value(sink, "lessor_log_flushed_bytes", "counter", "bytes", stats->flushed_bytes,
		  "Bytes flushed since the store was opened.");
	put_value(sink, "lessor_log_last_ticket", "gauge", NULL, stats->last_ticket, "The newest position of the log.");
	put_value(sink, "lessor_log_durable_ticket", "gauge", NULL, stats->durable_ticket,
		  "Everything up to this position is on stable storage.");
}

/* As exporters for Kea have them: gauges all, in spite of their names. */
static void
put_kea_names(sink_t *sink, const rows_t *rows) {
	static const struct {
		bool is_six;
		figure_t figure;
	} names[] = {
		{false,
		 {"kea_dhcp4_addresses_assigned_total", "gauge", "", "Assigned addresses",
		  offsetof(lessor_scope_stats_t, in_use)}},
		{false,
		 {"kea_dhcp4_addresses_total", "gauge", "", "Size of subnet address pool",
		  offsetof(lessor_scope_stats_t, pool)}},
		{false,
		 {"kea_dhcp4_addresses_declined_total", "gauge", "", "Declined addresses",
		  offsetof(lessor_scope_stats_t, leases_declined)}},
		{false,
		 {"kea_dhcp4_addresses_reclaimed_total", "gauge", "", "Expired addresses reclaimed",
		  offsetof(lessor_scope_stats_t, expires)}},
		{false,
		 {"kea_dhcp4_cumulative_addresses_assigned_total", "gauge", "", "Leases created",
		  offsetof(lessor_scope_stats_t, creates)}},
		{true,
		 {"kea_dhcp6_na_assigned_total", "gauge", "", "Assigned addresses",
		  offsetof(lessor_scope_stats_t, in_use)}},
		{true,
		 {"kea_dhcp6_na_total", "gauge", "", "Size of subnet address pool",
		  offsetof(lessor_scope_stats_t, pool)}},
		{true,
		 {"kea_dhcp6_addresses_declined_total", "gauge", "", "Declined addresses",
		  offsetof(lessor_scope_stats_t, leases_declined)}},
		{true,
		 {"kea_dhcp6_addresses_reclaimed_total", "gauge", "", "Expired addresses reclaimed",
		  offsetof(lessor_scope_stats_t, expires)}},
		{true,
		 {"kea_dhcp6_cumulative_nas_assigned_total", "gauge", "", "Leases created",
		  offsetof(lessor_scope_stats_t, creates)}},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const figure_t *figure = &names[i].figure;
		put_family(sink, figure->name, figure->type, NULL, figure->help);
		for (size_t r = 0; r < rows->count && !sink->failed; r++) {
			const row_t *row = &rows->rows[r];
			if (row->is_six == names[i].is_six) {
				put(sink, "%s{subnet=\"%s\",subnet_id=\"%" PRIu32 "\"} %" PRIu64 "\n", figure->name,
				    row->subnet, row->id, value_of(row, figure->offset));
			}
		}
	}
}

lessor_status_t
lessor_stats_openmetrics(lessor_engine_t *engine, uint32_t flags, lessor_write_t *write, void *context) {
	lessor_engine_stats_t stats;
	rows_t rows = {0};
	sink_t sink = {.write = write, .context = context};
	lessor_status_t status = lsr_engine_for_read(engine);
	if (status != LESSOR_OK) {
		return status;
	}
	if (write == NULL || (flags & ~(uint32_t)LESSOR_METRICS_KEA_NAMES) != 0) {
		return LESSOR_INVALID;
	}
	put_family(&sink, "lessor_scope", "info", NULL, "The scopes: the caller's number, state and name.");
	status = note_scopes(engine, &sink, &rows);
	status = status == LESSOR_OK ? note_scopes6(engine, &sink, &rows) : status;
	status = status == LESSOR_OK ? lessor_engine_stats(engine, &stats) : status;
	if (status == LESSOR_OK) {
		put_figures(&sink, &rows);
		put_leases(&sink, &rows);
		put_engine(&sink, &stats);
		if ((flags & LESSOR_METRICS_KEA_NAMES) != 0) {
			put_kea_names(&sink, &rows);
		}
		put(&sink, "# EOF\n");
		flush(&sink);
		status = sink.failed ? LESSOR_IO : LESSOR_OK;
	}
	free(rows.rows);
	return status;
}
