/* pairs.h - what was measured of every pair of real heads, and its pictures */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_TOOLS_ROPEMAP_PAIRS_H
#define ROPEMAP_TOOLS_ROPEMAP_PAIRS_H

#include "tools/ropemap/attention/head_inputs.h"
#include "tools/ropemap/run.h"

typedef enum pairs_picture {
    PAIRS_NORM,
    PAIRS_RESULTANT,
    PAIRS_ANGLE,
    PAIRS_SHARE,
    PAIRS_MAGNITUDE,
    PAIRS_CURVE,
    PAIRS_PICTURES
} pairs_picture;

typedef struct pairs_options {
    head_options heads;
    pairs_picture picture;
    bool causal;
} pairs_options;

/* Every head of every layer. Start with the options and all else zeroed. */
typedef struct pairs_result {
    const pairs_options *options;
    head_shape shape;
    int32_t pairs;      /* of a head */
    ropemap_pair *all;  /* [layers, heads, pairs], owned, as what follows */
    int64_t distances;  /* of the curves; 0: none */
    double *distance;   /* [distances] 0, 1, ... */
    double *curves;     /* [layers, heads, 2, distances] measured and predicted */
    double *correlated; /* [layers, heads] correlation of the two */
    int64_t cells;      /* of the magnitudes; 0: none */
    float *magnitudes;  /* [ROPEMAP_MAGNITUDES, head_dim, cells] */
} pairs_result;

/* Measures them; functions of a cli_result. Warns of heads that hold a NaN or an infinity. */
ropemap_status pairs_make(void *options, cli_call *call, void *made, ropemap_error *error);
void pairs_free(void *made);

const ropemap_pair *pairs_of(const pairs_result *result, int layer, int32_t head); /* [pairs] */

/* As asked for, or as a capture states. */
bool pairs_causal(const pairs_result *result);

/* ROPEMAP_USAGE where the picture cannot have so many heads or layers. */
ropemap_status pairs_picture_check(pairs_picture picture, int layers, int32_t heads, ropemap_error *error);

/* The picture as a file of that kind, to be freed with ropemap_bytes_free. */
ropemap_status pairs_picture_encode(const pairs_result *result, output_kind kind, ropemap_bytes *bytes,
                                    ropemap_error *error);

#endif
