/* ropemap_machine.h - what maps run on here: the driver, its GPUs, the CUDA backend's library, the CPU */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_MACHINE_H
#define ROPEMAP_MACHINE_H

#include "ropemap.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the driver reports. */
typedef struct ropemap_driver {
    int32_t version; /* the CUDA version it supports: 13000 for 13.0 */
    int32_t devices; /* GPUs that this process may see */
} ropemap_driver;

typedef struct ropemap_gpu {
    int32_t index;
    char name[96];
    int32_t major, minor; /* compute capability */
    int32_t processors;   /* multiprocessors */
    uint64_t memory;      /* bytes in all */
    uint64_t cache;       /* bytes of the second-level cache */
} ropemap_gpu;

/* The library that holds the CUDA backend. */
typedef struct ropemap_plugin {
    char path[4096];        /* absolute */
    char runtime[32];       /* what it was built with: "CUDA 13.0" */
    char blas[32];          /* what it multiplies with: "cuBLAS 13.0.2" */
    char architectures[80]; /* compute capabilities it has machine code for: "75 80 86 89 90 100 120" */
} ropemap_plugin;

/*
 * Each asks anew and keeps nothing open. ROPEMAP_RESOURCES, with the reason in `error`, where there is none:
 * no driver, an old one, no such GPU, no plugin, or one that does not load.
 */
ROPEMAP_API ropemap_status ropemap_driver_describe(ropemap_driver *driver, ropemap_error *error);
ROPEMAP_API ropemap_status ropemap_gpu_describe(int32_t index, ropemap_gpu *gpu, ropemap_error *error);
ROPEMAP_API ropemap_status ropemap_plugin_describe(ropemap_plugin *plugin, ropemap_error *error);

/* The CPU that maps run on. */
typedef struct ropemap_machine {
    char processor[100]; /* the model, as the system names it */
    int32_t processors;  /* that this process may use */
    char simd[16];       /* the level that the CPU backend's own loops run at: "v4", "v3", "baseline" */
} ropemap_machine;

/* ROPEMAP_RESOURCES: the backend cannot start. */
ROPEMAP_API ropemap_status ropemap_machine_describe(ropemap_machine *machine, ropemap_error *error);

#ifdef __cplusplus
}
#endif

#endif
