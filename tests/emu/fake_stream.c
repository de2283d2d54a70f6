/* fake_stream.c - stand-in for the CUDA run time: streams, events, and work that waits for its turn */
/* SPDX-License-Identifier: MIT */
/*
 * A stream's work has numbers 1, 2, ... in the order it was given; an event stands for a stream and a number.
 * While work is late it all waits behind one lock: whoever waits does what is waited for.
 */
#include "tests/emu/fake_order.h"
#include "tests/emu/fake_record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct item {
    struct item *next;
    fake_work work;
    max_align_t arguments[FAKE_ARGUMENTS_MOST / sizeof(max_align_t)];
};

struct CUstream_st {
    struct CUstream_st *next; /* all that are alive */
    long id;                  /* never used twice */
    int device;
    long given, done; /* numbers of the last work given and done */
    struct item *first, **last;
    cudaError_t error; /* of work that was done late */
    int lane;
    fake_clock clock;
};

struct CUevent_st {
    int device;
    bool timed;
    long stream; /* id; 0: never recorded */
    long number;
    fake_clock clock; /* the stream's */
    struct timespec time;
};

static struct CUstream_st *streams;
static long last_id;
static pthread_mutex_t lock; /* recursive: work that waits for an event does other work */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int forget; /* waits until the one that is forgotten, 0: none; under the lock, as is forgot */
static bool forgot;

static void make_lock(void) {
    pthread_mutexattr_t attributes;
    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    (void)pthread_mutex_init(&lock, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
}

static void hold(void) {
    (void)pthread_once(&once, make_lock);
    (void)pthread_mutex_lock(&lock);
}

static void let_go(void) {
    (void)pthread_mutex_unlock(&lock);
}

/* ---- work ---- */

/* Does a stream's work up to a number; the lock is held. */
static void advance(cudaStream_t stream, long number) {
    while (stream->first != NULL && stream->done < number) {
        struct item *item = stream->first;
        stream->first = item->next;
        stream->last = stream->first != NULL ? stream->last : &stream->first;
        const cudaError_t error = item->work(item->arguments);
        stream->error = stream->error == cudaSuccess ? error : stream->error;
        stream->done++;
        (void)atomic_fetch_sub(&fake_gauges.queued, 1);
        free(item);
    }
}

static bool alive(cudaStream_t stream) {
    bool found = false;
    for (cudaStream_t at = streams; at != NULL && !found; at = at->next) {
        found = at == stream;
    }
    return found;
}

/* The default stream of the run time would wait for all others: no code here may use it. */
static bool check_stream(const char *call, cudaStream_t stream) {
    hold();
    const bool found = alive(stream);
    let_go();
    if (!found) {
        fake_complain("%s: %s", call, stream == NULL ? "the default stream" : "a stream that is not there");
    } else if (stream->device != fake_current_device()) {
        fake_complain("%s: a stream of device %d while device %d is the thread's", call, stream->device,
                      fake_current_device());
    }
    return found && stream->device == fake_current_device();
}

cudaError_t fake_submit(const char *call, cudaStream_t stream, fake_work work, const void *arguments,
                        size_t bytes) {
    if (!check_stream(call, stream)) {
        return fake_error(cudaErrorInvalidResourceHandle);
    }
    cudaError_t recorded = cudaSuccess;
    if (fake_record_work(call, stream, work, arguments, bytes, &recorded)) {
        return fake_error(recorded);
    }
    hold();
    fake_order_step(stream->lane, &stream->clock);
    let_go();
    if (!atomic_load(&fake_gauges.late)) {
        return fake_error(work(arguments));
    }
    struct item *item = calloc(1, sizeof *item);
    if (item == NULL || bytes > sizeof item->arguments) {
        abort();
    }
    item->work = work;
    memcpy(item->arguments, arguments, bytes);
    hold();
    *stream->last = item;
    stream->last = &item->next;
    stream->given++;
    (void)atomic_fetch_add(&fake_gauges.queued, 1);
    let_go();
    return cudaSuccess;
}

void fake_touch(const char *call, cudaStream_t stream, const struct fake_range *ranges, int count) {
    if (fake_record_touch(call, ranges, count)) {
        return;
    }
    hold();
    for (int i = 0; i < count && alive(stream); i++) {
        fake_order_touch(call, stream->lane, &stream->clock, &ranges[i]);
    }
    let_go();
}

void fake_forget_memory(const void *memory, size_t bytes) {
    hold();
    fake_order_forget(memory, bytes);
    let_go();
}

/* As in CUDA, an error of work that nobody waited for stays until it is told. */
cudaError_t fake_drain(cudaStream_t stream) {
    hold();
    advance(stream, stream->given);
    const cudaError_t error = stream->error;
    stream->error = cudaSuccess;
    let_go();
    return error;
}

static void advance_all(void) {
    for (cudaStream_t at = streams; at != NULL; at = at->next) {
        advance(at, at->given);
    }
}

/* The host waits for all of it. */
void fake_drain_all(void) {
    hold();
    advance_all();
    for (cudaStream_t at = streams; at != NULL; at = at->next) {
        fake_order_host(&at->clock);
    }
    let_go();
}

static void advance_to(long id, long number) {
    hold();
    for (cudaStream_t at = streams; at != NULL; at = at->next) {
        if (at->id == id) {
            advance(at, number);
        }
    }
    let_go();
}

/* ---- streams ---- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned int flags) {
    (void)flags;
    const cudaError_t error =
        fake_error((cudaError_t)fake_enter("cudaStreamCreateWithFlags", cudaErrorMemoryAllocation));
    if (error != cudaSuccess) {
        return error;
    }
    cudaStream_t made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fake_error(cudaErrorMemoryAllocation);
    }
    made->device = fake_current_device();
    made->last = &made->first;
    hold();
    made->id = ++last_id;
    made->lane = fake_order_open(&made->clock);
    made->next = streams;
    streams = made;
    let_go();
    (void)atomic_fetch_add(&fake_gauges.streams, 1);
    *stream = made;
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    const cudaError_t error =
        fake_error((cudaError_t)fake_enter("cudaStreamDestroy", cudaErrorLaunchFailure));
    hold();
    const bool found = alive(stream);
    if (found) {
        advance(stream, stream->given);
        struct CUstream_st **link = &streams;
        while (*link != stream) {
            link = &(*link)->next;
        }
        *link = stream->next;
        fake_order_close(stream->lane);
        free(stream);
        (void)atomic_fetch_sub(&fake_gauges.streams, 1);
    }
    let_go();
    if (!found) {
        fake_complain("cudaStreamDestroy: a stream that is not there");
        return fake_error(cudaErrorInvalidResourceHandle);
    }
    return error;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    const cudaError_t error =
        fake_error((cudaError_t)fake_enter("cudaStreamSynchronize", cudaErrorLaunchFailure));
    hold();
    const bool found = alive(stream);
    let_go();
    if (!found) {
        fake_complain("cudaStreamSynchronize: a stream that is not there");
        return fake_error(cudaErrorInvalidResourceHandle);
    }
    const cudaError_t late = fake_drain(stream);
    hold();
    fake_order_host(&stream->clock);
    let_go();
    return error != cudaSuccess ? error : fake_error(late);
}

/* ---- events ---- */

struct mark {
    cudaEvent_t event;
};

struct wait {
    long stream, number;
};

static cudaError_t stamp(const void *arguments) {
    const struct mark *mark = arguments;
    (void)clock_gettime(CLOCK_MONOTONIC, &mark->event->time);
    return cudaSuccess;
}

static cudaError_t wait_for(const void *arguments) {
    const struct wait *wait = arguments;
    advance_to(wait->stream, wait->number);
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags) {
    const cudaError_t error =
        fake_error((cudaError_t)fake_enter("cudaEventCreateWithFlags", cudaErrorMemoryAllocation));
    if (error != cudaSuccess) {
        return error;
    }
    cudaEvent_t made = calloc(1, sizeof *made);
    if (made == NULL) {
        return fake_error(cudaErrorMemoryAllocation);
    }
    made->device = fake_current_device();
    made->timed = (flags & cudaEventDisableTiming) == 0;
    (void)atomic_fetch_add(&fake_gauges.events, 1);
    *event = made;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    cudaError_t error = fake_error((cudaError_t)fake_enter("cudaEventRecord", cudaErrorLaunchFailure));
    if (error == cudaSuccess && event->device != fake_current_device()) {
        fake_complain("cudaEventRecord: an event of device %d in a stream of device %d", event->device,
                      fake_current_device());
        error = fake_error(cudaErrorInvalidResourceHandle);
    }
    const struct mark mark = {.event = event};
    error = error != cudaSuccess ? error : fake_submit("cudaEventRecord", stream, stamp, &mark, sizeof mark);
    if (error == cudaSuccess) {
        hold();
        event->stream = stream->id;
        event->number = stream->given;
        event->clock = stream->clock;
        let_go();
    }
    return error;
}

/* An event that was never recorded holds nobody up. */
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int flags) {
    (void)flags;
    const cudaError_t error =
        fake_error((cudaError_t)fake_enter("cudaStreamWaitEvent", cudaErrorLaunchFailure));
    if (error != cudaSuccess || event->stream == 0) {
        return error;
    }
    hold();
    const struct wait wait = {.stream = event->stream, .number = event->number};
    const bool left_out = forget > 0 && --forget == 0;
    forgot = forgot || left_out;
    if (!left_out && alive(stream)) {
        fake_order_join(&stream->clock, &event->clock);
    }
    let_go();
    return left_out ? cudaSuccess : fake_submit("cudaStreamWaitEvent", stream, wait_for, &wait, sizeof wait);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    const cudaError_t error =
        fake_error((cudaError_t)fake_enter("cudaEventSynchronize", cudaErrorLaunchFailure));
    advance_to(event->stream, event->number);
    hold();
    fake_order_host(&event->clock);
    let_go();
    return error;
}

void fake_forget_wait(int countdown) {
    hold();
    forget = countdown;
    forgot = false;
    let_go();
}

bool fake_forgot(void) {
    hold();
    const bool found = forgot;
    let_go();
    return found;
}

/* Work that waits may still look at it. */
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    const cudaError_t error = fake_error((cudaError_t)fake_enter("cudaEventDestroy", cudaErrorLaunchFailure));
    hold();
    advance_all();
    let_go();
    free(event);
    (void)atomic_fetch_sub(&fake_gauges.events, 1);
    return error;
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end) {
    const cudaError_t error =
        fake_error((cudaError_t)fake_enter("cudaEventElapsedTime", cudaErrorLaunchFailure));
    if (error != cudaSuccess) {
        return error;
    }
    if (!start->timed || !end->timed || start->stream == 0 || end->stream == 0) {
        fake_complain("cudaEventElapsedTime: an event that is not timed, or was not recorded");
        return fake_error(cudaErrorInvalidResourceHandle);
    }
    const double seconds = (double)(end->time.tv_sec - start->time.tv_sec) +
                           1e-9 * (double)(end->time.tv_nsec - start->time.tv_nsec);
    *milliseconds = (float)(1e3 * seconds);
    return cudaSuccess;
}
