/* SPDX-License-Identifier: Apache-2.0 */
/* Notes on IPv6 leases. See lease6_notes.h. */
#include "lease6_notes.h"

static const char pool_word[] = "kea-pool-id=";
static const char source_word[] = "kea-hwaddr-source=";
static const char state_word[] = "kea-state=4";
static const char temporary_word[] = "ia-ta";
static const char interface_word[] = "odhcpd-interface=";

const char *
lease6_notes_put(const lease6_notes_t *notes, char text[LEASE6_NOTES_BYTES]) {
	char *out = text;
	if (notes->pool_id != 0) {
		out = put_text(put_number(put_text(out, pool_word), notes->pool_id), " ");
	}
	if (notes->hardware_source != 0) {
		out = put_text(put_number(put_text(out, source_word), notes->hardware_source), " ");
	}
	out = notes->registered ? put_text(put_text(out, state_word), " ") : out;
	out = notes->temporary ? put_text(put_text(out, temporary_word), " ") : out;
	if (notes->interface.bytes > 0) {
		out = put_text(out, interface_word);
		out = put_text(put_bytes(out, notes->interface.text, notes->interface.bytes), " ");
	}
	if (out == text) {
		return NULL;
	}
	out[-1] = '\0';
	return text;
}

/* What stands behind 'begin' in a word. */
static bool
begins_with(piece_t word, const char *begin, piece_t *rest) {
	size_t bytes = strlen(begin);
	if (word.bytes < bytes || memcmp(word.text, begin, bytes) != 0) {
		return false;
	}
	*rest = (piece_t){word.text + bytes, word.bytes - bytes};
	return true;
}

static bool
take_number(piece_t digits, uint32_t *number) {
	uint64_t value;
	bool fine = *number == 0 && piece_number(digits, UINT32_MAX, &value) && value != 0;
	*number = fine ? (uint32_t)value : *number;
	return fine;
}

static bool
take_word(piece_t word, lease6_notes_t *notes) {
	piece_t rest;
	if (begins_with(word, pool_word, &rest)) {
		return take_number(rest, &notes->pool_id);
	}
	if (begins_with(word, source_word, &rest)) {
		return take_number(rest, &notes->hardware_source);
	}
	if (begins_with(word, interface_word, &rest)) {
		notes->interface = rest;
		return rest.bytes > 0 && rest.bytes <= LEASE6_INTERFACE_MAX_BYTES;
	}
	notes->registered = notes->registered || piece_is(word, state_word);
	notes->temporary = notes->temporary || piece_is(word, temporary_word);
	return piece_is(word, state_word) || piece_is(word, temporary_word);
}

bool
lease6_notes_parse(const char *comment, lease6_notes_t *notes) {
	piece_t word;
	*notes = (lease6_notes_t){0};
	piece_t rest = {comment, comment != NULL ? strlen(comment) : 0};
	while (comment != NULL && piece_word(&rest, &word)) {
		if (!take_word(word, notes)) {
			*notes = (lease6_notes_t){0};
			return false;
		}
	}
	return true;
}

void
lease6_notes_settle(const lessor_lease6_t *lease, const lease6_notes_t *writable, uint32_t *losses) {
	char text[LEASE6_NOTES_BYTES];
	const char *comment = lease6_notes_put(writable, text);
	if (lease->comment != NULL && comment != NULL && strcmp(comment, lease->comment) == 0) {
		*losses &= ~FORMAT_LOSS_BIT(FORMAT_LOSS_COMMENT);
	}
}
