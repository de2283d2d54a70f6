/* stand_ins.c - memory that is counted and can run out, and calls on files that fail on demand */
/* SPDX-License-Identifier: MIT */
#include "tests/stand_ins.h"
#include "host/base/alloc.h"
#include "tests/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <unistd.h>

void *__real_rm_alloc(uint64_t count, size_t size);
void *__wrap_rm_alloc(uint64_t count, size_t size);
void *__real_rm_alloc_raw(uint64_t count, size_t size);
void *__wrap_rm_alloc_raw(uint64_t count, size_t size);
void __real_rm_free(void *memory);
void __wrap_rm_free(void *memory);
int __real_fsync(int file);
int __wrap_fsync(int file);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);

/* ---- memory ---- */

/* Allocations still to be granted before one is refused; all are while `refusing` is false. */
static atomic_long granted;
static atomic_bool refusing;
static atomic_bool refuse_the_rest; /* not only that one but every later one */
static atomic_long blocks, bytes, peak;

static bool is_refused(void) {
    if (!atomic_load(&refusing)) {
        return false;
    }
    const long left = atomic_fetch_sub(&granted, 1);
    return left == 0 || (left < 0 && atomic_load(&refuse_the_rest));
}

static void *counted(void *memory) {
    if (memory != NULL) {
        const long size = (long)malloc_usable_size(memory), now = atomic_fetch_add(&bytes, size) + size;
        long before = atomic_load(&peak);
        while (now > before && !atomic_compare_exchange_weak(&peak, &before, now)) {
        }
        atomic_fetch_add(&blocks, 1);
    }
    return memory;
}

void *__wrap_rm_alloc(uint64_t count, size_t size) {
    return is_refused() ? NULL : counted(__real_rm_alloc(count, size));
}

void *__wrap_rm_alloc_raw(uint64_t count, size_t size) {
    return is_refused() ? NULL : counted(__real_rm_alloc_raw(count, size));
}

void __wrap_rm_free(void *memory) {
    if (memory != NULL) {
        atomic_fetch_sub(&bytes, (long)malloc_usable_size(memory));
        atomic_fetch_sub(&blocks, 1);
    }
    __real_rm_free(memory);
}

long blocks_live(void) {
    return atomic_load(&blocks);
}

long bytes_live(void) {
    return atomic_load(&bytes);
}

long bytes_peak(void) {
    return atomic_load(&peak);
}

void bytes_peak_restart(void) {
    atomic_store(&peak, atomic_load(&bytes));
}

void refuse_from(long number, bool rest) {
    atomic_store(&granted, number);
    atomic_store(&refuse_the_rest, rest);
    atomic_store(&refusing, true);
}

bool refuse_no_more(void) {
    atomic_store(&refusing, false);
    return atomic_load(&granted) < 0;
}

void check_status(const char *name, long number, bool was_refused, ropemap_status status,
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

/* ---- files ---- */

struct file_faults file_faults;

static bool fails(int error, int *before) {
    if (error != 0 && (*before)-- <= 0) {
        errno = error;
        return true;
    }
    return false;
}

int __wrap_fsync(int file) {
    int none = 0;
    return fails(file_faults.fsync_error, &none) ? -1 : __real_fsync(file);
}

int __wrap_rename(const char *from, const char *to) {
    return fails(file_faults.rename_error, &file_faults.renames_before) ? -1 : __real_rename(from, to);
}

int __wrap_link(const char *from, const char *to) {
    if (file_faults.appears != NULL) {
        const int file = open(file_faults.appears, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (file >= 0) {
            (void)!write(file, "theirs", 6);
            (void)close(file);
        }
    }
    return fails(file_faults.link_error, &file_faults.links_before) ? -1 : __real_link(from, to);
}
