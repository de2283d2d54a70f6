/* failure.h - how the program fails: the thing, the value and the rule, on one line of stderr */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_FAILURE_H
#define ROPEMAP_TOOLS_FAILURE_H

#include "host/ropemap.h"

#include <stdio.h>

#if defined(__GNUC__)
#define FAILURE_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define FAILURE_PRINTF(text, first)
#endif

/* Fills `error` with a formatted line, cut where it is too long, and returns `status`. */
ropemap_status fail(ropemap_error *error, ropemap_status status, const char *format, ...)
    FAILURE_PRINTF(3, 4);

/* Prints "ropemap: TEXT" unless `status` is ROPEMAP_OK, and returns the exit code. */
int failure_report(ropemap_status status, const ropemap_error *error);

/* Prints `text` with what a terminal would obey (see ropemap_text_next) replaced by '?'. */
void print_plain(FILE *stream, const char *text);

/* Flushes standard output and returns the exit code: 4, with a message, where it could not take everything.
 */
int finish_stdout(void);

#endif
