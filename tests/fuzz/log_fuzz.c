/* SPDX-License-Identifier: Apache-2.0 */
/* The fuzzer's way into read_fuzz_log(). */
#include "read_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	read_fuzz_log(data, size);
	return 0;
}
