/* SPDX-License-Identifier: Apache-2.0 */
/* Texts: UTF-8 from outside, measured and checked before anything is kept; and sentences for whoever asks what went wrong. */
#ifndef LSR_TEXT_H
#define LSR_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <lessor/status.h>

/* Is 'text' at most max_bytes long, which is at most 32, and ASCII? Reads at most max_bytes + 1 bytes. On true *size_bytes is its length. */
static inline bool
lsr_text_is_short_ascii(const char *text, size_t max_bytes, size_t *size_bytes) {
	const size_t length = strnlen(text, max_bytes + 1);
	uint64_t seen = 0;
	uint64_t word = 0;
	if (length > max_bytes) {
		return false;
	}
	if (length >= sizeof(word)) {
		for (size_t i = 0; i + sizeof(word) < length; i += sizeof(word)) {
			memcpy(&word, text + i, sizeof(word));
			seen |= word;
		}
		memcpy(&word, text + length - sizeof(word), sizeof(word));
	} else {
		for (size_t i = 0; i < length; i++) {
			word |= (unsigned char)text[i];
		}
	}
	*size_bytes = length;
	return ((seen | word) & UINT64_C(0x8080808080808080)) == 0;
}

/* Copy up to 32 bytes of text. Are they ASCII? */
static inline bool
lsr_text_copy_ascii(void *to, const char *text, size_t size_bytes) {
	uint8_t *t = (uint8_t *)to;
	uint64_t seen = 0;
	if (size_bytes >= 8) {
		uint64_t word;
		for (size_t i = 0; i + 8 < size_bytes; i += 8) {
			memcpy(&word, text + i, 8);
			memcpy(t + i, &word, 8);
			seen |= word;
		}
		memcpy(&word, text + size_bytes - 8, 8);
		memcpy(t + size_bytes - 8, &word, 8);
		seen |= word;
	} else {
		for (size_t i = 0; i < size_bytes; i++) {
			t[i] = (uint8_t)text[i];
			seen |= t[i];
		}
	}
	return (seen & UINT64_C(0x8080808080808080)) == 0;
}

/* Put a sentence into a buffer, cut to what fits; returns 'status'. */
lessor_status_t lsr_complain(char *sentence, size_t sentence_bytes, lessor_status_t status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* lsr_text_measure() of a text that is there. */
bool lsr_text_measure_present(const char *text, size_t max_bytes, size_t *size_bytes);

/*
 * Is 'text' NULL, or valid UTF-8 of at most max_bytes? Reads at most max_bytes + 1 bytes. On true *size_bytes is its length (0 for
 * NULL).
 */
static inline bool
lsr_text_measure(const char *text, size_t max_bytes, size_t *size_bytes) {
	*size_bytes = 0;
	return text == NULL || lsr_text_measure_present(text, max_bytes, size_bytes);
}

#endif
