/* waiting.c - waits that end after a tenth of a second, so that who waits can tell progress meanwhile */
/* SPDX-License-Identifier: MIT */
#include "host/base/waiting.h"

#include <time.h>

enum { WAIT_NANOSECONDS = 100000000, SECOND_NANOSECONDS = 1000000000 };

void rm_condition_make(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

void rm_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock) {
    struct timespec until = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_NANOSECONDS;
    until.tv_sec += until.tv_nsec / SECOND_NANOSECONDS;
    until.tv_nsec %= SECOND_NANOSECONDS;
    (void)pthread_cond_timedwait(condition, lock, &until);
}
