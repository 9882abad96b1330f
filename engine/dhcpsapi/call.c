/* SPDX-License-Identifier: Apache-2.0 */
/* Into a call and out of it: binding, access, and what a native status is called on Windows. */
#include "dhcpsapi/call.h"

static _Thread_local lessor_status_t last_status = LESSOR_OK;

lessor_status_t
lessor_dhcpsapi_last_status(void) {
	return last_status;
}

DWORD
lsr_call_refuse(DWORD code) {
	last_status = LESSOR_INVALID;
	return code;
}

DWORD
lsr_call_begin(LPCWSTR server, lessor_access_t needed, lsr_binding_t **binding) {
	lsr_binding_t *found = lsr_binding_enter(server);
	if (found == NULL) {
		return lsr_call_refuse(ERROR_DHCP_SERVER_NOT_REACHABLE);
	}
	if (found->access < needed) {
		lsr_binding_leave(found);
		return lsr_call_refuse(ERROR_ACCESS_DENIED);
	}
	*binding = found;
	return ERROR_SUCCESS;
}

static DWORD
code_of(lessor_status_t status, const lsr_codes_t *codes) {
	switch (status) {
	case LESSOR_OK:
		return ERROR_SUCCESS;
	case LESSOR_INVALID:
		return ERROR_INVALID_PARAMETER;
	case LESSOR_READ_ONLY:
		return ERROR_ACCESS_DENIED;
	case LESSOR_NO_SCOPE:
		return codes->no_scope;
	case LESSOR_ADDRESS_TAKEN:
	case LESSOR_CLIENT_TAKEN:
		return codes->taken;
	case LESSOR_NOT_FOUND:
	case LESSOR_OTHER_CLIENT:
		return codes->missing;
	case LESSOR_RESERVED:
		return codes->reserved;
	case LESSOR_OUTSIDE:
		return codes->outside;
	case LESSOR_EXISTS:
	case LESSOR_SCOPE_EXISTS:
		return codes->exists;
	case LESSOR_CONFLICT:
		return codes->conflict;
	case LESSOR_SCOPE_NOT_EMPTY:
		return codes->not_empty;
	case LESSOR_MEMBER:
		return codes->member;
	case LESSOR_END:
		return ERROR_NO_MORE_ITEMS;
	case LESSOR_EXHAUSTED:
		return ERROR_DHCP_REACHED_END_OF_SELECTION;
	case LESSOR_QUOTA:
		return ERROR_DHCP_RANGE_FULL;
	case LESSOR_NO_MEMORY:
	case LESSOR_LIMIT:
		return ERROR_NOT_ENOUGH_MEMORY;
	default:
		return ERROR_DHCP_JET_ERROR;
	}
}

DWORD
lsr_call_answer(lessor_status_t status, const lsr_codes_t *codes) {
	const DWORD code = code_of(status, codes);
	last_status = status;
	return code == ERROR_SUCCESS && status != LESSOR_OK ? ERROR_DHCP_JET_ERROR : code;
}

DWORD
lsr_call_leave(lsr_binding_t *binding, DWORD code) {
	lsr_binding_leave(binding);
	return code;
}

DWORD
lsr_call_end(lsr_binding_t *binding, lessor_status_t status, const lsr_codes_t *codes) {
	return lsr_call_leave(binding, lsr_call_answer(status, codes));
}
