/* libm_rotate.h - rotation as it is usually written: float angles and libm's sincosf */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BENCH_LIBM_ROTATE_H
#define ROPEMAP_HOST_BENCH_LIBM_ROTATE_H

#include "host/base/status.h"
#include "host/base/view.h"

/*
 * to[i] = from[i] turned as at position first + i, [rows, cols]; frequencies [cols / 2] in radians a token.
 * Only its time is of interest: float angles are off by 4e-3 rad at position 131,071.
 */
void rm_libm_rotate(const float *frequencies, ropemap_layout layout, int64_t first, rm_view from, rm_view to);

#endif
