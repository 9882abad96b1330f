/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of every call: binding, access and codes. Inside it everything speaks in native statuses. */
#ifndef LSR_DHCPSAPI_CALL_H
#define LSR_DHCPSAPI_CALL_H

#include <lessor/dhcpsapi.h>

#include "dhcpsapi/binding.h"

/* The outcomes that the calls of the family name differently. */
typedef struct lsr_codes {
	DWORD no_scope; /* no scope owns the address */
	DWORD taken;    /* the address or the client has a lease */
	DWORD missing;  /* there is no such lease */
} lsr_codes_t;

/* Refuse a call before any engine is asked: answers 'code', and remembers LESSOR_INVALID. */
DWORD lsr_call_refuse(DWORD code);

/*
 * Begin a call that needs 'needed', LESSOR_ACCESS_READ or LESSOR_ACCESS_READWRITE. On ERROR_SUCCESS *binding is to be
 * given to lsr_call_end(); on any other code the call is over.
 */
DWORD lsr_call_begin(LPCWSTR server, lessor_access_t needed, lsr_binding_t **binding);

/* End it: answers the code of 'status' by 'codes', and remembers the status. */
DWORD lsr_call_end(lsr_binding_t *binding, lessor_status_t status, const lsr_codes_t *codes);

#endif
