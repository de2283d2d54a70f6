/* fake_cuda.c - stand-in for the CUDA run time: devices, memory, copies, errors */
/* SPDX-License-Identifier: MIT */
#include "tests/emu/control.h"
#include "tests/emu/fake.h"
#include "tests/emu/fake_record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 256, ALLOCATIONS_MOST = 4096, PROCESSORS = 2, WHOLLY_FILLED = 4 * 1048576 };

enum place { ON_DEVICE, PINNED };

static struct allocation {
    char *first;
    size_t bytes;
    enum place place;
} allocations[ALLOCATIONS_MOST];
static int allocation_count;
static pthread_rwlock_t allocation_lock = PTHREAD_RWLOCK_INITIALIZER;

static _Thread_local int current_device;
static _Thread_local cudaError_t last_error;

cudaError_t fake_error(cudaError_t error) {
    if (error != cudaSuccess) {
        last_error = error;
    }
    return error;
}

static cudaError_t enter(const char *call, cudaError_t usual) {
    return fake_error((cudaError_t)fake_enter(call, (int)usual));
}

/* ---- devices ---- */

int fake_current_device(void) {
    return current_device;
}

int fake_device_count(void) {
    return (int)fake_setting_number("devices", 1);
}

cudaError_t cudaGetDeviceCount(int *count) {
    *count = fake_device_count();
    return enter("cudaGetDeviceCount", cudaErrorInitializationError);
}

cudaError_t cudaGetDevice(int *device) {
    *device = current_device;
    return enter("cudaGetDevice", cudaErrorInitializationError);
}

cudaError_t cudaSetDevice(int device) {
    const cudaError_t error = enter("cudaSetDevice", cudaErrorDevicesUnavailable);
    if (error == cudaSuccess && (device < 0 || device >= fake_device_count())) {
        return fake_error(cudaErrorInvalidDevice);
    }
    current_device = error == cudaSuccess ? device : current_device;
    return error;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attr, int device) {
    const cudaError_t error = enter("cudaDeviceGetAttribute", cudaErrorInvalidValue);
    if (error != cudaSuccess) {
        return error;
    }
    if (device < 0 || device >= fake_device_count()) {
        return fake_error(cudaErrorInvalidDevice);
    }
    switch (attr) {
    case cudaDevAttrMaxThreadsPerBlock:
        *value = 1024;
        break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
        *value = 48 * 1024;
        break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = 99 * 1024;
        break;
    case cudaDevAttrWarpSize:
        *value = 32;
        break;
    case cudaDevAttrMultiProcessorCount:
        *value = PROCESSORS;
        break;
    case cudaDevAttrL2CacheSize:
        *value = (int)fake_setting_number("cache", 1048576);
        break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
        *value = 2048;
        break;
    case cudaDevAttrComputeCapabilityMajor:
        *value = 8; /* whose workspace of cuBLAS is small: all of it is filled, map by map */
        break;
    case cudaDevAttrComputeCapabilityMinor:
        *value = 0;
        break;
    default:
        return fake_error(cudaErrorInvalidValue);
    }
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *prop, int device) {
    const cudaError_t error = enter("cudaGetDeviceProperties", cudaErrorInvalidDevice);
    if (error != cudaSuccess || device < 0 || device >= fake_device_count()) {
        return fake_error(cudaErrorInvalidDevice);
    }
    *prop = (struct cudaDeviceProp){.name = "Emulated GPU",
                                    .totalGlobalMem = atomic_load(&fake_gauges.limit),
                                    .multiProcessorCount = PROCESSORS,
                                    .l2CacheSize = (int)fake_setting_number("cache", 1048576),
                                    .major = 8};
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
    *version = CUDART_VERSION;
    return enter("cudaRuntimeGetVersion", cudaErrorInitializationError);
}

cudaError_t cudaDriverGetVersion(int *version) {
    *version = (int)fake_setting_number("driver", CUDART_VERSION);
    return enter("cudaDriverGetVersion", cudaErrorInitializationError);
}

/* ---- memory ---- */

static bool keep(struct allocation made) {
    (void)pthread_rwlock_wrlock(&allocation_lock);
    const bool room = allocation_count < ALLOCATIONS_MOST;
    if (room) {
        allocations[allocation_count++] = made;
    }
    (void)pthread_rwlock_unlock(&allocation_lock);
    return room;
}

/* Takes an allocation that begins there out of the list; false where there is none. */
static bool take_out(const void *first, enum place place, struct allocation *taken) {
    bool found = false;
    (void)pthread_rwlock_wrlock(&allocation_lock);
    for (int i = 0; i < allocation_count && !found; i++) {
        if (allocations[i].first == first && allocations[i].place == place) {
            *taken = allocations[i];
            allocations[i] = allocations[--allocation_count];
            found = true;
        }
    }
    (void)pthread_rwlock_unlock(&allocation_lock);
    return found;
}

static bool lies_in(const void *memory, size_t bytes, enum place place) {
    const uintptr_t at = (uintptr_t)memory;
    bool found = false;
    (void)pthread_rwlock_rdlock(&allocation_lock);
    for (int i = 0; i < allocation_count && !found; i++) {
        const uintptr_t first = (uintptr_t)allocations[i].first;
        found = allocations[i].place == place && at >= first && at - first <= allocations[i].bytes &&
                bytes <= allocations[i].bytes - (at - first);
    }
    (void)pthread_rwlock_unlock(&allocation_lock);
    return found;
}

bool fake_is_device(const void *memory, size_t bytes) {
    return lies_in(memory, bytes, ON_DEVICE);
}

bool fake_touches_device(const void *memory) {
    return lies_in(memory, 1, ON_DEVICE);
}

bool fake_is_pinned(const void *memory) {
    return lies_in(memory, 1, PINNED);
}

/* Counts bytes of the device in; false where there are no more. */
static bool take_bytes(size_t bytes) {
    size_t now = atomic_load(&fake_gauges.device_bytes);
    do {
        const size_t limit = atomic_load(&fake_gauges.limit);
        if (now > limit || bytes > limit - now) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&fake_gauges.device_bytes, &now, now + bytes));
    size_t peak = atomic_load(&fake_gauges.device_peak);
    while (peak < now + bytes &&
           !atomic_compare_exchange_weak(&fake_gauges.device_peak, &peak, now + bytes)) {
    }
    return true;
}

/* Of the exact size, so that AddressSanitizer sees the first byte beyond it; NaN, though of what is as large
 * as cuBLAS's workspace alone the ends. */
static cudaError_t allocate(void **pointer, size_t size, enum place place) {
    if (posix_memalign(pointer, ALIGNMENT, size) != 0) {
        return fake_error(cudaErrorMemoryAllocation);
    }
    const size_t filled = size < WHOLLY_FILLED ? size : WHOLLY_FILLED / 4;
    memset(*pointer, 0xff, filled);
    memset((char *)*pointer + size - filled, 0xff, filled);
    if (!keep((struct allocation){.first = *pointer, .bytes = size, .place = place})) {
        abort();
    }
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes) {
    const cudaError_t error = enter("cudaMemGetInfo", cudaErrorInitializationError);
    *total_bytes = atomic_load(&fake_gauges.limit);
    *free_bytes = *total_bytes - atomic_load(&fake_gauges.device_bytes);
    return error;
}

cudaError_t cudaMalloc(void **pointer, size_t size) {
    const cudaError_t error = enter("cudaMalloc", cudaErrorMemoryAllocation);
    if (error != cudaSuccess) {
        return error;
    }
    *pointer = NULL;
    if (size == 0) {
        return cudaSuccess;
    }
    if (!take_bytes(size)) {
        return fake_error(cudaErrorMemoryAllocation);
    }
    if (allocate(pointer, size, ON_DEVICE) != cudaSuccess) {
        (void)atomic_fetch_sub(&fake_gauges.device_bytes, size);
        return cudaErrorMemoryAllocation;
    }
    (void)atomic_fetch_add(&fake_gauges.allocations, 1);
    return cudaSuccess;
}

/* As the real one, waits for the device. */
cudaError_t cudaFree(void *pointer) {
    const cudaError_t error = enter("cudaFree", cudaErrorLaunchFailure);
    fake_drain_all();
    struct allocation taken;
    if (pointer == NULL) {
        return error;
    }
    if (!take_out(pointer, ON_DEVICE, &taken)) {
        fake_complain("cudaFree: no memory of the device begins there");
        return fake_error(cudaErrorInvalidValue);
    }
    fake_forget_memory(taken.first, taken.bytes);
    (void)atomic_fetch_sub(&fake_gauges.device_bytes, taken.bytes);
    (void)atomic_fetch_sub(&fake_gauges.allocations, 1);
    free(taken.first);
    return error;
}

cudaError_t cudaMallocHost(void **pointer, size_t size) {
    const cudaError_t error = enter("cudaMallocHost", cudaErrorMemoryAllocation);
    if (error != cudaSuccess) {
        return error;
    }
    *pointer = NULL;
    if (size == 0) {
        return cudaSuccess;
    }
    if (allocate(pointer, size, PINNED) != cudaSuccess) {
        return cudaErrorMemoryAllocation;
    }
    (void)atomic_fetch_add(&fake_gauges.pinned, 1);
    (void)atomic_fetch_add(&fake_gauges.pinned_bytes, size);
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *pointer) {
    const cudaError_t error = enter("cudaFreeHost", cudaErrorLaunchFailure);
    fake_drain_all();
    struct allocation taken;
    if (pointer == NULL) {
        return error;
    }
    if (!take_out(pointer, PINNED, &taken)) {
        fake_complain("cudaFreeHost: no pinned memory begins there");
        return fake_error(cudaErrorInvalidValue);
    }
    (void)atomic_fetch_sub(&fake_gauges.pinned, 1);
    (void)atomic_fetch_sub(&fake_gauges.pinned_bytes, taken.bytes);
    free(taken.first);
    return error;
}

/* ---- errors ---- */

cudaError_t cudaPeekAtLastError(void) {
    (void)fake_error(emu_take_launch_error());
    return last_error;
}

cudaError_t cudaGetLastError(void) {
    const cudaError_t error = cudaPeekAtLastError();
    last_error = cudaSuccess;
    return error;
}

static const struct {
    cudaError_t code;
    const char *name, *text;
} errors[] = {
    {cudaSuccess, "cudaSuccess", "success"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid value (emulated)"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory (emulated)"},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "not initialised (emulated)"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration (emulated)"},
    {cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection", "invalid direction (emulated)"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver", "driver too old (emulated)"},
    {cudaErrorDevicesUnavailable, "cudaErrorDevicesUnavailable", "device busy or unavailable (emulated)"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no device (emulated)"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device (emulated)"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid handle (emulated)"},
    {cudaErrorIllegalState, "cudaErrorIllegalState", "illegal state (emulated)"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "illegal address (emulated)"},
    {cudaErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources", "out of resources (emulated)"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "launch failure (emulated)"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "not permitted while a stream is captured (emulated)"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "the capture failed earlier (emulated)"},
};
enum { ERRORS = sizeof errors / sizeof errors[0] };

const char *cudaGetErrorName(cudaError_t error) {
    for (int i = 0; i < ERRORS; i++) {
        if (errors[i].code == error) {
            return errors[i].name;
        }
    }
    return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error) {
    for (int i = 0; i < ERRORS; i++) {
        if (errors[i].code == error) {
            return errors[i].text;
        }
    }
    return "unrecognized error code";
}
