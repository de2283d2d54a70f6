/* limits.h - how much of anything an input may ask for; every reader checks against these before it allocates
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_LIMITS_H
#define ROPEMAP_HOST_BASE_LIMITS_H

enum {
    RM_SAFETENSORS_HEADER_MAX = 100000000, /* bytes */
    RM_TENSOR_RANK_MAX = 8,
    RM_NPY_HEADER_MAX = 65535, /* bytes */
    RM_THREADS_MAX = 1024
};

#endif
