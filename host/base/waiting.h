/* waiting.h - waits that end after a tenth of a second, so that who waits can tell progress meanwhile */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_WAITING_H
#define ROPEMAP_HOST_BASE_WAITING_H

#include <pthread.h>

/* A condition on the monotonic clock: setting the time of day neither shortens nor lengthens a wait. */
void rm_condition_make(pthread_cond_t *condition);

/* As pthread_cond_wait, for 0.1 s at most. The lock is held before and after. */
void rm_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock);

#endif
