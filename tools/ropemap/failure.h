/* failure.h - what a command reports while it works and when it fails: progress, message, signals, exit code
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_FAILURE_H
#define ROPEMAP_TOOLS_ROPEMAP_FAILURE_H

#include "host/ropemap.h"

#include <stdbool.h>
#include <stdio.h>

/* From here on SIGINT, SIGTERM and SIGHUP are remembered instead of ending the process. */
void signals_hold(void);

/* Signals act as usual again; one that was remembered takes effect now and ends the process by that signal.
 */
void signals_release(void);

/* From here on SIGTERM and SIGUSR1 never end the process: they are remembered, and what runs is to stop with
 * ROPEMAP_STOPPED, its state saved. */
void signals_save(void);

/* Whether one of them came. */
bool signals_came(void);

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

/* Prints "ropemap: warning: " and a formatted line to stderr, or gives the line to the thread's own taker. */
void warning(const char *format, ...) FAILURE_PRINTF(1, 2);

/* From here on the calling thread's warnings go to `take`; NULL: to stderr, as all do at first. */
void warnings_take(void (*take)(void *user, const char *text), void *user);

/* Flushes standard output and returns the exit code: 4, with a message, where it could not take everything.
 */
int finish_stdout(void);

/* ---- progress */

/* Seconds from some moment in the past; never goes back. */
double wall_clock(void);

/* State of one piece of work. Start with progress_start. */
typedef struct cli_progress {
    bool quiet;
    bool terminal;   /* stderr is one: a bar that is drawn over; otherwise lines */
    bool shown;      /* a bar is on the terminal */
    double reported; /* when something was last shown */
    char stage[32];  /* the stage that is running */
    double begun;    /* when it began */
    double heard;    /* when it was last heard of */
} cli_progress;

cli_progress progress_start(bool quiet);

/* A ropemap_progress whose `user` is a cli_progress. Asks to stop after Ctrl-C. */
int progress_tell(void *user, const char *stage, double done, double total);

/* Clears the bar. */
void progress_end(cli_progress *progress);

#endif
