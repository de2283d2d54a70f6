/* scratch.h - a fresh folder for a test, with one file in it at a time */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TESTS_SCRATCH_H
#define ROPEMAP_TESTS_SCRATCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct scratch {
    char folder[200];
    char path[300]; /* of the file last written; empty before */
} scratch;

/* Ends the test program where the folder cannot be made: nothing else would mean anything. */
static inline scratch scratch_open(void) {
    scratch made = {.path = ""};
    const char *base = getenv("TMPDIR");
    (void)snprintf(made.folder, sizeof made.folder, "%s/ropemap-test-XXXXXX", base == NULL ? "/tmp" : base);
    if (mkdtemp(made.folder) == NULL) {
        perror(made.folder);
        exit(99);
    }
    return made;
}

static inline void scratch_name(scratch *at, const char *name) {
    if (at->path[0] != '\0') {
        (void)unlink(at->path);
    }
    (void)snprintf(at->path, sizeof at->path, "%s/%s", at->folder, name);
}

/* Replaces the folder's file by `name` with `size` bytes. */
static inline void scratch_write(scratch *at, const char *name, const void *bytes, size_t size) {
    scratch_name(at, name);
    FILE *file = fopen(at->path, "wb");
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(at->path);
        exit(99);
    }
}

static inline void scratch_close(scratch *at) {
    scratch_name(at, "gone");
    (void)rmdir(at->folder);
}

#endif
