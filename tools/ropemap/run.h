/* run.h - one command from its arguments to its exit code, and the progress it reports */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_RUN_H
#define ROPEMAP_TOOLS_ROPEMAP_RUN_H

#include "tools/ropemap/options/options.h"
#include "tools/ropemap/outputs.h"

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

/* A command's options with their defaults, to be freed with options_free; NULL: no memory. */
void *options_new(const cli_command *command);
void options_free(const cli_command *command, void *options);

/* A command line that was parsed, and what its command makes of it. */
struct cli_run {
    const cli_command *command;
    cli_line line;
    cli_outputs outputs; /* knows every file that an option reads (cli_option.reads) */
    cli_progress progress;
    int code; /* the exit code where the command does not fail */
};

/* --threads, which fills an int32_t. */
extern const cli_option thread_rows[];

/* Parses the arguments, prints the help page or does the command's work, and reports a failure. argv[0] is
 * the command's name. Returns the exit code. */
int command_run(const cli_command *command, int argc, char **argv);

/* The same; `prepare` changes the options that the arguments have set. */
int command_run_prepared(const cli_command *command, int argc, char **argv,
                         void (*prepare)(const cli_command *command, void *options));

/* Long work begins: progress_tell with &run->progress reports it, and signals are remembered. */
void run_begin(cli_run *run, bool quiet);

/* It ends: outputs that are not finished are removed; a signal that came ends the process now. */
void run_end(cli_run *run);

#endif
