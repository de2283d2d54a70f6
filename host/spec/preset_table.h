/* preset_table.h - the presets as they are kept: the public row, and how loud its note is */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_SPEC_PRESET_TABLE_H
#define ROPEMAP_HOST_SPEC_PRESET_TABLE_H

#include "host/ropemap.h"

typedef struct rm_preset_row {
    ropemap_preset preset;
    bool warns; /* the note tells of something that a map of the preset alone would hide */
} rm_preset_row;

/* Of a preset with several axes. */
typedef struct rm_preset_axes {
    const char *name, *axes; /* as ropemap_axes_parse takes them */
    int32_t grid[ROPEMAP_MAX_AXES];
} rm_preset_axes;

/* NULL for a preset with one axis. */
const rm_preset_axes *rm_preset_axes_of(const char *name);

/* In the order of their names; NULL past the last, and below 0. */
const rm_preset_row *rm_preset_row_at(int32_t index);

#endif
