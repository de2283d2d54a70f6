/* trial.h - wrong rows of a rotation, and whether another rotation makes them */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_VERIFY_TRIAL_H
#define ROPEMAP_HOST_VERIFY_TRIAL_H

#include "host/verify/judge.h"

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

#endif
