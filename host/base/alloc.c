/* alloc.c - every allocation of the library, counted in 64 bits and refused instead of wrapped */
/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* madvise; in this file alone */
#include "host/base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 2097152, HUGE_FROM = 4 * HUGE_PAGE };

/* Rounded up to whole alignments, at least one; 0 where that overflows. */
static size_t padded_bytes(uint64_t count, size_t size) {
    if (size != 0 && count > (SIZE_MAX - ALIGNMENT) / size) {
        return 0;
    }
    const size_t bytes = (size_t)count * size;
    return bytes == 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Large blocks ask for huge pages: 512 times fewer page faults. Without them nothing changes. */
static void *alloc_large(size_t bytes) {
    const size_t whole = bytes / HUGE_PAGE * HUGE_PAGE;
    void *memory = NULL;
    if (posix_memalign(&memory, HUGE_PAGE, bytes) != 0) {
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    (void)madvise(memory, whole, MADV_HUGEPAGE);
#endif
    return memory;
}

void *rm_alloc_raw(uint64_t count, size_t size) {
    const size_t bytes = padded_bytes(count, size);
    if (bytes == 0) {
        return NULL;
    }
    return bytes >= HUGE_FROM ? alloc_large(bytes) : aligned_alloc(ALIGNMENT, bytes);
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
