/* stand_ins.h - memory that is counted and can run out, and calls on files that fail on demand */
/* SPDX-License-Identifier: MIT */
/*
 * The linker puts these in front of the library's allocator and of the C library's rename(), link() and
 * fsync()
 * (--wrap in tests/CMakeLists.txt). Until a test sets something they pass every call on.
 */
#ifndef ROPEMAP_TESTS_STAND_INS_H
#define ROPEMAP_TESTS_STAND_INS_H

#include "host/ropemap.h"

#include <stdbool.h>

/* ---- memory ---- */

long blocks_live(void); /* allocated and not yet freed */
long bytes_live(void);
long bytes_peak(void); /* the most since the last bytes_peak_restart() */
void bytes_peak_restart(void);

/* Starts to refuse: allocation `number`, from 0, and with `rest` all after it. */
void refuse_from(long number, bool rest);

/* Ends it. Returns whether an allocation was refused. */
bool refuse_no_more(void);

/* Fails the test unless the work succeeded, or reported that it had no memory after a refusal. */
void check_status(const char *name, long number, bool was_refused, ropemap_status status,
                  const ropemap_error *error);

/* ---- files ---- */

struct file_faults {
    int fsync_error, rename_error, link_error; /* errno of the call, which then fails; 0: none */
    int renames_before, links_before;          /* calls that succeed before the error */
    const char *appears;                       /* a file that somebody else makes just before link() */
};

extern struct file_faults file_faults;

#endif
