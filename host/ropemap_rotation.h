/* ropemap_rotation.h - the exact rotation as tables, and rotations that other programs made held against it
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_ROTATION_H
#define ROPEMAP_ROTATION_H

#include "ropemap.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tables ----------------------------------------------------------------------------------------------
 */

typedef enum ropemap_table_kind {
    ROPEMAP_TABLE_INV_FREQ,  /* inv_freq [pairs]: radians a token */
    ROPEMAP_TABLE_COS_SIN,   /* cos_sin_cache [positions, 2 * pairs], as vLLM: all cosines, then all sines,
                                times   the attention factor */
    ROPEMAP_TABLE_ROPE_FREQS /* rope_freqs.weight [pairs], as llama.cpp: what base^(-2i/D) is divided by, 1e30
                                of a pair that does not rotate; of longrope rope_factors_long or _short.weight
                              */
} ropemap_table_kind;

typedef enum ropemap_table_format {
    ROPEMAP_TABLE_NPY, /* bfloat16 as elements of two bytes without a name, as ml_dtypes saves it */
    ROPEMAP_TABLE_SAFETENSORS,
    ROPEMAP_TABLE_C, /* a header with one array; 16 bits as uint16_t */
    ROPEMAP_TABLE_GGUF
} ropemap_table_format;

/* Names as on the command line and endings of files; NULL past the last. */
ROPEMAP_API const char *ropemap_table_kind_name(ropemap_table_kind kind);
ROPEMAP_API const char *ropemap_table_format_ending(ropemap_table_format format); /* "npy", "h" */
ROPEMAP_API const char *ropemap_element_name(ropemap_element element);            /* "fp32" */

typedef struct ropemap_table {
    ropemap_spec spec;
    ropemap_table_kind kind;
    ropemap_range positions; /* of cos-sin */
    ropemap_element element;
    ropemap_table_format format;
} ropemap_table;

/*
 * The table as a file, to be freed with ropemap_bytes_free. Every number is computed to 2^-62 at positions
 * below 2^40, to 2^-78 below 2^24, and rounded once, to the nearest: fp64 is off by half a unit in the last
 * place and that error, the other types by half a unit. Rules that are made in double (ropemap_freqs_make)
 * have frequencies off by 2^-53 of themselves. ROPEMAP_USAGE: a rule with several axes, a table of
 * frequencies, which has no base to divide; ROPEMAP_RESOURCES.
 */
ROPEMAP_API ropemap_status ropemap_table_make(const ropemap_table *table, ropemap_bytes *bytes,
                                              ropemap_error *error);

#ifdef __cplusplus
}
#endif

#endif
