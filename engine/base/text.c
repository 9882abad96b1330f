/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistr.h>

lessor_status_t
lsr_complain(char *sentence, size_t sentence_bytes, lessor_status_t status, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(sentence, sentence_bytes, format, arguments);
	va_end(arguments);
	return status;
}

/* Most texts are host names: told from the rest by one bit, eight bytes at a time. */
static bool
is_ascii(const char *text, size_t length) {
	const uint64_t high_bits = UINT64_C(0x8080808080808080);
	uint64_t seen = 0;
	for (; length >= sizeof(seen); text += sizeof(seen), length -= sizeof(seen)) {
		uint64_t word;
		memcpy(&word, text, sizeof(word));
		seen |= word;
	}
	for (; length > 0; text++, length--) {
		seen |= (unsigned char)*text;
	}
	return (seen & high_bits) == 0;
}

bool
lsr_text_measure_present(const char *text, size_t max_bytes, size_t *size_bytes) {
	const size_t length = strnlen(text, max_bytes + 1);
	if (length > max_bytes || (!is_ascii(text, length) && u8_check((const uint8_t *)text, length) != NULL)) {
		return false;
	}
	*size_bytes = length;
	return true;
}
