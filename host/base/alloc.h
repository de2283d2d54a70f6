/* alloc.h - every allocation of the library, counted in 64 bits and refused instead of wrapped */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_ALLOC_H
#define ROPEMAP_HOST_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

/*
 * count * size bytes, zeroed, aligned to 64 bytes (a cache line, an AVX-512 vector); NULL where the product
 * overflows or memory is short. Free with rm_free.
 */
void *rm_alloc(uint64_t count, size_t size);

/* As rm_alloc, uninitialised: for buffers that are written before they are read. */
void *rm_alloc_raw(uint64_t count, size_t size);

void rm_free(void *memory); /* NULL is fine */

#endif
