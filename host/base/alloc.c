/* alloc.c - every allocation of the library, counted in 64 bits and refused instead of wrapped */
/* SPDX-License-Identifier: MIT */
#include "host/base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

/* Rounded up to whole alignments, at least one; 0 where that overflows. */
static size_t padded_bytes(uint64_t count, size_t size) {
    if (size != 0 && count > (SIZE_MAX - ALIGNMENT) / size) {
        return 0;
    }
    const size_t bytes = (size_t)count * size;
    return bytes == 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void *rm_alloc_raw(uint64_t count, size_t size) {
    const size_t bytes = padded_bytes(count, size);
    return bytes == 0 ? NULL : aligned_alloc(ALIGNMENT, bytes);
}

void *rm_alloc(uint64_t count, size_t size) {
    void *memory = rm_alloc_raw(count, size);
    if (memory != NULL) {
        memset(memory, 0, padded_bytes(count, size));
    }
    return memory;
}

void rm_free(void *memory) {
    free(memory);
}
