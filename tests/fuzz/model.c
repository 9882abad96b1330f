/* SPDX-License-Identifier: Apache-2.0 */
/* The model of the IPv4 calls; model.h says what it is. */
#include "model.h"

#include <string.h>

/* ---- look-ups ---- */

model_scope_t *
model_scope_of(model_t *model, DWORD address) {
	for (size_t i = 0; i < model->scope_count; i++) {
		if ((address & model->scopes[i].mask) == model->scopes[i].subnet) {
			return &model->scopes[i];
		}
	}
	return NULL;
}

model_scope_t *
model_scope_get(model_t *model, DWORD subnet) {
	for (size_t i = 0; i < model->scope_count; i++) {
		if (model->scopes[i].subnet == subnet) {
			return &model->scopes[i];
		}
	}
	return NULL;
}

model_lease_t *
model_lease_at(model_t *model, DWORD address) {
	for (size_t i = 0; i < model->lease_count; i++) {
		if (model->leases[i].address == address) {
			return &model->leases[i];
		}
	}
	return NULL;
}

static bool
same_id(const model_id_t *a, const model_id_t *b) {
	return a->length == b->length && memcmp(a->data, b->data, a->length) == 0;
}

static bool
is_inside(const model_scope_t *scope, DWORD address) {
	return (address & scope->mask) == scope->subnet;
}

model_lease_t *
model_lease_of(model_t *model, const model_scope_t *scope, const model_id_t *id) {
	for (size_t i = 0; i < model->lease_count; i++) {
		if (is_inside(scope, model->leases[i].address) && same_id(&model->leases[i].id, id)) {
			return &model->leases[i];
		}
	}
	return NULL;
}

model_reservation_t *
model_reserved(model_scope_t *scope, DWORD address) {
	for (size_t i = 0; i < scope->reservation_count; i++) {
		if (scope->reservations[i].address == address) {
			return &scope->reservations[i];
		}
	}
	return NULL;
}

static bool
is_in(model_range_t range, DWORD address) {
	return address >= range.first && address <= range.last;
}

static bool
is_excluded(const model_scope_t *scope, DWORD address) {
	for (size_t i = 0; i < scope->exclusion_count; i++) {
		if (is_in(scope->exclusions[i], address)) {
			return true;
		}
	}
	return false;
}

/* ---- leases ---- */

static void
insert_lease(model_t *model, const model_lease_t *lease) {
	size_t i = model->lease_count++;
	for (; i > 0 && model->leases[i - 1].address > lease->address; i--) {
		model->leases[i] = model->leases[i - 1];
	}
	model->leases[i] = *lease;
}

static void
erase_lease(model_t *model, model_lease_t *lease) {
	const size_t i = (size_t)(lease - model->leases);
	model->lease_count--;
	memmove(lease, lease + 1, (model->lease_count - i) * sizeof(*lease));
}

DWORD
model_create(model_t *model, const model_lease_t *lease, DWORD no_scope, DWORD taken) {
	model_scope_t *scope = model_scope_of(model, lease->address);
	if (scope == NULL) {
		return no_scope;
	}
	const model_reservation_t *reservation = model_reserved(scope, lease->address);
	if (model_lease_at(model, lease->address) != NULL || model_lease_of(model, scope, &lease->id) != NULL ||
	    (reservation != NULL && !same_id(&reservation->id, &lease->id))) {
		return taken;
	}
	insert_lease(model, lease);
	return ERROR_SUCCESS;
}

DWORD
model_set(model_t *model, const model_lease_t *lease, bool quarantine) {
	model_lease_t *present = model_lease_at(model, lease->address);
	if (present == NULL) {
		return ERROR_DHCP_JET_ERROR;
	}
	model_scope_t *scope = model_scope_of(model, lease->address);
	const model_lease_t *other = model_lease_of(model, scope, &lease->id);
	if (other != NULL && other != present) {
		return ERROR_DHCP_JET_ERROR;
	}
	present->id = lease->id;
	present->name = lease->name != NULL ? lease->name : present->name;
	present->comment = lease->comment != NULL ? lease->comment : present->comment;
	if (model_reserved(scope, lease->address) == NULL) {
		present->expires = lease->expires;
		present->expires_soon = false;
	}
	present->owner_address = lease->owner_address;
	present->state = ADDRESS_STATE_ACTIVE;
	if (quarantine) {
		present->status = lease->status;
		present->probation = lease->probation;
		present->capable = lease->capable;
	}
	return ERROR_SUCCESS;
}

DWORD
model_delete(model_t *model, DWORD address) {
	model_lease_t *lease = model_lease_at(model, address);
	if (lease == NULL) {
		return ERROR_DHCP_JET_ERROR;
	}
	if (model_reserved(model_scope_of(model, address), address) != NULL) {
		return ERROR_DHCP_RESERVED_CLIENT;
	}
	erase_lease(model, lease);
	return ERROR_SUCCESS;
}

model_lease_t *
model_find_key(model_t *model, const BYTE *key, DWORD length) {
	model_id_t id = {0};
	if (length < 6 || length > 5 + MODEL_ID_BYTES || key[4] != 1) {
		return NULL;
	}
	const DWORD subnet = (DWORD)key[0] | (DWORD)key[1] << 8 | (DWORD)key[2] << 16 | (DWORD)key[3] << 24;
	const model_scope_t *scope = model_scope_get(model, subnet);
	id.length = length - 5;
	memcpy(id.data, key + 5, id.length);
	return scope == NULL ? NULL : model_lease_of(model, scope, &id);
}

static WCHAR
folded(WCHAR unit) {
	return unit >= u'A' && unit <= u'Z' ? (WCHAR)(unit + 32) : unit;
}

model_lease_t *
model_find_name(model_t *model, LPCWSTR name) {
	for (size_t i = 0; i < model->lease_count; i++) {
		LPCWSTR a = model->leases[i].name;
		LPCWSTR b = name;
		while (a != NULL && *a != 0 && folded(*a) == folded(*b)) {
			a++;
			b++;
		}
		if (a != NULL && *a == 0 && *b == 0) {
			return &model->leases[i];
		}
	}
	return NULL;
}

/* ---- free addresses ---- */

DWORD
model_free(model_t *model, DWORD subnet, DWORD start, DWORD end, DWORD wanted, DWORD *found, DWORD *count) {
	model_scope_t *scope = model_scope_get(model, subnet);
	*count = 0;
	if (scope == NULL) {
		return ERROR_INVALID_PARAMETER;
	}
	if (!scope->has_range) {
		return ERROR_FILE_NOT_FOUND;
	}
	if ((start != 0 && !is_in(scope->range, start)) || (end != 0 && !is_in(scope->range, end))) {
		return ERROR_INVALID_PARAMETER;
	}
	wanted = wanted == 0 ? 1 : wanted;
	start = start == 0 ? scope->range.first : start;
	end = end == 0 ? scope->range.last : end;
	for (int doomed = 0; doomed < 2; doomed++) {
		for (uint64_t address = start; address <= end && *count < wanted; address++) {
			const model_lease_t *lease = model_lease_at(model, (DWORD)address);
			const bool fits =
				doomed ? lease != NULL && (lease->state & 3) == ADDRESS_STATE_DOOM : lease == NULL;
			if (fits && !is_excluded(scope, (DWORD)address) &&
			    model_reserved(scope, (DWORD)address) == NULL) {
				found[(*count)++] = (DWORD)address;
			}
		}
	}
	return *count == wanted ? ERROR_SUCCESS : ERROR_DHCP_REACHED_END_OF_SELECTION;
}

/* ---- scopes ---- */

static bool
overlaps(const model_scope_t *a, const model_scope_t *b) {
	const DWORD mask = a->mask < b->mask ? a->mask : b->mask;
	return (a->subnet & mask) == (b->subnet & mask);
}

DWORD
model_scope_create(model_t *model, const model_scope_t *scope) {
	for (size_t i = 0; i < model->scope_count; i++) {
		if (overlaps(scope, &model->scopes[i])) {
			return ERROR_DHCP_SUBNET_EXISTS;
		}
	}
	size_t i = model->scope_count++;
	for (; i > 0 && model->scopes[i - 1].subnet > scope->subnet; i--) {
		model->scopes[i] = model->scopes[i - 1];
	}
	model->scopes[i] = *scope;
	return ERROR_SUCCESS;
}

static size_t
leases_inside(model_t *model, const model_scope_t *scope) {
	size_t count = 0;
	for (size_t i = 0; i < model->lease_count; i++) {
		count += is_inside(scope, model->leases[i].address);
	}
	return count;
}

DWORD
model_scope_set(model_t *model, const model_scope_t *scope) {
	model_scope_t *present = model_scope_get(model, scope->subnet);
	if (present == NULL) {
		return ERROR_DHCP_SUBNET_NOT_PRESENT;
	}
	if (present->mask != scope->mask) {
		if (present->has_range || present->exclusion_count != 0 || present->reservation_count != 0 ||
		    leases_inside(model, present) != 0) {
			return ERROR_INVALID_PARAMETER;
		}
		for (size_t i = 0; i < model->scope_count; i++) {
			if (&model->scopes[i] != present && overlaps(scope, &model->scopes[i])) {
				return ERROR_DHCP_SUBNET_EXISTS;
			}
		}
	}
	present->mask = scope->mask;
	present->name = scope->name;
	present->comment = scope->comment;
	present->state = scope->state;
	return ERROR_SUCCESS;
}

/* Remove the leases for which 'condemned' says so. */
static void
sweep(model_t *model, model_scope_t *scope, bool (*condemned)(model_scope_t *, const model_lease_t *)) {
	for (size_t i = model->lease_count; i-- > 0;) {
		if (is_inside(scope, model->leases[i].address) && condemned(scope, &model->leases[i])) {
			erase_lease(model, &model->leases[i]);
		}
	}
}

static bool
every_lease(model_scope_t *scope, const model_lease_t *lease) {
	(void)scope;
	(void)lease;
	return true;
}

static bool
unreserved_in_range(model_scope_t *scope, const model_lease_t *lease) {
	return is_in(scope->range, lease->address) && model_reserved(scope, lease->address) == NULL;
}

DWORD
model_scope_delete(model_t *model, DWORD subnet, bool force) {
	model_scope_t *scope = model_scope_get(model, subnet);
	if (scope == NULL) {
		return ERROR_DHCP_SUBNET_NOT_PRESENT;
	}
	for (size_t i = 0; i < model->lease_count && !force; i++) {
		const model_lease_t *lease = &model->leases[i];
		const bool dormant = lease->expires == 0 && !lease->expires_soon;
		if (is_inside(scope, lease->address) && !(dormant && model_reserved(scope, lease->address) != NULL)) {
			return ERROR_DHCP_ELEMENT_CANT_REMOVE;
		}
	}
	sweep(model, scope, every_lease);
	const size_t i = (size_t)(scope - model->scopes);
	model->scope_count--;
	memmove(scope, scope + 1, (model->scope_count - i) * sizeof(*scope));
	return ERROR_SUCCESS;
}

/* Is there a lease of a client of this type? 2: of one that may be meant. */
static unsigned
has_type(model_t *model, const model_scope_t *scope, BYTE type) {
	unsigned answer = 0;
	for (size_t i = 0; i < model->lease_count; i++) {
		const model_lease_t *lease = &model->leases[i];
		if (is_inside(scope, lease->address) && lease->type == type) {
			return 1;
		}
		if (is_inside(scope, lease->address) && lease->type != CLIENT_TYPE_NONE && (lease->type & type) != 0) {
			answer = 2;
		}
	}
	return answer;
}

static DWORD
resize(model_scope_t *scope, model_range_t range) {
	const model_range_t old = scope->range;
	if (!is_inside(scope, range.first) || !is_inside(scope, range.last)) {
		return ERROR_DHCP_INVALID_RANGE;
	}
	if (scope->has_range && !(range.first <= old.first && range.last >= old.last) &&
	    !(range.first >= old.first && range.last <= old.last)) {
		return ERROR_DHCP_INVALID_RANGE;
	}
	return ERROR_SUCCESS;
}

model_codes_t
model_range_add(model_t *model, model_scope_t *scope, unsigned generation, unsigned type, model_range_t range) {
	if (range.last < range.first) {
		return model_code(ERROR_DHCP_INVALID_RANGE);
	}
	unsigned conversion = 0; /* 1: it is illegal; 2: it may be */
	if (generation < 5 || type == DhcpIpRanges || type == DhcpIpRangesDhcpOnly) {
		conversion = has_type(model, scope, CLIENT_TYPE_BOOTP);
	} else if (type == DhcpIpRangesBootpOnly) {
		conversion = has_type(model, scope, CLIENT_TYPE_DHCP);
	}
	if (scope->has_range && range.first == scope->range.first && range.last == scope->range.last) {
		if (generation < 5 && type == DhcpIpRanges) {
			return model_code(ERROR_DHCP_IPRANGE_EXITS);
		}
		return (model_codes_t){ERROR_SUCCESS,
				       conversion != 0 ? ERROR_DHCP_IPRANGE_CONV_ILLEGAL : ERROR_SUCCESS};
	}
	const DWORD code = resize(scope, range);
	if (conversion == 1 && code == ERROR_SUCCESS) {
		return model_code(ERROR_DHCP_IPRANGE_CONV_ILLEGAL);
	}
	/* If the answer is success, model_range_set() is to follow. */
	return (model_codes_t){code, conversion != 0 ? ERROR_DHCP_IPRANGE_CONV_ILLEGAL : code};
}

DWORD
model_range_remove(model_t *model, model_scope_t *scope, model_range_t range, bool force) {
	if (!scope->has_range || range.first != scope->range.first || range.last != scope->range.last) {
		return ERROR_DHCP_INVALID_RANGE;
	}
	for (size_t i = 0; i < model->lease_count && !force; i++) {
		if (is_inside(scope, model->leases[i].address) && is_in(scope->range, model->leases[i].address)) {
			return ERROR_DHCP_ELEMENT_CANT_REMOVE;
		}
	}
	sweep(model, scope, unreserved_in_range);
	scope->has_range = false;
	return ERROR_SUCCESS;
}

DWORD
model_exclude(model_scope_t *scope, model_range_t range) {
	if (range.last < range.first || !is_inside(scope, range.first) || !is_inside(scope, range.last)) {
		return ERROR_DHCP_INVALID_RANGE;
	}
	size_t i = 0;
	while (i < scope->exclusion_count &&
	       (scope->exclusions[i].first < range.first ||
		(scope->exclusions[i].first == range.first && scope->exclusions[i].last < range.last))) {
		i++;
	}
	if (i < scope->exclusion_count && scope->exclusions[i].first == range.first &&
	    scope->exclusions[i].last == range.last) {
		return ERROR_SUCCESS;
	}
	memmove(&scope->exclusions[i + 1], &scope->exclusions[i],
		(scope->exclusion_count - i) * sizeof(scope->exclusions[0]));
	scope->exclusions[i] = range;
	scope->exclusion_count++;
	return ERROR_SUCCESS;
}

DWORD
model_include(model_scope_t *scope, model_range_t range) {
	bool starts = false;
	for (size_t i = 0; i < scope->exclusion_count; i++) {
		if (scope->exclusions[i].first == range.first && scope->exclusions[i].last == range.last) {
			scope->exclusion_count--;
			memmove(&scope->exclusions[i], &scope->exclusions[i + 1],
				(scope->exclusion_count - i) * sizeof(scope->exclusions[0]));
			return ERROR_SUCCESS;
		}
		starts = starts || is_in(scope->exclusions[i], range.first);
	}
	return starts ? ERROR_INVALID_PARAMETER : ERROR_DHCP_ELEMENT_CANT_REMOVE;
}

/* ---- reservations ---- */

DWORD
model_reserve(model_t *model, model_scope_t *scope, const model_reservation_t *reservation) {
	if (!is_inside(scope, reservation->address)) {
		return ERROR_DHCP_NOT_RESERVED_CLIENT;
	}
	for (size_t i = 0; i < scope->reservation_count; i++) {
		if (scope->reservations[i].address == reservation->address ||
		    same_id(&scope->reservations[i].id, &reservation->id)) {
			return ERROR_DHCP_RESERVEDIP_EXITS;
		}
	}
	const model_lease_t *lease = model_lease_at(model, reservation->address);
	if (lease != NULL && !same_id(&lease->id, &reservation->id)) {
		return ERROR_DHCP_RESERVEDIP_EXITS;
	}
	if (model_lease_of(model, scope, &reservation->id) == NULL) {
		model_lease_t dormant = {.address = reservation->address, .id = reservation->id};
		dormant.type = CLIENT_TYPE_NONE;
		dormant.state = ADDRESS_STATE_ACTIVE;
		dormant.owner_address = 0xFFFFFFFFu;
		insert_lease(model, &dormant);
	}
	size_t i = scope->reservation_count++;
	for (; i > 0 && scope->reservations[i - 1].address > reservation->address; i--) {
		scope->reservations[i] = scope->reservations[i - 1];
	}
	scope->reservations[i] = *reservation;
	return ERROR_SUCCESS;
}

DWORD
model_unreserve(model_t *model, model_scope_t *scope, DWORD address, const model_id_t *id) {
	model_reservation_t *reservation = model_reserved(scope, address);
	if (reservation == NULL || (id != NULL && !same_id(&reservation->id, id))) {
		return model_delete(model, address);
	}
	scope->reservation_count--;
	memmove(reservation, reservation + 1,
		(scope->reservation_count - (size_t)(reservation - scope->reservations)) * sizeof(*reservation));
	model_lease_t *lease = model_lease_at(model, address);
	if (lease != NULL && lease->expires == 0 && !lease->expires_soon) {
		erase_lease(model, lease);
	} else if (lease != NULL) {
		lease->expires_soon = true;
	}
	return ERROR_SUCCESS;
}

/* ---- superscopes ---- */

static size_t
superscope_index(const model_t *model, LPCWSTR name) {
	size_t i = 0;
	while (i < model->superscope_count && model->superscopes[i] != name) {
		i++;
	}
	return i;
}

DWORD
model_join(model_t *model, DWORD subnet, LPCWSTR name, bool change) {
	model_scope_t *scope = model_scope_get(model, subnet);
	if (scope == NULL) {
		return ERROR_DHCP_SUBNET_NOT_PRESENT;
	}
	if (name != NULL && scope->superscope != NULL && !change) {
		return ERROR_DHCP_SUBNET_EXITS;
	}
	if (name != NULL && superscope_index(model, name) == model->superscope_count) {
		model->superscopes[model->superscope_count++] = name;
	}
	scope->superscope = name;
	return ERROR_SUCCESS;
}

DWORD
model_dissolve(model_t *model, LPCWSTR name) {
	const size_t i = superscope_index(model, name);
	if (i == model->superscope_count) {
		return ERROR_DHCP_SUBNET_NOT_PRESENT;
	}
	model->superscopes[i] = model->superscopes[--model->superscope_count];
	for (size_t k = 0; k < model->scope_count; k++) {
		if (model->scopes[k].superscope == name) {
			model->scopes[k].superscope = NULL;
		}
	}
	return ERROR_SUCCESS;
}

/* ---- statistics ---- */

void
model_figures(model_t *model, model_scope_t *scope, DWORD *in_use, DWORD *free_addresses) {
	*in_use = 0;
	*free_addresses = 0;
	for (uint64_t address = scope->range.first; scope->has_range && address <= scope->range.last; address++) {
		const model_lease_t *lease = model_lease_at(model, (DWORD)address);
		const unsigned state = lease == NULL ? ADDRESS_STATE_DOOM : lease->state & 3;
		if (is_excluded(scope, (DWORD)address)) {
			continue;
		}
		if (state == ADDRESS_STATE_ACTIVE || state == ADDRESS_STATE_DECLINED ||
		    model_reserved(scope, (DWORD)address) != NULL) {
			(*in_use)++;
		} else {
			(*free_addresses)++;
		}
	}
}
