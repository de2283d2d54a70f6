/* diagnosis.c - what `ropemap doctor` finds out about this machine */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/diagnosis.h"

#include "tools/ropemap/failure.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t memory_bytes(void) {
    const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages < 1 || bytes < 1 ? 0 : (uint64_t)pages * (uint64_t)bytes;
}

static ropemap_status ask_gpus(diagnosis *found, ropemap_error *error) {
    const int32_t count = found->driver.devices;
    if (count < 1) {
        return ROPEMAP_OK;
    }
    found->gpus = calloc((size_t)count, sizeof *found->gpus);
    if (found->gpus == NULL) {
        return fail(error, ROPEMAP_RESOURCES, "doctor: no memory for %d GPUs", (int)count);
    }
    for (int32_t index = 0; index < count; index++) {
        diagnosed_gpu *gpu = &found->gpus[index];
        gpu->reason.status = ropemap_gpu_describe(index, &gpu->gpu, &gpu->reason);
    }
    return ROPEMAP_OK;
}

/* Every stage runs: rows are rotated, multiplied and pooled. Only that tells whether all the parts work. */
static ropemap_status try_gpu(ropemap_error *reason) {
    ropemap_request request = ropemap_request_default();
    request.rows = request.cols = (ropemap_range){.first = 0, .count = 256, .step = 1};
    request.width = request.height = 16;
    request.pool = ROPEMAP_POOL_MAX;
    request.method = ROPEMAP_METHOD_TILED;
    request.backend = "cuda";
    ropemap_map map = {.cells = NULL};
    const ropemap_status status = ropemap_map_compute(&request, &map, reason);
    ropemap_map_free(&map);
    return status;
}

ropemap_status diagnosis_make(diagnosis *found, ropemap_error *error) {
    ropemap_status status = ropemap_bench_describe(&found->machine, error);
    if (status != ROPEMAP_OK) {
        return status;
    }
    found->openmp = strstr(found->machine.blas, "USE_OPENMP") != NULL;
    found->memory = memory_bytes();
    found->driver_reason.status = ropemap_driver_describe(&found->driver, &found->driver_reason);
    found->plugin_reason.status = ropemap_plugin_describe(&found->plugin, &found->plugin_reason);
    if (found->driver_reason.status != ROPEMAP_OK) {
        found->gpu_reason = found->driver_reason;
        return ROPEMAP_OK;
    }
    status = ask_gpus(found, error);
    if (status == ROPEMAP_OK) {
        found->gpu_reason.status = try_gpu(&found->gpu_reason);
    }
    return status;
}

void diagnosis_free(diagnosis *found) {
    free(found->gpus);
    *found = (diagnosis){.gpus = NULL};
}
