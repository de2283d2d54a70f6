/* command_check.h - ropemap check */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_COMMAND_CHECK_H
#define ROPEMAP_TOOLS_ROPEMAP_COMMAND_CHECK_H

#include "host/ropemap.h"

/* Each `_reason` says why there is none; its status is ROPEMAP_OK where there is one. */
typedef struct diagnosed_gpu {
    ropemap_gpu gpu;
    ropemap_error reason;
} diagnosed_gpu;

/* Start zeroed; free with diagnosis_free. */
typedef struct diagnosis {
    ropemap_bench_machine machine;
    uint64_t memory; /* bytes of RAM; 0 where the system does not say */
    ropemap_driver driver;
    ropemap_error driver_reason;
    diagnosed_gpu *gpus; /* [driver.devices] */
    ropemap_plugin plugin;
    ropemap_error plugin_reason;
    ropemap_error
        gpu_reason; /* why --backend auto does not use GPU 0, for which a small map was made there */
} diagnosis;

/* ROPEMAP_RESOURCES: memory is missing, or the processors cannot compute. A GPU that cannot is no failure. */
ropemap_status diagnosis_make(diagnosis *found, ropemap_error *error);

void diagnosis_free(diagnosis *found);

#endif
