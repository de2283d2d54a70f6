/* fake_record.h - the counters that the stand-ins for CUDA keep */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_EMU_FAKE_RECORD_H
#define ROPEMAP_EMU_FAKE_RECORD_H

#include <cuda_runtime_api.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct fake_gauges {
    atomic_bool late;
    atomic_size_t limit; /* bytes that the device has */
    atomic_size_t device_bytes, device_peak, pinned_bytes;
    atomic_long allocations, pinned, streams, events, handles, graphs, queued;
};

extern struct fake_gauges fake_gauges;

/* Reads the environment, the first time. */
void fake_begin(void);

/* Makes an error the thread's last one, as every call does that fails. */
cudaError_t fake_error(cudaError_t error);

/* Says that the emulation failed a launch. */
void fake_note_launch_failure(void);

#endif
