/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics: one entry for each scope, and the packet counters, which are 0 as no packets come here.
 *
 * The scopes are read one after another: each entry is of one moment, the list is not. A scope that exists during the whole call is in it.
 */
#include <stdint.h>

#include <lessor/dhcpsapi.h>
#include <lessor/scope.h>
#include <lessor/stats.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/block.h"
#include "dhcpsapi/call.h"
#include "dhcpsapi/page.h"
#include "dhcpsapi/record.h"

/* Windows Server 2012 R2, which first had all these calls. */
#define LSR_VERSION_MAJOR 6u
#define LSR_VERSION_MINOR 3u

/* The two older structures differ in name only. */
_Static_assert(sizeof(SCOPE_MIB_INFO) == sizeof(SCOPE_MIB_INFO_V5), "one entry serves both");

static const lsr_codes_t codes;

/* What was gathered about the scopes. */
typedef struct lsr_figures {
	lsr_page_t entries;
	DWORD scopes_delayed;
	DATE_TIME started;
} lsr_figures_t;

static DWORD
figure(uint64_t count) {
	return count > UINT32_MAX ? UINT32_MAX : (DWORD)count;
}

static lessor_status_t
add_scope(lsr_figures_t *figures, lessor_engine_t *engine, const lessor_scope_t *scope) {
	lessor_scope_stats_t stats;
	const lessor_status_t status = lessor_scope_stats(engine, scope->subnet, &stats);
	if (status != LESSOR_OK) {
		return status == LESSOR_NOT_FOUND ? LESSOR_OK : status; /* deleted in between */
	}
	const SCOPE_MIB_INFO entry = {.Subnet = scope->subnet,
				      .NumAddressesInuse = figure(stats.in_use),
				      .NumAddressesFree = figure(stats.free),
				      .NumPendingOffers = figure(stats.pending)};
	lsr_page_add(&figures->entries, &entry);
	figures->scopes_delayed += scope->offer_delay_ms != 0;
	return LESSOR_OK;
}

static lessor_status_t
gather(lsr_figures_t *figures, lessor_engine_t *engine) {
	lessor_scope_t scope;
	lessor_status_t status = LESSOR_OK;
	for (uint64_t from = 0; status == LESSOR_OK && from <= UINT32_MAX; from = (uint64_t)scope.subnet + 1) {
		status = lessor_scope_next(engine, (uint32_t)from, &scope, NULL, 0);
		if (status == LESSOR_OK) {
			status = add_scope(figures, engine, &scope);
		}
	}
	return status == LESSOR_END ? LESSOR_OK : status;
}

/* Take the structure in front and the entries behind it. 'entries' becomes NULL if there are none. */
static void *
take_parts(lsr_block_t *block, size_t head_bytes, const lsr_figures_t *figures, void **entries) {
	const size_t bytes = figures->entries.count * figures->entries.item_bytes;
	*block = lsr_block_make(lsr_block_part_bytes(head_bytes) + lsr_block_part_bytes(bytes));
	void *head = lsr_block_take(block, head_bytes);
	*entries = bytes == 0 ? NULL : lsr_block_bytes(block, figures->entries.items, bytes);
	return head;
}

static lessor_status_t
build(const lsr_figures_t *figures, void **result) {
	lsr_block_t block;
	void *entries;
	DHCP_MIB_INFO *info = take_parts(&block, sizeof(*info), figures, &entries);
	if (info != NULL) {
		*info = (DHCP_MIB_INFO){.ServerStartTime = figures->started,
					.Scopes = (DWORD)figures->entries.count,
					.ScopeInfo = entries};
	}
	return lsr_block_finish(&block, result);
}

static lessor_status_t
build_v5(const lsr_figures_t *figures, void **result) {
	lsr_block_t block;
	void *entries;
	DHCP_MIB_INFO_V5 *info = take_parts(&block, sizeof(*info), figures, &entries);
	if (info != NULL) {
		*info = (DHCP_MIB_INFO_V5){.ServerStartTime = figures->started,
					   .ScopesWithDelayedOffers = figures->scopes_delayed,
					   .Scopes = (DWORD)figures->entries.count,
					   .ScopeInfo = entries};
	}
	return lsr_block_finish(&block, result);
}

/* What the calls differ in. */
typedef struct lsr_mib {
	size_t entry_bytes;
	lessor_status_t (*gather)(lsr_figures_t *figures, lessor_engine_t *engine);
	lessor_status_t (*build)(const lsr_figures_t *figures, void **result);
} lsr_mib_t;

static lessor_status_t
answer(lessor_engine_t *engine, const lsr_mib_t *mib, void **result) {
	lsr_figures_t figures = {0};
	lessor_engine_stats_t stats;
	lsr_page_begin(&figures.entries, mib->entry_bytes, LSR_PAGE_EVERYTHING);
	lessor_status_t status = lessor_engine_stats(engine, &stats);
	if (status == LESSOR_OK) {
		figures.started = lsr_date_time_of(stats.opened_at);
		status = mib->gather(&figures, engine);
	}
	if (status == LESSOR_OK) {
		status = figures.entries.block.exhausted ? LESSOR_NO_MEMORY : mib->build(&figures, result);
	}
	lsr_page_discard(&figures.entries);
	return status;
}

/* The frame of the calls. 'out' is a pointer to a pointer to the structure. */
static DWORD
get(LPCWSTR server, const lsr_mib_t *mib, void *out) {
	lsr_binding_t *binding;
	void *result;
	if (!lsr_out_clear(out)) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(server, LESSOR_ACCESS_READ, &binding);
	if (code != ERROR_SUCCESS) {
		return code;
	}
	const lessor_status_t status = answer(binding->engine, mib, &result);
	if (status == LESSOR_OK) {
		lsr_out_set(out, result);
	}
	return lsr_call_end(binding, status, &codes);
}

DWORD DHCP_API_FUNCTION
DhcpGetMibInfo(const WCHAR *ServerIpAddress, LPDHCP_MIB_INFO *MibInfo) {
	static const lsr_mib_t mib = {.entry_bytes = sizeof(SCOPE_MIB_INFO), .gather = gather, .build = build};
	return get(ServerIpAddress, &mib, MibInfo);
}

DWORD DHCP_API_FUNCTION
DhcpGetMibInfoV5(const WCHAR *ServerIpAddress, LPDHCP_MIB_INFO_V5 *MibInfo) {
	static const lsr_mib_t mib = {.entry_bytes = sizeof(SCOPE_MIB_INFO_V5), .gather = gather, .build = build_v5};
	return get(ServerIpAddress, &mib, MibInfo);
}

DWORD DHCP_API_FUNCTION
DhcpGetVersion(LPWSTR ServerIpAddress, LPDWORD MajorVersion, LPDWORD MinorVersion) {
	lsr_binding_t *binding;
	if (MajorVersion == NULL || MinorVersion == NULL) {
		return lsr_call_refuse(ERROR_INVALID_PARAMETER);
	}
	const DWORD code = lsr_call_begin(ServerIpAddress, LESSOR_ACCESS_NONE, &binding);
	*MajorVersion = code == ERROR_SUCCESS ? LSR_VERSION_MAJOR : 0;
	*MinorVersion = code == ERROR_SUCCESS ? LSR_VERSION_MINOR : 0;
	return code == ERROR_SUCCESS ? lsr_call_end(binding, LESSOR_OK, &codes) : code;
}
