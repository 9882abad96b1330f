/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdint.h>
#include <string.h>
#include <unistr.h>

bool
lsr_text_measure(const char *text, size_t max_bytes, size_t *size_bytes) {
	*size_bytes = 0;
	if (text == NULL) {
		return true;
	}
	const size_t length = strnlen(text, max_bytes + 1);
	if (length > max_bytes || u8_check((const uint8_t *)text, length) != NULL) {
		return false;
	}
	*size_bytes = length;
	return true;
}
