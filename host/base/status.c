/* status.c - errors: a status and one line that names the thing, the fault and what to do */
/* SPDX-License-Identifier: MIT */
#include "host/base/status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

ropemap_status rm_fail(ropemap_error *error, ropemap_status status, const char *format, ...) {
    if (error != NULL) {
        error->status = status;
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
    }
    return status;
}

ropemap_status rm_fail_memory(ropemap_error *error, const char *what, uint64_t bytes) {
    return rm_fail(error, ROPEMAP_RESOURCES, "%s: no memory for %" PRIu64 " bytes", what, bytes);
}
