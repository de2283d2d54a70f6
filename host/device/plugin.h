/* plugin.h - the CUDA backend's library and the driver's GPUs, opened at run time */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DEVICE_PLUGIN_H
#define ROPEMAP_HOST_DEVICE_PLUGIN_H

#include "host/device/backend.h"
#include "host/device/gpu_timing.h"
#include "host/ropemap_machine.h"

enum { RM_PLUGIN_ABI = 10 }; /* of everything in backend.h; a plugin of another one is refused */

/* What a plugin gives. */
typedef struct rm_plugin_table {
    const rm_backend *backend;
    const rm_gpu_timing *timing;
    ropemap_plugin about; /* all but the path */
} rm_plugin_table;

/* An open plugin. Zeroed: none. */
typedef struct rm_plugin {
    void *library;
    rm_plugin_table table;
} rm_plugin;

/*
 * Opens libropemap-cuda.so next to the program or to this library, by its absolute path.
 * ROPEMAP_RESOURCES: there is none, it does not load (cuBLAS is missing, say), or it is of another version.
 */
ropemap_status rm_plugin_open(rm_plugin *plugin, ropemap_error *error);

void rm_plugin_close(rm_plugin *plugin);

/* The sizes that suit a GPU and rows of head_dim. */
rm_device rm_gpu_device(const ropemap_gpu *gpu, int64_t head_dim);

/*
 * The sizes that suit GPU number `index` and rows of head_dim. ROPEMAP_RESOURCES, with the reason, where
 * there is none: no driver, an old one, no device, none of that number.
 */
ropemap_status rm_gpu_find(int32_t index, int64_t head_dim, rm_device *device, ropemap_error *error);

#endif
