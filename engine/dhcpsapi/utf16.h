/* SPDX-License-Identifier: Apache-2.0 */
/* From the UTF-16 of Windows callers to the UTF-8 of the engine and back, exactly: nothing is ever repaired. */
#ifndef LSR_DHCPSAPI_UTF16_H
#define LSR_DHCPSAPI_UTF16_H

#include <stdbool.h>
#include <stddef.h>

#include <lessor/dhcpsapi.h>

/* The longest names and comments of scopes. ERROR_DHCP_SCOPE_NAME_TOO_LONG has the first number; the second is ours. */
#define LSR_SUBNET_NAME_MAX_UNITS    256u
#define LSR_SUBNET_COMMENT_MAX_UNITS 1024u

/* A unit of the basic plane takes up to three bytes; a surrogate pair takes four for its two. */
#define LSR_UTF8_BYTES(units) (3u * (units) + 1u)

/*
 * Convert 'text' of at most max_units units into 'utf8', which has LSR_UTF8_BYTES(max_units) bytes. Reads at most
 * max_units + 1 units. Returns false, with 'utf8' undefined, if it is longer or not UTF-16.
 */
bool lsr_utf16_to_utf8(LPCWSTR text, size_t max_units, char *utf8);

/* The same for a member: NULL stays NULL, otherwise *member becomes 'utf8'. */
bool lsr_utf16_take(LPCWSTR text, size_t max_units, char *utf8, const char **member);

/* Is 'text' NULL, or at most max_units units long? */
bool lsr_utf16_fits(LPCWSTR text, size_t max_units);

/* The bytes that well-formed 'utf8' comes to, with a NUL; 0 for NULL. */
size_t lsr_utf16_bytes(const char *utf8);

/*
 * Convert 'utf8' of utf8_bytes bytes into 'text', which has room for utf8_bytes + 1 units, always enough. Returns
 * false if it is not UTF-8.
 */
bool lsr_utf16_from_utf8(const char *utf8, size_t utf8_bytes, WCHAR *text);

/* Are the two equal, the letters A to Z and a to z being the same? Never reads beyond either NUL. */
bool lsr_utf16_same_label(LPCWSTR a, LPCWSTR b);

/* Is 'text' four decimal numbers up to 255, without leading zeros, with dots between? Then *address becomes that. */
bool lsr_utf16_parse_address(LPCWSTR text, DHCP_IP_ADDRESS *address);

#endif
