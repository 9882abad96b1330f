/* SPDX-License-Identifier: Apache-2.0 */
/* Leases of three shapes between what a caller has, what memory holds and what the log holds. */
#ifndef LESSOR_CODEC_LOAD_H
#define LESSOR_CODEC_LOAD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum bench_shape {
	BENCH_SHAPE_COMMON, /* MAC, name of 12: all inline */
	BENCH_SHAPE_LONG,   /* client id of 20, name of 40: a tail */
	BENCH_SHAPE_FULL    /* every member set, a context of 200 */
} bench_shape_t;

typedef struct bench_codec bench_codec_t;

bench_codec_t *bench_codec_new(bench_shape_t shape);
void bench_codec_free(bench_codec_t *load);

/* BENCH_BLOCK times; how many went as they had to. */
uint64_t bench_codec_check(const bench_codec_t *load);
uint64_t bench_codec_pack(const bench_codec_t *load);
uint64_t bench_codec_unpack(const bench_codec_t *load);
uint64_t bench_codec_image_put(const bench_codec_t *load);
uint64_t bench_codec_image_get(const bench_codec_t *load);
uint64_t bench_codec_image_bytes(const bench_codec_t *load);

#ifdef __cplusplus
}
#endif

#endif
