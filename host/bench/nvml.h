/* nvml.h - clocks, heat and power of a GPU, as the driver's management library tells them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BENCH_NVML_H
#define ROPEMAP_HOST_BENCH_NVML_H

#include "host/base/status.h"

typedef struct rm_nvml {
    void *handle; /* of the library; NULL: there is none, and nothing is known */
    void *device; /* NULL: it does not know the GPU */
} rm_nvml;

/* Opens what there is for the GPU that the driver's `index` names; none is no failure. */
void rm_nvml_open(rm_nvml *nvml, int32_t index);
void rm_nvml_close(rm_nvml *nvml);

/* The driver's version; "" where it is not known. */
void rm_nvml_driver(const rm_nvml *nvml, char *version, size_t size);

ropemap_gpu_state rm_nvml_look(const rm_nvml *nvml);

/* Whether a GPU holds its clocks back for these reasons: power, heat or a brake, not for want of work. */
bool rm_nvml_throttled(uint64_t reasons);

/* Those reasons in words, "power cap, heat". */
void rm_nvml_words(uint64_t reasons, char *words, size_t size);

#endif
