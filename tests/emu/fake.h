/* fake.h - stand-ins for the CUDA run time and cuBLAS on host memory: what tests ask, and what the parts
 * share */
/* SPDX-License-Identifier: MIT */
/*
 * Work is done when it is given to a stream, a legal schedule; or late: when somebody waits for it, which is
 * as legal and shows host code that reads or reuses memory too early. The device's memory begins as 0xff
 * bytes. What a GPU's run time would not notice, or answer with a crash, is a complaint: a test asserts that
 * there was none.
 */
#ifndef ROPEMAP_EMU_FAKE_H
#define ROPEMAP_EMU_FAKE_H

#include <cuda_runtime_api.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what tests ask ---- */

/* What there is now, and the most bytes that there were. */
typedef struct fake_state {
    size_t device_bytes, device_peak, pinned_bytes;
    long allocations, pinned, streams, events, handles, graphs, queued; /* alive */
    long complaints;
    char complaint[200]; /* the first one */
} fake_state;

fake_state fake_look(void);

/* Forgets calls, peak and complaints, takes wishes to fail back and reads the environment again. */
void fake_reset(void);

/* How often a function was called; NULL: all of them together. */
long fake_calls(const char *call);

/*
 * The countdown-th call from now of the function (1: the next) fails, once: with `code`, or with one that is
 * usual for it where that is 0. "*": of any function. What frees something frees it all the same.
 * "cudaLaunchKernel" is the emulation's, and fails with cudaErrorLaunchFailure. NULL: no more wish.
 */
void fake_fail(const char *call, int countdown, int code);

/* The function that failed on request since the last fake_fail(), NULL: none yet. */
const char *fake_failed(void);

/* Bytes that the device has; the environment's "memory" until then. */
void fake_memory(size_t bytes);

/* Whether launchers start their kernels, which takes long; true at first. Without, cells are not computed. */
void fake_kernels(bool run);

/* Whether work waits until somebody waits for it; the environment's "late" until then. */
void fake_late(bool late);

/*
 * The environment variable ROPEMAP_FAKE_CUDA: "name=value,name=value". Known are devices (number), driver
 * (12040 for 12.4), memory and cache (bytes, with K, M or G), late (0 or 1), fail (CALL:COUNTDOWN:CODE), init
 * (what cuInit fails with), name, processors and minor (of compute capability 9), gone (a GPU that cannot be
 * opened), lost (a file: every call fails from when it exists, as after an illegal address), only (the GPU
 * that fail and lost are for), alike (1: GPUs are of one kind; else each has half the memory of the one
 * before). False where it has no such name; `value` is text of at most 63 characters.
 */
bool fake_setting(const char *name, char value[64]);
uint64_t fake_setting_number(const char *name, uint64_t otherwise);

/*
 * The countdown-th time from now that a stream is to wait for an event (1: the next), it does not, once, as
 * if the call had been forgotten; events that stand for nothing do not count. 0: no more wish.
 */
void fake_forget_wait(int countdown);

/* Whether that came to pass since the last fake_forget_wait(). */
bool fake_forgot(void);

/* ---- what the parts share ---- */

/* Counts a call; 0, or the code that it is to fail with. */
int fake_enter(const char *call, int usual);

void fake_complain(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

/* Whether the bytes lie inside one allocation of the device. */
bool fake_is_device(const void *memory, size_t bytes);

/* Whether any of an allocation of the device begins or lies there. */
bool fake_touches_device(const void *memory);

/* Whether the run time pinned that memory. */
bool fake_is_pinned(const void *memory);

void fake_count_handle(int change);

/* Memory of the device that work touches; NULL or 0 bytes: none. */
struct fake_range {
    const void *memory;
    size_t bytes;
    bool writes;
};

/* Says what the next work that is given to a stream touches. A complaint where work of another stream touches
 * it too, one of the two writes, and neither waits for the other. `call` is static text. */
void fake_touch(const char *call, cudaStream_t stream, const struct fake_range *ranges, int count);

/* That memory is the device's no more. */
void fake_forget_memory(const void *memory, size_t bytes);

/* What is done when its turn comes; `arguments` is a copy. */
typedef cudaError_t (*fake_work)(const void *arguments);

enum { FAKE_ARGUMENTS_MOST = 1024 };

/* Whether this thread records a stream, and then spoils that: it called what it may not call meanwhile. */
bool fake_refuse(void);
/* The same of a call by its name, if it is one of those. */
bool fake_refuse_call(const char *call);

/* Work, and what it touches, goes into the graph that this thread records; false where it records none. */
bool fake_record_work(const char *call, cudaStream_t stream, fake_work work, const void *arguments,
                      size_t bytes, cudaError_t *error);
bool fake_record_touch(const char *call, const struct fake_range *ranges, int count);

/* Gives work to a stream: now, or late. `call` needs the stream's device to be the thread's. */
cudaError_t fake_submit(const char *call, cudaStream_t stream, fake_work work, const void *arguments,
                        size_t bytes);

/* Does all that waits in a stream. */
cudaError_t fake_drain(cudaStream_t stream);

/* Does all that waits, wherever. */
void fake_drain_all(void);

int fake_current_device(void);
int fake_device_count(void);

#endif
