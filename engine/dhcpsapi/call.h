/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of every call: binding, access and codes. Inside it everything speaks in native statuses. */
#ifndef LSR_DHCPSAPI_CALL_H
#define LSR_DHCPSAPI_CALL_H

#include <lessor/dhcpsapi.h>

#include "dhcpsapi/binding.h"

/* What a call answers where calls answer differently. 0: ERROR_DHCP_JET_ERROR. */
typedef struct lsr_codes {
	DWORD no_scope;  /* LESSOR_NO_SCOPE */
	DWORD taken;     /* LESSOR_ADDRESS_TAKEN, LESSOR_CLIENT_TAKEN */
	DWORD missing;   /* LESSOR_NOT_FOUND, LESSOR_OTHER_CLIENT */
	DWORD reserved;  /* LESSOR_RESERVED */
	DWORD outside;   /* LESSOR_OUTSIDE */
	DWORD exists;    /* LESSOR_EXISTS, LESSOR_SCOPE_EXISTS */
	DWORD conflict;  /* LESSOR_CONFLICT */
	DWORD not_empty; /* LESSOR_SCOPE_NOT_EMPTY */
	DWORD member;    /* LESSOR_MEMBER */
} lsr_codes_t;

/*
 * The two ways to an answer: what the engine said, by 'codes'; or a refusal that no status expresses, or that comes
 * before any engine is asked. Both answer a code, and remember the status, a refusal being LESSOR_INVALID.
 */
DWORD lsr_call_answer(lessor_status_t status, const lsr_codes_t *codes);
DWORD lsr_call_refuse(DWORD code);

/*
 * Begin a call that needs 'needed', LESSOR_ACCESS_NONE to LESSOR_ACCESS_READWRITE. On ERROR_SUCCESS *binding is to be
 * given to lsr_call_end() or lsr_call_leave(); on any other code the call is over.
 */
DWORD lsr_call_begin(LPCWSTR server, lessor_access_t needed, lsr_binding_t **binding);

/* End it with an answer that there is already: gives that back. */
DWORD lsr_call_leave(lsr_binding_t *binding, DWORD code);

/* End it: lsr_call_answer() and lsr_call_leave(). */
DWORD lsr_call_end(lsr_binding_t *binding, lessor_status_t status, const lsr_codes_t *codes);

#endif
