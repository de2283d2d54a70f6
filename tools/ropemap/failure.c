/* failure.c - how a failure ends the program: message, signals, exit code */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/failure.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

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
