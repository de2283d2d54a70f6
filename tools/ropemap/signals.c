/* signals.c - Ctrl-C and SIGTERM end long work in good order */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static const int held[] = {SIGINT, SIGTERM, SIGHUP};
enum { HELD = sizeof held / sizeof held[0] };

static struct sigaction before[HELD]; /* what each did before signals_hold */
static atomic_int came; /* the signal, 0 for none; lock-free, and handlers may run on any thread */

static void remember(int signal) {
    atomic_store(&came, signal);
}

void signals_hold(void) {
    for (size_t index = 0; index < HELD; index++) {
        struct sigaction action = {.sa_handler = remember, .sa_flags = SA_RESTART};
        (void)sigemptyset(&action.sa_mask);
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
    if (signal != 0) {
        (void)raise(signal);
    }
}

bool signals_came(void) {
    return atomic_load(&came) != 0;
}
