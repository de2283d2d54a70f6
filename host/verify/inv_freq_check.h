/* inv_freq_check.h - a dumped buffer of inverse frequencies, compared with a rule */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_VERIFY_INV_FREQ_CHECK_H
#define ROPEMAP_HOST_VERIFY_INV_FREQ_CHECK_H

#include "host/base/status.h"
#include "host/rule/double_double.h"

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

double rm_unit_of_radians(rm_unit unit, double radians);

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

/* Whether the reading is the first of the rule's frequencies, which may be more. */
bool rm_comparing_is(rm_comparing *work, const ropemap_spec *spec);

/* Finds the shortest explanation of a reading that is not the rule's: fills `cause`, or returns false. */
bool rm_comparing_explain(rm_comparing *work);

/* Finds the length that a dynamic rule's base has grown for in the reading; false without one. */
bool rm_comparing_length(rm_comparing *work, ropemap_spec *spec);

#endif
