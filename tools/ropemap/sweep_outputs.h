/* sweep_outputs.h - the files of a sweep: a page with all settings, and a directory with a frame of each */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_SWEEP_OUTPUTS_H
#define ROPEMAP_TOOLS_SWEEP_OUTPUTS_H

#include "tools/ropemap/outputs.h"

/* Where a sweep goes; all borrowed. */
typedef struct sweep_outputs {
    const char *const *pages; /* [page_count] */
    int page_count;
    const char *frames; /* a directory; NULL: none */
    bool force;
    cli_outputs *files; /* pages, then frames */
} sweep_outputs;

/* Adds the pages and the frames [settings], and checks them. ROPEMAP_USAGE, ROPEMAP_IO. */
ropemap_status sweep_outputs_check(const sweep_outputs *outputs, int settings, ropemap_error *error);

/* What makes the bytes of a page, and of the frame (a PNG) of each setting; `what` is the caller's. */
typedef struct sweep_encoder {
    ropemap_status (*page)(const void *what, output_kind kind, ropemap_bytes *bytes, ropemap_error *error);
    ropemap_status (*frame)(const void *what, int index, ropemap_bytes *bytes, ropemap_error *error);
    const void *what;
} sweep_encoder;

/* Writes every page, as its name says, and every frame. */
ropemap_status sweep_outputs_write(const sweep_outputs *outputs, const sweep_encoder *encoder,
                                   ropemap_error *error);

#endif
