/* refusing_alloc.h - memory that runs out at the k-th allocation, and what an answer may then be */
/* SPDX-License-Identifier: MIT */
/*
 * The one test program that includes this is linked with the library as an archive and has its rm_alloc,
 * rm_alloc_raw and rm_free from here, so that host/base/alloc.c stays out.
 */
#ifndef ROPEMAP_TESTS_REFUSING_ALLOC_H
#define ROPEMAP_TESTS_REFUSING_ALLOC_H

#include "host/base/alloc.h"
#include "host/ropemap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Allocations still to be granted before one is refused; all are while `refusing` is false. */
static atomic_long granted;
static atomic_bool refusing;
static atomic_bool refuse_the_rest; /* not only that one but every later one */
static atomic_long live;            /* allocated and not yet freed */

static bool refused(void) {
    if (!atomic_load(&refusing)) {
        return false;
    }
    const long left = atomic_fetch_sub(&granted, 1);
    return left == 0 || (left < 0 && atomic_load(&refuse_the_rest));
}

void *rm_alloc_raw(uint64_t count, size_t size) {
    if (refused() || count > ((uint64_t)1 << 32) / (size + 1)) {
        return NULL;
    }
    void *memory = aligned_alloc(64, ((size_t)count * size + 64) / 64 * 64);
    atomic_fetch_add(&live, memory != NULL ? 1 : 0);
    return memory;
}

void *rm_alloc(uint64_t count, size_t size) {
    void *memory = rm_alloc_raw(count, size);
    if (memory != NULL) {
        memset(memory, 0, (size_t)count * size);
    }
    return memory;
}

void rm_free(void *memory) {
    atomic_fetch_sub(&live, memory != NULL ? 1 : 0);
    free(memory);
}

/* Starts to refuse: allocation `number`, from 0, and with `rest` all after it. */
static void refuse_from(long number, bool rest) {
    atomic_store(&granted, number);
    atomic_store(&refuse_the_rest, rest);
    atomic_store(&refusing, true);
}

/* Ends it. Returns whether an allocation was refused. */
static bool refuse_no_more(void) {
    atomic_store(&refusing, false);
    return atomic_load(&granted) < 0;
}

static void check_status(const char *name, long number, bool was_refused, ropemap_status status,
                         const ropemap_error *error) {
    const bool honest = status == ROPEMAP_OK || (status == ROPEMAP_RESOURCES && was_refused);
    if (!honest) {
        fail_msg("%s, allocation %ld: status %d, %s", name, number, (int)status, error->text);
    }
    if (status != ROPEMAP_OK) {
        assert_int_equal(error->status, ROPEMAP_RESOURCES);
        assert_true(strlen(error->text) > 0);
    }
}

#endif
