/* judge.h - a rotation under judgement, its rows in the order of their positions, and the search for a cause
 */
/* SPDX-License-Identifier: MIT */
#ifndef ROPEMAP_HOST_VERIFY_JUDGE_H
#define ROPEMAP_HOST_VERIFY_JUDGE_H

#include "host/base/status.h"
#include "host/ropemap_verify.h"
#include "host/rule/rule.h"

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

#endif
