/* positions.h - positions given by a file or by a grid */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_DATA_POSITIONS_H
#define ROPEMAP_HOST_DATA_POSITIONS_H

#include "host/base/status.h"
#include "host/base/text.h"

struct ropemap_positions {
    int64_t count;
    int32_t axes; /* 1 to ROPEMAP_MAX_AXES */
    char label[RM_LABEL_BYTES];
    int64_t least, greatest;
    int64_t *values; /* [axes, count], each in [0, 2^40) */
};

#endif
