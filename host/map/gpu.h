/* gpu.h - the GPUs that the driver reports, asked without opening the CUDA backend */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_MAP_GPU_H
#define ROPEMAP_HOST_MAP_GPU_H

#include "host/map/backend.h"

/*
 * The sizes that suit GPU number `index` and rows of head_dim. ROPEMAP_RESOURCES, with the reason, where
 * there is none: no driver, an old one, no device, none of that number.
 */
ropemap_status rm_gpu_find(int32_t index, int64_t head_dim, rm_device *device, ropemap_error *error);

#endif
