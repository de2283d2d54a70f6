/* ropemap_verify.h - the exact rotation as tables, and rotations that other programs made held against it
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_VERIFY_H
#define ROPEMAP_VERIFY_H

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

/* ---- rotations of other programs -------------------------------------------------------------------------
 */

/* Rows before and after a rotation, as a program dumped them. */
typedef struct ropemap_dump_files {
    const char *archive; /* a .npz with arrays x (or q), y and, where they are not first, first + step, ...,
                            positions; NULL: the files below */
    const char *inputs, *outputs;          /* .npy, .npz or .safetensors */
    const char *input_name, *output_name;  /* of the tensor; NULL where the file holds one */
    const char *positions, *position_name; /* .npy or .npz of whole numbers; NULL: first, first + step, ... */
    ropemap_order order;                   /* of inputs and outputs, which have one shape */
    int64_t first, step;                   /* step 0: 1 */
} ropemap_dump_files;

/* Such rows in memory, one head after another or one position after another, as in the file. */
typedef struct ropemap_dump {
    float *inputs, *outputs; /* [rows, head_dim] */
    int64_t *positions;      /* [rows] */
    int64_t rows;
    int32_t head_dim;
    int64_t batches, heads, count; /* count positions; their product is `rows` */
    bool placed;                   /* the file has positions */
    const char *note;              /* what to know of how it was read, static; NULL: nothing */
} ropemap_dump;

/* To be freed with ropemap_dump_free, also after a failure. Positions are [S], [B, S] or one a row, each in
 * [0, 2^40). ROPEMAP_DATA, ROPEMAP_IO, ROPEMAP_USAGE, ROPEMAP_RESOURCES. */
ROPEMAP_API ropemap_status ropemap_dump_read(const ropemap_dump_files *files, ropemap_dump *dump,
                                             ropemap_error *error);
ROPEMAP_API void ropemap_dump_free(ropemap_dump *dump); /* leaves it zeroed */

/* The narrowest type that has all of the numbers: bf16, fp16, else fp32. */
ROPEMAP_API ropemap_element ropemap_element_of(const float *numbers, int64_t count);

/* A rotation to be judged. Everything is borrowed. */
typedef struct ropemap_rotated {
    const float *inputs, *outputs; /* [rows, spec.head_dim] */
    const int64_t *positions;      /* [rows], each in [0, 2^40) */
    int64_t rows;
    ropemap_spec spec;       /* what the rotation should be */
    ropemap_element element; /* that the outputs were rounded to: bf16, fp16 or fp32 */
    /*
     * An element is wrong where it is off by more than this share of the length of its pair, times the
     * attention factor; as an angle, in radians. 0: 6 roundings of the type, 3.6e-7 of fp32, 2.9e-3 of
     * fp16, 2.3e-2 of bf16: enough for tables, products and sums of that type (2^-25 + 3 * 2^-24 of |x0| +
     * |x1| in fp32), not for angles.
     */
    double tolerance;
} ropemap_rotated;

/* Errors at positions first to last: 0, 1, 2 to 3, 4 to 7, ... */
typedef struct ropemap_error_span {
    int64_t first, last, rows, elements, wrong;
    double worst; /* the largest error; infinite where an output is not finite */
} ropemap_error_span;

enum { ROPEMAP_ERROR_SPANS = 41 };

typedef struct ropemap_judgement {
    bool right;                    /* no element is wrong */
    int64_t rows, elements, wrong; /* `elements` that were judged: of finite inputs and outputs in range */
    int64_t skipped;               /* elements that were not */
    double tolerance, worst;       /* as above; the largest error */
    int64_t worst_position;        /* where that is */
    int64_t position, row;         /* of the first that is wrong: least position, then row; -1: none */
    int32_t index;                 /* of the element in its row */
    double found, wanted;          /* of that */
    int32_t span_count;
    ropemap_error_span spans[ROPEMAP_ERROR_SPANS]; /* [span_count] those with rows */
    /*
     * One word. Of what is right: "match". Of rows that are wrong: "zeros", "nan", "unrotated". Of the rule:
     * "layout", "direction", "rotary-dim", "partial-ignored", "exponent", "attention", "unscaled", "base",
     * "factor", or a word of ropemap_comparison. Of positions: "position". Of numbers: "fp32-angles",
     * "bf16-angles", "fp16-angles", "bf16-inv-freq", "bf16", "fp16". Else "no-rotation", "differs".
     */
    char verdict[40];
    char cause[400]; /* the likely cause in a phrase; "": none was found */
    char text[600];  /* all of it in a sentence */
} ropemap_judgement;

/* Holds a rotation against the exact one. ROPEMAP_USAGE: the rule, several axes, no rows, a position or a
 * tolerance out of range; ROPEMAP_RESOURCES. */
ROPEMAP_API ropemap_status ropemap_rotation_judge(const ropemap_rotated *rotated,
                                                  ropemap_judgement *judgement, ropemap_error *error);

#ifdef __cplusplus
}
#endif

#endif
