/* sweep_outputs.h - the files of a sweep: a page with all settings, and a directory with a frame of each */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SWEEP_OUTPUTS_H
#define ROPEMAP_TOOLS_SWEEP_OUTPUTS_H

#include "host/ropemap.h"

enum { SWEEP_NAME_BYTES = 4096 };

typedef enum sweep_kind { SWEEP_PNG, SWEEP_SVG, SWEEP_PDF, SWEEP_KINDS } sweep_kind;

/* Where a sweep goes; all borrowed. */
typedef struct sweep_outputs {
    const char *const *pages; /* [page_count] */
    int page_count;
    const char *frames; /* a directory; NULL: none */
    bool force;
} sweep_outputs;

/* Refuses what is missing, endings and places of pages, and of frames [settings] that exist; makes the
 * directory. ROPEMAP_USAGE, ROPEMAP_IO. */
ropemap_status sweep_outputs_check(const sweep_outputs *outputs, int settings, ropemap_error *error);

/* The name of a frame. */
void sweep_frame_name(const sweep_outputs *outputs, int index, char name[SWEEP_NAME_BYTES]);

/* Makes one page; `what` is the caller's. */
typedef ropemap_status (*sweep_encode)(const void *what, sweep_kind kind, ropemap_bytes *bytes,
                                       ropemap_error *error);

/* Writes every page, as its name says. */
ropemap_status sweep_pages_write(const sweep_outputs *outputs, sweep_encode encode, const void *what,
                                 ropemap_error *error);

#endif
