/* verify.h - what the files of a check share: tables, trials and judgements of a rotation */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_VERIFY_VERIFY_H
#define ROPEMAP_HOST_VERIFY_VERIFY_H

#include "host/base/status.h"
#include "host/ropemap_verify.h"
#include "host/rule/double_double.h"
#include "host/rule/rule.h"

/* ---- table.c */

/* Of a frequency in turns a token, |turns| < 2^18, at a position below 2^40, in double by the C library: high
 * parts alone, to 2^-50 of themselves. */
rm_exact rm_near_rotation(rm_twofold turns, int64_t position);

/* ---- table_file.c: a table's numbers as elements, and the files that they go into */

/* What a file says of the numbers in it. */
typedef struct rm_table_shape {
    const char *name; /* of the tensor */
    char rule[320];   /* "base 500000, ..." in printable ASCII without quotes */
    bool rows;        /* two axes, else one */
    int64_t height, width;
    ropemap_element element;
    uint32_t bytes; /* of an element */
} rm_table_shape;

/*
 * A file with room for the numbers, zeroed: *data is where they go, little-endian, one row after another;
 * NULL of ROPEMAP_TABLE_C, whose text rm_table_text writes. ROPEMAP_RESOURCES.
 */
ropemap_status rm_table_file(const rm_table_shape *shape, ropemap_table_format format, ropemap_bytes *file,
                             uint8_t **data, ropemap_error *error);

/* The C header of those numbers. ROPEMAP_RESOURCES. */
ropemap_status rm_table_text(const rm_table_shape *shape, const uint8_t *data, ropemap_bytes *file,
                             ropemap_error *error);

/* ---- judge.c: a rotation under judgement, its rows in the order of their positions, and the search for a
 * cause */

/* A row, and where it is in memory. */
typedef struct rm_placed_row {
    int64_t position, row;
    bool wrong;
} rm_placed_row;

typedef struct rm_judging {
    const ropemap_rotated *rotated;
    rm_schedule schedule;
    double tolerance, most; /* the largest number of the outputs' type */
    rm_placed_row *rows;    /* [rotated->rows] by position, then by row */
    int64_t wrong_rows;
    ropemap_judgement *judgement;
} rm_judging;

/* The elements of a row that pair `pair` has: the first, and how far the second is from it. */
static inline int32_t rm_pair_first(ropemap_layout layout, int32_t pair) {
    return layout == ROPEMAP_LAYOUT_HALF ? pair : 2 * pair;
}

static inline int32_t rm_pair_apart(ropemap_layout layout, int32_t pairs) {
    return layout == ROPEMAP_LAYOUT_HALF ? pairs : 1;
}

/* Fills the judgement's verdict and cause from rows of which some are wrong. ROPEMAP_RESOURCES. */
ropemap_status rm_diagnose(rm_judging *judging, ropemap_error *error);

/* ---- trial.c: wrong rows of a rotation, and whether another rotation makes them */

enum { RM_WRONG_ROWS = 160, RM_RIGHT_ROWS = 40, RM_SAMPLE_ROWS = RM_WRONG_ROWS + RM_RIGHT_ROWS };

/* Wrong rows of all, evenly spread, the first and the last included; after them right ones. */
typedef struct rm_sample {
    const rm_judging *judging;
    int64_t count;           /* wrong rows */
    int64_t all;             /* with the right ones */
    float *inputs, *outputs; /* [all, head_dim] */
    int64_t positions[RM_SAMPLE_ROWS], rows[RM_SAMPLE_ROWS];
    bool *wrong;    /* [all, head_dim] elements that the rule does not make */
    float *made;    /* [all, head_dim] by the trial at hand */
    double *ratios; /* [count * head_dim] */
} rm_sample;

/* Free with rm_sample_free, also after a failure. ROPEMAP_RESOURCES. */
ropemap_status rm_sample_take(const rm_judging *judging, rm_sample *sample, ropemap_error *error);
void rm_sample_free(rm_sample *sample);

/* Which elements form pairs, and what their lengths are multiplied by. */
typedef struct rm_pairing {
    ropemap_layout layout;
    int32_t rotary_dim;
    double gain;
    double share; /* of pairs that keep their length times `gain`, and of elements beyond that stay */
} rm_pairing;

/* The pairing that the sample shows: `gain` and `share` of a layout and a rotary dim. */
rm_pairing rm_sample_pairing(const rm_sample *sample, ropemap_layout layout, int32_t rotary_dim);

/* A rotation that may have made the sample. */
typedef struct rm_trial {
    rm_pairing pairing;
    ropemap_spec spec;     /* the rule that makes the frequencies; its layout and attention do not count */
    ropemap_phase phase;   /* how they are made angles */
    const double *radians; /* [rotary_dim / 2] the same a token, */
    bool by_radians;       /* where no rule makes them: below 0 the other way; nearest doubles, exact phase */
    int64_t positions[RM_SAMPLE_ROWS]; /* of the rows; -1: left out */
    bool wrong_rows_alone;             /* right ones may be of other heads, with a kernel of their own */
    bool float_angles; /* angles may be off by float32's roundings: a pair that could be anywhere is left out
                        */
} rm_trial;

/* Whether it makes all but one in fifty of the elements that the rule does not make, and all but as many
 * others. */
bool rm_trial_explains(rm_sample *sample, const rm_trial *trial);

/*
 * The frequencies that all rows show, radians [rotary_dim / 2] a token from -pi to pi, from rows a distance
 * of 1, 2, 4, ... apart; returns the largest such distance, 0 where there are no rows 1 apart.
 */
int64_t rm_pairing_radians(const rm_judging *judging, const rm_pairing *pairing, double *radians);

/* ---- inv_freq_check.c: a dumped buffer of inverse frequencies, compared with a rule */

/* What stacks keep of a pair that advances by f radians a token. */
typedef enum rm_unit {
    RM_UNIT_RADIANS,    /* f, inv_freq */
    RM_UNIT_RECIPROCAL, /* 1 / f, MLX's freqs */
    RM_UNIT_WAVELENGTH, /* 2 pi / f, tokens a turn */
    RM_UNIT_TURNS,      /* f / 2 pi, turns a token */
    RM_UNIT_COUNT
} rm_unit;

/* The type that the numbers were rounded to, which may differ from the stored type. */
typedef enum rm_precision {
    RM_PRECISION_FP32,
    RM_PRECISION_BF16,
    RM_PRECISION_FP16,
    RM_PRECISION_COUNT
} rm_precision;

/* Numbers of a buffer, one a pair. */
typedef struct rm_reading {
    const float *stored; /* `apart` elements from each other, which is negative where they are reversed */
    int64_t apart;
    int32_t count;
    rm_unit unit;
    rm_precision precision;
} rm_reading;

/* Whether every one of `count` numbers is one of that precision. */
bool rm_precision_holds(rm_precision precision, const float *stored, int64_t count);

/* What number `pair` is in radians a token. */
double rm_reading_radians(const rm_reading *reading, int32_t pair);

/* Whether it is this frequency, to the rounding of the reading's precision. */
bool rm_reading_is(const rm_reading *reading, int32_t pair, double radians);

/* |found - wanted| / wanted in the unit of the buffer; 0 where both are 0 or infinite. */
double rm_reading_error(const rm_reading *reading, int32_t pair, double radians);

/* The explanation of a reading that is not the rule's. */
typedef struct rm_cause {
    char verdict[40], text[300], parameter[40];
    double found, wanted; /* of the parameter; NaN: none */
    int digits;           /* that the explanation needs for numbers; the shorter of two wins */
} rm_cause;

/* A reading and the rule that it should be. */
typedef struct rm_comparing {
    const ropemap_spec *spec;
    int32_t pairs; /* of the rule */
    rm_reading reading;
    double *trial;     /* [2 * ROPEMAP_MAX_PAIRS] frequencies of a rule under trial, radians a token */
    rm_twofold *exact; /* [2 * ROPEMAP_MAX_PAIRS] the same before they are rounded */
    double attention;  /* the attention factor of that rule */
    double *logs; /* [2 * ROPEMAP_MAX_PAIRS] logarithms of the reading's; NaN: too small or large for one */
    rm_cause cause;
} rm_comparing;

/* Fills `trial` and `attention` from a rule; false if the rule is invalid. Allocates nothing. */
bool rm_comparing_try(rm_comparing *work, const ropemap_spec *spec);

/* Finds the shortest explanation of a reading that is not the rule's: fills `cause`, or returns false. */
bool rm_comparing_explain(rm_comparing *work);

/* Finds the length that a dynamic rule's base has grown for in the reading; false without one. */
bool rm_comparing_length(rm_comparing *work, ropemap_spec *spec);

#endif
