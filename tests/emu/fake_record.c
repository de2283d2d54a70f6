/* fake_record.c - what the stand-ins for CUDA saw, and which call is to fail */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/fake_record.h"

#include "tests/emu/control.h"
#include "tests/emu/fake.h"

#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CALLS_MOST = 96, NAME_MOST = 64 };

static const char LAUNCH[] = "cudaLaunchKernel";

static struct {
    char name[NAME_MOST];
    long count;
} calls[CALLS_MOST];

static struct {
    char call[NAME_MOST]; /* empty: none */
    int countdown, code;
    char failed[NAME_MOST]; /* empty: none yet */
} wish;

static uint64_t only;        /* the device whose calls are counted for a failure; above INT_MAX: all are */
static char lost[NAME_MOST]; /* the file that says that the device is lost; empty: none does */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all that is above, and of the complaint */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char complaint[sizeof((fake_state *)NULL)->complaint];
static long complaints, launches_before;

struct fake_gauges fake_gauges;

static void make_wish(const char *call, int countdown, int code) {
    wish.failed[0] = wish.call[0] = '\0';
    if (call != NULL) {
        (void)snprintf(wish.call, sizeof wish.call, "%s", call);
    }
    wish.countdown = countdown;
    wish.code = code;
    const bool launch = call != NULL && strcmp(call, LAUNCH) == 0;
    emu_fail_next_launch(launch ? countdown : 0);
}

/* fail=CALL:COUNTDOWN:CODE */
static void read_environment(void) {
    char text[64];
    atomic_store(&fake_gauges.late, fake_setting_number("late", 0) != 0);
    atomic_store(&fake_gauges.limit, (size_t)fake_setting_number("memory", UINT64_C(1) << 32));
    lost[0] = '\0';
    only = fake_setting_number("only", UINT64_MAX);
    (void)fake_setting("lost", lost);
    if (fake_setting("fail", text)) {
        char *count = strchr(text, ':'), *code = count != NULL ? strchr(count + 1, ':') : NULL;
        if (count == NULL) {
            (void)fprintf(stderr, "fake: fail=%s, expected CALL:COUNTDOWN[:CODE]\n", text);
            abort();
        }
        *count = '\0';
        make_wish(text, atoi(count + 1), code != NULL ? atoi(code + 1) : 0);
    }
}

void fake_begin(void) {
    (void)pthread_once(&once, read_environment);
}

int fake_enter(const char *call, int usual) {
    fake_begin();
    (void)pthread_mutex_lock(&lock);
    int at = 0;
    while (at < CALLS_MOST - 1 && calls[at].count > 0 && strcmp(calls[at].name, call) != 0) {
        at++;
    }
    (void)snprintf(calls[at].name, sizeof calls[at].name, "%s", call);
    calls[at].count++;
    const bool here = only > INT_MAX || (int)only == fake_current_device();
    int code = here && lost[0] != '\0' && access(lost, F_OK) == 0 ? cudaErrorIllegalAddress : 0;
    const bool meant = here && (strcmp(wish.call, call) == 0 || strcmp(wish.call, "*") == 0);
    if (meant && wish.countdown > 0 && --wish.countdown == 0) {
        code = wish.code != 0 ? wish.code : usual;
        (void)snprintf(wish.failed, sizeof wish.failed, "%s", call);
    }
    (void)pthread_mutex_unlock(&lock);
    if (code == 0 && fake_refuse_call(call)) {
        return strncmp(call, "cublas", 6) == 0 ? usual : cudaErrorStreamCaptureUnsupported;
    }
    return code;
}

void fake_fail(const char *call, int countdown, int code) {
    fake_begin();
    (void)pthread_mutex_lock(&lock);
    make_wish(call, countdown, code);
    (void)pthread_mutex_unlock(&lock);
}

void fake_note_launch_failure(void) {
    (void)pthread_mutex_lock(&lock);
    if (strcmp(wish.call, LAUNCH) == 0) {
        memcpy(wish.failed, LAUNCH, sizeof LAUNCH);
    }
    (void)pthread_mutex_unlock(&lock);
}

const char *fake_failed(void) {
    return wish.failed[0] != '\0' ? wish.failed : NULL;
}

void fake_memory(size_t bytes) {
    fake_begin();
    atomic_store(&fake_gauges.limit, bytes);
}

void fake_late(bool late) {
    fake_begin();
    fake_drain_all();
    atomic_store(&fake_gauges.late, late);
}

void fake_complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)pthread_mutex_lock(&lock);
    if (complaints++ == 0) {
        (void)vsnprintf(complaint, sizeof complaint, format, arguments);
    }
    (void)pthread_mutex_unlock(&lock);
    va_end(arguments);
}

long fake_calls(const char *call) {
    long count = 0;
    (void)pthread_mutex_lock(&lock);
    for (int at = 0; at < CALLS_MOST; at++) {
        count += call == NULL || strcmp(calls[at].name, call) == 0 ? calls[at].count : 0;
    }
    (void)pthread_mutex_unlock(&lock);
    return call != NULL && strcmp(call, LAUNCH) == 0 ? emu_launch_count() - launches_before : count;
}

void fake_count_handle(int change) {
    (void)atomic_fetch_add(&fake_gauges.handles, change);
}

fake_state fake_look(void) {
    fake_state state = {.device_bytes = atomic_load(&fake_gauges.device_bytes),
                        .device_peak = atomic_load(&fake_gauges.device_peak),
                        .pinned_bytes = atomic_load(&fake_gauges.pinned_bytes),
                        .allocations = atomic_load(&fake_gauges.allocations),
                        .pinned = atomic_load(&fake_gauges.pinned),
                        .streams = atomic_load(&fake_gauges.streams),
                        .events = atomic_load(&fake_gauges.events),
                        .handles = atomic_load(&fake_gauges.handles),
                        .graphs = atomic_load(&fake_gauges.graphs),
                        .queued = atomic_load(&fake_gauges.queued)};
    (void)pthread_mutex_lock(&lock);
    state.complaints = complaints;
    memcpy(state.complaint, complaint, sizeof complaint);
    (void)pthread_mutex_unlock(&lock);
    return state;
}

void fake_reset(void) {
    fake_begin();
    fake_drain_all();
    (void)pthread_mutex_lock(&lock);
    memset(calls, 0, sizeof calls);
    complaints = 0;
    complaint[0] = '\0';
    launches_before = emu_launch_count();
    make_wish(NULL, 0, 0);
    read_environment();
    (void)pthread_mutex_unlock(&lock);
    atomic_store(&fake_gauges.device_peak, atomic_load(&fake_gauges.device_bytes));
}
