/* input_limits.h - limits of inputs, checked before anything is allocated */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_BASE_INPUT_LIMITS_H
#define ROPEMAP_HOST_BASE_INPUT_LIMITS_H

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
