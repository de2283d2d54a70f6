/* inflate.h - a plain decoder of zlib streams, to look at pictures that were timed */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BENCH_INFLATE_H
#define ROPEMAP_HOST_BENCH_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the zlib stream (RFC 1950, RFC 1951) at `from` [count] into `to`, which it must fill to exactly
 * `size` bytes whose Adler-32 is the stream's. False otherwise. It favours shortness over speed.
 */
bool rm_inflate(const uint8_t *from, size_t count, uint8_t *to, size_t size);

#endif
