/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Windows calls, end to end over an engine in memory.
 *
 * "Page" in a comment is the reference page of the function, numbers are sections of [MS-DHCPM].
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lessor/dhcpsapi.h>
#include <lessor/lessor.h>

#include "dhcpsapi/binding.h"
#include "dhcpsapi/block.h"
#include "dhcpsapi/call.h"
#include "dhcpsapi_setup.h"
#include "dhcpsapi_windows_style.h"

/*
 * The contract of the header with programs compiled for it: values, sizes, order.
 */

_Static_assert(sizeof(BYTE) == 1 && sizeof(WORD) == 2 && sizeof(WCHAR) == 2, "scalars");
_Static_assert(sizeof(DWORD) == 4 && sizeof(ULONG) == 4 && sizeof(BOOL) == 4, "scalars");
_Static_assert((DWORD)-1 > 0 && (BOOL)-1 < 0, "DWORD is unsigned, BOOL is signed");
_Static_assert(sizeof(DHCP_IP_ADDRESS) == 4 && sizeof(DHCP_IP_MASK) == 4, "addresses");
_Static_assert(sizeof(DATE_TIME) == 8 && offsetof(DATE_TIME, dwHighDateTime) == 4, "DATE_TIME");
_Static_assert(ERROR_SUCCESS == 0 && ERROR_FILE_NOT_FOUND == 2 && ERROR_ACCESS_DENIED == 5, "codes");
_Static_assert(ERROR_NOT_ENOUGH_MEMORY == 8 && ERROR_NOT_SUPPORTED == 50 && ERROR_INVALID_PARAMETER == 87, "codes");
_Static_assert(ERROR_BUFFER_OVERFLOW == 111 && ERROR_CALL_NOT_IMPLEMENTED == 120 && ERROR_MORE_DATA == 234, "codes");
_Static_assert(ERROR_NO_MORE_ITEMS == 259 && ERROR_DUPLICATE_TAG == 2014, "codes");
_Static_assert(ERROR_DHCP_REGISTRY_INIT_FAILED == 0x4E20 && ERROR_DHCP_SUBNET_EXITS == 0x4E24, "codes");
_Static_assert(ERROR_DHCP_SUBNET_NOT_PRESENT == 0x4E25 && ERROR_DHCP_ELEMENT_CANT_REMOVE == 0x4E27, "codes");
_Static_assert(ERROR_DHCP_OPTION_EXITS == 0x4E29 && ERROR_DHCP_RANGE_FULL == 0x4E2C, "codes");
_Static_assert(ERROR_DHCP_JET_ERROR == 0x4E2D && ERROR_DHCP_CLIENT_EXISTS == 0x4E2E, "codes");
_Static_assert(ERROR_DHCP_INVALID_DHCP_CLIENT == 0x4E30 && ERROR_DHCP_RESERVED_CLIENT == 0x4E33, "codes");
_Static_assert(ERROR_DHCP_IPRANGE_EXITS == 0x4E35 && ERROR_DHCP_RESERVEDIP_EXITS == 0x4E36, "codes");
_Static_assert(ERROR_EXTEND_TOO_SMALL == 0x4E39 && WARNING_EXTENDED_LESS == 0x4E3A, "codes");
_Static_assert(ERROR_SERVER_UNKNOWN_BOOT_FILE_NAME == 0x4E3D && ERROR_DHCP_IP_ADDRESS_IN_USE == 0x4E40, "codes");
_Static_assert(ERROR_DHCP_JET97_CONV_REQUIRED == 0x4E44 && ERROR_DHCP_ROGUE_STANDALONE_IN_DS == 0x4E4B, "codes");
_Static_assert(ERROR_DHCP_DEFAULT_SCOPE_EXITS == 0x4E4F && ERROR_DHCP_SUBNET_EXISTS == 0x4E54, "codes");
_Static_assert(ERROR_MSCOPE_RANGE_TOO_SMALL == 0x4E56 && ERROR_DHCP_INVALID_PARAMETER_OPTION32 == 0x4E59, "codes");
_Static_assert(ERROR_DDS_NO_DS_AVAILABLE == 0x4E66 && ERROR_DDS_RANGE_DOES_NOT_EXIST == 0x4E78, "codes");
_Static_assert(ERROR_DHCP_DELETE_BUILTIN_CLASS == 0x4E79 && ERROR_DHCP_INVALID_SUBNET_PREFIX == 0x4E7B, "codes");
_Static_assert(ERROR_DHCP_LINKLAYER_ADDRESS_DOES_NOT_EXIST == 0x4E7F, "codes");
_Static_assert(ERROR_DHCP_HARDWARE_ADDRESS_TYPE_ALREADY_EXEMPT == 0x4E85, "codes");
_Static_assert(ERROR_SCOPE_RANGE_POLICY_RANGE_CONFLICT == 0x4E90 && ERROR_DHCP_NO_ADMIN_PERMISSION == 0x4E99, "codes");
_Static_assert(ERROR_DHCP_SERVER_NOT_REACHABLE == 0x4E9A && ERROR_DHCP_REACHED_END_OF_SELECTION == 0x4E9E, "codes");
_Static_assert(ERROR_DHCP_NAP_NOT_SUPPORTED == 0x4EAA && ERROR_LAST_DHCP_SERVER_ERROR == 0x4EAB, "codes");
_Static_assert(CLIENT_TYPE_NONE == 0x64 && CLIENT_TYPE_BOTH == (CLIENT_TYPE_DHCP | CLIENT_TYPE_BOOTP), "bClientType");
_Static_assert(ADDRESS_STATE_OFFERED == 0 && ADDRESS_STATE_DOOM == 3 && V5_ADDRESS_BIT_DELETED == 0x80, "AddressState");
_Static_assert(ADDRESS_BIT_DHCID_WITH_DUID == 3 << 2 && ADDRESS_BIT_CLEANUP == 1 << 4, "AddressState");
_Static_assert(NOQUARANTINE == 0 && PROBATION == 3 && NOQUARINFO == 6, "QuarantineStatus");
_Static_assert(FILTER_STATUS_NONE == 1 && FILTER_STATUS_WILDCARD_MATCH_IN_DENY_LIST == 16, "FilterStatus");
_Static_assert(DHCP_DATE_TIME_INFINIT_HIGH == 0x7FFFFFFF && DHCP_DATE_TIME_INFINIT_LOW == 0xFFFFFFFF, "DATE_TIME");
_Static_assert(DHCP_DATABASE_CLEANUP_INTERVAL == 10800000 && DHCP_MAX_FREE_ADDRESSES_REQUESTED == 1024, "constants");
_Static_assert(DhcpClientIpAddress == 0 && DhcpClientHardwareAddress == 1 && DhcpClientName == 2, "search types");
#if UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(DHCP_BINARY_DATA) == 16 && offsetof(DHCP_BINARY_DATA, Data) == 8, "DHCP_BINARY_DATA");
_Static_assert(sizeof(DHCP_HOST_INFO) == 24 && offsetof(DHCP_HOST_INFO, HostName) == 16, "DHCP_HOST_INFO");
_Static_assert(sizeof(DHCP_SEARCH_INFO) == 24 && offsetof(DHCP_SEARCH_INFO, SearchInfo) == 8, "DHCP_SEARCH_INFO");
_Static_assert(offsetof(DHCP_CLIENT_INFO_PB, SubnetMask) == 4, "DHCP_CLIENT_INFO_PB");
_Static_assert(offsetof(DHCP_CLIENT_INFO_PB, ClientHardwareAddress) == 8, "DHCP_CLIENT_INFO_PB");
_Static_assert(offsetof(DHCP_CLIENT_INFO_PB, ClientName) == 24, "DHCP_CLIENT_INFO_PB");
_Static_assert(offsetof(DHCP_CLIENT_INFO_PB, ClientComment) == 32, "DHCP_CLIENT_INFO_PB");
_Static_assert(offsetof(DHCP_CLIENT_INFO_PB, ClientLeaseExpires) == 40, "DHCP_CLIENT_INFO_PB");
_Static_assert(offsetof(DHCP_CLIENT_INFO_PB, OwnerHost) == 48, "DHCP_CLIENT_INFO_PB");
_Static_assert(offsetof(DHCP_CLIENT_INFO_PB, bClientType) == 72, "DHCP_CLIENT_INFO_PB");
_Static_assert(offsetof(DHCP_CLIENT_INFO_PB, AddressState) == 73, "DHCP_CLIENT_INFO_PB");
_Static_assert(offsetof(DHCP_CLIENT_INFO_PB, Status) == 76, "DHCP_CLIENT_INFO_PB");
_Static_assert(offsetof(DHCP_CLIENT_INFO_PB, ProbationEnds) == 80, "DHCP_CLIENT_INFO_PB");
_Static_assert(offsetof(DHCP_CLIENT_INFO_PB, QuarantineCapable) == 88, "DHCP_CLIENT_INFO_PB");
_Static_assert(offsetof(DHCP_CLIENT_INFO_PB, FilterStatus) == 92, "DHCP_CLIENT_INFO_PB");
_Static_assert(offsetof(DHCP_CLIENT_INFO_PB, PolicyName) == 96, "DHCP_CLIENT_INFO_PB");
_Static_assert(sizeof(DHCP_CLIENT_INFO_PB) == 104, "DHCP_CLIENT_INFO_PB");
#endif

/* Both ways to name a structure. */
static struct _DHCP_CLIENT_INFO_PB *const by_tag = (DHCP_CLIENT_INFO_PB *)NULL;

/*
 * The vectors: short scripts of calls, each with what it must answer.
 */

typedef enum verb {
	DONE = 0,
	ADD_SCOPE,        /* 'address' is the subnet */
	CREATE,           /* changed by 'change' */
	CREATE_NULL,      /* without ClientInfo */
	GET,              /* by address; looked at by 'look' */
	DELETE_ADDRESS,   /* by address */
	DELETE_UNIQUE_ID, /* by the unique ID of 'mac' in the scope */
	DELETE_BARE_MAC,  /* by 'mac' as it is */
	GET_NAME,         /* by name "pc"; expects the lease at 'address' */
	STATS             /* expects 'code' addresses in use, all others of the pool free */
} verb_t;

typedef struct step {
	verb_t verb;
	DHCP_IP_ADDRESS address;
	BYTE *mac;
	DWORD code;
	void (*change)(DHCP_CLIENT_INFO_PB *info);
	void (*look)(const DHCP_CLIENT_INFO_PB *info);
} step_t;

typedef struct vector {
	const char *what;
	const char *source;
	bool strict;
	bool disabled;
	bool read_only_caller;
	step_t steps[6];
} vector_t;

static void
without_data(DHCP_CLIENT_INFO_PB *info) {
	info->ClientHardwareAddress.Data = NULL;
}

static void
without_length(DHCP_CLIENT_INFO_PB *info) {
	info->ClientHardwareAddress.DataLength = 0;
}

static void
state_not_given(DHCP_CLIENT_INFO_PB *info) {
	info->AddressState = 0;
}

static void
state_offered_on_purpose(DHCP_CLIENT_INFO_PB *info) {
	info->AddressState = ADDRESS_BIT_CLEANUP | ADDRESS_STATE_OFFERED;
}

static void
state_with_bits(DHCP_CLIENT_INFO_PB *info) {
	info->AddressState = 0x71;
}

static void
state_declined(DHCP_CLIENT_INFO_PB *info) {
	info->AddressState = ADDRESS_STATE_DECLINED;
}

static void
state_doom(DHCP_CLIENT_INFO_PB *info) {
	info->AddressState = ADDRESS_STATE_DOOM;
}

static void
mask_of_eight(DHCP_CLIENT_INFO_PB *info) {
	info->SubnetMask = 0xFF000000u;
}

static WCHAR policy_none_such[] = u"none-such";

static void
policy_unknown(DHCP_CLIENT_INFO_PB *info) {
	info->PolicyName = policy_none_such;
}

static void
expired_long_ago(DHCP_CLIENT_INFO_PB *info) {
	info->ClientLeaseExpires = (DATE_TIME){.dwLowDateTime = 1};
}

static void
type_bootp(DHCP_CLIENT_INFO_PB *info) {
	info->bClientType = CLIENT_TYPE_BOOTP;
}

static WCHAR name_pc[] = u"pc";

static void
named_pc(DHCP_CLIENT_INFO_PB *info) {
	info->ClientName = name_pc;
}

static void
is_active(const DHCP_CLIENT_INFO_PB *info) {
	assert_int_equal(info->AddressState, ADDRESS_STATE_ACTIVE);
}

static void
keeps_bits(const DHCP_CLIENT_INFO_PB *info) {
	assert_int_equal(info->AddressState, 0x71);
}

static void
has_scope_mask(const DHCP_CLIENT_INFO_PB *info) {
	assert_int_equal(info->SubnetMask, 0xFFFFFF00u);
}

static void
has_policy(const DHCP_CLIENT_INFO_PB *info) {
	assert_same_text(info->PolicyName, policy_none_such);
}

static void
is_expired(const DHCP_CLIENT_INFO_PB *info) {
	assert_same_time(info->ClientLeaseExpires, (DATE_TIME){.dwLowDateTime = 1});
}

static void
is_bootp(const DHCP_CLIENT_INFO_PB *info) {
	assert_int_equal(info->bClientType, CLIENT_TYPE_BOOTP);
}

static void
is_m1(const DHCP_CLIENT_INFO_PB *info) {
	assert_int_equal(info->ClientHardwareAddress.DataLength, MAC_ADDRESS_LENGTH);
	assert_memory_equal(info->ClientHardwareAddress.Data, m1, MAC_ADDRESS_LENGTH);
}

#define AT(what, where)                   .verb = what, .address = where
#define A_CREATE(where, who, answer)      AT(CREATE, where), .mac = who, .code = answer
#define A_DELETE(how, where, who, answer) AT(how, where), .mac = who, .code = answer
#define IN_USE(where, count)              AT(STATS, where), .code = count

static const vector_t vectors[] = {
	{"an address in the pool becomes in use", "Page, remarks; 3.2.4.123",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS)}, {IN_USE(SUBNET, 1)}}},
	{"a client has one lease in a scope", "Page; 3.2.4.123",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS)},
		   {A_CREATE(HOST(11), m1, ERROR_DHCP_CLIENT_EXISTS)},
		   {AT(GET, HOST(11)), .code = ERROR_DHCP_INVALID_DHCP_CLIENT},
		   {IN_USE(SUBNET, 1)}}},
	{"an address has one lease", "Page; 3.2.4.123",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS)},
		   {A_CREATE(HOST(10), m2, ERROR_DHCP_CLIENT_EXISTS)},
		   {AT(GET, HOST(10)), .look = is_m1}}},
	{"the same lease again is one too many, and changes nothing", "3.2.4.123",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS)},
		   {A_CREATE(HOST(10), m1, ERROR_DHCP_CLIENT_EXISTS), .change = type_bootp},
		   {AT(GET, HOST(10)), .look = is_active},
		   {IN_USE(SUBNET, 1)}}},
	{"a client may have a lease in each scope", "2.2.1.2.5.2",
	 .steps = {{AT(ADD_SCOPE, 0xC0A80200u)},
		   {A_CREATE(HOST(10), m1, ERROR_SUCCESS)},
		   {A_CREATE(0xC0A8020Au, m1, ERROR_SUCCESS)},
		   {IN_USE(0xC0A80200u, 1)}}},
	{"no scope owns the address", "Page; 3.2.4.123",
	 .steps = {{A_CREATE(0x0A000001u, m1, ERROR_DHCP_SUBNET_NOT_PRESENT)}}},
	{"the client identifier is required", "Page; 3.2.4.123",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_INVALID_PARAMETER), .change = without_data},
		   {A_CREATE(HOST(10), m1, ERROR_INVALID_PARAMETER), .change = without_length},
		   {IN_USE(SUBNET, 0)}}},
	{"a state that is not given is ACTIVE", "Page: all members but two are optional",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS), .change = state_not_given},
		   {AT(GET, HOST(10)), .look = is_active},
		   {IN_USE(SUBNET, 1)}}},
	{"a strict engine refuses it", "3.2.4.123", .strict = true,
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_INVALID_PARAMETER), .change = state_not_given},
		   {A_CREATE(HOST(10), m1, ERROR_SUCCESS)},
		   {IN_USE(SUBNET, 1)}}},
	{"OFFERED that was given is refused, also where no scope is", "3.2.4.123",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_INVALID_PARAMETER), .change = state_offered_on_purpose},
		   {A_CREATE(0x0A000001u, m1, ERROR_INVALID_PARAMETER), .change = state_offered_on_purpose},
		   {IN_USE(SUBNET, 0)}}},
	{"the whole state byte is kept", "2.2.1.2.16",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS), .change = state_with_bits},
		   {AT(GET, HOST(10)), .look = keeps_bits},
		   {IN_USE(SUBNET, 1)}}},
	{"ClientInfo is required", "Page", .steps = {{.verb = CREATE_NULL, .code = ERROR_INVALID_PARAMETER}}},
	{"a reader may not create", "Page; 3.5.5", .read_only_caller = true,
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_ACCESS_DENIED)}, {IN_USE(SUBNET, 0)}}},
	{"access is checked before content, pointers before access", "3.2.4.123", .read_only_caller = true,
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_ACCESS_DENIED), .change = without_data},
		   {.verb = CREATE_NULL, .code = ERROR_INVALID_PARAMETER}}},
	{"the address is required", "Page", .steps = {{A_CREATE(0, m1, ERROR_INVALID_PARAMETER)}}},
	{"an address outside of the range is accepted, and not counted", "3.2.4.123 does not check it; 2.2.1.2.95",
	 .steps = {{A_CREATE(HOST(200), m1, ERROR_SUCCESS)}, {IN_USE(SUBNET, 0)}}},
	{"an excluded address likewise", "3.2.4.123 does not check it; 2.2.1.2.95",
	 .steps = {{A_CREATE(HOST(25), m1, ERROR_SUCCESS)}, {IN_USE(SUBNET, 0)}}},
	{"a declined address is in use", "3.2.4.123",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS), .change = state_declined}, {IN_USE(SUBNET, 1)}}},
	{"a doomed one is not, but is taken", "3.2.4.123",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS), .change = state_doom},
		   {IN_USE(SUBNET, 0)},
		   {A_CREATE(HOST(10), m2, ERROR_DHCP_CLIENT_EXISTS)}}},
	{"a disabled scope takes leases", "3.2.4.123 does not check it", .disabled = true,
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS)}, {IN_USE(SUBNET, 1)}}},
	{"the mask is the scope's", "3.2.4.123",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS), .change = mask_of_eight},
		   {AT(GET, HOST(10)), .look = has_scope_mask}}},
	{"a policy need not exist", "Page, remarks",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS), .change = policy_unknown},
		   {AT(GET, HOST(10)), .look = has_policy}}},
	{"an expiry in the past is accepted, and the lease in the way", "3.2.4.123 does not check it",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS), .change = expired_long_ago},
		   {AT(GET, HOST(10)), .look = is_expired},
		   {A_CREATE(HOST(10), m2, ERROR_DHCP_CLIENT_EXISTS)}}},
	{"the client type is the caller's", "Page, remarks",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS), .change = type_bootp},
		   {AT(GET, HOST(10)), .look = is_bootp}}},
	{"delete by address, once", "3.1.4.20",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS)},
		   {AT(DELETE_ADDRESS, HOST(10)), .code = ERROR_SUCCESS},
		   {IN_USE(SUBNET, 0)},
		   {AT(DELETE_ADDRESS, HOST(10)), .code = ERROR_DHCP_JET_ERROR},
		   {A_CREATE(HOST(10), m2, ERROR_SUCCESS)}}},
	{"delete by unique ID", "3.1.4.20; 2.2.1.2.5.2",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS)},
		   {A_DELETE(DELETE_UNIQUE_ID, SUBNET, m1, ERROR_SUCCESS)},
		   {A_DELETE(DELETE_UNIQUE_ID, SUBNET, m1, ERROR_DHCP_JET_ERROR)},
		   {A_CREATE(HOST(11), m1, ERROR_SUCCESS)}}},
	{"a bare MAC address is no unique ID", "2.2.1.2.18",
	 .steps = {{A_CREATE(HOST(10), m1, ERROR_SUCCESS)},
		   {A_DELETE(DELETE_BARE_MAC, SUBNET, m1, ERROR_DHCP_JET_ERROR)},
		   {AT(GET, HOST(10)), .look = is_m1}}},
	{"get says no such client, delete says database", "3.2.4.124; 3.1.4.20",
	 .steps = {{AT(GET, HOST(10)), .code = ERROR_DHCP_INVALID_DHCP_CLIENT},
		   {AT(DELETE_ADDRESS, HOST(10)), .code = ERROR_DHCP_JET_ERROR}}},
	{"of several leases with a name the lowest address is found", "3.2.4.124",
	 .steps = {{A_CREATE(HOST(12), m1, ERROR_SUCCESS), .change = named_pc},
		   {A_CREATE(HOST(11), m2, ERROR_SUCCESS), .change = named_pc},
		   {AT(GET_NAME, HOST(11))}}},
};

static DWORD
run_create(const step_t *step) {
	DHCP_CLIENT_INFO_PB info = lease_of(step->address, step->mac);
	if (step->change != NULL) {
		step->change(&info);
	}
	DHCP_CLIENT_INFO_PB before;
	memcpy(&before, &info, sizeof(info));
	const DWORD code = DhcpV4CreateClientInfo(NULL, &info);
	assert_memory_equal(&info, &before, sizeof(info)); /* input stays as it was */
	return code;
}

static DWORD
run_get(const step_t *step) {
	if (step->look == NULL) {
		return get_code(by_address(step->address));
	}
	LPDHCP_CLIENT_INFO_PB info = get_found(by_address(step->address));
	assert_int_equal(info->ClientIpAddress, step->address);
	step->look(info);
	DhcpRpcFreeMemory(info);
	return ERROR_SUCCESS;
}

static DWORD
run_delete_unique_id(const step_t *step) {
	/* Spelled out: 192.168.1.0 is 00 01 A8 C0, then 01, then the MAC address. */
	BYTE id[] = {0x00, 0x01, 0xA8, 0xC0, 0x01, 0, 0, 0, 0, 0, 0};
	memcpy(id + 5, step->mac, MAC_ADDRESS_LENGTH);
	return delete_found(by_bytes(id, sizeof(id)));
}

static DWORD
run_get_name(const step_t *step) {
	LPDHCP_CLIENT_INFO_PB info = get_found(by_name(name_pc));
	assert_int_equal(info->ClientIpAddress, step->address);
	DhcpRpcFreeMemory(info);
	return ERROR_SUCCESS;
}

static void
run_step(lessor_engine_t *engine, const step_t *step) {
	DWORD code = step->code;
	switch (step->verb) {
	case ADD_SCOPE:
		add_scope(engine, step->address, LESSOR_SCOPE_ENABLED);
		break;
	case CREATE:
		code = run_create(step);
		break;
	case CREATE_NULL:
		code = DhcpV4CreateClientInfo(NULL, NULL);
		break;
	case GET:
		code = run_get(step);
		break;
	case DELETE_ADDRESS:
		code = delete_found(by_address(step->address));
		break;
	case DELETE_UNIQUE_ID:
		code = run_delete_unique_id(step);
		break;
	case DELETE_BARE_MAC:
		code = delete_found(by_bytes(step->mac, MAC_ADDRESS_LENGTH));
		break;
	case GET_NAME:
		code = run_get_name(step);
		break;
	case STATS:
		assert_stats(engine, step->address, step->code, POOL - step->code);
		break;
	case DONE:
		return;
	}
	assert_int_equal(code, step->code);
}

static void
vectors_hold(void **state) {
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const vector_t *vector = &vectors[i];
		void *engine = NULL;
		print_message("  %s (%s)\n", vector->what, vector->source);
		(void)set_up_with(&engine, vector->strict,
				  vector->disabled ? LESSOR_SCOPE_DISABLED : LESSOR_SCOPE_ENABLED);
		if (vector->read_only_caller) {
			bind_default(engine, LESSOR_ACCESS_READ);
		}
		for (size_t step = 0; step < COUNT(vector->steps); step++) {
			run_step(engine, &vector->steps[step]);
		}
		(void)tear_down(&engine);
	}
}

/*
 * Of many, one wins.
 */

#define RACERS 64

typedef struct racer {
	pthread_t thread;
	pthread_barrier_t *start;
	DHCP_IP_ADDRESS address;
	BYTE mac[MAC_ADDRESS_LENGTH];
	DWORD code;
} racer_t;

static void *
race_to_create(void *argument) {
	racer_t *racer = argument;
	(void)pthread_barrier_wait(racer->start);
	racer->code = create(racer->address, racer->mac);
	return NULL;
}

static void
assert_one_wins(racer_t *racers) {
	pthread_barrier_t start;
	unsigned winners = 0;
	assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
	for (size_t i = 0; i < RACERS; i++) {
		racers[i].start = &start;
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race_to_create, &racers[i]), 0);
	}
	for (size_t i = 0; i < RACERS; i++) {
		assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
		winners += racers[i].code == ERROR_SUCCESS;
		assert_true(racers[i].code == ERROR_SUCCESS || racers[i].code == ERROR_DHCP_CLIENT_EXISTS);
	}
	assert_int_equal(winners, 1);
	(void)pthread_barrier_destroy(&start);
}

static void
one_of_many_clients_gets_an_address(void **state) {
	racer_t racers[RACERS];
	for (size_t i = 0; i < RACERS; i++) {
		racers[i] = (racer_t){.address = HOST(10), .mac = {2, 0, 0, 0, 0, (BYTE)i}};
	}
	assert_one_wins(racers);
	assert_stats(*state, SUBNET, 1, POOL - 1);
}

static void
one_of_many_addresses_is_got_by_a_client(void **state) {
	racer_t racers[RACERS];
	for (size_t i = 0; i < RACERS; i++) {
		racers[i] = (racer_t){.address = HOST(30 + (DWORD)i)};
		memcpy(racers[i].mac, m1, sizeof(m1));
	}
	assert_one_wins(racers);
	assert_stats(*state, SUBNET, 1, POOL - 1);
}

/*
 * Members: everything comes back as it was given.
 */

static void
minimal_lease_has_documented_members(void **state) {
	(void)state;
	static const WCHAR owner[] = u"" SERVER_NAME;
	DHCP_CLIENT_INFO_PB info = {.ClientIpAddress = HOST(10), .ClientHardwareAddress = {sizeof(m1), m1}};
	assert_null(by_tag);
	assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_SUCCESS);
	LPDHCP_CLIENT_INFO_PB found = get_found(by_address(HOST(10)));
	is_m1(found);
	assert_int_equal(found->SubnetMask, 0xFFFFFF00u);
	assert_null(found->ClientName);
	assert_null(found->ClientComment);
	assert_same_time(found->ClientLeaseExpires, (DATE_TIME){0});
	assert_int_equal(found->OwnerHost.IpAddress, SERVER_IP);
	assert_same_text(found->OwnerHost.NetBiosName, owner);
	assert_null(found->OwnerHost.HostName);
	assert_int_equal(found->bClientType, CLIENT_TYPE_UNSPECIFIED);
	assert_int_equal(found->AddressState, ADDRESS_STATE_ACTIVE);
	assert_int_equal(found->Status, NOQUARANTINE);
	assert_same_time(found->ProbationEnds, (DATE_TIME){0});
	assert_int_equal(found->QuarantineCapable, FALSE);
	assert_int_equal(found->FilterStatus, FILTER_STATUS_NONE);
	assert_null(found->PolicyName);
	DhcpRpcFreeMemory(found);
}

static void
initialiser_makes_an_active_endless_lease(void **state) {
	(void)state;
	DHCP_CLIENT_INFO_PB info;
	memset(&info, 0xA5, sizeof(info));
	lessor_dhcpsapi_client_info_init(&info);
	assert_int_equal(info.AddressState, ADDRESS_STATE_ACTIVE);
	assert_int_equal(info.bClientType, CLIENT_TYPE_DHCP);
	assert_int_equal(info.ClientLeaseExpires.dwHighDateTime, DHCP_DATE_TIME_INFINIT_HIGH);
	assert_int_equal(info.ClientLeaseExpires.dwLowDateTime, DHCP_DATE_TIME_INFINIT_LOW);
	assert_null(info.ClientName);
	assert_null(info.ClientHardwareAddress.Data);
	lessor_dhcpsapi_client_info_init(NULL);
}

/* xorshift64*: small, and the same everywhere. */
static uint64_t random_state;

static uint32_t
random_below(uint32_t limit) {
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * UINT64_C(0x2545F4914F6CDD1D)) >> 32) % limit;
}

static void
seed_random(void) {
	const char *given = getenv("LESSOR_TEST_SEED");
	random_state = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u;
	print_message("  LESSOR_TEST_SEED=%llu\n", (unsigned long long)random_state);
	random_state |= 1;
}

/* One scalar value of a random length in UTF-8 and UTF-16, the borders of each length often. */
static size_t
random_character(WCHAR *text) {
	static const uint32_t borders[] = {1, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF};
	uint32_t scalar = borders[random_below(COUNT(borders))];
	if (random_below(2) == 0) {
		do {
			scalar = 1 + random_below(0x10FFFF);
		} while (scalar >= 0xD800 && scalar <= 0xDFFF);
	}
	if (scalar < 0x10000) {
		text[0] = (WCHAR)scalar;
		return 1;
	}
	text[0] = (WCHAR)(0xD800 + ((scalar - 0x10000) >> 10));
	text[1] = (WCHAR)(0xDC00 + ((scalar - 0x10000) & 0x3FF));
	return 2;
}

/* NULL, "" or a text of at most max_units units, often just so many. */
static LPWSTR
random_text(WCHAR *buffer, uint32_t max_units) {
	const uint32_t kind = random_below(4);
	const size_t limit = kind == 3 ? max_units : random_below(max_units + 1);
	size_t units = 0;
	if (kind == 0) {
		return NULL;
	}
	while (units + 2 <= limit) {
		units += random_character(buffer + units);
	}
	while (units < limit) {
		buffer[units++] = 'x';
	}
	buffer[units] = 0;
	return buffer;
}

typedef struct random_lease {
	DHCP_CLIENT_INFO_PB info;
	BYTE client_id[255];
	WCHAR name[1025];
	WCHAR comment[128];
	WCHAR policy[64];
} random_lease_t;

static void
fill_random(random_lease_t *lease, DHCP_IP_ADDRESS address) {
	static const BYTE types[] = {0, 1, 2, 3, 4, 5, 6, 7, 0x64};
	const DWORD length = 1 + random_below(255);
	for (DWORD i = 0; i < length; i++) {
		lease->client_id[i] = (BYTE)random_below(256);
	}
	lease->info = (DHCP_CLIENT_INFO_PB){
		.ClientIpAddress = address,
		.ClientHardwareAddress = {.DataLength = length, .Data = lease->client_id},
		.ClientName = random_text(lease->name, 1024),
		.ClientComment = random_text(lease->comment, 127),
		.ClientLeaseExpires = {random_below(UINT32_MAX), random_below(0x7FFFFFFF)},
		.bClientType = types[random_below(COUNT(types))],
		.AddressState = (BYTE)(random_below(64) << 2 | (1 + random_below(3))),
		.Status = (QuarantineStatus)random_below(7),
		.ProbationEnds = {random_below(UINT32_MAX), random_below(0x7FFFFFFF)},
		.QuarantineCapable = (BOOL)random_below(2) * -7,
		.FilterStatus = random_below(UINT32_MAX),
		.PolicyName = random_text(lease->policy, 63),
	};
}

static void
assert_came_back(const DHCP_CLIENT_INFO_PB *given, const DHCP_CLIENT_INFO_PB *found) {
	assert_int_equal(found->ClientIpAddress, given->ClientIpAddress);
	assert_int_equal(found->ClientHardwareAddress.DataLength, given->ClientHardwareAddress.DataLength);
	assert_memory_equal(found->ClientHardwareAddress.Data, given->ClientHardwareAddress.Data,
			    given->ClientHardwareAddress.DataLength);
	assert_same_text(found->ClientName, given->ClientName);
	assert_same_text(found->ClientComment, given->ClientComment);
	assert_same_text(found->PolicyName, given->PolicyName);
	assert_same_time(found->ClientLeaseExpires, given->ClientLeaseExpires);
	assert_same_time(found->ProbationEnds, given->ProbationEnds);
	assert_int_equal(found->bClientType, given->bClientType);
	assert_int_equal(found->AddressState, given->AddressState);
	assert_int_equal(found->Status, given->Status);
	assert_int_equal(found->QuarantineCapable, given->QuarantineCapable != 0);
	assert_int_equal(found->FilterStatus, FILTER_STATUS_NONE);
}

static void
every_member_comes_back_exactly(void **state) {
	(void)state;
	static random_lease_t lease;
	seed_random();
	for (int round = 0; round < 500; round++) {
		const DHCP_IP_ADDRESS address = SUBNET + random_below(256);
		BYTE key[LESSOR_DHCPSAPI_UNIQUE_ID_MAX_BYTES];
		DWORD key_length = sizeof(key);
		fill_random(&lease, address);
		assert_int_equal(DhcpV4CreateClientInfo(NULL, &lease.info), ERROR_SUCCESS);
		LPDHCP_CLIENT_INFO_PB found = get_found(by_address(address));
		assert_came_back(&lease.info, found);
		DhcpRpcFreeMemory(found);
		assert_int_equal(lessor_dhcpsapi_unique_id(SUBNET, &lease.info.ClientHardwareAddress, key, &key_length),
				 ERROR_SUCCESS);
		found = get_found(by_bytes(key, key_length));
		assert_came_back(&lease.info, found);
		DhcpRpcFreeMemory(found);
		assert_int_equal(delete_found(by_bytes(key, key_length)), ERROR_SUCCESS);
	}
}

/*
 * Owner: the server's name, and the address by which it was called.
 */

static void
assert_owner_address(LPCWSTR server, DHCP_IP_ADDRESS expected) {
	DHCP_CLIENT_INFO_PB info = lease_of(HOST(10), m1);
	WCHAR callers_name[] = u"caller";
	info.OwnerHost = (DHCP_HOST_INFO){1, callers_name, callers_name};
	assert_int_equal(DhcpV4CreateClientInfo(server, &info), ERROR_SUCCESS);
	LPDHCP_CLIENT_INFO_PB found = get_found(by_address(HOST(10)));
	assert_int_equal(found->OwnerHost.IpAddress, expected);
	assert_same_text(found->OwnerHost.NetBiosName, u"" SERVER_NAME);
	assert_null(found->OwnerHost.HostName);
	DhcpRpcFreeMemory(found);
	assert_int_equal(delete_found(by_address(HOST(10))), ERROR_SUCCESS);
}

static void
owner_is_the_server_as_it_was_called(void **state) {
	(void)state;
	static const WCHAR *const no_addresses[] = {
		u"",          u"dhcp1",       u"10.1.2",     u"10.1.2.3.",  u"10.1.2.3.4",  u".1.2.3",    u"10..2.3",
		u"10.1.2.",   u"256.1.2.3",   u"10.1.2.300", u"1000.1.2.3", u"010.1.2.3",   u"10.1.2.03", u" 10.1.2.3",
		u"10.1.2.3 ", u"10.1.2.3:67", u"+1.2.3.4",   u"0x0a.1.2.3", u"\uFF11.1.2.3"};
	assert_owner_address(NULL, SERVER_IP);
	assert_owner_address(u"10.1.2.3", 0x0A010203u);
	assert_owner_address(u"0.0.0.0", 0);
	assert_owner_address(u"255.255.255.255", 0xFFFFFFFFu);
	for (size_t i = 0; i < COUNT(no_addresses); i++) {
		assert_owner_address(no_addresses[i], SERVER_IP);
	}
}

/*
 * Content that is refused: limits, lies and broken strings. Nothing may be stored.
 */

static WCHAR *
fill_units(WCHAR *text, size_t units, WCHAR unit) {
	for (size_t i = 0; i < units; i++) {
		text[i] = unit;
	}
	text[units] = 0;
	return text;
}

static void
texts_have_limits(void **state) {
	static WCHAR text[1026];
	DHCP_CLIENT_INFO_PB info = lease_of(HOST(10), m1);
	info.ClientName = fill_units(text, 1025, 'n');
	assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
	info.ClientName = NULL;
	info.ClientComment = fill_units(text, 128, 'c');
	assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
	info.ClientComment = NULL;
	info.PolicyName = fill_units(text, 64, 'p');
	assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_INVALID);
	assert_int_equal(get_code(by_name(fill_units(text, 1025, 'n'))), ERROR_INVALID_PARAMETER);
	assert_int_equal(get_code(by_name(fill_units(text, 1024, 'n'))), ERROR_DHCP_INVALID_DHCP_CLIENT);
	assert_stats(*state, SUBNET, 0, POOL);
}

/* At each limit in the widest characters of each kind: three bytes for a unit, four for two. */
static void
longest_texts_are_accepted(void **state) {
	(void)state;
	static WCHAR name[1025];
	static WCHAR comment[128];
	static WCHAR policy[64];
	DHCP_CLIENT_INFO_PB info = lease_of(HOST(10), m1);
	info.ClientName = fill_units(name, 1024, 0xFFFD);
	info.ClientComment = fill_units(comment, 127, 0x20AC);
	info.PolicyName = fill_units(policy, 62, 0xD83D);
	for (size_t i = 1; i < 62; i += 2) {
		policy[i] = 0xDE00;
	}
	assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_SUCCESS);
	LPDHCP_CLIENT_INFO_PB found = get_found(by_address(HOST(10)));
	assert_came_back(&info, found);
	DhcpRpcFreeMemory(found);
	found = get_found(by_name(name));
	assert_int_equal(found->ClientIpAddress, HOST(10));
	DhcpRpcFreeMemory(found);
}

/* A text without its NUL, in memory that ends where the limit does: to read on is to crash. */
static void
texts_are_not_read_beyond_their_limit(void **state) {
	(void)state;
	const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	DHCP_CLIENT_INFO_PB info = lease_of(HOST(10), m1);
	unsigned char *pages = mmap(NULL, 2 * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + page_bytes, page_bytes, PROT_NONE), 0);
	memset(pages, 'p', page_bytes);
	info.PolicyName = (WCHAR *)(void *)(pages + page_bytes) - 64;
	assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
	info.PolicyName = NULL;
	info.ClientComment = (WCHAR *)(void *)(pages + page_bytes) - 128;
	assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
	/* One unit, then its NUL, then nothing. */
	info.ClientComment = (WCHAR *)(void *)(pages + page_bytes) - 2;
	info.ClientComment[1] = 0;
	assert_int_equal(DhcpV4CreateClientInfo(info.ClientComment, &info), ERROR_SUCCESS);
	assert_int_equal(munmap(pages, 2 * page_bytes), 0);
}

static void
broken_utf16_is_refused_everywhere(void **state) {
	static const WCHAR broken[][4] = {
		{0xD800, 0},           /* half a pair at the end */
		{0xDC00, 0},           /* the second half alone */
		{'a', 0xD83D, 'b', 0}, /* half a pair inside */
		{0xDE00, 0xD83D, 0},   /* a pair the wrong way round */
		{0xD83D, 0xD83D, 0},   /* two first halves */
	};
	for (size_t i = 0; i < COUNT(broken); i++) {
		WCHAR text[4];
		DHCP_CLIENT_INFO_PB info = lease_of(HOST(10), m1);
		memcpy(text, broken[i], sizeof(text));
		info.ClientName = text;
		assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
		info.ClientName = NULL;
		info.ClientComment = text;
		assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
		info.ClientComment = NULL;
		info.PolicyName = text;
		assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
		assert_int_equal(get_code(by_name(text)), ERROR_INVALID_PARAMETER);
		assert_int_equal(delete_found(by_name(text)), ERROR_INVALID_PARAMETER);
	}
	assert_stats(*state, SUBNET, 0, POOL);
}

static void
lengths_that_lie_are_refused_unread(void **state) {
	static const DWORD lies[] = {256, 261, 4096, 0x7FFFFFFF, 0xFFFFFFFF};
	for (size_t i = 0; i < COUNT(lies); i++) {
		DHCP_CLIENT_INFO_PB info = lease_of(HOST(10), m1);
		info.ClientHardwareAddress.DataLength = lies[i];
		assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
	}
	for (size_t i = 1; i < COUNT(lies); i++) {
		assert_int_equal(get_code(by_bytes(m1, lies[i])), ERROR_INVALID_PARAMETER);
		assert_int_equal(delete_found(by_bytes(m1, lies[i])), ERROR_INVALID_PARAMETER);
	}
	assert_stats(*state, SUBNET, 0, POOL);
}

static void
enumerations_are_checked(void **state) {
	static const int statuses[] = {7, 256, 257, 0x10000, -1};
	for (unsigned type = 0; type < 256; type++) {
		DHCP_CLIENT_INFO_PB info = lease_of(HOST(10), m1);
		info.bClientType = (BYTE)type;
		const bool known = type <= 7 || type == CLIENT_TYPE_NONE;
		assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), known ? ERROR_SUCCESS : ERROR_INVALID_PARAMETER);
		assert_int_equal(delete_found(by_address(HOST(10))), known ? ERROR_SUCCESS : ERROR_DHCP_JET_ERROR);
	}
	for (size_t i = 0; i < COUNT(statuses); i++) {
		DHCP_CLIENT_INFO_PB info = lease_of(HOST(10), m1);
		info.Status = (QuarantineStatus)statuses[i];
		assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_INVALID_PARAMETER);
	}
	assert_stats(*state, SUBNET, 0, POOL);
}

static void
required_pointers_are_checked(void **state) {
	(void)state;
	DHCP_SEARCH_INFO search = by_address(HOST(10));
	LPDHCP_CLIENT_INFO_PB info = (LPDHCP_CLIENT_INFO_PB)&search;
	assert_int_equal(DhcpV4CreateClientInfo(NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpDeleteClientInfo(NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV4GetClientInfo(NULL, &search, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV4GetClientInfo(NULL, NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV4GetClientInfo(NULL, NULL, &info), ERROR_INVALID_PARAMETER);
	assert_null(info);
	assert_int_equal(get_code(by_name(NULL)), ERROR_INVALID_PARAMETER);
	assert_int_equal(delete_found(by_name(NULL)), ERROR_INVALID_PARAMETER);
	assert_int_equal(get_code(by_bytes(NULL, 11)), ERROR_INVALID_PARAMETER);
	assert_int_equal(get_code(by_bytes(NULL, 0)), ERROR_INVALID_PARAMETER);
	assert_int_equal(get_code(by_bytes(m1, 0)), ERROR_INVALID_PARAMETER);
	assert_int_equal(delete_found(by_bytes(NULL, 11)), ERROR_INVALID_PARAMETER);
	DhcpRpcFreeMemory(NULL);
}

/*
 * Searching.
 */

static void
unknown_search_types_are_refused(void **state) {
	(void)state;
	static const unsigned types[] = {3, 256, 0x80000000u, 0xFFFFFFFFu};
	assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
	for (size_t i = 0; i < COUNT(types); i++) {
		DHCP_SEARCH_INFO search = by_address(HOST(10));
		search.SearchType = (DHCP_SEARCH_INFO_TYPE)types[i];
		assert_int_equal(get_code(search), ERROR_INVALID_PARAMETER);
		assert_int_equal(delete_found(search), ERROR_INVALID_PARAMETER);
	}
}

static void
addresses_without_a_lease_are_not_found(void **state) {
	(void)state;
	static const DHCP_IP_ADDRESS addresses[] = {0, 1, HOST(0), HOST(11), HOST(255), 0x0A000001u, 0xFFFFFFFFu};
	assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
	for (size_t i = 0; i < COUNT(addresses); i++) {
		assert_int_equal(get_code(by_address(addresses[i])), ERROR_DHCP_INVALID_DHCP_CLIENT);
		assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_NOT_FOUND);
		assert_int_equal(delete_found(by_address(addresses[i])), ERROR_DHCP_JET_ERROR);
		assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_NOT_FOUND);
	}
}

static void
unique_ids_must_match_in_every_part(void **state) {
	static const BYTE right[] = {0x00, 0x01, 0xA8, 0xC0, 0x01, 0x00, 0x1C, 0x25, 0x80, 0xA0, 0x43};
	BYTE id[sizeof(right) + 1];
	memcpy(id, right, sizeof(right));
	id[sizeof(right)] = 0;
	add_scope(*state, 0xC0A80200u, LESSOR_SCOPE_ENABLED);
	assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
	assert_int_equal(get_code(by_bytes(id, sizeof(right))), ERROR_SUCCESS);
	for (DWORD i = 0; i < sizeof(right); i++) {
		id[i] ^= 3; /* at byte 1 that makes it the other scope */
		assert_int_equal(get_code(by_bytes(id, sizeof(right))), ERROR_DHCP_INVALID_DHCP_CLIENT);
		id[i] ^= 3;
	}
	for (DWORD length = 1; length <= sizeof(id); length++) {
		assert_int_equal(get_code(by_bytes(id, length)),
				 length == sizeof(right) ? ERROR_SUCCESS : ERROR_DHCP_INVALID_DHCP_CLIENT);
	}
}

static void
unique_id_is_built_as_documented(void **state) {
	(void)state;
	static const BYTE expected[] = {0x00, 0x01, 0xA8, 0xC0, 0x01, 0x00, 0x1C, 0x25, 0x80, 0xA0, 0x43};
	BYTE longest[255];
	BYTE buffer[LESSOR_DHCPSAPI_UNIQUE_ID_MAX_BYTES];
	DHCP_CLIENT_UID id = {sizeof(m1), m1};
	DWORD length = 0;
	assert_int_equal(lessor_dhcpsapi_unique_id(SUBNET, &id, NULL, &length), ERROR_MORE_DATA);
	assert_int_equal(length, sizeof(expected));
	length = sizeof(expected) - 1;
	assert_int_equal(lessor_dhcpsapi_unique_id(SUBNET, &id, buffer, &length), ERROR_MORE_DATA);
	assert_int_equal(lessor_dhcpsapi_unique_id(SUBNET, &id, buffer, &length), ERROR_SUCCESS);
	assert_int_equal(length, sizeof(expected));
	assert_memory_equal(buffer, expected, sizeof(expected));

	memset(longest, 0x5A, sizeof(longest));
	id = (DHCP_CLIENT_UID){sizeof(longest), longest};
	length = sizeof(buffer);
	assert_int_equal(lessor_dhcpsapi_unique_id(SUBNET, &id, buffer, &length), ERROR_SUCCESS);
	assert_int_equal(length, sizeof(buffer));
	id.DataLength = 256;
	assert_int_equal(lessor_dhcpsapi_unique_id(SUBNET, &id, buffer, &length), ERROR_INVALID_PARAMETER);
	id.DataLength = 0;
	assert_int_equal(lessor_dhcpsapi_unique_id(SUBNET, &id, buffer, &length), ERROR_INVALID_PARAMETER);
	assert_int_equal(lessor_dhcpsapi_unique_id(SUBNET, NULL, buffer, &length), ERROR_INVALID_PARAMETER);
	assert_int_equal(lessor_dhcpsapi_unique_id(SUBNET, &id, buffer, NULL), ERROR_INVALID_PARAMETER);
}

static DHCP_IP_ADDRESS
address_by_name(WCHAR *name) {
	LPDHCP_CLIENT_INFO_PB info = get_found(by_name(name));
	const DHCP_IP_ADDRESS address = info->ClientIpAddress;
	DhcpRpcFreeMemory(info);
	return address;
}

static void
names_match_without_case_in_ascii_only(void **state) {
	(void)state;
	static WCHAR host[] = u"Host-\u00C4z[1]";
	static WCHAR same[] = u"hOST-\u00C4Z[1]";
	static WCHAR umlaut[] = u"host-\u00E4z[1]";
	static WCHAR longer[] = u"host-\u00C4z[1]x";
	static WCHAR shorter[] = u"host-\u00C4z[1";
	static WCHAR bracket[] = u"host-\u00C4z{1]"; /* '[' and '{' differ like a letter and its capital */
	static WCHAR empty[] = u"";
	assert_int_equal(create(HOST(9), m2), ERROR_SUCCESS); /* a lease without a name matches no name */
	assert_int_equal(create_named(HOST(10), m1, host), ERROR_SUCCESS);
	assert_int_equal(address_by_name(same), HOST(10));
	assert_int_equal(get_code(by_name(umlaut)), ERROR_DHCP_INVALID_DHCP_CLIENT);
	assert_int_equal(get_code(by_name(longer)), ERROR_DHCP_INVALID_DHCP_CLIENT);
	assert_int_equal(get_code(by_name(shorter)), ERROR_DHCP_INVALID_DHCP_CLIENT);
	assert_int_equal(get_code(by_name(bracket)), ERROR_DHCP_INVALID_DHCP_CLIENT);
	assert_int_equal(get_code(by_name(empty)), ERROR_DHCP_INVALID_DHCP_CLIENT);
	LPDHCP_CLIENT_INFO_PB info = get_found(by_name(same));
	assert_same_text(info->ClientName, host);
	DhcpRpcFreeMemory(info);
}

static void
delete_by_name_takes_the_lowest_address_only(void **state) {
	assert_int_equal(create_named(HOST(12), m1, name_pc), ERROR_SUCCESS);
	assert_int_equal(create_named(HOST(11), m2, name_pc), ERROR_SUCCESS);
	assert_int_equal(delete_found(by_name(name_pc)), ERROR_SUCCESS);
	assert_int_equal(address_by_name(name_pc), HOST(12));
	assert_stats(*state, SUBNET, 1, POOL - 1);
	assert_int_equal(delete_found(by_name(name_pc)), ERROR_SUCCESS);
	assert_int_equal(delete_found(by_name(name_pc)), ERROR_DHCP_JET_ERROR);
	assert_stats(*state, SUBNET, 0, POOL);
}

static void
null_and_empty_text_stay_apart(void **state) {
	(void)state;
	static WCHAR empty[] = u"";
	DHCP_CLIENT_INFO_PB info = lease_of(HOST(10), m1);
	info.ClientName = empty;
	info.PolicyName = empty;
	assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_SUCCESS);
	LPDHCP_CLIENT_INFO_PB found = get_found(by_name(empty));
	assert_same_text(found->ClientName, empty);
	assert_null(found->ClientComment);
	assert_same_text(found->PolicyName, empty);
	DhcpRpcFreeMemory(found);
}

/*
 * Results.
 */

static void
inner_pointers_may_be_freed_before_the_result(void **state) {
	(void)state;
	random_state = 4711;
	static random_lease_t lease;
	fill_random(&lease, HOST(10));
	lease.info.ClientName = name_pc;
	lease.info.ClientComment = name_pc;
	lease.info.PolicyName = name_pc;
	assert_int_equal(DhcpV4CreateClientInfo(NULL, &lease.info), ERROR_SUCCESS);
	LPDHCP_CLIENT_INFO_PB found = get_found(by_address(HOST(10)));
	DhcpRpcFreeMemory(found->ClientHardwareAddress.Data);
	DhcpRpcFreeMemory(found->ClientName);
	DhcpRpcFreeMemory(found->ClientComment);
	DhcpRpcFreeMemory(found->OwnerHost.NetBiosName);
	DhcpRpcFreeMemory(found->OwnerHost.HostName);
	DhcpRpcFreeMemory(found->PolicyName);
	assert_came_back(&lease.info, found);
	DhcpRpcFreeMemory(found);
}

/* What no engine can be made to do here: no memory, and a text that is not UTF-8. */
static void
blocks_fail_as_a_whole(void **state) {
	(void)state;
	lsr_block_t none = {.memory = NULL};
	void *result = name_pc;
	assert_null(lsr_block_take(&none, 1));
	assert_null(lsr_block_bytes(&none, m1, sizeof(m1)));
	assert_null(lsr_block_text(&none, "pc"));
	assert_int_equal(lsr_block_finish(&none, &result), LESSOR_NO_MEMORY);
	lsr_block_t block = lsr_block_make(lsr_block_part_bytes(8) + lsr_block_text_bytes("\xC3("));
	assert_non_null(lsr_block_take(&block, 8));
	(void)lsr_block_text(&block, "\xC3(");
	assert_int_equal(lsr_block_finish(&block, &result), LESSOR_DAMAGED);
	assert_ptr_equal(result, name_pc);
}

static void
results_outlive_the_lease_and_the_binding(void **state) {
	(void)state;
	assert_int_equal(create_named(HOST(10), m1, name_pc), ERROR_SUCCESS);
	LPDHCP_CLIENT_INFO_PB first = get_found(by_address(HOST(10)));
	LPDHCP_CLIENT_INFO_PB second = get_found(by_address(HOST(10)));
	assert_int_equal(delete_found(by_address(HOST(10))), ERROR_SUCCESS);
	assert_int_equal(lessor_dhcpsapi_bind(NULL, NULL, LESSOR_ACCESS_NONE, LESSOR_ASYNC), LESSOR_OK);
	DhcpRpcFreeMemory(first);
	assert_same_text(second->ClientName, name_pc);
	is_m1(second);
	DhcpRpcFreeMemory(second);
}

static void
files_in_windows_style_work(void **state) {
	static WCHAR server[] = u"10.1.2.3";
	static WCHAR name_c[] = u"c";
	static WCHAR name_cpp[] = u"c++";
	assert_int_equal(c_add_lease(server, HOST(10), m1, name_c), ERROR_SUCCESS);
	assert_int_equal(cpp_add_lease(server, HOST(11), m2, name_cpp), ERROR_SUCCESS);
	assert_int_equal(c_add_lease(server, HOST(11), m1, name_c), ERROR_DHCP_CLIENT_EXISTS);
	assert_int_equal(cpp_add_lease(server, HOST(10), m2, name_cpp), ERROR_DHCP_CLIENT_EXISTS);
	assert_true(c_has_lease(server, HOST(11), m2, name_cpp));
	assert_true(cpp_has_lease(server, HOST(10), m1, name_c));
	assert_false(c_has_lease(server, HOST(11), m1, name_cpp));
	assert_false(cpp_has_lease(server, HOST(12), m1, name_c));
	assert_int_equal(c_remove_lease(server, SUBNET, m2), ERROR_SUCCESS);
	assert_int_equal(cpp_remove_lease(server, SUBNET, m1), ERROR_SUCCESS);
	assert_int_equal(cpp_remove_lease(server, SUBNET, m1), ERROR_DHCP_JET_ERROR);
	assert_stats(*state, SUBNET, 0, POOL);
}

/*
 * Codes and statuses.
 */

static void
last_status_tells_more_than_the_code(void **state) {
	(void)state;
	assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_OK);
	assert_int_equal(create(HOST(10), m2), ERROR_DHCP_CLIENT_EXISTS);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_ADDRESS_TAKEN);
	assert_int_equal(create(HOST(11), m1), ERROR_DHCP_CLIENT_EXISTS);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_CLIENT_TAKEN);
	assert_int_equal(create(0x0A000001u, m1), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_NO_SCOPE);
	assert_int_equal(DhcpV4CreateClientInfo(NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_INVALID);
}

static void *
ask_last_status(void *answer) {
	*(lessor_status_t *)answer = lessor_dhcpsapi_last_status();
	return NULL;
}

static void
last_status_belongs_to_the_thread(void **state) {
	(void)state;
	pthread_t thread;
	lessor_status_t answer = LESSOR_DAMAGED;
	assert_int_equal(create(0x0A000001u, m1), ERROR_DHCP_SUBNET_NOT_PRESENT);
	assert_int_equal(pthread_create(&thread, NULL, ask_last_status, &answer), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(answer, LESSOR_OK);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_NO_SCOPE);
}

/* Also those that no test can provoke here: a full disk, a failed log. */
static void
every_status_has_its_code(void **state) {
	(void)state;
	static const lsr_codes_t codes = {.no_scope = 1, .taken = 2, .missing = 3};
	static const struct {
		lessor_status_t status;
		DWORD code;
	} expected[] = {
		{LESSOR_OK, ERROR_SUCCESS},
		{LESSOR_INVALID, ERROR_INVALID_PARAMETER},
		{LESSOR_READ_ONLY, ERROR_ACCESS_DENIED},
		{LESSOR_NO_SCOPE, 1},
		{LESSOR_ADDRESS_TAKEN, 2},
		{LESSOR_CLIENT_TAKEN, 2},
		{LESSOR_NOT_FOUND, 3},
		{LESSOR_OTHER_CLIENT, 3},
		{LESSOR_NO_MEMORY, ERROR_NOT_ENOUGH_MEMORY},
		{LESSOR_LIMIT, ERROR_NOT_ENOUGH_MEMORY},
		{LESSOR_DISK_FULL, ERROR_DHCP_JET_ERROR},
		{LESSOR_LOG_FAILED, ERROR_DHCP_JET_ERROR},
		{LESSOR_IO, ERROR_DHCP_JET_ERROR},
		{LESSOR_CLOSED, ERROR_DHCP_JET_ERROR},
		{LESSOR_FORKED, ERROR_DHCP_JET_ERROR},
		{LESSOR_DAMAGED, ERROR_DHCP_JET_ERROR},
	};
	for (size_t i = 0; i < COUNT(expected); i++) {
		lsr_binding_t *binding = NULL;
		assert_int_equal(lsr_call_begin(NULL, LESSOR_ACCESS_READ, &binding), ERROR_SUCCESS);
		assert_int_equal(lsr_call_end(binding, expected[i].status, &codes), expected[i].code);
		assert_int_equal(lessor_dhcpsapi_last_status(), expected[i].status);
	}
}

static void
remove_store(const char *directory) {
	char command[256];
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	assert_int_equal(system(command), 0);
}

static lessor_engine_t *
open_store(const char *directory, bool read_only) {
	lessor_engine_t *engine = NULL;
	lessor_options_t options;
	lessor_options_init(&options);
	options.read_only = read_only;
	options.max_leases = 4096;
	options.segment_size_bytes = 1 << 20;
	options.ring_size_bytes = 1 << 20;
	assert_int_equal(lessor_open(directory, &options, &engine, NULL), LESSOR_OK);
	return engine;
}

static void
leases_survive_in_a_store_and_a_read_only_engine_denies_changes(void **state) {
	(void)state;
	char directory[64];
	(void)snprintf(directory, sizeof(directory), "dhcpsapi-store-%ld", (long)getpid());
	remove_store(directory);
	lessor_engine_t *engine = open_store(directory, false);
	add_scope(engine, SUBNET, LESSOR_SCOPE_ENABLED);
	bind_default(engine, LESSOR_ACCESS_READWRITE);
	assert_int_equal(create_named(HOST(10), m1, name_pc), ERROR_SUCCESS);
	assert_int_equal(lessor_dhcpsapi_bind(NULL, NULL, LESSOR_ACCESS_NONE, LESSOR_ASYNC), LESSOR_OK);
	assert_int_equal(lessor_close(&engine), LESSOR_OK);

	engine = open_store(directory, true);
	bind_default(engine, LESSOR_ACCESS_READWRITE);
	assert_int_equal(address_by_name(name_pc), HOST(10));
	assert_int_equal(create(HOST(11), m2), ERROR_ACCESS_DENIED);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_READ_ONLY);
	assert_int_equal(delete_found(by_address(HOST(10))), ERROR_ACCESS_DENIED);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_READ_ONLY);
	assert_int_equal(get_code(by_address(HOST(10))), ERROR_SUCCESS);
	assert_int_equal(lessor_dhcpsapi_bind(NULL, NULL, LESSOR_ACCESS_NONE, LESSOR_ASYNC), LESSOR_OK);
	assert_int_equal(lessor_close(&engine), LESSOR_OK);
	remove_store(directory);
}

/*
 * Access.
 */

static void
each_access_level_permits_what_it_says(void **state) {
	static const struct {
		lessor_access_t access;
		DWORD read;
		DWORD write;
	} levels[] = {
		{LESSOR_ACCESS_NONE, ERROR_ACCESS_DENIED, ERROR_ACCESS_DENIED},
		{LESSOR_ACCESS_READ, ERROR_SUCCESS, ERROR_ACCESS_DENIED},
		{LESSOR_ACCESS_READWRITE, ERROR_SUCCESS, ERROR_SUCCESS},
	};
	assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
	for (size_t i = 0; i < COUNT(levels); i++) {
		bind_default(*state, levels[i].access);
		assert_int_equal(get_code(by_address(HOST(10))), levels[i].read);
		assert_int_equal(create(HOST(11), m2), levels[i].write);
		assert_int_equal(delete_found(by_address(HOST(10))), levels[i].write);
	}
}

static void
access_comes_between_pointers_and_content(void **state) {
	bind_default(*state, LESSOR_ACCESS_NONE);
	DHCP_CLIENT_INFO_PB info = {0};
	DHCP_SEARCH_INFO search = by_bytes(NULL, 0);
	assert_int_equal(DhcpV4CreateClientInfo(NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_ACCESS_DENIED);
	assert_int_equal(DhcpDeleteClientInfo(NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(DhcpDeleteClientInfo(NULL, &search), ERROR_ACCESS_DENIED);
	assert_int_equal(get_code(search), ERROR_ACCESS_DENIED);
	/* The missing name is looked at before access by Get, after it by Delete (3.2.4.124, 3.1.4.20). */
	assert_int_equal(get_code(by_name(NULL)), ERROR_INVALID_PARAMETER);
	assert_int_equal(delete_found(by_name(NULL)), ERROR_ACCESS_DENIED);
	assert_int_equal(lessor_dhcpsapi_last_status(), LESSOR_INVALID);
}

static const char *
name_of_group(gid_t gid, char *buffer, size_t size) {
	struct group group;
	struct group *found = NULL;
	(void)getgrgid_r(gid, &group, buffer, size, &found);
	return found != NULL ? found->gr_name : NULL;
}

/* What a binding by group may do: 2 create, 1 read, 0 nothing; 9 is a mistake of the test. */
static int
observe_access(lessor_engine_t *engine) {
	LPDHCP_CLIENT_INFO_PB info = NULL;
	DHCP_SEARCH_INFO search = by_address(HOST(10));
	if (lessor_dhcpsapi_bind(NULL, engine, LESSOR_ACCESS_BY_GROUP, LESSOR_ASYNC) != LESSOR_OK) {
		return 9;
	}
	if (create(HOST(10), m1) == ERROR_SUCCESS) {
		(void)DhcpDeleteClientInfo(NULL, &search);
		return 2;
	}
	return DhcpV4GetClientInfo(NULL, &search, &info) == ERROR_ACCESS_DENIED ? 0 : 1;
}

/*
 * In a child with the credentials of nobody and the groups given: what may it do? The engine is the child's own,
 * since the parent's would not answer. Returns -1 if this process may not take on other credentials.
 */
static int
access_as_nobody(gid_t gid, const gid_t *groups, size_t count) {
	int status = 0;
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (setgroups(count, groups) != 0 || setresgid(gid, gid, gid) != 0 ||
		    setresuid(65534, 65534, 65534) != 0) {
			_exit(8);
		}
		lessor_engine_t *engine = open_engine(false);
		add_scope(engine, SUBNET, LESSOR_SCOPE_ENABLED);
		_exit(observe_access(engine));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 8 ? -1 : WEXITSTATUS(status);
}

static void
root_is_administrator(void **state) {
	if (geteuid() != 0) {
		skip();
	}
	assert_int_equal(lessor_dhcpsapi_set_groups("no-such-group", "no-such-group-either"), LESSOR_OK);
	assert_int_equal(observe_access(*state), 2);
	assert_int_equal(lessor_dhcpsapi_set_groups(NULL, NULL), LESSOR_OK);
}

/* Two groups that every system has, played as the two roles by a process that may change its own credentials. */
static void
groups_decide_for_others(void **state) {
	(void)state;
	enum { USERS = 1, ADMINISTRATORS = 2, OTHER = 65534 };
	static const gid_t user[] = {OTHER, USERS};
	static const gid_t administrator[] = {OTHER, ADMINISTRATORS};
	char users_buffer[4096];
	char administrators_buffer[4096];
	const char *users = name_of_group(USERS, users_buffer, sizeof(users_buffer));
	const char *administrators =
		name_of_group(ADMINISTRATORS, administrators_buffer, sizeof(administrators_buffer));
	if (users == NULL || administrators == NULL || access_as_nobody(OTHER, NULL, 0) < 0) {
		skip();
	}
	assert_int_equal(lessor_dhcpsapi_set_groups(users, administrators), LESSOR_OK);
	assert_int_equal(access_as_nobody(OTHER, NULL, 0), 0);
	assert_int_equal(access_as_nobody(USERS, NULL, 0), 1);
	assert_int_equal(access_as_nobody(ADMINISTRATORS, NULL, 0), 2);
	assert_int_equal(access_as_nobody(OTHER, user, COUNT(user)), 1);
	assert_int_equal(access_as_nobody(OTHER, administrator, COUNT(administrator)), 2);
	assert_int_equal(access_as_nobody(USERS, administrator, COUNT(administrator)), 2);
	assert_int_equal(lessor_dhcpsapi_set_groups("no-such-group", "no-such-group-either"), LESSOR_OK);
	assert_int_equal(access_as_nobody(USERS, administrator, COUNT(administrator)), 0);
	assert_int_equal(lessor_dhcpsapi_set_groups(NULL, NULL), LESSOR_OK);
}

static void
group_names_are_checked(void **state) {
	(void)state;
	char name[257];
	memset(name, 'g', sizeof(name));
	name[255] = '\0';
	assert_int_equal(lessor_dhcpsapi_set_groups(name, NULL), LESSOR_OK);
	name[255] = 'g';
	name[256] = '\0';
	assert_int_equal(lessor_dhcpsapi_set_groups(name, NULL), LESSOR_INVALID);
	assert_int_equal(lessor_dhcpsapi_set_groups(NULL, name), LESSOR_INVALID);
	assert_int_equal(lessor_dhcpsapi_set_groups("", NULL), LESSOR_INVALID);
	assert_int_equal(lessor_dhcpsapi_set_groups(NULL, ""), LESSOR_INVALID);
	assert_int_equal(lessor_dhcpsapi_set_groups(NULL, NULL), LESSOR_OK);
}

/*
 * Bindings.
 */

static lessor_status_t
unbind(LPCWSTR label) {
	return lessor_dhcpsapi_bind(label, NULL, LESSOR_ACCESS_NONE, LESSOR_ASYNC);
}

static DWORD
get_code_at(LPCWSTR server, DHCP_IP_ADDRESS address) {
	DHCP_SEARCH_INFO search = by_address(address);
	LPDHCP_CLIENT_INFO_PB info = NULL;
	const DWORD code = DhcpV4GetClientInfo(server, &search, &info);
	DhcpRpcFreeMemory(info);
	return code;
}

static void
without_a_binding_no_server_is_reachable(void **state) {
	(void)state;
	DHCP_CLIENT_INFO_PB info = {0};
	DHCP_SEARCH_INFO search = by_address(HOST(10));
	assert_int_equal(unbind(NULL), LESSOR_OK);
	assert_int_equal(DhcpV4CreateClientInfo(NULL, &info), ERROR_DHCP_SERVER_NOT_REACHABLE);
	assert_int_equal(get_code(search), ERROR_DHCP_SERVER_NOT_REACHABLE);
	assert_int_equal(DhcpDeleteClientInfo(u"dhcp1", &search), ERROR_DHCP_SERVER_NOT_REACHABLE);
	assert_int_equal(DhcpDeleteClientInfo(NULL, NULL), ERROR_INVALID_PARAMETER);
	assert_int_equal(unbind(NULL), LESSOR_NOT_FOUND);
	assert_int_equal(unbind(u"dhcp1"), LESSOR_NOT_FOUND);
}

static void
labels_pick_engines(void **state) {
	lessor_engine_t *other = open_engine(false);
	add_scope(other, SUBNET, LESSOR_SCOPE_ENABLED);
	assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
	assert_int_equal(lessor_dhcpsapi_bind(u"dhcp2.example", other, LESSOR_ACCESS_READ, LESSOR_ASYNC), LESSOR_OK);
	assert_int_equal(get_code_at(NULL, HOST(10)), ERROR_SUCCESS);
	assert_int_equal(get_code_at(u"", HOST(10)), ERROR_SUCCESS);
	assert_int_equal(get_code_at(u"unknown", HOST(10)), ERROR_SUCCESS);
	assert_int_equal(get_code_at(u"dhcp2.exampl", HOST(10)), ERROR_SUCCESS);
	assert_int_equal(get_code_at(u"dhcp2.example.", HOST(10)), ERROR_SUCCESS);
	assert_int_equal(get_code_at(u"dhcp2.example", HOST(10)), ERROR_DHCP_INVALID_DHCP_CLIENT);
	assert_int_equal(get_code_at(u"DHCP2.Example", HOST(10)), ERROR_DHCP_INVALID_DHCP_CLIENT);
	assert_int_equal(unbind(NULL), LESSOR_OK);
	assert_int_equal(get_code_at(NULL, HOST(10)), ERROR_DHCP_SERVER_NOT_REACHABLE);
	assert_int_equal(get_code_at(u"unknown", HOST(10)), ERROR_DHCP_SERVER_NOT_REACHABLE);
	/* Bound again under another spelling: replaced, not added. */
	assert_int_equal(lessor_dhcpsapi_bind(u"Dhcp2.EXAMPLE", *state, LESSOR_ACCESS_READ, LESSOR_ASYNC), LESSOR_OK);
	assert_int_equal(get_code_at(u"dhcp2.example", HOST(10)), ERROR_SUCCESS);
	assert_int_equal(unbind(u"dhcp2.example"), LESSOR_OK);
	assert_int_equal(unbind(u"dhcp2.example"), LESSOR_NOT_FOUND);
	assert_int_equal(lessor_close(&other), LESSOR_OK);
}

static void
bad_bindings_are_refused_and_change_nothing(void **state) {
	static WCHAR label[257];
	lessor_engine_t *engine = *state;
	assert_int_equal(create(HOST(10), m1), ERROR_SUCCESS);
	assert_int_equal(lessor_dhcpsapi_bind(NULL, engine, (lessor_access_t)4, LESSOR_ASYNC), LESSOR_INVALID);
	assert_int_equal(lessor_dhcpsapi_bind(NULL, engine, (lessor_access_t)-1, LESSOR_ASYNC), LESSOR_INVALID);
	assert_int_equal(lessor_dhcpsapi_bind(NULL, engine, LESSOR_ACCESS_NONE, (lessor_mode_t)2), LESSOR_INVALID);
	(void)fill_units(label, 256, 'l');
	assert_int_equal(lessor_dhcpsapi_bind(label, engine, LESSOR_ACCESS_NONE, LESSOR_ASYNC), LESSOR_INVALID);
	(void)fill_units(label, 255, 'l');
	assert_int_equal(lessor_dhcpsapi_bind(label, engine, LESSOR_ACCESS_NONE, LESSOR_ASYNC), LESSOR_OK);
	assert_int_equal(get_code_at(label, HOST(10)), ERROR_ACCESS_DENIED);
	assert_int_equal(unbind(label), LESSOR_OK);
	assert_int_equal(get_code_at(NULL, HOST(10)), ERROR_SUCCESS);
}

static void
bindings_have_a_limit_and_are_used_again(void **state) {
	WCHAR label[] = u"server-00";
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 1; i <= LESSOR_DHCPSAPI_BINDINGS_MAX; i++) {
			label[7] = (WCHAR)('0' + i / 10);
			label[8] = (WCHAR)('0' + i % 10);
			assert_int_equal(lessor_dhcpsapi_bind(label, *state, LESSOR_ACCESS_NONE, LESSOR_ASYNC),
					 i < LESSOR_DHCPSAPI_BINDINGS_MAX ? LESSOR_OK : LESSOR_LIMIT);
		}
		bind_default(*state, LESSOR_ACCESS_READWRITE);
		for (unsigned i = 1; i < LESSOR_DHCPSAPI_BINDINGS_MAX; i++) {
			label[7] = (WCHAR)('0' + i / 10);
			label[8] = (WCHAR)('0' + i % 10);
			assert_int_equal(get_code_at(label, HOST(10)), ERROR_ACCESS_DENIED);
			assert_int_equal(unbind(label), LESSOR_OK);
			assert_int_equal(get_code_at(label, HOST(10)), ERROR_DHCP_INVALID_DHCP_CLIENT);
		}
	}
}

/* A call that takes long, in a thread of its own. */
typedef struct slow_call {
	pthread_t thread;
	pthread_barrier_t entered;
	pthread_barrier_t may_leave;
	atomic_bool left;
} slow_call_t;

static void *
call_slowly(void *argument) {
	slow_call_t *call = argument;
	lsr_binding_t *binding = NULL;
	const DWORD code = lsr_call_begin(u"slow", LESSOR_ACCESS_READ, &binding);
	(void)pthread_barrier_wait(&call->entered);
	(void)pthread_barrier_wait(&call->may_leave);
	/* Long enough for a bind that does not wait to be found out. */
	(void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	atomic_store(&call->left, true);
	lsr_binding_leave(binding);
	return (void *)(uintptr_t)code;
}

static void
start_slow_call(slow_call_t *call) {
	atomic_init(&call->left, false);
	assert_int_equal(pthread_barrier_init(&call->entered, NULL, 2), 0);
	assert_int_equal(pthread_barrier_init(&call->may_leave, NULL, 2), 0);
	assert_int_equal(pthread_create(&call->thread, NULL, call_slowly, call), 0);
	(void)pthread_barrier_wait(&call->entered);
}

static void
finish_slow_call(slow_call_t *call) {
	void *code;
	assert_int_equal(pthread_join(call->thread, &code), 0);
	assert_int_equal((uintptr_t)code, ERROR_SUCCESS);
	(void)pthread_barrier_destroy(&call->entered);
	(void)pthread_barrier_destroy(&call->may_leave);
}

static void
unbinding_waits_for_its_own_calls_only(void **state) {
	slow_call_t call;
	assert_int_equal(lessor_dhcpsapi_bind(u"slow", *state, LESSOR_ACCESS_READ, LESSOR_ASYNC), LESSOR_OK);
	start_slow_call(&call);
	/* The call is under way and stays so: none of these may wait for it. */
	bind_default(*state, LESSOR_ACCESS_READWRITE);
	assert_int_equal(lessor_dhcpsapi_bind(u"third", *state, LESSOR_ACCESS_READ, LESSOR_ASYNC), LESSOR_OK);
	assert_int_equal(unbind(u"third"), LESSOR_OK);
	assert_int_equal(get_code_at(u"slow", HOST(10)), ERROR_DHCP_INVALID_DHCP_CLIENT);
	(void)pthread_barrier_wait(&call.may_leave);
	assert_int_equal(unbind(u"slow"), LESSOR_OK);
	assert_true(atomic_load(&call.left));
	finish_slow_call(&call);
}

static void
a_forked_child_is_refused_and_can_start_anew(void **state) {
	(void)state;
	slow_call_t call;
	int status = 0;
	assert_int_equal(lessor_dhcpsapi_bind(u"slow", *state, LESSOR_ACCESS_READ, LESSOR_ASYNC), LESSOR_OK);
	start_slow_call(&call);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)alarm(60); /* instead of waiting forever for a thread that it does not have */
		bool good = create(HOST(10), m1) == ERROR_DHCP_JET_ERROR;
		good = good && lessor_dhcpsapi_last_status() == LESSOR_FORKED;
		good = good && unbind(u"slow") == LESSOR_OK && unbind(NULL) == LESSOR_OK;
		lessor_engine_t *engine = open_engine(false);
		add_scope(engine, SUBNET, LESSOR_SCOPE_ENABLED);
		bind_default(engine, LESSOR_ACCESS_READWRITE);
		good = good && create(HOST(10), m1) == ERROR_SUCCESS;
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	(void)pthread_barrier_wait(&call.may_leave);
	assert_int_equal(unbind(u"slow"), LESSOR_OK);
	finish_slow_call(&call);
}

/*
 * Under load.
 */

#define CALLERS 4
/* Calls of each, at least. */
#define COMPETITION 20000

typedef struct caller {
	pthread_t thread;
	atomic_bool *stop;
	BYTE mac[MAC_ADDRESS_LENGTH];
	DHCP_IP_ADDRESS address;
	atomic_ulong calls;
	atomic_ulong created;
	unsigned long deleted;
	unsigned long wrong;
} caller_t;

/* Creates and deletes one address in competition; counts its own successes. */
static void *
compete(void *argument) {
	caller_t *caller = argument;
	while (!atomic_load_explicit(caller->stop, memory_order_relaxed)) {
		const DWORD created = create(caller->address, caller->mac);
		const DWORD got = get_code_at(NULL, caller->address);
		DHCP_SEARCH_INFO search = by_address(caller->address);
		const DWORD deleted = DhcpDeleteClientInfo(NULL, &search);
		caller->created += created == ERROR_SUCCESS;
		caller->deleted += deleted == ERROR_SUCCESS;
		caller->wrong += created != ERROR_SUCCESS && created != ERROR_DHCP_CLIENT_EXISTS;
		caller->wrong += got != ERROR_SUCCESS && got != ERROR_DHCP_INVALID_DHCP_CLIENT;
		caller->wrong += deleted != ERROR_SUCCESS && deleted != ERROR_DHCP_JET_ERROR;
		caller->calls += 3;
	}
	return NULL;
}

static void
start_callers(caller_t *callers, atomic_bool *stop, void *(*run)(void *)) {
	atomic_init(stop, false);
	for (size_t i = 0; i < CALLERS; i++) {
		callers[i] = (caller_t){.stop = stop, .mac = {2, 0, 0, 0, 0, (BYTE)i}, .address = HOST(10)};
		assert_int_equal(pthread_create(&callers[i].thread, NULL, run, &callers[i]), 0);
	}
}

static void
stop_callers(caller_t *callers, atomic_bool *stop) {
	atomic_store(stop, true);
	for (size_t i = 0; i < CALLERS; i++) {
		assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
	}
}

/* Every lease that was created is deleted by exactly one call, or is still there. */
static void
creates_and_deletes_balance(void **state) {
	caller_t callers[CALLERS];
	atomic_bool stop;
	unsigned long created = 0;
	unsigned long deleted = 0;
	start_callers(callers, &stop, compete);
	for (size_t i = 0; i < CALLERS; i++) {
		while (atomic_load_explicit(&callers[i].calls, memory_order_relaxed) < COMPETITION) {
			(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		}
	}
	stop_callers(callers, &stop);
	for (size_t i = 0; i < CALLERS; i++) {
		assert_int_equal(callers[i].wrong, 0);
		created += callers[i].created;
		deleted += callers[i].deleted;
	}
	assert_true(created > 0);
	const unsigned long left = get_code(by_address(HOST(10))) == ERROR_SUCCESS ? 1 : 0;
	assert_int_equal(created - deleted, left);
	assert_stats(*state, SUBNET, left, POOL - left);
}

/* Hands the lease of an address to and fro between two clients, as long as it is there, with pauses or without. */
typedef struct swapper {
	pthread_t thread;
	lessor_engine_t *engine;
	bool hurried;
	atomic_bool stop;
} swapper_t;

static void *
swap_clients(void *argument) {
	swapper_t *swapper = argument;
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.address = HOST(10);
	lease.client_id = m1;
	lease.client_id_bytes = MAC_ADDRESS_LENGTH;
	while (!atomic_load(&swapper->stop)) {
		lease.client_id = lease.client_id == m1 ? m2 : m1;
		(void)lessor_lease_update(swapper->engine, &lease, LESSOR_FIELD_CLIENT_ID, LESSOR_ASYNC, NULL);
		if (!swapper->hurried) {
			(void)nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL);
		}
	}
	return NULL;
}

/* The lease is there when the delete begins, and nobody else deletes it: whose it is just then must not matter. */
static void
assert_delete_succeeds(lessor_engine_t *engine, bool hurried, DHCP_SEARCH_INFO search, int rounds) {
	swapper_t swapper = {.engine = engine, .hurried = hurried};
	int failures = 0;
	atomic_init(&swapper.stop, false);
	assert_int_equal(pthread_create(&swapper.thread, NULL, swap_clients, &swapper), 0);
	for (int round = 0; round < rounds; round++) {
		failures += create_named(HOST(10), m1, name_pc) != ERROR_SUCCESS;
		failures += delete_found(search) != ERROR_SUCCESS;
	}
	atomic_store(&swapper.stop, true);
	assert_int_equal(pthread_join(swapper.thread, NULL), 0);
	assert_int_equal(failures, 0);
	assert_stats(engine, SUBNET, 0, POOL);
}

static void
delete_by_address_does_not_mind_whose_lease_it_is(void **state) {
	assert_delete_succeeds(*state, true, by_address(HOST(10)), 100000);
}

static void
delete_by_name_searches_again_when_overtaken(void **state) {
	assert_delete_succeeds(*state, false, by_name(name_pc), 20000);
}

/* Calls by whichever engine is bound just now, or none. */
static void *
call_whatever_is_bound(void *argument) {
	caller_t *caller = argument;
	while (!atomic_load_explicit(caller->stop, memory_order_relaxed)) {
		const WCHAR *server = caller->calls % 2 == 0 ? NULL : u"named";
		const DWORD code = get_code_at(server, caller->address);
		caller->wrong += code != ERROR_SUCCESS && code != ERROR_DHCP_SERVER_NOT_REACHABLE;
		caller->created += code == ERROR_SUCCESS;
		caller->calls++;
	}
	return NULL;
}

static lessor_engine_t *
open_engine_with_lease(void) {
	lessor_engine_t *engine = open_engine(false);
	add_scope(engine, SUBNET, LESSOR_SCOPE_ENABLED);
	lessor_lease_t lease;
	lessor_lease_init(&lease);
	lease.address = HOST(10);
	lease.client_id = m1;
	lease.client_id_bytes = sizeof(m1);
	assert_int_equal(lessor_lease_create(engine, &lease, LESSOR_ASYNC, NULL), LESSOR_OK);
	return engine;
}

/*
 * An engine may be closed as soon as it is not bound any more: a call that still used it would be found by the
 * sanitizers.
 */
static void
engines_come_and_go_under_load(void **state) {
	caller_t callers[CALLERS];
	atomic_bool stop;
	unsigned long served = 0;
	(void)state;
	assert_int_equal(unbind(NULL), LESSOR_OK);
	start_callers(callers, &stop, call_whatever_is_bound);
	for (int round = 0; round < 20; round++) {
		lessor_engine_t *first = open_engine_with_lease();
		lessor_engine_t *second = open_engine_with_lease();
		bind_default(first, LESSOR_ACCESS_READ);
		assert_int_equal(lessor_dhcpsapi_bind(u"named", first, LESSOR_ACCESS_READ, LESSOR_ASYNC), LESSOR_OK);
		bind_default(second, LESSOR_ACCESS_READ);
		assert_int_equal(unbind(u"named"), LESSOR_OK);
		assert_int_equal(lessor_close(&first), LESSOR_OK);
		do {
			(void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		} while (atomic_load(&callers[0].created) == 0);
		assert_int_equal(unbind(NULL), LESSOR_OK);
		assert_int_equal(lessor_close(&second), LESSOR_OK);
	}
	stop_callers(callers, &stop);
	for (size_t i = 0; i < CALLERS; i++) {
		assert_int_equal(callers[i].wrong, 0);
		served += callers[i].created;
	}
	assert_true(served > 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_hold),
		TEST(one_of_many_clients_gets_an_address),
		TEST(one_of_many_addresses_is_got_by_a_client),
		TEST(minimal_lease_has_documented_members),
		cmocka_unit_test(initialiser_makes_an_active_endless_lease),
		TEST(every_member_comes_back_exactly),
		TEST(owner_is_the_server_as_it_was_called),
		TEST(texts_have_limits),
		TEST(longest_texts_are_accepted),
		TEST(texts_are_not_read_beyond_their_limit),
		TEST(broken_utf16_is_refused_everywhere),
		TEST(lengths_that_lie_are_refused_unread),
		TEST(enumerations_are_checked),
		TEST(required_pointers_are_checked),
		TEST(unknown_search_types_are_refused),
		TEST(addresses_without_a_lease_are_not_found),
		TEST(unique_ids_must_match_in_every_part),
		cmocka_unit_test(unique_id_is_built_as_documented),
		TEST(names_match_without_case_in_ascii_only),
		TEST(delete_by_name_takes_the_lowest_address_only),
		TEST(null_and_empty_text_stay_apart),
		TEST(inner_pointers_may_be_freed_before_the_result),
		cmocka_unit_test(blocks_fail_as_a_whole),
		TEST(results_outlive_the_lease_and_the_binding),
		TEST(files_in_windows_style_work),
		TEST(last_status_tells_more_than_the_code),
		TEST(last_status_belongs_to_the_thread),
		TEST(every_status_has_its_code),
		cmocka_unit_test(leases_survive_in_a_store_and_a_read_only_engine_denies_changes),
		TEST(each_access_level_permits_what_it_says),
		TEST(access_comes_between_pointers_and_content),
		TEST(root_is_administrator),
		cmocka_unit_test(groups_decide_for_others),
		cmocka_unit_test(group_names_are_checked),
		TEST(without_a_binding_no_server_is_reachable),
		TEST(labels_pick_engines),
		TEST(bad_bindings_are_refused_and_change_nothing),
		TEST(bindings_have_a_limit_and_are_used_again),
		TEST(unbinding_waits_for_its_own_calls_only),
		TEST(a_forked_child_is_refused_and_can_start_anew),
		TEST(creates_and_deletes_balance),
		TEST(delete_by_address_does_not_mind_whose_lease_it_is),
		TEST(delete_by_name_searches_again_when_overtaken),
		TEST(engines_come_and_go_under_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
