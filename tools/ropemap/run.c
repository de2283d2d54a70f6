/* run.c - one command from its arguments to its exit code, and the progress it reports */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/run.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/help.h"
#include "tools/ropemap/options/print_size.h"
#include "tools/ropemap/options/rule_options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- progress ------------------------------------------------------------------------------------------ */

enum { BAR_WIDTH = 30 };

/* Seconds between two updates, and before the first: work shorter than that is not worth a word. */
static const double bar_first = 1.0, bar_period = 0.1, line_period = 10.0;

double wall_clock(void) {
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

cli_progress progress_start(bool quiet) {
    const double now = wall_clock();
    const bool terminal = isatty(STDERR_FILENO) == 1;
    return (cli_progress){.quiet = quiet,
                          .terminal = terminal,
                          .reported = terminal ? now + bar_first - bar_period : now,
                          .begun = now,
                          .heard = now};
}

/* "0:07", "12:40", "3:04:05" */
static void print_duration(double seconds) {
    const long whole = seconds < 1e8 ? lround(ceil(seconds)) : 100000000;
    if (whole >= 3600) {
        (void)fprintf(stderr, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        (void)fprintf(stderr, "%ld:%02ld", whole / 60, whole % 60);
    }
}

static void print_bar(double share) {
    const int full = (int)(share * BAR_WIDTH);
    char bar[BAR_WIDTH + 1];
    for (int place = 0; place < BAR_WIDTH; place++) {
        bar[place] = place < full ? '=' : place == full ? '>' : ' ';
    }
    bar[BAR_WIDTH] = '\0';
    (void)fprintf(stderr, "[%s] ", bar);
}

/* One line, over the last one on a terminal. `left` is in seconds, negative where it is not known yet. */
static void show(cli_progress *progress, double share, double left) {
    (void)fprintf(stderr, "%s%-12.12s ", progress->terminal ? "\r" : "ropemap: ", progress->stage);
    if (progress->terminal) {
        print_bar(share);
    }
    (void)fprintf(stderr, "%3.0f %%", 100 * share);
    if (left >= 0) {
        (void)fprintf(stderr, ", ETA ");
        print_duration(left);
    }
    (void)fprintf(stderr, "%s", progress->terminal ? "   " : "\n");
    (void)fflush(stderr);
    progress->shown = true;
}

int progress_tell(void *user, const char *stage, double done, double total) {
    cli_progress *progress = user;
    const double now = wall_clock();
    if (strncmp(stage, progress->stage, sizeof progress->stage - 1) != 0) {
        (void)snprintf(progress->stage, sizeof progress->stage, "%s", stage);
        progress->begun = progress->heard;
    }
    progress->heard = now;
    const double period = progress->terminal ? bar_period : line_period;
    if (!progress->quiet && now - progress->reported >= period && total > 0) {
        const double share = fmin(fmax(done / total, 0), 1);
        const double left = done > 0 ? (total - done) * (now - progress->begun) / done : -1;
        show(progress, share, left);
        progress->reported = now;
    }
    return signals_came() ? 1 : 0;
}

void progress_end(cli_progress *progress) {
    if (progress->terminal && progress->shown) {
        (void)fprintf(stderr, "\r%*s\r", 78, "");
        (void)fflush(stderr);
    }
    progress->shown = false;
}

/* ---- commands ------------------------------------------------------------------------------------------ */

const cli_option thread_rows[] = {
    {.group = GROUP_HOW,
     .name = "threads",
     .argument = "N",
     .initial = "one per CPU",
     .help = "threads, 1 to 1024",
     .type = OPTION_INT32,
     .least = 1,
     .most = 1024,
     .local = true},
    {.name = NULL},
};

static ropemap_status parse(cli_run *run, int argc, char **argv, void *options, ropemap_error *error) {
    ropemap_status status = ropemap_outputs_new(&run->outputs.set, error);
    if (status == ROPEMAP_OK) {
        status = options_parse(run->command, argc, argv, options, &run->line, error);
    }
    for (int i = 0; i < run->line.count && status == ROPEMAP_OK; i++) {
        status = outputs_note(&run->outputs, run->line.all[i].option, run->line.all[i].value, error);
    }
    return status;
}

void *options_new(const cli_command *command) {
    void *options = calloc(1, command->size + 1);
    rule_options *rule = options != NULL ? rule_options_of(command, options) : NULL;
    if (rule != NULL) {
        *rule = rule_options_default();
    }
    if (options != NULL && command->start != NULL) {
        command->start(options);
    }
    return options;
}

void options_free(const cli_command *command, void *options) {
    rule_options *rule = rule_options_of(command, options);
    if (rule != NULL) {
        rule_options_free(rule);
    }
    for (int block = 0; block < COMMAND_BLOCKS && command->blocks[block].rows != NULL; block++) {
        if (command->blocks[block].rows == print_rows) {
            print_size_free((print_size *)(void *)((char *)options + command->blocks[block].offset));
        }
    }
    if (command->end != NULL) {
        command->end(options);
    }
    free(options);
}

int command_run(const cli_command *command, int argc, char **argv) {
    return command_run_prepared(command, argc, argv, NULL);
}

int command_run_prepared(const cli_command *command, int argc, char **argv,
                         void (*prepare)(const cli_command *command, void *options)) {
    cli_run run = {.command = command};
    ropemap_error error = {.status = ROPEMAP_OK};
    void *options = options_new(command);
    if (options == NULL) {
        return failure_report(fail(&error, ROPEMAP_RESOURCES, "no memory for the options"), &error);
    }
    ropemap_status status = parse(&run, argc, argv, options, &error);
    if (prepare != NULL) {
        prepare(command, options);
    }
    if (status == ROPEMAP_OK && run.line.help) {
        run.code = help_command(command);
    } else if (status == ROPEMAP_OK) {
        status = command->work(options, &run, &error);
    }
    outputs_free(&run.outputs);
    options_free(command, options);
    free(run.line.all);
    if (status != ROPEMAP_OK) {
        error.status = status;
        options_name(command, &error);
        run.code = failure_report(status, &error);
    }
    return run.code;
}

void run_begin(cli_run *run, bool quiet) {
    run->progress = progress_start(quiet);
    signals_hold();
}

void run_end(cli_run *run) {
    progress_end(&run->progress);
    outputs_free(&run->outputs);
    signals_release();
}
