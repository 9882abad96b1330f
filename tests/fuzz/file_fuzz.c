/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A libFuzzer target for what is read of files: with LESSOR_FUZZ_FORMAT the lease file reader of that name (and all writers, with what
 * it read), otherwise Kea's configuration. In the suite, format_damage does the same with changes of its own.
 */
#include "../format_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
#ifdef LESSOR_FUZZ_FORMAT
	(void)format_walk(&LESSOR_FUZZ_FORMAT, data, size);
#else
	config_walk(data, size);
#endif
	return 0;
}
