/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DHCPv4 lease file of Kea (memfile CSV): header and rows.
 *
 * The file is a log: the last row of an address counts, and a row with valid_lifetime 0 ends its lease. What follows
 * from that is in import_plan.h; here are single rows. There is no quoting, a double quote is an octet like any other, so that a library for quoted CSV would
 * not do; see kea_text.h for the escaping of the two text columns. Read are files of every release (9, 10, 11, 12 or more columns); written are 12 columns.
 *
 * Nothing here knows the engine.
 */
#ifndef LESSOR_TOOLS_KEA4_H
#define LESSOR_TOOLS_KEA4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kea_text.h"

#define KEA4_HEADER                                                                                                    \
	"address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,"      \
	"pool_id\n"

#define KEA4_INFINITE     UINT32_MAX             /* a valid_lifetime of for ever */
#define KEA4_EXPIRE_MAX_S UINT64_C(910692730084) /* the last second that a lease of lessor can end at */

enum {
	KEA4_COLUMNS = 12,
	KEA4_COLUMNS_MIN = 9, /* what the oldest releases wrote */
	KEA4_HARDWARE_MAX_BYTES = 20,
	KEA4_CLIENT_ID_MIN_BYTES = 2,
	KEA4_CLIENT_ID_MAX_BYTES = 255,
	KEA4_HOSTNAME_MAX_BYTES = 255,  /* of a row that is read, as octets */
	KEA4_CONTEXT_MAX_BYTES = 16384, /* of a row that is read, as text */
	KEA4_TEXT_MAX_BYTES = 16384     /* of either text of a row that is written */
};

/* The state column. */
enum { KEA4_ASSIGNED = 0, KEA4_DECLINED = 1, KEA4_EXPIRED_RECLAIMED = 2, KEA4_RELEASED = 3 };

typedef struct kea4_row {
	uint32_t address; /* host byte order */
	uint32_t valid_lifetime_s;
	uint64_t expire_s; /* Unix seconds; last transaction + valid_lifetime_s */
	uint32_t subnet_id;
	uint32_t pool_id;
	uint8_t state;
	bool fqdn_forward;
	bool fqdn_reverse;
	bool hostname_dropped; /* reading: it held a NUL, which a text cannot */
	uint8_t hardware_bytes;
	uint8_t client_id_bytes;
	uint8_t hardware[KEA4_HARDWARE_MAX_BYTES];
	uint8_t client_id[KEA4_CLIENT_ID_MAX_BYTES];
	const char
		*hostname; /* UTF-8 text, see kea_text.h; "" for none. Read rows: in the parser, until the next row */
	const char *user_context;
	uint32_t hostname_bytes;
	uint32_t user_context_bytes;
} kea4_row_t;

/* ---- rows -------------------------------------------------------------------------------------------------------- */

/* What can be wrong with a row. The order is that of the texts in kea4.c. */
typedef enum kea4_problem {
	KEA4_FINE,
	KEA4_TOO_LONG,
	KEA4_TOO_FEW_CELLS,
	KEA4_TOO_MANY_CELLS,
	KEA4_BAD_ADDRESS,
	KEA4_BAD_HARDWARE,
	KEA4_BAD_CLIENT_ID,
	KEA4_BAD_LIFETIME,
	KEA4_BAD_EXPIRE,
	KEA4_BAD_SUBNET_ID,
	KEA4_BAD_FQDN,
	KEA4_BAD_HOSTNAME,
	KEA4_BAD_STATE,
	KEA4_BAD_CONTEXT,
	KEA4_CONTEXT_NOT_OBJECT,
	KEA4_CONTEXT_TOO_LONG,
	KEA4_BAD_POOL_ID,
	KEA4_NO_IDENTIFIER,
	KEA4_NO_MEMORY,
	KEA4_PROBLEMS
} kea4_problem_t;

/* A phrase without a full stop; static. */
const char *kea4_problem_text(kea4_problem_t problem);

/* What it takes to parse rows; a row points into it. */
typedef struct kea4_parser {
	size_t columns; /* of the file's header; for the caller to set */
	bool trusting;  /* take user contexts as they are, of rows that were parsed before */
	char hostname[KEA_TEXT_GROWS * KEA4_HOSTNAME_MAX_BYTES + 1];
	char user_context[KEA4_CONTEXT_MAX_BYTES + 1];
	char octets[KEA_TEXT_CELL_GROWS * KEA4_CONTEXT_MAX_BYTES];
	char text[KEA_TEXT_GROWS * KEA4_CONTEXT_MAX_BYTES];
} kea4_parser_t;

/* Whether the line is a header, that is: the known names in their order, at least nine. *columns: how many there are. */
bool kea4_parse_header(const char *line, size_t bytes, size_t *columns);

/* The name of a column, counted from 0; NULL beyond the twelfth. */
const char *kea4_column_name(size_t column);

/* Parse one row. On anything but KEA4_FINE the row's content is undefined. */
kea4_problem_t kea4_parse_row(kea4_parser_t *parser, const char *line, size_t bytes, kea4_row_t *row);

/* The two texts of a row by themselves, for other files that have them. */
kea4_problem_t kea4_parse_hostname(kea4_parser_t *parser, const char *cell, size_t bytes, kea4_row_t *row);
kea4_problem_t kea4_parse_context(kea4_parser_t *parser, const char *cell, size_t bytes, kea4_row_t *row);

/* Only the address of a row: a fraction of the cost. False if there is none. */
bool kea4_peek_address(const char *line, size_t bytes, uint32_t *address);

/* Four decimal numbers and nothing else. */
bool kea4_parse_ipv4(const char *text, size_t bytes, uint32_t *address);

/* The point in time at which the lifetime began. Before 1970: 0, and *clamped says so; beyond 32 bits: UINT32_MAX likewise. */
uint32_t kea4_last_transaction_s(const kea4_row_t *row, bool *clamped);

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Room for any row. */
enum { KEA4_ROW_OUT_BYTES = 2 * KEA_TEXT_CELL_GROWS * KEA4_TEXT_MAX_BYTES + 3 * 275 + 256 };

/*
 * Write a row with its line end; returns its bytes, without a NUL. Upper-case letters of the host name become lower case,
 * as Kea itself does on reading.
 */
size_t kea4_format_row(const kea4_row_t *row, char *out);

/* Texts as cells; return their bytes, at most KEA_TEXT_CELL_GROWS * KEA4_TEXT_MAX_BYTES. */
size_t kea4_format_hostname(const char *text, size_t bytes, char *out);
size_t kea4_format_context(const char *text, size_t bytes, char *out);

/* Dotted quad; returns its bytes, at most 15, without a NUL. */
size_t kea4_format_ipv4(uint32_t address, char *out);

#endif
