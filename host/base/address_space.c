/* address_space.c - room held free for a library that does not bear to find none */
/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS and MAP_NORESERVE; in this file alone */
#include "host/base/address_space.h"

#include <sys/mman.h>

void *rm_address_space_hold(size_t bytes) {
    void *held = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return held == MAP_FAILED ? NULL : held;
}

void rm_address_space_give(void *held, size_t bytes) {
    if (held != NULL) {
        (void)munmap(held, bytes);
    }
}
