/* input.h - a regular file, or a part of one, read at any offset by several threads; limits of what is read
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_INPUT_H
#define ROPEMAP_HOST_BASE_INPUT_H

#include "host/base/status.h"
#include "host/base/text.h"

typedef struct rm_input {
    int fd;         /* -1 when closed, or held */
    uint64_t size;  /* bytes, when it was opened */
    uint64_t start; /* where they begin in the file */
    uint8_t
        *held; /* the bytes themselves, of a part that was compressed: owned, rm_free; NULL: in the file */
    char name[RM_LABEL_BYTES];
} rm_input;

/*
 * Opens a regular file. ROPEMAP_IO, with the system's words, where that fails; ROPEMAP_DATA for a directory,
 * a FIFO (which is not waited for), a device or a socket. On failure `input` is closed.
 */
ropemap_status rm_input_open(const char *path, rm_input *input, ropemap_error *error);

/*
 * Reads `bytes` bytes at `offset`, all of them: ROPEMAP_DATA where the file ends before (it shrank after it
 * was opened, or the caller did not check `size`), ROPEMAP_IO where the system refuses. Reading instead of
 * mapping: a mapped file that shrinks would raise SIGBUS.
 */
ropemap_status rm_input_read(const rm_input *input, uint64_t offset, uint64_t bytes, void *to,
                             ropemap_error *error);

void rm_input_close(rm_input *input); /* closing twice is fine */

/* Checked before anything is allocated. */
enum {
    RM_SAFETENSORS_HEADER_MAX = 100000000, /* bytes */
    RM_TENSOR_RANK_MAX = 8,
    RM_NPY_HEADER_MAX = 65535,           /* bytes */
    RM_NPZ_DIRECTORY_MAX = 16 * 1048576, /* bytes */
    RM_CONFIG_MAX = 16 * 1048576,        /* bytes of a config.json */
    RM_CONFIG_DEPTH_MAX = 64,
    RM_CAPTURE_JSON_MAX =
        1048576, /* bytes of JSON about a capture's layers: its tree takes 45 times as many */
    RM_CAPTURE_LAYERS_MAX = 4096,
    RM_CAPTURE_HEADS_MAX = 65536,
    RM_GGUF_KEYS_MAX = 65536,
    RM_GGUF_STRING_MAX = 16 * 1048576,  /* bytes */
    RM_GGUF_ARRAY_MAX = 16 * 1048576,   /* elements */
    RM_GGUF_ALIGNMENT_MAX = 1048576,    /* bytes, a power of two */
    RM_GGUF_METADATA_MAX = 64 * 1048576 /* bytes read of a file, at most */
};

#endif
