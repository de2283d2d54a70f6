/* progress.h - how far long work has come, and how long it will take */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_PROGRESS_H
#define ROPEMAP_TOOLS_PROGRESS_H

#include <stdbool.h>

/* Seconds from some moment in the past; never goes back. */
double wall_clock(void);

/* State of one piece of work. Start with progress_start. */
typedef struct cli_progress {
    bool quiet;
    bool terminal;  /* stderr is one: a bar that is drawn over; otherwise lines */
    bool shown;     /* a bar stands on the terminal */
    double told;    /* when something was last shown */
    char stage[32]; /* the stage that is running */
    double begun;   /* when it began */
    double heard;   /* when it was last heard of */
} cli_progress;

cli_progress progress_start(bool quiet);

/* A ropemap_progress whose `user` is a cli_progress. Asks to stop after Ctrl-C. */
int progress_tell(void *user, const char *stage, double done, double total);

/* Clears the bar. */
void progress_end(cli_progress *progress);

#endif
