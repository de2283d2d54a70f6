/* sweep_outputs.c - the files of a sweep: a page with all settings, and a directory with a frame of each */
/* SPDX-License-Identifier: MIT */
#include "tools/ropemap/sweep_outputs.h"

#include "tools/ropemap/failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* SWEEP_KINDS where the ending is none of a page. */
static sweep_kind kind_of(const char *name) {
    static const char *const endings[] = {[SWEEP_PNG] = ".png", [SWEEP_SVG] = ".svg", [SWEEP_PDF] = ".pdf"};
    const size_t length = strlen(name);
    int kind = 0;
    while (kind < SWEEP_KINDS && (length < 4 || strcmp(name + length - 4, endings[kind]) != 0)) {
        kind++;
    }
    return (sweep_kind)kind;
}

void sweep_frame_name(const sweep_outputs *outputs, int index, char name[SWEEP_NAME_BYTES]) {
    (void)snprintf(name, SWEEP_NAME_BYTES, "%s/frame-%03d.png", outputs->frames, index);
}

static ropemap_status check_page(const sweep_outputs *outputs, int index, ropemap_error *error) {
    const char *name = outputs->pages[index];
    if (kind_of(name) == SWEEP_KINDS) {
        return fail(error, ROPEMAP_USAGE, "--output: unknown ending ('%.300s'), expected .png, .svg or .pdf",
                    name);
    }
    for (int other = 0; other < index; other++) {
        if (strcmp(name, outputs->pages[other]) == 0) {
            return fail(error, ROPEMAP_USAGE, "--output: one file twice ('%.300s'), expected different ones",
                        name);
        }
    }
    return ropemap_output_check(name, outputs->force, error);
}

/* The directory, then every name in it. */
static ropemap_status check_frames(const sweep_outputs *outputs, int settings, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    if (mkdir(outputs->frames, 0777) != 0 && errno != EEXIST) {
        return fail(error, ROPEMAP_IO, "--frames: '%.200s' cannot be made: %s", outputs->frames,
                    strerror(errno));
    }
    for (int i = 0; i < settings && status == ROPEMAP_OK; i++) {
        char name[SWEEP_NAME_BYTES];
        sweep_frame_name(outputs, i, name);
        status = ropemap_output_check(name, outputs->force, error);
    }
    return status;
}

ropemap_status sweep_outputs_check(const sweep_outputs *outputs, int settings, ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    if (outputs->page_count == 0 && outputs->frames == NULL) {
        return fail(error, ROPEMAP_USAGE,
                    "--output: missing, expected -o FILE.png, .svg or .pdf, or --frames DIR");
    }
    for (int i = 0; i < outputs->page_count && status == ROPEMAP_OK; i++) {
        status = check_page(outputs, i, error);
    }
    return status == ROPEMAP_OK && outputs->frames != NULL ? check_frames(outputs, settings, error) : status;
}

ropemap_status sweep_pages_write(const sweep_outputs *outputs, sweep_encode encode, const void *what,
                                 ropemap_error *error) {
    ropemap_status status = ROPEMAP_OK;
    for (int i = 0; i < outputs->page_count && status == ROPEMAP_OK; i++) {
        ropemap_bytes bytes = {.data = NULL};
        const char *name = outputs->pages[i];
        status = encode(what, kind_of(name), &bytes, error);
        status = status == ROPEMAP_OK ? ropemap_output_write(name, &bytes, outputs->force, error) : status;
        ropemap_bytes_free(&bytes);
    }
    return status;
}
