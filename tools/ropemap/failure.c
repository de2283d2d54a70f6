/* failure.c - how the program fails: the thing, the value and the rule, on one line of stderr */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

ropemap_status fail(ropemap_error *error, ropemap_status status, const char *format, ...) {
    error->status = status;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return status;
}

void print_plain(FILE *stream, const char *text) {
    bool plain = false;
    for (size_t bytes = 0; (bytes = ropemap_text_next(text, &plain)) > 0; text += bytes) {
        (void)fwrite(plain ? text : "?", 1, plain ? bytes : 1, stream);
    }
}

int failure_report(ropemap_status status, const ropemap_error *error) {
    if (status != ROPEMAP_OK) {
        (void)fputs("ropemap: ", stderr);
        print_plain(stderr, error->text);
        (void)fputc('\n', stderr);
    }
    return (int)status;
}

int finish_stdout(void) {
    errno = 0;
    const bool failed_before = ferror(stdout) != 0;
    if (fflush(stdout) == 0 && !failed_before) {
        return ROPEMAP_OK;
    }
    ropemap_error error;
    return failure_report(fail(&error, ROPEMAP_IO, "standard output: cannot be written (%s)",
                               errno != 0 ? strerror(errno) : "an earlier write failed"),
                          &error);
}
