/* failure.c - what a command reports while it works and when it fails: progress, message, signals, exit code
 */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const int held[] = {SIGINT, SIGTERM, SIGHUP};

enum { HELD = sizeof held / sizeof held[0] };

static struct sigaction before[HELD]; /* what each did before signals_hold */

static atomic_int came; /* the signal, 0 for none; lock-free, and handlers may run on any thread */

static void remember(int signal) {
    atomic_store(&came, signal);
}

static bool saves; /* SIGTERM and SIGUSR1 ask for the state to be saved */

static struct sigaction remembering(void) {
    struct sigaction action = {.sa_handler = remember, .sa_flags = SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    return action;
}

void signals_save(void) {
    const struct sigaction action = remembering();
    saves = true;
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGUSR1, &action, NULL);
}

void signals_hold(void) {
    for (size_t index = 0; index < HELD; index++) {
        const struct sigaction action = remembering();
        (void)sigaction(held[index], NULL, &before[index]);
        if (before[index].sa_handler != SIG_IGN) { /* as nohup left it */
            (void)sigaction(held[index], &action, NULL);
        }
    }
}

void signals_release(void) {
    for (size_t index = 0; index < HELD; index++) {
        (void)sigaction(held[index], &before[index], NULL);
    }
    const int signal = atomic_load(&came);
    if (signal != 0 && !(saves && (signal == SIGTERM || signal == SIGUSR1))) {
        (void)raise(signal);
    }
}

bool signals_came(void) {
    return atomic_load(&came) != 0;
}

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

static _Thread_local struct {
    void (*take)(void *user, const char *text);
    void *user;
} taker;

void warnings_take(void (*take)(void *user, const char *text), void *user) {
    taker.take = take;
    taker.user = user;
}

void warning(const char *format, ...) {
    ropemap_error line;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line.text, sizeof line.text, format, arguments);
    va_end(arguments);
    if (taker.take != NULL) {
        taker.take(taker.user, line.text);
        return;
    }
    (void)fputs("ropemap: warning: ", stderr);
    print_plain(stderr, line.text);
    (void)fputc('\n', stderr);
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
