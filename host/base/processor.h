/* processor.h - the CPUs that this process may use, and which copy of the loops for their kind it runs */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_PROCESSOR_H
#define ROPEMAP_HOST_BASE_PROCESSOR_H

#include "host/base/status.h"

enum { RM_THREADS_MAX = 1024 };

/* CPUs this process may use, 1 to RM_THREADS_MAX. */
int32_t rm_usable_cpus(void);

/*
 * Every host/<room>/<name>_kernel.c is compiled with RM_VARIANT set to baseline, v3 (AVX2, FMA) and v4
 * (AVX-512); each copy defines functions under its own name.
 */

/* rm_rotate + RM_VARIANT: the name of this copy. */
#define RM_PASTE(name, variant)       name##_##variant
#define RM_PASTE_VALUE(name, variant) RM_PASTE(name, variant)
#define RM_VARIANT_NAME(name)         RM_PASTE_VALUE(name, RM_VARIANT)

/* Places in tables of copies; those after the first are on x86-64 alone (RM_HAS_VARIANT_v4). */
typedef enum rm_variant { RM_BASELINE, RM_V3, RM_V4 } rm_variant;

/* The best that this CPU runs, or the one that ROPEMAP_SIMD names. ROPEMAP_RESOURCES: it does not run here.
 */
ropemap_status rm_variant_pick(rm_variant *variant, ropemap_error *error);

#endif
