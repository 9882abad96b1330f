/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lease as a Windows DHCP server shows it, in XML and CSV alike: properties with a name and a text each.
 *
 *   Windows                       lessor
 *   ClientId of 6 octets          hardware of type 1, and client_id 01 and these octets
 *   ClientId of other lengths     client_id
 *   HostName BAD_ADDRESS          DECLINED, without identifiers and name
 *   Active, ActiveReservation     ACTIVE, the latter with the reservation flag in client_type
 *   Declined, Expired             DECLINED, DOOM
 *   Offered, InactiveReservation  no lease
 *   LeaseExpiryTime               expires_at; the year 9999, and none of a reservation: infinite
 *   Description, PolicyName       comment, policy_name
 *   DnsRR with Complete           dns_forward, dns_reverse
 *   NapCapable, NapStatus, ProbationEnds   quarantine_capable, quarantine_status, probation_ends_at
 *   ServerIP                      owner_address
 */
#ifndef LESSOR_TOOLS_WINDOWS_LEASE_H
#define LESSOR_TOOLS_WINDOWS_LEASE_H

#include "format.h"
#include "format_text.h"

typedef enum windows_property {
	WINDOWS_IP_ADDRESS,
	WINDOWS_SCOPE_ID,
	WINDOWS_ADDRESS_STATE,
	WINDOWS_CLIENT_ID,
	WINDOWS_CLIENT_TYPE,
	WINDOWS_DESCRIPTION,
	WINDOWS_DNS_REGISTRATION,
	WINDOWS_DNS_RR,
	WINDOWS_HOST_NAME,
	WINDOWS_LEASE_EXPIRY_TIME,
	WINDOWS_NAP_CAPABLE,
	WINDOWS_NAP_STATUS,
	WINDOWS_POLICY_NAME,
	WINDOWS_PROBATION_ENDS,
	WINDOWS_SERVER_IP,
	WINDOWS_PROPERTIES
} windows_property_t;

/* The name of each, in the order that PowerShell shows them in. */
extern const char *const windows_property_names[WINDOWS_PROPERTIES];

/* Bits of record.lost. */
enum { WINDOWS_LOST_DNS_PENDING, WINDOWS_LOST_UNKNOWN };

enum { WINDOWS_TEXT_MAX_BYTES = (int)LESSOR_NAME_MAX_BYTES };

/* What it takes to read leases; a lease points into it. */
typedef struct windows_parser {
	const format_options_t *options;
	bool zone_missed; /* a time without a zone was told of */
	uint8_t client_id[LESSOR_CLIENT_ID_MAX_BYTES];
	char name[3 * WINDOWS_TEXT_MAX_BYTES + 1];
	char comment[3 * WINDOWS_TEXT_MAX_BYTES + 1];
	char policy[3 * WINDOWS_TEXT_MAX_BYTES + 1];
} windows_parser_t;

/* Make a record of a lease's properties, where an absent one is an empty text. Returns 1. */
int windows_lease_parse(windows_parser_t *parser, const piece_t values[WINDOWS_PROPERTIES], format_record_t *record);

/* Room for the texts of one lease that is written. */
enum { WINDOWS_OUT_BYTES = 2048 };

/*
 * The properties of a lease, "" for an absent one; they point into the lease and into 'room'. Returns the losses; with FORMAT_LOSS_LEFT_OUT
 * there are none.
 */
uint32_t windows_lease_format(const lessor_lease_t *lease, const lessor_scope_t *scope, char room[WINDOWS_OUT_BYTES],
			      const char *values[WINDOWS_PROPERTIES]);

#endif
