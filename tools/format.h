/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lease files of any kind, as import and export see them.
 *
 * A format reads a file into records, one after another, and writes leases. Reading, a file is gone through more than once, and must
 * give the same records each time. Only what a record says reaches the store; what the file says beyond that is counted, by field.
 * Nothing here knows the engine.
 *
 * Client ids. A lease without one gets its hardware address as client id, and without that the four octets of its address; both are
 * marked as made up. An IPv6 lease without a DUID gets the sixteen octets of its address as DUID.
 */
#ifndef LESSOR_TOOLS_FORMAT_H
#define LESSOR_TOOLS_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lessor/lease.h>
#include <lessor/lease6.h>
#include <lessor/scope.h>
#include <lessor/scope6.h>

#include "format_text.h"
#include "kea_config.h"
#include "output_file.h"

/* Of 7 and 8 February in "07/08/2026", which one? */
typedef enum format_date_order { FORMAT_DATE_ISO, FORMAT_DATE_DAY_FIRST, FORMAT_DATE_MONTH_FIRST } format_date_order_t;

typedef struct format_options {
	format_date_order_t date_order;
	int32_t utc_offset_s; /* of times that do not say where they are; east of Greenwich is positive */
	bool has_utc_offset;
} format_options_t;

typedef struct format_source {
	const char *path;
	int fd;
	uint64_t bytes;     /* nothing behind is read */
	int64_t modified_s; /* Unix seconds */
	const format_options_t *options;
} format_source_t;

/* ---- reading ----------------------------------------------------------------------------------------------------- */

typedef enum format_kind {
	FORMAT_LEASE,
	FORMAT_END,    /* the lease of an address is over; only lease.address and line are set */
	FORMAT_SCOPE,  /* of formats with has_scopes only */
	FORMAT_BAD,    /* text says what is wrong */
	FORMAT_CUT,    /* likewise, and it is because the file ends here, in the last row */
	FORMAT_BROKEN, /* likewise, and nothing behind it can be read: nobody knows how many leases are lost */
	FORMAT_NOTE    /* text and detail are to be told; it stands for no row */
} format_kind_t;

/* What was taken, but not quite as it stood there: a set, bit 1 << format_warning_t each. */
typedef enum format_warning {
	FORMAT_WARN_START_CLAMPED,
	FORMAT_WARN_NAME_DROPPED,
	FORMAT_WARN_DURATION,
	FORMAT_WARN_NO_ZONE,
	FORMAT_WARNINGS
} format_warning_t;

/* A phrase, static. */
const char *format_warning_text(format_warning_t warning);

enum { FORMAT_LOST_FIELDS = 32 };

typedef struct format_record {
	format_kind_t kind;
	uint64_t line;               /* where it begins, from 1; 0: not known */
	const char *text;            /* a phrase, static */
	const char *detail;          /* of a note; NULL: none */
	const lessor_scope_t *scope; /* with its texts */
	const lessor_range_t *exclusions;
	size_t exclusion_count;
	uint32_t subnet_id; /* 0: not said */
	uint32_t warnings;
	uint32_t lost; /* fields that were there and that a lease cannot hold: bits of format_reader_t.lost_names */
	lessor_lease_t lease;                       /* it points into the reader, until the next record */
	uint8_t made_up[LESSOR_HARDWARE_MAX_BYTES]; /* room for an id that the file lacks */
	bool is6; /* a lease, an end or a scope of IPv6: these instead of 'lease', 'scope' and 'exclusions' */
	lessor_lease6_t lease6;
	const lessor_scope6_t *scope6;
	const lessor_range6_t *exclusions6;
} format_record_t;

typedef struct format format_t;

/* What every reader begins with. */
typedef struct format_reader {
	const format_t *format;
	uint64_t done_bytes;
	const char *lost_names[FORMAT_LOST_FIELDS]; /* NULL: no such field */
} format_reader_t;

/* ---- writing ----------------------------------------------------------------------------------------------------- */

typedef struct format_scope {
	lessor_scope_t scope; /* with its texts */
	const lessor_range_t *exclusions;
	size_t exclusion_count;
} format_scope_t;

typedef struct format_scope6 {
	lessor_scope6_t scope; /* with its texts */
	const lessor_range6_t *exclusions;
	size_t exclusion_count;
} format_scope6_t;

typedef struct format_writer {
	output_file_t *output;
	uint64_t rows;    /* written so far, counted by the caller */
	uint64_t scopes;  /* for the format to count */
	char *scratch;    /* OUTPUT_FILE_ROOM bytes */
	const char *note; /* to be told in the end; NULL: nothing */
} format_writer_t;

/* What a file cannot say of a lease: a set, bit 1 << format_loss_t each. A format may have its own, with texts of its own. */
typedef enum format_loss {
	FORMAT_LOSS_LEFT_OUT, /* of every format: there is no row at all */
	FORMAT_LOSS_STATE,
	FORMAT_LOSS_STATE_BITS,
	FORMAT_LOSS_CLIENT_ID,
	FORMAT_LOSS_ID_MADE_UP,
	FORMAT_LOSS_HARDWARE,
	FORMAT_LOSS_HARDWARE_TYPE,
	FORMAT_LOSS_CLIENT_TYPE,
	FORMAT_LOSS_NO_EXPIRY,
	FORMAT_LOSS_INFINITE,
	FORMAT_LOSS_FRACTION,
	FORMAT_LOSS_START,
	FORMAT_LOSS_NAME,
	FORMAT_LOSS_DNS,
	FORMAT_LOSS_COMMENT,
	FORMAT_LOSS_POLICY,
	FORMAT_LOSS_OWNER,
	FORMAT_LOSS_QUARANTINE,
	FORMAT_LOSS_CONTEXT,
	FORMAT_LOSS_PREFERRED,
	FORMAT_LOSS_IAID,
	FORMAT_LOSS_LIMIT_KEYS,
	FORMAT_LOSSES
} format_loss_t;

#define FORMAT_LOSS_BIT(loss) (UINT32_C(1) << (loss))

/* What happened to the leases that are counted under a loss; a phrase, static. */
const char *format_loss_text(unsigned loss);

/* The bit of a loss, if it happened. */
static inline uint32_t
format_lost(bool lost, format_loss_t loss) {
	return lost ? FORMAT_LOSS_BIT(loss) : 0;
}

/* Those of a lease's members that it has something to lose in; for a writer to leave out the ones it writes. */
uint32_t format_losses_of(const lessor_lease_t *lease);
uint32_t format_losses_of6(const lessor_lease6_t *lease);

/* ---- formats ----------------------------------------------------------------------------------------------------- */

struct format {
	const char *name;
	const char *title; /* what it is, for people */

	/* Does a file that begins so look like one? 'begin' is not NUL-terminated; blank lines in front are left out. */
	bool (*matches)(const char *begin, size_t bytes);

	bool has_siblings; /* leases stand in the files NAME.completed, NAME.2 and NAME.1 too */
	bool has_scopes;   /* the file says which scopes there are */
	bool scopes_lead;  /* before any lease */
	bool needs_ids;    /* writing: scopes are named by their ids */

	/* Begin at the start of the file. NULL with a sentence: *foreign says whether the file is none of this format, or the system refused. */
	format_reader_t *(*open)(const format_source_t *source, bool *foreign, char sentence[KEA_SENTENCE_BYTES]);

	/* The next record. 1; 0 at the end; -1 with errno. */
	int (*next)(format_reader_t *reader, format_record_t *record);
	void (*close)(format_reader_t *reader);

	/*
	 * Each writes to the writer's output; false with errno. Any may be NULL, and of 'lease' and 'lease6' one: the file has no leases of
	 * that family. A lease with FORMAT_LOSS_LEFT_OUT has no row. Everything of IPv6 comes behind what there is of IPv4.
	 */
	bool (*begin)(format_writer_t *writer);
	bool (*begin_scope)(format_writer_t *writer, const format_scope_t *scope);
	bool (*lease)(format_writer_t *writer, const lessor_lease_t *lease, const lessor_scope_t *scope,
		      uint32_t *losses);
	bool (*end_scope)(format_writer_t *writer, const format_scope_t *scope);
	bool (*begin_scope6)(format_writer_t *writer, const format_scope6_t *scope);
	bool (*lease6)(format_writer_t *writer, const lessor_lease6_t *lease, const lessor_scope6_t *scope,
		       uint32_t *losses);
	bool (*end)(format_writer_t *writer);
	const char *(*loss_text)(unsigned loss);
};

/* All of them; the last one is NULL. */
extern const format_t *const formats[];

extern const format_t format_kea4;
extern const format_t format_kea6;
extern const format_t format_json;
extern const format_t format_dnsmasq;
extern const format_t format_odhcpd;
extern const format_t format_isc;
extern const format_t format_networkd;
extern const format_t format_windows_xml;
extern const format_t format_windows_csv;
extern const format_t format_infoblox;

/* By name, the value of --format, or cli_reject(). */
struct argp_state;
const format_t *format_need(const struct argp_state *state, const char *name);

/* By what the file begins with; NULL: it looks like none. */
const format_t *format_guess(const char *begin, size_t bytes);

/* ---- for readers and writers ------------------------------------------------------------------------------------- */

/* A record without anything. */
void format_record_clear(format_record_t *record, format_kind_t kind, uint64_t line);

/* The same of IPv6. */
void format_record_clear6(format_record_t *record, format_kind_t kind, uint64_t line);

/* Something is wrong with it. Returns 1, as format_t.next does. */
int format_record_bad(format_record_t *record, const char *text);

/* Give the lease a client id if it has none. */
void format_need_client_id(format_record_t *record);
void format_need_duid(format_record_t *record);

/* ISO 8601, or what the options say. 'zoned': it says where it is. False if it is neither. */
bool format_parse_time(const format_options_t *options, piece_t text, lessor_filetime_t *time, bool *zoned);

/* Would format_need_client_id() make the lease's client id again, if it were not written? */
bool format_can_omit_client_id(const lessor_lease_t *lease);
bool format_can_omit_duid(const lessor_lease6_t *lease);

/* Unix seconds of an expiry that is a point in time; false if it is infinite or none. */
bool format_expiry_s(const lessor_lease_t *lease, int64_t *unix_s);
bool format_expiry6_s(const lessor_lease6_t *lease, int64_t *unix_s);

#endif
