/* sweep_outputs.c - the files of a sweep: a page with all settings, and a directory with a frame of each */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/sweep_outputs.h"

#include "tools/ropemap/failure.h"

#include <stdio.h>

enum { NAME_BYTES = 4096 };

ropemap_status sweep_outputs_check(const sweep_outputs *outputs, int settings, ropemap_error *error) {
    cli_outputs *files = outputs->files;
    ropemap_status status = ROPEMAP_OK;
    if (outputs->page_count == 0 && outputs->frames == NULL) {
        return fail(error, ROPEMAP_USAGE,
                    "--output: missing, expected -o FILE.png, .svg or .pdf, or --frames DIR");
    }
    for (int i = 0; i < outputs->page_count && status == ROPEMAP_OK; i++) {
        status = outputs_add(files, outputs->pages[i], OUTPUT_PICTURES, outputs->force, error);
    }
    if (status == ROPEMAP_OK && outputs->frames != NULL) {
        status = ropemap_outputs_folder(files->set, outputs->frames, error);
    }
    for (int i = 0; i < settings && outputs->frames != NULL && status == ROPEMAP_OK; i++) {
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof name, "%s/frame-%03d.png", outputs->frames, i);
        status = outputs_add(files, name, 1 << OUTPUT_PNG, outputs->force, error);
    }
    return status == ROPEMAP_OK ? outputs_check(files, NULL, error) : status;
}

ropemap_status sweep_outputs_write(const sweep_outputs *outputs, const sweep_encoder *encoder,
                                   ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (int at = 0; at < outputs->files->count && status == ROPEMAP_OK; at++) {
        const int index = outputs_order(outputs->files, at), frame = index - outputs->page_count;
        ropemap_bytes bytes = {.data = NULL};
        status = frame < 0
                     ? encoder->page(encoder->what, output_kind_of(outputs->pages[index]), &bytes, error)
                     : encoder->frame(encoder->what, frame, &bytes, error);
        status = status == ROPEMAP_OK ? outputs_write(outputs->files, index, &bytes, error) : status;
        ropemap_bytes_free(&bytes);
    }
    return status == ROPEMAP_OK ? outputs_finish(outputs->files, error) : status;
}
