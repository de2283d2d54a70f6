/* main.c - the program: finds the command that the first argument names and runs it */
/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* pthread_setattr_default_np; in this file alone */
#include "tools/ropemap/command.h"
#include "tools/ropemap/failure.h"
#include "tools/ropemap/run.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * A descriptor that was closed when the program started would be handed to the first file it opens, and
 * messages would go into that file. Its number is taken by one that fails to read or to write, as a closed
 * one does.
 */
static bool keep_standard_descriptors(void) {
    static const int modes[] = {
        [STDIN_FILENO] = O_WRONLY, [STDOUT_FILENO] = O_RDONLY, [STDERR_FILENO] = O_RDONLY};
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++) {
        if (fcntl(file, F_GETFD) < 0 && open("/dev/null", modes[file]) != file) {
            return false;
        }
    }
    return true;
}

/* A document that fits goes out in one write, whose failure can be reported in full. */
static void buffer_stdout(void) {
    static char buffer[1 << 16];
    (void)setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
}

/* A full disk and a reader that left are failures of a write, reported like any other. */
static void ignore_write_signals(void) {
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGPIPE, &ignore, NULL);
    (void)sigaction(SIGXFSZ, &ignore, NULL);
}

static int refuse_command(const char *name) {
    ropemap_error error;
    cli_suggestion nearest = {.word = name};
    for (int index = 0; command_at(index) != NULL; index++) {
        suggestion_offer(&nearest, command_at(index)->name);
    }
    suggestion_offer(&nearest, "help");
    const bool option = name[0] == '-';
    if (option) {
        nearest.word = name + strspn(name, "-");
        nearest.best = NULL;
        suggestion_offer(&nearest, "help");
        suggestion_offer(&nearest, "version");
    }
    const char *what = option ? "option" : "command";
    if (nearest.best != NULL) {
        (void)fail(&error, ROPEMAP_USAGE, "%.64s: unknown %s, did you mean %s%s?", name, what,
                   option ? "--" : "", nearest.best);
    } else {
        (void)fail(&error, ROPEMAP_USAGE, "%.64s: unknown %s, see 'ropemap --help'", name, what);
    }
    return failure_report(error.status, &error);
}

static int help(int count, char **words) {
    int used = 0;
    if (count == 0) {
        return help_program();
    }
    const cli_command *command = command_find(count, words, &used);
    return command != NULL ? help_command(command) : refuse_command(words[0]);
}

static int run(int argc, char **argv) {
    if (argc < 2) {
        ropemap_error error;
        return failure_report(
            fail(&error, ROPEMAP_USAGE, "no command; give one such as 'map', see 'ropemap --help'"), &error);
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) {
        (void)printf("ropemap %s\n", ropemap_version());
        return finish_stdout();
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        return help(argc - 2, argv + 2);
    }
    int used = 0;
    const cli_command *command = command_find(argc - 1, argv + 1, &used);
    return command != NULL ? command_run(command, argc - used, argv + used) : refuse_command(name);
}

/* ---- a stack of one's own ------------------------------------------------------------------------------ */

/* The deepest calls take a tenth of this; it is address space until it is touched. */
static const size_t STACK_BYTES = (size_t)8 << 20;

typedef struct command_line {
    int argc;
    char **argv;
    int code;
} command_line;

static void *run_line(void *given) {
    command_line *line = given;
    line->code = run(line->argc, line->argv);
    return NULL;
}

/* Where `ulimit -s` leaves the process less than that, all of it runs on another thread, and so do the
 * threads that it starts, whose usual size follows the limit. */
static int run_with_room(int argc, char **argv) {
    command_line line = {.argc = argc, .argv = argv};
    struct rlimit limit;
    pthread_attr_t room;
    pthread_t thread;
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= STACK_BYTES ||
        pthread_attr_init(&room) != 0) {
        return run(argc, argv);
    }
    const bool started = pthread_attr_setstacksize(&room, STACK_BYTES) == 0 &&
                         pthread_setattr_default_np(&room) == 0 &&
                         pthread_create(&thread, &room, run_line, &line) == 0;
    if (!started || pthread_join(thread, NULL) != 0) {
        ropemap_error error;
        return failure_report(fail(&error, ROPEMAP_RESOURCES,
                                   "no room for a stack of 8 MiB, and the limit is %llu kB; raise ulimit -s",
                                   (unsigned long long)limit.rlim_cur / 1024),
                              &error);
    }
    return line.code;
}

int main(int argc, char **argv) {
    if (!keep_standard_descriptors()) {
        return ROPEMAP_IO;
    }
    ignore_write_signals();
    buffer_stdout();
    return run_with_room(argc, argv);
}
