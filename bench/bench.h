/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every benchmark shares. The engine's inner headers are C11 and cannot be read by a C++ compiler, so each noun has a load in C,
 * which runs many operations per call, and a file in C++ that measures it.
 */
#ifndef LESSOR_BENCH_H
#define LESSOR_BENCH_H

#include <stdint.h>

/* Operations per call of a load: enough to make the call itself disappear. */
#define BENCH_BLOCK 4096

/* A bijection of 64-bit numbers that leaves no order to be guessed. */
static inline uint64_t
bench_mix(uint64_t value) {
	value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
	return value ^ (value >> 31);
}

/* A bijection of the numbers below 2^bits: visits all of them in an order without strides. */
static inline uint32_t
bench_shuffle(uint32_t value, unsigned bits) {
	const uint32_t mask = bits < 32 ? (UINT32_C(1) << bits) - 1 : UINT32_MAX;
	const unsigned half = (bits + 1) / 2;
	value = (value ^ (value >> half)) * UINT32_C(0x9E3779B1) & mask;
	value = (value ^ (value >> half)) * UINT32_C(0x85EBCA6B) & mask;
	value = (value ^ (value >> half)) * UINT32_C(0xC2B2AE35) & mask;
	return value ^ (value >> half);
}

#ifdef __cplusplus
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <iostream>
#include <string>

namespace bench {

/* What a series is expected to look like, written into the output beside it. */
struct Expectation {
	Expectation(const char *series, const char *text) {
		benchmark::AddCustomContext(std::string("expected of ") + series, text);
	}
};

/* A load that could not be made has nothing to measure. */
template <typename T>
T *
require(T *made, const char *what) {
	if (made == nullptr) {
		std::cerr << "cannot make " << what << std::endl;
		std::exit(1);
	}
	return made;
}

} /* namespace bench */
#endif

#endif
