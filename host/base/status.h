/* status.h - errors: a status and one line that names the thing, the fault and what to do */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_STATUS_H
#define ROPEMAP_HOST_BASE_STATUS_H

#include "host/ropemap.h"

#if defined(__GNUC__)
#define RM_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define RM_PRINTF(text, first)
#endif

/* Fills `error` (may be NULL) with a formatted line, cut where it is too long, and returns `status`. */
ropemap_status rm_fail(ropemap_error *error, ropemap_status status, const char *format, ...) RM_PRINTF(3, 4);

/* The failure of an allocation of `bytes` for `what`. */
ropemap_status rm_fail_memory(ropemap_error *error, const char *what, uint64_t bytes);

/* Returns a failure from a function that holds nothing to free. */
#define RM_TRY(call)                                                                                         \
    do {                                                                                                     \
        const ropemap_status rm_try_status = (call);                                                         \
        if (rm_try_status != ROPEMAP_OK) {                                                                   \
            return rm_try_status;                                                                            \
        }                                                                                                    \
    } while (0)

#endif
