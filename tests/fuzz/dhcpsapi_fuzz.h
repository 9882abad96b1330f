/* SPDX-License-Identifier: Apache-2.0 */
/* The entry that libFuzzer looks for: one sequence of calls out of these bytes. Aborts if an answer is wrong. */
#ifndef LESSOR_DHCPSAPI_FUZZ_H
#define LESSOR_DHCPSAPI_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
